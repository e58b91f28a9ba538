//! What an alert of another system does to a promotion that it touches: it is noted, it pauses, or it takes
//! the version back. An alert acts once, however often it is told; when it is resolved, that is noted too, and
//! whoever was asked by a pause still decides.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Hold, JournalEvent, Phase, Promotion, Run, StableWant, TakeBackCause, decide::Draft};
use crate::{actor::Identity, deployment::Cause, ids::EnvironmentId};

/// What an alert asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertAsks {
    /// That it is noted.
    Note,
    /// That the promotion pauses and asks a person.
    Pause,
    /// That the version is taken back.
    TakeBack,
}

impl AlertAsks {
    /// What is left of it where an alert fits targets in these environments and does not say which it is about: in
    /// several of them nothing is taken back, for a person must look.
    #[must_use]
    pub fn in_environments(self, environments: &[EnvironmentId]) -> Self {
        let is_one = environments.iter().all(|one| environments.first() == Some(one));
        if is_one { self } else { self.min(Self::Pause) }
    }
}

/// An alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What tells this occurrence from every other: fingerprint and start.
    pub key: String,
    /// Its name, with what it says: `CheckoutErrors: 7 % of checkouts fail`.
    pub words: String,
    /// What it asks for.
    pub asks: AlertAsks,
    /// Whether it still holds.
    pub is_firing: bool,
    /// Since when, as far as that was said.
    pub began_at: Option<DateTime<Utc>>,
}

/// An alert that a run has heard of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownAlert {
    /// What tells it from others.
    pub key: String,
    /// Whether it still holds.
    pub is_firing: bool,
    /// Whether it was only noted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_note: bool,
    /// What it says, where it asks for taking the version back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes_back: Option<String>,
}

impl KnownAlert {
    /// So many that did something are remembered, and as many that were noted; a promotion's state must stay small.
    pub const MOST: usize = 500;
}

impl Promotion {
    /// What an alert asks for here. One that held before the promotion began says nothing of its version: least of
    /// all may it undo the rollback, or the fix, that was made because of it.
    #[must_use]
    pub fn asked_by(&self, alert: &Alert) -> AlertAsks {
        let is_older = self.run().is_some_and(|run| match alert.began_at {
            Some(began_at) => began_at < run.started_at,
            None => self.cause == Cause::Rollback,
        });
        match self.cause {
            _ if is_older => AlertAsks::Note,
            // It speaks of what is being left.
            Cause::Rollback => AlertAsks::Note,
            Cause::Planned | Cause::Hotfix if self.may_be_forgotten(alert) && alert.asks == AlertAsks::Pause => {
                AlertAsks::Note
            }
            Cause::Planned | Cause::Hotfix if self.has_served() => alert.asks,
            Cause::Planned | Cause::Hotfix => alert.asks.min(AlertAsks::Pause),
        }
    }

    /// Whether an alert may be one that did what it asked for, and was forgotten since.
    fn may_be_forgotten(&self, alert: &Alert) -> bool {
        let Some(run) = self.run() else { return false };
        let is_known = run.alerts.iter().any(|known| known.key == alert.key);
        let forgot = run.forgot_alert_at.zip(alert.began_at);
        !is_known && forgot.is_some_and(|(forgot, began_at)| began_at < forgot)
    }

    /// Whether its version has got requests, or may have: before that no alert is about it.
    fn has_served(&self) -> bool {
        self.run().is_some_and(|run| {
            let is_rolled_out = run.wanted.stable.want != StableWant::AsItIs;
            is_rolled_out || run.outside.is_some() || run.wanted.weight.generation > 0
        })
    }

    /// Whether an alert would change nothing here: it was told before, it was never told and is over, or
    /// there is nothing under way.
    #[must_use]
    pub fn has_heard(&self, alert: &Alert) -> bool {
        match &self.phase {
            Phase::Starting { run } | Phase::Progressing { run, .. } | Phase::Watching { run, .. } => {
                match run.alerts.iter().find(|known| known.key == alert.key) {
                    Some(known) => !known.is_firing || alert.is_firing,
                    None => !alert.is_firing,
                }
            }
            Phase::Waiting { .. }
            | Phase::TakingBack { .. }
            | Phase::Succeeded { .. }
            | Phase::Failed { .. }
            | Phase::Aborted { .. }
            | Phase::Rejected { .. }
            | Phase::Cancelled { .. }
            | Phase::Expired { .. }
            | Phase::Superseded { .. } => true,
        }
    }
}

/// Takes alerts in: first what takes back, for it settles what the others ask.
pub(super) fn alerted(draft: &mut Draft, by: &Identity, mut alerts: Vec<Alert>) {
    alerts.sort_by_key(|alert| Reverse(alert.asks));
    for alert in alerts {
        take_in(draft, by, alert);
    }
}

fn take_in(draft: &mut Draft, by: &Identity, alert: Alert) {
    if draft.next.has_heard(&alert) {
        return;
    }
    let alert = Alert { asks: draft.next.asked_by(&alert), ..alert };
    let event = match alert.is_firing {
        true => JournalEvent::Alerted { words: alert.words.clone(), asks: alert.asks },
        false => JournalEvent::AlertResolved { words: alert.words.clone() },
    };
    draft.note(by, event);
    match draft.next.phase.clone() {
        Phase::Starting { mut run } => {
            remember(&mut run, &alert, draft.now);
            pause(draft, &mut run, by, &alert);
            draft.next.phase = Phase::Starting { run };
        }
        Phase::Progressing { mut run, step, since } => {
            remember(&mut run, &alert, draft.now);
            if takes_back(&alert) {
                return draft.take_back(run, by, TakeBackCause::Alert { words: alert.words });
            }
            pause(draft, &mut run, by, &alert);
            draft.next.phase = Phase::Progressing { run, step, since };
        }
        // The version runs already: what asks for taking it back proposes a rollback as long as it holds.
        Phase::Watching { mut run, finished_at, until } => {
            remember(&mut run, &alert, draft.now);
            draft.next.phase = Phase::Watching { run, finished_at, until };
        }
        Phase::Waiting { .. }
        | Phase::TakingBack { .. }
        | Phase::Succeeded { .. }
        | Phase::Failed { .. }
        | Phase::Aborted { .. }
        | Phase::Rejected { .. }
        | Phase::Cancelled { .. }
        | Phase::Expired { .. }
        | Phase::Superseded { .. } => {}
    }
}

/// Why a version that is only watched should be rolled back: an alert that asks for it and still holds.
pub(super) fn proposal(run: &Run) -> Option<String> {
    let words = run.alerts.iter().filter(|known| known.is_firing).find_map(|known| known.takes_back.as_ref());
    words.map(|words| format!("alert {words}"))
}

/// Pauses where there are steps, also in the place of a hold that would end by itself.
fn pause(draft: &mut Draft, run: &mut Run, by: &Identity, alert: &Alert) {
    let is_asked = alert.is_firing && alert.asks == AlertAsks::Pause && draft.next.plan.steps.len() > 1;
    if is_asked && !run.hold.as_ref().is_some_and(Hold::stays) {
        let why = format!("alert {}", alert.words);
        draft.note(by, JournalEvent::Held { why: why.clone() });
        run.hold = Some(Hold { by: by.clone(), why, since: draft.now, lifts: false, until: None });
    }
}

fn takes_back(alert: &Alert) -> bool {
    alert.is_firing && alert.asks == AlertAsks::TakeBack
}

fn remember(run: &mut Run, alert: &Alert, now: DateTime<Utc>) {
    run.alerts.retain(|known| known.key != alert.key);
    let takes_back = (alert.asks == AlertAsks::TakeBack).then(|| alert.words.clone());
    let is_note = alert.asks == AlertAsks::Note;
    run.alerts.push(KnownAlert { key: alert.key.clone(), is_firing: alert.is_firing, is_note, takes_back });
    // A flood of notes must not make one forgotten that paused: told again, it would pause again.
    let of_its_kind = |known: &KnownAlert| known.is_note == is_note;
    if run.alerts.iter().filter(|known| of_its_kind(known)).count() > KnownAlert::MOST {
        // What is over goes first: what holds may speak against the version still.
        let over = run.alerts.iter().position(|known| of_its_kind(known) && !known.is_firing);
        if let Some(oldest) = over.or_else(|| run.alerts.iter().position(of_its_kind)) {
            run.alerts.remove(oldest);
            if !is_note {
                run.forgot_alert_at = Some(now);
            }
        }
    }
}
