//! `/v1/login/passkey`: people in front of a browser, let in by their own passkey.

use axum::extract::State;
use axum::http::HeaderMap;
use control::passkey_logins::LoginAnswer;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ballots::{AssertionResponse, RequestOptions};
use crate::extract::Json;
use crate::login::{LoggedIn, WithCookie, entered, from_own_page};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(options)).routes(routes!(login))
}

/// Returns what a browser must know to have a passkey log in.
///
/// Names no credential: the authenticator offers the passkeys that it has for this host. The challenge can be answered once,
/// within two minutes. Only a page of this server may ask.
#[utoipa::path(post, path = "/v1/login/passkey/options", operation_id = "ask_passkey_login", tag = "login",
    extensions(("x-countersign-callers" = json!(callers::EVERYBODY))),
    security(()), responses(
    (status = 200, description = "The options", body = RequestOptions),
    (status = 429, description = "`logins-flooding`: too many were asked for", body = Problem, content_type = "application/problem+json"),
))]
async fn options(State(app): State<App>, headers: HeaderMap) -> Result<Json<RequestOptions>, Fault> {
    from_own_page(&headers)?;
    let asked = app.control.ask_passkey_login()?;
    Ok(Json(RequestOptions::over(&asked.challenge, asked.rp_id, asked.timeout_ms, Vec::new())))
}

/// Is the answer of a passkey to the options of a login.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a credential")]
pub struct PasskeyLogin {
    /// What the browser answered.
    credential: AssertionResponse,
}

/// Logs a person in with their passkey.
///
/// Sets the same cookie as `POST /v1/login`, which lasts 12 hours, until the logout, until the passkey is revoked, or until the
/// server is restarted. Only a page of this server may ask.
#[utoipa::path(post, path = "/v1/login/passkey", operation_id = "log_in_with_passkey", tag = "login",
    extensions(("x-countersign-callers" = json!(callers::EVERYBODY))),
    security(()), request_body = PasskeyLogin, responses(
    (status = 200, description = "Who is logged in", body = LoggedIn),
    (status = 401, description = "`login-refused`: no passkey that is enrolled here and was not revoked has signed this", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`login-unasked`: the challenge was not given out here, was used, or is past its time", body = Problem, content_type = "application/problem+json"),
))]
async fn login(
    State(app): State<App>,
    headers: HeaderMap,
    Json(mut answer): Json<PasskeyLogin>,
) -> Result<WithCookie<Json<LoggedIn>>, Fault> {
    from_own_page(&headers)?;
    let user_handle = answer.credential.take_user_handle();
    let answer = LoginAnswer { assertion: answer.credential.into(), user_handle };
    Ok(entered(&app, &headers, app.control.login_by_passkey(&answer)?))
}
