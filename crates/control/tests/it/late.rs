//! What tightens and comes after a log's last record, or while it is being closed: nothing of it is lost with the process.

use std::collections::BTreeMap;
use std::path::PathBuf;

use countersign_control::closing::roll_over;
use countersign_control::late::freeze_closed;
use countersign_control::state::Target;
use countersign_control::{Config, Control};
use evidence::{LogEventKind, RecordKind, Standing};
use ledger::late::Late;
use ledger::recover::OpenError;
use ledger::rollover;
use testkit::{Folder, World, world};
use types::{Code, Principal};

use crate::closing::{next, person, published_in, taken};
use crate::{propose, try_propose};

fn kept(config: &Config, late: Late) -> bool {
    late.read(&config.place.head).unwrap().is_some()
}

/// Stops the application; the folder goes with what is returned.
async fn stopped(world: World) -> (Config, Folder, BTreeMap<String, String>) {
    let World { control, folder, tokens, .. } = world;
    let config = control.config().clone();
    control.close().await;
    (config, folder, tokens)
}

fn switched(control: &Control) -> usize {
    let records = control.history().range(0, control.size()).unwrap();
    records.iter().filter(|entry| entry.leaf.kind == RecordKind::Switch).count()
}

/// Returns what the log's records say of the log itself.
fn told(control: &Control) -> Vec<LogEventKind> {
    let records = control.history().range(0, control.size()).unwrap();
    records.into_iter().filter_map(|entry| Some(entry.leaf.log?.event)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_after_the_last_record_is_set_by_the_next_start_before_it_serves() {
    let world = world().await;
    world.control.close_log(&person("dan"), "the year is over").await.unwrap();
    for reason in ["late", "later"] {
        let target = Target::Agent("sre-bot".parse().unwrap());
        let kill = world.control.kill(Principal::Person(person("dan")), target, reason).await.unwrap_err();
        assert!(kill.code == Code::LogClosed && kill.message.contains("the next start records it"), "{kill:?}");
    }
    let (world, _) = next(world).await;
    let set = world.control.switches();
    assert_eq!(set.iter().map(|switch| switch.reason.as_str()).collect::<Vec<_>>(), ["later"]);
    assert!(try_propose(&world, "sre.report", "{}", false).await.is_ok_and(|decided| decided.permit.is_none()));
    assert_eq!(switched(&world.control), 1);
    assert!(!kept(world.control.config(), Late::Kills));
    // It is stored, and recorded once.
    let world = world.restart().await;
    assert!(world.control.switches().len() == 1 && switched(&world.control) == 1);
    let target = Target::Agent("sre-bot".parse().unwrap());
    world.control.lift(&person("dan"), target, "it is well again").await.unwrap();
    assert!(propose(&world, "sre.report", "{}").await.permit.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_while_a_log_is_being_closed_waits_for_nothing() {
    let world = world().await;
    let flying = propose(&world, "sre.report", "{}").await;
    let control = world.control.clone();
    let closing = tokio::spawn(async move { control.close_log(&person("dan"), "the year is over").await });
    while try_propose(&world, "sre.report", "{}", true).await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    world.control.freeze_log(&person("ana"), "the disk was stolen").await.unwrap();
    // It was still waiting for what is in flight.
    assert_eq!(closing.await.unwrap().unwrap_err().code, Code::LogFrozen);
    drop(flying);
    let (config, _folder, _) = stopped(world).await;
    let held = taken(&config).await;
    assert_eq!(roll_over(&config, held).await.unwrap().1, None);
    let held = taken(&config).await;
    assert!(matches!(Control::open_locked(config, held), Err(OpenError::Frozen(_))));
}

async fn goes_on_anew(config: &Config, token: &str) {
    let log = |name: &str| -> PathBuf { config.place.data.join(name) };
    let held = taken(config).await;
    let wrong = Control::take_up_anew(config.clone(), held, "cs_nobody", "the keys are changed", false).await;
    assert_eq!(wrong.unwrap_err().code, Code::Unauthenticated);
    let held = taken(config).await;
    let up = Control::take_up_anew(config.clone(), held, token, "the keys are changed", false).await.unwrap();
    assert_eq!(up.old, "testkit.example/log/2");
    assert!(up.new.starts_with("testkit.example/log/3+") && !kept(config, Late::Freeze));
    let control = testkit::reopened(config.clone()).await;
    control.start().await.unwrap();
    assert_eq!(told(&control), [LogEventKind::Began, LogEventKind::Compromised, LogEventKind::Continued]);
    let records = control.history().range(0, control.size()).unwrap();
    let mut froze = records.iter().filter(|entry| entry.leaf.kind == RecordKind::KeyEvent);
    let froze = froze.next().unwrap().content.as_ref().unwrap();
    assert!(froze.subjects.contains(&"person:ana".to_owned()), "{froze:?}");
    control.publish().unwrap();
    let live = published_in(&log("log"), &up.new);
    assert_eq!(live.standing(), Standing::Holds, "{live:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_freeze_behind_the_last_record_no_start_goes_through_until_somebody_takes_it_up() {
    let world = world().await;
    world.control.close_log(&person("dan"), "the year is over").await.unwrap();
    let freeze = world.control.freeze_log(&person("ana"), "the disk was stolen").await.unwrap_err();
    assert!(freeze.code == Code::LogClosed && freeze.message.contains("no start goes through"), "{freeze:?}");
    let (config, _folder, tokens) = stopped(world).await;
    for _ in 0..2 {
        let held = taken(&config).await;
        assert_eq!(roll_over(&config, held).await.unwrap_err().code, Code::LogFrozen);
    }
    assert!(!config.place.data.join("closed/1").exists());
    goes_on_anew(&config, &tokens["dan"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_log_is_frozen_without_a_server_too_and_a_crash_forgets_nothing() {
    let world = world().await;
    world.control.close_log(&person("dan"), "the year is over").await.unwrap();
    let (config, _folder, tokens) = stopped(world).await;
    let tokens = ["ana", "sre-bot", "dan"].map(|name| tokens[name].clone());
    let held = taken(&config).await;
    assert_eq!(freeze_closed(&config, &held, &tokens[1], "by a machine").unwrap_err().code, Code::Forbidden);
    assert_eq!(freeze_closed(&config, &held, &tokens[0], " ").unwrap_err().code, Code::RequestInvalid);
    assert!(!kept(&config, Late::Freeze));
    freeze_closed(&config, &held, &tokens[0], "the disk was stolen").unwrap();
    // The process dies between the new log and the record of the freeze.
    rollover::begin_frozen(&config.place, &held).unwrap().unwrap().finish().unwrap();
    drop(held);
    let control = testkit::reopened(config.clone()).await;
    assert_eq!(control.start().await.unwrap_err().code, Code::LogFrozen);
    assert_eq!(told(&control), [LogEventKind::Began, LogEventKind::Compromised]);
    control.close().await;
    // As if it had died before the file was gone.
    let held = taken(&config).await;
    freeze_closed(&config, &held, &tokens[0], "the disk was stolen").unwrap();
    drop(held);
    goes_on_anew(&config, &tokens[2]).await;
}
