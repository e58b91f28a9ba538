//! Targets that a program of their owner deploys: calls and reports are lost, come twice, late and out of
//! order, and what it was told may fail.

use std::{collections::BTreeSet, sync::Arc};

use domain::{
    actor::Identity,
    ids::TokenId,
    outside::{CallAnswer, CallId, Deployer, DeployerCall, OutsideDeployer, Report, ReportState, WebhookAddress},
    promotion::{Input, Phase, headline},
};
use ports::{Webhook, WebhookAnswer, WebhookSender as _};
use practice::{MockClock, PracticeDeployer, PracticeReport};
use serde_json::json;
use uuid::Uuid;

use super::{
    Run, Way,
    chance::Dice,
    people,
    request::{Request, person},
};

pub struct Outside {
    deployer: PracticeDeployer,
    /// The webhooks that were asked for, oldest first.
    deliveries: Vec<Delivery>,
    /// Webhooks that come yet, though nobody waits for the answer any more.
    late: Vec<Webhook>,
    /// Reports on their way.
    reports: Vec<PracticeReport>,
    /// The identities of the reports that were taken in.
    taken: BTreeSet<String>,
    /// The last report about each webhook that came more than once, and how often it had come then.
    repeated: Vec<(String, usize)>,
    is_bad: bool,
    /// Whether what it brings back fails the first time.
    is_stuck: bool,
    machines: Machines,
}

/// What runs on the machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Machines {
    Before,
    Between,
    Version,
}

struct Delivery {
    call: DeployerCall,
    generation: u32,
    is_open: bool,
}

fn address(path: &str) -> WebhookAddress {
    WebhookAddress::parse(&format!("https://deploy.test/{path}")).unwrap()
}

impl Way for Outside {
    const RUNS: u64 = 1_500;

    fn begin(dice: &mut Dice, clock: &MockClock) -> (Self, Request) {
        let abort = (!dice.one_in(6)).then(|| address("abort"));
        let life = dice.one_in(2).then_some(20);
        let outside = OutsideDeployer::new(address("start"), abort, dice.pick(&[60, 120, 300]), life).unwrap();
        let request = Request { deployer: Deployer::Outside(outside), ..Request::of(None, "2.0") };
        let way = Self {
            deployer: PracticeDeployer::new(Arc::new(clock.clone())),
            deliveries: Vec::new(),
            late: Vec::new(),
            reports: Vec::new(),
            taken: BTreeSet::new(),
            repeated: Vec::new(),
            is_bad: dice.one_in(3),
            is_stuck: dice.one_in(4),
            machines: Machines::Before,
        };
        (way, request)
    }

    async fn pass(&mut self, run: &mut Run) {
        if !run.dice.one_in(4) {
            run.give(Input::Clock);
        }
        self.take_calls(run);
        self.send_due(run).await;
        self.work_goes_on(run);
        self.reports_come(run);
        self.take_calls(run);
    }

    fn meanwhile(&mut self, run: &mut Run) {
        let is_asked = run.promotion.trouble.is_some();
        match run.dice.roll(people::DEEDS) {
            // Whoever is asked looks there, and sends it again or gives up.
            0..=9 if is_asked => {
                self.take_calls(run);
                run.give(Input::CallAgain { by: person(3, "Rosa") });
                let again = std::mem::take(&mut run.calls);
                self.deliveries.iter_mut().filter(|one| again.contains(&(one.call, one.generation))).for_each(|one| {
                    one.is_open = true;
                });
            }
            10..=12 if is_asked => run.give(Input::Abandon { by: person(3, "Rosa"), reason: "looked".to_owned() }),
            deed => drop(people::act(run, deed)),
        }
        self.take_calls(run);
    }

    async fn at_the_end(&mut self, run: &mut Run) {
        self.how_it_ended(run);
        let ended = run.promotion.clone();
        for webhook in std::mem::take(&mut self.late) {
            self.deployer.send(&webhook).await;
        }
        run.clock.advance(std::time::Duration::from_secs(60));
        self.work_goes_on(run);
        for _ in 0..50 {
            self.reports_come(run);
        }
        assert_eq!(ended, run.promotion, "what comes after the end changes nothing");
        self.how_it_ended(run);
    }
}

impl Outside {
    /// Keeps what is to be sent: each call was decided once.
    fn take_calls(&mut self, run: &mut Run) {
        for (call, generation) in std::mem::take(&mut run.calls) {
            let is_new = self.deliveries.iter().all(|one| (one.call, one.generation) != (call, generation));
            assert!(is_new, "told twice: {call:?} {generation}");
            self.deliveries.push(Delivery { call, generation, is_open: true });
        }
    }

    /// Sends what is open and still wanted. Slipway may die before, in between and after.
    async fn send_due(&mut self, run: &mut Run) {
        for at in 0..self.deliveries.len() {
            if !self.deliveries[at].is_open || run.dice.one_in(3) {
                continue;
            }
            let generation = self.deliveries[at].generation;
            if run.promotion.call().is_none_or(|(_, id)| id.generation != generation) {
                self.deliveries[at].is_open = false;
                continue;
            }
            let webhook = webhook(run, &self.deliveries[at]);
            let answer = self.send(run, webhook).await;
            if run.dies() {
                continue;
            }
            let is_over = answer != CallAnswer::NotYet("no answer".to_owned());
            run.give(Input::Called { generation, answer });
            if !run.dies() {
                self.deliveries[at].is_open = !is_over;
            }
        }
    }

    async fn send(&mut self, run: &mut Run, webhook: Webhook) -> CallAnswer {
        let no_answer = || CallAnswer::NotYet("no answer".to_owned());
        match run.dice.roll(12) {
            0 => {
                self.deployer.answer_next(WebhookAnswer::Again {
                    status: Some(503),
                    words: "later".to_owned(),
                    wait_seconds: None,
                });
            }
            1 => self.deployer.answer_next(WebhookAnswer::Refused { status: Some(401), words: "no".to_owned() }),
            2 => {
                self.deployer.send(&webhook).await;
                return no_answer();
            }
            3 => {
                self.late.push(webhook);
                return no_answer();
            }
            _ => {}
        }
        match self.deployer.send(&webhook).await {
            WebhookAnswer::Taken { .. } => CallAnswer::Taken,
            WebhookAnswer::Refused { words, .. } => CallAnswer::Refused(words),
            WebhookAnswer::Again { .. } => no_answer(),
        }
    }

    /// The deployer works, and reports; some of its reports are lost, others come twice.
    fn work_goes_on(&mut self, run: &mut Run) {
        let mut due = self.deployer.reports_due();
        self.repeat(&mut due);
        for report in due {
            let Some(report) = self.played(report) else { continue };
            for _ in 0..run.dice.pick(&[0, 1, 1, 1, 1, 1, 1, 2]) {
                self.reports.push(report.clone());
            }
        }
    }

    /// Who is told once more of what is done already says once more that it is.
    fn repeat(&mut self, due: &mut Vec<PracticeReport>) {
        for one in self.deployer.received() {
            let known = self.repeated.iter_mut().find(|(id, _)| *id == one.id);
            let is_again = match known {
                Some((_, times)) => std::mem::replace(times, one.times) < one.times,
                None => {
                    self.repeated.push((one.id.clone(), one.times));
                    false
                }
            };
            let done = match one.kind.as_str() {
                "deployment.start" => Machines::Version,
                _ => Machines::Before,
            };
            if is_again && self.machines == done && due.iter().all(|report| report.delivery != one.id) {
                let (id, delivery) = (format!("{}-again-{}", one.id, one.times), one.id);
                let (state, percent) = (ReportState::Succeeded, 100);
                due.push(PracticeReport { promotion: 1042, delivery, id, state, percent, message: "done before" });
            }
        }
    }

    /// What becomes of the machines at this point, and what is said of it.
    fn played(&mut self, report: PracticeReport) -> Option<PracticeReport> {
        let is_start = report.delivery.ends_with("_1");
        if is_start && self.is_bad && report.percent >= 50 {
            self.machines = Machines::Between;
            let failed = PracticeReport { state: ReportState::Failed, message: "machine 2 does not answer", ..report };
            return (failed.percent == 50).then_some(failed);
        }
        if !is_start && report.percent == 60 && std::mem::take(&mut self.is_stuck) {
            return Some(PracticeReport { state: ReportState::Failed, message: "disk full", ..report });
        }
        self.machines = match (is_start, report.state) {
            (_, ReportState::Running | ReportState::Failed) => Machines::Between,
            (true, ReportState::Succeeded) => Machines::Version,
            (false, ReportState::Succeeded) => Machines::Before,
        };
        Some(report)
    }

    /// Some of the reports that are on their way come, in any order.
    fn reports_come(&mut self, run: &mut Run) {
        for _ in 0..self.reports.len() {
            let at = usize::try_from(run.dice.roll(self.reports.len() as u64)).unwrap();
            if run.dice.one_in(3) {
                continue;
            }
            let report = self.reports.swap_remove(at);
            if self.taken.contains(&report.id) {
                continue;
            }
            let about: CallId = report.delivery.parse().unwrap();
            let by = Identity::Token { id: TokenId::new(Uuid::from_u128(5)), name: "deployer".into(), owner: rosa() };
            let before = run.promotion.clone();
            let PracticeReport { state, percent, message, id, .. } = report;
            let said = Report { state, percent: Some(percent), message: message.to_owned(), link: None, at: None };
            run.give(Input::Reported { by, about, report: said });
            if before != run.promotion {
                self.taken.insert(id);
            }
        }
    }

    fn how_it_ended(&self, run: &Run) {
        let received = self.deployer.received();
        let is_told = |kind: &str| received.iter().any(|one| one.kind == kind);
        match &run.promotion.phase {
            Phase::Succeeded { .. } => {
                assert_eq!(self.machines, Machines::Version, "it is done, and the machines are not");
                assert!(!is_told("deployment.abort"), "what is done is not taken back");
            }
            // Nobody but a person can end it where the deployer cannot be told, or has not said that it is done.
            _ if run.is_left_to_people() => {
                let is_given_up = headline(&run.promotion).words.contains("given up by Rosa");
                let can_abort = run.promotion.outside().unwrap().address(DeployerCall::Abort).is_some();
                assert!(is_given_up || !can_abort, "{}", headline(&run.promotion).words);
            }
            phase => {
                assert_eq!(self.machines, Machines::Before, "taken back, and the machines are not: {phase:?}");
            }
        }
    }
}

fn rosa() -> domain::ids::PersonId {
    person(3, "Rosa").person().unwrap()
}

fn webhook(run: &Run, delivery: &Delivery) -> Webhook {
    let id = CallId { promotion: run.promotion.id, generation: delivery.generation }.to_string();
    let kind = format!("deployment.{}", delivery.call.as_str());
    let body = json!({ "type": kind, "promotion": { "number": run.promotion.number } });
    let address = run.promotion.outside().and_then(|outside| outside.address(delivery.call)).unwrap();
    let address = address.as_str().to_owned();
    Webhook { address, id, at: ports::Clock::now(&run.clock), body: body.to_string(), secrets: Vec::new() }
}
