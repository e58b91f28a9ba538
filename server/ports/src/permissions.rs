//! What Slipway asks of a cluster, in one list: 'Test connection' asks for each, the roles that a
//! platform engineer makes grant exactly these, and a test compares them.

/// For which promotions a permission is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionUse {
    /// For every promotion.
    Always,
    /// For canary and blue-green promotions only: without it rolling ones work.
    Candidates,
    /// For none: without it pages do not show why pods fail.
    Reasons,
    /// For steps that run a Job only.
    Jobs,
    /// For what Argo Rollouts, Argo CD and Flux are in charge of only.
    Delegated,
}

/// A permission that Slipway works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeededPermission {
    /// The verb.
    pub verb: &'static str,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The resource, in the plural, with its subresource: `rollouts/status`.
    pub resource: &'static str,
    /// What it is needed for, in words.
    pub needed_for: &'static str,
    /// For which promotions.
    pub used: PermissionUse,
}

impl NeededPermission {
    /// The resource with its group: `deployments.apps`, `pods`.
    #[must_use]
    pub fn resource_and_group(&self) -> String {
        if self.group.is_empty() { self.resource.to_owned() } else { format!("{}.{}", self.resource, self.group) }
    }

    /// The resource and its subresource apart.
    #[must_use]
    pub fn parts(&self) -> (&'static str, Option<&'static str>) {
        match self.resource.split_once('/') {
            Some((resource, sub)) => (resource, Some(sub)),
            None => (self.resource, None),
        }
    }
}

const fn always(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    needed_for: &'static str,
) -> NeededPermission {
    NeededPermission { verb, group, resource, needed_for, used: PermissionUse::Always }
}

const fn for_candidates(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    needed_for: &'static str,
) -> NeededPermission {
    NeededPermission { verb, group, resource, needed_for, used: PermissionUse::Candidates }
}

const fn for_reasons(verb: &'static str, resource: &'static str, needed_for: &'static str) -> NeededPermission {
    NeededPermission { verb, group: "", resource, needed_for, used: PermissionUse::Reasons }
}

const fn delegated(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    needed_for: &'static str,
) -> NeededPermission {
    NeededPermission { verb, group, resource, needed_for, used: PermissionUse::Delegated }
}

const fn for_jobs(verb: &'static str, resource: &'static str, needed_for: &'static str) -> NeededPermission {
    NeededPermission { verb, group: "batch", resource, needed_for, used: PermissionUse::Jobs }
}

const ARGO: &str = "argoproj.io";
const FLUX_KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const FLUX_HELM: &str = "helm.toolkit.fluxcd.io";
const GATEWAY: &str = "gateway.networking.k8s.io";
const ISTIO: &str = "networking.istio.io";
const INGRESS: &str = "networking.k8s.io";

/// Everything Slipway needs, per namespace or for all of them.
pub const NEEDED_PERMISSIONS: [NeededPermission; 53] = [
    always("get", "apps", "deployments", "reading what runs before and after a change"),
    always("list", "apps", "deployments", "finding what is there"),
    always("watch", "apps", "deployments", "seeing changes as they happen"),
    always("patch", "apps", "deployments", "setting images, and putting the former template back"),
    always("list", "apps", "replicasets", "telling new pods from old ones"),
    always("watch", "apps", "replicasets", "telling new pods from old ones as they change"),
    always("list", "", "pods", "seeing whether pods run, and why not"),
    always("watch", "", "pods", "noticing pods that crash within seconds"),
    for_reasons("get", "pods/log", "why pods fail only: the last lines of their logs"),
    for_reasons("list", "events", "why pods fail only: what happened to them"),
    for_candidates("create", "apps", "deployments", "canary and blue-green only: making the candidate"),
    for_candidates("delete", "apps", "deployments", "canary and blue-green only: removing the candidate"),
    for_candidates("get", "", "services", "canary and blue-green only: telling the sides apart"),
    for_candidates("list", "", "services", "canary and blue-green only: who else selects the candidate's pods"),
    for_candidates("create", "", "services", "canary and blue-green only: a Service for the candidate"),
    for_candidates("patch", "", "services", "blue-green by a Service's selector only: switching it"),
    for_candidates("delete", "", "services", "canary and blue-green only: removing the candidate's Service"),
    for_candidates("list", "discovery.k8s.io", "endpointslices", "canary and blue-green only: who can be reached"),
    for_candidates(
        "list",
        "autoscaling",
        "horizontalpodautoscalers",
        "canary and blue-green only: sizing the candidate",
    ),
    for_candidates("list", "policy", "poddisruptionbudgets", "canary and blue-green only: which pods may be evicted"),
    for_candidates("get", GATEWAY, "httproutes", "canary by HTTPRoute only: reading shares"),
    for_candidates("patch", GATEWAY, "httproutes", "canary by HTTPRoute only: setting shares"),
    for_candidates("get", GATEWAY, "grpcroutes", "canary by GRPCRoute only: reading shares"),
    for_candidates("patch", GATEWAY, "grpcroutes", "canary by GRPCRoute only: setting shares"),
    for_candidates("get", ISTIO, "virtualservices", "canary by Istio only: reading shares"),
    for_candidates("patch", ISTIO, "virtualservices", "canary by Istio only: setting shares"),
    for_candidates("get", INGRESS, "ingresses", "canary by ingress-nginx only: reading shares"),
    for_candidates("list", INGRESS, "ingresses", "canary by ingress-nginx only: whether there is another canary"),
    for_candidates("create", INGRESS, "ingresses", "canary by ingress-nginx only: the second Ingress"),
    for_candidates("patch", INGRESS, "ingresses", "canary by ingress-nginx only: setting shares"),
    for_candidates("delete", INGRESS, "ingresses", "canary by ingress-nginx only: removing the second Ingress"),
    for_jobs("get", "cronjobs", "steps that run a Job only: the template"),
    for_jobs("get", "jobs", "steps that run a Job only: how far it is"),
    for_jobs("list", "jobs", "steps that run a Job only: finding what was left"),
    for_jobs("create", "jobs", "steps that run a Job only: making it"),
    for_jobs("delete", "jobs", "steps that run a Job only: removing it"),
    delegated("get", ARGO, "rollouts", "Argo Rollouts only: reading what it says"),
    delegated("list", ARGO, "rollouts", "Argo Rollouts only: finding what is there"),
    delegated("watch", ARGO, "rollouts", "Argo Rollouts only: seeing changes as they happen"),
    delegated("patch", ARGO, "rollouts", "Argo Rollouts only: setting images"),
    delegated("patch", ARGO, "rollouts/status", "Argo Rollouts only: going on, promoting, aborting"),
    delegated("get", ARGO, "applications", "Argo CD only: reading what it says"),
    delegated("list", ARGO, "applications", "Argo CD only: finding what is there"),
    delegated("watch", ARGO, "applications", "Argo CD only: seeing changes as they happen"),
    delegated("patch", ARGO, "applications", "Argo CD only: setting the version, asking for a sync"),
    delegated("get", FLUX_KUSTOMIZE, "kustomizations", "Flux only: reading what it says"),
    delegated("list", FLUX_KUSTOMIZE, "kustomizations", "Flux only: finding what is there"),
    delegated("watch", FLUX_KUSTOMIZE, "kustomizations", "Flux only: seeing changes as they happen"),
    delegated("patch", FLUX_KUSTOMIZE, "kustomizations", "Flux only: setting the version"),
    delegated("get", FLUX_HELM, "helmreleases", "Flux only: reading what it says"),
    delegated("list", FLUX_HELM, "helmreleases", "Flux only: finding what is there"),
    delegated("watch", FLUX_HELM, "helmreleases", "Flux only: seeing changes as they happen"),
    delegated("patch", FLUX_HELM, "helmreleases", "Flux only: setting the version"),
];
