//! What holds for every run of inputs.

use domain::promotion::{Input, Phase, Promotion, TakenBack, WritePart, desired};
use proptest::prelude::*;

use crate::world::{World, crash, ines, rosa, theo};

#[derive(Clone, Copy, Debug)]
enum Event {
    Look,
    Apply,
    PodsUp(u32),
    Crash,
    Approve(bool),
    Reject,
    Cancel,
    Abort,
    Supersede,
    Abandon,
    Trouble,
    Refused,
    Pass(i64),
    Rules,
    Occupied(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        5 => Just(Event::Look),
        5 => Just(Event::Apply),
        4 => (0..4_u32).prop_map(Event::PodsUp),
        1 => Just(Event::Crash),
        2 => any::<bool>().prop_map(Event::Approve),
        1 => Just(Event::Reject),
        1 => Just(Event::Cancel),
        1 => Just(Event::Abort),
        1 => Just(Event::Supersede),
        1 => Just(Event::Abandon),
        1 => Just(Event::Trouble),
        1 => Just(Event::Refused),
        2 => (0..700_i64).prop_map(Event::Pass),
        1 => Just(Event::Rules),
        1 => any::<bool>().prop_map(Event::Occupied),
    ]
}

fn play(world: &mut World, event: Event) {
    let number = world.promotion.plan.number;
    // A refusal is a fine outcome: the promotion stays as it was.
    let _refused = match event {
        Event::Look => {
            world.look();
            return;
        }
        Event::Apply => return world.apply(),
        Event::PodsUp(count) => return world.pods_up("cart", count),
        Event::Crash => {
            world.workload("cart").pods[0].trouble = Some(crash());
            return;
        }
        Event::Pass(seconds) => return world.pass_seconds(seconds),
        Event::Rules => {
            world.facts.plan_now.rules_revision += 1;
            return;
        }
        Event::Occupied(yes) => {
            let id = domain::ids::PromotionId::new(uuid::Uuid::from_u128(404));
            world.facts.occupant = yes.then_some(domain::promotion::Occupant { id, number: 1 });
            return;
        }
        Event::Approve(first) => {
            let by = if first { ines() } else { rosa() };
            world.give(Input::Approve { by, comment: None, plan_number: number })
        }
        Event::Reject => world.give(Input::Reject { by: ines(), reason: "no".into() }),
        Event::Cancel => world.give(Input::Cancel { by: theo(), reason: String::new() }),
        Event::Abort => world.give(Input::Abort { by: rosa(), reason: "no".into() }),
        Event::Supersede => world.give(Input::Supersede { by: 2000, who: theo() }),
        Event::Abandon => world.give(Input::Abandon { by: rosa(), reason: "gone".into() }),
        Event::Trouble => world.give(crate::world::trouble("away")),
        Event::Refused => {
            let generation = generation(&world.promotion);
            world.give(crate::world::refused(&world.promotion, generation, WritePart::Workload))
        }
    };
}

fn generation(promotion: &Promotion) -> u32 {
    promotion.run().map_or(0, |run| run.generation)
}

proptest! {
    #[test]
    fn nothing_starts_without_its_quorum_and_what_is_over_stays(
        approvals in 0..3_u8,
        events in proptest::collection::vec(event(), 0..60),
    ) {
        let mut world = World::new(&["cart"], approvals);
        for event in events {
            let before = world.promotion.clone();
            play(&mut world, event);
            let after = &world.promotion;
            if matches!(before.phase, Phase::Waiting { .. }) && matches!(after.phase, Phase::Starting { .. }) {
                prop_assert!(after.approvals.len() >= usize::from(after.plan.approvals));
                prop_assert!(world.facts.occupant.is_none());
            }
            if before.is_over() {
                prop_assert_eq!(&before, after);
            }
            prop_assert!(generation(after) >= generation(&before));
            if matches!(before.phase, Phase::TakingBack { .. }) {
                let goes_on = matches!(after.phase, Phase::Progressing { .. } | Phase::Succeeded { .. });
                prop_assert!(!goes_on);
            }
            let stored: Promotion = serde_json::from_str(&serde_json::to_string(after).unwrap()).unwrap();
            prop_assert_eq!(&stored, after);
        }
    }

    #[test]
    fn repeating_an_observation_changes_nothing(events in proptest::collection::vec(event(), 0..60)) {
        let mut world = World::new(&["cart"], 0);
        for event in events {
            play(&mut world, event);
        }
        // A state may need some looks to settle (started, saved, judged, ended); then it stands still.
        for _ in 0..4 {
            world.look();
        }
        let once = world.promotion.clone();
        let again = world.look();
        prop_assert_eq!(&once, &again.next);
        prop_assert!(again.journal.is_empty() && again.outbox.is_empty());
    }

    #[test]
    fn every_run_ends_when_the_cluster_answers(events in proptest::collection::vec(event(), 0..60)) {
        let mut world = World::new(&["cart"], 0);
        for event in events {
            play(&mut world, event);
        }
        world.facts.occupant = None;
        for _ in 0..20 {
            world.give(Input::Clock).unwrap();
            world.look();
            world.apply();
            world.pods_up("cart", 3);
            world.pass_seconds(60);
        }
        prop_assert!(world.promotion.is_over(), "{}", world.words());
        prop_assert!(desired(&world.promotion).is_none());
        if let Phase::Failed { back: TakenBack::Complete, .. } = &world.promotion.phase {
            let image = world.workload("cart").images[0].image.clone();
            prop_assert_eq!(image, crate::world::OLD);
        }
    }
}
