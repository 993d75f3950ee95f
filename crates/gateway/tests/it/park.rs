//! Questions of a session's server to a client that can only be asked inside an answer.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use control::door::Era;
use serde_json::Value;

use crate::fake::{Act, Door, one};
use crate::web::{Web, json, modern, web};

const CAN: &str = r#"{"elicitation":{},"roots":{"listChanged":true}}"#;
const ASK: &str = r#"{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"who?","requestedSchema":{"type":"object"},"_meta":{"x":1}}}"#;

fn asking(question: &str) -> Door {
    let progress =
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p1","progress":1}}"#;
    one(Era::Stateful)
        .act("tools/call", Act { before: vec![progress.into(), question.into()], asks: true, ..Act::default() })
}

fn request(id: u64, more: &str, capabilities: &str) -> Request<Body> {
    let (request, body) =
        modern("tools/call", id, &format!(r#""name":"t","arguments":{{"a":1}}{more}"#), capabilities, Some("t"));
    request.body(Body::from(body)).unwrap()
}

/// Sends a call and returns its answer, whatever is told before it.
async fn call(web: &Web, id: u64, more: &str) -> Value {
    let mut answer = web.send(request(id, more, CAN)).await;
    loop {
        let value = if answer.is_stream() { answer.data().await } else { return answer.value().await };
        if value.get("method").is_none() {
            return value;
        }
    }
}

fn with_answer(asked: &Value) -> String {
    let state = &asked["result"]["requestState"];
    format!(r#","inputResponses":{{"q0":{{"action":"accept","content":{{"n":"ann"}}}}}},"requestState":{state}"#)
}

#[tokio::test]
async fn a_call_waits_here_while_its_client_is_asked() {
    let web = web(asking(ASK));
    let mut first = web.send(request(1, "", CAN)).await;
    assert_eq!(first.data().await["method"], "notifications/progress");
    let asked = first.data().await;
    assert_eq!(asked["result"]["resultType"], "input_required");
    let expected =
        r#"{"q0":{"method":"elicitation/create","params":{"message":"who?","requestedSchema":{"type":"object"}}}}"#;
    assert_eq!(asked["result"]["inputRequests"], json(expected));
    assert_eq!(web.door.count(r#"connect files {"elicitation":{},"roots":{}}"#), 1);
    assert_eq!(web.door.count("asked files elicitation/create"), 1);

    let done = call(&web, 2, &with_answer(&asked)).await;
    assert_eq!((done["id"].as_u64(), done["result"]["resultType"].as_str()), (Some(2), Some("complete")));
    assert_eq!(done["result"]["heard"]["result"]["content"]["n"], "ann");
    assert_eq!(done["result"]["heard"]["id"], "q");
    assert_eq!(web.door.count("call"), 1, "the call went on; it was not made again");
    let decided = r#""mcp:answer":{"action":"accept","content":{"n":"ann"}}"#;
    assert!(
        web.door.log().iter().any(|line| line.starts_with("asked") && line.contains(decided)),
        "the answer is decided on"
    );
    let again = call(&web, 3, &with_answer(&asked)).await;
    assert_eq!(again["error"]["code"], -32602, "an answer is given once");
}

#[tokio::test]
async fn only_its_own_client_takes_a_parked_call_up_again() {
    let web = web(asking(ASK));
    let asked = call(&web, 1, "").await;
    let other = web.as_beta(request(2, &with_answer(&asked), CAN)).await.value().await;
    assert_eq!(other["error"]["code"], -32602);
    let altered = with_answer(&asked);
    let (head, body) =
        modern("tools/call", 3, &format!(r#""name":"t","arguments":{{"a":2}}{altered}"#), CAN, Some("t"));
    let altered = web.send(head.body(Body::from(body)).unwrap()).await.value().await;
    assert_eq!(altered["error"]["code"], -32602);
    assert_eq!(web.door.count("send"), 0);
    assert_eq!(call(&web, 4, &with_answer(&asked)).await["result"]["resultType"], "complete");
}

#[tokio::test]
async fn a_client_that_answers_nothing_is_asked_again() {
    let web = web(asking(ASK));
    let asked = call(&web, 1, "").await;
    let more = format!(r#","requestState":{}"#, asked["result"]["requestState"]);
    let again = call(&web, 2, &more).await;
    assert_eq!(again["result"]["inputRequests"], asked["result"]["inputRequests"]);
    assert_ne!(again["result"]["requestState"], asked["result"]["requestState"]);
    assert_eq!(web.door.count("send"), 0);
}

#[tokio::test]
async fn a_client_is_not_asked_what_it_cannot_answer() {
    for (question, capabilities) in [
        (ASK.to_owned(), r#"{"roots":{}}"#),
        (ASK.replace(r#""message""#, r#""mode":"url","message""#), CAN),
        (r#"{"jsonrpc":"2.0","id":"q","method":"sampling/createMessage","params":{"messages":[]}}"#.to_owned(), CAN),
        (r#"{"jsonrpc":"2.0","id":"q","method":"tasks/get","params":{"taskId":"x"}}"#.to_owned(), CAN),
    ] {
        let web = web(asking(&question));
        web.send(request(1, "", capabilities)).await.all().await;
        let (_, told) = web.door.state.lock().unwrap().sent[0].clone();
        assert!(json(&told)["error"]["code"].is_i64(), "{question}: {told}");
        assert_eq!(web.door.count("asked"), 0, "{question}");
    }
}

#[tokio::test]
async fn a_question_that_is_refused_reaches_nobody() {
    let mut door = asking(ASK);
    door.asks_refused = true;
    let web = web(door);
    let done = call(&web, 1, "").await;
    assert_eq!(done["result"]["heard"]["error"]["data"]["code"], "policy-forbids");
}

#[tokio::test]
async fn a_question_on_no_stream_belongs_to_the_only_call() {
    let web = web(one(Era::Stateful).act("tools/call", Act { asks: true, ..Act::default() }));
    let calling = async { call(&web, 1, "").await };
    let asking = async {
        web.door.seen("dispatch").await;
        web.door.unsolicited("files", r#"{"jsonrpc":"2.0","id":5,"method":"roots/list"}"#).await;
    };
    let (asked, ()) = tokio::join!(calling, asking);
    assert_eq!(asked["result"]["inputRequests"], json(r#"{"q0":{"method":"roots/list"}}"#));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_comes_back_ends_its_call() {
    let web = web(asking(ASK));
    call(&web, 1, "").await;
    tokio::time::sleep(Duration::from_secs(599)).await;
    assert_eq!(web.door.count("send"), 0);
    web.door.seen("send files answer").await;
    let sent = web.door.state.lock().unwrap().sent.clone();
    assert_eq!(json(&sent[0].1)["result"]["action"], "cancel");
    web.door.seen("send files notifications/cancelled").await;
}
