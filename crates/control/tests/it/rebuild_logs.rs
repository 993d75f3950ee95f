//! What is kept, rebuilt from the records, where logs were closed: equal as long as the closed log still has what the next
//! one began with, and said to be undetermined from then on.

use std::fs;

use countersign_control::logs::{closed_logs, open_closed};
use countersign_control::rebuild::{self, Found};
use countersign_control::replay::decisions;
use countersign_control::state::{Target, kind};
use evidence::log_archive::Contents;
use ledger::standing;
use replay::Bundles;
use replay::fold::Answer;
use store::{Batch, StateOp, Writer};
use testkit::{World, bundle, world, world_with};
use types::{Digest, PersonId, Principal};

use crate::closing::{close, next, nothing_is_forgotten};
use crate::erasure::{erase, lived, they_leave};
use crate::rebuild::{assert_equal, bundles, look};
use crate::{propose, try_propose};

fn dan() -> PersonId {
    "dan".parse().unwrap()
}

fn nothing_differs(world: &World) {
    let found = decisions(world.control.history(), Bundles::new(), 0, u64::MAX, |_| {}).unwrap();
    assert_eq!(found.count("differs"), 0, "{found:?}");
    assert!(found.decisions > 0);
}

/// Demands that nothing certainly differs, and that something cannot be told: rows of the kinds that were carried over.
fn undetermined(found: &Found) {
    let comparison = &found.comparison;
    assert!(!comparison.differs(), "{:?} {:?}", comparison.rows, comparison.problems);
    assert!(!comparison.is_equal() && comparison.rows.iter().all(|row| row.kind != standing::KIND));
    assert!(comparison.has(Answer::Erased) && comparison.doubts.contains_key(kind::KEY));
}

/// Changes stored rows behind the server's back, and starts it again.
async fn forge(world: World, state: Vec<StateOp>) -> World {
    let World { control, clock, folder, tokens } = world;
    let config = control.config().clone();
    control.close().await;
    let held = crate::closing::taken(&config).await;
    let mut writer = Writer::open(&config.place.data.join("journal.db")).unwrap();
    let frontier = writer.head().frontier.clone();
    writer.commit(&Batch { state, frontier, ..Batch::default() }).unwrap();
    drop((writer, held));
    World { control: testkit::reopened(config).await, clock, folder, tokens }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_and_the_log_after_it_come_out_equal() {
    let world = world().await;
    let left = close(&world).await;
    assert_equal(&look(&world));
    let (world, _) = next(world).await;
    assert_equal(&look(&world));
    nothing_is_forgotten(&world, &left).await;
    assert_equal(&look(&world));
    nothing_differs(&world);
    world.control.archived(&dan(), "1", (Digest([5; 32]), Contents::Sealed), "verified").await.unwrap();
    assert_equal(&look(&world));
    world.control.close_log(&dan(), "again").await.unwrap();
    let (world, _) = next(world).await;
    propose(&world, "sre.report", "{}").await;
    assert_equal(&look(&world));
    nothing_differs(&world);
    // The second one begins with what the first one, which lies beside it, handed over.
    let place = &world.control.config().place;
    let second = open_closed(&place.data, &place.keys.tenant, 2).unwrap();
    assert_equal(&rebuild::look(&second, bundles(&world), world.control.now(), |_| {}).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_being_closed_comes_out_equal() {
    let world = world().await;
    let flying = propose(&world, "sre.report", "{}").await;
    let control = world.control.clone();
    let closing = tokio::spawn(async move { control.close_log(&dan(), "the year is over").await });
    while try_propose(&world, "sre.report", "{}", true).await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(!world.control.is_closed().unwrap());
    assert_equal(&look(&world));
    closing.abort();
    drop(flying);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_changed_in_the_new_log_is_found() {
    let world = world().await;
    close(&world).await;
    let (world, rolled) = next(world).await;
    let mut log = rolled.closed.clone();
    log.size += 1;
    let forged = [
        StateOp::Put { kind: "closed", key: "1".to_owned(), value: types::cbor::encode(&log) },
        StateOp::Delete { kind: kind::SWITCH, key: "agent:report-bot".to_owned() },
    ];
    let (switch, _) = world.control.history().state(kind::SWITCH).unwrap().remove(0);
    let [put, StateOp::Delete { kind, .. }] = forged else { panic!("a row is deleted") };
    let world = forge(world, vec![put, StateOp::Delete { kind, key: switch }]).await;
    let found = look(&world).comparison;
    let told: Vec<(&str, Answer)> = found.rows.iter().map(|row| (row.kind.as_str(), row.answer)).collect();
    assert_eq!(told, [("closed", Answer::Differs), ("switch", Answer::Missing)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_deleted_log_handed_over_can_no_longer_be_told() {
    let mut files = bundle();
    files.insert("retention.toml", "minimum_days = 0\narchive_required = false\n");
    let world = world_with(files).await;
    drop(propose(&world, "sre.list", "{}").await);
    world.control.close_log(&dan(), "the year is over").await.unwrap();
    let (world, _) = next(world).await;
    world.control.delete_log(&dan(), "1", "kept long enough").await.unwrap();
    undetermined(&look(&world));
    propose(&world, "sre.restart", r#"{"service":"web"}"#).await;
    undetermined(&look(&world));
    nothing_differs(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_the_live_log_alone_is_told_also_after_a_deletion() {
    let mut files = bundle();
    files.insert("retention.toml", "minimum_days = 0\narchive_required = false\n");
    let world = world_with(files).await;
    world.control.close_log(&dan(), "the year is over").await.unwrap();
    let (world, _) = next(world).await;
    world.control.delete_log(&dan(), "1", "kept long enough").await.unwrap();
    let target = Target::Agent("report-bot".parse().unwrap());
    world.control.kill(Principal::Person(dan()), target, "acting up").await.unwrap();
    propose(&world, "sre.restart", r#"{"service":"web"}"#).await.case.unwrap();
    undetermined(&look(&world));
    let row = |kind: &str| world.control.history().state(kind).unwrap().remove(0).0;
    let mut log = closed_logs(world.control.history()).unwrap().remove(0);
    log.size += 1;
    let (switch, case, key) = (row(kind::SWITCH), row(kind::CASE), row(kind::KEY));
    let state = vec![
        StateOp::Delete { kind: kind::SWITCH, key: switch },
        StateOp::Delete { kind: kind::CASE, key: case },
        StateOp::Delete { kind: kind::KEY, key },
        StateOp::Put { kind: "closed", key: "1".to_owned(), value: types::cbor::encode(&log) },
    ];
    let world = forge(world, state).await;
    let found = look(&world).comparison;
    let told = |wanted: &str| found.rows.iter().find(|row| row.kind == wanted).map(|row| row.answer);
    assert_eq!((told(kind::SWITCH), told(kind::CASE)), (Some(Answer::Missing), Some(Answer::Missing)), "{found:?}");
    assert_eq!(told("closed"), Some(Answer::Differs), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_log_with_other_rows_than_it_handed_over_is_not_believed() {
    let world = world().await;
    close(&world).await;
    let (world, _) = next(world).await;
    let journal = world.control.config().place.data.join("closed/1/journal.db");
    assert!(fs::exists(&journal).unwrap());
    let mut writer = Writer::open(&journal).unwrap();
    let frontier = writer.head().frontier.clone();
    let key = world.control.history().state(kind::KEY).unwrap().remove(0).0;
    let state = vec![StateOp::Delete { kind: kind::KEY, key }];
    writer.commit(&Batch { state, frontier, ..Batch::default() }).unwrap();
    drop(writer);
    undetermined(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_reaches_a_closed_log_leaves_nothing_that_differs() {
    let world = world().await;
    lived(&world).await;
    world.control.close_log(&dan(), "the year is over").await.unwrap();
    let (world, _) = next(world).await;
    they_leave(&world).await;
    let erased = erase(&world, "dan", "agent:sre-bot").await.unwrap();
    assert!(erased.gone);
    let found = look(&world);
    undetermined(&found);
    assert!(found.comparison.rows.iter().all(|row| row.kind != kind::ERASED), "{:?}", found.comparison.rows);
    nothing_differs(&world);
}
