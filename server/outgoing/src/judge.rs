//! Judges where outgoing calls may go. The default is no for everything that is not a global
//! address: a person who can set an address must not reach what only this machine can reach.
//!
//! A name is judged by every address it resolves to, and the connection is made to exactly the
//! addresses that were judged ([`Judge`] is the resolver of the client), so that a name cannot change
//! its answer in between. One denied address denies the name.

mod global;

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use ipnet::IpNet;
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

pub use global::{is_global, is_private};

/// An exception from the default, set by the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowRule {
    /// Every address in this network: `10.20.0.0/16`, or a single address.
    Network(IpNet),
    /// This host name, whatever it resolves to: `mattermost.internal`.
    Host(String),
}

impl std::fmt::Display for AllowRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Host(host) => f.write_str(host),
        }
    }
}

/// A text that is no [`AllowRule`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is neither an address, a network such as 10.0.0.0/8, nor a host name")]
pub struct NotARule(pub String);

impl FromStr for AllowRule {
    type Err = NotARule;

    fn from_str(text: &str) -> Result<Self, NotARule> {
        let text = text.trim();
        if let Ok(network) = text.parse::<IpNet>() {
            return Ok(Self::Network(network));
        }
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Network(IpNet::from(address)));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        let has_letter = text.chars().any(|c| c.is_ascii_alphabetic());
        if has_letter && text.len() <= 253 && text.chars().all(allowed) {
            return Ok(Self::Host(canonical_host(text)));
        }
        Err(NotARule(text.chars().take(80).collect()))
    }
}

/// Why a call may not be made. A person must change the address or the allow list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The address is not one for calls.
    #[error("the address cannot be used: {0}")]
    Address(String),
    /// Plain http would show secrets on the way.
    #[error("http is only allowed to hosts on the allow list; use https for {0}")]
    PlainHttp(String),
    /// The host is, or resolves to, an address that is not global.
    #[error("{host} leads to {address}, which calls may not go to; add it to outgoing_allow to permit it")]
    NotGlobal {
        /// The host as written.
        host: String,
        /// The address it leads to.
        address: IpAddr,
    },
}

/// The judge. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    rules: Arc<[AllowRule]>,
    takes_private: bool,
}

impl Judge {
    /// A judge with these exceptions.
    #[must_use]
    pub fn new(rules: Vec<AllowRule>) -> Self {
        Self { rules: rules.into(), takes_private: false }
    }

    /// A judge that permits private networks too: an API server stands in one more often than not.
    #[must_use]
    pub fn of_clusters(rules: Vec<AllowRule>) -> Self {
        Self { rules: rules.into(), takes_private: true }
    }

    /// Judges an address before a call. Names are judged once more, by what they resolve to, when the
    /// connection is made.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn look_at(&self, url: &Url) -> Result<(), Denied> {
        let host = url.host_str().ok_or_else(|| Denied::Address("it names no host".to_owned()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Denied::Address("it carries a user name or password".to_owned()));
        }
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        if let Some(address) = literal {
            self.look_at_address(host, address)?;
        }
        match url.scheme() {
            "https" => Ok(()),
            "http" if self.is_listed(host, literal) => Ok(()),
            "http" => Err(Denied::PlainHttp(host.to_owned())),
            other => Err(Denied::Address(format!("{other} is not http or https"))),
        }
    }

    /// The same for an address that is text yet.
    ///
    /// # Errors
    /// [`Denied`]; what is no address is denied too.
    pub fn look_at_text(&self, text: &str) -> Result<(), Denied> {
        let url = Url::parse(text).map_err(|error| Denied::Address(error.to_string()))?;
        self.look_at(&url)
    }

    /// Judges one address that `host` leads to.
    ///
    /// # Errors
    /// [`Denied::NotGlobal`].
    pub fn look_at_address(&self, host: &str, address: IpAddr) -> Result<(), Denied> {
        let is_inside = self.takes_private && is_private(address);
        if is_global(address) || is_inside || self.is_listed(host, Some(address)) {
            Ok(())
        } else {
            Err(Denied::NotGlobal { host: host.to_owned(), address })
        }
    }

    fn is_listed(&self, host: &str, address: Option<IpAddr>) -> bool {
        let host = canonical_host(host);
        self.rules.iter().any(|rule| match rule {
            AllowRule::Host(allowed) => *allowed == host,
            AllowRule::Network(network) => address.is_some_and(|a| network.contains(&a.to_canonical())),
        })
    }
}

/// Host names are compared without case and without the root's dot.
fn canonical_host(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

impl Resolve for Judge {
    fn resolve(&self, name: Name) -> Resolving {
        let judge = self.clone();
        Box::pin(async move {
            // Port 0 stands for the port of the call.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            for address in &found {
                judge.look_at_address(name.as_str(), address.ip())?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn judge(rules: &[&str]) -> Judge {
        Judge::new(rules.iter().map(|r| r.parse().unwrap()).collect())
    }

    fn look(judge: &Judge, url: &str) -> Result<(), Denied> {
        judge.look_at(&Url::parse(url).unwrap())
    }

    #[test]
    fn attack_22_every_way_to_write_a_private_address_is_denied() {
        let urls = [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://0.0.0.0/",
            "https://10.1.2.3/",
            "https://169.254.169.254/latest/meta-data",
            "https://172.31.0.1/",
            "https://192.168.0.1/",
            "https://100.64.0.1/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
            "https://[ff02::1]/",
        ];
        for url in urls {
            let verdict = look(&Judge::default(), url);
            assert!(matches!(verdict, Err(Denied::NotGlobal { .. })), "{url}: {verdict:?}");
        }
    }

    #[test]
    fn public_addresses_pass_over_https_only() {
        let judge = Judge::default();
        assert_eq!(look(&judge, "https://slack.com/api"), Ok(()));
        assert_eq!(look(&judge, "https://8.8.8.8/"), Ok(()));
        assert_eq!(look(&judge, "https://[2606:4700::1111]/"), Ok(()));
        assert_eq!(look(&judge, "http://slack.com/api"), Err(Denied::PlainHttp("slack.com".into())));
        assert!(matches!(look(&judge, "ftp://slack.com/"), Err(Denied::Address(_))));
        assert!(matches!(look(&judge, "https://user:secret@slack.com/"), Err(Denied::Address(_))));
    }

    #[test]
    fn the_operator_can_allow_a_network_an_address_or_a_host() {
        let judge = judge(&["10.20.0.0/16", "127.0.0.1", "Chat.Internal"]);
        assert_eq!(look(&judge, "https://10.20.3.4/"), Ok(()));
        assert_eq!(look(&judge, "http://127.0.0.1:4000/api"), Ok(()));
        assert_eq!(look(&judge, "http://[::ffff:127.0.0.1]:4000/api"), Ok(()));
        assert_eq!(look(&judge, "http://chat.internal./api"), Ok(()));
        assert!(judge.look_at_address("chat.internal", "10.99.0.1".parse().unwrap()).is_ok());
        assert!(judge.look_at_address("other.internal", "10.99.0.1".parse().unwrap()).is_err());
        assert!(look(&judge, "https://10.21.0.1/").is_err());
        assert!(look(&judge, "http://127.0.0.2/").is_err());
    }

    #[test]
    fn clusters_may_be_in_private_networks_and_nowhere_else_inside() {
        let judge = Judge::of_clusters(vec!["127.0.0.0/8".parse().unwrap()]);
        for good in [
            "https://10.0.0.1:6443",
            "https://192.168.4.2",
            "https://100.64.0.1",
            "https://[fd00::1]",
            "https://8.8.8.8",
        ] {
            assert_eq!(look(&judge, good), Ok(()), "{good}");
        }
        assert_eq!(look(&judge, "https://127.0.0.1:6443"), Ok(()));
        for bad in [
            "https://169.254.169.254",
            "https://[::ffff:a9fe:a9fe]",
            "https://[fe80::1]",
            "https://[::1]",
            "https://0.0.0.0",
            "http://10.0.0.1",
        ] {
            assert!(look(&judge, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rule_that_is_none_is_refused_by_name() {
        for text in ["", "10.0.0.0/33", "300.1.1.1", "http://x/", "a b", "*"] {
            assert_eq!(text.parse::<AllowRule>(), Err(NotARule(text.to_owned())), "{text}");
        }
    }

    #[tokio::test]
    async fn attack_23_a_name_is_judged_by_what_it_resolves_to() {
        let refused = Judge::default().resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert!(refused.downcast_ref::<Denied>().is_some(), "{refused}");
        let found: Vec<_> = judge(&["localhost"]).resolve("localhost".parse().unwrap()).await.unwrap().collect();
        assert!(!found.is_empty());
    }
}
