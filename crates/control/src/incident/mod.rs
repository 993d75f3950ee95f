//! An incident replayed: a door for the gateway behind which no server stands, only the record of a session.
//!
//! It decides with the functions that serve requests, on the facts as they were recorded, and answers from the record. It
//! has no journal and no connection: nothing is recorded, nothing is reached, nothing has an effect.

mod door;
mod hiding;
mod link;
mod read;

pub use door::{Incident, Setting};
pub use hiding::Hiding;
pub use link::RecordedLink;
pub use read::{Brief, recorded_bundles, sessions, sources};
