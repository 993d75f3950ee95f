//! What an auditor does who trusts nobody: count everything, draw a sample that nobody can steer, and have each drawn
//! decision told with what is proved of it and what rests on somebody's judgement.
//!
//! Population and sample come from the published log alone, whose leaves show kinds, verdicts, levels and times and
//! commit to everything else. The sample goes to the operator as a [`Request`]; the evidence that comes back is held
//! against that request, against the log the auditor holds, and against the rules.

mod error;
mod filter;
mod held;
mod lines;
mod population;
mod published;
mod reconstruct;
mod request;
mod sample;
mod statement;
mod story;
pub mod words;

pub use error::{AuditError, Untrusted};
pub use filter::{Filter, VerdictName};
pub use held::Held;
pub use lines::checked;
pub use population::Population;
pub use published::{Published, open, walk};
pub use reconstruct::{Reconstruction, reconstruct};
pub use request::{Pick, Request, RequestError};
pub use sample::{Draw, rank};
pub use statement::{Basis, Statement, Story};
