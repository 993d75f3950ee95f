//! What a server says of its tools in their `_meta`: by which argument it knows a repeat, and how what a tool does is taken back.

use serde::Deserialize;
use serde_json::Value;
use types::planning::Planning;
use types::reversal::Undo;

use super::StarterTool;
use super::classify::{self, Kind};

/// Says by the value of which argument the server does a call once, and for how long it knows.
const KEYED: &str = "countersign.dev/keyed";

/// Says how what a tool does is taken back, as a catalogue says it.
const UNDO: &str = "countersign.dev/undo";

/// Says how it is found out what a tool would do, as a catalogue says it.
const PLAN: &str = "countersign.dev/plan";

/// Says that the tool lists what changed the system behind its server.
const AUDIT: &str = "countersign.dev/audit";

/// Says that a server does a call once by the value of an argument.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keyed {
    /// The argument.
    pub argument: String,
    /// How long it knows a value, in milliseconds; at least 1.
    pub ttl_ms: i64,
}

/// Is what a server claims of a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// How it knows a repeat.
    pub keyed: Option<Keyed>,
    /// How what it does is taken back.
    pub undo: Option<Undo>,
    /// How it is found out what it would do.
    pub plan: Option<Planning>,
    /// It lists what changed the system.
    pub audit: bool,
}

impl Claims {
    /// Reads the claims of a tool as its server lists it; what cannot be read claims nothing.
    pub fn of(tool: &Value) -> Self {
        let meta = |name: &str| tool.get("_meta").and_then(|meta| meta.get(name)).cloned();
        let keyed = meta(KEYED).and_then(|keyed| serde_json::from_value(keyed).ok());
        let undo = meta(UNDO).and_then(|undo| serde_json::from_value(undo).ok());
        let plan = meta(PLAN).and_then(|plan| serde_json::from_value(plan).ok());
        Self { keyed, undo, plan, audit: meta(AUDIT) == Some(Value::Bool(true)) }
    }
}

/// Says whether a text is a JSON Pointer (RFC 6901).
fn points(text: &str) -> bool {
    let escapes = || text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    text.is_empty() || (text.starts_with('/') && escapes())
}

/// Returns what of a tool's claims can stand in a catalogue: they are proposals, and whoever reads the bundle confirms them.
pub(super) fn believed(tool: &StarterTool, all: &[StarterTool]) -> Claims {
    let known = |name: &str| all.iter().find(|tool| tool.name == name);
    let has =
        |name: &String| tool.input_schema.get("properties").is_some_and(|properties| properties.get(name).is_some());
    let stands = |undo: &Undo| {
        known(&undo.tool).is_some()
            && known(&undo.observe.tool).is_some_and(|tool| classify::kind(tool) == Kind::Reads)
            && undo.arguments.check(true).is_ok()
            && undo.observe.arguments.check(false).is_ok()
            && points(&undo.observe.take)
    };
    let tells = |plan: &Planning| {
        known(&plan.tool).is_some_and(|tool| classify::kind(tool) == Kind::Reads)
            && plan.arguments.check(false).is_ok()
            && !plan.arguments.names_action()
            && points(&plan.take)
            && plan
                .ignore
                .iter()
                .chain(plan.amounts.values())
                .all(|pointer| pointer.starts_with('/') && points(pointer))
            && plan.amounts.keys().all(|amount| !amount.contains('.') && amount != "seen")
    };
    let writes = classify::kind(tool) != Kind::Reads;
    Claims {
        keyed: tool.claims.keyed.clone().filter(|keyed| writes && has(&keyed.argument) && keyed.ttl_ms > 0),
        undo: tool.claims.undo.clone().filter(|undo| writes && stands(undo)),
        plan: tool.claims.plan.clone().filter(|plan| writes && tells(plan)),
        audit: tool.claims.audit && !writes,
    }
}
