//! What must always hold and does not: the journal stops with a code of its own, and everything is denied.

use countersign_control::doctor::Sign;
use countersign_control::state::Target;
use store::{Batch, Reader, StateOp, Writer};
use testkit::{World, world};
use types::case::{Ballot, Case};
use types::{CaseId, Code, Principal, cbor};

use crate::try_propose;

const SERVICE: &str = r#"{"service":"web"}"#;

/// Plants what only a bug of ours, or whoever writes the journal's file, can have stored: two votes of one person.
fn plant_two_votes(config: countersign_control::Config) -> countersign_control::Config {
    let journal = config.place.data.join("journal.db");
    let (key, bytes) = Reader::open(&journal).unwrap().state("case").unwrap().remove(0);
    let mut case: Case = cbor::decode(&bytes).unwrap();
    case.votes.push(case.votes[0].clone());
    let state = vec![StateOp::Put { kind: "case", key, value: cbor::encode(&case) }];
    let mut writer = Writer::open(&journal).unwrap();
    let frontier = writer.head().frontier.clone();
    writer.commit(&Batch { state, frontier, ..Batch::default() }).unwrap();
    config
}

async fn vote(world: &World, case: CaseId, by: &str) -> Result<(), Code> {
    let shown = world.control.case(&case).unwrap().case.shown;
    let voted = world.control.vote(&by.parse().unwrap(), case, Ballot::Approve, "looks right", shown, false).await;
    voted.map(drop).map_err(|refusal| refusal.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_invariant_records_nothing_and_denies_everything() {
    let world = world().await;
    let asked = try_propose(&world, "sre.scale", SERVICE, false).await.unwrap();
    let case = asked.case.expect("two people are asked").id;
    vote(&world, case, "ben").await.unwrap();
    let world = world.restart_with(plant_two_votes).await;
    let size = world.control.history().size().unwrap();

    assert_eq!(vote(&world, case, "cleo").await, Err(Code::InvariantBroken));
    assert_eq!(world.control.history().size().unwrap(), size, "the vote is not recorded");
    let refused = try_propose(&world, "sre.report", "{}", false).await.unwrap_err();
    assert_eq!(refused.code, Code::InvariantBroken);
    assert!(refused.message.contains("`vote-once`") && !refused.message.contains("ben"), "{}", refused.message);
    let found = world.control.doctor();
    let told = found.iter().find(|finding| finding.code == Some(Code::InvariantBroken)).expect("the doctor tells it");
    assert!(told.sign == Sign::Bad && told.says.contains("vote-once"), "{}", told.says);

    // A kill holds in the process all the same.
    let target = Target::Agent("sre-bot".parse().unwrap());
    let ana = Principal::Person("ana".parse().unwrap());
    assert_eq!(world.control.kill(ana, target.clone(), "stop").await.unwrap_err().code, Code::InvariantBroken);
    assert!(world.control.switches().iter().any(|switch| switch.target == target));
}
