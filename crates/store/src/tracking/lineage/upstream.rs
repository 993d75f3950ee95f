//! From a run that is tracked to the graph: the jobs it is a run of, and the datasets that it has read.

use rusqlite::params;

use super::super::{Done, View};

impl View<'_> {
    /// Returns the nodes that a tracked run hangs together with: the jobs whose run has the same 128 bits, and the datasets of the same
    /// name and a version that is the digest it has read.
    ///
    /// - `run`: its id.
    /// - `seq`: its place.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_of_run(&self, run: &str, seq: i64) -> Done<Vec<i64>> {
        let sql = "SELECT job FROM lineage_run WHERE run = ?1 UNION \
                   SELECT coalesce(n.shown, n.id) FROM input i CROSS JOIN dataset d ON d.id = i.dataset \
                   CROSS JOIN lineage_node n ON n.name = d.name AND n.kind = 0 WHERE i.run = ?2 AND \
                   (EXISTS (SELECT 1 FROM lineage_io o WHERE o.dataset = n.id AND o.version = d.digest) \
                    OR EXISTS (SELECT 1 FROM lineage_past p WHERE p.node = n.id AND p.name = 'version' \
                               AND json_extract(p.body, '$.datasetVersion') = d.digest))";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![run, seq], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
