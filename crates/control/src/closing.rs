//! The end of a log by decision, and the new one after it.

use std::sync::Arc;
use std::time::Duration;

use evidence::log_archive::Contents;
use ledger::disk::System;
use ledger::recover::{Lock, OpenError, lock};
use ledger::rollover::{self, RolledOver};
use ledger::standing::{Closing, KEY, KIND};
use ledger::{Disk, Standing};
use types::{Code, Digest, PersonId, cbor};

use crate::control::{Config, Control};
use crate::door::Refusal;
use crate::error::Failure;
use crate::logs::LogView;
use crate::machine::Change;
use crate::witnesses::Witnesses;

/// Is the administration tool that closes the log.
pub(crate) const CLOSE: &str = "countersign.log.close";

/// Is the administration tool that says that a closed log is in an archive.
const ARCHIVE: &str = "countersign.log.archive";

/// Is the administration tool that deletes a closed log.
const DELETE: &str = "countersign.log.delete";

/// Is how often a close looks whether what was in flight has landed.
const DRAINED_EVERY: Duration = Duration::from_millis(100);

/// Is how often it looks at most; all looks together take half a minute.
const DRAINED_TRIES: u32 = 300;

/// Is how often a start waits for its own data folder, which the run before has let go a moment ago.
const LOCK_TRIES: u32 = 100;

/// Is how a close has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedNow {
    /// The index of the decision's record.
    pub receipt: Option<u64>,
    /// The last record is written; otherwise it is as soon as nothing is in flight, or by the next start.
    pub is_closed: bool,
    /// How many records the last checkpoint covers.
    pub size: u64,
    /// How many of them a quorum has cosigned; absent without witnesses.
    pub witnessed: Option<u64>,
}

pub(crate) fn opened(error: &OpenError) -> Refusal {
    Refusal::plain(error.code(), error.to_string())
}

impl Control {
    /// Closes the log, if policy lets this person.
    ///
    /// From the decision on nothing new is permitted; what is in flight lands, and the last record says that the log is
    /// complete. It is published, and brought before the witnesses once. The next start takes up a new log.
    ///
    /// # Errors
    ///
    /// `log-closed` if it is closed already, `log-frozen` if somebody freezes it meanwhile; otherwise a refusal with the decision's findings, or what the journal and its
    /// files say.
    pub async fn close_log(self: &Arc<Self>, by: &PersonId, reason: &str) -> Failure<ClosedNow> {
        let receipt = {
            let _changing = self.changing_log.lock().await;
            self.administer(by, CLOSE, &serde_json::json!({}), reason, Change::CloseLog).await?.receipt
        };
        // Whoever freezes the log waits for nothing of what follows.
        let is_closed = self.await_drained().await?;
        let size = self.published().await?;
        let witnessed = match &self.witnesses {
            None => None,
            Some(witnesses) => {
                if let Err(error) = witnesses.round().await {
                    tracing::warn!(%error, "the final checkpoint was not brought before the witnesses");
                }
                Some(witnesses.stand().size)
            }
        };
        Ok(ClosedNow { receipt, is_closed, size, witnessed })
    }

    async fn await_drained(&self) -> Failure<bool> {
        for _ in 0..DRAINED_TRIES {
            match self.tick().await {
                Err(refusal) if refusal.code != Code::LogClosed => return Err(refusal),
                _ => {}
            }
            if self.is_closed()? {
                return Ok(true);
            }
            tokio::time::sleep(DRAINED_EVERY).await;
        }
        Ok(false)
    }

    /// Says whether the log's last record is written.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub fn is_closed(&self) -> Failure<bool> {
        let stored = self.history().state_value(KIND, KEY)?;
        let standing = stored.and_then(|bytes| cbor::decode::<Standing>(&bytes).ok());
        Ok(standing.is_some_and(|standing| standing.is_closed()))
    }

    /// Records that this person has put a closed log into an archive and read it back, if policy lets them. That is their
    /// word: the archive is not looked at here.
    ///
    /// # Errors
    ///
    /// `not-found` for a log that is not among the closed ones, `log-deleted` if it was deleted; otherwise a refusal with
    /// the decision's findings, or what the journal says.
    pub async fn archived(
        &self,
        by: &PersonId,
        name: &str,
        archive: (Digest, Contents),
        reason: &str,
    ) -> Failure<LogView> {
        let number = self.kept_log(name)?.number;
        let (digest, contents) = archive;
        let arguments = serde_json::json!({ "log": number, "digest": digest, "contents": contents });
        self.administer(by, ARCHIVE, &arguments, reason, Change::ArchiveLog { number, archive }).await?;
        self.log_named(name)
    }

    /// Deletes a closed log, if policy lets this person and retention allows it: its journal with contents and keys, and
    /// its published files. Its final checkpoint stays.
    ///
    /// # Errors
    ///
    /// `not-found` for a log that is not among the closed ones, `log-deleted` if it was deleted before,
    /// `retention-forbids` before its time, without a recorded archive, or while something that began in it is open;
    /// `data-folder-busy` while somebody reads its journal, whose keys the next start destroys then; otherwise a refusal with
    /// the decision's findings, or what the journal and the files say.
    pub async fn delete_log(&self, by: &PersonId, name: &str, reason: &str) -> Failure<LogView> {
        let number = self.kept_log(name)?.number;
        let arguments = serde_json::json!({ "log": number });
        self.administer(by, DELETE, &arguments, reason, Change::DeleteLog(number)).await?;
        self.closed.forget(number);
        let log = self.closed_log(name)?;
        let data = self.config().place.data.clone();
        let removed = tokio::task::spawn_blocking(move || {
            ledger::closed::delete(&data, &(Arc::new(System) as Arc<dyn Disk>), &log)
        });
        let removed = removed.await.map_err(|e| Refusal::plain(Code::Internal, e.to_string()))?;
        removed.map_err(|error| {
            let says =
                format!("the deletion is recorded, and the next start removes what is left of its files: {error}");
            Refusal::plain(error.code(), says)
        })?;
        self.log_named(name)
    }
}

/// Takes up a new log if the one that is there is closed, or is being closed; then the final checkpoint is brought before
/// the witnesses once more. Returns the lock, and what became of the log.
///
/// Everything that the next decision reads goes over. A crash at any instant leaves the closed log or the new one.
///
/// # Errors
///
/// `log-frozen` if it was frozen after its last record; what the folders and the journal say, or `journal-behind` and
/// `journal-mismatch` if a witness knows another log.
pub async fn roll_over(config: &Config, lock: Lock) -> Failure<(Lock, Option<RolledOver>)> {
    put_away(config, lock, false).await
}

/// Takes up a new log as [`roll_over`] does; `frozen` also after one that was frozen after its last record.
pub(crate) async fn put_away(config: &Config, mut lock: Lock, frozen: bool) -> Failure<(Lock, Option<RolledOver>)> {
    let closing = rollover::closing(&config.place.data).map_err(|error| opened(&error))?;
    if let Some(Closing::Draining(_)) = closing {
        // What was in flight as the last run stopped is in doubt, and with that nothing is any more.
        let control = Control::open_locked(config.clone(), lock).map_err(|error| opened(&error))?;
        control.take_up().await?;
        control.close().await;
        lock = taken_again(config).await?;
    }
    if closing.is_none() {
        return Ok((lock, None));
    }
    let place = config.place.clone();
    let witnesses = config.witnesses.clone();
    let begun = tokio::task::spawn_blocking(move || {
        let begin = if frozen { rollover::begin_frozen } else { rollover::begin };
        let begun = begin(&place, &lock).map(|begun| begun.map(|begun| begun.witnessed_by(witnesses)));
        (begun, lock)
    });
    let (begun, lock) = begun.await.map_err(|e| Refusal::plain(Code::Internal, e.to_string()))?;
    let Some(begun) = begun.map_err(|error| opened(&error))? else { return Ok((lock, None)) };
    bring_before_witnesses(config).await?;
    let finished = tokio::task::spawn_blocking(move || begun.finish()).await;
    let finished = finished.map_err(|e| Refusal::plain(Code::Internal, e.to_string()))?;
    Ok((lock, Some(finished.map_err(|error| opened(&error))?)))
}

async fn bring_before_witnesses(config: &Config) -> Failure<()> {
    let Some(witnesses) = Witnesses::of(config)? else { return Ok(()) };
    match witnesses.round().await {
        Err(error) if error.is_fatal() => Err(Refusal::plain(error.code(), error.to_string())),
        Err(error) => {
            tracing::warn!(%error, "the final checkpoint was not brought before the witnesses");
            Ok(())
        }
        Ok(all) => {
            if !all {
                tracing::warn!("no quorum of witnesses has cosigned the final checkpoint");
            }
            Ok(())
        }
    }
}

pub(crate) async fn taken_again(config: &Config) -> Failure<Lock> {
    for _ in 1..LOCK_TRIES {
        match lock(&config.place.data) {
            Err(OpenError::Busy(_)) => tokio::time::sleep(DRAINED_EVERY).await,
            taken => return taken.map_err(|error| opened(&error)),
        }
    }
    lock(&config.place.data).map_err(|error| opened(&error))
}
