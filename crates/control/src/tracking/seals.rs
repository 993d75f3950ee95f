//! Seals: a model that is ready does not change any more, and what was tried is told.
//!
//! A seal is in force from the instant it is kept; the record that says so follows, and each start completes what the last run left
//! unrecorded. The other order would let a record claim a seal that never was.

use std::sync::PoisonError;

use models::artifact::{self, Path};
use models::source;
use store::tracking::{Artifact, Change, LoggedModel, Seal, View};
use types::{Code, Digest};

use super::{Answer, ErrorCode, Refused, Tracking};

/// Is how many refused writes wait to be recorded at most; of more, those alike are counted, and others forgotten.
pub const REFUSED_WRITES_MAX: usize = 256;

/// Is how many seals are listed at once.
const SEALS_MAX: u64 = 1_000;

/// Says what was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// To put a file of this digest.
    Put(Digest),
    /// To remove what is there.
    Delete,
}

/// Is a write to a sealed model that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedWrite {
    /// The model.
    pub model: String,
    /// Where something was to be written.
    pub path: String,
    /// Who tried, in the form of `types::Principal`.
    pub by: String,
    /// What was tried.
    pub writing: Writing,
    /// How often.
    pub times: u64,
}

/// Says that a model is sealed.
pub(super) fn sealed(seal: &Seal) -> Refused {
    let (model, at) = (&seal.model, seal.at);
    let when = if source::in_run(model).is_some() { "it became a version" } else { "it became ready" };
    let message = format!(
        "Model '{model}' was sealed when {when}, at {at} ms since the epoch: its files cannot be changed or removed."
    );
    Refused::new(ErrorCode::PermissionDenied, message).because(Code::ModelSealed)
}

fn below_model<'a>(place: &str, path: &'a str) -> &'a str {
    path.strip_prefix(place).unwrap_or(path).trim_start_matches('/')
}

/// Writes what a seal covers: a line for each file, with its digest, its size and its path below the model, by path.
///
/// No path holds a line end, so nothing else reads as the same text; the digest of a seal is the SHA-256 of it.
fn manifest(place: &str, files: &[Artifact]) -> String {
    files.iter().map(|file| types::seal::line(&file.digest, file.size, below_model(place, &file.path))).collect()
}

/// Says whether files are those that a seal covers.
pub(super) fn covers(seal: &Seal, files: &[Artifact]) -> bool {
    Digest::plain(manifest(&seal.place, files).as_bytes()) == seal.digest
}

/// Seals a model that has become ready, if its files are kept here.
pub(super) fn seal(change: &Change<'_>, model: &LoggedModel, by: &str, now: i64) -> Answer<()> {
    let Some(place) = artifact::place(&model.location) else { return Ok(()) };
    let files = change.artifacts_below(place.key())?;
    seal_folder(change, (&model.id, &place), &files, (by, now))
}

/// Returns the folder that holds the files of a version, if they are kept here.
pub(super) fn folder(view: &View<'_>, location: &str) -> Answer<Option<Path>> {
    let Some((run, path)) = source::in_run(location) else { return Ok(artifact::place(location)) };
    let root = view.run(&run)?.and_then(|run| artifact::place(&run.location));
    Ok(root.and_then(|root| Some(artifact::path(&path).ok()?.below(&root))))
}

/// Seals the files of a run that have become a version, unless they are sealed. Where there are none, nothing is sealed.
///
/// - `run`: whose files they must be; else whoever may register a version could seal what is not theirs.
pub(super) fn seal_of_run(change: &Change<'_>, run: &str, location: &str, who: (&str, i64)) -> Answer<()> {
    let root = change.run(run)?.and_then(|run| artifact::place(&run.location));
    let (Some(root), Some(place)) = (root, folder(change, location)?) else { return Ok(()) };
    let Some(below) = place.key().strip_prefix(root.key()).filter(|below| below.is_empty() || below.starts_with('/'))
    else {
        return Ok(());
    };
    let files = change.artifacts_below(place.key())?;
    if files.is_empty() || change.seal_over(place.key())?.is_some() {
        return Ok(());
    }
    seal_folder(change, (&format!("runs:/{run}{below}"), &place), &files, who)
}

fn seal_folder(
    change: &Change<'_>,
    (name, place): (&str, &Path),
    files: &[Artifact],
    (by, at): (&str, i64),
) -> Answer<()> {
    let seal = Seal {
        model: name.to_owned(),
        digest: Digest::plain(manifest(place.key(), files).as_bytes()),
        files: u64::try_from(files.len()).unwrap_or(u64::MAX),
        bytes: files.iter().map(|file| file.size).fold(0, u64::saturating_add),
        place: place.key().to_owned(),
        at,
        by: by.to_owned(),
        record: None,
    };
    Ok(change.seal_model(&seal)?)
}

impl Tracking {
    /// Returns the seal of a model, or those behind one in order of id.
    pub(crate) fn seals(&self, model: Option<&str>, after: &str) -> Answer<Vec<Seal>> {
        self.kept.view(|view| match model {
            Some(model) => Ok(view.seal(model)?.into_iter().collect()),
            None => Ok(view.seals(after, SEALS_MAX)?),
        })
    }

    /// Returns the seal of a model with the files that it covers, whose paths are those below the model; no files if those that are there
    /// are not the ones that it covers.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub(crate) fn sealed_files(&self, model: &str) -> Answer<Option<(Seal, Option<Vec<Artifact>>)>> {
        self.kept.view(|view| {
            let Some(seal) = view.seal(model)? else { return Ok(None) };
            let mut files = view.artifacts_below(&seal.place)?;
            let are_sealed = covers(&seal, &files);
            for file in &mut files {
                file.path = below_model(&seal.place, &file.path).to_owned();
            }
            Ok(Some((seal, are_sealed.then_some(files))))
        })
    }

    /// Returns the seals that no record says anything of yet.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub(crate) fn unrecorded_seals(&self) -> Answer<Vec<Seal>> {
        self.kept.view(|view| Ok(view.unrecorded_seals()?))
    }

    /// Notes which record says that a model is sealed.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub(crate) fn note_seal_recorded(&self, model: String, record: u64) -> Answer<()> {
        self.kept.change(move |change| Ok(change.note_seal_recorded(&model, record)?))
    }

    /// Takes the refused writes that are to be recorded.
    pub(crate) fn take_refused(&self) -> Vec<RefusedWrite> {
        std::mem::take(&mut self.refused.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps a refused write until it is recorded.
    pub(super) fn note_refused(&self, write: RefusedWrite) {
        let mut waiting = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let alike = |known: &&mut RefusedWrite| known.model == write.model && known.by == write.by;
        if let Some(known) = waiting.iter_mut().find(|known| alike(known) && known.path == write.path) {
            known.times = known.times.saturating_add(write.times);
        } else if waiting.len() < REFUSED_WRITES_MAX {
            waiting.push(write);
        } else if let Some(known) = waiting.iter_mut().find(alike) {
            known.times = known.times.saturating_add(write.times);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_one_text_for_one_model() {
        let file = |path: &str, bytes: &[u8]| Artifact {
            path: path.into(),
            digest: Digest::plain(bytes),
            size: bytes.len() as u64,
            at: 1,
        };
        let files = [file("1/models/m/artifacts/MLmodel", b"a"), file("1/models/m/artifacts/data/w", b"")];
        assert_eq!(
            manifest("1/models/m/artifacts", &files),
            "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb 1 MLmodel\n\
             e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 data/w\n"
        );
    }
}
