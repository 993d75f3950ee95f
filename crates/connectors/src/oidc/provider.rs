//! Speaking to a provider: its description, its keys, and the token of a code.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, RequestBuilder, Url};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use types::{Code, Millis};

use super::keys::Keys;
use super::token::{Expected, TokenError, verify};
use crate::host::{is_loopback, literal};
use crate::mcp::address::{Resolver, is_refused};

/// Is how long the provider may take for one answer, from the connection to its last byte.
const WAIT: Duration = Duration::from_secs(10);

/// Is the largest answer that is read, in bytes.
pub const ANSWER_BYTES_MAX: usize = 256 * 1_024;

/// Is how long the provider's description and keys are believed, in milliseconds.
const FRESH_MS: i64 = 3_600_000;

/// Is the least time between two looks at its keys because a token names one that is not there, in milliseconds.
const LOOK_AGAIN_MS: i64 = 60_000;

/// Is how long a provider is left alone that has not described itself, in milliseconds: anybody may ask for a login, and one who waits
/// for an answer that does not come must not hold up the next.
const REST_MS: i64 = 10_000;

/// Says why a provider has not named anybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It cannot be reached.
    #[error("the provider cannot be reached: {0}")]
    Unavailable(String),
    /// It has answered what the protocol does not allow.
    #[error("the provider answers what it may not: {0}")]
    Invalid(String),
    /// It has refused the code.
    #[error("the provider does not take the code: {0}")]
    Refused(String),
    /// Its token names nobody.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl ProviderError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Unavailable(_) => Code::UpstreamUnavailable,
            Self::Invalid(_) => Code::UpstreamInvalid,
            Self::Refused(_) => Code::ProviderRefused,
            Self::Token(error) => error.code(),
        }
    }
}

/// Says which provider, and as whom it is spoken to.
#[derive(Clone)]
pub struct Settings {
    /// The issuer, as its tokens name it.
    pub issuer: String,
    /// The client.
    pub client_id: String,
    /// The client's secret; none for a public client.
    pub client_secret: Option<String>,
    /// Certificates in PEM that are believed besides the machine's own.
    pub authorities: Option<Vec<u8>>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Settings({})", self.issuer)
    }
}

/// Is what a login sends along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask<'a> {
    /// Where the browser comes back to.
    pub redirect_uri: &'a str,
    /// What it brings back.
    pub state: &'a str,
    /// What the token must hold.
    pub nonce: &'a str,
    /// The digest of the verifier (RFC 7636 §4.2), base64url.
    pub challenge: &'a str,
    /// The scopes besides `openid`.
    pub scopes: &'a [String],
}

#[derive(Debug, Clone)]
struct Described {
    authorize: Url,
    token: Url,
    keys_at: Url,
    keys: Keys,
    at: Millis,
    looked: Millis,
}

/// Is what is known of a provider: how it described itself last, and why it did not since.
#[derive(Debug, Default)]
struct Known {
    described: Option<Described>,
    failed: Option<(Millis, ProviderError)>,
}

/// Speaks to one provider.
pub struct Provider {
    settings: Settings,
    issuer: Url,
    client: Client,
    known: Mutex<Known>,
}

impl Provider {
    /// Prepares to speak to a provider; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// A text if its issuer is no address that is spoken to: `https`, or `http` on this machine; or if the certificates are none.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let issuer: Url = settings.issuer.parse().map_err(|e| format!("`{}` is no address: {e}", settings.issuer))?;
        if issuer.query().is_some() || issuer.fragment().is_some() {
            return Err(format!("the issuer `{issuer}` has a query or a fragment"));
        }
        judged(&issuer, is_loopback(&issuer))?;
        let mut builder = Client::builder()
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .dns_resolver(Resolver)
            .timeout(WAIT);
        if let Some(pem) = &settings.authorities {
            let certificates =
                reqwest::Certificate::from_pem_bundle(pem).map_err(|_| "the certificates are not PEM")?;
            builder = certificates.into_iter().fold(builder, reqwest::ClientBuilder::add_root_certificate);
        }
        let client = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { settings, issuer, client, known: Mutex::default() })
    }

    /// Returns the address that a browser is sent to.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unavailable`] or [`ProviderError::Invalid`] if the provider does not describe itself.
    pub async fn authorize(&self, ask: &Ask<'_>, now: Millis) -> Result<String, ProviderError> {
        let mut url = self.described(now).await?.authorize;
        let scope = ["openid"].into_iter().chain(ask.scopes.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", ask.redirect_uri)
            .append_pair("scope", &scope)
            .append_pair("state", ask.state)
            .append_pair("nonce", ask.nonce)
            .append_pair("code_challenge", ask.challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    /// Trades a code for the claims of its token, which was verified.
    ///
    /// - `verifier`: what the challenge was the digest of.
    ///
    /// # Errors
    ///
    /// [`ProviderError`], as described there.
    pub async fn claims(
        &self,
        (code, verifier): (&str, &str),
        redirect_uri: &str,
        (nonce, now): (&str, Millis),
    ) -> Result<Map<String, Value>, ProviderError> {
        let described = self.described(now).await?;
        let token = self.exchange(described.token, code, verifier, redirect_uri).await?;
        let (issuer, client_id) = (&self.settings.issuer, &self.settings.client_id);
        let expected = Expected { issuer, client_id, nonce, now_s: now.0 / 1_000 };
        match verify(&token, &described.keys, &expected) {
            // It may have new keys: they are looked at again, at most once in a while.
            Err(TokenError::NoKey) => Ok(verify(&token, &self.keys_again(now).await?, &expected)?),
            verified => Ok(verified?),
        }
    }

    async fn exchange(
        &self,
        token: Url,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<String, ProviderError> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        if self.settings.client_secret.is_none() {
            fields.push(("client_id", &self.settings.client_id));
        }
        let mut request =
            self.client.post(token).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(encoded(fields));
        if let Some(secret) = &self.settings.client_secret {
            // RFC 6749 §2.3.1: both are encoded as in a form before they are joined.
            let pair = format!("{}:{}", part(&self.settings.client_id), part(secret));
            let value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(pair)));
            let mut value =
                value.map_err(|_| ProviderError::Invalid("the client cannot be written down".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let (status, answer) = self.send(request).await?;
        if !(200..300).contains(&status) {
            let why = answer.get("error").and_then(Value::as_str).unwrap_or("no reason");
            return Err(ProviderError::Refused(format!("status {status}, {}", types::text::escape(why, false))));
        }
        let token = answer.get("id_token").and_then(Value::as_str).map(str::to_owned);
        token.ok_or_else(|| ProviderError::Invalid("its answer holds no ID token".to_owned()))
    }

    async fn described(&self, now: Millis) -> Result<Described, ProviderError> {
        let mut known = self.known.lock().await;
        if let Some(described) = known.described.as_ref().filter(|described| now.since(described.at) < FRESH_MS) {
            return Ok(described.clone());
        }
        if let Some((_, error)) = known.failed.as_ref().filter(|(at, _)| now.since(*at) < REST_MS) {
            return Err(error.clone());
        }
        let described = self.describe(now).await;
        known.failed = described.as_ref().err().map(|error| (now, error.clone()));
        known.described = described.as_ref().ok().cloned();
        described
    }

    /// Reads its description (OpenID Connect Discovery 1.0, §4) and its keys.
    async fn describe(&self, now: Millis) -> Result<Described, ProviderError> {
        let base = self.issuer.as_str().trim_end_matches('/');
        let at = format!("{base}/.well-known/openid-configuration");
        let at = at.parse().map_err(|_| ProviderError::Invalid("its issuer has no description".to_owned()))?;
        let said = self.get(at).await?;
        if said.get("issuer").and_then(Value::as_str) != Some(self.settings.issuer.as_str()) {
            return Err(ProviderError::Invalid("it describes another issuer".to_owned()));
        }
        let keys_at = self.address(&said, "jwks_uri")?;
        Ok(Described {
            authorize: self.address(&said, "authorization_endpoint")?,
            token: self.address(&said, "token_endpoint")?,
            keys: Keys::read(&self.get(keys_at.clone()).await?).map_err(ProviderError::Invalid)?,
            keys_at,
            at: now,
            looked: now,
        })
    }

    /// Reads its keys again, unless that was done a moment ago; then those that are there are all there are.
    async fn keys_again(&self, now: Millis) -> Result<Keys, ProviderError> {
        let mut known = self.known.lock().await;
        let Some(described) = known.described.as_mut() else { return Ok(Keys::default()) };
        if now.since(described.looked) >= LOOK_AGAIN_MS {
            described.looked = now;
            described.keys = Keys::read(&self.get(described.keys_at.clone()).await?).map_err(ProviderError::Invalid)?;
        }
        Ok(described.keys.clone())
    }

    fn address(&self, said: &Value, name: &str) -> Result<Url, ProviderError> {
        let wrong = |why: String| ProviderError::Invalid(format!("its `{name}` {why}"));
        let text = said.get(name).and_then(Value::as_str).ok_or_else(|| wrong("is missing".to_owned()))?;
        let url: Url = text.parse().map_err(|_| wrong("is no address".to_owned()))?;
        judged(&url, is_loopback(&self.issuer)).map_err(|_| wrong("is none that is spoken to".to_owned()))?;
        Ok(url)
    }

    async fn get(&self, url: Url) -> Result<Value, ProviderError> {
        let (status, answer) = self.send(self.client.get(url)).await?;
        if status == 200 { Ok(answer) } else { Err(ProviderError::Invalid(format!("status {status}"))) }
    }

    async fn send(&self, request: RequestBuilder) -> Result<(u16, Value), ProviderError> {
        let gone = |error: reqwest::Error| {
            let why = types::text::escape(&error.without_url().to_string(), false);
            ProviderError::Unavailable(why)
        };
        let mut response = request.header(ACCEPT, "application/json").send().await.map_err(gone)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(gone)? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES_MAX {
                return Err(ProviderError::Invalid("its answer is larger than 256 KiB".to_owned()));
            }
        }
        let said = std::str::from_utf8(&body).ok().and_then(|text| types::json::parse(text).ok());
        let said = said.ok_or_else(|| ProviderError::Invalid("its answer is not strict JSON".to_owned()))?;
        Ok((response.status().as_u16(), said))
    }
}

fn encoded<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    // The encoder of forms that comes with addresses; the address itself goes nowhere.
    let Ok(mut url) = Url::parse("http://localhost/") else { return String::new() };
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}

fn part(text: &str) -> String {
    encoded([("", text)]).trim_start_matches('=').to_owned()
}

/// Demands an address that is spoken to: over TLS; without it on this machine, if the issuer is there too.
fn judged(url: &Url, at_home: bool) -> Result<(), String> {
    let fits = url.scheme() == "https" || (url.scheme() == "http" && at_home && is_loopback(url));
    let fits = fits && url.username().is_empty() && url.password().is_none();
    match literal(url) {
        _ if !fits => Err(format!("`{url}` is not `https`, which only this machine itself may do without")),
        Some(address) if is_refused(address) => {
            Err(format!("`{url}` is link-local, where clouds give out credentials"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tls_is_needed_on_this_machine_alone_and_only_for_a_provider_that_is_there_too() {
        let may = |address: &str, at_home| judged(&address.parse().unwrap(), at_home).is_ok();
        for here in ["http://127.0.0.1:9/keys", "http://localhost/keys", "http://[::1]/keys", "http://127.9.9.9/keys"] {
            assert!(may(here, true) && !may(here, false), "{here}");
        }
        for elsewhere in
            ["http://10.0.0.1/", "http://login.example/", "http://localhost.example/", "http://127.0.0.1.example/"]
        {
            assert!(!may(elsewhere, true) && !may(elsewhere, false), "{elsewhere}");
        }
        for anywhere in ["https://login.example/", "https://10.0.0.1/", "https://127.0.0.1/"] {
            assert!(may(anywhere, true) && may(anywhere, false), "{anywhere}");
        }
    }
}
