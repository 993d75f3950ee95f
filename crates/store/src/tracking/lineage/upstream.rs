//! From a run that is tracked to the graph: the jobs it is a run of, and the datasets that it has read.

use rusqlite::params;

use super::super::{Done, FEATURE_KIND, View};

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

    /// Returns the datasets that a version of a feature is computed from, as far as lineage knows them.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_of_feature(&self, feature: i64) -> Done<Vec<i64>> {
        let sql = "SELECT DISTINCT coalesce(n.shown, n.id) FROM feature_dataset d CROSS JOIN lineage_node n \
                   ON n.kind = 0 AND n.namespace = d.namespace AND n.name = d.name WHERE d.feature = ?1";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([feature], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the datasets that the features of a tracked run are computed from, as far as lineage knows them.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_of_features(&self, seq: i64) -> Done<Vec<i64>> {
        let sql = "SELECT DISTINCT coalesce(n.shown, n.id) FROM input i CROSS JOIN dataset s ON s.id = i.dataset AND s.kind = ?2 \
                   CROSS JOIN feature f ON s.name = 'feature ' || f.name AND s.digest = substr(f.digest, 1, length(s.digest)) \
                   CROSS JOIN feature_dataset d ON d.feature = f.seq CROSS JOIN lineage_node n \
                   ON n.kind = 0 AND n.namespace = d.namespace AND n.name = d.name WHERE i.run = ?1";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![seq, FEATURE_KIND], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
