//! Subscriptions of one era at a server of the other.

use std::time::Duration;

use control::door::Era;

use crate::fake::{Act, Door, Verdict, one};
use crate::web::{INIT, Web, json, web};

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

fn about(method: &str, uri: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":3,"method":"{method}","params":{{"uri":"{uri}"}}}}"#)
}

/// A server without sessions that acknowledges a subscription and tells of one change.
fn telling(granted: &str, news: &str) -> Act {
    let meta = r#""_meta":{"io.modelcontextprotocol/subscriptionId":$ID}"#;
    let acknowledged = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{{meta},"notifications":{granted}}}}}"#
    );
    let news = format!(r#"{{"jsonrpc":"2.0","method":"{news}","params":{{{meta},"uri":"file:///a"}}}}"#);
    Act { before: vec![acknowledged, news], hangs: true, ..Act::default() }
}

fn listens(door: &Door) -> Vec<String> {
    let state = door.state.lock().unwrap();
    let relayed = state.relayed.iter().map(|(_, text)| text.clone());
    relayed.filter(|text| text.contains("subscriptions/listen")).collect()
}

#[tokio::test]
async fn a_session_subscribes_at_a_server_without_sessions() {
    let act = telling(r#"{"resourceSubscriptions":["file:///a"]}"#, "notifications/resources/updated");
    let web = web(one(Era::Stateless).act("subscriptions/listen", act));
    let session = web.open("/mcp", INIT).await;
    let answer = web.post(&session, &about("resources/subscribe", "file:///a")).await.value().await;
    assert_eq!(answer["result"], json("{}"));
    let call = web.door.state.lock().unwrap().calls[0].clone();
    assert_eq!(
        (call.operation.as_str(), call.arguments.as_str()),
        ("mcp:subscriptions/listen", r#"{"notifications":{"resourceSubscriptions":["file:///a"]}}"#)
    );
    let mut stream = web.get(&session, None).await;
    let told = stream.data().await;
    assert_eq!(
        told,
        json(r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///a"}}"#)
    );
    web.post(&session, &about("resources/subscribe", "file:///a")).await.value().await;
    assert_eq!(web.door.count("call"), 1, "it listens already");
    let ended = web.post(&session, &about("resources/unsubscribe", "file:///a")).await.value().await;
    assert_eq!(ended["result"], json("{}"));
    web.door.seen("dropped upstream").await;
}

#[tokio::test]
async fn a_subscription_that_is_refused_or_not_granted_is_none() {
    let act = telling("{}", "notifications/resources/updated");
    let web = web(one(Era::Stateless).act("subscriptions/listen", act).verdicts(&[Verdict::Refuse]));
    let session = web.open("/mcp", INIT).await;
    let subscribe = about("resources/subscribe", "file:///a");
    assert_eq!(web.post(&session, &subscribe).await.value().await["error"]["data"]["code"], "policy-forbids");
    assert_eq!(web.door.count("dispatch"), 0);
    assert_eq!(web.post(&session, &subscribe).await.value().await["error"]["code"], -32602);
    web.door.seen("dropped upstream").await;
}

#[tokio::test]
async fn a_session_hears_of_changed_lists_unasked() {
    let act = telling(r#"{"toolsListChanged":true}"#, "notifications/tools/list_changed");
    let web = web(one(Era::Stateless).act("subscriptions/listen", act));
    let session = web.open("/mcp", INIT).await;
    web.post(&session, INITIALIZED).await;
    let mut stream = web.get(&session, None).await;
    assert_eq!(stream.data().await["method"], "notifications/tools/list_changed");
    assert_eq!(web.door.state.lock().unwrap().observed.len(), 1, "the tools were listed again first");
    let asked = listens(&web.door);
    assert_eq!(json(&asked[0])["params"]["notifications"], json(r#"{"toolsListChanged":true}"#));
    let delete = crate::web::base("DELETE", "/mcp").header("mcp-session-id", &session);
    web.send(delete.body(axum::body::Body::empty()).unwrap()).await;
    web.door.seen("dropped upstream").await;
}

fn subscribable() -> Door {
    let done = |method| (method, Act { answer: r#""result":{}"#.into(), ..Act::default() });
    [done("resources/subscribe"), done("resources/unsubscribe")]
        .into_iter()
        .fold(one(Era::Stateful), |door, (method, act)| door.act(method, act))
}

const WANTED: &str =
    r#""notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourceSubscriptions":["file:///a"]}"#;

async fn told(web: &Web, method: &str, uri: &str) {
    let frame = format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"uri":"{uri}"}}}}"#);
    web.door.unsolicited("files", &frame).await;
}

#[tokio::test]
async fn a_client_without_sessions_listens_to_a_session() {
    let web = web(subscribable());
    let mut stream = web.modern("subscriptions/listen", 8, WANTED, None).await;
    let first = stream.data().await;
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(first["params"]["_meta"][SUBSCRIPTION], 8);
    let granted = json(r#"{"toolsListChanged":true,"resourceSubscriptions":["file:///a"]}"#);
    assert_eq!(first["params"]["notifications"], granted, "the server does not tell of prompts");
    assert_eq!(web.door.count(r#"call files.mcp:resources/subscribe {"uri":"file:///a"}"#), 1);

    let mut second = web.modern("subscriptions/listen", 9, WANTED, None).await;
    second.data().await;
    told(&web, "notifications/resources/updated", "file:///b").await;
    told(&web, "notifications/resources/updated", "file:///a/child").await;
    for (stream, id) in [(&mut stream, 8), (&mut second, 9)] {
        let news = stream.data().await;
        assert_eq!(
            (news["params"]["uri"].as_str(), news["params"]["_meta"][SUBSCRIPTION].as_u64()),
            (Some("file:///a/child"), Some(id))
        );
    }
    drop(stream);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(web.door.count("relay files resources/unsubscribe"), 0, "another stream still wants it");
    told(&web, "notifications/tools/list_changed", "").await;
    assert_eq!(second.data().await["method"], "notifications/tools/list_changed");
    drop(second);
    web.door.seen("relay files resources/unsubscribe").await;
}

#[tokio::test]
async fn a_stream_that_may_not_hear_of_a_resource_does_not_begin() {
    let web = web(subscribable().verdicts(&[Verdict::Refuse]));
    let refused = web.modern("subscriptions/listen", 8, WANTED, None).await.value().await;
    assert_eq!(refused["error"]["data"]["code"], "policy-forbids");
}

#[tokio::test]
async fn a_kill_ends_a_stream_that_listens() {
    let web = web(subscribable());
    let mut stream = web.modern("subscriptions/listen", 8, WANTED, None).await;
    stream.data().await;
    web.door.state.lock().unwrap().killed = true;
    assert_eq!(stream.data().await["error"]["data"]["code"], "killed");
}

#[tokio::test]
async fn a_stream_ends_with_its_server() {
    let web = web(subscribable());
    let mut stream = web.modern("subscriptions/listen", 8, WANTED, None).await;
    stream.data().await;
    web.door.state.lock().unwrap().unsolicited.clear();
    let last = stream.data().await;
    assert_eq!((last["id"].as_u64(), last["result"]["_meta"][SUBSCRIPTION].as_u64()), (Some(8), Some(8)));
}
