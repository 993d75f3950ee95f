//! The parts of a starter bundle that depend on the tools: the catalogue and the tests.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;
use types::bundle::Server;
use types::planning::Planning;
use types::reversal::{Template, Undo};
use types::secret::{Declared, is_secret_name, pointer};
use types::{EffectClass, Reversibility, text};

use super::{Entry, Kind, StarterInput, sample};

const DESCRIPTION_MAX: usize = 100;

const CATALOG: &str = "\
# The server and its tools: how it is reached, and what each tool does.
#
# The classes below are proposals, made from what the server claims and from the tools' names. Read them: a
# tool in the wrong class is decided by the wrong policy.
#
#   class          one of classes.toml
#   effect         read | keyed | reconcilable | unsafe: what repeating the call would do
#   reversibility  reversible | compensable | staged | irreversible: how the effect is taken back
#   definition     the digest of the tool's definition as it was reviewed; if the server changes it, the tool
#                  is quarantined until somebody pins the new one
#   secret         which arguments are redacted in every record, as JSON Pointers with `*` for any name or position and
#                  `**` for any depth; secret_results says the same of results. What a tool's schema calls `writeOnly`,
#                  `format: password` or `x-secret`, and what its name gives away (password, token, api_key …), is
#                  redacted anyway; not_secret and not_secret_results lift what only a name gives away
#
# A tool whose arguments name an entity of inventory.toml can say so:
#   resource = { kind = \"Service\", id = \"/service\" }

";

/// Writes `catalog/SERVER.toml`.
pub(super) fn catalog(input: &StarterInput, entries: &[Entry]) -> String {
    let mut out = CATALOG.to_owned();
    out.push_str(&wiring(&input.wiring));
    for entry in entries {
        tool(&mut out, entry);
    }
    out
}

fn wiring(server: &Server) -> String {
    #[derive(Serialize)]
    struct Wiring<'a> {
        server: &'a Server,
    }
    // A server is texts, lists and tables of texts, all of which TOML can hold.
    toml::to_string(&Wiring { server }).unwrap_or_default()
}

fn tool(out: &mut String, entry: &Entry) {
    out.push('\n');
    let described = described(&entry.description);
    if !described.is_empty() {
        let _ = writeln!(out, "# {described}");
    }
    let effect = if entry.claims.keyed.is_some() { EffectClass::Keyed } else { entry.kind.effect(entry.idempotent) };
    let reversibility =
        if entry.claims.undo.is_some() { Reversibility::Reversible } else { entry.kind.reversibility() };
    let _ = write!(
        out,
        "[tools.{}]\nclass = \"{}\"\neffect = \"{}\"\nreversibility = \"{}\"\n",
        key(&entry.name.operation),
        entry.kind.class(),
        effect.as_str(),
        reversibility.as_str(),
    );
    if entry.claims.audit {
        out.push_str("# The server says that it lists what changed the system; `countersign reconcile` holds that against the journal.\naudit = true\n");
    }
    if let Some(keyed) = &entry.claims.keyed {
        let (name, ttl) = (quote(&keyed.argument), keyed.ttl_ms);
        out.push_str(
            "# The server says that it does a call once under this argument; the gateway puts its own id there.\n",
        );
        let _ = writeln!(out, "key_argument = {name}\nkey_ttl_ms = {ttl}");
    }
    if let Some(definition) = &entry.definition {
        let _ = writeln!(out, "definition = \"{definition}\"");
    }
    for (key, schema) in [("secret", &entry.input_schema), ("secret_results", &entry.output_schema)] {
        let places: Vec<String> = secrets(schema).iter().map(|place| quote(place)).collect();
        if !places.is_empty() {
            let _ = writeln!(out, "{key} = [{}]", places.join(", "));
        }
    }
    if let Some(undo) = &entry.claims.undo {
        undone(out, &entry.name.operation, undo);
    }
    if let Some(plan) = &entry.claims.plan {
        planned(out, &entry.name.operation, plan);
    }
}

/// Writes how it is found out what a tool would do, as its server says.
fn planned(out: &mut String, operation: &str, plan: &Planning) {
    let _ = writeln!(
        out,
        "# The server says that this tells what it would do; people see that before they approve it.\n[tools.{}.plan]\ntool = {}\narguments = {}",
        key(operation),
        quote(&plan.tool),
        inline(&Value::Object(plan.arguments.0.clone())),
    );
    if !plan.take.is_empty() {
        let _ = writeln!(out, "take = {}", quote(&plan.take));
    }
    if !plan.ignore.is_empty() {
        let _ = writeln!(out, "ignore = {}", inline(&Value::from(plan.ignore.clone())));
    }
    if !plan.amounts.is_empty() {
        let amounts = plan.amounts.iter().map(|(name, pointer)| (name.clone(), pointer.clone().into()));
        let _ = writeln!(out, "amounts = {}", inline(&Value::Object(amounts.collect())));
    }
}

/// Writes how a tool is taken back, as its server says.
fn undone(out: &mut String, operation: &str, undo: &Undo) {
    let template = |template: &Template| inline(&Value::Object(template.0.clone()));
    let _ = writeln!(
        out,
        "# The server says that this takes it back. Read it: it is what `countersign rollback` sends.\n[tools.{}.undo]\ntool = {}\narguments = {}",
        key(operation),
        quote(&undo.tool),
        template(&undo.arguments),
    );
    let take =
        if undo.observe.take.is_empty() { String::new() } else { format!(", take = {}", quote(&undo.observe.take)) };
    let _ = writeln!(
        out,
        "observe = {{ tool = {}, arguments = {}{take} }}",
        quote(&undo.observe.tool),
        template(&undo.observe.arguments)
    );
}

/// Proposes what is secret of a schema: what it says itself, and what is called like a secret.
fn secrets(schema: &Value) -> BTreeSet<String> {
    let declared = Declared::of(schema.clone());
    let by_name = |path: &Vec<String>| path.last().is_some_and(|name| is_secret_name(name));
    let named = declared.properties().into_iter().filter(by_name).map(|path| pointer(&path));
    declared.patterns().iter().map(|pattern| pattern.as_str().to_owned()).chain(named).collect()
}

/// Takes the first line of a description, made safe for a comment.
fn described(description: &str) -> String {
    let line = description.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let short: String = line.chars().take(DESCRIPTION_MAX).collect();
    let more = if short.len() < line.len() { " …" } else { "" };
    text::escape(&short, false) + more
}

const TESTS: &str = "\
# What the bundle must decide: `countersign policy test` runs these, and no bundle is activated while one fails.
#
#   agent, tool, arguments, level      the question
#   on_behalf_of, confidence_bp, at    optional parts of it
#   resource                           { kind, id, attributes }, for tools that name an entity
#   plan                               what the tool that plans would tell, for tools that have one
#   approved                           profiles that have approved
#   expect                             allow | allow_observed | escalate | deny
#   code                               a finding that must be among the answers
";

/// Writes `tests/starter.toml`: one case per class the server has tools in, and one for an unknown tool.
pub(super) fn tests(input: &StarterInput, entries: &[Entry]) -> String {
    let mut out = TESTS.to_owned();
    for (kind, name, expect, code) in [
        (Kind::Reads, "a read runs observed", "allow_observed", "policy-observes"),
        (Kind::Writes, "a write asks the owner", "escalate", "policy-escalates"),
        (Kind::Destroys, "a destructive call is denied", "deny", "policy-forbids"),
    ] {
        // A tool of the server's own is the better example than a protocol method.
        let of_kind = || entries.iter().filter(|entry| entry.kind == kind);
        if let Some(entry) = of_kind().find(|entry| entry.definition.is_some()).or_else(|| of_kind().next()) {
            let arguments = sample::arguments(&entry.input_schema);
            case(&mut out, input, name, &entry.name.to_string(), &arguments);
            if let Some(plan) = &entry.claims.plan {
                let _ = writeln!(out, "plan = {}", inline(&of_one(plan)));
            }
            expected(&mut out, expect, code);
        }
    }
    let unknown = format!("{}.{}", input.server, unlisted(entries));
    case(&mut out, input, "an unknown tool is denied", &unknown, &Value::Object(serde_json::Map::new()));
    expected(&mut out, "deny", "tool-unknown");
    out
}

/// Writes a plan of which every amount is 1.
fn of_one(plan: &Planning) -> Value {
    let mut told = Value::Object(serde_json::Map::new());
    for pointer in plan.amounts.values() {
        let mut at = &mut told;
        for name in pointer.split('/').skip(1) {
            if !at.is_object() {
                *at = Value::Object(serde_json::Map::new());
            }
            let Value::Object(members) = at else { break };
            at = members.entry(name.replace("~1", "/").replace("~0", "~")).or_insert(Value::Null);
        }
        *at = 1.into();
    }
    told
}

fn unlisted(entries: &[Entry]) -> String {
    let mut name = "no_such_tool".to_owned();
    while entries.iter().any(|entry| entry.name.operation == name) {
        name.push('_');
    }
    name
}

fn case(out: &mut String, input: &StarterInput, name: &str, tool: &str, arguments: &Value) {
    let _ = write!(
        out,
        "\n[[test]]\nname = {}\nagent = {}\ntool = {}\narguments = {}\nlevel = \"L1\"\n",
        quote(name),
        quote(input.agent.as_str()),
        quote(tool),
        inline(arguments),
    );
}

fn expected(out: &mut String, expect: &str, code: &str) {
    let _ = writeln!(out, "expect = \"{expect}\"\ncode = \"{code}\"");
}

/// Writes a text as a TOML string on one line.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if text::is_deceptive(c) => drop(write!(out, "\\U{:08X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Writes a TOML key, quoted where it must be.
pub(super) fn key(text: &str) -> String {
    let bare = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { text.to_owned() } else { quote(text) }
}

/// Writes a value as TOML on one line. Samples hold no null, which TOML lacks.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let mut members: Vec<String> =
                members.iter().map(|(name, value)| format!("{} = {}", key(name), inline(value))).collect();
            members.sort();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::String(text) => quote(text),
        Value::Null => quote(""),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let value = serde_json::json!({"a b": [1, true, "x\"\\\u{202e}\n"], "": {"k": "v"}});
        let text = format!("it = {}", inline(&value));
        let back: Value = toml::from_str(&text).unwrap();
        assert_eq!(back.get("it"), Some(&value), "{text}");
    }

    #[test]
    fn a_description_cannot_leave_its_comment() {
        let shown = described("\n  First\u{202e} line\r[tools.evil]\nsecond");
        assert_eq!(shown, "First\\u{202e} line\\u{d}[tools.evil]");
    }
}
