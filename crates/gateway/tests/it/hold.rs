//! Calls that await people.

use std::time::Duration;

use axum::body::Body;
use control::door::Era;

use crate::fake::{Verdict, Wait, one};
use crate::web::{INIT, modern, web};

const CALL: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{"progressToken":5}}}"#;
const SILENT: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#;
const URL: &str = r#"{"elicitation":{"url":{}}}"#;

fn init_with(capabilities: &str) -> String {
    INIT.replace(r#""capabilities":{}"#, &format!(r#""capabilities":{capabilities}"#))
}

#[tokio::test]
async fn an_approved_call_runs_once() {
    let web = web(one(Era::Stateful).verdicts(&[Verdict::Hold]).waits(&[Wait::Open, Wait::Approved]));
    let session = web.open("/mcp", INIT).await;
    let mut answer = web.post(&session, CALL).await;
    let first = answer.data().await;
    assert_eq!(
        (first["method"].as_str(), first["params"]["progressToken"].as_i64()),
        (Some("notifications/progress"), Some(5))
    );
    assert!(first["params"]["message"].as_str().unwrap().contains("https://gate.example/cases/1"));
    let second = answer.data().await;
    assert!(second["params"]["progress"].as_f64() > first["params"]["progress"].as_f64());
    assert_eq!(answer.data().await["result"]["content"][0]["text"], "done");
    assert_eq!((web.door.count("call"), web.door.count("dispatch")), (2, 1));
    let calls = web.door.state.lock().unwrap().calls.clone();
    assert_eq!((calls[0].request.text(), &calls[0].arguments), (calls[1].request.text(), &calls[1].arguments));
}

#[tokio::test]
async fn a_call_nobody_decides_ends_with_where_to_decide_it() {
    let web = web(one(Era::Stateful).verdicts(&[Verdict::Hold]));
    let session = web.open("/mcp", INIT).await;
    let answer = web.post(&session, SILENT).await;
    assert!(!answer.is_stream(), "nothing was asked to be told meanwhile");
    let answer = answer.value().await;
    let machine = &answer["result"]["_meta"]["countersign.dev/refusal"];
    assert_eq!(
        (machine["code"].as_str(), machine["case"]["url"].as_str()),
        (Some("approval-pending"), Some("https://gate.example/cases/1"))
    );
    assert_eq!(
        web.door.log().iter().filter(|l| l.starts_with("wait")).collect::<Vec<_>>(),
        ["wait 5000", "wait 5000", "wait 2000"]
    );
    assert_eq!((web.door.count("dispatch"), web.door.count("withdrawn")), (0, 0), "the case stays for a later call");
}

#[tokio::test]
async fn a_call_that_people_refuse_is_refused() {
    let web = web(one(Era::Stateful).verdicts(&[Verdict::Hold]).waits(&[Wait::Refused]));
    let session = web.open("/mcp", INIT).await;
    let answer = web.post(&session, SILENT).await.value().await;
    assert_eq!(answer["result"]["_meta"]["countersign.dev/refusal"]["code"], "approval-denied");
    assert_eq!(web.door.count("dispatch"), 0);
}

#[tokio::test]
async fn a_call_that_is_held_again_and_again_ends() {
    let holds = [Verdict::Hold, Verdict::Hold, Verdict::Hold, Verdict::Hold];
    let web = web(one(Era::Stateful).verdicts(&holds).waits(&[
        Wait::Approved,
        Wait::Approved,
        Wait::Approved,
        Wait::Approved,
    ]));
    let session = web.open("/mcp", INIT).await;
    let answer = web.post(&session, SILENT).await.value().await;
    assert_eq!(answer["result"]["_meta"]["countersign.dev/refusal"]["code"], "approval-pending");
    assert_eq!((web.door.count("call"), web.door.count("dispatch")), (3, 0));
}

#[tokio::test]
async fn a_withdrawn_call_never_runs() {
    let web = web(one(Era::Stateful).verdicts(&[Verdict::Hold]).waits(&[Wait::Forever]));
    let session = web.open("/mcp", INIT).await;
    let answer = web.post(&session, CALL).await;
    web.door.seen("wait").await;
    web.post(&session, r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#).await;
    web.door.seen("dropped wait").await;
    web.door.seen("withdrawn case").await;
    assert!(!answer.all().await.contains("\"result\""), "a withdrawn request gets no answer");
    assert_eq!((web.door.count("call"), web.door.count("dispatch"), web.door.count("send")), (1, 0, 0));
}

#[tokio::test]
async fn a_stateless_client_that_leaves_withdraws_its_call() {
    let web = web(one(Era::Stateless).verdicts(&[Verdict::Hold]).waits(&[Wait::Forever]));
    let mut answer = web.modern("tools/call", 1, r#""name":"t""#, Some("t")).await;
    assert_eq!(answer.data().await["params"]["progressToken"], "p1");
    drop(answer);
    web.door.seen("dropped wait").await;
    web.door.seen("withdrawn case").await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!((web.door.count("call"), web.door.count("dispatch")), (1, 0));
}

#[tokio::test]
async fn a_client_that_can_is_shown_where_people_decide() {
    let web = web(one(Era::Stateful).verdicts(&[Verdict::Hold]).waits(&[Wait::Open, Wait::Approved]));
    let session = web.open("/mcp", &init_with(URL)).await;
    let mut answer = web.post(&session, SILENT).await;
    let ask = answer.data().await;
    assert_eq!(
        (ask["method"].as_str(), ask["params"]["url"].as_str()),
        (Some("elicitation/create"), Some("https://gate.example/cases/1"))
    );
    let reply = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{"action":"accept"}}}}"#, ask["id"]);
    assert_eq!(web.post(&session, &reply).await.status, 202);
    assert_eq!(answer.data().await["method"], "notifications/elicitation/complete");
    assert_eq!(answer.data().await["result"]["content"][0]["text"], "done");
    assert_eq!(web.door.count("send"), 0, "the answer goes nowhere");
}

#[tokio::test]
async fn to_accept_the_page_is_no_vote() {
    let web = web(one(Era::Stateless).verdicts(&[Verdict::Hold, Verdict::Hold, Verdict::Hold]));
    let send = async |id: u64, more: &str| {
        let (request, body) = modern("tools/call", id, &format!(r#""name":"t"{more}"#), URL, Some("t"));
        let mut answer = web.send(request.body(Body::from(body)).unwrap()).await;
        loop {
            let value = if answer.is_stream() { answer.data().await } else { return answer.value().await };
            if value.get("result").is_some() {
                return value;
            }
        }
    };
    let first = send(1, "").await;
    assert_eq!(first["result"]["resultType"], "input_required");
    let shown = &first["result"]["inputRequests"]["countersign.dev/approval"];
    assert_eq!((shown["method"].as_str(), shown["params"]["mode"].as_str()), (Some("elicitation/create"), Some("url")));
    assert!(shown["params"].get("elicitationId").is_none());
    let second = send(2, r#","inputResponses":{"countersign.dev/approval":{"action":"accept"}}"#).await;
    assert_eq!(second["result"]["_meta"]["countersign.dev/refusal"]["code"], "approval-pending");
    let third = send(3, r#","inputResponses":{"countersign.dev/approval":{"action":"decline"}}"#).await;
    assert_eq!(third["result"]["_meta"]["countersign.dev/refusal"]["code"], "approval-pending");
    let calls = web.door.state.lock().unwrap().calls.clone();
    assert!(calls.iter().all(|call| call.inputs.is_none() && !call.request.text().contains("approval")));
    assert_eq!(web.door.count("dispatch"), 0);
}

#[tokio::test]
async fn a_broken_connection_withdraws_a_stateless_call() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let web = web(one(Era::Stateless).verdicts(&[Verdict::Hold]).waits(&[Wait::Forever]));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(axum::serve(listener, web.routes.clone()).into_future());
    let (_, body) = modern("tools/call", 1, r#""name":"t""#, "{}", Some("t"));
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer alpha\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n\
         Mcp-Name: t\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut seen = [0; 12];
    socket.read_exact(&mut seen).await.unwrap();
    assert_eq!(&seen, b"HTTP/1.1 200");
    web.door.seen("wait").await;
    drop(socket);
    web.door.seen("dropped wait").await;
    web.door.seen("withdrawn case").await;
    assert_eq!(web.door.count("dispatch"), 0);
    serving.abort();
}
