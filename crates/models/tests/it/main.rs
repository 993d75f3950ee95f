//! Tests of the models crate through its public interface.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod answer;
mod data;
mod diagnosis;
mod differences;
mod features;
mod limits;
mod otlp;
mod properties;
mod recipe;
mod vectors;
