//! Approvals: what waits for me.

use async_trait::async_trait;
use domain::actor::Actor;
use serde::{Deserialize, Serialize};

use crate::{
    Answer,
    promotions::{PromotionLine, PromotionStatus, PromotionView},
};

/// The Approvals page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalsView {
    /// What waits for this actor, most urgent first.
    pub for_me: Vec<PromotionView>,
    /// What is under way and waits for somebody like this actor to let it go on, what started first comes first.
    #[serde(default)]
    pub to_let_go_on: Vec<PromotionLine>,
    /// What waits for others (asked by the actor, or approved by them already).
    pub for_others: Vec<PromotionLine>,
    /// What went through or did not, what ended last first.
    pub lately: Vec<PromotionLine>,
    /// How many wait for this actor, those included that are not shown.
    #[serde(default)]
    pub waiting_for_me: u64,
    /// How many wait for anybody, those included that are not shown.
    #[serde(default)]
    pub waiting: u64,
}

/// What came of a person's word, for the line that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The promotion's number.
    pub number: i64,
    /// Approved, or rejected.
    pub is_approved: bool,
    /// `Approved: cart 2.30.4 to production.`
    pub title: String,
    /// What happens now, in a sentence.
    pub next: String,
}

impl Judged {
    /// What came of it, from the promotion as it is afterwards. Without a status, which could not be read
    /// any more, only what was done is said.
    #[must_use]
    pub fn new(number: i64, is_approved: bool, status: Option<&PromotionStatus>) -> Self {
        let what = status.map_or_else(
            || format!("promotion {number}"),
            |status| format!("{} {} to {}", status.service, status.version, status.environment),
        );
        let verb = if is_approved { "Approved" } else { "Rejected" };
        let next = match status {
            None => String::new(),
            Some(_) if !is_approved => "Nothing was changed.".to_owned(),
            Some(status) if status.is_over => format!("It is over: {}.", status.words),
            Some(status) if status.phase == "waiting" && status.words.starts_with("waits") => {
                format!("It {}.", status.words)
            }
            Some(_) => "It starts by itself.".to_owned(),
        };
        Self { number, is_approved, title: format!("{verb}: {what}."), next }
    }
}

/// Use cases of approvals.
#[async_trait]
pub trait ApprovalsBackend: Send + Sync {
    /// The page.
    async fn approvals(&self, actor: &Actor) -> Answer<ApprovalsView>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(phase: &str, is_over: bool, words: &str) -> PromotionStatus {
        PromotionStatus {
            number: 7,
            service: "cart".to_owned(),
            version: "2.30.4".to_owned(),
            environment: "production".to_owned(),
            phase: phase.to_owned(),
            is_over,
            words: words.to_owned(),
            revision: 2,
            requested_at: chrono::DateTime::UNIX_EPOCH,
            approved_at: None,
            started_at: None,
            finished_at: None,
            link: String::new(),
        }
    }

    #[test]
    fn what_happens_after_a_persons_word_is_said() {
        for (is_approved, status, title, next) in [
            (
                true,
                Some(status("waiting", false, "waits for 1 more of 2 approvals")),
                "Approved: cart 2.30.4 to production.",
                "It waits for 1 more of 2 approvals.",
            ),
            (
                true,
                Some(status("waiting", false, "about to start")),
                "Approved: cart 2.30.4 to production.",
                "It starts by itself.",
            ),
            (
                true,
                Some(status("starting", false, "starting: looks at the workloads first")),
                "Approved: cart 2.30.4 to production.",
                "It starts by itself.",
            ),
            (
                true,
                Some(status("failed", true, "not started: cart is not there")),
                "Approved: cart 2.30.4 to production.",
                "It is over: not started: cart is not there.",
            ),
            (
                false,
                Some(status("rejected", true, "rejected by Ines")),
                "Rejected: cart 2.30.4 to production.",
                "Nothing was changed.",
            ),
            (true, None, "Approved: promotion 7.", ""),
        ] {
            let judged = Judged::new(7, is_approved, status.as_ref());
            assert_eq!((judged.title.as_str(), judged.next.as_str()), (title, next));
        }
    }
}
