//! Listing changed tools again: once at a time for each server, however often it says that they changed.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use control::door::{McpDoor, UpstreamLink};
use types::ServerName;

use super::Session;
use crate::lock;

/// Holds the servers being listed, and whether each has said meanwhile that its tools changed again.
#[derive(Debug, Default)]
pub(super) struct Relists(Mutex<HashMap<ServerName, bool>>);

/// Is one listing; it ends when dropped.
struct Relisting<'a> {
    open: &'a Relists,
    server: &'a ServerName,
}

impl Relists {
    /// Begins a listing; where one is under way that one is told instead, and `None` returned.
    fn begin<'a>(&'a self, server: &'a ServerName) -> Option<Relisting<'a>> {
        let mut open = lock(&self.0);
        if let Some(again) = open.get_mut(server) {
            *again = true;
            return None;
        }
        open.insert(server.clone(), false);
        Some(Relisting { open: self, server })
    }
}

impl Relisting<'_> {
    fn is_outdated(&self) -> bool {
        lock(&self.open.0).get(self.server) == Some(&true)
    }
}

impl Drop for Relisting<'_> {
    fn drop(&mut self) {
        lock(&self.open.0).remove(self.server);
    }
}

impl<D: McpDoor> Session<D> {
    /// Lists a server's tools again and has them compared, because the server says they changed; once more if it says so
    /// meanwhile, and no more: a server that always says so must not keep us busy.
    ///
    /// Boxed, because listing handles frames and one of those may be what brought us here.
    pub(super) fn list_tools_again<'a>(
        self: &'a Arc<Self>,
        server: &'a ServerName,
        link: &'a Arc<D::Link>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            let Some(relisting) = self.relists.begin(server) else { return };
            self.compare_now(server, link).await;
            if relisting.is_outdated() {
                self.compare_now(server, link).await;
            }
        })
    }

    async fn compare_now(self: &Arc<Self>, server: &ServerName, link: &Arc<D::Link>) {
        match self.fetch(server, link, "tools/list", None).await {
            Ok(tools) => self.door.observe_tools(server, link.hello(), tools).await,
            Err(fault) => tracing::warn!(%server, reason = %fault.message, "could not list changed tools"),
        }
    }
}
