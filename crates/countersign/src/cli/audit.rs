//! The command line of `countersign audit`, declared.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use replay::audit::{Filter, VerdictName};
use types::Millis;

/// An audit of the published log: the auditor's steps, and the operator's answer.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Write the file that hands the log's keys to an auditor, with their fingerprints.
    TrustRoot {
        /// The file to write; without it, it is printed.
        #[arg(short, long)]
        output: Option<PathBuf>,
        /// Also hand over the authorities of keys/tsa.pem: a reader then demands that one of them has dated what they check.
        #[arg(long)]
        timestamps: bool,
    },
    /// Count the decisions of the published log, complete, after checking all of it.
    Population(Which),
    /// Draw a sample that a seed makes reproducible.
    Sample(Sample),
    /// Write the evidence that an auditor's request asks for.
    Export {
        /// The request.
        #[arg(long, value_name = "FILE")]
        request: PathBuf,
        /// The file to write.
        #[arg(short, long, default_value = "sample.evidence")]
        output: PathBuf,
        /// Fields to withhold, such as `arguments`; what a decision needs cannot be computed again without.
        #[arg(long = "withhold", value_name = "FIELD")]
        withhold: Vec<String>,
        /// The closed log that the request was drawn from: its number or its origin.
        #[arg(long, value_name = "LOG")]
        log: Option<String>,
    },
    /// Tell the decisions of a request as the auditor will see them, straight from the journal.
    Reconstruct {
        /// The request.
        #[arg(long, value_name = "FILE")]
        request: PathBuf,
        /// The closed log that the request was drawn from: its number or its origin.
        #[arg(long, value_name = "LOG")]
        log: Option<String>,
    },
}

/// Which decisions are meant.
#[derive(Debug, Args)]
pub struct Which {
    /// From an instant on, such as `2026-11-01T00:00:00Z`.
    #[arg(long, value_name = "TIME")]
    pub from: Option<jiff::Timestamp>,
    /// Before an instant.
    #[arg(long, value_name = "TIME")]
    pub to: Option<jiff::Timestamp>,
    /// With a verdict: allow, allow_observed, escalate or deny; may be given several times.
    #[arg(long = "verdict", value_name = "VERDICT")]
    pub verdicts: Vec<VerdictName>,
    /// Of a closed log: its number, as `log list` shows it, or its origin.
    #[arg(long, value_name = "LOG")]
    pub log: Option<String>,
}

impl Which {
    /// Returns the filter that this is.
    pub fn filter(&self) -> Filter {
        let at = |time: jiff::Timestamp| Millis(time.as_millisecond());
        Filter { from: self.from.map(at), to: self.to.map(at), verdicts: self.verdicts.iter().copied().collect() }
    }
}

/// Draw a sample.
#[derive(Debug, Args)]
pub struct Sample {
    /// Which decisions are meant.
    #[command(flatten)]
    pub which: Which,
    /// How many to draw.
    #[arg(short, long, default_value_t = 25, value_name = "COUNT")]
    pub n: usize,
    /// The seed, chosen after the checkpoint is out.
    #[arg(long)]
    pub seed: String,
    /// The file to write the request into.
    #[arg(short, long)]
    pub output: Option<PathBuf>,
}
