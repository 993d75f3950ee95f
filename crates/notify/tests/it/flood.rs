//! More events than anybody can read: a few messages, which count them all, and bounded room.

use countersign_notify::EventKind;
use countersign_notify::desk::view::Health;
use store::outbox::NoticeState;

use crate::delivery::Process;
use crate::receiver::{Answer, Got, Receiver, until};

/// Counts what a message stands for.
fn stands_for(got: &Got) -> u64 {
    let said = got.json();
    match said["data"]["counts"].as_object() {
        Some(counts) => counts.values().map(|count| count.as_u64().unwrap()).sum(),
        None => 1,
    }
}

#[tokio::test]
async fn a_thousand_cases_are_as_many_messages_as_the_rate_lets_through_and_none_is_lost() {
    let receiver = Receiver::start(&[]).await;
    let process = Process::start(receiver.settings("per_minute = 6\n"));
    for number in 0..1_000 {
        process.script.open(number);
    }
    until(|| process.target().waiting + process.target().sent == 1_000 && receiver.got().len() == 6).await;
    let mut last = receiver.got().len();
    while process.target().sent < 1_000 {
        process.script.advance(10_000);
        until(|| receiver.got().len() > last || process.target().sent == 1_000).await;
        last = receiver.got().len();
        assert!(last <= 60, "a person got {last} messages");
    }
    let got = receiver.got();
    assert_eq!(got.iter().map(stands_for).sum::<u64>(), 1_000);
    let together = got.iter().find(|got| stands_for(got) > 1).unwrap();
    let said = together.json();
    assert_eq!(said["type"], "countersign.cases");
    let waiting = stands_for(together);
    assert_eq!(said["data"]["title"], format!("{waiting} more cases wait"));
    assert!(together.id().ends_with(&format!("_with_{}", waiting - 1)), "{}", together.id());
    assert_eq!(said["data"]["link"], "https://c.example/v1/approvals");
    process.end();
}

#[tokio::test]
async fn what_waits_for_a_dead_target_takes_bounded_room_and_is_counted_all_the_same() {
    let receiver = Receiver::start(&[Answer::Status(500)]).await;
    let process = Process::start(receiver.settings("per_minute = 2\n"));
    process.script.open(0);
    until(|| process.target().health == Health::Failing).await;
    for number in 1..3_000 {
        process.script.open(number);
    }
    until(|| process.target().waiting == 3_000).await;
    // A view has 1,000 rows at most, so that these stand for everything only if there are no others.
    let shown = process.view().notices;
    let waiting = shown.iter().filter(|notice| notice.state == NoticeState::Waiting);
    assert_eq!(waiting.map(|notice| 1 + notice.more).sum::<u64>(), 3_000);
    for _ in 0..20 {
        let sent = process.target().sent;
        if sent == 3_000 {
            break;
        }
        process.script.advance(30_000);
        until(|| process.target().sent > sent).await;
    }
    assert_eq!(receiver.got().iter().skip(1).map(stands_for).sum::<u64>(), 3_000);
    process.end();
}

#[tokio::test]
async fn a_kill_goes_before_all_cases_and_alone() {
    let receiver = Receiver::start(&[Answer::Status(500)]).await;
    let process = Process::start(receiver.settings("per_minute = 6\n"));
    for number in 0..50 {
        process.script.open(number);
    }
    until(|| process.target().waiting == 50 && process.target().health == Health::Failing).await;
    let kill = process.script.happen(50, EventKind::KillSet, 600_000);
    until(|| process.target().waiting == 51).await;
    process.script.advance(60_000);
    until(|| receiver.got().len() > 1).await;
    assert_eq!(receiver.ids()[1], kill);
    process.end();
}

#[tokio::test]
async fn what_is_over_by_then_is_not_counted_among_those_that_wait() {
    let receiver = Receiver::start(&[Answer::Status(500)]).await;
    let process = Process::start(receiver.settings("per_minute = 1\n"));
    process.script.open(0);
    until(|| process.target().health == Health::Failing).await;
    for number in 1..20 {
        process.script.open(number);
    }
    until(|| process.target().waiting == 20).await;
    for number in 5..15 {
        process.script.forget(number, EventKind::CaseOpened);
    }
    while process.target().sent < 10 {
        let sent = process.target().sent;
        process.script.advance(60_000);
        until(|| process.target().sent > sent).await;
    }
    assert_eq!(receiver.got().iter().skip(1).map(stands_for).sum::<u64>(), 10);
    assert_eq!((process.target().dropped, process.target().waiting), (10, 0));
    process.end();
}

#[tokio::test]
async fn what_is_unusual_of_many_agents_becomes_one_message_and_holds_up_no_kill() {
    let receiver = Receiver::start(&[Answer::Status(500)]).await;
    let process = Process::start(receiver.settings("per_minute = 2\n"));
    process.script.open(0);
    until(|| process.target().health == Health::Failing).await;
    for number in 1..200 {
        process.script.happen(number, EventKind::BehaviourUnusual, 600_000);
        process.script.happen(number, EventKind::BreakerOpened, 600_000);
    }
    let kill = process.script.happen(0, EventKind::KillSet, 600_000);
    until(|| process.target().waiting == 400).await;
    process.script.advance(60_000);
    until(|| receiver.got().len() >= 3).await;
    assert_eq!(receiver.ids()[1], kill);
    let said = receiver.got()[2].json();
    assert_eq!((&said["type"], &said["data"]["waiting"]), (&"countersign.cases".into(), &0.into()), "{said}");
    assert_eq!(said["data"]["title"], "199 breakers have opened, 199 findings of unusual behaviour");
    process.end();
}

#[tokio::test]
async fn what_is_found_again_is_not_counted_again_where_there_is_no_room() {
    let receiver = Receiver::start(&[Answer::Status(500)]).await;
    let process = Process::start(receiver.settings("per_minute = 2\n"));
    process.script.open(0);
    until(|| process.target().health == Health::Failing).await;
    for number in 1..1_000 {
        process.script.happen(number, EventKind::BehaviourUnusual, 600_000);
    }
    for _ in 0..300 {
        process.script.happen(999, EventKind::BehaviourUnusual, 600_000);
    }
    let last = process.script.open(1_000);
    until(|| process.view().notices.iter().any(|notice| notice.new.id == last) || process.target().waiting > 1_000)
        .await;
    assert_eq!(process.target().waiting, 1_001);
    process.end();
}
