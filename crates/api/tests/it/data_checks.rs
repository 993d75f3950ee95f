//! Checks of data and pipelines over HTTP: what was checked is told of the version that was made of it, and each step of what drives it.

use serde_json::{Value, json};
use types::Digest;

use crate::call::Api;

const API: &str = "/api/2.0/mlflow";
const ONE: &str = "/v1/models/fraud/versions/1";

fn check(run: Option<&str>, digest: &Digest) -> Value {
    json!({
        "dataset": "october", "run": run, "digest": digest, "bytes": 120, "rows": 3, "expectations": Digest([2; 32]), "as_of": 5,
        "findings": [
            { "check": "lines", "passed": true, "demanded": "each can be read" },
            { "check": "rows", "passed": true, "found": "3", "demanded": ">= 1" },
            { "check": "nulls", "column": "a\u{202e}ge", "passed": false, "count": 2, "line": 4, "found": "0.666666", "demanded": "<= 0.1" },
        ],
    })
}

/// Makes a run that read a dataset of this digest, and a version of it.
async fn trained(api: &Api, digest: &str) -> String {
    let run = crate::tracking::make_run(api, "dan").await;
    let dataset = json!({ "name": "october", "digest": digest, "source_type": "local", "source": "{}" });
    let inputs = json!({ "run_id": run, "datasets": [{ "dataset": dataset, "tags": [] }] });
    api.post("dan", &format!("{API}/runs/log-inputs"), inputs).await.is(200);
    api.post("dan", &format!("{API}/runs/update"), json!({ "run_id": run, "status": "FINISHED", "end_time": 9 }))
        .await
        .is(200);
    api.post("dan", &format!("{API}/registered-models/create"), json!({ "name": "fraud" })).await.is(200);
    let version = json!({ "name": "fraud", "source": format!("runs:/{run}/model"), "run_id": run });
    api.post("dan", &format!("{API}/model-versions/create"), version).await.is(200);
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_data_is_told_of_the_version_that_was_made_of_it() {
    let api = crate::auditor::world().await;
    let digest = Digest([0xab; 32]);
    let logged = digest.to_string()[..36].to_owned();
    let run = trained(&api, &logged).await;
    let kept = api.post("sre-bot", "/v1/data-checks", check(None, &digest)).await.is(200);
    assert_eq!(kept["passed"], false);
    let dossier = api.get("zoe", ONE).await.is(200);
    let told = &dossier["data_checks"][0];
    assert_eq!(told["of"], json!([{ "name": "october", "digest": logged, "by": "digest" }]));
    assert_eq!((&told["by"], &told["record"], &told["rows"]), (&json!("agent:sre-bot"), &kept["record"], &json!(3)));
    let nulls = &told["findings"][2];
    assert_eq!((&nulls["column"], &nulls["line"]), (&json!("a\\u{202e}ge"), &json!(4)));
    let gaps: Vec<&str> = dossier["gaps"].as_array().unwrap().iter().map(|gap| gap["name"].as_str().unwrap()).collect();
    assert!(gaps.contains(&"data-check-failed") && !gaps.contains(&"data-not-checked"), "{gaps:?}");
    api.post("dan", "/v1/data-checks", check(Some(&run), &digest)).await.is(200);
    assert_eq!(api.get("zoe", ONE).await.is(200)["data_checks"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_checks_nothing_is_refused() {
    let api = crate::auditor::world().await;
    let digest = Digest([0xab; 32]);
    let with = |member: &str, value: Value| {
        let mut given = check(None, &digest);
        given[member] = value;
        given
    };
    for (given, status, code) in [
        (with("findings", json!([])), 422, "data-check-invalid"),
        (with("dataset", json!("")), 422, "data-check-invalid"),
        (with("run", json!("no-such-run")), 404, "not-found"),
        (with("digest", json!("abc")), 400, "request-invalid"),
        (with("rows", json!(-1)), 400, "request-invalid"),
        (with("more", json!(1)), 400, "request-invalid"),
    ] {
        api.post("dan", "/v1/data-checks", given).await.problem(status, code);
    }
    api.post("zoe", "/v1/data-checks", check(None, &digest)).await.problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_of_a_pipeline_is_told() {
    let mut files = testkit::bundle();
    let text = "models = ['fraud']\n[validate]\ndata_checked = true\n[promote]\nalias = 'champion'\nreason = 'new'\n";
    files.insert("pipelines/fraud.toml", text);
    let api = Api::over(testkit::world_with(files).await);
    trained(&api, "1f2e").await;
    let mut told = Value::Null;
    for _ in 0..200 {
        told = api.get("sre-bot", &format!("{ONE}/pipeline")).await.is(200)["pipeline"].clone();
        if told["over"] == true {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(
        (&told["step"], &told["state"], &told["by"]),
        (&json!("validate"), &json!("failed"), &json!("person:dan"))
    );
    assert_eq!(told["why"], "data-not-checked: nobody checked some of its training data");
    let steps: Vec<&str> =
        told["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["register", "validate"]);
    assert_eq!(api.get("dan", ONE).await.is(200)["pipeline"].as_array().unwrap().len(), 2);
    api.get("dan", "/v1/models/fraud/versions/9/pipeline").await.problem(404, "not-found");
}
