//! Several servers behind one endpoint.

use control::door::Era;
use serde_json::Value;

use crate::fake::{Act, Door, door, name, server};
use crate::web::{INIT, Web, json, web};

fn two(era: Era) -> Door {
    let (mut files, mut mail) = (server(era), server(era));
    files.hello = files.hello.replace(r#""capabilities""#, r#""instructions":"Be careful.","capabilities""#);
    mail.hello = mail.hello.replace("2025-11-25", "2025-06-18").replace(r#""logging":{}"#, r#""completions":{}"#);
    let list = |uri: &str| Act {
        answer: format!(r#""result":{{"resources":[{{"uri":"{uri}","name":"n"}},{{"uri":"both://x","name":"n"}}]}}"#),
        ..Act::default()
    };
    files.acts.insert("resources/list", list("file:///a"));
    mail.acts.insert("resources/list", list("mail:///a"));
    let template = r#""result":{"resourceTemplates":[{"uriTemplate":"mail:///box/{n}","name":"n"}]}"#;
    mail.acts.insert("resources/templates/list", Act { answer: template.into(), ..Act::default() });
    door(&[("files", files), ("mail", mail)])
}

async fn ask(web: &Web, session: &str, method: &str, params: &str) -> Value {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    web.post(session, &body).await.value().await
}

#[tokio::test]
async fn they_introduce_themselves_as_one() {
    let web = web(two(Era::Stateful));
    let request = crate::web::base("POST", "/mcp").body(axum::body::Body::from(INIT)).unwrap();
    let result = web.send(request).await.value().await["result"].clone();
    assert_eq!(
        (result["protocolVersion"].as_str(), result["serverInfo"]["name"].as_str()),
        (Some("2025-06-18"), Some("countersign"))
    );
    assert_eq!(result["instructions"], "## files\n\nBe careful.");
    assert!(result["capabilities"]["logging"].is_object() && result["capabilities"]["completions"].is_object());
    assert_eq!(web.door.count("connect"), 2);
}

#[tokio::test]
async fn tools_and_prompts_carry_the_name_of_their_server() {
    let web = web(two(Era::Stateful));
    let session = web.open("/mcp", INIT).await;
    let list = ask(&web, &session, "tools/list", "{}").await;
    let names: Vec<&str> =
        list["result"]["tools"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["files__t", "mail__t"]);
    assert_eq!(web.door.state.lock().unwrap().observed.len(), 2);
    ask(&web, &session, "tools/call", r#"{"name":"mail__t","odd": 1.0}"#).await;
    let call = web.door.state.lock().unwrap().calls[0].clone();
    assert_eq!((call.server, call.operation.as_str()), (name("mail"), "t"));
    assert_eq!(call.request.member("params"), Some(r#"{"name":"t","odd":1.0}"#));
    assert_eq!(ask(&web, &session, "tools/call", r#"{"name":"t"}"#).await["error"]["code"], -32602);
    ask(&web, &session, "prompts/get", r#"{"name":"files__p"}"#).await;
    let (server, text) = web.door.state.lock().unwrap().relayed.last().unwrap().clone();
    assert_eq!((server, json(&text)["params"]["name"].as_str()), (name("files"), Some("p")));
    assert_eq!(ask(&web, &session, "tools/list", r#"{"cursor":"x"}"#).await["error"]["code"], -32602);
}

#[tokio::test]
async fn a_resource_is_read_from_the_server_that_lists_it() {
    let web = web(two(Era::Stateful));
    let session = web.open("/mcp", INIT).await;
    for (uri, expected) in [("file:///a", "files"), ("mail:///a", "mail"), ("mail:///box/7", "mail")] {
        ask(&web, &session, "resources/read", &format!(r#"{{"uri":"{uri}"}}"#)).await;
        let server = web.door.state.lock().unwrap().calls.last().unwrap().server.clone();
        assert_eq!(server, name(expected), "{uri}");
    }
    let answer = ask(&web, &session, "resources/read", r#"{"uri":"both://x"}"#).await;
    assert!(answer["error"]["message"].as_str().unwrap().contains("several servers"));
    assert_eq!(web.door.count("call"), 3);
}

#[tokio::test]
async fn questions_of_two_servers_are_told_apart() {
    let question = r#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{}}"#;
    let web = web(two(Era::Stateful));
    let session = web.open("/mcp", INIT).await;
    let mut stream = web.get(&session, None).await;
    web.door.unsolicited("files", question).await;
    let first = stream.data().await["id"].clone();
    web.door.unsolicited("mail", question).await;
    let second = stream.data().await["id"].clone();
    assert_ne!(first, second);
    web.post(&session, &format!(r#"{{"jsonrpc":"2.0","id":{second},"result":{{"action":"accept"}}}}"#)).await;
    let (server, text) = web.door.state.lock().unwrap().sent.last().unwrap().clone();
    assert_eq!((server, json(&text)["id"].as_i64()), (name("mail"), Some(1)));
    let withdrawn = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    web.door.unsolicited("files", withdrawn).await;
    assert_eq!(stream.data().await["params"]["requestId"], first);
}

#[tokio::test]
async fn a_withdrawal_reaches_the_server_that_has_the_call() {
    let web = web(two(Era::Stateful).act("tools/call", Act { hangs: true, ..Act::default() }));
    let session = web.open("/mcp", INIT).await;
    let calling = ask(&web, &session, "tools/call", r#"{"name":"mail__t"}"#);
    let withdrawing = async {
        web.door.seen("dispatch").await;
        web.post(&session, r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#).await;
        web.door.seen("send mail notifications/cancelled").await;
    };
    tokio::select! {
        _ = calling => panic!("a withdrawn request was answered"),
        () = withdrawing => {}
    }
    assert_eq!(web.door.count("send files"), 0);
}

#[tokio::test]
async fn they_are_discovered_as_one() {
    let web = web(two(Era::Stateless));
    let result = web.modern("server/discover", 1, "", None).await.value().await["result"].clone();
    assert_eq!((result["cacheScope"].as_str(), result["ttlMs"].as_i64()), (Some("private"), Some(5)));
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "countersign");
    let list = web.modern("tools/list", 2, "", None).await.value().await["result"].clone();
    assert_eq!((list["tools"].as_array().unwrap().len(), list["resultType"].as_str()), (2, Some("complete")));
    let answer = web.modern("tools/call", 3, r#""name":"files__t""#, Some("files__t")).await;
    assert_eq!(answer.value().await["result"]["content"][0]["text"], "done");
}

#[tokio::test]
async fn one_of_them_alone_passes_under_its_own_names() {
    let web = web(two(Era::Stateful));
    let request = crate::web::base("POST", "/mcp/mail").body(axum::body::Body::from(INIT)).unwrap();
    assert!(web.send(request).await.all().await.contains(r#""zz": 1.0"#));
    assert_eq!(web.door.count("connect"), 1);
}

#[tokio::test]
async fn what_they_tell_comes_on_one_stream() {
    let ack = |uri: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":1}},"notifications":{{"toolsListChanged":true,"resourceSubscriptions":["{uri}"]}}}}}}"#
        )
    };
    let updated = r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///a"}}"#;
    let mut door = two(Era::Stateless);
    let files = Act { before: vec![ack("file:///a"), updated.into()], hangs: true, ..Act::default() };
    let mail = Act { before: vec![ack("mail:///a")], hangs: true, ..Act::default() };
    door.servers.get_mut(&name("files")).unwrap().acts.insert("subscriptions/listen", files);
    door.servers.get_mut(&name("mail")).unwrap().acts.insert("subscriptions/listen", mail);
    let web = web(door);
    let wanted = r#""notifications":{"toolsListChanged":true,"resourceSubscriptions":["mail:///a","file:///a"]}"#;
    let mut stream = web.modern("subscriptions/listen", 1, wanted, None).await;
    let first = stream.data().await;
    assert_eq!(
        first["params"]["notifications"],
        json(r#"{"toolsListChanged":true,"resourceSubscriptions":["file:///a","mail:///a"]}"#)
    );
    assert_eq!(stream.data().await, json(updated));
    assert_eq!(web.door.count("call files.mcp:subscriptions/listen"), 1);
    assert_eq!(web.door.count("call mail.mcp:subscriptions/listen"), 1);
    drop(stream);
    web.door.seen("dropped upstream").await;
}
