//! Mail, before a server that speaks just enough SMTP.

use std::sync::{Arc, Mutex};

use countersign_notify::event::Body;
use countersign_notify::send::Sender;
use countersign_notify::{Event, EventKind, Settings, Target};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use types::{Code, Millis};

use crate::world::{START, case_event};

/// Is a mail server that takes one mail, or answers the recipient with another code.
struct Server {
    port: u16,
    got: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(recipient: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, got) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(Vec::new())));
        let lines = got.clone();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 here\r\n").await.unwrap();
            let mut in_data = false;
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                    return;
                }
                let line = line.trim_end_matches("\r\n").to_owned();
                lines.lock().unwrap().push(line.clone());
                let answer = match line.get(..4).unwrap_or(&line) {
                    "." if in_data => {
                        in_data = false;
                        "250 taken"
                    }
                    _ if in_data => continue,
                    "DATA" => {
                        in_data = true;
                        "354 go on"
                    }
                    "RCPT" => recipient,
                    "EHLO" => "250-fine\r\n250 AUTH PLAIN LOGIN",
                    "QUIT" => "221 bye",
                    _ => "250 fine",
                };
                stream.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
            }
        });
        Self { port, got }
    }

    fn target(&self, more: &str) -> Target {
        let text = format!(
            "[targets.mail]\nkind = \"email\"\nserver = \"127.0.0.1\"\nport = {}\nallow_private = true\n\
             private = [\"127.0.0.1/32\"]\nfrom = \"Countersign <countersign@example.com>\"\n\
             to = [\"ana@example.com\", \"ben@example.com\"]\nevents = [\"case-opened\"]\n{more}",
            self.port
        );
        Settings::read(&text, &|_| Ok(b"x".to_vec())).unwrap().targets.remove(0)
    }

    fn lines(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }
}

async fn send(target: &Target, event: &Event) -> Result<Option<u16>, countersign_notify::send::Failure> {
    Sender::new("https://c.example".to_owned()).send(target, event, Millis(START)).await
}

#[tokio::test]
async fn a_mail_is_plain_text_with_a_link_and_says_that_no_person_wrote_it() {
    let server = Server::start("250 fine").await;
    let event = case_event(EventKind::CaseOpened);
    assert_eq!(send(&server.target("tls = \"none\"\n"), &event).await, Ok(None));
    let lines = server.lines();
    for line in [
        "MAIL FROM:<countersign@example.com>",
        "RCPT TO:<ana@example.com>",
        "RCPT TO:<ben@example.com>",
        "Subject: [Countersign] agent:sre-bot asks for restart on sre",
        "Auto-Submitted: auto-generated",
        "Environment: prod",
        "Asked: 1 of owners (owner) until 2026-01-05 10:10:00 UTC",
        "An answer to this mail decides nothing.",
    ] {
        assert!(lines.iter().any(|got| got.starts_with(line)), "{line} is not in {lines:#?}");
    }
    assert!(lines.contains(&format!("Message-ID: <{}@example.com>", event.id)), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("Content-Type: text/plain")), "{lines:#?}");
    assert!(lines.contains(&event.link), "{lines:#?}");
}

#[tokio::test]
async fn nothing_that_comes_from_elsewhere_makes_a_header() {
    let server = Server::start("250 fine").await;
    let hostile = "x\r\nBcc: thief@evil.example\r\n\r\n.\r\nMAIL FROM:<thief@evil.example>";
    let mut event = case_event(EventKind::CaseOpened);
    let Body::Case(_, case) = &mut event.body else { unreachable!() };
    case.requester = hostile.to_owned();
    case.environment = Some(hostile.to_owned());
    case.asked[0].group = hostile.to_owned();
    case.tool.operation = hostile.to_owned();
    send(&server.target("tls = \"none\"\n"), &event).await.unwrap();
    let lines = server.lines();
    for begins in ["Bcc", "bcc", "MAIL FROM:<thief"] {
        assert!(!lines.iter().any(|line| line.starts_with(begins)), "{begins}: {lines:#?}");
    }
    // A full stop alone ends a mail; there is one mail.
    assert_eq!(lines.iter().filter(|line| *line == ".").count(), 1, "{lines:#?}");
}

#[tokio::test]
async fn a_server_that_does_not_take_it_is_told_with_its_status() {
    let server = Server::start("550 \u{1b}[31mno such person").await;
    let failure = send(&server.target("tls = \"none\"\n"), &case_event(EventKind::CaseOpened)).await.unwrap_err();
    assert_eq!((failure.code, failure.status), (Code::UpstreamInvalid, Some(550)));
    assert!(!failure.says.contains('\u{1b}'), "{failure:?}");
}

#[tokio::test]
async fn a_server_that_offers_no_tls_gets_nothing() {
    for more in ["", "user = \"me\"\npassword_file = \"password\"\n"] {
        let server = Server::start("250 fine").await;
        let failure = send(&server.target(more), &case_event(EventKind::CaseOpened)).await.unwrap_err();
        assert_eq!(failure.code, Code::UpstreamUnavailable, "{failure}");
        let lines = server.lines();
        assert!(!lines.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{lines:?}");
    }
}

#[tokio::test]
async fn a_mail_server_is_judged_as_every_target_is() {
    let server = Server::start("250 fine").await;
    let mut target = server.target("tls = \"none\"\n");
    target.reach = countersign_notify::address::Reach::default();
    let failure = send(&target, &case_event(EventKind::CaseOpened)).await.unwrap_err();
    assert_eq!(failure.code, Code::AddressForbidden);
    assert!(server.lines().is_empty());
}
