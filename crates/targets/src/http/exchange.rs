//! Speaking to the server: looking at a resource, and sending the one request that changes it.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Runtime;
use types::json;

use super::declared::{Declared, Method, Operation};
use super::error::HttpError;
use crate::fault::{Fault, step};

/// Bounds an answer, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Is a resource as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// What it is; absent if there is none.
    pub body: Option<Value>,
    /// The version that the server tells.
    pub etag: Option<String>,
}

impl Seen {
    /// Returns the digest of what it is, but for what changes by itself.
    pub fn digest(&self, operation: &Operation) -> String {
        let text = self.body.as_ref().map(|body| json::canonical(&without(body, operation)));
        let text = text.map_or_else(|| "absent".to_owned(), |text| format!("present:{text}"));
        hex::encode(Sha256::digest(text.as_bytes()))
    }

    /// Says whether it is what another look saw.
    pub fn is(&self, other: &Self, operation: &Operation) -> bool {
        self.digest(operation) == other.digest(operation)
    }
}

/// Returns a body without the parts that change by themselves.
pub fn without(body: &Value, operation: &Operation) -> Value {
    let mut body = body.clone();
    for pointer in &operation.ignore {
        let Some((above, name)) = pointer.rsplit_once('/') else { continue };
        let name = name.replace("~1", "/").replace("~0", "~");
        if let Some(Value::Object(members)) = body.pointer_mut(above) {
            members.remove(&name);
        }
    }
    body
}

/// Is a request that changes something, ready to be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sending {
    /// The method, as it stands on the wire.
    pub method: String,
    /// The path below the base.
    pub path: String,
    /// The body.
    pub body: Option<Value>,
}

/// Says what came of a request that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The server says that it did it, and perhaps which version that made.
    Done(Option<String>),
    /// The resource was not as it was seen, so nothing was done.
    Changed,
    /// The server refused it.
    Refused(u16),
    /// Nobody knows.
    Unknown(String),
}

/// Speaks to one server.
pub struct Exchange {
    base: String,
    client: reqwest::Client,
    runtime: Runtime,
    fault: Arc<dyn Fault>,
}

impl Exchange {
    /// Prepares to speak to a server.
    ///
    /// - `secret`: resolves the variables that the headers' values stand in.
    ///
    /// # Errors
    ///
    /// [`HttpError::Declared`] if a header is none, or its variable is not set.
    pub fn new(
        declared: &Declared,
        secret: impl Fn(&str) -> Option<String>,
        fault: Arc<dyn Fault>,
    ) -> Result<Self, HttpError> {
        let mut headers = HeaderMap::new();
        for (name, variable) in &declared.headers {
            let wrong = |why: &str| HttpError::Declared(format!("header `{name}`: {why}"));
            let value = secret(variable).ok_or_else(|| wrong(&format!("the variable `{variable}` is not set")))?;
            let mut value = HeaderValue::from_str(value.trim()).map_err(|_| wrong("its value is none of a header"))?;
            value.set_sensitive(true);
            let name = HeaderName::try_from(name.as_str()).map_err(|_| wrong("no header may be called so"))?;
            headers.insert(name, value);
        }
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .default_headers(headers)
            .timeout(Duration::from_millis(declared.timeout_ms))
            .build()
            .map_err(|error| HttpError::Unavailable(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { base: declared.base.clone(), client, runtime, fault })
    }

    /// Looks at a resource.
    ///
    /// # Errors
    ///
    /// [`HttpError::Unavailable`] if it cannot be seen; [`HttpError::Invalid`] if it is nothing that can be compared.
    pub fn look(&self, path: &str) -> Result<Seen, HttpError> {
        self.runtime.block_on(async {
            let request = self.client.get(format!("{}{path}", self.base)).header(ACCEPT, "application/json");
            let answer = request.send().await.map_err(|error| HttpError::Unavailable(plain(&error)))?;
            let status = answer.status().as_u16();
            if matches!(status, 404 | 410) {
                return Ok(Seen { body: None, etag: None });
            }
            if status != 200 {
                return Err(HttpError::Unavailable(format!("`{path}` cannot be read: status {status}")));
            }
            let etag = version(&answer);
            let bytes = bounded(answer).await.map_err(HttpError::Unavailable)?;
            let text = String::from_utf8(bytes).map_err(|_| HttpError::Invalid(format!("`{path}` is not UTF-8")))?;
            let body = json::parse(&text)
                .map_err(|error| HttpError::Invalid(format!("`{path}` is no strict JSON: {error}")))?;
            Ok(Seen { body: Some(body), etag })
        })
    }

    /// Sends a request, if the resource is still what was seen where the server can tell.
    pub fn send(&self, sending: &Sending, before: &Seen, operation: &Operation, key: &str) -> Sent {
        let sent = step(&*self.fault, "send", || {
            let sent = self.runtime.block_on(self.sent(sending, before, operation, key));
            Ok::<_, std::io::Error>(sent)
        });
        sent.unwrap_or_else(|error| Sent::Unknown(error.to_string()))
    }

    async fn sent(&self, sending: &Sending, before: &Seen, operation: &Operation, key: &str) -> Sent {
        let method = reqwest::Method::from_bytes(sending.method.as_bytes()).unwrap_or(reqwest::Method::PUT);
        let mut request = self.client.request(method, format!("{}{}", self.base, sending.path));
        if operation.etag {
            request = match (&before.body, &before.etag) {
                (None, _) => request.header(IF_NONE_MATCH, "*"),
                (Some(_), Some(etag)) => request.header(IF_MATCH, etag),
                (Some(_), None) => request,
            };
        }
        if let Some(header) = &operation.key_header {
            request = request.header(header, key);
        }
        if let Some(body) = &sending.body {
            request = request.header(CONTENT_TYPE, "application/json").body(json::canonical(body));
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Sent::Unknown(plain(&error)),
        };
        match answer.status().as_u16() {
            200..=299 => Sent::Done(version(&answer)),
            412 => Sent::Changed,
            status @ 400..=499 if status != 408 => Sent::Refused(status),
            status => Sent::Unknown(format!("the server answered with status {status}")),
        }
    }
}

/// Returns the version that an answer tells. A weak one tells nothing about the bytes, and `If-Match` never holds with it.
fn version(answer: &reqwest::Response) -> Option<String> {
    let etag = answer.headers().get(ETAG)?.to_str().ok()?;
    (!etag.starts_with("W/")).then(|| etag.to_owned())
}

async fn bounded(mut answer: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| plain(&error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > ANSWER_BYTES_MAX {
            return Err(format!("the answer has more than {ANSWER_BYTES_MAX} bytes"));
        }
    }
    Ok(bytes)
}

/// Says what went wrong without the address, which may hold what is secret.
fn plain(error: &reqwest::Error) -> String {
    let why = if error.is_timeout() {
        "it did not answer in time"
    } else if error.is_connect() {
        "it cannot be reached"
    } else {
        "the connection was lost"
    };
    why.to_owned()
}

impl Sending {
    /// Writes a request of a method.
    pub fn of(method: Method, path: String, body: Option<Value>) -> Self {
        Self { method: method.as_str().to_owned(), path, body }
    }
}
