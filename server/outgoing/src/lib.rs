//! Calls to the outside that are not a cluster: Slack, Prometheus and webhooks. One client, and one judge of the
//! addresses it may connect to.
//!
//! [`Client::new`] never follows redirects, never uses a proxy from the environment, gives up after
//! a time, and connects only to addresses that the [`Judge`] lets pass. Secrets go into headers that
//! are marked sensitive and are never logged.

mod client;
pub mod health;
mod judge;
pub mod prometheus;
pub mod slack;
pub mod webhook;

pub use client::{CallError, Client, ClientError};
pub use health::HealthRequests;
pub use judge::{AllowRule, Denied, Judge};
pub use prometheus::Prometheus;
pub use slack::Slack;
pub use webhook::Webhooks;
