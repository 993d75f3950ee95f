//! Which of a server's tools its clients may see: those that can be compared with what was reviewed.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use types::ServerName;

/// Keeps the tools of a page that mean one thing to every reader: strict JSON, and no other definition of the same name in
/// the list. Their texts stay as they are.
///
/// - `whole`: the list that the page is part of, as its server gave it in one go.
pub(super) fn comparable(server: &ServerName, page: Vec<String>, whole: &[String]) -> Vec<String> {
    let ambiguous = ambiguous(whole.iter().chain(&page));
    let keeps = |tool: &String| match types::json::parse(tool) {
        Ok(tool) => name(&tool).is_none_or(|name| !ambiguous.contains(name)),
        Err(_) => false,
    };
    let listed = page.len();
    let kept: Vec<String> = page.into_iter().filter(keeps).collect();
    if kept.len() < listed {
        tracing::warn!(%server, hidden = listed - kept.len(), "hid tools whose definition cannot be compared");
    }
    kept
}

/// Finds the names under which a list defines more than one tool.
fn ambiguous<'a>(tools: impl Iterator<Item = &'a String>) -> HashSet<String> {
    let mut first: HashMap<String, Value> = HashMap::new();
    let mut twice = HashSet::new();
    for tool in tools.filter_map(|tool| types::json::parse(tool).ok()) {
        let Some(name) = name(&tool).map(str::to_owned) else { continue };
        match first.get(&name) {
            Some(other) if *other != tool => drop(twice.insert(name)),
            Some(_) => {}
            None => drop(first.insert(name, tool)),
        }
    }
    twice
}

fn name(tool: &Value) -> Option<&str> {
    tool.get("name")?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(tools: &[&str]) -> Vec<String> {
        let tools: Vec<String> = tools.iter().map(|tool| (*tool).to_owned()).collect();
        comparable(&ServerName::new("s").unwrap(), tools.clone(), &tools)
    }

    #[test]
    fn what_readers_disagree_about_is_not_shown() {
        let fine = r#"{"name":"a", "x": 1.0}"#;
        for odd in [
            r#"{"name":"b","inputSchema":{"a":1,"a":2}}"#,
            r#"{"name":"b","inputSchema":{"maximum":9007199254740993}}"#,
            r#"{"name":"b","name":"a"}"#,
        ] {
            assert_eq!(shown(&[fine, odd]), [fine], "{odd}");
        }
    }

    #[test]
    fn two_definitions_of_one_name_are_neither_shown() {
        let (one, other) = (r#"{"name":"a"}"#, r#"{"name":"\u0061","description":"x"}"#);
        assert_eq!(shown(&[one, other, r#"{"name":"b"}"#]), [r#"{"name":"b"}"#]);
        assert_eq!(shown(&[one, r#"{ "name":"a" }"#]).len(), 2, "said twice, it is one definition");
    }
}
