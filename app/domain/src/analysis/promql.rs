//! The questions that a rule puts to Prometheus, one per side and data plane.
//!
//! Where nothing was measured the answer must be nothing, never NaN and never 0: a share divides by a
//! number of requests that is above 0, and a quantile is kept only where it is a number. Errors that
//! have never happened have no series, which is 0 errors as long as there are requests.
//!
//! The metric names are those of the data planes: Envoy's `cluster.*` statistics as its `/stats/prometheus`
//! shows them, Istio's standard metrics, ingress-nginx's, cAdvisor's and kube-state-metrics'.

use super::{
    BuiltInCheck, DataPlane, Labels, Matchers, Measure, MetricRule, Placeholder, Quantile, Resource, Side, Traffic,
    custom_query::{escaped, pattern_of},
    labels::{Counted, Route, RouteRule},
};
use crate::traffic::RouteKind;

/// Why a question cannot be put.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Something about the target is not known.
    #[error("to measure with {plane}, {what} must be known")]
    Needs {
        /// The data plane.
        plane: &'static str,
        /// What is missing.
        what: &'static str,
    },
    /// Both versions get traffic, and their numbers are one.
    #[error(
        "Envoy Gateway counts all backends of a rule together, so the new version's numbers cannot be told from the \
         others'; give the backendRef of {service} a filter (such as a response header), and each is counted alone"
    )]
    Together {
        /// The Service whose reference needs a filter.
        service: String,
    },
    /// The counters show the status of HTTP, which is 200 whatever gRPC says.
    #[error(
        "gRPC sends its errors with HTTP status 200, and {plane} is read by that status; measure by Istio's \
         telemetry, or with a query of your own"
    )]
    GrpcErrors {
        /// The data plane.
        plane: &'static str,
    },
}

/// What to ask for one evaluation of a rule on one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Queries {
    /// A metric source answers.
    Source {
        /// The query for the value.
        value: String,
        /// The query for the number of requests in the window, when the rule minds it.
        requests: Option<String>,
    },
    /// Slipway looks by itself.
    BuiltIn(BuiltInCheck),
}

impl Queries {
    /// What stands in the record of a sample: the query, or what was looked at.
    #[must_use]
    pub fn text(&self, rule: &MetricRule, labels: &Labels) -> String {
        match self {
            Self::Source { value, .. } => value.clone(),
            Self::BuiltIn(_) => format!("{} of {}/{}", rule.measure().words(), labels.namespace, labels.workload),
        }
    }
}

/// The questions of a rule about one side.
///
/// # Errors
/// [`QueryError`] when something is missing that the data plane names its numbers by.
pub fn queries(rule: &MetricRule, labels: &Labels) -> Result<Queries, QueryError> {
    let window = format!("{}s", rule.window_seconds());
    let is_counted = rule.minimum_requests() > 0;
    match rule.measure() {
        Measure::BuiltIn { check } => Ok(Queries::BuiltIn(*check)),
        Measure::Resource { what } => Ok(Queries::Source { value: resource(*what, labels, &window), requests: None }),
        Measure::Custom { query, requests, .. } => {
            let fill = |placeholder| match placeholder {
                Placeholder::Service => labels.service.to_string(),
                Placeholder::Namespace => labels.namespace.to_string(),
                Placeholder::Version => labels.version.to_string(),
                Placeholder::Window => window.clone(),
                Placeholder::Matchers => labels.cluster.to_string(),
            };
            let requests = requests.as_ref().filter(|_| is_counted).map(|q| q.filled(fill));
            Ok(Queries::Source { value: query.filled(fill), requests })
        }
        Measure::Traffic { what, plane: DataPlane::Practice } => {
            let requests = is_counted.then(|| practice("requests", labels, &window));
            Ok(Queries::Source { value: practice(practice_name(*what), labels, &window), requests })
        }
        Measure::Traffic { what, plane } => {
            let series = Series::of(*plane, labels)?.within(&labels.cluster);
            if series.errors.is_empty() && matches!(what, Traffic::ErrorRate | Traffic::SuccessRate) {
                return Err(QueryError::GrpcErrors { plane: plane.words() });
            }
            let requests = is_counted.then(|| series.requests(&window));
            Ok(Queries::Source { value: series.value(*what, &window), requests })
        }
    }
}

/// The statuses of gRPC for which a server is to blame, as Istio writes them.
const GRPC_FAULTS: &str = "2|4|8|12|13|14|15";

/// A label matcher.
pub(super) fn is(label: &str, value: &str) -> String {
    format!("{label}=\"{}\"", escaped(value, '"'))
}

/// A label matcher for any of some values.
pub(super) fn one_of(label: &str, values: &[String]) -> String {
    match values {
        [value] => is(label, value),
        values => {
            let patterns: Vec<String> = values.iter().map(|value| pattern_of(value)).collect();
            format!("{label}=~\"{}\"", escaped(&patterns.join("|"), '"'))
        }
    }
}

/// A matcher of a label that the scraped series has itself, in both ways that it may be called afterwards: a scrape
/// that does not honour the labels of what it scrapes has its own under that name, and the series' beside it.
pub(super) fn scraped(label: &str, matcher: impl Fn(&str) -> String) -> [String; 2] {
    let exported = format!("exported_{label}");
    [format!("{},{}", matcher(label), is(&exported, "")), matcher(&exported)]
}

/// What Envoy Gateway calls the clusters behind the rules of a route.
fn clusters(route: &Route) -> Vec<String> {
    let kind = match route.kind {
        RouteKind::Http => "httproute",
        RouteKind::Grpc => "grpcroute",
    };
    let cluster = |rule: &RouteRule| {
        let which = match rule.counted {
            Counted::Together => String::new(),
            Counted::Backend(number) => format!("/backend/{number}"),
            Counted::Copies(filter) => format!("-mirror-{filter}"),
        };
        format!("{kind}/{}/{}/rule/{}{which}", route.namespace, route.name, rule.number)
    };
    route.rules.iter().map(cluster).collect()
}

/// How a data plane names requests and their durations.
struct Series {
    /// The counter of requests.
    counter: String,
    /// The histogram's buckets of their durations.
    buckets: String,
    /// What turns the histogram's unit into milliseconds.
    to_ms: &'static str,
    /// The matchers that choose this side; where its series may be named in several ways, one for each, of which
    /// no series fits two.
    matchers: Vec<String>,
    /// The matchers of server errors, of which no request fits two; none where nothing tells them.
    errors: Vec<String>,
    /// The matcher of everything else.
    good: String,
}

impl Series {
    fn of(plane: DataPlane, labels: &Labels) -> Result<Self, QueryError> {
        match plane {
            DataPlane::EnvoyGateway => Self::envoy_gateway(labels),
            DataPlane::IstioGateway => Self::istio_gateway(labels),
            DataPlane::Istio => Ok(Self::istio_sidecars(labels)),
            DataPlane::IstioStockEnvoy => Self::stock_envoy(labels),
            DataPlane::IngressNginx => Self::ingress_nginx(labels),
            // Asked in its own words, before it comes to this.
            DataPlane::Practice => Err(QueryError::Needs { plane: plane.words(), what: "another data plane" }),
        }
    }

    /// By the status of HTTP, which a GRPCRoute's answers do not show.
    fn envoy(prefix: &str, matchers: String, labels: &Labels) -> Self {
        let is_grpc = labels.route.as_ref().is_some_and(|route| route.kind == RouteKind::Grpc);
        let errors = "envoy_response_code=~\"5..\"".to_owned();
        Self {
            counter: format!("{prefix}upstream_rq"),
            buckets: format!("{prefix}upstream_rq_time_bucket"),
            to_ms: "",
            matchers: vec![matchers],
            errors: if is_grpc { vec![] } else { vec![errors] },
            good: "envoy_response_code!~\"5..\"".to_owned(),
        }
    }

    fn envoy_gateway(labels: &Labels) -> Result<Self, QueryError> {
        let needs = QueryError::Needs { plane: DataPlane::EnvoyGateway.words(), what: "the HTTPRoute" };
        let route = labels.route.as_ref().filter(|route| !route.rules.is_empty()).ok_or(needs)?;
        if route.is_shared && route.rules.iter().any(|rule| rule.counted == Counted::Together) {
            let service = labels.backend.as_ref().map_or_else(String::new, |backend| backend.stable.to_string());
            return Err(QueryError::Together { service });
        }
        Ok(Self::envoy("envoy_cluster_", one_of("envoy_cluster_name", &clusters(route)), labels))
    }

    /// Envoy splits a cluster's name at the dots: what stands before the first is a label, the rest
    /// becomes part of the metric's name.
    fn stock_envoy(labels: &Labels) -> Result<Self, QueryError> {
        let needs = QueryError::Needs { plane: DataPlane::IstioStockEnvoy.words(), what: "the Service" };
        let backend = labels.backend.as_ref().ok_or(needs)?;
        let port = backend.port.map_or_else(|| "[0-9]+".to_owned(), |port| port.to_string());
        // The subsets of a Service are all of one side: the other side has a Service of its own.
        let cluster = format!("outbound\\\\|{port}\\\\|[^|]*\\\\|{}", backend.service);
        let namespace = labels.namespace.as_str().replace('-', "_");
        // Not the counters of external requests alone, which stand beside them: callers may be inside.
        let prefix = format!("envoy_cluster_{namespace}_svc_cluster_local__");
        Ok(Self::envoy(&prefix, format!("envoy_cluster_name=~\"{cluster}\""), labels))
    }

    fn istio(matchers: String) -> Self {
        Self {
            counter: "istio_requests_total".to_owned(),
            buckets: "istio_request_duration_milliseconds_bucket".to_owned(),
            to_ms: "",
            matchers: vec![matchers],
            errors: vec![
                "response_code=~\"5..\"".to_owned(),
                format!("response_code!~\"5..\",grpc_response_status=~\"{GRPC_FAULTS}\""),
            ],
            good: format!("response_code!~\"5..\",grpc_response_status!~\"{GRPC_FAULTS}\""),
        }
    }

    /// A gateway reports as the source; it sees also what never reached a pod.
    fn istio_gateway(labels: &Labels) -> Result<Self, QueryError> {
        let needs = QueryError::Needs { plane: DataPlane::IstioGateway.words(), what: "the Service" };
        let backend = labels.backend.as_ref().ok_or(needs)?;
        let matchers = [
            is("reporter", "source"),
            is("destination_service_namespace", labels.namespace.as_str()),
            is("destination_service_name", backend.service.as_str()),
        ];
        Ok(Self::istio(matchers.join(",")))
    }

    fn istio_sidecars(labels: &Labels) -> Self {
        let matchers = [
            is("reporter", "destination"),
            is("destination_workload_namespace", labels.namespace.as_str()),
            is("destination_workload", labels.workload.as_str()),
        ];
        Self::istio(matchers.join(","))
    }

    /// Both sides are counted under the main Ingress, as are the other Services behind it; `canary` names the
    /// upstream that the request was sent to instead (namespace, Service, port), and is empty for the others.
    fn ingress_nginx(labels: &Labels) -> Result<Self, QueryError> {
        let needs = QueryError::Needs { plane: DataPlane::IngressNginx.words(), what: "the Ingress" };
        let ingress = labels.ingress.as_ref().ok_or(needs)?;
        let needs = QueryError::Needs { plane: DataPlane::IngressNginx.words(), what: "the Service" };
        let service = labels.backend.as_ref().ok_or(needs)?.service.as_str();
        let sides = match labels.side {
            Side::Canary => vec![format!("canary=~\"{}-{}-.+\"", labels.namespace, service)],
            Side::Stable => {
                scraped("service", |label| is(label, service)).map(|side| format!("{side},canary=\"\"")).into()
            }
        };
        let places = scraped("namespace", |label| is(label, labels.namespace.as_str()));
        let ingress = is("ingress", ingress.as_str());
        let at = |place: &String| sides.iter().map(|side| format!("{place},{ingress},{side}")).collect::<Vec<_>>();
        Ok(Self {
            counter: "nginx_ingress_controller_requests".to_owned(),
            buckets: "nginx_ingress_controller_response_duration_seconds_bucket".to_owned(),
            to_ms: "1000 * ",
            matchers: places.iter().flat_map(at).collect(),
            errors: vec!["status=~\"5..\"".to_owned()],
            good: "status!~\"5..\"".to_owned(),
        })
    }

    /// Those of one cluster alone.
    fn within(self, cluster: &Matchers) -> Self {
        Self { matchers: self.matchers.iter().map(|matchers| cluster.before(matchers)).collect(), ..self }
    }

    /// What `function` makes of each series of a metric over the window.
    fn over(&self, function: &str, metric: &str, more: &str, window: &str) -> String {
        let comma = if more.is_empty() { "" } else { "," };
        let one = |matchers: &String| format!("{function}({metric}{{{matchers}{comma}{more}}}[{window}])");
        self.matchers.iter().map(one).collect::<Vec<_>>().join(" or ")
    }

    fn rate(&self, more: &str, window: &str) -> String {
        format!("sum({})", self.over("rate", &self.counter, more, window))
    }

    /// Requests that fit one of these, in percent of all.
    fn share(&self, parts: &[String], window: &str) -> String {
        let counted = |part: &String| format!("({} or vector(0))", self.rate(part, window));
        let counted = parts.iter().map(counted).collect::<Vec<_>>().join(" + ");
        let counted = if parts.len() == 1 { counted } else { format!("({counted})") };
        format!("100 * {counted} / ({} > 0)", self.rate("", window))
    }

    fn quantile(&self, quantile: Quantile, window: &str) -> String {
        format!(
            "{}histogram_quantile({}, sum by (le) ({})) >= 0",
            self.to_ms,
            quantile.as_fraction(),
            self.over("rate", &self.buckets, "", window)
        )
    }

    fn value(&self, what: Traffic, window: &str) -> String {
        match what {
            Traffic::ErrorRate => self.share(&self.errors, window),
            Traffic::SuccessRate => self.share(std::slice::from_ref(&self.good), window),
            Traffic::Latency(quantile) => self.quantile(quantile, window),
            Traffic::RequestRate => self.rate("", window),
        }
    }

    fn requests(&self, window: &str) -> String {
        format!("sum({})", self.over("increase", &self.counter, "", window))
    }
}

/// The pods of a Deployment are named after it, its replica set and themselves.
fn resource(what: Resource, labels: &Labels, window: &str) -> String {
    let namespace = labels.cluster.before(&is("namespace", labels.namespace.as_str()));
    let pattern = format!("{}-[a-z0-9]{{1,10}}-[a-z0-9]{{5}}", pattern_of(labels.workload.as_str()));
    let pods = format!("{namespace},pod=~\"{}\"", escaped(&pattern, '"'));
    // A container without a limit counts on neither side.
    let of_limit = |used: &str, resource: &str| {
        let by = "by (namespace, pod, container)";
        let limits = format!("max {by} (kube_pod_container_resource_limits{{{pods},resource=\"{resource}\"}} > 0)");
        format!("100 * sum((sum {by} ({used})) and on (namespace, pod, container) {limits}) / sum({limits})")
    };
    match what {
        Resource::Cpu => {
            of_limit(&format!("rate(container_cpu_usage_seconds_total{{{pods},container!=\"\"}}[{window}])"), "cpu")
        }
        Resource::Memory => of_limit(
            &format!("avg_over_time(container_memory_working_set_bytes{{{pods},container!=\"\"}}[{window}])"),
            "memory",
        ),
        Resource::Disk => format!(
            "max(100 * kubelet_volume_stats_used_bytes{{{namespace}}} / (kubelet_volume_stats_capacity_bytes{{{namespace}}} > 0))"
        ),
    }
}

const fn practice_name(what: Traffic) -> &'static str {
    match what {
        Traffic::ErrorRate => "error_rate",
        Traffic::SuccessRate => "success_rate",
        Traffic::Latency(Quantile::P50) => "p50",
        Traffic::Latency(Quantile::P95) => "p95",
        Traffic::Latency(Quantile::P99) => "p99",
        Traffic::RequestRate => "request_rate",
    }
}

fn practice(name: &str, labels: &Labels, window: &str) -> String {
    let side = match labels.side {
        Side::Canary => "canary",
        Side::Stable => "stable",
    };
    let matchers = [
        is("namespace", labels.namespace.as_str()),
        is("workload", labels.workload.as_str()),
        is("version", labels.version.as_str()),
        is("side", side),
    ];
    format!("practice:{name}{{{}}}[{window}]", matchers.join(","))
}
