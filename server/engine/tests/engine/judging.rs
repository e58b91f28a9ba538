//! The rules in force: who says what, what a promotion takes of it, and what a late breach starts.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{
    ErrorKind,
    alerts::{AlertInput, AlertRules, AlertsBackend as _},
    audit::AuditBackend as _,
    environments::{EnvironmentInput, EnvironmentsBackend as _},
    judging::{
        ComparedWith, Counting, EffectOf, HealthInput, JudgingBackend as _, JudgingPlace, OwnQuery, PolicyInput,
        RuleInput, SideInput,
    },
    promotions::PromotionsBackend as _,
    services::ServicesBackend as _,
};
use domain::{
    analysis::{LateBreach, Level, OnMissing},
    promotion::KnownAlert,
};
use ports::Clock as _;
use sqlx::{Connection as _, SqliteConnection};

use crate::{analysis::prepared, canaries::until, world::World};

pub fn target() -> JudgingPlace {
    JudgingPlace { service: Some("cart".to_owned()), environment: Some("production".to_owned()), tier: None }
}

fn tier(tier: u8) -> JudgingPlace {
    JudgingPlace { tier: Some(tier), ..JudgingPlace::default() }
}

fn breach(rule: &str, limit: f64) -> RuleInput {
    RuleInput { rule: rule.to_owned(), breach: Some(limit), ..RuleInput::default() }
}

async fn rule_names(world: &World, number: i64) -> Vec<(String, String)> {
    let view = world.engine.promotion(&world.rosa, number).await.unwrap();
    view.analysis.unwrap().rules.into_iter().map(|rule| (rule.rule, rule.asks)).collect()
}

#[tokio::test]
async fn rules_that_judge_nothing_say_why() {
    let world = World::new(0).await;
    world.service("cart").await;
    let view = world.engine.judging(&world.rosa, "cart", "production").await.unwrap();
    let why = "a rolling update is judged while it is watched, and production does not watch";
    assert!(
        !view.rules.is_empty() && view.rules.iter().all(|rule| rule.not_judged.as_deref() == Some(why)),
        "{view:?}"
    );
    let (world, _metrics) = prepared("2.0", "10%, 10m").await;
    let view = world.engine.judging(&world.rosa, "cart", "production").await.unwrap();
    assert!(view.rules.iter().all(|rule| rule.not_judged.is_none()), "{view:?}");
    let errors = view.rules.iter().find(|rule| rule.rule == "error-rate").unwrap();
    assert_eq!((errors.now.warning, errors.now.breach), (Some(1.0), Some(5.0)));
}

#[tokio::test]
async fn a_rule_is_changed_at_a_level_and_the_page_says_by_whom() {
    let (world, _metrics) = prepared("2.0", "10%, 10m").await;
    let engine = &world.engine;
    let refused = engine.set_rule(&world.rosa, tier(2), breach("error-rate", 4.0)).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Refused, "many services go by a tier");
    engine.set_rule(&world.admin, tier(2), breach("error-rate", 4.0)).await.unwrap();
    let sure =
        RuleInput { counting: Some(Counting::OfTheLast), times: Some(2), of: Some(3), ..breach("error-rate", 3.0) };
    engine.set_rule(&world.rosa, target(), sure.clone()).await.unwrap();
    let off = RuleInput { rule: "restarts".to_owned(), is_off: true, ..RuleInput::default() };
    engine.set_rule(&world.rosa, target(), off).await.unwrap();
    let own = OwnQuery {
        words: "failed checkouts".to_owned(),
        query: "sum(rate(failed{service=\"{{service}}\",version=\"{{version}}\"}[{{window}}]))".to_owned(),
        ..OwnQuery::default()
    };
    let checkouts = RuleInput { own: Some(own.clone()), on_no_data: Some(OnMissing::Pass), ..breach("checkouts", 1.0) };
    engine.set_rule(&world.rosa, target(), checkouts).await.unwrap();
    let view = engine.judging(&world.rosa, "cart", "production").await.unwrap();
    let of = |name: &str| view.rules.iter().find(|rule| rule.rule == name).unwrap();
    assert_eq!(of("error-rate").from, "cart in production");
    assert!(of("error-rate").asks.starts_with("above 3 % 2 times of 3 takes it back"), "{}", of("error-rate").asks);
    assert_eq!((of("p95").from.as_str(), of("restarts").is_off), ("as it comes", true));
    assert_eq!(
        (of("checkouts").what.as_str(), of("checkouts").from.as_str()),
        ("failed checkouts", "cart in production")
    );
    assert_eq!(view.problems, Vec::<String>::new());
    let levels: Vec<_> = view.levels.iter().map(|level| (level.level, level.may_change, level.rules.len())).collect();
    let expected =
        [(Level::Target, true, 3), (Level::Service, true, 0), (Level::Tier, false, 1), (Level::Environment, false, 0)];
    assert_eq!(levels, expected);
    assert_eq!(view.levels[0].rules[0].change, sure, "what was typed comes back");
    engine.clear_rule(&world.rosa, target(), "error-rate").await.unwrap();
    let view = engine.judging(&world.rosa, "cart", "production").await.unwrap();
    assert_eq!(view.rules.iter().find(|rule| rule.rule == "error-rate").unwrap().from, "tier 2");
    let gone = engine.clear_rule(&world.rosa, target(), "error-rate").await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound);
    let running = world.ask("cart", "2.0").await;
    until(&world, running, "canary at 10 % until").await;
    let after = rule_names(&world, running).await;
    assert!(after.iter().any(|(rule, asks)| rule == "error-rate" && asks.contains("above 4 %")), "{after:?}");
    engine.set_rule(&world.rosa, target(), breach("error-rate", 9.0)).await.unwrap();
    world.pass(5).await;
    assert_eq!(rule_names(&world, running).await, after, "what has started keeps the rules of its start");
    world.engine.abort(&world.rosa, running, "enough".to_owned()).await.unwrap();
    world.finish(running).await;
}

fn beside(rule: &str, side: SideInput) -> RuleInput {
    let rule = rule.to_owned();
    RuleInput { rule, compared_with: Some(ComparedWith::Stable), side: Some(side), ..RuleInput::default() }
}

#[tokio::test]
async fn how_the_stable_version_is_compared_with_comes_back_as_it_was_typed() {
    let (world, _metrics) = prepared("2.0", "10%, 10m").await;
    let side =
        SideInput { effect: Some(EffectOf::Means), confidence: Some(0.9), tolerance: Some(0.5), samples: Some(40) };
    let typed = RuleInput { warning: Some(1.2), breach: Some(1.5), ..beside("p95", side) };
    world.engine.set_rule(&world.rosa, target(), typed.clone()).await.unwrap();
    let view = world.engine.judging(&world.rosa, "cart", "production").await.unwrap();
    assert_eq!(view.levels[0].rules[0].change, typed);
    assert_eq!(view.problems, Vec::<String>::new());
}

#[tokio::test]
async fn bad_input_is_refused_with_its_field() {
    let (world, _metrics) = prepared("2.0", "10%, 10m").await;
    let typed = |rule: &str| RuleInput { rule: rule.to_owned(), ..RuleInput::default() };
    let own =
        |query: &str, words: &str| OwnQuery { query: query.to_owned(), words: words.to_owned(), ..OwnQuery::default() };
    let table = [
        (typed("No Name"), "rule"),
        (breach("squid", 1.0), "rule"),
        (typed("p95"), "breach"),
        (breach("p95", f64::NAN), "breach"),
        (RuleInput { warning: Some(6.0), ..breach("error-rate", 5.0) }, "warning"),
        (breach("error-rate", 0.5), "warning"),
        (RuleInput { window_seconds: Some(4), ..typed("p95") }, "window_seconds"),
        (RuleInput { window_seconds: Some(30), interval_seconds: Some(60), ..typed("p95") }, "interval_seconds"),
        (RuleInput { times: Some(61), ..typed("p95") }, "times"),
        (RuleInput { counting: Some(Counting::OfTheLast), times: Some(3), ..typed("p95") }, "of"),
        (RuleInput { counting: Some(Counting::InARow), ..typed("p95") }, "times"),
        (RuleInput { of: Some(3), times: Some(1), ..typed("p95") }, "counting"),
        (RuleInput { compared_with: Some(ComparedWith::Stable), ..typed("restarts") }, "compared_with"),
        (RuleInput { compared_with: Some(ComparedWith::Stable), warning: Some(0.3), ..typed("p95") }, "breach"),
        (beside("p95", SideInput { confidence: Some(0.5), ..SideInput::default() }), "side.confidence"),
        (beside("p95", SideInput { tolerance: Some(-1.0), ..SideInput::default() }), "side.tolerance"),
        (beside("p95", SideInput { samples: Some(4), ..SideInput::default() }), "side.samples"),
        (beside("p95", SideInput { effect: Some(EffectOf::Means), ..SideInput::default() }), "breach"),
        (RuleInput { compared_with: None, ..beside("p95", SideInput::default()) }, "compared_with"),
        (RuleInput { minimum_requests: Some(5), ..typed("cpu") }, "minimum_requests"),
        (RuleInput { own: Some(own("up{v=\"{{image}}\"}", "x")), ..breach("mine", 1.0) }, "own.query"),
        (RuleInput { own: Some(own("{{version}}", "x")), ..breach("mine", 1.0) }, "own.query"),
        (RuleInput { own: Some(own("vector(1)", " ")), ..breach("mine", 1.0) }, "own.words"),
        (RuleInput { own: Some(own("vector(1)", "x")), ..typed("mine") }, "breach"),
        (RuleInput { own: Some(own("vector(1)", "x")), ..breach("p95", 1.0) }, "rule"),
    ];
    for (input, field) in table {
        let refused = world.engine.set_rule(&world.rosa, target(), input.clone()).await.unwrap_err();
        assert_eq!(refused.field(), Some(field), "{input:?}: {}", refused.message);
    }
    let places =
        [(JudgingPlace::default(), "service"), (tier(4), "tier"), (JudgingPlace { tier: Some(1), ..target() }, "tier")];
    for (place, field) in places {
        let refused = world.engine.set_rule(&world.admin, place, breach("p95", 3_000.0)).await.unwrap_err();
        assert_eq!(refused.field(), Some(field), "{}", refused.message);
    }
    let never = PolicyInput { undecided_minutes: Some(0), ..PolicyInput::default() };
    let refused = world.engine.set_judging_policy(&world.rosa, target(), never).await.unwrap_err();
    assert_eq!(refused.field(), Some("undecided_minutes"));
}

/// Production watches for an hour.
async fn watched(world: &World) {
    let all = world.engine.environments(&world.admin).await.unwrap();
    let now = all.into_iter().find(|environment| environment.name == "production").unwrap();
    let input = EnvironmentInput {
        name: now.name,
        title: now.title,
        kind: now.kind,
        approvals: now.approvals,
        healthy_in: now.healthy_in.unwrap_or_default(),
        rollout_budget_seconds: now.rollout_budget_seconds,
        watch_seconds: 3_600,
        clusters: now.clusters,
    };
    world.engine.change_environment(&world.admin, input).await.unwrap();
}

#[tokio::test]
async fn a_breach_while_it_is_watched_starts_a_rollback_where_that_was_said() {
    for (late_breach, starts) in [(None, false), (Some(LateBreach::RollBack), true)] {
        let (world, metrics) = prepared("2.0", "50%, 1m").await;
        watched(&world).await;
        let policy = PolicyInput { late_breach, ..PolicyInput::default() };
        world.engine.set_judging_policy(&world.rosa, target(), policy).await.unwrap();
        let number = world.ask("cart", "2.0").await;
        until(&world, number, "watched until").await;
        world.pass(30).await;
        assert_eq!(world.image_of("cart").await, "r.example/cart:2.0");
        metrics.set(crate::analysis::Mood::Counts(90));
        if starts {
            let rollback = number + 1;
            for _ in 0..300 {
                if world.engine.promotion(&world.rosa, rollback).await.is_ok() {
                    break;
                }
                world.pass(1).await;
            }
            until(&world, rollback, "done, watched").await;
            assert_eq!(world.image_of("cart").await, "r.example/cart:1.0");
            assert_eq!(world.status(number).await.phase, "succeeded", "a new start ends the watch");
            world.clock.advance(Duration::from_secs(3_600));
            assert_eq!(world.finish(rollback).await.phase, "succeeded");
            let view = world.engine.promotion(&world.rosa, rollback).await.unwrap();
            assert_eq!(view.line.requested_by, "rule: analysis");
            assert!(view.reason.contains("error rate 90 %"), "{}", view.reason);
        } else {
            until(&world, number, "proposes a rollback").await;
            world.clock.advance(Duration::from_secs(3_600));
            assert_eq!(world.finish(number).await.phase, "succeeded");
            assert_eq!(world.image_of("cart").await, "r.example/cart:2.0");
        }
        let last = world.engine.promotion(&world.rosa, number + 2).await;
        assert_eq!(last.unwrap_err().kind, ErrorKind::NotFound, "one rollback at most");
    }
}

fn health(address: &str) -> HealthInput {
    HealthInput { address: address.to_owned(), timeout_seconds: None }
}

#[tokio::test]
async fn three_failed_health_checks_in_two_minutes_take_a_version_back() {
    let (world, metrics) = prepared("2.0", "50%, 10m").await;
    let refused = world.engine.set_health(&world.rosa, "cart", "production", health("https://inside.example")).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.field(), Some("address"));
    assert!(refused.message.contains("outgoing_allow"), "{}", refused.message);
    world.engine.set_health(&world.rosa, "cart", "production", health("https://cart.example/")).await.unwrap();
    let view = world.engine.judging(&world.rosa, "cart", "production").await.unwrap();
    assert_eq!(view.health.unwrap().address, "https://cart.example/health");
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "canary at 50 % until").await;
    metrics.set(crate::analysis::Mood::Unhealthy);
    let since = world.clock.now();
    until(&world, number, "taking back").await;
    let took = (world.clock.now() - since).num_seconds();
    assert!((40..=65).contains(&took), "{took} s: the third request, 20 s after another");
    let status = world.finish(number).await;
    assert!(status.words.contains("health check failed in 3 of the last"), "{}", status.words);
    let asked = metrics.connected.lock().unwrap().clone();
    assert!(asked.contains(&"GET https://cart.example/health within 5 s".to_owned()), "{asked:?}");
    let shown = crate::analysis::rule(&world, number, "health").await;
    let last = shown.samples.last().unwrap();
    assert!(last.words.contains("status 503") && last.query == "GET https://cart.example/health", "{last:?}");
}

#[tokio::test]
async fn a_target_that_is_rolled_is_asked_while_it_is_watched() {
    let (world, metrics) = prepared("2.0", "50%, 10m").await;
    watched(&world).await;
    let rolling = contract::services::StrategyInput { strategy: "rolling".to_owned(), ..Default::default() };
    world.engine.set_strategy(&world.rosa, "cart", "production", rolling).await.unwrap();
    world.engine.set_health(&world.rosa, "cart", "production", health("https://cart.example/up")).await.unwrap();
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "watched until").await;
    metrics.set(crate::analysis::Mood::Unhealthy);
    until(&world, number, "proposes a rollback: health check failed").await;
}

#[tokio::test]
async fn a_canary_whose_requests_nobody_counts_is_judged_by_its_pods() {
    let world = World::new(0).await;
    world.service("cart").await;
    let by_pods = contract::services::StrategyInput {
        layer: "replicas".to_owned(),
        service: String::new(),
        route: String::new(),
        ..crate::canaries::canary("25%, 10m")
    };
    world.engine.set_strategy(&world.rosa, "cart", "production", by_pods).await.unwrap();
    world.version("cart", "2.0-fading").await;
    let rules = world.engine.judging(&world.rosa, "cart", "production").await.unwrap().rules;
    let names: Vec<_> = rules.iter().map(|rule| (rule.rule.as_str(), rule.from.as_str())).collect();
    assert_eq!(names, [("health", "as it comes"), ("restarts", "as it comes"), ("waiting-reasons", "as it comes")]);
    let number = world.ask("cart", "2.0-fading").await;
    let status = world.finish(number).await;
    assert!(status.words.contains("health check failed in 3 of the last"), "{}", status.words);
    assert_eq!(world.image_of("cart").await, "r.example/cart:1.0");
    let health = crate::analysis::rule(&world, number, "health").await;
    let last = health.samples.last().unwrap();
    assert_eq!((last.words.as_str(), last.mark), ("health check failed", domain::state::Mark::Failed));
}

#[tokio::test]
async fn a_rolling_update_is_judged_by_its_pods_while_it_is_watched_but_not_by_those_that_came_later() {
    let world = World::new(0).await;
    world.service("cart").await;
    watched(&world).await;
    world.version("cart", "2.0-slow").await;
    let number = world.ask("cart", "2.0-slow").await;
    until(&world, number, "watched until").await;
    // An autoscaler wants more pods, which take their time to start.
    world.practice.scale(&crate::world::workload("cart"), 9).unwrap();
    for _ in 0..120 {
        world.pass(1).await;
        let words = world.status(number).await.words;
        assert!(!words.contains("proposes"), "{words}");
    }
    let health = crate::analysis::rule(&world, number, "health").await;
    assert!(health.samples.len() >= 5, "{health:?}");
    let fading = World::new(0).await;
    fading.service("cart").await;
    watched(&fading).await;
    fading.version("cart", "2.0-fading").await;
    let number = fading.ask("cart", "2.0-fading").await;
    until(&fading, number, "proposes a rollback: health check failed").await;
}

#[tokio::test]
async fn a_change_that_has_no_effect_here_says_why() {
    let world = World::new(0).await;
    world.service("cart").await;
    crate::canaries::set(&world, "10%, 10m").await;
    world.engine.set_rule(&world.admin, tier(2), breach("p95", 3_000.0)).await.unwrap();
    world.engine.set_rule(&world.admin, tier(2), breach("restarts", 4.0)).await.unwrap();
    let view = world.engine.judging(&world.rosa, "cart", "production").await.unwrap();
    let said = |view: &contract::judging::JudgingView| {
        let rules = view.levels.iter().flat_map(|level| level.rules.clone());
        rules.map(|one| (one.change.rule, one.not_here)).collect::<Vec<_>>()
    };
    let nobody = Some("nobody counts the requests here".to_owned());
    assert_eq!(said(&view), [("p95".to_owned(), nobody), ("restarts".to_owned(), None)]);
    assert_eq!(view.policy.len(), 2, "{:?}", view.policy);
    assert_eq!(view.others, ["pods-not-ready"], "without numbers there is nothing else to choose");
    let rolling = contract::services::StrategyInput { strategy: "rolling".to_owned(), ..Default::default() };
    world.engine.set_strategy(&world.rosa, "cart", "production", rolling).await.unwrap();
    let view = world.engine.judging(&world.rosa, "cart", "production").await.unwrap();
    assert!(view.policy[2].contains("production does not watch"), "{:?}", view.policy);
}

pub fn alert(began_at: DateTime<Utc>, name: &str, status: &str, labels: &[(&str, &str)]) -> AlertInput {
    let named = [("alertname", name)];
    let labels = labels.iter().chain(&named).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    AlertInput {
        status: status.to_owned(),
        labels: labels.collect(),
        annotations: [("summary".to_owned(), "7 % of checkouts fail".to_owned())].into(),
        starts_at: began_at.to_rfc3339(),
        fingerprint: name.to_owned(),
    }
}

#[tokio::test]
async fn alerts_touch_the_promotions_that_their_labels_fit() {
    let (world, _metrics) = prepared("2.0", "10%, 10m").await;
    let monitor = domain::actor::Actor { role: domain::actor::Role::Monitor, ..world.theo.clone() };
    let send = async |alerts: Vec<AlertInput>| {
        world.engine.take_alerts(&monitor, AlertRules::default(), alerts).await.unwrap()
    };
    let here = [("service", "cart"), ("environment", "production"), ("severity", "warning")];
    let before = world.clock.now() - chrono::Duration::seconds(1);
    let waiting = send(vec![alert(before, "Errors", "firing", &here)]).await;
    assert_eq!((waiting.effects.len(), waiting.untouched), (0, 1), "what has not started is not touched");
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "canary at 10 % until").await;
    let held = send(vec![alert(before, "Errors", "firing", &here)]).await;
    assert_eq!(held.effects[0].did, "note", "it held before the promotion began");
    let since = world.clock.now();
    let elsewhere: [&[(&str, &str)]; 6] = [
        &[("service", "cart"), ("environment", "staging"), ("severity", "critical")],
        &[("service", "other"), ("severity", "critical")],
        &[("environment", "production"), ("severity", "critical")],
        &[("namespace", "production"), ("severity", "critical")],
        &[("service", "cart"), ("namespace", "elsewhere"), ("severity", "critical")],
        &[("deployment", "cart-canary"), ("namespace", "elsewhere"), ("severity", "critical")],
    ];
    let taken = send(elsewhere.iter().map(|labels| alert(since, "Elsewhere", "firing", labels)).collect()).await;
    assert_eq!((taken.effects.len(), taken.untouched), (0, 6), "{taken:?}");
    let refused = world.engine.take_alerts(&world.theo, AlertRules::default(), vec![]).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Refused, "a developer stops nobody else's promotion");
    let paused = send(vec![alert(since, "Errors", "firing", &here)]).await;
    assert_eq!((paused.effects[0].promotion, paused.effects[0].did.as_str()), (number, "pause"));
    assert!(world.status(number).await.words.contains("alert Errors: 7 % of checkouts fail"));
    assert_eq!(send(vec![alert(since, "Errors", "firing", &here)]).await.effects[0].did, "known");
    assert_eq!(send(vec![alert(since, "Errors", "resolved", &here)]).await.effects[0].did, "resolved");
    let noted = [("service", "cart"), ("severity", "critical"), ("slipway", "note")];
    assert_eq!(send(vec![alert(since, "Noted", "firing", &noted)]).await.effects[0].did, "note");
    let by_pod = [("namespace", "production"), ("deployment", "cart-canary"), ("slipway", "take_back")];
    assert_eq!(send(vec![alert(since, "Restarts", "firing", &by_pod)]).await.effects[0].did, "take_back");
    let status = world.finish(number).await;
    assert_eq!(status.phase, "failed");
    assert!(status.words.contains("alert Restarts"), "{}", status.words);
    let told = world.engine.audit(&world.admin, contract::audit::AuditQuery::default()).await.unwrap();
    assert!(told.rows.iter().filter(|row| row.sentence.contains("told")).count() >= 3);
}

#[tokio::test]
async fn of_a_storm_of_alerts_the_latest_are_remembered() {
    let (world, _metrics) = prepared("2.0", "10%, 10m").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "canary at 10 % until").await;
    let monitor = domain::actor::Actor { role: domain::actor::Role::Monitor, ..world.theo.clone() };
    let (since, most) = (world.clock.now(), KnownAlert::MOST);
    let about = [("service", "cart"), ("severity", "info")];
    let storm = |which: std::ops::Range<usize>| {
        which.map(|n| alert(since, &format!("Storm{n}"), "firing", &about)).collect::<Vec<_>>()
    };
    let send = |alerts| world.engine.take_alerts(&monitor, AlertRules::default(), alerts);
    let did = async |which| {
        let effects = send(storm(which)).await.unwrap().effects;
        let mut did: Vec<_> = effects.into_iter().map(|effect| effect.did).collect();
        did.dedup();
        did
    };
    assert_eq!(did(0..most).await, ["note"]);
    assert_eq!(did(0..most).await, ["known"], "all of them are remembered");
    assert_eq!(did(most..most + 1).await, ["note"]);
    assert_eq!(did(1..most + 1).await, ["known"]);
    assert_eq!(did(0..1).await, ["note"], "the earliest is forgotten, and told as if for the first time");
    let critical = [("service", "cart"), ("severity", "critical")];
    let last = send(vec![alert(since, "Errors", "firing", &critical)]).await.unwrap();
    assert_eq!(last.effects[0].did, "take_back", "whatever is remembered, a new one acts");
}

#[tokio::test]
async fn an_alert_about_a_version_that_is_only_watched_proposes_or_starts_a_rollback() {
    for (late_breach, starts) in [(None, false), (Some(LateBreach::RollBack), true)] {
        let (world, _metrics) = prepared("2.0", "50%, 1m").await;
        watched(&world).await;
        let policy = PolicyInput { late_breach, ..PolicyInput::default() };
        world.engine.set_judging_policy(&world.rosa, target(), policy).await.unwrap();
        let number = world.ask("cart", "2.0").await;
        until(&world, number, "watched until").await;
        let monitor = domain::actor::Actor { role: domain::actor::Role::Monitor, ..world.theo.clone() };
        let since = world.clock.now();
        let critical = [("service", "cart"), ("severity", "critical")];
        let send = async |status: &str| {
            let alerts = vec![alert(since, "Errors", status, &critical)];
            world.engine.take_alerts(&monitor, AlertRules::default(), alerts).await.unwrap()
        };
        assert_eq!(send("firing").await.effects[0].did, "rollback");
        if starts {
            // It is told again and again, also while what it has led to is under way.
            for _ in 0..60 {
                world.pass(1).await;
                send("firing").await;
            }
            let view = world.engine.promotion(&world.rosa, number + 1).await.unwrap();
            assert!(view.reason.contains("alert Errors: 7 % of checkouts fail"), "{}", view.reason);
            assert_eq!(view.line.requested_by, "rule: alert");
            until(&world, number + 1, "done, watched").await;
            assert_eq!(world.image_of("cart").await, "r.example/cart:1.0");
            // The alert still holds: what was rolled back to is not rolled back in turn.
            send("firing").await;
            world.pass(60).await;
            let next = world.engine.promotion(&world.rosa, number + 2).await;
            assert_eq!(next.unwrap_err().kind, ErrorKind::NotFound);
        } else {
            let words = world.status(number).await.words;
            assert!(words.contains("proposes a rollback: alert Errors: 7 % of checkouts fail"), "{words}");
            assert_eq!(send("resolved").await.effects[0].did, "resolved");
            assert!(!world.status(number).await.words.contains("proposes"), "it is over");
        }
    }
}

#[tokio::test]
async fn a_setting_that_cannot_be_read_keeps_nobody_from_aborting() {
    let (world, _metrics) = prepared("2.0", "10%, 10m").await;
    world.engine.set_rule(&world.rosa, target(), breach("error-rate", 4.0)).await.unwrap();
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "canary at 10 % until").await;
    let mut database = SqliteConnection::connect(&world.database()).await.unwrap();
    let spoilt = sqlx::query("UPDATE judging SET settings = '7'").execute(&mut database).await.unwrap();
    assert_eq!(spoilt.rows_affected(), 1);
    assert!(world.engine.judging(&world.rosa, "cart", "production").await.is_err());
    world.engine.abort(&world.rosa, number, "enough".to_owned()).await.unwrap();
    assert_eq!(world.finish(number).await.phase, "aborted");
}
