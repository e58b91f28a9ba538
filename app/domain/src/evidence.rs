//! Why a pod fails, as its cluster told it while the pod was there: its events and the last lines of its log.
//!
//! Owns how much of it is kept ([`LogTail::of`], [`PodReport::new`]) and of which pods ([`failing`]). What a
//! container writes is text of strangers: nothing of it but readable characters is kept. It is kept with the
//! promotion, for the pods are gone soon after.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::observation::{PlacedWorkload, PodObservation, WorkloadObservation};

/// Pods of a workload that are asked about: they mostly fail for one reason.
pub const PODS_PER_WORKLOAD: usize = 2;

/// Lines of a log that are kept.
pub const LOG_LINES: usize = 40;

/// Bytes of a log that are kept.
pub const LOG_BYTES: usize = 8 * 1024;

/// Characters of a line of a log that are kept: a stack trace's longest frames fit.
const LINE_LENGTH: usize = 500;

/// Events of a pod that are kept.
pub const EVENTS: usize = 8;

/// Characters of an event's message that are kept.
const MESSAGE_LENGTH: usize = 500;

/// How long a pod may be there without being ready before it is asked about, when nothing else is wrong with it.
const NOT_READY_SECONDS: i64 = 30;

/// What is said of a pod that runs and does not get ready.
const NOT_READY: &str = "not ready";

/// What a cluster said to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told<T> {
    /// The answer.
    Known(T),
    /// The credentials do not include this permission: `get pods/log`.
    NotAllowed(String),
    /// There is no answer; why, in the cluster's words.
    Unknown(String),
}

/// What happened to a pod, in Kubernetes' own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodEvent {
    /// When last; Kubernetes may not say.
    pub at: Option<DateTime<Utc>>,
    /// Kubernetes' reason: `BackOff`, `Unhealthy`, `FailedScheduling`.
    pub reason: String,
    /// Kubernetes' message.
    pub message: String,
    /// How often.
    pub count: u32,
    /// Whether Kubernetes warns by it.
    pub is_warning: bool,
}

/// The end of a container's log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTail {
    /// The last lines, oldest first.
    pub lines: Vec<String>,
    /// Whether there was more, of lines or within one.
    pub is_cut: bool,
    /// Whether it is of the run before the present one.
    pub of_previous_run: bool,
}

/// What a cluster tells about a pod that fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodReport {
    /// Oldest first.
    pub events: Told<Vec<PodEvent>>,
    /// The end of the log of the container that fails.
    pub log: Told<LogTail>,
}

/// A report with the pod and the moment it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodEvidence {
    /// The workload that the pod is of; a candidate by its own name.
    pub placed: PlacedWorkload,
    /// The pod's name.
    pub pod: String,
    /// The container, where Kubernetes names one.
    pub container: Option<String>,
    /// What was wrong: `CrashLoopBackOff, exit code 1`.
    pub words: String,
    /// Restarts until then.
    pub restarts: u32,
    /// When it was told.
    pub at: DateTime<Utc>,
    /// What was told.
    pub report: PodReport,
}

impl PodEvidence {
    /// Whether it is still what would be told about the pod.
    #[must_use]
    pub fn is_of(&self, placed: &PlacedWorkload, pod: &PodObservation, words: &str) -> bool {
        self.placed == *placed && self.pod == pod.name && self.words == words && self.restarts == pod.restarts
    }
}

impl PodReport {
    /// Keeps the last [`EVENTS`] events, in readable characters.
    #[must_use]
    pub fn new(events: Told<Vec<PodEvent>>, log: Told<LogTail>) -> Self {
        let events = match events {
            Told::Known(mut events) => {
                events.sort_by_key(|event| event.at);
                events.drain(..events.len().saturating_sub(EVENTS));
                for event in &mut events {
                    event.reason = readable(&event.reason, MESSAGE_LENGTH).0;
                    event.message = readable(&event.message, MESSAGE_LENGTH).0;
                }
                Told::Known(events)
            }
            other => other,
        };
        Self { events, log }
    }
}

impl LogTail {
    /// The end of `text`: at most [`LOG_LINES`] lines and [`LOG_BYTES`] bytes, in readable characters. `is_cut` when
    /// more was not even asked for.
    #[must_use]
    pub fn of(text: &str, is_cut: bool, of_previous_run: bool) -> Self {
        let mut tail = Self { lines: Vec::new(), is_cut, of_previous_run };
        let mut left = LOG_BYTES;
        for line in text.lines().rev() {
            let (line, is_line_cut) = readable(line, LINE_LENGTH);
            if tail.lines.len() == LOG_LINES || line.len() > left {
                tail.is_cut = true;
                break;
            }
            left -= line.len();
            tail.is_cut |= is_line_cut;
            tail.lines.push(line);
        }
        tail.lines.reverse();
        tail
    }
}

/// The pods of a workload that should be asked about, each with what is wrong with it.
#[must_use]
pub fn failing(seen: &WorkloadObservation, now: DateTime<Utc>) -> Vec<(&PodObservation, String)> {
    let wrong = |pod: &PodObservation| match &pod.trouble {
        Some(trouble) => Some(trouble.words()),
        None => {
            let is_late = pod.created_at.is_some_and(|made| (now - made).num_seconds() >= NOT_READY_SECONDS);
            (!pod.is_ready && is_late).then(|| NOT_READY.to_owned())
        }
    };
    let new = seen.pods.iter().filter(|pod| pod.is_updated && !pod.is_terminating);
    new.filter_map(|pod| Some((pod, wrong(pod)?))).take(PODS_PER_WORKLOAD).collect()
}

/// At most `length` characters of a text without what would disturb a page or hide what is written: terminals'
/// colours, control characters, marks that turn the direction of writing. Whether something was cut off.
fn readable(text: &str, length: usize) -> (String, bool) {
    let mut kept = String::new();
    let mut count = 0;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // A sequence: '[', parameters, and one letter that ends it.
            if characters.next_if_eq(&'[').is_some() {
                while characters.next_if(|c| !matches!(c, '@'..='~')).is_some() {}
                characters.next();
            }
            continue;
        }
        let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if turns || (character.is_control() && character != '\t') {
            continue;
        }
        if count == length {
            kept.push('…');
            return (kept, true);
        }
        count += 1;
        kept.push(character);
    }
    (kept, false)
}
