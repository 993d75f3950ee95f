//! A recorded session met again: decided on the facts of that time, by the rules of that time or by others.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_control::incident::{recorded_bundles, sessions, sources};
use evidence::{Content, Field, RecordKind};
use policy::{Bundle, BundleFiles};
use replay::incident::{
    Answer, Answers, Asked, Conditions, People, Place, Player, Recording, RecordingError, Reply, Report, Rules, Run,
    Seen, Served, Source, Standing, compare,
};
use serde_json::json;
use testkit::World;
use types::case::Ballot;
use types::{AgentId, Arguments, Claims, Code, OutcomeStatus, SessionId, ToolName};

const WEB: &str = r#"{"service":"web"}"#;

/// Lets a session do something of every kind: run, be observed, denied, approved, refused, and left alone.
async fn session() -> (World, SessionId) {
    let world = testkit::world().await;
    let bot: AgentId = "sre-bot".parse().unwrap();
    let id = world.control.begin_session(&bot, None, None).await.unwrap();
    let propose = async |tool: &str, arguments: &str| {
        let wish = countersign_control::actions::Wish { session: Some(id), ..crate::wish(tool, arguments) };
        world.control.decide_once(wish, true).await.unwrap()
    };
    let votes = async |ballot: Ballot| {
        let case = world.control.cases().into_iter().rfind(|case| case.votes.is_empty()).unwrap();
        world.control.vote(&"ben".parse().unwrap(), case.id, ballot, "looked", case.shown, false).await.unwrap();
    };
    for (tool, arguments) in [("sre.report", r#"{"days":7}"#), ("sre.list", "{}"), ("sre.report", r#"{"days":7}"#)] {
        let action = propose(tool, arguments).await.decision.action;
        let result = Some(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.to_owned());
        world.control.report(&bot, action, OutcomeStatus::Done, result, None).await.unwrap();
    }
    propose("sre.delete", WEB).await;
    propose("sre.restart", WEB).await;
    votes(Ballot::Approve).await;
    propose("sre.restart", WEB).await;
    propose("sre.scale", r#"{"service":"web","replicas":3}"#).await;
    votes(Ballot::Deny).await;
    propose("sre.restart", r#"{"service":"web","note":"later"}"#).await;
    propose("sre.nothing", "{}").await;
    world.control.end_session(id).await.unwrap();
    (world, id)
}

fn recording(world: &World, id: SessionId) -> Arc<Recording> {
    Arc::new(Recording::of(id, sources(world.control.history(), &id).unwrap()).unwrap())
}

fn recorded(world: &World, recording: &Recording) -> Rules {
    Rules::Recorded(recorded_bundles(world.control.history(), &recording.bundles()).unwrap())
}

/// Decides every call of a session again.
fn decided(recording: &Arc<Recording>, rules: Rules) -> Report {
    let made = Player::new(recording.clone(), rules, false).replay();
    compare(recording, &[Run { number: 1, made, ..Run::default() }], Seen::Decisions)
}

/// Is the bundle of that time with one text put for another in one of its files.
fn changed(world: &World, path: &str, from: &str, to: &str) -> Rules {
    let mut files: BundleFiles = world.control.config().bundle.files().clone();
    let text = files.get(path).unwrap();
    assert!(text.contains(from), "{text}");
    let text = text.replace(from, to);
    files.insert(path, text);
    Rules::Other(Arc::new(Bundle::load(files).unwrap_or_else(|problems| panic!("{problems}"))))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_decided_as_it_was_fact_by_fact() {
    let (world, id) = session().await;
    let recording = recording(&world, id);
    assert_eq!(recording.calls.len(), 8, "the approved call is one, though it was decided twice");
    let rules = recorded(&world, &recording);
    let conditions = Conditions::of(&recording);
    for (place, call) in recording.calls.iter().enumerate() {
        let judged = conditions.again(&rules, place, None).unwrap();
        let (_, recorded) = call.decided.last().unwrap();
        assert_eq!(judged.decision.facts, recorded.facts, "{}", call.key().tool);
        assert_eq!(judged.decision.findings, recorded.findings);
        assert_eq!((&judged.decision.verdict, &judged.decision.risk), (&recorded.verdict, &recorded.risk));
        assert_eq!(Some(judged.ruling), call.ruling());
        assert!(judged.supposed.is_empty(), "{:?}", judged.supposed);
    }
    let report = decided(&recording, rules);
    assert_eq!(report.summary.standing, Standing::Same, "{:?}", report.summary);
    let people: Vec<Option<People>> = report.calls.iter().map(|call| call.recorded.people).collect();
    assert_eq!(people[4..7], [Some(People::Approved), Some(People::Refused), Some(People::Nobody)]);
    assert!(report.facts.recorded.contains("meter") && report.facts.computed.contains("bundle"), "{:?}", report.facts);
    assert_eq!(sessions(world.control.history()).unwrap()[0].session, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_bundle_says_for_each_call_what_it_would_decide_and_why() {
    let (world, id) = session().await;
    let recording = recording(&world, id);
    let forbids = changed(
        &world,
        "policies/starter.cedar",
        "@id(\"destructive\")",
        "@id(\"no-restarts\")\nforbid (principal, action == Action::\"sre.restart\", resource);\n\n@id(\"destructive\")",
    );
    let report = decided(&recording, forbids);
    assert_eq!(report.summary.standing, Standing::Differs);
    let other: Vec<(usize, Option<Code>)> = report
        .calls
        .iter()
        .filter(|call| call.other_verdict > 0)
        .map(|call| (call.number, call.rulings[0].ruling.code))
        .collect();
    assert_eq!(other, [(5, Some(Code::PolicyForbids)), (7, Some(Code::PolicyForbids))]);

    // Who is asked is another group now, so what was approved then does not count, and a person would have to decide.
    let pair = changed(&world, "policies/starter.cedar", "@escalate(\"owner\")", "@escalate(\"pair\")");
    let report = decided(&recording, pair);
    let restart = &report.calls[4];
    assert_eq!((restart.recorded.people, restart.recorded.verdict), (Some(People::Approved), "allow_observed"));
    let now = &restart.rulings[0].ruling;
    assert_eq!((now.people, now.verdict), (Some(People::Nobody), "escalate"));
    assert!(report.summary.would_need_a_person >= 1, "{:?}", report.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_record_tells_is_named_and_makes_the_answer_unsure() {
    let (world, id) = session().await;
    let recording = recording(&world, id);
    let mut files = world.control.config().bundle.files().clone();
    let limits =
        format!("{}\n[rates.new]\nburst = 5\nrefill_ms = 1000\n", files.get("limits.toml").unwrap_or_default());
    files.insert("limits.toml", limits);
    let rules = Rules::Other(Arc::new(Bundle::load(files).unwrap_or_else(|problems| panic!("{problems}"))));
    let report = decided(&recording, rules);
    assert_eq!(report.summary.standing, Standing::Undetermined, "{:?}", report.summary);
    let supposed = &report.facts.supposed["sre.report"];
    assert_eq!(*supposed, BTreeSet::from(["rate.new".to_owned()]));
    let nothing = decided(&recording, Rules::Recorded(replay::Bundles::new()));
    assert_eq!(nothing.summary.undecided as usize, recording.calls.len());
    assert_eq!(nothing.summary.standing, Standing::Undetermined);
}

/// Changes the records of decisions as somebody left them.
fn altered(world: &World, id: SessionId, change: impl Fn(&mut Source)) -> Recording {
    let mut all = sources(world.control.history(), &id).unwrap();
    all.iter_mut().for_each(change);
    Recording::of(id, all).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_or_withheld_is_said_and_never_invented() {
    let (world, id) = session().await;
    let whole = recording(&world, id);
    let first = whole.calls[0].record;
    let erased = altered(&world, id, |source| {
        if source.index == first {
            (source.content, source.erased) = (None, true);
        }
    });
    assert_eq!((erased.calls.len(), erased.lost.len()), (whole.calls.len() - 1, 1));
    let report = decided(&Arc::new(erased), recorded(&world, &whole));
    assert_eq!(report.summary.standing, Standing::Undetermined);
    assert_eq!((report.gaps[0].about.as_str(), report.gaps[0].gap.as_str()), (&*format!("record {first}"), "erased"));

    let withheld = altered(&world, id, |source| {
        if source.leaf.kind == RecordKind::Decided {
            source.withheld = vec![Field::Arguments];
        }
        source.grounds_withheld = source.leaf.kind == RecordKind::Decided;
    });
    assert_eq!((withheld.calls.len(), withheld.lost.len()), (0, 9));
    assert_eq!(withheld.lost[0].gap.to_string(), "withheld: arguments, findings or facts");

    let report = decided(
        &Arc::new(altered(&world, id, |source| {
            if source.leaf.kind == RecordKind::Outcome {
                (source.content, source.erased) = (None, true);
            }
        })),
        recorded(&world, &whole),
    );
    assert_eq!(report.summary.standing, Standing::Same, "the decisions alone need no answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_neither_compared_nor_told() {
    let (world, id) = session().await;
    let mark = json!({ "$redacted": format!("hmac-sha256:{}", "ab".repeat(32)) });
    let arguments = |note: &serde_json::Value, service: &str| {
        Arguments::parse(&json!({ "service": service, "note": note }).to_string(), 4_096).unwrap()
    };
    let recording = Arc::new(altered(&world, id, |source| {
        let content = source.content.take();
        let is_delete = |content: &Content| {
            content.get::<ToolName>(Field::Tool).ok().flatten().is_some_and(|t| t.operation == "delete")
        };
        source.content = content.map(|content| match is_delete(&content) {
            true => content.with(Field::Arguments, &arguments(&mark, "web")),
            false => content,
        });
    }));
    let mut player = Player::new(recording.clone(), recorded(&world, &recording), true);
    let mut call = |service: &str| {
        let id = types::ActionId::draw(types::Millis(1), [1; 10]);
        let tool = "sre.delete".parse().unwrap();
        player.call(&Asked { tool, arguments: arguments(&json!("hunter2"), service), claims: Claims::default(), id })
    };
    let Reply::Refused { code, .. } = call("web") else { panic!("it was denied then") };
    assert_ne!(code, Code::NotRecorded, "another secret is still the same call");
    let told = format!("{:?}", call("database"));
    assert!(!told.contains("hunter2"), "{told}");
    let made = player.made().to_vec();
    assert_eq!((made[0].place, made[1].place), (Place::Recorded(3), Place::Unknown));
    let report = compare(&recording, &[Run { number: 1, made, ..Run::default() }], Seen::Agent);
    let told = serde_json::to_string(&report).unwrap();
    assert!(!told.contains("hunter2") && !told.contains("abab") && told.contains("(secret)"), "{told}");
    assert_eq!((report.calls[3].same, report.extra[0].runs), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_the_record_does_not_know_is_answered_with_no_other_s_answer() {
    let (world, id) = session().await;
    let mut recording = altered(&world, id, |_| ());
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.to_owned();
    recording.calls.iter_mut().for_each(|call| call.answer = Answer::Frame(answer.clone()));
    let recording = Arc::new(recording);
    for rules in [Rules::None, recorded(&world, &recording)] {
        let mut player = Player::new(recording.clone(), rules, false);
        let mut call = |days: u32| {
            let arguments = Arguments::parse(&json!({ "days": days }).to_string(), 4_096).unwrap();
            let id = types::ActionId::draw(types::Millis(1), [1; 10]);
            player.call(&Asked { tool: "sre.report".parse().unwrap(), arguments, claims: Claims::default(), id })
        };
        assert_eq!(call(7), Reply::Answer(answer.clone()));
        let Reply::Refused { code, message, .. } = call(8) else { panic!("another call's answer") };
        assert_eq!(code, Code::NotRecorded);
        assert!(message.contains("was never recorded with these arguments"), "{message}");
        assert_eq!(player.made()[1].served, Served::NotRecorded);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_s_own_word_is_no_answer_of_a_server() {
    let (world, id) = session().await;
    let whole = recording(&world, id);
    let report = {
        let made = Player::new(whole.clone(), recorded(&world, &whole), false).replay();
        compare(&whole, &[Run { number: 1, made, ..Run::default() }], Seen::Agent)
    };
    assert_eq!(report.summary.standing, Standing::Undetermined);
    let gap = report.gaps.iter().find(|gap| gap.about == "call 1").unwrap();
    assert!(gap.gap.contains("the agent carried it out by itself"), "{gap:?}");
    assert!(report.gaps.iter().any(|gap| gap.about == "server sre"), "{:?}", report.gaps);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nth_identical_call_meets_the_nth_recorded_one() {
    let (world, id) = session().await;
    let recording = recording(&world, id);
    let mut answers = Answers::of_all(&recording);
    let report = recording.calls[0].key().clone();
    let restart = recording.calls[4].key().clone();
    let met: Vec<Place> = (0..4).map(|_| answers.meet(&recording, &report)).collect();
    assert_eq!(met, [Place::Recorded(0), Place::Recorded(2), Place::Repeated(2), Place::Repeated(2)]);
    let met: Vec<Place> = (0..2).map(|_| answers.meet(&recording, &restart)).collect();
    assert_eq!(met, [Place::Recorded(4), Place::Spent(4)], "what has an effect is not repeated");
    let unknown = replay::incident::Key { arguments: "{\"days\":8}".to_owned(), ..report };
    assert_eq!(answers.meet(&recording, &unknown), Place::Unknown);
    let none = SessionId::draw(types::Millis(1), [3; 10]);
    assert_eq!(Recording::of(none, Vec::new()), Err(RecordingError::Unknown(none)));
    assert_eq!(sources(world.control.history(), &none).unwrap_err().code, Code::NotFound);
}
