//! What agents name that they run, over HTTP.

use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_names_a_version_and_whoever_asks_is_told() {
    let api = crate::auditor::world().await;
    let mlflow = "/api/2.0/mlflow";
    for (name, tags) in
        [("fraud", json!([])), ("triage", json!([{ "key": "mlflow.prompt.is_prompt", "value": "true" }]))]
    {
        let made = json!({ "name": name, "tags": tags });
        api.post("dan", &format!("{mlflow}/registered-models/create"), made.clone()).await.is(200);
        let source = if name == "fraud" { "s3://bucket/x" } else { "dummy-source" };
        let version = json!({ "name": name, "source": source, "tags": tags });
        api.post("dan", &format!("{mlflow}/model-versions/create"), version).await.is(200);
    }
    assert_eq!(api.get("zoe", "/v1/agents/sre-bot/epochs").await.is(200), json!({ "epochs": [] }));
    let open = async |runs: serde_json::Value| api.post("sre-bot", "/v1/sessions", json!({ "runs": runs })).await;
    open(json!({ "model": "models:/fraud/9" })).await.problem(404, "not-found");
    open(json!({ "model": "models:/triage/1" })).await.problem(400, "request-invalid");
    open(json!({ "prompt": "prompts:/fraud/1" })).await.problem(400, "request-invalid");
    open(json!({ "model": "" })).await.problem(400, "request-invalid");
    open(json!({ "weights": "a" })).await.problem(400, "request-invalid");
    open(json!({ "model": "claude-a" })).await.is(201);
    open(json!({ "model": "models:/fraud@latest", "prompt": "prompts:/triage@latest" })).await.is(201);
    let told = api.get("zoe", "/v1/agents/sre-bot/epochs").await.is(200);
    let named = |place: usize, name: &str| told["epochs"][place][name].clone();
    assert_eq!((named(0, "epoch"), named(1, "epoch")), (json!(2), json!(1)));
    assert_eq!((named(0, "model"), named(0, "prompt")), (json!("models:/fraud/1"), json!("prompts:/triage/1")));
    assert_eq!((named(1, "model"), named(1, "prompt")), (json!("claude-a"), json!(null)));

    for name in ["fraud", "triage"] {
        let dossier = api.get("zoe", &format!("/v1/models/{name}/versions/1")).await.is(200);
        let user = &dossier["agents"][0];
        assert_eq!((&user["agent"], &user["epoch"], &user["newest"]), (&json!("sre-bot"), &json!(2), &json!(true)));
    }
    open(json!({ "model": "claude-a" })).await.is(201);
    let dossier = api.get("zoe", "/v1/models/fraud/versions/1").await.is(200);
    assert_eq!(dossier["agents"][0]["newest"], json!(true), "going back begins no epoch");
    open(json!({ "model": "claude-b" })).await.is(201);
    let dossier = api.get("zoe", "/v1/models/fraud/versions/1").await.is(200);
    assert_eq!(dossier["agents"][0]["newest"], json!(false));

    let authority = api.get("zoe", "/v1/authority").await.is(200);
    let bot = authority["agents"].as_array().unwrap().iter().find(|agent| agent["agent"] == "sre-bot").unwrap();
    assert_eq!((&bot["epoch"]["epoch"], &bot["epoch"]["model"]), (&json!(3), &json!("claude-b")));
    let levels = api.get("zoe", "/v1/levels").await.is(200);
    assert!(
        levels["levels"].as_array().unwrap().iter().all(|level| level["epoch"] == 1),
        "given before it named anything"
    );
    api.get("zoe", "/v1/agents/nobody/epochs").await.problem(422, "agent-unknown");
}
