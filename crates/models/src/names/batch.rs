//! Batches of metrics, parameters and tags.

use std::collections::HashSet;

use crate::{Refusal, python};

const METRICS_MAX: usize = 1_000;
const PARAMS_MAX: usize = 100;
const TAGS_MAX: usize = 100;
const ALL_MAX: usize = 1_000;

/// Checks how much a batch holds: at most 1,000 metrics, 100 parameters, 100 tags, and 1,000 of all together.
///
/// # Errors
///
/// More of them.
pub fn batch_limits(metrics: usize, params: usize, tags: usize) -> Result<(), Refusal> {
    at_most("metrics", METRICS_MAX, metrics)?;
    at_most("params", PARAMS_MAX, params)?;
    at_most("tags", TAGS_MAX, tags)?;
    at_most("metrics, params, and tags", ALL_MAX, metrics.saturating_add(params).saturating_add(tags))
}

fn at_most(what: &str, limit: usize, count: usize) -> Result<(), Refusal> {
    if count <= limit {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "A batch logging request can contain at most {limit} {what}. Got {count} {what}. \
         Please split up {what} across multiple requests and try again."
    )))
}

/// Checks that a batch has one value for each parameter.
///
/// # Errors
///
/// A key that is there twice, even with the same value.
pub fn unique_params<T: AsRef<str>>(keys: &[T]) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    let again: Vec<&str> = keys.iter().map(AsRef::as_ref).filter(|key| !seen.insert(*key)).collect();
    if again.is_empty() {
        return Ok(());
    }
    let again = python::list(&again);
    Err(Refusal::new(format!(
        "Duplicate parameter keys have been submitted: {again}. \
         Please ensure the request contains only one param value per param key."
    )))
}
