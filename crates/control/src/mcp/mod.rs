//! The MCP door: what the gateway asks for, answered.

mod carry;
mod link;
mod reach;

use std::sync::Arc;

use connectors::mcp::list_all;
use tokio::sync::mpsc;
use types::jsonrpc::Frame;
use types::{Arguments, CaseId, Channel, Claims, Code, Outcome, Principal, ServerName, SessionId, ToolName};

use crate::actions::{Decided, Proposed, Wish};
use crate::control::Control;
use crate::door::{CallOutcome, Caller, CaseEnd, GovernedCall, McpDoor, Refusal};
use crate::machine::Command;
use carry::decided_on;
pub use link::Link;
use link::refuse;

impl Control {
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
