//! How a target stands: what it may still get, how often it failed in a row, and whether it was given up.

use minicbor::{Decode, Encode};
use types::{Code, Digest, cbor};

use crate::backoff;
use crate::rate::Bucket;
use crate::send::Failure;
use crate::settings::Target;

/// Is how a target stands, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Stand {
    /// The digest of the target's settings to which this applies.
    #[n(0)]
    pub fingerprint: Digest,
    /// What it may still get.
    #[n(1)]
    pub bucket: Bucket,
    /// How often it failed since it last took something.
    #[n(2)]
    pub failures: u32,
    /// Until when it is left alone.
    #[n(3)]
    pub not_before: i64,
    /// It has said that it is gone; a change of its settings takes it up again.
    #[n(4)]
    pub stopped: bool,
    /// When it last took something.
    #[n(5)]
    pub sent: Option<i64>,
    /// How it last failed.
    #[n(6)]
    pub failed: Option<Failed>,
}

/// Is how a target failed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Failed {
    /// When.
    #[n(0)]
    pub at: i64,
    /// With which code.
    #[n(1)]
    pub code: Code,
    /// In a sentence.
    #[n(2)]
    pub says: String,
}

impl Stand {
    /// Returns how a target begins.
    pub fn new(target: &Target, now: i64) -> Self {
        Self {
            fingerprint: target.fingerprint,
            bucket: Bucket::full(target.per_minute, now),
            failures: 0,
            not_before: 0,
            stopped: false,
            sent: None,
            failed: None,
        }
    }

    /// Reads how a target stood, if that was noted under the settings it has now.
    pub fn read(target: &Target, stored: Option<&[u8]>) -> Option<Self> {
        let stand: Self = cbor::decode(stored?).ok()?;
        (stand.fingerprint == target.fingerprint).then_some(stand)
    }

    /// Returns the bytes in which it is kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Notes that the target has taken something.
    pub fn took(&mut self, now: i64) {
        (self.failures, self.not_before, self.sent) = (0, 0, Some(now));
    }

    /// Notes a failure, and leaves the target alone for a while.
    pub fn failed(&mut self, failure: &Failure, now: i64, random: u64) {
        self.failures = self.failures.saturating_add(1);
        let wait = backoff::as_said(backoff::after(self.failures, random), failure.wait_ms);
        self.not_before = now.saturating_add(wait);
        self.stopped |= failure.gone;
        self.failed = Some(Failed { at: now, code: failure.code, says: crate::text::failure(&failure.says) });
    }
}
