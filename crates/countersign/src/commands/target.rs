//! `countersign target`: systems offered to agents, and what they need for it.

use std::io::{BufReader, stdin, stdout};
use std::path::Path;

use ledger::Clock as _;
use serde_json::json;
use targets::files::{FileLimits, FileServer};
use targets::http::HttpServer;
use targets::mcp::{self, Failed, Tools};
use targets::sql::postgres::Postgres;
use targets::sql::sqlite::Sqlite;
use targets::sql::{Database, Limits, SqlServer};

use super::Done;
use crate::cli::TargetCommand;
use crate::error::{CliError, Exit};
use crate::machine::{SystemClock, variable};
use crate::output::{self, GOOD, paint};

/// Runs the command.
pub async fn run(command: TargetCommand, as_json: bool) -> Done {
    // A database is asked on a thread that may wait.
    let ran = tokio::task::spawn_blocking(move || match command {
        TargetCommand::Sql { database, rows_max, told_max, statement_ms, lock_ms } => {
            let limits = Limits { rows_max, told_max, statement_ms, lock_ms, ..Limits::default() };
            with(&database.database, Serve(limits))
        }
        TargetCommand::Files { root, store, files_max, bytes_max } => {
            let limits = FileLimits { files_max, bytes_max, ..FileLimits::default() };
            let server = FileServer::open(&root, &store, limits, Box::new(|| SystemClock.wall().0));
            serve(server.map_err(|error| refused(error.into()))?)
        }
        TargetCommand::Http { operations, store } => {
            let unreadable = |error| CliError::usage(format!("{} cannot be read: {error}", operations.display()));
            let declared = std::fs::read_to_string(&operations).map_err(unreadable)?;
            let server = HttpServer::open(&declared, variable, &store, Box::new(|| SystemClock.wall().0));
            serve(server.map_err(|error| refused(error.into()))?)
        }
        TargetCommand::Capture { database, tables } => {
            with(&database.database, Capture(&tables))?;
            if as_json {
                output::say_json(&json!({ "captured": tables }));
            } else {
                output::say(format!(
                    "{} what changes {} is kept from now on",
                    paint(GOOD, "captured:"),
                    tables.join(", ")
                ));
            }
            Ok(())
        }
    });
    ran.await.map_err(|error| CliError::machine(error.to_string()))?.map(|()| Exit::Done)
}

/// Is what is done with a database, whichever it is.
trait Use {
    fn run<D: Database>(self, database: D) -> Result<(), CliError>;
}

struct Serve(Limits);

impl Use for Serve {
    fn run<D: Database>(self, database: D) -> Result<(), CliError> {
        serve(SqlServer::new(database, self.0))
    }
}

struct Capture<'a>(&'a [String]);

impl Use for Capture<'_> {
    fn run<D: Database>(self, mut database: D) -> Result<(), CliError> {
        database.capture(self.0).map_err(|error| refused(error.into()))
    }
}

fn serve(tools: impl Tools) -> Result<(), CliError> {
    let served = mcp::serve(tools, BufReader::new(stdin()), stdout());
    served.map_err(|error| CliError::machine(error.to_string()))
}

fn with(database: &str, wish: impl Use) -> Result<(), CliError> {
    match database.strip_prefix("sqlite:") {
        Some(path) => wish.run(Sqlite::open(Path::new(path)).map_err(|error| refused(error.into()))?),
        None => wish.run(Postgres::new(database).map_err(|error| refused(error.into()))?),
    }
}

fn refused(failed: Failed) -> CliError {
    CliError::new(Exit::Failed, failed.code, failed.message)
}
