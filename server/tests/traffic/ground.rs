//! What stands in the cluster before a test: a namespace, a Deployment, its Service, and what describes
//! their traffic. Made by an administrator; Slipway has the minimal role.

use std::sync::atomic::{AtomicU32, Ordering};

use kube::{
    Api, Client, Config,
    api::{DynamicObject, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::ApiResource,
};
use serde_json::{Value, json};

use crate::{network, requests::Requests};

/// What `cargo xtask` tells the tests, by the environment.
pub fn variable(name: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "the one place where these tests learn of their data plane")]
    let value = std::env::var(name);
    value.unwrap_or_else(|_| {
        panic!(
            "{name} is not set: these tests need a real data plane. Run them by `cargo xtask test --only traffic`, or\n    \
             cargo xtask controlplane start --with-traffic -- cargo test -p server --features traffic --test traffic"
        )
    })
}

/// The administrator.
pub async fn admin() -> Client {
    // An error only says that another test has installed it.
    drop(rustls::crypto::ring::default_provider().install_default());
    let kubeconfig = Kubeconfig::read_from(variable("SLIPWAY_TEST_KUBECONFIG")).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// What describes the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// An HTTPRoute.
    GatewayApi,
    /// A VirtualService.
    Istio,
    /// A VirtualService that Argo Rollouts writes, for a Rollout in the place of the Deployment.
    ArgoRollouts,
}

/// The Deployment or Rollout `cart` in a namespace of its own, with four pods of 1.0.
pub struct Ground {
    admin: Client,
    pub namespace: String,
    pub way: Way,
    before: Vec<Value>,
}

pub fn image(tag: &str) -> String {
    format!("registry.example/cart:{tag}")
}

fn kind(api_version: &str, kind: &str, plural: &str) -> ApiResource {
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

fn deployments() -> ApiResource {
    kind("apps/v1", "Deployment", "deployments")
}

impl Ground {
    pub async fn new(way: Way) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        network::play();
        let admin = admin().await;
        let namespace = format!("traffic-{}", MADE.fetch_add(1, Ordering::Relaxed));
        let mut ground = Self { admin, namespace, way, before: Vec::new() };
        let space = DynamicObject {
            metadata: ObjectMeta { name: Some(ground.namespace.clone()), ..ObjectMeta::default() },
            ..DynamicObject::new("", &kind("v1", "Namespace", "namespaces"))
        };
        let spaces = Api::<DynamicObject>::all_with(ground.admin.clone(), &kind("v1", "Namespace", "namespaces"));
        spaces.create(&PostParams::default(), &space).await.unwrap();
        let service = json!({"selector": {"app": "cart"},
                             "ports": [{"name": "http", "port": 80, "targetPort": network::PORT}]});
        let services = kind("v1", "Service", "services");
        if way == Way::ArgoRollouts {
            ground.make(&services, "cart-canary", service.clone()).await;
        }
        ground.make(&services, "cart", service).await;
        let (route, spec) = ground.route();
        ground.make(&route, "web", spec).await;
        let (workload, spec) = ground.workload();
        ground.make(&workload, "cart", spec).await;
        ground.before = ground.now().await;
        ground
    }

    fn workload(&self) -> (ApiResource, Value) {
        match self.way {
            Way::GatewayApi | Way::Istio => (deployments(), deployment()),
            Way::ArgoRollouts => {
                let mut spec = deployment();
                spec["strategy"] = json!({"canary": {
                    "stableService": "cart", "canaryService": "cart-canary",
                    "trafficRouting": {"istio": {"virtualService": {"name": "web", "routes": ["primary"]}}},
                    "steps": [{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}],
                }});
                (kind("argoproj.io/v1alpha1", "Rollout", "rollouts"), spec)
            }
        }
    }

    fn route(&self) -> (ApiResource, Value) {
        let to = |service: &str| json!({"host": service, "port": {"number": 80}});
        match self.way {
            Way::GatewayApi => (
                kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes"),
                json!({"parentRefs": [{"name": "public", "namespace": "istio-system"}], "hostnames": [self.host()],
                       "rules": [{"backendRefs": [{"name": "cart", "port": 80}]}]}),
            ),
            Way::Istio => (
                kind("networking.istio.io/v1", "VirtualService", "virtualservices"),
                json!({"hosts": [self.host()], "gateways": ["istio-system/public-istio"],
                       "http": [{"route": [{"destination": to("cart")}]}]}),
            ),
            Way::ArgoRollouts => (
                kind("networking.istio.io/v1", "VirtualService", "virtualservices"),
                json!({"hosts": [self.host()], "gateways": ["istio-system/public-istio"],
                       "http": [{"name": "primary", "route": [{"destination": to("cart"), "weight": 100},
                                                              {"destination": to("cart-canary"), "weight": 0}]}]}),
            ),
        }
    }

    /// The name by which requests come.
    pub fn host(&self) -> String {
        format!("{}.test", self.namespace)
    }

    /// Where requests go to.
    fn gateway(&self) -> String {
        variable(match self.way {
            Way::GatewayApi => "SLIPWAY_TEST_GATEWAY_API",
            Way::Istio | Way::ArgoRollouts => "SLIPWAY_TEST_ISTIO",
        })
    }

    /// Begins to send what testers send; after [`Self::requests`], which waits for the gateway.
    pub fn testers(&self) -> Requests {
        Requests::of_testers(&self.gateway(), &self.host())
    }

    /// Begins to send requests, once the first version answers them.
    pub async fn requests(&self) -> Requests {
        let gateway = self.gateway();
        // What is asked before the gateway knows the route is no request of the test.
        crate::envoy::follows(&self.host(), "cart", 100).await;
        loop {
            let trial = Requests::to(&gateway, &self.host());
            if trial.count(50).await.keys().all(|(by, _)| by == "1.0") {
                break;
            }
        }
        Requests::to(&gateway, &self.host())
    }

    async fn make(&self, kind: &ApiResource, name: &str, spec: Value) {
        let object =
            json!({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}, "spec": spec});
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        self.objects(kind).create(&PostParams::default(), &object).await.unwrap();
    }

    fn objects(&self, kind: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.admin.clone(), &self.namespace, kind)
    }

    /// What the workload, the Service and the route ask for.
    async fn now(&self) -> Vec<Value> {
        let mut specs = Vec::new();
        for (kind, name) in
            [(self.workload().0, "cart"), (kind("v1", "Service", "services"), "cart"), (self.route().0, "web")]
        {
            let object = self.objects(&kind).get(name).await.unwrap();
            let mut spec = object.data["spec"].clone();
            if let Some(image) = spec.pointer_mut("/template/spec/containers/0/image") {
                *image = json!("any");
            }
            specs.push(spec);
        }
        specs
    }

    /// The addresses of the pods.
    pub async fn addresses(&self) -> Vec<String> {
        let pods = self.objects(&kind("v1", "Pod", "pods")).list(&ListParams::default()).await.unwrap();
        let address = |pod: &DynamicObject| pod.data.pointer("/status/podIP")?.as_str().map(str::to_owned);
        pods.items.iter().filter_map(address).collect()
    }

    /// Asks for so many pods.
    pub async fn scale(&self, pods: u32) {
        self.patch(json!({"spec": {"replicas": pods}})).await;
    }

    /// Asks for another image.
    pub async fn set_image(&self, tag: &str) {
        let containers = json!([{"name": "app", "image": image(tag)}]);
        self.patch(json!({"spec": {"template": {"spec": {"containers": containers}}}})).await;
    }

    async fn patch(&self, patch: Value) {
        let objects = self.objects(&deployments());
        objects.patch("cart", &PatchParams::default(), &Patch::Strategic(patch)).await.unwrap();
    }

    /// The image that the Deployment asks for.
    pub async fn image(&self) -> String {
        let object = self.objects(&deployments()).get("cart").await.unwrap();
        object.data.pointer("/spec/template/spec/containers/0/image").unwrap().as_str().unwrap().to_owned()
    }

    /// Asserts that everything is as it was, but for the image, and nothing is left beside it.
    pub async fn is_as_before(&self, tag: &str) {
        assert_eq!(self.now().await, self.before);
        assert_eq!(self.image().await, image(tag));
        for kind in [deployments(), kind("v1", "Service", "services"), self.route().0] {
            let there = self.objects(&kind).list(&ListParams::default()).await.unwrap();
            let names: Vec<_> = there.items.iter().filter_map(|object| object.metadata.name.as_deref()).collect();
            assert_eq!(names.len(), 1, "{}: {names:?}", kind.kind);
        }
    }
}

/// Pods end as servers do that are asked to: they answer for a while yet.
fn deployment() -> Value {
    let labels = json!({"app": "cart"});
    json!({
        "replicas": 4,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels, "annotations": {"slipway.test/ending": "3s"}},
            "spec": {"containers": [{"name": "app", "image": image("1.0"), "ports": [{"containerPort": network::PORT}]}]},
        },
    })
}
