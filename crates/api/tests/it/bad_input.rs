//! Requests that no well-behaved client makes: each is refused with its own code, and nothing is lost.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::call::{Api, request};

#[tokio::test]
async fn bodies_that_are_no_strict_json_are_refused() {
    let api = Api::new().await;
    let deep = format!(r#"{{"tool":"sre.report","arguments":{{"a":{}{}}}}}"#, "[".repeat(70), "]".repeat(70));
    for (body, code) in [
        (r#"{"tool":"sre.report","arguments":{"#, "json-malformed"),
        ("", "json-malformed"),
        (r#"{"tool":"sre.report","arguments":{}} x"#, "json-malformed"),
        (r#"{"tool":"sre.report","tool":"sre.delete","arguments":{}}"#, "json-duplicate-key"),
        (r#"{"tool":"sre.report","arguments":{"a":1,"\u0061":2}}"#, "json-duplicate-key"),
        (r#"{"tool":"sre.report","arguments":{"a":9007199254740993}}"#, "json-unsafe-number"),
        (deep.as_str(), "json-too-deep"),
    ] {
        api.text("sre-bot", body).await.problem(400, code);
    }
    let mut bytes = request("POST", "/v1/actions", Some(api.world.token("sre-bot")), Some(String::new()));
    *bytes.body_mut() = Body::from(vec![b'"', 0xff, b'"']);
    api.send(bytes).await.problem(400, "json-malformed");
}

#[tokio::test]
async fn bodies_that_do_not_fit_the_contract_are_refused() {
    let api = Api::new().await;
    let with = |name: &str, value: Value| {
        let mut body = json!({ "tool": "sre.report", "arguments": {} });
        body[name] = value;
        body
    };
    for body in [
        json!({ "arguments": {} }),
        json!({ "tool": "sre.report" }),
        json!([]),
        json!("sre.report"),
        with("tool", json!("nodots")),
        with("arguments", json!([1])),
        with("arguments", json!("{}")),
        with("confidence", json!(1.01)),
        with("confidence", json!(-0.01)),
        with("confidence", json!("high")),
        with("idempotency_key", json!("")),
        with("idempotency_key", json!("k".repeat(129))),
        with("session", json!("act_0190a6a1e00070008000000000000000")),
        with("agent", json!("not a name")),
        with("on_behalf_of", json!("cleo")),
    ] {
        let problem = api.post("sre-bot", "/v1/actions", body).await.problem(400, "request-invalid");
        let detail = problem["detail"].as_str().unwrap();
        assert!(!detail.contains("struct") && !detail.contains("enum") && !detail.contains("::"), "{detail}");
    }
    api.post("sre-bot", "/v1/actions", with("agent", json!("report-bot"))).await.problem(403, "forbidden");
    api.post("sre-bot", "/v1/sessions", json!({ "agent": "report-bot" })).await.problem(403, "forbidden");
    let known = api.propose("sre.report", json!({})).await["action"].as_str().unwrap().to_owned();
    let outcome = format!("/v1/actions/{known}/outcome");
    api.post("sre-bot", &outcome, json!({ "status": "in_doubt" })).await.problem(400, "request-invalid");
}

#[tokio::test]
async fn ten_megabytes_are_too_many() {
    let api = Api::new().await;
    let body = format!(r#"{{"tool":"sre.report","arguments":{{"a":"{}"}}}}"#, "x".repeat(10 << 20));
    api.text("sre-bot", body).await.problem(413, "payload-too-large");
    let body = format!(r#"{{"tool":"sre.report","arguments":{{"a":"{}"}}}}"#, "x".repeat((4 << 20) + 1));
    api.text("sre-bot", body).await.problem(413, "payload-too-large");
    assert_eq!(api.propose("sre.report", json!({})).await["verdict"], "allow");
}

#[tokio::test]
async fn who_sends_too_much_over_a_socket_still_reads_the_refusal() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let api = Api::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = api.router.clone();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/actions HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        api.world.token("sre-bot"),
        10 << 20,
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&vec![b' '; 10 << 20]).await.unwrap();
    let mut answer = vec![0; 4_096];
    let read = socket.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("payload-too-large"), "{answer}");
    server.abort();
}

#[tokio::test]
async fn other_content_types_are_refused() {
    let api = Api::new().await;
    for kind in [Some("text/plain"), Some("application/x-www-form-urlencoded"), None] {
        let mut request = request("POST", "/v1/actions", Some(api.world.token("sre-bot")), Some("{}".into()));
        request.headers_mut().remove(header::CONTENT_TYPE);
        if let Some(kind) = kind {
            request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
        }
        api.send(request).await.problem(415, "request-invalid");
    }
    let mut request = request("POST", "/v1/sessions", Some(api.world.token("sre-bot")), Some("{}".into()));
    request.headers_mut().insert(header::CONTENT_TYPE, "Application/JSON; charset=utf-8".parse().unwrap());
    api.send(request).await.is(201);
}

#[tokio::test]
async fn tokens_nobody_issued_open_nothing() {
    let api = Api::new().await;
    let real = api.world.token("sre-bot").to_owned();
    let forged = format!("{}{}", &real[..real.len() - 1], if real.ends_with('0') { '1' } else { '0' });
    let foreign = format!("cs_{}_{}", "0".repeat(32), "0".repeat(64));
    for token in ["", "x", "cs_", "cs_zz_zz", forged.as_str(), foreign.as_str()] {
        let answer = api.send(request("GET", "/v1/doctor", Some(token), None)).await;
        assert_eq!(answer.headers[header::WWW_AUTHENTICATE], r#"Bearer realm="countersign""#);
        answer.problem(401, "unauthenticated");
    }
    api.send(request("GET", "/v1/doctor", None, None)).await.problem(401, "unauthenticated");
    let mut basic = request("GET", "/v1/doctor", None, None);
    basic.headers_mut().insert(header::AUTHORIZATION, "Basic YTpi".parse().unwrap());
    api.send(basic).await.problem(401, "unauthenticated");
    // Who calls is judged before what they send.
    api.send(request("POST", "/v1/actions", None, Some("not json".into()))).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn foreign_origins_and_hosts_are_refused() {
    let api = Api::new().await;
    let ask = |name: header::HeaderName, value: &str| {
        let mut request: Request<Body> = request("GET", "/v1/health", None, None);
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    for origin in [
        "https://evil.example",
        "null",
        "http://127.0.0.1:7718",
        "http://localhost:7717",
        "https://console.example.evil",
    ] {
        api.send(ask(header::ORIGIN, origin)).await.problem(403, "origin-refused");
    }
    for host in ["evil.example", "evil.example:7717", "gate.example.evil", ""] {
        api.send(ask(header::HOST, host)).await.problem(403, "origin-refused");
    }
    // The named one, and the pages that this server itself serves.
    for origin in ["https://console.example", "http://127.0.0.1:7717"] {
        api.send(ask(header::ORIGIN, origin)).await.is(200);
    }
    for host in ["gate.example", "gate.example:443", "localhost:1", "[::1]:7717"] {
        api.send(ask(header::HOST, host)).await.is(200);
    }
    let mut nowhere = request("GET", "/v1/nowhere", None, None);
    nowhere.headers_mut().insert(header::HOST, "evil.example".parse().unwrap());
    api.send(nowhere).await.problem(403, "origin-refused");
}

#[tokio::test]
async fn unknown_paths_methods_and_names_are_problems_too() {
    let api = Api::new().await;
    api.send(request("GET", "/v1/nothing", None, None)).await.problem(404, "not-found");
    api.send(request("GET", "/nothing.js", None, None)).await.problem(404, "not-found");
    let wrong = api.call("ana", "PUT", "/v1/keys", Some(json!({}))).await;
    let allow = wrong.headers[header::ALLOW].to_str().unwrap().to_owned();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    wrong.problem(405, "request-invalid");
    for id in ["act_0190a6a1e00070008000000000000000", "nonsense", "%FF", "case_0190a6a1e00070008000000000000000"] {
        api.get("ana", &format!("/v1/actions/{id}")).await.problem(404, "not-found");
        api.post("sre-bot", &format!("/v1/actions/{id}/outcome"), json!({ "status": "done" }))
            .await
            .problem(404, "not-found");
        api.get("ana", &format!("/v1/approvals/{}", id.replace("case", "act"))).await.problem(404, "not-found");
    }
    api.get("ana", "/v1/approvals?state=sleeping").await.problem(400, "request-invalid");
    api.get("ana", "/v1/approvals?stat=open").await.problem(400, "request-invalid");
    api.get("ana", "/v1/records?from=-1").await.problem(400, "request-invalid");
    api.get("ana", "/v1/export").await.problem(400, "request-invalid");
}

#[tokio::test]
async fn an_agent_sees_its_own_actions_only() {
    let api = Api::new().await;
    let action = api.propose("sre.report", json!({})).await["action"].as_str().unwrap().to_owned();
    let path = format!("/v1/actions/{action}");
    api.get("report-bot", &path).await.problem(403, "forbidden");
    api.get("sre-bot", &path).await.is(200);
    api.get("eve", &path).await.is(200);
}

#[tokio::test]
async fn an_agents_key_reaches_nothing_that_is_for_people() {
    let api = Api::new().await;
    for path in ["approvals", "switches", "keys", "levels", "bundles/active", "records", "doctor"] {
        api.get("sre-bot", &format!("/v1/{path}")).await.problem(403, "forbidden");
    }
    let action = api.propose("sre.report", json!({})).await["action"].as_str().unwrap().to_owned();
    api.get("sre-bot", &format!("/v1/export?action={action}")).await.problem(403, "forbidden");
    for path in ["keys", "levels", "bundles", "tools/sre.report/pin"] {
        api.post("sre-bot", &format!("/v1/{path}"), json!({})).await.problem(403, "forbidden");
    }
    for path in ["sessions", "actions"] {
        api.post("ana", &format!("/v1/{path}"), json!({})).await.problem(403, "forbidden");
    }
}

#[tokio::test]
async fn a_full_disk_denies_and_says_so() {
    let api = Api::over(testkit::world_on_small_disk(testkit::bundle(), 600_000).await);
    let big = json!({ "tool": "sre.report", "arguments": { "note": "x".repeat(1 << 20) } });
    api.post("sre-bot", "/v1/actions", big).await.problem(503, "disk-full");
    assert_eq!(api.propose("sre.report", json!({})).await["verdict"], "allow");
}

#[tokio::test]
async fn a_clock_that_jumps_grants_nothing() {
    let api = Api::new().await;
    api.world.clock.jump(-3_600_000);
    let denied = api.propose("sre.report", json!({})).await;
    assert!(denied["verdict"] == "deny" && crate::call::found(&denied, "clock-jumped"), "{denied}");
}
