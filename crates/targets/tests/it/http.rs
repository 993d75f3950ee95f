//! A server that speaks HTTP: declared operations are done once, seen, taken back, and never over what somebody else has written.

use std::sync::Arc;

use serde_json::{Value, json};
use targets::fault::Fault;
use targets::http::HttpServer;
use targets::mcp::Tools as _;

use crate::faults::{At, How};
use crate::http_double::{Double, Mood};

type Answer = Result<Value, (String, String)>;

const DECLARED: &str = r#"
[headers]
authorization = "API_AUTHORIZATION"

[operations.put_queue]
description = "Sets up a queue."
resource = "/queues/{queue}"
change = { method = "PUT", body = { limit = "$limit" } }
key_header = "Idempotency-Key"
ignore = ["/touched"]
[operations.put_queue.arguments]
queue = { type = "string" }
limit = { type = "integer", minimum = 0, maximum = 500 }

[operations.patch_queue]
description = "Changes the limit of a queue."
resource = "/queues/{queue}"
change = { method = "PATCH", body = { limit = "$limit" } }
restore = { method = "PATCH", body = { limit = "$before/limit" } }
ignore = ["/touched"]
arguments = { queue = { type = "string" }, limit = { type = "integer" } }

[operations.remove_queue]
description = "Removes a queue."
resource = "/queues/{queue}"
change = { method = "DELETE" }
ignore = ["/touched"]
arguments = { queue = { type = "string" } }

[operations.enable_queue]
description = "Enables a queue."
resource = "/queues/{queue}"
change = { method = "POST", path = "/queues/{queue}/enable" }
ignore = ["/touched"]
arguments = { queue = { type = "string" } }
"#;

pub struct Target {
    server: HttpServer,
}

impl Target {
    pub fn open(double: &Double, store: &tempfile::TempDir) -> Self {
        Self::faulty(double, store, Arc::new(Fine))
    }

    pub fn at(at: &str, store: &std::path::Path) -> Self {
        Self::with(at, store, Arc::new(Fine))
    }

    fn faulty(double: &Double, store: &tempfile::TempDir, fault: Arc<dyn Fault>) -> Self {
        Self::with(&double.at, store.path(), fault)
    }

    fn with(at: &str, store: &std::path::Path, fault: Arc<dyn Fault>) -> Self {
        let declared = format!("base = \"{at}\"\ntimeout_ms = 2000\n{DECLARED}");
        let secret = |name: &str| (name == "API_AUTHORIZATION").then(|| "Bearer s3cret".to_owned());
        let server = HttpServer::open_with(&declared, secret, &store.join("store"), Box::new(|| 1_000), fault);
        Self { server: server.unwrap() }
    }

    pub fn call(&mut self, name: &str, arguments: Value) -> Answer {
        let called = self.server.call(name, arguments).unwrap();
        called.map(|said| said.data).map_err(|failed| (failed.code.to_string(), failed.message))
    }

    pub fn limit(&mut self, key: &str, limit: i64) -> Answer {
        self.call("put_queue", json!({ "queue": "a", "limit": limit, "change": key }))
    }

    pub fn undo(&mut self, key: &str) -> Answer {
        self.call("undo_change", json!({ "change": key, "undo": format!("undo-{key}") }))
    }

    pub fn standing(&mut self, key: &str) -> Value {
        self.call("get_change", json!({ "change": key })).unwrap()
    }

    pub fn entries(&mut self) -> Vec<Option<String>> {
        let listed = self.call("list_changes", json!({})).unwrap();
        let entries = listed["entries"].as_array().unwrap().iter();
        entries.map(|entry| entry["change"].as_str().map(str::to_owned)).collect()
    }
}

struct Fine;

impl Fault for Fine {}

fn begun() -> (Double, tempfile::TempDir, Target) {
    let (double, store) = (Double::start(true), tempfile::tempdir().unwrap());
    let target = Target::open(&double, &store);
    (double, store, target)
}

pub const A: &str = "/queues/a";

pub fn limit(double: &Double) -> Option<i64> {
    double.get(A).and_then(|queue| queue["limit"].as_i64())
}

#[test]
fn each_operation_is_planned_done_once_seen_and_taken_back() {
    let (double, _store, mut target) = begun();
    double.put("/queues/b%2F..%3Fx", json!({ "limit": 3, "note": "kept" }));
    let strange = json!({ "queue": "b/..?x", "limit": 9, "change": "s" });
    target.call("put_queue", strange).unwrap();
    assert_eq!(double.get("/queues/b%2F..%3Fx").unwrap()["limit"], 9, "an argument is one part of the path");
    target.undo("s").unwrap();
    assert_eq!(double.get("/queues/b%2F..%3Fx").unwrap()["note"], "kept");

    let plan =
        target.call("plan", json!({ "operation": "put_queue", "arguments": { "queue": "a", "limit": 5 } })).unwrap();
    assert_eq!(
        (&plan["request"]["method"], &plan["changed"]["differences"][0]["after"]),
        (&json!("PUT"), &json!({ "limit": 5 }))
    );
    let posted = json!({ "operation": "enable_queue", "arguments": { "queue": "a" } });
    assert_eq!(target.call("plan", posted).unwrap()["changed"], Value::Null, "only the server knows what a POST makes");
    let read = json!({ "operation": "put_queue", "arguments": { "queue": "b/..?x" } });
    assert_eq!(target.call("read_resource", read).unwrap()["body"]["limit"], 3);
    assert_eq!((double.get(A), target.standing("k")), (None, json!({ "applied": false })));
    let made = target.limit("k", 5).unwrap();
    assert_eq!((&made["resource"], limit(&double)), (&json!(A), Some(5)));
    double.asked.lock().unwrap().clear();
    assert_eq!(target.limit("k", 5).unwrap(), made, "a repeat is answered as the first");
    assert!(double.asked.lock().unwrap().is_empty(), "and not sent");
    assert_eq!(target.limit("k", 6).unwrap_err().0, "idempotency-conflict");
    let stands = target.standing("k");
    assert_eq!((&stands["applied"], &stands["stands"], &stands["of"]), (&json!(true), &json!(true), &json!(1)));
    target.undo("k").unwrap();
    assert_eq!((double.get(A), target.standing("k")), (None, json!({ "applied": false })));
    assert_eq!(target.undo("k").unwrap()["resource"], A, "a repeat is answered as the first");
    let again = target.call("undo_change", json!({ "change": "k", "undo": "another" })).unwrap_err();
    assert_eq!(again.0, "reversal-conflict");
    double.put(A, json!({ "limit": 5 }));
    let theirs = target.call("undo_change", json!({ "change": "k", "undo": "another" })).unwrap_err();
    assert_eq!(
        (theirs.0.as_str(), limit(&double)),
        ("reversal-conflict", Some(5)),
        "what others make the same is theirs"
    );

    double.put(A, json!({ "limit": 1, "note": "of others" }));
    for (key, name, arguments) in [
        ("p", "patch_queue", json!({ "queue": "a", "limit": 8 })),
        ("d", "remove_queue", json!({ "queue": "a" })),
        ("e", "enable_queue", json!({ "queue": "a" })),
    ] {
        let mut keyed = arguments.clone();
        keyed["change"] = json!(key);
        target.call(name, keyed).unwrap();
        assert_ne!(double.get(A), Some(json!({ "limit": 1, "note": "of others" })), "{name}");
        target.undo(key).unwrap();
        let mut back = double.get(A).unwrap();
        back.as_object_mut().unwrap().remove("touched");
        assert_eq!(back, json!({ "limit": 1, "note": "of others" }), "{name}");
    }
    assert!(double.asked.lock().unwrap().iter().all(|one| !one.contains("s3cret")));
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_sent() {
    let (double, store, mut target) = begun();
    for (name, arguments) in [
        ("put_queue", json!({ "queue": "a", "limit": 501, "change": "k" })),
        ("put_queue", json!({ "queue": "a", "limit": "5", "change": "k" })),
        ("put_queue", json!({ "queue": "", "limit": 5, "change": "k" })),
        ("put_queue", json!({ "queue": "..", "limit": 5, "change": "k" })),
        ("put_queue", json!({ "queue": "../admin", "limit": 5, "change": "k" })),
        ("put_queue", json!({ "queue": "a\\..\\b", "limit": 5, "change": "k" })),
        ("put_queue", json!({ "queue": "a", "change": "k" })),
        ("put_queue", json!({ "queue": "a", "limit": 5, "more": 1, "change": "k" })),
        ("put_queue", json!({ "queue": "a", "limit": 5 })),
        ("put_queue", json!([1])),
        ("plan", json!({ "operation": "put_queue" })),
        ("read_resource", json!({ "operation": "put_queue", "arguments": { "limit": 1 } })),
    ] {
        assert_eq!(target.call(name, arguments.clone()).unwrap_err().0, "arguments-invalid", "{arguments}");
    }
    assert_eq!(target.call("plan", json!({ "operation": "nothing" })).unwrap_err().0, "not-found");
    assert_eq!(target.undo("never").unwrap_err().0, "not-found");
    assert!(double.asked.lock().unwrap().is_empty());
    let other = Double::start(true);
    let declared = |text: &str| {
        let secret = |_: &str| Some("x".to_owned());
        let opened = HttpServer::open(text, secret, &store.path().join("store"), Box::new(|| 1));
        opened.err().map(|error| (error.code().to_string(), error.to_string())).unwrap()
    };
    let good = format!("base = \"{}\"\n{DECLARED}", other.at);
    assert_eq!(declared(&good).0, "upstream-unavailable", "it is another's store");
    for (from, to) in [
        ("/v1\"", "/v1/\""),
        ("http://", "ftp://"),
        ("/queues/{queue}\"", "/queues/{nothing}\""),
        ("/queues/{queue}\"", "/queues/x{queue}\""),
        ("/queues/{queue}\"", "/../{queue}\""),
        ("[operations.put_queue]", "[operations.plan]"),
        ("method = \"PUT\"", "method = \"GET\""),
        ("description = \"Sets up a queue.\"", "describes = \"\""),
    ] {
        assert!(good.contains(from));
        assert_eq!(declared(&good.replacen(from, to, 1)).0, "operations-invalid", "{to}");
    }
    let unset = HttpServer::open(&good, |_| None, &store.path().join("store"), Box::new(|| 1));
    assert!(unset.err().unwrap().to_string().contains("API_AUTHORIZATION"));
}

#[test]
fn nobody_is_overwritten_who_came_before_in_between_or_after() {
    let (double, _store, mut target) = begun();
    double.put(A, json!({ "limit": 1 }));
    double.in_mood(Mood::Overtaken);
    let overtaken = target.limit("k", 5).unwrap_err();
    assert_eq!((overtaken.0.as_str(), limit(&double)), ("state-conflict", Some(77)), "{}", overtaken.1);
    assert_eq!(target.standing("k"), json!({ "applied": false }));
    target.limit("k", 5).unwrap();
    double.put(A, json!({ "limit": 6 }));
    assert_eq!(target.standing("k")["stands"], false);
    let conflict = target.undo("k").unwrap_err();
    assert!(conflict.0 == "reversal-conflict" && conflict.1.contains("/limit: 5 → 6"), "{}", conflict.1);
    assert_eq!(limit(&double), Some(6));
    assert_eq!(target.entries(), [Some("k".to_owned()), None], "it is found, and named by no key");
    assert_eq!(target.entries().len(), 2, "once");
    double.put(A, json!({ "limit": 5 }));
    double.in_mood(Mood::Overtaken);
    assert_eq!(target.undo("k").unwrap_err().0, "state-conflict", "between the look and the request");
    assert_eq!(limit(&double), Some(77));
    double.remove(A);
    assert_eq!(target.undo("k").unwrap_err().0, "reversal-conflict");
    double.put(A, json!({ "limit": 1 }));
    double.in_mood(Mood::Followed);
    target.limit("f", 5).unwrap();
    assert_eq!((limit(&double), target.standing("f")["stands"].clone()), (Some(66), json!(false)));
    assert_eq!(target.undo("f").unwrap_err().0, "reversal-conflict", "what is there is not its own");
    target.limit("g", 7).unwrap();
    double.in_mood(Mood::Followed);
    target.undo("g").unwrap();
    assert_eq!((limit(&double), target.standing("g")), (Some(66), json!({ "applied": false })));
}

#[test]
fn what_came_of_a_request_is_judged_by_what_is_there() {
    let (double, _store, mut target) = begun();
    double.put(A, json!({ "limit": 1 }));
    for (number, (mood, code, left)) in [
        (Mood::SilentDone, None, 10),
        (Mood::DoneBut(500), None, 11),
        (Mood::DoneBut(409), Some("upstream-invalid"), 12),
        (Mood::Silent, Some("upstream-unavailable"), 12),
        (Mood::Refuses(500), Some("upstream-unavailable"), 12),
        (Mood::Refuses(403), Some("request-refused"), 12),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("k{number}");
        let wanted = 10 + i64::try_from(number).unwrap();
        double.in_mood(mood);
        let made = target.limit(&key, wanted);
        assert_eq!((made.as_ref().err().map(|error| error.0.as_str()), limit(&double)), (code, Some(left)), "{mood:?}");
        // What was done though it was said to have failed is known, and can be taken back.
        assert_eq!(target.standing(&key)["applied"], json!(left == wanted), "{mood:?}");
    }
    double.in_mood(Mood::Garbles);
    target.limit("g", 20).unwrap();
    assert_eq!(limit(&double), Some(-1));
    target.undo("g").unwrap();
    assert_eq!(limit(&double), Some(12));
    target.limit("h", 30).unwrap();
    double.in_mood(Mood::Garbles);
    assert_eq!(target.undo("h").unwrap_err().0, "upstream-invalid", "it is not what it was before");
    let stands = target.standing("h");
    assert_eq!((&stands["applied"], &stands["stands"]), (&json!(true), &json!(false)), "for a person");
    double.in_mood(Mood::SilentDone);
    let posted = target.call("enable_queue", json!({ "queue": "a", "change": "e" })).unwrap_err();
    assert_eq!(posted.0, "in-doubt", "nobody can tell what a POST makes");
    assert_eq!(target.standing("e")["stands"], false);
}

#[test]
fn a_server_without_versions_is_used_only_where_that_is_declared_bearable() {
    let (double, store) = (Double::start(false), tempfile::tempdir().unwrap());
    let mut target = Target::open(&double, &store);
    target.limit("new", 5).unwrap();
    let unguarded = target.limit("k", 6).unwrap_err();
    assert!(unguarded.0 == "upstream-invalid" && unguarded.1.contains("etag = false"), "{}", unguarded.1);
    drop(target);
    let declared = format!("base = \"{}\"\n{}", double.at, DECLARED.replace("key_header", "etag = false\nkey_header"));
    let secret = |_: &str| Some("Bearer s3cret".to_owned());
    let server = HttpServer::open(&declared, secret, &store.path().join("store"), Box::new(|| 1)).unwrap();
    let mut target = Target { server };
    target.limit("k", 6).unwrap();
    assert!(double.asked.lock().unwrap().contains(&"PUT /queues/a k".to_owned()), "the key goes with it");
    target.undo("k").unwrap();
    target.undo("new").unwrap();
    assert_eq!(double.get(A), None);
}

#[test]
fn each_step_that_fails_leaves_what_was_or_what_was_wanted() {
    for undo in [false, true] {
        for how in [How::Failed, How::Persisted, How::Dead] {
            for at in 0.. {
                let (double, store) = (Double::start(true), tempfile::tempdir().unwrap());
                double.put(A, json!({ "limit": 1 }));
                let fault = At::new(at, how);
                let mut target = Target::faulty(&double, &store, fault.clone());
                if undo {
                    target.limit("k", 5).unwrap();
                }
                fault.arm();
                let done = if undo { target.undo("k") } else { target.limit("k", 5) };
                let steps = fault.steps();
                let (before, after) = if undo { (5, 1) } else { (1, 5) };
                let what = format!("{how:?} at {at} of {steps}, undo {undo}: {done:?}");
                match &done {
                    Ok(_) => assert_eq!(limit(&double), Some(after), "{what}"),
                    Err((code, _)) if code == "in-doubt" => {}
                    // It says that nothing was done, so nothing is.
                    Err(_) => assert_eq!(limit(&double), Some(before), "{what}"),
                }
                drop(target);
                let mut target = Target::open(&double, &store);
                let found = limit(&double).unwrap();
                assert_eq!(target.standing("k")["applied"], json!(found == 5), "{what}");
                if !undo {
                    target.limit("k", 5).unwrap();
                    assert_eq!(limit(&double), Some(5), "{what}: a retry");
                }
                target.undo("k").unwrap();
                assert_eq!(limit(&double), Some(1), "{what}: taken back");
                assert!(target.entries().iter().all(Option::is_some), "{what}: nothing is taken for somebody else's");
                if steps <= at {
                    assert!(at >= 3, "{at} steps");
                    break;
                }
            }
        }
    }
}
