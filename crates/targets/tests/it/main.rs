//! Databases and files that agents change, over real servers and folders: what is changed, seen, taken back, and found.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

extern crate countersign_targets as targets;

mod attacks;
mod changes;
mod entries;
mod faults;
mod files;
mod files_lost;
mod guards;
mod http;
mod http_double;
mod http_lost;
mod interleavings;
mod kit;
mod lost;
