//! A Rollout of the practice cluster goes through its steps by itself, waits where they say so, and is
//! promoted or taken back as Argo Rollouts does it.

use domain::{
    delegated::{ToolAct, ToolStatus},
    names::{Namespace, WorkloadName},
    observation::{Stamp, WorkloadObservation},
    rollout::{Rollout, judge},
    traffic::Weight,
};
use ports::{ApplyOutcome, Cluster, TemplateChange, WorkloadChange};
use practice::{NewDeployment, RolloutStep};

use crate::support::{World, change, image};

fn cart(steps: Vec<RolloutStep>) -> NewDeployment {
    let containers = vec![image("app", "registry.test/cart:1.0")];
    let name = WorkloadName::parse("cart").unwrap();
    NewDeployment { steps: Some(steps), ..NewDeployment::new(Namespace::parse("shop").unwrap(), name, 4, containers) }
}

fn share(percent: u8) -> RolloutStep {
    RolloutStep::Weight(Weight::percent(percent).unwrap())
}

fn step(seen: &WorkloadObservation) -> (Option<u32>, usize) {
    let Some(ToolStatus::ArgoRollouts(status)) = &seen.tool else { panic!("no Rollout") };
    (status.step, seen.pods.iter().filter(|pod| pod.is_updated && pod.is_ready).count())
}

#[tokio::test]
async fn a_rollout_steps_by_itself_and_waits_where_a_person_is_asked() {
    let world = World::new();
    let at = world
        .cluster
        .create_deployment(&cart(vec![share(25), RolloutStep::Pause(Some(30)), share(50), RolloutStep::Pause(None)]))
        .unwrap();
    world.pass(20_000);
    assert!(matches!(judge(&world.see(&at).await), Rollout::Complete { .. }));
    let two = change(&at, 1, "2.0");
    assert_eq!(world.cluster.apply(&two).await, Ok(ApplyOutcome::Written));
    world.pass(10_000);
    assert_eq!(step(&world.see(&at).await), (Some(1), 1));
    world.pass(40_000);
    let seen = world.see(&at).await;
    assert_eq!(step(&seen), (Some(3), 2));
    assert!(matches!(judge(&seen), Rollout::ByTool { waits: true, .. }), "{:?}", judge(&seen));
    // A long pause is no lack of progress, and two taps are one.
    world.pass(3_600_000);
    let go_on = WorkloadChange { act: Some(ToolAct::GoOn { step: Some(3) }), ..two.clone() };
    assert_eq!(world.cluster.apply(&go_on).await, Ok(ApplyOutcome::Written));
    assert_eq!(world.cluster.apply(&go_on).await, Ok(ApplyOutcome::Unchanged));
    world.pass(30_000);
    let seen = world.see(&at).await;
    assert!(matches!(judge(&seen), Rollout::Complete { .. }), "{:?}", judge(&seen));
    assert_eq!((seen.pods.len(), step(&seen).1), (4, 4));
}

#[tokio::test]
async fn what_is_under_way_goes_back_at_once_and_what_is_done_without_its_steps() {
    let world = World::new();
    let at = world.cluster.create_deployment(&cart(vec![share(25), RolloutStep::Pause(None)])).unwrap();
    world.pass(20_000);
    let saved = world.see(&at).await;
    let two = change(&at, 1, "2.0");
    let back = WorkloadChange {
        stamp: Stamp { generation: two.stamp.generation + 1, ..two.stamp },
        template: TemplateChange::Restore(saved.template.clone()),
        act: Some(ToolAct::Back),
        ..two.clone()
    };
    assert_eq!(world.cluster.apply(&two).await, Ok(ApplyOutcome::Written));
    world.pass(20_000);
    assert_eq!(world.cluster.apply(&back).await, Ok(ApplyOutcome::Written));
    world.pass(20_000);
    let seen = world.see(&at).await;
    assert!(matches!(judge(&seen), Rollout::Complete { .. }), "{:?}", judge(&seen));
    assert_eq!(seen.images[0].image, "registry.test/cart:1.0");

    let three = change(&at, 2, "3.0");
    assert_eq!(world.cluster.apply(&three).await, Ok(ApplyOutcome::Written));
    world.pass(20_000);
    let now = WorkloadChange { act: Some(ToolAct::PromoteNow), ..three.clone() };
    assert_eq!(world.cluster.apply(&now).await, Ok(ApplyOutcome::Written));
    world.pass(20_000);
    assert!(matches!(judge(&world.see(&at).await), Rollout::Complete { .. }));
    let undo = WorkloadChange { stamp: Stamp { generation: 9, ..three.stamp }, ..back };
    assert_eq!(world.cluster.apply(&undo).await, Ok(ApplyOutcome::Written));
    world.pass(20_000);
    assert_eq!(world.cluster.apply(&undo).await, Ok(ApplyOutcome::Written));
    world.pass(20_000);
    let seen = world.see(&at).await;
    assert!(matches!(judge(&seen), Rollout::Complete { .. }) && seen.images[0].image.ends_with(":1.0"), "{seen:#?}");
}
