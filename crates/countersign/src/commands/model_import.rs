//! `countersign model import`: takes over what another server has, with its history, and proposes where its aliases and stages stood.

mod disk;
mod mlflow;
mod promotions;
mod report;
mod source;
mod taking;
mod wandb;

use std::path::Path;

use connectors::mlflow::{Credentials, Server, SourceError};
use serde_json::{Value, json};
use types::Code;

use super::Done;
use super::answer::text;
use crate::cli::ModelImportArgs;
use crate::client::Client;
use crate::error::{CliError, Exit};
use crate::machine;
use crate::output::{self, NOTE, paint};
use disk::Disk;
use promotions::Wanted;
use report::Report;
use source::Source;
use taking::Taking;

/// Are the variables by which MLflow's client is given credentials.
const TOKEN: &str = "MLFLOW_TRACKING_TOKEN";
const USER: &str = "MLFLOW_TRACKING_USERNAME";
const PASSWORD: &str = "MLFLOW_TRACKING_PASSWORD";

impl From<SourceError> for CliError {
    fn from(error: SourceError) -> Self {
        let code = error.code();
        let exit = if code == Code::ImportSourceDenied { Exit::Denied } else { Exit::Failed };
        Self::new(exit, code, error.to_string())
    }
}

/// Runs the command.
pub async fn run(client: impl FnOnce() -> Result<Client, CliError>, args: &ModelImportArgs, as_json: bool) -> Done {
    let client = client()?;
    let (source, address) = find(args).await?;
    let begun = if args.dry_run { None } else { Some(begin(&client, &address).await?) };
    let import = begun.as_ref().and_then(|begun| begun.get("import")).map(|import| text(import, "id"));
    let mut taking = Taking::new(&client, import);
    let wanted = match &source {
        Found::Mlflow(source) => mlflow::read(source, &mut taking).await?,
        Found::Wandb(runs) => wandb::read(runs, &mut taking).await?,
    };
    let (report, ended) = taking.end().await?;
    let moves = begun.is_none_or(|begun| begun.get("registry") == Some(&Value::Bool(true)));
    finish(&client, (args.dry_run, &address), (report, ended), wanted, moves, as_json).await
}

/// Is a source that was found.
enum Found {
    Mlflow(Box<Source>),
    Wandb(wandb::Runs),
}

/// Finds the source that was named, and returns it with its address.
async fn find(args: &ModelImportArgs) -> Result<(Found, String), CliError> {
    match (&args.source, &args.store, &args.wandb) {
        (None, None, Some(folder)) => {
            let runs = wandb::Runs::find(folder)?;
            output::tell(format!("{} runs of W&B in {}", runs.count(), folder.display()));
            Ok((Found::Wandb(runs), format!("wandb:{}", folder.display())))
        }
        (Some(address), None, None) => {
            let (server, version) = Server::find(address, &credentials(args.token_file.as_deref())?).await?;
            output::tell(format!("MLflow {version} at {address}"));
            Ok((Found::Mlflow(Box::new(Source::Server(server))), address.clone()))
        }
        (None, Some(store), None) => {
            let disk = Disk::open(store, args.artifacts.as_deref())?;
            output::tell(format!("the tables of MLflow {} in {store}", disk.database.release()));
            Ok((Found::Mlflow(Box::new(Source::Disk(disk))), store.clone()))
        }
        _ => Err(CliError::usage("name one source: the address of a server, --store or --wandb")),
    }
}

/// Begins the import, and tells what it will not do.
async fn begin(client: &Client, source: &str) -> Result<Value, CliError> {
    let begun = client.post("/v1/imports", &json!({ "source": source })).await?;
    if begun.get("registry") != Some(&Value::Bool(true)) {
        let note =
            "no catalogue of the active bundle has the table `[registry]`, so no alias and no stage will be moved";
        output::tell(format!("{} {note}", paint(NOTE, "note:")));
    }
    Ok(begun)
}

/// Proposes aliases and stages, and tells what became of everything.
async fn finish(
    client: &Client,
    (is_dry, source): (bool, &str),
    (mut report, ended): (Report, Value),
    wanted: Vec<Wanted>,
    moves: bool,
    as_json: bool,
) -> Done {
    if is_dry {
        wanted.iter().for_each(|one| report.offered(one.kind()));
    } else if moves {
        promotions::propose(client, source, wanted, &mut report).await?;
    } else {
        for one in wanted {
            report.left(one.kind(), "no catalogue has the table `[registry]`");
        }
    }
    if as_json {
        output::say_json(&report.to_json(&ended, is_dry));
    } else {
        report.say(&ended, is_dry);
    }
    match (report.refused(), report.waiting()) {
        (0, 0) => Ok(Exit::Done),
        (0, waiting) => Err(CliError::new(
            Exit::Undetermined,
            Code::ApprovalPending,
            format!("all that could be taken is here, and {waiting} aliases or stages wait for people"),
        )
        .hint("each is moved once it is approved; the same command again goes on with what was not proposed")),
        (refused, _) => Err(CliError::new(
            Exit::Failed,
            Code::ImportIncomplete,
            format!("{refused} things were refused; what was taken stays"),
        )),
    }
}

/// Finds what the source is to be asked with.
fn credentials(token_file: Option<&Path>) -> Result<Credentials, CliError> {
    if let Some(path) = token_file {
        let read = std::fs::read_to_string(path);
        let token = read.map_err(|e| CliError::machine(format!("the token file cannot be read: {e}")))?;
        return Ok(Credentials::Token(token.trim().to_owned()));
    }
    let given = |name: &str| machine::variable(name).filter(|value| !value.is_empty());
    Ok(match (given(USER), given(PASSWORD), given(TOKEN)) {
        (Some(user), Some(password), _) => Credentials::Password(user, password),
        (_, _, Some(token)) => Credentials::Token(token),
        _ => Credentials::None,
    })
}
