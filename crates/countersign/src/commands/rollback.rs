//! `countersign rollback`: what taking back an action, a session or an agent's work would do, and doing it.

use serde_json::{Value, json};

use super::Done;
use super::answer::text;
use super::span;
use crate::cli::Rollback;
use crate::client::{Client, segment};
use crate::error::{CliError, Exit};
use crate::output::{self, BAD, BOLD, FAINT, GOOD, NOTE, paint};

/// Is how many actions are taken back in one request.
const AT_ONCE: usize = 50;

/// Runs the command.
pub async fn run(client: &Client, args: &Rollback, as_json: bool) -> Done {
    match (&args.action, &args.session, &args.agent, &args.since) {
        (Some(action), ..) => one(client, &action.to_string(), args, as_json).await,
        (None, Some(session), ..) => {
            all(client, &format!("session={}", segment(&session.to_string())), args, as_json).await
        }
        (None, None, Some(agent), Some(since)) => {
            let scope = format!("agent={}&since={}", segment(agent.as_str()), span::before(since)?);
            all(client, &scope, args, as_json).await
        }
        _ => Err(CliError::usage("name an action, a --session, or an --agent with --since")),
    }
}

/// Takes one action back.
async fn one(client: &Client, action: &str, args: &Rollback, as_json: bool) -> Done {
    let path = format!("/v1/actions/{}/undo", segment(action));
    let plan = client.get(&path).await?;
    let Some(reason) = args.reason.as_ref().filter(|_| !args.plan) else {
        if as_json {
            output::say_json(&plan);
        } else {
            tell(&plan);
        }
        return Ok(Exit::Done);
    };
    if !as_json {
        tell(&plan);
    }
    let done = client.post(&path, &json!({ "reason": reason })).await?;
    if as_json {
        output::say_json(&done);
    } else {
        told(&done);
    }
    let restored = done.get("restored") == Some(&Value::Bool(true));
    Ok(if restored { Exit::Done } else { Exit::Undetermined })
}

/// Takes back all of a scope: what it would do is said first, also what stays.
async fn all(client: &Client, scope: &str, args: &Rollback, as_json: bool) -> Done {
    let plan = client.get(&format!("/v1/rollbacks?{scope}")).await?;
    let steps = listed(&plan, "steps");
    if !as_json {
        tell_all(&plan);
    }
    let Some(reason) = args.reason.as_ref().filter(|_| !args.plan) else {
        if as_json {
            output::say_json(&plan);
        }
        return Ok(Exit::Done);
    };
    let actions: Vec<String> = steps.iter().map(|step| text(step, "action")).collect();
    let mut done = Vec::new();
    for some in actions.chunks(AT_ONCE) {
        let answer = client.post("/v1/rollbacks", &json!({ "actions": some, "reason": reason })).await?;
        let came = listed(&answer, "steps");
        if !as_json {
            came.iter().for_each(told_step);
        }
        done.extend(came);
    }
    let restored = |step: &&Value| step.pointer("/reversed/restored") == Some(&Value::Bool(true));
    let (back, of) = (done.iter().filter(restored).count(), done.len());
    let stays = listed(&plan, "stays");
    if as_json {
        output::say_json(&json!({ "steps": done, "stays": stays }));
    } else {
        let colour = if back == of { GOOD } else { BAD };
        output::say(format!("{} {back} of {of}; {} stay", paint(colour, "taken back:"), stays.len()));
    }
    Ok(if back == of && stays.is_empty() { Exit::Done } else { Exit::Undetermined })
}

fn listed(value: &Value, name: &str) -> Vec<Value> {
    value.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Tells what taking all of it back would do.
fn tell_all(plan: &Value) {
    let (steps, stays) = (listed(plan, "steps"), listed(plan, "stays"));
    let without = plan.get("without").and_then(Value::as_u64).unwrap_or_default();
    output::say(paint(BOLD, format!("{} actions are taken back, the latest first", steps.len())));
    for step in &steps {
        let arguments = step.get("arguments").map(ToString::to_string).unwrap_or_default();
        let (action, did, tool) = (text(step, "action"), text(step, "did"), text(step, "tool"));
        output::say(format!("  {action}  {did}, by {tool} {}", output::json_text(&arguments)));
    }
    if !stays.is_empty() {
        output::say(format!("{} of {} stay", paint(BAD, stays.len().to_string()), steps.len() + stays.len()));
    }
    for one in &stays {
        output::say(format!("  {}  {}: {}", text(one, "action"), text(one, "did"), text(one, "why")));
    }
    if without > 0 {
        output::say(paint(FAINT, format!("{without} more left nothing to take back")));
    }
}

/// Tells what came of one of several.
fn told_step(step: &Value) {
    match (step.get("reversed"), step.get("problem")) {
        (Some(reversed), _) => told(reversed),
        (None, Some(problem)) => {
            let (action, code, why) = (text(step, "action"), text(problem, "code"), text(problem, "detail"));
            let waits = problem.pointer("/approval/id").and_then(Value::as_str);
            let then = waits.map_or_else(String::new, |case| format!("; `countersign approvals show {case}`"));
            output::say(format!("{} {action}: {code}: {why}{then}", paint(BAD, "not taken back:")));
        }
        (None, None) => {}
    }
}

/// Tells what it would do.
fn tell(plan: &Value) {
    output::say(format!("agent {} called {}", text(plan, "agent"), paint(BOLD, text(plan, "did"))));
    output::say(format!("  before it   {}", output::json_text(&text(plan, "before"))));
    let after = match plan.get("after") {
        Some(_) => output::json_text(&text(plan, "after")),
        None => "is not seen yet".to_owned(),
    };
    output::say(format!("  it left     {after}"));
    let arguments = plan.get("arguments").map(ToString::to_string).unwrap_or_default();
    output::say(format!("  taken back  {} {}", text(plan, "tool"), output::json_text(&arguments)));
}

/// Tells what came of it.
fn told(done: &Value) {
    let undo = text(done, "undo");
    match done.get("restored").and_then(Value::as_bool) {
        Some(true) => {
            let action = text(done, "action");
            output::say(format!("{} {action} is as it was before, by {undo}", paint(GOOD, "taken back:")));
        }
        Some(false) => output::say(format!(
            "{} {undo} ended {}, and it is not as it was before: {}",
            paint(BAD, "not taken back:"),
            text(done, "status"),
            output::json_text(&text(done, "state"))
        )),
        None => output::say(format!(
            "{} {undo} ended {}, and its state cannot be seen",
            paint(NOTE, "unknown:"),
            text(done, "status")
        )),
    }
}
