//! One message once: signed, to a judged address, and every answer taken for what it is.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use countersign_notify::EventKind;
use countersign_notify::address::{Names, Resolving};
use countersign_notify::event::Body;
use countersign_notify::send::{Sender, sign};
use countersign_notify::settings::{Secret, Settings};
use types::{Code, Millis};

use crate::receiver::{Answer, Receiver, SECRET, settings};
use crate::world::{START, case_event};

fn sender() -> Sender {
    Sender::new("https://c.example".to_owned())
}

#[tokio::test]
async fn a_webhook_is_a_signed_cloud_event() {
    let receiver = Receiver::start(&[]).await;
    let event = case_event(EventKind::CaseOpened);
    let status = sender().send(&receiver.target(), &event, Millis(START + 1_999)).await;
    assert_eq!(status, Ok(Some(204)));
    let [got] = receiver.got().try_into().unwrap();
    let said = got.json();
    for (name, value) in [
        ("specversion", "1.0"),
        ("type", "countersign.case.opened"),
        ("source", "https://c.example"),
        ("id", &event.id),
        ("time", "2026-01-05T10:00:00Z"),
        ("datacontenttype", "application/json"),
    ] {
        assert_eq!(said[name], value, "{name}");
    }
    assert_eq!(said["data"]["tool"], "sre.restart");
    assert_eq!(said["data"]["asked"][0]["group"], "owners");
    assert_eq!(said["data"]["link"], event.link);
    assert_eq!(got.header("content-type"), "application/cloudevents+json; charset=utf-8");
    assert_eq!((got.id(), got.header("webhook-timestamp")), (event.id.clone(), "1767607201".to_owned()));
    assert!(!event.id.contains('.'), "a full stop parts what is signed");
    let secret = Secret::new(vec![
        0x31, 0xf2, 0x90, 0xf6, 0xbf, 0x06, 0x29, 0x8a, 0xab, 0x4f, 0x08, 0xd4, 0x3c, 0x3f, 0x08, 0x2c, 0xf6, 0x48,
        0xa3, 0x62, 0xda, 0x2d, 0xa4, 0xb0,
    ]);
    let right = sign(&[secret], &event.id, 1_767_607_201, &got.body);
    assert_eq!(got.header("webhook-signature"), right);
}

#[tokio::test]
async fn what_is_larger_than_64_kib_is_not_sent() {
    let receiver = Receiver::start(&[]).await;
    let mut event = case_event(EventKind::CaseOpened);
    let Body::Case(_, case) = &mut event.body else { unreachable!() };
    case.environment = Some("x".repeat(64 * 1024));
    let failure = sender().send(&receiver.target(), &event, Millis(START)).await.unwrap_err();
    assert_eq!(failure.code, Code::PayloadTooLarge, "{failure}");
    assert!(receiver.got().is_empty());
}

#[tokio::test]
async fn while_receivers_change_over_both_secrets_sign() {
    let receiver = Receiver::start(&[]).await;
    let text = format!(
        "[targets.hook]\nkind = \"webhook\"\nurl = \"http://{}/\"\nsecret_file = \"new\"\nold_secret_file = \"old\"\n\
         events = [\"case-opened\"]\nallow_private = true\nprivate = [\"127.0.0.1/32\"]\n",
        receiver.address
    );
    let file = |name: &str| Ok(if name == "new" { "A".repeat(44).into() } else { SECRET.into() });
    let settings = Settings::read(&text, &file).unwrap();
    sender().send(&settings.targets[0], &case_event(EventKind::CaseOpened), Millis(START)).await.unwrap();
    let signed = receiver.got()[0].header("webhook-signature");
    let both: Vec<&str> = signed.split(' ').collect();
    assert!(both.len() == 2 && both[0] != both[1] && both.iter().all(|one| one.starts_with("v1,")), "{signed}");
}

#[tokio::test]
async fn what_is_no_success_is_told_with_its_status_and_how_long_to_wait() {
    for (answer, status, wait_ms, gone, says) in [
        (Answer::Status(500), 500, None, false, "status 500"),
        (Answer::Status(404), 404, None, false, "status 404"),
        (Answer::Status(410), 410, None, true, "it is gone"),
        (Answer::RetryAfter(429, "120"), 429, Some(120_000), false, "status 429"),
        (Answer::RetryAfter(503, "Mon, 05 Jan 2026 10:01:00 GMT"), 503, Some(60_000), false, "status 503"),
        (Answer::RetryAfter(503, "soon"), 503, None, false, "status 503"),
    ] {
        let receiver = Receiver::start(&[answer]).await;
        let sent = sender().send(&receiver.target(), &case_event(EventKind::CaseOpened), Millis(START)).await;
        let failure = sent.unwrap_err();
        assert_eq!((failure.code, failure.status), (Code::UpstreamInvalid, Some(status)), "{failure}");
        assert_eq!((failure.wait_ms, failure.gone), (wait_ms, gone), "{failure}");
        assert!(failure.says.contains(says), "{failure}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_wherever_it_leads() {
    let other = Receiver::start(&[]).await;
    let to: &'static str = Box::leak(format!("http://{}/else", other.address).into_boxed_str());
    let receiver = Receiver::start(&[Answer::Redirect(to)]).await;
    let failure =
        sender().send(&receiver.target(), &case_event(EventKind::CaseOpened), Millis(START)).await.unwrap_err();
    assert_eq!((failure.code, failure.status), (Code::UpstreamInvalid, Some(307)));
    assert!(failure.says.contains("redirects are not followed"), "{failure}");
    assert!(other.got().is_empty(), "the redirect was followed");
}

#[tokio::test]
async fn a_receiver_that_hangs_is_left_after_ten_seconds() {
    let receiver = Receiver::start(&[Answer::Hang]).await;
    let failure =
        sender().send(&receiver.target(), &case_event(EventKind::CaseOpened), Millis(START)).await.unwrap_err();
    assert_eq!((failure.code, failure.status), (Code::UpstreamTimeout, None));
    assert_eq!(receiver.got().len(), 1);
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_unavailable() {
    let target = settings("127.0.0.1:9", "").targets[0].clone();
    let failure = sender().send(&target, &case_event(EventKind::CaseOpened), Millis(START)).await.unwrap_err();
    assert_eq!(failure.code, Code::UpstreamUnavailable);
    assert!(!failure.says.contains("/in"), "the address is told: {failure}");
}

/// Answers differently each time, and counts how often it was asked.
struct Rebinding {
    answers: Mutex<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Names for Rebinding {
    fn resolve(&self, _: &str) -> Resolving {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let next = if answers.len() > 1 { answers.remove(0) } else { answers[0] };
        Box::pin(std::future::ready(Ok(vec![next])))
    }
}

#[tokio::test]
async fn a_name_is_resolved_once_an_attempt_and_judged_anew_at_each() {
    let receiver = Receiver::start(&[]).await;
    let local: IpAddr = "127.0.0.1".parse().unwrap();
    let names = Arc::new(Rebinding {
        // Were it resolved again to connect, the second answer of the first attempt would be the forbidden one.
        answers: Mutex::new(vec![local, "127.0.0.2".parse().unwrap(), local, "169.254.169.254".parse().unwrap()]),
        asked: AtomicUsize::new(0),
    });
    let sender = Sender::over(names.clone(), "https://c.example".to_owned());
    // The full stop at the end makes it another text to whoever compares names.
    for host in ["hooks.example", "hooks.example."] {
        let target = settings(&format!("{host}:{}", receiver.address.port()), "").targets[0].clone();
        let event = case_event(EventKind::CaseOpened);
        sender.send(&target, &event, Millis(START)).await.unwrap();
        let failure = sender.send(&target, &event, Millis(START)).await.unwrap_err();
        assert_eq!(failure.code, Code::AddressForbidden, "{failure}");
    }
    assert_eq!((names.asked.load(Ordering::SeqCst), receiver.got().len()), (4, 2));
}
