//! Jobs of steps: made from the template of a CronJob as `kubectl create job --from` does, looked at with
//! their pods, and removed with them. Nothing of the template is changed but its deadline and what tells
//! its containers about the version: what it may do is decided by who may write CronJobs there.

use domain::{
    job::{JobObservation, JobObserved, JobRef, JobState},
    names::{Namespace, WorkloadName},
    observation::{PodObservation, Stamp},
};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use kube::{
    Api,
    api::{DynamicObject, ListParams},
    core::ApiResource,
};
use ports::{ApplyOutcome, ClusterError, JobChange, JobFound, JobWant, Judgement, NamespaceScope};
use serde_json::{Map, Value, json};

use crate::{
    connect::KubeCluster,
    error::{bounded, cut, sort},
    marks,
    objects::{label_value, patiently},
    observe::list,
    pods::PodRecord,
};

/// The label of every Job that Slipway made; its value is the name of the CronJob.
const JOB_OF: &str = "slipway.dev/job-of";

/// How long a Job stays that Slipway cannot remove any more, in seconds: a day.
const KEPT_SECONDS: u32 = 24 * 3600;

/// The longest message of a Job that is shown.
const MESSAGE_LENGTH: usize = 300;

/// Pods of a Job that are looked at.
const PODS: u32 = 20;

/// What of a CronJob's template is about Jobs that it makes by itself, or is the cluster's to say.
const NOT_TAKEN: [&str; 3] = ["selector", "manualSelector", "suspend"];

fn jobs() -> ApiResource {
    ApiResource::erase::<Job>(&())
}

fn cron_jobs() -> ApiResource {
    ApiResource::erase::<CronJob>(&())
}

impl KubeCluster {
    pub(crate) async fn read_job(&self, job: &JobRef, template: &WorkloadName) -> Result<JobObserved, ClusterError> {
        let namespace = job.namespace.as_str();
        let Some(object) = self.find(&jobs(), namespace, job.name.as_str()).await? else {
            let has_template = self.find(&cron_jobs(), namespace, template.as_str()).await?.is_some();
            return Ok(JobObserved::Missing { has_template });
        };
        let state = state_of(&object.data);
        let pods = match state {
            JobState::Running { failed: 0, .. } | JobState::Succeeded => Vec::new(),
            JobState::Running { .. } | JobState::Failed { .. } => self.pods_of(job).await?,
        };
        Ok(JobObserved::Present(JobObservation { stamp: stamp_of(&object), state, pods }))
    }

    async fn pods_of(&self, job: &JobRef) -> Result<Vec<PodObservation>, ClusterError> {
        let of_job = ListParams::default().labels(&format!("job-name={}", job.name)).limit(PODS);
        let found = bounded(self.pods(job.namespace.as_str()).list(&of_job)).await.map_err(|e| sort(&e))?;
        Ok(found.items.into_iter().filter_map(PodRecord::new).map(|pod| pod.observe(true)).collect())
    }

    pub(crate) async fn apply_job_change(&self, change: &JobChange) -> Result<ApplyOutcome, ClusterError> {
        patiently(|| self.try_job(change)).await
    }

    async fn try_job(&self, change: &JobChange) -> Result<ApplyOutcome, ClusterError> {
        let namespace = change.job.namespace.as_str();
        let object = self.find(&jobs(), namespace, change.job.name.as_str()).await?;
        if let Judgement::Answer(outcome) = change.judge(object.as_ref().map(stamp_of)) {
            return Ok(outcome);
        }
        match (&change.want, object) {
            (JobWant::There { template, seconds, variables }, _) => {
                let Some(cron) = self.find(&cron_jobs(), namespace, template.as_str()).await? else {
                    return Err(ClusterError::Invalid(JobChange::no_template(&change.job.namespace, template)));
                };
                self.make(&jobs(), namespace, job(&cron.data, change, template, *seconds, variables)).await?;
            }
            (JobWant::Gone, Some(object)) => self.delete(&jobs(), namespace, &object).await?,
            (JobWant::Gone, None) => return Ok(ApplyOutcome::Unchanged),
        }
        Ok(ApplyOutcome::Written)
    }

    pub(crate) async fn list_jobs(&self, scope: &NamespaceScope) -> Result<Vec<JobFound>, ClusterError> {
        let apis: Vec<Api<DynamicObject>> = match scope {
            NamespaceScope::All => vec![Api::all_with(self.client().clone(), &jobs())],
            NamespaceScope::Only(names) => names.iter().map(|name| self.objects(&jobs(), name.as_str())).collect(),
        };
        let mut found = Vec::new();
        for api in apis {
            let objects = list_labelled(&api).await?;
            found.extend(objects.iter().filter_map(found_job));
        }
        found.sort_by(|a: &JobFound, b| a.job.cmp(&b.job));
        Ok(found)
    }
}

async fn list_labelled(api: &Api<DynamicObject>) -> Result<Vec<DynamicObject>, ClusterError> {
    list(api, Some(JOB_OF)).await.map_err(|e| sort(&e))
}

fn found_job(object: &DynamicObject) -> Option<JobFound> {
    let namespace = Namespace::parse(object.metadata.namespace.as_deref()?).ok()?;
    let name = WorkloadName::parse(object.metadata.name.as_deref()?).ok()?;
    Some(JobFound { job: JobRef { namespace, name }, stamp: stamp_of(object)? })
}

/// Our mark; one without our label was copied by somebody.
fn stamp_of(object: &DynamicObject) -> Option<Stamp> {
    let is_labelled = object.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(JOB_OF));
    marks::stamp_of(&object.metadata).filter(|_| is_labelled)
}

fn state_of(object: &Value) -> JobState {
    let count = |field: &str| {
        let value = object.pointer(&format!("/status/{field}")).and_then(Value::as_u64);
        u32::try_from(value.unwrap_or(0)).unwrap_or(u32::MAX)
    };
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let held = |kind: &str| {
        let is_it = |condition: &&Value| condition["type"] == kind && condition["status"] == "True";
        conditions.into_iter().flatten().find(is_it)
    };
    // What is about to be said as its end is its end: pods that are still leaving change nothing.
    if let Some(condition) = held("Failed").or_else(|| held("FailureTarget")) {
        let text = |field: &str| condition[field].as_str().unwrap_or_default();
        let why = [text("reason"), text("message")].into_iter().filter(|part| !part.is_empty());
        return JobState::Failed { why: cut(&why.collect::<Vec<_>>().join(": "), MESSAGE_LENGTH) };
    }
    if held("Complete").is_some() {
        return JobState::Succeeded;
    }
    JobState::Running { active: count("active"), failed: count("failed") }
}

/// The Job, as the CronJob would have made it.
fn job(
    cron: &Value,
    change: &JobChange,
    template: &WorkloadName,
    seconds: u32,
    variables: &[(String, String)],
) -> Value {
    let part = |pointer: &str| cron.pointer(pointer).and_then(Value::as_object).cloned().unwrap_or_default();
    let mut labels = part("/spec/jobTemplate/metadata/labels");
    labels.insert(JOB_OF.to_owned(), json!(label_value(template.as_str())));
    labels.insert("app.kubernetes.io/managed-by".to_owned(), json!("slipway"));
    let mut annotations = part("/spec/jobTemplate/metadata/annotations");
    annotations.insert("cronjob.kubernetes.io/instantiate".to_owned(), json!("manual"));
    for (key, value) in marks::annotations(change.stamp, &change.change_cause) {
        annotations.insert(key.to_owned(), json!(value));
    }
    let mut spec = part("/spec/jobTemplate/spec");
    spec.retain(|field, _| !NOT_TAKEN.contains(&field.as_str()));
    let own = spec.get("activeDeadlineSeconds").and_then(Value::as_u64).unwrap_or(u64::MAX);
    spec.insert("activeDeadlineSeconds".to_owned(), json!(own.min(u64::from(seconds))));
    // Removed sooner, nobody would know how it ended; later, it would be left when Slipway is gone for good.
    spec.insert("ttlSecondsAfterFinished".to_owned(), json!(KEPT_SECONDS));
    for kind in ["containers", "initContainers"] {
        let containers = spec.get_mut("template").and_then(|pod| pod.pointer_mut(&format!("/spec/{kind}")));
        for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(container) = container.as_object_mut() {
                tell(container, variables);
            }
        }
    }
    let kind = jobs();
    json!({
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": change.job.name, "labels": labels, "annotations": annotations},
        "spec": spec,
    })
}

/// Adds variables to a container, in place of its own of the same names.
fn tell(container: &mut Map<String, Value>, variables: &[(String, String)]) {
    let is_told = |one: &Value| variables.iter().any(|(name, _)| one["name"] == name.as_str());
    let own = container.get("env").and_then(Value::as_array);
    let mut env: Vec<Value> = own.into_iter().flatten().filter(|one| !is_told(one)).cloned().collect();
    env.extend(variables.iter().map(|(name, value)| json!({"name": name, "value": value})));
    container.insert("env".to_owned(), Value::Array(env));
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use domain::ids::{PromotionId, TargetId};

    use super::*;

    #[test]
    fn a_job_is_its_template_with_a_deadline_our_marks_and_what_it_is_told() {
        let cron = json!({"spec": {"schedule": "0 0 31 2 *", "suspend": true, "jobTemplate": {
            "metadata": {"labels": {"app": "smoke"}, "annotations": {"team": "checkout"}},
            "spec": {
                "backoffLimit": 0, "ttlSecondsAfterFinished": 1, "suspend": true, "activeDeadlineSeconds": 90,
                "template": {"spec": {
                    "serviceAccountName": "smoke", "restartPolicy": "Never",
                    "initContainers": [{"name": "wait", "image": "r/w"}],
                    "containers": [{"name": "app", "image": "r/smoke",
                                    "env": [{"name": "SLIPWAY_VERSION", "value": "x"}, {"name": "A", "value": "b"}]}],
                }},
            },
        }}});
        let template = WorkloadName::parse("smoke").unwrap();
        let stamp = Stamp {
            target: TargetId::new(uuid::Uuid::from_u128(8)),
            promotion: PromotionId::new(uuid::Uuid::from_u128(7)),
            sequence: 12,
            generation: 3,
        };
        let name = WorkloadName::parse("smoke-7-2-00000007").unwrap();
        let variables = vec![("SLIPWAY_VERSION".to_owned(), "2.0".to_owned())];
        let change = JobChange {
            job: JobRef { namespace: Namespace::parse("shop").unwrap(), name },
            stamp,
            want: JobWant::Gone,
            change_cause: "why".to_owned(),
        };
        insta::assert_json_snapshot!(job(&cron, &change, &template, 600, &variables));
    }

    #[test]
    fn how_far_a_job_is_stands_in_its_conditions() {
        let condition =
            |kind: &str, status: &str| json!({"type": kind, "status": status, "reason": "R", "message": "m"});
        let of = |conditions: Value| {
            state_of(&json!({"status": {"active": 1, "failed": 2, "conditions": conditions}})).words()
        };
        let table = [
            (json!([]), "1 pod active, 2 failed"),
            (json!([condition("Complete", "False")]), "1 pod active, 2 failed"),
            (json!([condition("Complete", "True")]), "succeeded"),
            (json!([condition("SuccessCriteriaMet", "True"), condition("Complete", "True")]), "succeeded"),
            (json!([condition("Failed", "True")]), "failed: R: m"),
            (json!([condition("FailureTarget", "True")]), "failed: R: m"),
        ];
        for (conditions, words) in table {
            assert_eq!(of(conditions.clone()), words, "{conditions}");
        }
        assert_eq!(state_of(&json!({})).words(), "0 pods active");
    }
}
