//! What stands on an object besides its spec: Slipway's mark, and the traces by which another tool
//! that owns the object is recognised.

use std::collections::BTreeMap;

use domain::{
    ids::{PromotionId, TargetId},
    observation::{Manager, Stamp},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

pub(crate) const TARGET: &str = "slipway.dev/target";
pub(crate) const PROMOTION: &str = "slipway.dev/promotion";
pub(crate) const SEQUENCE: &str = "slipway.dev/sequence";
pub(crate) const GENERATION: &str = "slipway.dev/generation";
pub(crate) const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// The label by which Flux says of which HelmRelease an object is, and in which namespace that stands.
pub(crate) const FLUX_RELEASE: &str = "helm.toolkit.fluxcd.io/name";
pub(crate) const FLUX_RELEASE_NAMESPACE: &str = "helm.toolkit.fluxcd.io/namespace";

/// The longest change cause that is written: it is read in one line of `kubectl rollout history`.
const CHANGE_CAUSE_LENGTH: usize = 500;

/// Slipway's mark on an object. A mark that somebody has made unreadable counts as none.
pub(crate) fn stamp_of(metadata: &ObjectMeta) -> Option<Stamp> {
    let annotations = metadata.annotations.as_ref()?;
    let target: TargetId = annotations.get(TARGET)?.parse().ok()?;
    let promotion: PromotionId = annotations.get(PROMOTION)?.parse().ok()?;
    let sequence = annotations.get(SEQUENCE)?.parse().ok()?;
    let generation = annotations.get(GENERATION)?.parse().ok()?;
    Some(Stamp { target, promotion, sequence, generation })
}

/// The annotations that a write leaves on the object.
pub(crate) fn annotations(stamp: Stamp, change_cause: &str) -> [(&'static str, String); 5] {
    [
        (TARGET, stamp.target.to_string()),
        (PROMOTION, stamp.promotion.to_string()),
        (SEQUENCE, stamp.sequence.to_string()),
        (GENERATION, stamp.generation.to_string()),
        (CHANGE_CAUSE, crate::error::cut(change_cause, CHANGE_CAUSE_LENGTH)),
    ]
}

/// Where the mark of a target stands on an object that others use too: several targets may share a route.
pub(crate) fn shared_key(target: TargetId) -> String {
    format!("{SHARED}{}", target.uuid().simple())
}

/// How such an annotation begins; with the target's id it stays within what Kubernetes allows for a key.
const SHARED: &str = "slipway.dev/target-";

/// The mark of one target on an object that others use too: one annotation, for people and machines.
#[derive(Serialize, Deserialize)]
struct SharedMark {
    promotion: PromotionId,
    sequence: i64,
    generation: u32,
    cause: String,
}

/// The mark of a target on an object that others use too. One that somebody has made unreadable counts
/// as none.
pub(crate) fn shared_stamp_of(metadata: &ObjectMeta, target: TargetId) -> Option<Stamp> {
    let text = metadata.annotations.as_ref().and_then(|annotations| annotations.get(&shared_key(target)));
    let mark = text.and_then(|text| serde_json::from_str::<SharedMark>(text).ok());
    let stamp = |mark: SharedMark| Stamp {
        target,
        promotion: mark.promotion,
        sequence: mark.sequence,
        generation: mark.generation,
    };
    // Where only one target used an object, its mark was that of a workload.
    mark.map(stamp).or_else(|| stamp_of(metadata).filter(|stamp| stamp.target == target))
}

/// The annotation that a write leaves on an object that others use too.
pub(crate) fn shared_annotation(stamp: Stamp, change_cause: &str) -> (String, String) {
    let cause = crate::error::cut(change_cause, CHANGE_CAUSE_LENGTH);
    let mark = serde_json::json!(SharedMark {
        promotion: stamp.promotion,
        sequence: stamp.sequence,
        generation: stamp.generation,
        cause,
    });
    (shared_key(stamp.target), mark.to_string())
}

/// The tool that owns the object, of the given kind, and would undo or fight a change made here.
pub(crate) fn manager_of(metadata: &ObjectMeta, kind: &str) -> Option<Manager> {
    owner(metadata).or_else(|| flux(metadata)).or_else(|| argo_cd(metadata, kind)).or_else(|| helm(metadata))
}

fn owner(metadata: &ObjectMeta) -> Option<Manager> {
    let owner = metadata.owner_references.iter().flatten().find(|o| o.controller == Some(true))?;
    Some(Manager::Controller { kind: owner.kind.clone(), name: owner.name.clone() })
}

/// Flux labels what it applies. A HelmRelease's objects carry Helm's marks too: Flux comes first.
fn flux(metadata: &ObjectMeta) -> Option<Manager> {
    let labels = metadata.labels.as_ref()?;
    if let Some(name) = labels.get(FLUX_RELEASE) {
        return Some(Manager::FluxHelmRelease { name: name.clone() });
    }
    let name = labels.get("kustomize.toolkit.fluxcd.io/name")?;
    // Flux leaves an object alone that says so, by label or annotation.
    let says_disabled = |marks: Option<&BTreeMap<String, String>>| {
        marks.and_then(|m| m.get("kustomize.toolkit.fluxcd.io/reconcile")).is_some_and(|v| v == "disabled")
    };
    let is_left_alone = says_disabled(metadata.labels.as_ref()) || says_disabled(metadata.annotations.as_ref());
    (!is_left_alone).then(|| Manager::FluxKustomization { name: name.clone() })
}

fn argo_cd(metadata: &ObjectMeta, kind: &str) -> Option<Manager> {
    let label = |key: &str| metadata.labels.as_ref().and_then(|l| l.get(key));
    let application = tracked_by(metadata, kind)
        .or_else(|| label("argocd.argoproj.io/instance").cloned())
        // The old way of tracking uses a label that everybody uses: it counts with another trace only.
        .or_else(|| label("app.kubernetes.io/instance").filter(|_| was_applied_by_argo_cd(metadata)).cloned())?;
    Some(Manager::ArgoCd { application })
}

/// The Application of the tracking annotation, `app:group/Kind:namespace/name`, when it names this
/// very object: Argo CD ignores one that was copied from another.
fn tracked_by(metadata: &ObjectMeta, kind: &str) -> Option<String> {
    let id = metadata.annotations.as_ref()?.get("argocd.argoproj.io/tracking-id")?;
    let mut parts = id.split(':');
    let (application, tracked, object) = (parts.next()?, parts.next()?, parts.next()?);
    let (namespace, name) = object.split_once('/')?;
    let is_this = tracked.rsplit_once('/').is_some_and(|(_, tracked)| tracked == kind)
        && Some(name) == metadata.name.as_deref()
        && Some(namespace) == metadata.namespace.as_deref();
    is_this.then(|| application.to_owned())
}

fn was_applied_by_argo_cd(metadata: &ObjectMeta) -> bool {
    let mut writers = metadata.managed_fields.iter().flatten().filter_map(|f| f.manager.as_deref());
    writers.any(|writer| writer.starts_with("argocd"))
}

fn helm(metadata: &ObjectMeta) -> Option<Manager> {
    let is_helms = metadata.labels.as_ref()?.get("app.kubernetes.io/managed-by").is_some_and(|v| v == "Helm");
    let release = metadata.annotations.as_ref()?.get("meta.helm.sh/release-name")?;
    is_helms.then(|| Manager::Helm { release: release.clone() })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::{Value, json};

    use super::*;

    fn found(metadata: Value) -> Option<String> {
        let mut metadata = metadata;
        metadata["name"] = json!("cart");
        metadata["namespace"] = json!("shop");
        manager_of(&serde_json::from_value(metadata).unwrap(), "Deployment").map(|m| m.words())
    }

    #[test]
    fn tools_are_recognised_by_their_traces() {
        let table = [
            (json!({}), None),
            (
                json!({"annotations": {"argocd.argoproj.io/tracking-id": "web:apps/Deployment:shop/cart"}}),
                Some("Argo CD (application web)"),
            ),
            (json!({"annotations": {"argocd.argoproj.io/tracking-id": "web:apps/Deployment:shop/other"}}), None),
            (json!({"annotations": {"argocd.argoproj.io/tracking-id": "nonsense"}}), None),
            (json!({"labels": {"argocd.argoproj.io/instance": "web"}}), Some("Argo CD (application web)")),
            (json!({"labels": {"app.kubernetes.io/instance": "web"}}), None),
            (
                json!({"labels": {"app.kubernetes.io/instance": "web"},
                       "managedFields": [{"manager": "argocd-controller", "operation": "Apply"}]}),
                Some("Argo CD (application web)"),
            ),
            (json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}), Some("Flux (Kustomization apps)")),
            (
                json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps",
                                  "kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}),
                None,
            ),
            (
                json!({"labels": {"helm.toolkit.fluxcd.io/name": "cart", "app.kubernetes.io/managed-by": "Helm"},
                       "annotations": {"meta.helm.sh/release-name": "cart"}}),
                Some("Flux (HelmRelease cart)"),
            ),
            (
                json!({"labels": {"app.kubernetes.io/managed-by": "Helm"},
                       "annotations": {"meta.helm.sh/release-name": "cart"}}),
                Some("Helm (release cart)"),
            ),
            (json!({"labels": {"app.kubernetes.io/managed-by": "Helm"}}), None),
            (
                json!({"ownerReferences": [
                    {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "1"},
                    {"apiVersion": "a/v1", "kind": "Shop", "name": "main", "uid": "2", "controller": true}]}),
                Some("Shop main"),
            ),
        ];
        for (metadata, expected) in table {
            assert_eq!(found(metadata.clone()).as_deref(), expected, "{metadata}");
        }
    }

    #[test]
    fn an_object_of_the_core_group_is_recognised_too() {
        let metadata = json!({"name": "cart", "namespace": "shop",
                              "annotations": {"argocd.argoproj.io/tracking-id": "web:/Service:shop/cart"}});
        let metadata: ObjectMeta = serde_json::from_value(metadata).unwrap();
        assert!(manager_of(&metadata, "Service").is_some());
        assert_eq!(manager_of(&metadata, "Deployment"), None);
    }

    #[test]
    fn a_mark_is_read_as_it_was_written_and_an_unreadable_one_is_none() {
        let stamp = Stamp {
            target: TargetId::new(uuid::Uuid::from_u128(8)),
            promotion: PromotionId::new(uuid::Uuid::from_u128(7)),
            sequence: 12,
            generation: 3,
        };
        let written = annotations(stamp, "2.0 by mara\nbecause");
        let mut metadata = ObjectMeta {
            annotations: Some(written.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
            ..ObjectMeta::default()
        };
        assert_eq!(stamp_of(&metadata), Some(stamp));
        // An object that several targets may share had such a mark once.
        assert_eq!(shared_stamp_of(&metadata, stamp.target), Some(stamp));
        assert_eq!(shared_stamp_of(&metadata, TargetId::new(uuid::Uuid::from_u128(9))), None);
        let marks = metadata.annotations.as_mut().unwrap();
        assert_eq!(marks.get(CHANGE_CAUSE).unwrap(), "2.0 by mara because");
        marks.insert(GENERATION.to_owned(), "-1".to_owned());
        assert_eq!(stamp_of(&metadata), None);
    }

    #[test]
    fn marks_of_two_targets_stand_side_by_side_on_an_object_that_they_share() {
        let stamp = |target: u128, sequence| Stamp {
            target: TargetId::new(uuid::Uuid::from_u128(target)),
            promotion: PromotionId::new(uuid::Uuid::from_u128(7)),
            sequence,
            generation: 3,
        };
        let (cart, pay) = (stamp(1, 12), stamp(2, 5));
        let written = [shared_annotation(cart, "2.0 by \"mara\""), shared_annotation(pay, "")];
        let key = written[0].0.strip_prefix("slipway.dev/").unwrap();
        assert!(key.len() <= 63, "{key}");
        let mut metadata = ObjectMeta { annotations: Some(written.into_iter().collect()), ..ObjectMeta::default() };
        assert_eq!(shared_stamp_of(&metadata, cart.target), Some(cart));
        assert_eq!(shared_stamp_of(&metadata, pay.target), Some(pay));
        metadata.annotations.as_mut().unwrap().insert(shared_key(pay.target), "{}".to_owned());
        assert_eq!(shared_stamp_of(&metadata, cart.target), Some(cart));
        assert_eq!(shared_stamp_of(&metadata, pay.target), None);
    }
}
