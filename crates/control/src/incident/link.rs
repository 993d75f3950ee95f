//! A link to a server that is not there: what it offered is in the record.

use std::sync::Arc;

use evidence::Listing;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use types::jsonrpc::{Frame, RpcId};
use types::{Code, ServerName};

use super::door::Inner;
use crate::door::{Era, Refusal, UpstreamLink};

/// Are the methods that may go unanswered without anything being amiss.
const OPTIONAL: [&str; 1] = ["subscriptions/listen"];

/// Is what stands for one connection to a recorded server.
pub struct RecordedLink {
    pub(super) inner: Arc<Inner>,
    pub(super) server: ServerName,
    pub(super) era: Era,
    pub(super) hello: String,
}

impl RecordedLink {
    /// Links to a server as it was when the session first called it.
    ///
    /// - `initialize`: the params of the client's `initialize`, if it sent any.
    pub(super) fn to(inner: Arc<Inner>, server: &ServerName, initialize: Option<&str>) -> Self {
        let listing = inner.listing(server);
        let era =
            if listing.as_ref().is_some_and(|listing| listing.stateless) { Era::Stateless } else { Era::Stateful };
        let hello = hello(server, listing.as_ref(), era, initialize);
        Self { inner, server: server.clone(), era, hello }
    }

    fn tools(&self, id: &RpcId) -> Result<Frame, Refusal> {
        let listing = self.inner.listing(&self.server).filter(Listing::is_whole);
        let Some(listing) = listing else {
            let message = format!("the definitions of the tools of `{}` are not recorded", self.server);
            return Err(Refusal::plain(Code::NotRecorded, message));
        };
        let texts: Vec<&str> = listing.tools.iter().filter_map(|tool| tool.text.as_deref()).collect();
        let more = if self.era == Era::Stateless {
            r#","resultType":"complete","ttlMs":0,"cacheScope":"private""#
        } else {
            ""
        };
        Ok(Frame::result(id, &format!(r#"{{"tools":[{}]{more}}}"#, texts.join(","))))
    }
}

/// Says of a server what it said then; a session is opened in the version its client asks for, as every server does
/// that speaks it.
fn hello(server: &ServerName, listing: Option<&Listing>, era: Era, initialize: Option<&str>) -> String {
    let recorded = listing.and_then(|listing| serde_json::from_str::<Value>(&listing.hello).ok());
    let mut hello = recorded.unwrap_or_else(|| {
        json!({ "protocolVersion": "2025-11-25", "capabilities": { "tools": {} }, "serverInfo": { "name": server, "version": "0" } })
    });
    let asked = initialize.and_then(|params| serde_json::from_str::<Value>(params).ok());
    let asked = asked.as_ref().and_then(|params| params.get("protocolVersion")?.as_str());
    if let (Era::Stateful, Some(version), Some(object)) = (era, asked, hello.as_object_mut()) {
        object.insert("protocolVersion".to_owned(), json!(version));
    }
    hello.to_string()
}

impl UpstreamLink for RecordedLink {
    fn era(&self) -> Era {
        self.era
    }

    fn hello(&self) -> &str {
        &self.hello
    }

    async fn relay(&self, request: Frame, _: Vec<(String, String)>, _: mpsc::Sender<Frame>) -> Result<Frame, Refusal> {
        let (Some(method), Some(id)) = (request.method(), request.id()) else {
            return Err(Refusal::plain(Code::McpFrameInvalid, "it is no request"));
        };
        match method {
            "tools/list" => self.tools(id),
            "server/discover" => Ok(Frame::result(id, &self.hello)),
            "ping" | "logging/setLevel" => Ok(Frame::result(id, "{}")),
            _ => {
                if !OPTIONAL.contains(&method) {
                    self.inner.unmet(method);
                }
                Err(Refusal::plain(Code::NotRecorded, format!("what servers answer to `{method}` is not recorded")))
            }
        }
    }

    async fn send(&self, _: Frame) -> Result<(), Refusal> {
        Ok(())
    }

    fn unsolicited(&self) -> Option<mpsc::Receiver<Frame>> {
        None
    }

    async fn close(&self) {}
}
