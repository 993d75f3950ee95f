//! Lineage: who may call it, what it keeps, what a graph holds, and how it refuses.

use std::collections::BTreeSet;
use std::io::Write as _;

use axum::body::Body;
use axum::http::{Method, Request, header};
use countersign_api::{ForeignCall, lineage_calls};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::call::{Api, request};

pub const API: &str = "/api/v1";

pub const RUN: &str = "f69a6e9b-9bac-3c9a-9cf6-eacb70ecc9a9";

/// Returns a run event of the job `ns`/`job`, at so many seconds.
pub fn run_event(state: &str, second: u32, run: &str, job: &str, inputs: &[&str], outputs: &[&str]) -> Value {
    let sets = |names: &[&str]| names.iter().map(|name| json!({ "namespace": "ns", "name": name })).collect::<Vec<_>>();
    json!({
        "eventType": state,
        "eventTime": format!("2026-01-02T03:{:02}:{:02}Z", second / 60, second % 60),
        "producer": "https://example.com",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": { "runId": run },
        "job": { "namespace": "ns", "name": job },
        "inputs": sets(inputs),
        "outputs": sets(outputs),
    })
}

pub fn run_id(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012x}")
}

pub fn facet(mut members: Value) -> Value {
    members["_producer"] = "p".into();
    members["_schemaURL"] = "s".into();
    members
}

pub fn dataset_event(second: u32, name: &str, facets: Value) -> Value {
    json!({
        "eventTime": format!("2026-01-02T03:{:02}:{:02}Z", second / 60, second % 60),
        "producer": "p",
        "schemaURL": "s",
        "dataset": { "namespace": "ns", "name": name, "facets": facets },
    })
}

pub async fn send(api: &Api, event: &Value) {
    api.post("dan", &format!("{API}/lineage"), event.clone()).await.succeeds("lineage");
}

pub async fn get(api: &Api, path: &str) -> Value {
    api.get("dan", &format!("{API}/{path}")).await.is(200)
}

pub async fn graph(api: &Api, node: &str) -> Value {
    get(api, &format!("lineage?nodeId={node}")).await
}

pub fn ids(graph: &Value) -> Vec<&str> {
    graph["graph"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect()
}

pub fn node<'a>(graph: &'a Value, id: &str) -> &'a Value {
    graph["graph"].as_array().unwrap().iter().find(|node| node["id"] == id).unwrap()
}

#[tokio::test]
async fn every_call_needs_a_key_and_an_auditors_key_only_reads() {
    let api = crate::auditor::world().await;
    let calls = lineage_calls();
    assert_eq!(calls.iter().filter(|call| call.writes).count(), 2);
    assert!(calls.len() >= 12);
    for ForeignCall { method, path, writes } in calls {
        let path = path.replace(['{', '}'], "");
        let body = (method == Method::POST).then(|| "{}".to_owned());
        for token in [None, Some("cs_nobody"), Some("")] {
            let answer = api.send(request(method.as_str(), &path, token, body.clone())).await;
            answer.problem(401, "unauthenticated");
        }
        let answer = api.send(request(method.as_str(), &path, Some(api.world.token("zoe")), body)).await;
        if writes {
            answer.problem(403, "forbidden");
        } else {
            assert!(matches!(answer.status.as_u16(), 200 | 400 | 404), "{path}: {}", answer.status);
        }
    }
    assert_eq!(get(&api, "events/lineage").await["totalCount"], 0, "nothing was kept");
}

#[tokio::test]
async fn a_run_goes_in_and_a_graph_comes_out_and_is_there_after_a_restart() {
    let api = Api::new().await;
    send(&api, &run_event("START", 1, RUN, "load", &["raw"], &[])).await;
    send(&api, &run_event("COMPLETE", 61, RUN, "load", &[], &["clean"])).await;
    send(&api, &run_event("COMPLETE", 70, &run_id(2), "train", &["clean"], &["scores"])).await;
    let before = graph(&api, "dataset:ns:clean").await;
    assert_eq!(before["truncated"], false);
    assert_eq!(
        ids(&before),
        ["dataset:ns:clean", "dataset:ns:raw", "dataset:ns:scores", "job:ns:load", "job:ns:train"]
    );
    let clean = node(&before, "dataset:ns:clean");
    assert_eq!(clean["type"], "DATASET");
    assert_eq!(clean["data"]["id"], json!({ "namespace": "ns", "name": "clean" }));
    assert_eq!(clean["inEdges"], json!([{ "origin": "job:ns:load", "destination": "dataset:ns:clean" }]));
    assert_eq!(clean["outEdges"], json!([{ "origin": "dataset:ns:clean", "destination": "job:ns:train" }]));
    let load = &node(&before, "job:ns:load")["data"];
    assert_eq!(load["inputs"], json!([{ "namespace": "ns", "name": "raw" }]));
    assert_eq!(load["outputs"], json!([{ "namespace": "ns", "name": "clean" }]));
    assert_eq!(load["latestRun"]["id"], RUN);
    assert_eq!(load["latestRun"]["state"], "COMPLETED");
    assert_eq!(load["latestRun"]["durationMs"], 60_000);
    let Api { world, router } = api;
    drop(router);
    let api = Api::over(world.restart().await);
    assert_eq!(graph(&api, "dataset:ns:clean").await, before);
    let run = get(&api, &format!("jobs/runs/{RUN}")).await;
    assert_eq!(run["job"], json!({ "namespace": "ns", "name": "load" }));
    assert_eq!(run["outputDatasetVersions"][0]["datasetVersionId"]["name"], "clean");
    assert_eq!(get(&api, "namespaces").await["namespaces"][0]["name"], "ns");
    assert_eq!(get(&api, "namespaces/ns/datasets").await["totalCount"], 3);
    assert_eq!(get(&api, "namespaces/ns/jobs?limit=1").await["jobs"].as_array().unwrap().len(), 1);
    assert_eq!(get(&api, "namespaces/ns/jobs/load/runs").await["runs"][0]["id"], RUN);
}

/// Returns all that can be read of what was sent.
async fn everything(api: &Api) -> Vec<Value> {
    let mut all = Vec::new();
    for path in [
        "events/lineage?sortDirection=asc",
        "namespaces",
        "namespaces/ns/datasets",
        "namespaces/ns/jobs",
        "namespaces/ns/jobs/load/runs",
        "lineage?nodeId=job:ns:load",
        "column-lineage?nodeId=dataset:ns:clean",
    ] {
        all.push(get(api, path).await);
    }
    all
}

#[tokio::test]
async fn the_same_event_again_changes_nothing_however_it_is_laid_out_or_packed() {
    let api = Api::new().await;
    let event = run_event("COMPLETE", 1, RUN, "load", &["raw"], &["clean"]);
    let path = format!("{API}/lineage");
    assert_eq!(api.post("dan", &path, event.clone()).await.status, 201);
    send(&api, &run_event("START", 2, RUN, "load", &["raw", "more"], &[])).await;
    let before = everything(&api).await;
    let token = api.world.token("dan");
    let spaced = serde_json::to_string_pretty(&event).unwrap();
    assert_eq!(api.send(request("POST", &path, Some(token), Some(spaced.clone()))).await.status, 200);
    assert_eq!(api.send(packed(&api, "gzip", &gzip(spaced.as_bytes()))).await.status, 200);
    assert_eq!(api.post("dan", &format!("{path}/batch"), json!([event, event])).await.status, 204);
    assert_eq!(everything(&api).await, before);
    assert_eq!(before[0]["totalCount"], 2);
}

fn story() -> Vec<Value> {
    let fields = |names: &[&str]| {
        let fields: Vec<_> = names.iter().map(|name| json!({ "name": name, "type": "INT" })).collect();
        json!({ "schema": facet(json!({ "fields": fields })) })
    };
    let input = |field: &str| json!({ "namespace": "ns", "name": "raw", "field": field });
    let columns = facet(json!({ "fields": { "a": { "inputFields": [input("x")] } } }));
    let symlinks = facet(json!({ "identifiers": [{ "namespace": "other", "name": "CLEAN", "type": "TABLE" }] }));
    vec![
        run_event("START", 1, RUN, "load", &["raw"], &[]),
        run_event("COMPLETE", 5, RUN, "load", &[], &["clean"]),
        run_event("RUNNING", 6, RUN, "load", &["late"], &[]),
        run_event("FAIL", 9, &run_id(2), "load", &["wrong"], &["clean"]),
        dataset_event(3, "clean", fields(&["a"])),
        dataset_event(4, "clean", fields(&["a", "b"])),
        dataset_event(7, "clean", fields(&["a"])),
        dataset_event(8, "clean", json!({ "columnLineage": columns, "symlinks": symlinks })),
        dataset_event(10, "gone", json!({ "documentation": facet(json!({ "description": "d" })) })),
        dataset_event(11, "gone", json!({ "documentation": facet(json!({ "_deleted": true })) })),
    ]
}

#[tokio::test]
async fn the_order_in_which_events_arrive_makes_no_difference() {
    let mut told = Vec::new();
    for turn in 0..6 {
        let mut events = story();
        if turn % 2 == 1 {
            events.reverse();
        }
        events.rotate_left(turn * 2);
        let api = Api::new().await;
        for event in &events {
            send(&api, event).await;
        }
        told.push(everything(&api).await);
    }
    for other in &told[1..] {
        assert_eq!(told[0], *other);
    }
    let graph = &told[0][5];
    assert_eq!(
        ids(graph),
        ["dataset:ns:clean", "dataset:ns:late", "dataset:ns:raw", "job:ns:load"],
        "the failed run tells nothing"
    );
    let datasets = told[0][2]["datasets"].as_array().unwrap();
    let of = |name: &str| datasets.iter().find(|dataset| dataset["name"] == name).unwrap();
    assert_eq!(of("gone")["facets"], json!({}));
    assert_eq!(of("gone")["description"], Value::Null);
    let changes = of("clean")["schemaChanges"].as_array().unwrap();
    let changes: Vec<_> =
        changes.iter().map(|change| (change["change"].as_str().unwrap(), &change["column"])).collect();
    assert_eq!(changes, [("added", &json!("b")), ("removed", &json!("b"))]);
    let run = &told[0][4]["runs"];
    let states: Vec<_> = run.as_array().unwrap().iter().map(|run| run["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["FAILED", "COMPLETED"], "a run that is over does not run again");
}

#[tokio::test]
async fn what_a_job_is_declared_to_do_holds_until_it_is_declared_otherwise_or_a_run_completes() {
    let api = Api::new().await;
    let declared = |second: u32, inputs: Value| {
        json!({ "eventTime": format!("2026-01-02T03:00:{second:02}Z"), "producer": "p", "schemaURL": "s",
                "job": { "namespace": "ns", "name": "job" }, "inputs": inputs })
    };
    let set = |name: &str| json!([{ "namespace": "ns", "name": name }]);
    let inputs = async || get(&api, "namespaces/ns/jobs/job").await["inputs"].clone();
    send(&api, &declared(5, set("five"))).await;
    send(&api, &declared(3, set("three"))).await;
    assert_eq!(inputs().await, set("five"), "what is older does not hold");
    send(&api, &declared(6, json!([]))).await;
    assert_eq!(inputs().await, set("five"), "what says nothing changes nothing");
    send(&api, &declared(7, set("seven"))).await;
    assert_eq!(inputs().await, set("seven"));
    send(&api, &run_event("COMPLETE", 8, RUN, "job", &["eight"], &[])).await;
    assert_eq!(inputs().await, set("eight"));
    assert_eq!(get(&api, "namespaces/ns/jobs/job/runs").await["runs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_dataset_is_one_by_all_its_names() {
    let api = Api::new().await;
    send(&api, &run_event("COMPLETE", 1, RUN, "write", &[], &["table"])).await;
    let mut reader = run_event("COMPLETE", 2, &run_id(2), "read", &[], &[]);
    reader["inputs"] = json!([{ "namespace": "s3://bucket", "name": "/path" }]);
    send(&api, &reader).await;
    assert_eq!(ids(&graph(&api, "job:ns:write").await).len(), 2);
    let link = json!({ "identifiers": [{ "namespace": "s3://bucket", "name": "/path", "type": "LOCATION" }] });
    send(&api, &dataset_event(3, "table", json!({ "symlinks": facet(link) }))).await;
    for node in ["dataset:ns:table", "dataset:s3://bucket:/path", "job:ns:read", "job:ns:write"] {
        assert_eq!(ids(&graph(&api, node).await), ["dataset:ns:table", "job:ns:read", "job:ns:write"], "{node}");
    }
    assert_eq!(get(&api, "namespaces/s3:%2F%2Fbucket/datasets/%2Fpath").await["name"], "table");
    // A job that reads it by both names reads it once, and so does one of a graph that it is not in.
    let mut both = run_event("COMPLETE", 3, &run_id(3), "both", &["beside", "table"], &["out"]);
    both["inputs"].as_array_mut().unwrap().push(json!({ "namespace": "s3://bucket", "name": "/path" }));
    send(&api, &both).await;
    let named = |name: &str| json!({ "namespace": "ns", "name": name });
    let around = graph(&api, "dataset:ns:table").await;
    assert_eq!(node(&around, "job:ns:both")["data"]["inputs"], json!([named("beside"), named("table")]));
    assert_eq!(node(&around, "job:ns:read")["data"]["inputs"], json!([named("table")]));
    let edge = |from: &str, to: &str| json!({ "origin": from, "destination": to });
    let from: Vec<Value> = ["both", "read"].map(|job| edge("dataset:ns:table", &format!("job:ns:{job}"))).into();
    assert_eq!(node(&around, "dataset:ns:table")["outEdges"], Value::from(from));
    assert_eq!(node(&around, "dataset:ns:table")["inEdges"], json!([edge("job:ns:write", "dataset:ns:table")]));
    let beside = graph(&api, "dataset:ns:beside").await;
    assert_eq!(ids(&beside), ["dataset:ns:beside", "dataset:ns:out", "job:ns:both"]);
    assert_eq!(node(&beside, "job:ns:both")["data"]["inputs"], json!([named("beside"), named("table")]));
    send(&api, &dataset_event(4, "table", json!({ "symlinks": facet(json!({ "_deleted": true })) }))).await;
    let apart = ["dataset:ns:out", "dataset:ns:table", "job:ns:both", "job:ns:write"];
    assert_eq!(ids(&graph(&api, "job:ns:write").await), apart, "what was one by a facet is two without it");
}

#[tokio::test]
async fn columns_are_followed_both_ways() {
    let api = Api::new().await;
    let of = |dataset: &str, field: &str| json!({ "namespace": "ns", "name": dataset, "field": field, "transformations": [{ "type": "DIRECT", "subtype": "IDENTITY" }] });
    let columns = |of: Value| json!({ "columnLineage": facet(of) });
    send(&api, &dataset_event(1, "b", columns(json!({ "fields": { "y": { "inputFields": [of("a", "x")] } } })))).await;
    let whole = json!({ "fields": { "z": { "inputFields": [of("b", "y")] } }, "dataset": [of("a", "filter")] });
    send(&api, &dataset_event(2, "c", columns(whole))).await;
    let up = get(&api, "column-lineage?nodeId=datasetField:ns:c:z").await;
    assert_eq!(
        ids(&up),
        ["datasetField:ns:a:filter", "datasetField:ns:a:x", "datasetField:ns:b:y", "datasetField:ns:c:z"]
    );
    let z = node(&up, "datasetField:ns:c:z");
    assert_eq!(z["type"], "DATASET_FIELD");
    assert_eq!(z["data"]["inputFields"].as_array().unwrap().len(), 2);
    assert_eq!(z["data"]["inputFields"][1]["transformationType"], "IDENTITY");
    assert_eq!(z["inEdges"][1], json!({ "origin": "datasetField:ns:c:z", "destination": "datasetField:ns:b:y" }));
    let near = get(&api, "column-lineage?nodeId=datasetField:ns:c:z&depth=1").await;
    assert_eq!(ids(&near).len(), 3);
    let alone = get(&api, "column-lineage?nodeId=datasetField:ns:a:x").await;
    assert_eq!(ids(&alone), ["datasetField:ns:a:x"]);
    let down = get(&api, "column-lineage?nodeId=datasetField:ns:a:x&withDownstream=true").await;
    assert_eq!(ids(&down), ["datasetField:ns:a:x", "datasetField:ns:b:y", "datasetField:ns:c:z"]);
    assert_eq!(ids(&graph(&api, "dataset:ns:a").await), ["dataset:ns:a", "dataset:ns:b", "dataset:ns:c"]);
}

#[tokio::test]
async fn an_answer_has_no_more_nodes_than_it_may_and_says_that_it_was_cut() {
    let api = Api::new().await;
    let outputs: Vec<String> = (0..4_999).map(|n| format!("out{n}")).collect();
    let names: Vec<&str> = outputs.iter().map(String::as_str).collect();
    send(&api, &run_event("COMPLETE", 1, RUN, "wide", &[], &names)).await;
    let whole = graph(&api, "job:ns:wide").await;
    assert_eq!((ids(&whole).len(), &whole["truncated"]), (5_000, &json!(false)));
    send(&api, &run_event("COMPLETE", 2, &run_id(2), "next", &["out7"], &["more"])).await;
    let cut = graph(&api, "job:ns:wide").await;
    assert_eq!((ids(&cut).len(), &cut["truncated"]), (5_000, &json!(true)));
    let kept: BTreeSet<&str> = ids(&cut).into_iter().collect();
    let edges: Vec<&Value> =
        cut["graph"].as_array().unwrap().iter().flat_map(|node| node["outEdges"].as_array().unwrap()).collect();
    assert_eq!(edges.len(), 4_999);
    assert!(edges.iter().all(|edge| kept.contains(edge["destination"].as_str().unwrap())), "an edge leads nowhere");
    let near = get(&api, "lineage?nodeId=job:ns:next&depth=0").await;
    assert_eq!(ids(&near), ["dataset:ns:more", "dataset:ns:out7", "job:ns:next"]);
}

#[tokio::test]
async fn a_source_that_changed_without_a_word_is_told() {
    let api = Api::new().await;
    let job = |second: u32, facets: Value| {
        json!({ "eventTime": format!("2026-01-02T03:00:{second:02}Z"), "producer": "p", "schemaURL": "s",
                "job": { "namespace": "ns", "name": "prepare", "facets": facets } })
    };
    let code = |version: &str| facet(json!({ "type": "git", "url": "https://example.com/x", "version": version }));
    let why = |text: &str| facet(json!({ "description": text }));
    send(&api, &job(1, json!({ "sourceCodeLocation": code("1"), "documentation": why("first") }))).await;
    send(&api, &job(2, json!({ "sourceCodeLocation": code("2") }))).await;
    let changes = async || get(&api, "namespaces/ns/jobs/prepare").await["sourceChanges"].clone();
    let told = changes().await;
    assert_eq!(told.as_array().unwrap().len(), 1);
    assert_eq!((&told[0]["facet"], &told[0]["documented"]), (&json!("sourceCodeLocation"), &json!(false)));
    send(&api, &job(3, json!({ "documentation": why("drops rows without an age") }))).await;
    let told = changes().await;
    assert_eq!((&told[0]["documented"], &told[0]["documentedAt"]), (&json!(true), &json!("2026-01-02T03:00:03Z")));
    send(&api, &job(4, json!({ "sourceCodeLocation": code("3") }))).await;
    assert_eq!(changes().await[1]["documented"], false, "a word of before is none of now");
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn packed(api: &Api, encoding: &str, body: &[u8]) -> Request<Body> {
    let mut request = request("POST", &format!("{API}/lineage"), Some(api.world.token("dan")), Some(String::new()));
    request.headers_mut().insert(header::CONTENT_ENCODING, encoding.parse().unwrap());
    *request.body_mut() = Body::from(body.to_vec());
    request
}
