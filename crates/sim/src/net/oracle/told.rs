//! What agents and people were told, held against what happened.

use std::collections::BTreeSet;

use types::{Outcome, OutcomeStatus};

use crate::net::oracle::Run;
use crate::net::scene::{Kill, Scene, Seen, Told};
use crate::road::oracle::records::Fold;
use crate::road::trace::covers;

/// Are the codes that leave open whether something happened; every other refusal says that nothing did.
const OPEN: [&str; 9] = [
    "in-doubt",
    "upstream-timeout",
    "upstream-invalid",
    "result-too-large",
    "internal",
    "journal-stopped",
    "invariant-broken",
    "disk-full",
    "shutting-down",
];

/// Is how long the answer of a call may be known before its outcome is durable, in milliseconds.
const RECORDING_MS: i64 = 200;

/// Judges what was told.
pub fn judge(scene: &Scene, seen: &Seen, run: &Run, fold: &Fold, wrong: &mut Vec<String>) {
    let took_effect: BTreeSet<u64> = {
        let book = scene.book();
        book.effects.iter().map(|effect| book.arrivals[*effect].call).collect()
    };
    for (call, told) in &seen.told {
        let outcome = fold.of_call.get(call).and_then(|action| fold.permitted[action].outcome.as_ref());
        let outcome = outcome.map(|(_, outcome)| outcome);
        for what in told_rightly(told, outcome, took_effect.contains(call), scene.calm) {
            wrong.push(format!("call {call} to `{}`: {what}", seen.trace.calls[call].tool));
        }
    }
    for kill in &seen.kills {
        drained_rightly(kill, scene, seen, run, fold, wrong);
    }
    for withdrawn in &seen.withdrawn {
        let Some(permitted) = fold.of_call.get(&withdrawn.call).map(|action| &fold.permitted[action]) else { continue };
        let status = permitted.outcome.as_ref().map(|(_, outcome)| outcome.status);
        if run.at(permitted.index) > withdrawn.at && status != Some(OutcomeStatus::NotDispatched) {
            wrong.push(format!("call {} was carried out after its client had withdrawn it", withdrawn.call));
        }
    }
}

fn told_rightly(told: &Told, outcome: Option<&Outcome>, took_effect: bool, calm: bool) -> Vec<String> {
    let status = outcome.map(|outcome| outcome.status);
    let mut wrong = Vec::new();
    if let Told::Refused(code) = told {
        if took_effect && !OPEN.contains(&code.as_str()) {
            wrong.push(format!("it took effect, and its agent was told `{code}`"));
        }
        if code == "in-doubt" && status.is_some_and(|status| status != OutcomeStatus::InDoubt) {
            wrong.push(format!("its agent was told `in-doubt`, and recorded is {status:?}"));
        }
        if calm && code.starts_with("upstream") {
            wrong.push(format!("its agent was told `{code}`, and nothing went wrong"));
        }
    }
    if calm && *told != Told::Nothing && status == Some(OutcomeStatus::InDoubt) {
        wrong.push("it is in doubt, and nothing went wrong".to_owned());
    }
    wrong
}

/// What was sent before a kill was asked for, and had no outcome when it was acknowledged, must be named.
fn drained_rightly(kill: &Kill, scene: &Scene, seen: &Seen, run: &Run, fold: &Fold, wrong: &mut Vec<String>) {
    let book = scene.book();
    for arrival in book.arrivals.iter().filter(|arrival| arrival.moment < kill.asked) {
        if !covers(&kill.target, &seen.trace.calls[&arrival.call]) {
            continue;
        }
        let Some(action) = fold.of_call.get(&arrival.call) else { continue };
        let ended = fold.permitted[action].outcome.as_ref().map(|(index, _)| *index);
        let open = ended.is_none_or(|index| index >= kill.size && run.at(index) > kill.at + RECORDING_MS);
        if open && !kill.named.contains(&action.to_string()) {
            let drained = if kill.drained { "called drained" } else { "acknowledged" };
            wrong.push(format!("the kill of `{}` was {drained} and did not name {action}", kill.target.key()));
        }
    }
}
