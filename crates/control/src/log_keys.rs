//! The keys of the log: rotated and retired by decision, frozen at once, and a log that ended taken up by whoever holds its
//! folders and a person's key.

use std::sync::{Arc, PoisonError};

use evidence::LogEnd;
use ledger::disk::{Disk, System};
use ledger::epoch::{self, Found};
use ledger::recover::Lock;
use ledger::ring::RingError;
use ledger::witnessing::WitnessingError;
use types::{Code, PersonId, Principal};

use crate::control::{Config, Control};
use crate::door::Refusal;
use crate::error::{Failure, forbidden, invalid};
use crate::late::freeze_next;
use crate::machine::{Change, Command, LogChange};
use crate::state::Target;

/// Is the administration tool that changes the keys of the log.
const TOOL: &str = "countersign.log.key";

/// Is how the keys stand after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysChanged {
    /// The index of the decision's record.
    pub receipt: Option<u64>,
    /// The verifier keys of those that sign now, the oldest first.
    pub signers: Vec<String>,
}

/// Is how a log ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// The index of the last record.
    pub receipt: Option<u64>,
    /// How many records the last checkpoint covers.
    pub size: u64,
    /// How many of them a quorum has cosigned; absent without witnesses.
    pub witnessed: Option<u64>,
}

/// Is how the records go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenUp {
    /// The origin that ended.
    pub old: String,
    /// The verifier key of the new origin.
    pub new: String,
    /// Where the old one ended.
    pub end: LogEnd,
}

fn unkept(error: &RingError) -> Refusal {
    let code = if matches!(error, RingError::Store(_)) { Code::FileUnusable } else { Code::KeysUnusable };
    Refusal::plain(code, error.to_string())
}

impl Control {
    /// Lets a second key of the same name sign besides the one that does, if policy lets this person.
    ///
    /// # Errors
    ///
    /// `state-conflict` while two keys sign; otherwise a refusal with the decision's findings, `file-unusable` if the key
    /// cannot be kept, or what the journal and its files say.
    pub async fn rotate_log_key(self: &Arc<Self>, by: &PersonId, reason: &str) -> Failure<KeysChanged> {
        let _changing = self.changing_log.lock().await;
        let keys = &self.config.place.keys.log;
        let signers = keys.verifiers();
        let [only] = signers.as_slice() else {
            let says = "two keys sign already; `countersign log retire-key` ends that";
            return Err(Refusal::plain(Code::StateConflict, says));
        };
        // Kept before it is recorded: a key that the journal names and nobody has could sign nothing.
        let new = keys.prepare(only.name(), self.random()).map_err(|e| unkept(&e))?.to_string();
        self.change_keys(by, "rotate", reason, LogChange::Rotate { new }).await
    }

    /// Lets the older of two keys sign no longer, if policy lets this person, and destroys it.
    ///
    /// # Errors
    ///
    /// `state-conflict` unless two keys sign; otherwise as for [`Control::rotate_log_key`].
    pub async fn retire_log_key(self: &Arc<Self>, by: &PersonId, reason: &str) -> Failure<KeysChanged> {
        let _changing = self.changing_log.lock().await;
        let keys = &self.config.place.keys.log;
        if keys.verifiers().len() < 2 {
            let says = "one key signs, so there is none to retire; `countersign log rotate-key` makes a second one";
            return Err(Refusal::plain(Code::StateConflict, says));
        }
        // What names the new key is under the old one's signature before that goes.
        self.published().await?;
        let changed = self.change_keys(by, "retire", reason, LogChange::Retire).await?;
        keys.forget_others().map_err(|e| unkept(&e))?;
        Ok(changed)
    }

    async fn change_keys(
        self: &Arc<Self>,
        by: &PersonId,
        what: &str,
        reason: &str,
        change: LogChange,
    ) -> Failure<KeysChanged> {
        let arguments = serde_json::json!({ "change": what });
        let receipt = self.administer(by, TOOL, &arguments, reason, Change::Log(Box::new(change))).await?.receipt;
        self.published().await?;
        let signers = self.config.place.keys.log.verifiers().iter().map(ToString::to_string).collect();
        Ok(KeysChanged { receipt, signers })
    }

    pub(crate) async fn published(self: &Arc<Self>) -> Failure<u64> {
        let this = self.clone();
        let published = tokio::task::spawn_blocking(move || this.publish()).await;
        let published = published.map_err(|e| Refusal::plain(Code::Internal, e.to_string()))?;
        published.map_err(|error| Refusal::plain(error.code(), error.to_string()))
    }

    /// Ends the log because its keys may be in other hands. It only tightens, so it waits for no decision.
    ///
    /// Its last record says so; that is published, brought before the witnesses once, and dated where an authority does so. From then on nothing is decided
    /// here, and no start goes through.
    ///
    /// # Errors
    ///
    /// `request-invalid` without a reason, `log-frozen` if it is frozen already, `log-closed` if its last record is written,
    /// which keeps the freeze for the next start, or what the journal and its files say; in this process nothing leaves any
    /// more all the same.
    pub async fn freeze_log(self: &Arc<Self>, by: &PersonId, reason: &str) -> Failure<Frozen> {
        if reason.trim().is_empty() {
            return Err(invalid("a freeze needs a reason"));
        }
        self.gate.kill(&Target::Tenant(self.config.tenant.clone()));
        let _changing = self.changing_log.lock().await;
        let change = Change::Log(Box::new(LogChange::Freeze));
        let person = Principal::Person(by.clone());
        let asked = self.ask_permit(Command::Local { change, by: person, reason: reason.to_owned() }).await;
        let (_, _, receipt) = asked.map_err(|refusal| self.freeze_late(by, reason, refusal))?;
        let size = self.published().await?;
        let witnessed = match &self.witnesses {
            None => None,
            Some(witnesses) => {
                if let Err(error) = witnesses.round().await {
                    tracing::warn!(%error, "the last checkpoint was not brought before the witnesses");
                }
                Some(witnesses.stand().size)
            }
        };
        if let Some(timestamps) = &self.timestamps {
            timestamps.now().await;
        }
        Ok(Frozen { receipt, size, witnessed })
    }

    /// Keeps a freeze that came after the last record, and says so.
    fn freeze_late(&self, by: &PersonId, reason: &str, refusal: Refusal) -> Refusal {
        if refusal.code != Code::LogClosed {
            return refusal;
        }
        let says = match self.keep_freeze(by, reason) {
            Ok(()) => "the freeze is kept: no start goes through, until `countersign log continue`".to_owned(),
            Err(kept) => format!("the freeze holds in this process alone ({})", kept.message),
        };
        Refusal { message: format!("{}; {says}", refusal.message), ..refusal }
    }

    /// Takes up a log that was frozen, or that is behind what was seen of it, under a new key and a new origin.
    ///
    /// The first record under it commits to where the old one ended, and to how many records are lost. Nothing is decided
    /// by policy here: whoever does it holds the folders, and the key of a person, who is recorded.
    ///
    /// - `token`: the person's bearer key.
    ///
    /// # Errors
    ///
    /// `state-conflict` if the log is neither frozen nor behind, `journal-behind` if records are lost and `accept_gap`
    /// does not say so, `forbidden` for an agent's key, or what the folders, the journal and the witnesses say. The log
    /// is then as it was.
    pub async fn take_up_anew(
        config: Config,
        lock: Lock,
        token: &str,
        reason: &str,
        accept_gap: bool,
    ) -> Failure<TakenUp> {
        if reason.trim().is_empty() {
            return Err(invalid("to go on needs a reason"));
        }
        let lock = freeze_next(&config, lock, token).await?;
        let place = config.place.clone();
        let (control, found) =
            Self::open_anew(config, lock).map_err(|error| Refusal::plain(error.code(), error.to_string()))?;
        let taken = control.take_up_found(found, token, reason, accept_gap).await;
        control.end_unpublished();
        let (taken, standing) = taken?;
        let moved = epoch::move_away(&place, &(Arc::new(System) as Arc<dyn Disk>), &standing);
        moved.map_err(|error| Refusal::plain(error.code(), error.to_string()))?;
        Ok(taken)
    }

    async fn take_up_found(
        &self,
        found: Found,
        token: &str,
        reason: &str,
        accept_gap: bool,
    ) -> Failure<(TakenUp, ledger::Standing)> {
        let Principal::Person(by) = self.holder_of(token)?.principal else {
            return Err(forbidden("a log is taken up by a person"));
        };
        let end = self.seen_by_witnesses(found.end.clone()).await?;
        if end.lost() == 0 && !found.short && !found.standing.frozen {
            let says = "the log is neither frozen nor behind what was seen of it, so it simply goes on";
            return Err(Refusal::plain(Code::StateConflict, says));
        }
        if end.lost() > 0 && !accept_gap {
            let (found, seen) = (end.found, end.seen);
            let says = format!(
                "the journal ends at {found} records, and {seen} were seen: put the newer one back, or acknowledge with \
                 --accept-gap that records {found} to {} are lost",
                seen.saturating_sub(1)
            );
            return Err(Refusal::plain(Code::JournalBehind, says));
        }
        if found.short && !accept_gap {
            let says = "the last changes that were acknowledged are not in the journal, or nobody knows whether they are: put the newer \
                        one back, or acknowledge with --accept-gap that they are lost";
            return Err(Refusal::plain(Code::JournalBehind, says));
        }
        let new = self.config.place.keys.log.prepare(&found.next_origin(), self.random());
        let new = new.map_err(|e| unkept(&e))?.to_string();
        let taken = TakenUp { old: found.origin().to_owned(), new: new.clone(), end: end.clone() };
        let change = Change::Log(Box::new(LogChange::TakeUp { new, end, origins: found.origins }));
        let by = Principal::Person(by);
        self.ask(Command::Local { change, by, reason: reason.to_owned() }).await?;
        let stored = self.history.state_value(ledger::standing::KIND, ledger::standing::KEY)?;
        let standing = stored.and_then(|bytes| types::cbor::decode(&bytes).ok());
        let standing = standing.ok_or_else(|| Refusal::plain(Code::Internal, "the new epoch is not recorded"))?;
        Ok((taken, standing))
    }

    /// Asks the witnesses, who may have seen more than the head file.
    async fn seen_by_witnesses(&self, end: LogEnd) -> Failure<LogEnd> {
        let Some(witnesses) = &self.witnesses else { return Ok(end) };
        match witnesses.round_anyway().await {
            Err(WitnessingError::Behind { seen, .. }) if seen > end.seen => Ok(LogEnd { seen, root: None, ..end }),
            Err(WitnessingError::Behind { .. }) | Ok(_) => Ok(end),
            Err(error) if error.is_fatal() => Err(Refusal::plain(error.code(), error.to_string())),
            Err(error) => {
                tracing::warn!(%error, "the witnesses were not asked");
                Ok(end)
            }
        }
    }

    /// Lets the journal go without publishing anything of it.
    fn end_unpublished(self: Arc<Self>) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(self);
        if let Some(Err(_)) = thread.map(ledger::sync::thread::JoinHandle::join) {
            tracing::warn!("the journal was not closed cleanly");
        }
    }
}
