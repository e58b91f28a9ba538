//! Whether a source has the numbers that rules ask for, before anything depends on it.

use super::{
    DataPlane,
    custom_query::{escaped, pattern_of},
    promql::{is, scraped},
};
use crate::names::Namespace;

/// The questions that tell what a source has of a data plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Counts the series of requests, by the labels that rules ask by.
    pub series: String,
}

/// What to ask a source for, of requests to these namespaces; of all where none is given. `None` for the practice
/// cluster, which answers by itself.
#[must_use]
pub fn presence(plane: DataPlane, namespaces: &[Namespace]) -> Option<Presence> {
    let selectors = selectors(plane, namespaces)?;
    Some(Presence { series: format!("count({})", selectors.join(" or ")) })
}

/// A pattern of any of these namespaces.
fn any_of(namespaces: &[Namespace], spelt: impl Fn(&str) -> String) -> String {
    let patterns: Vec<String> = namespaces.iter().map(|one| pattern_of(&spelt(one.as_str()))).collect();
    let pattern = if patterns.is_empty() { ".+".to_owned() } else { patterns.join("|") };
    escaped(&pattern, '"')
}

fn selectors(plane: DataPlane, namespaces: &[Namespace]) -> Option<Vec<String>> {
    let any = any_of(namespaces, str::to_owned);
    let among = |label: &str| format!("{label}=~\"{any}\"");
    let istio = |reporter: &str, label: &str| {
        vec![format!("istio_requests_total{{{},{}}}", is("reporter", reporter), among(label))]
    };
    Some(match plane {
        DataPlane::EnvoyGateway => {
            vec![format!("envoy_cluster_upstream_rq{{envoy_cluster_name=~\"(http|grpc)route/({any})/.+\"}}")]
        }
        DataPlane::IstioGateway => istio("source", "destination_service_namespace"),
        DataPlane::Istio => istio("destination", "destination_workload_namespace"),
        DataPlane::IstioStockEnvoy => {
            let any = any_of(namespaces, |name| name.replace('-', "_"));
            let name = format!("__name__=~\"envoy_cluster_({any})_svc_cluster_local__upstream_rq\"");
            vec![format!("{{{name},envoy_cluster_name=~\"outbound.+\"}}")]
        }
        DataPlane::IngressNginx => {
            let ways = scraped("namespace", among);
            ways.map(|way| format!("nginx_ingress_controller_requests{{{way},ingress!=\"\"}}")).into()
        }
        DataPlane::Practice => return None,
    })
}
