//! Erasures from outside: what is answered, what is refused, what is left to see.

use serde_json::json;

use crate::call::Api;

fn wish(subject: &str) -> serde_json::Value {
    json!({ "subject": subject, "reason": "request 4711" })
}

/// `report-bot` has left the bundle.
async fn it_leaves(api: &Api) {
    let mut files = testkit::bundle();
    let agents =
        files.get("agents.toml").unwrap().replace("[agents.report-bot]\nowner = \"ben\"\nteams = [\"agents\"]\n", "");
    files.insert("agents.toml", agents);
    api.world.control.activate(&"dan".parse().unwrap(), files, "it has left").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_is_erased_once_nothing_names_it() {
    let api = Api::new().await;
    let proposed =
        api.post("report-bot", "/v1/actions", json!({ "tool": "sre.report", "arguments": {} })).await.is(200);
    let problem = api.post("dan", "/v1/erasures", wish("agent:report-bot")).await.problem(409, "subject-in-use");
    assert!(problem["detail"].as_str().unwrap().contains("the active bundle names it"), "{problem}");
    it_leaves(&api).await;
    api.post("eve", "/v1/erasures", wish("agent:report-bot")).await.problem(403, "policy-denies");
    let done = api.post("dan", "/v1/erasures", wish("agent:report-bot")).await.is(200);
    assert!(done["records"].as_u64().unwrap() >= 3 && done["keys"] == 1 && done["gone"] == true, "{done}");
    assert!(!done.to_string().contains("report-bot"), "{done}");
    let path = api.get("dan", &format!("/v1/actions/{}", proposed["action"].as_str().unwrap())).await.is(200);
    assert!(!path.to_string().contains("report-bot"), "{path}");
    let again = api.post("dan", "/v1/erasures", wish("agent:report-bot")).await.is(200);
    assert_eq!((again["receipt"].clone(), again["repeated"].clone()), (done["receipt"].clone(), json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_needs_a_subject_a_reason_and_a_person() {
    let api = Api::new().await;
    for body in [
        json!({ "subject": "report-bot", "reason": "r" }),
        json!({ "subject": "agent:report-bot", "reason": " " }),
        json!({ "subject": "agent:report-bot" }),
        json!({ "agent": "report-bot", "reason": "r" }),
    ] {
        api.post("dan", "/v1/erasures", body).await.problem(400, "request-invalid");
    }
    api.post("dan", "/v1/erasures", wish("person:nobody")).await.problem(404, "not-found");
    api.post("sre-bot", "/v1/erasures", wish("person:nobody")).await.problem(403, "forbidden");
}
