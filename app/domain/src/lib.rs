//! The rules of Slipway: what a promotion is and how it moves, who may do what, what the figures
//! mean. No input or output, no clock, no chance: all of that comes in as arguments, so that the
//! rules run in tests and in the browser.

pub mod actor;
pub mod analysis;
pub mod aside;
pub mod capacity;
pub mod comparison;
pub mod delegated;
pub mod deployment;
pub mod duration_words;
pub mod environment;
pub mod evidence;
pub mod git;
pub mod ids;
pub mod image;
pub mod insights;
pub mod job;
pub mod moment_words;
pub mod names;
pub mod observation;
pub mod outside;
pub mod promotion;
pub mod question;
pub mod readable;
pub mod rollout;
pub mod state;
pub mod steps_text;
pub mod strategy;
pub mod template;
pub mod traffic;
pub mod version;
