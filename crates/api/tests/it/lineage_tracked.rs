//! Lineage from data to what is tracked: runs, the features they used, models, versions, deployments and agents.

use serde_json::{Value, json};

use crate::call::Api;
use crate::lineage::{dataset_event, facet, get, graph, ids, node, run_event, run_id, send};

#[tokio::test]
async fn a_graph_goes_on_from_data_to_runs_that_are_tracked_and_their_models() {
    let api = Api::new().await;
    let mlflow = "/api/2.0/mlflow";
    let wish = json!({ "experiment_id": "0", "run_name": "fit", "start_time": 5 });
    let mut made = Vec::new();
    for _ in 0..2 {
        let run = api.post("dan", &format!("{mlflow}/runs/create"), wish.clone()).await.is(200);
        made.push(run["run"]["info"]["run_id"].as_str().unwrap().to_owned());
    }
    let data = json!({ "name": "clean", "digest": "d1", "source_type": "local", "source": "{}" });
    let inputs = json!({ "run_id": made[1], "datasets": [{ "dataset": data, "tags": [] }] });
    api.post("dan", &format!("{mlflow}/runs/log-inputs"), inputs).await.is(200);
    let outputs = json!({ "run_id": made[0], "models": [{ "model_id": "m-1", "step": 0 }] });
    api.post("dan", &format!("{mlflow}/runs/outputs"), outputs).await.is(200);

    let same: String = made[0].parse::<uuid::Uuid>().unwrap().to_string();
    let mut event = run_event("COMPLETE", 1, &same, "train", &[], &[]);
    let version = facet(json!({ "datasetVersion": "d1" }));
    event["inputs"] = json!([{ "namespace": "ns", "name": "clean", "facets": { "version": version } }]);
    send(&api, &event).await;
    let graph = graph(&api, "dataset:ns:clean").await;
    let other: String = made[1].parse::<uuid::Uuid>().unwrap().to_string();
    let mut expected = vec![
        "dataset:ns:clean".to_owned(),
        "job:ns:train".to_owned(),
        "model:m-1".to_owned(),
        format!("run:{same}"),
        format!("run:{other}"),
    ];
    expected.sort();
    assert_eq!(ids(&graph), expected);
    let edges = |id: &str, which: &str| node(&graph, id)[which].clone();
    assert_eq!(edges("model:m-1", "inEdges"), json!([{ "origin": format!("run:{same}"), "destination": "model:m-1" }]));
    let into = edges(&format!("run:{same}"), "inEdges");
    assert_eq!(into, json!([{ "origin": "job:ns:train", "destination": format!("run:{same}") }]));
    let into = edges(&format!("run:{other}"), "inEdges");
    assert_eq!(into, json!([{ "origin": "dataset:ns:clean", "destination": format!("run:{other}") }]));
    send(&api, &dataset_event(9, "other", json!({}))).await;
    assert_eq!(ids(&self::graph(&api, "dataset:ns:other").await), ["dataset:ns:other"]);
}

/// Makes a job before a run that is tracked, and what came of the run: two versions, one of a model and one of its other files, one of them
/// deployed, and a feature that it used. Returns the run and the model.
async fn made(api: &Api) -> (String, String) {
    let mlflow = "/api/2.0/mlflow";
    let run =
        api.post("dan", &format!("{mlflow}/runs/create"), json!({ "experiment_id": "0", "run_name": "fit" })).await;
    let run = run.is(200)["run"]["info"]["run_id"].as_str().unwrap().to_owned();
    let logged = json!({ "experiment_id": "0", "name": "forest", "source_run_id": run });
    let logged = api.post("dan", &format!("{mlflow}/logged-models"), logged).await.is(200);
    let model = logged["model"]["info"]["model_id"].as_str().unwrap().to_owned();
    let outputs = json!({ "run_id": run, "models": [{ "model_id": model, "step": 0 }] });
    api.post("dan", &format!("{mlflow}/runs/outputs"), outputs).await.is(200);
    api.post("dan", &format!("{mlflow}/registered-models/create"), json!({ "name": "fraud" })).await.is(200);
    let of_model = json!({ "name": "fraud", "source": format!("models:/{model}"), "run_id": run, "model_id": model });
    let of_run =
        json!({ "name": "fraud", "source": format!("mlflow-artifacts:/0/{run}/artifacts/other"), "run_id": run });
    for version in [of_model, of_run] {
        api.post("dan", &format!("{mlflow}/model-versions/create"), version).await.is(200);
    }
    let wish = json!({ "version": 1, "reason": "the first" });
    api.call("dan", "PUT", "/v1/models/fraud/deployments/eu", Some(wish)).await.is(200);
    crate::features::register(api, "clv", "customer lifetime value", "sum(amount)").await;
    let named = json!({ "features": [{ "name": "clv", "version": 1 }] });
    api.post("dan", &format!("/v1/runs/{run}/features"), named).await.is(200);
    let same = run.parse::<uuid::Uuid>().unwrap().to_string();
    send(api, &run_event("COMPLETE", 1, &same, "train", &["raw"], &[])).await;
    send(api, &run_event("COMPLETE", 2, &run_id(2), "count", &["raw"], &["counted"])).await;
    (same, model)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_goes_on_to_versions_and_deployments_and_back_from_each_of_them() {
    let api = crate::auditor::world().await;
    let (run, model) = made(&api).await;
    let tracked = [
        "deployment:fraud@eu".to_owned(),
        "feature:clv@1".to_owned(),
        format!("model:{model}"),
        format!("run:{run}"),
        "version:fraud/1".to_owned(),
        "version:fraud/2".to_owned(),
    ];
    let with = |nodes: &[&str]| {
        let mut all: Vec<String> = nodes.iter().map(|node| (*node).to_owned()).chain(tracked.clone()).collect();
        all.sort();
        all
    };
    let forward = graph(&api, "dataset:ns:raw").await;
    assert_eq!(ids(&forward), with(&["dataset:ns:counted", "dataset:ns:raw", "job:ns:count", "job:ns:train"]));
    let origin = |id: &str| node(&forward, id)["inEdges"][0]["origin"].clone();
    assert_eq!(origin("version:fraud/1"), format!("model:{model}"));
    assert_eq!(origin("version:fraud/2"), format!("run:{run}"));
    assert_eq!(origin("deployment:fraud@eu"), "version:fraud/1");
    assert_eq!(node(&forward, "feature:clv@1")["outEdges"][0]["destination"], format!("run:{run}"));
    assert_eq!(node(&forward, "deployment:fraud@eu")["data"]["version"], "1");

    for start in &tracked {
        if start.starts_with("feature:") {
            continue;
        }
        let back = graph(&api, start).await;
        assert_eq!(ids(&back), with(&["dataset:ns:raw", "job:ns:train"]), "{start}");
    }
    api.get("dan", "/api/v1/lineage?nodeId=agent:sre-bot").await.problem(404, "not-found");
    api.post("sre-bot", "/v1/sessions", json!({ "runs": { "model": "models:/fraud/2" } })).await.is(201);
    let before = ids(&graph(&api, "version:fraud/1").await).iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert!(before.contains(&"agent:sre-bot".to_owned()), "{before:?}");
    let back = graph(&api, "agent:sre-bot").await;
    assert_eq!(ids(&back), before);
    assert_eq!(
        node(&back, "agent:sre-bot")["inEdges"],
        json!([{ "origin": "version:fraud/2", "destination": "agent:sre-bot" }])
    );
    assert_eq!(node(&back, "agent:sre-bot")["data"]["name"], "sre-bot");
    api.post("sre-bot", "/v1/sessions", json!({ "runs": { "model": "another" } })).await.is(201);
    api.get("dan", "/api/v1/lineage?nodeId=agent:sre-bot").await.problem(404, "not-found");
    assert_eq!(ids(&graph(&api, "version:fraud/2").await), with(&["dataset:ns:raw", "job:ns:train"]));

    let near = get(&api, "lineage?nodeId=version:fraud/2&depth=0").await;
    assert_eq!(ids(&near), with(&["dataset:ns:raw", "job:ns:train"]));
    for gone in
        ["version:fraud/3", "deployment:fraud@us", "run:00000000000000000000000000000000", "model:m-0", "agent:x"]
    {
        api.get("dan", &format!("/api/v1/lineage?nodeId={gone}")).await.problem(404, "not-found");
    }
    for none in ["version:fraud", "version:/1", "version:fraud/x", "deployment:fraud", "run:", "agent:"] {
        api.get("dan", &format!("/api/v1/lineage?nodeId={none}")).await.problem(400, "lineage-node-invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feature_leads_from_the_datasets_it_is_computed_from_to_the_runs_that_used_it() {
    let api = crate::auditor::world().await;
    let (run, _) = made(&api).await;
    send(&api, &run_event("COMPLETE", 3, &run_id(3), "collect", &["till"], &["purchases"])).await;
    let of = |name: &str, namespace: &str| json!([{ "namespace": namespace, "name": name }]);
    let wish = json!({
        "name": "count_7d", "concept": "7-day rolling average purchase count", "entity": "customer", "type": "number",
        "transformation": "avg", "owner": "growth", "datasets": of("purchases", "ns"),
    });
    let kept = api.post("dan", "/v1/features", wish.clone()).await.is(200);
    assert_eq!(kept["feature"]["datasets"], of("purchases", "ns"));
    let elsewhere = json!({ "datasets": of("purchases", "other") });
    let mut elsewhere = [wish.clone(), elsewhere]
        .into_iter()
        .flat_map(|one| one.as_object().unwrap().clone())
        .collect::<serde_json::Map<_, _>>();
    assert_eq!(
        api.post("dan", "/v1/features", json!(elsewhere)).await.is(200)["feature"]["version"],
        2,
        "another definition"
    );
    elsewhere.insert("datasets".into(), of("", "ns"));
    api.post("dan", "/v1/features", json!(elsewhere)).await.problem(400, "request-invalid");
    let path = format!("/v1/runs/{}/features", run.replace('-', ""));
    api.post("dan", &path, json!({ "features": [{ "name": "count_7d", "version": 1 }] })).await.is(200);

    let forward = graph(&api, "dataset:ns:till").await;
    let feature = node(&forward, "feature:count_7d@1");
    assert_eq!(feature["inEdges"], json!([{ "origin": "dataset:ns:purchases", "destination": "feature:count_7d@1" }]));
    assert_eq!(feature["outEdges"][0]["destination"], format!("run:{run}"));
    assert!(ids(&forward).contains(&"version:fraud/1"));
    let direct = node(&forward, &format!("run:{run}"))["inEdges"].as_array().unwrap().iter();
    assert!(
        direct.map(|edge| &edge["origin"]).all(|origin| origin != "dataset:ns:purchases"),
        "through the feature alone"
    );
    let back = graph(&api, "version:fraud/1").await;
    for came_of in ["dataset:ns:till", "job:ns:collect", "dataset:ns:purchases", "feature:count_7d@1", "dataset:ns:raw"]
    {
        assert!(ids(&back).contains(&came_of), "{came_of}");
    }
    let dossier = api.get("zoe", "/v1/models/fraud/versions/1").await.is(200);
    let names: Vec<&Value> =
        dossier["lineage"]["datasets"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert!(names.contains(&&json!("purchases")) && names.contains(&&json!("till")), "{names:?}");
}
