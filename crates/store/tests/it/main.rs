//! The store against a real file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod artifacts;
mod features;
mod mlflow;
mod pages;
mod registry;
mod traces;
mod tracking;

use countersign_store::{
    About, Batch, Erased, Erasure, NewRecord, NewSubject, Reader, StateOp, StoreError, Wal, Writer,
};

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

/// Bytes that look random and are the same for the same number and purpose.
fn noise<const N: usize>(n: u64, purpose: u64) -> [u8; N] {
    let mut out = [0; N];
    for (place, chunk) in (1u64..).zip(out.chunks_mut(8)) {
        let mut z = (n * 1_000 + purpose * 100 + place).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
    }
    out
}

/// Every 16 bytes that stand together in a journal's files.
fn on_disk(folder: &std::path::Path) -> std::collections::HashSet<[u8; 16]> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    files.flat_map(|bytes| bytes.windows(16).map(|w| w.try_into().unwrap()).collect::<Vec<_>>()).collect()
}

#[test]
fn pages_that_were_split_keep_no_copy_of_what_was_erased() {
    const SUBJECTS: u64 = 2_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut writer = Writer::open(&path).unwrap();
    let state = |n: u64| format!("{:x?}", noise::<16>(n, 4));
    for first in (0..SUBJECTS).step_by(20) {
        let mut batch = Batch::default();
        for n in first..first + 20 {
            let id = n.cast_signed() + 1;
            batch.records.push(NewRecord { sealed: noise::<160>(n, 1).to_vec(), subjects: vec![id], ..record(1) });
            batch.subjects.push(NewSubject { id, tag: noise(n, 2), wrapped: noise::<64>(n, 3).to_vec() });
            batch.state.push(StateOp::Put { kind: "session", key: state(n), value: noise::<200>(n, 5).to_vec() });
        }
        writer.commit(&batch).unwrap();
    }
    let pieces = |n: u64| {
        let all = [&noise::<160>(n, 1)[..], &noise::<32>(n, 2), &noise::<64>(n, 3), &noise::<192>(n, 5)].concat();
        all.chunks_exact(16).map(|chunk| chunk.try_into().unwrap()).collect::<Vec<[u8; 16]>>()
    };
    let mut gone = Vec::new();
    for every in [7, 5] {
        let leaving = (0..SUBJECTS).filter(|n| n % every == 0 && (every == 7 || n % 7 != 0));
        let mut batch = Batch::default();
        for n in leaving {
            batch.state.push(StateOp::Delete { kind: "session", key: state(n) });
            batch
                .erasures
                .push(Erasure { subject: n.cast_signed() + 1, records: vec![Erased { seq: n, by: SUBJECTS }] });
            gone.extend(pieces(n));
        }
        writer.commit(&batch).unwrap();
        assert!(writer.scrub_due() && writer.scrub(true).unwrap() && !writer.scrub_due());
        let disk = on_disk(folder.path());
        assert_eq!(gone.iter().filter(|piece| disk.contains(*piece)).count(), 0, "of {} pieces", gone.len());
        assert!(pieces(1).iter().all(|piece| disk.contains(piece)), "what was not erased is there");
    }
    let reader = Reader::open(&path).unwrap();
    let (erased, kept) = (reader.record(7).unwrap().unwrap(), reader.record(1).unwrap().unwrap());
    assert_eq!((erased.sealed, erased.subjects, erased.erased_by), (None, Vec::new(), Some(SUBJECTS)));
    assert_eq!((kept.sealed.unwrap(), kept.erased_by), (noise::<160>(1, 1).to_vec(), None));
    assert_eq!(reader.about(2).unwrap(), [About { seq: 1, action: Some([1; 16]), subjects: vec![2] }]);
    assert!(reader.about(8).unwrap().is_empty());
}

#[test]
fn an_erasure_of_a_content_that_is_not_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(&folder.path().join("journal.db")).unwrap();
    let erasures = vec![Erasure { subject: 1, records: vec![Erased { seq: 9, by: 0 }] }];
    assert!(matches!(writer.commit(&Batch { erasures, ..Batch::default() }), Err(StoreError::Damaged(_))));
    assert!(!writer.scrub_due());
}
