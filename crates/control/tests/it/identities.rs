//! What agents name that they run: epochs begin, levels hold in the one they were given to, and all of it is counted again.

use countersign_control::actions::Decided;
use countersign_control::levels::LevelWish;
use countersign_control::sessions::Brief;
use evidence::{Field, RecordKind};
use policy::BundleFiles;
use testkit::{World, bundle, world_with};
use types::identity::EPOCHS_MAX;
use types::{AgentId, AutonomyLevel, Code, Grant, Identity, IdentityEpoch, PersonId, SessionId, Verdict};

use crate::wish;

fn bot() -> AgentId {
    "sre-bot".parse().unwrap()
}

fn dan() -> PersonId {
    "dan".parse().unwrap()
}

/// Is a bundle whose report is for agents of L2 alone.
fn bold() -> BundleFiles {
    let mut files = bundle();
    let policies = files.get("policies/starter.cedar").unwrap().to_owned();
    let report = "action == Action::\"sre.report\", resource)";
    assert!(policies.contains(report));
    files.insert(
        "policies/starter.cedar",
        policies.replacen(report, &format!("{report} when {{ context.level >= 2 }}"), 1),
    );
    files
}

fn level(world: &World, level: AutonomyLevel, epoch: Option<u64>) -> LevelWish {
    LevelWish {
        agent: bot(),
        class: "read".parse().unwrap(),
        level,
        environments: Default::default(),
        epoch,
        reason: "it earned it".into(),
        expires: world.control.now().plus(86_400_000),
    }
}

async fn give(world: &World, epoch: Option<u64>) -> Grant {
    world.control.give_first_level(&dan(), level(world, AutonomyLevel::L2, epoch)).await.unwrap()
}

fn model(name: &str) -> Identity {
    Identity { model: Some(name.to_owned()), prompt: None }
}

async fn session(world: &World, runs: Identity) -> SessionId {
    let brief = Brief { runs, ..Brief::default() };
    world.control.begin_briefed_session(&bot(), None, None, brief).await.unwrap()
}

async fn report(world: &World, session: Option<SessionId>) -> Decided {
    let wish = countersign_control::actions::Wish { session, ..wish("sre.report", "{}") };
    world.control.decide_once(wish, false).await.unwrap()
}

/// Says at which level an action is decided, and whether it is permitted.
async fn decided(world: &World, session: Option<SessionId>) -> (AutonomyLevel, bool) {
    let decision = report(world, session).await.decision;
    (decision.level, decision.verdict == Verdict::Allow)
}

fn epochs(world: &World) -> Vec<(u64, String)> {
    let all = world.control.identities_of(&bot()).unwrap();
    all.into_iter().map(|epoch| (epoch.number, epoch.identity.to_string())).collect()
}

const BOLD: (AutonomyLevel, bool) = (AutonomyLevel::L2, true);
const HELD: (AutonomyLevel, bool) = (AutonomyLevel::L1, false);

#[tokio::test(flavor = "multi_thread")]
async fn a_level_holds_where_it_was_given_and_is_l1_elsewhere() {
    let world = world_with(bold()).await;
    give(&world, None).await;
    let nothing = session(&world, Identity::default()).await;
    assert_eq!(decided(&world, None).await, BOLD, "an agent that never named anything is in its first epoch");
    assert_eq!(decided(&world, Some(nothing)).await, BOLD);
    let first = session(&world, model("claude-a")).await;
    assert_eq!(decided(&world, Some(first)).await, BOLD, "naming it for the first time is no change");
    assert_eq!(decided(&world, Some(nothing)).await, HELD, "saying nothing is no way around an epoch");
    assert_eq!(decided(&world, None).await, HELD);
    let second = session(&world, model("claude-b")).await;
    assert_eq!(decided(&world, Some(second)).await, HELD);
    assert_eq!(decided(&world, Some(first)).await, BOLD, "who goes on with the old one is not held up");
    let back = session(&world, model("claude-a")).await;
    assert_eq!(decided(&world, Some(back)).await, BOLD, "going back is as quick");
    assert_eq!(give(&world, None).await.epoch, Some(2), "the newest");
    assert_eq!(decided(&world, Some(second)).await, BOLD);
    assert_eq!(decided(&world, Some(first)).await, HELD);
    give(&world, Some(0)).await;
    assert_eq!(decided(&world, None).await, BOLD);
    assert_eq!(decided(&world, Some(second)).await, HELD);
    assert_eq!(epochs(&world), [(2, "claude-b".to_owned()), (1, "claude-a".to_owned())]);
    let world = world.restart().await;
    assert_eq!(epochs(&world).len(), 2);
    assert_eq!(decided(&world, Some(second)).await, HELD, "a session keeps its epoch over a restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_makes_an_epoch_as_a_model_does() {
    let world = world_with(bold()).await;
    let of = |prompt: &str| Identity { prompt: Some(prompt.to_owned()), ..model("claude-a") };
    let first = session(&world, of("sha256:1")).await;
    give(&world, None).await;
    assert_eq!(decided(&world, Some(first)).await, BOLD);
    for other in [of("sha256:2"), model("claude-a"), Identity { model: None, ..of("sha256:1") }] {
        let other = session(&world, other).await;
        assert_eq!(decided(&world, Some(other)).await, HELD);
    }
    assert_eq!(epochs(&world).len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_tells_the_epoch_and_what_the_level_was() {
    let world = world_with(bold()).await;
    give(&world, None).await;
    session(&world, model("claude-a")).await;
    let second = session(&world, Identity { prompt: Some("p".into()), ..model("claude-b") }).await;
    let facts = report(&world, Some(second)).await.decision.facts;
    let (model, prompt) = (facts.text("session.model"), facts.text("session.prompt"));
    assert_eq!((facts.int("session.epoch"), model, prompt), (Some(2), Some("claude-b"), Some("p")));
    assert_eq!((facts.int("level.rank"), facts.int("level.given")), (Some(1), Some(2)));
    let write =
        countersign_control::actions::Wish { session: Some(second), ..wish("sre.restart", r#"{"service":"web"}"#) };
    let findings = world.control.decide_once(write, false).await.unwrap().decision.findings;
    assert!(findings.iter().any(|finding| finding.code == Code::LevelEscalates), "{findings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_begins_with_a_record_and_what_is_kept_comes_out_of_it() {
    let world = world_with(bold()).await;
    for name in ["claude-a", "claude-b", "claude-a"] {
        session(&world, model(name)).await;
    }
    let history = world.control.history();
    let all = history.range(0, history.size().unwrap()).unwrap();
    let begun = all.iter().filter(|entry| entry.leaf.kind == RecordKind::Identity);
    let begun: Vec<IdentityEpoch> =
        begun.map(|entry| entry.content.as_ref().unwrap().get(Field::Body).unwrap().unwrap()).collect();
    assert_eq!(begun.iter().map(|epoch| epoch.number).collect::<Vec<_>>(), [1, 2]);
    let found = crate::rebuild::look(&world);
    assert!(found.comparison.is_equal(), "{:?}", found.comparison.rows);
    let forged = crate::rebuild::problems_with(
        &world,
        |entry| entry.leaf.kind == RecordKind::Identity,
        |content| {
            let mut content = content.clone();
            content.values.retain(|value| value.field != Field::Body);
            content
        },
    );
    assert_eq!(forged, 2, "a record that says nothing of what began does not count");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_decision_in_any_epoch_comes_out_again() {
    let world = world_with(bold()).await;
    give(&world, None).await;
    let first = session(&world, model("claude-a")).await;
    let second = session(&world, model("claude-b")).await;
    for session in [None, Some(first), Some(second)] {
        report(&world, session).await;
    }
    let bundles = crate::rebuild::bundles(&world);
    let found = countersign_control::replay::decisions(world.control.history(), bundles, 0, u64::MAX, |_| {}).unwrap();
    assert_eq!(found.count("equal"), found.decisions, "{:?}", found.told);
    assert!(found.decisions >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_that_was_asked_for_gets_nothing_of_an_epoch_that_begins_meanwhile() {
    let world = world_with(bold()).await;
    session(&world, model("claude-a")).await;
    let wish = level(&world, AutonomyLevel::L2, None);
    let cleo: PersonId = "cleo".parse().unwrap();
    let case = world.control.give_level(&cleo, wish.clone()).await.unwrap_err().case.unwrap().id;
    let shown = world.control.case(&case).unwrap().case.shown;
    let second = session(&world, model("claude-b")).await;
    world
        .control
        .vote(&"ben".parse().unwrap(), case, types::case::Ballot::Approve, "fine", shown, false)
        .await
        .unwrap();
    let asked = world.control.give_level(&cleo, wish.clone()).await;
    assert!(asked.unwrap_err().case.is_some(), "another epoch is another action, which people are asked about");
    let given = world.control.give_level(&cleo, LevelWish { epoch: Some(1), ..wish }).await.unwrap();
    assert_eq!(given.epoch, Some(1));
    assert_eq!(decided(&world, Some(second)).await, HELD);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_is_for_an_epoch_that_there_is() {
    let world = world_with(bold()).await;
    let refused = world.control.give_first_level(&dan(), level(&world, AutonomyLevel::L2, Some(2))).await;
    assert_eq!(refused.unwrap_err().code, Code::LevelUnsupported);
    give(&world, Some(1)).await;
    let refused = world.control.give_first_level(&dan(), level(&world, AutonomyLevel::L2, Some(0))).await;
    assert_eq!(refused.unwrap_err().code, Code::LevelUnsupported, "it has named nothing, so it leaves nothing out");
    for n in 0..=EPOCHS_MAX {
        let session = session(&world, model(&format!("m-{n}"))).await;
        world.control.end_session(session).await.unwrap();
    }
    let refused = world.control.give_first_level(&dan(), level(&world, AutonomyLevel::L2, Some(1))).await;
    assert_eq!(refused.unwrap_err().code, Code::LevelUnsupported, "it is forgotten");
    assert_eq!(epochs(&world).len(), EPOCHS_MAX);
    let again = session(&world, model("m-0")).await;
    assert_eq!(decided(&world, Some(again)).await, HELD, "what is forgotten begins anew");
    assert_eq!(epochs(&world).first().unwrap().0, EPOCHS_MAX as u64 + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_named_or_is_not_registered_opens_no_session() {
    let world = world_with(bold()).await;
    for (name, code) in [
        ("", Code::RequestInvalid),
        ("a\u{202e}b", Code::RequestInvalid),
        ("models:/nobody/1", Code::NotFound),
        ("models:/nobody@champion", Code::NotFound),
    ] {
        let brief = Brief { runs: model(name), ..Brief::default() };
        let refused = world.control.begin_briefed_session(&bot(), None, None, brief).await.unwrap_err();
        assert_eq!(refused.code, code, "{name}: {}", refused.message);
    }
    assert!(epochs(&world).is_empty());
    let unknown = world.control.identities_of(&"nobody".parse().unwrap());
    assert_eq!(unknown.unwrap_err().code, Code::AgentUnknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_agent_leaves_no_epoch() {
    let world = world_with(bold()).await;
    let agent: AgentId = "report-bot".parse().unwrap();
    let brief = Brief { runs: model("claude-a"), ..Brief::default() };
    world.control.begin_briefed_session(&agent, None, None, brief).await.unwrap();
    assert_eq!(world.control.identities_of(&agent).unwrap().len(), 1);
    let mut files = bold();
    let others = files.get("agents.toml").unwrap().split_once("[agents.report-bot]").unwrap().0.to_owned();
    files.insert("agents.toml", others);
    world.control.activate(&dan(), files, "it has left").await.unwrap();
    assert_eq!(world.control.identities_of(&agent).unwrap().len(), 1, "it is kept also of who has left");
    let whom = types::Principal::Agent(agent.clone());
    world.control.erase(&dan(), &whom, "request 4711").await.unwrap();
    assert_eq!(world.control.identities_of(&agent).unwrap_err().code, Code::AgentUnknown);
    assert!(world.control.history().state(countersign_control::state::kind::IDENTITY).unwrap().is_empty());
    let found = crate::rebuild::look(&world);
    assert!(!found.comparison.differs(), "{:?}", found.comparison.rows);
}
