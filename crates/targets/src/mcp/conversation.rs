//! The protocol: from one message to its answer.

use serde_json::{Map, Value, json};
use types::Code;
use types::jsonrpc::{Frame, FrameKind, RpcId};

use super::{FRAME_BYTES_MAX, Failed, Tools};

/// Are the versions that are spoken, the one preferred first.
const VERSIONS: [&str; 2] = ["2025-11-25", "2025-06-18"];

const PARSE_ERROR: i32 = -32700;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;

/// Is a failure of the protocol, as opposed to one of a tool.
enum RpcError {
    /// It is answered.
    Said { code: i32, message: String },
    /// Nobody knows whether a call took effect, so there is no answer.
    InDoubt(Failed),
}

impl RpcError {
    fn params(message: impl Into<String>) -> Self {
        Self::Said { code: INVALID_PARAMS, message: message.into() }
    }
}

/// Is one conversation with a client.
#[derive(Debug)]
pub struct Conversation<T> {
    tools: T,
}

impl<T: Tools> Conversation<T> {
    /// Begins a conversation.
    pub fn new(tools: T) -> Self {
        Self { tools }
    }

    /// Answers one message; what expects no answer gets none.
    ///
    /// # Errors
    ///
    /// If nobody knows whether a call took effect: whoever asked must learn that from the silence.
    pub fn answer(&mut self, line: &[u8]) -> Result<Option<Frame>, Failed> {
        let Ok(text) = str::from_utf8(line) else {
            return Ok(Some(Frame::error(None, PARSE_ERROR, "not UTF-8", None)));
        };
        let frame = match Frame::parse(text, FRAME_BYTES_MAX) {
            Ok(frame) => frame,
            Err(error) => return Ok(Some(Frame::error(None, error.rpc_code(), &error.to_string(), None))),
        };
        match frame.kind() {
            FrameKind::Request { id, method } => self.respond(id, method, frame.member("params")).map(Some),
            FrameKind::Notification { .. } | FrameKind::Result { .. } | FrameKind::Error { .. } => Ok(None),
        }
    }

    fn respond(&mut self, id: &RpcId, method: &str, params: Option<&str>) -> Result<Frame, Failed> {
        match params_of(params).and_then(|params| self.result(method, &params)) {
            Ok(result) => Ok(Frame::result(id, &result.to_string())),
            Err(RpcError::Said { code, message }) => Ok(Frame::error(Some(id), code, &message, None)),
            Err(RpcError::InDoubt(failed)) => Err(failed),
        }
    }

    fn result(&mut self, method: &str, params: &Map<String, Value>) -> Result<Value, RpcError> {
        match method {
            "initialize" => self.initialize(params),
            "ping" => Ok(json!({})),
            "tools/list" if params.contains_key("cursor") => Err(RpcError::params("unknown cursor")),
            "tools/list" => Ok(json!({ "tools": self.tools.list() })),
            "tools/call" => self.call(params),
            unknown => {
                let message = format!("unknown method `{}`", types::text::escape(unknown, false));
                Err(RpcError::Said { code: METHOD_NOT_FOUND, message })
            }
        }
    }

    fn initialize(&self, params: &Map<String, Value>) -> Result<Value, RpcError> {
        let asked = text(params, "protocolVersion")?;
        let [newest, ..] = VERSIONS;
        let version = VERSIONS.into_iter().find(|version| *version == asked).unwrap_or(newest);
        Ok(json!({
            "protocolVersion": version,
            "capabilities": { "tools": {} },
            "serverInfo": { "name": self.tools.name(), "version": env!("CARGO_PKG_VERSION") },
            "instructions": self.tools.instructions(),
        }))
    }

    fn call(&mut self, params: &Map<String, Value>) -> Result<Value, RpcError> {
        let name = text(params, "name")?;
        let arguments = params.get("arguments").cloned().unwrap_or_else(|| json!({}));
        if !arguments.is_object() {
            return Err(RpcError::params("`arguments` must be an object"));
        }
        let called = self.tools.call(name, arguments);
        let called =
            called.ok_or_else(|| RpcError::params(format!("unknown tool `{}`", types::text::escape(name, false))))?;
        Ok(match called {
            Ok(said) => json!({ "content": content(&said.text), "structuredContent": said.data, "isError": false }),
            Err(failed) if failed.code == Code::InDoubt => return Err(RpcError::InDoubt(failed)),
            Err(failed) => json!({ "content": content(&failed.to_string()), "isError": true }),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::mcp::{Failed, Said, serve};

    struct Echo;

    impl Tools for Echo {
        fn name(&self) -> &str {
            "echo"
        }
        fn instructions(&self) -> &str {
            "say it"
        }
        fn list(&self) -> Vec<Value> {
            vec![json!({ "name": "say", "inputSchema": { "type": "object" } })]
        }
        fn call(&mut self, name: &str, arguments: Value) -> Option<Result<Said, Failed>> {
            let failed = || Failed { code: Code::NotFound, message: "nothing to say".to_owned() };
            let said = arguments.get("text").cloned().ok_or_else(failed);
            (name == "say").then(|| said.map(|text| Said { text: text.to_string(), data: json!({ "text": text }) }))
        }
    }

    #[test]
    fn each_line_is_answered_in_its_turn() {
        let lines = [
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2020-01-01"}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            "no message",
            r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"say","arguments":{"text":"a"}}}"#,
            r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"say"}}"#,
            r#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"shout"}}"#,
            r#"{"jsonrpc":"2.0","id":5,"method":"resources/list"}"#,
        ];
        let mut output = Vec::new();
        serve(Echo, lines.join("\n").as_bytes(), &mut output).unwrap();
        let answers: Vec<Value> =
            String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let at = |n: usize, pointer: &str| answers[n].pointer(pointer).cloned();
        assert_eq!(answers.len(), 6);
        assert_eq!(at(0, "/result/protocolVersion"), Some(json!("2025-11-25")));
        assert_eq!(at(1, "/error/code"), Some(json!(-32700)));
        assert_eq!(at(2, "/result/structuredContent/text"), Some(json!("a")));
        assert_eq!(at(3, "/result/isError"), Some(json!(true)));
        assert_eq!(at(3, "/result/content/0/text"), Some(json!("not-found: nothing to say")));
        assert_eq!((at(4, "/error/code"), at(5, "/error/code")), (Some(json!(-32602)), Some(json!(-32601))));
    }
}
