//! Checks of `break_glass.toml`: that two people can turn the keys, and a third can look at it afterwards.

use std::collections::BTreeSet;

use types::PersonId;
use types::break_glass::{ACTIONS_MAX, LIFE_MINUTES_MAX};

use super::Check;

const FILE: &str = "break_glass.toml";

/// Is how long a review may take at most, in hours: 30 days.
const REVIEW_HOURS_MAX: i64 = 720;

impl Check<'_> {
    /// Checks `break_glass.toml`.
    pub(super) fn break_glass(&mut self) {
        let Some(rules) = &self.data.break_glass else { return };
        self.number(FILE, &["minutes"], rules.minutes.into(), 1..=LIFE_MINUTES_MAX.into());
        self.number(FILE, &["actions"], rules.actions.into(), 1..=ACTIONS_MAX.into());
        self.number(FILE, &["review_hours"], rules.review_hours.into(), 1..=REVIEW_HOURS_MAX);
        if self.report.is_broken("people.toml") {
            return;
        }
        let empty: Vec<&String> = rules.groups.iter().filter(|group| self.members(group).is_empty()).collect();
        for group in empty {
            self.report.at(FILE, &["groups"], format!("nobody in `people.toml` is in the group `{group}`"));
        }
        let keys: BTreeSet<&PersonId> = rules.groups.iter().flat_map(|group| self.members(group)).collect();
        let reviewers = self.members(&rules.reviewers);
        // Whichever two turn the keys, somebody else must be left.
        let nobody_left = reviewers.len() < 3 && reviewers.iter().all(|person| keys.contains(*person));
        let keys = keys.len();
        if keys < 2 {
            let help = "it takes two different people, each with a key of their own";
            let message = format!("nobody could ever break the glass: {keys} may turn a key");
            self.report.at_with_help(FILE, &["groups"], message, help);
        }
        if nobody_left {
            let help = "whoever turned a key does not review; name a group with others in it, or with three people";
            let message = format!("nobody might be left in the group `{}` who may review it", rules.reviewers);
            self.report.at_with_help(FILE, &["reviewers"], message, help);
        }
    }
}
