//! JSON-RPC 2.0 frames as MCP carries them: read only as far as needed, relayed as they came.
//!
//! A frame keeps its text. A relay that decodes into types and encodes again loses the fields it does
//! not know; this one looks at `id`, `method`, `params`, `result` and `error`, and passes the text on.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::json::JsonError;

/// Is a request id: a string or an integer, kept as its JSON text so that `1` and `"1"` stay apart.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RpcId(String);

impl RpcId {
    /// Builds an id from a number.
    pub fn number(n: u64) -> Self {
        Self(n.to_string())
    }

    /// Builds an id from a text.
    pub fn text(text: &str) -> Self {
        Self(serde_json::Value::String(text.to_owned()).to_string())
    }

    /// Reads an id from its JSON text; `null`, fractions and structures are refused.
    pub fn from_json(json: &str) -> Option<Self> {
        let value: serde_json::Value = serde_json::from_str(json).ok()?;
        let sound = value.is_string() || value.is_i64() || value.is_u64();
        sound.then(|| Self(value.to_string()))
    }

    /// Returns the JSON text.
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RpcId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RpcId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RpcId({})", self.0)
    }
}

/// Says what a frame is, as far as a relay needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameKind {
    /// A call that expects an answer.
    Request {
        /// The caller's id.
        id: RpcId,
        /// The method's name.
        method: String,
    },
    /// A call that expects none.
    Notification {
        /// The method's name.
        method: String,
    },
    /// A successful answer.
    Result {
        /// The id of the request it answers.
        id: RpcId,
    },
    /// A failed answer; the id is absent where the request could not be read.
    Error {
        /// The id of the request it answers, unless that could not be read.
        id: Option<RpcId>,
    },
}

/// Says why a text is not a JSON-RPC frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The text is not acceptable JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The text is an array; MCP has had no batches since 2025-06-18.
    #[error("batches of messages are not part of this protocol")]
    Batch,
    /// The text is JSON, but no JSON-RPC 2.0 message.
    #[error("not a JSON-RPC 2.0 message: {0}")]
    NotAMessage(&'static str),
}

impl FrameError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> crate::Code {
        match self {
            Self::Json(error) => error.code(),
            Self::Batch | Self::NotAMessage(_) => crate::Code::McpFrameInvalid,
        }
    }

    /// Returns the JSON-RPC error number: -32700 for what is not JSON, -32600 for what is no message.
    pub fn rpc_code(&self) -> i32 {
        match self {
            Self::Json(JsonError::Malformed(_)) => -32700,
            _ => -32600,
        }
    }
}

/// Is one JSON-RPC message: its exact text, and what the relay has read of it.
#[derive(Debug, Clone)]
pub struct Frame {
    kind: FrameKind,
    fields: BTreeMap<String, Box<RawValue>>,
    text: String,
}

struct Fields(BTreeMap<String, Box<RawValue>>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Fields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if fields.insert(key, value).is_some() {
                        return Err(A::Error::custom("a key appears twice"));
                    }
                }
                Ok(Fields(fields))
            }
        }
        d.deserialize_map(Reader)
    }
}

impl Frame {
    /// Reads one message, refusing batches, duplicate members and texts longer than `bytes_max`.
    ///
    /// # Errors
    ///
    /// [`FrameError`], as described there.
    pub fn parse(text: impl Into<String>, bytes_max: usize) -> Result<Self, FrameError> {
        let text = text.into();
        if text.len() > bytes_max {
            return Err(JsonError::TooLarge { bytes: text.len(), bytes_max }.into());
        }
        if text.trim_start().starts_with('[') {
            return Err(FrameError::Batch);
        }
        let fields = match serde_json::from_str::<Fields>(&text) {
            Ok(Fields(fields)) => fields,
            Err(error) if error.is_data() => return Err(data_error(&text, &error)),
            Err(error) => return Err(JsonError::Malformed(error.to_string()).into()),
        };
        let kind = kind_of(&fields)?;
        Ok(Self { kind, fields, text })
    }

    /// Returns what the frame is.
    pub fn kind(&self) -> &FrameKind {
        &self.kind
    }

    /// Returns the exact text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the method of a request or notification.
    pub fn method(&self) -> Option<&str> {
        match &self.kind {
            FrameKind::Request { method, .. } | FrameKind::Notification { method } => Some(method),
            FrameKind::Result { .. } | FrameKind::Error { .. } => None,
        }
    }

    /// Returns the id of a request or an answer.
    pub fn id(&self) -> Option<&RpcId> {
        match &self.kind {
            FrameKind::Request { id, .. } | FrameKind::Result { id } => Some(id),
            FrameKind::Error { id } => id.as_ref(),
            FrameKind::Notification { .. } => None,
        }
    }

    /// Returns the JSON text of a member such as `params`, `result` or `error`.
    pub fn member(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(|raw| raw.get())
    }

    /// Returns a copy with another id and all else untouched.
    pub fn with_id(&self, id: &RpcId) -> Self {
        self.with_member("id", id.as_json())
    }

    /// Returns a copy in which one member has another JSON text; the rest keeps its own.
    ///
    /// A text that is not JSON leaves the frame as it is: the callers pass what they just serialised.
    pub fn with_member(&self, name: &str, json: &str) -> Self {
        let Ok(raw) = RawValue::from_string(json.to_owned()) else { return self.clone() };
        let mut fields = self.fields.clone();
        fields.insert(name.to_owned(), raw);
        let kind = kind_of(&fields).unwrap_or_else(|_| self.kind.clone());
        let text = write(&fields);
        Self { kind, fields, text }
    }

    /// Builds a request; `params` is JSON text.
    pub fn request(id: &RpcId, method: &str, params: Option<&str>) -> Self {
        Self::build(&[("id", Some(id.as_json())), ("method", Some(&quote(method))), ("params", params)])
    }

    /// Builds a notification; `params` is JSON text.
    pub fn notification(method: &str, params: Option<&str>) -> Self {
        Self::build(&[("method", Some(&quote(method))), ("params", params)])
    }

    /// Builds a successful answer; `result` is JSON text.
    pub fn result(id: &RpcId, result: &str) -> Self {
        Self::build(&[("id", Some(id.as_json())), ("result", Some(result))])
    }

    /// Builds a failed answer; `data` is JSON text.
    pub fn error(id: Option<&RpcId>, code: i32, message: &str, data: Option<&str>) -> Self {
        let tail = data.map(|d| format!(",\"data\":{d}")).unwrap_or_default();
        let error = format!("{{\"code\":{code},\"message\":{}{tail}}}", quote(message));
        Self::build(&[("id", Some(id.map_or("null", RpcId::as_json))), ("error", Some(&error))])
    }

    fn build(members: &[(&str, Option<&str>)]) -> Self {
        let mut fields = BTreeMap::new();
        for (name, json) in members.iter().copied().chain([("jsonrpc", Some("\"2.0\""))]) {
            let raw = json.and_then(|j| RawValue::from_string(j.to_owned()).ok());
            if let Some(raw) = raw {
                fields.insert(name.to_owned(), raw);
            }
        }
        let kind = kind_of(&fields).unwrap_or(FrameKind::Error { id: None });
        let text = write(&fields);
        Self { kind, fields, text }
    }
}

fn quote(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

fn write(fields: &BTreeMap<String, Box<RawValue>>) -> String {
    let members: Vec<String> = fields.iter().map(|(k, v)| format!("{}:{}", quote(k), v.get())).collect();
    format!("{{{}}}", members.join(","))
}

fn data_error(text: &str, error: &serde_json::Error) -> FrameError {
    match crate::json::parse(text) {
        Err(strict) => strict.into(),
        Ok(value) if value.is_object() => JsonError::Malformed(error.to_string()).into(),
        Ok(_) => FrameError::NotAMessage("it is not an object"),
    }
}

fn kind_of(fields: &BTreeMap<String, Box<RawValue>>) -> Result<FrameKind, FrameError> {
    let raw = |name: &str| fields.get(name).map(|v| v.get());
    if raw("jsonrpc") != Some("\"2.0\"") {
        return Err(FrameError::NotAMessage("`jsonrpc` must be \"2.0\""));
    }
    let id = raw("id").map(RpcId::from_json);
    let method = raw("method").map(|m| serde_json::from_str::<String>(m).ok());
    match (method, id, raw("result").is_some(), raw("error").is_some()) {
        (Some(Some(method)), Some(Some(id)), false, false) => Ok(FrameKind::Request { id, method }),
        (Some(Some(method)), None, false, false) => Ok(FrameKind::Notification { method }),
        (Some(None), ..) => Err(FrameError::NotAMessage("`method` must be a string")),
        (None, Some(Some(id)), true, false) => Ok(FrameKind::Result { id }),
        (None, Some(id), false, true) => Ok(FrameKind::Error { id }),
        (None, None, false, true) => Ok(FrameKind::Error { id: None }),
        (_, Some(None), ..) => Err(FrameError::NotAMessage("`id` must be a string or an integer")),
        _ => Err(FrameError::NotAMessage("it is neither a request, a notification nor an answer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Frame, FrameError> {
        Frame::parse(text, 1 << 20)
    }

    #[test]
    fn text_is_kept_to_the_byte() {
        let text = r#"{ "method":"tools/call", "jsonrpc":"2.0","id":"1", "params":{"x": 1.0, "zzz":null} }"#;
        let frame = parse(text).unwrap();
        assert_eq!(frame.text(), text);
        assert_eq!(frame.member("params"), Some(r#"{"x": 1.0, "zzz":null}"#));
        assert_eq!(frame.kind(), &FrameKind::Request { id: RpcId::text("1"), method: "tools/call".into() });
    }

    #[test]
    fn another_id_leaves_the_rest() {
        let frame = parse(r#"{"jsonrpc":"2.0","id":7,"result":{"a": 1.0},"extra":true}"#).unwrap();
        let renamed = frame.with_id(&RpcId::number(9));
        assert_eq!(renamed.id(), Some(&RpcId::number(9)));
        assert_eq!((renamed.member("result"), renamed.member("extra")), (Some(r#"{"a": 1.0}"#), Some("true")));
    }

    #[test]
    fn what_is_no_message_is_refused_with_its_reason() {
        for (text, rpc) in [
            ("{", -32700),
            ("[]", -32600),
            ("3", -32600),
            (r#"{"jsonrpc":"1.0","id":1,"method":"x"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":null,"method":"x"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"x"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1,"method":3}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1,"result":1,"error":{}}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"x"}"#, -32600),
        ] {
            assert_eq!(parse(text).unwrap_err().rpc_code(), rpc, "{text}");
        }
    }

    #[test]
    fn built_frames_parse_as_what_they_are() {
        let id = RpcId::number(1);
        for frame in [
            Frame::request(&id, "ping", None),
            Frame::notification("notifications/initialized", Some("{}")),
            Frame::result(&id, "{}"),
            Frame::error(Some(&id), -32001, "no \"quotes\" break it", Some("{\"a\":1}")),
            Frame::error(None, -32700, "x", None),
        ] {
            assert_eq!(parse(frame.text()).unwrap().kind(), frame.kind());
        }
    }
}
