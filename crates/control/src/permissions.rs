//! Permissions: what an agent lacks is asked for with purpose, bounds and duration, and answered by people.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Hidden, bodies};
use serde_json::{Value, json};
use stages::permission::covers;
use types::bound::{Bound, Exact};
use types::case::{Case, CaseState};
use types::permission::{Permission, REQUEST_TOOL, Terms};
use types::{
    ActionId, ActionProposal, AgentId, Arguments, Channel, Claims, Code, FactValue, Facts, Finding, Millis,
    PermissionId, PersonId, Principal, ProfileId, Restriction, ToolName, cbor,
};

use crate::actions::{ARGUMENTS_BYTES_MAX, Wish};
use crate::control::Control;
use crate::door::Refusal;
use crate::error::{Failure, forbidden, invalid, not_found};
use crate::gather::prepare;
use crate::machine::{Change, Command};
use crate::redaction::Original;
use crate::snapshot::Snapshot;
use crate::state::kind;

/// Is a permission that somebody wishes an agent to have.
#[derive(Debug, Clone)]
pub struct PermissionWish {
    /// The agent.
    pub agent: AgentId,
    /// On whose behalf it will act.
    pub on_behalf_of: Option<PersonId>,
    /// The tool.
    pub tool: ToolName,
    /// The arguments of one action that it must cover; what has no bound of its own may only be as it is here.
    pub arguments: Arguments,
    /// What single arguments may be besides, by name.
    pub bounds: BTreeMap<String, Bound>,
    /// The environments; those of the action that it must cover, if it is not said.
    pub environments: Option<BTreeSet<String>>,
    /// How long, in minutes from when it is given.
    pub minutes: u32,
    /// How many actions.
    pub uses: u32,
    /// What for.
    pub purpose: String,
    /// The person who asks in the agent's name; absent if it asks by itself.
    pub requested_by: Option<PersonId>,
}

fn unsupported(why: impl Into<String>) -> Refusal {
    Refusal::plain(Code::PermissionUnsupported, why)
}

impl Control {
    /// Asks for a permission: a case for the very people whom the action would need, answered with the permission or a
    /// refusal. The same request finds the permission that it was given, as long as that is unused.
    ///
    /// # Errors
    ///
    /// `forbidden` if a person asks who does not own the agent, or is an auditor; `permission-unsupported` if the action
    /// would be denied all the same, would need nobody, is not covered by the bounds, or the bundle gives no such permission;
    /// otherwise a refusal with the decision's findings: with a case, as long as people have not answered.
    pub async fn request_permission(&self, wish: PermissionWish) -> Failure<Permission> {
        if let Some(person) = &wish.requested_by {
            self.may_ask_for(person, &wish.agent)?;
        }
        let snapshot = self.snapshot();
        let (example, terms) = self.terms(&snapshot, &wish)?;
        let same = |given: &Permission| {
            given.agent == wish.agent && given.on_behalf_of == example.on_behalf_of && given.terms == terms
        };
        if let Some(given) = self.permissions()?.into_iter().find(|given| same(given) && given.left == terms.uses) {
            return Ok(given);
        }
        let request = self.ask_for(&example, &terms).await?;
        let given = self.permissions()?.into_iter().find(|given| given.request == request);
        given.ok_or_else(|| Refusal::plain(Code::Internal, "the permission is not kept"))
    }

    /// Only an agent's owner asks in its name.
    fn may_ask_for(&self, person: &PersonId, agent: &AgentId) -> Failure<()> {
        self.may_change(person)?;
        let snapshot = self.snapshot();
        let owner = snapshot.bundle.data().agents.get(agent).map(|agent| &agent.owner);
        if owner == Some(person) { Ok(()) } else { Err(forbidden(format!("`person:{person}` does not own `{agent}`"))) }
    }

    /// Returns the action that the permission must cover, as it would be decided on, and the terms that are asked for.
    fn terms(&self, snapshot: &Snapshot, wish: &PermissionWish) -> Failure<(ActionProposal, Terms)> {
        let mut example = self.example(snapshot, wish);
        let original = self.original(&example)?;
        let original = original.ok_or_else(|| unsupported("administration is not permitted in advance"))?;
        original.redact(&snapshot.bundle, &mut example)?;
        let facts_and_findings = prepare(&self.views, snapshot, &example, None);
        let (facts, findings) = (facts_and_findings.early.facts(), facts_and_findings.early.findings());
        let terms = Terms {
            tool: example.tool.clone(),
            definition: example.definition,
            bounds: self.bounds(snapshot, &example, &wish.bounds)?,
            environments: wish.environments.clone().unwrap_or_else(|| environment(facts)),
            minutes: wish.minutes,
            uses: wish.uses,
            profiles: required(findings)?,
            purpose: wish.purpose.clone(),
            requested_by: wish.requested_by.clone(),
        };
        let whole = self.draft(snapshot, &example, &wish.agent, terms.clone());
        if !covers(&whole, &example, facts, &whole.bundle, whole.at) {
            return Err(unsupported("the bounds or environments do not cover the action that it is asked for"));
        }
        Ok((example, terms))
    }

    fn example(&self, snapshot: &Snapshot, wish: &PermissionWish) -> ActionProposal {
        let definition = snapshot.pinned(&wish.tool);
        self.proposal(Wish {
            principal: Principal::Agent(wish.agent.clone()),
            on_behalf_of: wish.on_behalf_of.clone(),
            session: None,
            tool: wish.tool.clone(),
            definition,
            arguments: wish.arguments.clone(),
            // Whatever an agent must claim for its action it claims when it proposes it.
            claims: Claims {
                purpose: Some(wish.purpose.clone()),
                reasoning: Some(wish.purpose.clone()),
                confidence_bp: Some(10_000),
                prompt_digest: None,
            },
            channel: if definition.is_some() { Channel::Mcp } else { Channel::Http },
        })
    }

    /// Bounds every argument: as asked, or to what it is in the example. What is secret in a bound gives way to a mark, as it
    /// does in every action that is held against it.
    fn bounds(
        &self,
        snapshot: &Snapshot,
        example: &ActionProposal,
        asked: &BTreeMap<String, Bound>,
    ) -> Failure<BTreeMap<String, Bound>> {
        let mut bounds = BTreeMap::new();
        for (name, value) in example.arguments.value().as_object().into_iter().flatten() {
            bounds.insert(name.clone(), Bound::exactly(value));
        }
        for (name, bound) in asked {
            let redacted = |value: &Value| self.redacted(snapshot, example, name, value);
            let bound = match bound {
                Bound::OneOf(values) => {
                    let values = values.iter().map(|value| redacted(&value.value()).map(|value| Exact::of(&value)));
                    Bound::OneOf(values.collect::<Failure<_>>()?)
                }
                Bound::Between { from, .. } if redacted(&json!(from))? != json!(from) => return Err(secret(name)),
                Bound::Within(root) if redacted(&json!(root))? != json!(root) => return Err(secret(name)),
                plain @ (Bound::Any | Bound::Between { .. } | Bound::Within(_)) => plain.clone(),
            };
            bounds.insert(name.clone(), bound);
        }
        Ok(bounds)
    }

    fn redacted(&self, snapshot: &Snapshot, example: &ActionProposal, name: &str, value: &Value) -> Failure<Value> {
        let arguments = Arguments::parse(&json!({ name: value }).to_string(), ARGUMENTS_BYTES_MAX)
            .map_err(|e| Refusal::plain(e.code(), e.to_string()))?;
        let mut alone = ActionProposal { arguments, ..example.clone() };
        if let Some(original) = self.original(&alone)? {
            let _: Hidden = Original::redact(&original, &snapshot.bundle, &mut alone)?;
        }
        Ok(alone.arguments.value().get(name).cloned().unwrap_or_default())
    }

    fn draft(&self, snapshot: &Snapshot, example: &ActionProposal, agent: &AgentId, terms: Terms) -> Permission {
        Permission {
            id: PermissionId::draw(example.at, [0; 10]),
            agent: agent.clone(),
            on_behalf_of: example.on_behalf_of.clone(),
            bundle: snapshot.bundle.digest(),
            request: example.id,
            at: example.at,
            expires: Millis(i64::MAX),
            left: 1,
            terms,
        }
    }

    async fn ask_for(&self, example: &ActionProposal, terms: &Terms) -> Failure<ActionId> {
        let text = serde_json::to_string(terms).map_err(|e| Refusal::plain(Code::Internal, e.to_string()))?;
        let arguments =
            Arguments::parse(&text, ARGUMENTS_BYTES_MAX).map_err(|e| Refusal::plain(e.code(), e.to_string()))?;
        let wish = Wish {
            principal: example.principal.clone(),
            on_behalf_of: example.on_behalf_of.clone(),
            session: None,
            tool: REQUEST_TOOL
                .parse()
                .map_err(|e: types::id::IdError| Refusal::plain(Code::Internal, e.to_string()))?,
            definition: None,
            arguments,
            claims: Claims { purpose: Some(terms.purpose.clone()), ..Claims::default() },
            channel: if terms.requested_by.is_some() { Channel::Person } else { Channel::Http },
        };
        let change = Change::Permit { requested_by: terms.requested_by.clone() };
        Ok(self.decide_change(wish, change).await?.decision.action)
    }

    /// Gives the permission whose request people have just approved. Whatever keeps it from being given now, the same request
    /// made again gives it as long as the approval lasts.
    pub(crate) async fn answer_request(&self, case: &Case) {
        if case.state != CaseState::Approved || case.tool.to_string() != REQUEST_TOOL {
            return;
        }
        if let Err(refusal) = self.give_requested(case).await {
            tracing::warn!(case = %case.id, code = %refusal.code, message = %refusal.message, "a permission was not given");
        }
    }

    async fn give_requested(&self, case: &Case) -> Failure<()> {
        let content = self.history.record(case.opened_in)?.and_then(|entry| entry.content);
        let request = content.as_ref().and_then(bodies::proposal);
        let request = request.ok_or_else(|| not_found(format!("content of case {}", case.id)))?;
        let terms = Terms::read(&request.arguments).map_err(unsupported)?;
        self.ask_for(&request, &terms).await.map(drop)
    }

    /// Revokes a permission. It only tightens, so it waits for no decision, and anybody but an auditor may.
    ///
    /// # Errors
    ///
    /// `request-invalid` without a reason, `forbidden` for an auditor, `not-found` if there is none, or none any more.
    pub async fn revoke_permission(&self, by: &PersonId, id: PermissionId, reason: &str) -> Failure<()> {
        if reason.trim().is_empty() {
            return Err(invalid("revoking a permission needs a reason"));
        }
        self.may_change(by)?;
        self.ask(Command::RevokePermission { id, by: by.clone(), reason: reason.to_owned() }).await.map(drop)
    }

    /// Returns the permissions that hold now, in order of giving.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub fn permissions(&self) -> Failure<Vec<Permission>> {
        let (now, bundle) = (self.now(), self.snapshot().bundle.digest());
        let rows = self.history.state(kind::PERMISSION)?;
        let kept = rows.iter().filter_map(|(_, bytes)| cbor::decode::<Permission>(bytes).ok());
        let mut kept: Vec<Permission> = kept.filter(|kept| kept.holds_at(now) && kept.bundle == bundle).collect();
        kept.sort_by_key(|kept| (kept.at, kept.id));
        Ok(kept)
    }
}

fn secret(name: &str) -> Refusal {
    let name = types::text::escape(name, false);
    unsupported(format!("`{name}` is secret: it can be bounded to exact values, or to anything"))
}

fn environment(facts: &Facts) -> BTreeSet<String> {
    match facts.get("resource.env").map(|fact| &fact.value) {
        Some(FactValue::Text(name)) => BTreeSet::from([name.clone()]),
        _ => BTreeSet::new(),
    }
}

/// Returns the profiles that an action would need as far as the snapshot tells.
fn required(findings: &[Finding]) -> Failure<BTreeSet<ProfileId>> {
    if let Some(denies) = findings.iter().find(|finding| finding.restriction == Restriction::Deny) {
        let message = format!("the action would be denied all the same: {}", denies.detail);
        return Err(Refusal { findings: findings.to_vec(), ..unsupported(message) });
    }
    let asks = findings.iter().filter_map(|finding| match &finding.restriction {
        Restriction::Escalate(profile) => Some(profile.clone()),
        Restriction::Allow | Restriction::AllowObserved | Restriction::Deny => None,
    });
    let profiles: BTreeSet<ProfileId> = asks.collect();
    if profiles.is_empty() {
        return Err(unsupported("the action needs nobody's approval, so no permission"));
    }
    Ok(profiles)
}
