//! A canary's whole life with its requests counted, those of everybody and those of testers: on the way up,
//! through the rollout, on the way back, and with the server killed in the middle of both.

use crate::{
    envoy,
    ground::{Ground, Way, image},
    requests::Requests,
    slipway::Slipway,
};

/// Each share stays until the test has counted.
const STEPS: &str = "testers, ask, 10%, ask, 25%, ask, 50%, ask, 100%, ask";

/// The steps that ask, and the share there.
const ASKS: [(usize, u8); 5] = [(1, 0), (3, 10), (5, 25), (7, 50), (9, 100)];

struct Life {
    ground: Ground,
    slipway: Slipway,
    /// What everybody sends.
    requests: Requests,
    /// What testers send.
    testers: Requests,
}

impl Life {
    async fn begin(way: Way) -> Self {
        let ground = Ground::new(way).await;
        let slipway = Slipway::on(&ground).await;
        slipway.strategy("canary", slipway.weights(), STEPS).await;
        let (requests, testers) = (ground.requests().await, ground.testers());
        testers.are_all_by("1.0").await;
        Self { ground, slipway, requests, testers }
    }

    /// From the first share to the end, killed with half a move made and while the workload gets the version.
    async fn goes_through(&mut self) {
        let Self { ground, slipway, requests, testers } = self;
        let number = slipway.promote("2.0").await;
        for (step, percent) in ASKS {
            slipway.until_step(number, step).await;
            let took = envoy::follows(&ground.host(), "cart-canary", percent).await;
            println!("{:?}: Envoy follows to {percent} % {} ms after Slipway says so", ground.way, took.as_millis());
            if percent == 0 {
                testers.until_all_are_by("2.0").await;
            }
            requests.are_shared("2.0", percent, "1.0").await;
            testers.are_all_by("2.0").await;
            slipway.go_on(number, step).await;
            if percent == 25 {
                // The share is written, and nobody has seen what became of it.
                envoy::comes_to(&ground.host(), "cart-canary", 50).await;
                slipway.kill();
                requests.are_shared("2.0", 50, "1.0").await;
                testers.are_all_by("2.0").await;
                slipway.start();
            }
        }
        while ground.image().await != image("2.0") {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        slipway.kill();
        requests.are_shared("2.0", 100, "1.0").await;
        slipway.start();
        slipway.until_over(number, "succeeded").await;
        requests.are_shared("2.0", 100, "1.0").await;
        testers.are_all_by("2.0").await;
        ground.is_as_before("2.0").await;
    }

    /// Up to half of the traffic and back, killed once that has moved.
    async fn is_aborted(&mut self) {
        let Self { ground, slipway, requests, testers } = self;
        let number = slipway.promote("3.0").await;
        for (step, percent) in ASKS {
            slipway.until_step(number, step).await;
            if percent == 50 {
                break;
            }
            slipway.go_on(number, step).await;
        }
        envoy::follows(&ground.host(), "cart-canary", 50).await;
        requests.are_shared("3.0", 50, "2.0").await;
        testers.are_all_by("3.0").await;
        slipway.abort(number).await;
        envoy::comes_to(&ground.host(), "cart-canary", 0).await;
        slipway.kill();
        requests.are_shared("3.0", 0, "2.0").await;
        slipway.start();
        slipway.until_over(number, "aborted").await;
        requests.are_shared("3.0", 0, "2.0").await;
        testers.are_all_by("2.0").await;
        ground.is_as_before("2.0").await;
    }
}

async fn whole_life(way: Way) {
    let mut life = Life::begin(way).await;
    life.goes_through().await;
    life.is_aborted().await;
    println!("{way:?}: {} requests, none failed", life.requests.all() + life.testers.all());
}

#[tokio::test]
async fn by_the_gateway_api_every_request_is_answered_and_each_share_is_right() {
    whole_life(Way::GatewayApi).await;
}

#[tokio::test]
async fn by_istio_every_request_is_answered_and_each_share_is_right() {
    whole_life(Way::Istio).await;
}
