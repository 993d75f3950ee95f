//! `countersign connect`: edit an MCP client's config, with a backup, and put it back.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::Done;
use super::init::{absolute, client_entry};
use crate::cli::{ClientKind, Connect};
use crate::error::{CliError, Exit};
use crate::folder::{Folders, load_bundle};
use crate::output;

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
    let servers = load_bundle(Folders::below(dir).bundle_files()?)?;
    let dir = absolute(dir);
    let mut after = before.clone().unwrap_or_default();
    let slot = after.entry(member).or_insert_with(|| json!({}));
    let list = slot
        .as_object_mut()
        .ok_or_else(|| CliError::usage(format!("`{member}` in `{}` is no object", path.display())))?;
    for server in servers.data().servers.keys() {
        list.insert(server.to_string(), client_entry(&dir, &args.agent, Some(server)));
    }
    save(&path, before.is_some(), &after)?;
    if as_json {
        output::say_json(&json!({ "config": path, "backup": before.map(|_| backup(&path)) }));
    } else {
        output::say(format!("{} goes through Countersign now; `--undo` puts it back", path.display()));
    }
    Ok(Exit::Done)
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
