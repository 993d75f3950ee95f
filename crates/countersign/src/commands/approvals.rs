//! `countersign approvals`: what awaits people, shown exactly, and decided.

use replay::audit::words;
use serde_json::{Value, json};
use types::text::escape;

use super::Done;
use super::answer::{instant, items, list as members, text};
use crate::cli::{ApprovalCommand, Approvals, VoteArgs};
use crate::client::Client;
use crate::error::{CliError, Exit};
use crate::output::{self, BAD, BOLD, FAINT, GOOD, NOTE, paint};

/// Runs the command.
pub async fn run(client: &Client, args: &Approvals, as_json: bool) -> Done {
    match args.command.as_ref().unwrap_or(&ApprovalCommand::List { all: false }) {
        ApprovalCommand::List { all } => list(client, *all, as_json).await,
        ApprovalCommand::Show { case } => {
            let shown = client.get(&format!("/v1/approvals/{case}")).await?;
            if as_json {
                output::say_json(&shown);
            } else {
                show(&shown);
            }
            Ok(Exit::Done)
        }
        ApprovalCommand::Approve(vote) => cast(client, vote, "approve", as_json).await,
        ApprovalCommand::Delegate(args) => super::delegations::give(client, args, as_json).await,
        ApprovalCommand::Delegations => super::delegations::list(client, as_json).await,
        ApprovalCommand::EndDelegation(args) => super::delegations::end(client, args, as_json).await,
        ApprovalCommand::Deny(vote) => cast(client, vote, "deny", as_json).await,
    }
}

async fn list(client: &Client, all: bool, as_json: bool) -> Done {
    let cases = client.get(if all { "/v1/approvals" } else { "/v1/approvals?state=open" }).await?;
    if as_json {
        output::say_json(&cases);
        return Ok(Exit::Done);
    }
    let found = items(&cases);
    if found.is_empty() {
        output::tell("Nothing awaits you.");
    }
    let row = |case: &Value| {
        let until = format!("until {}", instant(case, "expires_at"));
        vec![text(case, "id"), text(case, "state"), text(case, "requester"), text(case, "tool"), until]
    };
    output::table(&found.iter().map(row).collect::<Vec<_>>());
    Ok(Exit::Done)
}

/// Shows a case: the exact action as data, and boxed apart from it what the agent says.
fn show(case: &Value) {
    output::say(paint(BOLD, format!("{} · {}", text(case, "id"), text(case, "state"))));
    output::say(format!("{} wants to call {}", text(case, "requester"), paint(BOLD, text(case, "tool"))));
    let behalf = text(case, "on_behalf_of");
    if !behalf.is_empty() {
        output::say(format!("on behalf of {behalf}"));
    }
    if let Some(asked) = case.get("permission") {
        output::say("\nto be permitted, without being asked again:");
        output::say(format!("  {}", paint(BOLD, text(asked, "covers"))));
        output::say(format!("  {} from when it is given, for: {}", text(asked, "limits"), text(asked, "purpose")));
        let by = text(asked, "requested_by");
        if !by.is_empty() {
            output::say(format!("  asked for by {by}"));
        }
    }
    output::say("\nwith exactly these arguments:");
    let arguments = case.get("arguments_text").and_then(Value::as_str).unwrap_or_default();
    for line in arguments.lines() {
        output::say(format!("  {line}"));
    }
    if let Some(places) = case.get("arguments").and_then(words::redacted) {
        let note = "secret; equal marks are equal values, and what was proposed is what is sent";
        output::say(paint(NOTE, format!("redacted: {} ({note})", escape(&places, false))));
    }
    planned(case);
    let says = case.get("agent_says").and_then(Value::as_object).filter(|says| says.values().any(|v| !v.is_null()));
    if let Some(says) = says {
        output::say(paint(NOTE, "\n┌ what the agent says (untrusted; it may be wrong or made up)"));
        for (name, value) in says.iter().filter(|(_, value)| !value.is_null()) {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            for (i, line) in value.lines().enumerate() {
                let head = if i == 0 { format!("{name}: ") } else { "  ".into() };
                output::say(paint(NOTE, format!("│ {head}{line}")));
            }
        }
        output::say(paint(NOTE, "└"));
    }
    super::reviews::tell(case);
    touches(case);
    output::say("\nwhy it needs people:");
    for finding in members(case, "findings") {
        if text(finding, "restriction") == "escalate" {
            output::say(format!("  {} {}: {}", text(finding, "stage"), text(finding, "code"), text(finding, "detail")));
        }
    }
    output::say("");
    for need in members(case, "needs") {
        output::say(asked(need));
        awaited(case, need);
    }
    output::say(format!("silence until {} is refusal", instant(case, "expires_at")));
    if let Some(you) = case.get("you").filter(|you| you.get("approves_from").is_some()) {
        let from = instant(you, "approves_from");
        let why =
            if you["awaits_review"] == true { "a reviewer comes first" } else { "you have decided often of late" };
        output::say(paint(NOTE, format!("{why}: your approval counts from {from} on, a denial now")));
    }
    tell_decoy(case);
    for vote in members(case, "votes") {
        let place = text(vote, "in_place_of");
        let place = if place.is_empty() { place } else { format!(" in the place of {place}") };
        let signed =
            vote.get("passkey").map(|_| format!(", signed with {}", text(vote, "passkey"))).unwrap_or_default();
        let (word, person) = (text(vote, "vote"), text(vote, "person"));
        output::say(format!("  {word} by {person}{place}{signed}: {}", text(vote, "reason")));
    }
    output::say(paint(FAINT, format!("shown: {}", text(case, "shown"))));
}

/// Shows what it would do, as its server told before anybody was asked.
fn planned(case: &Value) {
    let Some(plan) = case.get("plan") else { return };
    output::say("\nwhat it would do, as its server planned it (your approval is for this plan):");
    for line in plan.get("text").and_then(Value::as_str).unwrap_or_default().lines() {
        output::say(format!("  {line}"));
    }
}

/// Tells what the action would touch, as catalogue and inventory have it.
fn touches(case: &Value) {
    let Some(touches) = case.get("touches") else { return };
    let attributes = touches["attributes"].as_object().into_iter().flatten();
    let mut says: Vec<String> =
        attributes.map(|(name, value)| format!("{name} {}", value.as_str().unwrap_or(""))).collect();
    if touches.get("kind").is_some() && touches["known"] != true {
        says.push("unknown to the inventory".into());
    }
    if touches.get("reversibility").is_some() {
        says.push(text(touches, "reversibility"));
    }
    let what = format!("{} {}", text(touches, "kind"), text(touches, "id"));
    output::say(format!("\nwhat it touches: {}", format!("{} ({})", what.trim(), says.join(", ")).trim()));
    let plan: Vec<String> = members(touches, "plan").map(|tool| tool.as_str().unwrap_or("").to_owned()).collect();
    if !plan.is_empty() {
        output::say(format!("the session's plan: {}", plan.join(", ")));
    }
}

/// Tells of a case that it was a decoy, once somebody has answered it.
fn tell_decoy(case: &Value) {
    let Some(decoy) = case.get("decoy") else { return };
    let (style, word) = match decoy["caught"].as_bool() {
        Some(true) => (GOOD, "refused, rightly"),
        Some(false) => (BAD, "approved"),
        None => (NOTE, "not answered before it ended"),
    };
    output::say(paint(style, format!("it was a decoy, and was {word}: nobody had asked, and nothing came of it")));
    output::say(format!("  why it should be refused: {}", text(decoy, "why")));
}

/// Tells whom a profile asks, and from when on whom else.
fn asked(need: &Value) -> String {
    let step = |step: &Value| {
        let signed = if step["signed"] == true { ", signed with a passkey" } else { "" };
        format!("{} ({} of {}{signed})", text(step, "profile"), step["approvals"], voters(step))
    };
    let mut steps = members(need, "steps");
    let Some(first) = steps.next() else {
        return format!("asked of {}, which the bundle no longer has", text(need, "profile"));
    };
    let later = steps.map(|later| format!(", from {} on also {}", instant(later, "from"), step(later)));
    format!("asked of {}{}", step(first), later.collect::<String>())
}

/// Tells which reviewers a step still waits for, or has not heard.
fn awaited(case: &Value, need: &Value) {
    for step in members(need, "steps").filter(|_| text(case, "state") == "open") {
        let has_said = |name: &str| members(case, "reviews").any(|review| text(review, "reviewer") == name);
        let silent = members(step, "reviewers").filter_map(Value::as_str).filter(|name| !has_said(name));
        let silent: Vec<String> = silent.map(|name| format!("agent:{name}")).collect();
        if !silent.is_empty() {
            let first = if step["from"] == step["reviewed_to"] {
                "; approvals count then, or once it has answered"
            } else {
                ""
            };
            let until = instant(step, "reviewed_to");
            output::say(format!("not yet reviewed by {}, who is asked until {until}{first}", silent.join(", ")));
        }
    }
}

/// Tells who may vote on a step: a group, or whoever is on call.
fn voters(step: &Value) -> String {
    let Some(duty) = step.get("on_call") else { return text(step, "group") };
    let who = duty.get("now").map_or_else(|| "nobody now".to_owned(), |now| text(now, "person"));
    let group = text(step, "group");
    let of = if group.is_empty() { String::new() } else { format!(", if in {group}") };
    format!("whoever is on call by {}, {who}{of}", text(duty, "schedule"))
}

async fn cast(client: &Client, vote: &VoteArgs, word: &str, as_json: bool) -> Done {
    let path = format!("/v1/approvals/{}", vote.case);
    let shown = match &vote.shown {
        Some(shown) => shown.clone(),
        None => {
            let case = client.get(&path).await?;
            if !as_json {
                show(&case);
                output::say("");
            }
            text(&case, "shown")
        }
    };
    let body = json!({ "vote": word, "reason": vote.reason, "shown": shown, "confirm_solo": vote.solo });
    let answer = client.post(&format!("{path}/votes"), &body).await.map_err(|error| match error.code {
        types::Code::SoloUnconfirmed => {
            CliError { hint: Some("add --solo to confirm that you decide alone".into()), ..error }
        }
        _ => error,
    })?;
    if as_json {
        output::say_json(&answer);
    } else {
        let state = text(&answer, "state");
        let style = if state == "approved" {
            GOOD
        } else if state == "denied" {
            BAD
        } else {
            NOTE
        };
        output::say(format!("{} is {}", vote.case, paint(style, state)));
        tell_decoy(&answer);
    }
    Ok(Exit::Done)
}
