//! What is left of a closed log that is deleted: its final checkpoint, and no byte of a key.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_ledger::closed::{ClosedLog, delete, folder};
use countersign_ledger::disk::{Disk, System};
use countersign_ledger::recover::OpenError;
use store::{Batch, NewSubject, Writer};
use types::{Digest, Millis};

const KEY: [u8; 64] = [0xC5; 64];

fn disk() -> Arc<dyn Disk> {
    Arc::new(System)
}

fn closed() -> ClosedLog {
    ClosedLog {
        number: 1,
        origins: vec!["a.example/log".to_owned(), "a.example/log/2".to_owned()],
        signers: Vec::new(),
        size: 0,
        root: Digest([0; 32]),
        checkpoint: "the last one".to_owned(),
        is_witnessed: false,
        first: Millis(0),
        last: Millis(0),
        archive: None,
        deleted: None,
    }
}

/// Makes the folder of a closed log that has a subject's key, and returns the name of its journal.
fn kept(data: &Path) -> PathBuf {
    let own = folder(data, 1);
    for name in ["log", "log.1", "log.1-2"] {
        fs::create_dir_all(own.join(name)).unwrap();
        fs::write(own.join(name).join("checkpoint"), "published").unwrap();
    }
    fs::write(own.join("checkpoint"), "the last one").unwrap();
    let mut writer = Writer::open(&own.join("journal.db")).unwrap();
    let subjects = vec![NewSubject { id: 1, tag: [1; 32], wrapped: KEY.to_vec() }];
    writer.commit(&Batch { subjects, ..Batch::default() }).unwrap();
    assert!(writer.fold_all().unwrap());
    own.join("journal.db")
}

fn has_key(mut file: &File) -> bool {
    use std::io::Seek as _;
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes.windows(KEY.len()).any(|window| window == KEY)
}

fn left(data: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder(data, 1)).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_bytes_of_a_deleted_journal_hold_no_key_though_its_name_is_gone() {
    let data = tempfile::tempdir().unwrap();
    let journal = kept(data.path());
    // Whoever holds the file open reads what the device still has.
    let bytes = File::open(&journal).unwrap();
    assert!(has_key(&bytes));
    delete(data.path(), &disk(), &closed()).unwrap();
    assert!(!has_key(&bytes));
    assert_eq!(left(data.path()), ["checkpoint"]);
}

#[test]
fn a_deletion_that_a_reader_holds_up_is_not_done_and_is_done_later() {
    let data = tempfile::tempdir().unwrap();
    let journal = kept(data.path());
    let before = left(data.path());
    let reader = rusqlite::Connection::open(&journal).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let _: i64 = reader.query_row("SELECT count(*) FROM subject", [], |row| row.get(0)).unwrap();
    assert!(matches!(delete(data.path(), &disk(), &closed()), Err(OpenError::Busy(busy)) if busy == journal));
    let after = left(data.path());
    assert!(before.iter().all(|name| after.contains(name)), "{after:?}");
    reader.execute_batch("ROLLBACK").unwrap();
    drop(reader);
    delete(data.path(), &disk(), &closed()).unwrap();
    assert_eq!(left(data.path()), ["checkpoint"]);
}

#[test]
fn a_damaged_journal_is_overwritten_as_it_lies() {
    let data = tempfile::tempdir().unwrap();
    let journal = kept(data.path());
    let mut bytes = fs::read(&journal).unwrap();
    bytes[..512].fill(b'x');
    fs::write(&journal, &bytes).unwrap();
    let file = File::open(&journal).unwrap();
    assert!(has_key(&file));
    delete(data.path(), &disk(), &closed()).unwrap();
    assert!(!has_key(&file));
    assert_eq!(left(data.path()), ["checkpoint"]);
}
