//! One life of the process: the real ledger, opened on a simulated disk.

use std::sync::Arc;

use evidence::TenantKey;
use ledger::recover::{JOURNAL, Open, OpenError, Place, open_on};
use ledger::{Committed, LedgerError, LogKeys};
use store::{Folded, Reader, StoreError, Wal, Writer};
use tlog::key::SignerKey;

use crate::disk::{Disk, Mount};
use crate::machine::{Applied, Ask, Drawn, Steps, Tally};
use crate::rng::Rng;

/// Is what outlives a process: its disk, its keys, its clock.
pub struct World {
    pub(crate) disk: Arc<Disk>,
    pub(crate) place: Place,
    pub(crate) applied: Applied,
}

impl World {
    /// Makes an empty disk and the place of a journal on it.
    ///
    /// # Errors
    ///
    /// A sentence if the log's key cannot be made.
    pub fn new(rng: &mut Rng) -> Result<Self, String> {
        let disk = Disk::new(rng.bits());
        let log = SignerKey::ed25519("sim.example/log", &[2; 32]).map_err(|e| e.to_string())?;
        let place = Place {
            data: disk.root().join("countersign/data"),
            head: disk.root().join("countersign/keys/head"),
            journal_bytes_max: None,
            keys: LogKeys { tenant: TenantKey::from_bytes([1; 32]), log: log.into() },
            clock: Arc::new(Steps::default()),
            random: Arc::new(Drawn::new(rng.split())),
        };
        Ok(Self { disk, place, applied: Applied::default() })
    }

    /// Returns where the journal is.
    pub(crate) fn journal(&self) -> std::path::PathBuf {
        self.place.data.join(JOURNAL)
    }

    /// Returns the ledger's files as the present life sees them.
    pub(crate) fn mount(&self) -> Arc<dyn ledger::Disk> {
        Arc::new(Mount::new(&self.disk))
    }
}

pub(crate) type Answer = Result<Committed<Tally>, LedgerError>;

/// Is a process that runs.
pub(crate) struct Process {
    pub(crate) open: Open<Tally>,
    pub(crate) reader: Reader,
    journal: std::path::PathBuf,
    /// Another connection that folds the log in, as the ledger's own thread does when enough was written.
    wal: Option<Wal>,
}

impl Process {
    /// Starts as the product does.
    pub(crate) fn start(world: &World) -> Result<Self, OpenError> {
        let open = open_on::<Tally>(&world.place, &world.mount(), world.applied.clone())?;
        let journal = world.journal();
        match Reader::open(&journal) {
            Ok(reader) => Ok(Self { open, reader, journal, wal: None }),
            Err(error) => {
                end(open);
                Err(error.into())
            }
        }
    }

    pub(crate) async fn ask(&self, ask: Ask) -> Answer {
        self.open.ledger.ask(ask).await
    }

    /// Folds the log in.
    pub(crate) fn fold(&mut self) -> Result<Folded, StoreError> {
        if self.wal.is_none() {
            self.wal = Some(Wal::open(&self.journal)?);
        }
        self.wal.as_ref().map_or(Ok(Folded { pages: 0, folded: 0 }), Wal::fold)
    }

    /// Takes the journal over from the ledger, as a process on a folder that is locked badly would.
    pub(crate) fn take_over(&self) -> Result<(), StoreError> {
        Writer::open(&self.journal).map(drop)
    }

    /// Waits until a ledger that has stopped has folded in what it can: what comes next must not race with that.
    pub(crate) fn wait_for_end(&self) {
        while !self.open.thread.is_finished() {
            std::thread::yield_now();
        }
    }

    /// Stops, and waits for every thread.
    pub(crate) fn end(self) {
        end(self.open);
    }
}

fn end(open: Open<Tally>) {
    let Open { ledger, thread, .. } = open;
    drop(ledger);
    // A thread that panicked has been reported by its panic.
    let _ = thread.join();
}
