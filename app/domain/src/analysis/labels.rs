//! What the two sides of a target are called where requests are counted.

use serde_json::Value;

use crate::{
    names::{Namespace, ServiceName, WorkloadName},
    traffic::RouteKind,
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

/// A rule of a route, as it is while the traffic is shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteRule {
    /// Which of the route's rules, from 0.
    pub number: u16,
    /// Which of the rule's backends this side is, from 0, where backends are counted one by one: Envoy
    /// Gateway does so when one of them has a filter, and counts all of a rule together otherwise.
    pub backend: Option<u16>,
}

/// What one side of a target is called where requests are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// Which side.
    pub side: Side,
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
/// behind each of the Service's, and with testers a rule of theirs stands before each that is shared.
#[must_use]
pub fn rules_to(saved: &Value, service: &WorkloadName, side: Side, has_testers: bool) -> (Vec<RouteRule>, Option<u16>) {
    let (mut rules, mut port) = (Vec::new(), None);
    let mut number = 0;
    for rule in saved.as_array().into_iter().flatten() {
        let references = rule.get("backendRefs").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let is_to = |one: &&Value| one.get("name").and_then(Value::as_str) == Some(service.as_str());
        let gets = |one: &Value| one.get("weight").and_then(Value::as_u64) != Some(0);
        let found = references.iter().position(|one| is_to(&one) && gets(one));
        if let Some((at, reference)) = found.and_then(|at| Some((at, references.get(at)?))) {
            let named = reference.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
            port = port.or(named);
            let is_counted_alone = references.iter().any(has_filters);
            if has_testers {
                let of_testers = RouteRule { number, backend: is_counted_alone.then_some(0) };
                rules.extend((side == Side::Canary).then_some(of_testers));
                number += 1;
            }
            let backend = u16::try_from(at).unwrap_or(u16::MAX).saturating_add(u16::from(side == Side::Canary));
            rules.push(RouteRule { number, backend: is_counted_alone.then_some(backend) });
        }
        number += 1;
    }
    (rules, port)
}

fn has_filters(reference: &Value) -> bool {
    reference.get("filters").and_then(Value::as_array).is_some_and(|filters| !filters.is_empty())
}
