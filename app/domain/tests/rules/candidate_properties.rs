//! What holds for every run of a canary, whatever people, pods and routes do.

use domain::{
    analysis::{Reading, Watch},
    aside::{Aside, TesterMatch},
    job::{JobObserved, JobState},
    names::ObjectName,
    observation::Observed,
    promotion::{DRAIN_SECONDS, Input, Phase, Promotion, TakenBack, desired},
    strategy::{AnalysisLength, Notice, Step},
    traffic::{RouteObserved, TrafficLayer, Weight},
};
use proptest::prelude::*;

use crate::{
    candidate_stories::{canary, gateway},
    measured::busy,
    world::{NEW, OLD, World, crash, rosa, theo},
};

#[derive(Clone, Copy, Debug)]
enum Event {
    Look,
    Apply,
    ApplyCandidates,
    ApplyJobs,
    JobsEnd(bool),
    ClusterActs,
    CandidateCrashes,
    CandidateLosesPods,
    StableLosesPods,
    RouteComplains,
    Abort,
    Supersede,
    Hold,
    GoOn,
    Skip,
    Set(u8),
    PromoteNow,
    Trouble,
    Measure(Answers),
    Pass(i64),
}

/// What the source of metrics says.
#[derive(Clone, Copy, Debug)]
enum Answers {
    Good,
    Bad,
    Nothing,
    Fails,
}

fn answers() -> impl Strategy<Value = Answers> {
    prop_oneof![6 => Just(Answers::Good), 2 => Just(Answers::Bad), 1 => Just(Answers::Nothing), 1 => Just(Answers::Fails)]
}

fn reading(answers: Answers) -> Reading {
    match answers {
        Answers::Good => busy(0.1),
        Answers::Bad => busy(12.5),
        Answers::Nothing => Reading::series([]),
        Answers::Fails => Reading::Unreadable { why: "no answer".to_owned() },
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => Just(Event::Look),
        4 => Just(Event::Apply),
        6 => Just(Event::ApplyCandidates),
        4 => Just(Event::ApplyJobs),
        2 => (0..4_u8).prop_map(|n| Event::JobsEnd(n > 0)),
        6 => Just(Event::ClusterActs),
        1 => Just(Event::CandidateCrashes),
        1 => Just(Event::CandidateLosesPods),
        1 => Just(Event::StableLosesPods),
        1 => Just(Event::RouteComplains),
        1 => Just(Event::Abort),
        1 => Just(Event::Supersede),
        1 => Just(Event::Hold),
        2 => Just(Event::GoOn),
        1 => Just(Event::Skip),
        1 => (0..=100_u8).prop_map(Event::Set),
        1 => Just(Event::PromoteNow),
        1 => Just(Event::Trouble),
        4 => answers().prop_map(Event::Measure),
        3 => (0..100_i64).prop_map(Event::Pass),
    ]
}

fn candidate(world: &mut World) -> Option<&mut domain::observation::WorkloadObservation> {
    world.cluster.iter_mut().find_map(|(placed, found)| match found {
        Observed::Present(now) if placed.workload.name.as_str() == "cart-canary" => Some(&mut **now),
        _ => None,
    })
}

fn play(world: &mut World, event: Event) {
    let seen = world.promotion.as_seen().unwrap_or_default();
    // A refusal is a fine outcome: the promotion stays as it was.
    let _refused = match event {
        Event::Look => {
            world.look();
            return;
        }
        Event::Apply => return world.apply(),
        Event::ApplyCandidates => return world.apply_candidates(),
        Event::ApplyJobs => return world.apply_jobs(),
        Event::JobsEnd(true) => return world.jobs_end(&JobState::Succeeded),
        Event::JobsEnd(false) => return world.jobs_end(&JobState::Failed { why: "bad".to_owned() }),
        Event::ClusterActs => return world.cluster_acts(),
        Event::CandidateCrashes => {
            if let Some(pod) = candidate(world).and_then(|now| now.pods.first_mut()) {
                pod.trouble = Some(crash());
            }
            return;
        }
        Event::CandidateLosesPods => {
            if let Some(now) = candidate(world) {
                (now.ready_replicas, now.available_replicas) = (0, 0);
            }
            return;
        }
        Event::StableLosesPods => {
            let now = world.workload("cart");
            (now.ready_replicas, now.available_replicas) = (0, 0);
            return;
        }
        Event::RouteComplains => {
            if let Some((_, RouteObserved::Present(now))) = world.routes.first_mut() {
                now.is_accepted = false;
            }
            return;
        }
        Event::Pass(seconds) => return world.pass_seconds(seconds),
        Event::Measure(answers) => world.give(Input::Measured(world.samples(&reading(answers)))),
        Event::Abort => world.give(Input::Abort { by: rosa(), reason: "no".into() }),
        Event::Supersede => world.give(Input::Supersede { by: 2000, who: theo() }),
        Event::Hold => world.give(Input::Hold { by: rosa(), reason: "wait".into() }),
        Event::GoOn => world.give(Input::GoOn { by: rosa(), seen }),
        Event::Skip => world.give(Input::Skip { by: rosa(), seen }),
        Event::Set(percent) => {
            let weight = Weight::percent(percent).unwrap();
            world.give(Input::SetWeight { by: rosa(), seen, weight, reason: "so".into() })
        }
        Event::PromoteNow => world.give(Input::PromoteNow { by: rosa(), seen, reason: "so".into() }),
        Event::Trouble => world.give(crate::world::trouble("away")),
    };
}

fn share(world: &World) -> Weight {
    match world.routes.first() {
        Some((_, RouteObserved::Present(route))) => route.weight,
        _ => Weight::NONE,
    }
}

fn aside(world: &World) -> Aside {
    match world.routes.first() {
        Some((_, RouteObserved::Present(route))) => route.aside.clone(),
        _ => Aside::NOTHING,
    }
}

fn has_candidate(world: &World) -> bool {
    let is_there = |(placed, found): &(_, Observed)| {
        let placed: &domain::observation::PlacedWorkload = placed;
        placed.workload.name.as_str() == "cart-canary" && *found != Observed::Missing
    };
    world.cluster.iter().any(is_there)
}

fn wanted_share(promotion: &Promotion) -> Weight {
    promotion.run().map_or(Weight::NONE, |run| run.wanted.weight.want)
}

fn layer() -> impl Strategy<Value = TrafficLayer> {
    let service = || ObjectName::parse("cart").unwrap();
    prop_oneof![
        3 => Just(gateway()),
        1 => Just(TrafficLayer::Replicas),
        1 => Just(TrafficLayer::Istio { service: service(), virtual_service: service() }),
    ]
}

fn steps() -> Vec<Step> {
    let weight = |percent| Step::Weight { weight: Weight::percent(percent).unwrap() };
    vec![weight(10), Step::Pause { seconds: 60 }, weight(50), Step::ask()]
}

/// The same with steps between that change no share.
fn steps_with_more() -> Vec<Step> {
    let judged = |length| Step::Analysis { length };
    let notice = Notice::new("goes on").unwrap();
    let mut steps = steps();
    steps.splice(1..2, [judged(AnalysisLength::Measurements(4)), Step::Notify { notice }]);
    steps.push(judged(AnalysisLength::Seconds(120)));
    let template = ObjectName::parse("smoke").unwrap();
    steps.push(Step::Job { template, seconds: 300 });
    steps
}

/// A canary with or without analysis.
fn world_of(layer: TrafficLayer, is_analysed: bool) -> World {
    analysed(World::with_candidate(canary(layer, steps()), &["cart"]), is_analysed)
}

/// The same where testers and copies come before the shares, as far as the layer can.
fn world_with_testers(layer: TrafficLayer, is_analysed: bool, has_testers: bool) -> World {
    if !has_testers || !layer.has_route() {
        return world_of(layer, is_analysed);
    }
    let has_more = layer != gateway();
    let testers = Step::Testers { testers: TesterMatch::usual() };
    let first = vec![testers, Step::Mirror { share: Weight::ALL }, Step::Pause { seconds: 20 }];
    let rest = if has_more { steps_with_more() } else { steps() };
    analysed(World::with_candidate(canary(layer, [first, rest].concat()), &["cart"]), is_analysed)
}

fn analysed(world: World, is_analysed: bool) -> World {
    if is_analysed { world.analysed() } else { world }
}

proptest! {
    #[test]
    fn no_share_rises_after_a_breach_and_nothing_is_taken_in_twice(
        events in proptest::collection::vec(event(), 0..200)
    ) {
        let mut world = world_of(gateway(), true);
        world.give(Input::Clock).unwrap();
        for event in events {
            let before = world.promotion.clone();
            play(&mut world, event);
            let after = world.promotion.clone();
            let is_bad = |p: &Promotion| p.run().is_some_and(|run| run.watches.iter().any(|w| w.breach().is_some()));
            if is_bad(&before) {
                prop_assert!(wanted_share(&after) <= wanted_share(&before));
                prop_assert!(!matches!(after.phase, Phase::Progressing { .. }), "{}", world.words());
            }
            let samples = world.samples(&busy(12.5));
            let taken = world.give(Input::Measured(samples.clone())).unwrap();
            prop_assert_eq!(&taken.samples, &samples);
            let again = world.give(Input::Measured(samples)).unwrap();
            prop_assert_eq!(again.samples.len(), 0);
            prop_assert_eq!((&again.next, again.journal.len()), (&taken.next, 0), "the same sample twice");
            world.promotion = after;
        }
    }

    #[test]
    fn no_share_rises_before_the_rules_have_spoken_unless_a_person_says_so(
        has_more in any::<bool>(), events in proptest::collection::vec(event(), 0..200)
    ) {
        let steps = if has_more { steps_with_more() } else { steps() };
        let mut world = analysed(World::with_candidate(canary(gateway(), steps), &["cart"]), true);
        world.give(Input::Clock).unwrap();
        let mut is_answered = false;
        for event in events {
            let before = world.promotion.clone();
            is_answered |= matches!(event, Event::GoOn | Event::Skip | Event::PromoteNow | Event::Set(_));
            play(&mut world, event);
            let rose = wanted_share(&world.promotion) > wanted_share(&before);
            if rose && wanted_share(&before) > Weight::NONE && !is_answered {
                let watches = &before.run().unwrap().watches;
                prop_assert!(watches.iter().all(|w: &Watch| w.counted() > 0 || w.is_due(world.now)), "{}", world.words());
            }
        }
    }

    #[test]
    fn traffic_never_goes_where_nothing_is(
        layer in layer(), is_analysed in any::<bool>(), has_testers in any::<bool>(), events in proptest::collection::vec(event(), 0..120)
    ) {
        let mut world = world_with_testers(layer, is_analysed, has_testers);
        world.give(Input::Clock).unwrap();
        for event in events {
            let (before, share_before) = (world.promotion.clone(), share(&world));
            let had_pods = candidate(&mut world).map_or(0, |now| now.ready_replicas);
            play(&mut world, event);
            let after = &world.promotion;
            let rose = share(&world) > share_before;
            if share(&world) > Weight::NONE || !aside(&world).is_nothing() {
                prop_assert!(has_candidate(&world), "the pods went before the traffic");
            }
            if rose {
                // What was decided was decided on pods that were seen; they may have died since.
                let seen = after.run().unwrap().candidates.iter().map(|p| p.counts.ready).sum::<u32>();
                prop_assert!(seen > 0 || had_pods > 0, "{}", world.words());
            }
            let is_back = |p: &Promotion| matches!(p.phase, Phase::TakingBack { .. });
            if is_back(&before) {
                prop_assert!(wanted_share(after) <= wanted_share(&before));
                prop_assert!(is_back(after) || after.is_over());
            }
            if let (Phase::Progressing { step, .. }, Some(run)) = (&after.phase, after.run()) {
                let so_far = after.plan.steps.iter().take(step + 1);
                let mut most = so_far.filter_map(|s| match s {
                    Step::Weight { weight } => Some(*weight),
                    _ => None,
                });
                prop_assert!(run.wanted.weight.want <= most.next_back().unwrap_or(Weight::NONE));
            }
            prop_assert!(world.jobs_made <= 1, "a Job was made twice");
            let stored: Promotion = serde_json::from_str(&serde_json::to_string(after).unwrap()).unwrap();
            prop_assert_eq!(&stored, after);
        }
    }

    #[test]
    fn every_canary_ends_or_waits_for_a_person(
        layer in layer(), is_analysed in any::<bool>(), has_testers in any::<bool>(), last in answers(),
        events in proptest::collection::vec(event(), 0..120)
    ) {
        let mut world = world_with_testers(layer, is_analysed, has_testers);
        for event in events {
            play(&mut world, event);
        }
        for _ in 0..60 {
            world.pass();
            world.measure(&reading(last));
            world.jobs_end(&JobState::Succeeded);
            world.pass_seconds(DRAIN_SECONDS);
            let step = match &world.promotion.phase {
                Phase::Progressing { step, .. } => *step,
                _ => 0,
            };
            // The person it may wait for.
            let _refused = world.go_on(step);
        }
        prop_assert!(world.promotion.is_over(), "{}", world.words());
        prop_assert!(desired(&world.promotion).is_none());
        let image = world.workload("cart").images[0].image.clone();
        match &world.promotion.phase {
            Phase::Succeeded { .. } => prop_assert_eq!(image, NEW),
            Phase::Failed { back: TakenBack::Complete | TakenBack::NotNeeded, .. }
            | Phase::Aborted { back: TakenBack::Complete | TakenBack::NotNeeded, .. } => prop_assert_eq!(image, OLD),
            _ => return Ok(()),
        }
        prop_assert_eq!(share(&world), Weight::NONE);
        prop_assert!(aside(&world).is_nothing());
        prop_assert!(candidate(&mut world).is_none());
        let is_there = |(_, found): &(_, JobObserved)| matches!(found, JobObserved::Present(_));
        prop_assert!(!world.jobs.iter().any(is_there), "a Job is left");
    }
}
