//! Questions of a session's server to a client that can only be asked inside an answer: the call stays here while the client
//! is asked, and goes on when it comes back with the answers.
//!
//! A parked call is its caller's: it lies in the caller's own session, under 128 random bits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use control::door::{Era, McpDoor, UpstreamLink};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinHandle};
use types::ServerName;
use types::jsonrpc::{Frame, RpcId};

use super::bridge::{PATIENCE, ROUNDS_MAX};
use super::calls::too_many_rounds;
use super::{Ask, Session, session_busy};
use crate::fault::Fault;
use crate::idle::Use;
use crate::lock;
use crate::methods::{Direction, Kind, Treatment, treatment};
use crate::raw::{RawObject, quote};

/// Limits how many calls of one caller may be parked.
const PARKED_MAX: usize = 64;

/// Limits how many questions of one call wait to be put.
const QUESTIONS_MAX: usize = 16;

/// Begins the state that a client carries back, so that it is told from a server's.
const STATE_PREFIX: &str = "countersign.dev/parked/";

/// Is one question of a server's.
#[derive(Debug)]
struct Question {
    id: RpcId,
    method: String,
    params: RawObject,
}

/// Is one call under way whose server may ask.
struct Active {
    number: u64,
    server: ServerName,
    out: mpsc::Sender<Frame>,
    abilities: RawObject,
    questions: mpsc::Sender<Question>,
}

/// Is one call with its work; dropped, it ends the work and so withdraws the call.
struct Running<L> {
    server: ServerName,
    link: Arc<L>,
    method: String,
    salient: String,
    asked: Vec<Question>,
    rounds: usize,
    questions: mpsc::Receiver<Question>,
    done: oneshot::Receiver<Result<Frame, Fault>>,
    work: AbortHandle,
    passing: JoinHandle<()>,
    _using: Option<Use>,
}

impl<L> Drop for Running<L> {
    fn drop(&mut self) {
        self.work.abort();
    }
}

/// Holds the calls whose servers may ask, and those that wait for their clients' answers.
pub(super) struct Park<L> {
    active: Mutex<Vec<Active>>,
    parked: Mutex<HashMap<String, Running<L>>>,
}

impl<L> Default for Park<L> {
    fn default() -> Self {
        Self { active: Mutex::default(), parked: Mutex::default() }
    }
}

impl<L> Park<L> {
    /// Ends every call that is parked.
    pub(super) fn end_all(&self) {
        let all: Vec<Running<L>> = lock(&self.parked).drain().map(|(_, running)| running).collect();
        drop(all);
    }

    /// Finds the call that a server's question belongs to: the one on whose stream it came, else the only one there is.
    fn asker(&self, server: &ServerName, out: &mpsc::Sender<Frame>) -> Option<(RawObject, mpsc::Sender<Question>)> {
        let active = lock(&self.active);
        let mut candidates = active.iter().filter(|call| call.server == *server);
        let on_its_stream = candidates.clone().find(|call| call.out.same_channel(out));
        let found = match on_its_stream {
            Some(call) => call,
            None => candidates.next().filter(|_| candidates.next().is_none())?,
        };
        Some((found.abilities.clone(), found.questions.clone()))
    }
}

impl<D: McpDoor> Session<D> {
    /// Returns what a client can be asked for, out of what it can do.
    pub(super) fn askable(capabilities: &RawObject) -> RawObject {
        let mut askable = capabilities.clone();
        askable.retain(|key| matches!(key, "elicitation" | "sampling" | "roots"));
        askable
    }

    /// Serves a request whose server may have to ask the client first; `None` if this one is not of that kind.
    pub(super) async fn parkable(self: &Arc<Self>, ask: &Ask) -> Option<Result<Frame, Fault>> {
        if self.era != Era::Stateless || !matches!(ask.method.as_str(), "tools/call" | "prompts/get" | "resources/read")
        {
            return None;
        }
        let state = ask.params.string("requestState");
        if let Some(state) = state.filter(|state| state.starts_with(STATE_PREFIX)) {
            return Some(self.resume(ask, &state).await);
        }
        let abilities = Self::askable(&ask.client.capabilities);
        let server = match ask.method.as_str() {
            "resources/read" => self.server_of_uri(ask).await.ok()?,
            _ => self.server_of_name(&ask.params.string("name")?)?.0,
        };
        // What cannot be reached is told by the road that everything else takes.
        let link = self.link(&server).await.ok()?;
        if abilities.is_empty() || link.era() != Era::Stateful {
            return None;
        }
        let running = self.begin(ask, server, link, abilities);
        Some(self.proceed(ask, running).await)
    }

    /// Sends the request on its way in a task of its own, which outlives this one if the server asks.
    fn begin(
        self: &Arc<Self>,
        ask: &Ask,
        server: ServerName,
        link: Arc<D::Link>,
        abilities: RawObject,
    ) -> Running<D::Link> {
        let (out, frames) = mpsc::channel(64);
        let (asking, questions) = mpsc::channel(QUESTIONS_MAX);
        let (finished, done) = oneshot::channel();
        let number = self.serial.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let active = Active { number, server: server.clone(), out: out.clone(), abilities, questions: asking };
        lock(&self.park.active).push(active);
        let passing = tokio::spawn(pass_on(frames, ask.out.clone(), ask.open.subscribe()));
        let (part, session) = (Ask { out, ..ask.part() }, Arc::clone(self));
        let gone = Gone { session: Arc::clone(self), number };
        let governed =
            treatment(self.era, Direction::ClientToServer, Kind::Request, &ask.method) == Treatment::Governed;
        let work = tokio::spawn(async move {
            let _gone = gone;
            let answer = if governed { session.governed(&part).await } else { session.relayed(&part).await };
            // A client that is gone expects no answer.
            let _ = finished.send(answer);
        });
        Running {
            server,
            link,
            method: ask.method.clone(),
            salient: salient(ask),
            asked: Vec::new(),
            rounds: 0,
            questions,
            done,
            work: work.abort_handle(),
            passing,
            _using: self.idle.get().map(|idle| idle.begin()),
        }
    }

    /// Waits for the answer, or parks the call when the server asks.
    async fn proceed(self: &Arc<Self>, ask: &Ask, mut running: Running<D::Link>) -> Result<Frame, Fault> {
        tokio::select! {
            biased;
            answer = &mut running.done => {
                // What came before the answer goes before it.
                let _ = (&mut running.passing).await;
                answer.unwrap_or_else(|_| Err(Fault::upstream("the call was interrupted")))
            }
            Some(question) = running.questions.recv() => {
                running.asked.push(question);
                while let Ok(more) = running.questions.try_recv() {
                    running.asked.push(more);
                }
                running.rounds += 1;
                if running.rounds > ROUNDS_MAX {
                    return Err(too_many_rounds());
                }
                self.park_until_answered(ask, running)
            }
        }
    }

    fn park_until_answered(self: &Arc<Self>, ask: &Ask, running: Running<D::Link>) -> Result<Frame, Fault> {
        let state = format!("{STATE_PREFIX}{}", hex::encode(self.door.draw()));
        let mut requests = RawObject::default();
        for (at, question) in running.asked.iter().enumerate() {
            let mut request = RawObject::default();
            request.set("method", &quote(&question.method));
            if question.method != "roots/list" {
                request.set("params", &question.params.text());
            }
            requests.set(&key(at), &request.text());
        }
        {
            let mut parked = lock(&self.park.parked);
            if parked.len() >= PARKED_MAX {
                return Err(session_busy().into());
            }
            parked.insert(state.clone(), running);
        }
        let (session, name) = (Arc::downgrade(self), state.clone());
        tokio::spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            if let Some(session) = session.upgrade() {
                session.give_up(&name).await;
            }
        });
        let mut result = RawObject::default();
        result.set("resultType", "\"input_required\"");
        result.set("inputRequests", &requests.text());
        result.set("requestState", &quote(&state));
        Ok(Frame::result(&ask.id, &result.text()))
    }

    /// Goes on with a parked call: every answer is decided with its question, and then given to the server.
    async fn resume(self: &Arc<Self>, ask: &Ask, state: &str) -> Result<Frame, Fault> {
        let unknown = || Fault::params("`requestState` names no call that waits; repeat the call without it");
        {
            let parked = lock(&self.park.parked);
            let waiting = parked.get(state).ok_or_else(unknown)?;
            if waiting.method != ask.method || waiting.salient != salient(ask) {
                return Err(Fault::params("the request is not the one that `requestState` belongs to"));
            }
        }
        let mut running = lock(&self.park.parked).remove(state).ok_or_else(unknown)?;
        let responses = ask.params.object("inputResponses").unwrap_or_default();
        let mut open = Vec::new();
        for (at, question) in std::mem::take(&mut running.asked).into_iter().enumerate() {
            match responses.get(&key(at)) {
                Some(answer) => self.hand_over(&running, &question, answer).await?,
                None => open.push(question),
            }
        }
        if open.is_empty() {
            return self.proceed(ask, running).await;
        }
        running.asked = open;
        self.park_until_answered(ask, running)
    }

    async fn hand_over(&self, running: &Running<D::Link>, question: &Question, answer: &str) -> Result<(), Fault> {
        self.door.permits_relay(&self.caller, Some(&running.server), &question.method)?;
        if question.method != "roots/list" {
            let mut decided = question.params.clone();
            decided.set("mcp:answer", answer);
            self.door
                .permits_upstream_request(&self.caller, &running.server, &question.method, &decided.text())
                .await?;
        }
        Ok(running.link.send(Frame::result(&question.id, answer)).await?)
    }

    /// Ends a call whose client never came back: the server hears that nobody answers, and the call is withdrawn.
    async fn give_up(&self, state: &str) {
        let Some(running) = lock(&self.park.parked).remove(state) else { return };
        for question in &running.asked {
            let frame = match question.method.as_str() {
                "elicitation/create" => Frame::result(&question.id, r#"{"action":"cancel"}"#),
                "sampling/createMessage" => Frame::error(Some(&question.id), -1, "nobody answered", None),
                _ => Frame::error(Some(&question.id), -32603, "nobody answered", None),
            };
            if let Err(refusal) = running.link.send(frame).await {
                tracing::debug!(code = %refusal.code, "a server could not be told that nobody answers");
            }
        }
    }

    /// Takes a question of a session's server for a client without sessions.
    pub(super) async fn take_question(
        &self,
        server: &ServerName,
        id: &RpcId,
        method: &str,
        frame: &Frame,
        out: &mpsc::Sender<Frame>,
    ) -> Result<(), Fault> {
        if !matches!(method, "elicitation/create" | "sampling/createMessage" | "roots/list") {
            return Err(Fault::method(method));
        }
        // A question that cannot be told to belong to one call is nobody's.
        let (abilities, questions) = self.park.asker(server, out).ok_or_else(|| Fault::method(method))?;
        let mut params = frame.member("params").and_then(RawObject::parse).unwrap_or_default();
        if !can_answer(&abilities, method, &params) {
            return Err(Fault::params("the client cannot be asked for this"));
        }
        if method != "roots/list" {
            self.door.permits_upstream_request(&self.caller, server, method, &params.text()).await?;
        }
        params.retain(|name| !matches!(name, "elicitationId" | "task" | "_meta"));
        let question = Question { id: id.clone(), method: method.to_owned(), params };
        questions.try_send(question).map_err(|_| session_busy().into())
    }
}

/// Takes a call out of those whose servers may ask, when its work ends.
struct Gone<D: McpDoor> {
    session: Arc<Session<D>>,
    number: u64,
}

impl<D: McpDoor> Drop for Gone<D> {
    fn drop(&mut self) {
        lock(&self.session.park.active).retain(|call| call.number != self.number);
    }
}

/// Passes on what comes of a call until its first answer; what comes later belongs to no request.
async fn pass_on(mut frames: mpsc::Receiver<Frame>, to: mpsc::Sender<Frame>, open: watch::Receiver<()>) {
    while let Some(frame) = frames.recv().await {
        if open.has_changed().is_ok() {
            // A client that is gone hears nothing more.
            let _ = to.send(frame).await;
        }
    }
}

fn key(at: usize) -> String {
    format!("q{at}")
}

/// Returns what a request is about, whichever round it is.
fn salient(ask: &Ask) -> String {
    let mut params = ask.params.clone();
    params.retain(|key| !matches!(key, "_meta" | "inputResponses" | "requestState"));
    match types::json::parse(&params.text()) {
        Ok(value) => types::json::canonical(&value),
        Err(_) => params.text(),
    }
}

fn can_answer(abilities: &RawObject, method: &str, params: &RawObject) -> bool {
    match method {
        "elicitation/create" => {
            let elicitation = abilities.object("elicitation");
            let url = params.string("mode").as_deref() == Some("url");
            elicitation
                .is_some_and(|e| if url { e.get("url").is_some() } else { e.is_empty() || e.get("form").is_some() })
        }
        "sampling/createMessage" => {
            let sampling = abilities.object("sampling");
            let tools = params.get("tools").is_some() || params.get("toolChoice").is_some();
            sampling.is_some_and(|sampling| !tools || sampling.get("tools").is_some())
        }
        _ => abilities.get("roots").is_some(),
    }
}
