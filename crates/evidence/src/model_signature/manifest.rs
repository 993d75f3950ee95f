//! What a signature says of a model: its files with their digests, and what it passes over.

use std::collections::{BTreeMap, BTreeSet};

use types::{Digest, text};

use super::error::ModelSignatureError;

/// Is where a signature lies that is handed on with its model.
pub const SIGNATURE_FILE: &str = "model.sig";

/// Is what a model has for a path that is one file by itself.
const ITSELF: &str = ".";

/// Is a file of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFile {
    /// Its path below the model, with `/` between its names; `.` if the model is this one file.
    pub path: String,
    /// The SHA-256 of its bytes.
    pub digest: Digest,
}

/// Is what a model was found to have at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file whose bytes have this SHA-256.
    File(Digest),
    /// Something that no signature covers, and what it is.
    Other(&'static str),
}

/// Says how a path of a model differs from what was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IsDifferent {
    /// It was signed, and is not there.
    Missing,
    /// It has other bytes.
    Changed(Digest),
    /// It is there, and was not signed.
    Unlisted,
    /// It is nothing that could have been signed.
    Other(&'static str),
}

impl IsDifferent {
    /// Returns the stable word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Changed(_) => "changed",
            Self::Unlisted => "unlisted",
            Self::Other(_) => "other",
        }
    }
}

/// Is a path of a model that is not as it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The path below the model.
    pub path: String,
    /// What was signed; absent if nothing was.
    pub signed: Option<Digest>,
    /// How it differs.
    pub is: IsDifferent,
}

/// Is the list of a model's files, each path once, and none that leads anywhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelManifest {
    name: String,
    files: Vec<ModelFile>,
    ignored: Vec<String>,
    allows_links: bool,
}

impl ModelManifest {
    /// Lists the files of a model that is to be signed, in the order of the format: by path, name by name.
    ///
    /// - `beside`: paths at which something may lie that came to the files later, and is passed over; one that the model has itself is
    ///   signed as all others.
    ///
    /// # Errors
    ///
    /// [`ModelSignatureError::Malformed`] for a path that cannot be, or that is there twice.
    pub fn of_model(
        name: impl Into<String>,
        mut files: Vec<ModelFile>,
        beside: &[&str],
    ) -> Result<Self, ModelSignatureError> {
        files.sort_by(|a, b| a.path.split('/').cmp(b.path.split('/')));
        let has = |path: &str| files.iter().any(|file| is_within(&file.path, path) || is_within(path, &file.path));
        let ignored = beside.iter().filter(|path| !has(path)).map(|path| (*path).to_owned()).collect();
        Self::checked(name.into(), files, ignored, false)
    }

    /// Checks what was read of a signature.
    pub(super) fn checked(
        name: String,
        files: Vec<ModelFile>,
        ignored: Vec<String>,
        allows_links: bool,
    ) -> Result<Self, ModelSignatureError> {
        let refused = |what: &str, path: &str| {
            Err(ModelSignatureError::malformed(format!("{what} `{}`", text::escape(path, false))))
        };
        let mut known = BTreeSet::new();
        for path in files.iter().map(|file| file.path.as_str()) {
            let is_the_model = path == ITSELF && files.len() == 1;
            if !is_path(path) && !is_the_model {
                return refused("no file of a model can be called", path);
            }
            if !known.insert(path) {
                return refused("it names a file twice:", path);
            }
        }
        for path in ignored.iter().filter(|path| !path.starts_with('/')) {
            if !is_path(path) {
                return refused("no path of a model that is passed over can be", path);
            }
        }
        let manifest = Self { name, files, ignored, allows_links };
        match manifest.files.iter().find(|file| manifest.ignores(&file.path)) {
            Some(file) => refused("it names a file and passes it over:", &file.path),
            None => Ok(manifest),
        }
    }

    /// Returns the name of the model, which only informs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the files in the order in which they are signed.
    pub fn files(&self) -> &[ModelFile] {
        &self.files
    }

    /// Returns the paths that are passed over, with all below them.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Says whether whoever signed has followed links to files.
    pub fn allows_links(&self) -> bool {
        self.allows_links
    }

    /// Says whether a path is passed over.
    pub fn ignores(&self, path: &str) -> bool {
        self.ignored.iter().any(|ignored| is_within(path, ignored))
    }

    /// Says whether a path, or one below it, is signed.
    pub fn names_within(&self, path: &str) -> bool {
        self.files.iter().any(|file| is_within(&file.path, path))
    }

    /// Returns the digest over all files: the SHA-256 of their digests in order.
    pub fn root(&self) -> Digest {
        Digest::plain(&self.files.iter().flat_map(|file| file.digest.0).collect::<Vec<_>>())
    }

    /// Holds what a model has against what was signed, and returns each path that differs, in order.
    ///
    /// - `found`: everything that is there but folders, by path below the model.
    pub fn compare(&self, found: &BTreeMap<String, Entry>) -> Vec<Difference> {
        let mut differences = Vec::new();
        for ModelFile { path, digest } in &self.files {
            let is = match found.get(path) {
                Some(Entry::File(is)) if is == digest => continue,
                Some(Entry::File(is)) => IsDifferent::Changed(*is),
                Some(Entry::Other(what)) => IsDifferent::Other(what),
                None => IsDifferent::Missing,
            };
            differences.push(Difference { path: path.clone(), signed: Some(*digest), is });
        }
        let signed: BTreeSet<&str> = self.files.iter().map(|file| file.path.as_str()).collect();
        for (path, entry) in found.iter().filter(|(path, _)| !signed.contains(path.as_str()) && !self.ignores(path)) {
            let is = match entry {
                Entry::File(_) => IsDifferent::Unlisted,
                Entry::Other(what) => IsDifferent::Other(what),
            };
            differences.push(Difference { path: path.clone(), signed: None, is });
        }
        differences.sort_by(|a, b| a.path.cmp(&b.path));
        differences
    }
}

/// Says whether a text is a path below a folder in its one spelling, on any system.
fn is_path(path: &str) -> bool {
    !path.contains(['\\', '\0']) && path.split('/').all(|name| !matches!(name, "" | "." | ".."))
}

/// Says whether a path is another one, or lies below it.
pub fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
