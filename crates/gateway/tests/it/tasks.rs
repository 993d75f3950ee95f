//! Calls that become tasks, and whose they are.

use axum::body::Body;
use axum::http::Request;
use control::door::Era;
use serde_json::Value;

use crate::fake::{Act, Door, Verdict, Wait, door, one, server};
use crate::web::{INIT, Web, base, json, modern, web};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","task":{"ttl":5,"x":1}}}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tasks/list"}"#;
const KNOWS: &str = r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;
const RELATED: &str = "io.modelcontextprotocol/related-task";

fn about(method: &str, task: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":9,"method":"{method}","params":{{"taskId":"{task}"}}}}"#)
}

fn posted(session: &str, body: &str) -> Request<Body> {
    base("POST", "/mcp").header("mcp-session-id", session).body(Body::from(body.to_owned())).unwrap()
}

async fn open_as_beta(web: &Web) -> String {
    let answer = web.as_beta(base("POST", "/mcp").body(Body::from(INIT)).unwrap()).await;
    answer.headers["mcp-session-id"].to_str().unwrap().to_owned()
}

/// A server that runs tasks of tools itself.
fn with_tasks() -> Door {
    let mut native = server(Era::Stateful);
    let tasks = r#""tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}},"tools""#;
    native.hello = native.hello.replacen("\"tools\"", tasks, 1);
    let answers = [
        ("tools/call", r#""result":{"task":{"taskId":"up-1","status":"working","odd": 1.0}}"#),
        ("tasks/get", r#""result":{"taskId":"up-1","status":"completed"}"#),
        ("tasks/list", r#""result":{"tasks":[{"taskId":"up-1"},{"taskId":"up-2"}],"nextCursor":"n"}"#),
        ("tasks/cancel", r#""result":{"taskId":"up-1","status":"cancelled"}"#),
        (
            "tasks/result",
            r#""result":{"content":[],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"up-1"}}}"#,
        ),
    ];
    for (method, answer) in answers {
        native.acts.insert(method, Act { answer: answer.to_owned(), ..Act::default() });
    }
    door(&[("files", native)])
}

/// Asks after a task until it is no longer at work.
async fn settled(ask: impl AsyncFn() -> Value) -> Value {
    for _ in 0..6_000 {
        let shown = ask().await;
        if shown["status"] != "working" {
            return shown;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the task does not end");
}

#[tokio::test]
async fn a_held_call_is_answered_by_a_task_that_says_where_people_decide() {
    let web = web(one(Era::Stateful).verdicts(&[Verdict::Hold]).waits(&[Wait::Forever]));
    let session = web.open("/mcp", INIT).await;
    let made = web.post(&session, CALL).await.value().await["result"]["task"].clone();
    assert_eq!(made["status"], "working");
    assert!(made["statusMessage"].as_str().unwrap().contains("https://gate.example/cases/1"));
    assert_eq!((made["ttl"].as_i64(), made["pollInterval"].as_u64()), (Some(3_600_000), Some(5_000)));
    let id = made["taskId"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 32);
    let listed = web.post(&session, LIST).await.value().await;
    assert_eq!(listed["result"]["tasks"][0]["taskId"].as_str(), Some(id.as_str()));
    assert_eq!(web.post(&session, &about("tasks/get", &id)).await.value().await["result"]["status"], "working");

    let beta = open_as_beta(&web).await;
    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        let refused = web.as_beta(posted(&beta, &about(method, &id))).await.value().await;
        assert_eq!(refused["error"]["code"], -32602, "{method}");
    }
    assert_eq!(web.as_beta(posted(&beta, LIST)).await.value().await["result"], json(r#"{"tasks":[]}"#));

    let cancelled = web.post(&session, &about("tasks/cancel", &id)).await.value().await;
    assert_eq!(cancelled["result"]["status"], "cancelled");
    web.door.seen("withdrawn case").await;
    assert_eq!(web.post(&session, &about("tasks/cancel", &id)).await.value().await["error"]["code"], -32602);
    assert_eq!(web.post(&session, &about("tasks/result", &id)).await.value().await["error"]["code"], -32603);
    assert_eq!((web.door.count("call"), web.door.count("dispatch"), web.door.count("relay")), (1, 0, 0));
}

#[tokio::test]
async fn an_approved_task_runs_once_and_keeps_its_result() {
    let web = web(one(Era::Stateful).verdicts(&[Verdict::Hold]).waits(&[Wait::Open, Wait::Approved]));
    let session = web.open("/mcp", INIT).await;
    let made = web.post(&session, CALL).await.value().await["result"]["task"].clone();
    let id = made["taskId"].as_str().unwrap();
    let result = web.post(&session, &about("tasks/result", id)).await.value().await;
    assert_eq!((result["id"].as_u64(), result["result"]["content"][0]["text"].as_str()), (Some(9), Some("done")));
    assert_eq!(result["result"]["_meta"][RELATED]["taskId"], id);
    // Another session of the same agent finds it too.
    let later = web.open("/mcp", INIT).await;
    assert_eq!(web.post(&later, &about("tasks/get", id)).await.value().await["result"]["status"], "completed");
    assert_eq!((web.door.count("call"), web.door.count("dispatch")), (2, 1));
    let calls = web.door.state.lock().unwrap().calls.clone();
    assert!(!calls[0].request.text().contains("task\""), "the server knows no tasks: {}", calls[0].request.text());
    assert_ne!(calls[0].request.id().unwrap().as_json(), "1", "the client may use its id again");
}

#[tokio::test]
async fn a_task_that_people_refuse_has_failed() {
    let web = web(one(Era::Stateful).verdicts(&[Verdict::Hold]).waits(&[Wait::Refused]));
    let session = web.open("/mcp", INIT).await;
    let made = web.post(&session, CALL).await.value().await["result"]["task"].clone();
    let id = made["taskId"].as_str().unwrap();
    let result = web.post(&session, &about("tasks/result", id)).await.value().await;
    assert_eq!(result["result"]["_meta"]["countersign.dev/refusal"]["code"], "approval-denied");
    assert_eq!(web.post(&session, &about("tasks/get", id)).await.value().await["result"]["status"], "failed");
    assert_eq!(web.door.count("dispatch"), 0);
}

#[tokio::test]
async fn a_call_that_is_permitted_at_once_may_be_a_task_too() {
    let web = web(one(Era::Stateful));
    let session = web.open("/mcp", INIT).await;
    let made = web.post(&session, CALL).await.value().await["result"]["task"].clone();
    let result = web.post(&session, &about("tasks/result", made["taskId"].as_str().unwrap())).await.value().await;
    assert_eq!(result["result"]["content"][0]["text"], "done");
    let old = INIT.replace("2025-11-25", "2025-06-18");
    let session = web.open("/mcp", &old).await;
    assert_eq!(web.post(&session, CALL).await.value().await["result"]["content"][0]["text"], "done", "no tasks then");
}

#[tokio::test]
async fn a_session_that_ends_takes_what_is_held_with_it() {
    let web = web(one(Era::Stateful).verdicts(&[Verdict::Hold]).waits(&[Wait::Forever]));
    let session = web.open("/mcp", INIT).await;
    let made = web.post(&session, CALL).await.value().await["result"]["task"].clone();
    let delete = base("DELETE", "/mcp").header("mcp-session-id", &session).body(Body::empty()).unwrap();
    assert_eq!(web.send(delete).await.status, 200);
    web.door.seen("dropped wait").await;
    let later = web.open("/mcp", INIT).await;
    let get = about("tasks/get", made["taskId"].as_str().unwrap());
    let shown = settled(async || web.post(&later, &get).await.value().await["result"].clone()).await;
    assert_eq!(shown["status"], "failed");
    assert_eq!((web.door.count("dispatch"), web.door.count("withdrawn")), (0, 0), "the case stays for a later call");
}

#[tokio::test]
async fn a_servers_own_task_is_its_makers_alone() {
    let web = web(with_tasks());
    let session = web.open("/mcp", INIT).await;
    let listed = web.post(&session, r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#).await.all().await;
    assert!(!listed.contains("taskSupport"), "its tools say themselves what they can");
    let made = web.post(&session, CALL).await.all().await;
    assert!(made.contains(r#"{"task":{"taskId":"up-1","status":"working","odd": 1.0}}"#), "{made}");
    let sent = web.door.state.lock().unwrap().calls[0].request.text().to_owned();
    assert!(sent.contains(r#""task":{"ttl":5}"#), "{sent}");
    let page = web.post(&session, LIST).await.value().await;
    assert_eq!(page["result"], json(r#"{"tasks":[{"taskId":"up-1"}],"nextCursor":"n"}"#));
    assert_eq!(web.post(&session, &about("tasks/get", "up-1")).await.value().await["result"]["status"], "completed");

    let relayed = web.door.count("relay files tasks/");
    let beta = open_as_beta(&web).await;
    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        let refused = web.as_beta(posted(&beta, &about(method, "up-1"))).await.value().await;
        assert_eq!(refused["error"]["code"], -32602, "{method}");
    }
    assert_eq!(web.door.count("relay files tasks/"), relayed, "the server was not asked");
    let page = web.as_beta(posted(&beta, LIST)).await.value().await;
    assert_eq!(page["result"], json(r#"{"tasks":[],"nextCursor":"n"}"#));
}

#[tokio::test]
async fn news_of_somebody_elses_task_is_dropped() {
    let web = web(with_tasks());
    let session = web.open("/mcp", INIT).await;
    web.post(&session, CALL).await.value().await;
    let mut stream = web.get(&session, None).await;
    let news =
        |id: &str| format!(r#"{{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{{"taskId":"{id}"}}}}"#);
    web.door.unsolicited("files", &news("up-2")).await;
    web.door.unsolicited("files", &news("up-1")).await;
    assert_eq!(stream.data().await["params"]["taskId"], "up-1");
}

#[tokio::test]
async fn a_held_call_of_a_server_with_tasks_hides_its_task_behind_ours() {
    let web = web(with_tasks().verdicts(&[Verdict::Hold]).waits(&[Wait::Approved]));
    let session = web.open("/mcp", INIT).await;
    let made = web.post(&session, CALL).await.value().await["result"]["task"].clone();
    let id = made["taskId"].as_str().unwrap();
    assert_ne!(id, "up-1");
    let result = web.post(&session, &about("tasks/result", id)).await.value().await;
    assert_eq!(result["result"]["_meta"][RELATED]["taskId"], id);
    assert_eq!(web.door.count("relay files tasks/result"), 1);
    assert_eq!(web.post(&session, &about("tasks/get", "up-1")).await.value().await["error"]["code"], -32602);
}

async fn call_knowing(web: &Web) -> Value {
    let (request, body) = modern("tools/call", 1, r#""name":"t""#, KNOWS, Some("t"));
    web.send(request.body(Body::from(body)).unwrap()).await.value().await["result"].clone()
}

fn asking(method: &str, task: &str, more: &str, capabilities: &str) -> Request<Body> {
    let (request, body) = modern(method, 2, &format!(r#""taskId":"{task}"{more}"#), capabilities, Some(task));
    request.body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn a_request_that_declares_tasks_is_held_behind_one() {
    let web = web(one(Era::Stateless).verdicts(&[Verdict::Hold]).waits(&[Wait::Forever]));
    let made = call_knowing(&web).await;
    assert_eq!((made["resultType"].as_str(), made["status"].as_str()), (Some("task"), Some("working")));
    assert!(made["statusMessage"].as_str().unwrap().contains("https://gate.example/cases/1"));
    let id = made["taskId"].as_str().unwrap();
    let shown = web.send(asking("tasks/get", id, "", KNOWS)).await.value().await;
    assert_eq!(
        (shown["result"]["resultType"].as_str(), shown["result"]["status"].as_str()),
        (Some("complete"), Some("working"))
    );
    let undeclared = web.send(asking("tasks/get", id, "", "{}")).await;
    assert_eq!((undeclared.status.as_u16(), undeclared.value().await["error"]["code"].as_i64()), (400, Some(-32021)));
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let refused = web.as_beta(asking(method, id, "", KNOWS)).await.value().await;
        assert_eq!(refused["error"]["code"], -32602, "{method}");
    }
    let ended = web.send(asking("tasks/cancel", id, "", KNOWS)).await.value().await;
    assert_eq!(ended["result"], json(r#"{"resultType":"complete"}"#));
    web.door.seen("withdrawn case").await;
    assert_eq!(web.send(asking("tasks/get", id, "", KNOWS)).await.value().await["result"]["status"], "cancelled");
    assert_eq!(web.door.count("dispatch"), 0);
}

#[tokio::test]
async fn a_refused_call_completes_its_task_in_the_later_version() {
    let web = web(one(Era::Stateless).verdicts(&[Verdict::Hold]).waits(&[Wait::Refused]));
    let made = call_knowing(&web).await;
    let id = made["taskId"].as_str().unwrap().to_owned();
    let shown =
        settled(async || web.send(asking("tasks/get", &id, "", KNOWS)).await.value().await["result"].clone()).await;
    assert_eq!((shown["status"].as_str(), shown["result"]["isError"].as_bool()), (Some("completed"), Some(true)));
}

#[tokio::test]
async fn a_server_that_asks_back_asks_through_the_task() {
    let asks = r#""result":{"resultType":"input_required","inputRequests":{"k":{"method":"elicitation/create","params":{"message":"who?"}}},"requestState":"s"}"#;
    let web = web(one(Era::Stateless)
        .act("tools/call", Act { answer: asks.into(), ..Act::default() })
        .verdicts(&[Verdict::Hold, Verdict::Permit, Verdict::Refuse])
        .waits(&[Wait::Approved]));
    let made = call_knowing(&web).await;
    let id = made["taskId"].as_str().unwrap().to_owned();
    let get = async || web.send(asking("tasks/get", &id, "", KNOWS)).await.value().await["result"].clone();
    let shown = settled(get).await;
    assert_eq!(shown["status"], "input_required");
    assert_eq!(shown["inputRequests"]["0/k"]["params"]["message"], "who?");
    assert_eq!(web.door.count(r#"asked files elicitation/create {"message":"who?"}"#), 1);
    let answers = r#","inputResponses":{"0/k":{"action":"accept"},"other":1}"#;
    let taken = web.send(asking("tasks/update", &id, answers, KNOWS)).await.value().await;
    assert_eq!(taken["result"], json(r#"{"resultType":"complete"}"#));
    assert_eq!(settled(get).await["result"]["isError"], true, "the round is decided anew");
    let calls = web.door.state.lock().unwrap().calls.clone();
    assert_eq!(calls[2].inputs.as_deref(), Some(r#"{"inputResponses":{"k":{"action":"accept"}},"requestState":"s"}"#));
}

#[tokio::test]
async fn a_servers_own_task_is_followed_behind_a_held_one() {
    let made = r#""result":{"resultType":"task","taskId":"up-1","status":"working"}"#;
    let ended =
        r#""result":{"resultType":"complete","taskId":"up-1","status":"completed","result":{"content":[],"odd":1.0}}"#;
    let web = web(one(Era::Stateless)
        .act("tools/call", Act { answer: made.into(), ..Act::default() })
        .act("tasks/get", Act { answer: ended.into(), ..Act::default() })
        .verdicts(&[Verdict::Hold])
        .waits(&[Wait::Approved]));
    let held = call_knowing(&web).await;
    let id = held["taskId"].as_str().unwrap().to_owned();
    let shown =
        settled(async || web.send(asking("tasks/get", &id, "", KNOWS)).await.value().await["result"].clone()).await;
    assert_eq!(
        (shown["status"].as_str(), shown["result"].clone()),
        (Some("completed"), json(r#"{"content":[],"odd":1.0}"#))
    );
    let (_, asked) = web.door.state.lock().unwrap().relayed[0].clone();
    assert_eq!(json(&asked)["params"]["taskId"], "up-1");
    assert!(!asked.contains("progressToken"));
    // Permitted at once, the server's own task passes as it came, to its maker alone.
    let direct = call_knowing(&web).await;
    assert_eq!(direct, json(r#"{"resultType":"task","taskId":"up-1","status":"working"}"#));
    assert_eq!(web.send(asking("tasks/get", "up-1", "", KNOWS)).await.value().await["result"]["status"], "completed");
    assert_eq!(web.as_beta(asking("tasks/get", "up-1", "", KNOWS)).await.value().await["error"]["code"], -32602);
}

#[tokio::test]
async fn nobody_listens_to_somebody_elses_task() {
    let web =
        web(one(Era::Stateless).act("subscriptions/listen", Act { answer: r#""result":{}"#.into(), ..Act::default() }));
    let wanted = r#""notifications":{"toolsListChanged":true,"taskIds":["up-1"]}"#;
    web.modern("subscriptions/listen", 3, wanted, None).await.value().await;
    let (_, asked) = web.door.state.lock().unwrap().relayed[0].clone();
    assert_eq!(json(&asked)["params"]["notifications"], json(r#"{"toolsListChanged":true,"taskIds":[]}"#));
}

#[tokio::test]
async fn callers_who_cannot_be_told_apart_have_no_tasks() {
    let mut unkeyed = one(Era::Stateful).verdicts(&[Verdict::Hold]);
    unkeyed.anonymous = true;
    let web = web(unkeyed);
    let send = async |session: &str, body: &str| {
        let mut request = posted(session, body);
        request.headers_mut().remove("authorization");
        web.send(request).await
    };
    let first = send("", INIT).await;
    let session = first.headers["mcp-session-id"].to_str().unwrap().to_owned();
    assert!(!first.all().await.contains("tasks"));
    assert!(
        !send(&session, r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#).await.all().await.contains("taskSupport")
    );
    let held = send(&session, CALL).await.value().await;
    assert_eq!(held["result"]["_meta"]["countersign.dev/refusal"]["code"], "approval-pending");
    assert_eq!(
        send(&session, &about("tasks/get", "x")).await.value().await["error"]["code"],
        -32601,
        "the server's word"
    );
}

#[tokio::test]
async fn a_task_that_nobody_heard_of_is_cancelled() {
    let web = web(one(Era::Stateful).act("tools/call", Act { hangs: true, ..Act::default() }));
    let session = web.open("/mcp", INIT).await;
    let (answer, ()) = tokio::join!(web.post(&session, CALL), async {
        web.door.seen("dispatch").await;
        let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
        web.post(&session, cancel).await;
    });
    assert_eq!(answer.status, 202);
    web.door.seen("dropped upstream").await;
    web.door.seen("send files notifications/cancelled").await;
    let listed = web.post(&session, LIST).await.value().await;
    assert_eq!(listed["result"]["tasks"][0]["status"], "cancelled");
}

const ASKS: &str = r#""result":{"resultType":"input_required","inputRequests":{"k":{"method":"elicitation/create","params":{"message":"who?"}}},"requestState":"s"}"#;

#[tokio::test(start_paused = true)]
async fn a_question_that_nobody_answers_ends_its_task() {
    let asks = || Act { answer: ASKS.into(), ..Act::default() };
    let web = web(one(Era::Stateless).act("tools/call", asks()).verdicts(&[Verdict::Hold]).waits(&[Wait::Approved]));
    let id = call_knowing(&web).await["taskId"].as_str().unwrap().to_owned();
    let get = async || web.send(asking("tasks/get", &id, "", KNOWS)).await.value().await["result"].clone();
    assert_eq!(settled(get).await["status"], "input_required");
    tokio::time::sleep(std::time::Duration::from_secs(601)).await;
    assert_eq!(get().await["status"], "failed");
}

#[tokio::test]
async fn what_a_task_asks_is_decided_wherever_it_stands() {
    let question = r#""inputRequests":{"k":{"method":"elicitation/create","params":{"message":"who?"}}}"#;
    let news = |id: &str, state: &str| {
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/tasks","params":{{"taskId":"{id}",{state}}}}}"#)
    };
    let told = [
        news("up-1", &format!(r#""status":"input_required",{question}"#)),
        news("up-1", &format!(r#""status":"completed","result":{{{question}}}"#)),
        news("up-1", &format!(r#""status":"completed","result":{{{question},"a":1,"a":2}}"#)),
        news("up-1", r#""status":"working""#),
    ];
    let ended = format!(r#""result":{{"taskId":"up-1","status":"completed","result":{{{question}}}}}"#);
    let made = r#""result":{"resultType":"task","taskId":"up-1","status":"working"}"#;
    let mut door = one(Era::Stateless)
        .act("tools/call", Act { answer: made.into(), ..Act::default() })
        .act("tasks/get", Act { answer: ended, ..Act::default() })
        .act("subscriptions/listen", Act { before: told.to_vec(), answer: r#""result":{}"#.into(), ..Act::default() });
    door.asks_refused = true;
    let web = web(door);
    call_knowing(&web).await;
    let wanted = r#""notifications":{"taskIds":["up-1"]}"#;
    let heard = web.modern("subscriptions/listen", 3, wanted, None).await.all().await;
    assert!(heard.contains("working") && !heard.contains("who?"), "{heard}");
    let refused = web.send(asking("tasks/get", "up-1", "", KNOWS)).await.value().await;
    assert_eq!(refused["error"]["data"]["code"], "policy-forbids");
}

#[tokio::test]
async fn what_a_followed_task_comes_to_is_decided_where_it_asks() {
    let ended = ASKS.replace(r#""result":"#, r#""result":{"taskId":"up-1","status":"completed","result":"#) + "}";
    let made = r#""result":{"resultType":"task","taskId":"up-1","status":"working"}"#;
    let mut door = one(Era::Stateless)
        .act("tools/call", Act { answer: made.into(), ..Act::default() })
        .act("tasks/get", Act { answer: ended, ..Act::default() })
        .verdicts(&[Verdict::Hold])
        .waits(&[Wait::Approved]);
    door.asks_refused = true;
    let web = web(door);
    let id = call_knowing(&web).await["taskId"].as_str().unwrap().to_owned();
    let get = async || web.send(asking("tasks/get", &id, "", KNOWS)).await.value().await["result"].clone();
    assert_eq!(settled(get).await["result"]["isError"], true);
}
