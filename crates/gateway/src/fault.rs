//! How a request fails: as a JSON-RPC error, or as a tool result that says so.

use control::door::{CaseRef, Era, Refusal};
use serde_json::{Value, json};
use types::jsonrpc::{Frame, FrameError, RpcId};
use types::{Code, JsonError};

/// Names our own member of `_meta` that carries a refusal to machines.
pub(crate) const REFUSAL_KEY: &str = "countersign.dev/refusal";

/// Says how an agent that will do several such actions has people asked once.
const MAY_ASK: &str = "to do several such actions, ask for a permission once: POST /v1/permission-requests";

/// Is the JSON-RPC error number of a refusal.
const REFUSED: i32 = -32001;

/// Is why a request gets no result.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// The JSON-RPC error number.
    pub(crate) rpc: i32,
    /// The sentence for people.
    pub(crate) message: String,
    /// What machines read.
    pub(crate) data: Option<Value>,
    /// The HTTP status, where the transport has one.
    pub(crate) status: u16,
    /// The refusal it comes from.
    pub(crate) refusal: Option<Box<Refusal>>,
}

impl Fault {
    /// Builds a fault with a stable code as its data.
    pub(crate) fn new(rpc: i32, status: u16, code: Code, message: impl Into<String>) -> Self {
        let data = Some(json!({ "code": code.as_str() }));
        Self { rpc, message: message.into(), data, status, refusal: None }
    }

    /// Says that the params do not fit the method.
    pub(crate) fn params(message: impl Into<String>) -> Self {
        Self::new(-32602, 200, Code::RequestInvalid, message)
    }

    /// Says that a method is not served.
    pub(crate) fn method(method: &str) -> Self {
        let shown: String = types::text::escape(method, false).chars().take(64).collect();
        Self::new(-32601, 404, Code::McpMethodRefused, format!("the method `{shown}` is refused by the gateway"))
    }

    /// Says that a text from a client is no message.
    pub(crate) fn frame(error: &FrameError) -> Self {
        let code = error.code();
        let message = match error {
            FrameError::Json(JsonError::Malformed(_)) => "not valid JSON".to_owned(),
            other => other.to_string(),
        };
        let status = if code == Code::PayloadTooLarge { 413 } else { 400 };
        Self::new(error.rpc_code(), status, code, message)
    }

    /// Says that a message is longer than the listener accepts.
    pub(crate) fn too_large() -> Self {
        Self::new(-32600, 413, Code::PayloadTooLarge, "the message is longer than this listener accepts")
    }

    /// Says that an upstream server answered what cannot be read.
    pub(crate) fn upstream(message: &str) -> Self {
        Refusal::plain(Code::UpstreamInvalid, message).into()
    }

    /// Writes the JSON-RPC error; without an id the member is left out, as MCP has it.
    pub(crate) fn to_frame(&self, id: Option<&RpcId>) -> Frame {
        let data = self.data.as_ref().map(Value::to_string);
        let frame = Frame::error(id, self.rpc, &self.message, data.as_deref());
        if id.is_some() {
            return frame;
        }
        let bare = format!(r#"{{"jsonrpc":"2.0","error":{}}}"#, frame.member("error").unwrap_or("{}"));
        Frame::parse(bare, usize::MAX).unwrap_or(frame)
    }

    /// Writes the answer to a `tools/call`: a refusal is a result the model can read, all else an error.
    pub(crate) fn to_tool_frame(&self, id: &RpcId, era: Era) -> Frame {
        match &self.refusal {
            Some(refusal) => Frame::result(id, &tool_result(refusal, era).to_string()),
            None => self.to_frame(Some(id)),
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let rpc = match refusal.code {
            Code::McpMethodRefused => -32601,
            Code::McpIdReplayed => -32600,
            _ => REFUSED,
        };
        let status = if rpc == -32601 { 404 } else { 200 };
        let data = Some(machine(&refusal));
        Self { rpc, message: refusal.message.clone(), data, status, refusal: Some(Box::new(refusal)) }
    }
}

/// Says that a call awaits people and where.
pub(crate) fn pending(case: CaseRef) -> Refusal {
    let message = "people must approve this action first; repeat the identical call after approval";
    Refusal { case: Some(case), ..Refusal::plain(Code::ApprovalPending, message) }
}

/// Writes a refusal for machines.
pub(crate) fn machine(refusal: &Refusal) -> Value {
    let mut data = json!({ "code": refusal.code.as_str() });
    let mut add = |name: &str, value: Value| {
        if let Some(object) = data.as_object_mut() {
            object.insert(name.to_owned(), value);
        }
    };
    if let Some(action) = &refusal.action {
        add("action", json!(action));
    }
    if !refusal.findings.is_empty() {
        add("findings", json!(refusal.findings));
    }
    if let Some(case) = &refusal.case {
        add("case", json!({ "id": case.id, "url": case.url, "expires": case.expires.0 }));
        if case.may_ask {
            add("hint", json!(MAY_ASK));
        }
    }
    data
}

fn tool_result(refusal: &Refusal, era: Era) -> Value {
    let mut result = json!({
        "content": [{ "type": "text", "text": sentence(refusal) }],
        "isError": true,
        "_meta": { REFUSAL_KEY: machine(refusal) },
    });
    if let (Era::Stateless, Some(object)) = (era, result.as_object_mut()) {
        object.insert("resultType".to_owned(), json!("complete"));
    }
    result
}

fn sentence(refusal: &Refusal) -> String {
    let mut lines = vec![format!("Refused by Countersign ({}): {}", refusal.code, refusal.message)];
    lines.extend(refusal.findings.iter().map(|f| format!("- {} ({}): {}", f.stage, f.code, f.detail)));
    if let Some(case) = &refusal.case {
        lines.push(format!("Case {}: {}", case.id, case.url));
        if case.may_ask {
            lines.push(format!("Hint: {MAY_ASK}"));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Finding, Restriction, Stage};

    fn refusal() -> Refusal {
        let finding = Finding::new(Stage::Policy, Restriction::Deny, Code::PolicyForbids, "no deletes", "p1");
        Refusal { findings: vec![finding], ..Refusal::plain(Code::PolicyForbids, "a policy forbids it") }
    }

    #[test]
    fn a_refused_tool_call_is_a_result_without_structured_content() {
        let frame = Fault::from(refusal()).to_tool_frame(&RpcId::number(1), Era::Stateless);
        let result: Value = serde_json::from_str(frame.member("result").unwrap()).unwrap();
        assert_eq!(result["isError"], true);
        assert_eq!(result["resultType"], "complete");
        assert_eq!(result["_meta"][REFUSAL_KEY]["code"], "policy-forbids");
        assert!(result.get("structuredContent").is_none());
        assert!(result["content"][0]["text"].as_str().unwrap().contains("no deletes"));
    }

    #[test]
    fn who_waits_for_people_learns_how_to_ask_for_more_at_once() {
        for may_ask in [true, false] {
            let id = types::CaseId::draw(types::Millis(1), [2; 10]);
            let case = CaseRef { id, url: "https://gate.example/c".into(), expires: types::Millis(9), may_ask };
            let frame = Fault::from(pending(case)).to_tool_frame(&RpcId::number(1), Era::Stateful);
            let result: Value = serde_json::from_str(frame.member("result").unwrap()).unwrap();
            assert_eq!(result["_meta"][REFUSAL_KEY].get("hint").is_some(), may_ask);
            let text = result["content"][0]["text"].as_str().unwrap();
            assert_eq!(text.contains("POST /v1/permission-requests"), may_ask, "{text}");
        }
    }

    #[test]
    fn an_error_without_id_leaves_the_member_out() {
        let frame = Fault::new(-32700, 400, Code::JsonMalformed, "x").to_frame(None);
        assert_eq!(
            frame.text(),
            r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"x","data":{"code":"json-malformed"}}}"#
        );
    }
}
