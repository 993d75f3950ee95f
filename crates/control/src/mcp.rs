//! The MCP door: what the gateway asks for, answered.

use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::mcp::{
    CallError, ConnectError, Connection, Limits, Wiring, connect_stateful, connect_stateless, list_all, probe,
};
use executor::{Answer, Flight, Plan, Ran, SendError, Target, run};
use ledger::Recorded;
use serde_json::value::RawValue;
use stages::decision::Permit;
use tokio::sync::mpsc;
use types::jsonrpc::Frame;
use types::{
    Arguments, CaseId, Channel, Claims, ClassId, Code, EffectClass, Outcome, Principal, ServerName, SessionId, ToolName,
};

use crate::actions::{ARGUMENTS_BYTES_MAX, Decided, Proposed, Wish};
use crate::control::Control;
use crate::door::{CallOutcome, Caller, CaseEnd, Era, GovernedCall, McpDoor, Refusal, UpstreamLink};
use crate::machine::Command;

/// Is how long a call may take unless an obligation says otherwise, in milliseconds.
const DEADLINE_MS: i64 = 300_000;

/// Is how much of a result is recorded unless an obligation asks for all of it, in bytes.
const RESULT_BYTES: usize = 4_096;

/// Are the methods that go through a decision; a link refuses to relay them.
const GOVERNED: [&str; 4] = ["tools/call", "resources/read", "resources/subscribe", "tasks/update"];

/// Is one live connection to an upstream server.
pub struct Link {
    server: ServerName,
    connection: Arc<Connection>,
}

impl Link {
    /// Returns the handle for one request: its own where clients that do not know each other share the connection, so
    /// that the same request id of two of them stays apart.
    fn handle(&self) -> Arc<Connection> {
        match self.era() {
            Era::Stateful => self.connection.clone(),
            Era::Stateless => Arc::new(self.connection.share()),
        }
    }

    /// Cancels the request over `handle` when dropped, where no client message does it.
    fn cancels(&self, handle: &Arc<Connection>, request: &Frame) -> CancelOnDrop {
        let id = request.id().cloned().filter(|_| self.era() == Era::Stateless);
        CancelOnDrop { connection: handle.clone(), id }
    }
}

fn refuse(server: &ServerName, error: &CallError) -> Refusal {
    Refusal::plain(error.code(), format!("server `{server}`: {error}"))
}

impl UpstreamLink for Link {
    fn era(&self) -> Era {
        match self.connection.era() {
            connectors::mcp::Era::Stateful => Era::Stateful,
            connectors::mcp::Era::Stateless => Era::Stateless,
        }
    }

    fn hello(&self) -> &str {
        self.connection.hello()
    }

    async fn relay(
        &self,
        request: Frame,
        headers: Vec<(String, String)>,
        events: mpsc::Sender<Frame>,
    ) -> Result<Frame, Refusal> {
        let method = request.method().unwrap_or_default();
        if GOVERNED.contains(&method) {
            return Err(Refusal::plain(
                Code::McpMethodRefused,
                format!("`{method}` is governed and cannot be relayed"),
            ));
        }
        let handle = self.handle();
        let mut cancel = self.cancels(&handle, &request);
        let answer = handle.request(request, headers, events).await;
        cancel.id = None;
        answer.map_err(|e| refuse(&self.server, &e))
    }

    async fn send(&self, frame: Frame) -> Result<(), Refusal> {
        self.connection.send(frame).await.map_err(|e| refuse(&self.server, &e))
    }

    fn unsolicited(&self) -> Option<mpsc::Receiver<Frame>> {
        self.connection.unsolicited()
    }

    async fn close(&self) {
        self.connection.close().await;
    }
}

/// Sends one governed request over a connection.
struct McpTarget {
    connection: Arc<Connection>,
    request: Frame,
    headers: Vec<(String, String)>,
    events: mpsc::Sender<Frame>,
    result_bytes_max: Option<u64>,
}

impl Target for McpTarget {
    async fn send(&self, _attempt: u32) -> Result<Answer, SendError> {
        let sent = self.connection.request(self.request.clone(), self.headers.clone(), self.events.clone()).await;
        let answer = sent.map_err(|error| match error {
            CallError::TooLarge { .. } => SendError::TooLarge(error.to_string()),
            CallError::Invalid(_) => SendError::Invalid(error.to_string()),
            _ if error.in_doubt() => SendError::Unknown(error.to_string()),
            _ => SendError::NotSent(error.to_string()),
        })?;
        if self.result_bytes_max.is_some_and(|max| answer.text().len() as u64 > max) {
            return Err(SendError::TooLarge("the result is larger than the obligation allows".into()));
        }
        let failed = answer.member("error").is_some() || says_error(answer.member("result"));
        Ok(Answer { text: answer.text().to_owned(), failed })
    }
}

/// A tool reports its own failure inside a successful answer.
fn says_error(result: Option<&str>) -> bool {
    #[derive(serde::Deserialize)]
    struct Peek {
        #[serde(rename = "isError", default)]
        is_error: bool,
    }
    result.and_then(|r| serde_json::from_str::<Peek>(r).ok()).is_some_and(|peek| peek.is_error)
}

/// Is the member under which answers to a server's questions stand beside the arguments in a decision.
///
/// No tool can have an argument of that name: a catalogue's arguments come from its schema, and the member is taken out
/// again before anything is sent.
const INPUTS: &str = "mcp:inputs";

/// Returns what is decided on: the arguments, and the answers to the server's questions if the call brings any.
fn decided_on(call: &GovernedCall) -> Result<Arguments, Refusal> {
    let strict =
        |text: &str| Arguments::parse(text, ARGUMENTS_BYTES_MAX).map_err(|e| Refusal::plain(e.code(), e.to_string()));
    let arguments = strict(&call.arguments)?;
    if arguments.value().get(INPUTS).is_some() {
        return Err(Refusal::plain(Code::ArgumentsInvalid, format!("no argument may be called `{INPUTS}`")));
    }
    let Some(inputs) = &call.inputs else { return Ok(arguments) };
    let mut both = arguments.value().clone();
    if let Some(object) = both.as_object_mut() {
        object.insert(INPUTS.to_owned(), strict(inputs)?.value().clone());
    }
    strict(&both.to_string())
}

/// Puts the arguments that were decided on into the request that is sent; all else keeps its bytes.
fn with_arguments(request: &Frame, operation: &str, mut arguments: serde_json::Value) -> Option<Frame> {
    type Members = BTreeMap<String, Box<RawValue>>;
    let mut params: Members = serde_json::from_str(request.member("params").unwrap_or("{}")).ok()?;
    let members = |value: &serde_json::Value| serde_json::from_str::<Members>(&types::json::canonical(value)).ok();
    if let Some(inputs) = arguments.as_object_mut()?.remove(INPUTS) {
        params.extend(members(&inputs)?);
    }
    if operation.starts_with("mcp:") {
        params.extend(members(&arguments)?);
    } else {
        params.insert("arguments".to_owned(), RawValue::from_string(types::json::canonical(&arguments)).ok()?);
    }
    Some(request.with_member("params", &serde_json::to_string(&params).ok()?))
}

impl Control {
    fn wiring(&self, server: &ServerName) -> Result<Wiring, Refusal> {
        let snapshot = self.snapshot();
        let entry = snapshot.bundle.data().servers.get(server);
        let entry = entry
            .ok_or_else(|| Refusal::plain(Code::ToolUnknown, format!("the catalogue has no server `{server}`")))?;
        let missing = |name: &str| {
            Refusal::plain(
                Code::UpstreamUnavailable,
                format!("server `{server}` needs the variable `{name}`, which is not set"),
            )
        };
        let mut env = BTreeMap::new();
        for name in ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"] {
            env.extend((self.config.environment)(name).map(|value| (name.to_owned(), value)));
        }
        for name in &entry.env {
            env.insert(name.clone(), (self.config.environment)(name).ok_or_else(|| missing(name))?);
        }
        let mut headers = Vec::new();
        for (header, name) in &entry.headers {
            headers.push((header.clone(), (self.config.environment)(name).ok_or_else(|| missing(name))?));
        }
        Ok(Wiring { command: entry.command.clone(), env, url: entry.url.clone(), headers })
    }

    /// Connects to a server for a client of either generation, preferring the client's own.
    async fn connection(&self, server: &ServerName, initialize: Option<&str>) -> Result<Connection, Refusal> {
        let wiring = self.wiring(server)?;
        let limits = Limits::default();
        let connected = match initialize {
            Some(params) => match connect_stateful(&wiring, params, &limits).await {
                Err(ConnectError::Refused { .. } | ConnectError::Version(_)) => {
                    connect_stateless(&wiring, &limits).await
                }
                other => other,
            },
            None => match probe(&wiring, &limits).await {
                Ok(connectors::mcp::Era::Stateless) => connect_stateless(&wiring, &limits).await,
                Ok(connectors::mcp::Era::Stateful) => greet(&wiring, &limits).await,
                Err(error) => Err(error),
            },
        };
        let connection = connected.map_err(|error| {
            tracing::warn!(%server, ?error, "an upstream server cannot be reached");
            Refusal::plain(error.code(), format!("server `{server}`: {error}"))
        })?;
        self.is_the_reviewed(server, &connection)?;
        Ok(connection)
    }

    /// A server that calls itself something else than when it was reviewed is another server.
    fn is_the_reviewed(&self, server: &ServerName, connection: &Connection) -> Result<(), Refusal> {
        let snapshot = self.snapshot();
        let expected = snapshot.bundle.data().servers.get(server).and_then(|entry| entry.identity.as_deref());
        if expected.is_none_or(|name| name == connection.identity()) {
            return Ok(());
        }
        let seen = types::text::escape(connection.identity(), false);
        Err(Refusal::plain(
            Code::ToolChanged,
            format!("server `{server}` calls itself `{seen}` now, and was reviewed under another name or version"),
        ))
    }

    /// Makes sure the tool's definition as listed now is known, listing the server's tools if it is not.
    async fn know(&self, link: &Link, tool: &ToolName) -> Result<(), Refusal> {
        if tool.operation.starts_with("mcp:") || self.definition(tool).is_some() {
            return Ok(());
        }
        let tools = list_all(&link.connection, "tools/list").await.map_err(|e| refuse(&link.server, &e))?;
        self.observe(&link.server, link.connection.identity(), &tools).await
    }

    async fn govern(&self, link: &Link, call: &GovernedCall) -> Result<Decided, Refusal> {
        let tool = ToolName::new(call.server.clone(), call.operation.clone())
            .map_err(|e| Refusal::plain(Code::ToolUnknown, e.to_string()))?;
        let arguments = decided_on(call)?;
        self.know(link, &tool).await?;
        let wish = Wish {
            principal: Principal::Agent(call.caller.agent.clone()),
            on_behalf_of: call.caller.on_behalf_of.clone(),
            session: Some(call.session),
            definition: self.definition(&tool),
            tool,
            arguments,
            claims: call.claims.clone(),
            channel: Channel::Mcp,
            idempotency_key: None,
        };
        match self.propose(wish, false).await? {
            Proposed::Now(decided) => Ok(*decided),
            Proposed::Before(action) => {
                Err(Refusal::plain(Code::StateConflict, format!("{action} was proposed before")))
            }
        }
    }

    fn plan_for(&self, permit: &Permit, class: Option<ClassId>) -> Option<(Plan, Obliged)> {
        let snapshot = self.snapshot();
        let data = snapshot.bundle.data();
        let tool = data.tools.get(permit.tool())?;
        let obligations: Vec<_> = permit.obligations().iter().filter_map(|id| data.obligations.get(id)).collect();
        let obliged = Obliged {
            record_result: obligations.iter().any(|o| o.record_result),
            result_bytes_max: obligations.iter().filter_map(|o| o.result_bytes_max).min(),
            key_argument: tool.key_argument.clone().filter(|_| tool.effect == EffectClass::Keyed),
        };
        let plan = Plan {
            flight: Flight {
                action: permit.action(),
                tenant: permit.tenant().clone(),
                agent: permit.principal().agent().cloned(),
                tool: permit.tool().clone(),
                class: class.unwrap_or_else(|| tool.class.clone()),
                since: self.now(),
            },
            effect: tool.effect,
            key_ttl_ms: tool.key_ttl_ms,
            deadline_ms: obligations.iter().filter_map(|o| o.deadline_ms).min().unwrap_or(DEADLINE_MS),
            attempts_max: if tool.effect.retries() { 3 } else { 1 },
        };
        Some((plan, obliged))
    }

    /// Carries out a recorded permit and records what came of it.
    async fn carry_out(
        self: Arc<Self>,
        permit: Recorded<Permit>,
        connection: Arc<Connection>,
        call: GovernedCall,
        events: mpsc::Sender<Frame>,
    ) -> CallOutcome {
        let action = permit.get().action();
        let prepared = self.plan_for(permit.get(), None).and_then(|(plan, obliged)| {
            let arguments = obliged.arguments(permit.get());
            Some((plan, with_arguments(&call.request, &call.operation, arguments)?, obliged))
        });
        let Some((plan, request, obliged)) = prepared else {
            return self.never_sent(action, "the request could not be prepared").await;
        };
        let target = McpTarget {
            connection,
            request,
            headers: call.headers,
            events,
            result_bytes_max: obliged.result_bytes_max,
        };
        let ran = run(permit, plan, &self.gate, &target, self.clock()).await;
        let recorded = Outcome { result: ran.outcome.result.clone().map(|r| obliged.cut(r)), ..ran.outcome.clone() };
        if let Err(refusal) = self.ask(Command::Outcome(recorded.clone())).await {
            // The action has happened. What is known of it is recorded as soon as the journal can; if the process
            // ends before, the next start finds the action in doubt.
            tokio::spawn(self.clone().record_later(recorded));
            return CallOutcome::Refused(Refusal { action: Some(action), ..refusal });
        }
        answer(ran, &call.request)
    }

    async fn record_later(self: Arc<Self>, outcome: Outcome) {
        loop {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            match self.ask(Command::Outcome(outcome.clone())).await {
                Err(refusal) if matches!(refusal.code, Code::DiskFull | Code::Overloaded) => {}
                Err(refusal) => {
                    return tracing::error!(action = %outcome.action, code = %refusal.code, "an outcome is lost");
                }
                Ok(_) => return,
            }
        }
    }

    async fn never_sent(&self, action: types::ActionId, why: &str) -> CallOutcome {
        let outcome = Outcome {
            action,
            status: types::OutcomeStatus::NotDispatched,
            provenance: types::Provenance::Observed,
            result: None,
            error: Some(why.to_owned()),
            dispatches: 0,
            took_ms: 0,
            at: self.now(),
        };
        let refusal = match self.ask(Command::Outcome(outcome)).await {
            Ok(_) => Refusal::plain(Code::Internal, why),
            Err(refusal) => refusal,
        };
        CallOutcome::Refused(Refusal { action: Some(action), ..refusal })
    }
}

/// Is what the obligations of a permit ask of the gateway.
struct Obliged {
    record_result: bool,
    result_bytes_max: Option<u64>,
    key_argument: Option<String>,
}

impl Obliged {
    /// Returns the arguments to send: those decided on, with our idempotency key where the target enforces one.
    fn arguments(&self, permit: &Permit) -> serde_json::Value {
        let mut value = permit.arguments().value().clone();
        if let (Some(name), Some(object)) = (&self.key_argument, value.as_object_mut()) {
            object.insert(name.clone(), permit.action().to_string().into());
        }
        value
    }

    fn cut(&self, result: String) -> String {
        if self.record_result || result.len() <= RESULT_BYTES {
            return result;
        }
        let mut end = RESULT_BYTES;
        while !result.is_char_boundary(end) {
            end -= 1;
        }
        let mut result = result;
        result.truncate(end);
        result.push('…');
        result
    }
}

fn answer(ran: Ran, request: &Frame) -> CallOutcome {
    let action = Some(ran.outcome.action);
    let refused = |code, message| CallOutcome::Refused(Refusal { action, ..Refusal::plain(code, message) });
    match (ran.answer, ran.error) {
        (Some(answer), _) => match Frame::parse(answer.text, usize::MAX) {
            Ok(frame) => CallOutcome::Answer(request.id().map_or(frame.clone(), |id| frame.with_id(id))),
            Err(error) => refused(Code::UpstreamInvalid, error.to_string()),
        },
        (None, Some(SendError::Stopped(why))) => refused(Code::Killed, why),
        (None, Some(SendError::NotSent(why))) => refused(Code::UpstreamUnavailable, why),
        (None, Some(SendError::TooLarge(why))) => refused(Code::ResultTooLarge, why),
        (None, Some(SendError::Invalid(why))) => refused(Code::UpstreamInvalid, why),
        (None, Some(SendError::Unknown(why))) => {
            refused(Code::InDoubt, format!("nobody knows whether it happened: {why}"))
        }
        (None, None) => refused(Code::Internal, "there is neither an answer nor an error".to_owned()),
    }
}

/// Is what we say of ourselves to a stateful server when the client is a stateless one.
const OWN_HELLO: &str =
    r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"countersign","version":"0.1.0"}}"#;

/// Shakes hands with a stateful server in our own name.
async fn greet(wiring: &Wiring, limits: &Limits) -> Result<Connection, ConnectError> {
    let connection = connect_stateful(wiring, OWN_HELLO, limits).await?;
    let ready = connection.send(Frame::notification("notifications/initialized", None)).await;
    ready.map_err(|e| ConnectError::Invalid(e.to_string()))?;
    Ok(connection)
}

/// Cancels a dispatched request whose caller has gone: where every request stands for itself, nobody else tells the server.
struct CancelOnDrop {
    connection: Arc<Connection>,
    id: Option<types::jsonrpc::RpcId>,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let connection = self.connection.clone();
        tokio::spawn(async move {
            if let Err(error) = connection.cancel(&id, Some("the caller has gone")).await {
                tracing::debug!(%error, "a cancellation could not be sent");
            }
        });
    }
}

impl McpDoor for Arc<Control> {
    type Link = Link;

    fn authenticate(&self, token: Option<&str>) -> Result<Caller, Refusal> {
        let Some(token) = token else {
            let agent = self.config.anonymous.clone();
            let agent = agent.ok_or_else(|| Refusal::plain(Code::Unauthenticated, "a bearer key is needed"))?;
            return Ok(Caller { agent, on_behalf_of: None, anonymous: true });
        };
        let holder = self.holder_of(token)?;
        match holder.principal {
            Principal::Agent(agent) => Ok(Caller { agent, on_behalf_of: holder.on_behalf_of, anonymous: false }),
            Principal::Person(_) => {
                Err(Refusal::plain(Code::Forbidden, "a person's key does not open the agents' door"))
            }
        }
    }

    fn servers(&self) -> Vec<ServerName> {
        self.snapshot().bundle.data().servers.keys().cloned().collect()
    }

    fn annotates(&self, caller: &Caller) -> bool {
        self.snapshot().bundle.data().agents.get(&caller.agent).is_some_and(|agent| agent.annotate_schemas)
    }

    async fn open_session(&self, caller: &Caller, _client: &str) -> Result<SessionId, Refusal> {
        self.begin_session(&caller.agent, caller.on_behalf_of.clone(), None).await
    }

    async fn close_session(&self, session: SessionId) {
        if let Err(refusal) = self.end_session(session).await {
            tracing::debug!(%session, code = %refusal.code, "the session could not be closed");
        }
    }

    async fn connect(
        &self,
        _caller: &Caller,
        server: &ServerName,
        initialize: Option<&str>,
    ) -> Result<Arc<Link>, Refusal> {
        let connection = self.connection(server, initialize).await?;
        Ok(Arc::new(Link { server: server.clone(), connection: Arc::new(connection) }))
    }

    async fn observe_tools(&self, server: &ServerName, hello: &str, tools: Vec<String>) {
        let identity = identity_in(hello);
        if let Err(refusal) = self.observe(server, &identity, &tools).await {
            tracing::warn!(%server, code = %refusal.code, "changed tools could not be recorded");
        }
    }

    async fn call(&self, link: Arc<Link>, call: GovernedCall, events: mpsc::Sender<Frame>) -> CallOutcome {
        let mut decided = match self.govern(&link, &call).await {
            Ok(decided) => decided,
            Err(refusal) => return CallOutcome::Refused(refusal),
        };
        if let Some(case) = decided.case {
            return CallOutcome::Held(case);
        }
        let Some(permit) = decided.permit.take() else { return CallOutcome::Refused(decided.refusal()) };
        // Once it may have left, what came of it is recorded even if nobody waits any more.
        let handle = link.handle();
        let mut cancel = link.cancels(&handle, &call.request);
        let running = tokio::spawn(self.clone().carry_out(permit, handle, call, events));
        let outcome = running.await;
        cancel.id = None;
        outcome.unwrap_or_else(|_| CallOutcome::Refused(Refusal::plain(Code::InDoubt, "the call was interrupted")))
    }

    async fn permits_upstream_request(
        &self,
        caller: &Caller,
        server: &ServerName,
        method: &str,
    ) -> Result<(), Refusal> {
        let tool = ToolName::new(server.clone(), format!("mcp:{method}"))
            .map_err(|e| Refusal::plain(Code::ToolUnknown, e.to_string()))?;
        let wish = Wish {
            principal: Principal::Agent(caller.agent.clone()),
            on_behalf_of: caller.on_behalf_of.clone(),
            session: None,
            tool,
            definition: None,
            arguments: Arguments::empty(),
            claims: Claims::default(),
            channel: Channel::Mcp,
            idempotency_key: None,
        };
        let decided = match self.propose(wish, false).await? {
            Proposed::Now(decided) => *decided,
            Proposed::Before(_) => return Ok(()),
        };
        if decided.permit.is_none() {
            return Err(decided.refusal());
        }
        // The effect is the client's answer; that it may be asked for is all there is to carry out here.
        let outcome = Outcome {
            action: decided.decision.action,
            status: types::OutcomeStatus::Done,
            provenance: types::Provenance::Observed,
            result: None,
            error: None,
            dispatches: 1,
            took_ms: 0,
            at: self.now(),
        };
        self.ask(Command::Outcome(outcome)).await.map(drop)
    }

    async fn await_case(&self, case: CaseId, wait_ms: i64) -> CaseEnd {
        self.await_decision(case, wait_ms).await
    }

    fn wait_ms_max(&self) -> i64 {
        self.snapshot().bundle.data().head.hold.wait_ms_max
    }
}

/// Reads what a server calls itself from its hello, as `name/version`.
pub fn identity_in(hello: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(hello).unwrap_or_default();
    let info = value.get("serverInfo").or_else(|| value.pointer("/_meta/io.modelcontextprotocol~1serverInfo"));
    let text = |name: &str| info.and_then(|i| i.get(name)).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    format!("{}/{}", text("name"), text("version"))
}
