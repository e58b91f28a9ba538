//! HTTPRoute and GRPCRoute of the Gateway API (`gateway.networking.k8s.io/v1`).
//!
//! A weight is a proportion of the sum, and 1 where none is written: a second backend without one
//! would get half.

use domain::{
    aside::{Compared, TesterMatch},
    traffic::{RouteKind, Weight},
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
        let text = |field: &str| reference.get(field).and_then(Value::as_str);
        text("group").unwrap_or_default().is_empty()
            && text("kind").is_none_or(|kind| kind == "Service")
            && text("namespace").is_none_or(|namespace| namespace == self.names.namespace)
            && text("name") == Some(service)
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
        (custom("gateway.networking.k8s.io", self.kind.kind(), plural), self.route.clone())
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

/// Whether every gateway of the route has accepted what it says now, and what one says against it.
fn accepted(route: &DynamicObject) -> (bool, Option<String>) {
    let generation = route.metadata.generation.unwrap_or(0);
    let parents = route.data.pointer("/status/parents").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if parents.is_empty() {
        return (false, Some("no gateway has taken it up".to_owned()));
    }
    let mut is_accepted = true;
    let mut complaint = None;
    for parent in parents {
        let condition = |kind: &str| {
            let conditions = parent.get("conditions").and_then(Value::as_array);
            let found =
                conditions.into_iter().flatten().find(|c| c.get("type").and_then(Value::as_str) == Some(kind))?;
            // What was said of a former state of the object says nothing of this one.
            let seen = found.get("observedGeneration").and_then(Value::as_i64).unwrap_or(0);
            (seen >= generation).then_some(found)
        };
        let is = |found: &Value, status: &str| found.get("status").and_then(Value::as_str) == Some(status);
        let (taken, resolved) = (condition("Accepted"), condition("ResolvedRefs"));
        let is_bad = resolved.is_some_and(|resolved| is(resolved, "False"));
        is_accepted &= taken.is_some_and(|taken| is(taken, "True")) && !is_bad;
        let against = taken.filter(|taken| is(taken, "False")).or(resolved.filter(|_| is_bad));
        complaint = complaint.or_else(|| against.map(words_of));
    }
    (is_accepted, complaint)
}

fn words_of(condition: &Value) -> String {
    let text = |field: &str| condition.get(field).and_then(Value::as_str).unwrap_or_default();
    cut(&format!("{}: {}", text("reason"), text("message")), MESSAGE_LENGTH)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use domain::aside::MatchBy;

    use super::{
        super::sample::{beside, names, scene, share, weight},
        *,
    };

    fn provider() -> GatewayApi {
        GatewayApi::new(names(), RouteKind::Http, "cart")
    }

    fn route(rules: &Value) -> Value {
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": {"name": "cart", "namespace": "shop", "generation": 3},
            "spec": {"parentRefs": [{"name": "public"}], "hostnames": ["cart.test"], "rules": rules},
            "status": {"parents": [parent("True", 3, "True")]},
        })
    }

    fn parent(accepted: &str, generation: i64, resolved: &str) -> Value {
        let condition = |kind: &str, status: &str| {
            json!({"type": kind, "status": status, "observedGeneration": generation, "reason": format!("R{status}"),
                   "message": format!("{kind} is {status}")})
        };
        json!({"conditions": [condition("Accepted", accepted), condition("ResolvedRefs", resolved)]})
    }

    fn after(rules: &Value, saved: &Value, percent: u8) -> Value {
        let plan = provider().write(&scene(route(rules)), saved, &share(percent)).unwrap();
        let (pointer, value) = plan.main.unwrap();
        assert_eq!((pointer, plan.second), ("/spec/rules", Second::AsItIs));
        value
    }

    fn rules_now(rules: &Value) -> Value {
        provider().rules(&scene(route(rules)))
    }

    fn read(rules: &Value) -> Reading {
        provider().read(&scene(route(rules)))
    }

    fn to(name: &str, weight: u64) -> Value {
        json!({"group": "", "kind": "Service", "name": name, "port": 80, "weight": weight})
    }

    #[test]
    fn the_candidate_gets_its_share_and_others_keep_theirs() {
        let table = [
            // A weight that is missing is 1.
            (json!([{"name": "cart", "port": 80}]), 10, json!([("cart", 90), ("cart-canary", 10)])),
            (json!([to("cart", 1)]), 33, json!([("cart", 67), ("cart-canary", 33)])),
            (json!([to("cart", 1)]), 100, json!([("cart", 0), ("cart-canary", 100)])),
            (json!([to("cart", 80), to("old", 20)]), 10, json!([("cart", 72), ("cart-canary", 8), ("old", 20)])),
            (json!([to("old", 0), to("cart", 5)]), 20, json!([("old", 0), ("cart", 80), ("cart-canary", 20)])),
            // A Service of another namespace, or an object of another kind, is another one.
            (
                json!([to("cart", 1), {"name": "cart", "namespace": "else", "port": 80}]),
                50,
                json!([("cart", 25), ("cart-canary", 25), ("cart", 50)]),
            ),
            (
                json!([to("cart", 1), {"group": "multicluster.x-k8s.io", "kind": "ServiceImport", "name": "cart"}]),
                50,
                json!([("cart", 25), ("cart-canary", 25), ("cart", 50)]),
            ),
        ];
        for (references, percent, expected) in table {
            let rules = json!([{"backendRefs": references}]);
            let saved = rules_now(&rules);
            assert_eq!(saved, rules);
            let written = after(&rules, &saved, percent);
            let shown: Vec<(&str, u64)> = written[0]["backendRefs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|r| (r["name"].as_str().unwrap(), r["weight"].as_u64().unwrap()))
                .collect();
            assert_eq!(json!(shown), expected, "{references} {percent}");
            let seen = read(&written);
            assert_eq!((seen.weight, seen.is_accepted, seen.complaint), (weight(percent), true, None));
            // From any share to any other, and back to what it was, byte by byte.
            assert_eq!(after(&written, &saved, 7), after(&rules, &saved, 7));
            assert_eq!(after(&written, &saved, 0), rules);
        }
    }

    #[test]
    fn a_reference_is_copied_whole_and_other_rules_stay() {
        let filters = json!([{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x"]}}]);
        let rules = json!([
            {"name": "main", "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
             "filters": [{"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "cart", "port": 80}}}],
             "backendRefs": [{"name": "cart", "namespace": "shop", "port": 8080, "filters": filters},
                             {"name": "cart", "port": 9090, "weight": 3}],
             "timeouts": {"request": "3s"}},
            {"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}]},
            {"backendRefs": [to("pay", 1)]},
            {"backendRefs": [to("cart", 0), to("pay", 1)]},
        ]);
        let written = after(&rules, &rules, 50);
        assert_eq!(
            written[0]["backendRefs"],
            json!([
                {"name": "cart", "namespace": "shop", "port": 8080, "filters": filters, "weight": 1},
                {"name": "cart-canary", "namespace": "shop", "port": 8080, "filters": filters, "weight": 1},
                {"name": "cart", "port": 9090, "weight": 3},
                {"name": "cart-canary", "port": 9090, "weight": 3},
            ])
        );
        for field in ["name", "matches", "filters", "timeouts"] {
            assert_eq!(written[0][field], rules[0][field]);
        }
        for rule in 1..4 {
            assert_eq!(written[rule], rules[rule]);
        }
        assert_eq!(read(&written).weight, weight(50));
        assert_eq!(after(&written, &rules, 0), rules);
    }

    #[test]
    fn what_others_changed_meanwhile_stays_and_only_the_candidate_is_taken_out() {
        let rules = json!([{"backendRefs": [to("cart", 1)]}]);
        let mut changed = after(&rules, &rules, 20);
        changed[0]["timeouts"] = json!({"request": "9s"});
        changed.as_array_mut().unwrap().push(json!({"backendRefs": [to("cart", 1), to("pay", 1)]}));
        let expected = json!([
            {"backendRefs": [to("cart", 1)], "timeouts": {"request": "9s"}},
            {"backendRefs": [to("cart", 1), to("pay", 1)]},
        ]);
        assert_eq!(after(&changed, &rules, 0), expected);
        assert_eq!(rules_now(&changed), expected);
        // The new rule has no share for the candidate: that is told, and the next write gives it one.
        let seen = read(&changed);
        assert_eq!((seen.weight, seen.is_accepted), (weight(20), false));
        assert!(seen.complaint.unwrap().contains("different shares"));
        assert_eq!(read(&after(&changed, &rules, 30)).complaint, None);
        // Somebody took the stable Service out: the candidate's share becomes its again.
        let alone = json!([{"backendRefs": [to("cart-canary", 5), to("pay", 5)]}]);
        assert_eq!(after(&alone, &rules, 0), json!([{"backendRefs": [to("pay", 50), to("cart", 50)]}]));
    }

    #[test]
    fn a_route_that_does_not_send_to_the_service_is_unfit() {
        for rules in [
            json!([]),
            Value::Null,
            json!([{"backendRefs": [to("pay", 1)]}]),
            json!([{"backendRefs": [to("cart", 0), to("pay", 1)]}]),
            json!([{"backendRefs": [{"name": "cart", "namespace": "else"}]}]),
        ] {
            let why = read(&rules).unfit.unwrap();
            assert!(why.contains("HTTPRoute cart") && why.contains("Service cart"), "{why}");
        }
    }

    #[test]
    fn a_route_is_accepted_when_every_gateway_says_so_of_this_generation() {
        let table = [
            (json!([parent("True", 3, "True"), parent("True", 4, "True")]), true, None),
            (json!([]), false, Some("no gateway has taken it up")),
            (json!([parent("True", 2, "True")]), false, None),
            (json!([parent("True", 3, "True"), parent("True", 2, "False")]), false, None),
            (json!([parent("False", 3, "True")]), false, Some("RFalse: Accepted is False")),
            (json!([parent("True", 3, "False")]), false, Some("RFalse: ResolvedRefs is False")),
            (json!([{"conditions": []}]), false, None),
        ];
        for (parents, is_accepted, complaint) in table {
            let mut object = route(&json!([{"backendRefs": [to("cart", 1)]}]));
            object["status"]["parents"] = parents.clone();
            let seen = provider().read(&scene(object));
            assert_eq!((seen.is_accepted, seen.complaint.as_deref()), (is_accepted, complaint), "{parents}");
        }
    }

    #[test]
    fn testers_get_a_rule_before_each_that_sends_to_the_service_and_copies_a_filter_in_it() {
        let path = |value: &str| json!({"path": {"type": "PathPrefix", "value": value}});
        let filter = json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x"]}});
        let header = json!({"type": "Exact", "name": "canary", "value": "always"});
        let rules = json!([
            {"name": "main", "matches": [path("/a"), {"path": {"type": "Exact", "value": "/b"}, "headers": [{"name": "y", "value": "z"}]}],
             "filters": [filter], "backendRefs": [to("cart", 1)], "timeouts": {"request": "3s"}},
            {"matches": [path("/")], "backendRefs": [to("pay", 1)]},
            {"matches": [path("/")], "backendRefs": [to("cart", 75), to("old", 25)]},
        ]);
        let with = |share: &Share, rules: &Value| {
            provider().write(&scene(route(rules)), &rules_now(rules), share).unwrap().main.unwrap().1
        };
        let written = with(&beside(0, MatchBy::Header, 10), &rules);
        let mut tested = path("/a");
        tested["headers"] = json!([header]);
        let candidate = json!([{"group": "", "kind": "Service", "name": "cart-canary", "port": 80}]);
        assert_eq!(
            written[0],
            json!({"matches": [tested, {"path": {"type": "Exact", "value": "/b"}, "headers": [{"name": "y", "value": "z"}, header]}],
                   "filters": [filter], "backendRefs": candidate, "timeouts": {"request": "3s"}})
        );
        let copies = json!({"type": "RequestMirror", "requestMirror": {"backendRef": candidate[0], "percent": 10}});
        assert_eq!(written[1]["filters"], json!([filter, copies]));
        assert_eq!((&written[1]["backendRefs"], &written[2]), (&rules[0]["backendRefs"], &rules[1]));
        assert_eq!((written.as_array().unwrap().len(), &written[3]["backendRefs"]), (5, &candidate));
        assert_eq!(written[4]["filters"], json!([copies]));

        // From anything to anything, read as written, and back byte by byte.
        let mut now = rules.clone();
        for (percent, by, mirror) in [
            (0, MatchBy::Header, 10),
            (10, MatchBy::Header, 0),
            (100, MatchBy::Cookie, 0),
            (50, MatchBy::Cookie, 30),
            (0, MatchBy::Header, 0),
        ] {
            let wanted = beside(percent, by, mirror);
            assert_eq!(rules_now(&now), rules);
            now = with(&wanted, &now);
            let seen = read(&now);
            assert_eq!((seen.weight, &seen.aside, seen.is_accepted), (wanted.weight, &wanted.aside, true), "{now:#}");
        }
        assert_eq!(after(&now, &rules, 0), rules);
        // Without what was saved, too.
        assert_eq!(after(&now, &Value::Null, 0), rules);
    }

    #[test]
    fn what_the_api_server_fills_in_and_others_change_does_not_hide_testers() {
        let rules = json!([{"backendRefs": [to("cart", 1)]}]);
        let wanted = beside(10, MatchBy::Header, 0);
        let mut now = provider().write(&scene(route(&rules)), &rules, &wanted).unwrap().main.unwrap().1;
        for rule in 0..2 {
            let one = now[rule]["matches"][0].as_object().cloned().unwrap_or_default();
            let mut one = Value::Object(one);
            one["path"] = json!({"type": "PathPrefix", "value": "/"});
            now[rule]["matches"] = json!([one]);
        }
        assert_eq!(read(&now).aside, wanted.aside);
        now[1]["timeouts"] = json!({"request": "9s"});
        assert_eq!(read(&now).aside, wanted.aside);
        let back = after(&now, &rules, 0);
        assert_eq!((back.as_array().unwrap().len(), &back[0]["timeouts"]), (1, &json!({"request": "9s"})));
        // Where one rule lost its testers, that is told.
        now.as_array_mut().unwrap().push(json!({"backendRefs": [to("cart", 90), to("cart-canary", 10)]}));
        assert!(read(&now).complaint.unwrap().contains("testers"));
        // A header that is asked for already cannot tell testers.
        let asked =
            json!([{"matches": [{"headers": [{"name": "Canary", "value": "x"}]}], "backendRefs": [to("cart", 1)]}]);
        let why = provider().write(&scene(route(&asked)), &asked, &wanted).unwrap_err();
        assert!(why.contains("HTTPRoute cart asks for the header canary already"), "{why}");
    }
}
