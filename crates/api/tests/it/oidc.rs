//! Logins at a provider of OpenID Connect: whom they let in, and each token and answer that names nobody, with its code.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, header};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use control::Config;
use control::oidc::{OidcConfig, Provider, Settings};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use types::Digest;

use crate::call::{Answer, Api, request};

const OWN: &str = "http://127.0.0.1:7717";

fn written(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Writes a token and signs it, by which key and algorithm ever.
fn token(header: &Value, claims: &Value, key: &SigningKey) -> String {
    let message = format!("{}.{}", written(header.to_string().as_bytes()), written(claims.to_string().as_bytes()));
    let signature = key.sign(message.as_bytes()).to_bytes();
    format!("{message}.{}", written(&signature))
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// Is what the provider was last asked and is to answer.
#[derive(Default)]
struct Script {
    issuer: String,
    /// The key by which it signs, and the name it gives to it.
    signs: (u8, String),
    looked_at_keys: usize,
    described: usize,
    challenge: String,
    answer: Option<String>,
}

type Scripted = Arc<Mutex<Script>>;

async fn description(State(script): State<Scripted>) -> String {
    let mut script = script.lock().unwrap();
    script.described += 1;
    let issuer = &script.issuer;
    json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"), "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
    })
    .to_string()
}

async fn keys(State(script): State<Scripted>) -> String {
    let mut script = script.lock().unwrap();
    script.looked_at_keys += 1;
    let x = written(&key(script.signs.0).verifying_key().to_bytes());
    json!({ "keys": [
        { "kty": "oct", "k": "c2VjcmV0", "alg": "HS256" },
        { "kty": "OKP", "crv": "Ed25519", "x": x, "kid": script.signs.1, "use": "sig" },
    ] })
    .to_string()
}

/// Gives the token out to whoever shows the secret of the client and what the challenge is the digest of.
async fn exchange(State(script): State<Scripted>, headers: HeaderMap, body: String) -> (u16, String) {
    let script = script.lock().unwrap();
    // `gate` and `s3cret`, as RFC 6749 writes them.
    let client = headers.get(header::AUTHORIZATION).is_some_and(|value| value == "Basic Z2F0ZTpzM2NyZXQ=");
    let verifier = body.split('&').find_map(|field| field.strip_prefix("code_verifier=")).unwrap();
    let held = written(&Digest::plain(verifier.as_bytes()).0) == script.challenge;
    let back = body.contains("redirect_uri=http%3A%2F%2F127.0.0.1%3A7717%2Fv1%2Flogin%2Foidc%2Fcallback");
    match &script.answer {
        Some(token) if client && held && back => (200, json!({ "id_token": token }).to_string()),
        _ => (400, json!({ "error": "invalid_grant" }).to_string()),
    }
}

async fn answered(state: State<Scripted>, headers: HeaderMap, body: String) -> axum::response::Response {
    let (status, body) = exchange(state, headers, body).await;
    axum::response::Response::builder().status(status).body(Body::from(body)).unwrap()
}

struct Stage {
    api: Api,
    script: Scripted,
}

/// Is a login that a browser has begun.
struct Begun {
    state: String,
    nonce: String,
    challenge: String,
    cookie: String,
}

async fn stage() -> Stage {
    stage_by("sub", [("u-ben", "ben"), ("u-zed", "zed")]).await
}

/// A provider of which a claim names people.
async fn stage_by(claim: &str, people: [(&str, &str); 2]) -> Stage {
    let script = Scripted::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    {
        let mut script = script.lock().unwrap();
        script.issuer.clone_from(&issuer);
        script.signs = (1, "one".to_owned());
    }
    let routes = Router::new()
        .route("/.well-known/openid-configuration", get(description))
        .route("/keys", get(keys))
        .route("/token", post(answered))
        .with_state(script.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let settings = Settings {
        issuer: issuer.clone(),
        client_id: "gate".to_owned(),
        client_secret: Some("s3cret".to_owned()),
        authorities: None,
    };
    let people = people.map(|(value, person)| (value.to_owned(), person.parse().unwrap()));
    let oidc = OidcConfig {
        name: "Example".to_owned(),
        issuer,
        provider: Arc::new(Provider::new(settings).unwrap()),
        claim: claim.to_owned(),
        scopes: vec!["profile".to_owned()],
        people: people.into(),
    };
    let world = testkit::world().await;
    let world = world.restart_with(|config| Config { oidc: Some(oidc), ..config }).await;
    Stage { api: Api::over(world), script }
}

fn from_page(method: &str, path: &str, cookie: Option<&str>) -> Request<Body> {
    let mut request = request(method, path, None, None);
    request.headers_mut().insert(header::ORIGIN, OWN.parse().unwrap());
    request.headers_mut().insert("sec-fetch-site", "same-origin".parse().unwrap());
    if let Some(cookie) = cookie {
        request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
    }
    request
}

fn cookies(answer: &Answer) -> Vec<String> {
    answer.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

impl Stage {
    async fn begin(&self) -> Begun {
        let answer = self.api.send(from_page("POST", "/v1/login/oidc", None)).await;
        let [set] = &cookies(&answer)[..] else { panic!("one cookie") };
        for part in ["countersign_login_7717_begun=", "HttpOnly", "SameSite=Lax", "Max-Age=600"] {
            assert!(set.contains(part), "{set}");
        }
        let cookie = set.split(';').next().unwrap().to_owned();
        let url = answer.is(200)["url"].as_str().unwrap().to_owned();
        let (place, query) = url.split_once('?').unwrap();
        assert_eq!(place, format!("{}/authorize", self.script.lock().unwrap().issuer));
        let value = |name: &str| {
            let pair = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
            pair.unwrap_or_else(|| panic!("no {name} in {query}")).to_owned()
        };
        let fixed = ["response_type", "client_id", "scope", "code_challenge_method"].map(value);
        assert_eq!(fixed, ["code", "gate", "openid+profile", "S256"]);
        let challenge = value("code_challenge");
        self.script.lock().unwrap().challenge.clone_from(&challenge);
        Begun { state: value("state"), nonce: value("nonce"), challenge, cookie }
    }

    fn claims(&self, begun: &Begun) -> Value {
        let now = self.api.world.control.now().0 / 1_000;
        let issuer = self.script.lock().unwrap().issuer.clone();
        json!({ "iss": issuer, "aud": "gate", "sub": "u-ben", "exp": now + 300, "iat": now, "nonce": begun.nonce })
    }

    /// Comes back by a link on a page of the provider's.
    async fn come_back(&self, cookie: &str, query: &str) -> Answer {
        let mut request = request("GET", &format!("/v1/login/oidc/callback?{query}"), None, None);
        request.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
        request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        self.api.send(request).await
    }

    async fn finish(&self, begun: &Begun, token: String) -> Answer {
        self.script.lock().unwrap().answer = Some(token);
        self.come_back(&begun.cookie, &format!("state={}&code=c0de", begun.state)).await
    }

    /// Finishes a login with claims that were changed, by the provider's own key.
    async fn with(&self, change: fn(&mut Value)) -> String {
        let begun = self.begin().await;
        let mut claims = self.claims(&begun);
        change(&mut claims);
        let answer = self.finish(&begun, token(&json!({ "alg": "EdDSA", "kid": "one" }), &claims, &key(1))).await;
        place(&answer)
    }

    /// Finishes a login with a token under another header, and by another key.
    async fn signed(&self, header: Value, seed: u8) -> String {
        let begun = self.begin().await;
        place(&self.finish(&begun, token(&header, &self.claims(&begun), &key(seed))).await)
    }
}

fn place(answer: &Answer) -> String {
    assert_eq!(answer.status, 303);
    answer.headers[header::LOCATION].to_str().unwrap().to_owned()
}

fn refused(code: &str) -> String {
    format!("/#refused={code}")
}

#[tokio::test]
async fn whom_the_provider_names_is_logged_in_with_the_cookie_of_a_link() {
    let stage = stage().await;
    let ways = stage.api.send(request("GET", "/v1/login/ways", None, None)).await.is(200);
    assert_eq!(ways, json!({ "oidc": "Example" }));
    let begun = stage.begin().await;
    let good = token(&json!({ "alg": "EdDSA", "kid": "one" }), &stage.claims(&begun), &key(1));
    let answer = stage.finish(&begun, good).await;
    assert_eq!(place(&answer), "/");
    let all = cookies(&answer);
    let own = all.iter().find(|set| set.starts_with("countersign_login_7717=")).unwrap();
    assert!(own.contains("SameSite=Strict") && own.contains("HttpOnly") && own.contains("Max-Age=43200"), "{own}");
    assert!(all.iter().any(|set| set.contains("_begun=;") && set.contains("Max-Age=0")), "{all:?}");
    let cookie = own.split(';').next().unwrap();
    let who = stage.api.send(from_page("GET", "/v1/login", Some(cookie))).await.is(200);
    assert_eq!(who["person"], "ben");
    // It comes back a second time: by whoever has read the address, or by the button that goes back.
    let again = stage.come_back(&begun.cookie, &format!("state={}&code=c0de", begun.state)).await;
    assert_eq!(place(&again), refused("login-unasked"));
}

#[tokio::test]
async fn each_token_that_names_nobody_is_refused_with_its_code() {
    let stage = stage().await;
    assert_eq!(stage.with(|_| {}).await, "/");
    assert_eq!(stage.with(|claims| claims["nonce"] = json!("another")).await, refused("id-token-nonce"));
    assert_eq!(
        stage.with(|claims| drop(claims.as_object_mut().unwrap().remove("nonce"))).await,
        refused("id-token-nonce")
    );
    for aud in [json!("other"), json!(["other"]), json!(["gate", "other"]), json!(7)] {
        let begun = stage.begin().await;
        let mut claims = stage.claims(&begun);
        claims["aud"] = aud.clone();
        let made = token(&json!({ "alg": "EdDSA", "kid": "one" }), &claims, &key(1));
        assert_eq!(place(&stage.finish(&begun, made).await), refused("id-token-audience"), "{aud}");
    }
    assert_eq!(stage.with(|claims| claims["azp"] = json!("other")).await, refused("id-token-audience"));
    assert_eq!(stage.with(|claims| claims["iss"] = json!("http://127.0.0.1:1")).await, refused("id-token-issuer"));
    let past = |claims: &mut Value| claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 30);
    assert_eq!(stage.with(past).await, refused("id-token-expired"));
    let within = |claims: &mut Value| claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 29);
    assert_eq!(stage.with(within).await, "/", "a clock may be off by half a minute");
    let early = |claims: &mut Value| claims["nbf"] = json!(claims["iat"].as_i64().unwrap() + 60);
    assert_eq!(stage.with(early).await, refused("id-token-expired"));
    assert_eq!(stage.with(|claims| claims["exp"] = json!("soon")).await, refused("id-token-malformed"));
    assert_eq!(stage.with(|claims| claims["nbf"] = json!("now")).await, refused("id-token-malformed"));
    assert_eq!(stage.with(|claims| claims["sub"] = json!("u-mallory")).await, refused("identity-unmapped"));
    assert_eq!(
        stage.with(|claims| claims["sub"] = json!("u-zed")).await,
        refused("identity-unmapped"),
        "not in the bundle"
    );

    let named = |alg: &str| json!({ "alg": alg, "kid": "one" });
    assert_eq!(stage.signed(named("EdDSA"), 2).await, refused("id-token-signature"));
    for alg in ["none", "None", "HS256", "ES512", ""] {
        assert_eq!(stage.signed(named(alg), 1).await, refused("id-token-algorithm"), "{alg}");
    }
    assert_eq!(stage.signed(named("ES256"), 1).await, refused("id-token-signature"), "no such key");
    let critical = json!({ "alg": "EdDSA", "kid": "one", "crit": ["exp"] });
    assert_eq!(stage.signed(critical, 1).await, refused("id-token-malformed"));
    let begun = stage.begin().await;
    for made in ["", "a.b", "a.b.c.d"] {
        let begun = if made.is_empty() { &begun } else { &stage.begin().await };
        assert_eq!(place(&stage.finish(begun, made.to_owned()).await), refused("id-token-malformed"), "{made}");
    }
    let unsigned = stage.begin().await;
    let whole = token(&named("none"), &stage.claims(&unsigned), &key(1));
    let cut = format!("{}.", whole.rsplit_once('.').unwrap().0);
    assert_eq!(place(&stage.finish(&unsigned, cut).await), refused("id-token-algorithm"));
}

#[tokio::test]
async fn a_login_is_finished_by_the_browser_that_began_it_once_and_in_time() {
    let stage = stage().await;
    let (one, two) = (stage.begin().await, stage.begin().await);
    let stolen = stage.come_back(&two.cookie, &format!("state={}&code=c0de", one.state)).await;
    assert_eq!(place(&stolen), refused("login-unasked"), "another browser");
    let unknown = stage.come_back(&two.cookie, "state=0&code=c0de").await;
    assert_eq!(place(&unknown), refused("login-unasked"));
    let late = stage.begin().await;
    stage.api.world.clock.advance(600_000);
    let back = stage.come_back(&late.cookie, &format!("state={}&code=c0de", late.state)).await;
    assert_eq!(place(&back), refused("login-unasked"));

    let denied = stage.begin().await;
    let back = stage.come_back(&denied.cookie, &format!("state={}&error=access_denied", denied.state)).await;
    assert_eq!(place(&back), refused("provider-refused"));
    let other = stage.begin().await;
    let query = format!("state={}&code=c0de&iss=https%3A%2F%2Fevil.example", other.state);
    assert_eq!(place(&stage.come_back(&other.cookie, &query).await), refused("id-token-issuer"));
    // What the challenge is the digest of is the browser's own login's.
    let swapped = stage.begin().await;
    stage.script.lock().unwrap().challenge = "0".to_owned();
    let made = token(&json!({ "alg": "EdDSA" }), &stage.claims(&swapped), &key(1));
    assert_eq!(place(&stage.finish(&swapped, made).await), refused("provider-refused"));

    for query in ["", "state=1", "state=1&code=2&error=3", "code=1"] {
        stage.come_back("", query).await.problem(400, "request-invalid");
    }
    let from_elsewhere = request("POST", "/v1/login/oidc", None, None);
    stage.api.send(from_elsewhere).await.problem(403, "origin-refused");
    let none = Api::new().await;
    none.send(from_page("POST", "/v1/login/oidc", None)).await.problem(404, "not-found");
    assert_eq!(none.send(request("GET", "/v1/login/ways", None, None)).await.is(200), json!({ "oidc": null }));
}

#[tokio::test]
async fn an_address_names_somebody_only_if_the_provider_has_verified_it() {
    let stage = stage_by("email", [("ben@example.com", "ben"), ("u-ben", "cleo")]).await;
    let verified = |claims: &mut Value| {
        claims["email"] = json!("ben@example.com");
        claims["email_verified"] = json!(true);
    };
    assert_eq!(stage.with(verified).await, "/");
    let unsaid = |claims: &mut Value| claims["email"] = json!("ben@example.com");
    assert_eq!(stage.with(unsaid).await, refused("identity-unmapped"));
    let unverified = |claims: &mut Value| {
        claims["email"] = json!("ben@example.com");
        claims["email_verified"] = json!(false);
    };
    assert_eq!(stage.with(unverified).await, refused("identity-unmapped"));
    let in_words = |claims: &mut Value| {
        claims["email"] = json!("ben@example.com");
        claims["email_verified"] = json!("true");
    };
    assert_eq!(stage.with(in_words).await, refused("identity-unmapped"));
    // `sub` is there too, and is not the claim that names people here.
    assert_eq!(stage.with(|claims| claims["email_verified"] = json!(true)).await, refused("identity-unmapped"));
}

#[tokio::test]
async fn a_login_ends_with_the_person_and_by_logging_out() {
    let stage = stage().await;
    let mut logins = Vec::new();
    for _ in 0..2 {
        let begun = stage.begin().await;
        let good = token(&json!({ "alg": "EdDSA", "kid": "one" }), &stage.claims(&begun), &key(1));
        let set = cookies(&stage.finish(&begun, good).await);
        let own = set.iter().find(|set| set.starts_with("countersign_login_7717=")).unwrap();
        logins.push(own.split(';').next().unwrap().to_owned());
    }
    let [one, two] = &logins[..] else { panic!("two logins") };
    let who = stage.api.send(from_page("GET", "/v1/login", Some(one))).await.is(200);
    let mut out = from_page("DELETE", "/v1/login", Some(one));
    out.headers_mut().insert("x-countersign-proof", who["proof"].as_str().unwrap().parse().unwrap());
    stage.api.send(out).await.is(204);
    stage.api.send(from_page("GET", "/v1/login", Some(one))).await.problem(401, "unauthenticated");
    stage.api.send(from_page("GET", "/v1/login", Some(two))).await.is(200);

    let mut files = testkit::bundle();
    let people = files.get("people.toml").unwrap().replace("[people.ben]", "[people.newcomer]");
    let agents = files.get("agents.toml").unwrap().replace("owner = \"ben\"", "owner = \"newcomer\"");
    files.insert("people.toml", people);
    files.insert("agents.toml", agents);
    stage.api.world.control.activate(&"dan".parse().unwrap(), files, "he has left").await.unwrap();
    stage.api.send(from_page("GET", "/v1/login", Some(two))).await.problem(401, "unauthenticated");
    assert_eq!(stage.with(|_| {}).await, refused("identity-unmapped"));
}

#[tokio::test]
async fn so_many_logins_are_under_way_and_then_no_more_for_a_while() {
    let stage = stage().await;
    let own = stage.begin().await;
    for _ in 1..4_096 {
        stage.api.world.control.begin_oidc(OWN).await.unwrap();
    }
    stage.api.send(from_page("POST", "/v1/login/oidc", None)).await.problem(429, "logins-flooding");
    stage.script.lock().unwrap().challenge = own.challenge.clone();
    let good = token(&json!({ "alg": "EdDSA", "kid": "one" }), &stage.claims(&own), &key(1));
    assert_eq!(place(&stage.finish(&own, good).await), "/", "none gives way");
    stage.begin().await;
    stage.api.world.clock.advance(600_000);
    stage.begin().await;
}

#[tokio::test]
async fn new_keys_are_looked_for_and_not_at_every_token_that_names_one() {
    let stage = stage().await;
    assert_eq!(stage.with(|_| {}).await, "/");
    let looked = || stage.script.lock().unwrap().looked_at_keys;
    assert_eq!(looked(), 1);
    // Whoever makes the server look asks for nothing more than a minute's patience, however many tokens come.
    for _ in 0..5 {
        assert_eq!(stage.signed(json!({ "alg": "EdDSA", "kid": "two" }), 2).await, refused("id-token-signature"));
    }
    assert_eq!(looked(), 1);
    stage.script.lock().unwrap().signs = (2, "two".to_owned());
    stage.api.world.clock.advance(60_000);
    assert_eq!(stage.signed(json!({ "alg": "EdDSA", "kid": "two" }), 2).await, "/");
    assert_eq!(looked(), 2);
}

#[tokio::test]
async fn a_provider_that_is_gone_or_describes_another_is_told() {
    let stage = stage().await;
    let issuer = std::mem::replace(&mut stage.script.lock().unwrap().issuer, "http://127.0.0.1:1".to_owned());
    for _ in 0..3 {
        stage.api.send(from_page("POST", "/v1/login/oidc", None)).await.problem(502, "upstream-invalid");
    }
    assert_eq!(stage.script.lock().unwrap().described, 1, "it is left alone for a while");
    let found = stage.api.get("dan", "/v1/doctor").await.is(200).to_string();
    assert!(found.contains("describes another issuer") && found.contains("2 people log in at"), "{found}");
    assert!(found.contains("names `zed`"), "{found}");
    stage.script.lock().unwrap().issuer = issuer;
    stage.api.world.clock.advance(10_000);
    stage.begin().await;
    let found = stage.api.get("dan", "/v1/doctor").await.is(200).to_string();
    assert!(!found.contains("describes another issuer"), "{found}");
}
