//! The kubectl commands that take a promotion back without Slipway: kept ready on its page from the start, for the day
//! when Slipway or its way to the cluster is down. Follows from the promotion's state alone. Everything that comes from
//! a cluster is quoted, so that a shell takes it as the one word that it is.

use domain::{
    image::{ContainerImage, in_words},
    observation::{WorkloadKind, WorkloadRef},
    promotion::{Promotion, WorkloadPlan},
    traffic::{RouteKind, TrafficLayer},
};
use serde_json::json;

/// Sets the images of a workload to what they were.
pub(super) fn set_images(workload: &WorkloadRef, images: &[&ContainerImage]) -> String {
    let images: Vec<_> =
        images.iter().map(|image| quoted(&format!("{}={}", image.container, in_words(&image.image)))).collect();
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
    let traffic = tried.iter().filter_map(|planned| {
        let saved = run.saved_routes.iter().find(|saved| saved.placed == planned.placed);
        Some((*planned, traffic_back(planned, settings.layer(), saved.map(|saved| &saved.rules))?))
    });
    let candidates = tried.iter().filter_map(|planned| {
        let WorkloadRef { namespace, name, .. } = &planned.candidate.as_ref()?.workload;
        let gone = format!("kubectl -n {namespace} delete --ignore-not-found deployment/{name} service/{name}");
        Some((*planned, gone))
    });
    let mut lines = vec!["# 1. The traffic goes back to what serves.".to_owned()];
    lines.extend(by_cluster(&tried, traffic));
    lines.push("# 2. When the workload's own pods are ready, what was tried beside it goes.".to_owned());
    lines.extend(by_cluster(&tried, candidates));
    Some(lines.join("\n"))
}

/// The commands, each under the cluster that it is for where there are several: what is put back in the one is not what
/// the other had.
fn by_cluster<'a>(tried: &[&WorkloadPlan], commands: impl Iterator<Item = (&'a WorkloadPlan, String)>) -> Vec<String> {
    let has_several = tried.iter().any(|one| one.placed.cluster != tried[0].placed.cluster);
    let with_cluster = |(planned, command): (&WorkloadPlan, String)| {
        if has_several { format!("# in cluster {}:\n{command}", planned.cluster_name) } else { command }
    };
    commands.map(with_cluster).collect()
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
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::process::Command;

    use domain::{
        ids::ClusterId,
        names::{Namespace, WorkloadName},
        observation::PlacedWorkload,
    };
    use uuid::Uuid;

    use super::*;

    fn planned(cluster: u128) -> WorkloadPlan {
        let name = WorkloadName::parse("cart").unwrap();
        let workload = WorkloadRef::deployment(Namespace::parse("shop").unwrap(), name);
        let placed = PlacedWorkload { cluster: ClusterId::new(Uuid::from_u128(cluster)), workload };
        WorkloadPlan { placed, cluster_name: format!("eu-{cluster}"), images: vec![], candidate: None }
    }

    #[test]
    fn of_several_clusters_each_command_says_for_which_it_is() {
        let (one, two) = (planned(1), planned(2));
        let lines = |tried: &[&WorkloadPlan]| {
            by_cluster(tried, [(&one, "put one back".to_owned()), (&two, "put two back".to_owned())].into_iter())
        };
        assert_eq!(lines(&[&one, &two]), ["# in cluster eu-1:\nput one back", "# in cluster eu-2:\nput two back"]);
        assert_eq!(lines(&[&one]), ["put one back", "put two back"], "there is no other");
    }

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
