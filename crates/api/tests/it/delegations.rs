//! Delegations and who is on call, over HTTP.

use serde_json::json;

use crate::call::Api;

#[tokio::test]
async fn a_delegation_is_given_listed_used_and_taken_back() {
    let api = Api::new().await;
    let end = api.world.control.now().plus(3_600_000);
    let new = json!({ "to": "eve", "expires_at": end, "reason": "on holiday" });
    let given = api.post("ben", "/v1/delegations", new.clone()).await.is(201);
    assert_eq!((given["from"].as_str(), given["to"].as_str()), (Some("ben"), Some("eve")), "{given}");
    assert_eq!(api.get("cleo", "/v1/delegations").await.is(200)["delegations"].as_array().unwrap().len(), 1);
    let shown = api.case("sre.scale", json!({ "service": "web" }), "eve").await;
    assert_eq!(
        shown["you"],
        json!({ "may_vote": true, "alone": false, "signed": false, "awaits_review": false }),
        "in the place of ben"
    );
    let voted = api.vote("eve", &shown, "approve").await.is(200);
    assert_eq!(voted["votes"][0]["in_place_of"], "ben", "{voted}");
    let ended = json!({ "from": "ben", "to": "eve", "reason": "back" });
    assert!(api.post("dan", "/v1/delegations/end", ended.clone()).await.status == 204);
    api.post("dan", "/v1/delegations/end", ended).await.problem(404, "not-found");
    let far = json!({ "to": "eve", "expires_at": end.plus(30 * 86_400_000), "reason": "gone" });
    api.post("ben", "/v1/delegations", far).await.problem(422, "delegation-unsupported");
    let alone = json!({ "to": "eve", "expires_at": end, "reason": "x", "from": "cleo" });
    api.post("ben", "/v1/delegations", alone).await.problem(400, "request-invalid");
    api.post("sre-bot", "/v1/delegations", new).await.problem(403, "forbidden");
}

#[tokio::test]
async fn who_is_on_call_is_told_and_asked() {
    let mut files = testkit::bundle();
    let alone =
        "[schedules.primary]\nzone = \"UTC\"\npeople = [\"ben\"]\nstart = \"2020-01-01T00:00\"\nturn = \"1d\"\n";
    files.insert("schedules.toml", alone);
    let profiles = files.get("escalation.toml").unwrap().replacen("group = \"owners\"", "on_call = \"primary\"", 1);
    files.insert("escalation.toml", profiles);
    let api = Api::over(testkit::world_with(files.clone()).await);
    let told = api.get("eve", "/v1/on-call").await.is(200);
    assert_eq!(told["schedules"][0]["now"]["person"], "ben", "{told}");
    assert_eq!(told["schedules"][0]["profiles"], json!(["owner"]));
    assert!(told["schedules"][0].get("next").is_none(), "nobody else is in it");
    let shown = api.case("sre.restart", json!({ "service": "web" }), "eve").await;
    assert_eq!(shown["needs"][0]["steps"][0]["on_call"]["now"]["person"], "ben", "{shown}");
    assert_eq!(shown["needs"][0]["steps"][0]["people"], json!(["ben"]));
    let profiles = api.get("eve", "/v1/authority").await.is(200)["profiles"].as_array().unwrap().clone();
    let owner = profiles.iter().find(|one| one["profile"] == "owner").unwrap();
    assert_eq!((&owner["on_call"], &owner["people"]), (&json!("primary"), &json!(["ben"])), "{owner}");
    assert!(owner.get("group").is_none(), "{owner}");
    for (person, may) in [("ben", true), ("cleo", false)] {
        let seen = api.get(person, &format!("/v1/approvals/{}", shown["id"].as_str().unwrap())).await.is(200);
        assert_eq!(seen["you"]["may_vote"], may, "{seen}");
    }
    api.vote("cleo", &shown, "approve").await.problem(403, "voter-excluded");
    api.vote("ben", &shown, "approve").await.is(200);

    files.insert("schedules.toml", alone.replace("2020", "2120"));
    let api = Api::over(testkit::world_with(files).await);
    let denied = api.propose("sre.restart", json!({ "service": "web" })).await;
    assert!(denied["verdict"] == "deny" && crate::call::found(&denied, "nobody-on-call"), "{denied}");
}
