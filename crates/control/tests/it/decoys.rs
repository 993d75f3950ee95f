//! Decoys: shown as requests are, answered once, and never anything that a permit could rest on.

use std::collections::BTreeMap;

use countersign_control::door::{Caller, McpDoor as _};
use countersign_control::state::kind;
use evidence::{Field, RecordKind};
use testkit::{World, bundle, reviewed_bundle, with_decoy, with_decoys, world_with};
use types::case::{Ballot, Case, CaseState};
use types::decoy::status;
use types::{AgentId, CaseId, Channel, Code, Digest, PersonId, Principal, Session, SessionId, Target};

use crate::closing::next;
use crate::erasure::{erase, they_leave};
use crate::oversight::report;
use crate::rebuild::{assert_equal, look};
use crate::{propose, try_propose};

/// What the decoy of the bundle asks for.
const EVERYTHING: &str = r#"{"service":"each-and-every-one"}"#;

fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}

async fn vote(world: &World, case: CaseId, by: &str, ballot: Ballot) -> Result<Case, Code> {
    let shown = world.control.case(&case).unwrap().case.shown;
    let voted = world.control.vote(&person(by), case, ballot, "as I see it", shown, false).await;
    voted.map_err(|refusal| refusal.code)
}

fn state(world: &World, case: CaseId) -> CaseState {
    world.control.case(&case).unwrap().case.state
}

/// Returns what the records of decoys report, in order.
fn recorded(world: &World) -> Vec<u8> {
    let history = world.control.history();
    let all = history.range(0, history.size().unwrap()).unwrap();
    all.iter().filter(|entry| entry.leaf.kind == RecordKind::Decoy).filter_map(|entry| entry.leaf.status).collect()
}

/// Returns everything that is kept but decoys and recent votes.
fn kept(world: &World) -> BTreeMap<&'static str, Vec<(String, Vec<u8>)>> {
    let others = kind::ALL.into_iter().filter(|kind| !matches!(*kind, kind::DECOY | kind::RECENT_VOTE));
    others.map(|kind| (kind, world.control.history().state(kind).unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_shown_as_a_case_and_the_first_answer_says_what_it_was() {
    for (ballot, caught, recorded_as) in
        [(Ballot::Deny, true, status::CAUGHT), (Ballot::Approve, false, status::MISSED)]
    {
        let world = world_with(with_decoys(bundle())).await;
        let decoy = world.decoy().await;
        let view = world.control.case(&decoy.id).unwrap();
        let proposal = view.proposal.unwrap();
        assert_eq!((proposal.arguments.canonical(), proposal.claims.purpose.as_deref()), (EVERYTHING, Some("tidy up")));
        assert!(view.decision.is_some() && view.paths.len() == 1 && view.case.state == CaseState::Open);
        assert_eq!(world.control.decoy_told(&view.case).unwrap(), None, "not before somebody has answered");
        let voted = vote(&world, decoy.id, "ben", ballot).await.unwrap();
        assert_eq!((voted.state, voted.votes.len()), (CaseState::Decoy, 1));
        let told = world.control.decoy_told(&voted).unwrap().unwrap();
        assert_eq!((told.caught, told.why.as_str()), (Some(caught), "nobody restarts everything at once"));
        assert_eq!(vote(&world, decoy.id, "cleo", Ballot::Deny).await.unwrap_err(), Code::CaseClosed);
        assert_eq!(recorded(&world), [status::SHOWN, recorded_as]);
        assert_eq!(world.decoys(), []);
        let real = propose(&world, "sre.restart", EVERYTHING).await;
        assert!(real.permit.is_none() && real.case.is_some(), "no answer to a decoy is one to a request");
        assert_equal(&look(&world));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn approving_one_permits_nothing_and_changes_nothing_that_is_kept_of_its_agent() {
    let mut files = with_decoys(bundle());
    // Everything that counts what an agent does.
    files.insert(
        "limits.toml",
        "[rates.often]\nburst = 50\nrefill_ms = 60000\n\n[budgets.month]\nmax = 1000\nperiod_ms = 2592000000\n",
    );
    files.insert("behaviour.toml", "[baselines.usual]\nhours_min = 1\n");
    let world = world_with(files).await;
    try_propose(&world, "sre.report", "{}", true).await.unwrap();
    world.ask_people("a").await;
    let mut before = kept(&world);
    for _ in 0..64 {
        world.let_decoys_come().await;
        if !world.decoys().is_empty() {
            break;
        }
        world.ask_people("b").await;
        before = kept(&world);
    }
    let decoy = world.decoys().pop().expect("a decoy was shown");
    let cases = |kept: &BTreeMap<&'static str, Vec<(String, Vec<u8>)>>| kept[kind::CASE].len();
    vote(&world, decoy.id, "ben", Ballot::Approve).await.unwrap();
    let mut after = kept(&world);
    assert!(cases(&after) <= cases(&before), "a decoy is among no cases");
    // Cases may have expired while time passed; nothing else may have changed.
    before.remove(kind::CASE);
    after.remove(kind::CASE);
    assert_eq!(after, before);
    let again = propose(&world, "sre.restart", EVERYTHING).await;
    assert!(again.permit.is_none() && again.decision.facts.list("approval.met").is_some_and(|met| met.is_empty()));
    let case = again.case.unwrap().id;
    assert!(case != decoy.id && state(&world, case) == CaseState::Open);
    vote(&world, case, "ben", Ballot::Approve).await.unwrap();
    assert!(propose(&world, "sre.restart", EVERYTHING).await.permit.is_some(), "its own approval is one");
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_action_proposed_in_earnest_ends_it() {
    let world = world_with(with_decoys(bundle())).await;
    let decoy = world.decoy().await;
    let real = propose(&world, "sre.restart", EVERYTHING).await;
    assert!(real.permit.is_none() && real.case.as_ref().unwrap().id != decoy.id);
    assert_eq!((state(&world, decoy.id), recorded(&world)), (CaseState::Void, vec![status::SHOWN, status::VOID]));
    assert_eq!(vote(&world, decoy.id, "ben", Ballot::Approve).await.unwrap_err(), Code::CaseClosed);
    // And while people are asked about it in earnest, none is shown.
    for n in 0..6 {
        world.ask_people(&format!("more-{n}")).await;
        world.clock.advance(60_000);
        world.control.tick().await.unwrap();
    }
    assert_eq!(world.decoys(), []);
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_vote_may_not_vote_here_and_a_budget_counts_it() {
    let mut files = with_decoys(bundle());
    let profiles = files.get("escalation.toml").unwrap();
    files.insert(
        "escalation.toml",
        profiles.replace("timeout_ms = 600000\n", "timeout_ms = 3000000\ndecisions_per_hour = 1\n"),
    );
    let world = world_with(files).await;
    let decoy = world.decoy().await;
    for (who, code) in [("ana", Code::VoterExcluded), ("dan", Code::VoterExcluded), ("eve", Code::VoterExcluded)] {
        assert_eq!(vote(&world, decoy.id, who, Ballot::Deny).await.unwrap_err(), code, "{who}");
    }
    let other = Digest::plain(b"something else");
    let wrong = world.control.vote(&person("ben"), decoy.id, Ballot::Deny, "no", other, false).await.unwrap_err();
    assert_eq!(wrong.code, Code::ShownMismatch);
    let real = propose(&world, "sre.restart", r#"{"service":"x"}"#).await.case.unwrap().id;
    vote(&world, real, "cleo", Ballot::Approve).await.unwrap();
    assert_eq!(vote(&world, decoy.id, "cleo", Ballot::Approve).await.unwrap_err(), Code::ApprovalsSpent);
    vote(&world, decoy.id, "ben", Ballot::Approve).await.unwrap();
    let later = propose(&world, "sre.restart", r#"{"service":"y"}"#).await.case.unwrap().id;
    assert_eq!(
        vote(&world, later, "ben", Ballot::Approve).await.unwrap_err(),
        Code::ApprovalsSpent,
        "it took a decision"
    );
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_answer_is_enough_though_two_must_approve() {
    let decoy = testkit::DECOY.replace("sre.restart", "sre.scale");
    let world = world_with(with_decoy(bundle(), &decoy)).await;
    let decoy = world.decoy().await;
    assert_eq!(vote(&world, decoy.id, "ben", Ballot::Approve).await.unwrap().state, CaseState::Decoy);
    assert_eq!(recorded(&world), [status::SHOWN, status::MISSED]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stays_over_a_restart_and_ends_quietly() {
    let world = world_with(with_decoys(bundle())).await;
    let decoy = world.decoy().await;
    let world = world.restart().await;
    assert_eq!((state(&world, decoy.id), world.decoys().len()), (CaseState::Open, 1));
    world.clock.advance(600_000);
    world.control.tick().await.unwrap();
    assert_eq!((state(&world, decoy.id), recorded(&world)), (CaseState::Expired, vec![status::SHOWN, status::EXPIRED]));
    assert_eq!(world.control.decoy_told(&world.control.case(&decoy.id).unwrap().case).unwrap(), None);
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_forgets_what_only_waited() {
    let world = world_with(with_decoys(bundle())).await;
    for n in 0..8 {
        world.ask_people(&format!("n{n}")).await;
    }
    let world = world.restart().await;
    world.let_decoys_come().await;
    assert_eq!((recorded(&world), world.decoys()), (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_another_bundle_another_definition_and_the_logs_end_are_its_end() {
    let ends = ["kill", "bundle", "close"];
    for how in ends {
        let world = world_with(with_decoys(bundle())).await;
        let decoy = world.decoy().await;
        match how {
            "kill" => {
                let target = Target::Agent("sre-bot".parse().unwrap());
                world.control.kill(Principal::Person(person("ben")), target, "stop").await.unwrap();
            }
            "bundle" => {
                let mut files = with_decoys(bundle());
                files.insert("README.md", "another one");
                world.control.activate(&person("dan"), files, "another one").await.unwrap();
            }
            _ => drop(world.control.close_log(&person("dan"), "the year is over").await.unwrap()),
        }
        assert_eq!((state(&world, decoy.id), world.decoys()), (CaseState::Void, vec![]), "{how}");
        // Whoever killed an agent for what it never asked for learns of it.
        let told = world.control.decoy_told(&world.control.case(&decoy.id).unwrap().case).unwrap().unwrap();
        assert_eq!((told.caught, told.why.is_empty()), (None, false), "{how}");
        assert_eq!(recorded(&world), [status::SHOWN, status::VOID], "{how}");
        assert_equal(&look(&world));
        if how == "close" {
            let (world, _) = next(world).await;
            assert_eq!((recorded(&world), world.decoys()), (vec![], vec![]));
            assert_equal(&look(&world));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_bundle_forgets_what_waited() {
    let world = world_with(with_decoys(bundle())).await;
    for n in 0..8 {
        world.ask_people(&format!("n{n}")).await;
    }
    world.control.activate(&person("dan"), bundle(), "no more tests").await.unwrap();
    world.let_decoys_come().await;
    world.control.activate(&person("dan"), with_decoys(bundle()), "tests again").await.unwrap();
    world.let_decoys_come().await;
    assert_eq!(recorded(&world), Vec::<u8>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_with_its_agent_and_with_whoever_answered() {
    for (gone, answered) in [("agent:sre-bot", false), ("agent:sre-bot", true), ("person:cleo", true)] {
        let world = world_with(with_decoys(bundle())).await;
        let decoy = world.decoy().await;
        if answered {
            vote(&world, decoy.id, "cleo", Ballot::Deny).await.unwrap();
        }
        they_leave(&world).await;
        erase(&world, "dan", gone).await.unwrap();
        let history = world.control.history();
        let left = history.range(0, history.size().unwrap()).unwrap();
        let named =
            left.iter().filter(|entry| entry.leaf.kind == RecordKind::Decoy).filter_map(|entry| entry.content.as_ref());
        let subject = gone.to_owned();
        assert!(named.into_iter().all(|content| !content.subjects.contains(&subject)), "{gone}");
        assert_eq!(history.state(kind::RECENT_VOTE).unwrap(), [], "{gone}");
        assert_eq!(report(&world, None).unread, u64::from(answered), "an answer is unread, and nothing else ({gone})");
        assert!(look(&world).comparison.is_equal(), "{gone}: {:?}", look(&world).comparison);
        assert_eq!(world.decoys(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_would_not_be_asked_about_is_not_shown() {
    for tool in ["sre.delete", "sre.report", "sre.list"] {
        let decoy = testkit::DECOY.replace("sre.restart", tool);
        let world = world_with(with_decoy(bundle(), &decoy)).await;
        for n in 0..6 {
            world.ask_people(&format!("n{n}")).await;
            world.let_decoys_come().await;
        }
        assert_eq!((recorded(&world), world.decoys()), (vec![], vec![]), "{tool}");
        let history = world.control.history();
        let all = history.range(0, history.size().unwrap()).unwrap();
        let named = |entry: &&ledger::history::Entry| {
            let content = entry.content.as_ref().filter(|_| entry.leaf.kind == RecordKind::Decided);
            content.and_then(|content| content.get::<types::ToolName>(Field::Tool).ok().flatten())
                == Some(tool.parse().unwrap())
        };
        assert_eq!(all.iter().filter(named).count(), 0, "nothing of it is recorded");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_decoys_nothing_is_drawn_and_nothing_shown() {
    let drawn = async |rate: Option<&str>| {
        let mut files = bundle();
        if let Some(rate) = rate {
            files.insert("decoys.toml", format!("per_100 = {rate}\n\n{}", testkit::DECOY));
        }
        let world = world_with(files).await;
        let mut drawn = Vec::new();
        for n in 0..8 {
            let asked = propose(&world, "sre.restart", &format!(r#"{{"service":"n{n}"}}"#)).await;
            drawn.push((asked.decision.action, asked.case.unwrap().id));
        }
        drawn
    };
    let none = drawn(None).await;
    assert_eq!(drawn(Some("0")).await, none, "the same random bytes went into the same ids");
    assert_ne!(drawn(Some("1")).await, none, "and others where one is drawn for");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_of_a_template_at_a_time() {
    let world = world_with(with_decoys(bundle())).await;
    let decoy = world.decoy().await;
    for n in 0..8 {
        world.ask_people(&format!("more-{n}")).await;
    }
    world.let_decoys_come().await;
    assert_eq!(world.decoys(), [decoy]);
    assert_eq!(recorded(&world), [status::SHOWN]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reviewer_agent_hears_of_one() {
    let world = world_with(with_decoys(reviewed_bundle())).await;
    let decoy = world.decoy().await;
    let checker = "checker".parse().unwrap();
    let asked: Vec<CaseId> = world.control.reviews_of(&checker).unwrap().into_iter().map(|(case, _)| case.id).collect();
    assert!(!asked.contains(&decoy.id));
    assert_eq!(world.control.review_case(&checker, &decoy.id).unwrap_err().code, Code::NotFound);
    let review = world.control.give_review(&checker, decoy.id, types::reviewing::Advice::On, "fine", decoy.shown).await;
    assert_eq!(review.unwrap_err().code, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_answer_is_drawn_cast_and_recorded_as_any_other() {
    let world = world_with(with_decoys(testkit::passkeys::signing_bundle())).await;
    let key = world.with_passkey("ben", 3).await;
    let decoy = world.decoy().await;
    assert_eq!(vote(&world, decoy.id, "ben", Ballot::Approve).await.unwrap_err(), Code::VoteUnsigned);
    let voted = world.cast("ben", decoy.id, Ballot::Approve, &key).await;
    assert_eq!((voted.state, voted.votes[0].signed.is_some()), (CaseState::Decoy, true));
    assert_eq!(recorded(&world), [status::SHOWN, status::MISSED]);
    assert!(propose(&world, "sre.restart", EVERYTHING).await.permit.is_none());
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_counted_by_themselves_and_mixed_into_nothing() {
    let world = world_with(with_decoys(bundle())).await;
    let first = world.decoy().await;
    let before = report(&world, None);
    assert_eq!(before.all.decoys.shown, 0, "one that is open is told by no figure");
    world.clock.advance(4_000);
    vote(&world, first.id, "ben", Ballot::Approve).await.unwrap();
    let second = world.decoy().await;
    vote(&world, second.id, "cleo", Ballot::Deny).await.unwrap();
    let third = world.decoy().await;
    world.clock.advance(600_000);
    world.control.tick().await.unwrap();
    assert_eq!(state(&world, third.id), CaseState::Expired);
    // A kill of the agent makes its approvals ones to regret; that of a decoy was none.
    let target = Target::Agent("sre-bot".parse().unwrap());
    world.control.kill(Principal::Person(person("ben")), target, "stop").await.unwrap();
    let told = report(&world, None);
    let decoys = told.all.decoys;
    assert_eq!((decoys.shown, decoys.caught, decoys.missed, decoys.unanswered), (3, 1, 1, 1));
    assert_eq!((decoys.catch_bp, told.all.votes, told.all.approvals, told.all.regretted), (Some(5_000), 0, 0, 0));
    let of = |name: &str| told.people.iter().find(|one| one.person == person(name)).unwrap().figures;
    assert_eq!((of("ben").decoys.catch_bp, of("cleo").decoys.catch_bp), (Some(0), Some(10_000)));
    assert_eq!((of("ben").votes, of("ben").decision_ms, of("ben").decoys.unanswered), (0, None, 1));
    assert_eq!((told.groups[0].figures.decoys, told.profiles[0].figures.decoys), (decoys, decoys));
    let cases = told.cases;
    let asked = world.control.cases().iter().filter(|case| ![first.id, second.id, third.id].contains(&case.id)).count();
    assert_eq!(cases, asked as u64, "a decoy is no case that was opened");
}

fn came(world: &World, decoy: &Case) -> (Option<SessionId>, Channel, Option<Digest>) {
    let proposal = world.control.case(&decoy.id).unwrap().proposal.unwrap();
    (proposal.session, proposal.channel, proposal.definition)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_with_its_agent_into_the_session_where_that_was_last_seen() {
    let world = world_with(with_decoys(bundle())).await;
    let none = world.decoy().await;
    assert_eq!(came(&world, &none), (None, Channel::Http, None), "its agent has no session");
    vote(&world, none.id, "ben", Ballot::Deny).await.unwrap();
    let bot: AgentId = "sre-bot".parse().unwrap();
    let own = world.control.begin_session(&bot, None, None).await.unwrap();
    world.clock.advance(1);
    world.control.begin_session(&"report-bot".parse().unwrap(), None, None).await.unwrap();
    world.control.begin_session(&bot, Some(person("cleo")), None).await.unwrap();
    let decoy = world.decoy().await;
    assert_eq!(came(&world, &decoy), (Some(own), Channel::Http, None), "no other agent's, and none for somebody else");
    vote(&world, decoy.id, "ben", Ballot::Deny).await.unwrap();
    let sessions = world.control.history().state(kind::SESSION).unwrap();
    let proposed: u64 = sessions.iter().map(|(_, bytes)| types::cbor::decode::<Session>(bytes).unwrap().proposed).sum();
    assert_eq!((sessions.len(), proposed), (3, 0), "it is none of the session's actions");
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_comes_over_the_gateway_if_its_agent_is_connected_there() {
    let (mut files, pinned) = (bundle(), Digest::plain(b"as its server lists it"));
    let tools = files
        .get("catalog/sre.toml")
        .unwrap()
        .replace("[tools.scale]", &format!("[tools.scale]\ndefinition = \"{pinned}\""));
    files.insert("catalog/sre.toml", tools);
    let world = world_with(with_decoy(files, &testkit::DECOY.replace("sre.restart", "sre.scale"))).await;
    let caller = Caller { agent: "sre-bot".parse().unwrap(), on_behalf_of: None, anonymous: false };
    let linked = world.control.open_session(&caller, &Default::default(), "a client").await.unwrap();
    let decoy = world.decoy().await;
    assert_eq!(came(&world, &decoy), (Some(linked), Channel::Mcp, Some(pinned)));
    vote(&world, decoy.id, "ben", Ballot::Approve).await.unwrap();
    assert_equal(&look(&world));
}

/// Is a small generator, so that a failure names its seed.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Plays a history and returns what was permitted; where there are decoys, they are answered in between.
async fn permitted(seed: u64, files: policy::BundleFiles, answers: &mut u64) -> Vec<String> {
    let (world, mut drawn) = (world_with(files).await, Seeded(seed));
    let mut permitted = Vec::new();
    for step in 0..24 {
        let (service, tool) = (drawn.below(3), if drawn.below(4) == 0 { "sre.scale" } else { "sre.restart" });
        let arguments = match service {
            0 => EVERYTHING.to_owned(),
            other => format!(r#"{{"service":"s{other}"}}"#),
        };
        let (by, approves) = (["ben", "cleo"][usize::try_from(drawn.below(2)).unwrap()], drawn.below(3) > 0);
        let ballot = if approves { Ballot::Approve } else { Ballot::Deny };
        match drawn.below(5) {
            0..=2 => {
                let decided = propose(&world, tool, &arguments).await;
                permitted.push(format!("{step} {tool} {arguments} {:?}", decided.decision.verdict));
            }
            3 => {
                let decoys: Vec<CaseId> = world.decoys().iter().map(|case| case.id).collect();
                let open = |case: &Case| case.state == CaseState::Open && !decoys.contains(&case.id);
                if let Some(case) = world.control.cases().into_iter().find(open) {
                    let _ = vote(&world, case.id, by, ballot).await;
                }
            }
            _ => {
                world.clock.advance(150_000);
                world.control.tick().await.unwrap();
            }
        }
        // Whoever answers decoys may do so at any time.
        for decoy in world.decoys() {
            *answers += u64::from(vote(&world, decoy.id, by, Ballot::Approve).await.is_ok());
        }
    }
    assert_equal(&look(&world));
    permitted
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_is_permitted_with_decoys_and_without() {
    let scale = testkit::DECOY.replace("decoys.everything", "decoys.wide").replace("sre.restart", "sre.scale");
    let mut answers = 0;
    for seed in 0..12 {
        let with = permitted(seed, with_decoy(bundle(), &format!("{}\n{scale}", testkit::DECOY)), &mut answers).await;
        let without = permitted(seed, bundle(), &mut 0).await;
        assert_eq!(with, without, "seed {seed}");
    }
    assert!(answers > 5, "{answers} decoys were answered");
}
