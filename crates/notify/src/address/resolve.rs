//! Resolving a name once, and judging all it has.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

use types::Code;

use super::Reach;
use crate::send::Failure;

/// Is a name on its way to its addresses.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Resolves names: the machine does, unless a test brings its own.
pub trait Names: Send + Sync + 'static {
    /// Returns the addresses of a name, as they are now.
    fn resolve(&self, host: &str) -> Resolving;
}

/// Asks the machine's own resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

impl Names for SystemNames {
    fn resolve(&self, host: &str) -> Resolving {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Resolves a host once and judges every address it has; an address in any spelling that the resolver takes is judged alike.
///
/// # Errors
///
/// `address-forbidden` if one of its addresses is; `upstream-unavailable` if it has none.
pub async fn checked(names: &dyn Names, reach: &Reach, host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = match bare.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => names.resolve(bare).await.map_err(|error| {
            Failure::new(Code::UpstreamUnavailable, format!("the name of the target is not resolved: {error}"))
        })?,
    };
    if found.is_empty() {
        return Err(Failure::new(Code::UpstreamUnavailable, "the name of the target has no address"));
    }
    for address in &found {
        reach.judge(*address).map_err(|forbidden| Failure::new(Code::AddressForbidden, forbidden.to_string()))?;
    }
    Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
}
