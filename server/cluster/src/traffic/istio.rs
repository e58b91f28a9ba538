//! Istio's VirtualService (`networking.istio.io/v1`).
//!
//! A destination without a weight gets everything when it is the only one of its route, and nothing
//! beside others. Istio writes a status only where it was told to.

use domain::traffic::Weight;
use kube::{api::DynamicObject, core::ApiResource};
use serde_json::{Value, json};

use super::{
    Names, Plan, Provider, Reading, Scene, Second,
    weighted::{Dialect, Role, Shares, merged, shares, spread},
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

fn routes_of(object: &DynamicObject) -> &[Value] {
    object.data.pointer(ROUTES).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl Provider for Istio {
    fn main(&self) -> (ApiResource, String) {
        (custom("networking.istio.io", "VirtualService", "virtualservices"), self.virtual_service.clone())
    }

    fn rules(&self, scene: &Scene) -> Value {
        Value::Array(merged(self, routes_of(&scene.main)))
    }

    fn read(&self, scene: &Scene) -> Reading {
        let (name, service) = (&self.virtual_service, &self.names.stable);
        if routes_of(&scene.main).is_empty() {
            return Reading::unfit(format!(
                "VirtualService {name} has no http route, and only those can be shared out; add one that sends to \
                 Service {service}, or choose another for the target"
            ));
        }
        let (weight, uneven) = match shares(self, routes_of(&scene.main)) {
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
        let complaint = uneven.or_else(|| refusal(&scene.main));
        Reading { weight, is_accepted: complaint.is_none(), complaint, unfit: None }
    }

    fn write(&self, scene: &Scene, saved: &Value, weight: Weight) -> Result<Plan, String> {
        let routes = spread(self, routes_of(&scene.main), saved, weight)?;
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
    use super::{
        super::sample::{names, scene, weight},
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
        let plan = provider().write(&scene(object(http)), saved, weight(percent)).unwrap();
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
            assert_eq!(seen, Reading { weight: weight(25), is_accepted: true, complaint: None, unfit: None });
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
}
