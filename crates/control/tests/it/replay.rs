//! A whole journal, decision by decision.

use countersign_control::actions::Wish;
use evidence::{Content, Field, Leaf, RecordKind, bodies};
use policy::BundleFiles;
use replay::{Bundles, Replayed, record};
use testkit::World;
use types::case::Ballot;
use types::{Decision, FactName, FactValue, Principal, Verdict};

pub fn wish(agent: &str, tool: &str, arguments: &str) -> Wish {
    Wish { principal: Principal::Agent(agent.parse().unwrap()), ..crate::wish(tool, arguments) }
}

/// Decides something of every kind: allowed, observed, denied, asked, approved, unknown, and administration.
pub async fn busy() -> World {
    let world = testkit::world().await;
    for (agent, tool, arguments) in [
        ("sre-bot", "sre.report", r#"{"days":7}"#),
        ("sre-bot", "sre.list", "{}"),
        ("sre-bot", "sre.delete", r#"{"service":"web"}"#),
        ("sre-bot", "sre.restart", r#"{"service":"web"}"#),
        ("sre-bot", "sre.restart", r#"{"service":"web","note":"in production"}"#),
        ("sre-bot", "sre.nothing", "{}"),
        ("report-bot", "sre.report", "{}"),
        ("stranger", "sre.report", "{}"),
    ] {
        world.control.decide_once(wish(agent, tool, arguments), false).await.unwrap();
    }
    let case = world.control.cases().into_iter().next().unwrap();
    world.control.vote(&"ben".parse().unwrap(), case.id, Ballot::Approve, "fine", case.shown, false).await.unwrap();
    let again = wish("sre-bot", "sre.restart", r#"{"service":"web"}"#);
    world.control.decide_once(again, false).await.unwrap();
    world
}

pub fn bundles(world: &World) -> Bundles {
    let mut bundles = Bundles::new();
    bundles.add(world.control.config().bundle.files().clone());
    bundles
}

pub fn decided(world: &World) -> Vec<(Leaf, Content)> {
    let history = world.control.history();
    let all = history.range(0, history.size().unwrap()).unwrap();
    let decided = all.into_iter().filter(|entry| entry.leaf.kind == RecordKind::Decided);
    decided.map(|entry| (entry.leaf, entry.content.unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_decision_of_a_journal_comes_out_the_same() {
    let world = busy().await;
    let bundles = bundles(&world);
    let decided = decided(&world);
    assert!(decided.len() >= 9, "{}", decided.len());
    let mut ranks = Vec::new();
    for (leaf, content) in &decided {
        assert_eq!(
            record(leaf, Some(content), &bundles),
            Replayed::Equal,
            "{:?}",
            bodies::proposal(content).unwrap().tool
        );
        ranks.push(leaf.verdict.unwrap());
    }
    ranks.sort_unstable();
    ranks.dedup();
    assert_eq!(ranks, [0, 1, 2, 3], "every verdict is among them");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_here_is_not_equal() {
    let world = busy().await;
    let (leaf, content) = decided(&world).remove(0);
    assert_eq!(record(&leaf, None, &bundles(&world)), Replayed::Erased);
    let without = record(&leaf, Some(&content), &Bundles::new());
    assert!(matches!(&without, Replayed::Missing(why) if why.ends_with("is not here")), "{without:?}");
    let mut broken = Bundles::new();
    broken.add(BundleFiles([("bundle.toml".to_owned(), "name =".to_owned())].into()));
    assert!(matches!(record(&leaf, Some(&content), &broken), Replayed::Missing(_)));
}

/// Puts another decision in place of the recorded one, as somebody who holds the keys could have recorded it.
fn forged(content: &Content, change: impl FnOnce(&mut Decision)) -> (Content, Decision) {
    let (proposal, mut decision) = (bodies::proposal(content).unwrap(), bodies::decision(content).unwrap());
    change(&mut decision);
    (bodies::decided(&proposal, &decision), decision)
}

fn leaf_of(leaf: &Leaf, decision: &Decision) -> Leaf {
    Leaf { verdict: Some(decision.verdict.rank()), level: Some(decision.level as u8), ..leaf.clone() }
}

fn differs(leaf: &Leaf, content: &Content, world: &World, change: impl FnOnce(&mut Decision)) -> Vec<String> {
    let (content, decision) = forged(content, change);
    match record(&leaf_of(leaf, &decision), Some(&content), &bundles(world)) {
        Replayed::Differs(differences) => differences,
        other => panic!("it comes out {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_part_of_a_decision_can_be_recorded_otherwise() {
    let world = busy().await;
    let is_of = |tool: &str, (_, content): &&(Leaf, Content)| {
        bodies::proposal(content).is_some_and(|proposal| proposal.tool.to_string() == tool)
    };
    let all = decided(&world);
    let (leaf, content) = all.iter().find(|one| is_of("sre.delete", one)).unwrap();
    let said = |change: &dyn Fn(&mut Decision)| differs(leaf, content, &world, change).join("\n");

    let allowed = said(&|decision| {
        decision.verdict = Verdict::Allow;
        decision.findings.retain(|finding| finding.restriction == types::Restriction::Allow);
    });
    assert!(allowed.contains("the verdict comes out otherwise"), "{allowed}");
    assert!(allowed.contains("computed, but not recorded: policy policy-forbids"), "{allowed}");
    assert!(said(&|decision| decision.risk.score += 1).contains("the risk comes out otherwise"));
    assert!(said(&|decision| decision.level = types::AutonomyLevel::L2).contains("the level comes out otherwise"));
    assert!(said(&|decision| decision.policies.push("p".parse().unwrap())).contains("the policies come"));
    assert!(said(&|decision| decision.at = decision.at.plus(1)).contains("the instant"));
    assert!(said(&|decision| decision.action_digest.0[0] ^= 1).contains("the digest of the action comes"));
    let soothed = said(&|decision| {
        let at = decision.at;
        decision.facts.set(FactName::known("class.writes"), false, "bundle", at);
    });
    assert!(soothed.contains("the fact `class.writes` is not what proposal and bundle make it"), "{soothed}");
    let invented = said(&|decision| {
        let at = decision.at;
        decision.facts.set(FactName::known("person.known"), true, "bundle", at);
    });
    assert!(invented.contains("the fact `person.known` is not"), "{invented}");
    let disguised = said(&|decision| {
        let at = decision.at;
        decision.facts.set(FactName::known("review.words"), FactValue::List(Vec::new()), "inventory:x", at);
    });
    assert!(disguised.contains("the fact `review.words` is not"), "{disguised}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leaf_says_what_the_content_says() {
    let world = busy().await;
    let (leaf, content) = decided(&world).remove(0);
    type Change = fn(&mut Leaf);
    let changes: [(&str, Change); 6] = [
        ("action", |leaf| leaf.action = None),
        ("bundle", |leaf| leaf.bundle = None),
        ("verdict", |leaf| leaf.verdict = Some(1 - leaf.verdict.unwrap().min(1))),
        ("level", |leaf| leaf.level = Some(3)),
        ("instant", |leaf| leaf.at = leaf.at.plus(1)),
        ("session", |leaf| {
            let session = types::SessionId::draw(types::Millis(1), [1; 10]);
            leaf.session = Some(evidence::leaf::InSession { session, seq: 1, previous: None });
        }),
    ];
    for (part, change) in changes {
        let mut other = leaf.clone();
        change(&mut other);
        let told = record(&other, Some(&content), &bundles(&world));
        let expected = format!("the {part} in the log is not the one in the content");
        assert!(matches!(&told, Replayed::Differs(all) if all.contains(&expected)), "{part}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_another_version_are_not_ours_to_apply() {
    let world = busy().await;
    let (leaf, content) = decided(&world).remove(0);
    let (content, _) = forged(&content, |decision| decision.semantics += 1);
    let told = record(&leaf, Some(&content), &bundles(&world));
    assert!(matches!(&told, Replayed::Missing(why) if why.contains("rules of version 3")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_before_there_were_marks_comes_out_the_same() {
    let world = busy().await;
    for (leaf, content) in decided(&world).iter().filter(|(_, content)| marked(content) == 0) {
        let (content, decision) = forged(content, |decision| decision.semantics = 1);
        let leaf = Leaf { semantics: Some(1), ..leaf_of(leaf, &decision) };
        let told = record(&leaf, Some(&content), &bundles(&world));
        assert_eq!(told, Replayed::Equal, "{:?}", bodies::proposal(&content));
    }
}

fn marked(content: &Content) -> usize {
    types::secret::marks(bodies::proposal(content).unwrap().arguments.value()).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_that_is_no_decision_differs() {
    let world = busy().await;
    let (leaf, mut content) = decided(&world).remove(0);
    content.values.retain(|value| value.field != Field::Tool);
    assert!(matches!(record(&leaf, Some(&content), &bundles(&world)), Replayed::Differs(_)));
}

/// Puts another fact into a recorded decision, as whoever holds the keys could have recorded it.
pub fn with_fact(content: &Content, name: &'static str, value: impl Into<FactValue>) -> Content {
    let fact = bodies::decision(content).unwrap().facts.get(name).cloned().unwrap();
    forged(content, |decision| decision.facts.set(fact.name.clone(), value, fact.source.clone(), fact.at)).0
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_follow_from_the_records_before_are_counted_again() {
    let world = crate::rebuild::full().await;
    let found =
        countersign_control::replay::decisions(world.control.history(), Bundles::new(), 0, u64::MAX, |_| {}).unwrap();
    // What was erased, and the decision that permitted it, which does not say of whom.
    assert_eq!((found.count("erased"), found.count("equal") + 2), (2, found.decisions), "{:?}", found.told);
    let outside: Vec<&str> = found.taken.keys().map(String::as_str).collect();
    assert_eq!(outside, ["clock", "denials"], "nobody else's word is taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_the_records_before_do_not_make_is_found() {
    let world = crate::rebuild::full().await;
    let bundles = crate::rebuild::bundles(&world);
    let history = world.control.history();
    let all = history.range(0, history.size().unwrap()).unwrap();
    let last = all.iter().rev().find(|entry| {
        let tool = entry.content.as_ref().and_then(bodies::proposal).map(|proposal| proposal.tool.to_string());
        entry.leaf.kind == RecordKind::Decided && tool.as_deref() == Some("sre.delete")
    });
    let (last, mut counting) = (last.unwrap(), replay::fold::Again::default());
    for entry in all.iter().take_while(|entry| entry.index < last.index) {
        counting.take(entry.index, &entry.leaf, entry.content.as_ref(), &bundles);
    }
    let wrong = |content: &Content| {
        let (proposal, decision) = (bodies::proposal(content).unwrap(), bodies::decision(content).unwrap());
        counting.recount(bundles.get(&decision.bundle).unwrap().data(), &proposal, &decision).wrong
    };
    let content = last.content.as_ref().unwrap();
    assert_eq!(wrong(content), [""; 0]);
    let lies: [(&'static str, FactValue); 15] = [
        ("rate.often", 50.into()),
        ("budget.month", 1_000.into()),
        ("circuit.calls", "half_open".into()),
        ("bulk.undoing", "full".into()),
        ("bulk.undoing.permits", 1_000.into()),
        ("baseline.usual", 1_000.into()),
        ("switch.agent", true.into()),
        ("approval.refused", true.into()),
        ("approval.met", FactValue::List(vec!["owner".into()])),
        ("approval.opened_by", FactValue::List(vec!["act_0".into()])),
        ("cases.open", 7.into()),
        ("level.rank", 2.into()),
        ("level.expires_at", i64::MAX.into()),
        ("tool.quarantined", true.into()),
        ("history.runs", 1_000.into()),
    ];
    for (name, value) in lies {
        assert_eq!(wrong(&with_fact(content, name, value)), [name], "{name}");
    }
    let invented = forged(content, |decision| {
        let at = decision.at;
        decision.facts.set(FactName::known("tool.pin"), "match", "pins", at);
    });
    assert_eq!(wrong(&invented.0), ["tool.pin"]);
}
