//! How people decide, over HTTP.

use serde_json::json;

use crate::call::Api;

#[tokio::test]
async fn people_read_how_people_decide_and_agents_do_not() {
    let api = Api::new().await;
    let none = api.get("eve", "/v1/oversight").await.is(200);
    assert_eq!((&none["people"], &none["all"]["votes"]), (&json!([]), &json!(0)), "{none}");
    assert!(none["all"].get("approval_bp").is_none() && none.get("from").is_none(), "nothing to divide by: {none}");
    let shown = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    api.vote("ben", &shown, "approve").await.is(200);
    let told = api.get("cleo", "/v1/oversight?since=1").await.is(200);
    assert_eq!((&told["from"], &told["cases"]), (&json!(0), &json!(1)), "{told}");
    let ben = &told["people"][0];
    assert_eq!((&ben["person"], &ben["figures"]["approvals"]), (&json!("ben"), &json!(1)), "{told}");
    assert_eq!((&ben["figures"]["quick_bp"], &ben["figures"]["regretted"]), (&json!(10_000), &json!(0)), "{told}");
    assert_eq!(told["profiles"][0]["profile"], "owner", "{told}");
    let later = api.get("cleo", "/v1/oversight?since=9000000000000000").await.is(200);
    assert_eq!((&later["all"]["votes"], &later["cases"]), (&json!(0), &json!(0)), "{later}");
    for wrong in ["?since=yesterday", "?since=", "?from=1"] {
        api.get("ben", &format!("/v1/oversight{wrong}")).await.problem(400, "request-invalid");
    }
    api.get("sre-bot", "/v1/oversight").await.problem(403, "forbidden");
}
