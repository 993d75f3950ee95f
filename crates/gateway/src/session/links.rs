//! The links of a session to upstream servers: opened when first needed, one each.

use std::sync::{Arc, Weak};

use control::door::{Era, McpDoor, Refusal, UpstreamLink};
use tokio::sync::mpsc;
use types::jsonrpc::Frame;
use types::{Code, ServerName};

use super::Session;
use super::bridge::Withdraw;
use crate::fault::Fault;
use crate::lock;
use crate::raw::RawObject;

/// Is how many frames of a server wait for the client before the server waits too.
const EVENTS_MAX: usize = 64;

impl<D: McpDoor> Session<D> {
    /// Returns the link to a server, connecting if there is none.
    ///
    /// # Errors
    ///
    /// The refusal of [`McpDoor::connect`].
    pub(super) async fn link(self: &Arc<Self>, server: &ServerName) -> Result<Arc<D::Link>, Fault> {
        let slot = self.slots.get(server).ok_or_else(|| unknown(server))?;
        let mut held = slot.lock().await;
        if let Some(link) = held.as_ref() {
            return Ok(Arc::clone(link));
        }
        let link = self.door.connect(&self.caller, server, self.initialize.as_deref(), &self.abilities).await?;
        self.accept(server, &link).await?;
        *held = Some(Arc::clone(&link));
        Ok(link)
    }

    async fn accept(self: &Arc<Self>, server: &ServerName, link: &Arc<D::Link>) -> Result<(), Fault> {
        if let Some(frames) = link.unsolicited() {
            tokio::spawn(pump(Arc::downgrade(self), server.clone(), Arc::downgrade(link), frames));
        }
        let initialized = lock(&self.initialized).clone();
        match (initialized, link.era()) {
            (Some(frame), Era::Stateful) => link.send(frame).await?,
            (Some(_), Era::Stateless) => self.listen_for_lists(server, link),
            (None, _) => {}
        }
        Ok(())
    }

    /// Returns the link to a server if it is open.
    pub(super) async fn open_link(&self, server: &ServerName) -> Option<Arc<D::Link>> {
        self.slots.get(server)?.lock().await.clone()
    }

    /// Lists the links that are open.
    pub(super) async fn open_links(&self) -> Vec<(ServerName, Arc<D::Link>)> {
        let mut links = Vec::new();
        for (server, slot) in &self.slots {
            if let Some(link) = slot.lock().await.as_ref() {
                links.push((server.clone(), Arc::clone(link)));
            }
        }
        links
    }

    /// Lets go of a link whose server is gone, so that the next use connects again.
    pub(super) async fn let_go(&self, server: &ServerName, link: &Arc<D::Link>, refusal: &Refusal) {
        if refusal.code != Code::UpstreamUnavailable {
            return;
        }
        let Some(slot) = self.slots.get(server) else { return };
        let mut held = slot.lock().await;
        if held.as_ref().is_some_and(|current| Arc::ptr_eq(current, link)) {
            *held = None;
            self.outward.forget_server(server);
        }
    }

    /// Relays a request to a server and returns its answer; what the server sends meanwhile goes to `out`.
    ///
    /// # Errors
    ///
    /// What [`Session::link`] and [`UpstreamLink::relay`] refuse.
    pub(super) async fn relay_on(
        self: &Arc<Self>,
        server: &ServerName,
        link: &Arc<D::Link>,
        request: Frame,
        headers: Vec<(String, String)>,
        out: &mpsc::Sender<Frame>,
    ) -> Result<Frame, Fault> {
        let method = request.method().unwrap_or_default().to_owned();
        let request = self.outgoing(link, request)?;
        let withdraw = Withdraw::watch(self.era == Era::Stateless, link, &request);
        let (events, frames) = mpsc::channel(EVENTS_MAX);
        let answer = self.attended(server, link, out, frames, link.relay(request, headers, events)).await;
        withdraw.answered();
        match answer {
            Ok(frame) => self.incoming(link, &method, frame),
            Err(refusal) => {
                self.let_go(server, link, &refusal).await;
                Err(refusal.into())
            }
        }
    }

    /// Drives `work` and meanwhile handles the frames that come with it; those before its end come first.
    pub(super) async fn attended<T>(
        self: &Arc<Self>,
        server: &ServerName,
        link: &Arc<D::Link>,
        out: &mpsc::Sender<Frame>,
        mut frames: mpsc::Receiver<Frame>,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                Some(frame) = frames.recv() => self.inbound(server, link, frame, out).await,
                end = &mut work => {
                    while let Ok(frame) = frames.try_recv() {
                        self.inbound(server, link, frame, out).await;
                    }
                    return end;
                }
            }
        }
    }

    /// Says whether a server declares a capability.
    pub(super) fn offers(link: &D::Link, capability: &str) -> bool {
        let hello = RawObject::parse(link.hello()).unwrap_or_default();
        hello.object("capabilities").is_some_and(|capabilities| capabilities.get(capability).is_some())
    }

    /// Opens every link of the session that can be opened.
    ///
    /// # Errors
    ///
    /// The first refusal if there are servers and none can be reached.
    pub(super) async fn all_links(self: &Arc<Self>) -> Result<Vec<(ServerName, Arc<D::Link>)>, Fault> {
        let (mut links, mut first) = (Vec::new(), None);
        for server in self.slots.keys() {
            match self.link(server).await {
                Ok(link) => links.push((server.clone(), link)),
                Err(fault) => {
                    tracing::warn!(%server, reason = %fault.message, "left out a server that cannot be reached");
                    first = first.or(Some(fault));
                }
            }
        }
        match first {
            Some(fault) if links.is_empty() => Err(fault),
            _ => Ok(links),
        }
    }
}

async fn pump<D: McpDoor>(
    session: Weak<Session<D>>,
    server: ServerName,
    link: Weak<D::Link>,
    mut frames: mpsc::Receiver<Frame>,
) {
    while let Some(frame) = frames.recv().await {
        let (Some(session), Some(link)) = (session.upgrade(), link.upgrade()) else { return };
        let out = session.outbox.clone();
        session.inbound(&server, &link, frame, &out).await;
    }
    if let Some(session) = session.upgrade() {
        session.listeners.end(&server);
        session.outward.forget_server(&server);
    }
}

fn unknown(server: &ServerName) -> Fault {
    Refusal::plain(Code::NotFound, format!("there is no server `{server}` here")).into()
}
