//! Datasets, jobs, runs and events as Marquez's clients read them; what is ours besides is told at the member.

use std::collections::BTreeMap;

use control::lineage::kept::{LineageRun, Node};
use control::lineage::{
    DatasetShown, JobShown, PreprocessingChange, RunDataset, RunId, RunShown, SchemaChange, written,
};
use serde::Serialize;
use serde_json::value::RawValue;

/// Is JSON that was kept as it was received.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Raw(Option<Box<RawValue>>);

impl Raw {
    pub(super) fn of(json: &str) -> Self {
        Self(RawValue::from_string(json.to_owned()).ok())
    }

    fn list(json: Option<&str>) -> Self {
        Self::of(json.unwrap_or("[]"))
    }
}

/// Are facets by name.
pub(super) type Facets<'a> = BTreeMap<&'a str, Raw>;

fn facets(facets: &[(String, String)]) -> Facets<'_> {
    facets.iter().map(|(name, body)| (name.as_str(), Raw::of(body))).collect()
}

/// Is the name of a dataset or a job.
#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id<'a> {
    namespace: &'a str,
    name: &'a str,
}

pub(super) fn id(node: &Node) -> Id<'_> {
    Id { namespace: &node.namespace, name: &node.name }
}

/// Returns names in their order, since ids follow from which event came first.
pub(super) fn ids<'a>(nodes: impl Iterator<Item = &'a Node>) -> Vec<Id<'a>> {
    let mut ids: Vec<Id<'a>> = nodes.map(id).collect();
    ids.sort_unstable();
    ids
}

/// Is what is shown of a dataset wherever it stands.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DatasetData<'a> {
    id: Id<'a>,
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    physical_name: &'a str,
    created_at: String,
    updated_at: String,
    namespace: &'a str,
    source_name: &'a str,
    fields: Raw,
    tags: [&'static str; 0],
    last_modified_at: Option<String>,
    description: Option<&'a str>,
    last_lifecycle_state: Option<&'a str>,
}

pub(super) fn dataset_data(node: &Node) -> DatasetData<'_> {
    DatasetData {
        id: id(node),
        kind: "DB_TABLE",
        name: &node.name,
        physical_name: &node.name,
        created_at: written(node.first),
        updated_at: written(node.last),
        namespace: &node.namespace,
        source_name: &node.namespace,
        fields: Raw::list(node.fields.as_deref()),
        tags: [],
        last_modified_at: None,
        description: node.description.as_deref(),
        last_lifecycle_state: node.lifecycle.as_deref(),
    }
}

/// Is a dataset with all that holds of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dataset<'a> {
    #[serde(flatten)]
    data: DatasetData<'a>,
    facets: Facets<'a>,
    current_version: Option<&'a str>,
    deleted: bool,
    /// How its columns changed, which Marquez does not tell.
    schema_changes: Vec<ColumnChange<'a>>,
}

/// Is how a column changed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ColumnChange<'a> {
    at: String,
    column: &'a str,
    change: &'static str,
    type_before: Option<&'a str>,
    type_after: Option<&'a str>,
}

fn column_change(change: &SchemaChange) -> ColumnChange<'_> {
    ColumnChange {
        at: written(change.at),
        column: &change.column,
        change: match (&change.before, &change.after) {
            (None, _) => "added",
            (_, None) => "removed",
            (Some(_), Some(_)) => "type",
        },
        type_before: change.before.as_deref(),
        type_after: change.after.as_deref(),
    }
}

pub(super) fn dataset(shown: &DatasetShown) -> Dataset<'_> {
    Dataset {
        data: dataset_data(&shown.node),
        facets: facets(&shown.facets),
        current_version: None,
        deleted: shown.node.lifecycle.as_deref() == Some("DROP"),
        schema_changes: shown.changes.iter().map(column_change).collect(),
    }
}

/// Is a list of datasets.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Datasets<'a> {
    pub(super) datasets: Vec<Dataset<'a>>,
    pub(super) total_count: i64,
}

/// Is what is shown of a job wherever it stands.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobData<'a> {
    id: Id<'a>,
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    simple_name: &'a str,
    parent_job_name: Option<&'a str>,
    created_at: String,
    updated_at: String,
    namespace: &'a str,
    inputs: Vec<Id<'a>>,
    outputs: Vec<Id<'a>>,
    location: Option<&'a str>,
    description: Option<&'a str>,
    latest_run: Option<Run<'a>>,
}

pub(super) fn job_data<'a>(
    node: &'a Node,
    inputs: Vec<Id<'a>>,
    outputs: Vec<Id<'a>>,
    latest_run: Option<Run<'a>>,
) -> JobData<'a> {
    JobData {
        id: id(node),
        kind: "BATCH",
        name: &node.name,
        simple_name: node.name.rsplit('.').next().unwrap_or_default(),
        parent_job_name: None,
        created_at: written(node.first),
        updated_at: written(node.last),
        namespace: &node.namespace,
        inputs,
        outputs,
        location: node.location.as_deref(),
        description: node.description.as_deref(),
        latest_run,
    }
}

/// Is a job with all that holds of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Job<'a> {
    #[serde(flatten)]
    data: JobData<'a>,
    latest_runs: Vec<Run<'a>>,
    facets: Facets<'a>,
    current_version: Option<&'a str>,
    labels: [&'static str; 0],
    tags: [&'static str; 0],
    /// How its source changed, which Marquez does not tell.
    source_changes: Vec<SourceChange>,
}

/// Is how the source of a job changed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SourceChange {
    at: String,
    facet: &'static str,
    documented: bool,
    documented_at: Option<String>,
}

fn source_change(change: &PreprocessingChange) -> SourceChange {
    SourceChange {
        at: written(change.at),
        facet: change.facet,
        documented: change.documented.is_some(),
        documented_at: change.documented.map(written),
    }
}

pub(super) fn job(shown: &JobShown) -> Job<'_> {
    let (inputs, outputs) = (ids(shown.inputs.iter()), ids(shown.outputs.iter()));
    Job {
        data: job_data(&shown.node, inputs, outputs, shown.runs.first().map(run)),
        latest_runs: shown.runs.iter().map(run).collect(),
        facets: facets(&shown.facets),
        current_version: None,
        labels: [],
        tags: [],
        source_changes: shown.changes.iter().map(source_change).collect(),
    }
}

/// Is a list of jobs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Jobs<'a> {
    pub(super) jobs: Vec<Job<'a>>,
    pub(super) total_count: i64,
}

/// Is a run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run<'a> {
    id: String,
    created_at: String,
    updated_at: String,
    state: &'a str,
    started_at: Option<String>,
    ended_at: Option<String>,
    duration_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<Id<'a>>,
    args: BTreeMap<&'static str, &'static str>,
    input_dataset_versions: Vec<Version<'a>>,
    output_dataset_versions: Vec<Version<'a>>,
    facets: Facets<'a>,
}

/// Is a dataset that a run read or wrote.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Version<'a> {
    dataset_version_id: VersionId<'a>,
    facets: Facets<'a>,
}

#[derive(Serialize)]
struct VersionId<'a> {
    namespace: &'a str,
    name: &'a str,
    version: Option<&'a str>,
}

fn version(of: &RunDataset) -> Version<'_> {
    let version = of.version.as_deref();
    let id = VersionId { namespace: &of.node.namespace, name: &of.node.name, version };
    Version { dataset_version_id: id, facets: facets(&of.facets) }
}

/// Returns the id of a run as OpenLineage writes it.
pub(super) fn run_id(simple: &str) -> String {
    simple.parse::<RunId>().map_or_else(|()| simple.to_owned(), |id| id.to_string())
}

/// Shows a run without what it read and wrote.
pub(super) fn run_alone(run: &LineageRun) -> Run<'_> {
    let took = run.started.zip(run.ended).map(|(started, ended)| ended.saturating_sub(started) / 1_000);
    Run {
        id: run_id(&run.run),
        created_at: written(run.first),
        updated_at: written(run.last),
        state: &run.state,
        started_at: run.started.map(written),
        ended_at: run.ended.map(written),
        duration_ms: took,
        job: None,
        args: BTreeMap::new(),
        input_dataset_versions: Vec::new(),
        output_dataset_versions: Vec::new(),
        facets: Facets::new(),
    }
}

pub(super) fn run(shown: &RunShown) -> Run<'_> {
    let datasets = |output: bool| {
        let mut of: Vec<&RunDataset> = shown.datasets.iter().filter(|of| of.output == output).collect();
        of.sort_by_key(|of| id(&of.node));
        of.into_iter().map(version).collect()
    };
    Run {
        input_dataset_versions: datasets(false),
        output_dataset_versions: datasets(true),
        facets: facets(&shown.facets),
        ..run_alone(&shown.run)
    }
}

/// Shows a run with the name of its job, which Marquez tells as a version of it.
pub(super) fn run_of<'a>(job: &'a Node, shown: &'a RunShown) -> Run<'a> {
    Run { job: Some(id(job)), ..run(shown) }
}

/// Is a list of runs.
#[derive(Serialize)]
pub(super) struct Runs<'a> {
    pub(super) runs: Vec<Run<'a>>,
}

/// Is a list of events.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Events {
    pub(super) events: Vec<Raw>,
    pub(super) total_count: i64,
}
