//! Why a time-stamp token, a response or the certificates of authorities are of no use.

use types::Code;

/// Says why something about a time-stamp is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// A part does not have its form.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// Something is larger than any real one.
    #[error("{0} is larger than 64 KiB")]
    TooLarge(&'static str),
    /// The authority did not grant the request.
    #[error("the authority refuses: status {status}{}", text.as_deref().map(|text| format!(", `{text}`")).unwrap_or_default())]
    NotGranted {
        /// The status (RFC 3161), never 0 or 1.
        status: u8,
        /// What the authority says of it, made harmless to show.
        text: Option<String>,
    },
    /// An algorithm is none that is used here.
    #[error("{0} is none of SHA-256, SHA-384 and SHA-512, with RSA (PKCS #1 v1.5) or with ECDSA on P-256 or P-384")]
    Algorithm(&'static str),
    /// It is about something else than what was to be stamped.
    #[error("the token is about other bytes")]
    Imprint,
    /// It does not answer this request.
    #[error("the token answers another request: its nonce is another")]
    Nonce,
    /// It says a time at which it cannot have been made.
    #[error("the token's time is not when it was asked for, by the clock here and by the records that it is about")]
    Time,
    /// The signature does not hold.
    #[error("the token's signature does not hold: {0}")]
    Signature(&'static str),
    /// The certificate of whoever signed does not do.
    #[error("the certificate of whoever signed the token does not do: {0}")]
    Certificate(&'static str),
    /// The file of certificates cannot be used.
    #[error("the certificates of the authorities cannot be used: {0}")]
    Roots(&'static str),
}

impl TimestampError {
    /// Returns the stable word for this error.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::TooLarge(_) | Self::Algorithm(_) => "timestamp-malformed",
            Self::NotGranted { .. } => "timestamp-refused",
            Self::Imprint | Self::Nonce | Self::Time => "timestamp-foreign",
            Self::Signature(_) => "timestamp-forged",
            Self::Certificate(_) | Self::Roots(_) => "timestamp-untrusted",
        }
    }

    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Roots(_) => Code::UsageInvalid,
            Self::NotGranted { .. } => Code::UpstreamInvalid,
            _ => Code::EvidenceBroken,
        }
    }
}
