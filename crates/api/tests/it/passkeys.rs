//! Passkeys over HTTP, in the JSON that browsers speak: enrolment, ballots, signed votes, and each refusal with its code.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use testkit::authenticator::Authenticator;
use testkit::passkeys::{ORIGIN, signing_bundle};

use crate::call::{Answer, Api, request};

pub fn written(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn read(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}

/// A client of the contract that has an authenticator.
struct Browser {
    api: Api,
    key: Authenticator,
}

async fn browser() -> Browser {
    let api = Api::over(testkit::world_with(signing_bundle()).await);
    Browser { api, key: Authenticator::p256("localhost", 3) }
}

impl Browser {
    /// Sends something without a key, as whoever was invited does.
    async fn open(&self, path: &str, body: &Value) -> Answer {
        self.api.send(request("POST", path, None, Some(body.to_string()))).await
    }

    async fn invited(&self, person: &str) -> String {
        let wanted = json!({ "person": person, "reason": "they approve" });
        let made = self.api.post("dan", "/v1/passkeys/invitations", wanted).await.is(201);
        made["token"].as_str().unwrap().to_owned()
    }

    async fn enrolled(&self, person: &str, key: &Authenticator) -> Value {
        let token = self.invited(person).await;
        let options = self.open("/v1/passkeys/options", &json!({ "token": token })).await.is(200);
        assert_eq!((&options["rp"]["id"], &options["attestation"]), (&json!("localhost"), &json!("none")));
        assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
        let algorithms: Vec<i64> =
            options["pubKeyCredParams"].as_array().unwrap().iter().map(|one| one["alg"].as_i64().unwrap()).collect();
        assert_eq!(algorithms, [-7, -8, -257]);
        let body = json!({ "token": token, "credential": registration(key, &read(&options["challenge"])) });
        let made = self.open("/v1/passkeys", &body).await.is(201);
        self.open("/v1/passkeys", &body).await.problem(403, "invitation-invalid");
        made
    }

    async fn ballot(&self, who: &str, case: &Value) -> Value {
        let path = format!("/v1/approvals/{}/ballot", case["id"].as_str().unwrap());
        self.api.post(who, &path, json!({ "vote": "approve", "reason": "looked at it" })).await.is(200)
    }

    async fn cast(&self, who: &str, case: &Value, assertion: Value) -> Answer {
        let path = format!("/v1/approvals/{}/votes", case["id"].as_str().unwrap());
        self.api.post(who, &path, json!({ "assertion": assertion })).await
    }

    async fn case(&self, service: &str) -> Value {
        self.api.case("sre.restart", json!({ "service": service }), "ben").await
    }
}

/// Returns what `toJSON` of a new credential makes.
fn registration(key: &Authenticator, challenge: &[u8]) -> Value {
    let made = key.register(challenge, ORIGIN, false);
    json!({
        "id": written(&key.id), "rawId": written(&key.id), "type": "public-key", "clientExtensionResults": {},
        "authenticatorAttachment": "platform",
        "response": {
            "clientDataJSON": written(&made.client_data), "attestationObject": written(&made.attestation),
            "transports": ["internal"],
        },
    })
}

/// Returns what `toJSON` of an assertion makes.
fn assertion(key: &Authenticator, ballot: &Value, origin: &str) -> Value {
    let made = key.assert(&read(&ballot["public_key"]["challenge"]), origin);
    json!({
        "id": written(&key.id), "rawId": written(&key.id), "type": "public-key", "clientExtensionResults": {},
        "response": {
            "clientDataJSON": written(&made.client_data), "authenticatorData": written(&made.authenticator_data),
            "signature": written(&made.signature), "userHandle": null,
        },
    })
}

#[tokio::test]
async fn a_passkey_is_enrolled_and_signs_a_vote() {
    let browser = browser().await;
    let made = browser.enrolled("ben", &browser.key).await;
    assert_eq!((&made["person"], &made["invited_by"]), (&json!("ben"), &json!("person:dan")));
    assert_eq!((&made["algorithm"], &made["rp_id"]), (&json!("ES256"), &json!("localhost")));
    let listed = browser.api.get("eve", "/v1/passkeys").await.is(200);
    assert_eq!(listed["passkeys"], json!([made]));

    let case = browser.case("web").await;
    assert_eq!(case["needs"][0]["steps"][0]["signed"], true);
    let drawn = browser.ballot("ben", &case).await;
    let shown = &drawn["ballot"];
    assert_eq!((&shown["case"], &shown["action"], &shown["bundle"]), (&case["id"], &case["action"], &case["bundle"]));
    assert_eq!((&shown["action_digest"], &shown["tool"]), (&case["action_digest"], &json!("sre.restart")));
    assert_eq!((&shown["vote"], &shown["reason"]), (&json!("approve"), &json!("looked at it")));
    assert_eq!((&shown["person"], &shown["expires_at"]), (&json!("ben"), &case["expires_at"]));
    assert_eq!(read(&shown["nonce"]).len(), 32);
    let options = &drawn["public_key"];
    assert_eq!((&options["rpId"], &options["userVerification"]), (&json!("localhost"), &json!("required")));
    assert_eq!(options["allowCredentials"], json!([{ "type": "public-key", "id": written(&browser.key.id) }]));
    let committed = types::Digest::of("countersign/ballot/1", &read(&drawn["bytes"]));
    assert_eq!(read(&options["challenge"]), committed.0, "whoever has the bytes computes the challenge");

    let voted = browser.cast("ben", &case, assertion(&browser.key, &drawn, ORIGIN)).await.is(200);
    assert_eq!((&voted["state"], &voted["votes"][0]["passkey"]), (&json!("approved"), &made["id"]));
}

#[tokio::test]
async fn whoever_stands_in_for_somebody_signs_with_their_own_passkey() {
    let browser = browser().await;
    let (eve, case) = (Authenticator::p256("localhost", 5), browser.case("web").await);
    browser.enrolled("eve", &eve).await;
    let draw = format!("/v1/approvals/{}/ballot", case["id"].as_str().unwrap());
    let vote = json!({ "vote": "approve", "reason": "looked at it" });
    browser.api.post("eve", &draw, vote).await.problem(403, "voter-excluded");

    let end = browser.api.world.control.now().plus(3_600_000);
    let given = json!({ "to": "eve", "expires_at": end, "reason": "on holiday" });
    browser.api.post("ben", "/v1/delegations", given).await.is(201);
    let seen = browser.api.get("eve", &format!("/v1/approvals/{}", case["id"].as_str().unwrap())).await.is(200);
    assert_eq!(seen["you"], json!({ "may_vote": true, "alone": false, "signed": true, "awaits_review": false }));
    browser.api.vote("eve", &seen, "approve").await.problem(403, "voter-excluded");
    let drawn = browser.ballot("eve", &case).await;
    let voted = browser.cast("eve", &case, assertion(&eve, &drawn, ORIGIN)).await.is(200);
    assert_eq!((&voted["state"], &voted["votes"][0]["in_place_of"]), (&json!("approved"), &json!("ben")), "{voted}");
}

#[tokio::test]
async fn each_refusal_of_a_vote_has_its_code_and_decides_nothing() {
    let browser = browser().await;
    let passkey = browser.enrolled("ben", &browser.key).await;
    let cleo = Authenticator::ed25519("localhost", 4);
    browser.enrolled("cleo", &cleo).await;
    let (case, other) = (browser.case("web").await, browser.case("db").await);
    browser.api.vote("ben", &case, "approve").await.problem(403, "vote-unsigned");
    let both = json!({ "assertion": assertion(&cleo, &browser.ballot("ben", &case).await, ORIGIN), "vote": "approve" });
    let votes = format!("/v1/approvals/{}/votes", case["id"].as_str().unwrap());
    browser.api.post("ben", &votes, both).await.problem(400, "request-invalid");
    browser.api.post("ben", &votes, json!({ "vote": "approve" })).await.problem(400, "request-invalid");
    let padded = json!({ "assertion": { "rawId": "AA==", "response": {} } });
    browser.api.post("ben", &votes, padded).await.problem(400, "request-invalid");

    let drawn = browser.ballot("ben", &case).await;
    let own = assertion(&browser.key, &drawn, ORIGIN);
    browser.cast("cleo", &case, own.clone()).await.problem(403, "passkey-foreign");
    browser.cast("ben", &other, own.clone()).await.problem(409, "shown-mismatch");
    browser.cast("ben", &case, own).await.problem(409, "ballot-used");
    let fresh = || async { browser.ballot("ben", &case).await };
    browser.cast("ben", &case, assertion(&cleo, &fresh().await, ORIGIN)).await.problem(403, "passkey-foreign");
    let elsewhere = assertion(&browser.key, &fresh().await, "https://evil.example");
    browser.cast("ben", &case, elsewhere).await.problem(403, "assertion-foreign");
    let mut altered = assertion(&browser.key, &fresh().await, ORIGIN);
    altered["response"]["authenticatorData"] = json!(written(&cleo.data(false)[..36]));
    browser.cast("ben", &case, altered).await.problem(403, "assertion-invalid");
    let stranger = Authenticator::p256("localhost", 9);
    browser.cast("ben", &case, assertion(&stranger, &fresh().await, ORIGIN)).await.problem(403, "passkey-unknown");
    let mut unasked = fresh().await;
    unasked["public_key"]["challenge"] = json!(written(&[1; 32]));
    browser.cast("ben", &case, assertion(&browser.key, &unasked, ORIGIN)).await.problem(409, "ballot-unknown");
    let late = assertion(&browser.key, &fresh().await, ORIGIN);
    browser.api.world.clock.advance(300_000);
    browser.cast("ben", &case, late).await.problem(409, "ballot-expired");

    let waiting = assertion(&browser.key, &browser.ballot("ben", &case).await, ORIGIN);
    let kill = json!({ "target": { "agent": "sre-bot" }, "reason": "it misbehaves" });
    browser.api.post("eve", "/v1/switches", kill).await.is(200);
    browser.cast("ben", &case, waiting).await.problem(403, "killed");
    let ballot = json!({ "vote": "approve", "reason": "fine" });
    let path = format!("/v1/approvals/{}/ballot", case["id"].as_str().unwrap());
    browser.api.post("ben", &path, ballot).await.problem(403, "killed");
    browser.api.call("dan", "DELETE", "/v1/switches/agent:sre-bot", Some(json!({ "reason": "fine" }))).await;

    let case = browser.case("web").await;
    let waiting = assertion(&browser.key, &browser.ballot("ben", &case).await, ORIGIN);
    let path = format!("/v1/passkeys/{}", passkey["id"].as_str().unwrap());
    browser.api.call("eve", "DELETE", &path, Some(json!({ "reason": "lost" }))).await.is(204);
    browser.cast("ben", &case, waiting).await.problem(403, "passkey-revoked");
    let unknown = "/v1/passkeys/pk_0190a6a1e00070008000000000000000";
    browser.api.call("eve", "DELETE", unknown, Some(json!({ "reason": "x" }))).await.problem(404, "not-found");

    let waiting = assertion(&cleo, &browser.ballot("cleo", &case).await, ORIGIN);
    let mut files = signing_bundle();
    let head = files.get("bundle.toml").unwrap().replace("\"small\"", "\"another\"");
    files.insert("bundle.toml", head);
    browser.api.world.control.activate(&"dan".parse().unwrap(), files, "a new name").await.unwrap();
    browser.cast("cleo", &case, waiting).await.problem(409, "ballot-void");
    let after = browser.api.get("ben", &format!("/v1/approvals/{}", case["id"].as_str().unwrap())).await.is(200);
    assert_eq!((&after["state"], &after["votes"]), (&json!("void"), &json!([])));
}

#[tokio::test]
async fn an_enrolment_that_does_not_hold_enrols_nothing() {
    let browser = browser().await;
    let wanted = json!({ "person": "dan", "reason": "me" });
    browser.api.post("dan", "/v1/passkeys/invitations", wanted).await.problem(403, "forbidden");
    let nobody = json!({ "person": "zed", "reason": "who" });
    browser.api.post("dan", "/v1/passkeys/invitations", nobody).await.problem(422, "person-unknown");
    let denied = json!({ "person": "ben", "reason": "please" });
    browser.api.post("eve", "/v1/passkeys/invitations", denied.clone()).await.problem(403, "policy-denies");
    browser.api.post("sre-bot", "/v1/passkeys/invitations", denied).await.problem(403, "forbidden");

    let token = browser.invited("ben").await;
    let body = json!({ "token": token, "credential": registration(&browser.key, &[0; 32]) });
    browser.open("/v1/passkeys", &body).await.problem(422, "registration-invalid");
    browser.open("/v1/passkeys/options", &json!({ "token": "csi_1_2" })).await.problem(403, "invitation-invalid");
    let options = browser.open("/v1/passkeys/options", &json!({ "token": token })).await.is(200);
    let mut other = registration(&browser.key, &read(&options["challenge"]));
    other["rawId"] = json!(written(&[9; 16]));
    let body = json!({ "token": token, "credential": other });
    browser.open("/v1/passkeys", &body).await.problem(422, "registration-invalid");
    assert_eq!(browser.api.get("ben", "/v1/passkeys").await.is(200)["passkeys"][0].get("enrolled_at"), None);
}
