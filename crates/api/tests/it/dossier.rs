//! The dossier of a version over HTTP: what was logged, evaluated, decided and seen comes together, differences are told, and the evidence
//! is about that version.

use evidence::{About, Archive};
use serde_json::{Value, json};

use crate::call::Api;

const API: &str = "/api/2.0/mlflow";
const ONE: &str = "/v1/models/fraud/versions/1";

fn gaps(dossier: &Value) -> Vec<&str> {
    dossier["gaps"].as_array().unwrap().iter().map(|gap| gap["name"].as_str().unwrap()).collect()
}

/// Logs a run with a rate, registers what it made, sealed, and returns the run.
async fn trained(api: &Api, rate: &str) -> String {
    let tags = json!([{ "key": "mlflow.source.git.commit", "value": "c0ffee" }]);
    let run = json!({ "experiment_id": "0", "user_id": "dan", "run_name": "train", "tags": tags });
    let run = api.post("dan", &format!("{API}/runs/create"), run).await.is(200);
    let run = run["run"]["info"]["run_id"].as_str().unwrap().to_owned();
    let batch = json!({
        "run_id": run, "params": [{ "key": "rate", "value": rate }],
        "metrics": [{ "key": "loss", "value": 0.5, "timestamp": 1, "step": 1 }],
    });
    api.post("dan", &format!("{API}/runs/log-batch"), batch).await.is(200);
    api.post("dan", &format!("{API}/runs/update"), json!({ "run_id": run, "status": "FINISHED", "end_time": 9 }))
        .await
        .is(200);
    let (model, _) = crate::artifacts::ready(api, &[("MLmodel", rate.as_bytes())]).await;
    let version = json!({ "name": "fraud", "source": format!("models:/{model}"), "model_id": model, "run_id": run });
    api.post("dan", &format!("{API}/model-versions/create"), version).await.is(200);
    run
}

async fn world() -> Api {
    let api = crate::auditor::world().await;
    api.post("dan", &format!("{API}/registered-models/create"), json!({ "name": "fraud" })).await.is(200);
    api
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_kept_of_a_version_comes_together() {
    let api = world().await;
    let run = trained(&api, "0.1").await;
    let check = json!({ "name": "auc", "value": "0.93", "interval": ["0.91", "0.95"], "demanded": ">= 0.9" });
    let evaluation = json!({ "suite": "holdout", "checks": [check], "run": run, "dataset": "october" });
    let kept = api.post("sre-bot", &format!("{ONE}/evaluations"), evaluation).await.is(200);
    assert_eq!((&kept["passed"], &kept["sealed"]), (&json!(true), &json!(true)));
    let put = |what: &str| format!("/v1/models/fraud/{what}");
    let wish = json!({ "version": 1, "reason": "the first" });
    api.call("dan", "PUT", &put("aliases/champion"), Some(wish.clone())).await.is(200);
    api.call("dan", "PUT", &put("deployments/eu"), Some(wish)).await.is(200);
    let dossier = api.get("zoe", ONE).await.is(200);
    let seen = json!({ "version": 1, "digest": dossier["seal"]["digest"] });
    let seen = api.post("sre-bot", &put("deployments/eu/observed"), seen).await.is(200);
    assert_eq!((seen["state"].as_str(), seen["proved"].as_bool()), (Some("as-declared"), Some(true)));

    let dossier = api.get("zoe", "/v1/models/fraud/versions/@champion").await.is(200);
    let run_shown = &dossier["run"];
    assert_eq!(
        (run_shown["id"].as_str(), &run_shown["params"]),
        (Some(run.as_str()), &json!([{ "name": "rate", "value": "0.1" }]))
    );
    assert_eq!(run_shown["metrics"], json!([{ "name": "loss", "value": 0.5, "step": 1 }]));
    assert!(run_shown["anchor"]["record"].is_u64() && dossier["seal"]["record"].is_u64(), "{dossier:#}");
    let told = &dossier["evaluations"][0];
    assert_eq!(
        (told["suite"].as_str(), told["by"].as_str(), told["of_these_files"].as_bool(), &told["record"]),
        (Some("holdout"), Some("agent:sre-bot"), Some(true), &kept["record"])
    );
    let standing = dossier["standing"].as_array().unwrap();
    assert_eq!(standing.len(), 2);
    for one in standing {
        let decided = dossier["decisions"].as_array().unwrap().iter().find(|other| other["action"] == one["action"]);
        assert_eq!(decided.unwrap()["outcome"], "done");
        assert_eq!(decided.unwrap()["purpose"], "the first");
    }
    assert_eq!(
        gaps(&dossier),
        ["no-training-data", "data-not-checked", "no-environment", "no-infrastructure"],
        "what is not known is told: {dossier:#}"
    );
    api.get("zoe", "/v1/models/fraud/versions/9").await.problem(404, "not-found");
    api.get("zoe", "/v1/models/fraud/versions/@nobody").await.problem(400, "request-invalid");
    api.get("sre-bot", ONE).await.problem(403, "forbidden");

    api.world.control.publish().unwrap();
    let bytes = api.get("zoe", &format!("{ONE}/evidence")).await;
    assert_eq!(bytes.status.as_u16(), 200);
    let archive = Archive::from_bytes(&bytes.bytes).unwrap();
    let About::Version { model, version, run: of_run, actions, .. } = &archive.manifest.about else {
        panic!("{:?}", archive.manifest.about)
    };
    assert_eq!((model.as_str(), *version, of_run.as_deref(), actions.len()), ("fraud", 1, Some(run.as_str()), 2));
    // The seal, the run, the evaluation and what the host said, and of each move its decision and its outcome.
    assert_eq!(archive.manifest.records.len(), 4 + 2 * 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_are_told_apart_part_by_part() {
    let api = world().await;
    trained(&api, "0.1").await;
    trained(&api, "0.2").await;
    let compared = api.get("zoe", "/v1/models/fraud/compare?from=1&to=2").await.is(200);
    let differences = compared["differences"].as_array().unwrap();
    let told: Vec<(&str, &str)> =
        differences.iter().map(|one| (one["part"].as_str().unwrap(), one["name"].as_str().unwrap())).collect();
    assert_eq!(told, [("files", "all"), ("parameters", "rate")]);
    assert_eq!((&differences[1]["from"], &differences[1]["to"]), (&json!("0.1"), &json!("0.2")));
    let same = compared["same"].as_array().unwrap().iter();
    let of = |part: &str| same.clone().find(|one| one["part"] == part).map(|one| one["count"].as_u64().unwrap());
    assert_eq!((of("metrics"), of("code"), of("files")), (Some(1), Some(1), None));
    let itself = api.get("zoe", "/v1/models/fraud/compare?from=2&to=2").await.is(200);
    assert_eq!(itself["differences"], json!([]));
    api.get("zoe", "/v1/models/fraud/compare?from=1&to=3").await.problem(404, "not-found");
    api.get("zoe", "/v1/models/fraud/compare?from=1").await.problem(400, "request-invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_and_kept_nowhere() {
    let api = world().await;
    trained(&api, "0.1").await;
    let size = api.world.control.size();
    for (body, code) in [
        (json!({ "suite": "s", "checks": [] }), "evaluation-invalid"),
        (json!({ "suite": "", "checks": [{ "name": "a", "passed": true }] }), "evaluation-invalid"),
        (
            json!({ "suite": "s", "checks": [{ "name": "a", "passed": true, "value": "1", "demanded": ">2" }] }),
            "evaluation-invalid",
        ),
        (json!({ "suite": "s", "checks": [{ "name": "a", "passed": true, "more": 1 }] }), "request-invalid"),
        (json!({ "checks": [{ "name": "a", "passed": true }] }), "request-invalid"),
    ] {
        api.post("dan", &format!("{ONE}/evaluations"), body)
            .await
            .problem(if code == "request-invalid" { 400 } else { 422 }, code);
    }
    let one = json!({ "suite": "s", "checks": [{ "name": "a", "passed": true }], "run": "nobody" });
    api.post("dan", &format!("{ONE}/evaluations"), one).await.problem(404, "not-found");
    let path = "/v1/models/fraud/deployments/eu/observed";
    for body in
        [json!({ "digest": "00".repeat(32) }), json!({ "version": 1, "digest": "short" }), json!({ "version": -1 })]
    {
        api.post("dan", path, body).await.problem(400, "request-invalid");
    }
    api.post("dan", "/v1/models/fraud/deployments/%20/observed", json!({ "version": 1 }))
        .await
        .problem(400, "request-invalid");
    api.post("zoe", path, json!({ "version": 1 })).await.problem(403, "forbidden");
    let wish = json!({ "version": 9, "reason": "why" });
    api.call("dan", "PUT", "/v1/models/fraud/deployments/eu", Some(wish)).await.problem(404, "not-found");
    let wish = json!({ "version": 1, "reason": " " });
    api.call("dan", "PUT", "/v1/models/fraud/deployments/eu", Some(wish)).await.problem(400, "request-invalid");
    assert_eq!(api.world.control.size(), size);
}
