//! What an authority is asked: `TimeStampReq` (RFC 3161 §2.4.1), with a nonce and for a token with its certificates.

use der::Tag;
use der::asn1::ObjectIdentifier;
use types::Digest;

use super::der::Elements;
use super::error::TimestampError;
use super::token::{BYTES_MAX, Imprint, SHA_256};

const WHAT: &str = "the request";

/// Is everything of a request before its imprint: the version, and SHA-256 with null parameters.
const BEFORE: [u8; 24] = [
    0x30, 0x43, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
    0x01, 0x05, 0x00, 0x04, 0x20,
];

/// Is a request to stamp some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimestampRequest {
    imprint: Digest,
    nonce: [u8; 8],
}

impl TimestampRequest {
    /// Asks for a time-stamp of some bytes.
    ///
    /// - `nonce`: random bytes, so that no earlier answer passes for the one to this request; 62 of their bits are used.
    pub fn new(stamped: &[u8], mut nonce: [u8; 8]) -> Self {
        // It is sent as a positive number of eight bytes whatever was drawn.
        let [first, ..] = &mut nonce;
        *first = (*first & 0x3f) | 0x40;
        Self { imprint: Digest::plain(stamped), nonce }
    }

    /// Writes the request as an authority reads it.
    pub fn to_der(&self) -> Vec<u8> {
        [&BEFORE, self.imprint.0.as_slice(), &[0x02, 0x08], &self.nonce, &[0x01, 0x01, 0xff]].concat()
    }

    /// Reads a request that [`TimestampRequest::to_der`] wrote, as when its answer comes back in a file.
    ///
    /// # Errors
    ///
    /// [`TimestampError::Malformed`] for any other.
    pub fn from_der(bytes: &[u8]) -> Result<Self, TimestampError> {
        let malformed = || TimestampError::Malformed(WHAT);
        if bytes.len() > BYTES_MAX {
            return Err(malformed());
        }
        let mut whole = Elements::of(bytes, WHAT)?;
        let mut inside = whole.inside(Tag::Sequence, WHAT)?;
        whole.done(WHAT)?;
        inside.small(WHAT)?;
        let imprint = Imprint::read(&mut inside)?;
        let nonce = inside.one(Tag::Integer, WHAT)?.value;
        let imprint: [u8; 32] = imprint.hash.try_into().map_err(|_| malformed())?;
        let read = Self { imprint: Digest(imprint), nonce: nonce.try_into().map_err(|_| malformed())? };
        if read.to_der() == bytes { Ok(read) } else { Err(malformed()) }
    }

    /// Returns the SHA-256 of the bytes that are to be stamped.
    pub fn imprint(&self) -> Digest {
        self.imprint
    }

    /// Says whether a number in an answer is this request's nonce.
    pub(super) fn has_nonce(&self, number: Option<&[u8]>) -> bool {
        number == Some(self.nonce.as_slice())
    }
}

/// Says whether an algorithm is the one that requests name.
pub(super) fn is_ours(algorithm: ObjectIdentifier) -> bool {
    algorithm == SHA_256
}
