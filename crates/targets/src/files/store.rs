//! The store: what was changed, with every byte before and after, and what the folder was at the last look.
//!
//! Whoever controls it can have any file of the folder written; so it lies outside, and belongs to the server's user alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::edit::{Planned, Step};
use super::error::FileError;
use super::shown::Changed;
use super::tree::{Folder, Seen};
use crate::changes::Entry;
use crate::fault::{Fault, step};

const INSTALL: &str = include_str!("store.sql");

const COLUMNS: &str = "number, state, key, undoes, asked, body, found";

type Done<T> = Result<T, FileError>;

/// Is how far a change came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Prepared,
    Done,
    /// It was interrupted, and somebody else has written one of its files since.
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
    /// Is what was found when it was stuck.
    pub found: Option<String>,
}

/// Is what is to be done, and what is answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Body {
    pub steps: Vec<Step>,
    pub makes: Vec<Folder>,
    pub removes: Vec<Folder>,
    pub answer: Changed,
}

/// Is a change that is to be begun.
#[derive(Debug)]
pub struct Draft<'a> {
    pub key: &'a str,
    pub undoes: Option<&'a str>,
    pub asked: &'a str,
}

/// Is a file, a link or another thing as the last look left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub sha256: String,
    pub size: i64,
    /// Its kind and its permission bits, in octal digits.
    pub mode: String,
    pub stamp: Option<String>,
}

impl Known {
    /// Is what a regular file is known as.
    pub fn of(seen: &Seen) -> Self {
        let size = i64::try_from(seen.size).unwrap_or(i64::MAX);
        Self { sha256: seen.sha256.clone(), size, mode: format!("{:o}", 0o100_000 | seen.mode), stamp: None }
    }

    /// Says whether it is the same thing, whenever it was looked at.
    pub fn is(&self, other: &Self) -> bool {
        (&self.sha256, self.size, &self.mode) == (&other.sha256, other.size, &other.mode)
    }
}

/// Is what differs from the last look: what a path is now, or that nothing is there.
pub type News = BTreeMap<String, Option<Known>>;

/// Is the store.
pub struct Store {
    db: Connection,
    fault: Arc<dyn Fault>,
}

impl Store {
    /// Opens the store of a folder.
    ///
    /// # Errors
    ///
    /// [`FileError::Unavailable`] if it cannot be opened, or is that of another folder.
    pub fn open(path: &Path, root: &str, fault: Arc<dyn Fault>) -> Done<Self> {
        let db = Connection::open(path.join("changes.db"))?;
        db.busy_timeout(std::time::Duration::from_secs(5))?;
        // What is committed is on the disk.
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")?;
        let mut store = Self { db, fault };
        let tx = store.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(INSTALL)?;
        let known: Option<String> = tx.query_row("SELECT root FROM folder", [], |row| row.get(0)).optional()?;
        match known {
            Some(known) if known != root => {
                return Err(FileError::Unavailable(format!("the store is that of `{known}`")));
            }
            Some(_) => {}
            None => drop(tx.execute("INSERT INTO folder (root) VALUES (?1)", [root])?),
        }
        tx.commit()?;
        Ok(store)
    }

    /// Writes in one transaction, which is one step.
    fn write<T>(&mut self, name: &str, act: impl FnOnce(&Transaction<'_>) -> Done<T>) -> Done<T> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let written = act(&tx)?;
        step(&*self.fault, name, || Ok::<_, FileError>(tx.commit()?))?;
        Ok(written)
    }

    /// Finds the change of a key.
    pub fn find(&self, key: &str) -> Done<Option<Record>> {
        let found = self.records(&format!("SELECT {COLUMNS} FROM entry WHERE key = ?1"), &[key])?;
        Ok(found.into_iter().next())
    }

    /// Returns what was begun and not ended.
    pub fn prepared(&self) -> Done<Vec<Record>> {
        self.records(&format!("SELECT {COLUMNS} FROM entry WHERE state = 'prepared' ORDER BY number DESC"), &[])
    }

    /// Returns the key under which a change was taken back, if that was not taken back itself.
    pub fn undoer(&self, key: &str) -> Done<Option<String>> {
        for record in self.records(&format!("SELECT {COLUMNS} FROM entry WHERE undoes = ?1"), &[key])? {
            if self.undoer(&record.key)?.is_none() {
                return Ok(Some(record.key));
            }
        }
        Ok(None)
    }

    fn records(&self, text: &str, params: &[&str]) -> Done<Vec<Record>> {
        let mut prepared = self.db.prepare_cached(text)?;
        let rows = prepared.query_map(rusqlite::params_from_iter(params), record)?;
        rows.map(|row| row.map_err(FileError::from)).collect()
    }

    /// Returns the bytes of a digest.
    ///
    /// # Errors
    ///
    /// [`FileError::Unavailable`] if they are not there, or not those.
    pub fn bytes(&self, sha256: &str) -> Done<Vec<u8>> {
        let text = "SELECT bytes FROM blob WHERE sha256 = ?1";
        let bytes: Vec<u8> = self.db.query_row(text, [sha256], |row| row.get(0))?;
        if hex::encode(Sha256::digest(&bytes)) != sha256 {
            return Err(FileError::Unavailable(
                "the store: the bytes of a file are not those that were kept".to_owned(),
            ));
        }
        Ok(bytes)
    }

    /// Notes a change before anything is touched, and, before that, what was found to have changed around us.
    pub fn prepare(&mut self, at: i64, draft: &Draft<'_>, planned: &Planned, answer: Changed) -> Done<Record> {
        let Planned { steps, makes, removes, bytes } = planned;
        let body = Body { steps: steps.clone(), makes: makes.clone(), removes: removes.clone(), answer };
        let text = serde_json::to_string(&body)?;
        let what: Vec<_> = steps.iter().map(|step| step.path.as_str().to_owned()).collect();
        let number = self.write("prepare", |tx| {
            take_over(tx, at, &foreign(tx, steps)?, usize::MAX)?;
            for (sha256, bytes) in bytes {
                tx.execute("INSERT OR IGNORE INTO blob (sha256, bytes) VALUES (?1, ?2)", (sha256, bytes))?;
            }
            let insert = "INSERT INTO entry (at, state, key, undoes, asked, what, body) VALUES (?1, 'prepared', ?2, ?3, ?4, ?5, ?6)";
            let what = serde_json::to_string(&what)?;
            tx.execute(insert, (at, draft.key, draft.undoes, draft.asked, what, text))?;
            Ok(tx.last_insert_rowid())
        })?;
        let (key, undoes) = (draft.key.to_owned(), draft.undoes.map(str::to_owned));
        Ok(Record { number, state: State::Prepared, key, undoes, asked: draft.asked.to_owned(), body, found: None })
    }

    /// Notes that a change was made whole; the folder is known as it left it.
    pub fn done(&mut self, record: &Record) -> Done<()> {
        self.write("done", |tx| {
            for step in &record.body.steps {
                know(tx, step.path.as_str(), step.after.as_ref().map(Known::of).as_ref())?;
            }
            tx.execute("UPDATE entry SET state = 'done' WHERE number = ?1", [record.number])?;
            Ok(())
        })
    }

    /// Forgets a change of which nothing is left.
    pub fn dropped(&mut self, record: &Record) -> Done<()> {
        self.write("drop", |tx| forget(tx, record))
    }

    /// Notes that a change is neither made nor taken back, and which of its files are as after it. An undo is forgotten, and what it was to take back is
    /// stuck.
    pub fn stuck(&mut self, record: &Record, after: &[&Step], found: &str) -> Done<()> {
        self.write("stuck", |tx| {
            let key = record.undoes.as_ref().unwrap_or(&record.key);
            if record.undoes.is_some() {
                forget(tx, record)?;
            }
            for step in after {
                know(tx, step.path.as_str(), step.after.as_ref().map(Known::of).as_ref())?;
            }
            tx.execute("UPDATE entry SET state = 'stuck', found = ?2 WHERE key = ?1", (key, found))?;
            Ok(())
        })
    }

    /// Returns what the folder was at the last look; `None` if nobody has looked.
    pub fn known(&self) -> Done<BTreeMap<String, Known>> {
        let mut prepared = self.db.prepare_cached("SELECT path, sha256, size, mode, stamp FROM file")?;
        let rows = prepared.query_map([], |row| Ok((row.get(0)?, known(row)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Says whether anybody has looked yet.
    pub fn is_new(&self) -> Done<bool> {
        let text = "SELECT user_version FROM pragma_user_version";
        Ok(self.db.query_row(text, [], |row| row.get::<_, i64>(0))? == 0)
    }

    /// Takes over what a look found: as an entry, unless it is the first, and as what the folder is.
    pub fn looked(&mut self, at: i64, news: &News, stamps: &BTreeMap<String, Known>, named_max: usize) -> Done<()> {
        let first = self.is_new()?;
        if !first && news.is_empty() && stamps.is_empty() {
            return Ok(());
        }
        self.write("look", |tx| {
            match first {
                true => news.iter().try_for_each(|(path, known)| know(tx, path, known.as_ref()))?,
                false => take_over(tx, at, news, named_max)?,
            }
            stamps.iter().try_for_each(|(path, known)| know(tx, path, Some(known)))?;
            Ok(tx.pragma_update(None, "user_version", 1)?)
        })
    }

    /// Lists changes, ours and others'.
    pub fn entries(&self, after: i64, limit: i64) -> Done<Vec<Entry>> {
        let text = "SELECT number, at, key, undoes, what FROM entry WHERE number > ?1 AND state <> 'prepared' ORDER BY number LIMIT ?2";
        let mut prepared = self.db.prepare_cached(text)?;
        let rows = prepared.query_map([after, limit], |row| {
            let (what, at): (String, i64) = (row.get(4)?, row.get(1)?);
            let at = jiff::Timestamp::from_millisecond(at).map(|at| at.to_string()).unwrap_or_default();
            let what = serde_json::from_str(&what).unwrap_or_default();
            Ok(Entry { number: row.get(0)?, at, change: row.get(2)?, undoes: row.get(3)?, by: None, what })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let (state, body): (String, String) = (row.get(1)?, row.get(5)?);
    let unreadable = |error| rusqlite::Error::FromSqlConversionFailure(5, rusqlite::types::Type::Text, Box::new(error));
    let state = match state.as_str() {
        "prepared" => State::Prepared,
        "done" => State::Done,
        _ => State::Stuck,
    };
    let body = serde_json::from_str(&body).map_err(unreadable)?;
    let (number, key, undoes) = (row.get(0)?, row.get(2)?, row.get(3)?);
    Ok(Record { number, state, key, undoes, asked: row.get(4)?, body, found: row.get(6)? })
}

fn known(row: &Row<'_>) -> rusqlite::Result<Known> {
    Ok(Known { sha256: row.get(1)?, size: row.get(2)?, mode: row.get(3)?, stamp: row.get(4)? })
}

/// Returns which files a change finds otherwise than the last look did: somebody else has changed them.
fn foreign(tx: &Transaction<'_>, steps: &[Step]) -> Done<News> {
    let mut news = News::new();
    for step in steps {
        let text = "SELECT path, sha256, size, mode, stamp FROM file WHERE path = ?1";
        let was = tx.query_row(text, [step.path.as_str()], known).optional()?;
        let is = step.before.as_ref().map(Known::of);
        let same = match (&was, &is) {
            (Some(was), Some(is)) => was.is(is),
            (was, is) => was.is_none() && is.is_none(),
        };
        if !same {
            news.insert(step.path.as_str().to_owned(), is);
        }
    }
    Ok(news)
}

/// Notes what came around us, and that the folder is so.
fn take_over(tx: &Transaction<'_>, at: i64, news: &News, named_max: usize) -> Done<()> {
    if news.is_empty() {
        return Ok(());
    }
    let mut what: Vec<_> = news.keys().take(named_max).cloned().collect();
    if news.len() > what.len() {
        what.push(format!("and {} more", news.len() - what.len()));
    }
    let what = serde_json::to_string(&what)?;
    tx.execute("INSERT INTO entry (at, state, what) VALUES (?1, 'seen', ?2)", (at, what))?;
    news.iter().try_for_each(|(path, known)| know(tx, path, known.as_ref()))
}

fn forget(tx: &Transaction<'_>, record: &Record) -> Done<()> {
    tx.execute("DELETE FROM entry WHERE number = ?1", [record.number])?;
    Ok(())
}

fn know(tx: &Transaction<'_>, path: &str, known: Option<&Known>) -> Done<()> {
    match known {
        None => tx.execute("DELETE FROM file WHERE path = ?1", [path])?,
        Some(Known { sha256, size, mode, stamp }) => tx.execute(
            "INSERT OR REPLACE INTO file (path, sha256, size, mode, stamp) VALUES (?1, ?2, ?3, ?4, ?5)",
            (path, sha256, size, mode, stamp),
        )?,
    };
    Ok(())
}
