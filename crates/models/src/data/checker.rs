//! The checker: takes the bytes of a file as they come, and says whether the data is as expected.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use types::Digest;
use types::data_check::DataFinding;

use super::cell::Cell;
use super::expectations::Expectations;
use super::records::{Records, fields};
use super::tally::{Count, Newest, Tally};
use super::{COLUMNS_MAX, DataError, Format};

/// Is what was found of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// How many rows could be read.
    pub rows: u64,
    /// Whether each finding passed.
    pub passed: bool,
    /// What was looked at, in the order in which it is told.
    pub findings: Vec<DataFinding>,
}

/// Judges a file while it is read.
#[derive(Debug)]
pub struct Checker<'e> {
    records: Records,
    judge: Judge<'e>,
}

#[derive(Debug)]
struct Judge<'e> {
    expected: &'e Expectations,
    format: Format,
    /// Is the instant that freshness is judged at, in milliseconds since the epoch.
    as_of: i64,
    /// Are the columns of a file of fields, once its first line was read.
    header: Option<Vec<String>>,
    rows: u64,
    unreadable: Count,
    /// Are the digests of their names, which may be long.
    unknown: BTreeSet<Digest>,
    unknown_first: Option<u64>,
    tallies: BTreeMap<&'e str, Tally>,
    newest: Newest,
}

impl<'e> Checker<'e> {
    /// Prepares to judge a file.
    ///
    /// - `as_of`: the instant that freshness is judged at, in milliseconds since the epoch.
    pub fn new(expected: &'e Expectations, format: Format, as_of: i64) -> Self {
        let judge = Judge {
            expected,
            format,
            as_of,
            header: None,
            rows: 0,
            unreadable: Count::default(),
            unknown: BTreeSet::new(),
            unknown_first: None,
            tallies: expected.columns.keys().map(|name| (name.as_str(), Tally::default())).collect(),
            newest: Newest::default(),
        };
        Self { records: Records::new(format), judge }
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    ///
    /// [`DataError`] for what cannot be judged at all; nothing more is to be pushed then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), DataError> {
        let Self { records, judge } = self;
        records.push(bytes, |line, record| judge.take(line, record))
    }

    /// Says what was found, at the end of the file.
    ///
    /// # Errors
    ///
    /// As [`Checker::push`]; a file of fields that has no first line.
    pub fn finish(self) -> Result<Checked, DataError> {
        let Self { records, mut judge } = self;
        records.finish(|line, record| judge.take(line, record))?;
        judge.checked()
    }
}

impl Judge<'_> {
    fn take(&mut self, line: u64, record: &[u8]) -> Result<(), DataError> {
        let text = std::str::from_utf8(record).ok();
        match (self.format, text) {
            (Format::Csv, text) if self.header.is_none() => self.take_header(text),
            (Format::Csv, Some(text)) => {
                self.take_fields(line, text);
                Ok(())
            }
            (Format::JsonLines, Some(text)) => self.take_object(line, text),
            (_, None) => {
                self.unreadable.note(line);
                Ok(())
            }
        }
    }

    fn take_header(&mut self, text: Option<&str>) -> Result<(), DataError> {
        let text = text.ok_or(DataError::Header("it is not UTF-8"))?;
        let names = fields(text, self.expected.apart).ok_or(DataError::Header("its quotes do not close"))?;
        if names.len() > COLUMNS_MAX {
            return Err(DataError::Columns(1));
        }
        let mut known = BTreeSet::new();
        if let Some(twice) = names.iter().find(|name| !known.insert(name.as_str())) {
            return Err(DataError::Twice(twice.clone()));
        }
        for name in &names {
            match self.tallies.get_mut(name.as_str()) {
                Some(tally) => tally.is_there = true,
                None => drop(self.unknown.insert(Digest::plain(name.as_bytes()))),
            }
        }
        self.unknown_first = (!self.unknown.is_empty()).then_some(1);
        self.header = Some(names);
        Ok(())
    }

    fn take_fields(&mut self, line: u64, text: &str) {
        let expected = self.expected;
        let header = self.header.as_deref().unwrap_or_default();
        let Some(values) = fields(text, expected.apart).filter(|values| values.len() == header.len()) else {
            return self.unreadable.note(line);
        };
        self.rows = self.rows.saturating_add(1);
        for (name, value) in header.iter().zip(&values) {
            let is_missing = value.is_empty() || expected.null_words.contains(value);
            let cell = if is_missing { Cell::Missing } else { Cell::Text(value) };
            if let (Some(column), Some(tally)) = (expected.columns.get(name), self.tallies.get_mut(name.as_str())) {
                tally.take(line, cell, column);
            }
            if let Some(freshness) = expected.freshness.as_ref().filter(|freshness| freshness.column == *name) {
                self.newest.take(line, cell, freshness, self.as_of);
            }
        }
    }

    fn take_object(&mut self, line: u64, text: &str) -> Result<(), DataError> {
        let Ok(Value::Object(object)) = types::json::parse(text) else {
            self.unreadable.note(line);
            return Ok(());
        };
        self.rows = self.rows.saturating_add(1);
        self.note_unknown(line, &object)?;
        let expected = self.expected;
        for (name, column) in &expected.columns {
            let value = object.get(name);
            let cell = value.map_or(Cell::Missing, Cell::of_json);
            if let Some(tally) = self.tallies.get_mut(name.as_str()) {
                tally.is_there |= value.is_some();
                tally.take(line, cell, column);
            }
            if let Some(freshness) = expected.freshness.as_ref().filter(|freshness| freshness.column == *name) {
                self.newest.take(line, cell, freshness, self.as_of);
            }
        }
        Ok(())
    }

    fn note_unknown(&mut self, line: u64, object: &Map<String, Value>) -> Result<(), DataError> {
        for name in object.keys() {
            if !self.expected.columns.contains_key(name) {
                self.unknown_first.get_or_insert(line);
                self.unknown.insert(Digest::plain(name.as_bytes()));
            }
        }
        if self.unknown.len() > COLUMNS_MAX { Err(DataError::Columns(line)) } else { Ok(()) }
    }

    fn checked(self) -> Result<Checked, DataError> {
        if self.format == Format::Csv && self.header.is_none() {
            return Err(DataError::Header("there is none"));
        }
        let mut findings = vec![self.unreadable.finding("lines", None, "each can be read"), self.rows_finding()];
        if !self.expected.unknown_columns_allowed {
            findings.push(self.unknown_finding());
        }
        for (name, column) in &self.expected.columns {
            if let Some(tally) = self.tallies.get(name.as_str()) {
                tally.findings(name, column, self.rows, &mut findings);
            }
        }
        if let Some(freshness) = &self.expected.freshness {
            findings.push(self.newest.finding(freshness, self.as_of));
        }
        Ok(Checked { rows: self.rows, passed: findings.iter().all(|finding| finding.passed), findings })
    }

    fn rows_finding(&self) -> DataFinding {
        let Expectations { rows_min, rows_max, .. } = self.expected;
        let is_within = self.rows >= *rows_min && rows_max.is_none_or(|most| self.rows <= most);
        let most = rows_max.map(|most| format!(", <= {most}")).unwrap_or_default();
        let finding = Count::default().finding("rows", None, format!(">= {rows_min}{most}"));
        DataFinding { passed: is_within, found: Some(self.rows.to_string()), ..finding }
    }

    fn unknown_finding(&self) -> DataFinding {
        let count = u64::try_from(self.unknown.len()).unwrap_or(u64::MAX);
        let finding = Count::default().finding("unknown-columns", None, "none");
        DataFinding { passed: count == 0, count, line: self.unknown_first, ..finding }
    }
}
