//! The HTTP client of the command line: speaks the same contract as everybody else.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use types::Code;

use crate::error::{CliError, Exit, exit_for};
use crate::folder::Folders;

/// Is how long a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Is how long a server may take to answer: longer than it waits for anything it is asked to wait for.
const ANSWER: Duration = Duration::from_secs(120);

/// Is how long a file may take on its way.
const FILE: Duration = Duration::from_secs(24 * 3_600);

/// Speaks to a running server.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    key: Option<String>,
}

impl Client {
    /// Finds the server of a data folder and the key to speak with.
    ///
    /// - `url`, `key`: win over what the folders say. A server that does not run on the data folder is sent no key of it.
    ///
    /// # Errors
    ///
    /// `upstream-unavailable` if no server runs on the data folder and no URL is given; `file-unusable` if its key is
    /// there and cannot be read.
    pub fn find(folders: &Folders, url: Option<String>, key: Option<String>) -> Result<Self, CliError> {
        let running = folders.running().map(|running| running.url);
        let url = url.or_else(|| running.clone()).ok_or_else(|| {
            let message = format!("no server runs on `{}`", folders.data.display());
            CliError::new(Exit::Failed, Code::UpstreamUnavailable, message)
                .hint("start one with `countersign up`, or your client, whose `wrap` runs one; or name one with --url")
        })?;
        // Whoever else was named is not sent the key of this folder's server.
        let ours = running.is_some_and(|running| bare(&running) == bare(&url));
        let key = match key {
            None if ours => folders.read_key("admin.key")?,
            key => key,
        };
        Ok(Self::new(url, key))
    }

    /// Speaks to a server at a URL with a key.
    pub fn new(url: String, key: Option<String>) -> Self {
        let http =
            reqwest::Client::builder().no_proxy().connect_timeout(CONNECT).timeout(ANSWER).build().unwrap_or_default();
        Self { http, url: bare(&url).to_owned(), key }
    }

    /// Sends a request and returns the JSON answer.
    ///
    /// # Errors
    ///
    /// The problem the server answers with, or `upstream-unavailable` if it does not answer.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, CliError> {
        let bytes = self.bytes(method, path, body).await?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|e| {
            CliError::new(Exit::Failed, Code::UpstreamInvalid, format!("the server's answer is no JSON: {e}"))
        })
    }

    /// Reads a resource.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
    pub async fn get(&self, path: &str) -> Result<Value, CliError> {
        self.send(Method::GET, path, None).await
    }

    /// Reads a resource as the bytes that it has.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
    pub async fn read(&self, path: &str) -> Result<Vec<u8>, CliError> {
        self.bytes(Method::GET, path, None).await
    }

    /// Posts a body.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Sends a file as a stream.
    ///
    /// - `size`: how many bytes it has; with fewer, or more, it is not kept.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
    pub async fn upload(&self, path: &str, body: reqwest::Body, size: u64) -> Result<Value, CliError> {
        let request = self.http.put(format!("{}{path}", self.url)).timeout(FILE);
        let request = request.header(reqwest::header::CONTENT_LENGTH, size).body(body);
        let bytes = self.answered(request).await?;
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn bytes(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Vec<u8>, CliError> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        self.answered(request).await
    }

    async fn answered(&self, mut request: reqwest::RequestBuilder) -> Result<Vec<u8>, CliError> {
        let gone = |e: reqwest::Error| {
            CliError::new(
                Exit::Failed,
                Code::UpstreamUnavailable,
                format!("the server at {} does not answer: {}", self.url, e.without_url()),
            )
        };
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let answer = request.send().await.map_err(gone)?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(gone)?.to_vec();
        // 202: people must approve it first, so it is not done.
        if status.is_success() && status != StatusCode::ACCEPTED {
            Ok(bytes)
        } else {
            Err(self.refused(status, &bytes))
        }
    }

    fn refused(&self, status: StatusCode, bytes: &[u8]) -> CliError {
        let error = problem(status, bytes);
        if self.key.is_none() && error.code == Code::Unauthenticated {
            return error
                .hint("name a key with --key: this server does not run on the data folder, or it keeps no key there");
        }
        error
    }
}

fn bare(url: &str) -> &str {
    url.trim_end_matches('/')
}

/// Writes a text as one segment of a path: whatever stands in it, it neither ends the segment nor begins a query.
pub fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn problem(status: StatusCode, bytes: &[u8]) -> CliError {
    let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    // MLflow's contract has other names for the same.
    let code = text("code").or_else(|| text("reason")).and_then(|c| c.parse().ok()).unwrap_or(Code::UpstreamInvalid);
    let said = text("detail").or_else(|| text("message")).or_else(|| text("title"));
    let message = said.unwrap_or_else(|| format!("the server answered {status}"));
    let case = body.pointer("/approval/id").and_then(Value::as_str);
    if let (StatusCode::ACCEPTED, Some(case)) = (status, case) {
        let waits = CliError::new(
            Exit::Undetermined,
            Code::ApprovalPending,
            format!("people must approve it first: {message}"),
        );
        // What waits as such goes on by itself; what was refused for now has to be said again.
        let then = if code == Code::ApprovalPending { "it is done by itself" } else { "say the same again" };
        return waits.hint(format!("after `countersign approvals approve {case}`, {then}"));
    }
    CliError::new(exit_for(code), code, message)
}
