//! Checks of the baselines: rules that could never say anything, or name nobody.

use types::baseline::{AMOUNTS_MAX, BaselineRule, Before, WINDOW_DAYS_MAX};

use super::Check;

const FILE: &str = "behaviour.toml";

impl Check<'_> {
    /// Checks `behaviour.toml`.
    pub(super) fn behaviour(&mut self) {
        let data = self.data;
        for (name, rule) in &data.baselines {
            self.baseline(name.as_str(), rule);
        }
    }

    fn baseline(&mut self, name: &str, rule: &BaselineRule) {
        let path = |key: &'static str| ["baselines", name, key];
        self.covers_agents(FILE, "baselines", name, &rule.covers);
        for (key, is_narrow) in [("tool", !rule.covers.tool.is_any()), ("env", !rule.covers.env.is_any())] {
            if is_narrow {
                let says =
                    "a baseline learns from everything that an agent does in a class, so it covers no less; take `";
                self.report.at(FILE, &["baselines", name, "covers", key], format!("{says}{key}` away"));
            }
        }
        self.profile(FILE, &path("profile"), rule.profile.as_ref());
        self.number(FILE, &path("window_days"), rule.window_days.into(), 1..=WINDOW_DAYS_MAX.into());
        let hours = 24 * i64::from(rule.window_days.clamp(1, WINDOW_DAYS_MAX));
        self.number(FILE, &path("hours_min"), rule.hours_min.into(), 1..=hours);
        self.number(FILE, &path("seen_min"), rule.seen_min.into(), 1..=hours);
        self.number(FILE, &path("deviations"), rule.deviations.into(), 1..=100);
        self.number(FILE, &path("endings_min"), rule.endings_min.into(), 1..=i64::from(u32::MAX));
        if rule.watch.is_empty() {
            self.report.at(FILE, &path("watch"), "a baseline looks at something");
        }
        if rule.amounts.len() > AMOUNTS_MAX {
            self.report.at(FILE, &path("amounts"), format!("a baseline looks at {AMOUNTS_MAX} amounts at most"));
        }
        for pointer in &rule.amounts {
            self.pointer(FILE, &path("amounts"), pointer);
        }
        if rule.before == Before::Escalate && rule.profile.is_none() {
            self.report.at(FILE, &path("before"), "`escalate` needs a `profile` that looks");
        }
    }
}
