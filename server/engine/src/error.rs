//! How errors of the store become errors for a reader: the reader gets what to do, the log gets
//! the chain under a reference.

use contract::{Answer, ApiError};
use store::StoreError;

use crate::Engine;

impl Engine {
    /// What a failed store means to a reader. The operator's text is logged here, once.
    pub(crate) fn store_failed(&self, error: StoreError) -> ApiError {
        match &error {
            StoreError::Conflict => {
                return ApiError::conflict("someone else changed this at the same time; look at it again and repeat");
            }
            StoreError::Unique { what } => return ApiError::conflict(format!("{} is taken", what.words())),
            StoreError::ForeignKey => {
                return ApiError::conflict("something still refers to this, or it refers to something that is gone");
            }
            StoreError::Text => return ApiError::invalid("text", error.to_string()),
            StoreError::Unavailable(_) | StoreError::Corrupt { .. } | StoreError::Internal(_) => {}
        }
        let reference = self.reference();
        tracing::error!(error.reference = reference, error.chain = chain(&error), "the store failed");
        match error {
            StoreError::Unavailable(_) => {
                let message = "the database does not answer; try again in a moment";
                ApiError { reference: Some(reference), ..ApiError::unavailable(message) }
            }
            _ => ApiError::internal(reference),
        }
    }

    /// A defect: logged under a reference that the reader is told.
    pub(crate) fn defect(&self, error: &(dyn std::error::Error + 'static)) -> ApiError {
        let reference = self.reference();
        tracing::error!(error.reference = reference, error.chain = chain(error), "a defect");
        ApiError::internal(reference)
    }

    fn reference(&self) -> String {
        let mut bytes = [0; 5];
        self.parts.randomness.fill(&mut bytes);
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        line.push_str(": ");
        line.push_str(&next.to_string());
        cause = next.source();
    }
    line
}

/// Turns results of the store into answers.
pub(crate) trait OrFail<T> {
    /// The value, or what a failed store means to a reader.
    fn or_fail(self, engine: &Engine) -> Answer<T>;
}

impl<T> OrFail<T> for Result<T, StoreError> {
    fn or_fail(self, engine: &Engine) -> Answer<T> {
        self.map_err(|error| engine.store_failed(error))
    }
}
