//! Where values come from, in their order: flags, environment, file, default.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use super::{ConfigError, KEYS, Key};

/// The flags that every command takes. All are texts here; [`super::Config::read`] checks them, so
/// that a flag and a variable fail with the same words.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// A TOML file with the same keys
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<String>,
    /// The address to listen on [default: 127.0.0.1:3000]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// sqlite://… or postgres://… [default: a file in the data folder]
    #[arg(long, global = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// Where files of our own lie [default: slipway-data]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data_dir: Option<String>,
    /// Where people reach Slipway, such as https://slipway.example
    #[arg(long, global = true, value_name = "URL")]
    pub public_url: Option<String>,
    /// Networks of proxies whose X-Forwarded-For is believed, separated by commas
    #[arg(long, global = true, value_name = "NETWORKS")]
    pub trusted_proxies: Option<String>,
    /// Serve people over plain http although it is not this machine only
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub allow_http: Option<String>,
    /// Where Slack's API is [default: https://slack.com/api]
    #[arg(long, global = true, value_name = "URL")]
    pub slack_base_url: Option<String>,
    /// Addresses, networks and hosts that outgoing calls may use although they are not public
    #[arg(long, global = true, value_name = "LIST")]
    pub outgoing_allow: Option<String>,
    /// human or json [default: human]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// A level, or directives such as info,engine=debug [default: info]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// After how many hours without a request a session ends [default: 24]
    #[arg(long, global = true, value_name = "HOURS")]
    pub session_hours: Option<String>,
}

impl Flags {
    /// The value of the flag for `key`. Secrets have none: a command line is seen by every user of the machine.
    fn get(&self, key: &Key) -> Option<&String> {
        match key.name {
            "listen" => self.listen.as_ref(),
            "database_url" => self.database_url.as_ref(),
            "data_dir" => self.data_dir.as_ref(),
            "public_url" => self.public_url.as_ref(),
            "trusted_proxies" => self.trusted_proxies.as_ref(),
            "allow_http" => self.allow_http.as_ref(),
            "slack_base_url" => self.slack_base_url.as_ref(),
            "outgoing_allow" => self.outgoing_allow.as_ref(),
            "log_format" => self.log_format.as_ref(),
            "log_level" => self.log_level.as_ref(),
            "session_hours" => self.session_hours.as_ref(),
            _ => None,
        }
    }
}

/// Looks a variable up.
type Environment = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Everything that was given, by where it was given.
pub struct Sources {
    flags: Flags,
    environment: Environment,
    file: BTreeMap<String, String>,
    file_path: String,
}

impl Sources {
    /// Flags, this process's environment, and the file that one of them names.
    ///
    /// # Errors
    /// [`ConfigError::File`].
    pub fn of_process(flags: Flags) -> Result<Self, ConfigError> {
        #[expect(clippy::disallowed_methods, reason = "this is the one home of the environment")]
        Self::new(flags, |name| std::env::var(name).ok())
    }

    /// Flags, an environment, and the file that one of them names.
    ///
    /// # Errors
    /// [`ConfigError::File`].
    pub fn new(
        flags: Flags,
        environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        let file_path = flags.config.clone().or_else(|| environment("SLIPWAY_CONFIG"));
        let file = match &file_path {
            Some(path) => read_file(path)?,
            None => BTreeMap::new(),
        };
        Ok(Self { flags, environment: Box::new(environment), file, file_path: file_path.unwrap_or_default() })
    }

    /// Whether somebody said where our files lie.
    #[must_use]
    pub fn has_data_dir(&self) -> bool {
        self.given(&super::keys::DATA_DIR).is_some()
    }

    /// The value of `key` and where it came from; `None` when it was given nowhere. A value of
    /// nothing but white space counts as not given.
    #[must_use]
    pub fn given(&self, key: &Key) -> Option<(String, String)> {
        let flag = self.flags.get(key).map(|value| (value.clone(), format!("--{}", key.name.replace('_', "-"))));
        let variable = || {
            let own = format!("SLIPWAY_{}", key.name.to_ascii_uppercase());
            let names = [Some(own.as_str()), key.also_variable];
            names.into_iter().flatten().find_map(|name| Some(((self.environment)(name)?, name.to_owned())))
        };
        let entry = || self.file.get(key.name).map(|value| (value.clone(), self.file_path.clone()));
        let found = flag.or_else(variable).or_else(entry)?;
        if found.0.trim().is_empty() { None } else { Some((found.0.trim().to_owned(), found.1)) }
    }

    /// The text of `key`, its default when it was not given.
    #[must_use]
    pub fn text(&self, key: &Key) -> String {
        self.given(key).map_or_else(|| key.default.to_owned(), |(value, _)| value)
    }

    /// The value of `key` as a `T`.
    ///
    /// # Errors
    /// [`ConfigError::Value`] with what was expected.
    pub fn parsed<T: FromStr>(&self, key: &Key, expected: &str) -> Result<T, ConfigError> {
        self.text(key).parse().map_err(|_| self.error(key, format!("must be {expected}")))
    }

    /// The values of `key`, separated by commas.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for the first value that `parse` refuses.
    pub fn list<T, E: Display>(&self, key: &Key, parse: impl Fn(&str) -> Result<T, E>) -> Result<Vec<T>, ConfigError> {
        let text = self.text(key);
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(|item| parse(item).map_err(|error| self.error(key, error.to_string()))).collect()
    }

    /// An error about the value of `key`.
    #[must_use]
    pub fn error(&self, key: &Key, message: String) -> ConfigError {
        let origin = self.given(key).map_or_else(|| "default".to_owned(), |(_, origin)| origin);
        ConfigError::Value { key: key.name, origin, message }
    }
}

/// Reads a flat TOML file; lists become texts with commas.
fn read_file(path: &str) -> Result<BTreeMap<String, String>, ConfigError> {
    let error = |message: String| ConfigError::File { path: path.to_owned(), message };
    let text = std::fs::read_to_string(path).map_err(|e| error(format!("cannot be read: {e}")))?;
    // The parser's own text quotes the line, which may hold a secret.
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
        let line = e.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        error(format!("line {line} is not TOML: {}", e.message()))
    })?;
    let mut values = BTreeMap::new();
    for (name, value) in table {
        if !KEYS.iter().any(|key| key.name == name) {
            return Err(error(format!("there is no key '{name}'")));
        }
        let text = plain(&value).ok_or_else(|| error(format!("{name} must be a text, a number or a list of texts")))?;
        values.insert(name, text);
    }
    Ok(values)
}

fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(items) => Some(items.iter().map(plain).collect::<Option<Vec<_>>>()?.join(",")),
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}
