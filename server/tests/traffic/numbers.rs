//! Versions that are judged by what a real Envoy counts and a real Prometheus reads: a bad one is back
//! within one window and two intervals, a good one finishes.

use std::time::{Duration, Instant};

use crate::{
    envoy,
    ground::{Ground, Way},
    prometheus::Prometheus,
    requests::Requests,
    slipway::Slipway,
};

/// The shortest window that can be asked for, and what follows from it (`CandidateSettings::rules`).
const WINDOW: u64 = 15;
const INTERVAL: u64 = 5;

/// What a scrape each second, looks that come up to half a second late each, istiod, and a machine with two
/// cores that does other things add.
const UNREST: Duration = Duration::from_secs(8);

struct Judged {
    ground: Ground,
    slipway: Slipway,
    requests: Requests,
    _prometheus: Prometheus,
}

impl Judged {
    async fn by(way: Way) -> Self {
        let ground = Ground::new(way).await;
        let prometheus = Prometheus::of_envoy().await;
        let slipway = Slipway::on(&ground).await;
        slipway.metrics_at(&prometheus.address).await;
        let (layer, window) = (slipway.weights(), WINDOW.to_string());
        slipway.judged_strategy("canary", layer, "25%, 2m", "istio_stock_envoy", &window).await;
        let requests = ground.requests().await;
        Self { ground, slipway, requests, _prometheus: prometheus }
    }

    async fn is_taken_back(&self, tag: &str, rule: &str) {
        let number = self.slipway.promote(tag).await;
        envoy::comes_to(&self.ground.host(), "cart-canary", 25).await;
        let began = Instant::now();
        envoy::comes_to(&self.ground.host(), "cart-canary", 0).await;
        let took = began.elapsed();
        self.slipway.until_over(number, "failed").await;
        let view = self.slipway.view(number).await;
        let told: Vec<String> = view.journal.iter().map(|line| format!("{} {}", line.at.time(), line.detail)).collect();
        println!("{tag} was without traffic {:.1} s after it had got some: {told:#?}", took.as_secs_f64());
        assert!(told.iter().any(|detail| detail.contains(rule)), "{rule} is not named: {told:#?}");
        let limit = Duration::from_secs(WINDOW + 2 * INTERVAL) + UNREST;
        assert!(took < limit, "{took:?} is longer than one window and two intervals: {told:#?}");
        self.requests.none_failed();
        self.requests.are_shared(tag, 0, "1.0").await;
        self.ground.is_as_before("1.0").await;
    }
}

#[tokio::test]
async fn a_version_whose_pods_answer_seven_percent_errors_is_back_within_a_window_and_two_intervals() {
    Judged::by(Way::GatewayApi).await.is_taken_back("2.0-errors7", "error").await;
}

#[tokio::test]
async fn a_version_that_is_slow_is_back_within_a_window_and_two_intervals() {
    Judged::by(Way::Istio).await.is_taken_back("2.0-late2600", "p95").await;
}

#[tokio::test]
async fn a_good_version_that_is_judged_by_the_same_numbers_finishes() {
    let judged = Judged::by(Way::Istio).await;
    let window = WINDOW.to_string();
    let (slipway, requests) = (&judged.slipway, &judged.requests);
    slipway.judged_strategy("canary", slipway.weights(), "25%, 20s", "istio_stock_envoy", &window).await;
    let number = slipway.promote("2.0").await;
    slipway.until_over(number, "succeeded").await;
    requests.are_shared("2.0", 100, "1.0").await;
    judged.ground.is_as_before("2.0").await;
}
