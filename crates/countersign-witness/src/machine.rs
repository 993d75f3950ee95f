//! The machine this runs on: its clock and its random bytes. Nothing else reads them.

use std::time::{SystemTime, UNIX_EPOCH};

use types::Code;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Returns the time in seconds since the Unix epoch; 0, with which nothing is cosigned, if the clock stands before it.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Draws the seed of a key.
///
/// # Errors
///
/// `keys-unusable` if the system has no random bytes.
#[expect(clippy::disallowed_methods, reason = "this is the one place that draws random bytes")]
pub fn seed() -> Result<Zeroizing<[u8; 32]>, Failure> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice())
        .map_err(|error| Failure::failed(Code::KeysUnusable, format!("the system gives no random bytes: {error}")))?;
    Ok(seed)
}
