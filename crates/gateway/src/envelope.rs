//! Protocol versions, and the metadata every request of 2026-07-28 carries.

use serde_json::{Value, json};
use types::Code;
use types::jsonrpc::Frame;

use crate::fault::Fault;
use crate::raw::RawObject;

/// Is the version in which every request stands for itself.
pub(crate) const STATELESS: &str = "2026-07-28";

/// Lists the versions in which a session begins with `initialize`, newest first.
pub(crate) const STATEFUL: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// Is the oldest version of sessions whose clients know tasks.
pub(crate) const TASKS_SINCE: &str = "2025-11-25";

/// Is the oldest version whose clients know events without data.
pub(crate) const PRIMED_SINCE: &str = "2025-11-25";

pub(crate) const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
pub(crate) const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";
pub(crate) const CLIENT_KEY: &str = "io.modelcontextprotocol/clientInfo";
pub(crate) const LEVEL_KEY: &str = "io.modelcontextprotocol/logLevel";
pub(crate) const SERVER_KEY: &str = "io.modelcontextprotocol/serverInfo";

/// Is what a client says of itself with one request, or once with `initialize`.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    /// The protocol version.
    pub(crate) version: String,
    /// What it can do.
    pub(crate) capabilities: RawObject,
    /// Its name, made safe to show; a claim.
    pub(crate) client: String,
}

impl Envelope {
    /// Reads the metadata of a request; `None` if it claims no version.
    ///
    /// # Errors
    ///
    /// -32602 if a required key is missing or malformed, -32022 if the version is not 2026-07-28.
    pub(crate) fn of_request(frame: &Frame) -> Result<Option<Self>, Fault> {
        let Some(meta) = frame.member("params").and_then(RawObject::parse).and_then(|p| p.object("_meta")) else {
            return Ok(None);
        };
        if meta.get(VERSION_KEY).is_none() {
            return Ok(None);
        }
        let version = meta
            .string(VERSION_KEY)
            .ok_or_else(|| missing("`io.modelcontextprotocol/protocolVersion` must be a string"))?;
        let capabilities = meta
            .object(CAPABILITIES_KEY)
            .ok_or_else(|| missing("`_meta` must hold `io.modelcontextprotocol/clientCapabilities`, an object"))?;
        if version != STATELESS {
            return Err(unsupported(&version));
        }
        Ok(Some(Self { version, capabilities, client: label(meta.object(CLIENT_KEY)) }))
    }

    /// Reads what `initialize` says.
    pub(crate) fn of_initialize(params: &RawObject) -> Self {
        Self {
            version: params.string("protocolVersion").unwrap_or_default(),
            capabilities: params.object("capabilities").unwrap_or_default(),
            client: label(params.object("clientInfo")),
        }
    }

    /// Says whether the client can show a page to its user.
    pub(crate) fn elicits_url(&self) -> bool {
        self.capabilities.object("elicitation").is_some_and(|elicitation| elicitation.get("url").is_some())
    }
}

/// Says whether a member of `_meta` is one that every request carries.
pub(crate) fn is_required(key: &str) -> bool {
    [VERSION_KEY, CAPABILITIES_KEY, CLIENT_KEY].contains(&key)
}

/// Returns how the gateway names itself where it speaks for a server.
pub(crate) fn implementation() -> Value {
    json!({ "name": "countersign", "version": env!("CARGO_PKG_VERSION") })
}

/// Says that a request claims neither era.
pub(crate) fn no_era() -> Fault {
    missing(
        "`params._meta` must hold `io.modelcontextprotocol/protocolVersion` and `io.modelcontextprotocol/clientCapabilities`; \
         sessions of earlier versions begin with `initialize`",
    )
}

/// Returns the version that a request claims in its metadata, whether it is served or not.
pub(crate) fn claimed_version(frame: &Frame) -> Option<String> {
    frame.member("params").and_then(RawObject::parse)?.object("_meta")?.string(VERSION_KEY)
}

/// Says that a version is not served to requests that stand for themselves; earlier ones begin with `initialize`.
pub(crate) fn unsupported(requested: &str) -> Fault {
    let requested: String = requested.chars().take(64).collect();
    let supported = [STATELESS];
    let code = Code::McpVersionUnsupported;
    let data = json!({ "supported": supported, "requested": requested, "code": code.as_str() });
    Fault { data: Some(data), ..Fault::new(-32022, 400, code, "unsupported protocol version") }
}

fn missing(message: &str) -> Fault {
    Fault::new(-32602, 400, Code::RequestInvalid, message)
}

fn label(info: Option<RawObject>) -> String {
    let name = info.and_then(|info| info.string("name")).unwrap_or_else(|| "unknown".to_owned());
    types::text::escape(&name, false).chars().take(128).collect()
}
