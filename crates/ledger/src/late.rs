//! What tightens and came after a log's last record: kept beside the head file, outside the data folder, until a start
//! records it in the next log.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::disk::System;
use crate::files::Folder;

/// Is something that tightens, and that a complete log can record no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// The log is frozen: no start goes through.
    Freeze,
    /// Kill switches are set.
    Kills,
}

impl Late {
    fn file(self) -> &'static str {
        match self {
            Self::Freeze => "late.freeze",
            Self::Kills => "late.kills",
        }
    }

    /// Reads what is kept in a place's head folder; `None` if nothing is.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn read(self, head: &Path) -> io::Result<Option<Vec<u8>>> {
        Folder::at(head).read(self.file())
    }

    /// Keeps it in a place's head folder; when this returns, it survives a crash.
    ///
    /// # Errors
    ///
    /// What the file system says; what was kept before is then still there.
    pub fn keep(self, head: &Path, bytes: &[u8]) -> io::Result<()> {
        Folder::open(Arc::new(System), head)?.replace(self.file(), bytes)
    }

    /// Forgets it, once it is recorded.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn forget(self, head: &Path) -> io::Result<()> {
        let folder = Folder::at(head);
        folder.remove(self.file())?;
        folder.sync(head)
    }
}
