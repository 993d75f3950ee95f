//! Every rule: which change of one allowed action makes which stage say what.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use types::{Code, Restriction, Stage, Verdict};

use crate::world::{decide, facts};

fn short(restriction: &Restriction) -> String {
    match restriction {
        Restriction::Allow => "allow".to_owned(),
        Restriction::AllowObserved => "observe".to_owned(),
        Restriction::Escalate(profile) => format!("escalate {profile}"),
        Restriction::Deny => "deny".to_owned(),
    }
}

/// Lists what is said against the action, as `stage code restriction source`.
fn against(change: &Value) -> Vec<String> {
    let findings = decide(change).decision.findings;
    let against = findings.iter().filter(|finding| finding.restriction != Restriction::Allow);
    against.map(|f| format!("{} {} {} {}", f.stage, f.code, short(&f.restriction), f.source)).collect()
}

/// Each change on its own draws exactly these findings, and no other stage has anything to say.
fn check(cases: &[(Value, &[&str])]) {
    for (change, expected) in cases {
        assert_eq!(against(change), *expected, "{change}");
    }
}

#[test]
fn the_base_case_is_allowed_and_every_stage_says_so() {
    let decision = decide(&json!({})).decision;
    assert_eq!(decision.verdict, Verdict::Allow);
    let said: BTreeSet<(Stage, Code)> = decision.findings.iter().map(|finding| (finding.stage, finding.code)).collect();
    let expected = BTreeSet::from([
        (Stage::Switches, Code::SwitchesClear),
        (Stage::Identity, Code::IdentityKnown),
        (Stage::Policy, Code::PolicyPermits),
        (Stage::Autonomy, Code::LevelAllows),
        (Stage::Risk, Code::RiskLow),
        (Stage::Limits, Code::WithinLimits),
        (Stage::Breakers, Code::BreakersClosed),
        (Stage::Behaviour, Code::BehaviourUsual),
        (Stage::Review, Code::ReviewNotNeeded),
        (Stage::Integrity, Code::ToolPinned),
    ]);
    assert_eq!(said, expected);
    assert!(decision.findings.iter().all(|finding| finding.restriction == Restriction::Allow));
}

#[test]
fn every_fact_of_the_base_case_is_needed_or_named_here() {
    // Absent, these mean that nobody claimed anything, and that the environment is not known.
    // An effect that is not known is no reading one, and what nobody knows how to take back counts as hard to.
    let optional = ["claim.confidence_bp", "resource.env", "tool.effect", "tool.reversibility"];
    // A word that there is not says nothing.
    let words = ["circuit.calls", "bulk.undoing"];
    // Nothing in the base case asks for these.
    let idle = ["claim.purpose", "claim.reasoning"];
    let base: Value = serde_json::from_str(spec::vector::BASE).unwrap();
    for name in base["facts"].as_object().unwrap().keys() {
        let without = facts(json!({ name.as_str(): null }));
        let missing = against(&without).iter().any(|said| said.ends_with(&format!("fact-missing deny {name}")));
        let may_miss = optional.contains(&name.as_str()) || idle.contains(&name.as_str());
        assert_eq!(missing, !may_miss, "{name}: {:?}", against(&without));
        let odd = against(&facts(json!({ name.as_str(): "odd" })));
        let is_text = base["facts"][name].is_string();
        let missing = odd.iter().any(|said| said.ends_with(&format!("fact-missing deny {name}")));
        let must_miss = (!is_text || words.contains(&name.as_str())) && !idle.contains(&name.as_str());
        assert_eq!(missing, must_miss, "{name}: {odd:?}");
    }
}

#[test]
fn identity() {
    let person = json!({ "agent": null, "person": "bob" });
    check(&[
        (facts(json!({ "agent.known": false })), &["identity agent-unknown deny agent.known"]),
        (
            json!({ "proposal": { "principal": person }, "facts": { "person.known": false, "budget.spend": null } }),
            &["identity person-unknown deny person.known"],
        ),
        (
            json!({ "proposal": { "on_behalf_of": "zoe" }, "facts": { "delegator.known": false, "delegator.allowed": false } }),
            &["identity person-unknown deny delegator.known", "identity delegator-refused deny delegator.allowed"],
        ),
        (
            json!({ "proposal": { "on_behalf_of": "bob" } }),
            &["identity fact-missing deny delegator.known", "identity fact-missing deny delegator.allowed"],
        ),
        (facts(json!({ "tool.known": false })), &["identity tool-unknown deny tool.known"]),
        (facts(json!({ "session.plan": ["ops.status"] })), &["identity outside-plan deny session.plan"]),
        (facts(json!({ "session.plan": ["ops.restart"] })), &[]),
        (facts(json!({ "session.plan": true })), &["identity fact-missing deny session.plan"]),
        (facts(json!({ "resource.known": false })), &["identity resource-unknown deny resource.known"]),
        (facts(json!({ "resource.age_ms": 300_000 })), &[]),
        (facts(json!({ "resource.age_ms": 300_001 })), &["identity fact-stale deny resource.age_ms"]),
    ]);
}

#[test]
fn switches() {
    check(&[
        (facts(json!({ "switch.tenant": true })), &["switches killed deny switch.tenant"]),
        (facts(json!({ "switch.agent": true })), &["switches killed deny switch.agent"]),
        (facts(json!({ "switch.tool": true })), &["switches killed deny switch.tool"]),
        (facts(json!({ "switch.class": true })), &["switches killed deny switch.class"]),
        (
            facts(json!({ "switch.agent": true, "switch.class": true })),
            &["switches killed deny switch.agent", "switches killed deny switch.class"],
        ),
        (
            json!({ "proposal": { "tool": "countersign.switch.clear" }, "facts": { "switch.tenant": true, "switch.agent": true } }),
            &["switches killed deny switch.tenant"],
        ),
    ]);
}

#[test]
fn integrity() {
    let by_itself = json!({ "channel": "http", "tool": "shell.run", "definition": null });
    check(&[
        (facts(json!({ "tool.pin": "changed" })), &["integrity tool-changed deny tool.pin"]),
        (facts(json!({ "tool.quarantined": true })), &["integrity tool-changed deny tool.quarantined"]),
        (facts(json!({ "tool.pin": "unpinned" })), &["integrity tool-unpinned deny tool.pin"]),
        (facts(json!({ "tool.pin": "unseen" })), &["integrity tool-unpinned deny tool.pin"]),
        (facts(json!({ "tool.pin": "whatever" })), &["integrity tool-unpinned deny tool.pin"]),
        (json!({ "proposal": by_itself, "facts": { "tool.pin": "unseen" } }), &[]),
        (
            json!({ "proposal": by_itself, "facts": { "tool.pin": "unpinned" } }),
            &["integrity tool-unpinned deny tool.pin"],
        ),
        (
            json!({ "proposal": { "channel": "http" }, "facts": { "tool.pin": "unseen" } }),
            &["integrity tool-unpinned deny tool.pin"],
        ),
    ]);
}

#[test]
fn autonomy() {
    let people = "autonomy level-escalates escalate sre level.rank";
    let no_people = json!({ "classes": { "restart": { "profile": null } } });
    check(&[
        (facts(json!({ "level.rank": 0 })), &["autonomy level-advisory deny level.rank"]),
        (facts(json!({ "level.rank": -3 })), &["autonomy level-advisory deny level.rank"]),
        (facts(json!({ "level.rank": 4 })), &["autonomy level-unsupported deny level.rank"]),
        (facts(json!({ "level.rank": 3, "class.routine": false, "level.unguarded": [], "level.tested": true })), &[]),
        (
            facts(
                json!({ "level.rank": 3, "class.routine": false, "level.unguarded": ["a change window"], "level.tested": true }),
            ),
            &[people],
        ),
        (
            facts(json!({ "level.rank": 3, "class.routine": false, "level.unguarded": [], "level.tested": false })),
            &[people],
        ),
        (facts(json!({ "level.rank": 3, "level.unguarded": [], "level.tested": false })), &[]),
        (
            facts(json!({ "level.rank": 3, "resource.env": "test", "level.unguarded": [], "level.tested": true })),
            &[people],
        ),
        (facts(json!({ "level.rank": 1 })), &[people]),
        (facts(json!({ "level.rank": 1, "class.writes": false })), &[]),
        (json!({ "facts": { "level.rank": 1 }, "bundle": no_people }), &["autonomy level-escalates deny level.rank"]),
        (facts(json!({ "class.routine": false })), &[people]),
        (facts(json!({ "resource.env": "test" })), &[people]),
        (facts(json!({ "resource.env": null, "window.night": true })), &[people]),
        (facts(json!({ "level.rated": false })), &[people]),
        (facts(json!({ "level.expires_at": 1_767_607_200_051_i64 })), &[]),
        (
            facts(json!({ "level.expires_at": 1_767_607_200_050_i64 })),
            &["autonomy level-advisory deny level.expires_at"],
        ),
        (
            facts(json!({ "level.expires_at": 1_767_607_200_000_i64, "now": 1_767_607_100_000_i64 })),
            &["autonomy level-advisory deny level.expires_at"],
        ),
    ]);
}

#[test]
fn risk() {
    check(&[
        (facts(json!({ "risk.score": 39 })), &[]),
        (facts(json!({ "risk.score": 40 })), &["risk risk-medium observe risk.score"]),
        (facts(json!({ "risk.score": 69 })), &["risk risk-medium observe risk.score"]),
        (facts(json!({ "risk.score": 70 })), &["risk risk-high escalate lead risk.score"]),
        (
            json!({ "facts": { "risk.score": 70 }, "bundle": { "risk": { "profile": null } } }),
            &["risk risk-high deny risk.score"],
        ),
    ]);
}

#[test]
fn limits() {
    let unreadable = json!(i64::MAX);
    check(&[
        (facts(json!({ "rate.restarts": 1 })), &[]),
        (facts(json!({ "rate.restarts": 0 })), &["limits rate-exceeded deny rate.restarts"]),
        (facts(json!({ "budget.spend.asked": 100 })), &[]),
        (facts(json!({ "budget.spend.asked": 101 })), &["limits budget-exceeded deny budget.spend"]),
        (facts(json!({ "budget.spend.asked": unreadable })), &["limits budget-exceeded deny budget.spend"]),
        (facts(json!({ "window.office": false })), &["limits outside-window escalate sre window.office"]),
        (
            facts(json!({ "resource.env": "prod", "level.environments": ["prod"], "window.night": false })),
            &["limits outside-window deny window.night"],
        ),
        (facts(json!({ "freeze.holidays": true })), &["limits change-frozen deny freeze.holidays"]),
        (facts(json!({ "impact.fleet": true })), &["limits impact-exceeded deny impact.fleet"]),
    ]);
}

#[test]
fn behaviour() {
    let with = |name: &str, value: Value| json!({ "baselines": { "usual": { name: value } } });
    let before = |word: &str| json!({ "facts": { "baseline.usual": 23 }, "bundle": with("before", json!(word)) });
    check(&[
        (
            facts(json!({ "baseline.usual.unusual": ["volume"] })),
            &["behaviour behaviour-unusual escalate lead baseline.usual.unusual"],
        ),
        (
            json!({ "facts": { "baseline.usual.unusual": ["pace"] }, "bundle": with("profile", Value::Null) }),
            &["behaviour behaviour-unusual observe baseline.usual.unusual"],
        ),
        (before("allow"), &[]),
        (before("observe"), &["behaviour behaviour-unknown observe baseline.usual"]),
        (before("escalate"), &["behaviour behaviour-unknown escalate lead baseline.usual"]),
    ]);
}

#[test]
fn breakers() {
    let nobody = json!({ "breakers": { "bulks": { "undoing": { "profile": null } } } });
    check(&[
        (facts(json!({ "circuit.calls": "open" })), &["breakers circuit-open deny circuit.calls"]),
        (
            facts(json!({ "circuit.calls": "half_open", "circuit.calls.free": 1 })),
            &["breakers circuit-probing observe circuit.calls"],
        ),
        (
            facts(json!({ "circuit.calls": "half_open", "circuit.calls.free": 0 })),
            &["breakers circuit-open deny circuit.calls"],
        ),
        (facts(json!({ "circuit.calls": "half_open" })), &["breakers fact-missing deny circuit.calls.free"]),
        (facts(json!({ "bulk.undoing": "full" })), &["breakers bulk-stopped escalate lead bulk.undoing"]),
        (facts(json!({ "bulk.undoing": "stopped" })), &["breakers bulk-stopped escalate lead bulk.undoing"]),
        (
            json!({ "facts": { "bulk.undoing": "full" }, "bundle": nobody }),
            &["breakers bulk-stopped deny bulk.undoing"],
        ),
        (facts(json!({ "bulk.undoing": "full", "tool.effect": "read" })), &[]),
        (facts(json!({ "bulk.undoing": "full", "tool.reversibility": "staged" })), &[]),
        (
            facts(json!({ "bulk.undoing": "full", "tool.reversibility": "irreversible" })),
            &["breakers bulk-stopped escalate lead bulk.undoing"],
        ),
    ]);
}

/// A limit that does not cover the action has no say, whatever its fact is.
#[test]
fn limits_cover_by_every_pattern() {
    let full = json!({ "rate.restarts": 0, "resource.env": "dev" });
    for (scope, covered) in [
        (json!({}), true),
        (json!({ "agent": "sre-*" }), true),
        (json!({ "agent": "hr-*" }), false),
        (json!({ "agent": "person:*" }), false),
        (json!({ "class": "restart" }), true),
        (json!({ "class": "look" }), false),
        (json!({ "tool": "ops.*" }), true),
        (json!({ "tool": "web.*" }), false),
        (json!({ "env": "d*" }), true),
        (json!({ "env": "prod" }), false),
        (json!({ "agent": "sre-*", "class": "restart", "tool": "ops.restart", "env": "prod" }), false),
    ] {
        let mut all = json!({ "agent": "*", "class": "*", "tool": "*", "env": "*" });
        all.as_object_mut().unwrap().extend(scope.as_object().unwrap().clone());
        let change = json!({ "facts": full, "bundle": { "limits": { "rates": { "restarts": { "covers": all } } } } });
        assert_eq!(!against(&change).is_empty(), covered, "{all}");
    }
    let person = json!({ "agent": null, "person": "bob" });
    for (agent, covered) in [("person:bob", true), ("person:*", true), ("bob", false), ("*", true)] {
        let change = json!({
            "proposal": { "principal": person },
            "facts": { "person.known": true, "rate.restarts": 0 },
            "bundle": { "limits": { "rates": { "restarts": { "covers": { "agent": agent } } } } },
        });
        assert_eq!(!against(&change).is_empty(), covered, "{agent}");
    }
}

#[test]
fn review() {
    let look = |source: &str| format!("review review-needed escalate lead {source}");
    let db = json!({ "tool.class": "db-change", "class.writes": false });
    let with = |more: Value| {
        let mut all = db.as_object().unwrap().clone();
        all.extend(more.as_object().unwrap().clone());
        facts(Value::Object(all))
    };
    check(&[
        (facts(json!({ "claim.confidence_bp": 8_500 })), &[]),
        (facts(json!({ "claim.confidence_bp": 8_499 })), &[&look("claim.confidence_bp")]),
        (facts(json!({ "claim.confidence_bp": null })), &[]),
        (facts(json!({ "review.words": ["delete"] })), &[&look("review.words")]),
        (facts(json!({ "review.amounts": ["/n"] })), &[&look("review.amounts")]),
        (
            json!({ "facts": { "review.words": ["delete"] }, "bundle": { "head": { "review": { "profile": null } } } }),
            &["review review-needed deny review.words"],
        ),
        (with(json!({})), &[]),
        (with(json!({ "claim.purpose": false })), &[&look("claim.purpose")]),
        (with(json!({ "claim.reasoning": false })), &[&look("claim.reasoning")]),
        (with(json!({ "claim.confidence_bp": null })), &[&look("claim.confidence_bp")]),
        (with(json!({ "claim.purpose": null })), &["review fact-missing deny claim.purpose"]),
        (facts(json!({ "claim.purpose": false, "claim.reasoning": false })), &[]),
    ]);
}

#[test]
fn the_door_of_the_sequencer() {
    let level = "autonomy level-escalates escalate sre level.rank";
    check(&[
        (facts(json!({ "clock.jumped": true })), &["evidence clock-jumped deny clock.jumped"]),
        (facts(json!({ "denials.flooding": true })), &["limits denials-flooding deny denials.flooding"]),
        (facts(json!({ "approval.refused": true })), &["review approval-denied deny approval.refused"]),
        (facts(json!({ "approval.refused": null })), &["review fact-missing deny approval.refused"]),
        (facts(json!({ "level.rank": 1, "cases.open": 20 })), &[level, "limits cases-full deny cases.open"]),
        (facts(json!({ "level.rank": 1, "cases.open": 19 })), &[level]),
        (facts(json!({ "level.rank": 1, "approval.round": 2 })), &[level, "review approval-void deny approval.round"]),
        (facts(json!({ "level.rank": 1, "approval.round": 1 })), &[level]),
        (
            json!({ "facts": { "level.rank": 1 }, "bundle": { "profiles": { "sre": null } } }),
            &[level, "review fact-missing deny profile:sre"],
        ),
        (
            json!({
                "facts": { "level.rank": 1, "approval.unattended": ["sre"] },
                "bundle": { "profiles": { "sre": { "on_call": "primary" } } },
            }),
            &[level, "review nobody-on-call deny approval.unattended"],
        ),
        (
            json!({ "bundle": { "profiles": { "sre": { "on_call": "primary" } } } }),
            &["review fact-missing deny approval.unattended"],
        ),
    ]);
}

#[test]
fn every_finding_has_a_sentence_that_names_what_it_rests_on() {
    for change in [
        json!({}),
        facts(json!({ "agent.known": false, "tool.pin": "changed", "rate.restarts": 0, "freeze.holidays": true })),
        facts(json!({ "level.rank": 1, "risk.score": 80, "review.words": ["delete"], "cases.open": 99 })),
        facts(json!({ "tool.class": null })),
    ] {
        for finding in decide(&change).decision.findings.iter().filter(|finding| finding.stage != Stage::Policy) {
            assert!(!finding.detail.is_empty() && !finding.detail.ends_with('.'), "{finding:?}");
            assert!(!finding.source.is_empty(), "{finding:?}");
        }
    }
}
