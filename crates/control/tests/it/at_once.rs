//! Kills kept the moment they come: armed while the journal takes its time, and never lost with the process.

use std::time::Duration;

use countersign_control::Config;
use countersign_control::state::{Switch, Target};
use evidence::RecordKind;
use ledger::at_once::AtOnce;
use testkit::{World, world};
use types::Principal;

use crate::closing::person;
use crate::{propose, try_propose, until};

fn agent() -> Target {
    Target::Agent("sre-bot".parse().unwrap())
}

fn dan() -> Principal {
    Principal::Person(person("dan"))
}

fn kept(world: &World) -> Option<Vec<u8>> {
    AtOnce::read(&world.control.config().place.head).unwrap()
}

fn set(world: &World) -> Option<Switch> {
    world.control.switches().into_iter().find(|switch| switch.target == agent())
}

/// Returns how many records set or lift a switch.
fn recorded(world: &World) -> usize {
    let records = world.control.history().range(0, world.control.size()).unwrap();
    records.iter().filter(|entry| entry.leaf.kind == RecordKind::Switch).count()
}

/// Kills while the journal is held up, and returns what was kept then.
async fn killed_at_once(world: &World) -> Vec<u8> {
    let before = recorded(world);
    let held = world.hold_journal();
    let killed = world.control.kill(dan(), agent(), "stop").await.unwrap();
    assert!(killed.armed && killed.receipt.is_none(), "the journal was held up");
    assert_eq!(set(world).unwrap().set_in, None);
    assert_eq!(recorded(world), before);
    let bytes = kept(world).expect("it survives a crash by now");
    drop(held);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_is_armed_though_the_journal_takes_its_time_and_recorded_when_it_can() {
    let world = world().await;
    killed_at_once(&world).await;
    // Who lifts it waits until it is recorded, and what was kept is forgotten by then.
    world.control.lift(&person("dan"), agent(), "over").await.unwrap();
    assert_eq!((recorded(&world), set(&world), kept(&world)), (2, None, None));
    assert!(propose(&world, "sre.report", "{}").await.permit.is_some());
    let world = world.restart().await;
    assert_eq!((recorded(&world), set(&world)), (2, None), "and no start sets it again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_that_waits_for_no_receipt_is_answered_once_it_is_kept_and_no_sooner() {
    let no_wait = |config| Config { receipt_wait: Duration::ZERO, ..config };
    let world = world().await.restart_with(no_wait).await;
    for _ in 0..20 {
        killed_at_once(&world).await;
        world.control.lift(&person("dan"), agent(), "over").await.unwrap();
    }
    assert_eq!((recorded(&world), set(&world), kept(&world)), (40, None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_and_never_recorded_is_set_by_the_next_start_before_it_serves() {
    let world = world().await;
    let bytes = killed_at_once(&world).await;
    world.control.lift(&person("dan"), agent(), "over").await.unwrap();
    // As if the process had died before the journal had any of it: the file alone knows of the kill.
    let file = world.control.config().place.head.join("at-once");
    AtOnce::open(file.parent().unwrap()).unwrap().keep(&bytes).unwrap();
    let world = world.restart().await;
    let switch = set(&world).unwrap();
    assert_eq!((switch.reason.as_str(), switch.set_in.is_some(), kept(&world)), ("stop", true, None));
    assert!(try_propose(&world, "sre.report", "{}", false).await.is_ok_and(|decided| decided.permit.is_none()));
    assert_eq!(recorded(&world), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_before_it_was_forgotten_is_not_recorded_twice() {
    let world = world().await;
    let bytes = killed_at_once(&world).await;
    until("it is recorded and forgotten", || recorded(&world) == 1 && kept(&world).is_none()).await;
    AtOnce::open(&world.control.config().place.head).unwrap().keep(&bytes).unwrap();
    let world = world.restart().await;
    assert_eq!((recorded(&world), set(&world).is_some(), kept(&world)), (1, true, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_that_the_journal_takes_in_time_has_its_receipt_and_leaves_nothing() {
    let world = world().await;
    let killed = world.control.kill(dan(), agent(), "stop").await.unwrap();
    assert_eq!((killed.receipt.is_some(), recorded(&world)), (true, 1));
    assert_eq!(set(&world).unwrap().set_in, killed.receipt);
    until("it is forgotten", || kept(&world).is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_that_a_stopped_journal_never_took_is_set_by_the_next_start() {
    let world = world().await;
    let held = world.hold_journal();
    // The writer gives up after five seconds, and the journal stops.
    assert!(world.control.kill(dan(), agent(), "stop").await.unwrap().armed);
    until("the journal has stopped", || world.control.health().stopped.is_some()).await;
    drop(held);
    let world = world.restart().await;
    let switch = set(&world).unwrap();
    assert_eq!(
        (switch.reason.as_str(), switch.set_in.is_some(), recorded(&world), kept(&world)),
        ("stop", true, 1, None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_that_cannot_be_kept_waits_for_the_journal() {
    let world = world().await;
    let held = world.hold_journal();
    let long = "x".repeat(ledger::at_once::KEPT_BYTES_MAX);
    let control = world.control.clone();
    let killing = tokio::spawn(async move { control.kill(dan(), agent(), &long).await });
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(!killing.is_finished(), "nothing durable knows of it");
    drop(held);
    assert!(killing.await.unwrap().unwrap().receipt.is_some());
}
