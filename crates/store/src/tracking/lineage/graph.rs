//! The graph, read step by step: lists of nodes go in and come out as JSON lists of their ids, so that a step is one statement.

use rusqlite::{Row, params};

use super::super::{Done, FEATURE_KIND, View};
use super::nodes::NodeKind;

/// Is a node with what is shown of it wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: i64,
    /// What it is.
    pub kind: NodeKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name in there.
    pub name: String,
    /// The time of the first event that tells of it, in microseconds since the epoch.
    pub first: i64,
    /// The time of the last.
    pub last: i64,
    /// What it is for.
    pub description: Option<String>,
    /// Its columns, as JSON.
    pub fields: Option<String>,
    /// Where its source is.
    pub location: Option<String>,
    /// What happened to it as a whole.
    pub lifecycle: Option<String>,
}

/// Says that a run which is tracked hangs together with a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trained {
    /// The node: the job that ran, or the dataset that was read.
    pub node: i64,
    /// The place of the tracked run.
    pub seq: i64,
    /// Its id.
    pub run: String,
}

/// Writes ids as the list that the readers here take.
pub fn ids(ids: impl IntoIterator<Item = i64>) -> String {
    let texts: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
    format!("[{}]", texts.join(","))
}

const COLUMNS: &str =
    "n.id, n.kind, n.namespace, n.name, n.first, n.last, n.description, n.fields, n.location, n.lifecycle";

fn read(row: &Row<'_>) -> rusqlite::Result<Node> {
    Ok(Node {
        id: row.get(0)?,
        kind: row.get(1)?,
        namespace: row.get(2)?,
        name: row.get(3)?,
        first: row.get(4)?,
        last: row.get(5)?,
        description: row.get(6)?,
        fields: row.get(7)?,
        location: row.get(8)?,
        lifecycle: row.get(9)?,
    })
}

impl View<'_> {
    /// Returns the nodes of a list.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_nodes(&self, nodes: &str) -> Done<Vec<Node>> {
        let sql = format!("SELECT {COLUMNS} FROM json_each(?1) j CROSS JOIN lineage_node n ON n.id = j.value");
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map([nodes], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the nodes of a kind in a namespace by their names, but for those that are other names of one.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_nodes_in(&self, kind: NodeKind, namespace: &str, limit: u32, offset: u32) -> Done<Vec<Node>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM lineage_node n WHERE n.kind = ?1 AND n.namespace = ?2 AND n.shown IS NULL \
             ORDER BY n.name LIMIT ?3 OFFSET ?4"
        );
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map(params![kind, namespace, limit, offset], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Counts the nodes of a kind in a namespace.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_count_in(&self, kind: NodeKind, namespace: &str) -> Done<i64> {
        let sql = "SELECT count(*) FROM lineage_node WHERE kind = ?1 AND namespace = ?2 AND shown IS NULL";
        Ok(self.0.prepare_cached(sql)?.query_row(params![kind, namespace], |row| row.get(0))?)
    }

    /// Returns the namespaces by name, each with the time of the first and of the last event that tells of something in it.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_namespaces(&self, limit: u32, offset: u32) -> Done<Vec<(String, i64, i64)>> {
        let sql = "SELECT namespace, min(first), max(last) FROM lineage_node GROUP BY namespace ORDER BY namespace \
                   LIMIT ?1 OFFSET ?2";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([limit, offset], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Adds to nodes those that are other names of them.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_other_names(&self, nodes: &str) -> Done<Vec<i64>> {
        let sql = "SELECT value FROM json_each(?1) UNION ALL \
                   SELECT id FROM lineage_node WHERE shown IN (SELECT value FROM json_each(?1))";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([nodes], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the nodes one step from others, which MUST come with all their names.
    ///
    /// - `forward`: what came of them; otherwise what they came of.
    /// - `limit`: how many at most.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_step(&self, nodes: &str, forward: bool, limit: usize) -> Done<Vec<i64>> {
        let sql = if forward {
            "SELECT DISTINCT coalesce(n.shown, n.id) FROM json_each(?1) j CROSS JOIN lineage_edge e ON e.origin = j.value \
             CROSS JOIN lineage_node n ON n.id = e.target LIMIT ?2"
        } else {
            "SELECT DISTINCT coalesce(n.shown, n.id) FROM json_each(?1) j CROSS JOIN lineage_edge e ON e.target = j.value \
             CROSS JOIN lineage_node n ON n.id = e.origin LIMIT ?2"
        };
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![nodes, i64::try_from(limit).unwrap_or(i64::MAX)], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the nodes that are other names of nodes, each with the one that it is shown as.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_names_besides(&self, nodes: &str) -> Done<Vec<(i64, i64)>> {
        let sql = "SELECT id, shown FROM lineage_node WHERE shown IN (SELECT value FROM json_each(?1))";
        self.ends_of(sql, nodes)
    }

    /// Returns those of a list that are other names of a node, each with the one that it is shown as.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_shown_otherwise(&self, nodes: &str) -> Done<Vec<(i64, i64)>> {
        let sql = "SELECT n.id, n.shown FROM json_each(?1) j CROSS JOIN lineage_node n ON n.id = j.value \
                   WHERE n.shown IS NOT NULL";
        self.ends_of(sql, nodes)
    }

    /// Tells each edge that begins at one of the nodes, as an origin and its target, by the very names that were told.
    ///
    /// Neither end is looked up: whoever asks knows the nodes, and two look-ups cost more than the edge.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_edges_from(&self, nodes: &str, mut tell: impl FnMut(i64, i64)) -> Done<()> {
        let sql = "SELECT e.origin, e.target FROM json_each(?1) j CROSS JOIN lineage_edge e ON e.origin = j.value";
        let mut query = self.0.prepare_cached(sql)?;
        let mut rows = query.query([nodes])?;
        while let Some(row) = rows.next()? {
            tell(row.get(0)?, row.get(1)?);
        }
        Ok(())
    }

    /// Returns what jobs read and write, each as an origin and its target, one of which is the job; by the very names that were told.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_io_of_jobs(&self, jobs: &str) -> Done<Vec<(i64, i64)>> {
        let sql = "SELECT e.origin, e.target FROM json_each(?1) j CROSS JOIN lineage_edge e ON e.said = j.value AND e.how = 0";
        self.ends_of(sql, jobs)
    }

    fn ends_of(&self, sql: &str, nodes: &str) -> Done<Vec<(i64, i64)>> {
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([nodes], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the runs that are tracked and are runs of jobs: their ids are the same 128 bits.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn trained_by(&self, jobs: &str, limit: usize) -> Done<Vec<Trained>> {
        let sql = "SELECT l.job, r.seq, r.id FROM json_each(?1) j CROSS JOIN lineage_run l ON l.job = j.value \
                   CROSS JOIN run r ON r.id = l.run WHERE r.stage = 'active' ORDER BY l.job, r.seq LIMIT ?2";
        self.trained(sql, jobs, limit)
    }

    /// Returns the runs that are tracked and have read datasets: of the same name, with a digest that is a version of it that was told.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn trained_on(&self, datasets: &str, limit: usize) -> Done<Vec<Trained>> {
        let sql = "SELECT DISTINCT n.id, r.seq, r.id FROM json_each(?1) j CROSS JOIN lineage_node n ON n.id = j.value \
                   CROSS JOIN dataset d ON d.name = n.name CROSS JOIN input i ON i.dataset = d.id \
                   CROSS JOIN run r ON r.seq = i.run WHERE n.kind = 0 AND r.stage = 'active' AND \
                   (EXISTS (SELECT 1 FROM lineage_io o WHERE o.dataset = n.id AND o.version = d.digest) \
                    OR EXISTS (SELECT 1 FROM lineage_past p WHERE p.node = n.id AND p.name = 'version' \
                               AND json_extract(p.body, '$.datasetVersion') = d.digest)) \
                   ORDER BY n.id, r.seq LIMIT ?2";
        self.trained(sql, datasets, limit)
    }

    /// Returns the runs that are tracked and used features that are computed from datasets.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn trained_through(&self, datasets: &str, limit: usize) -> Done<Vec<Trained>> {
        let sql = format!(
            "SELECT DISTINCT n.id, r.seq, r.id FROM json_each(?1) j CROSS JOIN lineage_node n ON n.id = j.value AND n.kind = 0 \
                   CROSS JOIN feature_dataset d ON d.namespace = n.namespace AND d.name = n.name CROSS JOIN feature f ON f.seq = d.feature \
                   CROSS JOIN dataset s ON s.kind = '{FEATURE_KIND}' AND s.name = 'feature ' || f.name AND s.digest = substr(f.digest, 1, length(s.digest)) \
                   CROSS JOIN input i ON i.dataset = s.id CROSS JOIN run r ON r.seq = i.run WHERE r.stage = 'active' \
                   ORDER BY n.id, r.seq LIMIT ?2"
        );
        self.trained(&sql, datasets, limit)
    }

    /// Says whether any run is tracked.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn has_runs(&self) -> Done<bool> {
        Ok(self.0.prepare_cached("SELECT EXISTS (SELECT 1 FROM run)")?.query_row([], |row| row.get(0))?)
    }

    fn trained(&self, sql: &str, nodes: &str, limit: usize) -> Done<Vec<Trained>> {
        let mut query = self.0.prepare_cached(sql)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = query.query_map(params![nodes, limit], |row| {
            Ok(Trained { node: row.get(0)?, seq: row.get(1)?, run: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
