//! Lineage: what OpenLineage's clients said, and the graph that follows from it.
//!
//! Nodes are datasets and jobs by integer ids; edges are found from both ends. Of everything that is said the latest holds, by the time of
//! the event that says it, so that the order in which events arrive makes no difference but between events of one instant.

mod columns;
mod edges;
mod events;
mod flags;
mod graph;
mod nodes;
mod runs;
mod upstream;

pub use columns::{ColumnEdge, NewColumn};
pub use edges::How;
pub use events::{EventSpan, LineageEvent};
pub use flags::Past;
pub use graph::{Node, Trained, ids};
pub use nodes::{Mark, NodeKind, Owner};
pub use runs::{LineageRun, NewSaying, RunIo};

pub(super) const TABLES: &str = "
CREATE TABLE lineage_event (
    id     INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    at     INTEGER NOT NULL,
    body   TEXT NOT NULL
) STRICT;
CREATE INDEX lineage_event_by_time ON lineage_event (at, id);
-- A dataset (kind 0) or a job (kind 1). `shown` is the node that it is another name of.
CREATE TABLE lineage_node (
    id          INTEGER PRIMARY KEY,
    kind        INTEGER NOT NULL,
    namespace   TEXT NOT NULL,
    name        TEXT NOT NULL,
    first       INTEGER NOT NULL,
    last        INTEGER NOT NULL,
    shown       INTEGER REFERENCES lineage_node,
    description TEXT,
    fields      TEXT,
    location    TEXT,
    lifecycle   TEXT,
    UNIQUE (kind, namespace, name)
) STRICT;
CREATE INDEX lineage_node_shown ON lineage_node (shown) WHERE shown IS NOT NULL;
-- The latest of each facet of a node (of 0), a run (1), and a dataset that a run reads or writes (2); no body if it was deleted.
CREATE TABLE lineage_facet (
    of    INTEGER NOT NULL,
    owner INTEGER NOT NULL,
    name  TEXT NOT NULL,
    at    INTEGER NOT NULL,
    body  TEXT,
    PRIMARY KEY (of, owner, name)
) STRICT, WITHOUT ROWID;
-- What a facet of a node said over time, for those whose changes are told: of a stretch in which it said the same, its ends.
CREATE TABLE lineage_past (
    node INTEGER NOT NULL REFERENCES lineage_node,
    name TEXT NOT NULL,
    at   INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (node, name, at, body)
) STRICT, WITHOUT ROWID;
CREATE TABLE lineage_symlink (
    node  INTEGER NOT NULL REFERENCES lineage_node,
    other INTEGER NOT NULL REFERENCES lineage_node,
    PRIMARY KEY (node, other)
) STRICT, WITHOUT ROWID;
CREATE INDEX lineage_symlink_back ON lineage_symlink (other, node);
-- A run of a job; without an id of its own it is what a job is declared to read and write.
CREATE TABLE lineage_run (
    id       INTEGER PRIMARY KEY,
    run      TEXT UNIQUE,
    job      INTEGER NOT NULL REFERENCES lineage_node,
    state    TEXT NOT NULL,
    state_at INTEGER NOT NULL,
    closed   INTEGER NOT NULL,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    started  INTEGER,
    ended    INTEGER,
    complete INTEGER NOT NULL,
    mark     INTEGER NOT NULL,
    io       INTEGER NOT NULL
) STRICT;
CREATE INDEX lineage_run_by_job ON lineage_run (job, first, id);
CREATE INDEX lineage_run_holding ON lineage_run (job, complete, mark, id) WHERE io > 0;
CREATE TABLE lineage_io (
    id      INTEGER PRIMARY KEY,
    run     INTEGER NOT NULL REFERENCES lineage_run,
    dataset INTEGER NOT NULL REFERENCES lineage_node,
    output  INTEGER NOT NULL,
    version TEXT,
    said_at INTEGER,
    UNIQUE (run, output, dataset)
) STRICT;
CREATE INDEX lineage_io_by_dataset ON lineage_io (dataset, output);
-- `said` is the node whose runs (how 0) or whose facets (`columnLineage` 1, `lineage` 2) say it.
CREATE TABLE lineage_edge (
    origin INTEGER NOT NULL REFERENCES lineage_node,
    target INTEGER NOT NULL REFERENCES lineage_node,
    said   INTEGER NOT NULL REFERENCES lineage_node,
    how    INTEGER NOT NULL,
    PRIMARY KEY (origin, target, said, how)
) STRICT, WITHOUT ROWID;
CREATE INDEX lineage_edge_back ON lineage_edge (target, origin);
CREATE INDEX lineage_edge_said ON lineage_edge (said, how);
-- No target field: all columns of the target depend on it.
CREATE TABLE lineage_column (
    id           INTEGER PRIMARY KEY,
    said         INTEGER NOT NULL REFERENCES lineage_node,
    how          INTEGER NOT NULL,
    origin       INTEGER NOT NULL REFERENCES lineage_node,
    origin_field TEXT NOT NULL,
    target       INTEGER NOT NULL REFERENCES lineage_node,
    target_field TEXT,
    told         TEXT NOT NULL
) STRICT;
CREATE INDEX lineage_column_origin ON lineage_column (origin, origin_field);
CREATE INDEX lineage_column_target ON lineage_column (target, target_field);
CREATE INDEX lineage_column_said ON lineage_column (said, how);
-- By which a dataset that was told of is found among those that runs have logged.
CREATE INDEX dataset_by_name ON dataset (name, digest);
CREATE INDEX input_by_dataset ON input (dataset);
";
