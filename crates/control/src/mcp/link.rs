//! One live connection to an upstream server, as the gateway holds it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use connectors::mcp::{CallError, Connection, Mirrors, splice};
use tokio::sync::{OnceCell, mpsc};
use types::jsonrpc::Frame;
use types::{Code, Digest, ServerName, ToolName};

use crate::control::Control;
use crate::door::{Caller, Era, Refusal, UpstreamLink};

/// Are the methods that go through a decision; a link refuses to relay them.
const GOVERNED: [&str; 4] = ["tools/call", "resources/read", "resources/subscribe", "tasks/update"];

/// Is the time between two looks at the kill switches while a relayed request waits for its answer.
const LOOK: Duration = Duration::from_millis(250);

/// Is one live connection to an upstream server.
pub struct Link {
    pub(super) control: Arc<Control>,
    pub(super) caller: Caller,
    pub(super) server: ServerName,
    pub(super) connection: Arc<Connection>,
    /// The tools this server has listed over this connection.
    pub(super) listed: OnceCell<BTreeMap<ToolName, Listed>>,
    /// Set once the session's record says what this server offered.
    pub(super) offered: OnceCell<()>,
}

/// Is one tool as its server listed it.
pub(super) struct Listed {
    /// Its definition.
    pub(super) definition: Digest,
    /// The tool object as the server wrote it.
    pub(super) text: String,
    /// Its arguments that are repeated in headers.
    pub(super) mirrors: Mirrors,
}

/// Says whether a request must have been decided on: a subscription too, unless it is plain that it names no resource.
fn is_governed(method: &str, params: &str) -> bool {
    if method != "subscriptions/listen" {
        return GOVERNED.contains(&method);
    }
    let wanted = splice::at(params, &["notifications"]).ok().flatten().map(types::json::parse);
    let Some(Ok(serde_json::Value::Object(wanted))) = wanted else { return true };
    let resources = wanted.get("resourceSubscriptions");
    resources.is_some_and(|resources| resources.as_array().is_none_or(|uris| !uris.is_empty()))
}

impl Link {
    /// Returns the arguments of a tool that are repeated in headers, as far as the tool was listed.
    pub(super) fn mirrors(&self, tool: &ToolName) -> Mirrors {
        let listed = self.listed.get().and_then(|tools| tools.get(tool));
        listed.map(|tool| tool.mirrors.clone()).unwrap_or_default()
    }

    /// Returns the handle for one request: its own where clients that do not know each other share the connection, so
    /// that the same request id of two of them stays apart.
    pub(crate) fn handle(&self) -> Arc<Connection> {
        match self.era() {
            Era::Stateful => self.connection.clone(),
            Era::Stateless => Arc::new(self.connection.share()),
        }
    }

    /// Cancels the request over `handle` when dropped, where no client message does it.
    pub(super) fn cancels(&self, handle: &Arc<Connection>, request: &Frame) -> CancelOnDrop {
        let id = request.id().cloned().filter(|_| self.era() == Era::Stateless);
        CancelOnDrop { connection: handle.clone(), id }
    }
}

impl Link {
    /// Waits until a kill switch covers a relayed method.
    async fn killed(&self, method: &str) -> Refusal {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(refusal) = self.control.permits_relay_of(&self.caller, Some(&self.server), method) {
                return refusal;
            }
        }
    }
}

pub(super) fn refuse(server: &ServerName, error: &CallError) -> Refusal {
    Refusal::plain(error.code(), format!("server `{server}`: {error}"))
}

impl UpstreamLink for Link {
    fn era(&self) -> Era {
        match self.connection.era() {
            connectors::mcp::Era::Stateful => Era::Stateful,
            connectors::mcp::Era::Stateless => Era::Stateless,
        }
    }

    fn hello(&self) -> &str {
        self.connection.hello()
    }

    async fn relay(
        &self,
        request: Frame,
        headers: Vec<(String, String)>,
        events: mpsc::Sender<Frame>,
    ) -> Result<Frame, Refusal> {
        let method = request.method().unwrap_or_default().to_owned();
        if is_governed(&method, request.member("params").unwrap_or("{}")) {
            return Err(Refusal::plain(
                Code::McpMethodRefused,
                format!("`{method}` is governed and cannot be relayed"),
            ));
        }
        self.control.permits_relay_of(&self.caller, Some(&self.server), &method)?;
        let handle = self.handle();
        let mut cancel = self.cancels(&handle, &request);
        let id = request.id().cloned();
        let refusal = tokio::select! {
            biased;
            refusal = self.killed(&method) => refusal,
            answer = handle.request(request, headers, events) => {
                cancel.id = None;
                self.control.permits_relay_of(&self.caller, Some(&self.server), &method)?;
                return answer.map_err(|e| refuse(&self.server, &e));
            }
        };
        cancel.id = None;
        if let Some(id) = id
            && let Err(error) = handle.cancel(&id, Some("a kill switch was set")).await
        {
            tracing::debug!(%error, "a cancellation could not be sent");
        }
        Err(refusal)
    }

    async fn send(&self, frame: Frame) -> Result<(), Refusal> {
        self.connection.send(frame).await.map_err(|e| refuse(&self.server, &e))
    }

    fn unsolicited(&self) -> Option<mpsc::Receiver<Frame>> {
        self.connection.unsolicited()
    }

    async fn close(&self) {
        self.connection.close().await;
    }
}

/// Cancels a dispatched request whose caller has gone: where every request stands for itself, nobody else tells the server.
pub(super) struct CancelOnDrop {
    connection: Arc<Connection>,
    pub(super) id: Option<types::jsonrpc::RpcId>,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let connection = self.connection.clone();
        tokio::spawn(async move {
            if let Err(error) = connection.cancel(&id, Some("the caller has gone")).await {
                tracing::debug!(%error, "a cancellation could not be sent");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_relayed_only_if_it_plainly_names_no_resource() {
        for (params, governed) in [
            (r#"{"notifications":{"toolsListChanged":true}}"#, false),
            (r#"{"notifications":{"resourceSubscriptions":[],"taskIds":["t"]}}"#, false),
            (r#"{"notifications":{"resourceSubscriptions":["a://b"]}}"#, true),
            (r#"{"notifications":{"resourceSubscriptions":"a://b"}}"#, true),
            (r#"{"notifications":{"resourceSubscriptions":[],"resourceSubscriptions":["a://b"]}}"#, true),
            (r#"{"notifications":{},"notifications":{"resourceSubscriptions":["a://b"]}}"#, true),
            (r#"{"notifications":[]}"#, true),
            ("{}", true),
        ] {
            assert_eq!(is_governed("subscriptions/listen", params), governed, "{params}");
        }
        assert!(is_governed("tools/call", "{}") && !is_governed("tools/list", "{}"));
    }
}
