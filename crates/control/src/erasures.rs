//! Erasures: everything that is recorded about a person or an agent goes, and every proof stays.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use ledger::reach::{self, Traced};
use minicbor::bytes::ByteArray;
use replay::fold::{Books, Leaving};
use types::{Code, Digest, Millis, PersonId, Principal, cbor};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::{Failure, invalid};
use crate::logs::closed_log;
use crate::machine::{Change, Command, Reach};
use crate::state::{Erased, kind};

/// Is how often the answer looks whether the last erased byte is gone.
const GONE_EVERY: Duration = Duration::from_millis(100);

/// Is how often it looks at most; all looks together take ten seconds.
const GONE_TRIES: u32 = 100;

/// Is the administration tool that erases a subject.
const ERASE: &str = "countersign.subject.erase";

/// Is what an erasure did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// The index of its first record.
    pub receipt: u64,
    /// When it was recorded.
    pub at: Millis,
    /// How many records lost their content.
    pub records: u64,
    /// How many cases ended with it.
    pub cases: u64,
    /// How many sessions ended with it.
    pub sessions: u64,
    /// How many keys it took along.
    pub keys: u64,
    /// How many levels given by hand it took along.
    pub levels: u64,
    /// Stored bundles whose texts have the name in them still: they are how others' actions were decided.
    pub bundles: Vec<Digest>,
    /// Nothing of it is in the journal's files any more. Until then a reader holds the last bytes up.
    pub gone: bool,
    /// It was erased before, and this is what that did.
    pub repeated: bool,
}

/// Reads a subject, written `agent:NAME` or `person:NAME`.
///
/// # Errors
///
/// `request-invalid` if it is none.
pub fn subject(text: &str) -> Failure<Principal> {
    let wrong = || invalid(format!("`{text}` is no subject; write `agent:NAME` or `person:NAME`"));
    Principal::from_subject(text).ok_or_else(wrong)
}

fn bare(subject: &Principal) -> &str {
    match subject {
        Principal::Agent(agent) => agent.as_str(),
        Principal::Person(person) => person.as_str(),
    }
}

impl Control {
    /// Erases a subject, if policy lets this person: its key is destroyed, and with it the content of every record about
    /// it. A second time it answers what the first did.
    ///
    /// # Errors
    ///
    /// `not-found` if nothing was ever recorded about it; `subject-in-use` with what is alive and names it; otherwise a
    /// refusal with the decision's findings, or what the journal says.
    pub async fn erase(&self, by: &PersonId, subject: &Principal, reason: &str) -> Failure<Erasure> {
        let name = subject.subject();
        let mark = hex::encode(self.config.place.keys.tenant.mark(&name));
        let wish = Self::administration(by, ERASE, &serde_json::json!({ "subject": name }), reason)?;
        // Whoever may not erase learns nothing of what is recorded, and is denied on the record.
        let closed = if self.is_denied(&wish) { Vec::new() } else { self.reaches(&name)? };
        if !self.is_denied(&wish) && !self.is_known(subject, &closed)? {
            let before = self.erased(&mark)?;
            // What is left then are the closed logs of which nobody can tell.
            let unread = if closed.is_empty() { "" } else { ", as far as the closed logs can be read" };
            let missing = || Refusal::plain(Code::NotFound, format!("nothing is recorded about `{name}`{unread}"));
            return self.told(subject, before.ok_or_else(missing)?, true);
        }
        let decided = self.decide_change(wish, Change::Erase { subject: subject.clone(), mark, closed }).await?;
        let (_, erased) = *decided.gone.ok_or_else(|| Refusal::plain(Code::Internal, "the erasure has no answer"))?;
        self.forget(subject)?;
        self.await_scrub().await;
        let reached = self.reach_closed().await?;
        let told = self.told(subject, erased, false)?;
        Ok(Erasure { gone: told.gone && reached, ..told })
    }

    /// Says whether anything is there to be erased: records here or in a closed log, or what went over from one.
    fn is_known(&self, subject: &Principal, closed: &[Reach]) -> Failure<bool> {
        let traced = closed.iter().any(|reach| reach.records > 0);
        if traced || self.history.knows(&subject.subject())? {
            return Ok(true);
        }
        let rows = |kind: &str| self.history.state(kind).map_err(|error| error.to_string());
        let books = Books::load(&rows).map_err(|why| Refusal::plain(Code::JournalMismatch, why))?;
        Ok(books.names(&Leaving::new(subject, BTreeSet::new())))
    }

    /// Finds the closed logs that have something of a subject, and those of which nobody can tell: they are reached once their
    /// journals can be read again.
    fn reaches(&self, name: &str) -> Failure<Vec<Reach>> {
        let place = &self.config.place;
        let tag = place.keys.tenant.tag(name);
        let mut found = Vec::new();
        for (log, history) in self.before()? {
            let traces = history.and_then(|_| {
                let traces = reach::traces(&place.data, log, &place.keys.tenant, name);
                traces.map_err(|e| Refusal::plain(e.code(), format!("the closed log {log}: {e}")))
            });
            match traces {
                Ok(Traced { records: 0, .. }) => {}
                Ok(Traced { records, actions }) => found.push(Reach { log, records, actions, tag }),
                Err(unread) => {
                    tracing::warn!(log, message = %unread.message, "an erasure cannot reach a closed log yet");
                    found.push(Reach { log, records: 0, actions: BTreeSet::new(), tag });
                }
            }
        }
        Ok(found)
    }

    /// Erases in closed logs what is recorded as erased there, also what a crash has left; says whether all of it is gone.
    /// A closed log that cannot be reached is left for the next start.
    ///
    /// # Errors
    ///
    /// What the live journal says.
    pub(crate) async fn reach_closed(&self) -> Failure<bool> {
        let mut gone = true;
        for (key, bytes) in self.history.state(kind::REACHING)? {
            let (log, tag): (u64, ByteArray<32>) = cbor::decode(&bytes)
                .map_err(|e| Refusal::plain(Code::Internal, format!("what an erasure has to reach is {e}")))?;
            let data = self.config.place.data.clone();
            self.closed.forget(log);
            let is_kept = closed_log(&self.history, &log.to_string())?.deleted.is_none();
            let erased =
                tokio::task::spawn_blocking(move || if is_kept { reach::erase(&data, log, &tag) } else { Ok(true) });
            let erased = erased.await.map_err(|e| Refusal::plain(Code::Internal, e.to_string()))?;
            let erased = erased.unwrap_or_else(|error| {
                tracing::warn!(log, %error, "an erasure has not reached a closed log; the next start tries again");
                false
            });
            gone &= erased;
            if erased {
                self.ask(Command::Reached(key)).await?;
            }
        }
        Ok(gone)
    }

    fn erased(&self, mark: &str) -> Failure<Option<Erased>> {
        let rows = self.history.state(kind::ERASED)?;
        let own = rows.iter().find(|(key, _)| key == mark);
        Ok(own.and_then(|(_, bytes)| cbor::decode(bytes).ok()))
    }

    /// Drops from memory what the journal has dropped.
    fn forget(&self, subject: &Principal) -> Failure<()> {
        let person = if let Principal::Person(person) = subject { Some(person) } else { None };
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|_, key| {
            let acted_for = person.is_some() && key.on_behalf_of.as_ref() == person;
            key.holder != *subject && key.by != *subject && !acted_for
        });
        drop(keys);
        self.forget_oversight();
        self.history.knows(&subject.subject())?;
        Ok(())
    }

    async fn await_scrub(&self) {
        for _ in 0..GONE_TRIES {
            if !self.health().scrub_due {
                return;
            }
            tokio::time::sleep(GONE_EVERY).await;
        }
    }

    fn told(&self, subject: &Principal, erased: Erased, repeated: bool) -> Failure<Erasure> {
        let Erased { index: receipt, at, records, cases, sessions, keys, levels } = erased;
        let (bundles, gone) = (self.bundles_naming(bare(subject))?, !self.health().scrub_due);
        Ok(Erasure { receipt, at, records, cases, sessions, keys, levels, bundles, gone, repeated })
    }

    fn bundles_naming(&self, name: &str) -> Failure<Vec<Digest>> {
        let names = |bytes: &[u8]| {
            let files: Vec<(String, String)> = cbor::decode(bytes).unwrap_or_default();
            files.iter().any(|(_, text)| text.contains(name))
        };
        let rows = self.history.state(kind::BUNDLE)?;
        let naming = rows.iter().filter(|(_, bytes)| names(bytes)).filter_map(|(key, _)| Digest::from_hex(key));
        Ok(naming.collect())
    }
}
