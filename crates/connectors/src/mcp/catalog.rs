//! What a server offers, as it says so itself: whole lists, and the digest that pins one tool.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use types::jsonrpc::Frame;
use types::{Digest, JsonError};

use super::connection::Connection;
use super::discover;
use super::error::CallError;
use super::splice;
use super::wiring::{Era, Limits};

/// Bounds how many pages a list may have.
const PAGES_MAX: usize = 1000;

/// Bounds a whole list, as a multiple of the longest frame.
const FRAMES_MAX: usize = 8;

/// Fetches a whole list, page by page, and returns the JSON text of each item as the server wrote it.
///
/// A server that does not know the method has nothing to list.
///
/// - `method`: `tools/list`, `prompts/list`, `resources/list` or `resources/templates/list`.
///
/// # Errors
///
/// [`CallError::NotSent`] for another method; [`CallError::Invalid`] if an answer holds no list, or there are
/// more than 1,000 pages; [`CallError::TooLarge`] beyond 8 frames' worth of items; [`CallError::Timeout`] if a page
/// takes longer than a first answer may by default, 20,000 ms; else what the request met.
pub async fn list_all(connection: &Connection, method: &str) -> Result<Vec<String>, CallError> {
    list_within(connection, method, Duration::from_millis(Limits::default().connect_ms_max)).await
}

async fn list_within(connection: &Connection, method: &str, page_max: Duration) -> Result<Vec<String>, CallError> {
    let member = member_of(method).ok_or_else(|| CallError::NotSent("it is no list".into()))?;
    // A handle of its own: whatever ids the clients of this connection use, ours are told from them.
    let connection = &connection.share();
    let bytes_max = connection.frame_bytes_max().saturating_mul(FRAMES_MAX);
    let (mut items, mut cursor, mut bytes) = (Vec::new(), None, 0usize);
    for _ in 0..PAGES_MAX {
        let page = tokio::time::timeout(page_max, fetch(connection, method, cursor.as_deref())).await;
        let Some(page) = page.map_err(|_| CallError::Timeout)?? else { return Ok(items) };
        bytes = bytes.saturating_add(page.len());
        if bytes > bytes_max {
            return Err(CallError::TooLarge { bytes_max });
        }
        items.extend(items_in(&page, member)?);
        // An empty cursor is a cursor: only absence ends the list.
        match splice::at(&page, &["nextCursor"]).map_err(|e| CallError::Invalid(e.to_string()))? {
            None | Some("null") => return Ok(items),
            Some(next) => cursor = Some(next.to_owned()),
        }
    }
    Err(CallError::Invalid(format!("its list has more than {PAGES_MAX} pages")))
}

fn member_of(method: &str) -> Option<&'static str> {
    match method {
        "tools/list" => Some("tools"),
        "prompts/list" => Some("prompts"),
        "resources/list" => Some("resources"),
        "resources/templates/list" => Some("resourceTemplates"),
        _ => None,
    }
}

async fn fetch(connection: &Connection, method: &str, cursor: Option<&str>) -> Result<Option<String>, CallError> {
    let meta = (connection.era() == Era::Stateless).then(|| format!("\"_meta\":{}", discover::meta()));
    let members: Vec<String> = meta.into_iter().chain(cursor.map(|c| format!("\"cursor\":{c}"))).collect();
    let request = Frame::request(&connection.own_id(), method, Some(&format!("{{{}}}", members.join(","))));
    // Progress was not asked for.
    let (events, _) = mpsc::channel(1);
    let answer = connection.request(request, Vec::new(), events).await?;
    let Some(error) = answer.member("error") else { return Ok(answer.member("result").map(str::to_owned)) };
    if splice::at(error, &["code"]) == Ok(Some("-32601")) {
        return Ok(None);
    }
    let message = splice::text_at(error, &["message"]).unwrap_or_default();
    Err(CallError::Invalid(format!("it answers `{method}` with an error: {}", types::text::escape(&message, false))))
}

fn items_in(page: &str, member: &str) -> Result<Vec<String>, CallError> {
    let list = splice::at(page, &[member]).map_err(|e| CallError::Invalid(e.to_string()))?;
    list.and_then(splice::items).ok_or_else(|| CallError::Invalid(format!("its answer has no list `{member}`")))
}

/// Computes the digest that pins a tool: over all of its definition but `_meta`, and the server's identity.
///
/// - `server_identity`: `name/version`, as [`Connection::identity`] gives it.
/// - `tool_json`: the tool object as the server lists it.
///
/// # Errors
///
/// [`JsonError`] if the tool is not a strict JSON object.
pub fn definition_digest(server_identity: &str, tool_json: &str) -> Result<Digest, JsonError> {
    let Value::Object(mut tool) = types::json::parse(tool_json)? else { return Err(JsonError::NotAnObject) };
    tool.remove("_meta");
    let pinned = serde_json::json!({ "identity": server_identity, "tool": tool });
    Ok(Digest::of("countersign/tool/1", types::json::canonical(&pinned).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::connection::connect_stateful;
    use super::super::wiring::Wiring;
    use super::*;

    #[tokio::test]
    async fn a_server_that_does_not_list_is_not_waited_for() {
        let hello = r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}}}"#;
        let script = format!(
            r#"read -r line; id=${{line#*\"id\":}}; echo '{hello}' | sed "s/\"id\":0/\"id\":${{id%%,*}}/"; cat >/dev/null"#
        );
        let wiring = Wiring {
            command: ["sh", "-c", &script].map(str::to_owned).to_vec(),
            env: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
            ..Wiring::default()
        };
        let params = r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}"#;
        let connection = connect_stateful(&wiring, params, &Limits::default()).await.unwrap();
        let listed = list_within(&connection, "tools/list", Duration::from_millis(100));
        let listed = tokio::time::timeout(Duration::from_secs(10), listed).await;
        assert_eq!(listed, Ok(Err(CallError::Timeout)));
    }

    #[test]
    fn a_digest_changes_with_what_matters_and_nothing_else() {
        let digest = |identity: &str, tool: &str| definition_digest(identity, tool).unwrap();
        let pinned = digest("s/1", r#"{"name":"a","description":"b","inputSchema":{"type":"object"}}"#);
        let same = r#"{ "inputSchema":{"type":"object"}, "description":"b", "name":"\u0061", "_meta":{"x":1}}"#;
        assert_eq!(digest("s/1", same), pinned);
        assert_ne!(digest("s/2", same), pinned);
        for other in [
            r#"{"name":"a","description":"B","inputSchema":{"type":"object"}}"#,
            r#"{"name":"a","description":"b","inputSchema":{"type":"object"},"annotations":{}}"#,
            r#"{"name":"a","description":"b","inputSchema":{"type":"object","_meta":{}}}"#,
        ] {
            assert_ne!(digest("s/1", other), pinned, "{other}");
        }
    }

    #[test]
    fn a_digest_has_the_documented_bytes() {
        let expected = Digest::of("countersign/tool/1", br#"{"identity":"s/1","tool":{"name":"a"}}"#);
        assert_eq!(definition_digest("s/1", r#"{"name":"a"}"#), Ok(expected));
    }

    #[test]
    fn what_is_not_one_strict_object_has_no_digest() {
        assert_eq!(definition_digest("s", "[]"), Err(JsonError::NotAnObject));
        assert_eq!(definition_digest("s", r#"{"a":1,"a":2}"#), Err(JsonError::DuplicateKey("a".into())));
    }
}
