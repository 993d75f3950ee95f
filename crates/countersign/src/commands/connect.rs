//! `countersign connect`: edit an MCP client's config, with a backup, and put it back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use types::bundle::Server;
use types::text::escape;
use types::{AgentId, ServerName};

use super::Done;
use super::init::{absolute, client_entry};
use crate::cli::{ClientKind, Connect};
use crate::error::{CliError, Exit};
use crate::folder::{Folders, load_bundle};
use crate::output::{self, NOTE, paint};

/// Says where a client keeps its project's servers, and under which name.
fn config(client: ClientKind) -> (&'static str, &'static str) {
    match client {
        ClientKind::ClaudeCode => (".mcp.json", "mcpServers"),
        ClientKind::Cursor => (".cursor/mcp.json", "mcpServers"),
        ClientKind::Vscode => (".vscode/mcp.json", "servers"),
    }
}

fn backup(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".before-countersign");
    path.with_file_name(name)
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> CliError {
    CliError::machine(format!("`{}` cannot be used: {error}", path.display()))
}

/// Runs the command.
pub fn run(dir: &Path, args: &Connect, as_json: bool) -> Done {
    let (file, member) = config(args.client);
    let path = args.project.join(file);
    if args.undo {
        return undo(&path, as_json);
    }
    let before = read(&path)?;
    let bundle = load_bundle(Folders::below(dir).bundle_files()?)?;
    let mut after = before.clone().unwrap_or_default();
    let slot = after.entry(member).or_insert_with(|| json!({}));
    let list = slot
        .as_object_mut()
        .ok_or_else(|| CliError::usage(format!("`{member}` in `{}` is no object", path.display())))?;
    let project = absolute(&args.project);
    let way = Way { dir: absolute(dir), project, agent: &args.agent, servers: &bundle.data().servers };
    let beside = way.lead_through(list);
    save(&path, before.is_some(), &after)?;
    if as_json {
        let kept = before.map(|_| backup(&path));
        output::say_json(&json!({ "config": path, "backup": kept, "not_governed": beside }));
        return Ok(Exit::Done);
    }
    output::say(format!("{} goes through Countersign now; `--undo` puts it back", path.display()));
    for name in beside {
        let said =
            format!("not governed: {} stands beside it, and the client reaches it directly", escape(&name, false));
        output::say(paint(NOTE, said));
    }
    Ok(Exit::Done)
}

/// Is what decides where an entry of the config leads.
struct Way<'a> {
    dir: PathBuf,
    project: PathBuf,
    agent: &'a AgentId,
    servers: &'a BTreeMap<ServerName, Server>,
}

impl Way<'_> {
    /// Replaces every entry that leads to a server of the catalogue, keeping its name, and adds the servers that have
    /// none; returns the names of the entries that lead elsewhere.
    fn lead_through(&self, list: &mut Map<String, Value>) -> Vec<String> {
        let (mut led, mut beside) = (BTreeSet::new(), Vec::new());
        for (name, entry) in list.iter_mut() {
            match self.servers.iter().find(|(server, wiring)| self.leads(name, entry, server, wiring)) {
                Some((server, _)) => {
                    *entry = client_entry(&self.dir, self.agent, Some(server));
                    led.insert(server);
                }
                None if is_wrapped(entry) => {}
                None => beside.push(name.clone()),
            }
        }
        for server in self.servers.keys().filter(|server| !led.contains(server)) {
            list.insert(server.to_string(), client_entry(&self.dir, self.agent, Some(server)));
        }
        beside
    }

    fn leads(&self, name: &str, entry: &Value, server: &ServerName, wiring: &Server) -> bool {
        let words = words(entry);
        if is_wrapped(entry) {
            let after = |option: &str| words.iter().skip_while(|word| **word != option).nth(1).copied();
            return after("--server") == Some(server.as_str()) && after("--dir").map(Path::new) == Some(&self.dir);
        }
        let url = entry.get("url").and_then(Value::as_str);
        let same_url =
            url.zip(wiring.url.as_deref()).is_some_and(|(a, b)| a.trim_end_matches('/') == b.trim_end_matches('/'));
        name == server.as_str() || same_url || (!words.is_empty() && self.is_command(&words, &wiring.command))
    }

    /// Compares a command with the catalogue's, in which a path to a program is absolute.
    fn is_command(&self, words: &[&str], command: &[String]) -> bool {
        let Some((program, rest)) = words.split_first() else { return false };
        let program =
            if program.contains('/') { absolute(&self.project.join(program)) } else { PathBuf::from(program) };
        command.split_first().is_some_and(|(first, others)| Path::new(first) == program && others == rest)
    }
}

/// Returns the command of an entry with its arguments; nothing of an entry that names a URL.
fn words(entry: &Value) -> Vec<&str> {
    let arguments = entry.get("args").and_then(Value::as_array).into_iter().flatten();
    entry.get("command").into_iter().chain(arguments).filter_map(Value::as_str).collect()
}

/// Says whether an entry goes through a Countersign already, this one or another.
fn is_wrapped(entry: &Value) -> bool {
    let words = words(entry);
    let program = words.first().and_then(|program| Path::new(program).file_name());
    program.is_some_and(|name| name == "countersign") && words.get(1) == Some(&"wrap")
}

fn read(path: &Path) -> Result<Option<Map<String, Value>>, CliError> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let strict =
                types::json::parse(&text).map_err(|e| CliError::usage(format!("`{}` is {e}", path.display())))?;
            let object = strict.as_object().cloned();
            object.map(Some).ok_or_else(|| CliError::usage(format!("`{}` holds no JSON object", path.display())))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, &error)),
    }
}

fn save(path: &Path, existed: bool, after: &Map<String, Value>) -> Result<(), CliError> {
    let kept = backup(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|e| failed(parent, &e))?;
    }
    // The first backup is the one to go back to; an empty one says that there was no file.
    if !kept.exists() {
        let copied = if existed { fs::copy(path, &kept).map(drop) } else { fs::write(&kept, "") };
        copied.map_err(|e| failed(&kept, &e))?;
    }
    let text = serde_json::to_string_pretty(after).unwrap_or_default();
    fs::write(path, format!("{text}\n")).map_err(|e| failed(path, &e))
}

fn undo(path: &Path, as_json: bool) -> Done {
    let kept = backup(path);
    let text =
        fs::read_to_string(&kept).map_err(|_| CliError::usage(format!("there is no backup `{}`", kept.display())))?;
    let restored = if text.is_empty() { fs::remove_file(path) } else { fs::write(path, text) };
    restored.map_err(|e| failed(path, &e))?;
    fs::remove_file(&kept).map_err(|e| failed(&kept, &e))?;
    if as_json {
        output::say_json(&json!({ "config": path, "restored": true }));
    } else {
        output::say(format!("{} is as it was", path.display()));
    }
    Ok(Exit::Done)
}
