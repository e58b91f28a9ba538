//! Argo CD, played: it compares with a branch, and brings what it has compared with into the cluster. It is
//! late by chance, or away for minutes; it never goes back to an earlier commit.

use domain::{
    delegated::{ApplicationStatus, ToolStatus},
    image::ContainerImage,
    observation::{Observed, WorkloadKind, WorkloadRef},
    promotion::Nudge,
    rollout::{Rollout, judge},
};
use practice::{PracticeCluster, PracticeCommit, PracticeRepositories};

use super::{
    chance::Dice,
    request::{cart, image, namespace},
};

pub const URL: &str = "https://git.test/shop/deploy.git";
pub const BRANCH: &str = "main";
pub const FILE: &str = "apps/cart/kustomization.yaml";
pub const FIELD: &str = "images[name=cart].newTag";

pub struct ArgoCd {
    cluster: PracticeCluster,
    repositories: PracticeRepositories,
    /// What it writes.
    workload: WorkloadRef,
    /// Whether it begins by itself with what it has seen.
    is_automatic: bool,
    /// The commit that it has compared with last, by its place on the branch.
    compared: usize,
    /// The commit that it has brought last.
    brought: usize,
    is_asked_to_look: bool,
    is_asked_to_begin: bool,
    /// How long it does nothing.
    away: u64,
}

/// The object that says what it does, where that is looked at.
pub fn application() -> WorkloadRef {
    WorkloadRef { kind: WorkloadKind::Application, ..WorkloadRef::deployment(namespace(), cart()) }
}

impl ArgoCd {
    pub fn of(
        workload: WorkloadRef,
        is_automatic: bool,
        cluster: &PracticeCluster,
        repositories: &PracticeRepositories,
    ) -> Self {
        Self {
            cluster: cluster.clone(),
            repositories: repositories.clone(),
            workload,
            is_automatic,
            compared: 0,
            brought: 0,
            is_asked_to_look: false,
            is_asked_to_begin: false,
            away: 0,
        }
    }

    pub const fn workload(&self) -> &WorkloadRef {
        &self.workload
    }

    pub fn log(&self) -> Vec<PracticeCommit> {
        self.repositories.log(URL, BRANCH)
    }

    /// The image that the commit at this place says.
    fn wanted(&self, at: usize) -> ContainerImage {
        image(&self.log()[at].values[&format!("{FILE}: {FIELD}")])
    }

    /// What there is in the cluster; `None` when somebody has deleted it.
    pub fn image_now(&self) -> Option<ContainerImage> {
        match self.cluster.peek(&self.workload).unwrap() {
            Observed::Present(now) => now.images.first().cloned(),
            Observed::Missing => None,
        }
    }

    /// Whether what Slipway has committed last is in the cluster.
    pub fn has_brought(&self) -> bool {
        let last = self.log().iter().rposition(|commit| commit.mark.is_some());
        last.is_none_or(|last| last <= self.compared) && self.image_now() == Some(self.wanted(self.compared))
    }

    /// Does what is its turn, or nothing.
    pub fn works(&mut self, dice: &mut Dice) {
        if self.away > 0 {
            self.away -= 1;
            return;
        }
        match dice.roll(60) {
            0 => self.away = dice.roll(60),
            1..=10 => self.compare(),
            11..=20 if self.is_asked_to_look => self.compare(),
            21..=40 if self.is_automatic || self.is_asked_to_begin => self.bring(),
            _ => {}
        }
    }

    /// Does all that it has to do.
    pub fn settle(&mut self) {
        self.compare();
        self.bring();
    }

    pub fn is_asked(&mut self, nudge: Nudge) {
        match nudge {
            Nudge::Look => self.is_asked_to_look = true,
            Nudge::Begin => self.is_asked_to_begin = true,
            Nudge::Act(_) => {}
        }
    }

    fn compare(&mut self) {
        self.is_asked_to_look = false;
        self.compared = self.log().len() - 1;
    }

    fn bring(&mut self) {
        self.is_asked_to_begin = false;
        let wanted = self.wanted(self.compared);
        // What is so already is not synced.
        if self.image_now().is_some_and(|now| now != wanted) {
            self.brought = self.compared;
            self.cluster.set_image_by_other(&self.workload, "app", &wanted.image).unwrap();
        }
    }

    /// What its Application says.
    pub fn application(&self) -> Observed {
        let Observed::Present(mut seen) = self.cluster.peek(&self.workload).unwrap() else {
            return Observed::Missing;
        };
        let is_synced = seen.images.first() == Some(&self.wanted(self.compared));
        let health = match judge(&seen) {
            Rollout::Complete { .. } => "Healthy",
            Rollout::Failed { .. } => "Degraded",
            Rollout::Unseen | Rollout::Paused | Rollout::Moving { .. } | Rollout::ByTool { .. } => "Progressing",
        };
        let log = self.log();
        seen.tool = Some(ToolStatus::ArgoCd(ApplicationStatus {
            is_fresh: true,
            sync: if is_synced { "Synced" } else { "OutOfSync" }.to_owned(),
            health: health.to_owned(),
            operation: Some("Succeeded".to_owned()),
            is_automatic: self.is_automatic,
            is_busy: self.is_asked_to_begin,
            revision: Some(log[self.compared].hash.to_string()),
            operation_revision: Some(log[self.brought].hash.to_string()),
            is_looking: self.is_asked_to_look,
            ..ApplicationStatus::default()
        }));
        (seen.workload, seen.images, seen.manager) = (application(), Vec::new(), None);
        Observed::Present(seen)
    }
}
