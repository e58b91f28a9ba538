//! Flux's objects by their real definitions: our patches pass the API server's validation, nothing else of the
//! objects changes, and what Flux's controllers would write is judged. The controllers themselves do not run.

use domain::{
    observation::{Manager, Stamp, WorkloadKind, WorkloadObservation, WorkloadRef},
    rollout::{Rollout, judge},
};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    core::ApiResource,
};
use ports::{ApplyOutcome, NamespaceScope, TemplateChange, WorkloadChange};
use serde_json::{Value, json};

use crate::{
    setup::{Room, slipway},
    writing::{change, image, see, workload},
};

fn api(room: &Room, kind: WorkloadKind) -> Api<DynamicObject> {
    let (group, version, plural) = match kind {
        WorkloadKind::HelmRelease => ("helm.toolkit.fluxcd.io", "v2", "helmreleases"),
        _ => ("kustomize.toolkit.fluxcd.io", "v1", "kustomizations"),
    };
    let resource = ApiResource {
        group: group.into(),
        version: version.into(),
        api_version: format!("{group}/{version}"),
        kind: kind.words().into(),
        plural: plural.into(),
    };
    Api::namespaced_with(room.admin.clone(), room.namespace.as_str(), &resource)
}

fn at(room: &Room, kind: WorkloadKind) -> WorkloadRef {
    WorkloadRef { kind, ..workload(room, "cart") }
}

fn spec(kind: WorkloadKind) -> Value {
    match kind {
        WorkloadKind::HelmRelease => json!({
            "interval": "10m",
            "chart": {"spec": {"chart": "cart", "version": "1.2.3", "sourceRef": {"kind": "HelmRepository", "name": "shop"}}},
            "values": {"image": {"repository": "registry.test/cart", "tag": "1.0", "pullPolicy": "Always"},
                       "replicas": 3, "odd": {"a/b": [1, null, {"c": "d"}]}},
        }),
        _ => json!({
            "interval": "10m", "prune": true, "path": "./cart",
            "sourceRef": {"kind": "GitRepository", "name": "shop"},
            "images": [{"name": "sidecar", "newTag": "7"},
                       {"name": "cart", "newName": "registry.test/cart", "newTag": "1.0"}],
        }),
    }
}

async fn create(room: &Room, kind: WorkloadKind, labels: Value) {
    create_with(room, kind, labels, spec(kind)).await;
}

async fn create_with(room: &Room, kind: WorkloadKind, labels: Value, spec: Value) {
    let object = json!({
        "apiVersion": format!("{}", if kind == WorkloadKind::HelmRelease { "helm.toolkit.fluxcd.io/v2" } else { "kustomize.toolkit.fluxcd.io/v1" }),
        "kind": kind.words(),
        "metadata": {"name": "cart", "labels": labels, "annotations": {"others.test/kept": "yes"}},
        "spec": spec,
    });
    api(room, kind).create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
}

/// Writes what Flux's controller would write.
async fn says(room: &Room, kind: WorkloadKind, status: &str, reason: &str, message: &str) {
    let generation = api(room, kind).get("cart").await.unwrap().metadata.generation.unwrap();
    let condition = json!({"type": "Ready", "status": status, "reason": reason, "message": message,
                           "observedGeneration": generation, "lastTransitionTime": "2026-03-02T09:00:00Z"});
    let mut conditions = vec![condition];
    // What is tried no more.
    if kind == WorkloadKind::HelmRelease && status == "False" {
        conditions.push(json!({"type": "Stalled", "status": "True", "reason": "RetriesExceeded", "message": message,
                               "observedGeneration": generation, "lastTransitionTime": "2026-03-02T09:00:00Z"}));
    }
    let mut patch = json!({"status": {"conditions": conditions}});
    // The controllers follow the generation only when all is well.
    if status == "True" {
        patch["status"]["observedGeneration"] = json!(generation);
    }
    api(room, kind).patch_status("cart", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
}

fn to(at: &WorkloadRef, sequence: i64, tag: &str) -> WorkloadChange {
    let place = if at.kind == WorkloadKind::HelmRelease { "image" } else { "cart" };
    let images = vec![image(place, &format!("registry.test/cart:{tag}"))];
    WorkloadChange { template: TemplateChange::Images(images), ..change(at, sequence, tag) }
}

async fn asked_for(room: &Room, kind: WorkloadKind) -> Value {
    let object = api(room, kind).get("cart").await.unwrap();
    let annotations = object.metadata.annotations.unwrap_or_default();
    let is_others = |key: &str| !key.starts_with("slipway.dev/") && key != "kubernetes.io/change-cause";
    let others: Vec<_> = annotations.into_iter().filter(|(key, _)| is_others(key)).collect();
    json!({"spec": object.data["spec"], "annotations": others, "labels": object.metadata.labels})
}

async fn brought_and_taken_back(kind: WorkloadKind, after: impl Fn(&mut Value)) {
    brought_and_taken_back_from(kind, spec(kind), after).await;
}

async fn brought_and_taken_back_from(kind: WorkloadKind, spec: Value, after: impl Fn(&mut Value)) {
    let room = Room::new().await;
    create_with(&room, kind, json!({}), spec).await;
    let (cluster, at) = (slipway(), at(&room, kind));
    let judged = |seen: &WorkloadObservation| judge(seen);
    says(&room, kind, "True", "ReconciliationSucceeded", "done").await;
    let saved = see(&*cluster, &at).await;
    assert!(matches!(judged(&saved), Rollout::Complete { .. }), "{saved:#?}");
    let before = asked_for(&room, kind).await;

    let two = to(&at, 1, "2.0");
    assert_eq!(cluster.apply(&two).await, Ok(ApplyOutcome::Written));
    assert_eq!(cluster.apply(&two).await, Ok(ApplyOutcome::Unchanged));
    // What Flux said of the version before says nothing of this one.
    assert_eq!(judged(&see(&*cluster, &at).await), Rollout::Unseen);
    says(&room, kind, "Unknown", "Progressing", "running upgrade").await;
    assert!(matches!(judged(&see(&*cluster, &at).await), Rollout::ByTool { waits: false, .. }));
    let reason = if kind == WorkloadKind::HelmRelease { "UpgradeFailed" } else { "HealthCheckFailed" };
    says(&room, kind, "False", reason, "timeout waiting for the Deployment").await;
    let Rollout::Failed { failure } = judged(&see(&*cluster, &at).await) else { panic!("a failure is told") };
    assert_eq!(failure.words(), "Flux: timeout waiting for the Deployment");
    says(&room, kind, "True", "ReconciliationSucceeded", "done").await;
    assert!(matches!(judged(&see(&*cluster, &at).await), Rollout::Complete { .. }));
    let mut expected = before.clone();
    after(&mut expected["spec"]);
    assert_eq!(asked_for(&room, kind).await, expected);

    let back = WorkloadChange {
        stamp: Stamp { generation: two.stamp.generation + 1, ..two.stamp },
        template: TemplateChange::Restore(saved.template.clone()),
        ..two
    };
    assert_eq!(cluster.apply(&back).await, Ok(ApplyOutcome::Written));
    assert_eq!(asked_for(&room, kind).await, before);
    let scope = NamespaceScope::Only(vec![room.namespace.clone()]);
    let found = cluster.discover(&scope).await.unwrap();
    assert_eq!(found.iter().map(|f| &f.observation.workload).collect::<Vec<_>>(), [&at]);
    room.leave().await;
}

#[tokio::test]
async fn a_kustomization_gets_a_version_among_its_images() {
    brought_and_taken_back(WorkloadKind::Kustomization, |spec| spec["images"][1]["newTag"] = json!("2.0")).await;
}

#[tokio::test]
async fn a_helm_release_gets_a_version_in_its_values() {
    brought_and_taken_back(WorkloadKind::HelmRelease, |spec| spec["values"]["image"]["tag"] = json!("2.0")).await;
}

#[tokio::test]
async fn a_helm_release_that_says_a_tag_alone_gets_another_one() {
    let mut spec = spec(WorkloadKind::HelmRelease);
    spec["values"] = json!({"image": {"tag": "1.0"}, "replicas": 3});
    let after = |spec: &mut Value| spec["values"]["image"]["tag"] = json!("2.0");
    brought_and_taken_back_from(WorkloadKind::HelmRelease, spec, after).await;
}

#[tokio::test]
async fn of_a_tag_alone_what_runs_shows_the_name() {
    let room = Room::new().await;
    let mut spec = spec(WorkloadKind::HelmRelease);
    spec["values"] = json!({"image": {"tag": "1.0"}});
    create_with(&room, WorkloadKind::HelmRelease, json!({}), spec).await;
    let (cluster, at) = (slipway(), at(&room, WorkloadKind::HelmRelease));
    let found = async || {
        let found = cluster.discover(&NamespaceScope::Only(vec![room.namespace.clone()])).await.unwrap();
        let release = found.into_iter().find(|one| one.observation.workload == at).unwrap();
        release.observation.images[0].image.clone()
    };
    assert_eq!(found().await, ":1.0");
    let template = json!({"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [
        {"name": "app", "image": "registry.test/cart:1.0"}, {"name": "proxy", "image": "registry.test/proxy:3"}]}});
    let deployment = json!({
        "metadata": {"name": "cart-web", "labels": {
            "helm.toolkit.fluxcd.io/name": "cart", "helm.toolkit.fluxcd.io/namespace": room.namespace}},
        "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": template}});
    let deployments = Api::<Deployment>::namespaced(room.admin.clone(), room.namespace.as_str());
    deployments.create(&PostParams::default(), &serde_json::from_value(deployment).unwrap()).await.unwrap();
    assert_eq!(found().await, "registry.test/cart:1.0");
    room.leave().await;
}

#[tokio::test]
async fn what_a_parent_kustomization_would_undo_is_refused() {
    let room = Room::new().await;
    let labels = json!({"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux"});
    create(&room, WorkloadKind::HelmRelease, labels).await;
    let (cluster, at) = (slipway(), at(&room, WorkloadKind::HelmRelease));
    let before = asked_for(&room, WorkloadKind::HelmRelease).await;
    let manager = Manager::FluxKustomization { name: "apps".to_owned() };
    assert_eq!(cluster.apply(&to(&at, 1, "2.0")).await, Ok(ApplyOutcome::Managed(manager)));
    assert_eq!(asked_for(&room, WorkloadKind::HelmRelease).await, before);
    room.leave().await;
}
