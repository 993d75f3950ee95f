//! Who approved, and who voted on what this decision put to people.

use std::collections::BTreeSet;

use evidence::claims::Read;
use evidence::{Field, RecordKind, Standing};
use types::case::{Ballot, Vote};
use types::{ActionId, Verdict};

use super::Told;
use crate::audit::statement::{Basis, Statement};
use crate::audit::words;

impl Told<'_> {
    pub(super) fn approval(&self) -> Vec<Statement> {
        let openers = self.openers();
        let mut all: Vec<Statement> = openers.iter().flat_map(|opener| self.lifted(opener)).collect();
        if let Verdict::Escalate(_) = self.decision.verdict {
            all.extend(self.votes(&self.decision.action, |vote| vote > self.record.index));
            let says = "the people it was put to had not all approved when it was decided";
            all.push(Statement::new("approval", says, self.computed.clone()));
        } else if openers.is_empty() {
            let says = "no approval counted for it, and none was needed for this verdict";
            all.push(Statement::new("approval", says, self.computed.clone()));
        }
        if all.iter().any(|statement| statement.about == "vote") {
            let says = "whoever voted held that person's key, and was that person";
            all.push(Statement::new("approval", says, Basis::word_of("the operator, who issues the keys")));
        }
        all
    }

    fn openers(&self) -> BTreeSet<ActionId> {
        let named = self.decision.facts.list("approval.opened_by").unwrap_or_default();
        named.iter().filter_map(|id| id.parse().ok()).collect()
    }

    /// Tells the votes in front of the decision on a case that it ran on; without one in favour, its authority is missing.
    fn lifted(&self, opener: &ActionId) -> Vec<Statement> {
        let votes = self.votes(opener, |vote| vote < self.record.index);
        let approves = |record: &Read<'_>| {
            record.leaf.kind == RecordKind::Vote
                && record.leaf.action == Some(*opener)
                && record.index < self.record.index
                && record.leaf.status == Some(Ballot::Approve as u8)
        };
        if self.teller.records.iter().any(approves) {
            return votes;
        }
        let says = format!("it ran on the approval of {opener}");
        vec![Statement::new("approval", says, Basis::of(Standing::Missing, "no vote for it is here".to_owned()))]
    }

    fn votes(&self, of: &ActionId, is_due: impl Fn(u64) -> bool) -> Vec<Statement> {
        let records = self.teller.records.iter();
        let cast = records.filter(|record| record.leaf.kind == RecordKind::Vote && record.leaf.action == Some(*of));
        cast.filter(|record| is_due(record.index)).map(|record| self.vote(record)).collect()
    }

    fn vote(&self, record: &Read<'_>) -> Statement {
        let ground = self.teller.ground(record.index);
        match record.value::<Vote>(Field::Body) {
            Ok(vote) => {
                let word = match vote.ballot {
                    Ballot::Approve => "approved",
                    Ballot::Deny => "refused",
                };
                let solo = if vote.solo { ", alone, as `solo` allows the owner" } else { "" };
                let place =
                    vote.proxy.as_ref().map_or_else(String::new, |p| format!(" in the place of person:{}", p.person));
                let (who, at) = (format!("person:{}{place}", vote.person), words::time(vote.at));
                let says = format!("{who} {word} on {at}{solo}: “{}” (record {})", vote.reason, record.index);
                let told = record.leaf.status == Some(vote.ballot as u8);
                let standing = if told { Standing::Holds } else { Standing::Broken };
                Statement::new("vote", says, Basis::of(standing, None).upon(ground))
            }
            Err(standing) => {
                Statement::new("vote", format!("a vote in record {}", record.index), Basis::of(standing, None))
            }
        }
    }
}
