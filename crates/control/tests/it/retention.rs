//! What becomes of a closed log: kept for its time, deleted for good, and erasures reach into it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use countersign_control::Refusal;
use countersign_control::doctor::Sign;
use countersign_control::logs::{LogState, LogView};
use countersign_control::state::kind;
use evidence::log_archive::Contents;
use evidence::{Field, LogEventKind, RecordKind, Standing};
use ledger::History;
use testkit::{World, bundle, world_with};
use types::case::Ballot;
use types::{Code, Digest, OutcomeStatus, PersonId};

use crate::closing::{copy, next, published_in};
use crate::erasure::{erase, lived, state_names, they_leave};
use crate::{propose, try_propose};

const DAY_MS: i64 = 86_400_000;

fn dan() -> PersonId {
    "dan".parse().unwrap()
}

/// Closes the log of a world whose bundle declares some retention, and takes up the next one.
async fn closed(retention: Option<&str>) -> World {
    let mut files = bundle();
    if let Some(text) = retention {
        files.insert("retention.toml", text);
    }
    let world = world_with(files).await;
    let done = try_propose(&world, "sre.report", "{}", true).await.unwrap().decision.action;
    world.control.report(&"sre-bot".parse().unwrap(), done, OutcomeStatus::Done, None, None).await.unwrap();
    world.control.close_log(&dan(), "the year is over").await.unwrap();
    next(world).await.0
}

async fn delete(world: &World) -> Result<LogView, Refusal> {
    world.control.delete_log(&dan(), "1", "kept long enough").await
}

async fn forbidden(world: &World, why: &str) {
    let refused = delete(world).await.unwrap_err();
    assert!(refused.code == Code::RetentionForbids && refused.message.contains(why), "{refused:?}");
    let closed = world.control.config().place.data.join("closed/1");
    assert!(closed.join("journal.db").exists() && closed.join("log/checkpoint").exists());
}

async fn archived(world: &World) {
    archived_with(world, Contents::Sealed).await;
}

async fn archived_with(world: &World, contents: Contents) {
    let view = world.control.archived(&dan(), "1", (Digest([5; 32]), contents), "verified").await.unwrap();
    assert_eq!(view.contents, Some(contents));
    assert_eq!((view.state, view.archive), (LogState::Archived, Some(Digest([5; 32]))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_bundle_declares_is_never_deleted() {
    let world = closed(None).await;
    archived(&world).await;
    world.clock.advance(100 * 365 * DAY_MS);
    forbidden(&world, "declares no retention").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_kept_for_its_days_and_until_an_archive_is_recorded() {
    let world = closed(Some("minimum_days = 7\n")).await;
    archived(&world).await;
    world.clock.advance(7 * DAY_MS - 1);
    forbidden(&world, "is kept for 7 days").await;
    world.clock.advance(1);
    assert_eq!(delete(&world).await.unwrap().state, LogState::Deleted);
    let world = closed(Some("minimum_days = 7\n")).await;
    world.clock.advance(8 * DAY_MS);
    forbidden(&world, "nobody has recorded an archive").await;
    let world = closed(Some("minimum_days = 7\narchive_required = false\n")).await;
    world.clock.advance(8 * DAY_MS);
    assert_eq!(delete(&world).await.unwrap().state, LogState::Deleted);
    let world = closed(Some("minimum_days = 0\nhold = true\n")).await;
    archived(&world).await;
    forbidden(&world, "holds everything").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_without_contents_counts_only_where_the_bundle_says_so() {
    let world = closed(Some("minimum_days = 0\n")).await;
    archived_with(&world, Contents::Left).await;
    forbidden(&world, "has none of the contents").await;
    archived_with(&world, Contents::Opened).await;
    assert_eq!(delete(&world).await.unwrap().contents, Some(Contents::Opened));
    let world = closed(Some("minimum_days = 0\narchive_without_contents = true\n")).await;
    archived_with(&world, Contents::Left).await;
    assert_eq!(delete(&world).await.unwrap().state, LogState::Deleted);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_say_so_records_no_archive() {
    let world = closed(Some("minimum_days = 0\n")).await;
    let archive = (Digest([5; 32]), Contents::Sealed);
    let refused = world.control.archived(&"ben".parse().unwrap(), "1", archive, "believe me").await.unwrap_err();
    assert!(!refused.findings.is_empty(), "{refused:?}");
    assert_eq!(world.control.log_named("1").unwrap().archive, None);
    forbidden(&world, "nobody has recorded an archive").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_forward_deletes_nothing() {
    let world = closed(Some("minimum_days = 7\n")).await;
    archived(&world).await;
    world.clock.jump(8 * DAY_MS);
    assert!(delete(&world).await.is_err());
    assert!(world.control.config().place.data.join("closed/1/journal.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_delete_it_is_denied() {
    let world = closed(Some("minimum_days = 0\narchive_required = false\n")).await;
    let refused = world.control.delete_log(&"ben".parse().unwrap(), "1", "for fun").await.unwrap_err();
    assert_ne!(refused.code, Code::RetentionForbids);
    assert!(world.control.config().place.data.join("closed/1/journal.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_is_recorded_and_a_crash_before_the_files_go_is_made_good() {
    let world = closed(Some("minimum_days = 0\n")).await;
    archived(&world).await;
    let folder = world.control.config().place.data.join("closed/1");
    let aside = tempfile::tempdir().unwrap();
    copy(&folder, aside.path());
    let note = fs::read(folder.join("checkpoint")).unwrap();
    let deleted = delete(&world).await.unwrap();
    let (record, origin) = deleted.deleted.unwrap();
    let entry = world.control.history().record(record).unwrap().unwrap();
    let event = entry.leaf.log.unwrap();
    assert_eq!((entry.leaf.kind, event.event), (RecordKind::Epoch, LogEventKind::Deleted));
    assert_eq!((event.archive, event.checkpoint), (Some(Digest([5; 32])), Some(Digest::plain(&note))));
    assert_eq!((event.ended.unwrap().found, origin.as_str()), (deleted.size, "testkit.example/log/2"));
    assert!(entry.content.unwrap().get::<String>(Field::Reason).unwrap().is_some());
    let left = || fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(left(), ["checkpoint"]);
    assert_eq!(delete(&world).await.unwrap_err().code, Code::LogDeleted);
    assert_eq!(world.control.records_of("1", 0, 1).unwrap_err().code, Code::LogDeleted);
    // As if the process had died behind the record.
    copy(aside.path(), &folder);
    let world = world.restart().await;
    assert_eq!(left(), ["checkpoint"]);
    assert_eq!(fs::read(folder.join("checkpoint")).unwrap(), note);
    let before = propose(&world, "sre.report", "{}").await;
    assert!(before.permit.is_some());
    let again = world.control.logs().unwrap();
    assert_eq!(again.iter().map(|log| log.state).collect::<Vec<_>>(), [LogState::Deleted, LogState::Open]);
}

/// Returns the kinds of state that a closed journal still has.
fn kinds(folder: &Path) -> BTreeSet<String> {
    let rows = store::Reader::open(&folder.join("journal.db")).unwrap().all_state().unwrap();
    rows.into_iter().map(|row| row.kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_reaches_into_closed_logs() {
    let world = testkit::world().await;
    lived(&world).await;
    world.control.close_log(&dan(), "the year is over").await.unwrap();
    let (world, rolled) = next(world).await;
    they_leave(&world).await;
    let place = world.control.config().place.clone();
    let folder = place.data.join("closed/1");
    let open = || {
        let history = History::open(&folder, place.keys.tenant.clone()).unwrap();
        let entries = history.range(0, rolled.closed.size).unwrap();
        entries.into_iter().map(|entry| entry.content.is_some()).collect::<Vec<_>>()
    };
    assert!(open().iter().all(|open| *open) && kinds(&folder).contains("rate"));
    let erased = erase(&world, "dan", "agent:sre-bot").await.unwrap();
    let lost = open().iter().filter(|open| !**open).count() as u64;
    assert!(lost > 5 && erased.records >= lost && erased.gone, "{lost} of {erased:?}");
    assert_eq!(kinds(&folder), BTreeSet::from(["bundle".to_owned(), "log".to_owned()]));
    assert_eq!(state_names(&world, "sre-bot"), [""; 0]);
    let entries = world.control.history().range(0, world.control.size()).unwrap();
    let told = entries.iter().filter_map(|entry| Some((entry.leaf.kind, entry.leaf.log.as_ref()?.event)));
    assert!(told.into_iter().any(|told| told == (RecordKind::Erasure, LogEventKind::Erased)));
    let closed = published_in(&folder.join("log"), &rolled.closed.signers[0]);
    assert_eq!(closed.standing(), Standing::Holds);
    let again = erase(&world, "dan", "agent:sre-bot").await.unwrap();
    assert!(again.repeated && again.receipt == erased.receipt);
    // Whoever stands in the closed log alone is erased there too.
    let world = world.restart().await;
    let only = erase(&world, "dan", "person:cleo").await.unwrap();
    assert!(only.records > 0 && only.gone, "{only:?}");
    assert_eq!(state_names(&world, "cleo"), [""; 0]);
    let entries = world.control.history().range(0, world.control.size()).unwrap();
    let left = entries.iter().filter_map(|entry| entry.content.as_ref()).flat_map(|content| &content.subjects);
    assert!(left.into_iter().all(|subject| subject != "person:cleo"), "what decided it names her");
}

fn complaints(world: &World) -> Vec<String> {
    let found = world.control.doctor().into_iter().filter(|found| found.sign == Sign::Bad);
    found.map(|found| found.says).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_keeps_the_log_in_which_it_began() {
    let mut files = bundle();
    files.insert("retention.toml", "minimum_days = 0\narchive_required = false\n");
    let world = world_with(files).await;
    let case = propose(&world, "sre.restart", r#"{"service":"web"}"#).await.case.unwrap().id;
    let flying = try_propose(&world, "sre.report", "{}", true).await.unwrap().decision.action;
    world.control.close_log(&dan(), "the year is over").await.unwrap();
    let world = next(world).await.0;
    forbidden(&world, "1 more began in log 1 and is still open").await;
    let shown = world.control.case(&case).unwrap().case.shown;
    let ben: PersonId = "ben".parse().unwrap();
    world.control.vote(&ben, case, Ballot::Deny, "not now", shown, false).await.unwrap();
    forbidden(&world, &flying.to_string()).await;
    world.control.report(&"sre-bot".parse().unwrap(), flying, OutcomeStatus::Done, None, None).await.unwrap();
    // What began in the live log is no reason.
    world.clock.advance(1);
    propose(&world, "sre.restart", r#"{"service":"web2"}"#).await.case.unwrap();
    assert_eq!(delete(&world).await.unwrap().state, LogState::Deleted);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_deleted_log_that_cannot_be_removed_stop_no_start() {
    let world = closed(Some("minimum_days = 0\narchive_required = false\n")).await;
    delete(&world).await.unwrap();
    let journal = world.control.config().place.data.join("closed/1/journal.db");
    fs::create_dir(&journal).unwrap();
    let world = world.restart().await;
    assert!(propose(&world, "sre.report", "{}").await.permit.is_some());
    let says = complaints(&world);
    assert!(says.iter().any(|says| says.contains("log 1 is deleted and its journal is still there")), "{says:?}");
    fs::remove_dir(&journal).unwrap();
    assert!(complaints(&world.restart().await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_log_that_is_moved_away_stops_nothing_and_is_reached_once_it_is_back() {
    let world = testkit::world().await;
    lived(&world).await;
    world.control.close_log(&dan(), "the year is over").await.unwrap();
    let (world, rolled) = next(world).await;
    they_leave(&world).await;
    let place = world.control.config().place.clone();
    let (folder, aside) = (place.data.join("closed/1"), place.data.join("aside"));
    fs::rename(&folder, &aside).unwrap();
    let unknown = erase(&world, "dan", "person:nobody").await.unwrap_err();
    assert_eq!(unknown.code, Code::NotFound);
    assert!(!erase(&world, "dan", "agent:sre-bot").await.unwrap().gone);
    let world = world.restart().await;
    // An empty journal in its place would be one from which everything is gone.
    assert!(!folder.join("journal.db").exists());
    assert_eq!(world.control.history().state(kind::REACHING).unwrap().len(), 1);
    let says = complaints(&world);
    assert!(says.iter().any(|says| says.contains("log 1 is closed and cannot be read")), "{says:?}");
    assert!(says.iter().any(|says| says.contains("1 erasures have not reached")), "{says:?}");
    let entries = world.control.history().range(0, world.control.size()).unwrap();
    let live = entries.iter().find_map(|entry| entry.leaf.action).unwrap();
    assert_eq!(world.control.trace(&live).unwrap().unread, [1]);
    fs::remove_dir_all(&folder).unwrap();
    fs::rename(&aside, &folder).unwrap();
    let world = world.restart().await;
    assert!(world.control.history().state(kind::REACHING).unwrap().is_empty() && complaints(&world).is_empty());
    let history = History::open(&folder, place.keys.tenant.clone()).unwrap();
    let lost = history.range(0, rolled.closed.size).unwrap().iter().filter(|entry| entry.content.is_none()).count();
    assert!(lost > 5, "{lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stands_only_in_what_a_deleted_log_handed_over_is_erased() {
    let mut files = bundle();
    files.insert("retention.toml", "minimum_days = 0\narchive_required = false\n");
    let world = world_with(files).await;
    lived(&world).await;
    world.control.close_log(&dan(), "the year is over").await.unwrap();
    let world = next(world).await.0;
    delete(&world).await.unwrap();
    they_leave(&world).await;
    assert!(!world.control.history().knows("person:cleo").unwrap());
    assert_eq!(erase(&world, "dan", "person:nobody").await.unwrap_err().code, Code::NotFound);
    let named = state_names(&world, "cleo");
    assert!(named.contains(&"key"), "{named:?}");
    let erased = erase(&world, "dan", "person:cleo").await.unwrap();
    assert!(erased.gone && erased.keys > 0, "{erased:?}");
    assert_eq!(state_names(&world, "cleo"), [""; 0]);
    let told = world.control.history().record(erased.receipt).unwrap().unwrap();
    assert_eq!(told.leaf.kind, RecordKind::Erasure);
    let again = erase(&world, "dan", "person:cleo").await.unwrap();
    assert!(again.repeated && again.receipt == erased.receipt);
    assert!(!crate::rebuild::look(&world).comparison.differs());
}
