//! Checks of the breakers: rules that could never open, never close, or cover nobody.

use types::breaker::{ENDINGS_MAX, PERMITS_MAX, PROBES_MAX};
use types::bundle::{BulkRule, CircuitRule, Scope};

use super::Check;

const FILE: &str = "breakers.toml";

impl Check<'_> {
    /// Checks `breakers.toml`.
    pub(super) fn breakers(&mut self) {
        let breakers = &self.data.breakers;
        for (name, rule) in &breakers.circuits {
            self.circuit(name.as_str(), rule);
        }
        for (name, rule) in &breakers.bulks {
            self.bulk(name.as_str(), rule);
        }
    }

    fn circuit(&mut self, name: &str, rule: &CircuitRule) {
        let path = |key: &'static str| ["circuits", name, key];
        self.covers_agents(FILE, "circuits", name, &rule.covers);
        self.number(FILE, &path("of_last"), rule.of_last.into(), 1..=ENDINGS_MAX.into());
        self.number(FILE, &path("failures"), rule.failures.into(), 1..=rule.of_last.clamp(1, ENDINGS_MAX).into());
        self.number(FILE, &path("within_ms"), rule.within_ms, 1..=i64::MAX);
        self.number(FILE, &path("pause_ms"), rule.pause_ms, 1..=i64::MAX);
        self.number(FILE, &path("pause_ms_max"), rule.pause_ms_max, rule.pause_ms.max(1)..=i64::MAX);
        self.number(FILE, &path("probes"), rule.probes.into(), 1..=PROBES_MAX.into());
        self.number(FILE, &path("successes"), rule.successes.into(), 1..=i64::from(u32::MAX));
    }

    fn bulk(&mut self, name: &str, rule: &BulkRule) {
        let path = |key: &'static str| ["bulks", name, key];
        self.covers_agents(FILE, "bulks", name, &rule.covers);
        self.profile(FILE, &path("profile"), rule.profile.as_ref());
        self.number(FILE, &path("permits_max"), rule.permits_max.into(), 1..=PERMITS_MAX.into());
        self.number(FILE, &path("within_ms"), rule.within_ms, 1..=i64::MAX);
        if let Some(hold_ms) = rule.hold_ms {
            self.number(FILE, &path("hold_ms"), hold_ms, 1..=i64::MAX);
        }
        if rule.counts.is_empty() {
            self.report.at(FILE, &path("counts"), "a bulk breaker that counts nothing never stops anybody");
        }
    }

    /// Demands that what is covered are agents: nobody else is stopped or watched.
    pub(super) fn covers_agents(&mut self, file: &str, section: &str, name: &str, scope: &Scope) {
        self.scope_in(file, section, name, scope);
        if scope.agent.0.starts_with("person:") {
            let message = "this covers agents alone, never a person";
            self.report.at(file, &[section, name, "covers", "agent"], message);
        }
    }
}
