//! `countersign model`, declared.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Models: what is kept of them besides what MLflow's clients read, and their signatures.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Tell who moved what: versions, aliases and stages, from where to where, and when.
    History(ModelHistoryArgs),
    /// Let an alias name a version: what is decided, and approved where policy asks for it, is done.
    Promote(PromoteArgs),
    /// Let an alias name the version again that it named before.
    Rollback(RollbackArgs),
    /// Write the signature of a sealed model, in the format of OpenSSF model signing.
    Signature(ModelSignatureArgs),
    /// Hold the files of a model against a signature, by OpenSSF model signing with a key; needs no server.
    Verify(ModelVerifyArgs),
    /// Print the public key that verifies the signatures made here, as PEM.
    Key,
}

/// Tell who moved what.
#[derive(Debug, Args)]
pub struct ModelHistoryArgs {
    /// A name that a registered model has or had.
    pub name: String,
}

/// Let an alias name a version.
#[derive(Debug, Args)]
pub struct PromoteArgs {
    /// The registered model.
    pub name: String,
    /// The version's number.
    #[arg(value_name = "VERSION")]
    pub number: u64,
    /// The alias.
    #[arg(long, default_value = "champion", value_name = "ALIAS")]
    pub alias: String,
    /// Why; it is recorded.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// Let an alias name the version again that it named before.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The registered model.
    pub name: String,
    /// The version's number; the one that the alias named before by default.
    #[arg(long, value_name = "VERSION")]
    pub to: Option<u64>,
    /// The alias.
    #[arg(long, default_value = "champion", value_name = "ALIAS")]
    pub alias: String,
    /// Why; it is recorded.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// Write the signature of a sealed model.
#[derive(Debug, Args)]
pub struct ModelSignatureArgs {
    /// The logged model, such as `m-3f1c…`.
    pub model: String,
    /// The file to write; standard output by default.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Hold the files of a model against a signature.
#[derive(Debug, Args)]
pub struct ModelVerifyArgs {
    /// The folder of the model, or its one file.
    pub model: PathBuf,
    /// The signature.
    #[arg(long, value_name = "FILE")]
    pub signature: PathBuf,
    /// The public key of whoever should have signed it, as PEM: on P-256 or P-384.
    #[arg(long, value_name = "FILE")]
    pub public_key: PathBuf,
    /// A path of the folder that is passed over, with all below it; it must hold nothing that was signed. May be given several times.
    #[arg(long = "ignore", value_name = "PATH")]
    pub ignored: Vec<String>,
}
