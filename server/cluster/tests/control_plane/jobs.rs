//! Jobs of steps on a real control plane: made of a CronJob's template once, followed, removed with their
//! pods. The pods' own work is played by the administrator.

use domain::{
    ids::{PromotionId, TargetId},
    job::{JobObserved, JobRef, JobState},
    names::WorkloadName,
    observation::Stamp,
};
use k8s_openapi::api::{
    batch::v1::{CronJob, Job},
    core::v1::Pod,
};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use ports::{ApplyOutcome, Cluster, ClusterError, JobChange, JobWant, NamespaceScope};
use serde_json::{Value, json};

use crate::{
    candidates::wait_for,
    setup::{Room, slipway},
};

fn named(text: &str) -> WorkloadName {
    WorkloadName::parse(text).unwrap()
}

async fn create_cron_job(room: &Room) {
    let object = json!({
        "metadata": {"name": "smoke"},
        "spec": {"schedule": "0 0 1 1 *", "suspend": true, "jobTemplate": {
            "metadata": {"labels": {"app": "smoke"}},
            "spec": {"backoffLimit": 0, "ttlSecondsAfterFinished": 0, "template": {
                "metadata": {"labels": {"app": "smoke"}},
                "spec": {"restartPolicy": "Never", "containers": [
                    {"name": "app", "image": "registry.test/smoke:1.0", "env": [{"name": "A", "value": "b"}]}]},
            }},
        }},
    });
    let api = Api::<CronJob>::namespaced(room.admin.clone(), room.namespace.as_str());
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
}

fn change(room: &Room, name: &str, is_wanted: bool) -> JobChange {
    let stamp = Stamp {
        target: TargetId::new(uuid::Uuid::from_u128(8)),
        promotion: PromotionId::new(uuid::Uuid::from_u128(7)),
        sequence: 1,
        generation: 2,
    };
    let variables = vec![("SLIPWAY_VERSION".to_owned(), "2.0".to_owned())];
    let there = JobWant::There { template: named("smoke"), seconds: 600, variables };
    JobChange {
        job: JobRef { namespace: room.namespace.clone(), name: named(name) },
        stamp,
        want: if is_wanted { there } else { JobWant::Gone },
        change_cause: "a test".to_owned(),
    }
}

async fn pods(room: &Room, job: &str) -> Vec<Pod> {
    let of_job = ListParams::default().labels(&format!("job-name={job}"));
    Api::<Pod>::namespaced(room.admin.clone(), room.namespace.as_str()).list(&of_job).await.unwrap().items
}

/// The pod of a Job ends with this code.
async fn end(room: &Room, job: &str, code: i32) {
    let running = |pods: &Vec<Pod>| {
        pods.first().and_then(|pod| pod.status.as_ref()?.phase.as_deref()).is_some_and(|phase| phase == "Running")
    };
    let pod = wait_for("its pod", || pods(room, job), running).await.remove(0).metadata.name.unwrap();
    let (phase, reason) = if code == 0 { ("Succeeded", "Completed") } else { ("Failed", "Error") };
    let ended = json!({"exitCode": code, "reason": reason, "startedAt": "2026-03-02T09:00:00Z", "finishedAt": "2026-03-02T09:00:01Z"});
    let status = json!({"status": {"phase": phase, "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{"name": "app", "image": "registry.test/smoke:1.0", "imageID": "", "ready": false,
                               "restartCount": 0, "state": {"running": null, "terminated": ended}}]}});
    let api = Api::<Pod>::namespaced(room.admin.clone(), room.namespace.as_str());
    api.patch_status(&pod, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
}

async fn seen(cluster: &dyn Cluster, room: &Room, name: &str) -> JobObserved {
    cluster.observe_job(&change(room, name, true).job, &named("smoke")).await.unwrap()
}

async fn until(cluster: &dyn Cluster, room: &Room, name: &str, is_it: fn(&JobState) -> bool) -> JobObserved {
    let is_it = |seen: &JobObserved| matches!(seen, JobObserved::Present(job) if is_it(&job.state));
    wait_for("its state", || seen(cluster, room, name), is_it).await
}

#[tokio::test]
async fn a_job_is_made_once_of_its_cron_job_followed_and_removed_with_its_pods() {
    let (room, cluster) = (Room::new().await, slipway());
    assert_eq!(seen(&*cluster, &room, "smoke-1").await, JobObserved::Missing { has_template: false });
    let refused = cluster.apply_job(&change(&room, "smoke-1", true)).await.unwrap_err();
    assert!(matches!(&refused, ClusterError::Invalid(why) if why.contains("/smoke is not there")), "{refused:?}");
    create_cron_job(&room).await;
    assert_eq!(seen(&*cluster, &room, "smoke-1").await, JobObserved::Missing { has_template: true });
    assert_eq!(cluster.apply_job(&change(&room, "smoke-1", true)).await.unwrap(), ApplyOutcome::Written);
    assert_eq!(cluster.apply_job(&change(&room, "smoke-1", true)).await.unwrap(), ApplyOutcome::Unchanged);
    let api = Api::<Job>::namespaced(room.admin.clone(), room.namespace.as_str());
    let made: Value = serde_json::to_value(api.get("smoke-1").await.unwrap()).unwrap();
    assert_eq!(made["spec"]["activeDeadlineSeconds"], 600);
    assert_eq!(made["spec"]["ttlSecondsAfterFinished"], 86_400);
    assert_eq!(made["metadata"]["ownerReferences"], Value::Null, "no history of its CronJob removes it");
    let told = &made["spec"]["template"]["spec"]["containers"][0]["env"];
    assert_eq!(*told, json!([{"name": "A", "value": "b"}, {"name": "SLIPWAY_VERSION", "value": "2.0"}]));
    until(&*cluster, &room, "smoke-1", |state| *state == JobState::Running { active: 1, failed: 0 }).await;
    end(&room, "smoke-1", 0).await;
    until(&*cluster, &room, "smoke-1", |state| *state == JobState::Succeeded).await;
    let scope = NamespaceScope::Only(vec![room.namespace.clone()]);
    let found = cluster.jobs(&scope).await.unwrap();
    assert_eq!(found.iter().map(|found| found.job.name.as_str()).collect::<Vec<_>>(), ["smoke-1"]);
    assert_eq!(cluster.apply_job(&change(&room, "smoke-1", false)).await.unwrap(), ApplyOutcome::Written);
    let is_gone = |seen: &JobObserved| *seen == JobObserved::Missing { has_template: true };
    wait_for("its end", || seen(&*cluster, &room, "smoke-1"), is_gone).await;
    wait_for("the end of its pods", || pods(&room, "smoke-1"), |pods: &Vec<Pod>| pods.is_empty()).await;
    assert_eq!(cluster.apply_job(&change(&room, "smoke-1", false)).await.unwrap(), ApplyOutcome::Unchanged);
    room.leave().await;
}

#[tokio::test]
async fn a_job_that_fails_says_why_with_the_pod_that_did() {
    let (room, cluster) = (Room::new().await, slipway());
    create_cron_job(&room).await;
    cluster.apply_job(&change(&room, "smoke-2", true)).await.unwrap();
    end(&room, "smoke-2", 3).await;
    let failed = until(&*cluster, &room, "smoke-2", |state| matches!(state, JobState::Failed { .. })).await;
    let JobObserved::Present(failed) = failed else { panic!("{failed:?}") };
    assert!(failed.state.words().starts_with("failed: BackoffLimitExceeded: "), "{:?}", failed.state);
    let failing: Vec<_> = failed.failing().map(|(_, why)| why).collect();
    assert_eq!(failing, ["Error, exit code 3"]);
    room.leave().await;
}

#[tokio::test]
async fn a_job_that_somebody_else_has_made_stays_as_it_is() {
    let (room, cluster) = (Room::new().await, slipway());
    create_cron_job(&room).await;
    let object = json!({"metadata": {"name": "smoke-3"}, "spec": {"suspend": true, "template": {"spec": {
        "restartPolicy": "Never", "containers": [{"name": "app", "image": "registry.test/smoke:1.0"}]}}}});
    let api = Api::<Job>::namespaced(room.admin.clone(), room.namespace.as_str());
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    for is_wanted in [true, false] {
        let outcome = cluster.apply_job(&change(&room, "smoke-3", is_wanted)).await.unwrap();
        assert_eq!(outcome, ApplyOutcome::ChangedByOthers, "{is_wanted}");
    }
    assert!(matches!(seen(&*cluster, &room, "smoke-3").await, JobObserved::Present(job) if job.stamp.is_none()));
    room.leave().await;
}
