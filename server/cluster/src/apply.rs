//! Writing: read the Deployment or the tool's object, judge, and patch with the resource version that was read. Touches
//! the images (or the whole template, when it is put back) and the object's own annotations; never
//! the metadata of the pod template, which would roll pods for nothing.

use domain::observation::WorkloadKind;
use kube::api::{DynamicObject, Patch, PatchParams};
use ports::{ApplyOutcome, ClusterError, Judgement, TemplateChange, WorkloadChange};
use serde_json::{Value, json};

use crate::{
    connect::KubeCluster,
    error::{bounded, is_conflict, is_missing, sort},
    objects::{Edit, FIELD_MANAGER, PAUSE, TRIES},
    records::WorkloadRecord,
    tools::{self, argo_cd},
};

impl KubeCluster {
    pub(crate) async fn apply_change(&self, change: &WorkloadChange) -> Result<ApplyOutcome, ClusterError> {
        for lost in 0..TRIES {
            let Some(record) = self.read(&change.workload).await? else {
                return Ok(ApplyOutcome::Missing);
            };
            let judgement = change.judge(record.without_pods())?;
            if let Some(act) = change.act
                && matches!(judgement, Judgement::Write | Judgement::Answer(ApplyOutcome::Unchanged))
            {
                let is_as_wanted = judgement != Judgement::Write;
                match self.act_on(&change.workload, &record, act, is_as_wanted).await {
                    // The write itself comes after it, with what is there then.
                    Ok(ApplyOutcome::Written) if !is_as_wanted => continue,
                    Ok(ApplyOutcome::Unchanged) => {}
                    Ok(outcome) => return Ok(outcome),
                    Err(ClusterError::Conflict) => {
                        tokio::time::sleep(PAUSE * (lost + 1)).await;
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            if let Judgement::Answer(outcome) = judgement {
                return Ok(outcome);
            }
            if let Some(why) = tools::refusal(&record.places, &change.template) {
                return Err(ClusterError::Invalid(why));
            }
            match self.patch(change, operations(change, &record)).await {
                Ok(_) => return Ok(ApplyOutcome::Written),
                Err(error) if is_conflict(&error) => tokio::time::sleep(PAUSE * (lost + 1)).await,
                Err(error) if is_missing(&error) => return Ok(ApplyOutcome::Missing),
                Err(error) => return Err(sort(&error)),
            }
        }
        Err(ClusterError::Conflict)
    }

    async fn patch(&self, change: &WorkloadChange, operations: Value) -> Result<DynamicObject, kube::Error> {
        let patch = Patch::Json::<()>(serde_json::from_value(operations).map_err(kube::Error::SerdeError)?);
        let api = self.objects(&tools::resource(change.workload.kind), change.workload.namespace.as_str());
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        bounded(api.patch(change.workload.name.as_str(), &params, &patch)).await
    }
}

/// The JSON patch (RFC 6902) that makes the object what the change says. Writing the resource version
/// that was read makes the API server answer 409 when the object is a newer one.
fn operations(change: &WorkloadChange, record: &WorkloadRecord) -> Value {
    let seen = record.without_pods();
    let mut edit = Edit::of(Some(&seen.resource_version));
    match &change.template {
        template if record.has_no_pods() => {
            tools::edits(
                &mut edit,
                tools::part(change.workload.kind, &record.object),
                &record.object,
                &record.places,
                template,
            );
            if change.workload.kind == WorkloadKind::Application
                && let Some(sync) = argo_cd::sync(&record.object)
            {
                edit.set("/operation", sync);
            }
        }
        TemplateChange::Images(images) => {
            for (pointer, wanted) in ports::template_places(&seen.template, images) {
                if seen.image_of(wanted.container.as_str()) != Some(wanted.image.as_str()) {
                    edit.set(format!("/spec/template{pointer}/image"), json!(wanted.image));
                }
            }
        }
        TemplateChange::Restore(saved) if *saved != seen.template => {
            edit.set("/spec/template", saved.clone());
        }
        TemplateChange::Restore(_) => {}
    }
    edit.mark(record.has_annotations, change.stamp, &change.change_cause);
    Value::Array(edit.0)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use domain::{
        ids::{PromotionId, TargetId},
        image::ContainerImage,
        names::ContainerName,
        observation::Stamp,
    };

    use super::*;

    fn record(annotations: Value) -> WorkloadRecord {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "cart", "namespace": "shop", "uid": "u", "resourceVersion": "41",
                         "annotations": annotations},
            "spec": {"template": {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [
                {"name": "proxy", "image": "proxy:1"}, {"name": "app", "image": "cart:1", "unknownField": [1]}]}}},
        });
        WorkloadRecord::new(serde_json::from_value(object).unwrap()).unwrap()
    }

    const TARGET: TargetId = TargetId::new(uuid::Uuid::from_u128(8));

    fn change(template: TemplateChange, record: &WorkloadRecord) -> WorkloadChange {
        WorkloadChange {
            workload: record.workload().clone(),
            stamp: Stamp {
                target: TARGET,
                promotion: PromotionId::new(uuid::Uuid::from_u128(1)),
                sequence: 5,
                generation: 2,
            },
            template,
            over: vec![],
            act: None,
            may_write_helm: false,
            change_cause: "cart 2 by mara".to_owned(),
        }
    }

    fn image(container: &str, image: &str) -> ContainerImage {
        ContainerImage { container: ContainerName::parse(container).unwrap(), image: image.to_owned() }
    }

    #[test]
    fn only_the_images_that_differ_and_our_own_annotations_are_touched() {
        let record = record(json!({"deployment.kubernetes.io/revision": "3"}));
        let images = vec![image("app", "cart:2"), image("proxy", "proxy:1")];
        insta::assert_json_snapshot!(operations(&change(TemplateChange::Images(images), &record), &record));
    }

    #[test]
    fn init_containers_get_their_images_too() {
        let object = json!({
            "metadata": {"name": "cart", "namespace": "shop", "uid": "u", "resourceVersion": "41", "annotations": {}},
            "spec": {"template": {"spec": {
                "initContainers": [{"name": "wait", "image": "wait:1"}, {"name": "migrate", "image": "cart:1"}],
                "containers": [{"name": "app", "image": "cart:1"}]}}},
        });
        let record = WorkloadRecord::new(serde_json::from_value(object).unwrap()).unwrap();
        let seen: Vec<_> = record.without_pods().images.iter().map(|i| i.container.as_str()).collect();
        assert_eq!(seen, ["app", "wait", "migrate"]);
        let change = change(TemplateChange::Images(vec![image("app", "cart:2"), image("migrate", "cart:2")]), &record);
        assert_eq!(change.judge(record.without_pods()), Ok(Judgement::Write));
        let patch = operations(&change, &record);
        let set = |at: &str| json!({"op": "add", "path": format!("/spec/template/spec/{at}/image"), "value": "cart:2"});
        assert_eq!(patch.as_array().unwrap()[1..3], [set("containers/0"), set("initContainers/1")]);
    }

    #[test]
    fn a_template_is_put_back_whole_and_an_object_without_annotations_gets_some() {
        let record = record(Value::Null);
        let mut saved = record.without_pods().template.clone();
        saved["spec"]["containers"][1]["image"] = json!("cart:0");
        let patch = operations(&change(TemplateChange::Restore(saved.clone()), &record), &record);
        assert_eq!(patch[1], json!({"op": "add", "path": "/spec/template", "value": saved}));
        assert_eq!(patch[2], json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
        let same = record.without_pods().template.clone();
        let patch = operations(&change(TemplateChange::Restore(same), &record), &record);
        assert!(!patch.to_string().contains("/spec/template"), "{patch}");
    }
}
