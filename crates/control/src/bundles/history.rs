//! Which bundles were put in force, by whom and why, and what each of them says.

use std::sync::{Arc, PoisonError};

use evidence::archive::PolicyFiles;
use evidence::{Field, RecordKind};
use ledger::History;
use policy::{Bundle, BundleFiles};
use stages::trial::Report;
use types::{Code, Digest, Millis, Principal};

use super::difference::{FileChange, difference};
use super::trials;
use crate::control::Control;
use crate::door::Refusal;
use crate::error::Failure;
use crate::export::policy_files;

/// Is how many records are read at once.
const AT_ONCE: u64 = 4_096;

/// Is the most activations one call returns.
pub const ACTIVATIONS_MAX: usize = 200;

/// Is one activation of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    /// Its record in the journal.
    pub record: u64,
    /// The bundle that came into force.
    pub bundle: Digest,
    /// When.
    pub at: Millis,
    /// By whom; absent once that was erased.
    pub by: Option<Principal>,
    /// Why; absent once that was erased.
    pub reason: Option<String>,
}

/// Is a bundle that was in force once, with what its own tests say today.
#[derive(Debug)]
pub struct Kept {
    /// The name it gives itself.
    pub name: String,
    /// The texts of its files by path.
    pub files: PolicyFiles,
    /// How each of its tests went.
    pub tests: Vec<Report>,
}

/// Remembers where activations are recorded, so that no record is looked at twice. It holds nothing that could be erased.
#[derive(Debug, Default)]
pub(crate) struct Activations {
    read: u64,
    found: Vec<u64>,
}

impl Activations {
    /// Looks at what was recorded since, and returns the latest indices, the newest first.
    fn up_to_date(&mut self, history: &History) -> Failure<Vec<u64>> {
        let size = history.size()?;
        while self.read < size {
            let to = size.min(self.read + AT_ONCE);
            let leaves = history.leaves(self.read, to)?;
            let found = leaves.iter().zip(self.read..).filter(|(leaf, _)| leaf.kind == RecordKind::Bundle);
            self.found.extend(found.map(|(_, index)| index));
            self.read = to;
        }
        Ok(self.found.iter().rev().take(ACTIVATIONS_MAX).copied().collect())
    }
}

fn activation(history: &History, index: u64) -> Failure<Option<Activation>> {
    let Some(entry) = history.record(index)? else { return Ok(None) };
    let Some(bundle) = entry.leaf.bundle else { return Ok(None) };
    let content = entry.content.as_ref();
    let by = content.and_then(|content| content.get(Field::Principal).ok().flatten());
    let reason = content.and_then(|content| content.get(Field::Reason).ok().flatten());
    Ok(Some(Activation { record: index, bundle, at: entry.leaf.at, by, reason }))
}

fn unknown(digest: &Digest) -> Refusal {
    Refusal::plain(Code::NotFound, format!("no bundle {} was ever in force here", digest.short(16)))
}

fn kept(files: PolicyFiles) -> Failure<Kept> {
    let unusable = |e: policy::LoadError| Refusal::plain(Code::BundleInvalid, e.to_string());
    let bundle = Bundle::load(BundleFiles(files.clone())).map_err(unusable)?;
    Ok(Kept { name: bundle.data().head.name.clone(), tests: trials(&bundle)?, files })
}

impl Control {
    /// Lists the activations that the present log holds, the newest first, at most [`ACTIVATIONS_MAX`].
    ///
    /// The first call reads where every record of the log stands, later ones what is new.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub async fn activations(self: &Arc<Self>) -> Failure<Vec<Activation>> {
        let control = self.clone();
        blocking(move || {
            let mut known = control.activations.lock().unwrap_or_else(PoisonError::into_inner);
            let latest = known.up_to_date(&control.history)?;
            drop(known);
            latest.into_iter().filter_map(|index| activation(&control.history, index).transpose()).collect()
        })
        .await
    }

    /// Reads a bundle that was in force once, and runs its own tests.
    ///
    /// # Errors
    ///
    /// `not-found` if it never was; `bundle-invalid` if this program cannot use it any more; or what the journal says.
    pub async fn bundle(self: &Arc<Self>, digest: Digest) -> Failure<Kept> {
        let control = self.clone();
        blocking(move || kept(control.files_of(&digest)?)).await
    }

    /// Says what differs between two bundles that were in force once.
    ///
    /// # Errors
    ///
    /// `not-found` if one never was, or what the journal says.
    pub async fn bundle_difference(self: &Arc<Self>, from: Digest, to: Digest) -> Failure<Vec<FileChange>> {
        let control = self.clone();
        blocking(move || Ok(difference(&control.files_of(&from)?, &control.files_of(&to)?))).await
    }

    fn files_of(&self, digest: &Digest) -> Failure<PolicyFiles> {
        policy_files(&self.history, digest)?.ok_or_else(|| unknown(digest))
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Failure<T> + Send + 'static) -> Failure<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Refusal::plain(Code::Internal, e.to_string()))?
}
