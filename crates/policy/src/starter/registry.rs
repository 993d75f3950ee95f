//! The catalogue of this server's own registry of models.

use serde_json::{Map, Value, json};
use types::bundle::REGISTRY_TOOLS;
use types::{ServerName, ToolName};

use super::StarterInput;

/// Is what the catalogue is called, and, for a server that has this name itself, what it is called then.
const NAMES: [&str; 2] = ["registry", "model-registry"];

/// Is the catalogue.
pub(super) const CATALOG: &str = "\
# This server's own registry of models, as MLflow's clients reach it. Whoever moves an alias or a stage, renames or deletes
# there proposes an action, which is decided like any other; without this file nothing is moved there.
#
# What is decided on is written by the server itself: who made the version, whether its files are sealed and under which
# digest, what the alias named before. schema.cedarschema says what policies can read of it.

# What is to happen once a version is registered can be said here too, in a file pipelines/NAME.toml of this bundle:
#
#   models = [\"fraud\"]
#
#   [validate]
#   gaps_refused = [\"not-sealed\"]
#   data_checked = true
#
#   [evaluate]
#   suites = [\"holdout\"]
#   within_hours = 48
#
#   [promote]
#   alias = \"champion\"
#   reason = \"it passed everything that we ask of it\"

[registry]

# The version that an alias names is what runs: `champion`, say.
[tools.set_alias]
class = \"promotion\"
effect = \"reconcilable\"
reversibility = \"reversible\"

[tools.delete_alias]
class = \"promotion\"
effect = \"reconcilable\"
reversibility = \"reversible\"

[tools.transition_stage]
class = \"promotion\"
effect = \"reconcilable\"
reversibility = \"reversible\"

[tools.rename_model]
class = \"promotion\"
effect = \"reconcilable\"
reversibility = \"reversible\"

[tools.delete_version]
class = \"promotion\"
effect = \"reconcilable\"
reversibility = \"irreversible\"

[tools.delete_model]
class = \"promotion\"
effect = \"reconcilable\"
reversibility = \"irreversible\"

# Which version is to run where. Hosts say what does run there, and what does not agree is told.
[tools.deploy]
class = \"promotion\"
effect = \"reconcilable\"
reversibility = \"reversible\"

[tools.undeploy]
class = \"promotion\"
effect = \"reconcilable\"
reversibility = \"reversible\"
";

/// Returns what the catalogue is called beside that of a server.
pub(super) fn name(input: &StarterInput) -> &'static str {
    let [own, other] = NAMES;
    if input.server.as_str() == own { other } else { own }
}

/// Lists its tools with the schemas of what they are decided on.
pub(super) fn inputs(input: &StarterInput) -> impl Iterator<Item = (ToolName, Value)> {
    let server = ServerName::new(name(input)).ok();
    let named = move |tool: &str| ToolName::new(server.clone()?, tool).ok();
    REGISTRY_TOOLS.into_iter().filter_map(move |tool| Some((named(tool)?, schema(tool))))
}

fn schema(tool: &str) -> Value {
    let version = [
        ("version", "integer"),
        ("stage_before", "string"),
        ("aliases", "strings"),
        ("source", "string"),
        ("made_by", "string?"),
        ("sealed", "boolean"),
        ("seal", "string?"),
        ("logged_model", "string?"),
        ("run", "string?"),
        ("run_status", "string?"),
        ("passed", "strings"),
        ("failed", "strings"),
        ("gaps", "strings"),
        ("tags", "strings"),
        ("model_tags", "strings"),
    ];
    let own: &[(&str, &str)] = match tool {
        "set_alias" => &[("alias", "string"), ("from", "integer?"), ("rollback", "boolean")],
        "delete_alias" => &[("alias", "string"), ("from", "integer?")],
        "transition_stage" => &[("stage", "string"), ("archive", "boolean"), ("archived", "integers")],
        "rename_model" => &[("to", "string"), ("aliases", "strings")],
        "delete_model" => &[("aliases", "strings"), ("latest", "integer?")],
        "deploy" => &[("target", "string"), ("from", "integer?"), ("rollback", "boolean")],
        "undeploy" => &[("target", "string"), ("from", "integer?")],
        _ => &[],
    };
    let is_of_version = matches!(tool, "set_alias" | "transition_stage" | "delete_version" | "deploy");
    let version = version.iter().filter(|_| is_of_version);
    let all: Vec<_> = [("model", "string"), ("prompt", "boolean")].iter().chain(own).chain(version).copied().collect();
    let required: Vec<&str> = all.iter().filter(|(_, kind)| !kind.ends_with('?')).map(|(name, _)| *name).collect();
    let properties: Map<String, Value> = all.iter().map(|(name, kind)| ((*name).to_owned(), typed(kind))).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

fn typed(kind: &str) -> Value {
    match kind.trim_end_matches('?') {
        "strings" => json!({ "type": "array", "items": { "type": "string" } }),
        "integers" => json!({ "type": "array", "items": { "type": "integer" } }),
        plain => json!({ "type": plain }),
    }
}
