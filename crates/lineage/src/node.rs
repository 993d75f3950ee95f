//! Nodes of the graph and how they are written: `dataset:NAMESPACE:NAME`, `job:NAMESPACE:NAME`, `datasetField:NAMESPACE:NAME:COLUMN`.

use std::fmt;

use crate::Name;

/// Is how many colons of an id are tried as the ends of its namespace and its name.
const COLONS_MAX: usize = 32;

/// Is what a node of the graph is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A dataset.
    Dataset,
    /// A job.
    Job,
}

/// Is a node by its name, to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeId<'a> {
    /// A dataset or a job.
    Whole(Kind, &'a str, &'a str),
    /// A column of a dataset.
    Column(&'a str, &'a str, &'a str),
}

impl fmt::Display for NodeId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(Kind::Dataset, namespace, name) => write!(f, "dataset:{namespace}:{name}"),
            Self::Whole(Kind::Job, namespace, name) => write!(f, "job:{namespace}:{name}"),
            Self::Column(namespace, name, column) => write!(f, "datasetField:{namespace}:{name}:{column}"),
        }
    }
}

/// Is what an id may mean. Namespaces and names have colons of their own, so an id alone does not say where they end: the first of these
/// that is there is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A dataset or a job.
    Whole(Kind, Vec<Name>),
    /// A column of a dataset.
    Column(Vec<(Name, String)>),
    /// Something that is tracked of training.
    Tracked(TrackedNode),
}

/// Is something that is tracked of training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrackedNode {
    /// A run, by its id in the form in which it is tracked.
    Run(String),
    /// A logged model, by its id.
    Model(String),
    /// A version of a registered model, by the name and its number.
    Version(String, i64),
    /// What is to run of a model at a target, by the name and the target.
    Deployment(String, String),
    /// An agent, by its name: what it named that it runs.
    Agent(String),
}

impl Wanted {
    /// Reads an id; nothing if it is none.
    pub fn read(id: &str) -> Option<Self> {
        let (kind, rest) = id.split_once(':')?;
        let wanted = match kind {
            "dataset" => Self::Whole(Kind::Dataset, names(rest)),
            "job" => Self::Whole(Kind::Job, names(rest)),
            "datasetField" => Self::Column(columns(rest)),
            _ => return tracked(kind, rest).map(Self::Tracked),
        };
        let is_some = match &wanted {
            Self::Whole(_, names) => !names.is_empty(),
            Self::Column(columns) => !columns.is_empty(),
            Self::Tracked(_) => true,
        };
        is_some.then_some(wanted)
    }
}

fn tracked(kind: &str, rest: &str) -> Option<TrackedNode> {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let id = |id: &str| text(id).filter(|id| id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
    match kind {
        // Lineage writes as a UUID what training writes as 32 digits.
        "run" => id(&rest.replace('-', "")).map(TrackedNode::Run),
        "model" => id(rest).map(TrackedNode::Model),
        "version" => {
            let (name, number) = rest.rsplit_once('/')?;
            Some(TrackedNode::Version(text(name)?, number.parse().ok()?))
        }
        "deployment" => {
            let (name, target) = rest.split_once('@')?;
            Some(TrackedNode::Deployment(text(name)?, text(target)?))
        }
        "agent" => text(rest).map(TrackedNode::Agent),
        _ => None,
    }
}

/// Returns the ways to read a namespace and a name. First come those whose cut is at no colon of an address (`scheme://host:port`), so
/// that two that are both there are told apart as they were meant; of either kind, the shortest namespace comes first.
fn names(text: &str) -> Vec<Name> {
    let cut = |at: usize| {
        let (namespace, name) = (text.get(..at)?, text.get(at + 1..)?);
        let are_names = !namespace.is_empty() && !name.is_empty();
        are_names.then(|| Name { namespace: namespace.to_owned(), name: name.to_owned() })
    };
    let colons = text.match_indices(':').map(|(at, _)| at).take(COLONS_MAX);
    let (within, between): (Vec<usize>, Vec<usize>) = colons.partition(|at| is_of_an_address(text, *at));
    between.into_iter().chain(within).filter_map(cut).collect()
}

fn is_of_an_address(text: &str, at: usize) -> bool {
    let after = text.get(at + 1..).unwrap_or_default();
    after.starts_with("//") || after.starts_with(|c: char| c.is_ascii_digit())
}

/// Returns the ways to read a dataset and a column. The column is taken as what follows the last colon first.
fn columns(text: &str) -> Vec<(Name, String)> {
    let cut = |(at, _): (usize, &str)| {
        let column = text.get(at + 1..).filter(|column| !column.is_empty())?;
        Some(names(text.get(..at)?).into_iter().map(|name| (name, column.to_owned())).collect::<Vec<_>>())
    };
    text.rmatch_indices(':').take(COLONS_MAX).filter_map(cut).flatten().collect()
}
