//! The traffic of a promotion's page: shares, the present step, what comes next.

use domain::promotion::AsSeen;
use serde::{Deserialize, Serialize};

use super::StepView;

/// The traffic of a promotion that tries a candidate, or of which the tool in charge says the shares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficView {
    /// How, and what moves it: `canary by HTTPRoute cart`, `by Argo Rollouts (Rollout cart)`.
    pub by: String,
    /// The share that the candidate should have, in percent.
    pub wanted: u8,
    /// The share that it has, in percent, as far as it was seen.
    pub seen: Option<u8>,
    /// What the layer says: `25 %, accepted`; one line for each cluster.
    pub lines: Vec<String>,
    /// What else decides how many pods there are: autoscalers and disruption budgets, and what the
    /// traffic waits for on its way home; one line for each.
    #[serde(default)]
    pub capacity: Vec<String>,
    /// The version that serves beside it.
    pub stable: Option<String>,
    /// Whether it is over: then this is how it was at its end.
    #[serde(default)]
    pub is_past: bool,
    /// Whether every layer does what is wanted.
    #[serde(default)]
    pub is_settled: bool,
    /// The index of the step under way, from 0; `None` when none is.
    pub step: Option<usize>,
    /// That step, and the one after it, in a few words.
    #[serde(default)]
    pub present: String,
    /// See [`Self::present`].
    #[serde(default)]
    pub then: String,
    /// The share that a person has set in place of the step's, in percent; it stays until someone lets it go on.
    #[serde(default)]
    pub by_hand_now: Option<u8>,
    /// When it is taken back by itself: `when pods crash`.
    #[serde(default)]
    pub takes_back: String,
    /// The highest share that can be set by hand now, in percent.
    pub most: u8,
    /// Why it does not go on by itself, when somebody or a rule holds it.
    pub hold: Option<String>,
    /// What whoever acts on it has seen, while it is under way.
    pub as_seen: Option<AsSeen>,
    /// The commands that put the traffic back without Slipway, while there is something to put back.
    #[serde(default)]
    pub by_hand: Option<String>,
    /// The steps of the tool in charge, where one is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mirrored: Vec<StepView>,
}
