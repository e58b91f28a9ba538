//! Stories of versions that are committed to Git, and of what tools say of a commit.

use domain::{
    delegated::{ApplicationStatus, FluxStatus, Pause, RolloutStatus, ToolAct, ToolStatus},
    deployment::Cause,
    git::{Carries, GitPlan, GitSight, GitWritten},
    image::{ContainerImage, Image},
    names::ContainerName,
    observation::{Manager, Observed, WorkloadKind},
    promotion::{Input, Nudge, Phase, Promotion, Sight, desired, headline, revisions_to_ask},
    version::VersionImage,
};

use crate::{
    delegated::step,
    git_places::{hash, place},
    world::{NEW, OLD, World, image, rosa},
};

/// A promotion of `cart`, an object of this kind, which is committed to Git.
fn world(kind: WorkloadKind, change: impl Fn(&mut domain::observation::WorkloadObservation)) -> World {
    let mut world = World::new(&["cart"], 0);
    let version = [VersionImage { component: None, image: Image::parse(NEW, None).unwrap() }];
    world.promotion.plan.git = Some(GitPlan::make(&place("image.tag"), "2.0", &version).unwrap());
    world.promotion.plan.workloads[0].placed.workload.kind = kind;
    world.facts.plan_now = world.promotion.plan.clone();
    world.cluster[0].0.workload.kind = kind;
    see(&mut world, |seen| {
        seen.workload.kind = kind;
        change(seen);
    });
    world.give(Input::Clock).unwrap();
    world
}

fn see(world: &mut World, change: impl Fn(&mut domain::observation::WorkloadObservation)) {
    let (_, Observed::Present(seen)) = &mut world.cluster[0] else { panic!("it is there") };
    change(seen);
}

fn look(world: &mut World, git: Option<GitSight>) {
    let sight = Sight { workloads: world.cluster.clone(), git, ..Sight::default() };
    world.give(Input::Observed(sight)).unwrap();
}

fn started(world: &mut World) {
    look(world, None);
    assert!(matches!(world.promotion.phase, Phase::Starting { .. }), "without the file it does not start");
    look(world, Some(GitSight { values: Some(vec!["1.0".into()]), ..GitSight::default() }));
}

fn committed(world: &mut World, number: u64) {
    let commit = desired(&world.promotion).unwrap().commit.unwrap();
    let written = GitWritten::Committed { generation: commit.mark.generation, hash: hash(number), is_ours: true };
    look(world, Some(GitSight { written: Some(written), ..GitSight::default() }));
}

fn words(promotion: &Promotion) -> String {
    headline(promotion).words
}

fn application(revision: u64, sync: &str, health: &str) -> ApplicationStatus {
    ApplicationStatus {
        is_fresh: true,
        sync: sync.into(),
        health: health.into(),
        revision: Some(hash(revision).to_string()),
        operation_revision: Some(hash(revision).to_string()),
        operation: Some("Succeeded".into()),
        ..ApplicationStatus::default()
    }
}

fn says(world: &mut World, status: ApplicationStatus) {
    see(world, |seen| seen.tool = Some(ToolStatus::ArgoCd(status.clone())));
}

#[test]
fn an_application_is_asked_to_look_and_to_begin_and_is_done_with_the_commit() {
    let none = |seen: &mut domain::observation::WorkloadObservation| {
        seen.images = vec![];
        seen.tool = Some(ToolStatus::ArgoCd(application(1, "Synced", "Healthy")));
    };
    let mut world = world(WorkloadKind::Application, none);
    started(&mut world);
    let commit = desired(&world.promotion).unwrap().commit.unwrap();
    assert_eq!(
        (commit.plan.values(), commit.over, commit.is_back),
        (vec!["2.0".into()], vec![vec!["2.0".into(), "1.0".into()]], false)
    );
    assert!(desired(&world.promotion).unwrap().workloads.is_empty(), "the object is the tool's");
    committed(&mut world, 2);
    // Synced with what was there before says nothing.
    assert_eq!(revisions_to_ask(&world.promotion, &world.cluster), Some((hash(2), vec![hash(1)])));
    assert!(
        words(&world.promotion).contains("waits for Argo CD to bring commit 000000000"),
        "{}",
        words(&world.promotion)
    );
    look(&mut world, Some(GitSight { named: vec![(hash(1), Carries::Nothing)], ..GitSight::default() }));
    let nudge = |world: &World| desired(&world.promotion).unwrap().nudges.first().map(|asked| asked.nudge);
    assert_eq!(nudge(&world), Some(Nudge::Look));
    // A later commit has ours in it; the last sync was of another one, and failed.
    let seen = ApplicationStatus {
        operation_revision: Some(hash(1).to_string()),
        operation: Some("Failed".into()),
        message: Some("of yesterday".into()),
        ..application(3, "OutOfSync", "Healthy")
    };
    says(&mut world, seen);
    look(&mut world, Some(GitSight { named: vec![(hash(3), Carries::TheFields)], ..GitSight::default() }));
    assert_eq!(nudge(&world), Some(Nudge::Begin));
    assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "{}", words(&world.promotion));
    says(&mut world, application(3, "Synced", "Progressing"));
    look(&mut world, None);
    assert_eq!(nudge(&world), None);
    says(&mut world, application(3, "Synced", "Healthy"));
    look(&mut world, None);
    assert_eq!(world.promotion.phase_word(), "succeeded");
}

#[test]
fn an_application_is_judged_by_the_images_that_it_says_only_where_these_are_the_promotions() {
    let ends = |container: &str| {
        let container = ContainerName::parse(container).unwrap();
        let images =
            |tag: &str| vec![ContainerImage { container: container.clone(), image: format!("r.example/cart:{tag}") }];
        let status =
            |revision: u64| ApplicationStatus { running: Some(vec![]), ..application(revision, "Synced", "Healthy") };
        let mut world = world(WorkloadKind::Application, |seen| {
            seen.images = images("1.0");
            seen.tool = Some(ToolStatus::ArgoCd(status(1)));
        });
        started(&mut world);
        committed(&mut world, 2);
        look(&mut world, Some(GitSight { named: vec![(hash(1), Carries::Nothing)], ..GitSight::default() }));
        // The commit is there, and the images that it says are still what they were.
        says(&mut world, status(2));
        look(&mut world, None);
        let by_commit = world.promotion.phase_word().to_owned();
        see(&mut world, |seen| seen.images = images("2.0"));
        look(&mut world, None);
        (by_commit, world.promotion.phase_word().to_owned())
    };
    assert_eq!(ends("app"), ("progressing".into(), "succeeded".into()));
    // A proxy beside says nothing of it.
    assert_eq!(ends("proxy-image"), ("succeeded".into(), "succeeded".into()));
}

#[test]
fn a_sync_of_the_commit_that_fails_is_taken_back_by_a_commit() {
    let mut world = world(WorkloadKind::Application, |seen| {
        seen.images = vec![];
        seen.tool = Some(ToolStatus::ArgoCd(application(1, "Synced", "Healthy")));
    });
    started(&mut world);
    committed(&mut world, 2);
    let failed = ApplicationStatus {
        operation: Some("Failed".into()),
        message: Some("one or more objects failed to apply".into()),
        ..application(2, "OutOfSync", "Healthy")
    };
    says(&mut world, failed);
    look(&mut world, None);
    assert!(words(&world.promotion).contains("one or more objects failed to apply"), "{}", words(&world.promotion));
    let back = desired(&world.promotion).unwrap().commit.unwrap();
    assert_eq!((back.plan.values(), back.is_back, back.mark.generation), (vec!["1.0".into()], true, 2));
    assert!(!back.shuts_out_earlier, "the earlier one is known");
    committed(&mut world, 4);
    assert!(desired(&world.promotion).unwrap().commit.is_none(), "one commit for each generation");
    says(&mut world, application(4, "Synced", "Healthy"));
    look(&mut world, None);
    assert_eq!(world.promotion.phase_word(), "failed");
    assert_eq!(world.promotion.git_run().unwrap().commits.len(), 2);
}

#[test]
fn a_kustomization_is_done_with_the_commit_and_a_deployment_with_the_image() {
    let flux = |applied: u64, attempted: u64, ready: &str, reason: &str| {
        let revision = |number| Some(format!("main@sha1:{}", hash(number)));
        ToolStatus::Flux(FluxStatus {
            ready: Some(ready.into()),
            reason: reason.into(),
            revision: revision(applied),
            attempted: revision(attempted),
            ..FluxStatus::default()
        })
    };
    let mut kustomization = world(WorkloadKind::Kustomization, |seen| {
        seen.images = vec![];
        seen.tool = Some(flux(1, 1, "True", "ReconciliationSucceeded"));
    });
    started(&mut kustomization);
    committed(&mut kustomization, 2);
    see(&mut kustomization, |seen| seen.tool = Some(flux(1, 2, "Unknown", "Progressing")));
    look(&mut kustomization, Some(GitSight { named: vec![(hash(1), Carries::Nothing)], ..GitSight::default() }));
    assert!(words(&kustomization.promotion).contains("Flux brings commit"), "{}", words(&kustomization.promotion));
    see(&mut kustomization, |seen| seen.tool = Some(flux(2, 2, "True", "ReconciliationSucceeded")));
    look(&mut kustomization, None);
    assert_eq!(kustomization.promotion.phase_word(), "succeeded");

    let manager = Manager::FluxKustomization { name: "apps".into() };
    let mut deployment = world(WorkloadKind::Deployment, |seen| seen.manager = Some(manager.clone()));
    started(&mut deployment);
    committed(&mut deployment, 2);
    assert!(
        words(&deployment.promotion).contains("waits for Flux to bring commit"),
        "{}",
        words(&deployment.promotion)
    );
    // Somebody pins the digest, which is the same version.
    let pinned = format!("{NEW}@sha256:{}", "ab".repeat(32));
    see(&mut deployment, |seen| seen.images = vec![image(&pinned)]);
    look(&mut deployment, None);
    assert_eq!(deployment.promotion.phase_word(), "succeeded");
}

#[test]
fn an_application_that_is_as_a_commit_says_already_needs_no_sync_of_it() {
    let status = |operation: &str| ApplicationStatus {
        operation: Some(operation.into()),
        operation_revision: Some(hash(1).to_string()),
        message: Some("of yesterday".into()),
        ..application(3, "Synced", "Healthy")
    };
    // Aborted before Argo CD has brought anything: what ran before runs, and the last sync is of long ago.
    for (operation, phase) in [("Succeeded", "aborted"), ("Failed", "aborted"), ("Running", "taking_back")] {
        let mut world = world(WorkloadKind::Application, |seen| {
            seen.images = vec![];
            seen.tool = Some(ToolStatus::ArgoCd(application(1, "Synced", "Healthy")));
        });
        started(&mut world);
        committed(&mut world, 2);
        world.give(Input::Abort { by: rosa(), reason: "Not now".into() }).unwrap();
        committed(&mut world, 3);
        says(&mut world, status(operation));
        look(&mut world, Some(GitSight { named: vec![(hash(1), Carries::Nothing)], ..GitSight::default() }));
        assert_eq!(world.promotion.phase_word(), phase, "{operation}: {}", words(&world.promotion));
    }
}

#[test]
fn a_rollout_comes_back_without_its_steps_as_soon_as_the_commit_is_there_and_not_before() {
    let paused = || RolloutStatus {
        phase: "Paused".into(),
        steps: vec![step("25 %", false), step("Go on?", true)],
        step: Some(1),
        pauses: vec![Pause { reason: "CanaryPauseStep".into(), until: None }],
        ..RolloutStatus::default()
    };
    let healthy = || RolloutStatus { phase: "Healthy".into(), is_at_stable: true, ..RolloutStatus::default() };
    let runs = |world: &mut World, now: &str, status: RolloutStatus| {
        see(world, |seen| {
            seen.images = vec![image(now)];
            seen.tool = Some(ToolStatus::ArgoRollouts(status.clone()));
        });
        look(world, None);
        desired(&world.promotion).and_then(|desired| desired.nudges.first().map(|asked| asked.nudge))
    };
    let begun = |cause: Cause| {
        let status = Some(ToolStatus::ArgoRollouts(healthy()));
        let mut world = world(WorkloadKind::Rollout, |seen| seen.tool.clone_from(&status));
        world.promotion.cause = cause;
        world.promotion.plan.watch_seconds = 3_600;
        started(&mut world);
        committed(&mut world, 2);
        world
    };
    let mut planned = begun(Cause::Planned);
    assert_eq!(runs(&mut planned, NEW, paused()), None, "a version that is new here goes by the steps");
    assert_eq!(runs(&mut planned, NEW, healthy()), None);
    assert_eq!(planned.promotion.phase_word(), "watching");
    planned.give(Input::Abort { by: rosa(), reason: "The graphs look odd".into() }).unwrap();
    committed(&mut planned, 3);
    assert_eq!(runs(&mut planned, NEW, healthy()), None, "what is there is not what comes back");
    assert_eq!(runs(&mut planned, OLD, paused()), Some(Nudge::Act(ToolAct::Back)));
    assert_eq!(runs(&mut planned, OLD, healthy()), None);
    assert_eq!(planned.promotion.phase_word(), "aborted");

    let mut rollback = begun(Cause::Rollback);
    assert_eq!(runs(&mut rollback, OLD, healthy()), None);
    assert_eq!(runs(&mut rollback, NEW, paused()), Some(Nudge::Act(ToolAct::PromoteNow)));
}

#[test]
fn a_commit_that_nobody_has_asked_about_yet_takes_nothing_back_and_ends_no_watch() {
    let mut world = world(WorkloadKind::Application, |seen| {
        seen.images = vec![];
        seen.tool = Some(ToolStatus::ArgoCd(application(1, "Synced", "Healthy")));
    });
    world.promotion.plan.watch_seconds = 3_600;
    started(&mut world);
    committed(&mut world, 2);
    says(&mut world, application(2, "Synced", "Progressing"));
    look(&mut world, None);
    assert!(world.promotion.run().unwrap().progress[0].was_ours, "{}", words(&world.promotion));
    // Somebody else commits, and the repository does not answer for a moment.
    for _ in 0..3 {
        says(&mut world, application(3, "Synced", "Progressing"));
        look(&mut world, None);
        assert!(matches!(world.promotion.phase, Phase::Progressing { .. }), "{}", words(&world.promotion));
        assert!(words(&world.promotion).contains("not known yet"), "{}", words(&world.promotion));
    }
    says(&mut world, application(3, "Synced", "Healthy"));
    look(&mut world, Some(GitSight { named: vec![(hash(3), Carries::TheFields)], ..GitSight::default() }));
    assert!(matches!(world.promotion.phase, Phase::Watching { .. }), "{}", words(&world.promotion));
    // While it is watched the branch goes on.
    for number in [4, 5] {
        says(&mut world, application(number, "Synced", "Healthy"));
        look(&mut world, None);
        look(&mut world, Some(GitSight { named: vec![(hash(number), Carries::TheFields)], ..GitSight::default() }));
        assert!(matches!(world.promotion.phase, Phase::Watching { .. }), "{}", words(&world.promotion));
    }
    says(&mut world, application(6, "Synced", "Healthy"));
    look(&mut world, Some(GitSight { named: vec![(hash(6), Carries::Nothing)], ..GitSight::default() }));
    assert_eq!(world.promotion.phase_word(), "succeeded", "another state is there, which is theirs");
}

#[test]
fn what_has_arrived_stays_so_while_nobody_can_tell_what_a_later_commit_has_of_it() {
    let mut world = World::new(&["cart", "mail"], 0);
    let version = [VersionImage { component: None, image: Image::parse(NEW, None).unwrap() }];
    world.promotion.plan.git = Some(GitPlan::make(&place("image.tag"), "2.0", &version).unwrap());
    world.promotion.plan.workloads[0].placed.workload.kind = WorkloadKind::Application;
    world.facts.plan_now = world.promotion.plan.clone();
    world.cluster[0].0.workload.kind = WorkloadKind::Application;
    see(&mut world, |seen| {
        seen.workload.kind = WorkloadKind::Application;
        seen.images = vec![];
        seen.tool = Some(ToolStatus::ArgoCd(application(1, "Synced", "Healthy")));
    });
    world.give(Input::Clock).unwrap();
    started(&mut world);
    committed(&mut world, 2);
    let is_there = |world: &World| world.promotion.run().unwrap().progress[0].is_complete;
    says(&mut world, application(2, "Synced", "Progressing"));
    look(&mut world, None);
    says(&mut world, application(3, "Synced", "Healthy"));
    look(&mut world, None);
    assert!(!is_there(&world), "what had not arrived has not arrived by that");
    says(&mut world, application(2, "Synced", "Healthy"));
    look(&mut world, None);
    assert!(is_there(&world));
    says(&mut world, application(4, "Synced", "Healthy"));
    look(&mut world, None);
    assert!(is_there(&world), "{}", words(&world.promotion));
    let (_, Observed::Present(mail)) = &mut world.cluster[1] else { panic!("it is there") };
    mail.images = vec![image(NEW)];
    look(&mut world, None);
    assert_eq!(world.promotion.phase_word(), "succeeded", "{}", words(&world.promotion));
}

#[test]
fn what_somebody_else_wrote_stays_and_is_told() {
    let mut world = world(WorkloadKind::Deployment, |_| {});
    started(&mut world);
    let others = |world: &World, value: &str| {
        let generation = world.promotion.run().unwrap().generation;
        let written = GitWritten::ChangedByOthers { generation, values: vec![value.into()] };
        Some(GitSight { written: Some(written), ..GitSight::default() })
    };
    let sight = others(&world, "1.5");
    look(&mut world, sight);
    assert!(matches!(world.promotion.phase, Phase::TakingBack { .. }));
    look(&mut world, None);
    assert!(matches!(world.promotion.phase, Phase::TakingBack { .. }), "the file is looked at again first");
    let sight = others(&world, "1.5");
    look(&mut world, sight);
    assert_eq!(world.promotion.phase_word(), "failed");
    assert!(
        words(&world.promotion)
            .contains("apps/cart.yaml on main of git.example/shop/deploy was changed by someone else to 1.5")
    );
}

#[test]
fn an_object_that_cannot_say_which_commit_it_has_brought_does_not_start() {
    let mut world = world(WorkloadKind::Kustomization, |seen| {
        seen.images = vec![];
        seen.tool = Some(ToolStatus::Flux(FluxStatus {
            unfit_for_commits: Some("its source is OCIRepository shop".into()),
            ..FluxStatus::default()
        }));
    });
    started(&mut world);
    assert_eq!(world.promotion.phase_word(), "failed");
    assert!(words(&world.promotion).contains("its source is OCIRepository shop"), "{}", words(&world.promotion));
    assert!(desired(&world.promotion).is_none_or(|desired| desired.commit.is_none()));
}

#[test]
fn a_commit_that_is_written_over_before_the_tool_has_brought_it_is_not_waited_for() {
    let argo = |number| ToolStatus::ArgoCd(application(number, "Synced", "Healthy"));
    let flux = |number| {
        let revision = Some(format!("main@sha1:{}", hash(number)));
        ToolStatus::Flux(FluxStatus { attempted: revision.clone(), revision, ..FluxStatus::default() })
    };
    let tools: [(WorkloadKind, &dyn Fn(u64) -> ToolStatus); 2] =
        [(WorkloadKind::Application, &argo), (WorkloadKind::Kustomization, &flux)];
    for (kind, at) in tools {
        let mut world = world(kind, |seen| {
            seen.images = vec![];
            seen.tool = Some(at(1));
        });
        started(&mut world);
        committed(&mut world, 2);
        // The tool comes past it at once, to a commit in which somebody has set a third version.
        see(&mut world, |seen| seen.tool = Some(at(3)));
        let over = Carries::WrittenOver(vec!["1.5".into()]);
        look(&mut world, Some(GitSight { named: vec![(hash(3), over)], ..GitSight::default() }));
        assert!(matches!(world.promotion.phase, Phase::TakingBack { .. }), "{}", words(&world.promotion));
        assert!(words(&world.promotion).contains("was changed by someone else to 1.5"), "{}", words(&world.promotion));
        // What they have written stays: the file says neither of the two that may be written over.
        let generation = world.promotion.run().unwrap().generation;
        let written = GitWritten::ChangedByOthers { generation, values: vec!["1.5".into()] };
        look(&mut world, Some(GitSight { written: Some(written), ..GitSight::default() }));
        assert_eq!(world.promotion.phase_word(), "failed");
    }
}

#[test]
fn an_abort_before_a_commit_is_known_shuts_out_one_that_comes_late() {
    let mut world = world(WorkloadKind::Deployment, |_| {});
    started(&mut world);
    world.give(Input::Abort { by: rosa(), reason: "Not now".into() }).unwrap();
    let back = desired(&world.promotion).unwrap().commit.unwrap();
    assert_eq!(back.plan.values(), ["1.0"]);
    assert!(back.shuts_out_earlier, "the host may have taken a commit whose answer was lost");
    // A host that takes none says that it is so already.
    let written = GitWritten::Committed { generation: back.mark.generation, hash: hash(1), is_ours: false };
    look(&mut world, Some(GitSight { written: Some(written), ..GitSight::default() }));
    assert_eq!(world.promotion.phase_word(), "aborted");
    assert_eq!(OLD, "r.example/cart:1.0");
}

#[test]
fn what_is_stored_with_a_commit_can_be_read_again() {
    let mut world = world(WorkloadKind::Deployment, |_| {});
    started(&mut world);
    committed(&mut world, 2);
    let stored = serde_json::to_value(&world.promotion).unwrap();
    assert_eq!(serde_json::from_value::<Promotion>(stored.clone()).unwrap(), world.promotion);
    assert_eq!(stored["plan"]["git"]["writes"][0]["field"], "image.tag");
    // Without, as all were before.
    let mut before = stored;
    before["plan"].as_object_mut().unwrap().remove("git");
    let phase = before["phase"].as_object_mut().unwrap();
    phase.values_mut().filter_map(|value| value.as_object_mut()).for_each(|run| drop(run.remove("git")));
    assert!(serde_json::from_value::<Promotion>(before).unwrap().git().is_none());
}
