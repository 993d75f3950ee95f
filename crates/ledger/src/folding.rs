//! Folding the journal's write-ahead log in while batches go on being committed.

use store::{Batch, Folded, StoreError, Wal, Writer};

use crate::sync::mpsc::{Receiver, SyncSender, sync_channel};
use crate::sync::thread::{self, JoinHandle};

/// Is after how many bytes of records the log is folded in.
const EVERY_BYTES: usize = 16 << 20;

/// Is what a batch adds to the log at the least: the page with the head. A batch of state alone counts too.
const BATCH_BYTES: usize = 8 << 10;

/// Is how many pages the log may have before it is begun anew, which the writer waits for: 64 MiB.
const PAGES_MAX: u64 = 8_192;

/// Folds on a thread of its own whenever enough was committed.
pub(crate) struct Folding {
    ask: SyncSender<()>,
    thread: JoinHandle<()>,
    done: Receiver<Result<Folded, StoreError>>,
    bytes: usize,
    busy: bool,
}

impl Folding {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// What the system says of a new thread.
    pub(crate) fn start(wal: Wal) -> std::io::Result<Self> {
        let (ask, asked) = sync_channel::<()>(1);
        let (answer, done) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("journal-folder".into())
            .spawn(move || while asked.recv().is_ok() && answer.send(fold(&wal)).is_ok() {})?;
        Ok(Self { ask, thread, done, bytes: 0, busy: false })
    }

    /// Counts a batch that is to be committed, and has the log folded in or begun anew when it is time.
    ///
    /// # Errors
    ///
    /// What folding said, after which the journal must stop. A full disk is no such thing: all that was not folded in is in
    /// the log still, and whether there is room for a batch is for the batch to find out.
    pub(crate) fn before(&mut self, batch: &Batch, writer: &mut Writer) -> Result<(), StoreError> {
        let records = batch.records.iter().map(|record| record.leaf.len() + record.sealed.len());
        self.bytes += BATCH_BYTES + records.sum::<usize>();
        if let Ok(folded) = self.done.try_recv() {
            self.busy = false;
            match folded.and_then(|folded| begin_anew(folded, writer)) {
                Err(StoreError::DiskFull) => tracing::warn!("the disk is too full to fold the write-ahead log in"),
                other => other?,
            }
        }
        if !self.busy && self.bytes >= EVERY_BYTES {
            self.bytes = 0;
            self.busy = self.ask.try_send(()).is_ok();
        }
        Ok(())
    }

    /// Ends the thread and waits for it.
    pub(crate) fn stop(self) {
        let Self { ask, thread, done, .. } = self;
        drop((ask, done));
        let _ = thread.join();
    }
}

/// Folds; where the log is to be begun anew, a second time at once, as the writer then waits for what was committed meanwhile.
fn fold(wal: &Wal) -> Result<Folded, StoreError> {
    let folded = wal.fold()?;
    if folded.pages > PAGES_MAX { wal.fold() } else { Ok(folded) }
}

fn begin_anew(folded: Folded, writer: &mut Writer) -> Result<(), StoreError> {
    if folded.pages > PAGES_MAX { writer.restart_wal().map(drop) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn journal(folder: &tempfile::TempDir) -> (Writer, Wal) {
        let path = folder.path().join("journal.db");
        (Writer::open(&path).unwrap(), Wal::open(&path).unwrap())
    }

    /// Folds as it is told to.
    fn folding(result: Result<Folded, StoreError>) -> Folding {
        let (ask, _) = sync_channel(1);
        let (answer, done) = sync_channel(1);
        answer.send(result).unwrap();
        Folding { ask, thread: thread::spawn(|| {}), done, bytes: 0, busy: true }
    }

    #[test]
    fn only_a_full_disk_lets_the_journal_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let (mut writer, _wal) = journal(&folder);
        let mut full = folding(Err(StoreError::DiskFull));
        assert!(full.before(&Batch::default(), &mut writer).is_ok());
        assert!(!full.busy, "it is tried again");
        let mut failed = folding(Err(StoreError::Disk("a sync failed".into())));
        assert!(failed.before(&Batch::default(), &mut writer).is_err());
    }

    #[test]
    fn batches_without_records_are_folded_in_too() {
        let folder = tempfile::tempdir().unwrap();
        let (mut writer, wal) = journal(&folder);
        let mut folding = Folding::start(wal).unwrap();
        for _ in 0..EVERY_BYTES / BATCH_BYTES {
            assert!(!folding.busy);
            folding.before(&Batch::default(), &mut writer).unwrap();
        }
        assert!(folding.busy);
        folding.stop();
    }
}
