//! Outside deployers: a target that no cluster of ours runs (virtual machines, ECS, a mainframe) is
//! deployed by a program of its owner. Slipway tells it to start and to take back by signed webhooks;
//! it tells how it gets on by reports. What its words do to a promotion is in [`crate::promotion`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{duration_words, ids::PromotionId, readable};

/// Who brings versions into a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Deployer {
    /// Slipway itself, into the workloads of clusters.
    #[default]
    Clusters,
    /// A program of the target's owner.
    Outside(OutsideDeployer),
}

impl Deployer {
    /// Whether Slipway itself does it.
    #[must_use]
    pub const fn is_clusters(&self) -> bool {
        matches!(self, Self::Clusters)
    }

    /// The outside deployer, where there is one.
    #[must_use]
    pub const fn outside(&self) -> Option<&OutsideDeployer> {
        match self {
            Self::Clusters => None,
            Self::Outside(outside) => Some(outside),
        }
    }
}

/// What is wrong with the settings of an outside deployer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutsideError {
    /// Not an address for webhooks.
    #[error("{0}")]
    Address(&'static str),
    /// A deadline that nobody could keep, or that nobody waits for.
    #[error("a deadline of {} cannot be had; 10 s to 24 h can", duration_words::exact(i64::from(*.0)))]
    Deadline(u32),
    /// Signs of life closer than anybody sends them, or later than the deadline.
    #[error("a sign of life can be expected every 5 s or more, and before the deadline")]
    SignOfLife,
}

/// Where a webhook goes: an absolute http or https address without a user name and without a fragment.
/// Whether calls may go there is judged when they are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookAddress(String);

impl WebhookAddress {
    /// The host of the stand-in in the demo; a name that nobody can have (RFC 6761).
    pub const PRACTICE_HOST: &str = "deployer.practice.invalid";
    /// The longest address.
    pub const AT_MOST: usize = 1000;

    /// Reads an address.
    ///
    /// # Errors
    /// [`OutsideError::Address`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, OutsideError> {
        let text = text.trim();
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let rest = rest.ok_or(OutsideError::Address("an address begins with https://"))?;
        if text.len() > Self::AT_MOST {
            return Err(OutsideError::Address("the address is longer than 1000 characters"));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(OutsideError::Address("an address has no spaces"));
        }
        if text.chars().any(readable::is_hidden) {
            return Err(OutsideError::Address(
                "there are characters in the address that nobody can see; write it anew",
            ));
        }
        if text.contains('#') {
            return Err(OutsideError::Address("the address ends before the #"));
        }
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        if host.is_empty() {
            return Err(OutsideError::Address("the address names no host"));
        }
        if host.contains('@') {
            return Err(OutsideError::Address(
                "an address with a user name shows it to everyone; the signature tells the receiver who calls",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its host, for messages: what follows may carry what not everybody should read.
    #[must_use]
    pub fn host(&self) -> &str {
        let rest = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        rest.split(['/', '?']).next().unwrap_or_default()
    }
}

impl TryFrom<String> for WebhookAddress {
    type Error = OutsideError;

    fn try_from(text: String) -> Result<Self, OutsideError> {
        Self::parse(&text)
    }
}

impl From<WebhookAddress> for String {
    fn from(address: WebhookAddress) -> Self {
        address.0
    }
}

/// A program outside that deploys, and what is expected of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct OutsideDeployer {
    start: WebhookAddress,
    #[serde(skip_serializing_if = "Option::is_none")]
    abort: Option<WebhookAddress>,
    deadline_seconds: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    life_seconds: Option<u32>,
}

#[derive(Deserialize)]
struct Unchecked {
    start: WebhookAddress,
    #[serde(default)]
    abort: Option<WebhookAddress>,
    deadline_seconds: u32,
    #[serde(default)]
    life_seconds: Option<u32>,
}

impl TryFrom<Unchecked> for OutsideDeployer {
    type Error = OutsideError;

    fn try_from(text: Unchecked) -> Result<Self, OutsideError> {
        Self::new(text.start, text.abort, text.deadline_seconds, text.life_seconds)
    }
}

impl OutsideDeployer {
    /// What a deadline can be, in seconds.
    pub const DEADLINE: std::ops::RangeInclusive<u32> = 10..=86_400;
    /// The usual deadline: machines that are replaced one by one take this long.
    pub const USUAL_DEADLINE_SECONDS: u32 = 30 * 60;
    /// The shortest time between signs of life.
    pub const SHORTEST_LIFE_SECONDS: u32 = 5;

    /// A deployer that is told at `start` to begin and at `abort` to take back, has `deadline_seconds` for
    /// either, and is heard of at least every `life_seconds` meanwhile.
    ///
    /// # Errors
    /// [`OutsideError`] when a time cannot be.
    pub fn new(
        start: WebhookAddress,
        abort: Option<WebhookAddress>,
        deadline_seconds: u32,
        life_seconds: Option<u32>,
    ) -> Result<Self, OutsideError> {
        if !Self::DEADLINE.contains(&deadline_seconds) {
            return Err(OutsideError::Deadline(deadline_seconds));
        }
        let is_life_kept = |life: u32| (Self::SHORTEST_LIFE_SECONDS..deadline_seconds).contains(&life);
        if !life_seconds.is_none_or(is_life_kept) {
            return Err(OutsideError::SignOfLife);
        }
        Ok(Self { start, abort, deadline_seconds, life_seconds })
    }

    /// Where it is told something.
    #[must_use]
    pub const fn address(&self, call: DeployerCall) -> Option<&WebhookAddress> {
        match call {
            DeployerCall::Start => Some(&self.start),
            DeployerCall::Abort => self.abort.as_ref(),
        }
    }

    /// Whether it is the stand-in of the demo.
    #[must_use]
    pub fn is_practice(&self) -> bool {
        self.start.host() == WebhookAddress::PRACTICE_HOST
    }

    /// How long it has for the start, and as long again for taking back, in seconds.
    #[must_use]
    pub const fn deadline_seconds(&self) -> u32 {
        self.deadline_seconds
    }

    /// How often it is heard of while it works, in seconds; `None` when it need not be.
    #[must_use]
    pub const fn life_seconds(&self) -> Option<u32> {
        self.life_seconds
    }
}

/// What an outside deployer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployerCall {
    /// Bring the version in.
    Start,
    /// Bring back what ran before.
    Abort,
}

impl DeployerCall {
    /// The word for machines and for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Abort => "abort",
        }
    }
}

/// The stable identity of a call: the same however often it is sent, so that a receiver can leave out
/// what it has taken already. It is made of the promotion and the generation of its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId {
    /// The promotion.
    pub promotion: PromotionId,
    /// The generation of its run that wants the call.
    pub generation: u32,
}

impl std::fmt::Display for CallId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "call_{}_{}", self.promotion.uuid().simple(), self.generation)
    }
}

/// A text that is not the identity of a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a webhook; take it from the header webhook-id, or from `id` in its body")]
pub struct NotACall;

impl std::str::FromStr for CallId {
    type Err = NotACall;

    fn from_str(text: &str) -> Result<Self, NotACall> {
        let (promotion, generation) =
            text.trim().strip_prefix("call_").and_then(|rest| rest.split_once('_')).ok_or(NotACall)?;
        let promotion = PromotionId::new(Uuid::parse_str(promotion).map_err(|_| NotACall)?);
        Ok(Self { promotion, generation: generation.parse().map_err(|_| NotACall)? })
    }
}

/// What came of sending a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallAnswer {
    /// The deployer has it.
    Taken,
    /// It will not have it, and trying again by itself will not help; why and what to do.
    Refused(String),
    /// It may or may not have it; it is tried again. Why.
    NotYet(String),
}

/// How far a deployer says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportState {
    /// It works.
    Running,
    /// What it was told is done: the version runs, or what ran before runs again.
    Succeeded,
    /// What it was told could not be done.
    Failed,
}

impl ReportState {
    /// The word for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// What an outside deployer reports about a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How far it is.
    pub state: ReportState,
    /// How much of it, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// In its words; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Where more can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// When it was so, by the deployer's clock: an earlier one than the last says nothing any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
}

impl Report {
    /// The longest message, in characters: a line on a page, not a log.
    pub const MESSAGE_AT_MOST: usize = 500;

    /// What is reported in one line: `40 %, migrating the database`.
    #[must_use]
    pub fn words(&self) -> String {
        in_words(self.percent, &self.message)
    }
}

/// `40 %, migrating the database`; empty when neither is known.
#[must_use]
pub fn in_words(percent: Option<u8>, message: &str) -> String {
    match (percent, message) {
        (Some(percent), "") => format!("{percent} %"),
        (Some(percent), message) => format!("{percent} %, {message}"),
        (None, message) => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn addresses_that_cannot_be_called_are_refused_by_what_is_wrong() {
        let table = [
            ("https://deploy.example/start?x=1", None),
            ("http://10.0.0.7:8080", None),
            ("ftp://deploy.example", Some("an address begins with https://")),
            ("deploy.example/start", Some("an address begins with https://")),
            ("https:///start", Some("the address names no host")),
            ("https://a b.example", Some("an address has no spaces")),
            (
                "https://deploy.example/\u{202E}trats",
                Some("there are characters in the address that nobody can see; write it anew"),
            ),
            (
                "https://deploy\u{200B}.example/",
                Some("there are characters in the address that nobody can see; write it anew"),
            ),
            ("https://deploy.example/#x", Some("the address ends before the #")),
        ];
        for (text, wrong) in table {
            let found = WebhookAddress::parse(text).map_err(|error| error.to_string());
            assert_eq!(found.as_ref().err().map(String::as_str), wrong, "{text}");
        }
        assert!(WebhookAddress::parse("https://user:secret@deploy.example").is_err());
        assert!(WebhookAddress::parse(&format!("https://a.example/{}", "x".repeat(1000))).is_err());
        assert_eq!(WebhookAddress::parse("https://a.example:8443/start?token=1").unwrap().host(), "a.example:8443");
    }

    #[test]
    fn times_that_cannot_be_are_refused_also_when_they_are_stored() {
        let address = || WebhookAddress::parse("https://deploy.example").unwrap();
        let with = |deadline, life| OutsideDeployer::new(address(), None, deadline, life);
        assert_eq!(with(9, None), Err(OutsideError::Deadline(9)));
        assert_eq!(with(86_401, None), Err(OutsideError::Deadline(86_401)));
        assert_eq!(with(60, Some(4)), Err(OutsideError::SignOfLife));
        assert_eq!(with(60, Some(60)), Err(OutsideError::SignOfLife));
        let deployer = Deployer::Outside(with(60, Some(30)).unwrap());
        let text = serde_json::to_string(&deployer).unwrap();
        assert_eq!(
            text,
            r#"{"by":"outside","start":"https://deploy.example","deadline_seconds":60,"life_seconds":30}"#
        );
        assert_eq!(serde_json::from_str::<Deployer>(&text).unwrap(), deployer);
        assert!(serde_json::from_str::<Deployer>(&text.replace("60", "6")).is_err());
        assert_eq!(serde_json::from_str::<Deployer>(r#"{"by":"clusters"}"#).unwrap(), Deployer::Clusters);
    }

    #[test]
    fn the_id_of_a_call_is_stable_and_read_again() {
        let id = CallId { promotion: PromotionId::new(Uuid::from_u128(7)), generation: 2 };
        assert_eq!(id.to_string(), "call_00000000000000000000000000000007_2");
        assert_eq!(id.to_string().parse::<CallId>().unwrap(), id);
        for wrong in ["", "call_", "call_7_2", "ping_00000000000000000000000000000007_2", "call_x_1", "call_7_-1"] {
            assert!(wrong.parse::<CallId>().is_err(), "{wrong}");
        }
    }
}
