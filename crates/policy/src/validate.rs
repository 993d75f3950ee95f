//! Checks what the files of a bundle say of each other: names that must exist, numbers that must be in
//! range, rules nobody could ever fulfil.

mod behaviour;
mod break_glass;
mod breakers;
mod catalog;
mod checks;
mod decoys;
mod limits;
mod people;
mod pipelines;
mod reviewers;
mod schedules;

use std::ops::RangeInclusive;

use types::bundle::BundleData;
use types::{ClassId, PersonId, ProfileId};

use crate::files::BundleFiles;
use crate::report::Report;

/// Checks everything that needs no Cedar, and reports every problem.
pub(crate) fn validate(data: &BundleData, files: &BundleFiles, report: &mut Report) {
    let mut check = Check { data, files, report };
    check.head();
    check.agents();
    check.auditors();
    check.profiles();
    check.schedules();
    check.break_glass();
    check.workflows();
    check.pipelines();
    check.classes();
    check.servers();
    check.tools();
    check.inventory();
    check.risk();
    check.obligations();
    check.limits();
    check.breakers();
    check.checks();
    check.behaviour();
    check.decoys();
}

struct Check<'a> {
    data: &'a BundleData,
    files: &'a BundleFiles,
    report: &'a mut Report,
}

impl Check<'_> {
    /// Demands that a person exists.
    fn person(&mut self, file: &str, path: &[&str], person: &PersonId) {
        self.refer(file, path, "person", person.as_str(), self.data.people.contains_key(person), "people.toml");
        if self.data.is_auditor(person) {
            self.report.at(file, path, format!("`{person}` is an auditor, who answers for nothing here"));
        }
    }

    /// Demands that an escalation profile exists.
    fn profile(&mut self, file: &str, path: &[&str], profile: Option<&ProfileId>) {
        if let Some(profile) = profile {
            let exists = self.data.profiles.contains_key(profile);
            self.refer(file, path, "profile", profile.as_str(), exists, "escalation.toml");
        }
    }

    /// Demands that an action class exists.
    fn class(&mut self, file: &str, path: &[&str], class: &ClassId) {
        self.refer(file, path, "class", class.as_str(), self.data.classes.contains_key(class), "classes.toml");
    }

    /// Demands that an entity kind exists.
    fn kind(&mut self, file: &str, path: &[&str], kind: &str) {
        self.refer(file, path, "kind", kind, self.data.inventory.kinds.contains_key(kind), "inventory.toml");
    }

    /// Reports a name that its file does not define, unless that file could not be read wholly.
    fn refer(&mut self, file: &str, path: &[&str], noun: &str, name: &str, exists: bool, home: &str) {
        if !exists && !self.report.is_broken(home) {
            self.report.at(file, path, format!("there is no {noun} `{name}` in `{home}`"));
        }
    }

    /// Demands that a number lies in a range.
    fn number(&mut self, file: &str, path: &[&str], value: i64, range: RangeInclusive<i64>) {
        if range.contains(&value) {
            return;
        }
        let name = path.last().copied().unwrap_or_default();
        let (least, most) = (range.start(), range.end());
        let bounds = if *most == i64::MAX { format!("at least {least}") } else { format!("{least} to {most}") };
        self.report.at(file, path, format!("`{name}` is {value}, it must be {bounds}"));
    }

    /// Demands that a text points into the arguments.
    fn pointer(&mut self, file: &str, path: &[&str], pointer: &str) {
        if !pointer.starts_with('/') {
            let message = format!("`{pointer}` is not a JSON Pointer into the arguments, which starts with `/`");
            self.report.at(file, path, message);
        }
    }

    /// Demands that a text is not blank.
    fn filled(&mut self, file: &str, path: &[&str], text: &str) {
        if text.trim().is_empty() {
            let name = path.last().copied().unwrap_or_default();
            self.report.at(file, path, format!("`{name}` is empty"));
        }
    }
}
