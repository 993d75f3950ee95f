//! Streamable HTTP with sessions, up to 2025-11-25.

use axum::body::Body;
use control::door::Era;

use crate::fake::{Act, Verdict, one};
use crate::web::{INIT, base, config, json, web, web_with};

const CALL: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"a": 1.0},"odd":[ 1 ]}}"#;

#[tokio::test]
async fn what_passes_keeps_its_bytes() {
    let web = web(one(Era::Stateful));
    let first = web.send(base("POST", "/mcp").body(Body::from(INIT)).unwrap()).await;
    let session = first.headers["mcp-session-id"].to_str().unwrap().to_owned();
    assert_eq!(session.len(), 64);
    assert!(first.all().await.contains(r#""serverInfo":{"name":"s","version":"1"},"zz":1.0}"#));
    let params = INIT.split_once(r#""params":"#).unwrap().1;
    web.door.seen(&format!("connect files {}", &params[..params.len() - 1])).await;
    let answer = web.post(&session, CALL).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.is_stream());
    assert!(answer.all().await.contains(r#""result":{"content":[{"type":"text","text":"done"}],"odd": 1.0}"#));
    let calls = web.door.state.lock().unwrap().calls.clone();
    assert_eq!((calls[0].request.text(), calls[0].arguments.as_str()), (CALL, r#"{"a": 1.0}"#));
}

#[tokio::test]
async fn answers_come_as_streams_where_that_is_asked_for() {
    let web = web_with(one(Era::Stateful), countersign_gateway::HttpConfig { stream_answers: true, ..config() });
    let session = web.open("/mcp", INIT).await;
    let answer = web.post(&session, CALL).await;
    assert!(answer.is_stream());
    let text = answer.all().await;
    assert!(text.contains(r#""result":{"content":[{"type":"text","text":"done"}],"odd": 1.0}"#), "{text}");
}

#[tokio::test]
async fn a_refused_call_is_a_result_the_model_can_read() {
    let web = web(one(Era::Stateful).verdicts(&[Verdict::Refuse, Verdict::Refuse]));
    let session = web.open("/mcp", INIT).await;
    let answer = web.post(&session, CALL).await.value().await;
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("policy-forbids") && text.contains("no deletes here"), "{text}");
    assert_eq!(answer["result"]["isError"], true);
    let machine = &answer["result"]["_meta"]["countersign.dev/refusal"];
    assert_eq!(
        (machine["code"].as_str(), machine["findings"][0]["stage"].as_str()),
        (Some("policy-forbids"), Some("policy"))
    );
    let read = r#"{"jsonrpc":"2.0","id":2,"method":"resources/read","params":{"uri":"file:///a"}}"#;
    let answer = web.post(&session, read).await.value().await;
    assert_eq!(
        (answer["error"]["code"].as_i64(), answer["error"]["data"]["code"].as_str()),
        (Some(-32001), Some("policy-forbids"))
    );
    assert_eq!(web.door.count("dispatch"), 0);
}

#[tokio::test]
async fn a_resource_is_decided_on_as_it_is_sent() {
    let web = web(one(Era::Stateful));
    let session = web.open("/mcp", INIT).await;
    let read =
        r#"{"jsonrpc":"2.0","id":2,"method":"resources/read","params":{"uri":"file:///\u0061","_meta":{"x": 1.0}}}"#;
    assert_eq!(web.post(&session, read).await.status, 200);
    let call = web.door.state.lock().unwrap().calls[0].clone();
    assert_eq!((call.operation.as_str(), call.arguments.as_str()), ("mcp:resources/read", r#"{"uri":"file:///a"}"#));
    assert_eq!(call.request.member("params"), Some(r#"{"uri":"file:///a","_meta":{"x": 1.0}}"#));
}

#[tokio::test]
async fn frames_before_the_answer_make_it_a_stream_that_can_be_taken_up_again() {
    let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1}}"#;
    let act = Act { before: vec![progress.into()], answer: r#""result":{"content":[]}"#.into(), ..Act::default() };
    let web = web(one(Era::Stateful).act("tools/call", act));
    let session = web.open("/mcp", INIT).await;
    let mut answer = web.post(&session, CALL).await;
    assert!(answer.is_stream());
    assert_eq!(answer.event().await.unwrap(), (Some("1-0".into()), String::new()));
    let (last, data) = answer.event().await.unwrap();
    assert_eq!(data, progress);
    drop(answer);
    let mut again = web.get(&session, last.as_deref()).await;
    assert_eq!(again.data().await["result"], json(r#"{"content":[]}"#));
    assert!(again.event().await.is_none());
}

#[tokio::test]
async fn a_servers_question_travels_to_the_client_and_back() {
    let ask = r#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"who?","odd": 1.0}}"#;
    let act = Act { before: vec![ask.into()], asks: true, ..Act::default() };
    let web = web(one(Era::Stateful).act("tools/call", act));
    let session = web.open("/mcp", INIT).await;
    let mut answer = web.post(&session, CALL).await;
    assert_eq!(answer.data().await, json(ask));
    let reply = r#"{"jsonrpc":"2.0","id":1,"result":{"action":"accept","content":{"n": 1.0}}}"#;
    assert_eq!(web.post(&session, reply).await.status, 202);
    assert_eq!(answer.data().await["result"]["heard"], json(reply));
    assert_eq!(web.door.count("asked files elicitation/create"), 1);
}

#[tokio::test]
async fn a_servers_question_that_is_refused_never_reaches_the_client() {
    let ask = r#"{"jsonrpc":"2.0","id":"q","method":"sampling/createMessage","params":{}}"#;
    let act = Act { before: vec![ask.into()], asks: true, ..Act::default() };
    let mut door = one(Era::Stateful).act("tools/call", act);
    door.asks_refused = true;
    let web = web(door);
    let session = web.open("/mcp", INIT).await;
    let answer = web.post(&session, CALL).await;
    assert!(!answer.is_stream());
    let heard = &answer.value().await["result"]["heard"];
    assert_eq!((heard["id"].as_str(), heard["error"]["code"].as_i64()), (Some("q"), Some(-32001)));
}

#[tokio::test]
async fn what_is_not_in_the_table_is_refused() {
    let web = web(one(Era::Stateful));
    let session = web.open("/mcp", INIT).await;
    let answer = web.post(&session, r#"{"jsonrpc":"2.0","id":3,"method":"tools/destroy"}"#).await;
    assert_eq!(answer.status, 200);
    let answer = answer.value().await;
    assert_eq!(
        (answer["error"]["code"].as_i64(), answer["error"]["data"]["code"].as_str()),
        (Some(-32601), Some("mcp-method-refused"))
    );
    assert_eq!(web.door.count("relay"), 0);
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let web = web(one(Era::Stateful));
    let session = web.open("/mcp", INIT).await;
    for (body, rpc) in [
        ("{", -32700),
        ("[]", -32600),
        (r#"{"jsonrpc":"2.0"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, -32600),
    ] {
        let answer = web.post(&session, body).await;
        assert_eq!(answer.status, 400, "{body}");
        let answer = answer.value().await;
        assert_eq!(answer["error"]["code"], rpc, "{body}");
        assert!(answer.get("id").is_none());
    }
    let twice = r#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"t","name":"u"}}"#;
    assert_eq!(web.post(&session, twice).await.value().await["error"]["code"], -32602);
    let twice = r#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"t","arguments":{"a":1,"a":2}}}"#;
    assert_eq!(web.post(&session, twice).await.value().await["error"]["code"], -32602);
    assert_eq!(web.door.count("call"), 0);
}

#[tokio::test]
async fn an_id_in_flight_is_not_taken_again() {
    let web = web(one(Era::Stateful).act("tools/call", Act { hangs: true, ..Act::default() }));
    let session = web.open("/mcp", INIT).await;
    let routes = web.routes.clone();
    let request = base("POST", "/mcp").header("mcp-session-id", &session).body(Body::from(CALL)).unwrap();
    let first = tokio::spawn(async move { tower::ServiceExt::oneshot(routes, request).await.unwrap() });
    web.door.seen("dispatch").await;
    let answer = web.post(&session, CALL).await;
    assert_eq!(answer.status, 400);
    let answer = answer.value().await;
    assert_eq!(
        (answer["error"]["code"].as_i64(), answer["error"]["data"]["code"].as_str()),
        (Some(-32600), Some("mcp-id-replayed"))
    );
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert_eq!(web.post(&session, cancel).await.status, 202);
    assert_eq!(first.await.unwrap().status(), 202);
    web.door.seen("dropped upstream").await;
    web.door.seen("send files notifications/cancelled").await;
}

#[tokio::test]
async fn to_disconnect_is_not_to_withdraw() {
    let ask = r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#;
    let act = Act { before: vec![ask.into()], asks: true, ..Act::default() };
    let web = web(one(Era::Stateful).act("tools/call", act));
    let session = web.open("/mcp", INIT).await;
    let mut answer = web.post(&session, CALL).await;
    answer.event().await.unwrap();
    let (last, _) = answer.event().await.unwrap();
    drop(answer);
    web.post(&session, r#"{"jsonrpc":"2.0","id":"q","result":{"roots":[]}}"#).await;
    let mut again = web.get(&session, last.as_deref()).await;
    assert_eq!(again.data().await["id"], 1);
}

#[tokio::test]
async fn a_session_belongs_to_its_caller() {
    let web = web(one(Era::Stateful));
    let session = web.open("/mcp", INIT).await;
    let foreign = base("POST", "/mcp").header("mcp-session-id", &session);
    let mut foreign = foreign.body(Body::from(CALL)).unwrap();
    foreign.headers_mut().insert("authorization", "Bearer beta".parse().unwrap());
    let answer = web.send(foreign).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.value().await["error"]["data"]["code"], "mcp-session-unknown");
    let elsewhere = base("POST", "/mcp/files").header("mcp-session-id", &session).body(Body::from(CALL)).unwrap();
    assert_eq!(web.send(elsewhere).await.status, 404);
    assert_eq!(web.post("0000", CALL).await.status, 404);
    assert_eq!(web.door.count("call"), 0);
}

#[tokio::test]
async fn a_session_is_of_what_its_agent_names_that_it_runs() {
    let web = web(one(Era::Stateful));
    let named = |method: &str| base(method, "/mcp").header("countersign-model", "a").header("countersign-prompt", "b");
    let first = web.send(named("POST").body(Body::from(INIT)).unwrap()).await;
    let session = first.headers["mcp-session-id"].to_str().unwrap().to_owned();
    assert_eq!(web.door.state.lock().unwrap().log.iter().filter(|line| line.ends_with(" running a with b")).count(), 1);
    let call = named("POST").header("mcp-session-id", &session).body(Body::from(CALL)).unwrap();
    assert_eq!(web.send(call).await.status, 200);
    assert_eq!(web.post(&session, CALL).await.status, 404, "it no longer says what it runs");
    let other = base("POST", "/mcp").header("mcp-session-id", &session).header("countersign-model", "c");
    assert_eq!(web.send(other.body(Body::from(CALL)).unwrap()).await.status, 404, "it runs something else");
    for bad in [named("POST").header("countersign-model", "c"), base("POST", "/mcp").header("countersign-prompt", "")] {
        let answer = web.send(bad.body(Body::from(INIT)).unwrap()).await;
        assert_eq!(answer.value().await["error"]["data"]["code"], "request-invalid");
    }
    assert_eq!(web.door.count("call"), 1);
}

#[tokio::test]
async fn a_session_ends_once() {
    let web = web(one(Era::Stateful));
    let session = web.open("/mcp", INIT).await;
    let delete = || base("DELETE", "/mcp").header("mcp-session-id", &session).body(Body::empty()).unwrap();
    assert_eq!(web.send(delete()).await.status, 200);
    assert_eq!(web.send(delete()).await.status, 404);
    assert_eq!(web.post(&session, CALL).await.status, 404);
    assert_eq!((web.door.count("close files"), web.door.count("end")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_session_nobody_uses_ends() {
    let web = web(one(Era::Stateful));
    let session = web.open("/mcp", INIT).await;
    tokio::time::sleep(std::time::Duration::from_secs(29 * 60)).await;
    assert_eq!(web.post(&session, r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await.status, 200);
    let stream = web.get(&session, None).await;
    tokio::time::sleep(std::time::Duration::from_secs(60 * 60)).await;
    assert_eq!(web.door.count("end"), 0);
    drop(stream);
    tokio::time::sleep(std::time::Duration::from_secs(31 * 60)).await;
    assert_eq!(web.door.count("end"), 1);
    assert_eq!(web.post(&session, CALL).await.status, 404);
}

#[tokio::test]
async fn what_belongs_to_no_request_comes_on_the_standing_stream() {
    let web = web(one(Era::Stateful));
    let session = web.open("/mcp", INIT).await;
    let mut stream = web.get(&session, None).await;
    let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    web.door.unsolicited("files", r#"{"jsonrpc":"2.0","method":"notifications/invented"}"#).await;
    web.door.unsolicited("files", changed).await;
    assert_eq!(stream.data().await, json(changed));
    assert_eq!(web.door.state.lock().unwrap().observed.len(), 1, "the tools were listed again first");
}

#[tokio::test]
async fn only_admitted_requests_are_read() {
    let web = web_with(one(Era::Stateful), countersign_gateway::HttpConfig { body_bytes_max: 200, ..config() });
    let status = async |name: &'static str, value: &str, body: &str| {
        let mut request = base("POST", "/mcp").body(Body::from(body.to_owned())).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        web.send(request).await.status.as_u16()
    };
    assert_eq!(status("origin", "https://evil.example", INIT).await, 403);
    assert_eq!(status("origin", "null", INIT).await, 403);
    assert_eq!(status("origin", "http://localhost:3000", INIT).await, 403);
    assert_eq!(status("origin", "http://127.0.0.1:8000", INIT).await, 200);
    assert_eq!(status("host", "evil.example", INIT).await, 403);
    assert_eq!(status("accept", "application/json", INIT).await, 406);
    assert_eq!(status("content-type", "text/plain", INIT).await, 415);
    assert_eq!(status("x", "y", &format!("{INIT}{}", " ".repeat(200))).await, 413);
    let mut request = base("POST", "/mcp").body(Body::from(INIT)).unwrap();
    request.headers_mut().remove("authorization");
    let answer = web.send(request).await;
    assert_eq!((answer.status.as_u16(), answer.headers["www-authenticate"].to_str().unwrap()), (401, "Bearer"));
    assert_eq!(status("authorization", "Bearer nobody", INIT).await, 401);
    assert_eq!(web.send(base("POST", "/mcp/nowhere").body(Body::from(INIT)).unwrap()).await.status, 404);
    assert_eq!(web.send(base("POST", "/mcp").body(Body::from(CALL)).unwrap()).await.status, 400);
    assert_eq!(web.send(base("GET", "/mcp").body(Body::empty()).unwrap()).await.status, 405);
    assert_eq!(web.send(base("PUT", "/mcp").body(Body::empty()).unwrap()).await.status, 405);
    assert_eq!(web.door.count("open"), 1);
}

#[tokio::test]
async fn what_the_agent_says_of_itself_leaves_the_call() {
    let mut door = one(Era::Stateful);
    door.annotates = true;
    let web = web(door);
    let session = web.open("/mcp", INIT).await;
    let list = web.post(&session, r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await.all().await;
    assert!(
        list.contains(r#""_countersign":{"type":"object""#)
            && list.contains(r#""odd":1.0,"execution":{"taskSupport":"optional"}}],"xx":[1.0]"#),
        "{list}"
    );
    let observed = web.door.state.lock().unwrap().observed[0].1.clone();
    assert_eq!(observed, [r#"{"name":"t","inputSchema":{"type":"object"},"odd": 1.0}"#]);
    let call = r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t","arguments":{"a": 1.0,"_countersign":{"purpose":"p","confidence":0.5}},"_meta":{"countersign.dev/reasoning":"r","traceparent":"x"}}}"#;
    web.post(&session, call).await;
    let call = web.door.state.lock().unwrap().calls[0].clone();
    assert_eq!(
        call.request.member("params"),
        Some(r#"{"name":"t","arguments":{"a":1.0},"_meta":{"traceparent":"x"}}"#)
    );
    assert_eq!(call.arguments, r#"{"a":1.0}"#);
    let claims = (call.claims.purpose.as_deref(), call.claims.confidence_bp, call.claims.reasoning.as_deref());
    assert_eq!(claims, (Some("p"), Some(5000), Some("r")));
}

#[tokio::test]
async fn the_whole_list_is_compared_before_its_first_page_is_shown() {
    let pages = Act { answer: r#""result":{"tools":[{"name":"a"}],"nextCursor":""}"#.into(), ..Act::default() };
    let web = web(one(Era::Stateful).act("tools/list", pages));
    let session = web.open("/mcp", INIT).await;
    let answer = web.post(&session, r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await.value().await;
    // The scripted server never ends its list, and that is refused rather than shown in part.
    assert_eq!(answer["error"]["data"]["code"], "upstream-invalid");
    assert!(web.door.state.lock().unwrap().observed.is_empty());
}

#[tokio::test]
async fn every_page_is_compared_with_the_whole() {
    let one_page = |tool: &str, next: &str| format!(r#""result":{{"tools":[{{"name":"{tool}"}}]{next}}}"#);
    let observed = async |first: String, second: String, cursor: &str| {
        let act = Act { answer: first, paged: Some(second), ..Act::default() };
        let web = web(one(Era::Stateful).act("tools/list", act));
        let session = web.open("/mcp", INIT).await;
        let list = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{{cursor}}}}}"#);
        assert_eq!(web.post(&session, &list).await.status, 200);
        web.door.state.lock().unwrap().observed.last().unwrap().1.clone()
    };
    let next = r#","nextCursor":"c""#;
    let both = [r#"{"name":"a"}"#, r#"{"name":"b"}"#];
    assert_eq!(observed(one_page("a", next), one_page("b", ""), "").await, both);
    // A server that hides a tool from the gateway and shows it to the agent gains nothing.
    assert_eq!(observed(one_page("a", ""), one_page("b", ""), r#""cursor":"c""#).await, both);
}
