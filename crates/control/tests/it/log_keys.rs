//! The keys of the log: two overlap, one goes, all are in doubt, and a log that ended is taken up under another name.

use std::fs;
use std::sync::Arc;

use countersign_control::doctor::Sign;
use countersign_control::log_keys::TakenUp;
use countersign_control::{Config, Control, Refusal};
use evidence::{LogEvent, LogEventKind, RecordKind, Standing, Trust, published};
use ledger::recover::{LOG, OpenError, lock};
use testkit::{World, world};
use tlog::checkpoint::Checkpoint;
use tlog::key::VerifierKey;
use types::{Code, PersonId};

use crate::witnesses::copy;
use crate::{propose, try_propose};

fn ana() -> PersonId {
    "ana".parse().unwrap()
}

fn dan() -> PersonId {
    "dan".parse().unwrap()
}

fn key(world: &World) -> VerifierKey {
    world.control.config().place.keys.log.verifier()
}

fn signed_by(config: &Config, file: &str, key: &VerifierKey) -> bool {
    let note = fs::read(config.place.data.join(file)).unwrap();
    Checkpoint::open(&note, key).is_ok()
}

/// Returns what the log's records say in the open about the log itself.
fn events(control: &Control) -> Vec<(RecordKind, LogEvent)> {
    let records = control.history().range(0, control.size()).unwrap();
    records.into_iter().filter_map(|entry| Some((entry.leaf.kind, entry.leaf.log?))).collect()
}

async fn opened(config: &Config) -> Result<Arc<Control>, OpenError> {
    for _ in 0..600 {
        match Control::open(config.clone()) {
            Err(OpenError::Busy(_)) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            other => return other,
        }
    }
    panic!("the folder is still taken")
}

async fn refused(config: &Config) -> Code {
    match opened(config).await {
        Ok(control) => control.start().await.map(drop).unwrap_err().code,
        Err(error) => error.code(),
    }
}

async fn take_up(config: &Config, token: &str, accept_gap: bool) -> Result<TakenUp, Refusal> {
    let lock = loop {
        match lock(&config.place.data) {
            Err(OpenError::Busy(_)) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            taken => break taken.unwrap(),
        }
    };
    Control::take_up_anew(config.clone(), lock, token, "a new beginning", accept_gap).await
}

/// Says how a published folder stands for a reader who knows one key.
fn verified(config: &Config, folder: &str, key: &VerifierKey) -> evidence::LogReport {
    let folder = config.place.data.join(folder);
    let read = |name: &str| fs::read(folder.join(name)).ok();
    published::check(&read, &Trust::Key(key.clone()), &[]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_keys_sign_between_a_rotation_and_the_end_of_the_old_one() {
    let world = world().await;
    let old = key(&world);
    world.control.rotate_log_key(&dan(), "yearly").await.unwrap();
    let [first, new] = &world.control.config().place.keys.log.verifiers()[..] else { panic!("two keys sign") };
    assert!(*first == old && new.name() == old.name() && *new != old);
    assert_eq!(world.control.rotate_log_key(&dan(), "again").await.unwrap_err().code, Code::StateConflict);
    let world = world.restart().await;
    propose(&world, "sre.report", "{}").await;
    world.control.publish().unwrap();
    let config = world.control.config().clone();
    assert!(signed_by(&config, "log/checkpoint", &old) && signed_by(&config, "log/checkpoint", new));
    world.control.retire_log_key(&dan(), "a month is over").await.unwrap();
    assert_eq!(world.control.retire_log_key(&dan(), "again").await.unwrap_err().code, Code::StateConflict);
    assert!(!signed_by(&config, "log/checkpoint", &old) && signed_by(&config, "log/checkpoint", new));
    let world = world.restart().await;
    propose(&world, "sre.report", "{}").await;
    let texts = |keys: &[&VerifierKey]| keys.iter().map(ToString::to_string).collect::<Vec<_>>();
    let event = |event, old: &[&VerifierKey], now: &[&VerifierKey]| {
        (RecordKind::KeyEvent, LogEvent::of(event, texts(old), texts(now)))
    };
    let both = [&old, new];
    let expected = [event(LogEventKind::Rotated, &[&old], &both), event(LogEventKind::Retired, &both, &[new])];
    assert_eq!(events(&world.control), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knows_the_old_key_alone_finds_the_new_one() {
    let world = world().await;
    let old = key(&world);
    world.control.rotate_log_key(&dan(), "yearly").await.unwrap();
    world.control.retire_log_key(&dan(), "a month is over").await.unwrap();
    propose(&world, "sre.report", "{}").await;
    world.control.publish().unwrap();
    let config = world.control.config().clone();
    let report = verified(&config, LOG, &old);
    assert_eq!(report.standing(), Standing::Holds, "{report:?}");
    assert!(report.checks[0].claim.contains("the log itself names"), "{report:?}");
    // The file in between vouches for nothing by itself.
    let kept = config.place.data.join(format!("log/checkpoint.{}", old.id()));
    fs::copy(config.place.data.join("log/checkpoint"), kept).unwrap();
    assert_eq!(verified(&config, LOG, &old).standing(), Standing::Broken);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_needs_a_decision_and_a_key_that_never_came_to_sign_is_forgotten() {
    let world = world().await;
    let old = key(&world);
    let before = world.control.size();
    let denied = world.control.rotate_log_key(&"ben".parse().unwrap(), "for fun").await.unwrap_err();
    assert!(denied.code.status() == 200 || denied.code == Code::Forbidden, "{denied:?}");
    assert!(world.control.size() > before && events(&world.control).is_empty());
    // As after a crash between the file of the keys and the record.
    let ring = world.control.config().place.keys.log.clone();
    let prepared = ring.prepare(old.name(), &Zeros).unwrap();
    let world = world.restart().await;
    assert_eq!(world.control.config().place.keys.log.verifiers(), std::slice::from_ref(&old));
    assert_ne!(ring.prepare(old.name(), &Ones).unwrap(), prepared, "it is still there");
    propose(&world, "sre.report", "{}").await;
    world.control.publish().unwrap();
    assert!(signed_by(world.control.config(), "log/checkpoint", &old));
}

struct Zeros;

impl ledger::Random for Zeros {
    fn fill(&self, out: &mut [u8]) {
        out.fill(0);
    }
}

struct Ones;

impl ledger::Random for Ones {
    fn fill(&self, out: &mut [u8]) {
        out.fill(1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_log_decides_nothing_more_and_goes_on_under_another_name() {
    let world = world().await;
    let old = key(&world);
    assert_eq!(world.control.freeze_log(&ana(), " ").await.unwrap_err().code, Code::RequestInvalid);
    let frozen = world.control.freeze_log(&ana(), "the key was on a stolen disk").await.unwrap();
    assert_eq!((frozen.receipt, frozen.size), (Some(world.control.size() - 1), world.control.size()));
    let refusal = try_propose(&world, "sre.report", "{}", false).await.unwrap_err();
    assert_eq!(refusal.code, Code::LogFrozen);
    assert_eq!(world.control.freeze_log(&ana(), "again").await.unwrap_err().code, Code::LogFrozen);
    assert_eq!(world.control.rotate_log_key(&dan(), "late").await.unwrap_err().code, Code::LogFrozen);
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(world.control.size(), frozen.size, "nothing comes after the last record");
    let World { control, folder: _folder, tokens, .. } = world;
    let config = control.config().clone();
    control.close().await;
    assert!(matches!(opened(&config).await, Err(OpenError::Frozen(_))), "nothing of it is opened");
    assert_eq!(take_up(&config, "cs_none", false).await.unwrap_err().code, Code::Unauthenticated);
    assert_eq!(take_up(&config, &tokens["sre-bot"], false).await.unwrap_err().code, Code::Forbidden);
    assert_eq!(refused(&config).await, Code::LogFrozen);
    let taken = take_up(&config, &tokens["ana"], false).await.unwrap();
    assert_eq!((taken.end.found, taken.end.lost()), (frozen.size, 0));
    let new: VerifierKey = taken.new.parse().unwrap();
    assert_eq!(new.name(), format!("{}/2", old.name()));
    let control = opened(&config).await.unwrap();
    control.start().await.unwrap();
    control.publish().unwrap();
    let said = events(&control);
    let kinds: Vec<_> = said.iter().map(|(kind, event)| (*kind, event.event, event.new.clone())).collect();
    let expected = [
        (RecordKind::KeyEvent, LogEventKind::Compromised, Vec::new()),
        (RecordKind::Epoch, LogEventKind::Continued, vec![taken.new.clone()]),
    ];
    assert_eq!(kinds, expected);
    let ended = verified(&config, "log.1", &old);
    assert_eq!(ended.standing(), Standing::Holds, "{ended:?}");
    assert_eq!(said[1].1.ended.as_ref().unwrap().root.unwrap().0, root(&config, "log.1/checkpoint", &old));
    assert_eq!(verified(&config, LOG, &new).standing(), Standing::Holds);
    assert_eq!(verified(&config, LOG, &old).standing(), Standing::Broken);
}

fn root(config: &Config, file: &str, key: &VerifierKey) -> [u8; 32] {
    let note = fs::read(config.place.data.join(file)).unwrap();
    Checkpoint::open(&note, key).unwrap().0.root.0
}

/// Waits until nobody has the data folder.
async fn let_go(config: &Config) {
    while let Err(OpenError::Busy(_)) = lock(&config.place.data) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Goes on after a copy of the data folder was made, and then puts the copy in its place.
async fn set_back(control: Arc<Control>) -> (Config, u64, u64) {
    set_back_with(control, |_| async {}).await
}

async fn set_back_with<F: Future<Output = ()>>(
    control: Arc<Control>,
    before: impl FnOnce(Arc<Control>) -> F,
) -> (Config, u64, u64) {
    let config = control.config().clone();
    control.close().await;
    let_go(&config).await;
    let data = config.place.data.clone();
    let backup = data.with_file_name("backup");
    copy(&data, &backup);
    let control = opened(&config).await.unwrap();
    let found = control.size();
    control.start().await.unwrap();
    for _ in 0..3 {
        control.decide_once(crate::wish("sre.report", "{}"), false).await.unwrap();
    }
    let seen = control.publish().unwrap();
    before(control.clone()).await;
    control.close().await;
    let_go(&config).await;
    fs::remove_dir_all(&data).unwrap();
    fs::rename(backup, &data).unwrap();
    (config, found, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_copy_goes_on_only_with_a_gap_that_is_admitted() {
    let World { control, folder: _folder, tokens, .. } = world().await;
    let old = control.config().place.keys.log.verifier();
    let (config, found, seen) = set_back(control).await;
    assert_eq!(refused(&config).await, Code::JournalBehind);
    let unadmitted = take_up(&config, &tokens["ana"], false).await.unwrap_err();
    assert_eq!(unadmitted.code, Code::JournalBehind);
    assert!(unadmitted.message.contains(&format!("records {found} to {}", seen - 1)), "{}", unadmitted.message);
    assert_eq!(refused(&config).await, Code::JournalBehind, "a refused try changes nothing");
    let lost_root = root_of_head(&config, &old);
    let taken = take_up(&config, &tokens["ana"], true).await.unwrap();
    assert_eq!((taken.end.found, taken.end.seen, taken.end.root.unwrap().0), (found, seen, lost_root));
    let control = opened(&config).await.unwrap();
    control.start().await.unwrap();
    control.publish().unwrap();
    let (kind, event) = &events(&control)[0];
    assert_eq!(
        (*kind, event.event, event.ended.as_ref()),
        (RecordKind::Epoch, LogEventKind::Continued, Some(&taken.end))
    );
    assert_eq!((event.old.clone(), event.new.clone()), (vec![old.to_string()], vec![taken.new.clone()]));
    let doctor = control.doctor();
    let gap = doctor.iter().find(|finding| finding.code == Some(Code::JournalBehind)).unwrap();
    assert!(gap.sign == Sign::Note && gap.says.contains("ARE LOST"), "{gap:?}");
    let report = verified(&config, LOG, &taken.new.parse().unwrap());
    assert_eq!(report.standing(), Standing::Holds);
    assert!(report.unproven.iter().any(|what| what.contains("they are LOST")), "{report:?}");
    assert_eq!(verified(&config, "log.1", &old).standing(), Standing::Holds);
    // Set back once more: no name is used a second time, and the new gap is told too.
    let (config, ..) = set_back(control).await;
    assert_eq!(refused(&config).await, Code::JournalBehind);
    let again = take_up(&config, &tokens["ana"], true).await.unwrap();
    assert_eq!(again.new.parse::<VerifierKey>().unwrap().name(), format!("{}/3", old.name()));
    let control = opened(&config).await.unwrap();
    control.start().await.unwrap();
    assert_eq!(events(&control).len(), 2);
}

fn root_of_head(config: &Config, key: &VerifierKey) -> [u8; 32] {
    let note = fs::read(config.place.head.join("head")).unwrap();
    Checkpoint::open(&note, key).unwrap().0.root.0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_files_were_moved_is_made_good_by_the_next_start() {
    let World { control, folder: _folder, tokens, .. } = world().await;
    let old = control.config().place.keys.log.verifier();
    let (config, found, seen) = set_back(control).await;
    let taken = take_up(&config, &tokens["ana"], true).await.unwrap();
    assert_eq!((taken.end.found, taken.end.seen), (found, seen));
    let data = &config.place.data;
    fs::rename(data.join("log.1"), data.join("log")).unwrap();
    fs::rename(config.place.head.join("head.1"), config.place.head.join("head")).unwrap();
    let control = opened(&config).await.unwrap();
    control.start().await.unwrap();
    control.publish().unwrap();
    assert_eq!(verified(&config, "log.1", &old).standing(), Standing::Holds);
    assert_eq!(verified(&config, LOG, &taken.new.parse().unwrap()).standing(), Standing::Holds);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_file_that_has_seen_more_than_was_admitted_is_not_put_away() {
    let World { control, folder: _folder, tokens, .. } = world().await;
    let (config, ..) = set_back(control).await;
    let taken = take_up(&config, &tokens["ana"], true).await.unwrap();
    let beyond = Checkpoint::new(taken.old.clone(), taken.end.seen + 1, tlog::hash::leaf_hash(b"another"));
    // The key of the test's world, which signed the log that ended.
    let old = tlog::key::SignerKey::ed25519(&taken.old, &[9; 32]).unwrap();
    fs::write(config.place.head.join("head"), beyond.sign(&old).unwrap().to_string()).unwrap();
    assert_eq!(refused(&config).await, Code::JournalBehind);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_witness_has_seen_is_a_gap_too() {
    let (world, _witnesses) = crate::witnesses::witnessed().await;
    crate::witnesses::until_witnessed(&world.control).await;
    let World { control, folder, tokens, .. } = world;
    let (config, found, seen) = set_back_with(control, |control| async move {
        crate::witnesses::until_witnessed(&control).await;
    })
    .await;
    fs::remove_dir_all(&config.place.head).unwrap();
    assert_eq!(refused(&config).await, Code::JournalBehind);
    let_go(&config).await;
    assert_eq!(take_up(&config, &tokens["ana"], false).await.unwrap_err().code, Code::JournalBehind);
    let taken = take_up(&config, &tokens["ana"], true).await.unwrap();
    assert_eq!((taken.end.found, taken.end.seen, taken.end.root), (found, seen, None));
    let control = opened(&config).await.unwrap();
    control.start().await.unwrap();
    drop(folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_up_that_simply_goes_on() {
    let world = world().await;
    let World { control, folder: _folder, tokens, .. } = world;
    let config = control.config().clone();
    control.close().await;
    assert_eq!(take_up(&config, &tokens["ana"], true).await.unwrap_err().code, Code::StateConflict);
    let control = opened(&config).await.unwrap();
    control.start().await.unwrap();
    assert!(events(&control).is_empty());
}
