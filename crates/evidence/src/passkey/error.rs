//! Why a registration or an assertion does not hold.

/// Says why a registration or an assertion does not hold; each rule has a variant of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// The client data is no such JSON.
    #[error("the client data is not the JSON that a browser writes: {0}")]
    ClientData(&'static str),
    /// The client data is of another ceremony.
    #[error("the client data is of another ceremony than `{0}`")]
    Ceremony(&'static str),
    /// The challenge is another one.
    #[error("the challenge is not the one that was given out")]
    Challenge,
    /// The page is of another origin.
    #[error("the page was of the origin `{0}`, which is not one of this site")]
    Origin(String),
    /// The page stood inside another site's.
    #[error("the page stood inside one of another origin")]
    CrossOrigin,
    /// The authenticator's data cannot be read.
    #[error("the authenticator's data is malformed: {0}")]
    AuthenticatorData(&'static str),
    /// The authenticator's data is for another relying party.
    #[error("the authenticator's data is for another relying party")]
    RelyingParty,
    /// Nobody was there.
    #[error("the authenticator did not see anybody present")]
    NotPresent,
    /// The authenticator did not find out who was there.
    #[error("the authenticator did not verify who was there")]
    NotVerified,
    /// The credential is said to be backed up, and not to be one that can be.
    #[error("the credential is backed up though it cannot be")]
    BackupState,
    /// The credential can be backed up now and could not before, or the other way round.
    #[error("whether the credential can be backed up has changed since it was enrolled")]
    BackupEligibility,
    /// An assertion carries a credential, or a registration none.
    #[error("a credential is where none belongs, or is missing where one does")]
    Credential,
    /// The credential's id is empty or too long.
    #[error("the credential's id has {0} bytes, 1 to 1023 are allowed")]
    CredentialId(usize),
    /// The answer names another credential than the one that was attested or enrolled.
    #[error("the answer names another credential")]
    OtherCredential,
    /// The answer to a login is not said to be of the passkey it names.
    #[error("the authenticator does not say that the credential is of this passkey")]
    OtherUser,
    /// The key cannot be read.
    #[error("the key is malformed: {0}")]
    Key(&'static str),
    /// The key is of an algorithm that is not accepted.
    #[error("the key's algorithm is not ES256, EdDSA or RS256")]
    Algorithm,
    /// The attestation object cannot be read.
    #[error("the attestation object is malformed: {0}")]
    Attestation(&'static str),
    /// The key's own signature over the registration does not hold.
    #[error("the attestation is not signed by the key it attests")]
    SelfAttestation,
    /// The signature does not hold.
    #[error("the signature is not one of this key over these bytes")]
    Signature,
    /// Something is larger than it ever is.
    #[error("{0} is longer than {1} bytes")]
    TooLarge(&'static str, usize),
}

impl PasskeyError {
    /// Says whether it was made for another site: whoever shows such a thing was lured, or lures.
    pub fn is_foreign(&self) -> bool {
        matches!(self, Self::Origin(_) | Self::CrossOrigin | Self::RelyingParty)
    }
}
