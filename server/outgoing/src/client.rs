//! The one HTTP client for calls to the outside.
//!
//! Fails with [`CallError`], which says what the caller can do: a denied address is a setting to
//! mend, no answer is a reason to look before trying again.

use std::{error::Error, time::Duration};

use domain::{analysis::Tenant, readable};
use ports::MetricCredentials;
use reqwest::{Method, RequestBuilder, Url, header::HeaderMap, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};

use crate::judge::{Denied, Judge};

/// Connecting takes this long at most; a host that is there answers within a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A whole call takes this long at most; Slack's own budget for an answer is below ten seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// An answer is at most this large: a page of 200 messages with metadata is well below one megabyte.
const ANSWER_LIMIT: usize = 4 * 1024 * 1024;

/// The client cannot be made: the system's certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the client for outgoing calls cannot be made")]
pub struct ClientError(#[from] reqwest::Error);

/// What went wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The call was not made.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No whole answer came; the call may or may not have had its effect.
    #[error("{0}")]
    NoAnswer(String),
    /// The answer is larger than can be of use; it was not read to its end.
    #[error("the answer is too large")]
    TooLarge,
}

/// As whom a metric source is asked.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    /// How it lets us in.
    pub credentials: &'a MetricCredentials,
    /// On whose behalf.
    pub tenant: Option<&'a Tenant>,
}

/// An answer with its whole body.
pub(crate) struct RawAnswer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

/// The client. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    judge: Judge,
}

impl Client {
    /// A client that connects only where `judge` allows it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn new(judge: Judge) -> Result<Self, ClientError> {
        // An error only says that a provider is installed already, which is what is wanted.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder()
            .user_agent(concat!("slipway/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .dns_resolver(judge.clone())
            .build()?;
        Ok(Self { http, judge })
    }

    /// Judges an address without calling it.
    pub(crate) fn look_at(&self, url: &Url) -> Result<(), Denied> {
        self.judge.look_at(url)
    }

    /// Makes a call with a bearer token and reads the whole answer. The body is JSON for POST.
    pub(crate) async fn call(
        &self,
        method: Method,
        url: Url,
        token: &SecretString,
        body: Option<&serde_json::Value>,
    ) -> Result<RawAnswer, CallError> {
        self.judge.look_at(&url)?;
        let mut request = self.http.request(method, url).bearer_auth(token.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        self.finish(request, ANSWER_LIMIT).await
    }

    /// Asks a question as a form by POST, which has no limit to its length as an address has, and reads
    /// the whole answer of at most `limit` bytes within `timeout`.
    pub(crate) async fn ask(
        &self,
        url: Url,
        caller: Caller<'_>,
        form: &[(&str, &str)],
        timeout: Duration,
        limit: usize,
    ) -> Result<RawAnswer, CallError> {
        self.judge.look_at(&url)?;
        let request = self.http.post(url).timeout(timeout).form(form);
        self.finish(with(request, caller), limit).await
    }

    /// Reads what stands at an address, as [`Client::ask`] does.
    pub(crate) async fn read(
        &self,
        url: Url,
        caller: Caller<'_>,
        timeout: Duration,
        limit: usize,
    ) -> Result<RawAnswer, CallError> {
        self.judge.look_at(&url)?;
        let request = self.http.get(url).timeout(timeout);
        self.finish(with(request, caller), limit).await
    }

    /// Sends a body as it is, with these headers, within `timeout`. The status is the answer: of what follows
    /// it at most `limit` bytes are read, and what does not come is left.
    pub(crate) async fn post(
        &self,
        url: Url,
        headers: &[(&str, String)],
        body: String,
        timeout: Duration,
        limit: usize,
    ) -> Result<RawAnswer, CallError> {
        self.judge.look_at(&url)?;
        let mut request = self.http.post(url).timeout(timeout).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let mut response = request.send().await.map_err(|error| no_answer(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(chunk.get(..limit - body.len()).unwrap_or(&chunk));
            if body.len() >= limit {
                break;
            }
        }
        Ok(RawAnswer { status, headers, body })
    }

    /// Asks for an address and tells the status that it is answered with; the body is not read.
    pub(crate) async fn status(&self, url: Url, timeout: Duration) -> Result<u16, CallError> {
        self.judge.look_at(&url)?;
        let response = self.http.get(url).timeout(timeout).send().await.map_err(|error| no_answer(&error))?;
        Ok(response.status().as_u16())
    }

    async fn finish(&self, request: RequestBuilder, limit: usize) -> Result<RawAnswer, CallError> {
        let mut response = request.send().await.map_err(|error| no_answer(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut whole = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| no_answer(&error))? {
            if whole.len() + chunk.len() > limit {
                return Err(CallError::TooLarge);
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(RawAnswer { status, headers, body: whole })
    }
}

fn with(request: RequestBuilder, caller: Caller<'_>) -> RequestBuilder {
    let request = match caller.tenant {
        Some(tenant) => request.header("X-Scope-OrgID", tenant.as_str()),
        None => request,
    };
    match caller.credentials {
        MetricCredentials::None => request,
        MetricCredentials::Token(token) => request.bearer_auth(token.expose_secret()),
        MetricCredentials::Password { user, password } => request.basic_auth(user, Some(password.expose_secret())),
    }
}

/// The first `at_most` characters of what somebody else says, without those that mislead or cannot be seen.
pub(crate) fn cut(text: &str, at_most: usize) -> String {
    readable::plain(text).take(at_most).collect()
}

/// The innermost cause in words, without the address (which may carry what should not be shown), or
/// the judge's verdict when that is the cause.
fn no_answer(error: &reqwest::Error) -> CallError {
    if error.is_timeout() {
        return CallError::NoAnswer("no answer in time".to_owned());
    }
    let mut cause: &(dyn Error + 'static) = error;
    while let Some(source) = cause.source() {
        cause = source;
        if let Some(denied) = cause.downcast_ref::<Denied>() {
            return CallError::Denied(denied.clone());
        }
    }
    let what = if error.is_connect() { "cannot connect" } else { "the connection broke" };
    CallError::NoAnswer(format!("{what}: {cause}"))
}
