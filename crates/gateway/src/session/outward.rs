//! What upstream servers send to the client: filtered, decided where it asks for data, and routed back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use control::door::{Era, McpDoor, UpstreamLink};
use tokio::sync::{mpsc, oneshot};
use types::jsonrpc::{Frame, FrameKind, RpcId};
use types::{Code, ServerName};

use super::{Session, session_busy};
use crate::fault::Fault;
use crate::lock;
use crate::methods::{Direction, Kind, Treatment, treatment};
use crate::raw::RawObject;
use crate::task::RELATED_KEY;

/// Limits how many requests of servers, and how many of the gateway's own, may await the client's answer in one session.
const OPEN_MAX: usize = 256;

/// Says who awaits an answer from the client.
enum Asker {
    Server { server: ServerName, id: RpcId, method: String, token: Option<String> },
    Gateway(oneshot::Sender<Frame>),
}

/// Is the set of requests sent to the client and not yet answered.
#[derive(Default)]
pub(crate) struct Outward {
    open: Mutex<HashMap<RpcId, Asker>>,
}

impl Asker {
    fn is_server(&self) -> bool {
        matches!(self, Self::Server { .. })
    }
}

/// Says why a request is not sent to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unsent {
    Full,
    Taken,
}

impl From<Unsent> for Fault {
    fn from(unsent: Unsent) -> Self {
        match unsent {
            Unsent::Full => session_busy().into(),
            Unsent::Taken => {
                Self::new(-32600, 400, Code::McpIdReplayed, "the request cannot be told from one in flight")
            }
        }
    }
}

impl Outward {
    fn add(&self, id: &RpcId, asker: Asker) -> Result<(), Unsent> {
        let mut open = lock(&self.open);
        if open.contains_key(id) {
            return Err(Unsent::Taken);
        }
        // Counted apart, so that servers leave room for the gateway to show where people approve.
        if open.values().filter(|other| other.is_server() == asker.is_server()).count() >= OPEN_MAX {
            return Err(Unsent::Full);
        }
        open.insert(id.clone(), asker);
        Ok(())
    }

    /// Forgets what a server has asked, because nobody can be answered there any more.
    pub(super) fn forget_server(&self, gone: &ServerName) {
        lock(&self.open).retain(|_, asker| !matches!(asker, Asker::Server { server, .. } if server == gone));
    }

    fn take(&self, id: &RpcId) -> Option<Asker> {
        lock(&self.open).remove(id)
    }

    /// Notes a request of the gateway's own and returns where its answer arrives.
    pub(super) fn ask(&self, id: &RpcId) -> Option<oneshot::Receiver<Frame>> {
        let (sender, receiver) = oneshot::channel();
        self.add(id, Asker::Gateway(sender)).ok().map(|()| receiver)
    }

    /// Forgets a request whose answer no longer matters.
    pub(super) fn forget(&self, id: &RpcId) {
        self.take(id);
    }

    /// Finds the id under which the client knows a server's request.
    fn shown(&self, server: &ServerName, wanted: &RpcId) -> Option<RpcId> {
        let open = lock(&self.open);
        let found = open
            .iter()
            .find(|(_, asker)| matches!(asker, Asker::Server { server: s, id, .. } if s == server && id == wanted));
        found.map(|(id, _)| id.clone())
    }

    /// Finds the one server whose request carried a progress token; two of them are no answer.
    fn by_token(&self, wanted: &str) -> Option<ServerName> {
        let open = lock(&self.open);
        let mut servers = open.values().filter_map(|asker| match asker {
            Asker::Server { server, token: Some(token), .. } if token == wanted => Some(server.clone()),
            _ => None,
        });
        let first = servers.next()?;
        servers.next().is_none().then_some(first)
    }
}

impl<D: McpDoor> Session<D> {
    /// Handles one frame that a server sent besides an answer; what may pass goes to `out`.
    pub(super) async fn inbound(
        self: &Arc<Self>,
        server: &ServerName,
        link: &Arc<D::Link>,
        frame: Frame,
        out: &mpsc::Sender<Frame>,
    ) {
        match frame.kind().clone() {
            FrameKind::Notification { method } => self.notified(server, link, &method, frame, out).await,
            FrameKind::Request { id, method } => {
                if let Err(fault) = self.asked(server, link, &id, &method, &frame, out).await {
                    let _ = link.send(fault.to_frame(Some(&id))).await;
                }
            }
            FrameKind::Result { .. } | FrameKind::Error { .. } => {
                tracing::debug!(%server, "dropped an answer nobody awaits");
            }
        }
    }

    async fn notified(
        self: &Arc<Self>,
        server: &ServerName,
        link: &Arc<D::Link>,
        method: &str,
        frame: Frame,
        out: &mpsc::Sender<Frame>,
    ) {
        if treatment(link.era(), Direction::ServerToClient, Kind::Notification, method) != Treatment::Relayed {
            tracing::debug!(%server, method, "dropped a notification the table refuses");
            return;
        }
        let about_task = matches!(method, "notifications/tasks" | "notifications/tasks/status");
        if about_task && !self.may_hear_of_task(server, &frame) {
            tracing::debug!(%server, method, "dropped a notification about a task that is not the caller's");
            return;
        }
        let state = frame.member("params").and_then(RawObject::parse).filter(|_| about_task).unwrap_or_default();
        if let Err(fault) = self.permits_questions(server, &state).await {
            tracing::debug!(%server, reason = %fault.message, "dropped a task's question that is not permitted");
            return;
        }
        let updated = method == "notifications/resources/updated";
        if updated && self.door.permits_relay(&self.caller, Some(server), method).is_err() {
            tracing::debug!(%server, method, "dropped what a killed agent has subscribed to");
            return;
        }
        let passes = link.era() == self.era || crate::translate::passes(self.era, method);
        if method == "notifications/tools/list_changed" {
            self.list_tools_again(server, link).await;
        }
        if (self.era, link.era()) == (Era::Stateless, Era::Stateful) {
            self.fan_out(server, method, &frame).await;
        }
        if let Some(frame) = self.shown_notification(server, method, frame).filter(|_| passes) {
            // A client that is gone hears nothing more.
            let _ = out.send(frame).await;
        }
    }

    fn shown_notification(&self, server: &ServerName, method: &str, frame: Frame) -> Option<Frame> {
        if method != "notifications/cancelled" {
            return Some(frame);
        }
        let mut params = frame.member("params").and_then(RawObject::parse).unwrap_or_default();
        let id = params.get("requestId").and_then(RpcId::from_json);
        let shown = id.and_then(|id| self.outward.shown(server, &id));
        if let Some(shown) = &shown {
            // The server awaits no answer any more.
            self.outward.forget(shown);
        }
        if self.is_single() {
            return Some(frame);
        }
        let shown = shown?;
        params.set("requestId", shown.as_json());
        Some(frame.with_member("params", &params.text()))
    }

    async fn asked(
        self: &Arc<Self>,
        server: &ServerName,
        link: &Arc<D::Link>,
        id: &RpcId,
        method: &str,
        frame: &Frame,
        out: &mpsc::Sender<Frame>,
    ) -> Result<(), Fault> {
        match treatment(link.era(), Direction::ServerToClient, Kind::Request, method) {
            Treatment::Local => return Ok(link.send(Frame::result(id, "{}")).await?),
            Treatment::Refused => return Err(Fault::method(method)),
            _ if link.era() != self.era => return self.take_question(server, id, method, frame, out).await,
            Treatment::Governed => {
                let params = frame.member("params").unwrap_or("{}");
                self.door.permits_upstream_request(&self.caller, server, method, params).await?;
            }
            Treatment::Relayed => {}
        }
        let shown = if self.is_single() { id.clone() } else { RpcId::text(&format!("{server}:{}", id.as_json())) };
        let asker =
            Asker::Server { server: server.clone(), id: id.clone(), method: method.to_owned(), token: token_of(frame) };
        self.outward.add(&shown, asker)?;
        let _ = out.send(frame.with_id(&shown)).await;
        Ok(())
    }

    /// Takes the client's answer to a request and hands it to whoever asked; an answer to nothing is dropped.
    pub(crate) async fn respond(self: &Arc<Self>, answer: Frame) {
        let Some(asker) = answer.id().and_then(|id| self.outward.take(id)) else {
            tracing::debug!("dropped an answer to a request nobody made");
            return;
        };
        match asker {
            Asker::Gateway(sender) => drop(sender.send(answer)),
            Asker::Server { server, id, method, .. } => {
                let answer = match self.door.permits_relay(&self.caller, Some(&server), &method) {
                    Ok(()) => self.as_the_server_knows_it(answer).with_id(&id),
                    Err(refusal) => Fault::from(refusal).to_frame(Some(&id)),
                };
                if let Some(link) = self.open_link(&server).await {
                    let _ = link.send(answer).await;
                }
            }
        }
    }

    /// Puts the server's own name for a task where the client's answer names the gateway's.
    fn as_the_server_knows_it(&self, answer: Frame) -> Frame {
        let Some(mut result) = answer.member("result").and_then(RawObject::parse) else { return answer };
        let Some(mut meta) = result.object("_meta") else { return answer };
        let named = meta.object(RELATED_KEY).and_then(|related| related.string("taskId"));
        let task = named.and_then(|id| self.tasks.find(&self.caller, self.era, &id));
        let Some(task) = task else { return answer };
        match task.upstream() {
            Some((_, id)) => meta.set(RELATED_KEY, &format!(r#"{{"taskId":{}}}"#, crate::raw::quote(&id))),
            None => drop(meta.remove(RELATED_KEY)),
        }
        result.set("_meta", &meta.text());
        answer.with_member("result", &result.text())
    }

    /// Finds the server that a client's progress notification is for.
    pub(super) fn asker_by_token(&self, frame: &Frame) -> Option<ServerName> {
        let params = frame.member("params").and_then(RawObject::parse)?;
        self.outward.by_token(params.get("progressToken")?)
    }
}

fn token_of(frame: &Frame) -> Option<String> {
    let meta = frame.member("params").and_then(RawObject::parse)?.object("_meta")?;
    meta.get("progressToken").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(server: &str, n: usize) -> (RpcId, Asker) {
        let id = RpcId::text(&format!("q{n}"));
        let server = ServerName::new(server).unwrap();
        (id.clone(), Asker::Server { server, id, method: "elicitation/create".into(), token: None })
    }

    #[test]
    fn servers_leave_room_for_the_gateway_and_take_no_room_once_gone() {
        let outward = Outward::default();
        for n in 0..OPEN_MAX {
            let (id, asker) = asked("s", n);
            assert_eq!(outward.add(&id, asker), Ok(()));
        }
        let (id, asker) = asked("t", OPEN_MAX);
        assert_eq!(outward.add(&id, asker), Err(Unsent::Full));
        let (id, asker) = asked("t", 0);
        assert_eq!(outward.add(&id, asker), Err(Unsent::Taken));
        assert!(outward.ask(&RpcId::text("own")).is_some());
        outward.forget_server(&ServerName::new("s").unwrap());
        let (id, asker) = asked("t", 0);
        assert_eq!(outward.add(&id, asker), Ok(()));
    }
}
