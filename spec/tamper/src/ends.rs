//! Where a log begins and ends: behind one that is closed, archived and deleted, and under another name after its keys
//! were in danger.

use std::sync::Arc;
use std::time::Duration;

use control::closing::roll_over;
use control::{Config, Control};
use evidence::log_archive::Contents;
use ledger::recover::{Lock, OpenError};
use testkit::World;
use types::{Digest, PersonId, Principal};

fn dan() -> PersonId {
    "dan".parse().unwrap()
}

/// Writes the log's last record.
pub(crate) async fn closed(world: &World, reason: &str) {
    world.clock.advance(5);
    let closed = world.control.close_log(&dan(), reason).await.unwrap();
    assert!(closed.is_closed && closed.size == world.control.size());
}

/// Takes up the next log, puts the closed one away for good, and erases whom nothing but that one knows.
pub(crate) async fn next(world: World, known_there: &Principal) -> World {
    let world = again(world, async |config, lock, _| {
        assert!(roll_over(&config, lock).await.unwrap().1.is_some(), "the log was closed");
    })
    .await;
    let archive = (Digest([5; 32]), Contents::Sealed);
    world.control.archived(&dan(), "1", archive, "it was read back").await.unwrap();
    world.clock.advance(5);
    world.control.erase(&dan(), known_there, "they asked for it").await.unwrap();
    world.clock.advance(5);
    world.control.delete_log(&dan(), "1", "kept long enough").await.unwrap();
    world
}

/// Freezes the log, and goes on under another name.
pub(crate) async fn continued(world: World) -> World {
    world.control.freeze_log(&dan(), "a disk was stolen").await.unwrap();
    world.clock.advance(60_000);
    again(world, async |config, lock, token| {
        Control::take_up_anew(config, lock, &token, "under new keys", false).await.unwrap();
    })
    .await
}

/// Stops the application, does something to its folders, and starts it again.
async fn again(world: World, change: impl AsyncFnOnce(Config, Lock, String)) -> World {
    let World { control, clock, folder, tokens } = world;
    let config = control.config().clone();
    control.close().await;
    let lock = loop {
        match ledger::recover::lock(&config.place.data) {
            Err(OpenError::Busy(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
            taken => break taken.unwrap(),
        }
    };
    change(config.clone(), lock, tokens["ana"].clone()).await;
    let control: Arc<Control> = testkit::reopened(config).await;
    control.start().await.unwrap();
    World { control, clock, folder, tokens }
}
