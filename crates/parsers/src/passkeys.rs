//! What browsers and authenticators hand over: registrations, assertions, their parts, and the papers they sign.

use std::sync::OnceLock;

use evidence::passkey::{
    Assertion, Attested, AuthenticatorData, BallotPaper, ClientData, CoseKey, EnrolmentPaper, Origins, Registration,
    Site, verify_assertion, verify_registration,
};
use testkit::authenticator::{Asserted, Authenticator, Registered};
use types::{Digest, Millis, PasskeyId};

use crate::base::Taker;
use crate::receipts::altered;

const CHALLENGE: Digest = Digest([7; 32]);
const SITE: Site<'_> = Site { rp_id: "localhost", origins: Origins::OfRelyingParty };

struct Sound {
    key: CoseKey,
    asserted: Asserted,
    registered: Registered,
    paper: Vec<u8>,
}

fn sound() -> &'static Sound {
    static SOUND: OnceLock<Sound> = OnceLock::new();
    SOUND.get_or_init(|| {
        let own = Authenticator::ed25519("localhost", 3);
        let paper = EnrolmentPaper {
            version: EnrolmentPaper::VERSION,
            origin: "log.example".to_owned(),
            tenant: "default".parse().unwrap(),
            passkey: PasskeyId::draw(Millis(1), [1; 10]),
            person: "ben".parse().unwrap(),
            rp_id: "localhost".to_owned(),
            nonce: vec![9; 32],
        };
        Sound {
            key: CoseKey::parse(&own.cose_key()).unwrap(),
            asserted: own.assert(&CHALLENGE.0, "http://localhost:7717"),
            registered: own.register(&CHALLENGE.0, "http://localhost:7717", true),
            paper: paper.to_bytes(),
        }
    })
}

/// Passkeys: what reads is the one encoding where there is one, and of all that is made from a sound assertion it alone holds.
pub fn passkeys(bytes: &[u8]) {
    let one = sound();
    parts(bytes);
    let mut taker = Taker::new(bytes);
    let (part, good) = (taker.byte() % 5, &one.asserted);
    match part {
        0 => assertion(one, &Asserted { client_data: altered(&good.client_data, &mut taker), ..good.clone() }),
        1 => {
            let authenticator_data = altered(&good.authenticator_data, &mut taker);
            assertion(one, &Asserted { authenticator_data, ..good.clone() });
        }
        2 => assertion(one, &Asserted { signature: altered(&good.signature, &mut taker), ..good.clone() }),
        3 => registration(one, &altered(&one.registered.attestation, &mut taker)),
        _ => parts(&altered(&one.paper, &mut taker)),
    }
}

fn parts(bytes: &[u8]) {
    if let Ok((key, rest)) = CoseKey::first_in(bytes) {
        assert_eq!([&key.to_bytes()[..], rest].concat(), bytes);
    }
    if let Ok(paper) = BallotPaper::from_bytes(bytes) {
        assert_eq!(paper.to_bytes(), bytes);
    }
    if let Ok(paper) = EnrolmentPaper::from_bytes(bytes) {
        assert_eq!(paper.to_bytes(), bytes);
    }
    if let Ok(data) = ClientData::parse(bytes) {
        assert!(data.challenge().is_none() || data.challenge.len() == 43);
    }
    if let Ok(data) = AuthenticatorData::parse(bytes) {
        assert!(bytes.starts_with(&data.rp_id_hash) && data.credential.is_none_or(|made| !made.id.is_empty()));
    }
    if let Some(made) = verified(sound(), bytes) {
        let key = made.credential.key.to_bytes();
        assert!(bytes.windows(key.len()).any(|part| part == key), "the key is one that was handed over");
    }
}

fn assertion(one: &Sound, made: &Asserted) {
    let (client_data, authenticator_data) = (&made.client_data, &made.authenticator_data);
    let assertion = Assertion { client_data, authenticator_data, signature: &made.signature };
    let held = verify_assertion(&assertion, &CHALLENGE, &SITE, (&one.key, false)).is_ok();
    assert_eq!(held, *made == one.asserted);
}

/// Holds what was made from the sound registration: no other key has signed it.
fn registration(one: &Sound, attestation: &[u8]) {
    if let Some(made) = verified(one, attestation) {
        assert!(!made.self_attested || made.credential.key == one.key, "nobody else has signed");
    }
}

fn verified(one: &Sound, attestation: &[u8]) -> Option<Attested> {
    let registration = Registration { client_data: &one.registered.client_data, attestation };
    verify_registration(&registration, &CHALLENGE, &SITE).ok()
}
