//! Delegations: a vote in another's hand, for a while, and never past the separation of duties.

use countersign_control::delegations::DelegationWish;
use countersign_control::state::kind;
use evidence::RecordKind;
use testkit::{World, bundle, world};
use types::case::{Ballot, CaseState};
use types::delegation::{Delegation, GIVEN, LAST_MS_MAX};
use types::{CaseId, Code};

use crate::propose;
use crate::rebuild::{assert_equal, look};

const SERVICE: &str = r#"{"service":"web"}"#;

/// Puts the vote of one person into the hand of another for some milliseconds.
pub async fn delegate(world: &World, from: &str, to: &str, group: Option<&str>, ms: i64) -> Result<Delegation, Code> {
    let wish = DelegationWish {
        to: to.parse().unwrap(),
        group: group.map(str::to_owned),
        reason: "on holiday".into(),
        expires: world.control.now().plus(ms),
    };
    world.control.delegate(&from.parse().unwrap(), wish).await.map_err(|refusal| refusal.code)
}

async fn asked(world: &World, tool: &str) -> CaseId {
    propose(world, tool, SERVICE).await.case.unwrap().id
}

async fn approve(world: &World, case: CaseId, by: &str) -> Result<CaseState, Code> {
    let shown = world.control.case(&case).unwrap().case.shown;
    let voted = world.control.vote(&by.parse().unwrap(), case, Ballot::Approve, "looks right", shown, false).await;
    voted.map(|case| case.state).map_err(|refusal| refusal.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_in_anothers_place_says_whose_it_is_and_counts_once() {
    let world = world().await;
    let case = asked(&world, "sre.scale").await;
    assert_eq!(approve(&world, case, "eve").await, Err(Code::VoterExcluded));
    delegate(&world, "ben", "eve", Some("owners"), 3_600_000).await.unwrap();
    let world = world.restart().await;
    assert_eq!(approve(&world, case, "eve").await, Ok(CaseState::Open));
    assert_eq!(approve(&world, case, "ben").await, Err(Code::VoteRepeated));
    assert_eq!(approve(&world, case, "eve").await, Err(Code::VoteRepeated));
    assert_eq!(approve(&world, case, "cleo").await, Ok(CaseState::Approved));
    let votes = world.control.case(&case).unwrap().case.votes;
    let whose: Vec<_> = votes.iter().map(|vote| (vote.person.as_str(), vote.of().as_str())).collect();
    assert_eq!(whose, [("eve", "ben"), ("cleo", "cleo")]);
    assert!(propose(&world, "sre.scale", SERVICE).await.permit.is_some());
    assert_equal(&look(&world));
    assert_eq!(problems_without_delegations(&world), 1, "a vote that no delegation backs does not follow");
}

/// Counts the journal again without the records by which delegations were given.
fn problems_without_delegations(world: &World) -> usize {
    let (history, bundles) = (world.control.history(), crate::rebuild::bundles(world));
    let mut again = replay::fold::Again::default();
    for entry in history.range(0, history.size().unwrap()).unwrap() {
        if (entry.leaf.kind, entry.leaf.status) != (RecordKind::Grant, Some(GIVEN)) {
            again.take(entry.index, &entry.leaf, entry.content.as_ref(), &bundles);
        }
    }
    again.end(&bundles).problems.iter().filter(|problem| problem.why.contains("`eve`")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_by_itself_and_when_it_is_taken_back() {
    let world = world().await;
    let given = delegate(&world, "ben", "eve", None, 60_000).await.unwrap();
    assert_eq!((given.at, given.expires), (world.control.now(), world.control.now().plus(60_000)));
    assert_eq!(world.control.delegations(), [given]);
    let case = asked(&world, "sre.restart").await;
    world.clock.advance(60_000);
    assert!(world.control.delegations().is_empty());
    assert_eq!(approve(&world, case, "eve").await, Err(Code::VoterExcluded));
    delegate(&world, "ben", "eve", None, 60_000).await.unwrap();
    let [ben, eve] = ["ben", "eve"].map(|name| name.parse().unwrap());
    let nobody = world.control.take_back(&eve, &eve, &ben, "the wrong way round").await;
    assert_eq!(nobody.unwrap_err().code, Code::NotFound);
    assert_eq!(world.control.take_back(&eve, &ben, &eve, " ").await.unwrap_err().code, Code::RequestInvalid);
    world.control.take_back(&eve, &ben, &eve, "I would rather not").await.unwrap();
    assert_eq!(approve(&world, case, "eve").await, Err(Code::VoterExcluded));
    assert_equal(&look(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_widens_nothing_and_cannot_be_handed_on() {
    let world = world().await;
    // `ana` owns the agent, and `dan` wrote the bundle; `eve` is in no group.
    for from in ["ana", "dan"] {
        delegate(&world, from, "eve", None, 3_600_000).await.unwrap();
    }
    let case = asked(&world, "sre.restart").await;
    assert_eq!(approve(&world, case, "eve").await, Err(Code::VoterExcluded), "for nobody who may not vote");
    for to in ["ana", "dan"] {
        delegate(&world, "ben", to, None, 3_600_000).await.unwrap();
        assert_eq!(approve(&world, case, to).await, Err(Code::VoterExcluded), "by nobody who may not vote");
    }
    delegate(&world, "cleo", "ben", None, 3_600_000).await.unwrap();
    world
        .control
        .take_back(&"ben".parse().unwrap(), &"ben".parse().unwrap(), &"dan".parse().unwrap(), "no")
        .await
        .unwrap();
    // What `cleo` gave `ben`, `ben` has not given on with his own.
    let scale = asked(&world, "sre.scale").await;
    delegate(&world, "ben", "eve", None, 3_600_000).await.unwrap();
    assert_eq!(approve(&world, scale, "ben").await, Ok(CaseState::Open));
    assert_eq!(approve(&world, scale, "eve").await, Err(Code::VoterExcluded));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_delegated_is_refused_with_the_reason() {
    let world = world().await;
    for (from, to, group, ms) in [
        ("ben", "ben", None, 60_000),
        ("ben", "zoe", None, 60_000),
        ("ben", "eve", Some("admins"), 60_000),
        ("ben", "eve", None, 0),
        ("ben", "eve", None, LAST_MS_MAX + 60_000),
    ] {
        let refused = delegate(&world, from, to, group, ms).await;
        assert_eq!(refused.unwrap_err(), Code::DelegationUnsupported, "{from} {to} {group:?} {ms}");
    }
    assert_eq!(
        delegate(&world, "eve", "ben", None, 60_000).await.unwrap_err(),
        Code::PolicyDenies,
        "policy says who may"
    );
    let (to, expires) = ("eve".parse().unwrap(), world.control.now().plus(60_000));
    let without_reason = DelegationWish { to, group: None, reason: " ".into(), expires };
    let refused = world.control.delegate(&"ben".parse().unwrap(), without_reason).await;
    assert_eq!(refused.unwrap_err().code, Code::DelegationUnsupported);
    assert!(world.control.delegations().is_empty());
    delegate(&world, "ben", "eve", None, LAST_MS_MAX).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_takes_their_delegations_along() {
    let world = world().await;
    for (from, to) in [("ben", "eve"), ("cleo", "ben")] {
        delegate(&world, from, to, None, 3_600_000).await.unwrap();
    }
    let mut files = bundle();
    let people = files.get("people.toml").unwrap().replace("[people.eve]\ngroups = []", "");
    files.insert("people.toml", people);
    world.control.activate(&"dan".parse().unwrap(), files, "she has left").await.unwrap();
    let whom = countersign_control::erasures::subject("person:eve").unwrap();
    world.control.erase(&"dan".parse().unwrap(), &whom, "request 4712").await.unwrap();
    let rows = world.control.history().state(kind::DELEGATION).unwrap();
    assert_eq!(rows.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["cleo/ben"]);
    let found = look(&world);
    assert!(found.comparison.is_equal(), "{:?} {:?}", found.comparison.rows, found.comparison.problems);
}
