//! What is expected of data, read from TOML, with every contradiction told.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::COLUMNS_MAX;
use super::cell::Number;

/// Is the largest file of expectations that is read, in bytes.
pub const EXPECTATIONS_BYTES_MAX: usize = 1 << 20;

/// Is how many columns expectations name at most, and how many values a column allows.
const NAMED_MAX: usize = 1_000;

/// Is a share of everything, in millionths.
const WHOLE_MILLIONTHS: i64 = 1_000_000;

/// Says of what type the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnType {
    /// Whole numbers, written as such.
    Integer,
    /// Finite numbers.
    Number,
    /// Texts.
    Text,
    /// True or false.
    Boolean,
    /// Instants of RFC 3339, times without a zone, or dates.
    Time,
    /// Whole seconds since the epoch.
    EpochSeconds,
    /// Whole milliseconds since the epoch.
    EpochMilliseconds,
}

impl ColumnType {
    /// Returns how it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Text => "text",
            Self::Boolean => "boolean",
            Self::Time => "time",
            Self::EpochSeconds => "epoch-seconds",
            Self::EpochMilliseconds => "epoch-milliseconds",
        }
    }

    fn is_of_numbers(self) -> bool {
        matches!(self, Self::Integer | Self::Number)
    }

    fn is_of_time(self) -> bool {
        matches!(self, Self::Time | Self::EpochSeconds | Self::EpochMilliseconds)
    }
}

/// Says what is wrong with expectations: each problem in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ExpectationsError(pub Vec<String>);

/// Is what is expected of data.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectations {
    pub(super) apart: char,
    pub(super) null_words: BTreeSet<String>,
    pub(super) unknown_columns_allowed: bool,
    pub(super) rows_min: u64,
    pub(super) rows_max: Option<u64>,
    pub(super) freshness: Option<Freshness>,
    pub(super) columns: BTreeMap<String, Column>,
}

/// Is how old the newest instant of a column may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Freshness {
    pub(super) column: String,
    pub(super) kind: ColumnType,
    pub(super) age_ms_max: i64,
}

/// Is what is expected of a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) kind: Option<ColumnType>,
    pub(super) is_required: bool,
    pub(super) nulls_millionths_max: Option<i64>,
    pub(super) min: Option<Number>,
    pub(super) max: Option<Number>,
    pub(super) range: String,
    pub(super) allowed: BTreeSet<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    file: WrittenFile,
    volume: WrittenVolume,
    freshness: Option<WrittenFreshness>,
    columns: BTreeMap<String, WrittenColumn>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenFile {
    delimiter: Option<char>,
    null_words: BTreeSet<String>,
    unknown_columns: Unknown,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Unknown {
    #[default]
    Refuse,
    Allow,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenVolume {
    rows_min: Option<u64>,
    rows_max: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFreshness {
    column: String,
    age_max: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenColumn {
    #[serde(rename = "type")]
    kind: Option<ColumnType>,
    #[serde(default = "yes")]
    required: bool,
    nulls_max: Option<toml::Value>,
    min: Option<toml::Value>,
    max: Option<toml::Value>,
    #[serde(default)]
    allowed: Vec<toml::Value>,
}

fn yes() -> bool {
    true
}

impl Expectations {
    /// Reads expectations.
    ///
    /// # Errors
    ///
    /// [`ExpectationsError`] for what is no TOML of that form; and with every problem, if numbers are out of range, if something is demanded that
    /// the column's type has not, or if nothing is demanded at all.
    pub fn read(text: &str) -> Result<Self, ExpectationsError> {
        let written: Written = toml::from_str(text).map_err(|error| ExpectationsError(vec![error.to_string()]))?;
        let mut problems = Vec::new();
        let read = written.read(&mut problems);
        if problems.is_empty() { Ok(read) } else { Err(ExpectationsError(problems)) }
    }
}

impl Written {
    fn read(self, problems: &mut Vec<String>) -> Expectations {
        let Self { file, volume, freshness, columns } = self;
        if columns.is_empty() && volume.rows_min.is_none() && volume.rows_max.is_none() && freshness.is_none() {
            problems.push("nothing is expected: name a column as `[columns.NAME]`".to_owned());
        }
        if columns.len() > NAMED_MAX.min(COLUMNS_MAX) {
            problems.push(format!("{} columns are named, and {NAMED_MAX} is the most", columns.len()));
        }
        let apart = file.delimiter.unwrap_or(',');
        if !apart.is_ascii() || matches!(apart, '"' | '\n' | '\r') {
            problems.push("[file] `delimiter` is one character of ASCII, and no quote or line end".to_owned());
        }
        // No row at all proves nothing, so that must be allowed in so many words.
        let rows_min = volume.rows_min.unwrap_or(1);
        if volume.rows_max.is_some_and(|most| most < rows_min) {
            problems.push(format!("[volume] `rows_max` is less than `rows_min`, which is {rows_min}"));
        }
        let freshness = freshness.and_then(|freshness| freshness.read(&columns, problems));
        let columns: BTreeMap<_, _> =
            columns.into_iter().map(|(name, column)| (name.clone(), column.read(&name, problems))).collect();
        Expectations {
            apart,
            null_words: file.null_words,
            unknown_columns_allowed: file.unknown_columns == Unknown::Allow,
            rows_min,
            rows_max: volume.rows_max,
            freshness,
            columns,
        }
    }
}

impl WrittenFreshness {
    fn read(self, columns: &BTreeMap<String, WrittenColumn>, problems: &mut Vec<String>) -> Option<Freshness> {
        let Self { column, age_max } = self;
        let kind = columns.get(&column).and_then(|column| column.kind).filter(|kind| kind.is_of_time());
        if kind.is_none() {
            problems.push(format!(
                "[freshness] `{column}` must be a column of the type `time`, `epoch-seconds` or `epoch-milliseconds`"
            ));
        }
        let age_ms_max = duration_ms(&age_max);
        if age_ms_max.is_none() {
            problems.push(format!("[freshness] `age_max` is `{age_max}`, and a number with s, m, h or d is expected"));
        }
        Some(Freshness { column, kind: kind?, age_ms_max: age_ms_max? })
    }
}

/// Reads a duration such as `36h`, in milliseconds.
fn duration_ms(text: &str) -> Option<i64> {
    let unit_ms = match text.chars().last()? {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    let count: u32 = text.get(..text.len().checked_sub(1)?)?.parse().ok()?;
    i64::from(count).checked_mul(unit_ms)
}

impl WrittenColumn {
    fn read(self, name: &str, problems: &mut Vec<String>) -> Column {
        let mut wrong = |what: String| problems.push(format!("[columns.{name}] {what}"));
        let nulls_millionths_max = self.nulls_max.as_ref().and_then(|share| {
            let share = number(share).map(Number::millionths).filter(|share| (0..=WHOLE_MILLIONTHS).contains(share));
            if share.is_none() {
                wrong("`nulls_max` is a share from 0 to 1".to_owned());
            }
            share
        });
        let mut end = |what: &str, end: &Option<toml::Value>| {
            let read = end.as_ref().and_then(number);
            if end.is_some() && (read.is_none() || !self.kind.is_some_and(ColumnType::is_of_numbers)) {
                wrong(format!("`{what}` is a finite number, of a column of the type `integer` or `number`"));
            }
            read
        };
        let (min, max) = (end("min", &self.min), end("max", &self.max));
        if min.zip(max).is_some_and(|(min, max)| min.order(max).is_gt()) {
            wrong("`min` is more than `max`".to_owned());
        }
        if self.allowed.len() > NAMED_MAX {
            wrong(format!("`allowed` has {} values, and {NAMED_MAX} is the most", self.allowed.len()));
        }
        let allowed: Option<BTreeSet<String>> = self.allowed.iter().map(plain).collect();
        if allowed.is_none() {
            wrong("`allowed` has texts, numbers and true or false".to_owned());
        }
        let ends = [(">=", &self.min), ("<=", &self.max)]
            .map(|(sign, end)| end.as_ref().and_then(plain).map(|end| format!("{sign} {end}")));
        Column {
            kind: self.kind,
            is_required: self.required,
            nulls_millionths_max,
            min,
            max,
            range: ends.into_iter().flatten().collect::<Vec<_>>().join(", "),
            allowed: allowed.unwrap_or_default(),
        }
    }
}

/// Returns a value as it is written in data; nothing of what has parts.
fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => Some(value.to_string()),
        _ => None,
    }
}

fn number(value: &toml::Value) -> Option<Number> {
    match value {
        toml::Value::Integer(_) | toml::Value::Float(_) => Number::read(&value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn every_problem_is_told() {
        let text = "[file]\ndelimiter = '\"'\n[volume]\nrows_min = 5\nrows_max = 4\n\
                    [freshness]\ncolumn = 'at'\nage_max = '3 days'\n\
                    [columns.a]\nmin = 1\nnulls_max = 1.5\n[columns.b]\ntype = 'integer'\nmin = 2\nmax = 1\nallowed = [[1]]\n\
                    [columns.c]\ntype = 'number'\nmax = inf\n";
        let problems = Expectations::read(text).unwrap_err().0;
        assert_eq!(problems.len(), 9, "{problems:#?}");
        for wanted in [
            "delimiter",
            "rows_max",
            "`at`",
            "age_max",
            "nulls_max",
            "`min` is a finite",
            "`min` is more",
            "allowed",
            "`max`",
        ] {
            assert!(problems.iter().any(|problem| problem.contains(wanted)), "{wanted}: {problems:#?}");
        }
    }

    #[test]
    fn what_is_no_expectation_is_refused() {
        for text in
            ["", "[columns.a]\ntypo = 1", "[columns.a]\ntype = 'float'", "x", "[volume]\nrows_min = -1", "rows = 1"]
        {
            assert!(Expectations::read(text).is_err(), "{text}");
        }
        assert!(Expectations::read("[columns.a]").is_ok());
        assert!(Expectations::read("[volume]\nrows_min = 0").is_ok());
    }

    #[test]
    fn durations_have_a_unit() {
        for (text, expected) in
            [("90s", Some(90_000)), ("36h", Some(129_600_000)), ("7d", Some(604_800_000)), ("2m", Some(120_000))]
        {
            assert_eq!(duration_ms(text), expected);
        }
        for text in ["", "h", "1", "1w", "-1h", "1.5h", "ä"] {
            assert_eq!(duration_ms(text), None, "{text}");
        }
    }
}
