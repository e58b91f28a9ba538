//! Calls to the outside that are not a cluster: Slack, Prometheus, webhooks and Git repositories. One client, and one
//! judge of the addresses that may be connected to; git, a program of its own, is told the judged addresses.
//!
//! [`Client::new`] never follows redirects, never uses a proxy from the environment, gives up after
//! a time, and connects only to addresses that the [`Judge`] lets pass. Secrets go into headers that
//! are marked sensitive and are never logged.

mod client;
pub mod git;
pub mod health;
mod judge;
pub mod prometheus;
pub mod slack;
pub mod webhook;

pub use client::{CallError, Client, ClientError};
pub use git::Repositories;
pub use health::HealthRequests;
pub use judge::{AllowRule, Denied, Judge};
pub use prometheus::Prometheus;
pub use slack::Slack;
pub use webhook::Webhooks;
