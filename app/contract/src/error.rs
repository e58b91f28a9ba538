//! The one error that leaves the engine.

use domain::{actor::NotAllowed, promotion::Refusal, readable};
use serde::{Deserialize, Serialize};

/// What kind of error; the edge makes the status code of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ErrorKind {
    /// There is no such thing, or it is not visible to the actor.
    NotFound,
    /// Nobody is signed in.
    Unauthenticated,
    /// A rule refuses it.
    Refused,
    /// It clashes with what is there.
    Conflict,
    /// A field is wrong.
    Invalid {
        /// The field's name in the form or request.
        field: String,
    },
    /// Something that is needed does not answer; trying again may help.
    Unavailable,
    /// A defect of ours.
    Internal,
}

/// An error for a reader. What an operator needs stands in the log under `reference`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// What kind.
    #[serde(flatten)]
    pub kind: ErrorKind,
    /// What happened and what to do, for the reader.
    pub message: String,
    /// The key to the operator's text in the log, when there is one.
    pub reference: Option<String>,
}

impl ApiError {
    fn of(kind: ErrorKind, message: impl Into<String>) -> Self {
        // What was typed is often said again; nothing of it may turn the rest of the sentence around.
        let message = readable::plain(&message.into()).collect();
        Self { kind, message, reference: None }
    }

    /// There is no such thing: `not_found("service", "cart")`.
    #[must_use]
    pub fn not_found(what: &str, which: &str) -> Self {
        Self::of(ErrorKind::NotFound, format!("there is no {what} {which}"))
    }

    /// Nobody is signed in.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::of(ErrorKind::Unauthenticated, "sign in first")
    }

    /// A rule refuses it; the text names the rule.
    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self::of(ErrorKind::Refused, message)
    }

    /// It clashes with what is there.
    #[must_use]
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::of(ErrorKind::Conflict, message)
    }

    /// A field is wrong.
    #[must_use]
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::of(ErrorKind::Invalid { field: field.to_owned() }, message)
    }

    /// Something that is needed does not answer.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::of(ErrorKind::Unavailable, message)
    }

    /// A defect; `reference` is where the log has the rest.
    #[must_use]
    pub fn internal(reference: String) -> Self {
        Self {
            kind: ErrorKind::Internal,
            message: format!("something went wrong on our side; the log has it under {reference}"),
            reference: Some(reference),
        }
    }

    /// The HTTP status that fits.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self.kind {
            ErrorKind::NotFound => 404,
            ErrorKind::Unauthenticated => 401,
            ErrorKind::Refused => 403,
            ErrorKind::Conflict => 409,
            ErrorKind::Invalid { .. } => 422,
            ErrorKind::Unavailable => 503,
            ErrorKind::Internal => 500,
        }
    }

    /// The field that is wrong, when the error is about one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match &self.kind {
            ErrorKind::Invalid { field } => Some(field),
            _ => None,
        }
    }
}

impl From<NotAllowed> for ApiError {
    fn from(refusal: NotAllowed) -> Self {
        Self::refused(refusal.to_string())
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::NotAllowed(_) | Refusal::MachineApproval | Refusal::OwnRequest | Refusal::AsksOthers { .. } => {
                Self::refused(message)
            }
            Refusal::ReasonNeeded => Self::invalid("reason", message),
            Refusal::ReportOfAnother => Self::invalid("delivery", message),
            Refusal::TooMuch { .. } => Self::invalid("weight", message),
            Refusal::AlreadyApproved
            | Refusal::PlanChanged
            | Refusal::Over(_)
            | Refusal::Started
            | Refusal::NotStarted
            | Refusal::AlreadyTakingBack
            | Refusal::NotTakingBack
            | Refusal::NotUnderWay
            | Refusal::NoSteps
            | Refusal::StepsOfTool { .. }
            | Refusal::HeldAlready(_)
            | Refusal::NotHeld
            | Refusal::StepChanged
            | Refusal::RolloutNotSkipped
            | Refusal::NoWeights
            | Refusal::NothingToReport
            | Refusal::NothingToSend
            | Refusal::ReportTooEarly
            | Refusal::ReportTooLate(_)
            | Refusal::ReportOutOfOrder(_)
            | Refusal::TooManyReports
            | Refusal::EndsByItself => Self::conflict(message),
        }
    }
}
