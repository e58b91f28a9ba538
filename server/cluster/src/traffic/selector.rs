//! The selector of a Service, switched as a whole to the candidate's pods and back.
//!
//! What it says is done when its addresses are those of the pods that it selects, and of no others.

use domain::{aside::Aside, traffic::Weight};
use kube::core::ApiResource;
use serde_json::{Value, json};

use super::{Names, Plan, Provider, Reading, Scene, Second, Share};
use crate::{
    objects::services,
    sides::{Labels, labels_at, switched_to, unswitched},
};

const SELECTOR: &str = "/spec/selector";

pub(super) struct Selector {
    names: Names,
}

impl Selector {
    pub(super) const fn new(names: Names) -> Self {
        Self { names }
    }

    fn unswitched(scene: &Scene) -> Labels {
        let pods = scene.deployment.as_ref().map(|d| labels_at(&d.data, "/spec/template/metadata/labels"));
        unswitched(&labels_at(&scene.main.data, SELECTOR), &pods.unwrap_or_default())
    }
}

impl Provider for Selector {
    fn main(&self) -> (ApiResource, String) {
        (services(), self.names.stable.clone())
    }

    fn rules(&self, scene: &Scene) -> Value {
        json!(Self::unswitched(scene))
    }

    fn read(&self, scene: &Scene) -> Reading {
        let selector = labels_at(&scene.main.data, SELECTOR);
        let weight = match switched_to(&selector) {
            None => Weight::NONE,
            Some(track) if track == self.names.track => Weight::ALL,
            Some(track) => {
                return Reading::unfit(format!(
                    "Service {} sends to another candidate of {} (slipway.dev/track={track}); switch its selector back",
                    self.names.stable, self.names.workload
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
        let now = json!(Self::unswitched(scene));
        let wanted = match weight {
            // What was saved is the same, unless somebody changed it meanwhile or nothing can tell.
            Weight::NONE if scene.deployment.is_none() && saved.is_object() => saved.clone(),
            Weight::NONE => now,
            Weight::ALL => {
                let candidate = scene.candidate.as_ref().map(|service| labels_at(&service.data, SELECTOR));
                let candidate = candidate.filter(|c| switched_to(c) == Some(self.names.track));
                let why = || format!("Service {} does not select the candidate's pods", self.names.candidate);
                json!(candidate.ok_or_else(why)?)
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
        let switched = json!({"app": "cart-canary", "slipway.dev/track": "canary"});
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
        let changed = json!({"app": "cart-canary", "slipway.dev/track": "canary", "tier": "web"});
        assert_eq!(after(changed, 0).unwrap(), json!({"app": "cart", "tier": "web"}));
        let elsewhere = json!({"app": "pay", "slipway.dev/track": "canary"});
        assert_eq!(after(elsewhere, 0).unwrap(), json!({"app": "pay"}));
    }

    #[test]
    fn a_selector_that_another_candidate_holds_is_unfit() {
        let other = json!({"app": "cart-preview", "slipway.dev/track": "preview"});
        assert!(provider().read(&scene(service(other))).unfit.unwrap().contains("another candidate"));
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
