//! The keys of the log: a second one signs, the first one goes, both are in other hands, or the records go on elsewhere.

use evidence::{Content, Field, LogEnd, LogEvent, LogEventKind, RecordKind};
use ledger::standing::{KEY, KIND, Standing};
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
        let (event, new, ended, origins) = match (change, old.as_slice()) {
            (LogChange::Rotate { new }, [only]) if *only != new => {
                (LogEventKind::Rotated, vec![only.clone(), new], None, Vec::new())
            }
            (LogChange::Retire, [_, new]) => (LogEventKind::Retired, vec![new.clone()], None, Vec::new()),
            (LogChange::Freeze, _) => (LogEventKind::Compromised, Vec::new(), None, Vec::new()),
            (LogChange::TakeUp { new, end, origins }, _) => (LogEventKind::Continued, vec![new], Some(end), origins),
            (LogChange::Rotate { .. } | LogChange::Retire, _) => {
                return Reply::refused(Code::StateConflict, "other keys sign the log than when this was asked");
            }
        };
        let kind = if ended.is_some() { RecordKind::Epoch } else { RecordKind::KeyEvent };
        let log = LogEvent { ended, ..LogEvent::of(event, old, new) };
        let content = Content::about(vec![by.subject()])
            .with(Field::Principal, by)
            .with(Field::Reason, &reason.to_owned())
            .with_some(Field::Body, (!origins.is_empty()).then_some(&origins));
        self.log = Standing::after(Some(&self.log), &log, origins, turn.next_index());
        turn.record(Draft { bundle: Some(self.bundle().digest()), log: Some(log), ..Draft::new(kind, content) });
        turn.put(KIND, KEY, &self.log);
        Reply::done()
    }
}
