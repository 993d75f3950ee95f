//! The floor: the store's own group commit of rows of the same size, deciding and sealing nothing.

use std::path::Path;
use std::thread::JoinHandle;

use store::{Batch, NewRecord, Writer};
use tokio::sync::{mpsc, oneshot};

use crate::measure::{self, Summary};

const EACH: u32 = 20_000;

fn record() -> NewRecord {
    NewRecord {
        leaf: vec![7; 700],
        kind: 3,
        action: Some([1; 16]),
        session: None,
        sealed: vec![9; 2_600],
        subjects: vec![1],
    }
}

/// Is the store behind one thread that commits whatever is waiting, and tells each caller when its row is durable.
pub struct Group {
    rows: mpsc::Sender<oneshot::Sender<()>>,
    committer: JoinHandle<Result<(), String>>,
}

impl Group {
    /// Opens a journal of its own and starts the thread.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn start(path: &Path) -> Result<Self, String> {
        let mut writer = Writer::open(path).map_err(|e| e.to_string())?;
        let (rows, mut received) = mpsc::channel::<oneshot::Sender<()>>(4_096);
        let committer = std::thread::spawn(move || -> Result<(), String> {
            let mut waiting = Vec::new();
            while received.blocking_recv_many(&mut waiting, 1_024) > 0 {
                let batch = Batch { records: waiting.iter().map(|_| record()).collect(), ..Batch::default() };
                writer.commit(&batch).map_err(|e| e.to_string())?;
                for ack in waiting.drain(..) {
                    let _ = ack.send(());
                }
            }
            Ok(())
        });
        Ok(Self { rows, committer })
    }

    /// Returns what takes rows; the thread ends once all of these are gone.
    pub fn rows(&self) -> Rows {
        Rows(self.rows.clone())
    }

    /// Lets go of its own and waits for the thread's end.
    ///
    /// # Errors
    ///
    /// What the store said.
    pub fn end(self) -> Result<(), String> {
        drop(self.rows);
        self.committer.join().map_err(|_| "the writer panicked".to_owned())?
    }
}

/// Takes rows.
#[derive(Clone)]
pub struct Rows(mpsc::Sender<oneshot::Sender<()>>);

impl Rows {
    /// Adds a row and waits until it is durable; false if the writer is gone.
    pub async fn add(&self) -> bool {
        let (ack, acked) = oneshot::channel();
        self.0.send(ack).await.is_ok() && acked.await.is_ok()
    }
}

/// Measures acknowledged rows per second with so many callers, each awaiting its own.
///
/// # Errors
///
/// What the store says.
pub async fn group_commit(folder: &Path, callers: u32) -> Result<Summary, String> {
    let group = Group::start(&folder.join(format!("raw-{callers}.db")))?;
    let begun = measure::now();
    let each = (EACH / callers).max(100);
    let caller = |rows: Rows| async move {
        let mut times = Vec::new();
        for _ in 0..each {
            let one = measure::now();
            if !rows.add().await {
                break;
            }
            times.push(measure::since(one));
        }
        times
    };
    let tasks: Vec<_> = (0..callers).map(|_| tokio::spawn(caller(group.rows()))).collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.map_err(|e| e.to_string())?);
    }
    let wall = measure::since(begun);
    tokio::task::spawn_blocking(|| group.end()).await.map_err(|e| e.to_string())??;
    Ok(Summary::from_times(times, wall))
}

/// Measures one synced commit of one row, alone.
///
/// # Errors
///
/// What the store says.
pub fn sync(folder: &Path) -> Result<Summary, String> {
    let mut writer = Writer::open(&folder.join("sync.db")).map_err(|e| e.to_string())?;
    let batch = Batch { records: vec![record()], ..Batch::default() };
    let mut failed = None;
    let summary = Summary::of(2_000, || {
        if let Err(error) = writer.commit(&batch) {
            failed.get_or_insert(error.to_string());
        }
    });
    failed.map_or(Ok(summary), Err)
}
