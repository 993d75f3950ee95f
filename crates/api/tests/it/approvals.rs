//! Cases: what a reviewer is shown, who may vote, and what a vote does.

use serde_json::{Value, json};

use crate::call::Api;

#[tokio::test]
async fn a_reviewer_sees_exact_arguments_and_the_agents_words_apart() {
    let api = Api::new().await;
    let arguments = json!({ "service": "web\u{202e}bew", "note": "a\nb" });
    let new = json!({
        "tool": "sre.restart", "arguments": arguments,
        "purpose": "harmless\u{1b}[8m really", "reasoning": "first\nsecond\u{200b}", "confidence": 0.9,
    });
    let answer = api.post("sre-bot", "/v1/actions", new).await.is(200);
    let path = format!("/v1/approvals/{}", answer["approval"]["id"].as_str().unwrap());
    let shown = api.get("ben", &path).await.is(200);
    assert_eq!(shown["arguments"], arguments);
    let text = shown["arguments_text"].as_str().unwrap();
    assert!(text.contains("web\\u202ebew") && !text.contains('\u{202e}'), "{text}");
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), arguments);
    assert_eq!(shown["agent_says"]["purpose"], "harmless\\u{1b}[8m really");
    assert_eq!(shown["agent_says"]["reasoning"], "first\nsecond\\u{200b}");
    assert_eq!(shown["agent_says"]["confidence_bp"], 9_000);
    assert_eq!(shown["state"], "open");
    assert_eq!(shown["requester"], "agent:sre-bot");
    assert_eq!(shown["profiles"], json!(["owner"]));
    let (from, to) = (&shown["opened_at"], &shown["expires_at"]);
    let people = ["ana", "ben", "cleo", "dan"];
    let step = json!({
        "profile": "owner", "group": "owners", "people": people, "approvals": 1, "signed": false,
        "reviewers": [], "reviewed_to": from, "from": from, "to": to
    });
    assert_eq!(shown["needs"], json!([{ "profile": "owner", "steps": [step] }]));
    assert_eq!(shown["level"], "L1");
    assert_eq!(shown["conduct"], json!({ "class": "write", "runs": 0, "errors": 0 }));
    assert!(shown["risk_scale"]["escalate_from"].as_i64() > shown["risk_scale"]["observe_from"].as_i64());
    let touches = json!({
        "known": false, "attributes": {}, "effect": "unsafe", "reversibility": "irreversible"
    });
    assert_eq!(shown["touches"], touches);
    assert_eq!(shown["you"], json!({ "may_vote": true, "alone": false, "signed": false, "awaits_review": false }));
    assert_eq!(shown["shown"].as_str().unwrap().len(), 64);
    assert_eq!(shown["expires_at"], answer["approval"]["expires_at"]);
    assert!(shown["findings"].as_array().unwrap().iter().any(|f| f["code"] == "policy-escalates"));
}

#[tokio::test]
async fn the_agent_sees_where_its_case_stands_and_no_other_agent_does() {
    let api = Api::new().await;
    let shown = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    let path = format!("/v1/approvals/{}", shown["id"].as_str().unwrap());
    let status = api.get("sre-bot", &path).await.is(200);
    let mut names: Vec<&String> = status.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["action", "expires_at", "id", "state", "url"]);
    api.get("report-bot", &path).await.problem(404, "not-found");
    api.get("sre-bot", "/v1/approvals/case_0190a6a1e00070008000000000000000").await.problem(404, "not-found");
}

#[tokio::test]
async fn cases_are_listed_by_state() {
    let api = Api::new().await;
    let shown = api.case("sre.restart", json!({ "service": "a" }), "ben").await;
    api.case("sre.restart", json!({ "service": "b" }), "ben").await;
    api.vote("ben", &shown, "deny").await.is(200);
    let count = async |query: &str| {
        let list = api.get("eve", &format!("/v1/approvals{query}")).await.is(200);
        list["approvals"].as_array().unwrap().len()
    };
    assert_eq!((count("").await, count("?state=open").await, count("?state=denied").await), (2, 1, 1));
    assert_eq!(count("?state=consumed").await, 0);
}

#[tokio::test]
async fn those_with_a_part_in_it_do_not_vote() {
    let api = Api::new().await;
    let shown = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    // The owner of the agent, the author of the bundle, somebody who is asked by no profile.
    for person in ["ana", "dan", "eve"] {
        api.vote(person, &shown, "approve").await.problem(403, "voter-excluded");
    }
    api.vote("sre-bot", &shown, "approve").await.problem(403, "forbidden");
    let delegated = json!({ "tool": "sre.restart", "arguments": { "service": "web" } });
    let held = api.post("sre-bot/cleo", "/v1/actions", delegated).await.is(200);
    let held = api.get("cleo", &format!("/v1/approvals/{}", held["approval"]["id"].as_str().unwrap())).await.is(200);
    assert_ne!(held["id"], shown["id"]);
    api.vote("cleo", &held, "approve").await.problem(403, "voter-excluded");
    assert_eq!(api.vote("ben", &held, "approve").await.is(200)["state"], "approved");
}

#[tokio::test]
async fn a_person_does_not_vote_on_their_own_request() {
    let api = Api::new().await;
    let expires_at = api.world.control.now().0 + 86_400_000;
    let level =
        json!({ "agent": "report-bot", "class": "read", "level": "L1", "reason": "reports", "expires_at": expires_at });
    let problem = api.post("ben", "/v1/levels", level.clone()).await.problem(202, "policy-escalates");
    let path = format!("/v1/approvals/{}", problem["approval"]["id"].as_str().unwrap());
    let shown = api.get("ben", &path).await.is(200);
    api.vote("ben", &shown, "approve").await.problem(403, "voter-excluded");
    assert_eq!(api.vote("cleo", &shown, "approve").await.is(200)["state"], "approved");
    assert_eq!(api.post("ben", "/v1/levels", level).await.is(201)["level"], "L1");
}

#[tokio::test]
async fn a_vote_is_on_what_was_shown_and_says_why() {
    let api = Api::new().await;
    let shown = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    let path = format!("/v1/approvals/{}/votes", shown["id"].as_str().unwrap());
    let other = json!({ "vote": "approve", "reason": "fine", "shown": "00".repeat(32) });
    api.post("ben", &path, other).await.problem(409, "shown-mismatch");
    let silent = json!({ "vote": "approve", "reason": " ", "shown": shown["shown"] });
    api.post("ben", &path, silent).await.problem(400, "request-invalid");
    for wrong in [
        json!({ "vote": "maybe", "reason": "r", "shown": shown["shown"] }),
        json!({ "vote": "approve", "reason": "r", "shown": "x" }),
    ] {
        api.post("ben", &path, wrong).await.problem(400, "request-invalid");
    }
    let unknown = json!({ "vote": "approve", "reason": "fine", "shown": shown["shown"] });
    api.post("ben", "/v1/approvals/case_0190a6a1e00070008000000000000000/votes", unknown)
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn two_of_a_group_are_two_people() {
    let api = Api::new().await;
    let arguments = json!({ "service": "web", "replicas": 3 });
    let shown = api.case("sre.scale", arguments.clone(), "ben").await;
    assert_eq!(shown["profiles"], json!(["owner", "pair"]));
    assert_eq!(api.vote("ben", &shown, "approve").await.is(200)["state"], "open");
    api.vote("ben", &shown, "approve").await.problem(409, "vote-repeated");
    assert_eq!(api.propose("sre.scale", arguments.clone()).await["approval"]["id"], shown["id"]);
    let approved = api.vote("cleo", &shown, "approve").await.is(200);
    assert_eq!((&approved["state"], approved["votes"].as_array().unwrap().len()), (&json!("approved"), 2));
    assert_eq!(api.propose("sre.scale", arguments).await["verdict"], "allow_observed");
}

#[tokio::test]
async fn one_refusal_is_enough_and_silence_is_another() {
    let api = Api::new().await;
    let shown = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    assert_eq!(api.vote("ben", &shown, "deny").await.is(200)["state"], "denied");
    api.vote("cleo", &shown, "approve").await.problem(409, "case-closed");
    let shown = api.case("sre.restart", json!({ "service": "db" }), "ben").await;
    api.world.clock.advance(600_000);
    api.vote("ben", &shown, "approve").await.problem(409, "case-closed");
}

#[tokio::test]
async fn an_owner_alone_confirms_twice() {
    let api = Api::over(testkit::world_with(testkit::solo_bundle()).await);
    let shown = api.case("sre.restart", json!({ "service": "web" }), "ana").await;
    api.vote("ana", &shown, "approve").await.problem(409, "solo-unconfirmed");
    let path = format!("/v1/approvals/{}/votes", shown["id"].as_str().unwrap());
    let vote = json!({ "vote": "approve", "reason": "I am alone", "shown": shown["shown"], "confirm_solo": true });
    let approved = api.post("ana", &path, vote).await.is(200);
    assert_eq!((&approved["state"], &approved["votes"][0]["solo"]), (&json!("approved"), &json!(true)));
    let doctor = api.get("ana", "/v1/doctor").await.is(200);
    assert!(doctor["findings"].as_array().unwrap().iter().any(|f| f["says"].as_str().unwrap().contains("solo")));
}

#[tokio::test]
async fn everybody_is_told_whether_their_vote_counts_and_why_not() {
    let api = Api::new().await;
    let case = api.case("sre.scale", json!({ "service": "web" }), "ben").await;
    let path = format!("/v1/approvals/{}", case["id"].as_str().unwrap());
    let you = async |who: &str| {
        let listed = api.get(who, "/v1/approvals").await.is(200)["approvals"][0]["you"].clone();
        assert_eq!(api.get(who, &path).await.is(200)["you"], listed, "{who}");
        (listed["may_vote"].as_bool().unwrap(), listed["code"].as_str().map(str::to_owned))
    };
    let may_not = |code: &str| (false, Some(code.to_owned()));
    assert_eq!(you("ben").await, (true, None));
    assert_eq!(you("ana").await, may_not("voter-excluded"), "ana owns the agent");
    assert_eq!(you("eve").await, may_not("voter-excluded"), "eve is in no group");
    api.vote("ben", &case, "approve").await.is(200);
    assert_eq!(you("ben").await, may_not("vote-repeated"));
    api.vote("cleo", &case, "deny").await.is(200);
    assert_eq!(you("cleo").await, may_not("case-closed"));
}
