//! `countersign audit`: what an auditor does, on the operator's own side, and the operator's answer to them.

use std::path::Path;

use control::audit::answer;
use control::export::custody;
use evidence::trust_root::Made;
use evidence::{Archive, Standing, Trust, TrustRoot};
use ledger::{Clock as _, Folder};
use replay::Bundles;
use replay::audit::{AuditError, Held, Population, Request, RequestError, reconstruct, walk};
use serde_json::json;
use tlog::key::VerifierKey;
use types::Code;
use types::text::escape;

use super::{Done, export};
use crate::cli::{AuditCommand, Sample, Which};
use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::machine::{self, SystemClock};
use crate::{output, timestamps};

/// Runs the command.
pub async fn run(folders: &Folders, command: &AuditCommand, as_json: bool) -> Done {
    match command {
        AuditCommand::TrustRoot { output, timestamps } => trust_root(folders, output.as_deref(), *timestamps, as_json),
        AuditCommand::Population(which) => population(folders, which, as_json),
        AuditCommand::Sample(args) => sample(folders, args, as_json),
        AuditCommand::Export { request, output, withhold, log } => {
            write_answer(folders, (request, log.as_deref()), output, withhold, as_json).await
        }
        AuditCommand::Reconstruct { request, log } => tell(folders, request, log.as_deref(), as_json).await,
    }
}

fn trust_root(folders: &Folders, output: Option<&Path>, timestamps: bool, as_json: bool) -> Done {
    let keys = folders.keys_there()?;
    let custody = custody(&machine::user().unwrap_or_default(), SystemClock.wall());
    let mut root =
        TrustRoot::of(&keys.log.verifier(), Made { program: custody.program, by: custody.by, at: custody.at });
    if let Some(policy) = folders.witness_text()? {
        root = root.demanding(&policy).map_err(|e| CliError::usage(format!("keys/witness.policy: {e}")))?;
    }
    root.authorities = if timestamps { Some(authorities(folders)?) } else { None };
    let Some(file) = output else {
        output::say(root.to_json().trim_end());
        return Ok(Exit::Done);
    };
    write(file, root.to_json().as_bytes())?;
    if as_json {
        let (keys, witnesses) = (&root.keys, &root.witness_keys);
        output::say_json(&json!({ "file": file, "origin": root.origin, "keys": keys, "witnesses": witnesses }));
    } else {
        output::say(file.display());
        root.keys.iter().for_each(|key| output::say(format!("fingerprint  {}", key.fingerprint)));
        for witness in &root.witness_keys {
            output::say(format!("witness      {} {}", witness.name, witness.fingerprint));
        }
        output::tell("Read the fingerprints to the auditor over another road than the file takes.");
    }
    Ok(Exit::Done)
}

/// Returns the certificates of the authorities that date the log, as PEM.
fn authorities(folders: &Folders) -> Result<String, CliError> {
    let missing = || CliError::usage("no authority is named").hint("put its certificates into keys/tsa.pem");
    timestamps::authorities(folders)?.ok_or_else(missing)?;
    folders.read_key(timestamps::CERTIFICATES)?.ok_or_else(missing)
}

/// Is a log's published folder, what it is headed by, and the key that signs it.
struct Public {
    folder: Folder,
    note: Vec<u8>,
    key: VerifierKey,
    trust: Trust,
}

impl Public {
    fn open(folders: &Folders, log: Option<&str>) -> Result<Self, CliError> {
        let (folder, key) = folders.published_of(log)?;
        let folder = Folder::at(folder);
        let note = folder.read("checkpoint").map_err(|e| CliError::machine(e.to_string()))?;
        let missing = || CliError::new(Exit::Undetermined, Code::EvidenceMissing, "nothing is published yet");
        let trust = Trust::Key(key.clone());
        Ok(Self { note: note.ok_or_else(missing)?, folder, key, trust })
    }

    fn fetch(&self, path: &tlog::TilePath) -> Option<Vec<u8>> {
        self.folder.read(&path.to_string()).ok().flatten()
    }
}

impl From<AuditError> for CliError {
    fn from(error: AuditError) -> Self {
        let (exit, code) = match error.standing() {
            Standing::Missing => (Exit::Undetermined, Code::EvidenceMissing),
            _ => (Exit::Failed, Code::EvidenceBroken),
        };
        Self::new(exit, code, error.to_string())
    }
}

impl From<RequestError> for CliError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Log(error) => error.into(),
            RequestError::Malformed(_) | RequestError::Format(_) => {
                Self::new(Exit::Usage, Code::FileUnusable, error.to_string())
            }
            RequestError::Unusable => Self::usage(error.to_string()),
        }
    }
}

fn population(folders: &Folders, which: &Which, as_json: bool) -> Done {
    let public = Public::open(folders, which.log.as_deref())?;
    let mut counted = Population::new(which.filter());
    let fetch = |path: &tlog::TilePath| public.fetch(path);
    let published = walk(&public.note, &public.trust, fetch, |index, leaf, _| counted.take(index, leaf))?;
    let counted = counted.of(&published);
    show(&counted.lines(), serde_json::to_value(&counted), as_json);
    Ok(Exit::Done)
}

fn sample(folders: &Folders, args: &Sample, as_json: bool) -> Done {
    let public = Public::open(folders, args.which.log.as_deref())?;
    let (trust, fetch) = (&public.trust, |path: &tlog::TilePath| public.fetch(path));
    let request = Request::draw(&public.note, trust, fetch, &args.seed, args.n, args.which.filter())?;
    if let Some(file) = &args.output {
        write(file, request.to_json().as_bytes())?;
    }
    show(&request.lines(), serde_json::to_value(&request), as_json);
    Ok(Exit::Done)
}

async fn make(
    folders: &Folders,
    (file, log): (&Path, Option<&str>),
    withhold: &[String],
) -> Result<(Request, Archive), CliError> {
    export::check_fields(withhold)?;
    let bytes = std::fs::read(file)
        .map_err(|e| CliError::new(Exit::Usage, Code::FileUnusable, format!("`{}`: {e}", file.display())))?;
    let request = Request::from_json(&bytes)?;
    let (history, public) = (folders.history_of(log)?, Public::open(folders, log)?);
    let mut custody = custody(&machine::user().unwrap_or_default(), SystemClock.wall());
    custody.withheld = withhold.to_vec();
    let mut archive = answer(&history, &public.key, &request, custody).await?;
    export::attest(folders, &mut archive)?;
    Ok((request, archive))
}

async fn write_answer(
    folders: &Folders,
    request: (&Path, Option<&str>),
    file: &Path,
    withhold: &[String],
    as_json: bool,
) -> Done {
    let (request, archive) = make(folders, request, withhold).await?;
    let bytes = archive.to_bytes().map_err(|e| CliError::new(Exit::Failed, e.code(), e.to_string()))?;
    write(file, &bytes)?;
    let (picks, records) = (request.picks.len(), archive.records.len());
    if as_json {
        output::say_json(&json!({ "file": file, "bytes": bytes.len(), "decisions": picks, "records": records }));
    } else {
        output::say(format!("{} ({} bytes, {picks} decisions, {records} records)", file.display(), bytes.len()));
    }
    Ok(Exit::Done)
}

/// Tells what the auditor will be told, held against the log that is published.
async fn tell(folders: &Folders, request: &Path, log: Option<&str>, as_json: bool) -> Done {
    let (request, archive) = make(folders, (request, log), &[]).await?;
    let public = Public::open(folders, log)?;
    let trust = &public.trust;
    let held = Held::by(&request, &archive, trust, |path| public.fetch(path))?;
    let told = reconstruct(&archive, trust, Bundles::new(), Some(&request), Some(&held));
    show(&told.lines(), serde_json::to_value(&told), as_json);
    Ok(match told.standing() {
        Standing::Holds => Exit::Done,
        Standing::Broken => Exit::Failed,
        Standing::Withheld | Standing::Erased | Standing::Missing => Exit::Undetermined,
    })
}

fn show(lines: &[String], value: serde_json::Result<serde_json::Value>, as_json: bool) {
    if as_json {
        output::say_json(&value.unwrap_or_default());
    } else {
        lines.iter().for_each(|line| output::say(escape(line, false)));
    }
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), CliError> {
    std::fs::write(file, bytes).map_err(|e| CliError::machine(format!("`{}` cannot be written: {e}", file.display())))
}
