//! Break-glass: when two people stand in for those who must approve.

use std::collections::BTreeSet;

use types::ProfileId;

use crate::reading::Reading;
use crate::rules;

/// Says whether the glass is broken for this action: by two different people who may, not both of whom have a part in it,
/// before its end, for an action that is left, inside what the bundle covers. Of an agent alone, of no profile that counts
/// signed votes alone, and of none that a breaker names. `None` if anything it rests on is missing, which is no.
pub(crate) fn is_broken(action: &Reading<'_>, missing: &BTreeSet<ProfileId>) -> Option<bool> {
    let Reading { proposal, facts, bundle } = action;
    let (rules, agent) = (bundle.break_glass.as_ref()?, proposal.principal.agent()?);
    facts.text("glass.id")?;
    let mut people = BTreeSet::new();
    for name in facts.list("glass.people")? {
        people.insert(name.as_str());
    }
    let may_turn = |name: &&str| {
        let person = bundle.people.iter().find(|(id, _)| id.as_str() == *name);
        person.is_some_and(|(id, person)| !bundle.is_auditor(id) && !person.groups.is_disjoint(&rules.groups))
    };
    let owner = bundle.agents.get(agent).map(|agent| agent.owner.as_str());
    let delegator = proposal.on_behalf_of.as_ref().map(|person| person.as_str());
    let stands_outside = |name: &&str| {
        let is_author = bundle.head.authors.iter().any(|author| author.as_str() == *name);
        owner != Some(*name) && delegator != Some(*name) && !is_author
    };
    let two = facts.list("glass.people")?.len() == 2 && people.len() == 2;
    let keys = two && people.iter().all(may_turn) && people.iter().any(stands_outside);
    let holds = action.number("now")? < action.number("glass.expires_at")? && action.number("glass.left")? > 0;
    let covers = &rules.covers;
    let place = match action.environment() {
        Some(environment) => covers.env.matches(environment),
        None => covers.env.is_any(),
    };
    let inside = place
        && covers.agent.matches(agent.as_str())
        && covers.class.matches(facts.text("tool.class")?)
        && covers.tool.matches(&proposal.tool.to_string());
    let unsigned = missing.iter().all(|id| bundle.profiles.get(id).is_some_and(|profile| !profile.signed));
    let stopped = !rules::breakers(action)?.people.is_disjoint(missing);
    Some(keys && holds && inside && unsigned && !stopped)
}
