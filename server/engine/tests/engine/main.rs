//! Use cases and reconcilers over a real store, a practice cluster and a clock that the test moves.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod both;
mod database;
mod guarded;
mod loops;
mod world;

mod adopting;
mod alerts;
mod analysis;
mod approving;
mod at_once;
mod beforehand;
mod canaries;
mod clusters;
mod crash;
mod delegating;
mod environments;
mod git;
mod helm;
mod history;
mod inventory;
mod judging;
mod leftovers;
mod outbox;
mod outside;

mod promotion_stories;

mod reading;
mod registering;
mod signing_in;
mod steps;
mod superseding;
mod targets;
mod traffic;
mod two_servers;
mod way_back_words;
mod works;
