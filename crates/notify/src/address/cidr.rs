//! Networks by address and length.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use super::ranges::is_private;

/// Is a network: all addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    bits: u8,
}

/// Says why a text is no network that a target may name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// It is not `ADDRESS/BITS`.
    #[error("`{0}` is no network: write `ADDRESS/BITS`, such as `10.1.2.0/24`")]
    Malformed(String),
    /// Bits are set behind the length.
    #[error("`{0}` has bits set behind its length")]
    Loose(String),
    /// Not all of it is private.
    #[error("`{0}` is not wholly within a private network, so naming it allows nothing or too much")]
    NotPrivate(String),
}

impl Cidr {
    pub(super) const fn new(address: IpAddr, bits: u8) -> Self {
        Self { address, bits }
    }

    /// Says whether an address is in it; one of the other family never is.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => same(own.to_bits().into(), other.to_bits().into(), 32, self.bits),
            (IpAddr::V6(own), IpAddr::V6(other)) => same(own.to_bits(), other.to_bits(), 128, self.bits),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    /// Says whether all of another network is in it.
    pub fn covers(&self, other: &Self) -> bool {
        self.bits <= other.bits && self.contains(other.address)
    }

    fn first(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(own) => {
                let kept = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                IpAddr::V4((own.to_bits() & kept).into())
            }
            IpAddr::V6(own) => {
                let kept = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(own.to_bits() & kept))
            }
        }
    }
}

fn same(one: u128, two: u128, width: u32, bits: u8) -> bool {
    (one ^ two).checked_shr(width.saturating_sub(bits.into())).unwrap_or(0) == 0
}

impl FromStr for Cidr {
    type Err = CidrError;

    /// Reads a private network, in its one spelling.
    fn from_str(text: &str) -> Result<Self, CidrError> {
        let malformed = || CidrError::Malformed(text.to_owned());
        let (address, bits) = text.split_once('/').ok_or_else(malformed)?;
        let address: IpAddr = address.parse().map_err(|_| malformed())?;
        let bits: u8 = bits.parse().map_err(|_| malformed())?;
        if bits > if address.is_ipv4() { 32 } else { 128 } {
            return Err(malformed());
        }
        let network = Self { address, bits };
        if network.first() != address {
            return Err(CidrError::Loose(text.to_owned()));
        }
        if is_private(&network) { Ok(network) } else { Err(CidrError::NotPrivate(text.to_owned())) }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_private_networks_in_their_one_spelling_are_read() {
        for good in [
            "10.0.0.0/8",
            "10.1.2.3/32",
            "127.0.0.1/32",
            "192.168.7.0/24",
            "100.64.0.0/10",
            "fd12:3456::/32",
            "::1/128",
        ] {
            assert_eq!(good.parse::<Cidr>().unwrap().to_string(), good);
        }
        for malformed in ["10.0.0.0", "10.0.0.0/33", "10/8", "10.0.0.0/-1", "010.0.0.0/8", "x/8", ""] {
            assert!(matches!(malformed.parse::<Cidr>(), Err(CidrError::Malformed(_))), "{malformed}");
        }
        assert!(matches!("10.0.0.1/8".parse::<Cidr>(), Err(CidrError::Loose(_))));
        for wide in [
            "0.0.0.0/0",
            "::/0",
            "8.8.8.8/32",
            "10.0.0.0/7",
            "169.254.169.254/32",
            "fd00:ec2::254/128",
            "fe80::/64",
            "224.0.0.0/8",
            "fc00::/7",
        ] {
            assert!(matches!(wide.parse::<Cidr>(), Err(CidrError::NotPrivate(_))), "{wide}");
        }
    }
}
