//! Promotions: state, revision, occupancy, leases, journal, lists.

use chrono::Duration;
use domain::{
    ids::{PersonId, PromotionId, TargetId},
    names::TeamName,
    promotion::{JournalEntry, JournalEvent, Occupant, Phase, TakenBack, headline},
    state::Mark,
};
use store::{Entity, Paging, PromotionFilter, PromotionStage, Store, StoreError, Unique};

use crate::{
    sample::{
        CART, CART_PRODUCTION, DANA, PAY, PAY_PRODUCTION, PRODUCTION, STAGING, company, dana, day, in_phase, promotion,
        promotion_to, run, uuid, version_id,
    },
    support::on_both_databases,
};

on_both_databases!(
    a_promotion_is_read_as_it_was_written,
    saving_raises_the_revision_and_a_lost_race_is_told,
    two_promotions_never_hold_one_target,
    of_many_savers_at_once_one_wins,
    the_sequence_counts_starts,
    the_journal_keeps_its_order,
    due_promotions_are_leased_to_one_worker,
    a_wake_up_only_brings_the_time_forward,
    a_wake_up_during_a_decision_is_not_lost,
    the_numbers_have_no_gaps,
    lists_are_filtered_and_newest_first,
    a_request_key_is_taken_once,
    open_promotions_are_counted_by_phase,
);

async fn insert(store: &Store, promotion: &domain::promotion::Promotion) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_promotion(promotion, Some(promotion.requested_at)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_promotion_is_read_as_it_was_written(store: Store) {
    company(&store).await;
    let mut changes = store.changes();
    let written = promotion(1, version_id(CART, 1));
    insert(&store, &written).await;
    let change = changes.recv().await.unwrap();
    assert_eq!((change.entity, change.id, change.revision), (Entity::Promotion, written.id.uuid(), 1));
    let mut read = store.read().await.unwrap();
    let loaded = read.promotion(written.id).await.unwrap().unwrap();
    assert_eq!((&loaded.promotion, loaded.revision), (&written, 1));
    assert_eq!(read.promotion_by_number(1).await.unwrap(), Some(loaded));
    assert_eq!(read.promotion_revision(written.id).await.unwrap(), Some(1));
    assert_eq!(read.promotion(PromotionId::new(uuid(1))).await.unwrap(), None);
    assert_eq!(read.promotion_by_number(2).await.unwrap(), None);
    assert_eq!(read.promotion_revision(PromotionId::new(uuid(1))).await.unwrap(), None);
    assert_eq!(read.open_promotions(CART_PRODUCTION).await.unwrap().len(), 1);
    assert_eq!(read.open_promotions(PAY_PRODUCTION).await.unwrap().len(), 0);
}

async fn saving_raises_the_revision_and_a_lost_race_is_told(store: Store) {
    company(&store).await;
    let waiting = promotion(1, version_id(CART, 1));
    insert(&store, &waiting).await;
    let starting = in_phase(&waiting, Phase::Starting { run: run(1, day(2)) });
    let mut tx = store.begin().await.unwrap();
    let loaded = tx.load_promotion(waiting.id).await.unwrap().unwrap();
    assert_eq!(tx.save_promotion(&starting, loaded.revision, Some(day(3))).await.unwrap(), 2);
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.append_journal(waiting.id, &[]).await.unwrap();
    let lost = tx.save_promotion(&waiting, loaded.revision, None).await;
    assert!(matches!(lost, Err(StoreError::Conflict)), "{lost:?}");
    assert!(lost.unwrap_err().is_worth_retrying());
    assert!(tx.commit().await.is_err());
    let loaded = store.read().await.unwrap().promotion(waiting.id).await.unwrap().unwrap();
    assert_eq!((loaded.promotion, loaded.revision), (starting, 2));
}

async fn two_promotions_never_hold_one_target(store: Store) {
    company(&store).await;
    let first = in_phase(&promotion(1, version_id(CART, 1)), Phase::Starting { run: run(1, day(2)) });
    let second = promotion(2, version_id(CART, 2));
    let elsewhere = promotion_to(3, version_id(PAY, 1), PAY, PRODUCTION, PAY_PRODUCTION);
    for one in [&first, &second, &in_phase(&elsewhere, Phase::Starting { run: run(1, day(2)) })] {
        insert(&store, one).await;
    }
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.occupant(CART_PRODUCTION).await.unwrap(), Some(Occupant { id: first.id, number: 1 }));
    let taken = tx.save_promotion(&in_phase(&second, Phase::Starting { run: run(2, day(3)) }), 1, None).await;
    assert!(matches!(taken, Err(StoreError::Unique { what: Unique::Occupancy })), "{taken:?}");
    drop(tx);
    // What is only watched has let go.
    let mut tx = store.begin().await.unwrap();
    let watching = Phase::Watching { run: run(1, day(2)), finished_at: day(3), until: day(4) };
    tx.save_promotion(&in_phase(&first, watching), 1, None).await.unwrap();
    assert_eq!(tx.occupant(CART_PRODUCTION).await.unwrap(), None);
    tx.save_promotion(&in_phase(&second, Phase::Starting { run: run(2, day(3)) }), 1, None).await.unwrap();
    tx.commit().await.unwrap();
}

async fn of_many_savers_at_once_one_wins(store: Store) {
    company(&store).await;
    let waiting = promotion(1, version_id(CART, 1));
    insert(&store, &waiting).await;
    let save = |number: i64| {
        let (store, mut next) = (store.clone(), waiting.clone());
        next.reason = format!("writer {number}");
        tokio::spawn(async move {
            let mut tx = store.begin().await?;
            tx.save_promotion(&next, 1, None).await?;
            tx.commit().await
        })
    };
    let tasks: Vec<_> = (0..8).map(save).collect();
    let mut wins = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => wins += 1,
            Err(error) => assert!(matches!(error, StoreError::Conflict), "{error:?}"),
        }
    }
    assert_eq!(wins, 1);
    assert_eq!(store.read().await.unwrap().promotion_revision(waiting.id).await.unwrap(), Some(2));
}

async fn the_sequence_counts_starts(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.next_sequence(CART_PRODUCTION).await.unwrap(), 1);
    let over = Phase::Succeeded { run: run(7, day(2)), finished_at: day(3) };
    tx.insert_promotion(&in_phase(&promotion(1, version_id(CART, 1)), over), None).await.unwrap();
    tx.insert_promotion(&promotion(2, version_id(CART, 2)), None).await.unwrap();
    assert_eq!(tx.next_sequence(CART_PRODUCTION).await.unwrap(), 8);
    assert_eq!(tx.next_sequence(TargetId::new(uuid(1))).await.unwrap(), 1);
}

async fn the_journal_keeps_its_order(store: Store) {
    company(&store).await;
    let one = promotion(1, version_id(CART, 1));
    insert(&store, &one).await;
    let entry = |event| JournalEntry { at: day(1), by: dana(), event };
    let first = vec![
        entry(JournalEvent::Requested { reason: "“quoted” \u{1F6D2}".into() }),
        entry(JournalEvent::Waits { for_what: vec!["approval".into()] }),
    ];
    let second = vec![entry(JournalEvent::Failed { why: "crash".into(), back: TakenBack::Complete })];
    for entries in [&first, &second] {
        let mut tx = store.begin().await.unwrap();
        tx.append_journal(one.id, entries).await.unwrap();
        tx.commit().await.unwrap();
    }
    let last = store.read().await.unwrap().journal(one.id, 2).await.unwrap();
    assert_eq!(last.iter().map(|r| r.ordinal).collect::<Vec<_>>(), [2, 3], "the last ones");
    let rows = store.read().await.unwrap().journal(one.id, 10).await.unwrap();
    assert_eq!(rows.iter().map(|r| r.ordinal).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(rows.into_iter().map(|r| r.entry).collect::<Vec<_>>(), [first, second].concat());
}

async fn due_promotions_are_leased_to_one_worker(store: Store) {
    company(&store).await;
    for number in 1..=4 {
        // The fourth is due on day 4.
        insert(&store, &promotion(number, version_id(CART, 1))).await;
    }
    let (one, two) = (uuid(71), uuid(72));
    let now = day(3);
    let until = now + Duration::seconds(30);
    let mut tx = store.begin().await.unwrap();
    let too_early = day(1) - Duration::microseconds(1);
    assert_eq!(tx.claim_promotions(one, too_early, until, 10).await.unwrap(), []);
    let mine = tx.claim_promotions(one, now, until, 2).await.unwrap();
    assert_eq!(mine.len(), 2);
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let theirs = tx.claim_promotions(two, now, until, 10).await.unwrap();
    assert_eq!(theirs, [promotion(3, version_id(CART, 1)).id]);
    assert_eq!(tx.claim_promotions(two, now, until, 10).await.unwrap(), []);
    // Only the holder gives a lease back.
    tx.release_promotion(mine[0], two).await.unwrap();
    assert_eq!(tx.claim_promotions(two, now, until, 10).await.unwrap(), []);
    tx.release_promotion(mine[0], one).await.unwrap();
    assert_eq!(tx.claim_promotions(two, now, until, 10).await.unwrap(), [mine[0]]);
    // A renewed lease lasts longer; one that ran out is anybody's.
    let renewed = until + Duration::seconds(60);
    tx.renew_leases(two, renewed).await.unwrap();
    assert_eq!(tx.claim_promotions(one, until + Duration::seconds(1), renewed, 10).await.unwrap(), [mine[1]]);
    let later = renewed + Duration::microseconds(1);
    assert_eq!(tx.claim_promotions(two, later, later, 10).await.unwrap().len(), 3);
    tx.commit().await.unwrap();
}

async fn a_wake_up_only_brings_the_time_forward(store: Store) {
    company(&store).await;
    let first = promotion(5, version_id(CART, 1));
    let second = promotion(6, version_id(CART, 2));
    let live = in_phase(&promotion(7, version_id(CART, 3)), Phase::Starting { run: run(1, day(7)) });
    let over = in_phase(&promotion(8, version_id(CART, 3)), Phase::Expired { finished_at: day(8) });
    let mut tx = store.begin().await.unwrap();
    for one in [&first, &second, &live] {
        tx.insert_promotion(one, Some(day(20))).await.unwrap();
    }
    tx.insert_promotion(&over, None).await.unwrap();
    assert!(tx.wake_promotion(first.id, day(19)).await.unwrap());
    assert!(tx.wake_promotion(first.id, day(21)).await.unwrap());
    assert!(!tx.wake_promotion(over.id, day(1)).await.unwrap());
    let moment = Duration::microseconds(1);
    assert_eq!(tx.claim_promotions(uuid(71), day(19) - moment, day(19), 10).await.unwrap(), []);
    assert_eq!(tx.claim_promotions(uuid(71), day(19), day(19), 10).await.unwrap(), [first.id]);
    tx.release_promotion(first.id, uuid(71)).await.unwrap();
    assert_eq!(tx.wake_open(CART_PRODUCTION, day(18)).await.unwrap(), 3);
    assert_eq!(tx.claim_promotions(uuid(71), day(18), day(18), 10).await.unwrap().len(), 3);
    assert_eq!(tx.wake_open(CART_PRODUCTION, day(19)).await.unwrap(), 3);
    let next = day(18) + moment;
    assert_eq!(tx.claim_promotions(uuid(71), next, next, 10).await.unwrap().len(), 3, "as early as before");
    assert_eq!(tx.wake_open(CART_PRODUCTION, day(17)).await.unwrap(), 3);
    assert_eq!(tx.wake_open(PAY_PRODUCTION, day(17)).await.unwrap(), 0);
    assert!(tx.postpone_promotion(first.id, 1, Some(day(30))).await.unwrap());
    assert!(!tx.postpone_promotion(second.id, 2, Some(day(30))).await.unwrap());
    assert_eq!(tx.claim_promotions(uuid(71), day(19), day(20), 10).await.unwrap().len(), 2);
    tx.commit().await.unwrap();
}

async fn a_wake_up_during_a_decision_is_not_lost(store: Store) {
    company(&store).await;
    let waiting = promotion(1, version_id(CART, 1));
    insert(&store, &waiting).await;
    let mut deciding = store.begin().await.unwrap();
    let loaded = deciding.load_promotion(waiting.id).await.unwrap().unwrap();
    let waker = {
        let (store, id) = (store.clone(), waiting.id);
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            let is_sooner = tx.wake_promotion(id, day(2)).await.unwrap();
            tx.commit().await.unwrap();
            is_sooner
        })
    };
    // The waker is held up by one of the two, whichever database it is, and writes afterwards.
    tokio::task::yield_now().await;
    deciding.save_promotion(&loaded.promotion, loaded.revision, Some(day(30))).await.unwrap();
    deciding.commit().await.unwrap();
    assert!(waker.await.unwrap());
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.claim_promotions(uuid(71), day(2), day(2), 10).await.unwrap(), [waiting.id]);
}

async fn the_numbers_have_no_gaps(store: Store) {
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.next("promotion").await.unwrap(), 1);
    assert_eq!(tx.next("promotion").await.unwrap(), 2);
    assert_eq!(tx.next("incident").await.unwrap(), 1);
    tx.commit().await.unwrap();
    let mut undone = store.begin().await.unwrap();
    assert_eq!(undone.next("promotion").await.unwrap(), 3);
    drop(undone);
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.next("promotion").await.unwrap(), 3);
}

async fn lists_are_filtered_and_newest_first(store: Store) {
    company(&store).await;
    let waiting = promotion(1, version_id(CART, 1));
    let mut queued = in_phase(&promotion(2, version_id(CART, 2)), Phase::Waiting { blockers: vec![] });
    queued.previous_version = Some(version_id(CART, 1));
    let live = in_phase(
        &promotion_to(3, version_id(PAY, 1), PAY, PRODUCTION, PAY_PRODUCTION),
        Phase::Progressing { run: run(1, day(3)), step: 0, since: day(3) },
    );
    let done = Phase::Succeeded { run: run(1, day(4)), finished_at: day(5) };
    let mut done = in_phase(&promotion(4, version_id(CART, 3)), done);
    done.requested_by = domain::actor::Identity::rule("train");
    done.approved_at = Some(day(4));
    for one in [&waiting, &queued, &live, &done] {
        insert(&store, one).await;
    }
    let mut read = store.read().await.unwrap();
    let all = PromotionFilter::default();
    let with = |stage| PromotionFilter { stage: Some(stage), ..PromotionFilter::default() };
    let text = |text: &str| PromotionFilter { text: Some(text.into()), ..PromotionFilter::default() };
    let of_team = |name: &str| PromotionFilter { team: Some(TeamName::parse(name).unwrap()), ..all.clone() };
    let of_cart = |stage| PromotionFilter { service: Some(CART), stage, ..PromotionFilter::default() };
    let cases: Vec<(PromotionFilter, Vec<i64>)> = vec![
        (all.clone(), vec![4, 3, 2, 1]),
        (with(PromotionStage::Open), vec![3, 2, 1]),
        (with(PromotionStage::Waiting), vec![2, 1]),
        (with(PromotionStage::NeedsApproval), vec![1]),
        (with(PromotionStage::Live), vec![3]),
        (with(PromotionStage::Over), vec![4]),
        (PromotionFilter { phase: Some("progressing".into()), ..all.clone() }, vec![3]),
        (of_cart(None), vec![4, 2, 1]),
        (of_cart(Some(PromotionStage::Over)), vec![4]),
        (of_cart(Some(PromotionStage::Open)), vec![2, 1]),
        (PromotionFilter { environment: Some(PRODUCTION), ..all.clone() }, vec![4, 3, 2, 1]),
        (PromotionFilter { environment: Some(STAGING), ..all.clone() }, vec![]),
        (PromotionFilter { requester: Some(DANA), ..all.clone() }, vec![3, 2, 1]),
        (PromotionFilter { requester: Some(PersonId::new(uuid(1))), ..all.clone() }, vec![]),
        (of_team("checkout"), vec![4, 3, 2, 1]),
        (of_team("other"), vec![]),
        (text("PAYment"), vec![3]),
        (text("#2"), vec![2]),
        (text("1.0.3"), vec![4]),
        (text("%"), vec![]),
    ];
    for (filter, expected) in cases {
        let page = read.promotions(&filter, Paging::first(10)).await.unwrap();
        assert_eq!(page.rows.iter().map(|r| r.number).collect::<Vec<_>>(), expected, "{filter:?}");
        assert_eq!(page.total, i64::try_from(expected.len()).unwrap(), "{filter:?}");
    }
    let page = read.promotions(&all, Paging { limit: 2, offset: 2 }).await.unwrap();
    assert_eq!(page.total, 4);
    let row = &page.rows[0];
    assert_eq!((row.version.as_str(), row.previous_version.as_ref().unwrap().as_str()), ("1.0.2", "1.0.1"));
    assert_eq!((row.service.as_str(), row.environment.as_str(), row.phase.as_str()), ("cart", "production", "waiting"));
    let line = headline(&queued);
    assert_eq!((row.mark, &row.words, row.percent), (Mark::Waiting, &line.words, None));
    assert_eq!((row.requested_by.as_str(), row.requested_by_id, row.revision), ("Dana", Some(DANA), 1));
    let last = &read.promotions(&all, Paging::first(1)).await.unwrap().rows[0];
    assert_eq!((last.requested_at, last.approved_at), (day(4), Some(day(4))));
    assert_eq!((last.started_at, last.finished_at), (Some(day(4)), Some(day(5))));
}

async fn a_request_key_is_taken_once(store: Store) {
    company(&store).await;
    let (first, second) = (promotion(1, version_id(CART, 1)), promotion(2, version_id(CART, 2)));
    insert(&store, &first).await;
    insert(&store, &second).await;
    let mut tx = store.begin().await.unwrap();
    tx.set_request_key(first.id, "build-17").await.unwrap();
    assert_eq!(tx.promotion_by_key("build-17").await.unwrap().unwrap().promotion, first);
    assert_eq!(tx.promotion_by_key("build-18").await.unwrap(), None);
    // Another pipeline was answered with the same one, and the first asks again.
    for key in ["build-18", "build-17"] {
        tx.set_request_key(first.id, key).await.unwrap();
        assert_eq!(tx.promotion_by_key(key).await.unwrap().unwrap().promotion, first);
    }
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let taken = tx.set_request_key(second.id, "build-17").await;
    assert!(matches!(taken, Err(StoreError::Unique { what: Unique::RequestKey })), "{taken:?}");
}

async fn open_promotions_are_counted_by_phase(store: Store) {
    company(&store).await;
    for number in 1..=2 {
        insert(&store, &promotion(number, version_id(CART, 1))).await;
    }
    let live = in_phase(&promotion(3, version_id(CART, 1)), Phase::Starting { run: run(1, day(3)) });
    let over = in_phase(&promotion(4, version_id(CART, 1)), Phase::Expired { finished_at: day(4) });
    insert(&store, &live).await;
    insert(&store, &over).await;
    let counts = store.read().await.unwrap().open_promotions_by_phase().await.unwrap();
    assert_eq!(counts, [("starting".to_owned(), 1), ("waiting".to_owned(), 2)]);
}
