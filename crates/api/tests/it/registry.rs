//! Registered models: what an auditor can read of who moved what, and that every name can be asked for. What MLflow's own server answers is
//! compared in `acceptance/mlflow.sh`.

use serde_json::{Value, json};

use crate::call::Api;

const API: &str = "/api/2.0/mlflow";

/// Writes a name as one segment of a path.
fn segment(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn make(api: &Api, who: &str, name: &str) {
    api.post(who, &format!("{API}/registered-models/create"), json!({ "name": name })).await.is(200);
}

async fn version(api: &Api, who: &str, name: &str) -> Value {
    let wish = json!({ "name": name, "source": "s3://bucket/model" });
    api.post(who, &format!("{API}/model-versions/create"), wish).await.is(200)["model_version"].clone()
}

async fn history(api: &Api, who: &str, name: &str) -> Value {
    api.get(who, &format!("/v1/models/{}/history", segment(name))).await.is(200)
}

#[tokio::test]
async fn an_auditor_reads_who_moved_what_and_moves_nothing() {
    let api = crate::auditor::world().await;
    make(&api, "dan", "fraud").await;
    version(&api, "sre-bot", "fraud").await;
    version(&api, "dan", "fraud").await;
    let point = |alias: &str, number: &str| json!({ "name": "fraud", "alias": alias, "version": number });
    let path = format!("{API}/registered-models/alias");
    api.post("dan", &path, point("champion", "1")).await.is(200);
    api.post("ben", &path, point("champion", "2")).await.is(200);
    let refused = api.post("zoe", &path, point("champion", "1")).await.is(403);
    assert_eq!(refused["error_code"], "PERMISSION_DENIED");
    api.call(
        "dan",
        "DELETE",
        &format!("{API}/model-versions/delete"),
        Some(json!({ "name": "fraud", "version": "2" })),
    )
    .await
    .is(200);
    let told = history(&api, "zoe", "fraud").await;
    assert_eq!(told.get("next"), None);
    let shown = |one: &Value| {
        let text = |name: &str| one.get(name).map(|value| value.to_string().replace('"', "")).unwrap_or_default();
        ["by", "kind", "version", "alias", "from", "to"].map(text).join(" ")
    };
    let told: Vec<String> = told["moves"].as_array().unwrap().iter().map(shown).collect();
    assert_eq!(
        told,
        [
            "person:dan model-made    ",
            "agent:sre-bot version-made 1   s3://bucket/model",
            "person:dan version-made 2   s3://bucket/model",
            "person:dan alias-moved  champion  1",
            "person:ben alias-moved  champion 1 2",
            "person:dan alias-moved  champion 2 ",
            "person:dan version-deleted 2  None ",
        ]
    );
    api.get("zoe", "/v1/models/nobody/history").await.problem(404, "not-found");
    api.get("sre-bot", "/v1/models/fraud/history").await.problem(403, "forbidden");
}

#[tokio::test]
async fn an_mlflow_client_is_told_why_nothing_was_moved_and_by_which_decision() {
    let api = Api::new().await;
    make(&api, "dan", "fraud").await;
    version(&api, "dan", "fraud").await;
    let path = format!("{API}/registered-models/alias");
    let point = json!({ "name": "fraud", "alias": "champion", "version": "1" });
    let denied = api.post("sre-bot", &path, point.clone()).await.is(403);
    assert_eq!(
        (denied["error_code"].as_str(), denied["reason"].as_str()),
        (Some("PERMISSION_DENIED"), Some("level-advisory"))
    );
    assert!(denied["message"].as_str().unwrap().contains("(act_"), "{denied}");
    // What people have to approve is no error that a client tries again by itself.
    let stage = json!({ "name": "fraud", "version": "1", "stage": "Production" });
    let held = api.post("dan", &format!("{API}/model-versions/transition-stage"), stage).await.is(403);
    assert_eq!(
        (held["error_code"].as_str(), held["reason"].as_str()),
        (Some("PERMISSION_DENIED"), Some("approval-pending"))
    );
    assert!(held["message"].as_str().unwrap().contains("/inbox/case_"), "{held}");
    let gone = api.post("eve", &path, point).await.is(403);
    assert_eq!(gone["reason"], "policy-denies");
    let told = history(&api, "dan", "fraud").await;
    assert_eq!(told["moves"].as_array().unwrap().len(), 2, "nothing was moved");
}

#[tokio::test]
async fn a_version_is_promoted_and_rolled_back_over_our_own_contract() {
    let api = Api::new().await;
    make(&api, "dan", "fraud").await;
    for _ in 0..2 {
        version(&api, "dan", "fraud").await;
    }
    let path = "/v1/models/fraud/aliases/champion";
    let promote = async |version: u64| {
        api.call("dan", "PUT", path, Some(json!({ "version": version, "reason": "better" }))).await
    };
    let back = async |body: Value| api.post("dan", &format!("{path}/rollback"), body).await;
    back(json!({ "reason": "worse" })).await.problem(404, "not-found");
    assert_eq!(promote(1).await.is(200)["version"], 1);
    back(json!({ "reason": "worse" })).await.problem(404, "not-found");
    let moved = promote(2).await.is(200);
    assert!(moved["action"].as_str().unwrap().starts_with("act_"));
    assert_eq!(promote(2).await.is(200), json!({ "version": 2 }), "it names that already");
    promote(3).await.problem(404, "not-found");
    assert_eq!(back(json!({ "reason": "worse" })).await.is(200)["version"], 1);
    assert_eq!(back(json!({ "reason": "not worse", "version": 2 })).await.is(200)["version"], 2);
    back(json!({ "reason": " " })).await.problem(400, "request-invalid");
    api.post("sre-bot", &format!("{path}/rollback"), json!({ "reason": "x" })).await.problem(403, "level-advisory");
    let told = history(&api, "dan", "fraud").await;
    let last = told["moves"].as_array().unwrap().last().unwrap();
    assert_eq!((last["from"].as_str(), last["to"].as_str()), (Some("1"), Some("2")));
}

#[tokio::test]
async fn the_history_of_every_name_can_be_asked_for_and_survives_the_model() {
    let api = Api::new().await;
    let longest = "n".repeat(256);
    for name in ["a?b#c", "100%", "%2F", "é 漢 💥", "a\nb", " spaced ", ".a", "a;b&c=d", "a\\b", "+", longest.as_str()]
    {
        make(&api, "dan", name).await;
        let gone = json!({ "name": name });
        api.call("dan", "DELETE", &format!("{API}/registered-models/delete"), Some(gone)).await.is(200);
        let told = history(&api, "dan", name).await;
        let kinds: Vec<&Value> = told["moves"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
        assert_eq!(kinds, ["model-made", "model-deleted"], "{name:?}");
    }
    let wish = json!({ "name": "n".repeat(257) });
    let refused = api.post("dan", &format!("{API}/registered-models/create"), wish).await.is(400);
    assert_eq!(refused["message"], "'name' exceeds the maximum length of 256 characters");
}

#[tokio::test]
async fn a_history_is_read_page_by_page_and_is_there_after_a_restart() {
    let api = Api::new().await;
    make(&api, "dan", "fraud").await;
    for _ in 0..4 {
        version(&api, "dan", "fraud").await;
    }
    let whole = history(&api, "dan", "fraud").await;
    let Api { world, router } = api;
    drop(router);
    let api = Api::over(world.restart().await);
    let (mut moves, mut after) = (Vec::new(), 0);
    for pages in 1.. {
        let path = format!("/v1/models/fraud/history?limit=2&after={after}");
        let page = api.get("dan", &path).await.is(200);
        moves.extend(page["moves"].as_array().unwrap().clone());
        match page.get("next") {
            Some(next) => after = next.as_i64().unwrap(),
            None => {
                assert_eq!(pages, 3);
                break;
            }
        }
    }
    assert_eq!(json!(moves), whole["moves"]);
    api.get("dan", "/v1/models/fraud/history?limit=x").await.problem(400, "request-invalid");
}

#[tokio::test]
async fn what_somebody_wrote_moves_nothing_on_a_screen() {
    let api = Api::new().await;
    let name = "safe\u{202e}txt.exe";
    make(&api, "dan", name).await;
    let told = history(&api, "dan", name).await;
    assert!(!told.to_string().contains('\u{202e}'), "{told}");
}
