//! A model on the disk: every file of its folder with its SHA-256, and what in it is no file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use evidence::ModelManifest;
use evidence::model_signature::{Entry, is_within};
use sha2::{Digest as _, Sha256};
use types::Digest;

use crate::error::CliError;

/// Is how many bytes are read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Is how deep folders may lie in each other.
const DEPTH_MAX: usize = 100;

/// Says what of a folder is not looked at: what whoever signed has passed over, what the command line names, and the signature.
pub struct Passed<'a> {
    signed: Option<&'a ModelManifest>,
    named: Vec<String>,
}

impl<'a> Passed<'a> {
    /// Takes the paths of a command line, and the signature where it lies in the folder without being signed itself.
    ///
    /// # Errors
    ///
    /// `usage-invalid` for a path that holds something that was signed, or that is none below a folder.
    pub fn of(
        signed: &'a ModelManifest,
        ignored: &[String],
        folder: &Path,
        signature: &Path,
    ) -> Result<Self, CliError> {
        let mut named = Vec::new();
        for path in ignored {
            let path = path.trim_end_matches('/');
            if path.split('/').any(|name| matches!(name, "" | "." | "..")) {
                return Err(CliError::usage(format!("--ignore: `{path}` is no path below the model's folder")));
            }
            if signed.names_within(path) || signed.files().iter().any(|file| is_within(path, &file.path)) {
                return Err(CliError::usage(format!("--ignore: `{path}` was signed, so it is not passed over")));
            }
            named.push(path.to_owned());
        }
        let lies = fs::canonicalize(folder).ok().zip(fs::canonicalize(signature).ok());
        let below =
            lies.and_then(|(folder, signature)| Some(signature.strip_prefix(folder).ok()?.to_str()?.to_owned()));
        named.extend(below.filter(|path| !path.is_empty() && !signed.names_within(path)));
        Ok(Self { signed: Some(signed), named })
    }

    /// Takes what lies beside a model that was downloaded and is none of its files.
    pub fn beside(names: &[&str]) -> Self {
        Self { signed: None, named: names.iter().map(|name| (*name).to_owned()).collect() }
    }

    fn has(&self, path: &str) -> bool {
        self.signed.is_some_and(|signed| signed.ignores(path)) || self.named.iter().any(|named| is_within(path, named))
    }
}

/// Is what was found of a model.
#[derive(Debug, Default)]
pub struct Walked {
    /// What there is by path, but folders and what was passed over.
    pub entries: BTreeMap<String, Entry>,
    /// How many files were read.
    pub files: u64,
    /// How many bytes they have together.
    pub bytes: u64,
    /// What was there and was passed over.
    pub passed_over: BTreeSet<String>,
}

impl Walked {
    /// Reads the files of a folder, or a model that is one file.
    ///
    /// - `with_links`: a link to a file counts as that file. One to a folder never does: what lies behind it would belong to the model
    ///   or not, depending on who walks.
    ///
    /// # Errors
    ///
    /// `file-unusable` for what cannot be read.
    pub fn over(model: &Path, passed: &Passed<'_>, with_links: bool) -> Result<Self, CliError> {
        let mut walked = Self::default();
        if fs::metadata(model).map_err(|error| unusable(model, &error))?.is_dir() {
            walked.folder(model, "", passed, with_links, 0)?;
        } else {
            walked.entry(model, ".", with_links)?;
        }
        Ok(walked)
    }

    fn folder(
        &mut self,
        folder: &Path,
        prefix: &str,
        passed: &Passed<'_>,
        with_links: bool,
        depth: usize,
    ) -> Result<(), CliError> {
        if depth > DEPTH_MAX {
            let message = format!("`{}` lies deeper than {DEPTH_MAX} folders", folder.display());
            return Err(CliError::machine(message));
        }
        for entry in fs::read_dir(folder).map_err(|error| unusable(folder, &error))? {
            let entry = entry.map_err(|error| unusable(folder, &error))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                // It is written with a backslash, which no path that is signed has.
                self.entries.insert(format!("{prefix}{name:?}"), Entry::Other("called by a name that is not UTF-8"));
                continue;
            };
            let path = format!("{prefix}{name}");
            if passed.has(&path) {
                self.passed_over.insert(path);
            } else if entry.file_type().map_err(|error| unusable(&entry.path(), &error))?.is_dir() {
                self.folder(&entry.path(), &format!("{path}/"), passed, with_links, depth + 1)?;
            } else {
                self.entry(&entry.path(), &path, with_links)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, place: &Path, path: &str, with_links: bool) -> Result<(), CliError> {
        let failed = |error: io::Error| unusable(place, &error);
        let is = fs::symlink_metadata(place).map_err(failed)?.file_type();
        let found = if is.is_symlink() && !with_links {
            Entry::Other("a link, which the signature does not allow")
        } else if is.is_symlink() && !fs::metadata(place).is_ok_and(|target| target.is_file()) {
            Entry::Other("a link that leads to no file")
        } else if is.is_symlink() || is.is_file() {
            Entry::File(self.hash(place).map_err(failed)?)
        } else {
            Entry::Other("neither a file nor a folder")
        };
        self.entries.insert(path.to_owned(), found);
        Ok(())
    }

    fn hash(&mut self, place: &Path) -> io::Result<Digest> {
        let (mut file, mut hasher) = (File::open(place)?, Sha256::new());
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let read = file.read(&mut chunk)?;
            let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            hasher.update(bytes);
            self.bytes = self.bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        }
        self.files = self.files.saturating_add(1);
        Ok(Digest(hasher.finalize().into()))
    }
}

fn unusable(path: &Path, error: &io::Error) -> CliError {
    CliError::machine(format!("`{}` cannot be read: {error}", path.display()))
}
