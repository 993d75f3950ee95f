//! The tools of a server that speaks HTTP: one for each operation, and those of every target.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::declared::Declared;
use super::error::HttpError;
use super::exchange::Exchange;
use super::held::{Call, Held};
use super::store::Store;
use crate::changes::{self, After, Does, Key, Named, Undo, arguments, said, tool};
use crate::fault::{Fault, NoFault};
use crate::lock::Lock;
use crate::mcp::{Failed, Said, Tools};

/// Is how long a call waits for another process, in milliseconds.
const LOCK_MS: u64 = 10_000;

/// Are the names that no operation may have.
const TAKEN: [&str; 5] = ["plan", "read_resource", "get_change", "undo_change", "list_changes"];

/// Tells the time, in milliseconds since the Unix epoch.
pub type Clock = Box<dyn Fn() -> i64 + Send>;

/// Offers what a server declares as MCP tools.
pub struct HttpServer {
    declared: Declared,
    exchange: Exchange,
    store: Store,
    place: PathBuf,
    clock: Clock,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    operation: String,
    #[serde(default)]
    arguments: Map<String, Value>,
}

type Called = Result<Said, Failed>;

impl HttpServer {
    /// Opens a server and its store, whose folder is made if it is not there.
    ///
    /// - `secret`: resolves the variables that the headers' values stand in.
    ///
    /// # Errors
    ///
    /// [`HttpError::Declared`] if what is declared does not fit; [`HttpError::Unavailable`] if the store cannot be used.
    pub fn open(
        declared: &str,
        secret: impl Fn(&str) -> Option<String>,
        store: &Path,
        clock: Clock,
    ) -> Result<Self, HttpError> {
        Self::open_with(declared, secret, store, clock, Arc::new(NoFault))
    }

    /// Opens a server as [`HttpServer::open`] does; each step of a change can be made to fail.
    ///
    /// # Errors
    ///
    /// As of [`HttpServer::open`].
    pub fn open_with(
        declared: &str,
        secret: impl Fn(&str) -> Option<String>,
        store: &Path,
        clock: Clock,
        fault: Arc<dyn Fault>,
    ) -> Result<Self, HttpError> {
        let declared = Declared::parse(declared)?;
        for (name, operation) in &declared.operations {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            if TAKEN.contains(&name.as_str()) || name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
                return Err(HttpError::Declared(format!("no operation may be called `{name}`")));
            }
            if operation.arguments.contains_key("change") {
                return Err(HttpError::Declared(format!("operation `{name}`: `change` is the key's name")));
            }
        }
        let exchange = Exchange::new(&declared, secret, fault.clone())?;
        if !store.exists() {
            rustix::fs::mkdir(store, rustix::fs::Mode::RWXU).map_err(std::io::Error::from)?;
        }
        let place = store.canonicalize()?;
        let lock = Lock::take(&place, LOCK_MS)?;
        let store = Store::open(&place, &declared.base, fault)?;
        drop(lock);
        Ok(Self { declared, exchange, store, place, clock })
    }

    /// Takes the server for one call, and finishes first what somebody has left unfinished.
    fn hold(&mut self) -> Result<Held<'_>, HttpError> {
        let lock = Lock::take(&self.place, LOCK_MS)?;
        let now_ms = (self.clock)();
        let Self { declared, exchange, store, .. } = self;
        let mut held = Held { exchange, store, declared, now_ms, _lock: lock };
        held.settle()?;
        Ok(held)
    }

    fn read_resource(&mut self, given: Value) -> Called {
        let Asked { operation, arguments: own } = arguments(given)?;
        let operation = self.declared.operation(&operation)?;
        operation.takes(&own, false)?;
        let resource = operation.path(&operation.resource, &own)?;
        let seen = self.exchange.look(&resource)?;
        let text = seen.body.as_ref().map_or_else(|| "there is nothing".to_owned(), types::json::canonical);
        Ok(said(text, &json!({ "resource": resource, "present": seen.body.is_some(), "body": seen.body })))
    }

    fn plan(&mut self, given: Value) -> Called {
        let Asked { operation, arguments: own } = arguments(given)?;
        let declared = self.declared.clone();
        let call = Call::of(&declared, &operation, &own)?;
        let (sending, changed) = self.hold()?.plan(&call)?;
        let would = changed.as_ref().map_or_else(
            || "what it would change, only the server knows".to_owned(),
            |changed| format!("it would change {}", changed.in_words()),
        );
        let text = format!("nothing was changed; {would}");
        Ok(said(text, &json!({ "request": sending, "changed": changed })))
    }

    fn change(&mut self, name: &str, given: Value) -> Called {
        let Value::Object(mut own) = given else { return Err(unkeyed()) };
        let key: Key = own.remove("change").and_then(|key| serde_json::from_value(key).ok()).ok_or_else(unkeyed)?;
        let declared = self.declared.clone();
        let call = Call::of(&declared, name, &own)?;
        let changed = self.hold()?.change(key.as_str(), &call)?;
        Ok(said(format!("changed {}", changed.in_words()), &changed))
    }

    fn get_change(&mut self, given: Value) -> Called {
        let Named { change } = arguments(given)?;
        Ok(self.hold()?.standing(change.as_str())?.said())
    }

    fn undo_change(&mut self, given: Value) -> Called {
        let Undo { change, undo } = arguments(given)?;
        let changed = self.hold()?.undo(change.as_str(), undo.as_str())?;
        Ok(said(format!("took back {}", changed.in_words()), &changed))
    }

    fn list_changes(&mut self, given: Value) -> Called {
        let after: After = arguments(given)?;
        Ok(changes::listed_entries(&self.hold()?.entries(after.after, after.most())?))
    }
}

fn unkeyed() -> Failed {
    HttpError::Arguments("`change` is missing: the key under which it is done once".to_owned()).into()
}

impl Tools for HttpServer {
    fn name(&self) -> &str {
        "countersign-http"
    }

    fn instructions(&self) -> &str {
        "Operations on a server. Plan one before you call it; what it left can be taken back."
    }

    fn list(&self) -> Vec<Value> {
        let names: Vec<&String> = self.declared.operations.keys().collect();
        let asked = || {
            json!({
                "operation": { "enum": names, "description": "The operation." },
                "arguments": { "type": "object", "description": "Its arguments." },
            })
        };
        let plan = "Says what an operation would change, and changes nothing.";
        let read = "Reads the resource that an operation changes; its other arguments can be left out.";
        let own = [
            tool("plan", plan, Does::Reads, &["operation"], asked()),
            tool("read_resource", read, Does::Reads, &["operation"], asked()),
        ];
        let operations = self.declared.operations.iter().map(|(name, operation)| {
            let required: Vec<&str> = operation.arguments.keys().map(String::as_str).collect();
            let planned = json!({
                "tool": "plan", "arguments": { "operation": name, "arguments": "$arguments" },
                "amounts": { "differences": "/changed/differences" },
            });
            changes::change_named(name, &operation.description, &required, operation.properties(), &planned)
        });
        own.into_iter().chain(operations).chain(changes::others()).collect()
    }

    fn call(&mut self, name: &str, arguments: Value) -> Option<Called> {
        Some(match name {
            "plan" => self.plan(arguments),
            "read_resource" => self.read_resource(arguments),
            "get_change" => self.get_change(arguments),
            "undo_change" => self.undo_change(arguments),
            "list_changes" => self.list_changes(arguments),
            name if self.declared.operations.contains_key(name) => self.change(name, arguments),
            _ => return None,
        })
    }
}
