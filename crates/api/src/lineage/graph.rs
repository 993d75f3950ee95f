//! Graphs as Marquez's clients read them: nodes, each with the edges that lead to it and from it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use control::lineage::kept::{ColumnEdge, Node, NodeKind};
use control::lineage::{ColumnGraph, Graph, LineageKind, NodeId, TrainedRun, TrainedVersion, UsedFeature};
use serde::Serialize;
use serde_json::{Value, json};

use super::shown::{self, DatasetData, JobData};
use super::{Answered, shows};

/// Is a graph.
#[derive(Serialize)]
struct Shown<'a> {
    graph: Vec<GraphNode<'a>>,
    /// Whether there is more than an answer holds, which Marquez does not tell.
    truncated: bool,
}

/// Is one node.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GraphNode<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    data: Data<'a>,
    in_edges: Vec<Edge<'a>>,
    out_edges: Vec<Edge<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Dataset(DatasetData<'a>),
    Job(Box<JobData<'a>>),
    Column(Column<'a>),
    Trained(Value),
}

/// Is one edge.
#[derive(Serialize)]
struct Edge<'a> {
    origin: &'a str,
    destination: &'a str,
}

/// Is what stands behind a node.
#[derive(Clone, Copy)]
enum Of<'a> {
    Node(&'a Node),
    Feature(&'a UsedFeature),
    Run(&'a TrainedRun),
    Model(&'a str),
    Version(&'a TrainedVersion),
    Deployment(&'a TrainedVersion, &'a str),
    Agent(&'a str),
}

impl Of<'_> {
    fn id(&self) -> String {
        match self {
            Self::Node(node) => {
                let kind = if node.kind == NodeKind::Job { LineageKind::Job } else { LineageKind::Dataset };
                NodeId::Whole(kind, &node.namespace, &node.name).to_string()
            }
            Self::Feature(one) => format!("feature:{}@{}", one.name, one.version),
            Self::Run(run) => format!("run:{}", shown::run_id(&run.run)),
            Self::Model(id) => format!("model:{id}"),
            Self::Version(version) => format!("version:{}/{}", version.name, version.number),
            Self::Deployment(version, target) => format!("deployment:{}@{target}", version.name),
            Self::Agent(name) => format!("agent:{name}"),
        }
    }
}

/// Returns what is tracked of a run, each with what it came of.
fn tracked(run: &TrainedRun) -> Vec<(Of<'_>, Option<Of<'_>>)> {
    let mut all = vec![(Of::Run(run), None)];
    all.extend(run.models.iter().map(|model| (Of::Model(model), Some(Of::Run(run)))));
    for version in &run.versions {
        let origin = version.model.as_deref().map_or(Of::Run(run), Of::Model);
        all.push((Of::Version(version), Some(origin)));
        let targets = version.targets.iter();
        all.extend(targets.map(|target| (Of::Deployment(version, target), Some(Of::Version(version)))));
        all.extend(version.agents.iter().map(|agent| (Of::Agent(agent), Some(Of::Version(version)))));
    }
    all
}

/// Are the nodes of a graph in the order of their ids. Edges are told by places among them, so that each id is written once alone.
struct Places<'a> {
    all: Vec<(String, Of<'a>)>,
    nodes: HashMap<i64, usize>,
}

impl<'a> Places<'a> {
    fn of(graph: &'a Graph) -> Self {
        let features = graph.trained.iter().flat_map(|run| &run.features).map(Of::Feature);
        let trained = graph.trained.iter().flat_map(tracked).map(|(of, _)| of);
        let nodes = graph.nodes.iter().map(Of::Node).chain(features).chain(trained);
        let mut all: Vec<(String, Of<'a>)> = nodes.map(|of| (of.id(), of)).collect();
        all.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        // A feature, or a model, may be of several runs; an agent runs a model and a prompt.
        all.dedup_by(|(one, _), (other, _)| one == other);
        let place = |(place, (_, of)): (usize, &(String, Of<'a>))| match of {
            Of::Node(node) => Some((node.id, place)),
            _ => None,
        };
        let nodes = all.iter().enumerate().filter_map(place).collect();
        Self { all, nodes }
    }

    fn place(&self, of: Of<'_>) -> Option<usize> {
        let id = of.id();
        self.all.binary_search_by(|(known, _)| known.as_str().cmp(&id)).ok()
    }

    /// Returns the edges of a graph by the places of their ends, also those to what is tracked.
    fn edges(&self, graph: &Graph) -> Vec<(usize, usize)> {
        let told = graph
            .edges
            .iter()
            .filter_map(|(origin, target)| Some((*self.nodes.get(origin)?, *self.nodes.get(target)?)));
        let mut edges: Vec<(usize, usize)> = told.collect();
        for run in &graph.trained {
            let Some(place) = self.place(Of::Run(run)) else { continue };
            edges.extend(run.from.iter().filter_map(|node| Some((*self.nodes.get(node)?, place))));
            for feature in &run.features {
                let Some(used) = self.place(Of::Feature(feature)) else { continue };
                edges.push((used, place));
                edges.extend(feature.from.iter().filter_map(|node| Some((*self.nodes.get(node)?, used))));
            }
            let made = tracked(run).into_iter();
            edges.extend(made.filter_map(|(of, origin)| Some((self.place(origin?)?, self.place(of)?))));
        }
        edges
    }

    fn id(&self, place: usize) -> &str {
        self.all.get(place).map(|(id, _)| id.as_str()).unwrap_or_default()
    }

    fn edge(&self, origin: usize, destination: usize) -> Edge<'_> {
        Edge { origin: self.id(origin), destination: self.id(destination) }
    }
}

/// Returns what stands beside a place in a sorted list of pairs.
fn beside(pairs: &[(usize, usize)], place: usize) -> impl Iterator<Item = usize> {
    let from = pairs.partition_point(|(one, _)| *one < place);
    let rest = pairs.get(from..).unwrap_or_default();
    rest.iter().take_while(move |(one, _)| *one == place).map(|(_, other)| *other)
}

fn sorted(mut pairs: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// Shows the graph of datasets and jobs, and of what is tracked and follows.
pub(super) fn whole(graph: &Graph) -> Answered {
    let known: HashMap<i64, &Node> = graph.nodes.iter().chain(&graph.beside).map(|node| (node.id, node)).collect();
    let places = Places::of(graph);
    let from = sorted(places.edges(graph));
    let into = sorted(from.iter().map(|(origin, destination)| (*destination, *origin)).collect());
    let mut nodes = Vec::with_capacity(places.all.len());
    for (place, (id, of)) in places.all.iter().enumerate() {
        let (kind, data) = data(graph, *of, &known);
        let in_edges = beside(&into, place).map(|origin| places.edge(origin, place)).collect();
        let out_edges = beside(&from, place).map(|destination| places.edge(place, destination)).collect();
        nodes.push(GraphNode { id, kind, data, in_edges, out_edges });
    }
    shows(&Shown { graph: nodes, truncated: graph.is_cut })
}

fn data<'a>(graph: &'a Graph, of: Of<'a>, known: &HashMap<i64, &'a Node>) -> (&'static str, Data<'a>) {
    match of {
        Of::Node(node) if node.kind == NodeKind::Dataset => ("DATASET", Data::Dataset(shown::dataset_data(node))),
        Of::Node(node) => ("JOB", Data::Job(Box::new(job(graph, node, known)))),
        Of::Run(run) => {
            let data = json!({
                "id": run.run, "name": run.name, "status": run.status, "experimentId": run.experiment.to_string(),
            });
            ("RUN", Data::Trained(data))
        }
        Of::Feature(one) => ("FEATURE", Data::Trained(json!({ "name": one.name, "version": one.version }))),
        Of::Model(model) => ("MODEL", Data::Trained(json!({ "id": model }))),
        Of::Version(version) => {
            let TrainedVersion { name, number, stage, .. } = version;
            ("VERSION", Data::Trained(json!({ "name": name, "version": number.to_string(), "stage": stage })))
        }
        Of::Deployment(version, target) => {
            let data = json!({ "name": version.name, "target": target, "version": version.number.to_string() });
            ("DEPLOYMENT", Data::Trained(data))
        }
        Of::Agent(name) => ("AGENT", Data::Trained(json!({ "name": name }))),
    }
}

fn job<'a>(graph: &'a Graph, node: &'a Node, known: &HashMap<i64, &'a Node>) -> JobData<'a> {
    let named = |ids: &[i64]| shown::ids(ids.iter().filter_map(|id| known.get(id).copied()));
    let (read, written) = graph.io.get(&node.id).map_or((&[][..], &[][..]), |(read, written)| (read, written));
    let latest = graph.latest.get(&node.id).map(shown::run_alone);
    shown::job_data(node, named(read), named(written), latest)
}

/// Is a column.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Column<'a> {
    namespace: &'a str,
    dataset: &'a str,
    dataset_version: Option<&'a str>,
    field: &'a str,
    field_type: Option<&'a str>,
    transformation_description: Option<String>,
    transformation_type: Option<String>,
    input_fields: Vec<Input<'a>>,
}

/// Is what a column came of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Input<'a> {
    namespace: &'a str,
    dataset: &'a str,
    dataset_version: Option<&'a str>,
    field: &'a str,
    transformation_description: Option<String>,
    transformation_type: Option<String>,
    /// All transformations, of which Marquez tells the first.
    transformations: Value,
}

impl Input<'_> {
    fn place(&self) -> (&str, &str, &str) {
        (self.namespace, self.dataset, self.field)
    }
}

/// Shows the graph of columns. As in Marquez's answers, each edge begins at the node that it stands at: what leads to a column has the column
/// as its origin too.
pub(super) fn columns(graph: &ColumnGraph) -> Answered {
    let written = graph.columns.keys().filter_map(|at| Some((at, column_id(graph, at)?)));
    let ids: BTreeMap<&(i64, String), String> = written.collect();
    let mut into: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut from: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (at, node) in &graph.columns {
        let Some(id) = ids.get(at) else { continue };
        for edge in &node.inputs {
            if let Some(origin) = ids.get(&(edge.origin, edge.origin_field.clone())) {
                into.entry(id).or_default().insert(origin);
                from.entry(origin).or_default().insert(id);
            }
        }
    }
    let mut nodes = Vec::new();
    for (at, node) in &graph.columns {
        let (Some(id), Some(of)) = (ids.get(at), graph.datasets.get(&at.0)) else { continue };
        let mut inputs: Vec<Input<'_>> = node.inputs.iter().filter_map(|edge| input(graph, edge)).collect();
        inputs.sort_by(|one, other| one.place().cmp(&other.place()));
        // The same may be told of one column and of all.
        inputs.dedup_by(|one, other| one.place() == other.place() && one.transformations == other.transformations);
        let data = Column {
            namespace: &of.namespace,
            dataset: &of.name,
            dataset_version: None,
            field: &at.1,
            field_type: node.kind.as_deref(),
            transformation_description: inputs.first().and_then(|input| input.transformation_description.clone()),
            transformation_type: inputs.first().and_then(|input| input.transformation_type.clone()),
            input_fields: inputs,
        };
        let (in_edges, out_edges) = (to(id, into.remove(id.as_str())), to(id, from.remove(id.as_str())));
        nodes.push(GraphNode { kind: "DATASET_FIELD", data: Data::Column(data), in_edges, out_edges, id });
    }
    nodes.sort_unstable_by(|one, other| one.id.cmp(other.id));
    shows(&Shown { graph: nodes, truncated: graph.is_cut })
}

fn to<'a>(origin: &'a str, ends: Option<BTreeSet<&'a str>>) -> Vec<Edge<'a>> {
    ends.into_iter().flatten().map(|destination| Edge { origin, destination }).collect()
}

fn column_id(graph: &ColumnGraph, (dataset, column): &(i64, String)) -> Option<String> {
    let of = graph.datasets.get(dataset)?;
    Some(NodeId::Column(&of.namespace, &of.name, column).to_string())
}

fn input<'a>(graph: &'a ColumnGraph, edge: &'a ColumnEdge) -> Option<Input<'a>> {
    let of = graph.datasets.get(&edge.origin)?;
    let transformations: Value = serde_json::from_str(&edge.told).unwrap_or_default();
    let first = |name: &str| transformations.get(0)?.get(name)?.as_str().map(str::to_owned);
    Some(Input {
        namespace: &of.namespace,
        dataset: &of.name,
        dataset_version: None,
        field: &edge.origin_field,
        transformation_description: first("description"),
        transformation_type: first("subtype").or_else(|| first("type")),
        transformations,
    })
}
