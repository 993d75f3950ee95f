//! Problems of a bundle: each names its file, line and column, and all of them are reported at once.

use std::fmt;

use types::{Code, text};

/// Is one thing wrong with a bundle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, by its path in the bundle.
    pub file: String,
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// The column, counted from 1 in characters.
    pub column: Option<usize>,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// Builds a problem with a whole file.
    pub fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self { file: plain(file), line: None, column: None, message: plain(&message.into()), help: None }
    }

    /// Builds a problem at a place in a file.
    pub fn at(file: &str, place: Option<Place>, message: impl Into<String>) -> Self {
        Self { line: place.map(|p| p.line), column: place.map(|p| p.column), ..Self::of_file(file, message) }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(plain(&help.into()));
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Is a place in a text: line and column, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Place {
    /// Finds the place of a byte offset; one beyond the end is the place of the end.
    pub fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let column = before.get(line_start..).map_or(0, |rest| rest.chars().count()) + 1;
        Self { line, column }
    }
}

/// Says that a bundle cannot be used, and everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError(pub Vec<Problem>);

impl LoadError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        Code::BundleInvalid
    }

    /// Returns the problems in order of file and line.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the bundle does not validate, {} found:", counted(self.0.len(), "problem"))?;
        for problem in &self.0 {
            write!(f, "\n{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}

/// Makes visible what could hide or move the text around it, which files may hold as well as arguments.
fn plain(text: &str) -> String {
    let show = |c: char| if text::is_deceptive(c) { c.escape_unicode().to_string() } else { c.to_string() };
    text.chars().map(show).collect()
}

/// Writes a number with its noun, such as `1 problem` or `2 problems`.
pub(crate) fn counted(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let text = "ä = 1\nb = 2\n";
        for (offset, line, column) in [(0, 1, 1), (2, 1, 2), (7, 2, 1), (9, 2, 3), (99, 3, 1)] {
            assert_eq!(Place::of(text, offset), Place { line, column }, "{offset}");
        }
    }

    #[test]
    fn a_problem_shows_where_it_is() {
        let place = Place { line: 3, column: 7 };
        assert_eq!(Problem::at("a.toml", Some(place), "bad").to_string(), "a.toml:3:7: bad");
        assert_eq!(Problem::of_file("a.toml", "bad").to_string(), "a.toml: bad");
        assert_eq!(Problem::of_file("a\u{202e}", "b\nc").to_string(), "a\\u{202e}: b\\u{a}c");
    }
}
