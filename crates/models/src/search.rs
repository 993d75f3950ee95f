//! Filters of searches: `clause (AND clause)*`, read into typed clauses or refused in MLflow's words.
//!
//! Each searched noun has a module with its own keys, comparators and texts: [`runs`], [`experiments`],
//! [`registered_models`], [`model_versions`], [`logged_models`] and [`traces`]. An empty filter has no clause. There is no `OR`, no
//! grouping and no function; all of them are refused.
//!
//! # What is kept as it is
//!
//! A text keeps doubled quotes and backslashes as they stand between its quotes, since MLflow does not resolve them. A
//! number keeps its literal. A list is the exception: it is read as Python reads a tuple, escapes resolved.
//!
//! # Errors
//!
//! Every reader refuses with [`crate::Refusal`], `INVALID_PARAMETER_VALUE`. Where MLflow lists a set of texts, whose
//! order changes with every start of its server, the alphabetical order is written.

mod clause;
pub mod experiments;
mod identifier;
mod items;
mod lexer;
mod list;
pub mod logged_models;
pub mod model_versions;
mod nodes;
pub mod registered_models;
mod registry;
pub mod runs;
mod sorted;
mod statement;
pub mod traces;
mod value;
mod words;
mod write;

pub use clause::{Clause, Comparator, Entity, Number, NumberKind, Value};
pub use write::{Noun, write};

pub(crate) use identifier::{experiment_identifier, run_identifier};
pub(crate) use sorted::{Ordering, ordering};
