//! Entities by kind and id.

use std::collections::BTreeMap;

use types::{FactValue, Millis};

/// Is one entity, with its source and age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// Every attribute its kind declares.
    pub attributes: BTreeMap<String, FactValue>,
    /// Where it came from: `inventory:` and the source's name.
    pub source: String,
    /// When it was read there.
    pub at: Millis,
    /// How old it may become, in milliseconds; an entity from the bundle itself never ages.
    pub age_ms_max: Option<i64>,
}

/// Holds all entities of an inventory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entities {
    by_kind: BTreeMap<String, BTreeMap<String, Entity>>,
}

impl Entities {
    /// Returns the entity of that kind and id.
    pub fn get(&self, kind: &str, id: &str) -> Option<&Entity> {
        self.by_kind.get(kind)?.get(id)
    }

    /// Returns all entities with kind and id, in that order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Entity)> {
        self.by_kind
            .iter()
            .flat_map(|(kind, ids)| ids.iter().map(move |(id, entity)| (kind.as_str(), id.as_str(), entity)))
    }

    /// Returns how many entities there are.
    pub fn len(&self) -> usize {
        self.by_kind.values().map(BTreeMap::len).sum()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_kind.values().all(BTreeMap::is_empty)
    }

    /// Adds an entity; says whether its kind and id were free.
    pub(crate) fn add(&mut self, kind: &str, id: String, entity: Entity) -> bool {
        let ids = self.by_kind.entry(kind.to_owned()).or_default();
        let free = !ids.contains_key(&id);
        if free {
            ids.insert(id, entity);
        }
        free
    }
}
