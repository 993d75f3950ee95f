//! The authorities a reader trusts, and whether the certificate of a signer leads to one of them.
//!
//! The path itself (signatures, validity, basic constraints, path length, name constraints) is `webpki`'s; here is what
//! RFC 3161 §2.3 and RFC 5280 §4.2.1.3 demand besides.

use std::time::Duration;

use der::asn1::ObjectIdentifier;
use der::{Decode as _, Encode as _};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use types::{Digest, Millis, text};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{self, ExtendedKeyUsage, SubjectKeyIdentifier};

use super::algorithm;
use super::error::TimestampError;
use super::token::{CertificateId, Parsed, Signer, SignerId};

/// Is id-kp-timeStamping.
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

/// Is the same in the bytes of its encoding.
const TIME_STAMPING_BYTES: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// Is the most certificates that a file may name.
const ROOTS_MAX: usize = 100;

/// Are the certificates of the authorities that a reader trusts, each a root or one below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorities(Vec<CertificateDer<'static>>);

impl Authorities {
    /// Reads a PEM file of one to 100 certificates; text outside of them is passed over.
    ///
    /// # Errors
    ///
    /// [`TimestampError::Roots`] if it has none or too many, or one that cannot be read.
    pub fn from_pem(text: &[u8]) -> Result<Self, TimestampError> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
        let all = read.map_err(|_| TimestampError::Roots("the file is no PEM"))?;
        if all.is_empty() || all.len() > ROOTS_MAX {
            return Err(TimestampError::Roots("the file must hold 1 to 100 certificates"));
        }
        let found = Self(all);
        found.anchors()?;
        Ok(found)
    }

    /// Returns whom each certificate is made out to, and its SHA-256 as `openssl x509 -fingerprint -sha256` prints it.
    pub fn fingerprints(&self) -> Vec<(String, String)> {
        let one = |certificate: &CertificateDer<'_>| {
            let read = Certificate::from_der(certificate).ok();
            let name = read.map(|read| read.tbs_certificate().subject().to_string()).unwrap_or_default();
            let hex: Vec<String> = Digest::plain(certificate).0.iter().map(|byte| format!("{byte:02X}")).collect();
            (text::escape(&name, false), hex.join(":"))
        };
        self.0.iter().map(one).collect()
    }

    fn anchors(&self) -> Result<Vec<TrustAnchor<'_>>, TimestampError> {
        let anchor = |certificate| {
            webpki::anchor_from_trusted_cert(certificate)
                .map_err(|_| TimestampError::Roots("one of the certificates cannot be read"))
        };
        self.0.iter().map(anchor).collect()
    }

    /// Finds the certificate that has signed a token, and demands that it leads to one of these authorities at the
    /// token's own time; returns the name it is made out to.
    pub(super) fn signer(
        &self,
        token: &Parsed<'_>,
        named: &CertificateId<'_>,
    ) -> Result<(Certificate, CertificateDer<'static>), TimestampError> {
        let hash = algorithm::Hash::named(named.algorithm, "the hash of a certificate")?;
        let own = token.certificates.iter().find(|certificate| hash.of(certificate) == named.hash);
        let own = own.ok_or(TimestampError::Certificate("the token does not carry it"))?;
        let read = Certificate::from_der(own).map_err(|_| TimestampError::Certificate("it cannot be read"))?;
        is_named(&read, &token.signer, named)?;
        may_stamp(&read)?;
        let own = CertificateDer::from(own.to_vec());
        self.leads_here(&own, token)?;
        Ok((read, own))
    }

    fn leads_here(&self, own: &CertificateDer<'_>, token: &Parsed<'_>) -> Result<(), TimestampError> {
        let end = EndEntityCert::try_from(own).map_err(|_| TimestampError::Certificate("it cannot be read"))?;
        let others: Vec<CertificateDer<'_>> =
            token.certificates.iter().map(|der| CertificateDer::from(*der)).filter(|der| der != own).collect();
        let anchors = self.anchors()?;
        let usage = KeyUsage::required_if_present(TIME_STAMPING_BYTES);
        let time = unix(token.said.at)?;
        end.verify_for_usage(&algorithm::ALL, &anchors, &others, time, usage, None, Some(&may_certify))
            .map(|_| ())
            .map_err(|error| TimestampError::Certificate(told(&error)))
    }
}

fn unix(at: Millis) -> Result<UnixTime, TimestampError> {
    let ms = u64::try_from(at.0).map_err(|_| TimestampError::Malformed("the token's time"))?;
    Ok(UnixTime::since_unix_epoch(Duration::from_millis(ms)))
}

fn told(error: &webpki::Error) -> &'static str {
    match error {
        webpki::Error::CertExpired { .. } => "it, or one above it, had expired at the token's time",
        webpki::Error::CertNotValidYet { .. } => "it, or one above it, was not valid yet at the token's time",
        webpki::Error::UnknownIssuer => "it leads to none of the authorities that are trusted",
        webpki::Error::CaUsedAsEndEntity => "it is an authority's own",
        webpki::Error::RequiredEkuNotFoundContext(_) => "one above it is not for time-stamping",
        _ => "the path from it to an authority does not hold",
    }
}

/// Demands that a certificate is the one that the signer and its signed attributes name.
fn is_named(certificate: &Certificate, signer: &Signer<'_>, named: &CertificateId<'_>) -> Result<(), TimestampError> {
    let other = || TimestampError::Certificate("the signer names another");
    let own = certificate.tbs_certificate();
    let issuer = own.issuer().to_der().map_err(|_| other())?;
    let is_own = |place: (&[u8], &[u8])| place == (issuer.as_slice(), own.serial_number().as_bytes());
    let by_signer = match signer.id {
        SignerId::IssuerAndSerial { issuer, serial } => is_own((issuer, serial)),
        SignerId::Key(key) => {
            let found = own.get_extension::<SubjectKeyIdentifier>().ok().flatten();
            found.is_some_and(|(_, found)| found.0.as_bytes() == key)
        }
    };
    if by_signer && named.issuer_serial.is_none_or(is_own) { Ok(()) } else { Err(other()) }
}

/// Demands that a certificate is for time-stamping and for nothing else.
fn may_stamp(certificate: &Certificate) -> Result<(), TimestampError> {
    let own = certificate.tbs_certificate();
    let unusable = |_| TimestampError::Certificate("its extensions cannot be read");
    // "The corresponding certificate MUST contain only one instance of the extended key usage field extension … with
    // KeyPurposeID having value: id-kp-timeStamping.  This extension MUST be critical." (RFC 3161 §2.3)
    match own.get_extension::<ExtendedKeyUsage>().map_err(unusable)? {
        Some((true, usage)) if usage.0 == [TIME_STAMPING] => {}
        _ => return Err(TimestampError::Certificate("it is not, or not only, for time-stamping")),
    }
    match own.get_extension::<pkix::KeyUsage>().map_err(unusable)? {
        Some((_, usage)) if !usage.digital_signature() && !usage.non_repudiation() => {
            Err(TimestampError::Certificate("its key may not sign"))
        }
        _ => Ok(()),
    }
}

/// Demands of every authority between the signer and a trusted one that its key may sign certificates.
fn may_certify(path: &VerifiedPath<'_>) -> Result<(), webpki::Error> {
    for between in path.intermediate_certificates() {
        let read = Certificate::from_der(&between.der()).map_err(|_| webpki::Error::BadDer)?;
        let usage = read.tbs_certificate().get_extension::<pkix::KeyUsage>().map_err(|_| webpki::Error::BadDer)?;
        if usage.is_some_and(|(_, usage)| !usage.key_cert_sign()) {
            return Err(webpki::Error::EndEntityUsedAsCa);
        }
    }
    Ok(())
}
