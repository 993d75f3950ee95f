//! Recent votes: when each person voted within the last hour, which is what budgets of approvals count.

use std::collections::BTreeMap;

use stages::approval_budget::WINDOW_MS;
use types::case::{Case, Vote};
use types::profile::DECISIONS_MAX;
use types::{Millis, PersonId, Principal};

use super::due::Due;
use super::leaving::Leaving;
use super::ops::Ops;
use super::source::{Rows, read};
use crate::state::{RecentVote, kind};

/// Holds when each person voted of late, for and against, in order of time.
#[derive(Debug, Clone, Default)]
pub struct RecentVotes {
    by: BTreeMap<PersonId, Vec<RecentVote>>,
    due: Due<PersonId>,
}

/// Returns when a row of votes ends by itself: once the last of them is out of the window.
pub(super) fn end(votes: &[RecentVote]) -> Option<Millis> {
    votes.last().map(|last| last.at.plus(WINDOW_MS))
}

impl RecentVotes {
    pub(super) fn load(rows: &Rows<'_>) -> Result<Self, String> {
        let mut votes = Self::default();
        for (_, (person, cast)) in read::<(PersonId, Vec<RecentVote>)>(rows, kind::RECENT_VOTE)? {
            votes.put(person, cast);
        }
        Ok(votes)
    }

    /// Returns when a person voted of late, in order; those that are out of the window may be among them.
    pub fn of(&self, person: &PersonId) -> impl Iterator<Item = Millis> {
        self.by.get(person).into_iter().flatten().map(|vote| vote.at)
    }

    /// Returns when everybody voted of late.
    pub fn all(&self) -> impl Iterator<Item = (&PersonId, Vec<Millis>)> {
        self.by.iter().map(|(person, votes)| (person, votes.iter().map(|vote| vote.at).collect()))
    }

    /// Counts a vote for whoever cast it, and forgets theirs that are out of the window by then.
    pub(super) fn add(&mut self, vote: &Vote, case: &Case, ops: &mut Ops) {
        let of = vote.proxy.as_ref().map(|proxy| proxy.person.clone());
        let mut votes = self.take(&vote.person);
        votes.retain(|before| before.at.plus(WINDOW_MS) > vote.at);
        votes.push(RecentVote { at: vote.at, requester: case.requester.clone(), of });
        let over = votes.len().saturating_sub(usize::try_from(DECISIONS_MAX).unwrap_or(usize::MAX));
        votes.drain(..over);
        self.keep(vote.person.clone(), votes, ops);
    }

    /// Forgets those who have not voted for so long that nothing counts any more.
    pub(super) fn sweep(&mut self, now: Millis, ops: &mut Ops) {
        for person in self.due.ended(now) {
            self.take(&person);
            ops.delete(kind::RECENT_VOTE, person.to_string());
        }
    }

    /// Forgets the votes whose records are about a subject that is erased: its own, those on what it asked, and those in its place.
    pub(super) fn remove(&mut self, leaving: &Leaving<'_>, ops: &mut Ops) {
        let is_theirs = |vote: &RecentVote| leaving.is(&vote.requester) || leaving.is_person(vote.of.as_ref());
        let touched = |(person, votes): &(&PersonId, &Vec<RecentVote>)| {
            leaving.is(&Principal::Person((*person).clone())) || votes.iter().any(is_theirs)
        };
        let people: Vec<PersonId> = self.by.iter().filter(touched).map(|(person, _)| person.clone()).collect();
        for person in people {
            let mut votes = self.take(&person);
            votes.retain(|vote| !is_theirs(vote) && !leaving.is_person(Some(&person)));
            self.keep(person, votes, ops);
        }
    }

    fn take(&mut self, person: &PersonId) -> Vec<RecentVote> {
        let votes = self.by.remove(person).unwrap_or_default();
        end(&votes).into_iter().for_each(|end| self.due.remove(end, person.clone()));
        votes
    }

    fn keep(&mut self, person: PersonId, votes: Vec<RecentVote>, ops: &mut Ops) {
        if votes.is_empty() {
            ops.delete(kind::RECENT_VOTE, person.to_string());
        } else {
            ops.put(kind::RECENT_VOTE, person.to_string(), &(person.clone(), votes.clone()));
            self.put(person, votes);
        }
    }

    fn put(&mut self, person: PersonId, votes: Vec<RecentVote>) {
        end(&votes).into_iter().for_each(|end| self.due.add(end, person.clone()));
        self.by.insert(person, votes);
    }
}
