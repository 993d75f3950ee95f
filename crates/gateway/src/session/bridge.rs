//! A session whose client and server speak different eras: requests and answers pass through the translation, and a
//! server's questions inside a result are put to a client that can only be asked directly.

use std::sync::Arc;
use std::time::Duration;

use control::door::{Era, McpDoor, UpstreamLink};
use tokio::sync::oneshot;
use types::jsonrpc::{Frame, RpcId};

use super::{Ask, Session, session_busy};
use crate::fault::Fault;
use crate::lock;
use crate::raw::{RawObject, quote};
use crate::translate;

/// Limits how often a server may ask back before one call is answered.
pub(super) const ROUNDS_MAX: usize = 8;

/// Is how long a client may take to answer what a server asks.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);

impl<D: McpDoor> Session<D> {
    /// Returns what a server says of itself in the client's era.
    pub(super) fn hello_of(&self, link: &D::Link) -> String {
        if link.era() == self.era {
            link.hello().to_owned()
        } else {
            translate::hello(self.era, link.hello(), self.version())
        }
    }

    /// Puts a request into the server's era; in the same era it stays as it is.
    pub(super) fn outgoing(&self, link: &D::Link, request: Frame) -> Result<Frame, Fault> {
        if link.era() == self.era {
            return Ok(request);
        }
        translate::admits(link.era(), request.method().unwrap_or_default())?;
        let translated = match link.era() {
            Era::Stateless => {
                let level = lock(&self.level).clone();
                translate::request_to_stateless(&request, self.initialize.as_deref().unwrap_or("{}"), level.as_deref())
            }
            // Clients without sessions may use the same id at once; a session's server must be able to tell them apart.
            Era::Stateful => translate::request_to_stateful(&request).with_id(&self.own_id()),
        };
        Ok(translated)
    }

    /// Puts an answer into the client's era.
    pub(super) fn incoming(&self, link: &D::Link, method: &str, answer: Frame) -> Result<Frame, Fault> {
        if link.era() == self.era { Ok(answer) } else { translate::answer(self.era, method, answer) }
    }

    /// Remembers the log level a client has set, for servers that hear it with each request.
    pub(super) fn note_level(&self, ask: &Ask) {
        *lock(&self.level) = ask.params.get("level").map(str::to_owned);
    }

    /// Puts the questions inside an answer to the client, if it can only be asked directly, and returns the params of the
    /// next round; `None` if the answer is one.
    pub(super) async fn next_round(
        &self,
        ask: &Ask,
        params: &RawObject,
        answer: &Frame,
    ) -> Result<Option<RawObject>, Fault> {
        let result = answer.member("result").and_then(RawObject::parse).unwrap_or_default();
        if self.era == Era::Stateless || result.string("resultType").as_deref() != Some("input_required") {
            return Ok(None);
        }
        let mut params = params.clone();
        params.retain(|key| key != "inputResponses" && key != "requestState");
        if let Some(questions) = result.object("inputRequests") {
            params.set("inputResponses", &self.put(ask, &questions).await?.text());
        }
        if let Some(state) = result.get("requestState") {
            params.set("requestState", state);
        }
        Ok(Some(params))
    }

    async fn put(&self, ask: &Ask, questions: &RawObject) -> Result<RawObject, Fault> {
        let mut waiting = Vec::new();
        for (key, question) in questions.iter() {
            waiting.push((key.to_owned(), self.put_one(ask, question).await?));
        }
        let mut answers = RawObject::default();
        for (key, question) in waiting {
            answers.set(&key, &question.answer().await?);
        }
        Ok(answers)
    }

    async fn put_one(&self, ask: &Ask, question: &str) -> Result<Question<'_, D>, Fault> {
        let unreadable = || Fault::upstream("the server's questions cannot be read");
        let question = RawObject::parse(question).ok_or_else(unreadable)?;
        let method = question.string("method").ok_or_else(unreadable)?;
        let id = self.own_id();
        let mut params = question.object("params").unwrap_or_default();
        if params.string("mode").as_deref() == Some("url") {
            // A session's clients expect a name for the visit.
            params.set("elicitationId", &quote(&format!("{}-{}", self.journal, id.as_json().trim_matches('"'))));
        }
        let answer = self.outward.ask(&id).ok_or_else(session_busy)?;
        // A client that is gone answers nothing, and its call is withdrawn or times out.
        let _ = ask.out.send(Frame::request(&id, &method, Some(&params.text()))).await;
        Ok(Question { session: self, id, answer: Some(answer) })
    }
}

/// Is one question put to the client; it is forgotten when dropped.
struct Question<'a, D: McpDoor> {
    session: &'a Session<D>,
    id: RpcId,
    answer: Option<oneshot::Receiver<Frame>>,
}

impl<D: McpDoor> Question<'_, D> {
    async fn answer(mut self) -> Result<String, Fault> {
        let receiver = self.answer.take().ok_or_else(unanswered)?;
        let answered = tokio::time::timeout(PATIENCE, receiver).await;
        let frame = answered.ok().and_then(Result::ok).ok_or_else(unanswered)?;
        frame.member("result").map(str::to_owned).ok_or_else(unanswered)
    }
}

pub(super) fn unanswered() -> Fault {
    Fault::new(-32603, 200, types::Code::RequestInvalid, "the client did not answer what the server asked")
}

impl<D: McpDoor> Drop for Question<'_, D> {
    fn drop(&mut self) {
        self.session.outward.forget(&self.id);
    }
}

/// Withdraws a request from a session's server when dropped before it is answered, because no message of the
/// client's does.
pub(super) struct Withdraw<L: UpstreamLink> {
    open: Option<(Arc<L>, String)>,
}

impl<L: UpstreamLink> Withdraw<L> {
    /// Watches over a request to a session's server.
    ///
    /// - `silent`: the client does not withdraw it by a message that the server would understand.
    pub(super) fn watch(silent: bool, link: &Arc<L>, request: &Frame) -> Self {
        let id = request.id().filter(|_| silent && link.era() == Era::Stateful);
        Self { open: id.map(|id| (Arc::clone(link), format!(r#"{{"requestId":{id}}}"#))) }
    }

    /// Notes that the request is answered.
    pub(super) fn answered(mut self) {
        self.open = None;
    }
}

impl<L: UpstreamLink> Drop for Withdraw<L> {
    fn drop(&mut self) {
        let Some((link, params)) = self.open.take() else { return };
        tokio::spawn(async move {
            let frame = Frame::notification("notifications/cancelled", Some(&params));
            if let Err(refusal) = link.send(frame).await {
                tracing::debug!(code = %refusal.code, "a withdrawal did not reach its server");
            }
        });
    }
}
