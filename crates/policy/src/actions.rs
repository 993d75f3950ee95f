//! The actions of a bundle: what the schema declares of each tool, made ready for requests.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy_core::ast::{Entity, EntityType, EntityUID, EntityUIDEntry};
use cedar_policy_core::entities::Schema as _;
use cedar_policy_core::entities::conformance::validate_euid;
use cedar_policy_core::validator::types::Type;
use cedar_policy_core::validator::{CoreSchema, ValidatorActionId, ValidatorSchema};
use types::bundle::{BundleData, Tool};
use types::{ProfileId, ToolName};

use crate::entities::{KindPlan, known_type, uid};
use crate::names;
use crate::problem::{Place, Problem};
use crate::report::Report;
use crate::schema::{ADMIN_CLASS, ADMIN_TOOLS, LATER_TOOLS};
use crate::shape::{Field, Shape};

const SCHEMA: &str = "schema.cedarschema";

/// Is something the context can say of the situation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Circumstance {
    /// How far the question goes.
    Mode,
    /// The instant.
    Now,
    /// The day of the week.
    Weekday,
    /// The minute of the day.
    Minute,
    /// The autonomy level.
    Level,
    /// The risk score.
    Risk,
    /// Whether somebody is acted for.
    Delegated,
    /// How many things are touched.
    Touches,
    /// How sure the agent says it is; not always known.
    Confidence,
}

const CIRCUMSTANCES: [(&str, &str, Circumstance); 9] = [
    ("mode", names::MODE, Circumstance::Mode),
    ("now", "datetime", Circumstance::Now),
    ("weekday", "Long", Circumstance::Weekday),
    ("minute", "Long", Circumstance::Minute),
    ("level", "Long", Circumstance::Level),
    ("risk", "Long", Circumstance::Risk),
    ("delegated", "Bool", Circumstance::Delegated),
    ("touches", "Long", Circumstance::Touches),
    ("confidence", "Long", Circumstance::Confidence),
];

/// Is what the schema and the catalogue say of one tool.
#[derive(Debug)]
pub(crate) struct Action {
    /// Tells actions apart in the cache.
    pub(crate) key: u32,
    /// Which action it is, ready for a request.
    pub(crate) entry: EntityUIDEntry,
    /// The action with its groups.
    pub(crate) entity: Arc<Entity>,
    /// What its context wants to know of the situation.
    pub(crate) circumstances: Vec<(&'static str, Circumstance)>,
    /// The arguments its context declares; `None` if it declares no `input`.
    pub(crate) input: Option<Vec<Field>>,
    /// The entity types that may ask for it.
    pub(crate) principals: Vec<EntityType>,
    /// The entity types it may act on.
    pub(crate) resources: Vec<EntityType>,
    /// The entity kind its arguments name, if they name one.
    pub(crate) kind: Option<String>,
    /// The server, which is the resource where the arguments name none.
    pub(crate) server: Arc<Entity>,
    /// The server, ready for a request.
    pub(crate) server_entry: EntityUIDEntry,
    /// The profile of its class.
    pub(crate) class_profile: Option<ProfileId>,
}

impl Action {
    /// Says whether the action is that one or belongs to it.
    pub(crate) fn is_in(&self, uid: &EntityUID) -> bool {
        self.entity.uid() == uid || self.entity.is_descendant_of(uid)
    }
}

/// Holds the actions of all tools of the catalogue and of the administration.
pub(crate) type Actions = HashMap<ToolName, Action>;

/// Reads the action of every tool, and demands that schema and catalogue agree.
pub(crate) fn read(
    data: &BundleData,
    schema: &ValidatorSchema,
    schema_text: &str,
    kinds: &HashMap<String, KindPlan>,
    report: &mut Report,
) -> Actions {
    let mut reader = Reader { data, schema, schema_text, kinds, report };
    reader.modes();
    let catalogue = data.tools.iter().map(|(name, tool)| (name.clone(), Some(tool)));
    let administration = ADMIN_TOOLS.iter().filter_map(|name| Some((name.parse().ok()?, None)));
    let all: Vec<(ToolName, Option<&Tool>)> = catalogue.chain(administration).collect();
    let actions = all.into_iter().zip(0..).filter_map(|((name, tool), key)| {
        let action = reader.action(&name, tool, key)?;
        Some((name, action))
    });
    actions.collect()
}

struct Reader<'a> {
    data: &'a BundleData,
    schema: &'a ValidatorSchema,
    schema_text: &'a str,
    kinds: &'a HashMap<String, KindPlan>,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn modes(&mut self) {
        for mode in crate::evaluate::Mode::ALL {
            let mode = uid(&known_type(names::MODE), mode.as_str());
            if self.schema.get_entity_type(mode.entity_type()).is_none()
                || validate_euid(&CoreSchema::new(self.schema), &mode).is_err()
            {
                self.report.push(Problem::of_file(SCHEMA, format!("`{mode}` is missing, which every question needs")));
            }
        }
    }

    fn action(&mut self, name: &ToolName, tool: Option<&Tool>, key: u32) -> Option<Action> {
        let action = uid(&known_type("Action"), &name.to_string());
        let (Some(found), Some(entity)) =
            (self.schema.get_action_id(&action), CoreSchema::new(self.schema).action(&action))
        else {
            self.missing(name, tool);
            return None;
        };
        self.group(name, tool, found, &entity);
        let (circumstances, input) = self.context(name, found)?;
        let server = uid(&known_type(names::SERVER), name.server.as_str());
        let action = Action {
            key,
            entry: EntityUIDEntry::from(action),
            entity,
            circumstances,
            input,
            principals: found.applies_to_principals().cloned().collect(),
            resources: found.applies_to_resources().cloned().collect(),
            kind: tool.and_then(|tool| tool.resource.as_ref()).map(|map| map.kind.clone()),
            server_entry: EntityUIDEntry::from(server.clone()),
            server: Arc::new(Entity::with_uid(server)),
            class_profile: self.class_profile(tool),
        };
        self.principal(name, tool, &action, found);
        self.resource(name, &action, found);
        Some(action)
    }

    fn class_profile(&self, tool: Option<&Tool>) -> Option<ProfileId> {
        let class = match tool {
            Some(tool) => self.data.classes.get(&tool.class),
            None => self.data.classes.iter().find(|(name, _)| name.as_str() == ADMIN_CLASS).map(|(_, class)| class),
        };
        class?.profile.clone()
    }

    fn missing(&mut self, name: &ToolName, tool: Option<&Tool>) {
        let message = format!("`{SCHEMA}` has no action \"{name}\"");
        match tool {
            Some(_) => self.report.at(&format!("catalog/{}.toml", name.server), &["tools", &name.operation], message),
            None if LATER_TOOLS.contains(&name.to_string().as_str()) => {}
            None => self.report.push(Problem::of_file(SCHEMA, message).help("administration must always be possible")),
        }
    }

    fn refuse(&mut self, action: &ValidatorActionId, message: impl Into<String>) {
        let place = action.loc().map(|loc| Place::of(self.schema_text, loc.start()));
        self.report.push(Problem::at(SCHEMA, place, message));
    }

    /// Demands that the action is in the group of its class, so that policies over classes cover it.
    fn group(&mut self, name: &ToolName, tool: Option<&Tool>, found: &ValidatorActionId, entity: &Entity) {
        if tool.is_some_and(|tool| !self.data.classes.contains_key(&tool.class)) {
            return;
        }
        let group = tool.map_or_else(|| "admin".to_owned(), |tool| format!("class:{}", tool.class));
        if !entity.is_descendant_of(&uid(&known_type("Action"), &group)) {
            self.refuse(found, format!("action \"{name}\" must be `in [\"{group}\"]`"));
        }
    }

    /// Reads what the context of an action declares; `None` if it cannot be supplied.
    #[expect(clippy::type_complexity, reason = "a pair that its only caller takes apart at once")]
    fn context(
        &mut self,
        name: &ToolName,
        found: &ValidatorActionId,
    ) -> Option<(Vec<(&'static str, Circumstance)>, Option<Vec<Field>>)> {
        let Some(Type::Record { attrs, .. }) = found.context_type() else { return None };
        let (mut circumstances, mut input) = (Vec::new(), None);
        for (attribute, declared) in attrs.iter() {
            let known = CIRCUMSTANCES.iter().find(|(known, _, _)| known == attribute);
            match known {
                Some((known, ty, circumstance)) if declared.attr_type.to_string() == *ty => {
                    if *circumstance == Circumstance::Confidence && declared.is_required {
                        self.refuse(
                            found,
                            format!("`confidence` of action \"{name}\" must be optional: not every agent claims one"),
                        );
                    }
                    circumstances.push((*known, *circumstance));
                }
                Some((known, ty, _)) => {
                    self.refuse(found, format!("`{known}` of action \"{name}\" must be a `{ty}`"));
                }
                None if attribute == "input" => input = self.input(name, found, &declared.attr_type),
                None if declared.is_required => {
                    self.refuse(
                        found,
                        format!("the context of action \"{name}\" requires `{attribute}`, which nothing supplies"),
                    );
                }
                None => {}
            }
        }
        Some((circumstances, input))
    }

    fn input(&mut self, name: &ToolName, found: &ValidatorActionId, declared: &Type) -> Option<Vec<Field>> {
        match Shape::of(declared) {
            Some(Shape::Record(fields)) => Some(fields),
            _ => {
                self.refuse(
                    found,
                    format!("`input` of action \"{name}\" must be a record of values, without entities"),
                );
                None
            }
        }
    }

    fn principal(&mut self, name: &ToolName, tool: Option<&Tool>, action: &Action, found: &ValidatorActionId) {
        let wanted = if tool.is_some() { names::AGENT } else { names::PERSON };
        if !action.principals.contains(&known_type(wanted)) {
            self.refuse(found, format!("action \"{name}\" must have `{wanted}` among its principals"));
        }
    }

    /// Demands that the action takes the resource the catalogue maps its arguments to.
    fn resource(&mut self, name: &ToolName, action: &Action, found: &ValidatorActionId) {
        let server = known_type(names::SERVER);
        let wanted = match &action.kind {
            None => Some(&server),
            Some(kind) => self.kinds.get(kind).map(KindPlan::entity_type),
        };
        if let Some(wanted) = wanted.filter(|wanted| !action.resources.contains(*wanted)) {
            self.refuse(found, format!("action \"{name}\" must have `{wanted}` among its resources"));
        }
    }
}
