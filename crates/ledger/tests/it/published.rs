//! The published files: whoever has the checkpoint finds every tile of its tree.

use std::fs;

use tlog::checkpoint::Checkpoint;
use tokio::task::JoinSet;

use crate::world::{Ask, World};

/// Adds so many records, many at a time, so that they share their syncs.
async fn add(opened: &countersign_ledger::recover::Open<crate::world::Adder>, records: u32) {
    for _ in 0..records.div_ceil(512) {
        let mut asked = JoinSet::new();
        for n in 0..records.min(512) {
            let ledger = opened.ledger.clone();
            asked.spawn(async move { ledger.ask(Ask::InSession(n)).await.unwrap() });
        }
        asked.join_all().await;
    }
}

fn check(world: &World) -> u64 {
    let log = world.data().join("log");
    let note = fs::read(log.join("checkpoint")).unwrap();
    let (checkpoint, _) = Checkpoint::open(&note, &world.keys().log.verifier()).unwrap();
    let fetch = |path: &tlog::TilePath| fs::read(log.join(path.to_string())).ok();
    tlog::check_tree_with(checkpoint.size, &checkpoint.root, fetch, |_, _| {}).unwrap();
    checkpoint.size
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tile_is_there_where_many_records_are_caught_up_with_at_once() {
    let world = World::new();
    let mut opened = world.open().unwrap();
    // A full chunk, which fills no tile but those of level 0, and a little that fills none.
    add(&opened, 4_096).await;
    opened.ledger.ask(Ask::Add(1)).await.unwrap();
    assert_eq!(opened.publisher.publish().unwrap(), 4_097);
    assert_eq!(check(&world), 4_097);
    opened.ledger.ask(Ask::Add(1)).await.unwrap();
    opened.publisher.publish().unwrap();
    assert_eq!(check(&world), 4_098);
}
