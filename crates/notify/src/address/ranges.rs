//! The special ranges of addresses (IANA's registries for IPv4 and IPv6, RFC 6890 and its updates).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::cidr::Cidr;

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Cidr {
    Cidr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), bits)
}

const fn v6(high: [u16; 4], bits: u8) -> Cidr {
    let [a, b, c, d] = high;
    Cidr::new(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)), bits)
}

/// Is the address at which one cloud's machines ask for their credentials over IPv6; it is among the private ones.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

const SPECIAL_V4: [(Cidr, &str); 16] = [
    (v4(0, 0, 0, 0, 8), "it is unspecified"),
    (v4(10, 0, 0, 0, 8), "it is private"),
    (v4(100, 64, 0, 0, 10), "it is of a carrier's own network"),
    (v4(127, 0, 0, 0, 8), "it is this machine's own"),
    (v4(169, 254, 0, 0, 16), "it is link-local, where clouds give out credentials"),
    (v4(172, 16, 0, 0, 12), "it is private"),
    (v4(192, 0, 0, 0, 24), "it is reserved for protocols"),
    (v4(192, 0, 2, 0, 24), "it is for documentation"),
    (v4(192, 88, 99, 0, 24), "it is a relay to another network"),
    (v4(192, 168, 0, 0, 16), "it is private"),
    (v4(198, 18, 0, 0, 15), "it is for measuring networks"),
    (v4(198, 51, 100, 0, 24), "it is for documentation"),
    (v4(203, 0, 113, 0, 24), "it is for documentation"),
    (v4(224, 0, 0, 0, 4), "it is multicast"),
    (v4(240, 0, 0, 0, 4), "it is reserved"),
    // One cloud's service for credentials has a public address.
    (v4(168, 63, 129, 16, 32), "it is a cloud's own service"),
];

/// What lies within 2000::/3 and is not public; all outside of it is not public either.
const SPECIAL_V6: [(Cidr, &str); 4] = [
    (v6([0x2001, 0, 0, 0], 23), "it is reserved for protocols"),
    (v6([0x2001, 0xdb8, 0, 0], 32), "it is for documentation"),
    (v6([0x2002, 0, 0, 0], 16), "it leads to an IPv4 address"),
    (v6([0x3fff, 0, 0, 0], 20), "it is for documentation"),
];

const PUBLIC_V6: Cidr = v6([0x2000, 0, 0, 0], 3);

/// Is the prefix that stands for the whole of IPv4 (RFC 6052).
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// The networks of which a target may name a part.
const PRIVATE: [Cidr; 7] = [
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
    v6([0xfc00, 0, 0, 0], 7),
    Cidr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
];

/// Returns the address that one leads to: the IPv4 address within an IPv4-mapped or NAT64 one, else itself.
pub fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if let Some(mapped) = v6.to_ipv4_mapped() {
        return IpAddr::V4(mapped);
    }
    match v6.segments() {
        [prefix @ .., high, low] if prefix == NAT64 => {
            IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => address,
    }
}

/// Says why an address is no public one; `None` if it is.
pub fn special(address: IpAddr) -> Option<&'static str> {
    let real = canonical(address);
    let listed =
        |list: &[(Cidr, &'static str)]| list.iter().find(|(range, _)| range.contains(real)).map(|(_, why)| *why);
    match real {
        IpAddr::V4(_) => listed(&SPECIAL_V4),
        IpAddr::V6(_) if PUBLIC_V6.contains(real) => listed(&SPECIAL_V6),
        IpAddr::V6(own) => Some(outside_v6(own)),
    }
}

fn outside_v6(own: Ipv6Addr) -> &'static str {
    if own.is_loopback() {
        "it is this machine's own"
    } else if own.is_unspecified() {
        "it is unspecified"
    } else if own == METADATA_V6 || own.is_unicast_link_local() {
        "it is where clouds give out credentials"
    } else if own.is_unique_local() {
        "it is private"
    } else if own.is_multicast() {
        "it is multicast"
    } else {
        "it is no public address"
    }
}

/// Says whether all of a network is private, and none of it gives out credentials.
pub(super) fn is_private(network: &Cidr) -> bool {
    PRIVATE.iter().any(|range| range.covers(network)) && !network.contains(IpAddr::V6(METADATA_V6))
}
