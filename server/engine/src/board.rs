//! The Board: services down, environments across. A constant number of queries, however many
//! services: all that match are read, because what needs a person first is known only then.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use contract::{
    Answer,
    board::{BoardBackend, BoardCounts, BoardGroup, BoardQuery, BoardRow, BoardSort, BoardState, BoardView},
};
use domain::{
    actor::{Act, Actor},
    state::Mark,
};
use store::{BoardFilter, Paging};

use crate::{
    Engine,
    cells::{Cell, cells},
    error::OrFail,
    lists::{self, Columns, given},
};

/// How long a promotion that went bad stays red on the Board when nothing follows it: a working day
/// and the night after it.
pub(crate) const RED_FOR_HOURS: i64 = 24;

/// More services than this are not read at once; filters bring the number down.
const SERVICES_AT_MOST: u32 = 20_000;

/// A service with what sorting looks at.
struct Row {
    team: String,
    view: BoardRow,
    states: BTreeSet<u8>,
    need: u8,
    changed_at: Option<DateTime<Utc>>,
    differs: bool,
}

#[async_trait]
impl BoardBackend for Engine {
    async fn board(&self, actor: &Actor, query: BoardQuery) -> Answer<BoardView> {
        actor.may(Act::Read)?;
        let filter = BoardFilter {
            text: given(query.text.as_ref()).map(str::to_owned),
            team: given(query.team.as_ref()).map(lists::team_name).transpose()?,
            tier: query.tier,
            state: None,
        };
        let mut read = self.store().read().await.or_fail(self)?;
        let columns = Columns::load(&mut read).await.or_fail(self)?;
        let teams = lists::teams(&mut read).await.or_fail(self)?;
        let services = read.services(&store::ServiceFilter::default(), Paging::first(1)).await.or_fail(self)?.total;
        let since = self.now() - Duration::hours(RED_FOR_HOURS);
        let found = read.board(&filter, &columns.ids(), since, Paging::first(SERVICES_AT_MOST)).await.or_fail(self)?;
        drop(read);
        let rows: Vec<Row> = found.rows.into_iter().map(|row| fold(row, actor)).collect();
        let counts = count(&rows);
        let mut rows: Vec<Row> = rows.into_iter().filter(|row| is_asked_for(row, &query)).collect();
        sort(&mut rows, query.sort);
        let total = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let paging = lists::paging(query.page);
        let page = rows.into_iter().skip(index(paging.offset)).take(index(paging.limit));
        Ok(BoardView {
            environments: columns.heads,
            groups: grouped(page),
            counts,
            total,
            services: u64::try_from(services).unwrap_or_default(),
            teams,
            query,
        })
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn fold(row: store::BoardRow, actor: &Actor) -> Row {
    let (service, tier, team) = (row.service.name.to_string(), row.service.tier, row.service.team_title.clone());
    let cells = cells(row, actor);
    let present = || cells.iter().flatten();
    let states = present().flat_map(|c| c.states.iter().copied().map(rank_of)).collect();
    let need = present().map(need).min().unwrap_or(CALM);
    let changed_at = present().filter_map(|c| c.view.since).max();
    let mut versions = present().map(|c| &c.view.version);
    let first = versions.next();
    let differs = versions.any(|v| Some(v) != first);
    let cells = cells.into_iter().map(|c| c.map(|c| c.view)).collect();
    Row { team, view: BoardRow { service, tier, cells }, states, need, changed_at, differs }
}

const fn rank_of(state: BoardState) -> u8 {
    match state {
        BoardState::Failed => 0,
        BoardState::Waiting => 1,
        BoardState::ChangedByOthers => 2,
        BoardState::Moving => 3,
    }
}

/// Nothing about it needs anybody.
const CALM: u8 = 9;

/// How much a cell needs a person, most first: something is bad, someone must agree or let it go on, someone else
/// changed it, it waits for a time or another promotion, it moves by itself.
fn need(cell: &Cell) -> u8 {
    let has = |state| cell.states.contains(&state);
    match () {
        () if has(BoardState::Failed) || cell.view.mark == Mark::Failed => 0,
        () if cell.needs_someone => 1,
        () if has(BoardState::ChangedByOthers) => 2,
        () if has(BoardState::Waiting) || cell.view.mark == Mark::Waiting => 3,
        () if has(BoardState::Moving) => 4,
        () => CALM,
    }
}

fn count(rows: &[Row]) -> BoardCounts {
    let of = |state| {
        let rank = rank_of(state);
        u64::try_from(rows.iter().filter(|r| r.states.contains(&rank)).count()).unwrap_or(u64::MAX)
    };
    BoardCounts {
        moving: of(BoardState::Moving),
        waiting: of(BoardState::Waiting),
        failed: of(BoardState::Failed),
        changed_by_others: of(BoardState::ChangedByOthers),
    }
}

fn is_asked_for(row: &Row, query: &BoardQuery) -> bool {
    query.state.is_none_or(|state| row.states.contains(&rank_of(state))) && (!query.only_differences || row.differs)
}

/// Teams stay together; the team with the neediest (or newest) service comes first, and within it
/// that service.
fn sort(rows: &mut [Row], by: BoardSort) {
    let key = |row: &Row| match by {
        BoardSort::Need => i64::from(row.need),
        BoardSort::Name => 0,
        // The newest first; what never changed last.
        BoardSort::Age => row.changed_at.map_or(0, |at| -at.timestamp_micros()),
    };
    let mut teams: BTreeMap<String, i64> = BTreeMap::new();
    for row in rows.iter() {
        let key = key(row);
        teams.entry(row.team.clone()).and_modify(|best| *best = key.min(*best)).or_insert(key);
    }
    rows.sort_by(|a, b| {
        let team = |row: &Row| teams.get(&row.team).copied().unwrap_or_default();
        let order = team(a).cmp(&team(b)).then_with(|| a.team.cmp(&b.team)).then(key(a).cmp(&key(b)));
        order.then_with(|| a.view.service.cmp(&b.view.service))
    });
}

fn grouped(rows: impl Iterator<Item = Row>) -> Vec<BoardGroup> {
    let mut groups: Vec<BoardGroup> = Vec::new();
    for row in rows {
        match groups.last_mut() {
            Some(group) if group.team == row.team => group.rows.push(row.view),
            _ => groups.push(BoardGroup { team: row.team, rows: vec![row.view] }),
        }
    }
    groups
}
