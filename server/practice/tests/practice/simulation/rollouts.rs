//! A Rollout that goes through its steps by itself, in pauses waits for a time or a person, and is let go,
//! promoted at once or aborted by a promotion.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use domain::{
    delegated::{RolloutStatus, ToolAct, ToolStatus},
    deployment::Cause,
    image::ContainerImage,
    observation::{Observed, WorkloadRef},
    promotion::{Input, Phase},
    traffic::Weight,
};
use practice::{MockClock, NewDeployment, PracticeCluster, RolloutStep};

use super::{
    Run, Way,
    chance::Dice,
    field::Field,
    nothing_twice, people,
    request::{BEFORE, Request, cart, image, namespace},
};

pub struct Rollouts {
    field: Field,
    steps: LetGo,
}

/// The steps of a Rollout, and which of them people let go through Slipway.
pub struct LetGo {
    cluster: PracticeCluster,
    workload: WorkloadRef,
    steps: Vec<RolloutStep>,
    let_go: BTreeSet<usize>,
    /// Whether all of them may be left out.
    is_all: bool,
}

fn share(percent: u8) -> RolloutStep {
    RolloutStep::Weight(Weight::percent(percent).unwrap())
}

/// A Rollout of some pods, with steps by chance.
pub fn make(dice: &mut Dice, cluster: &PracticeCluster) -> LetGo {
    let (pause, ask) = (|seconds| RolloutStep::Pause(Some(seconds)), RolloutStep::Pause(None));
    let steps = dice.pick(&[
        vec![],
        vec![share(25), pause(10), share(50)],
        vec![share(25), ask, share(50), pause(20)],
        vec![share(20), ask, ask, share(60), ask],
        // Longer than the time for a rollout: it does not count.
        vec![pause(200), share(50), ask],
    ]);
    let pods = u32::try_from(dice.roll(5)).unwrap() + 1;
    let new = NewDeployment {
        steps: Some(steps.clone()),
        ..NewDeployment::new(namespace(), cart(), pods, vec![image(BEFORE)])
    };
    let workload = cluster.create_deployment(&new).unwrap();
    LetGo { cluster: cluster.clone(), workload, steps, let_go: BTreeSet::new(), is_all: false }
}

/// A version that runs, or one that does not.
pub fn tag(dice: &mut Dice) -> &'static str {
    let bad = ["2.0-crash", "2.0-latecrash", "2.0-flapping", "2.0-neverready"];
    if dice.one_in(2) { dice.pick(&["2.0", "2.0", "2.0-slow"]) } else { dice.pick(&bad) }
}

impl LetGo {
    pub const fn workload(&self) -> &WorkloadRef {
        &self.workload
    }

    /// What the Rollout says, with its images; `None` when it is gone, or has not seen the last change yet.
    fn now(&self) -> Option<(RolloutStatus, Vec<ContainerImage>)> {
        let Observed::Present(now) = self.cluster.peek(&self.workload).unwrap() else { return None };
        let Some(ToolStatus::ArgoRollouts(status)) = now.tool.clone() else { panic!("no Rollout") };
        (now.generation == now.observed_generation).then_some((status, now.images))
    }

    /// Takes note of what people have let go through Slipway.
    pub fn note(&mut self, let_go: Option<people::LetGo>) {
        match let_go {
            Some(people::LetGo::Step(step)) => drop(self.let_go.insert(step)),
            Some(people::LetGo::Everything) => self.is_all = true,
            None => {}
        }
    }

    /// Nothing but a person lets a pause without end go: one of the version's way in, not of the way back.
    pub fn check(&self, run: &Run) {
        let is_free = self.is_all || run.is_disturbed || run.promotion.cause == Cause::Rollback;
        let Some((status, images)) = self.now().filter(|_| !is_free) else { return };
        if images != run.promotion.plan.workloads[0].images {
            return;
        }
        let at = if status.is_at_stable { self.steps.len() } else { status.step.unwrap_or(0) as usize };
        for (index, step) in self.steps.iter().enumerate().take(at) {
            let is_let_go = *step != RolloutStep::Pause(None) || self.let_go.contains(&index);
            assert!(is_let_go, "nobody has let step {index} go, and it is at {at}");
        }
    }

    /// Somebody uses kubectl, with its plugin for Rollouts too.
    pub fn disturb(&self, run: &mut Run) {
        run.is_disturbed = true;
        let step = self.now().and_then(|(status, _)| status.step);
        // What is not there cannot be disturbed.
        let _absent = match run.dice.roll(6) {
            0 => self.cluster.set_image_by_other(&self.workload, "app", "r.test/cart:9.9"),
            1 => self.cluster.delete(&self.workload),
            2 => self.cluster.scale(&self.workload, 2),
            3 => self.cluster.steer_by_other(&self.workload, ToolAct::Back),
            4 => self.cluster.steer_by_other(&self.workload, ToolAct::PromoteNow),
            _ => self.cluster.steer_by_other(&self.workload, ToolAct::GoOn { step }),
        };
    }

    /// Whether it runs this and nothing of another version is under way.
    pub fn assert_runs(&self, images: &[ContainerImage], phase: &str) {
        let Some((status, now)) = self.now() else { panic!("{phase}: the Rollout is gone") };
        assert_eq!(now, images, "{phase}");
        assert!(status.is_at_stable && !status.is_aborted, "{phase}: it is not at its end: {status:?}");
    }
}

impl Way for Rollouts {
    const RUNS: u64 = 600;

    fn begin(dice: &mut Dice, clock: &MockClock) -> (Self, Request) {
        let cluster = PracticeCluster::for_tests(Arc::new(clock.clone()));
        let steps = make(dice, &cluster);
        clock.advance(Duration::from_secs(30));
        let cause = if dice.one_in(6) { Cause::Rollback } else { Cause::Planned };
        let watch_seconds = dice.pick(&[0, 0, 60]);
        let request = Request::of(Some(steps.workload.clone()), tag(dice));
        (Self { field: Field::of(cluster), steps }, Request { cause, watch_seconds, ..request })
    }

    async fn pass(&mut self, run: &mut Run) {
        run.give(Input::Clock);
        if run.is_at_rest() {
            return;
        }
        let steps = &self.steps;
        let Some(sight) = self.field.work(run, |run| steps.check(run)).await else { return };
        run.give(Input::Observed(sight));
        self.steps.check(run);
    }

    fn meanwhile(&mut self, run: &mut Run) {
        match run.dice.roll(people::DEEDS) {
            people::DISTURBS => self.steps.disturb(run),
            deed => self.steps.note(people::act(run, deed)),
        }
    }

    async fn at_the_end(&mut self, run: &mut Run) {
        nothing_twice(&self.steps.cluster.journal().unwrap());
        // What others have set is theirs.
        if run.is_disturbed {
            return;
        }
        let phase = run.promotion.phase_word();
        assert!(!run.is_left_to_people(), "{phase}: nobody else was there, so it comes back by itself");
        let expected = match &run.promotion.phase {
            Phase::Succeeded { .. } => run.promotion.plan.workloads[0].images.clone(),
            _ => vec![image(BEFORE)],
        };
        self.steps.assert_runs(&expected, phase);
        self.field.late_ones_come().await;
        self.steps.assert_runs(&expected, phase);
    }
}
