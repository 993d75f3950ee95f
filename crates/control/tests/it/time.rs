//! Time: what ends by the journal's time has ended, though somebody turns the wall clock back.

use testkit::world;
use types::{Code, Principal};

use crate::{propose, try_propose};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_ends_by_the_journals_time_when_the_wall_clock_goes_back() {
    let world = world().await;
    let ends = world.control.now().plus(10_000);
    let holder = Principal::Agent("sre-bot".parse().unwrap());
    let dan = "dan".parse().unwrap();
    let key = world.control.create_key(&dan, holder, None, Some(ends), "for a moment").await.unwrap();
    world.clock.jump(-3_600_000);
    // A tick sees the jump, and from then on the journal goes by the steady clock.
    world.control.tick().await.unwrap();
    assert!(world.control.holder_of(&key.token).is_ok());
    world.clock.advance(20_000);
    world.control.tick().await.unwrap();
    assert_eq!(world.control.holder_of(&key.token).unwrap_err().code, Code::KeyExpired);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_ends_by_the_wall_clock_when_that_is_ahead_of_the_journal() {
    let world = world().await;
    let ends = world.control.now().plus(10_000);
    let holder = Principal::Agent("sre-bot".parse().unwrap());
    let dan = "dan".parse().unwrap();
    let key = world.control.create_key(&dan, holder, None, Some(ends), "for a moment").await.unwrap();
    world.clock.jump(10_000);
    assert_eq!(world.control.holder_of(&key.token).unwrap_err().code, Code::KeyExpired);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_that_the_journal_has_outlived_is_not_held_again_after_a_restart() {
    let world = world().await;
    let action = try_propose(&world, "sre.report", "{}", true).await.unwrap().decision.action;
    assert!(world.control.holds(&action).is_some());
    world.clock.advance(301_000);
    propose(&world, "sre.report", "{}").await;
    world.clock.jump(-600_000);
    let world = world.restart().await;
    assert!(world.control.holds(&action).is_none());
}
