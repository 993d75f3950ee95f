//! One decision, computed once more.

use std::collections::BTreeSet;

use evidence::{Content, Leaf, bodies};
use policy::Bundle;
use serde::Serialize;
use stages::decision::{Late, PERMIT_MS, finish};
use types::decision::{SEMANTICS, Semantics};
use types::{ActionProposal, Decision, Facts, Finding, Verdict};

use crate::bundles::Bundles;
use crate::{derived, judge};

/// Is the administration tool that erases a subject.
const ERASE: &str = "countersign.subject.erase";

/// Says how a recorded decision and the one computed again stand to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "answer", content = "why", rename_all = "snake_case")]
pub enum Replayed {
    /// It comes out the same, finding by finding.
    Equal,
    /// It comes out otherwise; each text says in what.
    Differs(Vec<String>),
    /// What it needs was withheld by the exporter; the text says what.
    Withheld(String),
    /// What it needs was erased.
    Erased,
    /// What it needs is not here; the text says what.
    Missing(String),
}

impl Replayed {
    /// Returns the word for it: `equal`, `differs`, `withheld`, `erased` or `missing`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Differs(_) => "differs",
            Self::Withheld(_) => "withheld",
            Self::Erased => "erased",
            Self::Missing(_) => "missing",
        }
    }
}

/// Computes the decision of a `decided` record again, and holds the record's leaf against it too.
///
/// - `content`: everything the record says; `None` once it is erased.
pub fn record(leaf: &Leaf, content: Option<&Content>, bundles: &Bundles) -> Replayed {
    let Some(content) = content else { return Replayed::Erased };
    let (Some(proposal), Some(recorded)) = (bodies::proposal(content), bodies::decision(content)) else {
        if permits_erasure(content) {
            return Replayed::Erased;
        }
        return Replayed::Differs(vec!["its content is not that of a decision".to_owned()]);
    };
    match rules(&recorded).and_then(|rules| Ok((rules, bundles.get(&recorded.bundle)?))) {
        Err(why) => Replayed::Missing(why),
        Ok((rules, bundle)) => {
            let again = again(rules, bundle, &proposal, &recorded);
            let mut differences: Vec<String> = leaf_differences(leaf, &proposal, &recorded)
                .chain(fact_differences(bundle, &proposal, &recorded))
                .collect();
            // The same bytes are the same decision; its parts only tell in what it is another.
            if !is_said_by(content, &proposal, &again) {
                let parts = compare(&recorded, &again).collect::<Vec<_>>();
                let bytes = parts.is_empty().then(|| "its bytes are not those that say the same decision".to_owned());
                differences.extend(parts.into_iter().chain(bytes));
            }
            if differences.is_empty() { Replayed::Equal } else { Replayed::Differs(differences) }
        }
    }
}

/// Says whether a record holds the very bytes in which a decision about a proposal is recorded.
fn is_said_by(content: &Content, proposal: &ActionProposal, decision: &Decision) -> bool {
    let said = bodies::decided(proposal, decision);
    let same = said.values.iter().all(|value| content.bytes(value.field) == Some(value.bytes.as_slice()));
    same && said.findings == content.findings && said.facts == content.facts
}

/// Says whether a record permits an erasure: it is recorded without its arguments, so that it outlives whom they name.
fn permits_erasure(content: &Content) -> bool {
    let said = bodies::proposer(content).zip(bodies::decision(content));
    said.is_some_and(|(proposal, decision)| proposal.tool.to_string() == ERASE && decision.verdict.permits())
}

/// Returns the rules by which a decision was made.
///
/// # Errors
///
/// A text that says that this program does not have them.
pub(crate) fn rules(recorded: &Decision) -> Result<Semantics, String> {
    let theirs = recorded.semantics;
    let missing = || format!("it was decided by rules of version {theirs}, this program has those up to {SEMANTICS}");
    Semantics::of(theirs).ok_or_else(missing)
}

/// Computes a decision again from its proposal, its recorded facts and the bundle; says in what the two differ, or that this
/// program does not have its rules.
pub fn decision(bundle: &Bundle, proposal: &ActionProposal, recorded: &Decision) -> Vec<String> {
    match rules(recorded) {
        Err(why) => vec![why],
        Ok(rules) => {
            let again = again(rules, bundle, proposal, recorded);
            fact_differences(bundle, proposal, recorded).chain(compare(recorded, &again)).collect()
        }
    }
}

fn fact_differences(bundle: &Bundle, proposal: &ActionProposal, recorded: &Decision) -> impl Iterator<Item = String> {
    let facts = derived::differences(bundle, proposal, &recorded.facts, recorded.at);
    facts.into_iter().map(|name| format!("the fact `{name}` is not what proposal and bundle make it"))
}

fn again(rules: Semantics, bundle: &Bundle, proposal: &ActionProposal, recorded: &Decision) -> Decision {
    let early = judge::early_by(rules, bundle, proposal, recorded.facts.clone());
    let late = Late { facts: Facts::new(), bundle: bundle.digest(), case: recorded.case, permit_ms: PERMIT_MS };
    let again = finish(bundle.data(), proposal, early, late).decision;
    // Which case people were asked in, no computation can know.
    let case = if case_agrees(recorded, &again) { recorded.case } else { again.case };
    Decision { semantics: rules.version(), case, ..again }
}

fn compare(recorded: &Decision, again: &Decision) -> impl Iterator<Item = String> {
    let parts = [
        ("action", recorded.action == again.action),
        ("digest of the action", recorded.action_digest == again.action_digest),
        ("verdict", recorded.verdict == again.verdict),
        ("risk", recorded.risk == again.risk),
        ("level", recorded.level == again.level),
        ("policies", recorded.policies == again.policies),
        ("obligations", recorded.obligations == again.obligations),
        ("instant", recorded.at == again.at),
        ("facts", recorded.facts == again.facts),
        ("case", case_agrees(recorded, again)),
    ];
    let findings = finding_differences(&recorded.findings, &again.findings);
    parts
        .into_iter()
        .filter(|(_, same)| !same)
        .map(|(part, _)| format!("the {part} comes out otherwise"))
        .chain(findings)
}

/// What goes to people opens a case or joins one, whose number no computation can know.
fn case_agrees(recorded: &Decision, again: &Decision) -> bool {
    match again.verdict {
        Verdict::Escalate(_) => recorded.case.is_some(),
        Verdict::Allow | Verdict::AllowObserved | Verdict::Deny => recorded.case == again.case,
    }
}

fn finding_differences(recorded: &[Finding], again: &[Finding]) -> Vec<String> {
    if recorded == again {
        return Vec::new();
    }
    let told = |finding: &Finding| format!("{} {}: {}", finding.stage, finding.code, finding.detail);
    let (before, after): (BTreeSet<String>, BTreeSet<String>) =
        (recorded.iter().map(told).collect(), again.iter().map(told).collect());
    let gone = before.difference(&after).map(|finding| format!("recorded, but not computed: {finding}"));
    let new = after.difference(&before).map(|finding| format!("computed, but not recorded: {finding}"));
    let mut all: Vec<String> = gone.chain(new).collect();
    if all.is_empty() {
        all.push("the findings come out in another order or number".to_owned());
    }
    all
}

/// Names what the leaf, which everybody sees, says otherwise than the content.
fn leaf_differences(leaf: &Leaf, proposal: &ActionProposal, decision: &Decision) -> impl Iterator<Item = String> {
    let parts = [
        ("action", leaf.action == Some(decision.action)),
        ("bundle", leaf.bundle == Some(decision.bundle)),
        ("verdict", leaf.verdict == Some(decision.verdict.rank())),
        ("level", leaf.level == Some(decision.level as u8)),
        ("rules' version", leaf.semantics == Some(decision.semantics)),
        ("instant", leaf.at == decision.at),
        ("session", leaf.session.as_ref().is_none_or(|place| proposal.session == Some(place.session))),
    ];
    let wrong = parts.into_iter().filter(|(_, same)| !same);
    wrong.map(|(part, _)| format!("the {part} in the log is not the one in the content"))
}
