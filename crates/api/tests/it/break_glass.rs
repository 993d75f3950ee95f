//! Break-glass over HTTP: each step by whoever may take it, and each refusal with its code.

use serde_json::{Value, json};

use crate::call::{Api, found};

const MINUTE: i64 = 60_000;

fn wanted(tool: &str) -> Value {
    json!({ "agent": "sre-bot", "tool": tool, "minutes": 10, "reason": "nobody answers" })
}

fn why() -> Value {
    json!({ "reason": "I see the same" })
}

async fn at(api: &Api, by: &str, glass: &Value, step: &str, body: Value) -> crate::call::Answer {
    let id = glass["id"].as_str().unwrap();
    api.post(by, &format!("/v1/break-glass/{id}/{step}"), body).await
}

async fn restart(api: &Api) -> Value {
    api.propose("sre.restart", json!({ "service": "web" })).await
}

#[tokio::test]
async fn two_people_break_it_and_a_third_reviews_it() {
    let api = Api::new().await;
    let asked = api.post("ben", "/v1/break-glass", wanted("sre.restart")).await.is(201);
    assert_eq!((asked["state"].as_str(), asked["tool"].as_str()), (Some("asked"), Some("sre.restart")), "{asked}");
    assert!(restart(&api).await["verdict"] == "escalate", "one key grants nothing");
    at(&api, "ben", &asked, "confirm", why()).await.problem(403, "key-excluded");
    at(&api, "sre-bot", &asked, "confirm", why()).await.problem(403, "forbidden");
    at(&api, "cleo", &asked, "confirm", json!({ "reason": " " })).await.problem(400, "request-invalid");
    let open = at(&api, "cleo", &asked, "confirm", why()).await.is(200);
    assert_eq!((open["state"].as_str(), open["second"]["by"].as_str()), (Some("in_force"), Some("cleo")), "{open}");
    at(&api, "dan", &asked, "confirm", why()).await.problem(409, "break-glass-over");
    let ran = restart(&api).await;
    assert!(ran["verdict"] == "allow_observed" && found(&ran, "glass-broken"), "{ran}");
    let ended = at(&api, "eve", &asked, "end", why()).await.is(200);
    assert_eq!(ended["ended"]["by"], "eve", "{ended}");
    assert_eq!(ended["actions"][0]["tool"], "sre.restart", "{ended}");
    assert!(restart(&api).await["verdict"] == "escalate");
    api.post("dan", "/v1/break-glass", wanted("sre.scale")).await.problem(409, "review-open");
    at(&api, "cleo", &asked, "review", json!({ "findings": "fine" })).await.problem(403, "key-excluded");
    at(&api, "dan", &asked, "review", json!({ "findings": "" })).await.problem(400, "request-invalid");
    let closed = at(&api, "dan", &asked, "review", json!({ "findings": "\u{1b}[31mfine" })).await.is(200);
    assert_eq!((closed["state"].as_str(), closed["review"]["by"].as_str()), (Some("reviewed"), Some("dan")));
    assert!(!closed["review"]["findings"].as_str().unwrap().contains('\u{1b}'), "{closed}");
    let listed = api.get("eve", "/v1/break-glass").await.is(200);
    assert_eq!(listed["glasses"][0]["id"], asked["id"], "{listed}");
}

#[tokio::test]
async fn what_the_bundle_does_not_allow_is_refused() {
    let api = Api::new().await;
    for (by, wish, status, code) in [
        ("ben", wanted("sre.unknown"), 422, "break-glass-unsupported"),
        ("ben", json!({ "agent": "sre-bot", "class": "read", "reason": "x" }), 422, "break-glass-unsupported"),
        (
            "ben",
            json!({ "agent": "sre-bot", "class": "write", "minutes": 31, "reason": "x" }),
            422,
            "break-glass-unsupported",
        ),
        ("ben", json!({ "agent": "sre-bot", "reason": "x" }), 400, "request-invalid"),
        (
            "ben",
            json!({ "agent": "sre-bot", "class": "write", "tool": "sre.restart", "reason": "x" }),
            400,
            "request-invalid",
        ),
        ("ben", json!({ "agent": "sre-bot", "class": "write", "reason": "" }), 400, "request-invalid"),
    ] {
        api.post(by, "/v1/break-glass", wish).await.problem(status, code);
    }
    let asked = api.post("ben", "/v1/break-glass", wanted("sre.restart")).await.is(201);
    api.world.clock.advance(5 * MINUTE);
    at(&api, "cleo", &asked, "confirm", why()).await.problem(409, "break-glass-over");
    let nothing = json!({ "id": "glass_019b8f4be2807000a1b2c3d4e5f60718" });
    for step in ["confirm", "end"] {
        at(&api, "cleo", &nothing, step, why()).await.problem(404, "not-found");
    }
    at(&api, "cleo", &nothing, "review", json!({ "findings": "x" })).await.problem(404, "not-found");
}
