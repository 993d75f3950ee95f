//! One stream of server-sent events as frames, and what is needed to take it up again.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::Response;
use types::jsonrpc::{Frame, FrameError};

use super::error::CallError;
use super::splice;
use super::sse::{Event, Parser, SseError};

/// Is the wait before connecting again where the server names none.
const RETRY: Duration = Duration::from_secs(1);

/// Bounds the wait a server may ask for.
const RETRY_MS_MAX: u64 = 600_000;

/// Is where a stream was left: it survives the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The id of the last event, if the server gives ids.
    pub(crate) last_id: Option<String>,
    /// How long to wait before connecting again.
    pub(crate) retry: Duration,
}

impl Default for Place {
    fn default() -> Self {
        Self { last_id: None, retry: RETRY }
    }
}

impl Place {
    fn note(&mut self, event: &Event) {
        match event.id.as_deref() {
            Some("") => self.last_id = None,
            Some(id) => self.last_id = Some(id.to_owned()),
            None => {}
        }
        if let Some(ms) = event.retry {
            self.retry = Duration::from_millis(ms.min(RETRY_MS_MAX));
        }
    }
}

/// Reads frames from the body of an event-stream response.
pub(crate) struct Stream {
    response: Response,
    parser: Parser,
    bytes_max: usize,
    events: VecDeque<Event>,
    frames: VecDeque<Frame>,
}

impl Stream {
    pub(crate) fn new(response: Response, bytes_max: usize) -> Self {
        // A line holds the field's name besides the frame.
        let parser = Parser::new(bytes_max.saturating_add(64));
        Self { response, parser, bytes_max, events: VecDeque::new(), frames: VecDeque::new() }
    }

    /// Returns the next frame and keeps `place` up to date; `None` when the stream has ended or broken.
    ///
    /// # Errors
    ///
    /// [`CallError::TooLarge`] or [`CallError::Invalid`] if the stream cannot be understood.
    pub(crate) async fn next(&mut self, place: &mut Place) -> Result<Option<Frame>, CallError> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Ok(Some(frame));
            }
            if let Some(event) = self.events.pop_front() {
                place.note(&event);
                self.frames.extend(self.read(&event)?);
                continue;
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.events.extend(self.parser.push(&bytes).map_err(|e| self.unreadable(e))?),
                Ok(None) => return Ok(None),
                Err(error) => {
                    tracing::debug!(error = %error.without_url(), "an event stream broke");
                    return Ok(None);
                }
            }
        }
    }

    fn read(&self, event: &Event) -> Result<Vec<Frame>, CallError> {
        let is_message = event.event.as_deref().is_none_or(|name| name == "message" || name.is_empty());
        if !is_message || event.data.trim().is_empty() {
            return Ok(Vec::new());
        }
        frames(&event.data, self.bytes_max)
    }

    fn unreadable(&self, error: SseError) -> CallError {
        match error {
            SseError::TooLarge { .. } => CallError::TooLarge { bytes_max: self.bytes_max },
            SseError::NotText => CallError::Invalid(error.to_string()),
        }
    }
}

/// Reads a text as one frame, or as the batch that servers of 2025-03-26 may send.
///
/// # Errors
///
/// [`CallError::Invalid`] if any part is no message.
pub(crate) fn frames(text: &str, bytes_max: usize) -> Result<Vec<Frame>, CallError> {
    let invalid = |error: FrameError| CallError::Invalid(error.to_string());
    if text.trim_start().starts_with('[') {
        let items = splice::items(text).ok_or_else(|| CallError::Invalid("it is not JSON".into()))?;
        return items.into_iter().map(|item| Frame::parse(item, bytes_max).map_err(invalid)).collect();
    }
    Ok(vec![Frame::parse(text, bytes_max).map_err(invalid)?])
}
