//! The checks of a version's data, as they are answered.

use control::tracking::DataCheckOf;
use serde::Serialize;
use types::attestation::Attestation;
use types::data_check::{DataFinding, Tie};
use types::{Digest, Millis};
use utoipa::ToSchema;

use super::version::shown;

/// Is a check of the data of a version's run.
#[derive(Debug, Serialize, ToSchema)]
pub struct DataCheckOfVersion {
    /// The dataset, as whoever checked names it.
    dataset: String,
    /// Whether it passed.
    passed: bool,
    /// The run that the check names.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// The SHA-256 of the file's bytes.
    #[schema(value_type = String)]
    digest: Digest,
    /// How many bytes it has.
    bytes: u64,
    /// How many rows could be read.
    rows: u64,
    /// The SHA-256 of the file that says what is expected.
    #[schema(value_type = String)]
    expectations: Digest,
    /// The instant that freshness was judged at, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    as_of: Millis,
    /// Who says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// Which datasets of the run it is about; none, if the run logged none of that name or digest.
    of: Vec<DatasetChecked>,
    /// What was looked at.
    findings: Vec<DataFindingView>,
    /// The index of the record that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
}

/// Is a dataset of a run that a check is about.
#[derive(Debug, Serialize, ToSchema)]
pub struct DatasetChecked {
    /// Its name, as the run logged it.
    name: String,
    /// Its digest, as the run logged it.
    digest: String,
    /// By what they belong together: `digest`, where the logged one begins the SHA-256 of the file, or `name`, where the check names run and
    /// dataset, and that the bytes are the same is nobody's word but whoever checked.
    by: &'static str,
}

/// Is one thing that was looked at.
#[derive(Debug, Serialize, ToSchema)]
pub struct DataFindingView {
    /// What: `lines`, `rows`, `present`, `unknown-columns`, `type`, `nulls`, `range`, `allowed` or `freshness`.
    #[schema(example = "nulls")]
    check: String,
    /// The column, where one is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    /// Whether it is as expected.
    passed: bool,
    /// How many lines, values or columns are not.
    count: u64,
    /// The first line where one is not, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    /// What is expected.
    demanded: String,
}

pub(super) fn data_check(of: DataCheckOf) -> Option<DataCheckOfVersion> {
    let DataCheckOf { attested, ties } = of;
    let Attestation::DataChecked(found) = attested.what else { return None };
    let tied = |(name, digest, tie): (String, String, Tie)| DatasetChecked {
        name: shown(name),
        digest: shown(digest),
        by: tie.name(),
    };
    Some(DataCheckOfVersion {
        dataset: shown(found.dataset),
        passed: found.passed,
        run: found.run.map(shown),
        digest: found.digest,
        bytes: found.bytes,
        rows: found.rows,
        expectations: found.expectations,
        as_of: Millis(found.as_of),
        by: attested.by,
        at: Millis(found.at),
        of: ties.into_iter().map(tied).collect(),
        findings: found.findings.into_iter().map(DataFindingView::from).collect(),
        record: attested.record,
    })
}

impl From<DataFinding> for DataFindingView {
    fn from(finding: DataFinding) -> Self {
        let DataFinding { check, column, passed, count, line, found, demanded } = finding;
        let (check, demanded) = (shown(check), shown(demanded));
        Self { check, column: column.map(shown), passed, count, line, found: found.map(shown), demanded }
    }
}
