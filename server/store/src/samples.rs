//! What was measured of promotions: each evaluation of a rule with its question, answer and verdict.
//! The last [`SAMPLES_PER_RULE`] of each rule are all kept. Older ones are thinned out: warnings, breaches and what
//! stands at a change of the verdict stay, of the others one a minute, and of one rule never more than [`MOST`].

use chrono::{DateTime, TimeDelta, Utc};
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

/// Two hours of a rule that is evaluated every minute: whoever looks closely looks at these.
pub const SAMPLES_PER_RULE: u32 = 120;

/// More than a day of one a minute; ten years of promotions must stay small.
const MOST: u32 = 2_000;

/// Older samples that say nothing new are kept so far apart: nothing finer can be drawn.
const APART: TimeDelta = TimeDelta::minutes(1);

record! {
    struct SampleColumns {
        sample: serde_json::Value,
    }
}

record! {
    struct Moment {
        at: DateTime<Utc>,
        verdict: String,
    }
}

const INSERT: &str = "
    INSERT INTO samples (promotion_id, rule, at, verdict, sample) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (promotion_id, rule, at) DO NOTHING";

// The newest of those that are thinned out, between the one after it and the one before it.
const LEAVING: &str = "
    SELECT at, verdict FROM samples WHERE promotion_id = $1 AND rule = $2 ORDER BY at DESC LIMIT 3 OFFSET $3";

const DELETE: &str = "DELETE FROM samples WHERE promotion_id = $1 AND rule = $2 AND at = $3";

const PRUNE: &str = "
    DELETE FROM samples WHERE promotion_id = $1 AND rule = $2 AND at < (
        SELECT MIN(at) FROM (
            SELECT at FROM samples WHERE promotion_id = $1 AND rule = $2 ORDER BY at DESC LIMIT $3
        ) AS kept
    )";

// Of the older ones, those that are well and those that are not are chosen apart, each in even steps. Every window is
// in the order of the key, so that nothing is sorted.
const OF_PROMOTION: &str = "
    WITH counted AS (
        SELECT rule, at, verdict = 'ok' AS is_well,
            COUNT(*) OVER whole - COUNT(*) OVER so_far AS newer,
            COUNT(CASE WHEN verdict = 'ok' THEN 1 END) OVER so_far AS well,
            COUNT(CASE WHEN verdict = 'ok' THEN 1 END) OVER whole AS all_well,
            COUNT(CASE WHEN verdict <> 'ok' THEN 1 END) OVER so_far AS other,
            COUNT(CASE WHEN verdict <> 'ok' THEN 1 END) OVER whole AS all_other
        FROM samples WHERE promotion_id = $1
        WINDOW whole AS (PARTITION BY rule), so_far AS (PARTITION BY rule ORDER BY at)
    )
    SELECT s.sample FROM counted c JOIN samples s ON s.promotion_id = $1 AND s.rule = c.rule AND s.at = c.at
    WHERE c.newer < $2
        OR (c.is_well AND (c.well - 1) % ((c.all_well + $2) / $2) = 0)
        OR (NOT c.is_well AND (c.other - 1) % ((c.all_other + $2) / $2) = 0)
    ORDER BY s.at, s.rule";

statements!("samples.rs": INSERT, LEAVING, DELETE, PRUNE, OF_PROMOTION);

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

/// Whether a sample may go: what stands before and after it says the same, not long ago, and is no bad news.
fn says_nothing_new(this: &Moment, before: &Moment, after: &Moment) -> bool {
    let is_news = [Verdict::Warning, Verdict::Breach].into_iter().any(|verdict| this.verdict == word(verdict));
    let is_change = this.verdict != before.verdict || this.verdict != after.verdict;
    !is_news && !is_change && this.at - before.at < APART
}

impl Tx {
    /// Keeps samples of a promotion and thins out the older ones of their rules. One that is there already, by its rule and its moment, stays as it is. The change is told with the
    /// promotion that is saved with them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_samples(&mut self, promotion: PromotionId, samples: &[Sample]) -> Result<(), StoreError> {
        for sample in samples {
            let (rule, verdict) = (sample.rule.as_str(), word(sample.judgement.verdict));
            if execute!(self, INSERT, promotion.uuid(), rule, sample.at, verdict, Json(sample))? == 1 {
                self.thin_out(promotion, rule).await?;
            }
        }
        Ok(())
    }

    /// Looks at the one sample that has just become an older one.
    async fn thin_out(&mut self, promotion: PromotionId, rule: &str) -> Result<(), StoreError> {
        let newer = i64::from(SAMPLES_PER_RULE - 1);
        let leaving = fetch_all!(self, LEAVING => Moment, promotion.uuid(), rule, newer)?;
        match leaving.as_slice() {
            [after, this, before] if says_nothing_new(this, before, after) => {
                execute!(self, DELETE, promotion.uuid(), rule, this.at)?;
            }
            [_, _, _] => {
                execute!(self, PRUNE, promotion.uuid(), rule, i64::from(MOST))?;
            }
            _ => {}
        }
        Ok(())
    }
}

impl Read {
    /// The last `per_rule` samples (1 or more) of each rule of a promotion, and of the older ones as many that are
    /// well and as many that are not, in even steps; all in the order of time.
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
