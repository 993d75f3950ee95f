//! Faults: a full disk denies, a second writer stops us, an altered or older journal does not start.

use std::fs;

use countersign_ledger::history::HistoryError;
use countersign_ledger::publish::PublishError;
use countersign_ledger::recover::{JOURNAL, OpenError, lock, open, open_locked};
use countersign_ledger::{History, KeyringError, LedgerError};
use evidence::About;
use evidence::archive::Custody;
use types::Code;

use crate::world::{Adder, Ask, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_denies_and_loses_nothing() {
    let world = World::new();
    let place = countersign_ledger::recover::Place { journal_bytes_max: Some(400_000), ..world.place() };
    let opened = open::<Adder>(&place, world.shown.clone()).unwrap();
    let mut acknowledged = 0;
    let mut full = None;
    while full.is_none() && acknowledged < 1_000 {
        match opened.ledger.ask(Ask::Fill(20_000)).await {
            Ok(_) => acknowledged += 1,
            Err(error) => full = Some(error),
        }
    }
    assert_eq!(full, Some(LedgerError::DiskFull));
    assert!(acknowledged > 5);
    // What was refused left no trace, neither in the journal nor in the machine.
    assert_eq!(opened.ledger.ask(Ask::Sum).await.unwrap().reply, acknowledged);
    assert_eq!(opened.history.size().unwrap(), u64::from(acknowledged));
    world.close(opened);
    let opened = world.open().unwrap();
    assert_eq!(opened.ledger.ask(Ask::Fill(20_000)).await.unwrap().reply, acknowledged + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_lost_the_head_stops_for_good() {
    let world = World::new();
    let opened = world.open().unwrap();
    opened.ledger.ask(Ask::Add(1)).await.unwrap();
    drop(store::Writer::open(&world.data().join(JOURNAL)).unwrap());
    for _ in 0..2 {
        assert!(matches!(opened.ledger.ask(Ask::Add(2)).await, Err(LedgerError::Stopped(_))));
    }
    assert!(opened.ledger.health().stopped.is_some());
    assert_eq!(opened.history.size().unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_hold_and_does_not_stops_the_journal_and_nothing_of_its_batch_is_recorded() {
    let world = World::new();
    let opened = world.open().unwrap();
    opened.ledger.ask(Ask::Add(1)).await.unwrap();
    let asks = [Ask::Break(2), Ask::Add(4), Ask::Sum].map(|ask| {
        let ledger = opened.ledger.clone();
        tokio::spawn(async move { ledger.ask(ask).await.map(|committed| committed.reply) })
    });
    for (place, ask) in asks.into_iter().enumerate() {
        let answered = ask.await.unwrap();
        // Only what was there before it is ever answered: the others may have come first.
        if place == 0 || answered.is_err() {
            let error = answered.unwrap_err();
            assert_eq!(error.code(), Code::InvariantBroken, "{error}");
            assert!(error.to_string().contains("`limit-holds`") && !error.to_string().contains("planted"), "{error}");
        }
    }
    assert_eq!(opened.ledger.ask(Ask::Sum).await.map(drop).unwrap_err().code(), Code::InvariantBroken);
    let health = opened.ledger.health();
    assert!(health.stopped.is_some_and(|why| why.contains("planted")) && health.broken.is_some());
    world.close(opened);
    let opened = world.open().unwrap();
    let sum = opened.ledger.ask(Ask::Sum).await.unwrap().reply;
    assert!(sum == 1 || sum == 5, "the start reads what is durable, and the broken turn is not: {sum}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_with_a_record_that_cannot_be_made_is_not_committed() {
    let world = World::new();
    let opened = world.open().unwrap();
    opened.ledger.ask(Ask::InSession(1)).await.unwrap();
    world.close(opened);
    let opened = world.open().unwrap();
    // The next record of the session needs the last one's place, and that cannot be read any more.
    let journal = editing(&world);
    assert_eq!(journal.execute("UPDATE journal SET leaf = x'00'", []).unwrap(), 1);
    for ask in [Ask::InSession(2), Ask::Add(1)] {
        assert!(matches!(opened.ledger.ask(ask).await, Err(LedgerError::Stopped(_))));
    }
    assert!(opened.ledger.health().stopped.is_some());
    assert_eq!(opened.history.size().unwrap(), 1);
}

/// Opens a journal to change it past the store, as who may write the folder can.
fn editing(world: &World) -> rusqlite::Connection {
    let flags = rusqlite::OpenFlags::default();
    rusqlite::Connection::open_with_flags_and_vfs(world.data().join(JOURNAL), flags, store::pages::VFS).unwrap()
}

pub async fn two_records() -> World {
    let world = World::new();
    let mut opened = world.open().unwrap();
    opened.ledger.ask(Ask::Add(1)).await.unwrap();
    opened.ledger.ask(Ask::Add(2)).await.unwrap();
    opened.publisher.publish().unwrap();
    world.close(opened);
    world
}

fn journal_bytes(world: &World) -> Vec<u8> {
    fs::read(world.data().join(JOURNAL)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_of_the_journal_does_not_start() {
    let world = World::new();
    let opened = world.open().unwrap();
    opened.ledger.ask(Ask::Add(1)).await.unwrap();
    world.close(opened);
    let old = journal_bytes(&world);
    let mut opened = world.open().unwrap();
    opened.ledger.ask(Ask::Add(2)).await.unwrap();
    opened.publisher.publish().unwrap();
    world.close(opened);
    fs::write(world.data().join(JOURNAL), old).unwrap();
    assert!(matches!(world.open(), Err(OpenError::Behind { found: 1, seen: 2 })));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_history_of_the_same_length_does_not_start() {
    let world = two_records().await;
    let other = two_records().await;
    // Another run of the same commands has other record ids, hence other leaves.
    let opened = other.open().unwrap();
    opened.ledger.ask(Ask::Add(7)).await.unwrap();
    other.close(opened);
    let fresh = World::new();
    let opened = fresh.open().unwrap();
    for n in [5, 6, 7] {
        opened.ledger.ask(Ask::Add(n)).await.unwrap();
    }
    fresh.close(opened);
    fs::write(world.data().join(JOURNAL), journal_bytes(&fresh)).unwrap();
    assert!(matches!(world.open(), Err(OpenError::Mismatch(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_a_record_does_not_start() {
    let world = two_records().await;
    let path = world.data().join(JOURNAL);
    let leaf = store::Reader::open(&path).unwrap().leaves(0, 1).unwrap().remove(0);
    let mut bytes = journal_bytes(&world);
    let at = bytes.windows(leaf.len()).position(|w| w == leaf).expect("the leaf is in the file");
    bytes[at + leaf.len() / 2] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(world.open(), Err(OpenError::Store(store::StoreError::Damaged(_)))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_somebody_edits_does_not_start() {
    let world = two_records().await;
    let journal = editing(&world);
    assert_eq!(journal.execute("UPDATE journal SET kind = kind, leaf = x'00' WHERE seq = 0", []).unwrap(), 1);
    drop(journal);
    assert!(matches!(world.open(), Err(OpenError::Mismatch(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_behind_the_head_does_not_start() {
    let world = two_records().await;
    let leaf = store::Reader::open(&world.data().join(JOURNAL)).unwrap().leaves(0, 1).unwrap().remove(0);
    let mut frontier = tlog::frontier::Frontier::new();
    frontier.push(tlog::hash::leaf_hash(&leaf)).unwrap();
    let journal = editing(&world);
    let set = journal.execute("UPDATE head SET size = 1, frontier = ?1", [frontier.to_bytes()]).unwrap();
    assert_eq!(set, 1);
    assert!(matches!(world.open(), Err(OpenError::Mismatch(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_file_does_not_start() {
    let world = two_records().await;
    let mut bytes = journal_bytes(&world);
    bytes.truncate(bytes.len() / 2 - 7);
    fs::write(world.data().join(JOURNAL), bytes).unwrap();
    assert!(matches!(world.open(), Err(OpenError::Store(store::StoreError::Damaged(_)) | OpenError::Mismatch(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_tile_is_found_before_anything_is_signed() {
    let world = two_records().await;
    let tile = world.data().join("log/tile/0/000.p/2");
    let mut bytes = fs::read(&tile).unwrap();
    bytes[3] ^= 1;
    fs::write(&tile, bytes).unwrap();
    let note = fs::read(world.data().join("log/checkpoint")).unwrap();
    let mut opened = world.open().unwrap();
    assert!(matches!(opened.publisher.publish(), Err(PublishError::Mismatch(_))));
    assert_eq!(fs::read(world.data().join("log/checkpoint")).unwrap(), note);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mismatch_is_not_signed_over_though_the_files_agree_again() {
    let world = two_records().await;
    let tile = world.data().join("log/tile/0/000.p/2");
    let whole = fs::read(&tile).unwrap();
    fs::write(&tile, [0; 64]).unwrap();
    let mut opened = world.open().unwrap();
    assert!(matches!(opened.publisher.publish(), Err(PublishError::Mismatch(_))));
    fs::write(&tile, whole).unwrap();
    opened.ledger.ask(Ask::Add(3)).await.unwrap();
    assert!(matches!(opened.publisher.publish(), Err(PublishError::Mismatch(_))));
    assert!(!world.data().join("log/tile/0/000.p/3").exists());
    world.close(opened);
    assert_eq!(world.open().unwrap().publisher.publish().unwrap(), 3, "a restart compares everything");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_key_of_a_subject_is_not_taken_for_another_tenant_key() {
    let world = two_records().await;
    let other = History::open(&world.data(), evidence::TenantKey::from_bytes([3; 32])).unwrap_err();
    assert!(matches!(other, KeyringError::Keys(_)) && other.code() == Code::KeysUnusable, "{other}");
    let journal = editing(&world);
    assert_eq!(journal.execute("UPDATE subject SET tag = x'00'", []).unwrap(), 1);
    let damaged = History::open(&world.data(), world.keys().tenant).unwrap_err();
    assert_eq!(damaged.code(), Code::JournalTorn, "{damaged}");
    assert_eq!(world.open().err().map(|error| error.code()), Some(Code::JournalTorn));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_before_the_first_checkpoint_is_too_early_and_makes_nothing() {
    let world = World::new();
    let opened = world.open().unwrap();
    opened.ledger.ask(Ask::Add(1)).await.unwrap();
    let log = world.data().join("log");
    fs::remove_dir_all(&log).unwrap();
    let early = opened.history.export(
        &About::Records { from: 0, to: 1 },
        &[0],
        &world.keys().log.verifier(),
        &Custody::default(),
    );
    assert!(matches!(early, Err(HistoryError::Unpublished { index: 0, published: 0 })));
    assert!(!log.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_was_taken_before_is_opened_with_its_lock_and_stays_taken() {
    let world = World::new();
    let held = lock(&world.data()).unwrap();
    assert!(matches!(world.open(), Err(OpenError::Busy(_))));
    let opened = open_locked::<Adder>(&world.place(), held, world.shown.clone()).unwrap();
    assert!(matches!(lock(&world.data()), Err(OpenError::Busy(_))));
    world.close(opened);
    assert!(lock(&world.data()).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenant_key_does_not_open_the_journal() {
    let world = two_records().await;
    let mut place = world.place();
    place.keys.tenant = evidence::TenantKey::from_bytes([3; 32]);
    assert!(matches!(open::<Adder>(&place, world.shown.clone()), Err(OpenError::Keys(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_could_not_be_written_are_written_by_the_next_publishing() {
    let world = World::new();
    let mut opened = world.open().unwrap();
    for n in 0..300 {
        opened.ledger.ask(Ask::Add(n)).await.unwrap();
    }
    let entries = world.data().join("log/tile/entries");
    fs::create_dir_all(entries.parent().unwrap()).unwrap();
    fs::write(&entries, "in the way").unwrap();
    assert!(matches!(opened.publisher.publish(), Err(PublishError::File(_))));
    assert!(!world.data().join("log/checkpoint").exists(), "a checkpoint was signed over missing files");
    fs::remove_file(&entries).unwrap();
    assert_eq!(opened.publisher.publish().unwrap(), 300);
    assert!(entries.join("000").is_file() && entries.join("001.p/44").is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_could_not_be_signed_is_signed_by_the_next_publishing() {
    let world = World::new();
    let mut opened = world.open().unwrap();
    opened.ledger.ask(Ask::Add(1)).await.unwrap();
    opened.publisher.publish().unwrap();
    let note = fs::read(world.data().join("log/checkpoint")).unwrap();
    opened.ledger.ask(Ask::Add(2)).await.unwrap();
    let beside = world.data().join("log/checkpoint.writing");
    fs::create_dir(&beside).unwrap();
    assert!(matches!(opened.publisher.publish(), Err(PublishError::File(_))));
    assert_eq!(opened.publisher.size(), 1);
    fs::remove_dir(&beside).unwrap();
    assert_eq!(opened.publisher.publish().unwrap(), 2);
    assert_ne!(fs::read(world.data().join("log/checkpoint")).unwrap(), note);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_checkpoint_covers_stays_until_the_next_is_signed() {
    let world = World::new();
    let mut opened = world.open().unwrap();
    opened.ledger.ask(Ask::Add(1)).await.unwrap();
    opened.publisher.publish().unwrap();
    for n in 0..300 {
        opened.ledger.ask(Ask::Add(n)).await.unwrap();
    }
    let (tile, beside) = (world.data().join("log/tile/0/000.p/1"), world.data().join("log/checkpoint.writing"));
    fs::create_dir(&beside).unwrap();
    assert!(matches!(opened.publisher.publish(), Err(PublishError::File(_))));
    assert!(tile.is_file(), "the checkpoint that is there needs it");
    fs::remove_dir(&beside).unwrap();
    opened.publisher.publish().unwrap();
    assert!(!tile.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tile_that_becomes_full_after_a_failure_does_not_hold_up_publishing() {
    let world = World::new();
    let mut opened = world.open().unwrap();
    opened.ledger.ask(Ask::Add(1)).await.unwrap();
    let entries = world.data().join("log/tile/entries");
    fs::create_dir_all(entries.parent().unwrap()).unwrap();
    fs::write(&entries, "in the way").unwrap();
    // The partial tile is there by now, and its folder is not synced.
    assert!(matches!(opened.publisher.publish(), Err(PublishError::File(_))));
    fs::remove_file(&entries).unwrap();
    for n in 0..300 {
        opened.ledger.ask(Ask::Add(n)).await.unwrap();
    }
    assert_eq!(opened.publisher.publish().unwrap(), 301);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_that_its_leaf_does_not_commit_to_is_found() {
    let world = World::new();
    let opened = world.open().unwrap();
    for n in 0..3 {
        opened.ledger.ask(Ask::Add(n)).await.unwrap();
    }
    assert_eq!(opened.history.foreign_content().unwrap(), None);
    world.close(opened);
    let path = world.data().join(JOURNAL);
    let mut sealed = store::Reader::open(&path).unwrap().record(1).unwrap().unwrap().sealed.unwrap();
    sealed[0] ^= 1;
    assert_eq!(editing(&world).execute("UPDATE content SET sealed = ?1 WHERE seq = 1", [sealed]).unwrap(), 1);
    let history = History::open(&world.data(), world.keys().tenant.clone()).unwrap();
    assert_eq!(history.foreign_content().unwrap(), Some(1));
}
