//! The request: which decisions an auditor has drawn, and by which rule anybody can draw them again.

use evidence::Trust;
use serde::{Deserialize, Serialize};
use tlog::TilePath;
use types::{ActionId, Digest};

use super::{AuditError, Draw, Filter, open, walk};

/// Is the format this code writes and reads.
pub const FORMAT: &str = "countersign/audit-request/1";

/// Is the largest request that is read, in bytes.
const BYTES_MAX: usize = 16 << 20;

/// Is the most decisions one request draws.
pub const SIZE_MAX: usize = 10_000;

/// Is the longest seed, in bytes.
const SEED_BYTES_MAX: usize = 200;

/// Is one drawn decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pick {
    /// The index of its record in the log.
    pub index: u64,
    /// The action it decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    /// The hash under which the auditor's log knows that record.
    pub leaf: Digest,
}

/// Is what an auditor asks of an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The format, [`FORMAT`].
    pub format: String,
    /// The signed checkpoint of the log it was drawn from.
    pub checkpoint: String,
    /// The seed, which the auditor chose after that checkpoint was out.
    pub seed: String,
    /// How many decisions were asked for; there are fewer picks where the population is smaller.
    pub n: usize,
    /// Which decisions were meant.
    pub filter: Filter,
    /// How many decisions those are.
    pub population: u64,
    /// The drawn ones, in the order of the log.
    pub picks: Vec<Pick>,
}

/// Says why a file is no request, or a request cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The file is not one.
    #[error("not an audit request: {0}")]
    Malformed(String),
    /// It is of another format.
    #[error("the request's format is `{0}`, this program knows `{FORMAT}`")]
    Format(String),
    /// A sample cannot be drawn so.
    #[error("a sample needs a seed of 1 to {SEED_BYTES_MAX} bytes and a size of 1 to {SIZE_MAX}")]
    Unusable,
    /// The log does not hold.
    #[error(transparent)]
    Log(#[from] AuditError),
}

impl Request {
    /// Draws a sample from a published log.
    ///
    /// - `note`: the log's signed checkpoint.
    /// - `trust`: whom the reader trusts; witnesses that they demand must have cosigned it.
    ///
    /// # Errors
    ///
    /// [`RequestError::Unusable`] or [`RequestError::Log`].
    pub fn draw(
        note: &[u8],
        trust: &Trust,
        fetch: impl FnMut(&TilePath) -> Option<Vec<u8>>,
        seed: &str,
        n: usize,
        filter: Filter,
    ) -> Result<Self, RequestError> {
        usable(seed, n)?;
        let (checkpoint, _) = open(note, trust).map_err(AuditError::from)?;
        let mut draw = Draw::new(seed, checkpoint.root, filter.clone(), n);
        walk(note, trust, fetch, |index, leaf, bytes| draw.take(index, leaf, bytes))?;
        let (picks, population) = draw.finish();
        Ok(Self {
            format: FORMAT.to_owned(),
            checkpoint: String::from_utf8_lossy(note).into_owned(),
            seed: seed.to_owned(),
            n,
            filter,
            population,
            picks,
        })
    }

    /// Reads a request strictly: no field it does not know, picks in order and no more than asked for.
    ///
    /// # Errors
    ///
    /// [`RequestError::Malformed`], [`RequestError::Format`] or [`RequestError::Unusable`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, RequestError> {
        let malformed = |why: &str| RequestError::Malformed(why.to_owned());
        if bytes.len() > BYTES_MAX {
            return Err(malformed("it is larger than 16 MiB"));
        }
        let request: Self = serde_json::from_slice(bytes).map_err(|e| RequestError::Malformed(e.to_string()))?;
        if request.format != FORMAT {
            return Err(RequestError::Format(request.format));
        }
        usable(&request.seed, request.n)?;
        let drawn = u64::try_from(request.picks.len()).unwrap_or(u64::MAX);
        if drawn != request.population.min(u64::try_from(request.n).unwrap_or(u64::MAX)) {
            return Err(malformed("it names more or fewer decisions than it says it drew"));
        }
        if !request.picks.is_sorted_by(|a, b| a.index < b.index) {
            return Err(malformed("its decisions are not in the order of the log, each once"));
        }
        Ok(request)
    }

    /// Writes the file.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Returns the actions whose decisions were drawn.
    pub fn actions(&self) -> impl Iterator<Item = ActionId> + '_ {
        self.picks.iter().filter_map(|pick| pick.action)
    }
}

fn usable(seed: &str, n: usize) -> Result<(), RequestError> {
    let fits = (1..=SEED_BYTES_MAX).contains(&seed.len()) && (1..=SIZE_MAX).contains(&n);
    if fits { Ok(()) } else { Err(RequestError::Unusable) }
}
