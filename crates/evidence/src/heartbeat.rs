//! The signature of a host under what it says that it runs: Ed25519 over a [`Heartbeat`].

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use types::attestation::Observed;
use types::heartbeat::Heartbeat;

/// Signs what a host says.
pub struct HostSigner(SigningKey);

impl HostSigner {
    /// Makes a key of its 32 secret bytes.
    pub fn of(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// Returns the public key.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs, and returns the signature in hexadecimal.
    pub fn sign(&self, heartbeat: &Heartbeat) -> String {
        write(&self.0.sign(&heartbeat.to_sign()).to_bytes())
    }
}

/// Says whether 32 bytes are a public key that a host may have: a point that is not weak.
pub fn is_key(public: &[u8; 32]) -> bool {
    VerifyingKey::from_bytes(public).is_ok_and(|key| !key.is_weak())
}

/// Says whether a signature holds over what a host says.
pub fn verify(public: &[u8; 32], heartbeat: &Heartbeat, signature: &str) -> bool {
    let Some(signature) = read::<64>(signature) else { return false };
    let Ok(key) = VerifyingKey::from_bytes(public) else { return false };
    key.verify_strict(&heartbeat.to_sign(), &Signature::from_bytes(&signature)).is_ok()
}

/// Says whether the signature that a record carries holds over what it says; one without any has none that could not.
pub fn holds(seen: &Observed) -> bool {
    let Some(signed) = &seen.signed else { return true };
    let heartbeat = Heartbeat {
        target: seen.target.clone(),
        model: seen.model.clone(),
        version: seen.version,
        digest: seen.digest,
        at: signed.at,
        counter: signed.counter,
    };
    let key = |public: [u8; 32]| types::heartbeat::key_id(&public) == signed.key;
    read::<32>(&signed.public).is_some_and(|public| key(public) && verify(&public, &heartbeat, &signed.signature))
}

/// Reads bytes in hexadecimal; nothing of what is no such text of just that length.
pub fn read<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N.checked_mul(2)? || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// Writes bytes in hexadecimal.
pub fn write(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use types::attestation::Signed;
    use types::heartbeat::key_id;

    use super::*;

    fn heartbeat() -> Heartbeat {
        Heartbeat { target: "eu".into(), model: "fraud".into(), version: Some(7), digest: None, at: 5, counter: 1 }
    }

    #[test]
    fn a_signature_holds_over_what_was_signed_and_nothing_else() {
        let (host, other) = (HostSigner::of(&[1; 32]), HostSigner::of(&[2; 32]));
        let signature = host.sign(&heartbeat());
        assert!(verify(&host.public(), &heartbeat(), &signature));
        assert!(!verify(&other.public(), &heartbeat(), &signature));
        assert!(!verify(&host.public(), &Heartbeat { version: Some(8), ..heartbeat() }, &signature));
        assert!(!verify(&host.public(), &Heartbeat { target: "us".into(), ..heartbeat() }, &signature));
        for wrong in ["", "00", &signature[2..], &format!("{signature}00"), &"+1".repeat(64)] {
            assert!(!verify(&host.public(), &heartbeat(), wrong), "{wrong}");
        }
        assert!(!is_key(&[0; 32]) && is_key(&host.public()));
    }

    #[test]
    fn a_record_holds_only_with_the_key_that_it_names() {
        let host = HostSigner::of(&[1; 32]);
        let signed = Signed {
            key: key_id(&host.public()),
            public: write(&host.public()),
            counter: 1,
            at: 5,
            signature: host.sign(&heartbeat()),
        };
        let seen = |signed: Option<Signed>, version| Observed {
            model: "fraud".into(),
            target: "eu".into(),
            version: Some(version),
            signed,
            ..Observed::default()
        };
        assert!(holds(&seen(None, 7)) && holds(&seen(Some(signed.clone()), 7)));
        assert!(!holds(&seen(Some(signed.clone()), 8)), "another version was signed");
        assert!(!holds(&seen(Some(Signed { key: "host_other".into(), ..signed }), 7)));
    }
}
