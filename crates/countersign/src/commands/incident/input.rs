//! Finding the recorded session: in the journal, or in an evidence bundle.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use control::incident::{Hiding, recorded_bundles, sessions, sources};
use evidence::{Archive, Standing, Trust, verify};
use policy::BundleFiles;
use replay::Bundles;
use replay::incident::{Recording, Rules, Source, sessions_in, sources_of};
use tlog::key::VerifierKey;
use types::{Code, SessionId, ToolName};

use crate::cli::Recorded;
use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::output::{self, NOTE, paint};

/// Is a recorded session with the policy bundles that decided in it.
pub(super) struct Input {
    /// The session.
    pub(super) recording: Arc<Recording>,
    /// The bundles, as far as they are here.
    pub(super) bundles: Bundles,
    /// By which rules calls are decided.
    pub(super) rules: Rules,
    /// What is secret in the calls.
    pub(super) hiding: Arc<Hiding>,
}

/// Is what was found, with nothing hidden.
struct Found(Recording, Bundles);

impl Input {
    /// Reads what the command line names, and hides what is secret in it.
    ///
    /// - `rules`: makes the rules by which calls are decided from the bundles that decided then.
    ///
    /// # Errors
    ///
    /// `not-found` for an unknown session, `usage-invalid` if the bundle holds several or the session is too long,
    /// `evidence-broken` if the bundle does not agree with itself or is not signed by the key, or what the journal says.
    pub(super) fn read(
        folders: &Folders,
        wanted: &Recorded,
        rules: impl FnOnce(&Bundles) -> Rules,
    ) -> Result<Self, CliError> {
        let path = Path::new(&wanted.what);
        let Found(mut recording, bundles) =
            if path.is_file() { from_file(path, wanted)? } else { from_journal(folders, wanted)? };
        let rules = rules(&bundles);
        let hiding = Hiding::of(&mut recording, bundles.clone(), rules.clone());
        Ok(Self { recording: Arc::new(recording), bundles, rules, hiding: Arc::new(hiding) })
    }

    /// Returns the arguments that the gateway fills in by itself, by tool.
    pub(super) fn keys(&self) -> BTreeMap<ToolName, String> {
        let known = self.bundles.digests().filter_map(|digest| self.bundles.get(digest).ok());
        let tools = known.flat_map(|bundle| &bundle.data().tools);
        tools.filter_map(|(tool, entry)| Some((tool.clone(), entry.key_argument.clone()?))).collect()
    }
}

fn from_journal(folders: &Folders, wanted: &Recorded) -> Result<Found, CliError> {
    let (history, _) = folders.history()?;
    let session: SessionId = match wanted.what.as_str() {
        "last" => {
            let newest = sessions(&history)?.into_iter().next();
            newest.ok_or_else(|| not_found("the journal has no session in which something was decided"))?.session
        }
        text => text.parse().map_err(|_| {
            CliError::usage(format!("`{text}` is neither a session nor a file; `countersign incident list` lists them"))
        })?,
    };
    let recording = recording(session, sources(&history, &session)?)?;
    let bundles = recorded_bundles(&history, &recording.bundles())?;
    Ok(Found(recording, bundles))
}

fn from_file(path: &Path, wanted: &Recorded) -> Result<Found, CliError> {
    let bytes =
        std::fs::read(path).map_err(|e| CliError::machine(format!("`{}` cannot be read: {e}", path.display())))?;
    let broken =
        |why: String| CliError::new(Exit::Failed, Code::EvidenceBroken, format!("`{}`: {why}", path.display()));
    let archive = Archive::from_bytes(&bytes).map_err(|e| broken(e.to_string()))?;
    let (report, records) = verify::archive(&archive, &trust(wanted)?);
    if report.signature_standing() == Standing::Broken {
        let why = report.checks().find(|check| check.standing == Standing::Broken).map(|check| check.claim.clone());
        return Err(broken(format!("this does not hold: {}", why.unwrap_or_default())));
    }
    if wanted.log_key.is_none() {
        output::tell(paint(
            NOTE,
            "no --log-key was given: the bundle agrees with itself, and nothing says whose it is",
        ));
    }
    let sources = sources_of(records);
    let session = chosen(&archive, &sources, wanted)?;
    let mut bundles = Bundles::new();
    archive.bundles.values().for_each(|files| bundles.add(BundleFiles(files.clone())));
    Ok(Found(recording(session, sources)?, bundles))
}

fn trust(wanted: &Recorded) -> Result<Trust, CliError> {
    let key = wanted.log_key.as_deref().map(str::parse::<VerifierKey>).transpose();
    let key = key.map_err(|e| CliError::usage(format!("the log's key cannot be used: {e}")))?;
    Ok(key.map_or(Trust::Nobody, Trust::Key))
}

fn chosen(archive: &Archive, sources: &[Source], wanted: &Recorded) -> Result<SessionId, CliError> {
    let sessions = sessions_in(archive, sources);
    match (wanted.session, sessions.len(), sessions.first()) {
        (Some(session), ..) => Ok(session),
        (None, 1, Some(only)) => Ok(*only),
        (None, 0, _) => Err(not_found("the bundle holds no session")),
        (None, ..) => {
            let names: Vec<String> = sessions.iter().map(ToString::to_string).collect();
            Err(CliError::usage(format!(
                "the bundle holds several sessions; choose with --session: {}",
                names.join(", ")
            )))
        }
    }
}

fn recording(session: SessionId, sources: Vec<Source>) -> Result<Recording, CliError> {
    Recording::of(session, sources).map_err(|error| match error {
        replay::incident::RecordingError::Unknown(_) => not_found(&error.to_string()),
        replay::incident::RecordingError::TooLong(_) => CliError::usage(error.to_string()),
    })
}

fn not_found(message: &str) -> CliError {
    CliError::new(Exit::Usage, Code::NotFound, message)
}
