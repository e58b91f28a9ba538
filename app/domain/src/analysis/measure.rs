//! What a rule measures, in which unit, and where the numbers come from. What cannot be measured
//! together (restarts by PromQL of a gateway, a latency by a look at pods) cannot be written.

use serde::{Deserialize, Serialize};

use super::CustomQuery;
use crate::traffic::{RouteKind, TrafficLayer};

/// The unit of a measured value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A share from 0 to 100.
    Percent,
    /// A duration in milliseconds.
    Milliseconds,
    /// So many a second.
    PerSecond,
    /// A number of things.
    Count,
    /// A bare number.
    None,
}

/// Where a latency is taken: so many of a hundred requests are faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantile {
    /// Half of the requests.
    P50,
    /// 95 of a hundred.
    P95,
    /// 99 of a hundred.
    P99,
}

impl Quantile {
    /// As PromQL's `histogram_quantile` takes it.
    #[must_use]
    pub const fn as_fraction(self) -> &'static str {
        match self {
            Self::P50 => "0.5",
            Self::P95 => "0.95",
            Self::P99 => "0.99",
        }
    }
}

/// What is measured of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Traffic {
    /// Answers with a status of 500 or more among all, in percent. A status of 400 to 499 is the
    /// caller's error and not counted.
    ErrorRate,
    /// The other answers among all, in percent.
    SuccessRate,
    /// How long requests take, in milliseconds.
    Latency(Quantile),
    /// Requests a second.
    RequestRate,
}

/// What is measured of containers and volumes, each in percent of its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Processor time used of the containers' limit.
    Cpu,
    /// Memory in use (working set) of the containers' limit.
    Memory,
    /// Space used of the fullest volume in the namespace.
    Disk,
}

/// What carries the requests and counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataPlane {
    /// Envoy Gateway, by Envoy's own counters of a route's rule or backend.
    EnvoyGateway,
    /// Gateway API by Istio: its gateway's telemetry, as the caller sees it.
    IstioGateway,
    /// Istio's sidecars: the workload's own telemetry.
    Istio,
    /// Istio's control plane with Envoys that lack Istio's telemetry: Envoy's own counters.
    IstioStockEnvoy,
    /// ingress-nginx, with the canary behind an Ingress with canary annotations.
    IngressNginx,
    /// The practice cluster's own numbers.
    Practice,
}

impl DataPlane {
    /// The name for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::EnvoyGateway => "Envoy Gateway",
            Self::IstioGateway => "Istio's gateway",
            Self::Istio => "Istio",
            Self::IstioStockEnvoy => "Envoy under Istio's control plane",
            Self::IngressNginx => "ingress-nginx",
            Self::Practice => "the practice cluster",
        }
    }
}

impl DataPlane {
    /// Why this cannot tell the two versions apart where `layer` moves the traffic; `None` when it can.
    #[must_use]
    pub fn cannot_measure(self, layer: &TrafficLayer) -> Option<String> {
        let is_gateway = matches!(layer, TrafficLayer::GatewayApi { .. });
        let is_grpc = matches!(layer, TrafficLayer::GatewayApi { kind: RouteKind::Grpc, .. });
        let why = match self {
            Self::EnvoyGateway if !is_gateway => "it counts by the rules of a route of the Gateway API",
            Self::EnvoyGateway | Self::IstioStockEnvoy if is_grpc => {
                "it counts by the status of HTTP, which is 200 whatever gRPC says"
            }
            Self::IngressNginx if !matches!(layer, TrafficLayer::IngressNginx { .. }) => "it counts by Ingress",
            Self::IstioGateway | Self::IstioStockEnvoy if matches!(layer, TrafficLayer::IngressNginx { .. }) => {
                "ingress-nginx sends to pods itself, past what it counts"
            }
            Self::IstioGateway | Self::IstioStockEnvoy if !layer.has_route() => {
                "it counts by Service, and both versions are behind the same ones"
            }
            Self::EnvoyGateway
            | Self::IstioGateway
            | Self::Istio
            | Self::IstioStockEnvoy
            | Self::IngressNginx
            | Self::Practice => return None,
        };
        Some(format!(
            "{} cannot tell the versions apart here: {why}; choose what counts the requests of this traffic layer",
            self.words()
        ))
    }
}

/// What Slipway looks at by itself, without a metric source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuiltInCheck {
    /// New pods that are not ready.
    PodsNotReady,
    /// The most restarts that a container of a new pod had.
    Restarts,
    /// New pods that wait for a reason that does not go away by itself, such as `CrashLoopBackOff`.
    WaitingReasons,
    /// Whether an HTTP request to the target failed: 1 or 0.
    HealthRequest,
    /// Whether fewer new pods are ready than wanted: 1 or 0.
    HealthByReadiness,
}

/// What a rule measures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Measure {
    /// Requests, by the template of a data plane.
    Traffic {
        /// What of them.
        what: Traffic,
        /// Who counts them.
        plane: DataPlane,
    },
    /// Containers and volumes, by the counters of the kubelet and kube-state-metrics.
    Resource {
        /// What of them.
        what: Resource,
    },
    /// Something that Slipway looks at by itself.
    BuiltIn {
        /// What it looks at.
        check: BuiltInCheck,
    },
    /// Whatever a query of the person's own says.
    Custom {
        /// What it says, in a word or two: `checkout failures`.
        words: String,
        /// In which unit.
        unit: Unit,
        /// The query; its value must be one number.
        query: CustomQuery,
        /// The query for the number of requests that the value rests on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        requests: Option<CustomQuery>,
    },
}

impl Measure {
    /// What is measured, in a word or two: `error rate`, `p95`.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Traffic { what: Traffic::ErrorRate, .. } => "error rate",
            Self::Traffic { what: Traffic::SuccessRate, .. } => "success rate",
            Self::Traffic { what: Traffic::Latency(Quantile::P50), .. } => "p50",
            Self::Traffic { what: Traffic::Latency(Quantile::P95), .. } => "p95",
            Self::Traffic { what: Traffic::Latency(Quantile::P99), .. } => "p99",
            Self::Traffic { what: Traffic::RequestRate, .. } => "request rate",
            Self::Resource { what: Resource::Cpu } => "CPU",
            Self::Resource { what: Resource::Memory } => "memory",
            Self::Resource { what: Resource::Disk } => "disk",
            Self::BuiltIn { check: BuiltInCheck::PodsNotReady } => "pods not ready",
            Self::BuiltIn { check: BuiltInCheck::Restarts } => "restarts",
            Self::BuiltIn { check: BuiltInCheck::WaitingReasons } => "pods that cannot start",
            Self::BuiltIn { check: BuiltInCheck::HealthRequest | BuiltInCheck::HealthByReadiness } => "health check",
            Self::Custom { words, .. } => words,
        }
    }

    /// The unit of the value.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        match self {
            Self::Traffic { what: Traffic::ErrorRate | Traffic::SuccessRate, .. } | Self::Resource { .. } => {
                Unit::Percent
            }
            Self::Traffic { what: Traffic::Latency(_), .. } => Unit::Milliseconds,
            Self::Traffic { what: Traffic::RequestRate, .. } => Unit::PerSecond,
            Self::BuiltIn { .. } => Unit::Count,
            Self::Custom { unit, .. } => *unit,
        }
    }

    /// Whether the number of requests behind a value can be asked for.
    #[must_use]
    pub const fn counts_requests(&self) -> bool {
        match self {
            Self::Traffic { .. } => true,
            Self::Resource { .. } | Self::BuiltIn { .. } => false,
            Self::Custom { requests, .. } => requests.is_some(),
        }
    }

    /// Whether it is an HTTP request to the target, which no workload answers for alone.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        matches!(self, Self::BuiltIn { check: BuiltInCheck::HealthRequest })
    }

    /// Whether it is a yes or no about the target's health.
    #[must_use]
    pub const fn is_health(&self) -> bool {
        matches!(self, Self::BuiltIn { check: BuiltInCheck::HealthRequest | BuiltInCheck::HealthByReadiness })
    }

    /// Whether a value is about a moment instead of a window.
    #[must_use]
    pub const fn is_of_a_moment(&self) -> bool {
        matches!(self, Self::BuiltIn { .. })
    }
}
