//! Servers over a child's pipes.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_connectors::mcp::{CallError, ConnectError, Connection, Era, Limits, Wiring};
use countersign_connectors::mcp::{connect_stateful, connect_stateless, list_all, probe};
use tokio::sync::mpsc;
use tokio::time::timeout;
use types::jsonrpc::{Frame, RpcId};

use super::{INITIALIZE, ask, drained, frame, result_of, tool};

fn server(mode: &str) -> Wiring {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/server.py");
    let path = std::env::var("PATH").unwrap_or_default();
    Wiring {
        command: ["python3", script, mode].map(str::to_owned).to_vec(),
        env: BTreeMap::from([("PATH".into(), path), ("TOKEN".into(), "hunter22".into())]),
        ..Wiring::default()
    }
}

async fn stateful(mode: &str, limits: Limits) -> Connection {
    connect_stateful(&server(mode), INITIALIZE, &limits).await.unwrap()
}

async fn stateless(limits: Limits) -> Connection {
    connect_stateless(&server("modern"), &limits).await.unwrap()
}

/// Does something while a call is in flight that nobody answers; what is asked after it on the same pipe comes after it.
async fn while_in_flight<T>(connection: &Connection, call: Frame, then: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        answered = ask(connection, call) => panic!("it was answered: {answered:?}"),
        done = then => done,
    }
}

fn patient(request_ms_max: u64) -> Limits {
    Limits { request_ms_max: Some(request_ms_max), ..Limits::default() }
}

#[tokio::test]
async fn the_hello_and_the_clients_own_params_pass_to_the_byte() {
    let connection = stateful("legacy", Limits::default()).await;
    assert_eq!(
        (connection.era(), connection.version(), connection.identity()),
        (Era::Stateful, "2025-11-25", "fake/1.2")
    );
    assert!(connection.hello().starts_with(r#"{"protocolVersion": "2025-11-25", "#), "{}", connection.hello());
    connection.send(frame(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)).await.unwrap();
    let params = "{\"name\":\"seen\",\n \"arguments\":{\"x\": 1.0,\"\\u00e4\":null},\"_meta\":{\"progressToken\":\"t\"}, \"zzz\":[ ]}";
    let request = format!("{{\"jsonrpc\":\"2.0\",\"id\":\"one\",\"method\":\"tools/call\",\"params\":{params}}}");
    let seen = result_of(&connection, frame(&request)).await;
    let line = |at: usize| seen["seen"][at].as_str().unwrap().to_owned();
    assert!(line(0).contains(INITIALIZE), "{}", line(0));
    assert!(line(1).contains("notifications/initialized"));
    assert!(line(2).contains(&params.replace('\n', " ")), "{}", line(2));
}

#[tokio::test]
async fn two_clients_of_one_pipe_keep_their_ids_and_tokens() {
    let first = stateless(Limits::default()).await;
    assert_eq!((first.era(), first.version(), first.identity()), (Era::Stateless, "2026-07-28", "fake/2"));
    let second = first.share();
    let request = |argument: u8| {
        let meta = r#""_meta":{"progressToken":"t"}"#;
        frame(&format!(
            r#"{{"jsonrpc":"2.0","id":"7","method":"tools/call","params":{{"name":"hold","arguments":{argument},{meta}}}}}"#
        ))
    };
    let ((to_first, mut at_first), (to_second, mut at_second)) = (mpsc::channel(8), mpsc::channel(8));
    let (a, b) = tokio::join!(
        first.request(request(1), Vec::new(), to_first),
        second.request(request(2), Vec::new(), to_second),
    );
    for (answer, events, argument) in [(a.unwrap(), &mut at_first, 1), (b.unwrap(), &mut at_second, 2)] {
        assert_eq!(answer.id(), Some(&RpcId::text("7")));
        assert_eq!(answer.member("result"), Some(&*format!(r#"{{"for": {argument}}}"#)));
        let events = drained(events);
        assert_eq!(events.len(), 2);
        assert!(events.iter().all(|e| e.contains(r#""progressToken": "t""#)), "{events:?}");
    }
}

#[tokio::test]
async fn a_servers_own_request_comes_unsolicited_under_its_own_id() {
    let connection = stateful("legacy", Limits::default()).await;
    let mut unsolicited = connection.unsolicited().unwrap();
    assert!(connection.unsolicited().is_none());
    let call = result_of(&connection, tool("\"own\"", "ask"));
    let answer = async {
        let asked = unsolicited.recv().await.unwrap();
        assert_eq!((asked.method(), asked.member("id")), (Some("sampling/createMessage"), Some("2")));
        connection.send(frame(r#"{"jsonrpc":"2.0","id":2,"result":{"role":"assistant"}}"#)).await.unwrap();
    };
    let (told, ()) = tokio::join!(call, answer);
    assert_eq!(told["told"]["result"]["role"], "assistant");
}

#[tokio::test]
async fn a_child_that_never_starts_has_seen_nothing() {
    let wiring = Wiring { command: vec!["/nonexistent/server".into()], ..Wiring::default() };
    let error = connect_stateful(&wiring, INITIALIZE, &Limits::default()).await.err().unwrap();
    assert!(matches!(error, ConnectError::Unavailable { .. }), "{error:?}");
    assert!(matches!(probe(&wiring, &Limits::default()).await, Err(ConnectError::Unavailable { .. })));
    let nothing = connect_stateful(&Wiring::default(), INITIALIZE, &Limits::default()).await;
    assert!(matches!(nothing.err(), Some(ConnectError::Wiring(_))));
}

#[tokio::test]
async fn a_child_that_ends_before_its_hello_says_why_to_operators_only() {
    let mut wiring = server("legacy");
    wiring.command = ["sh", "-c", "echo 'no such module; TOKEN=hunter22' >&2; exit 4"].map(str::to_owned).to_vec();
    let error = connect_stateful(&wiring, INITIALIZE, &Limits::default()).await.err().unwrap();
    assert_eq!(error.detail(), "no such module; TOKEN=[secret]");
    assert_eq!(error.to_string(), "the server is unavailable: the server's process ended with exit status: 4");
}

#[tokio::test]
async fn a_child_that_dies_in_a_call_leaves_it_in_doubt_and_the_next_unsent() {
    let connection = stateful("legacy", Limits::default()).await;
    let (dying, beside) = tokio::join!(ask(&connection, tool("1", "silent")), ask(&connection, tool("2", "die")));
    for error in [dying.unwrap_err(), beside.unwrap_err()] {
        assert!(matches!(&error, CallError::Unknown(why) if why.contains("exit status: 3")), "{error:?}");
    }
    assert_eq!(connection.error_output(), "fatal: the key is [secret]");
    let after = ask(&connection, tool("3", "seen")).await.unwrap_err();
    assert!(matches!(after, CallError::Closed(_)) && !after.in_doubt(), "{after:?}");
}

#[tokio::test]
async fn what_a_deaf_server_cannot_have_read_is_not_in_doubt() {
    let connection = stateful("legacy", patient(3000)).await;
    let deaf = ask(&connection, tool("1", "deaf"));
    let filler = "x".repeat(1 << 20);
    let large = |id: u8| frame(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m","params":{{"x":"{filler}"}}}}"#));
    let half = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        ask(&connection, large(2)).await
    };
    let waiting = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        connection.share().request(large(3), Vec::new(), mpsc::channel(1).0).await
    };
    let (deaf, half, waiting) = tokio::join!(deaf, half, waiting);
    assert!(deaf.unwrap_err().in_doubt());
    assert!(matches!(half.unwrap_err(), CallError::Unknown(_)), "half of it was written");
    assert!(matches!(waiting.unwrap_err(), CallError::NotSent(_) | CallError::Closed(_)), "nothing of it was written");
    assert!(matches!(ask(&connection, tool("4", "seen")).await.unwrap_err(), CallError::Closed(_)));
}

#[tokio::test]
async fn what_the_pipe_never_took_is_not_in_doubt() {
    let connection = stateful("legacy", Limits::default()).await;
    result_of(&connection, tool("1", "plugs")).await;
    let error = ask(&connection, tool("2", "seen")).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent(_)) && !error.in_doubt(), "{error:?}");
}

#[tokio::test]
async fn what_must_not_leave_does_not() {
    let limits = Limits { frame_bytes_max: 2000, ..Limits::default() };
    let connection = stateful("legacy", limits).await;
    let large = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"x":"{}"}}}}"#, "x".repeat(2000));
    let notification = frame(r#"{"jsonrpc":"2.0","method":"notifications/x"}"#);
    for refused in [frame(&large), notification] {
        assert!(matches!(ask(&connection, refused).await, Err(CallError::NotSent(_))));
    }
    assert!(matches!(connection.send(tool("1", "seen")).await, Err(CallError::NotSent(_))));
    let seen = while_in_flight(&connection, tool("1", "silent"), async {
        let again = ask(&connection, tool("1", "seen")).await;
        assert!(matches!(again, Err(CallError::NotSent(_))), "{again:?}");
        result_of(&connection, tool("2", "seen")).await
    });
    let seen = seen.await;
    assert_eq!(seen["seen"].as_array().unwrap().len(), 3, "hello, the silent call, this one: {seen}");
}

#[tokio::test]
async fn a_frame_beyond_the_limit_ends_the_connection() {
    let connection = stateful("legacy", Limits { frame_bytes_max: 50_000, ..Limits::default() }).await;
    let error = ask(&connection, tool("1", "big")).await.unwrap_err();
    assert_eq!(error, CallError::TooLarge { bytes_max: 50_000 });
    assert!(matches!(ask(&connection, tool("2", "seen")).await, Err(CallError::Closed(_))));
}

#[tokio::test]
async fn lines_that_are_no_message_are_skipped_and_counted() {
    let connection = stateful("legacy", Limits::default()).await;
    assert_eq!(result_of(&connection, tool("1", "banner")).await, serde_json::json!({}));
    assert_eq!(connection.skipped_lines(), 3);
}

#[tokio::test]
async fn an_answer_that_breaks_the_protocol_fails_its_own_call() {
    let connection = stateful("legacy", Limits::default()).await;
    assert!(matches!(ask(&connection, tool("1", "both")).await, Err(CallError::Invalid(_))));
    assert_eq!(connection.skipped_lines(), 0);
    assert!(ask(&connection, tool("2", "seen")).await.is_ok());
}

#[tokio::test]
async fn batches_of_older_servers_are_taken_apart() {
    let connection = stateful("legacy", Limits::default()).await;
    let mut unsolicited = connection.unsolicited().unwrap();
    assert_eq!(result_of(&connection, tool("1", "batch")).await, serde_json::json!({}));
    assert_eq!(unsolicited.recv().await.unwrap().method(), Some("notifications/message"));
}

#[tokio::test]
async fn cancelling_names_the_number_on_the_wire_and_ends_the_wait() {
    let connection = stateless(Limits::default()).await;
    let other = connection.share();
    let silent = ask(&other, tool("\"mine\"", "silent"));
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        connection.cancel(&RpcId::text("mine"), None).await.unwrap();
        other.cancel(&RpcId::text("mine"), Some("no \"need\"")).await.unwrap();
    };
    let (ended, ()) = tokio::join!(timeout(Duration::from_secs(60), silent), cancel);
    assert!(matches!(ended.unwrap(), Err(CallError::Unknown(_))));
    let seen = result_of(&connection, tool("1", "seen")).await;
    let cancels: Vec<_> =
        seen["seen"].as_array().unwrap().iter().filter(|l| l.as_str().unwrap().contains("cancelled")).collect();
    assert_eq!(cancels.len(), 1, "the other handle has no such request: {cancels:?}");
    let cancel: serde_json::Value = serde_json::from_str(cancels[0].as_str().unwrap()).unwrap();
    assert_eq!(cancel["params"], serde_json::json!({ "requestId": 2, "reason": "no \"need\"" }));
}

#[tokio::test]
async fn a_dropped_future_says_nothing_and_time_that_is_up_does() {
    let connection = stateful("legacy", patient(3000)).await;
    while_in_flight(&connection, tool("1", "silent"), result_of(&connection, tool("\"sent\"", "seen"))).await;
    let seen = result_of(&connection, tool("2", "seen")).await;
    assert_eq!(seen["seen"].as_array().unwrap().len(), 4, "{seen}");
    assert!(matches!(ask(&connection, tool("3", "silent")).await, Err(CallError::Timeout)));
    let seen = result_of(&connection, tool("4", "seen")).await.to_string();
    assert!(seen.contains(r#"\"requestId\":5"#), "{seen}");
}

#[tokio::test]
async fn the_child_sees_no_variable_but_the_wirings() {
    let connection = stateful("legacy", Limits::default()).await;
    let environment = result_of(&connection, tool("1", "environment")).await;
    let inside = |name: &str| environment.get(name).is_some();
    assert!(inside("PATH") && inside("TOKEN"));
    assert!(std::env::var("CARGO_PKG_NAME").is_ok() && !inside("CARGO_PKG_NAME") && !inside("HOME"));
}

#[tokio::test]
async fn closing_fails_what_is_in_flight_and_kills_who_does_not_go() {
    let connection = stateful("stubborn", Limits::default()).await;
    connection.send(frame(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (call, closed) = tokio::join!(ask(&connection, tool("1", "seen")), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        timeout(Duration::from_secs(60), connection.close()).await
    });
    assert!(closed.is_ok());
    assert!(matches!(call, Err(CallError::Unknown(_))), "{call:?}");
    assert!(matches!(ask(&connection, tool("2", "seen")).await, Err(CallError::Closed(_))));
}

#[tokio::test]
async fn grandchildren_end_with_the_connection() {
    let mut wiring = server("legacy");
    let script = wiring.command.join(" ");
    let marker = std::env::temp_dir().join(format!("countersign-connectors-{}", std::process::id()));
    wiring.command = vec!["sh".into(), "-c".into(), format!("sleep 300 & echo $! > {}; {script}", marker.display())];
    let connection = connect_stateful(&wiring, INITIALIZE, &Limits::default()).await.unwrap();
    let sleeper = std::fs::read_to_string(&marker).unwrap().trim().to_owned();
    std::fs::remove_file(&marker).unwrap();
    let alive = || std::fs::read_to_string(format!("/proc/{sleeper}/stat")).is_ok_and(|s| !s.contains(") Z "));
    assert!(alive());
    drop(connection);
    let gone = async {
        while alive() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(60), gone).await.unwrap();
}

#[tokio::test]
async fn probing_tells_the_generations_apart() {
    for (mode, era) in [("modern", Era::Stateless), ("legacy", Era::Stateful), ("exits", Era::Stateful)] {
        assert_eq!(probe(&server(mode), &Limits::default()).await, Ok(era), "{mode}");
    }
    // Whoever says nothing in time is taken for an older one; the others have all the time there is.
    let limits = Limits { connect_ms_max: 1000, ..Limits::default() };
    assert_eq!(probe(&server("silent"), &limits).await, Ok(Era::Stateful));
    let error = connect_stateless(&server("legacy"), &Limits::default()).await.err();
    assert!(matches!(error, Some(ConnectError::Version(_))));
}

#[tokio::test]
async fn a_server_may_refuse_or_ask_for_a_sign_of_life_first() {
    let error = connect_stateful(&server("refuses"), INITIALIZE, &Limits::default()).await.err().unwrap();
    assert_eq!(error, ConnectError::Refused { error: r#"{"code": -32602, "message": "no"}"#.into() });
    stateful("pings", Limits::default()).await;
}

#[tokio::test]
async fn lists_are_followed_to_their_end_and_kept_raw() {
    for connection in [stateful("legacy", Limits::default()).await, stateless(Limits::default()).await] {
        let tools = list_all(&connection, "tools/list").await.unwrap();
        assert_eq!(tools, [r#"{"name": "a"}"#, r#"{"name": "b"}"#, r#"{"name": "c"}"#, r#"{"name": "d"}"#]);
        assert_eq!(list_all(&connection, "prompts/list").await, Ok(Vec::new()));
        assert!(matches!(list_all(&connection, "tools/call").await, Err(CallError::NotSent(_))));
    }
}

#[tokio::test]
async fn a_list_of_our_own_comes_between_no_clients_request() {
    let connection = stateful("legacy", Limits::default()).await;
    for number in 1..=4 {
        let taken = tool(&format!("\"countersign-link-{number}\""), "silent");
        assert!(timeout(Duration::from_millis(100), ask(&connection, taken)).await.is_err(), "it stays in flight");
    }
    assert_eq!(list_all(&connection, "tools/list").await.map(|tools| tools.len()), Ok(4));
}
