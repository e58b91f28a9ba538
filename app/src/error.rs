//! The error of every server function: [`contract::ApiError`] in a type of our own, for Leptos asks
//! for a trait that neither of us owns on the other's type.
//!
//! It travels as the JSON of `ApiError`; the edge takes the status from its kind. What goes wrong on
//! the way (no network, a form that cannot be read) becomes an `ApiError` too, so that a page knows one
//! kind of error.

use contract::{ApiError, ErrorKind};
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

use crate::json;

/// An error that a page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(transparent)]
#[error(transparent)]
pub struct AppError(pub ApiError);

/// The result of every server function.
pub type Answer<T> = Result<T, AppError>;

impl AppError {
    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }
}

impl From<ApiError> for AppError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl FromServerFnError for AppError {
    type Encoder = json::Text;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        Self(match error {
            ServerFnErrorErr::Request(_) => {
                ApiError::unavailable("Slipway does not answer. Nothing was changed as far as we know; try again.")
            }
            ServerFnErrorErr::Args(text)
            | ServerFnErrorErr::MissingArg(text)
            | ServerFnErrorErr::Serialization(text) => {
                ApiError::invalid("form", format!("the form could not be read: {text}"))
            }
            // The server reads requests, the browser reads answers.
            ServerFnErrorErr::Deserialization(text) if cfg!(feature = "ssr") => {
                ApiError::invalid("form", format!("the request could not be read: {text}"))
            }
            ServerFnErrorErr::Registration(text)
            | ServerFnErrorErr::UnsupportedRequestMethod(text)
            | ServerFnErrorErr::ServerError(text)
            | ServerFnErrorErr::MiddlewareError(text)
            | ServerFnErrorErr::Deserialization(text)
            | ServerFnErrorErr::Response(text) => {
                ApiError::unavailable(format!("the answer could not be read ({text}); reload the page and look again"))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_error_arrives_in_the_browser_as_it_left_the_server() {
        for error in [
            ApiError::not_found("service", "cart"),
            ApiError::invalid("reason", "say why"),
            ApiError::internal("r-1".to_owned()),
        ] {
            let sent = AppError(error);
            assert_eq!(AppError::de(sent.ser()), sent);
            let json = serde_json::to_value(&sent).unwrap();
            assert_eq!(json, serde_json::to_value(&sent.0).unwrap());
        }
    }

    #[test]
    fn a_lost_network_is_said_to_be_one() {
        let error = AppError::from_server_fn_error(ServerFnErrorErr::Request("refused".to_owned()));
        assert_eq!(error.kind(), &ErrorKind::Unavailable);
    }
}
