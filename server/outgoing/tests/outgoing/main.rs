//! The Slack messenger against a stand-in on loopback that speaks HTTP and answers from a script.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod slack;
mod stand_in;
