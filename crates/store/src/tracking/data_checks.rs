//! Checks of data: which of what was attested are of a run, and which are of a file, whatever run it came to.

use rusqlite::params;
use types::attestation::Attestation;
use types::data_check::DataChecked;

use super::attestations::Attested;
use super::{Change, Done, View};
use crate::writer::as_i64;

impl View<'_> {
    /// Returns the checks of data that name a run, or that are of a file whose SHA-256 begins with one of some digits, the latest first.
    ///
    /// - `prefixes`: `types::data_check::TYING_DIGITS` digits each.
    /// - `limit`: how many at most.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn data_checks(&self, run: &str, prefixes: &[String], limit: u64) -> Done<Vec<Attested>> {
        let mut ids = std::collections::BTreeSet::new();
        let of_run = "SELECT attestation FROM data_check WHERE run = ?1 ORDER BY attestation DESC LIMIT ?2";
        let of_file = "SELECT attestation FROM data_check WHERE prefix = ?1 ORDER BY attestation DESC LIMIT ?2";
        for (sql, wanted) in [(of_run, run)].into_iter().chain(prefixes.iter().map(|prefix| (of_file, prefix.as_str())))
        {
            let mut query = self.0.prepare_cached(sql)?;
            let rows = query.query_map(params![wanted, as_i64(limit)], |row| row.get::<_, i64>(0))?;
            for id in rows {
                ids.insert(id?);
            }
        }
        let latest = ids.into_iter().rev().take(usize::try_from(limit).unwrap_or(usize::MAX));
        latest.filter_map(|id| self.attestation(id).transpose()).collect()
    }
}

impl Change<'_> {
    /// Keeps a check of data, and returns its place.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn check_data(&self, checked: &DataChecked, by: &str) -> Done<i64> {
        let about = format!("data/{}", checked.prefix());
        let id = self.attest(&Attestation::DataChecked(checked.clone()), &about, Some(by))?;
        let sql = "INSERT INTO data_check (attestation, run, prefix) VALUES (?1, ?2, ?3)";
        self.0.0.prepare_cached(sql)?.execute(params![id, checked.run, checked.prefix()])?;
        Ok(id)
    }
}
