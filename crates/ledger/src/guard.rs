//! What must hold of the journal itself, asserted beside the code that makes it so.

use store::{Batch, Head};
use types::{Broken, Invariant, Millis};

use crate::handle::LedgerError;
use crate::sequencer::frontier_of;

/// Watches the journal's time.
#[derive(Debug)]
pub(crate) struct Forward(Millis);

impl Forward {
    /// Starts after the last record of the journal.
    pub(crate) fn after(last: Millis) -> Self {
        Self(last)
    }

    /// Takes note of the time of a turn.
    pub(crate) fn turn(&mut self, now: Millis) -> Result<(), Broken> {
        let before = std::mem::replace(&mut self.0, now);
        Invariant::TimeForward.assert(before <= now, || format!("time went from {} ms back to {} ms", before.0, now.0))
    }
}

/// Asserts that a batch goes on where the journal ends, and that its tree has a leaf for each record.
///
/// - `first`: the index that the first record of the batch was given; absent if it has none.
pub(crate) fn extends(head: &Head, first: Option<u64>, batch: &Batch) -> Result<(), Broken> {
    let gap = || format!("the journal ends at {}, and the next record was given the index {first:?}", head.size);
    Invariant::TreeWhole.assert(first.is_none_or(|first| first == head.size), gap)?;
    let records = head.size + batch.records.len() as u64;
    let leaves = frontier_of(&batch.frontier).map(|frontier| frontier.size());
    let holds = leaves.as_ref() == Ok(&records);
    Invariant::TreeWhole.assert(holds, || format!("a tree of {leaves:?} leaves is to stand over {records} records"))
}

/// Asserts that the journal ends where its last batch leads.
pub(crate) fn ends_at(expected: &Head, head: &Head) -> Result<(), Broken> {
    let differs = || format!("it was to end at {} after {} commits", expected.size, expected.commits);
    Invariant::HeadSynced.assert(expected == head, || {
        format!("the journal ends at {} after {} commits; {}", head.size, head.commits, differs())
    })
}

/// Asserts that the record of an answer is in the journal by now.
///
/// - `size`: how many records are durable.
pub(crate) fn is_durable(index: Option<u64>, size: u64) -> Result<(), Broken> {
    let holds = index.is_none_or(|index| index < size);
    Invariant::HeadSynced.assert(holds, || format!("record {index:?} is answered for, and {size} are durable"))
}

/// Tells the operator why nothing more is recorded.
pub(crate) fn tell(error: &LedgerError) {
    match error {
        LedgerError::Broken(broken) => {
            tracing::error!(invariant = %broken.invariant, why = %broken.why, "what must always hold does not");
        }
        other => tracing::error!(error = %other, "a batch could not be committed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::NewRecord;
    use tlog::frontier::Frontier;
    use tlog::hash::leaf_hash;

    fn edge(leaves: u64) -> Vec<u8> {
        let mut frontier = Frontier::new();
        for leaf in 0..leaves {
            frontier.push(leaf_hash(&leaf.to_be_bytes())).unwrap();
        }
        frontier.to_bytes()
    }

    fn head(size: u64, commits: u64) -> Head {
        Head { size, frontier: edge(size), epoch: 1, commits }
    }

    /// Two records, and the edge of a tree of so many leaves.
    fn batch(leaves: u64) -> Batch {
        let (leaf, sealed, subjects) = (vec![1], vec![2], Vec::new());
        let record = NewRecord { leaf, kind: 1, action: None, session: None, sealed, subjects };
        Batch { records: vec![record.clone(), record], frontier: edge(leaves), ..Batch::default() }
    }

    fn name(held: Result<(), Broken>) -> Option<Invariant> {
        held.err().map(|broken| broken.invariant)
    }

    #[test]
    fn time_that_goes_back_is_noticed() {
        let mut forward = Forward::after(Millis(10));
        assert_eq!(forward.turn(Millis(10)), Ok(()));
        assert_eq!(forward.turn(Millis(12)), Ok(()));
        assert_eq!(name(forward.turn(Millis(11))), Some(Invariant::TimeForward));
        assert_eq!(name(Forward::after(Millis(10)).turn(Millis(9))), Some(Invariant::TimeForward));
    }

    #[test]
    fn a_gap_and_a_tree_that_is_not_over_the_records_are_noticed() {
        assert_eq!(extends(&head(3, 1), Some(3), &batch(5)), Ok(()));
        let without = Batch { records: Vec::new(), ..batch(3) };
        assert_eq!(extends(&head(3, 1), None, &without), Ok(()));
        for first in [2, 4] {
            assert_eq!(name(extends(&head(3, 1), Some(first), &batch(5))), Some(Invariant::TreeWhole));
        }
        for leaves in [3, 4, 6] {
            assert_eq!(name(extends(&head(3, 1), Some(3), &batch(leaves))), Some(Invariant::TreeWhole));
        }
        let torn = Batch { frontier: vec![7; 9], ..batch(5) };
        assert_eq!(name(extends(&head(3, 1), Some(3), &torn)), Some(Invariant::TreeWhole));
    }

    #[test]
    fn a_journal_that_ends_elsewhere_is_noticed() {
        let expected = head(3, 1).after(&batch(5));
        assert_eq!(ends_at(&expected, &head(5, 2)), Ok(()));
        let other = Head { frontier: edge(6), ..head(5, 2) };
        for wrong in [head(3, 1), head(3, 2), head(5, 1), head(6, 2), Head { epoch: 2, ..head(5, 2) }, other] {
            assert_eq!(name(ends_at(&expected, &wrong)), Some(Invariant::HeadSynced));
        }
    }

    #[test]
    fn an_answer_for_a_record_that_is_not_there_is_noticed() {
        assert_eq!((is_durable(None, 0), is_durable(Some(4), 5)), (Ok(()), Ok(())));
        assert_eq!(name(is_durable(Some(5), 5)), Some(Invariant::HeadSynced));
    }
}
