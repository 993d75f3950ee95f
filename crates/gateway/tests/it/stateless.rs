//! Streamable HTTP of 2026-07-28.

use axum::body::Body;
use control::door::Era;

use crate::fake::{Act, Verdict, one};
use crate::web::{base, json, modern, web};

const CALL: &str = r#""name":"t","arguments":{"a": 1.0},"odd":[ 1 ]"#;

#[tokio::test]
async fn what_passes_keeps_its_bytes() {
    let web = web(one(Era::Stateless));
    let (request, body) = modern("tools/call", 7, CALL, "{}", Some("t"));
    let answer = web.send(request.header("mcp-param-a", "1").body(Body::from(body.clone())).unwrap()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.headers.get("mcp-session-id").is_none());
    assert!(answer.all().await.contains(r#""result":{"content":[{"type":"text","text":"done"}],"odd": 1.0}"#));
    let call = web.door.state.lock().unwrap().calls[0].clone();
    assert_eq!(
        (call.request.text(), call.headers),
        (body.as_str(), Some(vec![("mcp-param-a".to_owned(), "1".to_owned())]))
    );
    assert!(web.modern("server/discover", 8, "", None).await.all().await.contains(r#""odd": 1.0"#));
    assert_eq!((web.door.count("open m"), web.door.count("connect files {}")), (1, 1));
}

#[tokio::test]
async fn each_thing_that_an_agent_names_that_it_runs_has_a_session_of_its_own() {
    let web = web(one(Era::Stateless));
    for model in [None, Some("a"), Some("b"), Some("a"), None] {
        let (mut request, body) = modern("tools/call", 7, CALL, "{}", Some("t"));
        if let Some(model) = model {
            request = request.header("countersign-model", model);
        }
        assert_eq!(web.send(request.body(Body::from(body)).unwrap()).await.status, 200);
    }
    let opened = |line: &str| web.door.state.lock().unwrap().log.iter().filter(|known| *known == line).count();
    assert_eq!((opened("open m"), opened("open m running a"), opened("open m running b")), (1, 1, 1));
}

#[tokio::test]
async fn headers_must_say_what_the_body_says() {
    let web = web(one(Era::Stateless));
    for (name, value) in [("mcp-method", "tools/list"), ("mcp-name", "u"), ("mcp-protocol-version", "2025-11-25")] {
        let (request, body) = modern("tools/call", 1, CALL, "{}", Some("t"));
        let mut request = request.body(Body::from(body)).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        let answer = web.send(request).await;
        assert_eq!(answer.status, 400, "{name}");
        assert_eq!(answer.value().await["error"]["code"], -32020, "{name}");
    }
    let answer = web.modern("tools/call", 1, CALL, None).await;
    assert_eq!((answer.status.as_u16(), answer.value().await["error"]["code"].as_i64()), (400, Some(-32020)));
    assert_eq!(web.modern("tools/call", 1, CALL, Some("=?base64?dA==?=")).await.status, 200);
    assert_eq!(web.door.count("call"), 1);
}

#[tokio::test]
async fn metadata_must_be_whole() {
    let web = web(one(Era::Stateless));
    let cases = [
        (r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#, 400, -32602),
        (
            r#"{"io.modelcontextprotocol/protocolVersion":1,"io.modelcontextprotocol/clientCapabilities":{}}"#,
            400,
            -32602,
        ),
        (
            r#"{"io.modelcontextprotocol/protocolVersion":"1900-01-01","io.modelcontextprotocol/clientCapabilities":{}}"#,
            400,
            -32022,
        ),
        (r#"{}"#, 400, -32602),
    ];
    for (meta, status, rpc) in cases {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"_meta":{meta}}}}}"#);
        let header = if rpc == -32022 { "1900-01-01" } else { "2026-07-28" };
        let request = base("POST", "/mcp").header("mcp-protocol-version", header).header("mcp-method", "tools/list");
        let answer = web.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.status, status, "{meta}");
        let answer = answer.value().await;
        assert_eq!((answer["error"]["code"].as_i64(), answer["id"].as_i64()), (Some(rpc), Some(1)), "{meta}");
    }
}

#[tokio::test]
async fn a_header_that_contradicts_the_body_is_told_before_the_version_is() {
    let web = web(one(Era::Stateless));
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"1900-01-01","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    for (header, rpc) in [("2026-07-28", -32020), ("1900-01-01", -32022)] {
        let request = base("POST", "/mcp").header("mcp-protocol-version", header).header("mcp-method", "tools/list");
        let answer = web.send(request.body(Body::from(body)).unwrap()).await.value().await;
        assert_eq!(answer["error"]["code"], rpc);
        let listed = &answer["error"]["data"]["supported"];
        assert!(rpc == -32020 || *listed == serde_json::json!(["2026-07-28"]), "{answer}");
    }
}

#[tokio::test]
async fn what_is_not_in_the_table_is_not_found() {
    let web = web(one(Era::Stateless));
    for method in ["tools/destroy", "ping", "initialize", "resources/subscribe"] {
        let answer = web.modern(method, 1, "", None).await;
        assert_eq!(
            (answer.status.as_u16(), answer.value().await["error"]["code"].as_i64()),
            (404, Some(-32601)),
            "{method}"
        );
    }
    let bare = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#;
    let answer = web
        .send(base("POST", "/mcp").header("mcp-protocol-version", "2026-07-28").body(Body::from(bare)).unwrap())
        .await;
    assert_eq!((answer.status.as_u16(), answer.value().await["error"]["code"].as_i64()), (400, Some(-32020)));
    let answer =
        web.send(base("GET", "/mcp").header("mcp-protocol-version", "2026-07-28").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.headers["allow"].to_str().unwrap()), (405, "POST"));
    let note = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    let request = base("POST", "/mcp").header("mcp-protocol-version", "2026-07-28").body(Body::from(note)).unwrap();
    assert_eq!(web.send(request).await.status, 202);
    assert_eq!(web.door.count("open"), 1);
}

#[tokio::test]
async fn progress_comes_on_the_answers_stream_without_ids() {
    let progress =
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p1","progress":1}}"#;
    let ask = r#"{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{}}"#;
    let act = Act {
        before: vec![ask.into(), progress.into()],
        answer: r#""result":{"content":[]}"#.into(),
        ..Act::default()
    };
    let web = web(one(Era::Stateless).act("tools/call", act));
    let mut answer = web.modern("tools/call", 7, CALL, Some("t")).await;
    assert!(answer.is_stream());
    assert_eq!(answer.headers["x-accel-buffering"], "no");
    assert_eq!(answer.event().await.unwrap(), (None, progress.to_owned()));
    assert_eq!(answer.data().await, json(r#"{"jsonrpc":"2.0","id":7,"result":{"content":[]}}"#));
    assert!(answer.event().await.is_none());
    assert_eq!(web.door.count("send files answer"), 1, "the server's own request was refused");
}

#[tokio::test]
async fn a_question_inside_a_result_is_decided_first() {
    let asks = r#""result":{"resultType":"input_required","inputRequests":{"k":{"method":"elicitation/create","params":{"message":"who?"}}},"requestState":"s"}"#;
    let act = Act { answer: asks.into(), ..Act::default() };
    let web1 = web(one(Era::Stateless).act("tools/call", act.clone()));
    let answer = web1.modern("tools/call", 1, CALL, Some("t")).await.value().await;
    assert_eq!(answer["result"]["requestState"], "s");
    assert_eq!(web1.door.count("asked files elicitation/create"), 1);
    let again = format!(r#"{CALL},"inputResponses":{{"k":{{"action":"accept"}}}},"requestState":"s""#);
    web1.modern("tools/call", 2, &again, Some("t")).await;
    let inputs = web1.door.state.lock().unwrap().calls[1].inputs.clone();
    assert_eq!(inputs.as_deref(), Some(r#"{"inputResponses":{"k":{"action":"accept"}},"requestState":"s"}"#));

    let mut door = one(Era::Stateless).act("tools/call", act);
    door.asks_refused = true;
    let answer = web(door).modern("tools/call", 1, CALL, Some("t")).await.value().await;
    assert_eq!(
        (answer["result"]["isError"].as_bool(), answer["result"]["resultType"].as_str()),
        (Some(true), Some("complete"))
    );
}

#[tokio::test]
async fn a_refused_call_says_it_is_complete() {
    let web = web(one(Era::Stateless).verdicts(&[Verdict::Refuse]));
    let answer = web.modern("tools/call", 1, CALL, Some("t")).await;
    assert_eq!(answer.status, 200);
    let answer = answer.value().await;
    assert_eq!(answer["result"]["resultType"], "complete");
    assert_eq!(answer["result"]["_meta"]["countersign.dev/refusal"]["code"], "policy-forbids");
}

#[tokio::test]
async fn to_listen_for_resources_is_decided() {
    let ack = r#"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1}}}"#;
    let act =
        Act { before: vec![ack.into()], answer: r#""result":{"resultType":"complete"}"#.into(), ..Act::default() };
    let web = web(one(Era::Stateless).act("subscriptions/listen", act).verdicts(&[Verdict::Refuse]));
    let named = r#""notifications":{"resourceSubscriptions":["file:///a"]}"#;
    assert_eq!(web.modern("subscriptions/listen", 1, named, None).await.value().await["error"]["code"], -32001);
    let mut answer = web.modern("subscriptions/listen", 1, r#""notifications":{"toolsListChanged":true}"#, None).await;
    assert_eq!(answer.data().await, json(ack));
    assert_eq!(
        (web.door.count("call files.mcp:subscriptions/listen"), web.door.count("relay files subscriptions/listen")),
        (1, 1)
    );
}

#[tokio::test]
async fn to_disconnect_is_to_withdraw() {
    let web = web(one(Era::Stateless).act("tools/call", Act { hangs: true, ..Act::default() }));
    let (request, body) = modern("tools/call", 1, CALL, "{}", Some("t"));
    let routes = web.routes.clone();
    let request = request.body(Body::from(body)).unwrap();
    let waiting = tokio::spawn(async move { tower::ServiceExt::oneshot(routes, request).await });
    web.door.seen("dispatch").await;
    waiting.abort();
    web.door.seen("dropped upstream").await;
}
