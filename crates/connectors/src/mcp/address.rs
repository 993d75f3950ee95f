//! Which addresses a connection may go to.
//!
//! A bundle's hosts are the operator's choice, private networks included. Link-local addresses are
//! refused all the same, after resolution: that is where clouds hand out credentials to whoever asks,
//! and no MCP server has a reason to live there.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Is the one metadata address in use that is not link-local.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Says whether an address is link-local (169.254.0.0/16, fe80::/10) or a known metadata service.
pub(crate) fn is_refused(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.is_link_local(),
            None => v6.is_unicast_link_local() || v6 == METADATA_V6,
        },
    }
}

/// Resolves names through the system, and refuses a name if any of its addresses is refused.
pub(crate) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.iter().any(|a| is_refused(a.ip())) {
                return Err("the name resolves to a link-local address".into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_is_refused_in_every_spelling_and_private_is_not() {
        for refused in ["169.254.169.254", "fe80::1", "febf::1", "::ffff:169.254.169.254", "fd00:ec2::254"] {
            assert!(is_refused(refused.parse().unwrap()), "{refused}");
        }
        for fine in ["127.0.0.1", "10.0.0.1", "192.168.1.1", "::1", "fd00::1", "93.184.216.34"] {
            assert!(!is_refused(fine.parse().unwrap()), "{fine}");
        }
    }
}
