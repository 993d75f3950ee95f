//! `/api/2.0/mlflow-artifacts`: the files of training, written and read as streams; and their listings by run.
//!
//! A file is never whole in memory. What is read is checked as it leaves: its last bytes come once all of it is known to be what was kept,
//! and an answer that cannot be finished so is broken off before its end.

mod ranges;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use control::keys::Holder;
use control::tracking::{Answer, ArtifactError, CHUNK_BYTES, ErrorCode, Opened, Outgoing, Refused, Tracking, Upload};
use futures_util::{StreamExt as _, stream};
use models::artifact::{self, Path};
use models::names::Kind;
use serde_json::{Value, json};

use super::asked::{Asked, Field, RUN_ID};
use super::{Call, admit, answer, blocking, refuse, shown, unavailable};
use crate::App;
use crate::foreign::ForeignCall;

/// Is below what path the files are.
const FILES: &str = "/api/2.0/mlflow-artifacts/artifacts";

/// Is below what path files in parts would be.
const PARTS: &str = "/api/2.0/mlflow-artifacts/mpu";

/// Is below what path addresses of files elsewhere would be.
const PRESIGNED: &str = "/api/2.0/mlflow-artifacts/presigned";

pub(super) const CALLS: &[Call] = &[
    Call::get("artifacts/list", &[RUN_ID, Field::new("path", Kind::Text)], |tracking, asked| {
        let (root, files) = tracking.run_artifacts(&asked.run_id(), &asked.text("path"))?;
        Ok(shown::files(&files, Some(root)))
    }),
    Call::post(
        "artifacts/presigned-upload-url",
        &[
            Field::new("run_id", Kind::Text),
            Field::new("model_id", Kind::Text),
            Field::new("path", Kind::Text).required(),
            Field::new("expiration", Kind::Integer),
        ],
        presigned_upload,
    ),
    Call::post(
        "artifacts/presigned-download-url",
        &[
            Field::new("run_id", Kind::Text).required(),
            Field::new("path", Kind::Text).required(),
            Field::new("expiration", Kind::Integer),
        ],
        presigned_download,
    ),
];

/// Is what a listing takes.
const LISTING: &Call = &Call::get("", &[Field::new("path", Kind::Text)], |_, _| Ok(Value::Null));

/// Lists the calls here that are no rows of a table.
pub(super) fn calls() -> Vec<ForeignCall> {
    let call = |(method, path, writes): (Method, String, bool)| ForeignCall { method, path, writes };
    [
        (Method::GET, FILES.to_owned(), false),
        (Method::GET, format!("{FILES}/0/a"), false),
        (Method::PUT, format!("{FILES}/0/a"), true),
        (Method::DELETE, format!("{FILES}/0/a"), true),
        (Method::POST, format!("{PARTS}/create/0/a"), true),
        (Method::GET, format!("{PRESIGNED}/0/a"), false),
    ]
    .map(call)
    .into()
}

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(FILES, get(list))
        .route(&format!("{FILES}/{{*path}}"), get(download).put(upload).delete(remove))
        .route(&format!("{PARTS}/{{*path}}"), post(parts))
        .route(&format!("{PRESIGNED}/{{*path}}"), get(presigned))
        .route("/api/2.0/mlflow-artifacts/{*path}", any(super::unknown))
}

fn done(answered: Answer<Response>) -> Response {
    answered.unwrap_or_else(|refused| refuse(&refused))
}

/// Lets a caller through, and returns who it is with what is asked.
fn admitted(app: &App, writes: bool, headers: &HeaderMap) -> Answer<(Holder, std::sync::Arc<Tracking>)> {
    let who = admit(app, writes, headers)?;
    Ok((who, app.control.tracking().map_err(|refusal| unavailable(&refusal))?.clone()))
}

/// Reads the path of a file, as it stands in the address: it is decoded by nobody else.
fn path_of(uri: &Uri) -> Answer<Path> {
    let rest = uri.path().strip_prefix(FILES).and_then(|rest| rest.strip_prefix('/'));
    Ok(artifact::path(rest.unwrap_or_default())?)
}

/// Says what MLflow's server says of a path, outside the form of its other refusals.
fn detail(said: &str) -> Response {
    (StatusCode::BAD_REQUEST, answer(&json!({ "detail": said }))).into_response()
}

async fn list(State(app): State<App>, request: Request) -> Response {
    done(listing(&app, &request.into_parts().0).await)
}

async fn listing(app: &App, request: &Parts) -> Answer<Response> {
    let (who, tracking) = admitted(app, false, &request.headers)?;
    let asked = Asked::read(LISTING, (&request.uri, Vec::new()), who, &request.headers, &[])?;
    let path = artifact::path(&asked.text("path"))?;
    let files = blocking(move || tracking.list_artifacts(&path)).await?;
    Ok(answer(&shown::files(&files, None)))
}

async fn upload(State(app): State<App>, request: Request) -> Response {
    let answered = receive(&app, request).await;
    app.control.record_refused_writes().await;
    done(answered)
}

async fn receive(app: &App, request: Request) -> Answer<Response> {
    let (parts, body) = request.into_parts();
    let (who, tracking) = admitted(app, true, &parts.headers)?;
    let path = path_of(&parts.uri)?;
    if path.is_of_folder() {
        return Ok(detail("Artifact path must include a filename (cannot end with '/')."));
    }
    let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let beginning = tracking.clone();
    let upload = blocking(move || beginning.receive(path, who.principal.subject(), announced)).await?;
    let upload = arrive(upload, body).await?;
    blocking(move || tracking.keep(upload)).await?;
    Ok(StatusCode::OK.into_response())
}

/// Takes a body to its end, a portion at a time.
pub(crate) async fn arrive(mut upload: Upload, body: Body) -> Answer<Upload> {
    let mut arriving = body.into_data_stream();
    let mut portion: Vec<u8> = Vec::with_capacity(CHUNK_BYTES);
    loop {
        let frame = arriving.next().await.transpose().map_err(cut_off)?;
        let is_last = frame.is_none();
        portion.extend_from_slice(&frame.unwrap_or_default());
        if is_last || portion.len() >= CHUNK_BYTES {
            let bytes = std::mem::take(&mut portion);
            upload = blocking(move || upload.write(&bytes).map(|()| upload)).await?;
        }
        if is_last {
            return Ok(upload);
        }
    }
}

fn cut_off(error: axum::Error) -> Refused {
    Refused::new(ErrorCode::BadRequest, format!("the body cannot be read to its end, so nothing is kept: {error}"))
}

async fn remove(State(app): State<App>, request: Request) -> Response {
    let answered = removed(&app, &request.into_parts().0).await;
    app.control.record_refused_writes().await;
    done(answered)
}

async fn removed(app: &App, request: &Parts) -> Answer<Response> {
    let (who, tracking) = admitted(app, true, &request.headers)?;
    let path = path_of(&request.uri)?;
    blocking(move || tracking.remove_artifacts(path, &who.principal.subject())).await?;
    Ok(answer(&json!({})))
}

async fn download(State(app): State<App>, request: Request) -> Response {
    done(serve(&app, &request.into_parts().0).await)
}

async fn serve(app: &App, request: &Parts) -> Answer<Response> {
    let (_, tracking) = admitted(app, false, &request.headers)?;
    let path = path_of(&request.uri)?;
    let range = request.headers.get(header::RANGE).and_then(|range| range.to_str().ok()).map(str::to_owned);
    let condition = request.headers.get(header::IF_RANGE).cloned();
    let name = path.clone();
    let opened = blocking(move || {
        tracking.open_artifact(&path, |artifact| {
            // A range of another file than the one that is here is not what was asked for.
            let is_meant = condition.is_none_or(|condition| condition.as_bytes() == tag(artifact.digest).as_bytes());
            ranges::read(range.filter(|_| is_meant).as_deref(), artifact.size)
        })
    });
    match opened.await? {
        Some(opened) => Ok(streamed(&name, opened)),
        None => Ok(detail(&format!("Artifact path refers to a directory, not a file: '{}'", name.said()))),
    }
}

fn tag(digest: types::Digest) -> String {
    format!("\"{digest}\"")
}

fn streamed(path: &Path, opened: Opened) -> Response {
    let Opened { artifact, first, rest, range: (from, to) } = opened;
    let headers = [
        (header::CONTENT_TYPE, artifact::media_type(path.name()).to_owned()),
        (header::CONTENT_DISPOSITION, artifact::disposition(path.name())),
        (header::CONTENT_LENGTH, to.saturating_sub(from).to_string()),
        (header::ETAG, tag(artifact.digest)),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
    ];
    let is_part = (from, to) != (0, artifact.size);
    let status = if is_part { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut response = (status, bytes_of(path.key().to_owned(), first, rest)).into_response();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    headers.iter().for_each(|(name, value)| set(name.clone(), value));
    if is_part {
        set(header::CONTENT_RANGE, &format!("bytes {from}-{}/{}", to.saturating_sub(1), artifact.size));
    }
    response
}

/// Streams a file. No thread is held while nobody takes what was read.
fn bytes_of(path: String, first: Option<Vec<u8>>, rest: Outgoing) -> Body {
    let begun = stream::iter(first.map(|bytes| Ok::<_, ArtifactError>(Bytes::from(bytes))));
    let rest = stream::unfold(Some(rest), move |rest| next(path.clone(), rest));
    Body::from_stream(begun.chain(rest))
}

async fn next(path: String, rest: Option<Outgoing>) -> Option<(Result<Bytes, ArtifactError>, Option<Outgoing>)> {
    let mut rest = rest?;
    let read = tokio::task::spawn_blocking(move || (rest.read_on(), rest)).await;
    match read {
        Ok((Ok(bytes), rest)) => bytes.map(|bytes| (Ok(Bytes::from(bytes)), Some(rest))),
        Ok((Err(error), _)) => {
            tracing::error!(path, %error, "an artifact is not served to its end");
            Some((Err(error), None))
        }
        Err(error) => Some((Err(ArtifactError::Unusable(error.to_string())), None)),
    }
}

/// Says of files in parts what MLflow's server says over a store that has none, so that its client takes the simple way.
async fn parts(State(app): State<App>, request: Request) -> Response {
    let said = "Multipart upload is not supported for the current artifact repository";
    done(admit(&app, true, request.headers()).and_then(|_| Err(Refused::new(ErrorCode::NotImplemented, said))))
}

async fn presigned(State(app): State<App>, request: Request) -> Response {
    let said = "Multipart download is not supported for the current artifact repository";
    done(admit(&app, false, request.headers()).and_then(|_| Err(Refused::new(ErrorCode::NotImplemented, said))))
}

fn invalid(said: impl Into<String>) -> Refused {
    Refused::new(ErrorCode::InvalidParameterValue, said)
}

fn presigned_upload(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let (run, model) = (asked.text("run_id"), asked.text("model_id"));
    if run.is_empty() == model.is_empty() {
        return Err(invalid("Exactly one of run_id and model_id must be provided."));
    }
    artifact::path(&asked.text("path"))?;
    if run.is_empty() {
        tracking.logged_model(&model, false)?;
    } else {
        tracking.run(&run)?;
    }
    Err(invalid(
        "Presigned upload is not supported for proxied artifact storage (artifact URI scheme: mlflow-artifacts). \
         This endpoint requires a direct cloud storage artifact URI.",
    ))
}

fn presigned_download(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    artifact::path(&asked.text("path"))?;
    let seconds = asked.some_integer("expiration")?;
    if let Some(seconds) = seconds.filter(|seconds| !(1..=604_800).contains(seconds)) {
        return Err(invalid(format!("expiration must be between 1 and 604800 seconds (got {seconds}).")));
    }
    tracking.run(&asked.text("run_id"))?;
    Err(invalid(
        "Presigned download is not supported for runs with proxied artifact storage (artifact URI scheme: \
         mlflow-artifacts). This endpoint requires a run with a direct cloud storage artifact URI.",
    ))
}
