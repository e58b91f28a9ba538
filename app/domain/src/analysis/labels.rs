//! What the two sides of a target are called where requests are counted.

use serde_json::Value;

use super::Matchers;
use crate::{
    names::{Namespace, ServiceName, WorkloadName},
    traffic::{RouteKind, is_to_service},
    version::VersionLabel,
};

/// Which of the two versions is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The version that comes up.
    Canary,
    /// The version that runs.
    Stable,
}

/// A Kubernetes Service that requests go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The Service.
    pub service: WorkloadName,
    /// The Service that callers know, which the route names.
    pub stable: WorkloadName,
    /// The port, when what moves the traffic says it; all of its ports otherwise.
    pub port: Option<u16>,
}

/// The rules of a route of the Gateway API that send to a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The route's namespace.
    pub namespace: Namespace,
    /// The route.
    pub name: WorkloadName,
    /// Its kind.
    pub kind: RouteKind,
    /// Those of its rules that requests of this side go by.
    pub rules: Vec<RouteRule>,
    /// Whether both sides get requests by these rules now.
    pub is_shared: bool,
}

/// What Envoy Gateway counts a side's requests with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// With those to all backends of the rule.
    Together,
    /// Alone, as this one of the rule's backends, from 0: so where one of them has a filter.
    Backend(u16),
    /// Alone, as copies that this one of the rule's filters makes, from 0.
    Copies(u16),
}

/// A rule of a route, as it is while the traffic is shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteRule {
    /// Which of the route's rules, from 0.
    pub number: u16,
    /// How this side's requests are counted there.
    pub counted: Counted,
}

/// Which requests a candidate gets, and whether some rules are for it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// Whether a rule of its own leads testers to it.
    pub testers: bool,
    /// Whether it has a share of the others.
    pub share: bool,
    /// Whether it gets copies.
    pub copies: bool,
}

/// What one side of a target is called where requests are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// Which side.
    pub side: Side,
    /// What names the cluster in a source that several share.
    pub cluster: Matchers,
    /// The service.
    pub service: ServiceName,
    /// Its namespace.
    pub namespace: Namespace,
    /// The version on this side.
    pub version: VersionLabel,
    /// The Deployment on this side.
    pub workload: WorkloadName,
    /// The Service in front of it.
    pub backend: Option<Backend>,
    /// The route that leads to it.
    pub route: Option<Route>,
    /// The Ingress that people reach it by (the main one, not the one with canary annotations).
    pub ingress: Option<WorkloadName>,
}

/// The rules that requests of a side go by, from a route's `rules` as they were before the change, and the
/// port of the Service where they name one. While the traffic is shared out, a candidate's reference stands
/// behind each of the Service's; with testers a rule of theirs stands before each that is shared, and a filter
/// that copies stands behind the others of its rule.
#[must_use]
pub fn rules_to(
    saved: &Value,
    (namespace, service): (&Namespace, &WorkloadName),
    side: Side,
    given: Given,
) -> (Vec<RouteRule>, Option<u16>) {
    let (mut rules, mut port) = (Vec::new(), None);
    let (is_canary, mut number) = (side == Side::Canary, 0);
    for rule in saved.as_array().into_iter().flatten() {
        let references = rule.get("backendRefs").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let is_to = |one: &&Value| is_to_service(one, namespace.as_str(), service.as_str());
        let gets = |one: &Value| one.get("weight").and_then(Value::as_u64) != Some(0);
        let found = references.iter().position(|one| is_to(&one) && gets(one));
        if let Some((at, reference)) = found.and_then(|at| Some((at, references.get(at)?))) {
            let named = reference.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
            port = port.or(named);
            let alone = references.iter().any(|one| filters(one) > 0);
            let counted = |backend| if alone { Counted::Backend(backend) } else { Counted::Together };
            if given.testers {
                rules.extend(is_canary.then(|| RouteRule { number, counted: counted(0) }));
                number += 1;
            }
            let backend = u16::try_from(at).unwrap_or(u16::MAX).saturating_add(u16::from(is_canary));
            if !is_canary || given.share {
                rules.push(RouteRule { number, counted: counted(backend) });
            }
            if is_canary && given.copies {
                rules.push(RouteRule { number, counted: Counted::Copies(filters(rule)) });
            }
        }
        number += 1;
    }
    (rules, port)
}

/// How many filters a rule or a reference has.
fn filters(of: &Value) -> u16 {
    let filters = of.get("filters").and_then(Value::as_array).map_or(0, Vec::len);
    u16::try_from(filters).unwrap_or(u16::MAX)
}
