//! What the host of a target signs when it says what runs there, and the key that it signs with.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::Digest;

/// Stands before what is signed, so that no signature for anything else passes for one of these.
const DOMAIN: &[u8] = b"countersign/heartbeat/1\n";

/// Is how far the clock of a host may be from ours, in milliseconds: five minutes.
pub const CLOCK_MS_MAX: i64 = 5 * 60 * 1_000;

/// Is what a host signs.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Heartbeat {
    /// Where it runs.
    #[n(0)]
    pub target: String,
    /// The registered model, by the name that the host has for it.
    #[n(1)]
    pub model: String,
    /// The version's number; nothing runs there if it is absent.
    #[n(2)]
    pub version: Option<u64>,
    /// The digest over the files that it has loaded.
    #[n(3)]
    pub digest: Option<Digest>,
    /// When, in milliseconds since the epoch, by the host's clock.
    #[n(4)]
    pub at: i64,
    /// Is higher than in every report that was signed with the key before.
    #[n(5)]
    pub counter: u64,
}

impl Heartbeat {
    /// Returns the bytes that are signed.
    pub fn to_sign(&self) -> Vec<u8> {
        [DOMAIN, &crate::cbor::encode(self)].concat()
    }
}

/// Is the key of the host of a target, as a person enrolled or revoked it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct HostKey {
    /// Its id, which follows from the key.
    #[n(0)]
    pub id: String,
    /// The target that it counts for, and no other.
    #[n(1)]
    pub target: String,
    /// The public key on Ed25519, in hexadecimal.
    #[n(2)]
    pub public: String,
    /// Whether it was revoked.
    #[n(3)]
    pub revoked: bool,
    /// When it was enrolled or revoked, in milliseconds since the epoch.
    #[n(4)]
    pub at: i64,
}

/// Returns the id of a host's key.
pub fn key_id(public: &[u8; 32]) -> String {
    format!("host_{}", Digest::of("countersign/host-key/1", public).short(32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_said_is_signed() {
        let one = Heartbeat {
            target: "eu".into(),
            model: "fraud".into(),
            version: Some(7),
            digest: Some(Digest([1; 32])),
            at: 5,
            counter: 1,
        };
        let others = [
            Heartbeat { target: "us".into(), ..one.clone() },
            Heartbeat { model: "spam".into(), ..one.clone() },
            Heartbeat { version: Some(8), ..one.clone() },
            Heartbeat { version: None, ..one.clone() },
            Heartbeat { digest: None, ..one.clone() },
            Heartbeat { at: 6, ..one.clone() },
            Heartbeat { counter: 2, ..one.clone() },
        ];
        assert!(one.to_sign().starts_with(DOMAIN));
        for other in others {
            assert_ne!(other.to_sign(), one.to_sign(), "{other:?}");
        }
    }

    #[test]
    fn an_id_follows_from_its_key() {
        assert_eq!(key_id(&[7; 32]), key_id(&[7; 32]));
        assert_ne!(key_id(&[7; 32]), key_id(&[8; 32]));
    }
}
