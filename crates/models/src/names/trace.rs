//! Names, conversations and tags of traces.

use super::at_most_characters;
use crate::Refusal;

const NAME_MAX: usize = 4_096;
const SESSION_MAX: usize = 250;
const ID_MAX: usize = 250;

/// Are the tags that say where the spans of a trace are, and whether moving them failed.
const RESERVED: [&str; 3] =
    ["mlflow.trace.spansLocation", "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure"];

/// Checks the id of a trace or of an assessment: 1 to 250 characters. MLflow's tables declare 50, which SQLite does not hold it to.
///
/// # Errors
///
/// An empty text, and a longer one; `path` is the parameter that has it.
pub fn trace_id(path: &str, id: &str) -> Result<(), Refusal> {
    if id.is_empty() {
        return Err(super::missing(path));
    }
    at_most_characters(path, ID_MAX, id)
}

/// Checks the name of a trace: at most 4,096 characters.
///
/// # Errors
///
/// A longer one.
pub fn trace_name(name: &str) -> Result<(), Refusal> {
    at_most_characters("Trace name", NAME_MAX, name)
}

/// Checks the conversation that a trace belongs to: at most 250 characters.
///
/// # Errors
///
/// A longer one.
pub fn trace_session(session: &str) -> Result<(), Refusal> {
    at_most_characters("Session ID", SESSION_MAX, session)
}

/// Checks that a tag of a trace may be set by whoever asks.
///
/// # Errors
///
/// A tag that is the server's own.
pub fn trace_tag_settable(key: &str) -> Result<(), Refusal> {
    if RESERVED.contains(&key) { Err(immutable(key, "set")) } else { Ok(()) }
}

/// Checks that a tag of a trace may be removed by whoever asks. That moving spans failed may be forgotten, so that it is tried again.
///
/// # Errors
///
/// A tag that is the server's own.
pub fn trace_tag_removable(key: &str) -> Result<(), Refusal> {
    let [location, archive, _] = RESERVED;
    if [location, archive].contains(&key) { Err(immutable(key, "deleted")) } else { Ok(()) }
}

fn immutable(key: &str, done: &str) -> Refusal {
    Refusal::new(format!("Tag '{key}' is immutable and cannot be {done} on a trace."))
}
