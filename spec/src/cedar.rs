//! The policies, asked plainly: the whole set, as Cedar's own library reads it, with every entity of the bundle.
//!
//! Nothing is indexed, cached or built by hand: entities and contexts are JSON that the library checks against the
//! schema. Whatever it refuses is [`Rung::Error`], and so are strangers and any policy that could not be evaluated.

use std::collections::BTreeSet;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, Policy, PolicySet, Request, Schema, SchemaFragment,
};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use types::bundle::BundleData;
use types::{ActionProposal, Facts, ObligationId, Principal, ProfileId};

use crate::{Mode, Rung};

/// Holds the policies and the schema of a bundle.
#[derive(Debug)]
pub struct Policies {
    set: PolicySet,
    schema: Schema,
    declared: Value,
}

/// Is one action, asked about.
struct Question<'a> {
    policies: &'a Policies,
    proposal: &'a ActionProposal,
    facts: &'a Facts,
    bundle: &'a BundleData,
}

impl Policies {
    /// Reads the policies, all files in one text, and the schema.
    ///
    /// # Errors
    ///
    /// What Cedar says of a text it cannot read. No others.
    pub fn read(policies: &str, schema: &str) -> Result<Self, String> {
        let set = policies.parse().map_err(|e: cedar_policy::ParseErrors| e.to_string())?;
        let (fragment, _) = SchemaFragment::from_cedarschema_str(schema).map_err(|e| e.to_string())?;
        let declared = fragment.clone().to_json_value().map_err(|e| e.to_string())?;
        let schema = Schema::from_schema_fragments([fragment]).map_err(|e| e.to_string())?;
        Ok(Self { set, schema, declared })
    }

    /// Answers one question of an agent or a person about an action, at the instant of the proposal.
    pub fn answer(
        &self,
        proposal: &ActionProposal,
        facts: &Facts,
        bundle: &BundleData,
        asker: &Principal,
        mode: Mode,
    ) -> Rung {
        let question = Question { policies: self, proposal, facts, bundle };
        question.answer(asker, mode).unwrap_or(Rung::Error)
    }
}

impl Question<'_> {
    fn answer(&self, asker: &Principal, mode: Mode) -> Option<Rung> {
        let schema = &self.policies.schema;
        let (resource, entities) = self.world()?;
        let action = uid("Action", &self.proposal.tool.to_string())?;
        let context = Context::from_json_value(self.context(mode)?, Some((schema, &action))).ok()?;
        let asker = match asker {
            Principal::Agent(agent) => uid("Agent", self.bundle.agents.get_key_value(agent)?.0.as_str())?,
            Principal::Person(person) => uid("Person", self.bundle.people.get_key_value(person)?.0.as_str())?,
        };
        let request = Request::new(asker, action, resource, context, Some(schema)).ok()?;
        let answer = Authorizer::new().is_authorized(&request, &self.policies.set, &entities);
        if answer.diagnostics().errors().next().is_some() {
            return None;
        }
        if answer.decision() == Decision::Deny {
            return Some(Rung::No);
        }
        let mut permits: Vec<&Policy> =
            answer.diagnostics().reason().filter_map(|id| self.policies.set.policy(id)).collect();
        permits.sort_by_key(|policy| policy.annotation("id"));
        permits.iter().all(|policy| self.can_oblige(policy)).then(|| Rung::Yes(self.people(&permits, mode)))
    }

    /// The gateway cannot check or rewrite anything yet, nor let administration wait for a receipt, so a permit that
    /// demands it is worth nothing.
    fn can_oblige(&self, policy: &Policy) -> bool {
        let waits = self.proposal.tool.server.as_str() == "countersign";
        let can = |id: ObligationId| {
            let obligation = self.bundle.obligations.get(&id);
            obligation.is_some_and(|o| o.verify.is_none() && o.rewrite.is_none() && !(waits && o.receipt.is_some()))
        };
        listed(policy, "obligations").all(|id| ObligationId::new(id).is_ok_and(can))
    }

    /// Names who approves: of all permits the one that asks the fewest, the first by name among those.
    fn people(&self, permits: &[&Policy], mode: Mode) -> BTreeSet<ProfileId> {
        if mode != Mode::Approved {
            return BTreeSet::new();
        }
        let class = self.bundle.tools.get(&self.proposal.tool).and_then(|tool| self.bundle.classes.get(&tool.class));
        let of_class = || class.and_then(|class| class.profile.clone()).into_iter().collect();
        let choices = permits.iter().map(|policy| {
            let named: BTreeSet<ProfileId> =
                listed(policy, "escalate").filter_map(|id| ProfileId::new(id).ok()).collect();
            if named.is_empty() { of_class() } else { named }
        });
        choices.filter(|people| !people.is_empty()).min_by_key(BTreeSet::len).unwrap_or_default()
    }

    /// Builds everybody in the bundle and the resource.
    fn world(&self) -> Option<(EntityUid, Entities)> {
        let mut world: Vec<Value> = Vec::new();
        for (id, person) in &self.bundle.people {
            world.push(entity("Person", id.as_str(), json!({}), "Group", &person.groups));
        }
        for (id, agent) in &self.bundle.agents {
            let owner = json!({ "owner": { "__entity": { "type": "Person", "id": agent.owner.as_str() } } });
            let attributes = if self.has_owner() { owner } else { json!({}) };
            world.push(entity("Agent", id.as_str(), attributes, "Team", &agent.teams));
        }
        let resource = if self.facts.bool("resource.mapped")? {
            let (kind, id) = (self.facts.text("resource.kind")?, self.facts.text("resource.id")?);
            world.push(entity(kind, id, self.attributes(kind)?, "", &BTreeSet::new()));
            uid(kind, id)?
        } else {
            uid("Server", self.proposal.tool.server.as_str())?
        };
        Some((resource, Entities::from_json_value(Value::Array(world), Some(&self.policies.schema)).ok()?))
    }

    fn has_owner(&self) -> bool {
        self.declared(&["entityTypes", "Agent", "shape", "attributes", "owner"]).is_some()
    }

    /// Takes what the schema declares of what the inventory says.
    fn attributes(&self, kind: &str) -> Option<Value> {
        let ours = ["mapped", "known", "kind", "id", "age_ms", "age_ms_max"];
        let said = self.facts.under("resource.").filter_map(|fact| {
            let name = fact.name.as_str().strip_prefix("resource.")?;
            Some((name.to_owned(), serde_json::to_value(&fact.value).ok()?))
        });
        let said: Map<String, Value> = said.filter(|(name, _)| !ours.contains(&name.as_str())).collect();
        match self.declared(&["entityTypes", kind, "shape"]) {
            Some(shape) => self.fit(shape, &Value::Object(said)),
            None => Some(json!({})),
        }
    }

    /// Takes what the schema declares of what is known of the situation.
    fn context(&self, mode: Mode) -> Option<Value> {
        let (now, confidence) = (self.proposal.at.0, self.facts.int("claim.confidence_bp"));
        let utc = jiff::Timestamp::from_millisecond(now).ok()?.to_zoned(TimeZone::UTC);
        let in_force = self.proposal.principal.agent().is_some()
            && self.facts.int("level.expires_at").is_some_and(|end| now < end);
        let level = self.facts.int("level.rank").filter(|rank| in_force && (0..=3).contains(rank));
        let mut known = json!({
            "mode": { "__entity": { "type": "Mode", "id": name(mode) } },
            "now": utc.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            "weekday": utc.weekday().to_monday_one_offset(),
            "minute": i64::from(utc.hour()) * 60 + i64::from(utc.minute()),
            "level": level.unwrap_or(0),
            "risk": self.facts.int("risk.score")?,
            "delegated": self.proposal.on_behalf_of.is_some(),
            "touches": self.facts.int("touches.count")?,
            "input": self.proposal.arguments.value(),
        });
        if let (Some(confidence), Some(known)) = (confidence, known.as_object_mut()) {
            known.insert("confidence".to_owned(), confidence.into());
        }
        self.fit(self.declared(&["actions", &self.proposal.tool.to_string(), "appliesTo", "context"])?, &known)
    }

    /// Finds something in the schema's one namespace.
    fn declared(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self.policies.declared.get("")?, |value, step| value.get(step))
    }

    /// Leaves out of a value what its declared type does not have; `None` if it cannot have that type.
    fn fit(&self, declared: &Value, value: &Value) -> Option<Value> {
        let name = declared.get("name").or_else(|| declared.get("type"))?.as_str()?;
        if let Some(common) = self.declared(&["commonTypes", name]) {
            return self.fit(common, value);
        }
        match (name, value) {
            ("Record", Value::Object(members)) => {
                let declared = declared.get("attributes")?.as_object()?;
                let both = declared.iter().filter_map(|(name, ty)| Some((name, ty, members.get(name)?)));
                let fitting = both.map(|(name, ty, member)| Some((name.clone(), self.fit(ty, member)?)));
                fitting.collect::<Option<Map<_, _>>>().map(Value::Object)
            }
            ("Set", Value::Array(items)) => {
                let element = declared.get("element")?;
                items.iter().map(|item| self.fit(element, item)).collect::<Option<Vec<_>>>().map(Value::Array)
            }
            ("Mode", mode @ Value::Object(_)) => Some(mode.clone()),
            ("Long" | "__cedar::Long", Value::Number(number)) => whole(number).map(Value::from),
            (_, Value::String(_) | Value::Number(_) | Value::Bool(_)) => Some(value.clone()),
            _ => None,
        }
    }
}

fn name(mode: Mode) -> &'static str {
    match mode {
        Mode::Autonomous => "autonomous",
        Mode::Monitored => "monitored",
        Mode::Approved => "approved",
    }
}

fn listed<'a>(policy: &'a Policy, annotation: &str) -> impl Iterator<Item = &'a str> {
    policy.annotation(annotation).into_iter().flat_map(|names| names.split(',')).map(str::trim)
}

fn uid(ty: &str, id: &str) -> Option<EntityUid> {
    EntityUid::from_json(json!({ "type": ty, "id": id })).ok()
}

fn entity(ty: &str, id: &str, attributes: Value, parent: &str, parents: &BTreeSet<String>) -> Value {
    let parents: Vec<Value> = parents.iter().map(|id| json!({ "type": parent, "id": id })).collect();
    json!({ "uid": { "type": ty, "id": id }, "attrs": attributes, "parents": parents })
}

/// Reads `3.0` as `3`: the two are one number in JSON.
fn whole(number: &serde_json::Number) -> Option<i64> {
    number.as_i64().or_else(|| format!("{number}").strip_suffix(".0")?.parse().ok())
}
