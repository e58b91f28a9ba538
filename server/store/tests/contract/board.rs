//! The Board.

use domain::{
    deployment::Outcome,
    ids::{EnvironmentId, ServiceId, TeamId},
    names::TeamName,
    promotion::{Failure, Phase, TakenBack},
    state::Mark,
};
use store::{Ahead, BoardCounts, BoardFilter, BoardState, Paging, Store, Team};

use crate::{
    inventory::running,
    sample::{
        CART, CART_PRODUCTION, CART_STAGING, PAY, PAY_PRODUCTION, PRODUCTION, STAGING, company, day, deployment,
        in_phase, promotion, promotion_to, run, service, uuid, version_id,
    },
    support::on_both_databases,
};

on_both_databases!(
    a_cell_shows_what_runs_what_moves_and_what_is_ahead,
    services_are_found_by_state,
    services_come_by_team_and_name_in_pages,
    what_runs_counts_before_what_was_deployed,
    a_reported_deployment_shows_where_there_is_no_target,
    one_service_looks_like_its_row,
    an_empty_installation_has_an_empty_board,
);

const BOTH: [EnvironmentId; 2] = [STAGING, PRODUCTION];

/// Cart: 3 in staging; 1 in production, where 2 is live, 3 waits and an older one failed lately.
/// Payment: 2 in production, reported; its last promotion failed.
async fn scene(store: &Store) {
    company(store).await;
    let mut staging = deployment(1, version_id(CART, 3), Outcome::Succeeded, Some(day(2)));
    staging.environment_id = STAGING;
    let mut pay = deployment(3, version_id(PAY, 2), Outcome::Succeeded, Some(day(2)));
    pay.service_id = PAY;
    let production = deployment(2, version_id(CART, 1), Outcome::Succeeded, Some(day(1)));
    let crashed = |number| Phase::Failed {
        run: Some(run(number, day(5))),
        failure: Failure::Start { message: "it is managed".into() },
        back: TakenBack::NotNeeded,
        finished_at: day(5),
    };
    let failed = in_phase(&promotion(1, version_id(CART, 2)), crashed(1));
    let pay_failed = promotion_to(2, version_id(PAY, 3), PAY, PRODUCTION, PAY_PRODUCTION);
    let pay_failed = in_phase(&pay_failed, crashed(1));
    let waits = promotion(3, version_id(CART, 3));
    let live = Phase::Progressing { run: run(2, day(6)), step: 0, since: day(6) };
    let live = in_phase(&promotion(4, version_id(CART, 2)), live);
    let old = in_phase(&promotion(5, version_id(CART, 2)), Phase::Expired { finished_at: day(3) });
    let mut tx = store.begin().await.unwrap();
    for one in [staging, production, pay] {
        tx.insert_deployment(&one).await.unwrap();
    }
    for one in [failed, pay_failed, waits, live, old] {
        tx.insert_promotion(&one, None).await.unwrap();
    }
    let mut seen = running(CART_PRODUCTION, "cart", "cart:1");
    seen.version_id = Some(version_id(CART, 1));
    tx.put_running(&seen).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_cell_shows_what_runs_what_moves_and_what_is_ahead(store: Store) {
    scene(&store).await;
    let mut read = store.read().await.unwrap();
    let page = read.board(&BoardFilter::default(), &BOTH, day(4), Paging::first(10)).await.unwrap();
    assert_eq!(page.total, 2);
    assert_eq!(page.counts, BoardCounts { services: 2, moving: 1, waiting: 1, failed: 1 });
    let [cart, pay] = page.rows.as_slice() else { panic!("{:?}", page.rows) };
    assert_eq!((cart.service.name.as_str(), cart.service.team.as_str()), ("cart", "checkout"));
    let [staging, production] = cart.cells.as_slice() else { panic!("{:?}", cart.cells) };
    assert_eq!((staging.environment, staging.target), (STAGING, Some(CART_STAGING)));
    assert_eq!(staging.latest.as_ref().unwrap().label.as_str(), "1.0.3");
    assert_eq!((staging.running.len(), staging.promotions.len(), staging.ahead), (0, 0, None));

    let seen = &production.running[0];
    assert_eq!(
        (seen.label.as_ref().unwrap().as_str(), seen.cluster.as_str(), seen.mark),
        ("1.0.1", "eu-1", Mark::Done)
    );
    assert_eq!((seen.wanted, seen.available, &seen.images), (3, 3, &None));
    let promotions: Vec<_> = production.promotions.iter().map(|p| (p.number, p.phase.as_str(), p.mark)).collect();
    let expected = [(4, "progressing", Mark::Moving), (3, "waiting", Mark::Waiting), (1, "failed", Mark::Failed)];
    assert_eq!(promotions, expected, "the one that expired long ago is left out");
    let ahead = Ahead { versions: 2, commits: 4, from: version_id(CART, 1), to: version_id(CART, 3) };
    assert_eq!(production.ahead, Some(ahead));

    assert_eq!(pay.cells[0].target, None);
    assert_eq!(pay.cells[1].latest.as_ref().unwrap().label.as_str(), "1.0.2");
    assert_eq!((pay.cells[1].promotions.len(), pay.cells[1].ahead), (1, None));
}

async fn services_are_found_by_state(store: Store) {
    scene(&store).await;
    let mut read = store.read().await.unwrap();
    let cases = [
        (BoardState::Moving, vec!["cart"]),
        (BoardState::Waiting, vec!["cart"]),
        // Cart failed too, but a later promotion has started since.
        (BoardState::Failed, vec!["payment-api"]),
    ];
    for (state, expected) in cases {
        let filter = BoardFilter { state: Some(state), ..BoardFilter::default() };
        let page = read.board(&filter, &BOTH, day(4), Paging::first(10)).await.unwrap();
        let names: Vec<_> = page.rows.iter().map(|r| r.service.name.as_str()).collect();
        assert_eq!(names, expected, "{state:?}");
        assert_eq!(page.total, i64::try_from(expected.len()).unwrap());
        assert_eq!(page.counts.services, 2);
    }
    let filter = BoardFilter { state: Some(BoardState::Failed), ..BoardFilter::default() };
    assert_eq!(read.board(&filter, &BOTH, day(6), Paging::first(10)).await.unwrap().total, 0, "not lately");
    drop(read);
    // What runs badly counts at any time.
    let mut tx = store.begin().await.unwrap();
    let mut crashing = running(CART_STAGING, "cart-staging", "cart:9");
    crashing.mark = Mark::Failed;
    tx.put_running(&crashing).await.unwrap();
    tx.commit().await.unwrap();
    let page = store.read().await.unwrap().board(&filter, &BOTH, day(6), Paging::first(10)).await.unwrap();
    assert_eq!(page.rows[0].service.name.as_str(), "cart");
    assert_eq!(page.rows[0].cells[0].running[0].images.as_ref().unwrap()[0].image, "cart:9");
}

async fn services_come_by_team_and_name_in_pages(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    let early = Team { id: TeamId::new(uuid(2)), name: TeamName::parse("basket").unwrap(), title: "B".into() };
    tx.insert_team(&early).await.unwrap();
    for number in 0..3 {
        let mut one = service(ServiceId::new(uuid(100 + number)), &format!("zeta-{number}"));
        one.team_id = early.id;
        one.tier = 2;
        tx.insert_service(&one).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    let names = |page: store::BoardPage| page.rows.into_iter().map(|r| r.service.name.to_string()).collect::<Vec<_>>();
    let all = BoardFilter::default();
    let page = read.board(&all, &BOTH, day(0), Paging { limit: 3, offset: 1 }).await.unwrap();
    assert_eq!((page.total, page.rows[0].cells.len()), (5, 2));
    assert_eq!(names(page), ["zeta-1", "zeta-2", "cart"]);
    let cases = [
        (BoardFilter { team: Some(early.name), ..all.clone() }, 3),
        (BoardFilter { tier: Some(2), ..all.clone() }, 3),
        (BoardFilter { text: Some("PAY".into()), ..all.clone() }, 1),
        (BoardFilter { text: Some("%".into()), ..all.clone() }, 0),
    ];
    for (filter, expected) in cases {
        let page = read.board(&filter, &BOTH, day(0), Paging::first(10)).await.unwrap();
        assert_eq!((page.total, page.rows.len()), (expected, usize::try_from(expected).unwrap()), "{filter:?}");
    }
}

async fn what_runs_counts_before_what_was_deployed(store: Store) {
    scene(&store).await;
    let put = async |seen: store::Running| {
        let mut tx = store.begin().await.unwrap();
        tx.put_running(&seen).await.unwrap();
        tx.commit().await.unwrap();
    };
    let ahead = async || {
        let mut read = store.read().await.unwrap();
        let page = read.board(&BoardFilter::default(), &BOTH, day(4), Paging::first(10)).await.unwrap();
        page.rows[0].cells[1].ahead.map(|a| (a.versions, a.commits))
    };
    assert_eq!(ahead().await, Some((2, 4)));
    // Someone set staging back by hand.
    let mut staging = running(CART_STAGING, "cart-staging", "cart:2");
    staging.version_id = Some(version_id(CART, 2));
    put(staging.clone()).await;
    assert_eq!(ahead().await, Some((1, 2)));
    // Its second workload runs something else: then what was deployed last is what is known.
    staging.workload = crate::sample::workload("cart-worker").name;
    staging.version_id = None;
    put(staging).await;
    assert_eq!(ahead().await, Some((2, 4)));
}

async fn a_reported_deployment_shows_where_there_is_no_target(store: Store) {
    scene(&store).await;
    let mut tx = store.begin().await.unwrap();
    let mut reported = deployment(9, version_id(PAY, 3), Outcome::Succeeded, Some(day(3)));
    reported.service_id = PAY;
    reported.environment_id = STAGING;
    reported.previous_version_id = Some(version_id(PAY, 2));
    tx.insert_deployment(&reported).await.unwrap();
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    let page = read.board(&BoardFilter::default(), &BOTH, day(4), Paging::first(10)).await.unwrap();
    let [staging, production] = page.rows[1].cells.as_slice() else { panic!("{:?}", page.rows) };
    let latest = staging.latest.as_ref().unwrap();
    assert_eq!((staging.target, latest.label.as_str(), latest.ordinal), (None, "1.0.3", 3));
    assert_eq!((latest.commits_total, latest.previous_version_id), (6, Some(version_id(PAY, 2))));
    assert_eq!(production.ahead.map(|a| (a.versions, a.commits)), Some((1, 2)));
}

async fn one_service_looks_like_its_row(store: Store) {
    scene(&store).await;
    let mut read = store.read().await.unwrap();
    let page = read.board(&BoardFilter::default(), &BOTH, day(4), Paging::first(10)).await.unwrap();
    for row in page.rows {
        assert_eq!(read.board_row(row.service.clone(), &BOTH, day(4)).await.unwrap(), Some(row));
    }
}

async fn an_empty_installation_has_an_empty_board(store: Store) {
    let mut read = store.read().await.unwrap();
    let page = read.board(&BoardFilter::default(), &[], day(0), Paging::first(10)).await.unwrap();
    assert_eq!((page.rows.len(), page.total, page.counts), (0, 0, BoardCounts::default()));
}
