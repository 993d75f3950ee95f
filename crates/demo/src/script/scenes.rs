//! The scenes, in order. Each counts on those before it.

use serde_json::{Value, json};
use types::{Claims, Code};

use super::{Before, Call, Decides, Effect, Ends, Scene, Then, Watch};
use crate::bundle::{ADMINISTRATOR, ON_CALL};

/// Returns the story.
pub fn story() -> Vec<Scene> {
    reading().into_iter().chain(restarts()).chain(people()).chain(denied()).chain(trust()).collect()
}

fn call(tool: &'static str, arguments: Value, purpose: &str) -> Call {
    let claims = Claims { purpose: Some(purpose.to_owned()), confidence_bp: Some(9_500), ..Claims::default() };
    Call { tool, arguments, claims }
}

/// Builds a scene that needs nobody and runs; the others say how they differ.
fn plain(title: &'static str, shows: &'static str, call: Call) -> Scene {
    Scene {
        title,
        shows,
        before: Before::Nothing,
        call,
        decides: Decides::Allow,
        then: Then::Nothing,
        ends: Ends::Runs,
        effect: None,
    }
}

fn moves(watch: Watch, change: i64) -> Option<Effect> {
    Some(Effect { watch, change })
}

fn reading() -> [Scene; 3] {
    let mail = json!({
        "from": "status@shop.example",
        "to": "customers@shop.example",
        "subject": "Checkout was slow this morning",
        "body": "We have restarted it, and it is fast again.",
    });
    [
        plain(
            "The agent looks at the services",
            "A policy permits reading, so it runs, and is on record all the same.",
            call("list_services", json!({}), "find out what is slow"),
        ),
        Scene {
            decides: Decides::AllowObserved,
            ..plain(
                "It asks for the weekly report",
                "The policy permits it with enhanced logging.",
                call("weekly_report", json!({ "week": "2026-W31" }), "see whether this has happened before"),
            )
        },
        Scene {
            effect: moves(Watch::Drafts, 1),
            ..plain(
                "It drafts a mail to the customers",
                "A draft stays in the house, so the agent writes it alone.",
                call("draft_mail", mail, "tell customers what happened"),
            )
        },
    ]
}

fn restart_checkout() -> Call {
    let arguments = json!({ "service": "checkout", "reason": "memory grows without end" });
    call("restart_service", arguments, "checkout answers slowly, and a restart in staging cured it")
}

fn restarts() -> [Scene; 2] {
    let staging = json!({ "service": "checkout-staging", "reason": "memory grows without end" });
    [
        Scene {
            effect: moves(Watch::Restarts("checkout-staging"), 1),
            ..plain(
                "It restarts checkout in staging",
                "At level L2 a routine class runs alone inside its environments and under its rate limit.",
                call("restart_service", staging, "see whether a restart cures it"),
            )
        },
        Scene {
            decides: Decides::Escalate(&["sre"]),
            then: Then::Approve { by: ON_CALL, reason: "staging has recovered, go ahead" },
            effect: moves(Watch::Restarts("checkout"), 1),
            ..plain(
                "It restarts checkout in production",
                "The same call in production waits for a second person, and runs once, when ben has approved it.",
                restart_checkout(),
            )
        },
    ]
}

fn people() -> [Scene; 3] {
    let statement = "CREATE INDEX orders_by_day ON orders (day)";
    [
        Scene {
            decides: Decides::Escalate(&["sre"]),
            then: Then::Refuse { by: ON_CALL, reason: "one approval is for one restart; look for the cause first" },
            ends: Ends::Refused(Code::ApprovalDenied),
            effect: moves(Watch::Restarts("checkout"), 0),
            ..plain(
                "It tries the approved restart once more",
                "An approval is a ticket for one run. The same call again is a new case.",
                restart_checkout(),
            )
        },
        Scene {
            decides: Decides::Escalate(&["sre"]),
            then: Then::Refuse { by: ON_CALL, reason: "more of the same will not help" },
            ends: Ends::Refused(Code::ApprovalDenied),
            effect: moves(Watch::Replicas("checkout"), 0),
            ..plain(
                "It wants twelve replicas of checkout",
                "Ben says no, and says why; the agent gets to read it.",
                call("scale_service", json!({ "service": "checkout", "replicas": 12 }), "spread the load"),
            )
        },
        Scene {
            decides: Decides::Escalate(&["quick", "sre-db"]),
            then: Then::Silence,
            ends: Ends::Refused(Code::ApprovalExpired),
            effect: moves(Watch::SchemaVersion("orders-staging"), 0),
            ..plain(
                "It wants an index on the orders",
                "The database people are asked, and nobody answers in time. Silence is refusal.",
                call(
                    "apply_db_change",
                    json!({ "database": "orders-staging", "statement": statement }),
                    "the slow query reads all orders of a day",
                ),
            )
        },
    ]
}

fn denied() -> [Scene; 2] {
    let mail = json!({
        "from": "status@shop.example",
        "to": "customers@shop.example",
        "subject": "Checkout was slow this morning",
        "body": "It is fast again.",
    });
    [
        Scene {
            decides: Decides::Deny,
            ends: Ends::Refused(Code::PolicyForbids),
            effect: moves(Watch::Services, 0),
            ..plain(
                "It wants to delete a production service",
                "A guard forbids it, and no approval lifts that.",
                call("delete_service", json!({ "service": "batch-worker" }), "nobody seems to use it"),
            )
        },
        Scene {
            decides: Decides::Deny,
            ends: Ends::Refused(Code::PolicyForbids),
            effect: moves(Watch::Sent, 0),
            ..plain(
                "It wants to send the mail itself",
                "The policy says why not: people send customer mail, the agent drafts.",
                call("send_mail", mail, "tell customers what happened"),
            )
        },
    ]
}

fn trust() -> [Scene; 2] {
    [
        Scene {
            before: Before::Poison,
            decides: Decides::Deny,
            ends: Ends::Refused(Code::ToolChanged),
            effect: moves(Watch::Services, 0),
            ..plain(
                "The server changes a tool's description",
                "It now tells the model to delete a service first. It is not what was reviewed, so it is quarantined.",
                call("weekly_report", json!({ "week": "2026-W31" }), "close the day with the report"),
            )
        },
        Scene {
            before: Before::Kill { by: ADMINISTRATOR, reason: "the inventory server is under investigation" },
            decides: Decides::Deny,
            ends: Ends::Refused(Code::Killed),
            ..plain(
                "Cleo stops the agent",
                "Not even a read gets through, until cleo lifts the switch again.",
                call("list_services", json!({}), "look around"),
            )
        },
    ]
}
