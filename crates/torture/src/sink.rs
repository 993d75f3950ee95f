//! The target: an MCP server that writes a line for each effect, and cannot take it back.
//!
//! It syncs each line, but where it stands for a system with a disk of its own. It lives in the process that kills and is never
//! killed itself. An effect that has begun goes on when its caller has gone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::books::Tool;
use crate::clock;
use crate::random::Random;
use crate::tally::Tally;

/// Is the only protocol version it speaks.
pub const VERSION: &str = "2026-07-28";

/// Is what it calls itself.
pub const IDENTITY: &str = "sink/1";

/// Is how long it takes before it acts at most, in milliseconds.
const BEFORE_MS: u64 = 40;

/// Is how long it takes after it has acted at most, in milliseconds.
const AFTER_MS: u64 = 20;

/// Is one effect, as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// The call.
    pub call: String,
    /// The agent.
    pub agent: String,
    /// The tool.
    pub tool: String,
    /// When the request arrived, in milliseconds since the epoch.
    pub at: i64,
    /// The idempotency key it came with.
    pub key: Option<String>,
}

/// Is when what became of a call in the target, in microseconds since its start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// How often it arrived.
    pub arrivals: u64,
    /// When it arrived first.
    pub arrived: u64,
    /// When it had been carried out, and written.
    pub acted: Option<u64>,
    /// When the answer left.
    pub answered: Option<u64>,
}

struct Page {
    file: Arc<File>,
    keys: BTreeSet<String>,
    seen: BTreeMap<String, Seen>,
    lines: u64,
}

/// Is the target.
pub struct Sink {
    page: Mutex<Page>,
    begun: Instant,
    busy: AtomicU64,
    twice_every: AtomicU64,
    syncs: bool,
    /// Counts requests for a tool.
    pub arrived: Tally,
    /// Counts calls that were carried out.
    pub acted: Tally,
    /// Counts answers.
    pub answered: Tally,
}

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// Returns a tool as the target lists it.
pub fn definition(tool: Tool) -> Value {
    json!({ "name": tool.name(), "description": "a tool of the target", "inputSchema": input(tool) })
}

/// Returns the schema of a tool's arguments.
pub fn input(tool: Tool) -> Value {
    let mut properties = json!({
        "item": { "type": "string" }, "call": { "type": "string" }, "agent": { "type": "string" },
        "fail": { "type": "boolean" },
    });
    if let (Tool::Keyed, Some(properties)) = (tool, properties.as_object_mut()) {
        properties.insert("key".into(), json!({ "type": "string" }));
    }
    json!({ "type": "object", "required": ["item", "call", "agent"], "properties": properties })
}

impl Sink {
    /// Starts the target on a file, whose every line it syncs, and returns its address.
    ///
    /// # Errors
    ///
    /// What the socket or the file system say.
    pub async fn start(path: &Path) -> Result<(Arc<Self>, SocketAddr), String> {
        Self::start_as(path, true).await
    }

    /// Starts a target that keeps the disk of its file free for what is measured there: nothing is synced.
    ///
    /// # Errors
    ///
    /// What the socket or the file system say.
    pub async fn start_elsewhere(path: &Path) -> Result<(Arc<Self>, SocketAddr), String> {
        Self::start_as(path, false).await
    }

    async fn start_as(path: &Path, syncs: bool) -> Result<(Arc<Self>, SocketAddr), String> {
        let sink = Arc::new(Self {
            page: Mutex::new(page(path)?),
            begun: clock::now(),
            busy: AtomicU64::new(0),
            twice_every: AtomicU64::new(0),
            syncs,
            arrived: Tally::default(),
            acted: Tally::default(),
            answered: Tally::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
        let address = listener.local_addr().map_err(text)?;
        let app = Router::new().route("/mcp", post(serve)).with_state(sink.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok((sink, address))
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a new file, and forgets what came before.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn turn_page(&self, path: &Path) -> Result<(), String> {
        *self.page() = page(path)?;
        Ok(())
    }

    /// Acts twice in every so many times from now on; never for 0. A planted bug.
    pub fn act_twice(&self, every: u64) {
        self.twice_every.store(every, Ordering::SeqCst);
    }

    /// Acts for a call that nobody made. A planted bug.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn act_alone(&self, call: &str) -> Result<(), String> {
        let effect = Effect {
            call: call.to_owned(),
            agent: "agent-0".into(),
            tool: Tool::Unsafe.name().into(),
            at: clock::wall_ms(),
            key: None,
        };
        self.write(&effect).map_err(text)
    }

    /// Waits until nothing has been going on for a while.
    pub async fn rest(&self) {
        let mut quiet = 0;
        while quiet < 10 {
            clock::sleep(10).await;
            quiet = if self.busy.load(Ordering::SeqCst) == 0 { quiet + 1 } else { 0 };
        }
    }

    /// Returns the target's time, in microseconds.
    pub fn now(&self) -> u64 {
        clock::us_since(self.begun)
    }

    /// Returns when what became of each call.
    pub fn seen(&self) -> BTreeMap<String, Seen> {
        self.page().seen.clone()
    }

    fn note(&self, call: &str, note: impl FnOnce(&mut Seen, u64)) {
        let now = self.now();
        note(self.page().seen.entry(call.to_owned()).or_default(), now);
    }

    fn arrive(&self, call: &str) {
        self.note(call, |seen, now| {
            seen.arrivals += 1;
            if seen.arrivals == 1 {
                seen.arrived = now;
            }
        });
        self.arrived.add();
    }

    async fn call(self: Arc<Self>, params: Value) -> Value {
        let owned = |pointer: &str| params.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let effect = Effect {
            call: owned("/arguments/call").unwrap_or_default(),
            agent: owned("/arguments/agent").unwrap_or_default(),
            tool: owned("/name").unwrap_or_default(),
            at: clock::wall_ms(),
            key: owned("/arguments/key"),
        };
        let call = effect.call.clone();
        self.arrive(&call);
        let mut random = Random::of(1, &call);
        clock::sleep(random.below(BEFORE_MS)).await;
        let fails = params.pointer("/arguments/fail").and_then(Value::as_bool).unwrap_or(false);
        if Tool::named(&effect.tool).is_none_or(Tool::writes) && !fails {
            let this = self.clone();
            let written = tokio::task::spawn_blocking(move || this.write(&effect)).await;
            if !matches!(written, Ok(Ok(()))) {
                return result(json!({ "content": [{ "type": "text", "text": "the disk failed" }], "isError": true }));
            }
        }
        self.note(&call, |seen, now| seen.acted = Some(now));
        self.acted.add();
        clock::sleep(random.below(AFTER_MS)).await;
        self.note(&call, |seen, now| seen.answered = Some(now));
        self.answered.add();
        result(json!({ "content": [{ "type": "text", "text": "the item" }], "isError": fails }))
    }

    /// Writes the line and syncs it, if it is one that syncs; a key that came before does nothing.
    fn write(&self, effect: &Effect) -> std::io::Result<()> {
        let line = serde_json::to_string(effect)?;
        let every = self.twice_every.load(Ordering::SeqCst);
        let file = {
            let mut page = self.page();
            if effect.key.as_ref().is_some_and(|key| !page.keys.insert(key.clone())) {
                return Ok(());
            }
            page.lines += 1;
            let twice = every > 0 && page.lines.is_multiple_of(every);
            let lines = if twice { format!("{line}\n{line}\n") } else { format!("{line}\n") };
            (&*page.file).write_all(lines.as_bytes())?;
            page.file.clone()
        };
        if self.syncs { file.sync_data() } else { Ok(()) }
    }
}

fn page(path: &Path) -> Result<Page, String> {
    let file = File::options().create(true).append(true).open(path).map_err(text)?;
    Ok(Page { file: Arc::new(file), keys: BTreeSet::new(), seen: BTreeMap::new(), lines: 0 })
}

/// Reads what was done, from the file.
///
/// # Errors
///
/// What the file system says, or a line that cannot be read.
pub fn effects(path: &Path) -> Result<Vec<Effect>, String> {
    let lines = std::fs::read_to_string(path).map_err(text)?;
    lines.lines().map(|line| serde_json::from_str(line).map_err(text)).collect()
}

async fn serve(State(sink): State<Arc<Sink>>, body: Bytes) -> ([(axum::http::HeaderName, &'static str); 1], String) {
    let mut request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let id = request.get("id").cloned().unwrap_or_default();
    let params = request.get_mut("params").map(Value::take).unwrap_or_default();
    let outcome = match request.get("method").and_then(Value::as_str) {
        Some("server/discover") => result(
            json!({ "supportedVersions": [VERSION], "capabilities": { "tools": {} }, "ttlMs": 0, "cacheScope": "private" }),
        ),
        Some("tools/list") => {
            let listed: Vec<Value> = Tool::ALL.into_iter().map(definition).collect();
            result(json!({ "tools": listed, "ttlMs": 0, "cacheScope": "private" }))
        }
        _ => carry_out(sink, params).await,
    };
    let answer = json!({ "jsonrpc": "2.0", "id": id, "result": outcome });
    ([(CONTENT_TYPE, "application/json")], answer.to_string())
}

async fn carry_out(sink: Arc<Sink>, params: Value) -> Value {
    sink.busy.fetch_add(1, Ordering::SeqCst);
    // A task of its own: what has begun goes on when the caller's connection breaks.
    let task = tokio::spawn(async move {
        let answer = sink.clone().call(params).await;
        sink.busy.fetch_sub(1, Ordering::SeqCst);
        answer
    });
    task.await.unwrap_or_default()
}

fn result(mut parts: Value) -> Value {
    if let Some(object) = parts.as_object_mut() {
        object.insert("resultType".into(), json!("complete"));
        object.insert(
            "_meta".into(),
            json!({ "io.modelcontextprotocol/serverInfo": { "name": "sink", "version": "1" } }),
        );
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(call: &str, key: Option<&str>) -> Effect {
        Effect {
            call: call.into(),
            agent: "agent-0".into(),
            tool: Tool::Unsafe.name().into(),
            at: 1,
            key: key.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn every_effect_is_a_line_and_a_key_acts_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("effects");
        let (sink, _) = Sink::start(&path).await.unwrap();
        for (call, key) in [("a", None), ("a", None), ("b", Some("k")), ("c", Some("k"))] {
            sink.write(&effect(call, key)).unwrap();
        }
        sink.act_twice(1);
        sink.write(&effect("d", None)).unwrap();
        let calls: Vec<String> = effects(&path).unwrap().into_iter().map(|effect| effect.call).collect();
        assert_eq!(calls, ["a", "a", "b", "d", "d"]);
    }
}
