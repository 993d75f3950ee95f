//! How people decide, over HTTP.

use serde_json::json;

use crate::call::Api;

#[tokio::test]
async fn people_read_how_people_decide_and_agents_do_not() {
    let api = Api::new().await;
    let none = api.get("eve", "/v1/oversight").await.is(200);
    assert_eq!((&none["people"], &none["all"]["votes"]), (&json!([]), &json!(0)), "{none}");
    assert!(none["all"].get("approval_bp").is_none() && none.get("from").is_none(), "nothing to divide by: {none}");
    let shown = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    api.vote("ben", &shown, "approve").await.is(200);
    let told = api.get("cleo", "/v1/oversight?since=1").await.is(200);
    assert_eq!((&told["from"], &told["cases"]), (&json!(0), &json!(1)), "{told}");
    let ben = &told["people"][0];
    assert_eq!((&ben["person"], &ben["figures"]["approvals"]), (&json!("ben"), &json!(1)), "{told}");
    assert_eq!((&ben["figures"]["quick_bp"], &ben["figures"]["regretted"]), (&json!(10_000), &json!(0)), "{told}");
    assert_eq!(told["profiles"][0]["profile"], "owner", "{told}");
    let later = api.get("cleo", "/v1/oversight?since=9000000000000000").await.is(200);
    assert_eq!((&later["all"]["votes"], &later["cases"]), (&json!(0), &json!(0)), "{later}");
    for wrong in ["?since=yesterday", "?since=", "?from=1"] {
        api.get("ben", &format!("/v1/oversight{wrong}")).await.problem(400, "request-invalid");
    }
    api.get("sre-bot", "/v1/oversight").await.problem(403, "forbidden");
}

#[tokio::test]
async fn authority_that_lies_idle_is_listed() {
    let api = Api::new().await;
    api.world.clock.advance(3 * 86_400_000);
    let told = api.get("eve", "/v1/authority/review?days=2").await.is(200);
    let kinds: Vec<&str> =
        told["concerns"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    for kind in ["level_unused", "policy_unused", "profile_unasked", "person_silent"] {
        assert!(kinds.contains(&kind), "{kind}: {told}");
    }
    assert_eq!((&told["bundle"], &told["bundle_before"]), (&told["bundle_before"], &told["bundle"]), "{told}");
    assert_eq!(told["to"].as_i64().unwrap() - told["from"].as_i64().unwrap(), 2 * 86_400_000);
    let young = api.get("eve", "/v1/authority/review").await.is(200);
    assert!(young.get("bundle_before").is_none(), "the journal is three days old: {young}");
    for wrong in ["?days=0", "?days=3651", "?days=-1", "?days=x", "?since=1"] {
        api.get("ben", &format!("/v1/authority/review{wrong}")).await.problem(400, "request-invalid");
    }
    api.get("sre-bot", "/v1/authority/review").await.problem(403, "forbidden");
}

#[tokio::test]
async fn the_map_names_who_answers_who_is_asked_and_who_may_override() {
    let mut files = testkit::bundle();
    let workflow = "purpose = \"keep it up\"\nowner = \"ana\"\nboundary = [\"write\"]\nreview_days = 90\n\n\
                    [evidence]\nrestart = \"the pager's alert\"\n";
    files.insert("workflows/uptime.toml", workflow);
    let api = Api::over(testkit::world_with(files).await);
    let map = api.get("eve", "/v1/authority").await.is(200);
    let class =
        |name: &str| map["classes"].as_array().unwrap().iter().find(|one| one["class"] == name).unwrap().clone();
    assert_eq!(class("write")["owners"], json!(["ana"]));
    assert_eq!(class("write")["evidence"]["restart"], "the pager's alert");
    let thresholds = map["thresholds"].as_array().unwrap();
    let words = thresholds.iter().find(|one| one["threshold"] == "review.words").unwrap();
    assert_eq!((&words["profile"], &words["is"]), (&json!("owner"), &json!("one of the words production")));
    let overrides = map["overrides"].as_array().unwrap();
    let of = |tool: &str| overrides.iter().find(|one| one["tool"] == tool).unwrap();
    let people = |tool: &str| -> Vec<String> {
        of(tool)["people"].as_array().unwrap().iter().map(|one| one["person"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(people("countersign.switch.clear"), ["dan"], "the admins alone");
    assert_eq!(people("countersign.level.grant"), ["ana", "ben", "cleo", "dan"]);
    assert_eq!(of("countersign.level.grant")["people"][1]["profiles"], json!(["owner"]), "a second person approves");
    assert!(of("countersign.level.grant")["evidence"].as_str().unwrap().contains("`grant` record"));
}
