//! The folders on disk: bundle, data, keys, and the file that says where the server listens.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evidence::TenantKey;
use ledger::port::draw;
use ledger::recover::{JOURNAL, LOG, Lock, Place};
use ledger::{History, KeyStore, LogKeys, LogRing, Standing, files};
use policy::{Bundle, BundleFiles};
use serde::{Deserialize, Serialize};
use store::{Reader, StoreError};
use tlog::TrustPolicy;
use tlog::key::{SignerKey, VerifierKey};
use types::Code;

use crate::error::{CliError, Exit};
use crate::machine::{SystemClock, SystemRandom};

/// Is the file of the policy that names the witnesses, in the keys folder: whoever writes the data folder cannot take it away.
const WITNESSES: &str = "witness.policy";

/// Says where everything is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// The policy bundle; it belongs into version control.
    pub bundle: PathBuf,
    /// The journal and the published log.
    pub data: PathBuf,
    /// The keys, outside the data folder, readable by their owner alone.
    pub keys: PathBuf,
    /// The file that says who is told of what.
    pub notify: PathBuf,
    /// The file that says at whose place people log in.
    pub oidc: PathBuf,
    /// The file that says where files of training are kept.
    pub artifacts: PathBuf,
    /// The file that says what is probed.
    pub probes: PathBuf,
}

/// Is what a running server leaves for the command line, among the keys: whoever could change it would be sent them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Where it listens.
    pub url: String,
    /// Its process.
    pub pid: u32,
    /// When that process began: a number is given again to another one.
    pub began: String,
}

impl Running {
    /// Says whether that process runs still.
    pub fn lives(&self) -> bool {
        began(self.pid).is_some_and(|began| began == self.began)
    }
}

/// Says when a process began, in clock ticks since which start of the machine; `None` if there is no such process.
fn began(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    // The second field is the program's name in parentheses, and may hold anything; the 22nd is the time.
    let ticks = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?;
    Some(format!("{}/{ticks}", boot.trim()))
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> CliError {
    CliError::machine(format!("`{}` cannot be used: {error}", path.display()))
}

/// Writes beside a file, syncs, and renames over it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("writing");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        // What a crash has left may be readable by others, so a new file is made.
        _ => {}
    }
    let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&beside)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn new_tenant_key() -> String {
    hex::encode(draw::<32>(&SystemRandom))
}

/// Is the file of the key that signs receipts and statements, never checkpoints.
const STATEMENT_KEY: &str = "statement.key";

/// Is the file of the keys that sign checkpoints, one a line.
const LOG_KEYS: &str = "log.key";

/// Keeps the log's keys in their file.
struct KeyFile(Folders);

impl KeyStore for KeyFile {
    fn replace(&self, secrets: &str) -> io::Result<()> {
        self.0.write_key(LOG_KEYS, secrets).map_err(|error| io::Error::other(error.message))
    }
}

fn new_log_key() -> String {
    let name = format!("countersign.local/{}", hex::encode(draw::<6>(&SystemRandom)));
    SignerKey::ed25519(&name, &draw(&SystemRandom)).map(|key| key.to_secret_text().to_string()).unwrap_or_default()
}

impl Folders {
    /// Names the folders below one folder.
    pub fn below(dir: &Path) -> Self {
        Self {
            bundle: dir.join("bundle"),
            data: dir.join("data"),
            keys: dir.join("keys"),
            notify: dir.join("notify.toml"),
            oidc: dir.join("oidc.toml"),
            artifacts: dir.join("artifacts.toml"),
            probes: dir.join("probes.toml"),
        }
    }

    /// Takes the data folder for this process, making it if it is missing.
    ///
    /// # Errors
    ///
    /// `data-folder-busy` if another process has it; `file-unusable` if it cannot be used.
    pub fn lock(&self) -> Result<Lock, CliError> {
        Ok(ledger::recover::lock(&self.data)?)
    }

    /// Returns where the journal is and opens its keys, or makes them if there is no journal yet.
    ///
    /// - `_lock`: of the data folder, so that of two first starts one alone makes keys.
    ///
    /// # Errors
    ///
    /// `keys-unusable` if a key file is missing or malformed; `file-unusable` if the folders cannot be used.
    pub fn place(&self, _lock: &Lock) -> Result<Place, CliError> {
        self.make_keys_folder()?;
        let keys = self
            .log_keys(|name, make| if self.has_journal() { self.missing(name) } else { self.make_key(name, make) })?;
        self.make_statement_key(&keys.log)?;
        Ok(Place {
            data: self.data.clone(),
            head: self.keys.join("head"),
            journal_bytes_max: None,
            keys,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        })
    }

    /// Opens the keys of the journal that is there; makes nothing.
    ///
    /// # Errors
    ///
    /// `not-found` if there is no journal; `keys-unusable` if a key file is missing or malformed; `file-unusable` if one
    /// cannot be read.
    pub fn keys_there(&self) -> Result<LogKeys, CliError> {
        if !self.has_journal() {
            let message = format!("there is no journal in `{}`", self.data.display());
            return Err(CliError::new(Exit::Usage, Code::NotFound, message)
                .hint("`countersign init -- <your MCP server's command>` starts one"));
        }
        let keys = self.log_keys(|name, _| self.missing(name))?;
        // The journal says which of them sign; it may be an older one than the keys are, and is refused where that matters.
        match Standing::read(&Reader::open(&self.data.join(JOURNAL))?) {
            Ok(Some(standing)) => {
                if let Err(error) = keys.log.settle(&standing) {
                    tracing::warn!(%error, "the journal and its keys do not fit");
                }
            }
            Ok(None) => {}
            // A start refuses it; what is read here is what tells what is wrong.
            Err(StoreError::Damaged(why)) => tracing::warn!(%why, "which keys sign the log cannot be read"),
            Err(error) => return Err(error.into()),
        }
        Ok(keys)
    }

    /// Opens the journal that is there for reading, with its keys; makes nothing.
    ///
    /// # Errors
    ///
    /// As [`Folders::keys_there`]; `keys-unusable` if the keys are another journal's, or what the store says.
    pub fn history(&self) -> Result<(History, LogKeys), CliError> {
        let keys = self.keys_there()?;
        Ok((History::open(&self.data, keys.tenant.clone())?, keys))
    }

    /// Opens the journal of a closed log for reading, or that of the live one if none is named; makes nothing.
    ///
    /// # Errors
    ///
    /// As [`Folders::history`]; `not-found` if no closed log has that name, `log-deleted` if it was deleted.
    pub fn history_of(&self, log: Option<&str>) -> Result<History, CliError> {
        let (live, keys) = self.history()?;
        let Some(name) = log else { return Ok(live) };
        let number = control::logs::kept_log(&live, name)?.number;
        Ok(control::logs::open_closed(&self.data, &keys.tenant, number)?)
    }

    /// Returns the folder of a log's published files, and the key that signs them: of a closed log, or of the live one if
    /// none is named.
    ///
    /// # Errors
    ///
    /// As [`Folders::history_of`].
    pub fn published_of(&self, log: Option<&str>) -> Result<(PathBuf, VerifierKey), CliError> {
        let (live, keys) = self.history()?;
        let Some(name) = log else { return Ok((self.data.join(LOG), keys.log.verifier())) };
        let log = control::logs::kept_log(&live, name)?;
        let key = log.signers.first().and_then(|key| key.parse().ok());
        let key = key.ok_or_else(|| CliError::machine("the key of the closed log cannot be read".to_owned()))?;
        Ok((ledger::closed::folder(&self.data, log.number).join(LOG), key))
    }

    /// Opens the key that signs receipts and statements; makes nothing.
    ///
    /// # Errors
    ///
    /// `keys-unusable` if its file is missing or malformed; `file-unusable` if it cannot be read.
    pub fn statement_key(&self) -> Result<SignerKey, CliError> {
        let missing = || key_file("missing").hint("`countersign up` makes one");
        self.statement_key_there()?.ok_or_else(missing)
    }

    /// Opens the key that signs receipts and statements; `None` if there is none yet.
    ///
    /// # Errors
    ///
    /// `keys-unusable` if its file is malformed; `file-unusable` if it cannot be read.
    pub fn statement_key_there(&self) -> Result<Option<SignerKey>, CliError> {
        let text = self.read_key(STATEMENT_KEY)?;
        text.map(|text| SignerKey::from_secret_text(&text).map_err(|_| key_file("malformed"))).transpose()
    }

    /// Makes the statement key, also beside a journal that is older: nothing that is there depends on it.
    fn make_statement_key(&self, log: &LogRing) -> Result<(), CliError> {
        if self.read_key(STATEMENT_KEY)?.is_some() {
            return Ok(());
        }
        let name = format!("{}/statement", log.verifier().name());
        let key = SignerKey::ed25519(&name, &draw(&SystemRandom));
        let key = key.map_err(|e| CliError::new(Exit::Failed, Code::KeysUnusable, e.to_string()))?;
        self.write_key(STATEMENT_KEY, &key.to_secret_text())
    }

    fn has_journal(&self) -> bool {
        self.data.join(JOURNAL).exists()
    }

    fn make_keys_folder(&self) -> Result<(), CliError> {
        let parent = self.keys.parent().unwrap_or(Path::new(""));
        let make = || {
            // A folder with nothing in it may be one whose name was never synced.
            if fs::read_dir(&self.keys).is_ok_and(|mut keys| keys.next().is_some()) {
                return Ok(());
            }
            files::make(parent)?;
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.keys)?;
            files::sync(parent)
        };
        make().map_err(|e| unusable(&self.keys, &e))
    }

    /// Reads the keys; `absent` is asked for the text of a file that is missing, and handed what would make one.
    fn log_keys(&self, absent: impl Fn(&str, fn() -> String) -> Result<String, CliError>) -> Result<LogKeys, CliError> {
        let text = |name: &str, make| self.read_key(name)?.map_or_else(|| absent(name, make), Ok);
        let tenant = text("tenant.key", new_tenant_key)?;
        let log = text(LOG_KEYS, new_log_key)?;
        let broken =
            |file: &str| CliError::new(Exit::Failed, Code::KeysUnusable, format!("the key file `{file}` is malformed"));
        let mut bytes = [0; 32];
        hex::decode_to_slice(tenant.trim(), &mut bytes).map_err(|_| broken("tenant.key"))?;
        let log = LogRing::parse(log.trim()).map_err(|_| broken(LOG_KEYS))?;
        let log = log.kept_in(Arc::new(KeyFile(self.clone())));
        Ok(LogKeys { tenant: TenantKey::from_bytes(bytes), log })
    }

    fn missing(&self, name: &str) -> Result<String, CliError> {
        let path = self.keys.join(name);
        let message =
            format!("the key file `{}` is missing, and the journal cannot be read without it", path.display());
        Err(CliError::new(Exit::Failed, Code::KeysUnusable, message))
    }

    fn make_key(&self, name: &str, make: fn() -> String) -> Result<String, CliError> {
        let text = make();
        self.write_key(name, &text)?;
        Ok(text)
    }

    /// Reads a file of the keys folder; `None` if there is none.
    ///
    /// # Errors
    ///
    /// `file-unusable` if it is there and cannot be read.
    pub fn read_key(&self, name: &str) -> Result<Option<String>, CliError> {
        let path = self.keys.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unusable(&path, &error)),
        }
    }

    /// Reads the text of the policy that names the log's witnesses; `None` if the keys folder holds none.
    ///
    /// # Errors
    ///
    /// `file-unusable` if it cannot be read.
    pub fn witness_text(&self) -> Result<Option<String>, CliError> {
        Ok(self.read_key(WITNESSES)?.map(|text| format!("{text}\n")))
    }

    /// Reads the policy that names the log's witnesses; `None` if the keys folder holds none.
    ///
    /// # Errors
    ///
    /// `file-unusable` if it cannot be read, `usage-invalid` if it is no policy.
    pub fn witnesses(&self) -> Result<Option<TrustPolicy>, CliError> {
        let Some(text) = self.witness_text()? else { return Ok(None) };
        let policy = TrustPolicy::parse(text.as_bytes());
        policy.map(Some).map_err(|e| CliError::usage(format!("`{}`: {e}", self.keys.join(WITNESSES).display())))
    }

    /// Writes a file of the keys folder that only its owner can read; a crash leaves the old one or the new one.
    ///
    /// # Errors
    ///
    /// `file-unusable` if it cannot be written.
    pub fn write_key(&self, name: &str, text: &str) -> Result<(), CliError> {
        self.make_keys_folder()?;
        let path = self.keys.join(name);
        replace(&path, text).and_then(|()| files::sync(&self.keys)).map_err(|e| unusable(&path, &e))
    }

    /// Reads the bundle's files.
    ///
    /// # Errors
    ///
    /// `bundle-missing` if there is no `bundle.toml`; `file-unusable` for a file that is not UTF-8 text.
    pub fn bundle_files(&self) -> Result<BundleFiles, CliError> {
        read_bundle(&self.bundle)
    }

    /// Says where a server runs on this data folder, if one does.
    pub fn running(&self) -> Option<Running> {
        let text = fs::read_to_string(self.keys.join("server.json")).ok()?;
        let running: Running = serde_json::from_str(&text).ok()?;
        // A server that died leaves the file behind, but not its process; whoever has its port now is sent no key.
        running.lives().then_some(running)
    }

    /// Leaves word where this process listens.
    ///
    /// # Errors
    ///
    /// `file-unusable` if the file cannot be written.
    pub fn announce(&self, url: &str) -> Result<(), CliError> {
        let pid = std::process::id();
        let running = Running { url: url.to_owned(), pid, began: began(pid).unwrap_or_default() };
        self.write_key("server.json", &serde_json::to_string(&running).unwrap_or_default())
    }

    /// Takes the word back when the server stops; another process's word stays.
    pub fn retract(&self) {
        if self.running().is_some_and(|running| running.pid != std::process::id()) {
            return;
        }
        if let Err(error) = fs::remove_file(self.keys.join("server.json")) {
            tracing::debug!(%error, "nothing said where the server listened");
        }
    }
}

/// Says what is wrong with the file of the statement key.
fn key_file(why: &str) -> CliError {
    CliError::new(Exit::Failed, Code::KeysUnusable, format!("the key file `{STATEMENT_KEY}` is {why}"))
}

/// Reads the files of a bundle folder; hidden files and folders are left out.
///
/// # Errors
///
/// `bundle-missing` if there is no `bundle.toml`; `file-unusable` for a file that is not UTF-8 text.
pub fn read_bundle(folder: &Path) -> Result<BundleFiles, CliError> {
    let mut files = BTreeMap::new();
    collect(folder, "", &mut files)?;
    if !files.contains_key("bundle.toml") {
        let message = format!("`{}` holds no policy bundle: there is no bundle.toml", folder.display());
        return Err(CliError::new(Exit::Usage, Code::BundleMissing, message)
            .hint("`countersign init -- <your MCP server's command>` writes a starter bundle"));
    }
    Ok(BundleFiles(files))
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> Result<(), CliError> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let entry = entry.map_err(|e| unusable(folder, &e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else {
            let text = fs::read_to_string(entry.path()).map_err(|e| unusable(&entry.path(), &e))?;
            files.insert(path, text);
        }
    }
    Ok(())
}

/// Writes a bundle's files into a folder.
///
/// # Errors
///
/// `file-unusable` if one cannot be written.
pub fn write_bundle(folder: &Path, files: &BundleFiles) -> Result<(), CliError> {
    for (name, text) in files.iter() {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            files::make(parent).map_err(|e| unusable(parent, &e))?;
        }
        fs::write(&path, text).map_err(|e| unusable(&path, &e))?;
    }
    Ok(())
}

/// Loads a bundle, or says everything that is wrong with it.
///
/// # Errors
///
/// `bundle-invalid` with every problem on a line of its own.
pub fn load_bundle(files: BundleFiles) -> Result<Bundle, CliError> {
    Bundle::load(files).map_err(|error| CliError::new(Exit::Usage, Code::BundleInvalid, error.to_string()))
}
