//! Facets that say how things hang together, and those that name what a graph shows of its nodes.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::document::{Members, Read, flag, name, text};
use crate::event::{Facet, Name};
use crate::node::Kind;
use crate::{Refusal, RunId};

/// Is what a facet says that is read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Nothing that is read.
    Other,
    /// The columns of a dataset.
    Fields(Vec<Field>),
    /// The other names of a dataset.
    Symlinks(Vec<Name>),
    /// What came of what.
    Threads(Threads),
    /// The version of a dataset.
    Version(String),
    /// What a dataset or a job is for.
    Description(String),
    /// Where the source of a job is.
    Location(String),
    /// What happened to a dataset as a whole, such as `DROP`.
    Lifecycle(String),
}

/// Is a column of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type, as the dataset's own system calls it.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// The columns within it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
}

/// Says what came of what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Threads {
    /// Pairs of what was read and what came of it.
    pub edges: Vec<(End, End)>,
    /// The same of columns.
    pub columns: Vec<Column>,
}

/// Is one end of such a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// What the facet hangs on.
    Own,
    /// The job that the event tells of.
    Job,
    /// Something by its name.
    Named(Kind, Name),
}

/// Says that a column came of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The dataset that was read.
    pub from: Name,
    /// Its column.
    pub from_field: String,
    /// The dataset that came of it; nothing for what the facet hangs on.
    pub to: Option<Name>,
    /// Its column; nothing if all of them depend on what was read.
    pub to_field: Option<String>,
    /// How: a JSON list of transformations, as it was written.
    pub how: String,
}

/// Says what a facet hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Dataset,
    Job,
    Run,
    /// A dataset as an input or an output of a run.
    Role,
}

/// Reads one facet.
pub(crate) fn facet(on: On, called: &str, raw: &RawValue) -> Read<Facet> {
    crate::document::check_name(called)?;
    let members = Members::of(raw)?;
    members.need("_producer", text)?;
    members.need("_schemaURL", text)?;
    let may_be_deleted = matches!(on, On::Dataset | On::Job);
    if may_be_deleted && members.some("_deleted", flag)? == Some(true) {
        return Ok(Facet { name: called.to_owned(), body: None, said: Said::Other });
    }
    let said = said(on, called, &members)?;
    Ok(Facet { name: called.to_owned(), body: Some(crate::compact(raw.get())), said })
}

fn said(on: On, called: &str, members: &Members<'_>) -> Read<Said> {
    let some = |read: Option<Said>| read.unwrap_or(Said::Other);
    Ok(match (on, called) {
        (On::Dataset, "schema") => Said::Fields(members.each("fields", field)?),
        (On::Dataset, "symlinks") => Said::Symlinks(members.each("identifiers", named)?),
        (On::Dataset, "columnLineage") => Said::Threads(columns(members)?),
        (On::Dataset, "lineage") => {
            let mut threads = Threads::default();
            target(members, &End::Own, true, &mut threads)?;
            Said::Threads(threads)
        }
        (On::Job, "lineage") => Said::Threads(entries(members)?),
        (On::Dataset, "version") => Said::Version(members.need("datasetVersion", name)?),
        (On::Dataset | On::Job, "documentation") => some(members.some("description", text)?.map(Said::Description)),
        (On::Job, "sourceCodeLocation") => some(members.some("url", text)?.map(Said::Location)),
        (On::Dataset, "lifecycleStateChange") => some(members.some("lifecycleStateChange", text)?.map(Said::Lifecycle)),
        _ => Said::Other,
    })
}

/// Reads the name of something in its namespace.
pub(crate) fn named(raw: &RawValue) -> Read<Name> {
    name_of(&Members::of(raw)?)
}

fn name_of(members: &Members<'_>) -> Read<Name> {
    Ok(Name { namespace: members.need("namespace", name)?, name: members.need("name", name)? })
}

fn field(raw: &RawValue) -> Read<Field> {
    let members = Members::of(raw)?;
    Ok(Field {
        name: members.need("name", name)?,
        kind: members.some("type", text)?,
        description: members.some("description", text)?,
        fields: members.each("fields", field)?,
    })
}

/// Reads the facet that says of each column of a dataset what it came of.
fn columns(members: &Members<'_>) -> Read<Threads> {
    let of_field = |to: &str, raw| {
        crate::document::check_name(to)?;
        Members::of(raw)?.need("inputFields", |raw| crate::document::list(raw, |raw| column(raw, Some(to))))
    };
    let by_field = members.need("fields", |_| Ok(())).and_then(|()| members.named("fields", of_field))?;
    let of_all = members.each("dataset", |raw| column(raw, None))?;
    let columns: Vec<Column> = by_field.into_iter().flatten().chain(of_all).collect();
    let edge = |column: &Column| (End::Named(Kind::Dataset, column.from.clone()), End::Own);
    Ok(Threads { edges: columns.iter().map(edge).collect(), columns })
}

fn column(raw: &RawValue, to: Option<&str>) -> Read<Column> {
    let members = Members::of(raw)?;
    Ok(Column {
        from: name_of(&members)?,
        from_field: members.need("field", name)?,
        to: None,
        to_field: to.map(str::to_owned),
        how: transformations(&members)?,
    })
}

/// Reads the transformations by which something came of something; an empty list where nobody says.
fn transformations(members: &Members<'_>) -> Read<String> {
    members.each("transformations", |raw| Members::of(raw)?.need("type", text))?;
    let written = members.some("transformations", |raw| Ok(crate::compact(raw.get())))?;
    Ok(written.unwrap_or_else(|| "[]".to_owned()))
}

/// Reads the facet that says of a job what came of what.
fn entries(members: &Members<'_>) -> Read<Threads> {
    let mut threads = Threads::default();
    let read = members.need("entries", |raw| {
        crate::document::list(raw, |raw| {
            let (members, mut threads) = (Members::of(raw)?, Threads::default());
            let end = entity(&members, End::Own)?;
            let has_columns = matches!(end, End::Named(Kind::Dataset, _));
            target(&members, &end, has_columns, &mut threads)?;
            Ok(threads)
        })
    })?;
    for Threads { edges, columns } in read {
        threads.edges.extend(edges);
        threads.columns.extend(columns);
    }
    Ok(threads)
}

/// Reads a dataset or a job; one without a name is `own`, if it is a job.
fn entity(members: &Members<'_>, own: End) -> Read<End> {
    let kind = members.need("type", |raw| match text(raw)?.as_str() {
        "DATASET" => Ok(Kind::Dataset),
        "JOB" => Ok(Kind::Job),
        _ => Err(Refusal::here("`DATASET` or `JOB` is expected")),
    })?;
    members.some("runId", run_id)?;
    if kind == Kind::Job && !members.has("namespace") && !members.has("name") {
        return Ok(own);
    }
    Ok(End::Named(kind, name_of(members)?))
}

/// Reads what feeds a dataset or a job, as a whole and by its columns.
///
/// - `has_columns`: whether it is a dataset; of a job, `fields` is a member more that nobody knows.
fn target(members: &Members<'_>, to: &End, has_columns: bool, threads: &mut Threads) -> Read<()> {
    for input in members.each("inputs", |raw| input(raw, None))? {
        input.join(to, threads);
    }
    let of_field = |to: &str, raw| {
        crate::document::check_name(to)?;
        Members::of(raw)?.need("inputs", |raw| crate::document::list(raw, |raw| input(raw, Some(to))))
    };
    let by_field = if has_columns { members.named("fields", of_field)? } else { Vec::new() };
    by_field.into_iter().flatten().for_each(|input| input.join(to, threads));
    Ok(())
}

/// Is what feeds something.
struct Input {
    from: End,
    field: Option<String>,
    to_field: Option<String>,
    how: String,
}

fn input(raw: &RawValue, to_field: Option<&str>) -> Read<Input> {
    let members = Members::of(raw)?;
    let from = entity(&members, End::Job)?;
    let is_dataset = matches!(from, End::Named(Kind::Dataset, _));
    let field = if is_dataset { members.some("field", name)? } else { None };
    Ok(Input { from, field, to_field: to_field.map(str::to_owned), how: transformations(&members)? })
}

impl Input {
    fn join(self, to: &End, threads: &mut Threads) {
        threads.edges.push((self.from.clone(), to.clone()));
        let (End::Named(Kind::Dataset, from), Some(from_field)) = (self.from, self.field) else { return };
        let to = match to {
            End::Own => None,
            End::Named(Kind::Dataset, name) => Some(name.clone()),
            End::Job | End::Named(Kind::Job, _) => return,
        };
        threads.columns.push(Column { from, from_field, to, to_field: self.to_field, how: self.how });
    }
}

/// Reads the id of a run.
pub(crate) fn run_id(raw: &RawValue) -> Read<RunId> {
    text(raw)?.parse().map_err(|()| Refusal::here("a UUID is expected"))
}
