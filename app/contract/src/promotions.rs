//! Promotions: asking for one, following it, stopping it, rolling back.

mod traffic;
mod workloads;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    actor::Actor,
    deployment::Cause,
    promotion::{AsSeen, Headline, PromotionAct},
    state::Mark,
};
use serde::{Deserialize, Serialize};

use crate::{
    Answer, Page, PageRequest, analysis::AnalysisView, board::EnvironmentHead, compare::Comparison,
    deployers::OutsideView, git::CommitsView, versions::VersionLine,
};

pub use traffic::TrafficView;
pub use workloads::{FailingPod, PodView, WorkloadView};

/// One demand of the environment, and whether it is met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// Met, waiting, not met, or just to know.
    pub mark: Mark,
    /// In a few words: `Healthy in staging for 3 days`.
    pub title: String,
    /// The rest; may be empty.
    pub detail: String,
}

/// The page on which a promotion is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromoteView {
    /// The service.
    pub service: String,
    /// The environment.
    pub environment: EnvironmentHead,
    /// Other environments of this service.
    pub environments: Vec<EnvironmentHead>,
    /// The version chosen: the one asked for, or what runs one environment before.
    pub version: Option<String>,
    /// Versions to choose from, newest first, at most 50.
    pub versions: Vec<VersionLine>,
    /// What would change.
    pub comparison: Option<Comparison>,
    /// What the environment asks for.
    pub demands: Vec<Demand>,
    /// Strategy and steps in words; empty where no version is chosen, or it cannot be promoted.
    pub strategy: String,
    /// A promotion that holds the target or waits for it.
    pub others: Vec<PromotionLine>,
    /// Whether the reader may have all of them superseded.
    pub can_supersede: bool,
    /// What the button says: `Ask to promote cart 2.30.4 to production`.
    pub button: String,
    /// Why nothing can be asked for, when nothing can.
    pub refusal: Option<String>,
    /// What is out of the ordinary and does not keep it from being asked for, in sentences.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What else decides how many pods there are, where a candidate is tried: autoscalers and
    /// disruption budgets, one line for each.
    #[serde(default)]
    pub capacity: Vec<String>,
    /// What could not be looked up beforehand, and why.
    #[serde(default)]
    pub unknown: Vec<String>,
}

/// A request for a promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RequestPromotion {
    /// The service's name.
    pub service: String,
    /// The version's label.
    pub version: String,
    /// The environment's name.
    pub environment: String,
    /// Why.
    pub reason: String,
    /// Take the place of promotions that wait for, or hold, the same target.
    #[serde(default)]
    pub supersede: bool,
    /// A key by which a repeated request finds the first one's promotion.
    #[serde(default)]
    pub key: Option<String>,
}

/// A request for a rollback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRollback {
    /// The service's name.
    pub service: String,
    /// The environment's name.
    pub environment: String,
    /// The version's label; when absent, the one before the present one or, while another is only tried
    /// beside the present one, the present one: then the try is aborted, and nothing else is done.
    pub version: Option<String>,
    /// Whether the pod templates of Deployments come back whole, as they were when the version ran last,
    /// instead of their images alone.
    #[serde(default)]
    pub whole_templates: bool,
    /// Why.
    pub reason: String,
}

/// A version that one can go back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackChoice {
    /// The version's label.
    pub version: String,
    /// When it last came to work here.
    pub at: Option<DateTime<Utc>>,
    /// Who asked for that.
    pub by: String,
    /// Whether a rollback has taken it away since.
    pub was_rolled_back: bool,
}

/// An image that a rollback sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageBack {
    /// `namespace/name` in its cluster.
    pub workload: String,
    /// The container.
    pub container: String,
    /// The image that comes back.
    pub image: String,
}

/// What a rollback would do, said before it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackView {
    /// The service.
    pub service: String,
    /// The environment.
    pub environment: EnvironmentHead,
    /// What runs.
    pub from: Option<String>,
    /// What would run.
    pub to: String,
    /// The versions that worked here before and do not run now, the last first, at most 50.
    #[serde(default)]
    pub choices: Vec<RollbackChoice>,
    /// What would be taken away.
    pub comparison: Comparison,
    /// The images that come back.
    #[serde(default)]
    pub comes_back: Vec<ImageBack>,
    /// What differs now in the pod templates from what they were when the version ran last, by workload and place; it
    /// stays as it is now, unless the whole templates are asked for.
    #[serde(default)]
    pub changed_since: Vec<String>,
    /// What it does not bring back, in words.
    pub not_brought_back: Vec<String>,
    /// A live promotion that it would abort.
    pub aborts: Option<i64>,
    /// Whether that is all that it would do: the version is only tried beside `to`, which runs and stays.
    /// No promotion is made then, and the answer is the number of the aborted one.
    pub is_abort: bool,
    /// Whether a deployer outside of the clusters is told to do it.
    #[serde(default)]
    pub is_outside: bool,
}

/// A promotion in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionLine {
    /// The number.
    pub number: i64,
    /// The service.
    pub service: String,
    /// The environment's title.
    pub environment: String,
    /// The version's label.
    pub version: String,
    /// Why it is made.
    pub cause: Cause,
    /// Its state.
    pub headline: Headline,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// When it started.
    #[serde(default)]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// One piece of the bar of steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// State.
    pub mark: Mark,
    /// In a word or two: `Approved`, `Rollout`.
    pub title: String,
    /// The rest: `2 of 2`, `since 13:16`.
    pub detail: String,
    /// When this piece was done or began.
    pub at: Option<DateTime<Utc>>,
}

/// How a promotion under way is steered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Steer {
    /// Let nothing go on by itself; what is there stays as it is.
    Hold {
        /// Why.
        reason: String,
    },
    /// Let it go on: ends a hold, a share set by hand, or the step that asks.
    GoOn {
        /// What was seen of it.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        seen: AsSeen,
    },
    /// End the present step before its time.
    Skip {
        /// What was seen of it.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        seen: AsSeen,
    },
    /// Set the candidate's share of the traffic; it stays until someone lets it go on.
    SetWeight {
        /// What was seen of it.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        seen: AsSeen,
        /// Percent, at most what the approved steps give up to the present one.
        weight: u8,
        /// Why.
        reason: String,
    },
    /// Leave the remaining pauses and shares out.
    PromoteNow {
        /// What was seen of it.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        seen: AsSeen,
        /// Why.
        reason: String,
    },
    /// Tell the outside deployer once more, under the same id.
    CallAgain,
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalLine {
    /// When.
    pub at: DateTime<Utc>,
    /// Icon and colour.
    pub mark: Mark,
    /// In two or three words.
    pub title: String,
    /// The rest of the sentence.
    pub detail: String,
    /// Who, or which rule.
    pub by: String,
}

/// An approval for reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalLine {
    /// Who.
    pub name: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What they said.
    pub comment: Option<String>,
}

/// A promotion's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionView {
    /// The line that lists show.
    pub line: PromotionLine,
    /// The environment.
    pub environment: EnvironmentHead,
    /// The team's title.
    pub team: String,
    /// Identity, as the live stream names it.
    pub id: String,
    /// Rises with every change; the page refetches when the stream names a higher one.
    pub revision: i64,
    /// Why, in the requester's words.
    pub reason: String,
    /// Strategy in words.
    pub strategy: String,
    /// Strategy and steps in full, as they were planned.
    #[serde(default)]
    pub how: String,
    /// The plan's number, sent back with an approval.
    pub plan_number: u32,
    /// What happens next, in words, or what ended it.
    pub next: String,
    /// The bar of steps.
    pub steps: Vec<StepView>,
    /// Workloads with their pods.
    pub workloads: Vec<WorkloadView>,
    /// Pods that fail or failed, with what their clusters told, the last told first.
    #[serde(default)]
    pub failing: Vec<FailingPod>,
    /// The work of an outside deployer, where there is one.
    #[serde(default)]
    pub outside: Option<OutsideView>,
    /// The Git repository in which the version lives, where it does, with the commits there.
    #[serde(default)]
    pub git: Option<CommitsView>,
    /// The traffic, where the strategy moves it.
    pub traffic: Option<TrafficView>,
    /// What is measured, where the version is judged by numbers.
    pub analysis: Option<AnalysisView>,
    /// What changes.
    pub comparison: Comparison,
    /// Gates and approvals; the consent of people comes first.
    pub demands: Vec<Demand>,
    /// Approvals given.
    pub approvals: Vec<ApprovalLine>,
    /// How many are asked for.
    pub approvals_needed: u8,
    /// Newest first.
    pub journal: Vec<JournalLine>,
    /// How many entries are older than those.
    #[serde(default)]
    pub earlier_entries: u64,
    /// What the actor may do now.
    pub allowed: Vec<PromotionAct>,
    /// Why the actor may not approve, when the promotion waits for approval.
    pub approval_refusal: Option<String>,
    /// The version that a rollback of this promotion would go to; `None` when it cannot be rolled back.
    pub roll_back_to: Option<String>,
    /// The number of the rollback that has taken it away since.
    #[serde(default)]
    pub rolled_back_by: Option<i64>,
    /// When it started.
    pub started_at: Option<DateTime<Utc>>,
    /// When the last needed approval was given.
    pub approved_at: Option<DateTime<Utc>>,
}

/// A promotion as the API answers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PromotionStatus {
    /// The number.
    pub number: i64,
    /// The service.
    pub service: String,
    /// The version.
    pub version: String,
    /// The environment.
    pub environment: String,
    /// `waiting`, `starting`, `progressing`, `taking_back`, `watching`, `succeeded`, `failed`, `aborted`,
    /// `rejected`, `cancelled`, `expired` or `superseded`.
    pub phase: String,
    /// Whether it is over.
    pub is_over: bool,
    /// The state in words.
    pub words: String,
    /// Rises with every change.
    pub revision: i64,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When the last needed approval was given.
    pub approved_at: Option<DateTime<Utc>>,
    /// When it started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Its page.
    pub link: String,
}

/// Filters of the list of promotions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionsQuery {
    /// Service by name.
    pub service: Option<String>,
    /// Environment by name.
    pub environment: Option<String>,
    /// `live`, `waiting`, `over`; all when absent.
    pub state: Option<String>,
    /// Page.
    pub page: PageRequest,
}

/// Use cases of promotions.
#[async_trait]
pub trait PromotionsBackend: Send + Sync {
    /// The page on which a promotion is asked for.
    async fn promote_view(
        &self,
        actor: &Actor,
        service: &str,
        environment: &str,
        version: Option<&str>,
    ) -> Answer<PromoteView>;
    /// Asks for a promotion; answers its number.
    async fn request_promotion(&self, actor: &Actor, request: RequestPromotion) -> Answer<i64>;
    /// The list, newest first.
    async fn promotions(&self, actor: &Actor, query: PromotionsQuery) -> Answer<Page<PromotionLine>>;
    /// A promotion's page.
    async fn promotion(&self, actor: &Actor, number: i64) -> Answer<PromotionView>;
    /// A promotion for machines.
    async fn promotion_status(&self, actor: &Actor, number: i64) -> Answer<PromotionStatus>;
    /// Waits until the promotion is over or `seconds` (at most 60) went by.
    async fn wait_for_promotion(&self, actor: &Actor, number: i64, seconds: u64) -> Answer<PromotionStatus>;
    /// Approves the plan that was read.
    async fn approve(&self, actor: &Actor, number: i64, plan_number: u32, comment: Option<String>) -> Answer<()>;
    /// Rejects, with a reason.
    async fn reject(&self, actor: &Actor, number: i64, reason: String) -> Answer<()>;
    /// Withdraws before the start.
    async fn cancel(&self, actor: &Actor, number: i64, reason: String) -> Answer<()>;
    /// Stops after the start; what ran before comes back.
    async fn abort(&self, actor: &Actor, number: i64, reason: String) -> Answer<()>;

    /// Gives up taking back what cannot be reached; the target is free again.
    ///
    /// # Errors
    /// The rule that refuses.
    async fn abandon(&self, actor: &Actor, number: i64, reason: String) -> Answer<()>;

    /// Pauses it, lets it go on, skips a step, sets the share of the traffic, leaves steps out.
    ///
    /// # Errors
    /// The rule that refuses.
    async fn steer(&self, actor: &Actor, number: i64, steer: Steer) -> Answer<()>;
    /// What a rollback would do.
    async fn rollback_view(
        &self,
        actor: &Actor,
        service: &str,
        environment: &str,
        version: Option<&str>,
    ) -> Answer<RollbackView>;
    /// Rolls back; answers the new promotion's number.
    async fn roll_back(&self, actor: &Actor, request: RequestRollback) -> Answer<i64>;
}
