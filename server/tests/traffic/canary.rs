//! A canary's whole life with its requests counted: on the way up, through the rollout, on the way back,
//! and with the server killed in the middle of both.

use crate::{
    envoy,
    ground::{Ground, Way, image},
    slipway::Slipway,
};

/// Each share stays until the test has counted.
const STEPS: &str = "10%, ask, 25%, ask, 50%, ask, 100%, ask";

/// The steps that ask, and the share there.
const ASKS: [(usize, u8); 4] = [(1, 10), (3, 25), (5, 50), (7, 100)];

async fn whole_life(way: Way) {
    let ground = Ground::new(way).await;
    let (host, mut slipway) = (ground.host(), Slipway::on(&ground).await);
    slipway.strategy("canary", slipway.weights(), STEPS).await;
    let requests = ground.requests().await;

    let number = slipway.promote("2.0").await;
    for (step, percent) in ASKS {
        slipway.until_step(number, step).await;
        let took = envoy::follows(&host, "cart-canary", percent).await;
        println!("{way:?}: Envoy follows to {percent} % {} ms after Slipway says so", took.as_millis());
        requests.are_shared("2.0", percent, "1.0").await;
        slipway.go_on(number, step).await;
        if percent == 25 {
            // Killed with half a move made: the share is written, and nobody has seen what became of it.
            envoy::comes_to(&host, "cart-canary", 50).await;
            slipway.kill();
            requests.are_shared("2.0", 50, "1.0").await;
            slipway.start();
        }
    }
    // Killed again while the workload itself gets the version.
    while ground.image().await != image("2.0") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    slipway.kill();
    requests.are_shared("2.0", 100, "1.0").await;
    slipway.start();
    slipway.until_over(number, "succeeded").await;
    requests.are_shared("2.0", 100, "1.0").await;
    ground.is_as_before("2.0").await;

    let number = slipway.promote("3.0").await;
    for (step, percent) in &ASKS[..3] {
        slipway.until_step(number, *step).await;
        if *percent < 50 {
            slipway.go_on(number, *step).await;
        }
    }
    requests.are_shared("3.0", 50, "2.0").await;
    slipway.abort(number).await;
    envoy::comes_to(&host, "cart-canary", 0).await;
    slipway.kill();
    requests.are_shared("3.0", 0, "2.0").await;
    slipway.start();
    slipway.until_over(number, "aborted").await;
    requests.are_shared("3.0", 0, "2.0").await;
    ground.is_as_before("2.0").await;
    println!("{way:?}: {} requests, none failed", requests.all());
}

#[tokio::test]
async fn by_the_gateway_api_every_request_is_answered_and_each_share_is_right() {
    whole_life(Way::GatewayApi).await;
}

#[tokio::test]
async fn by_istio_every_request_is_answered_and_each_share_is_right() {
    whole_life(Way::Istio).await;
}
