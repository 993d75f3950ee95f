//! `/v1/login/oidc`: people in front of a browser, who log in at a provider of OpenID Connect.
//!
//! Two cookies. The one of the login under way is `SameSite=Lax`, since the browser comes back by a link on a page of the
//! provider's; it is worth nothing but to finish that login. The one of the login itself stays `SameSite=Strict`: the callback
//! sets it and sends the browser to the pages, which are served without any, and whose own requests carry it.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use control::Refusal;
use control::logins::LOGIN_MS;
use control::oidc::{BEGUN_MS, OidcReturned};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::extract::{Json, Query};
use crate::login::{cookie_name, cookie_named, from_own_page, value_of};
use crate::problem::{Fault, Problem, invalid};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(ways)).routes(routes!(begin)).routes(routes!(come_back))
}

/// Is how people can log in besides with a key or a link.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoginWays {
    /// The name of the provider at which they can, if there is one.
    oidc: Option<String>,
}

/// Says how people can log in besides with a passkey, a key or a link.
///
/// Needs no key.
#[utoipa::path(get, path = "/v1/login/ways", operation_id = "read_login_ways", tag = "login",
    extensions(("x-countersign-callers" = json!(callers::EVERYBODY))),
    security(()), responses(
    (status = 200, description = "The ways", body = LoginWays),
))]
async fn ways(State(app): State<App>) -> Json<LoginWays> {
    Json(LoginWays { oidc: app.control.oidc_name().map(str::to_owned) })
}

/// Is where a browser goes to log in.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderAddress {
    /// The address, at the provider.
    url: String,
}

/// Names the cookie of a login that is under way.
fn under_way(headers: &HeaderMap) -> String {
    format!("{}_begun", cookie_name(headers))
}

/// Begins a login at the provider.
///
/// Sets a cookie by which this browser, and no other, finishes it within ten minutes. Only a page of this server may ask.
#[utoipa::path(post, path = "/v1/login/oidc", operation_id = "begin_oidc_login", tag = "login",
    extensions(("x-countersign-callers" = json!(callers::EVERYBODY))),
    security(()), responses(
    (status = 200, description = "Where the browser goes", body = ProviderAddress),
    (status = 404, description = "`not-found`: there is no provider", body = Problem, content_type = "application/problem+json"),
    (status = 429, description = "`logins-flooding`", body = Problem, content_type = "application/problem+json"),
    (status = 502, description = "`upstream-unavailable` or `upstream-invalid`: the provider does not describe itself", body = Problem, content_type = "application/problem+json"),
))]
async fn begin(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<([(HeaderName, String); 1], Json<ProviderAddress>), Fault> {
    from_own_page(&headers)?;
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let begun = app.control.begin_oidc(origin).await?;
    let site = (origin.starts_with("https://"), "Lax");
    let cookie = cookie_named(&under_way(&headers), &begun.secret, BEGUN_MS / 1_000, site);
    Ok(([(header::SET_COOKIE, cookie)], Json(ProviderAddress { url: begun.url })))
}

/// Is what a provider sends a browser back with; of the rest nothing is read.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Returned {
    /// What the browser was sent away with.
    state: Option<String>,
    /// The code, if the login succeeded there.
    code: Option<String>,
    /// Why there is none, otherwise.
    error: Option<String>,
    /// The provider (RFC 9207).
    iss: Option<String>,
}

/// Finishes a login at the provider.
///
/// The provider sends the browser here. It is sent on to the console: logged in, with the same cookie as `POST /v1/login` sets, or with
/// `#refused=CODE` behind the address. The code is one of `login-unasked`, `provider-refused`, `identity-unmapped`, `upstream-unavailable`,
/// `upstream-invalid`, and those that begin with `id-token-`.
#[utoipa::path(get, path = "/v1/login/oidc/callback", operation_id = "finish_oidc_login", tag = "login",
    extensions(("x-countersign-callers" = json!(callers::EVERYBODY))),
    security(()), params(Returned), responses(
    (status = 303, description = "To the console"),
    (status = 400, description = "`request-invalid`: no provider sends a browser so", body = Problem, content_type = "application/problem+json"),
))]
async fn come_back(
    State(app): State<App>,
    headers: HeaderMap,
    Query(returned): Query<Returned>,
) -> Result<Response, Fault> {
    let state = returned.state.as_deref().ok_or_else(|| invalid("`state` is missing"))?;
    let code = match (returned.code.as_deref(), returned.error.as_deref()) {
        (Some(code), None) => Ok(code),
        (None, Some(error)) => Err(error),
        (Some(_), Some(_)) | (None, None) => return Err(invalid("name either `code` or `error`")),
    };
    let name = under_way(&headers);
    let secret = value_of(&headers, &name).unwrap_or_default();
    let issuer = returned.iss.as_deref();
    let entered = app.control.login_by_oidc(OidcReturned { state, code, issuer, secret }).await;
    // A navigation names no origin, so whether the page is served over TLS follows from where people are sent.
    let secure = app.control.config().url.starts_with("https://");
    let over = cookie_named(&name, "", 0, (secure, "Lax"));
    Ok(match entered {
        Ok(login) => {
            let own = cookie_named(&cookie_name(&headers), &login.secret, LOGIN_MS / 1_000, (secure, "Strict"));
            to_the_pages("/", vec![over, own])
        }
        Err(Refusal { code, message, .. }) => {
            // The browser carries the code alone; the operator's log has the sentence.
            tracing::info!(%code, %message, "a login at the provider was refused");
            to_the_pages(&format!("/#refused={code}"), vec![over])
        }
    })
}

fn to_the_pages(place: &str, cookies: Vec<String>) -> Response {
    let place = HeaderValue::try_from(place).unwrap_or(HeaderValue::from_static("/"));
    let cookies = cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)], AppendHeaders(cookies)).into_response()
}
