//! The door the MCP gateway knocks at: everything it may ask of the application layer.
//!
//! The gateway speaks protocols; it does not know what is behind this trait, and so cannot go around
//! it. A governed method goes through [`McpDoor::call`]; [`McpDoor::relay`] refuses it.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::mpsc;
use types::jsonrpc::Frame;
use types::{ActionId, AgentId, CaseId, Claims, Code, Finding, Identity, Millis, PersonId, ServerName, SessionId};

/// Is the generation of the protocol one side speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Era {
    /// 2025-11-25 and before: a session begins with `initialize`.
    Stateful,
    /// 2026-07-28: every request stands for itself.
    Stateless,
}

/// Is an authenticated caller of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The agent the credential was issued to.
    pub agent: AgentId,
    /// The person the credential says it acts for, if it is bound to one.
    pub on_behalf_of: Option<PersonId>,
    /// The credential is the listener's own anonymous agent, not a key.
    pub anonymous: bool,
}

/// Is how a request is refused: a stable code, a sentence for people, and what led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// One sentence; it never holds a secret or an internal path.
    pub message: String,
    /// The findings of the decision, where there was one.
    pub findings: Vec<Finding>,
    /// The recorded action, where there was one.
    pub action: Option<ActionId>,
    /// The case it hangs on, where there is one.
    pub case: Option<CaseRef>,
}

impl Refusal {
    /// Builds a refusal that rests on no decision.
    pub fn plain(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), findings: Vec::new(), action: None, case: None }
    }
}

/// Points at a case that awaits people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRef {
    /// The case.
    pub id: CaseId,
    /// Where people decide it.
    pub url: Box<str>,
    /// When silence becomes a refusal.
    pub expires: Millis,
    /// The bundle gives permissions, so that whoever will do several such actions may ask for all of them at once.
    pub may_ask: bool,
}

/// Is a governed request as it came from the client.
#[derive(Debug, Clone)]
pub struct GovernedCall {
    /// Who calls.
    pub caller: Caller,
    /// The session of the journal it belongs to.
    pub session: SessionId,
    /// The upstream server.
    pub server: ServerName,
    /// `read_file` for a tool, `mcp:resources/read` for a governed method that is no tool.
    pub operation: String,
    /// The arguments as JSON text, exactly as the client sent them, `_countersign` already taken out.
    pub arguments: String,
    /// What the agent says of itself.
    pub claims: Claims,
    /// The request to send upstream once permitted. Of its params only `_meta` and `task` are sent as they stand here;
    /// every other member is written anew from what was decided on.
    pub request: Frame,
    /// What else decides the effect of a call that is repeated after a round of questions: JSON text of an object with
    /// `inputResponses` and `requestState` as far as the client sent them. The decision binds to it like to the arguments.
    pub inputs: Option<String>,
    /// The members of a tool call's params that the protocol does not know, as JSON text of an object. The decision binds
    /// to them like to the arguments.
    pub rest: Option<String>,
    /// The `Mcp-Param-*` headers of the request; absent where the client's transport has no headers. They are compared
    /// with the arguments and never sent: what the server gets is written from the arguments.
    pub headers: Option<Vec<(String, String)>>,
}

/// Is how a governed call ended.
#[derive(Debug)]
pub enum CallOutcome {
    /// The upstream server answered: a result or a JSON-RPC error, to be passed on under the client's id. So does the
    /// gateway itself, with -32020, where headers and arguments differ.
    Answer(Frame),
    /// The action was decided against, or could not be carried out.
    Refused(Refusal),
    /// People must decide first. Calling again with the same request after approval executes it.
    Held(CaseRef),
}

/// Says how a wait for a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseEnd {
    /// Approved: call again.
    Approved,
    /// Denied, expired or void.
    Refused(Refusal),
    /// Still open when the wait ended.
    StillOpen,
}

/// Is one live connection to an upstream server, owned by one client session (or shared, when stateless).
pub trait UpstreamLink: Send + Sync + 'static {
    /// Returns the generation of the protocol the server speaks.
    fn era(&self) -> Era;

    /// Returns what the server answered to `initialize` or `server/discover`, as JSON text of the result.
    fn hello(&self) -> &str;

    /// Sends a request that is relayed, not governed, and waits for its answer.
    ///
    /// Frames that the server sends on this request's own stream (progress, its own requests) go to `events`.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] with `mcp-method-refused` if the method is governed or refused, `killed` if a kill switch covers it
    /// or comes to cover it before the answer, `upstream-*` if the server cannot be reached or breaks the protocol.
    fn relay(
        &self,
        request: Frame,
        headers: Vec<(String, String)>,
        events: mpsc::Sender<Frame>,
    ) -> impl Future<Output = Result<Frame, Refusal>> + Send;

    /// Sends a notification, or the client's answer to a request of the server's.
    ///
    /// # Errors
    ///
    /// As [`UpstreamLink::relay`].
    fn send(&self, frame: Frame) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Hands out the frames the server sends outside any request; `None` after the first call.
    fn unsolicited(&self) -> Option<mpsc::Receiver<Frame>>;

    /// Ends the connection; further use is refused.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// Is what the gateway may ask for.
pub trait McpDoor: Send + Sync + 'static {
    /// The kind of connection it hands out.
    type Link: UpstreamLink;

    /// Finds out who calls, from the bearer token if there is one.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] with `unauthenticated` or `key-expired`.
    fn authenticate(&self, token: Option<&str>) -> Result<Caller, Refusal>;

    /// Lists the servers of the catalogue, in order of name.
    fn servers(&self) -> Vec<ServerName>;

    /// Says whether the agent wants `_countersign` added to tool input schemas.
    fn annotates(&self, caller: &Caller) -> bool;

    /// Opens a journal session for a client.
    ///
    /// - `runs`: what the agent names that it runs.
    /// - `client`: what the client calls itself, recorded with the opening.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if what it runs cannot be named so, or the journal cannot record it.
    fn open_session(
        &self,
        caller: &Caller,
        runs: &Identity,
        client: &str,
    ) -> impl Future<Output = Result<SessionId, Refusal>> + Send;

    /// Closes a journal session with its closing counts.
    fn close_session(&self, session: SessionId) -> impl Future<Output = ()> + Send;

    /// Connects to an upstream server. `initialize` is the client's own `initialize` params (JSON text) for a
    /// stateful client, which the server receives unchanged, and absent for a stateless one: a server of a session is then
    /// greeted in the gateway's own name.
    ///
    /// - `abilities`: what such a server is told that it may ask for, as JSON text of client capabilities.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] with `upstream-unavailable` or `upstream-invalid`.
    fn connect(
        &self,
        caller: &Caller,
        server: &ServerName,
        initialize: Option<&str>,
        abilities: &str,
    ) -> impl Future<Output = Result<Arc<Self::Link>, Refusal>> + Send;

    /// Tells the catalogue what tools the server lists now (the whole list, JSON texts of the tool objects), so that
    /// a changed definition is quarantined before anybody calls it.
    fn observe_tools(&self, server: &ServerName, hello: &str, tools: Vec<String>) -> impl Future<Output = ()> + Send;

    /// Decides, records and, if permitted, executes a governed call over `link`.
    ///
    /// Dropping the future before dispatch withdraws the proposal; after dispatch the outcome is still recorded.
    fn call(
        &self,
        link: Arc<Self::Link>,
        call: GovernedCall,
        events: mpsc::Sender<Frame>,
    ) -> impl Future<Output = CallOutcome> + Send;

    /// Decides whether an upstream server may ask the client for something: `sampling/createMessage` or
    /// `elicitation/create`, whose answers are the user's data leaving. Records an action `SERVER.mcp:METHOD`.
    ///
    /// - `params`: what it asks, as JSON text; it is decided on, as arguments.
    ///
    /// # Errors
    ///
    /// The [`Refusal`] of the decision, or one that says why it could not be recorded.
    fn permits_upstream_request(
        &self,
        caller: &Caller,
        server: &ServerName,
        method: &str,
        params: &str,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Says whether a method that is not governed may pass now. Nothing is decided or recorded: only a kill switch of the
    /// tenant, the agent, `SERVER.mcp:METHOD` or its class stands against it.
    ///
    /// - `server`: absent where the gateway itself answers, or several servers are asked.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] with `killed`.
    fn permits_relay(&self, caller: &Caller, server: Option<&ServerName>, method: &str) -> Result<(), Refusal>;

    /// Returns the time.
    fn now(&self) -> Millis;

    /// Draws random bytes.
    fn draw(&self) -> [u8; 16];

    /// Waits until a case is decided, or `wait_ms` have passed.
    fn await_case(&self, case: CaseId, wait_ms: i64) -> impl Future<Output = CaseEnd> + Send;

    /// Ends a case because the client has withdrawn the call that waited for it, unless another call waits for it too.
    fn withdraw_case(&self, case: CaseId) -> impl Future<Output = ()> + Send;

    /// Returns how long a held call may wait on the wire, in milliseconds.
    fn wait_ms_max(&self) -> i64;
}
