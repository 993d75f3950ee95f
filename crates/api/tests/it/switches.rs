//! Kill switches: armed at once, drained when nothing is left, lifted by decision.

use serde_json::json;

use crate::call::{Api, found};

#[tokio::test]
async fn a_kill_stops_and_a_lift_lets_go() {
    let api = Api::new().await;
    let shown = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    let kill = json!({ "target": { "agent": "sre-bot" }, "reason": "it misbehaves" });
    let killed = api.post("eve", "/v1/switches", kill).await.is(200);
    assert_eq!((&killed["armed"], &killed["drained"], &killed["known"]), (&json!(true), &json!(true), &json!(true)));
    assert!(killed["receipt"]["index"].is_u64());
    let denied = api.propose("sre.report", json!({})).await;
    assert!(denied["verdict"] == "deny" && found(&denied, "killed"), "{denied}");
    let path = format!("/v1/approvals/{}", shown["id"].as_str().unwrap());
    assert_eq!(api.get("ben", &path).await.is(200)["state"], "void");

    let switches = api.get("eve", "/v1/switches").await.is(200);
    assert!(switches["tenant"].is_string(), "{switches}");
    let switch = &switches["switches"][0];
    assert_eq!((&switch["key"], &switch["by"]), (&json!("agent:sre-bot"), &json!("person:eve")));
    assert_eq!(switch["target"], json!({ "agent": "sre-bot" }));
    assert_eq!(switch["receipt"], killed["receipt"]);
    let why = json!({ "reason": "looked into it" });
    api.call("eve", "DELETE", "/v1/switches/agent:sre-bot", Some(why.clone())).await.problem(403, "policy-denies");
    api.call("dan", "DELETE", "/v1/switches/agent:sre-bot", Some(why.clone())).await.is(204);
    api.call("dan", "DELETE", "/v1/switches/agent:sre-bot", Some(why.clone())).await.problem(404, "not-found");
    api.call("dan", "DELETE", "/v1/switches/nonsense", Some(why)).await.problem(404, "not-found");
    assert_eq!(api.propose("sre.report", json!({})).await["verdict"], "allow");
}

#[tokio::test]
async fn a_permit_that_is_handed_out_is_named_until_it_is_reported_on_or_dead() {
    let api = Api::new().await;
    let allowed = api.propose("sre.report", json!({})).await;
    let kill = json!({ "target": { "tool": "sre.report" }, "reason": "stop" });
    let killed = api.post("ana", "/v1/switches?wait_ms=150", kill.clone()).await.is(200);
    assert_eq!((&killed["armed"], &killed["drained"]), (&json!(true), &json!(false)));
    assert_eq!(killed["in_flight"].as_array().unwrap().len(), 1, "{killed}");
    assert_eq!(killed["in_flight"][0]["action"], allowed["action"]);
    assert_eq!(killed["in_flight"][0]["agent"], "sre-bot");
    let outcome = format!("/v1/actions/{}/outcome", allowed["action"].as_str().unwrap());
    let (killed, reported) = tokio::join!(
        api.post("ana", "/v1/switches?wait_ms=20000", kill),
        api.post("sre-bot", &outcome, json!({ "status": "done" })),
    );
    reported.is(200);
    assert_eq!(killed.is(200)["drained"], true);
}

#[tokio::test]
async fn a_dead_permit_is_no_longer_in_flight() {
    let api = Api::new().await;
    api.propose("sre.report", json!({})).await;
    api.world.clock.advance(300_000);
    let kill = json!({ "target": { "class": "read" }, "reason": "stop" });
    let killed = api.post("ana", "/v1/switches?wait_ms=20000", kill).await.is(200);
    assert_eq!(killed["drained"], true, "{killed}");
}

#[tokio::test]
async fn an_agent_stops_itself_and_nobody_else() {
    let api = Api::new().await;
    for target in [json!({ "agent": "report-bot" }), json!({ "tenant": "default" }), json!({ "tool": "sre.report" })] {
        api.post("sre-bot", "/v1/switches", json!({ "target": target, "reason": "r" })).await.problem(403, "forbidden");
    }
    api.post("sre-bot", "/v1/switches", json!({ "target": { "agent": "sre-bot" }, "reason": "I am lost" }))
        .await
        .is(200);
}

#[tokio::test]
async fn a_kill_names_one_thing_and_says_why() {
    let api = Api::new().await;
    for body in [
        json!({ "target": { "agent": "a", "tool": "b.c" }, "reason": "r" }),
        json!({ "target": {}, "reason": "r" }),
        json!({ "target": { "planet": "earth" }, "reason": "r" }),
        json!({ "target": { "agent": "sre-bot" }, "reason": " " }),
        json!({ "target": { "agent": "sre-bot" } }),
    ] {
        api.post("ana", "/v1/switches", body).await.problem(400, "request-invalid");
    }
    // A name nobody knows is stopped all the same, and said to be unknown.
    let misspelt = json!({ "target": { "agent": "sre-bto" }, "reason": "r" });
    assert_eq!(api.post("ana", "/v1/switches", misspelt).await.is(200)["known"], false);
}

#[tokio::test]
async fn a_drill_goes_on_to_its_end_though_whoever_asked_hangs_up() {
    let api = Api::new().await;
    let drill = json!({ "agent": "sre-bot", "reason": "monthly", "hold_ms": 50 });
    {
        let mut asking = std::pin::pin!(api.post("dan", "/v1/drills", drill));
        let is_set = async {
            while api.world.control.switches().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            () = is_set => {}
            _ = &mut asking => panic!("it is over before anybody could hang up"),
        }
    }
    let is_over = async {
        while !api.world.control.switches().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), is_over).await.expect("its switch is lifted");
    let records = api.get("eve", "/v1/records?limit=1000").await.is(200).to_string();
    assert!(records.contains("agent:sre-bot drilled: armed in "), "{records}");
}

#[tokio::test]
async fn a_drill_is_told_and_recorded_and_its_switch_is_lifted() {
    let api = Api::new().await;
    let drill = json!({ "agent": "sre-bot", "reason": "monthly", "hold_ms": 20 });
    let told = api.post("dan", "/v1/drills", drill.clone()).await.is(200);
    assert_eq!(
        (&told["passed"], &told["left"], &told["ending"]),
        (&json!(true), &json!(0), &json!("lifted")),
        "{told}"
    );
    assert!(told["armed_us"].as_u64() <= told["drained_us"].as_u64() && told["watched_us"].as_u64() >= Some(20_000));
    assert_eq!(told["set"]["index"].as_u64().map(|set| set + 1), told["receipt"]["index"].as_u64());
    assert_eq!(api.get("eve", "/v1/switches").await.is(200)["switches"], json!([]));

    let kept = api.post("eve", "/v1/drills", drill.clone()).await.is(200);
    assert_eq!((&kept["ending"], &kept["stays"]["code"]), (&json!("stays"), &json!("policy-denies")), "{kept}");
    assert_eq!(api.get("eve", "/v1/switches").await.is(200)["switches"][0]["drill"], kept["id"]);
    api.post("dan", "/v1/drills", drill).await.problem(409, "drill-conflict");
    let all = json!({ "reason": "everything", "hold_ms": 0 });
    assert_eq!(api.post("dan", "/v1/drills", all).await.is(200)["passed"], true);
    api.post("dan", "/v1/drills", json!({ "agent": "nobody", "reason": "r" })).await.problem(404, "not-found");
    api.post("dan", "/v1/drills", json!({ "agent": "sre-bot", "reason": "" })).await.problem(400, "request-invalid");
}
