//! The keys, their defaults, and the rules for each value.

use std::{net::SocketAddr, path::Path};

use axum::http::Uri;
use ipnet::IpNet;
use outgoing::AllowRule;
use secrecy::SecretString;
use tracing_subscriber::EnvFilter;

use super::{ConfigError, EncryptionKey, LogFormat, PublicUrl, Sources};

/// A key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// Its name in the file; flag and variable are made of it.
    pub name: &'static str,
    /// Another variable that many platforms set.
    pub also_variable: Option<&'static str>,
    /// What holds when nothing is given; empty when there is no default.
    pub default: &'static str,
}

const fn key(name: &'static str, default: &'static str) -> Key {
    Key { name, also_variable: None, default }
}

pub(super) const LISTEN: Key = key("listen", "127.0.0.1:3000");
pub(super) const DATABASE_URL: Key = Key { name: "database_url", also_variable: Some("DATABASE_URL"), default: "" };
pub(super) const DATA_DIR: Key = key("data_dir", "slipway-data");
pub(super) const PUBLIC_URL: Key = key("public_url", "");
pub(super) const TRUSTED_PROXIES: Key = key("trusted_proxies", "");
pub(super) const ALLOW_HTTP: Key = key("allow_http", "false");
pub(super) const ENCRYPTION_KEY: Key = key("encryption_key", "");
pub(super) const SLACK_BASE_URL: Key = key("slack_base_url", outgoing::slack::DEFAULT_BASE);
pub(super) const OUTGOING_ALLOW: Key = key("outgoing_allow", "");
pub(super) const LOG_FORMAT: Key = key("log_format", "human");
pub(super) const LOG_LEVEL: Key = key("log_level", "info");
pub(super) const SESSION_HOURS: Key = key("session_hours", "24");
pub(super) const METRICS_TOKEN: Key = key("metrics_token", "");

/// Every key, in the order of the README's table.
pub const KEYS: [&Key; 13] = [
    &LISTEN,
    &DATABASE_URL,
    &DATA_DIR,
    &PUBLIC_URL,
    &TRUSTED_PROXIES,
    &ALLOW_HTTP,
    &ENCRYPTION_KEY,
    &SLACK_BASE_URL,
    &OUTGOING_ALLOW,
    &LOG_FORMAT,
    &LOG_LEVEL,
    &SESSION_HOURS,
    &METRICS_TOKEN,
];

/// A session that lasts longer than this without a request is a lost laptop's friend.
const LONGEST_SESSION_HOURS: u32 = 24 * 30;

/// A shorter token can be guessed.
const SHORTEST_METRICS_TOKEN: usize = 16;

pub(super) fn database_url(sources: &Sources, data_dir: &Path) -> Result<SecretString, ConfigError> {
    let Some((url, _)) = sources.given(&DATABASE_URL) else {
        let file = data_dir.join("slipway.db");
        return Ok(SecretString::from(format!("sqlite://{}", file.display())));
    };
    // The value may hold a password, so it is not shown.
    if ["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme)) {
        Ok(SecretString::from(url))
    } else {
        Err(sources.error(&DATABASE_URL, "must begin with sqlite:// or postgres://".to_owned()))
    }
}

pub(super) fn public_url(sources: &Sources, listen: SocketAddr, allow_http: bool) -> Result<PublicUrl, ConfigError> {
    let Some((text, _)) = sources.given(&PUBLIC_URL) else {
        if listen.ip().is_loopback() || allow_http {
            return Ok(PublicUrl { url: format!("http://{listen}"), is_https: false });
        }
        let message = format!("must be set to where people reach Slipway, for it listens on {listen}");
        return Err(ConfigError::Missing { key: PUBLIC_URL.name, message });
    };
    let wrong = |message: &str| sources.error(&PUBLIC_URL, message.to_owned());
    let uri: Uri = text.trim_end_matches('/').parse().map_err(|_| wrong("must be an address"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(wrong("must be an address such as https://slipway.example"));
    };
    if uri.path() != "/" || uri.query().is_some() || authority.as_str().contains('@') {
        return Err(wrong("must be a scheme, a host and at most a port"));
    }
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let url = format!("{scheme}://{authority}");
    match scheme {
        "https" => Ok(PublicUrl { url, is_https: true }),
        "http" if is_loopback || allow_http => Ok(PublicUrl { url, is_https: false }),
        "http" => Err(wrong("must be https; set allow_http where plain http is wanted")),
        _ => Err(wrong("must begin with https://")),
    }
}

pub(super) fn web_address(sources: &Sources, key: &Key) -> Result<String, ConfigError> {
    let text = sources.text(key);
    let uri: Option<Uri> = text.parse().ok();
    let is_web = |uri: Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    if uri.is_some_and(is_web) {
        Ok(text)
    } else {
        Err(sources.error(key, "must be an http or https address".to_owned()))
    }
}

/// Who sets another address of Slack wants it to be called.
pub(super) fn with_slack(mut allow: Vec<AllowRule>, slack_base_url: &str) -> Vec<AllowRule> {
    let host = slack_base_url.parse::<Uri>().ok().and_then(|uri| uri.host()?.parse::<AllowRule>().ok());
    if slack_base_url != SLACK_BASE_URL.default
        && let Some(rule) = host
        && !allow.contains(&rule)
    {
        allow.push(rule);
    }
    allow
}

pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let single = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    text.parse::<IpNet>().or_else(|_| single()).map_err(|_| format!("'{text}' is no address or network"))
}

pub(super) fn encryption_key(sources: &Sources) -> Result<Option<EncryptionKey>, ConfigError> {
    let Some((text, _)) = sources.given(&ENCRYPTION_KEY) else { return Ok(None) };
    EncryptionKey::parse(&text).map(Some).ok_or_else(|| {
        let message = "must be 32 bytes in base64, such as `openssl rand -base64 32` makes";
        sources.error(&ENCRYPTION_KEY, message.to_owned())
    })
}

pub(super) fn log_format(sources: &Sources) -> Result<LogFormat, ConfigError> {
    match sources.text(&LOG_FORMAT).as_str() {
        "human" => Ok(LogFormat::Human),
        "json" => Ok(LogFormat::Json),
        _ => Err(sources.error(&LOG_FORMAT, "must be human or json".to_owned())),
    }
}

pub(super) fn log_level(sources: &Sources) -> Result<String, ConfigError> {
    let text = sources.text(&LOG_LEVEL);
    let filter = EnvFilter::try_new(&text);
    filter.map(|_| text).map_err(|error| sources.error(&LOG_LEVEL, error.to_string()))
}

pub(super) fn session_hours(sources: &Sources) -> Result<u32, ConfigError> {
    let expected = format!("a number of hours, 1 to {LONGEST_SESSION_HOURS}");
    let hours: u32 = sources.parsed(&SESSION_HOURS, &expected)?;
    let is_good = (1..=LONGEST_SESSION_HOURS).contains(&hours);
    if is_good { Ok(hours) } else { Err(sources.error(&SESSION_HOURS, format!("must be {expected}"))) }
}

pub(super) fn metrics_token(sources: &Sources) -> Result<Option<SecretString>, ConfigError> {
    let Some((text, _)) = sources.given(&METRICS_TOKEN) else { return Ok(None) };
    if text.len() < SHORTEST_METRICS_TOKEN {
        let message = format!("must have at least {SHORTEST_METRICS_TOKEN} characters");
        return Err(sources.error(&METRICS_TOKEN, message));
    }
    Ok(Some(SecretString::from(text)))
}

/// A database address as it may be shown: user, password and parameters are left out.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "…".to_owned() };
    let rest = rest.split('?').next().unwrap_or_default();
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{place}")
}
