//! Evaluations of a version, as they are answered.

use control::tracking::kept::Attested;
use serde::Serialize;
use types::attestation::{Attestation, Check};
use types::{Digest, Millis};
use utoipa::ToSchema;

use super::version::shown;

/// Is an evaluation of a version.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvaluationOfVersion {
    /// What it was evaluated by.
    suite: String,
    /// Whether it passed.
    passed: bool,
    /// Whether the files that the version has now are those that were evaluated.
    of_these_files: bool,
    /// Who says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// The checks.
    checks: Vec<CheckView>,
    /// The run that it was made in.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// The data that it was made on.
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset: Option<String>,
    /// The index of the record that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
}

/// Is one check of an evaluation. Numbers are texts, as they were sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckView {
    /// Its name.
    #[schema(example = "auc")]
    name: String,
    /// Whether it passed.
    passed: bool,
    /// What was measured, a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0.93")]
    value: Option<String>,
    /// The lower and the upper end of the interval that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<(String, String)>,
    /// What was demanded: a sign and a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = ">= 0.9")]
    demanded: Option<String>,
}

pub(super) fn evaluation(attested: Attested, seal: Option<Digest>) -> Option<EvaluationOfVersion> {
    let Attestation::Evaluated(found) = attested.what else { return None };
    Some(EvaluationOfVersion {
        suite: shown(found.suite),
        passed: found.passed,
        of_these_files: found.seal == seal,
        by: attested.by,
        at: Millis(found.at),
        checks: found.checks.into_iter().map(CheckView::from).collect(),
        run: found.run.map(shown),
        dataset: found.dataset.map(shown),
        record: attested.record,
    })
}

impl From<Check> for CheckView {
    fn from(check: Check) -> Self {
        let Check { name, passed, value, interval, demanded } = check;
        let interval = interval.map(|(low, high)| (shown(low), shown(high)));
        Self { name: shown(name), passed, value: value.map(shown), interval, demanded: demanded.map(shown) }
    }
}
