//! Incidents and keys of hosts over HTTP: what runs around the road is listed with how it is mended, and what is not borne out is refused.

use evidence::{About, Archive, Field, RecordKind};
use serde_json::json;
use types::attestation::INCIDENT;
use types::incident::Incident;

use crate::call::Api;

const API: &str = "/api/2.0/mlflow";
const SEEN: &str = "/v1/models/fraud/deployments/eu/observed";

async fn world() -> Api {
    let api = crate::auditor::world().await;
    api.post("dan", &format!("{API}/registered-models/create"), json!({ "name": "fraud" })).await.is(200);
    for source in ["s3://models/a", "s3://models/b"] {
        let version = json!({ "name": "fraud", "source": source });
        api.post("dan", &format!("{API}/model-versions/create"), version).await.is(200);
    }
    let wish = json!({ "version": 1, "reason": "the first" });
    api.call("dan", "PUT", "/v1/models/fraud/deployments/eu", Some(wish)).await.is(200);
    api
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_listed_with_how_it_is_mended_and_is_evidence() {
    let api = world().await;
    assert_eq!(api.get("zoe", "/v1/models/incidents").await.is(200), json!({ "incidents": [] }));
    api.post("sre-bot", SEEN, json!({ "version": 2 })).await.is(200);
    let listed = api.get("zoe", "/v1/models/incidents").await.is(200);
    let one = &listed["incidents"][0];
    assert_eq!((one["thing"].as_str(), one["name"].as_str()), (Some("deployment"), Some("eu")));
    assert_eq!((one["wrong"].as_str(), one["means"].as_str()), (Some("other-version"), Some("reported")));
    assert_eq!((one["declared"].as_str(), one["observed"].as_str()), (Some("1"), Some("2")));
    assert!(one["mend"].as_str().unwrap().contains("countersign model deploy fraud 2 --to eu"), "{one}");
    api.post("sre-bot", SEEN, json!({ "version": 1 })).await.is(200);
    assert_eq!(api.get("zoe", "/v1/models/incidents").await.is(200), json!({ "incidents": [] }));
    let all = api.get("zoe", "/v1/models/incidents?ended=true&model=fraud&limit=1").await.is(200);
    assert!(all["incidents"][0]["ended"].is_i64() && all["next"].is_i64(), "{all}");
    let before = format!("/v1/models/incidents?ended=true&before={}", all["next"]);
    assert_eq!(api.get("zoe", &before).await.is(200), json!({ "incidents": [] }));
    assert_eq!(api.get("zoe", "/v1/models/incidents?ended=true&model=spam").await.is(200), json!({ "incidents": [] }));
    api.get("sre-bot", "/v1/models/incidents").await.problem(403, "forbidden");
    api.get("zoe", "/v1/models/incidents?state=open").await.problem(400, "request-invalid");

    let shown = api.get("zoe", "/v1/deployments").await.is(200);
    let witness = &shown["deployments"][0]["witnesses"][0];
    assert_eq!((witness["means"].as_str(), witness["state"].as_str()), (Some("reported"), Some("as-declared")));

    api.world.control.publish().unwrap();
    let sent = api.get("zoe", "/v1/models/fraud/versions/2/evidence").await;
    let archive = Archive::from_bytes(&sent.bytes).unwrap();
    assert!(matches!(archive.manifest.about, About::Version { version: 2, .. }));
    assert_eq!(archive.manifest.records.len(), 3, "what was seen, the incident and its end");
    let found = api.world.control.history().range(0, 1_000).unwrap().into_iter();
    let found = found.filter(|one| one.leaf.kind == RecordKind::Model && one.leaf.status == Some(INCIDENT));
    let told: Vec<Incident> = found.map(|one| one.content.unwrap().get(Field::Body).unwrap().unwrap()).collect();
    assert!(told.len() == 2 && told.iter().all(|one| one.names(2)), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_hosts_are_for_people_and_what_they_do_not_sign_is_refused() {
    let api = world().await;
    let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let new = |key: &str| json!({ "target": "eu", "public_key": key, "reason": "its host" });
    api.post("sre-bot", "/v1/host-keys", new(key)).await.problem(403, "forbidden");
    for wrong in ["", "00", &"zz".repeat(32), &"00".repeat(32)] {
        api.post("dan", "/v1/host-keys", new(wrong)).await.problem(400, "request-invalid");
    }
    let made = api.post("dan", "/v1/host-keys", new(key)).await.is(201);
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["target"], "eu");
    api.post("dan", "/v1/host-keys", new(key)).await.problem(409, "state-conflict");
    api.post("sre-bot", SEEN, json!({ "version": 1 })).await.problem(403, "heartbeat-unsigned");
    let signed = |key: &str, counter: u64| {
        let at = api.world.control.now().0;
        json!({ "version": 1, "signed": { "key": key, "counter": counter, "at": at, "signature": "00".repeat(64) } })
    };
    api.post("sre-bot", SEEN, signed(id, 1)).await.problem(403, "heartbeat-forged");
    api.post("sre-bot", SEEN, signed("host_none", 1)).await.problem(403, "host-key-unknown");
    api.post("sre-bot", SEEN, signed(id, 1 << 53)).await.problem(400, "json-unsafe-number");
    let why = json!({ "reason": "gone" });
    api.call("dan", "DELETE", &format!("/v1/host-keys/{id}"), Some(why.clone())).await.is(204);
    api.call("dan", "DELETE", "/v1/host-keys/host_none", Some(why)).await.problem(404, "not-found");
    let listed = api.get("zoe", "/v1/host-keys").await.is(200);
    assert!(listed["keys"][0]["revoked"].is_i64(), "{listed}");
    api.post("sre-bot", SEEN, signed(id, 1)).await.problem(403, "host-key-revoked");
    api.post("sre-bot", SEEN, json!({ "version": 1 })).await.is(200);
}
