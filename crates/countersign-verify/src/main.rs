//! `countersign-verify`: checks a published log, an evidence bundle or a receipt, without a server, a database or a network.
//!
//! Exit codes: 0 everything holds, 1 something is broken, 2 the input cannot be used, 4 something is missing,
//! erased or withheld, so that it cannot be told. What is missing never counts as passed.

mod audit;
mod bundle;
mod log;
mod log_archive;
mod policies;
mod receipt;
mod told;
mod trust;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use evidence::Standing;
use types::Code;

/// Checks a published log (a folder of tiles), the archive of a closed log, an evidence bundle or a receipt (a file).
#[derive(Debug, Parser)]
#[command(name = "countersign-verify", version, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Args {
    /// A step of an audit, instead of a plain check.
    #[command(subcommand)]
    audit: Option<audit::Audit>,
    /// The folder of a published log, the archive of a closed one, a `.evidence` file, or a receipt: COSE, tlog-proof or a
    /// statement in DSSE.
    #[arg(required = true)]
    path: Option<PathBuf>,
    #[command(flatten)]
    trust: trust::TrustArgs,
    /// A signed checkpoint of the log that you have kept; the log must go on from it. May be given several times.
    #[arg(long = "earlier", value_name = "FILE")]
    earlier: Vec<PathBuf>,
    /// With the archive of a closed log: the published log that comes after, as a folder or an archive; it must begin by
    /// committing to this one.
    #[arg(long, value_name = "PATH")]
    next: Option<PathBuf>,
    /// A policy bundle that is not in the evidence, as a folder; may be given several times.
    #[arg(long = "policy-bundle", value_name = "DIR")]
    policies: Vec<PathBuf>,
    /// The log's verifier key, to check the checkpoint in a statement too.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
    /// The record's leaf that a receipt is checked against.
    #[arg(long, value_name = "FILE")]
    leaf: Option<PathBuf>,
    /// The time-stamp that came with a receipt, for --tsa-roots.
    #[arg(long, value_name = "FILE", requires = "path")]
    timestamp: Option<PathBuf>,
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
    let json = args.json || args.audit.as_ref().is_some_and(audit::Audit::json);
    let ended = match &args.audit {
        Some(audit) => audit.run(),
        None => plain(&args),
    };
    match ended {
        Ended::Checked(Standing::Holds) => ExitCode::SUCCESS,
        Ended::Checked(Standing::Broken) => ExitCode::from(1),
        Ended::Checked(Standing::Withheld | Standing::Erased | Standing::Missing) => ExitCode::from(4),
        Ended::Unusable(code, why) => {
            told::complain(code, &why, json);
            ExitCode::from(2)
        }
    }
}

/// Checks a log, a bundle or a receipt as it is, without any step of an audit.
fn plain(args: &Args) -> Ended {
    let path = args.path.clone().unwrap_or_default();
    let (trust, dated_by) = match (args.trust.trust_for(&path), args.trust.authorities()) {
        (Ok(trust), Ok(dated_by)) => (trust, dated_by),
        (Err(ended), _) | (_, Err(ended)) => return ended,
    };
    let dated_by = dated_by.as_ref();
    let kind = Kind::of(&path);
    if let Some(unused) = args.unused(kind) {
        return Ended::Unusable(Code::UsageInvalid, format!("{unused} is of no use with {}", kind.told()));
    }
    match kind {
        Kind::LogArchive => log_archive::check(&path, &trust, dated_by, args),
        Kind::Log => log::check(&path, &trust, dated_by, &args.earlier, args.json),
        Kind::Receipt => receipt::check(args, &path, trust.key(), dated_by),
        Kind::Bundle => bundle::check(&path, &trust, dated_by, &args.policies, args.json),
    }
}

/// Is what is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    LogArchive,
    Log,
    Receipt,
    Bundle,
}

impl Kind {
    fn of(path: &Path) -> Self {
        if log_archive::is_one(path) {
            Self::LogArchive
        } else if path.is_dir() {
            Self::Log
        } else if receipt::is_one(path) {
            Self::Receipt
        } else {
            Self::Bundle
        }
    }

    fn told(self) -> &'static str {
        match self {
            Self::LogArchive => "the archive of a log",
            Self::Log => "a published log",
            Self::Receipt => "a receipt",
            Self::Bundle => "an evidence bundle",
        }
    }
}

impl Args {
    /// Returns the first option that was given and says nothing about what is checked: passed over, it would look as if it held.
    fn unused(&self, kind: Kind) -> Option<&'static str> {
        let is_log = matches!(kind, Kind::Log | Kind::LogArchive);
        let options = [
            ("--earlier", !self.earlier.is_empty(), is_log),
            ("--next", self.next.is_some(), kind == Kind::LogArchive),
            ("--policy-bundle", !self.policies.is_empty(), matches!(kind, Kind::Bundle | Kind::LogArchive)),
            ("--log-key", self.log_key.is_some(), kind == Kind::Receipt),
            ("--leaf", self.leaf.is_some(), kind == Kind::Receipt),
            ("--timestamp", self.timestamp.is_some(), kind == Kind::Receipt),
        ];
        options.into_iter().find(|(_, given, used)| *given && !used).map(|(name, _, _)| name)
    }
}
