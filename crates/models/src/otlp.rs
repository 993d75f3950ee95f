//! Spans as OpenTelemetry's protocol (OTLP) carries them, in protobuf or JSON.
//!
//! Both forms are read within bounds: what is more than a bound is refused as soon as it is met, before it takes more
//! memory. Fields that are not kept are passed over: the kind of a span, its flags and trace state, and its scope.
//!
//! # Errors
//!
//! Both readers refuse with [`OtlpError`].

mod json;
mod protobuf;
pub(crate) mod wire;

use std::sync::Arc;

use crate::Given;

pub use json::read as read_json;
pub use protobuf::read as read_protobuf;

/// Limits the spans of one request.
pub const SPANS_MAX: usize = 10_000;

/// Limits the attributes, events and links of one request, values inside of values included.
pub const VALUES_MAX: usize = 500_000;

/// Limits the attributes of one span.
pub const ATTRIBUTES_MAX: usize = 1_024;

/// Limits what is said of the program that sent spans.
pub const RESOURCE_MAX: usize = 128;

/// Limits how deep values nest. What is read is written as JSON, inside other JSON.
pub const DEPTH_MAX: usize = 32;

/// Says why a request cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OtlpError {
    /// It is no request of OTLP.
    #[error("Invalid OpenTelemetry format")]
    Malformed,
    /// It holds nothing.
    #[error("Invalid OpenTelemetry format - no spans found")]
    Empty,
    /// A span has no id of the right length, or a time that cannot be.
    #[error("Cannot convert OpenTelemetry span to MLflow span")]
    Span,
    /// It holds more spans than are taken at once.
    #[error("at most {SPANS_MAX} spans are taken at once")]
    TooManySpans,
    /// It holds more attributes, events and links than are taken at once.
    #[error("at most {VALUES_MAX} attributes, events and links are taken at once, values inside of values included")]
    TooManyValues,
    /// A span, or the program that sent it, has more attributes than are taken.
    #[error("a span has at most {ATTRIBUTES_MAX} attributes, and what sent it {RESOURCE_MAX}")]
    TooManyAttributes,
    /// A value nests too deep.
    #[error("a value of an attribute may nest at most {DEPTH_MAX} levels deep")]
    TooDeep,
}

/// Says how a span ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nobody said.
    Unset,
    /// As it should.
    Ok,
    /// With an error.
    Error,
}

const STATUSES: [(Status, &str, &str); 3] = [
    (Status::Unset, "UNSET", "STATUS_CODE_UNSET"),
    (Status::Ok, "OK", "STATUS_CODE_OK"),
    (Status::Error, "ERROR", "STATUS_CODE_ERROR"),
];

impl Status {
    /// Returns its name in searches.
    pub fn name(self) -> &'static str {
        STATUSES.iter().find(|(status, ..)| *status == self).map_or("UNSET", |(_, name, _)| name)
    }

    /// Returns its name on the wire.
    pub fn code(self) -> &'static str {
        STATUSES.iter().find(|(status, ..)| *status == self).map_or("STATUS_CODE_UNSET", |(.., code)| code)
    }

    /// Reads a number; one that nobody knows says nothing.
    fn numbered(number: u64) -> Self {
        match number {
            1 => Self::Ok,
            2 => Self::Error,
            _ => Self::Unset,
        }
    }

    fn named(code: &str) -> Option<Self> {
        STATUSES.iter().find(|(.., known)| *known == code).map(|(status, ..)| *status)
    }
}

/// Are keys with their values, in the order in which they came.
pub type Attributes = Vec<(String, Given)>;

/// Is something that happened within a span.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// What it is called.
    pub name: String,
    /// When it happened, in nanoseconds since the epoch.
    pub at: u64,
    /// What is known of it.
    pub attributes: Attributes,
}

/// Points to a span of the same or of another trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The trace.
    pub trace: [u8; 16],
    /// The span.
    pub span: [u8; 8],
    /// What is known of it.
    pub attributes: Attributes,
}

/// Is a piece of work within a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The trace it belongs to.
    pub trace: [u8; 16],
    /// Its own id.
    pub id: [u8; 8],
    /// The span that it is part of; none if it is the root.
    pub parent: Option<[u8; 8]>,
    /// What it is called.
    pub name: String,
    /// When it began, in nanoseconds since the epoch.
    pub started: i64,
    /// When it ended; absent if it did not yet.
    pub ended: Option<i64>,
    /// How it ended.
    pub status: Status,
    /// What is said of that; may be empty.
    pub message: String,
    /// What is known of it.
    pub attributes: Attributes,
    /// What happened in it.
    pub events: Vec<Event>,
    /// What it points to.
    pub links: Vec<Link>,
    /// What is known of the program that sent it.
    pub resource: Arc<Attributes>,
}

/// Is a span before it is known to be one.
#[derive(Default)]
struct Draft {
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    name: String,
    started: u64,
    ended: u64,
    status: Option<Status>,
    message: String,
    attributes: Attributes,
    events: Vec<Event>,
    links: Vec<(Vec<u8>, Vec<u8>, Attributes)>,
}

impl Draft {
    fn span(self, resource: &Arc<Attributes>) -> Result<Span, OtlpError> {
        if self.attributes.len() > ATTRIBUTES_MAX || resource.len() > RESOURCE_MAX {
            return Err(OtlpError::TooManyAttributes);
        }
        let instant = |at: u64| i64::try_from(at).map_err(|_| OtlpError::Span);
        let parent: Option<[u8; 8]> = if self.parent.is_empty() { None } else { Some(id(&self.parent)?) };
        let links = self
            .links
            .into_iter()
            .map(|(trace, span, attributes)| Ok(Link { trace: id(&trace)?, span: id(&span)?, attributes }));
        Ok(Span {
            trace: id(&self.trace)?,
            id: id(&self.id)?,
            // A parent of nothing but zeros is none.
            parent: parent.filter(|parent| *parent != [0; 8]),
            name: self.name,
            started: instant(self.started)?,
            ended: Some(instant(self.ended)?).filter(|ended| *ended != 0),
            status: self.status.unwrap_or(Status::Unset),
            message: self.message,
            attributes: self.attributes,
            events: self.events,
            links: links.collect::<Result<_, _>>()?,
            resource: resource.clone(),
        })
    }
}

fn id<const N: usize>(bytes: &[u8]) -> Result<[u8; N], OtlpError> {
    bytes.try_into().map_err(|_| OtlpError::Span)
}

/// Counts what is read, and says when it is too much.
#[derive(Default)]
struct Bounds {
    spans: usize,
    values: usize,
}

impl Bounds {
    fn span(&mut self) -> Result<(), OtlpError> {
        self.spans += 1;
        if self.spans > SPANS_MAX { Err(OtlpError::TooManySpans) } else { Ok(()) }
    }

    fn value(&mut self, depth: usize) -> Result<(), OtlpError> {
        self.values += 1;
        if depth > DEPTH_MAX {
            return Err(OtlpError::TooDeep);
        }
        if self.values > VALUES_MAX { Err(OtlpError::TooManyValues) } else { Ok(()) }
    }
}

/// Says how bytes are written where there are only texts.
type Bytes = fn(&[u8]) -> String;

/// Writes bytes as MLflow has them in attributes.
fn in_attributes(bytes: &[u8]) -> String {
    crate::python::bytes(bytes)
}

/// Writes bytes as MLflow has them in the attributes of links.
fn in_links(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
