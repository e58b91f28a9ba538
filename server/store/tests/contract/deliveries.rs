//! Webhooks to outside deployers, their secrets, and what is reported.

use chrono::Duration;
use domain::outside::{Deployer, OutsideDeployer, WebhookAddress};
use serde_json::json;
use store::{AfterAttempt, AttemptEnd, Delivery, DeliveryState, DeployerSecret, Store, StoreError};

use crate::{
    sample::{CART, company, day, promotion, uuid, version_id},
    support::on_both_databases,
};

on_both_databases!(
    of_each_promotion_the_oldest_open_webhook_is_handed_out_to_one_worker,
    what_is_not_wanted_any_more_does_not_hold_up_what_follows,
    what_came_of_each_try_is_kept_and_a_webhook_can_be_opened_again,
    a_secret_is_replaced_and_a_report_is_kept_once,
    a_target_says_who_deploys_it,
);

fn delivery(number: i64, generation: u32, due: i64) -> Delivery {
    let promotion = promotion(number, version_id(CART, 1));
    Delivery {
        id: format!("call_{number}_{generation}"),
        promotion_id: promotion.id,
        target_id: promotion.target,
        generation,
        call: "start".into(),
        address: "https://deploy.example/start".into(),
        body: "{\"b\": 1,  \"a\": \"ä\"}".into(),
        created_at: day(due),
        due_at: day(due),
        attempts: 0,
        state: DeliveryState::Open,
        done_at: None,
    }
}

/// Two promotions; the first has two webhooks.
async fn deliveries(store: &Store) -> [Delivery; 3] {
    company(store).await;
    let all = [delivery(1, 1, 1), delivery(1, 2, 2), delivery(2, 1, 3)];
    let mut tx = store.begin().await.unwrap();
    for number in [1, 2] {
        tx.insert_promotion(&promotion(number, version_id(CART, 1)), None).await.unwrap();
    }
    for one in &all {
        tx.put_delivery(one).await.unwrap();
    }
    tx.commit().await.unwrap();
    all
}

async fn of_each_promotion_the_oldest_open_webhook_is_handed_out_to_one_worker(store: Store) {
    let [first, later, other] = deliveries(&store).await;
    let (now, one, two) = (day(4), uuid(71), uuid(72));
    let until = now + Duration::seconds(60);
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.pending_effects().await.unwrap(), 3);
    assert_eq!(tx.claim_deliveries(one, day(0), until, 10).await.unwrap(), []);
    let mut claimed = tx.claim_deliveries(one, now, until, 10).await.unwrap();
    claimed.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(claimed, [first.clone(), other.clone()]);
    assert_eq!(tx.claim_deliveries(two, now, until, 10).await.unwrap(), []);
    // A lease that has ended goes to another; the first may not begin then.
    let after = until + Duration::seconds(1);
    let again = tx.claim_deliveries(two, after, after + Duration::seconds(60), 1).await.unwrap();
    assert_eq!(again, std::slice::from_ref(&first));
    tx.begin_attempt(&first.id, two, after, after).await.unwrap();
    let end =
        AttemptEnd { status: Some(202), words: "it answered 202", next: AfterAttempt::Done(DeliveryState::Taken) };
    tx.end_attempt(&first, two, after, end).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    assert!(matches!(tx.begin_attempt(&first.id, one, after, after).await, Err(StoreError::Conflict)));
    drop(tx);
    // Only now comes the next of the same promotion.
    let mut tx = store.begin().await.unwrap();
    let next = tx.claim_deliveries(one, after, after, 10).await.unwrap();
    assert!(next.contains(&later), "{next:?}");
    tx.drop_delivery(&later.id, one, after).await.unwrap();
    let dropped = tx.delivery(&later.id).await.unwrap().unwrap();
    assert_eq!((dropped.state, dropped.done_at), (DeliveryState::Dropped, Some(after)));
    assert_eq!(tx.pending_effects().await.unwrap(), 1);
}

async fn what_is_not_wanted_any_more_does_not_hold_up_what_follows(store: Store) {
    let [first, later, other] = deliveries(&store).await;
    let (now, owner) = (day(4), uuid(71));
    let until = now + Duration::seconds(60);
    let ids = |claimed: Vec<Delivery>| claimed.into_iter().map(|one| one.id).collect::<Vec<_>>();
    let mut tx = store.begin().await.unwrap();
    tx.claim_deliveries(owner, now, until, 10).await.unwrap();
    // A worker has it just now.
    tx.drop_earlier_deliveries(first.promotion_id, 2, now).await.unwrap();
    assert_eq!(tx.delivery(&first.id).await.unwrap().unwrap().state, DeliveryState::Open);
    assert_eq!(ids(tx.claim_deliveries(uuid(72), now, until, 10).await.unwrap()), [""; 0]);
    tx.begin_attempt(&first.id, owner, now, until).await.unwrap();
    let end = AttemptEnd { status: Some(503), words: "busy", next: AfterAttempt::Again(day(9)) };
    tx.end_attempt(&first, owner, now, end).await.unwrap();
    assert_eq!(ids(tx.claim_deliveries(owner, now, until, 10).await.unwrap()), [""; 0], "the next try is days away");
    tx.drop_earlier_deliveries(first.promotion_id, 2, now).await.unwrap();
    let dropped = tx.delivery(&first.id).await.unwrap().unwrap();
    assert_eq!((dropped.state, dropped.done_at), (DeliveryState::Dropped, Some(now)));
    assert_eq!(ids(tx.claim_deliveries(owner, now, until, 10).await.unwrap()), [later.id.as_str()]);
    // Its own generation and other promotions are left alone, and a lease that has ended protects nothing.
    let after = until + Duration::seconds(1);
    tx.drop_earlier_deliveries(first.promotion_id, 2, after).await.unwrap();
    let state = async |tx: &mut store::Tx, id: &str| tx.delivery(id).await.unwrap().unwrap().state;
    assert_eq!(state(&mut tx, &later.id).await, DeliveryState::Open);
    assert_eq!(state(&mut tx, &other.id).await, DeliveryState::Open);
    tx.drop_earlier_deliveries(first.promotion_id, 3, after).await.unwrap();
    assert_eq!(state(&mut tx, &later.id).await, DeliveryState::Dropped);
}

async fn what_came_of_each_try_is_kept_and_a_webhook_can_be_opened_again(store: Store) {
    let [first, ..] = deliveries(&store).await;
    let (now, owner) = (day(4), uuid(71));
    let until = now + Duration::seconds(60);
    let mut tx = store.begin().await.unwrap();
    tx.claim_deliveries(owner, now, until, 1).await.unwrap();
    tx.begin_attempt(&first.id, owner, now, until).await.unwrap();
    let end = AttemptEnd { status: None, words: "no answer in time", next: AfterAttempt::Again(day(5)) };
    tx.end_attempt(&first, owner, now + Duration::seconds(10), end).await.unwrap();
    assert_eq!(
        tx.claim_deliveries(owner, now, until, 1).await.unwrap().first().map(|d| d.id.clone()),
        Some("call_2_1".into())
    );
    let claimed = tx.claim_deliveries(owner, day(5), day(5) + Duration::seconds(60), 10).await.unwrap();
    let again = claimed.iter().find(|one| one.id == first.id).unwrap();
    assert_eq!((again.attempts, again.due_at), (1, day(5)));
    tx.begin_attempt(&first.id, owner, day(5), until).await.unwrap();
    let end =
        AttemptEnd { status: Some(401), words: "it answered 401", next: AfterAttempt::Done(DeliveryState::Refused) };
    tx.end_attempt(&first, owner, day(5), end).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let tries = tx.attempts_of(first.promotion_id, 10).await.unwrap();
    let told: Vec<_> = tries.iter().map(|t| (t.number, t.status, t.words.as_deref())).collect();
    assert_eq!(told, [(2, Some(401), Some("it answered 401")), (1, None, Some("no answer in time"))]);
    assert_eq!(tries[1].ended_at, Some(now + Duration::seconds(10)));
    let refused = tx.deliveries_of(first.promotion_id).await.unwrap().remove(0);
    assert_eq!((refused.state, refused.attempts, refused.body), (DeliveryState::Refused, 2, first.body.clone()));
    tx.put_delivery(&Delivery { due_at: day(6), body: "another".into(), ..first.clone() }).await.unwrap();
    let opened = tx.delivery(&first.id).await.unwrap().unwrap();
    assert_eq!((opened.state, opened.done_at, opened.due_at), (DeliveryState::Open, None, day(6)));
    assert_eq!((opened.attempts, opened.body), (2, first.body), "what was signed stays as it was");
}

async fn a_secret_is_replaced_and_a_report_is_kept_once(store: Store) {
    deliveries(&store).await;
    let promotion = promotion(1, version_id(CART, 1));
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.deployer_secret(promotion.target).await.unwrap(), None);
    let first = DeployerSecret {
        target_id: promotion.target,
        sealed: vec![1],
        former: None,
        former_until: None,
        made_at: day(1),
    };
    tx.put_deployer_secret(&first).await.unwrap();
    let second =
        DeployerSecret { sealed: vec![2], former: Some(vec![1]), former_until: Some(day(3)), made_at: day(2), ..first };
    tx.put_deployer_secret(&second).await.unwrap();
    assert_eq!(tx.deployer_secret(promotion.target).await.unwrap(), Some(second));
    let said = json!({ "state": "running", "percent": 40 });
    assert!(tx.insert_report(promotion.id, "r-1", day(2), &said).await.unwrap());
    assert!(!tx.insert_report(promotion.id, "r-1", day(3), &json!({})).await.unwrap());
    assert_eq!(tx.report(promotion.id, "r-1").await.unwrap(), Some(said));
    assert_eq!(tx.report(promotion.id, "r-2").await.unwrap(), None);
}

async fn a_target_says_who_deploys_it(store: Store) {
    company(&store).await;
    let id = promotion(1, version_id(CART, 1)).target;
    let mut tx = store.begin().await.unwrap();
    let mut target = tx.target(id).await.unwrap().unwrap();
    assert_eq!(target.deployer, Deployer::Clusters);
    let address = WebhookAddress::parse("https://deploy.example").unwrap();
    target.deployer = Deployer::Outside(OutsideDeployer::new(address, None, 600, Some(60)).unwrap());
    target.workloads.clear();
    assert!(tx.replace_target(&target).await.unwrap());
    assert_eq!(tx.target(id).await.unwrap(), Some(target));
}
