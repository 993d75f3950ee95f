//! Carrying out a recorded permit over MCP, and recording what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::mcp::{CallError, Connection};
use executor::{Answer, Flight, Plan, Ran, SendError, Target, run};
use ledger::Recorded;
use serde_json::value::RawValue;
use stages::decision::Permit;
use tokio::sync::mpsc;
use types::jsonrpc::Frame;
use types::mutant::{self, Mutant};
use types::point;
use types::{ActionId, Arguments, Code, EffectClass, Outcome};

use crate::actions::ARGUMENTS_BYTES_MAX;
use crate::control::Control;
use crate::door::{CallOutcome, GovernedCall, Refusal};
use crate::machine::Command;
use crate::mcp::Link;
use crate::snapshot::Snapshot;

/// Is how long a call may take unless an obligation says otherwise, in milliseconds.
pub(super) const DEADLINE_MS: i64 = 300_000;

/// Is how much of a result is recorded unless an obligation asks for all of it, in bytes: enough that an incident can be
/// replayed with the very answers the agent got.
const RESULT_BYTES: usize = 1 << 20;

/// Sends one governed request over a connection.
pub(super) struct McpTarget {
    pub(super) connection: Arc<Connection>,
    pub(super) request: Frame,
    pub(super) headers: Vec<(String, String)>,
    pub(super) events: mpsc::Sender<Frame>,
    pub(super) result_bytes_max: Option<u64>,
}

impl Target for McpTarget {
    async fn send(&self, attempt: u32) -> Result<Answer, SendError> {
        let sent = self.connection.request(self.attempt(attempt), self.headers.clone(), self.events.clone());
        let sent = point::at("answer", sent).await;
        let answer = sent.map_err(|error| match error {
            CallError::TooLarge { .. } => SendError::TooLarge(error.to_string()),
            CallError::Invalid(_) | CallError::Failed(_) => SendError::Invalid(error.to_string()),
            // Turned away at the door for sure only where the status says so; any other may come after the effect.
            CallError::Refused { status } if !matches!(status, 401 | 403 | 429) => {
                SendError::Unknown(error.to_string())
            }
            CallError::Unknown(_) if mutant::on(Mutant::ResetTakenForRefusal) => SendError::NotSent(error.to_string()),
            _ if error.in_doubt() => SendError::Unknown(error.to_string()),
            _ => SendError::NotSent(error.to_string()),
        })?;
        if self.result_bytes_max.is_some_and(|max| answer.text().len() as u64 > max) {
            return Err(SendError::TooLarge("the result is larger than the obligation allows".into()));
        }
        let failed = answer.member("error").is_some() || says_error(answer.member("result"));
        Ok(Answer { text: answer.text().to_owned(), failed })
    }
}

impl McpTarget {
    /// Every attempt is the same request, so that a target that knows our key does it once.
    fn attempt(&self, attempt: u32) -> Frame {
        if mutant::on(Mutant::FreshKeyPerAttempt) {
            let params = self.request.member("params").unwrap_or("{}").replace("act_", &format!("{attempt}act_"));
            return self.request.with_member("params", &params);
        }
        self.request.clone()
    }
}

/// A tool reports its own failure inside a successful answer.
fn says_error(result: Option<&str>) -> bool {
    #[derive(serde::Deserialize)]
    struct Peek {
        #[serde(rename = "isError", default)]
        is_error: bool,
    }
    result.and_then(|r| serde_json::from_str::<Peek>(r).ok()).is_some_and(|peek| peek.is_error)
}

/// Is the member under which answers to a server's questions stand beside the arguments in a decision.
///
/// No tool can have an argument of that name: a catalogue's arguments come from its schema, and the member is taken out
/// again before anything is sent.
const INPUTS: &str = "mcp:inputs";

/// Refuses a call whose operation is not what its frame asks for: a tool cannot pass for a method of the protocol, nor
/// the other way round.
pub(crate) fn is_what_it_says(call: &GovernedCall) -> Result<(), Refusal> {
    let method = call.request.method().unwrap_or_default();
    let sound = match call.operation.strip_prefix("mcp:") {
        Some(named) => named == method && method != "tools/call",
        None => method == "tools/call",
    };
    if sound {
        return Ok(());
    }
    Err(Refusal::plain(Code::McpMethodRefused, format!("`{method}` cannot ask for `{}`", call.operation)))
}

/// Is the member under which params that the protocol does not know stand beside the arguments in a decision.
const REST: &str = "mcp:params";

/// Are the members of params that are sent without being decided on: metadata, and how long a task may be kept.
const UNDECIDED: [&str; 2] = ["_meta", "task"];

/// Returns what is decided on: the arguments, and beside them the answers to the server's questions and the params the
/// protocol does not know, if the call brings any.
pub(crate) fn decided_on(call: &GovernedCall) -> Result<Arguments, Refusal> {
    let strict =
        |text: &str| Arguments::parse(text, ARGUMENTS_BYTES_MAX).map_err(|e| Refusal::plain(e.code(), e.to_string()));
    let arguments = strict(&call.arguments)?;
    let mut all = arguments.value().clone();
    let mut beside = false;
    for (name, text) in [(INPUTS, &call.inputs), (REST, &call.rest)] {
        if all.get(name).is_some() {
            return Err(Refusal::plain(Code::ArgumentsInvalid, format!("no argument may be called `{name}`")));
        }
        if let (Some(text), Some(object)) = (text, all.as_object_mut()) {
            object.insert(name.to_owned(), strict(text)?.value().clone());
            beside = true;
        }
    }
    if beside { strict(&all.to_string()) } else { Ok(arguments) }
}

/// Writes the request that is sent: its params are what was decided on, and of the rest nothing but [`UNDECIDED`].
fn with_arguments(request: &Frame, operation: &str, mut arguments: serde_json::Value) -> Option<Frame> {
    type Members = BTreeMap<String, Box<RawValue>>;
    let mut params: Members = serde_json::from_str(request.member("params").unwrap_or("{}")).ok()?;
    params.retain(|name, _| UNDECIDED.contains(&name.as_str()));
    let members = |value: &serde_json::Value| serde_json::from_str::<Members>(&types::json::canonical(value)).ok();
    for name in [REST, INPUTS] {
        if let Some(beside) = arguments.as_object_mut()?.remove(name) {
            params.extend(members(&beside)?.into_iter().filter(|(name, _)| !UNDECIDED.contains(&name.as_str())));
        }
    }
    if request.method() == Some("tools/call") {
        params.insert("name".to_owned(), serde_json::value::to_raw_value(operation).ok()?);
        params.insert("arguments".to_owned(), RawValue::from_string(types::json::canonical(&arguments)).ok()?);
    } else {
        params.extend(members(&arguments)?);
    }
    Some(request.with_member("params", &serde_json::to_string(&params).ok()?))
}

/// Answers a call whose `Mcp-Param-*` headers say something else than its arguments.
pub(crate) fn mismatch(request: &Frame, header: &str) -> CallOutcome {
    let message = format!("the header `{header}` must equal the argument that it repeats");
    let data = serde_json::json!({ "code": Code::RequestInvalid.as_str() }).to_string();
    CallOutcome::Answer(Frame::error(request.id(), -32020, &message, Some(&data)))
}

impl Control {
    /// Plans a permit by the snapshot under whose bundle it was given.
    pub(crate) fn plan_for(&self, snapshot: &Snapshot, permit: &Permit) -> Option<(Plan, Obliged)> {
        let data = snapshot.bundle.data();
        let tool = data.tools.get(permit.tool())?;
        let obligations: Vec<_> = permit.obligations().iter().filter_map(|id| data.obligations.get(id)).collect();
        let obliged = Obliged {
            record_result: obligations.iter().any(|o| o.record_result),
            result_bytes_max: obligations.iter().filter_map(|o| o.result_bytes_max).min(),
            key_argument: tool.key_argument.clone().filter(|_| tool.effect == EffectClass::Keyed),
        };
        let plan = Plan {
            flight: Flight::of(permit, self.now()),
            effect: tool.effect,
            key_ttl_ms: tool.key_ttl_ms,
            deadline_ms: obligations.iter().filter_map(|o| o.deadline_ms).min().unwrap_or(DEADLINE_MS),
            attempts_max: if tool.effect.retries() || mutant::on(Mutant::UnsafeRetried) { 3 } else { 1 },
        };
        Some((plan, obliged))
    }

    /// Decides a call and, if it is permitted, carries it out, unless its caller has gone by then.
    ///
    /// - `named`: the action that it becomes, where that was noted before.
    pub(crate) async fn decide_and_carry_out(
        self: Arc<Self>,
        link: Arc<Link>,
        handle: Arc<Connection>,
        call: GovernedCall,
        named: Option<ActionId>,
        events: mpsc::Sender<Frame>,
        mut gone: tokio::sync::oneshot::Receiver<()>,
    ) -> CallOutcome {
        match self.compare_headers(&link, &call).await {
            Ok(None) => {}
            Ok(Some(header)) => return mismatch(&call.request, &header),
            Err(refusal) => return CallOutcome::Refused(refusal),
        }
        if mutant::on(Mutant::DispatchBeforeRecord) {
            // Whatever comes of it: the request has left before anything is durable.
            let _ = point::at("answer", handle.request(call.request.clone(), Vec::new(), events.clone())).await;
        }
        let mut decided = match self.govern(&link, &call, named).await {
            Ok(decided) => decided,
            Err(refusal) => return CallOutcome::Refused(refusal),
        };
        if let Some(case) = decided.case {
            return CallOutcome::Held(case);
        }
        let Some(permit) = decided.permit.take() else { return CallOutcome::Refused(decided.refusal()) };
        let action = permit.get().action();
        if !matches!(gone.try_recv(), Err(tokio::sync::oneshot::error::TryRecvError::Empty)) {
            return self.never_sent(action, Code::StateConflict, "the caller had gone before it was dispatched").await;
        }
        let snapshot = self.snapshot();
        if permit.get().bundle() != snapshot.bundle.digest() {
            return self.never_sent(action, Code::StateConflict, "the policy changed before it was dispatched").await;
        }
        self.carry_out(permit, &snapshot, &link, handle, call, events).await
    }

    /// Carries out a recorded permit and records what came of it.
    async fn carry_out(
        self: Arc<Self>,
        permit: Recorded<Permit>,
        snapshot: &Snapshot,
        link: &Link,
        connection: Arc<Connection>,
        call: GovernedCall,
        events: mpsc::Sender<Frame>,
    ) -> CallOutcome {
        let action = permit.get().action();
        let prepared = self.plan_for(snapshot, permit.get()).and_then(|(plan, obliged)| {
            let carried = self.carried(&snapshot.bundle, permit.get(), &decided_on(&call).ok()?)?;
            let arguments = obliged.arguments(permit.get(), carried.arguments.clone());
            let headers = link.mirrors(permit.get().tool()).headers(&arguments);
            Some((plan, with_arguments(&call.request, &call.operation, arguments)?, headers, obliged, carried))
        });
        let Some((plan, request, headers, obliged, carried)) = prepared else {
            return self.never_sent(action, Code::Internal, "the request could not be prepared").await;
        };
        if !carried.hidden.is_empty() {
            connection.hush();
        }
        let watched = self.watched(snapshot, permit.get(), call.caller.on_behalf_of.as_ref());
        if let Some(watched) = &watched
            && let Err(refusal) = self.see_before(snapshot, link, &connection, watched).await
        {
            return self.never_sent(action, refusal.code, &refusal.message).await;
        }
        let until = self.now().plus(plan.deadline_ms);
        self.redaction.begin(action, carried.hidden.clone(), until, self.now());
        if mutant::on(Mutant::OutcomeBeforeAnswer) {
            let _ = self.record_done(action).await;
        }
        let seen_over = connection.clone();
        let target = McpTarget { connection, request, headers, events, result_bytes_max: obliged.result_bytes_max };
        let ran = run(permit, plan, &self.gate, &target, self.clock()).await;
        self.redaction.end(&action);
        let recorded = Outcome {
            result: ran.outcome.result.as_ref().map(|text| obliged.cut(carried.answer(text))),
            error: ran.outcome.error.as_ref().map(|text| carried.error(text)),
            ..ran.outcome.clone()
        };
        if let Err(refusal) = self.record_ran(recorded).await {
            return CallOutcome::Refused(refusal);
        }
        if let Some(watched) = watched.filter(|_| ran.outcome.dispatches > 0) {
            self.see_after(snapshot, link, &seen_over, &watched).await;
        }
        answer(ran, &call.request)
    }

    /// Records what came of an action that was carried out.
    ///
    /// # Errors
    ///
    /// What the journal says. The action has happened, so what is known of it is recorded as soon as the journal can; if the process ends
    /// before, the next start finds the action in doubt.
    pub(crate) async fn record_ran(self: &Arc<Self>, outcome: Outcome) -> Result<(), Refusal> {
        let recorded = point::at("outcome", self.ask(Command::Outcome(outcome.clone()))).await;
        recorded.map(drop).map_err(|refusal| {
            let action = Some(outcome.action);
            tokio::spawn(self.clone().record_later(outcome));
            Refusal { action, ..refusal }
        })
    }

    /// Is what a planted bug does: says that an action is done before anybody knows.
    async fn record_done(&self, action: types::ActionId) -> Result<(), Refusal> {
        let (status, provenance) = (types::OutcomeStatus::Done, types::Provenance::Observed);
        let at = self.now();
        let outcome = Outcome { action, status, provenance, result: None, error: None, dispatches: 1, took_ms: 0, at };
        point::at("outcome", self.ask(Command::Outcome(outcome))).await.map(drop)
    }

    async fn record_later(self: Arc<Self>, outcome: Outcome) {
        loop {
            point::at("pause before the outcome", tokio::time::sleep(std::time::Duration::from_secs(1))).await;
            match point::at("outcome again", self.ask(Command::Outcome(outcome.clone()))).await {
                Err(refusal) if matches!(refusal.code, Code::DiskFull | Code::Overloaded) => {}
                Err(refusal) => {
                    return tracing::error!(action = %outcome.action, code = %refusal.code, "an outcome is lost");
                }
                Ok(_) => return,
            }
        }
    }

    async fn never_sent(&self, action: types::ActionId, code: Code, why: &str) -> CallOutcome {
        CallOutcome::Refused(self.record_unsent(action, code, why).await)
    }

    /// Records that a permit was not used, and says why.
    pub(crate) async fn record_unsent(&self, action: types::ActionId, code: Code, why: &str) -> Refusal {
        let outcome = Outcome {
            action,
            status: types::OutcomeStatus::NotDispatched,
            provenance: types::Provenance::Observed,
            result: None,
            error: Some(why.to_owned()),
            dispatches: 0,
            took_ms: 0,
            at: self.now(),
        };
        let refusal = match point::at("never sent", self.ask(Command::Outcome(outcome))).await {
            Ok(_) => Refusal::plain(code, why),
            Err(refusal) => refusal,
        };
        Refusal { action: Some(action), ..refusal }
    }
}

/// Is what the obligations of a permit ask of the gateway.
pub(crate) struct Obliged {
    record_result: bool,
    result_bytes_max: Option<u64>,
    key_argument: Option<String>,
}

impl Obliged {
    /// Returns the arguments to send: those decided on, with our idempotency key where the target enforces one.
    fn arguments(&self, permit: &Permit, mut value: serde_json::Value) -> serde_json::Value {
        if let (Some(name), Some(object)) = (&self.key_argument, value.as_object_mut()) {
            object.insert(name.clone(), permit.action().to_string().into());
        }
        value
    }

    fn cut(&self, result: String) -> String {
        if self.record_result || result.len() <= RESULT_BYTES {
            return result;
        }
        let mut end = RESULT_BYTES;
        while !result.is_char_boundary(end) {
            end -= 1;
        }
        let mut result = result;
        result.truncate(end);
        result.push('…');
        result
    }
}

fn answer(ran: Ran, request: &Frame) -> CallOutcome {
    let action = Some(ran.outcome.action);
    let refused = |code, message| CallOutcome::Refused(Refusal { action, ..Refusal::plain(code, message) });
    match (ran.answer, ran.error) {
        (Some(answer), _) => match Frame::parse(answer.text, usize::MAX) {
            Ok(frame) => CallOutcome::Answer(request.id().map_or(frame.clone(), |id| frame.with_id(id))),
            Err(error) => refused(Code::UpstreamInvalid, error.to_string()),
        },
        (None, Some(SendError::Stopped(why))) => refused(Code::Killed, why),
        (None, Some(SendError::NotSent(why))) => refused(Code::UpstreamUnavailable, why),
        (None, Some(SendError::TooLarge(why))) => refused(Code::ResultTooLarge, why),
        (None, Some(SendError::Invalid(why))) => refused(Code::UpstreamInvalid, why),
        (None, Some(SendError::Unknown(why))) => {
            refused(Code::InDoubt, format!("nobody knows whether it happened: {why}"))
        }
        (None, None) => refused(Code::Internal, "there is neither an answer nor an error".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::Caller;
    use types::{AgentId, Claims, Millis, ServerName, SessionId};

    fn call(request: &str, arguments: &str, inputs: Option<&str>, rest: Option<&str>) -> GovernedCall {
        GovernedCall {
            caller: Caller { agent: AgentId::new("a").unwrap(), on_behalf_of: None, anonymous: false },
            session: SessionId::draw(Millis(1), [1; 10]),
            server: ServerName::new("s").unwrap(),
            operation: "t".into(),
            arguments: arguments.into(),
            claims: Claims::default(),
            request: Frame::parse(request, 1 << 16).unwrap(),
            inputs: inputs.map(str::to_owned),
            rest: rest.map(str::to_owned),
            headers: None,
        }
    }

    #[test]
    fn nothing_but_metadata_is_sent_undecided() {
        let request = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"lie","arguments":{"a":2},"odd":"late","_meta":{"x": 1},"task":{"ttl":5},"requestState":"late"}}"#;
        let call = call(request, r#"{"a": 1.0}"#, Some(r#"{"requestState":"s"}"#), Some(r#"{"odd":[ 1 ],"_meta":{}}"#));
        let decided = decided_on(&call).unwrap();
        assert_eq!(
            decided.canonical(),
            r#"{"a":1,"mcp:inputs":{"requestState":"s"},"mcp:params":{"_meta":{},"odd":[1]}}"#
        );
        let sent = with_arguments(&call.request, "t", decided.value().clone()).unwrap();
        let expected =
            r#"{"_meta":{"x": 1},"arguments":{"a":1},"name":"t","odd":[1],"requestState":"s","task":{"ttl":5}}"#;
        assert_eq!(sent.member("params"), Some(expected));
    }

    #[test]
    fn a_call_that_brings_nothing_beside_is_decided_on_its_arguments() {
        let request = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","odd":1}}"#;
        let plain = call(request, r#"{"a":1}"#, None, None);
        assert_eq!(decided_on(&plain).unwrap().canonical(), r#"{"a":1}"#);
        let sent = with_arguments(&plain.request, "t", serde_json::json!({ "a": 1 })).unwrap();
        assert_eq!(sent.member("params"), Some(r#"{"arguments":{"a":1},"name":"t"}"#));
        for name in ["mcp:inputs", "mcp:params"] {
            let forged = call(request, &format!(r#"{{"{name}":{{}}}}"#), None, None);
            assert_eq!(decided_on(&forged).unwrap_err().code, Code::ArgumentsInvalid);
        }
    }
}
