//! The checkpoints that an authority has dated, as evidence takes them from the published files.

use std::fs;

use evidence::stamped::{TIMESTAMPS, note_path, token_path};
use tlog::checkpoint::Checkpoint;
use tlog::key::VerifierKey;

use crate::files::Folder;

/// Is a dated checkpoint.
pub(crate) struct Dated {
    /// What it says.
    pub(crate) checkpoint: Checkpoint,
    /// Its bytes, as they were dated.
    pub(crate) note: Vec<u8>,
    /// The authority's token.
    pub(crate) token: Vec<u8>,
}

/// Returns the first dated checkpoint that covers a record and that `key` has signed: the earlier the date, the more it
/// says.
pub(crate) fn earliest(folder: &Folder, index: u64, key: &VerifierKey) -> Option<Dated> {
    let entries = fs::read_dir(folder.path().join(TIMESTAMPS)).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let sizes = names.filter_map(|name| name.strip_suffix(".tst")?.parse::<u64>().ok());
    let mut after: Vec<u64> = sizes.filter(|size| *size > index).collect();
    after.sort_unstable();
    after.into_iter().find_map(|size| {
        let note = folder.read(&note_path(size)).ok().flatten()?;
        let checkpoint = Checkpoint::open(&note, key).ok()?.0;
        let token = folder.read(&token_path(size)).ok().flatten()?;
        (checkpoint.size == size).then_some(Dated { checkpoint, note, token })
    })
}
