//! What was measured of promotions: each evaluation of a rule with its question, answer and verdict.
//! Of each rule of a promotion only the last [`SAMPLES_PER_RULE`] are kept.

use domain::{
    analysis::{Sample, Verdict},
    ids::PromotionId,
};
use sqlx::types::Json;

use crate::{
    Read, StoreError, Tx,
    columns::record,
    connection::{execute, fetch_all},
    statements::statements,
};

/// Two hours of a rule that is evaluated every minute: more is not drawn, and ten years of promotions
/// must stay small.
pub const SAMPLES_PER_RULE: u32 = 120;

record! {
    struct SampleColumns {
        sample: serde_json::Value,
    }
}

const INSERT: &str = "
    INSERT INTO samples (promotion_id, rule, at, verdict, sample) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (promotion_id, rule, at) DO NOTHING";

const PRUNE: &str = "
    DELETE FROM samples WHERE promotion_id = $1 AND rule = $2 AND at < (
        SELECT MIN(at) FROM (
            SELECT at FROM samples WHERE promotion_id = $1 AND rule = $2 ORDER BY at DESC LIMIT $3
        ) AS kept
    )";

const OF_PROMOTION: &str = "
    SELECT sample FROM (
        SELECT rule, at, sample, ROW_NUMBER() OVER (PARTITION BY rule ORDER BY at DESC) AS place
        FROM samples WHERE promotion_id = $1
    ) AS ranked
    WHERE place <= $2 ORDER BY at, rule";

statements!("samples.rs": INSERT, PRUNE, OF_PROMOTION);

/// The word of a verdict in its column.
const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Warning => "warning",
        Verdict::NoData => "no_data",
        Verdict::Error => "error",
        Verdict::Breach => "breach",
    }
}

impl Tx {
    /// Keeps samples of a promotion and forgets the oldest of their rules beyond [`SAMPLES_PER_RULE`].
    /// One that is there already, by its rule and its moment, stays as it is. The change is told with the
    /// promotion that is saved with them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_samples(&mut self, promotion: PromotionId, samples: &[Sample]) -> Result<(), StoreError> {
        for sample in samples {
            let (rule, verdict) = (sample.rule.as_str(), word(sample.judgement.verdict));
            execute!(self, INSERT, promotion.uuid(), rule, sample.at, verdict, Json(sample))?;
            execute!(self, PRUNE, promotion.uuid(), rule, i64::from(SAMPLES_PER_RULE))?;
        }
        Ok(())
    }
}

impl Read {
    /// The last `per_rule` samples of each rule of a promotion, all in the order of time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn samples(&mut self, promotion: PromotionId, per_rule: u32) -> Result<Vec<Sample>, StoreError> {
        let rows = fetch_all!(self, OF_PROMOTION => SampleColumns, promotion.uuid(), i64::from(per_rule))?;
        let parse = |row: SampleColumns| {
            serde_json::from_value(row.sample).map_err(|error| StoreError::corrupt("sample", error))
        };
        rows.into_iter().map(parse).collect()
    }
}
