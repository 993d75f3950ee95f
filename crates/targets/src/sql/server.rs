//! The tools of a database.

use serde::Deserialize;
use serde_json::{Value, json};
use types::json::SAFE_INTEGER_MAX;

use super::database::{Changed, Database, Limits, TableChanged};
use super::error::SqlError;
use super::statement::{Kind, Statement};
use crate::changes::{self, After, Does, Key, Named, Undo, arguments, said, tool};
use crate::mcp::{Failed, Said, Tools};

/// Offers a database as MCP tools.
#[derive(Debug)]
pub struct SqlServer<D> {
    database: D,
    limits: Limits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    sql: String,
    #[serde(default)]
    params: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keyed {
    sql: String,
    #[serde(default)]
    params: Vec<Value>,
    change: Key,
}

type Called = Result<Said, Failed>;

impl<D: Database> SqlServer<D> {
    /// Offers a database within limits.
    pub fn new(database: D, limits: Limits) -> Self {
        Self { database, limits }
    }

    fn parse(&self, sql: &str, params: &[Value], wanted: Kind) -> Result<Statement, SqlError> {
        if params.iter().any(|param| param.is_array() || param.is_object()) {
            return Err(SqlError::Arguments("a parameter is a text, a number, a truth value or null".to_owned()));
        }
        let statement = Statement::parse(sql, self.database.language())?;
        match (statement.kind(), wanted) {
            (Kind::Change, Kind::Read) => Err(SqlError::Refused("it changes rows; use `change`".to_owned())),
            (Kind::Read, Kind::Change) => Err(SqlError::Refused("it only reads; use `query`".to_owned())),
            _ => Ok(statement),
        }
    }

    fn query(&mut self, given: Value) -> Called {
        let Run { sql, params } = arguments(given)?;
        let statement = self.parse(&sql, &params, Kind::Read)?;
        let rows = self.database.query(&statement, &params, &self.limits)?;
        let more = if rows.truncated { ", and there are more" } else { "" };
        let text = rows.rows.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        Ok(said(format!("{} rows{more}\n{text}", rows.rows.len()), &rows))
    }

    fn plan(&mut self, given: Value) -> Called {
        let Run { sql, params } = arguments(given)?;
        let statement = self.parse(&sql, &params, Kind::Change)?;
        let changed = self.database.plan(&statement, &params, &self.limits)?;
        Ok(exact(said(format!("nothing was changed; it would change {}", in_words(&changed)), &changed)))
    }

    fn change(&mut self, given: Value) -> Called {
        let Keyed { sql, params, change } = arguments(given)?;
        let statement = self.parse(&sql, &params, Kind::Change)?;
        let changed = self.database.change(change.as_str(), &statement, &params, &self.limits)?;
        Ok(exact(said(format!("changed {}", in_words(&changed)), &changed)))
    }

    fn get_change(&mut self, given: Value) -> Called {
        let Named { change } = arguments(given)?;
        Ok(self.database.standing(change.as_str())?.said())
    }

    fn undo_change(&mut self, given: Value) -> Called {
        let Undo { change, undo } = arguments(given)?;
        let changed = self.database.undo(change.as_str(), undo.as_str(), &self.limits)?;
        Ok(exact(said(format!("took back {}", in_words(&changed)), &changed)))
    }

    fn list_changes(&mut self, given: Value) -> Called {
        let after: After = arguments(given)?;
        Ok(changes::listed_entries(&self.database.entries(after.after, after.most())?))
    }
}

/// Says how a change is planned. Which number a new row gets, and the hour, are others each time, and a role may see no rows.
fn planned() -> Value {
    json!({
        "tool": "plan", "arguments": { "sql": "$arguments/sql", "params": "$arguments?/params" },
        "amounts": { "rows": "/rows" }, "ignore": ["/digest", "/differences"],
    })
}

/// Writes numbers that not every reader of JSON can hold as texts.
fn exact(said: Said) -> Said {
    Said { data: exactly(said.data), ..said }
}

fn exactly(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            let whole = number.as_i64().map(i64::unsigned_abs).or_else(|| number.as_u64());
            let held = whole.is_none_or(|whole| whole <= SAFE_INTEGER_MAX);
            if held { Value::Number(number) } else { Value::String(number.to_string()) }
        }
        Value::Array(items) => items.into_iter().map(exactly).collect(),
        Value::Object(members) => members.into_iter().map(|(name, member)| (name, exactly(member))).collect(),
        other => other,
    }
}

fn in_words(changed: &Changed) -> String {
    let table = |one: &TableChanged| {
        let c = one.counts;
        format!("{}: {} inserted, {} updated, {} deleted", one.table, c.inserted, c.updated, c.deleted)
    };
    let tables = changed.tables.iter().map(table).collect::<Vec<_>>().join("; ");
    format!("{} rows ({tables})", changed.rows)
}

impl<D: Database> Tools for SqlServer<D> {
    fn name(&self) -> &str {
        "countersign-sql"
    }

    fn instructions(&self) -> &str {
        "A database. Plan a change before you make it; values go into `params`, never into the statement."
    }

    fn list(&self) -> Vec<Value> {
        let sql = json!({ "type": "string", "description": "One statement; $1, $2 … stand for the parameters." });
        let params = json!({
            "type": "array", "items": { "type": ["string", "number", "boolean", "null"] },
            "description": "The values of the parameters, in their order.",
        });
        let run = json!({ "sql": sql, "params": params });
        let plan = "Says which rows an INSERT, UPDATE or DELETE would change, and changes nothing.";
        let change = "Runs one INSERT, UPDATE or DELETE. Rows are kept as they were, so that it can be taken back.";
        let own = [
            tool("query", "Reads rows.", Does::Reads, &["sql"], run.clone()),
            tool("plan", plan, Does::Reads, &["sql"], run.clone()),
            changes::change(change, &["sql"], run, &planned()),
        ];
        own.into_iter().chain(changes::others()).collect()
    }

    fn call(&mut self, name: &str, arguments: Value) -> Option<Called> {
        Some(match name {
            "query" => self.query(arguments),
            "plan" => self.plan(arguments),
            "change" => self.change(arguments),
            "get_change" => self.get_change(arguments),
            "undo_change" => self.undo_change(arguments),
            "list_changes" => self.list_changes(arguments),
            _ => return None,
        })
    }
}
