//! What is not recorded of a run, so that no difference in it could be seen.

use super::facts::{Aspect, COMMIT, DIFF, DIRTY, Training};
use super::nearest::{Stand, facts_of, stand};

/// Says of which run something is not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Of the one that is looked at.
    Run,
    /// Of the one it is set beside.
    Beside,
    /// Of both.
    Both,
}

/// Says what is not recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unrecorded {
    /// Which revision of the code ran.
    Revision,
    /// What had been changed in the code besides its revision.
    Uncommitted,
    /// Which data were read.
    Data,
    /// Any parameter.
    Parameters,
    /// Any library, container or hardware.
    Environment,
    /// One fact that the other run records.
    Fact(Aspect, String),
}

/// Is something that is not recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// What.
    pub what: Unrecorded,
    /// Of which run.
    pub of: Side,
}

/// Lists what is not recorded of a run, and of the one it is set beside.
pub(crate) fn gaps(run: &Training, beside: Option<&Training>) -> Vec<Gap> {
    let whole = [
        (Unrecorded::Revision, has_no_revision as fn(&Training) -> bool),
        (Unrecorded::Uncommitted, is_dirty),
        (Unrecorded::Data, |run| !run.records(Aspect::Data)),
        (Unrecorded::Parameters, |run| !run.records(Aspect::Parameter)),
        (Unrecorded::Environment, |run| !run.records(Aspect::Environment)),
    ];
    let whole = whole.into_iter().filter_map(|(what, lacks)| {
        let of = match (lacks(run), beside.is_some_and(lacks)) {
            (true, true) => Side::Both,
            (true, false) => Side::Run,
            (false, true) => Side::Beside,
            (false, false) => return None,
        };
        Some(Gap { what, of })
    });
    whole.chain(beside.into_iter().flat_map(|beside| single(run, beside))).collect()
}

/// Lists the facts that one of two runs records and the other does not, though it records others of that aspect.
fn single(run: &Training, beside: &Training) -> Vec<Gap> {
    let is_single = |fact: &&super::Fact| {
        let both = run.records(fact.aspect) && beside.records(fact.aspect);
        both && fact.aspect != Aspect::Tag && fact.name != COMMIT && stand(run, beside, fact) == Stand::Unknown
    };
    let gap = |fact: &super::Fact| Gap {
        what: Unrecorded::Fact(fact.aspect, fact.name.clone()),
        of: if run.facts.contains_key(fact) { Side::Beside } else { Side::Run },
    };
    facts_of(run, beside).filter(is_single).map(gap).collect()
}

/// Says whether nothing tells which revision ran: the name of a script does not.
fn has_no_revision(run: &Training) -> bool {
    let tells = |name: &str| name == COMMIT || !name.starts_with("mlflow.");
    !run.facts.keys().any(|fact| fact.aspect == Aspect::Code && tells(&fact.name))
}

fn is_dirty(run: &Training) -> bool {
    let is_said = run.fact(Aspect::Code, DIRTY).is_some_and(|said| said.eq_ignore_ascii_case("true"));
    is_said && run.fact(Aspect::Code, DIFF).is_none()
}

impl Gap {
    /// Says what is not recorded, and what follows.
    pub fn says(&self) -> String {
        let what = match &self.what {
            Unrecorded::Revision => "which revision of the code ran".to_owned(),
            Unrecorded::Uncommitted => "what was changed in the code and not committed".to_owned(),
            Unrecorded::Data => "which data were read".to_owned(),
            Unrecorded::Parameters => "any parameter".to_owned(),
            Unrecorded::Environment => "libraries, container and hardware".to_owned(),
            Unrecorded::Fact(aspect, name) => format!("{} `{name}`", aspect.name()),
        };
        let of = match self.of {
            Side::Run => "of this run",
            Side::Beside => "of the successful run",
            Side::Both => "of either run",
        };
        format!("not recorded {of}: {what}")
    }

    /// Says how to record it.
    pub fn remedy(&self) -> &'static str {
        match &self.what {
            Unrecorded::Revision => {
                "train from a Git work tree with GitPython installed, or set the tag `mlflow.source.git.commit`"
            }
            Unrecorded::Uncommitted => "commit before training, or set the tag `mlflow.source.git.diff`",
            Unrecorded::Data => "log what is read with `mlflow.log_input(dataset, context=\"training\")`",
            Unrecorded::Parameters => "log them with `mlflow.log_params`",
            Unrecorded::Environment => {
                "log `requirements.txt` (of `pip freeze`) as an artifact of the run, and set tags `countersign.env.NAME`"
            }
            Unrecorded::Fact(Aspect::Code, _) => "set the same tags in every run",
            Unrecorded::Fact(..) => "record the same in every run",
        }
    }
}
