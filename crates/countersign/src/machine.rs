//! The machine this runs on: its clocks, its random bytes, its environment. Nothing else reads them.

use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ledger::{Clock, Random};
use types::Millis;

/// Reads the machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clocks")]
impl Clock for SystemClock {
    fn wall(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn steady_ms(&self) -> i64 {
        static START: OnceLock<Instant> = OnceLock::new();
        let elapsed = START.get_or_init(Instant::now).elapsed();
        i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
    }
}

/// Draws random bytes from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

#[expect(clippy::disallowed_methods, reason = "this is the one place that draws random bytes")]
impl Random for SystemRandom {
    fn fill(&self, out: &mut [u8]) {
        if getrandom::fill(out).is_err() {
            // Keys and ids made of anything else would be worse than no process.
            std::process::abort();
        }
    }
}

/// Reads one variable of the environment.
#[expect(clippy::disallowed_methods, reason = "binaries read the environment, and this is where")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Returns the name of whoever runs this, if the environment has one.
pub fn user() -> Option<String> {
    variable("USER").or_else(|| variable("LOGNAME"))
}

/// Returns the environment as the application resolves names in it.
pub fn environment() -> control::control::Environment {
    Arc::new(variable)
}

/// Leaves no core dump behind in a file: it would hold keys, and what is secret in calls under way.
pub fn no_core_dumps() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = rustix::process::setrlimit(rustix::process::Resource::Core, none) {
        tracing::warn!(%error, "core dumps cannot be turned off");
    }
}

/// Sends log lines to standard error: warnings by default, more with each `-v`.
pub fn log(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = variable("COUNTERSIGN_LOG").unwrap_or_else(|| level.to_owned());
    let filter =
        tracing_subscriber::EnvFilter::try_new(filter).unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let started =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).try_init();
    if started.is_err() {
        tracing::debug!("a log is there already");
    }
}
