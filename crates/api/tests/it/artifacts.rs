//! Files of training: written and read as streams, by path, and sealed with the model they belong to.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, header};
use control::tracking::Status;
use futures_util::stream;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use types::Digest;

use crate::call::{Answer, Api, request};

const API: &str = "/api/2.0/mlflow";
const FILES: &str = "/api/2.0/mlflow-artifacts/artifacts";

fn put(api: &Api, path: &str, bytes: impl Into<Body>) -> Request<Body> {
    Request::put(format!("{FILES}/{path}"))
        .header(header::HOST, "127.0.0.1:7717")
        .header(header::AUTHORIZATION, format!("Bearer {}", api.world.token("dan")))
        .body(bytes.into())
        .unwrap()
}

pub(crate) async fn kept(api: &Api, path: &str, bytes: &[u8]) {
    assert_eq!(api.send(put(api, path, bytes.to_vec())).await.is(200), Value::Null);
}

async fn file(api: &Api, path: &str) -> Answer {
    api.get("dan", &format!("{FILES}/{path}")).await
}

fn refused(answer: Answer, status: u16, code: &str) -> Value {
    let body = answer.is(status);
    assert_eq!(body["error_code"], code, "{body}");
    body
}

fn data(api: &Api) -> PathBuf {
    api.world.control.config().place.data.join("artifacts")
}

/// Returns every file of a folder with its bytes.
fn files_in(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_in(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// Makes a logged model with files, and says that it is ready.
pub(crate) async fn ready(api: &Api, files: &[(&str, &[u8])]) -> (String, String) {
    let (id, place) = pending(api).await;
    for (name, bytes) in files {
        kept(api, &format!("{place}/{name}"), bytes).await;
    }
    let wish = json!({ "model_id": id, "status": "LOGGED_MODEL_READY" });
    let body = api.call("dan", "PATCH", &format!("{API}/logged-models/{id}"), Some(wish)).await.is(200);
    assert_eq!(body["model"]["info"]["status"], "LOGGED_MODEL_READY");
    (id, place)
}

pub(crate) async fn pending(api: &Api) -> (String, String) {
    let made = api.post("dan", &format!("{API}/logged-models"), json!({ "experiment_id": "0", "name": "one" })).await;
    let made = made.is(200);
    let id = made["model"]["info"]["model_id"].as_str().unwrap().to_owned();
    assert_eq!(made["model"]["info"]["artifact_uri"], format!("mlflow-artifacts:/0/models/{id}/artifacts"));
    (id.clone(), format!("0/models/{id}/artifacts"))
}

/// Returns what the journal says of models.
fn told(api: &Api) -> Vec<String> {
    let lines = api.world.control.records(0, 1_000).unwrap().into_iter();
    lines.filter(|line| line.kind == "model").map(|line| line.summary).collect()
}

async fn seals(api: &Api) -> Vec<Value> {
    api.get("sre-bot", "/v1/seals").await.is(200)["seals"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_file_is_read_as_it_was_written() {
    let api = Api::new().await;
    for (path, bytes) in [("0/r/artifacts/a.txt", &b"some text"[..]), ("0/r/artifacts/d/e.bin", b""), ("x", b"\0\x01")]
    {
        kept(&api, path, bytes).await;
        let answer = file(&api, path).await;
        assert_eq!(answer.bytes, bytes);
        assert_eq!(answer.headers[header::ETAG], format!("\"{}\"", Digest::plain(bytes)));
        assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(answer.headers[header::CONTENT_LENGTH], bytes.len().to_string());
    }
    kept(&api, "x", b"another").await;
    assert_eq!(file(&api, "x").await.bytes, b"another");
    let listed = api.get("dan", &format!("{FILES}?path=0/r/artifacts")).await.is(200);
    assert_eq!(
        listed,
        json!({ "files": [{ "path": "a.txt", "is_dir": false, "file_size": 9 }, { "path": "d", "is_dir": true }] })
    );
    refused(file(&api, "0/r/artifacts/nothing").await, 404, "RESOURCE_DOES_NOT_EXIST");
    assert!(file(&api, "0/r").await.is(400)["detail"].as_str().unwrap().contains("directory"));
    for (path, said) in [("0/r", "There is a directory"), ("x/below", "There is a file")] {
        let body = refused(api.send(put(&api, path, "1")).await, 400, "INVALID_PARAMETER_VALUE");
        assert!(body["message"].as_str().unwrap().starts_with(said), "{body}");
    }
}

#[tokio::test]
async fn a_part_of_a_large_file_is_the_part_that_was_asked_for() {
    let api = Api::new().await;
    let bytes: Vec<u8> = (0..1_500_000_u32).map(|n| (n % 251) as u8).collect();
    kept(&api, "large", &bytes).await;
    assert_eq!(file(&api, "large").await.bytes, bytes);
    for (range, from, to) in
        [("bytes=0-0", 0, 1), ("bytes=262143-262144", 262_143, 262_145), ("bytes=-7", 1_499_993, 1_500_000)]
    {
        let mut asked = request("GET", &format!("{FILES}/large"), Some(api.world.token("dan")), None);
        asked.headers_mut().insert(header::RANGE, range.parse().unwrap());
        let answer = api.send(asked).await;
        assert_eq!((answer.status.as_u16(), &answer.bytes[..]), (206, &bytes[from..to]), "{range}");
        assert_eq!(answer.headers[header::CONTENT_RANGE], format!("bytes {from}-{}/1500000", to - 1));
    }
    let mut asked = request("GET", &format!("{FILES}/large"), Some(api.world.token("dan")), None);
    asked.headers_mut().insert(header::RANGE, "bytes=1500000-".parse().unwrap());
    assert_eq!(api.send(asked).await.status, 416);
}

#[tokio::test]
async fn no_path_leads_out_of_the_store() {
    let api = Api::new().await;
    let root = api.world.folder.path().to_owned();
    let outside = |files: BTreeMap<PathBuf, Vec<u8>>| -> Vec<PathBuf> {
        // The log is published meanwhile.
        let is_other =
            |path: &PathBuf| !path.starts_with(data(&api)) && !path.components().any(|part| part.as_os_str() == "log");
        files.into_keys().filter(is_other).collect()
    };
    let before = outside(files_in(&root));
    let admin = "keys/admin.key";
    for path in [
        "../x",
        "a/../../x",
        "%2e%2e/x",
        "%2e%2e%2fx",
        "..%2f..%2fkeys%2fx",
        "%252e%252e%252fx",
        "%25252e%25252e/x",
        "/etc/x",
        "%2fetc%2fx",
        "//x",
        "a%5c..%5cx",
        "..%5cx",
        "a%00b",
        "a%2500b",
        "C:/x",
        "C%3A%2Fx",
        "file:x",
        "file:%2f%2f%2fetc%2fx",
        "a%23x",
        "a%0ab",
    ] {
        for method in ["PUT", "GET", "DELETE"] {
            let body = (method == "PUT").then(|| "planted".to_owned());
            let answer =
                api.send(request(method, &format!("{FILES}/{path}"), Some(api.world.token("dan")), body)).await;
            let body = refused(answer, 400, "INVALID_PARAMETER_VALUE");
            assert_eq!(body["message"], "Invalid path", "{method} {path}");
        }
        let query = path.replace('%', "%25");
        refused(api.get("dan", &format!("{FILES}?path={query}")).await, 400, "INVALID_PARAMETER_VALUE");
    }
    // What passes is text: it is kept under its digest, and a link on the disk is followed by nobody.
    std::os::unix::fs::symlink(root.join(admin), data(&api).join("link")).unwrap();
    refused(file(&api, "link").await, 404, "RESOURCE_DOES_NOT_EXIST");
    kept(&api, "link", b"mine").await;
    kept(&api, "a//b/./c", b"one form").await;
    assert_eq!(file(&api, "a/b/c").await.bytes, b"one form");
    fs::remove_file(data(&api).join("link")).unwrap();
    assert_eq!(outside(files_in(&root)), before, "nothing was made anywhere else");
    let kept = files_in(&data(&api));
    for (path, bytes) in kept {
        assert_eq!(path.file_name().unwrap().to_str().unwrap(), Digest::plain(&bytes).to_string());
    }
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let api = Api::new().await;
    kept(&api, "a", b"as it was").await;
    let before = files_in(&data(&api));
    let frames = [Ok(Bytes::from(vec![7; 600_000])), Err(std::io::Error::other("the client has gone"))];
    let body = Body::from_stream(stream::iter(frames));
    refused(api.send(put(&api, "a", body)).await, 400, "BAD_REQUEST");
    assert_eq!(files_in(&data(&api)), before);
    assert_eq!(file(&api, "a").await.bytes, b"as it was");
    let mut large = put(&api, "b", "x");
    large.headers_mut().insert(header::CONTENT_LENGTH, (1_u64 << 40).to_string().parse().unwrap());
    let body = refused(api.send(large).await, 413, "INVALID_PARAMETER_VALUE");
    assert_eq!(body["reason"], "payload-too-large");
    assert_eq!(files_in(&data(&api)), before);
}

#[tokio::test]
async fn what_a_crash_leaves_is_gone_after_a_start_and_what_nobody_names_too() {
    let api = Api::new().await;
    kept(&api, "a", b"first").await;
    kept(&api, "a", b"second").await;
    kept(&api, "b", b"third").await;
    kept(&api, "c/d", b"third").await;
    api.call("dan", "DELETE", &format!("{FILES}/b"), None).await.is(200);
    fs::write(data(&api).join("incoming/9"), b"half of").unwrap();
    let Api { world, router } = api;
    drop(router);
    let api = Api::over(world.restart().await);
    let left: Vec<Vec<u8>> = files_in(&data(&api)).into_values().collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(file(&api, "a").await.bytes, b"second");
    assert_eq!(file(&api, "c/d").await.bytes, b"third");
    refused(file(&api, "b").await, 404, "RESOURCE_DOES_NOT_EXIST");
}

/// Changes a kept file on the disk.
fn change(api: &Api, of: &[u8], to: impl FnOnce(&mut Vec<u8>)) {
    let digest = Digest::plain(of).to_string();
    let path = data(api).join(&digest[..2]).join(&digest);
    let mut bytes = fs::read(&path).unwrap();
    to(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_byte_that_changed_on_the_disk_is_never_served_as_good() {
    let api = Api::new().await;
    let large: Vec<u8> = (0..2_000_000_u32).map(|n| (n % 253) as u8).collect();
    for (name, bytes) in [("small", b"weights".to_vec()), ("large", large.clone())] {
        kept(&api, name, &bytes).await;
        change(&api, &bytes, |bytes| {
            bytes.pop();
        });
        let body = refused(file(&api, name).await, 500, "INTERNAL_ERROR");
        assert_eq!(body["reason"], "artifact-changed");
        // Whoever writes the right bytes again mends it.
        kept(&api, &format!("{name}-again"), &bytes).await;
        assert_eq!(file(&api, name).await.bytes, bytes);
    }
    change(&api, b"weights", |bytes| bytes[3] ^= 1);
    refused(file(&api, "small").await, 500, "INTERNAL_ERROR");
    change(&api, &large, |bytes| bytes[1_999_999] ^= 1);
    for range in [None, Some("bytes=0-9")] {
        let mut asked = request("GET", &format!("{FILES}/large"), Some(api.world.token("dan")), None);
        if let Some(range) = range {
            asked.headers_mut().insert(header::RANGE, range.parse().unwrap());
        }
        let answer = api.router.clone().oneshot(asked).await.unwrap();
        if answer.status().is_success() {
            let promised: usize = answer.headers()[header::CONTENT_LENGTH].to_str().unwrap().parse().unwrap();
            assert!(
                promised > 0 && to_bytes(answer.into_body(), usize::MAX).await.is_err(),
                "broken off, not finished"
            );
        } else {
            assert_eq!(answer.status(), 500);
        }
    }
}

#[tokio::test]
async fn nothing_of_a_sealed_model_changes_and_what_was_tried_is_recorded() {
    let api = Api::new().await;
    let (id, place) = ready(&api, &[("MLmodel", b"flavors: {}"), ("data/weights", b"1234")]).await;
    let encoded = place.replace('/', "%2F");
    for path in [
        format!("{place}/MLmodel"),
        format!("{place}/new"),
        format!("{place}/data/new/deep"),
        format!("{encoded}%2FMLmodel"),
        format!("{}%252FMLmodel", encoded.replace('%', "%25")),
        format!("{}//./MLmodel", place.replace('/', "//")).replace("0//", "0/"),
        place.clone(),
        format!("0/models/{id}"),
        "0/models".to_owned(),
    ] {
        let body = refused(api.send(put(&api, &path, "other bytes")).await, 403, "PERMISSION_DENIED");
        assert_eq!(body["reason"], "model-sealed");
        let said = body["message"].as_str().unwrap();
        assert!(said.contains(&id) && said.contains("model-sealed"), "{said}");
    }
    for path in [&format!("{place}/MLmodel"), &format!("{place}/data"), &place, "0/models", "0", &encoded] {
        let answer = api.call("dan", "DELETE", &format!("{FILES}/{path}"), None).await;
        assert_eq!(refused(answer, 403, "PERMISSION_DENIED")["reason"], "model-sealed", "{path}");
    }
    // A client that sends the same again has not heard the first answer.
    kept(&api, &format!("{place}/MLmodel"), b"flavors: {}").await;
    assert_eq!(file(&api, &format!("{place}/MLmodel")).await.bytes, b"flavors: {}");
    assert_eq!(file(&api, &format!("{place}/data/weights")).await.bytes, b"1234");
    for status in ["LOGGED_MODEL_PENDING", "LOGGED_MODEL_UPLOAD_FAILED"] {
        let wish = json!({ "model_id": id, "status": status });
        let answer = api.call("dan", "PATCH", &format!("{API}/logged-models/{id}"), Some(wish)).await;
        assert_eq!(refused(answer, 403, "PERMISSION_DENIED")["reason"], "model-sealed");
    }
    let manifest = format!("{} 11 MLmodel\n{} 4 data/weights\n", Digest::plain(b"flavors: {}"), Digest::plain(b"1234"));
    let listed = seals(&api).await;
    assert_eq!(listed.len(), 1);
    let seal = &listed[0];
    assert_eq!((&seal["model"], &seal["files"], &seal["bytes"]), (&json!(id), &json!(2), &json!(15)));
    assert_eq!(seal["digest"], Digest::plain(manifest.as_bytes()).to_string());
    assert_eq!((&seal["recorded"], &seal["sealed_by"]), (&json!(true), &json!("person:dan")));
    let told = told(&api);
    assert_eq!(told.len(), 1 + 9 + 6, "{told:#?}");
    assert!(told[0].contains(&id) && told[0].contains("sealed with 2 files"), "{}", told[0]);
    assert!(told[1].contains("MLmodel") && told[1].contains("refused"), "{}", told[1]);
    // What belongs to no sealed model is as free as before, and deleting the model frees nothing.
    kept(&api, &format!("{place}x"), b"a neighbour").await;
    api.call("dan", "DELETE", &format!("{API}/logged-models/{id}"), None).await.is(200);
    refused(api.send(put(&api, &format!("{place}/MLmodel"), "other")).await, 403, "PERMISSION_DENIED");
}

#[tokio::test]
async fn a_seal_that_a_crash_left_unrecorded_is_recorded_by_the_next_start_and_once() {
    let api = Api::new().await;
    let (id, place) = pending(&api).await;
    kept(&api, &format!("{place}/MLmodel"), b"x").await;
    // The process ends between the seal and its record.
    let tracking = api.world.control.tracking().unwrap().clone();
    tracking.set_logged_model_status(id.clone(), Status::Ready, "person:dan".into()).unwrap();
    drop(tracking);
    assert_eq!((told(&api).len(), &seals(&api).await[0]["recorded"]), (0, &json!(false)));
    refused(api.send(put(&api, &format!("{place}/MLmodel"), "y")).await, 403, "PERMISSION_DENIED");
    let mut api = api;
    for _ in 0..2 {
        let Api { world, router } = api;
        drop(router);
        api = Api::over(world.restart().await);
        let sealed = told(&api).iter().filter(|line| line.contains("sealed with 1 files")).count();
        assert_eq!((sealed, &seals(&api).await[0]["recorded"]), (1, &json!(true)));
    }
    let wish = json!({ "model_id": id, "status": "LOGGED_MODEL_READY" });
    api.call("dan", "PATCH", &format!("{API}/logged-models/{id}"), Some(wish)).await.is(200);
    assert_eq!(told(&api).iter().filter(|line| line.contains("sealed with")).count(), 1);
    refused(api.send(put(&api, &format!("{place}/MLmodel"), "y")).await, 403, "PERMISSION_DENIED");
}

#[tokio::test]
async fn an_auditor_reads_files_and_writes_none() {
    let api = crate::auditor::world().await;
    let token = api.world.token("zoe").to_owned();
    kept(&api, "0/a", b"text").await;
    for method in ["PUT", "DELETE"] {
        let answer = api.send(request(method, &format!("{FILES}/0/a"), Some(&token), Some("x".into()))).await;
        refused(answer, 403, "PERMISSION_DENIED");
        refused(
            api.send(request(method, &format!("{FILES}/0/a"), None, Some("x".into()))).await,
            401,
            "UNAUTHENTICATED",
        );
    }
    let answer = api.send(request("GET", &format!("{FILES}/0/a"), Some(&token), None)).await;
    assert_eq!(answer.bytes, b"text");
}

#[tokio::test]
async fn metrics_of_a_model_are_kept_with_it() {
    let api = Api::new().await;
    let (id, _) = pending(&api).await;
    let wish = json!({ "experiment_id": "0", "run_name": "a run", "start_time": 5 });
    let run = api.post("dan", &format!("{API}/runs/create"), wish).await.is(200)["run"]["info"]["run_id"].clone();
    let point = |value: f64, more: Value| {
        let mut point =
            json!({ "run_id": run, "key": "auc", "value": value, "timestamp": 7, "step": 1, "model_id": id });
        point.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        point
    };
    let log = async |wish: Value| api.post("dan", &format!("{API}/runs/log-metric"), wish).await;
    log(point(0.5, json!({ "dataset_name": "d", "dataset_digest": "x" }))).await.is(200);
    log(point(0.5, json!({ "dataset_name": "d", "dataset_digest": "x" }))).await.is(200);
    refused(log(point(0.6, json!({}))).await, 400, "BAD_REQUEST");
    refused(log(point(0.6, json!({ "model_id": "m-none", "step": 2 }))).await, 400, "BAD_REQUEST");
    refused(log(point(0.6, json!({ "dataset_name": "d", "step": 2 }))).await, 400, "INVALID_PARAMETER_VALUE");
    let model = api.get("dan", &format!("{API}/logged-models/{id}")).await.is(200);
    let expected = json!([{ "key": "auc", "value": 0.5, "timestamp": 7, "step": 1, "dataset_name": "d",
                            "dataset_digest": "x", "model_id": id, "run_id": run }]);
    assert_eq!(model["model"]["data"]["metrics"], expected);
    let run = run.as_str().unwrap();
    let history = api.get("dan", &format!("{API}/metrics/get-history?run_id={run}&metric_key=auc")).await.is(200);
    assert_eq!(
        history["metrics"],
        json!([{ "key": "auc", "value": 0.5, "timestamp": 7, "step": 1 }]),
        "nothing else was kept"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_a_runs_files_is_sealed_and_recorded_by_the_time_that_it_is_answered() {
    let api = crate::auditor::world().await;
    let run = crate::tracking::make_run(&api, "dan").await;
    kept(&api, &format!("0/{run}/artifacts/model/MLmodel"), b"weights").await;
    api.post("dan", "/api/2.0/mlflow/registered-models/create", json!({ "name": "fraud" })).await.is(200);
    let version = json!({ "name": "fraud", "source": format!("runs:/{run}/model"), "run_id": run });
    api.post("dan", "/api/2.0/mlflow/model-versions/create", version).await.is(200);
    let seals = api.get("zoe", &format!("/v1/seals?model=runs:/{run}/model")).await.is(200);
    assert_eq!(seals["seals"][0]["recorded"], true, "{seals}");
}
