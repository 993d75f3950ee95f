//! `subscriptions/listen`: one stream for the client, one per server behind it.

use std::sync::Arc;

use control::door::McpDoor;
use types::jsonrpc::Frame;

use super::{Ask, Session};
use crate::fault::Fault;
use crate::raw::RawObject;

impl<D: McpDoor> Session<D> {
    /// Serves a subscription: decided if it names resources, relayed if it names none.
    pub(super) async fn listen(self: &Arc<Self>, ask: &Ask) -> Result<Frame, Fault> {
        let Some(server) = self.single().cloned() else { return self.listen_to_several(ask).await };
        if names_resources(&ask.params) {
            let prepared = self.prepare_method(ask, server, &ask.params)?;
            return self.decide(ask, prepared).await;
        }
        self.pass(ask, &server, ask.request.clone()).await
    }

    async fn listen_to_several(self: &Arc<Self>, _ask: &Ask) -> Result<Frame, Fault> {
        Err(Fault::params("subscriptions need a connection to one server alone"))
    }
}

fn names_resources(params: &RawObject) -> bool {
    let wanted =
        params.object("notifications").and_then(|wanted| wanted.get("resourceSubscriptions").map(str::to_owned));
    wanted.is_some_and(|list| crate::raw::elements(&list).is_none_or(|uris| !uris.is_empty()))
}
