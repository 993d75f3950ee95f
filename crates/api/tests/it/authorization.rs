//! Who may call what: every operation states it in the document, and refuses everybody else.
//!
//! Nothing is listed here: the document is made of the routes that are served, so an operation that states nothing, or that
//! lets in anybody it does not state, fails.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::call::{Answer, Api, request};

/// Is every kind of caller, with who of the world is one.
const KINDS: [(&str, Option<&str>); 4] =
    [("none", None), ("agent", Some("sre-bot")), ("person", Some("dan")), ("auditor", Some("zoe"))];

/// Is an operation of the document.
struct Operation {
    method: String,
    path: String,
    stated: Value,
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Returns who is stated to be let in.
    fn callers(&self) -> BTreeSet<&str> {
        let stated = self.stated["x-countersign-callers"].as_array().map(Vec::as_slice).unwrap_or_default();
        stated.iter().filter_map(Value::as_str).collect()
    }

    fn takes_a_login_alone(&self) -> bool {
        self.stated["security"] == json!([{ "login": [] }])
    }

    /// Returns a path that leads to the handler; whether it names anything does not matter to who may ask.
    fn filled(&self) -> String {
        let segments = self.path.split('/').map(|segment| match segment {
            "{id}" => "ID",
            "{key}" => "agent:nobody",
            "{tool}" => "sre.report",
            "{path}" => "0/000",
            "{glass}" => "glass_0190a6a1e00070008000000000000000",
            other if other.starts_with('{') => "1",
            other => other,
        });
        let kinds = [
            ("actions", "act"),
            ("approvals", "case"),
            ("keys", "key"),
            ("passkeys", "pk"),
            ("permissions", "perm"),
            ("reviews", "case"),
            ("sessions", "ses"),
        ];
        let kind =
            kinds.iter().find(|(noun, _)| self.path.starts_with(&format!("/v1/{noun}/"))).map_or("x", |kind| kind.1);
        segments.collect::<Vec<_>>().join("/").replace("ID", &format!("{kind}_0190a6a1e00070008000000000000000"))
    }

    fn lasts(&self) -> bool {
        self.stated["responses"]["200"]["content"].get("text/event-stream").is_some()
    }
}

fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&countersign_api::document().to_json().unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let every = paths.iter().flat_map(|(path, operations)| {
        operations.as_object().unwrap().iter().map(|(method, stated)| Operation {
            method: method.to_uppercase(),
            path: path.clone(),
            stated: stated.clone(),
        })
    });
    every.collect()
}

async fn world() -> Api {
    let mut files = testkit::bundle();
    let people = files.get("people.toml").unwrap().to_owned();
    files.insert("people.toml", format!("{people}\n[people.zoe]\nrole = \"auditor\"\n"));
    Api::over(testkit::world_with(files).await)
}

impl Api {
    /// Sends the least that reaches an operation, with a key.
    async fn knock(&self, operation: &Operation, token: Option<&str>) -> Answer {
        let body = operation.stated.get("requestBody").map(|_| "{}".to_owned());
        let request = request(&operation.method, &operation.filled(), token, body);
        if operation.lasts() { self.head_of(request).await } else { self.send(request).await }
    }

    /// Sends the same from a page, with the login of whoever holds a key.
    async fn knock_logged_in(&self, operation: &Operation, who: &str) -> Answer {
        let page = |mut request: Request<Body>| {
            request.headers_mut().insert(header::ORIGIN, "http://127.0.0.1:7717".parse().unwrap());
            request
        };
        let key = json!({ "key": self.world.token(who) }).to_string();
        let login = self.send(page(request("POST", "/v1/login", None, Some(key)))).await;
        let cookie = login.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let proof = login.is(200)["proof"].as_str().unwrap().to_owned();
        let body = operation.stated.get("requestBody").map(|_| "{}".to_owned());
        let mut request = page(request(&operation.method, &operation.filled(), None, body));
        request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        request.headers_mut().insert("x-countersign-proof", proof.parse().unwrap());
        if operation.lasts() { self.head_of(request).await } else { self.send(request).await }
    }
}

/// Says what the credential itself was refused for, if it was.
fn refused(answer: &Answer) -> Option<String> {
    let code = serde_json::from_slice::<Value>(&answer.bytes).ok()?.get("code")?.as_str()?.to_owned();
    matches!((answer.status.as_u16(), code.as_str()), (401, "unauthenticated" | "key-expired") | (403, "forbidden"))
        .then_some(code)
}

#[test]
fn the_list_of_operations_that_state_no_callers_is_empty() {
    let known: BTreeSet<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
    let unstated = |operation: &Operation| {
        let callers = operation.callers();
        callers.is_empty() || !callers.is_subset(&known)
    };
    let untested: Vec<_> = operations().iter().filter(|one| unstated(one)).map(Operation::name).collect();
    assert_eq!(untested, Vec::<String>::new(), "each needs `x-countersign-callers` beside its route");
}

#[tokio::test]
async fn each_operation_refuses_every_kind_of_caller_that_it_does_not_state_and_no_other() {
    let api = world().await;
    let mut wrong = Vec::new();
    for operation in operations() {
        let callers = operation.callers();
        for (kind, who) in KINDS {
            let answer = match who {
                Some(who) if kind != "agent" && operation.takes_a_login_alone() => {
                    api.knock_logged_in(&operation, who).await
                }
                who => api.knock(&operation, who.map(|who| api.world.token(who))).await,
            };
            let is_refused = refused(&answer);
            if is_refused.is_some() == callers.contains(kind) {
                wrong.push(format!("{} as {kind}: {} {is_refused:?}", operation.name(), answer.status));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn a_key_that_is_none_opens_nothing_that_needs_one() {
    let api = world().await;
    let forged = format!("{}x", api.world.token("dan"));
    for operation in operations().iter().filter(|operation| !operation.callers().contains("none")) {
        for token in ["", "x", "cs_0190a6a1e00070008000000000000000_x", forged.as_str()] {
            let answer = api.knock(operation, Some(token)).await;
            assert_eq!(answer.status.as_u16(), 401, "{} with `{token}`", operation.name());
        }
    }
}
