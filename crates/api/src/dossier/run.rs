//! The run of a version, and what came before it, as they are answered.

use control::lineage::Upstream;
use control::tracking::DossierRun;
use control::tracking::kept::{Attested, Metric};
use serde::Serialize;
use serde_json::{Value, json};
use types::Millis;
use types::attestation::Attestation;
use utoipa::ToSchema;

use super::version::{NamedValue, named, pairs, shown};

/// Is the run that a version was made in.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunOfVersion {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// The experiment it belongs to.
    experiment: String,
    /// Who made it, as they said.
    user: String,
    /// How it stands.
    status: String,
    /// When it began, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    started: Millis,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    ended: Option<Millis>,
    /// Its parameters.
    params: Vec<NamedValue>,
    /// Its tags; those that begin with `mlflow.source.` say which code it ran.
    tags: Vec<NamedValue>,
    /// The latest point of each metric.
    metrics: Vec<MetricOfRun>,
    /// The data that it read.
    data: Vec<DataOfRun>,
    /// The record that holds the digests of what it logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    anchor: Option<AnchorOfRun>,
    /// The parts that were changed after it had ended.
    changed: Vec<String>,
    /// The parts that are not what its last record says.
    differs: Vec<String>,
}

/// Is the latest point of a metric.
#[derive(Debug, Serialize, ToSchema)]
pub struct MetricOfRun {
    /// The metric.
    name: String,
    /// The value: a number, or `NaN`.
    #[schema(value_type = Value)]
    value: Value,
    /// The step of the training.
    step: i64,
}

/// Is data that a run read.
#[derive(Debug, Serialize, ToSchema)]
pub struct DataOfRun {
    /// Its name.
    name: String,
    /// Its digest, as the client has computed it.
    digest: String,
    /// What kind of source it comes from.
    kind: String,
    /// Where it comes from.
    source: String,
    /// What the run says of it: what it was read for, say.
    tags: Vec<NamedValue>,
}

/// Is the record that holds the digests of what a run logged.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnchorOfRun {
    /// When the digests were taken, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// The index of the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
    /// How many points of metrics there were.
    points: u64,
    /// The digest of each part.
    parts: Vec<NamedValue>,
}

/// Is what came before a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineageOfVersion {
    /// The datasets.
    datasets: Vec<NodeBefore>,
    /// The jobs.
    jobs: Vec<NodeBefore>,
    /// Whether there is more than is told.
    truncated: bool,
}

/// Is a dataset or a job before a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodeBefore {
    /// Its namespace.
    namespace: String,
    /// Its name.
    name: String,
    /// How it changed, the earliest first.
    changes: Vec<ChangeBefore>,
}

/// Is one change of a dataset's columns, or of a job's source.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeBefore {
    /// When, in microseconds since the epoch.
    at: i64,
    /// The column, or the facet that tells the source.
    what: String,
    /// Whether it was documented why; absent for columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    documented: Option<bool>,
}

impl From<DossierRun> for RunOfVersion {
    fn from(found: DossierRun) -> Self {
        let DossierRun { shown: run, anchor, changed, differs } = found;
        let data = run.inputs.iter().map(|input| DataOfRun {
            name: shown(&input.dataset.name),
            digest: shown(&input.dataset.digest),
            kind: shown(&input.dataset.kind),
            source: shown(&input.dataset.source),
            tags: pairs(&input.tags),
        });
        Self {
            data: data.collect(),
            params: pairs(&run.data.params),
            tags: pairs(&run.data.tags),
            metrics: run.data.metrics.into_iter().map(MetricOfRun::from).collect(),
            id: run.run.id,
            name: shown(run.run.name),
            experiment: run.run.experiment.to_string(),
            user: shown(run.run.user),
            status: run.run.status,
            started: Millis(run.run.started),
            ended: run.run.ended.map(Millis),
            anchor: anchor.and_then(anchored),
            changed,
            differs,
        }
    }
}

impl From<Metric> for MetricOfRun {
    fn from(metric: Metric) -> Self {
        let value = if metric.value.is_nan() { json!("NaN") } else { json!(metric.value) };
        Self { name: shown(metric.key), value, step: metric.step }
    }
}

fn anchored(attested: Attested) -> Option<AnchorOfRun> {
    let Attestation::Anchored(anchored) = attested.what else { return None };
    let parts = anchored.parts.iter().map(|part| named(&part.name, part.digest.to_string())).collect();
    Some(AnchorOfRun { at: Millis(anchored.at), record: attested.record, points: anchored.points, parts })
}

impl From<Upstream> for LineageOfVersion {
    fn from(upstream: Upstream) -> Self {
        let datasets = upstream.datasets.into_iter().map(|(node, changes)| NodeBefore {
            namespace: shown(node.namespace),
            name: shown(node.name),
            changes: changes
                .into_iter()
                .map(|change| ChangeBefore { at: change.at, what: shown(change.column), documented: None })
                .collect(),
        });
        let jobs = upstream.jobs.into_iter().map(|(node, changes)| NodeBefore {
            namespace: shown(node.namespace),
            name: shown(node.name),
            changes: changes
                .into_iter()
                .map(|change| ChangeBefore {
                    at: change.at,
                    what: change.facet.to_owned(),
                    documented: Some(change.documented.is_some()),
                })
                .collect(),
        });
        Self { datasets: datasets.collect(), jobs: jobs.collect(), truncated: upstream.is_cut }
    }
}
