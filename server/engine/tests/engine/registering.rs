//! What pipelines send: versions, checks, deployments. The same again changes nothing.

use contract::{
    ErrorKind,
    audit::{AuditBackend, AuditQuery},
    deployments::{DeploymentsBackend, DeploymentsQuery, ReportDeployment},
    services::ServicesBackend,
    versions::{RegisterVersion, VersionsBackend},
};
use domain::{
    deployment::{Cause, Outcome},
    version::Verdict,
};
use serde_json::json;

use super::{
    both::on_both_databases,
    world::{World, noon, viewer},
};

on_both_databases!(checks_that_are_registered_again_are_taken, a_registered_version_never_changes);

fn version(label: &str, tag: &str) -> RegisterVersion {
    serde_json::from_value(json!({
        "version": label,
        "image": format!("r.example/cart:{tag}"),
        "digest": format!("sha256:{}", tag.chars().last().unwrap().to_digit(16).unwrap_or(1).to_string().repeat(64)),
        "commit": "8c1f02e",
        "commits": [
            {"hash": "8c1f02e", "author": "Theo Lind", "title": "Refund once per payment id", "committed_at": "2026-11-20T08:00:00Z"},
            {"hash": "77aa001", "author": "Mei Tanaka", "title": "Name the columns", "committed_at": "2026-11-19T08:00:00Z"},
        ],
        "checks": [{"name": "unit tests", "verdict": "passed", "counts": {"tests_run": 412}}],
    }))
    .unwrap()
}

fn report(key: &str, outcome: Outcome) -> ReportDeployment {
    serde_json::from_value(json!({
        "service": "cart", "environment": "production", "version": "1.1", "outcome": outcome, "key": key,
    }))
    .unwrap()
}

async fn world() -> World {
    let world = World::new(0).await;
    world.service("cart").await;
    world
}

#[tokio::test]
async fn registering_the_same_again_changes_nothing() {
    let world = world().await;
    let first = world.engine.register_version(&world.theo, "cart", version("1.1", "1.1")).await.unwrap();
    assert!(first.is_new && first.is_pinned);
    let again = world.engine.register_version(&world.theo, "cart", version("1.1", "1.1")).await.unwrap();
    assert!(!again.is_new);
    let view = world.engine.version(&world.theo, "cart", "1.1").await.unwrap();
    assert_eq!((view.line.commits, view.line.title.as_deref()), (2, Some("Refund once per payment id")));
    assert_eq!((view.checks[0].words.as_str(), view.previous.as_deref()), ("412 passed", Some("1.0")));
    assert_eq!(view.promotable_to, [("production".to_owned(), "production".to_owned())]);
    let audit =
        world.engine.audit(&world.rosa, AuditQuery { act: Some("version.register".into()), ..AuditQuery::default() });
    assert_eq!(audit.await.unwrap().total, 1, "what changed nothing leaves no entry");
}

#[tokio::test]
async fn the_same_label_with_another_image_or_commit_is_a_conflict() {
    let world = world().await;
    world.engine.register_version(&world.theo, "cart", version("1.1", "1.1")).await.unwrap();
    let other = world.engine.register_version(&world.theo, "cart", version("1.1", "1.2")).await.unwrap_err();
    assert_eq!(other.kind, ErrorKind::Conflict);
    assert!(
        other.message.contains("cart 1.1 is registered already with another image (r.example/cart:1.1@"),
        "{other}"
    );
    let mut commit = version("1.1", "1.1");
    commit.commit = Some("1234567".to_owned());
    let other = world.engine.register_version(&world.theo, "cart", commit).await.unwrap_err();
    assert!(other.message.contains("another commit (8c1f02e)"), "{other}");
}

async fn audited(world: &World, act: &str) -> u64 {
    let query = AuditQuery { act: Some(act.to_owned()), ..AuditQuery::default() };
    world.engine.audit(&world.rosa, query).await.unwrap().total
}

async fn checks_that_are_registered_again_are_taken(world: &World) {
    world.service("cart").await;
    let mut given = version("1.1", "1.1");
    given.checks.push(serde_json::from_value(json!({"name": "image scan", "verdict": "running"})).unwrap());
    world.engine.register_version(&world.theo, "cart", given.clone()).await.unwrap();
    let again = world.engine.register_version(&world.theo, "cart", given.clone()).await.unwrap();
    assert!(!again.is_new);
    assert_eq!(audited(world, "version.check").await, 0, "the same again changes nothing");
    given.checks = serde_json::from_value(json!([
        {"name": "image scan", "verdict": "failed", "counts": {"critical": 1}},
        {"name": "licences", "verdict": "passed"},
    ]))
    .unwrap();
    assert!(!world.engine.register_version(&world.theo, "cart", given.clone()).await.unwrap().is_new);
    let view = world.engine.version(&world.theo, "cart", "1.1").await.unwrap();
    let shown: Vec<_> = view.checks.iter().map(|c| (c.name.as_str(), c.verdict)).collect();
    let (failed, passed) = (Verdict::Failed, Verdict::Passed);
    assert_eq!(shown, [("image scan", failed), ("licences", passed), ("unit tests", passed)]);
    assert_eq!(audited(world, "version.check").await, 1);
    given.checks.clear();
    world.engine.register_version(&world.theo, "cart", given).await.unwrap();
    assert_eq!(world.engine.version(&world.theo, "cart", "1.1").await.unwrap().checks.len(), 3, "none are lost");
}

async fn a_registered_version_never_changes(world: &World) {
    world.service("cart").await;
    let mut first = version("1.1", "1.1");
    first.hotfix = true;
    world.engine.register_version(&world.theo, "cart", first.clone()).await.unwrap();
    let refused = async |change: fn(&mut RegisterVersion)| {
        let mut given = first.clone();
        given.checks = serde_json::from_value(json!([{"name": "licences", "verdict": "passed"}])).unwrap();
        change(&mut given);
        let refused = world.engine.register_version(&world.theo, "cart", given).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Conflict, "{refused}");
        refused.message
    };
    let digest = refused(|v| v.digest = Some(format!("sha256:{}", "e".repeat(64)))).await;
    assert!(digest.contains("another image"), "{digest}");
    let unpinned = refused(|v| v.digest = None).await;
    assert!(unpinned.contains("another image"), "{unpinned}");
    let flag = refused(|v| v.irreversible_migration = true).await;
    assert!(flag.contains("no mark of an irreversible migration"), "{flag}");
    let view = world.engine.version(&world.theo, "cart", "1.1").await.unwrap();
    assert!(view.checks.iter().all(|c| c.name != "licences"), "nothing of what is refused is kept");
    // What is left out stays.
    first.hotfix = false;
    first.commit = None;
    assert!(!world.engine.register_version(&world.theo, "cart", first).await.unwrap().is_new);
    let view = world.engine.version(&world.theo, "cart", "1.1").await.unwrap();
    assert_eq!((view.line.is_hotfix, view.line.commit.as_deref()), (true, Some("8c1f02e")));
}

#[tokio::test]
async fn a_registration_is_refused_with_the_field_that_is_wrong() {
    let world = world().await;
    let mut latest = version("1.1", "1.1");
    latest.image = Some("r.example/cart:latest".to_owned());
    let refused = world.engine.register_version(&world.theo, "cart", latest).await.unwrap_err();
    assert_eq!(refused.field(), Some("image"));
    let unknown = world.engine.register_version(&world.theo, "nope", version("1.1", "1.1")).await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::NotFound);
    let refused = world.engine.register_version(&viewer(), "cart", version("1.1", "1.1")).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Refused);
    let refused = world.engine.register_version(&world.ines, "cart", version("1.1", "1.1")).await.unwrap_err();
    assert!(refused.message.contains("approver"), "{refused}");
}

#[tokio::test]
async fn later_checks_replace_those_of_their_name() {
    let world = world().await;
    world.engine.register_version(&world.theo, "cart", version("1.1", "1.1")).await.unwrap();
    let checks = serde_json::from_value(json!([
        {"name": "unit tests", "verdict": "failed", "counts": {"tests_run": 412, "tests_failed": 3}},
        {"name": "image scan", "verdict": "running"},
    ]));
    world.engine.report_checks(&world.theo, "cart", "1.1", checks.unwrap()).await.unwrap();
    let view = world.engine.version(&world.theo, "cart", "1.1").await.unwrap();
    let shown: Vec<_> = view.checks.iter().map(|c| (c.name.as_str(), c.words.as_str())).collect();
    assert_eq!(shown, [("image scan", ""), ("unit tests", "3 of 412 failed")]);
    assert_eq!(view.line.checks, Some(Verdict::Failed));
}

#[tokio::test]
async fn a_reported_deployment_runs_then_ends_and_is_counted_once() {
    let world = world().await;
    world.engine.register_version(&world.theo, "cart", version("1.1", "1.1")).await.unwrap();
    assert!(world.engine.report_deployment(&world.theo, report("run-7", Outcome::Running)).await.unwrap());
    world.clock.advance(std::time::Duration::from_secs(90));
    assert!(!world.engine.report_deployment(&world.theo, report("run-7", Outcome::Succeeded)).await.unwrap());
    assert!(!world.engine.report_deployment(&world.theo, report("run-7", Outcome::Succeeded)).await.unwrap());
    let view = world.engine.deployments(&world.theo, DeploymentsQuery::default()).await.unwrap();
    let line = view.page.rows.iter().find(|l| l.version == "1.1").unwrap();
    assert_eq!((line.outcome, line.cause, line.previous.as_deref()), (Outcome::Succeeded, Cause::Planned, Some("1.0")));
    assert_eq!((line.finished_at.unwrap() - line.started_at).num_seconds(), 90);
    assert_eq!(view.page.rows.iter().filter(|l| l.version == "1.1").count(), 1);
    let ended = world.engine.report_deployment(&world.theo, report("run-7", Outcome::Failed)).await.unwrap_err();
    assert_eq!(ended.kind, ErrorKind::Conflict);
    let mut other = report("run-7", Outcome::Succeeded);
    other.version = "1.0".to_owned();
    assert_eq!(world.engine.report_deployment(&world.theo, other).await.unwrap_err().kind, ErrorKind::Conflict);
}

#[tokio::test]
async fn a_report_that_contradicts_itself_is_refused() {
    let world = world().await;
    world.engine.register_version(&world.theo, "cart", version("1.1", "1.1")).await.unwrap();
    let refused = async |change: fn(&mut ReportDeployment)| {
        let mut report = report("run-8", Outcome::Succeeded);
        change(&mut report);
        world.engine.report_deployment(&world.theo, report).await.unwrap_err()
    };
    let early =
        refused(|r| (r.started_at, r.finished_at) = (Some(noon()), Some(noon() - chrono::Duration::hours(1)))).await;
    assert_eq!(early.field(), Some("finished_at"));
    let future = refused(|r| r.started_at = Some(noon() + chrono::Duration::days(3))).await;
    assert_eq!(future.field(), Some("started_at"));
    let running = refused(|r| (r.outcome, r.finished_at) = (Outcome::Running, Some(noon()))).await;
    assert_eq!(running.field(), Some("finished_at"));
    assert_eq!(refused(|r| r.key = "\u{7}".to_owned()).await.field(), Some("key"));
    assert_eq!(refused(|r| r.environment = "moon".to_owned()).await.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_commit_is_found_where_it_runs() {
    let world = world().await;
    world.engine.register_version(&world.theo, "cart", version("1.1", "1.1")).await.unwrap();
    let found = world.engine.where_is_commit(&world.theo, "cart", "8c1f").await.unwrap();
    assert_eq!((found[0].version.as_str(), found[0].places[0].1), ("1.1", false));
    assert_eq!(found[0].places[0].2, "not yet: 1.0 runs there");
    let number = world.ask("cart", "1.1").await;
    world.finish(number).await;
    world.see().await;
    let found = world.engine.where_is_commit(&world.theo, "cart", "8C1F02E").await.unwrap();
    assert!(found[0].places[0].1 && found[0].places[0].2.starts_with("in 1.1 for "), "{:?}", found[0].places);
    assert_eq!(world.engine.where_is_commit(&world.theo, "cart", "zz").await.unwrap_err().field(), Some("hash"));
    assert!(world.engine.where_is_commit(&world.theo, "cart", "ffff").await.unwrap().is_empty());
}
