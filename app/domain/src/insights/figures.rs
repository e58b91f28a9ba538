//! Sums of a ledger over a range or a week.

use chrono::{Days, NaiveDate};

use super::{
    Judgement, Ledger, Range, Recovery, Row, Spread,
    ledger::Recovery::{Done, NotNeeded, Open},
};

/// The figures of a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Days in the range.
    pub days: u32,
    /// Deployments that succeeded.
    pub deployments: u32,
    /// Those among them that were hotfixes or rollbacks.
    pub rework: u32,
    /// From commit to production.
    pub lead_time: Option<Spread>,
    /// Changes that are judged: good or failed.
    pub changes: u32,
    /// Those among them that failed.
    pub failed: u32,
    /// Changes that are too young to be judged.
    pub pending: u32,
    /// From a failed deployment to its recovery, for what recovered in the range.
    pub recovery: Option<Spread>,
    /// Failed changes of the range that are not recovered from.
    pub open: u32,
}

impl Figures {
    /// Failed changes by judged changes, 0 to 1; `None` when none is judged.
    #[must_use]
    pub fn change_fail_rate(&self) -> Option<f64> {
        rate(self.failed, self.changes)
    }

    /// Hotfixes and rollbacks by deployments, 0 to 1; `None` without deployments.
    #[must_use]
    pub fn rework_rate(&self) -> Option<f64> {
        rate(self.rework, self.deployments)
    }

    /// Deployments a day; 0 when there were none.
    #[must_use]
    pub fn per_day(&self) -> f64 {
        rate(self.deployments, self.days).unwrap_or(0.0)
    }
}

fn rate(part: u32, of: u32) -> Option<f64> {
    (of > 0).then(|| f64::from(part) / f64::from(of))
}

/// A week of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Week {
    /// The Monday it begins with.
    pub monday: NaiveDate,
    /// Whether some of it lies outside the range or is not over.
    pub is_partial: bool,
    /// The figures of its part in the range.
    pub figures: Figures,
}

impl Ledger {
    /// The figures of a range, of the rows that `pick` takes.
    #[must_use]
    pub fn figures(&self, range: &Range, pick: impl Fn(&Row) -> bool) -> Figures {
        let mut sums = Sums::default();
        for row in self.rows.iter().filter(|row| pick(row)) {
            if range.contains(row.finished_at) {
                sums.add(row);
            }
            if let Done { at, seconds, .. } = row.recovery
                && range.contains(at)
            {
                sums.recoveries.push(seconds);
            }
        }
        sums.figures(range.days())
    }

    /// The weeks that a range touches, oldest first, of the rows that `pick` takes.
    #[must_use]
    pub fn weeks(&self, range: &Range, pick: impl Fn(&Row) -> bool + Copy) -> Vec<Week> {
        let today = self.now.date_naive();
        let week = |(monday, part): (NaiveDate, Range)| Week {
            monday,
            is_partial: part.days() < 7 || monday.checked_add_days(Days::new(6)).is_none_or(|sunday| sunday >= today),
            figures: self.figures(&part, pick),
        };
        range.weeks().into_iter().map(week).collect()
    }

    /// The failed changes that were recovered from in a range, of the rows that `pick` takes.
    pub fn recoveries(&self, range: Range, pick: impl Fn(&Row) -> bool) -> impl Iterator<Item = (&Row, Recovery)> {
        self.rows.iter().filter(move |row| pick(row)).filter_map(move |row| match row.recovery {
            Done { at, .. } if range.contains(at) => Some((row, row.recovery)),
            Done { .. } | NotNeeded | Open => None,
        })
    }
}

#[derive(Default)]
struct Sums {
    figures: Figures,
    leads: Vec<i64>,
    recoveries: Vec<i64>,
}

impl Sums {
    fn add(&mut self, row: &Row) {
        let figures = &mut self.figures;
        figures.deployments += u32::from(row.is_counted());
        figures.rework += u32::from(row.is_counted() && row.is_rework());
        match row.judgement {
            Judgement::NotAChange => {}
            Judgement::Pending { .. } => figures.pending += 1,
            Judgement::Good => figures.changes += 1,
            Judgement::Failed { .. } => {
                figures.changes += 1;
                figures.failed += 1;
            }
        }
        figures.open += u32::from(row.recovery == Open);
        self.leads.extend(&row.lead_seconds);
    }

    fn figures(self, days: u32) -> Figures {
        Figures { days, lead_time: Spread::of(self.leads), recovery: Spread::of(self.recoveries), ..self.figures }
    }
}
