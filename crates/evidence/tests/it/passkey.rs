//! Registrations and assertions: what holds, what does not, and for which reason.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_evidence::passkey::{
    Algorithm, Assertion, AuthenticatorData, CoseKey, Origins, PasskeyError, Registration, Site, verify_assertion,
    verify_registration,
};
use serde_json::Value;
use types::Digest;

use crate::authenticator::{
    Asserted, Authenticator, BACKED_UP, BACKUP_ELIGIBLE, PRESENT, Registered, VERIFIED, client_data,
};

const CHALLENGE: Digest = Digest([7; 32]);
const ORIGIN: &str = "http://localhost:7717";

fn site<'a>(origins: &'a [String]) -> Site<'a> {
    Site { rp_id: "localhost", origins: Origins::OneOf(origins) }
}

fn registered(made: &Registered) -> Result<Algorithm, PasskeyError> {
    let registration = Registration { client_data: &made.client_data, attestation: &made.attestation };
    let attested = verify_registration(&registration, &CHALLENGE, &site(&[ORIGIN.to_owned()]))?;
    Ok(attested.credential.key.algorithm())
}

fn asserted(key: &CoseKey, made: &Asserted) -> Result<u32, PasskeyError> {
    asserted_as(key, made, false)
}

fn asserted_as(key: &CoseKey, made: &Asserted, backup_eligible: bool) -> Result<u32, PasskeyError> {
    let (client_data, authenticator_data) = (&made.client_data, &made.authenticator_data);
    let assertion = Assertion { client_data, authenticator_data, signature: &made.signature };
    let origins = [ORIGIN.to_owned()];
    verify_assertion(&assertion, &CHALLENGE, &site(&origins), (key, backup_eligible)).map(|sight| sight.sign_count)
}

fn both() -> [(Authenticator, Algorithm); 2] {
    let made = [Authenticator::p256("localhost", 3), Authenticator::ed25519("localhost", 4)];
    let [p256, ed25519] = made;
    [(p256, Algorithm::Es256), (ed25519, Algorithm::EdDsa)]
}

fn key(of: &Authenticator) -> CoseKey {
    CoseKey::parse(&of.cose_key()).unwrap()
}

#[test]
fn what_an_authenticator_makes_holds() {
    for (own, algorithm) in both() {
        for self_attested in [false, true] {
            assert_eq!(registered(&own.register(&CHALLENGE.0, ORIGIN, self_attested)), Ok(algorithm));
        }
        assert_eq!(asserted(&key(&own), &own.assert(&CHALLENGE.0, ORIGIN)), Ok(7));
    }
}

#[test]
fn an_rsa_key_that_openssl_made_signs_both() {
    let vector: Value = serde_json::from_str(include_str!("../passkey/rs256.json")).unwrap();
    let text = |name: &str| vector[name].as_str().unwrap().to_owned();
    let hex = |name: &str| hex::decode(text(name)).unwrap();
    let made = Registered { client_data: text("create").into_bytes(), attestation: hex("attestation") };
    assert_eq!(registered(&made), Ok(Algorithm::Rs256));
    let key = CoseKey::parse(&hex("key")).unwrap();
    let (client_data, authenticator_data) = (text("get").into_bytes(), hex("authenticator_data"));
    let good = Asserted { client_data, authenticator_data, signature: hex("signature") };
    assert_eq!(asserted(&key, &good), Ok(2));
    every_byte(&good, |bad| asserted(&key, bad).is_err());
}

/// Changes every byte of an assertion, one at a time, and demands that each is refused.
fn every_byte(good: &Asserted, refused: impl Fn(&Asserted) -> bool) {
    type Part = fn(&mut Asserted) -> &mut Vec<u8>;
    let parts: [(&str, Part); 3] = [
        ("client data", |made| &mut made.client_data),
        ("authenticator data", |made| &mut made.authenticator_data),
        ("signature", |made| &mut made.signature),
    ];
    for (name, part) in parts {
        for at in 0..part(&mut good.clone()).len() {
            for flip in [0x01, 0x20, 0x80] {
                let mut bad = good.clone();
                part(&mut bad)[at] ^= flip;
                assert!(refused(&bad), "byte {at} of the {name} is not signed");
            }
        }
    }
}

#[test]
fn every_byte_that_is_signed_counts() {
    for (own, _) in both() {
        let key = key(&own);
        every_byte(&own.assert(&CHALLENGE.0, ORIGIN), |bad| asserted(&key, bad).is_err());
        let good = own.register(&CHALLENGE.0, ORIGIN, true);
        // The name of the format is signed by nobody, and one that is unknown is kept as it stands.
        for at in (0..good.attestation.len()).filter(|at| !(6..12).contains(at)) {
            let mut bad = good.clone();
            bad.attestation[at] ^= 0x01;
            assert!(registered(&bad).is_err(), "byte {at} of the attestation is not looked at");
        }
        for at in 0..good.client_data.len() {
            let mut bad = good.clone();
            bad.client_data[at] ^= 0x01;
            assert!(registered(&bad).is_err(), "byte {at} of the client data is not looked at");
        }
    }
}

#[test]
fn each_rule_has_its_own_refusal() {
    let own = Authenticator::p256("localhost", 3);
    let key = key(&own);
    let good = own.assert(&CHALLENGE.0, ORIGIN);
    // Everything here is signed anew by the right key, so that nothing but the rule stands in its way.
    let said = |text: &str| {
        let signature = own.sign_over(&good.authenticator_data, text.as_bytes());
        asserted(&key, &Asserted { client_data: text.as_bytes().to_vec(), signature, ..good.clone() })
    };
    let plain = String::from_utf8(good.client_data.clone()).unwrap();
    assert_eq!(said(&plain), Ok(7));
    assert_eq!(said(&plain.replace(r#""crossOrigin":false"#, r#""other":[1,{}]"#)), Ok(7), "unknown members pass");
    let other = Err(PasskeyError::Origin("http://localhost:7718".to_owned()));
    for (from, to, expected) in [
        ("webauthn.get", "webauthn.create", Err(PasskeyError::Ceremony("webauthn.get"))),
        ("BwcH", "BwcI", Err(PasskeyError::Challenge)),
        ("\",\"origin", "=\",\"origin", Err(PasskeyError::Challenge)),
        ("7717", "7718", other),
        ("false", "true", Err(PasskeyError::CrossOrigin)),
        ("\"crossOrigin\":false", "\"topOrigin\":\"https://evil.example\"", Err(PasskeyError::CrossOrigin)),
        ("false", "\"no\"", Err(PasskeyError::ClientData("`crossOrigin` is no boolean"))),
        ("\"crossOrigin\":false", "\"origin\":\"x\"", Err(PasskeyError::ClientData("it is not strict JSON"))),
        ("\"origin\"", "\"site\"", Err(PasskeyError::ClientData("`origin` is no text"))),
        ("\"type\"", "\"kind\"", Err(PasskeyError::ClientData("`type` is no text"))),
        ("\"challenge\"", "\"asked\"", Err(PasskeyError::ClientData("`challenge` is no text"))),
        ("}", "", Err(PasskeyError::ClientData("it is not strict JSON"))),
        ("}", "} {}", Err(PasskeyError::ClientData("it is not strict JSON"))),
        ("{", "\u{feff}{", Err(PasskeyError::ClientData("it is not strict JSON"))),
    ] {
        assert_eq!(said(&plain.replacen(from, to, 1)), expected, "{from} {to}");
    }
    assert_eq!(said("[]"), Err(PasskeyError::ClientData("it is no object")));
    assert_eq!(said(&format!("{plain}{}", " ".repeat(4_096))), Err(PasskeyError::TooLarge("the client data", 4_096)));

    let with = |change: fn(&mut Authenticator)| {
        let mut other = Authenticator::p256("localhost", 3);
        change(&mut other);
        asserted(&key, &other.assert(&CHALLENGE.0, ORIGIN))
    };
    assert_eq!(with(|own| own.rp_id = "gate.example".into()), Err(PasskeyError::RelyingParty));
    assert_eq!(with(|own| own.flags = VERIFIED), Err(PasskeyError::NotPresent));
    assert_eq!(with(|own| own.flags = PRESENT), Err(PasskeyError::NotVerified));
    assert_eq!(with(|own| own.flags |= BACKED_UP), Err(PasskeyError::BackupState));
    assert_eq!(with(|own| own.flags |= BACKUP_ELIGIBLE), Err(PasskeyError::BackupEligibility));
    assert_eq!(with(|own| own.sign_count = 0), Ok(0), "what it counts is told, and refuses nothing");

    let data = |data: Vec<u8>| {
        let signature = own.sign_over(&data, &good.client_data);
        asserted(&key, &Asserted { authenticator_data: data, signature, ..good.clone() })
    };
    assert_eq!(data(own.data(true)), Err(PasskeyError::Credential));
    let mut long = own.data(false);
    long.push(0);
    assert_eq!(data(long.clone()), Err(PasskeyError::AuthenticatorData("something stands behind it")));
    long[32] |= 0x80;
    assert_eq!(data(long), Err(PasskeyError::AuthenticatorData("its extensions are no map")));
    let mut extended = [own.data(false), vec![0xa1, 0x61, b'x', 0xf5]].concat();
    extended[32] |= 0x80;
    assert_eq!(data(extended), Ok(7));
    assert_eq!(data(own.data(false)[..36].to_vec()), Err(PasskeyError::AuthenticatorData("it is cut off")));
    let another = Authenticator::p256("localhost", 9).assert(&CHALLENGE.0, ORIGIN);
    assert_eq!(asserted(&key, &another), Err(PasskeyError::Signature));
    assert_eq!(asserted_as(&key, &good, true), Err(PasskeyError::BackupEligibility));
}

#[test]
fn a_registration_is_held_to_its_rules() {
    let own = Authenticator::p256("localhost", 3);
    let made = own.register(&CHALLENGE.0, ORIGIN, false);
    let with = |change: fn(&mut Authenticator)| {
        let mut other = Authenticator::p256("localhost", 3);
        change(&mut other);
        registered(&other.register(&CHALLENGE.0, ORIGIN, true))
    };
    assert_eq!(with(|own| own.flags = PRESENT), Err(PasskeyError::NotVerified));
    assert_eq!(with(|own| own.flags = VERIFIED), Err(PasskeyError::NotPresent));
    assert_eq!(with(|own| own.rp_id = "gate.example".into()), Err(PasskeyError::RelyingParty));
    assert_eq!(with(|own| own.id = vec![1; 1_023]), Ok(Algorithm::Es256));
    assert_eq!(with(|own| own.id = vec![1; 1_024]), Err(PasskeyError::CredentialId(1_024)));
    assert_eq!(with(|own| own.id.clear()), Err(PasskeyError::CredentialId(0)));
    let of_assertion = Registered { client_data: client_data("webauthn.get", &CHALLENGE.0, ORIGIN), ..made.clone() };
    assert_eq!(registered(&of_assertion), Err(PasskeyError::Ceremony("webauthn.create")));
    let elsewhere = Registered {
        client_data: client_data("webauthn.create", &CHALLENGE.0, "https://evil.example"),
        ..made.clone()
    };
    assert_eq!(registered(&elsewhere), Err(PasskeyError::Origin("https://evil.example".to_owned())));
    let asked = Registered { client_data: client_data("webauthn.create", &[8; 32], ORIGIN), ..made.clone() };
    assert_eq!(registered(&asked), Err(PasskeyError::Challenge));
    let object = |attestation: Vec<u8>| registered(&Registered { attestation, ..made.clone() });
    let malformed = PasskeyError::Attestation("it is no CBOR map of its three members");
    assert_eq!(object([&made.attestation[..], &[0]].concat()), Err(malformed.clone()));
    assert_eq!(object(vec![0xa0]), Err(malformed.clone()));
    assert_eq!(object(vec![0xbf, 0xff]), Err(malformed));
    assert_eq!(object(vec![0; 32_769]), Err(PasskeyError::TooLarge("the attestation object", 32_768)));
    // A format that nobody here knows is kept and not looked at; `none` with a statement is nothing at all.
    let at = made.attestation.windows(5).position(|part| part == b"dnone").unwrap();
    let mut foreign = made.attestation.clone();
    foreign[at + 1..at + 5].copy_from_slice(b"tpm2");
    assert_eq!(object(foreign), Ok(Algorithm::Es256));
    let statement = [&made.attestation[..at + 5], b"\x67attStmt\xa1\x61x\x01", &made.attestation[at + 14..]].concat();
    assert_eq!(object(statement), Err(PasskeyError::Attestation("its statement is not one of its format")));
    let signed = own.register(&CHALLENGE.0, ORIGIN, true);
    let mixed = Registered { client_data: client_data("webauthn.create", &CHALLENGE.0, ORIGIN), ..signed };
    assert_eq!(registered(&mixed), Ok(Algorithm::Es256));
    let another = Authenticator::p256("localhost", 9).register(&CHALLENGE.0, ORIGIN, true).attestation;
    let (own_sig, other_sig) = (mixed.attestation, another);
    let of = |bytes: &[u8]| bytes.windows(8).position(|part| part == b"authData").unwrap();
    let crossed = [&other_sig[..of(&other_sig)], &own_sig[of(&own_sig)..]].concat();
    assert_eq!(object(crossed), Err(PasskeyError::SelfAttestation));
}

#[test]
fn keys_are_canonical_and_sound_or_refused() {
    for (own, algorithm) in both() {
        let bytes = own.cose_key();
        let key = CoseKey::parse(&bytes).unwrap();
        assert_eq!((key.to_bytes(), key.algorithm()), (bytes.clone(), algorithm));
        assert_eq!(CoseKey::parse(&[&bytes[..], &[0]].concat()), Err(PasskeyError::Key("something stands behind it")));
        for length in 0..bytes.len() {
            assert!(CoseKey::parse(&bytes[..length]).is_err(), "{length}");
        }
    }
    let bytes = Authenticator::p256("localhost", 3).cose_key();
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        CoseKey::parse(&bytes)
    };
    assert_eq!(with(2, 4), Err(PasskeyError::Algorithm));
    assert_eq!(with(4, 0x25), Err(PasskeyError::Algorithm));
    assert_eq!(with(6, 0x02), Err(PasskeyError::Algorithm));
    assert_eq!(with(7, 0x22), Err(PasskeyError::Key("its members are not in their order")));
    assert_eq!(
        with(bytes.len() - 1, bytes[bytes.len() - 1] ^ 1),
        Err(PasskeyError::Key("it is no key of its algorithm"))
    );
    let longer = [&bytes[..1], &[0x18, 0x01], &bytes[2..]].concat();
    assert_eq!(CoseKey::parse(&longer), Err(PasskeyError::Key("it is not canonical")));
    let weak = [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 0x20, 1][..], &[0; 31]].concat();
    assert_eq!(CoseKey::parse(&weak), Err(PasskeyError::Key("it is no key of its algorithm")));
    let small = [&[0xa4, 1, 3, 3, 0x39, 1, 0, 0x20, 0x58, 0x80][..], &[0xff; 128], &[0x21, 0x43, 1, 0, 1]].concat();
    assert_eq!(CoseKey::parse(&small), Err(PasskeyError::Key("it is no key of its algorithm")));
}

#[test]
fn the_challenge_reads_back_only_if_it_is_one_of_ours() {
    let data = |challenge: &[u8]| client_data("webauthn.get", challenge, ORIGIN);
    let read = |bytes: Vec<u8>| countersign_evidence::passkey::ClientData::parse(&bytes).unwrap().challenge();
    assert_eq!(read(data(&CHALLENGE.0)), Some(CHALLENGE));
    assert_eq!(read(data(&[7; 31])), None);
    assert!(URL_SAFE_NO_PAD.encode(CHALLENGE.0).starts_with("BwcH"));
    let parsed = AuthenticatorData::parse(&Authenticator::p256("localhost", 3).data(true)).unwrap();
    assert_eq!(parsed.credential.map(|made| made.id), Some(vec![3; 16]));
}
