//! Blue-green with its requests counted: a Service's selector is switched to the candidate, and on to the
//! workload that has the version by then; and back, when somebody aborts after the switch.

use crate::{
    ground::{Ground, Way},
    slipway::Slipway,
};

#[tokio::test]
async fn a_selector_is_switched_and_switched_back_and_every_request_is_answered() {
    let ground = Ground::new(Way::GatewayApi).await;
    let mut slipway = Slipway::on(&ground).await;
    slipway.strategy("blue_green", "selector", "preview, ask, 100%, ask").await;
    let requests = ground.requests().await;

    let number = slipway.promote("2.0").await;
    slipway.until_step(number, 1).await;
    requests.are_shared("2.0", 0, "1.0").await;
    slipway.go_on(number, 1).await;
    slipway.until_step(number, 3).await;
    requests.until_all_are_by("2.0").await;
    requests.are_shared("2.0", 100, "1.0").await;
    slipway.go_on(number, 3).await;
    slipway.until_over(number, "succeeded").await;
    requests.are_shared("2.0", 100, "1.0").await;
    ground.is_as_before("2.0").await;

    let number = slipway.promote("3.0").await;
    slipway.until_step(number, 1).await;
    slipway.go_on(number, 1).await;
    slipway.until_step(number, 3).await;
    requests.until_all_are_by("3.0").await;
    slipway.abort(number).await;
    requests.until_all_are_by("2.0").await;
    slipway.kill();
    requests.are_shared("3.0", 0, "2.0").await;
    slipway.start();
    slipway.until_over(number, "aborted").await;
    ground.is_as_before("2.0").await;
    requests.none_failed();
    println!("blue-green: {} requests, none failed", requests.all());
}
