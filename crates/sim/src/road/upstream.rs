//! The upstream server: in memory, scripted, and with a book of its own about what reached it and what it did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;

use connectors::mcp::{Answering, CallError, Peer};
use serde_json::Value;
use tokio::sync::oneshot;
use types::jsonrpc::{Frame, RpcId};

use super::journal::Mirror;
use super::rules;

/// Says what becomes of a request that has reached the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It takes effect and is answered.
    Done,
    /// It fails, and the answer says so.
    Failed,
    /// The protocol's own error answers it; nothing was done.
    Error,
    /// The connection was closed before it got in.
    Closed,
    /// It was turned away at the door.
    TurnedAway,
    /// It takes effect and the connection is lost.
    LostAfter,
    /// The connection is lost and it takes no effect.
    LostBefore,
    /// The connection is lost, and later it takes effect.
    LostAndLate,
    /// It takes effect and nobody answers in time.
    TimeoutAfter,
    /// It takes effect and the answer is too long.
    TooLarge,
    /// It takes effect and the answer breaks the protocol.
    Garbled,
}

/// Are all fates.
pub const FATES: [Fate; 11] = [
    Fate::Done,
    Fate::Failed,
    Fate::Error,
    Fate::Closed,
    Fate::TurnedAway,
    Fate::LostAfter,
    Fate::LostBefore,
    Fate::LostAndLate,
    Fate::TimeoutAfter,
    Fate::TooLarge,
    Fate::Garbled,
];

impl Fate {
    /// Says whether nothing reached the server, as far as the gateway can know.
    pub fn is_not_sent(self) -> bool {
        matches!(self, Self::Closed | Self::TurnedAway)
    }

    fn takes_effect(self) -> bool {
        matches!(self, Self::Done | Self::LostAfter | Self::TimeoutAfter | Self::TooLarge | Self::Garbled)
    }

    fn answer(self, id: &RpcId) -> Result<Frame, CallError> {
        match self {
            Self::Done => Ok(Frame::result(id, r#"{"content":[]}"#)),
            Self::Failed => Ok(Frame::result(id, r#"{"content":[],"isError":true}"#)),
            Self::Error => Ok(Frame::error(Some(id), -32603, "it broke", None)),
            Self::Closed => Err(CallError::Closed("it hung up".into())),
            Self::TurnedAway => Err(CallError::Refused { status: 429 }),
            Self::LostAfter | Self::LostBefore | Self::LostAndLate => Err(CallError::Unknown("the line broke".into())),
            Self::TimeoutAfter => Err(CallError::Timeout),
            Self::TooLarge => Err(CallError::TooLarge { bytes_max: 1 }),
            Self::Garbled => Err(CallError::Invalid("what is this".into())),
        }
    }
}

/// Is a request that has reached the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// When.
    pub moment: u64,
    /// How many records were durable then.
    pub size: u64,
    /// The call it belongs to.
    pub call: u64,
    /// The tool.
    pub tool: String,
    /// The arguments, without the key.
    pub arguments: Value,
    /// Our idempotency key, where the tool has one.
    pub key: Option<String>,
    /// What became of it, and how many records were durable when it was answered.
    pub fate: Option<(Fate, u64)>,
}

struct Pending {
    arrival: usize,
    id: RpcId,
    answer: oneshot::Sender<Result<Frame, CallError>>,
}

/// Is what the server knows.
#[derive(Default)]
pub struct Book {
    /// Counts everything that happens in a run, so that there is one order.
    pub moment: u64,
    /// What has reached it, in order.
    pub arrivals: Vec<Arrival>,
    /// The arrivals that took effect, in order; a key that came before takes none.
    pub effects: Vec<usize>,
    /// The definition of each tool that it lists now.
    pub versions: BTreeMap<String, u32>,
    /// How many times it was asked for its tools.
    pub listings: u64,
    /// The journal, as the book looks into it when something arrives.
    pub mirror: Option<Mirror>,
    pending: Vec<Pending>,
    late: Vec<usize>,
    keys: BTreeSet<String>,
}

impl Book {
    /// Returns the next moment.
    pub fn tick(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }

    /// Returns how many records are durable.
    pub fn size(&mut self) -> u64 {
        self.mirror.as_mut().map_or(0, Mirror::pull)
    }

    /// Returns the calls that await an answer, in order of arrival.
    pub fn waiting(&self) -> Vec<u64> {
        self.pending.iter().filter(|p| !p.answer.is_closed()).map(|p| self.arrivals[p.arrival].call).collect()
    }

    /// Returns how many requests are not settled, whether or not anybody awaits an answer.
    pub fn unsettled(&self) -> usize {
        self.pending.len()
    }

    fn arrive(&mut self, frame: &Frame) -> oneshot::Receiver<Result<Frame, CallError>> {
        let params: Value = serde_json::from_str(frame.member("params").unwrap_or("{}")).unwrap();
        let mut arguments = params["arguments"].clone();
        let key = arguments.as_object_mut().and_then(|object| object.remove("key"));
        let id = frame.id().unwrap().clone();
        let (moment, size) = (self.tick(), self.size());
        self.arrivals.push(Arrival {
            moment,
            size,
            call: id.as_json().parse().unwrap(),
            tool: params["name"].as_str().unwrap().to_owned(),
            arguments,
            key: key.and_then(|key| key.as_str().map(str::to_owned)),
            fate: None,
        });
        let (answer, answered) = oneshot::channel();
        self.pending.push(Pending { arrival: self.arrivals.len() - 1, id, answer });
        answered
    }

    /// Settles a request by its place among those that are not settled.
    pub fn settle(&mut self, place: usize, fate: Fate) {
        let pending = self.pending.remove(place);
        let size = self.size();
        self.tick();
        self.arrivals[pending.arrival].fate = Some((fate, size));
        if fate.takes_effect() {
            self.effect(pending.arrival);
        } else if fate == Fate::LostAndLate {
            self.late.push(pending.arrival);
        }
        // Whoever asked may have gone.
        let _ = pending.answer.send(fate.answer(&pending.id));
    }

    /// Lets what was on its way take effect.
    pub fn catch_up(&mut self) {
        for arrival in std::mem::take(&mut self.late) {
            self.effect(arrival);
        }
    }

    /// Lets a request take effect, unless its key came before.
    pub fn effect(&mut self, arrival: usize) {
        self.tick();
        let fresh = self.arrivals[arrival].key.clone().is_none_or(|key| self.keys.insert(key));
        if fresh {
            self.effects.push(arrival);
        }
    }
}

/// Is the server, and every line to it.
#[derive(Clone, Default)]
pub struct Upstream(Arc<Mutex<Book>>);

impl Upstream {
    /// Looks into the book.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap()
    }
}

/// Is an await point that may be left at once.
async fn once_pending() {
    let mut passed = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Peer for Upstream {
    fn call(&self, request: Frame) -> Answering {
        let mut book = self.book();
        if request.method() == Some("tools/list") {
            book.listings += 1;
            let list = |tool: &&str| rules::listed(tool, book.versions.get(*tool).copied().unwrap_or(1));
            let tools: Vec<String> = rules::TOOLS.iter().map(list).collect();
            let answer = Frame::result(request.id().unwrap(), &format!("{{\"tools\":[{}]}}", tools.join(",")));
            return Box::pin(async move {
                once_pending().await;
                Ok(answer)
            });
        }
        let answered = book.arrive(&request);
        Box::pin(async move { answered.await.unwrap_or_else(|_| Err(CallError::Unknown("the server is gone".into()))) })
    }
}
