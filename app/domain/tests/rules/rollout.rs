//! How one workload is judged, row by row of `kubectl rollout status`, and before its rules.

use domain::{
    delegated::{ApplicationStatus, ToolStatus},
    observation::{PodCounts, ReplacementSettings, WorkloadObservation},
    rollout::{Rollout, RolloutFailure, capacity_warnings, judge},
};

use crate::world::{NEW, crash, placed, pod, settled};

type Change = fn(&mut WorkloadObservation);

fn seen(change: Change) -> WorkloadObservation {
    let mut seen = settled(&placed("cart"), NEW, None);
    change(&mut seen);
    seen
}

#[test]
fn the_rules_of_kubectl_rollout_status_in_their_order() {
    let rows: [(&str, Change, &str); 9] = [
        ("settled", |_| {}, "complete"),
        ("not observed", |s| s.generation = 2, "unseen"),
        (
            "not observed beats the deadline",
            |s| {
                s.generation = 2;
                s.progressing_reason = Some("ProgressDeadlineExceeded".into());
            },
            "unseen",
        ),
        ("deadline", |s| s.progressing_reason = Some("ProgressDeadlineExceeded".into()), "failed"),
        ("too few updated", |s| s.updated_replicas = 2, "moving"),
        ("old ones left", |s| s.replicas = 4, "moving"),
        ("not available", |s| s.available_replicas = 2, "moving"),
        ("paused", |s| s.is_paused = true, "paused"),
        (
            "scaled to nothing",
            |s| {
                (s.wanted_replicas, s.replicas, s.updated_replicas, s.available_replicas) = (0, 0, 0, 0);
            },
            "complete",
        ),
    ];
    for (name, change, expected) in rows {
        let word = match judge(&seen(change)) {
            Rollout::Unseen => "unseen",
            Rollout::Paused => "paused",
            Rollout::Moving { .. } => "moving",
            Rollout::ByTool { .. } => "by tool",
            Rollout::Complete { .. } => "complete",
            Rollout::Failed { .. } => "failed",
        };
        assert_eq!(word, expected, "{name}");
    }
}

#[test]
fn a_pod_that_will_not_run_fails_the_rollout_long_before_the_deadline() {
    for reason in ["CrashLoopBackOff", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError"] {
        let mut now = seen(|s| s.updated_replicas = 1);
        now.pods[0].trouble = Some(domain::observation::ContainerTrouble { reason: reason.into(), ..crash() });
        let Rollout::Failed { failure: RolloutFailure::Pod { trouble, .. } } = judge(&now) else { panic!("{reason}") };
        assert_eq!(trouble.reason, reason);
    }
}

#[test]
fn trouble_of_old_or_ending_pods_is_not_the_new_versions() {
    type Spoil = fn(&mut domain::observation::PodObservation);
    let spoils: [Spoil; 2] = [|p| p.is_updated = false, |p| p.is_terminating = true];
    for spoil in spoils {
        let mut now = seen(|_| {});
        now.pods[0].trouble = Some(crash());
        spoil(&mut now.pods[0]);
        assert!(!matches!(judge(&now), Rollout::Failed { .. }));
    }
}

#[test]
fn one_restart_is_forgiven_and_two_are_not() {
    let restarted = |restarts| {
        let mut now = seen(|s| s.available_replicas = 2);
        now.pods[0].restarts = restarts;
        now.pods[0].trouble =
            Some(domain::observation::ContainerTrouble { reason: "OOMKilled".into(), exit_code: Some(137), ..crash() });
        judge(&now)
    };
    assert!(matches!(restarted(1), Rollout::Moving { .. }));
    let Rollout::Failed { failure } = restarted(2) else { panic!() };
    assert_eq!(failure.words(), "OOMKilled, exit code 137 in pod cart-0, restarted 2 times");
}

#[test]
fn a_quota_fails_only_while_pods_are_missing() {
    let message = "exceeded quota: pods".to_owned();
    let mut now = seen(|s| s.updated_replicas = 1);
    now.replica_failure = Some(message.clone());
    assert_eq!(judge(&now), Rollout::Failed { failure: RolloutFailure::Replicas { message } });
    now.updated_replicas = 3;
    assert!(matches!(judge(&now), Rollout::Complete { .. }));
}

#[test]
fn the_counts_on_screen_are_those_of_the_new_template() {
    let mut now = seen(|s| s.updated_replicas = 2);
    now.pods = vec![pod("a", true, true), pod("b", true, false), pod("c", false, true)];
    assert_eq!(PodCounts::from(&now), PodCounts { wanted: 3, updated: 2, ready: 3, available: 1 });
}

#[test]
fn settings_that_lose_capacity_are_named_beforehand() {
    let with = |wanted: u32, replacement, is_tried| {
        let mut now = seen(|_| {});
        (now.wanted_replicas, now.replacement) = (wanted, replacement);
        capacity_warnings(&now, is_tried).join(" ")
    };
    let rolling = |max_unavailable, max_surge| ReplacementSettings::RollingUpdate { max_unavailable, max_surge };
    let table = [
        (3, ReplacementSettings::Recreate, "ends all its 3 pods before"),
        (1, ReplacementSettings::Recreate, "ends its only pod before"),
        (3, rolling(3, 0), "may lose all its 3 pods at once"),
        (1, rolling(1, 0), "may lose its only pod at once"),
        (3, rolling(1, 1), "may serve with 2 of 3 pods while they are replaced (maxUnavailable 1)"),
        (1, rolling(0, 1), "has one pod"),
    ];
    for (wanted, replacement, words) in table {
        let told = with(wanted, replacement, false);
        assert!(told.contains(words), "{told}");
        assert_eq!(with(wanted, replacement, true), "", "the candidate serves meanwhile");
    }
    for quiet in [with(4, rolling(1, 1), false), with(3, rolling(0, 1), false), with(0, rolling(1, 0), false)] {
        assert_eq!(quiet, "");
    }
    let degraded = seen(|s| {
        let status = ApplicationStatus { health: "Degraded".into(), ..ApplicationStatus::default() };
        s.tool = Some(ToolStatus::ArgoCd(status));
    });
    assert!(capacity_warnings(&degraded, false).concat().contains("is Degraded already"));
    let paused = seen(|s| s.is_paused = true);
    assert!(capacity_warnings(&paused, true).concat().contains("rollout resume deployment/cart"));
}
