//! What a statement is, found by parsing it: one that reads, one that changes rows, or one that is refused.

use std::ops::ControlFlow;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlparser::ast::{self, SetExpr, TableObject, Visit, Visitor};
use sqlparser::dialect::{Dialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;

use super::error::SqlError;

/// Is how long a statement may be, in bytes.
pub const STATEMENT_BYTES_MAX: usize = 64 << 10;

/// Is how deep a statement may be nested.
const DEPTH_MAX: usize = 50;

/// What begins with it is ours, in every database.
pub const OURS: &str = "countersign";

/// Is the language a statement is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// PostgreSQL's.
    Postgres,
    /// SQLite's.
    Sqlite,
}

/// Says what a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It reads.
    Read,
    /// It inserts, updates or deletes rows.
    Change,
}

/// Is one statement that was parsed; what runs is its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    text: String,
    kind: Kind,
}

impl Statement {
    /// Parses a statement.
    ///
    /// # Errors
    ///
    /// [`SqlError::Refused`] unless it is exactly one statement that reads or changes rows, and names nothing of ours.
    pub fn parse(text: &str, language: Language) -> Result<Self, SqlError> {
        let refused = |why: String| Err(SqlError::Refused(why));
        if text.len() > STATEMENT_BYTES_MAX {
            return refused(format!("it has more than {STATEMENT_BYTES_MAX} bytes"));
        }
        let dialect: &dyn Dialect = match language {
            Language::Postgres => &PostgreSqlDialect {},
            Language::Sqlite => &SQLiteDialect {},
        };
        let parsed = Parser::new(dialect).with_recursion_limit(DEPTH_MAX).try_with_sql(text);
        let parsed = parsed.and_then(|mut parser| parser.parse_statements());
        let [statement] = match parsed.as_deref() {
            Ok([statement]) => [statement],
            Ok(statements) => return refused(format!("{} statements stand there; give one", statements.len())),
            Err(error) => return refused(format!("it cannot be parsed: {error}")),
        };
        let mut seen = Seen::default();
        if let ControlFlow::Break(why) = statement.visit(&mut seen) {
            return refused(why);
        }
        let kind = if seen.changes { Kind::Change } else { Kind::Read };
        Ok(Self { text: text.to_owned(), kind })
    }

    /// Returns its text, as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the digest of it with its parameters: SHA-256, in lower-case hex.
    pub fn digest(&self, params: &[Value]) -> String {
        hex::encode(Sha256::digest(types::json::canonical(&json!([self.text, params]))))
    }

    /// Says what it does.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

/// Is what was met in a statement.
#[derive(Default)]
struct Seen {
    changes: bool,
}

impl Visitor for Seen {
    type Break = String;

    fn pre_visit_statement(&mut self, statement: &ast::Statement) -> ControlFlow<String> {
        let returning = match statement {
            ast::Statement::Query(_) => return ControlFlow::Continue(()),
            ast::Statement::Insert(insert) => {
                if !matches!(insert.table, TableObject::TableName(_)) {
                    return ControlFlow::Break("rows are inserted into something that is no table".to_owned());
                }
                insert.returning.is_some()
            }
            ast::Statement::Update(update) => update.returning.is_some(),
            ast::Statement::Delete(delete) => delete.returning.is_some(),
            ast::Statement::Merge(merge) => merge.output.is_some(),
            other => {
                let text = other.to_string();
                let verb = text.split_whitespace().next().unwrap_or_default().to_uppercase();
                let why = format!("`{verb}` neither reads nor changes rows of a table");
                return ControlFlow::Break(why);
            }
        };
        if returning {
            return ControlFlow::Break("leave `RETURNING` out; the rows are told anyway".to_owned());
        }
        self.changes = true;
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<String> {
        let into = matches!(&*query.body, SetExpr::Select(select) if select.into.is_some());
        match (into, query.locks.is_empty()) {
            (true, _) => ControlFlow::Break("`SELECT INTO` makes a table".to_owned()),
            (_, false) => ControlFlow::Break("locks are not taken here".to_owned()),
            (false, true) => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_relation(&mut self, relation: &ast::ObjectName) -> ControlFlow<String> {
        let ours = |part: &ast::ObjectNamePart| {
            part.as_ident().is_none_or(|ident| ident.value.to_ascii_lowercase().starts_with(OURS))
        };
        if relation.0.iter().any(ours) {
            return ControlFlow::Break(format!("`{relation}` is where changes are captured"));
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_statement_is_what_it_does() {
        for (text, kind) in [
            ("SELECT * FROM orders WHERE id = 1", Kind::Read),
            ("WITH o AS (SELECT 1) SELECT * FROM o", Kind::Read),
            ("VALUES (1)", Kind::Read),
            ("INSERT INTO orders (id) VALUES (1)", Kind::Change),
            ("UPDATE orders SET total = 2 WHERE id = 1;", Kind::Change),
            ("DELETE FROM orders", Kind::Change),
            ("WITH gone AS (SELECT 1 AS id) DELETE FROM orders WHERE id IN (SELECT id FROM gone)", Kind::Change),
            ("WITH o AS (SELECT 1 AS id) INSERT INTO orders (id) SELECT id FROM o", Kind::Change),
            ("INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET total = 3", Kind::Change),
        ] {
            for language in [Language::Postgres, Language::Sqlite] {
                let parsed = Statement::parse(text, language);
                assert_eq!(parsed.map(|statement| statement.kind()), Ok(kind), "{text}");
            }
        }
        let merge = "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN UPDATE SET n = b.n";
        assert_eq!(Statement::parse(merge, Language::Postgres).unwrap().kind(), Kind::Change);
        let hidden = "WITH gone AS (DELETE FROM orders WHERE id = 1) SELECT 1";
        assert_eq!(Statement::parse(hidden, Language::Postgres).unwrap().kind(), Kind::Change);
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in [
            "",
            "SELECT 1; DELETE FROM orders",
            "DROP TABLE orders",
            "TRUNCATE orders",
            "ALTER TABLE orders DISABLE TRIGGER ALL",
            "CREATE TABLE a (id int)",
            "SET session_replication_role = replica",
            "COPY orders FROM '/etc/passwd'",
            "CALL f()",
            "DO $$ BEGIN DELETE FROM orders; END $$",
            "EXPLAIN ANALYZE DELETE FROM orders",
            "PREPARE a AS DELETE FROM orders",
            "BEGIN",
            "COMMIT",
            "GRANT ALL ON orders TO public",
            "VACUUM",
            "PRAGMA writable_schema = 1",
            "ATTACH DATABASE 'a' AS b",
            "SELECT * INTO copy FROM orders",
            "SELECT * FROM orders FOR UPDATE",
            "DELETE FROM orders RETURNING *",
            "INSERT INTO countersign.change (id) VALUES ('a')",
            "UPDATE countersign_now SET change = 'a'",
            "UPDATE \"Countersign\".image SET after = ''",
            "WITH a AS (INSERT INTO countersign.change (id) VALUES ('a')) SELECT 1",
            "SELECT * FROM orders WHERE id IN (SELECT id FROM countersign.image)",
            "this is no statement",
        ] {
            for language in [Language::Postgres, Language::Sqlite] {
                let parsed = Statement::parse(text, language);
                assert!(matches!(parsed, Err(SqlError::Refused(_))), "{text}: {parsed:?}");
            }
        }
        let long = format!("SELECT '{}'", "x".repeat(STATEMENT_BYTES_MAX));
        assert!(Statement::parse(&long, Language::Postgres).is_err());
        let deep = format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000));
        assert!(Statement::parse(&deep, Language::Postgres).is_err());
    }
}
