//! Tests on a real Kubernetes control plane: `cargo xtask controlplane start --for-tests -- cargo
//! test -p cluster --features control-plane`. Slipway's side uses the minimal role; an administrator
//! prepares and disturbs. Every test has a namespace of its own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod access;
mod argo_cd;
mod candidates;
mod capacity;
mod flux;
mod jobs;
mod outage;
mod rollouts;
mod setup;
mod stage;
mod story_table;
mod traffic;
mod traffic_beside_others;
mod watching;
mod writing;
