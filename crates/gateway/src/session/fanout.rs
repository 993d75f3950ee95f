//! Subscriptions of a client without sessions at a server of a session: what the server tells the session goes to each
//! stream that asked for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use control::door::{McpDoor, Refusal, UpstreamLink};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};
use types::jsonrpc::{Frame, RpcId};
use types::{Code, ServerName};

use super::feed::SUBSCRIPTION_KEY;
use super::listen::{ACKNOWLEDGED, LISTS, tells};
use super::{Ask, Session};
use crate::fault::Fault;
use crate::lock;
use crate::raw::{RawObject, elements, quote};

/// Limits how many streams of one caller may listen at once.
const LISTENERS_MAX: usize = 256;

/// Limits how many resources one stream may name.
const URIS_MAX: usize = 256;

/// Is the time between two looks at the kill switches.
const LOOK: Duration = Duration::from_millis(250);

/// Is one stream that listens.
#[derive(Debug)]
struct Listener {
    number: u64,
    server: ServerName,
    id: RpcId,
    /// The notifications about lists that it asked for.
    methods: Vec<&'static str>,
    uris: Vec<String>,
    out: mpsc::Sender<Frame>,
    /// Dropped when the server is gone.
    _open: oneshot::Sender<()>,
}

/// Holds the streams that listen, and how many of them each resource has.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    open: Mutex<Vec<Listener>>,
    resources: Mutex<HashMap<(ServerName, String), usize>>,
}

impl Listener {
    /// Says whether it asked for this. What lies below a resource counts as the resource.
    fn wants(&self, method: &str, uri: Option<&str>) -> bool {
        self.methods.contains(&method)
            || (method == "notifications/resources/updated"
                && uri.is_some_and(|uri| self.uris.iter().any(|wanted| uri.starts_with(wanted.as_str()))))
    }
}

impl Listeners {
    /// Takes a stream in with its acknowledgement, so that nothing is told before it and nothing after it is missed.
    fn add(&self, listener: Listener, acknowledgement: Frame) -> bool {
        let mut open = lock(&self.open);
        if open.len() >= LISTENERS_MAX || listener.out.try_send(acknowledgement).is_err() {
            return false;
        }
        open.push(listener);
        true
    }

    fn remove(&self, number: u64) {
        lock(&self.open).retain(|listener| listener.number != number);
    }

    /// Ends the streams that listen to a server, because it is gone.
    pub(super) fn end(&self, server: &ServerName) {
        lock(&self.open).retain(|listener| listener.server != *server);
    }

    fn begin(&self, server: &ServerName, uri: &str) {
        *lock(&self.resources).entry((server.clone(), uri.to_owned())).or_default() += 1;
    }

    /// Notes that one stream no longer wants a resource, and says whether it was the last.
    fn is_last(&self, server: &ServerName, uri: &str) -> bool {
        let mut resources = lock(&self.resources);
        let key = (server.clone(), uri.to_owned());
        match resources.get_mut(&key) {
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            _ => resources.remove(&key).is_some(),
        }
    }
}

/// Ends what one stream has begun, when dropped.
struct Listening<D: McpDoor> {
    session: Arc<Session<D>>,
    server: ServerName,
    number: u64,
    subscribed: Vec<String>,
}

impl<D: McpDoor> Drop for Listening<D> {
    fn drop(&mut self) {
        self.session.listeners.remove(self.number);
        let last = |uri: &String| self.session.listeners.is_last(&self.server, uri);
        let uris: Vec<String> = std::mem::take(&mut self.subscribed).into_iter().filter(last).collect();
        if uris.is_empty() {
            return;
        }
        let (session, server) = (Arc::clone(&self.session), self.server.clone());
        tokio::spawn(async move { session.unsubscribe(&server, uris).await });
    }
}

impl<D: McpDoor> Session<D> {
    /// Serves a subscription at a server of a session: each resource is subscribed to, decided as `mcp:resources/subscribe`,
    /// and what the server tells is passed on until the client leaves or the server is gone.
    pub(super) async fn listen_by_subscribing(
        self: &Arc<Self>,
        ask: &Ask,
        server: ServerName,
        params: &RawObject,
    ) -> Result<Frame, Fault> {
        let link = self.link(&server).await?;
        let wanted = Wanted::read(params, link.hello())?;
        let number = self.serial.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut listening =
            Listening { session: Arc::clone(self), server: server.clone(), number, subscribed: Vec::new() };
        for uri in &wanted.uris {
            self.subscribe(ask, &server, uri).await?;
            self.listeners.begin(&server, uri);
            listening.subscribed.push(uri.clone());
        }
        let acknowledgement = acknowledgement(&ask.id, &wanted.granted());
        let (open, mut gone) = oneshot::channel();
        let listener = Listener {
            number,
            server: server.clone(),
            id: ask.id.clone(),
            methods: wanted.methods(),
            uris: wanted.uris,
            out: ask.out.clone(),
            _open: open,
        };
        if !self.listeners.add(listener, acknowledgement) {
            return Err(Refusal::plain(Code::Overloaded, "too many subscriptions are open").into());
        }
        while tokio::time::timeout(LOOK, &mut gone).await.is_err() {
            self.door.permits_relay(&self.caller, Some(&server), &ask.method)?;
        }
        let meta = format!(r#"{{"{SUBSCRIPTION_KEY}":{}}}"#, ask.id);
        Ok(Frame::result(&ask.id, &format!(r#"{{"resultType":"complete","_meta":{meta}}}"#)))
    }

    async fn subscribe(self: &Arc<Self>, ask: &Ask, server: &ServerName, uri: &str) -> Result<(), Fault> {
        let mut meta = ask.params.object("_meta").unwrap_or_default();
        // Nothing is told on a subscription before its acknowledgement.
        meta.remove("progressToken");
        let mut params = RawObject::default();
        params.set("_meta", &meta.text());
        params.set("uri", &quote(uri));
        let (id, method) = (self.own_id(), "resources/subscribe".to_owned());
        let request = Frame::request(&id, &method, Some(&params.text()));
        let part = Ask { request, id, method, params: params.clone(), ..ask.part() };
        let prepared = self.prepare_method(&part, server.clone(), &params)?;
        let answer = self.decide(&part, prepared).await?;
        match answer.member("error") {
            None => Ok(()),
            Some(_) => Err(Fault::params("the server does not tell of this resource")),
        }
    }

    async fn unsubscribe(self: &Arc<Self>, server: &ServerName, uris: Vec<String>) {
        let Some(link) = self.open_link(server).await else { return };
        for uri in uris {
            let params = json!({ "uri": uri }).to_string();
            let request = Frame::request(&self.own_id(), "resources/unsubscribe", Some(&params));
            // Ours, and in the server's own words: nothing is to be translated.
            let (events, _) = mpsc::channel(1);
            if let Err(refusal) = link.relay(request, Vec::new(), events).await {
                tracing::debug!(%server, code = %refusal.code, "a subscription could not be ended");
            }
        }
    }

    /// Passes what a server tells its session to the streams that asked for it.
    pub(super) async fn fan_out(&self, server: &ServerName, method: &str, frame: &Frame) {
        let params = frame.member("params").and_then(RawObject::parse).unwrap_or_default();
        let uri = params.string("uri");
        let to: Vec<(RpcId, mpsc::Sender<Frame>)> = lock(&self.listeners.open)
            .iter()
            .filter(|listener| listener.server == *server && listener.wants(method, uri.as_deref()))
            .map(|listener| (listener.id.clone(), listener.out.clone()))
            .collect();
        for (id, out) in to {
            let mut params = params.clone();
            let mut meta = params.object("_meta").unwrap_or_default();
            meta.set(SUBSCRIPTION_KEY, id.as_json());
            params.set("_meta", &meta.text());
            // A client that does not read loses what comes meanwhile; it must not hold up the others.
            let _ = out.try_send(Frame::notification(method, Some(&params.text())));
        }
    }
}

/// Is what a client listens for, as far as the server can tell of it.
struct Wanted {
    lists: Vec<&'static str>,
    uris: Vec<String>,
}

impl Wanted {
    fn read(params: &RawObject, hello: &str) -> Result<Self, Fault> {
        let wanted =
            params.object("notifications").ok_or_else(|| Fault::params("`params.notifications` must be an object"))?;
        let told = LISTS.iter().filter(|(name, of)| wanted.get(name) == Some("true") && tells(hello, of));
        let lists = told.map(|(name, _)| *name).collect();
        let capabilities = RawObject::parse(hello).and_then(|hello| hello.object("capabilities"));
        let resources = capabilities.and_then(|capabilities| capabilities.object("resources")).unwrap_or_default();
        let mut uris = Vec::new();
        if resources.get("subscribe") == Some("true") {
            for text in wanted.get("resourceSubscriptions").and_then(elements).unwrap_or_default() {
                uris.push(serde_json::from_str(&text).map_err(|_| Fault::params("resource URIs must be strings"))?);
            }
        }
        uris.sort();
        uris.dedup();
        if uris.len() > URIS_MAX {
            return Err(Fault::params("a subscription names too many resources"));
        }
        Ok(Self { lists, uris })
    }

    fn granted(&self) -> Value {
        let mut granted: Map<String, Value> = self.lists.iter().map(|name| ((*name).to_owned(), json!(true))).collect();
        if !self.uris.is_empty() {
            granted.insert("resourceSubscriptions".to_owned(), json!(self.uris));
        }
        Value::Object(granted)
    }

    fn methods(&self) -> Vec<&'static str> {
        let of = |name: &&str| match *name {
            "toolsListChanged" => Some("notifications/tools/list_changed"),
            "promptsListChanged" => Some("notifications/prompts/list_changed"),
            "resourcesListChanged" => Some("notifications/resources/list_changed"),
            _ => None,
        };
        self.lists.iter().filter_map(of).collect()
    }
}

fn acknowledgement(id: &RpcId, granted: &Value) -> Frame {
    let params = format!(r#"{{"_meta":{{"{SUBSCRIPTION_KEY}":{id}}},"notifications":{granted}}}"#);
    Frame::notification(ACKNOWLEDGED, Some(&params))
}
