//! Holding what is stored against what the records make of it, row by row.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use types::Millis;

use super::again::{Problem, Rebuilt, end_of};

/// Says how a stored row and the rebuilt one stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// They are the same, byte by byte.
    Equal,
    /// They are there, and not the same.
    Differs,
    /// The records make one, and none is stored.
    Missing,
    /// One is stored that no record makes.
    Extra,
    /// They are not the same, and the records no longer say enough to tell which is right.
    Erased,
}

impl Answer {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Differs => "differs",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Erased => "erased",
        }
    }
}

/// Counts the rows of one kind by how they came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// The same.
    pub equal: u64,
    /// Not the same.
    pub differ: u64,
    /// Not stored.
    pub missing: u64,
    /// Stored, and made by no record.
    pub extra: u64,
    /// Not to be told any more.
    pub erased: u64,
}

/// Is one row that did not come out equal; what it holds is not told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowTold {
    /// Its kind.
    pub kind: String,
    /// Its key within the kind.
    pub key: String,
    /// How it came out.
    pub answer: Answer,
}

/// Is what holding the two against each other found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Comparison {
    /// How many records were counted.
    pub records: u64,
    /// The rows by kind, in order of name.
    pub kinds: BTreeMap<String, Counts>,
    /// The rows that did not come out equal, in order.
    pub rows: Vec<RowTold>,
    /// The kinds that cannot be told wholly, each with how many records do not say enough, by the reason.
    pub doubts: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// The records that do not follow upon those before them.
    pub problems: Vec<Problem>,
}

impl Comparison {
    /// Says whether a row came out so.
    pub fn has(&self, answer: Answer) -> bool {
        self.rows.iter().any(|row| row.answer == answer)
    }

    /// Says whether anything is certainly otherwise than the records have it.
    pub fn differs(&self) -> bool {
        !self.problems.is_empty() || self.rows.iter().any(|row| row.answer != Answer::Erased)
    }

    /// Says whether every row is what the records make of it.
    pub fn is_equal(&self) -> bool {
        self.rows.is_empty() && self.problems.is_empty()
    }
}

/// Holds stored rows, by kind and key, against rebuilt ones.
///
/// - `now`: an idempotency key, a refusal or an hour that has ended by then stands for nothing, so one of the two may have dropped
///   it already.
pub fn compare(rebuilt: &Rebuilt, stored: &BTreeMap<(String, String), Vec<u8>>, now: Millis) -> Comparison {
    let mut found = Comparison {
        records: rebuilt.records,
        doubts: rebuilt.doubts.clone(),
        problems: rebuilt.problems.clone(),
        ..Comparison::default()
    };
    let places: BTreeSet<&(String, String)> = rebuilt.rows.keys().chain(stored.keys()).collect();
    for place in places {
        let (kind, key) = place;
        let ended = |value: &Vec<u8>| end_of(kind, value).is_some_and(|end| end <= now);
        let answer = match (rebuilt.rows.get(place), stored.get(place)) {
            (Some(rebuilt), Some(stored)) if rebuilt == stored => Answer::Equal,
            (Some(one), None) | (None, Some(one)) if ended(one) => continue,
            (one, other) if rebuilt.doubts(place, one.is_some() && other.is_none()) => Answer::Erased,
            (Some(_), None) => Answer::Missing,
            (None, Some(_)) if !rebuilt.is_of_bundle(place) => Answer::Extra,
            _ => Answer::Differs,
        };
        found.count(kind, key, answer);
    }
    found.missing_bundles(rebuilt, stored);
    found
}

impl Comparison {
    fn count(&mut self, kind: &str, key: &str, answer: Answer) {
        let counts = self.kinds.entry(kind.to_owned()).or_default();
        *match answer {
            Answer::Equal => &mut counts.equal,
            Answer::Differs => &mut counts.differ,
            Answer::Missing => &mut counts.missing,
            Answer::Extra => &mut counts.extra,
            Answer::Erased => &mut counts.erased,
        } += 1;
        if answer != Answer::Equal {
            self.rows.push(RowTold { kind: kind.to_owned(), key: key.to_owned(), answer });
        }
    }

    /// Tells the bundles whose files are neither stored nor anywhere else at hand.
    fn missing_bundles(&mut self, rebuilt: &Rebuilt, stored: &BTreeMap<(String, String), Vec<u8>>) {
        for digest in &rebuilt.bundles {
            let place = (crate::state::kind::BUNDLE.to_owned(), digest.to_string());
            if !rebuilt.rows.contains_key(&place) && !stored.contains_key(&place) {
                self.count(&place.0, &place.1, Answer::Missing);
            }
        }
    }
}
