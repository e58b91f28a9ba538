//! What tools say of their objects, judged.

use domain::{
    delegated::{ApplicationStatus, FluxStatus, Pause, RolloutStatus, ToolStatus, ToolStep},
    observation::{Manager, WorkloadKind, WorkloadRef},
    rollout::{Rollout, judge},
};

use crate::world::{NEW, crash, noon, placed, settled};

pub fn step(words: &str, stays: bool) -> ToolStep {
    ToolStep { words: words.to_owned(), stays }
}

#[test]
fn steps_are_read_as_they_are_stored_also_as_words_alone() {
    let steps = [step("25 %", false), step("Go on?", true)];
    let stored = serde_json::to_value(&steps).unwrap();
    assert_eq!(serde_json::from_value::<[ToolStep; 2]>(stored).unwrap(), steps);
    let words = serde_json::json!(["25 %", "Go on?"]);
    assert_eq!(serde_json::from_value::<[ToolStep; 2]>(words).unwrap(), ["25 %", "Go on?"].map(|one| step(one, false)));
}

fn word(tool: ToolStatus, change: impl Fn(&mut domain::observation::WorkloadObservation)) -> String {
    let mut seen = settled(&placed("cart"), NEW, None);
    seen.tool = Some(tool);
    change(&mut seen);
    match judge(&seen) {
        Rollout::Complete { .. } => "complete".to_owned(),
        Rollout::ByTool { words, waits: true } => format!("waits: {words}"),
        other => other.words(),
    }
}

#[test]
fn an_application_is_done_when_it_is_synced_and_healthy_with_the_present_source() {
    let status = |sync: &str, health: &str| ApplicationStatus {
        is_fresh: true,
        sync: sync.into(),
        health: health.into(),
        ..ApplicationStatus::default()
    };
    let table = [
        (
            ApplicationStatus { is_fresh: false, ..status("Synced", "Healthy") },
            "the change is not seen by the cluster yet",
        ),
        (status("Synced", "Healthy"), "complete"),
        (status("OutOfSync", "Healthy"), "OutOfSync, Healthy"),
        (status("Synced", "Progressing"), "Synced, Progressing"),
        // What is degraded before the sync is what ran before.
        (status("OutOfSync", "Degraded"), "OutOfSync, Degraded"),
        (status("Synced", "Degraded"), "Argo CD: it is synced but degraded"),
        (status("Synced", "Suspended"), "waits: synced, suspended in the cluster"),
        (ApplicationStatus { operation: Some("Running".into()), ..status("Synced", "Healthy") }, "Synced, Healthy"),
        (
            ApplicationStatus {
                operation: Some("Failed".into()),
                message: Some("one or more objects failed to apply".into()),
                ..status("OutOfSync", "Healthy")
            },
            "Argo CD: one or more objects failed to apply",
        ),
        (
            ApplicationStatus { message: Some("repository not found".into()), ..status("Unknown", "Healthy") },
            "Unknown, Healthy: repository not found",
        ),
    ];
    for (status, expected) in table {
        assert_eq!(word(ToolStatus::ArgoCd(status.clone()), |_| {}), expected, "{status:?}");
    }
}

#[test]
fn flux_is_done_when_it_is_ready_in_the_present_generation() {
    let status = |ready: Option<&str>, reason: &str| {
        ToolStatus::Flux(FluxStatus { ready: ready.map(str::to_owned), reason: reason.into(), ..FluxStatus::default() })
    };
    let table = [
        (status(Some("True"), "ReconciliationSucceeded"), "complete"),
        (status(None, ""), "the change is not seen by the cluster yet"),
        (status(Some("Unknown"), "Progressing"), "Progressing"),
        (status(Some("False"), "DependencyNotReady"), "DependencyNotReady"),
        // It may be tried again.
        (status(Some("False"), "UpgradeFailed"), "UpgradeFailed"),
        (status(Some("False"), "HealthCheckFailed"), "Flux: HealthCheckFailed"),
    ];
    for (status, expected) in table {
        assert_eq!(word(status.clone(), |_| {}), expected, "{status:?}");
    }
    let stalled = FluxStatus { ready: Some("False".into()), is_stalled: true, ..FluxStatus::default() };
    let told = word(ToolStatus::Flux(FluxStatus { message: Some("retries exhausted".into()), ..stalled }), |_| {});
    assert_eq!(told, "Flux: retries exhausted");
    // A Kustomization that fails keeps the generation that was good last.
    let failed = status(Some("False"), "HealthCheckFailed");
    assert_eq!(word(failed, |seen| seen.generation = 2), "Flux: HealthCheckFailed");
    assert_eq!(word(status(Some("True"), ""), |seen| seen.is_paused = true), "paused in the cluster");
}

#[test]
fn a_rollout_waits_by_its_steps_and_fails_by_its_pods_first() {
    let paused = RolloutStatus {
        phase: "Paused".into(),
        steps: vec![step("25 %", false), step("Go on?", true)],
        step: Some(1),
        pauses: vec![Pause { reason: "CanaryPauseStep".into(), until: None }],
        ..RolloutStatus::default()
    };
    let of = |status: &RolloutStatus| ToolStatus::ArgoRollouts(status.clone());
    assert_eq!(word(of(&paused), |_| {}), "waits: step 2 of 2 (Go on?), waits for someone to let it go on");
    assert_eq!(
        word(of(&paused), |seen| seen.pods[0].trouble = Some(crash())),
        "CrashLoopBackOff, exit code 1 in pod cart-0"
    );
    let done = RolloutStatus { phase: "Healthy".into(), is_at_stable: true, ..RolloutStatus::default() };
    assert_eq!(word(of(&done), |_| {}), "complete");
    let aborted = RolloutStatus { is_aborted: true, message: Some("RolloutAborted".into()), ..paused };
    assert_eq!(word(of(&aborted), |_| {}), "Argo Rollouts: RolloutAborted");
}

#[test]
fn a_rollout_is_complete_when_it_is_healthy_at_its_stable_revision_and_all_of_its_pods_are_there() {
    let status = |phase: &str, is_at_stable: bool| {
        ToolStatus::ArgoRollouts(RolloutStatus { phase: phase.into(), is_at_stable, ..RolloutStatus::default() })
    };
    // It says so while it is being scaled up, or while a node is drained: then the pods decide.
    let table = [
        ("Healthy", true, 3, 3, "complete"),
        ("Healthy", true, 5, 3, "under way"),
        ("Healthy", true, 3, 2, "under way"),
        ("Healthy", true, 3, 0, "under way"),
        ("Healthy", false, 3, 3, "under way"),
        ("Progressing", true, 3, 3, "under way"),
    ];
    for (phase, is_at_stable, wanted, available, expected) in table {
        let told = word(status(phase, is_at_stable), |seen| {
            (seen.wanted_replicas, seen.available_replicas) = (wanted, available);
        });
        assert_eq!(told, expected, "{phase} {is_at_stable} {available} of {wanted}");
    }
}

#[test]
fn a_rollout_waits_for_someone_only_where_its_pause_has_no_end() {
    let pause = |until| Pause { reason: "CanaryPauseStep".into(), until };
    let table = [(vec![], false), (vec![pause(None)], true), (vec![pause(Some(noon()))], false)];
    for (pauses, is_waiting) in table {
        let status = RolloutStatus { phase: "Paused".into(), pauses: pauses.clone(), ..RolloutStatus::default() };
        let progress = ToolStatus::ArgoRollouts(status).progress();
        assert_eq!((progress.waits.is_some(), progress.waits_for_someone), (!pauses.is_empty(), is_waiting));
    }
    let suspended = ApplicationStatus { health: "Suspended".into(), ..ApplicationStatus::default() };
    assert!(!ToolStatus::ArgoCd(suspended).progress().waits_for_someone);
}

#[test]
fn a_workload_that_was_stored_without_a_kind_is_a_deployment_and_is_stored_as_before() {
    let stored = r#"{"namespace":"shop","name":"cart"}"#;
    let read: WorkloadRef = serde_json::from_str(stored).unwrap();
    assert_eq!((read.kind, read.to_string()), (WorkloadKind::Deployment, "shop/cart".to_owned()));
    assert_eq!(serde_json::to_string(&read).unwrap(), stored);
    let rollout = WorkloadRef { kind: WorkloadKind::Rollout, ..read };
    assert_eq!(rollout.to_string(), "shop/cart (Rollout)");
    assert_eq!(serde_json::from_str::<WorkloadRef>(&serde_json::to_string(&rollout).unwrap()).unwrap(), rollout);
}

#[test]
fn an_object_that_is_written_from_git_says_so_with_what_to_do() {
    let manager = Manager::FluxKustomization { name: "apps".into() };
    let advice = manager.advice_for(WorkloadKind::HelmRelease);
    assert!(advice.contains("Git source of Kustomization apps") && advice.contains("must go through Git"), "{advice}");
    assert_eq!(manager.advice_for(WorkloadKind::Deployment), manager.advice());
}
