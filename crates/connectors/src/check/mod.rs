//! Looking at what an action has led to: an address, a Prometheus server, the lines of a file, a command.
//!
//! A look says `Bad` only where something was seen that must not be, and `Nothing` where nothing could be seen: neither is ever taken for the other.

mod command;
mod http;
mod log;
mod prometheus;
mod value;

use std::time::Duration;

use types::check::{Http, LogFile, Look, Prometheus, Run};
use types::text::escape;

pub use log::{Lines, from_here};
pub use value::meets;

/// Is how many characters of a reason are kept.
const WHY_MAX: usize = 300;

/// Is what one look saw, and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it saw.
    pub look: Look,
    /// In words that can be shown.
    pub why: String,
}

impl Seen {
    /// Says what a look saw, in words that others may have written.
    pub fn of(look: Look, why: &str) -> Self {
        Self { look, why: escape(why, false).chars().take(WHY_MAX).collect() }
    }

    /// Says that nothing was seen.
    pub fn nothing(why: &str) -> Self {
        Self::of(Look::Nothing, why)
    }
}

/// Looks a variable up; `None` if it is not set.
pub type Variables<'a> = &'a (dyn Fn(&str) -> Option<String> + Send + Sync);

/// Asks an address.
pub async fn ask_http(http: &Http, expect: value::Wanted<'_>, variables: Variables<'_>, deadline: Duration) -> Seen {
    http::look(http, expect, variables, deadline).await
}

/// Asks a Prometheus server.
pub async fn ask_prometheus(
    prometheus: &Prometheus,
    expect: value::Wanted<'_>,
    variables: Variables<'_>,
    deadline: Duration,
) -> Seen {
    prometheus::look(prometheus, expect, variables, deadline).await
}

/// Reads what was added to a file since the last look, and says how far that went.
pub async fn read_log(file: &LogFile, mut lines: Lines) -> (Seen, Lines) {
    let file = file.clone();
    let read = tokio::task::spawn_blocking(move || (log::look(&file, &mut lines), lines)).await;
    read.unwrap_or_else(|error| (Seen::nothing(&error.to_string()), lines))
}

/// Runs a command.
///
/// - `told`: variables that tell it what it looks at.
pub async fn run_command(run: &Run, told: &[(&str, String)], variables: Variables<'_>, deadline: Duration) -> Seen {
    command::look(run, told, variables, deadline).await
}
