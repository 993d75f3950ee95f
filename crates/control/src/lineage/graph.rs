//! The graph around a node: all that it came of, and all that came of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ::lineage::Wanted;
use store::tracking::View;
use store::tracking::lineage::{LineageRun, Node, NodeKind, ids};

use super::tracked::{TrainedRun, train};
use super::{Answer, NODES_MAX, first_of, no_node, wanted};
use crate::tracking::Tracking;

/// Is what hangs together with a node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Graph {
    /// Its nodes.
    pub nodes: Vec<Node>,
    /// Its edges: what was read, and what came of it.
    pub edges: Vec<(i64, i64)>,
    /// Of each job, what it reads and what it writes, also what is not in the graph.
    pub io: BTreeMap<i64, (Vec<i64>, Vec<i64>)>,
    /// Datasets that its jobs read and write and that are not in it.
    pub beside: Vec<Node>,
    /// Of each job, its latest run.
    pub latest: BTreeMap<i64, LineageRun>,
    /// The runs that are tracked and hang together with its nodes.
    pub trained: Vec<TrainedRun>,
    /// Whether there is more than an answer holds.
    pub is_cut: bool,
}

impl Tracking {
    /// Returns what a dataset or a job came of and what came of it, breadth first both ways, at most [`NODES_MAX`] nodes; of what is tracked,
    /// what it came of.
    ///
    /// - `depth`: how many jobs away; the datasets of the last are in it still.
    ///
    /// # Errors
    ///
    /// An id that is none; a node that is not there.
    pub fn lineage_graph(&self, id: &str, depth: usize) -> Answer<Graph> {
        let wanted = wanted(id)?;
        let steps = depth.saturating_mul(2);
        if let Wanted::Tracked(node) = &wanted {
            return self.lineage_of_tracked(id, node, steps.saturating_add(1));
        }
        self.kept.view(|view| {
            let start = match &wanted {
                Wanted::Tracked(_) => None,
                Wanted::Whole(kind, names) => first_of(view, super::node_kind(*kind), names)?,
                Wanted::Column(columns) => {
                    let names: Vec<_> = columns.iter().map(|(name, _)| name.clone()).collect();
                    first_of(view, NodeKind::Dataset, &names)?
                }
            };
            let start = start.ok_or_else(|| no_node(id))?;
            let is_job = matches!(wanted, Wanted::Whole(::lineage::Kind::Job, _));
            let mut graph = around(view, start, steps.saturating_add(if is_job { 1 } else { 2 }))?;
            train(view, &self.agents_by_version(), &mut graph)?;
            Ok(graph)
        })
    }
}

/// Goes one way from a node, a step at a time.
struct Walk {
    forward: bool,
    seen: BTreeSet<i64>,
    edge: Vec<i64>,
}

impl Walk {
    fn new(start: &BTreeSet<i64>, forward: bool) -> Self {
        Self { forward, seen: start.clone(), edge: start.iter().copied().collect() }
    }

    /// Goes one step, as far as there is room; says whether there was not enough.
    fn step(&mut self, view: &View<'_>, found: &mut BTreeSet<i64>) -> Answer<bool> {
        if self.edge.is_empty() {
            return Ok(false);
        }
        let names = view.lineage_other_names(&ids(self.edge.iter().copied()))?;
        let next = view.lineage_step(&ids(names), self.forward, NODES_MAX + 1)?;
        let mut is_cut = next.len() > NODES_MAX;
        self.edge.clear();
        for node in next {
            if !self.seen.insert(node) {
                continue;
            }
            if found.len() < NODES_MAX || found.contains(&node) {
                found.insert(node);
                self.edge.push(node);
            } else {
                is_cut = true;
            }
        }
        Ok(is_cut)
    }
}

fn around(view: &View<'_>, start: i64, steps: usize) -> Answer<Graph> {
    let mut found = BTreeSet::from([start]);
    let mut walks = [Walk::new(&found, false), Walk::new(&found, true)];
    let mut is_cut = false;
    for _ in 0..steps {
        for walk in &mut walks {
            is_cut |= walk.step(view, &mut found)?;
        }
        if walks.iter().all(|walk| walk.edge.is_empty()) {
            break;
        }
    }
    Ok(Graph { is_cut, ..drawn(view, &found)? })
}

/// Returns nodes and what they came of.
pub(super) fn walked_back(view: &View<'_>, start: &BTreeSet<i64>, steps: usize) -> Answer<Graph> {
    let (mut found, mut walk, mut is_cut) = (start.clone(), Walk::new(start, false), false);
    for _ in 0..steps {
        is_cut |= walk.step(view, &mut found)?;
    }
    Ok(Graph { is_cut, ..drawn(view, &found)? })
}

/// Says as which node each of many names is shown.
pub(super) type Names = HashMap<i64, i64>;

/// Puts together what is shown of nodes.
fn drawn(view: &View<'_>, found: &BTreeSet<i64>) -> Answer<Graph> {
    let list = ids(found.iter().copied());
    let besides = view.lineage_names_besides(&list)?;
    let names: Names = found.iter().map(|node| (*node, *node)).chain(besides).collect();
    let edges = edges_among(view, &names)?;
    let nodes = view.lineage_nodes(&list)?;
    let jobs = nodes.iter().filter(|node| node.kind == NodeKind::Job).map(|node| node.id);
    let jobs: BTreeSet<i64> = jobs.collect();
    let (io, latest) = of_jobs(view, &jobs, &names)?;
    let beside: BTreeSet<i64> = io.values().flat_map(|(read, written)| read.iter().chain(written).copied()).collect();
    let beside = view.lineage_nodes(&ids(beside.difference(found).copied()))?;
    Ok(Graph { nodes, edges, io, beside, latest, ..Graph::default() })
}

/// Returns the edges between nodes, by what these are shown as.
fn edges_among(view: &View<'_>, names: &Names) -> Answer<Vec<(i64, i64)>> {
    let mut edges = Vec::new();
    view.lineage_edges_from(&ids(names.keys().copied()), |origin, target| {
        if let (Some(origin), Some(target)) = (names.get(&origin), names.get(&target)) {
            edges.push((*origin, *target));
        }
    })?;
    // An edge between two names of one dataset is none.
    edges.retain(|(origin, target)| origin != target);
    edges.sort_unstable();
    edges.dedup();
    Ok(edges)
}

type OfJobs = (BTreeMap<i64, (Vec<i64>, Vec<i64>)>, BTreeMap<i64, LineageRun>);

/// Returns of jobs what they read and write, and their latest runs.
///
/// - `names`: what is known already of names.
pub(super) fn of_jobs(view: &View<'_>, jobs: &BTreeSet<i64>, names: &Names) -> Answer<OfJobs> {
    let list = ids(jobs.iter().copied());
    let told = view.lineage_io_of_jobs(&list)?;
    let ends = told.iter().flat_map(|(origin, target)| [*origin, *target]);
    let unknown: BTreeSet<i64> = ends.filter(|node| !names.contains_key(node)).collect();
    let others: Names = view.lineage_shown_otherwise(&ids(unknown))?.into_iter().collect();
    let shown = |node: i64| names.get(&node).or_else(|| others.get(&node)).copied().unwrap_or(node);
    let mut io: BTreeMap<i64, (Vec<i64>, Vec<i64>)> = BTreeMap::new();
    for (origin, target) in told {
        if jobs.contains(&target) {
            io.entry(target).or_default().0.push(shown(origin));
        } else {
            io.entry(origin).or_default().1.push(shown(target));
        }
    }
    for list in io.values_mut().flat_map(|(read, written)| [read, written]) {
        // A dataset that was told by two of its names is one.
        list.sort_unstable();
        list.dedup();
    }
    let latest = view.latest_lineage_runs(&list)?.into_iter().map(|run| (run.job, run));
    Ok((io, latest.collect()))
}
