//! Logins with a passkey: what is signed, and whether it lets somebody in.

use types::Digest;

use super::assertion::{Assertion, Sight, verify_assertion};
use super::error::PasskeyError;
use super::paper::NONCE_BYTES;
use super::record::Passkey;
use super::site::{Origins, Site};

const LOGIN: &str = "countersign/passkey-login/1";

/// Returns the challenge of a login: a digest of random bytes under a name of its own, so that no ballot and no enrolment has it.
pub fn login_challenge(nonce: &[u8; NONCE_BYTES]) -> Digest {
    Digest::of(LOGIN, nonce)
}

/// Demands that an assertion over the challenge of a login is one of this passkey.
///
/// Whether the passkey was revoked, and whether its person is one still, is for whoever knows the present to look at.
///
/// - `user_handle`: what the authenticator says the credential is of; nobody was named beforehand, so it must be there and be
///   the passkey's (Level 3, §7.2, step 6).
///
/// # Errors
///
/// In this order: what [`Passkey::attested`] says; [`PasskeyError::OtherUser`]; what [`verify_assertion`] says. No others.
pub fn check_login(
    passkey: &Passkey,
    (assertion, user_handle): (&Assertion<'_>, Option<&[u8]>),
    challenge: &Digest,
    origins: Origins<'_>,
) -> Result<Sight, PasskeyError> {
    let attested = passkey.attested()?;
    let enrolment = passkey.enrolment.as_ref().ok_or(PasskeyError::Credential)?;
    if user_handle != Some(passkey.id.0.as_bytes()) {
        return Err(PasskeyError::OtherUser);
    }
    let site = Site { rp_id: &enrolment.rp_id, origins };
    verify_assertion(assertion, challenge, &site, (&attested.credential.key, attested.flags.backup_eligible()))
}
