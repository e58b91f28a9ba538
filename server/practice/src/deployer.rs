//! An outside deployer in memory or in a file: it takes webhooks, leaves out what it has taken already, and reports
//! how it gets on as time passes. Answers can be prescribed.

use std::{
    collections::VecDeque,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::outside::{ReportState, WebhookAddress};
use ports::{Clock, Webhook, WebhookAnswer, WebhookSender};
use serde::{Deserialize, Serialize};

use crate::{behaviour::Behaviour, kept};

/// A webhook as the deployer has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReceivedWebhook {
    /// When it came first.
    pub at: DateTime<Utc>,
    /// Its identity.
    pub id: String,
    /// Its type: `deployment.start`, `deployment.abort`, `ping`.
    pub kind: String,
    /// What it says.
    pub body: serde_json::Value,
    /// How often it came.
    pub times: usize,
    /// How many of its reports were given out; one that starts again gives all of them anew.
    #[serde(skip)]
    reported: usize,
}

/// What the deployer reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PracticeReport {
    /// The promotion's number.
    pub promotion: i64,
    /// The webhook that it is about.
    pub delivery: String,
    /// The identity of the report.
    pub id: String,
    /// How far it is.
    pub state: ReportState,
    /// How much of it, in percent.
    pub percent: u8,
    /// In words.
    pub message: &'static str,
}

/// How four practice machines are brought to a version: seconds since the webhook came, percent, words.
const START: [(i64, u8, &str); 6] = [
    (2, 5, "downloading the version to 4 machines"),
    (6, 25, "machine 1 of 4 restarted and answers"),
    (12, 50, "machine 2 of 4 restarted and answers"),
    (18, 75, "machine 3 of 4 restarted and answers"),
    (24, 95, "machine 4 of 4 restarted, checks the whole"),
    (28, 100, "4 of 4 machines run the version"),
];

/// How that goes with a version that crashes.
const FAILS: [(i64, u8, &str); 3] = [
    (2, 5, "downloading the version to 4 machines"),
    (6, 10, "machine 1 of 4 restarted"),
    (10, 10, "machine 1 of 4 does not answer with the version"),
];

/// How they are brought back.
const ABORT: [(i64, u8, &str); 3] = [
    (1, 10, "stops, keeps machines that are not changed yet"),
    (4, 60, "brings changed machines back"),
    (8, 100, "4 of 4 machines run what ran before"),
];

#[derive(Default)]
struct State {
    received: Vec<ReceivedWebhook>,
    answers: VecDeque<WebhookAnswer>,
    /// The file that keeps what it has taken; memory when absent.
    file: Option<PathBuf>,
}

/// The deployer; clones are the same one.
#[derive(Clone)]
pub struct PracticeDeployer {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

impl PracticeDeployer {
    /// Where it is told something, in the demo.
    pub const ADDRESS: &str = "https://deployer.practice.invalid/deploy";

    /// One that has nothing to do yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Arc::default() }
    }

    /// One whose webhooks the file at `path` keeps; a file that is not there has none.
    ///
    /// # Errors
    /// [`std::io::Error`] when the file is there but cannot be read.
    pub fn in_file(clock: Arc<dyn Clock>, path: PathBuf) -> io::Result<Self> {
        let received = kept::read(&path)?;
        let state = State { received, file: Some(path), ..State::default() };
        Ok(Self { clock, state: Arc::new(Mutex::new(state)) })
    }

    /// Prescribes the next answer; several queue up.
    pub fn answer_next(&self, answer: WebhookAnswer) {
        self.state().answers.push_back(answer);
    }

    /// What it has taken, each once, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<ReceivedWebhook> {
        self.state().received.clone()
    }

    /// The reports that are due by now and were not given out yet, oldest first. An abort ends the work
    /// on the start before it.
    #[must_use]
    pub fn reports_due(&self) -> Vec<PracticeReport> {
        let now = self.clock.now();
        let mut state = self.state();
        let aborted: Vec<_> =
            state.received.iter().filter(|one| one.kind == "deployment.abort").map(promotion_of).collect();
        let mut due = Vec::new();
        for one in &mut state.received {
            let (is_start, promotion) = (one.kind == "deployment.start", promotion_of(one));
            let (script, end): (&[_], _) = match one.kind.as_str() {
                "deployment.start" if one.crashes() => (&FAILS, ReportState::Failed),
                "deployment.start" => (&START, ReportState::Succeeded),
                "deployment.abort" => (&ABORT, ReportState::Succeeded),
                _ => (&[], ReportState::Succeeded),
            };
            let Some(number) = promotion.filter(|_| !(is_start && aborted.contains(&promotion))) else { continue };
            let seconds = (now - one.at).num_seconds();
            while let Some((_, percent, message)) = script.get(one.reported).filter(|(at, ..)| *at <= seconds) {
                one.reported += 1;
                let state = if one.reported == script.len() { end } else { ReportState::Running };
                let id = format!("{}-{}", one.id, one.reported);
                let delivery = one.id.clone();
                due.push(PracticeReport { promotion: number, delivery, id, state, percent: *percent, message });
            }
        }
        due
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReceivedWebhook {
    /// Whether the version that it is about runs nowhere.
    fn crashes(&self) -> bool {
        let images = self.body["version"]["images"].as_array().map_or(&[][..], Vec::as_slice);
        images.iter().filter_map(|one| one["image"].as_str()).any(|one| Behaviour::of_image(one) == Behaviour::Crash)
    }
}

fn promotion_of(received: &ReceivedWebhook) -> Option<i64> {
    received.body["promotion"]["number"].as_i64()
}

#[async_trait]
impl WebhookSender for PracticeDeployer {
    fn look_at(&self, address: &str) -> Result<(), String> {
        WebhookAddress::parse(address).map(drop).map_err(|error| error.to_string())
    }

    async fn send(&self, webhook: &Webhook) -> WebhookAnswer {
        let at = self.clock.now();
        let mut state = self.state();
        let answer = state.answers.pop_front().unwrap_or(WebhookAnswer::Taken { status: 202 });
        if !matches!(answer, WebhookAnswer::Taken { .. }) {
            return answer;
        }
        if let Some(known) = state.received.iter_mut().find(|known| known.id == webhook.id) {
            known.times += 1;
        } else {
            let body: serde_json::Value = match serde_json::from_str(&webhook.body) {
                Ok(body) => body,
                Err(error) => return WebhookAnswer::Refused { status: Some(400), words: error.to_string() },
            };
            let kind = body["type"].as_str().unwrap_or_default().to_owned();
            state.received.push(ReceivedWebhook { at, id: webhook.id.clone(), kind, body, times: 1, reported: 0 });
        }
        match state.file.as_ref().map_or(Ok(()), |path| kept::write(path, &state.received)) {
            Ok(()) => answer,
            Err(error) => WebhookAnswer::Again { status: None, words: error.to_string(), wait_seconds: None },
        }
    }
}
