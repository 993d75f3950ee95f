//! Builds a query: its text, and its values in the order in which the text has them.

use models::search::{Clause, Comparator, Number, NumberKind, Value};
use rusqlite::types::Value as Bound;

/// Is a query that grows from left to right.
#[derive(Debug, Default)]
pub(super) struct Query {
    sql: String,
    values: Vec<Bound>,
}

impl Query {
    /// Appends text, none of which anybody outside has written.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.sql.push_str(text);
        self
    }

    /// Appends a value.
    pub(super) fn value(&mut self, value: impl Into<Bound>) -> &mut Self {
        self.sql.push('?');
        self.values.push(value.into());
        self
    }

    /// Appends values with commas between.
    pub(super) fn values<T: Into<Bound>>(&mut self, values: impl IntoIterator<Item = T>) -> &mut Self {
        for (n, value) in values.into_iter().enumerate() {
            self.text(if n == 0 { "" } else { ", " }).value(value);
        }
        self
    }

    /// Appends a comparison of a column with what a clause compares with.
    pub(super) fn compares(&mut self, column: &str, clause: &Clause) -> &mut Self {
        match (&clause.comparator, &clause.value) {
            (Comparator::ILike, Value::Text(pattern)) => {
                self.text(&format!("lower({column}) LIKE lower(")).value(pattern.clone()).text(")")
            }
            (comparator, Value::Text(text)) => {
                self.text(&format!("{column} {} ", comparator.text())).value(text.clone())
            }
            (comparator, Value::Number(number)) => {
                self.text(&format!("{column} {} ", comparator.text())).value(bound(number))
            }
            (comparator, Value::List(texts)) => {
                self.text(&format!("{column} {} (", comparator.text())).values(texts.iter().cloned()).text(")")
            }
            (comparator, Value::Null) => self.text(&format!("{column} {}", comparator.text())),
        }
    }

    /// Returns the text and the values.
    pub(super) fn parts(self) -> (String, Vec<Bound>) {
        (self.sql, self.values)
    }
}

/// Returns a number as SQLite compares it: an integer as such where it is one that fits.
pub(super) fn bound(number: &Number) -> Bound {
    let whole = number.text.parse::<i64>().ok().filter(|_| number.kind == NumberKind::Integer);
    whole.map_or_else(|| Bound::Real(number.text.parse().unwrap_or(f64::NAN)), Bound::Integer)
}
