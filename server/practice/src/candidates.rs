//! Candidates in the practice cluster: a second Deployment, made from a workload as it is then.

use chrono::{DateTime, Utc};
use ports::{ApplyOutcome, CandidateChange, CandidateFound, ClusterError, Judgement, NamespaceScope, TemplateChange};

use crate::{
    cluster::{Inner, changed_template, is_in_scope},
    deployment::CANDIDATE_LABEL,
    seed::NewDeployment,
    state::{AcceptedWrite, State, Writer},
};

impl Inner {
    pub(crate) fn list_candidates(&self, scope: &NamespaceScope) -> std::io::Result<Vec<CandidateFound>> {
        self.read(|state, _| {
            let in_scope = state.deployments.values().filter(|d| is_in_scope(&d.workload, scope) && d.is_candidate());
            let found =
                in_scope.filter_map(|d| d.stamp.map(|stamp| CandidateFound { candidate: d.workload.clone(), stamp }));
            found.collect()
        })
    }

    pub(crate) fn apply_candidate_now(
        &self,
        change: &CandidateChange,
    ) -> std::io::Result<Result<ApplyOutcome, ClusterError>> {
        self.write(|state, now| {
            let outcome = self.apply_candidate_to(state, now, change);
            let has_written = outcome == Ok(ApplyOutcome::Written);
            (outcome, has_written)
        })
    }

    fn apply_candidate_to(
        &self,
        state: &mut State,
        now: DateTime<Utc>,
        change: &CandidateChange,
    ) -> Result<ApplyOutcome, ClusterError> {
        let candidate = &change.route.candidate;
        let seen = state.get_mut(candidate).map(|deployment| self.observe(deployment, now));
        if let Judgement::Answer(outcome) = change.judge(seen.as_ref()) {
            return Ok(outcome);
        }
        let act = match (change.pods, seen.is_some()) {
            (0, _) => {
                if let Some(gone) = state.deployments.remove(&candidate.to_string()) {
                    state.highest_version = state.highest_version.max(gone.version_at(now, &self.pace.timing));
                }
                "remove".to_owned()
            }
            (pods, true) => format!("scale to {pods}"),
            (pods, false) => {
                self.make_candidate(state, now, change)?;
                format!("make with {pods}")
            }
        };
        if change.pods > 0
            && let Some(deployment) = state.get_mut(candidate)
        {
            let images = TemplateChange::Images(change.images.clone());
            deployment.template = changed_template(&deployment.template, &images);
            deployment.replicas = change.pods;
            deployment.stamp = Some(change.stamp);
            deployment.change_cause = Some(change.change_cause.clone());
            deployment.spec_changed(now, &self.pace);
        }
        state.note(AcceptedWrite {
            at: now,
            workload: candidate.clone(),
            by: Writer::Slipway,
            stamp: Some(change.stamp),
            images: change.images.clone(),
            act,
        });
        Ok(ApplyOutcome::Written)
    }

    fn make_candidate(
        &self,
        state: &mut State,
        now: DateTime<Utc>,
        change: &CandidateChange,
    ) -> Result<(), ClusterError> {
        let Some(stable) = state.get(&change.route.stable) else {
            return Err(ClusterError::Invalid(format!("{} is not there to make a candidate of", change.route.stable)));
        };
        let seen = stable.observe(stable.played_to, &self.pace.timing);
        change.check_containers(&seen)?;
        let containers =
            ports::template_images(&changed_template(&stable.template, &TemplateChange::Images(change.images.clone())));
        let (replacement, progress_deadline_seconds) = (stable.replacement, stable.progress_deadline_seconds);
        let route = &change.route;
        let mut new = NewDeployment {
            replacement,
            progress_deadline_seconds,
            ..NewDeployment::new(
                route.candidate.namespace.clone(),
                route.candidate.name.clone(),
                change.pods,
                containers,
            )
        };
        new.labels.insert(CANDIDATE_LABEL.to_owned(), route.stable.name.to_string());
        self.make(state, now, &new);
        Ok(())
    }
}
