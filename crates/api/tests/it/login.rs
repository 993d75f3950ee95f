//! Logins: who gets in, what a cookie is worth, and that no other page can use it.

use axum::body::Body;
use axum::http::{Method, Request, header};
use countersign_api::{ForeignCall, lineage_calls, tracking_calls};
use serde_json::{Value, json};

use crate::call::{Answer, Api, request};

const OWN: &str = "http://127.0.0.1:7717";

/// Is a browser that is logged in.
struct Browser {
    cookie: String,
    proof: String,
}

fn from_page(method: &str, path: &str, body: Option<Value>) -> Request<Body> {
    let mut request = request(method, path, None, body.map(|body| body.to_string()));
    request.headers_mut().insert(header::ORIGIN, OWN.parse().unwrap());
    request.headers_mut().insert("sec-fetch-site", "same-origin".parse().unwrap());
    request
}

async fn post_login(api: &Api, body: Value) -> Answer {
    api.send(from_page("POST", "/v1/login", Some(body))).await
}

fn entered(answer: Answer) -> Browser {
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(set.starts_with("countersign_login_7717="), "{set}");
    let cookie = set.split(';').next().unwrap().to_owned();
    let body = answer.is(200);
    Browser { cookie, proof: body["proof"].as_str().unwrap().to_owned() }
}

impl Browser {
    async fn of(api: &Api, who: &str) -> Self {
        entered(post_login(api, json!({ "key": api.world.token(who) })).await)
    }

    fn request(&self, method: &str, path: &str, body: Option<Value>) -> Request<Body> {
        let mut request = from_page(method, path, body);
        let headers = request.headers_mut();
        headers.insert(header::COOKIE, format!("other=1; {}", self.cookie).parse().unwrap());
        headers.insert("x-countersign-proof", self.proof.parse().unwrap());
        request
    }

    async fn get(&self, api: &Api, path: &str) -> Answer {
        api.send(self.request("GET", path, None)).await
    }
}

fn kill() -> Value {
    json!({ "target": { "agent": "report-bot" }, "reason": "a test" })
}

#[tokio::test]
async fn a_person_logs_in_with_their_key_and_acts_as_themselves() {
    let api = Api::new().await;
    let ben = Browser::of(&api, "ben").await;
    let who = ben.get(&api, "/v1/login").await.is(200);
    assert_eq!((who["person"].as_str(), who["auditor"].as_bool()), (Some("ben"), Some(false)));
    assert_eq!(who["groups"], json!(["owners"]));
    let case = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    assert_eq!(case["you"]["may_vote"], true);
    let vote = json!({ "vote": "approve", "reason": "looked at it", "shown": case["shown"] });
    let path = format!("/v1/approvals/{}/votes", case["id"].as_str().unwrap());
    let answer = api.send(ben.request("POST", &path, Some(vote))).await.is(200);
    assert_eq!((answer["state"].as_str(), answer["votes"][0]["person"].as_str()), (Some("approved"), Some("ben")));
    assert_eq!(
        (answer["you"]["may_vote"].as_bool(), answer["you"]["code"].as_str()),
        (Some(false), Some("case-closed"))
    );
}

#[tokio::test]
async fn what_lets_nobody_in() {
    let api = Api::new().await;
    post_login(&api, json!({ "key": "cs_none_of_ours" })).await.problem(401, "unauthenticated");
    post_login(&api, json!({ "link": "nothing" })).await.problem(401, "unauthenticated");
    post_login(&api, json!({ "key": api.world.token("sre-bot") })).await.problem(403, "forbidden");
    post_login(&api, json!({})).await.problem(400, "request-invalid");
    let body = json!({ "key": api.world.token("ben") });
    let both = json!({ "key": api.world.token("ben"), "link": "x" });
    post_login(&api, both).await.problem(400, "request-invalid");
    // A form or a page of another origin must not log a browser in as somebody else.
    api.send(request("POST", "/v1/login", None, Some(body.to_string()))).await.problem(403, "origin-refused");
    api.send(request("GET", "/v1/login", None, None)).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_cookie_changes_nothing_for_another_page_or_without_the_proof() {
    let api = Api::new().await;
    let ben = Browser::of(&api, "ben").await;
    let size = api.world.control.size();
    type Change = fn(&mut axum::http::HeaderMap);
    let wrongs: [Change; 6] = [
        |headers| drop(headers.remove("x-countersign-proof")),
        |headers| drop(headers.insert("x-countersign-proof", "0".repeat(64).parse().unwrap())),
        |headers| drop(headers.remove(header::ORIGIN)),
        |headers| drop(headers.insert("sec-fetch-site", "same-site".parse().unwrap())),
        |headers| drop(headers.insert("sec-fetch-site", "none".parse().unwrap())),
        // An origin that may call with a key is still not ours.
        |headers| drop(headers.insert(header::ORIGIN, "https://console.example".parse().unwrap())),
    ];
    for (number, wrong) in wrongs.into_iter().enumerate() {
        let mut request = ben.request("POST", "/v1/switches", Some(kill()));
        wrong(request.headers_mut());
        let answer = api.send(request).await;
        assert_eq!(answer.status, 403, "{number}");
        answer.problem(403, "origin-refused");
    }
    let mut read = ben.request("GET", "/v1/keys", None);
    read.headers_mut().insert("sec-fetch-site", "same-site".parse().unwrap());
    api.send(read).await.problem(403, "origin-refused");
    assert_eq!(api.world.control.size(), size, "something was recorded");
    api.send(ben.request("POST", "/v1/switches", Some(kill()))).await.is(200);
}

#[tokio::test]
async fn a_login_of_another_person_has_another_proof() {
    let api = Api::new().await;
    let (ben, mut ana) = (Browser::of(&api, "ben").await, Browser::of(&api, "ana").await);
    ana.proof = ben.proof;
    api.send(ana.request("POST", "/v1/switches", Some(kill()))).await.problem(403, "origin-refused");
}

#[tokio::test]
async fn a_request_with_a_key_is_judged_by_the_key_alone() {
    let api = Api::new().await;
    let dan = Browser::of(&api, "dan").await;
    let mut request = dan.request("POST", "/v1/keys", Some(json!({ "person": "eve", "reason": "more" })));
    let bearer = format!("Bearer {}", api.world.token("sre-bot"));
    request.headers_mut().insert(header::AUTHORIZATION, bearer.parse().unwrap());
    api.send(request).await.problem(403, "forbidden");
    let mut request = dan.request("GET", "/v1/keys", None);
    request.headers_mut().insert(header::AUTHORIZATION, "Basic eDp5".parse().unwrap());
    api.send(request).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_login_ends_by_logout_by_time_by_revoking_its_key_and_by_a_restart() {
    let api = Api::new().await;
    let out = Browser::of(&api, "ben").await;
    let answer = api.send(out.request("DELETE", "/v1/login", None)).await;
    assert!(answer.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    answer.is(204);
    out.get(&api, "/v1/login").await.problem(401, "unauthenticated");

    let late = Browser::of(&api, "ben").await;
    api.world.clock.advance(12 * 3_600_000 - 1);
    late.get(&api, "/v1/login").await.is(200);
    api.world.clock.advance(1);
    late.get(&api, "/v1/login").await.problem(401, "unauthenticated");

    let revoked = Browser::of(&api, "ben").await;
    let keys = api.get("dan", "/v1/keys").await.is(200);
    let bens = keys["keys"].as_array().unwrap().iter().find(|key| key["holder"] == "person:ben").unwrap();
    let path = format!("/v1/keys/{}", bens["id"].as_str().unwrap());
    api.call("dan", "DELETE", &path, Some(json!({ "reason": "lost" }))).await.is(204);
    revoked.get(&api, "/v1/login").await.problem(401, "unauthenticated");

    let before = Browser::of(&api, "ana").await;
    let Api { world, router } = api;
    drop(router);
    let api = Api::over(world.restart().await);
    before.get(&api, "/v1/login").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_link_logs_in_once_and_for_ten_minutes() {
    let api = Api::new().await;
    let made = api.call("ben", "POST", "/v1/login/links", None).await.is(201);
    let (base, code) = made["url"].as_str().unwrap().split_once("/#login=").unwrap();
    assert_eq!((base, code.len()), (OWN, 64));
    let ben = entered(post_login(&api, json!({ "link": code })).await);
    assert_eq!(ben.get(&api, "/v1/login").await.is(200)["person"], "ben");
    post_login(&api, json!({ "link": code })).await.problem(401, "unauthenticated");
    // A login makes no links, so that whoever finds an open browser takes nothing away that outlasts it.
    api.send(ben.request("POST", "/v1/login/links", None)).await.problem(401, "unauthenticated");
    api.call("sre-bot", "POST", "/v1/login/links", None).await.problem(403, "forbidden");

    let made = api.call("ben", "POST", "/v1/login/links", None).await.is(201);
    api.world.clock.advance(10 * 60_000);
    let code = made["url"].as_str().unwrap().split_once("#login=").unwrap().1;
    post_login(&api, json!({ "link": code })).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn one_key_has_sixteen_logins_and_the_oldest_gives_way() {
    let api = Api::new().await;
    let first = Browser::of(&api, "ben").await;
    for _ in 0..15 {
        api.world.clock.advance(1);
        Browser::of(&api, "ben").await;
    }
    first.get(&api, "/v1/login").await.is(200);
    api.world.clock.advance(1);
    let last = Browser::of(&api, "ben").await;
    first.get(&api, "/v1/login").await.problem(401, "unauthenticated");
    last.get(&api, "/v1/login").await.is(200);
}

#[tokio::test]
async fn a_cookie_is_kept_to_https_where_the_page_came_over_it() {
    let api = Api::new().await;
    let mut request = from_page("POST", "/v1/login", Some(json!({ "key": api.world.token("ben") })));
    request.headers_mut().insert(header::HOST, "gate.example".parse().unwrap());
    request.headers_mut().insert(header::ORIGIN, "https://gate.example".parse().unwrap());
    let answer = api.send(request).await;
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(set.starts_with("countersign_login=") && set.ends_with("; Secure"), "{set}");
}

/// Says whether a call serves or takes what is no JSON of ours, and so takes keys alone.
fn takes_keys_alone(call: &ForeignCall) -> bool {
    call.path.contains("/mlflow-artifacts/") || call.path == "/v1/traces"
}

fn body_of(method: &Method) -> Option<Value> {
    matches!(*method, Method::POST | Method::PATCH).then(|| json!({}))
}

#[tokio::test]
async fn a_login_reads_what_is_tracked_as_the_key_behind_it_does_and_writes_nothing() {
    let api = crate::auditor::world().await;
    for who in ["dan", "zoe"] {
        let page = Browser::of(&api, who).await;
        for call in tracking_calls() {
            let answer = api.send(page.request(call.method.as_str(), &call.path, body_of(&call.method))).await;
            let status = answer.status.as_u16();
            match (takes_keys_alone(&call), call.writes) {
                (true, _) => assert_eq!(status, 401, "{who}: {} {}", call.method, call.path),
                (false, true) => assert_eq!(answer.is(403)["error_code"], "PERMISSION_DENIED", "{who}: {}", call.path),
                (false, false) => assert!(matches!(status, 200 | 400 | 404 | 501), "{who}: {} {status}", call.path),
            }
        }
        for call in lineage_calls().iter().filter(|call| !call.writes) {
            let status = api.send(page.request("GET", &call.path, None)).await.status.as_u16();
            assert!(matches!(status, 200 | 400 | 404), "{who}: {} {status}", call.path);
        }
    }
}

#[tokio::test]
async fn a_login_reads_what_is_tracked_for_its_own_pages_alone_and_only_while_it_lasts() {
    let api = Api::new().await;
    let ben = Browser::of(&api, "ben").await;
    let search = || ben.request("POST", "/api/2.0/mlflow/runs/search", Some(json!({ "experiment_ids": ["0"] })));
    type Change = fn(&mut axum::http::HeaderMap);
    let wrongs: [Change; 4] = [
        |headers| drop(headers.remove("x-countersign-proof")),
        |headers| drop(headers.remove(header::ORIGIN)),
        |headers| drop(headers.insert("sec-fetch-site", "same-site".parse().unwrap())),
        |headers| drop(headers.insert(header::ORIGIN, "https://console.example".parse().unwrap())),
    ];
    for (number, wrong) in wrongs.into_iter().enumerate() {
        let mut request = search();
        wrong(request.headers_mut());
        let refused = api.send(request).await.is(403);
        assert_eq!(
            (&refused["error_code"], &refused["reason"]),
            (&json!("PERMISSION_DENIED"), &json!("origin-refused")),
            "{number}"
        );
    }
    for path in ["/api/2.0/mlflow/experiments/search?max_results=9", "/api/v1/namespaces"] {
        let mut read = ben.request("GET", path, None);
        read.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
        assert_eq!(api.send(read).await.status, 403, "{path}");
    }
    // A request that names a key is judged by that key alone.
    let mut keyed = search();
    keyed.headers_mut().insert(header::AUTHORIZATION, "Bearer cs_nobody".parse().unwrap());
    assert_eq!(api.send(keyed).await.is(401)["error_code"], "UNAUTHENTICATED");
    let event = crate::lineage::run_event("COMPLETE", 1, crate::lineage::RUN, "job", &["a"], &["b"]);
    let mut forged = ben.request("POST", "/api/v1/lineage", Some(event));
    forged.headers_mut().remove("x-countersign-proof");
    api.send(forged).await.problem(403, "origin-refused");
    api.send(search()).await.is(200);
    api.send(ben.request("DELETE", "/v1/login", None)).await.is(204);
    assert_eq!(api.send(search()).await.is(401)["error_code"], "UNAUTHENTICATED");
}
