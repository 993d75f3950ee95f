//! `countersign incident`: a recorded session met again by a new agent or a new policy bundle.

mod agent;
mod input;
mod run;
mod serve;
mod tell;

use control::incident::sessions;
use replay::incident::{Report, Standing};
use serde_json::json;

use super::Done;
use crate::cli::IncidentCommand;
use crate::error::Exit;
use crate::folder::Folders;
use crate::output::{self, FAINT, paint};

/// Runs the command.
pub async fn run(folders: &Folders, command: &IncidentCommand, as_json: bool) -> Done {
    match command {
        IncidentCommand::List => list(folders, as_json),
        IncidentCommand::Serve(args) => serve::run(folders, args).await,
        IncidentCommand::Run(args) => run::run(folders, args, as_json).await,
    }
}

fn list(folders: &Folders, as_json: bool) -> Done {
    let (history, _) = folders.history()?;
    let all = sessions(&history)?;
    if as_json {
        output::say_json(&json!({ "sessions": all }));
        return Ok(Exit::Done);
    }
    let row = |brief: &control::incident::Brief| {
        let agent = brief.agent.as_ref().map_or_else(|| "erased".to_owned(), ToString::to_string);
        let decisions = format!("{} decisions", brief.decisions);
        vec![brief.session.to_string(), agent, decisions, paint(FAINT, output::time(brief.opened))]
    };
    output::table(&all.iter().map(row).collect::<Vec<_>>());
    Ok(Exit::Done)
}

/// Says with which exit code a comparison ends.
fn exit(report: &Report) -> Exit {
    match report.summary.standing {
        Standing::Same => Exit::Done,
        Standing::Differs => Exit::Failed,
        Standing::Undetermined => Exit::Undetermined,
    }
}
