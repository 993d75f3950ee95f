//! One look, in the way that a check says.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use connectors::check::{Lines, Seen, ask_http, ask_prometheus, from_here, meets, read_log, run_command};
use executor::Flight;
use serde_json::Value;
use store::value;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use types::check::{Call, Check, Look, Query, Watch};
use types::reversal::{Known, filled};
use types::{ActionId, AgentId, CheckId, json};

use super::millis;
use crate::control::Control;
use crate::door::{Caller, McpDoor as _, UpstreamLink as _};
use crate::mcp::states::state_in;

/// Is how many looks of one check there are at a time: one that hangs keeps no other from looking.
const AT_ONCE: usize = 16;

/// Is how much later than its deadline a look is given up that does not see to that itself.
const GRACE: Duration = Duration::from_millis(500);

/// Is in whose name a server is asked.
const OURSELVES: &str = "countersign";

/// Is what all watches look with.
#[derive(Default)]
pub(super) struct Eyes {
    of_check: Mutex<BTreeMap<CheckId, Arc<OfCheck>>>,
}

/// Is what the watches of one check look with.
struct OfCheck {
    room: Semaphore,
    /// The last look, if it is about no single action.
    last: tokio::sync::Mutex<Option<Shared>>,
}

/// Is a look that serves every watch of its check.
struct Shared {
    rule: Check,
    began: Instant,
    seen: Seen,
}

impl Eyes {
    fn of(&self, check: &CheckId) -> Arc<OfCheck> {
        let mut all = self.of_check.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(OfCheck { room: Semaphore::new(AT_ONCE), last: tokio::sync::Mutex::default() });
        all.entry(check.clone()).or_insert_with(new).clone()
    }
}

/// Is what one watch keeps from look to look.
#[derive(Default)]
pub(super) struct Lookout {
    /// How far its file was read.
    lines: Lines,
    /// When the look began that it was told last.
    told: Option<Instant>,
}

impl Lookout {
    /// Begins to look.
    pub(super) async fn of(rule: &Check) -> Self {
        let Some(log) = rule.log.clone() else { return Self::default() };
        let lines = tokio::task::spawn_blocking(move || from_here(&log)).await;
        Self { lines: lines.unwrap_or_default(), told: None }
    }
}

impl Control {
    /// Looks once. A look that is about no single action serves all watches of the check that wait for one.
    pub(super) async fn look_on(
        self: &Arc<Self>,
        watch: &Watch,
        rule: &Check,
        eyes: &Eyes,
        lookout: &mut Lookout,
        due: Instant,
    ) -> Seen {
        let own = eyes.of(&watch.check);
        if rule.is_of_action() {
            let Ok(_place) = own.room.acquire().await else { return Seen::nothing("nobody looks any more") };
            return self.look_in_time(watch, rule, lookout).await;
        }
        let mut last = own.last.lock().await;
        // The first look is one after the action; each later one no older than half of the time between two.
        let since = match lookout.told {
            None => due,
            Some(told) => (due - millis(rule.every_ms) / 2).max(told + Duration::from_nanos(1)),
        };
        if let Some(fresh) = last.as_ref().filter(|last| last.rule == *rule && last.began >= since) {
            lookout.told = Some(fresh.began);
            return fresh.seen.clone();
        }
        let began = Instant::now();
        let seen = self.look_in_time(watch, rule, lookout).await;
        lookout.told = Some(began);
        *last = Some(Shared { rule: rule.clone(), began, seen: seen.clone() });
        seen
    }

    /// Looks once, for no longer than the rule allows: what takes longer is given up.
    async fn look_in_time(self: &Arc<Self>, watch: &Watch, rule: &Check, lookout: &mut Lookout) -> Seen {
        // Those that tell lateness from silence keep the time themselves.
        let deadline = millis(rule.deadline_ms());
        let looked = tokio::time::timeout(deadline + GRACE, self.look_once(watch, rule, lookout)).await;
        looked.unwrap_or_else(|_| Seen::nothing(&format!("the look took longer than {} ms", deadline.as_millis())))
    }

    async fn look_once(self: &Arc<Self>, watch: &Watch, rule: &Check, lookout: &mut Lookout) -> Seen {
        let deadline = millis(rule.deadline_ms());
        let arguments = if rule.is_of_action() { self.arguments_of(&watch.action) } else { Some(Value::Null) };
        let Some(arguments) = arguments else {
            return Seen::nothing("what the action was is not recorded, or was erased");
        };
        let known = Known { action: &watch.action, arguments: &arguments, before: None };
        let wanted = (rule.expect.as_ref(), known);
        let variables = |name: &str| (self.config.environment)(name);
        if let Some(http) = &rule.http {
            return ask_http(http, wanted, &variables, deadline).await;
        }
        if let Some(prometheus) = &rule.prometheus {
            return ask_prometheus(prometheus, wanted, &variables, deadline).await;
        }
        if let Some(log) = &rule.log {
            let (seen, lines) = read_log(log, lookout.lines).await;
            lookout.lines = lines;
            return seen;
        }
        if let Some(run) = &rule.command {
            let told = [("COUNTERSIGN_ACTION", watch.action.to_string()), ("COUNTERSIGN_TOOL", watch.tool.to_string())];
            return run_command(run, &told, &variables, deadline).await;
        }
        let found = match (&rule.tool, &rule.sql) {
            (Some(call), _) => match tokio::time::timeout(deadline, self.call_on(call, known)).await {
                Ok(found) => found.map(Some),
                Err(_) => {
                    Err(Unseen::Failed(format!("`{}` did not answer within {} ms", call.name, deadline.as_millis())))
                }
            },
            (None, Some(query)) => self.query_on(query, known, deadline).await,
            (None, None) => Err(Unseen::Failed("the check does not say how to look".to_owned())),
        };
        match (found, &rule.expect) {
            (Ok(Some(value)), Some(expect)) => meets(expect, &value, known),
            (Ok(None), _) => Seen::nothing("there is no row"),
            (Ok(Some(_)), None) => Seen::nothing("nothing is expected of it"),
            (Err(Unseen::Arguments(why)), _) => Seen::of(Look::Bad, &why),
            (Err(Unseen::Failed(why)), _) => {
                // What a server says of itself may hold what is secret, so it stands in the log of this program alone.
                tracing::info!(action = %watch.action, check = %watch.check, why, "a look saw nothing");
                Seen::nothing("what is looked at does not tell; the log of the server says why")
            }
        }
    }

    fn arguments_of(&self, action: &ActionId) -> Option<Value> {
        self.trace(action).ok()?.proposal.map(|proposal| proposal.arguments.value().clone())
    }

    /// Calls a tool that only reads, over a connection of our own, and returns what it tells, marks in the place of secrets.
    async fn call_on(self: &Arc<Self>, call: &Call, known: Known<'_>) -> Result<Value, Unseen> {
        let arguments = call.arguments.fill(known).map_err(|error| Unseen::Arguments(error.to_string()))?;
        self.told_by(call, &arguments).await.map_err(Unseen::Failed)
    }

    async fn told_by(self: &Arc<Self>, call: &Call, arguments: &Value) -> Result<Value, String> {
        let agent = AgentId::new(OURSELVES).map_err(|error| error.to_string())?;
        let caller = Caller { agent, on_behalf_of: None, anonymous: false };
        let link = self.connect(&caller, &call.name.server, None, "{}").await.map_err(|refusal| refusal.message)?;
        let snapshot = self.snapshot();
        let class = snapshot.bundle.data().tools.get(&call.name).map(|tool| tool.class.clone());
        let read = match class {
            None => Err(format!("the catalogue has no `{}`", call.name)),
            Some(class) => {
                let flight = Flight {
                    action: ActionId::draw(self.now(), Self::draw(self)),
                    tenant: self.config.tenant.clone(),
                    agent: None,
                    tool: call.name.clone(),
                    class,
                    since: self.now(),
                };
                let handle = link.handle();
                let read = self.read_reviewed(&snapshot, (&link, &handle), flight, &call.name, arguments).await;
                read.map_err(String::from)
            }
        };
        link.close().await;
        let told = self.redacted_result(&snapshot.bundle, &call.name, snapshot.pinned(&call.name), &read?);
        let state = state_in(&told.ok_or("what it tells cannot be read")?, "")?;
        json::parse(&state).map_err(|error| error.to_string())
    }

    async fn query_on(&self, query: &Query, known: Known<'_>, deadline: Duration) -> Result<Option<Value>, Unseen> {
        let text = |value: &Value| match filled(value, known) {
            Ok(Value::String(text)) => Ok(text),
            Ok(other) => Ok(json::canonical(&other)),
            Err(error) => Err(Unseen::Arguments(error.to_string())),
        };
        let parameters: Vec<String> = query.arguments.iter().map(text).collect::<Result<_, _>>()?;
        self.queried(query, parameters, deadline).await.map_err(Unseen::Failed)
    }

    async fn queried(
        &self,
        query: &Query,
        parameters: Vec<String>,
        deadline: Duration,
    ) -> Result<Option<Value>, String> {
        match (&query.sqlite, &query.postgres) {
            (Some(file), None) => {
                let (file, statement) = (file.clone(), query.query.clone());
                let given_up = Arc::new(AtomicBool::new(false));
                let told = given_up.clone();
                let asked = tokio::task::spawn_blocking(move || {
                    value::of_sqlite(Path::new(&file), &statement, &parameters, deadline, told)
                });
                let Ok(asked) = tokio::time::timeout(deadline, asked).await else {
                    given_up.store(true, Ordering::Relaxed);
                    return Err(format!("it does not answer within {} ms", deadline.as_millis()));
                };
                asked.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
            }
            (None, Some(variable)) => {
                let address = (self.config.environment)(variable);
                let address = address.ok_or_else(|| format!("the variable `{variable}` is not set"))?;
                let asked = value::of_postgres(&address, &query.query, &parameters, deadline).await;
                asked.map_err(|error| error.to_string())
            }
            _ => Err("it names no database, or two".to_owned()),
        }
    }
}

/// Says why a look saw nothing.
enum Unseen {
    /// What it needs is not among the arguments of the action: what an agent leaves out must not decide how it is judged.
    Arguments(String),
    /// What it looks at does not tell.
    Failed(String),
}
