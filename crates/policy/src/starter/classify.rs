//! Proposes what a tool does, from what its server says of it and from its name.

use types::{EffectClass, Reversibility};

use super::StarterTool;

const READS: [&str; 12] =
    ["get", "list", "read", "search", "describe", "fetch", "query", "show", "view", "stat", "tree", "find"];
const DESTROYS: [&str; 11] =
    ["delete", "remove", "drop", "destroy", "purge", "kill", "truncate", "wipe", "reset", "terminate", "revoke"];
// A name with one of these does more than read, whatever it begins with.
const WRITES: [&str; 26] = [
    "add", "and", "apply", "create", "deploy", "edit", "exec", "execute", "insert", "move", "patch", "post", "put",
    "rename", "replace", "restart", "run", "save", "scale", "send", "set", "start", "stop", "update", "upload",
    "write",
];

/// Is what a tool seems to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only reads.
    Reads,
    /// It changes something, or nobody knows.
    Writes,
    /// It takes something away for good.
    Destroys,
}

impl Kind {
    /// Returns the class of the starter bundle.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Reads => "read",
            Self::Writes => "write",
            Self::Destroys => "destructive",
        }
    }

    /// Returns the effect class to propose. An idempotent call leaves a state that can be looked at again.
    pub(super) fn effect(self, idempotent: bool) -> EffectClass {
        match self {
            Self::Reads => EffectClass::Read,
            Self::Writes | Self::Destroys if idempotent => EffectClass::Reconcilable,
            Self::Writes | Self::Destroys => EffectClass::Unsafe,
        }
    }

    /// Returns the reversibility to propose: the worst, until somebody knows better.
    pub(super) fn reversibility(self) -> Reversibility {
        match self {
            Self::Reads => Reversibility::Reversible,
            Self::Writes | Self::Destroys => Reversibility::Irreversible,
        }
    }
}

/// Proposes what a tool does.
///
/// The server's hints come first, but they are claims: one that says `read only` of a name that says
/// `delete`, or does not begin as reading and says `run`, is not believed.
pub(super) fn kind(tool: &StarterTool) -> Kind {
    let words = words(&tool.name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let (destroys, writes) = (has(&DESTROYS), has(&WRITES));
    let reads = words.first().is_some_and(|word| READS.contains(&word.as_str()));
    match (tool.read_only, tool.destructive) {
        (Some(true), _) if !destroys && (reads || !writes) => Kind::Reads,
        (_, Some(true)) => Kind::Destroys,
        (Some(false), Some(false)) => Kind::Writes,
        _ if destroys => Kind::Destroys,
        (None, None) if reads && !writes => Kind::Reads,
        _ => Kind::Writes,
    }
}

/// Splits a name such as `list_allFiles` into `list`, `all`, `files`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && after_small) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        after_small = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use types::Digest;

    use super::*;

    fn tool(name: &str, read_only: Option<bool>, destructive: Option<bool>) -> StarterTool {
        StarterTool {
            name: name.to_owned(),
            description: String::new(),
            read_only,
            destructive,
            idempotent: None,
            input_schema: serde_json::json!({}),
            output_schema: serde_json::Value::Null,
            claims: crate::starter::Claims::default(),
            definition: Digest::default(),
        }
    }

    #[test]
    fn names_tell_when_hints_do_not() {
        for (name, expected) in [
            ("read_file", Kind::Reads),
            ("listAllFiles", Kind::Reads),
            ("tree", Kind::Reads),
            ("prune_tree", Kind::Writes),
            ("get_and_increment", Kind::Writes),
            ("set_view", Kind::Writes),
            ("frobnicate", Kind::Writes),
            ("", Kind::Writes),
            ("delete_file", Kind::Destroys),
            ("getOrDeleteFile", Kind::Destroys),
            ("DROP-TABLE", Kind::Destroys),
        ] {
            assert_eq!(kind(&tool(name, None, None)), expected, "{name}");
        }
    }

    #[test]
    fn hints_come_first_but_are_not_believed_blindly() {
        for (name, read_only, destructive, expected) in [
            ("directory_tree", Some(true), None, Kind::Reads),
            ("get_workflow_run", Some(true), None, Kind::Reads),
            ("get_workflow_run", None, None, Kind::Writes),
            ("read_multiple_files", Some(true), None, Kind::Reads),
            ("list_directory_with_sizes", Some(true), Some(false), Kind::Reads),
            ("open_nodes", Some(true), Some(false), Kind::Reads),
            ("write_file", Some(true), None, Kind::Writes),
            ("run_command", Some(true), Some(false), Kind::Writes),
            ("sendEmail", Some(true), Some(true), Kind::Destroys),
            ("delete_file", Some(true), None, Kind::Destroys),
            ("read_file", Some(false), None, Kind::Writes),
            ("write_file", Some(false), Some(true), Kind::Destroys),
            ("remove_tag", Some(false), Some(false), Kind::Writes),
            ("delete_all", None, Some(false), Kind::Destroys),
            ("read_all", None, Some(false), Kind::Writes),
        ] {
            assert_eq!(kind(&tool(name, read_only, destructive)), expected, "{name}");
        }
    }
}
