//! Sign-ins that were refused: each leaves a row of the audit with the name that was typed and the address,
//! never the password.
//!
//! Anybody may try, so the rows of a minute are limited: those beyond it are counted, and the next row tells
//! how many there were. Each stands in the log.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use contract::Answer;
use domain::actor::{Actor, Identity, Role};
use store::Person;

use crate::{Engine, audit, edge, error::OrFail};

/// Rows in a minute. People of one company mistype less often; who guesses from many addresses for a day
/// leaves fewer rows than a page of the audit takes milliseconds to search.
const ROWS_A_MINUTE: u32 = 20;

/// What is kept of a name that was typed.
const NAME_AT_MOST: usize = 100;

/// The refusals of this minute.
#[derive(Default)]
pub(crate) struct Refusals {
    now: Mutex<Minute>,
}

#[derive(Default)]
struct Minute {
    since: Option<DateTime<Utc>>,
    rows: u32,
    left_out: u64,
}

impl Refusals {
    /// Counts a refusal. Gives how many were left out since the last row when this one may leave a row.
    fn count(&self, now: DateTime<Utc>) -> Option<u64> {
        let mut minute = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if minute.since.is_none_or(|since| now - since >= TimeDelta::minutes(1)) {
            (minute.since, minute.rows) = (Some(now), 0);
        }
        if minute.rows >= ROWS_A_MINUTE {
            minute.left_out += 1;
            return None;
        }
        minute.rows += 1;
        Some(std::mem::take(&mut minute.left_out))
    }
}

impl Engine {
    /// Notes that a sign-in was refused. `person` is whose address was typed, when there is such a person.
    ///
    /// # Errors
    /// The store's trouble.
    pub(crate) async fn note_refused_sign_in(
        &self,
        typed: &str,
        person: Option<&Person>,
        from: Option<String>,
    ) -> Answer<()> {
        let name = shown(typed, person.is_some());
        tracing::warn!(client.address = from, sign_in.name = name, "a sign-in was refused");
        let Some(left_out) = self.refusals().count(self.now()) else { return Ok(()) };
        let why = match person {
            None => "there is no such account",
            Some(person) if !person.is_active => "the account is kept out",
            Some(person) if person.password_hash.is_none() => "the account has no password",
            Some(_) => "the password was wrong",
        };
        let others = match left_out {
            0 => String::new(),
            n => format!("; {n} more were refused before it and are not listed"),
        };
        // Whoever tried is not known to be the person of this name, so it is not said to be theirs.
        let actor = Actor { identity: Identity::rule("sign-in"), role: Role::Viewer, from };
        let entry = audit::Entry {
            id: person.map(|p| p.id.uuid()),
            is_done: false,
            ..audit::Entry::done(
                "person.sign_in_refused",
                "person",
                &name,
                format!("refused a sign-in as {name}: {why}{others}"),
            )
        };
        let mut tx = self.store().begin().await.or_fail(self)?;
        audit::record(&mut tx, self, &actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)
    }
}

/// What was typed as a name, cut. What is neither somebody's nor like an e-mail address is not repeated: it may
/// well be a password in the wrong field.
fn shown(typed: &str, is_known: bool) -> String {
    let typed = typed.trim().to_lowercase();
    let is_address = typed.split_once('@').is_some_and(|(local, host)| {
        let is_plain = |text: &str| !text.is_empty() && !text.contains(['@', ' ']);
        is_plain(local) && is_plain(host) && host.contains('.')
    });
    if !(is_address || is_known) || edge::line("email", &typed, usize::MAX).is_err() {
        return "something that is no e-mail address".to_owned();
    }
    let mut cut: String = typed.chars().take(NAME_AT_MOST).collect();
    if cut.len() < typed.len() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn attack_44_a_flood_of_refusals_leaves_few_rows_and_is_told_of() {
        let refusals = Refusals::default();
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        for _ in 0..ROWS_A_MINUTE {
            assert_eq!(refusals.count(at(0)), Some(0));
        }
        for _ in 0..1_000 {
            assert_eq!(refusals.count(at(59)), None);
        }
        assert_eq!(refusals.count(at(60)), Some(1_000));
        assert_eq!(refusals.count(at(61)), Some(0));
    }

    #[test]
    fn what_may_be_a_password_is_not_repeated() {
        assert_eq!(shown(" Ada@Shop.Test ", false), "ada@shop.test");
        assert_eq!(shown("ada@localhost", true), "ada@localhost");
        for typed in ["hunter2", "P@ssw0rd", "", "@", "correct horse battery", "p@ss word", "a@b@c", "ada@x.test\u{0}"]
        {
            assert_eq!(shown(typed, false), "something that is no e-mail address", "{typed}");
        }
        let long = format!("{}@x.test", "a".repeat(10_000));
        assert_eq!(shown(&long, false), format!("{}…", "a".repeat(NAME_AT_MOST)));
    }
}
