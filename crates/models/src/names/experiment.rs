//! Experiments: ids, names, places of their artifacts, and tags.

use super::{at_most_characters, tag_name};
use crate::{Refusal, python};

const NAME_MAX: usize = 500;
const LOCATION_MAX: usize = 2_048;
const TAG_KEY_MAX: usize = 250;
const TAG_VALUE_MAX: usize = 20_000;

/// Reads the id of an experiment as the integer it is in a database, in its shortest form.
///
/// # Errors
///
/// What Python does not read as an integer.
pub fn experiment_number(id: &str) -> Result<String, Refusal> {
    let message = || format!("Invalid experiment ID '{id}'. Experiment ID must be a valid integer.");
    python::integer(id).ok_or_else(|| Refusal::new(message()))
}

/// Checks the name of an experiment: 1 to 500 characters.
///
/// # Errors
///
/// A name that is empty or longer.
pub fn experiment_name(name: &str) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::new("Invalid experiment name: ''"));
    }
    at_most_characters("name", NAME_MAX, name)
}

/// Checks where the artifacts of an experiment are to be: no URI of a run, at most 2,048 characters.
///
/// # Errors
///
/// Any other place.
pub fn artifact_location(location: &str) -> Result<(), Refusal> {
    if location.starts_with("runs:") {
        return Err(Refusal::new(format!("Artifact location cannot be a runs:/ URI. Given: '{location}'")));
    }
    if location.chars().nth(LOCATION_MAX).is_none() {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "Invalid artifact path length. The length of the artifact path cannot be greater than {LOCATION_MAX} \
         characters. To configure this limit, please set the MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable."
    )))
}

/// Checks a tag of an experiment: a key of at most 250 characters, a value of at most 20,000.
///
/// MLflow also checks what two tags that concern the archiving of traces say; there is no such archive here.
///
/// # Errors
///
/// Those of [`tag_name`], and what is longer.
pub fn experiment_tag(key: &str, value: &str) -> Result<(), Refusal> {
    tag_name(key, "key")?;
    at_most_characters("key", TAG_KEY_MAX, key)?;
    at_most_characters("value", TAG_VALUE_MAX, value)
}
