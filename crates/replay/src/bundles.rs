//! The policy bundles that decisions were made under, by digest, each read once.

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::{Bundle, BundleFiles};
use types::Digest;

/// Is a bundle that was read, or its files with the reason why they could not be.
#[derive(Debug)]
enum Read {
    Usable(Box<Bundle>),
    Unusable(BTreeMap<String, String>, String),
}

/// Holds bundles by the digest that decisions name; a copy shares them.
#[derive(Debug, Default, Clone)]
pub struct Bundles(BTreeMap<Digest, Arc<Read>>);

impl Bundles {
    /// Returns an empty set, under which every decision is missing its bundle.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a bundle from its files and keeps it under the digest of those files; one that does not load is kept with
    /// the reason.
    pub fn add(&mut self, files: BundleFiles) {
        self.0.entry(files.digest()).or_insert_with(|| {
            let texts = files.0.clone();
            let loaded = Bundle::load(files);
            Arc::new(loaded.map_or_else(
                |problems| Read::Unusable(texts, problems.to_string()),
                |bundle| Read::Usable(Box::new(bundle)),
            ))
        });
    }

    /// Returns the bundle of a digest.
    ///
    /// # Errors
    ///
    /// A text that says that it is not here, or why it cannot be used.
    pub fn get(&self, digest: &Digest) -> Result<&Bundle, String> {
        match self.0.get(digest).map(Arc::as_ref) {
            Some(Read::Usable(bundle)) => Ok(bundle),
            Some(Read::Unusable(_, why)) => {
                Err(format!("the policy bundle {} cannot be used: {why}", digest.short(16)))
            }
            None => Err(format!("the policy bundle {} is not here", digest.short(16))),
        }
    }

    /// Returns the files of the bundle of a digest, whose digest it is; `None` if they are not here.
    pub fn files(&self, digest: &Digest) -> Option<&BTreeMap<String, String>> {
        match self.0.get(digest).map(Arc::as_ref)? {
            Read::Usable(bundle) => Some(&bundle.files().0),
            Read::Unusable(files, _) => Some(files),
        }
    }

    /// Returns the digests of the bundles that are here, usable or not.
    pub fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.0.keys()
    }
}
