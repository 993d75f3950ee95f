//! Requests that pass on: governed ones through the door's decision, the others straight to their server.

use std::sync::Arc;

use control::door::{CallOutcome, Era, GovernedCall, McpDoor, UpstreamLink};
use tokio::sync::mpsc;
use types::jsonrpc::Frame;
use types::{Claims, ServerName};

use super::bridge::{ROUNDS_MAX, Withdraw};
use super::hold::Waited;
use super::{Ask, Session};
use crate::claims;
use crate::fault::{Fault, pending};
use crate::raw::RawObject;

/// Limits how often one request goes back to people while it stays on the wire.
pub(super) const HOLDS_MAX: usize = 3;

/// Are the members of params that answer a server's questions.
const INPUTS: [&str; 2] = ["inputResponses", "requestState"];

/// Names our own question among a client's answers.
pub(super) const APPROVAL_KEY: &str = "countersign.dev/approval";

/// Is a governed request that is ready for the door.
pub(super) struct Prepared {
    /// The call.
    pub(super) call: GovernedCall,
    /// What the user answered when the gateway last showed where to approve: `accept`, `decline` or `cancel`.
    pub(super) shown: Option<String>,
}

impl<D: McpDoor> Session<D> {
    /// Serves a request that is decided first.
    pub(super) async fn governed(self: &Arc<Self>, ask: &Ask) -> Result<Frame, Fault> {
        match ask.method.as_str() {
            "tools/call" => {
                let prepared = self.prepare_tool(ask)?;
                self.call_tool(ask, prepared).await
            }
            "subscriptions/listen" => self.listen(ask).await,
            "tasks/update" => {
                self.door.permits_relay(&self.caller, None, &ask.method)?;
                if let Some(answer) = self.own_task(ask).await {
                    return answer;
                }
                let server = self.server_of_task(&ask.params).await?;
                let prepared = self.prepare_method(ask, server, &ask.params)?;
                self.decide(ask, prepared).await
            }
            _ => {
                let server = self.server_of_uri(ask).await?;
                if ask.method == "resources/subscribe" && self.link(&server).await?.era() != self.era {
                    return self.subscribe_by_listening(ask, server).await;
                }
                let prepared = self.prepare_method(ask, server, &ask.params)?;
                self.decide(ask, prepared).await
            }
        }
    }

    /// Serves a tool call: at once behind a task, if the client wants one that the server does not run itself.
    async fn call_tool(self: &Arc<Self>, ask: &Ask, mut prepared: Prepared) -> Result<Frame, Fault> {
        let link = self.link(&prepared.call.server).await?;
        if self.era == Era::Stateless || !self.offers_tasks() || self.runs_tasks(&link) {
            return self.decide(ask, prepared).await;
        }
        let mut params = prepared.call.request.member("params").and_then(RawObject::parse).unwrap_or_default();
        if params.remove("task").is_some() {
            prepared.call.request = prepared.call.request.with_member("params", &params.text());
        }
        if self.takes_task(ask) { self.begin_task(ask, prepared, None).await } else { self.decide(ask, prepared).await }
    }

    /// Serves a request that is relayed.
    pub(super) async fn relayed(self: &Arc<Self>, ask: &Ask) -> Result<Frame, Fault> {
        self.door.permits_relay(&self.caller, self.single(), &ask.method)?;
        if ask.method.starts_with("tasks/")
            && let Some(answer) = self.own_task(ask).await
        {
            return answer;
        }
        match ask.method.as_str() {
            "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list" => self.list(ask).await,
            "tasks/list" => self.list_tasks(ask).await,
            "server/discover" => self.discover(ask).await,
            "logging/setLevel" => {
                self.note_level(ask);
                self.set_level_everywhere(ask).await
            }
            _ => {
                let (server, request) = self.route(ask).await?;
                if ask.method == "resources/unsubscribe" && self.link(&server).await?.era() != self.era {
                    return self.unsubscribe_by_closing(ask, server);
                }
                self.pass(ask, &server, request).await
            }
        }
    }

    /// Relays one request to one server and checks what the answer asks of the client.
    pub(super) async fn pass(self: &Arc<Self>, ask: &Ask, server: &ServerName, request: Frame) -> Result<Frame, Fault> {
        let link = self.link(server).await?;
        ask.flight.upstream(server);
        let mut request = request;
        for _ in 0..ROUNDS_MAX {
            let answer = self.relay_on(server, &link, request.clone(), Vec::new(), &ask.out).await?;
            let answer = self.answered(server, answer).await?;
            let params = request.member("params").and_then(RawObject::parse).unwrap_or_default();
            match self.next_round(ask, &params, &answer).await? {
                Some(params) => request = request.with_member("params", &params.text()),
                None => return Ok(answer),
            }
        }
        Err(too_many_rounds())
    }

    /// Serves `server/discover`: one server of the same era answers itself.
    async fn discover(self: &Arc<Self>, ask: &Ask) -> Result<Frame, Fault> {
        let Some(server) = self.single().cloned() else {
            return Ok(Frame::result(&ask.id, &self.merged_discovery().await?));
        };
        let link = self.link(&server).await?;
        if link.era() != self.era {
            return Ok(Frame::result(&ask.id, &self.with_tasks(&self.hello_of(&link))));
        }
        let answer = self.pass(ask, &server, ask.request.clone()).await?;
        let hello = answer.member("result").map(|result| self.with_tasks(result));
        Ok(hello.map_or(answer.clone(), |hello| answer.with_member("result", &hello)))
    }

    fn prepare_tool(&self, ask: &Ask) -> Result<Prepared, Fault> {
        let shown = ask.params.string("name").ok_or_else(|| Fault::params("`params.name` must be a string"))?;
        let (server, operation) = self.server_of_name(&shown).ok_or_else(|| Fault::params("unknown tool"))?;
        let text = ask.params.get("arguments").unwrap_or("{}");
        let unreadable = || Fault::params("`params.arguments` must be an object that names no key twice");
        let mut arguments = RawObject::parse(text).ok_or_else(unreadable)?;
        let mut meta = ask.params.object("_meta").unwrap_or_default();
        let (claims, changed) = claims::take(&mut arguments, &mut meta);
        let mut params = ask.params.clone();
        let arguments = if changed { arguments.text() } else { text.to_owned() };
        if changed {
            set_if_there(&mut params, "arguments", &arguments);
            set_if_there(&mut params, "_meta", &meta.text());
        }
        if operation != shown {
            params.set("name", &crate::raw::quote(&operation));
        }
        let answered = take_shown(&mut params);
        let cut = self.era == Era::Stateful && cut_task(&mut params);
        let edited = changed || operation != shown || answered.is_some() || cut;
        let request = if edited { ask.request.with_member("params", &params.text()) } else { ask.request.clone() };
        Ok(Prepared { call: self.call(ask, server, operation, arguments, claims, request, &params), shown: answered })
    }

    /// Prepares a method that is no tool: what is decided on is its params without metadata, in canonical form, and
    /// that form is what is sent.
    pub(super) fn prepare_method(&self, ask: &Ask, server: ServerName, params: &RawObject) -> Result<Prepared, Fault> {
        let mut params = params.clone();
        let shown = take_shown(&mut params);
        let mut meta = params.object("_meta").unwrap_or_default();
        let (claims, changed) = claims::take(&mut RawObject::default(), &mut meta);
        if changed {
            params.set("_meta", &meta.text());
        }
        let mut decided = params.clone();
        decided.retain(|key| key != "_meta" && !INPUTS.contains(&key));
        let value = types::json::parse(&decided.text())
            .map_err(|error| Fault::new(-32602, 400, error.code(), error.to_string()))?;
        let canonical = types::json::canonical(&value);
        let mut sent = RawObject::parse(&canonical).unwrap_or_default();
        for name in INPUTS.into_iter().chain(["_meta"]) {
            if let Some(text) = params.get(name) {
                sent.set(name, text);
            }
        }
        let request = ask.request.with_member("params", &sent.text());
        let operation = format!("mcp:{}", ask.method);
        Ok(Prepared { call: self.call(ask, server, operation, canonical, claims, request, &params), shown })
    }

    #[expect(clippy::too_many_arguments, reason = "it fills one struct, field by field")]
    fn call(
        &self,
        ask: &Ask,
        server: ServerName,
        operation: String,
        arguments: String,
        claims: Claims,
        request: Frame,
        params: &RawObject,
    ) -> GovernedCall {
        let (caller, session, headers) = (self.caller.clone(), self.journal, ask.headers.clone());
        GovernedCall {
            caller,
            session,
            server,
            operation,
            arguments,
            claims,
            request,
            inputs: inputs_of(params),
            rest: if ask.method == "tools/call" { self.rest_of(params) } else { None },
            headers,
        }
    }

    /// Returns the members of a tool call's params that the protocol does not know.
    fn rest_of(&self, params: &RawObject) -> Option<String> {
        let mut rest = params.clone();
        // Only sessions have calls that wish for a task.
        let task = self.era == Era::Stateful;
        let known = |key: &str| {
            matches!(key, "name" | "arguments" | "_meta") || INPUTS.contains(&key) || (task && key == "task")
        };
        rest.retain(|key| !known(key));
        (!rest.is_empty()).then(|| rest.text())
    }

    /// Brings a call to its end: answered, refused, or still awaiting people when the wait is over.
    pub(super) async fn decide(self: &Arc<Self>, ask: &Ask, mut prepared: Prepared) -> Result<Frame, Fault> {
        let server = prepared.call.server.clone();
        let link = self.link(&server).await?;
        let (mut holds, mut rounds) = (0, 0);
        while holds < HOLDS_MAX && rounds < ROUNDS_MAX {
            match self.call_once(ask, &server, &link, prepared.call.clone()).await? {
                CallOutcome::Answer(answer) => {
                    let answer = self.answered(&server, answer).await?;
                    self.note_task(&server, &answer);
                    if !self.ask_back(ask, &mut prepared, &answer).await? {
                        return Ok(answer);
                    }
                    rounds += 1;
                }
                CallOutcome::Refused(refusal) => {
                    self.let_go(&server, &link, &refusal).await;
                    return Err(refusal.into());
                }
                CallOutcome::Held(case) if self.takes_task(ask) => {
                    return self.begin_task(ask, prepared, Some(case)).await;
                }
                CallOutcome::Held(case) => {
                    ask.flight.held();
                    match self.hold(ask, &prepared, case).await? {
                        Waited::Approved => holds += 1,
                        Waited::Round(frame) => return Ok(frame),
                        Waited::StillOpen(case) => return Err(pending(case).into()),
                    }
                }
            }
        }
        Err(if holds < HOLDS_MAX { too_many_rounds() } else { pending_without_case() })
    }

    /// Puts a server's questions to a client of the other era, and says whether there is a round to come.
    pub(super) async fn ask_back(&self, ask: &Ask, prepared: &mut Prepared, answer: &Frame) -> Result<bool, Fault> {
        let params = prepared.call.request.member("params").and_then(RawObject::parse).unwrap_or_default();
        let Some(params) = self.next_round(ask, &params, answer).await? else { return Ok(false) };
        prepared.call.inputs = inputs_of(&params);
        prepared.call.request = prepared.call.request.with_member("params", &params.text());
        Ok(true)
    }

    /// Puts a call to the door once.
    pub(super) async fn call_once(
        self: &Arc<Self>,
        ask: &Ask,
        server: &ServerName,
        link: &Arc<D::Link>,
        mut call: GovernedCall,
    ) -> Result<CallOutcome, Fault> {
        ask.flight.upstream(server);
        call.request = self.outgoing(link, call.request)?;
        if (self.era, link.era()) == (Era::Stateless, Era::Stateful) {
            // A server of a session asks directly: it knows no rounds.
            call.inputs = None;
        }
        let withdraw = Withdraw::watch(self.era == Era::Stateless || ask.behind, link, &call.request);
        let (events, frames) = mpsc::channel(64);
        let outcome =
            self.attended(server, link, &ask.out, frames, self.door.call(Arc::clone(link), call, events)).await;
        withdraw.answered();
        match outcome {
            CallOutcome::Answer(answer) => Ok(CallOutcome::Answer(self.incoming(link, &ask.method, answer)?)),
            other => Ok(other),
        }
    }

    /// Checks an answer before the client sees it: a question inside it is decided like one that stands alone.
    pub(super) async fn answered(&self, server: &ServerName, answer: Frame) -> Result<Frame, Fault> {
        let Some(text) = answer.member("result") else { return Ok(answer) };
        let result = RawObject::parse(text)
            .ok_or_else(|| Fault::upstream("the server's result is no object, or names a key twice"))?;
        self.permits_questions(server, &result).await?;
        Ok(answer)
    }

    /// Decides on every question that stands in a result, or in the state of a task and in what that has come to.
    pub(super) async fn permits_questions(&self, server: &ServerName, within: &RawObject) -> Result<(), Fault> {
        let mut questions = questions_in(within)?;
        if let Some(inner) = within.get("result").filter(|text| text.starts_with('{')) {
            questions.extend(questions_in(&RawObject::parse(inner).ok_or_else(unreadable)?)?);
        }
        for (method, params) in questions {
            match method.as_str() {
                "elicitation/create" | "sampling/createMessage" => {
                    self.door.permits_upstream_request(&self.caller, server, &method, &params).await?;
                }
                "roots/list" => {}
                _ => {
                    return Err(Fault::upstream("the server asks the client for something the protocol does not know"));
                }
            }
        }
        Ok(())
    }
}

fn unreadable() -> Fault {
    Fault::upstream("the server's questions cannot be read")
}

/// Reads what a result asks of the client: methods and params.
fn questions_in(result: &RawObject) -> Result<Vec<(String, String)>, Fault> {
    let Some(text) = result.get("inputRequests") else { return Ok(Vec::new()) };
    let requests = RawObject::parse(text).ok_or_else(unreadable)?;
    requests
        .iter()
        .map(|(_, request)| {
            let request = RawObject::parse(request).ok_or_else(unreadable)?;
            let params = request.get("params").unwrap_or("{}").to_owned();
            Ok((request.string("method").ok_or_else(unreadable)?, params))
        })
        .collect()
}

/// Takes the answer to our own question out of the client's answers, and says what it was.
fn take_shown(params: &mut RawObject) -> Option<String> {
    let mut responses = params.object("inputResponses")?;
    let answer = responses.remove(APPROVAL_KEY)?;
    if responses.is_empty() {
        params.remove("inputResponses");
    } else {
        params.set("inputResponses", &responses.text());
    }
    Some(RawObject::parse(&answer).and_then(|answer| answer.string("action")).unwrap_or_else(|| "cancel".to_owned()))
}

pub(super) fn inputs_of(params: &RawObject) -> Option<String> {
    let mut inputs = RawObject::default();
    for name in INPUTS {
        if let Some(text) = params.get(name) {
            inputs.set(name, text);
        }
    }
    (!inputs.is_empty()).then(|| inputs.text())
}

/// Leaves of the wish for a task what the protocol knows, and says whether anything went: the rest is not decided on.
fn cut_task(params: &mut RawObject) -> bool {
    let Some(mut task) = params.object("task") else { return params.remove("task").is_some() };
    let sound = task.get("ttl").is_none_or(|ttl| ttl == "null" || ttl.parse::<u64>().is_ok());
    let cut = task.retain(|key| key == "ttl" && sound);
    if cut {
        params.set("task", &task.text());
    }
    cut
}

fn set_if_there(params: &mut RawObject, name: &str, json: &str) {
    if params.get(name).is_some() {
        params.set(name, json);
    }
}

pub(super) fn too_many_rounds() -> Fault {
    Fault::upstream("the server asks back without end")
}

pub(super) fn pending_without_case() -> Fault {
    use control::door::Refusal;
    Refusal::plain(types::Code::ApprovalPending, "people must decide this action again; repeat the identical call")
        .into()
}
