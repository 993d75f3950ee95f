//! Who may call an operation, as the OpenAPI document states it in `x-countersign-callers` beside each route.
//!
//! It says what the credential must be, not what policy then decides. What is enforced is the type that the handler takes
//! ([`crate::auth`]); that the two agree is tested for every operation of the document and every kind of caller.

use utoipa::openapi::path::Operation;

/// Names the extension.
const EXTENSION: &str = "x-countersign-callers";

const NOBODY_KNOWN: &str = "none";

/// Are those who need no key, or bring what they need in the body.
pub(crate) const EVERYBODY: [&str; 4] = [NOBODY_KNOWN, "agent", "person", "auditor"];
/// Are those who hold a key.
pub(crate) const HOLDERS: [&str; 3] = ["agent", "person", "auditor"];
/// Are those who hold a key and are no auditors.
pub(crate) const CHANGERS: [&str; 2] = ["agent", "person"];
/// Are agents.
pub(crate) const AGENTS: [&str; 1] = ["agent"];
/// Are people, auditors too.
pub(crate) const PEOPLE: [&str; 2] = ["person", "auditor"];
/// Are people who are no auditors.
pub(crate) const STAFF: [&str; 1] = ["person"];

/// Says whether an operation can be called without any credential.
pub(crate) fn is_open(operation: &Operation) -> bool {
    let stated = operation.extensions.as_ref().and_then(|extensions| extensions.get(EXTENSION));
    stated.and_then(|callers| callers.as_array()).is_some_and(|callers| callers.iter().any(|one| one == NOBODY_KNOWN))
}
