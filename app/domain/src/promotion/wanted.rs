//! What a run wants of the clusters, in three parts that change one at a time: what the workloads run,
//! how many pods their candidates have, which share of the traffic these get. [`Wanted::toward`] gives
//! the one next move to an end, in the only order that is safe: pods before traffic on the way up,
//! traffic before pods on the way down, and a workload that is replaced serves nobody meanwhile.

use serde::{Deserialize, Serialize};

use crate::{aside::Aside, observation::PlacedWorkload, traffic::Weight};

/// What the workloads themselves should run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StableWant {
    /// What they ran before; this promotion has not touched them.
    AsItIs,
    /// The version.
    Version,
    /// What they ran before, put back.
    Before,
}

/// How many pods the candidate of a workload should have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateSize {
    /// The workload beside which it stands.
    pub placed: PlacedWorkload,
    /// Its pods.
    pub pods: u32,
}

/// One part of what is wanted, with the generation of the run in which it last changed: that is its
/// mark in the clusters, and 0 says that it was never written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part<T> {
    /// What is wanted.
    pub want: T,
    /// Since which generation.
    pub generation: u32,
}

impl<T> Part<T> {
    const fn unwritten(want: T) -> Self {
        Self { want, generation: 0 }
    }
}

/// What a run wants of the clusters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// What the workloads run.
    pub stable: Part<StableWant>,
    /// The candidates that are there; those that are not listed are not wanted.
    pub candidates: Part<Vec<CandidateSize>>,
    /// The share of the traffic that candidates get.
    pub weight: Part<Weight>,
    /// What they get beside it: said by the same objects, and of the same generation.
    #[serde(default, skip_serializing_if = "Aside::is_nothing")]
    pub aside: Aside,
    /// The shares that were there, or on their way, when that was decided: another was set by someone
    /// else. Empty where nobody noted them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<Weight>,
}

/// Where a step leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    /// What the workloads run.
    pub stable: StableWant,
    /// The candidates' pods; empty where there should be none.
    pub candidates: Vec<CandidateSize>,
    /// The share of the traffic that candidates get.
    pub weight: Weight,
    /// What they get beside it.
    pub aside: Aside,
    /// Whether candidates should have no more pods than that: their number is the share.
    pub is_exact: bool,
}

impl Goal {
    /// The workloads run the version, and nothing else is left of the promotion.
    pub(super) const fn rolled_out() -> Self {
        Self::nothing_tried(StableWant::Version)
    }

    /// The workloads run this, and nothing is tried beside them.
    pub(super) const fn nothing_tried(stable: StableWant) -> Self {
        Self { stable, candidates: Vec::new(), weight: Weight::NONE, aside: Aside::NOTHING, is_exact: false }
    }
}

/// The next change on the way to a goal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Candidates get so many pods, more than before.
    Grow(Vec<CandidateSize>),
    /// The workloads are brought to this.
    Stable(StableWant),
    /// Candidates get this share.
    Shift(Weight),
    /// Candidates get this beside their share.
    Aside(Aside),
    /// Candidates are removed.
    Remove,
}

impl Wanted {
    /// Nothing is wanted yet.
    #[must_use]
    pub const fn nothing() -> Self {
        Self {
            stable: Part::unwritten(StableWant::AsItIs),
            candidates: Part::unwritten(Vec::new()),
            weight: Part::unwritten(Weight::NONE),
            aside: Aside::NOTHING,
            over: Vec::new(),
        }
    }

    /// What a rolling promotion wants that was stored before there was anything else to want.
    pub(super) fn version_at_once() -> Self {
        Self { stable: Part { want: StableWant::Version, generation: 1 }, ..Self::nothing() }
    }

    /// The next move on the way to `goal`; `None` when there is nothing left to do.
    #[must_use]
    pub fn toward(&self, goal: &Goal) -> Option<Move> {
        let grown = self.grown_to(goal);
        if grown != self.candidates.want {
            return Some(Move::Grow(grown));
        }
        if self.stable.want != goal.stable {
            return Some(Move::Stable(goal.stable));
        }
        if self.weight.want != goal.weight {
            return Some(Move::Shift(goal.weight));
        }
        if self.aside != goal.aside {
            return Some(Move::Aside(goal.aside.clone()));
        }
        let is_too_many = goal.candidates.is_empty() && !self.candidates.want.is_empty();
        is_too_many.then_some(Move::Remove)
    }

    /// What there is, and what the goal asks for beyond it. Candidates never shrink while they are
    /// needed: pods that are there do no harm, pods that are missing do. Where pods are the share, too
    /// many of them do.
    fn grown_to(&self, goal: &Goal) -> Vec<CandidateSize> {
        let mut grown = self.candidates.want.clone();
        for size in goal.candidates.iter().filter(|size| size.pods > 0) {
            match grown.iter_mut().find(|known| known.placed == size.placed) {
                Some(known) if goal.is_exact => known.pods = size.pods,
                Some(known) => known.pods = known.pods.max(size.pods),
                None => grown.push(size.clone()),
            }
        }
        grown
    }

    /// Takes a move, as part of `generation`.
    pub(super) fn take(&mut self, next: Move, generation: u32) {
        match next {
            Move::Grow(want) => self.candidates = Part { want, generation },
            Move::Remove => self.candidates = Part { want: Vec::new(), generation },
            Move::Stable(want) => self.stable = Part { want, generation },
            Move::Shift(want) => {
                self.weight = Part { want, generation };
                // Traffic that goes home takes everybody along, in one write.
                if want == Weight::NONE {
                    self.aside = Aside::NOTHING;
                }
            }
            Move::Aside(aside) => {
                self.aside = aside;
                self.weight.generation = generation;
            }
        }
    }

    /// The pods that the candidate of a workload should have; 0 when there should be none.
    #[must_use]
    pub fn pods_of(&self, placed: &PlacedWorkload) -> u32 {
        self.candidates.want.iter().find(|size| size.placed == *placed).map_or(0, |size| size.pods)
    }

    /// Whether a workload goes without a candidate while others have theirs: it had no pods when these
    /// were sized, so there is no traffic to share.
    #[must_use]
    pub fn is_without(&self, placed: &PlacedWorkload) -> bool {
        !self.candidates.want.is_empty() && self.pods_of(placed) == 0
    }

    /// Whether there is a candidate, or was one that may not be gone yet.
    #[must_use]
    pub const fn has_candidates(&self) -> bool {
        self.candidates.generation > 0
    }
}
