//! Tokens that openssl made, good and bad, before our verification; `tests/timestamps/make.sh` tells how.

use countersign_evidence::timestamp::{Authorities, Timestamp, TimestampError, TimestampRequest, token_in};
use types::Millis;

const NOTE: &[u8] = include_bytes!("../timestamps/note");
const REQUEST: &[u8] = include_bytes!("../timestamps/request.tsq");
const RESPONSE: &[u8] = include_bytes!("../timestamps/good-p256.tsr");
const NONCE: [u8; 8] = *b"ABCDEFGH";
const ALWAYS: (Millis, Millis) = (Millis(0), Millis(i64::MAX));

macro_rules! token {
    ($name:literal) => {
        include_bytes!(concat!("../timestamps/", $name, ".tst")).as_slice()
    };
}

fn trusted() -> Authorities {
    Authorities::from_pem(include_bytes!("../timestamps/root.pem")).unwrap()
}

fn why(token: &[u8]) -> String {
    Timestamp::verify(token, &trusted()).unwrap_err().to_string()
}

#[test]
fn tokens_of_every_usual_kind_of_key_hold() {
    let good = [
        (token!("good-rsa"), "good-rsa"),
        (token!("good-rsa-512"), "good-rsa-512"),
        (token!("good-p256"), "good-p256"),
        (token!("good-p384"), "good-p384"),
        (token!("good-by-hand"), "hand"),
        (token!("good-by-key-id"), "hand"),
    ];
    for (token, name) in good {
        let stamp = Timestamp::verify(token, &trusted()).unwrap();
        assert!(stamp.by().contains(&format!("CN={name}")), "{}", stamp.by());
        assert!(stamp.at() > Millis(1_795_000_000_000), "{name}");
        assert!(stamp.covers(NOTE) && !stamp.covers(&NOTE[1..]), "{name}");
    }
}

#[test]
fn a_certificate_that_does_not_do_is_told_apart() {
    let not_only = "it is not, or not only, for time-stamping";
    let bad = [
        (token!("bad-no_usage"), not_only),
        (token!("bad-loose"), not_only),
        (token!("bad-two"), not_only),
        (token!("bad-authority"), not_only),
        (token!("bad-mute"), "its key may not sign"),
        (token!("bad-expired"), "had expired at the token's time"),
        (token!("bad-early"), "was not valid yet at the token's time"),
        (token!("bad-too-deep"), "the path from it to an authority does not hold"),
        (token!("bad-idle"), "the path from it to an authority does not hold"),
        (token!("bad-no-chain"), "it leads to none of the authorities that are trusted"),
        (token!("bad-unnamed"), "what the token's signature covers is malformed"),
        // With SHA-1, openssl names the certificate in the way that came before.
        (token!("bad-sha1"), "what the token's signature covers is malformed"),
        (token!("bad-two-signers"), "the token is malformed"),
        (token!("bad-p521"), "its key has not made it"),
    ];
    for (token, expected) in bad {
        let why = why(token);
        assert!(why.contains(expected), "{expected}: {why}");
    }
}

#[test]
fn another_authority_is_trusted_with_nothing() {
    let other = Authorities::from_pem(include_bytes!("../timestamps/other.pem")).unwrap();
    let error = Timestamp::verify(token!("good-rsa"), &other).unwrap_err();
    assert_eq!(error.reason(), "timestamp-untrusted");
    assert!(matches!(Authorities::from_pem(b"nothing"), Err(TimestampError::Roots(_))));
}

#[test]
fn every_flipped_byte_of_what_is_signed_is_noticed() {
    for token in [token!("good-p256"), token!("good-rsa")] {
        let sound = Timestamp::verify(token, &trusted()).unwrap();
        let mut passed = Vec::new();
        for at in 0..token.len() {
            let mut flipped = token.to_vec();
            flipped[at] ^= 1 << (at % 8);
            if let Ok(stamp) = Timestamp::verify(&flipped, &trusted()) {
                assert_eq!(stamp, sound, "byte {at}");
                passed.push(at);
            }
        }
        // No signature covers the copy of the trusted root, which stands there in case.
        let spare = der(include_bytes!("../timestamps/root.pem"));
        let from = token.windows(spare.len()).position(|part| part == spare).unwrap();
        passed.retain(|at| !(from..from + spare.len()).contains(at));
        assert!(passed.is_empty(), "{passed:?}");
    }
}

fn der(text: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let text = std::str::from_utf8(text).unwrap();
    let lines: String = text.lines().filter(|line| !line.starts_with("--")).collect();
    base64::engine::general_purpose::STANDARD.decode(lines).unwrap()
}

#[test]
fn a_token_that_is_cut_or_goes_on_is_refused() {
    let token = token!("good-p256");
    (0..token.len()).for_each(|to| assert!(Timestamp::verify(&token[..to], &trusted()).is_err(), "{to}"));
    assert_eq!(why(&[token, b"\0"].concat()), "the token is malformed");
    assert_eq!(why(&vec![0x30; 70_000]), "the token is larger than 64 KiB");
}

#[test]
fn a_request_is_written_as_openssl_read_it() {
    let request = TimestampRequest::new(NOTE, NONCE);
    assert_eq!(request.to_der(), REQUEST);
    assert_eq!(TimestampRequest::from_der(REQUEST).unwrap(), request);
    (0..REQUEST.len()).for_each(|at| {
        let mut flipped = REQUEST.to_vec();
        flipped[at] ^= 1;
        assert_ne!(TimestampRequest::from_der(&flipped).ok(), Some(request.clone()), "byte {at}");
    });
}

#[test]
fn an_answer_must_be_to_this_request_and_in_time() {
    let request = TimestampRequest::new(NOTE, NONCE);
    let of = |request: &TimestampRequest, time| {
        Timestamp::of_response(RESPONSE, request, &trusted(), time).map(|(stamp, token)| (stamp, token.to_vec()))
    };
    let (stamp, token) = of(&request, ALWAYS).unwrap();
    assert_eq!((token.as_slice(), stamp.covers(NOTE)), (token!("good-p256"), true));
    assert_eq!(of(&TimestampRequest::new(NOTE, [1; 8]), ALWAYS), Err(TimestampError::Nonce));
    assert_eq!(of(&TimestampRequest::new(b"other", NONCE), ALWAYS), Err(TimestampError::Imprint));
    let at = stamp.at();
    assert!(of(&request, (at, at)).is_ok());
    assert_eq!(of(&request, (at.plus(1), Millis(i64::MAX))), Err(TimestampError::Time));
    assert_eq!(of(&request, (Millis(0), Millis(at.0 - 1))), Err(TimestampError::Time));
}

#[test]
fn a_refusal_is_told_in_the_authoritys_words() {
    let error = token_in(include_bytes!("../timestamps/refused.tsr")).unwrap_err();
    assert!(error.to_string().starts_with("the authority refuses: status 2, `"), "{error}");
}
