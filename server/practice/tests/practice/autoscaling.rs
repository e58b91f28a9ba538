//! The practice cluster's autoscaler: grows at once, shrinks after a while, the same however often one
//! looks.

use std::{sync::Arc, time::Duration};

use chrono::{TimeZone, Utc};
use domain::{
    names::{ContainerName, Namespace, ObjectName, WorkloadName},
    observation::{Observed, WorkloadRef},
    traffic::{RouteKind, TrafficLayer, Weight},
};
use practice::{MockClock, NewAutoscaler, NewDeployment, PracticeCluster};

fn layer() -> TrafficLayer {
    let name = || ObjectName::parse("cart").unwrap();
    TrafficLayer::GatewayApi { service: name(), kind: RouteKind::Http, route: name() }
}

/// The pods that a workload asks for after each 15 s, with the share taken away at the first and given
/// back at the sixth.
fn played(look_every_seconds: u64) -> Vec<u32> {
    let clock = MockClock::at(Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).unwrap());
    let cluster = PracticeCluster::for_tests(Arc::new(clock.clone()));
    let (namespace, name) = (Namespace::parse("shop").unwrap(), WorkloadName::parse("cart").unwrap());
    let image = domain::image::ContainerImage {
        container: ContainerName::parse("app").unwrap(),
        image: "r.test/cart:1.0".to_owned(),
    };
    cluster.create_deployment(&NewDeployment::new(namespace.clone(), name.clone(), 10, vec![image])).unwrap();
    cluster.create_route(&namespace, &layer()).unwrap();
    let workload = WorkloadRef::deployment(namespace.clone(), name);
    cluster.autoscale(&workload, &layer(), NewAutoscaler { least: 2, most: 20, demand: 10 }).unwrap();
    let mut pods = vec![];
    for quarter in 0..12 {
        match quarter {
            1 => cluster.set_share_by_other(&namespace, &layer(), Weight::ALL).unwrap(),
            7 => cluster.set_share_by_other(&namespace, &layer(), Weight::percent(50).unwrap()).unwrap(),
            9 => cluster.set_demand(&workload, 30).unwrap(),
            _ => {}
        }
        for _ in 0..15 / look_every_seconds {
            clock.advance(Duration::from_secs(look_every_seconds));
            let Observed::Present(now) = cluster.peek(&workload).unwrap() else { panic!("it is gone") };
            if clock_is_at_quarter(&clock) {
                pods.push(now.wanted_replicas);
            }
        }
    }
    pods
}

fn clock_is_at_quarter(clock: &MockClock) -> bool {
    ports::Clock::now(clock).timestamp() % 15 == 0
}

#[test]
fn an_autoscaler_grows_at_once_and_shrinks_after_a_while() {
    assert_eq!(played(15), [10, 10, 10, 10, 2, 2, 2, 5, 5, 15, 15, 15]);
}

#[test]
fn it_does_not_matter_how_often_one_looks() {
    assert_eq!(played(1), played(15));
    assert_eq!(played(5), played(15));
}
