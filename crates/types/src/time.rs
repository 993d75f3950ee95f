//! Time as data: an instant is a number of milliseconds, and nobody here asks for the current one.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Is an instant in milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode, Serialize, Deserialize)]
#[cbor(transparent)]
#[serde(transparent)]
pub struct Millis(#[n(0)] pub i64);

impl Millis {
    /// Returns the instant `ms` milliseconds later, stopping at the end of time.
    pub fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Returns how many milliseconds have passed since `earlier`; negative if it lies ahead.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}
