//! What the desk needs of the application: its time, what is recorded, and what a notice tells by now.

use std::collections::BTreeSet;

use store::outbox::{Cursor, Notice};
use types::Millis;

use crate::event::{Event, EventKind};

/// Is something that was found to tell, before it is known to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its id: the same however often it is found.
    pub id: String,
    /// What kind of event it is.
    pub kind: EventKind,
    /// What it is about, in the source's own words; it holds nothing that may have to be forgotten.
    pub about: String,
    /// When it happens.
    pub at: Millis,
    /// When it is to be told.
    pub due: Millis,
    /// When it is of no use any more.
    pub until: Millis,
    /// The groups of people that are asked; none if it concerns everybody.
    pub groups: BTreeSet<String>,
    /// The profiles by which they are.
    pub profiles: BTreeSet<String>,
}

/// Is what was found since a place in the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// The place up to which everything was found.
    pub cursor: Cursor,
    /// What was found, in order.
    pub found: Vec<Found>,
    /// There are further records already.
    pub more: bool,
}

/// Tells the desk what happens. Every method may block for a moment, as reading a file does.
pub trait Source: Send + Sync + 'static {
    /// Returns the time; `None` once the application has ended, and with it the desk's work.
    fn now(&self) -> Option<Millis>;

    /// Returns random bits.
    fn random(&self) -> u64;

    /// Finds what is to be told since a place, at most some hundred records at a time; `None` for the place means that nothing was ever told.
    ///
    /// # Errors
    ///
    /// A text if the records cannot be read now.
    fn follow(&self, from: Option<Cursor>) -> Result<Followed, String>;

    /// Says what a notice tells by now; `None` if it is over, or was erased.
    ///
    /// # Errors
    ///
    /// A text if the records cannot be read now.
    fn tell(&self, notice: &Notice) -> Result<Option<Event>, String>;

    /// Returns where a person sees all cases that wait.
    fn inbox(&self) -> String;
}
