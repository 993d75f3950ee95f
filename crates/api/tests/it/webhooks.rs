//! Webhooks of the registry over HTTP: people make them, and nobody is told a secret. What MLflow's own server answers is compared in
//! `acceptance/mlflow.sh`; what is delivered is tested with `control`.

use serde_json::{Value, json};

use crate::call::Api;

const API: &str = "/api/2.0/mlflow/webhooks";
const SECRET: &str = "a secret that nobody is told";

fn wish() -> Value {
    json!({
        "name": "hook", "url": "https://1.1.1.1/in", "secret": SECRET,
        "events": [{ "entity": "MODEL_VERSION", "action": "CREATED" }, { "entity": "PROMPT", "action": "CREATED" }],
    })
}

#[tokio::test]
async fn a_secret_is_taken_and_never_told() {
    let api = crate::auditor::world().await;
    let made = api.post("dan", API, wish()).await.is(200);
    let id = made["webhook"]["webhook_id"].as_str().unwrap().to_owned();
    let path = format!("{API}/{id}");
    let changed =
        api.call("dan", "PATCH", &path, Some(json!({ "secret": SECRET, "description": "why" }))).await.is(200);
    let all = [made, changed, api.get("dan", API).await.is(200), api.get("zoe", &path).await.is(200)];
    for told in &all {
        assert!(!told.to_string().contains("secret"), "{told}");
    }
    let shown = &all[3]["webhook"];
    assert_eq!((&shown["description"], &shown["status"]), (&json!("why"), &json!("ACTIVE")));
    let events =
        json!([{ "entity": "MODEL_VERSION", "action": "CREATED" }, { "entity": "PROMPT", "action": "CREATED" }]);
    assert_eq!(shown["events"], events);
    assert_eq!(all[2]["webhooks"], json!([shown]));
}

#[tokio::test]
async fn an_agents_key_reads_and_makes_none() {
    let api = Api::new().await;
    let made = api.post("dan", API, wish()).await.is(200);
    let id = made["webhook"]["webhook_id"].as_str().unwrap();
    let path = format!("{API}/{id}");
    for (method, path, body) in [
        ("POST", API, Some(wish())),
        ("PATCH", &*path, Some(json!({ "status": "DISABLED" }))),
        ("DELETE", &*path, None),
        ("POST", &*format!("{path}/test"), Some(json!({}))),
    ] {
        let refused = api.call("sre-bot", method, path, body).await.is(403);
        assert_eq!((&refused["error_code"], &refused["reason"]), (&json!("PERMISSION_DENIED"), &json!("forbidden")));
    }
    assert_eq!(api.get("sre-bot", &path).await.is(200), made);
    api.call("dan", "DELETE", &path, None).await.is(200);
    api.get("dan", &path).await.is(404);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let api = Api::new().await;
    for (field, value, says) in [
        ("events", json!([{ "entity": "NOBODY", "action": "CREATED" }]), "'NOBODY' is no entity"),
        ("events", json!([{ "entity": "PROMPT" }]), "'' is no action"),
        ("events", json!([{ "entity": "PROMPT", "action": "SET" }]), "Invalid action 'set' for entity 'prompt'."),
        ("events", json!([5]), "Invalid value 5"),
        ("status", json!("OFF"), "'OFF' is no status of a webhook."),
        ("name", json!("a b"), "Webhook name 'a b' is invalid."),
        ("url", json!("https://127.0.0.1/"), "Webhook URL must not resolve to a non-public IP address."),
    ] {
        let mut wish = wish();
        wish[field] = value;
        let refused = api.post("dan", API, wish).await.is(400);
        assert_eq!(refused["error_code"], "INVALID_PARAMETER_VALUE");
        assert!(refused["message"].as_str().unwrap().contains(says), "{refused}");
    }
    assert_eq!(api.get("dan", API).await.is(200), json!({}));
}
