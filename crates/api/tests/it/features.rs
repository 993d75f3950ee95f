//! Features over HTTP: definitions in versions, conflicts, runs that name them, and skew.

use serde_json::{Value, json};

use crate::call::{Answer, Api};

fn wish(name: &str, concept: &str, transformation: &str) -> Value {
    json!({ "name": name, "concept": concept, "entity": "customer", "type": "number", "window": "7d",
        "transformation": transformation, "owner": "growth" })
}

pub(crate) async fn register(api: &Api, name: &str, concept: &str, transformation: &str) -> Value {
    api.post("dan", "/v1/features", wish(name, concept, transformation)).await.is(200)
}

const AVERAGE: &str = "sum(purchases) / 7";

async fn send(api: &Api, side: &str, version: u64, values: Value) -> Answer {
    let body = json!({ "version": version, "side": side, "values": values });
    api.post("sre-bot", "/v1/features/purchases_7d/values", body).await
}

fn values(of: &[(&str, i64, Value)]) -> Value {
    json!(
        of.iter().map(|(entity, at, value)| json!({ "entity": entity, "at": at, "value": value })).collect::<Vec<_>>()
    )
}

async fn skew(api: &Api, more: &str) -> Value {
    api.get("zoe", &format!("/v1/skew?feature=purchases_7d{more}")).await.is(200)["features"][0].clone()
}

#[tokio::test]
async fn a_definition_gets_a_version_when_it_changes_and_what_was_registered_stays() {
    let api = crate::auditor::world().await;
    let first = register(&api, "purchases_7d", "purchases", AVERAGE).await;
    assert_eq!((&first["new"], &first["feature"]["version"]), (&json!(true), &json!(1)));
    assert_eq!(first["feature"]["by"], "person:dan");
    let same = register(&api, "purchases_7d", "purchases", AVERAGE).await;
    assert_eq!((&same["new"], &same["feature"]), (&json!(false), &first["feature"]));
    let other = register(&api, "purchases_7d", "purchases", "sum(purchases) / 5").await;
    assert_eq!((&other["new"], &other["feature"]["version"]), (&json!(true), &json!(2)));
    assert_ne!(other["feature"]["digest"], first["feature"]["digest"]);
    // Another owner is another version, and the same computation.
    let mut given = wish("purchases_7d", "purchases", "sum(purchases) / 5");
    given["owner"] = json!("sales");
    let given = api.post("sre-bot", "/v1/features", given).await.is(200);
    assert_eq!((&given["feature"]["version"], &given["feature"]["by"]), (&json!(3), &json!("agent:sre-bot")));
    assert_eq!(given["feature"]["digest"], other["feature"]["digest"]);
    let Api { world, router } = api;
    drop(router);
    let api = Api::over(world.restart().await);
    let shown = api.get("zoe", "/v1/features/purchases_7d").await.is(200);
    assert_eq!(shown["features"], json!([first["feature"], other["feature"], given["feature"]]));
    let listed = api.get("sre-bot", "/v1/features").await.is(200);
    assert_eq!(listed, json!({ "features": [given["feature"]], "conflicts": [] }));
    api.get("dan", "/v1/features/nothing").await.problem(404, "not-found");
}

#[tokio::test]
async fn a_concept_that_two_teams_define_differently_is_flagged() {
    let api = Api::new().await;
    let alone = register(&api, "clv", "customer lifetime value", "sum(margin)").await;
    assert_eq!(alone.get("conflict"), None);
    let second = register(&api, "ltv", "Customer_Lifetime  Value", "sum(revenue)").await;
    let conflict =
        json!({ "concept": "customer lifetime value", "features": ["clv", "ltv"], "differing": ["transformation"] });
    assert_eq!(second["conflict"], conflict);
    let listed = api.get("dan", "/v1/features").await.is(200);
    assert_eq!(listed["conflicts"], json!([conflict]));
    // Once they agree, it is one definition under two names.
    register(&api, "ltv", "customer lifetime value", "sum(margin)").await;
    let listed = api.get("dan", "/v1/features").await.is(200);
    assert_eq!(listed["conflicts"][0]["differing"], json!([]));
}

#[tokio::test]
async fn what_defines_no_feature_is_refused() {
    let api = Api::new().await;
    for (member, value, says) in [
        ("name", json!(""), "`name` is empty"),
        ("name", json!("a b"), "begins with a letter"),
        ("name", json!("x".repeat(251)), "longer than 250 characters"),
        ("concept", json!(" "), "`concept` is empty"),
        ("entity", json!("a\u{7}"), "control character"),
        ("window", json!("\n"), "`window` is empty"),
        ("owner", json!(""), "`owner` is empty"),
        ("transformation", json!(" \n"), "`transformation` is empty"),
        ("transformation", json!("x".repeat(65_537)), "65,536 bytes"),
        ("type", json!("float"), "unknown variant"),
        ("more", json!(1), "unknown field"),
    ] {
        let mut given = wish("a", "b", "c");
        given[member] = value;
        let problem = api.post("dan", "/v1/features", given).await.problem(400, "request-invalid");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{member}: {problem}");
    }
    assert_eq!(api.get("dan", "/v1/features").await.is(200)["features"], json!([]));
}

#[tokio::test]
async fn a_feature_that_is_computed_differently_in_serving_is_found_with_its_first_example() {
    let api = crate::auditor::world().await;
    register(&api, "purchases_7d", "7-day rolling average purchase count", AVERAGE).await;
    register(&api, "clv", "customer lifetime value", "sum(margin)").await;
    let trained = values(&[
        ("a", 1, json!(1.0)),
        ("b", 1, json!(2)),
        ("a", 2, json!(3.5)),
        ("c", 2, json!(null)),
        ("d", 9, json!(4)),
    ]);
    assert_eq!(send(&api, "training", 1, trained.clone()).await.is(200), json!({ "new": 5 }));
    assert_eq!(send(&api, "training", 1, trained).await.is(200), json!({ "new": 0 }), "it is known already");
    let nothing = skew(&api, "").await;
    assert_eq!((&nothing["finding"], &nothing["training_only"]), (&json!("nothing-compared"), &json!(5)));
    assert_eq!(api.get("dan", "/v1/skew").await.is(200), json!({ "features": [] }), "none has both sides");
    let served = values(&[("a", 1, json!(1.000_000_5)), ("b", 1, json!(2)), ("c", 2, json!(null)), ("e", 3, json!(7))]);
    send(&api, "serving", 1, served).await.is(200);
    let same = skew(&api, "").await;
    assert_eq!((&same["finding"], &same["compared"], &same["differing"]), (&json!("same"), &json!(3), &json!(0)));
    assert_eq!((&same["training_only"], &same["serving_only"]), (&json!(2), &json!(1)));
    assert_eq!(
        skew(&api, "&tolerance_millionths=0").await["differing"],
        1,
        "what is a rounding is for who asks to say"
    );
    send(&api, "serving", 1, values(&[("a", 2, json!(4.9)), ("d", 9, json!(null))])).await.is(200);
    let all = api.get("zoe", "/v1/skew").await.is(200);
    let found = &all["features"][0];
    assert_eq!(all["features"].as_array().unwrap().len(), 1, "the other one has no values");
    assert_eq!((&found["feature"], &found["finding"]), (&json!("purchases_7d"), &json!("differs")));
    assert_eq!((&found["compared"], &found["differing"]), (&json!(5), &json!(2)));
    assert_eq!(found["first"], json!({ "entity": "a", "at": 2, "training": "3.5", "serving": "4.9" }));
    assert_eq!((&found["distance"]["training"], &found["distance"]["serving"]), (&json!(4), &json!(4)));
    api.get("dan", "/v1/skew?feature=nothing").await.problem(404, "not-found");
}

#[tokio::test]
async fn sides_that_compute_by_different_versions_say_so() {
    let api = crate::auditor::world().await;
    register(&api, "purchases_7d", "purchases", AVERAGE).await;
    register(&api, "purchases_7d", "purchases", "sum(purchases) / 5").await;
    send(&api, "serving", 1, values(&[("a", 1, json!(5))])).await.is(200);
    send(&api, "training", 1, values(&[("a", 1, json!(5))])).await.is(200);
    send(&api, "training", 2, values(&[("a", 1, json!(7))])).await.is(200);
    let found = skew(&api, "").await;
    assert_eq!((&found["training_version"], &found["serving_version"]), (&json!(2), &json!(1)));
    assert_eq!(found["finding"], "differs");
}

#[tokio::test]
async fn values_are_kept_all_or_none_and_never_changed() {
    let api = crate::auditor::world().await;
    register(&api, "purchases_7d", "purchases", AVERAGE).await;
    send(&api, "training", 1, values(&[("a", 1, json!(1))])).await.is(200);
    for zero in [json!(-0.0), json!(0)] {
        send(&api, "serving", 1, values(&[("z", 1, zero)])).await.is(200);
    }
    send(&api, "training", 1, values(&[("b", 1, json!(1)), ("a", 1, json!(2))])).await.problem(409, "state-conflict");
    send(&api, "training", 1, values(&[("b", 1, json!(1)), ("", 1, json!(2))])).await.problem(400, "request-invalid");
    for value in [json!("1"), json!(true), json!([1]), json!({})] {
        send(&api, "training", 1, values(&[("b", 1, json!(1)), ("c", 1, value)])).await.problem(400, "request-invalid");
    }
    send(&api, "training", 2, values(&[("b", 1, json!(1))])).await.problem(404, "not-found");
    send(&api, "elsewhere", 1, json!([])).await.problem(400, "request-invalid");
    let many: Vec<(String, i64)> = (0..10_001).map(|n| ("a".to_owned(), n)).collect();
    let many: Vec<(&str, i64, Value)> = many.iter().map(|(entity, at)| (entity.as_str(), *at, json!(1))).collect();
    send(&api, "training", 1, values(&many)).await.problem(400, "request-invalid");
    assert_eq!(skew(&api, "").await["training_only"], 1, "nothing else was kept");
    send(&api, "training", 1, values(&many[..10_000])).await.is(200);
}

#[tokio::test]
async fn texts_and_booleans_are_compared_as_they_are() {
    let api = Api::new().await;
    for (name, kind, good, other) in
        [("plan", "text", json!("gold"), json!("Gold")), ("new", "boolean", json!(true), json!(false))]
    {
        let mut given = wish(name, name, "c");
        given["type"] = json!(kind);
        api.post("dan", "/v1/features", given).await.is(200);
        let put = async |side: &str, value: &Value, status: u16| {
            let body = json!({ "version": 1, "side": side, "values": values(&[("a", 1, value.clone())]) });
            api.post("dan", &format!("/v1/features/{name}/values"), body).await.is(status)
        };
        put("training", &json!(1), 400).await;
        put("training", &good, 200).await;
        put("serving", &other, 200).await;
        let found = api.get("dan", &format!("/v1/skew?feature={name}")).await.is(200)["features"][0].clone();
        assert_eq!((&found["differing"], found.get("distance")), (&json!(1), None));
    }
}

#[tokio::test]
async fn a_run_that_names_its_features_has_their_digests_among_its_inputs_and_in_its_diagnosis() {
    let api = crate::auditor::world().await;
    let first = register(&api, "purchases_7d", "purchases", AVERAGE).await;
    register(&api, "purchases_7d", "purchases", "sum(purchases) / 5").await;
    let mut runs = Vec::new();
    for (version, status) in [(1, "FINISHED"), (2, "FAILED")] {
        let run = crate::tracking::make_run(&api, "dan").await;
        let named = json!({ "features": [{ "name": "purchases_7d", "version": version }] });
        let path = format!("/v1/runs/{run}/features");
        let noted = api.post("sre-bot", &path, named.clone()).await.is(200);
        assert_eq!(api.post("sre-bot", &path, named).await.is(200), noted, "it may be said again");
        assert_eq!(api.get("zoe", &path).await.is(200), noted);
        let end = json!({ "run_id": run, "status": status });
        api.post("dan", "/api/2.0/mlflow/runs/update", end).await.is(200);
        runs.push(run);
    }
    let shown = api.get("dan", &format!("/api/2.0/mlflow/runs/get?run_id={}", runs[0])).await.is(200);
    let dataset = &shown["run"]["inputs"]["dataset_inputs"][0]["dataset"];
    let digest = first["feature"]["digest"].as_str().unwrap();
    assert_eq!(dataset["name"], "feature purchases_7d");
    assert_eq!(dataset["digest"], digest[..32]);
    assert!(dataset["source"].as_str().unwrap().contains(digest));
    let found = api.get("zoe", &format!("/v1/runs/{}/diagnosis", runs[1])).await.is(200);
    let difference = &found["differences"][0];
    assert_eq!((&difference["aspect"], &difference["name"]), (&json!("data"), &json!("feature purchases_7d")));
    for (run, name, version) in [("nobody", "purchases_7d", 1), (&runs[0], "purchases_7d", 3), (&runs[0], "nothing", 1)]
    {
        let named = json!({ "features": [{ "name": name, "version": version }] });
        api.post("dan", &format!("/v1/runs/{run}/features"), named).await.problem(404, "not-found");
    }
    api.get("dan", "/v1/runs/nobody/features").await.problem(404, "not-found");
}
