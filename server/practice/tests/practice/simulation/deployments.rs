//! Deployments that Slipway writes itself: rolling, or with a candidate beside them that gets the traffic by
//! and by.

use std::{sync::Arc, time::Duration};

use domain::{
    analysis::{DataPlane, Reading, Sample},
    aside::{Aside, TesterMatch},
    names::{ObjectName, WorkloadName},
    observation::{Observed, WorkloadRef},
    promotion::{Input, Phase},
    strategy::{AnalysisLength, CandidateSettings, Notice, Step, Strategy},
    traffic::{RouteKind, TrafficLayer, Weight},
};
use practice::{MockClock, NewAutoscaler, NewCronJob, NewDeployment, PracticeCluster};

use super::{
    Run, Way,
    chance::Dice,
    field::Field,
    nothing_twice, people,
    request::{BEFORE, Request, cart, image, namespace},
};

pub struct Deployments {
    field: Field,
    beside: Beside,
}

/// The candidate and the traffic, as they are there.
struct Beside {
    cluster: PracticeCluster,
    layer: TrafficLayer,
    /// Pods that all of the traffic needs, where an autoscaler sizes the workload by its share.
    demand: Option<u32>,
}

fn name(text: &str) -> ObjectName {
    ObjectName::parse(text).unwrap()
}

fn weight_step(percent: u8) -> Step {
    Step::Weight { weight: Weight::percent(percent).unwrap() }
}

fn layer(dice: &mut Dice) -> TrafficLayer {
    let service = || name("cart");
    match dice.roll(4) {
        0 => TrafficLayer::Replicas,
        1 => TrafficLayer::Selector { service: service() },
        2 => TrafficLayer::Istio { service: service(), virtual_service: service() },
        _ => TrafficLayer::GatewayApi { service: service(), kind: RouteKind::Http, route: service() },
    }
}

fn strategy(dice: &mut Dice, layer: &TrafficLayer) -> Strategy {
    let settings = |steps| CandidateSettings::new(name("cart"), layer.clone(), steps).unwrap();
    if !layer.is_gradual() {
        return Strategy::BlueGreen(settings(vec![Step::Preview, weight_step(100), Step::Pause { seconds: 30 }]));
    }
    if dice.one_in(4) {
        let job = Step::Job { template: name("smoke"), seconds: 60 };
        let steps = vec![job.clone(), weight_step(20), job, Step::Pause { seconds: 10 }, weight_step(60)];
        return Strategy::Canary(settings(steps));
    }
    if dice.one_in(4) {
        let length = AnalysisLength::Measurements(3);
        let say = |text| Step::Notify { notice: Notice::new(text).unwrap() };
        let steps = [say("begins"), weight_step(20), Step::Analysis { length }, weight_step(60), say("nearly there")];
        return Strategy::Canary(settings(steps.to_vec()).measured_by(Some(DataPlane::Practice)));
    }
    if layer.has_route() && dice.one_in(3) {
        let (testers, mirror) = (TesterMatch::usual(), Weight::percent(20).unwrap());
        let mut steps = vec![Step::Testers { testers }, Step::Mirror { share: mirror }, Step::Pause { seconds: 10 }];
        steps.extend([weight_step(30), Step::Mirror { share: mirror }, Step::ask()]);
        return Strategy::Canary(settings(steps));
    }
    match dice.roll(4) {
        0 => Strategy::Rolling,
        1 => Strategy::Canary(settings(vec![weight_step(50)])),
        2 if layer.has_route() => {
            Strategy::BlueGreen(settings(vec![Step::Preview, Step::Pause { seconds: 10 }, weight_step(100)]))
        }
        _ => {
            Strategy::Canary(settings(vec![weight_step(10), Step::Pause { seconds: 20 }, weight_step(40), Step::ask()]))
        }
    }
}

impl Way for Deployments {
    const RUNS: u64 = 1_500;

    fn begin(dice: &mut Dice, clock: &MockClock) -> (Self, Request) {
        let cluster = PracticeCluster::for_tests(Arc::new(clock.clone()));
        let layer = layer(dice);
        let pods = u32::try_from(dice.roll(5)).unwrap() + 1;
        let new = NewDeployment::new(namespace(), cart(), pods, vec![image(BEFORE)]);
        let workload = cluster.create_deployment(&new).unwrap();
        if layer.has_route() {
            cluster.create_route(&namespace(), &layer).unwrap();
        }
        let demand = (layer.has_route() && dice.one_in(3)).then_some(pods);
        if let Some(demand) = demand {
            cluster.autoscale(&workload, &layer, NewAutoscaler { least: 1, most: 8, demand }).unwrap();
            cluster.set_budget(&workload, 1).unwrap();
        }
        let smoke = NewCronJob {
            namespace: namespace(),
            name: name("smoke"),
            takes: Duration::from_secs(dice.pick(&[5, 20, 90])),
            exit_code: i32::from(dice.one_in(4)),
            log: String::new(),
        };
        cluster.create_cron_job(smoke).unwrap();
        clock.advance(Duration::from_secs(30));
        let bad = ["2.0-crash", "2.0-latecrash", "2.0-flapping", "2.0-neverready"];
        let tag = if dice.one_in(2) { dice.pick(&["2.0", "2.0", "2.0", "2.0-slow"]) } else { dice.pick(&bad) };
        let strategy = strategy(dice, &layer);
        let beside = Beside { cluster: cluster.clone(), layer, demand };
        let way = Self { field: Field::of(cluster), beside };
        (way, Request { strategy, ..Request::of(Some(workload), tag) })
    }

    async fn pass(&mut self, run: &mut Run) {
        run.give(Input::Clock);
        if run.is_at_rest() {
            return;
        }
        let beside = &self.beside;
        let Some(sight) = self.field.work(run, |run| beside.check(run)).await else { return };
        run.give(Input::Observed(sight));
        measure(run);
    }

    fn meanwhile(&mut self, run: &mut Run) {
        match run.dice.roll(people::DEEDS) {
            people::DISTURBS => self.disturb(run),
            deed => drop(people::act(run, deed)),
        }
    }

    async fn at_the_end(&mut self, run: &mut Run) {
        // What somebody deletes before it was seen is made again, and what they set is theirs.
        if run.is_disturbed {
            return;
        }
        self.how_it_ended(run);
        self.field.late_ones_come().await;
        self.how_it_ended(run);
    }
}

/// Evaluates the rules that are due; the source may say anything, or nothing.
fn measure(run: &mut Run) {
    let now = ports::Clock::now(&run.clock);
    let due: Vec<_> = run.promotion.due(now).into_iter().map(|watch| watch.rule.clone()).collect();
    let samples = due.into_iter().map(|rule| {
        let reading = match run.dice.roll(12) {
            0 => Reading::value(90.0).with_requests(Reading::value(600.0)),
            1 => Reading::series([]),
            2 => Reading::Unreadable { why: "no answer".to_owned() },
            _ => Reading::value(0.0).with_requests(Reading::value(600.0)),
        };
        Sample::judged(&rule, now, "q".to_owned(), reading)
    });
    let samples: Vec<_> = samples.collect();
    if !samples.is_empty() {
        run.give(Input::Measured(samples));
    }
}

impl Deployments {
    fn disturb(&self, run: &mut Run) {
        run.is_disturbed = true;
        let (cluster, layer) = (&self.beside.cluster, &self.beside.layer);
        if run.dice.one_in(4) {
            return cluster.delete_jobs().unwrap();
        }
        let of = |text: &str| WorkloadRef::deployment(namespace(), WorkloadName::parse(text).unwrap());
        // What is not there cannot be disturbed.
        let _absent = match run.dice.roll(4) {
            0 => cluster.set_image_by_other(&of("cart"), "app", "r.test/cart:9.9"),
            1 => cluster.delete(&of("cart-canary")),
            2 => cluster.set_share_by_other(&namespace(), layer, Weight::percent(33).unwrap()),
            _ => cluster.scale(&of("cart"), 2),
        };
    }

    fn how_it_ended(&self, run: &Run) {
        let (phase, beside) = (run.promotion.phase_word(), &self.beside);
        nothing_twice(&beside.cluster.journal().unwrap());
        if run.is_left_to_people() {
            // What serves still serves.
            assert!(beside.share() == Weight::NONE || beside.candidate(run).is_some(), "{phase}: traffic on nothing");
            return;
        }
        assert_eq!(beside.share(), Weight::NONE, "{phase}: the share is left");
        assert_eq!(beside.aside(), Aside::NOTHING, "{phase}: testers or copies are left");
        assert_eq!(beside.candidate(run), None, "{phase}: the candidate is left");
        assert_eq!(beside.cluster.jobs_there().unwrap(), [], "{phase}: a Job is left");
        let planned = &run.promotion.plan.workloads[0];
        let Observed::Present(now) = beside.cluster.peek(&planned.placed.workload).unwrap() else {
            panic!("{phase}: the workload is gone");
        };
        let expected = match &run.promotion.phase {
            Phase::Succeeded { .. } => planned.images.clone(),
            _ => vec![image(BEFORE)],
        };
        assert_eq!(now.images, expected, "{phase}");
    }
}

impl Beside {
    fn share(&self) -> Weight {
        self.cluster.share(&namespace(), &self.layer).unwrap().unwrap_or(Weight::NONE)
    }

    fn aside(&self) -> Aside {
        self.cluster.aside(&namespace(), &self.layer).unwrap().unwrap_or_default()
    }

    fn candidate(&self, run: &Run) -> Option<u32> {
        let placed = run.promotion.plan.workloads[0].placed_candidate()?;
        match self.cluster.peek(&placed.workload).unwrap() {
            Observed::Present(now) => Some(now.wanted_replicas),
            Observed::Missing => None,
        }
    }

    /// What must hold after every single write.
    fn check(&self, run: &Run) {
        if run.is_disturbed {
            return;
        }
        if self.share() > Weight::NONE || !self.aside().is_nothing() {
            assert!(self.candidate(run).is_some(), "traffic on nothing");
        }
        if let (Weight::ALL, Some(demand)) = (self.share(), self.demand) {
            assert!(self.candidate(run) >= Some(demand), "the candidate is smaller than what it takes over");
        }
    }
}
