//! The words in which decisions are told, by `countersign trace` to its own people and to an auditor alike.

use jiff::Timestamp;
use types::decision::Risk;
use types::{Decision, Fact, FactValue, Facts, Finding, Millis, Provenance, Restriction, Stage, secret};

/// Are the facts that say what an action's limits left to it.
const LIMITS: [&str; 4] = ["rate.", "budget.", "window.", "freeze."];

/// Are the facts whose text says how the breakers of an action stood.
const BREAKERS: [&str; 2] = ["circuit.", "bulk."];

/// Shows an instant in UTC, to the second.
pub fn time(at: Millis) -> String {
    instant(at).strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Shows the day of an instant, UTC.
pub fn day(at: Millis) -> String {
    instant(at).strftime("%Y-%m-%d").to_string()
}

fn instant(at: Millis) -> Timestamp {
    Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Shows a risk score with what it is the sum of.
pub fn risk(risk: &Risk) -> String {
    let factors: Vec<String> =
        risk.factors.iter().filter(|f| f.points > 0).map(|f| format!("{} {}", f.name, f.points)).collect();
    let sum = if factors.is_empty() { "0".to_owned() } else { factors.join(" + ") };
    format!("risk {} = {sum}", risk.score)
}

/// Returns the facts that say what limits left to an action.
pub fn limits(facts: &Facts) -> impl Iterator<Item = &Fact> {
    let begins = |fact: &Fact, names: &[&str]| names.iter().any(|prefix| fact.name.as_str().starts_with(prefix));
    let stands = move |fact: &Fact| matches!(fact.value, FactValue::Text(_)) && begins(fact, &BREAKERS);
    facts.iter().filter(move |fact| begins(fact, &LIMITS) || stands(fact))
}

/// Shows a limit with what it leaves.
pub fn limit(fact: &Fact) -> String {
    match &fact.value {
        FactValue::Int(n) => format!("{} {n} left", fact.name.as_str()),
        other => format!("{} {other}", fact.name.as_str()),
    }
}

/// Names the parts of arguments that are redacted; `None` if none is.
pub fn redacted(arguments: &serde_json::Value) -> Option<String> {
    let places: Vec<String> = secret::marks(arguments).iter().map(|path| secret::pointer(path)).collect();
    (!places.is_empty()).then(|| places.join(", "))
}

/// Says what the named policies did: `permitted`, or `forbidden` where the policy stage denies.
pub fn policies(decision: &Decision) -> &'static str {
    let denies = |finding: &Finding| finding.stage == Stage::Policy && finding.restriction == Restriction::Deny;
    if decision.findings.iter().any(denies) { "forbidden" } else { "permitted" }
}

/// Says whose word an outcome is.
pub fn seen_by(provenance: Provenance) -> &'static str {
    match provenance {
        Provenance::Observed => "seen by the gateway",
        Provenance::Reported => "reported by the agent",
    }
}

/// Says whose word a fact is, by its source.
pub fn whose(source: &str) -> String {
    let known = match source {
        "meter" => "the gateway's count of what ran before",
        "circuits" | "bulks" => "the gateway's table of breakers",
        "behaviour" => "the gateway's count of what the agent did, hour by hour",
        "conduct" => "the gateway's memory of how such actions ended",
        "switches" => "the gateway's table of kill switches",
        "undos" => "the gateway's memory of what was taken back",
        "permissions" => "the operator's table of permissions",
        "grants" => "the operator's table of levels",
        "break_glass" => "the gateway's table of break-glasses",
        "cases" => "the gateway's table of cases",
        "session" => "the plan that the session began with",
        "clock" => "the gateway's clock",
        "denials" => "the gateway's count of denials",
        "pins" | "catalogue" | "protocol" => "the gateway's watch over tool definitions",
        "inventory" => "the operator's inventory",
        _ => "",
    };
    match source.strip_prefix("inventory:") {
        _ if !known.is_empty() => known.to_owned(),
        Some(name) => format!("the operator's inventory `{name}`"),
        None => format!("the source `{source}`"),
    }
}

/// Shows a fact with its value: instants as instants, and no bound as none.
pub fn fact(fact: &Fact) -> String {
    let name = fact.name.as_str();
    let value = match fact.value {
        FactValue::Int(i64::MAX) => "without bound".to_owned(),
        FactValue::Int(ms) if name == "now" || name.ends_with("_at") => time(Millis(ms)),
        ref value => value.to_string(),
    };
    format!("{name} is {value}")
}

/// Names somebody by the name they gave, if they gave one.
pub fn name(given: &str) -> &str {
    if given.trim().is_empty() { "somebody who gave no name" } else { given }
}

/// Joins words as people do: `a`, `a and b`, `a, b and c`.
pub fn listed(words: &[String]) -> String {
    match words {
        [] => "nobody".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_lists_read_as_people_write_them() {
        assert_eq!(time(Millis(1_767_607_200_999)), "2026-01-05 10:00:00Z");
        assert_eq!(day(Millis(1_767_607_200_000)), "2026-01-05");
        let words = ["a", "b", "c"].map(str::to_owned);
        assert_eq!([1, 2, 3].map(|n| listed(&words[..n])), ["a", "a and b", "a, b and c"]);
        assert_eq!(whose("inventory:services"), "the operator's inventory `services`");
        assert_eq!(whose("meter"), "the gateway's count of what ran before");
        assert_eq!(whose("else"), "the source `else`");
    }
}
