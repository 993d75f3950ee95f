//! A log that is closed: read-only from then on, and everything that the next decision reads goes on in a new one, whatever
//! instant the process dies at.

use std::fmt::Debug;
use std::fs::{self, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_control::actions::Proposed;
use countersign_control::closing::roll_over;
use countersign_control::logs::LogState;
use countersign_control::state::Target;
use countersign_control::{Config, Control};
use evidence::walk::{Walk, WalkError};
use evidence::{Carried, Counts, Field, LogEventKind, RecordKind, Standing, Trust, carried, published};
use ledger::disk::System;
use ledger::recover::{Lock, OpenError, lock};
use ledger::rollover::{self, RolledOver};
use ledger::{Disk, History};
use testkit::{World, world};
use types::case::{Ballot, CaseState};
use types::{ActionId, CaseId, Code, OutcomeStatus, PersonId, Principal, Verdict};

use crate::{propose, try_propose, wish};

const SERVICE: &str = r#"{"service":"web"}"#;

/// Calls with a secret, which is decided on and kept as a mark.
const SECRET: &str = r#"{"service":"mail","password":"canary-of-a-closed-log"}"#;

pub fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}

/// What is open as a log is closed: everything that must not be forgotten.
pub struct Left {
    pub case: CaseId,
    used: CaseId,
    reported: ActionId,
    once: ActionId,
    secretly: ActionId,
}

async fn approve(world: &World, case: CaseId) -> CaseState {
    let shown = world.control.case(&case).unwrap().case.shown;
    world.control.vote(&person("ben"), case, Ballot::Approve, "looks right", shown, false).await.unwrap().state
}

/// Leaves a case, a used approval, a permit without a report, an idempotency key and a kill, and closes the log.
pub async fn close(world: &World) -> Left {
    let used = propose(world, "sre.restart", r#"{"service":"db"}"#).await.case.unwrap().id;
    approve(world, used).await;
    assert!(try_propose(world, "sre.restart", r#"{"service":"db"}"#, true).await.unwrap().permit.is_some());
    let case = propose(world, "sre.restart", SERVICE).await.case.unwrap().id;
    let reported = try_propose(world, "sre.report", "{}", true).await.unwrap().decision.action;
    let Proposed::Now(once) = world.control.propose(wish("sre.list", "{}"), true, "k1".into()).await.unwrap() else {
        panic!("it came before")
    };
    let refused = propose(world, "sre.restart", SECRET).await.case.unwrap();
    let shown = world.control.case(&refused.id).unwrap().case.shown;
    let deny = world.control.vote(&person("ben"), refused.id, Ballot::Deny, "not now", shown, false).await;
    assert_eq!(deny.unwrap().state, CaseState::Denied);
    let Proposed::Now(secretly) = world.control.propose(wish("sre.report", SECRET), true, "k2".into()).await.unwrap()
    else {
        panic!("it came before")
    };
    let target = Target::Agent("report-bot".parse().unwrap());
    world.control.kill(Principal::Person(person("dan")), target, "acting up").await.unwrap();
    let closed = world.control.close_log(&person("dan"), "the year is over").await.unwrap();
    assert!(closed.is_closed && closed.size == world.control.size());
    Left { case, used, reported, once: once.decision.action, secretly: secretly.decision.action }
}

pub async fn taken(config: &Config) -> Lock {
    for _ in 0..600 {
        match lock(&config.place.data) {
            Err(OpenError::Busy(_)) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            taken => return taken.unwrap(),
        }
    }
    panic!("the folder is still taken")
}

async fn rolled_over(config: &Config) -> Option<RolledOver> {
    roll_over(config, taken(config).await).await.unwrap().1
}

/// Stops the application and takes up the next log, as a restart of the server does.
pub async fn next(world: World) -> (World, RolledOver) {
    let World { control, clock, folder, tokens } = world;
    let config = control.config().clone();
    control.close().await;
    let rolled = rolled_over(&config).await.expect("the log was closed");
    let control = testkit::reopened(config).await;
    control.start().await.unwrap();
    (World { control, clock, folder, tokens }, rolled)
}

/// Demands that nothing of what was open is forgotten.
pub async fn nothing_is_forgotten(world: &World, left: &Left) {
    let control = &world.control;
    let killed = wish("sre.report", "{}");
    let killed =
        countersign_control::actions::Wish { principal: Principal::Agent("report-bot".parse().unwrap()), ..killed };
    let denied = control.decide_once(killed, false).await.unwrap().decision;
    assert!(denied.findings.iter().any(|finding| finding.code == Code::Killed), "the kill is forgotten: {denied:?}");
    assert!(!control.holder_of(world.token("ana")).unwrap().principal.subject().is_empty());
    let Proposed::Before(action) = control.propose(wish("sre.list", "{}"), true, "k1".into()).await.unwrap() else {
        panic!("an idempotency key is forgotten")
    };
    assert_eq!(action, left.once);
    let again = control.propose(wish("sre.report", SECRET), true, "k2".into()).await;
    assert!(matches!(again, Ok(Proposed::Before(action)) if action == left.secretly), "a key of a secret is forgotten");
    let refused = propose(world, "sre.restart", SECRET).await.decision;
    assert_eq!(refused.verdict, Verdict::Deny, "a refusal of a call with a secret is forgotten: {refused:?}");
    let again = propose(world, "sre.restart", r#"{"service":"db"}"#).await;
    assert!(again.permit.is_none() && again.case.unwrap().id != left.used, "an approval was used twice");
    assert_eq!(approve(world, left.case).await, CaseState::Approved);
    let ran = propose(world, "sre.restart", SERVICE).await;
    assert!(ran.permit.is_some() && ran.decision.case == Some(left.case));
    let agent = "sre-bot".parse().unwrap();
    control.report(&agent, left.reported, OutcomeStatus::Done, None, None).await.unwrap();
    let path = control.trace(&left.reported).unwrap();
    let logs: Vec<Option<u64>> = path.steps.iter().map(|step| step.log).collect();
    assert_eq!(logs, [Some(1), None]);
}

pub fn published_in(folder: &Path, key: &str) -> evidence::LogReport {
    let read = |name: &str| fs::read(folder.join(name)).ok();
    published::check(&read, &Trust::Key(key.parse().unwrap()), &[]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_log_begins_where_nothing_is_forgotten() {
    let world = world().await;
    let old = world.control.config().place.keys.log.verifier().to_string();
    let left = close(&world).await;
    let size = world.control.size();
    let (world, rolled) = next(world).await;
    assert_eq!(
        (rolled.closed.size, rolled.closed.origins.as_slice()),
        (size, ["testkit.example/log".to_owned()].as_slice())
    );
    assert_eq!(rolled.new.name(), "testkit.example/log/2");
    nothing_is_forgotten(&world, &left).await;
    world.control.publish().unwrap();
    let data = world.control.config().place.data.clone();
    let closed = published_in(&data.join("closed/1/log"), &old);
    assert_eq!(closed.standing(), Standing::Holds, "{closed:?}");
    let live = published_in(&data.join("log"), &rolled.new.to_string());
    assert_eq!(live.standing(), Standing::Holds, "{live:?}");
    let states: Vec<LogState> = world.control.logs().unwrap().iter().map(|log| log.state).collect();
    assert_eq!(states, [LogState::Closed, LogState::Open]);
    let world = world.restart().await;
    assert!(propose(&world, "sre.report", "{}").await.permit.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_record_counts_and_the_first_commits() {
    let world = world().await;
    close(&world).await;
    let (world, rolled) = next(world).await;
    let place = world.control.config().place.clone();
    let closed = History::open(&place.data.join("closed/1"), place.keys.tenant.clone()).unwrap();
    let last = closed.record(rolled.closed.size - 1).unwrap().unwrap();
    assert_eq!((last.leaf.kind, last.leaf.log.unwrap().event), (RecordKind::Epoch, LogEventKind::Closed));
    let counts: Counts = last.content.unwrap().get(Field::Body).unwrap().unwrap();
    let expected = Counts { records: rolled.closed.size, sessions: 0, cases: 1, flights: 4, switches: 1 };
    assert_eq!(counts, expected);
    let first = world.control.history().record(0).unwrap().unwrap();
    let event = first.leaf.log.unwrap();
    let kept = fs::read_to_string(place.data.join("closed/1/checkpoint")).unwrap();
    assert_eq!((first.leaf.kind, event.event), (RecordKind::Epoch, LogEventKind::Began));
    assert_eq!(event.checkpoint, Some(types::Digest::plain(kept.as_bytes())));
    assert_eq!(event.ended.unwrap().root, Some(rolled.closed.root));
    let body: Carried = first.content.unwrap().get(Field::Body).unwrap().unwrap();
    assert_eq!((body.number, body.rows, &body.checkpoint), (1, rolled.rows, &kept));
    // What the closed journal holds is what the record commits to.
    let kinds = [
        "bundle",
        "case",
        "conduct",
        "flight",
        "grant",
        "idempotency",
        "key",
        "rate",
        "switch",
        "pin",
        "refusal",
        "circuit",
        "bulk",
        "hour",
        "recent_vote",
        "return",
    ];
    let rows: Vec<(&str, String, Vec<u8>)> = kinds
        .iter()
        .flat_map(|kind| closed.state(kind).unwrap().into_iter().map(|(key, value)| (*kind, key, value)))
        .collect();
    let rows = rows.iter().map(|(kind, key, value)| (*kind, key.as_str(), value.as_slice()));
    assert_eq!(body.state, carried::state_digest(rows));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_log_takes_nothing_and_is_not_opened_as_it_is() {
    let world = world().await;
    close(&world).await;
    let size = world.control.size();
    let proposed = try_propose(&world, "sre.report", "{}", false).await.unwrap_err();
    assert_eq!(proposed.code, Code::LogClosed);
    let target = Target::Agent("sre-bot".parse().unwrap());
    let kill = world.control.kill(Principal::Person(person("dan")), target, "late").await;
    assert_eq!(kill.unwrap_err().code, Code::LogClosed);
    assert_eq!(world.control.freeze_log(&person("dan"), "late").await.unwrap_err().code, Code::LogClosed);
    assert_eq!(world.control.close_log(&person("dan"), "again").await.unwrap_err().code, Code::LogClosed);
    assert_eq!(world.control.size(), size);
    let World { control, folder: _folder, .. } = world;
    let config = control.config().clone();
    control.close().await;
    let held = taken(&config).await;
    assert_eq!(Control::open_locked(config, held).err().unwrap().code(), Code::LogClosed);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_close_it_is_denied_on_the_record() {
    let world = world().await;
    let before = world.control.size();
    let denied = world.control.close_log(&person("ben"), "for fun").await.unwrap_err();
    assert_ne!(denied.code, Code::LogClosed);
    assert!(world.control.size() > before && !world.control.is_closed().unwrap());
    assert!(propose(&world, "sre.report", "{}").await.permit.is_some());
    assert!(rolled_over_nothing(world).await);
}

async fn rolled_over_nothing(world: World) -> bool {
    let World { control, folder: _folder, .. } = world;
    let config = control.config().clone();
    control.close().await;
    rolled_over(&config).await.is_none()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_flight_lands_before_the_last_record() {
    let world = world().await;
    let flying = propose(&world, "sre.report", "{}").await;
    let control = world.control.clone();
    let closing = tokio::spawn(async move { control.close_log(&person("dan"), "the year is over").await });
    let refused = loop {
        match try_propose(&world, "sre.report", "{}", true).await {
            Ok(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            Err(refused) => break refused,
        }
    };
    assert!(refused.code == Code::LogClosed && !world.control.is_closed().unwrap());
    // The process dies while it waits.
    closing.abort();
    let action = flying.decision.action;
    drop(flying);
    let (world, rolled) = next(world).await;
    let place = world.control.config().place.clone();
    let path = world.control.trace(&action).unwrap();
    assert_eq!(path.outcome.unwrap().status, OutcomeStatus::InDoubt);
    assert_eq!(path.steps.iter().map(|step| step.log).collect::<Vec<_>>(), [Some(1), Some(1)]);
    let closed = History::open(&place.data.join("closed/1"), place.keys.tenant.clone()).unwrap();
    let last = closed.record(rolled.closed.size - 1).unwrap().unwrap();
    assert_eq!(last.leaf.log.unwrap().event, LogEventKind::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_behind_the_last_one_is_noticed() {
    let world = world().await;
    close(&world).await;
    let all = world.control.history().range(0, world.control.size()).unwrap();
    let mut walk = Walk::new();
    for entry in &all {
        walk.take(&entry.bytes).unwrap();
    }
    let mut late = all.last().unwrap().leaf.clone();
    (late.kind, late.log) = (RecordKind::Heartbeat, None);
    assert_eq!(walk.take(&late.to_bytes()), Err(WalkError::Closed { index: all.len() as u64 }));
}

/// Dies at an operation, as a process does that is killed there, and fails at every later one.
#[derive(Debug)]
struct Dying {
    left: AtomicU64,
    taken: AtomicU64,
}

impl Dying {
    fn step<T>(&self, run: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.taken.fetch_add(1, Ordering::SeqCst);
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_err() {
            return Err(io::Error::other("the process is dead"));
        }
        run()
    }
}

impl Disk for Dying {
    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        System.read(file)
    }
    fn write(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        self.step(|| System.write(file, bytes))
    }
    fn settle(&self, file: &Path) -> io::Result<()> {
        self.step(|| System.settle(file))
    }
    fn overwrite(&self, file: &Path, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.step(|| System.overwrite(file, at, bytes))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|| System.rename(from, to))
    }
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|| System.link(from, to))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step(|| System.remove(path))
    }
    fn holds_something(&self, folder: &Path) -> io::Result<bool> {
        System.holds_something(folder)
    }
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        self.step(|| System.make_folder(folder))
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step(|| System.sync_folder(folder))
    }
    fn lock(&self, file: &Path) -> Result<Box<dyn Debug + Send + Sync>, TryLockError> {
        System.lock(file)
    }
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() { copy(&path, &to) } else { fs::copy(&path, &to).map(drop).unwrap() }
    }
}

/// Says whether the journal in place is the closed one or the one after it.
fn in_place(config: &Config) -> LogEventKind {
    let history = History::open(&config.place.data, config.place.keys.tenant.clone()).unwrap();
    let record = history.record(if history.size().unwrap() == 1 { 0 } else { history.size().unwrap() - 1 });
    record.unwrap().unwrap().leaf.log.expect("an epoch's record").event
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_leaves_one_of_the_two_and_loses_nothing() {
    let world = world().await;
    let left = close(&world).await;
    let World { control, clock, folder, tokens } = world;
    let config = control.config().clone();
    control.close().await;
    let ground = tempfile::tempdir().unwrap();
    copy(folder.path(), ground.path());
    let mut seen = Vec::new();
    for steps in 0.. {
        let folder = tempfile::tempdir().unwrap();
        copy(ground.path(), folder.path());
        let mut place = config.place.clone();
        (place.data, place.head) = (folder.path().join("data"), folder.path().join("head"));
        place.keys.log = testkit::log_key().into();
        let config = Config { place, ..config.clone() };
        let dying = Arc::new(Dying { left: AtomicU64::new(steps), taken: AtomicU64::new(0) });
        let disk: Arc<dyn Disk> = dying.clone();
        let died = {
            let _held = taken(&config).await;
            rollover::begin_on(&config.place, &disk).and_then(|begun| begun.unwrap().finish()).is_err()
        };
        seen.push(in_place(&config));
        let rolled = rolled_over(&config).await;
        assert_eq!(rolled.is_some(), seen.last() == Some(&LogEventKind::Closed));
        let control = testkit::reopened(config).await;
        control.start().await.unwrap();
        let world = World {
            control,
            clock: clock.clone(),
            folder: testkit::Folder::of(folder, &tokens),
            tokens: tokens.clone(),
        };
        nothing_is_forgotten(&world, &left).await;
        let data = world.control.config().place.data.clone();
        assert!(data.join("closed/1/checkpoint").exists() && data.join("closed/1/log/checkpoint").exists());
        assert!(data.join("closed/1/journal.db").exists() && !data.join("journal.next.db").exists());
        assert!(world.control.records_of("1", 0, 10).unwrap().1 > 10);
        if !died {
            break;
        }
    }
    let before = seen.iter().filter(|event| **event == LogEventKind::Closed).count();
    assert!(before >= 10 && seen.len() - before >= 5, "{seen:?}");
    assert!(seen.is_sorted_by_key(|event| *event != LogEventKind::Closed), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_closed_twice_has_two_before_it() {
    let world = world().await;
    close(&world).await;
    let (world, _) = next(world).await;
    world.control.close_log(&person("dan"), "again").await.unwrap();
    let (world, second) = next(world).await;
    assert_eq!((second.closed.number, second.new.name()), (2, "testkit.example/log/3"));
    let logs = world.control.logs().unwrap();
    let names: Vec<(u64, &str)> = logs.iter().map(|log| (log.number, log.origin.as_str())).collect();
    let expected = [(1, "testkit.example/log"), (2, "testkit.example/log/2"), (3, "testkit.example/log/3")];
    assert_eq!(names, expected);
    assert_eq!(propose(&world, "sre.report", "{}").await.decision.verdict, Verdict::Allow);
    assert_eq!(world.control.log_named("testkit.example/log").unwrap().number, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_lies_beside_the_final_checkpoint_is_no_quorum() {
    let world = world().await;
    world.control.close_log(&person("dan"), "the year is over").await.unwrap();
    let log = world.control.config().place.data.join("log");
    fs::copy(log.join("checkpoint"), log.join("checkpoint.witnessed")).unwrap();
    let (world, rolled) = next(world).await;
    assert!(!rolled.closed.is_witnessed);
    assert_eq!(world.control.logs().unwrap()[0].witnessed, Some(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_final_checkpoint_keeps_the_cosignatures_and_the_new_log_is_new_to_witnesses() {
    let (world, _witnesses) = crate::witnesses::witnessed().await;
    let closed = world.control.close_log(&person("dan"), "the year is over").await.unwrap();
    assert_eq!(closed.witnessed, Some(closed.size));
    let (world, rolled) = next(world).await;
    assert!(rolled.closed.is_witnessed);
    assert!(rolled.closed.checkpoint.lines().count() > 5, "{}", rolled.closed.checkpoint);
    // A witness that was not given the new key refuses, and holds nothing up.
    propose(&world, "sre.report", "{}").await;
    crate::witnesses::until_failed(&world.control, 1).await;
    assert_eq!(world.control.witnessed().unwrap().size, 0);
}
