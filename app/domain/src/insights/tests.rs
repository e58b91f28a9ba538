//! Hand-computed figures, and properties that hold for any history.
#![expect(clippy::unwrap_used, reason = "tests")]

use chrono::{DateTime, Duration, NaiveDate, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// Monday, 5 January 2026.
fn at(day: i64, hour: i64, minute: i64) -> DateTime<Utc> {
    let monday = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc();
    monday + Duration::days(day) + Duration::hours(hour) + Duration::minutes(minute)
}

fn unit(service: u128) -> Unit {
    Unit { service: ServiceId::new(Uuid::from_u128(service)), environment: EnvironmentId::new(Uuid::from_u128(1)) }
}

fn id(n: u128) -> DeploymentId {
    DeploymentId::new(Uuid::from_u128(n))
}

/// A deployment that took ten minutes up to `finished_at`.
fn deployment(n: u128, version: i64, cause: Cause, outcome: Outcome, finished_at: DateTime<Utc>) -> DeploymentFact {
    DeploymentFact {
        id: id(n),
        unit: unit(1),
        kind: EnvironmentKind::Production,
        version,
        cause,
        outcome,
        started_at: finished_at - Duration::minutes(10),
        finished_at: Some(finished_at),
    }
}

fn commit(version: i64, committed_at: DateTime<Utc>) -> CommitFact {
    CommitFact { service: unit(1).service, version, committed_at }
}

fn day(day: i64) -> NaiveDate {
    at(day, 0, 0).date_naive()
}

/// Two weeks of one service:
///
/// | deployment | version | day | what | |
/// |---|---|---|---|---|
/// | 1 | 1 | 0, 10:00 | planned | first of all: no lead time |
/// | 2 | 3 | 1, 12:00 | planned | good; skipped version 2 |
/// | 3 | 4 | 2, 12:00 | planned | rolled back by 4 after 40 min |
/// | 4 | 3 | 2, 12:40 | rollback | |
/// | 5 | 5 | 3, 09:00 | hotfix | good; brings 4's commit no second time |
/// | 6 | 6 | 4, 15:00 | planned | taken back by itself |
/// | 7 | 7 | 7, 10:00 | planned | incident, 8 h |
/// | 8 | 8 | 9, 10:00 | planned | hotfix 9 within the window, through after 90 min |
/// | 9 | 9 | 9, 11:30 | hotfix | too young when asked on day 9, 20:00 |
fn two_weeks() -> Facts {
    use Cause::{Hotfix, Planned, Rollback};
    use Outcome::{Failed, Succeeded};
    Facts {
        deployments: vec![
            deployment(1, 1, Planned, Succeeded, at(0, 10, 0)),
            deployment(2, 3, Planned, Succeeded, at(1, 12, 0)),
            deployment(3, 4, Planned, Succeeded, at(2, 12, 0)),
            deployment(4, 3, Rollback, Succeeded, at(2, 12, 40)),
            deployment(5, 5, Hotfix, Succeeded, at(3, 9, 0)),
            deployment(6, 6, Planned, Failed, at(4, 15, 0)),
            deployment(7, 7, Planned, Succeeded, at(7, 10, 0)),
            deployment(8, 8, Planned, Succeeded, at(9, 10, 0)),
            deployment(9, 9, Hotfix, Succeeded, at(9, 11, 30)),
        ],
        commits: vec![
            commit(1, at(-9, 0, 0)),
            commit(2, at(0, 12, 0)),  // 24 h until deployment 2
            commit(3, at(1, 10, 0)),  // 2 h
            commit(4, at(2, 11, 0)),  // 1 h until deployment 3; rolled back, and not again with 5
            commit(5, at(3, 8, 0)),   // 1 h until deployment 5
            commit(6, at(4, 10, 0)),  // 72 h until deployment 7, which skipped nothing but the failed 6
            commit(7, at(7, 7, 0)),   // 3 h
            commit(8, at(9, 11, 0)),  // dated after its deployment: left out
            commit(9, at(9, 10, 30)), // 1 h
            commit(10, at(9, 10, 0)), // not deployed
        ],
        incidents: vec![
            IncidentFact {
                deployment: id(7),
                severity: Severity::Major,
                opened_at: at(7, 12, 0),
                resolved_at: Some(at(7, 18, 0)),
            },
            IncidentFact {
                deployment: id(7),
                severity: Severity::Minor,
                opened_at: at(7, 11, 0),
                resolved_at: Some(at(7, 14, 0)),
            },
        ],
        reached_before: BTreeMap::new(),
    }
}

#[test]
fn two_weeks_give_the_figures_that_were_computed_by_hand() {
    let ledger = Ledger::new(&two_weeks(), at(9, 20, 0));
    let figures = ledger.figures(&Range::new(day(0), day(13)), |_| true);
    assert_eq!(figures.deployments, 8, "all but 6");
    assert_eq!(figures.rework, 3, "4, 5, 9");
    // Hours, sorted: 1 1 1 2 3 24 72: the fourth is 2; nine tenths of the way lies at 5.4: 24 + 0.4 x 48.
    let lead = figures.lead_time.unwrap();
    assert_eq!((lead.count, lead.median_seconds, lead.p90_seconds), (7, 7_200, 155_520));
    // Changes: 1 2 3 5 6 7 8; too young: 9; failed: 3 (rolled back), 6 (outcome), 7 (incidents), 8 (hotfix).
    assert_eq!((figures.changes, figures.failed, figures.pending), (7, 4, 1));
    // Recovered: 3 after 40 min, 7 after 8 h, 8 after 90 min; 6 had nothing to recover from.
    let recovery = figures.recovery.unwrap();
    assert_eq!((recovery.count, recovery.median_seconds), (3, 5_400));
    assert_eq!(figures.open, 0);
    assert_eq!(figures.change_fail_rate(), Some(4.0 / 7.0));
    assert_eq!(figures.rework_rate(), Some(3.0 / 8.0));
    assert!((figures.per_day() - 8.0 / 14.0).abs() < 1e-12);
}

#[test]
fn each_failure_has_its_reason_and_counts_once() {
    let ledger = Ledger::new(&two_weeks(), at(9, 20, 0));
    let because = |n: u128| match &ledger.rows().iter().find(|r| r.deployment == id(n)).unwrap().judgement {
        Judgement::Failed { because } => because.clone(),
        Judgement::Good | Judgement::Pending { .. } | Judgement::NotAChange => vec![],
    };
    assert_eq!(because(3), [Because::RolledBack, Because::Hotfixed], "the hotfix after the rollback is for it too");
    assert_eq!(because(6), [Because::Outcome]);
    assert_eq!(because(7), [Because::Incident], "two incidents are one reason");
    assert_eq!(because(8), [Because::Hotfixed]);
    assert!(because(2).is_empty() && because(5).is_empty());
    let severities: Vec<_> = ledger.recoveries(Range::new(day(0), day(13)), |_| true).map(|(_, r)| r).collect();
    let done = |at, seconds, severity| Recovery::Done { at, seconds, severity };
    assert_eq!(
        severities,
        [
            done(at(2, 12, 40), 2_400, None),
            done(at(7, 18, 0), 28_800, Some(Severity::Major)),
            done(at(9, 11, 30), 5_400, None)
        ]
    );
}

#[test]
fn weeks_begin_on_monday_and_empty_ones_have_no_figures() {
    let ledger = Ledger::new(&two_weeks(), at(23, 12, 0));
    // Wednesday of the first week to Wednesday of the fourth, which is today.
    let weeks = ledger.weeks(&Range::new(day(2), day(23)), |_| true);
    let shown: Vec<_> = weeks
        .iter()
        .map(|w| (w.monday, w.is_partial, w.figures.deployments, w.figures.failed, w.figures.change_fail_rate()))
        .collect();
    assert_eq!(
        shown,
        [
            (day(0), true, 3, 2, Some(2.0 / 3.0)),
            (day(7), false, 3, 2, Some(2.0 / 3.0)),
            (day(14), false, 0, 0, None),
            (day(21), true, 0, 0, None),
        ]
    );
    assert_eq!(weeks[2].figures.lead_time, None);
    assert_eq!(weeks[2].figures.recovery, None);
    assert_eq!(weeks[2].figures.rework_rate(), None);
    // A week whose Sunday is today is not over.
    assert!(Ledger::new(&two_weeks(), at(13, 12, 0)).weeks(&Range::new(day(7), day(13)), |_| true)[0].is_partial);
}

#[test]
fn the_range_before_is_as_long_and_right_before() {
    let range = Range::back_from(at(20, 5, 0), 7);
    assert_eq!((range.from(), range.to(), range.days()), (day(14), day(20), 7));
    assert_eq!((range.before().from(), range.before().to()), (day(7), day(13)));
    assert!(range.contains(at(20, 23, 59)) && !range.contains(at(21, 0, 0)));
    assert_eq!((range.begins_at(), range.ends_at()), (at(14, 0, 0), at(21, 0, 0)));
}

#[test]
fn a_failed_change_without_a_remedy_is_open() {
    let mut facts = two_weeks();
    facts.incidents[0].resolved_at = None;
    let figures = Ledger::new(&facts, at(9, 20, 0)).figures(&Range::new(day(0), day(13)), |_| true);
    assert_eq!((figures.open, figures.recovery.unwrap().count), (1, 2));
}

#[test]
fn a_hotfix_that_fails_hands_on_to_the_next() {
    use Cause::{Hotfix, Planned};
    use Outcome::{Failed, Succeeded};
    let facts = Facts {
        deployments: vec![
            deployment(1, 1, Planned, Succeeded, at(0, 10, 0)),
            deployment(2, 2, Hotfix, Failed, at(0, 11, 0)),
            deployment(3, 3, Hotfix, Succeeded, at(0, 12, 0)),
        ],
        ..Facts::default()
    };
    let ledger = Ledger::new(&facts, at(5, 0, 0));
    let recoveries: Vec<_> = ledger.rows().iter().map(|r| r.recovery).collect();
    let done = Recovery::Done { at: at(0, 12, 0), seconds: 7_200, severity: None };
    assert_eq!(recoveries, [done, Recovery::NotNeeded, Recovery::NotNeeded]);
}

#[test]
fn a_late_hotfix_is_ordinary_and_a_late_rollback_still_condemns() {
    use Cause::{Hotfix, Planned, Rollback};
    let facts = |cause| Facts {
        deployments: vec![
            deployment(1, 1, Planned, Outcome::Succeeded, at(0, 10, 0)),
            deployment(2, 2, cause, Outcome::Succeeded, at(3, 10, 0)),
        ],
        ..Facts::default()
    };
    let judged = |cause| Ledger::new(&facts(cause), at(9, 0, 0)).rows()[0].judgement.clone();
    assert_eq!(judged(Hotfix), Judgement::Good);
    assert_eq!(judged(Rollback), Judgement::Failed { because: vec![Because::RolledBack] });
}

#[test]
fn what_was_reached_before_gives_the_first_deployment_a_lead_time() {
    let mut facts = two_weeks();
    facts.deployments.retain(|d| d.id != id(1));
    facts.reached_before.insert(unit(1), 1);
    let figures = Ledger::new(&facts, at(20, 0, 0)).figures(&Range::new(day(0), day(13)), |_| true);
    assert_eq!(figures.lead_time.unwrap().count, 7);
    facts.reached_before.clear();
    let figures = Ledger::new(&facts, at(20, 0, 0)).figures(&Range::new(day(0), day(13)), |_| true);
    assert_eq!(figures.lead_time.unwrap().count, 5, "deployment 2 is the first now");
}

#[test]
fn only_production_counts_and_units_do_not_mix() {
    let mut facts = two_weeks();
    for deployment in &mut facts.deployments {
        deployment.kind = EnvironmentKind::Staging;
    }
    assert!(Ledger::new(&facts, at(20, 0, 0)).rows().is_empty());
    // The rollback of another service condemns nothing here.
    let mut facts = two_weeks();
    facts.deployments[3].unit = unit(2);
    facts.deployments[4].unit = unit(2);
    let ledger = Ledger::new(&facts, at(20, 0, 0));
    assert!(!ledger.rows().iter().find(|r| r.deployment == id(3)).unwrap().has_failed());
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let deployment = (0_u128..3, 0_i64..12, 0..3_usize, 0..4_usize, 0_i64..600, 0_i64..30, any::<bool>());
    let commit = (0_u128..3, 0_i64..12, -200_i64..600);
    let incident = (1_u128..40, 0..3_usize, 0_i64..600, proptest::option::of(0_i64..100));
    let lists = (
        proptest::collection::vec(deployment, 0..40),
        proptest::collection::vec(commit, 0..60),
        proptest::collection::vec(incident, 0..10),
    );
    lists.prop_map(|(deployments, commits, incidents)| Facts {
        deployments: (1_u128..)
            .zip(deployments)
            .map(|(n, (service, version, cause, outcome, start, hours, has_end))| DeploymentFact {
                id: id(n),
                unit: unit(service),
                kind: EnvironmentKind::Production,
                version,
                cause: Cause::ALL[cause],
                outcome: Outcome::ALL[outcome],
                started_at: at(0, start, 0),
                finished_at: has_end.then(|| at(0, start + hours, 0)),
            })
            .collect(),
        commits: commits
            .into_iter()
            .map(|(service, version, hour)| CommitFact {
                service: unit(service).service,
                version,
                committed_at: at(0, hour, 0),
            })
            .collect(),
        incidents: incidents
            .into_iter()
            .map(|(n, severity, hour, lasted)| IncidentFact {
                deployment: id(n),
                severity: Severity::ALL[severity],
                opened_at: at(0, hour, 0),
                resolved_at: lasted.map(|l| at(0, hour + l, 0)),
            })
            .collect(),
        reached_before: BTreeMap::from([(unit(0), 3)]),
    })
}

proptest! {
    #[test]
    fn rates_lie_between_nothing_and_all(facts in any_facts(), from in 0_i64..25, days in 0_i64..25) {
        let ledger = Ledger::new(&facts, at(20, 0, 0));
        let figures = ledger.figures(&Range::new(day(from), day(from + days)), |_| true);
        for rate in [figures.change_fail_rate(), figures.rework_rate()].into_iter().flatten() {
            prop_assert!((0.0..=1.0).contains(&rate), "{rate}");
        }
        prop_assert!(figures.lead_time.is_none_or(|s| s.median_seconds >= 0 && s.median_seconds <= s.p90_seconds));
        prop_assert!(figures.recovery.is_none_or(|s| s.median_seconds >= 0 && s.median_seconds <= s.p90_seconds));
    }

    #[test]
    fn the_order_of_facts_does_not_matter(facts in any_facts()) {
        let mut turned = facts.clone();
        turned.deployments.reverse();
        turned.commits.reverse();
        turned.incidents.reverse();
        prop_assert_eq!(Ledger::new(&facts, at(20, 0, 0)), Ledger::new(&turned, at(20, 0, 0)));
    }

    #[test]
    fn two_ranges_side_by_side_are_one(facts in any_facts(), cut in 0_i64..29) {
        let ledger = Ledger::new(&facts, at(20, 0, 0));
        let of = |from, to| ledger.figures(&Range::new(day(from), day(to)), |_| true);
        let (whole, left, right) = (of(0, 30), of(0, cut), of(cut + 1, 30));
        let count = |s: Option<Spread>| s.map_or(0, |s| s.count);
        prop_assert_eq!(whole.days, left.days + right.days);
        prop_assert_eq!(whole.deployments, left.deployments + right.deployments);
        prop_assert_eq!(whole.rework, left.rework + right.rework);
        prop_assert_eq!(whole.changes, left.changes + right.changes);
        prop_assert_eq!(whole.failed, left.failed + right.failed);
        prop_assert_eq!(whole.pending, left.pending + right.pending);
        prop_assert_eq!(whole.open, left.open + right.open);
        prop_assert_eq!(count(whole.lead_time), count(left.lead_time) + count(right.lead_time));
        prop_assert_eq!(count(whole.recovery), count(left.recovery) + count(right.recovery));
        let weeks: u32 = ledger.weeks(&Range::new(day(0), day(30)), |_| true).iter().map(|w| w.figures.deployments).sum();
        prop_assert_eq!(weeks, whole.deployments);
    }

    #[test]
    fn each_commit_counts_once_in_a_unit(facts in any_facts()) {
        let ledger = Ledger::new(&facts, at(20, 0, 0));
        for service in 0..3 {
            let there = facts.commits.iter().filter(|c| c.service == unit(service).service).count();
            let counted: usize =
                ledger.rows().iter().filter(|r| r.unit == unit(service)).map(|r| r.lead_seconds.len()).sum();
            prop_assert!(counted <= there);
        }
    }
}
