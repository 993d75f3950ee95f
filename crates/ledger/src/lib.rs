//! The ledger: one sequencer per tenant, one transaction per batch, acknowledgements after the sync.
//!
//! Nothing is authority until it is here: [`Recorded`] has no other maker than the commit that made it
//! durable. The journal is the ground state; the files the [`publish`] thread renders from it are what
//! strangers verify.

pub mod at_once;
pub mod closed;
mod committer;
pub mod disk;
pub mod draft;
pub mod epoch;
pub mod files;
mod folding;
mod guard;
pub mod handle;
pub mod history;
pub mod keyring;
pub mod late;
pub mod machine;
pub mod port;
pub mod publish;
pub mod reach;
pub mod recorded;
pub mod recover;
pub mod ring;
pub mod rollover;
pub mod sequencer;
mod sessions;
pub mod stamping;
mod stamps;
pub mod standing;
pub mod sync;
pub mod timekeeper;
pub mod watermark;
pub mod witnessing;

pub use closed::ClosedLog;
pub use disk::Disk;
pub use draft::Draft;
pub use files::Folder;
pub use handle::{Committed, Ledger, LedgerError};
pub use history::History;
pub use keyring::{KeyringError, LogKeys, Subjects};
pub use machine::{Machine, StateSource, Traces, Turn};
pub use port::{Clock, Random};
pub use recorded::Recorded;
pub use ring::{KeyStore, LogRing};
pub use standing::Standing;
