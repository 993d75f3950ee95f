//! Inventory files of an operator.

use std::collections::BTreeMap;

use connectors::inventory::{QuerySource, load};
use types::bundle::{AttributeType, Inventory, Kind, Source};
use types::{FactValue, Millis};

use crate::base::Taker;

struct NoDatabase;

impl QuerySource for NoDatabase {
    fn rows(&self, _: &str, _: &str) -> Result<Vec<BTreeMap<String, FactValue>>, String> {
        Err("there is none".to_owned())
    }
}

fn declared(path: &str) -> Inventory {
    let attributes = [("name", AttributeType::String), ("port", AttributeType::Long), ("live", AttributeType::Bool)];
    let attributes: BTreeMap<String, AttributeType> = attributes.map(|(name, kind)| (name.to_owned(), kind)).into();
    let source = Source { file: Some(path.to_owned()), sqlite: None, queries: BTreeMap::new(), age_ms_max: 1 };
    Inventory {
        kinds: BTreeMap::from([("a".to_owned(), Kind { attributes }), ("b".to_owned(), Kind::default())]),
        sources: BTreeMap::from([("s".to_owned(), source)]),
    }
}

/// Inventory files: what loads fits its declaration wholly.
pub fn inventory(bytes: &[u8]) {
    let mut taker = Taker::new(bytes);
    let path = ["data.toml", "data.json", "./data.toml"][usize::from(taker.byte()) % 3];
    let Ok(text) = std::str::from_utf8(taker.rest()) else { return };
    let inventory = declared(path);
    let files = BTreeMap::from([(path.to_owned(), text.to_owned())]);
    let Ok(entities) = load(&inventory, &files, &NoDatabase, Millis(1)) else { return };
    assert_eq!(entities.iter().count(), entities.len());
    for (kind, id, entity) in entities.iter() {
        assert!(!id.is_empty());
        let declared = &inventory.kinds[kind].attributes;
        assert_eq!(entity.attributes.len(), declared.len());
        for (name, value) in &entity.attributes {
            let fits = matches!(
                (declared[name], value),
                (AttributeType::String, FactValue::Text(_))
                    | (AttributeType::Long, FactValue::Int(_))
                    | (AttributeType::Bool, FactValue::Bool(_))
            );
            assert!(fits, "{name} is {value:?}");
        }
    }
}
