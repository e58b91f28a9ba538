//! The rules by which versions are judged: reading what is in force for a target, and changing what an
//! environment, a tier, a service or a target says. Changes wait for no promotion: what has started keeps
//! the rules of its start, and what waits is planned anew.

mod rule_input;

use async_trait::async_trait;
use contract::{
    Answer, ApiError,
    judging::{
        ChangeView, HealthInput, JudgingBackend, JudgingPlace, JudgingView, LevelView, PolicyInput, RuleInForceView,
        RuleInput,
    },
};
use domain::{
    actor::{Act, Actor},
    analysis::{
        HealthCheck, HealthRequest, InForce, JudgingSettings, LateBreach, Level, Measure, MetricRule, OnMissing,
        RuleChange, RuleInForce, RuleName, Unanswered, Undecided, asks_in_words, default_rules, in_force, known_rules,
    },
    duration_words,
    strategy::Strategy,
};
use ports::MetricError;
use store::{Cluster, ClusterKind, Entity, Environment, JudgingScope, Read, Service, StoreError, Target, Tx};

use crate::{Engine, audit, edge, error::OrFail, promotions::request::Asked};

/// Addresses are shorter; what is longer is a mistake.
const ADDRESS_AT_MOST: usize = 500;

/// What the levels above a target say, and the target itself, the least specific first.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn levels(
    read: &mut Read,
    tier: u8,
    target: &Target,
) -> Result<[(Level, JudgingSettings); 4], StoreError> {
    let scopes = [
        JudgingScope::Environment(target.environment),
        JudgingScope::Tier(tier),
        JudgingScope::Service(target.service),
        JudgingScope::Target(target.id),
    ];
    let [environment, tier, service, own] = read.judging(scopes).await?;
    Ok([(Level::Environment, environment), (Level::Tier, tier), (Level::Service, service), (Level::Target, own)])
}

/// What is in force for versions that get in by `strategy`. A rolling update is judged while it is watched after
/// its end. Where nobody `shows_pods` (an outside deployer, another tool's object) only the target's address can be
/// asked.
pub(crate) fn in_force_for(strategy: &Strategy, shows_pods: bool, levels: [(Level, JudgingSettings); 4]) -> InForce {
    match strategy.candidate().filter(|_| shows_pods) {
        Some((_, settings)) => in_force(settings.rules(), settings.metrics(), levels),
        None if shows_pods => in_force(default_rules(None, &HealthCheck::Readiness), None, levels),
        None => {
            let mut found = in_force(Vec::new(), None, levels);
            found.rules.retain(|one| one.rule.measure().is_request());
            found
        }
    }
}

/// Whether pods of a target are to be seen.
fn shows_pods(target: &Target) -> bool {
    target.deployer.is_clusters() && target.workloads.iter().any(|one| one.workload.kind.shows_pods())
}

/// The clusters of a target that nobody can be asked for numbers of.
async fn uncounted(read: &mut Read, target: &Target) -> Result<Vec<String>, StoreError> {
    let sources = read.metric_sources().await?;
    let is_used = |cluster: &Cluster| target.workloads.iter().any(|one| one.cluster == cluster.id);
    let has_none = |cluster: &Cluster| {
        cluster.kind != ClusterKind::Practice && !sources.iter().any(|source| source.cluster_id == cluster.id)
    };
    let clusters = read.clusters().await?.into_iter().filter(|cluster| is_used(cluster) && has_none(cluster));
    Ok(clusters.map(|cluster| cluster.name.to_string()).collect())
}

/// Why nothing is judged by a rule that is in force, when nothing is.
fn not_judged(rule: &MetricRule, asked: &Asked, uncounted: &[String]) -> Option<String> {
    if asked.target.strategy.candidate().is_none() && asked.environment.rules.watch_seconds == 0 {
        let environment = &asked.environment.title;
        return Some(format!("a rolling update is judged while it is watched, and {environment} does not watch"));
    }
    match (rule.measure(), uncounted) {
        (Measure::BuiltIn { .. }, _) | (_, []) => None,
        (_, [one]) => Some(format!("{one} has no metric source")),
        (_, several) => Some(format!("{} have no metric source", several.join(" and "))),
    }
}

/// A place that was named, looked up.
struct Found {
    scope: JudgingScope,
    level: Level,
    title: String,
    service: Option<Service>,
    environment: Option<Environment>,
}

impl Engine {
    async fn judging_place(&self, read: &mut Read, place: &JudgingPlace) -> Answer<Found> {
        let service = match &place.service {
            Some(name) => Some(self.service_named(read, name).await?),
            None => None,
        };
        let environment = match &place.environment {
            Some(name) => Some(self.environment_named(read, name).await?),
            None => None,
        };
        let (scope, level, title) = match (&service, &environment, place.tier) {
            (Some(service), Some(environment), None) => {
                let asked = self.asked(read, service.name.as_str(), environment.name.as_str()).await?;
                (JudgingScope::Target(asked.target.id), Level::Target, target_title(service, environment))
            }
            (Some(service), None, None) => {
                (JudgingScope::Service(service.id), Level::Service, service.name.to_string())
            }
            (None, Some(environment), None) => {
                (JudgingScope::Environment(environment.id), Level::Environment, environment.title.clone())
            }
            (None, None, Some(tier @ 1..=3)) => (JudgingScope::Tier(tier), Level::Tier, format!("tier {tier}")),
            (None, None, Some(_)) => return Err(ApiError::invalid("tier", "tiers go from 1 to 3")),
            (_, _, Some(_)) => {
                return Err(ApiError::invalid("tier", "a tier is named alone, without service and environment"));
            }
            (None, None, None) => {
                return Err(ApiError::invalid("service", "name a service, an environment, both, or a tier"));
            }
        };
        Ok(Found { scope, level, title, service, environment })
    }

    /// Keeps what a level says now, with its audit row.
    async fn keep_judging(
        &self,
        mut tx: Tx,
        actor: &Actor,
        found: &Found,
        settings: &JudgingSettings,
        sentence: String,
    ) -> Answer<()> {
        tx.put_judging(found.scope, settings, self.now()).await.or_fail(self)?;
        if let Some(service) = &found.service {
            tx.signal(Entity::Service, service.id.uuid(), 0);
        }
        if let Some(environment) = &found.environment {
            tx.signal(Entity::Environment, environment.id.uuid(), 0);
        }
        let entry = audit::Entry::done("judging.change", "rules", &found.title, sentence);
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)
    }
}

fn target_title(service: &Service, environment: &Environment) -> String {
    format!("{} in {}", service.name, environment.title)
}

/// What it takes to change what a place says: a service's own people their service, an administrator what
/// many services go by.
const fn act_of(place: &JudgingPlace) -> Act {
    if place.service.is_some() { Act::ManageServices } else { Act::ManageEnvironments }
}

#[async_trait]
impl JudgingBackend for Engine {
    async fn judging(&self, actor: &Actor, service: &str, environment: &str) -> Answer<JudgingView> {
        actor.may(Act::Read)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let asked = self.asked(&mut read, service, environment).await?;
        let levels = levels(&mut read, asked.service.tier, &asked.target).await.or_fail(self)?;
        let uncounted = uncounted(&mut read, &asked.target).await.or_fail(self)?;
        Ok(view(actor, &asked, levels, &uncounted))
    }

    async fn set_rule(&self, actor: &Actor, place: JudgingPlace, input: RuleInput) -> Answer<()> {
        actor.may(act_of(&place))?;
        let change = rule_input::change(&input)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let found = self.judging_place(&mut tx, &place).await?;
        let settings = tx.judging_to_change(found.scope).await.or_fail(self)?.with(change.clone());
        rule_input::at_most(&settings)?;
        if let (Level::Target, Some(service), Some(environment)) = (found.level, &found.service, &found.environment) {
            self.fits_target(&mut tx, service, environment, &settings, change.rule()).await?;
        }
        let sentence = format!("set the rule {} of {}: {}", change.rule(), found.title, rule_input::words(&change));
        self.keep_judging(tx, actor, &found, &settings, sentence).await
    }

    async fn clear_rule(&self, actor: &Actor, place: JudgingPlace, rule: &str) -> Answer<()> {
        actor.may(act_of(&place))?;
        let name = RuleName::parse(rule).map_err(|e| ApiError::invalid("rule", e.to_string()))?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let found = self.judging_place(&mut tx, &place).await?;
        let settings = tx.judging_to_change(found.scope).await.or_fail(self)?;
        if !settings.rules.iter().any(|change| *change.rule() == name) {
            return Err(ApiError::not_found("change of the rule", name.as_str()));
        }
        let sentence = format!("took back the change of the rule {name} of {}", found.title);
        self.keep_judging(tx, actor, &found, &settings.without(&name), sentence).await
    }

    async fn set_judging_policy(&self, actor: &Actor, place: JudgingPlace, input: PolicyInput) -> Answer<()> {
        actor.may(act_of(&place))?;
        let undecided = match (input.undecided_minutes, input.then) {
            (None, None) => None,
            (minutes, then) => {
                let minutes = minutes.unwrap_or(Undecided::default().minutes);
                if !(1..=Undecided::MOST_MINUTES).contains(&minutes) {
                    return Err(ApiError::invalid("undecided_minutes", "1 minute to a week (10,080)"));
                }
                Some(Undecided { minutes, then: then.unwrap_or_default() })
            }
        };
        let mut tx = self.store().begin().await.or_fail(self)?;
        let found = self.judging_place(&mut tx, &place).await?;
        let settings = tx.judging_to_change(found.scope).await.or_fail(self)?;
        let settings = JudgingSettings { late_breach: input.late_breach, undecided, ..settings };
        let said = said_in_words(&settings);
        let said = if said.is_empty() { "as it comes".to_owned() } else { said.join("; ") };
        let sentence = format!("set what analysis leads to in {}: {said}", found.title);
        self.keep_judging(tx, actor, &found, &settings, sentence).await
    }

    async fn set_health(&self, actor: &Actor, service: &str, environment: &str, input: HealthInput) -> Answer<()> {
        actor.may(Act::ManageServices)?;
        let health = self.health_of(&input)?;
        let (service, environment) = (Some(service.to_owned()), Some(environment.to_owned()));
        let mut tx = self.store().begin().await.or_fail(self)?;
        let found = self.judging_place(&mut tx, &JudgingPlace { service, environment, tier: None }).await?;
        let settings = tx.judging_to_change(found.scope).await.or_fail(self)?;
        let said = match &health {
            Some(health) => format!("by GET {} within {} s", health.address, health.timeout_seconds),
            None => "by its pods' readiness".to_owned(),
        };
        let sentence = format!("set how the health of {} is asked: {said}", found.title);
        self.keep_judging(tx, actor, &found, &JudgingSettings { health, ..settings }, sentence).await
    }
}

impl Engine {
    /// An address that may be called, with the usual path where none is given; `None` when it is empty.
    fn health_of(&self, input: &HealthInput) -> Answer<Option<HealthRequest>> {
        let address = edge::line("address", &input.address, ADDRESS_AT_MOST)?;
        if address.is_empty() {
            return Ok(None);
        }
        let timeout_seconds = input.timeout_seconds.unwrap_or(HealthRequest::USUAL_TIMEOUT_SECONDS);
        if !(1..=HealthRequest::MOST_SECONDS).contains(&timeout_seconds) {
            let message = format!("1 to {} seconds", HealthRequest::MOST_SECONDS);
            return Err(ApiError::invalid("timeout_seconds", message));
        }
        // An address that ends with its host has no path yet.
        let (_, behind) = address.split_once("://").unwrap_or(("", &address));
        let has_path = behind.trim_end_matches('/').contains(['/', '?']);
        let address = match has_path {
            true => address,
            false => format!("{}{}", address.trim_end_matches('/'), HealthRequest::USUAL_PATH),
        };
        let judged = self.parts.metrics.health().look_at(&address);
        judged.map_err(|error| match error {
            MetricError::Settings(reason) => ApiError::invalid("address", reason),
            error => ApiError::invalid("address", error.to_string()),
        })?;
        Ok(Some(HealthRequest { address, timeout_seconds }))
    }

    /// A change of a target's own must fit what is in force there; one of a level above fits some targets
    /// and not others, which their pages say.
    async fn fits_target(
        &self,
        read: &mut Read,
        service: &Service,
        environment: &Environment,
        settings: &JudgingSettings,
        rule: &RuleName,
    ) -> Answer<()> {
        let asked = self.asked(read, service.name.as_str(), environment.name.as_str()).await?;
        let mut levels = levels(read, service.tier, &asked.target).await.or_fail(self)?;
        if let Some((_, own)) = levels.iter_mut().find(|(level, _)| *level == Level::Target) {
            *own = settings.clone();
        }
        let unfit = in_force_for(&asked.target.strategy, shows_pods(&asked.target), levels).unfit;
        match unfit.into_iter().find(|(level, name, _)| *level == Level::Target && name == rule) {
            Some((_, _, why)) => Err(rule_input::refused(&why)),
            None => Ok(()),
        }
    }
}

/// What a level of a target is called.
fn title(asked: &Asked, level: Level) -> String {
    match level {
        Level::Environment => asked.environment.title.clone(),
        Level::Tier => format!("tier {}", asked.service.tier),
        Level::Service => asked.service.name.to_string(),
        Level::Target => target_title(&asked.service, &asked.environment),
    }
}

/// Where a level of a target is set.
fn place(asked: &Asked, level: Level) -> JudgingPlace {
    let (named, at) = (Some(asked.service.name.to_string()), Some(asked.environment.name.to_string()));
    match level {
        Level::Environment => JudgingPlace { environment: at, ..JudgingPlace::default() },
        Level::Tier => JudgingPlace { tier: Some(asked.service.tier), ..JudgingPlace::default() },
        Level::Service => JudgingPlace { service: named, ..JudgingPlace::default() },
        Level::Target => JudgingPlace { service: named, environment: at, tier: None },
    }
}

fn view(actor: &Actor, asked: &Asked, levels: [(Level, JudgingSettings); 4], uncounted: &[String]) -> JudgingView {
    let (service, environment) = (&asked.service, &asked.environment);
    let title = |level: Level| title(asked, level);
    let shows_pods = shows_pods(&asked.target);
    let found = in_force_for(&asked.target.strategy, shows_pods, levels.clone());
    let levels = levels.iter().rev().map(|(level, settings)| level_view(actor, asked, *level, settings, &found));
    let levels = levels.collect();
    let off = found.off.iter().map(|(name, level)| off_view(name, &title(*level)));
    let in_force = found
        .rules
        .iter()
        .map(|one| RuleInForceView { not_judged: not_judged(&one.rule, asked, uncounted), ..rule_view(one, &title) });
    let rules: Vec<_> = in_force.chain(off).collect();
    let plane = asked.target.strategy.candidate().and_then(|(_, settings)| settings.metrics());
    let others = known_rules(plane).filter(|name| shows_pods && !rules.iter().any(|rule| rule.rule == *name));
    let others = others.map(str::to_owned).collect();
    let problems = found.unfit.iter().map(|(level, _, why)| format!("{}: {why}", title(*level))).collect();
    let mut policy = vec![late_in_words(found.policy.late_breach), undecided_in_words(found.policy.undecided)];
    if asked.target.strategy.candidate().is_none() && environment.rules.watch_seconds == 0 {
        policy.push(format!(
            "A rolling update is judged while it is watched after its end, and {} does not watch: set that for the \
             environment, or choose a canary or blue-green.",
            environment.title
        ));
    }
    let policy_now = PolicyInput {
        late_breach: Some(found.policy.late_breach),
        undecided_minutes: Some(found.policy.undecided.minutes),
        then: Some(found.policy.undecided.then),
    };
    let health = found.policy.health;
    let health =
        health.map(|health| HealthInput { address: health.address, timeout_seconds: Some(health.timeout_seconds) });
    JudgingView {
        service: service.name.to_string(),
        environment: environment.name.to_string(),
        environment_title: environment.title.clone(),
        rules,
        others,
        problems,
        policy,
        policy_now,
        health,
        levels,
    }
}

fn level_view(actor: &Actor, asked: &Asked, level: Level, settings: &JudgingSettings, found: &InForce) -> LevelView {
    let (place, shows_pods) = (place(asked, level), shows_pods(&asked.target));
    LevelView {
        level,
        title: title(asked, level),
        may_change: actor.may(act_of(&place)).is_ok(),
        place,
        rules: settings.rules.iter().map(|change| change_view(change, found, shows_pods)).collect(),
        says: said_in_words(settings),
        policy: PolicyInput {
            late_breach: settings.late_breach,
            undecided_minutes: settings.undecided.map(|undecided| undecided.minutes),
            then: settings.undecided.map(|undecided| undecided.then),
        },
    }
}

/// A rule that a level has switched off.
fn off_view(name: &RuleName, by: &str) -> RuleInForceView {
    RuleInForceView {
        rule: name.to_string(),
        what: name.as_str().replace('-', " "),
        asks: "does not apply".to_owned(),
        missing: String::new(),
        from: by.to_owned(),
        is_dry_run: false,
        is_off: true,
        not_judged: Some(format!("switched off by {by}")),
        now: RuleInput::default(),
    }
}

fn change_view(change: &RuleChange, found: &InForce, shows_pods: bool) -> ChangeView {
    let is_known = found.rules.iter().any(|one| one.rule.name() == change.rule());
    let is_off = matches!(change, RuleChange::Off { .. });
    let not_here = (!is_known && !is_off && !found.off.iter().any(|(name, _)| name == change.rule())).then(|| {
        let why = if shows_pods { "nobody counts the requests here" } else { "no pods are to be seen here" };
        why.to_owned()
    });
    ChangeView { words: rule_input::words(change), change: rule_input::input_of(change), not_here }
}

fn rule_view(one: &RuleInForce, title: &dyn Fn(Level) -> String) -> RuleInForceView {
    RuleInForceView {
        rule: one.rule.name().to_string(),
        what: one.rule.measure().words().to_owned(),
        asks: asks_in_words(&one.rule),
        missing: missing_in_words(&one.rule),
        from: one.from.map_or_else(|| "as it comes".to_owned(), title),
        is_dry_run: one.rule.is_dry_run(),
        is_off: false,
        not_judged: None,
        now: rule_input::input_of_rule(&one.rule),
    }
}

/// What no data and a source that fails lead to: `fewer than 50 requests are no data; no data pauses and
/// asks`.
fn missing_in_words(rule: &MetricRule) -> String {
    let does = |missing: OnMissing| match missing {
        OnMissing::Hold => "pauses and asks",
        OnMissing::Fail => "counts against the version",
        OnMissing::Pass => "counts as good",
    };
    let least = match rule.minimum_requests() {
        0 => String::new(),
        1 => "without a request there is no data; ".to_owned(),
        least => format!("fewer than {least} requests are no data; "),
    };
    let (no_data, error) = (does(rule.on_no_data()), does(rule.on_error()));
    if no_data == error {
        format!("{least}no data, or a source that keeps failing, {no_data}")
    } else {
        format!("{least}no data {no_data}; a source that keeps failing {error}")
    }
}

fn late_in_words(late: LateBreach) -> String {
    match late {
        LateBreach::Propose => "A breach while it is watched after the end proposes a rollback.".to_owned(),
        LateBreach::RollBack => "A breach while it is watched after the end starts a rollback by itself; across an \
                                 irreversible migration it is only proposed."
            .to_owned(),
    }
}

fn undecided_in_words(undecided: Undecided) -> String {
    let after = duration_words::exact(i64::from(undecided.minutes) * 60);
    match undecided.then {
        Unanswered::TakeBack => {
            format!(
                "Where the analysis cannot tell, it pauses and asks; without an answer within {after} it is taken back."
            )
        }
        Unanswered::GoOn => {
            format!("Where the analysis cannot tell, it pauses and asks; without an answer within {after} it goes on.")
        }
        Unanswered::Wait => "Where the analysis cannot tell, it pauses and waits for a person.".to_owned(),
    }
}

fn said_in_words(settings: &JudgingSettings) -> Vec<String> {
    let late = settings.late_breach.map(late_in_words);
    late.into_iter().chain(settings.undecided.map(undecided_in_words)).collect()
}
