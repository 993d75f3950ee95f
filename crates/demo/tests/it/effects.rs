//! Each tool, and what it does to the database.

use countersign_demo::inventory::{self, Inventory, MailStatus};
use serde_json::{Value, json};

use crate::common::{Db, db, done, fails};

fn service(db: &Db, name: &str) -> inventory::Service {
    Inventory::open(&db.path).unwrap().service(name).unwrap()
}

fn mail() -> Value {
    json!({ "from": "sre@shop.example", "to": "a@b.example", "subject": "s", "body": "b" })
}

#[test]
fn reads_return_the_rows_as_they_are_now() {
    let db = db();
    let services = done(&db.path, "list_services", json!({}))["services"].as_array().unwrap().clone();
    assert_eq!(services.len(), 8);
    let environments: Vec<_> = services.iter().map(|service| service["env"].as_str().unwrap()).collect();
    assert!(["prod", "staging", "dev"].iter().all(|env| environments.contains(env)));
    let before = done(&db.path, "get_service", json!({ "service": "web" }));
    assert_eq!((&before["replicas"], &before["stateless"]), (&json!(12), &json!(true)));
    done(&db.path, "scale_service", json!({ "service": "web", "replicas": 3 }));
    assert_eq!(done(&db.path, "get_service", json!({ "service": "web" }))["replicas"], 3);
    let report = done(&db.path, "weekly_report", json!({ "week": "2026-W31" }));
    assert_eq!((&report["incidents"], &report["services"]), (&json!(2), &json!(8)));
}

#[test]
fn a_restart_counts_once_per_request() {
    let db = db();
    let restart = |request: Value| {
        done(&db.path, "restart_service", json!({ "service": "web", "reason": "slow", "request_id": request }))
    };
    assert_eq!(restart(json!("a"))["restarts"], 3);
    assert_eq!(restart(json!("a"))["restarts"], 3, "the same request does nothing the second time");
    assert_eq!(restart(json!("b"))["restarts"], 4);
    assert_eq!(restart(json!(null))["restarts"], 5);
    assert_eq!(restart(json!(null))["restarts"], 6, "requests without an id are all different");
    let reused = fails(&db.path, "restart_service", json!({ "service": "search", "request_id": "a" }));
    assert_eq!(reused, "the request `a` restarted another service before");
    assert_eq!((service(&db, "web").restarts, service(&db, "search").restarts), (6, 3));
}

#[test]
fn scaling_stays_in_range() {
    let db = db();
    done(&db.path, "scale_service", json!({ "service": "search", "replicas": 200 }));
    assert_eq!(service(&db, "search").replicas, 200);
    for replicas in [-1, 201] {
        let said = fails(&db.path, "scale_service", json!({ "service": "search", "replicas": replicas }));
        assert_eq!(said, format!("`replicas` is {replicas}, it must be 0 to 200"));
    }
    assert_eq!(service(&db, "search").replicas, 200);
}

#[test]
fn a_schema_change_counts_the_version_up() {
    let db = db();
    let change =
        done(&db.path, "apply_db_change", json!({ "database": "orders", "statement": "CREATE INDEX i ON o (x)" }));
    assert_eq!(change, json!({ "database": "orders", "schema_version": 88, "statement": "CREATE INDEX i ON o (x)" }));
    let inventory = Inventory::open(&db.path).unwrap();
    assert_eq!((inventory.schema_version("orders").unwrap(), inventory.schema_version("catalogue").unwrap()), (88, 41));
    assert_eq!(
        fails(&db.path, "apply_db_change", json!({ "database": "orders", "statement": " " })),
        "`statement` is empty"
    );
    let unknown = fails(&db.path, "apply_db_change", json!({ "database": "x", "statement": "SELECT 1" }));
    assert_eq!(unknown, "there is no database `x`");
    assert_eq!(inventory.schema_version("orders").unwrap(), 88);
}

#[test]
fn a_deleted_service_is_gone() {
    let db = db();
    assert_eq!(done(&db.path, "delete_service", json!({ "service": "search-dev" }))["id"], "search-dev");
    let inventory = Inventory::open(&db.path).unwrap();
    assert_eq!(inventory.services().unwrap().len(), 7);
    for tool in ["delete_service", "get_service", "restart_service"] {
        assert_eq!(
            fails(&db.path, tool, json!({ "service": "search-dev" })),
            "there is no service `search-dev`",
            "{tool}"
        );
    }
}

#[test]
fn seeding_again_puts_everything_back() {
    let db = db();
    done(&db.path, "delete_service", json!({ "service": "web" }));
    done(&db.path, "restart_service", json!({ "service": "search", "request_id": "a" }));
    done(&db.path, "draft_mail", mail());
    inventory::poison(&db.path, true).unwrap();
    let inventory = Inventory::open(&db.path).unwrap();
    inventory::seed(&db.path).unwrap();
    assert_eq!((inventory.services().unwrap().len(), inventory.mails(MailStatus::Draft).unwrap()), (8, 0));
    assert!(!inventory.is_poisoned().unwrap());
    done(&db.path, "restart_service", json!({ "service": "web", "request_id": "a" }));
}

#[test]
fn drafts_stay_and_mails_leave() {
    let db = db();
    let inventory = Inventory::open(&db.path).unwrap();
    let counts = || (inventory.mails(MailStatus::Draft).unwrap(), inventory.mails(MailStatus::Sent).unwrap());
    assert_eq!(counts(), (0, 1));
    assert_eq!(done(&db.path, "draft_mail", mail())["status"], "draft");
    assert_eq!(counts(), (1, 1));
    assert_eq!(done(&db.path, "send_mail", mail())["status"], "sent");
    assert_eq!(counts(), (1, 2));
    let mut foreign = mail();
    foreign["from"] = json!("ceo@shop.example");
    assert_eq!(fails(&db.path, "send_mail", foreign), "there is no mailbox `ceo@shop.example`");
    assert_eq!(counts(), (1, 2));
}

#[test]
fn arguments_that_do_not_fit_are_a_result_that_says_so() {
    let db = db();
    for (tool, arguments, said) in [
        ("list_services", json!({ "x": 1 }), "unknown field `x`"),
        ("get_service", json!({}), "missing field `service`"),
        ("get_service", json!({ "service": 3 }), "expected a string"),
        ("restart_service", json!({ "service": "web", "force": true }), "unknown field `force`"),
        ("scale_service", json!({ "service": "web", "replicas": "3" }), "expected i64"),
        ("scale_service", json!({ "service": "web", "replicas": 2.5 }), "expected i64"),
        ("apply_db_change", json!({ "database": "orders" }), "missing field `statement`"),
        ("draft_mail", json!({ "to": "a@b.example" }), "missing field `from`"),
    ] {
        let answer = fails(&db.path, tool, arguments);
        assert!(answer.starts_with("the arguments do not fit: ") && answer.contains(said), "{tool}: {answer}");
    }
    assert_eq!(
        fails(&db.path, "weekly_report", json!({ "week": "2020-W01" })),
        "there is no report for the week `2020-W01`"
    );
}
