//! What reached the server and what it did, held against the journal and against what everybody saw.

use std::collections::BTreeMap;

use types::OutcomeStatus;

use super::records::Fold;
use crate::road::trace::{Ack, Trace, covers};
use crate::road::upstream::{Arrival, Book, Fate};

/// Judges everything that left.
pub fn judge(book: &Book, trace: &Trace, fold: &Fold, wrong: &mut Vec<String>) {
    let mut of_call: BTreeMap<u64, Vec<&Arrival>> = BTreeMap::new();
    for arrival in &book.arrivals {
        of_call.entry(arrival.call).or_default().push(arrival);
        for what in left_rightly(arrival, trace, fold) {
            wrong.push(format!("call {} to `{}`: {what}", arrival.call, arrival.tool));
        }
    }
    for (call, arrivals) in &of_call {
        let effects = book.effects.iter().filter(|effect| book.arrivals[**effect].call == *call).count();
        for what in repeated_rightly(arrivals, effects) {
            wrong.push(format!("call {call} to `{}`: {what}", arrivals[0].tool));
        }
    }
    for (call, action) in &fold.of_call {
        let none = Vec::new();
        let arrivals = of_call.get(call).unwrap_or(&none);
        if let Some((index, outcome)) = &fold.permitted[action].outcome {
            for what in ended_rightly(arrivals, outcome.status, *index) {
                wrong.push(format!("call {call}, {}: {what}", outcome.status.as_str()));
            }
        }
    }
    for (call, _) in trace.acks.iter().filter(|(_, ack)| **ack == Ack::Answered) {
        let outcome = fold.of_call.get(call).and_then(|action| fold.permitted[action].outcome.as_ref());
        if !outcome.is_some_and(|(_, o)| matches!(o.status, OutcomeStatus::Done | OutcomeStatus::Failed)) {
            wrong.push(format!("call {call} was answered, and its outcome is not recorded"));
        }
    }
}

fn left_rightly(arrival: &Arrival, trace: &Trace, fold: &Fold) -> Vec<String> {
    let mut wrong = Vec::new();
    let call = &trace.calls[&arrival.call];
    let recorded = fold.of_call.get(&arrival.call).filter(|action| fold.permitted[action].index < arrival.size);
    match recorded {
        None => wrong.push("it left before a permit was durable".to_owned()),
        Some(action) => {
            let permitted = &fold.permitted[action];
            let exact = &permitted.proposal;
            if exact.tool.operation != arrival.tool || *exact.arguments.value() != arrival.arguments {
                wrong.push("what left is not what was decided".to_owned());
            }
            let key = (arrival.tool == "put").then(|| action.to_string());
            if arrival.key != key {
                wrong.push(format!("it left with the key {:?} instead of {key:?}", arrival.key));
            }
            if permitted.outcome.as_ref().is_some_and(|(index, _)| *index < arrival.size) {
                wrong.push("it left after its outcome was recorded".to_owned());
            }
        }
    }
    let armed = |kill: &&crate::road::trace::Armed| {
        covers(&kill.target, call) && kill.from < arrival.moment && kill.to.is_none_or(|to| arrival.moment < to)
    };
    if let Some(kill) = trace.armed.iter().find(armed) {
        wrong.push(format!("it left after the kill of `{}` was acknowledged", kill.target.key()));
    }
    wrong
}

fn repeated_rightly(arrivals: &[&Arrival], effects: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    let most = if matches!(arrivals[0].tool.as_str(), "peek" | "put") { 3 } else { 1 };
    if arrivals.len() > most {
        wrong.push(format!("it left {} times", arrivals.len()));
    }
    if effects > 1 && arrivals[0].tool != "peek" {
        wrong.push(format!("it took effect {effects} times"));
    }
    wrong
}

fn ended_rightly(arrivals: &[&Arrival], status: OutcomeStatus, index: u64) -> Vec<String> {
    let answered = |fates: &[Fate]| {
        let known =
            |arrival: &&Arrival| arrival.fate.is_some_and(|(fate, size)| fates.contains(&fate) && size <= index);
        arrivals.iter().any(known)
    };
    let in_doubt = arrivals.iter().any(|arrival| arrival.fate.is_none_or(|(fate, _)| !fate.is_not_sent()));
    match status {
        OutcomeStatus::Done if !answered(&[Fate::Done]) => vec!["nobody had said that it was done".to_owned()],
        OutcomeStatus::Failed if !answered(&[Fate::Failed, Fate::Error]) => {
            vec!["nobody had said that it failed".to_owned()]
        }
        OutcomeStatus::NotDispatched if in_doubt => vec!["it may have been done".to_owned()],
        _ => Vec::new(),
    }
}
