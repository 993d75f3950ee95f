//! Folding the journal's write-ahead log in while batches go on being committed.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use store::{Batch, Folded, StoreError, Wal, Writer};

/// Is after how many bytes of records the log is folded in.
const EVERY_BYTES: usize = 16 << 20;

/// Is how many pages the log may have before it is begun anew, which the writer waits for: 64 MiB.
const PAGES_MAX: u64 = 4_096;

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
        let thread = std::thread::Builder::new()
            .name("journal-folder".into())
            .spawn(move || while asked.recv().is_ok() && answer.send(wal.fold()).is_ok() {})?;
        Ok(Self { ask, thread, done, bytes: 0, busy: false })
    }

    /// Counts a batch that is to be committed, and has the log folded in or begun anew when it is time.
    ///
    /// # Errors
    ///
    /// What folding said, after which the journal must stop.
    pub(crate) fn before(&mut self, batch: &Batch, writer: &mut Writer) -> Result<(), StoreError> {
        self.bytes += batch.records.iter().map(|record| record.leaf.len() + record.sealed.len()).sum::<usize>();
        if let Ok(result) = self.done.try_recv() {
            self.busy = false;
            if result?.pages > PAGES_MAX {
                writer.restart_wal()?;
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
