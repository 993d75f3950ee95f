//! `clientDataJSON` (WebAuthn Level 3, §5.8.1): what the browser says of the ceremony.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use types::Digest;

use super::error::PasskeyError;
use super::site::Site;

/// Is the longest client data that is read, in bytes.
const BYTES_MAX: usize = 4_096;

/// Says which ceremony it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceremony {
    /// A credential is made.
    Registration,
    /// A credential is used.
    Assertion,
}

impl Ceremony {
    /// Returns the word for it in the client data.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "webauthn.create",
            Self::Assertion => "webauthn.get",
        }
    }
}

/// Is what the browser says of a ceremony, as far as it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientData {
    /// The word for the ceremony.
    pub ceremony: String,
    /// The challenge, in base64url without padding.
    pub challenge: String,
    /// The origin of the page.
    pub origin: String,
    /// Whether the page stood inside one of another origin.
    pub cross_origin: bool,
}

impl ClientData {
    /// Reads client data: strict JSON of an object, in which the members that are looked at have the type they must have.
    ///
    /// Members that it does not know are passed over, as the specification demands of whoever reads it.
    ///
    /// # Errors
    ///
    /// [`PasskeyError::TooLarge`] beyond 4,096 bytes; [`PasskeyError::ClientData`] if it is not such JSON.
    pub fn parse(bytes: &[u8]) -> Result<Self, PasskeyError> {
        if bytes.len() > BYTES_MAX {
            return Err(PasskeyError::TooLarge("the client data", BYTES_MAX));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| PasskeyError::ClientData("it is not UTF-8"))?;
        let value = types::json::parse(text).map_err(|_| PasskeyError::ClientData("it is not strict JSON"))?;
        let Value::Object(members) = value else { return Err(PasskeyError::ClientData("it is no object")) };
        let cross_origin = match members.get("crossOrigin") {
            None => false,
            Some(Value::Bool(cross)) => *cross,
            Some(_) => return Err(PasskeyError::ClientData("`crossOrigin` is no boolean")),
        };
        Ok(Self {
            ceremony: text_of(&members, "type", "`type` is no text")?,
            challenge: text_of(&members, "challenge", "`challenge` is no text")?,
            origin: text_of(&members, "origin", "`origin` is no text")?,
            // §5.8.1: `topOrigin` is there only where the page stands inside another one.
            cross_origin: cross_origin || members.contains_key("topOrigin"),
        })
    }

    /// Demands that it is of a ceremony, a challenge and a site.
    ///
    /// # Errors
    ///
    /// In this order: [`PasskeyError::Ceremony`], [`PasskeyError::Challenge`], [`PasskeyError::Origin`],
    /// [`PasskeyError::CrossOrigin`]. No others.
    pub fn is_for(&self, ceremony: Ceremony, challenge: &Digest, site: &Site<'_>) -> Result<(), PasskeyError> {
        if self.ceremony != ceremony.as_str() {
            return Err(PasskeyError::Ceremony(ceremony.as_str()));
        }
        if self.challenge != URL_SAFE_NO_PAD.encode(challenge.0) {
            return Err(PasskeyError::Challenge);
        }
        if !site.has(&self.origin) {
            return Err(PasskeyError::Origin(self.origin.clone()));
        }
        if self.cross_origin {
            return Err(PasskeyError::CrossOrigin);
        }
        Ok(())
    }

    /// Returns the challenge, if it has the length of those given out here.
    pub fn challenge(&self) -> Option<Digest> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.challenge).ok()?;
        Some(Digest(bytes.try_into().ok()?))
    }
}

fn text_of(members: &Map<String, Value>, name: &str, wrong: &'static str) -> Result<String, PasskeyError> {
    let text = members.get(name).and_then(Value::as_str).map(str::to_owned);
    text.ok_or(PasskeyError::ClientData(wrong))
}
