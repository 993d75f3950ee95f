//! How long the disk itself takes to sync, measured beside whatever else is going on.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::clock;
use crate::pace::Times;

/// Is how much is written before each sync, in bytes: a page.
const WRITTEN: [u8; 4_096] = [7; 4_096];

/// Is how long it rests between two syncs, so that it measures the load and is none.
const REST: Duration = Duration::from_millis(10);

/// Measures syncs until it is stopped.
pub struct Syncs {
    over: Arc<AtomicBool>,
    measuring: JoinHandle<std::io::Result<Times>>,
}

impl Syncs {
    /// Begins to write and sync a file of its own in a folder.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn begin(folder: &Path) -> std::io::Result<Self> {
        let file = File::create(folder.join("syncs"))?;
        let over = Arc::new(AtomicBool::new(false));
        let until = over.clone();
        Ok(Self { over, measuring: tokio::task::spawn_blocking(move || measure(&file, &until)) })
    }

    /// Stops and returns how long each sync took.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub async fn end(self) -> Result<Times, String> {
        self.over.store(true, Ordering::SeqCst);
        let measured = self.measuring.await.map_err(|error| error.to_string())?;
        measured.map_err(|error| error.to_string())
    }
}

fn measure(mut file: &File, over: &AtomicBool) -> std::io::Result<Times> {
    let mut times = Times::default();
    while !over.load(Ordering::SeqCst) {
        file.write_all(&WRITTEN)?;
        let begun = clock::now();
        file.sync_data()?;
        times.add_since(begun);
        std::thread::sleep(REST);
    }
    Ok(times)
}
