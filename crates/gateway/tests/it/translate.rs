//! Clients and servers of different eras.

use axum::body::Body;
use control::door::Era;

use crate::fake::{Act, Verdict, Wait, one};
use crate::web::{INIT, base, json, web};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"a":1}}}"#;
const ASKS: &str = r#""result":{"resultType":"input_required","inputRequests":{"k":{"method":"elicitation/create","params":{"mode":"url","message":"who?","url":"https://x.example"}}},"requestState":"s"}"#;

#[tokio::test]
async fn a_session_is_served_by_a_server_without_sessions() {
    let list = Act {
        answer:
            r#""result":{"resultType":"complete","tools":[{"name":"t","odd":1.0}],"ttlMs":5,"cacheScope":"public"}"#
                .into(),
        ..Act::default()
    };
    let web = web(one(Era::Stateless).act("tools/list", list));
    let first = web.send(base("POST", "/mcp").body(Body::from(INIT)).unwrap()).await;
    let session = first.headers["mcp-session-id"].to_str().unwrap().to_owned();
    let hello = first.value().await["result"].clone();
    assert_eq!(
        (hello["protocolVersion"].as_str(), hello["serverInfo"]["name"].as_str()),
        (Some("2025-11-25"), Some("countersign"))
    );
    let tasks = r#"{"requests":{"tools":{"call":{}}},"cancel":{},"list":{}}"#;
    let expected = format!(
        r#"{{"tools":{{"listChanged":true}},"resources":{{"subscribe":true}},"prompts":{{}},"logging":{{}},"tasks":{tasks}}}"#
    );
    assert_eq!(hello["capabilities"], json(&expected));
    web.post(&session, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    let level = r#"{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"info"}}"#;
    assert_eq!(web.post(&session, level).await.value().await["result"], json("{}"));
    let listed = web.post(&session, r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#).await.value().await;
    assert_eq!(listed["result"], json(r#"{"tools":[{"name":"t","odd":1.0,"execution":{"taskSupport":"optional"}}]}"#));
    web.post(&session, CALL).await;
    let relayed = web.door.state.lock().unwrap().relayed.clone();
    let (_, relayed) = relayed.into_iter().find(|(_, text)| text.contains("tools/list\"")).unwrap();
    let meta = json(&relayed)["params"]["_meta"].clone();
    assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    assert_eq!(
        (
            meta["io.modelcontextprotocol/clientInfo"]["name"].as_str(),
            meta["io.modelcontextprotocol/logLevel"].as_str()
        ),
        (Some("c"), Some("info"))
    );
    assert_eq!(web.door.count("send"), 0, "a server without sessions is sent requests alone");
}

#[tokio::test]
async fn a_question_inside_a_result_is_put_to_a_session() {
    let web = web(one(Era::Stateless).act("tools/call", Act { answer: ASKS.into(), ..Act::default() }));
    let session = web.open("/mcp", INIT).await;
    let mut answer = web.post(&session, CALL).await;
    let ask = answer.data().await;
    assert_eq!(
        (ask["method"].as_str(), ask["params"]["url"].as_str()),
        (Some("elicitation/create"), Some("https://x.example"))
    );
    assert!(ask["params"]["elicitationId"].is_string());
    let reply = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{"action":"accept"}}}}"#, ask["id"]);
    assert_eq!(web.post(&session, &reply).await.status, 202);
    let again = answer.data().await;
    assert_ne!(again["id"], ask["id"], "the scripted server asks once more");
    let refused = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-1,"message":"no"}}}}"#, again["id"]);
    web.post(&session, &refused).await;
    assert_eq!(answer.data().await["error"]["code"], -32603);
    let calls = web.door.state.lock().unwrap().calls.clone();
    assert_eq!(calls.len(), 2, "each round is decided anew");
    assert_eq!(calls[1].inputs.as_deref(), Some(r#"{"inputResponses":{"k":{"action":"accept"}},"requestState":"s"}"#));
    assert_eq!(web.door.count("asked files elicitation/create"), 2);
}

#[tokio::test]
async fn a_server_that_asks_without_end_is_stopped() {
    let asks = r#""result":{"resultType":"input_required","requestState":"s"}"#;
    let web = web(one(Era::Stateless).act("tools/call", Act { answer: asks.into(), ..Act::default() }));
    let session = web.open("/mcp", INIT).await;
    let answer = web.post(&session, CALL).await.value().await;
    assert_eq!(answer["result"]["_meta"]["countersign.dev/refusal"]["code"], "upstream-invalid");
    assert_eq!(web.door.count("call"), 8);
}

#[tokio::test]
async fn a_request_for_itself_is_served_by_a_server_with_sessions() {
    let ask = r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#;
    let act = Act { before: vec![ask.into()], answer: r#""result":{"content":[],"odd":1.0}"#.into(), ..Act::default() };
    let web = web(one(Era::Stateful).act("tools/call", act));
    let hello = web.modern("server/discover", 1, "", None).await.value().await["result"].clone();
    assert_eq!(hello["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "s");
    assert_eq!(
        (hello["supportedVersions"][0].as_str(), hello["capabilities"]["tools"].as_object().map(|o| o.len())),
        (Some("2026-07-28"), Some(1))
    );
    let answer = web.modern("tools/call", 7, r#""name":"t","arguments":{}"#, Some("t")).await;
    let answer = answer.value().await;
    assert_eq!(answer, json(r#"{"jsonrpc":"2.0","id":7,"result":{"content":[],"odd":1.0,"resultType":"complete"}}"#));
    let call = web.door.state.lock().unwrap().calls[0].clone();
    assert_eq!(call.request.member("params"), Some(r#"{"_meta":{"progressToken":"p1"},"name":"t","arguments":{}}"#));
    let (_, told) = web.door.state.lock().unwrap().sent[0].clone();
    assert_eq!((json(&told)["id"].as_str(), json(&told)["error"]["code"].as_i64()), (Some("q"), Some(-32601)));
}

#[tokio::test]
async fn a_server_with_sessions_is_told_of_a_withdrawal() {
    let web1 = web(one(Era::Stateful).act("tools/call", Act { hangs: true, ..Act::default() }));
    let waiting = async { web1.modern("tools/call", 1, r#""name":"t""#, Some("t")).await };
    tokio::select! {
        _ = waiting => panic!("answered"),
        () = web1.door.seen("dispatch") => {}
    }
    web1.door.seen("send files notifications/cancelled").await;
    let calls = web1.door.state.lock().unwrap().calls.clone();
    let (_, told) = web1.door.state.lock().unwrap().sent[0].clone();
    assert_eq!(json(&told)["params"]["requestId"].to_string(), calls[0].request.id().unwrap().as_json());

    let held = web(one(Era::Stateful).verdicts(&[Verdict::Hold]).waits(&[Wait::Forever]));
    let mut answer = held.modern("tools/call", 1, r#""name":"t""#, Some("t")).await;
    answer.data().await;
    drop(answer);
    held.door.seen("dropped wait").await;
    assert_eq!((held.door.count("send"), held.door.count("dispatch")), (0, 0), "a held call never reached its server");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_nobody_answers_ends_its_call() {
    let web = web(one(Era::Stateless).act("tools/call", Act { answer: ASKS.into(), ..Act::default() }));
    let session = web.open("/mcp", INIT).await;
    let mut answer = web.post(&session, CALL).await;
    assert_eq!(answer.data().await["method"], "elicitation/create");
    let ended = tokio::time::timeout(std::time::Duration::from_secs(601), answer.data()).await.unwrap();
    assert_eq!((ended["id"].as_u64(), ended["error"]["code"].as_i64()), (Some(1), Some(-32603)));
}
