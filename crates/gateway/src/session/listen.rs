//! `subscriptions/listen`: one stream for the client, one per server behind it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use control::door::{McpDoor, UpstreamLink};
use futures_util::future::{join_all, select_all};
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, mpsc};
use types::ServerName;
use types::jsonrpc::Frame;

use super::calls::HOLDS_MAX;
use super::lists::{ANSWER, late};
use super::{Ask, Session};
use crate::fault::Fault;
use crate::raw::{RawObject, elements};

/// Is what a server says first of a subscription.
pub(super) const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

/// Names what a client may listen for, and the capability of a server that tells of it.
pub(super) const LISTS: [(&str, &str); 3] =
    [("toolsListChanged", "tools"), ("promptsListChanged", "prompts"), ("resourcesListChanged", "resources")];

/// Limits how many frames wait for the last acknowledgement.
const WAITING_MAX: usize = 64;

impl<D: McpDoor> Session<D> {
    /// Serves a subscription: decided if it names resources, relayed if it names none.
    pub(super) async fn listen(self: &Arc<Self>, ask: &Ask) -> Result<Frame, Fault> {
        let wanted = ask.params.get("notifications").map(types::json::parse);
        if !matches!(wanted, Some(Ok(Value::Object(_)))) {
            // What one reader finds and another does not could be asked for undecided.
            return Err(Fault::params("`params.notifications` must be an object that names no key twice"));
        }
        match self.single().cloned() {
            Some(server) => self.listen_to(ask, server, &ask.params).await,
            None => self.listen_to_several(ask).await,
        }
    }

    async fn listen_to(self: &Arc<Self>, ask: &Ask, server: ServerName, params: &RawObject) -> Result<Frame, Fault> {
        if self.link(&server).await?.era() != self.era {
            self.door.permits_relay(&self.caller, Some(&server), &ask.method)?;
            return self.listen_by_subscribing(ask, server, params).await;
        }
        let params = &self.listening_to_own(&server, params);
        if names_resources(params) {
            let prepared = self.prepare_method(ask, server, params)?;
            return self.decide(ask, prepared).await;
        }
        self.door.permits_relay(&self.caller, Some(&server), &ask.method)?;
        self.pass(ask, &server, ask.request.with_member("params", &params.text())).await
    }

    /// Listens to each server for its part; what they acknowledge is told as one, and the first to end ends all.
    async fn listen_to_several(self: &Arc<Self>, ask: &Ask) -> Result<Frame, Fault> {
        let parts = self.parts(ask).await?;
        if parts.is_empty() {
            return Err(Fault::params("no server here tells of what is asked for"));
        }
        let acknowledged =
            Arc::new(Mutex::new(Acknowledged { missing: parts.len(), all: Map::new(), waiting: Vec::new() }));
        let held = self.door.wait_ms_max().saturating_mul(HOLDS_MAX as i64);
        let silent = silent_after(Arc::clone(&acknowledged), ANSWER + Duration::from_millis(held.unsigned_abs()));
        let (mut streams, mut merging) = (Vec::new(), Vec::new());
        for (server, params) in parts {
            let (out, frames) = mpsc::channel(16);
            let part = Ask { out, ..ask.part() };
            streams.push(Box::pin(async move { self.listen_to(&part, server, &params).await }));
            merging.push(merge(frames, ask.out.clone(), Arc::clone(&acknowledged)));
        }
        tokio::select! {
            (ended, ..) = select_all(streams) => ended,
            () = silent => Err(late()),
            _ = async { join_all(merging).await; std::future::pending::<()>().await } => Err(Fault::upstream("the subscription broke")),
        }
    }

    /// Splits what a client listens for into what each server can tell.
    async fn parts(self: &Arc<Self>, ask: &Ask) -> Result<BTreeMap<ServerName, RawObject>, Fault> {
        let wanted = ask
            .params
            .object("notifications")
            .ok_or_else(|| Fault::params("`params.notifications` must be an object"))?;
        let mut parts: BTreeMap<ServerName, RawObject> = BTreeMap::new();
        for (server, link) in self.all_links().await? {
            for (name, capability) in LISTS {
                if wanted.get(name) == Some("true") && tells(&self.hello_of(&link), capability) {
                    parts.entry(server.clone()).or_default().set(name, "true");
                }
            }
        }
        let mut uris: BTreeMap<ServerName, Vec<String>> = BTreeMap::new();
        for text in wanted.get("resourceSubscriptions").and_then(elements).unwrap_or_default() {
            let uri: String =
                serde_json::from_str(&text).map_err(|_| Fault::params("resource URIs must be strings"))?;
            uris.entry(self.server_by_uri(&uri).await?).or_default().push(text);
        }
        for (server, uris) in uris {
            parts.entry(server).or_default().set("resourceSubscriptions", &format!("[{}]", uris.join(",")));
        }
        let with = |part: RawObject| {
            let mut params = ask.params.clone();
            params.set("notifications", &part.text());
            params
        };
        Ok(parts.into_iter().map(|(server, part)| (server, with(part))).collect())
    }
}

/// Is what several servers have acknowledged so far.
struct Acknowledged {
    missing: usize,
    all: Map<String, Value>,
    waiting: Vec<Frame>,
}

impl Acknowledged {
    /// Adds one acknowledgement and returns what may be told now: nothing until the last has come.
    fn add(&mut self, frame: &Frame) -> Vec<Frame> {
        let mut params = frame.member("params").and_then(RawObject::parse).unwrap_or_default();
        let granted: Value =
            params.get("notifications").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        for (name, value) in granted.as_object().into_iter().flatten() {
            match (self.all.get_mut(name), value) {
                (Some(Value::Array(uris)), Value::Array(more)) => uris.extend(more.iter().cloned()),
                _ => drop(self.all.insert(name.clone(), value.clone())),
            }
        }
        self.missing = self.missing.saturating_sub(1);
        if self.missing > 0 {
            return Vec::new();
        }
        params.set("notifications", &json!(self.all).to_string());
        let whole = frame.with_member("params", &params.text());
        std::iter::once(whole).chain(self.waiting.drain(..)).collect()
    }

    /// Keeps what came too early; beyond the bound it is lost, as on a stream that is not read.
    fn wait(&mut self, frame: Frame) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push(frame);
        }
    }
}

/// Ends when servers have not acknowledged by then; what awaits people first has its time on top.
async fn silent_after(acknowledged: Arc<Mutex<Acknowledged>>, span: Duration) {
    tokio::time::sleep(span).await;
    if acknowledged.lock().await.missing == 0 {
        std::future::pending::<()>().await;
    }
}

/// Passes on what one server tells, once all have acknowledged; its own acknowledgement counts once.
async fn merge(mut frames: mpsc::Receiver<Frame>, out: mpsc::Sender<Frame>, acknowledged: Arc<Mutex<Acknowledged>>) {
    let mut heard = false;
    while let Some(frame) = frames.recv().await {
        let mut state = acknowledged.lock().await;
        let told = match frame.method() {
            Some(ACKNOWLEDGED) if heard => Vec::new(),
            Some(ACKNOWLEDGED) => {
                heard = true;
                state.add(&frame)
            }
            _ if state.missing > 0 => {
                state.wait(frame);
                Vec::new()
            }
            _ => vec![frame],
        };
        for frame in told {
            // A client that is gone hears nothing more.
            let _ = out.send(frame).await;
        }
    }
}

/// Says whether a server tells of changes of one kind of list.
pub(super) fn tells(hello: &str, capability: &str) -> bool {
    let declared = RawObject::parse(hello).and_then(|hello| hello.object("capabilities")?.object(capability));
    declared.is_some_and(|declared| declared.get("listChanged") == Some("true"))
}

fn names_resources(params: &RawObject) -> bool {
    let wanted =
        params.object("notifications").and_then(|wanted| wanted.get("resourceSubscriptions").map(str::to_owned));
    wanted.is_some_and(|list| elements(&list).is_none_or(|uris| !uris.is_empty()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]
    use super::*;

    #[test]
    fn what_comes_before_the_last_acknowledgement_is_kept_within_a_bound() {
        let mut state = Acknowledged { missing: 1, all: Map::new(), waiting: Vec::new() };
        for _ in 0..WAITING_MAX + 10 {
            state.wait(Frame::notification("notifications/tools/list_changed", None));
        }
        let told = state.add(&Frame::notification(ACKNOWLEDGED, Some("{}")));
        assert_eq!((told.len(), told[0].method()), (1 + WAITING_MAX, Some(ACKNOWLEDGED)));
    }
}
