//! What a hostile server or client tries: texts that readers disagree about, lists without end, questions without number.

use std::time::Duration;

use control::door::Era;
use futures_util::future::join_all;
use serde_json::Value;

use crate::fake::{Act, Door, door, name, one, server};
use crate::web::{INIT, json, web};

const LIST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{}}"#;
const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#;

fn answers(result: &str) -> Act {
    Act { answer: format!(r#""result":{result}"#), ..Act::default() }
}

fn two(era: Era, method: &'static str, first: Act, second: Option<Act>) -> Door {
    let mut door = door(&[("files", server(era)), ("mail", server(era))]);
    let mut set = |server: &str, act| door.servers.get_mut(&name(server)).unwrap().acts.insert(method, act);
    set("files", first);
    second.map(|second| set("mail", second));
    door
}

fn notification(method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"notifications/{method}","params":{{"progressToken":1,"progress":1}}}}"#)
}

fn question(id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":"{id}","method":"elicitation/create","params":{{"message":"m"}}}}"#)
}

#[tokio::test]
async fn a_subscription_that_names_a_key_twice_reaches_no_server() {
    for door in [one(Era::Stateless), two(Era::Stateless, "x", Act::default(), None), one(Era::Stateful)] {
        let web = web(door);
        for wanted in [
            r#""notifications":{"resourceSubscriptions":[],"resourceSubscriptions":["secret://x"]}"#,
            r#""notifications":{"taskIds":[],"\u0074askIds":["theirs"]}"#,
            r#""notifications":["resourceSubscriptions"]"#,
        ] {
            let refused = web.modern("subscriptions/listen", 1, wanted, None).await.value().await;
            assert_eq!(refused["error"]["code"], -32602, "{wanted}");
        }
        assert_eq!((web.door.count("relay"), web.door.count("call")), (0, 0));
    }
}

const POISONED: &str = r#"{"name":"p","description":"evil","inputSchema":{"a":1,"a":2}}"#;

#[tokio::test]
async fn a_tool_that_cannot_be_compared_is_observed_and_not_shown() {
    let list = answers(&format!(
        r#"{{"tools":[{POISONED},{{"name":"t","x": 1.0}},{{"name":"u"}},{{"name":"u","title":"v"}}],"xx": 1.0}}"#
    ));
    for (door, shown) in [
        (one(Era::Stateful).act("tools/list", list.clone()), "t"),
        (two(Era::Stateful, "tools/list", list, Some(answers(r#"{"tools":[]}"#))), "files__t"),
    ] {
        let web = web(door);
        let session = web.open("/mcp", INIT.replace("2025-11-25", "2025-06-18").as_str()).await;
        let answer = web.post(&session, LIST).await.value().await;
        let names: Vec<&Value> =
            answer["result"]["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
        assert_eq!(names, [shown]);
        let observed = web.door.state.lock().unwrap().observed[0].1.clone();
        assert_eq!((observed.len(), observed[0].as_str()), (4, POISONED), "the catalogue hears of it");
    }
}

#[tokio::test]
async fn a_tool_defined_otherwise_on_a_later_page_is_not_shown() {
    let list = Act {
        answer: r#""result":{"tools":[{"name":"t"},{"name":"u"}],"nextCursor":"2"}"#.into(),
        paged: Some(r#""result":{"tools":[{"name":"t","description":"evil"}]}"#.into()),
        ..Act::default()
    };
    let web = web(one(Era::Stateless).act("tools/list", list));
    let answer = web.modern("tools/list", 1, "", None).await.value().await;
    assert_eq!(answer["result"]["tools"], json(r#"[{"name":"u"}]"#));
}

#[tokio::test]
async fn a_killed_agent_notifies_no_server_but_of_what_it_withdraws() {
    let web = web(one(Era::Stateful).act("tools/call", Act { hangs: true, ..Act::default() }));
    let session = web.open("/mcp", INIT).await;
    let calling = web.post(&session, CALL);
    let notifying = async {
        web.door.seen("dispatch").await;
        web.door.state.lock().unwrap().killed = true;
        for method in ["initialized", "roots/list_changed", "progress"] {
            web.post(&session, &notification(method)).await;
        }
        let cancelled = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
        web.post(&session, cancelled).await;
        web.door.seen("send files notifications/cancelled").await;
    };
    tokio::select! {
        _ = calling => panic!("a withdrawn request was answered"),
        () = notifying => {}
    }
    web.door.state.lock().unwrap().killed = false;
    web.post(&session, &notification("roots/list_changed")).await;
    web.door.seen("send files notifications/roots/list_changed").await;
    assert_eq!(web.door.count("send"), 2, "{:?}", web.door.log());
}

#[tokio::test]
async fn a_server_whose_tools_always_change_is_listed_a_few_times() {
    let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    let list = Act { before: vec![changed.into()], ..answers(r#"{"tools":[{"name":"t"}]}"#) };
    let web = web(one(Era::Stateful).act("tools/list", list));
    let session = web.open("/mcp", INIT).await;
    let mut answer = web.post(&session, LIST).await;
    while answer.data().await.get("result").is_none() {}
    assert_eq!(web.door.count("relay files tools/list"), 3, "the client's, and twice because of a change");
    web.door.unsolicited("files", changed).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(web.door.count("relay files tools/list"), 5, "the next change is heard again");
}

#[tokio::test]
async fn a_list_that_is_too_long_is_given_up() {
    let page = |next: &str| format!(r#"{{"tools":[{{"name":"t","x":"{}"}}]{next}}}"#, "x".repeat(1_000_000));
    let list = answers(&page(r#","nextCursor":"1""#));
    let web = web(one(Era::Stateful).act("tools/list", list));
    let session = web.open("/mcp", INIT).await;
    let answer = web.post(&session, LIST).await.value().await;
    assert_eq!(answer["error"]["data"]["code"], "result-too-large");
    assert_eq!(web.door.count("relay"), 1 + 68, "64 MiB, and the page that is too much");
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_left_out_of_a_list() {
    let web = web(two(Era::Stateful, "tools/list", Act { hangs: true, ..Act::default() }, None));
    let session = web.open("/mcp", INIT).await;
    let answer = tokio::time::timeout(Duration::from_secs(60), async { web.post(&session, LIST).await.data().await });
    let tools = answer.await.expect("it is answered")["result"]["tools"].clone();
    assert_eq!((tools.as_array().unwrap().len(), tools[0]["name"].as_str()), (1, Some("mail__t")));
}

#[tokio::test(start_paused = true)]
async fn one_server_does_not_acknowledge_for_another() {
    let acknowledged = r#"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"toolsListChanged":true}}}"#;
    let twice = Act { before: vec![acknowledged.into(), acknowledged.into()], hangs: true, ..Act::default() };
    let silent = Act { hangs: true, ..Act::default() };
    let web = web(two(Era::Stateless, "subscriptions/listen", twice, Some(silent)));
    let wanted = r#""notifications":{"toolsListChanged":true}"#;
    let answer = tokio::time::timeout(Duration::from_secs(600), async {
        web.modern("subscriptions/listen", 1, wanted, None).await.data().await
    });
    let answer = answer.await.expect("a missing acknowledgement ends it");
    assert_eq!(answer["error"]["data"]["code"], "upstream-timeout");
}

#[tokio::test]
async fn requests_without_sessions_are_counted_for_each_agent() {
    let web = web(one(Era::Stateless).act("tools/call", Act { hangs: true, ..Act::default() }));
    let call = |id| web.modern("tools/call", id, r#""name":"t""#, Some("t"));
    let hanging = join_all((0..1_024).map(call));
    let one_more = async {
        while web.door.count("dispatch") < 1_024 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::timeout(Duration::from_secs(60), call(1_024)).await.expect("it is refused").value().await
    };
    tokio::select! {
        _ = hanging => panic!("what hangs was answered"),
        refused = one_more => assert_eq!(refused["error"]["data"]["code"], "overloaded"),
    }
    let mut list = Value::Null;
    for _ in 0..600 {
        list = web.modern("tools/list", 1, "", None).await.value().await;
        if list["result"].is_object() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("what was withdrawn counts still: {list}");
}

#[tokio::test]
async fn a_question_that_its_server_withdraws_is_forgotten() {
    let withdrawn = |n: usize| {
        let cancelled =
            format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":"q{n}"}}}}"#);
        [question(&format!("q{n}")), cancelled]
    };
    let act = Act { before: (0..300).flat_map(withdrawn).collect(), ..answers(r#"{"content":[]}"#) };
    let web = web(one(Era::Stateful).act("tools/call", act));
    let session = web.open("/mcp", INIT).await;
    let mut answer = web.post(&session, CALL).await;
    while answer.data().await.get("result").is_none() {}
    assert_eq!(web.door.count("send files answer"), 0, "no question was refused");
}

#[tokio::test]
async fn questions_without_number_are_refused_as_too_many() {
    let act = Act { before: (0..257).map(|n| question(&format!("q{n}"))).collect(), ..answers(r#"{"content":[]}"#) };
    let web = web(one(Era::Stateful).act("tools/call", act));
    let session = web.open("/mcp", INIT).await;
    let mut answer = web.post(&session, CALL).await;
    while answer.data().await.get("result").is_none() {}
    let sent = web.door.state.lock().unwrap().sent.clone();
    assert_eq!((sent.len(), json(&sent[0].1)["error"]["data"]["code"].as_str()), (1, Some("overloaded")));
}

#[tokio::test]
async fn the_questions_of_a_server_that_is_gone_are_forgotten() {
    let act = Act { before: vec![question("q")], ..answers(r#"{"content":[]}"#) };
    let web = web(one(Era::Stateful).act("tools/call", act));
    let session = web.open("/mcp", INIT).await;
    let mut stream = web.get(&session, None).await;
    web.door.unsolicited("files", &question("q")).await;
    assert_eq!(stream.data().await["id"], "q");
    web.door.state.lock().unwrap().unsolicited.clear();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let mut answer = web.post(&session, CALL).await;
    assert_eq!(answer.data().await["id"], "q", "another asks under the same id");
}
