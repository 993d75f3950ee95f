//! Checks of the numbers: risk, obligations, rates, budgets, windows, freezes, impacts.

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use types::bundle::{Budget, Factor, Freeze, Impact, Rate, Scope, Window};
use types::glob::Glob;
use types::json::SAFE_INTEGER_MAX;
use types::time::minute_of_day;

use super::Check;
use crate::schema::is_admin_tool;

const FILE: &str = "limits.toml";
/// Is the largest bound on what an action asks for; what cannot be read counts as more than that.
const AMOUNT_MAX: i64 = SAFE_INTEGER_MAX.cast_signed();
pub(super) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Check<'_> {
    /// Checks `risk.toml`.
    pub(super) fn risk(&mut self) {
        let file = "risk.toml";
        let risk = &self.data.risk;
        self.number(file, &["observe_from"], risk.observe_from, 0..=i64::MAX);
        if risk.escalate_from < risk.observe_from {
            let message = format!("`escalate_from` is {}, it must not be below `observe_from`", risk.escalate_from);
            self.report.at(file, &["escalate_from"], message);
        }
        self.profile(file, &["profile"], risk.profile.as_ref());
        for (name, factor) in &risk.factors {
            self.factor(name, factor);
        }
    }

    fn factor(&mut self, name: &str, factor: &Factor) {
        let file = "risk.toml";
        let path = |key: &'static str| ["factors", name, key];
        self.filled(file, &path("fact"), &factor.fact);
        self.number(file, &path("max"), factor.max, 0..=i64::MAX);
        self.number(file, &path("per_unit"), factor.per_unit, 0..=i64::MAX);
        self.number(file, &path("free_units"), factor.free_units, 0..=i64::MAX);
        if factor.max < 0 {
            return;
        }
        self.number(file, &path("unknown"), factor.unknown, 0..=factor.max);
        for (value, points) in &factor.values {
            self.number(file, &["factors", name, "values", value], *points, 0..=factor.max);
        }
    }

    /// Checks `obligations.toml`.
    pub(super) fn obligations(&mut self) {
        let file = "obligations.toml";
        for (name, obligation) in &self.data.obligations {
            let path = |key: &'static str| ["obligations", name.as_str(), key];
            if let Some(deadline) = obligation.deadline_ms {
                self.number(file, &path("deadline_ms"), deadline, 1..=i64::MAX);
            }
            if let Some(check) = &obligation.verify {
                let exists = self.data.checks.contains_key(check);
                self.refer(file, &path("verify"), "check", check.as_str(), exists, "checks.toml");
            }
            if obligation.result_bytes_max == Some(0) {
                self.number(file, &path("result_bytes_max"), 0, 1..=i64::MAX);
            }
        }
    }

    /// Checks `limits.toml`.
    pub(super) fn limits(&mut self) {
        let limits = &self.data.limits;
        for (name, rate) in &limits.rates {
            self.rate(name.as_str(), rate);
        }
        for (name, budget) in &limits.budgets {
            self.budget(name.as_str(), budget);
        }
        for (name, window) in &limits.windows {
            self.window(name.as_str(), window);
        }
        for (name, freeze) in &limits.freezes {
            self.freeze(name.as_str(), freeze);
        }
        for (name, impact) in &limits.impacts {
            self.impact(name.as_str(), impact);
        }
    }

    fn rate(&mut self, name: &str, rate: &Rate) {
        self.scope("rates", name, &rate.covers);
        self.number(FILE, &["rates", name, "burst"], rate.burst, 1..=i64::MAX);
        self.number(FILE, &["rates", name, "refill_ms"], rate.refill_ms, 1..=i64::MAX);
    }

    fn budget(&mut self, name: &str, budget: &Budget) {
        self.scope("budgets", name, &budget.covers);
        self.number(FILE, &["budgets", name, "max"], budget.max, 0..=AMOUNT_MAX);
        self.number(FILE, &["budgets", name, "period_ms"], budget.period_ms, 1..=i64::MAX);
        if let Some(pointer) = &budget.amount {
            self.pointer(FILE, &["budgets", name, "amount"], pointer);
        }
    }

    fn window(&mut self, name: &str, window: &Window) {
        let path = |key: &'static str| ["windows", name, key];
        self.scope("windows", name, &window.covers);
        self.profile(FILE, &path("outside"), window.outside.as_ref());
        // The machine's own database may differ from the auditor's; the one in the program does not.
        if TimeZoneDatabase::bundled().get(&window.zone).is_err() {
            self.report.at(
                FILE,
                &path("zone"),
                format!("`{}` is not a time zone such as `Europe/Berlin`", window.zone),
            );
        }
        if window.days.is_empty() {
            self.report.at(FILE, &path("days"), "a window needs at least one day");
        }
        for day in window.days.iter().filter(|day| !DAYS.contains(&day.as_str())) {
            self.report.at(FILE, &path("days"), format!("`{day}` is not a day: write {}", DAYS.join(", ")));
        }
        let (from, to) = (self.minute(&path("from"), &window.from), self.minute(&path("to"), &window.to));
        if let (Some(from), Some(to)) = (from, to)
            && to <= from
        {
            self.report.at(
                FILE,
                &path("to"),
                format!("the window closes at {} before it opens at {}", window.to, window.from),
            );
        }
    }

    fn minute(&mut self, path: &[&str], text: &str) -> Option<i32> {
        let parsed = minute_of_day(text);
        if parsed.is_none() {
            self.report.at(FILE, path, format!("`{text}` is not a time of day, `HH:MM`"));
        }
        parsed
    }

    fn freeze(&mut self, name: &str, freeze: &Freeze) {
        self.scope("freezes", name, &freeze.covers);
        self.filled(FILE, &["freezes", name, "reason"], &freeze.reason);
        let from = self.instant(&["freezes", name, "from"], &freeze.from);
        let to = self.instant(&["freezes", name, "to"], &freeze.to);
        if let (Some(from), Some(to)) = (from, to)
            && to <= from
        {
            self.report.at(
                FILE,
                &["freezes", name, "to"],
                format!("the freeze ends at {} before it begins", freeze.to),
            );
        }
    }

    fn instant(&mut self, path: &[&str], text: &str) -> Option<Timestamp> {
        let parsed = text.parse::<Timestamp>().ok();
        if parsed.is_none() {
            self.report.at(FILE, path, format!("`{text}` is not an instant such as `2026-12-20T00:00:00Z`"));
        }
        parsed
    }

    fn impact(&mut self, name: &str, impact: &Impact) {
        self.scope("impacts", name, &impact.covers);
        if let Some(touches) = impact.touches_max {
            self.number(FILE, &["impacts", name, "touches_max"], touches, 0..=AMOUNT_MAX);
        }
        if let Some(amount) = impact.amount_max {
            self.number(FILE, &["impacts", name, "amount_max"], amount, 0..=AMOUNT_MAX);
        }
        if let Some(pointer) = &impact.amount {
            self.pointer(FILE, &["impacts", name, "amount"], pointer);
        }
        if let Some(most) = impact.plan_max {
            self.number(FILE, &["impacts", name, "plan_max"], most, 0..=AMOUNT_MAX);
        }
        if let Some(amount) = &impact.plan {
            self.planned(FILE, &["impacts", name, "plan"], amount);
        }
        if impact.amount.is_some() != impact.amount_max.is_some() {
            self.report.at(FILE, &["impacts", name], "`amount` and `amount_max` belong together");
        } else if impact.plan.is_some() != impact.plan_max.is_some() {
            self.report.at(FILE, &["impacts", name], "`plan` and `plan_max` belong together");
        } else if impact.touches_max.is_none() && impact.amount.is_none() && impact.plan.is_none() {
            self.report.at(
                FILE,
                &["impacts", name],
                "an impact limit needs `touches_max`, `amount` with `amount_max`, or `plan` with `plan_max`",
            );
        }
    }

    /// Demands that a limit's name is one word: the facts about it are named after it, with more behind a dot.
    fn name(&mut self, file: &str, section: &str, name: &str) {
        if name.contains('.') {
            self.report.at(file, &[section, name], format!("`{name}` cannot name a limit, which has no `.`"));
        }
    }

    /// Demands that a pattern without `*` names something: a misspelt limit would limit nothing.
    fn scope(&mut self, section: &str, name: &str, scope: &Scope) {
        self.scope_in(FILE, section, name, scope);
    }

    /// Demands the same of what a file of limits or breakers covers.
    pub(super) fn scope_in(&mut self, file: &str, section: &str, name: &str, scope: &Scope) {
        let path = |key: &'static str| [section, name, "covers", key];
        self.name(file, section, name);
        let Scope { agent, class, tool, env: _ } = scope;
        if is_plain(agent) {
            let exists = self.data.agents.keys().any(|known| known.as_str() == agent.0);
            self.refer(file, &path("agent"), "agent", &agent.0, exists, "agents.toml");
        }
        if is_plain(class) {
            let exists = self.data.classes.keys().any(|known| known.as_str() == class.0);
            self.refer(file, &path("class"), "class", &class.0, exists, "classes.toml");
        }
        self.known_tool(file, &path("tool"), tool);
    }

    /// Demands that a pattern without `*` names a tool of the catalogue or of the administration.
    pub(super) fn known_tool(&mut self, file: &str, path: &[&str], tool: &Glob) {
        if !is_plain(tool) {
            return;
        }
        let server = tool.0.split('.').next().unwrap_or_default();
        let exists = is_admin_tool(&tool.0) || self.data.tools.keys().any(|known| known.to_string() == tool.0);
        self.refer(file, path, "tool", &tool.0, exists, &format!("catalog/{server}.toml"));
    }
}

fn is_plain(pattern: &Glob) -> bool {
    !pattern.0.contains('*')
}
