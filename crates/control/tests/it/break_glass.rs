//! Break-glass on the road: two keys, a short life, and a review before the next one.

use countersign_control::doctor::Sign;
use countersign_control::permissions::PermissionWish;
use countersign_control::replay::decisions;
use countersign_control::state::Target;
use evidence::{Content, Field, RecordKind};
use testkit::{World, bundle, permitting_bundle, world, world_with};
use types::break_glass::{BreakGlass, End, Extent, Phase, What, status};
use types::case::{Ballot, CaseState};
use types::{Code, GlassId, OutcomeStatus, Principal, Verdict};

use crate::rebuild::{assert_equal, bundles, look, problems_with};
use crate::safety::{approve, by_two};
use crate::{permissions, propose, try_propose};

const SERVICE: &str = r#"{"service":"web"}"#;
const MINUTE: i64 = 60_000;

fn extent(tool: &str) -> Extent {
    Extent { agent: "sre-bot".parse().unwrap(), what: What::Tool(tool.parse().unwrap()), environment: None }
}

pub async fn ask(world: &World, by: &str, tool: &str) -> Result<GlassId, Code> {
    let asked = world.control.ask_glass(&by.parse().unwrap(), extent(tool), None, "nobody answers").await;
    asked.map(|glass| glass.id).map_err(|refusal| refusal.code)
}

pub async fn confirm(world: &World, by: &str, id: GlassId) -> Result<BreakGlass, Code> {
    world.control.confirm_glass(&by.parse().unwrap(), id, "I see it too").await.map_err(|refusal| refusal.code)
}

pub async fn review(world: &World, by: &str, id: GlassId) -> Result<BreakGlass, Code> {
    world.control.review_glass(&by.parse().unwrap(), id, "all as it should be").await.map_err(|refusal| refusal.code)
}

async fn broken(world: &World, tool: &str) -> GlassId {
    let id = ask(world, "ben", tool).await.unwrap();
    assert_eq!(confirm(world, "cleo", id).await.unwrap().phase(world.control.now()), Phase::InForce);
    id
}

fn phase(world: &World, id: GlassId) -> Phase {
    world.control.glass(&id).unwrap().phase(world.control.now())
}

async fn verdict(world: &World, tool: &str) -> Verdict {
    propose(world, tool, SERVICE).await.decision.verdict
}

fn asks(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Escalate(_))
}

/// Demands that what is kept, and each decision with its facts, comes out of the records again.
fn as_recorded(world: &World) {
    assert_equal(&look(world));
    let found = decisions(world.control.history(), bundles(world), 0, u64::MAX, |_| {}).unwrap();
    assert_eq!((found.count("differs"), found.decisions > 0), (0, true), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_and_silence_grant_nothing_and_two_keys_do_until_the_end() {
    let world = world().await;
    let id = ask(&world, "ben", "sre.restart").await.unwrap();
    assert!(asks(&verdict(&world, "sre.restart").await), "one key is none");
    assert_eq!(confirm(&world, "ben", id).await.unwrap_err(), Code::KeyExcluded);
    assert_eq!(confirm(&world, "eve", id).await.unwrap_err(), Code::PolicyDenies, "she is in no group");
    world.clock.advance(5 * MINUTE);
    assert_eq!(confirm(&world, "cleo", id).await.unwrap_err(), Code::BreakGlassOver);
    assert_eq!(phase(&world, id), Phase::Lapsed);
    let id = broken(&world, "sre.restart").await;
    let world = world.restart().await;
    let decided = propose(&world, "sre.restart", SERVICE).await;
    assert_eq!(decided.decision.verdict, Verdict::AllowObserved);
    let codes: Vec<Code> = decided.decision.findings.iter().map(|finding| finding.code).collect();
    assert!(codes.contains(&Code::GlassBroken) && codes.contains(&Code::PolicyEscalates), "{codes:?}");
    assert_eq!(decided.decision.facts.list("glass.people").unwrap(), ["ben", "cleo"]);
    assert_eq!(decided.decision.facts.text("glass.id"), Some(id.to_string().as_str()));
    assert!(asks(&verdict(&world, "sre.scale").await), "it is for another tool");
    world.clock.advance(30 * MINUTE - 1);
    assert_eq!(verdict(&world, "sre.restart").await, Verdict::AllowObserved);
    world.clock.advance(1);
    assert!(asks(&verdict(&world, "sre.restart").await), "nobody has noted yet that it is over");
    world.control.tick().await.unwrap();
    let over = world.control.glass(&id).unwrap();
    assert_eq!((over.ended.unwrap().how, over.actions.len()), (End::Time, 2));
    as_recorded(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_actions_run_and_no_more() {
    let world = world().await;
    let id = broken(&world, "sre.scale").await;
    for _ in 0..3 {
        assert_eq!(verdict(&world, "sre.scale").await, Verdict::AllowObserved);
    }
    assert!(asks(&verdict(&world, "sre.scale").await));
    assert_eq!(world.control.glass(&id).unwrap().actions.len(), 3);
    as_recorded(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_were_asked_about_is_over_once_it_has_run() {
    let world = world().await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    broken(&world, "sre.restart").await;
    assert_eq!(verdict(&world, "sre.restart").await, Verdict::AllowObserved);
    assert_eq!(world.control.case(&case).unwrap().case.state, CaseState::Void);
    as_recorded(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_a_refusal_and_a_denial_outrank_it() {
    let world = world().await;
    let case = propose(&world, "sre.restart", r#"{"service":"db"}"#).await.case.unwrap().id;
    let shown = world.control.case(&case).unwrap().case.shown;
    world.control.vote(&"ben".parse().unwrap(), case, Ballot::Deny, "no", shown, false).await.unwrap();
    let id = broken(&world, "sre.restart").await;
    let refused = propose(&world, "sre.restart", r#"{"service":"db"}"#).await.decision;
    assert_eq!(refused.verdict, Verdict::Deny);
    let target: Target = "tool:sre.restart".parse().unwrap();
    world.control.kill(Principal::Person("eve".parse().unwrap()), target.clone(), "stop").await.unwrap();
    assert_eq!(world.control.glass(&id).unwrap().ended.unwrap().how, End::Kill);
    assert_eq!(verdict(&world, "sre.restart").await, Verdict::Deny);
    assert_eq!(ask(&world, "ben", "sre.restart").await, Err(Code::ReviewOpen));
    review(&world, "dan", id).await.unwrap();
    assert_eq!(ask(&world, "ben", "sre.restart").await, Err(Code::BreakGlassUnsupported), "the kill is set");
    world.control.lift(&"dan".parse().unwrap(), target, "it is fine").await.unwrap();
    assert!(asks(&verdict(&world, "sre.restart").await), "lifting the kill brings nothing back");
    as_recorded(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_outranks_it_and_ends_it() {
    let mut files = bundle();
    let freeze = "[freezes.peak]\ncovers = { tool = \"sre.restart\" }\nfrom = \"2026-01-05T10:10:00Z\"\n\
                  to = \"2026-01-05T10:20:00Z\"\nreason = \"the busiest hour\"\n";
    let limits = files.get("limits.toml").unwrap_or_default().to_owned();
    files.insert("limits.toml", format!("{limits}\n{freeze}"));
    let world = world_with(files).await;
    let id = broken(&world, "sre.restart").await;
    assert_eq!(verdict(&world, "sre.restart").await, Verdict::AllowObserved);
    world.clock.advance(11 * MINUTE);
    let frozen = propose(&world, "sre.restart", SERVICE).await.decision;
    assert_eq!(frozen.verdict, Verdict::Deny);
    assert!(frozen.findings.iter().any(|finding| finding.code == Code::ChangeFrozen));
    world.control.tick().await.unwrap();
    assert_eq!(world.control.glass(&id).unwrap().ended.unwrap().how, End::Freeze);
    review(&world, "dan", id).await.unwrap();
    assert_eq!(ask(&world, "ben", "sre.restart").await, Err(Code::BreakGlassUnsupported));
    world.clock.advance(11 * MINUTE);
    assert!(asks(&verdict(&world, "sre.restart").await), "the end of the freeze brings nothing back");
    as_recorded(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_bundle_ends_it() {
    let world = world().await;
    let id = broken(&world, "sre.restart").await;
    let mut files = bundle();
    files.insert("README.md", "another one");
    world.control.activate(&"dan".parse().unwrap(), files, "tidier").await.unwrap();
    assert_eq!(world.control.glass(&id).unwrap().ended.unwrap().how, End::Bundle);
    assert!(asks(&verdict(&world, "sre.restart").await));
    as_recorded(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_ends_it_and_no_other_begins_before_a_third_person_has_reviewed_it() {
    let world = world().await;
    let id = broken(&world, "sre.restart").await;
    assert_eq!(ask(&world, "dan", "sre.scale").await, Err(Code::BreakGlassOver), "one at a time");
    assert_eq!(review(&world, "dan", id).await.unwrap_err(), Code::BreakGlassOver, "it is in force");
    verdict(&world, "sre.restart").await;
    let eve = "eve".parse().unwrap();
    assert_eq!(world.control.end_glass(&eve, id, " ").await.unwrap_err().code, Code::RequestInvalid);
    world.control.end_glass(&eve, id, "it is over").await.unwrap();
    assert_eq!(world.control.end_glass(&eve, id, "again").await.unwrap_err().code, Code::BreakGlassOver);
    assert!(asks(&verdict(&world, "sre.restart").await));
    assert_eq!(ask(&world, "dan", "sre.scale").await, Err(Code::ReviewOpen));
    // Both keys, and `ana`, who answers for the agent.
    for by in ["ben", "cleo", "ana"] {
        assert_eq!(review(&world, by, id).await.unwrap_err(), Code::KeyExcluded, "{by}");
    }
    let world = world.restart().await;
    let about = |world: &World| world.control.doctor().into_iter().find(|found| found.about == id.to_string());
    assert_eq!(about(&world).unwrap().sign, Sign::Note);
    world.clock.advance(24 * 60 * MINUTE);
    let overdue = about(&world).unwrap();
    assert_eq!(overdue.sign, Sign::Bad);
    assert!(overdue.says.contains("OVERDUE"), "{}", overdue.says);
    let closed = review(&world, "dan", id).await.unwrap();
    assert_eq!((closed.actions.len(), closed.review.unwrap().by.as_str()), (1, "dan"));
    assert!(about(&world).is_none());
    assert!(ask(&world, "dan", "sre.scale").await.is_ok());
    as_recorded(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_to_close_a_review_holds_for_the_findings_that_were_shown() {
    let mut files = bundle();
    let policies = files.get("policies/administration.cedar").unwrap();
    let both = r#"action in [Action::"countersign.glass.break", Action::"countersign.glass.review"]"#;
    assert!(policies.contains(both));
    let policies = policies.replace(both, r#"action == Action::"countersign.glass.break""#);
    files.insert("policies/administration.cedar", policies);
    let world = by_two(files, "countersign.glass.review").await;
    let (id, cleo) = (ask(&world, "ben", "sre.restart").await.unwrap(), "cleo".parse().unwrap());
    confirm(&world, "dan", id).await.unwrap();
    world.control.end_glass(&cleo, id, "it is over").await.unwrap();
    let asks = async |findings: &str| {
        let asked = world.control.review_glass(&cleo, id, findings).await.unwrap_err();
        assert_eq!(asked.code, Code::PolicyEscalates);
        asked.case.unwrap().id
    };
    let shown = asks("nothing ran").await;
    approve(&world, shown).await;
    assert_ne!(asks("nobody should have").await, shown);
    assert!(world.control.review_glass(&cleo, id, "nothing ran").await.unwrap().review.is_some());
    as_recorded(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_and_an_author_are_not_two() {
    let world = world().await;
    let id = ask(&world, "ana", "sre.restart").await.unwrap();
    assert_eq!(confirm(&world, "dan", id).await.unwrap_err(), Code::KeyExcluded);
    assert!(confirm(&world, "ben", id).await.is_ok());
    assert_eq!(verdict(&world, "sre.restart").await, Verdict::AllowObserved);
    // `cleo` is whom it is done for: of `ana` and `cleo` nobody would stand outside.
    world.control.end_glass(&"ben".parse().unwrap(), id, "the other way").await.unwrap();
    review(&world, "dan", id).await.unwrap();
    let id = ask(&world, "ana", "sre.restart").await.unwrap();
    confirm(&world, "cleo", id).await.unwrap();
    let cleo = Some("cleo".parse().unwrap());
    let wish = countersign_control::actions::Wish { on_behalf_of: cleo, ..crate::wish("sre.restart", SERVICE) };
    let decided = world.control.decide_once(wish, false).await.unwrap().decision;
    assert!(!decided.findings.iter().any(|finding| finding.code == Code::GlassBroken), "{:?}", decided.findings);
    as_recorded(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_without_rules_breaks_no_glass() {
    let mut files = bundle();
    files.0.remove("break_glass.toml");
    let world = world_with(files).await;
    assert_eq!(ask(&world, "ben", "sre.restart").await, Err(Code::BreakGlassUnsupported));
    assert_eq!(ask(&world, "ben", "sre.unknown").await, Err(Code::BreakGlassUnsupported));
    let nobody: GlassId = "glass_019b8f4be2807000a1b2c3d4e5f60718".parse().unwrap();
    assert_eq!(confirm(&world, "ben", nobody).await.unwrap_err(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_is_used_before_it_and_neither_gives_the_other() {
    let mut files = permitting_bundle();
    let classes = files.get("classes.toml").unwrap().to_owned();
    let admin = "[classes.\"countersign.admin\"]\ndescription = \"administration\"\nwrites = true\n";
    files.insert("classes.toml", format!("{classes}\n{admin}"));
    let rules = files.get("break_glass.toml").unwrap().replace("class = \"write\"", "class = \"*\"");
    files.insert("break_glass.toml", rules);
    let world = world_with(files).await;
    permissions::given(&world, permissions::restarts(), &["ben"]).await;
    let administration = Extent { what: What::Class("countersign.admin".parse().unwrap()), ..extent("sre.restart") };
    let refused = world.control.ask_glass(&"ben".parse().unwrap(), administration, None, "nobody answers").await;
    assert_eq!(refused.unwrap_err().code, Code::BreakGlassUnsupported);
    let id = broken(&world, "sre.restart").await;
    let stands = [Code::PermissionCovers, Code::GlassBroken];
    for (code, left, ran) in [(stands[0], vec![1], 0), (stands[0], vec![], 0), (stands[1], vec![], 1)] {
        let decided = propose(&world, "sre.restart", &permissions::web().to_string()).await.decision;
        assert_eq!(decided.verdict, Verdict::AllowObserved);
        let said = decided.findings.iter().map(|finding| finding.code).filter(|code| stands.contains(code));
        assert_eq!(said.collect::<Vec<_>>(), [code]);
        assert_eq!((permissions::left(&world), world.control.glass(&id).unwrap().actions.len()), (left, ran));
    }
    let refused = permissions::ask(&world, permissions::restarts()).await.unwrap_err();
    assert!(refused.case.is_some(), "people are asked for another one: {refused:?}");
    for tool in ["countersign.glass.break", "countersign.glass.review"] {
        let wish = PermissionWish { tool: tool.parse().unwrap(), ..permissions::restarts() };
        assert_eq!(permissions::ask(&world, wish).await.unwrap_err().code, Code::PermissionUnsupported, "{tool}");
    }
    as_recorded(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_says_one_person_turned_both_keys_does_not_follow() {
    let world = world().await;
    broken(&world, "sre.restart").await;
    let forge = |content: &Content| {
        let mut glass: BreakGlass = content.get(Field::Body).unwrap().unwrap();
        glass.second.as_mut().unwrap().by = glass.first.by.clone();
        Content::about(content.subjects.clone()).with(Field::Body, &glass)
    };
    let confirmed = |kind: RecordKind, state: Option<u8>| kind == RecordKind::Grant && state == Some(status::CONFIRMED);
    assert_eq!(problems_with(&world, |entry| confirmed(entry.leaf.kind, entry.leaf.status), forge), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_tells_one_otherwise_though_nothing_was_erased_does_not_follow() {
    let world = world().await;
    broken(&world, "sre.restart").await;
    let (history, bundles) = (world.control.history(), bundles(&world));
    let told_as = |state: u8| {
        let mut again = replay::fold::Again::default();
        for mut entry in history.range(0, history.size().unwrap()).unwrap() {
            if entry.leaf.kind == RecordKind::Grant && entry.leaf.status == Some(status::CONFIRMED) {
                entry.leaf.status = Some(state);
            }
            again.take(entry.index, &entry.leaf, entry.content.as_ref(), &bundles);
        }
        again.end(&bundles).problems.len()
    };
    assert_eq!((told_as(status::CONFIRMED), told_as(status::TOLD)), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_over_into_the_next_log() {
    let world = world().await;
    let id = broken(&world, "sre.restart").await;
    assert!(try_propose(&world, "sre.restart", SERVICE, true).await.is_ok());
    world.control.close_log(&"dan".parse().unwrap(), "yearly").await.unwrap();
    let (world, _) = crate::closing::next(world).await;
    assert_eq!(phase(&world, id), Phase::InForce);
    assert_eq!(world.control.glass(&id).unwrap().actions.len(), 1);
    assert_eq!(verdict(&world, "sre.restart").await, Verdict::AllowObserved);
    assert_eq!(world.control.glass(&id).unwrap().actions.len(), 2);
    as_recorded(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_handed_out_under_it_ends_with_it() {
    let world = world().await;
    let id = broken(&world, "sre.restart").await;
    world.clock.advance(28 * MINUTE);
    let handed = try_propose(&world, "sre.restart", SERVICE, true).await.unwrap();
    let expires = world.control.glass(&id).unwrap().expires().unwrap();
    assert_eq!(handed.permit.unwrap().get().expires_at(), expires, "and not five minutes later");
    as_recorded(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_breaker_that_stopped_the_agent_outranks_it() {
    let mut files = bundle();
    files.insert("breakers.toml", "[bulks.undoing]\npermits_max = 1\nprofile = \"owner\"\n");
    let world = world_with(files).await;
    let id = broken(&world, "sre.restart").await;
    assert_eq!(verdict(&world, "sre.restart").await, Verdict::AllowObserved);
    let stopped = propose(&world, "sre.restart", SERVICE).await.decision;
    assert!(asks(&stopped.verdict) && stopped.findings.iter().any(|finding| finding.code == Code::BulkStopped));
    world.clock.advance(2 * MINUTE);
    assert!(asks(&verdict(&world, "sre.restart").await), "it holds until a person resets it");
    assert_eq!(world.control.glass(&id).unwrap().actions.len(), 1);
    as_recorded(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_again_when_a_person_goes_for_whom_an_action_ran_under_it() {
    let world = world().await;
    let id = ask(&world, "ana", "sre.restart").await.unwrap();
    confirm(&world, "ben", id).await.unwrap();
    let cleo = Some("cleo".parse().unwrap());
    let wish = countersign_control::actions::Wish { on_behalf_of: cleo, ..crate::wish("sre.restart", SERVICE) };
    let ran = world.control.decide_once(wish, true).await.unwrap().decision;
    assert_eq!(ran.verdict, Verdict::AllowObserved);
    let bot = "sre-bot".parse().unwrap();
    world.control.report(&bot, ran.action, OutcomeStatus::Done, None, None).await.unwrap();
    crate::erasure::they_leave(&world).await;
    assert_eq!(world.control.glass(&id).unwrap().ended.unwrap().how, End::Bundle);
    let in_use = crate::erasure::erase(&world, "dan", "agent:sre-bot").await.unwrap_err();
    assert!(in_use.code == Code::SubjectInUse && in_use.message.contains("is not closed"), "{}", in_use.message);
    assert_eq!(review(&world, "ana", id).await.unwrap_err(), Code::KeyExcluded, "she turned a key");
    review(&world, "dan", id).await.unwrap();
    crate::erasure::erase(&world, "dan", "person:cleo").await.unwrap();
    let told = world.control.glass(&id).unwrap();
    assert_eq!((told.actions.len(), told.review.unwrap().by.as_str()), (1, "dan"));
    assert_equal(&look(&world));
    crate::erasure::erase(&world, "dan", "agent:sre-bot").await.unwrap();
    assert_eq!(world.control.glass(&id).unwrap_err().code, Code::NotFound);
    assert!(!look(&world).comparison.differs());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_with_a_person_who_turned_a_key_and_the_next_one_is_broken_as_before() {
    let world = world().await;
    let id = ask(&world, "dan", "sre.restart").await.unwrap();
    confirm(&world, "cleo", id).await.unwrap();
    crate::erasure::they_leave(&world).await;
    assert_eq!(review(&world, "ana", id).await.unwrap_err(), Code::KeyExcluded, "she owned the agent then");
    review(&world, "ben", id).await.unwrap();
    crate::erasure::erase(&world, "dan", "person:cleo").await.unwrap();
    assert_eq!(world.control.glass(&id).unwrap_err().code, Code::NotFound);
    assert!(!look(&world).comparison.differs(), "{:?}", look(&world).comparison);
    world.control.activate(&"dan".parse().unwrap(), bundle(), "she is back").await.unwrap();
    broken(&world, "sre.restart").await;
    assert!(!look(&world).comparison.differs(), "{:?}", look(&world).comparison);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_neither_breaks_it_nor_makes_it_last() {
    let world = world().await;
    let id = ask(&world, "ben", "sre.restart").await.unwrap();
    world.clock.jump(-3 * MINUTE);
    assert_eq!(confirm(&world, "cleo", id).await.unwrap_err(), Code::ClockJumped);
    world.clock.jump(3 * MINUTE);
    confirm(&world, "cleo", id).await.unwrap();
    assert_eq!(verdict(&world, "sre.restart").await, Verdict::AllowObserved);
    world.clock.jump(-20 * MINUTE);
    assert_eq!(verdict(&world, "sre.restart").await, Verdict::Deny);
    world.clock.advance(31 * MINUTE);
    assert!(!matches!(verdict(&world, "sre.restart").await, Verdict::AllowObserved), "its end has come all the same");
    assert_eq!(phase(&world, id), Phase::Ended);
}
