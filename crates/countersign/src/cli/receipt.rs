//! The words of `countersign log receipt`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use types::ActionId;

/// Write a receipt for one record, in a format that others read.
#[derive(Debug, Args)]
pub struct Receipt {
    /// The record's index, or an action, of which the last decision is meant.
    #[arg(value_name = "INDEX_OR_ACTION")]
    pub of: RecordRef,
    /// The format.
    #[arg(long, value_enum)]
    pub format: ReceiptFormat,
    /// The file to write, instead of standard output.
    #[arg(short, long, visible_alias = "out")]
    pub output: Option<PathBuf>,
    /// Also write the record's leaf, which is what a verifier checks the receipt against, to this file.
    #[arg(long, value_name = "FILE")]
    pub leaf: Option<PathBuf>,
    /// Take the first checkpoint after the record that an authority has dated, and write its time-stamp to this file.
    #[arg(long, value_name = "FILE")]
    pub timestamp: Option<PathBuf>,
    /// Of a closed log: its number, as `log list` shows it, or its origin.
    #[arg(long, value_name = "LOG")]
    pub log: Option<String>,
}

/// Names a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordRef {
    /// By its index in the journal.
    Index(u64),
    /// As the last decision about an action.
    Action(ActionId),
}

impl FromStr for RecordRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let index = text.parse().map(Self::Index);
        index.or_else(|_| text.parse().map(Self::Action)).map_err(|_| "neither an index nor an action".into())
    }
}

/// Says in which format a receipt is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReceiptFormat {
    /// A COSE receipt (RFC 9942), signed by the statement key.
    Cose,
    /// A C2SP tlog-proof, with the checkpoint that the log's key has signed.
    TlogProof,
    /// An in-toto statement in a DSSE envelope, signed by the statement key.
    Dsse,
}
