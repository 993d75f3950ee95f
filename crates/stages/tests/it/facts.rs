//! What the gatherers make of a proposal and a bundle.

use std::collections::BTreeMap;

use countersign_stages::facts::{self, Entity, Level};
use serde_json::{Value, json};
use types::{AutonomyLevel, FactValue, Facts, Millis};

use crate::world::changed;

const ADMIN: [&str; 1] = ["countersign.key.create"];

fn gathered(change: &Value) -> Facts {
    let case = changed(change);
    facts::of_proposal(&case.bundle, &case.proposal, &ADMIN)
}

/// Holds every fact to `name value`, of those whose names start with a prefix.
fn check(change: &Value, prefix: &str, expected: &[&str]) {
    let gathered = gathered(change);
    let said: Vec<String> =
        gathered.under(prefix).map(|fact| format!("{} {}", fact.name.as_str(), fact.value)).collect();
    assert_eq!(said, expected, "{change}");
}

fn proposal(change: Value) -> Value {
    json!({ "proposal": change })
}

#[test]
fn who_proposes() {
    check(&json!({}), "agent.", &["agent.known true", "agent.owner ana", "agent.teams [sre]"]);
    check(&proposal(json!({ "principal": { "agent": "nobody" } })), "agent.", &["agent.known false"]);
    let person = |name: &str| proposal(json!({ "principal": { "agent": null, "person": name } }));
    check(&person("cyd"), "person.", &["person.groups [dba, sre]", "person.known true"]);
    check(&person("zoe"), "person.", &["person.known false"]);
    check(&person("cyd"), "agent.", &[]);
}

#[test]
fn on_whose_behalf() {
    check(&json!({}), "delegator.", &[]);
    for (principal, delegator, expected) in [
        (
            json!({ "agent": "sre-bot" }),
            "bob",
            vec!["delegator.allowed true", "delegator.groups [sre]", "delegator.known true"],
        ),
        (
            json!({ "agent": "sre-bot" }),
            "cyd",
            vec!["delegator.allowed false", "delegator.groups [dba, sre]", "delegator.known true"],
        ),
        (json!({ "agent": "sre-bot" }), "zoe", vec!["delegator.allowed false", "delegator.known false"]),
        (
            json!({ "agent": "nobody" }),
            "bob",
            vec!["delegator.allowed false", "delegator.groups [sre]", "delegator.known true"],
        ),
        (
            json!({ "agent": null, "person": "bob" }),
            "bob",
            vec!["delegator.allowed true", "delegator.groups [sre]", "delegator.known true"],
        ),
        (
            json!({ "agent": null, "person": "ana" }),
            "bob",
            vec!["delegator.allowed false", "delegator.groups [sre]", "delegator.known true"],
        ),
    ] {
        check(&proposal(json!({ "principal": principal, "on_behalf_of": delegator })), "delegator.", &expected);
    }
}

#[test]
fn the_tool_and_its_class() {
    let entry = [
        "tool.class restart",
        "tool.effect reconcilable",
        "tool.known true",
        "tool.pin match",
        "tool.reversibility compensable",
    ];
    check(&json!({}), "tool.", &entry);
    check(&json!({}), "class.", &["class.impact 10", "class.routine true", "class.writes true"]);
    check(&proposal(json!({ "tool": "ops.unheard" })), "tool.", &["tool.known false", "tool.pin unpinned"]);
    check(&proposal(json!({ "tool": "ops.unheard" })), "class.", &[]);
}

#[test]
fn the_definition_against_the_pin() {
    for (change, pin) in [
        (json!({}), "match"),
        (proposal(json!({ "definition": "22".repeat(32) })), "changed"),
        (proposal(json!({ "definition": null })), "unseen"),
        (proposal(json!({ "tool": "shell.run" })), "unpinned"),
        (proposal(json!({ "tool": "shell.run", "definition": null })), "unseen"),
    ] {
        assert_eq!(gathered(&change).text("tool.pin"), Some(pin), "{change}");
    }
}

#[test]
fn administration_is_in_no_catalogue() {
    let change = proposal(json!({ "tool": "countersign.key.create", "definition": null }));
    let entry = [
        "tool.class countersign.admin",
        "tool.effect keyed",
        "tool.known true",
        "tool.pin match",
        "tool.reversibility compensable",
    ];
    check(&change, "tool.", &entry);
    check(&change, "class.", &["class.impact 0", "class.routine false", "class.writes true"]);
    check(&change, "resource.", &["resource.mapped false"]);
    let described = json!({ "description": "", "writes": false, "impact": 7, "profile": "lead" });
    let both = json!({
        "proposal": { "tool": "countersign.key.create" },
        "bundle": { "classes": { "countersign.admin": described } },
    });
    check(&both, "class.", &["class.impact 7", "class.routine false", "class.writes true"]);
    check(&proposal(json!({ "tool": "countersign.other" })), "tool.", &["tool.known false", "tool.pin unpinned"]);
}

#[test]
fn the_resource_the_arguments_name() {
    let named = |service: Value| proposal(json!({ "arguments": { "service": service } }));
    check(&named(json!("cart")), "resource.", &["resource.id cart", "resource.kind Service", "resource.mapped true"]);
    check(&named(json!(7)), "resource.", &["resource.id 7", "resource.kind Service", "resource.mapped true"]);
    check(&named(json!(7.0)), "resource.", &["resource.id 7", "resource.kind Service", "resource.mapped true"]);
    let nothing = ["resource.kind Service", "resource.known false", "resource.mapped true"];
    for id in [json!(""), json!(null), json!(true), json!(["cart"]), json!(7.5)] {
        check(&named(id), "resource.", &nothing);
    }
    check(&proposal(json!({ "tool": "shell.run" })), "resource.", &["resource.mapped false"]);
}

#[test]
fn what_the_inventory_says() {
    let attributes: BTreeMap<String, FactValue> = [
        ("env", "prod".into()),
        ("tier", 1.into()),
        ("known", false.into()),
        ("age_ms", 0.into()),
        ("id", "other".into()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let entity = Entity { attributes: &attributes, source: "inventory:services", age_ms: 40, age_ms_max: 50 };
    let found = facts::of_entity(Some(&entity), Millis(9));
    let said: Vec<String> = found.iter().map(|fact| format!("{} {}", fact.name.as_str(), fact.value)).collect();
    let expected =
        ["resource.age_ms 40", "resource.age_ms_max 50", "resource.env prod", "resource.known true", "resource.tier 1"];
    assert_eq!(said, expected, "no inventory vouches for itself");
    let nothing = facts::of_entity(None, Millis(9));
    assert_eq!((nothing.len(), nothing.bool("resource.known")), (1, Some(false)));
}

#[test]
fn what_the_agent_says_of_itself() {
    check(&json!({}), "claim.", &["claim.confidence_bp 9000", "claim.purpose true", "claim.reasoning true"]);
    let silent = proposal(json!({ "claims": { "purpose": " ", "reasoning": null, "confidence_bp": null } }));
    check(&silent, "claim.", &["claim.purpose false", "claim.reasoning false"]);
    for (claimed, worth) in [(10_000, 10_000), (10_001, 0), (0, 0)] {
        let change = proposal(json!({ "claims": { "confidence_bp": claimed } }));
        assert_eq!(gathered(&change).int("claim.confidence_bp"), Some(worth));
    }
}

#[test]
fn what_a_plan_tells() {
    let asked = |plan: Value| {
        let tool =
            json!({ "plan": { "tool": "plan", "arguments": {}, "amounts": { "rows": "/rows", "gone": "/gone" } } });
        json!({
            "proposal": { "plan": plan },
            "bundle": {
                "tools": { "ops.restart": tool },
                "head": { "review": { "plans": [
                    { "amount": "rows", "above": 10 }, { "amount": "rows", "below": 1 }, { "amount": "gone", "above": 0 },
                    { "tool": "other.*", "amount": "rows", "above": 0 }, { "amount": "unheard", "above": 0 },
                ] } },
                "limits": { "impacts": { "few": { "plan": "rows", "plan_max": 20 } } },
            },
        })
    };
    let told = |told: Value| json!({ "told": told, "bound": "00".repeat(32) });
    let cases: [(Value, &[&str], &str, bool); 6] = [
        (told(json!({ "rows": 10, "gone": [] })), &["plan.gone 0", "plan.rows 10", "plan.seen true"], "[]", false),
        (
            told(json!({ "rows": 11, "gone": ["a"] })),
            &["plan.gone 1", "plan.rows 11", "plan.seen true"],
            "[gone = 1, rows = 11]",
            false,
        ),
        (
            told(json!({ "rows": 0, "gone": [] })),
            &["plan.gone 0", "plan.rows 0", "plan.seen true"],
            "[rows = 0]",
            false,
        ),
        (told(json!({ "rows": 21 })), &["plan.rows 21", "plan.seen true"], "[gone = ?, rows = 21]", true),
        (
            json!({ "told": {}, "bound": "00".repeat(32), "failed": "no such table" }),
            &["plan.seen false"],
            "[gone = ?, rows = ?]",
            true,
        ),
        (json!(null), &["plan.seen false"], "[gone = ?, rows = ?]", true),
    ];
    for (plan, facts, review, exceeded) in cases {
        let change = asked(plan);
        check(&change, "plan.", facts);
        check(&change, "review.plans", &[&format!("review.plans {review}")]);
        check(&change, "impact.few", &[&format!("impact.few {exceeded}")]);
    }
}

#[test]
fn words_and_amounts() {
    let review = |arguments: Value| {
        json!({
            "proposal": { "arguments": arguments },
            "bundle": { "head": { "review": {
                "words": ["delete", "drop table"],
                "amounts": [{ "pointer": "/n", "above": 10 }, { "tool": "other.*", "pointer": "/m", "above": 0 }],
            } } },
        })
    };
    for (arguments, words, amounts) in [
        (json!({ "note": "fine" }), "[]", "[]"),
        (json!({ "note": "please Delete it" }), "[delete]", "[]"),
        (json!({ "sql": ["DROP TABLE x; -- delete"] }), "[delete, drop table]", "[]"),
        (json!({ "n": 10 }), "[]", "[]"),
        (json!({ "n": 10.5 }), "[]", "[/n]"),
        (json!({ "n": 11, "m": 5 }), "[]", "[/n]"),
        (json!({ "n": "11" }), "[]", "[/n]"),
    ] {
        let expected = [format!("review.amounts {amounts}"), format!("review.words {words}")];
        check(&review(arguments), "review.", &[&expected[0], &expected[1]]);
    }
}

#[test]
fn how_much_it_touches() {
    let touching = |arguments: Value, touches: Value| {
        let tool = json!({ "touches": touches });
        json!({ "proposal": { "arguments": arguments }, "bundle": { "tools": { "ops.restart": tool } } })
    };
    let two = json!(["/a", "/b"]);
    for (arguments, touches, count) in [
        (json!({ "a": [1, 2] }), json!([]), 1),
        (json!({ "a": [1, 2], "b": [] }), two.clone(), 2),
        (json!({ "a": [1, 2], "b": [3, 4] }), two.clone(), 4),
        (json!({ "a": [1] }), two.clone(), i64::MAX),
        (json!({ "a": "all", "b": [] }), two, i64::MAX),
    ] {
        let gathered = gathered(&touching(arguments.clone(), touches));
        assert_eq!(gathered.int("touches.count"), Some(count), "{arguments}");
        assert_eq!(gathered.bool("impact.fleet"), Some(count > 3), "{arguments}");
    }
}

#[test]
fn how_much_it_moves() {
    let bounded = |amount: Value| {
        let impact = json!({ "touches_max": null, "amount": "/amount", "amount_max": 10 });
        json!({ "proposal": { "arguments": { "amount": amount } }, "bundle": { "limits": { "impacts": { "fleet": impact } } } })
    };
    for (amount, exceeded) in
        [(json!(10), false), (json!(11), true), (json!(10.1), true), (json!("1"), true), (json!(null), true)]
    {
        assert_eq!(gathered(&bounded(amount.clone())).bool("impact.fleet"), Some(exceeded), "{amount}");
    }
}

#[test]
fn impacts_of_other_tools_are_not_gathered() {
    check(&proposal(json!({ "tool": "shell.run" })), "impact.", &[]);
    check(&proposal(json!({ "tool": "ops.unheard" })), "impact.", &[]);
    let elsewhere = json!({ "bundle": { "limits": { "impacts": { "fleet": { "covers": { "env": "prod" } } } } } });
    check(&elsewhere, "impact.", &["impact.fleet false"]);
}

#[test]
fn the_level_somebody_gave() {
    let case = changed(&json!({}));
    let of =
        |level: Option<&Level>, facts: &Facts| facts::of_level(&case.bundle, &case.proposal, facts, level, Millis(1));
    let level = Level {
        level: AutonomyLevel::L2,
        expires_at: Millis(5),
        environments: vec!["b".into(), "a".into(), "b".into()],
    };
    let said = of(Some(&level), &case.facts);
    assert_eq!(
        (said.int("level.rank"), said.int("level.expires_at"), said.bool("level.rated")),
        (Some(2), Some(5), Some(true))
    );
    assert_eq!(said.list("level.environments"), Some(["a".to_owned(), "b".to_owned()].as_slice()));
    let none = of(None, &case.facts);
    assert_eq!((none.int("level.rank"), none.int("level.expires_at")), (Some(0), Some(0)));
    let elsewhere = changed(&json!({ "facts": { "tool.class": "look" } }));
    assert_eq!(of(Some(&level), &elsewhere.facts).bool("level.rated"), Some(false));
    assert_eq!(of(Some(&level), &Facts::new()).bool("level.rated"), Some(false), "nobody knows what covers it");
}

#[test]
fn what_the_calendar_says() {
    let monday = countersign_stages::limits::calendar::instant("2026-01-05T10:00:00Z").unwrap();
    let case = changed(&json!({}));
    let timed = facts::of_time(&case.bundle, &case.proposal, &case.facts, monday);
    let said: Vec<String> = timed.iter().map(|fact| format!("{} {}", fact.name.as_str(), fact.value)).collect();
    assert_eq!(said, ["freeze.holidays false", "window.office true"]);
    let unknown = changed(&json!({ "facts": { "resource.env": null } }));
    let timed = facts::of_time(&unknown.bundle, &unknown.proposal, &unknown.facts, monday);
    assert_eq!(timed.bool("window.night"), Some(false), "an unknown environment may be production");
}

#[test]
fn the_risk_is_scored_from_the_facts() {
    let factor = json!({ "fact": "resource.env", "values": { "dev": 12 }, "unknown": 50, "max": 50 });
    let case = changed(&json!({ "bundle": { "risk": { "factors": { "environment": factor } } } }));
    let (risk, scored) = facts::of_risk(&case.bundle, &case.facts, Millis(1));
    assert_eq!((risk.score, scored.int("risk.score")), (12, Some(12)));
}
