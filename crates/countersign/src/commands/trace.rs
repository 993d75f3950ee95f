//! `countersign trace`: one action's whole path, told.

use control::logs::{closed_logs, open_closed};
use control::trace::{OnCallThen, Path, on_call, path_over};
use evidence::RecordKind;
use ledger::History;
use replay::audit::words;
use serde_json::json;
use types::case::Ballot;
use types::check::Judgement;
use types::reviewing::Advice;
use types::text::escape;
use types::{ActionId, Decision, Restriction, Verdict};

use super::Done;
use crate::cli::Trace;
use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::output::{self, BAD, BOLD, FAINT, GOOD, NOTE, paint};

/// Runs the command.
pub fn run(folders: &Folders, args: &Trace, as_json: bool) -> Done {
    let (history, keys) = folders.history()?;
    let action = find(&history, &args.action)?;
    let kept = closed_logs(&history)?.into_iter().filter(|log| log.deleted.is_none());
    let mut unread = Vec::new();
    let mut closed = Vec::new();
    for log in kept {
        match open_closed(&folders.data, &keys.tenant, log.number) {
            Ok(history) => closed.push((log.number, history)),
            Err(error) => {
                output::tell(format!("{}; what it has of the action is not shown", error.message));
                unread.push(log.number);
            }
        }
    }
    let logs: Vec<_> = closed.iter().map(|(number, log)| (Some(*number), log)).chain([(None, &history)]).collect();
    let path = Path { unread, ..path_over(&logs, &action)? };
    let on_call = on_call(&logs, &path)?;
    if as_json {
        output::say_json(&as_value(&action, &path, &on_call));
    } else {
        tell(&action, &path);
        tell_on_call(&on_call);
    }
    Ok(Exit::Done)
}

/// Reads an action's id, or finds the action that was decided last.
fn find(history: &History, text: &str) -> Result<ActionId, CliError> {
    if text != "last" {
        return text.parse().map_err(|e: types::id::IdError| CliError::usage(e.to_string()));
    }
    let mut to = history.size()?;
    while to > 0 {
        let from = to.saturating_sub(256);
        let mut decided =
            history.range(from, to)?.into_iter().rev().filter(|entry| entry.leaf.kind == RecordKind::Decided);
        if let Some(action) = decided.find_map(|entry| entry.leaf.action) {
            return Ok(action);
        }
        to = from;
    }
    Err(CliError::new(Exit::Failed, types::Code::NotFound, "the journal has no action yet"))
}

/// Puts a path into JSON: what the records hold, unescaped, as a program reads it.
fn as_value(action: &ActionId, path: &Path, on_call: &[OnCallThen]) -> serde_json::Value {
    let records = path.steps.iter().map(|step| {
        json!({ "log": step.log, "index": step.index, "kind": step.leaf.kind, "hash": step.hash, "at": step.leaf.at, "erased": step.erased })
    });
    json!({
        "action": action,
        "proposal": path.proposal,
        "decisions": path.decisions,
        "on_call": on_call,
        "votes": path.votes,
        "reviews": path.reviews,
        "outcome": path.outcome,
        "states": path.states.iter().map(|(seen, state)| json!({ "seen": seen, "state": state })).collect::<Vec<_>>(),
        "checks": path.checks,
        "contained": path.contained,
        "saga": path.saga,
        "records": records.collect::<Vec<_>>(),
        "unread": path.unread,
    })
}

/// Tells a path to a person.
pub fn tell(action: &ActionId, path: &Path) {
    output::say(paint(BOLD, action));
    if let Some(proposal) = &path.proposal {
        output::say(format!(
            "{} called {}",
            proposal.principal,
            paint(BOLD, escape(&proposal.tool.to_string(), false))
        ));
        output::say(format!("  at         {}", output::time(proposal.at)));
        if let Some(person) = &proposal.on_behalf_of {
            output::say(format!("  on behalf  {person}"));
        }
        output::say(format!("  arguments  {}", output::json_text(proposal.arguments.canonical())));
        if let Some(places) = words::redacted(proposal.arguments.value()) {
            output::say(paint(NOTE, format!("  redacted   {}", escape(&places, false))));
        }
        match &proposal.plan {
            Some(plan) if plan.failed.is_none() => {
                output::say(format!("  planned    {}", output::json_text(plan.told.canonical())));
            }
            _ => {}
        }
        if let Some(purpose) = &proposal.claims.purpose {
            output::say(paint(NOTE, format!("  agent says {}", escape(purpose, false))));
        }
    } else {
        output::say(paint(NOTE, "  its content was erased; what remains is what the log commits to"));
    }
    if let Some(saga) = &path.saga {
        let step = saga.step_of(action).map_or(0, |step| step + 1);
        output::say(format!("  step       {step} of {} of the saga {}", saga.steps.len(), saga.session));
    }
    for decision in &path.decisions {
        tell_decision(decision);
    }
    for review in &path.reviews {
        let word = if review.advice == Advice::On { "sent on to people" } else { "sent back" };
        let who = format!("agent:{} ({})", review.reviewer, escape(&review.family, false));
        let reason = escape(&review.reason, false);
        output::say(paint(NOTE, format!("\n{word} by {who}, {}, who has no vote: {reason}", output::time(review.at))));
    }
    for vote in &path.votes {
        let (word, style) = match vote.ballot {
            Ballot::Approve => ("approved", GOOD),
            Ballot::Deny => ("refused", BAD),
        };
        let solo = if vote.solo { ", alone, as `solo` allows" } else { "" };
        let place = vote.proxy.as_ref().map_or_else(String::new, |p| format!(" in the place of {}", p.person));
        output::say(format!(
            "\n{} by {}{place}{solo}, {}: {}",
            paint(style, word),
            vote.person,
            output::time(vote.at),
            escape(&vote.reason, false)
        ));
    }
    tell_outcome(path);
    tell_states(path);
    tell_checks(path);
    output::say(paint(BOLD, "\nin the journal"));
    let rows = path.steps.iter().map(|step| {
        vec![
            step.log.map_or_else(|| format!("  {}", step.index), |log| format!("  {log}:{}", step.index)),
            step.leaf.kind.as_str().to_owned(),
            output::time(step.leaf.at),
            paint(FAINT, step.hash.short(16)),
        ]
    });
    output::table(&rows.collect::<Vec<_>>());
}

/// Tells who was on call when each step of a path asked.
fn tell_on_call(on_call: &[OnCallThen]) {
    if on_call.is_empty() {
        return;
    }
    output::say(paint(BOLD, "\non call when it was asked"));
    let row = |then: &OnCallThen| {
        let who = then.person.as_ref().map_or_else(|| paint(BAD, "nobody"), ToString::to_string);
        vec![format!("  {}", then.profile), then.schedule.to_string(), who, output::time(then.at)]
    };
    output::table(&on_call.iter().map(row).collect::<Vec<_>>());
}

fn tell_decision(decision: &Decision) {
    output::say(format!("\n{} {}", paint(BOLD, "decided"), output::verdict(&decision.verdict)));
    authority(decision);
    let rows = decision.findings.iter().map(|finding| {
        let style = match finding.restriction {
            Restriction::Allow | Restriction::AllowObserved => GOOD,
            Restriction::Escalate(_) => NOTE,
            Restriction::Deny => BAD,
        };
        let word = match &finding.restriction {
            Restriction::Allow => "allow".to_owned(),
            Restriction::AllowObserved => "observe".to_owned(),
            Restriction::Escalate(profile) => format!("ask {profile}"),
            Restriction::Deny => "deny".to_owned(),
        };
        vec![
            format!("  {}", finding.stage),
            paint(style, word),
            finding.code.to_string(),
            escape(&finding.detail, false),
        ]
    });
    output::table(&rows.collect::<Vec<_>>());
    output::say(format!("  {}", words::risk(&decision.risk)));
}

/// Says who granted the authority and what limited it.
fn authority(decision: &Decision) {
    let fact = |name: &str| decision.facts.get(name).map(|fact| fact.value.to_string());
    if let Some(by) = fact("level.by") {
        let until =
            decision.facts.int("level.expires_at").map(|ms| output::time(types::Millis(ms))).unwrap_or_default();
        output::say(format!(
            "  authority  {} for {}, given by {by} until {until}",
            decision.level,
            fact("tool.class").unwrap_or_default()
        ));
    }
    if !decision.policies.is_empty() {
        output::say(format!("  {}  by policy {}", words::policies(decision), decision.policies.join(", ")));
    }
    let limits: Vec<String> = words::limits(&decision.facts).map(words::limit).collect();
    if !limits.is_empty() {
        output::say(format!("  limited    {}", limits.join(", ")));
    }
    output::say(paint(
        FAINT,
        format!("  bundle     {} (rules of version {})", decision.bundle.short(16), decision.semantics),
    ));
}

/// Tells what was seen of the state that it changes.
fn tell_states(path: &Path) {
    for (seen, state) in &path.states {
        let told = match (state, &seen.error) {
            (Some(state), _) => output::json_text(state),
            (None, Some(why)) => escape(why, false),
            (None, None) => "erased".to_owned(),
        };
        let by = seen.undo.map_or_else(String::new, |by| format!(" by {by}"));
        output::say(format!("  {:<9} {told}{by}", seen.phase.as_str()));
    }
}

/// Tells how the checks that watched it ended, and what followed.
fn tell_checks(path: &Path) {
    for checked in &path.checks {
        let style = match checked.judgement {
            Judgement::Held => GOOD,
            Judgement::Violated => BAD,
            Judgement::Inconclusive => NOTE,
        };
        let looks = format!("{} good, {} bad, {} saw nothing", checked.good, checked.bad, checked.nothing);
        let judged = paint(style, checked.judgement.as_str());
        output::say(format!("\n{judged}: the check {}, {}; {looks}", checked.check, output::time(checked.at)));
        output::say(format!("  {}", escape(&checked.why, false)));
        if checked.stop {
            output::say("  the agent stands at L0 in its class from here on");
        }
    }
    for contained in &path.contained {
        let by = contained.undo.map_or_else(String::new, |by| format!(" by {by}"));
        match &contained.error {
            None => output::say(format!("{} by itself{by}", paint(GOOD, "taken back"))),
            Some(why) => output::say(format!("{}{by}: {}", paint(BAD, "not taken back"), escape(why, false))),
        }
    }
}

fn tell_outcome(path: &Path) {
    let intended = path.steps.iter().any(|step| {
        step.leaf.kind == RecordKind::Decided
            && step.leaf.verdict.is_some_and(|rank| Verdict::from_rank(rank).permits())
    });
    match &path.outcome {
        Some(outcome) => {
            let style = if outcome.status == types::OutcomeStatus::Done { GOOD } else { BAD };
            let seen = words::seen_by(outcome.provenance);
            output::say(format!("\n{} {seen}, after {} ms", paint(style, outcome.status.as_str()), outcome.took_ms));
            for text in outcome.error.iter().chain(&outcome.result) {
                output::say(format!("  {}", output::json_text(text)));
            }
        }
        None if intended => output::say(paint(NOTE, "\nno outcome is recorded yet")),
        None => output::say(paint(FAINT, "\nnothing was carried out")),
    }
}
