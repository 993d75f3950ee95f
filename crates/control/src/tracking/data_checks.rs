//! Checks of data: what somebody says that a file did against what is expected of it, and which datasets of a run that is about.

use std::collections::BTreeSet;

use store::tracking::{Attested, FEATURE_KIND, Input, Run, View};
use types::attestation::Attestation;
use types::data_check::{DATA_FINDINGS_MAX, DataChecked, DataFinding, TYING_DIGITS, Tie};
use types::{Code, Digest};

use super::{Answer, ErrorCode, Refused, Tracking};
use crate::keys::Holder;

/// Is how many characters a text of a check of data has at most.
pub const DATA_TEXT_MAX: usize = 500;

/// Is how many checks of the data of a run are looked at.
const DATA_CHECKS_MAX: u64 = 1_000;

/// Are the things that are looked at which are as expected if nothing was counted.
const COUNTED: [&str; 6] = ["lines", "present", "unknown-columns", "type", "range", "allowed"];

/// Are the others: they are told with what was found.
const MEASURED: [&str; 3] = ["rows", "nulls", "freshness"];

/// Is a check of data that somebody wants kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDataCheck {
    /// The dataset's name.
    pub dataset: String,
    /// The run that is to be trained on it.
    pub run: Option<String>,
    /// The SHA-256 of the file's bytes.
    pub digest: Digest,
    /// How many bytes it has.
    pub bytes: u64,
    /// How many rows could be read.
    pub rows: u64,
    /// The SHA-256 of the file that says what is expected.
    pub expectations: Digest,
    /// What was looked at.
    pub findings: Vec<DataFinding>,
    /// The instant that freshness was judged at, in milliseconds since the epoch.
    pub as_of: i64,
}

/// Is a check of data with the datasets of a run that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataCheckOf {
    /// The check.
    pub attested: Attested,
    /// The datasets as the run logged them, by name and digest, and how the check belongs to each.
    pub ties: Vec<(String, String, Tie)>,
}

impl DataCheckOf {
    /// Returns what was checked.
    pub fn checked(&self) -> Option<&DataChecked> {
        checked(&self.attested)
    }
}

fn checked(attested: &Attested) -> Option<&DataChecked> {
    match &attested.what {
        Attestation::DataChecked(checked) => Some(checked),
        _ => None,
    }
}

/// Says how the data of a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct DataStanding {
    /// Some of it was not checked.
    pub(super) unchecked: bool,
    /// Some of it failed the check that counts.
    pub(super) failed: bool,
}

/// Returns the checks that are about the data of a run, the latest first.
pub(super) fn data_checks(view: &View<'_>, run: &Run, inputs: &[Input]) -> Answer<Vec<DataCheckOf>> {
    let digests = inputs.iter().map(|input| input.dataset.digest.to_ascii_lowercase());
    let prefixes: Vec<String> = digests.filter_map(|digest| digest.get(..TYING_DIGITS).map(str::to_owned)).collect();
    let found = view.data_checks(&run.id, &prefixes, DATA_CHECKS_MAX)?.into_iter();
    let of = |attested: Attested| {
        let checked = checked(&attested)?;
        let tie = |input: &Input| {
            let (name, digest) = (&input.dataset.name, &input.dataset.digest);
            Some((name.clone(), digest.clone(), checked.tie(&run.id, name, digest)?))
        };
        let ties: Vec<_> = inputs.iter().filter_map(tie).collect();
        let is_about = !ties.is_empty() || checked.run.as_deref() == Some(&run.id);
        is_about.then_some(DataCheckOf { attested, ties })
    };
    Ok(found.filter_map(of).collect())
}

/// Says how the data of a run stands, by the checks that are about it, the latest first.
///
/// Of each dataset the latest counts, and one of its very bytes before one that only names it. Definitions of features are no data.
pub(super) fn data_standing(checks: &[DataCheckOf], inputs: &[Input]) -> DataStanding {
    let passed = |check: &DataCheckOf| check.checked().is_some_and(|checked| checked.passed);
    let data: Vec<&Input> = inputs.iter().filter(|input| input.dataset.kind != FEATURE_KIND).collect();
    let mut standing = DataStanding::default();
    for input in &data {
        let (name, digest) = (&input.dataset.name, &input.dataset.digest);
        let by = |wanted: Tie| {
            let is_it = |(of, is, tie): &(String, String, Tie)| of == name && is == digest && *tie == wanted;
            checks.iter().find(|check| check.ties.iter().any(is_it))
        };
        match by(Tie::Digest).or_else(|| by(Tie::Name)) {
            Some(check) => standing.failed |= !passed(check),
            None => standing.unchecked = true,
        }
    }
    if data.is_empty() {
        standing.unchecked = checks.is_empty();
        let mut known = BTreeSet::new();
        let latest = checks.iter().filter(|check| known.insert(check.checked().map(|checked| &checked.dataset)));
        standing.failed = latest.filter(|check| !passed(check)).count() > 0;
    }
    standing
}

impl Tracking {
    /// Keeps a check of data, and returns it with its place. It passed if each of its findings did.
    ///
    /// # Errors
    ///
    /// A run that is not there; no finding, too many, or two of one thing; a text that is empty or too long; a finding that says it passed, or
    /// failed, where its own numbers say otherwise.
    pub fn check_data(&self, who: &Holder, new: NewDataCheck) -> Answer<(i64, DataChecked)> {
        judged(&new)?;
        let (by, at) = (who.principal.subject(), self.now());
        self.kept.change(move |change| {
            if let Some(run) = &new.run {
                super::run(change, run)?;
            }
            let NewDataCheck { dataset, run, digest, bytes, rows, expectations, findings, as_of } = new;
            let passed = findings.iter().all(|finding| finding.passed);
            let checked = DataChecked { dataset, run, digest, bytes, rows, expectations, passed, findings, as_of, at };
            let id = change.check_data(&checked, &by)?;
            Ok((id, checked))
        })
    }
}

fn wrong(message: String) -> Refused {
    Refused::new(ErrorCode::InvalidParameterValue, message).because(Code::DataCheckInvalid)
}

/// Holds what is sent against itself.
fn judged(new: &NewDataCheck) -> Answer<()> {
    let count = new.findings.len();
    if count == 0 || count > DATA_FINDINGS_MAX {
        return Err(wrong(format!("A check of data has 1 to {DATA_FINDINGS_MAX} findings, and this one has {count}.")));
    }
    fits("dataset", &new.dataset)?;
    new.run.as_ref().map_or(Ok(()), |run| fits("run", run))?;
    let mut known = BTreeSet::new();
    new.findings.iter().try_for_each(|finding| {
        judge(finding, new.rows)?;
        let DataFinding { check, column, .. } = finding;
        if known.insert((check, column)) {
            return Ok(());
        }
        let column = column.as_deref().map(|column| format!(" of {column}")).unwrap_or_default();
        Err(wrong(format!("The finding '{check}'{column} is there twice.")))
    })?;
    for needed in ["lines", "rows"] {
        if !new.findings.iter().any(|finding| finding.check == needed) {
            return Err(wrong(format!("The finding '{needed}' is missing, without which the others say nothing.")));
        }
    }
    Ok(())
}

fn fits(what: &str, text: &str) -> Answer<()> {
    let length = text.chars().count();
    if text.trim().is_empty() || length > DATA_TEXT_MAX {
        return Err(wrong(format!("A {what} has 1 to {DATA_TEXT_MAX} characters, and this one has {length}.")));
    }
    Ok(())
}

/// Holds a finding against its own numbers.
fn judge(finding: &DataFinding, rows: u64) -> Answer<()> {
    let DataFinding { check, column, passed, count, found, demanded, .. } = finding;
    if !COUNTED.contains(&check.as_str()) && !MEASURED.contains(&check.as_str()) {
        let known = COUNTED.iter().chain(&MEASURED).copied().collect::<Vec<_>>().join(", ");
        return Err(wrong(format!("There is no finding '{check}': there are {known}.")));
    }
    for (what, text) in [("column", column.as_deref()), ("found", found.as_deref()), ("demanded", Some(demanded))] {
        text.map_or(Ok(()), |text| fits(what, text))?;
    }
    if COUNTED.contains(&check.as_str()) && *passed != (*count == 0) {
        let word = if *passed { "passed" } else { "failed" };
        return Err(wrong(format!("The finding '{check}' {word} with {count} that are not as expected.")));
    }
    if check == "rows" && found.as_deref() != Some(&rows.to_string()) {
        return Err(wrong(format!("The finding 'rows' found something other than the {rows} rows that were read.")));
    }
    Ok(())
}
