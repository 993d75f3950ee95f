//! An authority that dates the log: now and then, only what witnesses have seen, and holding nothing up.

use std::time::Duration;

use countersign_control::{Config, Control};
use evidence::{Archive, Standing, Trust, stamped};
use ledger::recover::LOG;
use ledger::stamping::{Stamping, StampingError};
use ledger::{Clock as _, Folder};
use testkit::{Authority, World};
use types::Code;

use crate::propose;
use crate::witnesses::witnessed;

const HOUR_MS: i64 = 3_600_000;

async fn dated_every(world: World, authority: &Authority, every_ms: i64) -> World {
    let timestamps = Some(authority.config(every_ms));
    world.restart_with(|config| Config { timestamps, ..config }).await
}

async fn dated(every_ms: i64) -> (World, Authority) {
    let world = testkit::world().await;
    let authority = Authority::start(world.clock.clone());
    (dated_every(world, &authority, every_ms).await, authority)
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..300 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it has not come to that");
}

fn size(control: &Control) -> u64 {
    control.dated().unwrap().size
}

fn stamping(world: &World) -> Stamping {
    let place = &world.control.config().place;
    Stamping::new(Folder::at(place.data.join(LOG)), place.keys.log.clone(), None, Authority::trusted())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_is_dated_and_its_evidence_says_so() {
    let (world, authority) = dated(1_000).await;
    let decided = propose(&world, "sre.report", "{}").await;
    until(|| {
        world.clock.advance(2_000);
        size(&world.control) == world.control.size()
    })
    .await;
    let says = world.control.doctor().into_iter().find(|found| found.about == "timestamp").unwrap().says;
    assert!(says.contains("were there at 2026-01-05 10:0") && says.contains("CN=own"), "{says}");
    let bytes = world.control.export(&"ana".parse().unwrap(), &decided.decision.action).await.unwrap();
    let archive = Archive::from_bytes(&bytes).unwrap();
    let key = world.control.config().place.keys.log.verifier();
    let (mut report, _) = evidence::verify::archive(&archive, &Trust::Key(key));
    stamped::of_bundle(&archive, Some(&Authority::trusted()), &mut report);
    assert_eq!(report.signature_standing(), Standing::Holds, "{:?}", report.signature);
    let claim = report.claims.last().unwrap();
    assert!(claim.standing == Standing::Holds && claim.claim.contains("CN=own vouches"), "{claim:?}");
    assert!(authority.asked() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_asked_no_oftener_than_it_should_be() {
    let (world, authority) = dated(HOUR_MS).await;
    until(|| size(&world.control) > 0).await;
    let before = size(&world.control);
    propose(&world, "sre.report", "{}").await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!((authority.asked(), size(&world.control)), (1, before));
    world.clock.advance(HOUR_MS);
    until(|| size(&world.control) > before).await;
    assert_eq!(authority.asked(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_a_quorum_of_witnesses_has_seen_is_dated() {
    let (world, witnesses) = witnessed().await;
    let authority = Authority::start(world.clock.clone());
    let world = dated_every(world, &authority, 1_000).await;
    until(|| {
        world.clock.advance(2_000);
        size(&world.control) == world.control.size()
    })
    .await;
    let before = size(&world.control);
    // From now on the witnesses refuse, each as it would a log that it knows at another size.
    let path = world.control.config().place.data.join(LOG);
    let seen = std::fs::read(path.join("checkpoint.witnessed")).unwrap();
    let dated = std::fs::read(path.join("checkpoint.timestamped")).unwrap();
    assert_eq!(seen, dated);
    witnesses.iter().for_each(|witness| witness.claim_more(1));
    propose(&world, "sre.report", "{}").await;
    world.clock.advance(HOUR_MS);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(size(&world.control), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_off_or_away_holds_nothing_up_and_is_told() {
    let world = testkit::world().await;
    let authority = Authority::start(world.clock.clone());
    authority.be_off(600_000);
    let world = dated_every(world, &authority, 1_000).await;
    let failed = |control: &Control, why: &str| control.dated().unwrap().failure.is_some_and(|said| said.contains(why));
    until(|| failed(&world.control, "the token's time is not when it was asked for")).await;
    propose(&world, "sre.report", "{}").await;
    assert!(!world.control.config().place.data.join(LOG).join("timestamps").exists(), "something was kept");
    let mut away = authority;
    away.url = "http://127.0.0.1:9".to_owned();
    let world = dated_every(world, &away, 1_000).await;
    until(|| failed(&world.control, "the authority does not answer")).await;
    propose(&world, "sre.report", "{}").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_and_its_checkpoint_are_kept_for_good_and_together() {
    let world = testkit::world().await;
    propose(&world, "sre.report", "{}").await;
    world.control.publish().unwrap();
    let (stamping, now) = (stamping(&world), world.clock.wall());
    let first = stamping.begin([1; 8]).unwrap().unwrap();
    let second = stamping.begin([2; 8]).unwrap().unwrap();
    let answer = |asked: &ledger::stamping::Asked| testkit::stamped(&asked.request(), now).unwrap();
    assert!(stamping.take(&first, &answer(&second), now).is_err(), "the nonce is another");
    stamping.take(&first, &answer(&first), now).unwrap();
    assert!(stamping.begin([3; 8]).unwrap().is_none(), "there is nothing new");
    let folder = world.control.config().place.data.join(LOG);
    let files = || {
        let size = first.size();
        [format!("timestamps/{size}.checkpoint"), format!("timestamps/{size}.tst"), "checkpoint.timestamped".into()]
            .map(|name| std::fs::read(folder.join(name)).unwrap())
    };
    let kept = files();
    stamping.take(&second, &answer(&second), now).unwrap();
    assert_eq!(files(), kept, "a pair that is whole is not replaced");
    // As a crash leaves it between the token and the name: the next round brings it to an end.
    std::fs::remove_file(folder.join("checkpoint.timestamped")).unwrap();
    let again = stamping.begin([4; 8]).unwrap().unwrap();
    stamping.take(&again, &answer(&again), now).unwrap();
    assert_eq!(files(), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_by_file_is_answered_once_and_only_as_it_was_written() {
    let world = testkit::world().await;
    world.control.publish().unwrap();
    let (stamping, now) = (stamping(&world), world.clock.wall());
    let asked = stamping.begin([5; 8]).unwrap().unwrap();
    assert!(matches!(stamping.resume(&asked.request()), Err(StampingError::Unasked)));
    stamping.put_off(&asked).unwrap();
    propose(&world, "sre.report", "{}").await;
    world.control.publish().unwrap();
    let resumed = stamping.resume(&asked.request()).unwrap();
    assert_eq!(resumed.size(), asked.size());
    let answer = testkit::stamped(&asked.request(), now).unwrap();
    let early = now.plus(-3_600_000);
    assert_eq!(stamping.take(&resumed, &answer, early).unwrap_err().code(), Code::EvidenceBroken);
    stamping.take(&resumed, &answer, now).unwrap();
    assert_eq!(stamping.last().unwrap().unwrap().size, asked.size());
    assert!(matches!(stamping.resume(&asked.request()), Err(StampingError::Unasked)));
}
