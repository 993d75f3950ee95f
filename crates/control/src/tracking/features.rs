//! Features: registered in versions, named by runs, and compared between training and serving.

use models::feature::{Conflict, Definition, conflicts, word};
use models::skew::{Row, Skew, Value, skew};
use store::tracking::{Change, Dataset, FEATURE_KIND, Feature, FeatureSide, Input, Pair, View};
use types::{Digest, json};

use super::{Answer, ErrorCode, Refused, Tracking, active_run, run};
use crate::keys::Holder;

/// Is how many features there can be, and so how many are listed and held against each other.
pub const FEATURES_MAX: u64 = 10_000;

/// Is how many values are taken at once.
pub const VALUES_MAX: usize = 10_000;

/// Is how many values of each side are compared, the earliest ones.
pub const COMPARED_MAX: u64 = 500_000;

/// Is how many bytes an entity or a text value has at most.
pub const WORD_BYTES_MAX: usize = 1_000;

/// Is the domain of the digests of definitions.
const DOMAIN: &str = "countersign/feature/1";

/// Is how many characters of the digest name the definition among a run's datasets, whose digests MLflow's clients keep to 36.
const SHORT: usize = 32;

/// Is a definition that is to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFeature {
    /// What it says.
    pub definition: Definition,
    /// Who answers for it.
    pub owner: String,
    /// Where it comes from; empty if it was written for this.
    pub origin: String,
}

/// Is what registering has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The version that holds.
    pub feature: Feature,
    /// Whether it was made just now; otherwise it was there already.
    pub is_new: bool,
    /// Where its concept has several definitions.
    pub conflict: Option<Conflict>,
}

/// Are values of a feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueBatch {
    /// The version of the definition by which they were computed.
    pub version: i64,
    /// Where.
    pub side: FeatureSide,
    /// The values.
    pub rows: Vec<Row>,
}

/// Is a feature that a run says it used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFeature {
    /// Its name.
    pub name: String,
    /// The version.
    pub version: i64,
}

/// Is a feature in training beside itself in serving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureSkew {
    /// The feature.
    pub name: String,
    /// The business concept it stands for.
    pub concept: String,
    /// The latest version that has values of training; none, if there is none.
    pub training_version: Option<i64>,
    /// The latest version that has values of serving.
    pub serving_version: Option<i64>,
    /// Whether a side has more values than are compared.
    pub is_cut: bool,
    /// What was found.
    pub skew: Skew,
}

/// Returns the digest of a definition: of its canonical JSON, without who owns it and where it comes from, which change nothing of what is computed.
fn digest(definition: &Definition) -> String {
    let Definition { name, concept, entity, kind, window, transformation, datasets } = definition;
    let mut said = serde_json::json!({
        "name": name, "concept": concept, "entity": entity, "type": kind.name(), "window": window, "transformation": transformation,
    });
    let datasets: Vec<_> = datasets.iter().map(|one| [&one.namespace, &one.name]).collect();
    if let Some(said) = said.as_object_mut().filter(|_| !datasets.is_empty()) {
        said.insert("datasets".to_owned(), serde_json::json!(datasets));
    }
    Digest::of(DOMAIN, json::canonical(&said).as_bytes()).to_string()
}

fn absent(name: &str) -> Refused {
    Refused::absent(format!("There is no feature `{name}`."))
}

/// Returns a version of a feature.
fn version(view: &View<'_>, name: &str, version: i64) -> Answer<Feature> {
    let mut all = view.feature_versions(name)?;
    if all.is_empty() {
        return Err(absent(name));
    }
    all.retain(|feature| feature.version == version);
    all.pop().ok_or_else(|| Refused::absent(format!("The feature `{name}` has no version {version}.")))
}

fn all_conflicts(view: &View<'_>) -> Answer<Vec<Conflict>> {
    let all: Vec<Definition> = view.features("", FEATURES_MAX)?.into_iter().map(|one| one.definition).collect();
    Ok(conflicts(&all))
}

impl Tracking {
    /// Registers a definition: as the next version of its name, unless it is the latest one already.
    ///
    /// # Errors
    ///
    /// A definition that does not say what it must; more features than there can be.
    pub fn register_feature(&self, who: &Holder, new: NewFeature) -> Answer<Registered> {
        let invalid = |error: models::feature::DefinitionError| Refused::invalid(error.to_string());
        let mut new = new;
        new.definition.datasets.sort_unstable();
        new.definition.datasets.dedup();
        new.definition.check().map_err(invalid)?;
        word("owner", &new.owner).map_err(invalid)?;
        if !new.origin.is_empty() {
            word("origin", &new.origin).map_err(invalid)?;
        }
        let (at, by) = (self.now(), who.principal.subject());
        self.kept.change(move |change| {
            let (feature, is_new) = registered(change, new, at, by)?;
            let name = feature.definition.name.clone();
            let conflict = all_conflicts(change)?.into_iter().find(|one| one.features.contains(&name));
            Ok(Registered { feature, is_new, conflict })
        })
    }

    /// Returns the latest version of each feature, by name, and the concepts that have several definitions.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn features(&self) -> Answer<(Vec<Feature>, Vec<Conflict>)> {
        self.kept.view(|view| Ok((view.features("", FEATURES_MAX)?, all_conflicts(view)?)))
    }

    /// Returns all versions of a feature, the first one first.
    ///
    /// # Errors
    ///
    /// A name that no feature has.
    pub fn feature(&self, name: &str) -> Answer<Vec<Feature>> {
        let all = self.kept.view(|view| view.feature_versions(name).map_err(Refused::from))?;
        if all.is_empty() { Err(absent(name)) } else { Ok(all) }
    }

    /// Keeps what a feature was for some entities, all of it or nothing; returns how much of it is new.
    ///
    /// # Errors
    ///
    /// A version that is not there; a value of another kind than the definition's; one that is too long; more than [`VALUES_MAX`]; another value than the one that
    /// is known of an entity and a time.
    pub fn log_feature_values(&self, name: String, batch: ValueBatch) -> Answer<usize> {
        if batch.rows.len() > VALUES_MAX {
            return Err(Refused::invalid(format!("At most {VALUES_MAX} values are taken at once.")));
        }
        self.kept.change(move |change| {
            let feature = version(change, &name, batch.version)?;
            let mut new = 0;
            for row in &batch.rows {
                checked(&feature, row)?;
                match change.add_feature_value(feature.seq, batch.side, row)? {
                    None => new += 1,
                    Some(known) if known.value == row.value => {}
                    Some(_) => {
                        let message = format!("Another value is known for entity `{}` at {}.", row.entity, row.at);
                        return Err(Refused::new(ErrorCode::ResourceAlreadyExists, message));
                    }
                }
            }
            Ok(new)
        })
    }

    /// Notes which definitions a run used, as datasets that it has read: so they are part of its lineage, and of its diagnosis.
    ///
    /// # Errors
    ///
    /// A run that is not there or deleted; a version that is not there.
    pub fn name_features(&self, run: String, named: Vec<NamedFeature>) -> Answer<Vec<Feature>> {
        self.kept.change(move |change| {
            let run = active_run(change, &run)?;
            let mut all = Vec::new();
            for NamedFeature { name, version: number } in named {
                let feature = version(change, &name, number)?;
                change.add_input(run.experiment, run.seq, &as_input(&feature))?;
                all.push(feature);
            }
            Ok(all)
        })
    }

    /// Returns the definitions that a run says it used.
    ///
    /// # Errors
    ///
    /// An id that is nobody's.
    pub fn features_of(&self, id: &str) -> Answer<Vec<Feature>> {
        self.kept.view(|view| of_run(view, run(view, id)?.seq))
    }

    /// Compares training with serving: of one feature, or of each that has values on both sides.
    ///
    /// # Errors
    ///
    /// A name that no feature has.
    pub fn feature_skew(&self, name: Option<&str>, tolerance_millionths: u32) -> Answer<Vec<FeatureSkew>> {
        self.kept.view(|view| {
            let names: Vec<String> = match name {
                Some(name) => vec![name.to_owned()],
                None => view.features("", FEATURES_MAX)?.into_iter().map(|one| one.definition.name).collect(),
            };
            let mut found = Vec::new();
            for of in names {
                let one = compared(view, &of, tolerance_millionths)?;
                let has_both = one.training_version.is_some() && one.serving_version.is_some();
                found.extend(Some(one).filter(|_| has_both || name.is_some()));
            }
            Ok(found)
        })
    }
}

fn registered(change: &Change<'_>, new: NewFeature, at: i64, by: String) -> Answer<(Feature, bool)> {
    let NewFeature { definition, owner, origin } = new;
    let (name, digest) = (definition.name.clone(), digest(&definition));
    let latest = change.feature_versions(&name)?.pop();
    if let Some(latest) = latest.as_ref().filter(|one| (&one.digest, &one.owner) == (&digest, &owner)) {
        return Ok((latest.clone(), false));
    }
    let version = latest.map_or(0, |latest| latest.version) + 1;
    if version == 1 && change.features("", FEATURES_MAX)?.len() >= usize::try_from(FEATURES_MAX).unwrap_or(0) {
        return Err(Refused::invalid(format!("There can be at most {FEATURES_MAX} features.")));
    }
    change.add_feature(&Feature { seq: 0, version, definition, owner, origin, digest, at, by })?;
    Ok((self::version(change, &name, version)?, true))
}

/// Checks that a value is of the kind of its feature.
fn checked(feature: &Feature, row: &Row) -> Answer<()> {
    use models::feature::Kind;

    let long = |text: &str| text.len() > WORD_BYTES_MAX;
    if row.entity.is_empty() || long(&row.entity) {
        return Err(Refused::invalid(format!("An entity has 1 to {WORD_BYTES_MAX} bytes.")));
    }
    let fits = match (&row.value, feature.definition.kind) {
        (Value::Missing, _) | (Value::Number(_), Kind::Number) => true,
        (Value::Text(text), Kind::Text) => !long(text),
        (Value::Text(text), Kind::Boolean) => text == "true" || text == "false",
        _ => false,
    };
    let kind = feature.definition.kind.name();
    let message =
        || format!("The value for entity `{}` is no {kind}, or longer than {WORD_BYTES_MAX} bytes.", row.entity);
    if fits { Ok(()) } else { Err(Refused::invalid(message())) }
}

/// Returns the definitions that a run says it used.
pub(crate) fn of_run(view: &View<'_>, run: i64) -> Answer<Vec<Feature>> {
    let mut found = Vec::new();
    for Input { dataset, .. } in view.inputs(run)?.iter().filter(|input| input.dataset.kind == FEATURE_KIND) {
        let name = dataset.name.strip_prefix("feature ").unwrap_or_default();
        let is_named = |one: &Feature| one.digest.starts_with(&dataset.digest);
        found.extend(view.feature_versions(name)?.into_iter().find(is_named));
    }
    Ok(found)
}

fn as_input(feature: &Feature) -> Input {
    let name = format!("feature {}", feature.definition.name);
    let source = serde_json::json!({
        "name": feature.definition.name, "version": feature.version, "digest": feature.digest,
    });
    let tag = Pair { key: super::diagnosis::CONTEXT.to_owned(), value: name.clone() };
    let digest = feature.digest.chars().take(SHORT).collect();
    let dataset =
        Dataset { name, digest, kind: FEATURE_KIND.to_owned(), source: source.to_string(), ..Dataset::default() };
    Input { dataset, tags: vec![tag] }
}

/// Compares one feature: the latest version that has values, of each side.
fn compared(view: &View<'_>, name: &str, tolerance_millionths: u32) -> Answer<FeatureSkew> {
    let versions = view.feature_versions(name)?;
    let concept = versions.last().ok_or_else(|| absent(name))?.definition.concept.clone();
    let latest = |side: FeatureSide| -> Answer<Option<&Feature>> {
        for feature in versions.iter().rev() {
            if view.has_feature_values(feature.seq, side)? {
                return Ok(Some(feature));
            }
        }
        Ok(None)
    };
    let read = |side: FeatureSide| -> Answer<(Option<i64>, Vec<Row>)> {
        let Some(feature) = latest(side)? else { return Ok((None, Vec::new())) };
        Ok((Some(feature.version), view.feature_values(feature.seq, side, COMPARED_MAX)?))
    };
    let (training_version, training) = read(FeatureSide::Training)?;
    let (serving_version, serving) = read(FeatureSide::Serving)?;
    let most = usize::try_from(COMPARED_MAX).unwrap_or(usize::MAX);
    Ok(FeatureSkew {
        name: name.to_owned(),
        concept,
        training_version,
        serving_version,
        is_cut: training.len() >= most || serving.len() >= most,
        skew: skew(&training, &serving, tolerance_millionths),
    })
}
