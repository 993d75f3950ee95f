//! The OpenAPI document: checked in, served, and about every route.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::call::{Api, request};

fn checked_in() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json")
}

#[test]
fn the_checked_in_document_is_the_generated_one() {
    let mut generated = countersign_api::document().to_pretty_json().unwrap();
    generated.push('\n');
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(checked_in().parent().unwrap()).unwrap();
        std::fs::write(checked_in(), &generated).unwrap();
    }
    let found = std::fs::read_to_string(checked_in()).unwrap_or_default();
    assert!(
        found == generated,
        "docs/reference/openapi.json is not what the code says; write it with `UPDATE=1 cargo test -p countersign-api document`"
    );
}

#[tokio::test]
async fn the_served_document_is_the_same_and_needs_no_key() {
    let api = Api::new().await;
    let served = api.send(request("GET", "/v1/openapi.json", None, None)).await.is(200);
    let generated: Value = serde_json::from_str(&countersign_api::document().to_json().unwrap()).unwrap();
    assert_eq!(served, generated);
}

#[test]
fn every_operation_is_described_secured_and_names_its_problems() {
    let document: Value = serde_json::from_str(&countersign_api::document().to_json().unwrap()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    let mut ids = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|s| s.ends_with('.')), "{name}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{name} has another's name");
            let problem = &operation["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(problem, "#/components/schemas/Problem", "{name}");
            let open = [
                "get /v1/health",
                "get /v1/login/oidc/callback",
                "get /v1/login/ways",
                "post /v1/login/oidc",
                "post /v1/login/passkey/options",
                "post /v1/passkeys",
                "post /v1/passkeys/options",
            ];
            assert_eq!(operation["responses"].get("401").is_some(), !open.contains(&name.as_str()), "{name}");
        }
    }
    assert_eq!(ids.len(), 126);
    assert_references(&document, &document);
}

fn assert_references(document: &Value, value: &Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                let pointer = target.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
            }
            members.values().for_each(|member| assert_references(document, member));
        }
        Value::Array(items) => items.iter().for_each(|item| assert_references(document, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// Two types of one name would be one schema of the contract, whichever came last.
#[test]
fn no_two_types_of_the_contract_have_one_name() {
    let mut named = BTreeSet::new();
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = std::fs::read_to_string(file).unwrap();
        for described in text.split("ToSchema)]").skip(1) {
            let item = described.split_once("pub ").and_then(|(_, item)| item.split_once(' ')).unwrap().1;
            let name: String = item.chars().take_while(|c| c.is_alphanumeric()).collect();
            assert!(named.insert(name.clone()), "`{name}` is described twice");
        }
    }
    assert!(named.len() > 100, "{}", named.len());
}
