//! Authenticator data (WebAuthn Level 3, §6.1): what the authenticator signs besides the client data.

use minicbor::Decoder;
use minicbor::data::Type;
use types::Digest;

use super::cose_key::CoseKey;
use super::error::PasskeyError;

/// Is the longest authenticator data that is read, in bytes: an id, an RSA key, and extensions.
const BYTES_MAX: usize = 8_192;

/// Is the longest credential id, in bytes (§4).
const ID_BYTES_MAX: usize = 1_023;

/// Is the byte of flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// Says whether somebody was there.
    pub fn present(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// Says whether the authenticator found out that it was the right person.
    pub fn verified(self) -> bool {
        self.0 & 0x04 != 0
    }

    /// Says whether the credential may be copied to other devices.
    pub fn backup_eligible(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// Says whether it is.
    pub fn backed_up(self) -> bool {
        self.0 & 0x10 != 0
    }

    fn has_credential(self) -> bool {
        self.0 & 0x40 != 0
    }

    fn has_extensions(self) -> bool {
        self.0 & 0x80 != 0
    }
}

/// Is a credential that an authenticator has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The model of the authenticator, as it says itself.
    pub aaguid: [u8; 16],
    /// Its id.
    pub id: Vec<u8>,
    /// Its public key.
    pub key: CoseKey,
}

/// Is what an authenticator says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatorData {
    /// The digest of the relying-party id.
    pub rp_id_hash: [u8; 32],
    /// The flags.
    pub flags: Flags,
    /// How often it has signed, as it says itself; many always say 0.
    pub sign_count: u32,
    /// The credential, where one was made.
    pub credential: Option<Credential>,
}

impl AuthenticatorData {
    /// Reads authenticator data to its last byte.
    ///
    /// # Errors
    ///
    /// [`PasskeyError::TooLarge`] beyond 8,192 bytes; [`PasskeyError::AuthenticatorData`] if a part is cut off, or something
    /// follows; [`PasskeyError::CredentialId`], [`PasskeyError::Key`] or [`PasskeyError::Algorithm`] for the credential.
    pub fn parse(bytes: &[u8]) -> Result<Self, PasskeyError> {
        if bytes.len() > BYTES_MAX {
            return Err(PasskeyError::TooLarge("the authenticator's data", BYTES_MAX));
        }
        let (rp_id_hash, rest) = split::<32>(bytes)?;
        let ([flags], rest) = split::<1>(rest)?;
        let (count, mut rest) = split::<4>(rest)?;
        let flags = Flags(flags);
        let mut credential = None;
        if flags.has_credential() {
            let (made, behind) = credential_in(rest)?;
            (credential, rest) = (Some(made), behind);
        }
        if flags.has_extensions() {
            rest = behind_map(rest)?;
        }
        if !rest.is_empty() {
            return Err(PasskeyError::AuthenticatorData("something stands behind it"));
        }
        Ok(Self { rp_id_hash, flags, sign_count: u32::from_be_bytes(count), credential })
    }

    /// Demands what holds for every ceremony here: the relying party, somebody present and verified, a sound backup state.
    ///
    /// # Errors
    ///
    /// In this order: [`PasskeyError::RelyingParty`], [`PasskeyError::NotPresent`], [`PasskeyError::NotVerified`],
    /// [`PasskeyError::BackupState`]. No others.
    pub fn is_for(&self, rp_id: &str) -> Result<(), PasskeyError> {
        if Digest(self.rp_id_hash) != Digest::plain(rp_id.as_bytes()) {
            return Err(PasskeyError::RelyingParty);
        }
        if !self.flags.present() {
            return Err(PasskeyError::NotPresent);
        }
        if !self.flags.verified() {
            return Err(PasskeyError::NotVerified);
        }
        if self.flags.backed_up() && !self.flags.backup_eligible() {
            return Err(PasskeyError::BackupState);
        }
        Ok(())
    }
}

fn split<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), PasskeyError> {
    let (first, rest) = bytes.split_first_chunk::<N>().ok_or(PasskeyError::AuthenticatorData("it is cut off"))?;
    Ok((*first, rest))
}

fn credential_in(bytes: &[u8]) -> Result<(Credential, &[u8]), PasskeyError> {
    let (aaguid, rest) = split::<16>(bytes)?;
    let (length, rest) = split::<2>(rest)?;
    let length = usize::from(u16::from_be_bytes(length));
    if !(1..=ID_BYTES_MAX).contains(&length) {
        return Err(PasskeyError::CredentialId(length));
    }
    let (id, rest) = rest.split_at_checked(length).ok_or(PasskeyError::AuthenticatorData("it is cut off"))?;
    let (key, rest) = CoseKey::first_in(rest)?;
    Ok((Credential { aaguid, id: id.to_vec(), key }, rest))
}

/// Returns what stands behind one CBOR map: the extensions are signed, and nothing here reads them.
fn behind_map(bytes: &[u8]) -> Result<&[u8], PasskeyError> {
    let wrong = || PasskeyError::AuthenticatorData("its extensions are no map");
    let mut decoder = Decoder::new(bytes);
    if decoder.datatype().map_err(|_| wrong())? != Type::Map {
        return Err(wrong());
    }
    decoder.skip().map_err(|_| wrong())?;
    bytes.get(decoder.position()..).ok_or_else(wrong)
}
