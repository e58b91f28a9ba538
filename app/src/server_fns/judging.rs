//! The rules by which versions are judged.

#![expect(clippy::too_many_arguments, reason = "each is a field of a form")]

use contract::judging::JudgingView;
#[cfg(feature = "ssr")]
use contract::judging::{
    ComparedWith, Counting, HealthInput, JudgingPlace, OwnQuery, PolicyInput, RuleInput, SideInput,
};
use domain::analysis::Level;
use leptos::prelude::*;

use crate::{error::AppError, json::Json};

/// What is in force for a service in an environment.
#[server(name = LoadJudging, prefix = "/do", endpoint = "judging", input = Json, output = Json)]
pub async fn judging(service: String, environment: String) -> Result<JudgingView, AppError> {
    let (backend, actor) = super::backend()?;
    Ok(backend.judging(&actor, &service, &environment).await?)
}

/// Changes a rule at a level of a target; says what was saved.
#[server(prefix = "/do", endpoint = "set_rule")]
pub async fn set_rule(
    level: Level,
    #[server(default)] service: String,
    #[server(default)] environment: String,
    #[server(default)] tier: String,
    #[server(default)] rule: String,
    #[server(default)] is_off: bool,
    #[server(default)] compared_with: String,
    #[server(default)] effect: String,
    #[server(default)] confidence: String,
    #[server(default)] tolerance: String,
    #[server(default)] samples: String,
    #[server(default)] warning: String,
    #[server(default)] breach: String,
    #[server(default)] window_seconds: String,
    #[server(default)] interval_seconds: String,
    #[server(default)] minimum_requests: String,
    #[server(default)] counting: String,
    #[server(default)] times: String,
    #[server(default)] of: String,
    #[server(default)] on_no_data: String,
    #[server(default)] on_error: String,
    #[server(default)] dry_run: String,
    #[server(default)] is_own: bool,
    #[server(default)] words: String,
    #[server(default)] unit: String,
    #[server(default)] query: String,
    #[server(default)] requests: String,
    #[server(default)] too_low: bool,
) -> Result<String, AppError> {
    let (backend, actor) = super::backend()?;
    let own = match is_own {
        true => Some(OwnQuery { words, unit: word("own.unit", &unit)?, query, requests, too_low }),
        false => None,
    };
    let compared_with: Option<ComparedWith> = word("compared_with", &compared_with)?;
    let side = SideInput {
        effect: word("side.effect", &effect)?,
        confidence: number("side.confidence", &confidence)?,
        tolerance: number("side.tolerance", &tolerance)?,
        samples: number("side.samples", &samples)?,
    };
    let (times, of) = (number("times", &times)?, number("of", &of)?);
    let counting: Option<Counting> = word("counting", &counting)?;
    let input = RuleInput {
        rule,
        is_off,
        compared_with,
        // The fields are there whatever is chosen.
        side: Some(side).filter(|side| compared_with == Some(ComparedWith::Stable) && *side != SideInput::default()),
        warning: number("warning", &warning)?,
        breach: number("breach", &breach)?,
        window_seconds: number("window_seconds", &window_seconds)?,
        interval_seconds: number("interval_seconds", &interval_seconds)?,
        minimum_requests: number("minimum_requests", &minimum_requests)?,
        counting,
        times,
        of,
        on_no_data: word("on_no_data", &on_no_data)?,
        on_error: word("on_error", &on_error)?,
        dry_run: match dry_run.as_str() {
            "" => None,
            "yes" => Some(true),
            "no" => Some(false),
            _ => return Err(contract::ApiError::invalid("dry_run", "yes, no, or empty for what held before").into()),
        },
        own,
    };
    let saved = format!("the rule {}", input.rule.trim());
    backend.set_rule(&actor, place(level, service, environment, &tier)?, input).await?;
    Ok(saved)
}

/// Takes a change of a rule away; says what was saved.
#[server(prefix = "/do", endpoint = "clear_rule")]
pub async fn clear_rule(
    level: Level,
    #[server(default)] service: String,
    #[server(default)] environment: String,
    #[server(default)] tier: String,
    rule: String,
) -> Result<String, AppError> {
    let (backend, actor) = super::backend()?;
    backend.clear_rule(&actor, place(level, service, environment, &tier)?, &rule).await?;
    Ok(format!("the rule {rule}, as the level before has it"))
}

/// Sets what else is decided at a level of a target; says what was saved.
#[server(prefix = "/do", endpoint = "set_judging_policy")]
pub async fn set_judging_policy(
    level: Level,
    #[server(default)] service: String,
    #[server(default)] environment: String,
    #[server(default)] tier: String,
    #[server(default)] late_breach: String,
    #[server(default)] undecided_minutes: String,
    #[server(default)] then: String,
) -> Result<String, AppError> {
    let (backend, actor) = super::backend()?;
    let input = PolicyInput {
        late_breach: word("late_breach", &late_breach)?,
        undecided_minutes: number("undecided_minutes", &undecided_minutes)?,
        then: word("then", &then)?,
    };
    backend.set_judging_policy(&actor, place(level, service, environment, &tier)?, input).await?;
    Ok("what it leads to".to_owned())
}

/// The place that a level of a target is.
#[cfg(feature = "ssr")]
fn place(level: Level, service: String, environment: String, tier: &str) -> Result<JudgingPlace, AppError> {
    let (service, environment) = (Some(service), Some(environment));
    Ok(match level {
        Level::Environment => JudgingPlace { environment, ..JudgingPlace::default() },
        Level::Tier => JudgingPlace { tier: number("tier", tier)?, ..JudgingPlace::default() },
        Level::Service => JudgingPlace { service, ..JudgingPlace::default() },
        Level::Target => JudgingPlace { service, environment, tier: None },
    })
}

/// A number of a field that may be empty.
#[cfg(feature = "ssr")]
fn number<T: std::str::FromStr>(field: &str, text: &str) -> Result<Option<T>, AppError> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            AppError(contract::ApiError::invalid(field, format!("'{text}' is not a number that can stand here")))
        }),
    }
}

/// A word of a choice that may be left open.
#[cfg(feature = "ssr")]
fn word<T: serde::de::DeserializeOwned>(field: &str, text: &str) -> Result<Option<T>, AppError> {
    match text.trim() {
        "" => Ok(None),
        text => serde_json::from_value(serde_json::Value::String(text.to_owned()))
            .map(Some)
            .map_err(|_| AppError(contract::ApiError::invalid(field, format!("'{text}' is none of the choices")))),
    }
}

/// Sets how a target's health is asked over HTTP; says what was saved.
#[server(prefix = "/do", endpoint = "set_health")]
pub async fn set_health(
    service: String,
    environment: String,
    #[server(default)] address: String,
    #[server(default)] timeout_seconds: String,
) -> Result<String, AppError> {
    let (backend, actor) = super::backend()?;
    let input = HealthInput { address, timeout_seconds: number("timeout_seconds", &timeout_seconds)? };
    backend.set_health(&actor, &service, &environment, input).await?;
    Ok("the health check".to_owned())
}
