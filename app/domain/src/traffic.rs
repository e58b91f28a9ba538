//! Traffic between the version that serves (stable) and the one that is tried beside it (the
//! candidate): shares, the layer that moves them, how many pods a share needs. Knows no objects of
//! Kubernetes beyond their names.

use serde::{Deserialize, Serialize};

use crate::{
    aside::{Aside, MatchBy, TesterMatch},
    names::{ObjectName, WorkloadName},
    observation::{Manager, Stamp, WorkloadRef},
};

/// A share of the traffic in percent, 0 to 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Weight(u8);

impl Weight {
    /// No traffic.
    pub const NONE: Self = Self(0);
    /// All of it.
    pub const ALL: Self = Self(100);

    /// A share of `percent`.
    ///
    /// # Errors
    /// Says the limit.
    pub fn percent(percent: u8) -> Result<Self, String> {
        if percent <= 100 { Ok(Self(percent)) } else { Err("a weight is 0 to 100 percent".to_owned()) }
    }

    /// A share of `percent`, or everything where that is more.
    #[must_use]
    pub const fn at_most(percent: u8) -> Self {
        if percent < 100 { Self(percent) } else { Self::ALL }
    }

    /// The percentage.
    #[must_use]
    pub const fn as_percent(self) -> u8 {
        self.0
    }

    /// What is left for the other side.
    #[must_use]
    pub const fn rest(self) -> Self {
        Self(100 - self.0)
    }
}

impl TryFrom<u8> for Weight {
    type Error = String;

    fn try_from(percent: u8) -> Result<Self, String> {
        Self::percent(percent)
    }
}

impl From<Weight> for u8 {
    fn from(weight: Weight) -> u8 {
        weight.0
    }
}

impl std::fmt::Display for Weight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// The kind of a route of the Gateway API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteKind {
    /// `HTTPRoute`.
    Http,
    /// `GRPCRoute`.
    Grpc,
}

impl RouteKind {
    /// Kubernetes' name of the kind.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Http => "HTTPRoute",
            Self::Grpc => "GRPCRoute",
        }
    }
}

/// What moves the traffic of a workload from its stable pods to the candidate's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "layer", rename_all = "snake_case")]
pub enum TrafficLayer {
    /// Nothing but the number of pods: the candidate's are behind the same Services.
    Replicas,
    /// The selector of a Service, switched as a whole.
    Selector {
        /// The Service.
        service: ObjectName,
    },
    /// The weights of a route of the Gateway API.
    GatewayApi {
        /// The Service that the route sends to.
        service: ObjectName,
        /// The route's kind.
        kind: RouteKind,
        /// The route's name.
        route: ObjectName,
    },
    /// The weights of an Istio `VirtualService`.
    Istio {
        /// The Service that it sends to.
        service: ObjectName,
        /// Its name.
        virtual_service: ObjectName,
    },
    /// A second `Ingress` with ingress-nginx' canary annotations.
    IngressNginx {
        /// The Service that the Ingress sends to.
        service: ObjectName,
        /// The Ingress' name.
        ingress: ObjectName,
    },
}

/// Whether a reference of a route of the Gateway API is to a Service of this name in the route's namespace.
#[must_use]
pub fn is_to_service(reference: &serde_json::Value, namespace: &str, service: &str) -> bool {
    let text = |field: &str| reference.get(field).and_then(serde_json::Value::as_str);
    text("group").unwrap_or_default().is_empty()
        && text("kind").is_none_or(|kind| kind == "Service")
        && text("namespace").is_none_or(|other| other == namespace)
        && text("name") == Some(service)
}

impl TrafficLayer {
    /// By which version of its kind the object is read, where clusters are in use that do not serve that.
    #[must_use]
    pub const fn served_as(&self) -> Option<&'static str> {
        match self {
            Self::Istio { .. } => Some("networking.istio.io/v1, which Istio serves from 1.22 on"),
            Self::GatewayApi { kind: RouteKind::Grpc, .. } => {
                Some("gateway.networking.k8s.io/v1, which has GRPCRoutes from Gateway API 1.1 on")
            }
            Self::GatewayApi { kind: RouteKind::Http, .. } => {
                Some("gateway.networking.k8s.io/v1, which has HTTPRoutes from Gateway API 1.0 on")
            }
            Self::Replicas | Self::Selector { .. } | Self::IngressNginx { .. } => None,
        }
    }

    /// The Service whose traffic is moved, when there is one.
    #[must_use]
    pub const fn service(&self) -> Option<&ObjectName> {
        match self {
            Self::Replicas => None,
            Self::Selector { service }
            | Self::GatewayApi { service, .. }
            | Self::Istio { service, .. }
            | Self::IngressNginx { service, .. } => Some(service),
        }
    }

    /// Whether an object says who gets which share; without one the pods' numbers do.
    #[must_use]
    pub const fn has_route(&self) -> bool {
        self.service().is_some()
    }

    /// Whether shares between nothing and everything can be had.
    #[must_use]
    pub const fn is_gradual(&self) -> bool {
        !matches!(self, Self::Selector { .. })
    }

    /// Why testers cannot be told from others by this layer; `None` when they can.
    #[must_use]
    pub fn cannot_match(&self, testers: &TesterMatch) -> Option<String> {
        match self {
            Self::GatewayApi { .. } | Self::Istio { .. } => None,
            Self::IngressNginx { .. } => (testers.by() == MatchBy::Cookie && testers.value() != "always")
                .then(|| "ingress-nginx knows testers by a cookie only when its value is 'always'".to_owned()),
            Self::Replicas | Self::Selector { .. } => {
                Some(format!("{} does not look at requests, so it cannot tell testers from others", self.words()))
            }
        }
    }

    /// Why requests cannot be copied by this layer; `None` when they can.
    #[must_use]
    pub fn cannot_mirror(&self) -> Option<String> {
        match self {
            Self::GatewayApi { .. } | Self::Istio { .. } => None,
            Self::IngressNginx { .. } => Some(
                "ingress-nginx copies all requests of an Ingress or none (mirror-target), and never a share of them"
                    .to_owned(),
            ),
            Self::Replicas | Self::Selector { .. } => {
                Some(format!("{} does not look at requests, so it cannot copy any", self.words()))
            }
        }
    }

    /// The object that moves the traffic, for people: `HTTPRoute cart`.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Replicas => "the number of pods".to_owned(),
            Self::Selector { service } => format!("Service {service}"),
            Self::GatewayApi { kind, route, .. } => format!("{} {route}", kind.kind()),
            Self::Istio { virtual_service, .. } => format!("VirtualService {virtual_service}"),
            Self::IngressNginx { ingress, .. } => format!("Ingress {ingress}"),
        }
    }

    /// How many pods a candidate needs for `weight` beside `full` stable ones. With a layer that
    /// has weights the candidate carries its share alone; without one the numbers are the shares.
    #[must_use]
    pub fn candidate_pods(&self, full: u32, weight: Weight) -> u32 {
        let percent = u32::from(weight.as_percent());
        if full == 0 || percent == 0 {
            return 0;
        }
        match self {
            Self::Selector { .. } => full,
            Self::Replicas if percent == 100 => full,
            // The nearest number of pods c with c / (full + c) = weight: stable pods are never taken away.
            Self::Replicas => {
                let (wanted, rest) = (full.saturating_mul(percent), 100 - percent);
                (wanted.saturating_add(rest / 2) / rest).clamp(1, full)
            }
            Self::GatewayApi { .. } | Self::Istio { .. } | Self::IngressNginx { .. } => {
                full.saturating_mul(percent).div_ceil(100)
            }
        }
    }

    /// The share that `candidate` pods beside `stable` ones get when `weight` is asked for.
    #[must_use]
    pub fn achievable(&self, stable: u32, candidate: u32, weight: Weight) -> Weight {
        match self {
            Self::Replicas if stable + candidate > 0 => {
                let share = (candidate * 100 + (stable + candidate) / 2) / (stable + candidate);
                Weight::at_most(u8::try_from(share).unwrap_or(u8::MAX))
            }
            Self::Selector { .. } if weight != Weight::ALL => Weight::NONE,
            _ => weight,
        }
    }

    /// What a share comes to beside `full` pods that serve: without weights it is what whole pods can express.
    #[must_use]
    pub fn comes_to(&self, full: u32, weight: Weight) -> Weight {
        self.achievable(full, self.candidate_pods(full, weight), weight)
    }
}

/// The longest name that gets an ending: a Service's name is at most 63 characters.
const NAME_WITH_ROOM: usize = 54;

/// The name of the candidate beside `stable`: `cart-canary`, `cart-preview`.
#[must_use]
pub fn candidate_of(stable: &WorkloadRef, ending: CandidateName) -> WorkloadRef {
    let name = ending.after(&stable.name);
    WorkloadRef::deployment(stable.namespace.clone(), name)
}

/// How candidates are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateName {
    /// `-canary`.
    Canary,
    /// `-preview`.
    Preview,
}

impl CandidateName {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Canary, Self::Preview];

    /// The ending.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Canary => "canary",
            Self::Preview => "preview",
        }
    }

    /// `name` with the ending, so that it names a Service too: cut where it is long, without dots, and after a letter
    /// where it begins with a digit (RFC 1035).
    #[must_use]
    pub fn after(self, name: &WorkloadName) -> WorkloadName {
        let letter = if name.as_str().starts_with(|c: char| c.is_ascii_digit()) { "w-" } else { "" };
        let kept: String =
            format!("{letter}{}", name.as_str().replace('.', "-")).chars().take(NAME_WITH_ROOM).collect();
        let kept = kept.trim_end_matches('-');
        WorkloadName::parse(&format!("{kept}-{}", self.as_str())).unwrap_or_else(|_| name.clone())
    }
}

/// What a route shows of the traffic to a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteObservation {
    /// Kubernetes' identity of the object.
    pub uid: String,
    /// The share that the object gives to the candidate; none when it does not name it.
    pub weight: Weight,
    /// What the candidate gets beside it.
    #[serde(default)]
    pub aside: Aside,
    /// Whether the layer says that it does what the object says now.
    pub is_accepted: bool,
    /// Why it is not accepted, in the layer's words, when it says so.
    pub complaint: Option<String>,
    /// Why this object cannot move the traffic, with what to do; nothing may be written then.
    pub unfit: Option<String>,
    /// How many ready addresses the candidate's own Service has; `None` where there is none to ask.
    pub candidate_endpoints: Option<u32>,
    /// What the object says about traffic, kept so that it can be put back exactly.
    pub rules: serde_json::Value,
    /// Our mark, when Slipway wrote the object.
    pub stamp: Option<Stamp>,
    /// Another tool that owns the object.
    pub manager: Option<Manager>,
}

/// What reading a route gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteObserved {
    /// The object is there.
    Present(Box<RouteObservation>),
    /// The object is not there.
    Missing,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn weight(percent: u8) -> Weight {
        Weight::percent(percent).unwrap()
    }

    #[test]
    fn a_candidate_has_the_pods_that_its_share_needs() {
        let weighted = TrafficLayer::Istio {
            service: ObjectName::parse("cart").unwrap(),
            virtual_service: ObjectName::parse("cart").unwrap(),
        };
        let table = [
            (&weighted, 4, 0, 0),
            (&weighted, 4, 1, 1),
            (&weighted, 4, 25, 1),
            (&weighted, 4, 26, 2),
            (&weighted, 3, 100, 3),
            (&TrafficLayer::Replicas, 4, 10, 1),
            (&TrafficLayer::Replicas, 4, 20, 1),
            (&TrafficLayer::Replicas, 10, 10, 1),
            (&TrafficLayer::Replicas, 4, 50, 4),
            (&TrafficLayer::Replicas, 4, 100, 4),
            (&TrafficLayer::Replicas, 0, 50, 0),
        ];
        for (layer, full, percent, pods) in table {
            assert_eq!(layer.candidate_pods(full, weight(percent)), pods, "{layer:?} {full} {percent}");
        }
    }

    #[test]
    fn what_numbers_of_pods_can_express_is_told() {
        assert_eq!(TrafficLayer::Replicas.achievable(4, 1, weight(10)), weight(20));
        assert_eq!(TrafficLayer::Replicas.achievable(4, 4, weight(50)), weight(50));
        assert_eq!(TrafficLayer::Replicas.achievable(0, 0, weight(50)), weight(50));
    }

    #[test]
    fn names_of_candidates_still_name_a_service() {
        let name = WorkloadName::parse(&"a".repeat(70)).unwrap();
        let candidate = CandidateName::Preview.after(&name);
        assert!(candidate.as_str().len() <= 63 && candidate.as_str().ends_with("-preview"));
        for (name, expected) in
            [("cart", "cart-canary"), ("cart.v2", "cart-v2-canary"), ("2048-game", "w-2048-game-canary")]
        {
            assert_eq!(CandidateName::Canary.after(&WorkloadName::parse(name).unwrap()).as_str(), expected);
        }
    }
}
