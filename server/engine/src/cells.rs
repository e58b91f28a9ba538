//! One cell of the Board: a service in an environment, folded from what moves, what was seen in the
//! cluster and what was deployed last. Pure.
//!
//! What moves wins over what waits, that over a failure, that over what the watches saw, and that
//! over the last deployment.

use chrono::{DateTime, Utc};
use contract::board::{Ahead, BoardCell, BoardState};
use domain::{
    actor::{Act, Actor},
    image::short_image,
    state::Mark,
};
use store::{BoardDeployment, BoardPromotion, BoardRow, BoardRunning};

/// A cell with what sorting and filtering look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// What is shown.
    pub(crate) view: BoardCell,
    /// The states that it counts for.
    pub(crate) states: Vec<BoardState>,
    /// Whether a person is needed: someone must approve, or let go on what stands in the middle.
    pub(crate) needs_someone: bool,
}

/// What runs, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Runs {
    label: Option<String>,
    is_known: bool,
    /// Whether workloads differ.
    is_mixed: bool,
}

/// The cells of a service in the order of the environments; `None` where it has no place at all.
pub(crate) fn cells(row: BoardRow, actor: &Actor) -> Vec<Option<Cell>> {
    let may_promote = actor.may(Act::RequestPromotion).is_ok();
    let may_roll_back = actor.may(Act::RollBack).is_ok();
    let mut before: Option<String> = None;
    let mut cells = Vec::with_capacity(row.cells.len());
    for cell in row.cells {
        if cell.target.is_none() && cell.latest.is_none() {
            cells.push(None);
            continue;
        }
        let runs = runs(&cell.running, cell.latest.as_ref());
        let is_ahead = cell.ahead.is_some_and(|a| a.versions > 0);
        let here = place_label(&cell.running, cell.latest.as_ref());
        let ahead =
            cell.ahead.filter(|_| is_ahead).zip(before.clone()).zip(here.clone()).map(|((ahead, to), from)| Ahead {
                from,
                to,
                versions: u64::try_from(ahead.versions).unwrap_or_default(),
                commits: u64::try_from(ahead.commits).unwrap_or_default(),
            });
        let can_get_more = cell.target.is_some() && may_promote && (is_ahead || runs.label.is_none());
        // What is brought here already is not offered once more.
        let is_coming = |label: &String| cell.promotions.iter().any(|p| p.occupies && p.label.as_str() == label);
        let promotable = before.clone().filter(|label| can_get_more && !is_coming(label));
        let can_roll_back = may_roll_back && cell.target.is_some() && has_earlier(&cell.running, cell.latest.as_ref());
        before = here.or(before);
        let told = tell(&cell.running, cell.latest.as_ref(), &cell.promotions, &runs);
        cells.push(Some(Cell {
            view: BoardCell {
                mark: told.mark,
                version: runs.label,
                is_known: runs.is_known,
                since: told.since,
                pods: pods(&cell.running),
                reason: told.reason,
                percent: told.percent,
                promotion: told.promotion,
                ahead,
                promotable,
                can_roll_back,
            },
            states: told.states,
            needs_someone: cell.promotions.iter().any(|p| p.needs_approval || stands(p)),
        }));
    }
    cells
}

/// What is said of a cell.
struct Told {
    mark: Mark,
    since: Option<DateTime<Utc>>,
    reason: Option<String>,
    percent: Option<u8>,
    promotion: Option<i64>,
    states: Vec<BoardState>,
}

fn tell(
    running: &[BoardRunning],
    latest: Option<&BoardDeployment>,
    promotions: &[BoardPromotion],
    runs: &Runs,
) -> Told {
    let live = promotions.iter().find(|p| p.occupies);
    let waiting = promotions.iter().find(|p| !p.is_over && p.phase == "waiting");
    let failed = failed_last(promotions, latest);
    let seen = tell_what_runs(running, latest, runs);
    let mut states = seen.states.clone();
    // While a promotion writes, what runs is in between: that is nobody else's change and no failure.
    if live.is_some() {
        states.clear();
        states.push(if live.is_some_and(stands) { BoardState::Waiting } else { BoardState::Moving });
    }
    if waiting.is_some() && !states.contains(&BoardState::Waiting) {
        states.push(BoardState::Waiting);
    }
    if failed.is_some() && live.is_none() && !states.contains(&BoardState::Failed) {
        states.push(BoardState::Failed);
    }
    let of = |p: &BoardPromotion, since| Told {
        mark: p.mark,
        since: Some(since),
        reason: Some(in_words(p, runs)),
        percent: p.percent,
        promotion: Some(p.number),
        states: states.clone(),
    };
    match (live, waiting, failed) {
        (Some(live), _, _) => of(live, live.started_at.unwrap_or(live.requested_at)),
        (None, Some(waiting), _) => of(waiting, waiting.requested_at),
        (None, None, Some(failed)) => of(failed, failed.finished_at.unwrap_or(failed.requested_at)),
        (None, None, None) => Told { states, ..seen },
    }
}

/// Whether a promotion is live and does not move by itself.
fn stands(promotion: &BoardPromotion) -> bool {
    promotion.occupies && promotion.mark == Mark::Waiting
}

/// The last promotion that ended, when it went bad after its start and nothing succeeded since.
fn failed_last<'a>(promotions: &'a [BoardPromotion], latest: Option<&BoardDeployment>) -> Option<&'a BoardPromotion> {
    let last = promotions.iter().find(|p| p.is_over && p.started_at.is_some())?;
    let is_mended = latest.is_some_and(|d| last.finished_at.is_some_and(|at| d.finished_at > at));
    (last.mark == Mark::Failed && !is_mended).then_some(last)
}

/// The promotion's own words, with its version when another one runs.
fn in_words(promotion: &BoardPromotion, runs: &Runs) -> String {
    let label = promotion.label.to_string();
    if runs.label.as_deref() == Some(label.as_str()) {
        promotion.words.clone()
    } else {
        format!("{label} {}", promotion.words)
    }
}

fn tell_what_runs(running: &[BoardRunning], latest: Option<&BoardDeployment>, runs: &Runs) -> Told {
    let nothing =
        Told { mark: Mark::Nothing, since: None, reason: None, percent: None, promotion: None, states: vec![] };
    let Some(worst) = running.iter().max_by_key(|r| badness(r.mark)) else {
        return match latest {
            Some(latest) => Told { mark: Mark::Done, since: Some(latest.finished_at), ..nothing },
            None => Told { reason: Some("nothing deployed yet".to_owned()), ..nothing },
        };
    };
    let deployed = latest.filter(|d| running.iter().all(|r| r.version_id == Some(d.version_id)));
    let since = deployed.map(|d| d.finished_at).or_else(|| running.iter().map(|r| r.since).max());
    let by_others = running.iter().any(|r| r.is_changed_by_others) || runs.is_mixed;
    let mut states = Vec::new();
    if worst.mark == Mark::Failed {
        states.push(BoardState::Failed);
    }
    if by_others {
        states.push(BoardState::ChangedByOthers);
    }
    let (mark, reason) = match worst.mark {
        Mark::Done | Mark::Nothing if runs.is_mixed => {
            (Mark::Nothing, Some("its workloads run different versions".to_owned()))
        }
        Mark::Done | Mark::Nothing if by_others && runs.is_known => {
            (Mark::Nothing, Some("not by Slipway: set by someone else".to_owned()))
        }
        Mark::Done | Mark::Nothing if by_others => {
            (Mark::Nothing, Some("not by Slipway: an image that is no known version".to_owned()))
        }
        Mark::Done => (Mark::Done, None),
        mark @ (Mark::Nothing | Mark::Moving | Mark::Waiting | Mark::Failed) => (mark, Some(worst.words.clone())),
    };
    Told { mark, since, reason, states, ..nothing }
}

const fn badness(mark: Mark) -> u8 {
    match mark {
        Mark::Done => 0,
        Mark::Nothing => 1,
        Mark::Moving => 2,
        Mark::Waiting => 3,
        Mark::Failed => 4,
    }
}

fn runs(running: &[BoardRunning], latest: Option<&BoardDeployment>) -> Runs {
    let deployed = || latest.map(|d| d.label.to_string());
    let Some(first) = running.first() else {
        return Runs { label: deployed(), is_known: true, is_mixed: false };
    };
    if let Some(unknown) = running.iter().find(|r| r.version_id.is_none()) {
        let image = unknown.images.as_ref().and_then(|images| images.first());
        let label = image.map(|i| short_image(&i.image).to_owned());
        return Runs { label, is_known: false, is_mixed: false };
    }
    if running.iter().all(|r| r.version_id == first.version_id) {
        Runs { label: first.label.as_ref().map(ToString::to_string), is_known: true, is_mixed: false }
    } else {
        Runs { label: deployed(), is_known: true, is_mixed: true }
    }
}

/// The version that comparisons go by, the same as the store's: what all workloads run, else what was
/// deployed last.
fn place_label(running: &[BoardRunning], latest: Option<&BoardDeployment>) -> Option<String> {
    let same = running.first().filter(|first| running.iter().all(|r| r.version_id == first.version_id));
    let label = same.and_then(|r| r.label.as_ref()).or(latest.map(|d| &d.label));
    label.map(ToString::to_string)
}

fn has_earlier(running: &[BoardRunning], latest: Option<&BoardDeployment>) -> bool {
    let Some(latest) = latest else {
        return false;
    };
    // Where someone else changed what runs, the last deployment itself can be gone back to.
    let is_overridden = running.iter().any(|r| r.version_id != Some(latest.version_id));
    is_overridden || latest.previous_version_id.is_some_and(|previous| previous != latest.version_id)
}

fn pods(running: &[BoardRunning]) -> Option<(u32, u32)> {
    let sum = |count: fn(&BoardRunning) -> u32| running.iter().map(count).fold(0, u32::saturating_add);
    (!running.is_empty()).then(|| (sum(|r| r.available), sum(|r| r.wanted)))
}

#[cfg(test)]
mod tests;
