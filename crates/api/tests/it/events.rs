//! Events: in order, resumed, refused to agents, and ended with what let the reader in.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::http::header;
use axum::response::Response;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::call::{Api, request};

/// Is a reader of events.
pub struct Reader {
    body: BodyDataStream,
    text: String,
}

impl Reader {
    pub async fn open(api: &Api, who: &str, path: &str, last: Option<u64>) -> Self {
        let mut request = request("GET", path, Some(api.world.token(who)), None);
        if let Some(last) = last {
            request.headers_mut().insert("last-event-id", last.to_string().parse().unwrap());
        }
        let response: Response = api.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// Reads the next event; `None` if the stream has ended.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let data = event.lines().find_map(|line| line.strip_prefix("data: ")).map(str::to_owned);
                let id = event.lines().find_map(|line| line.strip_prefix("id: ")).map(str::to_owned);
                self.text = rest.to_owned();
                let Some(data) = data else { continue };
                let event: Value = serde_json::from_str(&data).unwrap();
                assert_eq!(id, Some(event["index"].to_string()));
                return Some(event);
            }
            let waited = tokio::time::timeout(Duration::from_secs(30), self.body.next()).await;
            let chunk = waited.expect("no event came")?.unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test]
async fn what_happens_comes_in_order_and_goes_on_where_a_reader_was() {
    let api = Api::new().await;
    let begin = api.world.control.size();
    let mut reader = Reader::open(&api, "ben", "/v1/events", None).await;
    let case = api.case("sre.restart", json!({ "service": "we\u{202e}b" }), "ben").await;
    api.vote("ben", &case, "deny").await.is(200);
    let kill = json!({ "target": { "agent": "report-bot" }, "reason": "a test\u{1b}[31m" });
    api.post("eve", "/v1/switches", kill).await.is(200);
    let (decided, vote, switch) =
        (reader.next().await.unwrap(), reader.next().await.unwrap(), reader.next().await.unwrap());
    assert_eq!(decided["index"], begin);
    assert_eq!((&decided["kind"], &decided["verdict"]), (&json!("decided"), &json!("escalate")));
    assert_eq!((&decided["tool"], &decided["case"]), (&json!("sre.restart"), &case["id"]));
    assert_eq!((&decided["who"], &decided["level"]), (&json!("agent:sre-bot"), &json!("L1")));
    assert_eq!((&vote["kind"], &vote["what"], &vote["who"]), (&json!("vote"), &json!("deny"), &json!("person:ben")));
    assert_eq!((&vote["why"], &vote["case"]), (&json!("looked at it"), &case["id"]));
    assert_eq!((&switch["kind"], &switch["what"]), (&json!("switch"), &json!("agent:report-bot set")));
    assert!(switch["why"].as_str().unwrap().contains("a test\\u{1b}"), "{switch}");

    let mut again = Reader::open(&api, "ben", "/v1/events", Some(begin)).await;
    assert_eq!(again.next().await.unwrap()["index"], begin + 1);
    let mut back = Reader::open(&api, "ben", "/v1/events?last=1", None).await;
    assert_eq!(back.next().await.unwrap()["index"], api.world.control.size() - 1);
}

#[tokio::test]
async fn an_expired_case_is_told() {
    let api = Api::new().await;
    let case = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    let mut reader = Reader::open(&api, "ben", "/v1/events", None).await;
    api.world.clock.advance(600_000);
    api.world.control.tick().await.unwrap();
    let ended = reader.next().await.unwrap();
    assert_eq!((&ended["kind"], &ended["what"]), (&json!("case_ended"), &json!("expired")));
    assert_eq!(ended["case"], case["id"]);
}

#[tokio::test]
async fn agents_do_not_follow_and_nobody_does_once_their_key_has_ended() {
    let api = Api::new().await;
    api.get("sre-bot", "/v1/events").await.problem(403, "forbidden");
    let mut reader = Reader::open(&api, "ben", "/v1/events", None).await;
    let keys = api.get("dan", "/v1/keys").await.is(200);
    let bens = keys["keys"].as_array().unwrap().iter().find(|key| key["holder"] == "person:ben").unwrap();
    let path = format!("/v1/keys/{}", bens["id"].as_str().unwrap());
    api.call("dan", "DELETE", &path, Some(json!({ "reason": "lost" }))).await.is(204);
    api.propose("sre.report", json!({ "service": "web" })).await;
    // The record that says so may be the last that it reads.
    while let Some(event) = reader.next().await {
        assert_eq!(event["kind"], "key", "a revoked key still follows");
    }
}

#[tokio::test]
async fn a_server_that_stops_sends_its_readers_away() {
    let api = Api::new().await;
    let mut reader = Reader::open(&api, "ben", "/v1/events", None).await;
    api.world.control.send_followers_away();
    assert!(reader.next().await.is_none());
}

#[tokio::test]
async fn there_is_room_for_256_readers_and_a_place_is_free_again() {
    let api = Api::new().await;
    let mut readers = Vec::new();
    for _ in 0..256 {
        readers.push(Reader::open(&api, "ben", "/v1/events", None).await);
    }
    api.get("ben", "/v1/events").await.problem(503, "overloaded");
    readers.clear();
    // Whoever is gone is noticed with the next record.
    api.propose("sre.report", json!({ "service": "web" })).await;
    for _ in 0..1_500 {
        if api.world.control.follow(0).is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no place is free");
}

#[tokio::test]
async fn a_reader_that_takes_nothing_holds_nobody_up() {
    let api = Api::new().await;
    let begin = api.world.control.size();
    let mut idle = Reader::open(&api, "ben", "/v1/events", None).await;
    for number in 0..200 {
        api.propose("sre.report", json!({ "service": format!("web-{number}") })).await;
    }
    assert!(api.world.control.size() >= begin + 200);
    // What it did not take then it takes now, and in order.
    for index in begin..begin + 200 {
        assert_eq!(idle.next().await.unwrap()["index"], index);
    }
}

#[tokio::test]
async fn a_record_of_a_model_says_what_it_tells_whatever_the_names_in_it_pretend() {
    let api = Api::new().await;
    let (model, place) = crate::artifacts::ready(&api, &[("MLmodel", b"flavors: {}")]).await;
    let path = format!("/api/2.0/mlflow-artifacts/artifacts/{place}/MLmodel");
    assert_eq!(api.call("dan", "PUT", &path, Some(json!({}))).await.status, 403);
    let name = "write to MLmodel of sealed m-1 refused, 3×";
    let registered = json!({ "name": name });
    api.post("dan", "/api/2.0/mlflow/registered-models/create", registered).await.is(200);
    let version = json!({ "name": name, "source": format!("models:/{model}"), "model_id": model });
    api.post("dan", "/api/2.0/mlflow/model-versions/create", version).await.is(200);
    let evaluated = json!({ "suite": "sealed with 3 files", "checks": [{ "name": "auc", "passed": true }] });
    let to = "/v1/models/write%20to%20MLmodel%20of%20sealed%20m-1%20refused,%203%C3%97/versions/1/evaluations";
    api.post("dan", to, evaluated).await.is(200);
    let mut reader = Reader::open(&api, "dan", "/v1/events?last=1000", None).await;
    let mut told = Vec::new();
    for _ in 0..api.world.control.size() {
        let event = reader.next().await.unwrap();
        assert_eq!(event.get("model").is_some(), event["kind"] == "model", "{event}");
        told.extend(event["model"].as_str().map(str::to_owned));
    }
    assert_eq!(told, ["sealed", "write-refused", "evaluated"]);
}
