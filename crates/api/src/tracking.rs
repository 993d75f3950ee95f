//! `/api/2.0/mlflow` and `/api/3.0/mlflow`: experiments, runs, registered models and traces, as MLflow's own server serves them to its
//! clients.
//!
//! Each call is a row of a table: its path, what it takes, and what answers it. The contract is MLflow's, so it is no part of our own
//! OpenAPI document, and refusals have MLflow's form. Whoever calls holds a key of ours: as a bearer token, or as the password of
//! basic authentication, under any name. An auditor's key reads, and so does the login of a page: what is answered to it is JSON, never a file that
//! others wrote, and nothing is written by it.

pub(crate) mod artifacts;
mod asked;
mod assessments;
mod experiments;
mod logged_models;
mod logs;
mod model_versions;
mod registered_models;
mod runs;
mod shown;
mod spans;
mod traces;
mod webhooks;

use axum::body::to_bytes;
use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use control::keys::Holder;
use control::promotions::NotMoved;
use control::tracking::{Answer, ErrorCode, Move, Refused, Tracking};
use serde_json::{Value, json};
use types::Code;

use crate::foreign::{self, ForeignCall, Row};
use crate::problem::Fault;
use crate::{App, auth, login};
use asked::{Asked, Field};

/// Is the release of MLflow whose contract this is.
const VERSION: &str = "3.17.2";

/// Is below what path the calls are.
const API: &str = "/api/2.0/mlflow/";

/// Is below what path the calls are that came with the third release.
const API_3: &str = "/api/3.0/mlflow/";

/// Is the largest body, in bytes: a dataset's profile may have 16 MiB.
const BODY_BYTES_MAX: usize = 32 << 20;

/// Is one call of the contract.
struct Call {
    method: Method,
    /// Is its path below [`API`] or [`API_3`].
    path: &'static str,
    /// Says whether it writes.
    writes: bool,
    /// Says whether it may seal a model, which is to be recorded then.
    seals: bool,
    /// Is what it takes, in the order in which it is checked.
    fields: &'static [Field],
    /// Reads what is to be moved in the registry, which is decided first.
    moves: Option<fn(&Asked) -> Answer<Move>>,
    /// Is what answers it, once what it moves is moved.
    run: fn(&Tracking, &Asked) -> Answer<Value>,
}

impl Call {
    const fn get(path: &'static str, fields: &'static [Field], run: fn(&Tracking, &Asked) -> Answer<Value>) -> Self {
        Self { method: Method::GET, path, writes: false, seals: false, fields, moves: None, run }
    }

    /// Is a call that reads though it is a `POST`.
    const fn find(path: &'static str, fields: &'static [Field], run: fn(&Tracking, &Asked) -> Answer<Value>) -> Self {
        Self { method: Method::POST, path, writes: false, seals: false, fields, moves: None, run }
    }

    /// Is a call that takes the fields of its body in no particular type of content.
    const fn patch(path: &'static str, fields: &'static [Field], run: fn(&Tracking, &Asked) -> Answer<Value>) -> Self {
        Self { method: Method::PATCH, path, writes: true, seals: false, fields, moves: None, run }
    }

    const fn delete(path: &'static str, fields: &'static [Field], run: fn(&Tracking, &Asked) -> Answer<Value>) -> Self {
        Self { method: Method::DELETE, path, writes: true, seals: false, fields, moves: None, run }
    }

    const fn post(path: &'static str, fields: &'static [Field], run: fn(&Tracking, &Asked) -> Answer<Value>) -> Self {
        Self { method: Method::POST, path, writes: true, seals: false, fields, moves: None, run }
    }

    /// Is the same call, which may seal a model.
    const fn sealing(mut self) -> Self {
        self.seals = true;
        self
    }

    /// Is a call that moves something in the registry before it is answered.
    const fn moves(
        method: Method,
        path: &'static str,
        fields: &'static [Field],
        moves: fn(&Asked) -> Answer<Move>,
        run: fn(&Tracking, &Asked) -> Answer<Value>,
    ) -> Self {
        Self { method, path, writes: true, seals: false, fields, moves: Some(moves), run }
    }
}

impl Row for Call {
    fn method(&self) -> &Method {
        &self.method
    }

    fn path(&self) -> &'static str {
        self.path
    }

    fn writes(&self) -> bool {
        self.writes
    }

    async fn serve(&'static self, app: App, request: Request) -> Response {
        match run(app, self, request).await {
            Ok(value) => answer(&value),
            Err(refused) => refuse(&refused),
        }
    }
}

/// Lists the calls of MLflow's contract that need a key.
pub fn tracking_calls() -> Vec<ForeignCall> {
    let all = foreign::list(API, calls()).chain(foreign::list(API_3, calls_3()));
    all.chain(artifacts::calls()).chain(spans::calls()).collect()
}

fn calls() -> impl Iterator<Item = &'static Call> {
    let models = artifacts::CALLS.iter().chain(logged_models::CALLS);
    let registry = registered_models::CALLS.iter().chain(model_versions::CALLS);
    let runs = experiments::CALLS.iter().chain(runs::CALLS).chain(logs::CALLS);
    runs.chain(models).chain(registry).chain(traces::CALLS).chain(webhooks::CALLS)
}

fn calls_3() -> impl Iterator<Item = &'static Call> {
    traces::CALLS_3.iter().chain(assessments::CALLS_3)
}

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/health", get(async || "OK"))
        .route("/version", get(async || Html(VERSION)))
        .route("/api/3.0/mlflow/server-info", get(server_info))
        .route(&format!("{API}{{*path}}"), any(unknown))
        .route(&format!("{API_3}{{*path}}"), any(unknown))
        .merge(foreign::routes(API, calls()))
        .merge(foreign::routes(API_3, calls_3()))
        .merge(artifacts::routes())
        .merge(spans::routes())
}

async fn unknown() -> Response {
    refuse(&Refused::new(ErrorCode::EndpointNotFound, "there is no such call of MLflow's, or not here"))
}

/// Says what of MLflow's server there is. Artifacts take the simple way.
async fn server_info() -> Response {
    answer(&json!({
        "store_type": "SqlStore",
        "workspaces_enabled": false,
        "trace_archival_enabled": false,
        "multipart_uploads_enabled": false,
        "multipart_downloads_enabled": false,
    }))
}

async fn run(app: App, call: &'static Call, request: Request) -> Answer<Value> {
    let (mut parts, body) = request.into_parts();
    // Nothing is read of whoever may not ask.
    let who = admit_page(&app, call.writes, &parts)?;
    let tracking = app.control.tracking().map_err(|refusal| unavailable(&refusal))?.clone();
    let path = in_path(&mut parts, &app).await;
    let unread = |error: axum::Error| Refused::new(ErrorCode::BadRequest, format!("the body cannot be read: {error}"));
    let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(unread)?;
    if let Some(moves) = call.moves {
        let asked = Asked::read(call, (&parts.uri, path), who, &parts.headers, &body)?;
        app.control.move_model(asked.who().clone(), moves(&asked)?, None).await.map_err(not_moved)?;
        return blocking(move || (call.run)(&tracking, &asked)).await;
    }
    let done = blocking(move || {
        let asked = Asked::read(call, (&parts.uri, path), who, &parts.headers, &body)?;
        (call.run)(&tracking, &asked)
    });
    let done = done.await;
    if call.seals
        && let Err(refusal) = app.control.record_models().await
    {
        // A client that hears of an error makes once more what it makes; the seal is recorded with the next one, or by a start.
        if call.method != Method::POST {
            return Err(unavailable(&refusal));
        }
        tracing::error!(code = %refusal.code, message = %refusal.message, "a seal is not recorded");
    }
    done
}

/// Returns the parts of a path that have a name.
async fn in_path(parts: &mut Parts, app: &App) -> Vec<(String, String)> {
    let Ok(params) = RawPathParams::from_request_parts(parts, app).await else { return Vec::new() };
    params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Runs what waits for the disk where that is allowed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Answer<T> + Send + 'static) -> Answer<T> {
    let interrupted = |_| Err(Refused::new(ErrorCode::InternalError, "the request was interrupted"));
    tokio::task::spawn_blocking(work).await.unwrap_or_else(interrupted)
}

/// Says in MLflow's form why nothing was moved. What waits for people is refused for good, so that no client tries again by itself.
fn not_moved(not: NotMoved) -> Refused {
    let denied = |message: String| Refused::new(ErrorCode::PermissionDenied, message);
    match not {
        NotMoved::Refused(refused) => refused,
        NotMoved::Held(case, action) => denied(format!(
            "This waits for people: case {} at {}. It is done here as soon as they have approved it, so do not ask again. ({action})",
            case.id, case.url
        ))
        .because(Code::ApprovalPending),
        NotMoved::Denied(refusal) => match refusal.action {
            Some(action) => denied(format!("{} ({action})", refusal.message)).because(refusal.code),
            None if matches!(refusal.code, Code::Forbidden | Code::ToolUnknown) => denied(refusal.message).because(refusal.code),
            None => unavailable(&refusal),
        },
    }
}

fn unavailable(refusal: &control::Refusal) -> Refused {
    Refused::new(ErrorCode::TemporarilyUnavailable, refusal.message.clone())
}

/// Lets through whoever [`admit`] does, and the login of a page that only reads.
fn admit_page(app: &App, writes: bool, parts: &Parts) -> Answer<Holder> {
    let secret = login::secret(&parts.headers).filter(|_| !parts.headers.contains_key(header::AUTHORIZATION));
    let Some(secret) = secret else { return admit(app, writes, &parts.headers) };
    let visit = login::visit(parts, app, secret).map_err(not_visited)?;
    if writes {
        return Err(Refused::new(ErrorCode::PermissionDenied, "a login only reads here; what writes needs a key"));
    }
    Ok(auth::person(visit))
}

/// Says in MLflow's form why a login does not count.
fn not_visited(fault: Fault) -> Refused {
    let problem = fault.into_problem();
    match problem.code {
        Code::OriginRefused => Refused::new(ErrorCode::PermissionDenied, problem.detail).because(problem.code),
        _ => Refused::new(ErrorCode::Unauthenticated, problem.detail),
    }
}

/// Lets a caller through who holds a key that may do this, and says who it is.
fn admit(app: &App, writes: bool, headers: &HeaderMap) -> Answer<Holder> {
    let nobody = |message: &str| Refused::new(ErrorCode::Unauthenticated, message);
    let key = key(headers).ok_or_else(|| nobody("a key is needed: as a bearer token, or as the password"))?;
    let holder = app.control.holder_of(&key).map_err(|refusal| nobody(&refusal.message))?;
    if writes {
        let denied = |refusal: control::Refusal| Refused::new(ErrorCode::PermissionDenied, refusal.message);
        app.control.principal_may_change(&holder.principal).map_err(denied)?;
    }
    Ok(holder)
}

/// Returns the key that a request is made with.
fn key(headers: &HeaderMap) -> Option<String> {
    let (scheme, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

fn answer(value: &Value) -> Response {
    Json(value).into_response()
}

fn refuse(refused: &Refused) -> Response {
    let mut value = json!({ "error_code": refused.code.name(), "message": refused.message });
    if let (Some((state, class)), Some(object)) = (refused.class(), value.as_object_mut()) {
        object.insert("sqlstate".to_owned(), state.into());
        object.insert("error_class".to_owned(), class.into());
    }
    if let (Some(reason), Some(object)) = (refused.reason, value.as_object_mut()) {
        object.insert("reason".to_owned(), reason.as_str().into());
    }
    let status = StatusCode::from_u16(refused.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, answer(&value)).into_response()
}
