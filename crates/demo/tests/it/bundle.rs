//! The bundle: it loads, its own tests pass, and what was generated is current.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use countersign_demo::bundle::{GRANTS, bundle};
use countersign_demo::inventory_server;
use policy::schema;
use types::{AutonomyLevel, Code, Millis, ToolName};

use crate::common::{db, files, load, pins};

/// Asks SQLite.
pub struct Sql;

impl connectors::inventory::QuerySource for Sql {
    fn rows(&self, path: &str, query: &str) -> Result<Vec<BTreeMap<String, types::FactValue>>, String> {
        store::query::rows(Path::new(path), query).map_err(|error| error.to_string())
    }
}

#[test]
fn it_loads_and_its_own_tests_pass() {
    let db = db();
    let bundle = load(&db.path);
    let reports = control::bundles::trials(&bundle).unwrap();
    let failed: Vec<_> = reports.iter().filter(|report| !report.passed).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(reports.len() > 20);
}

#[test]
fn what_the_machine_knows_is_put_in() {
    let db = db();
    let files = files(&db.path);
    assert!(files.values().all(|text| !text.contains("{{")), "a place was left open");
    let bundle = load(&db.path);
    let server = bundle.data().servers.values().next().unwrap();
    assert_eq!(server.command, ["countersign", "demo", "--serve", "a \"b\".db"]);
    assert_eq!(server.identity, Some(inventory_server::identity()));
    for (name, tool) in bundle.data().tools.iter().filter(|(name, _)| !name.operation.starts_with("mcp:")) {
        assert_eq!(tool.definition, Some(pins()[&name.operation]), "{name}");
    }
    assert_eq!(bundle.data().tools.len(), pins().len() + 1);
}

#[test]
fn a_tool_without_a_pin_is_denied() {
    let db = db();
    let pins = pins().into_iter().filter(|(tool, _)| tool != "list_services").collect();
    let files = bundle(&["x".to_owned()], db.path.to_str().unwrap(), &pins);
    let refusal = control::bundles::check(policy::BundleFiles(files)).unwrap_err();
    assert_eq!(refusal.code, Code::BundleTestsFailed);
    assert!(
        refusal.message.contains("nobody has reviewed the definition of `inventory.list_services`"),
        "{}",
        refusal.message
    );
}

#[test]
fn the_schema_is_the_generated_one() {
    let db = db();
    let bundle = load(&db.path);
    let tool = |name: &str| format!("inventory.{name}").parse::<ToolName>().unwrap();
    let mut inputs: BTreeMap<_, _> = inventory_server::definitions()
        .into_iter()
        .map(|(name, definition)| (tool(&name), definition["inputSchema"].clone()))
        .collect();
    let uri =
        serde_json::json!({ "type": "object", "required": ["uri"], "properties": { "uri": { "type": "string" } } });
    inputs.insert(tool("mcp:resources/read"), uri);
    let generated = schema::generate(bundle.data(), &inputs);
    assert!(generated == bundle.schema_text(), "bundle/schema.cedarschema must be:\n{generated}");
}

#[test]
fn the_inventory_yields_what_the_kinds_declare() {
    let db = db();
    let bundle = load(&db.path);
    let entities = connectors::inventory::load(&bundle.data().inventory, &BTreeMap::new(), &Sql, Millis(0)).unwrap();
    assert_eq!(entities.len(), 8 + 3 + 2);
    let payments = entities.get("Service", "payments").unwrap();
    assert_eq!(payments.attributes["stateless"], false.into());
    assert_eq!(payments.attributes["env"], "prod".into());
    assert_eq!(entities.get("Mailbox", "sre@shop.example").unwrap().attributes["env"], "office".into());
}

#[test]
fn every_level_can_be_given_and_every_class_has_one() {
    let db = db();
    let bundle = load(&db.path);
    let data = bundle.data();
    let classes: BTreeSet<&str> = data.classes.keys().map(types::ClassId::as_str).collect();
    assert_eq!(GRANTS.iter().map(|grant| grant.class).collect::<BTreeSet<_>>(), classes);
    for grant in GRANTS.iter().filter(|grant| grant.level == AutonomyLevel::L2) {
        let rated = data.limits.rates.values().any(|rate| rate.covers.class.0 == grant.class);
        assert!(rated && !grant.environments.is_empty(), "{}", grant.class);
    }
}
