//! What Feast's own command line says of a repository: `feast registry-dump`, as version 0.67 writes it. No Python is run.
//!
//! Every feature of a feature view and of an on-demand feature view becomes a definition `VIEW:FEATURE`. What becomes none is told by name: nothing is passed over in silence.

use std::collections::BTreeMap;

use crate::Given;
use crate::feature::{Definition, DefinitionError, Kind};

/// Is the largest dump that is read, in bytes.
pub const DUMP_BYTES_MAX: usize = 64 << 20;

/// Is the entity of views that have none.
const NO_ENTITY: &str = "__dummy";

/// Are the lists of views of a dump that become no definitions, with what they are.
const OTHERS: [(&str, &str); 3] = [
    ("streamFeatureViews", "a view of a stream"),
    ("labelViews", "labels, no features"),
    ("savedDatasets", "a saved dataset"),
];

/// Says why a dump is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeastError {
    /// It is no JSON, or not of that form.
    #[error("it is not what `feast registry-dump` writes: {0}")]
    Form(&'static str),
}

/// Is a definition with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The definition.
    pub definition: Definition,
    /// Who answers for it; nobody, if the repository does not say.
    pub owner: Option<String>,
    /// Where it comes from.
    pub origin: String,
}

/// Is something that became no definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// What it is called.
    pub name: String,
    /// Why it became none.
    pub why: String,
}

/// Is what a dump says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dump {
    /// The definitions, in the order in which the dump has them.
    pub imported: Vec<Imported>,
    /// What became none.
    pub passed_over: Vec<PassedOver>,
}

/// Reads a dump.
///
/// # Errors
///
/// [`FeastError::Form`] if it is not one.
pub fn read(text: &str) -> Result<Dump, FeastError> {
    let dump = Given::read(text).ok_or(FeastError::Form("no JSON"))?;
    let project = dump.member("project").ok_or(FeastError::Form("it names no project"))?;
    let project = spec_text(project, "name").or_else(|| plain_text(Some(project))).unwrap_or_default();
    let views = views(&dump, "featureViews");
    let entities: BTreeMap<String, String> =
        views.iter().filter_map(|view| Some((text_of(view, "name")?, entity(view)?))).collect();
    let mut read = Dump::default();
    for view in &views {
        let table = |feature: &str| Some(format!("column {feature} of {}", source(view)?));
        take(&mut read, &project, view, &|| entity(view), &table);
    }
    for view in self::views(&dump, "onDemandFeatureViews") {
        let of_sources = || entity(view).or_else(|| entity_of_sources(view, &entities));
        take(&mut read, &project, view, &of_sources, &|_| function(view));
    }
    for (list, what) in OTHERS {
        for view in self::views(&dump, list) {
            let name = text_of(view, "name").unwrap_or_else(|| "one without a name".to_owned());
            read.passed_over.push(PassedOver { name, why: what.to_owned() });
        }
    }
    Ok(read)
}

/// Returns the specifications of a list of the dump.
fn views<'a>(dump: &'a Given, list: &str) -> Vec<&'a Given> {
    members(dump.member(list)).iter().map(|view| view.member("spec").unwrap_or(view)).collect()
}

/// Takes the features of one view.
fn take(
    read: &mut Dump,
    project: &str,
    view: &Given,
    entity: &dyn Fn() -> Option<String>,
    computed: &dyn Fn(&str) -> Option<String>,
) {
    let view_name = text_of(view, "name").unwrap_or_default();
    for feature in members(view.member("features")) {
        let feature_name = text_of(feature, "name").unwrap_or_default();
        let name = format!("{view_name}:{feature_name}");
        let taken = definition(&name, &feature_name, feature, entity(), computed(&feature_name));
        match taken {
            Ok(definition) => read.imported.push(Imported {
                definition,
                owner: owner(view),
                origin: format!("feast {project} {name}"),
            }),
            Err(why) => read.passed_over.push(PassedOver { name, why }),
        }
    }
}

fn definition(
    name: &str,
    feature_name: &str,
    feature: &Given,
    entity: Option<String>,
    computed: Option<String>,
) -> Result<Definition, String> {
    let tag = |key: &str| feature.member("tags").and_then(|tags| text_of(tags, key));
    let kind = text_of(feature, "valueType").unwrap_or_default();
    let definition = Definition {
        name: name.to_owned(),
        concept: tag("concept").unwrap_or_else(|| feature_name.replace('_', " ")),
        entity: entity.ok_or("it has no entity")?,
        kind: kind_of(&kind).ok_or_else(|| format!("its values are of the type `{kind}`"))?,
        window: tag("window").unwrap_or_default(),
        transformation: computed.ok_or("nothing says how it is computed")?,
        datasets: Vec::new(),
    };
    definition.check().map_err(|error: DefinitionError| error.to_string())?;
    Ok(definition)
}

fn kind_of(kind: &str) -> Option<Kind> {
    match kind {
        "INT32" | "INT64" | "FLOAT" | "DOUBLE" | "UNIX_TIMESTAMP" => Some(Kind::Number),
        "STRING" => Some(Kind::Text),
        "BOOL" => Some(Kind::Boolean),
        _ => None,
    }
}

/// Returns what a view is of; nothing, if it names nothing.
fn entity(view: &Given) -> Option<String> {
    let names = members(view.member("entities")).iter().filter_map(|name| plain_text(Some(name)));
    let names: Vec<String> = names.filter(|name| name != NO_ENTITY).collect();
    (!names.is_empty()).then(|| names.join("+"))
}

/// Returns what the views that an on-demand view reads are of.
fn entity_of_sources(view: &Given, entities: &BTreeMap<String, String>) -> Option<String> {
    let Some(Given::Map(sources)) = view.member("sources") else { return None };
    let named = |source: &Given| text_of(source.member("featureViewProjection")?, "featureViewName");
    let mut found: Vec<&String> = sources.iter().filter_map(|(_, source)| entities.get(&named(source)?)).collect();
    found.sort();
    found.dedup();
    (!found.is_empty()).then(|| found.into_iter().map(String::as_str).collect::<Vec<_>>().join("+"))
}

/// Returns where a view's columns come from: the source, with whatever names its table.
fn source(view: &Given) -> Option<String> {
    let source = view.member("batchSource")?;
    let name = text_of(source, "name")?;
    let Given::Map(options) = source else { return Some(name) };
    let options = options.iter().filter(|(key, _)| key.ends_with("Options") || key == "timestampField");
    let options: Vec<String> = options.map(|(key, value)| format!("{key} {}", value.json())).collect();
    Some([vec![name], options].concat().join(", "))
}

/// Returns the text of the function that computes an on-demand view.
fn function(view: &Given) -> Option<String> {
    let transformation = view.member("featureTransformation");
    let function = transformation.and_then(|one| one.member("userDefinedFunction"));
    let function = function.or_else(|| view.member("userDefinedFunction"))?;
    let mode = text_of(view, "mode").or_else(|| text_of(function, "mode")).unwrap_or_default();
    Some(format!("{mode}\n{}", text_of(function, "bodyText")?))
}

fn owner(view: &Given) -> Option<String> {
    let tag = |key: &str| view.member("tags").and_then(|tags| text_of(tags, key));
    text_of(view, "owner").or_else(|| tag("owner")).or_else(|| tag("team"))
}

fn members(list: Option<&Given>) -> &[Given] {
    if let Some(Given::List(members)) = list { members } else { &[] }
}

fn plain_text(value: Option<&Given>) -> Option<String> {
    if let Some(Given::Text(text)) = value { Some(text.clone()).filter(|text| !text.is_empty()) } else { None }
}

fn text_of(value: &Given, name: &str) -> Option<String> {
    plain_text(value.member(name))
}

fn spec_text(value: &Given, name: &str) -> Option<String> {
    text_of(value.member("spec")?, name)
}
