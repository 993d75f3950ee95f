//! What one stage has said so far: collects findings, and turns a missing fact into a denial.

use std::borrow::Cow;

use types::{Code, Facts, Finding, ProfileId, Restriction, Stage};

use crate::mutant::{self, Mutant};

/// Collects the findings of one stage about one action.
pub(crate) struct Said<'a> {
    stage: Stage,
    facts: &'a Facts,
    findings: Vec<Finding>,
}

impl<'a> Said<'a> {
    /// Begins with nothing said.
    pub(crate) fn by(stage: Stage, facts: &'a Facts) -> Self {
        Self { stage, facts, findings: Vec::new() }
    }

    /// Says that the action must not run.
    pub(crate) fn deny(
        &mut self,
        code: Code,
        detail: impl Into<Cow<'static, str>>,
        source: impl Into<Cow<'static, str>>,
    ) {
        self.push(Restriction::Deny, code, detail, source);
    }

    /// Says that people must approve, or that it must not run when no profile names those people.
    pub(crate) fn escalate(
        &mut self,
        to: Option<&ProfileId>,
        code: Code,
        detail: impl Into<Cow<'static, str>>,
        source: impl Into<Cow<'static, str>>,
    ) {
        let restriction = to.cloned().map_or(Restriction::Deny, Restriction::Escalate);
        self.push(restriction, code, detail, source);
    }

    /// Says something that stands in nobody's way.
    pub(crate) fn allow(
        &mut self,
        code: Code,
        detail: impl Into<Cow<'static, str>>,
        source: impl Into<Cow<'static, str>>,
    ) {
        self.push(Restriction::Allow, code, detail, source);
    }

    /// Says that the action may run with enhanced logging.
    pub(crate) fn observe(
        &mut self,
        code: Code,
        detail: impl Into<Cow<'static, str>>,
        source: impl Into<Cow<'static, str>>,
    ) {
        self.push(Restriction::AllowObserved, code, detail, source);
    }

    /// Says that a fact is missing, which denies.
    pub(crate) fn missing(&mut self, name: &str) {
        let restriction = if mutant::on(Mutant::MissingFactAllows) { Restriction::Allow } else { Restriction::Deny };
        self.push(restriction, Code::FactMissing, format!("the fact `{name}` is missing"), name.to_owned());
    }

    /// Returns a yes or no the stage needs; a missing one, or one of another type, denies.
    pub(crate) fn bool(&mut self, name: &str) -> Option<bool> {
        let value = self.facts.bool(name);
        self.note(value, name)
    }

    /// Returns a number the stage needs; a missing one, or one of another type, denies.
    pub(crate) fn int(&mut self, name: &str) -> Option<i64> {
        let value = self.facts.int(name);
        self.note(value, name)
    }

    /// Returns a text the stage needs; a missing one, or one of another type, denies.
    pub(crate) fn text(&mut self, name: &str) -> Option<&'a str> {
        let value = self.facts.text(name);
        self.note(value, name)
    }

    /// Returns a list the stage needs; a missing one, or one of another type, denies.
    pub(crate) fn list(&mut self, name: &str) -> Option<&'a [String]> {
        let value = self.facts.list(name);
        self.note(value, name)
    }

    /// Says whether a fact that may be absent is there, whatever its type.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.facts.get(name).is_some()
    }

    /// Returns the findings, or the one positive finding if nothing stands against the action.
    pub(crate) fn or_allow(
        mut self,
        code: Code,
        detail: impl Into<Cow<'static, str>>,
        source: impl Into<Cow<'static, str>>,
    ) -> Vec<Finding> {
        if self.findings.is_empty() {
            self.push(Restriction::Allow, code, detail, source);
        }
        self.findings
    }

    /// Returns the findings, which may be none.
    pub(crate) fn so_far(self) -> Vec<Finding> {
        self.findings
    }

    fn note<T>(&mut self, value: Option<T>, name: &str) -> Option<T> {
        if value.is_none() {
            self.missing(name);
        }
        value
    }

    fn push(
        &mut self,
        restriction: Restriction,
        code: Code,
        detail: impl Into<Cow<'static, str>>,
        source: impl Into<Cow<'static, str>>,
    ) {
        self.findings.push(Finding::new(self.stage, restriction, code, detail, source));
    }
}
