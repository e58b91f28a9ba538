//! Which promotion an alert is about, where its labels could mean several.

use std::time::Duration;

use contract::{
    alerts::{AlertInput, AlertRules, AlertsBackend as _},
    audit::{AuditBackend as _, AuditQuery},
    clusters::{AdoptWorkload, ClustersBackend as _},
    promotions::PromotionsBackend as _,
};
use domain::{
    environment::EnvironmentKind,
    names::{Namespace, WorkloadName},
};
use ports::Clock as _;
use sqlx::{Connection as _, SqliteConnection};

use crate::{
    analysis::prepared,
    canaries::until,
    judging::alert,
    world::{World, image, ticked},
};

/// Cart in staging too, in a namespace of its own, where nothing is under way.
async fn staged(world: &World) {
    world.add_environment("staging", EnvironmentKind::Staging, 0, "").await;
    let namespace = Namespace::parse("staging").unwrap();
    let images = vec![image("app", "r.example/cart:1.0")];
    let name = WorkloadName::parse("cart").unwrap();
    world.practice.create_deployment(&practice::NewDeployment::new(namespace, name, 3, images)).unwrap();
    world.clock.advance(Duration::from_secs(60));
    let place =
        |at: &str| AdoptWorkload { namespace: at.to_owned(), environment: at.to_owned(), ..ticked("cart", "cart") };
    let adopted = world.engine.adopt(&world.rosa, "practice", vec![place("staging")]).await.unwrap();
    assert_eq!(adopted.targets, 1, "{:?}", adopted.left_out);
}

#[tokio::test]
async fn an_alert_that_may_be_about_another_environment_takes_nothing_back() {
    let (world, _metrics) = prepared("2.0", "10%, 10m").await;
    staged(&world).await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "canary at 10 % until").await;
    let monitor = domain::actor::Actor { role: domain::actor::Role::Monitor, ..world.theo.clone() };
    let since = world.clock.now();
    let did = async |name: &str, labels: &[(&str, &str)]| {
        let critical = [labels, &[("severity", "critical")]].concat();
        let alerts = vec![alert(since, name, "firing", &critical)];
        let taken = world.engine.take_alerts(&monitor, AlertRules::default(), alerts).await.unwrap();
        taken.effects.into_iter().map(|effect| effect.did).collect::<Vec<_>>()
    };
    assert_eq!(did("Anywhere", &[("service", "cart")]).await, ["pause"], "staging has a cart as well");
    assert_eq!(did("Any", &[("deployment", "cart")]).await, ["pause"], "a name alone may be anybody's");
    assert!(did("Staging", &[("service", "cart"), ("namespace", "staging")]).await.is_empty());
    let here = [("service", "cart"), ("namespace", "production")];
    assert_eq!(did("Production", &here).await, ["take_back"], "the namespace says which one it is");
}

#[tokio::test]
async fn a_deployment_tells_more_than_the_service_that_was_scraped() {
    let (world, _metrics) = prepared("2.0", "10%, 10m").await;
    world.service("mail").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "canary at 10 % until").await;
    let monitor = domain::actor::Actor { role: domain::actor::Role::Monitor, ..world.theo.clone() };
    let since = world.clock.now();
    let did = async |name: &str, labels: &[(&str, &str)]| {
        let alerts = vec![alert(since, name, "firing", labels)];
        let taken = world.engine.take_alerts(&monitor, AlertRules::default(), alerts).await.unwrap();
        taken.effects.into_iter().map(|effect| effect.did).collect::<Vec<_>>()
    };
    let scraped = ("service", "monitoring-kube-state-metrics");
    let (place, cart) = (("namespace", "production"), ("deployment", "cart-canary"));
    assert!(did("Mail", &[("service", "mail"), place, cart]).await.is_empty(), "it is about another service");
    assert!(did("Nowhere", &[scraped, cart]).await.is_empty(), "without a namespace it may be anybody's");
    assert!(did("Namespace", &[scraped, place]).await.is_empty());
    assert!(did("Other", &[scraped, place, ("deployment", "mail")]).await.is_empty());
    let misspelt = [("service", "cart"), ("slipway", "paused"), ("severity", "warning")];
    assert_eq!(did("Misspelt", &misspelt).await, ["pause"], "its severity says what it asks for then");
    let both = ["firing", "resolved"].map(|status| alert(since, "Short", status, &[("service", "cart")])).to_vec();
    let taken = world.engine.take_alerts(&monitor, AlertRules::default(), both).await.unwrap();
    let short: Vec<_> = taken.effects.iter().map(|effect| effect.did.as_str()).collect();
    assert_eq!(short, ["note", "resolved"], "its end comes together with it");
    assert_eq!(did("Replicas", &[scraped, place, cart, ("severity", "critical")]).await, ["take_back"]);
}

#[tokio::test]
async fn a_storm_is_one_decision_and_what_takes_back_does_not_wait_behind_what_is_noted() {
    let (world, _metrics) = prepared("2.0", "10%, 10m").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "canary at 10 % until").await;
    let monitor = domain::actor::Actor { role: domain::actor::Role::Monitor, ..world.theo.clone() };
    let since = world.clock.now();
    let of = |name: &str, severity: &str| {
        let long = "x".repeat(400);
        let labels = [("service", "cart"), ("severity", severity), ("instance", long.as_str())];
        // As a sender that gives no fingerprint.
        AlertInput { fingerprint: String::new(), ..alert(since, name, "firing", &labels) }
    };
    let revision = async || world.engine.promotion(&world.rosa, number).await.unwrap().revision;
    let before = revision().await;
    let noted = (0..600).map(|index| of(&format!("Note{index}"), "info"));
    let storm: Vec<_> = noted.chain([of("Errors", "critical")]).collect();
    let taken = world.engine.take_alerts(&monitor, AlertRules::default(), storm.clone()).await.unwrap();
    let did = |name: &str| taken.effects.iter().find(|effect| effect.alert == name).unwrap().did.as_str();
    assert_eq!((taken.effects.len(), did("Note0"), did("Errors")), (601, "note", "take_back"));
    assert_eq!(revision().await, before + 1);
    let audit = world.engine.audit(&world.rosa, AuditQuery::default()).await.unwrap().rows;
    let row = audit.iter().find(|row| row.act == "promotion.alert").unwrap();
    assert!(row.sentence.starts_with("told of 601 alerts about promotion"), "{}", row.sentence);
    let again = world.engine.take_alerts(&monitor, AlertRules::default(), storm).await.unwrap();
    assert!(again.effects.iter().all(|effect| effect.did == "known"));
}

#[tokio::test]
async fn what_is_told_twice_at_once_acts_once() {
    let (world, _metrics) = prepared("2.0", "10%, 10m").await;
    let number = world.ask("cart", "2.0").await;
    until(&world, number, "canary at 10 % until").await;
    let monitor = domain::actor::Actor { role: domain::actor::Role::Monitor, ..world.theo.clone() };
    let twin = alert(world.clock.now(), "Twin", "firing", &[("service", "cart"), ("severity", "warning")]);
    let taken = world.engine.take_alerts(&monitor, AlertRules::default(), vec![twin.clone(), twin]).await.unwrap();
    assert_eq!(taken.effects.into_iter().map(|effect| effect.did).collect::<Vec<_>>(), ["pause", "known"]);
}

#[tokio::test]
async fn a_promotion_that_cannot_be_read_keeps_no_alert_from_the_others() {
    let (world, _metrics) = prepared("2.0", "10%, 10m").await;
    world.service("mail").await;
    world.version("mail", "2.0").await;
    let mail = world.ask("mail", "2.0").await;
    let cart = world.ask("cart", "2.0").await;
    until(&world, cart, "canary at 10 % until").await;
    let mut database = SqliteConnection::connect(&world.database()).await.unwrap();
    // Under way, and of a shape that nobody knows.
    let spoilt = sqlx::query("UPDATE promotions SET state = '{}', phase = 'watching', is_over = 0 WHERE number = ?");
    assert_eq!(spoilt.bind(mail).execute(&mut database).await.unwrap().rows_affected(), 1);
    let monitor = domain::actor::Actor { role: domain::actor::Role::Monitor, ..world.theo.clone() };
    let about = [("service", "cart"), ("severity", "critical")];
    let alerts = vec![alert(world.clock.now(), "Errors", "firing", &about)];
    let failed = world.engine.take_alerts(&monitor, AlertRules::default(), alerts).await.unwrap_err();
    assert_eq!(failed.kind, contract::ErrorKind::Internal, "who tells it tells it again: {failed}");
    assert_eq!(world.status(cart).await.phase, "taking_back");
}
