//! The store's contract: every function of the store, on both databases, through the pools of
//! production. PostgreSQL is the server that `SLIPWAY_TEST_POSTGRES_URL` names (start one with
//! `cargo xtask postgres -- cargo test -p store`); without it these tests fail, they are never
//! left out.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod analysis;
mod board;
mod catalogue;
mod consents;
mod deliveries;
mod deployments;
mod evidence;
mod insights;
mod inventory;
mod outbox;
mod people;
mod promotions;
mod records;
mod sample;
mod schema;
mod search;
mod statements;
mod support;
mod targets;
mod unit;
mod versions;
