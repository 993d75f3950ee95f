//! The tracking server: who may call it, what it keeps, and how it refuses. What MLflow's own server answers is compared in `acceptance/mlflow.sh`.

use axum::body::Body;
use axum::http::{Method, Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_api::{ForeignCall, tracking_calls};
use serde_json::{Value, json};

use crate::call::{Answer, Api, request};

const API: &str = "/api/2.0/mlflow";

/// Demands a refusal as MLflow's clients know it.
fn refused(answer: Answer, status: u16, code: &str) -> String {
    let body = answer.is(status);
    assert_eq!(body["error_code"], code, "{body}");
    body["message"].as_str().unwrap().to_owned()
}

pub(crate) async fn make_run(api: &Api, who: &str) -> String {
    let wish = json!({ "experiment_id": "0", "run_name": "a run", "start_time": 5 });
    let made = api.post(who, &format!("{API}/runs/create"), wish).await.is(200);
    made["run"]["info"]["run_id"].as_str().unwrap().to_owned()
}

async fn run(api: &Api, id: &str) -> Value {
    api.get("dan", &format!("{API}/runs/get?run_id={id}")).await.is(200)["run"].clone()
}

#[tokio::test]
async fn every_call_needs_a_key_and_an_auditors_key_only_reads() {
    let api = crate::auditor::world().await;
    assert!(tracking_calls().len() > 20);
    for ForeignCall { method, path, writes } in tracking_calls() {
        let body = matches!(method, Method::POST | Method::PATCH).then(|| "{}".to_owned());
        for token in [None, Some("cs_nobody"), Some("")] {
            let answer = api.send(request(method.as_str(), &path, token, body.clone())).await;
            refused(answer, 401, "UNAUTHENTICATED");
        }
        let answer = api.send(request(method.as_str(), &path, Some(api.world.token("zoe")), body)).await;
        if writes {
            refused(answer, 403, "PERMISSION_DENIED");
        } else {
            assert!(matches!(answer.status.as_u16(), 200 | 400 | 404 | 501), "{path}: {}", answer.status);
        }
    }
}

#[tokio::test]
async fn nothing_is_read_of_whoever_has_no_key_and_no_more_than_a_body_may_hold() {
    let api = Api::new().await;
    let large = || Some(format!("{{\"name\": \"{}\"}}", "x".repeat(32 << 20)));
    let path = format!("{API}/experiments/create");
    refused(api.send(request("POST", &path, None, large())).await, 401, "UNAUTHENTICATED");
    refused(api.send(request("POST", &path, Some(api.world.token("dan")), large())).await, 400, "BAD_REQUEST");
}

#[tokio::test]
async fn a_key_is_also_a_password_under_any_name() {
    let api = Api::new().await;
    let basic = |pair: &str| {
        let value = format!("Basic {}", STANDARD.encode(pair));
        Request::get(format!("{API}/experiments/get?experiment_id=0"))
            .header(header::HOST, "127.0.0.1:7717")
            .header(header::AUTHORIZATION, value)
            .body(Body::empty())
            .unwrap()
    };
    let key = api.world.token("dan");
    assert_eq!(api.send(basic(&format!("dan:{key}"))).await.is(200)["experiment"]["name"], "Default");
    api.send(basic(&format!(":{key}"))).await.is(200);
    for pair in [format!("{key}:"), key.to_owned(), "dan:cs_nobody".into()] {
        refused(api.send(basic(&pair)).await, 401, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn what_a_run_logs_is_there_after_a_restart() {
    let api = Api::new().await;
    let id = make_run(&api, "sre-bot").await;
    let metric = |key: &str, value: f64, step: i64| json!({ "key": key, "value": value, "timestamp": 7, "step": step });
    let batch = json!({
        "run_id": id,
        "metrics": [metric("loss", 0.5, 1), metric("loss", 0.25, 2), metric("loss", 0.75, 0)],
        "params": [{ "key": "lr", "value": "0.1" }],
        "tags": [{ "key": "team", "value": "risk" }],
    });
    api.post("sre-bot", &format!("{API}/runs/log-batch"), batch).await.is(200);
    let before = run(&api, &id).await;
    assert_eq!(before["data"]["metrics"], json!([{ "key": "loss", "value": 0.25, "timestamp": 7, "step": 2 }]));
    let Api { world, router } = api;
    drop(router);
    let api = Api::over(world.restart().await);
    assert_eq!(run(&api, &id).await, before);
    let history = api.get("dan", &format!("{API}/metrics/get-history?run_id={id}&metric_key=loss")).await.is(200);
    let steps: Vec<i64> = history["metrics"].as_array().unwrap().iter().map(|m| m["step"].as_i64().unwrap()).collect();
    assert_eq!(steps, [0, 1, 2]);
}

#[tokio::test]
async fn a_batch_is_kept_whole_or_not_at_all() {
    let api = Api::new().await;
    let id = make_run(&api, "dan").await;
    api.post("dan", &format!("{API}/runs/log-parameter"), json!({ "run_id": id, "key": "lr", "value": "1" }))
        .await
        .is(200);
    let before = run(&api, &id).await;
    let batch = json!({
        "run_id": id,
        "metrics": [{ "key": "loss", "value": 1, "timestamp": 1 }],
        "params": [{ "key": "new", "value": "1" }, { "key": "lr", "value": "2" }],
        "tags": [{ "key": "team", "value": "risk" }],
    });
    let said = refused(api.post("dan", &format!("{API}/runs/log-batch"), batch).await, 400, "INVALID_PARAMETER_VALUE");
    assert!(said.starts_with("Changing param values is not allowed."), "{said}");
    assert_eq!(run(&api, &id).await, before);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_nothing_is_kept() {
    let api = Api::new().await;
    let id = make_run(&api, "dan").await;
    let before = run(&api, &id).await;
    let point = json!({ "run_id": id, "key": "m", "value": 1, "timestamp": 1 });
    for (field, value) in [
        ("value", json!("x")),
        ("value", json!([])),
        ("timestamp", json!(1.5)),
        ("timestamp", json!("soon")),
        ("step", json!(1e300)),
    ] {
        let mut wish = point.clone();
        wish[field] = value;
        let answer = api.post("dan", &format!("{API}/runs/log-metric"), wish).await;
        refused(answer, 400, "INVALID_PARAMETER_VALUE");
    }
    assert_eq!(run(&api, &id).await, before);
    for body in ["", "[", "[]", "5", "\"x\"", "{\"a\": ", "\u{0}"] {
        let request =
            request("POST", &format!("{API}/runs/log-batch"), Some(api.world.token("dan")), Some(body.to_owned()));
        refused(api.send(request).await, 400, "INVALID_PARAMETER_VALUE");
    }
    let nowhere = api.get("dan", &format!("{API}/nowhere")).await;
    refused(nowhere, 404, "ENDPOINT_NOT_FOUND");
}

#[tokio::test]
async fn what_looks_like_a_query_is_a_name() {
    let api = Api::new().await;
    let name = "'; DROP TABLE run; --";
    api.post("dan", &format!("{API}/experiments/create"), json!({ "name": name })).await.is(200);
    for text in ["tags.`x' OR 1=1 --` = 'a'", "name = ''' OR 1=1 --'", "name = \"'; DELETE FROM run; --\""] {
        let wish = json!({ "max_results": 10, "filter": text });
        let found = api.post("dan", &format!("{API}/experiments/search"), wish).await;
        assert!(found.status.is_client_error() || found.json() == json!({}), "{text}: {}", found.json());
    }
    let wish = json!({ "max_results": 10, "filter": format!("name = \"{name}\"") });
    let found = api.post("dan", &format!("{API}/experiments/search"), wish).await.is(200);
    assert_eq!(found["experiments"][0]["name"], name);
}
