//! The locks, channels and threads of what races, in one place, so that the race tests can put a scheduler's own in.
//!
//! In every other build these are the standard library's. The feature `shuttle`, which nothing that ships turns on, replaces
//! them by those of the crate `shuttle`, which runs all threads on one and decides at each of their steps which goes on.
//! Tokio's channels stay tokio's: they wake whoever waits, on whatever thread that is.

use std::future::Future;

#[cfg(feature = "shuttle")]
pub mod watch;
#[cfg(not(feature = "shuttle"))]
pub use tokio::sync::watch;

#[cfg(feature = "shuttle")]
pub use shuttle::{
    sync::{Mutex, MutexGuard, RwLock, mpsc},
    thread,
};
#[cfg(not(feature = "shuttle"))]
pub use std::{
    sync::{Mutex, MutexGuard, RwLock, mpsc},
    thread,
};

/// Runs a future on this thread alone until it has ended.
///
/// # Errors
///
/// What the system says of a new runtime.
#[cfg(not(feature = "shuttle"))]
pub(crate) fn block_on<F: Future>(future: F) -> std::io::Result<F::Output> {
    Ok(tokio::runtime::Builder::new_current_thread().build()?.block_on(future))
}

/// Runs a future on this thread alone until it has ended.
///
/// # Errors
///
/// None.
#[cfg(feature = "shuttle")]
pub(crate) fn block_on<F: Future>(future: F) -> std::io::Result<F::Output> {
    Ok(shuttle::future::block_on(future))
}
