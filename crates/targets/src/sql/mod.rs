//! Databases: statements that are parsed, planned, run once, seen, and taken back.
//!
//! Rows are captured by triggers in the database itself, in the transaction that changes them, whoever does: so what is taken back is every row a change
//! touched, by whatever cascade, and what came around us is there to be found.

mod database;
mod error;
mod images;
pub mod postgres;
mod server;
pub mod sqlite;
mod statement;

pub use database::{Changed, Database, Difference, Limits, Rows, TableChanged};
pub use error::SqlError;
pub use images::Counts;
pub use server::SqlServer;
pub use statement::{Kind, Language, OURS, STATEMENT_BYTES_MAX, Statement};
