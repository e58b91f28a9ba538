//! Promotions that are over, as the state machine would have left them.

use chrono::{DateTime, Duration, Utc};
use domain::{
    actor::Identity,
    deployment::Outcome,
    ids::{PromotionId, VersionId},
    image::ContainerImage,
    observation::{ContainerTrouble, PlacedWorkload, PodCounts},
    promotion::{
        Approval, Failure, JournalEntry, JournalEvent, Phase, Plan, Promotion, Run, SavedWorkload, Supersedes,
        TakeBackCause, TakenBack, WorkloadPlan, WorkloadProgress,
    },
    rollout::RolloutFailure,
    strategy::Strategy,
};
use store::{Environment, Target};

use super::timeline::MoveStory;

/// One workload in the story of a promotion.
pub struct Part {
    /// Where.
    pub placed: PlacedWorkload,
    /// The cluster's name.
    pub cluster_name: String,
    /// What is set.
    pub to: Vec<ContainerImage>,
    /// What ran before.
    pub from: Vec<ContainerImage>,
    /// Pods.
    pub replicas: u32,
}

/// What a past promotion is made of.
pub struct PastMove<'a> {
    pub id: PromotionId,
    pub number: i64,
    pub sequence: i64,
    pub told: &'a MoveStory,
    pub environment: &'a Environment,
    pub target: &'a Target,
    pub version: VersionId,
    pub previous: Option<VersionId>,
    pub requester: Identity,
    pub approver: Option<Identity>,
    pub parts: Vec<Part>,
}

impl PastMove<'_> {
    /// The promotion as it ended.
    pub fn promotion(&self) -> Promotion {
        let told = self.told;
        let approvals: Vec<Approval> = self.approval().into_iter().collect();
        Promotion {
            id: self.id,
            number: self.number,
            service: self.target.service,
            environment: self.environment.id,
            target: self.target.id,
            supersedes: Supersedes::Nobody,
            cause: told.cause,
            reason: told.reason.clone(),
            requested_by: self.requester.clone(),
            requested_at: told.requested_at,
            approved_at: approvals.last().map(|a| a.at),
            plan: self.plan(u8::try_from(approvals.len()).unwrap_or(u8::MAX)),
            previous_version: self.previous,
            approvals,
            templates: vec![],
            phase: self.phase(),
            trouble: None,
        }
    }

    fn approval(&self) -> Option<Approval> {
        let (_, at, comment) = self.told.approval?;
        let approver = self.approver.as_ref()?;
        Some(Approval {
            person: approver.person()?,
            name: approver.shown(),
            at,
            comment: Some(comment.to_owned()),
            plan_number: 1,
        })
    }

    fn plan(&self, approvals: u8) -> Plan {
        let rules = &self.environment.rules;
        let workload = |part: &Part| WorkloadPlan {
            placed: part.placed.clone(),
            cluster_name: part.cluster_name.clone(),
            images: part.to.clone(),
            candidate: None,
        };
        Plan {
            number: 1,
            version: self.version,
            strategy: Strategy::Rolling,
            steps: Strategy::Rolling.steps(),
            workloads: self.parts.iter().map(workload).collect(),
            deployer: self.target.deployer.clone(),
            may_write_helm: false,
            git: None,
            rules_revision: rules.revision,
            approvals,
            healthy_in: rules.healthy_in.filter(|_| approvals > 0),
            rollout_budget_seconds: rules.rollout_budget_seconds,
            watch_seconds: rules.watch_seconds,
            analysis: vec![],
            judging: domain::analysis::JudgingPolicy::default(),
        }
    }

    fn phase(&self) -> Phase {
        let finished_at = self.told.finished_at;
        match self.told.outcome {
            Outcome::Succeeded | Outcome::Running => Phase::Succeeded { run: self.run(1), finished_at },
            Outcome::Failed | Outcome::Aborted => Phase::Failed {
                run: Some(self.run(2)),
                failure: Failure::TakenBack { cause: self.crash() },
                back: TakenBack::Complete,
                finished_at,
            },
        }
    }

    fn run(&self, generation: u32) -> Run {
        let saved = |part: &Part| SavedWorkload {
            placed: part.placed.clone(),
            // What ran long ago is gone; nothing is put back from a promotion that is over.
            uid: String::new(),
            images: part.from.clone(),
            template: serde_json::Value::Null,
        };
        let progress = |part: &Part| WorkloadProgress {
            placed: part.placed.clone(),
            cluster_name: part.cluster_name.clone(),
            counts: PodCounts {
                wanted: part.replicas,
                updated: part.replicas,
                ready: part.replicas,
                available: part.replicas,
            },
            pods: vec![],
            words: format!("{0} of {0} pods available", part.replicas),
            is_complete: true,
            was_ours: true,
            most_available: part.replicas,
            is_waiting: false,
            tool: None,
        };
        Run {
            generation,
            saved: self.parts.iter().filter(|p| !p.from.is_empty()).map(saved).collect(),
            progress: self.parts.iter().map(progress).collect(),
            ..Run::new(self.sequence, self.told.started_at)
        }
    }

    /// The way in which versions of this company fail.
    fn crash(&self) -> TakeBackCause {
        let part = self.parts.first();
        let name = part.map_or_else(String::new, |p| p.placed.workload.name.to_string());
        let shown = part.map_or_else(String::new, |p| format!("{} {}", p.cluster_name, p.placed.workload));
        let container = part.and_then(|p| p.to.first()).map_or_else(String::new, |i| i.container.to_string());
        let pod = format!("{name}-{:x}-x7k2p", self.number.unsigned_abs() * 2_654_435 + 0x5c0f);
        TakeBackCause::Rollout {
            workload: shown,
            failure: RolloutFailure::Pod {
                pod,
                trouble: ContainerTrouble {
                    message: Some(format!("back-off 10s restarting failed container={container}")),
                    container,
                    reason: "CrashLoopBackOff".to_owned(),
                    exit_code: Some(1),
                },
                restarts: 2,
            },
        }
    }

    /// What its journal says.
    pub fn journal(&self) -> Vec<JournalEntry> {
        let told = self.told;
        let rule = |name: &str| Identity::rule(name);
        let mut journal = vec![entry(
            told.requested_at,
            self.requester.clone(),
            JournalEvent::Requested { reason: told.reason.clone() },
        )];
        if let (Some((_, at, comment)), Some(approver)) = (told.approval, &self.approver) {
            let comment = Some(comment.to_owned());
            journal.push(entry(at, approver.clone(), JournalEvent::Approved { have: 1, need: 1, comment }));
        }
        let images = |list: fn(&Part) -> &[ContainerImage]| {
            self.parts.iter().flat_map(list).map(|i| short(&i.image)).collect::<Vec<_>>()
        };
        let started = told.started_at;
        journal.push(entry(started, rule("start"), JournalEvent::Started));
        let (from, to) = (images(|p| p.from.as_slice()), images(|p| p.to.as_slice()));
        journal.push(entry(started + Duration::seconds(1), rule("rollout"), JournalEvent::RollingOut { from, to }));
        match told.outcome {
            Outcome::Succeeded | Outcome::Running => {
                let progress: Vec<_> =
                    self.parts.iter().map(|p| format!("{0} of {0} pods available", p.replicas)).collect();
                let at = told.finished_at - Duration::seconds(1);
                journal.push(entry(at, rule("rollout"), JournalEvent::Pods { progress: progress.join("; ") }));
                journal.push(entry(told.finished_at, rule("rollout"), JournalEvent::Succeeded));
            }
            Outcome::Failed | Outcome::Aborted => {
                let cause = self.crash();
                let why = cause.words();
                let at = started + Duration::seconds(14);
                journal.push(entry(at, rule("rollout"), JournalEvent::TakingBack { cause }));
                let back = TakenBack::Complete;
                journal.push(entry(told.finished_at, rule("rollout"), JournalEvent::Failed { why, back }));
            }
        }
        journal
    }
}

fn entry(at: DateTime<Utc>, by: Identity, event: JournalEvent) -> JournalEntry {
    JournalEntry { at, by, event }
}

/// An image as the journal shows it: without its digest.
fn short(reference: &str) -> String {
    reference.split_once('@').map_or(reference, |(name, _)| name).to_owned()
}
