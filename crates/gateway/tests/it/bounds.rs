//! What stops an agent: kill switches on what is relayed, and bounds that are each agent's own.

use axum::body::Body;
use control::door::Era;
use countersign_gateway::HttpConfig;
use futures_util::future::join_all;

use crate::fake::{Act, one};
use crate::web::{INIT, base, config, web, web_with};

#[tokio::test]
async fn a_killed_agent_is_refused_what_is_relayed() {
    let web = web(one(Era::Stateful));
    let session = web.open("/mcp", INIT).await;
    web.door.state.lock().unwrap().killed = true;
    for (method, params) in [
        ("tools/list", "{}"),
        ("resources/list", "{}"),
        ("resources/templates/list", "{}"),
        ("prompts/list", "{}"),
        ("prompts/get", r#"{"name":"p"}"#),
        ("completion/complete", r#"{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":""}}"#),
        ("logging/setLevel", r#"{"level":"info"}"#),
        ("resources/unsubscribe", r#"{"uri":"file:///a"}"#),
        ("tasks/get", r#"{"taskId":"x"}"#),
        ("tasks/result", r#"{"taskId":"x"}"#),
        ("tasks/list", "{}"),
        ("tasks/cancel", r#"{"taskId":"x"}"#),
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        let answer = web.post(&session, &body).await.value().await;
        assert_eq!(answer["error"]["data"]["code"], "killed", "{method}");
    }
    assert_eq!(web.door.count("relay"), 0);
}

#[tokio::test]
async fn a_killed_agent_is_refused_in_the_later_version_too() {
    let web = web(one(Era::Stateless));
    web.door.state.lock().unwrap().killed = true;
    for (method, params, name) in [
        ("server/discover", "", None),
        ("prompts/get", r#""name":"p""#, Some("p")),
        ("tasks/get", r#""taskId":"x""#, Some("x")),
        ("tasks/update", r#""taskId":"x","inputResponses":{}"#, Some("x")),
        ("subscriptions/listen", r#""notifications":{"toolsListChanged":true}"#, None),
    ] {
        let answer = web.modern(method, 1, params, name).await.value().await;
        assert_eq!(answer["error"]["data"]["code"], "killed", "{method}");
    }
    assert_eq!((web.door.count("relay"), web.door.count("call")), (0, 0));
}

#[tokio::test]
async fn what_a_killed_agents_user_answers_reaches_no_server() {
    let ask = r#"{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"password?"}}"#;
    let web = web(one(Era::Stateful).act("tools/call", Act { before: vec![ask.into()], asks: true, ..Act::default() }));
    let session = web.open("/mcp", INIT).await;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#;
    let mut answer = web.post(&session, call).await;
    assert_eq!(answer.data().await["id"], "q");
    assert_eq!(
        web.door.count(r#"asked files elicitation/create {"message":"password?"}"#),
        1,
        "it is decided with its text"
    );
    web.door.state.lock().unwrap().killed = true;
    web.post(&session, r#"{"jsonrpc":"2.0","id":"q","result":{"action":"accept","content":{"p":"secret"}}}"#).await;
    web.door.seen("send files answer").await;
    let (_, told) = web.door.state.lock().unwrap().sent[0].clone();
    assert!(told.contains("\"killed\"") && !told.contains("secret"), "{told}");
}

#[tokio::test]
async fn sessions_are_counted_for_each_agent_and_without_a_race() {
    let web = web_with(one(Era::Stateful), HttpConfig { sessions_max: 3, ..config() });
    let opening = (0..8).map(|_| web.send(base("POST", "/mcp").body(Body::from(INIT)).unwrap()));
    let answers = join_all(opening).await;
    let opened: Vec<String> =
        answers.iter().filter_map(|a| Some(a.headers.get("mcp-session-id")?.to_str().unwrap().to_owned())).collect();
    assert_eq!(opened.len(), 3);
    let beta = web.as_beta(base("POST", "/mcp").body(Body::from(INIT)).unwrap()).await;
    assert!(beta.headers.contains_key("mcp-session-id"), "another agent has room of its own");
    let delete = base("DELETE", "/mcp").header("mcp-session-id", &opened[0]).body(Body::empty()).unwrap();
    assert_eq!(web.send(delete).await.status, 200);
    web.open("/mcp", INIT).await;
}

#[tokio::test]
async fn what_the_protocol_does_not_know_is_decided_on() {
    let web = web(one(Era::Stateful));
    let session = web.open("/mcp", INIT).await;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","odd":[ 1 ],"_meta":{"a":1}}}"#;
    web.post(&session, call).await.value().await;
    assert_eq!(web.door.state.lock().unwrap().calls[0].rest.as_deref(), Some(r#"{"odd":[ 1 ]}"#));
    let plain =
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t","arguments":{},"_meta":{"a":1}}}"#;
    web.post(&session, plain).await.value().await;
    assert_eq!(web.door.state.lock().unwrap().calls[1].rest, None);
}

#[tokio::test]
async fn a_killed_agent_hears_nothing_of_its_subscriptions() {
    let web = web(one(Era::Stateful));
    let session = web.open("/mcp", INIT).await;
    let mut stream = web.get(&session, None).await;
    let updated = r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///a"}}"#;
    web.door.unsolicited("files", updated).await;
    assert_eq!(stream.data().await["params"]["uri"], "file:///a");
    web.door.state.lock().unwrap().killed = true;
    web.door.unsolicited("files", updated).await;
    web.door.unsolicited("files", r#"{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}"#).await;
    assert_eq!(stream.data().await["method"], "notifications/prompts/list_changed");
}
