//! A picture of a journal: everything that can be read of it, by every way it is read.

use evidence::Content;
use ledger::History;
use ledger::history::HistoryError;
use store::reader::SubjectRow;
use store::{Reader, Row};
use types::{Millis, SessionId};

/// Is how many sessions the machine writes into.
pub(crate) const SESSIONS: u8 = 7;

/// Returns a session of the machine.
pub(crate) fn session(n: u8) -> SessionId {
    SessionId::draw(Millis(1), [n; 10])
}

/// Is everything a journal shows.
#[derive(Debug, PartialEq)]
pub(crate) struct Picture {
    end: (u64, Vec<u8>, u64),
    records: Vec<Row>,
    one_by_one: Vec<Option<Row>>,
    contents: Vec<Option<Content>>,
    sessions: Vec<(Vec<Row>, Option<Vec<u8>>)>,
    about: Vec<Vec<store::About>>,
    state: Vec<(String, Vec<u8>)>,
    subjects: Vec<SubjectRow>,
}

impl Picture {
    /// Reads everything.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub(crate) fn of(reader: &Reader, history: &History) -> Result<Self, HistoryError> {
        let head = reader.head()?;
        let subjects = reader.subjects()?;
        let of_session = |n: u8| {
            let session = session(n);
            Ok((reader.of_session(session.0.as_bytes())?, reader.last_of_session(session.0.as_bytes())?))
        };
        let content = |index| history.record(index).map(|entry| entry.and_then(|entry| entry.content));
        Ok(Self {
            records: reader.records(0, u64::MAX)?,
            one_by_one: (0..head.size).map(|index| reader.record(index)).collect::<Result<_, _>>()?,
            contents: (0..head.size).map(content).collect::<Result<_, _>>()?,
            sessions: (0..SESSIONS).map(of_session).collect::<Result<_, HistoryError>>()?,
            about: subjects.iter().map(|subject| reader.about(subject.id)).collect::<Result<_, _>>()?,
            state: reader.state("tally")?,
            subjects,
            end: (head.size, head.frontier, head.commits),
        })
    }

    /// Returns how many records there are.
    pub(crate) fn size(&self) -> usize {
        self.records.len()
    }

    /// Returns the bytes of a leaf.
    pub(crate) fn leaf(&self, n: usize) -> Option<&[u8]> {
        self.records.get(n).map(|row| row.leaf.as_slice())
    }

    /// Compares with what is shown later of the same journal.
    ///
    /// # Errors
    ///
    /// A sentence saying what is lost or another.
    pub(crate) fn compare(&self, shown: &Self) -> Result<(), String> {
        let differs = [
            ("its end", self.end != shown.end),
            ("its records", self.records != shown.records),
            ("its records, one by one", self.one_by_one != shown.one_by_one),
            ("their contents", self.contents != shown.contents),
            ("its sessions", self.sessions != shown.sessions),
            ("what is about whom", self.about != shown.about),
            ("its state", self.state != shown.state),
            ("its subjects", self.subjects != shown.subjects),
        ];
        let changed: Vec<&str> = differs.iter().filter(|(_, differs)| *differs).map(|(what, _)| *what).collect();
        if changed.is_empty() {
            return Ok(());
        }
        Err(format!(
            "it is believed, though it changes {}; it ends at {:?}, and was at {:?}",
            changed.join(", "),
            (shown.end.0, shown.end.2),
            (self.end.0, self.end.2)
        ))
    }
}
