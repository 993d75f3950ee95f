//! Reading what a request says, strictly, and writing what is answered.

use std::str::FromStr;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use types::{Code, json};

use crate::App;
use crate::problem::{Fault, invalid};

/// Is how much of a body that is too large is read and thrown away, in bytes, so that its sender gets to read the
/// refusal before the connection ends.
const DISCARDED_BYTES_MAX: usize = 64 << 20;

/// Is a JSON body: read strictly on the way in, written on the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &App) -> Result<Self, Fault> {
        if !is_json(request.headers()) {
            let fault = invalid("the body must be `application/json`");
            return Err(fault.status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let bytes = read(request.into_body(), app.config.body_bytes_max).await?;
        let text = std::str::from_utf8(&bytes).map_err(|_| Fault::new(Code::JsonMalformed, "the body is not UTF-8"))?;
        let value = json::parse(text).map_err(|e| Fault::new(e.code(), e.to_string()))?;
        serde_json::from_value(value).map(Self).map_err(|e| invalid(e.to_string()))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written as JSON");
                Fault::new(Code::Internal, "the answer cannot be written; see the server's log").into_response()
            }
        }
    }
}

/// Says whether a body is said to be JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// Reads a body of at most so many bytes.
pub(crate) async fn read(body: Body, bytes_max: usize) -> Result<Vec<u8>, Fault> {
    let mut chunks = body.into_data_stream();
    let (mut kept, mut seen) = (Vec::new(), 0_usize);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| invalid("the body ended before it was complete"))?;
        seen = seen.saturating_add(chunk.len());
        if seen <= bytes_max {
            kept.extend_from_slice(&chunk);
        } else if seen > DISCARDED_BYTES_MAX.max(bytes_max) {
            break;
        } else {
            kept = Vec::new();
        }
    }
    if seen > bytes_max {
        return Err(Fault::new(
            Code::PayloadTooLarge,
            format!("the body is too large, at most {bytes_max} bytes are accepted"),
        ));
    }
    Ok(kept)
}

/// Is the query of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        let read: Result<_, QueryRejection> = axum::extract::Query::<T>::from_request_parts(parts, app).await;
        read.map(|query| Self(query.0)).map_err(|rejection| invalid(rejection.body_text()))
    }
}

/// Is the name or identifier in the path of a request. A text that is none of its kind names nothing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Named<T>(pub(crate) T);

impl<T: FromStr + Send> FromRequestParts<App> for Named<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        let nothing = || Fault::new(Code::NotFound, "there is nothing of that name");
        let Path(text) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| nothing())?;
        text.parse().map(Self).map_err(|_| nothing())
    }
}

/// Are the two names in the path of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedTwo(pub(crate) String, pub(crate) String);

impl FromRequestParts<App> for NamedTwo {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        let nothing = |_| Fault::new(Code::NotFound, "there is nothing of that name");
        let Path((first, second)) = Path::from_request_parts(parts, app).await.map_err(nothing)?;
        Ok(Self(first, second))
    }
}

/// Returns a reason that is not empty.
pub(crate) fn reason(text: &str) -> Result<&str, Fault> {
    if text.trim().is_empty() { Err(invalid("`reason` is empty")) } else { Ok(text) }
}
