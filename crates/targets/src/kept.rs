//! What a target keeps of its changes in a store beside its system: each under its key, on the disk before anything is touched.

use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::changes::Entry;
use crate::fault::{Fault, step};

const INSTALL: &str = include_str!("kept.sql");

const COLUMNS: &str = "number, state, key, undoes, asked, body";

/// Says why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    #[error("the store: {0}")]
    Sql(#[from] rusqlite::Error),
    #[error("the store: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("the store is that of `{0}`")]
    Another(String),
}

type Done<T> = Result<T, KeptError>;

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
pub struct Record<B> {
    pub number: i64,
    pub state: State,
    pub key: String,
    pub undoes: Option<String>,
    /// Is the digest of what was asked.
    pub asked: String,
    /// Is what is to be done, and what came of it.
    pub body: B,
}

/// Is a change that is to be begun.
#[derive(Debug)]
pub struct Draft<'a> {
    pub key: &'a str,
    pub undoes: Option<&'a str>,
    pub asked: &'a str,
}

/// Is a store of changes, of which each has such a body.
pub struct Kept<B> {
    db: Connection,
    fault: Arc<dyn Fault>,
    body: PhantomData<B>,
}

impl<B: Serialize + DeserializeOwned> Kept<B> {
    /// Opens the store of a system, and makes it if it is not there.
    ///
    /// - `of`: names the system. A store is that of one for ever.
    /// - `install`: makes the tables that this kind of target needs besides.
    ///
    /// # Errors
    ///
    /// [`KeptError`] if it cannot be opened, or is that of another system.
    pub fn open(place: &Path, of: &str, install: &str, fault: Arc<dyn Fault>) -> Done<Self> {
        let mut db = Connection::open(place.join("changes.db"))?;
        db.busy_timeout(std::time::Duration::from_secs(5))?;
        // What is committed is on the disk.
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")?;
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(INSTALL)?;
        tx.execute_batch(install)?;
        let known: Option<String> = tx.query_row("SELECT name FROM target", [], |row| row.get(0)).optional()?;
        match known {
            Some(known) if known != of => return Err(KeptError::Another(known)),
            Some(_) => {}
            None => drop(tx.execute("INSERT INTO target (name) VALUES (?1)", [of])?),
        }
        tx.commit()?;
        Ok(Self { db, fault, body: PhantomData })
    }

    /// Returns what reads it.
    pub fn db(&self) -> &Connection {
        &self.db
    }

    /// Writes in one transaction, which is one step.
    pub fn write<T>(&mut self, name: &str, act: impl FnOnce(&Transaction<'_>) -> Done<T>) -> Done<T> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let written = act(&tx)?;
        step(&*self.fault, name, || Ok::<_, KeptError>(tx.commit()?))?;
        Ok(written)
    }

    /// Finds the change of a key.
    pub fn find(&self, key: &str) -> Done<Option<Record<B>>> {
        let found = self.records(&format!("SELECT {COLUMNS} FROM entry WHERE key = ?1"), &[key])?;
        Ok(found.into_iter().next())
    }

    /// Returns what was begun and not ended.
    pub fn prepared(&self) -> Done<Vec<Record<B>>> {
        self.records(&format!("SELECT {COLUMNS} FROM entry WHERE state = 'prepared' ORDER BY number"), &[])
    }

    /// Returns what took a change back.
    pub fn undoer(&self, key: &str) -> Done<Option<Record<B>>> {
        let undoes =
            format!("SELECT {COLUMNS} FROM entry WHERE undoes = ?1 AND state <> 'prepared' ORDER BY number DESC");
        Ok(self.records(&undoes, &[key])?.into_iter().next())
    }

    fn records(&self, sql: &str, parameters: &[&str]) -> Done<Vec<Record<B>>> {
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map(rusqlite::params_from_iter(parameters), columns)?;
        rows.map(|row| record(row?)).collect()
    }

    /// Begins a change: what was there before is on the disk from here on.
    ///
    /// - `what`: names what it changes.
    pub fn begin(&mut self, at: i64, draft: &Draft<'_>, what: &[String], body: B) -> Done<Record<B>> {
        let (text, what) = (serde_json::to_string(&body)?, serde_json::to_string(what)?);
        let number = self.write("begin", |tx| {
            tx.execute(
                "INSERT INTO entry (at, state, key, undoes, asked, what, body) VALUES (?1, 'prepared', ?2, ?3, ?4, ?5, ?6)",
                rusqlite::params![at, draft.key, draft.undoes, draft.asked, what, text],
            )?;
            Ok(tx.last_insert_rowid())
        })?;
        let (key, undoes, asked) = (draft.key.to_owned(), draft.undoes.map(str::to_owned), draft.asked.to_owned());
        Ok(Record { number, state: State::Prepared, key, undoes, asked, body })
    }

    /// Ends a change: everything is as it was, so there was none.
    pub fn drop_entry(&mut self, number: i64) -> Done<()> {
        self.write("drop", |tx| {
            tx.execute("DELETE FROM entry WHERE number = ?1", [number])?;
            Ok(())
        })
    }

    /// Ends a change.
    ///
    /// - `also`: notes, in the same step, what the system is known as from here on.
    pub fn end(
        &mut self,
        number: i64,
        state: State,
        body: &B,
        also: impl FnOnce(&Transaction<'_>) -> Done<()>,
    ) -> Done<()> {
        let text = serde_json::to_string(body)?;
        let word = if state == State::Done { "done" } else { "stuck" };
        self.write("end", |tx| {
            tx.execute(
                "UPDATE entry SET state = ?2, body = ?3 WHERE number = ?1",
                rusqlite::params![number, word, text],
            )?;
            also(tx)
        })
    }

    /// Takes note of what somebody changed around us.
    ///
    /// - `also`: notes, in the same step, what the system is known as from here on.
    pub fn saw(&mut self, at: i64, what: &[String], also: impl FnOnce(&Transaction<'_>) -> Done<()>) -> Done<()> {
        let what = serde_json::to_string(what)?;
        self.write("saw", |tx| {
            tx.execute("INSERT INTO entry (at, state, what) VALUES (?1, 'seen', ?2)", rusqlite::params![at, what])?;
            also(tx)
        })
    }

    /// Lists what changed, after a number.
    pub fn entries(&self, after: i64, most: i64) -> Done<Vec<Entry>> {
        let mut statement = self.db.prepare_cached(
            "SELECT number, at, key, undoes, what FROM entry WHERE number > ?1 AND state <> 'prepared' ORDER BY number LIMIT ?2",
        )?;
        let rows = statement.query_map([after, most], entry)?;
        rows.map(|row| {
            let (entry, what) = row?;
            Ok(Entry { what: serde_json::from_str(&what)?, ..entry })
        })
        .collect()
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<(Entry, String)> {
    let at = jiff::Timestamp::from_millisecond(row.get(1)?).map(|at| at.to_string()).unwrap_or_default();
    let (number, change, undoes) = (row.get(0)?, row.get(2)?, row.get(3)?);
    Ok((Entry { number, at, change, undoes, by: None, what: Vec::new() }, row.get(4)?))
}

type Columns = (i64, String, String, Option<String>, String, String);

fn columns(row: &Row<'_>) -> rusqlite::Result<Columns> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
}

fn record<B: DeserializeOwned>((number, state, key, undoes, asked, body): Columns) -> Done<Record<B>> {
    let state = match state.as_str() {
        "prepared" => State::Prepared,
        "done" => State::Done,
        _ => State::Stuck,
    };
    Ok(Record { number, state, key, undoes, asked, body: serde_json::from_str(&body)? })
}
