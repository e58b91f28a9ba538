//! Whole promotions on which everything goes wrong, by seed: calls that fail, answers that are lost or come
//! late, reads that are stale, a Slipway that dies between any two calls or is away for minutes, people with
//! kubectl, pods that crash. Every run must end as promoted, taken back, or waiting for a person; never with
//! traffic on nothing, and nothing is done twice. The state machine and what it works on (practice cluster,
//! repositories, outside deployer) are the real ones; store and reconciler are a loop here, so that thousands
//! of runs take seconds. How a version gets to its target is a [`Way`]; each has a file and a test.
//!
//! A seed that fails repeats exactly: `SLIPWAY_TEST_SEED=17`, and the name of the test.

mod argo_cd;
mod chance;
mod deployments;
mod field;
mod git;
mod outside;
mod people;
mod request;
mod rollouts;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{
    outside::DeployerCall,
    promotion::{Effect, Facts, Input, Phase, Promotion, TakenBack, decide, headline},
};
use practice::{AcceptedWrite, MockClock, Writer};

use chance::Dice;
use request::Request;

/// Passes after which a run that goes on is one that hangs. Each is two seconds or more.
const PASSES: usize = 900;

/// How a version gets to its target, with what goes wrong there.
trait Way: Sized {
    /// How many runs: some seconds' worth.
    const RUNS: u64;

    /// A target, and what is asked of it.
    fn begin(dice: &mut Dice, clock: &MockClock) -> (Self, Request);

    /// One pass of a reconciler, which may die between any two calls.
    async fn pass(&mut self, run: &mut Run);

    /// What others do until the next one.
    fn meanwhile(&mut self, run: &mut Run);

    /// What must hold at the end.
    async fn at_the_end(&mut self, run: &mut Run);
}

/// A promotion, and the world around it that all ways have.
struct Run {
    dice: Dice,
    clock: MockClock,
    facts: Facts,
    promotion: Promotion,
    /// The steps that have told the channel something.
    said: BTreeSet<u32>,
    /// The webhooks that were asked for since they were last sent.
    calls: Vec<(DeployerCall, u32)>,
    /// Whether somebody else has touched the objects: then what is left is theirs.
    is_disturbed: bool,
}

impl Run {
    /// A refusal is a fine outcome: nothing is changed.
    fn give(&mut self, input: Input) {
        let Ok(decision) = decide(&self.promotion, &self.facts, input, ports::Clock::now(&self.clock)) else { return };
        for effect in decision.outbox {
            match effect {
                Effect::Announce { step } => assert!(self.said.insert(step), "step {step} says it twice"),
                Effect::CallDeployer { call, generation } => self.calls.push((call, generation)),
                Effect::TellMessenger => {}
            }
        }
        // What a Slipway that died knows is what it has kept.
        if decision.next != self.promotion {
            let kept = serde_json::to_string(&decision.next).unwrap();
            self.promotion = serde_json::from_str(&kept).unwrap();
        }
    }

    /// Whether Slipway dies here.
    fn dies(&mut self) -> bool {
        self.dice.one_in(20)
    }

    /// Whether there is nothing to do for a reconciler.
    fn is_at_rest(&self) -> bool {
        self.promotion.is_over() || matches!(self.promotion.phase, Phase::Waiting { .. })
    }

    /// Whether what ran before runs again, where it ended so.
    fn back(&self) -> Option<&TakenBack> {
        match &self.promotion.phase {
            Phase::Failed { back, .. } | Phase::Aborted { back, .. } => Some(back),
            _ => None,
        }
    }

    /// Whether a person must look, and was told so.
    fn is_left_to_people(&self) -> bool {
        matches!(self.back(), Some(TakenBack::Incomplete { .. }))
    }

    /// What was promoted and how, for the count.
    fn what(&self) -> String {
        let plan = &self.promotion.plan;
        let kind = plan.workloads.first().map_or("outside", |planned| planned.placed.workload.kind.words());
        format!("{kind}, {}", plan.strategy.words())
    }

    /// How it ended, for the count.
    fn end(&self) -> String {
        let phase = self.promotion.phase_word();
        match (self.is_left_to_people(), self.is_disturbed) {
            (false, _) => phase.to_owned(),
            (true, true) => format!("{phase}, left to people after a disturbance"),
            (true, false) => format!("{phase}, left to people"),
        }
    }

    /// Until the next pass. Now and then nobody looks for a while.
    fn time_goes_by(&mut self) {
        let seconds = if self.dice.one_in(150) { 60 + self.dice.roll(240) } else { 1 + self.dice.roll(6) };
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// The same mark writes the same object once.
fn nothing_twice(journal: &[AcceptedWrite]) {
    let mut seen = BTreeSet::new();
    for write in journal.iter().filter(|write| write.by == Writer::Slipway) {
        let stamp = write.stamp.unwrap();
        let once = (write.workload.to_string(), stamp.sequence, stamp.generation, write.act.clone());
        assert!(seen.insert(once), "applied twice: {write:?}");
    }
}

/// What was promoted, and how that ended.
async fn play<W: Way>(seed: u64) -> (String, String) {
    let (mut dice, clock) = (Dice::of(seed), request::noon());
    let (mut way, request) = W::begin(&mut dice, &clock);
    let (promotion, facts) = request.ask(&clock);
    let (said, calls) = (BTreeSet::new(), Vec::new());
    let mut run = Run { dice, clock, facts, promotion, said, calls, is_disturbed: false };
    for _ in 0..PASSES {
        way.pass(&mut run).await;
        way.meanwhile(&mut run);
        if run.promotion.is_over() {
            break;
        }
        run.time_goes_by();
    }
    assert!(run.promotion.is_over(), "it hangs: {}", headline(&run.promotion).words);
    way.at_the_end(&mut run).await;
    (run.what(), run.end())
}

/// Plays all seeds, or the one that is to be repeated.
fn play_all<W: Way>() {
    #[expect(clippy::disallowed_methods, reason = "the one place where this test learns which seed to repeat")]
    let only = std::env::var("SLIPWAY_TEST_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    let seeds = only.map_or(0..W::RUNS, |seed| seed..seed + 1);
    let mut ends = BTreeMap::<String, BTreeMap<String, u32>>::new();
    for seed in seeds {
        let ran = std::panic::catch_unwind(|| futures::executor::block_on(play::<W>(seed)));
        match ran {
            Ok((what, end)) => *ends.entry(what).or_default().entry(end).or_default() += 1,
            Err(_) => panic!("seed {seed} failed; repeat it with SLIPWAY_TEST_SEED={seed}"),
        }
    }
    if only.is_none() {
        assert_both_ends(&ends);
    }
}

/// Chance that never lets one succeed, or never one fail, would prove nothing.
fn assert_both_ends(ends: &BTreeMap<String, BTreeMap<String, u32>>) {
    let count = |of: &BTreeMap<String, u32>, end: &str| of.get(end).copied().unwrap_or(0);
    for (what, of) in ends {
        assert!(count(of, "succeeded") >= 5 && count(of, "failed") >= 5, "{what}: {ends:#?}");
    }
    assert!(ends.values().map(|of| count(of, "aborted")).sum::<u32>() > 20, "{ends:#?}");
}

#[test]
fn whatever_goes_wrong_with_deployments_every_run_ends_well_or_says_who_must_look() {
    play_all::<deployments::Deployments>();
}

#[test]
fn whatever_goes_wrong_with_rollouts_every_run_ends_well_or_says_who_must_look() {
    play_all::<rollouts::Rollouts>();
}

#[test]
fn whatever_goes_wrong_with_git_every_run_ends_well_or_says_who_must_look() {
    play_all::<git::Git>();
}

#[test]
fn whatever_goes_wrong_with_a_deployer_every_run_ends_well_or_says_who_must_look() {
    play_all::<outside::Outside>();
}
