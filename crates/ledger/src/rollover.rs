//! Taking up a new log after one that was closed.
//!
//! The next journal is made whole beside the closed one: its first record, and all that the next decision reads. Then one
//! rename puts it in the closed one's place, which keeps a second name in its own folder. Before the rename everything is as
//! it was, and the next start begins anew; after it, the next start does what is left: moving files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use evidence::{Content, Field, Leaf, LogEnd, LogEvent, LogEventKind, RecordKind, carried, commit, published, seal};
use store::{Batch, NewRecord, Reader, StateRow, Writer};
use tlog::checkpoint::Checkpoint;
use tlog::frontier::Frontier;
use tlog::hash::Hash;
use tlog::key::VerifierKey;
use tlog::{Note, TrustPolicy};
use types::id::RecordId;
use types::{Digest, Millis, cbor};

use crate::closed::{self, ClosedLog};
use crate::disk::{Disk, System};
use crate::draft::Draft;
use crate::epoch::{self, Found, Start};
use crate::files::{self, Folder};
use crate::keyring::Subjects;
use crate::late::Late;
use crate::port::draw;
use crate::publish::PublishError;
use crate::recover::{JOURNAL, LOG, Lock, OpenError, Place, check_records, publisher, system};
use crate::sequencer::Stored;
use crate::standing::{self, Closing, Standing};
use crate::watermark;
use crate::witnessing::trusted;

/// Is the file in which the next journal is made.
const NEXT: &str = "journal.next.db";

const CHECKPOINT: &str = "checkpoint";

/// Is a new log that was taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledOver {
    /// The log that was closed.
    pub closed: ClosedLog,
    /// The verifier key of the new one.
    pub new: VerifierKey,
    /// How many rows of state went over.
    pub rows: u64,
}

/// Is a closed log that is to be put away, its last records published.
pub struct Rollover {
    place: Place,
    disk: Arc<dyn Disk>,
    writer: Writer,
    reader: Reader,
    found: Found,
    witnesses: Option<TrustPolicy>,
}

/// Says how far the close of the log has come that a data folder holds; `None` also if it is frozen, or there is no log.
///
/// # Errors
///
/// What the store says.
pub fn closing(data: &Path) -> Result<Option<Closing>, OpenError> {
    let path = data.join(JOURNAL);
    if !closed::is_there(&System, &path).map_err(|error| OpenError::Folder { path: path.clone(), error })? {
        return Ok(None);
    }
    let standing = Standing::read(&Reader::open(&path)?)?;
    Ok(standing.filter(|standing| !standing.frozen).and_then(|standing| standing.closing))
}

/// Begins to put a closed log away: checks it, and publishes what is left of it; `None` if the log that is there is not
/// closed, or there is none.
///
/// - `_lock`: of the place's own data folder.
///
/// # Errors
///
/// [`OpenError`], as for a start; [`OpenError::Frozen`] if somebody froze it after its last record.
pub fn begin(place: &Place, _lock: &Lock) -> Result<Option<Rollover>, OpenError> {
    begin_on(place, &system())
}

/// Begins as [`begin`] does, also if somebody froze the log after its last record: whoever takes it up anew MUST record that
/// in the next one before anything else.
///
/// # Errors
///
/// As for [`begin`], but for [`OpenError::Frozen`].
pub fn begin_frozen(place: &Place, _lock: &Lock) -> Result<Option<Rollover>, OpenError> {
    begun(place, &system())
}

/// Begins as [`begin`] does, on another disk than the machine's. The data folder MUST be taken.
///
/// # Errors
///
/// As for [`begin`].
pub fn begin_on(place: &Place, disk: &Arc<dyn Disk>) -> Result<Option<Rollover>, OpenError> {
    let begun = begun(place, disk)?;
    let failed = |error| OpenError::Folder { path: place.head.clone(), error };
    match &begun {
        Some(closed) if Late::Freeze.read(&place.head).map_err(failed)?.is_some() => {
            Err(OpenError::Frozen(closed.found.origin().to_owned()))
        }
        _ => Ok(begun),
    }
}

fn begun(place: &Place, disk: &Arc<dyn Disk>) -> Result<Option<Rollover>, OpenError> {
    let failed = |error| OpenError::Folder { path: place.data.clone(), error };
    let path = place.data.join(JOURNAL);
    if !closed::is_there(disk.as_ref(), &path).map_err(failed)? {
        return Ok(None);
    }
    disk.settle(&store::wal::log_of(&path)).map_err(failed)?;
    if !Standing::read(&Reader::open(&path)?)?.is_some_and(|standing| standing.is_closed()) {
        return Ok(None);
    }
    watermark::look(place, disk, &path, None)?;
    let writer = Writer::open(&path)?;
    let reader = Reader::open(&path)?;
    let (frontier, _) = check_records(&reader, writer.head())?;
    let found = epoch::check(place, disk, &reader, &Stored(&reader), frontier.size(), Start::PutAway)?;
    let found = watermark::check(place, disk, &reader, (writer.head(), &frontier), found, Start::PutAway)?;
    publisher(place, disk)?.publish().map_err(|error| match error {
        PublishError::File(error) => OpenError::Folder { path: place.data.join(LOG), error },
        PublishError::Store(error) => error.into(),
        PublishError::Mismatch(why) => OpenError::Mismatch(why),
    })?;
    Ok(Some(Rollover { place: place.clone(), disk: disk.clone(), writer, reader, found, witnesses: None }))
}

impl Rollover {
    /// Says which witnesses count: without any, the final checkpoint is held by no quorum, whatever lies beside it.
    #[must_use]
    pub fn witnessed_by(self, witnesses: Option<TrustPolicy>) -> Self {
        Self { witnesses, ..self }
    }

    /// Puts the closed log away and the new one in its place.
    ///
    /// # Errors
    ///
    /// [`OpenError`], as for a start; the closed log is then as it was, or the new one is taken up by the next start.
    pub fn finish(self) -> Result<RolledOver, OpenError> {
        let log = self.closed_log()?;
        let new = self.place.keys.log.prepare(&self.found.next_origin(), self.place.random.as_ref());
        let new = new.map_err(|e| OpenError::Keys(e.to_string()))?;
        let rows = self.carried_rows()?;
        let count = rows.len() as u64;
        self.make_next(&log, &new, rows)?;
        let Self { place, disk, mut writer, reader, .. } = self;
        if !writer.fold_all()? {
            return Err(OpenError::Busy(place.data));
        }
        // The last connections: what is left of the write-ahead log is nothing.
        drop((writer, reader));
        let failed = |error| OpenError::Folder { path: place.data.clone(), error };
        swap(&place, disk.as_ref(), log.number).map_err(failed)?;
        closed::put_away(&place, &disk, std::slice::from_ref(&log))?;
        Ok(RolledOver { closed: log, new, rows: count })
    }

    /// Returns the final checkpoint with the cosignatures that it has, and whether they are a quorum's.
    fn final_note(&self) -> Result<(Checkpoint, String, bool), OpenError> {
        let failed = |error| OpenError::Folder { path: self.place.data.join(LOG), error };
        let mismatch = |why: &str| OpenError::Mismatch(why.to_owned());
        let folder = Folder::open(self.disk.clone(), self.place.data.join(LOG)).map_err(failed)?;
        let own = folder.read(CHECKPOINT).map_err(failed)?.ok_or_else(|| mismatch("nothing is published"))?;
        let (checkpoint, note) = self.place.keys.log.open(&own).map_err(|e| OpenError::Keys(e.to_string()))?;
        if checkpoint.size != self.found.end.found || Some(Digest(checkpoint.root.0)) != self.found.end.root {
            return Err(mismatch("the published checkpoint is not of the last record"));
        }
        let cosigned = folder.read(published::WITNESSED).map_err(failed)?;
        let signed =
            |bytes: &Vec<u8>| self.place.keys.log.open(bytes).is_ok_and(|(_, other)| other.text() == note.text());
        let Some(cosigned) = cosigned.filter(signed) else { return Ok((checkpoint, note.to_string(), false)) };
        let is_witnessed = self.witnesses.as_ref().is_some_and(|policy| {
            let policy = trusted(policy, &self.place.keys.log);
            policy.open(&cosigned).is_ok_and(|opened| opened.checkpoint.root == checkpoint.root)
        });
        let cosigned = Note::parse(&cosigned).map_err(|_| mismatch("the cosigned checkpoint is no note"))?;
        Ok((checkpoint, cosigned.to_string(), is_witnessed))
    }

    fn closed_log(&self) -> Result<ClosedLog, OpenError> {
        let (checkpoint, note, is_witnessed) = self.final_note()?;
        let time = |index: u64| -> Result<Millis, OpenError> { Ok(self.leaf(index)?.at) };
        let before = ClosedLog::all(&self.reader)?;
        let ended = self.found.standing.ended.iter().map(|ended| ended.origin.clone());
        Ok(ClosedLog {
            number: before.last().map_or(0, |log| log.number) + 1,
            origins: ended.chain([self.found.origin().to_owned()]).collect(),
            signers: self.found.standing.signers.clone(),
            size: checkpoint.size,
            root: Digest(checkpoint.root.0),
            checkpoint: note,
            is_witnessed,
            first: time(0)?,
            last: time(checkpoint.size.saturating_sub(1))?,
            archive: None,
            deleted: None,
        })
    }

    fn leaf(&self, index: u64) -> Result<Leaf, OpenError> {
        let bytes = self.reader.leaves(index, index + 1)?.pop();
        let bytes = bytes.ok_or_else(|| OpenError::Mismatch(format!("record {index} is missing")))?;
        Leaf::from_bytes(&bytes).map_err(|e| OpenError::Mismatch(format!("record {index}: {e}")))
    }

    /// Returns all that the next decision reads: everything but what is about this one log and this one file.
    fn carried_rows(&self) -> Result<Vec<StateRow>, OpenError> {
        let rows = self.reader.all_state()?.into_iter();
        Ok(rows.filter(|row| row.kind != standing::KIND && !row.is_of_the_file()).collect())
    }

    /// Makes the next journal whole, in a file of its own.
    fn make_next(&self, log: &ClosedLog, new: &VerifierKey, carried: Vec<StateRow>) -> Result<(), OpenError> {
        let failed = |error| OpenError::Folder { path: self.place.data.clone(), error };
        clear_next(&self.place, self.disk.as_ref()).map_err(failed)?;
        let (record, frontier) = self.first_record(log, new, &carried)?;
        let own = |kind: &str, key: String, value| StateRow { kind: kind.to_owned(), key, value };
        let rows: Vec<StateRow> = carried
            .into_iter()
            .chain([
                own(standing::KIND, standing::KEY.to_owned(), cbor::encode(&Standing::first(new))),
                own(closed::KIND, log.number.to_string(), cbor::encode(log)),
            ])
            .collect();
        let mut writer = Writer::open(&self.place.data.join(NEXT))?;
        writer.carry(&rows)?;
        writer.commit(&Batch { records: vec![record], frontier, ..Batch::default() })?;
        if !writer.fold_all()? {
            return Err(OpenError::Busy(self.place.data.clone()));
        }
        Ok(())
    }

    /// Makes the first record of the new log, and the right edge of the tree that it is alone.
    fn first_record(
        &self,
        log: &ClosedLog,
        new: &VerifierKey,
        rows: &[StateRow],
    ) -> Result<(NewRecord, Vec<u8>), OpenError> {
        let refused = |error: &dyn std::fmt::Display| OpenError::State(error.to_string());
        let parts = rows.iter().map(|row| (row.kind.as_str(), row.key.as_str(), row.value.as_slice()));
        let state = carried::state_digest(parts);
        let body = log.carried(state, rows.len() as u64);
        let ended = Some(LogEnd { found: log.size, seen: log.size, root: Some(log.root) });
        let event = LogEvent::of(LogEventKind::Began, log.signers.clone(), vec![new.to_string()]);
        let event = LogEvent { ended, checkpoint: Some(log.checkpoint_digest()), ..event };
        let bundle = self.leaf(log.size.saturating_sub(1))?.bundle;
        let content = Content::default().with(Field::Body, &body);
        let draft = Draft { bundle, log: Some(event), ..Draft::new(RecordKind::Epoch, content) };
        let at = self.place.clock.wall().max(log.last);
        let record = RecordId::draw(at, draw(self.place.random.as_ref()));
        let subjects = Subjects::load(self.place.keys.tenant.clone(), Vec::new())?;
        let key = subjects.record_key(&record, &[]).ok_or_else(|| refused(&"there is no key"))?;
        let committed = commit::commitments(&key, &draft.content).map_err(|e| refused(&e))?;
        let sealed = seal::seal(&key, &record, &draft.content).map_err(|e| refused(&e))?;
        let leaf = draft.leaf((record, at), None, committed, sealed.digest).to_bytes();
        let mut frontier = Frontier::new();
        frontier.push(Hash(Leaf::hash_of(&leaf).0)).map_err(|e| refused(&e))?;
        let record = NewRecord {
            leaf,
            kind: draft.kind as u8,
            action: None,
            session: None,
            sealed: sealed.bytes,
            subjects: vec![],
        };
        Ok((record, frontier.to_bytes()))
    }
}

fn beside(place: &Place, journal: &str) -> [PathBuf; 2] {
    ["-wal", "-shm"].map(|end| place.data.join(format!("{journal}{end}")))
}

/// Removes what a rollover has left that was cut short.
fn clear_next(place: &Place, disk: &dyn Disk) -> std::io::Result<()> {
    for path in beside(place, NEXT).into_iter().chain([place.data.join(NEXT)]) {
        closed::remove(disk, &path)?;
    }
    Ok(())
}

/// Gives the closed journal its second name, and then its first one to the next journal.
fn swap(place: &Place, disk: &dyn Disk, number: u64) -> std::io::Result<()> {
    let (live, next) = (place.data.join(JOURNAL), place.data.join(NEXT));
    let own = closed::folder(&place.data, number);
    files::make_on(disk, &own)?;
    let kept = own.join(JOURNAL);
    // A name that a rollover has left which was cut short; the journal has its first one still.
    closed::remove(disk, &kept)?;
    disk.link(&live, &kept)?;
    files::sync_on(disk, &own)?;
    files::sync_on(disk, &place.data)?;
    // Of the closed journal, by now empty: beside the next one they would be taken for its own.
    for path in beside(place, JOURNAL).into_iter().chain(beside(place, NEXT)) {
        closed::remove(disk, &path)?;
    }
    files::sync_on(disk, &place.data)?;
    disk.rename(&next, &live)?;
    files::sync_on(disk, &place.data)
}
