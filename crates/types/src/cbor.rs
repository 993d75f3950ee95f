//! The one byte encoding: deterministic CBOR (RFC 8949 §4.2.1), strict in both directions.
//!
//! Structs are maps with ascending integer keys, or arrays; lengths are definite; integers take their
//! shortest form; floats never occur. What decodes re-encodes to the same bytes or is refused, so that
//! a hash over the bytes and a hash over the value are one and the same.

use minicbor::{Decode, Encode};

/// Says why bytes are not the canonical encoding of a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// The bytes do not decode as the expected type.
    #[error("not a valid encoding: {0}")]
    Malformed(String),
    /// The bytes decode, but a different byte string is the canonical one.
    #[error("valid but not canonical")]
    NotCanonical,
}

/// Is implemented by everything that has a canonical encoding and can be read back from it.
pub trait Canonical: Encode<()> + for<'b> Decode<'b, ()> {}

impl<T: Encode<()> + for<'b> Decode<'b, ()>> Canonical for T {}

/// Encodes a value as its canonical bytes.
///
/// Writing to memory cannot fail and no type of this crate has a failing encoder, so there is no error.
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    encode_in(Vec::with_capacity(128), value)
}

/// Encodes a value behind what `out` holds, for a caller who knows how much room it needs.
pub fn encode_in<T: Encode<()>>(mut out: Vec<u8>, value: &T) -> Vec<u8> {
    // `Vec<u8>` as a writer is infallible; a derived encoder only forwards its writer's errors.
    let written = minicbor::encode(value, &mut out);
    debug_assert!(written.is_ok(), "a derived encoder failed");
    out
}

/// Decodes canonical bytes.
///
/// # Errors
///
/// [`CborError::Malformed`] if the bytes are not a `T` or bytes are left over;
/// [`CborError::NotCanonical`] if `T` would encode to other bytes.
pub fn decode<T: Canonical>(bytes: &[u8]) -> Result<T, CborError> {
    let value: T = minicbor::decode(bytes).map_err(|e| CborError::Malformed(e.to_string()))?;
    if encode(&value) != bytes {
        return Err(CborError::NotCanonical);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Encode, Decode)]
    #[cbor(map)]
    struct Pair {
        #[n(0)]
        a: u32,
        #[n(1)]
        b: Option<String>,
    }

    #[test]
    fn round_trip_is_identity() {
        let pair = Pair { a: 7, b: Some("x".into()) };
        assert_eq!(decode::<Pair>(&encode(&pair)).unwrap(), pair);
    }

    #[test]
    fn trailing_bytes_are_refused() {
        let mut bytes = encode(&Pair { a: 7, b: None });
        bytes.push(0);
        assert_eq!(decode::<Pair>(&bytes), Err(CborError::NotCanonical));
    }

    #[test]
    fn a_longer_integer_form_is_refused() {
        // {0: 7} with the 7 written in two bytes.
        let bytes = [0xa1, 0x00, 0x18, 0x07];
        assert_eq!(decode::<Pair>(&bytes), Err(CborError::NotCanonical));
    }
}
