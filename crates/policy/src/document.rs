//! One TOML file while it is taken apart: entry by entry, so that one bad entry hides no other.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, ValueDeserializer};

use crate::problem::{Place, Problem};
use crate::report::Report;

/// Is a TOML file of which some entries may have been taken out already.
pub(crate) struct Document<'a> {
    file: &'a str,
    text: &'a str,
    root: Spanned<DeTable<'a>>,
}

impl<'a> Document<'a> {
    /// Parses a file as far as it can be parsed, and remembers where its entries stand.
    pub(crate) fn open(file: &'a str, text: &'a str, report: &mut Report) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            report.push_broken(problem(file, text, error));
        }
        remember(root.get_ref(), file, text, &mut Vec::new(), report);
        Self { file, text, root }
    }

    /// Takes out the section `[section.NAME]` and reads each of its entries.
    ///
    /// An entry that does not fit is reported and left out.
    pub(crate) fn entries<K, V>(&mut self, section: &str, report: &mut Report) -> BTreeMap<K, V>
    where
        K: FromStr<Err: Display> + Ord,
        V: DeserializeOwned,
    {
        let Some(value) = self.root.get_mut().remove(section) else { return BTreeMap::new() };
        let span = value.span();
        let DeValue::Table(table) = value.into_inner() else {
            let message = format!("`{section}` must be a table of entries, such as `[{section}.NAME]`");
            report.push_broken(self.problem_at(span.start, message));
            return BTreeMap::new();
        };
        table
            .into_iter()
            .filter_map(|(name, value)| self.entry(name.span().start, name.get_ref(), value, report))
            .collect()
    }

    fn entry<K, V>(&self, offset: usize, name: &str, value: Spanned<DeValue<'a>>, report: &mut Report) -> Option<(K, V)>
    where
        K: FromStr<Err: Display>,
        V: DeserializeOwned,
    {
        let key = name.parse::<K>().map_err(|error| report.push_broken(self.problem_at(offset, error.to_string())));
        let value = V::deserialize(ValueDeserializer::from(value)).map_err(|error| self.refuse(&error, offset, report));
        Some((key.ok()?, value.ok()?))
    }

    /// Takes out the table `[section]` and reads it as a whole; `None` if there is none or it does not fit.
    pub(crate) fn section<T: DeserializeOwned>(&mut self, section: &str, report: &mut Report) -> Option<T> {
        let value = self.root.get_mut().remove(section)?;
        let offset = value.span().start;
        T::deserialize(ValueDeserializer::from(value)).map_err(|error| self.refuse(&error, offset, report)).ok()
    }

    /// Reads what is left as one value.
    pub(crate) fn rest<T: DeserializeOwned>(self, report: &mut Report) -> Option<T> {
        let Self { file, text, root } = self;
        let error = match T::deserialize(Deserializer::from(root)) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        // A file with a syntax error lacks entries; that they are missing is no second problem.
        if !report.is_broken(file) {
            report.push_broken(problem(file, text, &error));
        }
        None
    }

    /// Refuses what is left: a file of sections has nothing besides them.
    pub(crate) fn end(self, expected: &[&str], report: &mut Report) {
        for key in self.root.get_ref().keys() {
            let expected = expected.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let message = format!("unknown key `{}`, expected {expected}", key.get_ref());
            report.push_broken(self.problem_at(key.span().start, message));
        }
    }

    fn refuse(&self, error: &toml::de::Error, offset: usize, report: &mut Report) {
        let offset = error.span().map_or(offset, |span| span.start);
        // What a syntax error left behind there is no second problem.
        if !report.has_problem_at(self.file, Place::of(self.text, offset)) {
            report.push_broken(self.problem_at(offset, error.message()));
        }
    }

    fn problem_at(&self, offset: usize, message: impl Into<String>) -> Problem {
        Problem::at(self.file, Some(Place::of(self.text, offset)), message)
    }
}

fn problem(file: &str, text: &str, error: &toml::de::Error) -> Problem {
    Problem::at(file, error.span().map(|span| Place::of(text, span.start)), error.message())
}

fn remember(table: &DeTable<'_>, file: &str, text: &str, path: &mut Vec<String>, report: &mut Report) {
    for (key, value) in table.iter() {
        path.push(key.get_ref().to_string());
        report.place(file, path, Place::of(text, key.span().start));
        remember_value(value, file, text, path, report);
        path.pop();
    }
}

fn remember_value(value: &Spanned<DeValue<'_>>, file: &str, text: &str, path: &mut Vec<String>, report: &mut Report) {
    match value.get_ref() {
        DeValue::Table(table) => remember(table, file, text, path, report),
        DeValue::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                path.push(n.to_string());
                report.place(file, path, Place::of(text, item.span().start));
                remember_value(item, file, text, path, report);
                path.pop();
            }
        }
        _ => report.place(file, path, Place::of(text, value.span().start)),
    }
}
