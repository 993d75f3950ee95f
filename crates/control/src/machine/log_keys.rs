//! The keys of the log: a second one signs, the first one goes, both are in other hands, or the records go on elsewhere.

use evidence::{Content, Field, LogEnd, LogEvent, LogEventKind, RecordKind};
use ledger::standing::{Ended, KEY, KIND, Standing};
use ledger::{Draft, Turn};
use types::{Code, Principal};

use super::{Change, Command, Decider, Reply};

/// Is a change of the keys that sign the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogChange {
    /// A second key signs besides the one that does.
    Rotate {
        /// The verifier key of the new one.
        new: String,
    },
    /// The older of the two that sign does so no longer.
    Retire,
    /// The keys may be in other hands: nothing more is recorded.
    Freeze,
    /// The records go on under a new origin.
    TakeUp {
        /// The verifier key of the new origin.
        new: String,
        /// Where the log ended.
        end: LogEnd,
        /// The origins that ended there.
        origins: Vec<String>,
    },
}

/// Says whether a command takes up a log that ended.
fn takes_up(command: &Command) -> bool {
    matches!(command, Command::Local { change: Change::Log(change), .. } if matches!(**change, LogChange::TakeUp { .. }))
}

impl Decider {
    /// Refuses everything on a log that is frozen, but to take it up under a new origin.
    pub(super) fn frozen(&self, command: &Command) -> Option<Reply> {
        let refused = || Reply::refused(Code::LogFrozen, "the log is frozen: its keys may be in other hands");
        (self.log.frozen && !takes_up(command)).then(refused)
    }

    pub(super) fn change_log(&mut self, change: LogChange, by: &Principal, reason: &str, turn: &mut Turn<'_>) -> Reply {
        let old = self.log.signers.clone();
        let (event, standing, ended) = match (change, old.as_slice()) {
            (LogChange::Rotate { new }, [only]) if *only != new => {
                let signers = vec![only.clone(), new];
                (LogEventKind::Rotated, Standing { signers, ..self.log.clone() }, None)
            }
            (LogChange::Retire, [_, new]) => {
                (LogEventKind::Retired, Standing { signers: vec![new.clone()], ..self.log.clone() }, None)
            }
            (LogChange::Freeze, _) => (LogEventKind::Compromised, Standing { frozen: true, ..self.log.clone() }, None),
            (LogChange::TakeUp { new, end, origins }, _) => {
                (LogEventKind::Continued, self.taken_up(new, &end, origins, turn), Some(end))
            }
            (LogChange::Rotate { .. } | LogChange::Retire, _) => {
                return Reply::refused(Code::StateConflict, "other keys sign the log than when this was asked");
            }
        };
        // With the keys in doubt none of them counts from here on.
        let new = if standing.frozen { Vec::new() } else { standing.signers.clone() };
        let kind = if ended.is_some() { RecordKind::Epoch } else { RecordKind::KeyEvent };
        let content =
            Content::about(vec![by.subject()]).with(Field::Principal, by).with(Field::Reason, &reason.to_owned());
        let log = Some(LogEvent { event, old, new, ended });
        turn.record(Draft { bundle: Some(self.bundle().digest()), log, ..Draft::new(kind, content) });
        turn.put(KIND, KEY, &standing);
        self.log = standing;
        Reply::done()
    }

    fn taken_up(&self, new: String, end: &LogEnd, origins: Vec<String>, turn: &Turn<'_>) -> Standing {
        let record = turn.next_index();
        let ends = origins.into_iter().map(|origin| Ended { origin, end: end.clone(), record });
        let ended = self.log.ended.iter().cloned().chain(ends).collect();
        Standing { signers: vec![new], frozen: false, ended }
    }
}
