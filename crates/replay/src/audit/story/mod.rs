//! Telling one decision: who granted authority, what limited it, how it was decided, who approved, what happened.

mod approval;
mod authority;
mod ending;
mod grounds;

use std::collections::BTreeMap;

use evidence::claims::Read;
use evidence::{Field, RecordKind, Standing, bodies};
use policy::Bundle;
use types::{ActionProposal, Channel, Decision, Principal};

use super::held::Held;
use super::statement::{Basis, Statement, Story};
use super::{Pick, words};
use crate::again::Replayed;
use crate::bundles::Bundles;
use crate::report::{DecisionReport, standing};

/// Holds what all stories of one reconstruction share.
pub(super) struct Teller<'a> {
    /// The records of the evidence.
    pub(super) records: &'a [Read<'a>],
    /// How signature, inclusion and commitments of each record stand.
    pub(super) grounds: &'a BTreeMap<u64, Standing>,
    /// Each decision, computed again.
    pub(super) decisions: &'a [DecisionReport],
    /// The policy bundles.
    pub(super) bundles: &'a Bundles,
    /// The reader's own log, where there is one.
    pub(super) held: Option<&'a Held>,
    /// The name of the log, once its checkpoint could be opened.
    pub(super) log: Option<&'a str>,
}

/// Is one decision whose values are all here.
struct Told<'a> {
    teller: &'a Teller<'a>,
    record: &'a Read<'a>,
    proposal: ActionProposal,
    decision: Decision,
    bundle: Option<&'a Bundle>,
    /// Rests on the decision having come out equal.
    computed: Basis,
}

impl Teller<'_> {
    /// Tells the decision of a record that was drawn.
    pub(super) fn picked(&self, pick: &Pick) -> Story {
        let record = self.records.iter().find(|record| record.index == pick.index);
        let Some(record) = record.filter(|record| record.leaf.kind == RecordKind::Decided) else {
            let says = format!("record {} was drawn, and the evidence holds no such decision", pick.index);
            let statements = vec![Statement::new("record", says, Basis::of(Standing::Missing, None))];
            return Story { index: pick.index, action: pick.action, at: None, statements };
        };
        let same = evidence::Leaf::hash_of(record.bytes) == pick.leaf && record.leaf.action == pick.action;
        let standing = if same { Standing::Holds } else { Standing::Broken };
        let why = "it is another record than the one in the log you drew from".to_owned();
        let basis = Basis::of(standing, Some(why)).upon(self.ground(record.index));
        let drawn = Statement::new("record", "it is the record that was drawn", basis);
        let mut story = self.decided(record);
        story.statements.insert(0, drawn);
        story
    }

    /// Tells the decision of a record.
    pub(super) fn decided(&self, record: &Read<'_>) -> Story {
        let mut statements = vec![self.there(record)];
        statements.extend(self.complete(record));
        match self.told(record) {
            Ok(told) => statements.extend(told.statements()),
            Err(basis) => statements.push(Statement::new("decision", "what was asked, and how it was decided", basis)),
        }
        let ground = self.ground(record.index);
        for statement in &mut statements {
            statement.basis = statement.basis.clone().upon(ground);
        }
        Story { index: record.index, action: record.leaf.action, at: Some(record.leaf.at), statements }
    }

    fn there(&self, record: &Read<'_>) -> Statement {
        let says = format!("record {} of the log, written {}", record.index, words::time(record.leaf.at));
        Statement::new("record", says, Basis::of(self.ground(record.index), None))
    }

    /// Says whether all that the reader's log holds of the action is here.
    fn complete(&self, record: &Read<'_>) -> Option<Statement> {
        let (held, action) = (self.held?, record.leaf.action?);
        let missing = held.missing_of(&action);
        let says =
            format!("your log holds {} of this action, all of which are here", records(held.of(&action).count()));
        let why = missing.map(|index| format!("record {index} is not"));
        let standing = if missing.is_none() { Standing::Holds } else { Standing::Missing };
        Some(Statement::new("record", says, Basis::of(standing, why)))
    }

    fn ground(&self, index: u64) -> Standing {
        self.grounds.get(&index).copied().unwrap_or(Standing::Missing)
    }

    /// Reads a decision, or says why it cannot be told.
    fn told<'a>(&'a self, record: &'a Read<'_>) -> Result<Told<'a>, Basis> {
        let report = self.decisions.iter().find(|report| report.index == record.index);
        let replayed = report.map(|report| &report.replayed);
        if let Some(withheld @ Replayed::Withheld(what)) = replayed {
            return Err(Basis::of(standing(withheld), format!("the operator withheld {what}")));
        }
        let shown = record.shown.as_ref().ok_or_else(|| Basis::of(record.without_values(), None))?;
        let unreadable = || Basis::of(Standing::Broken, "its content is not that of a decision".to_owned());
        let proposal = bodies::proposal(&shown.content).ok_or_else(unreadable)?;
        let decision = bodies::decision(&shown.content).ok_or_else(unreadable)?;
        let bundle = self.bundles.get(&decision.bundle).ok();
        let computed = replayed.map_or(Basis::of(Standing::Missing, None), computed);
        Ok(Told { teller: self, record, proposal, decision, bundle, computed })
    }
}

/// Says on what rests whatever follows from proposal, bundle and facts by the rules.
fn computed(replayed: &Replayed) -> Basis {
    let why = match replayed {
        Replayed::Differs(all) => Some(all.join("; ")),
        Replayed::Withheld(why) | Replayed::Missing(why) => Some(why.clone()),
        Replayed::Equal | Replayed::Erased => None,
    };
    Basis::of(standing(replayed), why)
}

fn records(count: usize) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
}

impl Told<'_> {
    fn statements(&self) -> Vec<Statement> {
        let mut all = self.asked();
        all.extend(self.authority());
        all.extend(self.limits());
        all.push(self.verdict());
        all.extend(self.facts());
        all.extend(self.approval());
        all.extend(self.ending());
        all
    }

    fn asked(&self) -> Vec<Statement> {
        let proposal = &self.proposal;
        let door = match proposal.channel {
            Channel::Mcp => "the MCP gateway",
            Channel::Http => "the HTTP contract",
            Channel::Person => "administration",
        };
        let behalf = proposal.on_behalf_of.as_ref().map(|p| format!(", on behalf of person:{p}")).unwrap_or_default();
        let arguments = proposal.arguments.canonical();
        let says =
            format!("{} asked for {} with {arguments}{behalf}, through {door}", proposal.principal, proposal.tool);
        let mut all = vec![Statement::new("proposal", says, Basis::Proved)];
        let redacted = words::redacted(proposal.arguments.value());
        all.extend(redacted.map(|places| {
            let says = format!("redacted are {places}: secrets, of which the log commits to keyed marks alone");
            Statement::new("proposal", says, Basis::Proved)
        }));
        all.extend(self.claims());
        all
    }

    fn claims(&self) -> Option<Statement> {
        let claims = &self.proposal.claims;
        let purpose = claims.purpose.as_ref().map(|purpose| format!("purpose “{purpose}”"));
        let reasoning = claims.reasoning.as_ref().map(|reasoning| format!("reasoning “{reasoning}”"));
        let sure = claims.confidence_bp.map(|bp| format!("confidence {}.{:02} %", bp / 100, bp % 100));
        let said: Vec<String> = [purpose, reasoning, sure].into_iter().flatten().collect();
        let basis = Basis::word_of(match self.proposal.principal {
            Principal::Agent(_) => "the agent",
            Principal::Person(_) => "the person who asked",
        });
        (!said.is_empty()).then(|| Statement::new("proposal", format!("it said of itself: {}", said.join(", ")), basis))
    }

    /// Finds the record of a kind that holds a value for which something is true.
    fn record_of<T: types::cbor::Canonical>(
        &self,
        kind: RecordKind,
        field: Field,
        is: impl Fn(&Read<'_>, &T) -> bool,
    ) -> Option<(u64, T)> {
        let all = self.teller.records.iter().filter(|record| record.leaf.kind == kind);
        let mut values = all.filter_map(|record| Some((record, record.value::<T>(field).ok()?)));
        values.find(|(record, value)| is(record, value)).map(|(record, value)| (record.index, value))
    }
}
