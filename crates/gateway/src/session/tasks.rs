//! Tasks: which calls become one, and who may ask after it.
//!
//! A call that the client wants as a task, or that awaits people while its client knows tasks, is run by the gateway behind
//! a task of the gateway's own. A server's own tasks pass, as long as this caller made them.

use std::sync::Arc;
use std::time::Duration;

use control::door::{CaseRef, Era, McpDoor, UpstreamLink};
use serde_json::{Value, json};
use types::jsonrpc::Frame;
use types::{Code, ServerName};

use super::calls::Prepared;
use super::{Ask, Session};
use crate::envelope::TASKS_SINCE;
use crate::fault::Fault;
use crate::lock;
use crate::raw::RawObject;
use crate::task::{End, RELATED_KEY, Task};

/// Names the extension of 2026-07-28.
pub(super) const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// Is how long the answer to a call that becomes a task waits for the decision, so that it can say where people decide.
const SETTLE: Duration = Duration::from_millis(500);

impl<D: McpDoor> Session<D> {
    /// Says whether the gateway runs tasks for this caller. Callers without a key cannot be told apart, so that nothing can
    /// be kept for one of them.
    pub(super) fn offers_tasks(&self) -> bool {
        !self.caller.anonymous
    }

    /// Says whether the client's version has tasks that a client asks for.
    pub(super) fn knows_tasks(&self) -> bool {
        self.era == Era::Stateful && self.version() >= TASKS_SINCE
    }

    /// Says whether a call may be answered by a task.
    pub(super) fn takes_task(&self, ask: &Ask) -> bool {
        ask.method == "tools/call"
            && self.offers_tasks()
            && match self.era {
                Era::Stateful => self.knows_tasks() && ask.params.object("task").is_some(),
                Era::Stateless => declares(ask),
            }
    }

    /// Says whether a server runs tasks of tools itself, for a client that asks for them.
    pub(super) fn runs_tasks(&self, link: &D::Link) -> bool {
        let hello = RawObject::parse(link.hello()).unwrap_or_default();
        let path = ["capabilities", "tasks", "requests", "tools"];
        let tools = path.iter().try_fold(hello, |object, name| object.object(name));
        self.knows_tasks() && link.era() == Era::Stateful && tools.is_some_and(|tools| tools.get("call").is_some())
    }

    /// Runs a call behind a task and answers with the task.
    ///
    /// - `case`: what it awaits, if it was decided already.
    pub(super) async fn begin_task(
        self: &Arc<Self>,
        ask: &Ask,
        prepared: Prepared,
        case: Option<CaseRef>,
    ) -> Result<Frame, Fault> {
        let task = Arc::new(Task::new(self.door.draw(), self.era, self.door.now()));
        if !self.tasks.add(&self.caller, &task) {
            return Err(Fault::new(-32000, 503, Code::Overloaded, "too many tasks are under way"));
        }
        {
            let mut errands = lock(&self.errands);
            errands.retain(|task| task.strong_count() > 0);
            errands.push(Arc::downgrade(&task));
        }
        self.send_off(ask, prepared, &task, case);
        let mut unanswered = Unanswered { session: self, task: Some(&task) };
        // A task that has nothing to tell yet is answered all the same.
        let _ = tokio::time::timeout(SETTLE, task.news()).await;
        unanswered.task = None;
        Ok(Frame::result(&ask.id, &task.created().to_string()))
    }

    /// Serves a request about a task that the gateway runs; `None` if it runs none of that name for this caller.
    pub(super) async fn own_task(self: &Arc<Self>, ask: &Ask) -> Option<Result<Frame, Fault>> {
        let id = ask.params.string("taskId")?;
        let task = self.tasks.find(&self.caller, self.era, &id)?;
        if self.era == Era::Stateless && !declares(ask) {
            return Some(Err(undeclared()));
        }
        let acknowledged = || Frame::result(&ask.id, r#"{"resultType":"complete"}"#);
        Some(match (ask.method.as_str(), self.era) {
            ("tasks/get", _) => Ok(Frame::result(&ask.id, &task.shown().to_string())),
            ("tasks/result", Era::Stateful) => result_of(ask, &task).await,
            ("tasks/cancel", Era::Stateful) if !task.cancel(self.door.now()) => {
                Err(Fault::params("the task has ended already"))
            }
            ("tasks/cancel", Era::Stateful) => Ok(Frame::result(&ask.id, &task.shown().to_string())),
            ("tasks/cancel", Era::Stateless) => {
                task.cancel(self.door.now());
                Ok(acknowledged())
            }
            ("tasks/update", Era::Stateless) => match task.upstream() {
                Some((server, id)) => self.update_upstream(ask, server, &id).await,
                None => {
                    task.supply(self.door.now(), &ask.params.object("inputResponses").unwrap_or_default());
                    Ok(acknowledged())
                }
            },
            (other, _) => Err(Fault::method(other)),
        })
    }

    /// Sends the user's answers to the task of a server that stands behind one of the gateway's.
    async fn update_upstream(self: &Arc<Self>, ask: &Ask, server: ServerName, id: &str) -> Result<Frame, Fault> {
        let mut params = ask.params.clone();
        params.set("taskId", &crate::raw::quote(id));
        let prepared = self.prepare_method(ask, server, &params)?;
        self.decide(ask, prepared).await
    }

    /// Lists the caller's tasks: the gateway's own first, then those of one page of the servers'.
    pub(super) async fn list_tasks(self: &Arc<Self>, ask: &Ask) -> Result<Frame, Fault> {
        let Some(server) = self.single().cloned() else { return self.list_all(ask).await };
        let link = self.link(&server).await?;
        if !self.offers_tasks() && !declares_tasks(&link) {
            return self.pass(ask, &server, ask.request.clone()).await;
        }
        if link.era() != self.era || !lists_tasks(&link) {
            return Ok(Frame::result(&ask.id, &json!({ "tasks": self.own_tasks() }).to_string()));
        }
        let answer = self.pass(ask, &server, ask.request.clone()).await?;
        let Some(mut result) = answer.member("result").and_then(RawObject::parse) else { return Ok(answer) };
        let listed = result.get("tasks").and_then(crate::raw::elements).unwrap_or_default();
        let mut tasks = self.owned(&server, listed);
        if ask.params.get("cursor").is_none() {
            tasks.splice(0..0, self.own_tasks().iter().map(Value::to_string));
        }
        result.set("tasks", &format!("[{}]", tasks.join(",")));
        Ok(answer.with_member("result", &result.text()))
    }

    /// Lists the caller's tasks that the gateway runs.
    pub(super) fn own_tasks(&self) -> Vec<Value> {
        self.tasks.of(&self.caller, self.era).iter().map(|task| task.shown()).collect()
    }

    /// Keeps those of a server's tasks that this caller has made.
    pub(super) fn owned(&self, server: &ServerName, tasks: Vec<String>) -> Vec<String> {
        let mine = |task: &String| {
            let id = RawObject::parse(task).and_then(|task| task.string("taskId"));
            id.is_some_and(|id| self.tasks.owns(&self.caller, server, &id))
        };
        tasks.into_iter().filter(mine).collect()
    }

    /// Finds the server that runs a task of this caller's.
    pub(super) async fn server_of_task(self: &Arc<Self>, params: &RawObject) -> Result<ServerName, Fault> {
        if let Some(server) = self.single().filter(|_| !self.offers_tasks()).cloned()
            && !declares_tasks(&self.link(&server).await?)
        {
            // It knows none, and says so itself.
            return Ok(server);
        }
        let id = params.string("taskId").ok_or_else(|| Fault::params("`params.taskId` must be a string"))?;
        let mut fits = self.slots.keys().filter(|server| self.tasks.owns(&self.caller, server, &id));
        let first = fits.next().ok_or_else(|| Fault::params("unknown task"))?;
        // An id that two servers have given is nobody's.
        if fits.next().is_none() { Ok(first.clone()) } else { Err(Fault::params("unknown task")) }
    }

    /// Remembers the task that an answer to a tool call has made, as this caller's.
    pub(super) fn note_task(&self, server: &ServerName, answer: &Frame) {
        let made = answer.member("result").and_then(RawObject::parse).and_then(|result| task_in(&result));
        if let Some(id) = made {
            self.tasks.bind(&self.caller, server, &id);
        }
    }

    /// Says whether a server's notification about a task is for this caller.
    pub(super) fn may_hear_of_task(&self, server: &ServerName, frame: &Frame) -> bool {
        let id = frame.member("params").and_then(RawObject::parse).and_then(|params| params.string("taskId"));
        id.is_some_and(|id| self.tasks.owns(&self.caller, server, &id))
    }

    /// Takes the tasks that are not this caller's out of what a client listens for.
    pub(super) fn listening_to_own(&self, server: &ServerName, params: &RawObject) -> RawObject {
        let mut params = params.clone();
        let Some(mut wanted) = params.object("notifications") else { return params };
        let Some(listed) = wanted.get("taskIds") else { return params };
        let mine = |text: &String| {
            serde_json::from_str::<String>(text).is_ok_and(|id| self.tasks.owns(&self.caller, server, &id))
        };
        let ids: Vec<String> = crate::raw::elements(listed).unwrap_or_default().into_iter().filter(mine).collect();
        wanted.set("taskIds", &format!("[{}]", ids.join(",")));
        params.set("notifications", &wanted.text());
        params
    }
}

/// Cancels a task when dropped before its client has heard of it, because nobody could do so later.
struct Unanswered<'a, D: McpDoor> {
    session: &'a Session<D>,
    task: Option<&'a Task>,
}

impl<D: McpDoor> Drop for Unanswered<'_, D> {
    fn drop(&mut self) {
        if let Some(task) = self.task {
            task.cancel(self.session.door.now());
        }
    }
}

/// Says whether a request of the stateless era declares that its client knows tasks.
fn declares(ask: &Ask) -> bool {
    let extensions = ask.client.capabilities.object("extensions");
    extensions.is_some_and(|extensions| extensions.get(EXTENSION).is_some())
}

fn undeclared() -> Fault {
    let data = json!({
        "requiredCapabilities": { "extensions": { EXTENSION: {} } },
        "code": Code::RequestInvalid.as_str(),
    });
    let message = "the request must declare the tasks extension";
    Fault { data: Some(data), ..Fault::new(-32021, 400, Code::RequestInvalid, message) }
}

/// Says whether a server says of itself that it knows tasks, in either era.
fn declares_tasks<L: UpstreamLink>(link: &Arc<L>) -> bool {
    let hello = RawObject::parse(link.hello()).unwrap_or_default();
    let capabilities = hello.object("capabilities").unwrap_or_default();
    let extensions = capabilities.object("extensions").unwrap_or_default();
    capabilities.get("tasks").is_some() || extensions.get(EXTENSION).is_some()
}

fn lists_tasks<L: UpstreamLink>(link: &Arc<L>) -> bool {
    let hello = RawObject::parse(link.hello()).unwrap_or_default();
    let tasks = hello.object("capabilities").and_then(|capabilities| capabilities.object("tasks"));
    tasks.is_some_and(|tasks| tasks.get("list").is_some())
}

/// Returns the id of the task that a result of a tool call makes, in either era.
pub(super) fn task_in(result: &RawObject) -> Option<String> {
    match result.object("task") {
        Some(task) => task.string("taskId"),
        None if result.string("resultType").as_deref() == Some("task") => result.string("taskId"),
        None => None,
    }
}

/// Waits for the end of a task and answers with what the call would have been answered.
async fn result_of(ask: &Ask, task: &Task) -> Result<Frame, Fault> {
    let answer = match task.ended().await {
        End::Answer(frame) => frame,
        End::Cancelled => return Err(Fault::new(-32603, 200, Code::StateConflict, "the task was cancelled")),
    };
    let Some(mut result) = answer.member("result").and_then(RawObject::parse) else {
        return Ok(answer.with_id(&ask.id));
    };
    let mut meta = result.object("_meta").unwrap_or_default();
    meta.set(RELATED_KEY, &json!({ "taskId": task.id }).to_string());
    result.set("_meta", &meta.text());
    Ok(Frame::result(&ask.id, &result.text()))
}
