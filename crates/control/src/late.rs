//! Kills and freezes that come after a log's last record: kept, and recorded by the next start before it serves.

use std::collections::BTreeMap;

use ledger::History;
use ledger::late::Late;
use ledger::recover::{Lock, OpenError};
use types::cbor::{self, Canonical};
use types::{Code, KeyId, PersonId, Principal};

use crate::closing::{opened, put_away, taken_again};
use crate::control::{Config, Control};
use crate::door::Refusal;
use crate::error::{Failure, forbidden, invalid};
use crate::keys::holder_among;
use crate::machine::{Change, Command, LogChange};
use crate::state::{Key, Switch, Target, kind};

/// Is who froze a log, and why.
type Freeze = (Principal, String);

pub(crate) fn unusable(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::plain(Code::FileUnusable, format!("what came after the log's last record: {error}"))
}

fn kept<T: Canonical>(late: Late, config: &Config) -> Failure<Option<T>> {
    let bytes = late.read(&config.place.head).map_err(|error| unusable(&error))?;
    bytes.map(|bytes| cbor::decode(&bytes)).transpose().map_err(|error| unusable(&error))
}

fn keep<T: Canonical>(late: Late, config: &Config, value: &T) -> Failure<()> {
    late.keep(&config.place.head, &cbor::encode(value)).map_err(|error| unusable(&error))
}

fn forget(late: Late, config: &Config) -> Failure<()> {
    late.forget(&config.place.head).map_err(|error| unusable(&error))
}

/// Says whether a log that answers so records nothing any more.
pub(crate) fn is_over(code: Code) -> bool {
    matches!(code, Code::LogClosed | Code::LogFrozen)
}

fn frozen() -> Refusal {
    let says = "the log was frozen after its last record; to go on under a new key and a new name: countersign log \
                continue --reason \"…\"";
    Refusal::plain(Code::LogFrozen, says)
}

impl Control {
    /// Keeps a kill that the log can record no more; the caller holds `switching`.
    pub(crate) fn keep_kill(&self, switch: &Switch) -> Failure<()> {
        let before: Option<Vec<Switch>> = kept(Late::Kills, &self.config)?;
        let others = before.into_iter().flatten().filter(|other| other.target != switch.target);
        keep(Late::Kills, &self.config, &others.chain([switch.clone()]).collect::<Vec<_>>())
    }

    /// Keeps a freeze that the log can record no more.
    pub(crate) fn keep_freeze(&self, by: &PersonId, reason: &str) -> Failure<()> {
        let freeze: Freeze = (Principal::Person(by.clone()), reason.to_owned());
        keep(Late::Freeze, &self.config, &freeze)
    }

    /// Records what came after the last record of the log before; nothing may be served before that.
    ///
    /// # Errors
    ///
    /// `log-frozen` if the log was frozen, or what the journal and the head folder say.
    pub(crate) async fn record_late(&self) -> Failure<()> {
        match self.record_late_now().await {
            // The log that was being closed is closed by now: the one after it records it.
            Err(refusal) if refusal.code == Code::LogClosed => Ok(()),
            other => other,
        }
    }

    async fn record_late_now(&self) -> Failure<()> {
        if let Some(kills) = kept::<Vec<Switch>>(Late::Kills, &self.config)? {
            for kill in kills {
                self.set_again(kill).await?;
            }
            forget(Late::Kills, &self.config)?;
        }
        self.set_kept().await?;
        if let Some((by, reason)) = kept::<Freeze>(Late::Freeze, &self.config)? {
            self.gate.kill(&Target::Tenant(self.config.tenant.clone()));
            let change = Change::Log(Box::new(LogChange::Freeze));
            self.ask(Command::Local { change, by, reason }).await?;
            forget(Late::Freeze, &self.config)?;
            return Err(frozen());
        }
        Ok(())
    }

    /// Sets and records a kill that an earlier run has kept.
    pub(crate) async fn set_again(&self, kill: Switch) -> Failure<()> {
        self.set_here(&kill);
        self.put_down(&kill).await.map(drop)
    }
}

/// Freezes a closed log where no server runs: no start goes through from then on.
///
/// # Errors
///
/// `request-invalid` without a reason, `forbidden` for an agent's key, or what the folders and the journal say.
pub fn freeze_closed(config: &Config, _lock: &Lock, token: &str, reason: &str) -> Failure<()> {
    if reason.trim().is_empty() {
        return Err(invalid("a freeze needs a reason"));
    }
    keep(Late::Freeze, config, &(Principal::Person(person_at_rest(config, token)?), reason.to_owned()))
}

/// Finds out which person a bearer token stands for, where the journal is at rest.
fn person_at_rest(config: &Config, token: &str) -> Failure<PersonId> {
    let history = History::open(&config.place.data, config.place.keys.tenant.clone())
        .map_err(|error| Refusal::plain(error.code(), error.to_string()))?;
    let rows = history.state(kind::KEY)?;
    let keys = rows.iter().filter_map(|(_, bytes)| cbor::decode::<Key>(bytes).ok());
    let keys: BTreeMap<KeyId, Key> = keys.map(|key| (key.id, key)).collect();
    match holder_among(&keys, token, config.place.clock.wall())?.principal {
        Principal::Person(person) => Ok(person),
        Principal::Agent(_) => Err(forbidden("a log is frozen and taken up by a person")),
    }
}

/// Puts a closed log away that was frozen after its last record, and records the freeze in the next one, which is then as
/// frozen as any other and can be taken up anew.
///
/// - `token`: the key of the person who takes it up.
///
/// # Errors
///
/// As for [`put_away`], or for the key.
pub(crate) async fn freeze_next(config: &Config, lock: Lock, token: &str) -> Failure<Lock> {
    if kept::<Freeze>(Late::Freeze, config)?.is_none() {
        return Ok(lock);
    }
    person_at_rest(config, token)?;
    let (lock, _) = put_away(config, lock, true).await?;
    match Control::open_locked(config.clone(), lock) {
        // It is recorded, and the process died before the file was gone.
        Err(OpenError::Frozen(_)) => forget(Late::Freeze, config)?,
        Err(error) => return Err(opened(&error)),
        Ok(control) => {
            let recorded = control.record_late().await;
            control.close().await;
            recorded.or_else(|refusal| if refusal.code == Code::LogFrozen { Ok(()) } else { Err(refusal) })?;
        }
    }
    taken_again(config).await
}
