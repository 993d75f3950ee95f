//! Edges: what came of what.

use std::collections::BTreeSet;

use rusqlite::params;

use super::super::{Change, Done};

/// Says why an edge is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// A job reads or writes the dataset.
    Io,
    /// A facet that tells of columns says so.
    Columns,
    /// A facet that tells of lineage says so.
    Facet,
}

impl How {
    pub(super) fn number(self) -> i64 {
        match self {
            Self::Io => 0,
            Self::Columns => 1,
            Self::Facet => 2,
        }
    }
}

impl Change<'_> {
    /// Sets the edges that a node says in one way, each an origin and its target; those that it said before and does not any more are gone.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn set_lineage_edges(&self, said: i64, how: How, edges: &BTreeSet<(i64, i64)>) -> Done<()> {
        let known = self.edges_said(said, how)?;
        let gone = "DELETE FROM lineage_edge WHERE origin = ?1 AND target = ?2 AND said = ?3 AND how = ?4";
        for (origin, target) in known.difference(edges) {
            self.0.0.prepare_cached(gone)?.execute(params![origin, target, said, how.number()])?;
        }
        let new = "INSERT INTO lineage_edge (origin, target, said, how) VALUES (?1, ?2, ?3, ?4)";
        for (origin, target) in edges.difference(&known) {
            self.0.0.prepare_cached(new)?.execute(params![origin, target, said, how.number()])?;
        }
        Ok(())
    }

    fn edges_said(&self, said: i64, how: How) -> Done<BTreeSet<(i64, i64)>> {
        let sql = "SELECT origin, target FROM lineage_edge WHERE said = ?1 AND how = ?2";
        let mut query = self.0.0.prepare_cached(sql)?;
        let rows = query.query_map([said, how.number()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
