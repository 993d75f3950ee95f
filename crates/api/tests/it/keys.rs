//! Keys: made, used, ended.

use axum::http::header;
use serde_json::json;

use crate::call::{Api, request};

#[tokio::test]
async fn a_key_works_until_it_ends() {
    let api = Api::new().await;
    let end = api.world.control.now().0 + 1_000;
    let made = api
        .post("dan", "/v1/keys", json!({ "agent": "sre-bot", "expires_at": end, "reason": "a short run" }))
        .await
        .is(201);
    let token = made["token"].as_str().unwrap();
    let ask = || request("POST", "/v1/sessions", Some(token), Some("{}".into()));
    api.send(ask()).await.is(201);
    api.world.clock.advance(1_000);
    let answer = api.send(ask()).await;
    assert!(answer.headers[header::WWW_AUTHENTICATE].to_str().unwrap().contains("invalid_token"));
    answer.problem(401, "key-expired");
}

#[tokio::test]
async fn a_revoked_key_opens_nothing() {
    let api = Api::new().await;
    let made = api.post("dan", "/v1/keys", json!({ "person": "eve", "reason": "she reads" })).await.is(201);
    let token = made["token"].as_str().unwrap();
    api.send(request("GET", "/v1/doctor", Some(token), None)).await.is(200);
    let path = format!("/v1/keys/{}", made["id"].as_str().unwrap());
    api.call("dan", "DELETE", &path, Some(json!({ "reason": "" }))).await.problem(400, "request-invalid");
    api.call("dan", "DELETE", &path, Some(json!({ "reason": "she has left" }))).await.is(204);
    api.send(request("GET", "/v1/doctor", Some(token), None)).await.problem(401, "key-expired");
    let keys = api.get("dan", "/v1/keys").await.is(200);
    let listed = keys["keys"].as_array().unwrap().iter().find(|key| key["id"] == made["id"]).unwrap();
    assert!(listed["revoked"].is_i64() && listed["holder"] == "person:eve" && listed["by"] == "person:dan");
    let text = keys.to_string();
    assert!(!text.contains("secret") && !text.contains(token.rsplit('_').next().unwrap()));
    let unknown = "/v1/keys/key_0190a6a1e00070008000000000000000";
    api.call("dan", "DELETE", unknown, Some(json!({ "reason": "r" }))).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_key_needs_a_holder_whom_the_bundle_knows() {
    let api = Api::new().await;
    for body in [
        json!({ "reason": "r" }),
        json!({ "agent": "sre-bot", "person": "ana", "reason": "r" }),
        json!({ "person": "ana", "on_behalf_of": "ben", "reason": "r" }),
        json!({ "agent": "sre-bot", "reason": "" }),
        json!({ "agent": "sre-bot", "reason": "r", "expires_at": 1 }),
    ] {
        api.post("dan", "/v1/keys", body).await.problem(400, "request-invalid");
    }
    api.post("dan", "/v1/keys", json!({ "agent": "nobody", "reason": "r" })).await.problem(422, "agent-unknown");
    api.post("dan", "/v1/keys", json!({ "person": "nobody", "reason": "r" })).await.problem(422, "person-unknown");
}

#[tokio::test]
async fn who_may_not_administer_is_told_why() {
    let api = Api::new().await;
    let problem =
        api.post("eve", "/v1/keys", json!({ "person": "eve", "reason": "more" })).await.problem(403, "policy-denies");
    assert!(problem["action"].as_str().unwrap().starts_with("act_"));
    assert!(
        problem["findings"].as_array().unwrap().iter().any(|f| f["stage"] == "policy" && f["restriction"] == "deny")
    );
    let path = api.get("eve", &format!("/v1/actions/{}", problem["action"].as_str().unwrap())).await.is(200);
    assert_eq!(path["proposal"]["tool"], "countersign.key.create");
}
