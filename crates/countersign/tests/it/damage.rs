//! What happened to the files: each damage has its own code, and what is whole again is accepted as it was.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::program::{Client, Said, begun, log_tail, run, up};

/// Makes some calls and returns how many records the journal has then.
fn work(dir: &Path, calls: usize) -> usize {
    let mut client = Client::wrap(dir, "inventory");
    for _ in 0..calls {
        client.lists_services();
    }
    client.finish();
    records(dir)
}

fn records(dir: &Path) -> usize {
    log_tail(dir).lines().count()
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Puts a copy in the place of a folder.
fn put(from: &Path, to: &Path) {
    fs::remove_dir_all(to).unwrap();
    copy(from, to);
}

fn refused(said: &Said, exit: i32, code: &str, says: &str) {
    assert_eq!((said.code, said.out.as_str()), (exit, ""), "{}", said.err);
    assert!(said.err.contains(&format!("code: {code} ")) && said.err.contains(says), "{}", said.err);
}

#[test]
fn an_old_copy_of_the_journal_is_not_taken_for_the_journal() {
    let folder = begun();
    let dir = folder.path();
    let (data, old, new) = (dir.join("countersign/data"), dir.join("old"), dir.join("new"));
    let first = work(dir, 2);
    copy(&data, &old);
    let all = work(dir, 3);
    copy(&data, &new);
    put(&old, &data);
    refused(&up(dir), 1, "journal-behind", &format!("ends at {first} records, but its head file has seen {all}"));
    put(&new, &data);
    assert_eq!(records(dir), all);
    assert!(work(dir, 1) > all, "the newer copy goes on");
    assert_eq!(run(dir, &["log", "check"]).code, 0);
}

#[test]
fn another_history_of_the_same_keys_is_not_taken_for_the_journal() {
    let folder = begun();
    let dir = folder.path();
    let (data, head) = (dir.join("countersign/data"), dir.join("countersign/keys/head"));
    work(dir, 1);
    copy(&data, &dir.join("fork"));
    copy(&head, &dir.join("fork-head"));
    let real = work(dir, 2);
    copy(&data, &dir.join("real"));
    copy(&head, &dir.join("real-head"));
    put(&dir.join("fork"), &data);
    put(&dir.join("fork-head"), &head);
    assert!(work(dir, 4) > real);
    put(&dir.join("real-head"), &head);
    refused(&up(dir), 1, "journal-mismatch", "the journal is not the one it was");
    put(&dir.join("real"), &data);
    assert!(work(dir, 1) > real, "the real one goes on");
    assert_eq!(run(dir, &["log", "check"]).code, 0);
}

#[test]
fn a_published_file_that_differs_is_found() {
    let folder = begun();
    let dir = folder.path();
    work(dir, 2);
    let entries = dir.join("countersign/data/log/tile/entries");
    let size = fs::read_to_string(dir.join("countersign/data/log/checkpoint")).unwrap();
    let size = size.lines().nth(1).unwrap();
    let file = entries.join("000.p").join(size);
    let whole = fs::read(&file).unwrap();
    let mut altered = whole.clone();
    let at = altered.len() / 2;
    altered[at] ^= 1;
    fs::write(&file, &altered).unwrap();
    refused(&run(dir, &["log", "check"]), 1, "journal-mismatch", "tile/0/000.p/");
    fs::write(&file, &whole).unwrap();
    assert_eq!(run(dir, &["log", "check"]).code, 0);
}

#[test]
fn a_log_without_a_checkpoint_is_missing_and_published_again() {
    let folder = begun();
    let dir = folder.path();
    let before = work(dir, 1);
    fs::remove_file(dir.join("countersign/data/log/checkpoint")).unwrap();
    refused(&run(dir, &["log", "check"]), 4, "evidence-missing", "nothing is published yet");
    assert!(work(dir, 1) > before);
    let checked = run(dir, &["log", "check"]);
    assert!(checked.code == 0 && checked.out.contains("all the same"), "{}{}", checked.out, checked.err);
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let folder = begun();
    let dir = folder.path();
    work(dir, 1);
    let tail = run(dir, &["log", "tail", "-n", "1000"]).out;
    let action = tail.split_whitespace().find(|word| word.starts_with("act_")).unwrap();
    let export = |file: &str| run(dir, &["log", "export", action, "-o", file]);
    refused(&export("nowhere/one.evidence"), 1, "file-unusable", "`nowhere/one.evidence` cannot be written");
    assert!(!dir.join("nowhere").exists());
    let done = export("one.evidence");
    assert!(done.code == 0 && dir.join("one.evidence").exists(), "{}", done.err);

    let data: PathBuf = dir.join("countersign/data");
    fs::rename(&data, dir.join("aside")).unwrap();
    fs::write(&data, "a file in the folder's place").unwrap();
    refused(&up(dir), 1, "file-unusable", "countersign/data");
    fs::remove_file(&data).unwrap();
    fs::rename(dir.join("aside"), &data).unwrap();
    assert_eq!(run(dir, &["log", "check"]).code, 0);
}

#[test]
fn a_write_that_a_crash_cut_off_is_taken_back_and_a_damaged_file_is_not_used() {
    let folder = begun();
    let dir = folder.path();
    let journal = dir.join("countersign/data/journal.db");
    let mut client = Client::wrap(dir, "inventory");
    for _ in 0..5 {
        client.lists_services();
    }
    client.kill();
    let torn = OpenOptions::new().append(true).open(dir.join("countersign/data/journal.db-wal"));
    torn.unwrap().write_all(&[0x5a; 1_500]).unwrap();
    let before = records(dir);
    assert!(work(dir, 1) > before, "what was answered is there, and more can be recorded");
    let outcomes = log_tail(dir);
    assert_eq!(outcomes.matches(r#""kind":"outcome""#).count(), 6);
    assert_eq!(run(dir, &["log", "check"]).code, 0);

    let whole = fs::read(&journal).unwrap();
    fs::write(&journal, &whole[..whole.len() / 2]).unwrap();
    refused(&up(dir), 1, "journal-torn", "");
    fs::write(&journal, &whole).unwrap();
    assert!(work(dir, 1) > before);
    assert_eq!(run(dir, &["log", "check"]).code, 0);
}
