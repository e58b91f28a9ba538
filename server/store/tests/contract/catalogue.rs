//! Teams, services, environments, clusters.

use domain::{
    environment::{EnvironmentKind, Quorum},
    ids::{ClusterId, EnvironmentId, ServiceId, TeamId},
    names::{EnvironmentName, Namespace, ServiceName, TeamName},
    version::WebLink,
};
use store::{ClusterKind, ClusterState, ClusterTrouble, Paging, ServiceFilter, Store, StoreError, Team, Unique};

use crate::{
    sample::{CART, CLUSTER, PAY, PRODUCTION, STAGING, cluster, company, day, environment, service, team, uuid},
    support::on_both_databases,
};

on_both_databases!(
    teams_are_listed_and_found_by_name,
    a_service_is_read_as_it_was_written,
    services_are_filtered_and_paged_by_name,
    a_list_of_services_tells_their_newest_versions,
    a_taken_name_is_told_and_nothing_is_kept,
    environments_come_in_their_order,
    changed_rules_get_the_next_revision_and_a_lost_race_is_told,
    an_environment_in_use_cannot_be_deleted,
    a_cluster_is_read_as_it_was_written,
    the_time_since_when_a_cluster_is_away_is_kept,
    environments_are_bound_to_clusters,
    a_search_text_with_wildcards_is_taken_literally,
);

async fn teams_are_listed_and_found_by_name(store: Store) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_team(&team()).await.unwrap();
    // An order that databases with a language's collation see the other way round.
    for (number, name) in [(2, "a-z"), (3, "ab")] {
        let name = TeamName::parse(name).unwrap();
        tx.insert_team(&Team { id: TeamId::new(uuid(number)), name, title: "T".into() }).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    let names: Vec<_> = read.teams().await.unwrap().into_iter().map(|t| t.name.to_string()).collect();
    assert_eq!(names, ["a-z", "ab", "checkout"]);
    assert_eq!(read.team_by_name(&team().name).await.unwrap(), Some(team()));
    assert_eq!(read.team_by_name(&TeamName::parse("none").unwrap()).await.unwrap(), None);
}

async fn a_service_is_read_as_it_was_written(store: Store) {
    let mut written = service(CART, "cart");
    written.title = "Einkaufswagen “Ünïcode” 🛒 '; DROP TABLE services; --".into();
    written.description = "Line one\nline two".into();
    written.repository = Some(WebLink::parse("https://git.example/cart").unwrap());
    let mut tx = store.begin().await.unwrap();
    tx.insert_team(&team()).await.unwrap();
    tx.insert_service(&written).await.unwrap();
    assert_eq!(tx.service(CART).await.unwrap(), Some(written.clone()));
    written.name = ServiceName::parse("basket").unwrap();
    written.tier = 3;
    written.runbook = Some(WebLink::parse("http://runbook.example/1").unwrap());
    written.repository = None;
    assert!(tx.update_service(&written).await.unwrap());
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    assert_eq!(read.service_by_name(&written.name).await.unwrap(), Some(written));
    assert_eq!(read.service_by_name(&ServiceName::parse("cart").unwrap()).await.unwrap(), None);
    drop(read);
    let mut tx = store.begin().await.unwrap();
    assert!(!tx.update_service(&service(PAY, "payment-api")).await.unwrap());
}

async fn services_are_filtered_and_paged_by_name(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    let other = Team { id: TeamId::new(uuid(2)), name: TeamName::parse("search").unwrap(), title: "Search".into() };
    tx.insert_team(&other).await.unwrap();
    for number in 0..5 {
        let mut one = service(ServiceId::new(uuid(100 + number)), &format!("finder-{number}"));
        one.team_id = other.id;
        one.tier = 2;
        one.title = "Ärger-Finder".into();
        tx.insert_service(&one).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    let all = read.services(&ServiceFilter::default(), Paging { limit: 3, offset: 1 }).await.unwrap();
    assert_eq!(all.total, 7);
    let names: Vec<_> = all.rows.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["finder-0", "finder-1", "finder-2"]);
    assert_eq!(all.rows[0].team, other.name);
    assert_eq!(all.rows[0].team_title, "Search");

    let by = |filter: ServiceFilter| (filter, Paging::first(10));
    let found = [
        (by(ServiceFilter { text: Some("ÄRGER".into()), ..ServiceFilter::default() }), 5),
        (by(ServiceFilter { text: Some("PAY".into()), ..ServiceFilter::default() }), 1),
        (by(ServiceFilter { team: Some(team().name), ..ServiceFilter::default() }), 2),
        (by(ServiceFilter { tier: Some(2), ..ServiceFilter::default() }), 5),
        (by(ServiceFilter { tier: Some(2), team: Some(team().name), text: None }), 0),
    ];
    for ((filter, paging), expected) in found {
        let page = read.services(&filter, paging).await.unwrap();
        assert_eq!((page.total, page.rows.len()), (expected, usize::try_from(expected).unwrap()), "{filter:?}");
    }
}

async fn a_list_of_services_tells_their_newest_versions(store: Store) {
    company(&store).await;
    let bare = ServiceId::new(uuid(100));
    let mut tx = store.begin().await.unwrap();
    tx.insert_service(&service(bare, "bare")).await.unwrap();
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    let facts = read.service_facts(&[PAY, bare, CART, ServiceId::new(uuid(404))]).await.unwrap();
    assert_eq!(facts.iter().map(|f| f.service_id).collect::<Vec<_>>(), [bare, CART, PAY], "by name");
    assert_eq!((facts[0].newest.clone(), facts[0].newest_at, facts[0].targets), (None, None, 0));
    let newest = read.versions_of_service(CART, Paging::first(1)).await.unwrap().rows.remove(0).version;
    assert_eq!((facts[1].newest.clone(), facts[1].newest_at), (Some(newest.label), Some(newest.created_at)));
    let targets = read.targets_of_service(CART).await.unwrap().len();
    assert_eq!(usize::try_from(facts[1].targets).unwrap(), targets);
    assert!(read.service_facts(&[]).await.unwrap().is_empty());
}

async fn a_search_text_with_wildcards_is_taken_literally(store: Store) {
    company(&store).await;
    let mut read = store.read().await.unwrap();
    for text in ["%", "_", "c%t", "\\", "' OR 1=1"] {
        let filter = ServiceFilter { text: Some(text.into()), ..ServiceFilter::default() };
        assert_eq!(read.services(&filter, Paging::first(10)).await.unwrap().total, 0, "{text}");
    }
}

async fn a_taken_name_is_told_and_nothing_is_kept(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    tx.insert_service(&service(ServiceId::new(uuid(13)), "kept")).await.unwrap();
    let taken = tx.insert_service(&service(ServiceId::new(uuid(14)), "cart")).await;
    assert!(matches!(taken, Err(StoreError::Unique { what: Unique::ServiceName })), "{taken:?}");
    assert!(matches!(tx.commit().await, Err(StoreError::Internal(_))));
    let mut read = store.read().await.unwrap();
    assert_eq!(read.service(ServiceId::new(uuid(13))).await.unwrap(), None);
    drop(read);

    let mut tx = store.begin().await.unwrap();
    let mut again = team();
    again.id = TeamId::new(uuid(9));
    let taken = tx.insert_team(&again).await;
    assert!(matches!(taken, Err(StoreError::Unique { what: Unique::TeamName })), "{taken:?}");
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    let again = environment(EnvironmentId::new(uuid(9)), "staging", EnvironmentKind::Staging, 5);
    let taken = tx.insert_environment(&again).await;
    assert!(matches!(taken, Err(StoreError::Unique { what: Unique::EnvironmentName })), "{taken:?}");
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    let taken = tx.insert_cluster(&cluster(ClusterId::new(uuid(9)), "eu-1")).await;
    assert!(matches!(taken, Err(StoreError::Unique { what: Unique::ClusterName })), "{taken:?}");
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    let mut orphan = service(ServiceId::new(uuid(15)), "orphan");
    orphan.team_id = TeamId::new(uuid(999));
    let refused = tx.insert_service(&orphan).await;
    assert!(matches!(refused, Err(StoreError::ForeignKey)), "{refused:?}");
}

async fn environments_come_in_their_order(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    let first = EnvironmentId::new(uuid(20));
    let mut added = environment(first, "development", EnvironmentKind::Development, 9);
    added.rules.approvals = Quorum::new(2).unwrap();
    added.rules.healthy_in = Some(STAGING);
    added.rules.watch_seconds = u32::MAX;
    tx.insert_environment(&added).await.unwrap();
    assert_eq!(tx.environment(first).await.unwrap(), Some(added.clone()));
    added.position = 0;
    added.title = "Dev".into();
    added.kind = EnvironmentKind::PreProduction;
    assert!(tx.update_environment(&added).await.unwrap());
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    let all = read.environments().await.unwrap();
    assert_eq!(all.iter().map(|e| e.id).collect::<Vec<_>>(), [first, STAGING, PRODUCTION]);
    assert_eq!(read.environment_by_name(&EnvironmentName::parse("development").unwrap()).await.unwrap(), Some(added));
}

async fn changed_rules_get_the_next_revision_and_a_lost_race_is_told(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    let mut rules = tx.environment(PRODUCTION).await.unwrap().unwrap().rules;
    rules.approvals = Quorum::new(5).unwrap();
    rules.healthy_in = Some(STAGING);
    rules.rollout_budget_seconds = 60;
    assert_eq!(tx.update_rules(PRODUCTION, &rules).await.unwrap(), 2);
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let lost = tx.update_rules(PRODUCTION, &rules).await;
    assert!(matches!(lost, Err(StoreError::Conflict)), "{lost:?}");
    assert!(tx.commit().await.is_err());
    let mut read = store.read().await.unwrap();
    rules.revision = 2;
    assert_eq!(read.environment(PRODUCTION).await.unwrap().unwrap().rules, rules);
}

async fn an_environment_in_use_cannot_be_deleted(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    let unused = EnvironmentId::new(uuid(29));
    tx.insert_environment(&environment(unused, "unused", EnvironmentKind::Staging, 7)).await.unwrap();
    tx.bind_clusters(unused, &[CLUSTER]).await.unwrap();
    assert!(tx.delete_environment(unused).await.unwrap());
    assert!(!tx.delete_environment(unused).await.unwrap());
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    // SQLite may tell it only at the commit; either way nothing is deleted.
    let refused = match tx.delete_environment(PRODUCTION).await {
        Ok(_) => tx.commit().await.map(|()| false),
        Err(error) => Err(error),
    };
    assert!(matches!(refused, Err(StoreError::ForeignKey)), "{refused:?}");
    assert!(store.read().await.unwrap().environment(PRODUCTION).await.unwrap().is_some());
}

async fn a_cluster_is_read_as_it_was_written(store: Store) {
    let mut written = cluster(CLUSTER, "eu-1");
    written.kind = ClusterKind::Token;
    written.server = Some("https://10.0.0.1:6443".into());
    written.certificate_authority = Some("-----BEGIN CERTIFICATE-----".into());
    written.sealed_token = Some(vec![0, 255, 1, 254]);
    written.namespaces = Some(vec![Namespace::parse("shop").unwrap(), Namespace::parse("pay").unwrap()]);
    let mut tx = store.begin().await.unwrap();
    tx.insert_cluster(&written).await.unwrap();
    assert_eq!(tx.cluster(CLUSTER).await.unwrap(), Some(written.clone()));
    written.sealed_token = None;
    written.namespaces = None;
    written.kind = ClusterKind::InCluster;
    assert!(tx.update_cluster(&written).await.unwrap());
    assert_eq!(tx.clusters().await.unwrap(), [written]);
    assert!(tx.delete_cluster(CLUSTER).await.unwrap());
    assert!(!tx.delete_cluster(CLUSTER).await.unwrap());
    tx.commit().await.unwrap();
}

async fn the_time_since_when_a_cluster_is_away_is_kept(store: Store) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_cluster(&cluster(CLUSTER, "eu-1")).await.unwrap();
    let trouble = |trouble, message: &str| ClusterState::Unreachable { trouble, message: message.into() };
    let away = |message: &str| trouble(ClusterTrouble::Unreachable, message);
    let here = |version: Option<&str>| ClusterState::Reachable { version: version.map(str::to_owned) };
    let steps = [
        (away("no answer"), 1, true),
        (away("no answer"), 2, false),
        (trouble(ClusterTrouble::Forbidden, "no answer"), 3, true),
        (here(Some("v1.36.3")), 4, true),
        (here(None), 5, false),
        (here(Some("v1.37.0")), 6, true),
    ];
    let (mut seen, mut kinds) = (vec![], vec![]);
    for (state, at, is_new) in steps {
        assert_eq!(tx.set_cluster_state(CLUSTER, &state, day(at)).await.unwrap(), is_new, "{state:?} on day {at}");
        let c = tx.cluster(CLUSTER).await.unwrap().unwrap();
        seen.push((c.unreachable_since, c.reachable_since, c.message, c.version));
        kinds.push(c.trouble);
    }
    let words = |text: &str| Some(text.to_owned());
    assert_eq!(seen[1], (Some(day(1)), None, words("no answer"), None));
    assert_eq!(seen[2], (Some(day(1)), None, words("no answer"), None));
    let (unreachable, forbidden) = (Some(ClusterTrouble::Unreachable), Some(ClusterTrouble::Forbidden));
    assert_eq!(kinds, [unreachable, unreachable, forbidden, None, None, None]);
    assert_eq!(seen[4], (None, Some(day(4)), None, words("v1.36.3")));
    assert_eq!(seen[5], (None, Some(day(4)), None, words("v1.37.0")));
    tx.commit().await.unwrap();
}

async fn environments_are_bound_to_clusters(store: Store) {
    company(&store).await;
    let second = ClusterId::new(uuid(32));
    let mut tx = store.begin().await.unwrap();
    tx.insert_cluster(&cluster(second, "us-1")).await.unwrap();
    tx.bind_clusters(PRODUCTION, &[CLUSTER, second]).await.unwrap();
    tx.bind_clusters(STAGING, &[CLUSTER]).await.unwrap();
    tx.bind_clusters(PRODUCTION, &[second]).await.unwrap();
    assert_eq!(tx.environment_clusters().await.unwrap(), [(STAGING, CLUSTER), (PRODUCTION, second)]);
    tx.commit().await.unwrap();
}
