//! Breakers over HTTP: what opens them, how they are listed, and who resets them.

use serde_json::{Value, json};
use testkit::{bundle, world_with};

use crate::call::{Api, found};

const BREAKERS: &str = "[circuits.calls]\ncovers = { tool = \"sre.report\" }\nfailures = 2\nof_last = 2\n\
                        within_ms = 60000\npause_ms = 10000\npause_ms_max = 10000\n\n[bulks.undoing]\n\
                        permits_max = 1\ncounts = [\"reversible\", \"compensable\", \"staged\", \"irreversible\"]\n";

async fn api() -> Api {
    let mut files = bundle();
    files.insert("breakers.toml", BREAKERS);
    Api::over(world_with(files).await)
}

async fn report(api: &Api, status: &str) -> Value {
    let proposed = api.propose("sre.report", json!({})).await;
    let path = format!("/v1/actions/{}/outcome", proposed["action"].as_str().unwrap());
    api.post("sre-bot", &path, json!({ "status": status })).await.is(200);
    proposed
}

#[tokio::test]
async fn a_circuit_opens_is_listed_and_is_reset_by_a_person() {
    let api = api().await;
    assert!(found(&report(&api, "failed").await, "breakers-closed"));
    report(&api, "failed").await;
    let denied = api.propose("sre.report", json!({})).await;
    assert!(denied["verdict"] == "deny" && found(&denied, "circuit-open"), "{denied}");
    let told = api.get("eve", "/v1/breakers").await.is(200);
    let circuit = &told["circuits"][0];
    assert_eq!(
        (&circuit["state"], &circuit["agent"], &circuit["tool"]),
        (&json!("open"), &json!("sre-bot"), &json!("sre.report"))
    );
    assert_eq!(circuit["until"].as_i64().unwrap() - circuit["opened_at"].as_i64().unwrap(), 10_000);
    api.world.clock.advance(10_000);
    let probe = api.propose("sre.report", json!({})).await;
    assert!(probe["verdict"] == "allow_observed" && found(&probe, "circuit-probing"), "{probe}");
    let told = api.get("eve", "/v1/breakers").await.is(200);
    assert_eq!(
        (&told["circuits"][0]["state"], &told["circuits"][0]["probes"]),
        (&json!("half_open"), &json!([probe["action"]]))
    );
    assert!(found(&api.propose("sre.report", json!({})).await, "circuit-open"), "one probe at a time");

    let reset = json!({ "breaker": "calls", "agent": "sre-bot", "tool": "sre.report", "reason": "it is back" });
    api.post("sre-bot", "/v1/breakers/reset", reset.clone()).await.problem(403, "forbidden");
    api.get("sre-bot", "/v1/breakers").await.problem(403, "forbidden");
    api.post("eve", "/v1/breakers/reset", reset.clone()).await.problem(403, "policy-denies");
    let other = json!({ "breaker": "calls", "agent": "sre-bot", "tool": "sre.list", "reason": "r" });
    api.post("dan", "/v1/breakers/reset", other).await.problem(404, "not-found");
    let why = json!({ "breaker": "calls", "agent": "sre-bot", "tool": "sre.report", "reason": " " });
    api.post("dan", "/v1/breakers/reset", why).await.problem(400, "request-invalid");
    api.post("dan", "/v1/breakers/reset", reset.clone()).await.is(204);
    api.post("dan", "/v1/breakers/reset", reset).await.problem(404, "not-found");
    assert_eq!(api.get("eve", "/v1/breakers").await.is(200)["circuits"], json!([]));
    assert_eq!(api.propose("sre.report", json!({})).await["verdict"], "allow");
    let records = api.get("eve", "/v1/records?limit=1000").await.is(200).to_string();
    assert!(records.contains("breaker sre-bot/sre.report/calls reset"), "{records}");
}

/// What an agent asks for is decided like any other call, and no policy can let an agent administer.
#[tokio::test]
async fn an_agent_that_proposes_the_reset_resets_nothing() {
    let api = api().await;
    for _ in 0..2 {
        report(&api, "failed").await;
    }
    let name = json!({ "breaker": "calls", "agent": "sre-bot", "tool": "sre.report" });
    assert_eq!(api.propose("countersign.breaker.reset", name).await["verdict"], "deny");
    assert_eq!(api.get("eve", "/v1/breakers").await.is(200)["circuits"][0]["state"], "open");
    assert!(found(&api.propose("sre.report", json!({})).await, "circuit-open"));
}

#[tokio::test]
async fn one_call_too_many_that_is_hard_to_take_back_is_stopped() {
    let api = api().await;
    for (service, verdict) in [("a", "allow_observed"), ("b", "deny")] {
        let asked = api.propose("sre.restart", json!({ "service": service })).await;
        if verdict == "deny" {
            assert!(asked["verdict"] == "deny" && found(&asked, "bulk-stopped"), "{asked}");
            continue;
        }
        let shown =
            api.get("ben", &format!("/v1/approvals/{}", asked["approval"]["id"].as_str().unwrap())).await.is(200);
        api.vote("ben", &shown, "approve").await.is(200);
        assert_eq!(api.propose("sre.restart", json!({ "service": service })).await["verdict"], verdict);
    }
    let told = api.get("eve", "/v1/breakers").await.is(200);
    assert_eq!((&told["bulks"][0]["state"], &told["bulks"][0]["permits"]), (&json!("stopped"), &json!(1)), "{told}");
    assert!(told["bulks"][0].get("until").is_none(), "until a person resets it");
    let reset = json!({ "breaker": "undoing", "agent": "sre-bot", "reason": "a migration" });
    api.post("dan", "/v1/breakers/reset", reset).await.is(204);
    assert_eq!(api.get("eve", "/v1/breakers").await.is(200)["bulks"], json!([]));
}
