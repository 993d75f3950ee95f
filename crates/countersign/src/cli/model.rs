//! `countersign model`, declared.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Models: what is kept of them besides what MLflow's clients read, and their signatures.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Answer for a version: where it runs, what it came of, who approved it, what changed, and how to go back.
    Why(WhyArgs),
    /// Set two versions side by side.
    Compare(CompareArgs),
    /// Tell which version is to run where, and which does.
    Running(RunningArgs),
    /// Tell what runs or stands otherwise than decisions led it, since when, and how it is mended.
    Incidents(IncidentsArgs),
    /// Tell who moved what: versions, aliases, stages and deployments, from where to where, and when.
    History(ModelHistoryArgs),
    /// Record how a version did in an evaluation.
    Evaluate(EvaluateArgs),
    /// Tell where a version stands in the pipeline that drives it, step by step.
    Pipeline(PipelineArgs),
    /// Let an alias name a version: what is decided, and approved where policy asks for it, is done.
    Promote(PromoteArgs),
    /// Let an alias name the version again that it named before.
    Rollback(RollbackArgs),
    /// Say which version is to run at a target, by decision.
    Deploy(DeployArgs),
    /// Say that nothing is to run at a target any more, by decision.
    Undeploy(UndeployArgs),
    /// Tell what runs here: for the host of a target, now and then.
    Report(ReportArgs),
    /// Set a run of training beside its nearest successful one: what differs, where its curves part, and what is not recorded.
    Diagnose(ModelDiagnoseArgs),
    /// Tell what a version was made with, and what of it a second run matches.
    Reproduce(ReproduceArgs),
    /// Write the signature of a sealed model, in the format of OpenSSF model signing.
    Signature(ModelSignatureArgs),
    /// Hold the files of a model against a signature, by OpenSSF model signing with a key; needs no server.
    Verify(ModelVerifyArgs),
    /// Take over what MLflow or W&B has, with its history: ids, numbers and times stay.
    Import(ModelImportArgs),
    /// Print the public key that verifies the signatures made here, as PEM.
    Key,
}

/// Answer for a version.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The version: `fraud/3`, `fraud@champion`; `fraud` alone is the one that `champion` names.
    pub of: String,
    /// One question alone.
    #[arg(long, value_enum)]
    pub ask: Option<Question>,
    /// Write what the journal holds of the version to this file, as evidence for `countersign-verify`.
    #[arg(long, value_name = "FILE")]
    pub evidence: Option<PathBuf>,
}

/// Tell where a version stands in the pipeline that drives it.
#[derive(Debug, Args)]
pub struct PipelineArgs {
    /// The version: `fraud/3`; `fraud` alone is the one that was registered last.
    pub of: String,
}

/// Names what can be asked of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Question {
    /// Which exact version runs where?
    Running,
    /// Where did it come from?
    Origin,
    /// What data was it trained on?
    Data,
    /// Were there undocumented changes before it?
    Changes,
    /// Who approved it, and which tests did it pass?
    Approved,
    /// How does it differ from the release before it?
    Differs,
    /// How do I go back?
    Rollback,
    /// What is missing, or does not agree?
    Gaps,
}

/// Set two versions side by side.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The registered model.
    pub name: String,
    /// The one: its number, or an alias with an `@` in front.
    pub from: String,
    /// The other.
    pub to: String,
    /// One part alone: files, code, data, lineage, parameters, metrics, evaluations, environment, infrastructure, tags, deployments, gaps.
    #[arg(long, value_name = "PART")]
    pub part: Option<String>,
}

/// Tell which version is to run where, and which does.
#[derive(Debug, Args)]
pub struct RunningArgs {
    /// The registered model; all of them by default.
    pub name: Option<String>,
}

/// Tell what runs or stands otherwise than decisions led it.
#[derive(Debug, Args)]
pub struct IncidentsArgs {
    /// The registered model; all of them by default.
    pub name: Option<String>,
    /// Those too that are mended.
    #[arg(long)]
    pub all: bool,
}

/// Record how a version did in an evaluation.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// The registered model.
    pub name: String,
    /// The version's number.
    #[arg(value_name = "VERSION")]
    pub number: u64,
    /// What it was evaluated by.
    #[arg(long, value_name = "NAME")]
    pub suite: String,
    /// A check: a name, what was measured, its interval where it has one, and what is demanded, such as `auc=0.93`, `auc=0.93>=0.9` or
    /// `auc=0.93[0.91,0.95]>=0.9`. May be repeated. A check that demands nothing has passed.
    #[arg(long = "check", required = true, value_name = "CHECK")]
    pub checks: Vec<String>,
    /// The tracked run that it was made in.
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// The data that it was made on.
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,
}

/// Say which version is to run at a target.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// The registered model.
    pub name: String,
    /// The version's number.
    #[arg(value_name = "VERSION")]
    pub number: u64,
    /// Where.
    #[arg(long, value_name = "TARGET")]
    pub to: String,
    /// Why; it is recorded.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// Say that nothing is to run at a target any more.
#[derive(Debug, Args)]
pub struct UndeployArgs {
    /// The registered model.
    pub name: String,
    /// Where.
    #[arg(long, value_name = "TARGET")]
    pub from: String,
    /// Why; it is recorded.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// Tell what runs here.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The registered model.
    pub name: String,
    /// Where this is.
    #[arg(long, value_name = "TARGET")]
    pub target: String,
    /// The number of the version that runs; nothing does without it.
    #[arg(long = "serves", value_name = "VERSION")]
    pub number: Option<u64>,
    /// The folder that the model was loaded from: the digest over its files shows that they are those that were sealed.
    #[arg(long, requires = "number", value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// The file of the host's key, as `countersign host keygen` makes it: what is told is signed with it.
    #[arg(long, value_name = "FILE")]
    pub host_key: Option<PathBuf>,
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

/// Set a run of training beside its nearest successful one.
#[derive(Debug, Args)]
pub struct ModelDiagnoseArgs {
    /// The run's id.
    pub run: String,
    /// The run to set it beside, successful or not; the nearest successful one of the experiment by default.
    #[arg(long, value_name = "RUN")]
    pub against: Option<String>,
}

/// Tell what a version was made with.
#[derive(Debug, Args)]
pub struct ReproduceArgs {
    /// The registered model.
    pub name: String,
    /// The version's number.
    #[arg(value_name = "VERSION")]
    pub number: u64,
    /// A second run to hold against the recipe; exits with 1 if it is no reproduction.
    #[arg(long, value_name = "RUN")]
    pub check: Option<String>,
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

/// Take over what MLflow or W&B has.
#[derive(Debug, Args)]
pub struct ModelImportArgs {
    /// The address of a running MLflow server. Credentials are read as its own client reads them: `MLFLOW_TRACKING_TOKEN`, or
    /// `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`.
    #[arg(value_name = "URL", conflicts_with_all = ["store", "wandb"])]
    pub source: Option<String>,
    /// The SQLite database of an MLflow server instead, such as `sqlite:///mlflow.db`. It is only read.
    #[arg(long, value_name = "DATABASE", requires = "artifacts")]
    pub store: Option<String>,
    /// The folder of that server's files. Nothing outside of it is read.
    #[arg(long, value_name = "FOLDER", requires = "store")]
    pub artifacts: Option<PathBuf>,
    /// A folder with runs that W&B's client has written, offline or not, instead.
    #[arg(long, value_name = "FOLDER", conflicts_with = "store")]
    pub wandb: Option<PathBuf>,
    /// A file that holds the bearer token instead.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Count what there is, and take nothing.
    #[arg(long)]
    pub dry_run: bool,
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
