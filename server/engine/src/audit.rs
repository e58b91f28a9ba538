//! Every act leaves a row, in the transaction of what it did.

use domain::{
    actor::{Actor, Identity},
    ids::AuditId,
};
use store::{AuditEntry, AuditResult, StoreError, Tx};
use uuid::Uuid;

use crate::Engine;

/// What was done.
pub(crate) struct Entry {
    /// For machines: `promotion.approve`.
    pub(crate) act: &'static str,
    /// What kind of thing it was done to.
    pub(crate) kind: &'static str,
    /// Which one.
    pub(crate) id: Option<Uuid>,
    /// What people call it.
    pub(crate) label: String,
    /// The sentence without its subject: `approved promotion 1042 (…)`.
    pub(crate) sentence: String,
    /// Why, when it was said.
    pub(crate) reason: Option<String>,
    /// Whether it was done, or refused.
    pub(crate) is_done: bool,
}

impl Entry {
    /// An act that was done.
    pub(crate) fn done(act: &'static str, kind: &'static str, label: &str, sentence: impl Into<String>) -> Self {
        Self { act, kind, id: None, label: label.to_owned(), sentence: sentence.into(), reason: None, is_done: true }
    }
}

/// Writes the row.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn record(tx: &mut Tx, engine: &Engine, actor: &Actor, entry: Entry) -> Result<(), StoreError> {
    write(tx, engine, &actor.identity, actor.from.as_deref(), entry).await
}

/// Writes the row of what happens later in somebody's name, when nobody is at a browser any more.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn record_of(tx: &mut Tx, engine: &Engine, who: &Identity, entry: Entry) -> Result<(), StoreError> {
    write(tx, engine, who, None, entry).await
}

async fn write(
    tx: &mut Tx,
    engine: &Engine,
    who: &Identity,
    from: Option<&str>,
    entry: Entry,
) -> Result<(), StoreError> {
    tx.insert_audit(&AuditEntry {
        id: AuditId::new(engine.parts.randomness.uuid()),
        at: engine.now(),
        who: who.clone(),
        act: entry.act.to_owned(),
        entity_kind: entry.kind.to_owned(),
        entity_id: entry.id,
        entity_label: entry.label,
        reason: entry.reason,
        from_address: from.map(str::to_owned),
        result: if entry.is_done { AuditResult::Done } else { AuditResult::Refused },
        details: serde_json::json!({ "sentence": entry.sentence }),
    })
    .await
}
