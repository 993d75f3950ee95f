//! The reference decider: what a decision is, in as few lines as it takes to say.
//!
//! [`decide`] is the whole of it. It takes a proposal, the facts, the bundle and the answers of the policy ladder,
//! and gives the verdict. It explains nothing, is not fast, and shares nothing but the nouns of `types` with the
//! code that serves requests; the two are held equal by generated cases and by `vectors/`.

mod break_glass;
pub mod cedar;
mod reading;
mod rules;
pub mod vector;

use std::collections::BTreeSet;

use types::bundle::BundleData;
use types::{ActionProposal, Facts, Principal, ProfileId, Verdict};

use reading::Reading;

/// Says how far a question to the policies goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// May it run alone?
    Autonomous,
    /// May it run observed?
    Monitored,
    /// May it run once people have approved?
    Approved,
}

/// Is what the policies answer to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rung {
    /// Permitted; in mode `approved`, by these profiles.
    Yes(BTreeSet<ProfileId>),
    /// Not permitted, or forbidden.
    No,
    /// Something could not be evaluated.
    Error,
}

/// Is what one rule, or all of them, has against an action: the more there is, the stricter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Against {
    /// It must not run, whoever approves.
    deny: bool,
    /// These must all approve it first.
    people: BTreeSet<ProfileId>,
    /// It must be observed.
    observe: bool,
    /// People must look at this one, whatever they have permitted in advance.
    look: bool,
}

/// Decides one action.
///
/// Each rule says what it has against it, or `None` if a fact it needs is missing. An unknown denies, a
/// denial is final, whoever is named must approve, and what has been approved is observed. People are asked once,
/// and once more about what appears only when the action is decided again. A permission that all of them have given in advance
/// stands for them, and else two people may break the glass in their place, unless a breaker names them; of administration neither.
///
/// - `permits`: what the policies answer when that agent or person asks in that mode.
pub fn decide(
    proposal: &ActionProposal,
    facts: &Facts,
    bundle: &BundleData,
    permits: &dyn Fn(&Principal, Mode) -> Rung,
) -> Verdict {
    let action = Reading { proposal, facts, bundle };
    let policies = action.askers().into_iter().map(|asker| Some(ladder(&|mode| permits(&asker, mode))));
    let said: Option<Vec<Against>> = rules::ALL.iter().map(|rule| rule(&action)).chain(policies).collect();
    let (Some(said), Some(door)) = (said, action.door()) else { return Verdict::Deny };
    let deny = said.iter().any(|against| against.deny);
    let people: BTreeSet<ProfileId> = said.iter().flat_map(|against| against.people.clone()).collect();
    let observe = said.iter().any(|against| against.observe);
    let look = said.iter().any(|against| against.look);
    let missing: BTreeSet<ProfileId> =
        people.iter().filter(|profile| !door.met.contains(profile.as_str())).cloned().collect();
    let administers = proposal.tool.server.as_str() == "countersign";
    let open = !administers && !look && door.is_open_for(&people);
    let broken = !administers && break_glass::is_broken(&action, &missing) == Some(true);
    match (deny, people.is_empty(), missing.is_empty()) {
        (true, _, _) => Verdict::Deny,
        (false, true, _) if observe => Verdict::AllowObserved,
        (false, true, _) => Verdict::Allow,
        (false, false, true) => Verdict::AllowObserved,
        (false, false, false) if open || broken => Verdict::AllowObserved,
        (false, false, false) if door.is_shut_for(&missing, bundle) => Verdict::Deny,
        (false, false, false) => Verdict::Escalate(missing),
    }
}

/// Climbs the ladder: the first mode that is permitted says how far; an error anywhere on the way denies.
fn ladder(permits: &dyn Fn(Mode) -> Rung) -> Against {
    for mode in [Mode::Autonomous, Mode::Monitored, Mode::Approved] {
        match (permits(mode), mode) {
            (Rung::No, _) => {}
            (Rung::Yes(_), Mode::Autonomous) => return Against::default(),
            (Rung::Yes(_), Mode::Monitored) => return Against { observe: true, ..Against::default() },
            (Rung::Yes(people), Mode::Approved) if !people.is_empty() => {
                return Against { people, ..Against::default() };
            }
            (Rung::Yes(_) | Rung::Error, _) => break,
        }
    }
    Against { deny: true, ..Against::default() }
}

impl Against {
    fn denied_if(deny: bool) -> Self {
        Self { deny, ..Self::default() }
    }

    /// Sends the action to a profile if `asked`, or denies it when there is no such profile.
    fn put_to(profile: Option<&ProfileId>, asked: bool) -> Self {
        let people = profile.filter(|_| asked).cloned().into_iter().collect();
        Self { deny: asked && profile.is_none(), people, ..Self::default() }
    }

    /// Sends the action to a profile as [`Against::put_to`] does, for a review that no permission spares where the bundle says so.
    fn review(bundle: &BundleData, asked: bool) -> Self {
        let review = &bundle.head.review;
        Self { look: asked && review.each_time, ..Self::put_to(review.profile.as_ref(), asked) }
    }
}
