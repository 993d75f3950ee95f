//! The floor: the store's own group commit of rows of the same size, deciding and sealing nothing.

use std::path::Path;
use std::sync::mpsc::{Sender, channel, sync_channel};

use store::{Batch, NewRecord, Writer};

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

/// Measures acknowledged rows per second with so many callers, each awaiting its own.
pub fn group_commit(folder: &Path, callers: u32) -> Result<Summary, String> {
    let path = folder.join(format!("raw-{callers}.db"));
    let mut writer = Writer::open(&path).map_err(|e| e.to_string())?;
    let (send, receive) = sync_channel::<Sender<()>>(4_096);
    let committer = std::thread::spawn(move || -> Result<(), String> {
        while let Ok(first) = receive.recv() {
            let mut waiting = vec![first];
            waiting.extend(receive.try_iter().take(1_023));
            let batch = Batch { records: waiting.iter().map(|_| record()).collect(), ..Batch::default() };
            writer.commit(&batch).map_err(|e| e.to_string())?;
            for ack in waiting {
                let _ = ack.send(());
            }
        }
        Ok(())
    });
    let begun = measure::now();
    let each = (EACH / callers).max(100);
    let threads: Vec<_> = (0..callers)
        .map(|_| {
            let send = send.clone();
            std::thread::spawn(move || {
                let mut times = Vec::new();
                for _ in 0..each {
                    let one = measure::now();
                    let (ack, acked) = channel();
                    if send.send(ack).is_err() || acked.recv().is_err() {
                        break;
                    }
                    times.push(measure::since(one));
                }
                times
            })
        })
        .collect();
    drop(send);
    let times = threads.into_iter().filter_map(|t| t.join().ok()).flatten().collect();
    let wall = measure::since(begun);
    committer.join().map_err(|_| "the writer panicked".to_owned())??;
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
