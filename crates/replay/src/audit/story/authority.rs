//! Who granted the authority: owner, delegator, level, policy.

use evidence::{Field, RecordKind, Standing, authority};
use types::{Grant, Millis, Principal};

use super::Told;
use crate::audit::statement::{Basis, Statement};
use crate::audit::words;

impl Told<'_> {
    pub(super) fn authority(&self) -> Vec<Statement> {
        let mut all = vec![self.answerable()];
        all.extend(self.delegation());
        if self.proposal.principal.agent().is_some() {
            all.push(self.level());
        }
        all.extend(self.policy());
        all
    }

    fn says(&self, text: String, basis: Basis) -> Statement {
        Statement::new("authority", text, basis)
    }

    /// Says who answers for an agent, or which groups a person is in.
    fn answerable(&self) -> Statement {
        let facts = &self.decision.facts;
        let list = |name: &str| words::listed(facts.list(name).unwrap_or_default());
        let who = &self.proposal.principal;
        let says = match (who, facts.text("agent.owner")) {
            (Principal::Agent(_), Some(owner)) => {
                format!("person:{owner} answers for {who}, which is in the teams: {}", list("agent.teams"))
            }
            (Principal::Agent(_), None) => format!("the policy bundle does not know {who}"),
            (Principal::Person(_), _) => format!("{who} is in the groups: {}", list("person.groups")),
        };
        self.says(says, self.computed.clone())
    }

    fn delegation(&self) -> Option<Statement> {
        let person = self.proposal.on_behalf_of.as_ref()?;
        let word = if self.decision.facts.bool("delegator.allowed") == Some(true) { "lets" } else { "does not let" };
        Some(self.says(format!("the policy bundle {word} it act for person:{person}"), self.computed.clone()))
    }

    /// Says who gave the level: proved by the grant's own record, or else on the word of the operator's table.
    fn level(&self) -> Statement {
        let facts = &self.decision.facts;
        let class = facts.text("tool.class").unwrap_or("no class");
        let is_named = |record: &evidence::claims::Read<'_>, grant: &Grant| {
            record.index < self.record.index && authority::names(facts, grant)
        };
        match self.record_of(RecordKind::Grant, Field::Body, is_named) {
            Some((index, grant)) => self.granted(index, &grant),
            None if facts.get("level.grant").is_none() => {
                let says = format!("nobody had given it a level for {class}, so it was at {}", self.decision.level);
                self.says(says, Basis::word_of(words::whose("grants")))
            }
            None => {
                let by = facts.text("level.by").unwrap_or("somebody");
                let until = facts.int("level.expires_at").map(|ms| words::time(Millis(ms))).unwrap_or_default();
                let says = format!(
                    "level {} for {class}, given by {by} until {until}; the grant's own record is not here",
                    self.decision.level
                );
                self.says(says, Basis::word_of(words::whose("grants")))
            }
        }
    }

    fn granted(&self, index: u64, grant: &Grant) -> Statement {
        let environments: Vec<String> = grant.environments.iter().cloned().collect();
        let within =
            if environments.is_empty() { String::new() } else { format!(" in {}", words::listed(&environments)) };
        let says = format!(
            "{} gave it level {} for {}{within}, from {} until {}, because “{}” (record {index})",
            grant.by,
            grant.level,
            grant.class,
            words::time(grant.at),
            words::time(grant.expires),
            grant.reason
        );
        let agrees = authority::agrees(&self.proposal.principal, &self.decision.facts, grant);
        let standing = if agrees { Standing::Holds } else { Standing::Broken };
        let basis = Basis::of(standing, "the decision tells this grant otherwise".to_owned());
        self.says(says, basis.upon(self.teller.ground(index)))
    }

    fn policy(&self) -> Vec<Statement> {
        let decision = &self.decision;
        let named = match decision.policies.as_slice() {
            [] => "no policy permits it".to_owned(),
            policies => {
                let names: Vec<String> = policies.iter().map(|policy| format!("`{policy}`")).collect();
                format!("{} by policy {}", words::policies(decision), words::listed(&names))
            }
        };
        let bundle = match self.bundle.map(|bundle| &bundle.data().head) {
            Some(head) => {
                let authors: Vec<String> = head.authors.iter().map(|author| format!("person:{author}")).collect();
                format!(
                    "bundle `{}` ({}), written by {}",
                    head.name,
                    decision.bundle.short(16),
                    words::listed(&authors)
                )
            }
            None => format!("bundle {}", decision.bundle.short(16)),
        };
        vec![self.says(format!("{named}: {bundle}"), self.computed.clone()), self.in_force()]
    }

    /// Says whether that bundle was the one in force: the reader's own log shows which was made active last.
    fn in_force(&self) -> Statement {
        let active = self.teller.held.and_then(|held| held.in_force.get(&self.record.index));
        let Some((index, bundle)) = active else {
            let whose = "the operator; your own log can show it";
            return self.says("that bundle was the one in force then".to_owned(), Basis::word_of(whose));
        };
        let standing = if *bundle == self.decision.bundle { Standing::Holds } else { Standing::Broken };
        let why = format!("it made the bundle {} active", bundle.short(16));
        let says = format!("that bundle was the one in force then, since record {index}");
        self.says(says, Basis::of(standing, why))
    }
}
