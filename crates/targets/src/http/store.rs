//! The store: each change with what was there before and after it, and what each resource was at the last look.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::HttpError;
use super::exchange::{Seen, Sending};
use super::shown::Changed;
use crate::changes::Entry;
use crate::fault::{Fault, step};

const INSTALL: &str = include_str!("store.sql");

const COLUMNS: &str = "number, state, key, undoes, asked, body";

type Done<T> = Result<T, HttpError>;

/// Is how far a change came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Prepared,
    Done,
    /// Nobody can tell whether what is there now is what it left.
    Stuck,
}

/// Is a change under its key.
#[derive(Debug, Clone)]
pub struct Record {
    pub number: i64,
    pub state: State,
    pub key: String,
    pub undoes: Option<String>,
    /// Is the digest of what was asked.
    pub asked: String,
    pub body: Body,
}

/// Is what is to be done, and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Body {
    pub operation: String,
    pub arguments: Map<String, Value>,
    pub resource: String,
    pub sending: Sending,
    pub before: Seen,
    /// Is what is to be there afterwards, where something is taken back.
    pub wanted: Option<Seen>,
    /// Absent until it is done.
    pub after: Option<Seen>,
    pub answer: Option<Changed>,
}

/// Is a change that is to be begun.
#[derive(Debug)]
pub struct Draft<'a> {
    pub key: &'a str,
    pub undoes: Option<&'a str>,
    pub asked: &'a str,
}

/// Is a resource that was changed here, as the last look left it.
#[derive(Debug, Clone)]
pub struct Known {
    pub resource: String,
    pub operation: String,
    pub digest: String,
}

/// Is the store.
pub struct Store {
    db: Connection,
    fault: Arc<dyn Fault>,
}

impl Store {
    /// Opens the store of a server.
    ///
    /// # Errors
    ///
    /// [`HttpError::Unavailable`] if it cannot be opened, or is that of another server.
    pub fn open(place: &Path, base: &str, fault: Arc<dyn Fault>) -> Done<Self> {
        let db = Connection::open(place.join("changes.db"))?;
        db.busy_timeout(std::time::Duration::from_secs(5))?;
        // What is committed is on the disk.
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")?;
        let mut store = Self { db, fault };
        let tx = store.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(INSTALL)?;
        let known: Option<String> = tx.query_row("SELECT base FROM target", [], |row| row.get(0)).optional()?;
        match known {
            Some(known) if known != base => {
                return Err(HttpError::Unavailable(format!("the store is that of `{known}`")));
            }
            Some(_) => {}
            None => drop(tx.execute("INSERT INTO target (base) VALUES (?1)", [base])?),
        }
        tx.commit()?;
        Ok(store)
    }

    /// Writes in one transaction, which is one step.
    fn write<T>(&mut self, name: &str, act: impl FnOnce(&Transaction<'_>) -> Done<T>) -> Done<T> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let written = act(&tx)?;
        step(&*self.fault, name, || Ok::<_, HttpError>(tx.commit()?))?;
        Ok(written)
    }

    /// Finds the change of a key.
    pub fn find(&self, key: &str) -> Done<Option<Record>> {
        let found = self.records(&format!("SELECT {COLUMNS} FROM entry WHERE key = ?1"), &[key])?;
        Ok(found.into_iter().next())
    }

    /// Returns what was begun and not ended.
    pub fn prepared(&self) -> Done<Vec<Record>> {
        self.records(&format!("SELECT {COLUMNS} FROM entry WHERE state = 'prepared' ORDER BY number"), &[])
    }

    /// Returns what took a change back.
    pub fn undoer(&self, key: &str) -> Done<Option<Record>> {
        let undoes =
            format!("SELECT {COLUMNS} FROM entry WHERE undoes = ?1 AND state <> 'prepared' ORDER BY number DESC");
        Ok(self.records(&undoes, &[key])?.into_iter().next())
    }

    fn records(&self, sql: &str, parameters: &[&str]) -> Done<Vec<Record>> {
        let mut statement = self.db.prepare(sql)?;
        let rows = statement.query_map(rusqlite::params_from_iter(parameters), columns)?;
        rows.map(|row| record(row?)).collect()
    }

    /// Begins a change: what was there before is on the disk from here on.
    pub fn begin(&mut self, at: i64, draft: &Draft<'_>, body: &Body) -> Done<i64> {
        let text = serde_json::to_string(body)?;
        self.write("begin", |tx| {
            tx.execute(
                "INSERT INTO entry (at, state, key, undoes, asked, resource, body) VALUES (?1, 'prepared', ?2, ?3, ?4, ?5, ?6)",
                rusqlite::params![at, draft.key, draft.undoes, draft.asked, body.resource, text],
            )?;
            Ok(tx.last_insert_rowid())
        })
    }

    /// Ends a change: everything is as it was, so there was none.
    pub fn drop_entry(&mut self, number: i64) -> Done<()> {
        self.write("drop", |tx| {
            tx.execute("DELETE FROM entry WHERE number = ?1", [number])?;
            Ok(())
        })
    }

    /// Ends a change, with what the resource is known as from here on.
    pub fn end(&mut self, number: i64, state: State, body: &Body, digest: &str) -> Done<()> {
        let text = serde_json::to_string(body)?;
        let word = if state == State::Done { "done" } else { "stuck" };
        self.write("end", |tx| {
            tx.execute(
                "UPDATE entry SET state = ?2, body = ?3 WHERE number = ?1",
                rusqlite::params![number, word, text],
            )?;
            know(tx, &body.resource, &body.operation, digest)
        })
    }

    /// Returns the resources that were changed here, as the last look left them.
    pub fn known(&self) -> Done<Vec<Known>> {
        let mut statement = self.db.prepare("SELECT resource, operation, digest FROM known ORDER BY resource")?;
        let known = |row: &Row<'_>| Ok(Known { resource: row.get(0)?, operation: row.get(1)?, digest: row.get(2)? });
        Ok(statement.query_map([], known)?.collect::<Result<_, _>>()?)
    }

    /// Takes note of a resource that somebody changed around us.
    pub fn saw(&mut self, at: i64, known: &Known) -> Done<()> {
        self.write("saw", |tx| {
            tx.execute(
                "INSERT INTO entry (at, state, resource) VALUES (?1, 'seen', ?2)",
                rusqlite::params![at, known.resource],
            )?;
            know(tx, &known.resource, &known.operation, &known.digest)
        })
    }

    /// Lists what changed, after a number.
    pub fn entries(&self, after: i64, most: i64) -> Done<Vec<Entry>> {
        let mut statement = self.db.prepare(
            "SELECT number, at, key, undoes, resource FROM entry WHERE number > ?1 AND state <> 'prepared' ORDER BY number LIMIT ?2",
        )?;
        let entry = |row: &Row<'_>| {
            Ok(Entry {
                number: row.get(0)?,
                at: instant(row.get(1)?),
                change: row.get(2)?,
                undoes: row.get(3)?,
                by: None,
                what: vec![row.get(4)?],
            })
        };
        Ok(statement.query_map([after, most], entry)?.collect::<Result<_, _>>()?)
    }
}

fn know(tx: &Transaction<'_>, resource: &str, operation: &str, digest: &str) -> Done<()> {
    tx.execute(
        "INSERT INTO known (resource, operation, digest) VALUES (?1, ?2, ?3)
         ON CONFLICT (resource) DO UPDATE SET operation = excluded.operation, digest = excluded.digest",
        [resource, operation, digest],
    )?;
    Ok(())
}

fn instant(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |at| at.to_string())
}

type Columns = (i64, String, String, Option<String>, String, String);

fn columns(row: &Row<'_>) -> rusqlite::Result<Columns> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
}

fn record((number, state, key, undoes, asked, body): Columns) -> Done<Record> {
    let state = match state.as_str() {
        "prepared" => State::Prepared,
        "done" => State::Done,
        _ => State::Stuck,
    };
    Ok(Record { number, state, key, undoes, asked, body: serde_json::from_str(&body)? })
}
