//! Whose a task is: those the gateway runs itself, and those of upstream servers that calls of an agent have made.
//!
//! A task that an agent has not made does not exist for it, whoever else shares the credential upstream. What is known
//! here is known to this process alone: after a restart every earlier task is unknown.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use control::door::{Caller, Era};
use types::ServerName;

use crate::lock;
use crate::task::Task;

/// Limits how many tasks of one caller may be under way at once.
const OPEN_MAX: usize = 64;

/// Limits how many tasks of one caller are kept, with those that have ended.
const KEPT_MAX: usize = 256;

/// Limits how many upstream tasks of one caller are remembered; the oldest go first.
const UPSTREAM_MAX: usize = 1_024;

/// Limits the name of an upstream task, in bytes; what has a longer one is nobody's.
const ID_BYTES_MAX: usize = 256;

#[derive(Debug, Default)]
struct Own {
    /// The tasks that the gateway runs, in order of making.
    here: VecDeque<Arc<Task>>,
    /// The upstream tasks, in order of making.
    upstream: VecDeque<(ServerName, String)>,
}

#[derive(Debug, Default)]
struct Book {
    callers: HashMap<Caller, Own>,
    owners: HashMap<(ServerName, String), Caller>,
}

/// Holds the tasks of every caller of a listener.
#[derive(Debug, Default)]
pub(crate) struct Tasks(Mutex<Book>);

impl Tasks {
    /// Takes in a task that the gateway runs; `false` if the caller has too many under way.
    pub(crate) fn add(&self, caller: &Caller, task: &Arc<Task>) -> bool {
        let mut book = lock(&self.0);
        let own = book.callers.entry(caller.clone()).or_default();
        if own.here.iter().filter(|task| !task.has_ended()).count() >= OPEN_MAX {
            return false;
        }
        if own.here.len() >= KEPT_MAX
            && let Some(at) = own.here.iter().position(|task| task.has_ended())
        {
            own.here.remove(at);
        }
        own.here.push_back(Arc::clone(task));
        true
    }

    /// Finds a task that the gateway runs for this caller.
    pub(crate) fn find(&self, caller: &Caller, era: Era, id: &str) -> Option<Arc<Task>> {
        let book = lock(&self.0);
        book.callers.get(caller)?.here.iter().find(|task| task.id == id && task.era == era).cloned()
    }

    /// Lists the tasks that the gateway runs for this caller.
    pub(crate) fn of(&self, caller: &Caller, era: Era) -> Vec<Arc<Task>> {
        let book = lock(&self.0);
        let here = book.callers.get(caller).map(|own| &own.here);
        here.into_iter().flatten().filter(|task| task.era == era).cloned().collect()
    }

    /// Forgets a task that the gateway ran.
    pub(crate) fn forget(&self, caller: &Caller, id: &str) {
        if let Some(own) = lock(&self.0).callers.get_mut(caller) {
            own.here.retain(|task| task.id != id);
        }
    }

    /// Forgets a task that has ended when its time is over; ends at once where it was forgotten before, for want of room.
    pub(crate) async fn forget_later(self: Arc<Self>, caller: Caller, task: Arc<Task>, left: Duration) {
        let (id, dropped) = (task.id.clone(), task.dropped());
        drop(task);
        if tokio::time::timeout(left, dropped).await.is_err() {
            self.forget(&caller, &id);
        }
    }

    /// Notes that a caller's call has made a task upstream. One that is somebody's already stays theirs.
    pub(crate) fn bind(&self, caller: &Caller, server: &ServerName, id: &str) {
        if id.len() > ID_BYTES_MAX {
            tracing::warn!(%server, bytes = id.len(), "a server has named a task too long; nobody can ask after it");
            return;
        }
        let mut book = lock(&self.0);
        let key = (server.clone(), id.to_owned());
        if book.owners.contains_key(&key) {
            return;
        }
        let own = book.callers.entry(caller.clone()).or_default();
        own.upstream.push_back(key.clone());
        let oldest = if own.upstream.len() > UPSTREAM_MAX { own.upstream.pop_front() } else { None };
        book.owners.insert(key, caller.clone());
        if let Some(oldest) = oldest {
            book.owners.remove(&oldest);
        }
    }

    /// Says whether an upstream task is this caller's.
    pub(crate) fn owns(&self, caller: &Caller, server: &ServerName, id: &str) -> bool {
        lock(&self.0).owners.get(&(server.clone(), id.to_owned())) == Some(caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{AgentId, Millis};

    fn caller(name: &str) -> Caller {
        Caller { agent: AgentId::new(name).unwrap(), on_behalf_of: None, anonymous: false }
    }

    fn task(n: u16) -> Arc<Task> {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        Arc::new(Task::new(id, Era::Stateful, Millis(1)))
    }

    #[test]
    fn a_task_is_its_makers_alone() {
        let tasks = Tasks::default();
        let made = task(1);
        assert!(tasks.add(&caller("a"), &made));
        assert!(tasks.find(&caller("a"), Era::Stateful, &made.id).is_some());
        assert!(tasks.find(&caller("b"), Era::Stateful, &made.id).is_none());
        assert!(tasks.find(&caller("a"), Era::Stateless, &made.id).is_none());
        assert!(tasks.of(&caller("b"), Era::Stateful).is_empty());
        let server = ServerName::new("s").unwrap();
        tasks.bind(&caller("a"), &server, "x");
        tasks.bind(&caller("b"), &server, "x");
        assert!(tasks.owns(&caller("a"), &server, "x") && !tasks.owns(&caller("b"), &server, "x"));
    }

    #[test]
    fn an_agent_that_makes_many_keeps_few() {
        let tasks = Tasks::default();
        let open: Vec<_> = (0..64).map(task).collect();
        assert!(open.iter().all(|task| tasks.add(&caller("a"), task)));
        assert!(!tasks.add(&caller("a"), &task(64)));
        assert!(tasks.add(&caller("b"), &task(64)), "the bound is each agent's own");
        for n in 64..400 {
            assert!(
                open[0].cancel(Millis(2))
                    || tasks.add(&caller("a"), &{
                        let t = task(n);
                        t.cancel(Millis(2));
                        t
                    })
            );
        }
        assert_eq!(tasks.of(&caller("a"), Era::Stateful).len(), KEPT_MAX);
        let server = ServerName::new("s").unwrap();
        for n in 0..=UPSTREAM_MAX {
            tasks.bind(&caller("a"), &server, &n.to_string());
        }
        assert!(!tasks.owns(&caller("a"), &server, "0") && tasks.owns(&caller("a"), &server, "1"));
        for (bytes, kept) in [(256, true), (257, false)] {
            let long = "x".repeat(bytes);
            tasks.bind(&caller("a"), &server, &long);
            assert_eq!(tasks.owns(&caller("a"), &server, &long), kept);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_forgotten_is_kept_by_nobody() {
        let tasks = Arc::new(Tasks::default());
        let mut kept = Vec::new();
        for n in 0..=256 {
            let task = task(n);
            task.cancel(Millis(2));
            tasks.add(&caller("a"), &task);
            let later = Arc::clone(&tasks).forget_later(caller("a"), Arc::clone(&task), Duration::from_secs(60));
            kept.push((Arc::downgrade(&task), tokio::spawn(later)));
        }
        let (first, later) = kept.remove(0);
        tokio::time::timeout(Duration::from_secs(1), later).await.unwrap().unwrap();
        assert_eq!(first.strong_count(), 0);
        assert_eq!(tasks.of(&caller("a"), Era::Stateful).len(), KEPT_MAX);
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert!(tasks.of(&caller("a"), Era::Stateful).is_empty());
    }
}
