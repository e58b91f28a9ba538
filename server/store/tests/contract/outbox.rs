//! Effects and messages.

use chrono::Duration;
use domain::promotion::Effect;
use store::{EffectKey, Store, StoreError};

use crate::{
    sample::{CART, company, day, promotion, uuid, version_id},
    support::on_both_databases,
};

on_both_databases!(
    of_each_promotion_the_oldest_effect_is_handed_out_to_one_worker,
    an_attempt_is_noted_before_and_a_failure_after,
    telling_a_later_state_finishes_the_earlier_effects,
    what_a_step_says_is_finished_by_itself_alone,
    a_message_never_goes_back_to_an_earlier_revision,
);

const TELL: [Effect; 1] = [Effect::TellMessenger];

/// Two promotions; the first has effects of revisions 1 and 2.
async fn effects(store: &Store) -> [EffectKey; 3] {
    company(store).await;
    let (first, second) = (promotion(1, version_id(CART, 1)), promotion(2, version_id(CART, 2)));
    let mut tx = store.begin().await.unwrap();
    for one in [&first, &second] {
        tx.insert_promotion(one, None).await.unwrap();
    }
    tx.insert_effects(first.id, 1, &TELL, day(1)).await.unwrap();
    tx.insert_effects(first.id, 2, &TELL, day(2)).await.unwrap();
    tx.insert_effects(second.id, 1, &TELL, day(3)).await.unwrap();
    tx.commit().await.unwrap();
    let key = |promotion, revision| EffectKey { promotion, revision, ordinal: 0 };
    [key(first.id, 1), key(first.id, 2), key(second.id, 1)]
}

async fn of_each_promotion_the_oldest_effect_is_handed_out_to_one_worker(store: Store) {
    let [first, later, other] = effects(&store).await;
    let now = day(4);
    let until = now + Duration::seconds(30);
    let (one, two) = (uuid(71), uuid(72));
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.pending_effects().await.unwrap(), 3);
    let too_early = day(1) - Duration::microseconds(1);
    assert_eq!(tx.claim_effects(one, too_early, until, 10).await.unwrap(), []);
    let mine = tx.claim_effects(one, now, until, 1).await.unwrap();
    assert_eq!(mine.iter().map(|e| e.key).collect::<Vec<_>>(), [first]);
    assert_eq!((mine[0].effect, mine[0].attempts, mine[0].created_at), (Effect::TellMessenger, 0, day(1)));
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let theirs = tx.claim_effects(two, now, until, 10).await.unwrap();
    assert_eq!(theirs.iter().map(|e| e.key).collect::<Vec<_>>(), [other]);
    assert_eq!(tx.claim_effects(two, now, until, 10).await.unwrap(), []);
    assert_eq!(tx.finish_effects(first.promotion, 1, now).await.unwrap(), 1);
    let next = tx.claim_effects(two, now, until, 10).await.unwrap();
    assert_eq!(next.iter().map(|e| e.key).collect::<Vec<_>>(), [later]);
    tx.commit().await.unwrap();
    // A worker that died: its lease runs out.
    let mut tx = store.begin().await.unwrap();
    let late = until + Duration::seconds(1);
    assert_eq!(tx.claim_effects(one, late, late, 10).await.unwrap().len(), 2);
}

async fn an_attempt_is_noted_before_and_a_failure_after(store: Store) {
    let [first, ..] = effects(&store).await;
    let (one, two) = (uuid(71), uuid(72));
    let now = day(4);
    let mut tx = store.begin().await.unwrap();
    tx.claim_effects(one, now, day(5), 1).await.unwrap();
    tx.record_attempt(&first, one, now, day(6)).await.unwrap();
    tx.commit().await.unwrap();
    // The attempt renewed the lease: the claim alone would have ended by then.
    let mut tx = store.begin().await.unwrap();
    let others = tx.claim_effects(two, day(5) + Duration::seconds(1), day(6), 10).await.unwrap();
    assert!(others.iter().all(|e| e.key != first), "{others:?}");
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    let not_mine = tx.record_attempt(&first, two, now, day(6)).await;
    assert!(matches!(not_mine, Err(StoreError::Conflict)), "{not_mine:?}");
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    tx.retry_effect(&first, two, day(4), "not mine").await.unwrap();
    let mut claimed = tx.claim_effects(two, now, day(5), 1).await.unwrap();
    // PostgreSQL hears of a dropped transaction a moment later; until then its rows are passed over.
    for _ in 0..500 {
        if !claimed.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        claimed = tx.claim_effects(two, now, day(5), 1).await.unwrap();
    }
    assert_eq!(claimed[0].key.promotion, promotion(2, version_id(CART, 2)).id);
    tx.retry_effect(&first, one, day(6), "no answer").await.unwrap();
    assert_eq!(tx.claim_effects(two, day(5), day(6), 10).await.unwrap(), []);
    let again = tx.claim_effects(two, day(6), day(7), 10).await.unwrap();
    let again = again.iter().find(|e| e.key == first).unwrap();
    assert_eq!((again.attempts, again.attempted_at), (1, Some(now)));
    assert_eq!(again.last_error.as_deref(), Some("no answer"));
    tx.commit().await.unwrap();
}

async fn telling_a_later_state_finishes_the_earlier_effects(store: Store) {
    let [first, ..] = effects(&store).await;
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.finish_effects(first.promotion, 2, day(4)).await.unwrap(), 2);
    assert_eq!(tx.finish_effects(first.promotion, 2, day(4)).await.unwrap(), 0);
    assert_eq!(tx.pending_effects().await.unwrap(), 1);
    tx.commit().await.unwrap();
}

async fn what_a_step_says_is_finished_by_itself_alone(store: Store) {
    let [first, ..] = effects(&store).await;
    let mut tx = store.begin().await.unwrap();
    tx.insert_effects(first.promotion, 3, &[Effect::TellMessenger, Effect::Announce { step: 2 }], day(3))
        .await
        .unwrap();
    assert_eq!(tx.finish_effects(first.promotion, 9, day(4)).await.unwrap(), 3, "those of the message");
    let left = tx.claim_effects(uuid(71), day(4), day(5), 10).await.unwrap();
    let left = left.iter().find(|effect| effect.key.promotion == first.promotion).unwrap();
    assert_eq!((left.key.ordinal, left.effect), (1, Effect::Announce { step: 2 }));
    tx.finish_effect(&left.key, day(4)).await.unwrap();
    assert_eq!(tx.pending_effects().await.unwrap(), 1, "that of the other promotion");
    tx.commit().await.unwrap();
}

async fn a_message_never_goes_back_to_an_earlier_revision(store: Store) {
    let [first, _, other] = effects(&store).await;
    let id = first.promotion;
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.message(id).await.unwrap(), None);
    tx.begin_message(id, "#releases", day(4)).await.unwrap();
    tx.begin_message(id, "#elsewhere", day(5)).await.unwrap();
    let begun = tx.message(id).await.unwrap().unwrap();
    assert_eq!((begun.channel.as_str(), begun.message, begun.told_revision), ("#releases", None, 0));
    assert_eq!(begun.attempted_at, day(4));
    assert!(tx.set_message(id, "C1", "17.5", 3).await.unwrap());
    assert!(!tx.set_message(id, "C1", "17.5", 2).await.unwrap());
    tx.forget_message(id).await.unwrap();
    let told = tx.message(id).await.unwrap().unwrap();
    assert_eq!((told.channel.as_str(), told.message.as_deref(), told.told_revision), ("C1", Some("17.5"), 3));
    tx.begin_message(other.promotion, "#releases", day(4)).await.unwrap();
    tx.forget_message(other.promotion).await.unwrap();
    assert_eq!(tx.message(other.promotion).await.unwrap(), None);
    tx.commit().await.unwrap();
}
