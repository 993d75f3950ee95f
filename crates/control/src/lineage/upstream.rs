//! What a tracked run came of: the jobs and the datasets before it, with how they changed.

use std::collections::BTreeSet;

use store::tracking::lineage::{Node, NodeKind, ids};
use store::tracking::{Run, TrackingError, View};

use super::{PreprocessingChange, SchemaChange, changes};

/// Is how many jobs and datasets are looked at at most.
pub const UPSTREAM_MAX: usize = 1_000;

/// Is what a run came of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Upstream {
    /// The datasets, each with how its columns changed.
    pub datasets: Vec<(Node, Vec<SchemaChange>)>,
    /// The jobs, each with how its source changed.
    pub jobs: Vec<(Node, Vec<PreprocessingChange>)>,
    /// Whether there is more than is looked at.
    pub is_cut: bool,
}

impl Upstream {
    /// Returns the changes of sources that nobody documented, up to an instant and after another, both in milliseconds since the epoch.
    pub fn undocumented(&self, after: i64, until: i64) -> impl Iterator<Item = (&Node, &PreprocessingChange)> {
        let is_between = move |at: i64| after.saturating_mul(1_000) < at && at <= until.saturating_mul(1_000);
        let all = self.jobs.iter().flat_map(|(job, changes)| changes.iter().map(move |change| (job, change)));
        all.filter(move |(_, change)| change.documented.is_none() && is_between(change.at))
    }
}

/// Returns what a run came of.
///
/// # Errors
///
/// What the file says.
pub(crate) fn upstream(view: &View<'_>, run: &Run) -> Result<Upstream, TrackingError> {
    let mut step: BTreeSet<i64> = view.lineage_of_run(&run.id, run.seq)?.into_iter().collect();
    step.extend(view.lineage_of_features(run.seq)?);
    let (mut seen, mut is_cut) = (step.clone(), false);
    while !step.is_empty() {
        let names = view.lineage_other_names(&ids(step.iter().copied()))?;
        let next = view.lineage_step(&ids(names), false, UPSTREAM_MAX + 1)?;
        step = next.into_iter().filter(|node| !seen.contains(node)).collect();
        if seen.len().saturating_add(step.len()) > UPSTREAM_MAX {
            is_cut = true;
            break;
        }
        seen.extend(&step);
    }
    let mut upstream = Upstream { is_cut, ..Upstream::default() };
    for node in view.lineage_nodes(&ids(seen))? {
        match node.kind {
            NodeKind::Dataset => {
                let changes = changes::of_schema(view, node.id)?;
                upstream.datasets.push((node, changes));
            }
            NodeKind::Job => {
                let changes = changes::of_source(view, node.id)?;
                upstream.jobs.push((node, changes));
            }
        }
    }
    Ok(upstream)
}
