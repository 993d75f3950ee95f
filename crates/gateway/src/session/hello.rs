//! What the client hears first: one server's own words unchanged, or those of several merged.

use std::sync::Arc;

use control::door::{Era, McpDoor};
use serde_json::{Map, Value, json};
use types::ServerName;

use super::Session;
use super::tasks::EXTENSION;
use crate::envelope::{SERVER_KEY, STATEFUL, STATELESS, TASKS_SINCE, implementation};
use crate::fault::Fault;
use crate::raw::RawObject;

impl<D: McpDoor> Session<D> {
    /// Returns the result of `initialize`.
    pub(super) async fn hello(self: &Arc<Self>) -> Result<String, Fault> {
        if let Some(server) = self.single() {
            let link = self.link(server).await?;
            return Ok(self.with_tasks(&self.hello_of(&link)));
        }
        let hellos = self.hellos().await?;
        let requested = self.version();
        let ours = if STATEFUL.contains(&requested) { requested } else { STATEFUL[0] };
        let theirs = hellos.iter().filter_map(|(_, hello)| hello.get("protocolVersion")?.as_str());
        let version = theirs.chain([ours]).min().unwrap_or(ours);
        let mut result = merged(&hellos);
        result.insert("protocolVersion".to_owned(), json!(version));
        result.insert("serverInfo".to_owned(), implementation());
        Ok(self.with_tasks(&Value::Object(result).to_string()))
    }

    /// Adds to what a server says of itself that calls may become tasks, if it has tools.
    pub(super) fn with_tasks(&self, hello: &str) -> String {
        let Some(mut result) = RawObject::parse(hello) else { return hello.to_owned() };
        let mut capabilities = result.object("capabilities").unwrap_or_default();
        let dated = self.era == Era::Stateless
            || result.string("protocolVersion").is_some_and(|version| self.knows_tasks() && *version >= *TASKS_SINCE);
        if !self.offers_tasks() || !dated || capabilities.get("tools").is_none() {
            return hello.to_owned();
        }
        match self.era {
            Era::Stateless => put(&mut capabilities, &["extensions", EXTENSION]),
            Era::Stateful => {
                put(&mut capabilities, &["tasks", "requests", "tools", "call"]);
                put(&mut capabilities, &["tasks", "cancel"]);
                put(&mut capabilities, &["tasks", "list"]);
            }
        }
        result.set("capabilities", &capabilities.text());
        result.text()
    }

    /// Returns the result of `server/discover` for several servers.
    pub(super) async fn merged_discovery(self: &Arc<Self>) -> Result<String, Fault> {
        let hellos = self.hellos().await?;
        let mut result = merged(&hellos);
        result.insert("resultType".to_owned(), json!("complete"));
        result.insert("supportedVersions".to_owned(), json!([STATELESS]));
        result.insert("ttlMs".to_owned(), json!(shortest_ttl(&hellos)));
        result.insert("cacheScope".to_owned(), json!("private"));
        result.insert("_meta".to_owned(), json!({ SERVER_KEY: implementation() }));
        Ok(self.with_tasks(&Value::Object(result).to_string()))
    }

    async fn hellos(self: &Arc<Self>) -> Result<Vec<(ServerName, Value)>, Fault> {
        let links = self.all_links().await?;
        Ok(links
            .iter()
            .map(|(server, link)| (server.clone(), serde_json::from_str(&self.hello_of(link)).unwrap_or_default()))
            .collect())
    }
}

/// Puts an empty object at the end of a path, unless something is there.
fn put(object: &mut RawObject, path: &[&str]) {
    let Some((name, rest)) = path.split_first() else { return };
    let mut inner = object.object(name).unwrap_or_default();
    put(&mut inner, rest);
    object.set(name, &inner.text());
}

fn merged(hellos: &[(ServerName, Value)]) -> Map<String, Value> {
    let mut capabilities = Value::Object(Map::new());
    let mut instructions = Vec::new();
    for (server, hello) in hellos {
        if let Some(theirs) = hello.get("capabilities") {
            unite(&mut capabilities, theirs);
        }
        if let Some(text) = hello.get("instructions").and_then(Value::as_str) {
            instructions.push(format!("## {server}\n\n{text}"));
        }
    }
    let mut result = Map::from_iter([("capabilities".to_owned(), capabilities)]);
    if !instructions.is_empty() {
        result.insert("instructions".to_owned(), json!(instructions.join("\n\n")));
    }
    result
}

/// Adds what one server can do to what the others can.
fn unite(all: &mut Value, more: &Value) {
    match (all, more) {
        (Value::Object(all), Value::Object(more)) => {
            for (key, value) in more {
                match all.get_mut(key) {
                    Some(known) => unite(known, value),
                    None => drop(all.insert(key.clone(), value.clone())),
                }
            }
        }
        (Value::Bool(all), Value::Bool(more)) => *all |= more,
        _ => {}
    }
}

fn shortest_ttl(hellos: &[(ServerName, Value)]) -> u64 {
    hellos.iter().map(|(_, hello)| hello.get("ttlMs").and_then(Value::as_u64).unwrap_or(0)).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_united() {
        let mut all = json!({ "tools": { "listChanged": false }, "logging": {} });
        unite(&mut all, &json!({ "tools": { "listChanged": true }, "resources": { "subscribe": true } }));
        assert_eq!(all, json!({ "tools": { "listChanged": true }, "logging": {}, "resources": { "subscribe": true } }));
    }
}
