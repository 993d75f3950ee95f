//! `order_by` of searches, read into the whole order: what was asked for, then what breaks ties.
//!
//! Where a value is missing, its row comes last in either direction; a metric that is not a number comes before those
//! and after all others.

use std::collections::HashSet;

use crate::refusal::ATTRIBUTE_NOT_FOUND;
use crate::search::{
    Entity, Ordering, experiment_identifier, experiments, logged_models, ordering, run_identifier, runs, traces,
};
use crate::{Refusal, python};

/// The attributes by which runs can be ordered, with their aliases, in alphabetical order.
pub const RUN_ATTRIBUTES: [&str; 9] =
    ["Created", "artifact_uri", "created", "end_time", "run_id", "run_name", "start_time", "status", "user_id"];

/// The attributes by which model versions can be ordered, in alphabetical order.
pub const VERSION_ATTRIBUTES: [&str; 4] = ["creation_timestamp", "last_updated_timestamp", "name", "version_number"];

/// The attributes by which traces can be ordered, in alphabetical order.
pub const TRACE_ATTRIBUTES: [&str; 11] = [
    "end_time",
    "end_time_ms",
    "execution_time",
    "execution_time_ms",
    "experiment_id",
    "name",
    "request_id",
    "run_id",
    "status",
    "timestamp",
    "timestamp_ms",
];

/// Is one term of an order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Term {
    /// What it looks at.
    pub entity: Entity,
    /// The key: of an attribute its own name, whatever alias was written.
    pub key: String,
    /// Whether small values come first.
    pub ascending: bool,
}

impl Term {
    fn attribute(key: &str, ascending: bool) -> Self {
        Self { entity: Entity::Attribute, key: key.to_owned(), ascending }
    }
}

/// Collects terms, none twice.
#[derive(Default)]
struct Terms {
    terms: Vec<Term>,
    seen: HashSet<(Entity, String)>,
}

impl Terms {
    /// Adds a term, and says whether there is one on the same field; then it changes nothing.
    fn has(&mut self, term: Term) -> bool {
        let is_new = self.seen.insert((term.entity, term.key.clone()));
        if is_new {
            self.terms.push(term);
        }
        !is_new
    }

    fn add<T: AsRef<str>>(&mut self, term: Term, order_by: &[T]) -> Result<(), Refusal> {
        if self.has(term) {
            let all = python::list(order_by);
            return Err(Refusal::new(format!("`order_by` contains duplicate fields: {all}")));
        }
        Ok(())
    }

    /// Ends the order with terms that break ties, as far as they are not in it.
    fn tied(mut self, ties: &[(&str, bool)]) -> Vec<Term> {
        for (key, ascending) in ties {
            self.has(Term::attribute(key, *ascending));
        }
        self.terms
    }
}

/// Reads the order of runs: by default the latest start first, then by `run_id`.
///
/// # Errors
///
/// A clause that cannot be parsed, an unknown attribute, a dataset, a field that is named twice.
pub fn runs<T: AsRef<str>>(order_by: &[T]) -> Result<Vec<Term>, Refusal> {
    let mut terms = Terms::default();
    for clause in order_by {
        let Ordering { text, ascending } = ordering(clause.as_ref())?;
        let (entity, key) = run_identifier(trimmed(&text), &RUN_ATTRIBUTES)?;
        if entity == Entity::Dataset {
            return Err(Refusal::new("Invalid identifier type 'dataset'"));
        }
        let key = if entity == Entity::Attribute { runs::attribute(&key).to_owned() } else { key };
        terms.add(Term { entity, key, ascending }, order_by)?;
    }
    // The last tie is broken by the id even where it was asked for before, which changes nothing.
    Ok(terms.tied(&[("start_time", false), ("run_id", true)]))
}

/// Reads the order of experiments: by default the latest first.
///
/// # Errors
///
/// A clause that cannot be parsed, an unknown attribute, a tag.
pub fn experiments<T: AsRef<str>>(order_by: &[T]) -> Result<Vec<Term>, Refusal> {
    if order_by.is_empty() {
        return Ok(vec![Term::attribute("creation_time", false), Term::attribute("experiment_id", true)]);
    }
    let mut terms = Terms::default();
    for clause in order_by {
        let Ordering { text, ascending } = ordering(clause.as_ref())?;
        let (entity, key) = experiment_identifier(trimmed(&text), &experiments::ATTRIBUTES)?;
        if entity != Entity::Attribute {
            return Err(Refusal::new(format!("Invalid order_by entity: {}", entity.name())));
        }
        // A field may be named twice here; the second time it changes nothing.
        terms.has(Term { entity, key, ascending });
    }
    Ok(terms.tied(&[("experiment_id", false)]))
}

/// Reads the order of registered models: by default by name.
///
/// `timestamp` and `last_updated_timestamp` are the same field, [`Term::key`] is the latter.
///
/// # Errors
///
/// A clause that cannot be parsed, an unknown field, a field that is named twice.
pub fn registered_models<T: AsRef<str>>(order_by: &[T]) -> Result<Vec<Term>, Refusal> {
    let mut terms = Terms::default();
    for clause in order_by {
        let Ordering { text, ascending } = ordering(clause.as_ref())?;
        let key = match trimmed(&text) {
            "name" => "name",
            "timestamp" | "last_updated_timestamp" => "last_updated_timestamp",
            key => {
                let valid = python::set(&["name", "timestamp"]);
                return Err(Refusal::new(format!("Invalid order by key '{key}' specified. Valid keys are '{valid}'")));
            }
        };
        terms.add(Term::attribute(key, ascending), order_by)?;
    }
    Ok(terms.tied(&[("name", true)]))
}

/// Reads the order of model versions: by default the latest change first, then by name, the highest version first.
///
/// # Errors
///
/// A clause that cannot be parsed, an unknown field, a field that is named twice.
pub fn model_versions<T: AsRef<str>>(order_by: &[T]) -> Result<Vec<Term>, Refusal> {
    let mut terms = Terms::default();
    for clause in order_by {
        let Ordering { text, ascending } = ordering(clause.as_ref())?;
        let (_, key) = experiment_identifier(trimmed(&text), &VERSION_ATTRIBUTES)?;
        // The key of a tag counts as one of an attribute, where it is called so.
        if !VERSION_ATTRIBUTES.contains(&key.as_str()) {
            let valid = python::set(&VERSION_ATTRIBUTES);
            return Err(Refusal::new(format!("Invalid order by key '{key}' specified. Valid keys are {valid}")));
        }
        terms.add(Term::attribute(&key, ascending), order_by)?;
    }
    if order_by.is_empty() {
        terms.has(Term::attribute("last_updated_timestamp", false));
    }
    Ok(terms.tied(&[("name", true), ("version_number", false)]))
}

/// Reads the order of traces: by default the latest first, then by `request_id`.
///
/// # Errors
///
/// A clause that cannot be parsed, an unknown attribute, what is no attribute, tag or metadata, metadata that is made
/// up of several values, a field that is named twice.
pub fn traces<T: AsRef<str>>(order_by: &[T]) -> Result<Vec<Term>, Refusal> {
    let mut terms = Terms::default();
    for clause in order_by {
        let Ordering { text, ascending } = ordering(clause.as_ref())?;
        let (entity, key) = traces::identifier(trimmed(&text), &TRACE_ATTRIBUTES)?;
        let (entity, key) = traces::meant(entity, key);
        if entity == Entity::Metadata && matches!(key.as_str(), traces::TOKENS | traces::COST) {
            return Err(Refusal::new(format!(
                "Ordering by reserved metadata '{key}' is not supported because it is represented by multiple columns."
            )));
        }
        if !matches!(entity, Entity::Attribute | Entity::Tag | Entity::Metadata) {
            return Err(Refusal::new(format!("Invalid identifier type '{}'", entity.name())));
        }
        terms.add(Term { entity, key, ascending }, order_by)?;
    }
    Ok(terms.tied(&[("timestamp_ms", false), ("request_id", true)]))
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(python::is_space)
}

/// Is a field by which logged models are to be ordered, as the request has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelField {
    /// An attribute, or `metrics.` with the name of a metric.
    pub field_name: String,
    /// Whether small values come first; true where the request says nothing.
    pub ascending: bool,
    /// The dataset that the metric is to be on.
    pub dataset_name: Option<String>,
    /// The digest of that dataset.
    pub dataset_digest: Option<String>,
}

/// Is one term of an order of logged models.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelTerm {
    /// The attribute or the metric.
    pub term: Term,
    /// The dataset that the metric is to be on; nothing with an attribute.
    pub dataset_name: Option<String>,
    /// The digest of that dataset.
    pub dataset_digest: Option<String>,
}

/// Reads the order of logged models: by default the latest first, then by `model_id`.
///
/// # Errors
///
/// An unknown attribute, and any entity but `metrics`.
pub fn logged_models(order_by: &[ModelField]) -> Result<Vec<ModelTerm>, Refusal> {
    let mut terms: Vec<ModelTerm> = order_by.iter().map(model_term).collect::<Result<_, _>>()?;
    for (key, ascending) in [("creation_timestamp", false), ("model_id", true)] {
        let term = Term::attribute(key, ascending);
        if !terms.iter().any(|known| known.term.entity == Entity::Attribute && known.term.key == key) {
            terms.push(ModelTerm { term, dataset_name: None, dataset_digest: None });
        }
    }
    Ok(terms)
}

fn model_term(field: &ModelField) -> Result<ModelTerm, Refusal> {
    let (name, ascending) = (&field.field_name, field.ascending);
    let Some((entity, key)) = name.split_once('.') else {
        let key = logged_models::attribute(name).ok_or_else(|| {
            Refusal::new(format!("Invalid order by field name: {name}")).of_class(ATTRIBUTE_NOT_FOUND)
        })?;
        let term = Term::attribute(key, ascending);
        return Ok(ModelTerm { term, dataset_name: None, dataset_digest: None });
    };
    if entity != "metrics" {
        return Err(Refusal::new(format!("Invalid order by field name: {name}. Only metrics are supported.")));
    }
    let term = Term { entity: Entity::Metric, key: key.to_owned(), ascending };
    // What is empty was not given.
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    Ok(ModelTerm { term, dataset_name: given(&field.dataset_name), dataset_digest: given(&field.dataset_digest) })
}
