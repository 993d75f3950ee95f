//! A session with secrets met again: decided as it was, and no secret of it or of the new agent is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_control::door::{CallOutcome, McpDoor as _};
use countersign_control::incident::{Hiding, Incident, Setting, recorded_bundles, sources};
use evidence::RecordKind;
use evidence::listing::LISTED;
use ledger::Random;
use replay::incident::{Answer, Conditions, Place, Player, Recording, Rules, Run, Seen, Standing, compare};
use serde_json::{Value, json};
use testkit::world_with;
use types::case::Ballot;
use types::{Claims, Code};

use crate::redaction::{
    CODE, PIN, SECRET, SERVED, Scene, arguments, everything, files, governed, holds, nowhere, scene,
};

const OTHER: &str = "canary-of-the-new-agent";

/// A session in which a restart with secrets was held, approved and answered, and a report came without any.
async fn recorded() -> Scene {
    let scene = scene(world_with(files(SECRET)).await).await;
    let CallOutcome::Held(case) = scene.call("restart", &arguments(), Claims::default()).await else {
        panic!("not held")
    };
    let shown = scene.world.control.case(&case.id).unwrap().case.shown;
    scene.world.control.vote(&"ben".parse().unwrap(), case.id, Ballot::Approve, "fine", shown, false).await.unwrap();
    let long = json!({ "structuredContent": { "pad": "x".repeat(700_000), "receipt": SERVED, "echo": PIN },
        "content": [{ "type": "text", "text": format!("in plain words: {SERVED}") }], "token": SERVED });
    *scene.server.answer.lock().unwrap() = long;
    assert!(matches!(scene.call("restart", &arguments(), Claims::default()).await, CallOutcome::Answer(_)));
    *scene.server.answer.lock().unwrap() = json!({ "content": [] });
    let plain = json!({ "days": 7, "service": "web" });
    assert!(matches!(scene.call("report", &plain, Claims::default()).await, CallOutcome::Answer(_)));
    scene
}

struct Replayed {
    recording: Arc<Recording>,
    rules: Rules,
    hiding: Arc<Hiding>,
}

fn replayed(scene: &Scene, rules: impl FnOnce(&replay::Bundles) -> Rules) -> Replayed {
    let history = scene.world.control.history();
    let mut recording = Recording::of(scene.session, sources(history, &scene.session).unwrap()).unwrap();
    let bundles = recorded_bundles(history, &recording.bundles()).unwrap();
    let rules = rules(&bundles);
    let hiding = Arc::new(Hiding::of(&mut recording, bundles, rules.clone()));
    Replayed { recording: Arc::new(recording), rules, hiding }
}

struct Fixed;

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

impl Replayed {
    fn door(&self) -> Incident {
        let setting = Setting {
            rules: self.rules.clone(),
            hiding: self.hiding.clone(),
            keys: BTreeMap::new(),
            nearest: true,
            random: Arc::new(Fixed),
            now: types::Millis(1),
        };
        Incident::new(self.recording.clone(), setting)
    }

    async fn call(&self, door: &Incident, tool: &str, arguments: &Value) -> CallOutcome {
        let link = door.connect(&door.caller().unwrap(), &"sre".parse().unwrap(), None, "").await.unwrap();
        let (events, _kept) = tokio::sync::mpsc::channel(8);
        door.call(link, governed(self.recording.session, tool, arguments, Claims::default()), events).await
    }
}

/// The recorded call's arguments with another secret in each place.
fn with_other_secrets() -> Value {
    json!({ "service": "web", "pin": OTHER, "deep": [{ "code": CODE + 1, "on": 1 }], "apiKey": [OTHER], "hidden": OTHER })
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_calls_with_marks_are_decided_as_they_were() {
    let scene = recorded().await;
    let replayed = replayed(&scene, |bundles| Rules::Recorded(bundles.clone()));
    assert_eq!(types::secret::marks(replayed.recording.calls[0].decided[0].0.arguments.value()).len(), 4);
    let made = Player::new(replayed.recording.clone(), replayed.rules.clone(), false).replay();
    let report = compare(&replayed.recording, &[Run { number: 1, made, ..Run::default() }], Seen::Decisions);
    assert_eq!((report.summary.standing, report.summary.same), (Standing::Same, 2), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_made_again_by_its_own_rules_and_by_no_others() {
    let scene = recorded().await;
    let replayed = replayed(&scene, |bundles| Rules::Recorded(bundles.clone()));
    let mut recording = Arc::unwrap_or_clone(replayed.recording);
    let asked = recording.calls[0].decided[0].0.clone();
    let mut under = |semantics: u32| {
        recording.calls.iter_mut().flat_map(|call| &mut call.decided).for_each(|(_, d)| d.semantics = semantics);
        let conditions = Conditions::of(&recording);
        (conditions.again(&replayed.rules, 0, None), conditions.other(&replayed.rules, &asked, 1))
    };
    let (again, other) = under(99);
    let why = "by rules of version 99";
    assert!(again.unwrap_err().contains(why) && other.unwrap_err().contains(why));
    let (again, other) = under(1);
    assert_eq!((again.unwrap().decision.semantics, other.unwrap().decision.semantics), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_secret_in_a_new_agent_s_calls_is_neither_compared_nor_told() {
    let scene = recorded().await;
    for none in [false, true] {
        let replayed = replayed(&scene, |bundles| if none { Rules::None } else { Rules::Recorded(bundles.clone()) });
        let door = replayed.door();
        let mut said = String::new();
        for (tool, arguments) in [
            ("restart", with_other_secrets()),
            ("report", json!({ "days": 7, "service": "web" })),
            // Nothing in the record of this tool has a mark: catalogue, schema and names say what is secret.
            ("report", json!({ "days": 8, "password": OTHER, "hidden": { "n": [OTHER] }, "service": "web" })),
            ("restart", json!({ "service": "db", "pin": { "deep": OTHER } })),
            ("unheard", json!({ "a": OTHER })),
        ] {
            said.push_str(&format!("{:?}", replayed.call(&door, tool, &arguments).await));
        }
        let made = door.made();
        assert_eq!(
            made[..2].iter().map(|made| made.place).collect::<Vec<_>>(),
            [Place::Recorded(0), Place::Recorded(1)]
        );
        assert!(made[2..].iter().all(|made| made.place == Place::Unknown), "{made:?}");
        said.push_str(&format!("{made:?}"));
        let report = compare(&replayed.recording, &[Run { number: 1, made, ..Run::default() }], Seen::Agent);
        let told = serde_json::to_string(&report).unwrap();
        for text in [&told, &said] {
            for secret in [OTHER, PIN, SERVED, &CODE.to_string(), &(CODE + 1).to_string()] {
                assert!(!text.contains(secret), "{secret}: {}", &text[..text.len().min(3_000)]);
            }
        }
        assert_eq!(report.calls[0].same, 1, "another secret is the same call");
        assert!(told.contains(r#"{"days":8,"password":"(secret)","hidden":"(secret)","service":"web"}"#), "{told}");
        assert!(told.contains(r#"{"a":"(secret)"}"#), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_brings_a_mark_to_a_replay_either() {
    let scene = recorded().await;
    let replayed = replayed(&scene, |bundles| Rules::Recorded(bundles.clone()));
    let recorded = replayed.recording.calls[0].decided[0].0.arguments.value().clone();
    let door = replayed.door();
    for forged in [recorded, json!({ "a": { "$redacted": 1 } })] {
        let CallOutcome::Refused(refusal) = replayed.call(&door, "restart", &forged).await else { panic!("{forged}") };
        assert_eq!(refusal.code, Code::ArgumentsInvalid);
    }
    assert!(door.made().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_replay_is_fed_with_was_redacted_before_it_was_recorded() {
    let scene = recorded().await;
    nowhere(&scene.world);
    let replayed = replayed(&scene, |_| Rules::None);
    let Answer::Frame(answer) = &replayed.recording.calls[0].answer else { panic!("not whole") };
    assert!(answer.len() > 700_000 && answer.contains("$redacted") && answer.contains("[redacted]"));
    let history = scene.world.control.history();
    let listings = history.range(0, history.size().unwrap()).unwrap();
    let listed =
        |entry: &&ledger::history::Entry| (entry.leaf.kind, entry.leaf.status) == (RecordKind::Tool, Some(LISTED));
    assert_eq!(listings.iter().filter(listed).count(), 1);
    assert!(
        holds(&everything(&scene.world), r#""writeOnly":true"#),
        "the definitions are there as the server wrote them"
    );
}
