//! The program as people run it: exit codes, standard output, standard error, and the road from end to end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod audit;
mod break_glass;
mod checks;
mod cli;
mod crash;
mod damage;
mod data;

mod erase;
mod first_minute;
mod first_start;
mod hook;
mod incident;
mod incident_record;
mod key;
mod log_keys;
mod login;
mod logs;
mod model;
mod passkey;
mod permission;
mod plans;
mod policy;
mod program;
mod reading;
mod rebuild;
mod receipt;
mod replay;
mod reviews;
mod rollback;
mod sagas;
mod scenarios;
mod stateless;
mod stop;
mod story;
mod targets;
mod tool;
mod upstream;
mod wrap;
