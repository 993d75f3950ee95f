//! Names in Cedar: which texts may be identifiers, and how others are quoted.

/// The entity types every schema has.
pub(crate) const MODE: &str = "Mode";
/// Teams of agents.
pub(crate) const TEAM: &str = "Team";
/// Groups of people.
pub(crate) const GROUP: &str = "Group";
/// People.
pub(crate) const PERSON: &str = "Person";
/// Agents.
pub(crate) const AGENT: &str = "Agent";
/// Servers, the resource of a tool that names no entity.
pub(crate) const SERVER: &str = "Server";

const TAKEN: [&str; 18] = [
    MODE,
    TEAM,
    GROUP,
    PERSON,
    AGENT,
    SERVER,
    "Action",
    "Bool",
    "Boolean",
    "Long",
    "String",
    "Set",
    "Record",
    "Entity",
    "Extension",
    "datetime",
    "duration",
    "decimal",
];
const RESERVED: [&str; 10] = ["true", "false", "if", "then", "else", "in", "is", "like", "has", "ipaddr"];

/// Says whether a text is a plain Cedar identifier that needs no quotes.
pub(crate) fn is_identifier(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    let rest = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    first && rest && !text.starts_with("__") && !RESERVED.contains(&text)
}

/// Says why a text cannot name an entity kind; `None` if it can.
pub(crate) fn refuse_kind(text: &str) -> Option<String> {
    if TAKEN.contains(&text) {
        Some(format!("`{text}` cannot name a kind: Cedar or Countersign uses the name already"))
    } else if !is_identifier(text) {
        Some(format!("`{text}` cannot name a kind: use letters, digits and `_`, first a letter, as in `Service`"))
    } else {
        None
    }
}

/// Says whether a name cannot be an attribute, because Cedar keeps it or an entity has it anyway.
pub(crate) fn is_reserved_attribute(text: &str) -> bool {
    text.is_empty() || text == "id" || text.starts_with("__")
}

/// Writes a text as a Cedar string literal.
pub(crate) fn quote(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// Writes an attribute name, quoted where it must be.
pub(crate) fn attribute(text: &str) -> String {
    if is_identifier(text) { text.to_owned() } else { quote(text) }
}
