//! Deployments and the last one that succeeded.

use domain::{
    deployment::{Cause, Outcome},
    ids::{DeploymentId, PromotionId},
    names::TeamName,
};
use store::{Deployment, DeploymentFilter, DeploymentSort, Paging, Store, StoreError, Unique};

use crate::{
    sample::{CART, PAY, PRODUCTION, STAGING, company, day, deployment, promotion, uuid, version_id},
    support::on_both_databases,
};

on_both_databases!(
    the_deployment_of_a_promotion_is_written_over,
    a_reported_deployment_is_found_by_its_external_identifier,
    the_last_success_is_kept_also_when_it_is_taken_back,
    a_late_report_does_not_hide_a_newer_success,
    lists_go_by_the_time_they_name,
    one_can_go_back_to_what_succeeded,
    the_success_that_followed_is_found,
);

fn done(number: u128, version: i64, at: i64) -> Deployment {
    deployment(number, version_id(CART, version), Outcome::Succeeded, Some(day(at)))
}

async fn insert(store: &Store, deployments: &[Deployment]) {
    let mut tx = store.begin().await.unwrap();
    for one in deployments {
        tx.insert_deployment(one).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn latest(store: &Store) -> Option<i64> {
    let mut read = store.read().await.unwrap();
    read.latest_deployment(CART, PRODUCTION).await.unwrap().map(|d| d.ordinal)
}

async fn the_deployment_of_a_promotion_is_written_over(store: Store) {
    company(&store).await;
    let one = promotion(1, version_id(CART, 2));
    let mut tx = store.begin().await.unwrap();
    tx.insert_promotion(&one, None).await.unwrap();
    let mut written = deployment(1, version_id(CART, 2), Outcome::Running, None);
    written.promotion_id = Some(one.id);
    written.requested_at = Some(day(1));
    assert_eq!(tx.put_deployment(&written).await.unwrap(), written.id);
    let first_id = written.id;
    // The engine makes a new identity each time; the first one stays.
    written.id = DeploymentId::new(uuid(77));
    written.outcome = Outcome::Failed;
    written.finished_at = Some(day(2));
    written.previous_version_id = Some(version_id(CART, 1));
    assert_eq!(tx.put_deployment(&written).await.unwrap(), first_id);
    tx.commit().await.unwrap();
    written.id = first_id;
    let mut read = store.read().await.unwrap();
    assert_eq!(read.deployment(first_id).await.unwrap(), Some(written.clone()));
    assert_eq!(read.deployment_of_promotion(one.id).await.unwrap(), Some(written));
    assert_eq!(read.deployment_of_promotion(PromotionId::new(uuid(1))).await.unwrap(), None);
    assert_eq!(read.deployment(DeploymentId::new(uuid(77))).await.unwrap(), None);
    let page = read.deployments(&DeploymentFilter::default(), DeploymentSort::Started, Paging::first(5)).await.unwrap();
    assert_eq!(page.rows[0].promotion_number, Some(1));
    assert_eq!(page.rows[0].previous_version.as_ref().unwrap().as_str(), "1.0.1");
}

async fn a_reported_deployment_is_found_by_its_external_identifier(store: Store) {
    company(&store).await;
    let mut reported = deployment(1, version_id(CART, 1), Outcome::Running, None);
    reported.external_id = Some("run-17".into());
    reported.reported_by = Some("ci (token)".into());
    insert(&store, &[reported.clone()]).await;
    let mut read = store.read().await.unwrap();
    assert_eq!(read.deployment_by_external_id(CART, PRODUCTION, "run-17").await.unwrap(), Some(reported.clone()));
    assert_eq!(read.deployment_by_external_id(CART, STAGING, "run-17").await.unwrap(), None);
    drop(read);
    let mut tx = store.begin().await.unwrap();
    let mut again = reported.clone();
    again.id = DeploymentId::new(uuid(2));
    let taken = tx.insert_deployment(&again).await;
    assert!(matches!(taken, Err(StoreError::Unique { what: Unique::ExternalDeployment })), "{taken:?}");
    drop(tx);
    assert_eq!(latest(&store).await, None);
    let mut tx = store.begin().await.unwrap();
    assert!(tx.finish_deployment(reported.id, Outcome::Succeeded, day(101)).await.unwrap());
    assert!(!tx.finish_deployment(DeploymentId::new(uuid(3)), Outcome::Succeeded, day(101)).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(latest(&store).await, Some(1));
}

async fn the_last_success_is_kept_also_when_it_is_taken_back(store: Store) {
    company(&store).await;
    insert(&store, &[done(1, 1, 1)]).await;
    assert_eq!(latest(&store).await, Some(1));
    let one = promotion(1, version_id(CART, 2));
    let mut tx = store.begin().await.unwrap();
    tx.insert_promotion(&one, None).await.unwrap();
    let mut second = done(2, 2, 2);
    second.promotion_id = Some(one.id);
    tx.put_deployment(&second).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(latest(&store).await, Some(2));
    let mut tx = store.begin().await.unwrap();
    second.outcome = Outcome::Aborted;
    tx.put_deployment(&second).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(latest(&store).await, Some(1));
    let mut tx = store.begin().await.unwrap();
    tx.finish_deployment(done(1, 1, 1).id, Outcome::Failed, day(3)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(latest(&store).await, None);
}

async fn a_late_report_does_not_hide_a_newer_success(store: Store) {
    company(&store).await;
    let mut elsewhere = done(3, 1, 9);
    elsewhere.environment_id = STAGING;
    insert(&store, &[done(1, 3, 5), done(2, 2, 4), elsewhere]).await;
    let mut read = store.read().await.unwrap();
    let all = read.latest_deployments(CART).await.unwrap();
    let found: Vec<_> = all.iter().map(|d| (d.environment_id, d.label.as_str(), d.finished_at)).collect();
    assert_eq!(found, [(STAGING, "1.0.1", day(9)), (PRODUCTION, "1.0.3", day(5))]);
    assert_eq!(read.latest_deployments(PAY).await.unwrap(), []);
}

async fn lists_go_by_the_time_they_name(store: Store) {
    company(&store).await;
    let mut hotfix = done(2, 2, 3);
    hotfix.cause = Cause::Hotfix;
    hotfix.started_at = day(0);
    let mut pay = deployment(3, version_id(PAY, 1), Outcome::Failed, Some(day(2)));
    pay.service_id = PAY;
    pay.environment_id = STAGING;
    let running = deployment(4, version_id(CART, 3), Outcome::Running, None);
    insert(&store, &[done(1, 1, 1), hotfix, pay, running]).await;
    let mut read = store.read().await.unwrap();
    let all = DeploymentFilter::default();
    let cases: Vec<(DeploymentFilter, DeploymentSort, Vec<u128>)> = vec![
        (all.clone(), DeploymentSort::Started, vec![4, 3, 1, 2]),
        (all.clone(), DeploymentSort::Finished, vec![2, 3, 1]),
        (DeploymentFilter { service: Some(CART), ..all.clone() }, DeploymentSort::Started, vec![4, 1, 2]),
        (DeploymentFilter { service: Some(CART), ..all.clone() }, DeploymentSort::Finished, vec![2, 1]),
        (DeploymentFilter { environment: Some(STAGING), ..all.clone() }, DeploymentSort::Started, vec![3]),
        (DeploymentFilter { cause: Some(Cause::Hotfix), ..all.clone() }, DeploymentSort::Started, vec![2]),
        (DeploymentFilter { outcome: Some(Outcome::Failed), ..all.clone() }, DeploymentSort::Finished, vec![3]),
        (
            DeploymentFilter { team: Some(TeamName::parse("none").unwrap()), ..all.clone() },
            DeploymentSort::Started,
            vec![],
        ),
        (
            DeploymentFilter { from: Some(day(1)), to: Some(day(3)), ..all.clone() },
            DeploymentSort::Finished,
            vec![3, 1],
        ),
    ];
    for (filter, sort, expected) in cases {
        let page = read.deployments(&filter, sort, Paging::first(10)).await.unwrap();
        let found: Vec<_> = page.rows.iter().map(|r| r.id.uuid().as_u128() - 8000).collect();
        assert_eq!(found, expected, "{filter:?} {sort:?}");
        assert_eq!(page.total, i64::try_from(expected.len()).unwrap());
    }
    let second = read.deployments(&all, DeploymentSort::Started, Paging::page(2, 3)).await.unwrap();
    assert_eq!((second.rows.len(), second.total), (1, 4));
    let of_version = read.deployments_of_version(version_id(CART, 2), 5).await.unwrap();
    assert_eq!(of_version.iter().map(|r| r.cause).collect::<Vec<_>>(), [Cause::Hotfix]);
}

async fn one_can_go_back_to_what_succeeded(store: Store) {
    company(&store).await;
    let failed = deployment(5, version_id(CART, 3), Outcome::Failed, Some(day(9)));
    insert(&store, &[done(1, 1, 1), done(2, 2, 2), done(3, 1, 3), done(4, 2, 4), failed]).await;
    let mut read = store.read().await.unwrap();
    let back = read.succeeded_before(CART, PRODUCTION, 10).await.unwrap();
    let found: Vec<_> = back.iter().map(|b| (b.label.as_str(), b.ordinal, b.finished_at)).collect();
    assert_eq!(found, [("1.0.2", 2, day(4)), ("1.0.1", 1, day(3))]);
    assert_eq!(read.succeeded_before(CART, PRODUCTION, 1).await.unwrap().len(), 1);
    assert_eq!(read.succeeded_before(CART, STAGING, 10).await.unwrap(), []);
    assert!(read.has_succeeded(CART, PRODUCTION, version_id(CART, 1)).await.unwrap());
    assert!(!read.has_succeeded(CART, PRODUCTION, version_id(CART, 3)).await.unwrap());
    assert!(!read.has_succeeded(CART, STAGING, version_id(CART, 1)).await.unwrap());
}

async fn the_success_that_followed_is_found(store: Store) {
    company(&store).await;
    let back = promotion(1, version_id(CART, 1));
    let mut tx = store.begin().await.unwrap();
    tx.insert_promotion(&back, None).await.unwrap();
    tx.commit().await.unwrap();
    let failed = deployment(2, version_id(CART, 3), Outcome::Failed, Some(day(2)));
    let elsewhere = Deployment { environment_id: STAGING, ..done(3, 3, 3) };
    let rollback = Deployment { cause: Cause::Rollback, promotion_id: Some(back.id), ..done(4, 1, 4) };
    insert(&store, &[done(1, 2, 1), failed, elsewhere, rollback, done(5, 3, 5)]).await;
    let mut read = store.read().await.unwrap();
    let next = read.next_success(CART, PRODUCTION, day(1)).await.unwrap().unwrap();
    assert_eq!((next.cause, next.version_id), (Cause::Rollback, version_id(CART, 1)));
    assert_eq!(next.promotion_number, Some(back.number));
    let reported = read.next_success(CART, PRODUCTION, day(4)).await.unwrap().unwrap();
    assert_eq!((reported.cause, reported.promotion_number), (Cause::Planned, None));
    assert_eq!(read.next_success(CART, PRODUCTION, day(5)).await.unwrap(), None);
}
