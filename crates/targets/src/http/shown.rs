//! What a change has done, as it is told: the parts of the resource that differ.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::declared::Operation;
use super::exchange::{Seen, without};
pub use crate::difference::Difference;

/// Is how many differences are told at most.
const DIFFERENCES_MAX: usize = 50;

/// Is what a change has done, or would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// The operation.
    pub operation: String,
    /// The path of the resource.
    pub resource: String,
    /// What differs, at most 50 parts; empty if nothing does.
    pub differences: Vec<Difference>,
    /// There are more.
    pub truncated: bool,
}

impl Changed {
    /// Says what differs between two looks.
    pub fn between(name: &str, resource: &str, operation: &Operation, before: &Seen, after: Option<&Value>) -> Self {
        let before = before.body.as_ref().map(|body| without(body, operation));
        let after = after.map(|body| without(body, operation));
        let mut differences = Difference::between(before.as_ref(), after.as_ref(), DIFFERENCES_MAX);
        let truncated = differences.len() > DIFFERENCES_MAX;
        differences.truncate(DIFFERENCES_MAX);
        Self { operation: name.to_owned(), resource: resource.to_owned(), differences, truncated }
    }

    /// Tells it in words.
    pub fn in_words(&self) -> String {
        let lines = self.differences.iter().map(Difference::in_words);
        format!("{} of {}{}", self.differences.len(), self.resource, lines.collect::<String>())
    }
}
