//! Tallies: how many of a column are not as expected, and where the first is.

use types::data_check::DataFinding;

use super::cell::Cell;
use super::expectations::{Column, Freshness};

/// Counts what is not as expected, and keeps the first line.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) count: u64,
    line: Option<u64>,
}

impl Count {
    pub(super) fn note(&mut self, line: u64) {
        self.count = self.count.saturating_add(1);
        self.line.get_or_insert(line);
    }

    /// Returns what was found, which is as expected if nothing was counted.
    pub(super) fn finding(self, check: &str, column: Option<&str>, demanded: impl Into<String>) -> DataFinding {
        DataFinding {
            check: check.to_owned(),
            column: column.map(str::to_owned),
            passed: self.count == 0,
            count: self.count,
            line: self.line,
            found: None,
            demanded: demanded.into(),
        }
    }
}

/// Is what was counted of a column.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) is_there: bool,
    nulls: Count,
    others: Count,
    outside: Count,
    not_allowed: Count,
}

impl Tally {
    /// Counts one value.
    pub(super) fn take(&mut self, line: u64, cell: Cell<'_>, column: &Column) {
        if matches!(cell, Cell::Missing) {
            self.nulls.note(line);
            return;
        }
        if column.kind.is_some_and(|kind| !cell.is(kind)) {
            self.others.note(line);
        } else if let Some(number) = cell.number() {
            let is_below = column.min.is_some_and(|min| number.order(min).is_lt());
            if is_below || column.max.is_some_and(|max| number.order(max).is_gt()) {
                self.outside.note(line);
            }
        }
        if !column.allowed.is_empty() && !cell.is_one_of(&column.allowed) {
            self.not_allowed.note(line);
        }
    }

    /// Returns what was found of a column.
    pub(super) fn findings(&self, name: &str, column: &Column, rows: u64, findings: &mut Vec<DataFinding>) {
        if column.is_required {
            let missing = u64::from(!self.is_there);
            findings.push(DataFinding {
                passed: self.is_there,
                count: missing,
                ..Count::default().finding("present", Some(name), "there")
            });
        }
        if let Some(kind) = column.kind {
            findings.push(self.others.finding("type", Some(name), kind.name()));
        }
        if let Some(most) = column.nulls_millionths_max {
            findings.push(self.nulls_finding(name, most, rows));
        }
        if !column.range.is_empty() {
            findings.push(self.outside.finding("range", Some(name), column.range.clone()));
        }
        if !column.allowed.is_empty() {
            let demanded = format!("one of {} values", column.allowed.len());
            findings.push(self.not_allowed.finding("allowed", Some(name), demanded));
        }
    }

    /// Holds the share of what is missing against what may be; the share is told rounded down, and compared exactly.
    fn nulls_finding(&self, name: &str, most: i64, rows: u64) -> DataFinding {
        let (nulls, most) = (u128::from(self.nulls.count), u128::try_from(most).unwrap_or(0));
        let passed = nulls.saturating_mul(1_000_000) <= most.saturating_mul(u128::from(rows));
        let share = nulls.saturating_mul(1_000_000).checked_div(u128::from(rows)).unwrap_or(0);
        let finding = self.nulls.finding("nulls", Some(name), format!("<= {}", decimal(most)));
        DataFinding { passed, found: Some(decimal(share)), ..finding }
    }
}

/// Writes millionths as a decimal number.
fn decimal(millionths: u128) -> String {
    let text = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Is what was seen of the column that says how fresh the data is.
#[derive(Debug, Default)]
pub(super) struct Newest {
    at: Option<i64>,
    later: Count,
}

impl Newest {
    pub(super) fn take(&mut self, line: u64, cell: Cell<'_>, freshness: &Freshness, as_of: i64) {
        let Some(at) = cell.instant(freshness.kind) else { return };
        if at > as_of {
            // An instant that has not come yet says nothing of how fresh the rest is.
            self.later.note(line);
        } else {
            self.at = self.at.max(Some(at));
        }
    }

    /// Returns what was found: the newest instant that is not later than the one it is judged at.
    pub(super) fn finding(&self, freshness: &Freshness, as_of: i64) -> DataFinding {
        let oldest = as_of.saturating_sub(freshness.age_ms_max);
        let is_fresh = self.at.is_some_and(|at| at >= oldest);
        let demanded = format!("from {} to {}", instant(oldest), instant(as_of));
        let finding = self.later.finding("freshness", Some(&freshness.column), demanded);
        DataFinding { passed: finding.passed && is_fresh, found: self.at.map(instant), ..finding }
    }
}

fn instant(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |instant| instant.to_string())
}
