//! Argo Rollouts' own controller, driven by Slipway: a version set, steps let go, promoted, taken back, undone.

use domain::{
    delegated::{ToolAct, ToolStatus},
    observation::{Observed, Stamp, WorkloadKind, WorkloadObservation, WorkloadRef},
    rollout::{Rollout, RolloutFailure, judge},
};
use kube::{Api, api::DynamicObject, api::PostParams, core::ApiResource};
use ports::{ApplyOutcome, Cluster, InventoryEvent, NamespaceScope, TemplateChange, WorkloadChange};
use serde_json::{Value, json};

use crate::{
    candidates::wait_for,
    setup::{Room, slipway},
    writing::{change, see, workload},
};

fn kind() -> ApiResource {
    ApiResource {
        group: "argoproj.io".into(),
        version: "v1alpha1".into(),
        api_version: "argoproj.io/v1alpha1".into(),
        kind: "Rollout".into(),
        plural: "rollouts".into(),
    }
}

fn api(room: &Room) -> Api<DynamicObject> {
    Api::namespaced_with(room.admin.clone(), room.namespace.as_str(), &kind())
}

fn cart(room: &Room) -> WorkloadRef {
    WorkloadRef { kind: WorkloadKind::Rollout, ..workload(room, "cart") }
}

async fn create(room: &Room, strategy: Value) {
    let object = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": "cart", "annotations": {"others.test/kept": "yes"}},
        "spec": {
            "replicas": 4, "progressDeadlineSeconds": 60,
            "selector": {"matchLabels": {"app": "cart"}},
            "strategy": strategy,
            "template": {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [
                {"name": "app", "image": "registry.test/cart:1.0"}]}},
        },
    });
    api(room).create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
}

fn canary() -> Value {
    json!({"canary": {"steps": [{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}]}})
}

async fn look(cluster: &dyn Cluster, at: &WorkloadRef) -> WorkloadObservation {
    match cluster.observe(at).await.unwrap() {
        Observed::Present(seen) => *seen,
        Observed::Missing => panic!("{at} is missing"),
    }
}

async fn until(cluster: &dyn Cluster, at: &WorkloadRef, what: &str, is_it: impl Fn(&WorkloadObservation) -> bool) {
    wait_for(what, || look(cluster, at), |seen: &WorkloadObservation| is_it(seen)).await;
}

fn waits_at(seen: &WorkloadObservation, step: u32) -> bool {
    let Some(ToolStatus::ArgoRollouts(status)) = &seen.tool else { return false };
    status.step == Some(step) && matches!(judge(seen), Rollout::ByTool { waits: true, .. })
}

fn runs(seen: &WorkloadObservation, tag: &str) -> bool {
    seen.images[0].image.ends_with(tag) && matches!(judge(seen), Rollout::Complete { .. })
}

fn asks(change: &WorkloadChange, act: ToolAct) -> WorkloadChange {
    WorkloadChange { act: Some(act), ..change.clone() }
}

fn back(change: &WorkloadChange, saved: &WorkloadObservation) -> WorkloadChange {
    WorkloadChange {
        stamp: Stamp { generation: change.stamp.generation + 1, ..change.stamp },
        template: TemplateChange::Restore(saved.template.clone()),
        act: Some(ToolAct::Back),
        ..change.clone()
    }
}

/// What the object asks for, without what Slipway or Argo Rollouts note on it.
async fn asked_for(room: &Room) -> Value {
    let object = api(room).get("cart").await.unwrap();
    let mut spec = object.data["spec"].clone();
    // The controller itself notes that nothing is to be restarted.
    spec.as_object_mut().unwrap().remove("restartAt");
    let annotations = object.metadata.annotations.unwrap_or_default();
    let others: Vec<_> = annotations
        .into_iter()
        .filter(|(key, _)| {
            !key.starts_with("slipway.dev/") && !key.contains("argoproj.io/") && key != "kubernetes.io/change-cause"
        })
        .collect();
    json!({"spec": spec, "annotations": others, "labels": object.metadata.labels})
}

#[tokio::test]
async fn a_rollout_gets_a_version_is_let_go_step_by_step_and_promoted() {
    let room = Room::new().await;
    create(&room, canary()).await;
    let (cluster, at) = (slipway(), cart(&room));
    until(&*cluster, &at, "the first version", |seen| runs(seen, ":1.0") && seen.ready_replicas == 4).await;
    let before = asked_for(&room).await;

    let two = change(&at, 1, "2.0");
    assert_eq!(cluster.apply(&two).await, Ok(ApplyOutcome::Written));
    until(&*cluster, &at, "the first pause", |seen| waits_at(seen, 1)).await;
    let seen = look(&*cluster, &at).await;
    let progress = seen.tool.as_ref().unwrap().progress();
    assert_eq!((progress.steps.len(), progress.weight.unwrap().as_percent()), (4, 25));
    assert_eq!(seen.pods.iter().filter(|pod| pod.is_updated && pod.is_ready).count(), 1, "{seen:#?}");
    assert_eq!(cluster.apply(&two).await, Ok(ApplyOutcome::Unchanged));

    // Two taps are one step: the second finds another step, or no pause.
    let first = asks(&two, ToolAct::GoOn { step: Some(1) });
    let taps = futures::join!(cluster.apply(&first), cluster.apply(&first));
    assert!([&taps.0, &taps.1].contains(&&Ok(ApplyOutcome::Written)), "{taps:?}");
    until(&*cluster, &at, "the second pause", |seen| waits_at(seen, 3)).await;
    assert_eq!(cluster.apply(&first).await, Ok(ApplyOutcome::Unchanged));
    assert!(waits_at(&look(&*cluster, &at).await, 3));

    assert_eq!(cluster.apply(&asks(&two, ToolAct::PromoteNow)).await, Ok(ApplyOutcome::Written));
    until(&*cluster, &at, "the promotion", |seen| runs(seen, ":2.0")).await;
    assert_eq!(cluster.apply(&asks(&two, ToolAct::PromoteNow)).await, Ok(ApplyOutcome::Unchanged));
    let mut expected = before.clone();
    expected["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.test/cart:2.0");
    assert_eq!(asked_for(&room).await, expected);

    // Undone after its end: what ran before comes back without its steps.
    let mut saved = look(&*cluster, &at).await;
    saved.template["spec"]["containers"][0]["image"] = json!("registry.test/cart:1.0");
    let undo = back(&two, &saved);
    wait_for(
        "the way back",
        || async {
            cluster.apply(&undo).await.unwrap();
            let seen = look(&*cluster, &at).await;
            assert!(!waits_at(&seen, 1) || seen.images[0].image.ends_with(":1.0"), "{seen:#?}");
            seen
        },
        |seen| runs(seen, ":1.0"),
    )
    .await;
    assert_eq!(asked_for(&room).await, before);
    room.leave().await;
}

#[tokio::test]
async fn a_rollout_under_way_is_taken_back_to_what_it_was() {
    let room = Room::new().await;
    create(&room, canary()).await;
    let (cluster, at) = (slipway(), cart(&room));
    until(&*cluster, &at, "the first version", |seen| runs(seen, ":1.0") && seen.ready_replicas == 4).await;
    let (before, saved) = (asked_for(&room).await, look(&*cluster, &at).await);
    let two = change(&at, 1, "2.0");
    assert_eq!(cluster.apply(&two).await, Ok(ApplyOutcome::Written));
    until(&*cluster, &at, "the first pause", |seen| waits_at(seen, 1)).await;
    let undo = back(&two, &saved);
    assert_eq!(cluster.apply(&undo).await, Ok(ApplyOutcome::Written));
    until(&*cluster, &at, "what ran before", |seen| runs(seen, ":1.0") && seen.pods.iter().all(|p| p.is_updated)).await;
    let seen = look(&*cluster, &at).await;
    assert_eq!((seen.ready_replicas, seen.stamp), (4, Some(undo.stamp)));
    assert!(matches!(&seen.tool, Some(ToolStatus::ArgoRollouts(status)) if !status.is_aborted), "{seen:#?}");
    assert_eq!(asked_for(&room).await, before);
    // Nothing is under way: another abort must not scale down what serves.
    assert_eq!(cluster.apply(&undo).await, Ok(ApplyOutcome::Unchanged));
    room.leave().await;
}

#[tokio::test]
async fn a_version_whose_pods_crash_is_told_before_argo_rollouts_gives_up() {
    let room = Room::new().await;
    create(&room, canary()).await;
    let (cluster, at) = (slipway(), cart(&room));
    until(&*cluster, &at, "the first version", |seen| runs(seen, ":1.0")).await;
    assert_eq!(cluster.apply(&change(&at, 1, "2.0-crash")).await, Ok(ApplyOutcome::Written));
    let is_told =
        |seen: &WorkloadObservation| matches!(judge(seen), Rollout::Failed { failure: RolloutFailure::Pod { .. } });
    until(&*cluster, &at, "the crash", is_told).await;
    room.leave().await;
}

#[tokio::test]
async fn a_rollout_is_found_and_watched_with_its_pods() {
    let room = Room::new().await;
    create(&room, json!({"blueGreen": {"activeService": "cart", "autoPromotionEnabled": false}})).await;
    crate::stage::create_service(&room.admin, &workload(&room, "cart")).await.unwrap();
    let (cluster, at) = (slipway(), cart(&room));
    let scope = NamespaceScope::Only(vec![room.namespace.clone()]);
    let mut stream = cluster.watch(scope.clone());
    let is_ready =
        |e: &InventoryEvent| crate::watching::shows(e, |seen| seen.workload == at && seen.ready_replicas == 4);
    crate::watching::until(&mut stream, "four pods of a Rollout", is_ready).await;
    let found = cluster.discover(&scope).await.unwrap();
    assert_eq!(found.iter().map(|f| &f.observation.workload).collect::<Vec<_>>(), [&at]);
    assert_eq!(found[0].observation.pods.len(), 4);
    // Without steps there is a pause all the same, and a person's yes ends it.
    until(&*cluster, &at, "the first version", |seen| runs(seen, ":1.0")).await;
    let two = change(&at, 1, "2.0");
    assert_eq!(cluster.apply(&two).await, Ok(ApplyOutcome::Written));
    let waits = |seen: &WorkloadObservation| matches!(judge(seen), Rollout::ByTool { waits: true, .. });
    until(&*cluster, &at, "the pause before the switch", waits).await;
    assert_eq!(cluster.apply(&asks(&two, ToolAct::GoOn { step: None })).await, Ok(ApplyOutcome::Written));
    until(&*cluster, &at, "the switch", |seen| runs(seen, ":2.0")).await;
    assert!(see(&*cluster, &at).await.stamp.is_some());
    room.leave().await;
}
