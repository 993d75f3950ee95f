//! The store: each change with what was there before and after it, and what each resource was at the last look.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Row, Transaction};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::exchange::{Seen, Sending};
use super::shown::Changed;
use crate::fault::Fault;
pub use crate::kept::{Draft, State};
use crate::kept::{Kept, KeptError};

/// Is a change under its key.
pub type Record = crate::kept::Record<Body>;

type Done<T> = Result<T, KeptError>;

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

/// Is a resource that was changed here, as the last look left it.
#[derive(Debug, Clone)]
pub struct Known {
    pub resource: String,
    pub operation: String,
    pub digest: String,
}

/// Is the store.
pub struct Store {
    pub kept: Kept<Body>,
}

impl Store {
    /// Opens the store of a server.
    ///
    /// # Errors
    ///
    /// [`KeptError`] if it cannot be opened, or is that of another server.
    pub fn open(place: &Path, base: &str, fault: Arc<dyn Fault>) -> Done<Self> {
        Ok(Self { kept: Kept::open(place, base, include_str!("store.sql"), fault)? })
    }

    /// Begins a change: what was there before is on the disk from here on.
    pub fn begin(&mut self, at: i64, draft: &Draft<'_>, body: Body) -> Done<Record> {
        let what = [body.resource.clone()];
        self.kept.begin(at, draft, &what, body)
    }

    /// Ends a change, with what the resource is known as from here on.
    pub fn end(&mut self, number: i64, state: State, body: &Body, digest: &str) -> Done<()> {
        self.kept.end(number, state, body, |tx| know(tx, &body.resource, &body.operation, digest))
    }

    /// Returns the resources that were changed here, as the last look left them.
    pub fn known(&self) -> Done<Vec<Known>> {
        let mut statement =
            self.kept.db().prepare("SELECT resource, operation, digest FROM known ORDER BY resource")?;
        let known = |row: &Row<'_>| Ok(Known { resource: row.get(0)?, operation: row.get(1)?, digest: row.get(2)? });
        Ok(statement.query_map([], known)?.collect::<Result<_, _>>()?)
    }

    /// Takes note of a resource that somebody changed around us.
    pub fn saw(&mut self, at: i64, known: &Known) -> Done<()> {
        let what = [known.resource.clone()];
        self.kept.saw(at, &what, |tx| know(tx, &known.resource, &known.operation, &known.digest))
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
