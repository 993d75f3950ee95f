//! An authority's time-stamps: tokens, responses, requests and certificates.

use std::sync::OnceLock;

use evidence::timestamp::{Authorities, Timestamp, TimestampRequest, token_in};

use crate::base::Taker;
use crate::receipts::altered;

/// Are the tokens that hold; openssl's own authority made the first two, with an elliptic curve and with RSA.
const TOKENS: [&[u8]; 6] = [
    include_bytes!("../../evidence/tests/timestamps/good-p256.tst"),
    include_bytes!("../../evidence/tests/timestamps/good-rsa.tst"),
    include_bytes!("../../evidence/tests/timestamps/good-p384.tst"),
    include_bytes!("../../evidence/tests/timestamps/good-rsa-512.tst"),
    include_bytes!("../../evidence/tests/timestamps/good-by-hand.tst"),
    include_bytes!("../../evidence/tests/timestamps/good-by-key-id.tst"),
];

const RESPONSE: &[u8] = include_bytes!("../../evidence/tests/timestamps/good-p256.tsr");
const NOTE: &[u8] = include_bytes!("../../evidence/tests/timestamps/note");
const ROOT: &[u8] = include_bytes!("../../evidence/tests/timestamps/root.pem");

struct Sound {
    trusted: Authorities,
    stamps: [Timestamp; TOKENS.len()],
}

fn sound() -> &'static Sound {
    static SOUND: OnceLock<Sound> = OnceLock::new();
    SOUND.get_or_init(|| {
        let trusted = Authorities::from_pem(ROOT).unwrap();
        let stamps = TOKENS.map(|token| Timestamp::verify(token, &trusted).unwrap());
        Sound { trusted, stamps }
    })
}

/// Time-stamps: what is made from a sound one says the same or does not hold, and a request reads as it was written.
pub fn timestamps(bytes: &[u8]) {
    let one = sound();
    token(one, bytes);
    if let Ok(found) = token_in(bytes) {
        assert!(bytes.ends_with(found) && found.len() < bytes.len());
        token(one, found);
    }
    if let Ok(request) = TimestampRequest::from_der(bytes) {
        assert_eq!(request.to_der(), bytes);
    }
    if let Ok(authorities) = Authorities::from_pem(bytes) {
        assert!(!authorities.fingerprints().is_empty());
    }
    let mut taker = Taker::new(bytes);
    match taker.byte() % 4 {
        0 => token(one, &altered(TOKENS[0], &mut taker)),
        1 => token(one, &altered(TOKENS[1], &mut taker)),
        2 => token(one, token_in(&altered(RESPONSE, &mut taker)).unwrap_or_default()),
        _ => drop(Authorities::from_pem(&altered(ROOT, &mut taker))),
    }
}

fn token(one: &Sound, bytes: &[u8]) {
    if let Ok(stamp) = Timestamp::verify(bytes, &one.trusted) {
        assert!(one.stamps.contains(&stamp) && stamp.covers(NOTE), "nobody has signed `{}`", stamp.by());
    }
}
