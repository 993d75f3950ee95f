//! The handle callers hold: send a command, await its durable answer.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use types::{Broken, Code};

use crate::machine::Machine;
use crate::recorded::Recorded;
use crate::sync::{RwLock, watch};

/// Is how many commands may wait for the sequencer; one more is refused as overloaded.
pub const QUEUE_MAX: usize = 4_096;

/// Is the answer to a command whose records are durable.
#[derive(Debug)]
pub struct Committed<M: Machine> {
    /// What the machine answered.
    pub reply: M::Reply,
    /// The authority it gave, now recorded.
    pub authority: Option<Recorded<M::Authority>>,
    /// The index of the command's first record; absent if it made none.
    pub index: Option<u64>,
}

/// Says why a command has no durable answer. Nothing it asked for has happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The disk is full; the journal tries again with the next command.
    #[error("the disk is full, so nothing can be recorded and nothing runs")]
    DiskFull,
    /// The journal has stopped and must be opened again by a restart.
    #[error("the journal has stopped: {0}")]
    Stopped(String),
    /// Something does not hold that must; the journal has stopped and must be opened again by a restart.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// Too many commands wait.
    #[error("{QUEUE_MAX} requests are waiting already")]
    Overloaded,
    /// The ledger is closing.
    #[error("the journal is closing")]
    Closing,
}

impl LedgerError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::DiskFull => Code::DiskFull,
            Self::Stopped(_) => Code::JournalStopped,
            Self::Broken(_) => Code::InvariantBroken,
            Self::Overloaded => Code::Overloaded,
            Self::Closing => Code::ShuttingDown,
        }
    }
}

pub(crate) type Answer<M> = Result<Committed<M>, LedgerError>;

pub(crate) struct Request<M: Machine> {
    pub(crate) command: M::Command,
    pub(crate) answer: oneshot::Sender<Answer<M>>,
}

/// Is how the journal is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// How many records are durable.
    pub size: u64,
    /// Why the journal has stopped, if it has.
    pub stopped: Option<String>,
    /// What does not hold that must, if the journal has stopped for that.
    pub broken: Option<Broken>,
    /// Something was erased whose bytes may be in the write-ahead log still, because somebody reads the journal.
    pub scrub_due: bool,
}

impl Health {
    /// Returns what everybody is told once the journal has stopped.
    fn refusal(&self) -> Option<LedgerError> {
        let stopped = || self.stopped.clone().map(LedgerError::Stopped);
        self.broken.clone().map(LedgerError::Broken).or_else(stopped)
    }

    /// Takes note of an error after which the journal stops.
    pub(crate) fn stop(&mut self, error: &LedgerError) {
        match error {
            LedgerError::Stopped(why) => self.stopped = Some(why.clone()),
            LedgerError::Broken(broken) => {
                self.stopped = Some(format!("{broken}: {}", broken.why));
                self.broken = Some(broken.clone());
            }
            LedgerError::DiskFull | LedgerError::Overloaded | LedgerError::Closing => {}
        }
    }
}

/// Sends commands to the one sequencer of a tenant.
pub struct Ledger<M: Machine> {
    pub(crate) requests: mpsc::Sender<Request<M>>,
    pub(crate) health: Arc<RwLock<Health>>,
    pub(crate) size: watch::Receiver<u64>,
}

impl<M: Machine> Clone for Ledger<M> {
    fn clone(&self) -> Self {
        Self { requests: self.requests.clone(), health: self.health.clone(), size: self.size.clone() }
    }
}

impl<M: Machine> Ledger<M> {
    /// Sends a command and waits until its answer is durable.
    ///
    /// Dropping the future before the sequencer takes the command withdraws it; afterwards it is recorded.
    ///
    /// # Errors
    ///
    /// [`LedgerError`], as described there; the command has then had no effect.
    pub async fn ask(&self, command: M::Command) -> Result<Committed<M>, LedgerError> {
        if let Some(error) = self.health.read().ok().and_then(|health| health.refusal()) {
            return Err(error);
        }
        let (answer, answered) = oneshot::channel();
        match self.requests.try_send(Request { command, answer }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return Err(LedgerError::Overloaded),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(self.closing()),
        }
        answered.await.unwrap_or_else(|_| Err(self.closing()))
    }

    /// Stops the journal until a restart: every later command is refused, as after a sync that failed.
    ///
    /// What the sequencer has taken already is still recorded and answered.
    pub fn halt(&self, why: &str) {
        if let Ok(mut health) = self.health.write() {
            health.stopped.get_or_insert_with(|| why.to_owned());
        }
    }

    /// Returns how the journal is doing.
    pub fn health(&self) -> Health {
        self.health.read().map(|health| health.clone()).unwrap_or_default()
    }

    /// Watches how many records are durable.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.size.clone()
    }

    fn closing(&self) -> LedgerError {
        self.health().refusal().unwrap_or(LedgerError::Closing)
    }
}
