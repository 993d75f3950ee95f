//! What must hold, judged from what everybody was told, what the journal recorded and what the server received.

use std::collections::BTreeMap;

use control::door::CaseEnd;
use types::case::CaseState;
use types::{ActionId, CaseId, Code, Digest, PersonId};

use crate::fold::{Fold, State};
use crate::notes::Pages;
use crate::told::{Arrival, Event, Said, Told};

/// Judges a run whose journal is folded; says what is wrong with it.
pub fn judge(fold: &Fold, pages: &Pages) -> Vec<String> {
    let mut wrong = Vec::new();
    for arrival in &pages.arrivals {
        let told = left_rightly(fold, pages, arrival);
        wrong.extend(told.map(|what| format!("call {} to `{}` {what}", arrival.call, arrival.tool)));
    }
    for event in &pages.events {
        wrong.extend(told_rightly(fold, pages, event).map(|what| format!("{:?}: {what}", event.told)));
    }
    wrong.extend(votes(fold, pages));
    wrong.extend(ballots(fold, pages));
    for permitted in fold.permitted.values().filter(|permitted| permitted.outcome.is_none()) {
        wrong.push(format!("{} has no outcome", permitted.proposal.id));
    }
    wrong
}

/// Says what is wrong with a request that has left.
fn left_rightly(fold: &Fold, pages: &Pages, arrival: &Arrival) -> Option<String> {
    let recorded = fold.of_call.get(&arrival.call).and_then(|action| fold.permitted.get(action));
    let Some(permitted) = recorded.filter(|permitted| permitted.index < arrival.size) else {
        return Some("left before a permit was durable".into());
    };
    let exact = &permitted.proposal;
    if exact.tool.operation != arrival.tool || *exact.arguments.value() != arrival.arguments {
        return Some("left as something else than what was decided".into());
    }
    if permitted.outcome.is_some_and(|index| index < arrival.size) {
        return Some("left after its outcome was recorded".into());
    }
    if pages.arrivals.iter().filter(|other| other.call == arrival.call).count() > 1 {
        return Some("left more than once".into());
    }
    under_kill(pages, &exact.id, arrival.moment).map(|what| format!("left {what}"))
}

/// Says what is wrong if something of an action goes on at a moment.
fn under_kill(pages: &Pages, action: &ActionId, moment: u64) -> Option<&'static str> {
    pages.events.iter().filter(|event| event.moment < moment).find_map(|event| match &event.told {
        Told::Armed(in_flight) if !in_flight.contains(action) => {
            Some("after the kill was armed, which did not name it")
        }
        Told::Drained => Some("after the kill was drained"),
        _ => None,
    })
}

/// Says what is wrong with what somebody was told.
fn told_rightly(fold: &Fold, pages: &Pages, event: &Event) -> Option<String> {
    let durable = |index: Option<u64>| index.is_some_and(|index| index < event.size);
    match &event.told {
        Told::Call(call, said) => call_rightly(fold, pages, *call, said, event.size),
        Told::Vote(who, case, Ok((_, counted))) | Told::Cast(who, case, _, Ok((_, counted))) => {
            let votes = &fold.cases.get(case)?.votes;
            let index = votes.iter().find(|cast| cast.by == *who).map(|cast| cast.index);
            (!durable(index) || !counted).then(|| "it was told before the vote was durable".into())
        }
        Told::Vote(..) | Told::Cast(..) | Told::Drawn(..) | Told::Revoked(_, Err(_)) | Told::TookBack(_, _, Err(_)) => {
            None
        }
        Told::Revoked(_, Ok(())) => {
            (!durable(fold.revoked.last().copied())).then(|| "the revocation was not durable".into())
        }
        // Each race gives one delegation, which nothing forbids, and takes it back once at most.
        Told::Gave(_, _, Err(_)) => Some("what may be given was not".into()),
        Told::Gave(_, _, Ok(())) => {
            (!durable(fold.given.last().copied())).then(|| "what was given was not durable".into())
        }
        Told::TookBack(_, _, Ok(())) => {
            (!durable(fold.taken_back.last().copied())).then(|| "what was taken back was not durable".into())
        }
        Told::Waited(case, end) => waited_rightly(fold, case, end, event.size),
        Told::Armed(_) => (!durable(fold.kills.last().copied())).then(|| "the kill was not durable".into()),
        Told::Drained => {
            let flies = |arrival: &&Arrival| {
                arrival.moment < event.moment && arrival.answered.is_none_or(|answered| answered > event.moment)
            };
            pages.arrivals.iter().find(flies).map(|arrival| format!("call {} was in flight", arrival.call))
        }
        Told::Handed(call, Ok(action)) => {
            let index = fold.permitted.get(action).map(|permitted| permitted.index);
            if !durable(index) || fold.of_call.get(call) != Some(action) {
                return Some("the permit was not durable".into());
            }
            under_kill(pages, action, event.moment).map(str::to_owned)
        }
        Told::Handed(call, Err(_)) => {
            let action = fold.of_call.get(call).and_then(|action| fold.permitted.get(action))?;
            (!durable(action.outcome)).then(|| "a permit that nobody got has no outcome".into())
        }
        Told::Reported(action, Ok(())) => {
            let outcome = fold.permitted.get(action).and_then(|permitted| permitted.outcome);
            (!durable(outcome)).then(|| "what was reported was not durable".into())
        }
        Told::Reported(_, Err(_)) => Some("what was done could not be reported".into()),
        Told::Alive(_, asked, true) => {
            let armed = pages.events.iter().find(|event| matches!(event.told, Told::Armed(_)));
            armed.filter(|armed| armed.moment < *asked).map(|_| "a permit is alive after a kill".into())
        }
        Told::Alive(_, _, false) | Told::Activated(Err(_)) => None,
        Told::Activated(Ok(())) => {
            let latest = fold.stricter.last().copied();
            (!durable(latest)).then(|| "the policy was not durable".into())
        }
    }
}

fn call_rightly(fold: &Fold, pages: &Pages, call: u64, said: &Said, size: u64) -> Option<String> {
    let action = fold.of_call.get(&call).and_then(|action| fold.permitted.get(action));
    let arrived = pages.arrivals.iter().any(|arrival| arrival.call == call);
    match (said, action) {
        (Said::Answered, Some(permitted)) if permitted.outcome.is_some_and(|index| index < size) && arrived => None,
        (Said::Answered, _) => Some("its outcome was not durable, or it never left".into()),
        (Said::Held(_), Some(_)) => Some("it was permitted all the same".into()),
        (Said::Held(case), None) => (!fold.cases.contains_key(case)).then(|| "there is no such case".into()),
        (Said::Refused(_), _) => arrived.then(|| "it left all the same".into()),
    }
}

fn waited_rightly(fold: &Fold, id: &CaseId, end: &CaseEnd, size: u64) -> Option<String> {
    let case = fold.cases.get(id)?;
    let ended = |state: CaseState| case.state == State::Over(state) && case.closed.is_some_and(|index| index < size);
    let durable = match end {
        CaseEnd::Approved => case.is_approved(size),
        CaseEnd::Refused(refusal) if refusal.code == Code::ApprovalExpired => ended(CaseState::Expired),
        CaseEnd::Refused(refusal) if refusal.code == Code::ApprovalVoid => ended(CaseState::Void),
        CaseEnd::Refused(_) | CaseEnd::StillOpen => false,
    };
    (!durable).then(|| "it was told before it was durable".into())
}

/// Holds the votes that people were told are counted against those that are recorded.
fn votes(fold: &Fold, pages: &Pages) -> Vec<String> {
    let mut told: BTreeMap<(&PersonId, &CaseId), usize> = BTreeMap::new();
    for counted in pages.events.iter().filter_map(|event| event.told.counted()) {
        *told.entry(counted).or_default() += 1;
    }
    let recorded = |who: &PersonId, case: &CaseId| {
        let votes = fold.cases.get(case).map_or(&[][..], |case| &case.votes);
        votes.iter().filter(|cast| cast.by == *who).count()
    };
    let all = told.into_iter().filter(|((who, case), count)| recorded(who, case) != *count);
    all.map(|((who, case), count)| {
        format!("{who} was told {count} times that a vote on {case} counts, and {} are recorded", recorded(who, case))
    })
    .collect()
}

/// Holds the ballots that were cast against those that were given out: each is looked at once, whatever comes of it.
fn ballots(fold: &Fold, pages: &Pages) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut looked_at: BTreeMap<&Digest, usize> = BTreeMap::new();
    for event in &pages.events {
        if let Told::Cast(_, _, challenge, said) = &event.told {
            *looked_at.entry(challenge).or_default() += usize::from(*said != Err(Code::BallotUsed));
        }
    }
    let again = looked_at.into_iter().filter(|(_, times)| *times != 1);
    wrong.extend(again.map(|(challenge, times)| format!("the ballot {challenge} was looked at {times} times")));
    let drawn = |by: &PersonId, id: &CaseId, ballot: &Digest| {
        pages.events.iter().any(|event| matches!(&event.told, Told::Drawn(who, case, Ok(challenge)) if who == by && case == id && challenge == ballot))
    };
    for (id, case) in &fold.cases {
        let foreign = case.votes.iter().filter(|cast| cast.ballot.is_some_and(|ballot| !drawn(&cast.by, id, &ballot)));
        wrong.extend(foreign.map(|cast| format!("record {}: a ballot that {} was not given", cast.index, cast.by)));
    }
    wrong
}
