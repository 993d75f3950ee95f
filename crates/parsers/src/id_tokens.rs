//! ID tokens and key sets of a provider.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connectors::oidc::{Expected, Keys, verify};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::json;

const EXPECTED: Expected<'_> =
    Expected { issuer: "https://login.example", client_id: "gate", nonce: "n", now_s: 1_000 };
const CLAIMS: &str = r#"{"iss":"https://login.example","aud":"gate","exp":2000,"nonce":"n","sub":"u-ben"}"#;

struct Sound {
    key: SigningKey,
    keys: Keys,
    token: String,
}

fn signed(key: &SigningKey, header: &[u8], claims: &[u8]) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = key.sign(message.as_bytes()).to_bytes();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn sound() -> &'static Sound {
    static SOUND: OnceLock<Sound> = OnceLock::new();
    SOUND.get_or_init(|| {
        let key = SigningKey::from_bytes(&[1; 32]);
        let x = URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes());
        let keys = Keys::read(&json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x }] })).unwrap();
        let token = signed(&key, br#"{"alg":"EdDSA"}"#, CLAIMS.as_bytes());
        assert!(verify(&token, &keys, &EXPECTED).is_ok());
        Sound { key, keys, token }
    })
}

/// ID tokens: nothing holds that the provider has not signed, and nothing it signed that is for somebody else.
pub fn id_tokens(bytes: &[u8]) {
    let one = sound();
    let Some((part, rest)) = bytes.split_first() else { return };
    match part % 4 {
        0 => {
            // Changed at a place, or cut there.
            let (at, with) = (rest.first().copied().unwrap_or_default(), rest.get(1..).unwrap_or_default());
            let mut token = one.token.clone().into_bytes();
            token.truncate(usize::from(at).saturating_mul(2));
            token.extend_from_slice(with);
            let token = String::from_utf8_lossy(&token).into_owned();
            assert!(token == one.token || verify(&token, &one.keys, &EXPECTED).is_err());
        }
        1 => drop(verify(&signed(&one.key, rest, CLAIMS.as_bytes()), &one.keys, &EXPECTED)),
        2 => {
            if let Ok(claims) = verify(&signed(&one.key, br#"{"alg":"EdDSA"}"#, rest), &one.keys, &EXPECTED) {
                assert_eq!((&claims["iss"], &claims["nonce"]), (&json!(EXPECTED.issuer), &json!(EXPECTED.nonce)));
                assert!(claims["aud"].to_string().contains("\"gate\""));
            }
        }
        _ => {
            let set = std::str::from_utf8(rest).ok().and_then(|text| types::json::parse(text).ok());
            if let Some(Ok(keys)) = set.map(|set| Keys::read(&set)) {
                drop(verify(&one.token, &keys, &EXPECTED));
            }
        }
    }
}
