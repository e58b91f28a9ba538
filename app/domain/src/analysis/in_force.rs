//! What an environment, a tier, a service and a target say about judging versions, and what of it is in
//! force: the most specific wins. A change that does not fit a target leaves the rule as it was there, and
//! is told; it is never dropped in silence.

use serde::{Deserialize, Serialize};

use super::{
    ChangeError, DataPlane, HealthCheck, MetricRule, RuleChange, RuleDraft, RuleName, default_rules, defaults,
};

/// Who says something about judging, the least specific first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// An environment, for all services there.
    Environment,
    /// A tier, for its services everywhere.
    Tier,
    /// A service, in all environments.
    Service,
    /// A service in one environment.
    Target,
}

impl Level {
    /// All of them, the least specific first.
    pub const ALL: [Self; 4] = [Self::Environment, Self::Tier, Self::Service, Self::Target];
}

/// What a breach that is found after the end leads to, while the version is only watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LateBreach {
    /// A rollback is proposed, which a person must ask for.
    #[default]
    Propose,
    /// A rollback to what ran before is started; across an irreversible migration it is only proposed.
    RollBack,
}

/// What comes when nobody has answered for what the analysis does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unanswered {
    /// It is taken back.
    #[default]
    TakeBack,
    /// It goes on.
    GoOn,
    /// It waits for a person, however long that takes.
    Wait,
}

/// How long a person may take to answer for what the analysis does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undecided {
    /// How many minutes, 1 to 10,080 (a week).
    pub minutes: u32,
    /// What comes then.
    pub then: Unanswered,
}

impl Undecided {
    /// The longest time: what waits longer expires by other rules.
    pub const MOST_MINUTES: u32 = 7 * 24 * 60;
}

impl Default for Undecided {
    /// An hour: long enough for whoever is on call to look, short enough that a half-moved share does not
    /// stay over night.
    fn default() -> Self {
        Self { minutes: 60, then: Unanswered::TakeBack }
    }
}

/// An HTTP request that tells whether a target is healthy: it must be answered with a status of 200 to 299.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthRequest {
    /// The whole address: `https://cart.example/health`.
    pub address: String,
    /// How long the answer may take, in seconds, 1 to 30.
    pub timeout_seconds: u32,
}

impl HealthRequest {
    /// The path that is asked where none is given.
    pub const USUAL_PATH: &str = "/health";
    /// How long an answer may take where nothing is said.
    pub const USUAL_TIMEOUT_SECONDS: u32 = 5;
    /// The longest: the next request comes 20 s later.
    pub const MOST_SECONDS: u32 = 15;
}

/// What one level says; what it leaves out is as the level before has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JudgingSettings {
    /// Changes of rules, at most one for each rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleChange>,
    /// What a late breach leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_breach: Option<LateBreach>,
    /// How long a person may take to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecided: Option<Undecided>,
    /// How a target's health is asked over HTTP; only a target says that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthRequest>,
}

impl JudgingSettings {
    /// The same with this change in place of the one of the same rule.
    #[must_use]
    pub fn with(mut self, change: RuleChange) -> Self {
        self.rules.retain(|known| known.rule() != change.rule());
        self.rules.push(change);
        self
    }

    /// The same without a change of this rule.
    #[must_use]
    pub fn without(mut self, rule: &RuleName) -> Self {
        self.rules.retain(|known| known.rule() != rule);
        self
    }
}

/// What is decided about a promotion besides its rules, fixed with its plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JudgingPolicy {
    /// What a late breach leads to.
    pub late_breach: LateBreach,
    /// How long a person may take to answer.
    pub undecided: Undecided,
    /// How the target's health is asked over HTTP; by its pods' readiness where nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthRequest>,
}

impl JudgingPolicy {
    /// Whether nobody has said anything else than the product does.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// A rule that is in force, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInForce {
    /// The rule.
    pub rule: MetricRule,
    /// The most specific level that has changed it; `None` for a rule as it comes.
    pub from: Option<Level>,
}

/// What is in force for a target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InForce {
    /// The rules, in their order.
    pub rules: Vec<RuleInForce>,
    /// The rules that somebody has taken away, with who.
    pub off: Vec<(RuleName, Level)>,
    /// Changes that do not fit this target, with why: the rule is as the level before has it.
    pub unfit: Vec<(Level, RuleName, ChangeError)>,
    /// What else is decided.
    pub policy: JudgingPolicy,
}

impl InForce {
    /// The rules alone.
    #[must_use]
    pub fn into_rules(self) -> Vec<MetricRule> {
        self.rules.into_iter().map(|one| one.rule).collect()
    }
}

/// What is in force where a target begins with `base`, and levels have said something, in any order.
/// Rules that none of `base` is are made from the templates of `plane`, where requests are counted.
#[must_use]
pub fn in_force(
    base: Vec<MetricRule>,
    plane: Option<DataPlane>,
    levels: impl IntoIterator<Item = (Level, JudgingSettings)>,
) -> InForce {
    let mut levels: Vec<_> = levels.into_iter().collect();
    levels.sort_by_key(|(level, _)| *level);
    let rules = base.into_iter().map(|rule| RuleInForce { rule, from: None }).collect();
    let mut found = InForce { rules, ..InForce::default() };
    let asked = levels.iter().find_map(|(level, said)| said.health.clone().filter(|_| *level == Level::Target));
    if asked.is_some() {
        found.asks_health();
        found.policy.health = asked;
    }
    for (level, settings) in levels {
        found.policy.late_breach = settings.late_breach.unwrap_or(found.policy.late_breach);
        found.policy.undecided = settings.undecided.unwrap_or(found.policy.undecided);
        for change in settings.rules {
            found.take(level, change, plane);
        }
    }
    found
}

impl InForce {
    /// Health is asked over HTTP in place of by readiness, also where there are no other rules.
    fn asks_health(&mut self) {
        let usual = default_rules(None, &HealthCheck::usual_request());
        let Some(rule) = usual.into_iter().find(|rule| rule.measure().is_health()) else { return };
        let one = RuleInForce { rule, from: Some(Level::Target) };
        match self.rules.iter_mut().find(|known| known.rule.measure().is_health()) {
            Some(known) => *known = one,
            None => self.rules.insert(0, one),
        }
    }

    fn take(&mut self, level: Level, change: RuleChange, plane: Option<DataPlane>) {
        let name = change.rule().clone();
        let at = self.rules.iter().position(|one| *one.rule.name() == name);
        let rule = match change {
            RuleChange::Off { .. } => {
                if let Some(at) = at {
                    self.rules.remove(at);
                    self.off.push((name, level));
                }
                return;
            }
            RuleChange::Set { rule } => match MetricRule::try_from(rule.draft()) {
                Ok(rule) => rule,
                Err(why) => {
                    self.unfit.push((level, name.clone(), ChangeError::Refused { rule: name, why }));
                    return;
                }
            },
            RuleChange::Adjust { values, .. } => {
                let present = at.and_then(|at| self.rules.get(at)).map(|one| RuleDraft::from(one.rule.clone()));
                // What somebody switched off before is what is adjusted again, by the templates.
                let draft = present.or_else(|| defaults::template(name.as_str(), plane));
                let Some(draft) = draft else {
                    // A rule about requests, where nobody counts them, is not in force and not wrong.
                    return;
                };
                match values.applied_to(draft) {
                    Ok(rule) => rule,
                    Err(why) => {
                        self.unfit.push((level, name.clone(), ChangeError::Refused { rule: name, why }));
                        return;
                    }
                }
            }
        };
        self.off.retain(|(off, _)| *off != name);
        let one = RuleInForce { rule, from: Some(level) };
        match at.and_then(|at| self.rules.get_mut(at)) {
            Some(known) => *known = one,
            None => self.rules.push(one),
        }
    }
}
