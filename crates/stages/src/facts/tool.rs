//! Facts about the tool: its catalogue entry, its pinned definition, its class, the entity it names.

use serde_json::Value;
use types::bundle::{Class, Tool};
use types::{ClassId, Digest, EffectClass, Reversibility};

use super::{ADMIN_CLASS, Gathered};

impl Gathered<'_> {
    /// Gathers `tool.*`, `class.*` and what of `resource.*` the arguments alone say.
    pub(super) fn tool(&mut self, admin: &[&str]) {
        let name = self.proposal.tool.to_string();
        if admin.contains(&name.as_str()) {
            return self.administration();
        }
        let tool = self.bundle.tools.get(&self.proposal.tool);
        self.by_bundle("tool.known", tool.is_some());
        self.by_bundle("tool.pin", pin(tool.and_then(|t| t.definition), self.proposal.definition));
        self.by_bundle("resource.mapped", tool.is_some_and(|t| t.resource.is_some()));
        if let Some(tool) = tool {
            self.entry(tool);
        }
    }

    fn entry(&mut self, tool: &Tool) {
        self.by_bundle("tool.class", tool.class.as_str());
        self.by_bundle("tool.effect", tool.effect.as_str());
        self.by_bundle("tool.reversibility", tool.reversibility.as_str());
        if let Some(class) = self.bundle.classes.get(&tool.class) {
            self.class(class, class.writes);
        }
        let Some(map) = &tool.resource else { return };
        self.by_bundle("resource.kind", map.kind.as_str());
        if let Some(id) = &map.is {
            return self.by_bundle("resource.id", id.as_str());
        }
        match map.id.as_ref().and_then(|pointer| self.proposal.arguments.at(pointer)).and_then(entity_id) {
            Some(id) => self.by_proposal("resource.id", id),
            // There is nothing the inventory could be asked for.
            None => self.by_proposal("resource.known", false),
        }
    }

    fn class(&mut self, class: &Class, writes: bool) {
        self.by_bundle("class.writes", writes);
        self.by_bundle("class.impact", class.impact);
        self.by_bundle("class.routine", class.routine);
    }

    /// Administration is part of the product: no server lists it and no catalogue pins it.
    fn administration(&mut self) {
        self.by_bundle("tool.known", true);
        self.by_bundle("tool.class", ADMIN_CLASS);
        self.by_bundle("tool.effect", EffectClass::Keyed.as_str());
        let reversibility = match self.proposal.tool.operation.as_str() {
            "subject.erase" => Reversibility::Irreversible,
            // What is permitted in advance is revoked at once.
            "permission.request" => Reversibility::Reversible,
            _ => Reversibility::Compensable,
        };
        self.by_bundle("tool.reversibility", reversibility.as_str());
        self.by_bundle("tool.pin", "match");
        self.by_bundle("resource.mapped", false);
        match ClassId::new(ADMIN_CLASS).ok().and_then(|id| self.bundle.classes.get(&id)) {
            Some(class) => self.class(class, true),
            None => self.class(&plain_admin(), true),
        }
    }
}

fn plain_admin() -> Class {
    let description = String::from("administration of the product itself");
    Class {
        description,
        writes: true,
        impact: 0,
        routine: false,
        profile: None,
        claims: std::collections::BTreeSet::new(),
    }
}

fn pin(pinned: Option<Digest>, seen: Option<Digest>) -> &'static str {
    match (pinned, seen) {
        (Some(pinned), Some(seen)) if pinned == seen => "match",
        (Some(_), Some(_)) => "changed",
        (None, Some(_)) => "unpinned",
        (_, None) => "unseen",
    }
}

/// Reads an entity's id: a text that is not empty, or a whole number.
fn entity_id(value: &Value) -> Option<String> {
    match value {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(_) => super::arguments::whole(value).map(|id| id.to_string()),
        _ => None,
    }
}
