//! The ledger against real files: what is acknowledged is durable, and what is not right does not start.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod closed;
mod erasure;
mod evidence_out;
mod faults;
mod published;
mod rot;
mod world;

use countersign_ledger::recover::OpenError;
use world::{Ask, World};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_there_after_a_restart() {
    let world = World::new();
    {
        let open = world.open().unwrap();
        for n in 1..=5 {
            let committed = open.ledger.ask(Ask::Add(n)).await.unwrap();
            assert_eq!(committed.authority.as_ref().map(|a| *a.get()), Some(n));
            assert_eq!(committed.authority.unwrap().index(), u64::from(n) - 1);
        }
        world.close(open);
    }
    let open = world.open().unwrap();
    assert_eq!(open.ledger.ask(Ask::Sum).await.unwrap().reply, 15);
    assert_eq!(open.history.size().unwrap(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_count_without_a_gap_across_restarts() {
    let world = World::new();
    for _ in 0..2 {
        let open = world.open().unwrap();
        for n in 0..3 {
            open.ledger.ask(Ask::InSession(n)).await.unwrap();
        }
        world.close(open);
    }
    let open = world.open().unwrap();
    let entries = open.history.range(0, 9).unwrap();
    let places: Vec<u64> = entries.iter().map(|e| e.leaf.session.as_ref().unwrap().seq).collect();
    assert_eq!(places, [0, 1, 2, 3, 4, 5]);
    for pair in entries.windows(2) {
        let link = pair[1].leaf.session.as_ref().unwrap().previous.unwrap();
        assert_eq!(link, evidence::Leaf::hash_of(&pair[0].bytes));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_forgotten_goes_on_where_it_stopped() {
    let world = World::new();
    let open = world.open().unwrap();
    open.ledger.ask(Ask::InSessionOf(1)).await.unwrap();
    for from in (2..=10_002).step_by(1_000) {
        let asks = (from..from + 1_000).map(|n| {
            let ledger = open.ledger.clone();
            tokio::spawn(async move { ledger.ask(Ask::InSessionOf(n)).await.unwrap() })
        });
        for task in asks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    }
    let last = open.ledger.ask(Ask::InSessionOf(1)).await.unwrap().index.unwrap();
    let first = open.history.record(0).unwrap().unwrap();
    let place = open.history.record(last).unwrap().unwrap().leaf.session.unwrap();
    assert_eq!((place.seq, place.previous), (1, Some(evidence::Leaf::hash_of(&first.bytes))));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_share_syncs_and_each_gets_its_own_answer() {
    let world = World::new();
    let open = world.open().unwrap();
    let asks = (0..200u32).map(|n| {
        let ledger = open.ledger.clone();
        tokio::spawn(async move { (n, ledger.ask(Ask::Add(n)).await.unwrap().authority.unwrap().into_inner()) })
    });
    for task in asks.collect::<Vec<_>>() {
        let (asked, got) = task.await.unwrap();
        assert_eq!(asked, got);
    }
    assert_eq!(open.ledger.ask(Ask::Sum).await.unwrap().reply, (0..200).sum::<u32>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_is_shown_in_order_though_callers_leave() {
    let world = World::new();
    let open = world.open().unwrap();
    let asks = (0..400u32).map(|_| {
        let ledger = open.ledger.clone();
        tokio::spawn(async move { ledger.ask(Ask::Add(1)).await })
    });
    let asks: Vec<_> = asks.collect();
    asks.iter().step_by(2).for_each(tokio::task::JoinHandle::abort);
    for task in asks {
        // Those that were aborted have no answer.
        let _ = task.await;
    }
    let sum = open.ledger.ask(Ask::Sum).await.unwrap().reply;
    let mut shown = world.shown.lock().unwrap().clone();
    assert_eq!(shown.pop(), Some(sum), "it was shown before it was answered");
    shown.dedup();
    assert_eq!(shown, (1..=sum).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_data_folder_has_one_process() {
    let world = World::new();
    let first = world.open().unwrap();
    assert!(matches!(world.open(), Err(OpenError::Busy(_))));
    world.close(first);
    assert!(world.open().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_goes_back_never_takes_the_journal_with_it() {
    let world = World::new();
    let open = world.open().unwrap();
    open.ledger.ask(Ask::Add(1)).await.unwrap();
    world.clock.shift_wall(-3_600_000);
    assert_eq!(open.ledger.ask(Ask::Jumped).await.unwrap().reply, 1);
    open.ledger.ask(Ask::Add(2)).await.unwrap();
    let entries = open.history.range(0, 9).unwrap();
    assert!(entries.windows(2).all(|pair| pair[0].leaf.at <= pair[1].leaf.at));
}
