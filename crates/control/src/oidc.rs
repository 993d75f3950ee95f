//! Logins at somebody else's: a provider of OpenID Connect says who somebody is, and the operator's settings say which person that is here.
//!
//! A login that has begun is known by its state, once and for ten minutes, and belongs to the browser that began it. The
//! provider gives no authority: it names a value of a claim, and whom that value is was written down beforehand.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connectors::oidc::{Ask, ProviderError};
pub use connectors::oidc::{Provider, Settings};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;
use types::{Code, Digest, Millis, PersonId};

use crate::control::Control;
use crate::doctor::{Finding, Sign};
use crate::door::Refusal;
use crate::error::{Failure, not_found};
use crate::logins::{Ground, Login};

/// Is how long a person may take at the provider, in milliseconds.
pub const BEGUN_MS: i64 = 600_000;

/// Is how many logins may be under way at a time, everybody's together.
pub const BEGUN_MAX: usize = 4_096;

/// Is where the browser comes back to, below the origin it left from.
pub const CALLBACK: &str = "/v1/login/oidc/callback";

/// Says at whose place people log in, and who they are here.
#[derive(Clone)]
pub struct OidcConfig {
    /// What the button says.
    pub name: String,
    /// The issuer.
    pub issuer: String,
    /// The provider.
    pub provider: Arc<Provider>,
    /// The claim that names the person.
    pub claim: String,
    /// The scopes that are asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The person of each value of the claim.
    pub people: BTreeMap<String, PersonId>,
}

/// Is a login that has begun.
#[derive(Clone, PartialEq, Eq)]
pub struct OidcBegun {
    /// Where the browser goes.
    pub url: String,
    /// What the browser keeps as a cookie, so that no other one can go on.
    pub secret: String,
}

/// Is what the browser comes back with.
#[derive(Clone, Copy)]
pub struct OidcReturned<'a> {
    /// What it was sent away with.
    pub state: &'a str,
    /// The code, or why there is none.
    pub code: Result<&'a str, &'a str>,
    /// Who the provider says it is (RFC 9207), if it does.
    pub issuer: Option<&'a str>,
    /// The cookie.
    pub secret: &'a str,
}

#[derive(Debug)]
struct Begun {
    browser: Digest,
    nonce: String,
    verifier: String,
    redirect_uri: String,
    until: Millis,
}

/// Keeps the logins that are under way, by their state, and how the provider stood last.
#[derive(Debug, Default)]
pub(crate) struct OidcLogins {
    begun: BTreeMap<Digest, Begun>,
    failure: Option<(Code, String)>,
}

fn digest(secret: &str) -> Digest {
    Digest::of("countersign/oidc/1", secret.as_bytes())
}

fn told(error: &ProviderError) -> Refusal {
    Refusal::plain(error.code(), error.to_string())
}

impl Control {
    fn with_oidc<T>(&self, work: impl FnOnce(&mut OidcLogins) -> T) -> T {
        work(&mut self.oidc_logins.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn oidc(&self) -> Failure<&OidcConfig> {
        self.config.oidc.as_ref().ok_or_else(|| not_found("provider at which people log in"))
    }

    /// Returns the name of the provider at which people can log in.
    pub fn oidc_name(&self) -> Option<&str> {
        self.config.oidc.as_ref().map(|oidc| oidc.name.as_str())
    }

    /// Sends a browser to the provider.
    ///
    /// - `origin`: that of the page which asks, one of this server's.
    ///
    /// # Errors
    ///
    /// `not-found` if there is no provider; `logins-flooding` if 4,096 are under way; `upstream-unavailable` or `upstream-invalid` if
    /// the provider does not describe itself.
    pub async fn begin_oidc(&self, origin: &str) -> Failure<OidcBegun> {
        let oidc = self.oidc()?;
        let [state, secret, nonce, verifier]: [String; 4] = std::array::from_fn(|_| hex::encode(self.draw::<32>()));
        let redirect_uri = format!("{origin}{CALLBACK}");
        let challenge = URL_SAFE_NO_PAD.encode(Digest::plain(verifier.as_bytes()).0);
        let (challenge, scopes) = (challenge.as_str(), oidc.scopes.as_slice());
        let ask = Ask { redirect_uri: &redirect_uri, state: &state, nonce: &nonce, challenge, scopes };
        let url = oidc.provider.authorize(&ask, self.now()).await;
        let failure = url.as_ref().err().map(|error| (error.code(), error.to_string()));
        self.with_oidc(|logins| logins.failure = failure);
        let url = url.map_err(|error| told(&error))?;
        let now = self.now();
        let begun = Begun { browser: digest(&secret), nonce, verifier, redirect_uri, until: now.plus(BEGUN_MS) };
        self.with_oidc(|logins| {
            logins.begun.retain(|_, begun| now < begun.until);
            if logins.begun.len() >= BEGUN_MAX {
                return Err(Refusal::plain(Code::LoginsFlooding, "too many logins are under way; try again later"));
            }
            logins.begun.insert(digest(&state), begun);
            Ok(())
        })?;
        Ok(OidcBegun { url, secret })
    }

    /// Logs in whoever comes back from the provider, if it names a person who is one here.
    ///
    /// # Errors
    ///
    /// `not-found` if there is no provider; `login-unasked` if no login with this state is under way in this browser, which ends
    /// it; `provider-refused` as the provider says; `id-token-issuer` if another provider answers; what the token or the provider
    /// says; `identity-unmapped` if nobody here is whom it names.
    pub async fn login_by_oidc(&self, returned: OidcReturned<'_>) -> Failure<Login> {
        let oidc = self.oidc()?;
        let now = self.now();
        let begun = self.with_oidc(|logins| logins.begun.remove(&digest(returned.state)));
        let own = digest(returned.secret);
        let begun = begun.filter(|begun| now < begun.until && bool::from(begun.browser.0.ct_eq(&own.0)));
        let unasked = "no such login is under way in this browser: it took too long, or was finished before";
        let begun = begun.ok_or_else(|| Refusal::plain(Code::LoginUnasked, unasked))?;
        if returned.issuer.is_some_and(|issuer| issuer != oidc.issuer) {
            return Err(Refusal::plain(Code::IdTokenIssuer, "another provider than the one that was asked answers"));
        }
        let refused = |why: &str| {
            let why = types::text::escape(why, false);
            Refusal::plain(Code::ProviderRefused, format!("the provider has refused the login: {why}"))
        };
        let code = returned.code.map_err(refused)?;
        let token = (begun.nonce.as_str(), now);
        let claims = oidc.provider.claims((code, &begun.verifier), &begun.redirect_uri, token).await;
        let person = self.named(oidc, &claims.map_err(|error| told(&error))?)?;
        self.begin_login(Ground::Person(person))
    }

    /// Finds the person whom the claims of a verified token name.
    fn named(&self, oidc: &OidcConfig, claims: &Map<String, Value>) -> Failure<PersonId> {
        let unmapped = || Refusal::plain(Code::IdentityUnmapped, "whom the provider names is nobody here");
        let value = claims.get(&oidc.claim).and_then(Value::as_str).ok_or_else(unmapped)?;
        // An address that anybody may have typed in names nobody (OpenID Connect Core 1.0, §5.1).
        if oidc.claim == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
            return Err(unmapped());
        }
        let person = oidc.people.get(value).ok_or_else(unmapped)?;
        self.is_person(person).then(|| person.clone()).ok_or_else(unmapped)
    }

    /// Says how the login at a provider stands.
    pub(crate) fn oidc_found(&self) -> Vec<Finding> {
        let Some(oidc) = &self.config.oidc else { return Vec::new() };
        let find = |sign, says: String, code| Finding { sign, about: "login".to_owned(), says, code };
        let says = format!("{} people log in at {}, by its claim `{}`", oidc.people.len(), oidc.issuer, oidc.claim);
        let strangers = oidc.people.values().filter(|person| !self.is_person(person)).map(|person| {
            let says = format!("`oidc.toml` names `{person}`, whom the active bundle does not have");
            find(Sign::Note, says, Some(Code::PersonUnknown))
        });
        let failure = self.with_oidc(|logins| logins.failure.clone());
        let failure = failure.map(|(code, why)| find(Sign::Bad, why, Some(code)));
        [find(Sign::Good, says, None)].into_iter().chain(strangers).chain(failure).collect()
    }
}
