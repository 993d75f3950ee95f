//! Two versions of a model side by side: what differs between their dossiers, part by part.

use std::collections::BTreeMap;

use types::attestation::{Attestation, Check};

use super::dossier::Dossier;

/// Are the parts that are compared, in their order.
pub const COMPARED: [&str; 12] = [
    "files",
    "code",
    "data",
    "lineage",
    "parameters",
    "metrics",
    "evaluations",
    "environment",
    "infrastructure",
    "tags",
    "deployments",
    "gaps",
];

/// Are the tags of a run that say what code it ran.
const CODE: [(&str, &str); 5] = [
    ("mlflow.source.git.commit", "revision"),
    ("mlflow.source.git.branch", "branch"),
    ("mlflow.source.git.repoURL", "repository"),
    ("mlflow.source.git.dirty", "uncommitted"),
    ("mlflow.source.name", "entry point"),
];

/// Is one thing in which two versions differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The part, one of [`COMPARED`].
    pub part: &'static str,
    /// What it is within the part.
    pub name: String,
    /// What it is of the one; absent if it is not there.
    pub from: Option<String>,
    /// What it is of the other.
    pub to: Option<String>,
}

/// Is how two versions compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// What differs, by part and name.
    pub differences: Vec<Difference>,
    /// How many things are the same, by part.
    pub same: BTreeMap<&'static str, usize>,
}

/// Compares two versions.
pub fn compare(from: &Dossier, to: &Dossier) -> Comparison {
    let mut comparison = Comparison { differences: Vec::new(), same: BTreeMap::new() };
    for part in COMPARED {
        let (one, other) = (things(part, from), things(part, to));
        let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
        let mut names: Vec<&String> = names.collect();
        names.sort();
        for name in names {
            let (from, to) = (one.get(name).cloned(), other.get(name).cloned());
            if from == to {
                *comparison.same.entry(part).or_default() += 1;
            } else {
                comparison.differences.push(Difference { part, name: name.clone(), from, to });
            }
        }
    }
    comparison
}

/// Returns the things of a part by name.
fn things(part: &str, of: &Dossier) -> BTreeMap<String, String> {
    let run = of.run.as_ref().map(|run| &run.shown);
    let pairs = |pairs: &[super::kept::Pair]| pairs.iter().map(|pair| (pair.key.clone(), pair.value.clone())).collect();
    match part {
        "files" => of.seal.iter().map(|seal| ("all".into(), seal.digest.to_string())).collect(),
        "code" => run.map_or_else(BTreeMap::new, |run| {
            let of_tag = |(tag, name): (&str, &str)| {
                let found = run.data.tags.iter().find(|pair| pair.key == tag)?;
                Some((name.to_owned(), found.value.clone()))
            };
            CODE.into_iter().filter_map(of_tag).collect()
        }),
        "data" => run.map_or_else(BTreeMap::new, |run| {
            let mut all: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            for input in &run.inputs {
                all.entry(input.dataset.name.clone()).or_default().push(&input.dataset.digest);
            }
            all.into_iter().map(|(name, digests)| (name, digests.join(", "))).collect()
        }),
        "lineage" => lineage(of),
        "parameters" => run.map_or_else(BTreeMap::new, |run| pairs(&run.data.params)),
        "metrics" => run.map_or_else(BTreeMap::new, |run| {
            run.data.metrics.iter().map(|metric| (metric.key.clone(), metric.value.to_string())).collect()
        }),
        "evaluations" => evaluations(of),
        "environment" => of.environment.iter().map(|file| (last(&file.path), file.digest.to_string())).collect(),
        "infrastructure" => of.infrastructure.iter().cloned().collect(),
        "tags" => pairs(&of.version.version.tags),
        "deployments" => of.deployments.iter().map(|one| (one.target.clone(), one.state.name().to_owned())).collect(),
        _ => of.gaps.iter().map(|gap| (gap.name().to_owned(), gap.text().to_owned())).collect(),
    }
}

fn last(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// Names the jobs and datasets before a version, each with its last change.
fn lineage(of: &Dossier) -> BTreeMap<String, String> {
    let told = |at: Option<i64>| at.map_or_else(|| "unchanged".to_owned(), |at| format!("changed at {at} µs"));
    let jobs = of.upstream.jobs.iter().map(|(job, changes)| {
        let ended =
            of.run.as_ref().and_then(|run| run.shown.run.ended).map_or(i64::MAX, |ended| ended.saturating_mul(1_000));
        let last = changes.iter().map(|change| change.at).filter(|at| *at <= ended).max();
        (format!("job {}:{}", job.namespace, job.name), told(last))
    });
    let sets = of.upstream.datasets.iter().map(|(set, changes)| {
        (format!("dataset {}:{}", set.namespace, set.name), told(changes.iter().map(|change| change.at).max()))
    });
    jobs.chain(sets).collect()
}

/// Tells the latest evaluation in each suite, check by check.
fn evaluations(of: &Dossier) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for attested in of.evaluations.iter().rev() {
        if let Attestation::Evaluated(evaluated) = &attested.what {
            for check in &evaluated.checks {
                all.insert(format!("{}: {}", evaluated.suite, check.name), told(check));
            }
        }
    }
    all
}

fn told(check: &Check) -> String {
    let word = if check.passed { "passed" } else { "failed" };
    let value = check.value.as_deref().unwrap_or_default();
    let interval = check.interval.as_ref().map_or_else(String::new, |(low, high)| format!(" [{low}, {high}]"));
    format!("{value}{interval} {word}").trim().to_owned()
}
