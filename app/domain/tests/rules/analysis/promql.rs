//! The questions that are put to Prometheus.

use domain::{
    analysis::{
        Backend, Counted, CustomQuery, CustomQueryError, DataPlane, Given, Labels, Matchers, Measure, Quantile,
        Queries, QueryError, Resource, Route, RouteRule, RuleDraft, Side, Traffic, Unit, presence, queries, rules_to,
        scrape_seconds,
    },
    names::{Namespace, ServiceName, WorkloadName},
    traffic::{RouteKind, TrafficLayer},
    version::VersionLabel,
};

use super::{error_rate, rule};

pub fn labels() -> Labels {
    let workload = |text| WorkloadName::parse(text).unwrap();
    Labels {
        side: Side::Canary,
        cluster: Matchers::default(),
        service: ServiceName::parse("cart").unwrap(),
        namespace: Namespace::parse("web-shop").unwrap(),
        version: VersionLabel::parse("2.30.4+b.1").unwrap(),
        workload: workload("cart-canary"),
        backend: Some(Backend { service: workload("cart-canary"), stable: workload("cart"), port: Some(80) }),
        route: Some(Route {
            namespace: Namespace::parse("web-shop").unwrap(),
            name: workload("cart"),
            kind: RouteKind::Http,
            rules: vec![RouteRule { number: 0, counted: Counted::Backend(1) }],
            is_shared: true,
        }),
        ingress: Some(workload("cart.main")),
    }
}

fn asked(measure: Measure, labels: &Labels) -> (String, Option<String>) {
    let minimum_requests = if measure.counts_requests() { 50 } else { 0 };
    let rule = rule(RuleDraft { measure, minimum_requests, ..error_rate() });
    match queries(&rule, labels).unwrap() {
        Queries::Source { value, requests } => (value, requests),
        Queries::BuiltIn(check) => panic!("{check:?}"),
    }
}

fn traffic(plane: DataPlane, what: Traffic) -> String {
    asked(Measure::Traffic { what, plane }, &labels()).0
}

#[test]
fn the_error_rate_of_each_data_plane() {
    let rows = [
        (
            DataPlane::EnvoyGateway,
            r#"100 * (sum(rate(envoy_cluster_upstream_rq{envoy_cluster_name="httproute/web-shop/cart/rule/0/backend/1",envoy_response_code=~"5.."}[60s])) or vector(0)) / (sum(rate(envoy_cluster_upstream_rq{envoy_cluster_name="httproute/web-shop/cart/rule/0/backend/1"}[60s])) > 0)"#,
        ),
        (
            DataPlane::IstioGateway,
            r#"100 * ((sum(rate(istio_requests_total{reporter="source",destination_service_namespace="web-shop",destination_service_name="cart-canary",response_code=~"5.."}[60s])) or vector(0)) + (sum(rate(istio_requests_total{reporter="source",destination_service_namespace="web-shop",destination_service_name="cart-canary",response_code!~"5..",grpc_response_status=~"2|4|8|12|13|14|15"}[60s])) or vector(0))) / (sum(rate(istio_requests_total{reporter="source",destination_service_namespace="web-shop",destination_service_name="cart-canary"}[60s])) > 0)"#,
        ),
        (
            DataPlane::Istio,
            r#"100 * ((sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="web-shop",destination_workload="cart-canary",response_code=~"5.."}[60s])) or vector(0)) + (sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="web-shop",destination_workload="cart-canary",response_code!~"5..",grpc_response_status=~"2|4|8|12|13|14|15"}[60s])) or vector(0))) / (sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="web-shop",destination_workload="cart-canary"}[60s])) > 0)"#,
        ),
        (
            DataPlane::IstioStockEnvoy,
            r#"100 * (sum(rate(envoy_cluster_web_shop_svc_cluster_local__upstream_rq{envoy_cluster_name=~"outbound\\|80\\|[^|]*\\|cart-canary",envoy_response_code=~"5.."}[60s])) or vector(0)) / (sum(rate(envoy_cluster_web_shop_svc_cluster_local__upstream_rq{envoy_cluster_name=~"outbound\\|80\\|[^|]*\\|cart-canary"}[60s])) > 0)"#,
        ),
        (
            DataPlane::IngressNginx,
            r#"100 * (sum(rate(nginx_ingress_controller_requests{namespace="web-shop",exported_namespace="",ingress="cart.main",canary=~"web-shop-cart-canary-.+",status=~"5.."}[60s]) or rate(nginx_ingress_controller_requests{exported_namespace="web-shop",ingress="cart.main",canary=~"web-shop-cart-canary-.+",status=~"5.."}[60s])) or vector(0)) / (sum(rate(nginx_ingress_controller_requests{namespace="web-shop",exported_namespace="",ingress="cart.main",canary=~"web-shop-cart-canary-.+"}[60s]) or rate(nginx_ingress_controller_requests{exported_namespace="web-shop",ingress="cart.main",canary=~"web-shop-cart-canary-.+"}[60s])) > 0)"#,
        ),
        (
            DataPlane::Practice,
            r#"practice:error_rate{namespace="web-shop",workload="cart-canary",version="2.30.4+b.1",side="canary"}[60s]"#,
        ),
    ];
    for (plane, expected) in rows {
        assert_eq!(traffic(plane, Traffic::ErrorRate), expected);
    }
}

#[test]
fn latencies_rates_and_counts() {
    assert_eq!(
        traffic(DataPlane::IngressNginx, Traffic::Latency(Quantile::P95)),
        r#"1000 * histogram_quantile(0.95, sum by (le) (rate(nginx_ingress_controller_response_duration_seconds_bucket{namespace="web-shop",exported_namespace="",ingress="cart.main",canary=~"web-shop-cart-canary-.+"}[60s]) or rate(nginx_ingress_controller_response_duration_seconds_bucket{exported_namespace="web-shop",ingress="cart.main",canary=~"web-shop-cart-canary-.+"}[60s]))) >= 0"#
    );
    assert_eq!(
        traffic(DataPlane::Istio, Traffic::Latency(Quantile::P50)),
        r#"histogram_quantile(0.5, sum by (le) (rate(istio_request_duration_milliseconds_bucket{reporter="destination",destination_workload_namespace="web-shop",destination_workload="cart-canary"}[60s]))) >= 0"#
    );
    assert_eq!(
        traffic(DataPlane::EnvoyGateway, Traffic::RequestRate),
        r#"sum(rate(envoy_cluster_upstream_rq{envoy_cluster_name="httproute/web-shop/cart/rule/0/backend/1"}[60s]))"#
    );
    let counted = asked(Measure::Traffic { what: Traffic::SuccessRate, plane: DataPlane::EnvoyGateway }, &labels());
    assert!(counted.0.contains("envoy_response_code!~\"5..\""));
    assert_eq!(
        counted.1.unwrap(),
        r#"sum(increase(envoy_cluster_upstream_rq{envoy_cluster_name="httproute/web-shop/cart/rule/0/backend/1"}[60s]))"#
    );
    assert!(
        traffic(DataPlane::IstioStockEnvoy, Traffic::Latency(Quantile::P99)).contains("__upstream_rq_time_bucket{")
    );
    let memory = asked(Measure::Resource { what: Resource::Memory }, &labels()).0;
    assert!(memory.contains(r#"pod=~"cart-canary-[a-z0-9]{1,10}-[a-z0-9]{5}""#), "{memory}");
}

#[test]
fn the_two_sides_ask_for_different_things() {
    let stable = Labels { side: Side::Stable, ..labels() };
    let ask = |plane, labels: &Labels| asked(Measure::Traffic { what: Traffic::ErrorRate, plane }, labels);
    let ingress = ask(DataPlane::IngressNginx, &stable).0;
    for service in
        [r#"service="cart-canary",exported_service="",canary="""#, r#"exported_service="cart-canary",canary="""#]
    {
        for namespace in [r#"{namespace="web-shop",exported_namespace="","#, r#"{exported_namespace="web-shop","#] {
            assert!(ingress.contains(&format!("{namespace}ingress=\"cart.main\",{service}")), "{ingress}");
        }
    }
    assert!(ask(DataPlane::Practice, &stable).0.contains("side=\"stable\""));
    let mut somewhere = labels();
    somewhere.backend.as_mut().unwrap().port = None;
    assert!(ask(DataPlane::IstioStockEnvoy, &somewhere).0.contains(r"outbound\\|[0-9]+\\|[^|]*\\|cart-canary"));
}

fn refused(plane: DataPlane, what: Traffic, labels: &Labels) -> Option<QueryError> {
    let rule = rule(RuleDraft { measure: Measure::Traffic { what, plane }, ..error_rate() });
    queries(&rule, labels).err()
}

#[test]
fn numbers_of_both_versions_in_one_judge_neither() {
    let mut together = labels();
    together.route.as_mut().unwrap().rules.push(RouteRule { number: 3, counted: Counted::Together });
    for what in [Traffic::ErrorRate, Traffic::Latency(Quantile::P95), Traffic::RequestRate] {
        let why = refused(DataPlane::EnvoyGateway, what, &together).unwrap().to_string();
        assert!(why.contains("give the backendRef of cart a filter"), "{why}");
    }
    together.route.as_mut().unwrap().is_shared = false;
    let asked = traffic_of(DataPlane::EnvoyGateway, &together);
    let clusters = r#"envoy_cluster_name=~"httproute/web-shop/cart/rule/0/backend/1|httproute/web-shop/cart/rule/3""#;
    assert!(asked.contains(clusters), "{asked}");
}

fn traffic_of(plane: DataPlane, labels: &Labels) -> String {
    asked(Measure::Traffic { what: Traffic::RequestRate, plane }, labels).0
}

#[test]
fn errors_of_grpc_are_counted_by_its_own_status_or_not_at_all() {
    let mut grpc = labels();
    grpc.route.as_mut().unwrap().kind = RouteKind::Grpc;
    assert!(traffic_of(DataPlane::EnvoyGateway, &grpc).contains("\"grpcroute/web-shop/cart/rule/0/backend/1\""));
    for plane in [DataPlane::EnvoyGateway, DataPlane::IstioStockEnvoy] {
        for what in [Traffic::ErrorRate, Traffic::SuccessRate] {
            assert_eq!(refused(plane, what, &grpc), Some(QueryError::GrpcErrors { plane: plane.words() }));
        }
        assert_eq!(refused(plane, Traffic::Latency(Quantile::P95), &grpc), None);
    }
    assert_eq!(refused(DataPlane::Istio, Traffic::ErrorRate, &grpc), None);
    let good = asked(Measure::Traffic { what: Traffic::SuccessRate, plane: DataPlane::Istio }, &grpc).0;
    assert!(good.contains(r#"response_code!~"5..",grpc_response_status!~"2|4|8|12|13|14|15""#), "{good}");
}

#[test]
fn every_rule_that_sends_to_the_service_is_counted_where_it_stands() {
    let (shop, cart) = (Namespace::parse("shop").unwrap(), WorkloadName::parse("cart").unwrap());
    let saved = serde_json::json!([
        {"backendRefs": [{"name": "cart", "namespace": "legacy"}, {"name": "cart", "kind": "ServiceImport"}]},
        {"backendRefs": [{"name": "pay"}, {"name": "cart", "port": 8080, "weight": 9, "filters": [{"type": "x"}]}]},
        {"backendRefs": [{"name": "cart", "port": 8080, "weight": 0}]},
        {},
        {"backendRefs": [{"name": "cart", "port": 8080}]},
    ]);
    let at = |number, counted| RouteRule { number, counted };
    let (alone, together) = (Counted::Backend, Counted::Together);
    let shared = Given { testers: false, share: true, copies: false };
    let tested = Given { testers: true, ..shared };
    for (side, given, expected) in [
        (Side::Stable, shared, vec![at(1, alone(1)), at(4, together)]),
        (Side::Canary, shared, vec![at(1, alone(2)), at(4, together)]),
        (Side::Stable, tested, vec![at(2, alone(1)), at(6, together)]),
        (Side::Canary, tested, vec![at(1, alone(0)), at(2, alone(2)), at(5, together), at(6, together)]),
    ] {
        let (rules, port) = rules_to(&saved, (&shop, &cart), side, given);
        assert_eq!((rules, port), (expected, Some(8080)), "{side:?} {given:?}");
    }
    assert_eq!(rules_to(&serde_json::json!({"app": "cart"}), (&shop, &cart), Side::Canary, tested), (vec![], None));
}

#[test]
fn copies_are_counted_where_the_filter_that_makes_them_is_counted() {
    let (shop, cart) = (Namespace::parse("shop").unwrap(), WorkloadName::parse("cart").unwrap());
    let saved = serde_json::json!([
        {"backendRefs": [{"name": "pay"}]},
        {"filters": [{"type": "URLRewrite"}], "backendRefs": [{"name": "cart", "port": 80}]},
    ]);
    let copied = Given { testers: false, share: false, copies: true };
    let clusters = |side, given| {
        let rules = rules_to(&saved, (&shop, &cart), side, given).0;
        let mut labels = Labels { side, ..labels() };
        let route = labels.route.as_mut().unwrap();
        (route.rules, route.is_shared) = (rules, given.share);
        traffic_of(DataPlane::EnvoyGateway, &labels)
    };
    let canary = clusters(Side::Canary, copied);
    assert!(canary.contains(r#"{envoy_cluster_name="httproute/web-shop/cart/rule/1-mirror-1"}"#), "{canary}");
    let stable = clusters(Side::Stable, copied);
    assert!(stable.contains(r#"{envoy_cluster_name="httproute/web-shop/cart/rule/1"}"#), "{stable}");
    let counted = |given| {
        rules_to(&saved, (&shop, &cart), Side::Canary, given).0.into_iter().map(|rule| (rule.number, rule.counted))
    };
    let of_testers: Vec<_> = counted(Given { testers: true, ..copied }).collect();
    assert_eq!(of_testers, [(1, Counted::Together), (2, Counted::Copies(1))]);
    let with_share: Vec<_> = counted(Given { share: true, ..copied }).collect();
    assert_eq!(with_share, [(1, Counted::Together), (1, Counted::Copies(1))]);
}

#[test]
fn what_a_source_has_is_asked_by_the_labels_that_rules_ask_by() {
    let namespaces: Vec<_> = ["shop", "web-shop"].iter().map(|name| Namespace::parse(name).unwrap()).collect();
    let asked = |plane, namespaces| presence(plane, namespaces, &Matchers::default()).map(|questions| questions.series);
    let rows = [
        (DataPlane::EnvoyGateway, r#"envoy_cluster_name=~"(http|grpc)route/(shop|web-shop)/.+""#),
        (DataPlane::IstioGateway, r#"reporter="source",destination_service_namespace=~"shop|web-shop""#),
        (DataPlane::Istio, r#"reporter="destination",destination_workload_namespace=~"shop|web-shop""#),
        (DataPlane::IstioStockEnvoy, r#"__name__=~"envoy_cluster_(shop|web_shop)_svc_cluster_local__upstream_rq""#),
        (DataPlane::IngressNginx, r#"namespace=~"shop|web-shop",exported_namespace="",ingress!="""#),
        (DataPlane::IngressNginx, r#"{exported_namespace=~"shop|web-shop",ingress!="""#),
    ];
    for (plane, expected) in rows {
        let question = asked(plane, &namespaces).unwrap();
        assert!(question.starts_with("count(") && question.contains(expected), "{question}");
        assert!(asked(plane, &[]).unwrap().contains(".+"), "{plane:?}");
    }
    assert_eq!(asked(DataPlane::Practice, &namespaces), None);
}

#[test]
fn the_interval_of_scrapes_is_counted_where_it_has_lasted() {
    let shop = [Namespace::parse("shop").unwrap()];
    let one = r#"istio_requests_total{reporter="destination",destination_workload_namespace=~"shop"}"#;
    assert_eq!(
        presence(DataPlane::Istio, &shop, &Matchers::default()).unwrap().interval,
        format!("600 / max((count_over_time({one}[600s])) and ({one} offset 600s))")
    );
    let rows = [(15.0, 15), (14.6, 15), (54.5, 60), (66.7, 60), (2.0, 2), (40.2, 40), (0.97, 1), (600.0, 600)];
    for (counted, expected) in rows {
        assert_eq!(scrape_seconds(counted), Some(expected), "{counted}");
    }
    for nothing in [0.0, -1.0, f64::NAN, f64::INFINITY, 601.0] {
        assert_eq!(scrape_seconds(nothing), None, "{nothing}");
    }
}

#[test]
fn what_cannot_tell_the_versions_apart_says_why() {
    let (service, route) = (WorkloadName::parse("cart").unwrap(), WorkloadName::parse("web").unwrap());
    let gateway = |kind| TrafficLayer::GatewayApi { service: service.clone(), kind, route: route.clone() };
    let layers = [
        (gateway(RouteKind::Http), [true, true, true, true, false, true]),
        (gateway(RouteKind::Grpc), [false, true, true, false, false, true]),
        (
            TrafficLayer::Istio { service: service.clone(), virtual_service: route.clone() },
            [false, true, true, true, false, true],
        ),
        (
            TrafficLayer::IngressNginx { service: service.clone(), ingress: route.clone() },
            [false, false, true, false, true, true],
        ),
        (TrafficLayer::Selector { service: service.clone() }, [false, true, true, true, false, true]),
        (TrafficLayer::Replicas, [false, false, true, false, false, true]),
    ];
    let planes = [
        DataPlane::EnvoyGateway,
        DataPlane::IstioGateway,
        DataPlane::Istio,
        DataPlane::IstioStockEnvoy,
        DataPlane::IngressNginx,
        DataPlane::Practice,
    ];
    for (layer, expected) in layers {
        for (plane, can) in planes.into_iter().zip(expected) {
            let why = plane.cannot_measure(&layer);
            assert_eq!(why.is_none(), can, "{plane:?} {layer:?} {why:?}");
        }
    }
}

#[test]
fn what_must_be_known_is_named() {
    let bare = Labels { backend: None, route: None, ingress: None, ..labels() };
    let rows = [
        (DataPlane::EnvoyGateway, "to measure with Envoy Gateway, the HTTPRoute must be known"),
        (DataPlane::IstioGateway, "to measure with Istio's gateway, the Service must be known"),
        (DataPlane::IngressNginx, "to measure with ingress-nginx, the Ingress must be known"),
        (DataPlane::IstioStockEnvoy, "to measure with Envoy under Istio's control plane, the Service must be known"),
    ];
    for (plane, expected) in rows {
        let rule = rule(RuleDraft { measure: Measure::Traffic { what: Traffic::ErrorRate, plane }, ..error_rate() });
        assert_eq!(queries(&rule, &bare).unwrap_err().to_string(), expected);
    }
}

fn custom(query: &str) -> String {
    let measure = Measure::Custom {
        words: "mine".into(),
        unit: Unit::None,
        query: CustomQuery::parse(query).unwrap(),
        requests: None,
    };
    asked(measure, &labels()).0
}

#[test]
fn a_query_of_ones_own_is_filled_in_as_each_place_asks() {
    let rows = [
        ("sum(rate(x{a=\"{{service}}\"}[{{window}}]))", "sum(rate(x{a=\"cart\"}[60s]))"),
        ("x{a='{{ namespace }}'}", "x{a='web-shop'}"),
        ("x{a=`{{service}}`}", "x{a=`cart`}"),
        ("x{a=\"{{version}}\"}", "x{a=\"2.30.4+b.1\"}"),
        // After =~ it is a regular expression in a string: both are escaped.
        ("x{a=~ \"{{version}}|-\"}", "x{a=~ \"2\\\\.30\\\\.4\\\\+b\\\\.1|-\"}"),
        ("x{a!~'{{version}}'}", "x{a!~'2\\\\.30\\\\.4\\\\+b\\\\.1'}"),
        ("x{a=~`{{version}}`}", "x{a=~`2\\.30\\.4\\+b\\.1`}"),
        ("x{a=\"\\\"{{service}}\"} # it's \"one\n+ y", "x{a=\"\\\"cart\"} # it's \"one\n+ y"),
    ];
    for (query, expected) in rows {
        assert_eq!(custom(query), expected);
    }
}

/// How many selectors a question has: nothing else in it stands between braces.
fn selectors(question: &str) -> Vec<&str> {
    question.split('{').skip(1).collect()
}

#[test]
fn two_clusters_with_one_source_are_asked_different_questions() {
    let within = |cluster: &str| Labels { cluster: Matchers::parse(cluster).unwrap(), ..labels() };
    let own = |text: &str| Measure::Custom {
        words: "mine".into(),
        unit: Unit::None,
        query: CustomQuery::parse(text).unwrap(),
        requests: Some(CustomQuery::parse(text).unwrap()),
    };
    let planes = [
        DataPlane::EnvoyGateway,
        DataPlane::IstioGateway,
        DataPlane::Istio,
        DataPlane::IstioStockEnvoy,
        DataPlane::IngressNginx,
    ];
    let what = [Traffic::ErrorRate, Traffic::SuccessRate, Traffic::Latency(Quantile::P95), Traffic::RequestRate];
    let of_planes = planes.into_iter().flat_map(|plane| what.map(|what| Measure::Traffic { what, plane }));
    let of_containers = [Resource::Cpu, Resource::Memory, Resource::Disk].map(|what| Measure::Resource { what });
    let all =
        of_planes.chain(of_containers).chain([own("sum(x{a=\"b\",{{matchers}}})"), own("x{ {{matchers}}, a=\"b\"}")]);
    for measure in all {
        for side in [Side::Canary, Side::Stable] {
            let ask = |cluster: &str| asked(measure.clone(), &Labels { side, ..within(cluster) });
            let (eu, us) = (ask("cluster=\"eu-1\""), ask("cluster=\"us-1\",x=\"y\""));
            for (value, cluster) in [(&eu, r#"cluster="eu-1""#), (&us, r#"cluster="us-1",x="y""#)] {
                for question in [Some(&value.0), value.1.as_ref()].into_iter().flatten() {
                    let found = selectors(question);
                    // A pattern of a pod's name has braces too.
                    let is_said = |one: &&str| one.contains(cluster) || one.starts_with(|c: char| c.is_ascii_digit());
                    assert!(!found.is_empty() && found.iter().all(is_said), "{question}");
                }
            }
            assert_ne!(eu, us);
        }
    }
    for plane in planes {
        let questions = presence(plane, &[], &Matchers::parse("cluster=\"eu-1\"").unwrap()).unwrap();
        for question in [questions.series, questions.interval] {
            assert!(selectors(&question).iter().all(|one| one.starts_with("cluster=\"eu-1\",")), "{question}");
        }
    }
    // Where a cluster has a source of its own, nothing is left of the place.
    let alone = |text: &str| asked(own(text), &labels()).0;
    assert_eq!(alone("x{a=\"b\",{{matchers}}}"), "x{a=\"b\",}");
    assert_eq!(alone("x{ {{matchers}}, a=\"b\"}"), "x{  a=\"b\"}");
    assert_eq!(alone("x{ {{matchers}} }"), "x{ }");
}

#[test]
fn a_query_that_cannot_be_filled_in_safely_is_refused() {
    use CustomQueryError as E;
    let rows = [
        (" ", E::Empty),
        ("x{a=\"{{pod}}\"}", E::Unknown("pod".into())),
        ("x{a=\"{{Service}}\"}", E::Unknown("Service".into())),
        ("x{a=\"{{service}\"}", E::NotClosed),
        ("x{a=\"{{service}}}", E::Quote('"')),
        ("{{service}}_requests", E::NotQuoted("service".into())),
        ("x{a={{version}}}", E::NotQuoted("version".into())),
        ("x{a=\"\\\"} {{namespace}}", E::Quote('"')),
        ("x{a=`\\`} + {{namespace}}", E::NotQuoted("namespace".into())),
        ("x # {{window}}", E::InComment("window".into())),
        ("x{a=\"{{matchers}}\"}", E::Quoted("matchers".into())),
    ];
    for (query, expected) in rows {
        match CustomQuery::parse(query) {
            Err(refused) => assert!(refused == expected || matches!(expected, E::Quote(_)), "{query}: {refused}"),
            Ok(_) => panic!("{query}"),
        }
    }
    assert_eq!(CustomQuery::parse(&"x".repeat(4_001)), Err(E::TooLong));
    for hidden in ["up{job=\"\u{202E}x\"}", "up{job=\"ca\u{200B}rt\"}", "\u{FEFF}up", "up # \u{2066}"] {
        assert_eq!(CustomQuery::parse(hidden), Err(E::Hidden), "{hidden:?}");
    }
    assert!(CustomQuery::parse("up\r\n\t+ down # größer").is_ok());
    assert_eq!(
        E::Unknown("pod".into()).to_string(),
        "{{pod}} is not known; there are {{service}}, {{namespace}}, {{version}}, {{window}} and {{matchers}}"
    );
}
