//! A bundle's own tests: what `tests/*.toml` expects, held against the whole road of a decision.
//!
//! A test is decided exactly as a proposal is, except for what only a running server knows: no switch is set, every
//! bucket is full, nothing was spent, no breaker has opened, the tool is listed just as the catalogue pins it, and the
//! inventory holds the one resource the test names.

use std::collections::BTreeMap;

use serde::Deserialize;
use types::bundle::BundleData;
use types::{
    ActionId, ActionProposal, AgentId, Arguments, AutonomyLevel, CaseId, Channel, Claims, Code, Digest, FactName,
    FactValue, Facts, Finding, Millis, PersonId, Principal, ProfileId, TenantId, ToolName, Verdict,
};

use crate::decision::{self, Finished, Late, PERMIT_MS, PolicyAnswer};
use crate::facts::{self, Entity, Level};
use crate::limits::{Meter, calendar};
use crate::{behaviour, breaker};

/// Is when a test plays unless it says otherwise: a Monday at ten in the morning, UTC.
pub const DEFAULT_AT: &str = "2026-01-05T10:00:00Z";

/// Is the longest text the arguments of a test may have, in bytes.
const ARGUMENTS_BYTES_MAX: usize = 1 << 20;

/// Is one test of a bundle.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// What it shows, for people.
    pub name: String,
    /// The agent that proposes; a test names an agent or a person.
    #[serde(default)]
    pub agent: Option<AgentId>,
    /// The person who proposes.
    #[serde(default)]
    pub person: Option<PersonId>,
    /// What is to be called.
    pub tool: ToolName,
    /// With what.
    #[serde(default)]
    pub arguments: serde_json::Map<String, serde_json::Value>,
    /// The door it comes through; the MCP gateway by default, for a person their own door.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// The agent's level for the tool's class; L0 by default.
    #[serde(default)]
    pub level: Option<AutonomyLevel>,
    /// At L2, the environments the level covers.
    #[serde(default)]
    pub environments: Vec<String>,
    /// On whose behalf.
    #[serde(default)]
    pub on_behalf_of: Option<PersonId>,
    /// How sure the agent says it is, in basis points.
    #[serde(default)]
    pub confidence_bp: Option<u32>,
    /// What the agent says the action is for.
    #[serde(default)]
    pub purpose: Option<String>,
    /// How the agent says it got there.
    #[serde(default)]
    pub reasoning: Option<String>,
    /// What the tool that plans would tell, for a tool that has a plan.
    #[serde(default)]
    pub plan: Option<serde_json::Map<String, serde_json::Value>>,
    /// The one thing the inventory knows.
    #[serde(default)]
    pub resource: Option<Resource>,
    /// What the agent did before with this tool.
    #[serde(default)]
    pub history: History,
    /// When it is proposed, as an RFC 3339 instant; [`DEFAULT_AT`] by default.
    #[serde(default)]
    pub at: Option<String>,
    /// The profiles whose approvals it comes with.
    #[serde(default)]
    pub approved: Vec<ProfileId>,
    /// The verdict: `allow`, `allow_observed`, `escalate` or `deny`.
    pub expect: Expected,
    /// A code that one of the findings must have.
    #[serde(default)]
    pub code: Option<Code>,
}

/// Is the resource of a test.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Its kind, as the inventory declares it.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its attributes.
    #[serde(default)]
    pub attributes: BTreeMap<String, FactValue>,
}

/// Is what an agent of a test did before; nothing by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct History {
    /// How often it ran the tool.
    pub runs: i64,
    /// How many of those runs failed, in basis points.
    pub errors_bp: i64,
}

/// Is the verdict a test expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// It runs.
    Allow,
    /// It runs with enhanced logging.
    AllowObserved,
    /// People must approve it.
    Escalate,
    /// It does not run.
    Deny,
}

impl Expected {
    fn is(self, verdict: &Verdict) -> bool {
        matches!(
            (self, verdict),
            (Self::Allow, Verdict::Allow)
                | (Self::AllowObserved, Verdict::AllowObserved)
                | (Self::Escalate, Verdict::Escalate(_))
                | (Self::Deny, Verdict::Deny)
        )
    }
}

/// Is how one test went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The test.
    pub name: String,
    /// Verdict and code are as expected.
    pub passed: bool,
    /// What was decided.
    pub verdict: Verdict,
    /// Why.
    pub findings: Vec<Finding>,
}

/// Says why a test cannot be read or run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrialError {
    /// The file is no list of tests.
    #[error("not a list of tests: {0}")]
    Malformed(String),
    /// A test names neither an agent nor a person, or both.
    #[error("the test `{0}` must name either an agent or a person")]
    Principal(String),
    /// A test's instant is not RFC 3339.
    #[error("the test `{name}` plays at `{at}`, which is no instant such as `{DEFAULT_AT}`")]
    Instant {
        /// The test.
        name: String,
        /// What it says.
        at: String,
    },
    /// A test's arguments would be refused from an agent.
    #[error("the arguments of the test `{name}` are refused: {why}")]
    Arguments {
        /// The test.
        name: String,
        /// Why.
        why: types::JsonError,
    },
}

impl TrialError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        Code::BundleInvalid
    }
}

/// Reads one file of tests: a list of `[[test]]` tables.
///
/// # Errors
///
/// [`TrialError::Malformed`] if the text is not TOML or a table is no [`Trial`]. No others.
pub fn parse(text: &str) -> Result<Vec<Trial>, TrialError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        test: Vec<Trial>,
    }
    toml::from_str::<File>(text).map(|file| file.test).map_err(|e| TrialError::Malformed(e.to_string()))
}

/// Is a bundle as its tests see it.
pub struct Stage<'a> {
    /// What its files say.
    pub bundle: &'a BundleData,
    /// Its digest.
    pub digest: Digest,
    /// Asks its policies.
    pub policy: &'a dyn Fn(&ActionProposal, &Facts) -> PolicyAnswer,
    /// The product's own administration tools, as `server.tool`.
    pub admin: &'a [&'a str],
}

impl Stage<'_> {
    /// Runs one test.
    ///
    /// # Errors
    ///
    /// [`TrialError::Principal`], [`TrialError::Instant`] or [`TrialError::Arguments`] if the test cannot become a proposal.
    pub fn run(&self, trial: &Trial) -> Result<Report, TrialError> {
        let proposal = self.proposal(trial)?;
        let Finished { decision, .. } = self.decide(trial, &proposal);
        let has_code = trial.code.is_none_or(|code| decision.findings.iter().any(|finding| finding.code == code));
        let passed = trial.expect.is(&decision.verdict) && has_code;
        Ok(Report { name: trial.name.clone(), passed, verdict: decision.verdict, findings: decision.findings })
    }

    fn proposal(&self, trial: &Trial) -> Result<ActionProposal, TrialError> {
        let (principal, own_door) = principal(trial)?;
        let at = instant(trial)?;
        let object = |members: &serde_json::Map<_, _>| {
            let text = serde_json::Value::Object(members.clone()).to_string();
            Arguments::parse(&text, ARGUMENTS_BYTES_MAX)
                .map_err(|why| TrialError::Arguments { name: trial.name.clone(), why })
        };
        let arguments = object(&trial.arguments)?;
        let planning = self.bundle.tools.get(&trial.tool).and_then(|tool| tool.plan.as_ref());
        let told = trial.plan.as_ref().map(object).transpose()?;
        let plan = planning.zip(told).map(|(planning, told)| planning.plan(told));
        Ok(ActionProposal {
            id: ActionId::draw(at, [0; 10]),
            tenant: tenant(),
            principal,
            on_behalf_of: trial.on_behalf_of.clone(),
            session: None,
            tool: trial.tool.clone(),
            definition: self.bundle.tools.get(&trial.tool).and_then(|tool| tool.definition),
            arguments,
            claims: claims(trial),
            channel: trial.channel.unwrap_or(own_door),
            at,
            plan,
        })
    }

    fn decide(&self, trial: &Trial, proposal: &ActionProposal) -> Finished {
        let now = proposal.at;
        let mut early = facts::of_proposal(self.bundle, proposal, self.admin);
        early.extend(resource(trial, &early, now));
        let level = trial.level.map(|level| Level {
            level,
            expires_at: Millis(i64::MAX),
            environments: trial.environments.clone(),
        });
        early.extend(facts::of_level(self.bundle, proposal, &early, level.as_ref(), now));
        if trial.level == Some(AutonomyLevel::L3) {
            // A bundle's own test supposes that taking back was tried.
            early.set(FactName::known("level.tested"), true, "undos", now);
        }
        early.extend(quiet(trial, now));
        let (risk, score) = facts::of_risk(self.bundle, &early, now);
        early.extend(score);
        let mut late = facts::of_time(self.bundle, proposal, &early, now);
        late.extend(Meter::default().peek(self.bundle, proposal, &early, now));
        late.extend(breaker::peek(self.bundle, proposal, &early, (&|_| None, &|_| None), now));
        late.extend(behaviour::peek(self.bundle, proposal, &early, &behaviour::Hours::new(), now));
        late.extend(idle(trial, now));
        let answer = (self.policy)(proposal, &early);
        let early = decision::pre(self.bundle, proposal, early, risk, answer);
        let case = (!trial.approved.is_empty()).then(|| CaseId::draw(now, [0; 10]));
        decision::finish(
            self.bundle,
            proposal,
            early,
            Late { facts: late, bundle: self.digest, case, permit_ms: PERMIT_MS },
        )
    }
}

fn principal(trial: &Trial) -> Result<(Principal, Channel), TrialError> {
    match (&trial.agent, &trial.person) {
        (Some(agent), None) => Ok((Principal::Agent(agent.clone()), Channel::Mcp)),
        (None, Some(person)) => Ok((Principal::Person(person.clone()), Channel::Person)),
        _ => Err(TrialError::Principal(trial.name.clone())),
    }
}

fn instant(trial: &Trial) -> Result<Millis, TrialError> {
    let at = trial.at.as_deref().unwrap_or(DEFAULT_AT);
    calendar::instant(at).ok_or_else(|| TrialError::Instant { name: trial.name.clone(), at: at.to_owned() })
}

fn claims(trial: &Trial) -> Claims {
    Claims {
        purpose: trial.purpose.clone(),
        confidence_bp: trial.confidence_bp,
        reasoning: trial.reasoning.clone(),
        prompt_digest: None,
    }
}

/// Looks the mapped resource up in an inventory that holds the test's resource alone.
fn resource(trial: &Trial, facts: &Facts, at: Millis) -> Facts {
    if facts.bool("resource.mapped") != Some(true) {
        return Facts::new();
    }
    let named =
        |r: &&Resource| facts.text("resource.kind") == Some(&r.kind) && facts.text("resource.id") == Some(&r.id);
    let entity = trial.resource.as_ref().filter(named);
    let entity = entity.map(|r| Entity { attributes: &r.attributes, source: "test", age_ms: 0, age_ms_max: i64::MAX });
    facts::of_entity(entity.as_ref(), at)
}

/// Gathers what the snapshot of a quiet server says.
fn quiet(trial: &Trial, at: Millis) -> Facts {
    let mut facts = Facts::new();
    facts.set(FactName::known("tool.quarantined"), false, "test", at);
    facts.set(FactName::known("history.runs"), trial.history.runs, "test", at);
    facts.set(FactName::known("history.errors_bp"), trial.history.errors_bp, "test", at);
    facts
}

/// Gathers what an idle sequencer says, with the approvals the test comes with.
fn idle(trial: &Trial, now: Millis) -> Facts {
    let mut facts = Facts::new();
    for name in [
        "switch.tenant",
        "switch.agent",
        "switch.tool",
        "switch.class",
        "clock.jumped",
        "denials.flooding",
        "approval.refused",
    ] {
        facts.set(FactName::known(name), false, "test", now);
    }
    let mut met: Vec<String> = trial.approved.iter().map(ToString::to_string).collect();
    met.sort();
    facts.set(FactName::known("approval.round"), i64::from(!met.is_empty()), "test", now);
    facts.set(FactName::known("approval.met"), FactValue::List(met), "test", now);
    facts.set(FactName::known("approval.spent"), FactValue::List(Vec::new()), "test", now);
    facts.set(FactName::known("cases.open"), 0, "test", now);
    facts.set(FactName::known("now"), now.0, "test", now);
    facts
}

/// Names the tenant that tests play in.
fn tenant() -> TenantId {
    #[expect(clippy::expect_used, reason = "the literal keeps the rule for names")]
    TenantId::new("test").expect("a plain name")
}
