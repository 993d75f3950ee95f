//! The rules, one for each thing that can stand against an action. `?` means: a missing fact denies.

use types::baseline::Before;
use types::bundle::{BulkRule, Claim};
use types::permission::{REQUEST_TOOL, Terms};
use types::{Channel, Principal};

use crate::Against;
use crate::reading::Reading;

type Rule = fn(&Reading<'_>) -> Option<Against>;

/// Lists every rule; their order does not matter.
pub(crate) const ALL: [Rule; 19] = [
    killed, sequencer, stranger, delegator, tool, plan, resource, level, risk, confidence, triggers, foreseen, claims,
    counters, calendar, impact, breakers, behaviour, request,
];

/// A kill switch stops everything it covers, except that lifting one stays possible: of an agent, a tool or a
/// class for everybody, of the tenant for people.
fn killed(action: &Reading<'_>) -> Option<Against> {
    let lifts = action.proposal.tool.to_string() == "countersign.switch.clear";
    let person_lifts = lifts && !action.by_agent();
    let [tenant, agent, tool, class] =
        ["tenant", "agent", "tool", "class"].map(|of| action.is(&format!("switch.{of}")));
    let (tenant, others) = (tenant?, agent? | tool? | class?);
    Some(Against::denied_if((tenant && !person_lifts) || (others && !lifts)))
}

/// The sequencer knows what time it is, is not being flooded, and nobody has just refused this very action.
fn sequencer(action: &Reading<'_>) -> Option<Against> {
    action.number("now")?;
    let trouble = action.is("clock.jumped")? | action.is("denials.flooding")?;
    Some(Against::denied_if(trouble | action.is("approval.refused")?))
}

fn stranger(action: &Reading<'_>) -> Option<Against> {
    let known = action.is(if action.by_agent() { "agent.known" } else { "person.known" })?;
    Some(Against::denied_if(!known))
}

fn delegator(action: &Reading<'_>) -> Option<Against> {
    if action.proposal.on_behalf_of.is_none() {
        return Some(Against::default());
    }
    let (known, allowed) = (action.is("delegator.known")?, action.is("delegator.allowed")?);
    Some(Against::denied_if(!known || !allowed))
}

/// The tool is in the catalogue and as it was reviewed. What an agent runs by itself, outside any server, has no
/// definition to review. Where the catalogue says how it is planned, somebody has said what it would do.
fn tool(action: &Reading<'_>) -> Option<Against> {
    let entry = action.bundle.tools.get(&action.proposal.tool);
    let own = action.proposal.channel == Channel::Http && entry.is_some_and(|tool| tool.definition.is_none());
    let reviewed = match action.facts.text("tool.pin")? {
        "match" => true,
        "unseen" => own,
        _ => false,
    };
    let blind = entry.is_some_and(|tool| tool.plan.is_some()) && !action.is("plan.seen")?;
    Some(Against::denied_if(!action.is("tool.known")? || action.is("tool.quarantined")? || !reviewed || blind))
}

fn plan(action: &Reading<'_>) -> Option<Against> {
    if action.facts.get("session.plan").is_none() {
        return Some(Against::default());
    }
    let planned = action.facts.list("session.plan")?.contains(&action.proposal.tool.to_string());
    Some(Against::denied_if(!planned))
}

fn resource(action: &Reading<'_>) -> Option<Against> {
    if !action.is("resource.mapped")? {
        return Some(Against::default());
    }
    if !action.is("resource.known")? {
        return Some(Against::denied_if(true));
    }
    let stale = action.number("resource.age_ms")? > action.number("resource.age_ms_max")?;
    Some(Against::denied_if(stale))
}

/// L0 does nothing. L1 reads. L2 also writes, by itself only what is routine, in an environment the level names, and
/// under a rate. L3 writes by itself also what is not routine, if nothing is missing that guards it and taking it back was tested. Other writes go
/// to the people of the class. People have no level, and asking for a
/// permission needs none.
fn level(action: &Reading<'_>) -> Option<Against> {
    let asks = action.proposal.tool.to_string() == REQUEST_TOOL;
    if asks || matches!(action.proposal.principal, Principal::Person(_)) {
        return Some(Against::default());
    }
    let rank = action.number("level.rank")?;
    if !(1..=3).contains(&rank) {
        return Some(Against::denied_if(true));
    }
    let at = action.proposal.at.0.max(action.number("now")?);
    if at >= action.number("level.expires_at")? {
        return Some(Against::denied_if(true));
    }
    let free = !action.is("class.writes")? || (rank > 1 && runs_alone(action, rank)?);
    let people = action.class().flatten().and_then(|class| class.profile.as_ref());
    Some(Against::put_to(people, !free))
}

fn runs_alone(action: &Reading<'_>, rank: i64) -> Option<bool> {
    let scope = action.facts.list("level.environments")?;
    let inside = action.environment().is_some_and(|environment| scope.contains(&environment.to_owned()));
    let guarded = rank == 3 && action.facts.list("level.unguarded")?.is_empty() & action.is("level.tested")?;
    Some((action.is("class.routine")? | guarded) & action.is("level.rated")? & inside)
}

fn risk(action: &Reading<'_>) -> Option<Against> {
    let (score, model) = (action.number("risk.score")?, &action.bundle.risk);
    let high = Against::put_to(model.profile.as_ref(), score >= model.escalate_from);
    Some(Against { observe: score >= model.observe_from, ..high })
}

fn confidence(action: &Reading<'_>) -> Option<Against> {
    let review = &action.bundle.head.review;
    let claimed = action.number_if_any("claim.confidence_bp")?;
    let unsure = claimed.is_some_and(|claimed| claimed < i64::from(review.confidence_below_bp));
    Some(Against::review(action.bundle, unsure))
}

fn triggers(action: &Reading<'_>) -> Option<Against> {
    let quiet = action.is_empty("review.words")? & action.is_empty("review.amounts")?;
    Some(Against::review(action.bundle, !quiet))
}

/// What a plan tells that is too much, people look at, whatever they have permitted in advance.
fn foreseen(action: &Reading<'_>) -> Option<Against> {
    let review = &action.bundle.head.review;
    let fired = !review.plans.is_empty() && !action.is_empty("review.plans")?;
    Some(Against { look: fired, ..Against::put_to(review.profile.as_ref(), fired) })
}

/// What a class requires the agent to say of itself, it must say, or people look.
fn claims(action: &Reading<'_>) -> Option<Against> {
    let mut silent = false;
    for claim in action.class()?.map(|class| class.claims.clone()).unwrap_or_default() {
        silent |= match claim {
            Claim::Purpose => !action.is("claim.purpose")?,
            Claim::Reasoning => !action.is("claim.reasoning")?,
            Claim::Confidence => action.facts.get("claim.confidence_bp").is_none(),
        };
    }
    Some(Against::review(action.bundle, silent))
}

fn counters(action: &Reading<'_>) -> Option<Against> {
    let mut over = false;
    for (id, _) in action.covering(&action.bundle.limits.rates, |rate| &rate.covers)? {
        over |= action.number(&format!("rate.{id}"))? < 1;
    }
    for (id, _) in action.covering(&action.bundle.limits.budgets, |budget| &budget.covers)? {
        over |= action.number(&format!("budget.{id}.asked"))? > action.number(&format!("budget.{id}"))?;
    }
    Some(Against::denied_if(over))
}

fn calendar(action: &Reading<'_>) -> Option<Against> {
    let mut against = Against::default();
    for (id, window) in action.covering(&action.bundle.limits.windows, |window| &window.covers)? {
        let closed = Against::put_to(window.outside.as_ref(), !action.is(&format!("window.{id}"))?);
        against.deny |= closed.deny;
        against.people.extend(closed.people);
    }
    for (id, _) in action.covering(&action.bundle.limits.freezes, |freeze| &freeze.covers)? {
        against.deny |= action.is(&format!("freeze.{id}"))?;
    }
    Some(against)
}

fn impact(action: &Reading<'_>) -> Option<Against> {
    let mut exceeded = false;
    for (id, _) in action.covering(&action.bundle.limits.impacts, |impact| &impact.covers)? {
        exceeded |= action.is(&format!("impact.{id}"))?;
    }
    Some(Against::denied_if(exceeded))
}

/// A circuit that is open lets nothing through, and one that is being tried a probe at a time, observed. Whoever did too much
/// that is hard to take back goes to people, who look at this one, or is denied. Breakers cover what agents do.
pub(crate) fn breakers(action: &Reading<'_>) -> Option<Against> {
    let mut against = Against::default();
    if !action.by_agent() {
        return Some(against);
    }
    for (id, _) in action.covering(&action.bundle.breakers.circuits, |rule| &rule.covers)? {
        match action.facts.text(&format!("circuit.{id}"))? {
            "closed" => {}
            "half_open" if action.number(&format!("circuit.{id}.free"))? > 0 => against.observe = true,
            _ => against.deny = true,
        }
    }
    for (id, rule) in action.covering(&action.bundle.breakers.bulks, |rule| &rule.covers)? {
        if counts(action, rule) && !action.is_text(&format!("bulk.{id}"), "free")? {
            let stopped = Against::put_to(rule.profile.as_ref(), true);
            against.deny |= stopped.deny || !["full", "stopped"].contains(&action.facts.text(&format!("bulk.{id}"))?);
            against.people.extend(stopped.people);
            against.look = true;
        }
    }
    Some(against)
}

/// What is not usual for an agent runs observed, or goes to people, who look at this one. While nobody knows what is usual, the
/// bundle says.
fn behaviour(action: &Reading<'_>) -> Option<Against> {
    let mut against = Against::default();
    if !action.by_agent() {
        return Some(against);
    }
    for (id, rule) in action.covering(&action.bundle.baselines, |rule| &rule.covers)? {
        let known = action.number(&format!("baseline.{id}"))? >= i64::from(rule.hours_min);
        let unusual = known && !action.is_empty(&format!("baseline.{id}.unusual"))?;
        let (observe, ask) = match rule.before {
            Before::Observe if !known => (true, false),
            Before::Escalate if !known => (false, true),
            _ => (unusual && rule.profile.is_none(), unusual && rule.profile.is_some()),
        };
        let put = Against::put_to(rule.profile.as_ref(), ask);
        against.deny |= put.deny;
        against.observe |= observe;
        against.look |= ask;
        against.people.extend(put.people);
    }
    Some(against)
}

/// What only reads does not count, and what nobody knows how to take back does.
fn counts(action: &Reading<'_>, rule: &BulkRule) -> bool {
    let hard =
        action.facts.text("tool.reversibility").is_none_or(|word| rule.counts.iter().any(|r| r.as_str() == word));
    hard && action.facts.text("tool.effect") != Some("read")
}

/// A permission is asked for in an agent's name, for a tool of the catalogue, within what the bundle allows, of all the people
/// for whom it is to stand, and with bounds that something fits. No other permission spares that.
fn request(action: &Reading<'_>) -> Option<Against> {
    if action.proposal.tool.to_string() != REQUEST_TOOL {
        return Some(Against::default());
    }
    let Ok(terms) = Terms::read(&action.proposal.arguments) else { return Some(Against::denied_if(true)) };
    let most = action.bundle.head.permissions;
    let lasts = terms.minutes > 0 && terms.minutes <= most.minutes_max && terms.uses > 0 && terms.uses <= most.uses_max;
    let named = action.bundle.tools.contains_key(&terms.tool) && !terms.profiles.is_empty();
    let told = !terms.purpose.trim().is_empty() && terms.purpose.trim().len() <= 2_000;
    let sound = terms.bounds.values().all(types::bound::Bound::is_sound);
    let given = action.by_agent() && lasts && named && told && sound;
    Some(Against { people: terms.profiles, look: true, ..Against::denied_if(!given) })
}
