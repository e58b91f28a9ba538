//! Which addresses are reachable by anyone, after the IANA registries of special-purpose addresses
//! (RFC 6890 and its updates, read 2026-11). When in doubt an address is not global.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks of IPv4 that are not global: address and prefix length.
const NOT_GLOBAL_V4: [([u8; 4], u32); 15] = [
    ([0, 0, 0, 0], 8),       // this network
    ([10, 0, 0, 0], 8),      // private
    ([100, 64, 0, 0], 10),   // carrier-grade NAT
    ([127, 0, 0, 0], 8),     // loopback
    ([169, 254, 0, 0], 16),  // link-local, metadata services
    ([172, 16, 0, 0], 12),   // private
    ([192, 0, 0, 0], 24),    // protocol assignments
    ([192, 0, 2, 0], 24),    // documentation
    ([192, 88, 99, 0], 24),  // 6to4 relays, deprecated
    ([192, 168, 0, 0], 16),  // private
    ([198, 18, 0, 0], 15),   // benchmarks
    ([198, 51, 100, 0], 24), // documentation
    ([203, 0, 113, 0], 24),  // documentation
    ([224, 0, 0, 0], 4),     // multicast
    ([240, 0, 0, 0], 4),     // reserved, broadcast
];

/// Networks inside 2000::/3 (all that is global in IPv6) that are not: first segments and prefix length.
const NOT_GLOBAL_V6: [([u16; 3], u32); 4] = [
    ([0x2001, 0, 0], 23),      // protocol assignments, Teredo
    ([0x2001, 0x0db8, 0], 32), // documentation
    ([0x2002, 0, 0], 16),      // 6to4: carries any IPv4 address inside
    ([0x3fff, 0, 0], 20),      // documentation
];

/// Whether anyone can reach `address`. IPv4 addresses written inside IPv6 are judged as such.
#[must_use]
pub fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_global_v4(v4),
        IpAddr::V6(v6) => match inner_v4(v6) {
            Some(v4) => is_global_v4(v4),
            None => is_global_v6(v6),
        },
    }
}

/// Whether a company may have `address` inside: private networks, and what carriers and providers hand
/// out in their place. Loopback, link-local and metadata addresses are none.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    let v4 = match address {
        IpAddr::V4(v4) => v4,
        IpAddr::V6(v6) => match inner_v4(v6) {
            Some(v4) => v4,
            None => return v6.is_unique_local(),
        },
    };
    let is_shared = u32::from(v4) >> 22 == u32::from(Ipv4Addr::new(100, 64, 0, 0)) >> 22;
    v4.is_private() || is_shared
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    !NOT_GLOBAL_V4.iter().any(|(network, length)| (bits ^ u32::from(Ipv4Addr::from(*network))) >> (32 - length) == 0)
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    let bits = u128::from(address);
    let is_in = |[a, b, c]: [u16; 3], length: u32| {
        let network = u128::from(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0));
        (bits ^ network) >> (128 - length) == 0
    };
    is_in([0x2000, 0, 0], 3) && !NOT_GLOBAL_V6.iter().any(|(network, length)| is_in(*network, *length))
}

/// The IPv4 address inside a mapped address (`::ffff:a.b.c.d`) or one of NAT64 (`64:ff9b::a.b.c.d`, RFC 6052).
fn inner_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let is_nat64 = segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0];
    let [.., a, b, c, d] = address.octets();
    if is_nat64 { Some(Ipv4Addr::new(a, b, c, d)) } else { address.to_ipv4_mapped() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_edges_of_each_network_are_where_the_registry_says() {
        let cases = [
            ("1.0.0.0", true),
            ("0.255.255.255", false),
            ("9.255.255.255", true),
            ("11.0.0.0", true),
            ("100.63.255.255", true),
            ("100.127.255.255", false),
            ("100.128.0.0", true),
            ("172.15.255.255", true),
            ("172.32.0.0", true),
            ("198.17.255.255", true),
            ("198.19.255.255", false),
            ("223.255.255.255", true),
            ("224.0.0.0", false),
            ("255.255.255.255", false),
            ("1fff:ffff::", false),
            ("2000::", true),
            ("2001:1ff::", false),
            ("2001:200::", true),
            ("2001:db8::1", false),
            ("2003::", true),
            ("3ffe::", true),
            ("3fff:fff::", false),
            ("3fff:1000::", true),
            ("4000::", false),
            ("64:ff9b::808:808", true),
            ("64:ff9b::a00:1", false),
            ("64:ff9b:1::808:808", false),
            ("::808:808", false),
            ("::ffff:8.8.8.8", true),
        ];
        for (text, expected) in cases {
            assert_eq!(is_global(text.parse().unwrap()), expected, "{text}");
        }
    }
}
