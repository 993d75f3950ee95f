//! Safety: kills name handed-out permits, floods are counted, a stopped journal denies.

use countersign_control::state::Target;
use policy::BundleFiles;
use testkit::{World, bundle, world, world_with};
use types::case::Ballot;
use types::{CaseId, Code, OutcomeStatus, PersonId, Principal, Verdict};

use crate::{propose, try_propose};

fn dan() -> Principal {
    Principal::Person("dan".parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_is_drained_only_when_no_handed_out_permit_is_alive() {
    let world = world().await;
    let action = try_propose(&world, "sre.report", "{}", true).await.unwrap().decision.action;
    let target = Target::Agent("sre-bot".parse().unwrap());
    let killed = world.control.kill(dan(), target.clone(), "acting up").await.unwrap();
    assert!(killed.armed && !killed.drained);
    assert_eq!(killed.in_flight[0].action, action);
    let agent = "sre-bot".parse().unwrap();
    world.control.report(&agent, action, OutcomeStatus::Done, None, None).await.unwrap();
    assert!(world.control.killed(&target, None).drained);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_that_a_kill_covers_is_no_longer_held() {
    let world = world().await;
    let action = try_propose(&world, "sre.report", "{}", true).await.unwrap().decision.action;
    assert!(world.control.holds(&action).is_some());
    world.control.kill(dan(), Target::Agent("sre-bot".parse().unwrap()), "acting up").await.unwrap();
    assert!(world.control.holds(&action).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_again_what_people_are_asked_already_does_not_fill_the_journal() {
    let world = world().await;
    let before = world.control.history().size().unwrap();
    let mut cases = std::collections::BTreeSet::new();
    for _ in 0..260 {
        // Beyond its quota it is denied, as any flood is.
        cases.extend(propose(&world, "sre.restart", r#"{"service":"web"}"#).await.case.map(|case| case.id));
    }
    assert_eq!(cases.len(), 1);
    assert!(world.control.history().size().unwrap() - before <= 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_recorded_in_a_session_that_is_closed() {
    let world = world().await;
    let session = world.control.begin_session(&"sre-bot".parse().unwrap(), None, None).await.unwrap();
    let wish = countersign_control::actions::Wish { session: Some(session), ..crate::wish("sre.report", "{}") };
    assert!(world.control.decide_once(wish.clone(), false).await.is_ok());
    world.control.end_session(session).await.unwrap();
    assert_eq!(world.control.decide_once(wish, false).await.unwrap_err().code, Code::StateConflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_voids_what_people_were_asked() {
    let world = world().await;
    let case = propose(&world, "sre.restart", r#"{"service":"web"}"#).await.case.unwrap().id;
    world.control.kill(dan(), Target::Agent("sre-bot".parse().unwrap()), "acting up").await.unwrap();
    let shown = world.control.case(&case).unwrap().case.shown;
    let vote =
        world.control.vote(&"ben".parse().unwrap(), case, types::case::Ballot::Approve, "fine", shown, false).await;
    assert_eq!(vote.unwrap_err().code, Code::CaseClosed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_that_the_journal_cannot_take_holds_and_says_so() {
    use countersign_control::door::{Caller, McpDoor as _};
    let world = testkit::world_on_small_disk(bundle(), 600_000).await;
    let agent: types::AgentId = "sre-bot".parse().unwrap();
    let caller = Caller { agent: agent.clone(), on_behalf_of: None, anonymous: false };
    world.control.permits_relay(&caller, None, "ping").unwrap();
    let refused = world.control.kill(dan(), Target::Agent(agent), &"x".repeat(1 << 20)).await.unwrap_err();
    assert_eq!(refused.code, Code::DiskFull);
    assert!(refused.message.ends_with("the switch holds in this process all the same"), "{}", refused.message);
    assert_eq!(world.control.permits_relay(&caller, None, "ping").unwrap_err().code, Code::Killed);
    assert_eq!(world.control.switches().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_records_the_denials_that_were_only_counted() {
    let world = world().await;
    let before = world.control.history().size().unwrap();
    for _ in 0..207 {
        propose(&world, "sre.delete", "{}").await;
    }
    assert_eq!(world.control.history().size().unwrap() - before, 200);
    let world = world.restart().await;
    let sum = world.control.history().record(before + 200).unwrap().unwrap();
    assert_eq!(sum.leaf.kind, evidence::RecordKind::Aggregate);
    let (denials, ..): (u64, types::Millis, types::Millis) =
        sum.content.unwrap().get(evidence::Field::Body).unwrap().unwrap();
    assert_eq!(denials, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_denials_is_counted_and_not_recorded_one_by_one() {
    let world = world().await;
    let before = world.control.history().size().unwrap();
    for _ in 0..260 {
        assert_eq!(propose(&world, "sre.delete", "{}").await.decision.verdict, Verdict::Deny);
    }
    let flooded = propose(&world, "sre.delete", "{}").await;
    assert!(flooded.receipt.is_none());
    assert!(flooded.decision.findings.iter().any(|finding| finding.code == Code::DenialsFlooding));
    assert_eq!(world.control.history().size().unwrap() - before, 200);
    world.clock.advance(60_001);
    // The next denial is recorded again, after the sum of those that were not.
    for _ in 0..1_500 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        if world.control.history().size().unwrap() - before > 200 {
            break;
        }
    }
    propose(&world, "sre.delete", "{}").await;
    let size = world.control.history().size().unwrap();
    let kinds: Vec<_> =
        world.control.history().range(before + 200, size).unwrap().iter().map(|e| e.leaf.kind).collect();
    assert_eq!(kinds, [evidence::RecordKind::Aggregate, evidence::RecordKind::Decided]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_journal_denies_everything() {
    let world = world().await;
    let data = world.control.config().place.data.clone();
    drop(store::Writer::open(&data.join("journal.db")).unwrap());
    let refused = try_propose(&world, "sre.report", "{}", false).await.unwrap_err();
    assert_eq!(refused.code, Code::JournalStopped);
    let again = try_propose(&world, "sre.report", "{}", false).await.unwrap_err();
    assert_eq!(again.code, Code::JournalStopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_grants_nothing() {
    let world = world().await;
    assert_eq!(propose(&world, "sre.report", "{}").await.decision.verdict, Verdict::Allow);
    world.clock.jump(3_600_000);
    let denied = propose(&world, "sre.report", "{}").await.decision;
    assert_eq!(denied.verdict, Verdict::Deny);
    assert!(denied.findings.iter().any(|finding| finding.code == Code::ClockJumped));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_prepared_under_an_old_snapshot_is_judged_under_the_new_one() {
    let world = world().await;
    let snapshot = world.control.snapshot();
    let grants = snapshot.grants.len();
    assert!(grants > 0);
    let proposals = (0..40).map(|_| {
        let control = world.control.clone();
        tokio::spawn(async move { control.decide_once(crate::wish("sre.report", "{}"), false).await.map(drop) })
    });
    let running: Vec<_> = proposals.collect();
    for _ in 0..5 {
        world.control.refresh_inventory().await.unwrap();
    }
    for task in running {
        task.await.unwrap().unwrap();
    }
    assert!(world.control.snapshot().epoch >= snapshot.epoch + 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_can_delay_a_lifting_and_neither_a_kill_nor_a_revocation() {
    let mut files = bundle();
    let rate = "[rates.administration]\ncovers = { tool = \"countersign.*\" }\nburst = 1\nrefill_ms = 60000\n";
    files.insert("limits.toml", rate);
    let world = world_with(files).await;
    let person: types::PersonId = "dan".parse().unwrap();
    let target = Target::Agent("sre-bot".parse().unwrap());
    world.control.kill(dan(), target.clone(), "acting up").await.unwrap();
    world.control.lift(&person, target.clone(), "it was the network").await.unwrap();
    for _ in 0..3 {
        assert!(world.control.kill(dan(), target.clone(), "again").await.unwrap().armed);
    }
    let agents_key = world.control.keys().iter().find(|key| key.holder.agent().is_some()).unwrap().id;
    world.control.revoke_key(&person, agents_key, "it leaked").await.unwrap();
    let refused = world.control.lift(&person, target.clone(), "at once").await.unwrap_err();
    assert_eq!(refused.code, Code::RateExceeded);
    world.clock.advance(60_000);
    world.control.lift(&person, target, "after a minute").await.unwrap();
}

/// A world in which `ana` may do an administration once another owner has approved it.
pub async fn by_two(mut files: BundleFiles, administration: &str) -> World {
    let by_two = format!(
        "@id(\"owners.two\")\n@escalate(\"owner\")\npermit (principal in Group::\"owners\", \
         action == Action::\"{administration}\", resource)\nwhen {{ context.mode == Mode::\"approved\" }};\n"
    );
    let administration = format!("{}\n{by_two}", files.get("policies/administration.cedar").unwrap());
    files.insert("policies/administration.cedar", administration);
    world_with(files).await
}

async fn asks_to_lift(world: &World, target: &Target) -> CaseId {
    let asked = world.control.lift(&"ana".parse().unwrap(), target.clone(), "it is well again").await.unwrap_err();
    assert_eq!(asked.code, Code::PolicyEscalates);
    asked.case.unwrap().id
}

pub async fn approve(world: &World, case: CaseId) {
    let shown = world.control.case(&case).unwrap().case.shown;
    world.control.vote(&"ben".parse().unwrap(), case, Ballot::Approve, "it is", shown, false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_to_lift_a_switch_lifts_no_later_one_on_the_same() {
    let world = by_two(bundle(), "countersign.switch.clear").await;
    let ana: PersonId = "ana".parse().unwrap();
    let target = Target::Agent("sre-bot".parse().unwrap());
    world.control.kill(dan(), target.clone(), "acting up").await.unwrap();
    let first = asks_to_lift(&world, &target).await;
    approve(&world, first).await;
    // Before it is lifted, somebody else has another reason to stop it.
    let eve = Principal::Person("eve".parse().unwrap());
    world.control.kill(eve.clone(), target.clone(), "it deletes things").await.unwrap();
    let second = asks_to_lift(&world, &target).await;
    assert_ne!(second, first, "people were asked about the kill before");
    let world = world.restart().await;
    assert_eq!(asks_to_lift(&world, &target).await, second, "it is the same switch after a restart");
    assert_eq!(world.control.switches()[0].reason, "it deletes things");
    approve(&world, second).await;
    // The one that people have looked at is gone meanwhile, and the same agent was stopped anew.
    world.control.lift(&"dan".parse().unwrap(), target.clone(), "it was repaired").await.unwrap();
    world.control.kill(eve, target.clone(), "again").await.unwrap();
    let third = asks_to_lift(&world, &target).await;
    assert_ne!(third, second);
    approve(&world, third).await;
    world.control.lift(&ana, target, "it is well again").await.unwrap();
    assert!(world.control.switches().is_empty());
    crate::rebuild::assert_equal(&crate::rebuild::look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_to_lift_a_switch_lifts_none_that_is_not_recorded_yet() {
    let world = testkit::world_on_small_disk(bundle(), 600_000).await;
    let (person, target): (PersonId, _) = ("dan".parse().unwrap(), Target::Agent("sre-bot".parse().unwrap()));
    world.control.kill(dan(), target.clone(), "acting up").await.unwrap();
    world.clock.advance(1);
    // The journal has no room for so long a reason: this kill holds in this process alone.
    let refused = world.control.kill(dan(), target.clone(), &"x".repeat(1 << 20)).await.unwrap_err();
    assert_eq!(refused.code, Code::DiskFull);
    let lifted = world.control.lift(&person, target.clone(), "it is well again").await.unwrap_err();
    assert_eq!(lifted.code, Code::NotFound, "{}", lifted.message);
    assert_eq!(world.control.switches().len(), 1);
}
