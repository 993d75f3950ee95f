//! Reading the journal: records, evidence, health, doctor.

use axum::http::header;
use serde_json::json;

use crate::call::{Api, request};

#[tokio::test]
async fn records_are_listed_and_followed() {
    let api = Api::new().await;
    let answer = api.propose("sre.report", json!({})).await;
    let all = api.get("eve", "/v1/records?from=0&limit=1000").await.is(200);
    let records = all["records"].as_array().unwrap();
    assert_eq!(records[0]["kind"], "genesis");
    assert_eq!(all["next"], all["size"]);
    let last = records.last().unwrap();
    assert_eq!(
        (&last["kind"], &last["verdict"], &last["action"]),
        (&json!("decided"), &json!("allow"), &answer["action"])
    );
    assert!(last["summary"].as_str().unwrap().contains("agent:sre-bot · sre.report"), "{last}");
    let tail = api.get("eve", "/v1/records?limit=1").await.is(200);
    assert_eq!(tail["records"][0]["index"], last["index"]);

    let next = format!("/v1/records?from={}&wait_ms=20000", all["next"]);
    let (followed, proposed) = tokio::join!(api.get("eve", &next), api.propose("sre.list", json!({})));
    assert_eq!(followed.is(200)["records"][0]["action"], proposed["action"]);
    let beyond = api.get("eve", "/v1/records?from=100000&wait_ms=20").await.is(200);
    assert!(beyond["records"].as_array().unwrap().is_empty() && beyond["next"] == 100_000);
}

#[tokio::test]
async fn the_evidence_of_an_action_is_a_zip_with_its_records() {
    let api = Api::new().await;
    let action = api.propose("sre.report", json!({})).await["action"].as_str().unwrap().to_owned();
    let answer = api.get("eve", &format!("/v1/export?action={action}")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/zip");
    assert!(answer.headers[header::CONTENT_DISPOSITION].to_str().unwrap().contains(&format!("{action}.evidence")));
    assert!(answer.bytes.starts_with(b"PK"));
    let unknown = "/v1/export?action=act_0190a6a1e00070008000000000000000";
    api.get("eve", unknown).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_permit_that_must_be_witnessed_is_not_handed_out_where_nobody_can() {
    let mut files = testkit::bundle();
    let policies = files.get("policies/starter.cedar").unwrap();
    let policies = policies.replace("@id(\"report\")", "@id(\"report\")\n@obligations(\"seen\")");
    files.insert("policies/starter.cedar", policies);
    files.insert("obligations.toml", "[obligations.seen]\nreceipt = \"witnessed\"\n");
    let api = Api::over(testkit::world_with(files).await);
    let body = json!({"tool": "sre.report", "arguments": {}});
    let problem = api.post("sre-bot", "/v1/actions", body).await.problem(503, "receipt-missing");
    let trace = api.get("eve", &format!("/v1/actions/{}", problem["action"].as_str().unwrap())).await.is(200);
    assert_eq!(trace["outcome"]["status"], "not_dispatched", "{trace}");
}

#[tokio::test]
async fn health_needs_no_key_and_the_doctor_does() {
    let api = Api::new().await;
    let answer = api.send(request("GET", "/v1/health", None, None)).await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let health = answer.is(200);
    assert_eq!(health["status"], "ok");
    assert!(health["records"].as_u64().unwrap() > 0 && health["version"].is_string());
    let doctor = api.get("eve", "/v1/doctor").await.is(200);
    let findings = doctor["findings"].as_array().unwrap();
    assert!(findings.iter().any(|f| f["sign"] == "good" && f["about"] == "journal"), "{doctor}");
    assert!(findings.iter().any(|f| f["sign"] == "note" && f["about"] == "agent report-bot"), "{doctor}");
}
