//! The Slack messenger against a stand-in on loopback that speaks HTTP and answers from a script; the
//! Prometheus client against the same stand-in, webhooks against receivers of every kind; and a real Prometheus, which these tests start
//! from the program that `SLIPWAY_TEST_PROMETHEUS` names (or `prometheus` on `PATH`). Without one they
//! fail; they are never left out.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod exporter;
mod git;
mod git_host;
mod health;
mod prometheus;
mod real_prometheus;
mod slack;
mod stand_in;
mod webhook;
