//! `countersign incident run`: an agent against a recorded session, several times, or its calls under another bundle.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use control::incident::Incident;
use replay::Bundles;
use replay::incident::{Player, Report, Rules, Run, Seen, compare};

use super::super::Done;
use super::input::Input;
use super::serve::setting;
use super::{agent, exit, tell};
use crate::cli::IncidentRun;
use crate::error::{CliError, Exit};
use crate::folder::{Folders, load_bundle, read_bundle};
use crate::machine::SystemRandom;
use crate::output;

/// Runs the command.
pub(super) async fn run(folders: &Folders, args: &IncidentRun, as_json: bool) -> Done {
    if args.agent.is_empty() && args.runs > 1 {
        return Err(CliError::usage("without an agent the calls are decided once: each run would say the same"));
    }
    let other = args.bundle.as_ref().map(|folder| load_bundle(read_bundle(folder)?)).transpose()?;
    let rules = |bundles: &Bundles| match other {
        Some(bundle) => Rules::Other(Arc::new(bundle)),
        None => Rules::Recorded(bundles.clone()),
    };
    let input = Input::read(folders, &args.recorded, rules)?;
    let report = if args.agent.is_empty() {
        let made = Player::new(input.recording.clone(), input.rules.clone(), false).replay();
        compare(&input.recording, &[Run { number: 1, made, ..Run::default() }], Seen::Decisions)
    } else {
        with_agent(&input, args, as_json).await?
    };
    if as_json {
        output::say_json(&serde_json::to_value(&report).unwrap_or_default());
    } else {
        tell::report(&report);
    }
    Ok(exit(&report))
}

async fn with_agent(input: &Input, args: &IncidentRun, quiet: bool) -> Result<Report, CliError> {
    let folder = Scratch::make()?;
    let servers = input.recording.servers();
    let bar = output::progress(u64::from(args.runs), quiet);
    let mut runs = Vec::new();
    for number in 1..=args.runs {
        let incident = Incident::new(input.recording.clone(), setting(input, &args.recorded));
        let order = agent::Order {
            command: &args.agent,
            number,
            servers: &servers,
            folder: &folder.0,
            timeout: Duration::from_secs(args.timeout),
        };
        let running = agent::run(&incident, &order);
        let ended = tokio::select! {
            ended = running => ended?,
            () = crate::serve::told_to_stop() => {
                return Err(CliError::new(Exit::Failed, types::Code::ShuttingDown, "it was told to stop"));
            }
        };
        runs.push(Run { number, made: incident.made(), ended, unmet: incident.unmet() });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(compare(&input.recording, &runs, Seen::Agent))
}

/// Is a folder of this command's own, gone when it ends.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Self, CliError> {
        let name = format!("countersign-incident-{}", hex::encode(ledger::port::draw::<8>(&SystemRandom)));
        let path = std::env::temp_dir().join(name);
        let unusable =
            |e: std::io::Error, path: &Path| CliError::machine(format!("`{}` cannot be made: {e}", path.display()));
        std::fs::create_dir(&path).map_err(|e| unusable(e, &path))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, "a scratch folder stays");
        }
    }
}
