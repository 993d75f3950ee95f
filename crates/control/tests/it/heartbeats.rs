//! Signed heartbeats: where the host of a target has a key, what it signs counts, and nothing else does.

use countersign_control::tracking::{DeploymentState, Means, Move, NewObservation, SignedReport};
use evidence::heartbeat::{HostSigner, holds, write};
use evidence::{Field, RecordKind};
use testkit::{World, world};
use types::attestation::{HOST_KEY, OBSERVED, Observed};
use types::heartbeat::{CLOCK_MS_MAX, Heartbeat, HostKey, key_id};
use types::{Code, Digest};

use crate::incidents::{dan, deploy, incidents, seen, versions};
use crate::notifications::person;

const HOST: [u8; 32] = [1; 32];

fn said(world: &World, version: u64, counter: u64) -> Heartbeat {
    let at = world.control.now().0;
    Heartbeat { target: "eu".into(), model: "fraud".into(), version: Some(version), digest: None, at, counter }
}

fn signed(by: &[u8; 32], heartbeat: &Heartbeat) -> SignedReport {
    let host = HostSigner::of(by);
    let (key, signature) = (key_id(&host.public()), host.sign(heartbeat));
    SignedReport { key, counter: heartbeat.counter, at: heartbeat.at, signature }
}

/// Sends a report, with what was signed and what is sent told apart.
async fn send(world: &World, sent: &Heartbeat, signed: SignedReport) -> Result<DeploymentState, Code> {
    let Heartbeat { target, model, version, digest, .. } = sent.clone();
    let new = NewObservation { model, target, version, digest };
    let told = world.control.observe_signed_deployment(dan(), new, signed).await;
    told.map(|shown| shown.state).map_err(|refusal| refusal.code)
}

async fn tell(world: &World, heartbeat: &Heartbeat) -> Result<DeploymentState, Code> {
    send(world, heartbeat, signed(&HOST, heartbeat)).await
}

async fn enroll(world: &World, secret: &[u8; 32], target: &str) -> String {
    let public = HostSigner::of(secret).public();
    world.control.enroll_host_key(&person("dan"), target.into(), public, "a new host").await.unwrap().id
}

fn recorded(world: &World, status: u8) -> Vec<evidence::Content> {
    let all = world.control.history().range(0, 10_000).unwrap();
    let own = all.into_iter().filter(|one| one.leaf.kind == RecordKind::Model && one.leaf.status == Some(status));
    own.map(|one| one.content.unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_report_counts_and_an_unsigned_one_does_not_any_more() {
    let world = world().await;
    versions(&world, 2);
    deploy(&world, 1).await;
    seen(&world, Some(1), None).await;
    let id = enroll(&world, &HOST, "eu").await;
    let shown = world.control.deployments(None).await.unwrap().remove(0);
    assert_eq!(shown.state, DeploymentState::Unseen, "what was said without a signature counts no more");
    let new = NewObservation { model: "fraud".into(), target: "eu".into(), version: Some(1), digest: None };
    let refused = world.control.observe_deployment(dan(), new.clone()).await.unwrap_err();
    assert_eq!(refused.code, Code::HeartbeatUnsigned);
    let elsewhere = NewObservation { target: "us".into(), ..new };
    assert!(world.control.observe_deployment(dan(), elsewhere).await.is_ok(), "another target has no key");

    assert_eq!(tell(&world, &said(&world, 1, 1)).await, Ok(DeploymentState::AsDeclared));
    let shown = world.control.deployments(None).await.unwrap().remove(0);
    assert_eq!((shown.witnesses.len(), shown.witnesses[0].means), (1, Means::Signed));
    assert_eq!(tell(&world, &said(&world, 2, 2)).await, Ok(DeploymentState::OtherVersion));
    assert!(incidents(&world, false).await.contains(&"deployment eu: other-version 1 2".to_owned()));

    let key: HostKey = recorded(&world, HOST_KEY)[0].get(Field::Body).unwrap().unwrap();
    assert_eq!((key.id.as_str(), key.target.as_str(), key.revoked), (id.as_str(), "eu", false));
    let observed: Vec<Observed> =
        recorded(&world, OBSERVED).iter().map(|one| one.get(Field::Body).unwrap().unwrap()).collect();
    let last = observed.last().unwrap();
    assert_eq!((last.means.as_deref(), last.version), (Some("signed"), Some(2)));
    assert!(last.signed.is_some() && holds(last), "the record holds what the host has signed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_its_key_does_not_bear_out_is_refused_with_a_code() {
    let world = world().await;
    versions(&world, 2);
    deploy(&world, 1).await;
    let id = enroll(&world, &HOST, "eu").await;
    enroll(&world, &[2; 32], "us").await;
    let first = said(&world, 1, 5);
    assert_eq!(tell(&world, &first).await, Ok(DeploymentState::AsDeclared));

    assert_eq!(tell(&world, &first).await, Err(Code::HeartbeatReplayed), "the same once more");
    assert_eq!(tell(&world, &said(&world, 2, 4)).await, Err(Code::HeartbeatReplayed), "an older counter");
    let next = said(&world, 1, 6);
    for sent in [
        Heartbeat { version: Some(2), ..next.clone() },
        Heartbeat { version: None, ..next.clone() },
        Heartbeat { model: "spam".into(), ..next.clone() },
        Heartbeat { digest: Some(Digest([1; 32])), ..next.clone() },
    ] {
        assert_eq!(send(&world, &sent, signed(&HOST, &next)).await, Err(Code::HeartbeatForged), "{sent:?}");
    }
    let counter = SignedReport { counter: 7, ..signed(&HOST, &next) };
    assert_eq!(send(&world, &next, counter).await, Err(Code::HeartbeatForged));
    let at = SignedReport { at: next.at + 1, ..signed(&HOST, &next) };
    assert_eq!(send(&world, &next, at).await, Err(Code::HeartbeatForged));
    let other = SignedReport { key: id.clone(), ..signed(&[2; 32], &next) };
    assert_eq!(send(&world, &next, other).await, Err(Code::HeartbeatForged), "signed with another key");
    assert_eq!(
        send(&world, &next, signed(&[2; 32], &next)).await,
        Err(Code::HostKeyForeign),
        "the key of another target"
    );
    let abroad = Heartbeat { target: "us".into(), ..next.clone() };
    assert_eq!(send(&world, &abroad, signed(&HOST, &abroad)).await, Err(Code::HostKeyForeign), "for another target");
    assert_eq!(send(&world, &next, signed(&[3; 32], &next)).await, Err(Code::HostKeyUnknown));
    for off in [CLOCK_MS_MAX + 1, -CLOCK_MS_MAX - 1] {
        let untimely = Heartbeat { at: next.at + off, ..next.clone() };
        assert_eq!(tell(&world, &untimely).await, Err(Code::HeartbeatUntimely), "{off}");
    }
    let late = Heartbeat { at: next.at - CLOCK_MS_MAX, ..next.clone() };
    assert!(tell(&world, &late).await.is_ok(), "and nothing of all that has used the counter up");

    let world = world.restart().await;
    assert_eq!(tell(&world, &said(&world, 1, 6)).await, Err(Code::HeartbeatReplayed), "also after a restart");
    world.control.revoke_host_key(&person("dan"), id.clone()).await.unwrap();
    assert_eq!(tell(&world, &said(&world, 1, 7)).await, Err(Code::HostKeyRevoked));
    world.tamper("UPDATE host_key SET revoked = NULL, ended = NULL");
    assert_eq!(tell(&world, &said(&world, 1, 7)).await, Err(Code::HostKeyRevoked), "whatever is kept of the key");
    assert_eq!(
        world.control.revoke_host_key(&person("dan"), "host_none".into()).await.unwrap_err().code,
        Code::NotFound
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_enrolled_by_decision_and_believed_as_far_as_the_journal_says_it() {
    let world = world().await;
    versions(&world, 1);
    deploy(&world, 1).await;
    let public = HostSigner::of(&HOST).public();
    let asked = world.control.enroll_host_key(&person("eve"), "eu".into(), public, "mine").await;
    assert!(asked.is_err(), "eve may not make keys");
    let weak = world.control.enroll_host_key(&person("dan"), "eu".into(), [0; 32], "weak").await.unwrap_err();
    assert_eq!(weak.code, Code::RequestInvalid);
    let nowhere = world.control.enroll_host_key(&person("dan"), "-".into(), public, "x").await.unwrap_err();
    assert_eq!(nowhere.code, Code::RequestInvalid);
    enroll(&world, &HOST, "eu").await;
    let again = world.control.enroll_host_key(&person("dan"), "us".into(), public, "again").await.unwrap_err();
    assert_eq!(again.code, Code::StateConflict, "a key counts for one target alone");
    world.tamper("UPDATE host_key SET target = 'us'");
    let abroad = Heartbeat { target: "us".into(), ..said(&world, 1, 1) };
    assert_eq!(send(&world, &abroad, signed(&HOST, &abroad)).await, Err(Code::HostKeyUnknown), "that was not enrolled");
    world.tamper("UPDATE host_key SET target = 'eu'");
    let other = write(&HostSigner::of(&[9; 32]).public());
    world.tamper(&format!("UPDATE host_key SET public = x'{other}'"));
    let forged = SignedReport { key: key_id(&public), ..signed(&[9; 32], &said(&world, 1, 1)) };
    assert_eq!(send(&world, &said(&world, 1, 1), forged).await, Err(Code::HostKeyUnknown), "nor was that key");
    let wanted = Move::Undeploy { model: "fraud".into(), target: "eu".into() };
    assert!(world.control.move_model(dan(), wanted, None).await.unwrap().is_some());
}
