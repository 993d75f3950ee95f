//! The people, agents and resources of a bundle as Cedar entities, built once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy_core::ast::{Eid, Entity, EntityType, EntityUID, EntityUIDEntry, PartialValue, Value};
use cedar_policy_core::entities::conformance::EntitySchemaConformanceChecker;
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::{CoreSchema, ValidatorSchema};
use types::bundle::BundleData;
use types::{AgentId, FactValue, PersonId, Principal};

use crate::names;
use crate::report::Report;
use crate::shape::{Field, Shape};

/// Returns one of the entity types every schema has.
pub(crate) fn known_type(name: &'static str) -> EntityType {
    #[expect(clippy::expect_used, reason = "the names are constants of this crate and plain identifiers")]
    EntityType::from_normalized_str(name).expect("a plain identifier")
}

/// Names an entity.
pub(crate) fn uid(ty: &EntityType, id: &str) -> EntityUID {
    EntityUID::from_components(ty.clone(), Eid::new(id), None)
}

/// Is somebody who may ask: an agent or a person.
#[derive(Debug)]
pub(crate) struct Asker {
    /// Tells askers apart in the cache.
    pub(crate) key: u32,
    /// Who it is, ready for a request.
    pub(crate) entry: EntityUIDEntry,
    /// What it is.
    pub(crate) entity: Arc<Entity>,
    /// The owner, for an agent.
    pub(crate) owner: Option<Arc<Entity>>,
}

impl Asker {
    /// Says whether the asker is that entity or belongs to it.
    pub(crate) fn is_in(&self, uid: &EntityUID) -> bool {
        self.entity.uid() == uid || self.entity.is_descendant_of(uid)
    }
}

/// Holds everybody who may ask.
#[derive(Debug, Default)]
pub(crate) struct Askers {
    agents: HashMap<AgentId, Arc<Asker>>,
    people: HashMap<PersonId, Arc<Asker>>,
}

impl Askers {
    /// Builds an entity for each agent and person, and demands that the schema accepts it.
    pub(crate) fn new(data: &BundleData, schema: &ValidatorSchema, report: &mut Report) -> Self {
        let mut builder = Builder { schema, report, next: 0 };
        let people: HashMap<_, _> = data
            .people
            .iter()
            .map(|(name, person)| {
                let groups = person.groups.iter().map(|group| uid(&known_type(names::GROUP), group)).collect();
                let entity = plain(uid(&known_type(names::PERSON), name.as_str()), [], groups);
                (name.clone(), builder.asker("people.toml", ["people", name.as_str()], entity, None))
            })
            .collect();
        let agents = data
            .agents
            .iter()
            .map(|(name, agent)| {
                let owner = people.get(&agent.owner).map(|person: &Arc<Asker>| Arc::clone(&person.entity));
                let teams = agent.teams.iter().map(|team| uid(&known_type(names::TEAM), team)).collect();
                let owned = Value::from(uid(&known_type(names::PERSON), agent.owner.as_str()));
                let declares_owner = declared(schema, &known_type(names::AGENT)).iter().any(|field| field == "owner");
                let attributes = declares_owner.then_some(("owner", owned));
                let entity = plain(uid(&known_type(names::AGENT), name.as_str()), attributes, teams);
                (name.clone(), builder.asker("agents.toml", ["agents", name.as_str()], entity, owner))
            })
            .collect();
        Self { agents, people }
    }

    /// Finds an agent or a person.
    pub(crate) fn get(&self, principal: &Principal) -> Option<&Arc<Asker>> {
        match principal {
            Principal::Agent(agent) => self.agents.get(agent),
            Principal::Person(person) => self.people.get(person),
        }
    }

    /// Finds the entities that a literal in a policy names: an agent with its owner, or a person.
    pub(crate) fn named(&self, uid: &EntityUID) -> Vec<Arc<Entity>> {
        let id: &str = uid.eid().as_ref();
        let asker = match uid.entity_type().to_string().as_str() {
            names::AGENT => AgentId::new(id).ok().and_then(|agent| self.agents.get(&agent)),
            names::PERSON => PersonId::new(id).ok().and_then(|person| self.people.get(&person)),
            _ => None,
        };
        asker.map_or_else(Vec::new, |asker| std::iter::once(&asker.entity).chain(&asker.owner).cloned().collect())
    }
}

struct Builder<'a> {
    schema: &'a ValidatorSchema,
    report: &'a mut Report,
    next: u32,
}

impl Builder<'_> {
    fn asker(&mut self, file: &str, path: [&str; 2], entity: Entity, owner: Option<Arc<Entity>>) -> Arc<Asker> {
        let core = CoreSchema::new(self.schema);
        let checker = EntitySchemaConformanceChecker::new(&core, Extensions::all_available());
        if let Err(error) = checker.validate_entity(&entity) {
            self.report.at(file, &path, format!("`{}` does not fit `schema.cedarschema`: {error}", path[1]));
        }
        let key = self.next;
        self.next += 1;
        Arc::new(Asker { key, entry: EntityUIDEntry::from(entity.uid().clone()), entity: Arc::new(entity), owner })
    }
}

/// Builds an entity from values that are known already.
pub(crate) fn plain<'a>(
    uid: EntityUID,
    attributes: impl IntoIterator<Item = (&'a str, Value)>,
    parents: HashSet<EntityUID>,
) -> Entity {
    let attributes = attributes.into_iter().map(|(name, value)| (name.into(), PartialValue::Value(value)));
    Entity::new_with_attr_partial_value(uid, attributes, HashSet::new(), parents, [])
}

fn declared(schema: &ValidatorSchema, ty: &EntityType) -> Vec<String> {
    schema
        .get_entity_type(ty)
        .map_or_else(Vec::new, |found| found.attributes().keys().map(ToString::to_string).collect())
}

/// Is an inventory kind as the schema declares it.
#[derive(Debug)]
pub(crate) struct KindPlan {
    ty: EntityType,
    fields: Vec<Field>,
}

impl KindPlan {
    /// Reads a kind from the schema, and demands that the inventory supplies what the schema requires.
    pub(crate) fn new(name: &str, data: &BundleData, schema: &ValidatorSchema, report: &mut Report) -> Option<Self> {
        // A name that cannot be used is reported where names are checked.
        let ty = EntityType::from_normalized_str(name).ok().filter(|_| names::refuse_kind(name).is_none())?;
        let path = ["kinds", name];
        let Some(found) = schema.get_entity_type(&ty) else {
            report.at("inventory.toml", &path, format!("`schema.cedarschema` has no entity `{name}`"));
            return None;
        };
        let supplied = &data.inventory.kinds.get(name)?.attributes;
        let mut fields = Vec::new();
        for (attribute, declared) in found.attributes().iter() {
            let given = supplied.get(attribute.as_str()).map(|ty| crate::schema::cedar(*ty));
            let wanted = declared.attr_type.to_string();
            match given {
                Some(given) if given == wanted => fields.extend(Field::of(attribute, declared)),
                None if !declared.is_required => {}
                _ => {
                    let has = given.map_or_else(|| "does not have it".to_owned(), |given| format!("has a `{given}`"));
                    let message = format!(
                        "`schema.cedarschema` wants `{attribute}` of `{name}` to be a `{wanted}`, the kind {has}"
                    );
                    report.at("inventory.toml", &["kinds", name, "attributes", attribute], message);
                }
            }
        }
        Some(Self { ty, fields })
    }

    /// Returns the entity type.
    pub(crate) fn entity_type(&self) -> &EntityType {
        &self.ty
    }

    /// Builds an entity of the kind from the facts about it.
    ///
    /// # Errors
    ///
    /// A sentence that names the attribute that is missing or of another type.
    pub(crate) fn entity(
        &self,
        kind: &str,
        id: &str,
        facts: &std::collections::BTreeMap<String, FactValue>,
    ) -> Result<Entity, String> {
        let mut attributes = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let value = match (&field.shape, facts.get(&field.name)) {
                (Shape::Bool, Some(FactValue::Bool(truth))) => Value::from(*truth),
                (Shape::Long, Some(FactValue::Int(number))) => Value::from(*number),
                (Shape::Text, Some(FactValue::Text(text))) => Value::from(text.as_str()),
                (_, None) if !field.required => continue,
                (_, None) => return Err(format!("the {kind} `{id}` has no `{}`", field.name)),
                (_, Some(_)) => {
                    return Err(format!(
                        "`{}` of the {kind} `{id}` has another type than the schema declares",
                        field.name
                    ));
                }
            };
            attributes.push((field.name.as_str(), value));
        }
        Ok(plain(uid(&self.ty, id), attributes, HashSet::new()))
    }
}
