//! A policy bundle that has passed every check and can answer questions.

use types::Digest;
use types::bundle::BundleData;

use crate::compile::{Ground, Program};
use crate::files::{BundleFiles, FileKind};
use crate::nesting;
use crate::parse;
use crate::problem::{LoadError, Problem};
use crate::report::Report;
use crate::secrets::{self, Strictness};
use crate::validate;

/// Is a policy bundle: its files, what they say, and the compiled policies.
///
/// It never changes once loaded, and may be asked from many threads at once.
#[derive(Debug)]
pub struct Bundle {
    files: BundleFiles,
    digest: Digest,
    data: BundleData,
    program: Program,
}

impl Bundle {
    /// Reads, checks and compiles a bundle.
    ///
    /// # Errors
    ///
    /// [`LoadError`] with every problem found: files that no bundle has, text that does not parse, names
    /// that lead nowhere, numbers out of range, policies that do not validate strictly against the schema,
    /// and tools whose action the schema lacks.
    pub fn load(files: BundleFiles) -> Result<Self, LoadError> {
        nesting::with_room(|| Self::load_here(files, Strictness::Listed))
    }

    /// Reads a bundle that is to become active, as [`Bundle::load`] does.
    ///
    /// # Errors
    ///
    /// [`LoadError`] as there, and for what reads an argument that is secret by its name: a bundle that was active before
    /// names counted loads all the same, and denies what it cannot read.
    pub fn load_new(files: BundleFiles) -> Result<Self, LoadError> {
        nesting::with_room(|| Self::load_here(files, Strictness::Named))
    }

    fn load_here(files: BundleFiles, strictness: Strictness) -> Result<Self, LoadError> {
        let mut report = Report::default();
        let data = parse::parse(&files, &mut report);
        validate::validate(&data, &files, &mut report);
        secrets::check(&data, strictness, &mut report);
        match Program::compile(&data, &files, strictness, &mut report) {
            Some(program) if !report.has_problems() => Ok(Self { digest: files.digest(), files, data, program }),
            _ => Err(LoadError(report.into_problems())),
        }
    }

    /// Reads this bundle with another text for one of its policy files, or with one policy file more; the schema and all
    /// other files stay as they were read.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if the path is not one of a policy file, and with every problem found in the policies.
    pub fn with_policies(&self, path: &str, text: &str) -> Result<Self, LoadError> {
        if !matches!(FileKind::of(path), Some((FileKind::Policy, _))) {
            return Err(LoadError(vec![Problem::of_file(path, "policies stand in `policies/NAME.cedar`")]));
        }
        let mut files = self.files.clone();
        files.insert(path, text);
        nesting::with_room(|| {
            let mut report = Report::default();
            let program = self.program.compile_policies(&self.data, &files, &mut report);
            if report.has_problems() {
                return Err(LoadError(report.into_problems()));
            }
            Ok(Self { digest: files.digest(), files, data: self.data.clone(), program })
        })
    }

    /// Reads what the files say without compiling them, as when a schema is generated for a bundle that has none yet.
    ///
    /// # Errors
    ///
    /// [`LoadError`] with what cannot be read; what a schema or policies would need is not asked for.
    pub fn read(files: &BundleFiles) -> Result<BundleData, LoadError> {
        let mut report = Report::default();
        let data = parse::parse(files, &mut report);
        if report.has_problems() { Err(LoadError(report.into_problems())) } else { Ok(data) }
    }

    /// Returns what the files say, Cedar text aside.
    pub fn data(&self) -> &BundleData {
        &self.data
    }

    /// Returns the digest that names exactly these files.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the files.
    pub fn files(&self) -> &BundleFiles {
        &self.files
    }

    /// Returns the Cedar schema.
    pub fn schema_text(&self) -> &str {
        self.files.get("schema.cedarschema").unwrap_or_default()
    }

    /// Returns the Cedar policies, file by file: path and text.
    pub fn policy_texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.of_kind(FileKind::Policy).map(|(path, _, text)| (path, text))
    }

    /// Returns the ids of the policies that permit something, in order.
    pub fn permits(&self) -> impl Iterator<Item = &str> {
        self.program.index.permits()
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    pub(crate) fn ground(&self) -> &Ground {
        &self.program.ground
    }
}
