//! Reaching upstream servers: what the catalogue names, resolved, connected, and held against the review.

use connectors::mcp::{
    ConnectError, Connection, Limits, Over, Unset, Wiring, connect_stateful, connect_stateless, probe,
};
use types::jsonrpc::Frame;
use types::{Code, ServerName};

use crate::control::Control;
use crate::door::Refusal;

impl Control {
    fn wiring(&self, server: &ServerName) -> Result<Wiring, Refusal> {
        let snapshot = self.snapshot();
        let entry = snapshot.bundle.data().servers.get(server);
        let entry = entry
            .ok_or_else(|| Refusal::plain(Code::ToolUnknown, format!("the catalogue has no server `{server}`")))?;
        let wiring = Wiring::of(entry, |name| (self.config.environment)(name)).map_err(|Unset { name }| {
            Refusal::plain(
                Code::UpstreamUnavailable,
                format!("server `{server}` needs the variable `{name}`, which is not set"),
            )
        })?;
        Ok(Wiring { network: Over(self.network.get().cloned()), ..wiring })
    }

    /// Connects to a server for a client of either generation, preferring the client's own.
    pub(super) async fn connection(
        &self,
        server: &ServerName,
        initialize: Option<&str>,
        abilities: &str,
    ) -> Result<Connection, Refusal> {
        let wiring = self.wiring(server)?;
        let limits = Limits::default();
        let connected = match initialize {
            Some(params) => match connect_stateful(&wiring, params, &limits).await {
                Err(ConnectError::Refused { .. } | ConnectError::Version(_)) => {
                    connect_stateless(&wiring, &limits).await
                }
                other => other,
            },
            None => match probe(&wiring, &limits).await {
                Ok(connectors::mcp::Era::Stateless) => connect_stateless(&wiring, &limits).await,
                Ok(connectors::mcp::Era::Stateful) => greet(&wiring, &limits, abilities).await,
                Err(error) => Err(error),
            },
        };
        let connection = connected.map_err(|error| {
            tracing::warn!(%server, ?error, "an upstream server cannot be reached");
            Refusal::plain(error.code(), format!("server `{server}`: {error}"))
        })?;
        self.is_the_reviewed(server, &connection)?;
        Ok(connection)
    }

    /// A server that calls itself something else than when it was reviewed is another server.
    fn is_the_reviewed(&self, server: &ServerName, connection: &Connection) -> Result<(), Refusal> {
        let snapshot = self.snapshot();
        let expected = snapshot.bundle.data().servers.get(server).and_then(|entry| entry.identity.as_deref());
        if expected.is_none_or(|name| name == connection.identity()) {
            return Ok(());
        }
        let seen = types::text::escape(connection.identity(), false);
        Err(Refusal::plain(
            Code::ToolChanged,
            format!("server `{server}` calls itself `{seen}` now, and was reviewed under another name or version"),
        ))
    }
}

/// Shakes hands with a stateful server in our own name, because the client is a stateless one.
///
/// - `abilities`: the client capabilities to declare, as JSON text.
async fn greet(wiring: &Wiring, limits: &Limits, abilities: &str) -> Result<Connection, ConnectError> {
    let hello = format!(
        r#"{{"protocolVersion":"2025-11-25","capabilities":{abilities},"clientInfo":{{"name":"countersign","version":"{}"}}}}"#,
        env!("CARGO_PKG_VERSION")
    );
    let connection = connect_stateful(wiring, &hello, limits).await?;
    let ready = connection.send(Frame::notification("notifications/initialized", None)).await;
    ready.map_err(|e| ConnectError::Invalid(e.to_string()))?;
    Ok(connection)
}
