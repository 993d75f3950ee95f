//! The protocol: from one message to its answer.

use serde_json::{Map, Value, json};
use types::jsonrpc::{Frame, FrameKind, RpcId};

use super::{FRAME_BYTES_MAX, NAME, VERSION, calls, runbooks, tools};
use crate::inventory::Inventory;

/// Are the versions the server speaks, the one it prefers first.
const VERSIONS: [&str; 2] = ["2025-11-25", "2025-06-18"];

const INSTRUCTIONS: &str = "A service inventory: look before you change something, and say why you do.";

const PARSE_ERROR: i32 = -32700;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;
const RESOURCE_NOT_FOUND: i32 = -32002;

/// Is a failure of the protocol, as opposed to one of a tool.
struct RpcError {
    code: i32,
    message: String,
    data: Option<Value>,
}

impl RpcError {
    fn params(message: impl Into<String>) -> Self {
        Self { code: INVALID_PARAMS, message: message.into(), data: None }
    }
}

/// Is one conversation with a client.
#[derive(Debug)]
pub struct Server {
    inventory: Inventory,
    initialized: bool,
    told_poisoned: bool,
}

impl Server {
    /// Begins a conversation.
    pub fn new(inventory: Inventory) -> Self {
        Self { inventory, initialized: false, told_poisoned: false }
    }

    /// Answers one message; what expects no answer gets none.
    pub fn answer(&mut self, line: &[u8]) -> Option<Frame> {
        let Ok(text) = str::from_utf8(line) else {
            return Some(Frame::error(None, PARSE_ERROR, "not UTF-8", None));
        };
        let frame = match Frame::parse(text, FRAME_BYTES_MAX) {
            Ok(frame) => frame,
            Err(error) => return Some(Frame::error(None, error.rpc_code(), &error.to_string(), None)),
        };
        match frame.kind() {
            FrameKind::Request { id, method } => Some(self.respond(id, method, frame.member("params"))),
            FrameKind::Notification { method } => {
                self.initialized |= method == "notifications/initialized";
                None
            }
            FrameKind::Result { .. } | FrameKind::Error { .. } => None,
        }
    }

    /// Returns `tools/list_changed` once after each change of the list, from `notifications/initialized` on.
    pub fn announcement(&mut self) -> Option<Frame> {
        let poisoned = self.is_poisoned();
        if !self.initialized || poisoned == self.told_poisoned {
            return None;
        }
        self.told_poisoned = poisoned;
        Some(Frame::notification("notifications/tools/list_changed", None))
    }

    /// A list that cannot be read has not changed.
    fn is_poisoned(&self) -> bool {
        self.inventory.is_poisoned().unwrap_or(self.told_poisoned)
    }

    fn respond(&mut self, id: &RpcId, method: &str, params: Option<&str>) -> Frame {
        match params_of(params).and_then(|params| self.result(method, &params)) {
            Ok(result) => Frame::result(id, &result.to_string()),
            Err(RpcError { code, message, data }) => {
                Frame::error(Some(id), code, &message, data.map(|data| data.to_string()).as_deref())
            }
        }
    }

    fn result(&mut self, method: &str, params: &Map<String, Value>) -> Result<Value, RpcError> {
        match method {
            "initialize" => self.initialize(params),
            "ping" => Ok(json!({})),
            "tools/list" => whole(params, json!({ "tools": tools::list(self.is_poisoned()) })),
            "tools/call" => self.call(params),
            "resources/list" => whole(params, json!({ "resources": runbooks::list() })),
            "resources/templates/list" => whole(params, json!({ "resourceTemplates": [] })),
            "resources/read" => read(params),
            unknown => {
                let message = format!("unknown method `{}`", types::text::escape(unknown, false));
                Err(RpcError { code: METHOD_NOT_FOUND, message, data: None })
            }
        }
    }

    fn initialize(&mut self, params: &Map<String, Value>) -> Result<Value, RpcError> {
        let asked = text(params, "protocolVersion")?;
        let [newest, ..] = VERSIONS;
        let version = VERSIONS.into_iter().find(|version| *version == asked).unwrap_or(newest);
        self.told_poisoned = self.is_poisoned();
        Ok(json!({
            "protocolVersion": version,
            "capabilities": { "tools": { "listChanged": true }, "resources": {} },
            "serverInfo": { "name": NAME, "version": VERSION, "title": "Service inventory" },
            "instructions": INSTRUCTIONS,
        }))
    }

    fn call(&mut self, params: &Map<String, Value>) -> Result<Value, RpcError> {
        let name = text(params, "name")?;
        let arguments = params.get("arguments").cloned().unwrap_or_else(|| json!({}));
        if !arguments.is_object() {
            return Err(RpcError::params("`arguments` must be an object"));
        }
        let called = calls::call(&mut self.inventory, name, arguments);
        let called =
            called.ok_or_else(|| RpcError::params(format!("unknown tool `{}`", types::text::escape(name, false))))?;
        Ok(match called {
            Ok(said) => json!({ "content": content(&said.text), "structuredContent": said.data, "isError": false }),
            Err(error) => json!({ "content": content(&error.to_string()), "isError": true }),
        })
    }
}

fn content(text: &str) -> Value {
    json!([{ "type": "text", "text": text }])
}

fn params_of(params: Option<&str>) -> Result<Map<String, Value>, RpcError> {
    let Some(text) = params else { return Ok(Map::new()) };
    match types::json::parse(text) {
        Ok(Value::Object(params)) => Ok(params),
        Ok(_) => Err(RpcError::params("`params` must be an object")),
        Err(error) => Err(RpcError::params(error.to_string())),
    }
}

fn text<'a>(params: &'a Map<String, Value>, name: &str) -> Result<&'a str, RpcError> {
    let text = params.get(name).and_then(Value::as_str);
    text.ok_or_else(|| RpcError::params(format!("`{name}` must be a string")))
}

/// Answers with a list that has one page, and so no cursor that leads to another.
fn whole(params: &Map<String, Value>, list: Value) -> Result<Value, RpcError> {
    if params.contains_key("cursor") { Err(RpcError::params("unknown cursor")) } else { Ok(list) }
}

fn read(params: &Map<String, Value>) -> Result<Value, RpcError> {
    let uri = text(params, "uri")?;
    let not_found = || RpcError {
        code: RESOURCE_NOT_FOUND,
        message: "there is no such runbook".to_owned(),
        data: Some(json!({ "uri": uri })),
    };
    runbooks::read(uri).map(|contents| json!({ "contents": [contents] })).ok_or_else(not_found)
}
