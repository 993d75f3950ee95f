//! Break-glass: how one moves from asked to reviewed, and what it lifts while it is in force.
//!
//! It stands in for approvals alone: an escalation that nobody is there to answer. Nothing that denies is looked at here, so no
//! freeze, kill, limit or refusal ever gives way to it.

use std::collections::BTreeSet;

use types::break_glass::{BreakGlass, End, Ended, Extent, Phase, Review, Rules, Turned, Used, What};
use types::bundle::BundleData;
use types::{
    ActionProposal, ClassId, Code, Decision, Digest, FactName, FactValue, Facts, Finding, GlassId, LimitId, Millis,
    PersonId, Principal, ProfileId, Restriction, Stage, Target, TenantId,
};

use crate::facts::ADMIN_CLASS;
use crate::limits::calendar::is_frozen;
use crate::mutant::{self, Mutant};

/// Is how many break-glasses are kept that nothing is left to be done about; the journal has them all.
pub const KEPT: usize = 10;

/// Is the source of the facts about it.
pub const SOURCE: &str = "break_glass";

/// Says why a step cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BreakGlassError {
    /// The bundle does not let the glass be broken so.
    #[error("{0}")]
    Unsupported(String),
    /// One awaits its review.
    #[error("`{0}` awaits its review, and until that is closed no other glass can be broken")]
    ReviewOpen(GlassId),
    /// Another one is asked for or in force.
    #[error("`{0}` is {state} already", state = .1.as_str())]
    Another(GlassId, Phase),
    /// It is not where this step can be taken.
    #[error("`{0}` is {state}", state = .1.as_str())]
    Over(GlassId, Phase),
    /// The person may not turn this key, or not review it.
    #[error("`{0}` {1}")]
    Excluded(PersonId, &'static str),
}

impl BreakGlassError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Unsupported(_) => Code::BreakGlassUnsupported,
            Self::ReviewOpen(_) => Code::ReviewOpen,
            Self::Another(..) | Self::Over(..) => Code::BreakGlassOver,
            Self::Excluded(..) => Code::KeyExcluded,
        }
    }
}

/// Is what somebody wishes to break the glass for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The identity it gets.
    pub id: GlassId,
    /// What it is for.
    pub extent: Extent,
    /// Why.
    pub reason: String,
    /// For how long, in milliseconds; as long as the bundle allows if it is not said.
    pub life_ms: Option<i64>,
    /// The digest of the bundle.
    pub bundle: Digest,
}

/// Turns the first key. Nothing is granted by it.
///
/// - `others`: those that are kept.
///
/// # Errors
///
/// [`BreakGlassError::Unsupported`] if the bundle has no rules for it or they do not cover this;
/// [`BreakGlassError::ReviewOpen`] or [`BreakGlassError::Another`] if another one is not closed;
/// [`BreakGlassError::Excluded`] if the person is in none of the groups.
pub fn ask<'a>(
    wish: Wish,
    key: Turned,
    bundle: &BundleData,
    others: impl Iterator<Item = &'a BreakGlass>,
) -> Result<BreakGlass, BreakGlassError> {
    let rules = rules(bundle)?;
    is_free(others, key.at)?;
    let longest = i64::from(rules.minutes) * 60_000;
    let life_ms = wish.life_ms.unwrap_or(longest);
    if wish.reason.trim().is_empty() || !(1..=longest).contains(&life_ms) {
        let why = format!("it needs a reason, and a life of at most {} minutes", rules.minutes);
        return Err(BreakGlassError::Unsupported(why));
    }
    if let Some(why) = uncovered(&wish.extent, rules, bundle) {
        return Err(BreakGlassError::Unsupported(why));
    }
    let agent = bundle.agents.get(&wish.extent.agent);
    let unowned = || BreakGlassError::Unsupported(format!("the bundle has no agent `{}`", wish.extent.agent));
    let owner = agent.ok_or_else(unowned)?.owner.clone();
    may_turn(&key.by, rules, bundle)?;
    Ok(BreakGlass {
        id: wish.id,
        extent: wish.extent,
        reason: wish.reason,
        first: key,
        life_ms,
        actions_max: rules.actions,
        review_ms: i64::from(rules.review_hours) * 3_600_000,
        bundle: wish.bundle,
        second: None,
        ended: None,
        actions: Vec::new(),
        review: None,
        owner,
    })
}

/// Turns the second key: from then on it is in force.
///
/// # Errors
///
/// [`BreakGlassError::Over`] unless the first key alone was turned, within the five minutes before;
/// [`BreakGlassError::Excluded`] if the person is in none of the groups, turned the first key, or both of them have a part in what
/// the agent does; [`BreakGlassError::Unsupported`] if the bundle is another one, or nobody would be left to review it.
pub fn confirm(glass: &BreakGlass, key: Turned, bundle: &BundleData) -> Result<BreakGlass, BreakGlassError> {
    let rules = rules(bundle)?;
    let phase = glass.phase(key.at);
    if phase != Phase::Asked && !(phase == Phase::Lapsed && mutant::on(Mutant::SecondKeyLate)) {
        return Err(BreakGlassError::Over(glass.id, phase));
    }
    may_turn(&key.by, rules, bundle)?;
    if key.by == glass.first.by && !mutant::on(Mutant::OneTurnsBothKeys) {
        return Err(BreakGlassError::Excluded(key.by, "turned the first key; the second one is somebody else's"));
    }
    let confirmed = BreakGlass { second: Some(key.clone()), ..glass.clone() };
    if is_among_themselves([&glass.first.by, &key.by], &glass.extent.agent, None, bundle) {
        let why = "and who turned the first key both have a part in what the agent does";
        return Err(BreakGlassError::Excluded(key.by, why));
    }
    if !bundle.people.keys().any(|person| may_review(&confirmed, person, rules, bundle)) {
        let why = format!("nobody in the group `{}` would be left to review it", rules.reviewers);
        return Err(BreakGlassError::Unsupported(why));
    }
    Ok(confirmed)
}

/// Ends it. This only tightens.
///
/// # Errors
///
/// [`BreakGlassError::Over`] if it is closed, or its end is recorded.
pub fn end(glass: &BreakGlass, ended: Ended) -> Result<BreakGlass, BreakGlassError> {
    let phase = glass.phase(ended.at);
    if glass.ended.is_some() || phase == Phase::Reviewed {
        return Err(BreakGlassError::Over(glass.id, phase));
    }
    // Before its time only something may end it, and afterwards time has.
    let by_time = ended.at >= glass.over_at();
    if by_time != (ended.how == End::Time) {
        return Err(BreakGlassError::Over(glass.id, phase));
    }
    Ok(BreakGlass { ended: Some(ended), ..glass.clone() })
}

/// Closes its review.
///
/// # Errors
///
/// [`BreakGlassError::Over`] unless it has ended and was not reviewed; [`BreakGlassError::Excluded`] if the person is not of the
/// reviewers, turned a key, or answers for the agent; [`BreakGlassError::Unsupported`] without findings.
pub fn review(glass: &BreakGlass, review: Review, bundle: &BundleData) -> Result<BreakGlass, BreakGlassError> {
    let rules = rules(bundle)?;
    let phase = glass.phase(review.at);
    if phase != Phase::Ended {
        return Err(BreakGlassError::Over(glass.id, phase));
    }
    if !may_review(glass, &review.by, rules, bundle) {
        let why = "may not review it: somebody of the reviewers does who took no part in it";
        return Err(BreakGlassError::Excluded(review.by, why));
    }
    if review.findings.trim().is_empty() {
        return Err(BreakGlassError::Unsupported("a review says what was found".into()));
    }
    Ok(BreakGlass { review: Some(review), ..glass.clone() })
}

/// Says whether a recorded step leads from what was kept to what the record says, by the same rules that took it.
///
/// # Errors
///
/// As the step itself; [`BreakGlassError::Over`] if it is none.
pub fn follows<'a>(
    before: Option<&'a BreakGlass>,
    after: &BreakGlass,
    bundle: &BundleData,
    others: impl Iterator<Item = &'a BreakGlass>,
) -> Result<(), BreakGlassError> {
    let is_none = || BreakGlassError::Over(after.id, after.phase(after.first.at));
    let expected = match before {
        None => {
            let wish = Wish {
                id: after.id,
                extent: after.extent.clone(),
                reason: after.reason.clone(),
                life_ms: Some(after.life_ms),
                bundle: after.bundle,
            };
            ask(wish, after.first.clone(), bundle, others)?
        }
        Some(before) => match (&after.review, &after.ended, &after.second) {
            (Some(closed), ..) => review(before, closed.clone(), bundle)?,
            (None, Some(ended), _) => end(before, ended.clone())?,
            (None, None, Some(key)) => confirm(before, key.clone(), bundle)?,
            (None, None, None) => return Err(is_none()),
        },
    };
    if expected == *after { Ok(()) } else { Err(is_none()) }
}

fn rules(bundle: &BundleData) -> Result<&Rules, BreakGlassError> {
    let none =
        || BreakGlassError::Unsupported("the bundle has no `break_glass.toml`, so the glass cannot be broken".into());
    bundle.break_glass.as_ref().ok_or_else(none)
}

fn is_free<'a>(mut others: impl Iterator<Item = &'a BreakGlass>, now: Millis) -> Result<(), BreakGlassError> {
    match others.find(|other| !other.phase(now).is_closed()).map(|other| (other.id, other.phase(now))) {
        None => Ok(()),
        Some((_, Phase::Ended)) if mutant::on(Mutant::ReviewNotDemanded) => Ok(()),
        Some((id, Phase::Ended)) => Err(BreakGlassError::ReviewOpen(id)),
        Some((id, phase)) => Err(BreakGlassError::Another(id, phase)),
    }
}

/// Says why the rules do not cover what is asked for.
fn uncovered(extent: &Extent, rules: &Rules, bundle: &BundleData) -> Option<String> {
    let known = match &extent.what {
        What::Class(class) => bundle.classes.contains_key(class),
        What::Tool(tool) => bundle.tools.contains_key(tool),
    };
    if !bundle.agents.contains_key(&extent.agent) || !known {
        return Some(format!("the bundle has no agent `{}`, or no {}", extent.agent, extent.what));
    }
    if matches!(&extent.what, What::Class(class) if class.as_str() == ADMIN_CLASS) {
        return Some("administration runs on approvals alone, so no glass is broken for it".into());
    }
    let covers = &rules.covers;
    let what = match &extent.what {
        What::Class(class) => covers.class.matches(class.as_str()),
        What::Tool(tool) => {
            let class = bundle.tools.get(tool).map(|entry| &entry.class);
            covers.tool.matches(&tool.to_string()) && class.is_some_and(|class| covers.class.matches(class.as_str()))
        }
    };
    let place = extent.environment.as_deref();
    let covered = covers.agent.matches(extent.agent.as_str()) && what && is_within(rules, place);
    (!covered).then(|| format!("`break_glass.toml` does not cover {extent}"))
}

/// What is in no known environment is covered only where none is named: here an unknown would widen.
fn is_within(rules: &Rules, environment: Option<&str>) -> bool {
    environment.map_or(rules.covers.env.is_any(), |environment| rules.covers.env.matches(environment))
}

fn may_turn(person: &PersonId, rules: &Rules, bundle: &BundleData) -> Result<(), BreakGlassError> {
    let known = bundle.people.get(person).filter(|_| !bundle.is_auditor(person));
    let asked = known.is_some_and(|known| known.groups.iter().any(|group| rules.groups.contains(group)));
    if asked {
        Ok(())
    } else {
        Err(BreakGlassError::Excluded(person.clone(), "is in no group that may break the glass"))
    }
}

/// Says whether a person may review it: of the reviewers, without a key of theirs in it, and not who answers for the agent or did then.
fn may_review(glass: &BreakGlass, person: &PersonId, rules: &Rules, bundle: &BundleData) -> bool {
    let is_of = bundle.people.get(person).is_some_and(|known| known.groups.contains(&rules.reviewers));
    let second = glass.second.as_ref().map(|second| &second.by);
    let owns = bundle.agents.get(&glass.extent.agent).is_some_and(|agent| agent.owner == *person);
    let took_part = glass.first.by == *person || second == Some(person) || owns || glass.owner == *person;
    is_of && !bundle.is_auditor(person) && (!took_part || mutant::on(Mutant::KeyHolderReviews))
}

/// Says whether all who turned a key have a part in what the agent does: they own it, wrote the rules, or it is done for them.
fn is_among_themselves(
    keys: [&PersonId; 2],
    agent: &types::AgentId,
    on_behalf_of: Option<&PersonId>,
    bundle: &BundleData,
) -> bool {
    let owner = bundle.agents.get(agent).map(|agent| &agent.owner);
    let has_part = |person: &PersonId| {
        owner == Some(person) || on_behalf_of == Some(person) || bundle.head.authors.contains(person)
    };
    keys.into_iter().all(has_part)
}

/// Returns the facts about the one that is in force and for this action: `glass.id`, `glass.people` with who turned the keys,
/// `glass.expires_at` and `glass.left`, how many actions may still run under it. None of them if there is none.
///
/// - `known`: holds `tool.class`, and `resource.env` if it is known.
/// - `active`: the bundle in force, if one was ever activated.
pub fn facts<'a>(
    mut kept: impl Iterator<Item = &'a BreakGlass>,
    proposal: &ActionProposal,
    known: &Facts,
    active: Option<Digest>,
    now: Millis,
) -> Facts {
    let holds = |glass: &&BreakGlass| {
        let in_force = glass.phase(now) == Phase::InForce || mutant::on(Mutant::GlassOutlivesItsTime);
        in_force && active.is_none_or(|active| active == glass.bundle) && is_for(&glass.extent, proposal, known)
    };
    let mut facts = Facts::new();
    let Some((glass, second)) = kept.find(holds).and_then(|glass| Some((glass, glass.second.as_ref()?))) else {
        return facts;
    };
    let mut set = |name: &'static str, value: FactValue| facts.set(FactName::known(name), value, SOURCE, second.at);
    let used = u32::try_from(glass.actions.len()).unwrap_or(u32::MAX);
    set("glass.id", glass.id.to_string().into());
    set("glass.people", FactValue::List(vec![glass.first.by.to_string(), second.by.to_string()]));
    set("glass.expires_at", second.at.plus(glass.life_ms).0.into());
    set("glass.left", i64::from(glass.actions_max.saturating_sub(used)).into());
    facts
}

fn is_for(extent: &Extent, proposal: &ActionProposal, known: &Facts) -> bool {
    let what = match &extent.what {
        What::Class(class) => known.text("tool.class") == Some(class.as_str()),
        What::Tool(tool) => *tool == proposal.tool,
    };
    what && proposal.principal.agent() == Some(&extent.agent)
        && known.text("resource.env") == extent.environment.as_deref()
}

/// Says that an action runs without the approvals it lacks, because two people have broken the glass for it.
///
/// Reads `glass.id`, `glass.people`, `glass.expires_at`, `glass.left`, `now`, `tool.class`, and `resource.env` if it is known. Any of
/// them missing, people the bundle does not let turn a key, one person for both keys, two of whom nobody stands outside, an end
/// that has come, no action left, an extent that the bundle does not cover, a profile that counts signed votes alone, or one that a
/// breaker asks, and nothing is lifted.
///
/// - `said`: the findings so far.
pub(crate) fn lifts(
    bundle: &BundleData,
    proposal: &ActionProposal,
    facts: &Facts,
    said: &[Finding],
    missing: &BTreeSet<ProfileId>,
) -> Option<Finding> {
    if is_stopped(said, missing) && !mutant::on(Mutant::GlassLiftsBreakers) {
        return None;
    }
    let rules = bundle.break_glass.as_ref()?;
    let Principal::Agent(agent) = &proposal.principal else { return None };
    let (id, names) = (facts.text("glass.id")?, facts.list("glass.people")?);
    let [first, second] = names else { return None };
    let (first, second): (PersonId, PersonId) = (first.parse().ok()?, second.parse().ok()?);
    let keys = [&first, &second];
    let turned = keys.iter().all(|person| may_turn(person, rules, bundle).is_ok());
    let apart = first != second || mutant::on(Mutant::OneTurnsBothKeys);
    let among = is_among_themselves(keys, agent, proposal.on_behalf_of.as_ref(), bundle);
    if !turned || !apart || (among && !mutant::on(Mutant::OwnersBreakTheGlass)) {
        return None;
    }
    let in_time = facts.int("now")? < facts.int("glass.expires_at")? || mutant::on(Mutant::GlassOutlivesItsTime);
    let covers = &rules.covers;
    let tool = proposal.tool.to_string();
    let covered = covers.agent.matches(agent.as_str())
        && covers.class.matches(facts.text("tool.class")?)
        && covers.tool.matches(&tool)
        && is_within(rules, facts.text("resource.env"));
    let unsigned = |id: &ProfileId| bundle.profiles.get(id).is_some_and(|profile| !profile.signed);
    if !in_time || !covered || facts.int("glass.left")? < 1 || !missing.iter().all(unsigned) {
        return None;
    }
    let detail =
        format!("`{first}` and `{second}` have broken the glass ({id}), so it runs without the approvals it lacks");
    Some(Finding::new(Stage::Review, Restriction::AllowObserved, Code::GlassBroken, detail, "glass.id"))
}

/// Says whether a breaker asks somebody who has not approved: it has stopped the agent, and that outranks a break-glass as a kill does.
fn is_stopped(said: &[Finding], missing: &BTreeSet<ProfileId>) -> bool {
    let asks =
        |finding: &Finding| matches!(&finding.restriction, Restriction::Escalate(asked) if missing.contains(asked));
    said.iter().any(|finding| finding.stage == Stage::Breakers && asks(finding))
}

/// Returns how long the permit of a decision lives, in milliseconds: as long as asked, and under a break-glass no longer than that.
///
/// - `asked_ms`: how long it would live.
pub fn permit_ms(decision: &Decision, asked_ms: i64) -> i64 {
    let ends = decision.facts.int("glass.expires_at").filter(|_| under(decision).is_some());
    let left = ends.map(|ends| ends.saturating_sub(decision.at.0).max(0));
    left.filter(|_| !mutant::on(Mutant::PermitOutlivesTheGlass)).map_or(asked_ms, |left| left.min(asked_ms))
}

/// Says whether a decision runs under a break-glass, and returns which.
pub fn under(decision: &Decision) -> Option<GlassId> {
    let lifted = decision.findings.iter().any(|finding| finding.code == Code::GlassBroken);
    decision.facts.text("glass.id").filter(|_| lifted && decision.verdict.permits())?.parse().ok()
}

/// Notes an action that runs under it.
pub fn used(glass: &BreakGlass, used: Used) -> BreakGlass {
    let mut glass = glass.clone();
    glass.actions.push(used);
    glass
}

/// Returns the freeze that is on at an instant and covers some of what it is for.
pub fn frozen<'a>(extent: &Extent, bundle: &'a BundleData, now: Millis) -> Option<&'a LimitId> {
    let covers = |scope: &types::bundle::Scope| {
        let some = |tool: String, class: &ClassId| scope.tool.matches(&tool) && scope.class.matches(class.as_str());
        let of_it = bundle.tools.iter().filter(|(name, entry)| match &extent.what {
            What::Class(class) => entry.class == *class,
            What::Tool(tool) => *name == tool,
        });
        let place = extent.environment.as_deref().is_none_or(|environment| scope.env.matches(environment));
        place
            && scope.agent.matches(extent.agent.as_str())
            && of_it.map(|(name, entry)| (name.to_string(), &entry.class)).any(|(tool, class)| some(tool, class))
    };
    let mut freezes = bundle.limits.freezes.iter();
    freezes.find(|(_, freeze)| covers(&freeze.covers) && is_frozen(freeze, now)).map(|(id, _)| id)
}

/// Says whether a kill switch covers some of what it is for.
pub fn is_killed(extent: &Extent, target: &Target, tenant: &TenantId, bundle: &BundleData) -> bool {
    let class_of = |tool: &types::ToolName| bundle.tools.get(tool).map(|entry| &entry.class);
    match (target, &extent.what) {
        (Target::Tenant(stopped), _) => stopped == tenant,
        (Target::Agent(stopped), _) => *stopped == extent.agent,
        (Target::Tool(stopped), What::Tool(tool)) => stopped == tool,
        (Target::Tool(stopped), What::Class(class)) => class_of(stopped) == Some(class),
        (Target::Class(stopped), What::Class(class)) => stopped == class,
        (Target::Class(stopped), What::Tool(tool)) => class_of(tool) == Some(stopped),
    }
}
