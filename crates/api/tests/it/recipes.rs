//! Recipes over HTTP: what a version was made with, what is not known of that, and what a second run matches.

use serde_json::{Value, json};

use crate::call::Api;
use crate::diagnosis::{GOOD, Wish, make};

const API: &str = "/api/2.0/mlflow";

/// Logs a model of a run, with files.
async fn model_of(api: &Api, run: &str, weights: &[u8]) -> String {
    let wish = json!({ "experiment_id": "0", "name": "one", "source_run_id": run });
    let made = api.post("dan", &format!("{API}/logged-models"), wish).await.is(200);
    let id = made["model"]["info"]["model_id"].as_str().unwrap().to_owned();
    let requirements = b"numpy==2.1\n";
    for (name, bytes) in [("MLmodel", run.as_bytes()), ("weights.bin", weights), ("requirements.txt", requirements)] {
        crate::artifacts::kept(api, &format!("0/models/{id}/artifacts/{name}"), bytes).await;
    }
    let outputs = json!({ "run_id": run, "models": [{ "model_id": id, "step": 0 }] });
    api.post("dan", &format!("{API}/runs/outputs"), outputs).await.is(200);
    id
}

/// Makes a version of a model that a run has logged, and returns the run.
async fn with_version() -> (Api, String) {
    let api = crate::auditor::world().await;
    let run = make(&api, 1_000, Wish { status: "RUNNING", ..GOOD }).await;
    let tag = json!({ "run_id": run, "key": "mlflow.source.git.repoURL", "value": "https://git.example/fraud" });
    api.post("dan", &format!("{API}/runs/set-tag"), tag).await.is(200);
    let model = model_of(&api, &run, b"weights").await;
    api.post("dan", &format!("{API}/registered-models/create"), json!({ "name": "fraud" })).await.is(200);
    let wish = json!({ "name": "fraud", "source": format!("models:/{model}"), "model_id": model });
    api.post("dan", &format!("{API}/model-versions/create"), wish).await.is(200);
    (api, run)
}

async fn recipe(api: &Api, more: &str) -> Value {
    api.get("zoe", &format!("/v1/models/fraud/versions/1/recipe{more}")).await.is(200)
}

fn gaps(found: &Value) -> Vec<&str> {
    found["gaps"].as_array().unwrap().iter().map(|gap| gap["says"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_recipe_says_what_is_recorded_and_what_is_not_with_how_to_record_it() {
    let (api, run) = with_version().await;
    let found = recipe(&api, "").await;
    assert_eq!((&found["run"]["id"], &found["repository"]), (&json!(run), &json!("https://git.example/fraud")));
    let shown: Vec<Value> = found["ingredients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!([one["aspect"], one["name"], one["value"]]))
        .collect();
    let expected = json!([
        ["code", "mlflow.source.git.commit", "c1"],
        ["data", "training", "sales d1"],
        ["parameter", "lr", "0.1"],
        ["parameter", "seed", "1"],
        ["environment", "package numpy", "2.1"],
    ]);
    assert_eq!(json!(shown), expected);
    assert_eq!((&found["seeds"], &found["results"][0]["value"]), (&json!(["seed"]), &json!("0.5")));
    let files: Vec<&Value> = found["environment"].as_array().unwrap().iter().map(|file| &file["path"]).collect();
    assert_eq!(files, ["requirements.txt"], "the run's and the model's are the same file");
    let lacking = [
        "not recorded: which packages were installed; a list of what the model needs is not one",
        "not recorded: the digest of the container",
        "not recorded: the hardware",
    ];
    assert_eq!(gaps(&found), lacking);
    // Each is gone once it is recorded as it is said.
    crate::artifacts::kept(&api, &format!("0/{run}/artifacts/uv.lock"), b"lock").await;
    for (key, value) in [("mlflow.docker.image.id", "sha256:1"), ("countersign.env.hardware", "2 × A100")] {
        let tag = json!({ "run_id": run, "key": key, "value": value });
        api.post("dan", &format!("{API}/runs/set-tag"), tag).await.is(200);
    }
    let found = recipe(&api, "").await;
    assert_eq!(gaps(&found), Vec::<&str>::new());
    assert_eq!((&found["environment"][1]["path"], &found["environment"][1]["lock"]), (&json!("uv.lock"), &json!(true)));
}

#[tokio::test]
async fn a_second_run_is_held_against_the_first() {
    let (api, _) = with_version().await;
    let again = make(&api, 2_000, Wish { status: "RUNNING", ..GOOD }).await;
    model_of(&api, &again, b"weights").await;
    let check = recipe(&api, &format!("?check={again}")).await["check"].clone();
    assert_eq!(check["reproduced"], "yes");
    let files = json!([
        { "name": "requirements.txt", "first": check["files"][0]["first"], "second": check["files"][0]["first"], "is": "same" },
        { "name": "weights.bin", "first": check["files"][1]["first"], "second": check["files"][1]["first"], "is": "same" },
    ]);
    assert_eq!(check["files"], files, "the file that names the run is another one each time");
    let near = make(&api, 2_500, Wish { losses: &["4.0", "0.500000001"], ..GOOD }).await;
    let check = recipe(&api, &format!("?check={near}")).await["check"].clone();
    assert_eq!((&check["reproduced"], &check["metrics"][0]["is"]), (&json!("yes"), &json!("near")));
    assert_eq!(check["files"][1]["is"], "unknown", "it has made no model");
    let worse = make(&api, 3_000, Wish { losses: &["4.0", "0.7"], ..GOOD }).await;
    let check = recipe(&api, &format!("?check={worse}")).await["check"].clone();
    assert_eq!(check["reproduced"], "other-results");
    let metric = json!({ "name": "loss", "first": "0.5", "second": "0.7", "is": "other" });
    assert_eq!(check["metrics"], json!([metric]));
    let none = make(&api, 3_500, Wish { losses: &[], ..GOOD }).await;
    assert_eq!(recipe(&api, &format!("?check={none}")).await["check"]["reproduced"], "other-results");
    let other = make(&api, 4_000, Wish { digest: "d2", packages: None, ..GOOD }).await;
    let check = recipe(&api, &format!("?check={other}")).await["check"].clone();
    assert_eq!(check["reproduced"], "other-ingredients");
    let of = |name: &str| {
        check["ingredients"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()["is"].clone()
    };
    assert_eq!([of("training"), of("package numpy"), of("lr")], [json!("other"), json!("unknown"), json!("same")]);
}

#[tokio::test]
async fn a_version_that_names_no_run_has_one_gap_and_nothing_made_up() {
    let (api, run) = with_version().await;
    let wish = json!({ "name": "fraud", "source": "s3://bucket/model" });
    api.post("dan", &format!("{API}/model-versions/create"), wish).await.is(200);
    let found = api.get("zoe", &format!("/v1/models/fraud/versions/2/recipe?check={run}")).await.is(200);
    assert_eq!(gaps(&found), ["the version names no run that is kept here, so nothing of its training is known"]);
    assert_eq!((&found["ingredients"], found.get("check"), found.get("run")), (&json!([]), None, None));
    let path = "/v1/models/fraud/versions/1/recipe";
    api.get("zoe", &format!("{path}?check=nobody")).await.problem(404, "not-found");
    api.get("zoe", "/v1/models/fraud/versions/9/recipe").await.problem(404, "not-found");
    api.get("zoe", "/v1/models/nothing/versions/1/recipe").await.problem(404, "not-found");
    api.get("zoe", "/v1/models/fraud/versions/x/recipe").await.problem(400, "request-invalid");
}
