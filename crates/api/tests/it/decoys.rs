//! Decoys from outside: nobody who may vote can tell one from a request, no agent hears of it, and an auditor reads it plainly.

use serde_json::{Value, json};
use testkit::{bundle, with_decoys, world_with};

use crate::call::Api;
use crate::events::Reader;

/// What the decoy of the bundle asks for, but for one word as long.
const ALIKE: &str = "each-and-every-two";

/// Returns what an answer looks like: its members, the kinds of its values, and how long the texts are, but for those that say when.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::String(text) => json!(
            text.chars()
                .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { 'x' } else { c })
                .collect::<String>()
        ),
        Value::Number(_) => json!("number"),
        other => other.clone(),
    }
}

/// A world in which a decoy is open, with the same request made in earnest: the ids of both cases and of both actions.
async fn both() -> (Api, Value, Value) {
    let api = Api::over(world_with(with_decoys(bundle())).await);
    api.world.with_passkey("ben", 3).await;
    let decoy = api.world.decoy().await;
    let asked = json!({ "tool": "sre.restart", "arguments": { "service": ALIKE }, "purpose": "tidy it" });
    let answer = api.post("sre-bot", "/v1/actions", asked).await.is(200);
    let real = answer["approval"]["id"].as_str().unwrap();
    let real = api.get("ben", &format!("/v1/approvals/{real}")).await.is(200);
    let decoy = api.get("ben", &format!("/v1/approvals/{}", decoy.id)).await.is(200);
    (api, real, decoy)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

#[tokio::test]
async fn nobody_who_may_vote_can_tell_one_before_it_is_answered() {
    let (api, real, decoy) = both().await;
    assert_eq!(shape(&decoy), shape(&real), "\n{decoy}\n{real}");
    assert_eq!((&decoy["agent_says"]["purpose"], &decoy["you"]), (&json!("tidy up"), &real["you"]));
    let inbox = api.get("ben", "/v1/approvals?state=open").await.is(200);
    let line = |of: &Value| inbox["approvals"].as_array().unwrap().iter().find(|line| line["id"] == of["id"]).unwrap();
    assert_eq!(shape(line(&decoy)), shape(line(&real)));
    let draw = json!({ "vote": "approve", "reason": "fine" });
    let drawn = async |of: &Value| {
        api.post("ben", &format!("/v1/approvals/{}/ballot", text(of, "id")), draw.clone()).await.is(200)
    };
    assert_eq!(shape(&drawn(&decoy).await), shape(&drawn(&real).await));
    let path = async |of: &Value| api.get("ben", &format!("/v1/actions/{}", text(of, "action"))).await.is(200);
    let (of_decoy, of_real) = (path(&decoy).await, path(&real).await);
    assert_eq!(shape(&of_decoy), shape(&of_real), "\n{of_decoy}\n{of_real}");
    assert_eq!(of_decoy["records"][0]["kind"], "decided");
    // Both in the journal's lines and in what is followed.
    for path in ["/v1/records?limit=1000", "/v1/logs/1/records?limit=1000"] {
        let records = api.get("ben", path).await.is(200);
        let line = |of: &Value| {
            let lines = records["records"].as_array().unwrap();
            lines
                .iter()
                .find(|line| line["action"] == of["action"])
                .unwrap_or_else(|| panic!("{path}: {records}"))
                .clone()
        };
        assert_eq!(shape(&line(&decoy)), shape(&line(&real)), "{path}");
    }
    let mut events = Reader::open(&api, "ben", "/v1/events?last=1000", None).await;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let event = events.next().await.unwrap();
        if [&decoy["action"], &real["action"]].contains(&&event["action"]) {
            seen.push(shape(&event));
        }
    }
    assert_eq!(seen[0], seen[1]);
    let report = api.get("ben", "/v1/oversight").await.is(200);
    assert_eq!(report["all"]["decoys"], json!({ "shown": 0, "caught": 0, "missed": 0, "unanswered": 0 }));
}

#[tokio::test]
async fn the_answer_to_a_vote_says_what_it_was() {
    for (vote, caught) in [("deny", true), ("approve", false)] {
        let (api, real, decoy) = both().await;
        assert!(decoy.get("decoy").is_none() && real.get("decoy").is_none());
        let answer = api.vote("ben", &decoy, vote).await.is(200);
        assert_eq!(answer["state"], "decoy", "{answer}");
        assert_eq!(answer["decoy"], json!({ "caught": caught, "why": "nobody restarts everything at once" }));
        let shown = api.get("cleo", &format!("/v1/approvals/{}", text(&decoy, "id"))).await.is(200);
        assert_eq!((&shown["decoy"], &shown["state"]), (&answer["decoy"], &json!("decoy")));
        api.vote("cleo", &decoy, "approve").await.problem(409, "case-closed");
        let told = api.get("ben", "/v1/oversight").await.is(200);
        let bp = if caught { 10_000 } else { 0 };
        assert_eq!((&told["all"]["decoys"]["catch_bp"], &told["all"]["votes"]), (&json!(bp), &json!(0)), "{told}");
        let path = api.get("ben", &format!("/v1/actions/{}", text(&decoy, "action"))).await.is(200);
        assert_eq!((&path["records"][0]["kind"], &path["votes"][0]["person"]), (&json!("decoy"), &json!("ben")));
    }
}

#[tokio::test]
async fn no_agent_hears_of_one_and_an_auditor_reads_it() {
    let mut files = with_decoys(bundle());
    let people = files
        .get("people.toml")
        .unwrap()
        .replace("[people.eve]\ngroups = []", "[people.eve]\ngroups = []\nrole = \"auditor\"");
    files.insert("people.toml", people);
    let api = Api::over(world_with(files).await);
    let decoy = api.world.decoy().await;
    for after in ["open", "answered"] {
        api.get("sre-bot", &format!("/v1/approvals/{}", decoy.id)).await.problem(404, "not-found");
        api.get("sre-bot", &format!("/v1/actions/{}", decoy.action)).await.problem(403, "forbidden");
        let outcome = json!({ "status": "done" });
        let reported = api.post("sre-bot", &format!("/v1/actions/{}/outcome", decoy.action), outcome).await;
        assert_eq!(reported.status.as_u16(), 404, "{after}");
        if after == "open" {
            let path = api.get("eve", &format!("/v1/actions/{}", decoy.action)).await.is(200);
            assert_eq!(path["records"][0]["kind"], "decoy");
            let records = api.get("eve", "/v1/records?limit=1000").await.is(200);
            let kinds: Vec<&str> =
                records["records"].as_array().unwrap().iter().map(|line| text(line, "kind")).collect();
            assert_eq!(kinds.iter().filter(|kind| **kind == "decoy").count(), 1, "{kinds:?}");
            let shown = api.get("ben", &format!("/v1/approvals/{}", decoy.id)).await.is(200);
            api.vote("ben", &shown, "deny").await.is(200);
        }
    }
}
