//! The witness's folder: its keys, and a folder for each log with the log's keys and its last cosigned checkpoint.
//!
//! Whoever can write here can make the witness sign anything; whoever can read `*.key` can do so elsewhere.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tlog::key::KeyError;
use tlog::{CosignerKey, VerifierKey, WitnessedLog};
use types::Code;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::files::{self, Lock};
use crate::machine;

const ED25519: &str = "ed25519.key";
const ML_DSA_44: &str = "ml-dsa-44.key";
const LOGS: &str = "logs";
const LOG_KEYS: &str = "keys";
const CHECKPOINT: &str = "checkpoint";
const FILE_LEN_MAX: usize = tlog::note::NOTE_LEN_MAX;

/// Is the folder of a witness, taken for this process alone.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    _lock: Lock,
}

/// Is a log that is enrolled, and the file its state is in.
#[derive(Debug)]
pub struct Enrolled {
    /// The log.
    pub log: WitnessedLog,
    /// The file of its last cosigned checkpoint.
    pub checkpoint: PathBuf,
}

/// Is what enrolling a key came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enrolment {
    /// The log is new.
    Log,
    /// The log was enrolled, this key of it was not.
    Key,
    /// Both were enrolled already.
    Nothing,
}

/// Reads the keys of the witness in a folder, also while another process has it; the Ed25519 one comes first.
///
/// # Errors
///
/// `not-found` if there is no witness; `keys-unusable` if a key file is missing, unreadable or malformed.
pub fn keys(root: &Path) -> Result<Vec<CosignerKey>, Failure> {
    must_be_there(root)?;
    [ED25519, ML_DSA_44].iter().map(|name| read_key(&root.join(name))).collect()
}

fn must_be_there(root: &Path) -> Result<(), Failure> {
    if root.join(ED25519).exists() {
        return Ok(());
    }
    let message = format!("`{}` holds no witness; `countersign-witness init` makes one", root.display());
    Err(Failure { exit: 2, code: Code::NotFound, message })
}

impl Folder {
    /// Makes the folder of a new witness.
    ///
    /// # Errors
    ///
    /// `usage-invalid` if `name` is none a witness can have; `state-conflict` if there is a witness already;
    /// `data-folder-busy` or `file-unusable` if the folder cannot be used.
    pub fn init(root: &Path, name: &str) -> Result<Vec<CosignerKey>, Failure> {
        let wrong_name = |error: KeyError| Failure::usage(format!("the name `{name}` cannot be used: {error}"));
        let keys = [
            CosignerKey::ed25519(name, &*machine::seed()?).map_err(wrong_name)?,
            CosignerKey::ml_dsa_44(name, &*machine::seed()?).map_err(wrong_name)?,
        ];
        files::make(root).map_err(|error| Failure::file(root, error))?;
        let folder = Self { root: root.to_owned(), _lock: files::lock(root)? };
        if folder.root.join(ED25519).exists() {
            let message = format!("`{}` holds a witness already", root.display());
            return Err(Failure::failed(Code::StateConflict, message));
        }
        folder.write_keys(&keys)?;
        Ok(keys.into())
    }

    fn write_keys(&self, [ed25519, ml_dsa]: &[CosignerKey; 2]) -> Result<(), Failure> {
        let logs = self.root.join(LOGS);
        files::make(&logs).map_err(|error| Failure::file(&logs, error))?;
        // The file by which a witness is known comes last, so that what a crash leaves is no witness.
        for (name, key) in [(ML_DSA_44, ml_dsa), (ED25519, ed25519)] {
            let path = self.root.join(name);
            let text = Zeroizing::new(format!("{}\n", *key.to_secret_text()));
            files::replace(&path, text.as_bytes()).map_err(|error| Failure::file(&path, error))?;
        }
        Ok(())
    }

    /// Opens the folder of a witness.
    ///
    /// # Errors
    ///
    /// `not-found` if there is no witness; `data-folder-busy` or `file-unusable` if the folder cannot be used.
    pub fn open(root: &Path) -> Result<Self, Failure> {
        must_be_there(root)?;
        Ok(Self { root: root.to_owned(), _lock: files::lock(root)? })
    }

    /// Reads the witness's keys, the Ed25519 one first.
    ///
    /// # Errors
    ///
    /// `keys-unusable` if a key file is missing, unreadable or malformed.
    pub fn keys(&self) -> Result<Vec<CosignerKey>, Failure> {
        keys(&self.root)
    }

    /// Enrols a key of a log. A log that is new starts with nothing cosigned; the state of one that is not stays as it is.
    ///
    /// # Errors
    ///
    /// `usage-invalid` if no log has such a key; those of [`Folder::log`]; `file-unusable`.
    pub fn enrol(&self, key: &VerifierKey) -> Result<Enrolment, Failure> {
        let folder = self.log_folder(key.name());
        if !folder.exists() {
            self.enrol_log(&folder, key)?;
            return Ok(Enrolment::Log);
        }
        let enrolled = self.log(&folder)?;
        let mut keys = enrolled.log.keys().to_vec();
        if keys.contains(key) {
            return Ok(Enrolment::Nothing);
        }
        if keys.iter().any(|known| known.id() == key.id()) {
            let message = format!("another key of `{}` has the ID {} too", key.name(), key.id());
            return Err(Failure::usage(message));
        }
        keys.push(key.clone());
        WitnessedLog::enrol(&keys).map_err(|error| Failure::usage(error.to_string()))?;
        let path = folder.join(LOG_KEYS);
        files::replace(&path, key_lines(&keys).as_bytes()).map_err(|error| Failure::file(&path, error))?;
        Ok(Enrolment::Key)
    }

    /// Writes both files of a new log beside its folder and renames, so that a crash leaves the log whole or unknown.
    fn enrol_log(&self, folder: &Path, key: &VerifierKey) -> Result<(), Failure> {
        let keys = std::slice::from_ref(key);
        let state = WitnessedLog::enrol(keys).map_err(|error| Failure::usage(error.to_string()))?;
        let beside = folder.with_extension("writing");
        let write = || -> io::Result<()> {
            files::make(&beside)?;
            files::replace(&beside.join(LOG_KEYS), key_lines(keys).as_bytes())?;
            files::replace(&beside.join(CHECKPOINT), state.as_bytes())?;
            fs::rename(&beside, folder)?;
            files::sync(&self.root.join(LOGS))
        };
        write().map_err(|error| Failure::file(folder, error))
    }

    /// Reads every log that is enrolled.
    ///
    /// # Errors
    ///
    /// Those of [`Folder::log`]; `file-unusable`.
    pub fn logs(&self) -> Result<Vec<Enrolled>, Failure> {
        let logs = self.root.join(LOGS);
        let entries = fs::read_dir(&logs).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let folders = entries.map_err(|error| Failure::file(&logs, error))?.into_iter().map(|entry| entry.path());
        folders.filter(|folder| folder.extension().is_none()).map(|folder| self.log(&folder)).collect()
    }

    /// Reads a log: its keys and the last checkpoint that was cosigned.
    ///
    /// # Errors
    ///
    /// `evidence-missing` if one of its files is missing, which is never taken for a log just enrolled;
    /// `evidence-broken` if one is not what this program wrote; `file-unusable` if one cannot be read.
    fn log(&self, folder: &Path) -> Result<Enrolled, Failure> {
        let keys = read_state(&folder.join(LOG_KEYS))?;
        let keys = parse_keys(&keys).ok_or_else(|| broken(&folder.join(LOG_KEYS), "it is not a list of keys"))?;
        let checkpoint = folder.join(CHECKPOINT);
        let state = read_state(&checkpoint)?;
        let log = WitnessedLog::restore(keys, &state).map_err(|error| broken(&checkpoint, &error.to_string()))?;
        if self.log_folder(log.origin()) != folder {
            return Err(broken(folder, &format!("it is the folder of another log than `{}`", log.origin())));
        }
        Ok(Enrolled { log, checkpoint })
    }

    fn log_folder(&self, origin: &str) -> PathBuf {
        self.root.join(LOGS).join(hex::encode(Sha256::digest(origin)))
    }
}

fn read_key(path: &Path) -> Result<CosignerKey, Failure> {
    let unusable =
        |why: String| Failure::failed(Code::KeysUnusable, format!("the key file `{}` {why}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| unusable(format!("cannot be read: {error}")))?;
    let text = Zeroizing::new(text);
    CosignerKey::from_secret_text(text.trim_end()).map_err(|error| unusable(format!("is malformed: {error}")))
}

fn read_state(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read(path, FILE_LEN_MAX).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let message = format!(
                "`{}` is missing, so nobody knows what was cosigned; put it back, or make a new witness",
                path.display()
            );
            Failure::failed(Code::EvidenceMissing, message)
        }
        _ => Failure::file(path, error),
    })
}

fn broken(path: &Path, why: &str) -> Failure {
    Failure::failed(Code::EvidenceBroken, format!("`{}` was altered: {why}", path.display()))
}

fn parse_keys(bytes: &[u8]) -> Option<Vec<VerifierKey>> {
    str::from_utf8(bytes).ok()?.lines().map(|line| line.parse().ok()).collect()
}

fn key_lines(keys: &[VerifierKey]) -> String {
    keys.iter().map(|key| format!("{key}\n")).collect()
}
