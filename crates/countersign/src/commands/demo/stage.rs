//! Setting the stage: a fresh folder, the inventory, the bundle, the server, and a key for everybody.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use connectors::mcp::{Limits, Wiring, connect_stateful, definition_digest, list_all};
use control::levels::LevelWish;
use demo::bundle::{ADMINISTRATOR, AGENT, GRANTS, ON_CALL, OWNER, bundle};
use policy::BundleFiles;
use types::{AgentId, ClassId, Digest, PersonId, Principal, TenantId};

use super::super::init::{absolute, hello};
use super::super::span::after;
use crate::error::CliError;
use crate::folder::{Folders, write_bundle};
use crate::machine::variable;
use crate::serve::{Options, Server, first_key};

/// Is the folder the demo lives in, below the working directory.
const FOLDER: &str = "countersign-demo";

/// Is how long the demo's levels hold.
const LEVELS_FOR: &str = "7d";

/// Is everything a story needs.
pub struct Stage {
    /// Where bundle, data and keys are.
    pub dir: PathBuf,
    /// The inventory.
    pub db: PathBuf,
    /// The running server.
    pub server: Server,
    /// The agent's key.
    pub agent_key: String,
    /// Everybody's key, by name.
    pub people: BTreeMap<&'static str, String>,
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> CliError {
    CliError::machine(format!("{what}: {error}"))
}

/// Empties the demo's own folder, and no other: it must be ours or not be there.
fn fresh(dir: &Path) -> Result<(), CliError> {
    let mark = dir.join(".countersign-demo");
    if dir.exists() && !mark.exists() {
        return Err(CliError::usage(format!("`{}` is there and is not the demo's; run it elsewhere", dir.display())));
    }
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(|e| failed("the last demo's folder cannot be emptied", &e))?;
    }
    fs::create_dir_all(dir).map_err(|e| failed("the demo's folder cannot be made", &e))?;
    fs::write(mark, "Made by `countersign demo`, which empties this folder each time.\n")
        .map_err(|e| failed("the demo's folder cannot be written", &e))
}

impl Stage {
    /// Sets the stage anew.
    ///
    /// # Errors
    ///
    /// What the folder, the inventory, the journal or the socket say.
    pub async fn set(listen: SocketAddr) -> Result<Self, CliError> {
        let dir = absolute(Path::new(FOLDER));
        fresh(&dir)?;
        let db = dir.join("inventory.db");
        demo::inventory::seed(&db).map_err(|e| failed("the inventory cannot be made", &e))?;
        let command = command(&db)?;
        let definitions = definitions(&command).await?;
        let folders = Folders::below(&dir);
        let files = bundle(&command, &db.display().to_string(), &definitions);
        write_bundle(&folders.bundle, &BundleFiles(files))?;
        let tenant = TenantId::new("default").map_err(|e| CliError::usage(e.to_string()))?;
        let server = Server::start(&folders, Options::local(listen, tenant)).await?;
        let agent_key = cast(&server, &folders).await?;
        let people = keys(&server).await?;
        Ok(Self { dir, db, server, agent_key, people })
    }
}

fn command(db: &Path) -> Result<Vec<String>, CliError> {
    let program = std::env::current_exe().map_err(|e| failed("this program cannot be found", &e))?;
    Ok(vec![program.display().to_string(), "demo".into(), "--serve".into(), db.display().to_string()])
}

/// Reads the tools once, as a reviewer would, and pins what they say now.
async fn definitions(command: &[String]) -> Result<BTreeMap<String, Digest>, CliError> {
    let env = variable("PATH").map(|path| ("PATH".to_owned(), path)).into_iter().collect();
    let wiring = Wiring { command: command.to_vec(), env, ..Wiring::default() };
    let connection = connect_stateful(&wiring, &hello("countersign-demo"), &Limits::default())
        .await
        .map_err(|e| failed("the demo's MCP server does not start", &e))?;
    let tools = list_all(&connection, "tools/list")
        .await
        .map_err(|e| failed("the demo's MCP server does not list its tools", &e))?;
    let mut pins = BTreeMap::new();
    for json in &tools {
        let value: serde_json::Value = serde_json::from_str(json).map_err(|e| failed("a tool cannot be read", &e))?;
        let name = value.get("name").and_then(serde_json::Value::as_str).unwrap_or_default();
        let digest = definition_digest(connection.identity(), json).map_err(|e| failed("a tool cannot be read", &e))?;
        pins.insert(name.to_owned(), digest);
    }
    connection.close().await;
    Ok(pins)
}

/// Gives the agent its levels and its key.
async fn cast(server: &Server, folders: &Folders) -> Result<String, CliError> {
    let agent = AgentId::new(AGENT).map_err(|e| CliError::usage(e.to_string()))?;
    let owner = person(OWNER)?;
    for grant in &GRANTS {
        let wish = LevelWish {
            epoch: None,
            agent: agent.clone(),
            class: ClassId::new(grant.class).map_err(|e| CliError::usage(e.to_string()))?,
            level: grant.level,
            environments: grant.environments.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(),
            reason: grant.reason.to_owned(),
            expires: types::Millis(after(LEVELS_FOR)?),
        };
        server.control.give_first_level(&owner, wish).await?;
    }
    let file = format!("agent-{AGENT}.key");
    first_key(folders, &server.control, &file, (&owner, Principal::Agent(agent)), "the demo").await
}

fn person(name: &str) -> Result<PersonId, CliError> {
    PersonId::new(name).map_err(|e| CliError::usage(e.to_string()))
}

async fn keys(server: &Server) -> Result<BTreeMap<&'static str, String>, CliError> {
    let control: Arc<control::Control> = server.control.clone();
    let owner = person(OWNER)?;
    let mut keys = BTreeMap::new();
    for name in [OWNER, ON_CALL, ADMINISTRATOR] {
        let key = control.create_first_key(&owner, Principal::Person(person(name)?), None, "the demo").await?;
        keys.insert(name, key.token);
    }
    Ok(keys)
}
