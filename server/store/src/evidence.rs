//! Why pods of promotions fail. Of a promotion only the [`EVIDENCE_PER_PROMOTION`] pods asked about last are kept.

use domain::{evidence::PodEvidence, ids::PromotionId};
use sqlx::types::Json;

use crate::{
    Read, StoreError, Tx,
    columns::record,
    connection::{execute, fetch_all},
    statements::statements,
};

/// Pods whose evidence is kept: they mostly fail for one reason, and ten years of promotions must stay small.
pub const EVIDENCE_PER_PROMOTION: u32 = 6;

record! {
    struct EvidenceColumns {
        evidence: serde_json::Value,
    }
}

const PUT: &str = "
    INSERT INTO pod_evidence (promotion_id, cluster_id, namespace, pod, at, evidence)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (promotion_id, cluster_id, namespace, pod)
    DO UPDATE SET at = excluded.at, evidence = excluded.evidence";

const PRUNE: &str = "
    DELETE FROM pod_evidence WHERE promotion_id = $1 AND pod NOT IN (
        SELECT pod FROM (
            SELECT pod FROM pod_evidence WHERE promotion_id = $1
            ORDER BY at DESC, namespace, pod, cluster_id LIMIT $2
        ) AS kept
    )";

const OF_PROMOTION: &str = "
    SELECT evidence FROM pod_evidence WHERE promotion_id = $1 ORDER BY at DESC, namespace, pod, cluster_id";

statements!("evidence.rs": PUT, PRUNE, OF_PROMOTION);

impl Tx {
    /// Keeps what was told of pods of a promotion, over what was told of them before, and forgets what was told longest
    /// ago beyond [`EVIDENCE_PER_PROMOTION`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_evidence(&mut self, promotion: PromotionId, told: &[PodEvidence]) -> Result<(), StoreError> {
        for one in told {
            let (cluster, namespace) = (one.placed.cluster.uuid(), one.placed.workload.namespace.as_str());
            execute!(self, PUT, promotion.uuid(), cluster, namespace, one.pod.as_str(), one.at, Json(one))?;
        }
        execute!(self, PRUNE, promotion.uuid(), i64::from(EVIDENCE_PER_PROMOTION))?;
        Ok(())
    }
}

impl Read {
    /// What was told of pods of a promotion, the last first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn evidence(&mut self, promotion: PromotionId) -> Result<Vec<PodEvidence>, StoreError> {
        let rows = fetch_all!(self, OF_PROMOTION => EvidenceColumns, promotion.uuid())?;
        let parse = |row: EvidenceColumns| {
            serde_json::from_value(row.evidence).map_err(|error| StoreError::corrupt("evidence", error))
        };
        rows.into_iter().map(parse).collect()
    }
}
