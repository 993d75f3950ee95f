//! An audit from both sides: what holds is told as proved, what the operator left out or swapped is not.

use std::collections::BTreeSet;
use std::path::PathBuf;

use countersign_control::audit::answer;
use countersign_control::export::custody;
use evidence::archive::Custody;
use evidence::{Archive, Leaf, RecordKind, Standing, Trust};
use ledger::history::Entry;
use replay::Bundles;
use replay::audit::{
    Basis, Filter, Held, Population, Published, Reconstruction, Request, Statement, Story, VerdictName, reconstruct,
    walk,
};
use testkit::World;
use tlog::key::VerifierKey;
use types::case::Ballot;
use types::reviewing::Advice;
use types::{Digest, Millis, OutcomeStatus};

use crate::replay::wish;

/// Decides something of every verdict and reports what became of it.
async fn audited() -> World {
    let world = testkit::world().await;
    let control = &world.control;
    let restart = || wish("sre-bot", "sre.restart", r#"{"service":"web"}"#);
    control.decide_once(restart(), true).await.unwrap();
    let case = control.cases().into_iter().next().unwrap();
    control.vote(&"ben".parse().unwrap(), case.id, Ballot::Approve, "it hangs", case.shown, false).await.unwrap();
    for wish in [
        restart(),
        wish("sre-bot", "sre.report", r#"{"days":7}"#),
        wish("sre-bot", "sre.list", "{}"),
        wish("sre-bot", "sre.delete", r#"{"service":"web"}"#),
        wish("report-bot", "sre.report", "{}"),
    ] {
        world.clock.advance(1_000);
        let decided = control.decide_once(wish.clone(), true).await.unwrap();
        if decided.permit.is_some() {
            let agent = wish.principal.agent().unwrap();
            let result = Some(r#"{"ok":true}"#.to_owned());
            control.report(agent, decided.decision.action, OutcomeStatus::Done, result, None).await.unwrap();
        }
    }
    control.publish().unwrap();
    world
}

/// Is the auditor's side: a copy of the published log, and the key.
struct Auditor {
    log: tempfile::TempDir,
    key: VerifierKey,
}

impl Auditor {
    fn of(world: &World) -> Self {
        let log = tempfile::tempdir().unwrap();
        let from = world.folder.path().join("data/log");
        for file in files(&from) {
            let to = log.path().join(file.strip_prefix(&from).unwrap());
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(&file, to).unwrap();
        }
        Self { log, key: world.control.config().place.keys.log.verifier().clone() }
    }

    fn note(&self) -> Vec<u8> {
        std::fs::read(self.log.path().join("checkpoint")).unwrap()
    }

    fn fetch(&self, path: &tlog::TilePath) -> Option<Vec<u8>> {
        std::fs::read(self.log.path().join(path.to_string())).ok()
    }

    fn trust(&self) -> Trust {
        Trust::Key(self.key.clone())
    }

    fn walk(&self, visit: impl FnMut(u64, &Leaf, &[u8])) -> Published {
        walk(&self.note(), &self.trust(), |path| self.fetch(path), visit).unwrap()
    }

    fn population(&self, filter: Filter) -> Population {
        let mut counted = Population::new(filter);
        let published = self.walk(|index, leaf, _| counted.take(index, leaf));
        counted.of(&published)
    }

    fn draw(&self, seed: &str, n: usize, filter: Filter) -> Request {
        let drawn = Request::draw(&self.note(), &self.trust(), |path| self.fetch(path), seed, n, filter).unwrap();
        assert_eq!(Request::from_json(drawn.to_json().as_bytes()).unwrap(), drawn);
        drawn
    }

    fn all(&self) -> Request {
        self.draw("dice", 100, Filter::default())
    }

    fn held(&self, request: &Request, archive: &Archive) -> Held {
        Held::by(request, archive, &self.trust(), |path| self.fetch(path)).unwrap()
    }

    fn told(&self, request: &Request, archive: &Archive) -> Reconstruction {
        let archive = &Archive::from_bytes(&archive.to_bytes().unwrap()).unwrap();
        let held = self.held(request, archive);
        reconstruct(archive, &self.trust(), Bundles::new(), Some(request), Some(&held))
    }
}

fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn entries(world: &World) -> Vec<Entry> {
    let history = world.control.history();
    history.range(0, history.size().unwrap()).unwrap()
}

async fn answered(world: &World, request: &Request, withheld: &[&str]) -> Archive {
    let withheld = withheld.iter().map(|name| (*name).to_owned()).collect();
    let custody = Custody { withheld, ..custody("ana", Millis(1)) };
    let key = world.control.config().place.keys.log.verifier();
    answer(world.control.history(), &key, request, custody).await.unwrap()
}

fn find<'a>(story: &'a Story, says: &str) -> &'a Statement {
    let found = story.statements.iter().find(|statement| statement.says.contains(says));
    found.unwrap_or_else(|| panic!("nothing says `{says}`: {:#?}", story.statements))
}

/// Finds the story of the decision with a verdict.
fn of_verdict<'a>(told: &'a Reconstruction, says: &str) -> &'a Story {
    let decides = |story: &&Story| story.statements.iter().any(|s| s.about == "decision" && s.says.starts_with(says));
    told.decisions.iter().find(decides).unwrap_or_else(|| panic!("none was {says}"))
}

fn without(archive: &Archive, kind: RecordKind, of: Option<&Story>) -> Archive {
    let mut archive = archive.clone();
    let goes = |leaf: &Leaf| leaf.kind == kind && of.is_none_or(|story| leaf.action == story.action);
    archive.records.retain(|record| !goes(&Leaf::from_bytes(&record.leaf).unwrap()));
    archive.manifest.records = archive.records.iter().map(|record| record.index).collect();
    archive
}

#[tokio::test(flavor = "multi_thread")]
async fn a_population_is_every_decision_of_the_log() {
    let world = audited().await;
    let auditor = Auditor::of(&world);
    let decided: Vec<Entry> = entries(&world).into_iter().filter(|e| e.leaf.kind == RecordKind::Decided).collect();
    let count = |keep: &dyn Fn(&Leaf) -> bool| decided.iter().filter(|entry| keep(&entry.leaf)).count() as u64;
    let all = auditor.population(Filter::default());
    assert_eq!((all.decisions, all.records), (count(&|_| true), entries(&world).len() as u64));
    for (rank, name) in (0..).zip(["allow", "allow_observed", "escalate", "deny"]) {
        let expected = count(&|leaf| leaf.verdict == Some(rank));
        assert!(expected > 0 && all.verdicts[name] == expected, "{name}: {expected}, {:?}", all.verdicts);
    }
    assert_eq!(all.days.values().sum::<u64>(), all.decisions);
    assert!(all.without_outcome.is_empty());
    let from = decided[2].leaf.at;
    let verdicts = BTreeSet::from([VerdictName::Deny]);
    let denied = auditor.population(Filter { from: Some(from), to: None, verdicts });
    assert_eq!(denied.decisions, count(&|leaf| leaf.at >= from && leaf.verdict == Some(3)));
    let before = auditor.population(Filter { to: Some(from), ..Filter::default() });
    assert_eq!(before.decisions, count(&|leaf| leaf.at < from));
}

#[tokio::test(flavor = "multi_thread")]
async fn permitted_actions_without_an_outcome_are_named() {
    let world = audited().await;
    let open = world.control.decide_once(wish("sre-bot", "sre.report", "{}"), false).await.unwrap().decision.action;
    world.control.publish().unwrap();
    let population = Auditor::of(&world).population(Filter::default());
    assert_eq!(population.without_outcome.keys().collect::<Vec<_>>(), [&open]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_the_lowest_ranks_and_the_seed_s_alone() {
    let world = audited().await;
    let auditor = Auditor::of(&world);
    let mut root = [0; 32];
    let published = auditor.walk(|_, _, _| ());
    root.copy_from_slice(published.checkpoint.root.as_bytes());
    let decided: Vec<u64> =
        entries(&world).into_iter().filter(|e| e.leaf.kind == RecordKind::Decided).map(|e| e.index).collect();
    for seed in ["dice 3 5", "dice 3 6", "é"] {
        // As anybody computes it with a hash and no program of ours.
        let rank = |index: &u64| {
            Digest::plain(&[b"\x14countersign/sample/1", seed.as_bytes(), &root, &index.to_be_bytes()].concat())
        };
        let mut expected = decided.clone();
        expected.sort_by_key(rank);
        expected.truncate(3);
        expected.sort_unstable();
        let drawn = auditor.draw(seed, 3, Filter::default());
        assert_eq!(drawn.picks.iter().map(|pick| pick.index).collect::<Vec<_>>(), expected, "{seed}");
        assert_eq!(drawn.population, decided.len() as u64);
    }
    assert_eq!(auditor.all().picks.len(), decided.len(), "a small population is drawn whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_is_told_as_proved_and_what_was_believed_by_whose_word() {
    let world = audited().await;
    let auditor = Auditor::of(&world);
    let request = auditor.all();
    let told = auditor.told(&request, &answered(&world, &request, &[]).await);
    assert_eq!((told.signature, told.claim()), (Standing::Holds, Standing::Holds), "{:#?}", told.lines());
    let approved = of_verdict(&told, "allowed, and watched");
    let restarts =
        |says: &Statement| says.about == "decision" && says.says.starts_with("allowed, and watched; policy says ask");
    let ran = told.decisions.iter().find(|story| story.statements.iter().any(restarts)).unwrap();
    for says in [
        "it is the record that was drawn",
        "agent:sre-bot asked for sre.restart with {\"service\":\"web\"}",
        "person:ana answers for agent:sre-bot",
        "person:dan gave it level L1 for write",
        "permitted by policy `restart`: bundle `small`",
        "that bundle was the one in force then, since record",
        "person:ben approved on",
    ] {
        assert_eq!(find(ran, says).basis, Basis::Proved, "{says}");
    }
    let word = |of: &str| Basis::Judgement { of: of.to_owned() };
    assert_eq!(find(ran, "it was done, reported by the agent").basis, word("the agent"));
    assert_eq!(find(approved, "clock.jumped is false").basis, word("the gateway's clock"));
    let denied = of_verdict(&told, "denied; policy says deny");
    assert_eq!(find(denied, "nothing was carried out").basis, Basis::Proved);
    let unknown = told.decisions.iter().find(|s| s.statements.iter().any(|s| s.says.contains("it was at L0"))).unwrap();
    assert_eq!(find(unknown, "it was at L0").basis, word("the operator's table of levels"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_log_of_one_s_own_what_only_it_can_show_rests_on_a_word() {
    let world = audited().await;
    let auditor = Auditor::of(&world);
    let request = auditor.all();
    let archive = answered(&world, &request, &[]).await;
    let told = reconstruct(&archive, &auditor.trust(), Bundles::new(), Some(&request), None);
    assert_eq!(told.standing(), Standing::Holds);
    let drawn = told.statements.iter().find(|s| s.about == "request").unwrap();
    assert!(matches!(drawn.basis, Basis::Judgement { .. }));
    let nothing = find(of_verdict(&told, "denied"), "nothing was carried out");
    assert!(matches!(nothing.basis, Basis::Judgement { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_leaves_out_is_missing_and_never_proved() {
    let world = audited().await;
    let auditor = Auditor::of(&world);
    let request = auditor.all();
    let whole = answered(&world, &request, &[]).await;
    let told = auditor.told(&request, &whole);
    let (denied, done) = (of_verdict(&told, "denied").clone(), of_verdict(&told, "allowed; ").clone());

    let swapped = auditor.told(&request, &without(&whole, RecordKind::Decided, Some(&denied)));
    let story = swapped.decisions.iter().find(|story| story.index == denied.index).unwrap();
    assert_eq!(story.standing(), Standing::Missing);

    let ended = auditor.told(&request, &without(&whole, RecordKind::Outcome, Some(&done)));
    let story = ended.decisions.iter().find(|story| story.index == done.index).unwrap();
    assert_eq!(find(story, "what became of it").basis.standing(), Standing::Missing);
    assert_eq!(find(story, "all of which are here").basis.standing(), Standing::Missing);

    let unvoted = auditor.told(&request, &without(&whole, RecordKind::Vote, None));
    assert_eq!(unvoted.standing(), Standing::Missing);
    let ran_on = unvoted.all().find(|statement| statement.says.starts_with("it ran on the approval of")).unwrap();
    assert_eq!(ran_on.basis.standing(), Standing::Missing);

    let ungranted = auditor.told(&request, &without(&whole, RecordKind::Grant, None));
    let level = find(of_verdict(&ungranted, "allowed; "), "the grant's own record is not here");
    assert_eq!(level.basis, Basis::Judgement { of: "the operator's table of levels".to_owned() });

    let withheld = answered(&world, &request, &["arguments"]).await;
    assert_eq!(auditor.told(&request, &withheld).standing(), Standing::Withheld);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_steered_sample_and_another_log_are_broken() {
    let world = audited().await;
    let auditor = Auditor::of(&world);
    let honest = auditor.draw("dice", 2, Filter::default());
    // Two seeds may well draw the same two of so few.
    let seeds = ["other", "another", "a third", "a fourth", "a fifth"];
    let mut drawn = seeds.map(|seed| auditor.draw(seed, 2, Filter::default())).into_iter();
    let steered = drawn.find(|drawn| drawn.picks != honest.picks).unwrap();
    let forged = Request { picks: steered.picks, ..honest.clone() };
    let told = auditor.told(&forged, &answered(&world, &forged, &[]).await);
    let drawn = told.statements.iter().find(|s| s.about == "request").unwrap();
    assert_eq!((drawn.basis.standing(), told.standing()), (Standing::Broken, Standing::Broken));

    // The same key, the same shape, other ids: what an operator with two books would send.
    let second = testkit::world().await;
    second.clock.advance(7);
    for _ in 0..entries(&world).len() {
        second.control.decide_once(wish("sre-bot", "sre.delete", r#"{"service":"db"}"#), false).await.unwrap();
    }
    second.control.publish().unwrap();
    let foreign = Auditor::of(&second).all();
    let other = answered(&second, &foreign, &[]).await;
    let told = auditor.told(&honest, &other);
    assert_eq!(told.standing(), Standing::Broken);
    let key = world.control.config().place.keys.log.verifier();
    let refused = answer(world.control.history(), &key, &foreign, custody("ana", Millis(1))).await.unwrap_err();
    assert_eq!(refused.code, types::Code::EvidenceBroken);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_trusted_key_signed_proves_nothing() {
    let world = audited().await;
    let auditor = Auditor::of(&world);
    let request = auditor.all();
    let archive = answered(&world, &request, &[]).await;
    let stranger = tlog::key::SignerKey::ed25519("testkit.example/log", &[1; 32]).unwrap();
    let told = reconstruct(&archive, &Trust::Key(stranger.verifier().clone()), Bundles::new(), Some(&request), None);
    assert_eq!((told.signature, told.claim()), (Standing::Broken, Standing::Broken));
    assert!(told.decisions.iter().flat_map(|story| &story.statements).all(|s| s.basis != Basis::Proved));
}

#[test]
fn a_request_that_does_not_hold_together_is_refused() {
    let request = Request {
        format: "countersign/audit-request/1".to_owned(),
        checkpoint: "c".to_owned(),
        seed: "s".to_owned(),
        n: 1,
        filter: Filter::default(),
        population: 0,
        picks: Vec::new(),
    };
    let why = |change: fn(&mut serde_json::Value)| {
        let mut value: serde_json::Value = serde_json::from_str(&request.to_json()).unwrap();
        change(&mut value);
        Request::from_json(value.to_string().as_bytes()).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(why(|_| ()), Ok(()));
    for (change, says) in [
        ((|v| v["format"] = "x".into()) as fn(&mut serde_json::Value), "the request's format is `x`"),
        (|v| v["seed"] = "".into(), "a sample needs a seed"),
        (|v| v["n"] = 0.into(), "a sample needs a seed"),
        (|v| v["n"] = 10_001.into(), "a sample needs a seed"),
        (|v| v["population"] = 5.into(), "more or fewer decisions"),
        (|v| v["more"] = 1.into(), "unknown field `more`"),
        (|v| v["filter"]["verdicts"] = serde_json::json!(["maybe"]), "unknown variant `maybe`"),
    ] {
        let error = why(change).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reviewer_said_is_told_and_is_no_vote() {
    let world = testkit::world_with(testkit::reviewed_bundle()).await;
    let control = &world.control;
    let restart = || wish("sre-bot", "sre.restart", r#"{"service":"web"}"#);
    control.decide_once(restart(), true).await.unwrap();
    let case = control.cases().into_iter().next().unwrap();
    control.give_review(&"checker".parse().unwrap(), case.id, Advice::On, "one is enough", case.shown).await.unwrap();
    control.vote(&"ben".parse().unwrap(), case.id, Ballot::Approve, "it hangs", case.shown, false).await.unwrap();
    let ran = control.decide_once(restart(), true).await.unwrap();
    control.report(&"sre-bot".parse().unwrap(), ran.decision.action, OutcomeStatus::Done, None, None).await.unwrap();
    control.publish().unwrap();
    let auditor = Auditor::of(&world);
    let request = auditor.all();
    let whole = answered(&world, &request, &[]).await;
    let told = auditor.told(&request, &whole);
    assert_eq!((told.signature, told.claim()), (Standing::Holds, Standing::Holds), "{:#?}", told.lines());
    let says = "agent:checker of the declared model family beta, who has no vote, sent it on to people";
    let stories = told.decisions.iter().filter(|story| story.action == Some(ran.decision.action));
    let said = find(stories.into_iter().next().unwrap(), says);
    assert!(said.basis == Basis::Proved && said.about == "review" && said.says.contains("“one is enough”"), "{said:?}");
    // A review stands for nobody's vote.
    let unvoted = auditor.told(&request, &without(&whole, RecordKind::Vote, None));
    assert_eq!(unvoted.standing(), Standing::Missing);
}
