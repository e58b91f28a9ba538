//! ingress-nginx: a second Ingress with its canary annotations beside the one that serves.
//!
//! The second is merged by host, path and path type, so it has exactly the main one's paths to the
//! stable Service. At weight 0 it is deleted. The main Ingress gets our mark and nothing else.

use std::collections::BTreeMap;

use domain::{
    aside::{Aside, MatchBy, TesterMatch},
    observation::ReplacementSettings,
    traffic::Weight,
};
use kube::{api::DynamicObject, core::ApiResource};
use ports::RouteChange;
use serde_json::{Map, Value, json};

use super::{Names, Plan, Provider, Reading, Scene, Second, Share};
use crate::{
    objects::{ingresses, is_made_by_us, metadata},
    records::WorkloadRecord,
};

const CANARY: &str = "nginx.ingress.kubernetes.io/canary";
const HEADER: &str = "nginx.ingress.kubernetes.io/canary-by-header";
const HEADER_VALUE: &str = "nginx.ingress.kubernetes.io/canary-by-header-value";
const COOKIE: &str = "nginx.ingress.kubernetes.io/canary-by-cookie";
const WEIGHT: &str = "nginx.ingress.kubernetes.io/canary-weight";

/// Whether sessions stick to a pod, and whether a canary breaks them up.
const AFFINITY: &str = "nginx.ingress.kubernetes.io/affinity";
const AFFINITY_OF_CANARY: &str = "nginx.ingress.kubernetes.io/affinity-canary-behavior";

/// The old way of naming the controller, which the second Ingress must name too.
const CLASS: &str = "kubernetes.io/ingress.class";

pub(super) struct IngressNginx {
    names: Names,
    ingress: String,
}

impl IngressNginx {
    pub(super) fn new(names: Names, ingress: &str) -> Self {
        Self { names, ingress: ingress.to_owned() }
    }

    /// Called as the candidate: several targets may stand behind one Ingress.
    fn second_name(&self) -> String {
        self.names.candidate.clone()
    }

    /// What the second Ingress should say, by the main one.
    fn second_spec(&self, main: &DynamicObject) -> Value {
        let mut spec = Map::new();
        for field in ["ingressClassName", "tls"] {
            if let Some(value) = main.data.pointer(&format!("/spec/{field}")) {
                spec.insert(field.to_owned(), value.clone());
            }
        }
        spec.insert("rules".to_owned(), Value::Array(self.rules_to_candidate(main)));
        Value::Object(spec)
    }

    fn rules_to_candidate(&self, main: &DynamicObject) -> Vec<Value> {
        let rules = main.data.pointer("/spec/rules").and_then(Value::as_array);
        let to_candidate = |rule: &Value| {
            let paths = rule.pointer("/http/paths").and_then(Value::as_array);
            let ours: Vec<Value> =
                paths.into_iter().flatten().filter_map(|path| self.path_to_candidate(path)).collect();
            if ours.is_empty() {
                return None;
            }
            let mut rule = rule.clone();
            rule["http"]["paths"] = Value::Array(ours);
            Some(rule)
        };
        rules.into_iter().flatten().filter_map(to_candidate).collect()
    }

    fn path_to_candidate(&self, path: &Value) -> Option<Value> {
        let service = path.pointer("/backend/service/name").and_then(Value::as_str);
        if service != Some(self.names.stable.as_str()) {
            return None;
        }
        let mut path = path.clone();
        path["backend"]["service"]["name"] = json!(self.names.candidate);
        Some(path)
    }

    fn annotations(main: &DynamicObject, wanted: &Share) -> BTreeMap<String, String> {
        let mut annotations = BTreeMap::from([
            (CANARY.to_owned(), "true".to_owned()),
            (WEIGHT.to_owned(), wanted.weight.as_percent().to_string()),
        ]);
        if let Some(testers) = &wanted.aside.testers {
            match testers.by() {
                MatchBy::Header => {
                    annotations.insert(HEADER.to_owned(), testers.name().to_owned());
                    annotations.insert(HEADER_VALUE.to_owned(), testers.value().to_owned());
                }
                // ingress-nginx looks for the value 'always' alone.
                MatchBy::Cookie => {
                    annotations.insert(COOKIE.to_owned(), testers.name().to_owned());
                }
            }
        }
        if let Some(class) = annotation(main, CLASS) {
            annotations.insert(CLASS.to_owned(), class.to_owned());
        }
        annotations
    }

    /// For whom the second Ingress is, besides its share.
    fn testers(second: &DynamicObject) -> Option<TesterMatch> {
        let by_header = || {
            let (name, value) = (annotation(second, HEADER)?, annotation(second, HEADER_VALUE)?);
            TesterMatch::new(MatchBy::Header, name, value).ok()
        };
        let by_cookie = || TesterMatch::new(MatchBy::Cookie, annotation(second, COOKIE)?, "always").ok();
        by_header().or_else(by_cookie)
    }

    fn unfit(&self, scene: &Scene) -> Option<String> {
        let (ingress, service, second) = (&self.ingress, &self.names.stable, self.second_name());
        if annotation(&scene.main, CANARY) == Some("true") {
            return Some(format!(
                "Ingress {ingress} is a canary itself ({CANARY}); choose the Ingress that it stands beside"
            ));
        }
        if self.rules_to_candidate(&scene.main).is_empty() {
            return Some(format!(
                "Ingress {ingress} has no path that sends to Service {service} (a default backend cannot be shared \
                 out); add a path, or choose another Ingress for the target"
            ));
        }
        if scene.second.as_ref().is_some_and(|second| !is_made_by_us(second)) {
            return Some(format!("Ingress {second} is there already and was not made by Slipway; rename or delete it"));
        }
        let is_sticky = annotation(&scene.main, AFFINITY) == Some("cookie");
        if is_sticky && annotation(&scene.main, AFFINITY_OF_CANARY) != Some("legacy") {
            return Some(format!(
                "Ingress {ingress} keeps sessions where they are by a cookie ({AFFINITY}), whatever the share; set \
                 {AFFINITY_OF_CANARY} to legacy, or choose another Ingress for the target"
            ));
        }
        if let Some(how) = scene.deployment.as_ref().filter(|_| scene.candidate.is_none()).and_then(may_be_emptied) {
            return Some(format!(
                "Deployment {} may lose all its pods while they are replaced ({how}), and ingress-nginx answers 503 for a \
                 host whose own Service has none, whatever goes to the canary; set maxUnavailable below the number of \
                 pods, or choose another traffic layer",
                self.names.workload
            ));
        }
        let rival = scene.rivals.iter().find_map(|rival| self.rivalry(&scene.main, rival))?;
        Some(format!(
            "Ingress {} is a canary for {} already, and ingress-nginx takes one for a host and path; remove it, or \
             choose another Ingress for the target",
            rival.0, rival.1
        ))
    }

    /// The name of another canary, with a host and path that both would stand beside.
    fn rivalry(&self, main: &DynamicObject, rival: &DynamicObject) -> Option<(String, String)> {
        let name = rival.metadata.name.clone().filter(|name| *name != self.second_name())?;
        if annotation(rival, CANARY) != Some("true") {
            return None;
        }
        let theirs = places(rival.data.pointer("/spec/rules").and_then(Value::as_array).map_or(&[][..], Vec::as_slice));
        let place = places(&self.rules_to_candidate(main)).into_iter().find(|place| theirs.contains(place))?;
        Some((name, place))
    }
}

/// By which setting of its own a Deployment may be without a ready pod while its pods are replaced.
fn may_be_emptied(deployment: &DynamicObject) -> Option<String> {
    let record = WorkloadRecord::new(deployment.clone()).ok()?;
    let seen = record.without_pods();
    let wanted = Some(seen.wanted_replicas).filter(|wanted| *wanted > 0)?;
    match seen.replacement {
        ReplacementSettings::Recreate => Some("strategy Recreate".to_owned()),
        ReplacementSettings::RollingUpdate { max_unavailable, .. } => {
            (max_unavailable >= wanted).then(|| format!("maxUnavailable {max_unavailable}"))
        }
    }
}

/// The hosts with the paths of rules: `cart.test/cart`.
fn places(rules: &[Value]) -> Vec<String> {
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let of_rule = |rule: &Value| -> Vec<String> {
        let paths = rule.pointer("/http/paths").and_then(Value::as_array);
        paths.into_iter().flatten().map(|path| format!("{}{}", text(rule, "host"), text(path, "path"))).collect()
    };
    rules.iter().flat_map(of_rule).collect()
}

fn annotation<'a>(object: &'a DynamicObject, key: &str) -> Option<&'a str> {
    object.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// Whether an annotation says for whom a canary is besides its share.
pub(super) fn says_whom(key: &str) -> bool {
    [HEADER, HEADER_VALUE, COOKIE].contains(&key)
}

/// The second Ingress as it is made.
pub(super) fn second_object(
    name: &str,
    spec: Value,
    annotations: BTreeMap<String, String>,
    change: &RouteChange,
) -> Value {
    let kind = ingresses();
    let mut metadata = metadata(name, change.route.stable.name.as_str(), change.stamp, &change.change_cause);
    for (key, value) in annotations {
        metadata["annotations"][key] = Value::String(value);
    }
    json!({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": spec})
}

impl Provider for IngressNginx {
    fn main(&self) -> (ApiResource, String) {
        (ingresses(), self.ingress.clone())
    }

    fn second(&self) -> Option<(ApiResource, String)> {
        Some((ingresses(), self.second_name()))
    }

    /// The main Ingress is not changed: there is nothing to put back.
    fn rules(&self, _: &Scene) -> Value {
        json!({})
    }

    fn read(&self, scene: &Scene) -> Reading {
        if let Some(why) = self.unfit(scene) {
            return Reading::unfit(why);
        }
        let Some(second) = &scene.second else {
            return Reading { is_accepted: true, ..Reading::default() };
        };
        let is_on = annotation(second, CANARY) == Some("true");
        let percent = annotation(second, WEIGHT).and_then(|weight| weight.parse::<u8>().ok()).filter(|_| is_on);
        // ingress-nginx leaves a canary out, without a word, whose paths it cannot merge.
        let is_merged = second.data.get("spec") == Some(&self.second_spec(&scene.main));
        let complaint =
            (!is_merged).then(|| format!("the paths of Ingress {} differ from its own", self.second_name()));
        let aside = Aside { testers: Self::testers(second).filter(|_| is_on), mirror: Weight::NONE };
        Reading { weight: Weight::at_most(percent.unwrap_or(0)), aside, is_accepted: is_merged, complaint, unfit: None }
    }

    fn write(&self, scene: &Scene, _: &Value, wanted: &Share) -> Result<Plan, String> {
        if wanted.aside.mirror > Weight::NONE {
            return Err("ingress-nginx copies no share of the requests".to_owned());
        }
        let second = if wanted.is_nothing() {
            Second::Absent
        } else {
            let annotations = Self::annotations(&scene.main, wanted);
            Second::Present { spec: self.second_spec(&scene.main), annotations }
        };
        Ok(Plan { main: None, second })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::{
        super::sample::{beside, names, scene, share, weight},
        *,
    };

    fn provider() -> IngressNginx {
        IngressNginx::new(names(), "shop")
    }

    fn path(path: &str, service: &str) -> Value {
        json!({"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"name": "http"}}}})
    }

    fn main() -> Value {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "shop", "namespace": "shop",
                         "annotations": {CLASS: "nginx", "nginx.ingress.kubernetes.io/rewrite-target": "/$1"}},
            "spec": {
                "ingressClassName": "nginx",
                "tls": [{"hosts": ["a.test"], "secretName": "a"}],
                "defaultBackend": {"service": {"name": "cart", "port": {"number": 80}}},
                "rules": [
                    {"host": "a.test", "http": {"paths": [path("/cart", "cart"), path("/pay", "pay")]}},
                    {"host": "b.test", "http": {"paths": [path("/", "pay")]}},
                    {"http": {"paths": [path("/c", "cart")]}}],
            },
        })
    }

    fn second(weight: &str) -> DynamicObject {
        let object = json!({
            "metadata": {"name": "cart-canary", "labels": {"slipway.dev/candidate-of": "cart"},
                         "annotations": {CANARY: "true", WEIGHT: weight}},
            "spec": provider().second_spec(&scene(main()).main),
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn the_second_ingress_has_exactly_the_paths_of_the_service() {
        let plan = provider().write(&scene(main()), &json!({}), &share(15)).unwrap();
        let Second::Present { spec, annotations } = plan.second else { panic!("{plan:?}") };
        assert_eq!(
            spec,
            json!({
                "ingressClassName": "nginx",
                "tls": [{"hosts": ["a.test"], "secretName": "a"}],
                "rules": [{"host": "a.test", "http": {"paths": [path("/cart", "cart-canary")]}},
                          {"http": {"paths": [path("/c", "cart-canary")]}}],
            })
        );
        assert_eq!(json!(annotations), json!({CANARY: "true", WEIGHT: "15", CLASS: "nginx"}));
        assert_eq!(plan.main, None);
        let nothing = provider().write(&scene(main()), &json!({}), &share(0)).unwrap();
        assert_eq!(nothing, Plan { main: None, second: Second::Absent });
        assert_eq!(provider().second().unwrap().1, "cart-canary");
    }

    #[test]
    fn the_share_is_read_from_the_second_ingress() {
        let mut there = scene(main());
        assert_eq!(provider().read(&there), Reading { is_accepted: true, ..Reading::default() });
        there.second = Some(second("15"));
        let seen = provider().read(&there);
        assert_eq!((seen.weight, seen.is_accepted, seen.complaint), (weight(15), true, None));
        there.second.as_mut().unwrap().data["spec"]["rules"][0]["http"]["paths"] = json!([path("/x", "cart-canary")]);
        let seen = provider().read(&there);
        assert!(!seen.is_accepted && seen.complaint.unwrap().contains("differ"));
        there.second.as_mut().unwrap().metadata.annotations.as_mut().unwrap().remove(CANARY);
        assert_eq!(provider().read(&there).weight, Weight::NONE);
    }

    #[test]
    fn an_ingress_that_cannot_be_shared_out_is_unfit() {
        let mut canary = main();
        canary["metadata"]["annotations"][CANARY] = json!("true");
        let mut no_path = main();
        no_path["spec"]["rules"] = json!([{"host": "b.test", "http": {"paths": [path("/", "pay")]}}, {"host": "c"}]);
        for (object, words) in [(canary, "is a canary itself"), (no_path, "no path that sends to Service cart")] {
            let why = provider().read(&scene(object)).unfit.unwrap();
            assert!(why.contains(words), "{why}");
        }
        let mut there = scene(main());
        there.second = Some(second("5"));
        there.second.as_mut().unwrap().metadata.labels = None;
        assert!(provider().read(&there).unfit.unwrap().contains("Ingress cart-canary is there already"));
    }

    #[test]
    fn a_deployment_that_may_lose_all_its_pods_is_told_before_the_candidate_is_there() {
        let rolling =
            |unavailable: Value| json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": unavailable}});
        let table = [
            (json!({"type": "Recreate"}), 3, Some("strategy Recreate")),
            (json!({"type": "Recreate"}), 0, None),
            (rolling(json!(1)), 1, Some("maxUnavailable 1")),
            (rolling(json!("100%")), 4, Some("maxUnavailable 4")),
            (rolling(json!(1)), 2, None),
            (rolling(json!("50%")), 1, None),
            (Value::Null, 1, None),
        ];
        for (strategy, replicas, words) in table {
            let mut there = scene(main());
            let deployment = there.deployment.as_mut().unwrap();
            let identity = (Some("u".to_owned()), Some("1".to_owned()), Some("shop".to_owned()));
            (deployment.metadata.uid, deployment.metadata.resource_version, deployment.metadata.namespace) = identity;
            deployment.data["spec"]["replicas"] = json!(replicas);
            if !strategy.is_null() {
                deployment.data["spec"]["strategy"] = strategy.clone();
            }
            assert_eq!(provider().read(&there).unfit, None, "what is under way goes on");
            there.candidate = None;
            let why = provider().read(&there).unfit;
            assert_eq!(why.is_some(), words.is_some(), "{strategy} {replicas} {why:?}");
            assert!(why.is_none_or(|why| words.is_some_and(|words| why.contains(words))));
        }
    }

    #[test]
    fn another_canary_for_the_same_host_and_path_is_told_with_its_name() {
        let rival = |name: &str, host: &str, at: &str, canary: &str| -> DynamicObject {
            let object = json!({"metadata": {"name": name, "annotations": {CANARY: canary}},
                                "spec": {"rules": [{"host": host, "http": {"paths": [path(at, "beta")]}}]}});
            serde_json::from_value(object).unwrap()
        };
        let mut there = scene(main());
        there.rivals = vec![
            rival("other-path", "a.test", "/pay", "true"),
            rival("other-host", "c.test", "/cart", "true"),
            rival("no-canary", "a.test", "/cart", "false"),
            rival("cart-canary", "a.test", "/cart", "true"),
        ];
        assert_eq!(provider().read(&there).unfit, None);
        there.rivals.push(rival("beta", "a.test", "/cart", "true"));
        let why = provider().read(&there).unfit.unwrap();
        assert!(why.contains("Ingress beta is a canary for a.test/cart already"), "{why}");
    }

    #[test]
    fn sessions_that_stick_are_told_unless_a_canary_breaks_them_up() {
        let mut there = scene(main());
        there.main.metadata.annotations.as_mut().unwrap().insert(AFFINITY.to_owned(), "cookie".to_owned());
        let why = provider().read(&there).unfit.unwrap();
        assert!(why.contains("to legacy"), "{why}");
        there.main.metadata.annotations.as_mut().unwrap().insert(AFFINITY_OF_CANARY.to_owned(), "legacy".to_owned());
        assert_eq!(provider().read(&there).unfit, None);
    }

    #[test]
    fn testers_are_said_by_annotations_also_without_a_share() {
        for (by, expected) in [
            (MatchBy::Header, vec![(HEADER, "canary"), (HEADER_VALUE, "always")]),
            (MatchBy::Cookie, vec![(COOKIE, "canary")]),
        ] {
            let wanted = beside(0, by, 0);
            let plan = provider().write(&scene(main()), &json!({}), &wanted).unwrap();
            let Second::Present { spec, annotations } = plan.second else { panic!("there is none") };
            let said = |key: &str| annotations.get(key).map(String::as_str);
            assert_eq!((said(CANARY), said(WEIGHT)), (Some("true"), Some("0")));
            for (key, value) in expected {
                assert_eq!(said(key), Some(value));
            }
            let mut there = scene(main());
            let mut object = second("0");
            object.data["spec"] = spec;
            object.metadata.annotations = Some(annotations);
            there.second = Some(object);
            let seen = provider().read(&there);
            assert_eq!((seen.weight, &seen.aside, seen.is_accepted), (weight(0), &wanted.aside, true));
        }
        assert!(provider().write(&scene(main()), &json!({}), &beside(0, MatchBy::Header, 5)).is_err());
    }
}
