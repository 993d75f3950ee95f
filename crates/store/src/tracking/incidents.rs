//! What runs or stands around the road: since when, and until when.

use rusqlite::types::Type;
use rusqlite::{OptionalExtension as _, Row, params};
use types::incident::Incident;

use super::{Change, Done, View};
use crate::writer::as_i64;

/// Is an incident that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentKept {
    /// Its place among all.
    pub id: i64,
    /// What was attested last of it.
    pub what: Incident,
}

/// Says which incidents are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncidentWish {
    /// Those of this model alone, by the name it had.
    pub model: Option<String>,
    /// Those that are mended too.
    pub with_ended: bool,
    /// Those before this place; all of them without one.
    pub before: Option<i64>,
    /// How many at most.
    pub limit: u64,
}

fn read(row: &Row<'_>) -> rusqlite::Result<IncidentKept> {
    let body: Vec<u8> = row.get(1)?;
    let unknown = |_| rusqlite::Error::InvalidColumnType(1, "body".to_owned(), Type::Blob);
    Ok(IncidentKept { id: row.get(0)?, what: types::cbor::decode(&body).map_err(unknown)? })
}

impl View<'_> {
    /// Returns the open incident of a thing.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn open_incident(&self, thing: &str, model: &str, name: &str) -> Done<Option<IncidentKept>> {
        let sql = "SELECT id, body FROM incident WHERE thing = ?1 AND model = ?2 AND name = ?3 AND ended IS NULL";
        Ok(self.0.prepare_cached(sql)?.query_row([thing, model, name], read).optional()?)
    }

    /// Returns the open incidents of a kind of things.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn open_incidents(&self, thing: &str) -> Done<Vec<IncidentKept>> {
        let sql = "SELECT id, body FROM incident WHERE thing = ?1 AND ended IS NULL ORDER BY model, name";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([thing], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns incidents, the latest first.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn incidents(&self, wish: &IncidentWish) -> Done<Vec<IncidentKept>> {
        let sql = "SELECT id, body FROM incident WHERE (?1 IS NULL OR model = ?1) AND (?2 OR ended IS NULL) \
                   AND (?3 IS NULL OR id < ?3) ORDER BY id DESC LIMIT ?4";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![wish.model, wish.with_ended, wish.before, as_i64(wish.limit)], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Change<'_> {
    /// Keeps a new incident, and returns its place.
    ///
    /// # Errors
    ///
    /// What the file says; also if the thing has an open one already.
    pub fn begin_incident(&self, what: &Incident) -> Done<i64> {
        let sql = "INSERT INTO incident (thing, model, name, body, since) VALUES (?1, ?2, ?3, ?4, ?5)";
        let body = types::cbor::encode(what);
        Ok(self.0.0.prepare_cached(sql)?.insert(params![what.thing, what.model, what.name, body, what.since])?)
    }

    /// Keeps what an incident is by now, also that it has ended.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn change_incident(&self, id: i64, what: &Incident) -> Done<()> {
        let sql = "UPDATE incident SET body = ?2, ended = ?3 WHERE id = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![id, types::cbor::encode(what), what.ended])?;
        Ok(())
    }
}
