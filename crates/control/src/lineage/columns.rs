//! The graph of columns: what each came of, and, where that is asked for, what came of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ::lineage::Wanted;
use serde_json::Value;
use store::tracking::View;
use store::tracking::lineage::{ColumnEdge, Node, NodeKind, ids};

use super::{Answer, NODES_MAX, first_of, graph, no_node, wanted};
use crate::tracking::Tracking;

/// Is a column: its dataset, and its name.
type At = (i64, String);

/// Is what hangs together with columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnGraph {
    /// The columns, by dataset and name.
    pub columns: BTreeMap<(i64, String), ColumnNode>,
    /// The datasets that they, and what they came of, belong to.
    pub datasets: BTreeMap<i64, Node>,
    /// Whether there is more than an answer holds.
    pub is_cut: bool,
}

/// Is a column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnNode {
    /// Its type, if the dataset's columns were told.
    pub kind: Option<String>,
    /// What it came of, also what is not in the graph.
    pub inputs: Vec<ColumnEdge>,
}

impl Tracking {
    /// Returns what the columns of a dataset or of what a job writes, or one column, came of, at most [`NODES_MAX`] columns.
    ///
    /// - `depth`: how many steps away.
    /// - `downstream`: also what came of them.
    ///
    /// # Errors
    ///
    /// An id that is none; a node that is not there.
    pub fn lineage_columns(&self, id: &str, depth: usize, downstream: bool) -> Answer<ColumnGraph> {
        let wanted = wanted(id)?;
        self.kept.view(|view| {
            let starts = starts(view, id, &wanted)?;
            let mut graph = ColumnGraph::default();
            walk(view, &starts, depth, false, &mut graph)?;
            if downstream {
                walk(view, &starts, depth, true, &mut graph)?;
            }
            fill(view, &mut graph)?;
            Ok(graph)
        })
    }
}

fn starts(view: &View<'_>, id: &str, wanted: &Wanted) -> Answer<Vec<At>> {
    match wanted {
        Wanted::Column(readings) => {
            for (name, column) in readings {
                if let Some(node) = first_of(view, NodeKind::Dataset, std::slice::from_ref(name))?
                    && columns_of(view, node)?.contains(column)
                {
                    return Ok(vec![(node, column.clone())]);
                }
            }
            Err(no_node(id))
        }
        // What is tracked has no columns.
        Wanted::Tracked(_) => Err(no_node(id)),
        Wanted::Whole(kind, names) => {
            let kind = super::node_kind(*kind);
            let node = first_of(view, kind, names)?.ok_or_else(|| no_node(id))?;
            let datasets = match kind {
                NodeKind::Dataset => vec![node],
                NodeKind::Job => {
                    let (io, _) = graph::of_jobs(view, &BTreeSet::from([node]), &graph::Names::new())?;
                    io.into_values().flat_map(|(_, written)| written).collect()
                }
            };
            let mut starts = Vec::new();
            for dataset in datasets {
                starts.extend(columns_of(view, dataset)?.into_iter().map(|column| (dataset, column)));
            }
            Ok(starts)
        }
    }
}

/// Returns the columns of a dataset that are known: those of its schema, and those that are told to have come of something, or something of them.
fn columns_of(view: &View<'_>, dataset: i64) -> Answer<BTreeSet<String>> {
    let told = view.lineage_columns_told(&names_of(view, dataset)?)?;
    let nodes = view.lineage_nodes(&ids([dataset]))?;
    let of_schema = nodes.iter().flat_map(|node| kinds(node).into_keys());
    Ok(of_schema.chain(told).collect())
}

fn names_of(view: &View<'_>, dataset: i64) -> Answer<String> {
    Ok(ids(view.lineage_other_names(&ids([dataset]))?))
}

/// Returns the types of a dataset's columns.
fn kinds(node: &Node) -> BTreeMap<String, Option<String>> {
    let fields: Option<Value> = node.fields.as_deref().and_then(|fields| serde_json::from_str(fields).ok());
    let fields = fields.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |field: &Value, name: &str| field.get(name).and_then(Value::as_str).map(str::to_owned);
    fields.iter().filter_map(|field| Some((text(field, "name")?, text(field, "type")))).collect()
}

fn walk(view: &View<'_>, starts: &[At], depth: usize, forward: bool, graph: &mut ColumnGraph) -> Answer<()> {
    let mut ahead: VecDeque<(At, usize)> = starts.iter().cloned().map(|at| (at, 0)).collect();
    let mut seen: BTreeSet<At> = starts.iter().cloned().collect();
    while let Some((at, steps)) = ahead.pop_front() {
        if graph.columns.len() >= NODES_MAX && !graph.columns.contains_key(&at) {
            graph.is_cut = true;
            return Ok(());
        }
        graph.columns.entry(at.clone()).or_default();
        if steps == depth {
            continue;
        }
        for next in next_to(view, &at, forward)? {
            if seen.insert(next.clone()) {
                ahead.push_back((next, steps + 1));
            }
        }
    }
    Ok(())
}

fn next_to(view: &View<'_>, (dataset, column): &At, forward: bool) -> Answer<Vec<At>> {
    let names = names_of(view, *dataset)?;
    if !forward {
        let inputs = view.lineage_column_inputs(&names, column, NODES_MAX)?;
        return Ok(inputs.into_iter().map(|edge| (edge.origin, edge.origin_field)).collect());
    }
    let mut next = Vec::new();
    for edge in view.lineage_column_outputs(&names, column, NODES_MAX)? {
        match edge.target_field {
            Some(field) => next.push((edge.target, field)),
            // All columns of the dataset depend on it.
            None => next.extend(columns_of(view, edge.target)?.into_iter().map(|field| (edge.target, field))),
        }
    }
    Ok(next)
}

/// Puts in what is shown of each column.
fn fill(view: &View<'_>, graph: &mut ColumnGraph) -> Answer<()> {
    for ((dataset, column), node) in &mut graph.columns {
        node.inputs = view.lineage_column_inputs(&names_of(view, *dataset)?, column, NODES_MAX)?;
    }
    let own = graph.columns.keys().map(|(dataset, _)| *dataset);
    let inputs = graph.columns.values().flat_map(|node| node.inputs.iter().map(|edge| edge.origin));
    let datasets: BTreeSet<i64> = own.chain(inputs).collect();
    let datasets = view.lineage_nodes(&ids(datasets))?;
    let kinds: BTreeMap<i64, _> = datasets.iter().map(|node| (node.id, kinds(node))).collect();
    for ((dataset, column), node) in &mut graph.columns {
        node.kind = kinds.get(dataset).and_then(|kinds| kinds.get(column)).cloned().flatten();
    }
    graph.datasets = datasets.into_iter().map(|node| (node.id, node)).collect();
    Ok(())
}
