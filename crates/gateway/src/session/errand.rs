//! Running a call behind a task: waiting for people, carrying it out, and following what the server makes of it.

use std::sync::Arc;
use std::time::Duration;

use control::door::{CallOutcome, CaseEnd, CaseRef, Era, McpDoor};
use serde_json::json;
use tokio::sync::mpsc;
use types::ServerName;
use types::jsonrpc::{Frame, FrameKind};

use super::bridge::{PATIENCE, ROUNDS_MAX, unanswered};
use super::calls::{HOLDS_MAX, Prepared, inputs_of, pending_without_case, too_many_rounds};
use super::hold::WithdrawCase;
use super::tasks::task_in;
use super::{Ask, Flight, Session};
use crate::envelope;
use crate::fault::Fault;
use crate::raw::{RawObject, quote};
use crate::task::{End, RELATED_KEY, Stop, Task};

/// Is how long one look at a case lasts, in milliseconds.
const LOOK_MS: i64 = 30_000;

/// Are the bounds of the pause between two looks at a server's own task, in milliseconds.
const POLL_MS: (u64, u64) = (250, 30_000);

impl<D: McpDoor> Session<D> {
    /// Sends a call off to run behind a task.
    pub(super) fn send_off(
        self: &Arc<Self>,
        ask: &Ask,
        mut prepared: Prepared,
        task: &Arc<Task>,
        case: Option<CaseRef>,
    ) {
        let (out, frames) = mpsc::channel(64);
        match self.era {
            Era::Stateful => drop(tokio::spawn(tell(frames, self.outbox.clone(), task.id.clone()))),
            // Nothing but the task itself tells of a task in this era.
            Era::Stateless => drop(frames),
        }
        // The client's own id is answered by then and may be used again.
        prepared.call.request = prepared.call.request.with_id(&self.own_id());
        let ask = Ask { out, behind: true, flight: Flight::unlisted(), ..ask.part() };
        let (session, task) = (Arc::clone(self), Arc::clone(task));
        let using = self.idle.get().map(|idle| idle.begin());
        tokio::spawn(async move {
            session.run(&ask, prepared, &task, case).await;
            drop(using);
            let left = Duration::from_millis(task.left_ms(session.door.now()).unsigned_abs());
            let tasks = Arc::clone(&session.tasks);
            // Apart, so that nothing of the call is kept meanwhile.
            tokio::spawn(tasks.forget_later(session.caller.clone(), task, left));
        });
    }

    async fn run(self: &Arc<Self>, ask: &Ask, prepared: Prepared, task: &Arc<Task>, case: Option<CaseRef>) {
        let work = self.errand(ask, prepared, task, case);
        let ended = tokio::select! {
            biased;
            () = task.stopped(Stop::Cancelled) => None,
            ended = work => Some(ended),
        };
        let end = match ended {
            None => return self.cancel_upstream(ask, task).await,
            Some(Ok(end)) => end,
            Some(Err(fault)) => End::Answer(fault.to_tool_frame(&ask.id, self.era)),
        };
        task.finish(self.door.now(), end);
    }

    async fn errand(
        self: &Arc<Self>,
        ask: &Ask,
        mut prepared: Prepared,
        task: &Arc<Task>,
        mut held: Option<CaseRef>,
    ) -> Result<End, Fault> {
        let server = prepared.call.server.clone();
        let (mut holds, mut rounds) = (0, 0);
        while holds < HOLDS_MAX && rounds < ROUNDS_MAX {
            if let Some(case) = held.take() {
                self.await_people(task, case).await?;
                holds += 1;
            }
            let link = self.link(&server).await?;
            match self.call_once(ask, &server, &link, prepared.call.clone()).await? {
                CallOutcome::Held(case) => held = Some(case),
                CallOutcome::Refused(refusal) => {
                    self.let_go(&server, &link, &refusal).await;
                    return Err(refusal.into());
                }
                CallOutcome::Answer(answer) => {
                    let answer = self.answered(&server, answer).await?;
                    let result = answer.member("result").and_then(RawObject::parse).unwrap_or_default();
                    if let Some(id) = task_in(&result) {
                        task.stand_before(&server, &id);
                        return self.follow(ask, &server, task, &id).await;
                    }
                    if !self.another_round(ask, &mut prepared, task, &answer, rounds).await? {
                        return Ok(End::Answer(answer));
                    }
                    rounds += 1;
                }
            }
        }
        Err(if holds < HOLDS_MAX { too_many_rounds() } else { pending_without_case() })
    }

    /// Waits until people have approved, however long they may take.
    async fn await_people(self: &Arc<Self>, task: &Task, case: CaseRef) -> Result<(), Fault> {
        let message = format!("waiting for approval, case {}: {}", case.id, case.url);
        task.say(self.door.now(), &message, Some(case.expires));
        let mut withdraw = WithdrawCase { door: &self.door, case: Some(case.id) };
        let decided = async {
            loop {
                match self.door.await_case(case.id, LOOK_MS).await {
                    CaseEnd::Approved => return Ok(()),
                    CaseEnd::Refused(refusal) => return Err(refusal.into()),
                    CaseEnd::StillOpen => {}
                }
            }
        };
        let ended = tokio::select! {
            biased;
            () = task.stopped(Stop::Left) => Err(left()),
            ended = decided => ended,
        };
        withdraw.case = None;
        ended?;
        task.say(self.door.now(), "approved", None);
        Ok(())
    }

    /// Puts the questions inside an answer to the client and prepares the round that answers them; `false` if there are none.
    async fn another_round(
        self: &Arc<Self>,
        ask: &Ask,
        prepared: &mut Prepared,
        task: &Task,
        answer: &Frame,
        round: usize,
    ) -> Result<bool, Fault> {
        let result = answer.member("result").and_then(RawObject::parse).unwrap_or_default();
        if self.era == Era::Stateful {
            return self.ask_back(ask, prepared, answer).await;
        }
        if result.string("resultType").as_deref() != Some("input_required") {
            return Ok(false);
        }
        let mut params = prepared.call.request.member("params").and_then(RawObject::parse).unwrap_or_default();
        params.retain(|key| key != "inputResponses" && key != "requestState");
        if let Some(questions) = result.object("inputRequests") {
            let responses = self.ask_within(task, &questions, round).await?;
            params.set("inputResponses", &responses.text());
        }
        if let Some(state) = result.get("requestState") {
            params.set("requestState", state);
        }
        prepared.call.inputs = inputs_of(&params);
        prepared.call.request = prepared.call.request.with_member("params", &params.text());
        Ok(true)
    }

    /// Asks through the task. A key is used once in the life of a task, so each carries its round.
    async fn ask_within(&self, task: &Task, questions: &RawObject, round: usize) -> Result<RawObject, Fault> {
        let prefix = format!("{round}/");
        let mut shown = RawObject::default();
        for (key, question) in questions.iter() {
            shown.set(&format!("{prefix}{key}"), question);
        }
        task.ask(self.door.now(), shown);
        let answers = tokio::time::timeout(PATIENCE, task.answers()).await.map_err(|_| unanswered())?;
        let mut responses = RawObject::default();
        for (key, answer) in answers.iter() {
            responses.set(key.strip_prefix(&prefix).unwrap_or(key), answer);
        }
        Ok(responses)
    }

    /// Follows a server's own task to its end.
    async fn follow(self: &Arc<Self>, ask: &Ask, server: &ServerName, task: &Task, id: &str) -> Result<End, Fault> {
        if self.era == Era::Stateful {
            let answer = self.about_upstream(ask, server, "tasks/result", id).await?;
            return Ok(End::Answer(self.answered(server, answer).await?));
        }
        let mut asked = None;
        loop {
            let mut answer = self.about_upstream(ask, server, "tasks/get", id).await?;
            let questions = answer
                .member("result")
                .and_then(RawObject::parse)
                .and_then(|r| r.get("inputRequests").map(str::to_owned));
            // What was asked before was decided before.
            if questions != asked {
                answer = self.answered(server, answer).await?;
                asked = questions;
            }
            let Some(shown) = answer.member("result").and_then(RawObject::parse) else {
                return Ok(End::Answer(answer));
            };
            match shown.string("status").as_deref() {
                Some("completed") => {
                    let answer = Frame::result(&ask.id, shown.get("result").unwrap_or("{}"));
                    return Ok(End::Answer(self.answered(server, answer).await?));
                }
                Some("failed") => {
                    let frame = Frame::error(Some(&ask.id), -32603, "the task failed", None);
                    return Ok(End::Answer(match shown.get("error") {
                        Some(error) => frame.with_member("error", error),
                        None => frame,
                    }));
                }
                Some("cancelled") => return Ok(End::Cancelled),
                Some("input_required") => task.ask(self.door.now(), shown.object("inputRequests").unwrap_or_default()),
                _ => task.say(
                    self.door.now(),
                    &shown.string("statusMessage").unwrap_or_else(|| "in progress".to_owned()),
                    None,
                ),
            }
            let pause = shown.get("pollIntervalMs").and_then(|text| text.parse().ok()).unwrap_or(1_000);
            tokio::time::sleep(Duration::from_millis(u64::clamp(pause, POLL_MS.0, POLL_MS.1))).await;
        }
    }

    /// Asks a server about its own task.
    async fn about_upstream(
        self: &Arc<Self>,
        ask: &Ask,
        server: &ServerName,
        method: &str,
        id: &str,
    ) -> Result<Frame, Fault> {
        let mut params = RawObject::default();
        params.set("taskId", &quote(id));
        if let Some(mut meta) = ask.params.object("_meta").filter(|_| self.era == Era::Stateless) {
            meta.retain(envelope::is_required);
            params.set("_meta", &meta.text());
        }
        let request = Frame::request(&self.own_id(), method, Some(&params.text()));
        let link = self.link(server).await?;
        self.relay_on(server, &link, request, Vec::new(), &ask.out).await
    }

    async fn cancel_upstream(self: &Arc<Self>, ask: &Ask, task: &Task) {
        let Some((server, id)) = task.upstream() else { return };
        if let Err(fault) = self.about_upstream(ask, &server, "tasks/cancel", &id).await {
            tracing::debug!(reason = %fault.message, "a server's task could not be cancelled");
        }
    }
}

fn left() -> Fault {
    use control::door::Refusal;
    let message = "the session ended before people had decided; repeat the identical call";
    Refusal::plain(types::Code::ApprovalPending, message).into()
}

/// Passes on what a server sends about a call, with the name of the task that the client knows it by.
async fn tell(mut frames: mpsc::Receiver<Frame>, outbox: mpsc::Sender<Frame>, task: String) {
    while let Some(frame) = frames.recv().await {
        let frame = match frame.kind() {
            FrameKind::Request { .. } | FrameKind::Notification { .. } => related(&frame, &task),
            FrameKind::Result { .. } | FrameKind::Error { .. } => frame,
        };
        // A client that is gone hears nothing more.
        let _ = outbox.send(frame).await;
    }
}

fn related(frame: &Frame, task: &str) -> Frame {
    let mut params = frame.member("params").and_then(RawObject::parse).unwrap_or_default();
    let mut meta = params.object("_meta").unwrap_or_default();
    meta.set(RELATED_KEY, &json!({ "taskId": task }).to_string());
    params.set("_meta", &meta.text());
    frame.with_member("params", &params.text())
}
