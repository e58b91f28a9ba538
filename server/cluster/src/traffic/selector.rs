//! The selector of a Service, switched as a whole to the candidate's pods and back.
//!
//! What it says is done when its addresses are those of the pods that it selects, and of no others.

use domain::{
    aside::Aside,
    traffic::{CandidateName, Weight},
};
use k8s_openapi::api::core::v1::Pod;
use kube::{api::DynamicObject, core::ApiResource};
use serde_json::{Value, json};

use super::{Names, Plan, Provider, Reading, Scene, Second, Share};
use crate::{
    objects::services,
    sides::{Labels, Selected, Sides, TRACK, label_words, labels_at, selected, selects, unswitched},
};

const SELECTOR: &str = "/spec/selector";

pub(super) struct Selector {
    names: Names,
}

impl Selector {
    pub(super) const fn new(names: Names) -> Self {
        Self { names }
    }

    fn pods(scene: &Scene) -> Option<Labels> {
        scene.deployment.as_ref().map(|d| labels_at(&d.data, "/spec/template/metadata/labels"))
    }

    fn unswitched(&self, scene: &Scene) -> Labels {
        let selector = labels_at(&scene.main.data, SELECTOR);
        Self::pods(scene).map_or_else(|| selector.clone(), |pods| unswitched(&selector, &pods, self.names.track))
    }

    /// Why its selector should not be switched, with what to do.
    fn unfit_to_switch(&self, scene: &Scene) -> Option<String> {
        let (service, workload) = (&self.names.stable, &self.names.workload);
        let says = |field: &str| scene.main.data.pointer(&format!("/spec/{field}")).and_then(Value::as_str);
        if says("type") == Some("LoadBalancer") && says("externalTrafficPolicy") == Some("Local") {
            return Some(format!(
                "Service {service} is a load balancer that sends to nodes with its own pods alone (externalTrafficPolicy \
                 Local): at the switch requests are lost until it knows the other nodes; set externalTrafficPolicy to \
                 Cluster, or choose another traffic layer"
            ));
        }
        let (first, more) = scene.strangers.split_first()?;
        let pods = if more.is_empty() { first.clone() } else { format!("{first} and {} more", more.len()) };
        Some(format!(
            "the switched selector of Service {service} would also send to pods that are not of {workload}'s candidate \
             ({pods}); give these another label than {}, or remove them",
            scene
                .deployment
                .as_ref()
                .and_then(|deployment| switched_words(&scene.main, deployment, self.names.track))
                .unwrap_or_default()
        ))
    }

    fn selected(&self, scene: &Scene) -> Selected {
        let selector = labels_at(&scene.main.data, SELECTOR);
        let Some(pods) = Self::pods(scene) else {
            // The Deployment that could tell is gone; the candidate's Service still says what selects its pods.
            let candidate = scene.candidate.as_ref().map(|service| labels_at(&service.data, SELECTOR));
            let is_candidate = candidate.is_some_and(|pods| selects(&selector, &pods));
            return if is_candidate { Selected::Candidate(self.names.track) } else { Selected::Stable };
        };
        selected(&selector, &pods)
    }
}

/// What selects the pods that a Service would reach if it were switched; `None` while it is, or where it cannot be.
pub(super) fn switched_words(
    service: &DynamicObject,
    deployment: &DynamicObject,
    track: CandidateName,
) -> Option<String> {
    let pods = labels_at(&deployment.data, "/spec/template/metadata/labels");
    let is_switched = selected(&labels_at(&service.data, SELECTOR), &pods) != Selected::Stable;
    let sides = Sides::of(service, deployment, track).ok().filter(|_| !is_switched)?;
    Some(label_words(&sides.switched))
}

/// Those that are not the candidate's, by name; what has ended gets no traffic.
pub(super) fn strangers(pods: &[Pod], track: CandidateName) -> Vec<String> {
    let is_candidates = |pod: &&Pod| {
        pod.metadata.labels.as_ref().and_then(|labels| labels.get(TRACK)).map(String::as_str) == Some(track.as_str())
    };
    let has_ended = |pod: &&Pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        matches!(phase, Some("Succeeded" | "Failed"))
    };
    let others = pods.iter().filter(|pod| !is_candidates(pod) && !has_ended(pod));
    let mut names: Vec<String> = others.filter_map(|pod| pod.metadata.name.clone()).collect();
    names.sort();
    names
}

impl Provider for Selector {
    fn main(&self) -> (ApiResource, String) {
        (services(), self.names.stable.clone())
    }

    fn rules(&self, scene: &Scene) -> Value {
        json!(self.unswitched(scene))
    }

    fn read(&self, scene: &Scene) -> Reading {
        let (service, workload) = (&self.names.stable, &self.names.workload);
        let weight = match self.selected(scene) {
            // Looked at before the candidate is there; later at the switch itself.
            Selected::Stable if scene.candidate.is_none() => match self.unfit_to_switch(scene) {
                Some(why) => return Reading::unfit(why),
                None => Weight::NONE,
            },
            Selected::Stable => Weight::NONE,
            Selected::Candidate(track) if track == self.names.track => Weight::ALL,
            Selected::Candidate(track) => {
                return Reading::unfit(format!(
                    "Service {service} sends to another candidate of {workload} ({}); switch its selector back",
                    track.as_str()
                ));
            }
            Selected::Neither => {
                return Reading::unfit(format!(
                    "Service {service} selects pods with {}, which neither the pods of {workload} have nor those of \
                     its candidate; give it the selector of {workload}'s pods",
                    label_words(&labels_at(&scene.main.data, SELECTOR))
                ));
            }
        };
        let (is_accepted, complaint) = match &scene.served {
            None => (false, None),
            Some(served) if served.addressed.is_empty() => (false, Some("it has no ready address".to_owned())),
            // The controller of endpoints follows within moments.
            Some(served) => (served.addressed.is_subset(&served.selected), None),
        };
        Reading { weight, aside: Aside::NOTHING, is_accepted, complaint, unfit: None }
    }

    fn write(&self, scene: &Scene, saved: &Value, wanted: &Share) -> Result<Plan, String> {
        if !wanted.aside.is_nothing() {
            return Err(format!("Service {} does not look at requests: {}", self.names.stable, wanted.aside.words()));
        }
        let weight = wanted.weight;
        let now = json!(self.unswitched(scene));
        let wanted = match weight {
            // What was saved is the same, unless somebody changed it meanwhile or nothing can tell.
            Weight::NONE if scene.deployment.is_none() && saved.is_object() => saved.clone(),
            Weight::NONE => now,
            Weight::ALL => {
                if let Some(why) = self.unfit_to_switch(scene).filter(|_| self.selected(scene) == Selected::Stable) {
                    return Err(why);
                }
                let why = || format!("Service {} does not select the candidate's pods", self.names.candidate);
                let candidate = scene.candidate.as_ref().map(|service| labels_at(&service.data, SELECTOR));
                let candidate = candidate.ok_or_else(why)?;
                let deployment = scene.deployment.as_ref().ok_or_else(why)?;
                let sides = Sides::of(&scene.main, deployment, self.names.track)?;
                let is_behind = candidate.get(TRACK).map(String::as_str) == Some(self.names.track.as_str())
                    && selects(&sides.switched, &candidate);
                json!(is_behind.then_some(sides.switched).ok_or_else(why)?)
            }
            _ => {
                return Err(format!(
                    "the selector of Service {} is switched as a whole; {weight} cannot be had",
                    self.names.stable
                ));
            }
        };
        Ok(Plan { main: Some((SELECTOR, wanted)), second: Second::AsItIs })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeSet;

    use super::{
        super::{
            Served,
            sample::{names, scene, share},
        },
        *,
    };

    fn provider() -> Selector {
        Selector::new(names())
    }

    fn service(selector: Value) -> Value {
        json!({"metadata": {"name": "cart", "namespace": "shop"},
               "spec": {"selector": selector, "ports": [{"port": 80}]}})
    }

    fn after(selector: Value, percent: u8) -> Result<Value, String> {
        let plan = provider().write(&scene(service(selector)), &json!({"app": "cart"}), &share(percent))?;
        let (pointer, value) = plan.main.unwrap();
        assert_eq!(pointer, "/spec/selector");
        Ok(value)
    }

    #[test]
    fn a_selector_is_switched_and_back() {
        let switched = json!({"app": "cart-canary"});
        assert_eq!(after(json!({"app": "cart"}), 100).unwrap(), switched);
        assert_eq!(after(switched.clone(), 100).unwrap(), switched);
        assert_eq!(after(switched.clone(), 0).unwrap(), json!({"app": "cart"}));
        assert!(after(json!({"app": "cart"}), 50).unwrap_err().contains("as a whole"));
        let seen = scene(service(switched));
        assert_eq!(provider().rules(&seen), json!({"app": "cart"}));
        assert_eq!(provider().read(&seen).weight, Weight::ALL);
        assert_eq!(provider().read(&scene(service(json!({"app": "cart"})))).weight, Weight::NONE);
    }

    #[test]
    fn what_others_changed_in_a_switched_selector_stays() {
        let with_tier = |mut scene: Scene| {
            let deployment = scene.deployment.as_mut().unwrap();
            deployment.data["spec"]["template"]["metadata"]["labels"]["tier"] = json!("web");
            scene
        };
        let changed = with_tier(scene(service(json!({"app": "cart-canary", "tier": "web"}))));
        assert_eq!(provider().read(&changed).weight, Weight::ALL);
        let plan = provider().write(&changed, &json!({"app": "cart"}), &share(0)).unwrap();
        assert_eq!(plan.main.unwrap().1, json!({"app": "cart", "tier": "web"}));
        let mut orphaned = scene(service(json!({"app": "cart-canary"})));
        orphaned.deployment = None;
        assert_eq!(provider().read(&orphaned).weight, Weight::ALL);
        let plan = provider().write(&orphaned, &json!({"app": "cart"}), &share(0)).unwrap();
        assert_eq!(plan.main.unwrap().1, json!({"app": "cart"}));
    }

    #[test]
    fn a_selector_of_neither_side_is_told_and_never_taken_for_the_candidates() {
        for selector in [json!({"app": "cart", "slipway.dev/track": "canary"}), json!({"app": "pay"})] {
            let seen = provider().read(&scene(service(selector.clone())));
            assert_eq!(seen.weight, Weight::NONE, "{selector}");
            assert!(seen.unfit.unwrap().contains("neither"), "{selector}");
        }
    }

    #[test]
    fn a_selector_that_another_candidate_holds_is_unfit() {
        let other = json!({"app": "cart-preview"});
        assert!(provider().read(&scene(service(other))).unfit.unwrap().contains("another candidate"));
    }

    #[test]
    fn a_switch_that_would_lose_requests_or_reach_pods_of_others_is_refused_before() {
        let of = |kind: &str, policy: &str, selector: Value, strangers: &[&str], has_candidate: bool| {
            let mut object = service(selector);
            object["spec"]["type"] = json!(kind);
            object["spec"]["externalTrafficPolicy"] = json!(policy);
            let mut there = scene(object);
            there.strangers = strangers.iter().map(|name| (*name).to_owned()).collect();
            there.candidate = there.candidate.filter(|_| has_candidate);
            there
        };
        let (stable, switched) = (json!({"app": "cart"}), json!({"app": "cart-canary"}));
        let saved = json!({"app": "cart"});
        for (kind, policy, strangers, words) in [
            ("LoadBalancer", "Local", &[][..], Some("externalTrafficPolicy")),
            ("LoadBalancer", "Cluster", &[], None),
            ("ClusterIP", "Local", &[], None),
            ("ClusterIP", "Cluster", &["old-7f", "old-9c"], Some("old-7f and 1 more")),
        ] {
            let before = of(kind, policy, stable.clone(), strangers, false);
            let why = provider().read(&before).unfit;
            assert_eq!(why.is_some(), words.is_some(), "{kind} {policy} {why:?}");
            assert!(why.is_none_or(|why| words.is_some_and(|words| why.contains(words))));
            // What comes up later does not end the promotion, and is not switched to either.
            let later = of(kind, policy, stable.clone(), strangers, true);
            assert_eq!(provider().read(&later).unfit, None);
            let switch = provider().write(&later, &saved, &share(100));
            assert_eq!(switch.is_err(), words.is_some(), "{kind} {policy} {switch:?}");
            assert!(provider().write(&later, &saved, &share(0)).is_ok());
            // The way back is always open.
            let after = of(kind, policy, switched.clone(), strangers, true);
            assert_eq!((provider().read(&after).unfit, provider().read(&after).weight), (None, Weight::ALL));
            assert!(provider().write(&after, &saved, &share(0)).is_ok());
        }
    }

    #[test]
    fn pods_of_others_are_those_without_the_label_of_the_candidate() {
        let pod = |name: &str, labels: Value| -> Pod {
            serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}})).unwrap()
        };
        let pods = [
            pod("z", json!({"app": "cart-canary"})),
            pod("ours", json!({"app": "cart-canary", "slipway.dev/track": "canary"})),
            pod("a", json!({"app": "cart-canary", "slipway.dev/track": "preview"})),
        ];
        assert_eq!(strangers(&pods, CandidateName::Canary), ["a", "z"]);
        let mut ended = pods;
        ended[2].status = Some(serde_json::from_value(json!({"phase": "Succeeded"})).unwrap());
        assert_eq!(strangers(&ended, CandidateName::Canary), ["z"]);
        let there = scene(service(json!({"app": "cart"})));
        let deployment = there.deployment.as_ref().unwrap();
        let words = |service: &DynamicObject| switched_words(service, deployment, CandidateName::Canary);
        assert_eq!(words(&there.main).as_deref(), Some("app=cart-canary"));
        assert_eq!(words(&scene(service(json!({"app": "cart-canary"}))).main), None);
    }

    #[test]
    fn it_is_done_when_only_selected_pods_are_addressed() {
        let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();
        for (addressed, selected, is_accepted, complaint) in [
            (set(&["a", "b"]), set(&["a", "b", "starting"]), true, None),
            (set(&["a", "old"]), set(&["a"]), false, None),
            (set(&[]), set(&["a"]), false, Some("it has no ready address")),
        ] {
            let mut there = scene(service(json!({"app": "cart"})));
            there.served = Some(Served { addressed, selected });
            let seen = provider().read(&there);
            assert_eq!((seen.is_accepted, seen.complaint.as_deref()), (is_accepted, complaint));
        }
    }
}
