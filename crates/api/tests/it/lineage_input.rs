//! Lineage: what is sent, packed or not, one by one or in batches; and how what cannot be read is refused.

use axum::http::header;
use serde_json::json;

use crate::call::{Answer, Api, request};
use crate::lineage::{API, RUN, get, gzip, packed, run_event, send};

#[tokio::test]
async fn what_is_packed_is_unpacked_up_to_a_bound() {
    let api = Api::new().await;
    let event = run_event("START", 1, RUN, "load", &["raw"], &[]).to_string();
    assert_eq!(api.send(packed(&api, "gzip", &gzip(event.as_bytes()))).await.status, 201);
    let bomb = gzip(&vec![b' '; (32 << 20) + 1]);
    assert!(bomb.len() < 1 << 20);
    api.send(packed(&api, "gzip", &bomb)).await.problem(413, "payload-too-large");
    let fits = [vec![b' '; (32 << 20) - event.len()], event.replace("START", "RUNNING").into_bytes()].concat();
    assert!(fits.len() > 32 << 20);
    api.send(packed(&api, "gzip", &gzip(&fits[2..]))).await.succeeds("a body at the bound");
    let whole = gzip(event.as_bytes());
    for broken in [&b"no gzip"[..], &whole[..whole.len() / 2], &[whole.clone(), b"more".to_vec()].concat()] {
        api.send(packed(&api, "gzip", broken)).await.problem(400, "encoding-invalid");
    }
    api.send(packed(&api, "br", b"x")).await.problem(415, "encoding-invalid");
    api.send(packed(&api, "gzip, gzip", &gzip(&whole))).await.problem(415, "encoding-invalid");
    let large = "x".repeat((16 << 20) + 1);
    api.send(packed(&api, "identity", large.as_bytes())).await.problem(413, "payload-too-large");
    assert_eq!(get(&api, "events/lineage").await["totalCount"], 2);
}

#[tokio::test]
async fn of_a_batch_what_can_be_read_is_kept_and_the_rest_is_told() {
    let api = Api::new().await;
    let path = format!("{API}/lineage/batch");
    let good = run_event("START", 1, RUN, "load", &["raw"], &[]);
    let told = api.post("dan", &path, json!([good, { "eventTime": 5 }, 7])).await.is(200);
    assert_eq!(told["status"], "partial_success");
    let summary = json!({ "received": 3, "successful": 1, "failed": 2, "retriable": 0, "non_retriable": 2 });
    assert_eq!(told["summary"], summary);
    assert_eq!(
        (&told["failed_events"][0]["index"], &told["failed_events"][0]["retriable"]),
        (&json!(1), &json!(false))
    );
    assert!(told["failed_events"][0]["reason"].as_str().unwrap().starts_with("lineage-event-invalid: eventTime"));
    assert_eq!(api.post("dan", &path, json!([good])).await.status, 204);
    assert_eq!(api.post("dan", &path, json!([])).await.status, 204);
    api.post("dan", &path, good.clone()).await.problem(400, "lineage-event-invalid");
    api.post("dan", &path, json!(vec![5; 10_001])).await.problem(413, "payload-too-large");
    assert_eq!(get(&api, "events/lineage").await["totalCount"], 1);
}

async fn sent(api: &Api, body: &str) -> Answer {
    api.send(request("POST", &format!("{API}/lineage"), Some(api.world.token("dan")), Some(body.to_owned()))).await
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_its_code_and_nothing_is_kept() {
    let api = Api::new().await;
    let event = run_event("START", 1, RUN, "load", &["raw"], &[]);
    for (body, code) in [
        ("", "json-malformed"),
        ("{", "json-malformed"),
        ("[]", "lineage-event-invalid"),
        ("{}", "lineage-event-invalid"),
        ("{\"a\": 1, \"a\": 2}", "json-duplicate-key"),
        (&"[".repeat(65), "json-too-deep"),
        (&event.to_string().replace("START", "BEGIN"), "lineage-event-invalid"),
        (&event.to_string().replace(RUN, "7"), "lineage-event-invalid"),
    ] {
        sent(&api, body).await.problem(400, code);
    }
    let mut plain = request("POST", &format!("{API}/lineage"), Some(api.world.token("dan")), Some(event.to_string()));
    plain.headers_mut().remove(header::CONTENT_TYPE);
    api.send(plain).await.problem(415, "request-invalid");
    for node in ["", "x", "dataset:", "model:a:b", "datasetField:a:b"] {
        let path = format!("{API}/lineage?nodeId={node}");
        api.get("dan", &path).await.problem(400, "lineage-node-invalid");
    }
    for (path, status, code) in [
        ("lineage", 400, "request-invalid"),
        ("lineage?nodeId=dataset:ns:raw", 404, "not-found"),
        ("lineage?nodeId=job:ns:raw&depth=-1", 400, "request-invalid"),
        ("lineage?nodeId=job:ns:raw&depth=1001", 400, "request-invalid"),
        ("column-lineage?nodeId=dataset:ns:raw&withDownstream=maybe", 400, "request-invalid"),
        ("column-lineage?nodeId=datasetField:ns:raw:x", 404, "not-found"),
        ("namespaces/ns/datasets/raw", 404, "not-found"),
        ("namespaces/ns/jobs/load", 404, "not-found"),
        ("namespaces/ns/jobs/load/runs", 404, "not-found"),
        ("namespaces?limit=1001", 400, "request-invalid"),
        ("jobs/runs/7", 404, "not-found"),
        ("events/lineage?after=today", 400, "request-invalid"),
        ("events/lineage?sortDirection=up", 400, "request-invalid"),
        ("nowhere", 404, "not-found"),
    ] {
        api.get("dan", &format!("{API}/{path}")).await.problem(status, code);
    }
    assert_eq!(get(&api, "events/lineage").await["totalCount"], 0);
    assert_eq!(get(&api, "namespaces").await["namespaces"], json!([]));
}

#[tokio::test]
async fn what_looks_like_a_query_is_a_name() {
    let api = Api::new().await;
    let name = "x'); DROP TABLE lineage_node; --";
    send(&api, &run_event("COMPLETE", 1, RUN, name, &["100%_"], &["\"; SELECT 1"])).await;
    assert_eq!(get(&api, "namespaces/ns/jobs").await["jobs"][0]["name"], name);
    assert_eq!(get(&api, "namespaces/ns/datasets/100%25_").await["name"], "100%_");
    assert_eq!(get(&api, "namespaces/ns/jobs/x%27%29%3B%20DROP%20TABLE%20lineage_node%3B%20--").await["name"], name);
}

#[tokio::test]
async fn events_are_told_as_they_were_sent() {
    let api = Api::new().await;
    let event = r#"{"eventTime":"2026-01-02T03:04:05Z","producer":"p","schemaURL":"s","dataset":{"namespace":"n","name":"d","facets":{"mine":{"_producer":"p","_schemaURL":"s","big":123456789012345678901234567890,"e":1e400,"u":"\u00e4"}}}}"#;
    assert_eq!(sent(&api, event).await.status, 201);
    let told = api.get("dan", &format!("{API}/events/lineage")).await;
    let text = String::from_utf8(told.bytes).unwrap();
    assert!(text.contains(event), "{text}");
    let facets = api.get("dan", &format!("{API}/namespaces/n/datasets/d")).await;
    assert!(String::from_utf8(facets.bytes).unwrap().contains(r#""big":123456789012345678901234567890,"e":1e400"#));
    let span = "events/lineage?after=2026-01-02T03:04:05Z&before=2026-01-02T03:04:06Z";
    let count = async |path: &str| get(&api, path).await["events"].as_array().map(Vec::len);
    assert_eq!(
        api.get("dan", &format!("{API}/events/lineage?before=2026-01-02T03:04:05Z")).await.is(200)["totalCount"],
        0
    );
    // What is read here as JSON has a number that no float holds, so only its place is looked at.
    let text = String::from_utf8(api.get("dan", &format!("{API}/{span}")).await.bytes).unwrap();
    assert!(text.contains("\"totalCount\":1"));
    assert_eq!(count("events/lineage?before=2026-01-01T00:00:00Z").await, Some(0));
}
