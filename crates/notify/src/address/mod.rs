//! Which addresses a message may be sent to: public ones, and the private networks that a target names exactly.
//!
//! A name is resolved once for each attempt, every address it has is judged, and the connection goes to one of those; the
//! name is used for TLS alone. So neither a redirect, nor another spelling of an address, nor an answer that differs the
//! second time leads to where a machine's own network gives out credentials.

mod cidr;
mod ranges;
mod resolve;

pub use cidr::{Cidr, CidrError};
pub use ranges::{canonical, special};
pub use resolve::{Names, Resolving, SystemNames, checked};

use std::net::IpAddr;

/// Says why an address is not spoken to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the address {address} is not spoken to: {why}")]
pub struct Forbidden {
    /// The address, as it was found.
    pub address: IpAddr,
    /// What it is.
    pub why: &'static str,
}

/// Says which private networks a target may be in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach(pub Vec<Cidr>);

impl Reach {
    /// Judges an address.
    ///
    /// # Errors
    ///
    /// [`Forbidden`] if it is no public address, and in none of the networks that the target names.
    pub fn judge(&self, address: IpAddr) -> Result<(), Forbidden> {
        let Some(why) = special(address) else { return Ok(()) };
        let real = canonical(address);
        if self.0.iter().any(|network| network.contains(real)) {
            return Ok(());
        }
        Err(Forbidden { address, why })
    }
}
