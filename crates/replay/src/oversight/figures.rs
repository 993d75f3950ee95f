//! The figures themselves: whole numbers, ratios in basis points.

use std::collections::BTreeSet;

use serde::Serialize;
use types::case::Ballot;
use types::{Millis, PersonId, ProfileId};

use super::QUICK_MS;
use super::reviewers::OfReviewer;
use super::sample::{DecoyOver, Hour, Sample, Silence};

/// Is how long decisions took from when it was the person's turn, in milliseconds. A percentile is the time of a vote that was
/// cast: the least that so many in a hundred did not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Times {
    /// Half of them took no longer.
    pub p50: i64,
    /// Nine in ten took no longer.
    pub p90: i64,
    /// Ninety-nine in a hundred took no longer.
    pub p99: i64,
    /// The longest.
    pub max: i64,
}

impl Times {
    fn of(mut all: Vec<i64>) -> Option<Self> {
        all.sort_unstable();
        let at = |percent: usize| {
            let rank = all.len().saturating_mul(percent).div_ceil(100).max(1);
            all.get(rank.saturating_sub(1)).copied()
        };
        Some(Self { p50: at(50)?, p90: at(90)?, p99: at(99)?, max: at(100)? })
    }
}

/// Is what was counted of somebody's decisions. Ratios are in basis points, and absent where there is nothing to divide by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Figures {
    /// Votes that were cast, for and against.
    pub votes: u64,
    /// Those for it.
    pub approvals: u64,
    /// Approvals of all votes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_bp: Option<u64>,
    /// How long decisions took; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_ms: Option<Times>,
    /// Votes cast in less than [`QUICK_MS`] after it was the person's turn.
    pub quick: u64,
    /// Those of all votes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quick_bp: Option<u64>,
    /// Votes cast in another's place.
    pub delegated: u64,
    /// Cases that expired unanswered while it was their turn.
    pub expired: u64,
    /// Approvals of what failed, is in doubt, or was stopped by a kill switch over its agent, tool or class within
    /// [`super::REGRET_MS`].
    pub regretted: u64,
    /// Those of all approvals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regret_bp: Option<u64>,
    /// Decoys, which are in none of the figures above.
    pub decoys: DecoyFigures,
}

/// Is what became of decoys that are over. One that is open is not counted, so that nobody reads here that there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct DecoyFigures {
    /// Those that were shown, and answered or left unanswered until their end.
    pub shown: u64,
    /// Those that somebody refused.
    pub caught: u64,
    /// Those that somebody approved.
    pub missed: u64,
    /// Those that nobody answered.
    pub unanswered: u64,
    /// Those that were caught of all that were answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catch_bp: Option<u64>,
}

impl DecoyFigures {
    fn of(decoys: &[&DecoyOver]) -> Self {
        let tally = |ballot: Option<Ballot>| count(decoys.iter().filter(|decoy| decoy.ballot == ballot));
        let (caught, missed) = (tally(Some(Ballot::Deny)), tally(Some(Ballot::Approve)));
        let (shown, unanswered) = (count(decoys.iter()), tally(None));
        Self { shown, caught, missed, unanswered, catch_bp: bp(caught, caught + missed) }
    }
}

/// Returns a ratio in basis points, rounded down.
fn bp(part: u64, whole: u64) -> Option<u64> {
    part.saturating_mul(10_000).checked_div(whole)
}

fn count<T>(all: impl Iterator<Item = T>) -> u64 {
    all.fold(0, |count, _| count + 1)
}

impl Figures {
    fn of(votes: &[&Sample], expired: u64, decoys: &[&DecoyOver]) -> Self {
        let tally = |is: &dyn Fn(&Sample) -> bool| count(votes.iter().filter(|vote| is(vote)));
        let all = tally(&|_| true);
        let approvals = tally(&|vote| vote.ballot == Ballot::Approve);
        let quick = tally(&|vote| vote.took_ms < QUICK_MS);
        let regretted = tally(&|vote| vote.regretted);
        Self {
            votes: all,
            approvals,
            approval_bp: bp(approvals, all),
            decision_ms: Times::of(votes.iter().map(|vote| vote.took_ms).collect()),
            quick,
            quick_bp: bp(quick, all),
            delegated: tally(&|vote| vote.delegated),
            expired,
            regretted,
            regret_bp: bp(regretted, approvals),
            decoys: DecoyFigures::of(decoys),
        }
    }
}

/// Is the figures of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfPerson {
    /// Who.
    pub person: PersonId,
    /// The figures.
    pub figures: Figures,
}

/// Is the figures of one group: of the votes that its profiles asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfGroup {
    /// The group.
    pub group: String,
    /// The figures.
    pub figures: Figures,
}

/// Is the figures of one profile of escalation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfProfile {
    /// The profile.
    pub profile: ProfileId,
    /// The figures.
    pub figures: Figures,
}

/// Is how often people were asked about what turned out well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Benign {
    /// Actions of agents that ended `done`, as the gateway saw or the agent reported.
    pub actions: u64,
    /// Those of them that ran on an approval.
    pub escalated: u64,
    /// Those in basis points: 250 are 2.5 escalations per 100 benign actions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalated_bp: Option<u64>,
}

/// Is how people decided in a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// When it begins; absent where that is the journal's beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Millis>,
    /// When the last record was written that is counted.
    pub to: Millis,
    /// How many records were read, those before the period among them.
    pub records: u64,
    /// How many votes and ends of cases could not be counted, erased ones or ones whose policy bundle is not at hand, of all records.
    pub unread: u64,
    /// How many cases were opened.
    pub cases: u64,
    /// The figures of everybody together; a case that expired unanswered counts once.
    pub all: Figures,
    /// The figures of each person, in order of name.
    pub people: Vec<OfPerson>,
    /// The figures of each group, in order of name.
    pub groups: Vec<OfGroup>,
    /// The figures of each profile, in order of name.
    pub profiles: Vec<OfProfile>,
    /// What each reviewer agent said, and what people decided of it, in order of name.
    pub reviewers: Vec<OfReviewer>,
    /// How often people were asked about what turned out well.
    pub benign: Benign,
}

/// Is what is counted, of a period.
pub(super) type Counted<'a> = (&'a [&'a Sample], &'a [&'a Silence], &'a [&'a DecoyOver]);

/// Says what names votes, silences and decoys bear.
struct Bears<K> {
    vote: fn(&Sample) -> BTreeSet<K>,
    silence: fn(&Silence) -> &BTreeSet<K>,
    decoy: fn(&DecoyOver) -> &BTreeSet<K>,
}

/// Counts for each name that votes, silences or decoys bear.
fn each<K: Ord + Clone, R>(
    (votes, silences, decoys): Counted<'_>,
    bear: &Bears<K>,
    make: impl Fn(K, Figures) -> R,
) -> Vec<R> {
    let voted = votes.iter().flat_map(|vote| (bear.vote)(vote));
    let silent = silences.iter().flat_map(|silence| (bear.silence)(silence).clone());
    let tested = decoys.iter().flat_map(|decoy| (bear.decoy)(decoy).clone());
    let names: BTreeSet<K> = voted.chain(silent).chain(tested).collect();
    let figures = |name: K| {
        let own: Vec<&Sample> = votes.iter().copied().filter(|vote| (bear.vote)(vote).contains(&name)).collect();
        let silent = count(silences.iter().filter(|silence| (bear.silence)(silence).contains(&name)));
        let tested: Vec<&DecoyOver> =
            decoys.iter().copied().filter(|decoy| (bear.decoy)(decoy).contains(&name)).collect();
        make(name, Figures::of(&own, silent, &tested))
    };
    names.into_iter().map(figures).collect()
}

pub(super) fn report(
    from: Option<Millis>,
    counted: Counted<'_>,
    reviewers: Vec<OfReviewer>,
    hours: Hour,
    (records, unread, to): (u64, u64, Millis),
) -> Report {
    let (votes, silences, decoys) = counted;
    let people = Bears {
        vote: |vote| BTreeSet::from([vote.person.clone()]),
        silence: |silence| &silence.people,
        decoy: |decoy| &decoy.people,
    };
    let groups =
        Bears { vote: |vote| vote.groups.clone(), silence: |silence| &silence.groups, decoy: |decoy| &decoy.groups };
    let profiles = Bears {
        vote: |vote| vote.profiles.clone(),
        silence: |silence| &silence.profiles,
        decoy: |decoy| &decoy.profiles,
    };
    Report {
        from,
        to,
        records,
        unread,
        cases: hours.asked,
        all: Figures::of(votes, count(silences.iter()), decoys),
        people: each(counted, &people, |person, figures| OfPerson { person, figures }),
        groups: each(counted, &groups, |group, figures| OfGroup { group, figures }),
        profiles: each(counted, &profiles, |profile, figures| OfProfile { profile, figures }),
        reviewers,
        benign: Benign {
            actions: hours.done,
            escalated: hours.done_asked,
            escalated_bp: bp(hours.done_asked, hours.done),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_percentile_is_a_time_that_was_seen() {
        assert_eq!(Times::of(Vec::new()), None);
        let one = Times::of(vec![7]).unwrap();
        assert_eq!((one.p50, one.p90, one.p99, one.max), (7, 7, 7, 7));
        let hundred = Times::of((1..=100).rev().collect()).unwrap();
        assert_eq!((hundred.p50, hundred.p90, hundred.p99, hundred.max), (50, 90, 99, 100));
        let two = Times::of(vec![10, 20]).unwrap();
        assert_eq!((two.p50, two.p90, two.p99, two.max), (10, 20, 20, 20));
    }

    #[test]
    fn a_ratio_of_nothing_is_absent() {
        assert_eq!((bp(0, 0), bp(1, 3), bp(3, 3)), (None, Some(3_333), Some(10_000)));
    }
}
