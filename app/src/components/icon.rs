//! The line icons: one path each on a 16 px grid, drawn in the colour of the text beside them.
//!
//! Icons say nothing to a screen reader; the word beside them does.

use leptos::prelude::*;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    /// Board.
    Board,
    /// Approvals.
    Inbox,
    /// Services.
    Cube,
    /// Releases.
    Releases,
    /// Calendar.
    Calendar,
    /// Insights.
    Bars,
    /// Incidents, and a warning.
    Triangle,
    /// Audit.
    Lines,
    /// Settings.
    Gear,
    /// State: done.
    Tick,
    /// State: failed; also 'close'.
    Cross,
    /// State: waiting.
    Clock,
    /// State: moving.
    Arc,
    /// State: nothing.
    Dash,
    /// Search.
    Search,
    /// Copy.
    Copy,
    /// Opens downwards.
    ChevronDown,
    /// Opens to the right.
    ChevronRight,
    /// One back.
    ChevronLeft,
    /// From one to another; promote.
    ArrowRight,
    /// Rising.
    ArrowUp,
    /// Falling.
    ArrowDown,
    /// More acts.
    More,
    /// More places.
    Menu,
    /// Leaves Slipway.
    External,
    /// Pause.
    Pause,
    /// Go on, start.
    Play,
    /// Stop.
    Stop,
    /// Take back, roll back.
    Undo,
    /// Again, reload.
    Redo,
    /// Tokens, sign-in.
    Key,
    /// One person.
    Person,
    /// Groups.
    People,
    /// Clusters.
    Cluster,
    /// Holds.
    Lock,
    /// Policies.
    Shield,
    /// Links.
    Link,
    /// Filters.
    Filter,
    /// Add.
    Plus,
    /// Take away.
    Minus,
    /// Information.
    Info,
    /// Download, export.
    Download,
    /// Edit.
    Pencil,
    /// Remove.
    Trash,
    /// Look at.
    Eye,
    /// Notifications.
    Bell,
    /// Freezes.
    Freeze,
    /// Hotfix, rule.
    Bolt,
    /// Time zone.
    Globe,
    /// Comments, Slack.
    Message,
    /// Commits.
    Commit,
    /// Runbooks, documentation.
    Book,
    /// Checklists.
    Checklist,
    /// Compare.
    Compare,
    /// Light theme.
    Sun,
    /// Dark theme.
    Moon,
    /// Sign out.
    Leave,
    /// Backup, database.
    Database,
    /// Webhooks.
    Hook,
    /// Migrations, environments: layers.
    Layers,
}

impl Glyph {
    /// The path, on a grid of 16 by 16.
    fn path(self) -> &'static str {
        match self {
            Self::Board => {
                "M3.5 2.75h9c.97 0 1.75.78 1.75 1.75v7c0 .97-.78 1.75-1.75 1.75h-9c-.97 0-1.75-.78-1.75-1.75v-7c0-.97.78-1.75 1.75-1.75ZM1.75 6.25h12.5M6.25 6.25v7"
            }
            Self::Inbox => {
                "M1.75 9.25 3.6 3.9a1.5 1.5 0 0 1 1.4-1h6a1.5 1.5 0 0 1 1.4 1l1.85 5.35v2.5a1.5 1.5 0 0 1-1.5 1.5h-9.5a1.5 1.5 0 0 1-1.5-1.5v-2.5h3.5l1 1.75h3.5l1-1.75h3.5"
            }
            Self::Cube => "M8 1.75 13.75 4.9v6.2L8 14.25 2.25 11.1V4.9L8 1.75ZM2.4 5 8 8.1 13.6 5M8 8.1v6",
            Self::Releases => "M8 1.75v12.5M3.5 5.25h9M2.25 10.25h11.5",
            Self::Calendar => {
                "M3.5 3.25h9a1.5 1.5 0 0 1 1.5 1.5v7.5a1.5 1.5 0 0 1-1.5 1.5h-9a1.5 1.5 0 0 1-1.5-1.5v-7.5a1.5 1.5 0 0 1 1.5-1.5ZM2 6.75h12M5.25 1.75v3M10.75 1.75v3"
            }
            Self::Bars => "M2.25 13.5V9.75M6.1 13.5V6M9.9 13.5V8M13.75 13.5V2.75",
            Self::Triangle => "M8 2.25 14.4 13.4H1.6L8 2.25ZM8 6.5v3.25M8 11.6v.05",
            Self::Lines => "M2.25 3.25h11.5M2.25 6.4h11.5M2.25 9.6h11.5M2.25 12.75h6.5",
            Self::Gear => {
                "M8 6.1a1.9 1.9 0 1 0 0 3.8 1.9 1.9 0 0 0 0-3.8ZM8 3.6a4.4 4.4 0 1 0 0 8.8 4.4 4.4 0 0 0 0-8.8ZM8 3.6V1.75M8 14.25V12.4M3.6 8H1.75M14.25 8H12.4M4.9 4.9 3.6 3.6M12.4 12.4l-1.3-1.3M11.1 4.9l1.3-1.3M3.6 12.4l1.3-1.3"
            }
            Self::Tick => "M2.75 8.75 6.25 12.25l7-8.25",
            Self::Cross => "M3.75 3.75l8.5 8.5M12.25 3.75l-8.5 8.5",
            Self::Clock => "M8 1.75a6.25 6.25 0 1 0 0 12.5 6.25 6.25 0 0 0 0-12.5ZM8 4.75V8.25l2.25 1.5",
            Self::Arc => "M5.2 2.5a6.15 6.15 0 1 0 5.6 0",
            Self::Dash => "M3 8h10",
            Self::Search => "M7 2.25a4.75 4.75 0 1 0 0 9.5 4.75 4.75 0 0 0 0-9.5ZM10.5 10.5l3.5 3.5",
            Self::Copy => {
                "M6.5 5.25h5.25a1.5 1.5 0 0 1 1.5 1.5V12a1.5 1.5 0 0 1-1.5 1.5H6.5A1.5 1.5 0 0 1 5 12V6.75a1.5 1.5 0 0 1 1.5-1.5ZM10.75 5.25V4a1.5 1.5 0 0 0-1.5-1.5h-5a1.5 1.5 0 0 0-1.5 1.5v5a1.5 1.5 0 0 0 1.5 1.5H5"
            }
            Self::ChevronDown => "M3.75 6 8 10.25 12.25 6",
            Self::ChevronRight => "M6 3.75 10.25 8 6 12.25",
            Self::ChevronLeft => "M10 3.75 5.75 8 10 12.25",
            Self::ArrowRight => "M2.75 8h10.5M9 3.75 13.25 8 9 12.25",
            Self::ArrowUp => "M8 13.25V2.75M3.75 7 8 2.75 12.25 7",
            Self::ArrowDown => "M8 2.75v10.5M3.75 9 8 13.25 12.25 9",
            Self::More => {
                "M3.1 8a.25.25 0 1 0 .5 0 .25.25 0 1 0-.5 0ZM7.75 8a.25.25 0 1 0 .5 0 .25.25 0 1 0-.5 0ZM12.4 8a.25.25 0 1 0 .5 0 .25.25 0 1 0-.5 0Z"
            }
            Self::Menu => "M2.25 4.25h11.5M2.25 8h11.5M2.25 11.75h11.5",
            Self::External => {
                "M9.25 2.75h4v4M13.25 2.75 7.5 8.5M11.5 9.5v2.75a1 1 0 0 1-1 1H3.75a1 1 0 0 1-1-1V5.5a1 1 0 0 1 1-1H6.5"
            }
            Self::Pause => "M5.5 3.25v9.5M10.5 3.25v9.5",
            Self::Play => "M4.75 3 12.5 8l-7.75 5V3Z",
            Self::Stop => "M4 4h8v8H4V4Z",
            Self::Undo => "M5.75 2.75 2.5 6l3.25 3.25M2.5 6h6.9a3.6 3.6 0 0 1 0 7.2H6",
            Self::Redo => "M13.25 2.5v3.25H10M13 5.6A5.5 5.5 0 1 0 13.5 8.5",
            Self::Key => "M10.25 2.25a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7ZM7.75 8.25 2.5 13.5M4.25 11.75l1.5 1.5",
            Self::Person => "M8 2.25a2.75 2.75 0 1 0 0 5.5 2.75 2.75 0 0 0 0-5.5ZM2.75 13.75a5.25 4.5 0 0 1 10.5 0",
            Self::People => {
                "M6 2.75a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5ZM1.5 13.25a4.5 4 0 0 1 9 0M10.5 3a2.4 2.4 0 0 1 0 4.6M12 9.6a4.25 4.25 0 0 1 2.5 3.65"
            }
            Self::Cluster => {
                "M8 1.75 13.5 4.9v6.2L8 14.25 2.5 11.1V4.9L8 1.75ZM8 6.1a1.9 1.9 0 1 0 0 3.8 1.9 1.9 0 0 0 0-3.8Z"
            }
            Self::Lock => {
                "M4.25 7.25h7.5a1 1 0 0 1 1 1v4.5a1 1 0 0 1-1 1h-7.5a1 1 0 0 1-1-1v-4.5a1 1 0 0 1 1-1ZM5.25 7V5a2.75 2.75 0 0 1 5.5 0v2"
            }
            Self::Shield => {
                "M8 1.75 13.25 3.5v4.25c0 3-2.1 5.35-5.25 6.5-3.15-1.15-5.25-3.5-5.25-6.5V3.5L8 1.75ZM5.6 7.9l1.7 1.7 3.1-3.5"
            }
            Self::Link => {
                "M6.75 9.25a2.6 2.6 0 0 0 3.7.1l2.2-2.2a2.65 2.65 0 0 0-3.75-3.75l-.9.9M9.25 6.75a2.6 2.6 0 0 0-3.7-.1l-2.2 2.2a2.65 2.65 0 0 0 3.75 3.75l.9-.9"
            }
            Self::Filter => "M2.25 4.25h11.5M4.5 8h7M6.75 11.75h2.5",
            Self::Plus => "M8 3v10M3 8h10",
            Self::Minus => "M3.5 8h9",
            Self::Info => "M8 1.75a6.25 6.25 0 1 0 0 12.5 6.25 6.25 0 0 0 0-12.5ZM8 7.4v3.6M8 5.1v.05",
            Self::Download => "M8 2.25v8M4.75 7.25 8 10.5l3.25-3.25M2.75 13.5h10.5",
            Self::Pencil => "M11 2.75 13.25 5l-7.5 7.5-3 .75.75-3L11 2.75ZM9.5 4.25l2.25 2.25",
            Self::Trash => {
                "M2.75 4.25h10.5M6.25 4.25v-1.5h3.5v1.5M4.25 4.25l.6 8.1a1 1 0 0 0 1 .9h4.3a1 1 0 0 0 1-.9l.6-8.1M6.75 7v3.75M9.25 7v3.75"
            }
            Self::Eye => {
                "M1.5 8S3.75 3.5 8 3.5 14.5 8 14.5 8 12.25 12.5 8 12.5 1.5 8 1.5 8ZM8 6.1a1.9 1.9 0 1 0 0 3.8 1.9 1.9 0 0 0 0-3.8Z"
            }
            Self::Bell => {
                "M4 6.75a4 4 0 0 1 8 0c0 3.5 1.25 4.5 1.25 4.5H2.75S4 10.25 4 6.75ZM6.6 13.6a1.6 1.6 0 0 0 2.8 0"
            }
            Self::Freeze => {
                "M8 1.75v12.5M2.6 4.9l10.8 6.2M13.4 4.9 2.6 11.1M6.25 2.6 8 4.35 9.75 2.6M6.25 13.4 8 11.65l1.75 1.75"
            }
            Self::Bolt => "M8.75 1.75 3.5 9.25h4l-.75 5 5.75-7.75h-4l.25-4.75Z",
            Self::Globe => {
                "M8 1.75a6.25 6.25 0 1 0 0 12.5 6.25 6.25 0 0 0 0-12.5ZM1.9 8h12.2M8 1.9c1.7 1.75 2.5 3.8 2.5 6.1s-.8 4.35-2.5 6.1C6.3 12.35 5.5 10.3 5.5 8S6.3 3.65 8 1.9Z"
            }
            Self::Message => {
                "M3.5 2.75h9a1.5 1.5 0 0 1 1.5 1.5v5.5a1.5 1.5 0 0 1-1.5 1.5H8l-3.25 2.5v-2.5H3.5a1.5 1.5 0 0 1-1.5-1.5v-5.5a1.5 1.5 0 0 1 1.5-1.5Z"
            }
            Self::Commit => "M8 5.25a2.75 2.75 0 1 0 0 5.5 2.75 2.75 0 0 0 0-5.5ZM1.5 8h3.75M10.75 8h3.75",
            Self::Book => {
                "M8 4.25C6.75 3 5 2.75 2 2.75v9.5c3 0 4.75.25 6 1.5 1.25-1.25 3-1.5 6-1.5v-9.5c-3 0-4.75.25-6 1.5ZM8 4.25v9.5"
            }
            Self::Checklist => "M7.5 4.25h6.25M7.5 11.25h6.25M2.25 4.25 3.5 5.5l2-2.5M2.25 11.25l1.25 1.25 2-2.5",
            Self::Compare => {
                "M4.5 3.25v6.5M4.5 9.75a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2ZM11.5 12.75v-6.5M11.5 6.25a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2Z"
            }
            Self::Sun => {
                "M8 5.25a2.75 2.75 0 1 0 0 5.5 2.75 2.75 0 0 0 0-5.5ZM8 1.75v1M8 13.25v1M1.75 8h1M13.25 8h1M3.6 3.6l.7.7M11.7 11.7l.7.7M12.4 3.6l-.7.7M4.3 11.7l-.7.7"
            }
            Self::Moon => "M13.5 9.5A5.75 5.75 0 0 1 6.5 2.5a5.75 5.75 0 1 0 7 7Z",
            Self::Leave => "M6.25 2.75h-2.5a1 1 0 0 0-1 1v8.5a1 1 0 0 0 1 1h2.5M6.75 8h7M10.75 5l3 3-3 3",
            Self::Database => {
                "M13.25 4c0 1.1-2.35 2-5.25 2s-5.25-.9-5.25-2S5.1 2 8 2s5.25.9 5.25 2ZM2.75 4v8c0 1.1 2.35 2 5.25 2s5.25-.9 5.25-2V4M2.75 8c0 1.1 2.35 2 5.25 2s5.25-.9 5.25-2"
            }
            Self::Hook => {
                "M5.5 8.5a2.75 2.75 0 1 1 1.9-3.9M7 5l2 4M9 9a2.75 2.75 0 1 1-.6 3.4M10.6 12.1H6M6 12.1a2.75 2.75 0 0 1-2.75.65"
            }
            Self::Layers => "M8 2 14 5.1 8 8.2 2 5.1 8 2ZM2.4 8.1 8 11l5.6-2.9M2.4 11.1 8 14l5.6-2.9",
        }
    }
}

/// How large an icon is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IconSize {
    /// 12 px, for states beside text.
    Small,
    /// 16 px.
    #[default]
    Regular,
    /// 24 px, for empty screens.
    Large,
}

impl IconSize {
    fn class(self) -> &'static str {
        match self {
            Self::Small => "icon icon-small",
            Self::Regular => "icon",
            Self::Large => "icon icon-large",
        }
    }

    fn pixels(self) -> &'static str {
        match self {
            Self::Small => "12",
            Self::Regular => "16",
            Self::Large => "24",
        }
    }
}

/// One icon. It is hidden from screen readers: say in words beside it what it means.
#[component]
pub fn Icon(
    /// What is drawn.
    glyph: Glyph,
    /// How large.
    #[prop(optional)]
    size: IconSize,
) -> impl IntoView {
    view! {
        <svg
            class=size.class()
            viewBox="0 0 16 16"
            width=size.pixels()
            height=size.pixels()
            aria-hidden="true"
            focusable="false"
        >
            <path d=glyph.path() />
        </svg>
    }
}
