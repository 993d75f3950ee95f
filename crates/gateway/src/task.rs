//! One call that the client follows as a task: its state, and how each era writes it.

use std::sync::Mutex;

use control::door::Era;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use types::jsonrpc::Frame;
use types::{Millis, ServerName};

use crate::lock;
use crate::raw::RawObject;

/// Names the member of `_meta` that says which task a message is about.
pub(crate) const RELATED_KEY: &str = "io.modelcontextprotocol/related-task";

/// Is how long the result of a task is kept after the last moment at which it could have been decided, in milliseconds.
pub(crate) const KEEP_MS: i64 = 3_600_000;

/// Is how often a client should ask, in milliseconds.
const POLL_MS: u64 = 5_000;

/// Says how a task ended.
#[derive(Debug, Clone)]
pub(crate) enum End {
    /// With what the call would have been answered.
    Answer(Frame),
    /// The client cancelled it.
    Cancelled,
}

#[derive(Debug)]
enum State {
    Working,
    /// The server's questions that the client has not answered yet.
    Asking(RawObject),
    Ended(End),
}

#[derive(Debug)]
struct Inner {
    state: State,
    message: String,
    updated: Millis,
    ttl_ms: i64,
    answers: RawObject,
    upstream: Option<(ServerName, String)>,
    /// There is more to tell than that it was made.
    told: bool,
}

/// Says whether somebody wants a task to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nobody does.
    No,
    /// The session it was made in has ended: what is not dispatched yet never is.
    Left,
    /// The client has cancelled it.
    Cancelled,
}

/// Is one task.
#[derive(Debug)]
pub(crate) struct Task {
    /// Its id: 128 random bits in hex.
    pub(crate) id: String,
    /// The generation of the protocol it was made in.
    pub(crate) era: Era,
    created: Millis,
    inner: Mutex<Inner>,
    changed: watch::Sender<()>,
    stop: watch::Sender<Stop>,
}

impl Task {
    /// Makes a task that works.
    pub(crate) fn new(id: [u8; 16], era: Era, now: Millis) -> Self {
        let inner = Inner {
            state: State::Working,
            message: "in progress".to_owned(),
            updated: now,
            ttl_ms: KEEP_MS,
            answers: RawObject::default(),
            upstream: None,
            told: false,
        };
        let (id, inner) = (hex::encode(id), Mutex::new(inner));
        Self { id, era, created: now, inner, changed: watch::Sender::new(()), stop: watch::Sender::new(Stop::No) }
    }

    fn change(&self, now: Millis, change: impl FnOnce(&mut Inner)) {
        {
            let mut inner = lock(&self.inner);
            if matches!(inner.state, State::Ended(_)) {
                return;
            }
            change(&mut inner);
            inner.updated = now;
        }
        self.changed.send_replace(());
    }

    /// Says what it is doing.
    ///
    /// - `until`: when people will have decided at the latest, where they must.
    pub(crate) fn say(&self, now: Millis, message: &str, until: Option<Millis>) {
        let created = self.created;
        self.change(now, |inner| {
            inner.state = State::Working;
            message.clone_into(&mut inner.message);
            if let Some(until) = until {
                inner.told = true;
                inner.ttl_ms = until.since(created).max(0).saturating_add(KEEP_MS);
            }
        });
    }

    /// Puts a server's questions to the client.
    pub(crate) fn ask(&self, now: Millis, questions: RawObject) {
        self.change(now, |inner| {
            inner.state = State::Asking(questions);
            inner.answers = RawObject::default();
            inner.told = true;
            inner.message = "the server asks the user".to_owned();
        });
    }

    /// Takes the client's answers; those to no open question do not count.
    pub(crate) fn supply(&self, now: Millis, responses: &RawObject) {
        self.change(now, |inner| {
            let State::Asking(questions) = &mut inner.state else { return };
            for (key, answer) in responses.iter() {
                if questions.remove(key).is_some() {
                    inner.answers.set(key, answer);
                }
            }
            if questions.is_empty() {
                inner.state = State::Working;
                inner.message = "in progress".to_owned();
            }
        });
    }

    /// Waits until every open question is answered.
    pub(crate) async fn answers(&self) -> RawObject {
        let mut changes = self.changed.subscribe();
        loop {
            {
                let inner = lock(&self.inner);
                if !matches!(inner.state, State::Asking(_)) {
                    return inner.answers.clone();
                }
            }
            if changes.changed().await.is_err() {
                return RawObject::default();
            }
        }
    }

    /// Ends it, unless it has ended.
    pub(crate) fn finish(&self, now: Millis, end: End) {
        self.change(now, |inner| {
            inner.message = match &end {
                End::Answer(_) => "done".to_owned(),
                End::Cancelled => "cancelled".to_owned(),
            };
            inner.told = true;
            inner.state = State::Ended(end);
        });
    }

    /// Ends it because the client wants that; `false` if it has ended.
    pub(crate) fn cancel(&self, now: Millis) -> bool {
        if self.has_ended() {
            return false;
        }
        self.finish(now, End::Cancelled);
        self.stop.send_replace(Stop::Cancelled);
        true
    }

    /// Notes that its session has ended.
    pub(crate) fn leave(&self) {
        self.stop.send_if_modified(|stop| *stop == Stop::No && std::mem::replace(stop, Stop::Left) == Stop::No);
    }

    /// Waits until somebody wants it to stop, for that reason or a stronger one.
    pub(crate) async fn stopped(&self, wanted: Stop) {
        let mut stop = self.stop.subscribe();
        let strong = |stop: &Stop| *stop == wanted || *stop == Stop::Cancelled;
        // The sender lives as long as the task.
        let _ = stop.wait_for(strong).await;
    }

    /// Notes the task of a server that stands behind it.
    pub(crate) fn stand_before(&self, server: &ServerName, id: &str) {
        lock(&self.inner).upstream = Some((server.clone(), id.to_owned()));
    }

    /// Returns the task of a server that stands behind it.
    pub(crate) fn upstream(&self) -> Option<(ServerName, String)> {
        lock(&self.inner).upstream.clone()
    }

    /// Says whether nothing more will happen.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(lock(&self.inner).state, State::Ended(_))
    }

    /// Waits for the end.
    pub(crate) async fn ended(&self) -> End {
        let mut changes = self.changed.subscribe();
        loop {
            if let State::Ended(end) = &lock(&self.inner).state {
                return end.clone();
            }
            if changes.changed().await.is_err() {
                return End::Cancelled;
            }
        }
    }

    /// Waits until nobody holds it any more; the wait does not hold it.
    pub(crate) fn dropped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut changes = self.changed.subscribe();
        async move { while changes.changed().await.is_ok() {} }
    }

    /// Waits until there is something to tell: a case, or the end.
    pub(crate) async fn news(&self) {
        let mut changes = self.changed.subscribe();
        while !lock(&self.inner).told {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Returns how long it is kept from now on, in milliseconds; at least a minute.
    pub(crate) fn left_ms(&self, now: Millis) -> i64 {
        self.created.plus(lock(&self.inner).ttl_ms).since(now).max(60_000)
    }

    /// Writes the answer to the call that made it.
    pub(crate) fn created(&self) -> Value {
        let mut task = self.common("working");
        match self.era {
            Era::Stateful => json!({ "task": task }),
            Era::Stateless => {
                task.insert("resultType".to_owned(), json!("task"));
                Value::Object(task)
            }
        }
    }

    /// Writes it as it stands.
    pub(crate) fn shown(&self) -> Value {
        let (status, more) = self.status();
        let mut task = self.common(status);
        if self.era == Era::Stateless {
            task.insert("resultType".to_owned(), json!("complete"));
            task.extend(more);
        }
        Value::Object(task)
    }

    fn common(&self, status: &str) -> Map<String, Value> {
        let inner = lock(&self.inner);
        let (ttl, poll) = match self.era {
            Era::Stateful => ("ttl", "pollInterval"),
            Era::Stateless => ("ttlMs", "pollIntervalMs"),
        };
        Map::from_iter([
            ("taskId".to_owned(), json!(self.id)),
            ("status".to_owned(), json!(status)),
            ("statusMessage".to_owned(), json!(inner.message)),
            ("createdAt".to_owned(), json!(written(self.created))),
            ("lastUpdatedAt".to_owned(), json!(written(inner.updated))),
            (ttl.to_owned(), json!(inner.ttl_ms)),
            (poll.to_owned(), json!(POLL_MS)),
        ])
    }

    /// Returns the status, and the member that 2026-07-28 shows with it.
    fn status(&self) -> (&'static str, Option<(String, Value)>) {
        let inner = lock(&self.inner);
        let read = |text: &str| serde_json::from_str(text).unwrap_or_default();
        match &inner.state {
            State::Working => ("working", None),
            State::Asking(questions) => ("input_required", Some(("inputRequests".to_owned(), read(&questions.text())))),
            State::Ended(End::Cancelled) => ("cancelled", None),
            State::Ended(End::Answer(frame)) => match (frame.member("error"), frame.member("result")) {
                (Some(error), _) => ("failed", Some(("error".to_owned(), read(error)))),
                // A tool's own failure fails the task in one era, and completes it in the other.
                (None, Some(result)) if self.era == Era::Stateful && says_error(result) => ("failed", None),
                (None, result) => ("completed", Some(("result".to_owned(), read(result.unwrap_or("{}"))))),
            },
        }
    }
}

fn says_error(result: &str) -> bool {
    RawObject::parse(result).is_some_and(|result| result.get("isError") == Some("true"))
}

/// Writes an instant as RFC 3339 has it.
fn written(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at.0).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::jsonrpc::RpcId;

    fn task(era: Era) -> Task {
        Task::new([7; 16], era, Millis(1_767_225_600_000))
    }

    fn answer(result: &str) -> End {
        End::Answer(Frame::result(&RpcId::number(1), result))
    }

    #[test]
    fn each_era_is_written_its_own_way() {
        let stateful = task(Era::Stateful);
        stateful.say(Millis(1_767_225_601_000), "waiting", Some(Millis(1_767_225_660_000)));
        let made = stateful.created()["task"].clone();
        assert_eq!((made["taskId"].as_str(), made["status"].as_str()), (Some(&*"07".repeat(16)), Some("working")));
        assert_eq!((made["createdAt"].as_str(), made["ttl"].as_i64()), (Some("2026-01-01T00:00:00Z"), Some(3_660_000)));
        assert_eq!((made["pollInterval"].as_u64(), made["statusMessage"].as_str()), (Some(5_000), Some("waiting")));
        let stateless = task(Era::Stateless);
        let made = stateless.created();
        assert_eq!((made["resultType"].as_str(), made["pollIntervalMs"].as_u64()), (Some("task"), Some(5_000)));
        assert_eq!(stateless.shown()["resultType"], "complete");
    }

    #[test]
    fn a_failed_tool_fails_the_task_in_one_era_alone() {
        for (era, status) in [(Era::Stateful, "failed"), (Era::Stateless, "completed")] {
            let task = task(era);
            task.finish(Millis(1), answer(r#"{"content":[],"isError":true}"#));
            assert_eq!(task.shown()["status"], status);
        }
    }

    #[test]
    fn what_has_ended_stays_as_it_is() {
        let task = task(Era::Stateless);
        assert!(task.cancel(Millis(1)));
        task.finish(Millis(2), answer("{}"));
        assert_eq!(task.shown()["status"], "cancelled");
        assert!(!task.cancel(Millis(3)));
    }

    #[tokio::test]
    async fn questions_stay_open_until_all_are_answered() {
        let task = task(Era::Stateless);
        task.ask(Millis(1), RawObject::parse(r#"{"a":{"method":"roots/list"},"b":{"method":"roots/list"}}"#).unwrap());
        task.supply(Millis(2), &RawObject::parse(r#"{"a":1,"z":2}"#).unwrap());
        let shown = task.shown();
        assert_eq!(
            (shown["status"].as_str(), shown["inputRequests"].as_object().unwrap().len()),
            (Some("input_required"), 1)
        );
        task.supply(Millis(3), &RawObject::parse(r#"{"b":3}"#).unwrap());
        assert_eq!(task.answers().await.text(), r#"{"a":1,"b":3}"#);
        assert_eq!(task.shown()["status"], "working");
    }
}
