//! A seeded database, a conversation with the server, and the loaded bundle.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use countersign_demo::{bundle, inventory, inventory_server};
use policy::{Bundle, BundleFiles};
use serde_json::{Value, json};
use types::Digest;

/// Is a seeded database in a folder that goes with it.
pub struct Db {
    _folder: tempfile::TempDir,
    pub path: PathBuf,
}

pub fn db() -> Db {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inventory.db");
    inventory::seed(&path).unwrap();
    Db { _folder: folder, path }
}

/// Sends lines and returns what the server writes, line by line.
pub fn lines(db: &Path, input: &str) -> Vec<Value> {
    let mut output = Vec::new();
    inventory_server::serve(db, Cursor::new(input), &mut output).unwrap();
    let text = String::from_utf8(output).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Makes a request.
pub fn ask(db: &Path, method: &str, params: Value) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let answers = lines(db, &format!("{request}\n"));
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!((&answers[0]["jsonrpc"], &answers[0]["id"]), (&json!("2.0"), &json!(1)));
    answers[0].clone()
}

/// Calls a tool and returns its result.
pub fn call(db: &Path, tool: &str, arguments: Value) -> Value {
    let answer = ask(db, "tools/call", json!({ "name": tool, "arguments": arguments }));
    assert!(answer.get("error").is_none(), "{answer}");
    answer["result"].clone()
}

/// Calls a tool that works and returns its data.
pub fn done(db: &Path, tool: &str, arguments: Value) -> Value {
    let result = call(db, tool, arguments);
    assert_eq!(result["isError"], json!(false), "{result}");
    assert!(!text(&result).is_empty());
    result["structuredContent"].clone()
}

/// Calls a tool that fails and returns what it says.
pub fn fails(db: &Path, tool: &str, arguments: Value) -> String {
    let result = call(db, tool, arguments);
    assert_eq!(result["isError"], json!(true), "{result}");
    text(&result)
}

fn text(result: &Value) -> String {
    assert_eq!(result["content"][0]["type"], json!("text"));
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

/// Pins every tool as the server lists it.
pub fn pins() -> BTreeMap<String, Digest> {
    let digest =
        |tool: &Value| connectors::mcp::definition_digest(&inventory_server::identity(), &tool.to_string()).unwrap();
    inventory_server::definitions().iter().map(|(name, tool)| (name.clone(), digest(tool))).collect()
}

/// Returns the files of the bundle for a database.
pub fn files(db: &Path) -> BTreeMap<String, String> {
    let command = ["countersign".to_owned(), "demo".to_owned(), "--serve".to_owned(), "a \"b\".db".to_owned()];
    bundle::bundle(&command, db.to_str().unwrap(), &pins())
}

/// Loads the bundle, or shows what is wrong with it.
pub fn load(db: &Path) -> Bundle {
    Bundle::load(BundleFiles(files(db))).unwrap_or_else(|error| panic!("{error}"))
}
