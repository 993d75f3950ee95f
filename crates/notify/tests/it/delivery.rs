//! What the desk delivers: at least once, under one id, whatever dies in between, and for no longer than it is of use.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign_notify::desk::view::{Health, TargetView, View, Wanted};
use countersign_notify::send::Sender;
use countersign_notify::{Desk, EventKind, Settings};
use store::outbox::NoticeState;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use types::Code;

use crate::receiver::{Answer, Receiver, until};
use crate::world::Script;

/// Is a desk on a runtime of its own, so that it can be killed.
pub struct Process {
    pub desk: Arc<Desk>,
    pub script: Arc<Script>,
    runtime: Runtime,
    folder: Arc<TempDir>,
}

impl Process {
    pub fn start(settings: Settings) -> Self {
        Self::over(Arc::new(tempfile::tempdir().unwrap()), Script::new(), settings)
    }

    fn over(folder: Arc<TempDir>, script: Arc<Script>, settings: Settings) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let path: PathBuf = folder.path().join("notify.db");
        let desk = Desk::open(&path, settings, script.clone(), Sender::new("https://c.example".to_owned())).unwrap();
        let _inside = runtime.enter();
        desk.spawn();
        drop(_inside);
        Self { desk, script, runtime, folder }
    }

    /// Ends every task where it stands, and starts again on the same outbox.
    pub fn killed_and_started(self, settings: Settings) -> Self {
        let Self { desk, script, runtime, folder } = self;
        runtime.shutdown_background();
        drop(desk);
        Self::over(folder, script, settings)
    }

    pub fn view(&self) -> View {
        self.desk.view(&Wanted { limit: 1_000, ..Wanted::default() }).unwrap()
    }

    pub fn target(&self) -> TargetView {
        self.view().targets.remove(0)
    }

    pub fn end(self) {
        self.script.end();
        self.runtime.shutdown_background();
    }
}

#[tokio::test]
async fn a_case_that_is_opened_is_delivered_once_and_that_is_noted() {
    let receiver = Receiver::start(&[]).await;
    let process = Process::start(receiver.settings(""));
    assert_eq!(process.target().health, Health::Unused);
    let id = process.script.open(1);
    until(|| process.target().sent == 1).await;
    assert_eq!(receiver.ids(), std::slice::from_ref(&id));
    let [notice] = process.view().notices.try_into().unwrap();
    assert_eq!((notice.new.id, notice.state, notice.attempts, notice.status), (id, NoticeState::Sent, 1, Some(204)));
    assert_eq!((process.target().health, process.target().waiting), (Health::Working, 0));
    process.end();
}

#[tokio::test]
async fn what_happens_before_the_first_round_is_told() {
    let receiver = Receiver::start(&[]).await;
    let (folder, script) = (tempfile::tempdir().unwrap(), Script::new());
    let sender = Sender::new("https://c.example".to_owned());
    let desk = Desk::open(&folder.path().join("notify.db"), receiver.settings(""), script.clone(), sender).unwrap();
    // No task that it begins gets a turn before this one waits.
    desk.spawn();
    let id = script.open(1);
    until(|| receiver.ids() == [id.clone()]).await;
    script.end();
}

#[tokio::test]
async fn what_fails_is_tried_again_later_under_the_same_id() {
    let receiver = Receiver::start(&[Answer::Status(500), Answer::Status(503)]).await;
    let process = Process::start(receiver.settings(""));
    let id = process.script.open(1);
    until(|| process.target().health == Health::Failing).await;
    let (at, code, says) = process.target().last_failure.unwrap();
    assert_eq!((at.0, code), (process.script.now_ms(), Code::UpstreamInvalid));
    assert!(says.contains("status 500"), "{says}");
    let next = process.target().next.unwrap();
    assert!((1_000..2_000).contains(&(next.0 - at.0)), "{next:?}");
    // Two rests of a courier without an attempt: time has not passed for it.
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    assert_eq!(receiver.got().len(), 1, "it was tried again too early");
    for attempts in 2..=3 {
        process.script.advance(15 * 60_000 / 4);
        // When it is tried again follows from when that was noted, so no time passes before.
        until(|| process.view().notices.iter().all(|notice| notice.attempts == attempts)).await;
        assert_eq!(u32::try_from(receiver.got().len()), Ok(attempts));
    }
    until(|| process.target().sent == 1).await;
    assert_eq!(receiver.ids(), vec![id; 3]);
    process.end();
}

#[tokio::test]
async fn a_target_that_says_how_long_is_left_alone_so_long() {
    let receiver = Receiver::start(&[Answer::RetryAfter(429, "300")]).await;
    let process = Process::start(receiver.settings(""));
    process.script.open(1);
    until(|| process.target().health == Health::Failing).await;
    assert_eq!(process.target().next.unwrap().0 - process.script.now_ms(), 300_000);
    process.script.advance(299_000);
    // Another event does not get past it either.
    process.script.open(2);
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    assert_eq!(receiver.got().len(), 1, "it was not left alone");
    process.script.advance(1_000);
    until(|| process.target().sent == 2).await;
    process.end();
}

#[tokio::test]
async fn a_target_that_is_gone_is_given_up_until_its_settings_change() {
    let receiver = Receiver::start(&[Answer::Status(410)]).await;
    let process = Process::start(receiver.settings(""));
    process.script.open(1);
    until(|| process.target().health == Health::Stopped).await;
    process.script.advance(60_000);
    process.script.open(2);
    until(|| process.target().waiting == 2).await;
    let process = process.killed_and_started(receiver.settings(""));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!((receiver.got().len(), process.target().health), (1, Health::Stopped));
    let process = process.killed_and_started(receiver.settings("per_minute = 77\n"));
    until(|| process.target().sent == 2).await;
    process.end();
}

#[tokio::test]
async fn what_waits_when_the_process_dies_is_delivered_by_the_next_one() {
    let receiver = Receiver::start(&[Answer::Status(500)]).await;
    let process = Process::start(receiver.settings(""));
    let ids: Vec<String> = (1..=3).map(|number| process.script.open(number)).collect();
    until(|| process.target().waiting == 3 && process.target().health == Health::Failing).await;
    let process = process.killed_and_started(receiver.settings(""));
    assert_eq!(process.target().health, Health::Failing, "how the target stood was forgotten");
    process.script.advance(60_000);
    until(|| process.target().sent == 3).await;
    let mut got = receiver.ids();
    got.sort();
    got.dedup();
    assert_eq!(got, ids);
    process.end();
}

#[tokio::test]
async fn killed_between_the_sending_and_the_note_it_is_sent_again_under_the_same_id() {
    let receiver = Receiver::start(&[Answer::Hang]).await;
    let process = Process::start(receiver.settings(""));
    let id = process.script.open(1);
    until(|| receiver.got().len() == 1).await;
    let process = process.killed_and_started(receiver.settings(""));
    until(|| process.target().sent == 1).await;
    assert_eq!(receiver.ids(), [id.clone(), id]);
    process.end();
}

#[tokio::test]
async fn what_nobody_takes_in_time_is_dead_and_shown() {
    let receiver = Receiver::start(&[Answer::Status(500); 100]).await;
    let process = Process::start(receiver.settings(""));
    process.script.open(1);
    until(|| process.target().health == Health::Failing).await;
    process.script.advance(601_000);
    until(|| process.target().dead == 1).await;
    let attempts = receiver.got().len();
    process.script.advance(3_600_000);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(receiver.got().len(), attempts, "it was tried after its time");
    let dead = Wanted { state: Some(NoticeState::Dead), limit: 10, ..Wanted::default() };
    let [notice] = process.desk.view(&dead).unwrap().notices.try_into().unwrap();
    assert_eq!((notice.code.as_deref(), notice.status), (Some("upstream-invalid"), Some(500)));
    process.end();
}

#[tokio::test]
async fn what_is_over_before_it_is_sent_is_not_sent() {
    let receiver = Receiver::start(&[Answer::Status(500)]).await;
    let process = Process::start(receiver.settings(""));
    process.script.open(1);
    until(|| process.target().health == Health::Failing).await;
    process.script.forget(1, EventKind::CaseOpened);
    process.script.advance(60_000);
    until(|| process.target().dropped == 1).await;
    assert_eq!(receiver.got().len(), 1);
    process.end();
}

#[tokio::test]
async fn a_target_that_hangs_holds_up_no_other() {
    let (slow, fast) = (Receiver::start(&[Answer::Hang; 10]).await, Receiver::start(&[]).await);
    let mut settings = slow.settings("");
    let other = fast.settings("").targets.remove(0);
    settings.targets.push(countersign_notify::Target { name: "other".to_owned(), ..other });
    let process = Process::start(settings);
    for number in 1..=20 {
        process.script.open(number);
    }
    until(|| process.view().targets[1].sent == 20).await;
    assert_eq!((slow.got().len(), process.target().sent), (1, 0), "the first attempt is still on its way");
    process.end();
}

#[tokio::test]
async fn what_waits_for_a_target_that_is_not_named_any_more_is_dropped() {
    let receiver = Receiver::start(&[Answer::Status(500)]).await;
    let process = Process::start(receiver.settings(""));
    process.script.open(1);
    until(|| process.target().health == Health::Failing).await;
    let mut other = receiver.settings("");
    other.targets[0].name = "renamed".to_owned();
    let process = process.killed_and_started(other);
    let [notice] = process.view().notices.try_into().unwrap();
    assert_eq!((notice.new.target.as_str(), notice.state), ("hook", NoticeState::Dropped));
    process.end();
}
