//! Logins with a passkey over HTTP: the cookie they give, and each refusal with its code.

use axum::body::Body;
use axum::http::{Request, header};
use control::state::Passkey;
use serde_json::{Value, json};
use testkit::authenticator::Authenticator;
use testkit::passkeys::ORIGIN;

use crate::call::{Answer, Api, request};
use crate::passkeys::{read, written};

const OPTIONS: &str = "/v1/login/passkey/options";
const LOGIN: &str = "/v1/login/passkey";

fn from_page(method: &str, path: &str, body: Option<&Value>) -> Request<Body> {
    let mut request = request(method, path, None, body.map(Value::to_string));
    for (name, value) in [("host", "localhost:7717"), ("origin", ORIGIN), ("sec-fetch-site", "same-origin")] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}

/// A browser at the server's name, with an authenticator in which `ben` has a passkey.
struct Browser {
    api: Api,
    key: Authenticator,
    passkey: Passkey,
}

impl Browser {
    async fn new() -> Self {
        let api = Api::new().await;
        let key = Authenticator::p256("localhost", 3);
        let passkey = api.world.enrol("ben", &key).await;
        Self { api, key, passkey }
    }

    async fn options(&self) -> Value {
        self.api.send(from_page("POST", OPTIONS, None)).await.is(200)
    }

    /// Returns what `toJSON` of an assertion makes.
    fn answer(&self, options: &Value) -> Value {
        let made = self.key.assert(&read(&options["challenge"]), ORIGIN);
        json!({ "credential": {
            "id": written(&self.key.id), "rawId": written(&self.key.id), "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": written(&made.client_data), "authenticatorData": written(&made.authenticator_data),
                "signature": written(&made.signature), "userHandle": written(self.passkey.id.0.as_bytes()),
            },
        } })
    }

    async fn enter(&self, answer: &Value) -> Answer {
        self.api.send(from_page("POST", LOGIN, Some(answer))).await
    }
}

#[tokio::test]
async fn a_passkey_logs_in_and_gives_the_cookie_that_a_link_gives() {
    let browser = Browser::new().await;
    let options = browser.options().await;
    assert_eq!((&options["rpId"], &options["userVerification"]), (&json!("localhost"), &json!("required")));
    assert_eq!((&options["allowCredentials"], &options["timeout"]), (&json!([]), &json!(120_000)));
    let answer = browser.enter(&browser.answer(&options)).await;
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    for part in ["countersign_login_7717=", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(set.contains(part), "{set}");
    }
    let who = answer.is(200);
    assert_eq!((&who["person"], &who["groups"]), (&json!("ben"), &json!(["owners"])));

    // Ben changes something with it, as with any other login.
    let with_cookie = |method: &str, path: &str, body: Option<&Value>| {
        let mut request = from_page(method, path, body);
        let cookie = set.split(';').next().unwrap();
        request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        request.headers_mut().insert("x-countersign-proof", who["proof"].as_str().unwrap().parse().unwrap());
        request
    };
    let kill = json!({ "target": { "agent": "report-bot" }, "reason": "a test" });
    browser.api.send(with_cookie("POST", "/v1/switches", Some(&kill))).await.is(200);
    let revoke = format!("/v1/passkeys/{}", browser.passkey.id);
    browser.api.call("eve", "DELETE", &revoke, Some(json!({ "reason": "lost" }))).await.is(204);
    browser.api.send(with_cookie("GET", "/v1/login", None)).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn unknown_revoked_and_wrong_passkeys_get_one_answer() {
    let browser = Browser::new().await;
    let unknown = Authenticator::p256("localhost", 9);
    let mut answer = browser.answer(&browser.options().await);
    answer["credential"]["rawId"] = json!(written(&unknown.id));
    let nobody = browser.enter(&answer).await.problem(401, "login-refused");
    let mut answer = browser.answer(&browser.options().await);
    answer["credential"]["response"]["signature"] = json!(written(&[0; 70]));
    let forged = browser.enter(&answer).await.problem(401, "login-refused");
    let mut answer = browser.answer(&browser.options().await);
    answer["credential"]["response"]["userHandle"] = Value::Null;
    let unsaid = browser.enter(&answer).await.problem(401, "login-refused");
    let revoke = format!("/v1/passkeys/{}", browser.passkey.id);
    browser.api.call("eve", "DELETE", &revoke, Some(json!({ "reason": "lost" }))).await.is(204);
    let revoked = browser.enter(&browser.answer(&browser.options().await)).await.problem(401, "login-refused");
    assert!(nobody == forged && forged == unsaid && unsaid == revoked, "{nobody} {forged} {unsaid} {revoked}");
}

#[tokio::test]
async fn a_login_is_asked_for_and_answered_once_by_a_page_of_this_server() {
    let browser = Browser::new().await;
    let answer = browser.answer(&browser.options().await);
    browser.enter(&answer).await.is(200);
    browser.enter(&answer).await.problem(409, "login-unasked");
    let late = browser.answer(&browser.options().await);
    browser.api.world.clock.advance(120_000);
    browser.enter(&late).await.problem(409, "login-unasked");
    for (path, body) in [(OPTIONS, None), (LOGIN, Some(browser.answer(&browser.options().await)))] {
        let plain = request("POST", path, None, body.map(|body| body.to_string()));
        browser.api.send(plain).await.problem(403, "origin-refused");
    }
    browser.enter(&json!({ "credential": { "rawId": "AA==", "response": {} } })).await.problem(400, "request-invalid");
}

#[tokio::test]
async fn so_many_are_asked_for_and_then_no_more_for_a_while() {
    let browser = Browser::new().await;
    let own = browser.options().await;
    for _ in 1..4_096 {
        browser.api.world.control.ask_passkey_login().unwrap();
    }
    browser.api.send(from_page("POST", OPTIONS, None)).await.problem(429, "logins-flooding");
    browser.enter(&browser.answer(&own)).await.is(200);
    browser.api.world.clock.advance(120_000);
    browser.options().await;
}
