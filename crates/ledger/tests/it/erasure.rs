//! Erasure: what was said about a subject is nowhere on the disk, and every proof stays what it was.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use countersign_ledger::recover::{JOURNAL, Open};
use evidence::archive::Custody;
use evidence::erasure::Scope;
use evidence::verify::archive;
use evidence::{About, Archive, Field, RecordKind, Standing, Trust};
use store::{Reader, Row};

use crate::world::{Adder, Ask, World};

const ALICE: &str = "person:alice";
const BOB: &str = "person:bob";

const PIECE: usize = 16;

/// Every 16 bytes that stand together in any file of a folder.
struct Disk(HashSet<[u8; PIECE]>);

impl Disk {
    fn read(folder: &Path) -> Self {
        let mut disk = Self(HashSet::new());
        disk.add(folder);
        disk
    }

    fn add(&mut self, folder: &Path) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                self.add(&path);
            } else {
                self.0.extend(fs::read(path).unwrap().windows(PIECE).map(|w| <[u8; PIECE]>::try_from(w).unwrap()));
            }
        }
    }

    /// How many of some pieces stand on it.
    fn count(&self, pieces: &[[u8; PIECE]]) -> usize {
        pieces.iter().filter(|piece| self.0.contains(*piece)).count()
    }
}

/// Pieces of some bytes that stand together on the disk, unless a page ends between them.
fn pieces(bytes: &[u8]) -> Vec<[u8; PIECE]> {
    bytes.chunks_exact(PIECE).map(|chunk| chunk.try_into().unwrap()).collect()
}

struct Told {
    rows: Vec<Row>,
    keys: Vec<store::reader::SubjectRow>,
}

impl Told {
    fn read(world: &World) -> Self {
        let reader = Reader::open(&world.data().join(JOURNAL)).unwrap();
        Self { rows: reader.records(0, 10_000).unwrap(), keys: reader.subjects().unwrap() }
    }

    /// Pieces of everything that was sealed under a subject's key, of the wrapped key and of its tag.
    fn of(&self, subject: i64) -> Vec<[u8; PIECE]> {
        let rows = self.rows.iter().filter(|row| row.subjects.contains(&subject));
        let keys = self.keys.iter().filter(|key| key.id == subject);
        let contents = rows.filter_map(|row| row.sealed.as_deref());
        contents.chain(keys.flat_map(|key| [key.tag.as_slice(), &key.wrapped])).flat_map(pieces).collect()
    }
}

/// Alice is subject 1, Bob 2; some records are about both, one is long enough for pages of its own.
async fn tell(open: &Open<Adder>, rounds: usize) {
    for n in 0..rounds {
        open.ledger.ask(Ask::Tell(&[ALICE], format!("alice said {n}"))).await.unwrap();
        open.ledger.ask(Ask::Tell(&[BOB], format!("bob said {n}"))).await.unwrap();
        open.ledger.ask(Ask::Tell(&[ALICE, BOB], format!("they said {n}"))).await.unwrap();
        open.ledger.ask(Ask::Tell(&[], format!("nobody said {n}"))).await.unwrap();
    }
    open.ledger.ask(Ask::Tell(&[ALICE], "a long story ".repeat(4_000))).await.unwrap();
}

fn assert_gone(world: &World, pieces: &[[u8; PIECE]]) {
    let found = Disk::read(&world.data()).count(pieces);
    assert_eq!(found, 0, "of {} pieces are still on the disk", pieces.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_erased_subject_is_on_the_disk() {
    let world = World::new();
    let mut open = world.open().unwrap();
    tell(&open, 40).await;
    let told = Told::read(&world);
    let (alice, bob) = (told.of(1), told.of(2));
    assert!(alice.len() > 3_500 && bob.len() > 250, "{} {}", alice.len(), bob.len());
    let there = Disk::read(&world.data()).count(&alice);
    assert!(there > alice.len() - 20, "the test looks in the right place: {there} of {}", alice.len());

    let erased = open.ledger.ask(Ask::Erase(ALICE)).await.unwrap().reply;
    assert_eq!(erased, 82, "81 records and the last one, made in the turn that erases");
    open.publisher.publish().unwrap();
    assert!(!open.ledger.health().scrub_due);
    assert_gone(&world, &alice);
    let rest: Vec<[u8; PIECE]> = bob.into_iter().filter(|piece| !alice.contains(piece)).collect();
    assert_eq!(Disk::read(&world.data()).count(&rest), rest.len(), "what is about Bob alone stays");

    open.ledger.ask(Ask::Erase(BOB)).await.unwrap();
    assert_gone(&world, &rest);
    world.close(open);
    assert_gone(&world, &alice);
    assert_gone(&world, &rest);
    let told = Told::read(&world);
    assert!(told.keys.is_empty());
    let kept = told.rows.iter().filter(|row| row.sealed.is_some()).count();
    assert_eq!(kept, 40 + 2, "what is about nobody, and the two erasures");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_record_is_told_as_such_and_the_others_as_before() {
    let world = World::new();
    let open = world.open().unwrap();
    tell(&open, 2).await;
    open.ledger.ask(Ask::Erase(ALICE)).await.unwrap();
    let entries = open.history.range(0, 100).unwrap();
    let gone: Vec<u64> = entries.iter().filter(|e| e.content.is_none()).map(|e| e.index).collect();
    assert_eq!(gone, [0, 2, 4, 6, 8, 9]);
    let erasure = entries.iter().find(|e| e.leaf.kind == RecordKind::Erasure).unwrap();
    let scope: Scope = erasure.content.as_ref().unwrap().get(Field::Body).unwrap().unwrap();
    assert_eq!(scope.indices().collect::<Vec<_>>(), gone);
    assert!(erasure.content.as_ref().unwrap().subjects.is_empty());
    assert!(!open.history.knows(ALICE).unwrap() && open.history.knows(BOB).unwrap());
    assert_eq!(open.ledger.ask(Ask::Erase(ALICE)).await.unwrap().reply, 0, "there is nothing left to erase");
    assert_eq!(open.history.with_erasures(&[0, 1, 4]).unwrap(), [0, 1, 4, erasure.index]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_an_erased_subject_later_is_under_a_new_key() {
    let world = World::new();
    let open = world.open().unwrap();
    tell(&open, 1).await;
    open.ledger.ask(Ask::Erase(ALICE)).await.unwrap();
    let index = open.ledger.ask(Ask::Tell(&[ALICE], "she is back".into())).await.unwrap().index.unwrap();
    world.close(open);
    let open = world.open().unwrap();
    let said: Option<String> = open.history.record(index).unwrap().unwrap().content.unwrap().get(Field::Body).unwrap();
    assert_eq!(said.as_deref(), Some("she is back"));
    assert!(open.history.record(0).unwrap().unwrap().content.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_of_before_and_after_verify() {
    let world = World::new();
    let mut open = world.open().unwrap();
    tell(&open, 1).await;
    open.publisher.publish().unwrap();
    let keys = world.keys();
    let export = |open: &Open<Adder>| -> Archive {
        let custody = Custody { withheld: vec!["body".to_owned()], ..Custody::default() };
        let about = About::Records { from: 0, to: 2 };
        let archive = open.history.export(&about, &[0, 1], &keys.log.verifier(), &custody).unwrap();
        Archive::from_bytes(&archive.to_bytes().unwrap()).unwrap()
    };
    let before = export(&open);
    let erasure = {
        open.ledger.ask(Ask::Erase(ALICE)).await.unwrap();
        open.history.size().unwrap() - 1
    };
    open.publisher.publish().unwrap();
    let after = export(&open);
    assert_eq!((after.manifest.records.clone(), after.manifest.erased.clone()), (vec![0, 1, erasure], vec![0]));
    let trust = Trust::Key(keys.log.verifier());
    let standing = |bundle: &Archive| archive(bundle, &trust).0.signature_standing();
    assert_eq!((standing(&before), standing(&after)), (Standing::Holds, Standing::Erased));
    let word = |bundle: &Archive, n: usize| archive(bundle, &trust).0.records[n].fields["body"];
    assert_eq!(
        (word(&before, 0), word(&after, 0), word(&after, 1), word(&after, 2)),
        ("withheld", "erased", "withheld", "disclosed")
    );

    // What no erasure covers is missing, whatever the bundle says of it.
    let mut lie = after.clone();
    lie.manifest.erased = vec![1];
    lie.records[1].disclosure = None;
    assert_eq!(word(&lie, 1), "missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_finds_what_was_said_just_before_it() {
    let world = World::new();
    let open = world.open().unwrap();
    open.ledger.ask(Ask::Tell(&[ALICE], "first".into())).await.unwrap();
    let asks = (0..300u32).map(|n| {
        let ledger = open.ledger.clone();
        let ask = if n == 250 { Ask::Erase(ALICE) } else { Ask::Tell(&[ALICE], format!("alice said {n}")) };
        tokio::spawn(async move { (n, ledger.ask(ask).await.unwrap()) })
    });
    let mut erased = 0;
    for task in asks.collect::<Vec<_>>() {
        let (n, answer) = task.await.unwrap();
        erased = if n == 250 { answer.reply } else { erased };
    }
    let entries = open.history.range(0, 1_000).unwrap();
    let at = entries.iter().position(|e| e.leaf.kind == RecordKind::Erasure).unwrap();
    assert_eq!(usize::try_from(erased).unwrap(), at, "all that came before it");
    assert!(entries[..at].iter().all(|e| e.content.is_none()));
    assert!(entries[at..].iter().all(|e| e.content.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_holds_the_last_bytes_up_and_a_later_batch_removes_them() {
    let world = World::new();
    let open = world.open().unwrap();
    tell(&open, 5).await;
    let alice = Told::read(&world).of(1);
    let reader = rusqlite::Connection::open(world.data().join(JOURNAL)).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM journal;").unwrap();
    let mut read = reader.prepare("SELECT seq FROM journal").unwrap();
    let mut rows = read.query([]).unwrap();
    rows.next().unwrap();
    open.ledger.ask(Ask::Erase(ALICE)).await.unwrap();
    assert!(open.ledger.health().scrub_due);
    assert!(Disk::read(&world.data()).count(&alice) > 0);
    drop(rows);
    drop(read);
    reader.execute_batch("COMMIT").unwrap();
    open.ledger.ask(Ask::Sum).await.unwrap();
    assert!(!open.ledger.health().scrub_due);
    assert_gone(&world, &alice);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_a_crash_cut_short_is_finished_by_the_next_run() {
    let world = World::new();
    let open = world.open().unwrap();
    tell(&open, 5).await;
    let alice = Told::read(&world).of(1);
    let (data, crashed) = (world.data(), tempfile::tempdir().unwrap());
    // As after a power loss between the commit and the cut: a reader keeps the cut from happening, and the files are taken.
    let reader = rusqlite::Connection::open(data.join(JOURNAL)).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    reader.query_row("SELECT count(*) FROM journal", [], |row| row.get::<_, i64>(0)).unwrap();
    open.ledger.ask(Ask::Erase(ALICE)).await.unwrap();
    for entry in fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        fs::copy(&entry, crashed.path().join(entry.file_name().unwrap())).unwrap();
    }
    reader.execute_batch("COMMIT").unwrap();
    drop(reader);
    assert!(Disk::read(crashed.path()).count(&alice) > 0);
    let mut place = world.place();
    place.data = crashed.path().to_owned();
    let again = countersign_ledger::recover::open::<Adder>(&place, world.shown.clone()).unwrap();
    again.ledger.ask(Ask::Sum).await.unwrap();
    assert!(!again.ledger.health().scrub_due);
    assert_eq!(Disk::read(crashed.path()).count(&alice), 0);
    world.close(again);
    world.close(open);
}
