//! `countersign hook`: decides a tool call for Claude Code, which carries it out by itself and reports.
//!
//! Reads the hook's JSON from standard input and answers on standard output. Whatever goes wrong, the
//! answer is a denial: a hook that fails open is no boundary.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use types::{Code, OutcomeStatus};

use super::Done;
use crate::cli::Hook;
use crate::client::Client;
use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::output;

/// Is how long the hook waits for people before it denies, in milliseconds.
const WAIT_MS: u64 = 50_000;

/// Runs the command.
pub async fn run(folders: &Folders, args: &Hook) -> Done {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|e| CliError::machine(format!("standard input cannot be read: {e}")))?;
    let event: Value = types::json::parse(&text).map_err(|e| CliError::new(Exit::Usage, e.code(), e.to_string()))?;
    let name = event.get("hook_event_name").and_then(Value::as_str).unwrap_or_default();
    match name {
        "PreToolUse" => {
            let (decision, reason) = match decide(folders, args, &event).await {
                Ok(answer) => answer,
                Err(error) => ("deny", format!("{} ({})", error.message, error.code)),
            };
            output::say_json(&json!({ "hookSpecificOutput": {
                "hookEventName": "PreToolUse", "permissionDecision": decision, "permissionDecisionReason": reason,
            }}));
            Ok(Exit::Done)
        }
        "PostToolUse" => report(folders, args, &event).await,
        other => Err(CliError::usage(format!("`{other}` is no hook event this command answers"))),
    }
}

fn client(folders: &Folders, args: &Hook) -> Result<Client, CliError> {
    let file = format!("agent-{}.key", args.agent);
    let key = folders.read_key(&file)?.ok_or_else(|| {
        CliError::new(
            Exit::Failed,
            Code::Unauthenticated,
            format!("there is no `{file}` in `{}`", folders.keys.display()),
        )
    })?;
    Client::find(folders, None, Some(key))
}

/// Returns the file that remembers which action a call of Claude Code's became.
fn memory(folders: &Folders, event: &Value) -> Option<PathBuf> {
    let id = event.get("tool_use_id").and_then(Value::as_str)?;
    let plain =
        !id.is_empty() && id.len() <= 128 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    plain.then(|| folders.data.join("hook").join(id))
}

fn remember(folders: &Folders, event: &Value, answer: &Value) {
    let action = answer.get("action").and_then(Value::as_str).unwrap_or_default();
    let Some(path) = memory(folders, event) else { return };
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    if let Err(error) = made.and_then(|()| std::fs::write(&path, action)) {
        tracing::warn!(%error, "the call's action cannot be remembered, so its outcome will not be reported");
    }
}

async fn decide(folders: &Folders, args: &Hook, event: &Value) -> Result<(&'static str, String), CliError> {
    let client = client(folders, args)?;
    let tool =
        event.get("tool_name").and_then(Value::as_str).ok_or_else(|| CliError::usage("the event names no tool"))?;
    let body = json!({
        "tool": format!("{}.{tool}", args.server),
        "arguments": event.get("tool_input").cloned().unwrap_or_else(|| json!({})),
    });
    let deadline = tokio::time::Instant::now() + Duration::from_millis(WAIT_MS);
    let mut answer = client.post("/v1/actions", &body).await?;
    if verdict(&answer) == "escalate" {
        let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        if !approved(&client, &text("/approval/id"), deadline).await? {
            return Ok(("deny", format!("people must approve it first: {}", text("/approval/url"))));
        }
        // Approved: the identical proposal uses the ticket.
        answer = client.post("/v1/actions", &body).await?;
    }
    if !matches!(verdict(&answer), "allow" | "allow_observed") {
        return Ok(("deny", why(&answer)));
    }
    remember(folders, event, &answer);
    Ok(("allow", format!("countersigned as {}", answer.get("action").and_then(Value::as_str).unwrap_or_default())))
}

fn verdict(answer: &Value) -> &str {
    answer.get("verdict").and_then(Value::as_str).unwrap_or_default()
}

async fn approved(client: &Client, case: &str, deadline: tokio::time::Instant) -> Result<bool, CliError> {
    while tokio::time::Instant::now() < deadline {
        let state = client.get(&format!("/v1/approvals/{case}")).await?;
        match state.get("state").and_then(Value::as_str) {
            Some("open") => tokio::time::sleep(Duration::from_millis(500)).await,
            Some("approved") => return Ok(true),
            _ => return Ok(false),
        }
    }
    Ok(false)
}

fn why(answer: &Value) -> String {
    let findings = answer.get("findings").and_then(Value::as_array).into_iter().flatten();
    let denials = findings.filter(|f| f.get("restriction").and_then(Value::as_str) == Some("deny"));
    let said = denials.map(|f| {
        let text = |name: &str| f.get(name).and_then(Value::as_str).unwrap_or_default();
        format!("{} ({})", text("detail"), text("code"))
    });
    let said: Vec<String> = said.collect();
    if said.is_empty() { "denied".into() } else { said.join("; ") }
}

/// Reports what Claude Code did; it is recorded as reported, never as seen.
async fn report(folders: &Folders, args: &Hook, event: &Value) -> Done {
    let unknown = || CliError::new(Exit::Failed, Code::NotFound, "this call was not decided here");
    let path = memory(folders, event).ok_or_else(unknown)?;
    let action = std::fs::read_to_string(&path).map_err(|_| unknown())?;
    let outcome = json!({ "status": OutcomeStatus::Done, "result": event.get("tool_response").cloned() });
    client(folders, args)?.post(&format!("/v1/actions/{action}/outcome"), &outcome).await?;
    std::fs::remove_file(&path)
        .map_err(|e| CliError::machine(format!("`{}` cannot be removed: {e}", path.display())))?;
    Ok(Exit::Done)
}
