//! Sorts what can go wrong with Kubernetes by what the caller can do about it.

use std::{error::Error as StdError, time::Duration};

use domain::readable;
use ports::ClusterError;

/// How long one request may take. A cluster that is slower than this is as good as down for the
/// person who waits, and must not hold up the others.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest text of a peer that is passed on.
const MESSAGE_LENGTH: usize = 500;

/// Runs a request for at most [`REQUEST_TIMEOUT`].
pub(crate) async fn bounded<T>(request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, kube::Error> {
    match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
        Ok(answer) => answer,
        Err(_) => {
            let late = std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                format!("no answer within {} s", REQUEST_TIMEOUT.as_secs()),
            );
            Err(kube::Error::Service(Box::new(late)))
        }
    }
}

/// Whether the object is not there.
pub(crate) fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// Whether the object changed since it was read.
pub(crate) fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

/// What the caller can do about `error`.
pub(crate) fn sort(error: &kube::Error) -> ClusterError {
    match error {
        kube::Error::Api(status) => sort_status(status),
        kube::Error::Auth(_) => ClusterError::Unauthorized(chain(error)),
        kube::Error::RustlsTls(_) | kube::Error::InferConfig(_) | kube::Error::InferKubeconfig(_) => {
            ClusterError::Settings(chain(error))
        }
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
            ClusterError::Settings(format!("the answer is not one of a Kubernetes API server: {}", chain(error)))
        }
        _ if is_distrust(error) => ClusterError::Settings(format!(
            "the server's certificate is not trusted by the given certificate authority: {}",
            root(error)
        )),
        _ if is_cut_off(error) => ClusterError::Unreachable(CUT_OFF.to_owned()),
        _ => ClusterError::Unreachable(root(error)),
    }
}

/// What the caller can do about an answer of the API server.
pub(crate) fn sort_status(status: &kube::core::Status) -> ClusterError {
    let message = if status.message.is_empty() { &status.reason } else { &status.message };
    let message = cut(message, MESSAGE_LENGTH);
    match status.code {
        401 => ClusterError::Unauthorized(message),
        403 => ClusterError::Forbidden(message),
        409 => ClusterError::Conflict,
        // Gone, too many requests and the server's own troubles pass by themselves.
        408 | 410 | 429 | 500.. => ClusterError::Unreachable(message),
        _ => ClusterError::Invalid(message),
    }
}

/// Cuts text to at most `length` characters and drops what would disturb a line of a log or a page, or mislead who
/// reads it.
pub(crate) fn cut(text: &str, length: usize) -> String {
    let mut cut: String = readable::plain(text).take(length + 1).collect();
    if let Some((at, _)) = cut.char_indices().nth(length) {
        cut.truncate(at);
        cut.push('…');
    }
    cut
}

fn sources<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |e| cause(*e))
}

fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    // An I/O error hides what it wraps from `source`.
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn is_distrust(error: &kube::Error) -> bool {
    sources(error).any(|e| matches!(e.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))))
}

/// What is told of a connection that ends where more was to come: what others say of it is for programmers.
const CUT_OFF: &str = "the server closed the connection in the middle of an answer";

fn is_cut_off(error: &kube::Error) -> bool {
    let is_end = |e: &std::io::Error| e.kind() == std::io::ErrorKind::UnexpectedEof;
    sources(error).any(|e| e.downcast_ref().is_some_and(is_end))
}

/// The text of the innermost cause: 'connection refused', not 'service error: client error: …'.
fn root(error: &kube::Error) -> String {
    let innermost = sources(error).last().map(ToString::to_string).unwrap_or_default();
    cut(&innermost, MESSAGE_LENGTH)
}

fn chain(error: &kube::Error) -> String {
    cut(&error.to_string(), MESSAGE_LENGTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, message: &str) -> kube::Error {
        kube::Error::Api(kube::core::Status::failure(message, "Reason").with_code(code).boxed())
    }

    #[test]
    fn answers_are_sorted_by_what_the_caller_can_do() {
        assert_eq!(sort(&answer(401, "no")), ClusterError::Unauthorized("no".into()));
        assert_eq!(sort(&answer(403, "no")), ClusterError::Forbidden("no".into()));
        assert_eq!(sort(&answer(409, "no")), ClusterError::Conflict);
        assert_eq!(sort(&answer(422, "")), ClusterError::Invalid("Reason".into()));
        assert_eq!(sort(&answer(429, "later")), ClusterError::Unreachable("later".into()));
        assert_eq!(sort(&answer(503, "later")), ClusterError::Unreachable("later".into()));
    }

    #[test]
    fn the_innermost_cause_is_told() {
        let distrust = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = std::io::Error::new(std::io::ErrorKind::InvalidData, distrust);
        let sorted = sort(&kube::Error::Service(Box::new(wrapped)));
        assert!(matches!(&sorted, ClusterError::Settings(text) if text.contains("UnknownIssuer")), "{sorted:?}");
        let refused = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused");
        let sorted = sort(&kube::Error::Service(Box::new(std::io::Error::other(refused))));
        assert_eq!(sorted, ClusterError::Unreachable("connection refused".into()));
    }

    #[test]
    fn a_connection_that_ends_in_the_middle_is_told_in_words_of_our_own() {
        let kind = std::io::ErrorKind::UnexpectedEof;
        let cut_off = std::io::Error::new(kind, "peer closed connection: https://docs.rs/rustls/latest/manual");
        let sorted = sort(&kube::Error::Service(Box::new(std::io::Error::other(cut_off))));
        let told = "the server closed the connection in the middle of an answer".to_owned();
        assert_eq!(sorted, ClusterError::Unreachable(told));
    }

    #[test]
    fn long_and_hostile_text_is_cut() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("ab\n\u{1b}[31mé", 4), "ab  …");
        assert_eq!(cut("éééé", 3), "ééé…");
        assert_eq!(cut("\u{202E}no\u{200B}", 9), " no");
    }
}
