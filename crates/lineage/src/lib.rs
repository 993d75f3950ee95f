//! What OpenLineage's clients send (specification 2-0-2), read strictly and as far as it is not storage.
//!
//! An [`Event`] tells of a run, a job or a dataset, and hangs facets on them. Facets are open-ended: each is kept as it was written, and
//! those that say how things hang together ([`Said`]) are read besides. What cannot be read is refused with its place in the document.
//!
//! Which facet of several holds is a rule of whoever keeps them: the one of the latest event, and a deleted one holds too, as its absence.
//! Nothing here reads a clock or a file, and no number becomes a float: facets stay texts.

mod document;
mod event;
mod facets;
mod node;
mod read;
mod refusal;
mod time;

pub use document::compact;
pub use event::{About, Dataset, Event, Facet, Job, Name, RunEvent, RunId, State};
pub use facets::{Column, End, Field, Said, Threads};
pub use node::{Kind, NodeId, TrackedNode, Wanted};
pub use read::{batch, event};
pub use refusal::Refusal;
pub use time::{instant, written};

/// Is the longest name of anything, in bytes.
pub const NAME_BYTES_MAX: usize = 2_048;

/// Limits nesting of arrays and objects in an event.
pub const DEPTH_MAX: usize = 64;
