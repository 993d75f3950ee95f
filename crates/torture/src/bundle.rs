//! The policy bundle: the target's tools, the agents, and what they may do.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use policy::{Bundle, BundleFiles};
use types::ToolName;

use crate::books::Tool;
use crate::sink;

/// Is how many agents there are where nobody says otherwise, each with a key of its own.
pub const AGENTS: u32 = 8;

/// Are the action classes.
pub const CLASSES: [&str; 2] = ["look", "change"];

const POLICIES: &str = r#"
@id("changes")
permit (principal in Team::"agents", action in Action::"class:change", resource);

@id("looks")
permit (principal in Team::"agents", action in Action::"class:look", resource)
when { context.mode == Mode::"monitored" };

@id("never")
@reason("this tool is for nobody")
forbid (principal, action == Action::"sink.append_denied", resource);

@id("owners")
permit (principal in Group::"owners", action in Action::"admin", resource)
when { context.mode == Mode::"monitored" };
"#;

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// Names an agent.
pub fn agent(n: u32) -> String {
    format!("agent-{n}")
}

/// Writes the bundle of so many agents into a folder.
///
/// # Errors
///
/// What is wrong with the bundle, or what the file system says.
pub fn write(folder: &Path, target: SocketAddr, agents: u32) -> Result<(), String> {
    let files = files(target, agents)?;
    Bundle::load(files.clone()).map_err(text)?;
    for (name, content) in files.iter() {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(text)?;
        std::fs::write(path, content).map_err(text)?;
    }
    Ok(())
}

fn files(target: SocketAddr, agents: u32) -> Result<BundleFiles, String> {
    let mut files = BundleFiles(BTreeMap::new());
    files.insert("bundle.toml", "name = \"torture\"\nauthors = [\"ana\"]\nsolo = true\n");
    files.insert("people.toml", "[people.ana]\ngroups = [\"owners\"]\n");
    let mut named = String::new();
    for n in 0..agents {
        let _ = write!(named, "[agents.{}]\nowner = \"ana\"\nteams = [\"agents\"]\n\n", agent(n));
    }
    files.insert("agents.toml", named);
    files.insert("classes.toml", "[classes.look]\ndescription = \"reads\"\nwrites = false\n\n[classes.change]\ndescription = \"writes\"\nwrites = true\nroutine = true\nprofile = \"owner\"\n");
    files.insert("catalog/sink.toml", catalog(target)?);
    files.insert(
        "inventory.toml",
        "[kinds.Item.attributes]\nenv = \"string\"\n\n[sources.items]\nfile = \"inventory/items.toml\"\n",
    );
    files.insert("inventory/items.toml", "[[Item]]\nid = \"item\"\nenv = \"lab\"\n");
    files.insert(
        "risk.toml",
        "observe_from = 500\nescalate_from = 900\nprofile = \"owner\"\n\n[factors.impact]\nfact = \"class.impact\"\nper_unit = 1\nmax = 1\n",
    );
    files.insert("limits.toml", "[rates.calls]\nburst = 1000000000\nrefill_ms = 1000\n");
    files.insert("escalation.toml", "[profiles.owner]\ngroup = \"owners\"\napprovals = 1\ntimeout_ms = 600000\n");
    files.insert("obligations.toml", "[obligations.plain]\n");
    files.insert("policies/torture.cedar", POLICIES);
    let schema = schema(&files)?;
    files.insert("schema.cedarschema", schema);
    Ok(files)
}

fn catalog(target: SocketAddr) -> Result<String, String> {
    let mut catalog = format!("[server]\nurl = \"http://{target}/mcp\"\n\n");
    for tool in Tool::ALL {
        let (class, effect) = match tool {
            Tool::Read => ("look", "read"),
            Tool::Keyed => ("change", "keyed"),
            Tool::Unsafe | Tool::Denied => ("change", "unsafe"),
        };
        let _ = write!(
            catalog,
            "[tools.{}]\nclass = \"{class}\"\neffect = \"{effect}\"\nreversibility = \"irreversible\"\nresource = {{ kind = \"Item\", id = \"/item\" }}\n",
            tool.name()
        );
        if tool == Tool::Keyed {
            catalog.push_str("key_argument = \"key\"\nkey_ttl_ms = 3600000\n");
        }
        let listed = sink::definition(tool).to_string();
        let digest = connectors::mcp::definition_digest(sink::IDENTITY, &listed).map_err(text)?;
        let _ = writeln!(catalog, "definition = \"{digest}\"\n");
    }
    Ok(catalog)
}

fn schema(files: &BundleFiles) -> Result<String, String> {
    let data = Bundle::read(files).map_err(text)?;
    let tools = Tool::ALL.map(|tool| {
        let name = format!("sink.{}", tool.name()).parse::<ToolName>();
        name.map(|name| (name, sink::input(tool)))
    });
    let inputs: BTreeMap<ToolName, serde_json::Value> = tools.into_iter().collect::<Result<_, _>>().map_err(text)?;
    Ok(policy::schema::generate(&data, &inputs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_has_no_problem() {
        let loaded = Bundle::load(files(SocketAddr::from(([127, 0, 0, 1], 9)), AGENTS).unwrap());
        assert!(loaded.is_ok(), "{:?}", loaded.err());
    }
}
