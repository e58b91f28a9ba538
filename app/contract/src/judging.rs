//! The rules by which versions are judged: what is in force for a target, who says so, and changing it.

use async_trait::async_trait;
use domain::{
    actor::Actor,
    analysis::{LateBreach, Level, OnMissing, Unanswered, Unit},
};
use serde::{Deserialize, Serialize};

use crate::Answer;

/// Whose rules: a service in an environment, a service everywhere, a tier, or an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct JudgingPlace {
    /// The service's name; with an environment its target there.
    pub service: Option<String>,
    /// The environment's name.
    pub environment: Option<String>,
    /// The tier, 1 to 3; alone.
    pub tier: Option<u8>,
}

/// How often a limit must be passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    /// So many evaluations in a row.
    InARow,
    /// So many of the last ones.
    OfTheLast,
}

/// What a value is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ComparedWith {
    /// The limits `warning` and `breach`.
    Limits,
    /// The stable version over the same time, by the test of Mann and Whitney.
    Stable,
}

/// By what a difference from the stable version is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EffectOf {
    /// The share of pairs in which the version is worse, from 0.5.
    #[default]
    Pairs,
    /// The worse mean divided by the better one, from 1.
    Means,
}

/// How a version is compared with the stable one. What is left out is as usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SideInput {
    /// By what the difference is measured, which `warning` and `breach` limit.
    pub effect: Option<EffectOf>,
    /// How sure the test of Mann and Whitney must be, 0.8 to 0.9999; usually 0.98.
    pub confidence: Option<f64>,
    /// Which share of the stable version's median it may be worse by, 0 to 10; usually 0.25.
    pub tolerance: Option<f64>,
    /// How many values of each side are taken, 8 to 200; usually 20.
    pub samples: Option<u16>,
}

/// A query of one's own, in place of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct OwnQuery {
    /// What it measures, in a word or two: `checkout failures`.
    pub words: String,
    /// `percent`, `milliseconds`, `per_second`, `count` or `none`.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "percent"))]
    pub unit: Option<Unit>,
    /// PromQL with `{{service}}`, `{{namespace}}`, `{{version}}`, `{{window}}` and `{{matchers}}`; its value must be one
    /// number.
    pub query: String,
    /// PromQL for the number of requests that the value rests on; empty for none.
    pub requests: String,
    /// Whether a value below the limits is the bad one.
    pub too_low: bool,
}

/// A change of a rule. What is left out stays as the level before has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RuleInput {
    /// The rule: `error-rate`, `p50`, `p95`, `p99`, `success-rate`, `request-rate`, `cpu`, `memory`, `disk`, `health`,
    /// `restarts`, `waiting-reasons`, `pods-not-ready`; any other name for a query of one's own.
    #[cfg_attr(feature = "openapi", schema(example = "error-rate"))]
    pub rule: String,
    /// Whether the rule does not apply; everything else is left aside then.
    pub is_off: bool,
    /// Compare with limits, or with the stable version side by side.
    pub compared_with: Option<ComparedWith>,
    /// How the stable version is compared with; only with that.
    pub side: Option<SideInput>,
    /// Beyond it people are told. Beside the stable version: the share of pairs that are worse, 0.65.
    pub warning: Option<f64>,
    /// Beyond it, often enough, the version is taken back. Beside the stable version: 0.8.
    pub breach: Option<f64>,
    /// Over how many seconds a value is taken, 5 to 86,400.
    pub window_seconds: Option<u32>,
    /// How often, in seconds, 5 to 86,400.
    pub interval_seconds: Option<u32>,
    /// Fewer requests in the window are no data.
    pub minimum_requests: Option<u32>,
    /// In a row, or of the last ones.
    pub counting: Option<Counting>,
    /// How many evaluations must be beyond the limit, 1 to 60.
    pub times: Option<u8>,
    /// Of how many, with `counting` of the last ones.
    pub of: Option<u8>,
    /// `hold` pauses and asks, `fail` counts against the version, `pass` for it.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "hold"))]
    pub on_no_data: Option<OnMissing>,
    /// The same for a source that keeps failing.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "hold"))]
    pub on_error: Option<OnMissing>,
    /// Whether it is only recorded.
    pub dry_run: Option<bool>,
    /// A query of one's own.
    pub own: Option<OwnQuery>,
}

/// A change of what else is decided. What is left out is as the level before has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PolicyInput {
    /// What a breach after the end leads to: `propose` or `roll_back`.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "propose"))]
    pub late_breach: Option<LateBreach>,
    /// How many minutes a person may take to answer for what the analysis does not know, 1 to 10,080; with `then`.
    pub undecided_minutes: Option<u32>,
    /// What comes then: `take_back`, `go_on` or `wait`.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "take_back"))]
    pub then: Option<Unanswered>,
}

/// How a target's health is asked over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct HealthInput {
    /// The address; without a path `/health` is asked. Empty: by its pods' readiness alone.
    #[cfg_attr(feature = "openapi", schema(example = "https://cart.example"))]
    pub address: String,
    /// How long the answer may take, in seconds, 1 to 15; 5 when left out.
    pub timeout_seconds: Option<u32>,
}

/// A rule as it is in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RuleInForceView {
    /// Its name: `error-rate`.
    pub rule: String,
    /// What it measures: `error rate`.
    pub what: String,
    /// What it asks, in words.
    pub asks: String,
    /// What no data and a source that fails lead to, and how many requests are needed, in words.
    pub missing: String,
    /// Who says so: `as it comes`, `Production`, `tier 1`, `cart`, `cart in Production`.
    pub from: String,
    /// Whether it is only recorded.
    pub is_dry_run: bool,
    /// Whether it is switched off.
    pub is_off: bool,
    /// Why nothing is judged by it, when nothing is: `eu-1 has no metric source`.
    #[serde(default)]
    pub not_judged: Option<String>,
    /// As it would be typed; nothing of one that is switched off.
    #[serde(default)]
    pub now: RuleInput,
}

/// A change of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangeView {
    /// In words: `breach 3, 5 in a row`.
    pub words: String,
    /// As it is typed.
    pub change: RuleInput,
    /// Why it has no effect on this target, when it has none: `nobody counts the requests here`.
    pub not_here: Option<String>,
}

/// What one level says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LevelView {
    /// Which level.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "target"))]
    pub level: Level,
    /// Its name: `tier 1`, `cart in Production`.
    pub title: String,
    /// How it is named when it is changed.
    pub place: JudgingPlace,
    /// Whether who asks may change it.
    pub may_change: bool,
    /// Its changes of rules.
    pub rules: Vec<ChangeView>,
    /// What else it says.
    pub policy: PolicyInput,
    /// The same in sentences; empty when it says nothing else.
    pub says: Vec<String>,
}

/// What is in force for a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JudgingView {
    /// The service.
    pub service: String,
    /// The environment's name.
    pub environment: String,
    /// The environment's title.
    pub environment_title: String,
    /// The rules, in their order, then those that are switched off.
    pub rules: Vec<RuleInForceView>,
    /// The names of the rules that can be had here besides.
    pub others: Vec<String>,
    /// Changes that do not fit here, with who made them and why.
    pub problems: Vec<String>,
    /// What a breach after the end leads to, and what comes when nobody answers, in words.
    pub policy: Vec<String>,
    /// The same as it would be typed.
    #[serde(default)]
    pub policy_now: PolicyInput,
    /// How health is asked over HTTP; by its pods' readiness when absent.
    pub health: Option<HealthInput>,
    /// What each level says, the most specific first.
    pub levels: Vec<LevelView>,
}

/// Use cases of judging.
#[async_trait]
pub trait JudgingBackend: Send + Sync {
    /// What is in force for a service in an environment.
    ///
    /// # Errors
    /// Not found; conflict where the service has no target.
    async fn judging(&self, actor: &Actor, service: &str, environment: &str) -> Answer<JudgingView>;
    /// Changes a rule. Promotions that have started keep the rules of their start; what waits is planned
    /// anew, which voids its approvals.
    ///
    /// # Errors
    /// Invalid with the field that cannot be.
    async fn set_rule(&self, actor: &Actor, place: JudgingPlace, input: RuleInput) -> Answer<()>;
    /// Takes a change of a rule away, so that it is again as the level before has it.
    ///
    /// # Errors
    /// Not found.
    async fn clear_rule(&self, actor: &Actor, place: JudgingPlace, rule: &str) -> Answer<()>;
    /// Sets what else is decided.
    ///
    /// # Errors
    /// Invalid with the field that cannot be.
    async fn set_judging_policy(&self, actor: &Actor, place: JudgingPlace, input: PolicyInput) -> Answer<()>;
    /// Sets how a target's health is asked over HTTP.
    ///
    /// # Errors
    /// Invalid with the field, also for an address that may not be called.
    async fn set_health(&self, actor: &Actor, service: &str, environment: &str, input: HealthInput) -> Answer<()>;
}
