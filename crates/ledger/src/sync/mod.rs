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

/// Says whether a thread has ended.
#[cfg(not(feature = "shuttle"))]
pub fn has_ended<T>(thread: &thread::JoinHandle<T>) -> bool {
    thread.is_finished()
}

/// Says of no thread that it has ended: the scheduler does not tell.
#[cfg(feature = "shuttle")]
pub fn has_ended<T>(_: &thread::JoinHandle<T>) -> bool {
    false
}

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
