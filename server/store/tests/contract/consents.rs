//! What waits for whose consent.

use domain::{
    actor::Identity,
    deployment::Cause,
    ids::PersonId,
    names::WorkloadName,
    promotion::{Approval, Hold, Phase, Promotion},
    strategy::{CandidateSettings, Strategy},
    traffic::TrafficLayer,
};
use sqlx::{Connection, Row, SqliteConnection};
use store::{Paging, PromotionRow, Store};

use crate::{
    sample::{
        CART, CART_STAGING, DANA, PAY, PAY_PRODUCTION, PRODUCTION, STAGING, company, dana, day, in_phase, promotion,
        promotion_to, run, uuid, version_id,
    },
    support::{Database, connect, on_both_databases, quick},
};

on_both_databases!(
    what_waits_is_told_by_who_asked_and_who_approved,
    a_voided_approval_counts_no_more,
    what_stands_in_the_middle_is_told_in_the_order_in_which_it_started,
);

const INES: PersonId = PersonId::new(uuid::Uuid::from_u128(52));

fn approved(by: PersonId, promotion: Promotion) -> Promotion {
    let approval = Approval { person: by, name: "Ines".into(), at: day(9), comment: None, plan_number: 1 };
    Promotion { approvals: vec![approval], ..promotion }
}

async fn insert(store: &Store, promotions: &[Promotion]) {
    let mut tx = store.begin().await.unwrap();
    for promotion in promotions {
        tx.insert_promotion(promotion, None).await.unwrap();
    }
    tx.commit().await.unwrap();
}

fn numbers(rows: Vec<PromotionRow>) -> Vec<i64> {
    rows.into_iter().map(|row| row.number).collect()
}

async fn what_waits_is_told_by_who_asked_and_who_approved(store: Store) {
    company(&store).await;
    let by_rule =
        |number| Promotion { requested_by: Identity::rule("nightly"), ..promotion(number, version_id(CART, 1)) };
    let hotfix = Promotion { cause: Cause::Hotfix, ..by_rule(4) };
    let rejected = in_phase(&by_rule(5), Phase::Waiting { blockers: vec![] });
    let all = [promotion(1, version_id(CART, 1)), by_rule(2), approved(INES, by_rule(3)), hotfix, rejected];
    insert(&store, &all).await;
    let mut read = store.read().await.unwrap();
    let (few, page) = (Paging::first(2), Paging::first(10));
    assert_eq!((read.count_waiting_for(INES).await.unwrap(), read.count_waiting().await.unwrap()), (3, 4));
    assert_eq!(numbers(read.waiting_for(INES, page).await.unwrap()), [4, 1, 2]);
    assert_eq!(numbers(read.waiting_for(INES, few).await.unwrap()), [4, 1]);
    assert_eq!(numbers(read.waiting_for(INES, Paging { offset: 2, ..few }).await.unwrap()), [2]);
    assert_eq!(numbers(read.waiting_for_others(INES, page).await.unwrap()), [3]);
    // Who asked for the first one cannot give it consent.
    assert_eq!(read.count_waiting_for(DANA).await.unwrap(), 3);
    assert_eq!(numbers(read.waiting_for(DANA, page).await.unwrap()), [4, 2, 3]);
    assert_eq!(numbers(read.waiting_for_others(DANA, page).await.unwrap()), [1]);
    assert_eq!(numbers(read.waiting(page).await.unwrap()), [1, 2, 3, 4]);
    assert_eq!(numbers(read.waiting(Paging { offset: 3, ..few }).await.unwrap()), [4]);
}

async fn a_voided_approval_counts_no_more(store: Store) {
    company(&store).await;
    let first = approved(INES, promotion(1, version_id(CART, 1)));
    insert(&store, std::slice::from_ref(&first)).await;
    assert_eq!(store.read().await.unwrap().count_waiting_for(INES).await.unwrap(), 0);
    let mut tx = store.begin().await.unwrap();
    tx.save_promotion(&Promotion { approvals: vec![], ..first }, 1, None).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.read().await.unwrap().count_waiting_for(INES).await.unwrap(), 1);
}

/// Under way by a canary, and paused where `is_held`.
fn under_way(one: &Promotion, started: i64, is_held: bool) -> Promotion {
    let mut run = run(1, day(started));
    let why = "lunch".to_owned();
    run.hold = is_held.then(|| Hold { by: dana(), why, since: day(started), lifts: false, until: None });
    let mut one = in_phase(one, Phase::Progressing { run, step: 0, since: day(started) });
    let exposed = WorkloadName::parse("cart").unwrap();
    one.plan.strategy = Strategy::Canary(CandidateSettings::usual_canary(exposed, TrafficLayer::Replicas));
    one.plan.steps = one.plan.strategy.steps();
    one
}

async fn what_stands_in_the_middle_is_told_in_the_order_in_which_it_started(store: Store) {
    company(&store).await;
    let of_pay = promotion_to(2, version_id(PAY, 1), PAY, PRODUCTION, PAY_PRODUCTION);
    let in_staging = promotion_to(3, version_id(CART, 1), CART, STAGING, CART_STAGING);
    let later = under_way(&promotion(1, version_id(CART, 1)), 5, true);
    let (first, moves) = (under_way(&of_pay, 3, true), under_way(&in_staging, 4, false));
    insert(&store, &[later, first, moves, promotion(4, version_id(CART, 2))]).await;
    let mut read = store.read().await.unwrap();
    assert_eq!(
        numbers(read.standing(10).await.unwrap()),
        [2, 1],
        "what moves and what has not started wait for nobody"
    );
    assert_eq!(numbers(read.standing(1).await.unwrap()), [2]);
}

/// The statement that the badge of every page runs.
fn badge() -> &'static str {
    let all = store::statements();
    all.iter().find(|s| (s.file, s.name) == ("consents.rs", "COUNT_FOR")).unwrap().sql
}

#[tokio::test]
async fn the_badge_reads_only_what_waits_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/slipway.db", folder.path().display());
    let store = Store::open(&url, quick()).await.unwrap();
    let mut db = SqliteConnection::connect(&url).await.unwrap();
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", badge()));
    let rows = sqlx::query(explain).bind(uuid(1)).bind("%x%").bind(10).fetch_all(&mut db).await.unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
    assert!(plan.iter().any(|line| line.contains("promotions_needing_approval")), "{plan:#?}");
    store.close().await;
}

#[tokio::test]
async fn the_badge_reads_only_what_waits_on_postgres() {
    let database = Database::create().await;
    let store = Store::open(&database.url, quick()).await.unwrap();
    company(&store).await;
    // Enough that are over for the planner to care.
    let over = |number| {
        in_phase(
            &promotion(number, version_id(CART, 1)),
            Phase::Rejected { by: crate::sample::dana(), reason: String::new(), finished_at: day(1) },
        )
    };
    insert(&store, &(1..=300).map(over).collect::<Vec<_>>()).await;
    let mut db = connect(&database.url).await;
    sqlx::query("ANALYZE promotions").execute(&mut db).await.unwrap();
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN {}", badge()));
    let rows = sqlx::query(explain).bind(uuid(1)).bind("%x%").bind(10_i64).fetch_all(&mut db).await.unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(plan.iter().any(|line| line.contains("promotions_needing_approval")), "{plan:#?}");
    db.close().await.unwrap();
    store.close().await;
    database.remove().await;
}
