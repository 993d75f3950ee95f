//! Probes: what serves is asked which version it is, and what cannot be read is never good news.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use countersign_control::Config;
use countersign_control::probes::ProbesConfig;
use countersign_control::tracking::{DeploymentShown, DeploymentState, FAILS_MAX, Means};
use evidence::{Field, RecordKind};
use serde_json::{Value, json};
use testkit::{World, world};
use types::attestation::{OBSERVED, Observed};

use crate::incidents::{deploy, incidents, versions};

/// Is a server that answers each path as it is told to.
#[derive(Clone, Default)]
struct Serving(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    answers: Vec<(String, u16, String)>,
    asked: Vec<(String, Option<String>)>,
}

impl Serving {
    async fn start() -> (Self, String) {
        let serving = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let app = Router::new().fallback(answer).with_state(serving.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (serving, address)
    }

    fn says(&self, path: &str, status: u16, body: impl ToString) {
        let mut kept = self.0.lock().unwrap();
        kept.answers.retain(|(known, ..)| known != path);
        kept.answers.push((path.to_owned(), status, body.to_string()));
    }

    fn asked(&self) -> Vec<(String, Option<String>)> {
        self.0.lock().unwrap().asked.clone()
    }
}

async fn answer(State(serving): State<Serving>, uri: Uri, headers: HeaderMap) -> Response {
    let mut kept = serving.0.lock().unwrap();
    let path = uri.path_and_query().unwrap().to_string();
    let token = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    kept.asked.push((path.clone(), token));
    let found = kept.answers.iter().find(|(known, ..)| *known == path).cloned();
    match found {
        Some((_, status @ 300..=399, to)) => {
            (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, to)], "").into_response()
        }
        Some((_, status, body)) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

const PRIVATE: &str = "allow_private = true\nprivate = [\"127.0.0.1/32\"]\n";

fn config(text: &str) -> Result<ProbesConfig, String> {
    ProbesConfig::read(
        text,
        Arc::new(|name| if name == "token" { Ok(b"secret\n".to_vec()) } else { Err("none".into()) }),
    )
}

async fn probing(world: World, text: &str) -> World {
    let probes = Some(config(&format!("every_seconds = 600\n{text}")).unwrap());
    world.restart_with(|config| Config { probes, ..config }).await
}

fn json_probe(address: &str) -> String {
    format!(
        "[probes.eu]\nkind = \"json\"\nmodel = \"fraud\"\nurl = \"http://{address}/status\"\nversion = \"/model/version\"\n{PRIVATE}"
    )
}

async fn look(world: &World) -> DeploymentShown {
    world.control.probe_models().await.unwrap();
    world.control.deployments(Some("fraud".into())).await.unwrap().remove(0)
}

fn says(shown: &DeploymentShown) -> String {
    shown.witnesses.iter().filter_map(|one| one.probe.as_ref()).map(|probe| probe.says.clone()).collect()
}

fn observed(world: &World) -> Vec<Observed> {
    let all = world.control.history().range(0, 10_000).unwrap();
    let own = all.into_iter().filter(|one| one.leaf.kind == RecordKind::Model && one.leaf.status == Some(OBSERVED));
    own.map(|one| one.content.unwrap().get(Field::Body).unwrap().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_swapped_behind_the_servers_back_is_found_by_a_probe() {
    let (serving, address) = Serving::start().await;
    let world = world().await;
    versions(&world, 2);
    deploy(&world, 1).await;
    serving.says("/status", 200, json!({ "model": { "version": 1 } }));
    let world = probing(world, &json_probe(&address)).await;
    let shown = look(&world).await;
    assert_eq!((shown.state, shown.witnesses[0].means), (DeploymentState::AsDeclared, Means::Probed));
    serving.says("/status", 200, json!({ "model": { "version": "2" } }));
    assert_eq!(look(&world).await.state, DeploymentState::OtherVersion);
    assert_eq!(incidents(&world, false).await, ["deployment eu: other-version 1 2"]);
    let last = observed(&world).pop().unwrap();
    assert_eq!((last.means.as_deref(), last.version, last.declared), (Some("probed"), Some(2), Some(1)));
    serving.says("/status", 200, json!({ "model": { "version": 1 } }));
    assert_eq!(look(&world).await.state, DeploymentState::AsDeclared);
    assert!(incidents(&world, false).await.is_empty());
    let world = world.restart_with(|config| Config { probes: None, ..config }).await;
    crate::notifications::until(|| {
        let tracking = world.control.tracking().unwrap();
        tracking.deployments(None).unwrap()[0].witnesses.is_empty()
    })
    .await;
    let shown = world.control.deployments(None).await.unwrap().remove(0);
    assert_eq!(shown.state, DeploymentState::Unseen, "a probe that the settings name no more says nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_read_is_never_as_declared() {
    let (serving, address) = Serving::start().await;
    let world = world().await;
    versions(&world, 1);
    deploy(&world, 1).await;
    serving.says("/status", 500, "{}");
    let world = probing(world, &json_probe(&address)).await;
    assert_eq!(look(&world).await.state, DeploymentState::Unseen);
    serving.says("/status", 200, json!({ "model": { "version": 1 } }));
    assert_eq!(look(&world).await.state, DeploymentState::AsDeclared);
    let elsewhere = format!("http://{address}/other");
    serving.says("/other", 200, json!({ "model": { "version": 1 } }));
    for (status, body, why) in [
        (302, elsewhere.as_str(), "redirects are not followed"),
        (200, "<html>", "cannot be read"),
        (200, "{}", "has nothing at"),
        (200, "{\"model\": {\"version\": \"latest\"}}", "is no number"),
        (204, "", "status 204"),
        (503, "{\"model\": {\"version\": 1}}", "status 503"),
    ] {
        serving.says("/status", status, body);
        let shown = look(&world).await;
        assert_eq!(shown.state, DeploymentState::Silent, "{body}");
        assert!(says(&shown).contains(why), "{}", says(&shown));
        serving.says("/status", 200, json!({ "model": { "version": 1 } }));
        assert_eq!(look(&world).await.state, DeploymentState::AsDeclared);
    }
    assert!(!serving.asked().iter().any(|(path, _)| path == "/other"), "a redirect was followed");
    let reasons: Vec<_> = observed(&world).into_iter().filter_map(|one| one.reason).collect();
    assert_eq!(reasons.len(), 6, "and why nothing is known is recorded");

    serving.says("/status", 200, format!("{{\"model\": {{\"version\": 1}}, \"x\": \"{}\"}}", "x".repeat(5 << 20)));
    let shown = look(&world).await;
    assert!(says(&shown).contains("larger than 4 MiB"), "{}", says(&shown));
    for _ in 1..FAILS_MAX {
        assert!(incidents(&world, false).await.is_empty(), "it may pass");
        look(&world).await;
    }
    assert_eq!(incidents(&world, false).await, ["deployment eu: silent 1 1"]);
    serving.says("/status", 200, json!({ "model": { "version": null } }));
    assert_eq!(look(&world).await.state, DeploymentState::NothingRuns);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_goes_nowhere_but_where_the_settings_allow_it() {
    let of = |url: &str, more: &str| {
        config(&format!("[probes.eu]\nkind = \"mlflow\"\nmodel = \"fraud\"\nurl = \"{url}\"\n{more}")).map(drop)
    };
    let ten = "allow_private = true\nprivate = [\"10.0.0.0/8\"]\n";
    assert!(of("https://127.0.0.1:1/", "").unwrap_err().contains("is not spoken to"));
    assert!(of("https://127.0.0.1:1/", ten).unwrap_err().contains("is not spoken to"));
    assert!(of("http://169.254.169.254/", "allow_private = true\nprivate = [\"169.254.0.0/16\"]\n").is_err());
    assert!(of("https://10.1.2.3/", ten).is_ok() && of("https://a.example/", "").is_ok());
    assert!(of("https://a.example/", "target = \"-\"\n").unwrap_err().contains("A target has"));

    // The name leads to this machine, which the settings do not allow.
    let (serving, address) = Serving::start().await;
    let port = address.rsplit_once(':').unwrap().1;
    let world = world().await;
    versions(&world, 1);
    deploy(&world, 1).await;
    let text = json_probe(&format!("localhost:{port}")).replace("127.0.0.1/32", "10.0.0.0/8");
    let world = probing(world, &text).await;
    let shown = look(&world).await;
    assert_eq!(shown.state, DeploymentState::Unseen);
    assert!(says(&shown).contains("is not spoken to"), "{}", says(&shown));
    assert!(serving.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inference_protocol_tells_which_versions_are_ready() {
    let (serving, address) = Serving::start().await;
    let world = world().await;
    versions(&world, 2);
    deploy(&world, 1).await;
    let of = |version: u64, status: u16| serving.says(&format!("/v2/models/f/versions/{version}/ready"), status, "");
    serving.says("/v2/models/f", 200, json!({ "name": "f", "versions": ["1", "2"], "platform": "x" }));
    of(1, 200);
    of(2, 400);
    let text = format!(
        "[probes.eu]\nkind = \"open-inference\"\nmodel = \"fraud\"\nserved_as = \"f\"\nurl = \"http://{address}\"\n{PRIVATE}"
    );
    let world = probing(world, &text).await;
    assert_eq!(look(&world).await.state, DeploymentState::AsDeclared);
    of(2, 200);
    let shown = look(&world).await;
    assert_eq!((shown.state, shown.seen.unwrap().others), (DeploymentState::MixedVersions, vec![2]));
    of(1, 503);
    assert_eq!(look(&world).await.state, DeploymentState::OtherVersion);
    of(2, 404);
    assert_eq!(look(&world).await.state, DeploymentState::NothingRuns);
    of(2, 500);
    assert_eq!(look(&world).await.state, DeploymentState::Silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn mlflows_scoring_server_tells_that_it_serves_and_not_what() {
    let (serving, address) = Serving::start().await;
    let world = world().await;
    versions(&world, 1);
    deploy(&world, 1).await;
    serving.says("/ping", 200, "\n");
    serving.says("/version", 200, "3.17.2");
    let text = format!("[probes.eu]\nkind = \"mlflow\"\nmodel = \"fraud\"\nurl = \"http://{address}\"\n{PRIVATE}");
    let world = probing(world, &text).await;
    let shown = look(&world).await;
    assert_eq!(shown.state, DeploymentState::Unseen, "which version serves is not told");
    assert!(says(&shown).contains("MLflow 3.17.2 serves, and does not say which version"), "{}", says(&shown));
    crate::incidents::seen(&world, Some(1), None).await;
    assert_eq!(look(&world).await.state, DeploymentState::AsDeclared, "the host says which");
    serving.says("/ping", 500, "");
    assert_eq!(look(&world).await.state, DeploymentState::Silent, "whatever the host says, nothing serves");
}

fn pod(name: &str, version: &str, image: &str) -> Value {
    json!({
        "metadata": { "name": name, "labels": { "app": "fraud", "countersign/version": version } },
        "status": { "phase": "Running", "containerStatuses": [{ "name": "server", "imageID": format!("r.example/f@{image}") }] },
    })
}

fn page(pods: &[Value], next: &str) -> Value {
    json!({ "kind": "PodList", "metadata": { "continue": next }, "items": pods })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_tells_what_its_pods_run_page_by_page() {
    const FIRST: &str = "/api/v1/namespaces/serving/pods?labelSelector=app%3Dfraud&limit=100";
    let (serving, address) = Serving::start().await;
    let world = world().await;
    versions(&world, 2);
    deploy(&world, 1).await;
    let second = format!("{FIRST}&continue=c1");
    serving.says(FIRST, 200, page(&[pod("a", "1", "sha256:aa")], "c1"));
    serving.says(&second, 200, page(&[pod("b", "1", "sha256:aa")], ""));
    let text = format!(
        "[probes.eu]\nkind = \"kubernetes\"\nmodel = \"fraud\"\nnamespace = \"serving\"\nselector = \"app=fraud\"\n\
         url = \"http://{address}\"\ntoken_file = \"token\"\n{PRIVATE}"
    );
    let world = probing(world, &text).await;
    let shown = look(&world).await;
    assert_eq!((shown.state, shown.witnesses[0].means), (DeploymentState::AsDeclared, Means::Cluster));
    assert_eq!(shown.seen.unwrap().images, ["sha256:aa"]);
    assert!(serving.asked().iter().all(|(_, token)| token.as_deref() == Some("Bearer secret")));
    serving.says(&second, 200, page(&[pod("b", "2", "sha256:bb")], ""));
    let shown = look(&world).await;
    assert_eq!(shown.state, DeploymentState::MixedVersions, "a rollout that goes on is told as such");
    let seen = shown.seen.unwrap();
    assert_eq!(
        (seen.version, seen.others, seen.images),
        (Some(1), vec![2], vec!["sha256:aa".to_owned(), "sha256:bb".into()])
    );
    assert_eq!(incidents(&world, false).await, ["deployment eu: mixed-versions 1 1 and 2"]);
    serving.says(&second, 410, "");
    assert_eq!(look(&world).await.state, DeploymentState::Silent, "half of the pods is no answer");
    serving.says(&second, 200, page(&[], "c1"));
    assert!(says(&look(&world).await).contains("leads on"));

    serving.says(&second, 200, page(&[pod("b", "1", "sha256:aa")], ""));
    let tag = countersign_control::tracking::kept::Pair {
        key: "countersign.infrastructure.image".into(),
        value: "sha256:aa".into(),
    };
    let tracking = crate::incidents::tracking(&world);
    tracking.tag_model_version("fraud".into(), "1".into(), tag).unwrap();
    assert_eq!(look(&world).await.state, DeploymentState::AsDeclared);
    serving.says(&second, 200, page(&[pod("b", "1", "sha256:cc")], ""));
    assert_eq!(look(&world).await.state, DeploymentState::OtherFiles, "it is not the image that the version names");
}
