//! Routes as they are written and read, by table.
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
    json!({"parentRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public"},
           "conditions": [condition("Accepted", accepted), condition("ResolvedRefs", resolved)]})
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
fn two_references_to_the_service_get_their_own_weights_back_from_every_share() {
    let on = |port: u64, weight: u64| json!({"name": "cart", "port": port, "weight": weight});
    let alike = |weight: u64, header: &str| {
        json!({"name": "cart", "port": 80, "weight": weight, "filters": [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": [header]}}]})
    };
    for references in [[on(80, 80), on(90, 20)], [on(80, 80), on(80, 20)], [alike(80, "x"), alike(20, "y")]] {
        let rules = json!([{"backendRefs": references}]);
        let mut now = rules.clone();
        for percent in [10, 50, 100, 25, 5] {
            now = after(&now, &rules, percent);
            assert_eq!(read(&now).weight, weight(percent));
            assert_eq!(rules_now(&now), rules, "{percent}");
        }
        assert_eq!(after(&now, &rules, 0), rules);
    }
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
        (json!([{"parentRef": {"name": "public"}, "conditions": []}]), false, None),
    ];
    for (parents, is_accepted, complaint) in table {
        let mut object = route(&json!([{"backendRefs": [to("cart", 1)]}]));
        object["status"]["parents"] = parents.clone();
        let seen = provider().read(&scene(object));
        assert_eq!((seen.is_accepted, seen.complaint.as_deref()), (is_accepted, complaint), "{parents}");
    }
}

#[test]
fn only_the_gateways_that_the_route_names_count_and_each_of_them() {
    let of = |reference: Value, accepted: &str| {
        let mut entry = parent(accepted, 3, "True");
        entry["parentRef"] = reference;
        entry
    };
    let (public, section) = (json!({"name": "public"}), json!({"name": "public", "sectionName": "https"}));
    let whole = json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "shop", "name": "public"});
    let (elsewhere, on_port) =
        (json!({"name": "public", "namespace": "infra"}), json!({"name": "public", "port": 8443}));
    let mesh = json!({"group": "", "kind": "Service", "name": "public"});
    let missing = "Gateway public has not taken it up";
    let table = [
        // What a gateway left that the route does not name any more.
        (json!([public]), json!([of(json!({"name": "gone"}), "False"), of(whole.clone(), "True")]), true, None),
        (json!([public]), json!([of(elsewhere.clone(), "False"), of(public.clone(), "True")]), true, None),
        (json!([public]), json!([of(mesh.clone(), "False"), of(public.clone(), "True")]), true, None),
        (json!([whole]), json!([of(public.clone(), "True")]), true, None),
        (json!([public]), json!([of(elsewhere.clone(), "True")]), false, Some(missing)),
        (
            json!([public, elsewhere]),
            json!([of(public.clone(), "True")]),
            false,
            Some("Gateway infra/public has not taken it up"),
        ),
        (
            json!([section]),
            json!([of(public.clone(), "True")]),
            false,
            Some("Gateway public (https) has not taken it up"),
        ),
        (json!([section]), json!([of(section.clone(), "True"), of(public.clone(), "False")]), true, None),
        (
            json!([on_port]),
            json!([of(public.clone(), "True")]),
            false,
            Some("Gateway public (port 8443) has not taken it up"),
        ),
        (json!([mesh]), json!([of(mesh.clone(), "True")]), true, None),
        (json!([]), json!([of(public.clone(), "True")]), false, Some("no gateway has taken it up")),
    ];
    for (named, parents, is_accepted, complaint) in table {
        let mut object = route(&json!([{"backendRefs": [to("cart", 1)]}]));
        object["spec"]["parentRefs"] = named.clone();
        object["status"]["parents"] = parents.clone();
        let seen = provider().read(&scene(object));
        assert_eq!((seen.is_accepted, seen.complaint.as_deref()), (is_accepted, complaint), "{named} {parents}");
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
    let asked = json!([{"matches": [{"headers": [{"name": "Canary", "value": "x"}]}], "backendRefs": [to("cart", 1)]}]);
    let why = provider().write(&scene(route(&asked)), &asked, &wanted).unwrap_err();
    assert!(why.contains("HTTPRoute cart asks for the header canary already"), "{why}");
}
