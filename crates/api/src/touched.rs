//! What an action would touch, as catalogue and inventory tell it: for people who judge how far it could reach.

use std::collections::BTreeMap;

use control::approvals::RESERVED_ATTRIBUTES;
use serde::Serialize;
use types::text::escape;
use types::{Fact, Facts};
use utoipa::ToSchema;

/// Is what an action would touch, as the decision read it.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Touched {
    /// The kind of entity that the arguments name, such as `Service`.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    /// Its identifier, escaped: it is the proposer's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The inventory knows it.
    known: bool,
    /// What the inventory says of it, by name: where it runs, how sensitive it is, what depends on it.
    attributes: BTreeMap<String, String>,
    /// How old that was, in milliseconds; absent where nothing is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_ms: Option<i64>,
    /// What repeating the call would do: `read`, `keyed`, `reconcilable` or `unsafe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<String>,
    /// How the effect is taken back: `reversible`, `compensable`, `staged` or `irreversible`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reversibility: Option<String>,
    /// The tools that the session said it would call, where it said so, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    plan: Vec<String>,
}

impl Touched {
    /// Tells what an action would touch, by the facts that it was decided on.
    pub(crate) fn of(facts: &Facts) -> Self {
        let text = |name: &str| facts.text(name).map(|value| escape(value, false));
        Self {
            kind: text("resource.kind"),
            id: text("resource.id"),
            known: facts.bool("resource.known") == Some(true),
            attributes: facts.iter().filter_map(attribute).collect(),
            age_ms: facts.int("resource.age_ms"),
            effect: text("tool.effect"),
            reversibility: text("tool.reversibility"),
            plan: facts.list("session.plan").unwrap_or_default().iter().map(|tool| escape(tool, false)).collect(),
        }
    }
}

/// Returns what the inventory says, where a fact is of that.
fn attribute(fact: &Fact) -> Option<(String, String)> {
    let name = fact.name.as_str().strip_prefix("resource.")?;
    let says = || (escape(name, false), escape(&fact.value.to_string(), false));
    (!RESERVED_ATTRIBUTES.contains(&name)).then(says)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use types::{FactName, FactValue, Millis};

    use super::*;

    #[test]
    fn the_inventory_speaks_in_its_own_name_and_the_proposer_is_escaped() {
        let mut facts = Facts::new();
        let mut set = |name: &'static str, value: FactValue| facts.set(FactName::known(name), value, "test", Millis(0));
        set("resource.kind", "Service".into());
        set("resource.id", "web\u{202e}bew".into());
        set("resource.known", true.into());
        set("resource.mapped", true.into());
        set("resource.age_ms", 7.into());
        set("resource.env", "prod".into());
        set("resource.dependents", FactValue::List(vec!["billing".into(), "shop".into()]));
        set("tool.effect", "keyed".into());
        set("session.plan", FactValue::List(vec!["sre.restart".into()]));
        set("agent.known", true.into());
        let says = serde_json::to_value(Touched::of(&facts)).unwrap();
        let expected = json!({
            "kind": "Service", "id": "web\\u{202e}bew", "known": true, "age_ms": 7, "effect": "keyed",
            "attributes": { "env": "prod", "dependents": "[billing, shop]" }, "plan": ["sre.restart"],
        });
        assert_eq!(says, expected);
    }
}
