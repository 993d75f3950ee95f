//! `countersign feature`, declared.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Features: their definitions in versions, and whether serving computes what training did.
#[derive(Debug, Subcommand)]
pub enum FeatureCommand {
    /// Register a definition, as the next version of its name unless it is the latest one already.
    Register(FeatureRegisterArgs),
    /// List the features, and the business concepts that have several definitions.
    List,
    /// Show all versions of a feature.
    Show {
        /// The feature.
        name: String,
    },
    /// Register what Feast's `feast registry-dump` says of a repository; no Python of it is run.
    Import(FeatureImportArgs),
    /// Compare training with serving, for the same entity at the same time; exits with 1 if a feature differs.
    Skew(FeatureSkewArgs),
}

/// What the values of a feature are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FeatureKind {
    /// Numbers.
    Number,
    /// Texts.
    Text,
    /// True or false.
    Boolean,
}

impl FeatureKind {
    /// Returns how the contract writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Text => "text",
            Self::Boolean => "boolean",
        }
    }
}

/// Register a definition.
#[derive(Debug, Args)]
pub struct FeatureRegisterArgs {
    /// Its name.
    pub name: String,
    /// The business concept it stands for, such as `customer lifetime value`.
    #[arg(long, value_name = "TEXT")]
    pub concept: String,
    /// What it is a feature of, such as `customer`.
    #[arg(long, value_name = "NAME")]
    pub entity: String,
    /// What its values are.
    #[arg(long = "type", value_enum, default_value = "number", value_name = "TYPE")]
    pub kind: FeatureKind,
    /// Over what time it is computed, such as `7d`; over none by default.
    #[arg(long, default_value = "", value_name = "SPAN")]
    pub window: String,
    /// The file that says how it is computed; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    pub transformation: PathBuf,
    /// Who answers for it.
    #[arg(long, value_name = "NAME")]
    pub owner: String,
    /// A dataset that it is computed from, as lineage names it; may be given several times.
    #[arg(long = "dataset", num_args = 2, value_names = ["NAMESPACE", "DATASET"])]
    pub datasets: Vec<String>,
}

/// Register what Feast says.
#[derive(Debug, Args)]
pub struct FeatureImportArgs {
    /// What `feast registry-dump` has written; `-` for standard input.
    pub dump: PathBuf,
    /// Who answers for the features whose repository does not say.
    #[arg(long, value_name = "NAME")]
    pub owner: String,
}

/// Compare training with serving.
#[derive(Debug, Args)]
pub struct FeatureSkewArgs {
    /// The feature; each that has values on both sides by default.
    pub name: Option<String>,
    /// How many millionths of the larger one two numbers may differ by.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub tolerance_millionths: u32,
}
