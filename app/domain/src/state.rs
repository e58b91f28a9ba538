//! How a state is shown: always an icon, a word and a colour together.

use serde::{Deserialize, Serialize};

/// The five kinds of state on every screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It is over and good (tick, green).
    Done,
    /// It is under way (arc, blue).
    Moving,
    /// It waits for a person or a time (clock, amber).
    Waiting,
    /// It is over and bad (cross, red).
    Failed,
    /// There is nothing to say (dash, grey).
    Nothing,
}

impl Mark {
    /// The word for machines and class names: `done`, `moving`, …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Moving => "moving",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Nothing => "nothing",
        }
    }
}
