//! Why pods of a promotion fail.

use chrono::Duration;
use domain::{
    evidence::{LogTail, PodEvent, PodEvidence, PodReport, Told},
    ids::PromotionId,
    names::{Namespace, WorkloadName},
    observation::{PlacedWorkload, WorkloadRef},
};
use store::{EVIDENCE_PER_PROMOTION, Store, StoreError};

use crate::{
    sample::{CART, CLUSTER, company, day, promotion, uuid, version_id},
    support::on_both_databases,
};

on_both_databases!(the_last_word_about_each_pod_is_kept);

fn told(pod: u32, minutes: i64, log: &str) -> PodEvidence {
    let event = PodEvent {
        at: Some(day(1)),
        reason: "BackOff".to_owned(),
        message: "Back-off restarting failed container".to_owned(),
        count: 3,
        is_warning: true,
    };
    PodEvidence {
        placed: PlacedWorkload {
            cluster: CLUSTER,
            workload: WorkloadRef::deployment(Namespace::parse("shop").unwrap(), WorkloadName::parse("cart").unwrap()),
        },
        pod: format!("cart-{pod}"),
        container: Some("app".to_owned()),
        words: "CrashLoopBackOff, exit code 1".to_owned(),
        restarts: 2,
        at: day(1) + Duration::minutes(minutes),
        report: PodReport::new(Told::Known(vec![event]), Told::Known(LogTail::of(log, false, true))),
    }
}

async fn the_last_word_about_each_pod_is_kept(store: Store) {
    company(&store).await;
    let promotion = promotion(1, version_id(CART, 2));
    let mut tx = store.begin().await.unwrap();
    tx.insert_promotion(&promotion, None).await.unwrap();
    tx.put_evidence(promotion.id, &[told(1, 0, "first"), told(2, 1, "other")]).await.unwrap();
    tx.put_evidence(promotion.id, &[told(1, 2, "panic \"é\"")]).await.unwrap();
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    assert_eq!(read.evidence(promotion.id).await.unwrap(), [told(1, 2, "panic \"é\""), told(2, 1, "other")]);
    assert_eq!(read.evidence(PromotionId::new(uuid(1))).await.unwrap(), []);
    drop(read);

    let many: Vec<_> = (0..EVIDENCE_PER_PROMOTION).map(|pod| told(pod + 10, 10 + i64::from(pod), "")).collect();
    let mut tx = store.begin().await.unwrap();
    tx.put_evidence(promotion.id, &many).await.unwrap();
    tx.commit().await.unwrap();
    let mut kept = store.read().await.unwrap().evidence(promotion.id).await.unwrap();
    kept.reverse();
    assert_eq!(kept, many, "the ones told longest ago are gone");
    let mut tx = store.begin().await.unwrap();
    let nowhere = tx.put_evidence(PromotionId::new(uuid(1)), &many).await;
    assert!(matches!(nowhere, Err(StoreError::ForeignKey)), "{nowhere:?}");
}
