//! Approvals: durable, bound to the exact action, used once.

use countersign_control::doctor::Sign;
use countersign_control::trace;
use replay::{Replayed, record};
use testkit::{World, bundle, world, world_with};
use types::case::{Ballot, CaseState};
use types::{ActionId, CaseId, Code, FactValue, Millis, Verdict};

use crate::propose;

const SERVICE: &str = r#"{"service":"web"}"#;

async fn approve(world: &World, case: CaseId, by: &str) -> CaseState {
    let shown = world.control.case(&case).unwrap().case.shown;
    let person = by.parse().unwrap();
    world.control.vote(&person, case, Ballot::Approve, "looks right", shown, false).await.unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_survives_a_restart_and_is_used_once() {
    let world = world().await;
    let held = propose(&world, "sre.restart", SERVICE).await;
    let case = held.case.expect("it is held").id;
    assert!(held.permit.is_none());
    let world = world.restart().await;
    assert_eq!(approve(&world, case, "ben").await, CaseState::Approved);
    let world = world.restart().await;

    let ran = propose(&world, "sre.restart", SERVICE).await;
    assert_eq!(ran.decision.verdict, Verdict::AllowObserved);
    assert!(ran.permit.is_some());
    assert_eq!(ran.decision.case, Some(case));

    let again = propose(&world, "sre.restart", SERVICE).await;
    assert!(again.permit.is_none());
    assert_ne!(again.case.expect("it is held anew").id, case);
}

/// A bundle in which `eve` answers for the owners of an agent if none of them does within ten minutes.
pub fn with_a_fallback() -> policy::BundleFiles {
    let mut files = bundle();
    let people =
        files.get("people.toml").unwrap().replace("[people.eve]\ngroups = []", "[people.eve]\ngroups = [\"late\"]");
    let last = "otherwise = \"last\"\n\n[profiles.last]\ngroup = \"late\"\napprovals = 1\ntimeout_ms = 300000\n";
    let profiles = files.get("escalation.toml").unwrap().replacen(
        "timeout_ms = 600000\n",
        &format!("timeout_ms = 600000\n{last}"),
        1,
    );
    files.insert("people.toml", people);
    files.insert("escalation.toml", profiles);
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn if_nobody_answers_the_next_ones_are_asked_and_then_nobody() {
    let world = world_with(with_a_fallback()).await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    let unheard = propose(&world, "sre.restart", r#"{"service":"payments"}"#).await.case.unwrap().id;
    let view = world.control.case(&case).unwrap();
    let asked: Vec<_> = view
        .paths
        .values()
        .flatten()
        .map(|step| (step.group.as_deref().unwrap(), step.from.since(view.case.opened)))
        .collect();
    assert_eq!(asked, [("owners", 0), ("late", 600_000)]);
    let (eve, shown) = ("eve".parse().unwrap(), view.case.shown);
    let early = world.control.vote(&eve, case, Ballot::Approve, "early", shown, false).await.unwrap_err();
    assert_eq!(early.code, Code::VoterExcluded);
    world.clock.advance(600_000);
    world.control.tick().await.unwrap();
    let world = world.restart().await;
    assert_eq!(approve(&world, case, "eve").await, CaseState::Approved);
    assert!(propose(&world, "sre.restart", SERVICE).await.permit.is_some());
    world.clock.advance(300_000);
    world.control.tick().await.unwrap();
    assert_eq!(world.control.case(&unheard).unwrap().case.state, CaseState::Expired);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_for_these_arguments_and_no_others() {
    let world = world().await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    approve(&world, case, "ben").await;
    let other = propose(&world, "sre.restart", r#"{"service":"payments"}"#).await;
    assert!(other.permit.is_none() && other.case.unwrap().id != case);
    assert!(propose(&world, "sre.restart", SERVICE).await.permit.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identical_proposal_joins_the_open_case() {
    let world = world().await;
    let first = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    let second = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    assert_eq!(first, second);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_are_two_people() {
    let world = world().await;
    let case = propose(&world, "sre.scale", SERVICE).await.case.unwrap().id;
    assert_eq!(approve(&world, case, "ben").await, CaseState::Open);
    let shown = world.control.case(&case).unwrap().case.shown;
    let twice = world.control.vote(&"ben".parse().unwrap(), case, Ballot::Approve, "again", shown, false).await;
    assert_eq!(twice.unwrap_err().code, Code::VoteRepeated);
    assert!(propose(&world, "sre.scale", SERVICE).await.permit.is_none());
    assert_eq!(approve(&world, case, "cleo").await, CaseState::Approved);
    assert!(propose(&world, "sre.scale", SERVICE).await.permit.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_case_is_over_for_everybody() {
    let world = world().await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    let shown = world.control.case(&case).unwrap().case.shown;
    world.control.withdraw(case).await.unwrap();
    assert_eq!(world.control.case(&case).unwrap().case.state, CaseState::Withdrawn);
    let late = world.control.vote(&"ben".parse().unwrap(), case, Ballot::Approve, "late", shown, false).await;
    let late = late.unwrap_err();
    assert_eq!((late.code, late.message.contains("withdrawn")), (Code::CaseClosed, true), "{}", late.message);
    let again = propose(&world, "sre.restart", SERVICE).await;
    assert!(again.permit.is_none() && again.case.unwrap().id != case);
    world.control.withdraw(case).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_another_call_waits_for_is_not_withdrawn() {
    let world = world().await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    {
        let mut waiting = std::pin::pin!(world.control.await_decision(case, 60_000));
        // It waits from when it is polled first.
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("nobody has decided"),
            () = std::future::ready(()) => {}
        }
        world.control.withdraw(case).await.unwrap();
        assert_eq!(world.control.case(&case).unwrap().case.state, CaseState::Open);
    }
    world.control.withdraw(case).await.unwrap();
    assert_eq!(world.control.case(&case).unwrap().case.state, CaseState::Withdrawn);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_refusal() {
    let world = world().await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    world.clock.advance(600_001);
    for _ in 0..1_500 {
        if world.control.case(&case).unwrap().case.state == CaseState::Expired {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(world.control.case(&case).unwrap().case.state, CaseState::Expired);
    let shown = world.control.case(&case).unwrap().case.shown;
    let late = world.control.vote(&"ben".parse().unwrap(), case, Ballot::Approve, "late", shown, false).await;
    assert_eq!(late.unwrap_err().code, Code::CaseClosed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_shows_the_votes_an_action_ran_on() {
    let world = world().await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    approve(&world, case, "ben").await;
    let ran = propose(&world, "sre.restart", SERVICE).await;
    let path = world.control.trace(&ran.decision.action).unwrap();
    assert_eq!(path.votes.len(), 1);
    assert_eq!(path.votes[0].person.as_str(), "ben");
    assert!(path.steps.windows(2).all(|pair| pair[0].index < pair[1].index));
}

async fn deny(world: &World, case: CaseId) -> CaseState {
    let shown = world.control.case(&case).unwrap().case.shown;
    let ben = "ben".parse().unwrap();
    world.control.vote(&ben, case, Ballot::Deny, "not now", shown, false).await.unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_refused_is_denied_for_as_long_as_people_had_to_decide() {
    let world = world().await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    world.clock.advance(1_000);
    assert_eq!(deny(&world, case).await, CaseState::Denied);
    world.clock.advance(599_999);
    let world = world.restart().await;
    let again = propose(&world, "sre.restart", SERVICE).await;
    assert_eq!(again.decision.verdict, Verdict::Deny);
    assert_eq!(again.refusal().code, Code::ApprovalDenied);
    let other = propose(&world, "sre.restart", r#"{"service":"payments"}"#).await;
    assert!(other.case.is_some(), "another action is another question");
    world.clock.advance(1);
    let asked = propose(&world, "sre.restart", SERVICE).await;
    assert_ne!(asked.case.expect("people are asked again").id, case);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_leaves_the_state_when_it_ends() {
    let world = world().await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    deny(&world, case).await;
    assert_eq!(world.control.history().state("refusal").unwrap().len(), 1);
    world.clock.advance(600_000);
    for _ in 0..1_500 {
        if world.control.history().state("refusal").unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the refusal is still stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_no_refusal_that_lasts() {
    let world = world().await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    world.clock.advance(600_001);
    let again = propose(&world, "sre.restart", SERVICE).await;
    assert_ne!(again.case.expect("people are asked again").id, case);
}

/// A bundle in which `ben` and `cleo` take turns of an hour from 2020 on, and whoever is on call decides for the owners.
fn on_call(change: impl Fn(String) -> String) -> policy::BundleFiles {
    let mut files = bundle();
    let hourly = "[schedules.hourly]\nzone = \"UTC\"\npeople = [\"ben\", \"cleo\"]\nstart = \"2020-01-01T00:00\"\nturn = \"1h\"\n";
    files.insert("schedules.toml", change(hourly.to_owned()));
    let asks = "on_call = \"hourly\"\napprovals = 1\ntimeout_ms = 7200000\n";
    let owners = "group = \"owners\"\napprovals = 1\ntimeout_ms = 600000\n";
    let profiles = files.get("escalation.toml").unwrap().replacen(owners, asks, 1);
    files.insert("escalation.toml", profiles);
    files
}

/// Tells who was on call for each step of an action's path, and when.
fn on_call_then(world: &World, action: &ActionId) -> Vec<(String, Millis)> {
    let path = world.control.trace(action).unwrap();
    let told = trace::on_call(&[(None, world.control.history())], &path).unwrap();
    told.into_iter().map(|then| (then.person.unwrap().to_string(), then.at)).collect()
}

async fn vote_of(world: &World, case: CaseId, by: &str) -> Result<CaseState, Code> {
    let shown = world.control.case(&case).unwrap().case.shown;
    let voted = world.control.vote(&by.parse().unwrap(), case, Ballot::Approve, "looks right", shown, false).await;
    voted.map(|case| case.state).map_err(|refusal| refusal.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_on_call_when_they_vote_decides_and_it_is_computed_again() {
    let world = world_with(on_call(|schedule| schedule)).await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    let view = world.control.case(&case).unwrap();
    let duty = view.paths.values().flatten().next().unwrap().on_call.clone().unwrap();
    assert_eq!(duty.now, world.control.on_call()[0].now);
    let (now, next) = (duty.now.unwrap(), duty.next.unwrap());
    let told = on_call_then(&world, &view.case.action);
    assert_eq!(told, [(now.person.to_string(), view.case.opened)], "told of the action later too");
    assert_eq!(vote_of(&world, case, next.person.as_str()).await, Err(Code::VoterExcluded), "not yet");
    world.clock.advance(now.until.unwrap().since(world.control.now()));
    assert_eq!(vote_of(&world, case, now.person.as_str()).await, Err(Code::VoterExcluded), "no more");
    assert_eq!(vote_of(&world, case, next.person.as_str()).await, Ok(CaseState::Approved));
    let ran = propose(&world, "sre.restart", SERVICE).await;
    assert!(ran.permit.is_some());
    assert_eq!(ran.decision.facts.list("approval.unattended"), Some(&[][..]));
    comes_out_the_same(&world, FactValue::List(vec!["owner".into()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nobody_on_call_an_action_is_denied_at_once() {
    let world = world_with(on_call(|schedule| schedule.replace("2020", "2120"))).await;
    let decided = propose(&world, "sre.restart", SERVICE).await;
    assert_eq!(decided.decision.verdict, Verdict::Deny);
    assert!(decided.case.is_none() && decided.permit.is_none());
    assert!(decided.decision.findings.iter().any(|finding| finding.code == Code::NobodyOnCall));
    assert_eq!(decided.decision.facts.list("approval.unattended"), Some(&["owner".to_owned()][..]));
    assert!(world.control.on_call()[0].now.is_none());
    let doctor = world.control.doctor();
    let found = doctor.iter().find(|found| found.about == "on call hourly").unwrap();
    assert_eq!((found.sign, found.code), (Sign::Note, Some(Code::NobodyOnCall)));
    assert_eq!(found.says, "nobody is on call", "nor will be within a year");
    comes_out_the_same(&world, FactValue::List(Vec::new()));
}

/// Computes every decision again from bundle and records alone, and the last one with a lie about who attends to it.
fn comes_out_the_same(world: &World, lie: FactValue) {
    let (bundles, decided) = (crate::replay::bundles(world), crate::replay::decided(world));
    for (leaf, content) in &decided {
        assert_eq!(record(leaf, Some(content), &bundles), Replayed::Equal);
    }
    let (leaf, content) = decided.last().unwrap();
    let told = record(leaf, Some(&crate::replay::with_fact(content, "approval.unattended", lie)), &bundles);
    let Replayed::Differs(why) = told else { panic!("{told:?}") };
    assert!(why.iter().any(|why| why.contains("approval.unattended")), "{why:?}");
}
