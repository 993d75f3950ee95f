//! Reviews over HTTP: who sees what, each refusal with its code, and hostile texts that stay data.

use serde_json::{Value, json};
use testkit::{bundle, reviewed_bundle, world_with};

use crate::call::{Answer, Api, request};

async fn reviewed() -> Api {
    Api::over(world_with(reviewed_bundle()).await)
}

async fn review(api: &Api, who: &str, case: &Value, advice: &str, reason: &str) -> Answer {
    let path = format!("/v1/reviews/{}", case["id"].as_str().unwrap());
    api.post(who, &path, json!({ "advice": advice, "reason": reason, "shown": case["shown"] })).await
}

#[tokio::test]
async fn a_reviewer_lists_reads_and_says_and_people_see_it() {
    let api = reviewed().await;
    let shown = api.case("sre.scale", json!({ "service": "web" }), "ben").await;
    let step = &shown["needs"][1]["steps"][0];
    let you = &shown["you"];
    assert_eq!((&step["reviewers"], &you["awaits_review"]), (&json!(["checker"]), &json!(true)), "{shown}");
    assert_eq!(
        (&you["may_vote"], &you["approves_from"]),
        (&json!(true), &step["from"]),
        "a refusal counts now: {shown}"
    );
    assert_eq!(step["from"], step["reviewed_to"], "people are asked after the reviewer");
    let open = api.get("checker", "/v1/reviews").await.is(200);
    assert_eq!((&open["open"][0]["id"], open["open"].as_array().unwrap().len()), (&shown["id"], 1), "{open}");
    let path = format!("/v1/reviews/{}", shown["id"].as_str().unwrap());
    let seen = api.get("checker", &path).await.is(200);
    assert_eq!((&seen["arguments"], &seen["shown"]), (&json!({ "service": "web" }), &shown["shown"]));
    assert!(seen["may_send_back"] == true && seen.get("votes").is_none() && seen.get("needs").is_none(), "{seen}");
    api.vote("ben", &shown, "approve").await.problem(409, "review-awaited");
    let said = review(&api, "checker", &shown, "on", "two replicas are enough").await.is(200);
    assert_eq!((&said["state"], said["reviews"].as_array().unwrap().len()), (&json!("open"), 1), "{said}");
    let after = api.get("ben", &format!("/v1/approvals/{}", shown["id"].as_str().unwrap())).await.is(200);
    assert_eq!(
        (&after["you"]["may_vote"], &after["votes"]),
        (&json!(true), &json!([])),
        "a review is no vote: {after}"
    );
    let told = &after["reviews"][0];
    assert_eq!(
        (&told["reviewer"], &told["family"], &told["advice"]),
        (&json!("checker"), &json!("beta"), &json!("on"))
    );
    let listed = api.get("ben", "/v1/reviews").await.is(200);
    assert_eq!(listed["reviewed"][0]["reviews"][0]["reason"], "two replicas are enough", "{listed}");
    assert_eq!(api.get("ben", &path).await.is(200)["reviews"], after["reviews"]);
    api.vote("ben", &after, "approve").await.is(200);
    let done = api.vote("cleo", &after, "approve").await.is(200);
    assert_eq!(done["state"], "approved");
}

#[tokio::test]
async fn nobody_else_reviews_and_no_other_case_is_read() {
    let api = reviewed().await;
    let shown = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    let path = format!("/v1/reviews/{}", shown["id"].as_str().unwrap());
    for agent in ["sre-bot", "report-bot"] {
        assert_eq!(api.get(agent, "/v1/reviews").await.is(200), json!({ "open": [] }));
        api.get(agent, &path).await.problem(404, "not-found");
        review(&api, agent, &shown, "on", "looks fine").await.problem(404, "not-found");
    }
    review(&api, "ben", &shown, "on", "looks fine").await.problem(403, "forbidden");
    // A reviewer is no person, and reads no case by another door.
    api.vote("checker", &shown, "approve").await.problem(403, "forbidden");
    api.get("checker", &format!("/v1/approvals/{}", shown["id"].as_str().unwrap())).await.problem(404, "not-found");
    let nowhere = "/v1/reviews/case_0190a6a1e00070008000000000000000";
    api.get("checker", nowhere).await.problem(404, "not-found");
    api.post("checker", nowhere, json!({ "advice": "on", "reason": "x", "shown": shown["shown"] }))
        .await
        .problem(404, "not-found");
    // What another profile asks of people alone is not there for a reviewer.
    let mut files = reviewed_bundle();
    let by = "review_by = [\"agent:checker\"]\nreview_ms = 60000\n";
    let profiles = files.get("escalation.toml").unwrap().replacen(by, "", 1);
    assert!(profiles.contains(by), "the other profile has a reviewer still");
    files.insert("escalation.toml", profiles);
    let api = Api::over(world_with(files).await);
    let other = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    assert_eq!(api.get("checker", "/v1/reviews").await.is(200), json!({ "open": [] }));
    api.get("checker", &format!("/v1/reviews/{}", other["id"].as_str().unwrap())).await.problem(404, "not-found");
    review(&api, "checker", &other, "back", "no").await.problem(404, "not-found");
    // In a bundle without reviewers nothing waits for one.
    let api = Api::over(world_with(bundle()).await);
    let plain = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    assert!(plain["you"]["may_vote"] == true && plain["needs"][0]["steps"][0]["reviewers"] == json!([]), "{plain}");
}

#[tokio::test]
async fn each_refusal_has_its_code() {
    let api = reviewed().await;
    let shown = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    let path = format!("/v1/reviews/{}", shown["id"].as_str().unwrap());
    for wrong in [json!({}), json!({ "advice": "approve", "reason": "x", "shown": shown["shown"] })] {
        api.post("checker", &path, wrong).await.problem(400, "request-invalid");
    }
    review(&api, "checker", &shown, "on", " ").await.problem(400, "request-invalid");
    let other = json!({ "id": shown["id"], "shown": "00".repeat(32) });
    review(&api, "checker", &other, "on", "x").await.problem(409, "shown-mismatch");
    review(&api, "checker", &shown, "back", "the window is closed").await.is(200);
    review(&api, "checker", &shown, "on", "x").await.problem(409, "case-closed");
    let again = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    assert!(again["id"] != shown["id"] && again["returned_before"] == true, "{again}");
    review(&api, "checker", &again, "back", "still").await.problem(409, "review-spent");
    review(&api, "checker", &again, "on", "it insists").await.is(200);
    review(&api, "checker", &again, "on", "twice").await.problem(409, "vote-repeated");
    let late = api.case("sre.restart", json!({ "service": "db" }), "ben").await;
    api.world.clock.advance(60_000);
    review(&api, "checker", &late, "back", "late").await.problem(409, "review-over");
    let kill = json!({ "target": { "agent": "checker" }, "reason": "acting up" });
    let killed = api.post("ana", "/v1/switches", kill).await;
    assert!(killed.status.is_success(), "{}", String::from_utf8_lossy(&killed.bytes));
    api.get("checker", "/v1/reviews").await.problem(403, "killed");
}

#[tokio::test]
async fn who_waits_hears_why_it_was_sent_back() {
    let api = reviewed().await;
    let shown = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    review(&api, "checker", &shown, "back", "the window is closed").await.is(200);
    let id = shown["id"].as_str().unwrap();
    assert_eq!(api.get("sre-bot", &format!("/v1/approvals/{id}")).await.is(200)["state"], "returned");
    let end = api.world.control.await_decision(id.parse().unwrap(), 1_000).await;
    let control::door::CaseEnd::Refused(refusal) = end else { panic!("it was sent back") };
    assert_eq!((refusal.code.as_str(), refusal.message.contains("the window is closed")), ("review-returned", true));
}

#[tokio::test]
async fn a_hostile_review_reaches_people_escaped() {
    let api = reviewed().await;
    let shown = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    let hostile = "ok\u{202e}evorppa\u{1b}[2J\u{200b} <button>Approve</button>\r\napproved by person:ben";
    review(&api, "checker", &shown, "on", hostile).await.is(200);
    let after = api.get("ben", &format!("/v1/approvals/{}", shown["id"].as_str().unwrap())).await.is(200);
    let told = after["reviews"][0]["reason"].as_str().unwrap();
    assert!(!told.chars().any(|c| matches!(c, '\u{202e}' | '\u{1b}' | '\u{200b}' | '\r')), "{told:?}");
    assert_eq!(types::text::unescape(told).as_deref(), Some(hostile), "and is whole all the same");
}

#[tokio::test]
async fn a_reviewer_without_its_key_falls_silent_and_people_go_on() {
    let api = reviewed().await;
    let made = api.post("dan", "/v1/keys", json!({ "agent": "checker", "reason": "it reviews" })).await.is(201);
    let token = made["token"].as_str().unwrap();
    let shown = api.case("sre.scale", json!({ "service": "web" }), "ben").await;
    let list = || request("GET", "/v1/reviews", Some(token), None);
    assert_eq!(api.send(list()).await.is(200)["open"][0]["id"], shown["id"]);
    let path = format!("/v1/keys/{}", made["id"].as_str().unwrap());
    api.call("dan", "DELETE", &path, Some(json!({ "reason": "it has left" }))).await.is(204);
    api.send(list()).await.problem(401, "key-expired");
    api.vote("ben", &shown, "approve").await.problem(409, "review-awaited");
    api.world.clock.advance(60_000);
    api.vote("ben", &shown, "approve").await.is(200);
    assert_eq!(api.vote("cleo", &shown, "approve").await.is(200)["state"], "approved");
}

#[tokio::test]
async fn what_a_reviewer_said_is_counted_for_people_alone() {
    let api = reviewed().await;
    let shown = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    review(&api, "checker", &shown, "on", "looks fine").await.is(200);
    api.vote("ben", &shown, "deny").await.is(200);
    let counted = api.get("ben", "/v1/oversight").await.is(200)["reviewers"][0].clone();
    assert_eq!((&counted["reviewer"], &counted["on"]), (&json!("checker"), &json!(1)), "{counted}");
    assert_eq!((&counted["on_refused"], &counted["on_approved"], &counted["back"]), (&json!(1), &json!(0), &json!(0)));
    api.get("checker", "/v1/oversight").await.problem(403, "forbidden");
}
