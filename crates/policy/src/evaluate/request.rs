//! Requests: a question turned into Cedar's principal, action, resource and context, natively and checked.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use cedar_policy_core::ast::{Context, Entity, EntityUIDEntry, Name, Request, RequestSchema as _, Value, ValueKind};
use cedar_policy_core::entities::conformance::EntitySchemaConformanceChecker;
use cedar_policy_core::entities::{Entities, TCComputation};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::CoreSchema;
use types::secret::{MARK, marks, pointer};
use types::{Code, Finding, Principal};

use super::{Mode, Question, deny};
use crate::Bundle;
use crate::actions::{Action, Circumstance};
use crate::entities::{Asker, known_type, uid};
use crate::index::Candidates;
use crate::names;
use crate::shape;

use super::rung::Rung;

const DAY_MS: i64 = 86_400_000;
const SCHEMA: &str = "schema.cedarschema";

// A finding is larger than what travels beside it, hence the boxes.
type Refusal = Box<Finding>;

fn refuse(code: Code, detail: impl Into<Cow<'static, str>>, source: &'static str) -> Refusal {
    Box::new(deny(code, detail, source))
}

/// Holds Cedar values that every request needs, made once.
#[derive(Debug)]
pub(crate) struct Constants {
    modes: [Value; 3],
    epoch: Option<Value>,
    offset: Option<Name>,
    duration: Option<Name>,
    /// The instant made last: busy callers ask about the same millisecond.
    latest: Mutex<Option<(i64, Value)>>,
}

impl Constants {
    /// Makes the values.
    pub(crate) fn new() -> Self {
        let name = |text: &str| text.parse::<Name>().ok();
        Self {
            modes: Mode::ALL.map(|mode| Value::from(uid(&known_type(names::MODE), mode.as_str()))),
            epoch: name("datetime").and_then(|datetime| shape::extension(&datetime, "1970-01-01")),
            offset: name("offset"),
            duration: name("duration"),
            latest: Mutex::default(),
        }
    }

    fn mode(&self, mode: Mode) -> Value {
        let [autonomous, monitored, approved] = &self.modes;
        match mode {
            Mode::Autonomous => autonomous.clone(),
            Mode::Monitored => monitored.clone(),
            Mode::Approved => approved.clone(),
        }
    }

    /// Returns a `datetime`; `None` beyond what Cedar can hold.
    fn instant(&self, ms: i64) -> Option<Value> {
        // The pair is whole at every moment, so a lock poisoned by a panic elsewhere is good to use.
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, value)) = latest.as_ref().filter(|(known, _)| *known == ms) {
            return Some(value.clone());
        }
        let made = self.make_instant(ms)?;
        *latest = Some((ms, made.clone()));
        Some(made)
    }

    fn make_instant(&self, ms: i64) -> Option<Value> {
        let duration = shape::extension(self.duration.as_ref()?, &format!("{ms}ms"))?;
        let offset = Extensions::all_available().func(self.offset.as_ref()?).ok()?;
        Value::try_from(offset.call(&[self.epoch.clone()?, duration]).ok()?).ok()
    }
}

/// Is a question with everything that is the same for each principal and rung.
pub(super) struct Prepared<'a> {
    action: &'a Action,
    situation: Vec<(&'static str, Value)>,
    resource: Target,
    /// Where secrets were in the arguments.
    marks: Vec<Vec<String>>,
}

enum Target {
    Server,
    Entity(EntityUIDEntry, Arc<Entity>),
}

impl<'a> Prepared<'a> {
    /// Builds context and resource.
    ///
    /// # Errors
    ///
    /// A denial with code `tool-unknown`, `arguments-invalid`, `fact-missing` or `policy-error`.
    pub(super) fn new(bundle: &'a Bundle, question: &Question<'_>) -> Result<Self, Refusal> {
        let action = bundle.ground().actions.get(question.tool).ok_or_else(|| {
            refuse(Code::ToolUnknown, format!("`{}` is not in the catalogue", question.tool), "catalog")
        })?;
        let situation = situation(bundle, action, question)?;
        let arguments = question.arguments;
        let has_marks = question.semantics.has_marks() && arguments.canonical().contains(MARK);
        let marks = if has_marks { marks(arguments.value()) } else { Vec::new() };
        Ok(Self { action, situation, resource: target(bundle, action, question)?, marks })
    }

    /// Returns the action asked for.
    pub(super) fn action(&self) -> &'a Action {
        self.action
    }

    /// Adds a principal, its policies and its entities.
    ///
    /// # Errors
    ///
    /// A denial with code `agent-unknown`, `person-unknown`, `policy-denies` or `fact-missing`.
    pub(super) fn ask_for<'q>(&'q self, bundle: &'q Bundle, principal: &Principal) -> Result<Asked<'q>, Refusal> {
        let program = bundle.program();
        let asker = program.ground.askers.get(principal).ok_or_else(|| unknown(principal))?;
        if !self.action.principals.contains(asker.entity.uid().entity_type()) {
            let detail = format!("the schema does not let `{principal}` ask for it at all");
            return Err(refuse(Code::PolicyDenies, detail, SCHEMA));
        }
        let candidates = program.index.candidates(asker, self.action);
        self.reads_no_secret(&candidates)?;
        let known = candidates.entities.as_ref();
        let known =
            known.ok_or_else(|| refuse(Code::PolicyError, "the bundle has two entities of one name", "agents.toml"))?;
        let entities = match &self.resource {
            Target::Server => known.clone(),
            Target::Entity(_, entity) => with(known, entity)?,
        };
        Ok(Asked { prepared: self, asker, candidates, entities })
    }
}

impl Prepared<'_> {
    /// A policy that reads a secret has no answer: left out it could fail to forbid.
    fn reads_no_secret(&self, candidates: &Candidates) -> Result<(), Refusal> {
        for place in &self.marks {
            if let Some(policy) = candidates.policies.iter().find(|policy| policy.reads.meet(place)) {
                let detail = format!("`{}` reads `{}`, which is secret and redacted", policy.id, pointer(place));
                return Err(refuse(Code::PolicyError, detail, "policies"));
            }
        }
        Ok(())
    }
}

fn unknown(principal: &Principal) -> Refusal {
    match principal {
        Principal::Agent(agent) => {
            refuse(Code::AgentUnknown, format!("`{agent}` is not an agent of the bundle"), "agents.toml")
        }
        Principal::Person(person) => {
            refuse(Code::PersonUnknown, format!("`{person}` is not a person of the bundle"), "people.toml")
        }
    }
}

/// Adds the resource to the entities of a pair. Its plan was read from the schema, which need not be asked again.
fn with(known: &Entities, entity: &Arc<Entity>) -> Result<Entities, Refusal> {
    let added = known.clone().add_entities(
        [Arc::clone(entity)],
        None::<&CoreSchema<'_>>,
        TCComputation::AssumeAlreadyComputed,
        Extensions::all_available(),
    );
    added.map_err(|error| refuse(Code::FactMissing, error.to_string(), SCHEMA))
}

/// Finds what the action is about.
fn target(bundle: &Bundle, action: &Action, question: &Question<'_>) -> Result<Target, Refusal> {
    let tool = question.tool;
    let Some(resource) = &question.resource else {
        return match &action.kind {
            None => Ok(Target::Server),
            Some(kind) => {
                Err(refuse(Code::FactMissing, format!("`{tool}` acts on a {kind}, and none is known"), "inventory"))
            }
        };
    };
    let plan = bundle.ground().kinds.get(&resource.kind).filter(|plan| action.resources.contains(plan.entity_type()));
    let Some(plan) = plan else {
        return Err(refuse(Code::FactMissing, format!("`{tool}` does not act on a {}", resource.kind), SCHEMA));
    };
    let entity = plan.entity(&resource.kind, &resource.id, &resource.attributes);
    let entity = Arc::new(entity.map_err(|detail| refuse(Code::FactMissing, detail, "inventory"))?);
    Ok(Target::Entity(EntityUIDEntry::from(entity.uid().clone()), entity))
}

/// Builds the context without its mode.
fn situation(bundle: &Bundle, action: &Action, question: &Question<'_>) -> Result<Vec<(&'static str, Value)>, Refusal> {
    let mut attributes = Vec::with_capacity(action.circumstances.len() + 1);
    for (name, circumstance) in &action.circumstances {
        let value = match circumstance {
            Circumstance::Mode => continue,
            Circumstance::Now => bundle
                .ground()
                .constants
                .instant(question.now.0)
                .ok_or_else(|| refuse(Code::PolicyError, "the instant of the question is out of range", SCHEMA))?,
            Circumstance::Weekday => Value::from(weekday(question.now.0)),
            Circumstance::Minute => Value::from(question.now.0.rem_euclid(DAY_MS) / 60_000),
            Circumstance::Level => Value::from(question.level.rank()),
            Circumstance::Risk => Value::from(question.risk),
            Circumstance::Delegated => Value::from(question.delegator.is_some()),
            Circumstance::Touches => Value::from(question.touches),
            Circumstance::Confidence => match question.confidence_bp {
                Some(confidence) => Value::from(i64::from(confidence)),
                None => continue,
            },
        };
        attributes.push((*name, value));
    }
    if let Some(fields) = &action.input {
        let object = question.arguments.value().as_object();
        let object = object.ok_or_else(|| refuse(Code::ArgumentsInvalid, "arguments must be an object", SCHEMA))?;
        let input = shape::record(fields, object, "", question.semantics)
            .map_err(|detail| refuse(Code::ArgumentsInvalid, detail, SCHEMA))?;
        attributes.push(("input", input));
    }
    Ok(attributes)
}

/// Returns the day of the week, 1 for Monday to 7 for Sunday; the epoch was a Thursday.
fn weekday(ms: i64) -> i64 {
    (ms.div_euclid(DAY_MS) + 3).rem_euclid(7) + 1
}

/// Is a question put for one principal.
pub(super) struct Asked<'a> {
    prepared: &'a Prepared<'a>,
    asker: &'a Asker,
    candidates: Arc<Candidates>,
    entities: Entities,
}

impl Asked<'_> {
    /// Asks at one rung.
    ///
    /// # Errors
    ///
    /// A denial with code `fact-missing` if the schema knows no such resource.
    pub(super) fn rung(&self, bundle: &Bundle, mode: Mode) -> Result<Rung, Refusal> {
        let action = self.prepared.action;
        let resource = match &self.prepared.resource {
            Target::Server => &action.server_entry,
            Target::Entity(entry, _) => entry,
        };
        let context = self.context(bundle, mode);
        let request =
            Request::new_unchecked(self.asker.entry.clone(), action.entry.clone(), resource.clone(), Some(context));
        let schema = bundle.ground().core_schema();
        schema
            .validate_scope_variables(request.principal().uid(), request.action().uid(), request.resource().uid())
            .map_err(|error| refuse(Code::FactMissing, error.to_string(), SCHEMA))?;
        debug_assert_eq!(self.conforms(bundle, &request), Ok(()));
        Ok(Rung::new(request, &self.entities, &self.candidates.policies))
    }

    /// Asks the schema about context and resource, which costs more than the policies themselves. Both were built from what
    /// the schema declares, so that it has nothing to say: that is checked wherever debug assertions are on, in every test
    /// and in fuzzing.
    fn conforms(&self, bundle: &Bundle, request: &Request) -> Result<(), String> {
        let (schema, extensions) = (bundle.ground().core_schema(), Extensions::all_available());
        schema.validate_request(request, extensions).map_err(|error| error.to_string())?;
        let Target::Entity(_, entity) = &self.prepared.resource else { return Ok(()) };
        let core = CoreSchema::new(schema);
        EntitySchemaConformanceChecker::new(&core, extensions)
            .validate_entity(entity)
            .map_err(|error| error.to_string())
    }

    fn context(&self, bundle: &Bundle, mode: Mode) -> Context {
        let wants_mode = self.prepared.action.circumstances.iter().any(|(_, known)| *known == Circumstance::Mode);
        let mode = wants_mode.then(|| ("mode", bundle.ground().constants.mode(mode)));
        match Value::record(self.prepared.situation.iter().cloned().chain(mode), None).value {
            ValueKind::Record(attributes) => Context::Value(attributes),
            _ => Context::empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekdays_are_counted_from_monday() {
        for (ms, expected) in [(0, 4), (-1, 3), (4 * DAY_MS, 1), (3 * DAY_MS, 7), (1_763_683_200_000, 5)] {
            assert_eq!(weekday(ms), expected, "{ms}");
        }
    }

    #[test]
    fn instants_are_exact_milliseconds() {
        let constants = Constants::new();
        for ms in [1_700_000_000_123, 1_700_000_000_123, 1_700_000_000_124] {
            let text = constants.instant(ms).unwrap().to_string();
            assert!(text.contains(&format!("{ms}ms")), "{text}");
        }
        assert!(constants.instant(i64::MAX).is_some());
    }
}
