//! What is taken over from another server: wholly or not at all, never over what is here, the same again for nothing, and recorded at its end.

use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use evidence::{Field, RecordKind};
use futures_util::stream;
use serde_json::{Value, json};
use types::attestation::{ANCHORED, Anchored, IMPORTED, Imported};
use types::seal::{SEALED, Sealed};

use crate::call::{Answer, Api};

const API: &str = "/api/2.0/mlflow";
const RUN: &str = "0123456789abcdef0123456789abcdef";
const MODEL: &str = "m-0123456789abcdef0123456789abcdef";

fn experiment() -> Value {
    json!({ "kind": "experiment", "id": "7", "name": "risk", "stage": "active", "created": "1000", "updated": "2000", "tags": [["owner", "ana"]] })
}

fn run() -> Value {
    json!({
        "kind": "run", "id": RUN, "experiment": "7", "name": "train", "user": "bo", "status": "FINISHED", "started": "10", "ended": "20",
        "stage": "active", "tags": [["mlflow.runName", "train"]], "params": [["rate", "0.1"]],
        "datasets": [{ "name": "rows", "digest": "d", "source_type": "local", "source": "{}", "tags": [["k", "v"]] }],
        "model_inputs": [], "model_outputs": [{ "model": MODEL, "step": "3" }],
    })
}

fn point(step: i64, value: &str) -> Value {
    json!({ "key": "loss", "at": "5", "step": step.to_string(), "value": value })
}

fn points(values: &[Value]) -> Value {
    json!({ "kind": "points", "run": RUN, "points": values })
}

fn run_end(points: usize, files: usize) -> Value {
    json!({ "kind": "run-end", "run": RUN, "points": points.to_string(), "files": files.to_string() })
}

fn logged_model() -> Value {
    json!({
        "kind": "logged-model", "id": MODEL, "experiment": "7", "name": "model", "status": "LOGGED_MODEL_READY", "source_run": RUN,
        "created": "11", "updated": "12", "stage": "active", "params": [["C", "1"]], "tags": [],
    })
}

fn model_end(files: usize) -> Value {
    json!({
        "kind": "model-end", "model": MODEL, "status": "LOGGED_MODEL_READY", "stage": "active", "updated": "12", "points": "0",
        "files": files.to_string(),
    })
}

fn registered() -> Value {
    json!({ "kind": "registered-model", "name": "fraud", "description": "finds it", "created": "1", "updated": "2", "last": "9" })
}

fn version(number: i64) -> Value {
    json!({
        "kind": "model-version", "name": "fraud", "number": number.to_string(), "created": "3", "updated": "4",
        "source": format!("models:/{MODEL}"), "run": RUN, "tags": [["checked", "yes"]],
    })
}

async fn begin(api: &Api, source: &str) -> String {
    let begun = api.post("dan", "/v1/imports", json!({ "source": source })).await.is(200);
    begun["import"]["id"].as_str().unwrap().to_owned()
}

/// Sends items, and returns what became of each.
async fn send(api: &Api, import: &str, items: &[Value]) -> Vec<String> {
    let answer = api.post("dan", &format!("/v1/imports/{import}/items"), json!({ "items": items })).await.is(200);
    let state = |item: &Value| match item["code"].as_str() {
        Some(code) => code.to_owned(),
        None => item["state"].as_str().unwrap().to_owned(),
    };
    answer["items"].as_array().unwrap().iter().map(state).collect()
}

async fn file(api: &Api, import: &str, to: &str, body: impl Into<Body>) -> Answer {
    let request = Request::put(format!("/v1/imports/{import}/files?{to}"))
        .header(header::HOST, "127.0.0.1:7717")
        .header(header::AUTHORIZATION, format!("Bearer {}", api.world.token("dan")));
    api.send(request.body(body.into()).unwrap()).await
}

async fn put(api: &Api, import: &str, to: &str, bytes: &'static [u8]) -> String {
    file(api, import, to, bytes).await.is(200)["state"].as_str().unwrap().to_owned()
}

async fn end(api: &Api, import: &str) -> Value {
    api.post("dan", &format!("/v1/imports/{import}/end"), json!({ "left": 2 })).await.is(200)
}

fn recorded<T: types::cbor::Canonical>(api: &Api, status: u8) -> Vec<T> {
    let all = api.world.control.history().range(0, 10_000).unwrap();
    let own = all.into_iter().filter(|one| one.leaf.kind == RecordKind::Model && one.leaf.status == Some(status));
    own.map(|one| one.content.unwrap().get(Field::Body).unwrap().unwrap()).collect()
}

/// Takes all of it over, in an import that goes on.
async fn taken(api: &Api) -> String {
    take_rest(api, "taken").await
}

/// Takes over what is not here yet; `first` is what becomes of the experiment.
async fn take_rest(api: &Api, first: &str) -> String {
    let import = begin(api, "http://mlflow.example").await;
    let all = [experiment(), run(), points(&[point(1, "0.5"), point(2, "NaN"), point(2, "-Infinity")]), logged_model()];
    assert_eq!(send(api, &import, &all).await, [first, "taken", "taken", "taken"]);
    assert_eq!(put(api, &import, &format!("run={RUN}&path=notes/a%20b.txt"), b"hello").await, "taken");
    assert_eq!(put(api, &import, &format!("model={MODEL}&path=MLmodel"), b"flavors: {}").await, "taken");
    let rest = [run_end(3, 1), model_end(1), registered(), version(3), version(5)];
    assert_eq!(send(api, &import, &rest).await, ["taken"; 5]);
    import
}

#[tokio::test]
async fn what_is_taken_is_as_it_was() {
    let api = Api::new().await;
    let import = taken(&api).await;
    let of = |path: &str| format!("{API}/{path}");
    let experiment = api.get("dan", &of("experiments/get?experiment_id=7")).await.is(200)["experiment"].clone();
    assert_eq!((&experiment["creation_time"], &experiment["last_update_time"]), (&json!(1000), &json!(2000)));
    let run = api.get("dan", &of(&format!("runs/get?run_id={RUN}"))).await.is(200)["run"].clone();
    assert_eq!((&run["info"]["start_time"], &run["info"]["end_time"]), (&json!(10), &json!(20)));
    assert_eq!((&run["info"]["status"], &run["info"]["user_id"]), (&json!("FINISHED"), &json!("bo")));
    assert_eq!(run["outputs"]["model_outputs"], json!([{ "model_id": MODEL, "step": 3 }]));
    let history = api.get("dan", &of(&format!("metrics/get-history?run_id={RUN}&metric_key=loss"))).await.is(200);
    let values: Vec<&Value> = history["metrics"].as_array().unwrap().iter().map(|point| &point["value"]).collect();
    assert_eq!(values, [&json!(0.5), &json!(f64::MIN), &json!("NaN")]);
    let text = api.get("dan", &format!("/api/2.0/mlflow-artifacts/artifacts/7/{RUN}/artifacts/notes/a%20b.txt")).await;
    assert_eq!(text.bytes, b"hello");
    let model = api.get("dan", &of(&format!("logged-models/{MODEL}"))).await.is(200)["model"]["info"].clone();
    assert_eq!((&model["status"], &model["creation_timestamp_ms"]), (&json!("LOGGED_MODEL_READY"), &json!(11)));
    let version = api.get("dan", &of("model-versions/get?name=fraud&version=5")).await.is(200)["model_version"].clone();
    assert_eq!((&version["creation_timestamp"], &version["current_stage"]), (&json!(3), &json!("None")));
    // The next number is one that no version ever had, as far as the source knows.
    let wish = json!({ "name": "fraud", "source": "s3://b/x" });
    let next = api.post("dan", &of("model-versions/create"), wish).await.is(200);
    assert_eq!(next["model_version"]["version"], "10");

    let ended = end(&api, &import).await;
    let told: Vec<Imported> = recorded(&api, IMPORTED);
    let [one] = told.as_slice() else { panic!("{told:?}") };
    let counts: Vec<(&str, u64)> = one.taken.iter().map(|taken| (taken.kind.as_str(), taken.count)).collect();
    assert_eq!(
        counts,
        [("experiment", 1), ("logged-model", 1), ("model-version", 2), ("registered-model", 1), ("run", 1)]
    );
    assert_eq!((one.source.as_str(), one.left, &one.import), ("http://mlflow.example", 2, &import));
    assert_eq!(ended["digest"], one.digest.to_string());
    assert!(ended["record"].is_u64());
    let anchored: Vec<Anchored> = recorded(&api, ANCHORED);
    assert_eq!(anchored.iter().filter(|anchor| anchor.run == RUN && anchor.points == 3).count(), 1, "{anchored:?}");
    let sealed: Vec<Sealed> = recorded(&api, SEALED);
    assert!(sealed.iter().any(|seal| seal.model == MODEL && seal.files == 1));
}

#[tokio::test]
async fn the_same_again_changes_nothing_and_leaves_no_record() {
    let api = Api::new().await;
    let import = taken(&api).await;
    end(&api, &import).await;
    // What was added here since stays, and is no difference.
    api.post("dan", &format!("{API}/runs/set-tag"), json!({ "run_id": RUN, "key": "mine", "value": "1" }))
        .await
        .is(200);
    let size = api.world.control.size();
    let again = begin(&api, "http://mlflow.example").await;
    assert_ne!(again, import);
    let all = [
        experiment(),
        run(),
        points(&[point(1, "0.5"), point(2, "NaN")]),
        logged_model(),
        run_end(3, 1),
        model_end(1),
        registered(),
        version(3),
    ];
    assert_eq!(send(&api, &again, &all).await, ["present"; 8]);
    assert_eq!(put(&api, &again, &format!("run={RUN}&path=notes/a%20b.txt"), b"hello").await, "present");
    let ended = end(&api, &again).await;
    assert!(ended["record"].is_null() && ended["taken"] == json!({}), "{ended}");
    assert_eq!(recorded::<Imported>(&api, IMPORTED).len(), 1);
    assert!(api.world.control.size() <= size + 1, "nothing but the run's own change is recorded");
}

#[tokio::test]
async fn what_is_here_is_never_written_over() {
    let api = Api::new().await;
    let import = taken(&api).await;
    let mut other = run();
    other["status"] = json!("FAILED");
    let renamed =
        json!({ "kind": "experiment", "id": "8", "name": "risk", "stage": "active", "created": "1", "updated": "1" });
    let mut moved = version(3);
    moved["source"] = json!("s3://elsewhere");
    let all = [other, renamed, moved, points(&[point(1, "0.25")])];
    assert_eq!(send(&api, &import, &all).await, ["import-differs"; 4]);
    let to = format!("run={RUN}&path=notes/a%20b.txt");
    file(&api, &import, &to, "other bytes").await.problem(409, "import-differs");
    file(&api, &import, &format!("run={RUN}&path=new.txt"), "more").await.problem(409, "import-differs");
    let run = api.get("dan", &format!("{API}/runs/get?run_id={RUN}")).await.is(200);
    assert_eq!(run["run"]["info"]["status"], "FINISHED");

    // What was made here is another's, whatever its content.
    let made = crate::tracking::make_run(&api, "dan").await;
    api.post("dan", &format!("{API}/registered-models/create"), json!({ "name": "churn" })).await.is(200);
    let mut native = self::run();
    native["id"] = json!(made);
    let mut churn = registered();
    churn["name"] = json!("churn");
    let file_of = format!("run={made}&path=a.txt");
    assert_eq!(send(&api, &import, &[native, churn]).await, ["import-differs", "import-differs"].map(str::to_owned));
    file(&api, &import, &file_of, "a").await.problem(404, "not-found");
}

#[tokio::test]
async fn an_item_is_taken_wholly_or_not_at_all() {
    let api = Api::new().await;
    let import = begin(&api, "http://mlflow.example").await;
    let mut long = run();
    long["params"] = json!([["a", "1"], ["rate", "x".repeat(6_001)]]);
    let mut twice = run();
    twice["tags"] = json!([["a", "1"], ["a", "2"]]);
    let mut shaped = run();
    shaped["id"] = json!("../../etc");
    let mut lost = run();
    lost["experiment"] = json!("99");
    let mut here = run();
    here["location"] = json!("mlflow-artifacts:/0/another/artifacts");
    let states = send(&api, &import, &[experiment(), long, twice, shaped, here, lost]).await;
    assert_eq!(
        states,
        ["taken", "request-invalid", "request-invalid", "request-invalid", "request-invalid", "not-found"]
            .map(str::to_owned)
    );
    api.get("dan", &format!("{API}/runs/get?run_id={RUN}")).await.is(404);
    // A point that cannot be takes none of its batch along, and the run is not whole.
    let states = send(&api, &import, &[run(), points(&[point(1, "0.5"), point(2, "much")]), run_end(2, 0)]).await;
    assert_eq!(states, ["taken", "request-invalid", "request-invalid"].map(str::to_owned));
    let history = api.get("dan", &format!("{API}/metrics/get-history?run_id={RUN}&metric_key=loss")).await.is(200);
    assert_eq!(history["metrics"].as_array().map_or(0, Vec::len), 0);
    assert_eq!(end(&api, &import).await["half"], 1);
    assert!(recorded::<Anchored>(&api, ANCHORED).is_empty(), "what is not whole is not anchored");
}

#[tokio::test]
async fn an_import_that_was_broken_off_goes_on() {
    let api = Api::new().await;
    let import = begin(&api, "http://mlflow.example").await;
    send(&api, &import, &[experiment(), run(), points(&[point(1, "0.5")]), logged_model()]).await;
    // A file that ends in the middle is not there.
    let broken = stream::iter([Ok(Bytes::from_static(b"fla")), Err(std::io::Error::other("gone"))]);
    file(&api, &import, &format!("model={MODEL}&path=MLmodel"), Body::from_stream(broken))
        .await
        .problem(400, "request-invalid");
    assert_eq!(send(&api, &import, &[model_end(1)]).await, ["request-invalid"]);
    assert!(recorded::<Sealed>(&api, SEALED).is_empty());
    // Whoever begins again from there goes on with the same import; another person, or another source, does not.
    assert_eq!(begin(&api, "http://mlflow.example").await, import);
    assert_ne!(begin(&api, "http://other.example").await, import);
    let others = api.post("ben", "/v1/imports", json!({ "source": "http://mlflow.example" })).await.is(200);
    assert_ne!(others["import"]["id"], json!(import));
    let path = format!("/v1/imports/{import}/items");
    api.post("ben", &path, json!({ "items": [] })).await.problem(404, "not-found");

    assert_eq!(take_rest(&api, "present").await, import);
    end(&api, &import).await;
    api.post("dan", &path, json!({ "items": [] })).await.problem(409, "state-conflict");
    let told: Vec<Imported> = recorded(&api, IMPORTED);
    assert_eq!(told.len(), 1);
}

#[tokio::test]
async fn a_path_stays_below_its_owner() {
    let api = Api::new().await;
    let import = begin(&api, "http://mlflow.example").await;
    send(&api, &import, &[experiment(), run()]).await;
    for path in ["../x", "/etc/passwd", "a/../../x", "%252e%252e/x", "", "a/", "C:/x"] {
        let to = format!("run={RUN}&path={path}");
        file(&api, &import, &to, "x").await.problem(400, "request-invalid");
    }
    file(&api, &import, &format!("run={RUN}&model={MODEL}&path=a"), "x").await.problem(400, "request-invalid");
    let mut outside = version(1);
    outside["source"] = json!("mlflow-artifacts:/0/another/artifacts");
    let mut hosted = version(2);
    hosted["source"] = json!("http://169.254.169.254/latest");
    let mut climbing = version(3);
    (climbing["source"], climbing["path"]) = (json!("file:///m/x"), json!("../../0"));
    let states = send(&api, &import, &[registered(), outside, hosted, climbing]).await;
    assert_eq!(states, ["taken", "request-invalid", "request-invalid", "request-invalid"].map(str::to_owned));
}

#[tokio::test]
async fn people_alone_import() {
    let api = crate::auditor::world().await;
    let wish = json!({ "source": "http://mlflow.example" });
    api.post("sre-bot", "/v1/imports", wish.clone()).await.problem(403, "forbidden");
    api.post("zoe", "/v1/imports", wish).await.problem(403, "forbidden");
    for source in ["", "http://ana:secret@mlflow.example/", "a\nb", &"x".repeat(3_000)] {
        api.post("dan", "/v1/imports", json!({ "source": source })).await.problem(400, "request-invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_only_imported_has_a_gap_until_it_is_evaluated_or_promoted() {
    let api = crate::auditor::world().await;
    let import = taken(&api).await;
    end(&api, &import).await;
    let names = async |number: u64| -> Vec<String> {
        let dossier = api.get("dan", &format!("/v1/models/fraud/versions/{number}")).await.is(200);
        dossier["gaps"].as_array().unwrap().iter().map(|gap| gap["name"].as_str().unwrap().to_owned()).collect()
    };
    let is_imported = async |number: u64| names(number).await.contains(&"imported".to_owned());
    assert!(is_imported(3).await && is_imported(5).await);
    // No alias and no stage comes along, so nothing runs that nobody decided.
    let model = api.get("dan", &format!("{API}/registered-models/get?name=fraud")).await.is(200);
    assert!(model["registered_model"]["aliases"].is_null(), "{model}");
    let evaluation = json!({ "suite": "holdout", "checks": [{ "name": "auc", "passed": true }] });
    api.post("dan", "/v1/models/fraud/versions/3/evaluations", evaluation).await.is(200);
    let wish = json!({ "version": 5, "reason": "it stood there" });
    api.call("dan", "PUT", "/v1/models/fraud/aliases/champion", Some(wish)).await.is(200);
    assert!(!is_imported(3).await && !is_imported(5).await);
    // A new name makes no version known here.
    let third = version(7);
    let more = begin(&api, "http://mlflow.example").await;
    send(&api, &more, &[third]).await;
    assert!(is_imported(7).await);
}
