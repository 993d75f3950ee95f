//! What limited an action, how it was decided, and on whose word the facts rest that nobody can compute.

use std::collections::BTreeMap;

use types::{Fact, Finding, Restriction, Verdict};

use super::Told;
use crate::audit::statement::{Basis, Statement};
use crate::audit::words;
use crate::derived::is_computed;

impl Told<'_> {
    pub(super) fn limits(&self) -> Vec<Statement> {
        let mut all = vec![Statement::new("limits", words::risk(&self.decision.risk), self.computed.clone())];
        let (computed, told): (Vec<&Fact>, Vec<&Fact>) =
            words::limits(&self.decision.facts).partition(|fact| is_computed(fact));
        let shown = |facts: &[&Fact]| facts.iter().map(|fact| words::limit(fact)).collect::<Vec<_>>().join(", ");
        if !computed.is_empty() {
            all.push(Statement::new("limits", shown(&computed), self.computed.clone()));
        }
        if !told.is_empty() {
            all.push(Statement::new("limits", shown(&told), Basis::word_of(words::whose("meter"))));
        }
        all
    }

    /// Says how it was decided and why: proved if it comes out the same when it is computed again.
    pub(super) fn verdict(&self) -> Statement {
        let decision = &self.decision;
        let word = match &decision.verdict {
            Verdict::Allow => "allowed".to_owned(),
            Verdict::AllowObserved => "allowed, and watched".to_owned(),
            Verdict::Escalate(profiles) => {
                let profiles: Vec<String> = profiles.iter().map(|profile| format!("`{profile}`")).collect();
                format!("put to people: {}", words::listed(&profiles))
            }
            Verdict::Deny => "denied".to_owned(),
        };
        let reasons: Vec<String> = decision.findings.iter().filter_map(reason).collect();
        let because = if reasons.is_empty() { "nothing stood against it".to_owned() } else { reasons.join("; ") };
        Statement::new("decision", format!("{word}; {because}"), self.computed.clone())
    }

    /// Says source by source what was believed, except what other records prove or limits have said already.
    pub(super) fn facts(&self) -> Vec<Statement> {
        let told_elsewhere = |fact: &&Fact| {
            let name = fact.name.as_str();
            is_computed(fact)
                || name.starts_with("level.")
                || name.starts_with("approval.met")
                || name.starts_with("approval.opened_by")
                || words::limits(&self.decision.facts).any(|limit| limit.name == fact.name)
        };
        let mut sources: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for fact in self.decision.facts.iter().filter(|fact| !told_elsewhere(fact)) {
            sources.entry(words::whose(&fact.source)).or_default().push(words::fact(fact));
        }
        sources
            .into_iter()
            .map(|(whose, said)| Statement::new("facts", said.join(", "), Basis::word_of(whose)))
            .collect()
    }
}

/// Says in a line what a finding restricts; `None` if it restricts nothing.
fn reason(finding: &Finding) -> Option<String> {
    let word = match &finding.restriction {
        Restriction::Allow => return None,
        Restriction::AllowObserved => "watch".to_owned(),
        Restriction::Escalate(profile) => format!("ask {profile}"),
        Restriction::Deny => "deny".to_owned(),
    };
    Some(format!("{} says {word} ({}: {})", finding.stage, finding.code, finding.detail))
}
