//! Reads the answers of Prometheus' HTTP API: `{status, data: {resultType, result}, errorType, error,
//! warnings}`, under status 200 when it is a result and 400, 422 or 503 when it is an error.

use domain::analysis::Reading;
use ports::MetricError;
use serde::Deserialize;
use serde_json::Value;

use crate::client::{RawAnswer, cut};

/// Of an error's text so much is kept: it repeats the query.
const TEXT_KEPT: usize = 500;

/// A version, or the kind of an error, is a word; what is longer is something else.
const WORD_KEPT: usize = 60;

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    data: Option<Data>,
    #[serde(default, rename = "errorType")]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Scalar(Point),
    Vector(Vec<One>),
    Matrix(Vec<Many>),
    String(#[expect(dead_code, reason = "that it is a text is all that matters")] Value),
}

/// A time and a number as text: `NaN` and `+Inf` have no JSON.
type Point = (f64, String);

#[derive(Deserialize)]
struct One {
    /// Missing for a native histogram.
    value: Option<Point>,
}

#[derive(Deserialize)]
struct Many {
    /// Missing for a native histogram.
    values: Option<Vec<Point>>,
}

/// The version in an answer of `/api/v1/status/buildinfo`: `{status, data: {version, …}}`.
pub(super) fn version(raw: &RawAnswer) -> Option<String> {
    let answer: Value = serde_json::from_slice(&raw.body).ok().filter(|_| raw.status == 200)?;
    let version = answer.get("data")?.get("version")?.as_str()?;
    let shown = cut(version, WORD_KEPT);
    Some(shown).filter(|shown| !shown.is_empty())
}

/// What an answer says.
pub(super) fn read(raw: &RawAnswer) -> Result<Reading, MetricError> {
    let answer: Option<Answer> = serde_json::from_slice(&raw.body).ok();
    match (raw.status, answer) {
        (200, Some(answer)) if answer.status == "success" => reading(answer),
        (401 | 403 | 407, _) => Err(MetricError::Unauthorized(format!("status {}", raw.status))),
        (300..=399, _) => Err(MetricError::NotASource(format!(
            "status {}: it sends on to another address; give that one",
            raw.status
        ))),
        (_, Some(answer)) if answer.status == "error" => Err(refusal(&answer)),
        (408 | 429 | 500..=599, _) => Err(MetricError::Unreachable(format!("status {}", raw.status))),
        (status, _) => Err(MetricError::NotASource(format!("status {status} without an answer of Prometheus"))),
    }
}

fn refusal(answer: &Answer) -> MetricError {
    let text = cut(&answer.error, TEXT_KEPT);
    match answer.error_type.as_str() {
        "bad_data" | "execution" => MetricError::Query(text),
        // Its own trouble: timeout, canceled, internal, unavailable, and what others may add.
        kind => MetricError::Unreachable(format!("{}: {text}", cut(kind, WORD_KEPT))),
    }
}

fn reading(answer: Answer) -> Result<Reading, MetricError> {
    let points = match answer.data {
        Some(Data::Scalar(point)) => vec![point],
        Some(Data::Vector(series)) => {
            let found = only(series)?.map(|one| one.value.ok_or_else(histogram)).transpose()?;
            found.into_iter().collect()
        }
        Some(Data::Matrix(series)) => {
            let found = only(series)?.map(|many| many.values.ok_or_else(histogram)).transpose()?;
            found.unwrap_or_default()
        }
        Some(Data::String(_)) => return Err(MetricError::Query("it gives a text, not a number".to_owned())),
        None => return Err(MetricError::NotASource("a result without data".to_owned())),
    };
    let numbers: Result<Vec<f64>, MetricError> = points.iter().map(number).collect();
    let notes = answer.warnings.iter().chain(&answer.infos).map(|note| cut(note, TEXT_KEPT));
    Ok(notes.fold(Reading::series(numbers?), |reading, note| reading.with_note(&note)))
}

fn only<T>(series: Vec<T>) -> Result<Option<T>, MetricError> {
    let count = series.len();
    if count > 1 {
        return Err(MetricError::Query(format!("it gives {count} series; add them up to one, as sum(...) does")));
    }
    Ok(series.into_iter().next())
}

fn histogram() -> MetricError {
    MetricError::Query("it gives a native histogram, not a number; take histogram_quantile(...) of it".to_owned())
}

fn number((_, text): &Point) -> Result<f64, MetricError> {
    text.parse().map_err(|_| MetricError::NotASource("a value is not a number".to_owned()))
}
