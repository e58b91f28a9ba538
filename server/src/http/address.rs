//! The client's address: the connection's, or what a trusted proxy says it is.
//!
//! `X-Forwarded-For` is read from its end, for only what trusted proxies appended can be believed;
//! what a client wrote itself stands before that and is never used.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request},
    http::HeaderMap,
};
use ipnet::IpNet;

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

impl ClientAddress {
    /// For the audit.
    #[must_use]
    pub fn shown(self) -> Option<String> {
        self.0.map(|address| address.to_string())
    }

    /// What counts as one client when counting: an IPv6 subscriber has a whole /64.
    #[must_use]
    pub fn counted(self) -> IpAddr {
        match self.0 {
            Some(IpAddr::V6(v6)) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            Some(v4) => v4,
            None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }
}

/// Finds the address that `request` comes from.
#[must_use]
pub fn of(request: &Request, trusted: &[IpNet]) -> ClientAddress {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
    ClientAddress(peer.map(|peer| behind_proxies(peer, request.headers(), trusted)))
}

fn behind_proxies(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut address = peer;
    if !is_trusted(address) {
        return address;
    }
    let lines: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        match parse(hop) {
            Some(hop) => address = hop,
            // What cannot be read was not written by a proxy that we trust.
            None => break,
        }
        if !is_trusted(address) {
            break;
        }
    }
    address
}

/// An address, with or without a port and brackets.
fn parse(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let with_port = || hop.parse::<SocketAddr>().ok().map(|a| a.ip());
    let in_brackets = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    hop.parse().ok().or_else(with_port).or_else(in_brackets).map(|a: IpAddr| a.to_canonical())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn address(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|t| t.parse().unwrap()).collect();
        behind_proxies(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_header_is_believed_only_from_trusted_proxies_and_only_what_they_added() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(address("198.51.100.1", &["1.1.1.1"], &proxies), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &["6.6.6.6, 198.51.100.7"], &proxies), "198.51.100.7");
        assert_eq!(address("10.0.0.1", &["6.6.6.6", "198.51.100.7, 10.2.2.2"], &proxies), "198.51.100.7");
        assert_eq!(address("10.0.0.1", &["198.51.100.7:4711"], &proxies), "198.51.100.7");
        assert_eq!(address("10.0.0.1", &["[2001:db8::1]:4711"], &proxies), "2001:db8::1");
        assert_eq!(address("10.0.0.1", &["nonsense"], &proxies), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &[], &proxies), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &["10.0.0.2, 10.0.0.3"], &proxies), "10.0.0.2");
    }

    #[test]
    fn subscribers_of_ipv6_count_as_one() {
        let of = |text: &str| ClientAddress(text.parse().ok()).counted();
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::"), of("2001:db8:1:3::"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
