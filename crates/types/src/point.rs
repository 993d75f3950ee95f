//! Await points: where something waits, told to a simulation that lets it fall there.
//!
//! Without the feature `points`, which nothing that ships turns on, [`at`] is the future itself and nothing else is here.

#[cfg(feature = "points")]
mod watched;

#[cfg(feature = "points")]
pub use watched::{At, last, take_all, waiting};

/// Names the point at which a future is awaited.
#[cfg(feature = "points")]
pub fn at<F: Future>(point: &'static str, future: F) -> At<F> {
    At::new(point, future)
}

/// Names the point at which a future is awaited; in a build without the feature it is the future itself.
#[cfg(not(feature = "points"))]
pub const fn at<F: Future>(_: &'static str, future: F) -> F {
    future
}
