//! What a write leaves on the object, and that it never runs over others.

use domain::{
    ids::{PromotionId, TargetId},
    image::ContainerImage,
    names::{ContainerName, WorkloadName},
    observation::{Observed, Stamp, WorkloadObservation, WorkloadRef},
    rollout::{Rollout, RolloutFailure, judge},
};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Namespace};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use ports::{ApplyOutcome, Cluster, ClusterError, NamespaceScope, TemplateChange, WorkloadChange};
use practice::NewDeployment;
use serde_json::json;

use crate::{
    setup::{Room, slipway},
    stage::create,
};

/// The target of every change in these tests.
pub const TARGET: TargetId = TargetId::new(uuid::Uuid::from_u128(8));

pub fn image(container: &str, image: &str) -> ContainerImage {
    ContainerImage { container: ContainerName::parse(container).unwrap(), image: image.to_owned() }
}

pub fn deployment(room: &Room, name: &str, replicas: u32, tag: &str) -> NewDeployment {
    let containers = vec![image("app", &format!("registry.test/{name}:{tag}"))];
    NewDeployment::new(room.namespace.clone(), WorkloadName::parse(name).unwrap(), replicas, containers)
}

pub fn workload(room: &Room, name: &str) -> WorkloadRef {
    WorkloadRef::deployment(room.namespace.clone(), WorkloadName::parse(name).unwrap())
}

pub fn change(workload: &WorkloadRef, sequence: i64, tag: &str) -> WorkloadChange {
    let promotion = PromotionId::new(uuid::Uuid::from_u128(u128::from(sequence.unsigned_abs())));
    WorkloadChange {
        workload: workload.clone(),
        stamp: Stamp { target: TARGET, promotion, sequence, generation: 4 },
        template: TemplateChange::Images(vec![image("app", &format!("registry.test/{}:{tag}", workload.name))]),
        over: vec![],
        act: None,
        may_write_helm: false,
        change_cause: format!("{} {tag} by mara: \"because\"", workload.name),
    }
}

pub async fn see(cluster: &dyn Cluster, workload: &WorkloadRef) -> WorkloadObservation {
    match cluster.observe(workload).await.unwrap() {
        Observed::Present(seen) => *seen,
        Observed::Missing => panic!("{workload} is missing"),
    }
}

#[tokio::test]
async fn a_write_marks_the_object_and_leaves_the_template_but_for_the_image() {
    let room = Room::new().await;
    create(&room.admin, &deployment(&room, "cart", 1, "1.0")).await.unwrap();
    let (cluster, cart) = (slipway(), workload(&room, "cart"));
    let before = see(&*cluster, &cart).await;
    assert_eq!(cluster.apply(&change(&cart, 9, "2.0")).await, Ok(ApplyOutcome::Written));
    let api = Api::<Deployment>::namespaced(room.admin.clone(), room.namespace.as_str());
    let object = api.get("cart").await.unwrap();
    let annotations = object.metadata.annotations.unwrap();
    let mark = |key: &str| annotations.get(key).map(String::as_str);
    assert_eq!(mark("slipway.dev/promotion"), Some("00000000-0000-0000-0000-000000000009"));
    assert_eq!((mark("slipway.dev/sequence"), mark("slipway.dev/generation")), (Some("9"), Some("4")));
    assert_eq!(mark("kubernetes.io/change-cause"), Some("cart 2.0 by mara: \"because\""));
    let writers: Vec<_> = object.metadata.managed_fields.unwrap().into_iter().filter_map(|f| f.manager).collect();
    assert!(writers.iter().any(|w| w == "slipway"), "{writers:?}");

    let mut expected = before.template.clone();
    expected["spec"]["containers"][0]["image"] = json!("registry.test/cart:2.0");
    let after = see(&*cluster, &cart).await;
    assert_eq!(after.template, expected);
    assert_eq!(after.generation, before.generation + 1);
    let restore = WorkloadChange {
        stamp: Stamp { generation: 5, ..change(&cart, 9, "2.0").stamp },
        template: TemplateChange::Restore(before.template.clone()),
        ..change(&cart, 9, "2.0")
    };
    assert_eq!(cluster.apply(&restore).await, Ok(ApplyOutcome::Written));
    assert_eq!(see(&*cluster, &cart).await.template, before.template);
    room.leave().await;
}

#[tokio::test]
async fn writing_while_others_write_loses_nothing_of_theirs() {
    let room = Room::new().await;
    create(&room.admin, &deployment(&room, "cart", 2, "0")).await.unwrap();
    let (cluster, cart) = (slipway(), workload(&room, "cart"));
    let api = Api::<Deployment>::namespaced(room.admin.clone(), room.namespace.as_str());
    let others = async {
        for number in 0..60 {
            let patch = json!({"metadata": {"annotations": {"others.test/number": number.to_string()}}});
            api.patch("cart", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
        }
    };
    let ours = async {
        let mut written = 0;
        for sequence in 1..=20 {
            match cluster.apply(&change(&cart, sequence, &sequence.to_string())).await {
                Ok(ApplyOutcome::Written) => written = sequence,
                // Somebody was quicker six times: the caller tries again, as a reconciler does.
                Err(ClusterError::Conflict) => {}
                other => panic!("{other:?}"),
            }
        }
        written
    };
    let ((), written) = futures::join!(others, ours);
    let object = api.get("cart").await.unwrap();
    assert_eq!(object.metadata.annotations.unwrap()["others.test/number"], "59");
    let seen = see(&*cluster, &cart).await;
    assert!(written > 0);
    assert_eq!(seen.stamp.unwrap().sequence, written);
    assert_eq!(seen.images[0].image, format!("registry.test/cart:{written}"));
    room.leave().await;
}

#[tokio::test]
async fn pods_that_the_cluster_forbids_are_told() {
    let room = Room::new().await;
    // Pods must say that they give up every privilege; these do not.
    let strict = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let namespaces = Api::<Namespace>::all(room.admin.clone());
    namespaces.patch(room.namespace.as_str(), &PatchParams::default(), &Patch::Merge(strict)).await.unwrap();
    create(&room.admin, &deployment(&room, "cart", 1, "1.0")).await.unwrap();
    let mut stream = slipway().watch(NamespaceScope::Only(vec![room.namespace.clone()]));
    let told = crate::watching::until(&mut stream, "the refusal", |e| {
        crate::watching::shows(e, |seen| seen.replica_failure.is_some())
    })
    .await;
    let is_told =
        |seen: &WorkloadObservation| seen.replica_failure.as_ref().is_some_and(|m| m.contains("violates PodSecurity"));
    assert!(told.last().is_some_and(|e| crate::watching::shows(e, is_told)), "{told:#?}");
    let seen = see(&*slipway(), &workload(&room, "cart")).await;
    let is_failed = |r: &Rollout| matches!(r, Rollout::Failed { failure: RolloutFailure::Replicas { .. } });
    assert!(is_failed(&judge(&seen)), "{seen:#?}");
    room.leave().await;
}

#[tokio::test]
async fn what_is_there_is_listed_with_its_pods_and_labels() {
    let room = Room::new().await;
    let mut labelled = deployment(&room, "pay", 2, "1.0");
    labelled.labels.insert("team".to_owned(), "checkout".to_owned());
    create(&room.admin, &labelled).await.unwrap();
    create(&room.admin, &deployment(&room, "cart", 0, "1.0")).await.unwrap();
    let scope = NamespaceScope::Only(vec![room.namespace.clone(), room.namespace.clone()]);
    let mut stream = slipway().watch(scope.clone());
    crate::watching::until(&mut stream, "two pods", |e| crate::watching::shows(e, |seen| seen.ready_replicas == 2))
        .await;
    let found = slipway().discover(&scope).await.unwrap();
    let names: Vec<String> = found.iter().map(|f| f.observation.workload.to_string()).collect();
    assert_eq!(names, [format!("{}/cart", room.namespace), format!("{}/pay", room.namespace)]);
    assert_eq!((found[0].observation.pods.len(), found[1].observation.pods.len()), (0, 2));
    assert!(found[1].observation.pods.iter().all(|p| p.is_updated && p.created_at.is_some()));
    assert_eq!(found[1].labels, [("team".to_owned(), "checkout".to_owned())]);
    let all = slipway().discover(&NamespaceScope::All).await.unwrap();
    assert!(found.iter().all(|f| all.iter().any(|a| a.observation.uid == f.observation.uid)));
    room.leave().await;
}
