//! What a catalogue declares of planning: which tool says beforehand what an action would do, and what of that counts.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::glob::Glob;
use crate::json::{self, SAFE_INTEGER_MAX};
use crate::reversal::Template;
use crate::{Arguments, Digest};

/// Says how it is found out, before anything is decided, what an action would do: by which tool of the same server, which only reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planning {
    /// The tool, by its own name.
    pub tool: String,
    /// Its arguments, from those of the action alone.
    pub arguments: Template,
    /// Where in its structured result the plan stands, as a JSON Pointer to an object; all of it if it is empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub take: String,
    /// Which amounts the plan tells, as JSON Pointers into it: a whole number of 0 or more, or a list, whose length counts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub amounts: BTreeMap<String, String>,
    /// Parts that are another each time, as JSON Pointers into the plan: people see them, and their approval does not bind to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
}

/// Is what an action would do, as the tool told it that plans.
#[derive(Debug, Clone, PartialEq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Plan {
    /// What it told.
    #[n(0)]
    pub told: Arguments,
    /// The digest of what of it an approval binds to.
    #[n(1)]
    pub bound: Digest,
    /// Why it told nothing; what it told is empty then.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl Plan {
    /// Returns a plan that could not be made.
    pub fn failed(why: String) -> Self {
        Self { told: Arguments::empty(), bound: Digest::default(), failed: Some(why) }
    }
}

impl Planning {
    /// Makes a plan of what was told.
    pub fn plan(&self, told: Arguments) -> Plan {
        let mut bound = told.value().clone();
        self.ignore.iter().for_each(|pointer| remove(&mut bound, pointer));
        let bound = Digest::of("countersign/plan/1", json::canonical(&bound).as_bytes());
        Plan { told, bound, failed: None }
    }

    /// Reads an amount of a plan; `None` if the plan has no such amount, or nothing that counts.
    pub fn amount(&self, plan: &Plan, name: &str) -> Option<i64> {
        if plan.failed.is_some() {
            return None;
        }
        match plan.told.at(self.amounts.get(name)?)? {
            Value::Array(items) => i64::try_from(items.len()).ok(),
            Value::Number(number) => number
                .as_u64()
                .filter(|amount| *amount <= SAFE_INTEGER_MAX)
                .and_then(|amount| i64::try_from(amount).ok()),
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Object(_) => None,
        }
    }
}

/// Removes the member of an object at a JSON Pointer, if there is one.
fn remove(value: &mut Value, pointer: &str) {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    if let Some(Value::Object(members)) = value.pointer_mut(parent) {
        members.remove(&name.replace("~1", "/").replace("~0", "~"));
    }
}

/// Is an amount of a plan that needs a person's look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanTrigger {
    /// Which tools it concerns, of those that have a plan with this amount.
    #[serde(default)]
    pub tool: Glob,
    /// The amount, by its name in the catalogue.
    pub amount: String,
    /// The largest amount that needs no look.
    #[serde(default)]
    pub above: Option<i64>,
    /// The smallest amount that needs no look.
    #[serde(default)]
    pub below: Option<i64>,
}

impl PlanTrigger {
    /// Says whether an amount needs a look; one that cannot be read does.
    pub fn fires(&self, amount: Option<i64>) -> bool {
        let Some(amount) = amount else { return true };
        self.above.is_some_and(|most| amount > most) || self.below.is_some_and(|least| amount < least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_a_whole_number_or_the_length_of_a_list() {
        let amounts = ["n", "list", "none", "half", "less", "text"].map(|name| (name.to_owned(), format!("/{name}")));
        let arguments = Template(serde_json::Map::new());
        let take = String::new();
        let planning = Planning { tool: "plan".into(), arguments, take, amounts: amounts.into(), ignore: Vec::new() };
        let plan = r#"{"n":7,"list":["a","b"],"half":0.5,"less":-1,"text":"7","other":1}"#;
        let plan = planning.plan(Arguments::parse(plan, 1_000).unwrap());
        assert_eq!(planning.amount(&plan, "n"), Some(7));
        assert_eq!(planning.amount(&plan, "list"), Some(2));
        for name in ["none", "half", "less", "text", "other"] {
            assert_eq!(planning.amount(&plan, name), None, "{name}");
        }
    }

    #[test]
    fn what_is_ignored_is_told_and_does_not_bind() {
        let planning = r#"{"tool":"plan","arguments":{},"ignore":["/id","/a/b~1c","/none/x"]}"#;
        let planning: Planning = serde_json::from_str(planning).unwrap();
        let plan = |text: &str| planning.plan(Arguments::parse(text, 1_000).unwrap());
        let (one, two) = (plan(r#"{"n":1,"id":5,"a":{"b/c":1}}"#), plan(r#"{"n":1,"id":6,"a":{"b/c":2}}"#));
        assert_eq!(one.bound, two.bound);
        assert_ne!(one.told, two.told);
        assert_ne!(one.bound, plan(r#"{"n":2,"id":5,"a":{"b/c":1}}"#).bound);
    }

    #[test]
    fn a_trigger_fires_outside_its_bounds_and_on_what_cannot_be_read() {
        let trigger = |above, below| PlanTrigger { tool: Glob::default(), amount: "n".into(), above, below };
        assert!(trigger(Some(5), None).fires(Some(6)) && !trigger(Some(5), None).fires(Some(5)));
        assert!(trigger(None, Some(1)).fires(Some(0)) && !trigger(None, Some(1)).fires(Some(1)));
        assert!(trigger(Some(5), Some(1)).fires(None));
    }
}
