//! The practice cluster from outside: the stories, watching, faults, numbers, and a
//! state that survives.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod autoscaling;
mod faults;
mod metrics;
mod rollout;
mod rollouts;
mod simulation;
mod story_table;
mod support;
mod survival;
mod watching;
