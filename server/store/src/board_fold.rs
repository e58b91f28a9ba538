//! Puts the rows of the Board's statements together into cells.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{
    ids::{DeploymentId, EnvironmentId, ServiceId, TargetId, VersionId},
    image::ContainerImage,
    names::{ClusterName, Namespace, WorkloadName},
    state::Mark,
    version::VersionLabel,
};

use crate::{Ahead, BoardCell, BoardDeployment, BoardPromotion, BoardRow, BoardRunning, ServiceRow, columns::record};

record! {
    /// A workload of a target, or a target without any, with what was deployed there last.
    pub(crate) struct CellColumns {
        target_id: TargetId,
        service_id: ServiceId,
        environment_id: EnvironmentId,
        deployment_id: Option<DeploymentId>,
        latest_version_id: Option<VersionId>,
        latest_label: Option<VersionLabel>,
        latest_ordinal: Option<i64>,
        latest_commits: Option<i64>,
        previous_version_id: Option<VersionId>,
        finished_at: Option<DateTime<Utc>>,
        cluster: Option<ClusterName>,
        namespace: Option<Namespace>,
        workload: Option<WorkloadName>,
        version_id: Option<VersionId>,
        label: Option<VersionLabel>,
        ordinal: Option<i64>,
        commits_total: Option<i64>,
        images: Option<Vec<ContainerImage>>,
        mark: Option<Mark>,
        words: Option<String>,
        wanted: Option<u32>,
        available: Option<u32>,
        is_changed_by_others: Option<bool>,
        since: Option<DateTime<Utc>>,
    }
}

impl CellColumns {
    fn latest(&self) -> Option<BoardDeployment> {
        Some(BoardDeployment {
            service_id: self.service_id,
            environment_id: self.environment_id,
            deployment_id: self.deployment_id?,
            version_id: self.latest_version_id?,
            label: self.latest_label.clone()?,
            ordinal: self.latest_ordinal?,
            commits_total: self.latest_commits?,
            previous_version_id: self.previous_version_id,
            finished_at: self.finished_at?,
        })
    }

    fn running(self) -> Option<BoardRunning> {
        Some(BoardRunning {
            target_id: self.target_id,
            cluster: self.cluster?,
            namespace: self.namespace?,
            workload: self.workload?,
            version_id: self.version_id,
            label: self.label,
            ordinal: self.ordinal,
            commits_total: self.commits_total,
            images: self.images,
            mark: self.mark?,
            words: self.words?,
            wanted: self.wanted?,
            available: self.available?,
            is_changed_by_others: self.is_changed_by_others?,
            since: self.since?,
        })
    }
}

/// The place of a version among those of its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    id: VersionId,
    ordinal: i64,
    commits_total: i64,
}

impl BoardCell {
    /// The version here: what all workloads run, else what was deployed last.
    fn place(&self) -> Option<Place> {
        let mut running = self.running.iter().map(BoardRunning::place);
        let first = running.next().flatten();
        match first {
            Some(place) if running.all(|other| other.is_some_and(|other| other.id == place.id)) => Some(place),
            Some(_) | None => self.latest.as_ref().map(BoardDeployment::place),
        }
    }
}

impl BoardRunning {
    fn place(&self) -> Option<Place> {
        Some(Place { id: self.version_id?, ordinal: self.ordinal?, commits_total: self.commits_total? })
    }
}

impl BoardDeployment {
    const fn place(&self) -> Place {
        Place { id: self.version_id, ordinal: self.ordinal, commits_total: self.commits_total }
    }
}

/// Where a promotion stands in its cell.
fn rank(promotion: &BoardPromotion) -> (u8, i64) {
    let requested = promotion.requested_at.timestamp_micros();
    let ended = promotion.finished_at.map_or(0, |at| at.timestamp_micros());
    match (promotion.occupies, promotion.is_over, promotion.phase.as_str()) {
        (true, _, _) => (0, requested),
        (false, false, "waiting") => (2, requested),
        (false, false, _) => (1, requested),
        (false, true, _) => (3, -ended),
    }
}

fn empty(environment: EnvironmentId) -> BoardCell {
    BoardCell { environment, target: None, running: vec![], latest: None, promotions: vec![], ahead: None }
}

pub(crate) fn fold(
    services: Vec<ServiceRow>,
    environments: &[EnvironmentId],
    rows: Vec<CellColumns>,
    reported: Vec<BoardDeployment>,
    promotions: Vec<BoardPromotion>,
) -> Vec<BoardRow> {
    let mut promotions_to: HashMap<TargetId, Vec<BoardPromotion>> = HashMap::new();
    for row in promotions {
        promotions_to.entry(row.target_id).or_default().push(row);
    }
    let mut cells: HashMap<(ServiceId, EnvironmentId), BoardCell> = HashMap::with_capacity(rows.len());
    for row in rows {
        let cell = cells.entry((row.service_id, row.environment_id)).or_insert_with(|| empty(row.environment_id));
        if cell.target.is_none() {
            cell.target = Some(row.target_id);
            cell.latest = row.latest();
            cell.promotions = promotions_to.remove(&row.target_id).unwrap_or_default();
            cell.promotions.sort_by_key(rank);
        }
        cell.running.extend(row.running());
    }
    for row in reported {
        let cell = cells.entry((row.service_id, row.environment_id)).or_insert_with(|| empty(row.environment_id));
        cell.latest = Some(row);
    }
    let mut cell = |service: ServiceId, environment: EnvironmentId| {
        let mut cell = cells.remove(&(service, environment)).unwrap_or_else(|| empty(environment));
        cell.running
            .sort_by(|a, b| (&a.cluster, &a.namespace, &a.workload).cmp(&(&b.cluster, &b.namespace, &b.workload)));
        cell
    };
    let row = |service: ServiceRow| {
        let mut cells: Vec<_> = environments.iter().map(|environment| cell(service.id, *environment)).collect();
        set_ahead(&mut cells);
        BoardRow { service, cells }
    };
    services.into_iter().map(row).collect()
}

/// Compares each cell with the nearest one before it whose version is known.
fn set_ahead(cells: &mut [BoardCell]) {
    let mut before: Option<Place> = None;
    for cell in cells {
        let here = cell.place();
        if let (Some(to), Some(from)) = (before, here) {
            cell.ahead = Some(Ahead {
                versions: to.ordinal - from.ordinal,
                commits: to.commits_total - from.commits_total,
                from: from.id,
                to: to.id,
            });
        }
        before = here.or(before);
    }
}
