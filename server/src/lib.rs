//! Slipway's server: the composition root and the web edge, kept thin. The rules are in `domain`, the
//! use cases in `engine`.
//!
//! A library beside its binary, so that tests and benchmarks build the same router.

pub mod config;
pub mod demo;
pub mod http;
pub mod listen;
pub mod serve;
pub mod telemetry;
pub mod wiring;
