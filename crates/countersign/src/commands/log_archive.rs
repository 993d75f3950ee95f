//! `countersign log archive`: a closed log as one file or a folder, read back before it counts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use control::export::{custody, policy_files};
use control::logs::{kept_log, open_closed};
use evidence::log_archive::{
    self, Asked, CONTENTS_AT_ONCE, Contents, ERASED_ELSEWHERE, FORMAT, Kept, MANIFEST, TRUST_ROOT,
};
use evidence::trust_root::Made;
use evidence::{
    Leaf, LogArchiveReader, LogArchiveReport, LogArchiveWriter, LogEventKind, LogManifest, RecordKind, Standing,
    TenantKey, Trust, TrustRoot,
};
use ledger::closed::{self, ClosedLog};
use ledger::recover::LOG;
use ledger::{Clock as _, Folder, History, files};
use policy::BundleFiles;
use serde_json::json;
use tlog::TilePath;
use tlog::key::VerifierKey;
use tlog::tile::{bundles_between, tiles_between};
use types::{Code, Digest, cbor};

use super::Done;
use crate::cli::{Archive, Cli, KeptContents};
use crate::client::{Client, segment};
use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::machine::{self, SystemClock};
use crate::output;

/// Runs the command.
pub async fn run(cli: &Cli, folders: &Folders, args: &Archive) -> Done {
    // Found before anything is written: what is not recorded does not count.
    let client = (!args.unrecorded).then(|| Client::find(folders, cli.url.clone(), cli.key.clone())).transpose()?;
    let (live, keys) = folders.history()?;
    let log = kept_log(&live, &args.log)?;
    let history = open_closed(&folders.data, &keys.tenant, log.number)?;
    let target = Target::at(&args.to);
    let before = target.is_there();
    if !before {
        let source =
            Source { log: &log, history: &history, folder: closed::folder(&folders.data, log.number).join(LOG) };
        target.write(&source, args.contents)?;
    }
    let (digest, report) = read_back(&target, &log, &|| told_of_erasures(&live, &folders.data, &keys.tenant, &log))?;
    if let Some(client) = &client {
        let body = json!({ "digest": digest, "contents": report.manifest.contents, "reason": args.reason });
        client.post(&format!("/v1/logs/{}/archive", segment(&log.number.to_string())), &body).await?;
    }
    if cli.json {
        output::say_json(&json!({ "archive": args.to, "digest": digest, "log": log.number, "written": !before,
            "recorded": client.is_some(), "contents": report.contents }));
        return Ok(Exit::Done);
    }
    let was = if before { "was there and holds" } else { "is written, and was read back" };
    output::say(format!("{} {was}: log {}, {} records", args.to.display(), log.number, log.size));
    output::say(format!("digest  {digest}"));
    if client.is_none() {
        output::tell("It is not recorded, so deletion does not count it.");
    }
    Ok(Exit::Done)
}

/// Is what an archive is made from.
struct Source<'a> {
    log: &'a ClosedLog,
    history: &'a History,
    folder: PathBuf,
}

/// Takes the files of an archive, one after the other.
type Put<'a> = &'a mut dyn FnMut(&str, &[u8]) -> Result<(), CliError>;

impl Source<'_> {
    /// Hands out every file but the manifest and the trust root; returns the policy bundles that decisions name.
    fn files(&self, contents: Contents, put: Put<'_>) -> Result<Vec<Digest>, CliError> {
        self.published(put)?;
        let mut named = BTreeSet::new();
        for first in (0..self.log.size).step_by(CONTENTS_AT_ONCE as usize) {
            let to = self.log.size.min(first + CONTENTS_AT_ONCE);
            let mut kept = Vec::new();
            for row in self.history.sealed(first, to)? {
                let leaf = Leaf::from_bytes(&row.leaf).map_err(|e| broken(&format!("record {}: {e}", row.seq)))?;
                named.extend(leaf.bundle.filter(|_| leaf.kind == RecordKind::Decided));
                // Which records an erasure covers is said to everybody: without it nothing counts as erased.
                let open = contents == Contents::Opened || leaf.kind == RecordKind::Erasure;
                let shown = if open { self.history.disclosure(row.seq)? } else { None };
                let sealed = row.sealed.filter(|_| contents == Contents::Sealed && shown.is_none()).map(Into::into);
                kept.push(Kept { sealed, shown, erased_by: row.erased_by });
            }
            if contents != Contents::Left {
                put(&log_archive::contents_name(first), &cbor::encode(&kept))?;
            }
        }
        for digest in &named {
            let files = policy_files(self.history, digest)?
                .ok_or_else(|| broken(&format!("the policy bundle {digest} is not stored")))?;
            put(&log_archive::bundle_name(digest), &serde_json::to_vec(&files).unwrap_or_default())?;
        }
        Ok(named.into_iter().collect())
    }

    fn published(&self, put: Put<'_>) -> Result<(), CliError> {
        let folder = Folder::at(&self.folder);
        let read = |name: &str| -> Result<Vec<u8>, CliError> {
            let bytes = folder.read(name).map_err(|e| broken(&format!("`{name}`: {e}")))?;
            bytes.ok_or_else(|| broken(&format!("`{name}` is missing")))
        };
        let entries = fs::read_dir(&self.folder).map_err(|e| unusable(&self.folder, &e))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        // The checkpoint, what witnesses cosigned of it, and the last ones of keys that were retired.
        let notes: BTreeSet<String> = names.filter(|name| name.starts_with("checkpoint")).collect();
        for name in notes.iter().filter(|name| !name.ends_with(".writing")) {
            put(name, &read(name)?)?;
        }
        let paths: BTreeSet<String> = tiles_between(0, self.log.size)
            .chain(bundles_between(0, self.log.size))
            .map(|path: TilePath| path.to_string())
            .collect();
        paths.iter().try_for_each(|name| put(name, &read(name)?))
    }

    fn manifest(&self, contents: Contents, bundles: Vec<Digest>) -> LogManifest {
        LogManifest {
            format: FORMAT.to_owned(),
            origin: self.log.origin().to_owned(),
            size: self.log.size,
            root: self.log.root,
            keys: self.log.signers.clone(),
            contents,
            bundles,
            custody: custody(&machine::user().unwrap_or_default(), SystemClock.wall()),
        }
    }

    /// Hands out every file, the manifest last.
    fn all(&self, contents: Contents, put: Put<'_>) -> Result<(), CliError> {
        let bundles = self.files(contents, put)?;
        let manifest = self.manifest(contents, bundles);
        let made = &manifest.custody;
        let made = Made { program: made.program.clone(), by: made.by.clone(), at: made.at };
        put(TRUST_ROOT, TrustRoot::of(&key_of(self.log)?, made).to_json().as_bytes())?;
        put(MANIFEST, &serde_json::to_vec_pretty(&manifest).unwrap_or_default())
    }
}

fn key_of(log: &ClosedLog) -> Result<VerifierKey, CliError> {
    let key = log.signers.first().and_then(|key| key.parse().ok());
    key.ok_or_else(|| broken("the key that signed it cannot be read"))
}

/// Is where an archive goes.
enum Target {
    File(PathBuf),
    Dir(PathBuf),
}

impl Target {
    fn at(path: &Path) -> Self {
        let is_folder = path.as_os_str().to_string_lossy().ends_with('/') || path.is_dir();
        if is_folder { Self::Dir(path.to_owned()) } else { Self::File(path.to_owned()) }
    }

    fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Dir(path) => path,
        }
    }

    /// Says whether something is there that was whole once: a folder is as soon as it has its manifest, which comes last.
    fn is_there(&self) -> bool {
        match self {
            Self::File(path) => path.exists(),
            Self::Dir(path) => path.join(MANIFEST).exists(),
        }
    }

    fn write(&self, source: &Source<'_>, contents: KeptContents) -> Result<(), CliError> {
        let contents = match contents {
            KeptContents::Sealed => Contents::Sealed,
            KeptContents::Opened => Contents::Opened,
            KeptContents::Left => Contents::Left,
        };
        match self {
            Self::File(path) => write_file(path, source, contents),
            Self::Dir(path) => write_folder(path, source, contents),
        }
    }

    fn open(&self) -> Result<Opened, CliError> {
        match self {
            Self::Dir(path) => Ok(Opened::Dir(path.clone())),
            Self::File(path) => {
                let file = File::open(path).map_err(|e| unusable(path, &e))?;
                LogArchiveReader::new(file).map(Opened::File).map_err(|e| unusable(path, &e))
            }
        }
    }
}

/// Writes beside the file, syncs, and renames where nothing may be.
fn write_file(path: &Path, source: &Source<'_>, contents: Contents) -> Result<(), CliError> {
    let failed = |error: &dyn std::fmt::Display| unusable(path, error);
    let mut beside = path.as_os_str().to_owned();
    beside.push(".writing");
    let beside = PathBuf::from(beside);
    let mut writer = LogArchiveWriter::new(File::create(&beside).map_err(|e| failed(&e))?);
    source.all(contents, &mut |name, bytes| writer.put(name, bytes).map_err(|e| failed(&e)))?;
    let file = writer.finish().map_err(|e| failed(&e))?;
    file.sync_all().map_err(|e| failed(&e))?;
    // A link, unlike a rename, replaces nothing.
    fs::hard_link(&beside, path).and_then(|()| fs::remove_file(&beside)).map_err(|e| failed(&e))?;
    files::sync(path.parent().unwrap_or(Path::new(""))).map_err(|e| failed(&e))
}

/// Fills a folder: what an earlier try has left is compared, and other bytes are refused.
fn write_folder(path: &Path, source: &Source<'_>, contents: Contents) -> Result<(), CliError> {
    let failed = |error: &dyn std::fmt::Display| unusable(path, error);
    let folder = Folder::open(std::sync::Arc::new(ledger::disk::System), path).map_err(|e| failed(&e))?;
    let mut unsynced = BTreeSet::new();
    source.all(contents, &mut |name, bytes| {
        if name == TRUST_ROOT {
            // It says when it was made, so that of an earlier try is another one.
            return folder.replace(name, bytes).map_err(|e| failed(&e));
        }
        if name == MANIFEST {
            unsynced.iter().try_for_each(|inner: &PathBuf| folder.sync(inner)).map_err(|e| failed(&e))?;
            return folder.replace(name, bytes).map_err(|e| failed(&e));
        }
        unsynced.insert(folder.place(name, bytes).map_err(|e| failed(&e))?);
        Ok(())
    })
}

/// Is an archive that is read.
enum Opened {
    File(LogArchiveReader<File>),
    Dir(PathBuf),
}

impl Opened {
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        match self {
            Self::File(reader) => reader.read(name),
            Self::Dir(path) => fs::read(path.join(name)).ok(),
        }
    }

    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        match self {
            Self::File(reader) => return reader.names(),
            Self::Dir(path) => collect(path, "", &mut names),
        }
        names
    }
}

fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() { collect(&entry.path(), &format!("{name}/"), names) } else { names.push(name) }
    }
}

/// Says whether a log after a closed one has a record that contents of it were erased.
fn told_of_erasures(live: &History, data: &Path, tenant: &TenantKey, log: &ClosedLog) -> Result<bool, CliError> {
    for number in log.number + 1.. {
        let Ok(later) = kept_log(live, &number.to_string()) else { return names_erasure(live, log) };
        if later.deleted.is_none() && names_erasure(&open_closed(data, tenant, number)?, log)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn names_erasure(history: &History, log: &ClosedLog) -> Result<bool, CliError> {
    let size = history.size()?;
    for first in (0..size).step_by(CONTENTS_AT_ONCE as usize) {
        for row in history.sealed(first, size.min(first + CONTENTS_AT_ONCE))? {
            let leaf = Leaf::from_bytes(&row.leaf).map_err(|e| broken(&format!("record {}: {e}", row.seq)))?;
            if leaf.log.is_some_and(|event| event.event == LogEventKind::Erased && event.old == log.signers) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Reads an archive back as a stranger does, and returns its digest. That contents were erased after the close is taken if
/// a later log says so.
fn read_back(
    target: &Target,
    log: &ClosedLog,
    is_told: &dyn Fn() -> Result<bool, CliError>,
) -> Result<(Digest, LogArchiveReport), CliError> {
    let opened = target.open()?;
    let digest_of = |files: &BTreeMap<String, String>| BundleFiles(files.clone()).digest();
    let trust = Trust::Key(key_of(log)?);
    let report = log_archive::check(&|name| opened.read(name), &Asked::by(&trust), &digest_of);
    let path = target.path().display();
    let report = report.ok_or_else(|| broken(&format!("`{path}` is no archive of a log")))?;
    let holds = match report.standing() {
        Standing::Erased if report.reason() == Some(ERASED_ELSEWHERE) => is_told()?,
        standing => standing == Standing::Holds,
    };
    if !holds || report.manifest.root != log.root || report.manifest.size != log.size {
        let why = report.reason().unwrap_or("it is of another log");
        return Err(broken(&format!("`{path}` does not hold as an archive of log {}: {why}", log.number)));
    }
    let digests = opened.names().into_iter().map(|name| {
        let bytes = opened.read(&name).unwrap_or_default();
        (name, Digest::plain(&bytes))
    });
    Ok((log_archive::digest(&digests.collect()), report))
}

fn broken(why: &str) -> CliError {
    CliError::new(Exit::Failed, Code::EvidenceBroken, why)
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> CliError {
    CliError::machine(format!("`{}` cannot be used: {error}", path.display()))
}
