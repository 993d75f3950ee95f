//! Servers that answer too late or too much: each has its own code, and later calls are served.

use std::path::Path;

use serde_json::{Value, json};

use crate::program::{Client, echo, run, run_where, script};

/// Writes a program whose tool `list_all` answers with nine megabytes and whose `list_page` with a few bytes.
fn talkative(dir: &Path) -> String {
    let tool = |name: &str| {
        json!({ "name": name, "description": "Lists.", "inputSchema": { "type": "object", "properties": {} },
            "annotations": { "readOnlyHint": true } })
    };
    let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
        "serverInfo": { "name": "talkative", "version": "1" } });
    let reply = |result: &Value| echo(&json!({ "jsonrpc": "2.0", "id": "ID", "result": result }));
    let tools = json!({ "tools": [tool("list_all"), tool("list_page")] });
    let page = json!({ "content": [{ "type": "text", "text": "one page" }] });
    let large = r#"printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"' "$id"
    head -c 9000000 /dev/zero | tr '\0' x
    echo '"}]}}'"#;
    let arms = [
        ("'\"initialize\"'", reply(&hello)),
        ("tools/list", reply(&tools)),
        ("list_page", reply(&page)),
        ("list_all", large.to_owned()),
    ];
    script(dir, &arms)
}

#[test]
fn a_result_that_is_too_large_is_said_to_have_happened_and_is_not_cut() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let server = talkative(dir);
    let begun = run(dir, &["init", "--json", "--owner", "ana", "--", "sh", &server]);
    assert_eq!(begun.code, 0, "{}", begun.err);
    let mut client = Client::wrap(dir, "talkative");
    client.ask("tools/list", &json!({}));
    let refused = client.call("list_all", &json!({}));
    assert_eq!(Client::refused(&refused), "result-too-large", "{refused}");
    let text = refused["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("longer than 8388608 bytes") && !text.contains("xxxx"), "{text}");
    client.finish();
    // Nothing after such a line can be trusted to start one, so the server is let go of; a new session starts it again.
    let mut client = Client::wrap(dir, "talkative");
    client.ask("tools/list", &json!({}));
    let read = client.call("list_page", &json!({}));
    assert_eq!(read["content"][0]["text"], "one page", "{read}");
    client.finish();
    let action = refused["_meta"]["countersign.dev/refusal"]["action"].as_str().unwrap_or_else(|| panic!("{refused}"));
    let trace = run(dir, &["trace", action, "--json"]);
    assert!(trace.code == 0 && trace.out.contains("in_doubt"), "{}{}", trace.out, trace.err);
}

#[test]
fn a_server_that_says_nothing_is_given_up_after_20_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let server = ["sh", "-c", "echo fetching >&2; read -r line; sleep 40"];
    let words = [&["init", "--owner", "ana", "--name", "silent", "--env", "HTTPS_PROXY", "--"][..], &server].concat();
    let silent = run_where(dir, &words, &[("HTTPS_PROXY", "http://127.0.0.1:9"), ("SSL_CERT_FILE", "/etc/ca.pem")]);
    assert_eq!((silent.code, silent.out.as_str()), (1, ""), "{}", silent.err);
    assert!(silent.err.contains("fetching"), "what the server wrote last is shown: {}", silent.err);
    assert!(silent.err.contains(" --env SSL_CERT_FILE"), "what it was not given is named: {}", silent.err);
    assert!(!silent.err.contains("--env HTTPS_PROXY"), "what it was given is not: {}", silent.err);
    assert!(silent.err.contains("code: upstream-timeout ") && silent.err.contains("in time"), "{}", silent.err);
    assert!(!dir.join("countersign/bundle").exists(), "nothing is begun with a server that is not there");
}
