//! What a cell says, and when which of its sources wins.
#![expect(clippy::unwrap_used, reason = "tests")]

use chrono::{DateTime, Duration, Utc};
use domain::{
    actor::{Identity, Role},
    ids::{DeploymentId, EnvironmentId, PersonId, PromotionId, ServiceId, TargetId, VersionId},
    image::ContainerImage,
    names::{ClusterName, ContainerName, Namespace, ServiceName, TeamName, WorkloadName},
    version::VersionLabel,
};
use store::{BoardCell as Stored, ServiceRow};
use uuid::Uuid;

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn actor(role: Role) -> Actor {
    let identity = Identity::Person { id: PersonId::new(Uuid::from_u128(1)), name: "Rosa Mint".to_owned() };
    Actor { identity, role, from: None }
}

fn target() -> TargetId {
    TargetId::new(Uuid::from_u128(3))
}

fn version(ordinal: i64) -> VersionId {
    VersionId::new(Uuid::from_u128(1_000 + u128::try_from(ordinal).unwrap()))
}

fn label(ordinal: i64) -> VersionLabel {
    VersionLabel::parse(&format!("1.{ordinal}.0")).unwrap()
}

fn latest(ordinal: i64, hours_ago: i64) -> BoardDeployment {
    BoardDeployment {
        service_id: ServiceId::new(Uuid::from_u128(2)),
        environment_id: EnvironmentId::new(Uuid::from_u128(1)),
        deployment_id: DeploymentId::new(Uuid::from_u128(9)),
        version_id: version(ordinal),
        label: label(ordinal),
        ordinal,
        commits_total: ordinal * 5,
        previous_version_id: (ordinal > 1).then(|| version(ordinal - 1)),
        finished_at: now() - Duration::hours(hours_ago),
    }
}

fn running(workload: &str, ordinal: Option<i64>, mark: Mark, words: &str) -> BoardRunning {
    let image = |tag: &str| ContainerImage {
        container: ContainerName::parse("app").unwrap(),
        image: format!("r.example/shop/cart:{tag}@sha256:{}", "0".repeat(64)),
    };
    BoardRunning {
        target_id: target(),
        cluster: ClusterName::parse("eu-1").unwrap(),
        namespace: Namespace::parse("shop").unwrap(),
        workload: WorkloadName::parse(workload).unwrap(),
        version_id: ordinal.map(version),
        label: ordinal.map(label),
        ordinal,
        commits_total: ordinal.map(|o| o * 5),
        images: ordinal.is_none().then(|| vec![image("debug")]),
        mark,
        words: words.to_owned(),
        wanted: 3,
        available: if mark == Mark::Done { 3 } else { 1 },
        is_changed_by_others: ordinal.is_none(),
        since: now() - Duration::hours(1),
    }
}

fn promotion(phase: &str, ordinal: i64, mark: Mark, words: &str) -> BoardPromotion {
    let is_over = !matches!(phase, "waiting" | "starting" | "progressing" | "taking_back" | "watching");
    BoardPromotion {
        id: PromotionId::new(Uuid::from_u128(40)),
        number: 1042,
        target_id: target(),
        version_id: version(ordinal),
        label: label(ordinal),
        phase: phase.to_owned(),
        occupies: matches!(phase, "starting" | "progressing" | "taking_back"),
        is_over,
        needs_approval: phase == "waiting",
        mark,
        words: words.to_owned(),
        percent: (phase == "progressing").then_some(33),
        revision: 4,
        requested_at: now() - Duration::hours(3),
        started_at: (phase != "waiting").then(|| now() - Duration::minutes(20)),
        finished_at: is_over.then(|| now() - Duration::minutes(18)),
    }
}

fn stored(running: Vec<BoardRunning>, latest: Option<BoardDeployment>, promotions: Vec<BoardPromotion>) -> Stored {
    let environment = EnvironmentId::new(Uuid::from_u128(1));
    Stored { environment, target: Some(target()), running, latest, promotions, ahead: None }
}

fn row(cells: Vec<Stored>) -> BoardRow {
    let service = ServiceRow {
        id: ServiceId::new(Uuid::from_u128(2)),
        name: ServiceName::parse("cart").unwrap(),
        title: "Cart".to_owned(),
        team: TeamName::parse("checkout").unwrap(),
        team_title: "Checkout".to_owned(),
        tier: 1,
    };
    BoardRow { service, cells }
}

fn one(cell: Stored) -> Cell {
    cells(row(vec![cell]), &actor(Role::ReleaseManager)).pop().unwrap().unwrap()
}

fn quiet(ordinal: i64) -> Vec<BoardRunning> {
    vec![running("cart", Some(ordinal), Mark::Done, "3 pods")]
}

#[test]
fn a_quiet_cell_shows_version_pods_and_when_it_was_deployed() {
    let cell = one(stored(quiet(4), Some(latest(4, 50)), vec![]));
    assert_eq!((cell.view.mark, cell.view.version.as_deref(), cell.view.is_known), (Mark::Done, Some("1.4.0"), true));
    assert_eq!((cell.view.pods, cell.view.reason.as_deref()), (Some((3, 3)), None));
    assert_eq!(cell.view.since, Some(now() - Duration::hours(50)), "not when it was seen, but when it was deployed");
    assert!(cell.states.is_empty() && cell.view.can_roll_back);
}

#[test]
fn what_moves_wins_over_what_waits_and_that_over_a_failure() {
    let failed = promotion("failed", 5, Mark::Failed, "taken back: CrashLoopBackOff");
    let waits = promotion("waiting", 6, Mark::Waiting, "waits for 1 approval");
    let moves = promotion("progressing", 5, Mark::Moving, "rolling out: 1 of 3 pods");
    let cell = |promotions| one(stored(quiet(4), Some(latest(4, 50)), promotions));
    let all = cell(vec![moves, waits.clone(), failed.clone()]);
    assert_eq!((all.view.mark, all.view.percent, all.view.promotion), (Mark::Moving, Some(33), Some(1042)));
    assert_eq!(all.view.reason.as_deref(), Some("1.5.0 rolling out: 1 of 3 pods"));
    assert_eq!(all.states, [BoardState::Moving, BoardState::Waiting]);
    let waiting = cell(vec![waits, failed.clone()]);
    assert_eq!((waiting.view.mark, waiting.needs_someone), (Mark::Waiting, true));
    assert_eq!(waiting.view.reason.as_deref(), Some("1.6.0 waits for 1 approval"));
    assert_eq!(waiting.states, [BoardState::Waiting, BoardState::Failed]);
    let red = cell(vec![failed]);
    assert_eq!((red.view.mark, red.view.version.as_deref()), (Mark::Failed, Some("1.4.0")));
    assert_eq!(red.view.since, Some(now() - Duration::minutes(18)));
}

#[test]
fn what_stands_in_the_middle_waits_and_needs_someone() {
    let stands = promotion("progressing", 5, Mark::Waiting, "canary at 25 %, waits for someone to let it go on");
    let cell = |promotions| one(stored(quiet(4), Some(latest(4, 50)), promotions));
    let alone = cell(vec![stands.clone()]);
    assert_eq!((alone.states.as_slice(), alone.needs_someone), ([BoardState::Waiting].as_slice(), true));
    let next = promotion("waiting", 6, Mark::Waiting, "waits for 1 approval");
    assert_eq!(cell(vec![stands, next]).states, [BoardState::Waiting]);
}

#[test]
fn a_failure_is_over_when_something_succeeded_since_and_a_rejection_is_none() {
    let failed = promotion("failed", 5, Mark::Failed, "taken back: CrashLoopBackOff");
    let mended = one(stored(quiet(6), Some(latest(6, 0)), vec![failed]));
    assert_eq!((mended.view.mark, mended.states.len()), (Mark::Done, 0));
    let mut rejected = promotion("rejected", 5, Mark::Failed, "rejected by Ines Okafor");
    rejected.started_at = None;
    let cell = one(stored(quiet(4), Some(latest(4, 50)), vec![rejected]));
    assert_eq!((cell.view.mark, cell.states.len()), (Mark::Done, 0));
}

#[test]
fn an_unknown_image_is_not_by_slipway_and_named_shortly() {
    let cell = one(stored(vec![running("cart", None, Mark::Done, "3 pods")], Some(latest(4, 50)), vec![]));
    assert_eq!((cell.view.mark, cell.view.version.as_deref()), (Mark::Nothing, Some("cart:debug")));
    assert!(!cell.view.is_known && cell.view.reason.unwrap().starts_with("not by Slipway"));
    assert_eq!(cell.states, [BoardState::ChangedByOthers]);
    assert!(cell.view.can_roll_back, "back to what was deployed");
    // While a promotion writes, it is the promotion's doing.
    let moves = promotion("progressing", 5, Mark::Moving, "rolling out");
    let cell = one(stored(vec![running("cart", None, Mark::Done, "")], Some(latest(4, 50)), vec![moves]));
    assert_eq!(cell.states, [BoardState::Moving]);
}

#[test]
fn the_worst_workload_speaks_and_different_versions_are_said() {
    let both = |api: i64, worker: i64, mark| {
        let api = running("cart-api", Some(api), Mark::Done, "3 pods");
        one(stored(
            vec![api, running("cart-worker", Some(worker), mark, "CrashLoopBackOff, exit code 1")],
            Some(latest(4, 50)),
            vec![],
        ))
    };
    let bad = both(4, 4, Mark::Failed);
    assert_eq!((bad.view.mark, bad.view.pods), (Mark::Failed, Some((4, 6))));
    assert_eq!(bad.view.reason.as_deref(), Some("CrashLoopBackOff, exit code 1"));
    assert_eq!(bad.states, [BoardState::Failed]);
    let mixed = both(4, 5, Mark::Done);
    assert_eq!(mixed.view.reason.as_deref(), Some("its workloads run different versions"));
    assert_eq!(mixed.states, [BoardState::ChangedByOthers]);
}

#[test]
fn a_reported_deployment_is_enough_and_nothing_at_all_is_no_cell() {
    let mut reported = stored(vec![], Some(latest(4, 2)), vec![]);
    reported.target = None;
    let nowhere = Stored { target: None, ..stored(vec![], None, vec![]) };
    let empty = stored(vec![], None, vec![]);
    let told = cells(row(vec![reported, nowhere, empty]), &actor(Role::Developer));
    let first = told[0].clone().unwrap().view;
    assert_eq!((first.mark, first.version.as_deref(), first.pods), (Mark::Done, Some("1.4.0"), None));
    assert_eq!(told[1], None);
    let empty = told[2].clone().unwrap().view;
    assert_eq!((empty.mark, empty.reason.as_deref()), (Mark::Nothing, Some("nothing deployed yet")));
    assert_eq!(empty.promotable.as_deref(), Some("1.4.0"), "what runs one environment before");
    assert!(!empty.can_roll_back);
}

#[test]
fn what_the_environment_before_has_more_is_named_by_labels() {
    let before = stored(quiet(6), Some(latest(6, 2)), vec![]);
    let here = Stored {
        ahead: Some(store::Ahead { versions: 2, commits: 10, from: version(4), to: version(6) }),
        ..stored(quiet(4), Some(latest(4, 50)), vec![])
    };
    let after = Stored {
        ahead: Some(store::Ahead { versions: -1, commits: -5, from: version(5), to: version(4) }),
        ..stored(quiet(5), Some(latest(5, 50)), vec![])
    };
    let told = cells(row(vec![before.clone(), here.clone(), after]), &actor(Role::Developer));
    let here_view = told[1].clone().unwrap().view;
    let ahead = Ahead { from: "1.4.0".into(), to: "1.6.0".into(), versions: 2, commits: 10 };
    assert_eq!((here_view.ahead, here_view.promotable.as_deref()), (Some(ahead), Some("1.6.0")));
    assert!(!here_view.can_roll_back, "a developer may not");
    let coming = promotion("progressing", 6, Mark::Moving, "2 of 4 pods");
    let busy = Stored { promotions: vec![coming], ..here.clone() };
    let busy = cells(row(vec![before.clone(), busy]), &actor(Role::Developer))[1].clone().unwrap().view;
    assert_eq!(busy.promotable, None, "it is on its way");
    let after = told[2].clone().unwrap().view;
    assert_eq!((after.ahead, after.promotable), (None, None), "what is behind is not ahead");
    let viewer = cells(row(vec![before, here]), &actor(Role::Viewer));
    assert_eq!(viewer[1].clone().unwrap().view.promotable, None);
}
