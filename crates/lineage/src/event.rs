//! Events as plain data.

use std::fmt;
use std::str::FromStr;

use crate::Said;

/// Is one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When it occurred, in microseconds since the epoch.
    pub at: i64,
    /// What it tells of.
    pub about: About,
}

/// Is what an event tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A run of a job.
    Run(RunEvent),
    /// A job, without any run of it.
    Job {
        /// The job.
        job: Job,
        /// What it reads, as it is declared.
        inputs: Vec<Dataset>,
        /// What it writes, as it is declared.
        outputs: Vec<Dataset>,
    },
    /// A dataset, without any job.
    Dataset(Dataset),
}

/// Tells of a run of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEvent {
    /// How the run moves on, if the event says so.
    pub state: Option<State>,
    /// The run.
    pub run: RunId,
    /// What is said of the run.
    pub facets: Vec<Facet>,
    /// The job that runs.
    pub job: Job,
    /// What the run reads, as far as this event knows.
    pub inputs: Vec<Dataset>,
    /// What the run writes, as far as this event knows.
    pub outputs: Vec<Dataset>,
}

/// Says how a run moves on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It begins.
    Start,
    /// It goes on.
    Running,
    /// It has ended as it should.
    Complete,
    /// It was given up.
    Abort,
    /// It has failed.
    Fail,
    /// Something else is said of it.
    Other,
}

impl State {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Start, "START"),
        (Self::Running, "RUNNING"),
        (Self::Complete, "COMPLETE"),
        (Self::Abort, "ABORT"),
        (Self::Fail, "FAIL"),
        (Self::Other, "OTHER"),
    ];

    /// Reads it as events write it.
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(state, _)| *state)
    }

    /// Says whether a run is over by it.
    pub fn ends(self) -> bool {
        matches!(self, Self::Complete | Self::Abort | Self::Fail)
    }

    /// Returns what a run is called that is in it; nothing where it says nothing of that.
    pub fn run_state(self) -> Option<&'static str> {
        match self {
            Self::Start | Self::Running => Some("RUNNING"),
            Self::Complete => Some("COMPLETED"),
            Self::Abort => Some("ABORTED"),
            Self::Fail => Some("FAILED"),
            Self::Other => None,
        }
    }
}

/// Is the id of a run: 128 bits, which MLflow's runs write as 32 hex digits and OpenLineage's as a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(u128);

impl RunId {
    /// Returns the 32 hex digits.
    pub fn simple(self) -> String {
        uuid::Uuid::from_u128(self.0).simple().to_string()
    }
}

impl FromStr for RunId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        // A UUID has other forms too, in which no id is written.
        let is_plain = matches!(text.len(), 32 | 36);
        let read = uuid::Uuid::try_parse(text).ok().filter(|_| is_plain);
        read.map(|id| Self(id.as_u128())).ok_or(())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", uuid::Uuid::from_u128(self.0).hyphenated())
    }
}

/// Is a job or a dataset by its namespace and its name in there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// Is a job with what is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The job.
    pub name: Name,
    /// What is said of it.
    pub facets: Vec<Facet>,
}

/// Is a dataset with what is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// The dataset.
    pub name: Name,
    /// What is said of it.
    pub facets: Vec<Facet>,
    /// What is said of it as an input or as an output of this run.
    pub here: Vec<Facet>,
}

/// Is one facet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// Its name.
    pub name: String,
    /// Its JSON as it was written; nothing if the event deletes it.
    pub body: Option<String>,
    /// What it says, if it is one that is read.
    pub said: Said,
}
