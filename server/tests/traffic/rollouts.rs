//! A Rollout that Argo Rollouts moves by Istio and Slipway steers, its requests counted: let go step by step,
//! promoted, aborted, rolled back, and with the server killed in the middle.

use crate::{
    envoy,
    ground::{Ground, Way},
    slipway::Slipway,
};

/// The pauses among the Rollout's own steps, and the share there.
const PAUSES: [(usize, u8); 2] = [(1, 25), (3, 50)];

#[tokio::test]
async fn a_rollout_is_steered_and_every_request_is_answered_and_each_share_is_right() {
    let ground = Ground::new(Way::ArgoRollouts).await;
    let (host, mut slipway) = (ground.host(), Slipway::on(&ground).await);
    let requests = ground.requests().await;

    let number = slipway.promote("2.0").await;
    for (step, percent) in PAUSES {
        slipway.until_step(number, step).await;
        envoy::follows(&host, "cart-canary", percent).await;
        requests.are_shared("2.0", percent, "1.0").await;
        if percent == 25 {
            slipway.kill();
            requests.are_shared("2.0", percent, "1.0").await;
            slipway.start();
        }
        slipway.go_on(number, step).await;
    }
    slipway.until_over(number, "succeeded").await;
    requests.until_all_are_by("2.0").await;
    requests.are_shared("2.0", 100, "1.0").await;

    let number = slipway.promote("3.0").await;
    let [(first, _), (last, half)] = PAUSES;
    slipway.until_step(number, first).await;
    slipway.go_on(number, first).await;
    slipway.until_step(number, last).await;
    envoy::follows(&host, "cart-canary", half).await;
    requests.are_shared("3.0", half, "2.0").await;
    slipway.abort(number).await;
    envoy::comes_to(&host, "cart-canary", 0).await;
    slipway.kill();
    requests.are_shared("3.0", 0, "2.0").await;
    slipway.start();
    slipway.until_over(number, "aborted").await;
    requests.are_shared("3.0", 0, "2.0").await;

    let number = slipway.roll_back("1.0").await;
    slipway.until_over(number, "succeeded").await;
    requests.until_all_are_by("1.0").await;
    requests.are_shared("1.0", 100, "2.0").await;
    println!("Argo Rollouts: {} requests, none failed", requests.all());
}
