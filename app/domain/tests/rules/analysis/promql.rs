//! The questions that are put to Prometheus.

use domain::{
    analysis::{
        Backend, CustomQuery, CustomQueryError, DataPlane, Labels, Measure, Quantile, Queries, Resource, Route,
        RuleDraft, Side, Traffic, Unit, queries,
    },
    names::{Namespace, ServiceName, WorkloadName},
    version::VersionLabel,
};

use super::{error_rate, rule};

pub fn labels() -> Labels {
    let workload = |text| WorkloadName::parse(text).unwrap();
    Labels {
        side: Side::Canary,
        service: ServiceName::parse("cart").unwrap(),
        namespace: Namespace::parse("web-shop").unwrap(),
        version: VersionLabel::parse("2.30.4+b.1").unwrap(),
        workload: workload("cart-canary"),
        backend: Some(Backend { service: workload("cart-canary"), port: 80, subset: None }),
        route: Some(Route {
            namespace: Namespace::parse("web-shop").unwrap(),
            name: workload("cart"),
            rule: 0,
            backend: Some(1),
        }),
        ingress: Some(workload("cart.main")),
    }
}

fn asked(measure: Measure, labels: &Labels) -> (String, Option<String>, bool) {
    let minimum_requests = if measure.counts_requests() { 50 } else { 0 };
    let rule = rule(RuleDraft { measure, minimum_requests, ..error_rate() });
    match queries(&rule, labels).unwrap() {
        Queries::Source { value, requests, caution } => (value, requests, caution.is_some()),
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
            r#"100 * (sum(rate(istio_requests_total{reporter="source",destination_service_namespace="web-shop",destination_service_name="cart-canary",response_code=~"5.."}[60s])) or vector(0)) / (sum(rate(istio_requests_total{reporter="source",destination_service_namespace="web-shop",destination_service_name="cart-canary"}[60s])) > 0)"#,
        ),
        (
            DataPlane::Istio,
            r#"100 * (sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="web-shop",destination_workload="cart-canary",response_code=~"5.."}[60s])) or vector(0)) / (sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="web-shop",destination_workload="cart-canary"}[60s])) > 0)"#,
        ),
        (
            DataPlane::IstioStockEnvoy,
            r#"100 * (sum(rate(envoy_cluster_web_shop_svc_cluster_local__upstream_rq{envoy_cluster_name="outbound|80||cart-canary",envoy_response_code=~"5.."}[60s])) or vector(0)) / (sum(rate(envoy_cluster_web_shop_svc_cluster_local__upstream_rq{envoy_cluster_name="outbound|80||cart-canary"}[60s])) > 0)"#,
        ),
        (
            DataPlane::IngressNginx,
            r#"100 * (sum(rate(nginx_ingress_controller_requests{namespace="web-shop",ingress="cart.main",canary=~"web-shop-cart-canary-.+",status=~"5.."}[60s])) or vector(0)) / (sum(rate(nginx_ingress_controller_requests{namespace="web-shop",ingress="cart.main",canary=~"web-shop-cart-canary-.+"}[60s])) > 0)"#,
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
        r#"1000 * histogram_quantile(0.95, sum by (le) (rate(nginx_ingress_controller_response_duration_seconds_bucket{namespace="web-shop",ingress="cart.main",canary=~"web-shop-cart-canary-.+"}[60s]))) >= 0"#
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
fn the_two_sides_ask_for_different_things_and_counts_that_mix_them_say_so() {
    let canary = labels();
    let stable = Labels { side: Side::Stable, ..labels() };
    let ask = |plane, labels: &Labels| asked(Measure::Traffic { what: Traffic::ErrorRate, plane }, labels);
    assert!(ask(DataPlane::IngressNginx, &stable).0.contains("canary=\"\""));
    assert!(ask(DataPlane::Practice, &stable).0.contains("side=\"stable\""));
    assert!(!ask(DataPlane::EnvoyGateway, &canary).2);
    let mut whole = labels();
    whole.route.as_mut().unwrap().backend = None;
    assert!(ask(DataPlane::EnvoyGateway, &whole).2, "both sides are counted together");
    let mut subset = labels();
    subset.backend.as_mut().unwrap().subset = Some(WorkloadName::parse("canary").unwrap());
    assert!(ask(DataPlane::IstioStockEnvoy, &subset).0.contains("outbound|80|canary|cart-canary"));
    assert!(ask(DataPlane::IstioGateway, &subset).0.contains("destination_workload=\"cart-canary\""));
}

#[test]
fn what_must_be_known_is_named() {
    let bare = Labels { backend: None, route: None, ingress: None, ..labels() };
    let rows = [
        (DataPlane::EnvoyGateway, "to measure with Envoy Gateway, the HTTPRoute must be known"),
        (DataPlane::IstioGateway, "to measure with Istio's gateway, the Service must be known"),
        (DataPlane::IngressNginx, "to measure with ingress-nginx, the Ingress must be known"),
        (
            DataPlane::IstioStockEnvoy,
            "to measure with Envoy under Istio's control plane, the Service and its port must be known",
        ),
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
    ];
    for (query, expected) in rows {
        match CustomQuery::parse(query) {
            Err(refused) => assert!(refused == expected || matches!(expected, E::Quote(_)), "{query}: {refused}"),
            Ok(_) => panic!("{query}"),
        }
    }
    assert_eq!(CustomQuery::parse(&"x".repeat(4_001)), Err(E::TooLong));
    assert_eq!(
        E::Unknown("pod".into()).to_string(),
        "{{pod}} is not known; there are {{service}}, {{namespace}}, {{version}} and {{window}}"
    );
}
