//! The contract of an agent that executes by itself, from session to path.

use serde_json::json;

use crate::call::{Api, found};

#[tokio::test]
async fn a_session_opens_counts_and_closes() {
    let api = Api::new().await;
    let new = json!({
        "agent": "sre-bot", "on_behalf_of": "cleo", "task": { "prompt": "tidy up" },
        "plan": ["sre.report"], "metadata": { "run": 7 },
    });
    let session = api.post("sre-bot", "/v1/sessions", new).await.is(201)["session"].as_str().unwrap().to_owned();
    let inside = json!({ "session": session, "tool": "sre.report", "arguments": {} });
    let allowed = api.post("sre-bot", "/v1/actions", inside).await.is(200);
    assert_eq!(allowed["verdict"], "allow", "{allowed}");
    let outside = json!({ "session": session, "tool": "sre.list", "arguments": {} });
    let denied = api.post("sre-bot", "/v1/actions", outside).await.is(200);
    assert!(denied["verdict"] == "deny" && found(&denied, "outside-plan"), "{denied}");
    // The person named when the session was opened is the one every action in it is for.
    let path = format!("/v1/actions/{}", allowed["action"].as_str().unwrap());
    assert_eq!(api.get("sre-bot", &path).await.is(200)["proposal"]["on_behalf_of"], "cleo");
    let opening = api.get("ana", "/v1/records?limit=10").await.is(200);
    let summaries: Vec<&str> =
        opening["records"].as_array().unwrap().iter().map(|r| r["summary"].as_str().unwrap()).collect();
    assert!(summaries.iter().any(|s| s.contains("tidy up")), "{summaries:?}");

    let path = format!("/v1/sessions/{session}");
    api.call("report-bot", "DELETE", &path, None).await.problem(404, "not-found");
    api.call("sre-bot", "DELETE", &path, None).await.is(204);
    api.call("sre-bot", "DELETE", &path, None).await.problem(404, "not-found");
    let late = json!({ "session": session, "tool": "sre.report", "arguments": {} });
    api.post("sre-bot", "/v1/actions", late).await.problem(404, "not-found");
}

#[tokio::test]
async fn every_verdict_travels_in_a_200() {
    let api = Api::new().await;
    let allowed = api.propose("sre.report", json!({ "days": 7 })).await;
    assert_eq!(allowed["verdict"], "allow", "{allowed}");
    assert_eq!(allowed["level"], "L1");
    assert_eq!(allowed["permit"]["expires_at"], api.world.control.now().0 + 300_000);
    assert!(allowed["receipt"]["index"].is_u64() && allowed["approval"].is_null());
    assert!(allowed["risk"]["score"].is_i64() && allowed["risk"]["factors"]["impact"].is_i64(), "{allowed}");
    assert_eq!(api.propose("sre.list", json!({})).await["verdict"], "allow_observed");
    let escalated = api.propose("sre.restart", json!({ "service": "web" })).await;
    assert_eq!(escalated["verdict"], "escalate");
    assert!(escalated["permit"].is_null());
    let approval = &escalated["approval"];
    assert_eq!(approval["url"], format!("http://127.0.0.1:7717/inbox/{}", approval["id"].as_str().unwrap()));
    assert_eq!(approval["expires_at"], api.world.control.now().0 + 600_000);
    let asks = escalated["findings"].as_array().unwrap().iter().find(|f| f["restriction"] == "escalate").unwrap();
    assert_eq!(asks["profile"], "owner");
    let denied = api.propose("sre.delete", json!({ "service": "web" })).await;
    assert!(denied["verdict"] == "deny" && found(&denied, "policy-forbids"), "{denied}");
    assert!(denied["receipt"]["index"].is_u64());
    let unknown = api.propose("sre.no_such_tool", json!({})).await;
    assert!(unknown["verdict"] == "deny" && found(&unknown, "tool-unknown"), "{unknown}");
}

#[tokio::test]
async fn an_agent_without_a_level_only_recommends() {
    let api = Api::new().await;
    let denied = api.post("report-bot", "/v1/actions", json!({ "tool": "sre.report", "arguments": {} })).await.is(200);
    assert!(denied["verdict"] == "deny" && found(&denied, "level-advisory"), "{denied}");
    assert_eq!(denied["level"], "L0");
}

#[tokio::test]
async fn what_is_approved_runs_once_is_reported_and_told_in_full() {
    let api = Api::new().await;
    let arguments = json!({ "service": "web" });
    let shown = api.case("sre.restart", arguments.clone(), "ben").await;
    assert_eq!(api.vote("ben", &shown, "approve").await.is(200)["state"], "approved");

    let granted = api.propose("sre.restart", arguments.clone()).await;
    assert_eq!(granted["verdict"], "allow_observed", "{granted}");
    let action = granted["action"].as_str().unwrap().to_owned();
    let outcome = format!("/v1/actions/{action}/outcome");
    api.post("report-bot", &outcome, json!({ "status": "done" })).await.problem(403, "forbidden");
    api.post("ana", &outcome, json!({ "status": "done" })).await.problem(403, "forbidden");
    let done = json!({ "status": "done", "result": { "restarted": ["web"] } });
    assert!(api.post("sre-bot", &outcome, done).await.is(200)["receipt"]["index"].is_u64());
    api.post("sre-bot", &outcome, json!({ "status": "failed", "error": "no" })).await.problem(409, "state-conflict");

    let path = api.get("sre-bot", &format!("/v1/actions/{action}")).await.is(200);
    assert_eq!(path["proposal"]["principal"], "agent:sre-bot");
    assert_eq!(path["proposal"]["arguments"], arguments);
    assert_eq!(path["decisions"][0]["verdict"], "allow_observed");
    assert_eq!(path["decisions"][0]["case"], shown["id"]);
    assert_eq!(path["opened_by"], json!([shown["action"]]));
    assert_eq!((&path["votes"][0]["person"], &path["votes"][0]["vote"]), (&json!("ben"), &json!("approve")));
    assert_eq!(path["outcome"]["status"], "done");
    assert_eq!(path["outcome"]["provenance"], "reported");
    assert_eq!(path["outcome"]["result"], r#"{"restarted":["web"]}"#);
    let kinds: Vec<&str> = path["records"].as_array().unwrap().iter().map(|r| r["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["vote", "decided", "outcome"]);
    assert!(path["decisions"][0]["facts"].as_array().unwrap().iter().any(|fact| fact["name"] == "level.rank"));
    // The ticket was used: the next one asks people again.
    assert_eq!(api.propose("sre.restart", arguments).await["verdict"], "escalate");
}

#[tokio::test]
async fn what_an_agent_says_can_only_tighten() {
    let api = Api::new().await;
    let unsure = json!({ "tool": "sre.report", "arguments": {}, "confidence": 0.849, "purpose": "a look", "reasoning": "why not" });
    let answer = api.post("sre-bot", "/v1/actions", unsure).await.is(200);
    assert!(answer["verdict"] == "escalate" && found(&answer, "review-needed"), "{answer}");
    let sure = json!({ "tool": "sre.report", "arguments": {}, "confidence": 0.85 });
    assert_eq!(api.post("sre-bot", "/v1/actions", sure).await.is(200)["verdict"], "allow");
}

#[tokio::test]
async fn a_repetition_under_the_same_key_gets_the_first_answer() {
    let api = Api::new().await;
    let new = json!({ "tool": "sre.report", "arguments": { "days": 1 }, "idempotency_key": "k1" });
    let first = api.post("sre-bot", "/v1/actions", new.clone()).await.is(200);
    assert_eq!(first["repeated"], false);
    let mut again = api.post("sre-bot", "/v1/actions", new.clone()).await.is(200);
    assert_eq!(again["repeated"], true);
    again["repeated"] = json!(false);
    assert_eq!(again, first);
    let outcome = format!("/v1/actions/{}/outcome", first["action"].as_str().unwrap());
    api.post("sre-bot", &outcome, json!({ "status": "done" })).await.is(200);
    let over = api.post("sre-bot", "/v1/actions", new).await.is(200);
    assert!(over["verdict"] == "allow" && over["permit"].is_null(), "{over}");
    let other = json!({ "tool": "sre.report", "arguments": { "days": 2 }, "idempotency_key": "k1" });
    api.post("sre-bot", "/v1/actions", other).await.problem(409, "idempotency-conflict");

    let held = json!({ "tool": "sre.restart", "arguments": { "service": "web" }, "idempotency_key": "k2" });
    let first = api.post("sre-bot", "/v1/actions", held.clone()).await.is(200);
    let again = api.post("sre-bot", "/v1/actions", held).await.is(200);
    // What waits for people is not final: the key may be used again once they have decided.
    assert_eq!((&again["approval"], &again["repeated"]), (&first["approval"], &json!(false)));
}

#[tokio::test]
async fn a_key_bound_to_a_person_acts_for_them_alone() {
    let api = Api::new().await;
    let action = api.post("sre-bot/cleo", "/v1/actions", json!({ "tool": "sre.list", "arguments": {} })).await.is(200);
    let path = format!("/v1/actions/{}", action["action"].as_str().unwrap());
    assert_eq!(api.get("sre-bot", &path).await.is(200)["proposal"]["on_behalf_of"], "cleo");
    api.post("sre-bot/cleo", "/v1/sessions", json!({ "on_behalf_of": "ben" })).await.problem(403, "forbidden");
    let session = api.post("sre-bot/cleo", "/v1/sessions", json!({})).await.is(201)["session"].clone();
    assert!(session.as_str().unwrap().starts_with("ses_"));
    // Nobody acts for somebody the bundle does not name.
    let session =
        api.post("sre-bot", "/v1/sessions", json!({ "on_behalf_of": "ben" })).await.is(201)["session"].clone();
    let denied = json!({ "session": session, "tool": "sre.list", "arguments": {} });
    let denied = api.post("sre-bot", "/v1/actions", denied).await.is(200);
    assert!(denied["verdict"] == "deny" && found(&denied, "delegator-refused"), "{denied}");
    let other = json!({ "session": session, "tool": "sre.list", "arguments": {} });
    api.post("sre-bot/cleo", "/v1/actions", other).await.problem(403, "forbidden");
}
