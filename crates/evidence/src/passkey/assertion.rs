//! Verifying an assertion (WebAuthn Level 3, §7.2).

use types::Digest;

use super::authenticator_data::{AuthenticatorData, Flags};
use super::client_data::{Ceremony, ClientData};
use super::cose_key::CoseKey;
use super::error::PasskeyError;
use super::site::Site;

/// Is an assertion as a browser hands it over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assertion<'a> {
    /// `clientDataJSON`.
    pub client_data: &'a [u8],
    /// `authenticatorData`.
    pub authenticator_data: &'a [u8],
    /// `signature`.
    pub signature: &'a [u8],
}

/// Is what an assertion that holds tells besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The flags.
    pub flags: Flags,
    /// How often the authenticator has signed, as it says itself: told, and never relied on, since keys that are synced
    /// always say 0.
    pub sign_count: u32,
    /// The origin of the page.
    pub origin: String,
}

/// Demands that an assertion is one of a key, over a challenge, on a page of a site, by somebody present and verified.
///
/// - `backup_eligible`: what the credential was when it was enrolled, which never changes (§6.1.3).
///
/// # Errors
///
/// In this order: what [`ClientData::parse`] and [`ClientData::is_for`] say; what [`AuthenticatorData::parse`] and
/// [`AuthenticatorData::is_for`] say; [`PasskeyError::Credential`] if it carries a credential;
/// [`PasskeyError::BackupEligibility`]; [`PasskeyError::Signature`]. No others.
pub fn verify_assertion(
    assertion: &Assertion<'_>,
    challenge: &Digest,
    site: &Site<'_>,
    (key, backup_eligible): (&CoseKey, bool),
) -> Result<Sight, PasskeyError> {
    let client = ClientData::parse(assertion.client_data)?;
    client.is_for(Ceremony::Assertion, challenge, site)?;
    let data = AuthenticatorData::parse(assertion.authenticator_data)?;
    data.is_for(site.rp_id)?;
    if data.credential.is_some() {
        return Err(PasskeyError::Credential);
    }
    if data.flags.backup_eligible() != backup_eligible {
        return Err(PasskeyError::BackupEligibility);
    }
    key.verify(&signed(assertion.authenticator_data, assertion.client_data), assertion.signature)?;
    Ok(Sight { flags: data.flags, sign_count: data.sign_count, origin: client.origin })
}

/// Returns what an authenticator signs.
pub(super) fn signed(authenticator_data: &[u8], client_data: &[u8]) -> Vec<u8> {
    [authenticator_data, &Digest::plain(client_data).0].concat()
}
