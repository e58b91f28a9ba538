//! Outside deployers: setting one for a target, its secret, trying it, and what it reports.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{actor::Actor, state::Mark};
use serde::{Deserialize, Serialize};

use crate::Answer;

/// An outside deployer as it is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeployerInput {
    /// Where it is told to start.
    pub start: String,
    /// Where it is told to take back; empty when it cannot be.
    pub abort: String,
    /// Within how many minutes it says that it is done; 30 when empty.
    pub deadline: String,
    /// How often it is heard of meanwhile, in seconds; never when empty.
    pub life: String,
    /// Whether the workloads that the target has in a cluster are to leave Slipway's hands.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub leaves: bool,
}

/// The outside deployer of a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployerView {
    /// The host that is told.
    pub host: String,
    /// Its settings, as they are typed; empty for who may not set them, for addresses may carry secrets.
    pub settings: DeployerInput,
    /// When the secret was made.
    pub secret_made_at: Option<DateTime<Utc>>,
    /// Until when the secret before signs too.
    pub former_until: Option<DateTime<Utc>>,
    /// Whether it is the stand-in of the demo.
    pub is_practice: bool,
}

/// What came of a ping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingView {
    /// Whether the receiver took it.
    pub is_taken: bool,
    /// What it answered, and what to do.
    pub words: String,
}

/// What a deployer reports about a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportInput {
    /// The report's identity, of your choice, at most 100 characters: sending the same again changes nothing.
    pub id: String,
    /// The id of the webhook that it is about: the header `webhook-id`, or `id` in its body.
    pub delivery: String,
    /// `running`, `succeeded` or `failed`.
    pub state: String,
    /// How much of it is done, 0 to 100; never less than before.
    #[serde(default)]
    pub percent: Option<u8>,
    /// One line for people, at most 500 characters.
    #[serde(default)]
    pub message: Option<String>,
    /// Where more can be read: an https or http address.
    #[serde(default)]
    pub link: Option<String>,
    /// When it was so, by your clock: what is older than the last report is refused.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
}

/// What a report did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReportTaken {
    /// Whether it is new; a report that was taken before changes nothing.
    pub is_new: bool,
    /// The promotion's phase: `progressing`, `taking_back`, `watching`, `succeeded`, …
    pub phase: String,
    /// The promotion's state in words.
    pub words: String,
}

/// The work of an outside deployer on a promotion's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideView {
    /// The host that is told.
    pub host: String,
    /// Whether it is the stand-in of the demo.
    pub is_practice: bool,
    /// How much is done, in percent, as far as it said.
    pub percent: Option<u8>,
    /// What it said last, or what is waited for.
    pub words: String,
    /// Where more can be read.
    pub link: Option<String>,
    /// When it was last heard of.
    pub heard_at: Option<DateTime<Utc>>,
    /// Until when it is waited for; `None` when it is not.
    pub deadline: Option<DateTime<Utc>>,
    /// What happens then.
    pub at_deadline: String,
    /// The webhooks, oldest first.
    pub deliveries: Vec<DeliveryView>,
}

/// A webhook on a promotion's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryView {
    /// Its identity, as the receiver knows it.
    pub id: String,
    /// `start` or `abort`.
    pub call: String,
    /// Icon and colour.
    pub mark: Mark,
    /// What became of it.
    pub words: String,
    /// The last tries, latest first.
    pub tries: Vec<TryView>,
}

/// One try of sending a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TryView {
    /// When it began.
    pub at: DateTime<Utc>,
    /// What came of it.
    pub words: String,
}

/// Use cases of outside deployers.
#[async_trait]
pub trait DeployersBackend: Send + Sync {
    /// Has a target deployed by a program outside. A target that is not there yet is made; one in clusters
    /// leaves them, its workloads stay as they are and are not Slipway's any more. Answers the secret when
    /// one was made, which is shown this once.
    ///
    /// # Errors
    /// Invalid with the field that cannot be.
    async fn set_deployer(
        &self,
        actor: &Actor,
        service: &str,
        environment: &str,
        input: DeployerInput,
    ) -> Answer<Option<String>>;

    /// Makes a new secret, which is shown this once. The one before signs too for a day.
    ///
    /// # Errors
    /// Conflict when the target has no outside deployer.
    async fn new_deployer_secret(&self, actor: &Actor, service: &str, environment: &str) -> Answer<String>;

    /// Sends a ping to the deployer of a target.
    ///
    /// # Errors
    /// Conflict when the target has no outside deployer.
    async fn ping_deployer(&self, actor: &Actor, service: &str, environment: &str) -> Answer<PingView>;

    /// Takes in what a deployer reports about a promotion.
    ///
    /// # Errors
    /// Conflict when it comes too late, out of order or for something else: nothing was changed.
    async fn report(&self, actor: &Actor, number: i64, input: ReportInput) -> Answer<ReportTaken>;
}
