//! Ids of runs.

use super::{invalid_text, is_id};
use crate::Refusal;

/// Checks the id of a run: a letter or digit, then up to 255 letters, digits, `_` and `-`.
///
/// # Errors
///
/// Any other text; `path` is the parameter that has it.
pub fn run_id(id: &str, path: &str) -> Result<(), Refusal> {
    if is_id(id, 255) { Ok(()) } else { Err(invalid_text(path, id, None)) }
}
