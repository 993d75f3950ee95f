//! Reads the Cedar policies of a bundle: each with an `@id`, known annotations, and no templates.

use std::collections::BTreeMap;
use std::str::FromStr;

use cedar_policy::{Policy, PolicyId, PolicySet};
use miette::Diagnostic;
use types::bundle::BundleData;
use types::{ObligationId, ProfileId};

use crate::files::{BundleFiles, FileKind};
use crate::nesting;
use crate::problem::{Place, Problem};
use crate::report::Report;

const ANNOTATIONS: [&str; 5] = ["id", "reason", "escalate", "obligations", "doc"];

/// Is one policy with what its annotations say.
pub(crate) struct Source {
    /// The file it stands in.
    pub(crate) file: String,
    /// Where it begins.
    pub(crate) place: Option<Place>,
    /// The policy, named by its `@id`.
    pub(crate) policy: Policy,
    /// Why, for people.
    pub(crate) reason: Option<String>,
    /// The profiles that must approve what it permits.
    pub(crate) escalate: Vec<ProfileId>,
    /// What must happen besides what it permits.
    pub(crate) obligations: Vec<ObligationId>,
}

/// Reads all policies; what does not fit is reported and left out.
pub(crate) fn read(files: &BundleFiles, data: &BundleData, report: &mut Report) -> Vec<Source> {
    let mut sources: BTreeMap<String, Source> = BTreeMap::new();
    for (file, _, text) in files.of_kind(FileKind::Policy) {
        if let Some(problem) = nesting::problem(file, text) {
            report.push_broken(problem);
            continue;
        }
        let set = match PolicySet::from_str(text) {
            Ok(set) => set,
            Err(errors) => {
                errors.iter().for_each(|error| report.push_broken(problem(file, text, error)));
                continue;
            }
        };
        for template in set.templates() {
            let place = template.as_ref().loc().map(|loc| Place::of(text, loc.start()));
            report.push(Problem::at(file, place, "templates are not supported: write the policy out for each case"));
        }
        for policy in set.policies() {
            if let Some(source) = (Reader { file, text, data, report: &mut *report }).read(policy) {
                add(source, &mut sources, report);
            }
        }
    }
    sources.into_values().collect()
}

fn add(source: Source, sources: &mut BTreeMap<String, Source>, report: &mut Report) {
    let id = source.policy.id().to_string();
    match sources.get(&id) {
        Some(first) => {
            let line = first.place.map_or(0, |place| place.line);
            let message = format!("`{id}` names another policy already, in {}:{line}", first.file);
            report.push(Problem::at(&source.file, source.place, message));
        }
        None => drop(sources.insert(id, source)),
    }
}

/// Turns a Cedar diagnostic into a problem at its first label.
pub(crate) fn problem(file: &str, text: &str, diagnostic: &dyn Diagnostic) -> Problem {
    let offset = diagnostic.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
    let problem = Problem::at(file, offset.map(|offset| Place::of(text, offset)), diagnostic.to_string());
    match diagnostic.help() {
        Some(help) => problem.help(help.to_string()),
        None => problem,
    }
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    data: &'a BundleData,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn read(&mut self, policy: &Policy) -> Option<Source> {
        let place = policy.as_ref().loc().map(|loc| Place::of(self.text, loc.start()));
        self.refuse_unknown(policy, place);
        let id = self.id(policy, place)?;
        let escalate = self.names(
            policy,
            place,
            "escalate",
            "profile",
            |data, id| data.profiles.contains_key(id),
            "escalation.toml",
        );
        let obligations = self.names(
            policy,
            place,
            "obligations",
            "obligation",
            |data, id| data.obligations.contains_key(id),
            "obligations.toml",
        );
        Some(Source {
            file: self.file.to_owned(),
            place,
            reason: policy.annotation("reason").map(str::to_owned),
            policy: policy.new_id(PolicyId::new(id)),
            escalate,
            obligations,
        })
    }

    fn refuse(&mut self, place: Option<Place>, message: impl Into<String>) {
        self.report.push(Problem::at(self.file, place, message));
    }

    fn refuse_unknown(&mut self, policy: &Policy, place: Option<Place>) {
        for (name, _) in policy.annotations() {
            if !ANNOTATIONS.contains(&name) {
                let known = ANNOTATIONS.map(|name| format!("`@{name}`")).join(", ");
                self.refuse(place, format!("unknown annotation `@{name}`, expected one of {known}"));
            }
        }
    }

    fn id(&mut self, policy: &Policy, place: Option<Place>) -> Option<String> {
        let Some(id) = policy.annotation("id") else {
            self.refuse(place, "a policy needs a name: put `@id(\"…\")` in front of it");
            return None;
        };
        let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/' | b':'));
        if id.is_empty() || id.len() > 128 || !plain {
            self.refuse(
                place,
                format!("`{}` is not a policy name: use 1 to 128 of a-z A-Z 0-9 . _ - / :", id.escape_debug()),
            );
            return None;
        }
        Some(id.to_owned())
    }

    /// Reads an annotation that lists names, with commas between them.
    fn names<Id: FromStr<Err: std::fmt::Display>>(
        &mut self,
        policy: &Policy,
        place: Option<Place>,
        annotation: &str,
        noun: &str,
        exists: impl Fn(&BundleData, &Id) -> bool,
        home: &str,
    ) -> Vec<Id> {
        let Some(text) = policy.annotation(annotation) else { return Vec::new() };
        let mut names = Vec::new();
        for name in text.split(',').map(str::trim) {
            match name.parse::<Id>() {
                Err(error) => self.refuse(place, format!("in `@{annotation}`: {error}")),
                Ok(id) if exists(self.data, &id) => names.push(id),
                Ok(_) if self.report.is_broken(home) => {}
                Ok(_) => self.refuse(place, format!("in `@{annotation}`: there is no {noun} `{name}` in `{home}`")),
            }
        }
        names
    }
}
