//! Evaluations of versions: what somebody says that they measured, check by check.

use std::collections::BTreeSet;

use store::tracking::{Attested, ModelVersion, View};
use types::attestation::{Attestation, Check, EVALUATED, Evaluated};
use types::{Code, Digest};

use super::model_versions::model_version;
use super::{Answer, ErrorCode, Refused, Tracking, seals};
use crate::keys::Holder;

/// Is how many checks an evaluation has at most.
pub const CHECKS_MAX: usize = 1_000;

/// Is how many characters a name or a text of an evaluation has at most.
pub const EVALUATION_TEXT_MAX: usize = 500;

/// Is how many evaluations of a version are looked at.
const EVALUATIONS_MAX: u64 = 1_000;

/// Is an evaluation that somebody wants kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewEvaluation {
    /// What the version was evaluated by.
    pub suite: String,
    /// The checks; at least one.
    pub checks: Vec<NewCheck>,
    /// The run that it was made in.
    pub run: Option<String>,
    /// The data that it was made on.
    pub dataset: Option<String>,
}

/// Is one check of it. Numbers are texts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewCheck {
    /// Its name.
    pub name: String,
    /// Whether it passed; where it is not said, what was measured is held against what is demanded.
    pub passed: Option<bool>,
    /// What was measured.
    pub value: Option<String>,
    /// The lower and the upper end of the interval that it is in.
    pub interval: Option<(String, String)>,
    /// What is demanded: a sign and a number.
    pub demanded: Option<String>,
}

/// Returns what a version is found by among what is attested.
fn about(version: &ModelVersion) -> String {
    format!("{}/{}", version.model, version.number)
}

/// Returns the seal that a version's files are under.
pub(super) fn seal_of(view: &View<'_>, version: &ModelVersion) -> Answer<Option<store::tracking::Seal>> {
    let folder = seals::folder(view, &version.location)?;
    Ok(folder.map_or(Ok(None), |folder| view.seal_over(folder.key()))?)
}

/// Returns the evaluations of a version, the latest first.
pub(super) fn evaluations(view: &View<'_>, version: &ModelVersion) -> Answer<Vec<Attested>> {
    Ok(view.attested(EVALUATED, &about(version), EVALUATIONS_MAX)?)
}

/// Says how a version did in each suite at last, of the files that it has now: the suites that it passed, and those that it failed.
pub(super) fn standing(view: &View<'_>, version: &ModelVersion, seal: Option<Digest>) -> Answer<[Vec<String>; 2]> {
    let (mut known, mut passed, mut failed) = (BTreeSet::new(), Vec::new(), Vec::new());
    for attested in evaluations(view, version)? {
        let Attestation::Evaluated(found) = attested.what else { continue };
        if found.seal == seal && known.insert(found.suite.clone()) {
            if found.passed { &mut passed } else { &mut failed }.push(found.suite);
        }
    }
    passed.sort();
    failed.sort();
    Ok([passed, failed])
}

impl Tracking {
    /// Keeps an evaluation of a version, and returns it with its place. It passed if each of its checks did.
    ///
    /// # Errors
    ///
    /// A version that is not there; no check, too many, two of one name, or a text that is empty or too long; a check that says it passed, or
    /// failed, where its own numbers say otherwise.
    pub fn evaluate(
        &self,
        who: &Holder,
        (name, number): (String, String),
        new: NewEvaluation,
    ) -> Answer<(i64, Evaluated)> {
        let checks = judged(&new)?;
        let (by, at) = (who.principal.subject(), self.now());
        self.kept.change(move |change| {
            let version = model_version(change, &name, &number)?;
            if let Some(run) = &new.run {
                super::run(change, run)?;
            }
            let NewEvaluation { suite, run, dataset, .. } = new;
            let evaluated = Evaluated {
                model: version.name.clone(),
                version: u64::try_from(version.number).unwrap_or(0),
                suite,
                passed: checks.iter().all(|check| check.passed),
                checks,
                seal: seal_of(change, &version)?.map(|seal| seal.digest),
                run,
                dataset,
                at,
            };
            let id = change.attest(&Attestation::Evaluated(evaluated.clone()), &about(&version), Some(&by))?;
            Ok((id, evaluated))
        })
    }
}

fn wrong(message: String) -> Refused {
    Refused::new(ErrorCode::InvalidParameterValue, message).because(Code::EvaluationInvalid)
}

/// Holds what is sent against itself, and returns its checks.
fn judged(new: &NewEvaluation) -> Answer<Vec<Check>> {
    let NewEvaluation { suite, checks, run, dataset } = new;
    if checks.is_empty() || checks.len() > CHECKS_MAX {
        return Err(wrong(format!("An evaluation has 1 to {CHECKS_MAX} checks, and this one has {}.", checks.len())));
    }
    for (what, text) in [("suite", Some(suite)), ("run", run.as_ref()), ("dataset", dataset.as_ref())] {
        text.map_or(Ok(()), |text| fits(what, text))?;
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = checks.iter().find(|check| !names.insert(&check.name)) {
        return Err(wrong(format!("The check '{}' is there twice.", twice.name)));
    }
    checks.iter().map(judge).collect()
}

fn fits(what: &str, text: &str) -> Answer<()> {
    let length = text.chars().count();
    if text.trim().is_empty() || length > EVALUATION_TEXT_MAX {
        return Err(wrong(format!("A {what} has 1 to {EVALUATION_TEXT_MAX} characters, and this one has {length}.")));
    }
    Ok(())
}

/// Holds what a check says against its own numbers, and says whether it passed.
fn judge(new: &NewCheck) -> Answer<Check> {
    let NewCheck { name, passed: told, value, interval, demanded } = new.clone();
    let (low, high) = interval.clone().map_or((None, None), |(low, high)| (Some(low), Some(high)));
    fits("check", &name)?;
    for number in [&value, &low, &high].into_iter().flatten() {
        fits("number", number)?;
        if number.parse::<f64>().is_err() {
            return Err(wrong(format!("The check '{name}' has '{number}' where a number is expected.")));
        }
    }
    if let Some((low, high)) = &interval
        && !is_so(low, "<=", high)
    {
        return Err(wrong(format!("The check '{name}' has an interval from {low} to {high}.")));
    }
    let found = demanded.as_deref().map(|demanded| reached(&name, value.as_deref(), demanded)).transpose()?.flatten();
    let passed = match (told, found) {
        (Some(told), Some(found)) if told != found => {
            let (word, value) = (if told { "passed" } else { "failed" }, value.unwrap_or_default());
            let demanded = demanded.unwrap_or_default();
            return Err(wrong(format!("The check '{name}' {word} with {value}, where {demanded} is demanded.")));
        }
        (told, found) => told.or(found),
    };
    let unsaid =
        || wrong(format!("Whether the check '{name}' passed is not said, nor what was measured and what is demanded."));
    let passed = passed.ok_or_else(unsaid)?;
    Ok(Check { name, passed, value, interval, demanded })
}

/// Says whether what was measured is what is demanded; nothing, if nothing was measured.
fn reached(name: &str, value: Option<&str>, demanded: &str) -> Answer<Option<bool>> {
    let Some((sign, bound)) = demand(demanded) else {
        let message = format!("The check '{name}' demands '{demanded}', which is not >=, >, <=, < or == and a number.");
        return Err(wrong(message));
    };
    Ok(value.map(|value| is_so(value, sign, bound)))
}

/// Reads what is demanded: a sign and a number.
fn demand(text: &str) -> Option<(&'static str, &str)> {
    let signs = [">=", "<=", "==", ">", "<"];
    let sign = signs.into_iter().find(|sign| text.starts_with(sign))?;
    let bound = text.strip_prefix(sign)?.trim();
    bound.parse::<f64>().ok().filter(|bound| !bound.is_nan()).map(|_| (sign, bound))
}

/// Compares two numbers; what is no number compares to nothing.
fn is_so(value: &str, sign: &str, bound: &str) -> bool {
    let (Ok(value), Ok(bound)) = (value.parse::<f64>(), bound.parse::<f64>()) else { return false };
    match sign {
        ">=" => value >= bound,
        "<=" => value <= bound,
        ">" => value > bound,
        "<" => value < bound,
        _ => value == bound,
    }
}
