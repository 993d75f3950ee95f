//! Authority review: authority that is there and was not used for a while, or that has grown.
//!
//! [`Review`] is taken record by record and remembers when each piece of authority was used last. What it says against a bundle is
//! a list for people to look at: nothing is taken away by it, and nothing decided.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Content, Leaf, RecordKind, bodies};
use policy::Bundle;
use serde::Serialize;
use stages::escalation;
use types::bundle::BundleData;
use types::delegation::Delegation;
use types::{
    AgentId, AutonomyLevel, ClassId, Decision, Digest, Grant, Millis, Permission, PermissionId, PersonId, PolicyId,
    ProfileId, Restriction, Verdict,
};

use crate::bundles::Bundles;
use crate::fold::{Event, Said};

/// Says what is noticed of a piece of authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConcernKind {
    /// A level was given by hand, and the agent was permitted nothing in the class.
    LevelUnused,
    /// A level was given by hand, and whatever the agent was permitted in the class ran on people's word.
    LevelUnexercised,
    /// A policy that permits has permitted nothing.
    PolicyUnused,
    /// Nothing was put to people by a profile, nor by one whose path leads to it.
    ProfileUnasked,
    /// A person may vote and has cast no vote.
    PersonSilent,
    /// A vote lies in another's hand, who has not used it.
    DelegationUnused,
    /// A permission that an agent asked for was not used.
    PermissionUnused,
    /// A group that profiles ask has people who were not in it before.
    GroupGrown,
}

impl ConcernKind {
    /// Returns the name used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LevelUnused => "level_unused",
            Self::LevelUnexercised => "level_unexercised",
            Self::PolicyUnused => "policy_unused",
            Self::ProfileUnasked => "profile_unasked",
            Self::PersonSilent => "person_silent",
            Self::DelegationUnused => "delegation_unused",
            Self::PermissionUnused => "permission_unused",
            Self::GroupGrown => "group_grown",
        }
    }
}

/// Is one piece of authority that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Concern {
    /// What is noticed.
    pub kind: ConcernKind,
    /// Of whom or what: a name, or several in a line.
    pub about: String,
    /// When it was used last, before the period; absent if never in this journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<Millis>,
    /// The same in words.
    pub says: String,
}

/// Is the authority that is there.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// The active bundle.
    pub bundle: &'a Bundle,
    /// What the bundle said that was active when the period began; `None` if the journal is younger, or it is not at hand.
    pub before: Option<&'a Bundle>,
    /// Levels given by hand.
    pub grants: &'a BTreeMap<(AgentId, ClassId), Grant>,
    /// Votes in others' hands.
    pub delegations: &'a BTreeMap<String, Delegation>,
}

/// Is a permission that was given, and what became of it.
#[derive(Debug, Clone)]
struct Lent {
    given: Permission,
    /// When it ends or has ended, by its time, a revocation or a new bundle; its last use is told by `used`.
    until: Millis,
    used: Option<Millis>,
}

impl Lent {
    fn end(&mut self, at: Millis) {
        self.until = self.until.min(at);
    }
}

/// Remembers when each piece of authority was used last.
#[derive(Debug, Clone, Default)]
pub struct Review {
    people: BTreeMap<PersonId, Millis>,
    delegations: BTreeMap<String, Millis>,
    permissions: BTreeMap<PermissionId, Lent>,
    profiles: BTreeMap<ProfileId, Millis>,
    policies: BTreeMap<PolicyId, Millis>,
    /// When an agent was permitted something of a class, and when without people.
    runs: BTreeMap<(AgentId, ClassId), (Millis, Option<Millis>)>,
    /// The bundles in the order in which they became active.
    bundles: Vec<(Millis, Digest)>,
}

impl Review {
    /// Takes the next record; of one whose content was erased nothing is known.
    pub fn take(&mut self, leaf: &Leaf, content: Option<&Content>, bundles: &Bundles) {
        let Some(content) = content else { return };
        match leaf.kind {
            RecordKind::Decided => drop(self.decided(leaf, content, bundles)),
            RecordKind::Vote | RecordKind::Bundle | RecordKind::Grant => {
                if let Ok(Said::Other(event)) = Said::read(leaf, content) {
                    self.said(event, leaf.at);
                }
            }
            _ => {}
        }
    }

    fn said(&mut self, event: Event<'_>, at: Millis) {
        match event {
            Event::Voted(vote) => {
                if let Some(proxy) = &vote.proxy {
                    self.delegations.insert(types::delegation::key(&proxy.person, &vote.person), vote.at);
                }
                self.people.insert(vote.person, vote.at);
            }
            Event::Activated(digest) => {
                self.bundles.push((at, digest));
                self.permissions.values_mut().filter(|lent| lent.given.bundle != digest).for_each(|lent| lent.end(at));
            }
            Event::Permitted(given) => {
                self.permissions.insert(given.id, Lent { until: given.expires, used: None, given: *given });
            }
            Event::Revoked(id) => {
                if let Some(lent) = self.permissions.get_mut(&id) {
                    lent.end(at);
                }
            }
            _ => {}
        }
    }

    fn used(&mut self, decision: &Decision, at: Millis) {
        let used = stages::permission::used(&decision.findings, &decision.facts);
        if let Some(lent) = used.and_then(|id| self.permissions.get_mut(&id)) {
            lent.used = Some(at);
            // With its last use it is gone, and lies idle no more.
            if decision.facts.int("permission.left") == Some(1) {
                lent.end(at);
            }
        }
    }

    fn decided(&mut self, leaf: &Leaf, content: &Content, bundles: &Bundles) -> Option<()> {
        // Nothing is used by a denial.
        let decision = bodies::decision(content).filter(|_| leaf.verdict.is_some_and(|rank| rank < 3))?;
        let bundle = bundles.get(&decision.bundle).ok()?.data();
        if let Verdict::Escalate(profiles) = &decision.verdict {
            let paths = profiles.iter().flat_map(|id| escalation::profiles(bundle, id));
            self.profiles.extend(paths.map(|(id, _)| (id.clone(), leaf.at)));
            return Some(());
        }
        self.used(&decision, leaf.at);
        self.policies.extend(decision.policies.iter().map(|id| (id.clone(), leaf.at)));
        let proposal = bodies::proposer(content)?;
        let class = bundle.tools.get(&proposal.tool)?.class.clone();
        let run = self.runs.entry((proposal.principal.agent()?.clone(), class)).or_default();
        run.0 = leaf.at;
        // With an escalation among its findings it ran on people's word: an approval, a permission or a break-glass.
        if !decision.findings.iter().any(|finding| matches!(finding.restriction, Restriction::Escalate(_))) {
            run.1 = Some(leaf.at);
        }
        Some(())
    }

    /// Returns the digest of the bundle that was active at an instant; `None` before the first.
    pub fn active_at(&self, at: Millis) -> Option<Digest> {
        self.bundles.iter().take_while(|(since, _)| *since <= at).last().map(|(_, digest)| *digest)
    }

    /// Lists what should be looked at, in order of kind and name.
    ///
    /// Only what was there when the period began can be found unused: what the bundle of that time does not have was not left lying.
    ///
    /// - `since`: when the period begins; `now`: when it ends.
    pub fn concerns(&self, since: Millis, now: Millis, held: &Held<'_>) -> Vec<Concern> {
        let mut all = self.levels(since, now, held);
        all.extend(self.stand_ins(since, now, held));
        all.extend(self.lent(since, now));
        if let Some(before) = held.before {
            all.extend(self.policies(since, held.bundle, before));
            all.extend(self.profiles(since, held.bundle.data(), before.data()));
            all.extend(self.people(since, held.bundle.data(), before.data()));
            all.extend(grown(held.bundle.data(), before.data()));
        }
        all.sort();
        all
    }

    fn levels(&self, since: Millis, now: Millis, held: &Held<'_>) -> Vec<Concern> {
        let given = held.grants.values().filter(|grant| grant.at <= since && now < grant.expires);
        let given = given.filter(|grant| grant.level > AutonomyLevel::L0);
        let concern = |grant: &Grant| {
            let (last, alone) = self.runs.get(&(grant.agent.clone(), grant.class.clone())).copied().unzip();
            let about = format!("{} {} {}", grant.agent, grant.class, grant.level);
            let who = format!("{} has {} for {}", grant.agent, grant.level, grant.class);
            if last.is_none_or(|at| at < since) {
                let says = format!("{who} and was permitted nothing there");
                return Some(Concern { kind: ConcernKind::LevelUnused, about, used: last, says });
            }
            let used = alone.flatten();
            let runs_alone = grant.level >= AutonomyLevel::L2;
            let says = format!("{who}, and all it was permitted there ran on the word of people");
            (runs_alone && used.is_none_or(|at| at < since)).then_some(Concern {
                kind: ConcernKind::LevelUnexercised,
                about,
                used,
                says,
            })
        };
        given.filter_map(concern).collect()
    }

    fn stand_ins(&self, since: Millis, now: Millis, held: &Held<'_>) -> Vec<Concern> {
        let open = held.delegations.values().filter(|given| given.at <= since && given.holds_at(now));
        let concern = |given: &Delegation| {
            let used = self.delegations.get(&given.key()).copied().filter(|used| *used >= given.at);
            let says = format!("{} may vote for {} and has not", given.to, given.from);
            let about = format!("{} for {}", given.to, given.from);
            used.is_none_or(|at| at < since).then_some(Concern {
                kind: ConcernKind::DelegationUnused,
                about,
                used,
                says,
            })
        };
        open.filter_map(concern).collect()
    }

    /// Lists the permissions that stood unused from before the period on, and such as ended in it unused: most last for less.
    fn lent(&self, since: Millis, now: Millis) -> Vec<Concern> {
        let open = self.permissions.values().filter(|lent| lent.until > since);
        let open = open.filter(|lent| lent.given.at <= since || lent.until <= now);
        let concern = |lent: &Lent| {
            let (agent, terms) = (&lent.given.agent, &lent.given.terms);
            let about = format!("{agent} {}", types::text::escape(&terms.tool.to_string(), false));
            let says = format!("{agent} was permitted {}, {}, and did not use it", terms.told(), terms.told_limits());
            let kind = ConcernKind::PermissionUnused;
            lent.used.is_none_or(|at| at < since).then_some(Concern { kind, about, used: lent.used, says })
        };
        open.filter_map(concern).collect()
    }

    fn policies(&self, since: Millis, now: &Bundle, before: &Bundle) -> Vec<Concern> {
        let old: BTreeSet<&str> = before.permits().collect();
        let concern = |id: &str| {
            let used = id.parse().ok().and_then(|id: PolicyId| self.policies.get(&id).copied());
            let says = format!("the policy `{id}` has permitted nothing");
            let kind = ConcernKind::PolicyUnused;
            used.is_none_or(|at| at < since).then_some(Concern { kind, about: id.to_owned(), used, says })
        };
        now.permits().filter(|id| old.contains(id)).filter_map(concern).collect()
    }

    fn profiles(&self, since: Millis, now: &BundleData, before: &BundleData) -> Vec<Concern> {
        let concern = |id: &ProfileId| {
            let used = self.profiles.get(id).copied();
            let says = format!("nothing was put to people by the profile `{id}`");
            let kind = ConcernKind::ProfileUnasked;
            used.is_none_or(|at| at < since).then_some(Concern { kind, about: id.to_string(), used, says })
        };
        now.profiles.keys().filter(|id| before.profiles.contains_key(*id)).filter_map(concern).collect()
    }

    fn people(&self, since: Millis, now: &BundleData, before: &BundleData) -> Vec<Concern> {
        let (asked, was_asked) = (voters(now), voters(before));
        let concern = |(person, groups): (&PersonId, &BTreeSet<String>)| {
            let used = self.people.get(person).copied();
            let through: Vec<&str> = groups.iter().map(String::as_str).collect();
            let says = format!("{person} may vote ({}) and has cast no vote", through.join(", "));
            let kind = ConcernKind::PersonSilent;
            used.is_none_or(|at| at < since).then_some(Concern { kind, about: person.to_string(), used, says })
        };
        asked.iter().filter(|(person, _)| was_asked.contains_key(*person)).filter_map(concern).collect()
    }
}

/// Returns who may be asked by some profile, with the groups and schedules by which they are.
fn voters(bundle: &BundleData) -> BTreeMap<PersonId, BTreeSet<String>> {
    let mut all: BTreeMap<PersonId, BTreeSet<String>> = BTreeMap::new();
    for profile in bundle.profiles.values() {
        let rota = profile.on_call.as_ref().and_then(|name| bundle.schedules.get(name).map(|rota| (name, rota)));
        for (id, person) in bundle.people.iter().filter(|(id, _)| !bundle.is_auditor(id)) {
            let group = profile.group.as_ref().filter(|group| person.groups.contains(*group));
            let turn = rota
                .filter(|(_, rota)| rota.people.contains(id) || rota.overrides.iter().any(|over| over.person == *id));
            let by = match (&profile.group, rota) {
                (_, Some(_)) if profile.group.is_some() && group.is_none() => None,
                (_, Some(_)) => turn.map(|(name, _)| name.to_string()),
                (Some(_), None) => group.cloned(),
                (None, None) => None,
            };
            if let Some(by) = by {
                all.entry(id.clone()).or_default().insert(by);
            }
        }
    }
    all
}

/// Lists the groups that profiles ask and that have people who were not in them before.
fn grown(now: &BundleData, before: &BundleData) -> Vec<Concern> {
    let asked: BTreeSet<&String> = now.profiles.values().filter_map(|profile| profile.group.as_ref()).collect();
    let is_in = |bundle: &BundleData, person: &PersonId, group: &String| {
        bundle.people.get(person).is_some_and(|person| person.groups.contains(group))
    };
    let concern = |group: &String| {
        let new: Vec<&str> = now
            .people
            .keys()
            .filter(|id| is_in(now, id, group) && !is_in(before, id, group))
            .map(PersonId::as_str)
            .collect();
        let says = format!("the group `{group}` has grown by {}", new.join(", "));
        let kind = ConcernKind::GroupGrown;
        (!new.is_empty()).then_some(Concern { kind, about: group.clone(), used: None, says })
    };
    asked.into_iter().filter_map(concern).collect()
}
