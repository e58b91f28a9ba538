//! What the frame around every page shows.

use async_trait::async_trait;
use domain::{
    actor::{Act, Actor, Role},
    ids::PersonId,
    state::Mark,
};
use serde::{Deserialize, Serialize};

use crate::Answer;

/// Who is signed in and what needs them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The person.
    pub me: Me,
    /// Approvals that wait for this person.
    pub waiting_for_me: u64,
    /// Lines above the page: a cluster that is down, the practice mark.
    pub banners: Vec<Banner>,
    /// Slipway's version.
    pub version: String,
}

/// The person who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// Identity.
    pub id: PersonId,
    /// Name as shown.
    pub name: String,
    /// Role.
    pub role: Role,
    /// All that the role includes.
    pub may: Vec<Act>,
}

impl Me {
    /// Whether the role includes `act`.
    #[must_use]
    pub fn may(&self, act: Act) -> bool {
        self.may.contains(&act)
    }
}

/// One line above the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Banner {
    /// How it is shown.
    pub mark: Mark,
    /// What it means.
    pub text: String,
    /// Where to go, and the link's text.
    pub link: Option<(String, String)>,
}

/// Use cases of the frame.
#[async_trait]
pub trait FrameBackend: Send + Sync {
    /// What the frame shows to this actor.
    async fn frame(&self, actor: &Actor) -> Answer<Frame>;
}
