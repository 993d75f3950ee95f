//! The end of a journal that is not there any more, and journals of an earlier version.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_ledger::recover::{JOURNAL, Open, OpenError, lock, open, open_anew};
use types::Code;

use crate::faults::two_records;
use crate::world::{Adder, Ask, World};

const FRAME: usize = 24 + store::pages::PAGE_BYTES;

/// A folder as a crash leaves it, while the journal that runs goes on.
struct Crashed {
    folder: tempfile::TempDir,
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}

impl Crashed {
    fn of(world: &World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_files(&world.data(), &folder.path().join("data"));
        copy_files(&world.place().head, &folder.path().join("head"));
        fs::remove_file(folder.path().join("data/journal.db-shm")).unwrap();
        Self { folder }
    }

    fn place(&self, world: &World) -> countersign_ledger::recover::Place {
        let (data, head) = (self.folder.path().join("data"), self.folder.path().join("head"));
        countersign_ledger::recover::Place { data, head, ..world.place() }
    }

    fn open(&self, world: &World) -> Result<Open<Adder>, OpenError> {
        open::<Adder>(&self.place(world), world.shown.clone())
    }

    fn wal(&self) -> PathBuf {
        self.folder.path().join("data/journal.db-wal")
    }

    fn mark(&self) -> PathBuf {
        self.folder.path().join("head/watermark.1")
    }

    fn flip(file: &Path, at: usize) {
        let mut bytes = fs::read(file).unwrap();
        bytes[at] ^= 4;
        fs::write(file, bytes).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_end_rots_or_is_cut_off_does_not_start() {
    let world = World::new();
    let opened = world.open().unwrap();
    for n in 1..=3 {
        opened.ledger.ask(Ask::Add(n)).await.unwrap();
    }
    let frames = fs::metadata(Crashed::of(&world).wal()).unwrap().len() as usize / FRAME;
    assert!(frames > 6, "{frames}");
    for frame in 0..frames {
        let rotten = Crashed::of(&world);
        Crashed::flip(&rotten.wal(), 32 + frame * FRAME + 24 + 5_000);
        let log = fs::read(rotten.wal()).unwrap();
        let refused = rotten.open(&world).err().unwrap_or_else(|| panic!("a rotten frame {frame} is believed"));
        assert!(fs::read(rotten.wal()).unwrap() == log, "what stands behind the rotten bit is there still");
        assert!(matches!(refused, OpenError::Short { seen: 3, .. }), "{frame}: {refused}");
        assert_eq!(refused.code(), Code::JournalBehind);
    }
    let cut = Crashed::of(&world);
    fs::File::options().write(true).open(cut.wal()).unwrap().set_len((32 + frames / 2 * FRAME) as u64).unwrap();
    assert!(matches!(cut.open(&world), Err(OpenError::Short { seen: 3, .. })));
    let whole = Crashed::of(&world);
    let again = whole.open(&world).unwrap();
    assert_eq!(again.ledger.ask(Ask::Sum).await.unwrap().reply, 6);
    world.close(again);
    world.close(opened);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_rots_in_one_slot_is_read_from_the_other() {
    let world = World::new();
    let opened = world.open().unwrap();
    for n in 1..=3 {
        opened.ledger.ask(Ask::Add(n)).await.unwrap();
    }
    for slot in [20, 532] {
        let rotten = Crashed::of(&world);
        Crashed::flip(&rotten.mark(), slot);
        world.close(rotten.open(&world).unwrap());
    }
    let unreadable = Crashed::of(&world);
    Crashed::flip(&unreadable.mark(), 20);
    Crashed::flip(&unreadable.mark(), 532);
    let refused = unreadable.open(&world).err().unwrap();
    assert!(matches!(&refused, OpenError::Mismatch(why) if why.contains("watermark.1")), "{refused}");
    fs::remove_file(unreadable.mark()).unwrap();
    world.close(unreadable.open(&world).unwrap());
    assert!(unreadable.mark().exists(), "a folder without one gets one");
    world.close(opened);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_cannot_be_written_stops_the_journal() {
    let world = World::new();
    let opened = world.open().unwrap();
    opened.ledger.ask(Ask::Add(1)).await.unwrap();
    let mark = world.place().head.join("watermark.1");
    fs::remove_file(&mark).unwrap();
    for _ in 0..2 {
        let refused = opened.ledger.ask(Ask::Add(2)).await.err().unwrap();
        assert_eq!(refused.code(), Code::JournalStopped);
    }
    world.close(opened);
    // What could not be noted was not answered, and is there.
    assert_eq!(world.open().unwrap().ledger.ask(Ask::Sum).await.unwrap().reply, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_told_to_who_takes_the_log_up_anew() {
    let world = World::new();
    let opened = world.open().unwrap();
    for n in 1..=3 {
        opened.ledger.ask(Ask::Add(n)).await.unwrap();
    }
    let rotten = Crashed::of(&world);
    Crashed::flip(&rotten.wal(), fs::metadata(rotten.wal()).unwrap().len() as usize - 100);
    let place = rotten.place(&world);
    let (anew, found) = open_anew::<Adder>(&place, lock(&place.data).unwrap(), world.shown.clone()).unwrap();
    assert_eq!((found.end.found, found.end.seen, found.end.lost(), found.short), (2, 3, 1, true));
    world.close(anew);
    assert!(matches!(rotten.open(&world), Err(OpenError::Short { found: 2, seen: 3, commits: 1 })), "not admitted yet");
    let whole = Crashed::of(&world);
    let place = whole.place(&world);
    let (anew, found) = open_anew::<Adder>(&place, lock(&place.data).unwrap(), world.shown.clone()).unwrap();
    assert_eq!((found.end.lost(), found.short), (0, false));
    world.close(anew);
    world.close(opened);
}

/// Makes of a journal one as version 1 left it, with its end in its write-ahead log.
fn make_version_1(journal: &Path) {
    let new = journal.with_extension("new");
    fs::rename(journal, &new).unwrap();
    let old = rusqlite::Connection::open(journal).unwrap();
    old.execute_batch(&format!(
        "PRAGMA page_size = 8192; PRAGMA journal_mode = wal; ATTACH DATABASE '{}' AS new;",
        new.to_str().unwrap()
    ))
    .unwrap();
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
    for table in ["journal", "content", "subject", "state"] {
        old.execute_batch(&format!("INSERT INTO main.{table} SELECT * FROM new.{table}")).unwrap();
    }
    old.execute_batch(
        "INSERT INTO main.head SELECT one, size, frontier, epoch FROM new.head; PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(old);
    fs::remove_file(new).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_an_earlier_version_goes_on_and_is_covered_from_then_on() {
    let world = two_records().await;
    let (data, mark) = (world.data(), world.place().head.join("watermark.1"));
    make_version_1(&data.join(JOURNAL));
    fs::remove_file(&mark).unwrap();
    // A start before this one died while it copied.
    fs::write(data.join("journal.db.upgrading"), "half a copy").unwrap();
    fs::write(data.join("journal.db.upgrading-wal"), "half a log").unwrap();
    let mut opened = world.open().unwrap();
    assert!(!data.join("journal.db.upgrading").exists() && mark.exists());
    assert_eq!(opened.ledger.ask(Ask::Add(4)).await.unwrap().reply, 7);
    assert_eq!(opened.publisher.publish().unwrap(), 3);
    world.close(opened);
    let journal = data.join(JOURNAL);
    let whole = fs::read(&journal).unwrap();
    Crashed::flip(&journal, 2 * store::pages::PAGE_BYTES - 700);
    assert_eq!(world.open().err().map(|error| error.code()), Some(Code::JournalTorn));
    fs::write(&journal, whole).unwrap();
    world.close(world.open().unwrap());
}
