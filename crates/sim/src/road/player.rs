//! The player of a run: polls calls by hand and keeps the trace.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use control::door::{CallOutcome, GovernedCall};
use tokio::sync::mpsc;
use types::Claims;
use types::jsonrpc::{Frame, RpcId};
use types::point;

use super::coverage::Coverage;
use super::dice::Dice;
use super::ports::Clockwork;
use super::stage::Stage;
use super::trace::{Ack, Call, Trace};

/// Is how many runs there are to one in which the disk fails and the power goes.
pub const UNEASY: u64 = 4;

/// Is something that is polled by hand.
pub type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Says whether what is polled by hand may go on.
#[derive(Default)]
pub struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Is a call on its way.
pub struct Task {
    running: Running<CallOutcome>,
    flag: Arc<Flag>,
    /// Where it stands: the await point it was seen at last.
    pub point: &'static str,
}

impl Task {
    /// Says whether it would go on if it were polled.
    pub fn may_go_on(&self) -> bool {
        self.flag.0.load(Ordering::SeqCst)
    }
}

/// Is a run in progress.
pub struct Player {
    /// The seed's numbers.
    pub dice: Dice,
    /// The application.
    pub stage: Stage,
    /// What everybody saw.
    pub trace: Trace,
    /// What the run went through.
    pub coverage: Coverage,
    /// The calls on their way.
    pub tasks: BTreeMap<u64, Task>,
    /// The calls that came back because people must decide first.
    pub held: Vec<Call>,
    /// Changes to the system that people must decide first: who wants which level.
    pub wishes: Vec<(types::PersonId, control::levels::LevelWish)>,
    /// Whether the disk fails and the power goes: in one run of [`UNEASY`].
    pub uneasy: bool,
    pub(super) losses: u64,
    /// Where everybody waited when the power went, if it went while the run looked.
    pub(super) fallen: Option<BTreeMap<&'static str, u64>>,
    next: u64,
}

/// Polls something once.
pub fn poll<T>(running: &mut Running<T>, flag: &Arc<Flag>) -> Poll<T> {
    flag.0.store(false, Ordering::SeqCst);
    let waker = Waker::from(flag.clone());
    running.as_mut().poll(&mut Context::from_waker(&waker))
}

/// Polls something once. Whatever it asks of the ledger is not answered before the poll is over, so that it stops there
/// however fast the sequencer is.
pub fn poll_unanswered<T>(clock: &Clockwork, running: &mut Running<T>, flag: &Arc<Flag>) -> Poll<T> {
    let was_shut = clock.shut();
    let polled = poll(running, flag);
    if !was_shut {
        clock.open();
    }
    polled
}

impl Player {
    /// Opens the run of a seed.
    pub async fn open(seed: u64) -> Self {
        let stage = Stage::open(seed).await;
        Self {
            dice: Dice::of(seed),
            stage,
            trace: Trace::default(),
            coverage: Coverage::default(),
            tasks: BTreeMap::new(),
            held: Vec::new(),
            wishes: Vec::new(),
            uneasy: seed % UNEASY == UNEASY - 1,
            losses: 0,
            fallen: None,
            next: 1,
        }
    }

    /// Begins a call, which does nothing before it is polled, and returns its number.
    pub fn begin(&mut self, call: Call) -> u64 {
        let number = self.next;
        self.next += 1;
        let (session, link) = self.stage.links[&call.agent].clone();
        let params = format!("{{\"name\":\"{}\",\"arguments\":{}}}", call.tool, call.arguments);
        let governed = GovernedCall {
            caller: control::door::Caller {
                agent: call.agent.clone(),
                on_behalf_of: call.on_behalf_of.clone(),
                anonymous: false,
            },
            session,
            server: "box".parse().unwrap(),
            operation: call.tool.clone(),
            arguments: call.arguments.clone(),
            claims: Claims { purpose: Some(format!("call {number}")), ..Claims::default() },
            request: Frame::request(&RpcId::number(number), "tools/call", Some(&params)),
            inputs: None,
            rest: None,
            headers: None,
        };
        let (events, _) = mpsc::channel(1);
        let running = Box::pin(self.stage.control.clone().call_here(link, governed, events));
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        self.tasks.insert(number, Task { running, flag, point: "start" });
        self.trace.calls.insert(number, call);
        number
    }

    /// Polls a call once and says whether it has ended; what it has asked of the ledger may not be answered yet.
    pub fn poll(&mut self, number: u64) -> bool {
        let Some(task) = self.tasks.get_mut(&number) else { return true };
        let _ = point::last();
        let polled = poll_unanswered(&self.stage.clock, &mut task.running, &task.flag);
        match (point::last(), &polled) {
            (Some(point), Poll::Pending) => task.point = point,
            (None, Poll::Pending) => self.trace.wrong.push(format!("call {number} waits where no point is named")),
            _ => {}
        }
        let Poll::Ready(outcome) = polled else { return false };
        self.tasks.remove(&number);
        self.came_back(number, outcome);
        true
    }

    fn came_back(&mut self, number: u64, outcome: CallOutcome) {
        let ack = match outcome {
            CallOutcome::Answer(_) => Ack::Answered,
            CallOutcome::Refused(refusal) => Ack::Refused(refusal.code),
            CallOutcome::Held(_) => {
                self.held.push(self.trace.calls[&number].clone());
                Ack::Held
            }
        };
        let name = match &ack {
            Ack::Refused(code) => code.as_str().to_owned(),
            other => format!("{other:?}").to_lowercase(),
        };
        self.coverage.count("answers", name);
        self.trace.acks.insert(number, ack);
    }

    /// Polls a call once and waits until the ledger has answered what it asked.
    pub async fn step(&mut self, number: u64) {
        self.poll(number);
        self.quiet().await;
        if let Some(task) = self.tasks.get(&number) {
            self.coverage.count("await points", task.point);
        }
    }

    /// Returns the calls that would go on if they were polled.
    pub fn ready(&self) -> Vec<u64> {
        self.tasks.iter().filter(|(_, task)| task.may_go_on()).map(|(number, _)| *number).collect()
    }

    /// Says what must never be seen.
    pub fn wrong(&mut self, what: impl Into<String>) {
        self.trace.wrong.push(what.into());
    }

    /// Returns the next moment in the order of everything that happens.
    pub fn moment(&self) -> u64 {
        self.stage.upstream.book().tick()
    }
}
