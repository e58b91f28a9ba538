//! What exists of a promotion from its start on.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::{JobRun, KnownAlert, LOOKED_AT_EVERY_SECONDS, Move, RefusedWrite, UNSEEN_AFTER_SECONDS, Wanted};
use crate::{
    actor::Identity,
    analysis::Watch,
    capacity::Load,
    delegated::{ToolAct, ToolProgress},
    git::GitRun,
    ids::VersionId,
    image::ContainerImage,
    observation::{PlacedWorkload, PodCounts, PodObservation},
    outside::{self, Report},
    traffic::Weight,
};

/// A pod template as it was before the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedWorkload {
    /// Which object.
    pub placed: PlacedWorkload,
    /// Kubernetes' identity of the object then.
    pub uid: String,
    /// The images then.
    pub images: Vec<ContainerImage>,
    /// The whole template then.
    pub template: serde_json::Value,
}

/// What an object said about traffic before the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedRoute {
    /// The workload whose traffic it moves.
    pub placed: PlacedWorkload,
    /// Kubernetes' identity of the object then.
    pub uid: String,
    /// What it said, to be put back exactly.
    pub rules: serde_json::Value,
}

/// What was last seen of the traffic of one workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteProgress {
    /// The workload whose traffic it is.
    pub placed: PlacedWorkload,
    /// The candidate that gets a share of it.
    pub candidate: PlacedWorkload,
    /// The object that moves it: `eu-1 shop/HTTPRoute cart`.
    pub shown: String,
    /// The share that the object gives to the candidate.
    pub seen: Weight,
    /// How many ready addresses the candidate's own Service has, where it has one.
    pub endpoints: Option<u32>,
    /// One line: `25 %, accepted`.
    pub words: String,
    /// Whether the layer does what is wanted.
    pub is_settled: bool,
    /// Whether our mark of the present generation was seen on it.
    pub was_ours: bool,
    /// Whether somebody else has set it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_left: bool,
}

/// Why a run does not go on by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who, or which rule.
    pub by: Identity,
    /// Why, in words.
    pub why: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Whether it ends by itself when what is missing is known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lifts: bool,
    /// Until when a person may answer; then comes what the plan says. `None` where it waits however long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

impl Hold {
    /// Whether only a person ends it: it neither ends by itself nor is answered by the plan.
    #[must_use]
    pub const fn stays(&self) -> bool {
        !self.lifts && self.until.is_none()
    }
}

/// What was last seen of one workload, for the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadProgress {
    /// Which object.
    pub placed: PlacedWorkload,
    /// The cluster's name.
    pub cluster_name: String,
    /// The pods in numbers.
    pub counts: PodCounts,
    /// The pods, for squares and reasons; at most [`Self::MAX_PODS`].
    pub pods: Vec<PodObservation>,
    /// One line: `2 of 3 pods available`.
    pub words: String,
    /// Whether this workload is where it should be.
    pub is_complete: bool,
    /// Whether our mark of the present generation was seen on it; when it is gone again, someone
    /// else wrote the object.
    pub was_ours: bool,
    /// The most pods that were available at once since the last change: the journal tells what comes, and
    /// pods that come and go by turns are told once.
    #[serde(default)]
    pub most_available: u32,
    /// How far the tool in charge is, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolProgress>,
    /// Whether the tool waits for a time or a person by its own steps: that time is not the version's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_waiting: bool,
}

impl WorkloadProgress {
    /// How many pods are kept for the screen; a promotion's state must stay small.
    pub const MAX_PODS: usize = 40;
}

/// What is known of an outside deployer's work on the call that is wanted now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OutsideRun {
    /// What ran at the start, to be brought back; `None` when nothing is known to have run.
    pub before: Option<VersionId>,
    /// When the deployer took the call.
    pub taken_at: Option<DateTime<Utc>>,
    /// Why it refused the call, when it did.
    pub refused: Option<String>,
    /// When it last reported.
    pub heard_at: Option<DateTime<Utc>>,
    /// When that was by its own clock, as far as it said.
    pub said_at: Option<DateTime<Utc>>,
    /// How much is done, in percent, as far as it said.
    pub percent: Option<u8>,
    /// What it said last; may be empty.
    pub message: String,
    /// Where more can be read.
    pub link: Option<String>,
    /// How many reports were taken in about this call.
    pub reports: u32,
    /// Whether the time for taking back is over and a person was asked.
    pub is_late: bool,
}

impl OutsideRun {
    /// How many reports of progress one call can have: more is a fault of the deployer, and each is
    /// written down.
    pub const MOST_REPORTS: u32 = 1000;

    /// How far a deployer's clock and ours may differ: a time from further ahead would shut out what it says later.
    pub const CLOCKS_DIFFER_SECONDS: i64 = 300;

    /// How far it is, in its words.
    #[must_use]
    pub fn words(&self) -> String {
        outside::in_words(self.percent, &self.message)
    }

    /// Begins another call: what was said about the former does not count.
    pub(super) fn next_call(&mut self) {
        *self = Self { before: self.before, ..Self::default() };
    }

    pub(super) fn take(&mut self, report: &Report, now: DateTime<Utc>) {
        self.heard_at = Some(now);
        // Who does not say when it was has said it now, give or take what clocks differ by.
        let about_now = now - Duration::seconds(Self::CLOCKS_DIFFER_SECONDS);
        self.said_at = report.at.or(self.said_at.max(Some(about_now)));
        self.percent = report.percent.or(self.percent);
        self.reports += 1;
        if !report.message.is_empty() {
            self.message.clone_from(&report.message);
        }
        if report.link.is_some() {
            self.link.clone_from(&report.link);
        }
    }
}

/// What exists of a promotion from its start on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The place in the order of starts at this target.
    pub sequence: i64,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// Rises only when what is wanted changes.
    pub generation: u32,
    /// What ran before, to be put back.
    pub saved: Vec<SavedWorkload>,
    /// What was last seen.
    pub progress: Vec<WorkloadProgress>,
    /// When the workloads were last looked at, to within some seconds; `None` where nobody noted it.
    #[serde(default)]
    pub looked_at: Option<DateTime<Utc>>,
    /// Seconds of the present generation in which nobody could look.
    #[serde(default)]
    pub unseen_seconds: i64,
    /// The index of the step that it has reached.
    #[serde(default)]
    pub reached: usize,
    /// The indexes of the steps that a person has left out or ended before their time; where a tool is in charge, of
    /// the tool's own steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<usize>,
    /// What is wanted of the clusters.
    #[serde(default = "Wanted::version_at_once")]
    pub wanted: Wanted,
    /// Since when that is wanted; `None` where nobody noted it.
    #[serde(default)]
    pub wanted_since: Option<DateTime<Utc>>,
    /// Since when all of it is seen; `None` while it is not.
    #[serde(default)]
    pub settled_at: Option<DateTime<Utc>>,
    /// Since when it goes on only when something is seen: what is wanted, or what the next move stands
    /// on. `None` when nothing is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_since: Option<DateTime<Utc>>,
    /// Since when traffic goes to a candidate without any address; `None` when it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unserved_since: Option<DateTime<Utc>>,
    /// What the traffic's objects said before, to be put back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub saved_routes: Vec<SavedRoute>,
    /// What was last seen of the candidates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<WorkloadProgress>,
    /// What was last seen of the traffic.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteProgress>,
    /// How many pods the workloads with candidates need for all of their traffic.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loads: Vec<Load>,
    /// Why the traffic does not come home yet, in words with the numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short: Option<String>,
    /// Whether a person has let it go on although pods are missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_short_accepted: bool,
    /// Why it does not go on by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The share that a person has set in place of the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<Weight>,
    /// The rules at work, once the version gets traffic.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub watches: Vec<Watch>,
    /// What must still be known before the present step ends, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaits: Option<String>,
    /// Whether a person has let it go on without an answer: until the share changes, only what speaks
    /// against the version counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unjudged: bool,
    /// What is known of an outside deployer's work, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<OutsideRun>,
    /// What is known of the Git repository, where the version lives in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitRun>,
    /// What was asked of the tool in charge and is not seen yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<ToolAct>,
    /// The Jobs of its steps so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<JobRun>,
    /// The alerts that it has heard of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<KnownAlert>,
    /// When one of them that did something was last forgotten, for there were too many: one that began before may be
    /// told again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgot_alert_at: Option<DateTime<Utc>>,
    /// What clusters refused while it was taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedWrite>,
    /// Since when pods cannot be made and none has come; `None` when that is not so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmade_since: Option<DateTime<Utc>>,
}

impl Run {
    /// A run that begins: nothing is saved, nothing is wanted yet.
    #[must_use]
    pub const fn new(sequence: i64, now: DateTime<Utc>) -> Self {
        Self {
            sequence,
            started_at: now,
            generation: 0,
            saved: Vec::new(),
            progress: Vec::new(),
            looked_at: Some(now),
            unseen_seconds: 0,
            reached: 0,
            left_out: Vec::new(),
            wanted: Wanted::nothing(),
            wanted_since: None,
            settled_at: None,
            waits_since: None,
            unserved_since: None,
            saved_routes: Vec::new(),
            candidates: Vec::new(),
            routes: Vec::new(),
            loads: Vec::new(),
            short: None,
            is_short_accepted: false,
            hold: None,
            by_hand: None,
            watches: Vec::new(),
            awaits: None,
            is_unjudged: false,
            outside: None,
            git: None,
            asked: None,
            jobs: Vec::new(),
            alerts: Vec::new(),
            forgot_alert_at: None,
            refused: Vec::new(),
            unmade_since: None,
        }
    }

    /// Whether it has wanted something of the clusters.
    #[must_use]
    pub const fn has_written(&self) -> bool {
        self.generation > 0
    }

    /// Wants something new from now on. What was seen of the other parts stays true.
    pub(super) fn want(&mut self, next: Move, now: DateTime<Utc>) {
        self.generation += 1;
        self.looked_at = Some(now);
        self.unseen_seconds = 0;
        self.wanted_since = Some(now);
        self.settled_at = None;
        self.short = None;
        self.waits_since = None;
        match &next {
            Move::Stable(_) => {
                forget(&mut self.progress);
                // What was available is about to end.
                self.progress.iter_mut().for_each(|p| (p.counts.updated, p.counts.available) = (0, 0));
            }
            Move::Grow(_) | Move::Remove => forget(&mut self.candidates),
            Move::Aside(_) => {
                self.note_shares();
                forget_routes(&mut self.routes);
            }
            Move::Shift(_) => {
                self.note_shares();
                forget_routes(&mut self.routes);
                self.is_unjudged = false;
                self.awaits = None;
                for load in &mut self.loads {
                    let pods = self.progress.iter().find(|p| p.placed == load.placed).map(|p| p.counts.wanted);
                    load.share_changed(pods.unwrap_or(load.least_seen));
                }
                for watch in &mut self.watches {
                    watch.weight_changed(now);
                }
            }
        }
        self.wanted.take(next, self.generation);
    }

    /// Takes note of the shares that a new one may be written over: those that are seen, and those that
    /// were wanted since everything was as wanted and may yet come.
    fn note_shares(&mut self) {
        if self.routes.iter().all(|route| route.is_settled) {
            self.wanted.over.clear();
        }
        // What somebody else has set is theirs, also when it was seen.
        let seen = self.routes.iter().filter(|route| !route.is_left).map(|route| route.seen);
        let known = seen.chain([self.wanted.weight.want]).collect::<Vec<_>>();
        self.wanted.over.extend(known);
        self.wanted.over.sort_unstable();
        self.wanted.over.dedup();
    }

    /// Takes note that the workloads are looked at now. While something cannot be written (`is_troubled`)
    /// that is not the version's fault, and its budget stands still.
    pub(super) fn look(&mut self, now: DateTime<Utc>, is_troubled: bool) {
        let Some(last) = self.looked_at else {
            self.looked_at = Some(now);
            return;
        };
        let since = (now - last).num_seconds();
        let is_unseen = since > UNSEEN_AFTER_SECONDS;
        if is_troubled || is_unseen {
            self.unseen_seconds += since;
        }
        // Nobody could answer while Slipway was away.
        if let Some(until) = self.hold.as_mut().and_then(|hold| hold.until.as_mut()).filter(|_| is_unseen) {
            *until += now - last;
        }
        if is_troubled || since >= LOOKED_AT_EVERY_SECONDS {
            self.looked_at = Some(now);
        }
    }

    /// Takes note that something must be seen before it goes on: the budget counts from here.
    pub(super) const fn waits(&mut self, now: DateTime<Utc>) {
        if self.waits_since.is_none() {
            self.waits_since = Some(now);
            self.unseen_seconds = 0;
        }
    }

    /// Whether the budget of what is wanted now is used up, without the time in which nobody could look.
    /// What was there once and is not any more has all of it again. Where nobody noted since when it is wanted, `since` counts.
    pub(super) fn is_over_budget(&self, since: DateTime<Utc>, seconds: u32, now: DateTime<Utc>) -> bool {
        let since = self.waits_since.or(self.wanted_since).unwrap_or(since);
        now >= since + Duration::seconds(i64::from(seconds) + self.unseen_seconds)
    }
}

fn forget_routes(routes: &mut [RouteProgress]) {
    for route in routes {
        route.was_ours = false;
        route.is_settled = false;
    }
}

fn forget(progress: &mut [WorkloadProgress]) {
    for one in progress {
        one.was_ours = false;
        one.is_complete = false;
    }
}
