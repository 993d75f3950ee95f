//! `countersign-verify`: checks a published log or an evidence bundle, without a server, a database or a network.
//!
//! Exit codes: 0 everything holds, 1 something is broken, 2 the input cannot be used, 4 something is missing,
//! erased or withheld, so that it cannot be told. What is missing never counts as passed.

mod bundle;
mod log;
mod policies;
mod told;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use evidence::Standing;
use tlog::key::VerifierKey;
use types::Code;

/// Checks a published log (a folder of tiles) or an evidence bundle (a file).
#[derive(Debug, Parser)]
#[command(name = "countersign-verify", version, max_term_width = 100)]
struct Args {
    /// The folder of a published log, or a `.evidence` file.
    path: PathBuf,
    /// The log's verifier key, from somebody you trust: `NAME+HASH+KEY`.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// A policy bundle that is not in the evidence, as a folder; may be given several times.
    #[arg(long = "policy-bundle", value_name = "DIR")]
    policies: Vec<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Is how a check ended, told apart as the exit codes are.
pub(crate) enum Ended {
    /// It was checked; this is how everything stands together.
    Checked(Standing),
    /// The input cannot be used.
    Unusable(Code, String),
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
    let ended = match args.key.as_deref().map(str::parse::<VerifierKey>).transpose() {
        Ok(key) if args.path.is_dir() => log::check(&args.path, key.as_ref(), args.json),
        Ok(key) => bundle::check(&args.path, key.as_ref(), &args.policies, args.json),
        Err(error) => Ended::Unusable(Code::UsageInvalid, format!("the key cannot be used: {error}")),
    };
    match ended {
        Ended::Checked(Standing::Holds) => ExitCode::SUCCESS,
        Ended::Checked(Standing::Broken) => ExitCode::from(1),
        Ended::Checked(Standing::Withheld | Standing::Erased | Standing::Missing) => ExitCode::from(4),
        Ended::Unusable(code, why) => {
            told::complain(code, &why, args.json);
            ExitCode::from(2)
        }
    }
}
