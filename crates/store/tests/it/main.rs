//! The store against a real file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use countersign_store::{Batch, NewRecord, NewSubject, Reader, StateOp, StoreError, Wal, Writer};

fn record(n: u8) -> NewRecord {
    NewRecord {
        leaf: vec![n; 8],
        kind: n,
        action: Some([n % 2; 16]),
        session: None,
        sealed: vec![n, n],
        subjects: vec![1, 7],
    }
}

fn batch(records: &[u8]) -> Batch {
    Batch { records: records.iter().map(|n| record(*n)).collect(), frontier: vec![9], ..Batch::default() }
}

#[test]
fn what_is_committed_is_read_back_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut writer = Writer::open(&path).unwrap();
    writer.commit(&batch(&[0, 1])).unwrap();
    writer.commit(&batch(&[2])).unwrap();
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.head().unwrap().size, 3);
    assert_eq!(reader.leaves(1, 9).unwrap(), [vec![1; 8], vec![2; 8]]);
    let of_action: Vec<u64> = reader.of_action(&[0; 16]).unwrap().iter().map(|r| r.seq).collect();
    assert_eq!(of_action, [0, 2]);
    assert_eq!(reader.record(1).unwrap().unwrap().subjects, [1, 7]);
}

#[test]
fn a_writer_that_was_taken_over_cannot_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut stale = Writer::open(&path).unwrap();
    let mut fresh = Writer::open(&path).unwrap();
    assert!(matches!(stale.commit(&batch(&[0])), Err(StoreError::HeadMoved { expected: 0 })));
    fresh.commit(&batch(&[1])).unwrap();
    assert_eq!(Reader::open(&path).unwrap().leaves(0, 9).unwrap(), [vec![1; 8]]);
}

#[test]
fn a_failed_batch_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut writer = Writer::open(&path).unwrap();
    let subject = |id| NewSubject { id, tag: [1; 32], wrapped: vec![1] };
    let mut twice = batch(&[0]);
    twice.subjects = vec![subject(1), subject(2)];
    assert!(writer.commit(&twice).is_err());
    let reader = Reader::open(&path).unwrap();
    assert_eq!((reader.head().unwrap().size, reader.subjects().unwrap().len()), (0, 0));
}

#[test]
fn state_is_set_replaced_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut writer = Writer::open(&path).unwrap();
    let put = |key: &str, value: u8| StateOp::Put { kind: "switch", key: key.into(), value: vec![value] };
    let mut first = batch(&[]);
    first.state = vec![put("a", 1), put("b", 2), put("a", 3)];
    writer.commit(&first).unwrap();
    let mut second = batch(&[]);
    second.state = vec![StateOp::Delete { kind: "switch", key: "b".into() }];
    writer.commit(&second).unwrap();
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.state("switch").unwrap(), [("a".to_owned(), vec![3])]);
    assert_eq!(reader.state_value("switch", "b").unwrap(), None);
}

#[test]
fn a_file_that_is_no_journal_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    std::fs::write(&path, vec![7; 8192]).unwrap();
    assert!(matches!(Writer::open(&path), Err(StoreError::Damaged(_))));
}

#[test]
fn an_inventory_query_only_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    drop(Writer::open(&path).unwrap());
    let rows = countersign_store::query::rows(&path, "SELECT 'checkout' AS id, 2 AS tier, NULL AS note").unwrap();
    assert_eq!(rows[0].len(), 2);
    for query in ["DELETE FROM head", "SELECT 1.5 AS x", "SELEC"] {
        assert!(matches!(countersign_store::query::rows(&path, query), Err(StoreError::Query(_))), "{query} passed");
    }
}

#[test]
fn the_write_ahead_log_is_folded_in_beside_the_writer_and_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut writer = Writer::open(&path).unwrap();
    let wal = Wal::open(&path).unwrap();
    for n in 0..200 {
        writer.commit(&Batch { records: vec![record(n)], ..Batch::default() }).unwrap();
    }
    let before = wal.fold().unwrap();
    assert!(before.pages > 200 && before.folded == before.pages, "{before:?}");
    writer.commit(&Batch { records: vec![record(200)], ..Batch::default() }).unwrap();
    assert!(wal.fold().unwrap().pages < before.pages, "a log that is wholly folded in begins anew by itself");

    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.head().unwrap().size, 201);
    assert!(writer.restart_wal().unwrap());
    writer.commit(&Batch { records: vec![record(201)], ..Batch::default() }).unwrap();
    assert_eq!(reader.records(0, 300).unwrap().len(), 202);
}
