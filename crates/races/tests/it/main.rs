//! Races under test: nothing goes wrong in them, and what would is noticed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(feature = "mutants")]
mod planted;
mod schedules;

/// A planted bug is on for the whole process, so one test runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}
