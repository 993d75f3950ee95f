//! The only SQL of the house: the journal, its head, sealed contents, and what the next decision reads.
//!
//! One writer, many readers. A batch is one transaction: it is in the journal whole and synced, or not
//! at all. Nothing here interprets what it stores.

pub mod artifacts;
pub mod batch;
mod erase;
pub mod error;
#[cfg(feature = "memory")]
pub mod memory;
pub mod mlflow;
pub mod mutant;
pub mod outbox;
pub mod pages;
mod plans;
pub mod query;
pub mod reader;
pub mod tracking;
pub mod upgrade;
pub mod value;
pub mod wal;
pub mod whole;
pub mod writer;

pub use batch::{Batch, Erased, Erasure, Head, NewRecord, NewSubject, StateOp};
pub use error::StoreError;
#[cfg(feature = "memory")]
pub use memory::{Reader, Wal, Writer};
pub use reader::{About, Row, StateRow};
pub use wal::Folded;
pub use whole::Whole;
#[cfg(not(feature = "memory"))]
pub use {reader::Reader, wal::Wal, writer::Writer};
