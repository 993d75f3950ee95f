//! Checks of the checks: ones that look in no way or in two, that could never be violated, or that promise to take back what nothing takes back.

use regex::Regex;
use serde_json::Value;
use types::check::{Check as Rule, Expect, FOR_MS_MAX, Http, LOOK_MS_MAX, LOOKS_MAX, LogFile, Query};
use types::glob::Glob;
use types::{EffectClass, reversal};

use super::Check;

const FILE: &str = "checks.toml";

/// Is how long is between two looks at least, in milliseconds.
const EVERY_MS_MIN: i64 = 100;

impl Check<'_> {
    /// Checks `checks.toml`.
    pub(super) fn checks(&mut self) {
        for (name, rule) in &self.data.checks {
            self.check_rule(name.as_str(), rule);
        }
    }

    fn check_rule(&mut self, name: &str, rule: &Rule) {
        let path = |key: &'static str| ["checks", name, key];
        if let Some(scope) = &rule.covers {
            self.covers_agents(FILE, "checks", name, scope);
        }
        self.number(FILE, &path("after_ms"), rule.after_ms, 0..=FOR_MS_MAX);
        self.number(FILE, &path("every_ms"), rule.every_ms, EVERY_MS_MIN..=FOR_MS_MAX);
        self.number(FILE, &path("for_ms"), rule.for_ms, 0..=FOR_MS_MAX);
        let between = if rule.for_ms == 0 { LOOK_MS_MAX } else { rule.every_ms.clamp(1, LOOK_MS_MAX) };
        self.number(FILE, &path("deadline_ms"), rule.deadline_ms(), 1..=between);
        self.number(FILE, &path("of_last"), rule.of_last().into(), 1..=LOOKS_MAX.into());
        self.number(FILE, &path("failures"), rule.failures().into(), 1..=rule.of_last().clamp(1, LOOKS_MAX).into());
        if rule.looks() < i64::from(rule.failures()) {
            let message = format!(
                "it looks {} times (`for_ms` by `every_ms`), so `failures` of {} never come together: look longer or more often, or set `failures`",
                rule.looks(),
                rule.failures()
            );
            self.report.at(FILE, &["checks", name], message);
        }
        match rule.ways().as_slice() {
            [way] => self.expectation(name, way, rule.expect.as_ref()),
            [] => {
                let message =
                    "it says in no way how to look: one of `http`, `prometheus`, `tool`, `sql`, `log`, `command`";
                self.report.at(FILE, &["checks", name], message);
            }
            several => {
                let message = format!("it looks in one way, not in {}: `{}`", several.len(), several.join("`, `"));
                self.report.at(FILE, &["checks", name], message);
            }
        }
        self.ways(name, rule);
        let obliged =
            self.data.obligations.values().any(|one| one.verify.as_ref().is_some_and(|own| own.as_str() == name));
        if rule.covers.is_none() && !obliged && !rule.by_name {
            self.report.at(
                FILE,
                &["checks", name],
                "it watches nothing: say what it `covers`, name it in an obligation's `verify`, or say `by_name = true` if steps of sagas name it",
            );
        }
        if rule.undo {
            self.can_be_undone(name, rule);
        }
    }

    /// Demands what is expected where a value is seen, and nothing where none is.
    fn expectation(&mut self, name: &str, way: &str, expect: Option<&Expect>) {
        let path = ["checks", name, "expect"];
        let Some(expect) = expect else {
            if matches!(way, "prometheus" | "tool" | "sql") {
                self.report.at(
                    FILE,
                    &["checks", name],
                    format!("`{way}` sees a value, and `expect` does not say which is good"),
                );
            }
            return;
        };
        if matches!(way, "log" | "command") {
            return self.report.at(FILE, &path, format!("`{way}` sees no value, so nothing can be expected of one"));
        }
        if expect.equals.is_none() && expect.most.is_none() && expect.least.is_none() {
            self.report.at(FILE, &path, "it expects nothing: say `equals`, `most` or `least`");
        }
        if expect.equals.is_some() && (expect.most.is_some() || expect.least.is_some()) {
            self.report.at(FILE, &path, "it says either `equals`, or `most` and `least`");
        }
        let bounds = expect.most.as_ref().zip(expect.least.as_ref());
        if bounds.is_some_and(|(most, least)| most.as_f64() < least.as_f64()) {
            self.report.at(FILE, &path, "`most` is less than `least`, so nothing is ever good");
        }
        if way == "prometheus" && expect.equals.is_some() {
            self.report.at(FILE, &path, "what Prometheus answers are numbers: say `most` or `least`");
        }
        if !expect.at.is_empty() && !expect.at.starts_with('/') {
            self.report.at(FILE, &["checks", name, "expect", "at"], "it is no JSON Pointer, which starts with `/`");
        }
        if let Some(equals) = &expect.equals {
            self.names_known(&["checks", name, "expect", "equals"], equals);
        }
    }

    fn ways(&mut self, name: &str, rule: &Rule) {
        if let Some(http) = &rule.http {
            self.http(name, http, rule.deadline_ms());
        }
        if let Some(prometheus) = &rule.prometheus {
            self.address(&["checks", name, "prometheus", "url"], &prometheus.url);
            self.filled(FILE, &["checks", name, "prometheus", "query"], &prometheus.query);
        }
        if let Some(call) = &rule.tool {
            let path = ["checks", name, "tool", "name"];
            self.known_tool(FILE, &path, &Glob(call.name.to_string()));
            let effect = self.data.tools.get(&call.name).map(|tool| tool.effect);
            if effect.is_some_and(|effect| effect != EffectClass::Read) {
                self.report.at(FILE, &path, format!("`{}` does not only read, and nobody would decide it", call.name));
            }
            if let Err(error) = call.arguments.check(false) {
                self.report.at(FILE, &["checks", name, "tool", "arguments"], error.to_string());
            }
        }
        if let Some(query) = &rule.sql {
            self.query(name, query);
        }
        if let Some(log) = &rule.log {
            self.log_file(name, log);
        }
        if let Some(run) = &rule.command
            && run.run.first().is_none_or(String::is_empty)
        {
            self.report.at(FILE, &["checks", name, "command", "run"], "it names no command");
        }
    }

    fn http(&mut self, name: &str, http: &Http, deadline_ms: i64) {
        self.address(&["checks", name, "http", "url"], &http.url);
        self.number(FILE, &["checks", name, "http", "status"], http.status.into(), 100..=599);
        if let Some(slow_ms) = http.slow_ms {
            self.number(FILE, &["checks", name, "http", "slow_ms"], slow_ms, 1..=deadline_ms.max(1));
        }
    }

    fn query(&mut self, name: &str, query: &Query) {
        let path = |key: &'static str| ["checks", name, "sql", key];
        if query.sqlite.is_some() == query.postgres.is_some() {
            self.report.at(FILE, &["checks", name, "sql"], "it asks either a file, `sqlite`, or a server, `postgres`");
        }
        self.filled(FILE, &path("query"), &query.query);
        for argument in &query.arguments {
            self.names_known(&path("arguments"), argument);
        }
    }

    fn log_file(&mut self, name: &str, log: &LogFile) {
        let path = |key: &'static str| ["checks", name, "log", key];
        self.filled(FILE, &path("file"), &log.file);
        for (key, pattern) in [("bad", Some(&log.bad)), ("good", log.good.as_ref())] {
            match pattern.map(|pattern| (pattern.is_empty(), Regex::new(pattern))) {
                Some((true, _)) => self.report.at(FILE, &path(key), "it is empty, and so matches every line"),
                Some((_, Err(error))) => {
                    self.report.at(FILE, &path(key), format!("it is no regular expression: {error}"))
                }
                _ => {}
            }
        }
    }

    fn names_known(&mut self, path: &[&str], value: &Value) {
        if let Err(error) = reversal::checked(value) {
            self.report.at(FILE, path, error.to_string());
        }
    }

    fn address(&mut self, path: &[&str], url: &str) {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            self.report.at(FILE, path, format!("`{url}` is no address of `http` or `https`"));
        }
    }

    /// Demands that every tool that changes something and is covered can be taken back: what cannot be is said before, and not once it is needed.
    fn can_be_undone(&mut self, name: &str, rule: &Rule) {
        let Some(scope) = &rule.covers else { return };
        let covered = self
            .data
            .changing()
            .filter(|(tool, entry)| scope.class.matches(entry.class.as_str()) && scope.tool.matches(&tool.to_string()));
        let without: Vec<String> =
            covered.filter(|(_, entry)| entry.undo.is_none()).map(|(tool, _)| format!("`{tool}`")).collect();
        if !without.is_empty() {
            let message = format!("it would take back what has no `undo` in the catalogue: {}", without.join(", "));
            self.report.at(FILE, &["checks", name, "undo"], message);
        }
    }
}
