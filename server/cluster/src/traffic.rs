//! Moving traffic between the stable pods and a candidate's: one [`Provider`] per layer says what the
//! objects say and should say, without input or output; here they are read, judged and written.
//!
//! A write names the resource version that was read, and touches nothing but the shares and our mark.
//! What cannot move the traffic is never written; why, and what to do, stands in the observation.

mod beside;
mod gateway_api;
mod ingress_nginx;
mod istio;
mod kept;
mod selector;
mod weighted;
mod writing;

#[cfg(test)]
mod sample;

use std::collections::BTreeSet;

use domain::{
    aside::Aside,
    traffic::{CandidateName, RouteObservation, RouteObserved, TrafficLayer, Weight},
};
use k8s_openapi::api::{core::v1::Pod, discovery::v1::EndpointSlice};
use kube::{api::DynamicObject, core::ApiResource};
use ports::{ApplyOutcome, ClusterError, Judgement, Route, RouteChange};
use serde_json::Value;

use self::writing::Wrote;
use crate::{
    candidate_objects::pod_labels,
    connect::KubeCluster,
    error::sort,
    marks,
    objects::{deployments, is_made_by_us, patiently, services},
    observe::list,
    sides::{Labels, Sides, label_words, labels_at, selects},
};

/// Which Services of a namespace get the traffic.
#[derive(Clone, Debug)]
struct Names {
    namespace: String,
    /// The Deployment that serves.
    workload: String,
    /// The Service of the stable pods.
    stable: String,
    /// The Service of the candidate's pods.
    candidate: String,
    /// What the candidate's pods are called.
    track: CandidateName,
}

/// The objects of a route as they were read.
struct Scene {
    /// What says the shares.
    main: DynamicObject,
    /// What says them beside it, where a layer needs two.
    second: Option<DynamicObject>,
    /// The stable Service.
    service: Option<DynamicObject>,
    /// The stable Deployment.
    deployment: Option<DynamicObject>,
    /// The candidate's Service.
    candidate: Option<DynamicObject>,
    /// The other Services of the namespace; read while the candidate has no Service yet.
    others: Vec<DynamicObject>,
    /// The other objects of the main one's kind, where they may be in the way; read while there is no
    /// second object yet.
    rivals: Vec<DynamicObject>,
    /// How many of the candidate's pods its Service can reach.
    endpoints: u32,
    /// Whom the stable Service reaches, where its selector is what is switched.
    served: Option<Served>,
    /// The pods of others that a switched selector would select too; read while it is not switched.
    strangers: Vec<String>,
}

/// Whom a Service reaches.
struct Served {
    /// The pods behind its ready addresses, by identity.
    addressed: BTreeSet<String>,
    /// The pods that its selector selects now.
    selected: BTreeSet<String>,
}

/// What the objects of a route say.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reading {
    weight: Weight,
    aside: Aside,
    is_accepted: bool,
    complaint: Option<String>,
    unfit: Option<String>,
}

impl Reading {
    fn unfit(why: String) -> Self {
        Self { unfit: Some(why), ..Self::default() }
    }
}

/// What a candidate should get.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Share {
    weight: Weight,
    aside: Aside,
}

impl Share {
    fn is_nothing(&self) -> bool {
        self.weight == Weight::NONE && self.aside.is_nothing()
    }
}

/// What the objects of a route should say.
#[derive(Debug, PartialEq)]
struct Plan {
    /// A place in the main object and what should stand there; nothing when only our mark changes.
    main: Option<(&'static str, Value)>,
    /// What should be beside it.
    second: Second,
}

/// What should be beside the main object.
#[derive(Debug, PartialEq)]
enum Second {
    /// Nothing of it concerns this layer.
    AsItIs,
    /// An object with this spec and these annotations besides our mark.
    Present { spec: Value, annotations: Labels },
    /// No object.
    Absent,
}

/// A layer that moves traffic. Knows the objects of its kind, and does no input or output.
trait Provider: Send + Sync {
    /// The object that says the shares.
    fn main(&self) -> (ApiResource, String);

    /// The object beside it, where there is one.
    fn second(&self) -> Option<(ApiResource, String)> {
        None
    }

    /// Why a cluster may not keep a field of the main object as it was sent.
    fn why_not_kept(&self, _field: &str) -> Option<&'static str> {
        None
    }

    /// What the objects say about traffic, with the candidate's share given back to the stable Service.
    fn rules(&self, scene: &Scene) -> Value;

    /// What the objects say about the candidate.
    fn read(&self, scene: &Scene) -> Reading;

    /// What the objects should say for the candidate to get `wanted`. Where that is nothing, `saved` is
    /// put back exactly unless somebody changed it meanwhile: then only the candidate is taken out.
    ///
    /// # Errors
    /// Why it cannot be, with what to do.
    fn write(&self, scene: &Scene, saved: &Value, wanted: &Share) -> Result<Plan, String>;
}

fn provider(route: &Route) -> Option<Box<dyn Provider>> {
    let names = Names {
        namespace: route.stable.namespace.to_string(),
        workload: route.stable.name.to_string(),
        stable: route.layer.service()?.to_string(),
        candidate: route.candidate.name.to_string(),
        track: route.track,
    };
    Some(match &route.layer {
        TrafficLayer::Replicas => return None,
        TrafficLayer::Selector { .. } => Box::new(selector::Selector::new(names)),
        TrafficLayer::GatewayApi { kind, route, .. } => {
            Box::new(gateway_api::GatewayApi::new(names, *kind, route.as_str()))
        }
        TrafficLayer::Istio { virtual_service, .. } => Box::new(istio::Istio::new(names, virtual_service.as_str())),
        TrafficLayer::IngressNginx { ingress, .. } => {
            Box::new(ingress_nginx::IngressNginx::new(names, ingress.as_str()))
        }
    })
}

impl KubeCluster {
    pub(crate) async fn observe_route_objects(&self, route: &Route) -> Result<RouteObserved, ClusterError> {
        let Some(provider) = provider(route) else { return Ok(RouteObserved::Missing) };
        let scene = self.scene(route, &*provider).await?;
        Ok(scene.map_or(RouteObserved::Missing, |scene| {
            RouteObserved::Present(Box::new(observation(route, &*provider, &scene)))
        }))
    }

    pub(crate) async fn apply_route_change(&self, change: &RouteChange) -> Result<ApplyOutcome, ClusterError> {
        let Some(provider) = provider(&change.route) else { return Ok(ApplyOutcome::Missing) };
        let made = std::sync::Mutex::new(None);
        let outcome = patiently(|| self.try_route(change, &*provider, &made)).await;
        let made = made.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let (Ok(ApplyOutcome::Overtaken(_)), Some(made), Some((kind, _))) = (&outcome, made, provider.second()) {
            // A later worker had taken it away already, and would not look again.
            match self.delete(&kind, change.route.stable.namespace.as_str(), &made).await {
                Ok(()) | Err(ClusterError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        outcome
    }

    async fn try_route(
        &self,
        change: &RouteChange,
        provider: &dyn Provider,
        made: &std::sync::Mutex<Option<DynamicObject>>,
    ) -> Result<ApplyOutcome, ClusterError> {
        let wanted = Share { weight: change.weight, aside: change.aside.clone() };
        let Some(scene) = self.scene(&change.route, provider).await? else {
            if wanted.is_nothing() {
                self.remove_second(change, provider).await?;
            }
            return Ok(ApplyOutcome::Missing);
        };
        if let Judgement::Answer(outcome) = change.judge(&observation(&change.route, provider, &scene))? {
            return Ok(outcome);
        }
        if !wanted.is_nothing() && scene.candidate.is_none() {
            return Err(ClusterError::Invalid(format!(
                "there is no Service {} to send traffic to",
                change.route.candidate
            )));
        }
        let plan = provider.write(&scene, &change.saved, &wanted).map_err(ClusterError::Invalid)?;
        if let Some((kind, name)) = provider.second() {
            // Written first: by the mark on the main object others know that all is done.
            match self.write_second(change, &scene, (&kind, &name), plan.second).await? {
                Wrote::Made(object) => *made.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(*object),
                Wrote::Other => {}
                Wrote::Nothing(outcome) => return Ok(outcome),
            }
        }
        let changed = plan.main.filter(|(at, value)| scene.main.data.pointer(at) != Some(value));
        self.write_main(change, &scene.main, provider, changed).await
    }

    /// Reads everything that has to do with a route; `None` when what says the shares is not there.
    async fn scene(&self, route: &Route, provider: &dyn Provider) -> Result<Option<Scene>, ClusterError> {
        let Some(service) = route.layer.service() else { return Ok(None) };
        let namespace = route.stable.namespace.as_str();
        let (main_kind, main_name) = provider.main();
        let (deployment_kind, service_kind) = (deployments(), services());
        let second = async {
            match provider.second() {
                Some((kind, name)) => self.find(&kind, namespace, &name).await,
                None => Ok(None),
            }
        };
        let (main, second, service, deployment, candidate, endpoints) = futures::try_join!(
            self.find(&main_kind, namespace, &main_name),
            second,
            self.find(&service_kind, namespace, service.as_str()),
            self.find(&deployment_kind, namespace, route.stable.name.as_str()),
            self.find(&service_kind, namespace, route.candidate.name.as_str()),
            self.addressed(namespace, route.candidate.name.as_str()),
        )?;
        let Some(main) = main else { return Ok(None) };
        let (served, strangers) = match &route.layer {
            TrafficLayer::Selector { .. } => {
                let strangers = self.strangers(route, &main, deployment.as_ref());
                let (served, strangers) = futures::try_join!(self.served(namespace, &main), strangers)?;
                (Some(served), strangers)
            }
            TrafficLayer::Replicas
            | TrafficLayer::GatewayApi { .. }
            | TrafficLayer::Istio { .. }
            | TrafficLayer::IngressNginx { .. } => (None, Vec::new()),
        };
        let endpoints = u32::try_from(endpoints.len()).unwrap_or(u32::MAX);
        // Both matter before the candidate gets anything, and are not read again and again afterwards.
        let others = match &candidate {
            None => self.all(&service_kind, namespace).await?,
            Some(_) => Vec::new(),
        };
        let rivals = match (provider.second(), &second) {
            (Some((kind, _)), None) => self.all(&kind, namespace).await?,
            (Some(_), Some(_)) | (None, _) => Vec::new(),
        };
        Ok(Some(Scene { main, second, service, deployment, candidate, others, rivals, endpoints, served, strangers }))
    }

    async fn all(&self, kind: &ApiResource, namespace: &str) -> Result<Vec<DynamicObject>, ClusterError> {
        list(&self.objects(kind, namespace), None).await.map_err(|e| sort(&e))
    }

    async fn served(&self, namespace: &str, service: &DynamicObject) -> Result<Served, ClusterError> {
        let selector = labels_at(&service.data, "/spec/selector");
        let words = label_words(&selector);
        let pods = async {
            if words.is_empty() {
                return Ok(Vec::new());
            }
            list(&self.pods(namespace), Some(&words)).await.map_err(|e| sort(&e))
        };
        let name = service.metadata.name.as_deref().unwrap_or_default();
        let (addressed, pods) = futures::try_join!(self.addressed(namespace, name), pods)?;
        Ok(Served { addressed, selected: pods.into_iter().filter_map(|pod: Pod| pod.metadata.uid).collect() })
    }

    /// The pods of others that a switched selector would select, while it is not switched.
    async fn strangers(
        &self,
        route: &Route,
        service: &DynamicObject,
        deployment: Option<&DynamicObject>,
    ) -> Result<Vec<String>, ClusterError> {
        let Some(words) = deployment.and_then(|deployment| selector::switched_words(service, deployment, route.track))
        else {
            return Ok(Vec::new());
        };
        let namespace = route.stable.namespace.as_str();
        let pods: Vec<Pod> = list(&self.pods(namespace), Some(&words)).await.map_err(|e| sort(&e))?;
        Ok(selector::strangers(&pods, route.track))
    }

    /// The pods behind the ready addresses of a Service.
    async fn addressed(&self, namespace: &str, service: &str) -> Result<BTreeSet<String>, ClusterError> {
        let selector = format!("kubernetes.io/service-name={service}");
        let slices = list(&self.endpoint_slices(namespace), Some(&selector)).await.map_err(|e| sort(&e))?;
        Ok(ready(&slices))
    }
}

/// What is behind ready addresses. A pod has one address in each family, and counts once.
fn ready(slices: &[EndpointSlice]) -> BTreeSet<String> {
    let endpoints = slices.iter().flat_map(|slice| &slice.endpoints);
    // Of a Service that publishes all addresses each of them is called ready; only `serving` says what its pod is.
    let ready = endpoints.filter(|endpoint| {
        let said = endpoint.conditions.as_ref();
        said.is_none_or(|said| said.ready.unwrap_or(true) && said.serving.unwrap_or(true))
    });
    let behind = ready.filter_map(|endpoint| {
        let pod = endpoint.target_ref.as_ref().and_then(|target| target.uid.clone());
        pod.or_else(|| endpoint.addresses.first().cloned())
    });
    behind.collect()
}

fn observation(route: &Route, provider: &dyn Provider, scene: &Scene) -> RouteObservation {
    let read = provider.read(scene);
    let unfit = read.unfit.or_else(|| unfit_services(route, scene));
    RouteObservation {
        uid: scene.main.metadata.uid.clone().unwrap_or_default(),
        weight: read.weight,
        aside: read.aside,
        is_accepted: read.is_accepted && unfit.is_none(),
        complaint: read.complaint,
        unfit,
        candidate_endpoints: scene.candidate.as_ref().map(|_| scene.endpoints),
        rules: provider.rules(scene),
        stamp: marks::shared_stamp_of(&scene.main.metadata, route.target),
        manager: marks::manager_of(&scene.main.metadata, &provider.main().0.kind),
    }
}

/// Why the Services cannot tell the two sides apart.
fn unfit_services(route: &Route, scene: &Scene) -> Option<String> {
    let name = route.layer.service()?;
    let Some(service) = &scene.service else {
        return Some(format!("Service {name} is not there; create it, or correct the target's traffic"));
    };
    if scene.candidate.as_ref().is_some_and(|candidate| !is_made_by_us(candidate)) {
        return Some(format!(
            "Service {} is there already and was not made by Slipway; rename or delete it",
            route.candidate.name
        ));
    }
    // Without the Deployment there is nothing to promote, which is told elsewhere.
    let deployment = scene.deployment.as_ref()?;
    match Sides::of(service, deployment, route.track) {
        Ok(sides) => also_selected(route, scene, deployment, &sides),
        Err(why) => Some(why),
    }
}

/// Which other Service would send traffic to the candidate's pods, whatever its share.
fn also_selected(route: &Route, scene: &Scene, deployment: &DynamicObject, sides: &Sides) -> Option<String> {
    let pods = pod_labels(deployment, Some(sides), route.track);
    let names = [route.layer.service()?.as_str(), route.candidate.name.as_str()];
    scene.others.iter().find_map(|other| {
        let name = other.metadata.name.as_deref()?;
        let selector = labels_at(&other.data, "/spec/selector");
        let is_in_the_way = !names.contains(&name) && !selector.is_empty() && selects(&selector, &pods);
        is_in_the_way.then(|| {
            let (key, own) = (&sides.key, labels_at(&deployment.data, "/spec/template/metadata/labels"));
            let value = own.get(key).map(String::as_str).unwrap_or_default();
            format!(
                "Service {name} selects the candidate's pods as well ({}), and would send traffic there whatever its \
                 share; add {key}={value} to its selector, or choose the number of pods as traffic layer",
                label_words(&selector)
            )
        })
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_with_two_addresses_counts_once_and_one_that_is_not_ready_not_at_all() {
        let slice = |family: &str, endpoints: Value| -> EndpointSlice {
            serde_json::from_value(json!({"metadata": {"name": family}, "addressType": family, "endpoints": endpoints}))
                .unwrap()
        };
        let pod = |address: &str, uid: &str, is_ready: Option<bool>| json!({"addresses": [address], "conditions": {"ready": is_ready}, "targetRef": {"kind": "Pod", "uid": uid}});
        let slices = [
            slice("IPv4", json!([pod("10.0.0.1", "a", Some(true)), pod("10.0.0.2", "b", Some(false))])),
            slice("IPv6", json!([pod("fd00::1", "a", Some(true)), pod("fd00::3", "c", None)])),
        ];
        assert_eq!(ready(&slices), BTreeSet::from(["a".to_owned(), "c".to_owned()]));
    }

    #[test]
    fn another_service_that_selects_the_candidates_pods_is_told_with_its_name() {
        let named = |name: &str| {
            let namespace = domain::names::Namespace::parse("shop").unwrap();
            domain::observation::WorkloadRef::deployment(namespace, domain::names::WorkloadName::parse(name).unwrap())
        };
        let route = Route {
            target: domain::ids::TargetId::new(uuid::Uuid::from_u128(8)),
            stable: named("cart"),
            candidate: named("cart-canary"),
            track: CandidateName::Canary,
            layer: TrafficLayer::Selector { service: named("cart").name },
        };
        let mut scene = sample::scene(json!({"metadata": {"name": "cart"}, "spec": {"selector": {"app": "cart"}}}));
        scene.deployment.as_mut().unwrap().data["spec"]["template"]["metadata"]["labels"]["tier"] = json!("web");
        let other = |name: &str, selector: Value| -> DynamicObject {
            serde_json::from_value(json!({"metadata": {"name": name}, "spec": {"selector": selector}})).unwrap()
        };
        scene.candidate = None;
        scene.others = vec![
            other("cart", json!({"app": "cart"})),
            other("admin", json!({"app": "cart", "tier": "web"})),
            other("by-hand", Value::Null),
            other("pay", json!({"app": "pay"})),
            other("cart-canary", json!({"app": "cart-canary"})),
        ];
        assert_eq!(unfit_services(&route, &scene), None);
        scene.others.push(other("all-web", json!({"tier": "web"})));
        let why = unfit_services(&route, &scene).unwrap();
        assert!(why.contains("Service all-web") && why.contains("add app=cart"), "{why}");
    }
}
