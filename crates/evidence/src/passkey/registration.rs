//! Verifying a registration (WebAuthn Level 3, §7.1).
//!
//! What is believed of an authenticator's make rests on certificates that nobody here keeps, so of the attestation only
//! `none` and self attestation are looked at. Any other statement is kept with the record, for whoever has roots.

use minicbor::Decoder;
use minicbor::data::Type;
use types::Digest;

use super::assertion::signed;
use super::authenticator_data::{AuthenticatorData, Credential, Flags};
use super::client_data::{Ceremony, ClientData};
use super::error::PasskeyError;
use super::site::Site;

/// Is the longest attestation object that is read, in bytes.
const BYTES_MAX: usize = 32_768;

/// Is a registration as a browser hands it over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registration<'a> {
    /// `clientDataJSON`.
    pub client_data: &'a [u8],
    /// `attestationObject`.
    pub attestation: &'a [u8],
}

/// Is what a registration that holds has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// The credential.
    pub credential: Credential,
    /// The flags.
    pub flags: Flags,
    /// How often the authenticator has signed, as it says itself.
    pub sign_count: u32,
    /// The format of the attestation statement.
    pub format: String,
    /// The credential's own key has signed the registration.
    pub self_attested: bool,
}

/// Demands that a registration is for a challenge, on a page of a site, by somebody present and verified.
///
/// # Errors
///
/// In this order: what [`ClientData::parse`] and [`ClientData::is_for`] say; [`PasskeyError::Attestation`] or
/// [`PasskeyError::TooLarge`] for the object; what [`AuthenticatorData::parse`] and [`AuthenticatorData::is_for`] say;
/// [`PasskeyError::Credential`] if it carries none; [`PasskeyError::SelfAttestation`] if it claims to be signed by its own
/// key and is not. No others.
pub fn verify_registration(
    registration: &Registration<'_>,
    challenge: &Digest,
    site: &Site<'_>,
) -> Result<Attested, PasskeyError> {
    ClientData::parse(registration.client_data)?.is_for(Ceremony::Registration, challenge, site)?;
    let object = Object::parse(registration.attestation)?;
    let data = AuthenticatorData::parse(object.authenticator_data)?;
    data.is_for(site.rp_id)?;
    let credential = data.credential.ok_or(PasskeyError::Credential)?;
    let statement = object.statement()?;
    if let Some(signature) = statement {
        let message = signed(object.authenticator_data, registration.client_data);
        let own = credential.key.verify(&message, signature.bytes);
        if own.is_err() || signature.algorithm != credential.key.algorithm().number() {
            return Err(PasskeyError::SelfAttestation);
        }
    }
    Ok(Attested {
        credential,
        flags: data.flags,
        sign_count: data.sign_count,
        format: object.format.to_owned(),
        self_attested: statement.is_some(),
    })
}

/// Is an attestation object (§6.5): three members, in any order.
struct Object<'a> {
    format: &'a str,
    statement: &'a [u8],
    authenticator_data: &'a [u8],
}

/// Is a signature in a statement without certificates.
#[derive(Clone, Copy)]
struct OwnSignature<'a> {
    algorithm: i64,
    bytes: &'a [u8],
}

const MALFORMED: PasskeyError = PasskeyError::Attestation("it is no CBOR map of its three members");
const NO_STATEMENT: PasskeyError = PasskeyError::Attestation("its statement is not one of its format");

impl<'a> Object<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, PasskeyError> {
        if bytes.len() > BYTES_MAX {
            return Err(PasskeyError::TooLarge("the attestation object", BYTES_MAX));
        }
        let mut decoder = Decoder::new(bytes);
        let members = decoder.map().map_err(|_| MALFORMED)?;
        let (mut format, mut statement, mut data) = (None, None, None);
        for _ in 0..members.unwrap_or_default() {
            match decoder.str().map_err(|_| MALFORMED)? {
                "fmt" if format.is_none() => format = Some(decoder.str().map_err(|_| MALFORMED)?),
                "attStmt" if statement.is_none() => statement = Some(map(&mut decoder, bytes)?),
                "authData" if data.is_none() => data = Some(decoder.bytes().map_err(|_| MALFORMED)?),
                _ => return Err(MALFORMED),
            }
        }
        match (format, statement, data) {
            (Some(format), Some(statement), Some(authenticator_data)) if decoder.position() == bytes.len() => {
                Ok(Self { format, statement, authenticator_data })
            }
            _ => Err(MALFORMED),
        }
    }

    /// Returns the signature of a self attestation; `None` where nothing is to be checked.
    fn statement(&self) -> Result<Option<OwnSignature<'a>>, PasskeyError> {
        let mut decoder = Decoder::new(self.statement);
        let members = decoder.map().map_err(|_| NO_STATEMENT)?.ok_or(NO_STATEMENT)?;
        match self.format {
            // §8.7: a statement of the format `none` is an empty map.
            "none" if members == 0 => Ok(None),
            "none" => Err(NO_STATEMENT),
            "packed" => packed(&mut decoder, members),
            _ => Ok(None),
        }
    }
}

/// Reads a statement of the format `packed` (§8.2): with certificates it is for others to check.
fn packed<'a>(decoder: &mut Decoder<'a>, members: u64) -> Result<Option<OwnSignature<'a>>, PasskeyError> {
    let (mut algorithm, mut signature, mut certified) = (None, None, false);
    for _ in 0..members {
        match decoder.str().map_err(|_| NO_STATEMENT)? {
            "alg" if algorithm.is_none() => algorithm = Some(decoder.i64().map_err(|_| NO_STATEMENT)?),
            "sig" if signature.is_none() => signature = Some(decoder.bytes().map_err(|_| NO_STATEMENT)?),
            "x5c" if !certified => {
                certified = true;
                decoder.skip().map_err(|_| NO_STATEMENT)?;
            }
            _ => return Err(NO_STATEMENT),
        }
    }
    match (algorithm, signature) {
        (Some(_), Some(_)) if certified => Ok(None),
        (Some(algorithm), Some(bytes)) => Ok(Some(OwnSignature { algorithm, bytes })),
        _ => Err(NO_STATEMENT),
    }
}

/// Takes one CBOR map out as it stands.
fn map<'a>(decoder: &mut Decoder<'a>, bytes: &'a [u8]) -> Result<&'a [u8], PasskeyError> {
    let from = decoder.position();
    if decoder.datatype().map_err(|_| MALFORMED)? != Type::Map {
        return Err(MALFORMED);
    }
    decoder.skip().map_err(|_| MALFORMED)?;
    bytes.get(from..decoder.position()).ok_or(MALFORMED)
}
