//! Lineage: what OpenLineage's clients say of runs, jobs, datasets and columns, and the graph that follows.
//!
//! Events are kept beside the journal, with what is tracked of training, and are joined with it: a run's id is the same 128 bits in both,
//! and a dataset is the same by its name and version. An event is known by its text, so one that is sent again changes nothing. Every
//! method here waits for the disk: call it where that is allowed.

mod apply;
mod changes;
mod columns;
mod graph;
mod shown;
mod tracked;
mod upstream;

use ::lineage::{Event, Kind, Name, Wanted};
use store::tracking::lineage::{LineageEvent, NodeKind};
use store::tracking::{Change, TrackingError, View};
use types::{Code, Digest};

use crate::door::Refusal;
use crate::tracking::Tracking;

pub use ::lineage::{Kind as LineageKind, Name as LineageName, NodeId, RunId, instant, written};
pub use changes::{PreprocessingChange, SchemaChange};
pub use columns::{ColumnGraph, ColumnNode};
pub use graph::Graph;
pub use shown::{DatasetShown, EventsShown, JobShown, Page, RunDataset, RunShown};
pub use store::tracking::lineage as kept;
pub use tracked::{TrainedRun, TrainedVersion, UsedFeature};
pub(crate) use upstream::upstream;
pub use upstream::{UPSTREAM_MAX, Upstream};

/// Is how many nodes one answer has at most.
pub const NODES_MAX: usize = 5_000;

/// Is how many events one batch has at most.
pub const BATCH_MAX: usize = 10_000;

/// Is what a use case answers.
pub type Answer<T> = Result<T, Refusal>;

/// Says what became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is kept.
    New,
    /// It was kept before, and nothing has changed.
    Again,
}

impl From<TrackingError> for Refusal {
    fn from(error: TrackingError) -> Self {
        Self::plain(error.code(), error.to_string())
    }
}

/// Is an event that was read, with what it is known by.
struct Read {
    event: Event,
    body: String,
    digest: Digest,
}

fn read(json: &str) -> Answer<Read> {
    let event = ::lineage::event(json).map_err(refused)?;
    let body = ::lineage::compact(json);
    let digest = Digest::of("countersign/lineage-event/1", body.as_bytes());
    Ok(Read { event, body, digest })
}

fn refused(refusal: ::lineage::Refusal) -> Refusal {
    Refusal::plain(refusal.code(), refusal.to_string())
}

fn keep(change: &Change<'_>, read: Read) -> Answer<Taken> {
    let Read { event, body, digest } = read;
    if !change.add_lineage_event(&digest.0, &LineageEvent { at: event.at, body })? {
        return Ok(Taken::Again);
    }
    apply::apply(change, &event)?;
    Ok(Taken::New)
}

impl Tracking {
    /// Takes one event.
    ///
    /// # Errors
    ///
    /// An event that cannot be read, with its place; a disk that is full.
    pub fn take_lineage(&self, json: &str) -> Answer<Taken> {
        let read = read(json)?;
        self.kept.change(move |change| keep(change, read))
    }

    /// Takes a list of events, and says of each what became of it. Those that cannot be read leave the others as they are.
    ///
    /// # Errors
    ///
    /// A text that is no list, or too long a one; a disk that is full, and then none is kept.
    pub fn take_lineage_batch(&self, json: &str) -> Answer<Vec<Answer<Taken>>> {
        let events = ::lineage::batch(json).map_err(refused)?;
        if events.len() > BATCH_MAX {
            let message = format!("a batch of {} events; at most {BATCH_MAX} are taken at once", events.len());
            return Err(Refusal::plain(Code::PayloadTooLarge, message));
        }
        let events: Vec<Answer<Read>> = events.into_iter().map(read).collect();
        self.kept.change(move |change| {
            let keep = |event: Answer<Read>| match event {
                Ok(read) => keep(change, read).map(Ok),
                Err(refusal) => Ok(Err(refusal)),
            };
            events.into_iter().map(keep).collect()
        })
    }
}

fn node_kind(kind: Kind) -> NodeKind {
    match kind {
        Kind::Dataset => NodeKind::Dataset,
        Kind::Job => NodeKind::Job,
    }
}

/// Returns the node of a name.
fn node(view: &View<'_>, kind: NodeKind, name: &Name) -> Answer<i64> {
    let what = if kind == NodeKind::Job { "job" } else { "dataset" };
    let absent = || {
        let message = format!("there is no {what} `{}` in the namespace `{}`", name.name, name.namespace);
        Refusal::plain(Code::NotFound, message)
    };
    view.lineage_node_id(kind, &name.namespace, &name.name)?.ok_or_else(absent)
}

/// Reads the id of a node.
fn wanted(id: &str) -> Answer<Wanted> {
    let message = "`nodeId` is none: `dataset:NAMESPACE:NAME`, `job:NAMESPACE:NAME`, `datasetField:NAMESPACE:NAME:COLUMN`, \
                   `run:ID`, `model:ID`, `version:NAME/NUMBER` and `deployment:NAME@TARGET` are";
    let is_short = id.len() <= 4 * ::lineage::NAME_BYTES_MAX;
    Wanted::read(id).filter(|_| is_short).ok_or_else(|| Refusal::plain(Code::LineageNodeInvalid, message))
}

fn no_node(id: &str) -> Refusal {
    Refusal::plain(Code::NotFound, format!("there is no node `{id}`"))
}

/// Returns the first of several readings of a name that is there.
fn first_of(view: &View<'_>, kind: NodeKind, names: &[Name]) -> Answer<Option<i64>> {
    for name in names {
        if let Some(node) = view.lineage_node_id(kind, &name.namespace, &name.name)? {
            return Ok(Some(node));
        }
    }
    Ok(None)
}
