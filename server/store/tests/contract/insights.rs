//! What the figures are made of.

use domain::{
    deployment::{Cause, Outcome, Severity},
    ids::IncidentId,
    names::TeamName,
};
use store::{Incident, InsightsFilter, Store};

use crate::{
    sample::{CART, PAY, STAGING, company, day, deployment, uuid, version_id},
    support::on_both_databases,
};

on_both_databases!(
    deployments_that_ended_in_production_are_given_in_their_order,
    each_deployment_brings_the_commits_after_what_ran_before,
    incidents_belong_to_the_range_by_beginning_or_cause,
);

fn range(from: i64, to: i64) -> InsightsFilter {
    InsightsFilter { from: day(from), to: day(to), service: None, team: None }
}

/// Day 1: cart 1; day 5: cart 3 after cart 1; day 6: back to cart 1; day 7: cart 2 fails; day 8:
/// payment 2 after payment 1; and noise: in staging, under way, and one of payment that was found on day 4.
async fn history(store: &Store) {
    company(store).await;
    let cart = |number, version, at| deployment(number, version_id(CART, version), Outcome::Succeeded, Some(day(at)));
    let first = cart(1, 1, 1);
    let mut second = cart(2, 3, 5);
    second.previous_version_id = Some(version_id(CART, 1));
    let mut back = cart(3, 1, 6);
    back.previous_version_id = Some(version_id(CART, 3));
    back.cause = Cause::Rollback;
    let mut failed = cart(4, 2, 7);
    failed.previous_version_id = Some(version_id(CART, 1));
    failed.outcome = Outcome::Failed;
    let mut pay = deployment(5, version_id(PAY, 2), Outcome::Succeeded, Some(day(8)));
    pay.service_id = PAY;
    pay.previous_version_id = Some(version_id(PAY, 1));
    let mut staging = cart(6, 2, 3);
    staging.environment_id = STAGING;
    let running = deployment(7, version_id(CART, 2), Outcome::Running, None);
    let mut tx = store.begin().await.unwrap();
    let mut found = deployment(8, version_id(PAY, 1), Outcome::Succeeded, Some(day(4)));
    found.service_id = PAY;
    for one in [&first, &second, &back, &failed, &pay, &staging, &running, &found] {
        tx.insert_deployment(one).await.unwrap();
    }
    assert!(tx.mark_deployment_found(found.id).await.unwrap());
    tx.commit().await.unwrap();
}

async fn deployments_that_ended_in_production_are_given_in_their_order(store: Store) {
    history(&store).await;
    let mut read = store.read().await.unwrap();
    let numbers = |rows: Vec<store::InsightsDeployment>| {
        rows.into_iter().map(|d| d.id.uuid().as_u128() - 8000).collect::<Vec<_>>()
    };
    assert_eq!(numbers(read.insights_deployments(&range(0, 30)).await.unwrap()), [1, 2, 3, 4, 5]);
    assert_eq!(numbers(read.insights_deployments(&range(5, 7)).await.unwrap()), [2, 3]);
    let of_pay = InsightsFilter { service: Some(PAY), ..range(0, 30) };
    assert_eq!(numbers(read.insights_deployments(&of_pay).await.unwrap()), [5]);
    for (team, expected) in [("checkout", 5), ("other", 0)] {
        let filter = InsightsFilter { team: Some(TeamName::parse(team).unwrap()), ..range(0, 30) };
        assert_eq!(read.insights_deployments(&filter).await.unwrap().len(), expected);
    }
    let second = &read.insights_deployments(&range(5, 6)).await.unwrap()[0];
    assert_eq!((second.version.as_str(), second.previous_version.as_ref().unwrap().as_str()), ("1.0.3", "1.0.1"));
    assert_eq!((second.service.as_str(), second.team.as_str(), second.finished_at), ("cart", "checkout", day(5)));
}

async fn each_deployment_brings_the_commits_after_what_ran_before(store: Store) {
    history(&store).await;
    let mut read = store.read().await.unwrap();
    let commits = read.insights_commits(&range(0, 30)).await.unwrap();
    let found: Vec<_> = commits.iter().map(|c| (c.deployment_id.uuid().as_u128() - 8000, c.committed_at)).collect();
    // Cart 3 after cart 1 brings the commits of cart 2 and 3; the first deployment, the way back and
    // the failure bring none.
    let expected = [(2, day(0)), (2, day(1)), (2, day(1)), (2, day(2)), (5, day(0)), (5, day(1))];
    assert_eq!(found, expected);
    let of_cart = InsightsFilter { service: Some(CART), ..range(0, 30) };
    assert_eq!(read.insights_commits(&of_cart).await.unwrap().len(), 4);
    assert_eq!(read.insights_commits(&range(6, 8)).await.unwrap(), []);
}

async fn incidents_belong_to_the_range_by_beginning_or_cause(store: Store) {
    history(&store).await;
    let incident = |number: i64, at, service_id, cause: Option<u128>| Incident {
        id: IncidentId::new(uuid(7000 + u128::try_from(number).unwrap())),
        number,
        title: "Down".into(),
        severity: Severity::Critical,
        opened_at: day(at),
        detected_at: None,
        resolved_at: Some(day(at + 1)),
        service_id,
        environment_id: None,
        deployment_id: cause.map(|n| domain::ids::DeploymentId::new(uuid(8000 + n))),
        summary: String::new(),
    };
    let mut tx = store.begin().await.unwrap();
    let all = [
        incident(1, 2, Some(CART), None),
        incident(2, 20, None, Some(2)),
        incident(3, 6, None, None),
        incident(4, 6, Some(PAY), Some(5)),
    ];
    for one in &all {
        tx.insert_incident(one).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    let numbers = |rows: Vec<store::InsightsIncident>| rows.into_iter().map(|i| i.number).collect::<Vec<_>>();
    assert_eq!(numbers(read.insights_incidents(&range(5, 9)).await.unwrap()), [3, 4, 2]);
    let of_cart = InsightsFilter { service: Some(CART), ..range(0, 30) };
    assert_eq!(numbers(read.insights_incidents(&of_cart).await.unwrap()), [1, 2]);
    let of_team = InsightsFilter { team: Some(TeamName::parse("checkout").unwrap()), ..range(0, 30) };
    assert_eq!(numbers(read.insights_incidents(&of_team).await.unwrap()), [1, 4, 2]);
}
