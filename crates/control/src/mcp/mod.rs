//! The MCP door: what the gateway asks for, answered.

pub(crate) mod carry;
mod link;
mod plans;
mod question;
mod reach;
pub(crate) mod states;
pub(crate) mod undoing;

use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::mcp::{Mirrors, identity_in, list_all};
use evidence::Listing;
use tokio::sync::{OnceCell, mpsc};
use types::jsonrpc::Frame;
use types::point;
use types::{
    ActionId, Arguments, CaseId, Channel, Claims, Code, Digest, Identity, Millis, Outcome, Principal, ServerName,
    SessionId, ToolName,
};

use crate::actions::{ARGUMENTS_BYTES_MAX, Decided, Wish};
use crate::control::Control;
use crate::door::{CallOutcome, Caller, CaseEnd, Era, GovernedCall, McpDoor, Refusal, UpstreamLink as _};
use crate::machine::Command;
use crate::sessions::Brief;
use crate::state::Target;
use carry::{decided_on, is_what_it_says};
pub use link::Link;
use link::{Listed, refuse};

impl Control {
    /// Returns the definition under which this very server lists the tool, asking it once per connection: another session
    /// or a child started anew may serve another one.
    async fn listed(&self, link: &Link, tool: &ToolName) -> Result<Option<Digest>, Refusal> {
        if tool.operation.starts_with("mcp:") {
            return Ok(None);
        }
        let list = || async {
            let tools = point::at("listing", list_all(&link.connection, "tools/list")).await;
            let tools = tools.map_err(|e| refuse(&link.server, &e))?;
            let definitions = self.observe(&link.server, link.connection.identity(), &tools);
            let definitions = point::at("definitions", definitions).await?;
            let mut texts: BTreeMap<_, _> = tools
                .into_iter()
                .filter_map(|json| Some((crate::tools::name_of(&link.server, &json)?, json)))
                .collect();
            let with_text = |(tool, definition)| {
                let text: String = texts.remove(&tool).unwrap_or_default();
                (tool, Listed { definition, mirrors: Mirrors::of_tool(&text), text })
            };
            Ok::<_, Refusal>(definitions.into_iter().map(with_text).collect::<BTreeMap<_, _>>())
        };
        let listed = point::at("behind another listing", link.listed.get_or_try_init(list)).await?;
        Ok(listed.get(tool).map(|tool| tool.definition))
    }

    /// Records once for each connection what its server offers, so that the session can be replayed without it.
    async fn record_offer(&self, link: &Link, session: SessionId) -> Result<(), Refusal> {
        let Some(listed) = link.listed.get() else { return Ok(()) };
        let record = || async {
            let tools = listed.values().map(|tool| (tool.definition, tool.text.clone())).collect();
            let stateless = link.era() == Era::Stateless;
            let listing = Listing::new(link.server.clone(), link.connection.hello(), stateless, tools);
            point::at("offer", self.ask(Command::Offered(session, Box::new(listing)))).await.map(drop)
        };
        point::at("behind another offer", link.offered.get_or_try_init(record)).await.map(drop)
    }

    /// Compares a tool call's headers with its arguments, and returns the name of the first that differs.
    pub(super) async fn compare_headers(&self, link: &Link, call: &GovernedCall) -> Result<Option<String>, Refusal> {
        let Some(sent) = call.headers.as_ref().filter(|_| !call.operation.starts_with("mcp:")) else { return Ok(None) };
        let tool = ToolName::new(call.server.clone(), call.operation.clone())
            .map_err(|e| Refusal::plain(Code::ToolUnknown, e.to_string()))?;
        self.listed(link, &tool).await?;
        let arguments = types::json::parse(&call.arguments).map_err(|e| Refusal::plain(e.code(), e.to_string()))?;
        Ok(link.mirrors(&tool).compare(&arguments, sent).err())
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

    pub(super) async fn govern(
        &self,
        link: &Link,
        call: &GovernedCall,
        named: Option<ActionId>,
    ) -> Result<Decided, Refusal> {
        let tool = ToolName::new(call.server.clone(), call.operation.clone())
            .map_err(|e| Refusal::plain(Code::ToolUnknown, e.to_string()))?;
        is_what_it_says(call)?;
        let arguments = decided_on(call)?;
        self.leaves_the_key_to_us(&tool, &arguments)?;
        let definition = self.listed(link, &tool).await?;
        self.record_offer(link, call.session).await?;
        let wish = Wish {
            principal: Principal::Agent(call.caller.agent.clone()),
            on_behalf_of: call.caller.on_behalf_of.clone(),
            session: Some(call.session),
            definition,
            tool,
            arguments,
            claims: call.claims.clone(),
            channel: Channel::Mcp,
        };
        self.decide_over(wish, named, Some((link, &link.handle()))).await
    }
}

impl Control {
    /// Links a caller to a server over a connection that is there already, as one in the memory of this process.
    pub fn link_over(
        self: &Arc<Self>,
        caller: Caller,
        server: ServerName,
        connection: connectors::mcp::Connection,
    ) -> Arc<Link> {
        let (control, connection) = (self.clone(), Arc::new(connection));
        Arc::new(Link { control, caller, server, connection, listed: OnceCell::new(), offered: OnceCell::new() })
    }

    /// Does what [`McpDoor::call`] does, in the task of whoever polls it, who decides when it goes on. Dropped half-way it
    /// leaves what a crash at that point leaves.
    pub async fn call_here(
        self: Arc<Self>,
        link: Arc<Link>,
        call: GovernedCall,
        events: mpsc::Sender<Frame>,
    ) -> CallOutcome {
        let handle = link.handle();
        let (_waiting, gone) = tokio::sync::oneshot::channel::<()>();
        self.decide_and_carry_out(link, handle, call, None, events, gone).await
    }
}

impl Control {
    /// Says whether a method that is not governed may pass now, as [`McpDoor::permits_relay`] describes.
    pub(super) fn permits_relay_of(
        &self,
        caller: &Caller,
        server: Option<&ServerName>,
        method: &str,
    ) -> Result<(), Refusal> {
        let tool = server.and_then(|server| ToolName::new(server.clone(), format!("mcp:{method}")).ok());
        let snapshot = self.snapshot();
        let class = tool.as_ref().and_then(|tool| snapshot.class_of(tool));
        let covers =
            |target: &Target| target.covers(&self.config.tenant, Some(&caller.agent), tool.as_ref(), class.as_ref());
        match self.switches().into_iter().find(|switch| covers(&switch.target)) {
            Some(switch) => {
                let of = switch.target.word();
                Err(Refusal::plain(Code::Killed, format!("the kill switch of the {of} is set")))
            }
            None => Ok(()),
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

    async fn open_session(&self, caller: &Caller, runs: &Identity, client: &str) -> Result<SessionId, Refusal> {
        let metadata = serde_json::json!({ "client": client }).to_string();
        let metadata =
            Arguments::parse(&metadata, ARGUMENTS_BYTES_MAX).map_err(|e| Refusal::plain(e.code(), e.to_string()))?;
        let brief = Brief { runs: runs.clone(), task: None, metadata: Some(metadata) };
        self.begin_attached_session(&caller.agent, caller.on_behalf_of.clone(), brief).await
    }

    async fn close_session(&self, session: SessionId) {
        if let Err(refusal) = self.end_session(session).await {
            tracing::debug!(%session, code = %refusal.code, "the session could not be closed");
        }
    }

    async fn connect(
        &self,
        caller: &Caller,
        server: &ServerName,
        initialize: Option<&str>,
        abilities: &str,
    ) -> Result<Arc<Link>, Refusal> {
        let connection = Arc::new(self.connection(server, initialize, abilities).await?);
        let (control, caller, server) = (self.clone(), caller.clone(), server.clone());
        Ok(Arc::new(Link { control, caller, server, connection, listed: OnceCell::new(), offered: OnceCell::new() }))
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
        let running = tokio::spawn(self.clone().decide_and_carry_out(link, handle, call, None, events, gone));
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
        params: &str,
    ) -> Result<(), Refusal> {
        let tool = ToolName::new(server.clone(), format!("mcp:{method}"))
            .map_err(|e| Refusal::plain(Code::ToolUnknown, e.to_string()))?;
        let arguments = question::decided_on(params, &self.redaction)?;
        let wish = Wish {
            principal: Principal::Agent(caller.agent.clone()),
            on_behalf_of: caller.on_behalf_of.clone(),
            session: None,
            tool,
            definition: None,
            arguments,
            claims: Claims::default(),
            channel: Channel::Mcp,
        };
        let decided = self.decide_once(wish, false).await?;
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

    fn permits_relay(&self, caller: &Caller, server: Option<&ServerName>, method: &str) -> Result<(), Refusal> {
        self.permits_relay_of(caller, server, method)
    }

    fn now(&self) -> Millis {
        Control::now(self)
    }

    fn draw(&self) -> [u8; 16] {
        Control::draw(self)
    }

    async fn await_case(&self, case: CaseId, wait_ms: i64) -> CaseEnd {
        self.await_decision(case, wait_ms).await
    }

    async fn withdraw_case(&self, case: CaseId) {
        if let Err(refusal) = self.withdraw(case).await {
            tracing::debug!(%case, code = %refusal.code, "the case of a withdrawn call stays open");
        }
    }

    fn wait_ms_max(&self) -> i64 {
        self.snapshot().bundle.data().head.hold.wait_ms_max
    }
}
