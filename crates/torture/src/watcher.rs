//! What the server does to its files, as the kernel tells it while it happens.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

/// Names what is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The journal is opened.
    Opened,
    /// A batch is being written to the write-ahead log, and not synced yet.
    Written,
    /// The write-ahead log is being folded into the database.
    Folded,
    /// A tile or an entry bundle is being published.
    Published,
    /// The checkpoint was replaced.
    Signed,
    /// The head file was replaced.
    HeadSaved,
    /// The server has left word where it listens.
    Announced,
}

impl Change {
    fn folders(self, folder: &Path) -> Vec<PathBuf> {
        match self {
            Self::Opened | Self::Written | Self::Folded => vec![folder.join("data")],
            Self::Published => tree(&folder.join("data/log/tile")),
            Self::Signed => vec![folder.join("data/log")],
            Self::HeadSaved => vec![folder.join("keys/head")],
            Self::Announced => vec![folder.join("keys")],
        }
    }

    fn flags(self) -> WatchFlags {
        match self {
            Self::Opened => WatchFlags::OPEN,
            Self::Written | Self::Folded => WatchFlags::MODIFY,
            Self::Published => WatchFlags::CREATE | WatchFlags::MOVED_TO,
            Self::Signed | Self::HeadSaved | Self::Announced => WatchFlags::MOVED_TO,
        }
    }

    fn is_named(self, name: &[u8]) -> bool {
        match self {
            Self::Opened | Self::Folded => name == b"journal.db",
            Self::Written => name == b"journal.db-wal",
            Self::Published => true,
            Self::Signed => name == b"checkpoint",
            Self::HeadSaved => name == b"head",
            Self::Announced => name == b"server.json",
        }
    }
}

/// Lists a folder and all below it; the ones that vanish meanwhile are left out.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut all = vec![folder.to_owned()];
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.path().is_dir()) {
        all.extend(tree(&entry.path()));
    }
    all
}

/// Waits for one kind of change in the folders of one server.
pub struct Watcher {
    descriptor: AsyncFd<OwnedFd>,
    change: Change,
}

impl Watcher {
    /// Begins to watch.
    ///
    /// # Errors
    ///
    /// What the system says, such as that a folder is not there.
    pub fn new(folder: &Path, change: Change) -> Result<Self, String> {
        let descriptor = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).map_err(|e| e.to_string())?;
        for path in change.folders(folder) {
            match inotify::add_watch(&descriptor, &path, change.flags()) {
                // The server takes folders of partial tiles away as it goes on.
                Err(Errno::NOENT) if change == Change::Published => {}
                watched => watched.map(drop).map_err(|e| format!("{}: {e}", path.display()))?,
            }
        }
        Ok(Self { descriptor: owned(descriptor).map_err(|e| e.to_string())?, change })
    }

    /// Waits until there were so many changes; equal ones that come at once may count as one.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub async fn wait(&mut self, mut changes: u64) -> Result<(), String> {
        while changes > 0 {
            let mut ready = self.descriptor.readable().await.map_err(|e| e.to_string())?;
            let seen = drain(ready.get_inner(), self.change)?;
            ready.clear_ready();
            changes = changes.saturating_sub(seen);
        }
        Ok(())
    }
}

#[expect(deprecated, reason = "it is unsound for what may change its descriptor, which `OwnedFd` never does")]
fn owned(descriptor: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(descriptor)
}

/// Reads all that has come and counts what is meant.
fn drain(descriptor: &OwnedFd, change: Change) -> Result<u64, String> {
    let mut buffer = [MaybeUninit::uninit(); 4_096];
    let mut reader = inotify::Reader::new(descriptor, &mut buffer);
    let mut seen = 0;
    loop {
        match reader.next() {
            Ok(event) => {
                let named = event.file_name().is_some_and(|name| change.is_named(name.to_bytes()));
                seen += u64::from(named && !event.events().contains(ReadFlags::IGNORED));
            }
            Err(Errno::AGAIN) => return Ok(seen),
            Err(error) => return Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_is_told_and_others_are_not_taken_for_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("keys/head")).unwrap();
        let mut watcher = Watcher::new(folder.path(), Change::HeadSaved).unwrap();
        let (other, head) = (folder.path().join("keys/head/other"), folder.path().join("keys/head/head"));
        std::fs::write(&other, "1").unwrap();
        tokio::select! {
            biased;
            told = watcher.wait(1) => panic!("{told:?}"),
            () = crate::clock::sleep(20) => {}
        }
        std::fs::rename(other, head).unwrap();
        watcher.wait(1).await.unwrap();
    }
}
