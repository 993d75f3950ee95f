//! Witnesses that are asked over HTTP: they cosign what grows, and a journal that they know otherwise does not go on.

use std::fs;
use std::path::Path;
use std::time::Duration;

use countersign_control::{Config, Control};
use evidence::{Archive, Standing, Trust};
use ledger::recover::Place;
use testkit::{Witness, World};
use tlog::TrustPolicy;
use types::Code;

use crate::{propose, try_propose};

/// Starts an application whose log two witnesses must have cosigned.
pub async fn witnessed() -> (World, [Witness; 2]) {
    let world = testkit::world().await;
    let key = world.control.config().place.keys.log.verifier();
    let witnesses = [1, 2].map(|n| Witness::start(n, &key));
    (with_witnesses(world, &witnesses, "all").await, witnesses)
}

pub async fn with_witnesses(world: World, witnesses: &[Witness; 2], quorum: &str) -> World {
    world.restart_with(|config| Config { witnesses: Some(policy(witnesses, quorum)), ..config }).await
}

fn policy(witnesses: &[Witness; 2], quorum: &str) -> TrustPolicy {
    let [one, two] = witnesses;
    let text = format!("{}{}group both {quorum} w1 w2\nquorum both\n", one.line("w1"), two.line("w2"));
    TrustPolicy::parse(text.as_bytes()).unwrap()
}

pub async fn until_witnessed(control: &Control) {
    for _ in 0..600 {
        if control.witnessed().is_some_and(|stand| stand.size == control.size()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{:?} of {}", control.witnessed(), control.size());
}

/// Waits until so many witnesses have not cosigned what they were shown last.
pub async fn until_failed(control: &Control, witnesses: usize) {
    for _ in 0..600 {
        if control.witnessed().is_some_and(|stand| stand.failures.len() >= witnesses) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{:?}", control.witnessed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_is_witnessed_and_its_evidence_says_so() {
    let (world, witnesses) = witnessed().await;
    let decided = propose(&world, "sre.report", "{}").await;
    until_witnessed(&world.control).await;
    assert_eq!(witnesses.each_ref().map(Witness::size), [world.control.size(); 2]);
    let bytes = world.control.export(&"ana".parse().unwrap(), &decided.decision.action).await.unwrap();
    let archive = Archive::from_bytes(&bytes).unwrap();
    let trust = |quorum| {
        let key = world.control.config().place.keys.log.verifier();
        Trust::Policy(policy(&witnesses, quorum).with_log(key))
    };
    let (report, _) = evidence::verify::archive(&archive, &trust("all"));
    assert_eq!(report.signature_standing(), Standing::Holds, "{:?}", report.signature);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_does_not_answer_holds_nothing_up() {
    let (world, witnesses) = witnessed().await;
    let [one, mut two] = witnesses;
    two.url = "http://127.0.0.1:9".to_owned();
    let witnesses = [one, two];
    let world = with_witnesses(world, &witnesses, "all").await;
    propose(&world, "sre.report", "{}").await;
    until_failed(&world.control, 1).await;
    let stand = world.control.witnessed().unwrap();
    assert!(stand.size < world.control.size() && stand.failures.contains_key("w2"), "{stand:?}");
    let world = with_witnesses(world, &witnesses, "any").await;
    propose(&world, "sre.report", "{}").await;
    until_witnessed(&world.control).await;
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), &target).map(drop).unwrap()
        }
    }
}

/// Stops the application, copies its whole folder, and starts it again.
async fn backed_up(world: World) -> (World, tempfile::TempDir) {
    let World { control, folder, clock, tokens } = world;
    let config = control.config().clone();
    control.close().await;
    drop(testkit::reopened(config.clone()).await);
    let backup = tempfile::tempdir().unwrap();
    copy(folder.path(), backup.path());
    let control = testkit::reopened(config).await;
    control.start().await.unwrap();
    (World { control, clock, folder, tokens }, backup)
}

/// Says where the same application would be in another folder.
fn moved(world: &World, folder: &Path) -> Config {
    let config = world.control.config().clone();
    let place = Place { data: folder.join("data"), head: folder.join("head"), ..config.place.clone() };
    Config { place, ..config }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_of_the_whole_disk_does_not_start() {
    let (world, _witnesses) = witnessed().await;
    let (world, backup) = backed_up(world).await;
    propose(&world, "sre.report", "{}").await;
    until_witnessed(&world.control).await;
    let seen = world.control.size();
    let older = Control::open(moved(&world, backup.path())).unwrap();
    let refused = older.start().await.map(drop).unwrap_err();
    assert_eq!(refused.code, Code::JournalBehind, "{}", refused.message);
    assert!(refused.message.contains(&format!("has cosigned {seen} records")), "{}", refused.message);
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_stops_once_another_one_under_its_key_was_witnessed() {
    let (world, _witnesses) = witnessed().await;
    until_witnessed(&world.control).await;
    let (world, backup) = backed_up(world).await;
    until_witnessed(&world.control).await;
    // A second holder of the keys goes on from a copy that has no record of this start.
    let second = moved(&world, backup.path());
    let apart = Config { witnesses: None, ..second.clone() };
    let other = Control::open(apart).unwrap();
    other.start().await.unwrap();
    for _ in 0..2 {
        other.decide_once(crate::wish("sre.report", "{}"), false).await.unwrap();
    }
    other.close().await;
    let forked = testkit::reopened(second).await;
    let refused = forked.start().await.map(drop).unwrap_err();
    assert_eq!(refused.code, Code::JournalMismatch, "{}", refused.message);
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_journal_stops_when_a_witness_knows_more_than_it_has() {
    let (world, witnesses) = witnessed().await;
    until_witnessed(&world.control).await;
    // As it is when a second process signs with the same key and has it cosigned.
    witnesses.iter().for_each(|witness| witness.claim_more(1_000));
    propose(&world, "sre.report", "{}").await;
    for _ in 0..600 {
        if world.control.health().stopped.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let refused = try_propose(&world, "sre.report", "{}", false).await.unwrap_err();
    assert_eq!(refused.code, Code::JournalStopped, "{}", refused.message);
    assert!(refused.message.contains("has cosigned 1000 records"), "{}", refused.message);
}
