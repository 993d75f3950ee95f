//! `countersign-verify`: checks a published log, an evidence bundle or a receipt, without a server, a database or a network.
//!
//! Exit codes: 0 everything holds, 1 something is broken, 2 the input cannot be used, 4 something is missing,
//! erased or withheld, so that it cannot be told. What is missing never counts as passed.

mod bundle;
mod log;
mod policies;
mod receipt;
mod told;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use evidence::{Standing, Trust};
use tlog::TrustPolicy;
use types::Code;

/// Checks a published log (a folder of tiles), an evidence bundle or a receipt (a file).
#[derive(Debug, Parser)]
#[command(name = "countersign-verify", version, max_term_width = 100)]
struct Args {
    /// The folder of a published log, a `.evidence` file, or a receipt: COSE, tlog-proof or a statement in DSSE.
    path: PathBuf,
    /// The verifier key of whoever signed, from somebody you trust: `NAME+HASH+KEY`. For a COSE receipt or a statement
    /// it is the statement key, otherwise the log's.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Whom you trust, as a file: logs, witnesses and the quorum of those that must have cosigned (C2SP tlog-policy).
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    policy: Option<PathBuf>,
    /// A signed checkpoint of the log that you have kept; the log must go on from it. May be given several times.
    #[arg(long = "earlier", value_name = "FILE")]
    earlier: Vec<PathBuf>,
    /// A policy bundle that is not in the evidence, as a folder; may be given several times.
    #[arg(long = "policy-bundle", value_name = "DIR")]
    policies: Vec<PathBuf>,
    /// The log's verifier key, to check the checkpoint in a statement too.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
    /// The record's leaf that a receipt is checked against.
    #[arg(long, value_name = "FILE")]
    leaf: Option<PathBuf>,
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

/// Reads whom the reader trusts.
fn trust(args: &Args) -> Result<Trust, Ended> {
    let unusable = |why: String| Ended::Unusable(Code::UsageInvalid, why);
    if let Some(path) = &args.policy {
        let text = std::fs::read(path).map_err(|error| {
            Ended::Unusable(Code::FileUnusable, format!("`{}` cannot be read: {error}", path.display()))
        })?;
        let policy = TrustPolicy::parse(&text).map_err(|e| unusable(format!("the policy cannot be used: {e}")))?;
        return Ok(Trust::Policy(policy));
    }
    let Some(key) = &args.key else { return Ok(Trust::Nobody) };
    key.parse().map(Trust::Key).map_err(|e| unusable(format!("the key cannot be used: {e}")))
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
    let ended = match trust(&args) {
        Ok(trust) if args.path.is_dir() => log::check(&args.path, &trust, &args.earlier, args.json),
        Ok(trust) if receipt::is_one(&args.path) => receipt::check(&args, trust.key()),
        Ok(trust) => bundle::check(&args.path, &trust, &args.policies, args.json),
        Err(ended) => ended,
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
