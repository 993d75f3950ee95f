//! Who approved, and who voted on what this decision put to people.

use std::collections::BTreeSet;

use evidence::claims::Read;
use evidence::signed_votes::{SignedBy, VoteVerdict, verdict};
use evidence::{Field, RecordKind, Standing};
use stages::break_glass::under;
use types::break_glass::{BreakGlass, status};
use types::case::{Ballot, Vote};
use types::reviewing::{Advice, Review};
use types::{ActionId, GlassId, Millis, Verdict};

use super::{Teller, Told};
use crate::audit::statement::{Basis, Statement};
use crate::audit::words;
use crate::votes::demanded;

impl Told<'_> {
    pub(super) fn approval(&self) -> Vec<Statement> {
        let openers = self.openers();
        let mut all: Vec<Statement> = openers.iter().flat_map(|opener| self.lifted(opener)).collect();
        if let Verdict::Escalate(_) = self.decision.verdict {
            all.extend(self.votes(&self.decision.action, |vote| vote > self.record.index));
            let says = "the people it was put to had not all approved when it was decided";
            all.push(Statement::new("approval", says, self.computed.clone()));
        } else if let Some(id) = under(&self.decision) {
            all.push(self.broken(id));
        } else if openers.is_empty() {
            let says = "no approval counted for it, and none was needed for this verdict";
            all.push(Statement::new("approval", says, self.computed.clone()));
        }
        all.extend(self.demanded());
        let opened =
            std::iter::once(self.decision.action).filter(|_| matches!(self.decision.verdict, Verdict::Escalate(_)));
        all.extend(openers.into_iter().chain(opened).flat_map(|opener| self.reviews(&opener)));
        all
    }

    /// Says who broke the glass for it: proved by the record of the second key, or else on the word of the gateway's table.
    fn broken(&self, id: GlassId) -> Statement {
        let facts = &self.decision.facts;
        let people = facts.list("glass.people").unwrap_or_default();
        let until = facts.int("glass.expires_at").map(|ms| words::time(Millis(ms))).unwrap_or_default();
        let says =
            format!("it ran without approvals: {} had broken the glass until {until} ({id})", words::listed(people));
        let is_it = |record: &Read<'_>, glass: &BreakGlass| {
            glass.id == id && record.index < self.record.index && record.leaf.status == Some(status::CONFIRMED)
        };
        let Some((index, glass)) = self.record_of(RecordKind::Grant, Field::Body, is_it) else {
            let says = format!("{says}; the record of the second key is not here");
            return Statement::new("approval", says, Basis::word_of(words::whose("break_glass")));
        };
        let keys = [Some(&glass.first), glass.second.as_ref()].into_iter().flatten().map(|key| key.by.to_string());
        let agrees =
            keys.eq(people.iter().cloned()) && glass.expires().map(|end| end.0) == facts.int("glass.expires_at");
        let standing = if agrees { Standing::Holds } else { Standing::Broken };
        let says = format!("{says}, because “{}” (record {index})", glass.reason);
        let basis = Basis::of(standing, "the decision tells this break-glass otherwise".to_owned());
        Statement::new("approval", says, basis.upon(self.teller.ground(index)))
    }

    /// Tells what reviewer agents said of a case: what they said is proved, that they are independent is the bundle's word.
    fn reviews(&self, of: &ActionId) -> Vec<Statement> {
        let records = self.teller.records.iter();
        let said = records.filter(|record| record.leaf.kind == RecordKind::Review && record.leaf.action == Some(*of));
        said.map(|record| self.review(record)).collect()
    }

    fn review(&self, record: &Read<'_>) -> Statement {
        let ground = self.teller.ground(record.index);
        match record.value::<Review>(Field::Body) {
            Ok(review) => {
                let word = if review.advice == Advice::On { "sent it on to people" } else { "sent it back" };
                let who = format!("agent:{} of the declared model family {}", review.reviewer, review.family);
                let (at, reason, index) = (words::time(review.at), &review.reason, record.index);
                let says = format!("{who}, who has no vote, {word} on {at}: “{reason}” (record {index})");
                let told = record.leaf.status == Some(review.advice as u8);
                let standing = if told { Standing::Holds } else { Standing::Broken };
                Statement::new("review", says, Basis::of(standing, None).upon(ground))
            }
            Err(standing) => {
                Statement::new("review", format!("a review in record {}", record.index), Basis::of(standing, None))
            }
        }
    }

    /// Says whether as many have signed as the profile demands, where it counts signed votes alone.
    fn demanded(&self) -> Option<Statement> {
        let Teller { records, bundles, log, .. } = self.teller;
        let check = demanded(self.record, records, bundles, *log)?;
        Some(Statement::new("approval", check.claim, Basis::of(check.standing, check.detail)))
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
        cast.filter(|record| is_due(record.index))
            .flat_map(|record| std::iter::once(self.vote(record)).chain(self.signed(record)))
            .collect()
    }

    /// Says on what it rests that the person who is named has voted: their own signature, or the gateway's word.
    fn signed(&self, record: &Read<'_>) -> Vec<Statement> {
        let index = record.index;
        match verdict(record, self.teller.records, self.teller.log) {
            None => Vec::new(),
            Some(VoteVerdict::Yes(by)) => self.signed_by(index, &by),
            Some(VoteVerdict::No { person }) => {
                let says = format!(
                    "whoever cast the vote in record {index} held a key of person:{person}, and was that person"
                );
                vec![Statement::new("vote", says, Basis::word_of("the operator, who issues the keys"))]
            }
            Some(VoteVerdict::Fails { standing, why, .. }) => {
                let says = format!("the vote in record {index} is signed by the person it names");
                vec![Statement::new("vote", says, Basis::of(standing, why))]
            }
        }
    }

    fn signed_by(&self, index: u64, by: &SignedBy) -> Vec<Statement> {
        let SignedBy { person, passkey, enrolled_in, origin, algorithm, sign_count, .. } = by;
        let on = if by.is_compared { "this exact action" } else { "an action that is not here" };
        let copied = if by.backed_up { ", copied to other devices" } else { "" };
        let revoked =
            by.revoked_in.map(|record| format!("; it was revoked later, in record {record}")).unwrap_or_default();
        let signed = format!(
            "the vote in record {index} on {on} is signed with {passkey} (record {enrolled_in}, {algorithm}{copied}, signature \
             {sign_count} by its own count), on a page of {origin}{revoked}"
        );
        let held = format!("{passkey} was person:{person}'s own when it was enrolled on {}", words::time(by.enrolled));
        vec![
            Statement::new("vote", signed, Basis::Proved.upon(self.teller.ground(*enrolled_in))),
            Statement::new("vote", held, Basis::word_of(format!("{}, who invited them", by.invited_by))),
        ]
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
