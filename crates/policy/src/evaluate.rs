//! The ladder: the same question asked with mode `autonomous`, then `monitored`, then `approved`.
//!
//! The first rung at which a permit holds and no forbid does gives the outcome; with none the answer is
//! denial. Cedar skips a policy whose evaluation fails, so a forbid that fails would vanish: here any
//! failure at any rung that is asked denies.

mod request;
mod rung;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use types::decision::Semantics;
use types::{
    Arguments, AutonomyLevel, Code, FactValue, Finding, Millis, ObligationId, PersonId, PolicyId, Principal, ProfileId,
    Restriction, Stage, ToolName,
};

use crate::Bundle;
use crate::actions::Action;
use crate::index::Compiled;
use crate::nesting::with_room_to_ask;
use crate::schema::ADMIN_SERVER;
pub(crate) use request::Constants;
use request::Prepared;
use rung::Rung;

/// Is what is asked.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// On whose behalf; the same question is then asked for this person too, and both must pass.
    pub delegator: Option<&'a PersonId>,
    /// What is to be called.
    pub tool: &'a ToolName,
    /// The entity the arguments name; `None` where the tool acts on its server.
    pub resource: Option<Resource>,
    /// With what.
    pub arguments: &'a Arguments,
    /// When.
    pub now: Millis,
    /// The autonomy level in force.
    pub level: AutonomyLevel,
    /// The risk score.
    pub risk: i64,
    /// How many things the action touches.
    pub touches: i64,
    /// How sure the agent says it is, in basis points, 0 to 10,000.
    pub confidence_bp: Option<u32>,
    /// By which version of the rules.
    pub semantics: Semantics,
}

/// Is the entity an action is about, with what the inventory says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its kind, as the inventory declares it.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, FactValue>,
}

/// Is what the policies say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// One or more findings; their join is the outcome.
    pub findings: Vec<Finding>,
    /// The policies the outcome rests on, in order of id.
    pub policies: Vec<PolicyId>,
    /// What must happen besides the action.
    pub obligations: BTreeSet<ObligationId>,
}

/// Is a rung of the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It may run alone.
    Autonomous,
    /// It may run with enhanced logging.
    Monitored,
    /// It may run once people have approved, which the question supposes.
    Approved,
}

impl Mode {
    /// Lists the rungs in the order they are asked.
    pub(crate) const ALL: [Self; 3] = [Self::Autonomous, Self::Monitored, Self::Approved];

    /// Returns the name the schema has for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Autonomous => "autonomous",
            Self::Monitored => "monitored",
            Self::Approved => "approved",
        }
    }
}

impl Bundle {
    /// Asks the policies about one action.
    ///
    /// The answer always has a finding: an unknown tool, agent or person, arguments that do not fit the
    /// schema, missing facts and any failure to evaluate deny, each with its own code. Where several permits
    /// hold once people approve, the one that asks the fewest profiles counts, and of those the first by id.
    pub fn evaluate(&self, question: &Question<'_>) -> Answer {
        let mut answer = Answer::default();
        match Prepared::new(self, question) {
            Ok(prepared) => with_room_to_ask(|| self.ask_all(question, &prepared, &mut answer)),
            Err(finding) => answer.findings.push(*finding),
        }
        answer.policies.sort();
        answer.policies.dedup();
        answer
    }

    fn ask_all(&self, question: &Question<'_>, prepared: &Prepared<'_>, answer: &mut Answer) {
        self.ask(question.principal, prepared, answer);
        if let Some(delegator) = question.delegator {
            self.ask(&Principal::Person(delegator.clone()), prepared, answer);
        }
        for id in &answer.obligations {
            let obligation = self.data().obligations.get(id);
            // A change to the system itself takes effect with its record, so nothing can come between the two.
            let waits = question.tool.server.as_str() == ADMIN_SERVER;
            if obligation.is_none_or(|o| o.rewrite.is_some() || (waits && o.receipt.is_some())) {
                let detail = format!("the obligation `{id}` asks for what the gateway cannot do yet");
                answer.findings.push(deny(Code::ObligationUnsupported, detail, id.to_string()));
            }
        }
    }

    /// Climbs the ladder for one principal.
    fn ask(&self, principal: &Principal, prepared: &Prepared<'_>, answer: &mut Answer) {
        let asked = match prepared.ask_for(self, principal) {
            Ok(asked) => asked,
            Err(finding) => return answer.findings.push(*finding),
        };
        let mut last = Rung::default();
        for mode in Mode::ALL {
            last = match asked.rung(self, mode) {
                Ok(rung) => rung,
                Err(finding) => return answer.findings.push(*finding),
            };
            if !last.errors.is_empty() {
                return failed(&last, answer);
            }
            if last.permitted() {
                return permitted(&last, mode, principal, prepared.action(), answer);
            }
        }
        refused(&last, principal, answer);
    }
}

/// Builds a denial of this stage.
fn deny(code: Code, detail: impl Into<Cow<'static, str>>, source: impl Into<Cow<'static, str>>) -> Finding {
    Finding::new(Stage::Policy, Restriction::Deny, code, detail, source)
}

fn join<'a>(policies: impl IntoIterator<Item = &'a Compiled>) -> String {
    policies.into_iter().map(|policy| policy.id.as_str()).collect::<Vec<_>>().join(", ")
}

fn permitted(rung: &Rung, mode: Mode, principal: &Principal, action: &Action, answer: &mut Answer) {
    let source = join(rung.permits());
    answer.policies.extend(rung.permits().map(|policy| policy.id.clone()));
    answer.obligations.extend(rung.permits().flat_map(|policy| policy.obligations.iter().cloned()));
    let (restriction, code, detail) = match mode {
        Mode::Autonomous => {
            (Restriction::Allow, Code::PolicyPermits, format!("`{source}` permits it to `{principal}`"))
        }
        Mode::Monitored => {
            let detail = format!("`{source}` permits it to `{principal}` with enhanced logging");
            (Restriction::AllowObserved, Code::PolicyObserves, detail)
        }
        Mode::Approved => return escalated(rung, principal, action, answer),
    };
    answer.findings.push(Finding::new(Stage::Policy, restriction, code, detail, source));
}

/// Picks the permit that asks the fewest profiles, the first by id among those, and names its profiles.
fn escalated(rung: &Rung, principal: &Principal, action: &Action, answer: &mut Answer) {
    let choices = rung.permits().map(|policy| (policy, profiles(policy, action)));
    let Some((policy, profiles)) =
        choices.filter(|(_, profiles)| !profiles.is_empty()).min_by_key(|(_, profiles)| profiles.len())
    else {
        let source = join(rung.permits());
        let detail = format!(
            "`{source}` permits it to `{principal}` once people approve, but neither a policy nor the class says who"
        );
        return answer.findings.push(deny(Code::PolicyError, detail, source));
    };
    for profile in profiles {
        let detail = format!("`{}` permits it to `{principal}` once `{profile}` approves", policy.id);
        let restriction = Restriction::Escalate(profile.clone());
        answer.findings.push(Finding::new(
            Stage::Policy,
            restriction,
            Code::PolicyEscalates,
            detail,
            policy.id.to_string(),
        ));
    }
}

fn profiles<'a>(policy: &'a Compiled, action: &'a Action) -> BTreeSet<&'a ProfileId> {
    if policy.escalate.is_empty() { action.class_profile.iter().collect() } else { policy.escalate.iter().collect() }
}

fn refused(rung: &Rung, principal: &Principal, answer: &mut Answer) {
    if rung.forbids().next().is_none() {
        return answer.findings.push(deny(
            Code::PolicyDenies,
            format!("no policy permits it to `{principal}`"),
            "policies",
        ));
    }
    let said = rung.forbids().map(|policy| match &policy.reason {
        Some(reason) => format!("`{}` forbids it to `{principal}`: {reason}", policy.id),
        None => format!("`{}` forbids it to `{principal}`", policy.id),
    });
    let detail = said.collect::<Vec<_>>().join("; ");
    answer.findings.push(deny(Code::PolicyForbids, detail, join(rung.forbids())));
    answer.policies.extend(rung.forbids().map(|policy| policy.id.clone()));
}

fn failed(rung: &Rung, answer: &mut Answer) {
    let said = rung.errors.iter().map(|(policy, error)| format!("`{}` cannot be evaluated: {error}", policy.id));
    let detail = said.collect::<Vec<_>>().join("; ");
    answer.findings.push(deny(Code::PolicyError, detail, join(rung.errors.iter().map(|(policy, _)| policy.as_ref()))));
    answer.policies.extend(rung.errors.iter().map(|(policy, _)| policy.id.clone()));
}
