//! The kubectl commands that take a promotion back without Slipway: kept ready on its page from the start, for the day
//! when Slipway or its way to the cluster is down. Follows from the promotion's state alone. Everything that comes from
//! a cluster is quoted, so that a shell takes it as the one word that it is.

use domain::{
    image::ContainerImage,
    observation::{WorkloadKind, WorkloadRef},
    promotion::{Promotion, WorkloadPlan},
    traffic::{RouteKind, TrafficLayer},
};
use serde_json::json;

/// Sets the images of a workload to what they were.
pub(super) fn set_images(workload: &WorkloadRef, images: &[&ContainerImage]) -> String {
    let images: Vec<_> = images.iter().map(|image| quoted(&format!("{}={}", image.container, image.image))).collect();
    let (namespace, name, images) = (&workload.namespace, &workload.name, images.join(" "));
    let by_editor = |kind: &str| format!("kubectl -n {namespace} edit {kind}/{name}  # back to {images}");
    match workload.kind {
        WorkloadKind::Deployment => format!("kubectl -n {namespace} set image deployment/{name} {images}"),
        WorkloadKind::Rollout => {
            format!(
                "kubectl argo rollouts -n {namespace} abort {name}\n\
                 kubectl argo rollouts -n {namespace} set image {name} {images}"
            )
        }
        WorkloadKind::Application => by_editor("applications.argoproj.io"),
        WorkloadKind::Kustomization => by_editor("kustomizations.kustomize.toolkit.fluxcd.io"),
        WorkloadKind::HelmRelease => by_editor("helmreleases.helm.toolkit.fluxcd.io"),
    }
}

/// Puts the traffic of every workload back to what it was, then takes the candidates away; `None` before there is
/// anything to put back, and where nothing is tried beside a workload.
pub(super) fn put_traffic_back(promotion: &Promotion) -> Option<String> {
    let (_, settings) = promotion.plan.strategy.candidate()?;
    let run = promotion.run()?;
    if promotion.is_over() || run.saved.is_empty() {
        return None;
    }
    let tried: Vec<&WorkloadPlan> = promotion.plan.workloads.iter().filter(|one| one.candidate.is_some()).collect();
    let traffic = tried.iter().map(|planned| {
        let saved = run.saved_routes.iter().find(|saved| saved.placed == planned.placed);
        traffic_back(planned, settings.layer(), saved.map(|saved| &saved.rules))
    });
    let candidates = tried.iter().filter_map(|planned| {
        let WorkloadRef { namespace, name, .. } = &planned.candidate.as_ref()?.workload;
        Some(format!("kubectl -n {namespace} delete --ignore-not-found deployment/{name} service/{name}"))
    });
    let mut lines = vec!["# 1. The traffic goes back to what serves.".to_owned()];
    lines.extend(traffic.flatten());
    lines.push("# 2. When the workload's own pods are ready, what was tried beside it goes.".to_owned());
    lines.extend(candidates);
    Some(lines.join("\n"))
}

fn traffic_back(planned: &WorkloadPlan, layer: &TrafficLayer, rules: Option<&serde_json::Value>) -> Option<String> {
    let namespace = &planned.placed.workload.namespace;
    let patch = |kind: &str, object: &dyn std::fmt::Display, path: &str| {
        let change = json!([{"op": "replace", "path": path, "value": rules?}]);
        Some(format!("kubectl -n {namespace} patch {kind}/{object} --type=json -p {}", quoted(&change.to_string())))
    };
    match layer {
        TrafficLayer::Replicas => {
            let candidate = &planned.candidate.as_ref()?.workload;
            Some(format!("kubectl -n {namespace} scale deployment/{} --replicas=0", candidate.name))
        }
        TrafficLayer::Selector { service } => patch("service", service, "/spec/selector"),
        TrafficLayer::GatewayApi { kind, route, .. } => patch(
            match kind {
                RouteKind::Http => "httproutes.gateway.networking.k8s.io",
                RouteKind::Grpc => "grpcroutes.gateway.networking.k8s.io",
            },
            route,
            "/spec/rules",
        ),
        TrafficLayer::Istio { virtual_service, .. } => {
            patch("virtualservices.networking.istio.io", virtual_service, "/spec/http")
        }
        // The second Ingress is called as the candidate.
        TrafficLayer::IngressNginx { .. } => {
            let candidate = &planned.candidate.as_ref()?.workload;
            Some(format!("kubectl -n {namespace} delete --ignore-not-found ingress/{}", candidate.name))
        }
    }
}

/// A text as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/:=@,+%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::quoted;

    #[test]
    fn a_shell_takes_each_text_as_one_word() {
        let texts =
            ["app=r.example/cart:1.0", "", "it's", "a b", "$(reboot)", "`reboot`", "a\nb", "\\", "*", "é;&|<>", "'"];
        for text in texts {
            let line = format!("printf '[%s]' {}", quoted(text));
            let said = Command::new("sh").args(["-c", &line]).output();
            let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
            assert_eq!(said, format!("[{text}]"));
        }
        assert_eq!(quoted("app=r.example/cart:1.0"), "app=r.example/cart:1.0", "what is plain stays readable");
    }
}
