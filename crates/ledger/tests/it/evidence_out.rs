//! Evidence leaving the house: bundles verify, and every altered byte of one is noticed.

use countersign_ledger::history::HistoryError;
use evidence::archive::Custody;
use evidence::verify::archive;
use evidence::{About, Archive, Standing, Trust};

use crate::world::{Ask, World};

async fn bundle(world: &World) -> Vec<u8> {
    let mut opened = world.open().unwrap();
    for n in 1..=300 {
        opened.ledger.ask(Ask::Add(n)).await.unwrap();
    }
    opened.publisher.publish().unwrap();
    let about = About::Records { from: 0, to: 300 };
    let key = world.keys();
    let exported = opened.history.export(&about, &[0, 255, 299], &key.log.verifier(), &Custody::default()).unwrap();
    world.close(opened);
    exported.to_bytes().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_verifies_against_the_trusted_key_alone() {
    let world = World::new();
    let archive_in = Archive::from_bytes(&bundle(&world).await).unwrap();
    let report = archive(&archive_in, &Trust::Key(world.keys().log.verifier())).0;
    assert_eq!(report.signature_standing(), Standing::Holds);
    assert_eq!(report.records.len(), 3);
    assert_eq!(archive(&archive_in, &Trust::Nobody).0.signature_standing(), Standing::Missing);
    let other = tlog::key::SignerKey::ed25519("test.example/log", &[8; 32]).unwrap();
    assert_eq!(archive(&archive_in, &Trust::Key(other.verifier().clone())).0.signature_standing(), Standing::Broken);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_altered_byte_of_a_bundle_passes() {
    let world = World::new();
    let bytes = bundle(&world).await;
    let mut undetected = Vec::new();
    for at in (0..bytes.len()).step_by(7) {
        let mut altered = bytes.clone();
        altered[at] ^= 0x20;
        let passes = Archive::from_bytes(&altered).is_ok_and(|a| {
            archive(&a, &Trust::Key(world.keys().log.verifier())).0.signature_standing() == Standing::Holds
        });
        if passes {
            undetected.push(at);
        }
    }
    // What a ZIP carries beside its entries (times, attributes) and the text `about` prove nothing and may change.
    let original = Archive::from_bytes(&bytes).unwrap();
    for at in undetected {
        let mut altered = bytes.clone();
        altered[at] ^= 0x20;
        let read = Archive::from_bytes(&altered).unwrap();
        assert_eq!(read.checkpoint, original.checkpoint, "byte {at}");
        assert_eq!(read.records, original.records, "byte {at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withheld_stays_hidden_and_the_rest_still_holds() {
    let world = World::new();
    bundle(&world).await;
    let opened = world.open().unwrap();
    let key = world.keys();
    let custody = Custody { withheld: vec!["body".to_owned()], ..Custody::default() };
    let about = About::Records { from: 7, to: 8 };
    let exported = opened.history.export(&about, &[7], &key.log.verifier(), &custody).unwrap();
    let (report, _) = archive(&exported, &Trust::Key(key.log.verifier()));
    assert_eq!(report.signature_standing(), Standing::Holds);
    assert_eq!(report.records[0].fields["body"], "withheld");
    assert_eq!(report.records[0].fields["arguments"], "empty");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_comes_with_the_proof_that_the_published_log_holds_it() {
    let world = World::new();
    bundle(&world).await;
    let mut opened = world.open().unwrap();
    let key = world.keys().log.verifier();
    for index in [0, 255, 256, 299] {
        let logged = opened.history.logged(index, &key).unwrap();
        let read = evidence::Logged::parse(&logged.tlog_proof(), logged.leaf().to_vec(), &key).unwrap();
        assert_eq!(read, logged);
        assert_eq!(logged.leaf(), opened.history.record(index).unwrap().unwrap().bytes);
    }
    let other = tlog::key::SignerKey::ed25519(key.name(), &[8; 32]).unwrap();
    assert!(matches!(opened.history.logged(0, other.verifier()), Err(HistoryError::Files(_))));
    opened.ledger.ask(Ask::Add(301)).await.unwrap();
    let size = opened.history.size().unwrap();
    let newest = opened.history.logged(size - 1, &key);
    assert!(matches!(newest, Err(HistoryError::Unpublished { index, .. }) if index == size - 1), "{newest:?}");
    opened.publisher.publish().unwrap();
    assert!(opened.history.logged(size - 1, &key).is_ok());
    let beyond = opened.history.logged(size, &key);
    assert!(matches!(beyond, Err(HistoryError::Unpublished { .. })), "{beyond:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tile_that_was_altered_gives_no_proof() {
    let world = World::new();
    bundle(&world).await;
    let opened = world.open().unwrap();
    let tile = world.data().join("log/tile/0/000");
    let mut bytes = std::fs::read(&tile).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&tile, bytes).unwrap();
    let refused = opened.history.logged(0, &world.keys().log.verifier());
    assert!(matches!(refused, Err(HistoryError::Files(_))), "{refused:?}");
}
