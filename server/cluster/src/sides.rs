//! How the pods of a workload and those of its candidate are told apart by labels. Pure.
//!
//! The pods of a candidate carry the label [`TRACK`]. Where a layer moves the traffic, one more label
//! has another value than on the stable pods, so that the stable Service does not select them. A
//! Service is switched by the value of that one label alone: whoever applies the Service's manifest
//! again, whole or merged into what is there, thereby selects the stable pods.

use std::collections::BTreeMap;

use domain::traffic::CandidateName;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::objects::{LABEL_LENGTH, label_value};

/// The label of a candidate's pods; its value is `canary` or `preview`.
pub(crate) const TRACK: &str = "slipway.dev/track";

/// The labels that say which application a pod belongs to, the likeliest first.
const USUAL_KEYS: [&str; 4] = ["app.kubernetes.io/name", "app", "k8s-app", "app.kubernetes.io/instance"];

pub(crate) type Labels = BTreeMap<String, String>;

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

/// Labels as people write them: `app=cart,tier=web`.
pub(crate) fn label_words(labels: &Labels) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// The value of a label on a candidate's pods.
fn changed(value: &str, track: CandidateName) -> String {
    let track = track.as_str();
    let room = LABEL_LENGTH - track.len() - 1;
    let kept = label_value(&value.chars().take(room).collect::<String>());
    if kept.is_empty() { track.to_owned() } else { format!("{kept}-{track}") }
}

/// Whose pods a Service selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selected {
    /// The workload's, as far as anything can tell.
    Stable,
    /// Those of a candidate of this name.
    Candidate(CandidateName),
    /// Neither: somebody else has changed it.
    Neither,
}

/// Whose pods a selector selects, where the stable ones have the labels `pods`.
pub(crate) fn selected(selector: &Labels, pods: &Labels) -> Selected {
    if selects(selector, pods) {
        return Selected::Stable;
    }
    let of = CandidateName::ALL.into_iter().find(|track| selects(&unswitched(selector, pods, *track), pods));
    of.map_or(Selected::Neither, Selected::Candidate)
}

/// What a Service selects when it is not switched to a candidate: a switched label gets its own value back.
pub(crate) fn unswitched(selector: &Labels, pods: &Labels, track: CandidateName) -> Labels {
    let mut labels = selector.clone();
    let switched = labels.iter_mut().find_map(|(key, value)| {
        let own = pods.get(key).filter(|own| *value == changed(own, track))?;
        Some((own, value))
    });
    // One label is switched, never more.
    if let Some((own, value)) = switched {
        own.clone_into(value);
        // Services were switched by a label besides, once.
        if labels.get(TRACK).map(String::as_str) == Some(track.as_str()) && !pods.contains_key(TRACK) {
            labels.remove(TRACK);
        }
    }
    labels
}

/// The labels by which a Service selects each side.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sides {
    /// The label that differs.
    pub(crate) key: String,
    /// Its value on the candidate's pods.
    pub(crate) value: String,
    /// What a Service has for selector that is switched to the candidate's pods.
    pub(crate) switched: Labels,
}

impl Sides {
    /// Tells the sides of a Deployment apart whose pods are behind a Service.
    ///
    /// # Errors
    /// Why this Service cannot move the traffic of this Deployment, with what to do.
    pub(crate) fn of(
        service: &DynamicObject,
        deployment: &DynamicObject,
        track: CandidateName,
    ) -> Result<Self, String> {
        let name = service.metadata.name.as_deref().unwrap_or_default();
        let workload = deployment.metadata.name.as_deref().unwrap_or_default();
        let pods = labels_at(&deployment.data, "/spec/template/metadata/labels");
        let selector = unswitched(&labels_at(&service.data, "/spec/selector"), &pods, track);
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
        let mut switched = selector;
        switched.insert(key.clone(), value.clone());
        Ok(Self { key, value, switched })
    }

    /// What selects the candidate's pods and no others.
    pub(crate) fn candidate(&self, track: CandidateName) -> Labels {
        let mut labels = self.switched.clone();
        labels.insert(TRACK.to_owned(), track.as_str().to_owned());
        labels
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    const CANARY: CandidateName = CandidateName::Canary;

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
            let sides = Sides::of(&stable, &deployment, CANARY).unwrap();
            assert_eq!(sides.key, key, "{selector}");
            let mut of_candidate = labels(pods.clone());
            of_candidate.insert(sides.key.clone(), sides.value.clone());
            of_candidate.insert(TRACK.to_owned(), "canary".to_owned());
            for candidate in [&sides.candidate(CANARY), &sides.switched] {
                assert!(selects(candidate, &of_candidate), "{sides:?}");
                assert!(!selects(candidate, &labels(pods.clone())), "{sides:?}");
            }
            assert!(!selects(&labels(selector.clone()), &of_candidate), "{sides:?}");
            // A Service that is switched already says the same.
            let switched = service(serde_json::to_value(&sides.switched).unwrap());
            assert_eq!(Sides::of(&switched, &deployment, CANARY).unwrap(), sides);
            let (pods, selector) = (labels(pods), labels(selector));
            assert_eq!(unswitched(&sides.switched, &pods, CANARY), selector);
            assert_eq!(selected(&sides.switched, &pods), Selected::Candidate(CANARY));
            assert_eq!(selected(&selector, &pods), Selected::Stable);
            // Whoever applies the manifest over it restores the keys that it names, and adds none.
            let mut merged = sides.switched.clone();
            merged.extend(selector.clone());
            assert_eq!(selected(&merged, &pods), Selected::Stable);
        }
    }

    #[test]
    fn a_selector_that_selects_neither_side_is_known_as_such() {
        let pods = labels(json!({"app": "cart", "tier": "web"}));
        for (selector, expected) in [
            (json!({"app": "cart-preview"}), Selected::Candidate(CandidateName::Preview)),
            (json!({"app": "cart-preview", "tier": "web"}), Selected::Candidate(CandidateName::Preview)),
            // As a Service was switched once.
            (json!({"app": "cart-preview", TRACK: "preview"}), Selected::Candidate(CandidateName::Preview)),
            (json!({"app": "cart", TRACK: "preview"}), Selected::Neither),
            (json!({"app": "cart-preview", TRACK: "canary"}), Selected::Neither),
            (json!({"app": "cart-preview", "tier": "web-preview"}), Selected::Neither),
            (json!({"app": "cart-preview", "tier": "api"}), Selected::Neither),
            (json!({"app": "cart", "slipway.dev/track": "preview"}), Selected::Neither),
            (json!({"app": "pay"}), Selected::Neither),
            (json!({"tier": "web"}), Selected::Stable),
        ] {
            assert_eq!(selected(&labels(selector.clone()), &pods), expected, "{selector}");
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
            let refusal = Sides::of(&service(selector), &pods, CANARY).unwrap_err();
            assert!(refusal.contains(words) && refusal.contains("cart"), "{refusal}");
        }
    }

    #[test]
    fn changed_values_stay_values_of_labels() {
        assert_eq!(changed("cart", CANARY), "cart-canary");
        assert_eq!(changed("", CandidateName::Preview), "preview");
        let long = changed(&format!("{}.-b", "a".repeat(55)), CANARY);
        assert_eq!(long, format!("{}-canary", "a".repeat(55)));
        assert!(changed(&"a".repeat(63), CandidateName::Preview).len() <= 63);
    }
}
