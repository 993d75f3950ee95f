//! Translation between the two eras of the protocol: what a client of one says, put so that a server of the other
//! understands it, and back. Pure; the page `docs/reference/mcp-translation.md` says what is carried and what is not.

use control::door::Era;
use serde_json::{Map, Value, json};
use types::jsonrpc::Frame;

use crate::envelope::{CAPABILITIES_KEY, CLIENT_KEY, LEVEL_KEY, SERVER_KEY, STATEFUL, STATELESS, VERSION_KEY};
use crate::fault::Fault;
use crate::methods::{Direction, Kind, Treatment, treatment};
use crate::raw::{RawObject, quote};

/// Are the members of a result that only the stateless era knows.
const STATELESS_MEMBERS: [&str; 3] = ["resultType", "ttlMs", "cacheScope"];

/// Says whether a request has a counterpart in the server's era.
///
/// # Errors
///
/// -32601 if it has none: tasks of the two eras differ on the wire, and some methods exist in one alone.
pub(crate) fn admits(server: Era, method: &str) -> Result<(), Fault> {
    let known = treatment(server, Direction::ClientToServer, Kind::Request, method) != Treatment::Refused;
    if known && !method.starts_with("tasks/") { Ok(()) } else { Err(Fault::method(method)) }
}

/// Says whether a notification from a server means the same to a client of the other era.
pub(crate) fn passes(client: Era, method: &str) -> bool {
    if client == Era::Stateless {
        // All else goes to the streams that asked for it, or was asked for in a way this era does not have.
        return method == "notifications/progress";
    }
    // What a session listens to takes the acknowledgement in.
    let known = treatment(client, Direction::ServerToClient, Kind::Notification, method) == Treatment::Relayed
        || method == "notifications/subscriptions/acknowledged";
    known && method != "notifications/cancelled"
}

/// Puts a request of a session so that it stands for itself.
///
/// - `initialize`: the params the session began with.
/// - `level`: the log level the client has set, as JSON text.
pub(crate) fn request_to_stateless(request: &Frame, initialize: &str, level: Option<&str>) -> Frame {
    let session = RawObject::parse(initialize).unwrap_or_default();
    let mut params = request.member("params").and_then(RawObject::parse).unwrap_or_default();
    params.remove("task");
    let mut meta = params.object("_meta").unwrap_or_default();
    meta.set(VERSION_KEY, &quote(STATELESS));
    meta.set(CAPABILITIES_KEY, &client_capabilities(&session).text());
    if let Some(info) = session.get("clientInfo") {
        meta.set(CLIENT_KEY, info);
    }
    if let Some(level) = level {
        meta.set(LEVEL_KEY, level);
    }
    params.set("_meta", &meta.text());
    request.with_member("params", &params.text())
}

/// Returns what a client of a session can do, as the stateless era writes it; tasks differ and are left out.
fn client_capabilities(session: &RawObject) -> RawObject {
    let mut capabilities = session.object("capabilities").unwrap_or_default();
    capabilities.retain(|key| matches!(key, "sampling" | "elicitation" | "roots" | "experimental"));
    if capabilities.get("roots").is_some() {
        capabilities.set("roots", "{}");
    }
    capabilities
}

/// Puts a request that stands for itself so that a session understands it.
pub(crate) fn request_to_stateful(request: &Frame) -> Frame {
    let mut params = request.member("params").and_then(RawObject::parse).unwrap_or_default();
    if let Some(mut meta) = params.object("_meta") {
        meta.retain(|key| ![VERSION_KEY, CAPABILITIES_KEY, CLIENT_KEY, LEVEL_KEY].contains(&key));
        if meta.is_empty() {
            params.remove("_meta");
        } else {
            params.set("_meta", &meta.text());
        }
    }
    params.retain(|key| key != "inputResponses" && key != "requestState");
    request.with_member("params", &params.text())
}

/// Puts an answer so that a client of that era understands it.
///
/// # Errors
///
/// `upstream-invalid` if a result has a type that has no counterpart.
pub(crate) fn answer(client: Era, method: &str, answer: Frame) -> Result<Frame, Fault> {
    if let Some(error) = answer.member("error").and_then(RawObject::parse) {
        return Ok(answer.with_member("error", &error_for(client, error).text()));
    }
    let Some(result) = answer.member("result").and_then(RawObject::parse) else { return Ok(answer) };
    let result = match client {
        Era::Stateful => result_for_stateful(result)?,
        Era::Stateless => result_for_stateless(method, result),
    };
    Ok(answer.with_member("result", &result.text()))
}

fn error_for(client: Era, mut error: RawObject) -> RawObject {
    let code = match (client, error.get("code")) {
        // Resource not found.
        (Era::Stateless, Some("-32002")) => Some("-32602"),
        // A page to visit first; the stateless era asks inside a result, and never with this number.
        (Era::Stateless, Some("-32042")) => Some("-32603"),
        // Complaints about what the gateway said of the client are none of the client's.
        (Era::Stateful, Some("-32020" | "-32021" | "-32022")) => Some("-32603"),
        _ => None,
    };
    if let Some(code) = code {
        error.set("code", code);
    }
    error
}

fn result_for_stateful(mut result: RawObject) -> Result<RawObject, Fault> {
    match result.string("resultType").as_deref() {
        None | Some("complete") => {}
        // The session asks the client itself, and calls again.
        Some("input_required") => return Ok(result),
        Some(_) => {
            return Err(Fault::upstream("the server answered with a type of result that this client cannot read"));
        }
    }
    result.retain(|key| !STATELESS_MEMBERS.contains(&key));
    if let Some(mut meta) = result.object("_meta") {
        meta.remove(SERVER_KEY);
        if meta.is_empty() {
            result.remove("_meta");
        } else {
            result.set("_meta", &meta.text());
        }
    }
    Ok(result)
}

fn result_for_stateless(method: &str, mut result: RawObject) -> RawObject {
    result.set("resultType", "\"complete\"");
    if method.ends_with("/list") || method == "resources/read" {
        result.set("ttlMs", "0");
        result.set("cacheScope", "\"private\"");
    }
    result
}

/// Puts what a server says of itself so that a client of that era understands it.
///
/// - `requested`: the version a client of a session asked for.
pub(crate) fn hello(client: Era, hello: &str, requested: &str) -> String {
    let theirs: Value = serde_json::from_str(hello).unwrap_or_default();
    let mut result = Map::new();
    result.insert("capabilities".to_owned(), server_capabilities(&theirs));
    if let Some(text) = theirs.get("instructions") {
        result.insert("instructions".to_owned(), text.clone());
    }
    match client {
        Era::Stateful => {
            let [newest, ..] = STATEFUL;
            let version = if STATEFUL.contains(&requested) { requested } else { newest };
            let named = theirs.get("_meta").and_then(|meta| meta.get(SERVER_KEY)).cloned();
            result.insert("protocolVersion".to_owned(), json!(version));
            result.insert("serverInfo".to_owned(), named.unwrap_or_else(crate::envelope::implementation));
        }
        Era::Stateless => {
            let named = theirs.get("serverInfo").cloned().unwrap_or_else(crate::envelope::implementation);
            result.insert("resultType".to_owned(), json!("complete"));
            result.insert("supportedVersions".to_owned(), json!([STATELESS]));
            result.insert("ttlMs".to_owned(), json!(0));
            result.insert("cacheScope".to_owned(), json!("private"));
            result.insert("_meta".to_owned(), json!({ SERVER_KEY: named }));
        }
    }
    Value::Object(result).to_string()
}

/// Returns what of a server's abilities survives translation: no tasks, no extensions.
fn server_capabilities(theirs: &Value) -> Value {
    let known = ["tools", "prompts", "resources", "completions", "logging"];
    let declared = theirs.get("capabilities").and_then(Value::as_object);
    let kept = declared.into_iter().flatten().filter(|(name, _)| known.contains(&name.as_str()));
    Value::Object(kept.map(|(name, ability)| (name.clone(), told(ability))).collect())
}

/// Returns of one ability what it tells of.
fn told(ability: &Value) -> Value {
    let tells = |name: &&str| ability.get(*name) == Some(&Value::Bool(true));
    let told = ["listChanged", "subscribe"].into_iter().filter(tells);
    Value::Object(told.map(|name| (name.to_owned(), json!(true))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Frame {
        Frame::parse(text, 1 << 20).unwrap()
    }

    #[test]
    fn a_request_gains_what_the_session_knows() {
        let initialize =
            r#"{"capabilities":{"roots":{"listChanged":true},"tasks":{},"elicitation":{}},"clientInfo":{"name":"c"}}"#;
        let call = frame(
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","task":{},"_meta":{"progressToken":1}}}"#,
        );
        let translated = request_to_stateless(&call, initialize, Some("\"info\""));
        let expected = r#"{"name":"t","_meta":{"progressToken":1,"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{},"elicitation":{}},"io.modelcontextprotocol/clientInfo":{"name":"c"},"io.modelcontextprotocol/logLevel":"info"}}"#;
        assert_eq!(translated.member("params"), Some(expected));
        let back = request_to_stateful(&translated);
        assert_eq!(back.member("params"), Some(r#"{"name":"t","_meta":{"progressToken":1}}"#));
    }

    #[test]
    fn results_gain_and_lose_what_one_era_alone_knows() {
        let modern = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","tools":[1.0],"ttlMs":5,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{}}}}"#;
        let legacy = answer(Era::Stateful, "tools/list", frame(modern)).unwrap();
        assert_eq!(legacy.member("result"), Some(r#"{"tools":[1.0]}"#));
        let again = answer(Era::Stateless, "tools/list", legacy).unwrap();
        assert_eq!(
            again.member("result"),
            Some(r#"{"tools":[1.0],"resultType":"complete","ttlMs":0,"cacheScope":"private"}"#)
        );
        let task = frame(r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"task"}}"#);
        assert!(answer(Era::Stateful, "tools/call", task).is_err());
    }

    #[test]
    fn error_numbers_of_one_era_do_not_reach_the_other() {
        let error = |code: i32| Frame::error(None, code, "x", None);
        for (client, from, to) in
            [(Era::Stateless, -32002, "-32602"), (Era::Stateless, -32042, "-32603"), (Era::Stateful, -32021, "-32603")]
        {
            let translated = answer(client, "resources/read", error(from)).unwrap();
            assert!(translated.member("error").unwrap().contains(&format!(r#""code":{to}"#)));
        }
    }

    #[test]
    fn what_has_no_counterpart_is_refused() {
        for (era, method) in [
            (Era::Stateless, "resources/subscribe"),
            (Era::Stateful, "subscriptions/listen"),
            (Era::Stateful, "tasks/get"),
        ] {
            assert!(admits(era, method).is_err(), "{method}");
        }
        assert!(!passes(Era::Stateless, "notifications/elicitation/complete"));
        assert!(passes(Era::Stateful, "notifications/progress"));
    }
}
