//! Inventory files: TOML or JSON with one array of tables per kind.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde_json::Value as Json;
use types::FactValue;

/// Is an entity as its source gives it: `id` among the attributes.
pub(crate) type Row = BTreeMap<String, FactValue>;

/// Says whether a path stays inside the bundle: relative, and never upwards.
pub(crate) fn is_inside(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    !path.is_empty() && parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// Reads a file's rows by kind; the reason where it cannot be read.
pub(crate) fn read(path: &str, text: &str) -> Result<BTreeMap<String, Vec<Row>>, String> {
    let Json::Object(kinds) = parse(path, text)? else { return Err("it must be a table of kinds".into()) };
    kinds.into_iter().map(|(kind, list)| Ok((kind.clone(), rows(&kind, list)?))).collect()
}

fn parse(path: &str, text: &str) -> Result<Json, String> {
    match Path::new(path).extension().and_then(|e| e.to_str()) {
        Some("json") => types::json::parse(text).map_err(|e| e.to_string()),
        Some("toml") => {
            let table: toml::Table = toml::from_str(text).map_err(|e| e.to_string().trim_end().to_owned())?;
            // Dates become tables here, which are no value of an attribute either.
            serde_json::to_value(table).map_err(|e| e.to_string())
        }
        _ => Err("its name must end in `.toml` or `.json`".into()),
    }
}

fn rows(kind: &str, list: Json) -> Result<Vec<Row>, String> {
    let Json::Array(items) = list else { return Err(format!("`{kind}` must be a list of tables")) };
    items
        .into_iter()
        .enumerate()
        .map(|(at, item)| row(item).map_err(|e| format!("entry {} of `{kind}`: {e}", at + 1)))
        .collect()
}

fn row(item: Json) -> Result<Row, String> {
    let Json::Object(members) = item else { return Err("it is no table".into()) };
    members.into_iter().map(|(name, value)| value_of(&name, value).map(|v| (name, v))).collect()
}

fn value_of(name: &str, value: Json) -> Result<FactValue, String> {
    match value {
        Json::String(text) => Ok(FactValue::Text(text)),
        Json::Bool(flag) => Ok(FactValue::Bool(flag)),
        Json::Number(number) => {
            number.as_i64().map(FactValue::Int).ok_or_else(|| format!("`{name}` is no whole number"))
        }
        Json::Null | Json::Array(_) | Json::Object(_) => {
            Err(format!("`{name}` must be a text, a whole number or true or false"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        for fine in ["a.toml", "dir/a.json", "./a.toml"] {
            assert!(is_inside(fine), "{fine}");
        }
        for outside in ["", "/etc/a.toml", "../a.toml", "a/../../b.toml", "a/.."] {
            assert!(!is_inside(outside), "{outside}");
        }
    }

    #[test]
    fn both_forms_read_the_same() {
        let toml = "[[service]]\nid = \"a\"\nport = 80\nlive = true\n";
        let json = r#"{"service":[{"id":"a","port":80,"live":true}]}"#;
        assert_eq!(read("x.toml", toml), read("x.json", json));
        assert_eq!(read("x.toml", toml).unwrap()["service"][0]["port"], FactValue::Int(80));
    }

    #[test]
    fn what_is_not_a_value_is_refused() {
        for (path, text) in [
            ("x.yaml", ""),
            ("x.toml", "a ="),
            ("x.toml", "service = 3"),
            ("x.toml", "service = [3]"),
            ("x.toml", "[[service]]\nx = 1.5"),
            ("x.toml", "[[service]]\nx = 2020-01-01"),
            ("x.json", r#"{"service":[{"id":"a","id":"b"}]}"#),
            ("x.json", r#"{"service":[{"x":null}]}"#),
            ("x.json", "[]"),
        ] {
            assert!(read(path, text).is_err(), "{path} {text}");
        }
    }
}
