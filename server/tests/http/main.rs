//! The web edge as browsers and pipelines see it: the real router over a temporary database, a clock
//! that the test moves, and the practice cluster.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod access;
mod api;
mod app;
mod bad_input;
mod client;
mod events;
mod forms;
mod git;
mod operations;
mod outside;
mod pages;
mod sessions;
mod sign_in;
