//! Bits that rot while nothing runs, in every file that a start or a publishing reads.

use types::Code;

use super::{Run, Then};
use crate::counts::Counts;
use crate::disk::Flip;
use crate::machine::Ask;
use crate::oracle::Command;
use crate::picture::Picture;
use crate::process::Process;

/// Is how many bits rot after a run, each alone and on a copy of the disk.
const FLIPS: u64 = 8;

/// Is how much of the write-ahead log is its end, in bytes.
const END_BYTES: usize = 40_000;

/// Is which file a bit is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Journal,
    Log,
    Watermark,
    Head,
    Published,
}

/// Says what became of a bit that has rotted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Whoever read it was refused, with a code.
    Refused,
    /// All that was acknowledged is there, and every value is the one it was.
    Harmless,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        match name.rsplit('/').next()? {
            "journal.db" => Some(Self::Journal),
            "journal.db-wal" => Some(Self::Log),
            "head" => Some(Self::Head),
            "lock" => None,
            mark if mark.starts_with("watermark.") => Some(Self::Watermark),
            _ => Some(Self::Published),
        }
    }
}

impl Run {
    /// Starts once more with nothing in the way, and lets bits rot behind its back.
    pub(super) async fn last_life(&mut self) -> Result<(), String> {
        let mut process = self.start_undisturbed()?;
        for _ in 0..=self.rng.below(3) {
            if self.one(&process).await? == Then::Ends {
                return Err("an undisturbed journal denied a command".to_owned());
            }
        }
        // A change of state that no record says is missed by nobody who counts records.
        if self.rng.once_in(2) {
            let (_, Command { id, .. }) = self.command();
            self.send(&process, Ask::Note { id, records: 0, bytes: 0 }, Command { id, records: 0 }).await?;
        }
        // What is published is read back by the next publishing; what is not, the head file knows nothing of.
        if self.rng.once_in(3) {
            self.publish(&mut process)?;
        }
        let picture = Picture::of(&process.reader, &process.open.history).map_err(|error| error.to_string())?;
        if self.rng.once_in(2) {
            self.world.disk.kill();
        }
        process.end();
        self.world.disk.power_on();
        self.rot(&picture)?;
        self.start_undisturbed().map(Process::end)
    }

    fn start_undisturbed(&mut self) -> Result<Process, String> {
        self.world.disk.calm();
        let process = Process::start(&self.world).map_err(|error| format!("a start was refused: {error}"))?;
        self.check(&process)?;
        Ok(process)
    }

    /// Lets bits rot, one at a time, and starts after each.
    ///
    /// - `picture`: what the journal showed when it was whole.
    fn rot(&mut self, picture: &Picture) -> Result<(), String> {
        let image = self.world.disk.image();
        for _ in 0..FLIPS {
            let Some((kind, flip)) = self.draw_flip() else { return Ok(()) };
            self.world.disk.flip(&flip);
            let fate = self.start_rotten(picture).map_err(|what| format!("after {flip:?}: {what}"))?;
            self.tell(format!("{flip:?}: {fate:?}"));
            count(&mut self.counts, kind, fate);
            self.world.disk.restore(&image);
        }
        self.edit(picture)?;
        self.world.disk.restore(&image);
        Ok(())
    }

    /// Changes a record as who may write the folder can, who computes the checksum of its page anew.
    fn edit(&mut self, picture: &Picture) -> Result<(), String> {
        let record = self.rng.place(picture.size());
        let Some(leaf) = picture.leaf(record) else { return Ok(()) };
        if self.world.disk.edit(&self.world.journal(), leaf) == 0 {
            return Ok(());
        }
        // The head the journal says itself must tell it too: the mark knows the root as well, and may be missing.
        if self.rng.once_in(2) {
            let mark = self.world.place.head.join("watermark.1");
            self.world.mount().remove(&mark).map_err(|error| error.to_string())?;
        }
        let fate = self.start_edited(picture).map_err(|what| format!("record {record} was edited: {what}"))?;
        self.counts.edited += 1;
        self.counts.edited_refused += u64::from(fate == Fate::Refused);
        Ok(())
    }

    /// Draws a bit: first the kind of file, so that small files rot too, and rather where something stands than in zeros.
    fn draw_flip(&mut self) -> Option<(Kind, Flip)> {
        let kind = match self.rng.below(20) {
            0..=6 => Kind::Journal,
            7..=13 => Kind::Log,
            14 | 15 => Kind::Watermark,
            16 => Kind::Head,
            _ => Kind::Published,
        };
        let all: Vec<_> = self.world.disk.files();
        let kind_of = |file: &std::path::Path| file.to_str().and_then(Kind::of);
        let of_kind: Vec<_> = all.iter().filter(|(file, len)| *len > 0 && kind_of(file) == Some(kind)).collect();
        // Not every run has published, and a log that was folded in may be gone: the journal is always there.
        let journal: Vec<_> =
            all.iter().filter(|(file, len)| *len > 0 && kind_of(file) == Some(Kind::Journal)).collect();
        let (kind, files) = if of_kind.is_empty() { (Kind::Journal, journal) } else { (kind, of_kind) };
        let (file, len) = files.get(self.rng.place(files.len()))?;
        // What was acknowledged and not published stands at the end of the log.
        let from = if kind == Kind::Log && self.rng.once_in(2) { len.saturating_sub(END_BYTES) } else { 0 };
        let drawn: Vec<usize> = (0..4).map(|_| from + self.rng.place(len - from)).collect();
        let bit = u8::try_from(self.rng.below(8)).unwrap_or(0);
        let at = drawn.iter().find(|at| self.world.disk.byte(file, **at).is_some_and(|byte| byte != 0));
        Some((kind, Flip { file: file.clone(), at: *at.or(drawn.first())?, bit }))
    }

    fn start_rotten(&self, picture: &Picture) -> Result<Fate, String> {
        let mut process = match Process::start(&self.world) {
            Ok(process) => process,
            Err(error) => return refused(error.code(), &error),
        };
        let fate = self.use_rotten(&mut process, picture);
        process.end();
        self.world.disk.power_on();
        fate
    }

    /// Starts with a record that is not the one it was: the start itself must refuse, or show the one that was.
    fn start_edited(&self, picture: &Picture) -> Result<Fate, String> {
        let process = match Process::start(&self.world) {
            Ok(process) => process,
            Err(error) => return refused(error.code(), &error),
        };
        let shown = Picture::of(&process.reader, &process.open.history);
        process.end();
        self.world.disk.power_on();
        picture.compare(&shown.map_err(|error| format!("the journal starts with it: {error}"))?)?;
        Ok(Fate::Harmless)
    }

    /// Reads everything and publishes: each is refused, or as it was.
    fn use_rotten(&self, process: &mut Process, picture: &Picture) -> Result<Fate, String> {
        match Picture::of(&process.reader, &process.open.history) {
            Err(error) => return refused(error.code(), &error),
            Ok(shown) => picture.compare(&shown)?,
        }
        match process.open.publisher.publish() {
            Err(error) => refused(error.code(), &error),
            Ok(_) => {
                self.oracle.compare_files(self.world.mount().as_ref(), &self.world.place)?;
                Ok(Fate::Harmless)
            }
        }
    }
}

fn refused(code: Code, error: &dyn std::fmt::Display) -> Result<Fate, String> {
    let known = [Code::JournalMismatch, Code::JournalTorn, Code::JournalBehind, Code::KeysUnusable];
    if known.contains(&code) { Ok(Fate::Refused) } else { Err(format!("rot was refused as {code:?}: {error}")) }
}

fn count(counts: &mut Counts, kind: Kind, fate: Fate) {
    let (refused, harmless) = match kind {
        Kind::Journal => (&mut counts.rot_journal_refused, &mut counts.rot_journal_harmless),
        Kind::Log => (&mut counts.rot_log_refused, &mut counts.rot_log_harmless),
        Kind::Watermark => (&mut counts.rot_mark_refused, &mut counts.rot_mark_harmless),
        Kind::Head => (&mut counts.rot_head_refused, &mut counts.rot_head_harmless),
        Kind::Published => (&mut counts.rot_published_refused, &mut counts.rot_published_harmless),
    };
    let (all, one) = match fate {
        Fate::Refused => (&mut counts.rot_refused, refused),
        Fate::Harmless => (&mut counts.rot_harmless, harmless),
    };
    counts.rot += 1;
    *all += 1;
    *one += 1;
}
