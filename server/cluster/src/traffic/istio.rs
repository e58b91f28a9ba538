//! Istio's VirtualService (`networking.istio.io/v1`).
//!
//! A destination without a weight gets everything when it is the only one of its route, and nothing
//! beside others. Istio writes a status only where it was told to.

use domain::{
    aside::{Compared, TesterMatch},
    traffic::Weight,
};
use kube::{api::DynamicObject, core::ApiResource};
use serde_json::{Value, json};

use super::{
    Names, Plan, Provider, Reading, Scene, Second, Share,
    beside::{Beside, Split, arranged, plain, split},
    weighted::{Dialect, Role, Shares, shares},
};
use crate::{error::cut, objects::custom};

const ROUTES: &str = "/spec/http";

/// The longest text of a condition that is passed on.
const MESSAGE_LENGTH: usize = 300;

pub(super) struct Istio {
    names: Names,
    virtual_service: String,
}

impl Istio {
    pub(super) fn new(names: Names, virtual_service: &str) -> Self {
        Self { names, virtual_service: virtual_service.to_owned() }
    }

    /// Whether a host is this Service: short, with its namespace, or whole.
    fn is_host_of(&self, host: &str, service: &str) -> bool {
        let Some(rest) = host.strip_prefix(service) else { return false };
        let Some(rest) = rest.strip_prefix('.') else { return rest.is_empty() };
        let Some(domain) = rest.strip_prefix(self.names.namespace.as_str()) else { return false };
        // The cluster's domain is whatever its administrator chose.
        domain.is_empty() || domain == ".svc" || domain.starts_with(".svc.")
    }

    /// The same form of host for the other Service.
    fn with_host(destination: &Value, from: &str, to: &str) -> Value {
        let mut destination = destination.clone();
        if let Some(host) = destination.pointer("/destination/host").and_then(Value::as_str)
            && let Some(rest) = host.strip_prefix(from)
        {
            destination["destination"]["host"] = json!(format!("{to}{rest}"));
        }
        destination
    }
}

impl Dialect for Istio {
    const LIST: &'static str = "route";

    fn role(&self, destination: &Value) -> Role {
        let host = destination.pointer("/destination/host").and_then(Value::as_str).unwrap_or_default();
        if self.is_host_of(host, &self.names.stable) {
            Role::Stable
        } else if self.is_host_of(host, &self.names.candidate) {
            Role::Candidate
        } else {
            Role::Other
        }
    }

    fn default_weight(&self, _: usize) -> u64 {
        0
    }

    fn ignores_weight_of_only_one(&self) -> bool {
        true
    }

    fn to_candidate(&self, stable: &Value) -> Value {
        let mut candidate = Self::with_host(stable, &self.names.stable, &self.names.candidate);
        // A subset is of the stable Service's DestinationRule; the candidate's has none.
        if let Some(destination) = candidate.get_mut("destination").and_then(Value::as_object_mut) {
            destination.remove("subset");
        }
        candidate
    }

    fn to_stable(&self, candidate: &Value) -> Value {
        Self::with_host(candidate, &self.names.candidate, &self.names.stable)
    }
}

impl Beside for Istio {
    const MATCHES: &'static str = "match";

    fn with_testers(&self, one: &Value, testers: &TesterMatch) -> Result<Value, String> {
        let (header, asked) = match testers.compared() {
            Compared::Exact { header, value } => (header, json!({"exact": value})),
            Compared::Regex { header, pattern } => (header, json!({"regex": pattern})),
        };
        if one.pointer("/headers").and_then(|headers| headers.get(&header)).is_some() {
            return Err(format!(
                "VirtualService {} asks for the header {header} already; let testers be known by another one",
                self.virtual_service
            ));
        }
        let mut one = one.clone();
        one["headers"][&header] = asked;
        // A match's name is its own.
        if let Some(fields) = one.as_object_mut() {
            fields.remove("name");
        }
        Ok(one)
    }

    fn conditions(&self, one: &Value) -> Vec<(TesterMatch, Value)> {
        let headers = one.get("headers").and_then(Value::as_object);
        let read = |(header, asked): (&String, &Value)| {
            let text = |field: &str| asked.get(field).and_then(Value::as_str).map(str::to_owned);
            let exact = text("exact").map(|value| Compared::Exact { header: header.clone(), value });
            let regex = || text("regex").map(|pattern| Compared::Regex { header: header.clone(), pattern });
            let testers = TesterMatch::of(&exact.or_else(regex)?)?;
            let mut bare = one.clone();
            let left = bare.get_mut("headers").and_then(Value::as_object_mut)?;
            left.remove(header);
            if left.is_empty() {
                bare.as_object_mut()?.remove("headers");
            }
            Some((testers, bare))
        };
        headers.into_iter().flatten().filter_map(read).collect()
    }

    fn with_mirror(&self, rule: &Value, candidate: &Value, share: Weight) -> Result<Value, String> {
        if rule.get("mirror").is_some() || rule.get("mirrors").is_some() {
            return Err(format!(
                "VirtualService {} copies requests already; take its mirror out, or the copies out of the steps",
                self.virtual_service
            ));
        }
        let mut rule = rule.clone();
        rule["mirror"] = candidate.get("destination").cloned().unwrap_or_default();
        rule["mirrorPercentage"] = json!({"value": share.as_percent()});
        Ok(rule)
    }

    fn mirror_of(&self, rule: &Value) -> Option<(Weight, Value)> {
        let host = rule.pointer("/mirror/host").and_then(Value::as_str)?;
        if !self.is_host_of(host, &self.names.candidate) {
            return None;
        }
        // Where no share is said, everything is copied.
        let percent = rule.pointer("/mirrorPercentage/value").and_then(Value::as_f64).unwrap_or(100.0);
        let percent = (0..=100_u8).min_by_key(|whole| (f64::from(*whole) - percent).abs().to_bits()).unwrap_or(100);
        let mut bare = rule.clone();
        let fields = bare.as_object_mut()?;
        fields.remove("mirror");
        fields.remove("mirrorPercentage");
        Some((Weight::at_most(percent), bare))
    }
}

fn routes_of(object: &DynamicObject) -> &[Value] {
    object.data.pointer(ROUTES).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl Provider for Istio {
    fn main(&self) -> (ApiResource, String) {
        (custom("networking.istio.io", "VirtualService", "virtualservices"), self.virtual_service.clone())
    }

    fn rules(&self, scene: &Scene) -> Value {
        Value::Array(plain(self, routes_of(&scene.main)))
    }

    fn read(&self, scene: &Scene) -> Reading {
        let (name, service) = (&self.virtual_service, &self.names.stable);
        if routes_of(&scene.main).is_empty() {
            return Reading::unfit(format!(
                "VirtualService {name} has no http route, and only those can be shared out; add one that sends to \
                 Service {service}, or choose another for the target"
            ));
        }
        let Split { rules, aside, is_uneven } = split(self, routes_of(&scene.main));
        let (weight, uneven) = match shares(self, &rules) {
            Shares::NotNamed => {
                return Reading::unfit(format!(
                    "VirtualService {name} has no http route that sends to Service {service}; name its host as a \
                     destination, or choose another for the target"
                ));
            }
            Shares::Same(weight) => (weight, None),
            Shares::Different(most) => {
                (most, Some(format!("its routes give different shares to {}", self.names.candidate)))
            }
        };
        let uneven = uneven.or_else(|| is_uneven.then(|| "its routes differ in testers or copies".to_owned()));
        let complaint = uneven.or_else(|| refusal(&scene.main));
        Reading { weight, aside, is_accepted: complaint.is_none(), complaint, unfit: None }
    }

    fn write(&self, scene: &Scene, saved: &Value, wanted: &Share) -> Result<Plan, String> {
        let routes = arranged(self, routes_of(&scene.main), saved, wanted)?;
        Ok(Plan { main: Some((ROUTES, Value::Array(routes))), second: Second::AsItIs })
    }
}

/// What a status says against the object, where Istio writes one.
fn refusal(object: &DynamicObject) -> Option<String> {
    let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array);
    let text =
        |condition: &Value, field: &str| condition.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let against = conditions.into_iter().flatten().find(|condition| {
        let kind = text(condition, "type");
        (kind == "Reconciled" || kind == "PassedAnalysis") && text(condition, "status") == "False"
    })?;
    let words = [text(against, "reason"), text(against, "message")];
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
    let words = if words.is_empty() { "Istio has not taken it up".to_owned() } else { words.join(": ") };
    Some(cut(&words, MESSAGE_LENGTH))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use domain::aside::MatchBy;

    use super::{
        super::sample::{beside, names, scene, share, weight},
        *,
    };

    fn provider() -> Istio {
        Istio::new(names(), "cart")
    }

    fn object(http: &Value) -> Value {
        json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": "cart", "namespace": "shop", "generation": 3},
            "spec": {"hosts": ["cart.test"], "gateways": ["public"], "http": http},
        })
    }

    fn after(http: &Value, saved: &Value, percent: u8) -> Value {
        let plan = provider().write(&scene(object(http)), saved, &share(percent)).unwrap();
        let (pointer, value) = plan.main.unwrap();
        assert_eq!(pointer, "/spec/http");
        value
    }

    fn to(host: &str, weight: u64) -> Value {
        json!({"destination": {"host": host, "port": {"number": 80}}, "weight": weight})
    }

    #[test]
    fn the_candidate_gets_its_share_under_every_form_of_host() {
        let forms = ["cart", "cart.shop", "cart.shop.svc", "cart.shop.svc.cluster.local", "cart.shop.svc.intern"];
        for host in forms {
            let candidate = host.replacen("cart", "cart-canary", 1);
            let http = json!([{"route": [{"destination": {"host": host, "subset": "v1", "port": {"number": 80}},
                                          "headers": {"request": {"set": {"x": "y"}}}}]}]);
            let written = after(&http, &http, 25);
            assert_eq!(
                written,
                json!([{"route": [
                    {"destination": {"host": host, "subset": "v1", "port": {"number": 80}},
                     "headers": {"request": {"set": {"x": "y"}}}, "weight": 75},
                    {"destination": {"host": candidate, "port": {"number": 80}},
                     "headers": {"request": {"set": {"x": "y"}}}, "weight": 25},
                ]}])
            );
            let seen = provider().read(&scene(object(&written)));
            let expected = Reading { weight: weight(25), is_accepted: true, ..Reading::default() };
            assert_eq!(seen, expected);
            assert_eq!(after(&written, &http, 0), http);
        }
        for host in ["cart.else", "cart-x", "cart.shopping", "pay", "cart.shop.test", "xcart"] {
            let seen = provider().read(&scene(object(&json!([{"route": [to(host, 0)]}]))));
            assert!(seen.unfit.unwrap().contains("Service cart"), "{host}");
        }
    }

    #[test]
    fn weights_that_are_missing_are_nothing_beside_others() {
        let none = json!([{"route": [{"destination": {"host": "cart"}}, to("pay", 100)]}]);
        assert!(provider().read(&scene(object(&none))).unfit.is_some());
        // The only destination gets everything, whatever its weight says.
        let only = json!([{"route": [to("cart", 0)]}]);
        let written = after(&only, &only, 10);
        assert_eq!(written, json!([{"route": [to("cart", 90), to("cart-canary", 10)]}]));
        assert_eq!(after(&written, &only, 0), only);
        // Without what was saved, the weight of the only one is left out.
        let mut changed = written;
        changed[0]["timeout"] = json!("3s");
        let expected = json!([{"route": [{"destination": {"host": "cart", "port": {"number": 80}}}], "timeout": "3s"}]);
        assert_eq!(after(&changed, &only, 0), expected);
    }

    #[test]
    fn other_destinations_and_routes_keep_what_they_have() {
        let http = json!([
            {"name": "beta", "match": [{"headers": {"x-beta": {"exact": "1"}}}], "route": [to("beta", 100)]},
            {"match": [{"uri": {"prefix": "/old"}}], "redirect": {"uri": "/new"}},
            {"delegate": {"name": "other"}},
            {"name": "main", "route": [to("cart", 60), to("old", 40)], "mirror": {"host": "cart"},
             "mirrorPercentage": {"value": 12.5}},
        ]);
        let written = after(&http, &http, 50);
        for route in 0..3 {
            assert_eq!(written[route], http[route]);
        }
        assert_eq!(written[3]["route"], json!([to("cart", 3), to("cart-canary", 3), to("old", 4)].map(times_ten)));
        assert_eq!(
            (&written[3]["mirror"], &written[3]["mirrorPercentage"]),
            (&http[3]["mirror"], &http[3]["mirrorPercentage"])
        );
        assert_eq!(after(&written, &http, 0), http);
        assert_eq!(
            after(&written, &http, 100)[3]["route"],
            json!([to("cart", 0), to("cart-canary", 60), to("old", 40)])
        );
    }

    #[test]
    fn two_subsets_of_the_host_get_their_own_weights_back_from_every_share() {
        let of =
            |subset: &str, weight: u64| json!({"destination": {"host": "cart", "subset": subset}, "weight": weight});
        let http = json!([{"route": [of("v1", 80), of("v2", 20)]}]);
        let mut now = http.clone();
        for percent in [10, 50, 100, 25, 5] {
            now = after(&now, &http, percent);
            let seen = provider().read(&scene(object(&now)));
            assert_eq!((seen.weight, seen.is_accepted), (weight(percent), true));
            assert_eq!(provider().rules(&scene(object(&now))), http, "{percent}");
        }
        assert_eq!(after(&now, &http, 0), http);
    }

    fn times_ten(mut destination: Value) -> Value {
        destination["weight"] = json!(destination["weight"].as_u64().unwrap() * 10);
        destination
    }

    #[test]
    fn a_virtual_service_without_http_routes_is_unfit() {
        let seen = provider().read(&scene(object(&Value::Null)));
        assert!(seen.unfit.unwrap().contains("no http route"));
    }

    #[test]
    fn a_status_that_says_otherwise_is_heard() {
        let mut refused = object(&json!([{"route": [to("cart", 1)]}]));
        refused["status"]["conditions"] = json!([
            {"type": "PassedAnalysis", "status": "True"},
            {"type": "Reconciled", "status": "False", "message": "1/2 proxies up to date."}]);
        let seen = provider().read(&scene(refused));
        assert_eq!((seen.is_accepted, seen.complaint.as_deref()), (false, Some("1/2 proxies up to date.")));
    }

    #[test]
    fn testers_get_a_route_before_each_and_copies_are_said_where_nothing_is_copied_yet() {
        let http = json!([
            {"name": "main", "match": [{"name": "m", "uri": {"prefix": "/a"}}, {"headers": {"x": {"exact": "y"}}}],
             "route": [{"destination": {"host": "cart.shop", "subset": "v1"}}], "timeout": "3s"},
            {"route": [to("cart", 60), to("old", 40)]},
        ]);
        let with = |share: &Share, http: &Value| {
            let saved = provider().rules(&scene(object(http)));
            provider().write(&scene(object(http)), &saved, share).map(|plan| plan.main.unwrap().1)
        };
        let written = with(&beside(0, MatchBy::Header, 10), &http).unwrap();
        let asked = json!({"exact": "always"});
        assert_eq!(
            written[0],
            json!({"match": [{"uri": {"prefix": "/a"}, "headers": {"canary": asked}}, {"headers": {"x": {"exact": "y"}, "canary": asked}}],
                   "route": [{"destination": {"host": "cart-canary.shop"}}], "timeout": "3s"})
        );
        assert_eq!(written[1]["mirror"], json!({"host": "cart-canary.shop"}));
        assert_eq!(written[1]["mirrorPercentage"], json!({"value": 10}));
        assert_eq!(written[2]["match"], json!([{"headers": {"canary": asked}}]));
        let mut now = http.clone();
        for (percent, by, mirror) in
            [(0, MatchBy::Header, 10), (10, MatchBy::Cookie, 0), (100, MatchBy::Cookie, 20), (0, MatchBy::Header, 0)]
        {
            let wanted = beside(percent, by, mirror);
            now = with(&wanted, &now).unwrap();
            let seen = provider().read(&scene(object(&now)));
            assert_eq!((seen.weight, &seen.aside, seen.is_accepted), (wanted.weight, &wanted.aside, true), "{now:#}");
        }
        assert_eq!(after(&now, &http, 0), http);
        let mut mirrored = http;
        mirrored[1]["mirror"] = json!({"host": "audit"});
        assert!(with(&beside(0, MatchBy::Header, 10), &mirrored).unwrap_err().contains("copies requests already"));
        assert_eq!(provider().read(&scene(object(&mirrored))).aside, domain::aside::Aside::NOTHING);
    }
}
