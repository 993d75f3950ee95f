//! Verifying an ID token (OpenID Connect Core 1.0, §3.1.3.7; RFC 8725).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use types::Code;

use super::keys::{Held, Keys};

/// Is the longest token that is read, in bytes.
const BYTES_MAX: usize = 32 * 1_024;

/// Is how far the provider's clock may be off, in seconds.
pub const SKEW_S: i64 = 30;

/// The algorithms that are accepted, and no others: never `none`, and none whose key the client has too.
const ALGORITHMS: [&str; 3] = ["ES256", "EdDSA", "RS256"];

/// Says why a token names nobody; each rule has a variant of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no signed token, or a claim has not its type.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// It is signed by an algorithm that is not accepted, or by none.
    #[error("the token's algorithm is not ES256, EdDSA or RS256")]
    Algorithm,
    /// The provider has no such key.
    #[error("the token names a key that the provider does not have")]
    NoKey,
    /// The signature does not hold.
    #[error("the token's signature is not one of the provider's key")]
    Signature,
    /// It is of another provider.
    #[error("the token is of another issuer")]
    Issuer,
    /// It is for another client.
    #[error("the token is for another client")]
    Audience,
    /// It is past its time, or not yet in it.
    #[error("the token is not in its time")]
    Expired,
    /// It answers another login.
    #[error("the token answers another login")]
    Nonce,
}

impl TokenError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Malformed(_) => Code::IdTokenMalformed,
            Self::Algorithm => Code::IdTokenAlgorithm,
            Self::NoKey | Self::Signature => Code::IdTokenSignature,
            Self::Issuer => Code::IdTokenIssuer,
            Self::Audience => Code::IdTokenAudience,
            Self::Expired => Code::IdTokenExpired,
            Self::Nonce => Code::IdTokenNonce,
        }
    }
}

/// Is what a token must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected<'a> {
    /// The issuer, character by character.
    pub issuer: &'a str,
    /// The client it must be for.
    pub client_id: &'a str,
    /// What was sent along when the login began.
    pub nonce: &'a str,
    /// The time, in seconds since the epoch.
    pub now_s: i64,
}

/// Demands that a token is the provider's, for this client, in its time, and the answer to this login; returns its claims.
///
/// # Errors
///
/// [`TokenError`], in this order: malformed, algorithm, key, signature, issuer, audience, time, nonce.
pub fn verify(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Map<String, Value>, TokenError> {
    let malformed = TokenError::Malformed;
    if token.len() > BYTES_MAX {
        return Err(malformed("it is longer than 32 KiB"));
    }
    let (message, signature) = token.rsplit_once('.').ok_or(malformed("it has not three parts"))?;
    let (header, claims) = message.split_once('.').ok_or(malformed("it has not three parts"))?;
    let header = object(header).ok_or(malformed("its header is no JSON object"))?;
    let algorithm = header.get("alg").and_then(Value::as_str).ok_or(malformed("its header names no algorithm"))?;
    if !ALGORITHMS.contains(&algorithm) {
        return Err(TokenError::Algorithm);
    }
    // RFC 7515 §4.1.11: what is critical and not understood is refused, and nothing of it is understood here.
    if header.contains_key("crit") {
        return Err(malformed("its header has critical members"));
    }
    let id = match header.get("kid") {
        None => None,
        Some(Value::String(id)) => Some(id.as_str()),
        Some(_) => return Err(malformed("the name of its key is no text")),
    };
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed("its signature is not base64url"))?;
    match keys.hold(algorithm, id, message.as_bytes(), &signature) {
        Held::Yes => {}
        Held::No => return Err(TokenError::Signature),
        Held::NoKey => return Err(TokenError::NoKey),
    }
    let claims = object(claims).ok_or(malformed("its claims are no JSON object"))?;
    judge(&claims, expected)?;
    Ok(claims)
}

fn judge(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), TokenError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(TokenError::Issuer);
    }
    if !is_for(claims, expected.client_id) {
        return Err(TokenError::Audience);
    }
    let no_number = TokenError::Malformed("a time in it is no number");
    let time = |name: &str| claims.get(name).map(|at| seconds(at).ok_or(no_number.clone())).transpose();
    let ends = time("exp")?.ok_or(TokenError::Malformed("it has no end"))?;
    let begins = time("nbf")?.unwrap_or(0);
    if expected.now_s >= ends.saturating_add(SKEW_S) || expected.now_s.saturating_add(SKEW_S) < begins {
        return Err(TokenError::Expired);
    }
    if text("nonce") != Some(expected.nonce) {
        return Err(TokenError::Nonce);
    }
    Ok(())
}

/// Says whether a token is for a client: alone, or among others and issued to it (`azp`).
fn is_for(claims: &Map<String, Value>, client_id: &str) -> bool {
    let alone = match claims.get("aud") {
        Some(Value::String(audience)) if audience == client_id => true,
        Some(Value::Array(all)) if all.iter().any(|one| one.as_str() == Some(client_id)) => all.len() == 1,
        _ => return false,
    };
    match claims.get("azp") {
        None => alone,
        Some(party) => party.as_str() == Some(client_id),
    }
}

/// Reads an instant in seconds (RFC 7519 §2), of which fractions are left out.
fn seconds(value: &Value) -> Option<i64> {
    let whole = value.as_i64();
    whole.or_else(|| value.to_string().split_once('.').and_then(|(whole, _)| whole.parse().ok()))
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
    match types::json::parse(&text).ok()? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}
