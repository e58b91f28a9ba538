//! The Deployment and the Service of a candidate, made from the stable ones as they are. Pure.

use domain::traffic::CandidateName;
use kube::api::DynamicObject;
use ports::CandidateChange;
use serde_json::{Map, Value, json};

use crate::{
    objects::{deployments, metadata, services},
    sides::{Labels, Sides, TRACK, labels_at},
};

/// What of a Service's port is its own and not given by the cluster.
const PORT_FIELDS: [&str; 5] = ["name", "protocol", "port", "targetPort", "appProtocol"];

/// What a candidate's Service has of the stable one's spec. The rest is about reaching it from
/// outside, which a candidate's is not, or about pods that are not ready, which a candidate's do not serve.
const SERVICE_FIELDS: [&str; 6] = [
    "sessionAffinity",
    "sessionAffinityConfig",
    "internalTrafficPolicy",
    "ipFamilies",
    "ipFamilyPolicy",
    "trafficDistribution",
];

/// Who takes care of an object.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Labels by which tools know their objects.
const TOOL_LABELS: [&str; 4] = ["argocd.argoproj.io/", "toolkit.fluxcd.io/", "helm.sh/", "slipway.dev/"];

/// What a candidate's Deployment has of the stable one's spec, besides selector and template.
const DEPLOYMENT_FIELDS: [&str; 3] = ["strategy", "minReadySeconds", "progressDeadlineSeconds"];

/// The Deployment of a candidate.
pub(crate) fn deployment(stable: &DynamicObject, sides: Option<&Sides>, change: &CandidateChange) -> Value {
    let pods = pod_labels(stable, sides, change.route.track);
    let mut spec = picked(stable.data.get("spec"), &DEPLOYMENT_FIELDS);
    spec.insert("replicas".to_owned(), json!(change.pods));
    spec.insert("revisionHistoryLimit".to_owned(), json!(1));
    spec.insert("selector".to_owned(), selector(stable, &pods));
    spec.insert("template".to_owned(), template(stable, &pods, change));
    let kind = deployments();
    let route = &change.route;
    json!({
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": metadata(route.candidate.name.as_str(), route.stable.name.as_str(), change.stamp,
                             &change.change_cause),
        "spec": spec,
    })
}

/// The Service of a candidate.
pub(crate) fn service(stable: &DynamicObject, sides: &Sides, change: &CandidateChange) -> Value {
    let mut spec = picked(stable.data.get("spec"), &SERVICE_FIELDS);
    let ports = stable.data.pointer("/spec/ports").and_then(Value::as_array);
    let ports: Vec<Value> =
        ports.into_iter().flatten().map(|port| Value::Object(picked(Some(port), &PORT_FIELDS))).collect();
    if !ports.is_empty() {
        spec.insert("ports".to_owned(), Value::Array(ports));
    }
    spec.insert("type".to_owned(), json!("ClusterIP"));
    if stable.data.pointer("/spec/clusterIP").and_then(Value::as_str) == Some("None") {
        spec.insert("clusterIP".to_owned(), json!("None"));
    }
    spec.insert("selector".to_owned(), json!(sides.candidate(change.route.track)));
    let kind = services();
    let route = &change.route;
    let mut metadata =
        metadata(route.candidate.name.as_str(), route.stable.name.as_str(), change.stamp, &change.change_cause);
    for (key, value) in found_by(stable) {
        if metadata["labels"].get(&key).is_none() {
            metadata["labels"][key] = json!(value);
        }
    }
    json!({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": spec})
}

/// The labels of a Service by which others find it, a ServiceMonitor above all; not those by which a tool takes it for
/// its own.
fn found_by(stable: &DynamicObject) -> Labels {
    let labels = stable.metadata.labels.clone().unwrap_or_default();
    // Argo CD may know its objects by this one; what Helm has made is known by annotations.
    let is_of_helm = labels.get(MANAGED_BY).is_some_and(|by| by == "Helm");
    let is_of_tool = |key: &str| {
        let is_tools = TOOL_LABELS.iter().any(|tool| key.contains(tool));
        is_tools || key == MANAGED_BY || (key == "app.kubernetes.io/instance" && !is_of_helm)
    };
    labels.into_iter().filter(|(key, _)| !is_of_tool(key)).collect()
}

fn picked(from: Option<&Value>, fields: &[&str]) -> Map<String, Value> {
    let pick = |field: &&str| Some(((*field).to_owned(), from?.get(*field)?.clone()));
    fields.iter().filter_map(pick).collect()
}

/// The labels of a candidate's pods.
pub(crate) fn pod_labels(stable: &DynamicObject, sides: Option<&Sides>, track: CandidateName) -> Labels {
    let mut labels = labels_at(&stable.data, "/spec/template/metadata/labels");
    labels.remove("pod-template-hash");
    if let Some(sides) = sides {
        labels.insert(sides.key.clone(), sides.value.clone());
    }
    labels.insert(TRACK.to_owned(), track.as_str().to_owned());
    labels
}

/// The stable Deployment's selector, adjusted to the candidate's pods.
fn selector(stable: &DynamicObject, pods: &Labels) -> Value {
    let own = labels_at(&stable.data, "/spec/selector/matchLabels");
    let mut labels: Labels = own.into_keys().filter_map(|key| pods.get_key_value(&key)).map(owned).collect();
    labels.extend(pods.get_key_value(TRACK).map(owned));
    let mut selector = json!({"matchLabels": labels});
    let expressions = stable.data.pointer("/spec/selector/matchExpressions").and_then(Value::as_array);
    let kept: Vec<&Value> = expressions.into_iter().flatten().filter(|e| holds(e, pods)).collect();
    if !kept.is_empty() {
        selector["matchExpressions"] = json!(kept);
    }
    selector
}

fn owned((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

/// Whether a label selector's expression holds for `labels`.
fn holds(expression: &Value, labels: &Labels) -> bool {
    let key = expression.get("key").and_then(Value::as_str).unwrap_or_default();
    let found = labels.get(key);
    let values = expression.get("values").and_then(Value::as_array);
    let is_listed = || values.into_iter().flatten().any(|v| v.as_str() == found.map(String::as_str));
    match expression.get("operator").and_then(Value::as_str) {
        Some("In") => found.is_some() && is_listed(),
        Some("NotIn") => found.is_none() || !is_listed(),
        Some("Exists") => found.is_some(),
        Some("DoesNotExist") => found.is_none(),
        _ => false,
    }
}

/// The stable pod template with the candidate's labels and images; everything else is as it was.
fn template(stable: &DynamicObject, pods: &Labels, change: &CandidateChange) -> Value {
    let own = stable.data.pointer("/spec/template").unwrap_or(&Value::Null);
    let mut template = ports::with_images(own, &change.images);
    template["metadata"]["labels"] = json!(pods);
    let before = labels_at(&stable.data, "/spec/template/metadata/labels");
    let renamed: Vec<_> = before
        .iter()
        .filter_map(|(key, old)| Some((key.as_str(), old.as_str(), pods.get(key).filter(|new| *new != old)?.as_str())))
        .collect();
    if let Some(terms) = template.pointer_mut("/spec/affinity/podAntiAffinity") {
        spread_apart(terms, &renamed);
    }
    if let Some(terms) = template.pointer_mut("/spec/topologySpreadConstraints") {
        spread_apart(terms, &renamed);
    }
    template
}

/// Pods that keep apart from their like do so by labels, of which the candidate's has another value: each selector that
/// means the workload's own pods means the candidate's. `renamed` is key, old value, new value.
fn spread_apart(terms: &mut Value, renamed: &[(&str, &str, &str)]) {
    match terms {
        Value::Object(fields) => {
            for (name, inner) in fields {
                if name == "labelSelector" { select_own(inner, renamed) } else { spread_apart(inner, renamed) }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| spread_apart(item, renamed)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn select_own(selector: &mut Value, renamed: &[(&str, &str, &str)]) {
    for (key, old, new) in renamed {
        if let Some(value) = selector.get_mut("matchLabels").and_then(|labels| labels.get_mut(*key))
            && value == old
        {
            *value = json!(new);
        }
        let expressions = selector.get_mut("matchExpressions").and_then(Value::as_array_mut).into_iter().flatten();
        for expression in expressions.filter(|e| e["key"] == *key && e["operator"] == "In") {
            let values = expression["values"].as_array_mut().into_iter().flatten();
            values.filter(|value| *value == old).for_each(|value| *value = json!(new));
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use domain::{
        ids::{PromotionId, TargetId},
        image::ContainerImage,
        names::{ContainerName, Namespace, WorkloadName},
        observation::{Stamp, WorkloadRef},
        traffic::TrafficLayer,
    };
    use ports::Route;

    use super::*;

    fn change(layer: TrafficLayer) -> CandidateChange {
        let named =
            |name: &str| WorkloadRef::deployment(Namespace::parse("shop").unwrap(), WorkloadName::parse(name).unwrap());
        CandidateChange {
            route: Route {
                target: TargetId::new(uuid::Uuid::from_u128(8)),
                stable: named("cart"),
                candidate: named("cart-canary"),
                track: CandidateName::Canary,
                layer,
            },
            stamp: Stamp {
                target: TargetId::new(uuid::Uuid::from_u128(8)),
                promotion: PromotionId::new(uuid::Uuid::from_u128(1)),
                sequence: 5,
                generation: 2,
            },
            images: vec![ContainerImage {
                container: ContainerName::parse("app").unwrap(),
                image: "cart:2".to_owned(),
            }],
            pods: 2,
            change_cause: "cart 2 by mara".to_owned(),
        }
    }

    fn stable() -> DynamicObject {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "cart", "namespace": "shop", "uid": "u", "resourceVersion": "4",
                         "labels": {"argocd.argoproj.io/instance": "web"},
                         "annotations": {"deployment.kubernetes.io/revision": "7"}},
            "spec": {
                "replicas": 8, "paused": true, "revisionHistoryLimit": 10, "minReadySeconds": 3,
                "progressDeadlineSeconds": 90,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "10%", "maxUnavailable": 0}},
                "selector": {"matchLabels": {"app": "cart"}, "matchExpressions": [
                    {"key": "app", "operator": "In", "values": ["cart"]},
                    {"key": "tier", "operator": "In", "values": ["web", "api"]},
                    {"key": "old", "operator": "DoesNotExist"}]},
                "template": {
                    "metadata": {"creationTimestamp": null, "labels": {"app": "cart", "tier": "web"},
                                 "annotations": {"sidecar.istio.io/inject": "true"}},
                    "spec": {"containers": [{"name": "proxy", "image": "p:1"},
                                            {"name": "app", "image": "cart:1", "newField": {"x": [1]}}],
                             "terminationGracePeriodSeconds": 7}},
            },
        });
        serde_json::from_value(object).unwrap()
    }

    fn stable_service() -> DynamicObject {
        let object = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "cart", "namespace": "shop", "uid": "s", "labels": {"a": "b"}},
            "spec": {"type": "LoadBalancer", "clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"],
                     "selector": {"app": "cart"}, "externalTrafficPolicy": "Local", "healthCheckNodePort": 30900,
                     "sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 9}},
                     "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": "web",
                                "nodePort": 30123, "appProtocol": "kubernetes.io/h2c"}]},
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn a_candidate_is_the_workload_with_other_labels_and_images() {
        let (stable, service_object) = (stable(), stable_service());
        let sides = Sides::of(&service_object, &stable, CandidateName::Canary).unwrap();
        insta::assert_json_snapshot!(deployment(&stable, Some(&sides), &change(TrafficLayer::Replicas)));
    }

    #[test]
    fn a_candidates_init_containers_run_the_version_too() {
        let mut stable = stable();
        stable.data["spec"]["template"]["spec"]["initContainers"] = json!([{"name": "wait", "image": "w:1"}, {"name": "migrate", "image": "cart:1", "restartPolicy": "Always"}]);
        let mut change = change(TrafficLayer::Replicas);
        let container = ContainerName::parse("migrate").unwrap();
        change.images.push(ContainerImage { container, image: "cart:2".to_owned() });
        let made = deployment(&stable, None, &change);
        let images = ports::template_images(&made["spec"]["template"]);
        let images: Vec<_> = images.iter().map(|i| format!("{}={}", i.container, i.image)).collect();
        assert_eq!(images, ["proxy=p:1", "app=cart:2", "wait=w:1", "migrate=cart:2"]);
    }

    #[test]
    fn a_candidates_pods_keep_apart_from_each_other_as_the_workloads_do() {
        let mut stable = stable();
        let selector = |value: &str| json!({"matchLabels": {"app": value}});
        let listed =
            |values: &[&str]| json!({"matchExpressions": [{"key": "app", "operator": "In", "values": values}]});
        let spec = |own: &str| {
            json!({
                "affinity": {"podAntiAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        {"labelSelector": selector(own), "topologyKey": "kubernetes.io/hostname"}],
                    "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": {
                        "labelSelector": listed(&["pay", own]), "topologyKey": "zone"}}]}},
                "topologySpreadConstraints": [{"maxSkew": 1, "labelSelector": selector(own)},
                                              {"maxSkew": 1, "labelSelector": selector("pay")}],
            })
        };
        for (key, value) in spec("cart").as_object().unwrap() {
            stable.data["spec"]["template"]["spec"][key] = value.clone();
        }
        let sides = Sides::of(&stable_service(), &stable, CandidateName::Canary).unwrap();
        let made = deployment(&stable, Some(&sides), &change(TrafficLayer::Replicas));
        for (key, value) in spec("cart-canary").as_object().unwrap() {
            assert_eq!(made["spec"]["template"]["spec"][key], *value);
        }
        let made = deployment(&stable, None, &change(TrafficLayer::Replicas));
        assert_eq!(made["spec"]["template"]["spec"]["affinity"], spec("cart")["affinity"], "behind the same Services");
    }

    #[test]
    fn who_finds_the_service_by_its_labels_finds_the_candidates_and_tools_do_not_take_it_for_theirs() {
        let mut stable_service = stable_service();
        let sides = Sides::of(&stable_service, &stable(), CandidateName::Canary).unwrap();
        let mut labels = |labels: Value| {
            stable_service.metadata.labels = serde_json::from_value(labels).unwrap();
            service(&stable_service, &sides, &change(TrafficLayer::Replicas))["metadata"]["labels"].clone()
        };
        let own = |more: Value| {
            let mut own = json!({"slipway.dev/candidate-of": "cart", "app.kubernetes.io/managed-by": "slipway"});
            own.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            own
        };
        let of_tools = json!({
            "app": "cart", "argocd.argoproj.io/instance": "web", "kustomize.toolkit.fluxcd.io/name": "web",
            "helm.sh/chart": "cart-1.2", "app.kubernetes.io/instance": "web"});
        assert_eq!(labels(of_tools), own(json!({"app": "cart"})));
        let of_helm = json!({"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "web"});
        assert_eq!(labels(of_helm), own(json!({"app.kubernetes.io/instance": "web"})));
    }

    #[test]
    fn behind_the_same_services_all_labels_stay() {
        let made = deployment(&stable(), None, &change(TrafficLayer::Replicas));
        let labels = json!({"app": "cart", "tier": "web", "slipway.dev/track": "canary"});
        assert_eq!(made["spec"]["template"]["metadata"]["labels"], labels);
        assert_eq!(made["spec"]["selector"]["matchLabels"], json!({"app": "cart", "slipway.dev/track": "canary"}));
        assert_eq!(made["spec"]["selector"]["matchExpressions"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn a_candidates_service_is_reached_from_inside_only() {
        let stable_service = stable_service();
        let sides = Sides::of(&stable_service, &stable(), CandidateName::Canary).unwrap();
        let made = service(&stable_service, &sides, &change(TrafficLayer::Replicas));
        assert_eq!(
            made["spec"],
            json!({
                "type": "ClusterIP", "sessionAffinity": "ClientIP",
                "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 9}},
                "selector": {"app": "cart-canary", "slipway.dev/track": "canary"},
                "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": "web",
                           "appProtocol": "kubernetes.io/h2c"}],
            })
        );
        assert_eq!(made["metadata"]["ownerReferences"], Value::Null);
        let mut headless = stable_service.clone();
        headless.data["spec"]["clusterIP"] = json!("None");
        assert_eq!(service(&headless, &sides, &change(TrafficLayer::Replicas))["spec"]["clusterIP"], "None");
    }
}
