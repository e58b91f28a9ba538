//! What else decides how many pods a workload has: the autoscaler that sizes it, the disruption budgets
//! that let them be evicted. Nothing here is ever written; a candidate is sized with it.

use serde::{Deserialize, Serialize};

use crate::{observation::PlacedWorkload, traffic::Weight};

/// A HorizontalPodAutoscaler that sizes a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Autoscaler {
    /// Its name.
    pub name: String,
    /// The fewest pods it allows; at least 1.
    pub least: u32,
    /// The most pods it allows.
    pub most: u32,
    /// How many it wants now; 0 before it has counted.
    pub desired: u32,
    /// What has made it, where that is not a person: `ScaledObject cart`.
    pub made_by: Option<String>,
}

/// Whose pods a disruption budget covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Covered {
    /// Those that serve.
    Stable,
    /// Those that serve and the candidate's, counted together.
    Both,
}

/// A PodDisruptionBudget over the pods of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisruptionBudget {
    /// Its name.
    pub name: String,
    /// Whose pods it covers, as far as they are there.
    pub covers: Covered,
    /// How many pods may be evicted now.
    pub allowed: u32,
}

/// What was read of what decides about a workload's pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// What sizes it, when something does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaler: Option<Autoscaler>,
    /// The budgets over its pods, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<DisruptionBudget>,
    /// What could not be read, and why, in sentences' parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

impl Autoscaler {
    /// In a few words: `HorizontalPodAutoscaler cart (2 to 20 pods)`.
    #[must_use]
    pub fn words(&self) -> String {
        let by = self.made_by.as_ref().map(|by| format!(" of {by}")).unwrap_or_default();
        format!("HorizontalPodAutoscaler {}{by} ({} to {} pods)", self.name, self.least, self.most)
    }
}

impl Capacity {
    /// What a reader should know of it, a line for each object.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let autoscaler = self.autoscaler.as_ref().map(|found| {
            let now = if found.desired == 0 { String::new() } else { format!(", {} now", found.desired) };
            format!(
                "{} sizes the workload{now}; the candidate is sized with it, and it is never changed",
                found.words()
            )
        });
        let budgets = self.budgets.iter().map(|budget| {
            let (name, allowed) = (&budget.name, budget.allowed);
            match budget.covers {
                Covered::Stable => {
                    format!(
                        "PodDisruptionBudget {name} covers the workload's pods: {allowed} may be evicted now; it does not \
                         cover the candidate's, which may all be evicted while they serve"
                    )
                }
                Covered::Both => format!(
                    "PodDisruptionBudget {name} counts the candidate's pods together with the workload's: {allowed} of \
                     them may be evicted now, of either side"
                ),
            }
        });
        autoscaler.into_iter().chain(budgets).chain(self.unread.iter().cloned()).collect()
    }
}

/// How many pods a workload needs for all of its traffic, as far as that was seen while it had a share
/// of it. Without an autoscaler that is what the workload asks for; with one it is the most that was
/// needed, for an autoscaler takes pods away as the traffic goes to the candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// The workload.
    pub placed: PlacedWorkload,
    /// What was last read.
    pub capacity: Capacity,
    /// What was seen to size the workload, though it may not be there just now, or not be readable: what it did to the
    /// pods stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sized_by: Option<Autoscaler>,
    /// Pods for all of the traffic.
    pub full: u32,
    /// The fewest pods that the workload asked for since the share last changed: more than these mean
    /// that the traffic has grown.
    pub least_seen: u32,
}

/// How much more than its usual traffic the workload's pods get in one part of the way home, in percent:
/// above the tolerance of an autoscaler (10 %), which would see no reason to add pods otherwise.
const PUSH_PERCENT: u32 = 125;

impl Load {
    /// The load of a workload that asks for `pods` while the candidate has `share` of the traffic. An autoscaler may
    /// have left no more than the rest needs.
    #[must_use]
    pub fn new(placed: PlacedWorkload, capacity: Capacity, pods: u32, share: Weight) -> Self {
        let mut load = Self { placed, capacity: Capacity::default(), sized_by: None, full: 0, least_seen: pods };
        load.read(capacity);
        load.look(pods, share);
        if let Some(autoscaler) = &load.sized_by
            && share != Weight::NONE
        {
            let rest = u32::from(share.rest().as_percent()).max(1);
            load.full = pods.saturating_mul(100).div_ceil(rest).min(autoscaler.most.max(pods));
        }
        load
    }

    /// Takes in what was read.
    pub fn read(&mut self, capacity: Capacity) {
        if capacity.autoscaler.is_some() {
            self.sized_by.clone_from(&capacity.autoscaler);
        }
        self.capacity = capacity;
    }

    /// What sizes the workload, or did when it was last seen.
    fn autoscaler(&self) -> Option<&Autoscaler> {
        self.sized_by.as_ref().or(self.capacity.autoscaler.as_ref())
    }

    /// Takes in that the workload asks for `pods` while the candidate has `share` of the traffic.
    pub fn look(&mut self, pods: u32, share: Weight) {
        let Some((least, most)) = self.autoscaler().map(|autoscaler| (autoscaler.least, autoscaler.most)) else {
            (self.full, self.least_seen) = (pods, pods);
            return;
        };
        if pods == 0 {
            // An autoscaler leaves a workload alone that is scaled to nothing.
            return;
        }
        let has_grown = pods > self.least_seen && share < Weight::ALL;
        let implied = match u32::from(share.rest().as_percent()) {
            rest if has_grown && rest > 0 => pods.saturating_mul(100).div_ceil(rest),
            _ => 0,
        };
        self.least_seen = self.least_seen.min(pods);
        let needed = if share == Weight::NONE { pods.max(least) } else { pods };
        self.full = self.full.max(needed.max(implied).min(most.max(pods)));
    }

    /// The share changed: what the workload asks for is compared anew.
    pub const fn share_changed(&mut self, pods: u32) {
        self.least_seen = pods;
    }

    /// The share that the candidate keeps while the workload has `ready` pods: nothing when they can
    /// carry everything. With `is_content` the autoscaler has had time to add pods under the present
    /// share and did not: then these pods are enough for it, and a little more is tried.
    #[must_use]
    pub fn candidate_keeps(&self, ready: u32, present: Weight, is_content: bool) -> Weight {
        let Some(autoscaler) = self.autoscaler() else { return Weight::NONE };
        let needed = self.full.min(autoscaler.most);
        if ready >= needed {
            return Weight::NONE;
        }
        let carried = u32::from(present.rest().as_percent());
        let by_pods = ready.saturating_mul(PUSH_PERCENT) / needed.max(1);
        let by_word =
            if is_content && ready > 0 { (carried.saturating_mul(PUSH_PERCENT) / 100).max(carried + 1) } else { 0 };
        let home = by_pods.max(by_word).max(carried).min(100);
        Weight::at_most(u8::try_from(home).unwrap_or(100)).rest()
    }

    /// Why the traffic cannot come home, with the numbers.
    #[must_use]
    pub fn short_words(&self, ready: u32, serving: u32) -> String {
        let name = &self.placed.workload.name;
        let autoscaler = self.capacity.autoscaler.as_ref();
        let by = autoscaler.map(|a| format!("; {} keeps it there while it gets so little traffic", a.words()));
        format!(
            "the workload {name} has {ready} ready pods and the candidate serves with {serving}: {} are needed before all of the \
             traffic comes home{}",
            self.full,
            by.unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;
    use crate::{
        ids::ClusterId,
        names::{Namespace, WorkloadName},
        observation::WorkloadRef,
    };

    fn weight(percent: u8) -> Weight {
        Weight::percent(percent).unwrap()
    }

    fn scaled(least: u32, most: u32) -> Capacity {
        let autoscaler = Autoscaler { name: "cart".into(), least, most, desired: 4, made_by: None };
        Capacity { autoscaler: Some(autoscaler), ..Capacity::default() }
    }

    fn load(capacity: Capacity, pods: u32) -> Load {
        let workload = WorkloadRef::deployment(Namespace::parse("shop").unwrap(), WorkloadName::parse("cart").unwrap());
        Load::new(PlacedWorkload { cluster: ClusterId::new(uuid::Uuid::nil()), workload }, capacity, pods, Weight::NONE)
    }

    #[test]
    fn an_autoscaler_that_is_away_for_a_moment_keeps_what_was_learnt() {
        let mut load = load(scaled(2, 20), 10);
        load.look(5, weight(50));
        for gone in [Capacity::default(), Capacity { unread: vec!["not readable".into()], ..Capacity::default() }] {
            load.read(gone.clone());
            load.look(5, weight(50));
            assert_eq!((load.full, &load.capacity), (10, &gone));
            assert_eq!(load.candidate_keeps(2, weight(100), false), weight(75), "not everything at once onto 2 pods");
        }
    }

    #[test]
    fn a_load_that_is_read_late_takes_the_share_into_account() {
        let placed = load(Capacity::default(), 1).placed;
        let late = |capacity, pods, share| Load::new(placed.clone(), capacity, pods, weight(share)).full;
        assert_eq!(late(scaled(2, 20), 5, 50), 10, "half of the traffic needs 5");
        assert_eq!(late(scaled(2, 20), 2, 100), 20, "nothing is known but the most");
        assert_eq!(late(Capacity::default(), 5, 50), 5, "nobody but a person sizes it");
    }

    #[test]
    fn a_load_is_the_most_that_was_needed_while_an_autoscaler_sizes_the_workload() {
        // What the workload asks for under which share of the candidate, and the pods for everything after it.
        type Looks = [(u32, u8, u32)];
        let table: [(&str, &Looks); 5] = [
            ("it shrinks as traffic goes", &[(10, 10, 10), (9, 10, 10), (5, 50, 10), (2, 100, 10)]),
            ("it grows under a share", &[(10, 50, 10), (5, 50, 10), (7, 50, 14), (6, 50, 14)]),
            ("with everything gone nothing is learnt", &[(2, 100, 10), (6, 100, 10)]),
            ("it cannot need more than it may have", &[(5, 50, 10), (19, 50, 20)]),
            ("scaled to nothing it says nothing", &[(0, 50, 10), (5, 50, 10)]),
        ];
        for (words, looks) in table {
            let mut load = load(scaled(2, 20), 10);
            assert_eq!(load.full, 10);
            for (pods, share, full) in looks {
                load.look(*pods, weight(*share));
                assert_eq!(load.full, *full, "{words}: {pods} at {share} %");
            }
        }
        assert_eq!(load(scaled(6, 20), 3).full, 6, "the autoscaler will bring it to its least");
        let mut by_hand = load(Capacity::default(), 10);
        by_hand.look(3, weight(50));
        assert_eq!(by_hand.full, 3, "without an autoscaler a person has said so");
    }

    #[test]
    fn traffic_comes_home_in_the_parts_that_pods_can_carry() {
        let load = load(scaled(2, 20), 10);
        let table = [
            (10, 100, false, 0),
            (12, 100, false, 0),
            (2, 100, false, 75),
            (2, 75, false, 75),
            (2, 75, true, 69),
            (4, 75, false, 50),
            (9, 10, false, 0),
            (0, 100, false, 100),
            (0, 100, true, 100),
        ];
        for (ready, present, is_content, keeps) in table {
            assert_eq!(load.candidate_keeps(ready, weight(present), is_content), weight(keeps), "{ready} {present}");
        }
    }

    #[test]
    fn lines_name_what_sizes_and_what_covers() {
        let mut capacity = scaled(2, 20);
        capacity.budgets.push(DisruptionBudget { name: "cart".into(), covers: Covered::Both, allowed: 1 });
        capacity.unread.push("autoscalers cannot be read".into());
        insta::assert_snapshot!(capacity.lines().join("\n"));
    }

    proptest! {
        #[test]
        fn home_never_gets_less_than_it_has_nor_more_than_its_pods_are_pushed_to(
            most in 1_u32..500, full in 1_u32..500, ready in 0_u32..500, present in 0_u8..=100, is_content: bool,
        ) {
            let load = load(scaled(1, most), full.min(most));
            let keeps = load.candidate_keeps(ready, weight(present), is_content);
            prop_assert!(keeps <= weight(present), "the way home goes one way");
            let carried = u32::from(keeps.rest().as_percent());
            let before = u32::from(weight(present).rest().as_percent());
            if keeps < weight(present) && !is_content && ready < load.full {
                prop_assert!(carried * load.full <= ready * PUSH_PERCENT, "{carried} % on {ready} of {}", load.full);
            }
            if ready == 0 {
                prop_assert_eq!(carried, before, "no pod, no traffic");
            }
        }

        #[test]
        fn an_autoscaler_never_makes_a_load_smaller(looks in proptest::collection::vec((0_u32..40, 0_u8..=100), 0..20)) {
            let mut load = load(scaled(2, 30), 8);
            for (pods, share) in looks {
                let before = load.full;
                load.look(pods, weight(share));
                prop_assert!(load.full >= before && load.full <= 40);
            }
        }
    }
}
