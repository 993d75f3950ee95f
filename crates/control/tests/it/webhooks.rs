//! Webhooks of the registry: they are told of what happened, once it has, signed, at judged addresses, and nobody waits for them.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use countersign_control::Config;
use countersign_control::keys::Holder;
use countersign_control::tracking::kept::{Pair, Webhook};
use countersign_control::tracking::{
    Answer, ErrorCode, ModelVersionWish, Move, Tracking, WebhookEvent, WebhookTried, WebhookWish,
};
use notify::Settings;
use notify::send::sign;
use notify::settings::Secret;
use serde_json::{Value, json};
use testkit::{World, world};
use types::Principal;

use crate::notifications::until;

const SECRET: &str = "a secret that nobody is told";

/// Is a receiver: what came, and what it answers.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<(Vec<Request>, u16)>>);

/// Is the head and the body of a request.
type Request = (HeaderMap, Bytes);

impl Receiver {
    async fn start(status: u16) -> (Self, String) {
        let receiver = Self::default();
        receiver.answer(status);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (receiver, format!("http://{address}/in"))
    }

    fn answer(&self, status: u16) {
        self.0.lock().unwrap().1 = status;
    }

    fn came(&self) -> Vec<Request> {
        self.0.lock().unwrap().0.clone()
    }

    fn said(&self) -> Vec<Value> {
        self.came().iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> (StatusCode, &'static str) {
    let mut kept = receiver.0.lock().unwrap();
    kept.0.push((headers, body));
    (StatusCode::from_u16(kept.1).unwrap(), "heard")
}

/// Starts a world whose webhooks may be on this machine.
async fn reaching(world: World) -> World {
    let text = "[registry_webhooks]\nallow_private = true\nprivate = [\"127.0.0.1/32\"]\n";
    let notifications = Some(Settings::read(text, &|_| Err("nothing is named".into())).unwrap());
    world.restart_with(|config| Config { notifications, ..config }).await
}

/// Calls what waits for the disk where that is allowed.
async fn of<T: Send + 'static>(world: &World, work: impl FnOnce(&Tracking) -> T + Send + 'static) -> T {
    let tracking = world.control.tracking().unwrap().clone();
    tokio::task::spawn_blocking(move || work(&tracking)).await.unwrap()
}

fn wish(url: &str, events: &[WebhookEvent]) -> WebhookWish {
    WebhookWish {
        name: Some("hook".into()),
        url: Some(url.into()),
        secret: Some(SECRET.into()),
        events: Some(events.to_vec()),
        ..WebhookWish::default()
    }
}

async fn hook(world: &World, wish: WebhookWish) -> Answer<Webhook> {
    of(world, move |tracking| tracking.create_webhook(wish)).await
}

fn dan() -> Holder {
    Holder { principal: Principal::Person("dan".parse().unwrap()), on_behalf_of: None }
}

fn pair(key: &str, value: &str) -> Pair {
    Pair { key: key.into(), value: value.into() }
}

async fn make(world: &World, name: &'static str, tags: Vec<Pair>) -> Answer<()> {
    let made = of(world, move |tracking| tracking.create_registered_model(&dan(), name.into(), "what".into(), tags));
    made.await.map(|_| ())
}

fn verified(headers: &HeaderMap, body: &[u8]) -> bool {
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    let seconds = text("x-mlflow-timestamp").parse().unwrap();
    let secret = Secret::new(SECRET.as_bytes().to_vec());
    text("x-mlflow-signature") == sign(&[secret], &text("x-mlflow-delivery-id"), seconds, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_in_the_registry_is_told_signed_and_what_does_not_is_not() {
    let (receiver, url) = Receiver::start(204).await;
    let world = reaching(world().await).await;
    let all: Vec<WebhookEvent> = WebhookEvent::ALL.to_vec();
    hook(&world, wish(&url, &all)).await.unwrap();
    make(&world, "fraud", vec![pair("team", "risk"), pair("team", "credit")]).await.unwrap();
    assert!(make(&world, "fraud", Vec::new()).await.is_err(), "a name is given once");
    of(&world, |tracking| {
        let source =
            ModelVersionWish { name: "fraud".into(), source: "s3://b/1".into(), ..ModelVersionWish::default() };
        tracking.create_model_version(&dan(), source).unwrap();
        tracking.tag_model_version("fraud".into(), "1".into(), pair("k", "v")).unwrap();
        tracking.untag_model_version("fraud".into(), "1".into(), "k".into()).unwrap();
        // A tag of a model is told of prompts alone.
        tracking.tag_registered_model("fraud".into(), pair("k", "v")).unwrap();
    })
    .await;
    let alias =
        |version: &str| Move::SetAlias { model: "fraud".into(), alias: "champion".into(), version: version.into() };
    world.control.move_model(dan(), alias("1"), None).await.unwrap();
    assert!(world.control.move_model(dan(), alias("7"), None).await.is_err(), "there is no such version");
    let gone = Move::DeleteAlias { model: "fraud".into(), alias: "champion".into() };
    world.control.move_model(dan(), gone, None).await.unwrap();
    until(|| receiver.came().len() >= 6).await;
    let said: Vec<Value> = receiver.said();
    let shown: Vec<String> =
        said.iter().map(|one| format!("{}.{} {}", one["entity"], one["action"], one["data"])).collect();
    let expected = [
        (
            "registered_model",
            "created",
            json!({ "name": "fraud", "tags": { "team": "credit" }, "description": "what" }),
        ),
        (
            "model_version",
            "created",
            json!({ "name": "fraud", "version": "1", "source": "s3://b/1", "run_id": null, "tags": {}, "description": null }),
        ),
        ("model_version_tag", "set", json!({ "name": "fraud", "version": "1", "key": "k", "value": "v" })),
        ("model_version_tag", "deleted", json!({ "name": "fraud", "version": "1", "key": "k" })),
        ("model_version_alias", "created", json!({ "name": "fraud", "alias": "champion", "version": "1" })),
        ("model_version_alias", "deleted", json!({ "name": "fraud", "alias": "champion" })),
    ];
    let expected: Vec<String> =
        expected.iter().map(|(entity, action, data)| format!("\"{entity}\".\"{action}\" {data}")).collect();
    assert_eq!(shown, expected);
    assert_eq!(said[0]["timestamp"], "2026-01-05T10:00:00.000000+00:00");
    for (headers, body) in receiver.came() {
        assert!(verified(&headers, &body));
        assert_eq!(headers["content-type"], "application/json");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_has_events_of_its_own() {
    let (receiver, url) = Receiver::start(200).await;
    let world = reaching(world().await).await;
    hook(&world, wish(&url, &WebhookEvent::ALL)).await.unwrap();
    make(&world, "greeting", vec![pair("mlflow.prompt.is_prompt", "true"), pair("tone", "warm")]).await.unwrap();
    of(&world, |tracking| {
        let tags = vec![pair("mlflow.prompt.is_prompt", "True"), pair("mlflow.prompt.text", "Hello"), pair("a", "b")];
        let wish = ModelVersionWish {
            name: "greeting".into(),
            source: "dummy-source".into(),
            tags,
            ..ModelVersionWish::default()
        };
        tracking.create_model_version(&dan(), wish).unwrap();
        tracking.tag_registered_model("greeting".into(), pair("k", "v")).unwrap();
        tracking.untag_registered_model("greeting".into(), "k".into()).unwrap();
        tracking.tag_model_version("greeting".into(), "1".into(), pair("k", "v")).unwrap();
    })
    .await;
    until(|| receiver.came().len() >= 5).await;
    let said = receiver.said();
    let told: Vec<String> =
        said.iter().map(|one| format!("{}.{}", one["entity"], one["action"]).replace('"', "")).collect();
    let expected =
        ["prompt.created", "prompt_version.created", "prompt_tag.set", "prompt_tag.deleted", "prompt_version_tag.set"];
    assert_eq!(told, expected);
    assert_eq!(said[0]["data"], json!({ "name": "greeting", "tags": { "tone": "warm" }, "description": "what" }));
    let version =
        json!({ "name": "greeting", "version": "1", "template": "Hello", "tags": { "a": "b" }, "description": null });
    assert_eq!(said[1]["data"], version);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_taken_is_delivered_again_also_after_a_restart_under_the_same_id() {
    let (receiver, url) = Receiver::start(503).await;
    let world = reaching(world().await).await;
    hook(&world, wish(&url, &[WebhookEvent::RegisteredModelCreated])).await.unwrap();
    make(&world, "fraud", Vec::new()).await.unwrap();
    until(|| receiver.came().len() == 1).await;
    let world = world.restart().await;
    receiver.answer(200);
    world.clock.advance(20 * 60_000);
    until(|| receiver.came().len() == 2).await;
    let [(first, body), (again, same)] = &receiver.came()[..] else { panic!("there are two") };
    assert_eq!(first["x-mlflow-delivery-id"], again["x-mlflow-delivery-id"]);
    assert_ne!(
        first["x-mlflow-timestamp"], again["x-mlflow-timestamp"],
        "a receiver that refuses what is old takes it"
    );
    assert_eq!(body, same);
    assert!(verified(again, same));
    // What was taken is over.
    world.clock.advance(60 * 60_000);
    make(&world, "churn", Vec::new()).await.unwrap();
    until(|| receiver.came().len() == 3).await;
    assert_eq!(receiver.said()[2]["data"]["name"], "churn");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_off_changed_or_deleted_is_told_accordingly() {
    let (receiver, url) = Receiver::start(200).await;
    let world = reaching(world().await).await;
    let event = [WebhookEvent::RegisteredModelCreated];
    let off = hook(&world, WebhookWish { active: Some(false), ..wish(&url, &event) }).await.unwrap();
    let other = hook(&world, wish(&url, &[WebhookEvent::ModelVersionCreated])).await.unwrap();
    let gone = hook(&world, wish(&url, &event)).await.unwrap();
    let id = gone.id.clone();
    of(&world, move |tracking| tracking.delete_webhook(id)).await.unwrap();
    make(&world, "fraud", Vec::new()).await.unwrap();
    let on = WebhookWish { active: Some(true), secret: Some(String::new()), ..WebhookWish::default() };
    let id = off.id.clone();
    of(&world, move |tracking| tracking.change_webhook(id, on)).await.unwrap();
    make(&world, "churn", Vec::new()).await.unwrap();
    until(|| receiver.came().len() == 1).await;
    let (headers, _) = &receiver.came()[0];
    assert!(!headers.contains_key("x-mlflow-signature"), "its secret was taken away");
    assert_eq!(receiver.said()[0]["data"]["name"], "churn");
    let left: Vec<String> = of(&world, |tracking| tracking.webhooks(None, ""))
        .await
        .unwrap()
        .items
        .into_iter()
        .map(|hook| hook.id)
        .collect();
    assert_eq!(left, [other.id, off.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_this_machine_or_where_clouds_give_out_credentials() {
    let (receiver, url) = Receiver::start(200).await;
    let world = world().await;
    let secure = url.replace("http://", "https://");
    for bad in [
        secure.as_str(),
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://10.1.2.3/",
    ] {
        let refused = hook(&world, wish(bad, &[WebhookEvent::RegisteredModelCreated])).await.unwrap_err();
        assert!(
            refused.message.starts_with("Webhook URL must not resolve to a non-public IP address."),
            "{bad}: {refused}"
        );
    }
    let refused = hook(&world, wish(&url, &[WebhookEvent::RegisteredModelCreated])).await.unwrap_err();
    assert_eq!(refused.message, "Invalid webhook URL scheme: 'http'. Allowed schemes are: https.");
    let named = hook(&world, wish("https://u:p@1.1.1.1/", &[WebhookEvent::RegisteredModelCreated])).await.unwrap_err();
    assert!(named.message.contains("it holds a name or a password"), "{named}");
    // Also one that was allowed once is judged when something is sent.
    let world = reaching(world).await;
    let made = hook(&world, wish(&url, &[WebhookEvent::RegisteredModelCreated])).await.unwrap();
    let world = world.restart_with(|config| Config { notifications: None, ..config }).await;
    make(&world, "fraud", Vec::new()).await.unwrap();
    let tried = of(&world, move |tracking| tracking.try_webhook(&made.id, None)).await.unwrap();
    assert_eq!(tried.answer, None);
    assert!(tried.failed.unwrap().contains("it is this machine's own"));
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(receiver.came().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_tried_says_what_it_answered() {
    let (receiver, url) = Receiver::start(418).await;
    let world = reaching(world().await).await;
    let made =
        hook(&world, wish(&url, &[WebhookEvent::PromptTagSet, WebhookEvent::ModelVersionCreated])).await.unwrap();
    for event in [None, Some(WebhookEvent::BudgetPolicyExceeded)] {
        let id = made.id.clone();
        let tried = of(&world, move |tracking| tracking.try_webhook(&id, event)).await.unwrap();
        assert_eq!(tried, WebhookTried { answer: Some((418, "heard".into())), failed: None });
    }
    let told: Vec<Value> = receiver.said().iter().map(|said| said["entity"].clone()).collect();
    assert_eq!(told, ["model_version", "budget_policy"], "the first of its events, if none is named");
    let (headers, body) = &receiver.came()[0];
    assert!(verified(headers, body));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_in_no_file_of_the_data_folder() {
    let (_, url) = Receiver::start(200).await;
    let world = reaching(world().await).await;
    hook(&world, wish(&url, &[WebhookEvent::RegisteredModelCreated])).await.unwrap();
    let holds = |path: &std::path::Path| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes())
    };
    let data = world.control.config().place.data.clone();
    let files: Vec<_> = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.iter().any(|path| path.ends_with("tracking.db")));
    assert!(!files.iter().any(|path| holds(path)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused() {
    let world = world().await;
    let event = [WebhookEvent::RegisteredModelCreated];
    let url = "https://1.1.1.1/in";
    let twice = hook(&world, wish(url, &[event[0], event[0]])).await.unwrap_err();
    assert_eq!(twice.code, ErrorCode::BadRequest);
    assert!(
        hook(&world, wish(url, &[])).await.unwrap_err().message.starts_with("Webhook events must be a non-empty list")
    );
    let long = WebhookWish { secret: Some("x".repeat(1_001)), ..wish(url, &event) };
    assert!(hook(&world, long).await.is_err());
    assert!(hook(&world, wish(&format!("https://1.1.1.1/{}", "x".repeat(2_000)), &event)).await.is_err());
    let absent = of(&world, |tracking| tracking.webhook("nobody")).await.unwrap_err();
    assert_eq!((absent.code, &*absent.message), (ErrorCode::ResourceDoesNotExist, "Webhook with ID nobody not found."));
    for limit in [-1, 1_001] {
        assert!(of(&world, move |tracking| tracking.webhooks(Some(limit), "")).await.is_err());
    }
    assert_eq!(of(&world, |tracking| tracking.webhooks(None, "")).await.unwrap().items, []);
}
