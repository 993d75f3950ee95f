//! The end of a log by decision: nothing new is permitted, what is in flight lands, and the last record counts what goes
//! over into the next log. And what becomes of a closed log: archived, deleted.

use evidence::log_archive::Contents;
use evidence::{Content, Counts, Field, LogEnd, LogEvent, LogEventKind, RecordKind};
use ledger::closed::{ClosedLog, Deleted, KIND as CLOSED};
use ledger::standing::{Closing, KEY, KIND};
use ledger::{Draft, Standing, Turn};
use stages::approval;
use types::retention::Retention;
use types::{ActionId, Code, Digest, Millis, Principal, SessionId};

use super::{Change, Command, Decider, LogChange, Reply, SagaMove};

const DAY_MS: i64 = 86_400_000;

/// Says whether a command would begin something in a log that is being closed. Freezing it never waits.
fn begins(command: &Command) -> bool {
    match command {
        Command::Propose(_) | Command::OpenSession(..) | Command::Decoy(_) => true,
        Command::Saga(what) => !matches!(what, SagaMove::Stand { .. }),
        Command::Local { change: Change::Log(change), .. } => {
            !matches!(**change, LogChange::Freeze | LogChange::TakeUp { .. })
        }
        Command::Local { .. } => true,
        _ => false,
    }
}

impl Decider {
    /// Refuses what would begin something in a log that is being closed, and everything that would be recorded in one that
    /// is closed.
    pub(super) fn complete(&self, command: &Command) -> Option<Reply> {
        let refused = match self.log.closing? {
            Closing::Draining(_) => begins(command),
            // It changes nothing that is stored.
            Closing::Closed => !matches!(command, Command::Inventory { .. }),
        };
        let says = "the log is closed; the next start of the server takes up a new one, with all that is open";
        refused.then(|| Reply::refused(Code::LogClosed, says))
    }

    /// Permits nothing new from here on, so that the log can be closed.
    pub(super) fn drain(&mut self, action: Option<ActionId>, turn: &mut Turn<'_>) -> Reply {
        self.log = Standing { closing: Some(Closing::Draining(action)), ..self.log.clone() };
        turn.put(KIND, KEY, &self.log);
        // Nobody waits for a decoy, so none goes over into the next log.
        Reply::changed(self.end_decoys(|_| true, approval::void, turn))
    }

    /// Closes a log that is being closed, once nothing is in flight that this process carries out; says which sessions
    /// ended with it.
    pub(super) fn close_drained(&mut self, turn: &mut Turn<'_>) -> Vec<SessionId> {
        let Some(Closing::Draining(action)) = self.log.closing else { return Vec::new() };
        if self.log.frozen || self.books.flights().all().any(|(_, flight)| !flight.reported) {
            return Vec::new();
        }
        self.sum_up_all(turn);
        let ended = self.close_all(self.books.sessions().which(|_| true), turn);
        let counts = Counts {
            records: turn.next_index() + 1,
            sessions: ended.len() as u64,
            cases: self.books.cases().len() as u64,
            flights: self.books.flights().all().count() as u64,
            switches: self.books.switches().len() as u64,
        };
        let log = LogEvent::of(LogEventKind::Closed, self.log.signers.clone(), Vec::new());
        self.log = Standing::after(Some(&self.log), &log, Vec::new(), turn.next_index());
        let content = Content::default().with(Field::Body, &counts);
        let bundle = Some(self.bundle().digest());
        turn.record(Draft { action, bundle, log: Some(log), ..Draft::new(RecordKind::Epoch, content) });
        turn.put(KIND, KEY, &self.log);
        ended
    }

    /// Records that somebody has put a closed log into an archive and read it back.
    pub(super) fn archive_log(
        &mut self,
        number: u64,
        (digest, contents): (Digest, Contents),
        why: (&Principal, &str),
        turn: &mut Turn<'_>,
    ) -> Reply {
        let log = match self.kept_log(number) {
            Ok(log) => log,
            Err(refused) => return refused,
        };
        self.note_log(LogEventKind::Archived, log, Some((digest, Some(contents))), why, turn);
        Reply::done()
    }

    /// Records that a closed log is deleted, unless retention forbids it; its files go once that is durable.
    pub(super) fn delete_log(
        &mut self,
        number: u64,
        why: (&Principal, &str),
        action: Option<ActionId>,
        turn: &mut Turn<'_>,
    ) -> Reply {
        let log = match self.kept_log(number) {
            Ok(log) => log,
            Err(refused) => return refused,
        };
        if let Some(says) = self.undeletable(&log, action, turn) {
            return Reply::refused(Code::RetentionForbids, says);
        }
        let archive = log.archive.as_ref().map(|archive| (archive.digest, archive.contents));
        self.note_log(LogEventKind::Deleted, log, archive, why, turn);
        Reply::done()
    }

    fn kept_log(&self, number: u64) -> Result<ClosedLog, Reply> {
        let Some(log) = self.closed.get(&number) else {
            return Err(Reply::refused(Code::NotFound, format!("there is no closed log {number}")));
        };
        match &log.deleted {
            Some(deleted) => Err(Reply::refused(Code::LogDeleted, says_deleted(log, deleted))),
            None => Ok(log.clone()),
        }
    }

    /// Says why a closed log may not be deleted; what the bundle does not declare, it forbids.
    fn undeletable(&self, log: &ClosedLog, action: Option<ActionId>, turn: &Turn<'_>) -> Option<String> {
        let Some(retention) = &self.bundle().data().retention else {
            return Some("the active bundle declares no retention (retention.toml), so nothing is deleted".to_owned());
        };
        if retention.hold {
            return Some("retention.toml holds everything, so nothing is deleted until that is lifted".to_owned());
        }
        if turn.clock_jumped {
            return Some("the clock jumped, so nobody knows how old the log is".to_owned());
        }
        let end = kept_until(log.last, retention.minimum_days);
        if turn.now < end {
            let days = retention.minimum_days;
            return Some(format!("log {} is kept for {days} days, until {} ms after the epoch", log.number, end.0));
        }
        if let Some(alive) = self.rests_on(log, action) {
            return Some(alive);
        }
        wanting(log, retention)
    }

    /// Says what is alive and has its evidence in a closed log: what people are asked or have approved, and what flies.
    ///
    /// - `own`: the action that asks.
    fn rests_on(&self, log: &ClosedLog, own: Option<ActionId>) -> Option<String> {
        let cases = self.books.cases().values().filter(|case| case.opened <= log.last).map(|case| case.id.to_string());
        let flights = self.books.flights().all();
        let flights = flights.filter(|(action, flight)| flight.since <= log.last && Some(**action) != own);
        let alive: Vec<String> = cases.chain(flights.map(|(action, _)| action.to_string())).collect();
        let first = alive.first()?;
        let others = if alive.len() > 1 { format!(" and {} more", alive.len() - 1) } else { String::new() };
        Some(format!(
            "{first}{others} began in log {} and is still open, so its evidence stays until that ends",
            log.number
        ))
    }

    /// Records what becomes of a closed log, and keeps it as whoever counts the records again has it.
    fn note_log(
        &mut self,
        event: LogEventKind,
        log: ClosedLog,
        archive: Option<(Digest, Option<Contents>)>,
        (by, reason): (&Principal, &str),
        turn: &mut Turn<'_>,
    ) {
        let content = Content::about(vec![by.subject()])
            .with(Field::Principal, by)
            .with(Field::Reason, &reason.to_owned())
            .with(Field::Body, &log.number);
        let ended = Some(LogEnd { found: log.size, seen: log.size, root: Some(log.root) });
        let told = LogEvent::of(event, log.signers.clone(), self.log.signers.clone());
        let (archive, contents) = archive.map_or((None, None), |(digest, contents)| (Some(digest), contents));
        let told = LogEvent { ended, checkpoint: Some(log.checkpoint_digest()), archive, contents, ..told };
        let bundle = Some(self.bundle().digest());
        let log = log.after(&told, self.log.origin(), (turn.next_index(), turn.now));
        turn.record(Draft { bundle, log: Some(told), ..Draft::new(RecordKind::Epoch, content) });
        turn.put(CLOSED, log.number.to_string(), &log);
        self.closed.insert(log.number, log);
    }
}

/// Says what is wanting of the archive that a bundle demands.
fn wanting(log: &ClosedLog, retention: &Retention) -> Option<String> {
    if !retention.archive_required {
        return None;
    }
    let Some(archive) = &log.archive else {
        let says = "nobody has recorded an archive of log";
        return Some(format!(
            "{says} {}; `countersign log archive` makes one, reads it back and records it",
            log.number
        ));
    };
    let is_empty = archive.contents == Some(Contents::Left) && !retention.archive_without_contents;
    let says = "has none of the contents, which retention.toml does not allow (archive_without_contents)";
    is_empty.then(|| format!("the recorded archive of log {} {says}", log.number))
}

/// Returns the instant from which on a log may be deleted.
fn kept_until(last: Millis, days: u32) -> Millis {
    last.plus(i64::from(days).saturating_mul(DAY_MS))
}

/// Says that a closed log was deleted, and where that is recorded.
pub fn says_deleted(log: &ClosedLog, deleted: &Deleted) -> String {
    format!(
        "log {} (`{}`, {} records) was deleted; record {} of `{}` says so",
        log.number,
        log.origin(),
        log.size,
        deleted.record,
        deleted.origin
    )
}
