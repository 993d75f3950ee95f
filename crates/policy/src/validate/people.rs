//! Checks of who is who: authors, agents, groups, profiles and workflows.

use std::collections::BTreeSet;

use types::PersonId;
use types::bundle::Profile;
use types::profile::{DECISIONS_MAX, PastBudget};

use super::Check;
use crate::problem::counted;

const DAY_MS: i64 = 86_400_000;

impl Check<'_> {
    /// Checks `bundle.toml`.
    pub(super) fn head(&mut self) {
        let file = "bundle.toml";
        let head = &self.data.head;
        if !self.report.is_broken(file) {
            self.filled(file, &["name"], &head.name);
        }
        for author in &head.authors {
            self.person(file, &["authors"], author);
        }
        let review = &head.review;
        self.profile(file, &["review", "profile"], review.profile.as_ref());
        self.number(file, &["review", "confidence_below_bp"], review.confidence_below_bp.into(), 0..=10_000);
        for (n, amount) in review.amounts.iter().enumerate() {
            self.pointer(file, &["review", "amounts", &n.to_string(), "pointer"], &amount.pointer);
            self.known_tool(file, &["review", "amounts", &n.to_string(), "tool"], &amount.tool);
        }
        for (n, trigger) in review.plans.iter().enumerate() {
            let n = n.to_string();
            self.planned(file, &["review", "plans", &n, "amount"], &trigger.amount);
            self.known_tool(file, &["review", "plans", &n, "tool"], &trigger.tool);
            if trigger.above.is_none() && trigger.below.is_none() {
                self.report.at(file, &["review", "plans", &n], "a plan's amount needs `above` or `below`");
            }
        }
        for word in review.words.iter().filter(|word| word.trim().is_empty()) {
            self.filled(file, &["review", "words"], word);
        }
        self.number(file, &["hold", "wait_ms_max"], head.hold.wait_ms_max, 0..=DAY_MS);
        self.number(file, &["hold", "open_cases_max"], head.hold.open_cases_max.into(), 1..=i64::MAX);
    }

    /// Checks `agents.toml`.
    pub(super) fn agents(&mut self) {
        for (name, agent) in &self.data.agents {
            let path = ["agents", name.as_str()];
            self.person("agents.toml", &[path[0], path[1], "owner"], &agent.owner);
            for person in &agent.on_behalf_of {
                self.person("agents.toml", &[path[0], path[1], "on_behalf_of"], person);
            }
            self.model_family(&path, agent);
        }
    }

    /// Keeps auditors out of every group, since a group gives rights and votes.
    pub(super) fn auditors(&mut self) {
        for (name, person) in &self.data.people {
            if self.data.is_auditor(name) && !person.groups.is_empty() {
                let message = format!("`{name}` is an auditor, and so in no group");
                let help = "a group gives rights and votes, an auditor has neither; take the groups or the role away";
                self.report.at_with_help("people.toml", &["people", name.as_str(), "groups"], message, help);
            }
        }
    }

    /// Checks `escalation.toml`.
    pub(super) fn profiles(&mut self) {
        for (name, profile) in &self.data.profiles {
            let path = ["profiles", name.as_str()];
            self.number("escalation.toml", &[path[0], path[1], "approvals"], profile.approvals.into(), 1..=i64::MAX);
            self.number("escalation.toml", &[path[0], path[1], "timeout_ms"], profile.timeout_ms, 1_000..=30 * DAY_MS);
            if let Some(budget) = profile.decisions_per_hour {
                let at = [path[0], path[1], "decisions_per_hour"];
                self.number("escalation.toml", &at, budget.into(), 1..=DECISIONS_MAX.into());
            }
            self.past_budget(&path, profile);
            self.group(&path, profile);
            self.on_call(&path, profile);
            self.review_by(&path, profile);
            self.path(&path, profile);
        }
    }

    /// Demands that what happens past a budget can happen.
    fn past_budget(&mut self, path: &[&str; 2], profile: &Profile) {
        let (file, at) = ("escalation.toml", &[path[0], path[1], "past_budget"]);
        if profile.past_budget != PastBudget::Queue && profile.decisions_per_hour.is_none() {
            self.report.at(file, at, "without `decisions_per_hour` there is no budget that could be spent");
        }
        if profile.past_budget == PastBudget::Next && profile.otherwise.is_none() {
            self.report.at(file, at, "`next` needs an `otherwise` that is asked then");
        }
        let next = profile.otherwise.as_ref().and_then(|id| self.data.profiles.get(id));
        let is_weaker = |next: &Profile| {
            next.approvals < profile.approvals
                || (profile.signed && !next.signed)
                || (profile.review_first && !next.review_first)
        };
        if profile.past_budget == PastBudget::Next && next.is_some_and(is_weaker) {
            let help = "whoever asks often decides when that is; demand of `otherwise` as many approvals, `signed` and `review_first`";
            self.report.at_with_help(file, at, "`next` would ask people of whom less is demanded", help);
        }
    }

    /// Demands that a path of escalation comes to an end, and within 30 days.
    fn path(&mut self, path: &[&str; 2], profile: &Profile) {
        let (file, at) = ("escalation.toml", &[path[0], path[1], "otherwise"]);
        self.profile(file, at, profile.otherwise.as_ref());
        let (mut seen, mut next, mut length) = (vec![path[1]], profile.otherwise.as_ref(), time_of(profile));
        while let Some((id, step)) = next.and_then(|id| self.data.profiles.get_key_value(id)) {
            if seen.contains(&id.as_str()) {
                let way = [&seen[..], &[id.as_str()]].concat().join(" → ");
                let help = "the end of a path is a refusal; take one `otherwise` of them away";
                return self.report.at_with_help(file, at, format!("the path comes back to itself: {way}"), help);
            }
            seen.push(id.as_str());
            (next, length) = (step.otherwise.as_ref(), length.saturating_add(time_of(step)));
        }
        if length > 30 * DAY_MS {
            let message = format!("the path {} takes {length} ms, more than 30 days", seen.join(" → "));
            self.report.at(file, at, message);
        }
    }

    /// Demands that enough people may vote once those are left out who never may.
    ///
    /// The requester and the agent's owner are left out case by case; the authors of the bundle always,
    /// unless `solo` is set.
    fn group(&mut self, path: &[&str; 2], profile: &Profile) {
        let Some(group) = profile.group.as_ref().filter(|_| !self.report.is_broken("people.toml")) else { return };
        let at = &[path[0], path[1], "group"];
        let members = self.members(group);
        if members.is_empty() {
            self.report.at("escalation.toml", at, format!("nobody in `people.toml` is in the group `{group}`"));
            return;
        }
        let head = &self.data.head;
        let voters = members.iter().filter(|person| head.solo || !head.authors.contains(**person)).count();
        if voters < usize::try_from(profile.approvals).unwrap_or(usize::MAX) {
            let message = format!(
                "nobody could ever approve: `{}` asks for {}, but only {voters} of the group `{group}` may vote",
                path[1],
                counted(usize::try_from(profile.approvals).unwrap_or(usize::MAX), "approval"),
            );
            let help =
                "authors of the bundle do not vote; add people to the group, or set `solo = true` in bundle.toml";
            self.report.at_with_help("escalation.toml", at, message, help);
        }
    }

    pub(super) fn members(&self, group: &str) -> BTreeSet<&PersonId> {
        let people = self.data.people.iter();
        people.filter(|(_, person)| person.groups.contains(group)).map(|(name, _)| name).collect()
    }

    /// Checks `workflows/*.toml`.
    pub(super) fn workflows(&mut self) {
        for (name, workflow) in &self.data.workflows {
            let file = format!("workflows/{name}.toml");
            self.filled(&file, &["purpose"], &workflow.purpose);
            self.person(&file, &["owner"], &workflow.owner);
            for class in &workflow.boundary {
                self.class(&file, &["boundary"], class);
            }
            self.number(&file, &["review_days"], workflow.review_days.into(), 1..=i64::MAX);
        }
    }
}

/// Returns how long a step takes at most, in milliseconds: its reviewers' time before its people's, if those wait for it.
fn time_of(profile: &Profile) -> i64 {
    let before = if profile.review_first { profile.review_ms.max(0) } else { 0 };
    profile.timeout_ms.saturating_add(before)
}
