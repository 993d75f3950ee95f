//! How the rules read the facts: by name, and never with a default.

use std::collections::BTreeSet;

use types::bundle::{BundleData, Class, Profile, Scope};
use types::profile::PastBudget;
use types::{ActionProposal, ClassId, Facts, PermissionId, Principal, ProfileId};

/// Is one action as the rules see it.
pub(crate) struct Reading<'a> {
    pub(crate) proposal: &'a ActionProposal,
    pub(crate) facts: &'a Facts,
    pub(crate) bundle: &'a BundleData,
}

/// Is what the sequencer knows besides counters: who has approved, and whether people may be asked.
pub(crate) struct Door<'a> {
    pub(crate) met: BTreeSet<&'a str>,
    round: i64,
    open: i64,
    unattended: BTreeSet<&'a str>,
    spent: BTreeSet<&'a str>,
    /// The profiles for which a permission stands that covers the action, if one does.
    permitted: Option<BTreeSet<&'a str>>,
}

impl<'a> Reading<'a> {
    pub(crate) fn is(&self, name: &str) -> Option<bool> {
        self.facts.bool(name)
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.facts.int(name)
    }

    /// Says whether a text is a certain word.
    pub(crate) fn is_text(&self, name: &str, word: &str) -> Option<bool> {
        self.facts.text(name).map(|text| text == word)
    }

    /// Reads a number that may be absent: the outer `None` is a fact of another type.
    pub(crate) fn number_if_any(&self, name: &str) -> Option<Option<i64>> {
        if self.facts.get(name).is_none() { Some(None) } else { self.facts.int(name).map(Some) }
    }

    pub(crate) fn is_empty(&self, name: &str) -> Option<bool> {
        Some(self.facts.list(name)?.is_empty())
    }

    pub(crate) fn by_agent(&self) -> bool {
        matches!(self.proposal.principal, Principal::Agent(_))
    }

    /// Lists whose rights must both suffice: who proposes, and on whose behalf.
    pub(crate) fn askers(&self) -> Vec<Principal> {
        let delegator = self.proposal.on_behalf_of.clone().map(Principal::Person);
        std::iter::once(self.proposal.principal.clone()).chain(delegator).collect()
    }

    pub(crate) fn class(&self) -> Option<Option<&'a Class>> {
        let name = self.facts.text("tool.class")?;
        Some(ClassId::new(name).ok().and_then(|id| self.bundle.classes.get(&id)))
    }

    pub(crate) fn environment(&self) -> Option<&'a str> {
        self.facts.text("resource.env")
    }

    /// Keeps the limits that cover the action. An environment nobody knows is inside every pattern.
    pub(crate) fn covering<Id, Limit>(
        &self,
        limits: &'a std::collections::BTreeMap<Id, Limit>,
        scope: impl Fn(&Limit) -> &Scope,
    ) -> Option<Vec<(&'a Id, &'a Limit)>> {
        let class = self.facts.text("tool.class")?;
        let who = match &self.proposal.principal {
            Principal::Agent(agent) => agent.to_string(),
            Principal::Person(person) => format!("person:{person}"),
        };
        let what = self.proposal.tool.to_string();
        let inside = |limit: &Limit| {
            let Scope { agent, class: of, tool, env } = scope(limit);
            let here = self.environment().is_none_or(|environment| env.matches(environment));
            agent.matches(&who) && of.matches(class) && tool.matches(&what) && here
        };
        Some(limits.iter().filter(|(_, limit)| inside(limit)).collect())
    }

    pub(crate) fn door(&self) -> Option<Door<'a>> {
        let met = self.facts.list("approval.met")?.iter().map(String::as_str).collect();
        let (round, open) = (self.number("approval.round")?, self.number("cases.open")?);
        let (unattended, spent) = (self.unattended()?, self.spent()?);
        Some(Door { met, round, open, unattended, spent, permitted: self.permitted() })
    }

    /// A permission has a name, a use left and an end that lies ahead, or it is none.
    fn permitted(&self) -> Option<BTreeSet<&'a str>> {
        let _: PermissionId = self.facts.text("permission.id")?.parse().ok()?;
        let good = self.number("permission.left")? > 0 && self.number("permission.expires_at")? > self.number("now")?;
        let met = self.facts.list("permission.met")?;
        good.then(|| met.iter().map(String::as_str).collect())
    }

    /// Where a profile asks whoever is on call, it must be known for which of them nobody is.
    fn unattended(&self) -> Option<BTreeSet<&'a str>> {
        if self.bundle.profiles.values().all(|profile| profile.on_call.is_none()) {
            return Some(BTreeSet::new());
        }
        Some(self.facts.list("approval.unattended")?.iter().map(String::as_str).collect())
    }

    /// Where a profile with a budget does not wait past it, it must be known for which of them nobody has room.
    fn spent(&self) -> Option<BTreeSet<&'a str>> {
        let waits =
            |profile: &Profile| profile.decisions_per_hour.is_none() || profile.past_budget == PastBudget::Queue;
        if self.bundle.profiles.values().all(waits) {
            return Some(BTreeSet::new());
        }
        Some(self.facts.list("approval.spent")?.iter().map(String::as_str).collect())
    }
}

impl Door<'_> {
    /// Says whether a permission stands for all of these people.
    pub(crate) fn is_open_for(&self, people: &BTreeSet<ProfileId>) -> bool {
        self.permitted.as_ref().is_some_and(|met| people.iter().all(|profile| met.contains(profile.as_str())))
    }

    /// Says whether a case for these profiles cannot be opened.
    pub(crate) fn is_shut_for(&self, missing: &BTreeSet<ProfileId>, bundle: &BundleData) -> bool {
        let nobody_there = missing.iter().any(|profile| !bundle.profiles.contains_key(profile));
        let nobody_on_call = missing.iter().any(|profile| self.unattended.contains(profile.as_str()));
        let nobody_has_room = missing.iter().any(|profile| self.spent.contains(profile.as_str()));
        nobody_has_room
            || nobody_on_call
            || self.round >= 2
            || self.open >= i64::from(bundle.head.hold.open_cases_max)
            || nobody_there
    }
}
