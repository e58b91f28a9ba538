//! How the pods of a workload and those of its candidate are told apart by labels. Pure.
//!
//! The pods of a candidate carry the label [`TRACK`]. Where a layer moves the traffic, one more label
//! has another value than on the stable pods, so that the stable Service does not select them.

use std::collections::BTreeMap;

use domain::observation::WorkloadRef;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::objects::{LABEL_LENGTH, label_value};

/// The label of a candidate's pods; its value is `canary` or `preview`.
pub(crate) const TRACK: &str = "slipway.dev/track";

const CANARY: &str = "canary";
const PREVIEW: &str = "preview";

/// The labels that say which application a pod belongs to, the likeliest first.
const USUAL_KEYS: [&str; 4] = ["app.kubernetes.io/name", "app", "k8s-app", "app.kubernetes.io/instance"];

pub(crate) type Labels = BTreeMap<String, String>;

/// What the pods of a candidate are called, by the ending of its name.
pub(crate) fn track_of(candidate: &WorkloadRef) -> &'static str {
    if candidate.name.as_str().ends_with("-preview") { PREVIEW } else { CANARY }
}

/// Labels at a place in an object; nothing where there are none.
pub(crate) fn labels_at(object: &Value, pointer: &str) -> Labels {
    let fields = object.pointer(pointer).and_then(Value::as_object);
    let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    fields.into_iter().flatten().filter_map(text).collect()
}

/// Whether `selector` selects what has `labels`.
pub(crate) fn selects(selector: &Labels, labels: &Labels) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// The value of a label on a candidate's pods.
fn changed(value: &str, track: &str) -> String {
    let room = LABEL_LENGTH - track.len() - 1;
    let kept = label_value(&value.chars().take(room).collect::<String>());
    if kept.is_empty() { track.to_owned() } else { format!("{kept}-{track}") }
}

/// The track that a Service has been switched to, when it has been.
pub(crate) fn switched_to(selector: &Labels) -> Option<&str> {
    selector.get(TRACK).map(String::as_str)
}

/// What a Service selects when it is not switched to a candidate.
pub(crate) fn unswitched(selector: &Labels, pods: &Labels) -> Labels {
    let Some(track) = switched_to(selector) else {
        return selector.clone();
    };
    let before = |key: &String, value: &String| match pods.get(key) {
        Some(own) if changed(own, track) == *value => own.clone(),
        Some(_) => value.clone(),
        // The Deployment that could tell is gone.
        None => value.strip_suffix(&format!("-{track}")).unwrap_or(value).to_owned(),
    };
    let kept = selector.iter().filter(|(key, _)| *key != TRACK);
    kept.map(|(key, value)| (key.clone(), before(key, value))).collect()
}

/// The labels by which a Service selects each side.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sides {
    /// The label that differs.
    pub(crate) key: String,
    /// Its value on the candidate's pods.
    pub(crate) value: String,
    /// What selects the candidate's pods.
    pub(crate) candidate: Labels,
}

impl Sides {
    /// Tells the sides of a Deployment apart whose pods are behind a Service.
    ///
    /// # Errors
    /// Why this Service cannot move the traffic of this Deployment, with what to do.
    pub(crate) fn of(service: &DynamicObject, deployment: &DynamicObject, track: &str) -> Result<Self, String> {
        let name = service.metadata.name.as_deref().unwrap_or_default();
        let workload = deployment.metadata.name.as_deref().unwrap_or_default();
        let pods = labels_at(&deployment.data, "/spec/template/metadata/labels");
        let selector = unswitched(&labels_at(&service.data, "/spec/selector"), &pods);
        if selector.is_empty() {
            return Err(format!(
                "Service {name} selects no pods by labels; give it a selector for the pods of {workload}, or choose \
                 another Service"
            ));
        }
        if let Some((key, value)) = selector.iter().find(|(key, value)| pods.get(*key) != Some(value)) {
            return Err(format!(
                "Service {name} selects pods with {key}={value}, which the pods of {workload} do not have; choose the \
                 Service of {workload}, or correct its selector"
            ));
        }
        let own = labels_at(&deployment.data, "/spec/selector/matchLabels");
        let rank = |key: &str| {
            let usual = USUAL_KEYS.iter().position(|usual| *usual == key).unwrap_or(USUAL_KEYS.len());
            (!own.contains_key(key), usual)
        };
        let Some((key, value)) = selector.iter().min_by_key(|(key, _)| rank(key)) else {
            return Err(format!("Service {name} selects no pods by labels"));
        };
        let (key, value) = (key.clone(), changed(value, track));
        let mut candidate = selector;
        candidate.insert(key.clone(), value.clone());
        candidate.insert(TRACK.to_owned(), track.to_owned());
        Ok(Self { key, value, candidate })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }

    fn service(selector: Value) -> DynamicObject {
        object(json!({"metadata": {"name": "cart"}, "spec": {"selector": selector}}))
    }

    fn deployment(own: Value, pods: Value) -> DynamicObject {
        object(json!({"metadata": {"name": "cart"},
                      "spec": {"selector": {"matchLabels": own}, "template": {"metadata": {"labels": pods}}}}))
    }

    fn labels(value: Value) -> Labels {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn one_label_differs_and_it_is_one_that_both_select_by() {
        let name = "app.kubernetes.io/name";
        for (selector, own, key) in [
            (json!({"app": "cart"}), json!({"app": "cart"}), "app"),
            (json!({"app": "cart", "tier": "web"}), json!({"tier": "web"}), "tier"),
            (json!({"app": "cart", name: "cart", "a": "b"}), json!({"app": "cart", name: "cart", "a": "b"}), name),
            (json!({"zone": "1", "part": "2"}), json!({"zone": "1", "part": "2"}), "part"),
            (json!({"app": "cart"}), json!({"tier": "web"}), "app"),
        ] {
            let pods = json!({"app": "cart", "tier": "web", name: "cart", "a": "b", "zone": "1", "part": "2"});
            let (stable, deployment) = (service(selector.clone()), deployment(own, pods.clone()));
            let sides = Sides::of(&stable, &deployment, "canary").unwrap();
            assert_eq!(sides.key, key, "{selector}");
            let mut of_candidate = labels(pods.clone());
            of_candidate.insert(sides.key.clone(), sides.value.clone());
            of_candidate.insert(TRACK.to_owned(), "canary".to_owned());
            assert!(selects(&sides.candidate, &of_candidate), "{sides:?}");
            assert!(!selects(&labels(selector.clone()), &of_candidate), "{sides:?}");
            assert!(!selects(&sides.candidate, &labels(pods.clone())), "{sides:?}");
            // A Service that is switched already says the same.
            let switched = service(serde_json::to_value(&sides.candidate).unwrap());
            assert_eq!(Sides::of(&switched, &deployment, "canary").unwrap(), sides);
            assert_eq!(unswitched(&sides.candidate, &labels(pods)), labels(selector));
        }
    }

    #[test]
    fn a_service_that_does_not_select_the_pods_is_told_with_what_to_do() {
        let pods = deployment(json!({"app": "cart"}), json!({"app": "cart"}));
        for (selector, words) in [
            (json!({}), "selects no pods"),
            (Value::Null, "selects no pods"),
            (json!({"app": "pay"}), "app=pay"),
            (json!({"app": "cart", "version": "2"}), "version=2"),
        ] {
            let refusal = Sides::of(&service(selector), &pods, "canary").unwrap_err();
            assert!(refusal.contains(words) && refusal.contains("cart"), "{refusal}");
        }
    }

    #[test]
    fn changed_values_stay_values_of_labels() {
        assert_eq!(changed("cart", "canary"), "cart-canary");
        assert_eq!(changed("", "preview"), "preview");
        let long = changed(&format!("{}.-b", "a".repeat(55)), "canary");
        assert_eq!(long, format!("{}-canary", "a".repeat(55)));
        assert!(changed(&"a".repeat(63), "preview").len() <= 63);
    }
}
