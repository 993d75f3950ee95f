//! Reviews on the command line: what a reviewer agent said is shown beside the case, boxed, and counted.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::{Client, Server, begun, open_case, run};

/// Sends a request with a bearer key to the running server, and returns the answer's body.
fn ask(url: &str, token: &str, method: &str, path: &str, body: Option<&Value>) -> Value {
    let address = url.strip_prefix("http://").unwrap();
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap_or_else(|_| panic!("{answer}"))
}

/// Changes the starter bundle so that `checker` reviews first what needs its owner, and no call is held for long.
fn reviewing(dir: &Path) {
    let bundle = dir.join("countersign/bundle");
    let change = |file: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(bundle.join(file)).unwrap();
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {file}: {text}");
        std::fs::write(bundle.join(file), text.replace(from, to)).unwrap();
    };
    change("bundle.toml", "wait_ms_max = 45000", "wait_ms_max = 100");
    let checker = "[agents.checker]\nowner = \"ana\"\nmodel_family = \"beta\"\nreviewer = true\n\n";
    change("agents.toml", "[agents.agent]\n", &format!("{checker}[agents.agent]\nmodel_family = \"alpha\"\n"));
    let by = "review_by = [\"agent:checker\"]\nreview_ms = 60000\nreview_first = true\n";
    change("escalation.toml", "timeout_ms = 600000\n", &format!("timeout_ms = 600000\n{by}"));
    let done = run(dir, &["policy", "activate", "--reason", "another model looks first"]);
    assert_eq!(done.code, 0, "{}", done.err);
}

#[test]
fn a_reviewer_looks_first_and_people_read_what_it_said() {
    let folder = begun();
    let dir = folder.path();
    let server = Server::up(dir);
    let url = server.ready["url"].as_str().unwrap().to_owned();
    reviewing(dir);
    let made = run(dir, &["key", "create", "--agent", "checker", "--json"]).json();
    let token = made["token"].as_str().unwrap();
    let mut client = Client::wrap(dir, "inventory");
    client.ask("tools/list", &json!({}));
    client.drafts_mail("held");
    let case = open_case(dir);

    let shown = run(dir, &["approvals", "show", &case]).out;
    assert!(shown.contains("not yet reviewed by agent:checker, who is asked until"), "{shown}");
    assert!(shown.contains("a reviewer comes first: your approval counts from"), "{shown}");
    let early = run(dir, &["approvals", "approve", &case, "--reason", "fine", "--solo"]);
    assert!(early.code != 0 && early.err.contains("review-awaited"), "{}", early.err);

    let listed = ask(&url, token, "GET", "/v1/reviews", None);
    assert_eq!(listed["open"][0]["id"], case.as_str(), "{listed}");
    let path = format!("/v1/reviews/{case}");
    let read = ask(&url, token, "GET", &path, None);
    assert_eq!((&read["tool"], &read["arguments"]["subject"]), (&json!("inventory.draft_mail"), &json!("s")), "{read}");
    let review = json!({ "advice": "on", "reason": "ok\u{1b}[2J\u{202e}", "shown": read["shown"] });
    assert_eq!(ask(&url, token, "POST", &path, Some(&review))["state"], "open");

    let shown = run(dir, &["approvals", "show", &case]).out;
    assert!(shown.contains("agent:checker (beta) sent it on to people: ok\\u{1b}[2J\\u{202e}"), "{shown}");
    assert!(!shown.contains("not yet reviewed") && !shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown}");
    assert_eq!(run(dir, &["approvals", "deny", &case, "--reason", "no"]).code, 0);
    let told = run(dir, &["reviews"]);
    assert!(
        told.out.contains("on by agent:checker") && told.out.contains("and refused 1; sent 0 back"),
        "{}",
        told.out
    );
    let told = run(dir, &["reviews", "--json"]).json();
    assert_eq!((&told["reviewed"][0]["state"], &told["reviewers"][0]["on_refused"]), (&json!("denied"), &json!(1)));
    let action = run(dir, &["approvals", "show", &case, "--json"]).json()["action"].as_str().unwrap().to_owned();
    let traced = run(dir, &["trace", &action]);
    assert!(traced.out.contains("sent on to people by agent:checker (beta)"), "{}{}", traced.out, traced.err);
    server.stop();
}
