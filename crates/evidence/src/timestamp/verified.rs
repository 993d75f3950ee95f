//! A token whose signature holds.

use types::{Digest, Millis, text};
use webpki::EndEntityCert;

use super::algorithm::{Hash, of_signer};
use super::authorities::Authorities;
use super::error::TimestampError;
use super::request::{TimestampRequest, is_ours};
use super::time::told;
use super::token::{Attributes, Parsed};

/// Is the tag of a SET, under which the attributes are signed (RFC 5652 §5.4).
const SET: u8 = 0x31;

/// Is the verified word of an authority: some bytes existed at a time.
///
/// Whoever holds one has seen the signature verified and the certificate traced to a trusted authority; whether it is
/// about the bytes in question is what [`Timestamp::covers`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp {
    at: Millis,
    by: String,
    imprint: Option<Digest>,
    nonce: Option<Vec<u8>>,
}

impl Timestamp {
    /// Verifies a token: the signature over its signed attributes, the digest of what it says, the certificate that
    /// those attributes name, that this is for time-stamping alone, and the path from it to a trusted authority at the
    /// token's own time.
    ///
    /// # Errors
    ///
    /// [`TimestampError`], never [`TimestampError::Imprint`], [`TimestampError::Nonce`] or [`TimestampError::Time`].
    pub fn verify(token: &[u8], trusted: &Authorities) -> Result<Self, TimestampError> {
        let token = Parsed::read(token)?;
        let attributes = Attributes::read(token.signer.attributes)?;
        let hash = Hash::named(token.signer.digest, "the digest of the token's content")?;
        if hash.of(token.content) != attributes.digest {
            return Err(TimestampError::Signature("its content is not what was signed"));
        }
        let (certificate, der) = trusted.signer(&token, &attributes.certificate)?;
        signed(&token, &EndEntityCert::try_from(&der).map_err(|_| TimestampError::Certificate("it cannot be read"))?)?;
        let imprint = Some(token.said.imprint).filter(|imprint| is_ours(imprint.algorithm));
        let imprint = imprint.and_then(|imprint| <[u8; 32]>::try_from(imprint.hash).ok()).map(Digest);
        let by = text::escape(&certificate.tbs_certificate().subject().to_string(), false);
        Ok(Self { at: token.said.at, by, imprint, nonce: token.said.nonce.map(<[u8]>::to_vec) })
    }

    /// Verifies the answer to a request: that it was granted, its token as [`Timestamp::verify`] does, that this answers
    /// the request, and that it was made in time. Returns the token too, byte for byte.
    ///
    /// - `from`, `to`: the first and the last instant at which it may have been made, by whoever asks.
    ///
    /// # Errors
    ///
    /// [`TimestampError`], as described there.
    pub fn of_response<'a>(
        response: &'a [u8],
        request: &TimestampRequest,
        trusted: &Authorities,
        (from, to): (Millis, Millis),
    ) -> Result<(Self, &'a [u8]), TimestampError> {
        let token = super::token_in(response)?;
        let stamp = Self::verify(token, trusted)?;
        if !request.has_nonce(stamp.nonce.as_deref()) {
            return Err(TimestampError::Nonce);
        }
        if stamp.imprint != Some(request.imprint()) {
            return Err(TimestampError::Imprint);
        }
        if stamp.at < from || stamp.at > to {
            return Err(TimestampError::Time);
        }
        Ok((stamp, token))
    }

    /// Returns when the bytes existed, as the authority says; its accuracy is the authority's.
    pub fn at(&self) -> Millis {
        self.at
    }

    /// Returns the same for people, in UTC.
    pub fn time(&self) -> String {
        told(self.at)
    }

    /// Returns whom the authority's certificate is made out to, harmless to show.
    pub fn by(&self) -> &str {
        &self.by
    }

    /// Says whether the token is about these bytes.
    pub fn covers(&self, stamped: &[u8]) -> bool {
        self.imprint == Some(Digest::plain(stamped))
    }
}

fn signed(token: &Parsed<'_>, certificate: &EndEntityCert<'_>) -> Result<(), TimestampError> {
    let mut message = token.signer.attributes.whole.to_vec();
    if let Some(tag) = message.first_mut() {
        *tag = SET;
    }
    let ways = of_signer(token.signer.digest, token.signer.algorithm)?;
    let holds = |way: &&dyn rustls_pki_types::SignatureVerificationAlgorithm| {
        certificate.verify_signature(*way, &message, token.signer.signature).is_ok()
    };
    if ways.iter().any(holds) { Ok(()) } else { Err(TimestampError::Signature("its key has not made it")) }
}
