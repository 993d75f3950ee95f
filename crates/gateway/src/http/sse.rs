//! Server-sent events, and the other shapes an answer takes on HTTP.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;

use super::stream::{Event, Reader};
use crate::fault::Fault;

/// Says how events are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Events carry ids, so that a broken stream can be taken up again.
    pub(crate) ids: bool,
    /// The stream begins with an event that has an id and no data.
    pub(crate) primed: bool,
    /// Time between two comments that keep an idle stream alive.
    pub(crate) keep_alive: Duration,
}

/// Answers with a stream of events; `held` lives as long as the client listens.
pub(crate) fn events<H: Send + 'static>(reader: Reader, style: Style, held: H) -> Response {
    let first = style.primed.then(|| format!("id: {}-0\ndata: \n\n", reader.stream()));
    let body = stream::unfold((reader, first, held), move |(mut reader, first, held)| async move {
        let text = match first {
            Some(first) => first,
            None => next(&mut reader, style).await?,
        };
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), (reader, None, held)))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

async fn next(reader: &mut Reader, style: Style) -> Option<String> {
    match tokio::time::timeout(style.keep_alive, reader.next()).await {
        Ok(event) => event.map(|event| written(reader.stream(), &event, style.ids)),
        Err(_) => Some(": keep-alive\n\n".to_owned()),
    }
}

fn written(stream: u64, event: &Event, ids: bool) -> String {
    let id = if ids { format!("id: {stream}-{}\n", event.number) } else { String::new() };
    format!("event: message\n{id}data: {}\n\n", event.text)
}

/// Reads an event id back into stream and number.
pub(crate) fn event_id(text: &str) -> Option<(u64, u64)> {
    let (stream, number) = text.split_once('-')?;
    Some((stream.parse().ok()?, number.parse().ok()?))
}

/// Answers with one JSON text.
pub(crate) fn json(status: u16, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Answers with a status alone.
pub(crate) fn status(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Answers with a fault that belongs to no request that could be read.
pub(crate) fn fault(fault: &Fault) -> Response {
    json(fault.status, fault.to_frame(None).text().to_owned())
}
