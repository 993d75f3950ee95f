//! From a bundle alone: no server, no database.

use countersign_control::export::{Order, Wanted, custody, when_published};
use evidence::{Archive, Standing, Trust};
use replay::{Bundles, Replayed, archive};
use testkit::World;
use types::{Millis, Principal};

use crate::replay::busy;

async fn exported(world: &World, wanted: Wanted, withhold: &[&str], with_policy: bool) -> Archive {
    world.control.publish().unwrap();
    let mut custody = custody("ana", Millis(1));
    custody.withheld = withhold.iter().map(|name| (*name).to_owned()).collect();
    let order = Order { wanted, with_policy, custody };
    let key = world.control.config().place.keys.log.verifier();
    let archive = when_published(world.control.history(), &key, &order).await.unwrap();
    Archive::from_bytes(&archive.to_bytes().unwrap()).unwrap()
}

fn verified(world: &World, archive_in: &Archive, more: Bundles) -> replay::Report {
    archive(archive_in, &Trust::Key(world.control.config().place.keys.log.verifier()), more)
}

fn everything() -> Wanted {
    Wanted::Period { from: Millis(0), to: Millis(i64::MAX) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_is_whole_and_every_decision_in_it_equal() {
    let world = busy().await;
    let report = verified(&world, &exported(&world, everything(), &[], true).await, Bundles::new());
    assert_eq!(report.signature_standing(), Standing::Holds);
    assert!(report.decisions.len() >= 9);
    for decision in &report.decisions {
        assert_eq!(decision.replayed, Replayed::Equal);
        assert!(decision.told_by.contains(&"clock".to_owned()), "{:?}", decision.told_by);
    }
    let gapless = report.evidence.claims.iter().find(|check| check.claim.starts_with("every record")).unwrap();
    assert_eq!(gapless.standing, Standing::Holds);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_policy_or_its_arguments_a_decision_is_missing() {
    let world = busy().await;
    let bare = exported(&world, everything(), &[], false).await;
    let report = verified(&world, &bare, Bundles::new());
    assert!(report.decisions.iter().all(|d| matches!(d.replayed, Replayed::Missing(_))));
    assert_eq!(report.claim_standing(), Standing::Missing);
    let report = verified(&world, &bare, crate::replay::bundles(&world));
    assert!(report.decisions.iter().all(|d| d.replayed == Replayed::Equal), "the reader may bring the policy");

    let hidden = verified(&world, &exported(&world, everything(), &["arguments"], true).await, Bundles::new());
    assert_eq!(hidden.signature_standing(), Standing::Holds);
    let why = Replayed::Withheld("arguments".to_owned());
    assert!(hidden.decisions.iter().all(|decision| decision.replayed == why));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_s_bundle_holds_what_it_proposed_and_no_more() {
    let world = busy().await;
    let agent: types::AgentId = "sre-bot".parse().unwrap();
    let bundle = exported(&world, Wanted::Agent(agent.clone()), &[], true).await;
    let report = verified(&world, &bundle, Bundles::new());
    let about = report.evidence.claims.iter().find(|check| check.claim.contains("are about agent sre-bot")).unwrap();
    assert_eq!(about.standing, Standing::Holds);
    assert!(report.evidence.unproven.iter().any(|what| what.contains("no action of this agent was left out")));
    let all = crate::replay::decided(&world);
    let own = all.iter().filter(|(_, content)| {
        evidence::bodies::proposal(content).is_some_and(|p| p.principal == Principal::Agent(agent.clone()))
    });
    assert_eq!(report.decisions.len(), own.count());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_s_bundle_is_whole_once_it_is_closed() {
    let world = testkit::world().await;
    let agent = "sre-bot".parse().unwrap();
    let session = world.control.begin_session(&agent, None, None).await.unwrap();
    for tool in ["sre.report", "sre.list", "sre.delete"] {
        let wish =
            countersign_control::actions::Wish { session: Some(session), ..crate::replay::wish("sre-bot", tool, "{}") };
        world.control.decide_once(wish, false).await.unwrap();
    }
    let whole = |report: &replay::Report| {
        report.evidence.claims.iter().find(|check| check.claim.contains("is whole")).unwrap().standing
    };
    let open = exported(&world, Wanted::Session(session), &[], true).await;
    assert_eq!(whole(&verified(&world, &open, Bundles::new())), Standing::Missing);
    world.control.end_session(session).await.unwrap();
    let closed = exported(&world, Wanted::Session(session), &[], true).await;
    let report = verified(&world, &closed, Bundles::new());
    assert_eq!(whole(&report), Standing::Holds, "{:?}", report.evidence.claims);
    assert_eq!(report.signature_standing(), Standing::Holds);
}
