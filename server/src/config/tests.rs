//! The order of sources, what is refused and in which words, and that no secret shows.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;

use super::*;

fn read(flags: Flags, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let environment: HashMap<String, String> =
        environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Config::read(&Sources::new(flags, move |name| environment.get(name).cloned())?)
}

fn file(text: &str) -> (tempfile::TempDir, Flags) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slipway.toml");
    std::fs::write(&path, text).unwrap();
    let flags = Flags { config: Some(path.display().to_string()), ..Flags::default() };
    (folder, flags)
}

fn refusal(environment: &[(&str, &str)]) -> String {
    read(Flags::default(), environment).unwrap_err().to_string()
}

#[test]
fn without_anything_it_serves_this_machine_from_a_file() {
    let config = read(Flags::default(), &[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:3000");
    assert_eq!(config.database_url.expose_secret(), "sqlite://slipway-data/slipway.db");
    assert_eq!(config.public_url, PublicUrl { url: "http://127.0.0.1:3000".into(), is_https: false });
    assert!(config.encryption_key.is_none() && config.metrics_token.is_none());
    assert_eq!(config.outgoing_allow, []);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let (_folder, flags) =
        file("listen = \"127.0.0.1:1\"\nsession_hours = 3\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n");
    let config = read(flags.clone(), &[]).unwrap();
    assert_eq!((config.listen.port(), config.session_hours), (1, 3));
    assert_eq!(config.trusted_proxies.len(), 2);
    let config = read(flags.clone(), &[("SLIPWAY_LISTEN", "127.0.0.1:2")]).unwrap();
    assert_eq!((config.listen.port(), config.session_hours), (2, 3));
    let flags = Flags { listen: Some("127.0.0.1:4".into()), ..flags };
    assert_eq!(read(flags, &[("SLIPWAY_LISTEN", "127.0.0.1:2")]).unwrap().listen.port(), 4);
}

#[test]
fn the_usual_variable_names_the_database_unless_our_own_does() {
    let usual = ("DATABASE_URL", "postgres://db/a");
    assert_eq!(read(Flags::default(), &[usual]).unwrap().database_url.expose_secret(), "postgres://db/a");
    let own = ("SLIPWAY_DATABASE_URL", "postgres://db/b");
    assert_eq!(read(Flags::default(), &[usual, own]).unwrap().database_url.expose_secret(), "postgres://db/b");
}

#[test]
fn an_error_names_the_key_and_where_its_value_came_from() {
    let cases = [
        ("SLIPWAY_LISTEN", "here", "listen (SLIPWAY_LISTEN): must be an address and port such as 127.0.0.1:3000"),
        ("DATABASE_URL", "mysql://x", "database_url (DATABASE_URL): must begin with sqlite:// or postgres://"),
        (
            "SLIPWAY_TRUSTED_PROXIES",
            "10.0.0.0/8,x",
            "trusted_proxies (SLIPWAY_TRUSTED_PROXIES): 'x' is no address or network",
        ),
        ("SLIPWAY_LOG_FORMAT", "xml", "log_format (SLIPWAY_LOG_FORMAT): must be human or json"),
        ("SLIPWAY_SESSION_HOURS", "0", "session_hours (SLIPWAY_SESSION_HOURS): must be a number of hours, 1 to 720"),
        ("SLIPWAY_ALLOW_HTTP", "yes", "allow_http (SLIPWAY_ALLOW_HTTP): must be true or false"),
        (
            "SLIPWAY_SLACK_BASE_URL",
            "slack.com",
            "slack_base_url (SLIPWAY_SLACK_BASE_URL): must be an http or https address",
        ),
        (
            "SLIPWAY_PUBLIC_URL",
            "https://x/y",
            "public_url (SLIPWAY_PUBLIC_URL): must be a scheme, a host and at most a port",
        ),
        (
            "SLIPWAY_PUBLIC_URL",
            "http://x",
            "public_url (SLIPWAY_PUBLIC_URL): must be https; set allow_http where plain http is wanted",
        ),
        (
            "SLIPWAY_LISTEN",
            "0.0.0.0:80",
            "public_url: must be set to where people reach Slipway, for it listens on 0.0.0.0:80",
        ),
    ];
    for (name, value, expected) in cases {
        assert_eq!(refusal(&[(name, value)]), expected);
    }
    assert!(refusal(&[("SLIPWAY_LOG_LEVEL", "a=b=c")]).starts_with("log_level (SLIPWAY_LOG_LEVEL): "));
    assert!(refusal(&[("SLIPWAY_OUTGOING_ALLOW", "a/b")]).starts_with("outgoing_allow (SLIPWAY_OUTGOING_ALLOW): "));
}

#[test]
fn a_file_with_an_unknown_key_or_no_toml_is_refused_without_showing_its_text() {
    let (_folder, flags) = file("listen_on = 1\n");
    assert!(read(flags, &[]).unwrap_err().to_string().ends_with("there is no key 'listen_on'"));
    let (_folder, flags) = file("listen = \"127.0.0.1:1\"\nencryption_key = canary\n");
    let words = read(flags, &[]).unwrap_err().to_string();
    assert!(words.contains("line 2") && !words.contains("canary"), "{words}");
    let flags = Flags { config: Some("/nowhere/slipway.toml".into()), ..Flags::default() };
    assert!(read(flags, &[]).unwrap_err().to_string().starts_with("/nowhere/slipway.toml: cannot be read"));
}

#[test]
fn https_makes_the_cookie_strict_and_a_slash_at_the_end_is_dropped() {
    let environment = [("SLIPWAY_LISTEN", "0.0.0.0:80"), ("SLIPWAY_PUBLIC_URL", "https://slipway.example/")];
    let config = read(Flags::default(), &environment).unwrap();
    assert_eq!(config.public_url, PublicUrl { url: "https://slipway.example".into(), is_https: true });
    let environment = [("SLIPWAY_PUBLIC_URL", "http://x:8080"), ("SLIPWAY_ALLOW_HTTP", "true")];
    assert!(!read(Flags::default(), &environment).unwrap().public_url.is_https);
}

#[test]
fn another_address_of_slack_may_be_called() {
    let config = read(Flags::default(), &[("SLIPWAY_SLACK_BASE_URL", "http://127.0.0.1:4000/api")]).unwrap();
    assert_eq!(config.outgoing_allow, ["127.0.0.1".parse::<AllowRule>().unwrap()]);
}

#[test]
fn attack_31_no_secret_is_shown() {
    let key = "Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5LTEyMzQ=";
    let environment = [
        ("DATABASE_URL", "postgres://user:canary@db.example/slipway?password=canary"),
        ("SLIPWAY_ENCRYPTION_KEY", key),
        ("SLIPWAY_METRICS_TOKEN", "canary-canary-canary"),
    ];
    let config = read(Flags::default(), &environment).unwrap();
    let shown = format!("{}{config:?}", config.shown());
    assert!(!shown.contains("canary") && !shown.contains(key), "{shown}");
    assert!(shown.contains("postgres://db.example/slipway"), "{shown}");
    let wrong = [("SLIPWAY_ENCRYPTION_KEY", "canary"), ("SLIPWAY_METRICS_TOKEN", "canary")];
    for (name, value) in wrong {
        let words = refusal(&[(name, value)]);
        assert!(!words.contains("canary"), "{words}");
    }
}

#[test]
fn a_key_is_made_once_and_only_its_owner_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let clock: std::sync::Arc<dyn ports::Clock> = std::sync::Arc::new(practice::MockClock::default());
    let randomness = practice::SeededRandomness::new(1, clock);
    let made = load_or_make(folder.path(), &randomness).unwrap();
    assert_eq!(load_or_make(folder.path(), &randomness).unwrap().bytes(), made.bytes());
    let path = folder.path().join("encryption.key");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    std::fs::write(&path, "damaged").unwrap();
    assert!(matches!(load_or_make(folder.path(), &randomness), Err(KeyFileError::Content(_))));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "damaged");
}
