//! Time passing: silence becomes refusal, floods of denials are counted instead of recorded one by one, and what is kept
//! for a time only ends.

use std::collections::BTreeMap;

use evidence::{Content, Field, RecordKind};
use ledger::{Draft, Turn};
use replay::fold::Ops;
use stages::approval;
use types::{ActionProposal, Millis, Principal, Verdict};

use super::{Changes, Decider, Reply, store};

/// Is how many denials of one principal are recorded one by one before they are counted.
const DENIALS_MAX: i64 = 200;

/// Is how long it takes until so many may be recorded again, in milliseconds.
const DENIALS_REFILL_MS: i64 = 60_000;

/// Counts denials by principal.
#[derive(Debug, Default)]
pub(super) struct Denials(BTreeMap<String, Counted>);

#[derive(Debug, Clone)]
struct Counted {
    principal: Principal,
    since: Millis,
    recorded: i64,
    summed: u64,
}

impl Denials {
    /// Says whether the principal has used up its quota of denials for now.
    pub(super) fn flooding(&self, principal: &Principal, now: Millis) -> bool {
        let fresh = |c: &&Counted| now.since(c.since) < DENIALS_REFILL_MS;
        self.0.get(&principal.subject()).filter(fresh).is_some_and(|c| c.recorded >= DENIALS_MAX)
    }
}

impl Decider {
    /// Counts a denial, or a proposal that only asks again what people are asked already; says whether it is only
    /// counted and not recorded.
    pub(super) fn aggregates(&mut self, proposal: &ActionProposal, turn: &mut Turn<'_>) -> bool {
        let key = proposal.principal.subject();
        if self.denials.0.get(&key).is_some_and(|c| turn.now.since(c.since) >= DENIALS_REFILL_MS) {
            self.sum_up(&key, turn);
        }
        let counted = self.denials.0.entry(key).or_insert_with(|| Counted {
            principal: proposal.principal.clone(),
            since: turn.now,
            recorded: 0,
            summed: 0,
        });
        if counted.recorded < DENIALS_MAX {
            counted.recorded += 1;
            return false;
        }
        counted.summed += 1;
        true
    }

    /// Records how many denials were only counted, and starts a new count.
    pub(super) fn sum_up(&mut self, key: &str, turn: &mut Turn<'_>) {
        let Some(counted) = self.denials.0.remove(key).filter(|c| c.summed > 0) else { return };
        let content = Content::about(vec![counted.principal.subject()])
            .with(Field::Principal, &counted.principal)
            .with(Field::Body, &(counted.summed, counted.since, turn.now));
        turn.record(Draft {
            bundle: Some(self.bundle().digest()),
            verdict: Some(Verdict::Deny.rank()),
            ..Draft::new(RecordKind::Aggregate, content)
        });
    }

    pub(super) fn sum_up_all(&mut self, turn: &mut Turn<'_>) -> Reply {
        self.sum_up_where(|_| true, turn);
        Reply::done()
    }

    /// Records how many denials were only counted, of each principal whose count is to end.
    fn sum_up_where(&mut self, ends: impl Fn(&Counted) -> bool, turn: &mut Turn<'_>) {
        let over: Vec<String> =
            self.denials.0.iter().filter(|(_, counted)| ends(counted)).map(|(key, _)| key.clone()).collect();
        for key in over {
            self.sum_up(&key, turn);
        }
    }

    pub(super) fn tick(&mut self, turn: &mut Turn<'_>) -> Reply {
        let now = turn.now;
        self.sum_up_where(|counted| now.since(counted.since) >= DENIALS_REFILL_MS, turn);
        let mut cases = self.end_cases(|_| true, |case| approval::expire(case, now), turn);
        cases.extend(self.end_decoys(|_| true, |case| approval::expire(case, now), turn));
        self.end_due_glasses(turn);
        self.end_unreported(turn);
        let mut ops = Ops::default();
        self.books.sweep(now, &mut ops);
        store(ops, turn);
        let mut ended = self.close_idle(turn);
        ended.extend(self.close_drained(turn));
        Reply::Done(Changes { cases, ended, ..Changes::default() })
    }
}
