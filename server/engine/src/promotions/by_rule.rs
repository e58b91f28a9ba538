//! What Slipway does to a promotion by itself, for the audit: never in nobody's name, always in that of the rule
//! that made it act.

use domain::{
    actor::Identity,
    promotion::{JournalEntry, JournalEvent, Promotion},
};
use store::{StoreError, Tx};

use super::advance;
use crate::{Engine, audit};

/// Writes a row for each thing that a rule did; what people did has its own.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn record(
    tx: &mut Tx,
    promotion: &Promotion,
    journal: &[JournalEntry],
    engine: &Engine,
) -> Result<(), StoreError> {
    let by_rules = journal.iter().filter(|entry| matches!(entry.by, Identity::Rule { .. }));
    let acts: Vec<_> = by_rules.filter_map(|entry| Some((entry, done(&entry.event)?))).collect();
    // Most of what is saved is only seen, and asks for no names.
    if acts.is_empty() {
        return Ok(());
    }
    let named = advance::named(tx, promotion).await?;
    for (entry, (act, verb)) in acts {
        let row = audit::Entry {
            act,
            kind: "promotion",
            id: Some(promotion.id.uuid()),
            label: format!("promotion {}", promotion.number),
            sentence: format!("{verb} {named}"),
            reason: why(&entry.event),
            is_done: true,
        };
        audit::record_of(tx, engine, &entry.by, row).await?;
    }
    Ok(())
}

/// Why, where there is more to say than what was done.
fn why(event: &JournalEvent) -> Option<String> {
    let is_said = matches!(event, JournalEvent::Started | JournalEvent::Succeeded);
    Some(event.detail()).filter(|why| !is_said && !why.is_empty())
}

/// The act for machines, and the verb for people. What is only seen, or follows from what somebody else did, is no
/// act.
const fn done(event: &JournalEvent) -> Option<(&'static str, &'static str)> {
    Some(match event {
        JournalEvent::Started => ("promotion.start", "started"),
        JournalEvent::StepBegan { .. } => ("promotion.step", "went to the next step of"),
        JournalEvent::Committed { is_ours: true, .. } => ("promotion.commit", "committed for"),
        JournalEvent::Held { .. } => ("promotion.hold", "paused"),
        JournalEvent::WentOn => ("promotion.go_on", "let go on"),
        JournalEvent::TakingBack { .. } => ("promotion.take_back", "took back"),
        JournalEvent::ApprovalsVoid { .. } => ("promotion.void", "voided the approvals of"),
        JournalEvent::Expired => ("promotion.expire", "ended"),
        JournalEvent::Succeeded => ("promotion.finish", "finished"),
        JournalEvent::Failed { .. } => ("promotion.fail", "ended"),
        _ => return None,
    })
}
