//! `countersign hook`: decides a tool call for Claude Code, which carries it out by itself and reports.
//!
//! Reads the hook's JSON from standard input and answers on standard output. Whatever goes wrong, the
//! answer is a denial: a hook that fails open is no boundary. Where it cannot be told what is asked, or nobody can read
//! the answer, the exit code is 2: it blocks the call, and any other one lets it through.

use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use control::machine::REPORTED_PERMIT_MS;
use ledger::Clock as _;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, timeout_at};
use types::text::escape;
use types::{Code, OutcomeStatus};

use super::Done;
use super::answer::{list, text};
use crate::cli::Hook;
use crate::client::Client;
use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::machine::SystemClock;

/// Is how much longer than for people the hook takes at most: a hook that is killed lets the call through.
const ANSWER: Duration = Duration::from_secs(5);

/// Is how long a remembered call is kept after its permit has ended; one that failed is never reported.
const KEPT_MS: i64 = 24 * 3_600_000;

/// Runs the command.
pub async fn run(folders: &Folders, args: &Hook) -> Done {
    let people = Instant::now() + Duration::from_secs(args.wait);
    let end = people + ANSWER;
    let event = timeout_at(end, event()).await.unwrap_or_else(|_| Err(late()))?;
    match event.get("hook_event_name").and_then(Value::as_str).unwrap_or_default() {
        "PreToolUse" => {
            let decided = timeout_at(end, decide(folders, args, &event, people)).await.unwrap_or_else(|_| Err(late()));
            let (decision, reason) =
                decided.unwrap_or_else(|error| ("deny", format!("{} ({})", error.message, error.code)));
            answer(&json!({ "hookSpecificOutput": {
                "hookEventName": "PreToolUse", "permissionDecision": decision, "permissionDecisionReason": reason,
            }}))
        }
        "PostToolUse" => timeout_at(end, report(folders, args, &event)).await.unwrap_or_else(|_| Err(late())),
        other => Err(CliError::usage(format!("`{}` is no hook event this command answers", escape(other, false)))),
    }
}

/// Reads what is asked; nothing that fails here ends with another exit code than the one that blocks.
async fn event() -> Result<Value, CliError> {
    let blocks = |why: String| CliError::usage(format!("standard input cannot be read: {why}"));
    let mut bytes = Vec::new();
    tokio::io::stdin().read_to_end(&mut bytes).await.map_err(|e| blocks(e.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| blocks("it is not UTF-8 text".into()))?;
    types::json::parse(&text).map_err(|e| CliError::new(Exit::Usage, e.code(), e.to_string()))
}

/// Says it; an answer that nobody can read must not count as none.
fn answer(value: &Value) -> Done {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")
        .and_then(|()| out.flush())
        .map_err(|e| CliError::usage(format!("standard output cannot be written: {e}")))?;
    Ok(Exit::Done)
}

fn late() -> CliError {
    CliError::new(Exit::Usage, Code::UpstreamTimeout, "there was no answer in time")
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
    let action = text(answer, "action");
    let Some(path) = memory(folders, event) else { return };
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    if let Err(error) = made.and_then(|()| std::fs::write(&path, action)) {
        tracing::warn!(%error, "the call's action cannot be remembered, so its outcome will not be reported");
    }
    if let Some(folder) = path.parent() {
        sweep(folder);
    }
}

/// Forgets calls that nobody reports any more.
fn sweep(folder: &Path) {
    let now = SystemClock.wall();
    let age = |file: &DirEntry| {
        let changed = file.metadata().ok().filter(std::fs::Metadata::is_file)?.modified().ok()?;
        let since = changed.duration_since(UNIX_EPOCH).ok()?;
        Some(now.0.saturating_sub(i64::try_from(since.as_millis()).ok()?))
    };
    for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if age(&file).is_some_and(|ms| ms > REPORTED_PERMIT_MS + KEPT_MS)
            && let Err(error) = std::fs::remove_file(file.path())
        {
            tracing::warn!(%error, "an old call cannot be forgotten");
        }
    }
}

async fn decide(
    folders: &Folders,
    args: &Hook,
    event: &Value,
    people: Instant,
) -> Result<(&'static str, String), CliError> {
    let client = client(folders, args)?;
    let tool =
        event.get("tool_name").and_then(Value::as_str).ok_or_else(|| CliError::usage("the event names no tool"))?;
    let body = json!({
        "tool": format!("{}.{tool}", args.server),
        "arguments": event.get("tool_input").cloned().unwrap_or_else(|| json!({})),
    });
    let mut answer = client.post("/v1/actions", &body).await?;
    if verdict(&answer) == "escalate" {
        let at = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        if !approved(&client, &at("/approval/id"), people).await? {
            return Ok(("deny", format!("people must approve it first: {}", at("/approval/url"))));
        }
        // Approved: the identical proposal uses the ticket.
        answer = client.post("/v1/actions", &body).await?;
    }
    if !matches!(verdict(&answer), "allow" | "allow_observed") {
        return Ok(("deny", why(&answer)));
    }
    remember(folders, event, &answer);
    Ok(("allow", format!("countersigned as {}", text(&answer, "action"))))
}

fn verdict(answer: &Value) -> &str {
    answer.get("verdict").and_then(Value::as_str).unwrap_or_default()
}

async fn approved(client: &Client, case: &str, deadline: Instant) -> Result<bool, CliError> {
    while Instant::now() < deadline {
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
    let denials = list(answer, "findings").filter(|f| f.get("restriction").and_then(Value::as_str) == Some("deny"));
    let said = denials.map(|f| format!("{} ({})", text(f, "detail"), text(f, "code")));
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
