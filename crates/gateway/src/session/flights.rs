//! The requests a client has in flight: none twice, and each can be withdrawn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;
use types::jsonrpc::RpcId;
use types::{Code, ServerName};

use crate::fault::Fault;
use crate::lock;

/// Limits how many requests one client may have in flight.
pub(crate) const OPEN_MAX: usize = 1_024;

/// Says where a request is now.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Here,
    Held,
    Upstream(ServerName),
}

#[derive(Debug)]
struct Entry {
    withdraw: Option<oneshot::Sender<()>>,
    place: Place,
}

/// Is the set of requests in flight of one client.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    open: HashMap<RpcId, Entry>,
    draining: bool,
}

/// Is one request in flight; it leaves the set when dropped.
#[derive(Debug)]
pub(crate) struct Flight {
    /// The set it is in, and under which id; absent where ids may repeat.
    home: Option<(Arc<Flights>, RpcId)>,
    withdrawn: Option<oneshot::Receiver<()>>,
    /// It stands for another, which leaves the set by itself.
    shadow: bool,
}

impl Flights {
    /// Takes a request in.
    ///
    /// # Errors
    ///
    /// `mcp-id-replayed` if one with the same id is in flight, `overloaded` if there are 1,024 already.
    pub(crate) fn begin(self: &Arc<Self>, id: &RpcId) -> Result<Flight, Fault> {
        let mut entries = lock(&self.entries);
        if entries.open.contains_key(id) {
            return Err(Fault::new(-32600, 400, Code::McpIdReplayed, "a request with this id is in flight"));
        }
        if entries.open.len() >= OPEN_MAX {
            return Err(too_many());
        }
        let (withdraw, withdrawn) = oneshot::channel();
        entries.open.insert(id.clone(), Entry { withdraw: Some(withdraw), place: Place::Here });
        Ok(Flight { home: Some((Arc::clone(self), id.clone())), withdrawn: Some(withdrawn), shadow: false })
    }

    /// Withdraws a request and returns the server that has it, if one has.
    pub(crate) fn withdraw(&self, id: &RpcId) -> Option<ServerName> {
        let mut entries = lock(&self.entries);
        let entry = entries.open.get_mut(id)?;
        // A receiver that is gone has answered already.
        let _ = entry.withdraw.take().map(|sender| sender.send(()));
        match &entry.place {
            Place::Upstream(server) => Some(server.clone()),
            Place::Here | Place::Held => None,
        }
    }

    /// Withdraws what is held, now and later: the client is gone, and nothing may be dispatched for it.
    pub(crate) fn drain(&self) {
        let mut entries = lock(&self.entries);
        entries.draining = true;
        for entry in entries.open.values_mut().filter(|entry| entry.place == Place::Held) {
            let _ = entry.withdraw.take().map(|sender| sender.send(()));
        }
    }

    fn place(&self, id: &RpcId, place: Place) {
        let mut entries = lock(&self.entries);
        let leaving = entries.draining && place == Place::Held;
        if let Some(entry) = entries.open.get_mut(id) {
            entry.place = place;
            if leaving {
                let _ = entry.withdraw.take().map(|sender| sender.send(()));
            }
        }
    }
}

impl Flight {
    /// Builds one that is withdrawn by dropping its future alone.
    pub(crate) fn unlisted() -> Self {
        Self { home: None, withdrawn: None, shadow: false }
    }

    /// Builds one that says where this one is, and leaves the set as it is when dropped.
    pub(crate) fn shadow(&self) -> Self {
        Self { home: self.home.clone(), withdrawn: None, shadow: true }
    }

    /// Takes out the signal that the client has withdrawn the request.
    pub(crate) fn withdrawn(&mut self) -> impl Future<Output = ()> + Send + use<> {
        let signal = self.withdrawn.take();
        async move {
            match signal {
                Some(signal) => {
                    if signal.await.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
                None => std::future::pending().await,
            }
        }
    }

    /// Notes that a server has it now.
    pub(crate) fn upstream(&self, server: &ServerName) {
        self.place(Place::Upstream(server.clone()));
    }

    /// Notes that it awaits people.
    pub(crate) fn held(&self) {
        self.place(Place::Held);
    }

    fn place(&self, place: Place) {
        if let Some((flights, id)) = &self.home {
            flights.place(id, place);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some((flights, id)) = self.home.as_ref().filter(|_| !self.shadow) {
            lock(&flights.entries).open.remove(id);
        }
    }
}

/// Says that a client has as many requests in flight as it may.
pub(crate) fn too_many() -> Fault {
    Fault::new(-32000, 503, Code::Overloaded, "too many requests are in flight")
}
