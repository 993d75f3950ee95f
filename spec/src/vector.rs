//! Test vectors: cases with their verdicts in plain JSON, for a decider in any language.
//!
//! In `vectors/`, `base.json` holds one case, `{proposal, facts, bundle, permits}`. Every other file holds a list
//! of vectors `{name, change, verdict}`, where `change` is a merge patch (RFC 7396) of that case: `null` takes a
//! fact away.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use types::break_glass::Rules;
use types::bundle::{Agent, Baselines, Breakers, BundleData, Class, Head, Limits, Person, Profile, RiskModel, Tool};
use types::{
    ActionProposal, AgentId, ClassId, FactName, FactValue, Facts, Millis, PersonId, Principal, ProfileId, ToolName,
    Verdict,
};

use crate::{Mode, Rung, decide};

/// Is one case and the verdict it must have.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector {
    /// What it shows, for people.
    pub name: String,
    /// The proposal.
    pub proposal: ActionProposal,
    /// The facts.
    pub facts: Facts,
    /// The bundle.
    pub bundle: BundleData,
    /// What the policies answer.
    permits: Permits,
    /// The verdict.
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Permits {
    autonomous: Answer,
    monitored: Answer,
    approved: Answer,
    /// What they answer when the delegator asks; the same, if it is not said.
    #[serde(default)]
    delegator: Option<Box<Permits>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Answer {
    People(BTreeSet<ProfileId>),
    Plain(Plain),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Plain {
    Yes,
    No,
    Error,
}

impl Permits {
    fn answer(&self, delegator: bool, mode: Mode) -> Rung {
        if let Some(other) = self.delegator.as_ref().filter(|_| delegator) {
            return other.answer(false, mode);
        }
        let answer = match mode {
            Mode::Autonomous => &self.autonomous,
            Mode::Monitored => &self.monitored,
            Mode::Approved => &self.approved,
        };
        match answer {
            Answer::People(people) => Rung::Yes(people.clone()),
            Answer::Plain(Plain::Yes) => Rung::Yes(BTreeSet::new()),
            Answer::Plain(Plain::No) => Rung::No,
            Answer::Plain(Plain::Error) => Rung::Error,
        }
    }
}

impl Vector {
    /// Returns what the policies answer when that agent or person asks.
    pub fn permits(&self, asker: &Principal, mode: Mode) -> Rung {
        self.permits.answer(*asker != self.proposal.principal, mode)
    }

    /// Decides the case.
    pub fn decide(&self) -> Verdict {
        decide(&self.proposal, &self.facts, &self.bundle, &|asker, mode| self.permits(asker, mode))
    }
}

/// Is the text of `vectors/base.json`.
pub const BASE: &str = include_str!("../vectors/base.json");

/// Is every file of vectors, by name.
pub const FILES: [(&str, &str); 15] = [
    ("approvals", include_str!("../vectors/approvals.json")),
    ("autonomy", include_str!("../vectors/autonomy.json")),
    ("behaviour", include_str!("../vectors/behaviour.json")),
    ("break_glass", include_str!("../vectors/break_glass.json")),
    ("breakers", include_str!("../vectors/breakers.json")),
    ("delegation", include_str!("../vectors/delegation.json")),
    ("identity", include_str!("../vectors/identity.json")),
    ("integrity", include_str!("../vectors/integrity.json")),
    ("limits", include_str!("../vectors/limits.json")),
    ("permissions", include_str!("../vectors/permissions.json")),
    ("policy", include_str!("../vectors/policy.json")),
    ("review", include_str!("../vectors/review.json")),
    ("risk", include_str!("../vectors/risk.json")),
    ("sequencer", include_str!("../vectors/sequencer.json")),
    ("switches", include_str!("../vectors/switches.json")),
];

/// Reads every vector.
///
/// # Errors
///
/// As [`read`].
pub fn all() -> Result<Vec<Vector>, serde_json::Error> {
    let files = FILES.iter().map(|(_, file)| read(BASE, file)).collect::<Result<Vec<_>, _>>()?;
    Ok(files.concat())
}

/// Reads one file of vectors.
///
/// - `base`: the text of `base.json`.
/// - `file`: the text of the file.
///
/// # Errors
///
/// What serde says if a text is not JSON or a changed case is not complete. No others.
pub fn read(base: &str, file: &str) -> Result<Vec<Vector>, serde_json::Error> {
    let base: Value = serde_json::from_str(base)?;
    let changes: Vec<Change> = serde_json::from_str(file)?;
    changes.into_iter().map(|change| change.of(base.clone())).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    name: String,
    change: Value,
    verdict: Verdict,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    proposal: ActionProposal,
    facts: BTreeMap<String, FactValue>,
    bundle: Bundle,
    permits: Permits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bundle {
    head: Head,
    agents: BTreeMap<AgentId, Agent>,
    people: BTreeMap<PersonId, Person>,
    classes: BTreeMap<ClassId, Class>,
    tools: BTreeMap<ToolName, Tool>,
    risk: RiskModel,
    limits: Limits,
    #[serde(default)]
    breakers: Breakers,
    #[serde(default)]
    baselines: Baselines,
    profiles: BTreeMap<ProfileId, Profile>,
    #[serde(default)]
    break_glass: Option<Rules>,
}

impl Change {
    fn of(self, mut base: Value) -> Result<Vector, serde_json::Error> {
        merge(&mut base, self.change);
        let Case { proposal, facts: named, bundle, permits } = serde_json::from_value(base)?;
        let mut facts = Facts::new();
        for (name, value) in named {
            facts.set(FactName::new(name), value, "vector", Millis(0));
        }
        let Bundle { head, agents, people, classes, tools, risk, limits, breakers, baselines, profiles, break_glass } =
            bundle;
        let known = BundleData { head, agents, people, classes, tools, risk, ..BundleData::default() };
        let bundle = BundleData { limits, breakers, baselines, profiles, break_glass, ..known };
        Ok(Vector { name: self.name, proposal, facts, bundle, permits, verdict: self.verdict })
    }
}

/// "If the Patch is anything other than an object, the result will always be to replace the entire target" (RFC 7396 §2).
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(&name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Holds the examples of RFC 7396, appendix A, that differ in kind.
    #[test]
    fn changes_are_merge_patches() {
        for (mut target, patch, expected) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!(["a", "b"]), json!(["c"]), json!(["c"])),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            merge(&mut target, patch);
            assert_eq!(target, expected);
        }
    }
}
