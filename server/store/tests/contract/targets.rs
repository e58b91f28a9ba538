//! Targets and their workloads.

use domain::{
    actor::Identity,
    git::{BranchName, FilePath, GitPlace, RepositoryAddress},
    ids::{ClusterId, TargetId},
    names::ContainerName,
    observation::{WorkloadKind, WorkloadRef},
};
use store::{HelmConsent, Store, StoreError, TargetGit, TargetWorkload, Unique};

use crate::{
    sample::{
        CART, CART_PRODUCTION, CART_STAGING, CLUSTER, PAY, PAY_PRODUCTION, PRODUCTION, STAGING, cluster, company, day,
        target, uuid, version_id, workload,
    },
    support::on_both_databases,
};

on_both_databases!(
    targets_are_found_by_place_service_environment_and_workload,
    replacing_a_target_replaces_its_workloads,
    every_service_has_its_names_in_each_of_its_environments,
    a_deployment_belongs_to_one_target,
    targets_and_their_deployments_are_counted,
    a_target_that_was_promoted_to_cannot_be_removed,
    a_target_has_one_git_place_and_takes_it_along,
    a_consent_for_a_target_is_one_persons_and_can_be_taken_back,
);

async fn targets_are_found_by_place_service_environment_and_workload(store: Store) {
    company(&store).await;
    let expected = target(CART_PRODUCTION, CART, PRODUCTION, "cart");
    let mut read = store.read().await.unwrap();
    assert_eq!(read.target(CART_PRODUCTION).await.unwrap(), Some(expected.clone()));
    assert_eq!(read.target_of(CART, PRODUCTION).await.unwrap(), Some(expected.clone()));
    assert_eq!(read.target_of(PAY, STAGING).await.unwrap(), None);
    let ids = |targets: Vec<store::Target>| targets.into_iter().map(|t| t.id).collect::<Vec<_>>();
    assert_eq!(ids(read.targets_of_service(CART).await.unwrap()), [CART_STAGING, CART_PRODUCTION]);
    assert_eq!(ids(read.targets_of_environment(PRODUCTION).await.unwrap()), [CART_PRODUCTION, PAY_PRODUCTION]);
    assert_eq!(read.targets().await.unwrap().len(), 3);
    assert_eq!(read.targets_of_workload(CLUSTER, &workload("cart")).await.unwrap(), [expected]);
    let owners = read.owners_in_cluster(CLUSTER).await.unwrap();
    let cart = owners.iter().filter(|(w, _)| *w == workload("cart")).map(|(_, service)| service.as_str());
    assert_eq!((cart.collect::<Vec<_>>(), owners.len()), (vec!["cart"], 3));
    assert_eq!(read.owners_in_cluster(ClusterId::new(uuid(99))).await.unwrap(), []);
    assert_eq!(read.targets_of_workload(CLUSTER, &workload("other")).await.unwrap(), []);
    let rollout = WorkloadRef { kind: WorkloadKind::Rollout, ..workload("cart") };
    assert_eq!(read.targets_of_workload(CLUSTER, &rollout).await.unwrap(), []);
    assert_eq!(read.targets_of_workload(ClusterId::new(uuid(99)), &workload("cart")).await.unwrap(), []);
}

async fn every_service_has_its_names_in_each_of_its_environments(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    let mut bare = target(PAY_PRODUCTION, PAY, PRODUCTION, "pay");
    bare.workloads.clear();
    assert!(tx.replace_target(&bare).await.unwrap());
    let found = tx.target_names().await.unwrap();
    let text = |one: store::TargetNames| {
        let place = one.namespace.zip(one.workload).map(|(namespace, workload)| format!("{namespace}/{workload}"));
        let environment = one.environment.map(|name| name.to_string());
        [Some(one.service.to_string()), environment, place].into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    let words: Vec<_> = found.iter().cloned().map(text).collect();
    let (shop, names) = (workload("cart").namespace, |service: &str| {
        words.iter().filter(|one| one.starts_with(service)).cloned().collect::<Vec<_>>()
    });
    assert_eq!(names("cart "), [format!("cart production {shop}/cart"), format!("cart staging {shop}/cart-staging")]);
    assert_eq!(names("payment-api"), ["payment-api production"], "what is in no cluster has a name all the same");
    assert!(tx.delete_target(PAY_PRODUCTION).await.unwrap());
    let found = tx.target_names().await.unwrap();
    let nowhere = found.iter().find(|one| one.service.as_str() == "payment-api").unwrap();
    assert_eq!((nowhere.environment_id, &nowhere.workload), (None, &None), "a service that is nowhere is known");
}

async fn replacing_a_target_replaces_its_workloads(store: Store) {
    company(&store).await;
    let second = ClusterId::new(uuid(32));
    let mut tx = store.begin().await.unwrap();
    tx.insert_cluster(&cluster(second, "us-1")).await.unwrap();
    let mut changed = target(CART_PRODUCTION, CART, PRODUCTION, "cart");
    let name = |text: &str| ContainerName::parse(text).unwrap();
    changed.workloads = vec![
        TargetWorkload {
            cluster: CLUSTER,
            workload: WorkloadRef { kind: WorkloadKind::Rollout, ..workload("cart-api") },
            container: name("api"),
            component: Some(name("api")),
        },
        TargetWorkload {
            cluster: second,
            workload: workload("cart-worker"),
            container: name("worker"),
            component: Some(name("worker")),
        },
    ];
    assert!(tx.replace_target(&changed).await.unwrap());
    assert_eq!(tx.target(CART_PRODUCTION).await.unwrap(), Some(changed.clone()));
    assert_eq!(tx.targets_of_service(CART).await.unwrap().pop(), Some(changed));
    let mut unknown = target(TargetId::new(uuid(49)), PAY, STAGING, "x");
    assert!(!tx.replace_target(&unknown).await.unwrap());
    unknown.workloads.clear();
    tx.insert_target(&unknown).await.unwrap();
    assert_eq!(tx.target(unknown.id).await.unwrap(), Some(unknown));
    tx.commit().await.unwrap();
}

/// The target of `pay` in staging, which the company does not have.
fn another(deployment: &str) -> store::Target {
    target(TargetId::new(uuid(49)), PAY, STAGING, deployment)
}

/// The same with its one container under another name.
fn beside(mut target: store::Target, container: &str) -> store::Target {
    target.workloads[0].container = ContainerName::parse(container).unwrap();
    target
}

async fn a_deployment_belongs_to_one_target(store: Store) {
    company(&store).await;
    for taken in [another("cart"), beside(another("cart"), "proxy")] {
        let mut tx = store.begin().await.unwrap();
        let refused = tx.insert_target(&taken).await;
        assert!(matches!(refused, Err(StoreError::Unique { what: Unique::Deployment })), "{refused:?}");
    }
    let mut tx = store.begin().await.unwrap();
    let refused = tx.replace_target(&target(CART_STAGING, CART, STAGING, "cart")).await;
    assert!(matches!(refused, Err(StoreError::Unique { what: Unique::Deployment })), "{refused:?}");
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    let refused = tx.insert_target(&target(TargetId::new(uuid(49)), CART, PRODUCTION, "x")).await;
    assert!(matches!(refused, Err(StoreError::Unique { what: Unique::Target })), "{refused:?}");
    drop(tx);
    // Two of its containers may go to one target, one of them twice may not.
    let mut both = target(CART_PRODUCTION, CART, PRODUCTION, "cart");
    both.workloads.extend(beside(both.clone(), "proxy").workloads);
    let mut tx = store.begin().await.unwrap();
    assert!(tx.replace_target(&both).await.unwrap());
    both.workloads.push(both.workloads[0].clone());
    let refused = tx.replace_target(&both).await;
    assert!(matches!(refused, Err(StoreError::Unique { what: Unique::Container })), "{refused:?}");
    drop(tx);
    // What was given up may be taken.
    let mut tx = store.begin().await.unwrap();
    assert!(tx.replace_target(&target(CART_PRODUCTION, CART, PRODUCTION, "cart-2")).await.unwrap());
    tx.insert_target(&another("cart")).await.unwrap();
    tx.commit().await.unwrap();
}

async fn targets_and_their_deployments_are_counted(store: Store) {
    company(&store).await;
    let mut both = target(CART_PRODUCTION, CART, PRODUCTION, "cart");
    both.workloads.extend(beside(both.clone(), "proxy").workloads);
    let second = ClusterId::new(uuid(32));
    let mut tx = store.begin().await.unwrap();
    tx.insert_cluster(&cluster(second, "us-1")).await.unwrap();
    tx.replace_target(&both).await.unwrap();
    let deployments = tx.count_workloads().await.unwrap();
    assert_eq!((deployments.get(&CLUSTER), deployments.get(&second)), (Some(&3), None), "two containers are one");
    let targets = tx.count_targets().await.unwrap();
    assert_eq!((targets.get(&STAGING), targets.get(&PRODUCTION), targets.len()), (Some(&1), Some(&2), 2));
    tx.commit().await.unwrap();
}

async fn a_target_that_was_promoted_to_cannot_be_removed(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    assert!(tx.delete_target(CART_STAGING).await.unwrap());
    assert!(!tx.delete_target(CART_STAGING).await.unwrap());
    assert_eq!(tx.targets_of_workload(CLUSTER, &workload("cart-staging")).await.unwrap(), []);
    tx.insert_promotion(&crate::sample::promotion(1, version_id(CART, 1)), None).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let refused = match tx.delete_target(CART_PRODUCTION).await {
        Ok(_) => tx.commit().await.map(|()| false),
        Err(error) => Err(error),
    };
    assert!(matches!(refused, Err(StoreError::ForeignKey)), "{refused:?}");
}

async fn a_target_has_one_git_place_and_takes_it_along(store: Store) {
    company(&store).await;
    let place = |file: &str| GitPlace {
        repository: RepositoryAddress::parse("git@git.example:shop/deploy.git").unwrap(),
        branch: BranchName::parse("main").unwrap(),
        file: FilePath::parse(file).unwrap(),
        fields: GitPlace::parse_fields("images[name=cart].newTag\nspec.image = image of web").unwrap(),
    };
    let git = |target_id, file: &str| TargetGit {
        target_id,
        place: place(file),
        user_name: None,
        known_hosts: Some("git.example ssh-ed25519 AAAA\n".to_owned()),
        sealed_secret: Some(vec![1, 2, 3]),
        changed_at: day(2),
    };
    let (first, second) = (git(CART_PRODUCTION, "a.yaml"), git(CART_STAGING, "b.yaml"));
    let changed = TargetGit { user_name: Some("slipway".to_owned()), known_hosts: None, ..git(CART_STAGING, "c.yaml") };
    let mut tx = store.begin().await.unwrap();
    for one in [&first, &second, &changed] {
        tx.put_git_place(one).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.git_place(CART_STAGING).await.unwrap(), Some(changed));
    assert_eq!(tx.git_place(CART_PRODUCTION).await.unwrap(), Some(first));
    // Other workloads of the target leave it.
    let target = tx.target(CART_STAGING).await.unwrap().unwrap();
    tx.replace_target(&target).await.unwrap();
    assert!(tx.delete_git_place(CART_STAGING).await.unwrap());
    assert!(!tx.delete_git_place(CART_STAGING).await.unwrap());
    assert!(tx.delete_target(CART_PRODUCTION).await.unwrap());
    assert_eq!(tx.git_place(CART_PRODUCTION).await.unwrap(), None);
    let nowhere = tx.put_git_place(&git(TargetId::new(uuid(99)), "a.yaml")).await;
    assert!(matches!(nowhere, Err(StoreError::ForeignKey)), "{nowhere:?}");
}

async fn a_consent_for_a_target_is_one_persons_and_can_be_taken_back(store: Store) {
    company(&store).await;
    let by = |name: &str| HelmConsent {
        target_id: CART_PRODUCTION,
        given_by: Identity::Person { id: domain::ids::PersonId::new(uuid(1)), name: name.to_owned() },
        given_at: day(2),
        reason: "Helm only installs it".to_owned(),
    };
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.helm_consent(CART_PRODUCTION).await.unwrap(), None);
    tx.put_helm_consent(&by("Rosa Mint")).await.unwrap();
    tx.put_helm_consent(&by("Ada Admin")).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.helm_consent(CART_PRODUCTION).await.unwrap(), Some(by("Ada Admin")));
    assert_eq!(tx.helm_consent(CART_STAGING).await.unwrap(), None);
    assert!(tx.delete_helm_consent(CART_PRODUCTION).await.unwrap());
    assert!(!tx.delete_helm_consent(CART_PRODUCTION).await.unwrap());
    let nowhere = tx.put_helm_consent(&HelmConsent { target_id: TargetId::new(uuid(99)), ..by("Rosa Mint") }).await;
    assert!(matches!(nowhere, Err(StoreError::ForeignKey)), "{nowhere:?}");
}
