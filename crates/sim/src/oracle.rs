//! The oracle: what was promised, and whether a start keeps it.

use evidence::Field;
use ledger::recover::{LOG, Place};
use ledger::{Disk, History};
use store::{Reader, Row};
use tlog::checkpoint::Checkpoint;
use tlog::frontier::Frontier;
use tlog::hash::leaf_hash;
use tlog::tile::{bundles_between, tiles_between};
use types::cbor;

use crate::counts::Counts;
use crate::machine::mark;

/// Is a command as the oracle knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) id: u64,
    pub(crate) records: u32,
}

/// Is a batch whose end was not seen.
#[derive(Debug)]
struct Batch {
    commands: Vec<Command>,
    /// It was acknowledged, so it must be whole.
    promised: bool,
}

/// Knows what was promised so far.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    /// The records that must be there, byte for byte.
    known: Vec<Row>,
    /// Batches that may, or must, stand behind them.
    open: Vec<Batch>,
    /// The greatest number of a command whose state must be there.
    last: u64,
    /// How many records a signed checkpoint covers.
    published: u64,
    pub(crate) counts: Counts,
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Oracle {
    /// Returns how many records must be there.
    pub(crate) fn size(&self) -> u64 {
        self.known.len() as u64
    }

    /// Takes note of commands whose batch got no answer, or one that leaves open what is on the disk.
    pub(crate) fn unanswered(&mut self, commands: Vec<Command>) {
        self.open.push(Batch { commands, promised: false });
    }

    /// Takes note of a command that was acknowledged; its records can be read at once.
    ///
    /// # Errors
    ///
    /// A sentence saying what of the acknowledgement is wrong.
    pub(crate) fn acknowledged(&mut self, command: Command, index: Option<u64>, reader: &Reader) -> Result<(), String> {
        self.counts.acks += 1;
        self.last = self.last.max(command.id);
        if command.records == 0 {
            return Ok(());
        }
        let from = index.ok_or_else(|| format!("command {} was acknowledged without its place", command.id))?;
        match reader.records(from, from + u64::from(command.records)) {
            Ok(rows) if self.open.is_empty() => self.promise(command, from, rows),
            // The power went while the answer was on its way.
            _ => {
                self.open.push(Batch { commands: vec![command], promised: true });
                Ok(())
            }
        }
    }

    fn promise(&mut self, command: Command, from: u64, rows: Vec<Row>) -> Result<(), String> {
        if from != self.size() || rows.len() != command.records as usize {
            return Err(format!(
                "command {} was acknowledged at {from} with {} records, and {} are known",
                command.id,
                rows.len(),
                self.size()
            ));
        }
        self.known.extend(rows);
        Ok(())
    }

    /// Takes note of a checkpoint that was signed.
    pub(crate) fn signed(&mut self, size: u64) {
        self.published = self.published.max(size);
    }

    /// Compares a journal that has just been opened with what was promised; what it shows is promised from now on.
    ///
    /// # Errors
    ///
    /// A sentence saying which promise is broken.
    pub(crate) fn check(&mut self, reader: &Reader, history: &History) -> Result<(), String> {
        let head = reader.head().map_err(text)?;
        let rows = reader.records(0, u64::MAX).map_err(text)?;
        compare_with_head(&rows, &head)?;
        for (at, known) in self.known.iter().enumerate() {
            if rows.get(at) != Some(known) {
                return Err(format!("record {at} was acknowledged or shown, and is lost or changed"));
            }
        }
        self.counts.checked += self.size();
        self.check_tail(&rows, history)?;
        self.check_state(reader, head.size)?;
        self.known = rows;
        self.open.clear();
        self.counts.starts += 1;
        Ok(())
    }

    /// Explains every record behind the known ones by batches whose end was not seen, each whole or absent.
    fn check_tail(&mut self, rows: &[Row], history: &History) -> Result<(), String> {
        let tail = rows.get(self.known.len()..).unwrap_or_default();
        let marks: Result<Vec<String>, String> = tail.iter().map(|row| mark_of(history, row.seq)).collect();
        let marks = marks?;
        let mut rest = marks.as_slice();
        for batch in self.open.iter().filter(|batch| batch.commands.iter().any(|command| command.records > 0)) {
            let wanted: Vec<String> = batch.commands.iter().flat_map(marks_of).collect();
            if let Some(after) = rest.strip_prefix(wanted.as_slice()) {
                rest = after;
                self.counts.whole += 1;
            } else if batch.promised {
                return Err(format!("the acknowledged {:?} are lost", batch.commands));
            } else {
                self.counts.absent += 1;
            }
        }
        match rest.first() {
            Some(mark) => Err(format!("a record that nobody was to write is there, or a part of a batch: {mark}")),
            None => Ok(()),
        }
    }

    fn check_state(&mut self, reader: &Reader, size: u64) -> Result<(), String> {
        let value = |key: &str| -> Result<u64, String> {
            let bytes = reader.state_value("tally", key).map_err(text)?;
            bytes.map_or(Ok(0), |bytes| cbor::decode(&bytes).map_err(text))
        };
        let (records, last) = (value("records")?, value("last")?);
        if records != size {
            return Err(format!("the state says {records} records, the journal has {size}"));
        }
        let may_be = self.open.iter().flat_map(|batch| &batch.commands).any(|command| command.id == last);
        if last < self.last || (last > self.last && !may_be) {
            return Err(format!("the state ends at command {last}, acknowledged was {}", self.last));
        }
        self.last = last;
        Ok(())
    }

    /// Compares the published files with the journal: a checkpoint that is there covers files that are there.
    ///
    /// # Errors
    ///
    /// A sentence saying what is missing or different.
    pub(crate) fn check_files(&mut self, disk: &dyn Disk, place: &Place) -> Result<(), String> {
        self.counts.published += u64::from(self.compare_files(disk, place)?);
        Ok(())
    }

    /// As [`Oracle::check_files`], and says whether there is a checkpoint.
    pub(crate) fn compare_files(&self, disk: &dyn Disk, place: &Place) -> Result<bool, String> {
        let log = place.data.join(LOG);
        let read = |name: &str| disk.read(&log.join(name));
        let note = match read("checkpoint") {
            Err(_) if self.published == 0 => return Ok(false),
            note => note.map_err(|error| format!("the signed checkpoint: {error}"))?,
        };
        let (checkpoint, _) = Checkpoint::open(&note, &place.keys.log.verifier()).map_err(text)?;
        let size = checkpoint.size;
        if size < self.published || size > self.size() {
            return Err(format!(
                "the checkpoint covers {size}, signed were {}, there are {}",
                self.published,
                self.size()
            ));
        }
        let covered = self.known.iter().take(usize::try_from(size).unwrap_or(usize::MAX));
        let leaves: Vec<&[u8]> = covered.map(|row| row.leaf.as_slice()).collect();
        if frontier(leaves.iter().copied())?.root() != checkpoint.root {
            return Err("the checkpoint's root is not that of the records".to_owned());
        }
        for path in tiles_between(0, size) {
            read(&path.to_string()).map_err(|error| format!("the tile {path} that a checkpoint covers: {error}"))?;
        }
        for (path, entries) in bundles_between(0, size).zip(leaves.chunks(256)) {
            let bytes = read(&path.to_string()).map_err(|error| format!("the bundle {path}: {error}"))?;
            if bytes != tlog::encode_bundle(entries).map_err(text)? {
                return Err(format!("the bundle {path} holds other entries"));
            }
        }
        Ok(true)
    }
}

fn compare_with_head(rows: &[Row], head: &store::Head) -> Result<(), String> {
    if rows.len() as u64 != head.size || (0..).zip(rows).any(|(at, row)| row.seq != at) {
        return Err(format!("the head says {} records, there are {}, or there is a gap", head.size, rows.len()));
    }
    let recomputed = frontier(rows.iter().map(|row| row.leaf.as_slice()))?;
    if !head.frontier.is_empty() && head.frontier != recomputed.to_bytes() {
        return Err("the head's right edge is not that of the records".to_owned());
    }
    Ok(())
}

fn frontier<'a>(leaves: impl Iterator<Item = &'a [u8]>) -> Result<Frontier, String> {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.push(leaf_hash(leaf)).map_err(text)?;
    }
    Ok(frontier)
}

fn marks_of(command: &Command) -> impl Iterator<Item = String> + use<> {
    let Command { id, records } = *command;
    (0..records).map(move |part| mark(id, part, records))
}

/// Reads from a record's content which command wrote it.
fn mark_of(history: &History, index: u64) -> Result<String, String> {
    let entry = history.record(index).map_err(text)?.ok_or_else(|| format!("record {index} is missing"))?;
    let body: Option<String> = entry.content.map_or(Ok(None), |content| content.get(Field::Body)).map_err(text)?;
    let body = body.ok_or_else(|| format!("record {index} has no body"))?;
    Ok(body.split_inclusive('.').next().unwrap_or_default().to_owned())
}
