//! Collects problems, and knows where in its file each entry of a bundle stands.

use std::collections::{BTreeMap, BTreeSet};

use crate::problem::{Place, Problem};

/// Collects problems while a bundle is read and checked.
#[derive(Debug, Default)]
pub(crate) struct Report {
    places: BTreeMap<String, BTreeMap<Vec<String>, Place>>,
    problems: Vec<Problem>,
    broken: BTreeSet<String>,
}

impl Report {
    /// Remembers where an entry stands.
    pub(crate) fn place(&mut self, file: &str, path: &[String], place: Place) {
        self.places.entry(file.to_owned()).or_default().insert(path.to_vec(), place);
    }

    /// Finds the place of an entry, or of the nearest entry around it that the file has.
    pub(crate) fn find(&self, file: &str, path: &[&str]) -> Option<Place> {
        let places = self.places.get(file)?;
        let path: Vec<String> = path.iter().map(|&part| part.to_owned()).collect();
        (1..=path.len()).rev().find_map(|length| places.get(path.get(..length)?)).copied()
    }

    /// Adds a problem as it is.
    pub(crate) fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Adds a problem that leaves a file only partly read, so that what it should hold cannot be judged.
    pub(crate) fn push_broken(&mut self, problem: Problem) {
        self.broken.insert(problem.file.clone());
        self.problems.push(problem);
    }

    /// Adds a problem at an entry.
    pub(crate) fn at(&mut self, file: &str, path: &[&str], message: impl Into<String>) {
        let place = self.find(file, path);
        self.problems.push(Problem::at(file, place, message));
    }

    /// Adds a problem at an entry, with what to do about it.
    pub(crate) fn at_with_help(
        &mut self,
        file: &str,
        path: &[&str],
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let place = self.find(file, path);
        self.problems.push(Problem::at(file, place, message).help(help));
    }

    /// Says whether a file was only partly read.
    pub(crate) fn is_broken(&self, file: &str) -> bool {
        self.broken.contains(file)
    }

    /// Says whether a problem was found at that very place.
    pub(crate) fn has_problem_at(&self, file: &str, place: Place) -> bool {
        self.problems.iter().any(|p| p.file == file && p.line == Some(place.line) && p.column == Some(place.column))
    }

    /// Says whether any problem was found.
    pub(crate) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Returns all problems in order of file and line, each once.
    pub(crate) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort();
        self.problems.dedup();
        self.problems
    }
}
