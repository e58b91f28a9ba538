//! The story must be believable whenever it is told.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn all(now: DateTime<Utc>) -> Vec<(&'static ServiceSpec, Timeline)> {
    let team = |service: &ServiceSpec| company::TEAMS.iter().find(|t| t.name == service.team).unwrap();
    company::SERVICES.iter().map(|s| (s, tell(s, team(s), now, 1))).collect()
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let now = at("2026-11-21T13:00:00Z");
    let told = || all(now).into_iter().map(|(_, told)| told).collect::<Vec<_>>();
    assert_eq!(told(), told());
}

#[test]
fn nothing_happens_in_the_future_or_before_its_cause() {
    // A weekday, a weekend, the night of a leap day.
    for now in ["2026-11-18T10:30:00Z", "2026-11-21T13:00:00Z", "2028-02-29T23:59:59Z"].map(at) {
        for (service, told) in all(now) {
            for version in &told.versions {
                assert!(version.at <= now, "{} {}", service.name, version.label);
                assert!(version.commits.iter().all(|c| c.at < version.at), "{} {}", service.name, version.label);
                assert!(!version.commits.is_empty());
            }
            for one in &told.moves {
                let version = &told.versions[one.version];
                let what = format!("{} {} to {} at {now}", service.name, version.label, one.environment);
                assert!(version.at <= one.requested_at || one.cause == Cause::Rollback, "built before asked: {what}");
                assert!(one.requested_at <= one.started_at && one.started_at < one.finished_at, "{what}");
                assert!(one.finished_at <= now, "{what}");
                assert!(
                    one.approval.is_none_or(|(who, when, _)| who != one.requester && when <= one.started_at),
                    "{what}"
                );
            }
            for incident in &told.incidents {
                let cause = &told.moves[incident.caused_by];
                assert_eq!((cause.environment, cause.outcome), (PRODUCTION, Outcome::Succeeded), "{}", service.name);
                assert!(cause.finished_at < incident.opened_at && incident.opened_at < incident.resolved_at);
                assert!(incident.resolved_at <= now);
            }
        }
    }
}

#[test]
fn an_environment_does_one_thing_at_a_time_and_remembers_what_ran() {
    for (service, told) in all(at("2026-11-21T13:00:00Z")) {
        for environment in 0..=PRODUCTION {
            let here: Vec<_> = told.moves.iter().filter(|m| m.environment == environment).collect();
            let mut runs = None;
            for pair in here.windows(2) {
                assert!(pair[0].finished_at < pair[1].started_at, "{} {environment}", service.name);
            }
            for one in here {
                assert_eq!(one.previous, runs, "{} {environment}", service.name);
                if one.outcome == Outcome::Succeeded {
                    runs = Some(one.version);
                }
            }
            assert_eq!(told.runs[environment], runs, "{} {environment}", service.name);
        }
    }
}

#[test]
fn the_company_is_busy_and_fails_now_and_then() {
    let all = all(at("2026-11-21T13:00:00Z"));
    let moves = || all.iter().flat_map(|(_, t)| &t.moves);
    let to_production = moves().filter(|m| m.environment == PRODUCTION).count();
    let count = |cause, outcome| {
        moves().filter(|m| m.environment == PRODUCTION && m.cause == cause && m.outcome == outcome).count()
    };
    assert!(all.len() >= 12 && company::TEAMS.len() == 4);
    assert!((150..500).contains(&to_production), "{to_production}");
    assert!(count(Cause::Planned, Outcome::Failed) >= 3);
    assert!(count(Cause::Rollback, Outcome::Succeeded) >= 3);
    assert!(count(Cause::Hotfix, Outcome::Succeeded) >= 2);
    assert!(all.iter().map(|(_, t)| t.incidents.len()).sum::<usize>() >= 6);
    assert!(all.iter().flat_map(|(_, t)| &t.open).count() >= 5);
    for (service, told) in &all {
        let mut labels: Vec<_> = told.versions.iter().map(|v| &v.label).collect();
        labels.sort();
        labels.dedup();
        assert_eq!(labels.len(), told.versions.len(), "{}", service.name);
        assert!(told.runs.iter().all(Option::is_some), "{} runs everywhere", service.name);
    }
}
