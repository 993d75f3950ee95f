//! One action that every stage allows, and changes to it.

use countersign_stages::decision::Finished;
use serde_json::{Value, json};
use spec::vector::{BASE, Vector, read};

use crate::fast;

/// Returns the case of `spec/vectors/base.json` with a merge patch (RFC 7396) applied.
pub fn changed(change: &Value) -> Vector {
    let file = json!([{ "name": "", "change": change, "verdict": "deny" }]).to_string();
    read(BASE, &file).unwrap_or_else(|error| panic!("{change}: {error}")).remove(0)
}

/// Decides the base case after a change.
pub fn decide(change: &Value) -> Finished {
    let case = changed(change);
    fast::decide(&case.proposal, &case.facts, &case.bundle, &|asker, mode| case.permits(asker, mode))
}

/// Returns a change of facts alone.
pub fn facts(facts: Value) -> Value {
    json!({ "facts": facts })
}
