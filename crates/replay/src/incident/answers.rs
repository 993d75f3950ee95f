//! The recorded answers, handed out in their order.

use std::collections::BTreeMap;

use super::align::Key;
use super::recording::Recording;

/// Says what the record has for a call; numbers are places among the recorded calls, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The n-th identical call meets the n-th recorded one.
    Recorded(usize),
    /// It was made more often than it was recorded, and the last recorded one only reads: that is met again.
    Repeated(usize),
    /// It was made more often than it was recorded, and has an effect each time.
    Spent(usize),
    /// The record does not know it.
    Unknown,
}

/// Counts which recorded calls were met.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    places: BTreeMap<Key, Vec<usize>>,
    met: BTreeMap<Key, usize>,
}

impl Answers {
    /// Takes every recorded call.
    pub fn of_all(recording: &Recording) -> Self {
        Self::of(recording, |_| true)
    }

    /// Takes the calls that reached their servers, for whoever stands where the server stood; where an action was only
    /// ever refused, that stands for it.
    pub fn of_carried_out(recording: &Recording) -> Self {
        let reached = |key: &Key| recording.calls.iter().any(|call| call.key() == key && call.answer.was_carried_out());
        Self::of(recording, |place| {
            let call = recording.calls.get(place);
            call.is_some_and(|call| call.answer.was_carried_out() || !reached(call.key()))
        })
    }

    fn of(recording: &Recording, takes: impl Fn(usize) -> bool) -> Self {
        let mut answers = Self::default();
        for (place, call) in recording.calls.iter().enumerate().filter(|(place, _)| takes(*place)) {
            answers.places.entry(call.key().clone()).or_default().push(place);
        }
        answers
    }

    /// Says what the record has for a call that is made now, and counts it.
    pub fn meet(&mut self, recording: &Recording, key: &Key) -> Place {
        let Some(places) = self.places.get(key) else { return Place::Unknown };
        let met = self.met.entry(key.clone()).or_default();
        let next = places.get(*met).copied();
        *met += 1;
        match (next, places.last()) {
            (Some(place), _) => Place::Recorded(place),
            (None, Some(last)) if recording.calls.get(*last).is_some_and(super::Call::only_reads) => {
                Place::Repeated(*last)
            }
            (None, Some(last)) => Place::Spent(*last),
            (None, None) => Place::Unknown,
        }
    }
}
