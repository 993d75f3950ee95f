//! A captured table: what its rows are found by, and the statements that compare and restore them.

use std::collections::BTreeMap;

use postgres::Transaction;

use super::failed;
use crate::sql::error::SqlError;
use crate::sql::images::{Net, Step};

/// Is a captured table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Its qualified name, quoted.
    name: String,
    /// The columns of its primary key, quoted.
    key: Vec<String>,
    /// The columns that can be written, quoted.
    written: Vec<String>,
    /// Those of them that an update may set.
    set: Vec<String>,
}

/// Is a row before and after, as JSON.
pub(super) type Pair = (Option<String>, Option<String>);

/// Is the name of a row of the table in our statements, which no column has.
pub(super) const ROW: &str = "\"countersign row\"";

impl Table {
    /// Reads what a table is.
    ///
    /// - `name`: as `regclass` writes it, without a search path.
    pub(super) fn read(tx: &mut Transaction<'_>, name: &str) -> Result<Self, SqlError> {
        let columns = "SELECT quote_ident(a.attname), a.attgenerated = '', a.attidentity <> 'a',
                              coalesce(a.attnum = ANY (i.indkey), false)
                       FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
                       WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
        let rows = tx.query(columns, &[&name]).map_err(|error| failed(&error))?;
        let mut table = Self { name: name.to_owned(), key: Vec::new(), written: Vec::new(), set: Vec::new() };
        for row in rows {
            let (column, written, set, key): (String, bool, bool, bool) =
                (row.get(0), row.get(1), row.get(2), row.get(3));
            if key {
                table.key.push(column.clone());
            }
            if written && set {
                table.set.push(column.clone());
            }
            if written {
                table.written.push(column);
            }
        }
        match table.key.is_empty() {
            true => Err(SqlError::Conflict(format!("`{name}` is not there, or has no primary key"))),
            false => Ok(table),
        }
    }

    /// Writes the rows of the parameter `n` as a table of rows `r`, numbered `n`.
    fn rows(&self, parameter: u8, name: &str) -> String {
        let of =
            format!("(SELECT i::{} AS r, n FROM unnest(${parameter}::text[]) WITH ORDINALITY AS i (i, n))", self.name);
        format!("{of} AS {name}")
    }

    fn same_key(&self, a: &str, b: &str) -> String {
        let same = |column: &String| format!("{a}.{column} = {b}.{column}");
        self.key.iter().map(same).collect::<Vec<_>>().join(" AND ")
    }

    /// Counts the keys that are on both sides, and shows the first differences as JSON.
    pub(super) fn pairs(
        &self,
        tx: &mut Transaction<'_>,
        net: &Net,
        shown: usize,
    ) -> Result<(usize, Vec<Pair>), SqlError> {
        let joined =
            format!("{} FULL JOIN {} ON {}", self.rows(1, "b"), self.rows(2, "a"), self.same_key("(b.r)", "(a.r)"));
        let count = format!("SELECT count(*) FROM {joined} WHERE b.n IS NOT NULL AND a.n IS NOT NULL");
        let both: i64 = tx.query_one(&count, &[&net.before, &net.after]).map_err(|error| failed(&error))?.get(0);
        let limit = i64::try_from(shown).unwrap_or(i64::MAX);
        let show = format!(
            "SELECT CASE WHEN b.n IS NOT NULL THEN to_jsonb(b.r)::text END, CASE WHEN a.n IS NOT NULL THEN to_jsonb(a.r)::text END
             FROM {joined} ORDER BY b.n NULLS LAST, a.n LIMIT $3"
        );
        let rows = tx.query(&show, &[&net.before, &net.after, &limit]).map_err(|error| failed(&error))?;
        let pairs = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        Ok((usize::try_from(both).unwrap_or(0), pairs))
    }

    /// Counts the rows that are not as a change left them: gone, other, or there again.
    ///
    /// - `lock`: nobody else changes those that are, until the transaction ends.
    pub(super) fn differing(&self, tx: &mut Transaction<'_>, net: &Net, lock: bool) -> Result<usize, SqlError> {
        let count = |tx: &mut Transaction<'_>, text: &str, rows: &[&(dyn postgres::types::ToSql + Sync)]| {
            let count: i64 = tx.query_one(text, rows).map_err(|error| failed(&error))?.get(0);
            Ok::<_, SqlError>(usize::try_from(count).unwrap_or(0))
        };
        let lock = if lock { format!("FOR UPDATE OF {ROW}") } else { String::new() };
        let same = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} AS {ROW} JOIN {} ON {} WHERE {ROW}::text = a.r::text {lock}) AS same",
            self.name,
            self.rows(1, "a"),
            self.same_key(ROW, "(a.r)")
        );
        let same = count(tx, &same, &[&net.after])?;
        let back = format!(
            "SELECT count(*) FROM {} AS {ROW} JOIN {} ON {} WHERE NOT EXISTS (SELECT 1 FROM {} WHERE {})",
            self.name,
            self.rows(1, "b"),
            self.same_key(ROW, "(b.r)"),
            self.rows(2, "a"),
            self.same_key("(a.r)", "(b.r)")
        );
        let back = count(tx, &back, &[&net.before, &net.after])?;
        Ok(net.after.len().saturating_sub(same) + back)
    }

    /// Writes the rows as they were in one step, where `net` says what was changed.
    pub(super) fn restore(&self, tx: &mut Transaction<'_>, net: &Net, step: Step) -> Result<(), SqlError> {
        let (before, after) = (self.rows(1, "b"), self.rows(2, "a"));
        let text = match step {
            Step::Delete => format!(
                "DELETE FROM {} AS {ROW} USING {after} WHERE {} AND NOT EXISTS (SELECT 1 FROM {before} WHERE {})",
                self.name,
                self.same_key(ROW, "(a.r)"),
                self.same_key("(b.r)", "(a.r)")
            ),
            Step::Update => {
                let set: Vec<_> = self.set.iter().map(|column| format!("{column} = (b.r).{column}")).collect();
                format!(
                    "UPDATE {} AS {ROW} SET {} FROM {before} WHERE {} AND EXISTS (SELECT 1 FROM {after} WHERE {})",
                    self.name,
                    set.join(", "),
                    self.same_key(ROW, "(b.r)"),
                    self.same_key("(a.r)", "(b.r)")
                )
            }
            Step::Insert => {
                let from: Vec<_> = self.written.iter().map(|column| format!("(b.r).{column}")).collect();
                format!(
                    "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {before}
                     WHERE NOT EXISTS (SELECT 1 FROM {after} WHERE {}) ORDER BY b.n",
                    self.name,
                    self.written.join(", "),
                    from.join(", "),
                    self.same_key("(a.r)", "(b.r)")
                )
            }
        };
        tx.execute(&text, &[&net.before, &net.after]).map(drop).map_err(|error| match failed(&error) {
            SqlError::Database(said) => {
                SqlError::Conflict(format!("`{}` does not take its rows back: {said}", self.name))
            }
            other => other,
        })
    }
}

/// Orders tables so that those that others refer to come first.
pub(super) fn parents_first(tx: &mut Transaction<'_>, tables: &mut [(Table, Net)]) -> Result<(), SqlError> {
    let names: Vec<&str> = tables.iter().map(|(table, _)| table.name.as_str()).collect();
    let text = "SELECT DISTINCT c.t, p.t FROM pg_constraint f JOIN unnest($1::text[]) c (t) ON f.conrelid = to_regclass(c.t)
                JOIN unnest($1::text[]) p (t) ON f.confrelid = to_regclass(p.t) WHERE f.contype = 'f' AND f.conrelid <> f.confrelid";
    let rows = tx.query(text, &[&names]).map_err(|error| failed(&error))?;
    let edges: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut rank: BTreeMap<String, usize> = BTreeMap::new();
    // As often as there are tables: longer paths there are only in a circle, which has no order.
    for _ in 0..tables.len() {
        for (child, parent) in &edges {
            let above = rank.get(parent).copied().unwrap_or(0) + 1;
            let own = rank.entry(child.clone()).or_default();
            *own = above.max(*own);
        }
    }
    tables.sort_by_key(|(table, _)| rank.get(&table.name).copied().unwrap_or(0));
    Ok(())
}
