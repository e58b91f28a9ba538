//! Where a service stands today: what is open, moving or has gone wrong, told rather than left to chance.

use chrono::{DateTime, Duration, Utc};
use domain::deployment::{Cause, Outcome};

use super::{Build, OpenStory, PRODUCTION, Teller};
use crate::demo::company::{self, Today};

/// The beginning of the commit that the search's own example asks about.
const KNOWN_COMMIT: &str = "8c1f02e";

impl Teller<'_> {
    /// The commit by which the search explains itself is in what runs in cart's production.
    pub(super) fn known_commit(&mut self) {
        let running = self.told.runs.get(PRODUCTION).copied().flatten();
        let version = running.filter(|_| self.service.name == "cart").and_then(|at| self.told.versions.get_mut(at));
        if let Some(commit) = version.and_then(|version| version.commits.first_mut()) {
            commit.hash.replace_range(..KNOWN_COMMIT.len(), KNOWN_COMMIT);
        }
    }

    fn ago(&self, minutes: i64) -> DateTime<Utc> {
        self.now - Duration::minutes(minutes)
    }

    /// Builds a version that long ago and brings it to the first environments at the given times,
    /// all in minutes before now.
    fn tell_version(&mut self, tag_end: &'static str, built: i64, reached: &[i64]) -> usize {
        let version = self.build(self.ago(built), Build { is_hotfix: false, tag_end });
        if let Some(told) = self.told.versions.get_mut(version) {
            told.is_good = true;
            told.has_migration = false;
        }
        for (environment, minutes) in reached.iter().enumerate() {
            let at = self.ago(*minutes);
            self.go(environment, version, Cause::Planned, at);
        }
        version
    }

    fn ask(&mut self, environment: usize, version: usize, asked: i64, approved: Option<i64>, reason: &str) {
        let requester = self.requester(Cause::Planned);
        let asked_at = self.ago(asked);
        let approval = approved.map(|minutes| (company::PRODUCT_OWNER, self.ago(minutes)));
        let reason = reason.to_owned();
        self.told.open.push(OpenStory { environment, version, asked_at, requester, reason, approval });
    }

    /// Where the service stands now. Minutes are spread by the service's own chance, so that not all
    /// say the same.
    pub(super) fn today(&mut self) {
        let shift = self.chance.between(0, 170);
        let h = move |hours: i64| hours * 60 + shift;
        let (built, before, since) =
            (self.chance.between(80, 93), self.chance.between(53, 61), self.chance.between(22, 50));
        self.tell_version("", h(built), &[h(built) - 6, h(built - 5), h(before), h(since)]);
        match self.service.today {
            Today::Calm => self.calm(h),
            Today::ReadyToPromote => {
                self.tell_version("", h(49), &[h(49) - 5, h(46), h(30)]);
                self.tell_version("", h(27), &[h(27) - 5, h(25), h(21)]);
                self.tell_version("", 19, &[12]);
            }
            Today::WaitsForApproval => {
                let version = self.tell_version("", h(44), &[h(44) - 7, h(40), h(22)]);
                let topic = self.about("{}, checked in pre-production");
                self.ask(PRODUCTION, version, 40 + shift, None, &topic);
                self.tell_version("", h(5), &[h(5) - 6, h(2)]);
            }
            Today::Rolls => {
                let version = self.tell_version("-slow", h(44), &[h(44) - 7, h(39), h(20)]);
                self.ask(PRODUCTION, version, 95, Some(0), "Faster paging of the order history");
                self.tell_version("", h(3), &[h(3) - 6]);
            }
            Today::RollsWithQueue => {
                let version = self.tell_version("-slow", h(6), &[h(6) - 6]);
                self.ask(1, version, 4, None, "Try the new ranking with real data");
                let version = self.tell_version("", h(1), &[h(1) - 6]);
                self.ask(1, version, 2, None, "Synonyms for the winter range");
            }
            Today::TakenBack => {
                let version = self.tell_version("-crash", h(3), &[h(3) - 8]);
                let at = self.ago(18);
                self.record(
                    1,
                    version,
                    Cause::Planned,
                    Outcome::Failed,
                    at,
                    Some("Member prices in staging".to_owned()),
                );
            }
            Today::NextCrashes => {
                self.tell_version("-crash", h(2), &[h(2) - 7]);
            }
            Today::CanaryUnderWay => {
                let version = self.tell_version("", h(30), &[h(30) - 7, h(27), h(21)]);
                self.ask(
                    PRODUCTION,
                    version,
                    25,
                    Some(0),
                    "Credit notes in one page, tried on a part of the customers",
                );
            }
            Today::NextAnswersBadly => {
                self.tell_version("-errors", h(26), &[h(26) - 6, h(22), h(18)]);
            }
            Today::ChangedByOthers => {
                self.tell_version("", h(9), &[h(9) - 5, h(8)]);
            }
        }
    }

    fn calm(&mut self, h: impl Fn(i64) -> i64) {
        if self.chance.happens(75) {
            self.tell_version("", h(26), &[h(26) - 6, h(23), h(20)]);
        }
        if self.chance.happens(65) {
            self.tell_version("", h(7), &[h(7) - 5, h(5)]);
        }
        if self.chance.happens(50) {
            self.tell_version("", h(1), &[h(1) - 4]);
        }
    }
}
