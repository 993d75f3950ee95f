//! The published log over HTTP: whole for a verifier, with the right headers, and nothing else of the disk.

use std::collections::BTreeMap;

use axum::http::header;
use countersign_api::ApiConfig;
use serde_json::json;
use tlog::Checkpoint;

use crate::call::{Answer, Api, request};

async fn published() -> Api {
    let api = Api::new().await;
    for _ in 0..3 {
        api.propose("sre.report", json!({})).await;
    }
    api.world.control.publish().unwrap();
    api
}

/// Makes the log of an API public.
fn public(api: Api) -> Api {
    let config = ApiConfig { public_log: true, ..ApiConfig::default() };
    Api { router: countersign_api::router(api.world.control.clone(), config).0, ..api }
}

async fn without_key(api: &Api, path: &str) -> Answer {
    api.send(request("GET", path, None, None)).await
}

fn header_of(answer: &Answer, name: header::HeaderName) -> &str {
    answer.headers[name].to_str().unwrap()
}

#[tokio::test]
async fn a_verifier_needs_nothing_but_what_is_served() {
    let api = published().await;
    let note = api.get("eve", "/log/checkpoint").await;
    assert_eq!(note.status, 200);
    assert_eq!(header_of(&note, header::CONTENT_TYPE), "text/plain; charset=utf-8");
    assert_eq!(header_of(&note, header::CACHE_CONTROL), "no-cache");
    let key = api.world.control.config().place.keys.log.verifier();
    let (checkpoint, _) = Checkpoint::open(&note.bytes, &key).unwrap();
    let mut files = BTreeMap::new();
    let all = tlog::tiles_between(0, checkpoint.size).chain(tlog::bundles_between(0, checkpoint.size));
    for path in all {
        let answer = api.get("eve", &format!("/log/{path}")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(header_of(&answer, header::CONTENT_TYPE), "application/octet-stream");
        assert_eq!(header_of(&answer, header::CACHE_CONTROL), "private, max-age=31536000, immutable");
        assert_eq!(header_of(&answer, header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        files.insert(path.to_string(), answer.bytes);
    }
    let mut entries = 0;
    let fetch = |path: &tlog::TilePath| files.get(&path.to_string()).cloned();
    tlog::check_tree_with(checkpoint.size, &checkpoint.root, fetch, |_, _| entries += 1).unwrap();
    assert_eq!(entries, checkpoint.size);
    assert!(entries > 3);
}

#[tokio::test]
async fn a_key_is_needed_as_for_the_records_unless_the_log_is_public() {
    let api = published().await;
    let tile = tlog::tiles_between(0, api.world.control.publish().unwrap()).next().unwrap();
    for path in ["/log/checkpoint".to_owned(), format!("/log/{tile}")] {
        without_key(&api, &path).await.problem(401, "unauthenticated");
        api.get("sre-bot", &path).await.problem(403, "forbidden");
        assert_eq!(api.get("eve", &path).await.status, 200);
    }
    let api = public(api);
    assert_eq!(without_key(&api, "/log/checkpoint").await.status, 200);
    let answer = without_key(&api, &format!("/log/{tile}")).await;
    assert_eq!(header_of(&answer, header::CACHE_CONTROL), "public, max-age=31536000, immutable");
    // The log alone is public.
    without_key(&api, "/v1/records").await.problem(401, "unauthenticated");
    let foreign = request("GET", "/log/checkpoint", None, None);
    let (mut parts, body) = foreign.into_parts();
    parts.headers.insert(header::HOST, "evil.example".parse().unwrap());
    api.send(axum::http::Request::from_parts(parts, body)).await.problem(403, "origin-refused");
}

#[tokio::test]
async fn no_path_leads_out_of_the_log() {
    let api = public(published().await);
    let data = api.world.folder.path().join("data");
    std::fs::write(data.join("log/tile/0/secret"), "not for anybody").unwrap();
    std::fs::write(data.join("secret"), "not for anybody").unwrap();
    let paths = [
        "/log/tile/../../secret",
        "/log/tile/..%2f..%2fsecret",
        "/log/tile/%2e%2e/%2e%2e/secret",
        "/log/tile/0/..%2f..%2f..%2fsecret",
        "/log/tile/0/secret",
        "/log/tile/0/000.p/..%2f..%2fsecret",
        "/log/tile//0/000",
        "/log/tile/0//000",
        "/log/tile/0/000/",
        "/log/tile/00/000",
        "/log/tile/0/0",
        "/log/tile/0/+00",
        "/log/tile/8/000",
        "/log/tile/0/000.p/256",
        "/log/tile/0/000.p/0",
        "/log/tile/0/000%00",
        "/log/tile/entries/..%5c..%5csecret",
        "/log/tile/%2fetc%2fpasswd",
        "/log/tile//etc/passwd",
        "/log/../journal.db",
        "/log/..%2fjournal.db",
        "/log/journal.db",
        "/log/checkpoint/..",
        "/log/",
        "/log/tile/",
        "/log/tile/0/999",
    ];
    for path in paths {
        let answer = without_key(&api, path).await;
        assert!(!answer.bytes.windows(7).any(|bytes| bytes == b"not for"), "{path}");
        answer.problem(404, "not-found");
    }
    let post = api.send(request("POST", "/log/checkpoint", None, None)).await;
    assert_eq!(post.status, 405);
}

#[tokio::test]
async fn what_else_is_served_is_still_never_stored() {
    let api = published().await;
    for path in ["/v1/health", "/v1/records", "/log/tile/0/999", "/log/nothing"] {
        assert_eq!(header_of(&api.get("eve", path).await, header::CACHE_CONTROL), "no-store", "{path}");
    }
}
