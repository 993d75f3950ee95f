//! What of a tool is secret, and who says so: for people who review it.

use std::collections::BTreeMap;

use types::ToolName;
use types::secret::{Declared, Listed, Why, is_secret_name, pointer};

use crate::control::Control;
use crate::error::Failure;
use crate::redaction::Schemas;

/// Is one part of a tool that is redacted in every record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretPart {
    /// Of what it is a part: `arguments` or `results`.
    pub side: &'static str,
    /// Where it stands, as a JSON Pointer with `*` for any name or position and `**` for any depth.
    pub place: String,
    /// Who says so.
    pub why: Why,
}

impl Control {
    /// Lists what is secret of a tool, in order of side and place. What its schema and its names say is there once its
    /// server has listed it.
    ///
    /// # Errors
    ///
    /// `tool-unknown` if the catalogue does not have it.
    pub fn secrets(&self, tool: &ToolName) -> Failure<Vec<SecretPart>> {
        let view = self.tool(tool)?;
        let snapshot = self.snapshot();
        let Some(entry) = snapshot.bundle.data().tools.get(tool) else { return Ok(Vec::new()) };
        let schemas = view.text.as_deref().map(Schemas::of).unwrap_or_default();
        let mut parts = side("arguments", &Listed::arguments(entry), &schemas.arguments);
        parts.extend(side("results", &Listed::results(entry), &schemas.results));
        Ok(parts)
    }
}

fn side(side: &'static str, listed: &Listed<'_>, declared: &Declared) -> Vec<SecretPart> {
    let mut places: BTreeMap<String, Why> = BTreeMap::new();
    let mut add = |place: String, why: Why| {
        places.entry(place).and_modify(|known| *known = why.min(*known)).or_insert(why);
    };
    listed.secret.iter().for_each(|pattern| add(pattern.to_string(), Why::Catalogue));
    declared.patterns().iter().for_each(|pattern| add(pattern.to_string(), Why::Schema));
    for path in declared.properties() {
        let named = path.last().is_some_and(|name| is_secret_name(name));
        if named && listed.why(&path, None) == Some(Why::Name) {
            add(pointer(&path), Why::Name);
        }
    }
    places.into_iter().map(|(place, why)| SecretPart { side, place, why }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use serde_json::json;

    #[test]
    fn every_part_is_listed_once_with_who_says_so_first() {
        let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        let (secret, not_secret) = (patterns(&["/pin", "/map/*"]), patterns(&["/page/token"]));
        let declared = Declared::of(json!({ "properties": {
            "pin": { "writeOnly": true }, "key": { "x-secret": true }, "password": {},
            "page": { "properties": { "token": {} } }, "list": { "items": { "properties": { "token": {} } } },
        }}));
        let parts = side("arguments", &Listed { secret: &secret, not_secret: &not_secret }, &declared);
        let told: Vec<String> = parts.iter().map(|part| format!("{} {}", part.place, part.why.as_str())).collect();
        assert_eq!(told, ["/key schema", "/list/*/token name", "/map/* catalogue", "/password name", "/pin catalogue"]);
    }
}
