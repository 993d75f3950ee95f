//! Kills kept the moment they come: beside the journal, so that one is armed and durable whatever the journal is at.
//!
//! What is kept is forgotten once the journal has it, and before anybody can lift the switch; a start records what is kept and not
//! recorded. Where nothing runs beside the requests, as in a simulation, a kill waits for the journal.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ledger::at_once::AtOnce;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedMutexGuard, oneshot};
use tokio::task::{block_in_place, spawn_blocking};
use tokio::time::sleep;
use types::cbor;

use crate::control::Control;
use crate::door::Refusal;
use crate::error::Failure;
use crate::late::unusable;
use crate::state::{Switch, Target};

/// Is how long a kill that is kept waits for the journal where people serve: about what the journal takes most of the time. Timers go by
/// whole milliseconds, so it is up to one more.
pub const RECEIPT_WAIT: Duration = Duration::from_millis(1);

/// Keeps one kill at a time.
#[derive(Debug)]
pub(crate) struct KillKept {
    file: AtOnce,
    /// What the kill covers that is kept.
    target: Mutex<Option<Target>>,
}

impl KillKept {
    fn keep(&self, switch: &Switch) -> io::Result<()> {
        let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        *target = Some(switch.target.clone());
        self.file.keep(&cbor::encode(switch))
    }

    fn forget(&self, covered: &Target) -> io::Result<()> {
        let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        if target.as_ref() == Some(covered) {
            self.file.forget()?;
            *target = None;
        }
        Ok(())
    }
}

/// Waits for the disk on this very thread, where others take its work over meanwhile: whoever is woken for it, or by it, has to get a
/// processor first, and that takes as long as the disk on a busy machine.
async fn at_the_disk<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => Some(block_in_place(work)),
        _ => spawn_blocking(work).await.ok(),
    }
}

impl Control {
    /// Keeps kills from now on.
    pub(crate) fn keep_kills_at_once(&self) {
        match AtOnce::open(&self.config.place.head) {
            Ok(file) => drop(self.at_once.set(Arc::new(KillKept { file, target: Mutex::default() }))),
            Err(error) => tracing::warn!(%error, "kills are kept nowhere but in the journal"),
        }
    }

    /// Records a kill that holds here, or keeps it where the journal takes its time; returns the index of its record, if that was
    /// there in time. Nobody lifts the switch before it is recorded, or refused.
    ///
    /// # Errors
    ///
    /// What the journal says, if it says so in time.
    pub(crate) async fn make_durable(
        self: &Arc<Self>,
        switch: Switch,
        switching: OwnedMutexGuard<()>,
    ) -> Failure<Option<u64>> {
        let Some(kept) = self.at_once.get().cloned() else { return self.record_kill(&switch).await };
        let receipt_wait = sleep(self.config.receipt_wait);
        let (tell, recorded) = oneshot::channel();
        let (keeping, kept_or_not) = oneshot::channel::<Infallible>();
        let (this, kill) = (self.clone(), switch.clone());
        tokio::spawn(async move {
            let done = this.record_kill(&switch).await;
            let is_recorded = done.is_ok();
            let _ = tell.send(done);
            let _ = kept_or_not.await;
            if is_recorded {
                this.forget_at_once(&switch.target).await;
            }
            drop(switching);
        });
        let keep = move || {
            let done = kept.keep(&kill);
            drop(keeping);
            done.is_ok()
        };
        let is_kept = at_the_disk(keep).await == Some(true);
        tokio::select! {
            biased;
            recorded = recorded => recorded.map_err(|_| Refusal::plain(types::Code::Internal, "the kill was interrupted"))?,
            () = receipt_wait, if is_kept => Ok(None),
        }
    }

    /// Forgets a kill that is recorded, or lifted.
    pub(crate) async fn forget_at_once(&self, target: &Target) {
        let Some(kept) = self.at_once.get().cloned() else { return };
        let target = target.clone();
        let forgotten = spawn_blocking(move || kept.forget(&target)).await;
        if !matches!(forgotten, Ok(Ok(()))) {
            tracing::warn!("a kill that is recorded is kept all the same; the next start may set it again");
        }
    }

    /// Sets what was kept and never recorded, before anything is served.
    pub(crate) async fn set_kept(&self) -> Failure<()> {
        let head = &self.config.place.head;
        let Some(bytes) = AtOnce::read(head).map_err(|error| unusable(&error))? else { return Ok(()) };
        let kill: Switch = cbor::decode(&bytes).map_err(|error| unusable(&error))?;
        let is_known = |set: &Switch| set.target == kill.target && set.at >= kill.at;
        if !self.switches().iter().any(is_known) {
            self.set_again(kill).await?;
        }
        AtOnce::open(head).and_then(|file| file.forget()).map_err(|error| unusable(&error))
    }
}
