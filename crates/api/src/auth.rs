//! Who calls: a handler that takes one of these types cannot be reached by anybody else.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header;
use axum::http::request::Parts;
use control::keys::Holder;
use control::logins::Visit;
use types::{AgentId, Code, Digest, PersonId, Principal};

use crate::App;
use crate::login;
use crate::problem::{Fault, forbidden};

/// Is whoever holds a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Anyone(pub(crate) Holder);

/// Is an agent, by its own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AsAgent {
    /// The agent.
    pub(crate) agent: AgentId,
    /// The person its key is bound to.
    pub(crate) bound_to: Option<PersonId>,
}

/// Is a person, by their own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AsPerson(pub(crate) PersonId);

/// Is whoever holds a key and is no auditor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnyChanger(pub(crate) Holder);

/// Is a person, by their own key, who is no auditor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AsChanger(pub(crate) PersonId);

impl AsAgent {
    /// Refuses a request that names another agent than the key's.
    pub(crate) fn is(&self, named: Option<&AgentId>) -> Result<(), Fault> {
        match named {
            Some(named) if *named != self.agent => Err(forbidden(format!("the key is not one of agent `{named}`"))),
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the person it acts for: the key's, or else the one the request names.
    pub(crate) fn acts_for(&self, named: Option<PersonId>) -> Result<Option<PersonId>, Fault> {
        match (&self.bound_to, named) {
            (Some(bound), Some(named)) if *bound != named => {
                Err(forbidden(format!("the key acts for another person than `{named}`")))
            }
            (Some(bound), _) => Ok(Some(bound.clone())),
            (None, named) => Ok(named),
        }
    }
}

/// Returns the bearer token, if the request carries one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Is what a request is made with: a key, or the login of a page.
#[derive(Clone)]
pub(crate) enum Credential {
    /// A bearer token.
    Key(String),
    /// The secret of a login.
    Login(String),
}

impl Credential {
    /// Finds out who still stands behind it.
    ///
    /// # Errors
    ///
    /// `unauthenticated` or `key-expired` once nobody does.
    pub(crate) fn holder(&self, app: &App) -> Result<Holder, Fault> {
        match self {
            Self::Key(token) => Ok(app.control.holder_of(token)?),
            Self::Login(secret) => Ok(person(app.control.visit(secret)?)),
        }
    }
}

/// Returns the person behind a login.
pub(crate) fn person(visit: Visit) -> Holder {
    Holder { principal: Principal::Person(visit.person), on_behalf_of: None }
}

fn holder(parts: &Parts, app: &App) -> Result<Holder, Fault> {
    // A request that names a key is judged by that key alone.
    if parts.headers.contains_key(header::AUTHORIZATION) {
        let Bearer(token) = Bearer::of(&parts.headers)?;
        return Ok(app.control.holder_of(&token)?);
    }
    match login::secret(&parts.headers) {
        Some(secret) => login::visit(parts, app, secret).map(person),
        None => Err(Fault::new(Code::Unauthenticated, "a bearer key is needed")),
    }
}

/// Compares two secrets in a time that does not tell where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    // What is compared is the digests, so that equal first bytes say nothing of the secrets.
    let digest = |text: &str| Digest::of("countersign/compare/1", text.as_bytes());
    digest(one) == digest(other)
}

/// Is a bearer token, whoever it stands for.
pub(crate) struct Bearer(pub(crate) String);

impl Bearer {
    fn of(headers: &HeaderMap) -> Result<Self, Fault> {
        let none = || Fault::new(Code::Unauthenticated, "a bearer key is needed");
        bearer(headers).map(|token| Self(token.to_owned())).ok_or_else(none)
    }
}

impl FromRequestParts<App> for Bearer {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Fault> {
        Self::of(&parts.headers)
    }
}

/// Is a person with what they were let in by, for a request that lasts.
pub(crate) struct AsWatcher(pub(crate) Credential);

impl FromRequestParts<App> for AsWatcher {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        AsPerson::from_request_parts(parts, app).await?;
        Ok(Self(match bearer(&parts.headers) {
            Some(token) => Credential::Key(token.to_owned()),
            None => Credential::Login(login::secret(&parts.headers).unwrap_or_default().to_owned()),
        }))
    }
}

impl FromRequestParts<App> for Anyone {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        holder(parts, app).map(Self)
    }
}

impl FromRequestParts<App> for AsAgent {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        let holder = holder(parts, app)?;
        match holder.principal {
            Principal::Agent(agent) => Ok(Self { agent, bound_to: holder.on_behalf_of }),
            Principal::Person(_) => Err(forbidden("this needs an agent's key")),
        }
    }
}

impl FromRequestParts<App> for AsPerson {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        match holder(parts, app)?.principal {
            Principal::Person(person) => Ok(Self(person)),
            Principal::Agent(_) => Err(forbidden("this needs a person's key")),
        }
    }
}

impl FromRequestParts<App> for AnyChanger {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        let holder = holder(parts, app)?;
        app.control.principal_may_change(&holder.principal)?;
        Ok(Self(holder))
    }
}

impl FromRequestParts<App> for AsChanger {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        let AsPerson(person) = AsPerson::from_request_parts(parts, app).await?;
        app.control.may_change(&person)?;
        Ok(Self(person))
    }
}
