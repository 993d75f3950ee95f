//! One client's session: what it may reach, what it has in flight, and the links it uses.
//!
//! The same session serves both eras and all transports. A transport hands in frames and takes out frames;
//! it alone knows on which stream they travel.

mod bridge;
mod calls;
mod errand;
mod fanout;
mod feed;
mod flights;
mod hello;
mod hold;
mod links;
mod listen;
mod lists;
mod outward;
mod park;
mod relist;
mod routes;
mod shown;
mod tasks;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use control::door::{Caller, Era, McpDoor, Refusal, UpstreamLink};
use tokio::sync::{mpsc, watch};
use types::jsonrpc::{Frame, FrameKind, RpcId};
use types::mutant::{self, Mutant};
use types::{Code, Identity, ServerName, SessionId};

pub(crate) use flights::{Flight, Flights, OPEN_MAX, too_many};

use crate::envelope::{self, Envelope};
use crate::fault::Fault;
use crate::idle::Idle;
use crate::lock;
use crate::methods::{Direction, Kind, Treatment, treatment};
use crate::raw::RawObject;
use crate::task::Task;
use crate::tasks::Tasks;
use outward::Outward;
use routes::Routes;

/// Is what one client may reach through one listener, and what it is doing there.
pub(crate) struct Session<D: McpDoor> {
    door: Arc<D>,
    caller: Caller,
    era: Era,
    journal: SessionId,
    /// The client's `initialize` params, where it sent any.
    initialize: Option<String>,
    /// What the client said in `initialize`; each request of the stateless era says it anew.
    client: Option<Envelope>,
    /// The `_meta` of requests the gateway makes of its own, in the stateless era.
    own_meta: Option<String>,
    slots: BTreeMap<ServerName, tokio::sync::Mutex<Option<Arc<D::Link>>>>,
    initialized: std::sync::Mutex<Option<Frame>>,
    /// The log level the client has set, as JSON text.
    level: std::sync::Mutex<Option<String>>,
    /// The client's requests in flight.
    pub(crate) flights: Arc<Flights>,
    outward: Outward,
    routes: Routes,
    /// The servers whose changed tools are being listed again.
    relists: relist::Relists,
    /// Calls whose servers may ask, and those that wait for their client's answers.
    park: park::Park<D::Link>,
    /// What the client can be asked for, as its first request said: what servers of a session are told of it.
    abilities: String,
    /// What the session listens to at servers without sessions.
    feeds: feed::Feeds,
    /// The streams of a client without sessions that listen to servers of one.
    listeners: fanout::Listeners,
    /// The tasks of every caller of the listener.
    tasks: Arc<Tasks>,
    /// The tasks made in this session.
    errands: std::sync::Mutex<Vec<Weak<Task>>>,
    /// Counts the uses of the session, where it ends when nobody uses it.
    idle: OnceLock<Arc<Idle>>,
    /// Where frames go that belong to no request of the client's.
    outbox: mpsc::Sender<Frame>,
    serial: AtomicU64,
}

/// Is one request being served.
pub(crate) struct Ask {
    request: Frame,
    id: RpcId,
    method: String,
    params: RawObject,
    /// The `Mcp-Param-*` headers; absent where the transport has none.
    headers: Option<Vec<(String, String)>>,
    /// Where frames go that precede the answer.
    out: mpsc::Sender<Frame>,
    client: Envelope,
    flight: Flight,
    /// It runs behind a task: its client has an answer, and cannot withdraw it by its id.
    behind: bool,
    /// Dropped with the request: nothing is told on its stream any more.
    open: watch::Sender<()>,
}

/// Is the answer to a request, with the HTTP status the stateless era prescribes for it.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The answer.
    pub(crate) frame: Frame,
    /// The HTTP status.
    pub(crate) status: u16,
}

impl Ask {
    /// Copies it for one of several servers; whether it is withdrawn is known to the whole alone.
    fn part(&self) -> Self {
        Self {
            request: self.request.clone(),
            id: self.id.clone(),
            method: self.method.clone(),
            params: self.params.clone(),
            headers: self.headers.clone(),
            out: self.out.clone(),
            client: self.client.clone(),
            flight: self.flight.shadow(),
            behind: self.behind,
            open: watch::Sender::new(()),
        }
    }

    /// Returns the progress token the client sent, as JSON text.
    fn token(&self) -> Option<String> {
        self.params.object("_meta")?.get("progressToken").map(str::to_owned)
    }
}

impl<D: McpDoor> Session<D> {
    /// Opens a session with `initialize` and returns it with the answer.
    ///
    /// # Errors
    ///
    /// A fault if the params are malformed, the journal cannot record the session, or no server can be reached.
    pub(crate) async fn initialize(
        door: Arc<D>,
        (caller, runs): (Caller, &Identity),
        servers: Vec<ServerName>,
        tasks: Arc<Tasks>,
        request: &Frame,
        outbox: mpsc::Sender<Frame>,
    ) -> Result<(Arc<Self>, Frame), Fault> {
        let (Some(id), Some(text)) = (request.id(), request.member("params")) else {
            return Err(Fault::params("`initialize` needs params"));
        };
        let params = RawObject::parse(text).ok_or_else(params_malformed)?;
        let client = Envelope::of_initialize(&params);
        let journal = door.open_session(&caller, runs, &client.client).await?;
        let initialize = Some(text.to_owned());
        let session = Arc::new(Self {
            initialize,
            client: Some(client),
            ..Self::blank(door, caller, Era::Stateful, journal, servers, tasks, outbox)
        });
        match session.hello().await {
            Ok(result) => Ok((session, Frame::result(id, &result))),
            Err(fault) => {
                session.close().await;
                Err(fault)
            }
        }
    }

    /// Opens a session for requests that each stand for themselves.
    ///
    /// # Errors
    ///
    /// A fault if the journal cannot record the session.
    pub(crate) async fn stateless(
        door: Arc<D>,
        (caller, runs): (Caller, &Identity),
        servers: Vec<ServerName>,
        tasks: Arc<Tasks>,
        first: &Frame,
        outbox: mpsc::Sender<Frame>,
    ) -> Result<Arc<Self>, Fault> {
        let client = Envelope::of_request(first)?.ok_or_else(envelope::no_era)?;
        let journal = door.open_session(&caller, runs, &client.client).await?;
        let meta = first.member("params").and_then(RawObject::parse).and_then(|params| params.object("_meta"));
        let own_meta = meta.map(|mut meta| {
            meta.retain(envelope::is_required);
            meta.text()
        });
        let mut abilities = Self::askable(&client.capabilities);
        if abilities.get("roots").is_some() {
            abilities.set("roots", "{}");
        }
        Ok(Arc::new(Self {
            own_meta,
            abilities: abilities.text(),
            ..Self::blank(door, caller, Era::Stateless, journal, servers, tasks, outbox)
        }))
    }

    fn blank(
        door: Arc<D>,
        caller: Caller,
        era: Era,
        journal: SessionId,
        servers: Vec<ServerName>,
        tasks: Arc<Tasks>,
        outbox: mpsc::Sender<Frame>,
    ) -> Self {
        Self {
            door,
            caller,
            era,
            journal,
            initialize: None,
            client: None,
            own_meta: None,
            slots: servers.into_iter().map(|server| (server, tokio::sync::Mutex::new(None))).collect(),
            initialized: std::sync::Mutex::new(None),
            level: std::sync::Mutex::new(None),
            flights: Arc::default(),
            outward: Outward::default(),
            routes: Routes::default(),
            relists: relist::Relists::default(),
            park: park::Park::default(),
            abilities: "{}".to_owned(),
            feeds: feed::Feeds::default(),
            listeners: fanout::Listeners::default(),
            tasks,
            errands: std::sync::Mutex::default(),
            idle: OnceLock::new(),
            outbox,
            serial: AtomicU64::new(1),
        }
    }

    /// Names what counts its uses, so that a call behind a task counts as one.
    pub(crate) fn counted_by(&self, idle: &Arc<Idle>) {
        // A session is counted by one listener only.
        let _ = self.idle.set(Arc::clone(idle));
    }

    /// Returns whose session it is.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Returns the generation of the protocol the client speaks.
    pub(crate) fn era(&self) -> Era {
        self.era
    }

    /// Returns the version the client asked for in `initialize`.
    pub(crate) fn version(&self) -> &str {
        self.client.as_ref().map_or(envelope::STATELESS, |client| client.version.as_str())
    }

    /// Says whether one server alone is behind it, so that everything passes under its own name.
    fn is_single(&self) -> bool {
        self.slots.len() == 1
    }

    /// Returns the one server, if there is but one.
    fn single(&self) -> Option<&ServerName> {
        self.slots.keys().next().filter(|_| self.is_single())
    }

    /// Draws an id for a request of the gateway's own.
    fn own_id(&self) -> RpcId {
        RpcId::text(&format!("countersign-{}", self.serial.fetch_add(1, Ordering::Relaxed)))
    }

    /// Serves a request; `None` once the client has withdrawn it, because then it expects no answer.
    ///
    /// Dropping the future withdraws the request too: what is not dispatched by then never is.
    pub(crate) async fn serve(
        self: Arc<Self>,
        request: Frame,
        headers: Option<Vec<(String, String)>>,
        out: mpsc::Sender<Frame>,
        mut flight: Flight,
    ) -> Option<Reply> {
        let FrameKind::Request { id, .. } = request.kind().clone() else { return None };
        let withdrawn = flight.withdrawn();
        let work = async {
            match self.ask(request, headers, out, flight) {
                Ok(ask) => self.reply(&ask).await,
                Err(fault) => Reply { frame: fault.to_frame(Some(&id)), status: fault.status },
            }
        };
        tokio::select! {
            biased;
            () = withdrawn, if !mutant::on(Mutant::WithdrawalIgnored) => None,
            reply = work => Some(reply),
        }
    }

    fn ask(
        &self,
        request: Frame,
        headers: Option<Vec<(String, String)>>,
        out: mpsc::Sender<Frame>,
        flight: Flight,
    ) -> Result<Ask, Fault> {
        let FrameKind::Request { id, method } = request.kind().clone() else { return Err(params_malformed()) };
        let params = RawObject::parse(request.member("params").unwrap_or("{}")).ok_or_else(params_malformed)?;
        if params.get("_meta").is_some() && params.object("_meta").is_none() {
            return Err(params_malformed());
        }
        let client = match &self.client {
            Some(client) => client.clone(),
            None => Envelope::of_request(&request)?.ok_or_else(envelope::no_era)?,
        };
        Ok(Ask {
            request,
            id,
            method,
            params,
            headers,
            out,
            client,
            flight,
            behind: false,
            open: watch::Sender::new(()),
        })
    }

    async fn reply(self: &Arc<Self>, ask: &Ask) -> Reply {
        match self.answer(ask).await {
            Ok(frame) => {
                let status = status_of(&frame);
                let own = frame.id() == Some(&ask.id);
                Reply { frame: if own { frame } else { frame.with_id(&ask.id) }, status }
            }
            Err(fault) if ask.method == "tools/call" => {
                let frame = fault.to_tool_frame(&ask.id, self.era);
                let status = if fault.refusal.is_some() { 200 } else { fault.status };
                Reply { frame, status }
            }
            Err(fault) => Reply { frame: fault.to_frame(Some(&ask.id)), status: fault.status },
        }
    }

    async fn answer(self: &Arc<Self>, ask: &Ask) -> Result<Frame, Fault> {
        if let Some(answer) = self.parkable(ask).await {
            return answer;
        }
        match treatment(self.era, Direction::ClientToServer, Kind::Request, &ask.method) {
            Treatment::Governed => self.governed(ask).await,
            Treatment::Relayed => self.relayed(ask).await,
            Treatment::Local if ask.method == "ping" => Ok(Frame::result(&ask.id, "{}")),
            Treatment::Local => Err(Fault::new(-32600, 400, Code::RequestInvalid, "the session is open already")),
            Treatment::Refused => Err(Fault::method(&ask.method)),
        }
    }

    /// Takes a notification from the client.
    pub(crate) async fn notify(self: &Arc<Self>, frame: Frame) {
        let method = frame.method().unwrap_or_default().to_owned();
        let treated = treatment(self.era, Direction::ClientToServer, Kind::Notification, &method);
        match (treated, method.as_str()) {
            (Treatment::Relayed | Treatment::Local, "notifications/cancelled") => self.cancel(frame).await,
            (Treatment::Relayed, "notifications/initialized") => {
                *lock(&self.initialized) = Some(frame.clone());
                for (server, link) in self.open_links().await {
                    self.listen_for_lists(&server, &link);
                    self.send(&server, &link, frame.clone()).await;
                }
            }
            (Treatment::Relayed, "notifications/roots/list_changed") => self.tell_all(frame).await,
            (Treatment::Relayed, "notifications/progress") => {
                let server = self.single().cloned().or_else(|| self.asker_by_token(&frame));
                self.tell(server, frame).await;
            }
            (Treatment::Relayed, _) => self.tell(self.single().cloned(), frame).await,
            _ => tracing::debug!(method, "dropped a notification the table refuses"),
        }
    }

    async fn cancel(self: &Arc<Self>, frame: Frame) {
        let params = frame.member("params").and_then(RawObject::parse);
        let Some(id) = params.and_then(|p| p.get("requestId").and_then(RpcId::from_json)) else { return };
        let server = self.flights.withdraw(&id);
        // Where requests stand for themselves, the link withdraws what is dropped.
        if self.era == Era::Stateful {
            self.tell(server, frame).await;
        }
    }

    async fn tell(&self, server: Option<ServerName>, frame: Frame) {
        let Some(server) = server else { return };
        if let Some(link) = self.open_link(&server).await {
            self.send(&server, &link, frame).await;
        }
    }

    async fn tell_all(&self, frame: Frame) {
        for (server, link) in self.open_links().await {
            self.send(&server, &link, frame.clone()).await;
        }
    }

    /// Sends a notification of the client's where the server's era has any; of a killed agent, withdrawals alone.
    async fn send(&self, server: &ServerName, link: &Arc<D::Link>, frame: Frame) {
        if link.era() == Era::Stateless {
            return;
        }
        let method = frame.method().unwrap_or_default();
        let withdraws = method == "notifications/cancelled";
        if !withdraws && self.door.permits_relay(&self.caller, Some(server), method).is_err() {
            tracing::debug!(%server, method, "dropped a notification of a killed agent");
            return;
        }
        if let Err(refusal) = link.send(frame).await {
            tracing::debug!(code = %refusal.code, "a notification did not reach its server");
        }
    }

    /// Ends the session: its own links are closed, shared ones let go, and the journal hears of it.
    pub(crate) async fn close(&self) {
        self.flights.drain();
        self.feeds.end_all();
        self.park.end_all();
        for task in lock(&self.errands).drain(..) {
            if let Some(task) = task.upgrade() {
                task.leave();
            }
        }
        for (server, link) in self.open_links().await {
            if self.era == Era::Stateful {
                link.close().await;
            }
            if let Some(slot) = self.slots.get(&server) {
                *slot.lock().await = None;
            }
        }
        self.door.close_session(self.journal).await;
    }
}

fn params_malformed() -> Fault {
    let message = "`params` and `_meta` must be objects that name no key twice";
    Fault { status: 400, ..Fault::params(message) }
}

fn session_busy() -> Refusal {
    Refusal::plain(Code::Overloaded, "too many requests await the client's answer")
}

/// Returns the HTTP status that 2026-07-28 prescribes for an answer that came from a server.
fn status_of(frame: &Frame) -> u16 {
    let error = frame.member("error").and_then(RawObject::parse);
    match error.as_ref().and_then(|error| error.get("code")) {
        Some("-32601") => 404,
        Some("-32020" | "-32021" | "-32022") => 400,
        _ => 200,
    }
}
