//! Rot in the journal's own file, and journals whose pages carry no checksums yet.

use std::path::{Path, PathBuf};

use countersign_store::reader::SubjectRow;
use countersign_store::{Batch, Head, NewSubject, Reader, Row, StateOp, StoreError, Writer, upgrade};

use crate::record;

/// Everything the store answers about a journal.
type All = (Head, Vec<Row>, Vec<(String, Vec<u8>)>, Vec<SubjectRow>, Vec<Row>, Option<Vec<u8>>);

fn read_all(journal: &Path) -> Result<All, StoreError> {
    let reader = Reader::open(journal)?;
    Ok((
        reader.head()?,
        reader.records(0, u64::MAX)?,
        reader.state("level")?,
        reader.subjects()?,
        reader.of_action(&[1; 16])?,
        reader.last_of_session(&[2; 16])?,
    ))
}

/// A journal of some pages, all of it folded in.
fn folded(folder: &Path) -> PathBuf {
    let path = folder.join("journal.db");
    let mut writer = Writer::open(&path).unwrap();
    for n in 0..40 {
        let mut new = record(n);
        new.session = Some([2; 16]);
        new.sealed = vec![n; if n == 7 { 20_000 } else { 600 }];
        let subjects = vec![NewSubject { id: i64::from(n), tag: [n; 32], wrapped: vec![n; 90] }];
        let state = vec![StateOp::Put { kind: "level", key: format!("{n}"), value: vec![n; 300] }];
        writer.commit(&Batch { records: vec![new], subjects, state, ..Batch::default() }).unwrap();
    }
    writer.checkpoint().unwrap();
    path
}

#[test]
fn what_rots_in_the_file_is_refused_or_changes_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folded(folder.path());
    let whole = std::fs::read(&path).unwrap();
    let known = read_all(&path).unwrap();
    let (mut refused, mut unread) = (0, 0);
    for at in (0..100).chain((100..whole.len()).step_by(61)) {
        let mut rotten = whole.clone();
        rotten[at] ^= 1 << (at % 8);
        std::fs::write(&path, rotten).unwrap();
        match read_all(&path) {
            Ok(answers) => {
                assert_eq!(answers, known, "byte {at} is believed");
                unread += 1;
            }
            Err(StoreError::Damaged(_)) => refused += 1,
            Err(other) => panic!("byte {at}: {other:?}"),
        }
    }
    // What was never read here is an index over what nobody asked for.
    assert!(refused > 10 * unread && refused > 500, "{refused} refused, {unread} unread");
}

#[test]
fn a_page_in_the_place_of_another_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folded(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    let page = countersign_store::pages::PAGE_BYTES;
    let last = bytes.len() / page - 1;
    bytes.copy_within(last * page.., (last - 1) * page);
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(read_all(&path), Err(StoreError::Damaged(_))));
    bytes.truncate(last * page);
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(read_all(&path), Err(StoreError::Damaged(_))), "a page that is missing");
}

/// Makes of a journal one as version 1 left it, the last of it in its write-ahead log.
fn version_1(from: &Path, to: &Path) -> rusqlite::Connection {
    let old = rusqlite::Connection::open(to).unwrap();
    old.pragma_update(None, "page_size", 8_192).unwrap();
    old.pragma_update(None, "journal_mode", "wal").unwrap();
    old.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    old.execute("ATTACH DATABASE ?1 AS new", [from.to_str().unwrap()]).unwrap();
    let tables: Vec<String> = old
        .prepare("SELECT sql FROM new.sqlite_schema WHERE sql IS NOT NULL")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for sql in tables {
        old.execute_batch(&sql.replace(",\n    commits  INTEGER NOT NULL", "")).unwrap();
    }
    for (table, columns) in
        [("journal", "*"), ("content", "*"), ("subject", "*"), ("state", "*"), ("head", "one, size, frontier, epoch")]
    {
        old.execute_batch(&format!("INSERT INTO main.{table} SELECT {columns} FROM new.{table}")).unwrap();
    }
    old.pragma_update(None, "user_version", 1).unwrap();
    old
}

#[test]
fn a_journal_of_version_1_is_read_as_it_is_and_copied_whole() {
    let folder = tempfile::tempdir().unwrap();
    let new = folded(folder.path());
    let old = folder.path().join("old.db");
    let mut known = read_all(&new).unwrap();
    drop(version_1(&new, &old));
    (known.0.commits, known.0.epoch) = (0, 1);
    assert_eq!(read_all(&old).unwrap(), known, "who only reads needs no upgrade");
    assert!(matches!(Writer::open(&old), Err(StoreError::Damaged(_))));

    assert!(upgrade::is_due(&old).unwrap() && !upgrade::is_due(&new).unwrap());
    let beside = folder.path().join("beside.db");
    upgrade::copy(&old, &beside).unwrap();
    assert!(!upgrade::is_due(&beside).unwrap());
    assert_eq!(read_all(&beside).unwrap(), known);
    assert!(!folder.path().join("old.db-wal").exists(), "a log that is left could be taken for the new file's");
    let mut writer = Writer::open(&beside).unwrap();
    writer.commit(&Batch { records: vec![record(1)], ..Batch::default() }).unwrap();
    writer.checkpoint().unwrap();
    let mut bytes = std::fs::read(&beside).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(&beside, bytes).unwrap();
    assert!(matches!(read_all(&beside), Err(StoreError::Damaged(_))));
    assert!(!upgrade::is_due(&folder.path().join("none.db")).unwrap());
    assert!(!folder.path().join("none.db").exists());
}
