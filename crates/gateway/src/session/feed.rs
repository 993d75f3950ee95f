//! Subscriptions of a session at a server without sessions: each resource is a stream of its own, and one more tells which
//! lists have changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use control::door::{Era, McpDoor, Refusal, UpstreamLink};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use types::jsonrpc::Frame;
use types::{Code, ServerName};

use super::listen::{ACKNOWLEDGED, LISTS, tells};
use super::{Ask, Session};
use crate::fault::Fault;
use crate::lock;
use crate::raw::{RawObject, elements, quote};

/// Limits how many resources one session may be subscribed to.
const FEEDS_MAX: usize = 256;

/// Is the pause before a stream that the server ended is opened again.
const PAUSE: Duration = Duration::from_secs(5);

/// Names the member of `_meta` that says which subscription a message belongs to.
pub(super) const SUBSCRIPTION_KEY: &str = "io.modelcontextprotocol/subscriptionId";

/// Holds the streams that a session listens to; the empty URI stands for the one about lists.
#[derive(Debug, Default)]
pub(super) struct Feeds(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    feeds: HashMap<(ServerName, String), AbortHandle>,
    /// The session has ended, and nothing more is kept for it.
    over: bool,
}

impl Feeds {
    fn has(&self, key: &(ServerName, String)) -> bool {
        lock(&self.0).feeds.get(key).is_some_and(|feed| !feed.is_finished())
    }

    fn keep(&self, key: (ServerName, String), feed: AbortHandle) -> bool {
        let mut kept = lock(&self.0);
        kept.feeds.retain(|_, feed| !feed.is_finished());
        if kept.over || kept.feeds.len() >= FEEDS_MAX {
            feed.abort();
            return false;
        }
        if let Some(old) = kept.feeds.insert(key, feed) {
            old.abort();
        }
        true
    }

    /// Ends one stream.
    fn end(&self, key: &(ServerName, String)) {
        if let Some(feed) = lock(&self.0).feeds.remove(key) {
            feed.abort();
        }
    }

    /// Ends every stream, those that are still beginning too.
    pub(super) fn end_all(&self) {
        let mut kept = lock(&self.0);
        kept.over = true;
        for (_, feed) in kept.feeds.drain() {
            feed.abort();
        }
    }
}

/// Ends a stream that nobody keeps.
struct Unkept(Option<AbortHandle>);

impl Drop for Unkept {
    fn drop(&mut self) {
        if let Some(feed) = self.0.take() {
            feed.abort();
        }
    }
}

impl<D: McpDoor> Session<D> {
    /// Subscribes to a resource by listening for it; decided as `mcp:subscriptions/listen`, which is what is sent.
    pub(super) async fn subscribe_by_listening(
        self: &Arc<Self>,
        ask: &Ask,
        server: ServerName,
    ) -> Result<Frame, Fault> {
        let uri = ask.params.string("uri").ok_or_else(|| Fault::params("`params.uri` must be a string"))?;
        let key = (server.clone(), uri.clone());
        if self.feeds.has(&key) {
            return Ok(Frame::result(&ask.id, "{}"));
        }
        let (out, frames) = mpsc::channel(64);
        let part = self.listening(ask, &format!(r#"{{"resourceSubscriptions":[{}]}}"#, quote(&uri)), out);
        let (session, told) = (Arc::clone(self), self.outbox.clone());
        let (ended, end) = oneshot::channel();
        let (acknowledged, granted) = oneshot::channel();
        let before = ask.out.clone();
        let feed = tokio::spawn(async move {
            let work = async {
                let prepared = session.prepare_method(&part, server, &part.params)?;
                session.decide(&part, prepared).await
            };
            let passing = pass_on(frames, Some(acknowledged), Some(before), told);
            let answer = tokio::select! {
                answer = work => answer,
                () = passing => Err(Fault::upstream("the subscription broke")),
            };
            // Nobody waits for the end any more once it was acknowledged.
            let _ = ended.send(answer);
        });
        let mut unkept = Unkept(Some(feed.abort_handle()));
        match granted.await {
            Ok(granted) if names(&granted, &uri) => {}
            Ok(_) => return Err(Fault::params("the server does not tell of this resource")),
            Err(_) => return ended_early(end.await.ok(), ask),
        }
        match unkept.0.take().is_some_and(|feed| self.feeds.keep(key, feed)) {
            true => Ok(Frame::result(&ask.id, "{}")),
            false => Err(Refusal::plain(Code::Overloaded, "the session has too many subscriptions").into()),
        }
    }

    /// Ends the subscription to a resource.
    pub(super) fn unsubscribe_by_closing(&self, ask: &Ask, server: ServerName) -> Result<Frame, Fault> {
        let uri = ask.params.string("uri").ok_or_else(|| Fault::params("`params.uri` must be a string"))?;
        self.feeds.end(&(server, uri));
        Ok(Frame::result(&ask.id, "{}"))
    }

    /// Listens for the changes of a server's lists, which a session's client expects unasked.
    pub(super) fn listen_for_lists(self: &Arc<Self>, server: &ServerName, link: &Arc<D::Link>) {
        let key = (server.clone(), String::new());
        let wanted: Map<String, Value> = LISTS
            .iter()
            .filter(|(_, capability)| tells(link.hello(), capability))
            .map(|(name, _)| ((*name).to_owned(), json!(true)))
            .collect();
        if self.era != Era::Stateful || link.era() != Era::Stateless || wanted.is_empty() || self.feeds.has(&key) {
            return;
        }
        let (session, server, link) = (Arc::downgrade(self), server.clone(), Arc::clone(link));
        let params = json!({ "notifications": wanted }).to_string();
        let feed = tokio::spawn(async move {
            loop {
                let Some(session) = session.upgrade() else { return };
                let request = Frame::request(&session.own_id(), "subscriptions/listen", Some(&params));
                let (out, frames) = mpsc::channel(64);
                let passing = pass_on(frames, None, None, session.outbox.clone());
                let ended = tokio::select! {
                    ended = session.relay_on(&server, &link, request, Vec::new(), &out) => ended,
                    () = passing => return,
                };
                drop(session);
                if !ended.is_ok_and(|answer| answer.member("error").is_none()) {
                    return tracing::debug!(%server, "the server does not tell of changed lists");
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        self.feeds.keep(key, feed.abort_handle());
    }

    /// Makes of a request one that listens.
    fn listening(&self, ask: &Ask, notifications: &str, out: mpsc::Sender<Frame>) -> Ask {
        let mut params = RawObject::default();
        params.set("notifications", notifications);
        if let Some(meta) = ask.params.get("_meta") {
            params.set("_meta", meta);
        }
        let (id, method) = (self.own_id(), "subscriptions/listen".to_owned());
        let request = Frame::request(&id, &method, Some(&params.text()));
        Ask { request, id, method, params, out, ..ask.part() }
    }
}

/// Passes on what comes of a subscription: what precedes it goes to the request that made it, its news to the client.
async fn pass_on(
    mut frames: mpsc::Receiver<Frame>,
    mut acknowledged: Option<oneshot::Sender<RawObject>>,
    mut before: Option<mpsc::Sender<Frame>>,
    told: mpsc::Sender<Frame>,
) {
    while let Some(frame) = frames.recv().await {
        if frame.method() == Some(ACKNOWLEDGED) {
            before = None;
            let params = frame.member("params").and_then(RawObject::parse);
            let granted = params.and_then(|params| params.object("notifications")).unwrap_or_default();
            // A request that was withdrawn meanwhile ends the subscription by itself.
            let _ = acknowledged.take().map(|sender| sender.send(granted));
            continue;
        }
        // A client that is gone hears nothing more.
        let _ = match &before {
            Some(before) => before.send(frame).await,
            None => told.send(without_subscription(&frame)).await,
        };
    }
}

fn without_subscription(frame: &Frame) -> Frame {
    let Some(mut params) = frame.member("params").and_then(RawObject::parse) else { return frame.clone() };
    let Some(mut meta) = params.object("_meta") else { return frame.clone() };
    meta.remove(SUBSCRIPTION_KEY);
    if meta.is_empty() {
        params.remove("_meta");
    } else {
        params.set("_meta", &meta.text());
    }
    frame.with_member("params", &params.text())
}

fn names(granted: &RawObject, uri: &str) -> bool {
    let uris = granted.get("resourceSubscriptions").and_then(elements).unwrap_or_default();
    uris.iter().any(|text| serde_json::from_str::<String>(text).is_ok_and(|granted| granted == uri))
}

fn ended_early(answer: Option<Result<Frame, Fault>>, ask: &Ask) -> Result<Frame, Fault> {
    match answer {
        Some(Err(fault)) => Err(fault),
        Some(Ok(answer)) if answer.member("error").is_some() => Ok(answer.with_id(&ask.id)),
        _ => Err(Fault::upstream("the server ended the subscription before it began")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_that_begins_while_its_session_ends_is_not_kept() {
        let feeds = Feeds::default();
        let key = |uri: &str| (ServerName::new("s").unwrap(), uri.to_owned());
        let early = tokio::spawn(std::future::pending::<()>());
        assert!(feeds.keep(key("a"), early.abort_handle()));
        feeds.end_all();
        let late = tokio::spawn(std::future::pending::<()>());
        assert!(!feeds.keep(key("b"), late.abort_handle()));
        assert!(early.await.unwrap_err().is_cancelled() && late.await.unwrap_err().is_cancelled());
    }
}
