//! Whole promotions with requests that go through a real data plane all the while: `cargo xtask test
//! --only traffic`. The real `slipway` drives a real control plane; istiod tells a stock Envoy what that
//! says; every request is counted, and none may fail. Each test has a namespace, a host name and a server
//! of its own.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![expect(clippy::print_stdout, reason = "what was counted explains a failure; it is shown with one")]

mod binomial;
mod blue_green;
mod canary;
mod envoy;
mod ground;
mod instrument;
mod network;
mod numbers;
mod prometheus;
mod requests;
mod rollouts;
mod slipway;
