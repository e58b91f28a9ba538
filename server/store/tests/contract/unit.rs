//! Opening, transactions, changes, stored forms.

use std::{
    sync::{Arc, Mutex},
    task::Poll,
    time::{Duration, Instant},
};

use domain::{
    ids::{ServiceId, TeamId},
    names::TeamName,
};
use store::{Change, Dialect, Entity, Store, StoreError, StoreOptions, Team};

use crate::{
    sample::{CART, company, day, promotion, service, team, uuid, version_id},
    support::{Database, connect, on_both_databases, quick},
};

on_both_databases!(
    what_is_not_committed_is_undone,
    a_read_sees_one_moment,
    changes_are_told_after_the_commit_and_once,
    a_transaction_that_changes_very_much_says_everything,
    the_database_gives_a_sign_of_life,
    text_with_a_zero_character_is_refused_or_kept_whole,
    who_is_impatient_is_told_early_that_no_connection_is_free,
    who_gives_up_while_a_transaction_begins_leaves_no_part_of_it,
);

/// Polls a future so often, with some time between, and drops it when it has not ended by then.
async fn given_up_after(polls: u32, future: impl Future) {
    let mut future = std::pin::pin!(future);
    for _ in 0..polls {
        if std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn who_gives_up_while_a_transaction_begins_leaves_no_part_of_it(store: Store) {
    for round in 0..48 {
        let (to_read, to_write) = (round % 4, round / 4 % 4);
        given_up_after(to_read, store.read()).await;
        given_up_after(to_write, store.begin()).await;
        // Whoever gets a connection after them.
        let mut tx = store.begin().await.unwrap();
        let fresh = Team { id: TeamId::new(uuid(1000 + u128::from(round))), name: team_name(round), ..team() };
        tx.insert_team(&fresh).await.unwrap();
        tx.commit().await.unwrap();
        let seen = store.read().await.unwrap().teams().await.unwrap().len();
        assert_eq!(seen, round as usize + 1, "given up after {to_read} and {to_write} polls");
    }
}

fn team_name(number: u32) -> TeamName {
    TeamName::parse(&format!("team-{number}")).unwrap()
}

async fn who_is_impatient_is_told_early_that_no_connection_is_free(store: Store) {
    let impatient = store.impatient(Duration::from_millis(20));
    let mut all = vec![];
    for _ in 0..quick().connections {
        all.push(store.read().await.unwrap());
    }
    let begun = Instant::now();
    let refused = impatient.read().await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{:?}", refused.err());
    assert!(begun.elapsed() < quick().patience / 2, "{:?}", begun.elapsed());
    // Who is patient waits until one is free.
    let mut patient = tokio::spawn({
        let store = store.clone();
        async move { store.read().await.map(drop) }
    });
    assert!(tokio::time::timeout(Duration::from_millis(60), &mut patient).await.is_err());
    drop(all.pop());
    patient.await.unwrap().unwrap();
    drop(impatient.read().await.unwrap());
}

async fn what_is_not_committed_is_undone(store: Store) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_team(&team()).await.unwrap();
    drop(tx);
    assert_eq!(store.read().await.unwrap().teams().await.unwrap(), []);
    // The writer is free again.
    let mut tx = store.begin().await.unwrap();
    tx.insert_team(&team()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_read_sees_one_moment(store: Store) {
    let mut read = store.read().await.unwrap();
    assert_eq!(read.teams().await.unwrap(), []);
    let mut tx = store.begin().await.unwrap();
    tx.insert_team(&team()).await.unwrap();
    assert_eq!(tx.teams().await.unwrap(), [team()], "a transaction sees what it wrote");
    tx.commit().await.unwrap();
    assert_eq!(read.teams().await.unwrap(), []);
    assert_eq!(store.read().await.unwrap().teams().await.unwrap(), [team()]);
}

async fn changes_are_told_after_the_commit_and_once(store: Store) {
    let mut changes = store.changes();
    let mut tx = store.begin().await.unwrap();
    tx.insert_team(&team()).await.unwrap();
    tx.insert_service(&service(CART, "cart")).await.unwrap();
    tx.update_service(&service(CART, "basket")).await.unwrap();
    tx.signal(Entity::Settings, uuid(0), 7);
    assert!(changes.try_recv().is_err());
    tx.commit().await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), Change { entity: Entity::Service, id: CART.uuid(), revision: 0 });
    assert_eq!(changes.recv().await.unwrap(), Change { entity: Entity::Settings, id: uuid(0), revision: 7 });
    assert!(changes.try_recv().is_err());
    let mut undone = store.begin().await.unwrap();
    undone.update_service(&service(CART, "cart")).await.unwrap();
    drop(undone);
    assert!(changes.try_recv().is_err());
}

async fn a_transaction_that_changes_very_much_says_everything(store: Store) {
    let mut changes = store.changes();
    let mut tx = store.begin().await.unwrap();
    tx.insert_team(&team()).await.unwrap();
    for number in 0..300 {
        tx.insert_service(&service(ServiceId::new(uuid(100 + number)), &format!("s-{number}"))).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), Change::EVERYTHING);
    assert!(changes.try_recv().is_err());
}

async fn the_database_gives_a_sign_of_life(store: Store) {
    assert!(store.ping().await.unwrap() < Duration::from_secs(10));
    let pools = store.pools();
    assert!(pools.iter().all(|pool| pool.open >= pool.idle && pool.open <= pool.max), "{pools:?}");
    let names: Vec<_> = pools.iter().map(|pool| pool.name).collect();
    match store.dialect() {
        Dialect::Sqlite => assert_eq!(names, ["reader", "writer"]),
        Dialect::Postgres => assert_eq!(names, ["pool"]),
    }
}

async fn text_with_a_zero_character_is_refused_or_kept_whole(store: Store) {
    let mut odd = team();
    odd.title = "a\0b".into();
    let mut tx = store.begin().await.unwrap();
    match tx.insert_team(&odd).await {
        Ok(()) => assert_eq!(tx.teams().await.unwrap(), [odd]),
        Err(error) => assert!(matches!(error, StoreError::Text), "{error:?}"),
    }
}

#[tokio::test]
async fn a_sqlite_file_is_opened_again_with_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/slipway.db", folder.path().display());
    for round in 0..2 {
        let store = Store::open(&url, quick()).await.unwrap();
        assert_eq!(store.read().await.unwrap().teams().await.unwrap().len(), round);
        if round == 0 {
            let mut tx = store.begin().await.unwrap();
            tx.insert_team(&team()).await.unwrap();
            tx.commit().await.unwrap();
        }
        store.close().await;
    }
}

#[tokio::test]
async fn a_reader_never_waits_for_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/slipway.db", folder.path().display());
    let store = Store::open(&url, quick()).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.insert_team(&team()).await.unwrap();
    assert_eq!(store.read().await.unwrap().teams().await.unwrap(), []);
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_second_transaction_on_sqlite_is_unavailable_when_patience_ends() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/slipway.db", folder.path().display());
    // Long enough to open the file on a busy machine.
    let options = StoreOptions { patience: Duration::from_secs(2), ..quick() };
    let store = Store::open(&url, options).await.unwrap();
    let _first = store.begin().await.unwrap();
    let second = store.begin().await;
    assert!(matches!(second, Err(StoreError::Unavailable(_))), "{second:?}");
}

#[tokio::test]
async fn an_address_that_is_no_database_is_told() {
    let nowhere = Store::open("mysql://localhost/x", quick()).await;
    assert!(matches!(nowhere, Err(StoreError::Internal(_))), "{nowhere:?}");
    let no_folder = Store::open("sqlite:///nowhere/at/all/slipway.db", quick()).await;
    assert!(matches!(no_folder, Err(StoreError::Unavailable(_))), "{no_folder:?}");
    let options = StoreOptions { patience: Duration::from_millis(300), ..quick() };
    let nobody = Store::open("postgres://postgres@127.0.0.1:1/x", options).await;
    assert!(matches!(nobody, Err(StoreError::Unavailable(_))), "{nobody:?}");
}

#[tokio::test]
async fn a_probe_hears_of_each_commit_before_and_after() {
    let heard = Arc::new(Mutex::new(vec![]));
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/slipway.db", folder.path().display());
    let probe = {
        let heard = Arc::clone(&heard);
        Arc::new(move |name| heard.lock().unwrap().push(name))
    };
    let store = Store::open(&url, StoreOptions { probe: Some(probe), ..quick() }).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.insert_team(&team()).await.unwrap();
    assert_eq!(heard.lock().unwrap().len(), 0);
    tx.commit().await.unwrap();
    assert_eq!(*heard.lock().unwrap(), ["store.commit.before", "store.commit.after"]);
}

#[tokio::test]
async fn two_servers_on_one_postgres_hear_each_other() {
    let database = Database::create().await;
    let one = Store::open(&database.url, quick()).await.unwrap();
    let two = Store::open(&database.url, quick()).await.unwrap();
    let (mut own, mut others) = (one.changes(), two.changes());
    let mut tx = one.begin().await.unwrap();
    tx.insert_team(&team()).await.unwrap();
    tx.insert_service(&service(CART, "cart")).await.unwrap();
    tx.commit().await.unwrap();
    let expected = Change { entity: Entity::Service, id: CART.uuid(), revision: 0 };
    assert_eq!(own.recv().await.unwrap(), expected);
    let heard = tokio::time::timeout(Duration::from_secs(20), others.recv()).await.unwrap().unwrap();
    assert_eq!(heard, expected);
    // A change of the other one; then nothing of the first came back to itself.
    let mut tx = two.begin().await.unwrap();
    tx.signal(Entity::Settings, uuid(1), 5);
    tx.commit().await.unwrap();
    let back = tokio::time::timeout(Duration::from_secs(20), own.recv()).await.unwrap().unwrap();
    assert_eq!(back, Change { entity: Entity::Settings, id: uuid(1), revision: 5 });
    one.close().await;
    two.close().await;
    database.remove().await;
}

#[tokio::test]
async fn a_server_that_was_cut_off_hears_that_it_missed_something() {
    let database = Database::create().await;
    let one = Store::open(&database.url, quick()).await.unwrap();
    let two = Store::open(&database.url, quick()).await.unwrap();
    let mut changes = one.changes();
    let mut cutting = connect(&database.url).await;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    sqlx::query(cut).execute(&mut cutting).await.unwrap();
    let heard = tokio::time::timeout(Duration::from_secs(30), changes.recv()).await.unwrap().unwrap();
    assert_eq!(heard, Change::EVERYTHING);
    // And it hears again. Losing a connection may be told more than once.
    let mut tx = two.begin().await.unwrap();
    tx.signal(Entity::Settings, uuid(1), 5);
    tx.commit().await.unwrap();
    let expected = Change { entity: Entity::Settings, id: uuid(1), revision: 5 };
    loop {
        let heard = tokio::time::timeout(Duration::from_secs(30), changes.recv()).await.unwrap().unwrap();
        if heard == expected {
            break;
        }
        assert_eq!(heard, Change::EVERYTHING);
    }
    one.close().await;
    two.close().await;
    database.remove().await;
}

/// What journals hold in their first form: each kind of entry once. All must load for ever.
#[test]
fn journal_entries_of_the_first_form_can_be_read_and_are_written_the_same() {
    let stored: serde_json::Value = serde_json::from_str(include_str!("journal-v1.json")).unwrap();
    let events: Vec<domain::promotion::JournalEvent> = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(serde_json::to_value(&events).unwrap(), stored);
    let effect: domain::promotion::Effect = serde_json::from_str(r#"{"effect":"tell_messenger"}"#).unwrap();
    assert_eq!(effect, domain::promotion::Effect::TellMessenger);
}

#[tokio::test]
async fn a_wake_up_that_waits_for_a_decision_on_postgres_is_written_over_it() {
    let database = Database::create().await;
    let store = Store::open(&database.url, quick()).await.unwrap();
    company(&store).await;
    let waiting = promotion(1, version_id(CART, 1));
    let mut tx = store.begin().await.unwrap();
    tx.insert_promotion(&waiting, Some(day(1))).await.unwrap();
    tx.commit().await.unwrap();
    let mut deciding = store.begin().await.unwrap();
    let loaded = deciding.load_promotion(waiting.id).await.unwrap().unwrap();
    let waker = {
        let (store, id) = (store.clone(), waiting.id);
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            tx.wake_promotion(id, day(2)).await.unwrap();
            tx.commit().await.unwrap();
        })
    };
    let mut looking = connect(&database.url).await;
    let waits = "
        SELECT EXISTS (
            SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')";
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut looking).await.unwrap() {
        assert!(!waker.is_finished(), "the wake-up did not wait for the decision");
        tokio::task::yield_now().await;
    }
    deciding.save_promotion(&loaded.promotion, loaded.revision, Some(day(30))).await.unwrap();
    deciding.commit().await.unwrap();
    waker.await.unwrap();
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.claim_promotions(uuid(71), day(2), day(2), 10).await.unwrap(), [waiting.id]);
    drop(tx);
    store.close().await;
    database.remove().await;
}

/// A state as the first released form wrote it. It must load for ever.
const FIRST_FORM: &str = include_str!("promotion-v1.json");

async fn stored_state_can_be_read_and_a_newer_form_is_corrupt(store: Store, set: impl AsyncFn(String)) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    tx.insert_promotion(&promotion(1, version_id(CART, 1)), Some(day(1))).await.unwrap();
    tx.commit().await.unwrap();
    let id = promotion(1, version_id(CART, 1)).id;

    set(FIRST_FORM.to_owned()).await;
    let old = store.read().await.unwrap().promotion(id).await.unwrap().unwrap().promotion;
    assert_eq!((old.number, old.phase_word()), (1042, "taking_back"));
    // What was read is written again without loss.
    let mut tx = store.begin().await.unwrap();
    let loaded = tx.load_promotion(id).await.unwrap().unwrap();
    let mut next = loaded.promotion.clone();
    next.id = id;
    tx.save_promotion(&next, loaded.revision, None).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.read().await.unwrap().promotion(id).await.unwrap().unwrap().promotion, next);

    for broken in [r#"{"v":2,"promotion":{}}"#, r#"{"v":1,"promotion":{}}"#, "[]"] {
        set(broken.to_owned()).await;
        let read = store.read().await.unwrap().promotion(id).await;
        assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{read:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn stored_state_can_be_read_on_sqlite() {
    use sqlx::Connection;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/slipway.db", folder.path().display());
    let store = Store::open(&url, quick()).await.unwrap();
    let set = async |state: String| {
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query("UPDATE promotions SET state = $1").bind(state).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    };
    stored_state_can_be_read_and_a_newer_form_is_corrupt(store, set).await;
}

#[tokio::test]
async fn stored_state_can_be_read_on_postgres() {
    let database = Database::create().await;
    let store = Store::open(&database.url, quick()).await.unwrap();
    let set = async |state: String| {
        let mut connection = connect(&database.url).await;
        let sql = "UPDATE promotions SET state = CAST($1 AS JSONB)";
        sqlx::query(sql).bind(state).execute(&mut connection).await.unwrap();
    };
    stored_state_can_be_read_and_a_newer_form_is_corrupt(store, set).await;
    database.remove().await;
}
