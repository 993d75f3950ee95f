//! Receipts that a policy demands: nothing is handed out before they are there, and nothing at all if they do not come.

use evidence::published::WITNESSED;
use ledger::recover::LOG;
use policy::BundleFiles;
use testkit::{Witness, World, bundle, world_with};
use tlog::checkpoint::Checkpoint;
use types::{Code, OutcomeStatus};

use crate::try_propose;
use crate::witnesses::with_witnesses;

/// Makes every report wait for a receipt.
pub(crate) fn demanding(receipt: &str) -> BundleFiles {
    let mut files = bundle();
    let policies = files.get("policies/starter.cedar").unwrap();
    files.insert(
        "policies/starter.cedar",
        policies.replace("@id(\"report\")", "@id(\"report\")\n@obligations(\"seen\")"),
    );
    files.insert("obligations.toml", format!("[obligations.seen]\nreceipt = \"{receipt}\"\n"));
    files
}

fn published(world: &World, name: &str) -> u64 {
    let place = &world.control.config().place;
    let note = std::fs::read(place.data.join(LOG).join(name)).unwrap();
    Checkpoint::open(&note, &place.keys.log.verifier()).unwrap().0.size
}

/// Demands a report in vain, and returns why.
async fn in_vain(world: &World, reported: bool) -> String {
    let refusal = try_propose(world, "sre.report", "{}", reported).await.unwrap_err();
    assert_eq!(refusal.code, Code::ReceiptMissing, "{refusal:?}");
    let action = refusal.action.unwrap();
    let path = world.control.trace(&action).unwrap();
    assert_eq!(path.outcome.unwrap().status, OutcomeStatus::NotDispatched);
    assert_eq!(world.control.holds(&action), None);
    refusal.message
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_waits_until_a_signed_checkpoint_covers_its_record() {
    let world = world_with(demanding("signed")).await;
    for reported in [false, true] {
        let decided = try_propose(&world, "sre.report", "{}", reported).await.unwrap();
        assert!(decided.permit.is_some());
        assert!(published(&world, "checkpoint") > decided.receipt.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_waits_until_witnesses_have_seen_its_record() {
    let world = world_with(demanding("witnessed")).await;
    let key = world.control.config().place.keys.log.verifier();
    let witnesses = [1, 2].map(|n| Witness::start(n, &key));
    let world = with_witnesses(world, &witnesses, "all").await;
    for reported in [false, true] {
        let decided = try_propose(&world, "sre.report", "{}", reported).await.unwrap();
        let index = decided.receipt.unwrap();
        assert!(published(&world, WITNESSED) > index);
        assert!(witnesses.iter().all(|witness| witness.size() > index));
    }
    // What demands nothing waits for nobody.
    assert!(try_propose(&world, "sre.list", "{}", false).await.unwrap().permit.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_permitted_where_no_witness_could_see_it() {
    let world = world_with(demanding("witnessed")).await;
    for reported in [false, true] {
        assert!(in_vain(&world, reported).await.contains("none are configured"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_permitted_if_the_witnesses_do_not_answer() {
    let world = world_with(demanding("witnessed")).await;
    let key = world.control.config().place.keys.log.verifier();
    let [one, mut two] = [1, 2].map(|n| Witness::start(n, &key));
    two.url = "http://127.0.0.1:9".to_owned();
    let world = with_witnesses(world, &[one, two], "all").await;
    let (asked, handed) = tokio::join!(in_vain(&world, false), in_vain(&world, true));
    assert!(asked.contains("no quorum") && handed.contains("no quorum"), "{asked} {handed}");
}
