//! Servers over Streamable HTTP.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::response::Response;
use countersign_connectors::mcp::{CallError, ConnectError, Connection, Era, Limits, Wiring};
use countersign_connectors::mcp::{connect_stateful, connect_stateless, list_all, probe};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;
use types::jsonrpc::RpcId;

use super::script::{Seen, Server, broken, events, json, open, result, status, typed};
use super::{INITIALIZE, ask, drained, frame, result_of, tool};

const HELLO: &str = r#"{"protocolVersion":"2025-06-18", "capabilities":{},"serverInfo":{"name":"h","version":"1"}}"#;

const DISCOVERED: &str = r#"{"supportedVersions":["2026-07-28"],"capabilities":{}}"#;

/// Plays a stateful server that answers `tools/call` and GET as `answer` says.
async fn stateful_server(answer: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Server {
    Server::start(move |seen| match seen.method().as_str() {
        "initialize" => {
            let mut response = result(seen, HELLO);
            response.headers_mut().insert("mcp-session-id", "s-1".parse().unwrap());
            response
        }
        "tools/call" | "tools/list" | "GET" => answer(seen),
        "DELETE" => status(405),
        _ => status(202),
    })
    .await
}

async fn stateful(server: &Server) -> Connection {
    connect_stateful(&server.wiring(), INITIALIZE, &Limits::default()).await.unwrap()
}

async fn stateless_server(answer: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Server {
    Server::start(move |seen| match seen.method().as_str() {
        "server/discover" => result(seen, DISCOVERED),
        _ => answer(seen),
    })
    .await
}

async fn stateless(server: &Server) -> Connection {
    connect_stateless(&server.wiring(), &Limits::default()).await.unwrap()
}

fn notification(method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"progressToken":1}}}}"#)
}

fn answer_to(id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"ok": 1.0}}}}"#)
}

#[tokio::test]
async fn a_session_carries_its_id_and_version_and_ends_with_delete() {
    let server = stateful_server(|seen| result(seen, "{}")).await;
    let connection = stateful(&server).await;
    assert_eq!((connection.hello(), connection.identity(), connection.era()), (HELLO, "h/1", Era::Stateful));
    let request = r#"{"jsonrpc":"2.0","id":"1","method":"tools/call","params":{"x": 1.0,"zzz":null}}"#;
    let answer = ask(&connection, frame(request)).await.unwrap();
    assert_eq!(answer.text(), r#"{"jsonrpc":"2.0","id":"1","result":{}}"#);
    connection.close().await;
    let first = &server.seen("initialize")[0];
    assert!(first.body.contains(INITIALIZE));
    assert_eq!((first.header("mcp-session-id"), first.header("mcp-protocol-version")), (None, None));
    for later in [&server.seen("tools/call")[0], &server.seen("DELETE")[0]] {
        assert_eq!(later.header("mcp-session-id"), Some("s-1"));
        assert_eq!(later.header("mcp-protocol-version"), Some("2025-06-18"));
        assert_eq!(later.header("authorization"), Some("Bearer hunter22"));
    }
    let call = &server.seen("tools/call")[0];
    assert_eq!((call.body.as_str(), call.header("accept")), (request, Some("application/json, text/event-stream")));
    assert!(matches!(ask(&connection, tool("2", "x")).await, Err(CallError::Closed(_))));
}

#[tokio::test]
async fn a_stream_gives_its_events_before_the_answer() {
    let server = stateful_server(|seen| {
        let ask = r#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create"}"#;
        let text =
            ["id: 0\ndata:\n\n", ": hi\n\n", "data: P\r\n\r\n", "event: message\ndata: Q\n\n", "data: A\n\n"].concat();
        let text = text.replace('P', &notification("notifications/progress")).replace('Q', ask);
        events(text.replace("data: A", &format!("data: {}", answer_to(&seen.id()))))
    })
    .await;
    let connection = stateful(&server).await;
    let (sender, mut before) = mpsc::channel(8);
    let answer = connection.request(tool("1", "x"), Vec::new(), sender).await.unwrap();
    assert_eq!(answer.member("result"), Some(r#"{"ok": 1.0}"#));
    let before = drained(&mut before);
    assert_eq!(before.len(), 2);
    assert!(before[0].contains("progress") && before[1].contains("elicitation"));
    connection.send(frame(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#)).await.unwrap();
    assert_eq!(server.seen("answer")[0].header("mcp-session-id"), Some("s-1"));
}

#[tokio::test]
async fn a_broken_stream_is_taken_up_again_where_it_was_left() {
    let gets = AtomicUsize::new(0);
    let server = stateful_server(move |seen| match seen.verb.as_str() {
        "POST" => broken(format!("retry: 60\nid: e1\ndata: {}\n\ndata: half", notification("notifications/progress"))),
        _ => match gets.fetch_add(1, Ordering::SeqCst) {
            0 => status(503),
            1 => events("id: e2\ndata:\n\n"),
            _ => events(format!("id: e3\ndata: {}\n\n", answer_to("1"))),
        },
    })
    .await;
    let connection = stateful(&server).await;
    let (sender, mut before) = mpsc::channel(8);
    let answer = connection.request(tool("1", "x"), Vec::new(), sender).await.unwrap();
    assert_eq!(answer.member("result"), Some(r#"{"ok": 1.0}"#));
    assert_eq!(drained(&mut before).len(), 1);
    let places: Vec<_> = server.seen("GET").iter().map(|g| g.header("last-event-id").unwrap().to_owned()).collect();
    assert_eq!(places, ["e1", "e1", "e2"]);
    assert_eq!(server.seen("tools/call").len(), 1, "the call itself is never sent again");
}

#[tokio::test]
async fn a_broken_stream_without_ids_leaves_the_call_in_doubt() {
    let text = || format!("data: {}\n\n", notification("notifications/progress"));
    for server in [stateful_server(move |_| broken(text())).await, stateful_server(move |_| events(text())).await] {
        let error = ask(&stateful(&server).await, tool("1", "x")).await.unwrap_err();
        assert!(matches!(error, CallError::Unknown(_)), "{error:?}");
    }
    // Without sessions nothing is ever taken up again, ids or not.
    let server = stateless_server(|_| broken("id: e1\ndata:\n\n".into())).await;
    assert!(matches!(ask(&stateless(&server).await, tool("1", "x")).await, Err(CallError::Unknown(_))));
    assert!(server.seen("GET").is_empty());
}

#[tokio::test]
async fn a_lost_session_closes_the_connection() {
    let gone = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}"#;
    let server = stateful_server(|_| json(404, gone.into())).await;
    let connection = stateful(&server).await;
    for _ in 0..2 {
        let error = ask(&connection, tool("1", "x")).await.unwrap_err();
        assert!(matches!(error, CallError::Closed(_)) && !error.in_doubt());
    }
    assert_eq!(server.seen("tools/call").len(), 1, "nothing is sent into a session that is gone");
    connection.close().await;
    assert!(server.seen("DELETE").is_empty());
}

#[tokio::test]
async fn what_each_status_means_for_the_call() {
    let error = |id: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32602,"message":"no"}}}}"#);
    let cases: [(Response, &str); 14] = [
        (status(401), "Refused { status: 401 }"),
        (json(403, error("1")), "Refused { status: 403 }"),
        (status(404), "Refused { status: 404 }"),
        (status(408), "Unknown"),
        (status(500), "Unknown"),
        (json(502, error("null")), "Unknown"),
        (status(202), "Invalid"),
        (status(307), "Invalid"),
        (typed(200, "text/html", "<p>"), "Invalid"),
        (json(200, "[]".into()), "Invalid"),
        (json(200, answer_to("2")), "Invalid"),
        (json(200, r#"{"id":1}"#.into()), "Invalid"),
        (events("data: nonsense\n\n"), "Invalid"),
        (json(200, " ".repeat(3000)), "TooLarge { bytes_max: 2000 }"),
    ];
    for (response, expected) in cases {
        let response = std::sync::Mutex::new(Some(response));
        let server = stateless_server(move |_| response.lock().unwrap().take().unwrap()).await;
        let limits = Limits { frame_bytes_max: 2000, ..Limits::default() };
        let connection = connect_stateless(&server.wiring(), &limits).await.unwrap();
        let got = ask(&connection, tool("1", "x")).await.unwrap_err();
        assert!(format!("{got:?}").starts_with(expected), "{got:?} is not {expected}");
        assert_eq!(got.in_doubt(), !matches!(got, CallError::Refused { .. }));
    }
}

#[tokio::test]
async fn errors_of_the_protocol_are_answers_under_any_status() {
    for (code, id) in
        [(200, "1"), (200, "null"), (400, "1"), (400, "null"), (400, "\"server-error\""), (404, "1"), (500, "1")]
    {
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32602,"message":"no"}}}}"#);
        let server = stateless_server(move |_| json(code, text.clone())).await;
        let answer = ask(&stateless(&server).await, tool("1", "x")).await.unwrap();
        assert_eq!(answer.id(), Some(&RpcId::number(1)));
        assert_eq!(answer.member("error"), Some(r#"{"code":-32602,"message":"no"}"#));
    }
}

#[tokio::test]
async fn a_frame_beyond_the_limit_is_refused_in_both_directions() {
    let server = stateful_server(|_| open(format!("data: {}", "x".repeat(4000)))).await;
    let limits = Limits { frame_bytes_max: 3000, ..Limits::default() };
    let connection = connect_stateful(&server.wiring(), INITIALIZE, &limits).await.unwrap();
    let error = ask(&connection, tool("1", "x")).await.unwrap_err();
    assert_eq!(error, CallError::TooLarge { bytes_max: 3000 });
    let large = format!(r#"{{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{"x":"{}"}}}}"#, "x".repeat(3000));
    assert!(matches!(ask(&connection, frame(&large)).await, Err(CallError::NotSent(_))));
    assert_eq!(server.seen("tools/call").len(), 1);
}

#[tokio::test]
async fn a_stateless_request_says_in_headers_what_its_body_says() {
    let server = stateless_server(|seen| result(seen, "{}")).await;
    let connection = stateless(&server).await;
    assert_eq!((connection.hello(), connection.identity(), connection.era()), (DISCOVERED, "/", Era::Stateless));
    let passed = [("Mcp-Param-Region", "us"), ("cookie", "c"), ("mcp-session-id", "x")];
    let passed = passed.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec();
    connection.request(tool("1", "größe"), passed, mpsc::channel(1).0).await.unwrap();
    let call = &server.seen("tools/call")[0];
    for (name, value) in [
        ("mcp-protocol-version", Some("2026-07-28")),
        ("mcp-method", Some("tools/call")),
        ("mcp-name", Some("=?base64?Z3LDtsOfZQ==?=")),
        ("mcp-param-region", Some("us")),
        ("cookie", None),
        ("mcp-session-id", None),
    ] {
        assert_eq!(call.header(name), value, "{name}");
    }
    let discover = &server.seen("server/discover")[0];
    assert_eq!((discover.header("mcp-method"), discover.header("mcp-name")), (Some("server/discover"), None));
    connection.close().await;
    assert!(server.seen("DELETE").is_empty());
}

#[tokio::test]
async fn cancelling_ends_a_stateless_stream_and_tells_a_session() {
    for stateless_era in [true, false] {
        let answer = |_: &Seen| open(": wait\n\n".into());
        let server = if stateless_era { stateless_server(answer).await } else { stateful_server(answer).await };
        let connection = if stateless_era { stateless(&server).await } else { stateful(&server).await };
        let cancel = async {
            server.wait_for("tools/call").await;
            connection.cancel(&RpcId::number(2), None).await.unwrap();
            connection.cancel(&RpcId::number(1), Some("enough")).await.unwrap();
        };
        let call = timeout(Duration::from_secs(60), ask(&connection, tool("1", "x")));
        let (ended, ()) = tokio::join!(call, cancel);
        assert!(matches!(ended.unwrap(), Err(CallError::Unknown(_))));
        let told: Vec<_> = server.seen("notifications/cancelled").into_iter().map(|s| s.body).collect();
        let expected =
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"enough"}}"#;
        assert_eq!(told, if stateless_era { vec![] } else { vec![expected.to_owned()] });
    }
}

#[tokio::test]
async fn two_handles_use_the_same_id_at_once_and_one_handle_does_not() {
    let server = stateless_server(|seen| match seen.body.contains("held") {
        true => open(": wait\n\n".into()),
        false => result(seen, "{}"),
    })
    .await;
    let connection = stateless(&server).await;
    let other = connection.share();
    let held = ask(&connection, tool("1", "held"));
    let rest = async {
        server.wait_for("tools/call").await;
        assert!(matches!(ask(&connection, tool("1", "x")).await, Err(CallError::NotSent(_))));
        result_of(&other, tool("1", "x")).await;
        connection.close().await;
    };
    let (held, ()) = tokio::join!(held, rest);
    assert!(matches!(held, Err(CallError::Unknown(_))), "it was in flight when the connection closed");
}

#[tokio::test]
async fn time_that_is_up_ends_the_call_and_tells_the_session() {
    let server = stateful_server(|_| open(": wait\n\n".into())).await;
    let limits = Limits { request_ms_max: Some(1_000), ..Limits::default() };
    let connection = connect_stateful(&server.wiring(), INITIALIZE, &limits).await.unwrap();
    assert!(matches!(ask(&connection, tool("1", "x")).await, Err(CallError::Timeout)));
    assert!(server.wait_for("notifications/cancelled").await.body.contains(r#""requestId":1"#));
}

#[tokio::test]
async fn a_sessions_own_stream_opens_after_the_hello_and_is_taken_up_again() {
    let server = stateful_server(|seen| match seen.header("last-event-id") {
        None => events(format!("retry: 10\nid: a\ndata: {}\n\n", notification("notifications/one"))),
        Some("a") => open(format!("id: b\ndata: {}\n\n", notification("notifications/two"))),
        Some(other) => panic!("{other}"),
    })
    .await;
    let connection = stateful(&server).await;
    let mut unsolicited = connection.unsolicited().unwrap();
    assert!(server.seen("GET").is_empty());
    connection.send(frame(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)).await.unwrap();
    for method in ["notifications/one", "notifications/two"] {
        let frame = timeout(Duration::from_secs(60), unsolicited.recv()).await.unwrap().unwrap();
        assert_eq!(frame.method(), Some(method));
    }
    drop(connection);
    assert!(
        timeout(Duration::from_secs(60), unsolicited.recv()).await.unwrap().is_none(),
        "it ends with the connection"
    );
}

#[tokio::test]
async fn a_server_without_a_stream_of_its_own_is_asked_once() {
    let server = stateful_server(|_| status(405)).await;
    let connection = stateful(&server).await;
    connection.send(frame(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)).await.unwrap();
    server.wait_for("GET").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.seen("GET").len(), 1);
}

/// Accepts connections and treats each as `behave` says, counting them.
async fn raw(answer: &'static str, reads: bool) -> Wiring {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Some(format!("http://{}/", listener.local_addr().unwrap()));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = vec![0; 1 << 16];
            let read = if reads { socket.read(&mut buffer).await.unwrap_or(0) } else { 0 };
            if String::from_utf8_lossy(&buffer[..read]).contains("server/discover") {
                let body = format!(r#"{{"jsonrpc":"2.0","id":"countersign-discover","result":{DISCOVERED}}}"#);
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}",
                    body.len()
                );
                let _ = socket.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await;
            } else {
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        }
    });
    Wiring { url, ..Wiring::default() }
}

#[tokio::test]
async fn a_server_that_hangs_up_after_reading_leaves_the_call_in_doubt() {
    for answer in
        ["", "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{", "nonsense\r\n\r\n"]
    {
        let connection = connect_stateless(&raw(answer, true).await, &Limits::default()).await.unwrap();
        let error = ask(&connection, tool("1", "x")).await.unwrap_err();
        assert!(matches!(error, CallError::Unknown(_)), "{error:?} for {answer:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_gone_has_not_been_sent_the_call() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Some(format!("http://{}/", listener.local_addr().unwrap()));
    let wiring = Wiring { url, ..Wiring::default() };
    let opened = tokio::spawn({
        let wiring = wiring.clone();
        async move { connect_stateless(&wiring, &Limits::default()).await.unwrap() }
    });
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut buffer = vec![0; 1 << 16];
    let _ = socket.read(&mut buffer).await.unwrap();
    let body = format!(r#"{{"jsonrpc":"2.0","id":"countersign-discover","result":{DISCOVERED}}}"#);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}",
        body.len()
    );
    socket.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
    drop((socket, listener));
    let connection = opened.await.unwrap();
    let error = ask(&connection, tool("1", "x")).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent(_)), "{error:?}");
    let notice = frame(r#"{"jsonrpc":"2.0","method":"notifications/x"}"#);
    assert!(matches!(connection.send(notice).await, Err(CallError::NotSent(_))));
}

#[tokio::test]
async fn probing_rests_on_answers_never_on_failures() {
    let error = |code: i32| format!(r#"{{"jsonrpc":"2.0","id":"x","error":{{"code":{code},"message":"no"}}}}"#);
    let cases: [(Response, Option<Era>); 10] = [
        (json(200, answer_to("\"countersign-discover\"").replace("{\"ok\": 1.0}", DISCOVERED)), Some(Era::Stateless)),
        (json(400, error(-32000)), Some(Era::Stateful)),
        (json(400, error(-32020)), Some(Era::Stateful)),
        (status(404), Some(Era::Stateful)),
        (status(405), Some(Era::Stateful)),
        (typed(400, "text/plain", "Missing session"), Some(Era::Stateful)),
        (status(401), None),
        (json(403, error(-32000)), None),
        (status(503), None),
        (json(500, error(-32603).replace("\"x\"", "\"countersign-discover\"")), None),
    ];
    for (at, (response, expected)) in cases.into_iter().enumerate() {
        let response = std::sync::Mutex::new(Some(response));
        let server = Server::start(move |_| response.lock().unwrap().take().unwrap()).await;
        let got = probe(&server.wiring(), &Limits::default()).await;
        match expected {
            Some(era) => assert_eq!(got, Ok(era), "case {at}"),
            None => assert!(matches!(got, Err(ConnectError::Unavailable { .. })), "case {at}: {got:?}"),
        }
    }
}

#[tokio::test]
async fn what_cannot_or_must_not_be_reached_is_refused_before_anything_is_sent() {
    for url in
        ["http://169.254.169.254/mcp", "http://[fe80::1]/mcp", "http://[::ffff:169.254.1.1]/", "ftp://x/", "nonsense"]
    {
        let wiring = Wiring { url: Some(url.into()), ..Wiring::default() };
        let error = connect_stateful(&wiring, INITIALIZE, &Limits::default()).await.err();
        assert!(matches!(error, Some(ConnectError::Wiring(_))), "{url}: {error:?}");
    }
    let wiring = Wiring { url: Some("http://host.invalid/".into()), ..Wiring::default() };
    let error = connect_stateful(&wiring, INITIALIZE, &Limits::default()).await.err();
    assert!(matches!(error, Some(ConnectError::Unavailable { .. })), "{error:?}");
}

#[tokio::test]
async fn a_server_that_turns_us_away_says_so_and_silence_is_bounded() {
    let server = Server::start(|_| status(401)).await;
    let error = connect_stateful(&server.wiring(), INITIALIZE, &Limits::default()).await.err().unwrap();
    assert_eq!(error.to_string(), "the server is unavailable: the server refused the request with HTTP status 401");
    let server = Server::start(|_| open(": wait\n\n".into())).await;
    let limits = Limits { connect_ms_max: 200, ..Limits::default() };
    assert_eq!(
        connect_stateful(&server.wiring(), INITIALIZE, &limits).await.err(),
        Some(ConnectError::Timeout { detail: String::new() })
    );
    let server = Server::start(|seen| result(seen, "{}")).await;
    let error = connect_stateful(&server.wiring(), INITIALIZE, &Limits::default()).await.err();
    assert!(matches!(error, Some(ConnectError::Invalid(_))));
}

#[tokio::test]
async fn lists_over_http_use_ids_that_no_client_has() {
    let server = stateful_server(|seen| result(seen, r#"{"tools":[{"name":"a",  "x":1.0}]}"#)).await;
    let connection = stateful(&server).await;
    assert_eq!(list_all(&connection, "tools/list").await.unwrap(), [r#"{"name":"a",  "x":1.0}"#]);
    assert_eq!(server.seen("tools/list")[0].id(), "\"countersign-link-2\"");
}
