//! Whether a source has the numbers that rules ask for, before anything depends on it.

use super::{
    DataPlane, Matchers,
    custom_query::{escaped, pattern_of},
    promql::{is, scraped},
};
use crate::names::Namespace;

/// The questions that tell what a source has of a data plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Counts the series of requests, by the labels that rules ask by.
    pub series: String,
    /// How many seconds lie between two scrapes of them. Answers nothing until they have been there for a while.
    pub interval: String,
}

/// Over how many seconds scrapes are counted: ten even of those that come every minute.
const COUNTED_OVER: u32 = 600;

/// What scrapes are usually apart, in seconds.
const USUAL_INTERVALS: [u32; 10] = [1, 5, 10, 15, 20, 30, 60, 120, 180, 300];

/// What to ask a source for, of requests to these namespaces of a cluster; of all where none is given. `None` for the
/// practice cluster, which answers by itself.
#[must_use]
pub fn presence(plane: DataPlane, namespaces: &[Namespace], cluster: &Matchers) -> Option<Presence> {
    let selectors = selectors(plane, namespaces, cluster)?;
    let each = |spelt: &dyn Fn(&String) -> String| selectors.iter().map(spelt).collect::<Vec<_>>().join(" or ");
    let counts = each(&|one| format!("count_over_time({one}[{COUNTED_OVER}s])"));
    // What began to be scraped in between has fewer scrapes than that.
    let before = each(&|one| format!("{one} offset {COUNTED_OVER}s"));
    Some(Presence {
        series: format!("count({})", selectors.join(" or ")),
        interval: format!("{COUNTED_OVER} / max(({counts}) and ({before}))"),
    })
}

/// The interval that was set, by the one that was counted: whether a scrape at the edge is counted makes a
/// difference. `None` for what cannot be one.
#[must_use]
pub fn scrape_seconds(counted: f64) -> Option<u32> {
    let is_near = |usual: &u32| (counted / f64::from(*usual) - 1.0).abs() < 0.15;
    let whole = || (1..=COUNTED_OVER).find(|seconds| f64::from(*seconds) >= counted.round());
    (counted > 0.0 && counted.is_finite()).then(|| USUAL_INTERVALS.into_iter().find(is_near).or_else(whole)).flatten()
}

/// A pattern of any of these namespaces.
fn any_of(namespaces: &[Namespace], spelt: impl Fn(&str) -> String) -> String {
    let patterns: Vec<String> = namespaces.iter().map(|one| pattern_of(&spelt(one.as_str()))).collect();
    let pattern = if patterns.is_empty() { ".+".to_owned() } else { patterns.join("|") };
    escaped(&pattern, '"')
}

fn selectors(plane: DataPlane, namespaces: &[Namespace], cluster: &Matchers) -> Option<Vec<String>> {
    let any = any_of(namespaces, str::to_owned);
    let among = |label: &str| format!("{label}=~\"{any}\"");
    let of = |metric: &str, matchers: &str| format!("{metric}{{{}}}", cluster.before(matchers));
    let istio = |reporter: &str, label: &str| {
        vec![of("istio_requests_total", &format!("{},{}", is("reporter", reporter), among(label)))]
    };
    Some(match plane {
        DataPlane::EnvoyGateway => {
            vec![of("envoy_cluster_upstream_rq", &format!("envoy_cluster_name=~\"(http|grpc)route/({any})/.+\""))]
        }
        DataPlane::IstioGateway => istio("source", "destination_service_namespace"),
        DataPlane::Istio => istio("destination", "destination_workload_namespace"),
        DataPlane::IstioStockEnvoy => {
            let any = any_of(namespaces, |name| name.replace('-', "_"));
            let name = format!("__name__=~\"envoy_cluster_({any})_svc_cluster_local__upstream_rq\"");
            vec![of("", &format!("{name},envoy_cluster_name=~\"outbound.+\""))]
        }
        DataPlane::IngressNginx => {
            let ways = scraped("namespace", among);
            ways.map(|way| of("nginx_ingress_controller_requests", &format!("{way},ingress!=\"\""))).into()
        }
        DataPlane::Practice => return None,
    })
}
