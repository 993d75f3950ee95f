//! What a token holds: `SignedData` (RFC 5652) around `TSTInfo` (RFC 3161 §2.4.2), read and not yet believed.

use der::Tag;
use der::asn1::ObjectIdentifier;
use types::Millis;

use super::der::{Element, Elements, context};
use super::error::TimestampError;
use super::time::instant;

/// Is the largest token or response that is read, in bytes.
pub const BYTES_MAX: usize = 64 << 10;

/// Is the most certificates that a token may carry.
const CERTIFICATES_MAX: usize = 16;

pub(super) const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

const TOKEN: &str = "the token";
const CONTENT: &str = "what the token says";
const SIGNER: &str = "the token's signer";
const ATTRIBUTES: &str = "what the token's signature covers";

/// Is what a token says was stamped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Imprint<'a> {
    pub(super) algorithm: ObjectIdentifier,
    pub(super) hash: &'a [u8],
}

impl<'a> Imprint<'a> {
    pub(super) fn read(elements: &mut Elements<'a>) -> Result<Self, TimestampError> {
        let mut inside = elements.inside(Tag::Sequence, CONTENT)?;
        let algorithm = inside.algorithm(CONTENT)?;
        let hash = inside.one(Tag::OctetString, CONTENT)?.value;
        inside.done(CONTENT)?;
        Ok(Self { algorithm, hash })
    }
}

/// Is what a token says, as far as it is used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) imprint: Imprint<'a>,
    pub(super) at: Millis,
    pub(super) nonce: Option<&'a [u8]>,
}

impl<'a> Said<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, TimestampError> {
        let mut whole = Elements::of(bytes, CONTENT)?;
        let mut inside = whole.inside(Tag::Sequence, CONTENT)?;
        whole.done(CONTENT)?;
        if inside.small(CONTENT)? != 1 {
            return Err(TimestampError::Malformed(CONTENT));
        }
        inside.oid(CONTENT)?;
        let imprint = Imprint::read(&mut inside)?;
        inside.one(Tag::Integer, CONTENT)?;
        let at = instant(inside.one(Tag::GeneralizedTime, CONTENT)?.value)?;
        inside.maybe(Tag::Sequence, CONTENT)?;
        inside.maybe(Tag::Boolean, CONTENT)?;
        let nonce = inside.maybe(Tag::Integer, CONTENT)?.map(|number| number.value);
        inside.maybe(context(0), CONTENT)?;
        if let Some(extensions) = inside.maybe(context(1), CONTENT)? {
            no_critical(extensions)?;
        }
        inside.done(CONTENT)?;
        Ok(Self { imprint, at, nonce })
    }
}

/// Refuses extensions that must be understood: none is.
fn no_critical(extensions: Element<'_>) -> Result<(), TimestampError> {
    let mut all = Elements::of(extensions.value, CONTENT)?;
    while !all.is_done() {
        let mut one = all.inside(Tag::Sequence, CONTENT)?;
        one.oid(CONTENT)?;
        if one.maybe(Tag::Boolean, CONTENT)?.is_some_and(|critical| critical.value != [0]) {
            return Err(TimestampError::Malformed(CONTENT));
        }
        one.one(Tag::OctetString, CONTENT)?;
        one.done(CONTENT)?;
    }
    Ok(())
}

/// Says by what the signer's certificate is named.
#[derive(Debug, Clone, Copy)]
pub(super) enum SignerId<'a> {
    /// Its issuer's name and its serial number.
    IssuerAndSerial { issuer: &'a [u8], serial: &'a [u8] },
    /// The identifier of its key.
    Key(&'a [u8]),
}

/// Is the one who signed, with what was signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signer<'a> {
    pub(super) id: SignerId<'a>,
    pub(super) digest: ObjectIdentifier,
    pub(super) attributes: Element<'a>,
    pub(super) algorithm: ObjectIdentifier,
    pub(super) signature: &'a [u8],
}

impl<'a> Signer<'a> {
    fn read(elements: &mut Elements<'a>) -> Result<Self, TimestampError> {
        let mut inside = elements.inside(Tag::Sequence, SIGNER)?;
        let version = inside.small(SIGNER)?;
        let named = inside.any(SIGNER)?;
        let key = Tag::ContextSpecific { constructed: false, number: der::TagNumber(0) };
        let id = match (version, named.tag) {
            (1, Tag::Sequence) => {
                let mut named = Elements::of(named.value, SIGNER)?;
                let issuer = named.one(Tag::Sequence, SIGNER)?.whole;
                let serial = named.one(Tag::Integer, SIGNER)?.value;
                named.done(SIGNER)?;
                SignerId::IssuerAndSerial { issuer, serial }
            }
            (3, tag) if tag == key => SignerId::Key(named.value),
            _ => return Err(TimestampError::Malformed(SIGNER)),
        };
        let digest = inside.algorithm(SIGNER)?;
        let attributes = inside.one(context(0), SIGNER)?;
        let algorithm = inside.algorithm(SIGNER)?;
        let signature = inside.one(Tag::OctetString, SIGNER)?.value;
        inside.maybe(context(1), SIGNER)?;
        inside.done(SIGNER)?;
        Ok(Self { id, digest, attributes, algorithm, signature })
    }
}

/// Is the certificate that the signed attributes name.
#[derive(Debug, Clone, Copy)]
pub(super) struct CertificateId<'a> {
    pub(super) algorithm: ObjectIdentifier,
    pub(super) hash: &'a [u8],
    pub(super) issuer_serial: Option<(&'a [u8], &'a [u8])>,
}

/// Are the signed attributes that count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes<'a> {
    pub(super) digest: &'a [u8],
    pub(super) certificate: CertificateId<'a>,
}

impl<'a> Attributes<'a> {
    /// Reads the attributes: those that count must be there once, with one value each.
    pub(super) fn read(attributes: Element<'a>) -> Result<Self, TimestampError> {
        let (mut kind, mut digest, mut certificate) = (None, None, None);
        let mut all = Elements::of(attributes.value, ATTRIBUTES)?;
        while !all.is_done() {
            let mut one = all.inside(Tag::Sequence, ATTRIBUTES)?;
            let place = match one.oid(ATTRIBUTES)? {
                CONTENT_TYPE => &mut kind,
                MESSAGE_DIGEST => &mut digest,
                SIGNING_CERTIFICATE_V2 => &mut certificate,
                _ => continue,
            };
            let mut values = one.inside(Tag::Set, ATTRIBUTES)?;
            one.done(ATTRIBUTES)?;
            let value = values.any(ATTRIBUTES)?;
            values.done(ATTRIBUTES)?;
            if place.replace(value).is_some() {
                return Err(TimestampError::Malformed(ATTRIBUTES));
            }
        }
        let (Some(kind), Some(digest), Some(certificate)) = (kind, digest, certificate) else {
            return Err(TimestampError::Malformed(ATTRIBUTES));
        };
        if Elements::of(kind.whole, ATTRIBUTES)?.oid(ATTRIBUTES)? != TST_INFO || digest.tag != Tag::OctetString {
            return Err(TimestampError::Malformed(ATTRIBUTES));
        }
        Ok(Self { digest: digest.value, certificate: signing_certificate(certificate)? })
    }
}

/// Reads the first of the certificates that `SigningCertificateV2` names (RFC 5035): the signer's own.
fn signing_certificate(value: Element<'_>) -> Result<CertificateId<'_>, TimestampError> {
    let mut certificates = Elements::of(value.whole, ATTRIBUTES)?.inside(Tag::Sequence, ATTRIBUTES)?;
    let mut first = certificates.inside(Tag::Sequence, ATTRIBUTES)?.inside(Tag::Sequence, ATTRIBUTES)?;
    let is_other = first.clone().any(ATTRIBUTES)?.tag == Tag::Sequence;
    let algorithm = if is_other { first.algorithm(ATTRIBUTES)? } else { SHA_256 };
    let hash = first.one(Tag::OctetString, ATTRIBUTES)?.value;
    let issuer_serial = match first.maybe(Tag::Sequence, ATTRIBUTES)? {
        Some(named) => {
            let mut named = Elements::of(named.value, ATTRIBUTES)?;
            let mut names = named.inside(Tag::Sequence, ATTRIBUTES)?;
            let issuer = names.one(context(4), ATTRIBUTES)?.value;
            names.done(ATTRIBUTES)?;
            let serial = named.one(Tag::Integer, ATTRIBUTES)?.value;
            named.done(ATTRIBUTES)?;
            Some((issuer, serial))
        }
        None => None,
    };
    first.done(ATTRIBUTES)?;
    Ok(CertificateId { algorithm, hash, issuer_serial })
}

/// Is a token, read.
#[derive(Debug, Clone)]
pub(super) struct Parsed<'a> {
    pub(super) content: &'a [u8],
    pub(super) said: Said<'a>,
    pub(super) certificates: Vec<&'a [u8]>,
    pub(super) signer: Signer<'a>,
}

impl<'a> Parsed<'a> {
    /// Reads a token strictly: one signer, the certificates with it, nothing behind it.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, TimestampError> {
        if bytes.len() > BYTES_MAX {
            return Err(TimestampError::TooLarge(TOKEN));
        }
        let mut whole = Elements::of(bytes, TOKEN)?;
        let mut info = whole.inside(Tag::Sequence, TOKEN)?;
        whole.done(TOKEN)?;
        if info.oid(TOKEN)? != SIGNED_DATA {
            return Err(TimestampError::Malformed(TOKEN));
        }
        let mut explicit = info.inside(context(0), TOKEN)?;
        info.done(TOKEN)?;
        let data = explicit.inside(Tag::Sequence, TOKEN)?;
        explicit.done(TOKEN)?;
        Self::signed_data(data)
    }

    fn signed_data(mut data: Elements<'a>) -> Result<Self, TimestampError> {
        if data.small(TOKEN)? != 3 {
            return Err(TimestampError::Malformed(TOKEN));
        }
        let digests = data.inside(Tag::Set, TOKEN)?;
        let content = encapsulated(&mut data)?;
        let certificates = data.inside(context(0), TOKEN).and_then(certificates)?;
        data.maybe(context(1), TOKEN)?;
        let mut signers = data.inside(Tag::Set, TOKEN)?;
        data.done(TOKEN)?;
        let signer = Signer::read(&mut signers)?;
        signers.done(TOKEN)?;
        if !names(digests, signer.digest)? {
            return Err(TimestampError::Malformed(TOKEN));
        }
        Ok(Self { content, said: Said::read(content)?, certificates, signer })
    }
}

/// Says whether an algorithm is in a set of them.
fn names(mut all: Elements<'_>, wanted: ObjectIdentifier) -> Result<bool, TimestampError> {
    let mut found = false;
    while !all.is_done() {
        found |= all.algorithm(TOKEN)? == wanted;
    }
    Ok(found)
}

fn encapsulated<'a>(data: &mut Elements<'a>) -> Result<&'a [u8], TimestampError> {
    let mut content = data.inside(Tag::Sequence, TOKEN)?;
    if content.oid(TOKEN)? != TST_INFO {
        return Err(TimestampError::Malformed(TOKEN));
    }
    let mut explicit = content.inside(context(0), TOKEN)?;
    content.done(TOKEN)?;
    let bytes = explicit.one(Tag::OctetString, TOKEN)?.value;
    explicit.done(TOKEN)?;
    Ok(bytes)
}

fn certificates(mut all: Elements<'_>) -> Result<Vec<&[u8]>, TimestampError> {
    let mut found = Vec::new();
    while !all.is_done() {
        found.push(all.one(Tag::Sequence, TOKEN)?.whole);
    }
    if found.len() > CERTIFICATES_MAX { Err(TimestampError::Malformed(TOKEN)) } else { Ok(found) }
}
