//! What pages are made of.
//!
//! A component receives values and callbacks and fetches nothing. Its variants are enums, its class names come from the
//! style sheet of its name, and it never writes a style attribute (the content security policy blocks them), a handler
//! in markup or an id of its own making: an id that is needed is an argument.
//!
//! State is always icon, word and colour. What only works with scripting carries the class `needs-script`.

pub mod approval;
pub mod avatar;
pub mod bar;
pub mod board;
pub mod button;
pub mod card;
pub mod chart;
pub mod chip;
mod choice;
pub mod code;
pub mod compare;
pub mod copy;
pub mod definitions;
pub mod dialog;
pub mod disclosure;
pub mod empty;
pub mod form;
pub mod frame;
pub mod icon;
pub mod journal;
pub mod list;
pub mod notice;
pub mod pager;
pub mod pods;
pub mod sentence;
pub mod skeleton;
pub mod state;
pub mod steps;
pub mod tabs;
pub mod tile;
pub mod time;
pub mod timeline;
pub mod traffic;
pub mod version;
pub mod words;

#[cfg(all(test, feature = "ssr"))]
mod gallery;
#[cfg(all(test, feature = "ssr"))]
mod rendered;
#[cfg(test)]
mod tokens;

pub use approval::{ActionBar, ApprovalHead};
pub use avatar::{Avatar, AvatarKind, AvatarSize};
pub use bar::ProgressBar;
pub use board::{Ahead, Board, BoardCell, BoardColumn, BoardGroup, BoardRow, BoardSpacer};
pub use button::{Button, ButtonLink, Does, Kind, Size};
pub use card::Card;
pub use chart::{
    Band, Bar, BarChart, Dot, DotPlot, DotShape, HeatCell, HeatRow, HeatStrip, Limit, Line, LineChart, Sparkline,
};
pub use chip::{Chip, FilterBreak, FilterChip, FilterCount, Filters};
#[cfg(feature = "hydrate")]
pub(crate) use choice::forget_choices;
pub use choice::{CheckBox, Choice, RadioChoices, Select};
pub use code::Code;
pub use compare::{Change, DiffRow};
pub use copy::CopyButton;
pub use definitions::{Definition, DefinitionList};
pub use dialog::{KeyGroup, KeyHelp};
pub use disclosure::{Menu, MenuItem, MenuNote, More, ReasonDialog};
pub use empty::EmptyState;
pub use form::{Field, InputKind, TextArea, TextField};
pub use frame::{Banner, BottomItem, BrandMark, Crumb, Crumbs, LiveMark, Liveness, NavItem, PageHead};
pub use icon::{Glyph, Icon, IconSize};
pub use journal::{Journal, JournalRow};
pub use list::{CheckRow, Checks, CommitRow, Commits};
pub use notice::{Notice, Outcome, Problem, Said};
pub use pager::Pager;
pub use pods::{PodGroup, PodState, Pods};
pub use sentence::Sentence;
pub use skeleton::Skeleton;
pub use state::{State, StateIcon, StateInline, StatePill};
pub use steps::{Step, Steps};
pub use tabs::{Tab, Tabs};
pub use tile::{Tile, TileChange};
pub use time::{PageClock, Show, Time, provide_page_clock};
pub use timeline::{Timeline, TimelineItem};
pub use traffic::{TrafficBar, TrafficPart};
pub use version::{FromTo, Hash, VersionLabel};

/// Which of the lines, bars or pods a mark belongs to. Stable is the first and canary the second, everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Series {
    /// The version that is being replaced, or the only one.
    #[default]
    Stable,
    /// The version that is coming in.
    Canary,
    /// Anything beside the two.
    Third,
}

impl Series {
    /// The class that carries this series' colour.
    pub fn class(self) -> &'static str {
        match self {
            Self::Stable => "series-1",
            Self::Canary => "series-2",
            Self::Third => "series-3",
        }
    }
}

/// Joins class names, leaving out the empty ones.
pub(crate) fn classes(names: &[&str]) -> String {
    let mut joined = String::new();
    for name in names.iter().filter(|name| !name.is_empty()) {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(name);
    }
    joined
}
