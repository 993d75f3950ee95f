//! Baselines over HTTP: what is not usual runs observed, and what is usual is told.

use serde_json::json;
use testkit::{bundle, world_with};

use crate::call::{Api, found};

const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn what_is_not_usual_is_found_and_what_is_usual_is_told() {
    let mut files = bundle();
    files.insert("behaviour.toml", "[baselines.usual]\nhours_min = 2\nseen_min = 2\nbefore = \"observe\"\n");
    let api = Api::over(world_with(files).await);
    let nothing = api.get("eve", "/v1/baselines?agent=sre-bot").await.is(200);
    assert_eq!(nothing["baselines"], json!([]));
    for _ in 0..3 {
        let unknown = api.propose("sre.report", json!({})).await;
        assert!(found(&unknown, "behaviour-unknown") || found(&unknown, "behaviour-usual"), "{unknown}");
        api.world.clock.advance(HOUR);
    }
    let usual = api.propose("sre.report", json!({})).await;
    assert!(usual["verdict"] == "allow" && found(&usual, "behaviour-usual"), "{usual}");
    let odd = api.propose("sre.list", json!({})).await;
    assert!(odd["verdict"] == "allow_observed" && found(&odd, "behaviour-unusual"), "{odd}");
    let told = api.get("eve", "/v1/baselines?agent=sre-bot").await.is(200);
    let known = &told["baselines"][0];
    assert_eq!((&known["class"], &known["hours"], &known["volume"]), (&json!("read"), &json!(3), &json!(2)), "{told}");
    assert_eq!((&known["volume_max"], &known["tools"]), (&json!(4), &json!(["sre.report"])), "{told}");
    assert_eq!((&known["amounts"], &known["resources"]), (&json!([]), &json!(0)), "{told}");
    assert!(known.get("errors_bp_max").is_none(), "nothing that the gateway saw has ended");
    api.get("sre-bot", "/v1/baselines?agent=sre-bot").await.problem(403, "forbidden");
    api.get("eve", "/v1/baselines").await.problem(400, "request-invalid");
}
