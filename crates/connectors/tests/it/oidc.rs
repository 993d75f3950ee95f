//! A provider of OpenID Connect that does what it may not: where it leads, how much it says, how long it takes, by which keys
//! it signs.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_connectors::oidc::{ANSWER_BYTES_MAX, Ask, Expected, Keys, Provider, ProviderError, Settings};
use countersign_connectors::oidc::{SKEW_S, TokenError, verify};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Map, Value, json};
use types::Millis;

/// Is the time of the tests, in seconds.
const NOW_S: i64 = 2_000_000_000;

fn now() -> Millis {
    Millis(NOW_S * 1_000)
}

fn written(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn token(header: &Value, claims: &Value, by: &SigningKey) -> String {
    let message = format!("{}.{}", written(header.to_string().as_bytes()), written(claims.to_string().as_bytes()));
    let signature = by.sign(message.as_bytes()).to_bytes();
    format!("{message}.{}", written(&signature))
}

fn claims(issuer: &str) -> Value {
    json!({ "iss": issuer, "aud": "gate", "sub": "u-ben", "nonce": "n", "exp": NOW_S + 100_000 })
}

fn jwk(seed: u8, id: &str) -> Value {
    let x = written(&key(seed).verifying_key().to_bytes());
    json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": id })
}

/// Says what a provider answers to a path instead of what it should; it knows its own address.
type Answers = dyn Fn(&str, &str) -> Option<(u16, Body)> + Send + Sync;

#[derive(Clone)]
struct Script {
    base: String,
    asked: Arc<Mutex<Vec<String>>>,
    answers: Arc<Answers>,
}

impl Script {
    fn should(&self, path: &str) -> (u16, Body) {
        let base = &self.base;
        let said = match path {
            "/.well-known/openid-configuration" => description(base),
            "/keys" => json!({ "keys": [jwk(1, "one")] }),
            "/token" => {
                json!({ "id_token": token(&json!({ "alg": "EdDSA", "kid": "one" }), &claims(base), &key(1)) })
            }
            _ => return (404, Body::from("{}")),
        };
        (200, Body::from(said.to_string()))
    }
}

fn description(base: &str) -> Value {
    json!({
        "issuer": base, "authorization_endpoint": format!("{base}/authorize"), "token_endpoint": format!("{base}/token"),
        "jwks_uri": format!("{base}/keys"),
    })
}

async fn answer(State(script): State<Script>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    script.asked.lock().unwrap().push(path.clone());
    let (status, body) = (script.answers)(&script.base, &path).unwrap_or_else(|| script.should(&path));
    let response = Response::builder().status(status);
    response.header("location", format!("{}/moved", script.base)).body(body).unwrap()
}

struct Stage {
    provider: Provider,
    asked: Arc<Mutex<Vec<String>>>,
}

fn provider(issuer: &str) -> Provider {
    let settings =
        Settings { issuer: issuer.to_owned(), client_id: "gate".to_owned(), client_secret: None, authorities: None };
    Provider::new(settings).unwrap()
}

async fn stage(answers: impl Fn(&str, &str) -> Option<(u16, Body)> + Send + Sync + 'static) -> Stage {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (provider, asked) = (provider(&base), Arc::default());
    let script = Script { base, asked: Arc::clone(&asked), answers: Arc::new(answers) };
    let routes = Router::new().fallback(answer).with_state(script);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Stage { provider, asked }
}

impl Stage {
    async fn claims(&self, at: Millis) -> Result<Map<String, Value>, ProviderError> {
        self.provider.claims(("code", "verifier"), "http://127.0.0.1/back", ("n", at)).await
    }

    fn asked(&self, path: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == path).count()
    }
}

fn text(value: &Value) -> Option<(u16, Body)> {
    Some((200, Body::from(value.to_string())))
}

fn invalid(why: &str) -> ProviderError {
    ProviderError::Invalid(why.to_owned())
}

#[tokio::test]
async fn what_its_description_leads_to_is_judged_before_anything_is_sent_there() {
    let whole = stage(|_, _| None).await;
    assert_eq!(whole.claims(now()).await.unwrap()["sub"], "u-ben");
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        for address in [
            "http://10.0.0.1/x",
            "http://login.example/x",
            "https://169.254.169.254/x",
            "https://[fe80::1]/x",
            "https://[::ffff:169.254.169.254]/x",
            "https://me:secret@login.example/x",
            "ftp://127.0.0.1/x",
        ] {
            let led = stage(move |base, path| {
                let mut said = description(base);
                said[name] = json!(address);
                (path == "/.well-known/openid-configuration").then(|| text(&said)).flatten()
            });
            let led = led.await;
            let refused = led.claims(now()).await.unwrap_err();
            assert_eq!(refused, invalid(&format!("its `{name}` is none that is spoken to")), "{address}");
            assert_eq!(led.asked.lock().unwrap().len(), 1, "{name} {address}");
        }
    }
    let ask = Ask { redirect_uri: "http://127.0.0.1/back", state: "s", nonce: "n", challenge: "c", scopes: &[] };
    let silent = stage(|_, _| text(&json!({ "issuer": "https://another.example" }))).await;
    assert_eq!(silent.provider.authorize(&ask, now()).await.unwrap_err(), invalid("it describes another issuer"));
}

#[tokio::test]
async fn it_is_followed_nowhere_and_an_error_is_no_answer() {
    for status in [301, 302, 303, 307, 308, 404, 500] {
        for path in ["/.well-known/openid-configuration", "/keys", "/token"] {
            // What it says is whole: only its status says that it is not the answer.
            let sent = stage(move |base, asked| {
                let at_home = Script { base: base.to_owned(), asked: Arc::default(), answers: Arc::new(|_, _| None) };
                match asked {
                    "/moved" => Some(at_home.should(path)),
                    asked if asked == path => Some((status, at_home.should(path).1)),
                    _ => None,
                }
            });
            let sent = sent.await;
            let refused = sent.claims(now()).await.unwrap_err();
            match path {
                "/token" => assert!(matches!(refused, ProviderError::Refused(_)), "{status} {refused}"),
                _ => assert_eq!(refused, invalid(&format!("status {status}")), "{path}"),
            }
            assert_eq!((sent.asked(path), sent.asked("/moved")), (1, 0), "{status} {path}");
        }
    }
}

#[tokio::test]
async fn no_more_than_256_kib_of_an_answer_are_read() {
    let padded = |length: usize| {
        let mut set = json!({ "keys": [jwk(1, "one")] }).to_string();
        set.push_str(&" ".repeat(length - set.len()));
        stage(move |_, path| (path == "/keys").then(|| (200, Body::from(set.clone()))))
    };
    assert!(padded(ANSWER_BYTES_MAX).await.claims(now()).await.is_ok());
    let larger = invalid("its answer is larger than 256 KiB");
    assert_eq!(padded(ANSWER_BYTES_MAX + 1).await.claims(now()).await.unwrap_err(), larger);
    let endless = || {
        let chunks = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 8_192])));
        Body::from_stream(chunks)
    };
    let endless = stage(move |_, path| (path == "/token").then(|| (200, endless()))).await;
    assert_eq!(endless.claims(now()).await.unwrap_err(), larger);
}

#[tokio::test(start_paused = true)]
async fn it_is_waited_for_ten_seconds() {
    // Connections are taken by the system, and nobody answers.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = provider(&format!("http://{}", listener.local_addr().unwrap()));
    let begun = tokio::time::Instant::now();
    let refused = silent.claims(("code", "verifier"), "http://127.0.0.1/back", ("n", now())).await.unwrap_err();
    assert!(matches!(refused, ProviderError::Unavailable(_)), "{refused}");
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn its_keys_are_believed_for_an_hour_and_looked_at_again_once_a_minute_whatever_comes_of_it() {
    let keys = Arc::new(Mutex::new((200, json!({ "keys": [jwk(1, "one")] }))));
    let signs = Arc::new(Mutex::new("one"));
    let (held, by) = (Arc::clone(&keys), Arc::clone(&signs));
    let stage = stage(move |base, path| match path {
        "/keys" => {
            let (status, set) = held.lock().unwrap().clone();
            Some((status, Body::from(set.to_string())))
        }
        "/token" => {
            let header = json!({ "alg": "EdDSA", "kid": *by.lock().unwrap() });
            text(&json!({ "id_token": token(&header, &claims(base), &key(1)) }))
        }
        _ => None,
    });
    let stage = stage.await;
    let at = |ms: i64| now().plus(ms);
    assert!(stage.claims(at(0)).await.is_ok());
    // The provider takes its key away. It is believed until the hour is over, and then no more.
    keys.lock().unwrap().1 = json!({ "keys": [jwk(2, "two")] });
    assert!(stage.claims(at(3_599_999)).await.is_ok());
    assert_eq!(stage.asked("/keys"), 1);
    assert_eq!(stage.claims(at(3_600_000)).await.unwrap_err(), TokenError::NoKey.into());
    assert_eq!(stage.asked("/keys"), 2, "it was looked at just now");
    // Looking again fails, and is not tried again within the minute, however many tokens come.
    *keys.lock().unwrap() = (500, json!({}));
    *signs.lock().unwrap() = "three";
    assert_eq!(stage.claims(at(3_660_000)).await.unwrap_err(), invalid("status 500"));
    *keys.lock().unwrap() = (200, json!({ "keys": [jwk(1, "three")] }));
    for ms in [3_660_000, 3_690_000, 3_719_999] {
        assert_eq!(stage.claims(at(ms)).await.unwrap_err(), TokenError::NoKey.into(), "{ms}");
    }
    assert_eq!(stage.asked("/keys"), 3);
    assert!(stage.claims(at(3_720_000)).await.is_ok());
}

fn read(key: Value) -> Result<Keys, String> {
    Keys::read(&json!({ "keys": [key] }))
}

#[test]
fn a_key_that_cannot_sign_a_token_is_none() {
    let rsa = |bytes: usize| json!({ "kty": "RSA", "n": written(&vec![255; bytes]), "e": "AQAB" });
    let with = |name: &str, value: &str| {
        let mut key = jwk(1, "one");
        key[name] = json!(value);
        key
    };
    for good in [jwk(1, "one"), with("use", "sig"), with("alg", "EdDSA"), rsa(256)] {
        assert!(read(good.clone()).is_ok(), "{good}");
    }
    let mut small_order = [0; 32];
    small_order[0] = 1;
    for none in [
        with("use", "enc"),
        with("alg", "ES256"),
        with("crv", "Ed448"),
        with("x", &written(&small_order)),
        with("x", &written(&[0; 32])),
        with("x", &written(&[1; 31])),
        rsa(128),
        rsa(255),
        rsa(1_025),
        json!({ "kty": "oct", "k": "c2VjcmV0", "alg": "HS256" }),
    ] {
        assert_eq!(read(none.clone()).unwrap_err(), "its key set has no key for ES256, EdDSA or RS256", "{none}");
    }
}

/// Verifies a token with claims that were changed.
fn judge(change: impl Fn(&mut Value)) -> Result<(), TokenError> {
    let mut claims = claims("https://login.example");
    change(&mut claims);
    let made = token(&json!({ "alg": "EdDSA" }), &claims, &key(1));
    verify(&made, &read(jwk(1, "one")).unwrap(), &expected()).map(drop)
}

fn expected() -> Expected<'static> {
    Expected { issuer: "https://login.example", client_id: "gate", nonce: "n", now_s: NOW_S }
}

#[test]
fn a_token_is_in_its_time_and_a_time_that_is_no_number_is_none() {
    for (name, at, held) in [
        ("exp", json!(NOW_S - SKEW_S + 1), Ok(())),
        ("exp", json!(NOW_S - SKEW_S), Err(TokenError::Expired)),
        ("nbf", json!(NOW_S + SKEW_S), Ok(())),
        ("nbf", json!((NOW_S + SKEW_S) as f64 + 0.5), Ok(())),
        ("nbf", json!(NOW_S + SKEW_S + 1), Err(TokenError::Expired)),
    ] {
        assert_eq!(judge(|claims| claims[name] = at.clone()), held, "{name} {at}");
    }
    for name in ["exp", "nbf"] {
        for at in [json!("2000000000"), json!(1e300), json!(null), json!([NOW_S]), json!(true)] {
            let refused = judge(|claims| claims[name] = at.clone());
            assert!(matches!(refused, Err(TokenError::Malformed(_))), "{name} {at}: {refused:?}");
        }
    }
    let endless = judge(|claims| drop(claims.as_object_mut().unwrap().remove("exp")));
    assert_eq!(endless, Err(TokenError::Malformed("it has no end")));
    let long = judge(|claims| claims["more"] = json!("x".repeat(32 * 1_024)));
    assert!(matches!(long, Err(TokenError::Malformed(_))), "{long:?}");
}

#[test]
fn a_token_is_for_this_client_and_was_given_out_to_it() {
    for (audience, party, held) in [
        (json!("gate"), None, true),
        (json!(["gate"]), Some(json!("gate")), true),
        (json!(["gate", "other"]), Some(json!("gate")), true),
        (json!(["gate", "other"]), None, false),
        (json!(["gate", "other"]), Some(json!("other")), false),
        (json!("gate"), Some(json!("other")), false),
        (json!("gate"), Some(json!(7)), false),
        (json!("other"), Some(json!("gate")), false),
        (json!(["other"]), Some(json!("gate")), false),
        (json!(null), Some(json!("gate")), false),
    ] {
        let judged = judge(|claims| {
            claims["aud"] = audience.clone();
            party.iter().for_each(|party| claims["azp"] = party.clone());
        });
        assert_eq!(judged, if held { Ok(()) } else { Err(TokenError::Audience) }, "{audience} {party:?}");
    }
}

#[test]
fn each_algorithm_holds_by_its_own_key_alone() {
    // Made with other people's software, by keys that were thrown away.
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/tokens.json")).unwrap();
    let keys = Keys::read(&fixture["keys"]).unwrap();
    for name in ["rs256", "es256"] {
        let good = fixture[name].as_str().unwrap();
        assert_eq!(verify(good, &keys, &expected()).unwrap()["sub"], "u-ben", "{name}");
        let (message, signature) = good.rsplit_once('.').unwrap();
        let mut bent = URL_SAFE_NO_PAD.decode(signature).unwrap();
        bent[20] ^= 1;
        let bent = format!("{message}.{}", written(&bent));
        assert_eq!(verify(&bent, &keys, &expected()).unwrap_err(), TokenError::Signature, "{name}");
        let (_, rest) = good.split_once('.').unwrap();
        for (algorithm, id, why) in [
            ("RS256", "e", TokenError::NoKey),
            ("ES256", "r", TokenError::NoKey),
            ("EdDSA", "r", TokenError::NoKey),
            ("PS256", "r", TokenError::Algorithm),
            ("HS256", "r", TokenError::Algorithm),
        ] {
            let renamed = format!("{}.{rest}", written(json!({ "alg": algorithm, "kid": id }).to_string().as_bytes()));
            assert_eq!(verify(&renamed, &keys, &expected()).unwrap_err(), why, "{name} as {algorithm}");
        }
    }
}
