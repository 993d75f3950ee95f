//! The calls in flight over one pipe: who asked what under which id, and who gets what comes back.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot};
use types::jsonrpc::{Frame, RpcId};

use super::error::CallError;
use super::splice;

const PROGRESS: &str = "notifications/progress";

/// Limits how many calls that were given up are remembered, for what the server still says of them.
const GIVEN_UP_MAX: usize = 256;

/// Is how a call ends.
pub(crate) type Answer = Result<Frame, CallError>;

/// Is a call that has been given its place, ready to be written.
pub(crate) struct Ticket {
    pub(crate) wire: u64,
    pub(crate) frame: Frame,
    pub(crate) answer: oneshot::Receiver<Answer>,
    pub(crate) cancelled: Arc<Notify>,
}

struct Call {
    session: u64,
    original: RpcId,
    token: Option<(RpcId, String)>,
    listens: bool,
    events: mpsc::Sender<Frame>,
    answer: oneshot::Sender<Answer>,
    cancelled: Arc<Notify>,
}

/// Holds the calls in flight.
///
/// Each gets a number that no other call of the connection ever has. When the pipe is shared by
/// several clients, progress tokens and subscription ids become that number too.
pub(crate) struct Calls {
    shared: bool,
    last: u64,
    open: BTreeMap<u64, Call>,
    names: HashMap<(u64, RpcId), u64>,
    tokens: HashMap<RpcId, u64>,
    /// The progress tokens of the calls that were given up last.
    given_up: VecDeque<RpcId>,
    ended: Option<String>,
}

impl Calls {
    pub(crate) fn new(shared: bool) -> Self {
        Self {
            shared,
            last: 0,
            open: BTreeMap::new(),
            names: HashMap::new(),
            tokens: HashMap::new(),
            given_up: VecDeque::new(),
            ended: None,
        }
    }

    /// Gives a request its number.
    ///
    /// # Errors
    ///
    /// [`CallError::Closed`] once [`Calls::end`] was called; [`CallError::NotSent`] if the session has a
    /// request of that id in flight, or on a shared pipe if its progress token is none.
    pub(crate) fn open(
        &mut self,
        session: u64,
        request: &Frame,
        events: mpsc::Sender<Frame>,
    ) -> Result<Ticket, CallError> {
        if let Some(reason) = &self.ended {
            return Err(CallError::Closed(reason.clone()));
        }
        let original = request.id().cloned().ok_or_else(|| CallError::NotSent("it has no id".into()))?;
        if self.names.contains_key(&(session, original.clone())) {
            return Err(CallError::NotSent(format!("a request with the id {original} is in flight already")));
        }
        let wire = self.last + 1;
        let (frame, token) = self.rewrite(wire, request)?;
        self.last = wire;
        if let Some((on_wire, _)) = &token {
            self.given_up.retain(|token| token != on_wire);
            self.tokens.insert(on_wire.clone(), wire);
        }
        self.names.insert((session, original.clone()), wire);
        let (sender, answer) = oneshot::channel();
        let cancelled = Arc::new(Notify::new());
        let listens = request.method() == Some("subscriptions/listen");
        let call = Call { session, original, token, listens, events, answer: sender, cancelled: cancelled.clone() };
        self.open.insert(wire, call);
        Ok(Ticket { wire, frame, answer, cancelled })
    }

    fn rewrite(&self, wire: u64, request: &Frame) -> Result<(Frame, Option<(RpcId, String)>), CallError> {
        let frame = request.with_id(&RpcId::number(wire));
        let Some(params) = request.member("params") else { return Ok((frame, None)) };
        let ambiguous = |e: types::JsonError| CallError::NotSent(e.to_string());
        let Some(token) = splice::at(params, &splice::TOKEN).map_err(ambiguous)? else { return Ok((frame, None)) };
        let original = token.to_owned();
        if !self.shared || token == "null" {
            return Ok((frame, RpcId::from_json(token).map(|t| (t, original))));
        }
        if RpcId::from_json(token).is_none() {
            return Err(CallError::NotSent("a progress token is a string or an integer".into()));
        }
        let number = RpcId::number(wire);
        let params = splice::replace(params, &splice::TOKEN, number.as_json()).map_err(ambiguous)?;
        Ok((frame.with_member("params", &params), Some((number, original))))
    }

    /// Hands an answer to whoever asked, under their own id; says whether anybody did.
    pub(crate) fn answer(&mut self, frame: &Frame) -> bool {
        let Some(call) = frame.id().and_then(number).and_then(|wire| self.forget(wire)) else { return false };
        let mut own = frame.with_id(&call.original);
        if self.shared && call.listens {
            own = restored(&own, "result", &splice::SUBSCRIPTION, call.original.as_json());
        }
        // The asker may have gone away; then the answer is nobody's.
        let _ = call.answer.send(Ok(own));
        true
    }

    /// Fails the call an unreadable answer was meant for; says whether there is one.
    pub(crate) fn fail(&mut self, id: &RpcId, error: CallError) -> bool {
        let call = number(id).and_then(|wire| self.forget(wire));
        call.is_some_and(|call| call.answer.send(Err(error)).is_ok())
    }

    /// Finds the call a notification belongs to, and gives the notification that call's own ids back.
    pub(crate) fn owner(&self, notification: &Frame) -> Option<(mpsc::Sender<Frame>, Frame)> {
        let params = notification.member("params")?;
        let id_at = |path: &[&str]| splice::at(params, path).ok().flatten().and_then(RpcId::from_json);
        let own = |path: &[&str], call: &Call, text: &str| {
            (call.events.clone(), restored(notification, "params", path, text))
        };
        if notification.method() == Some(PROGRESS) {
            let path = ["progressToken"];
            let call = self.open.get(self.tokens.get(&id_at(&path)?)?)?;
            let (_, original) = call.token.as_ref()?;
            return Some(own(&path, call, original));
        }
        if !self.shared {
            return None;
        }
        let ended = notification.method() == Some("notifications/cancelled");
        let path: &[&str] = if ended { &["requestId"] } else { &splice::SUBSCRIPTION };
        let call = self.open.get(&number(&id_at(path)?)?)?;
        Some(own(path, call, call.original.as_json()))
    }

    /// Finds the number of a session's request, and what wakes its waiter when it is cancelled.
    pub(crate) fn find(&self, session: u64, original: &RpcId) -> Option<(u64, Arc<Notify>)> {
        let wire = self.names.get(&(session, original.clone()))?;
        self.open.get(wire).map(|call| (*wire, call.cancelled.clone()))
    }

    /// Gives up one call.
    pub(crate) fn close(&mut self, wire: u64) {
        let token = self.forget(wire).and_then(|call| call.token);
        self.given_up.extend(token.map(|(on_wire, _)| on_wire));
        if self.given_up.len() > GIVEN_UP_MAX {
            self.given_up.pop_front();
        }
    }

    /// Says whether a notification is the progress of a call that was given up, of which nobody wants to hear.
    pub(crate) fn is_late(&self, notification: &Frame) -> bool {
        let Some(params) = notification.member("params").filter(|_| notification.method() == Some(PROGRESS)) else {
            return false;
        };
        let token = splice::at(params, &["progressToken"]).ok().flatten().and_then(RpcId::from_json);
        token.is_some_and(|token| self.given_up.contains(&token))
    }

    /// Fails every call in flight, and every later one as closed for `reason`.
    pub(crate) fn end(&mut self, reason: &str, error: &CallError) {
        self.ended.get_or_insert_with(|| reason.to_owned());
        self.names.clear();
        self.tokens.clear();
        for (_, call) in std::mem::take(&mut self.open) {
            let _ = call.answer.send(Err(error.clone()));
        }
    }

    fn forget(&mut self, wire: u64) -> Option<Call> {
        let call = self.open.remove(&wire)?;
        self.names.remove(&(call.session, call.original.clone()));
        if let Some((token, _)) = &call.token
            && self.tokens.get(token) == Some(&wire)
        {
            self.tokens.remove(token);
        }
        Some(call)
    }
}

fn number(id: &RpcId) -> Option<u64> {
    id.as_json().parse().ok()
}

// An ambiguous frame stays as it is: what cannot be read in one way only is not ours to repair.
fn restored(frame: &Frame, member: &str, path: &[&str], text: &str) -> Frame {
    let json = frame.member(member).and_then(|json| splice::replace(json, path, text).ok());
    json.map_or_else(|| frame.clone(), |json| frame.with_member(member, &json))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Frame {
        Frame::parse(text, 1 << 20).unwrap()
    }

    fn ask(calls: &mut Calls, session: u64, text: &str) -> (Result<Ticket, CallError>, mpsc::Receiver<Frame>) {
        let (sender, receiver) = mpsc::channel(8);
        (calls.open(session, &frame(text), sender), receiver)
    }

    const CALL: &str =
        r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"_meta":{"progressToken":"t"}, "x":1.0}}"#;

    #[test]
    fn two_sessions_with_the_same_ids_get_their_own_back() {
        let mut calls = Calls::new(true);
        let ((first, _f), (second, _s)) = (ask(&mut calls, 0, CALL), ask(&mut calls, 1, CALL));
        let (mut first, mut second) = (first.unwrap(), second.unwrap());
        assert_eq!(second.frame.member("params"), Some(r#"{"_meta":{"progressToken":2}, "x":1.0}"#));
        assert!(calls.answer(&frame(r#"{"jsonrpc":"2.0","id":2,"result":{"b": 2}}"#)));
        assert!(calls.answer(&frame(r#"{"jsonrpc":"2.0","id":1,"result":{"a": 1}}"#)));
        for (ticket, result) in [(&mut first, r#"{"a": 1}"#), (&mut second, r#"{"b": 2}"#)] {
            let answer = ticket.answer.try_recv().unwrap().unwrap();
            assert_eq!((answer.id(), answer.member("result")), (Some(&RpcId::text("a")), Some(result)));
        }
        assert!(!calls.answer(&frame(r#"{"jsonrpc":"2.0","id":2,"result":{}}"#)), "an answer counts once");
    }

    #[test]
    fn an_id_in_flight_is_refused_in_its_own_session_only() {
        let mut calls = Calls::new(true);
        let (first, _f) = ask(&mut calls, 0, CALL);
        assert!(matches!(ask(&mut calls, 0, CALL).0, Err(CallError::NotSent(_))));
        assert!(ask(&mut calls, 1, CALL).0.is_ok());
        calls.close(first.unwrap().wire);
        assert!(ask(&mut calls, 0, CALL).0.is_ok());
    }

    #[test]
    fn progress_finds_its_call_and_regains_its_token() {
        let mut calls = Calls::new(true);
        let (_ticket, _events) = ask(&mut calls, 0, CALL);
        let progress =
            frame(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1,"progressToken":1}}"#);
        let (_, own) = calls.owner(&progress).unwrap();
        assert_eq!(own.member("params"), Some(r#"{"progress":1,"progressToken":"t"}"#));
        let foreign = frame(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t"}}"#);
        assert!(calls.owner(&foreign).is_none());
    }

    #[test]
    fn progress_of_a_call_that_was_given_up_is_nobodys() {
        let mut calls = Calls::new(false);
        let progress = frame(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t"}}"#);
        let (ticket, _events) = ask(&mut calls, 0, CALL);
        assert!(!calls.is_late(&progress));
        calls.close(ticket.unwrap().wire);
        assert!(calls.is_late(&progress) && calls.owner(&progress).is_none());
        let (_ticket, _events) = ask(&mut calls, 0, CALL);
        assert!(!calls.is_late(&progress), "the token is used again");
    }

    #[test]
    fn progress_of_an_answered_call_may_be_a_tasks() {
        let mut calls = Calls::new(false);
        let (_ticket, _events) = ask(&mut calls, 0, CALL);
        assert!(calls.answer(&frame(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#)));
        let progress = frame(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t"}}"#);
        assert!(!calls.is_late(&progress));
    }

    #[test]
    fn a_pipe_with_one_owner_passes_tokens_unchanged() {
        let mut calls = Calls::new(false);
        let (ticket, _events) = ask(&mut calls, 0, CALL);
        assert_eq!(ticket.unwrap().frame.member("params"), frame(CALL).member("params"));
        let progress = frame(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t"}}"#);
        assert!(calls.owner(&progress).is_some());
    }

    #[test]
    fn a_token_that_readers_could_differ_on_is_not_sent() {
        for meta in [r#"{"progressToken":1,"progressToken":2}"#, r#"{"progressToken":1.5}"#, r#"{"progressToken":{}}"#]
        {
            let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"_meta":{meta}}}}}"#);
            assert!(matches!(ask(&mut Calls::new(true), 0, &text).0, Err(CallError::NotSent(_))), "{meta}");
        }
    }

    #[test]
    fn subscriptions_regain_their_ids_to_the_end() {
        let mut calls = Calls::new(true);
        let listen = r#"{"jsonrpc":"2.0","id":"s","method":"subscriptions/listen","params":{}}"#;
        let (ticket, _events) = ask(&mut calls, 0, listen);
        let meta = |id: &str| format!(r#"{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}"#);
        let changed =
            format!(r#"{{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{}}}"#, meta("1"));
        assert_eq!(calls.owner(&frame(&changed)).unwrap().1.member("params"), Some(&*meta("\"s\"")));
        let ended = frame(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#);
        assert_eq!(calls.owner(&ended).unwrap().1.member("params"), Some(r#"{"requestId":"s"}"#));
        calls.answer(&frame(&format!(r#"{{"jsonrpc":"2.0","id":1,"result":{}}}"#, meta("1"))));
        assert_eq!(ticket.unwrap().answer.try_recv().unwrap().unwrap().member("result"), Some(&*meta("\"s\"")));
    }

    #[test]
    fn the_end_fails_what_is_in_flight_and_closes_the_rest() {
        let mut calls = Calls::new(false);
        let (ticket, _events) = ask(&mut calls, 0, CALL);
        calls.end("it died", &CallError::Unknown("it died".into()));
        assert_eq!(ticket.unwrap().answer.try_recv().unwrap().unwrap_err(), CallError::Unknown("it died".into()));
        assert_eq!(ask(&mut calls, 0, CALL).0.err(), Some(CallError::Closed("it died".into())));
    }
}
