//! `countersign-witness`: cosigns checkpoints of logs, over HTTP or from files, once they are proved to extend and stored.
//!
//! Exit codes: 0 done, 1 failed or refused, 2 the command line or its input is wrong.

mod commands;
mod failure;
mod files;
mod folder;
mod http;
mod machine;
mod output;
mod witness;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A witness for transparency logs: says that a log only ever grew.
#[derive(Debug, Parser)]
#[command(name = "countersign-witness", version, max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes a witness with new keys, and prints its verifier keys.
    Init {
        /// The folder for keys and state; only its owner can read it.
        dir: PathBuf,
        /// The witness's name for life, usually a URL without its scheme: `witness.example/w1`.
        #[arg(long)]
        name: String,
    },
    /// Prints the witness's verifier keys.
    Keys {
        /// The witness's folder.
        dir: PathBuf,
    },
    /// Enrols a log, of which nothing was cosigned yet, or one more key of a log that is enrolled.
    AddLog {
        /// The witness's folder.
        dir: PathBuf,
        /// The log's verifier key, from somebody you trust: `NAME+HASH+KEY`.
        key: String,
    },
    /// Answers `POST /add-checkpoint` until it is told to end.
    Serve {
        /// The witness's folder.
        dir: PathBuf,
        /// Where to listen; port 0 takes any that is free.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7719")]
        listen: SocketAddr,
        /// How long a client may take to send its request, in seconds.
        #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
        timeout: u64,
    },
    /// Cosigns the checkpoint of a request that came as a file, and prints the cosignatures.
    Cosign {
        /// The witness's folder.
        dir: PathBuf,
        /// The file with the request, as the body of `add-checkpoint`.
        request: PathBuf,
    },
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            let asked =
                matches!(error.kind(), clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion);
            return ExitCode::from(if asked { 0 } else { 2 });
        }
    };
    let done = match args.command {
        Command::Init { dir, name } => commands::init(&dir, &name),
        Command::Keys { dir } => commands::keys(&dir),
        Command::AddLog { dir, key } => commands::add_log(&dir, &key),
        Command::Serve { dir, listen, timeout } => commands::serve(&dir, listen, timeout),
        Command::Cosign { dir, request } => commands::cosign(&dir, &request),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure);
            ExitCode::from(failure.exit)
        }
    }
}
