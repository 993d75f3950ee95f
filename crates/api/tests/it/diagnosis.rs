//! Diagnosis over HTTP, of runs that were logged as MLflow's clients log them.

use serde_json::{Value, json};

use crate::call::Api;

const API: &str = "/api/2.0/mlflow";

/// Is a run that is to be made.
pub(crate) struct Wish<'a> {
    pub(crate) lr: &'a str,
    pub(crate) seed: &'a str,
    pub(crate) digest: &'a str,
    pub(crate) status: &'a str,
    pub(crate) losses: &'a [&'a str],
    pub(crate) packages: Option<&'a [u8]>,
}

pub(crate) const GOOD: Wish<'_> = Wish {
    lr: "0.1",
    seed: "1",
    digest: "d1",
    status: "FINISHED",
    losses: &["4.0", "3.0", "2.0", "1.0", "0.5"],
    packages: Some(b"numpy==2.1\n"),
};

pub(crate) async fn make(api: &Api, started: i64, wish: Wish<'_>) -> String {
    let post = async |call: &str, body: Value| api.post("dan", &format!("{API}/runs/{call}"), body).await.is(200);
    let made = post("create", json!({ "experiment_id": "0", "start_time": started })).await;
    let run = made["run"]["info"]["run_id"].as_str().unwrap().to_owned();
    let metric = |(step, value): (i64, &&str)| match value.parse::<f64>() {
        Ok(value) if value.is_finite() => {
            json!({ "key": "loss", "value": value, "timestamp": started + step, "step": step })
        }
        _ => json!({ "key": "loss", "value": value, "timestamp": started + step, "step": step }),
    };
    let metrics: Vec<Value> = (0..).zip(wish.losses).map(metric).collect();
    let params = json!([{ "key": "lr", "value": wish.lr }, { "key": "seed", "value": wish.seed }]);
    let tags = json!([{ "key": "mlflow.source.git.commit", "value": "c1" }]);
    post("log-batch", json!({ "run_id": run, "metrics": metrics, "params": params, "tags": tags })).await;
    let dataset = json!({ "name": "sales", "digest": wish.digest, "source_type": "local", "source": "s" });
    let tags = json!([{ "key": "mlflow.data.context", "value": "training" }]);
    post("log-inputs", json!({ "run_id": run, "datasets": [{ "dataset": dataset, "tags": tags }] })).await;
    if let Some(packages) = wish.packages {
        crate::artifacts::kept(api, &format!("0/{run}/artifacts/requirements.txt"), packages).await;
    }
    if wish.status != "RUNNING" {
        post("update", json!({ "run_id": run, "status": wish.status, "end_time": started + 99 })).await;
    }
    run
}

async fn diagnosis(api: &Api, run: &str) -> Value {
    api.get("zoe", &format!("/v1/runs/{run}/diagnosis")).await.is(200)
}

/// Makes three runs that came out well.
async fn with_successes() -> (Api, Vec<String>) {
    let api = crate::auditor::world().await;
    let mut runs = Vec::new();
    for (started, lr, seed) in [(1_000, "0.1", "1"), (2_000, "0.05", "2"), (3_000, "0.2", "3")] {
        runs.push(make(&api, started, Wish { lr, seed, ..GOOD }).await);
    }
    (api, runs)
}

const BURST: [&str; 5] = ["4.0", "40.0", "1e30", "NaN", "NaN"];

#[tokio::test]
async fn a_failed_run_is_traced_to_its_cause_with_the_step_at_which_it_broke() {
    let (api, good) = with_successes().await;
    let failed = make(&api, 2_900, Wish { lr: "50", seed: "9", status: "FAILED", losses: &BURST, ..GOOD }).await;
    let found = diagnosis(&api, &failed).await;
    assert_eq!(found["run"]["failed"], "its status is FAILED");
    assert_eq!((&found["verdict"], &found["causes"]), (&json!("named"), &json!(1)));
    assert_eq!(found["says"], "most likely parameter `lr`: no other difference says as much");
    assert_eq!(found["beside"]["run"]["id"], good[2], "the nearest in time of those that differ as much");
    assert_eq!(
        (&found["beside"]["differing"], &found["beside"]["facts"], &found["beside"]["named"]),
        (&json!(2), &json!(5), &json!(false))
    );
    let shown: Vec<Value> = found["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!([one["aspect"], one["name"], one["run"], one["beside"], one["weight"]]))
        .collect();
    let expected = json!([["parameter", "lr", "50", "0.2", "outside"], ["parameter", "seed", "9", "3", "varied"]]);
    assert_eq!(json!(shown), expected);
    assert_eq!(found["first"], "loss");
    let loss = &found["curves"][0];
    assert_eq!((&loss["leaves"]["step"], &loss["leaves"]["value"]), (&json!(1), &json!("40.0")));
    assert_eq!((&loss["no_number"]["step"], &loss["no_number"]["before"]), (&json!(3), &json!("1e+30")));
    assert_eq!((&found["gaps"], &found["successes"], &found["set_aside"]), (&json!([]), &json!(3), &json!(0)));
    let mut neighbours = vec![good[2].clone(), good[1].clone(), good[0].clone()];
    assert_eq!(found["neighbours"], json!(neighbours));
    // Beside another one, none but that one's curves are compared.
    let against = api.get("sre-bot", &format!("/v1/runs/{failed}/diagnosis?against={}", good[0])).await.is(200);
    neighbours.truncate(1);
    assert_eq!((&against["beside"]["named"], &against["neighbours"]), (&json!(true), &json!([good[0]])));
    assert_eq!(against["curves"][0]["leaves"]["of"], 1);
    assert_eq!(against["verdict"], "named", "all successes are evidence all the same");
}

#[tokio::test]
async fn data_and_libraries_are_compared_by_what_was_logged_of_them() {
    let (api, _) = with_successes().await;
    let broken = Wish { status: "FAILED", losses: &BURST, seed: "9", ..GOOD };
    let data = make(&api, 4_000, Wish { digest: "d2", ..broken }).await;
    let found = diagnosis(&api, &data).await;
    assert_eq!((&found["differences"][0]["aspect"], &found["causes"]), (&json!("data"), &json!(1)));
    assert_eq!(found["differences"][0]["beside"], "sales d1");
    let packages = Some(&b"numpy==1.26\n"[..]);
    let broken = Wish { status: "KILLED", losses: &BURST, seed: "9", packages, ..GOOD };
    let found = diagnosis(&api, &make(&api, 5_000, broken).await).await;
    assert_eq!((&found["differences"][0]["name"], &found["causes"]), (&json!("package numpy"), &json!(1)));
    // No list of packages: that is told, and nothing is made up.
    let bare = Wish { status: "FAILED", losses: &BURST, seed: "9", packages: None, ..GOOD };
    let found = diagnosis(&api, &make(&api, 6_000, bare).await).await;
    assert_eq!(found["verdict"], "only-weak");
    assert_eq!(found["gaps"][0]["says"], "not recorded of this run: libraries, container and hardware");
}

#[tokio::test]
async fn runs_that_are_no_success_are_not_set_beside_anything() {
    let api = crate::auditor::world().await;
    let nan = make(&api, 1_000, Wish { losses: &["NaN"], ..GOOD }).await;
    let said = make(&api, 1_001, GOOD).await;
    let tag = json!({ "run_id": said, "key": "countersign.outcome", "value": "failed" });
    api.post("dan", &format!("{API}/runs/set-tag"), tag).await.is(200);
    let gone = make(&api, 1_002, GOOD).await;
    api.post("dan", &format!("{API}/runs/delete"), json!({ "run_id": gone })).await.is(200);
    make(&api, 1_003, Wish { status: "RUNNING", ..GOOD }).await;
    let failed = make(&api, 1_004, Wish { status: "FAILED", losses: &BURST, ..GOOD }).await;
    let found = diagnosis(&api, &failed).await;
    assert_eq!(
        (&found["verdict"], &found["successes"], &found["set_aside"]),
        (&json!("no-success"), &json!(0), &json!(2))
    );
    assert_eq!(found.get("beside"), None);
    assert_eq!(found["curves"][0]["no_number"]["step"], 3, "its own curves are told nonetheless");
    // Nothing says of a success that it failed.
    let fine = make(&api, 1_005, GOOD).await;
    assert_eq!(diagnosis(&api, &fine).await["run"].get("failed"), None);
    let against = api.get("dan", &format!("/v1/runs/{failed}/diagnosis?against={nan}")).await.is(200);
    assert_eq!(against["beside"]["run"]["failed"], "the latest value of `loss` is no number");
}

#[tokio::test]
async fn what_cannot_be_diagnosed_is_refused() {
    let (api, good) = with_successes().await;
    let one = &good[0];
    api.get("dan", "/v1/runs/nobody/diagnosis").await.problem(404, "not-found");
    api.get("dan", &format!("/v1/runs/{one}/diagnosis?against=nobody")).await.problem(404, "not-found");
    api.get("dan", &format!("/v1/runs/{one}/diagnosis?against={one}")).await.problem(400, "request-invalid");
    api.get("dan", &format!("/v1/runs/{one}/diagnosis?beside={one}")).await.problem(400, "request-invalid");
}

#[tokio::test]
async fn what_somebody_logged_cannot_pass_for_something_else() {
    let (api, _) = with_successes().await;
    let failed = make(&api, 4_000, Wish { lr: "1\u{202e}0", status: "FAILED", losses: &BURST, ..GOOD }).await;
    let found = diagnosis(&api, &failed).await;
    assert!(!found.to_string().contains('\u{202e}'));
    assert!(found["differences"][0]["run"].as_str().unwrap().contains("202e"), "{}", found["differences"][0]["run"]);
}
