//! The rules of a promotion, by table, story and property, without any runtime.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod measured;
mod world;

mod alert_stories;
mod analysis;
mod candidate_properties;
mod candidate_stories;
mod capacity_stories;
mod consent;
mod delegated;
mod evidence;
mod git_places;
mod git_stories;
mod judging_stories;
mod outside;
mod permissions;
mod promotion_properties;
mod promotion_stories;
mod rollout;
mod steering_stories;
mod step_stories;
mod two_clusters_stories;
mod unseen_stories;
mod way_back_stories;
