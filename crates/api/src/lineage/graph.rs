//! Graphs as Marquez's clients read them: nodes, each with the edges that lead to it and from it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use control::lineage::kept::{ColumnEdge, Node, NodeKind};
use control::lineage::{ColumnGraph, Graph, LineageKind, NodeId, TrainedRun};
use serde::Serialize;
use serde_json::{Value, json};

use super::shown::{self, DatasetData, JobData};

/// Is a graph.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    graph: Vec<GraphNode<'a>>,
    /// Whether there is more than an answer holds, which Marquez does not tell.
    truncated: bool,
}

/// Is one node.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GraphNode<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    data: Data<'a>,
    in_edges: Vec<Edge>,
    out_edges: Vec<Edge>,
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
#[derive(Serialize, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    origin: String,
    destination: String,
}

/// Collects edges at both of their ends.
#[derive(Default)]
struct Edges {
    into: HashMap<String, BTreeSet<Edge>>,
    from: HashMap<String, BTreeSet<Edge>>,
}

impl Edges {
    fn add(&mut self, origin: &str, destination: &str) {
        let edge = Edge { origin: origin.to_owned(), destination: destination.to_owned() };
        self.into.entry(destination.to_owned()).or_default().insert(edge.clone());
        self.from.entry(origin.to_owned()).or_default().insert(edge);
    }

    fn node<'a>(&mut self, id: String, kind: &'static str, data: Data<'a>) -> GraphNode<'a> {
        let list = |edges: Option<BTreeSet<Edge>>| edges.unwrap_or_default().into_iter().collect();
        let (in_edges, out_edges) = (list(self.into.remove(&id)), list(self.from.remove(&id)));
        GraphNode { id, kind, data, in_edges, out_edges }
    }
}

fn node_id(node: &Node) -> String {
    let kind = if node.kind == NodeKind::Job { LineageKind::Job } else { LineageKind::Dataset };
    NodeId::Whole(kind, &node.namespace, &node.name).to_string()
}

fn run_node(run: &TrainedRun) -> String {
    format!("run:{}", shown::run_id(&run.run))
}

/// Shows the graph of datasets and jobs, and of the runs and models that follow.
pub(super) fn whole(graph: &Graph) -> Shown<'_> {
    let known: HashMap<i64, &Node> = graph.nodes.iter().chain(&graph.beside).map(|node| (node.id, node)).collect();
    let ids: HashMap<i64, String> = graph.nodes.iter().map(|node| (node.id, node_id(node))).collect();
    let mut edges = Edges::default();
    for (origin, target) in &graph.edges {
        if let (Some(origin), Some(target)) = (ids.get(origin), ids.get(target)) {
            edges.add(origin, target);
        }
    }
    let models = trained_edges(graph, &ids, &mut edges);
    let mut nodes: Vec<GraphNode<'_>> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let (kind, data) = match node.kind {
            NodeKind::Dataset => ("DATASET", Data::Dataset(shown::dataset_data(node))),
            NodeKind::Job => ("JOB", Data::Job(Box::new(job(graph, node, &known)))),
        };
        nodes.push(edges.node(node_id(node), kind, data));
    }
    for run in &graph.trained {
        let data = json!({
            "id": run.run, "name": run.name, "status": run.status, "experimentId": run.experiment.to_string(),
        });
        nodes.push(edges.node(run_node(run), "RUN", Data::Trained(data)));
    }
    for model in models {
        nodes.push(edges.node(format!("model:{model}"), "MODEL", Data::Trained(json!({ "id": model }))));
    }
    nodes.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    Shown { graph: nodes, truncated: graph.is_cut }
}

/// Adds the edges to runs that are tracked and on to their models, which are returned.
fn trained_edges<'a>(graph: &'a Graph, ids: &HashMap<i64, String>, edges: &mut Edges) -> BTreeSet<&'a str> {
    let mut models = BTreeSet::new();
    for run in &graph.trained {
        let id = run_node(run);
        run.from.iter().filter_map(|node| ids.get(node)).for_each(|origin| edges.add(origin, &id));
        for model in &run.models {
            edges.add(&id, &format!("model:{model}"));
            models.insert(model.as_str());
        }
    }
    models
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
pub(super) fn columns(graph: &ColumnGraph) -> Shown<'_> {
    let mut into: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut from: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for ((dataset, column), node) in &graph.columns {
        let Some(id) = column_id(graph, *dataset, column) else { continue };
        for edge in &node.inputs {
            let is_shown = graph.columns.contains_key(&(edge.origin, edge.origin_field.clone()));
            if let Some(origin) = column_id(graph, edge.origin, &edge.origin_field).filter(|_| is_shown) {
                into.entry(id.clone()).or_default().insert(origin.clone());
                from.entry(origin).or_default().insert(id.clone());
            }
        }
    }
    let mut nodes = Vec::new();
    for ((dataset, column), node) in &graph.columns {
        let (Some(id), Some(of)) = (column_id(graph, *dataset, column), graph.datasets.get(dataset)) else { continue };
        let mut inputs: Vec<Input<'_>> = node.inputs.iter().filter_map(|edge| input(graph, edge)).collect();
        inputs.sort_by(|one, other| one.place().cmp(&other.place()));
        // The same may be told of one column and of all.
        inputs.dedup_by(|one, other| one.place() == other.place() && one.transformations == other.transformations);
        let data = Column {
            namespace: &of.namespace,
            dataset: &of.name,
            dataset_version: None,
            field: column,
            field_type: node.kind.as_deref(),
            transformation_description: inputs.first().and_then(|input| input.transformation_description.clone()),
            transformation_type: inputs.first().and_then(|input| input.transformation_type.clone()),
            input_fields: inputs,
        };
        let list = |ends: Option<BTreeSet<String>>| -> Vec<Edge> {
            ends.into_iter().flatten().map(|destination| Edge { origin: id.clone(), destination }).collect()
        };
        let (in_edges, out_edges) = (list(into.remove(&id)), list(from.remove(&id)));
        nodes.push(GraphNode { kind: "DATASET_FIELD", data: Data::Column(data), in_edges, out_edges, id });
    }
    nodes.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    Shown { graph: nodes, truncated: graph.is_cut }
}

fn column_id(graph: &ColumnGraph, dataset: i64, column: &str) -> Option<String> {
    let of = graph.datasets.get(&dataset)?;
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
