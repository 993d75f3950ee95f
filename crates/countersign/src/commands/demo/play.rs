//! Playing the scenes: each call through the gateway, what people do meanwhile, and what has come of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use connectors::mcp::{Connection, Limits, Wiring, connect_stateful};
use demo::bundle::SERVER;
use demo::script::{Before, Decides, Effect, Ends, Scene, Then, story};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use types::jsonrpc::{Frame, RpcId};
use types::{ActionId, Decision};

use super::stage::Stage;
use crate::client::Client;
use crate::error::CliError;
use crate::output::{self, BAD, BOLD, FAINT, GOOD, NOTE, paint};

/// Is how a scene went.
pub struct Played {
    title: &'static str,
    /// It came out as the script says.
    pub as_told: bool,
    /// The action that ran or was refused last.
    pub action: Option<ActionId>,
    /// A person approved it and it ran.
    pub approved: bool,
    decision: Option<Decision>,
    answer: Answer,
    effect: Option<(Effect, i64)>,
}

/// Is what the agent got.
struct Answer {
    refused: Option<String>,
    text: String,
    action: Option<ActionId>,
}

impl Played {
    /// Returns the scene as JSON.
    pub fn to_json(&self) -> Value {
        let verdict = self.decision.as_ref().map(|d| d.verdict.as_str());
        json!({ "title": self.title, "as_told": self.as_told, "action": self.action, "decided": verdict, "refused": self.answer.refused })
    }
}

/// Plays the whole story.
///
/// # Errors
///
/// What the gateway or the inventory say where the script has no answer.
pub async fn all(stage: &Stage, quiet: bool) -> Result<Vec<Played>, CliError> {
    let agent = Arc::new(connect(stage).await?);
    list_tools(&agent).await?;
    let mut played = Vec::new();
    for (number, scene) in story().iter().enumerate() {
        let one = play(stage, &agent, scene).await?;
        if !quiet {
            tell(number + 1, scene, &one);
        }
        played.push(one);
    }
    agent.close().await;
    Ok(played)
}

/// Connects the agent as any MCP client connects: over HTTP, with its own key.
async fn connect(stage: &Stage) -> Result<Connection, CliError> {
    let wiring = Wiring {
        url: Some(format!("{}/mcp/{SERVER}", stage.server.url)),
        headers: vec![("authorization".into(), format!("Bearer {}", stage.agent_key))],
        ..Wiring::default()
    };
    let hello =
        r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"sre-agent","version":"1.0.0"}}"#;
    let failed = |e: &dyn std::fmt::Display| CliError::machine(format!("the agent cannot reach the gateway: {e}"));
    let connection = connect_stateful(&wiring, hello, &Limits::default()).await.map_err(|e| failed(&e))?;
    connection.send(Frame::notification("notifications/initialized", None)).await.map_err(|e| failed(&e))?;
    Ok(connection)
}

pub(super) async fn request(agent: &Connection, method: &str, params: &Value) -> Result<Frame, CliError> {
    let (events, _) = mpsc::channel(16);
    let frame = Frame::request(&RpcId::text(method), method, Some(&params.to_string()));
    agent
        .request(frame, Vec::new(), events)
        .await
        .map_err(|e| CliError::machine(format!("the agent got no answer: {e}")))
}

pub(super) async fn list_tools(agent: &Connection) -> Result<(), CliError> {
    request(agent, "tools/list", &json!({})).await.map(drop)
}

async fn play(stage: &Stage, agent: &Arc<Connection>, scene: &Scene) -> Result<Played, CliError> {
    before(stage, agent, scene).await?;
    let watch = |effect: &Effect| effect.watch.read(&stage.db).map_err(|e| CliError::machine(e.to_string()));
    let start = scene.effect.as_ref().map(watch).transpose()?;
    let known = stage.server.control.cases().len();
    let calling = tokio::spawn({
        let (agent, params) = (agent.clone(), scene.call.params());
        async move { request(&agent, "tools/call", &params).await }
    });
    people(stage, scene, known).await?;
    let frame = calling.await.map_err(|e| CliError::machine(e.to_string()))??;
    let answer = answer(&frame);
    let end = scene.effect.as_ref().map(watch).transpose()?;
    let change = end.zip(start).map(|(end, start)| end - start);
    let decision = first_decision(stage, scene, &answer);
    let as_told = decision.as_ref().is_some_and(|d| scene.decides.is(&d.verdict))
        && ended_as_told(scene, &answer)
        && scene.effect.is_none_or(|effect| change == Some(effect.change));
    let approved = matches!(scene.then, Then::Approve { .. }) && answer.refused.is_none();
    let ran = if approved { last_permitted(stage) } else { None };
    Ok(Played {
        title: scene.title,
        as_told,
        action: ran.or(answer.action).or_else(|| decision.as_ref().map(|d| d.action)),
        approved,
        decision,
        answer,
        effect: scene.effect.zip(change),
    })
}

async fn before(stage: &Stage, agent: &Connection, scene: &Scene) -> Result<(), CliError> {
    match scene.before {
        Before::Nothing => Ok(()),
        Before::Poison => {
            demo::inventory::poison(&stage.db, true).map_err(|e| CliError::machine(e.to_string()))?;
            // The server announces it within 200 ms; a client lists again then, and so the gateway sees it.
            tokio::time::sleep(Duration::from_millis(600)).await;
            list_tools(agent).await
        }
        Before::Kill { by, reason } => {
            let body = json!({ "target": { "agent": demo::bundle::AGENT }, "reason": reason });
            person(stage, by).post("/v1/switches", &body).await.map(drop)
        }
    }
}

fn person(stage: &Stage, name: &str) -> Client {
    Client::new(stage.server.url.clone(), stage.people.get(name).cloned())
}

/// Does what people do while the call is held: finds the case, reads it, votes on what it shows.
async fn people(stage: &Stage, scene: &Scene, known: usize) -> Result<(), CliError> {
    let (by, vote, reason) = match scene.then {
        Then::Nothing | Then::Silence => return Ok(()),
        Then::Approve { by, reason } => (by, "approve", reason),
        Then::Refuse { by, reason } => (by, "deny", reason),
    };
    for _ in 0..100 {
        if let Some(case) = stage.server.control.cases().get(known..).and_then(<[_]>::last) {
            let client = person(stage, by);
            let path = format!("/v1/approvals/{}", case.id);
            let shown = client.get(&path).await?;
            let body = json!({ "vote": vote, "reason": reason, "shown": shown.get("shown") });
            return client.post(&format!("{path}/votes"), &body).await.map(drop);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn answer(frame: &Frame) -> Answer {
    let body: Value =
        frame.member("result").or(frame.member("error")).and_then(|t| serde_json::from_str(t).ok()).unwrap_or_default();
    let refusal = body.pointer("/_meta/countersign.dev~1refusal");
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    Answer {
        refused: text(refusal.and_then(|r| r.get("code"))),
        text: text(body.pointer("/content/0/text")).unwrap_or_else(|| body.to_string()),
        action: text(refusal.and_then(|r| r.get("action"))).and_then(|id| id.parse().ok()),
    }
}

fn ended_as_told(scene: &Scene, answer: &Answer) -> bool {
    match scene.ends {
        Ends::Runs => answer.refused.is_none(),
        Ends::Refused(code) => answer.refused.as_deref() == Some(code.as_str()),
    }
}

/// Finds the newest action that was permitted.
fn last_permitted(stage: &Stage) -> Option<ActionId> {
    let history = stage.server.control.history();
    let size = history.size().ok()?;
    let entries = history.range(size.saturating_sub(10), size).ok()?;
    entries.iter().rev().find(|entry| evidence::walk::is_intent(&entry.leaf)).and_then(|entry| entry.leaf.action)
}

/// Finds the first decision about this scene's call: the newest action of this tool whose decision is of the scene's kind.
fn first_decision(stage: &Stage, scene: &Scene, answer: &Answer) -> Option<Decision> {
    let control = &stage.server.control;
    let size = control.history().size().ok()?;
    let entries = control.history().range(size.saturating_sub(40), size).ok()?;
    let mut by_action: BTreeMap<ActionId, Decision> = BTreeMap::new();
    let mut order = Vec::new();
    for entry in entries {
        let Some(content) = entry.content else { continue };
        let is_it = evidence::bodies::proposal(&content).is_some_and(|p| p.tool.operation == scene.call.tool);
        if let Some(decision) = evidence::bodies::decision(&content).filter(|_| is_it) {
            order.push(decision.action);
            by_action.insert(decision.action, decision);
        }
    }
    let escalated = matches!(scene.decides, Decides::Escalate(_));
    let wanted = |d: &Decision| escalated == matches!(d.verdict, types::Verdict::Escalate(_));
    let exact = answer.action.and_then(|id| by_action.get(&id)).filter(|d| wanted(d));
    exact.or_else(|| order.iter().rev().filter_map(|id| by_action.get(id)).find(|d| wanted(d))).cloned()
}

fn tell(number: usize, scene: &Scene, played: &Played) {
    output::say(format!("\n{}", paint(BOLD, format!("{number:>2}. {}", scene.title))));
    output::say(paint(FAINT, format!("    {}", scene.shows)));
    if let Before::Kill { by, reason } = scene.before {
        output::say(format!("    {by} stops the agent: {reason}"));
    }
    output::say(format!("    {} → {} {}", demo::bundle::AGENT, scene.call.tool, scene.call.arguments));
    if let Some(decision) = &played.decision {
        let worst = decision.findings.iter().map(|f| &f.restriction).max();
        let said = decision.findings.iter().find(|f| {
            Some(&f.restriction) == worst
                && *worst.unwrap_or(&types::Restriction::Allow) > types::Restriction::AllowObserved
        });
        let why = said.map(|f| format!(": {}", f.detail)).unwrap_or_default();
        output::say(format!("    decided {}{why}", output::verdict(&decision.verdict)));
    }
    match scene.then {
        Then::Nothing => {}
        Then::Approve { by, reason } => output::say(format!("    {} {by}: {reason}", paint(GOOD, "approved by"))),
        Then::Refuse { by, reason } => output::say(format!("    {} {by}: {reason}", paint(BAD, "refused by"))),
        Then::Silence => output::say(paint(NOTE, "    nobody answers, and silence is refusal")),
    }
    let first = played.answer.text.lines().next().unwrap_or_default();
    output::say(format!("    the agent gets: {}", first.chars().take(110).collect::<String>()));
    if let Some((effect, change)) = &played.effect {
        output::say(format!("    in the inventory: {} {change:+}", effect.watch));
    }
    if !played.as_told {
        output::say(paint(BAD, "    this is not what the script says"));
    }
}
