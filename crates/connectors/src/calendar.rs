//! iCalendar (RFC 5545), as far as an on-call schedule needs it: who is there from when to when.
//!
//! What is written has instants in UTC alone, so that no reader needs to know a zone. What is read is taken strictly: an event
//! that repeats, or whose zone is no IANA name, is refused and named by its line, because whoever is on call by mistake
//! decides what agents may do.

mod lines;
mod read;
mod write;

pub use read::read;
pub use write::write;

use types::{Code, Millis};

/// Is the longest calendar that is read, in bytes.
pub const BYTES_MAX: usize = 1 << 20;

/// Is one event: a time, and the texts that may say who it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What it is called.
    pub summary: String,
    /// The attendees: of each the address without `mailto:`, and the name if there is one.
    pub attendees: Vec<Attendee>,
    /// When it begins.
    pub from: Millis,
    /// When it ends, after it begins.
    pub to: Millis,
    /// The line at which it begins in the text, counted from 1.
    pub line: usize,
}

/// Is somebody who attends an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attendee {
    /// The address, without `mailto:`.
    pub address: String,
    /// The name (`CN`).
    pub name: Option<String>,
}

/// Says why a calendar is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// It is not what RFC 5545 describes.
    #[error("line {line}: {what}")]
    Invalid {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// It says something that is not read.
    #[error("line {line}: {what}")]
    Unsupported {
        /// The line, counted from 1.
        line: usize,
        /// What it says.
        what: String,
    },
}

impl CalendarError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Invalid { .. } => Code::CalendarInvalid,
            Self::Unsupported { .. } => Code::CalendarUnsupported,
        }
    }

    fn invalid(line: usize, what: impl Into<String>) -> Self {
        Self::Invalid { line, what: what.into() }
    }

    fn unsupported(line: usize, what: impl Into<String>) -> Self {
        Self::Unsupported { line, what: what.into() }
    }
}
