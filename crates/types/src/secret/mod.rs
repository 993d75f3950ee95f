//! Secrets in arguments and results: which parts are secret, why, and what stands in their place in every record.
//!
//! Nothing here holds a key. That a part is secret is said by the catalogue, by the tool's own schema or by a property's
//! name; what then takes its place is a [`mark()`], whose tag the caller computes.

mod declared;
mod mark;
mod name;
mod pattern;

pub use declared::{Declared, Nodes};
pub use mark::{MARK, ROOM, is_mark, mark, marks, pointer};
pub use name::is_secret_name;
pub use pattern::{Pattern, PatternError};

use crate::bundle::Tool;

/// Says who calls a part secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The catalogue of the bundle.
    Catalogue,
    /// The tool's own schema, as its server lists it.
    Schema,
    /// The name of the property.
    Name,
}

impl Why {
    /// Returns the word used in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Catalogue => "catalogue",
            Self::Schema => "schema",
            Self::Name => "name",
        }
    }
}

/// Is what a bundle says of one side of a tool, its arguments or its results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'a> {
    /// What is secret.
    pub secret: &'a [Pattern],
    /// What is not, though its name says so.
    pub not_secret: &'a [Pattern],
}

impl<'a> Listed<'a> {
    /// Returns what a catalogue entry says of the tool's arguments.
    pub fn arguments(tool: &'a Tool) -> Self {
        Self { secret: &tool.secret, not_secret: &tool.not_secret }
    }

    /// Returns what a catalogue entry says of the tool's results.
    pub fn results(tool: &'a Tool) -> Self {
        Self { secret: &tool.secret_results, not_secret: &tool.not_secret_results }
    }

    /// Says whether the part at a path is secret, and who says so.
    ///
    /// - `path`: the names and positions that lead there from the top.
    /// - `nodes`: what the tool's own schema says of the part, if there is one.
    pub fn why(&self, path: &[String], nodes: Option<&Nodes<'_>>) -> Option<Why> {
        if self.secret.iter().any(|pattern| pattern.matches(path)) {
            return Some(Why::Catalogue);
        }
        if nodes.is_some_and(Nodes::is_secret) {
            return Some(Why::Schema);
        }
        let named = path.last().is_some_and(|name| is_secret_name(name));
        let lifted = || self.not_secret.iter().any(|pattern| pattern.matches(path));
        (named && !lifted()).then_some(Why::Name)
    }

    /// Says who calls secret what a JSON Pointer reads: the part itself, or one around it.
    pub fn why_at(&self, pointer: &str) -> Option<Why> {
        let path = pattern::steps(pointer).ok()?;
        (1..=path.len()).find_map(|n| self.why(path.get(..n)?, None))
    }
}
