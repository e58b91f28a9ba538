//! Objects for the tests of providers.
#![expect(clippy::unwrap_used, reason = "tests")]

use domain::{
    aside::{Aside, MatchBy, TesterMatch},
    traffic::{CandidateName, Weight},
};
use serde_json::{Value, json};

use super::{Names, Scene, Share};

pub(super) fn names() -> Names {
    Names {
        namespace: "shop".to_owned(),
        workload: "cart".to_owned(),
        stable: "cart".to_owned(),
        candidate: "cart-canary".to_owned(),
        track: CandidateName::Canary,
    }
}

pub(super) fn weight(percent: u8) -> Weight {
    Weight::percent(percent).unwrap()
}

/// A share without anything beside it.
pub(super) fn share(percent: u8) -> Share {
    Share { weight: weight(percent), aside: Aside::NOTHING }
}

/// Testers by a header, or by a cookie, and copies.
pub(super) fn beside(weight_: u8, by: MatchBy, mirror: u8) -> Share {
    let testers = TesterMatch::new(by, "canary", "always").unwrap();
    Share { weight: weight(weight_), aside: Aside { testers: Some(testers), mirror: weight(mirror) } }
}

pub(super) fn scene(main: Value) -> Scene {
    let object = |value: Value| serde_json::from_value(value).unwrap();
    let service = |name: &str, selector: Value| json!({"metadata": {"name": name}, "spec": {"selector": selector}});
    Scene {
        main: object(main),
        second: None,
        service: Some(object(service("cart", json!({"app": "cart"})))),
        deployment: Some(object(json!({"metadata": {"name": "cart"},
            "spec": {"selector": {"matchLabels": {"app": "cart"}},
                     "template": {"metadata": {"labels": {"app": "cart"}}}}}))),
        candidate: Some(object(service("cart-canary", json!({"app": "cart-canary", "slipway.dev/track": "canary"})))),
        others: Vec::new(),
        rivals: Vec::new(),
        endpoints: 0,
        served: None,
        strangers: Vec::new(),
    }
}
