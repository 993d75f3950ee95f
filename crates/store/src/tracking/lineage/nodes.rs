//! Datasets and jobs, and the facets of everything.

use std::collections::BTreeSet;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension as _, ToSql, params};

use super::super::{Change, Done, View};

/// Is how many names of one dataset are followed from one to the next.
const NAMES_MAX: usize = 1_000;

/// Says what a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    /// A dataset.
    Dataset,
    /// A job.
    Job,
}

impl ToSql for NodeKind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(i64::from(*self == Self::Job).into())
    }
}

impl FromSql for NodeKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            0 => Ok(Self::Dataset),
            1 => Ok(Self::Job),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

/// Is whose a facet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A node's.
    Node(i64),
    /// A run's.
    Run(i64),
    /// A dataset's, as a run reads or writes it.
    Io(i64),
}

impl Owner {
    fn parts(self) -> (i64, i64) {
        match self {
            Self::Node(id) => (0, id),
            Self::Run(id) => (1, id),
            Self::Io(id) => (2, id),
        }
    }
}

/// Is what is shown of a node wherever it stands, and follows from its facets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// What it is for.
    Description,
    /// Its columns, as JSON.
    Fields,
    /// Where its source is.
    Location,
    /// What happened to it as a whole.
    Lifecycle,
}

impl Mark {
    fn statement(self) -> &'static str {
        match self {
            Self::Description => "UPDATE lineage_node SET description = ?2 WHERE id = ?1",
            Self::Fields => "UPDATE lineage_node SET fields = ?2 WHERE id = ?1",
            Self::Location => "UPDATE lineage_node SET location = ?2 WHERE id = ?1",
            Self::Lifecycle => "UPDATE lineage_node SET lifecycle = ?2 WHERE id = ?1",
        }
    }
}

impl View<'_> {
    /// Returns the id of the node of a name: the one that it is shown as, if it is another name of that.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_node_id(&self, kind: NodeKind, namespace: &str, name: &str) -> Done<Option<i64>> {
        let sql = "SELECT coalesce(shown, id) FROM lineage_node WHERE kind = ?1 AND namespace = ?2 AND name = ?3";
        let mut query = self.0.prepare_cached(sql)?;
        Ok(query.query_row(params![kind, namespace, name], |row| row.get(0)).optional()?)
    }

    /// Returns the facets that hold, by name, each with its JSON.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_facets(&self, owner: Owner) -> Done<Vec<(String, String)>> {
        let (of, owner) = owner.parts();
        let sql =
            "SELECT name, body FROM lineage_facet WHERE of = ?1 AND owner = ?2 AND body IS NOT NULL ORDER BY name";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([of, owner], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn names_beside(&self, node: i64) -> Done<Vec<i64>> {
        let sql =
            "SELECT other FROM lineage_symlink WHERE node = ?1 UNION SELECT node FROM lineage_symlink WHERE other = ?1";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([node], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns all that are names of one dataset with this one, itself too.
    fn names_of(&self, node: i64) -> Done<BTreeSet<i64>> {
        let (mut known, mut ahead) = (BTreeSet::from([node]), vec![node]);
        while let Some(next) = ahead.pop() {
            for other in self.names_beside(next)? {
                if known.len() < NAMES_MAX && known.insert(other) {
                    ahead.push(other);
                }
            }
        }
        Ok(known)
    }
}

impl Change<'_> {
    /// Returns the id of the node of this very name, which is made if there is none, and notes that something was said of it.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_node(&self, kind: NodeKind, namespace: &str, name: &str, at: i64) -> Done<i64> {
        let sql = "INSERT INTO lineage_node (kind, namespace, name, first, last) VALUES (?1, ?2, ?3, ?4, ?4) \
                   ON CONFLICT (kind, namespace, name) DO UPDATE SET first = min(first, excluded.first), \
                   last = max(last, excluded.last) RETURNING id";
        Ok(self.0.0.prepare_cached(sql)?.query_row(params![kind, namespace, name, at], |row| row.get(0))?)
    }

    /// Says a facet, or that it is deleted; returns whether it holds now, as it does not if something later is known.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn say_lineage_facet(&self, owner: Owner, name: &str, at: i64, body: Option<&str>) -> Done<bool> {
        let (of, owner) = owner.parts();
        let sql = "INSERT INTO lineage_facet (of, owner, name, at, body) VALUES (?1, ?2, ?3, ?4, ?5) \
                   ON CONFLICT (of, owner, name) DO UPDATE SET at = excluded.at, body = excluded.body \
                   WHERE excluded.at >= at";
        Ok(self.0.0.prepare_cached(sql)?.execute(params![of, owner, name, at, body])? == 1)
    }

    /// Sets what is shown of a node.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn mark_lineage_node(&self, node: i64, mark: Mark, value: Option<&str>) -> Done<()> {
        self.0.0.prepare_cached(mark.statement())?.execute(params![node, value])?;
        Ok(())
    }

    /// Sets the other names of a dataset, and by which of all its names it is shown: one that names others and is named by none, or
    /// else any of them; of several, the first by namespace and name, so that the order in which they were told makes no difference.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn set_lineage_symlinks(&self, node: i64, others: &BTreeSet<i64>) -> Done<()> {
        let before = self.names_of(node)?;
        self.0.0.prepare_cached("DELETE FROM lineage_symlink WHERE node = ?1")?.execute([node])?;
        for other in others.iter().filter(|other| **other != node) {
            let sql = "INSERT OR IGNORE INTO lineage_symlink (node, other) VALUES (?1, ?2)";
            self.0.0.prepare_cached(sql)?.execute([node, *other])?;
        }
        let mut ahead: BTreeSet<i64> = before.into_iter().chain(others.iter().copied()).collect();
        while let Some(next) = ahead.pop_first() {
            let names = self.names_of(next)?;
            ahead.retain(|one| !names.contains(one));
            self.show_by_one(&names)?;
        }
        Ok(())
    }

    fn show_by_one(&self, names: &BTreeSet<i64>) -> Done<()> {
        let list = super::ids(names.iter().copied());
        let sql = "SELECT n.id FROM json_each(?1) j JOIN lineage_node n ON n.id = j.value \
                   ORDER BY EXISTS (SELECT 1 FROM lineage_symlink WHERE other = n.id), n.namespace, n.name LIMIT 1";
        let shown: i64 = self.0.0.prepare_cached(sql)?.query_row([&list], |row| row.get(0))?;
        let sql = "UPDATE lineage_node SET shown = CASE WHEN id = ?2 THEN NULL ELSE ?2 END \
                   WHERE id IN (SELECT value FROM json_each(?1))";
        self.0.0.prepare_cached(sql)?.execute(params![list, shown])?;
        Ok(())
    }
}
