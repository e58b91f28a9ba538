//! HTTPRoute and GRPCRoute of the Gateway API (`gateway.networking.k8s.io/v1`).
//!
//! A weight is a proportion of the sum, and 1 where none is written: a second backend without one
//! would get half.

use domain::{
    aside::{Compared, TesterMatch},
    traffic::{RouteKind, Weight, is_to_service},
};
use kube::{api::DynamicObject, core::ApiResource};
use serde_json::{Value, json};

use super::{
    Names, Plan, Provider, Reading, Scene, Second, Share,
    beside::{Beside, Split, arranged, plain, split},
    weighted::{Dialect, Role, Shares, shares},
};
use crate::{error::cut, objects::custom};

const RULES: &str = "/spec/rules";

/// The group of what routes are attached to, and of the routes.
const GROUP: &str = "gateway.networking.k8s.io";

/// The filter that copies requests.
const MIRROR: &str = "RequestMirror";

/// The longest text of a condition that is passed on.
const MESSAGE_LENGTH: usize = 300;

pub(super) struct GatewayApi {
    names: Names,
    kind: RouteKind,
    route: String,
}

impl GatewayApi {
    pub(super) fn new(names: Names, kind: RouteKind, route: &str) -> Self {
        Self { names, kind, route: route.to_owned() }
    }

    /// Whether a reference is to a Service of this name in the route's namespace.
    fn is_to(&self, reference: &Value, service: &str) -> bool {
        is_to_service(reference, &self.names.namespace, service)
    }

    fn named(&self, reference: &Value, service: &str) -> Value {
        let mut reference = reference.clone();
        reference["name"] = json!(service);
        reference
    }
}

impl Dialect for GatewayApi {
    const LIST: &'static str = "backendRefs";

    fn role(&self, reference: &Value) -> Role {
        if self.is_to(reference, &self.names.stable) {
            Role::Stable
        } else if self.is_to(reference, &self.names.candidate) {
            Role::Candidate
        } else {
            Role::Other
        }
    }

    fn default_weight(&self, _: usize) -> u64 {
        1
    }

    fn ignores_weight_of_only_one(&self) -> bool {
        false
    }

    fn to_candidate(&self, stable: &Value) -> Value {
        self.named(stable, &self.names.candidate)
    }

    fn to_stable(&self, candidate: &Value) -> Value {
        self.named(candidate, &self.names.stable)
    }
}

impl Beside for GatewayApi {
    const MATCHES: &'static str = "matches";

    fn with_testers(&self, one: &Value, testers: &TesterMatch) -> Result<Value, String> {
        let header = match testers.compared() {
            Compared::Exact { header, value } => json!({"type": "Exact", "name": header, "value": value}),
            Compared::Regex { header, pattern } => {
                json!({"type": "RegularExpression", "name": header, "value": pattern})
            }
        };
        let mut one = one.clone();
        let is_there = |found: &Value| {
            found
                .get("name")
                .and_then(Value::as_str)
                .is_some_and(|n| n.eq_ignore_ascii_case(header["name"].as_str().unwrap_or_default()))
        };
        let mut headers = one.get("headers").and_then(Value::as_array).cloned().unwrap_or_default();
        if headers.iter().any(is_there) {
            return Err(format!(
                "{} {} asks for the header {} already; let testers be known by another one",
                self.kind.kind(),
                self.route,
                header["name"].as_str().unwrap_or_default()
            ));
        }
        headers.push(header);
        one["headers"] = Value::Array(headers);
        Ok(one)
    }

    fn conditions(&self, one: &Value) -> Vec<(TesterMatch, Value)> {
        let headers = one.get("headers").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let without = |index: usize| {
            let mut bare = one.clone();
            let left: Vec<&Value> = headers.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, h)| h).collect();
            bare["headers"] = json!(left);
            if let Some(fields) = bare.as_object_mut() {
                if left.is_empty() {
                    fields.remove("headers");
                }
                // What the API server writes where no path is said.
                if fields.get("path") == Some(&json!({"type": "PathPrefix", "value": "/"})) {
                    fields.remove("path");
                }
            }
            bare
        };
        let read = |(index, header): (usize, &Value)| {
            let text = |field: &str| header.get(field).and_then(Value::as_str).map(str::to_owned);
            let name = text("name")?;
            let compared = match text("type").as_deref() {
                None | Some("Exact") => Compared::Exact { header: name, value: text("value")? },
                Some(_) => Compared::Regex { header: name, pattern: text("value")? },
            };
            Some((TesterMatch::of(&compared)?, without(index)))
        };
        headers.iter().enumerate().filter_map(read).collect()
    }

    fn with_mirror(&self, rule: &Value, candidate: &Value, share: Weight) -> Result<Value, String> {
        let mut reference = candidate.clone();
        if let Some(fields) = reference.as_object_mut() {
            fields.remove("filters");
        }
        let filter = json!({"type": MIRROR, "requestMirror": {"backendRef": reference, "percent": share.as_percent()}});
        let mut rule = rule.clone();
        let mut filters = rule.get("filters").and_then(Value::as_array).cloned().unwrap_or_default();
        filters.push(filter);
        rule["filters"] = Value::Array(filters);
        Ok(rule)
    }

    fn mirror_of(&self, rule: &Value) -> Option<(Weight, Value)> {
        let filters = rule.get("filters").and_then(Value::as_array)?;
        let is_ours = |filter: &Value| {
            filter.get("type").and_then(Value::as_str) == Some(MIRROR)
                && filter.pointer("/requestMirror/backendRef").is_some_and(|to| self.is_to(to, &self.names.candidate))
        };
        let ours = filters.iter().find(|filter| is_ours(filter))?;
        // Where no share is said, everything is copied.
        let percent = ours.pointer("/requestMirror/percent").and_then(Value::as_u64).unwrap_or(100);
        let mut bare = rule.clone();
        let left: Vec<&Value> = filters.iter().filter(|filter| !is_ours(filter)).collect();
        bare["filters"] = json!(left);
        if let Some(fields) = bare.as_object_mut().filter(|_| left.is_empty()) {
            fields.remove("filters");
        }
        Some((Weight::at_most(u8::try_from(percent).unwrap_or(100)), bare))
    }
}

fn rules_of(object: &DynamicObject) -> &[Value] {
    object.data.pointer(RULES).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl Provider for GatewayApi {
    fn main(&self) -> (ApiResource, String) {
        let plural = match self.kind {
            RouteKind::Http => "httproutes",
            RouteKind::Grpc => "grpcroutes",
        };
        (custom(GROUP, self.kind.kind(), plural), self.route.clone())
    }

    fn why_not_kept(&self, field: &str) -> Option<&'static str> {
        let is_copies = field == "percent" || field == "requestMirror";
        is_copies.then_some("its Gateway API is older than 1.3, which copies all requests or none")
    }

    fn rules(&self, scene: &Scene) -> Value {
        Value::Array(plain(self, rules_of(&scene.main)))
    }

    fn read(&self, scene: &Scene) -> Reading {
        let (kind, route, service) = (self.kind.kind(), &self.route, &self.names.stable);
        let Split { rules, aside, is_uneven } = split(self, rules_of(&scene.main));
        let (weight, uneven) = match shares(self, &rules) {
            Shares::NotNamed => {
                return Reading::unfit(format!(
                    "{kind} {route} has no rule that sends to Service {service}; name the Service in a rule's \
                     backendRefs, or choose another route for the target"
                ));
            }
            Shares::Same(weight) => (weight, None),
            Shares::Different(most) => {
                (most, Some(format!("its rules give different shares to {}", self.names.candidate)))
            }
        };
        let uneven = uneven.or_else(|| is_uneven.then(|| "its rules differ in testers or copies".to_owned()));
        let (is_accepted, complaint) = accepted(&scene.main);
        Reading {
            weight,
            aside,
            is_accepted: is_accepted && uneven.is_none(),
            complaint: uneven.or(complaint),
            unfit: None,
        }
    }

    fn write(&self, scene: &Scene, saved: &Value, wanted: &Share) -> Result<Plan, String> {
        let rules = arranged(self, rules_of(&scene.main), saved, wanted)?;
        Ok(Plan { main: Some((RULES, Value::Array(rules))), second: Second::AsItIs })
    }
}

/// What a route is attached to, with what the API takes where a field is left out.
#[derive(PartialEq, Eq)]
struct Parent<'a> {
    group: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    section: Option<&'a str>,
    port: Option<u64>,
}

impl<'a> Parent<'a> {
    fn of(reference: &'a Value, namespace: &'a str) -> Self {
        let text = |field: &str| reference.get(field).and_then(Value::as_str);
        Self {
            group: text("group").unwrap_or(GROUP),
            kind: text("kind").unwrap_or("Gateway"),
            namespace: text("namespace").unwrap_or(namespace),
            name: text("name").unwrap_or_default(),
            section: text("sectionName"),
            port: reference.get("port").and_then(Value::as_u64),
        }
    }

    /// For people, in a route of this namespace: `Gateway infra/public (https, port 8443)`.
    fn words(&self, namespace: &str) -> String {
        let name = match self.namespace {
            own if own == namespace => self.name.to_owned(),
            other => format!("{other}/{}", self.name),
        };
        let parts: Vec<String> =
            self.section.map(str::to_owned).into_iter().chain(self.port.map(|port| format!("port {port}"))).collect();
        let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
        format!("{} {name}{parts}", self.kind)
    }
}

/// Whether everything that the route names as its parent has accepted what it says now, and what one says against it.
/// What else stands in the status was left by one that the route named once.
fn accepted(route: &DynamicObject) -> (bool, Option<String>) {
    let list = |pointer: &str| route.data.pointer(pointer).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let (named, entries) = (list("/spec/parentRefs"), list("/status/parents"));
    if named.is_empty() || entries.is_empty() {
        return (false, Some("no gateway has taken it up".to_owned()));
    }
    let generation = route.metadata.generation.unwrap_or(0);
    let namespace = route.metadata.namespace.as_deref().unwrap_or_default();
    let mut is_accepted = true;
    let mut complaint = None;
    for parent in named.iter().map(|reference| Parent::of(reference, namespace)) {
        let is_its = |entry: &&Value| Parent::of(&entry["parentRef"], namespace) == parent;
        let mut own = entries.iter().filter(is_its).peekable();
        if own.peek().is_none() {
            is_accepted = false;
            complaint = complaint.or_else(|| Some(format!("{} has not taken it up", parent.words(namespace))));
        }
        for entry in own {
            let (takes_it, against) = taken_by(entry, generation);
            is_accepted &= takes_it;
            complaint = complaint.or(against);
        }
    }
    (is_accepted, complaint)
}

/// Whether a parent has accepted this generation, by its entry in the status, and what it says against it.
fn taken_by(entry: &Value, generation: i64) -> (bool, Option<String>) {
    let condition = |kind: &str| {
        let conditions = entry.get("conditions").and_then(Value::as_array);
        let found = conditions.into_iter().flatten().find(|c| c.get("type").and_then(Value::as_str) == Some(kind))?;
        // What was said of a former state of the object says nothing of this one.
        let seen = found.get("observedGeneration").and_then(Value::as_i64).unwrap_or(0);
        (seen >= generation).then_some(found)
    };
    let is = |found: &Value, status: &str| found.get("status").and_then(Value::as_str) == Some(status);
    let (taken, resolved) = (condition("Accepted"), condition("ResolvedRefs"));
    let is_bad = resolved.is_some_and(|resolved| is(resolved, "False"));
    let against = taken.filter(|taken| is(taken, "False")).or(resolved.filter(|_| is_bad));
    (taken.is_some_and(|taken| is(taken, "True")) && !is_bad, against.map(words_of))
}

fn words_of(condition: &Value) -> String {
    let text = |field: &str| condition.get(field).and_then(Value::as_str).unwrap_or_default();
    cut(&format!("{}: {}", text("reason"), text("message")), MESSAGE_LENGTH)
}

#[cfg(test)]
mod tests;
