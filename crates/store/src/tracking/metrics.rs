//! Metrics: each a series of points, and its latest.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{OptionalExtension as _, Row, params};

use super::{Change, Done, Page, View};

/// Is one point of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// The metric.
    pub key: String,
    /// The value: finite, or not a number.
    pub value: f64,
    /// When it was measured, in milliseconds since the epoch.
    pub at: i64,
    /// The step of the training; may be negative.
    pub step: i64,
}

impl Metric {
    /// Returns the value as it is kept: what is not a number as 0, and whether it is.
    pub(super) fn kept(&self) -> (f64, bool) {
        if self.value.is_nan() { (0.0, true) } else { (self.value.clamp(f64::MIN, f64::MAX), false) }
    }
}

/// Reads a point from the columns `key, value, nan, at, step`.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Metric> {
    let value = if row.get(2)? { f64::NAN } else { row.get(1)? };
    Ok(Metric { key: row.get(0)?, value, at: row.get(3)?, step: row.get(4)? })
}

/// Is a series with what decides which of its points is the latest.
struct Series {
    id: i64,
    latest: (i64, i64, f64),
}

impl View<'_> {
    /// Returns the latest point of each metric of a run, in the order in which the metrics came.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn latest_metrics(&self, run: i64) -> Done<Vec<Metric>> {
        let sql = "SELECT key, value, nan, at, step FROM series WHERE run = ?1 ORDER BY id";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([run], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns points of a metric of a run, by time, step and value.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn metric_history(&self, run: &str, key: &str, page: Page) -> Done<Vec<Metric>> {
        let sql = "SELECT s.key, p.value, p.nan, p.at, p.step FROM run r JOIN series s ON s.run = r.seq AND s.key = ?2 \
                   JOIN point p ON p.series = s.id WHERE r.id = ?1 ORDER BY p.at, p.step, p.value, p.nan LIMIT ?4 OFFSET ?3";
        let (offset, limit) = (crate::writer::as_i64(page.offset), crate::writer::as_i64(page.limit));
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![run, key, offset, limit], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Hands over every point of a run, by metric, time, step and value.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn each_point(&self, run: i64, mut take: impl FnMut(Metric)) -> Done<()> {
        let sql = "SELECT s.key, p.value, p.nan, p.at, p.step FROM series s JOIN point p ON p.series = s.id \
                   WHERE s.run = ?1 ORDER BY s.key, p.at, p.step, p.value, p.nan";
        let mut query = self.0.prepare_cached(sql)?;
        for point in query.query_map([run], read)? {
            take(point?);
        }
        Ok(())
    }

    fn series(&self, run: i64, key: &str) -> Done<Option<Series>> {
        let sql = "SELECT id, step, at, value FROM series WHERE run = ?1 AND key = ?2";
        let read = |row: &Row<'_>| Ok(Series { id: row.get(0)?, latest: (row.get(1)?, row.get(2)?, row.get(3)?) });
        Ok(self.0.prepare_cached(sql)?.query_row(params![run, key], read).optional()?)
    }
}

impl Change<'_> {
    /// Adds a point to a metric of a run, as [`Self::log_metrics`] does.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn log_metric(&self, run: i64, metric: &Metric) -> Done<()> {
        self.log_metrics(run, [metric])
    }

    /// Adds points to metrics of a run; one that is there already changes nothing. Infinite values are kept as the largest finite
    /// ones.
    ///
    /// The latest point is the one of the highest step, then of the latest time, then of the highest value, where what is not
    /// a number counts as 0; among equals it is the first.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn log_metrics<'a>(&self, run: i64, metrics: impl IntoIterator<Item = &'a Metric>) -> Done<()> {
        let sql = "INSERT OR IGNORE INTO point (series, at, step, value, nan) VALUES (?1, ?2, ?3, ?4, ?5)";
        let mut insert = self.0.0.prepare_cached(sql)?;
        let mut later = BTreeMap::new();
        let mut known: HashMap<&str, Series> = HashMap::new();
        for metric in metrics {
            let (value, nan) = metric.kept();
            let series = match known.get_mut(metric.key.as_str()) {
                Some(series) => series,
                None => known.entry(&metric.key).or_insert(self.series_with(run, metric)?),
            };
            insert.execute(params![series.id, metric.at, metric.step, value, nan])?;
            let latest = (metric.step, metric.at, value);
            if latest > series.latest {
                series.latest = latest;
                later.insert(series.id, metric);
            }
        }
        later.into_iter().try_for_each(|(series, metric)| self.set_latest(series, metric))
    }

    /// Returns a metric of a run, which begins with this point if there is none yet.
    fn series_with(&self, run: i64, first: &Metric) -> Done<Series> {
        if let Some(series) = self.series(run, &first.key)? {
            return Ok(series);
        }
        let (value, nan) = first.kept();
        let sql = "INSERT INTO series (run, key, at, step, value, nan) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let mut insert = self.0.0.prepare_cached(sql)?;
        let id = insert.insert(params![run, first.key, first.at, first.step, value, nan])?;
        Ok(Series { id, latest: (first.step, first.at, value) })
    }

    fn set_latest(&self, series: i64, latest: &Metric) -> Done<()> {
        let (value, nan) = latest.kept();
        let sql = "UPDATE series SET at = ?2, step = ?3, value = ?4, nan = ?5 WHERE id = ?1";
        let mut update = self.0.0.prepare_cached(sql)?;
        update.execute(params![series, latest.at, latest.step, value, nan])?;
        Ok(())
    }
}
