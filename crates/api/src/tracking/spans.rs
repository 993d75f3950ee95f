//! `/v1/traces`: spans, as OpenTelemetry's exporters send them.

use std::io::Read;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use control::tracking::{ErrorCode, Refused};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use models::otlp::{self, OtlpError, Span};
use serde_json::{Value, json};

use super::{admit, answer, blocking, refuse, unavailable};
use crate::App;
use crate::foreign::ForeignCall;

const PATH: &str = "/v1/traces";
const EXPERIMENT: &str = "x-mlflow-experiment-id";
const RUN: &str = "x-mlflow-run-id";
const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// Is the largest body as it is sent, in bytes.
const SENT_BYTES_MAX: usize = 16 << 20;

/// Is the largest body once it is unpacked, in bytes.
const BYTES_MAX: usize = 32 << 20;

/// Is a refusal of spans: in the form of MLflow's calls, or in the one of its server's frame.
enum Fault {
    Refused(Refused),
    Detail(StatusCode, Value),
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<OtlpError> for Fault {
    fn from(error: OtlpError) -> Self {
        match error {
            OtlpError::Malformed | OtlpError::Empty => detail(error.to_string()),
            OtlpError::Span => Self::Detail(StatusCode::UNPROCESSABLE_ENTITY, error.to_string().into()),
            too_much => Self::Refused(Refused::new(ErrorCode::TooLarge, too_much.to_string())),
        }
    }
}

fn detail(said: impl Into<String>) -> Fault {
    Fault::Detail(StatusCode::BAD_REQUEST, said.into().into())
}

/// Lists the call here, which is no row of a table.
pub(super) fn calls() -> [ForeignCall; 1] {
    [ForeignCall { method: Method::POST, path: PATH.to_owned(), writes: true }]
}

pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, post(export))
}

async fn export(State(app): State<App>, request: Request) -> Response {
    match exported(&app, request).await {
        // An answer without a word is the message that says nothing went wrong.
        Ok(()) => ([(header::CONTENT_TYPE, PROTOBUF)], Bytes::new()).into_response(),
        Err(Fault::Refused(refused)) => refuse(&refused),
        Err(Fault::Detail(status, said)) => (status, answer(&json!({ "detail": said }))).into_response(),
    }
}

async fn exported(app: &App, request: Request) -> Result<(), Fault> {
    let (parts, body) = request.into_parts();
    admit(app, true, &parts.headers)?;
    let tracking = app.control.tracking().map_err(|refusal| unavailable(&refusal))?.clone();
    let experiment = text(&parts.headers, EXPERIMENT).ok_or_else(missing)?;
    let run = text(&parts.headers, RUN).filter(|run| !run.is_empty());
    let form = form(&parts.headers)?;
    let unread = |error: axum::Error| Refused::new(ErrorCode::BadRequest, format!("the body cannot be read: {error}"));
    let body = to_bytes(body, SENT_BYTES_MAX).await.map_err(unread)?;
    let encoding = text(&parts.headers, header::CONTENT_ENCODING.as_str()).unwrap_or_default().to_lowercase();
    let done = blocking(move || {
        // What is read and what is kept are refused in forms of their own.
        let read = unpacked(body, &encoding).and_then(|body| Ok(form(&body)?));
        Ok(match read {
            Ok(spans) if spans.is_empty() => Ok(()),
            Ok(spans) => tracking.log_spans(experiment, spans, run).map_err(Fault::from),
            Err(fault) => Err(fault),
        })
    });
    done.await?
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn missing() -> Fault {
    let said = json!([{ "type": "missing", "loc": ["header", EXPERIMENT], "msg": "Field required", "input": null }]);
    Fault::Detail(StatusCode::UNPROCESSABLE_ENTITY, said)
}

type Form = fn(&[u8]) -> Result<Vec<Span>, OtlpError>;

/// Returns how the body is to be read.
fn form(headers: &HeaderMap) -> Result<Form, Fault> {
    let kind = text(headers, header::CONTENT_TYPE.as_str());
    match kind.as_deref().map(|kind| kind.split(';').next().unwrap_or_default().trim()) {
        Some(PROTOBUF) => Ok(otlp::read_protobuf),
        Some(JSON) => Ok(|body| otlp::read_json(std::str::from_utf8(body).map_err(|_| OtlpError::Malformed)?)),
        _ => {
            let kind = kind.unwrap_or_else(|| "None".to_owned());
            Err(detail(format!("Invalid Content-Type: {kind}. Expected: {PROTOBUF} or {JSON}")))
        }
    }
}

fn unpacked(body: Bytes, encoding: &str) -> Result<Bytes, Fault> {
    match encoding {
        "" => Ok(body),
        "gzip" => inflated(MultiGzDecoder::new(&*body)).map_err(|large| large.unwrap_or_else(|| failed(encoding))),
        // Some write the stream alone.
        "deflate" => inflated(ZlibDecoder::new(&*body))
            .or_else(|large| if large.is_some() { Err(large) } else { inflated(DeflateDecoder::new(&*body)) })
            .map_err(|large| large.unwrap_or_else(|| failed(encoding))),
        other => Err(detail(format!("Unsupported Content-Encoding: {other}"))),
    }
}

fn failed(encoding: &str) -> Fault {
    detail(format!("Failed to decompress {encoding} payload"))
}

/// Takes a packed body apart; one that grows beyond the bound is not read to its end, and one that is none is no fault yet.
fn inflated(packed: impl Read) -> Result<Bytes, Option<Fault>> {
    let mut bytes = Vec::new();
    let more = u64::try_from(BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    packed.take(more).read_to_end(&mut bytes).map_err(|_| None)?;
    if bytes.len() <= BYTES_MAX {
        return Ok(bytes.into());
    }
    let said = format!("the body is too large, at most {BYTES_MAX} bytes are accepted once it is unpacked");
    Err(Some(Fault::Refused(Refused::new(ErrorCode::TooLarge, said))))
}
