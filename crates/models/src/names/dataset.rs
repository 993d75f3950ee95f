//! Datasets that a run read.

use super::at_most_characters;
use crate::Refusal;

const NAME_MAX: usize = 500;
const DIGEST_MAX: usize = 36;
const SOURCE_MAX: usize = 65_535;
const SCHEMA_MAX: usize = 1_048_575;
const PROFILE_MAX: usize = 16_777_215;
const TAG_KEY_MAX: usize = 255;
const TAG_VALUE_MAX: usize = 500;

/// Is a dataset as a request has it; the type of its source has no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dataset<'a> {
    /// At most 500 characters.
    pub name: &'a str,
    /// At most 36 characters.
    pub digest: &'a str,
    /// At most 65,535 characters.
    pub source: &'a str,
    /// At most 1,048,575 characters.
    pub schema: Option<&'a str>,
    /// At most 16,777,215 characters.
    pub profile: Option<&'a str>,
}

/// Checks the lengths of a dataset.
///
/// # Errors
///
/// A field that is longer than it may be.
pub fn dataset(dataset: &Dataset<'_>) -> Result<(), Refusal> {
    at_most_characters("name", NAME_MAX, dataset.name)?;
    at_most_characters("digest", DIGEST_MAX, dataset.digest)?;
    at_most_characters("source", SOURCE_MAX, dataset.source)?;
    at_most_characters("schema", SCHEMA_MAX, dataset.schema.unwrap_or_default())?;
    at_most_characters("profile", PROFILE_MAX, dataset.profile.unwrap_or_default())
}

/// Checks a tag of a run's input: a key of at most 255 characters, a value of at most 500.
///
/// # Errors
///
/// What is longer.
pub fn input_tag(key: &str, value: &str) -> Result<(), Refusal> {
    at_most_characters("key", TAG_KEY_MAX, key)?;
    at_most_characters("value", TAG_VALUE_MAX, value)
}
