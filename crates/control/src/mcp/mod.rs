//! The MCP door: what the gateway asks for, answered.

mod carry;
mod link;
mod reach;

use std::sync::Arc;

use connectors::mcp::{identity_in, list_all};
use tokio::sync::{OnceCell, mpsc};
use types::jsonrpc::Frame;
use types::{Arguments, CaseId, Channel, Claims, Code, Digest, Outcome, Principal, ServerName, SessionId, ToolName};

use crate::actions::{Decided, Proposed, Wish};
use crate::control::Control;
use crate::door::{CallOutcome, Caller, CaseEnd, GovernedCall, McpDoor, Refusal};
use crate::machine::Command;
use carry::{decided_on, is_what_it_says};
pub use link::Link;
use link::refuse;

impl Control {
    /// Returns the definition under which this very server lists the tool, asking it once per connection: another session
    /// or a child started anew may serve another one.
    async fn listed(&self, link: &Link, tool: &ToolName) -> Result<Option<Digest>, Refusal> {
        if tool.operation.starts_with("mcp:") {
            return Ok(None);
        }
        let list = || async {
            let tools = list_all(&link.connection, "tools/list").await.map_err(|e| refuse(&link.server, &e))?;
            self.observe(&link.server, link.connection.identity(), &tools).await
        };
        let definitions = link.definitions.get_or_try_init(list).await?;
        Ok(definitions.get(tool).copied())
    }

    /// The gateway fills in the idempotency key of a keyed tool; one that the agent brings would be replaced unseen.
    fn leaves_the_key_to_us(&self, tool: &ToolName, arguments: &Arguments) -> Result<(), Refusal> {
        let snapshot = self.snapshot();
        let key = snapshot.bundle.data().tools.get(tool).and_then(|entry| entry.key_argument.as_deref());
        match key.filter(|name| arguments.value().get(name).is_some()) {
            Some(name) => Err(Refusal::plain(
                Code::ArgumentsInvalid,
                format!("`{name}` is filled in by the gateway; leave it out"),
            )),
            None => Ok(()),
        }
    }

    pub(super) async fn govern(&self, link: &Link, call: &GovernedCall) -> Result<Decided, Refusal> {
        let tool = ToolName::new(call.server.clone(), call.operation.clone())
            .map_err(|e| Refusal::plain(Code::ToolUnknown, e.to_string()))?;
        is_what_it_says(call)?;
        let arguments = decided_on(call)?;
        self.leaves_the_key_to_us(&tool, &arguments)?;
        let definition = self.listed(link, &tool).await?;
        let wish = Wish {
            principal: Principal::Agent(call.caller.agent.clone()),
            on_behalf_of: call.caller.on_behalf_of.clone(),
            session: Some(call.session),
            definition,
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
        Ok(Arc::new(Link { server: server.clone(), connection: Arc::new(connection), definitions: OnceCell::new() }))
    }

    async fn observe_tools(&self, server: &ServerName, hello: &str, tools: Vec<String>) {
        let identity = identity_in(hello);
        if let Err(refusal) = self.observe(server, &identity, &tools).await {
            tracing::warn!(%server, code = %refusal.code, "changed tools could not be recorded");
        }
    }

    async fn call(&self, link: Arc<Link>, call: GovernedCall, events: mpsc::Sender<Frame>) -> CallOutcome {
        // In a task of its own: what is permitted is either carried out or recorded as not dispatched, though the caller
        // may go away at any time in between.
        let handle = link.handle();
        let mut cancel = link.cancels(&handle, &call.request);
        let (waiting, gone) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn(self.clone().decide_and_carry_out(link, handle, call, events, gone));
        let outcome = running.await;
        cancel.id = None;
        drop(waiting);
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
