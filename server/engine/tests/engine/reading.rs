//! What people read: the Board, services, incidents, figures, search, approvals, the frame.

use contract::{
    ErrorKind, PageRequest,
    approvals::ApprovalsBackend,
    audit::{AuditBackend, AuditQuery},
    board::{BoardBackend, BoardCell, BoardQuery, BoardSort, BoardState},
    frame::FrameBackend,
    incidents::{IncidentsBackend, OpenIncident},
    insights::{InsightsBackend, InsightsQuery},
    promotions::PromotionsBackend,
    search::{FoundKind, SearchBackend},
    services::{ServiceInput, ServicesBackend, ServicesQuery, TargetWorkloadInput},
    versions::{CommitInput, RegisterVersion, VersionsBackend},
};
use domain::{actor::Act, deployment::Severity, state::Mark};

use super::world::{World, build, noon, viewer, workload};

async fn cell(world: &World, service: &str) -> BoardCell {
    let board = world.engine.board(&world.rosa, BoardQuery::default()).await.unwrap();
    let rows = board.groups.into_iter().flat_map(|g| g.rows);
    rows.into_iter().find(|r| r.service == service).unwrap().cells.pop().unwrap().unwrap()
}

fn service_input(name: &str) -> ServiceInput {
    ServiceInput { name: name.to_owned(), team: "checkout".to_owned(), tier: 2, ..ServiceInput::default() }
}

#[tokio::test]
async fn the_board_follows_a_promotion_from_asking_to_done() {
    let world = World::new(1).await;
    world.service("cart").await;
    world.see().await;
    let quiet = cell(&world, "cart").await;
    assert_eq!((quiet.mark, quiet.version.as_deref(), quiet.pods), (Mark::Done, Some("1.0"), Some((3, 3))));
    world.version("cart", "1.1").await;
    let number = world.ask("cart", "1.1").await;
    let waits = cell(&world, "cart").await;
    assert_eq!((waits.mark, waits.promotion), (Mark::Waiting, Some(number)));
    assert_eq!(waits.reason.as_deref(), Some("1.1 waits for 1 approval"));
    world.engine.approve(&world.ines, number, 1, None).await.unwrap();
    world.pass(2).await;
    world.see().await;
    let moves = cell(&world, "cart").await;
    assert_eq!((moves.mark, moves.promotion), (Mark::Moving, Some(number)), "{:?}", moves.reason);
    world.finish(number).await;
    world.see().await;
    let done = cell(&world, "cart").await;
    assert_eq!((done.mark, done.version.as_deref(), done.promotion), (Mark::Done, Some("1.1"), None));
    assert!(done.can_roll_back);
}

#[tokio::test]
async fn a_crash_stays_on_the_board_with_its_reason() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.version("cart", "1.1-crash").await;
    let number = world.ask("cart", "1.1-crash").await;
    assert_eq!(world.finish(number).await.phase, "failed");
    world.pass(5).await;
    world.see().await;
    let red = cell(&world, "cart").await;
    assert_eq!((red.mark, red.version.as_deref()), (Mark::Failed, Some("1.0")));
    assert!(red.reason.as_deref().unwrap().contains("CrashLoopBackOff"), "{:?}", red.reason);
    let failed = BoardQuery { state: Some(BoardState::Failed), ..BoardQuery::default() };
    let board = world.engine.board(&world.rosa, failed).await.unwrap();
    assert_eq!((board.total, board.counts.failed, board.counts.moving), (1, 1, 0));
}

#[tokio::test]
async fn what_others_set_with_kubectl_is_shown_as_theirs() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.practice.set_image_by_other(&workload("cart"), "app", "r.example/cart:by-hand").unwrap();
    world.clock.advance(std::time::Duration::from_secs(60));
    world.see().await;
    let cell = cell(&world, "cart").await;
    assert_eq!((cell.version.as_deref(), cell.is_known), (Some("cart:by-hand"), false));
    assert!(cell.reason.unwrap().starts_with("not by Slipway"));
}

#[tokio::test]
async fn the_board_sorts_filters_and_pages() {
    let world = World::new(1).await;
    for name in ["aa", "bb", "cc"] {
        world.service(name).await;
    }
    world.see().await;
    world.version("cc", "1.1").await;
    world.ask("cc", "1.1").await;
    let names = async |query: BoardQuery| {
        let board = world.engine.board(&world.rosa, query).await.unwrap();
        board.groups.into_iter().flat_map(|g| g.rows).map(|r| r.service).collect::<Vec<_>>()
    };
    assert_eq!(names(BoardQuery::default()).await, ["cc", "aa", "bb"], "what needs a person first");
    assert_eq!(names(BoardQuery { sort: BoardSort::Name, ..BoardQuery::default() }).await, ["aa", "bb", "cc"]);
    let page = PageRequest::new(2, 2);
    assert_eq!(names(BoardQuery { sort: BoardSort::Name, page, ..BoardQuery::default() }).await, ["cc"]);
    assert_eq!(names(BoardQuery { text: Some("B".into()), ..BoardQuery::default() }).await, ["bb"]);
    assert_eq!(names(BoardQuery { tier: Some(1), ..BoardQuery::default() }).await, [""; 0]);
    let wrong = BoardQuery { team: Some("No Such Team".into()), ..BoardQuery::default() };
    assert_eq!(world.engine.board(&world.rosa, wrong).await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn services_are_added_changed_and_get_their_workloads() {
    let world = World::new(0).await;
    let engine = &world.engine;
    engine.add_service(&world.rosa, service_input("images")).await.unwrap();
    assert_eq!(engine.add_service(&world.rosa, service_input("images")).await.unwrap_err().field(), Some("name"));
    let refused = engine.add_service(&world.theo, service_input("other")).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Refused);
    let wrong = ServiceInput { tier: 4, ..service_input("other") };
    assert_eq!(engine.add_service(&world.rosa, wrong).await.unwrap_err().field(), Some("tier"));
    let script = ServiceInput { repository: "javascript:alert(1)".into(), ..service_input("other") };
    assert_eq!(engine.add_service(&world.rosa, script).await.unwrap_err().field(), Some("repository"));
    let change =
        ServiceInput { description: "Serves pictures".into(), team: "catalogue".into(), ..service_input("images") };
    engine.change_service(&world.rosa, change).await.unwrap();
    let one = TargetWorkloadInput {
        cluster: "practice".into(),
        namespace: "production".into(),
        workload: "images".into(),
        container: "app".into(),
        component: None,
        kind: domain::observation::WorkloadKind::Deployment,
    };
    engine.set_target(&world.rosa, "images", "production", vec![one.clone()].into()).await.unwrap();
    engine.set_target(&world.rosa, "images", "production", vec![one.clone()].into()).await.unwrap();
    let twice = engine
        .set_target(&world.rosa, "images", "production", vec![one.clone(), one.clone()].into())
        .await
        .unwrap_err();
    assert_eq!(twice.field(), Some("workloads[1].container"));
    let moon = TargetWorkloadInput { cluster: "moon".into(), ..one };
    let refused = engine.set_target(&world.rosa, "images", "production", vec![moon].into()).await.unwrap_err();
    assert_eq!(refused.field(), Some("workloads[0].cluster"));
    let view = engine.service(&world.theo, "images", PageRequest::default()).await.unwrap();
    assert_eq!((view.team.title.as_str(), view.description.as_str()), ("Catalogue", "Serves pictures"));
    assert_eq!(view.targets[0].workloads.len(), 1);
    assert_eq!(view.targets[0].cell.reason.as_deref(), Some("nothing deployed yet"));
    let list = engine.services(&world.theo, ServicesQuery::default()).await.unwrap();
    assert_eq!((list.total, list.rows[0].targets, list.rows[0].newest.as_deref()), (1, 1, None));
    assert_eq!(
        engine.service(&world.theo, "../x", PageRequest::default()).await.unwrap_err().kind,
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn an_incident_of_the_last_deployment_is_a_failed_change_with_its_recovery() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.version("cart", "1.1").await;
    let number = world.ask("cart", "1.1").await;
    world.finish(number).await;
    let open = OpenIncident {
        title: "Totals are wrong".into(),
        severity: Severity::Major,
        service: "cart".into(),
        environment: "production".into(),
        caused_by_last_deployment: true,
    };
    let incident = world.engine.open_incident(&world.theo, open.clone()).await.unwrap();
    world.clock.advance(std::time::Duration::from_secs(30 * 60));
    world.engine.resolve_incident(&world.rosa, incident).await.unwrap();
    assert_eq!(world.engine.resolve_incident(&world.rosa, incident).await.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(world.engine.resolve_incident(&world.rosa, 999).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(world.engine.open_incident(&viewer(), open).await.unwrap_err().kind, ErrorKind::Refused);
    let list = world.engine.incidents(&world.theo, PageRequest::default()).await.unwrap();
    assert_eq!((list.rows[0].caused_by.as_deref(), list.rows[0].promotion), (Some("1.1"), Some(number)));
    let view = world.engine.insights(&world.theo, InsightsQuery::default()).await.unwrap();
    let figure = |title: &str| view.tiles.iter().find(|t| t.title == title).unwrap().figure.clone();
    assert_eq!(figure("Change fail rate").as_deref(), Some("100 %"));
    assert_eq!(figure("Failed deployment recovery time").as_deref(), Some("30 min"));
    assert_eq!(figure("Rework rate").as_deref(), Some("0 %"));
    assert_eq!(view.recoveries.len(), 1);
    assert_eq!((view.services[0].service.as_str(), view.services[0].failed), ("cart", 1));
    let wrong = InsightsQuery { days: Some(31), ..InsightsQuery::default() };
    assert_eq!(world.engine.insights(&world.theo, wrong).await.unwrap_err().field(), Some("days"));
}

#[tokio::test]
async fn figures_without_deployments_are_absent_not_zero() {
    let world = World::new(0).await;
    let view = world.engine.insights(&world.theo, InsightsQuery::default()).await.unwrap();
    assert!(view.tiles.iter().all(|t| t.figure.is_none() && !t.when_empty.is_empty()));
    assert!(view.weeks.iter().all(|w| w.succeeded == 0));
}

#[tokio::test]
async fn search_finds_by_name_label_hash_number_and_act() {
    let world = World::new(1).await;
    world.service("cart").await;
    world.version("cart", "1.1").await;
    let number = world.ask("cart", "1.1").await;
    let kinds = async |actor, text: &str| {
        let found = world.engine.search(actor, text).await.unwrap();
        found.into_iter().map(|f| (f.kind, f.link)).collect::<Vec<_>>()
    };
    let has = |found: &[(FoundKind, String)], kind, link: &str| found.iter().any(|f| *f == (kind, link.to_owned()));
    assert!(has(&kinds(&world.theo, "car").await, FoundKind::Service, "/services/cart"));
    assert!(has(&kinds(&world.theo, "cart 1.1").await, FoundKind::Version, "/services/cart/versions/1.1"));
    let by_number = kinds(&world.theo, &number.to_string()).await;
    assert!(has(&by_number, FoundKind::Promotion, &format!("/promotions/{number}")));
    let act = "/promote?service=cart&environment=production";
    assert!(has(&kinds(&world.theo, "promote cart").await, FoundKind::Act, act));
    let reader = viewer();
    assert!(!has(&kinds(&reader, "promote cart").await, FoundKind::Act, act));
    assert!(kinds(&world.theo, "  ").await.is_empty());
    assert!(kinds(&world.theo, "%_\\'\";--").await.is_empty());
}

#[tokio::test]
async fn a_question_is_answered_for_the_environment_that_it_names() {
    let world = World::new(0).await;
    world.service("cart").await;
    world.see().await;
    let commit = CommitInput {
        hash: "8c1f02e4".to_owned(),
        author: "Theo Lind".to_owned(),
        title: "Refund once per payment id".to_owned(),
        committed_at: noon(),
    };
    let version = RegisterVersion { commits: vec![commit], ..build("cart", "1.1") };
    world.engine.register_version(&world.theo, "cart", version).await.unwrap();
    let first = async |text: &str, kind| {
        let found = world.engine.search(&world.theo, text).await.unwrap();
        let found = found.into_iter().find(|f| f.kind == kind).unwrap();
        (found.mark, found.detail)
    };
    let no = (Mark::Waiting, "no, production runs cart 1.0".to_owned());
    assert_eq!(first("is 8c1f02e in production?", FoundKind::Commit).await, no);
    let no = (Mark::Waiting, "no, production runs 1.0".to_owned());
    assert_eq!(first("is cart 1.1 in prod?", FoundKind::Version).await, no);

    let number = world.ask("cart", "1.1").await;
    world.finish(number).await;
    for (text, kind, words) in [
        ("is 8c1f02e in production?", FoundKind::Commit, "yes, in production with cart 1.1, deployed "),
        ("did cart 1.1 reach Production yet", FoundKind::Version, "yes, in production with 1.1, deployed "),
        ("is cart live in production?", FoundKind::Service, "yes, in production with 1.1, deployed "),
        ("where is 8c1f02e?", FoundKind::Commit, "cart 1.1, production: in 1.1 for "),
    ] {
        let (mark, detail) = first(text, kind).await;
        assert_eq!(mark, Mark::Done, "{text}");
        assert!(detail.starts_with(words), "{text}: {detail}");
    }
    let later = (Mark::Waiting, "no, production runs the later 1.1".to_owned());
    assert_eq!(first("is cart 1.0 in production?", FoundKind::Version).await, later);
}

#[tokio::test]
async fn approvals_wait_for_those_who_may_give_them() {
    let world = World::new(2).await;
    world.service("cart").await;
    world.version("cart", "1.1").await;
    let number = world.ask("cart", "1.1").await;
    let waiting = async |actor| world.engine.frame(actor).await.unwrap().waiting_for_me;
    assert_eq!((waiting(&world.ines).await, waiting(&world.rosa).await, waiting(&world.theo).await), (1, 1, 0));
    let mine = world.engine.approvals(&world.ines).await.unwrap();
    assert_eq!((mine.for_me[0].line.number, mine.for_others.len()), (number, 0));
    let others = world.engine.approvals(&world.theo).await.unwrap();
    assert_eq!((others.for_me.len(), others.for_others[0].number), (0, number));
    world.engine.approve(&world.ines, number, 1, None).await.unwrap();
    assert_eq!((waiting(&world.ines).await, waiting(&world.rosa).await), (0, 1), "who approved is not asked again");
    world.engine.approve(&world.rosa, number, 1, None).await.unwrap();
    world.finish(number).await;
    assert_eq!(world.engine.approvals(&world.ines).await.unwrap().lately[0].number, number);
}

#[tokio::test]
async fn the_frame_says_what_i_may_and_that_the_cluster_is_practice() {
    let world = World::new(0).await;
    let frame = world.engine.frame(&world.theo).await.unwrap();
    assert!(frame.me.may(Act::RequestPromotion) && !frame.me.may(Act::Approve));
    assert!(frame.banners.iter().any(|b| b.text.contains("practice cluster")));
}

#[tokio::test]
async fn the_audit_is_for_those_who_run_releases() {
    let world = World::new(0).await;
    world.service("cart").await;
    let refused = world.engine.audit(&world.theo, AuditQuery::default()).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Refused);
    let by = |actor: &str| AuditQuery { actor: Some(actor.to_owned()), ..AuditQuery::default() };
    let rosa = world.engine.audit(&world.rosa, by("rosa")).await.unwrap();
    assert!(rosa.total > 0 && rosa.rows.iter().all(|l| l.actor == "Rosa Mint" && !l.sentence.is_empty()));
    assert_eq!(world.engine.audit(&world.rosa, by("50%")).await.unwrap().total, 0);
}

#[tokio::test]
async fn what_a_rule_did_is_in_the_audit_in_its_name_with_the_reason() {
    let world = World::new(0).await;
    world.service("cart").await;
    let mut numbers = Vec::new();
    for label in ["2.0", "3.0-crash"] {
        world.version("cart", label).await;
        let number = world.ask("cart", label).await;
        world.finish(number).await;
        numbers.push(number);
    }
    let good = format!("promotion {} (cart 2.0 to production)", numbers[0]);
    let bad = format!("promotion {} (cart 3.0-crash to production)", numbers[1]);
    let rows = world.engine.audit(&world.rosa, AuditQuery::default()).await.unwrap().rows;
    let said = |act: &str| {
        let of_the_act = rows.iter().filter(|row| row.act == act);
        of_the_act.map(|row| format!("{}: {}", row.actor, row.sentence)).collect::<Vec<_>>()
    };
    let both = [format!("rule: start: started {bad}"), format!("rule: start: started {good}")];
    assert_eq!(said("promotion.start"), both);
    assert_eq!(said("promotion.finish"), [format!("rule: rollout: finished {good}")]);
    assert_eq!(said("promotion.take_back"), [format!("rule: rollout: took back {bad}")]);
    let why = rows.iter().find(|row| row.act == "promotion.take_back").and_then(|row| row.reason.as_deref());
    assert!(why.is_some_and(|why| why.contains("restarted")), "{why:?}");
    let at = |act: &str| rows.iter().position(|row| row.act == act && row.sentence.ends_with(&good)).unwrap();
    assert!(at("promotion.start") < at("promotion.request"), "the newest first: what it led to stands above an act");
}
