//! Policy bundles: reads their files, checks and compiles them, and answers the Cedar ladder.
//!
//! A bundle is a folder of texts. [`Bundle::load`] takes those texts, finds everything that is wrong with
//! them at once, and compiles what is right; [`Bundle::evaluate`] then asks the same question up to three
//! times, whether an action may run alone, observed, or once people have approved, and denies otherwise.
//!
//! Nothing here reads a file, a clock or the environment, and nothing is random: the same bundle and the
//! same question give the same answer on every machine.

mod actions;
mod bundle;
mod compile;
mod document;
mod entities;
mod evaluate;
pub mod files;
mod index;
pub mod inventory;
mod json_schema;
mod names;
mod nearest;
mod nesting;
mod parse;
mod policies;
pub mod problem;
mod reads;
mod report;
pub mod schema;
mod secrets;
mod shape;
pub mod starter;
mod validate;

pub use bundle::Bundle;
pub use evaluate::{Answer, Question, Resource};
pub use files::BundleFiles;
pub use problem::{LoadError, Problem};
pub use schema::{ADMIN_SERVER, ADMIN_TOOLS, UNDO_TOOL};
pub use starter::{Claims, StarterInput, StarterTool};
