//! Permissions over HTTP: asked for by an agent or its owner, answered by people, seen and revoked.

use serde_json::{Value, json};
use testkit::{permitting_bundle, world_with};

use crate::call::{Api, found};

fn restarts() -> Value {
    json!({
        "tool": "sre.restart", "arguments": { "service": "web", "replicas": 1 },
        "bounds": { "replicas": { "between": { "from": 1, "to": 3 } } }, "minutes": 30, "uses": 2, "purpose": "a rollout",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut asked = restarts();
    asked[name] = value;
    asked
}

async fn world() -> Api {
    Api::over(world_with(permitting_bundle()).await)
}

#[tokio::test]
async fn a_permission_is_asked_for_given_used_and_revoked() {
    let api = world().await;
    let pending = api.post("sre-bot", "/v1/permission-requests", restarts()).await.problem(202, "permission-asked");
    let case = pending["approval"]["id"].as_str().unwrap().to_owned();
    let shown = api.get("ben", &format!("/v1/approvals/{case}")).await.is(200);
    let words = r#"sre.restart with replicas = 1 to 3, service = "web""#;
    assert_eq!(
        shown["permission"],
        json!({ "covers": words, "limits": "2 times within 30 minutes", "purpose": "a rollout" })
    );
    assert_eq!(shown["requester"], "agent:sre-bot");
    assert_eq!(api.get("sre-bot", "/v1/permissions").await.is(200)["permissions"], json!([]));
    api.vote("ben", &shown, "approve").await.is(200);
    let given = api.post("sre-bot", "/v1/permission-requests", restarts()).await.is(201);
    assert_eq!((&given["covers"], &given["uses_left"]), (&json!(words), &json!(2)), "{given}");
    let path = format!("/v1/permissions/{}", given["id"].as_str().unwrap());
    assert_eq!(api.get("sre-bot", &path).await.is(200), given);
    assert_eq!(api.get("eve", "/v1/permissions").await.is(200)["permissions"], json!([given]));
    api.get("report-bot", &path).await.problem(404, "not-found");

    let ran = api.propose("sre.restart", json!({ "service": "web", "replicas": 3 })).await;
    assert!(ran["verdict"] == "allow_observed" && found(&ran, "permission-covers"), "{ran}");
    assert_eq!(api.get("ben", &path).await.is(200)["uses_left"], 1);
    let other = api.propose("sre.restart", json!({ "service": "web", "replicas": 4 })).await;
    assert_eq!(other["verdict"], "escalate", "{other}");

    let why = json!({ "reason": "too wide" });
    api.call("sre-bot", "DELETE", &path, Some(why.clone())).await.problem(403, "forbidden");
    api.call("eve", "DELETE", &path, Some(json!({ "reason": " " }))).await.problem(400, "request-invalid");
    assert_eq!(api.call("eve", "DELETE", &path, Some(why.clone())).await.status, 204);
    api.call("eve", "DELETE", &path, Some(why)).await.problem(404, "not-found");
    let after = api.propose("sre.restart", json!({ "service": "web", "replicas": 2 })).await;
    assert_eq!(after["verdict"], "escalate", "{after}");
}

#[tokio::test]
async fn a_request_is_made_by_the_agent_or_by_who_owns_it() {
    let api = world().await;
    let path = "/v1/permission-requests";
    api.post("ana", path, restarts()).await.problem(400, "request-invalid");
    api.post("ben", path, with("agent", json!("sre-bot"))).await.problem(403, "forbidden");
    api.post("report-bot", path, with("agent", json!("sre-bot"))).await.problem(403, "forbidden");
    api.post("sre-bot/cleo", path, with("on_behalf_of", json!("ana"))).await.problem(403, "forbidden");
    let pending = api.post("ana", path, with("agent", json!("sre-bot"))).await.problem(202, "permission-asked");
    let case = pending["approval"]["id"].as_str().unwrap();
    let shown = api.get("ana", &format!("/v1/approvals/{case}")).await.is(200);
    assert_eq!(
        (&shown["you"]["may_vote"], &shown["permission"]["requested_by"]),
        (&json!(false), &json!("ana")),
        "{shown}"
    );
    api.vote("ana", &shown, "approve").await.problem(403, "voter-excluded");
    let denied = json!({ "vote": "deny", "reason": "ask for each", "shown": shown["shown"] });
    api.post("ben", &format!("/v1/approvals/{case}/votes"), denied).await.is(200);
    let status = api.get("sre-bot", &format!("/v1/approvals/{case}")).await.is(200);
    assert_eq!((&status["state"], &status["refused"]), (&json!("denied"), &json!("ask for each")), "{status}");
}

#[tokio::test]
async fn what_is_no_request_or_cannot_be_given_is_refused() {
    let api = world().await;
    for (name, value) in [
        ("bounds", json!({ "service": { "like": "w*" } })),
        ("bounds", json!([])),
        ("minutes", json!(-1)),
        ("uses", json!("2")),
        ("tool", json!("restart")),
        ("arguments", json!([])),
        ("forever", json!(true)),
    ] {
        api.post("sre-bot", "/v1/permission-requests", with(name, value)).await.problem(400, "request-invalid");
    }
    for (name, value) in [
        ("tool", json!("sre.delete")),
        ("tool", json!("countersign.level.grant")),
        ("minutes", json!(61)),
        ("uses", json!(0)),
        ("environments", json!(["prod"])),
        ("bounds", json!({ "service": { "one_of": ["api"] } })),
    ] {
        let answer = api.post("sre-bot", "/v1/permission-requests", with(name, value.clone())).await;
        assert!(answer.status == 422 || answer.status == 403, "{name} {value}: {}", answer.status);
        assert_eq!(answer.json()["code"], "permission-unsupported", "{name} {value}");
    }
}
