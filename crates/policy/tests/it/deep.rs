//! Deep nesting: what is within the bounds loads and answers on a small stack, what is beyond them is refused.

use countersign_policy::{Bundle, BundleFiles};
use serde_json::json;

use crate::common::{Ask, load, sre};

fn with(condition: &str) -> BundleFiles {
    let mut files = sre();
    files.insert(
        "policies/deep.cedar",
        format!(
            "@id(\"deep\")\nforbid (principal, action == Action::\"sre.report\", resource)\nwhen {{ {condition} }};"
        ),
    );
    files
}

fn refused(condition: &str) -> String {
    Bundle::load(with(condition)).unwrap_err().problems()[0].to_string()
}

#[test]
fn the_deepest_policies_within_the_bounds_load_and_answer() {
    let ask = Ask::agent("sre-bot", "sre.report", json!({}));
    for condition in [
        format!("{}context.risk > 99{}", "(".repeat(31), ")".repeat(31)),
        format!("{}context.risk > 99", "if context.delegated then false else ".repeat(190)),
        format!("{}true", "context.delegated && ".repeat(95)),
        format!("{}1 < 0", "context.risk + ".repeat(190)),
    ] {
        let answer = ask.of(&load(with(&condition)));
        // A small stack may be too small for the deepest, which then denies.
        assert!(
            ["observe policy-observes report.observed", "deny policy-error deep"].contains(&answer.as_str()),
            "{answer}"
        );
    }
}

#[test]
fn everything_at_its_bound_is_judged_and_not_a_crash() {
    let all = format!(
        "{}{}context{} > 1{}",
        "(".repeat(31),
        "if principal is Agent then false else ".repeat(195),
        ".risk".repeat(195),
        ")".repeat(31)
    );
    let found = refused(&all);
    assert!(found.contains("does not have attribute") || found.contains("unexpected type"), "{found}");
}

#[test]
fn beyond_the_bounds_is_refused_with_its_place() {
    for (condition, expected) in [
        (
            format!("{}true{}", "(".repeat(40), ")".repeat(40)),
            "policies/deep.cedar:3:39: brackets nest deeper than 32 levels",
        ),
        (
            format!("{}true", "true && ".repeat(5_000)),
            "policies/deep.cedar:3:806: more than 100 operators in one statement",
        ),
        (format!("context{}", ".x".repeat(5_000)), "policies/deep.cedar:3:415: more than 200 dots in one statement"),
    ] {
        assert_eq!(refused(&condition), expected);
    }
    let mut files = sre();
    let deep = format!("type Deep = {}String{};\n", "Set<".repeat(5_000), ">".repeat(5_000));
    let schema = deep + files.get("schema.cedarschema").unwrap();
    files.insert("schema.cedarschema", schema);
    let error = Bundle::load(files).unwrap_err();
    assert_eq!(error.problems()[0].to_string(), "schema.cedarschema:1:144: brackets nest deeper than 32 levels");
}
