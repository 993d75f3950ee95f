//! The door of a replay: the gateway knocks at it as at the real one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connectors::mcp::Mirrors;
use evidence::Listing;
use ledger::Random;
use replay::incident::{Asked, Made, Player, Recording, Reply, Rules};
use tokio::sync::mpsc;
use types::jsonrpc::Frame;
use types::{ActionId, AgentId, Arguments, CaseId, Code, Identity, Millis, ServerName, SessionId, ToolName};

use super::hiding::Hiding;
use super::link::RecordedLink;
use crate::actions::ARGUMENTS_BYTES_MAX;
use crate::door::{CallOutcome, Caller, CaseEnd, GovernedCall, McpDoor, Refusal};
use crate::mcp::carry::{decided_on, is_what_it_says, mismatch};
use crate::redaction::brings_no_mark;

/// Is how many calls one agent may make in a replay.
const CALLS_MAX: usize = replay::incident::CALLS_MAX * 2;

/// Is what a replay needs besides the record.
pub struct Setting {
    /// By which rules calls are decided.
    pub rules: Rules,
    /// What is secret in the calls.
    pub hiding: Arc<Hiding>,
    /// The arguments that the gateway fills in by itself, by tool.
    pub keys: BTreeMap<ToolName, String>,
    /// An error for a call that the record does not know names the most similar one.
    pub nearest: bool,
    /// Draws the ids of a replay.
    pub random: Arc<dyn Random>,
    /// The time by which they are drawn.
    pub now: Millis,
}

/// Is a door behind which a recorded session is played to one agent. A copy shares it.
#[derive(Clone)]
pub struct Incident(Arc<Inner>);

/// Is what the door and its links share.
pub(super) struct Inner {
    recording: Arc<Recording>,
    setting: Setting,
    player: Mutex<Player>,
    unmet: Mutex<BTreeMap<String, u32>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    /// Returns what a server offered at the place in the record that the agent has reached.
    pub(super) fn listing(&self, server: &ServerName) -> Option<Listing> {
        let record = lock(&self.player).record();
        self.recording.listings.at(server, record).cloned()
    }

    /// Takes note of a method that the record cannot answer.
    pub(super) fn unmet(&self, method: &str) {
        *lock(&self.unmet).entry(method.to_owned()).or_default() += 1;
    }

    fn draw<const N: usize>(&self) -> [u8; N] {
        ledger::port::draw(self.setting.random.as_ref())
    }

    /// Reads a call as the real door does, and as it would have been recorded.
    fn read(&self, call: &GovernedCall) -> Result<Result<Asked, CallOutcome>, Refusal> {
        let tool = ToolName::new(call.server.clone(), call.operation.clone())
            .map_err(|e| Refusal::plain(Code::ToolUnknown, e.to_string()))?;
        is_what_it_says(call)?;
        let arguments = self.without_key(&tool, decided_on(call)?)?;
        brings_no_mark(&arguments)?;
        if let Some(header) = self.contradicting_header(&tool, call)? {
            return Ok(Err(mismatch(&call.request, &header)));
        }
        // From here on nothing knows what is secret in it.
        let arguments = self.setting.hiding.hide(&tool, &arguments);
        let arguments = arguments.map_err(|e| Refusal::plain(e.code(), e.to_string()))?;
        let id = ActionId::draw(self.setting.now, self.draw());
        Ok(Ok(Asked { tool, arguments, claims: call.claims.clone(), id }))
    }

    /// In front of the rules an agent must leave the idempotency key to the gateway; behind them it has been filled in, and
    /// is no part of what was recorded.
    fn without_key(&self, tool: &ToolName, arguments: Arguments) -> Result<Arguments, Refusal> {
        let key = self.setting.keys.get(tool).filter(|key| arguments.value().get(key.as_str()).is_some());
        let Some(key) = key else { return Ok(arguments) };
        if !matches!(self.setting.rules, Rules::None) {
            let message = format!("`{key}` is filled in by the gateway; leave it out");
            return Err(Refusal::plain(Code::ArgumentsInvalid, message));
        }
        let mut value = arguments.value().clone();
        if let Some(object) = value.as_object_mut() {
            object.remove(key);
        }
        Arguments::parse(&value.to_string(), ARGUMENTS_BYTES_MAX).map_err(|e| Refusal::plain(e.code(), e.to_string()))
    }

    fn contradicting_header(&self, tool: &ToolName, call: &GovernedCall) -> Result<Option<String>, Refusal> {
        let record = lock(&self.player).record();
        let text = self.recording.listings.text(tool, record);
        let Some((sent, text)) = call.headers.as_ref().zip(text) else { return Ok(None) };
        let arguments = types::json::parse(&call.arguments).map_err(|e| Refusal::plain(e.code(), e.to_string()))?;
        Ok(Mirrors::of_tool(text).compare(&arguments, sent).err())
    }

    fn play(&self, asked: &Asked) -> Result<Reply, Refusal> {
        let mut player = lock(&self.player);
        if player.made().len() >= CALLS_MAX {
            let message = format!("a replay takes {CALLS_MAX} calls of an agent at most");
            return Err(Refusal::plain(Code::Overloaded, message));
        }
        Ok(player.call(asked))
    }
}

impl Incident {
    /// Opens a door to a recorded session, at its beginning.
    pub fn new(recording: Arc<Recording>, setting: Setting) -> Self {
        let player = Mutex::new(Player::new(recording.clone(), setting.rules.clone(), setting.nearest));
        Self(Arc::new(Inner { recording, setting, player, unmet: Mutex::default() }))
    }

    /// Returns the calls that were made so far, in order.
    pub fn made(&self) -> Vec<Made> {
        lock(&self.0.player).made().to_vec()
    }

    /// Returns the methods that the record could not answer, and how often each was asked.
    pub fn unmet(&self) -> BTreeMap<String, u32> {
        lock(&self.0.unmet).clone()
    }

    /// Returns who calls, whoever it is: the agent of the record.
    ///
    /// # Errors
    ///
    /// `not-recorded` if the record does not say whose session it was.
    pub fn caller(&self) -> Result<Caller, Refusal> {
        let recording = &self.0.recording;
        let first = recording.calls.first().and_then(|call| call.first());
        let named = first.and_then(|(proposal, _)| proposal.principal.agent().cloned());
        let agent: Option<AgentId> = recording.agent.clone().or(named);
        let agent = agent.ok_or_else(|| Refusal::plain(Code::NotRecorded, "the record does not say whose it was"))?;
        Ok(Caller { agent, on_behalf_of: recording.on_behalf_of.clone(), anonymous: true })
    }

    async fn call_now(&self, call: &GovernedCall) -> Result<CallOutcome, Refusal> {
        let asked = match self.0.read(call)? {
            Ok(asked) => asked,
            Err(outcome) => return Ok(outcome),
        };
        match self.0.play(&asked)? {
            Reply::Answer(text) => {
                let frame = Frame::parse(text, usize::MAX)
                    .map_err(|e| Refusal::plain(Code::UpstreamInvalid, format!("as it was recorded: {e}")))?;
                Ok(CallOutcome::Answer(call.request.id().map_or(frame.clone(), |id| frame.with_id(id))))
            }
            Reply::Refused { code, message, findings } => Err(Refusal { findings, ..Refusal::plain(code, message) }),
        }
    }
}

impl McpDoor for Incident {
    type Link = RecordedLink;

    fn authenticate(&self, _: Option<&str>) -> Result<Caller, Refusal> {
        self.caller()
    }

    fn servers(&self) -> Vec<ServerName> {
        self.0.recording.servers().into_iter().collect()
    }

    fn annotates(&self, caller: &Caller) -> bool {
        let Some((_, decision)) = self.0.recording.calls.first().and_then(|call| call.first()) else { return false };
        let bundle = self.0.setting.rules.bundle(&decision.bundle).ok();
        bundle.and_then(|bundle| bundle.data().agents.get(&caller.agent)).is_some_and(|agent| agent.annotate_schemas)
    }

    async fn open_session(&self, _: &Caller, _: &Identity, _: &str) -> Result<SessionId, Refusal> {
        Ok(SessionId::draw(self.0.setting.now, self.0.draw()))
    }

    async fn close_session(&self, _: SessionId) {}

    async fn connect(
        &self,
        _: &Caller,
        server: &ServerName,
        initialize: Option<&str>,
        _: &str,
    ) -> Result<Arc<RecordedLink>, Refusal> {
        Ok(Arc::new(RecordedLink::to(self.0.clone(), server, initialize)))
    }

    async fn observe_tools(&self, _: &ServerName, _: &str, _: Vec<String>) {}

    async fn call(&self, _: Arc<RecordedLink>, call: GovernedCall, _: mpsc::Sender<Frame>) -> CallOutcome {
        self.call_now(&call).await.unwrap_or_else(CallOutcome::Refused)
    }

    /// What a server asks of the client was decided apart from the session, and the record does not hold it.
    async fn permits_upstream_request(&self, _: &Caller, _: &ServerName, _: &str, _: &str) -> Result<(), Refusal> {
        Ok(())
    }

    fn permits_relay(&self, _: &Caller, _: Option<&ServerName>, _: &str) -> Result<(), Refusal> {
        Ok(())
    }

    fn now(&self) -> Millis {
        self.0.setting.now
    }

    fn draw(&self) -> [u8; 16] {
        self.0.draw()
    }

    /// No call is ever held: what people said then applies at once, and where they said nothing, nobody is there to ask.
    async fn await_case(&self, _: CaseId, _: i64) -> CaseEnd {
        CaseEnd::StillOpen
    }

    async fn withdraw_case(&self, _: CaseId) {}

    fn wait_ms_max(&self) -> i64 {
        0
    }
}
