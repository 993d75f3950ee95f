//! `/v1/login`: people in front of a browser, let in by their own key or passkey for a while.
//!
//! The browser keeps a cookie that no page can read. It counts only for requests of this origin's own pages: a request that
//! changes something must come from here by what the browser says, and must carry a proof that no other origin can read.

use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use control::logins::{LOGIN_MS, Login, Visit};
use serde::{Deserialize, Serialize};
use types::{Code, Millis, PersonId, TenantId};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{self, Bearer};
use crate::extract::Json;
use crate::guard::is_own_origin;
use crate::problem::{Fault, Problem, invalid};
use crate::{App, callers};

/// Is the header that carries the proof.
pub(crate) const PROOF: HeaderName = HeaderName::from_static("x-countersign-proof");

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(login, read, logout)).routes(routes!(link))
}

/// Names the cookie. A browser sends cookies to every port of a host, so each server's has a name of its own.
pub(crate) fn cookie_name(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    match host.rsplit_once(':').filter(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())) {
        Some((_, port)) => format!("countersign_login_{port}"),
        None => "countersign_login".to_owned(),
    }
}

/// Returns the secret of a login, if the request carries one.
pub(crate) fn secret(headers: &HeaderMap) -> Option<&str> {
    value_of(headers, &cookie_name(headers))
}

/// Returns the value of a cookie, if the request carries it.
pub(crate) fn value_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Finds out who is logged in, and whether the request is one of this origin's own pages.
///
/// # Errors
///
/// `origin-refused` if another page made the request; `unauthenticated` as the login says.
pub(crate) fn visit(parts: &Parts, app: &App, secret: &str) -> Result<Visit, Fault> {
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    let refused = |why: &str| Err(Fault::new(Code::OriginRefused, why));
    match parts.headers.get(FETCH_SITE).map(axum::http::HeaderValue::as_bytes) {
        None | Some(b"same-origin") => {}
        Some(b"none") if reads => {}
        Some(_) => return refused("a login counts for this server's own pages only"),
    }
    if !reads && !is_own_origin(&parts.headers) {
        return refused("a login changes something only from this server's own pages, which name their origin");
    }
    let visit = app.control.visit(secret)?;
    let proof = parts.headers.get(PROOF).and_then(|proof| proof.to_str().ok());
    if !reads && !proof.is_some_and(|proof| auth::same(proof, &visit.proof)) {
        return refused("the request does not carry the proof that the login was answered with");
    }
    Ok(visit)
}

/// Is what a person logs in with: either of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a login object")]
pub struct NewLogin {
    /// A person's key.
    key: Option<String>,
    /// What stands behind `#login=` in a link that logs in once.
    link: Option<String>,
}

/// Is who is logged in.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoggedIn {
    /// The person.
    #[schema(value_type = String)]
    person: PersonId,
    /// The groups they belong to.
    groups: Vec<String>,
    /// They read everything and change nothing.
    auditor: bool,
    /// The tenant that this server serves.
    #[schema(value_type = String)]
    tenant: TenantId,
    /// When the login ends, in milliseconds since the epoch; a restart of the server ends it too.
    #[schema(value_type = i64)]
    expires_at: Millis,
    /// What the page sends as `X-Countersign-Proof` with everything that changes something.
    proof: String,
    /// The server's time, in milliseconds since the epoch, for countdowns on machines whose clock is off.
    #[schema(value_type = i64)]
    now: Millis,
}

impl LoggedIn {
    fn of(app: &App, visit: Visit) -> Self {
        let snapshot = app.control.snapshot();
        let data = snapshot.bundle.data();
        let groups = data.people.get(&visit.person).map(|person| person.groups.iter().cloned().collect());
        Self {
            groups: groups.unwrap_or_default(),
            auditor: data.is_auditor(&visit.person),
            tenant: app.control.config().tenant.clone(),
            person: visit.person,
            expires_at: visit.expires,
            proof: visit.proof,
            now: app.control.now(),
        }
    }
}

/// Is a link that logs a browser in once.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoginLink {
    /// The address to open; whoever opens it first is logged in.
    url: String,
    /// From then on it is worth nothing, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    expires_at: Millis,
}

fn cookie(headers: &HeaderMap, value: &str, seconds: i64) -> String {
    let origin = headers.get(header::ORIGIN).map(axum::http::HeaderValue::as_bytes).unwrap_or_default();
    cookie_named(&cookie_name(headers), value, seconds, (origin.starts_with(b"https://"), "Strict"))
}

/// Writes a cookie that no page reads.
///
/// - `site`: whether it is kept to HTTPS, and its `SameSite`.
pub(crate) fn cookie_named(name: &str, value: &str, seconds: i64, site: (bool, &str)) -> String {
    let (secure, same_site) = (if site.0 { "; Secure" } else { "" }, site.1);
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}")
}

pub(crate) type WithCookie<T> = ([(HeaderName, String); 1], T);

/// Logs a person in.
///
/// With their key, or with a link that logs in once. Sets a cookie that lasts 12 hours, until the logout, until the key
/// ends, or until the server is restarted. Only a page of this server may ask.
#[utoipa::path(post, path = "/v1/login", operation_id = "log_in", tag = "login",
    extensions(("x-countersign-callers" = json!(callers::EVERYBODY))),
    security(()), request_body = NewLogin, responses(
    (status = 200, description = "Who is logged in", body = LoggedIn),
    (status = 401, description = "`unauthenticated` or `key-expired`: no such key, or the link was used or is past its time", body = Problem, content_type = "application/problem+json"),
))]
async fn login(
    State(app): State<App>,
    headers: HeaderMap,
    Json(new): Json<NewLogin>,
) -> Result<WithCookie<Json<LoggedIn>>, Fault> {
    from_own_page(&headers)?;
    let login = match (new.key, new.link) {
        (Some(key), None) => app.control.login(key.trim())?,
        (None, Some(link)) => app.control.login_by_link(&link)?,
        (Some(_), Some(_)) | (None, None) => return Err(invalid("name either `key` or `link`")),
    };
    Ok(entered(&app, &headers, login))
}

/// Answers a login that has begun, with its cookie.
pub(crate) fn entered(app: &App, headers: &HeaderMap, login: Login) -> WithCookie<Json<LoggedIn>> {
    let cookie = cookie(headers, &login.secret, LOGIN_MS / 1_000);
    ([(header::SET_COOKIE, cookie)], Json(LoggedIn::of(app, login.visit)))
}

/// Demands that a page of this server asks, so that no other page logs a browser in as somebody else.
pub(crate) fn from_own_page(headers: &HeaderMap) -> Result<(), Fault> {
    if is_own_origin(headers) {
        return Ok(());
    }
    Err(Fault::new(Code::OriginRefused, "only a page of this server logs in; programs send their key"))
}

/// Is a login, by its cookie.
struct Visitor {
    visit: Visit,
    secret: String,
}

impl axum::extract::FromRequestParts<App> for Visitor {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        let nobody = || Fault::new(Code::Unauthenticated, "nobody is logged in");
        let secret = secret(&parts.headers).ok_or_else(nobody)?.to_owned();
        Ok(Self { visit: visit(parts, app, &secret)?, secret })
    }
}

/// Says who is logged in.
#[utoipa::path(get, path = "/v1/login", operation_id = "read_login", tag = "login",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    security(("login" = [])),
    responses(
    (status = 200, description = "Who is logged in", body = LoggedIn),
))]
async fn read(State(app): State<App>, visitor: Visitor) -> Json<LoggedIn> {
    Json(LoggedIn::of(&app, visitor.visit))
}

/// Logs out.
#[utoipa::path(delete, path = "/v1/login", operation_id = "log_out", tag = "login",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    security(("login" = [])),
    responses(
    (status = 204, description = "The login is over"),
))]
async fn logout(State(app): State<App>, headers: HeaderMap, visitor: Visitor) -> WithCookie<StatusCode> {
    app.control.logout(&visitor.secret);
    ([(header::SET_COOKIE, cookie(&headers, "", 0))], StatusCode::NO_CONTENT)
}

/// Makes a link that logs a browser in once.
///
/// It stands for the key that asks, and is worth nothing after ten minutes. Needs a person's key itself: a login makes none.
#[utoipa::path(post, path = "/v1/login/links", operation_id = "make_login_link", tag = "login",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    security(("bearer" = [])),
    responses(
    (status = 201, description = "The link", body = LoginLink),
))]
async fn link(State(app): State<App>, Bearer(token): Bearer) -> Result<(StatusCode, Json<LoginLink>), Fault> {
    let link = app.control.login_link(&token)?;
    Ok((StatusCode::CREATED, Json(LoginLink { url: link.url, expires_at: link.expires })))
}
