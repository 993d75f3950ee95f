//! Where the kills hit: the state of each call in flight, as the journal and the target tell it afterwards.

use std::collections::BTreeMap;

use types::OutcomeStatus;

use crate::books::Fate;
use crate::checker::Evidence;
use crate::journal::Action;
use crate::sink::Seen;

/// Names how far a call had come when a kill cut it off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing of it is in the journal.
    NotRecorded,
    /// Its refusal is in the journal; its caller was not answered.
    RefusalRecorded,
    /// Its permit is in the journal, and nothing has arrived at the target.
    Recorded,
    /// It was on its way to the target, or there, and had no effect yet.
    Dispatched,
    /// The target had carried it out and had not answered.
    Acted,
    /// The target had answered; the outcome is not in the journal.
    Answered,
    /// The outcome is in the journal; its caller was not answered.
    OutcomeRecorded,
}

impl State {
    /// Lists them in the order of the road.
    pub const ALL: [Self; 7] = [
        Self::NotRecorded,
        Self::RefusalRecorded,
        Self::Recorded,
        Self::Dispatched,
        Self::Acted,
        Self::Answered,
        Self::OutcomeRecorded,
    ];

    /// Says it in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotRecorded => "not recorded",
            Self::RefusalRecorded => "refusal recorded, caller not answered",
            Self::Recorded => "permit recorded, not arrived at the target",
            Self::Dispatched => "dispatched, not carried out",
            Self::Acted => "carried out, not answered",
            Self::Answered => "answered, outcome not recorded",
            Self::OutcomeRecorded => "outcome recorded, caller not answered",
        }
    }
}

/// Returns the states of the calls that each run's kill cut off.
///
/// - `killed`: when each run was killed, by the target's clock, in microseconds.
pub fn cut(evidence: &Evidence, killed: &BTreeMap<u64, u64>) -> BTreeMap<u64, Vec<State>> {
    let actions: BTreeMap<&str, &Action> =
        evidence.journal.actions.values().map(|action| (action.call.as_str(), action)).collect();
    let mut states: BTreeMap<u64, Vec<State>> = BTreeMap::new();
    for (id, call) in evidence.calls.iter().filter(|(_, call)| call.fate == Fate::Cut) {
        let at = killed.get(&call.run).copied().unwrap_or(0);
        let state = state(actions.get(id.as_str()).copied(), evidence.seen.get(id), at);
        states.entry(call.run).or_default().push(state);
    }
    states
}

fn state(action: Option<&Action>, seen: Option<&Seen>, killed: u64) -> State {
    let Some(action) = action else { return State::NotRecorded };
    if !action.permitted {
        return State::RefusalRecorded;
    }
    let known = |status| matches!(status, OutcomeStatus::Done | OutcomeStatus::Failed | OutcomeStatus::NotDispatched);
    if action.outcomes.iter().any(|ended| known(ended.status)) {
        return State::OutcomeRecorded;
    }
    let before = |at: Option<u64>| at.is_some_and(|at| at <= killed);
    match seen {
        None => State::Recorded,
        Some(seen) if before(seen.answered) => State::Answered,
        Some(seen) if before(seen.acted) => State::Acted,
        Some(_) => State::Dispatched,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Ended;

    fn action(permitted: bool, status: OutcomeStatus) -> Action {
        Action {
            id: "act_1".into(),
            call: "a".into(),
            agent: "agent-0".into(),
            tool: "append_unsafe".into(),
            index: 1,
            at: 1,
            permitted,
            outcomes: vec![Ended { index: 2, status }],
        }
    }

    #[test]
    fn each_state_is_told_from_what_is_left() {
        let doubt = action(true, OutcomeStatus::InDoubt);
        let seen = |acted, answered| Seen { arrivals: 1, arrived: 5, acted, answered };
        assert_eq!(state(None, None, 10), State::NotRecorded);
        assert_eq!(state(Some(&action(false, OutcomeStatus::Done)), None, 10), State::RefusalRecorded);
        assert_eq!(state(Some(&doubt), None, 10), State::Recorded);
        assert_eq!(state(Some(&doubt), Some(&seen(None, None)), 10), State::Dispatched);
        assert_eq!(state(Some(&doubt), Some(&seen(Some(11), Some(12))), 10), State::Dispatched);
        assert_eq!(state(Some(&doubt), Some(&seen(Some(9), Some(12))), 10), State::Acted);
        assert_eq!(state(Some(&doubt), Some(&seen(Some(8), Some(9))), 10), State::Answered);
        assert_eq!(state(Some(&action(true, OutcomeStatus::Done)), None, 10), State::OutcomeRecorded);
    }
}
