//! Inventories from the bundle's files and from rows of a database.

use std::collections::BTreeMap;

use countersign_connectors::inventory::{Entities, InventoryError, QuerySource, load};
use types::bundle::{AttributeType, Inventory, Kind, Source};
use types::{Code, FactValue, Millis};

struct Rows(Result<Vec<BTreeMap<String, FactValue>>, String>);

impl QuerySource for Rows {
    fn rows(&self, path: &str, query: &str) -> Result<Vec<BTreeMap<String, FactValue>>, String> {
        assert_eq!((path, query), ("services.db", "select 1"));
        self.0.clone()
    }
}

fn row(members: &[(&str, FactValue)]) -> BTreeMap<String, FactValue> {
    members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn inventory(sources: &[(&str, Source)]) -> Inventory {
    let attributes = [("env", AttributeType::String), ("tier", AttributeType::Long), ("stateful", AttributeType::Bool)];
    let attributes = attributes.map(|(n, t)| (n.to_owned(), t)).into();
    let sources = sources.iter().map(|(n, s)| ((*n).to_owned(), s.clone())).collect();
    Inventory { kinds: BTreeMap::from([("service".into(), Kind { attributes })]), sources }
}

fn file(path: &str) -> Source {
    Source { file: Some(path.into()), sqlite: None, queries: BTreeMap::new(), age_ms_max: 5 }
}

fn database() -> Source {
    let queries = BTreeMap::from([("service".into(), "select 1".into())]);
    Source { file: None, sqlite: Some("services.db".into()), queries, age_ms_max: 5 }
}

fn loaded(
    source: Source,
    text: &str,
    rows: Result<Vec<BTreeMap<String, FactValue>>, String>,
) -> Result<Entities, InventoryError> {
    let files = BTreeMap::from([("services.toml".to_owned(), text.to_owned())]);
    load(&inventory(&[("services", source)]), &files, &Rows(rows), Millis(7))
}

const GOOD: &str = "[[service]]\nid = \"shop\"\nenv = \"prod\"\ntier = 1\nstateful = true\n";

#[test]
fn a_file_gives_entities_that_never_age() {
    let entities = loaded(file("services.toml"), GOOD, Ok(Vec::new())).unwrap();
    let shop = entities.get("service", "shop").unwrap();
    let expected = row(&[("env", "prod".into()), ("tier", 1.into()), ("stateful", true.into())]);
    assert_eq!(shop.attributes, expected);
    assert_eq!((shop.source.as_str(), shop.at, shop.age_ms_max), ("inventory:services", Millis(7), None));
    assert_eq!((entities.len(), entities.get("service", "x"), entities.get("x", "shop")), (1, None, None));
}

#[test]
fn a_database_gives_entities_that_age() {
    let rows = vec![row(&[("id", "a".into()), ("env", "dev".into()), ("tier", 2.into()), ("stateful", 0.into())])];
    let entities = loaded(database(), "", Ok(rows)).unwrap();
    let entity = entities.get("service", "a").unwrap();
    assert_eq!((&entity.attributes["stateful"], entity.age_ms_max), (&FactValue::Bool(false), Some(5)));
    let error = loaded(database(), "", Err("locked".into())).unwrap_err();
    assert_eq!(error.code(), Code::FactStale);
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    for (text, reason) in [
        (format!("{GOOD}{GOOD}"), "entity 2 of kind `service` in the inventory source `services` has the id `shop`"),
        (format!("{GOOD}owner = \"x\"\n"), "attribute `owner` that its kind does not declare"),
        (GOOD.replace("tier = 1", ""), "lacks the attribute `tier`"),
        (GOOD.replace("tier = 1", "tier = \"1\""), "attribute `tier` that is no whole number"),
        (GOOD.replace("stateful = true", "stateful = 1"), "attribute `stateful` that is no truth value"),
        (GOOD.replace("id = \"shop\"", "id = 3"), "has no text `id`"),
        (GOOD.replace("id = \"shop\"", "id = \"\""), "has no text `id`"),
        (GOOD.replace("service", "server"), "the kind `server` is not declared"),
        ("[[".to_owned(), "cannot be read"),
    ] {
        let error = loaded(file("services.toml"), &text, Ok(Vec::new())).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(error.code(), Code::BundleInvalid);
    }
}

#[test]
fn a_declaration_that_cannot_be_followed_is_refused() {
    let neither = Source { sqlite: None, queries: BTreeMap::new(), ..database() };
    let both = Source { file: Some("services.toml".into()), ..database() };
    let queried = Source { queries: database().queries, ..file("services.toml") };
    let unqueried = Source { queries: BTreeMap::new(), ..database() };
    for source in [neither, both, queried, unqueried] {
        let error = loaded(source, GOOD, Ok(Vec::new())).unwrap_err();
        assert!(matches!(error, InventoryError::Declaration { .. }), "{error}");
    }
    for path in ["/etc/services.toml", "../services.toml", "a/../../services.toml", "missing.toml"] {
        let error = loaded(file(path), GOOD, Ok(Vec::new())).unwrap_err();
        assert!(matches!(error, InventoryError::File { .. }), "{error}");
    }
}

#[test]
fn an_id_belongs_to_one_source() {
    let sources = inventory(&[("a", file("services.toml")), ("b", file("./services.toml"))]);
    let files = BTreeMap::from([("services.toml".to_owned(), GOOD.to_owned())]);
    let error = load(&sources, &files, &Rows(Ok(Vec::new())), Millis(0)).unwrap_err();
    assert!(error.to_string().contains("source `b` has the id `shop`"), "{error}");
}
