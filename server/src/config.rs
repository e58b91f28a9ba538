//! The configuration: flags over environment over a TOML file over defaults, checked as a whole
//! before a port opens.
//!
//! Every key has one name (`public_url`): the flag is `--public-url`, the variable
//! `SLIPWAY_PUBLIC_URL`, the entry of the file `public_url`. An error names the key and where its
//! value came from, and never shows a secret. The environment is read here and nowhere else.

mod encryption_key;
mod keys;
mod sources;

use std::{net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use outgoing::AllowRule;
use secrecy::{ExposeSecret, SecretString};

pub use encryption_key::{EncryptionKey, KeyFileError, load_or_make};
pub use keys::{KEYS, Key};
pub use sources::{Flags, Sources};

/// Something in the configuration is wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value cannot be used.
    #[error("{key} ({origin}): {message}")]
    Value {
        /// The key.
        key: &'static str,
        /// Where the value came from: `--listen`, `SLIPWAY_LISTEN`, the file's path.
        origin: String,
        /// What is wrong with it.
        message: String,
    },
    /// Two keys contradict each other, or one is missing.
    #[error("{key}: {message}")]
    Missing {
        /// The key to set.
        key: &'static str,
        /// Why it is needed.
        message: String,
    },
    /// The file cannot be read, or has a key that does not exist.
    #[error("{path}: {message}")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        message: String,
    },
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Where Slipway is reached, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// `https://slipway.example`, without a slash at the end.
    pub url: String,
    /// Whether readers come over https: then the session cookie is `__Host-` and Secure.
    pub is_https: bool,
}

/// Everything that can be set, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// `sqlite://…` or `postgres://…`; may carry a password.
    pub database_url: SecretString,
    /// Where files of our own lie.
    pub data_dir: PathBuf,
    /// Where Slipway is reached.
    pub public_url: PublicUrl,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Encrypts what must not be read from the database; `None` when none is set.
    pub encryption_key: Option<EncryptionKey>,
    /// Where Slack's API is.
    pub slack_base_url: String,
    /// Addresses that outgoing calls may use although they are not public.
    pub outgoing_allow: Vec<AllowRule>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What is logged: a level, or directives such as `info,engine=debug`.
    pub log_level: String,
    /// After how many hours without a request a session ends.
    pub session_hours: u32,
    /// What `/metrics` asks for as a bearer token; open when absent.
    pub metrics_token: Option<SecretString>,
}

impl Config {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// [`ConfigError`], the first one found.
    pub fn read(sources: &Sources) -> Result<Self, ConfigError> {
        let listen: SocketAddr = sources.parsed(&keys::LISTEN, "an address and port such as 127.0.0.1:3000")?;
        let allow_http: bool = sources.parsed(&keys::ALLOW_HTTP, "true or false")?;
        let data_dir = PathBuf::from(sources.text(&keys::DATA_DIR));
        let outgoing_allow = sources.list(&keys::OUTGOING_ALLOW, str::parse::<AllowRule>)?;
        let slack_base_url = keys::web_address(sources, &keys::SLACK_BASE_URL)?;
        Ok(Self {
            listen,
            database_url: keys::database_url(sources, &data_dir)?,
            public_url: keys::public_url(sources, listen, allow_http)?,
            trusted_proxies: sources.list(&keys::TRUSTED_PROXIES, keys::network)?,
            encryption_key: keys::encryption_key(sources)?,
            outgoing_allow: keys::with_slack(outgoing_allow, &slack_base_url),
            slack_base_url,
            log_format: keys::log_format(sources)?,
            log_level: keys::log_level(sources)?,
            session_hours: keys::session_hours(sources)?,
            metrics_token: keys::metrics_token(sources)?,
            data_dir,
        })
    }

    /// Whether the database is the embedded one.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        self.database_url.expose_secret().starts_with("sqlite:")
    }

    /// The whole configuration for people, without secrets.
    #[must_use]
    pub fn shown(&self) -> String {
        let list = |items: Vec<String>| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
        let is_set = |set: bool| if set { "set" } else { "not set" };
        let lines = [
            ("listen", self.listen.to_string()),
            ("database_url", keys::without_password(self.database_url.expose_secret())),
            ("data_dir", self.data_dir.display().to_string()),
            ("public_url", self.public_url.url.clone()),
            ("trusted_proxies", list(self.trusted_proxies.iter().map(ToString::to_string).collect())),
            ("encryption_key", is_set(self.encryption_key.is_some()).to_owned()),
            ("slack_base_url", self.slack_base_url.clone()),
            ("outgoing_allow", list(self.outgoing_allow.iter().map(ToString::to_string).collect())),
            ("log_format", if self.log_format == LogFormat::Json { "json" } else { "human" }.to_owned()),
            ("log_level", self.log_level.clone()),
            ("session_hours", self.session_hours.to_string()),
            ("metrics_token", is_set(self.metrics_token.is_some()).to_owned()),
        ];
        lines.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
    }
}

#[cfg(test)]
mod tests;
