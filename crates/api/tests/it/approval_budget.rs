//! Budgets of approvals, over HTTP.

use serde_json::json;

use crate::call::Api;

#[tokio::test]
async fn an_approval_past_the_budget_is_refused_and_a_refusal_is_not() {
    let mut files = testkit::bundle();
    let profiles = files.get("escalation.toml").unwrap();
    let budgeted = profiles.replacen("approvals = 1\n", "approvals = 1\ndecisions_per_hour = 1\n", 1);
    files.insert("escalation.toml", budgeted.replace("600000", "7200000"));
    let api = Api::over(testkit::world_with(files).await);
    let first = api.case("sre.restart", json!({ "service": "a" }), "ben").await;
    api.vote("ben", &first, "approve").await.is(200);
    let spent = api.case("sre.restart", json!({ "service": "b" }), "ben").await;
    let from = api.world.control.now().plus(3_600_000);
    let you =
        json!({ "may_vote": true, "alone": false, "signed": false, "approves_from": from, "awaits_review": false });
    assert_eq!(spent["you"], you, "{spent}");
    let problem = api.vote("ben", &spent, "approve").await.problem(409, "approvals-spent");
    assert!(problem["detail"].as_str().unwrap().contains(&from.0.to_string()), "{problem}");
    let listed = api.get("ben", "/v1/approvals?state=open").await.is(200);
    assert_eq!(listed["approvals"][0]["you"], you, "{listed}");
    let other = api.get("cleo", &format!("/v1/approvals/{}", spent["id"].as_str().unwrap())).await.is(200);
    assert!(other["you"].get("approves_from").is_none(), "{other}");
    api.vote("ben", &spent, "deny").await.is(200);
}
