//! What is told of namespaces, datasets, jobs, runs and events, each by its name.

use std::collections::BTreeSet;

use ::lineage::{Name, RunId};
use store::tracking::View;
use store::tracking::lineage::{EventSpan, LineageEvent, LineageRun, Node, NodeKind, Owner, ids};
use types::Code;

use super::{Answer, PreprocessingChange, SchemaChange, changes, graph, node};
use crate::door::Refusal;
use crate::tracking::Tracking;

/// Is how many runs are told with a job.
const RUNS_SHOWN: u32 = 10;

/// Is which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many at most.
    pub limit: u32,
    /// How many are passed over.
    pub offset: u32,
}

/// Is a dataset with all that holds of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetShown {
    /// The dataset.
    pub node: Node,
    /// Its facets by name, each with its JSON.
    pub facets: Vec<(String, String)>,
    /// How its columns changed.
    pub changes: Vec<SchemaChange>,
}

/// Is a job with all that holds of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobShown {
    /// The job.
    pub node: Node,
    /// Its facets by name, each with its JSON.
    pub facets: Vec<(String, String)>,
    /// The datasets that it reads.
    pub inputs: Vec<Node>,
    /// The datasets that it writes.
    pub outputs: Vec<Node>,
    /// Its latest runs, the last first.
    pub runs: Vec<RunShown>,
    /// How its source changed.
    pub changes: Vec<PreprocessingChange>,
}

/// Is a run with all that holds of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunShown {
    /// The run.
    pub run: LineageRun,
    /// Its facets by name, each with its JSON.
    pub facets: Vec<(String, String)>,
    /// What it read and wrote.
    pub datasets: Vec<RunDataset>,
}

/// Is a dataset that a run read or wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDataset {
    /// The dataset.
    pub node: Node,
    /// Whether it was written.
    pub output: bool,
    /// Its version at that time, if somebody said.
    pub version: Option<String>,
    /// What was said of it in that role, by name, each with its JSON.
    pub facets: Vec<(String, String)>,
}

/// Are events with how many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsShown {
    /// The events.
    pub events: Vec<LineageEvent>,
    /// How many there are in the whole span.
    pub total: i64,
}

impl Tracking {
    /// Returns the namespaces by name, each with the time of the first and of the last event that tells of something in it.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_namespaces(&self, page: Page) -> Answer<Vec<(String, i64, i64)>> {
        self.kept.view(|view| Ok(view.lineage_namespaces(page.limit, page.offset)?))
    }

    /// Returns datasets of a namespace by name, and how many there are.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_datasets(&self, namespace: &str, page: Page) -> Answer<(Vec<DatasetShown>, i64)> {
        self.kept.view(|view| {
            let nodes = view.lineage_nodes_in(NodeKind::Dataset, namespace, page.limit, page.offset)?;
            let datasets = nodes.into_iter().map(|node| dataset(view, node)).collect::<Answer<_>>()?;
            Ok((datasets, view.lineage_count_in(NodeKind::Dataset, namespace)?))
        })
    }

    /// Returns jobs of a namespace by name, and how many there are.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_jobs(&self, namespace: &str, page: Page) -> Answer<(Vec<JobShown>, i64)> {
        self.kept.view(|view| {
            let nodes = view.lineage_nodes_in(NodeKind::Job, namespace, page.limit, page.offset)?;
            let jobs = nodes.into_iter().map(|node| job(view, node, 1)).collect::<Answer<_>>()?;
            Ok((jobs, view.lineage_count_in(NodeKind::Job, namespace)?))
        })
    }

    /// Returns a dataset, by any of its names.
    ///
    /// # Errors
    ///
    /// One that is not there.
    pub fn lineage_dataset(&self, name: &Name) -> Answer<DatasetShown> {
        self.kept.view(|view| dataset(view, whole(view, NodeKind::Dataset, name)?))
    }

    /// Returns a job with its latest runs.
    ///
    /// # Errors
    ///
    /// One that is not there.
    pub fn lineage_job(&self, name: &Name) -> Answer<JobShown> {
        self.kept.view(|view| job(view, whole(view, NodeKind::Job, name)?, RUNS_SHOWN))
    }

    /// Returns runs of a job, the latest first.
    ///
    /// # Errors
    ///
    /// A job that is not there.
    pub fn lineage_runs(&self, name: &Name, page: Page) -> Answer<(Node, Vec<RunShown>)> {
        self.kept.view(|view| {
            let node = whole(view, NodeKind::Job, name)?;
            let runs = view.lineage_runs(node.id, page.limit, page.offset)?;
            Ok((node, runs.into_iter().map(|one| run(view, one)).collect::<Answer<_>>()?))
        })
    }

    /// Returns a run with its job.
    ///
    /// # Errors
    ///
    /// One that is not there.
    pub fn lineage_run(&self, id: &str) -> Answer<(Node, RunShown)> {
        let absent = || Refusal::plain(Code::NotFound, format!("there is no run `{id}`"));
        let id: RunId = id.parse().map_err(|()| absent())?;
        self.kept.view(|view| {
            let shown = run(view, view.lineage_run(&id.simple())?.ok_or_else(absent)?)?;
            let nodes = view.lineage_nodes(&ids([shown.run.job]))?;
            Ok((nodes.into_iter().next().ok_or_else(absent)?, shown))
        })
    }

    /// Returns events by their time.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_events(&self, span: EventSpan) -> Answer<EventsShown> {
        self.kept
            .view(|view| Ok(EventsShown { events: view.lineage_events(span)?, total: view.lineage_event_count(span)? }))
    }
}

fn whole(view: &View<'_>, kind: NodeKind, name: &Name) -> Answer<Node> {
    let id = node(view, kind, name)?;
    let gone = || Refusal::plain(Code::NotFound, format!("there is no `{}`", name.name));
    view.lineage_nodes(&ids([id]))?.into_iter().next().ok_or_else(gone)
}

fn dataset(view: &View<'_>, node: Node) -> Answer<DatasetShown> {
    Ok(DatasetShown {
        facets: view.lineage_facets(Owner::Node(node.id))?,
        changes: changes::of_schema(view, node.id)?,
        node,
    })
}

fn job(view: &View<'_>, node: Node, runs: u32) -> Answer<JobShown> {
    let (io, _) = graph::of_jobs(view, &BTreeSet::from([node.id]), &graph::Names::new())?;
    let (inputs, outputs) = io.into_values().next().unwrap_or_default();
    let runs = view.lineage_runs(node.id, runs, 0)?;
    Ok(JobShown {
        facets: view.lineage_facets(Owner::Node(node.id))?,
        inputs: view.lineage_nodes(&ids(inputs))?,
        outputs: view.lineage_nodes(&ids(outputs))?,
        runs: runs.into_iter().map(|one| run(view, one)).collect::<Answer<_>>()?,
        changes: changes::of_source(view, node.id)?,
        node,
    })
}

fn run(view: &View<'_>, run: LineageRun) -> Answer<RunShown> {
    let mut datasets = Vec::new();
    for io in view.lineage_io(run.id)? {
        let facets = view.lineage_facets(Owner::Io(io.id))?;
        for node in view.lineage_nodes(&ids([io.dataset]))? {
            let (output, version, facets) = (io.output, io.version.clone(), facets.clone());
            datasets.push(RunDataset { node, output, version, facets });
        }
    }
    Ok(RunShown { facets: view.lineage_facets(Owner::Run(run.id))?, datasets, run })
}
