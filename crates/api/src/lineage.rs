//! `/api/v1`: lineage, as OpenLineage's clients send it and Marquez's read it.
//!
//! Each call is a row of a table: its path, whether it writes, and what answers it. The contract is OpenLineage's and, for what is read,
//! follows Marquez's shapes, so it is no part of our own OpenAPI document. Refusals are problems with our codes. Whoever holds a key
//! reads; who is no auditor may send events.

mod asked;
mod body;
mod calls;
mod graph;
mod shown;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use control::tracking::Tracking;
use serde::Serialize;
use types::Code;

use crate::App;
use crate::auth::{AnyChanger, Anyone};
use crate::extract;
use crate::foreign::{self, ForeignCall, Row};
use crate::problem::{Fault, invalid};
use asked::Asked;

/// Is below what path the calls are.
const API: &str = "/api/v1/";

/// Is what a call answers: a status and JSON, or nothing but a status.
type Answered = Result<(StatusCode, Option<Vec<u8>>), Fault>;

/// Is one call.
struct Call {
    method: Method,
    /// Is its path below [`API`].
    path: &'static str,
    run: fn(&Tracking, &Asked) -> Answered,
}

impl Call {
    const fn get(path: &'static str, run: fn(&Tracking, &Asked) -> Answered) -> Self {
        Self { method: Method::GET, path, run }
    }

    const fn post(path: &'static str, run: fn(&Tracking, &Asked) -> Answered) -> Self {
        Self { method: Method::POST, path, run }
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
        self.method == Method::POST
    }

    async fn serve(&'static self, app: App, request: Request) -> Response {
        match run(app, self, request).await {
            Ok((status, None)) => status.into_response(),
            Ok((status, Some(json))) => (status, [(header::CONTENT_TYPE, "application/json")], json).into_response(),
            Err(fault) => fault.into_response(),
        }
    }
}

/// Lists the calls of lineage. All of them need a key.
pub fn lineage_calls() -> Vec<ForeignCall> {
    foreign::list(API, calls::CALLS.iter()).collect()
}

pub(crate) fn routes() -> Router<App> {
    foreign::routes(API, calls::CALLS.iter())
}

async fn run(app: App, call: &'static Call, request: Request) -> Answered {
    let (mut parts, body) = request.into_parts();
    // Nothing is read of whoever may not ask.
    if call.writes() {
        AnyChanger::from_request_parts(&mut parts, &app).await?;
    } else {
        Anyone::from_request_parts(&mut parts, &app).await?;
    }
    let names = RawPathParams::from_request_parts(&mut parts, &app).await;
    let names = names.map_err(|_| Fault::new(Code::NotFound, "there is nothing of that name"))?;
    let names = names.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let body = if call.writes() {
        if !extract::is_json(&parts.headers) {
            return Err(invalid("the body must be `application/json`").status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        extract::read(body, body::SENT_BYTES_MAX).await?
    } else {
        Vec::new()
    };
    let tracking = app.control.tracking()?.clone();
    let done = tokio::task::spawn_blocking(move || {
        let text = if call.writes() { body::text(&parts.headers, Bytes::from(body))? } else { String::new() };
        (call.run)(&tracking, &Asked::new(names, &parts.uri, text)?)
    });
    done.await.unwrap_or_else(|_| Err(Fault::new(Code::Internal, "the request was interrupted")))
}

/// Answers with JSON.
fn shows(value: &impl Serialize) -> Answered {
    match serde_json::to_vec(value) {
        Ok(json) => Ok((StatusCode::OK, Some(json))),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            Err(Fault::new(Code::Internal, "the answer cannot be written; see the server's log"))
        }
    }
}
