//! The listener: one path and method, bounds of size and time, and an orderly end.

use std::io::{Read as _, Write as _};

use crate::program::{Answer, Home, post};

#[test]
fn there_is_one_path_and_one_method() {
    let home = Home::new();
    let running = home.serve();
    let request = home.log.grown(0, 7).to_string();
    for path in ["/", "/add-checkpoint/", "/Add-Checkpoint", "/sign-subtree", "//add-checkpoint"] {
        let answer = running.raw(post(path, &request).as_bytes());
        assert!(answer.is(404, "not-found"), "{path}: {answer:?}");
    }
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let answer = running.raw(post("/add-checkpoint", &request).replacen("POST", method, 1).as_bytes());
        assert!(answer.is(405, "request-invalid") && answer.head.contains("allow: post"), "{method}: {answer:?}");
    }
    assert_eq!(running.raw(b"no http at all\r\n\r\n").status, 400);
    assert_eq!(running.ask(request).status, 200);
}

#[test]
fn a_connection_carries_several_requests() {
    let home = Home::new();
    let running = home.serve();
    let mut stream = running.connect();
    let first = post("/add-checkpoint", &home.log.grown(0, 7).to_string()).replacen("connection: close\r\n", "", 1);
    let second = post("/add-checkpoint", &home.log.grown(7, 9).to_string());
    stream.write_all(format!("{first}{second}").as_bytes()).unwrap();
    let both = Answer::read(stream);
    assert_eq!(both.status, 200);
    assert_eq!(both.body.matches("HTTP/1.1 200 OK").count(), 1, "the second answer follows the first: {both:?}");
}

#[test]
fn a_body_is_bounded_whether_it_tells_its_length_or_not() {
    let home = Home::new();
    let running = home.serve();
    // Nothing more is sent than the server must read to refuse it, lest the answer be lost in a reset.
    let head = "POST /add-checkpoint HTTP/1.1\r\nhost: w\r\nconnection: close\r\n";
    let answer = running.raw(format!("{head}content-length: {}\r\n\r\n", (256 << 10) + 1).as_bytes());
    assert!(answer.is(413, "payload-too-large"), "{answer:?}");
    let chunks = format!("10000\r\n{}\r\n", "x".repeat(0x10000)).repeat(4);
    let answer = running.raw(format!("{head}transfer-encoding: chunked\r\n\r\n{chunks}1\r\nx").as_bytes());
    assert!(answer.is(413, "payload-too-large"), "{answer:?}");
    let longest = format!("old 0\n\n{}", "x".repeat((256 << 10) - 7));
    assert!(running.ask(longest).is(400, "request-invalid"), "a body of that length is read");
}

#[test]
fn a_head_is_bounded() {
    let home = Home::new();
    let running = home.serve();
    let answer = running.raw(format!("POST /add-checkpoint HTTP/1.1\r\nx: {}", "y".repeat(16 << 10)).as_bytes());
    assert_eq!(answer.status, 431, "{answer:?}");
}

#[test]
fn who_sends_no_request_to_its_end_is_sent_away() {
    let home = Home::new();
    let running = home.serve();
    let silent = running.connect();
    let mut half_head = running.connect();
    half_head.write_all(b"POST /add-checkpoint HTTP/1.1\r\nhost: w\r\n").unwrap();
    let mut half_body = running.connect();
    half_body.write_all(b"POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: 100\r\n\r\nold 0\n").unwrap();
    // Each of these reads until the server closes the connection.
    let answer = Answer::read(half_body);
    assert!(answer.is(408, "request-invalid"), "{answer:?}");
    for mut stream in [half_head, silent] {
        let mut rest = Vec::new();
        assert!(stream.read_to_end(&mut rest).is_ok(), "it is closed, not merely left alone");
    }
    assert_eq!(running.ask(home.log.grown(0, 7)).status, 200);
}

#[test]
fn more_connections_than_there_are_places_for_wait_their_turn() {
    let home = Home::new();
    let running = home.serve();
    let idle: Vec<_> = (0..200).map(|_| running.connect()).collect();
    assert_eq!(running.ask(home.log.grown(0, 7)).status, 200);
    drop(idle);
}

#[test]
fn the_terminate_signal_ends_it_in_order() {
    let home = Home::new();
    let running = home.serve();
    assert_eq!(running.ask(home.log.grown(0, 7)).status, 200);
    let idle = running.connect();
    running.tell();
    assert_eq!(running.ended(), Some(0), "a connection without a request holds nothing up");
    drop(idle);
    assert_eq!(home.cosign(home.log.grown(7, 9)).exit, 0);
}

#[test]
fn a_request_that_has_begun_is_answered_before_the_end() {
    let home = Home::new();
    let running = home.serve();
    let request = post("/add-checkpoint", &home.log.grown(0, 7).to_string());
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut stream = running.connect();
    stream.write_all(format!("{head}\r\nexpect: 100-continue\r\n\r\n").as_bytes()).unwrap();
    // The server asks for the body once it has the head.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    running.tell();
    // Nobody is listened to any more once the signal has arrived.
    let is_closed = (0..5_000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(2));
        std::net::TcpStream::connect(running.address).is_err()
    });
    assert!(is_closed);
    stream.write_all(body.as_bytes()).unwrap();
    let answer = Answer::read(stream);
    assert_eq!(answer.status, 200, "{answer:?}");
    home.check(&home.log.note(7), &answer.body);
    assert_eq!(running.ended(), Some(0));
}

#[test]
fn an_address_that_is_taken_is_told() {
    let home = Home::new();
    let other = Home::new();
    let running = home.serve();
    let ended = other.run(&["serve", "DIR", "--listen", &running.address.to_string()]);
    assert!(ended.exit == 1 && ended.err.contains("code: address-unusable"), "{}", ended.err);
}
