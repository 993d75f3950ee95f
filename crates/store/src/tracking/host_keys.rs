//! The keys by which hosts sign what they say of their target.

use rusqlite::{OptionalExtension as _, Row, params};

use super::{Change, Done, View};
use crate::writer::{as_i64, as_u64};

/// Is the key of the host of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKeyKept {
    /// Its id.
    pub id: String,
    /// The target that it counts for.
    pub target: String,
    /// The public key on Ed25519.
    pub public: [u8; 32],
    /// Who enrolled it, with their kind in front.
    pub by: String,
    /// When, in milliseconds since the epoch.
    pub at: i64,
    /// Where it is attested that it was enrolled.
    pub enrolled: i64,
    /// Where it is attested that it was revoked, if it was.
    pub revoked: Option<i64>,
    /// When it was revoked.
    pub ended: Option<i64>,
    /// The counter of the last report that was taken.
    pub counter: u64,
}

const COLUMNS: &str = "id, target, public, by, at, enrolled, revoked, ended, counter";

fn read(row: &Row<'_>) -> rusqlite::Result<HostKeyKept> {
    Ok(HostKeyKept {
        id: row.get(0)?,
        target: row.get(1)?,
        public: row.get(2)?,
        by: row.get(3)?,
        at: row.get(4)?,
        enrolled: row.get(5)?,
        revoked: row.get(6)?,
        ended: row.get(7)?,
        counter: row.get::<_, i64>(8).map(as_u64)?,
    })
}

impl View<'_> {
    /// Returns a key by its id.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn host_key(&self, id: &str) -> Done<Option<HostKeyKept>> {
        let sql = format!("SELECT {COLUMNS} FROM host_key WHERE id = ?1");
        Ok(self.0.prepare_cached(&sql)?.query_row([id], read).optional()?)
    }

    /// Returns the keys, by target and when they were enrolled.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn host_keys(&self) -> Done<Vec<HostKeyKept>> {
        let sql = format!("SELECT {COLUMNS} FROM host_key ORDER BY target, at, id");
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map([], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Says whether a target has a key that counts for it.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn has_host_key(&self, target: &str) -> Done<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM host_key WHERE target = ?1 AND revoked IS NULL)";
        Ok(self.0.prepare_cached(sql)?.query_row([target], |row| row.get(0))?)
    }
}

impl Change<'_> {
    /// Keeps a new key.
    ///
    /// # Errors
    ///
    /// What the file says; also if it is kept already.
    pub fn enroll_host_key(&self, key: &HostKeyKept) -> Done<()> {
        let sql = "INSERT INTO host_key (id, target, public, by, at, enrolled, counter) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let HostKeyKept { id, target, public, by, at, enrolled, .. } = key;
        let counter = as_i64(key.counter);
        self.0.0.prepare_cached(sql)?.execute(params![id, target, public, by, at, enrolled, counter])?;
        Ok(())
    }

    /// Notes that a key counts no more.
    ///
    /// - `attested`: where that is attested.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn revoke_host_key(&self, id: &str, attested: i64, at: i64) -> Done<()> {
        let sql = "UPDATE host_key SET revoked = ?2, ended = ?3 WHERE id = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![id, attested, at])?;
        Ok(())
    }

    /// Notes the counter of the last report that was taken.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn count_host_key(&self, id: &str, counter: u64) -> Done<()> {
        let sql = "UPDATE host_key SET counter = ?2 WHERE id = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![id, as_i64(counter)])?;
        Ok(())
    }
}
