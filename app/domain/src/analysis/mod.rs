//! Metric analysis: what is measured while a version comes up, what a reading means, and when a run of
//! readings stops a promotion, takes it back, or asks a person.
//!
//! A [`MetricRule`] says what to measure and what is too much. [`queries`] turns it into questions for a
//! source; the answers are [`Reading`]s; [`judge_reading`] gives each a [`Verdict`]; a [`Watch`] folds
//! the samples of one rule, and [`conclude`] says what all of them together ask for. Everything is a
//! pure function of its arguments: the asking is done elsewhere, and times come in.
//!
//! Verdicts follow one principle: only a version that was seen to be bad is taken back. No data and a
//! source that fails pause the promotion and ask, unless the rule says otherwise.

mod built_in;
mod comparison;
mod custom_query;
mod defaults;
mod in_force;
mod labels;
mod mann_whitney;
mod matchers;
mod measure;
mod presence;
mod promql;
mod reading;
mod rule;
mod watch;
mod words;

pub use built_in::{built_in_reading, without_later_pods};
pub use comparison::{Comparison, Direction, Effect, Finite, Limits, SideBySide};
pub use custom_query::{CustomQuery, CustomQueryError, Placeholder};
pub use defaults::{
    Adjustment, ChangeError, HealthCheck, KNOWN_RULES, REQUESTS_THAT_SAY_SOMETHING, RuleChange, changed, default_rules,
    fits_somewhere, known_rules, unit_of,
};
pub use in_force::{
    HealthRequest, InForce, JudgingPolicy, JudgingSettings, LateBreach, Level, RuleInForce, Unanswered, Undecided,
    in_force,
};
pub use labels::{Backend, Counted, Given, Labels, Route, RouteRule, Side, rules_to};
pub use mann_whitney::{MannWhitney, mann_whitney};
pub use matchers::{Matchers, ScopeError, Tenant};
pub use measure::{BuiltInCheck, DataPlane, Measure, Quantile, Resource, Traffic, Unit};
pub use presence::{Presence, presence, scrape_seconds};
pub use promql::{Queries, QueryError, queries};
pub use reading::{Judgement, Reading, Sample, Verdict, judge_reading};
pub use rule::{MetricRule, OnMissing, RuleDraft, RuleError, RuleName, Trigger, window_warning};
pub use watch::{Conclusion, Folded, MetricState, Moment, SampleRange, Watch, conclude, dry_run_breaches, warnings};
pub use words::{asks_in_words, value_in_words};
