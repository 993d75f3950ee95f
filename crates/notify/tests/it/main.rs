//! What the crate does for whoever uses it, before receivers of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod addresses;
mod delivery;
mod flood;
mod mail;
mod messages;
mod receiver;
mod sending;
mod settings;
mod world;
