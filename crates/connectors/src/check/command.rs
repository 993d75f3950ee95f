//! Running a command: without a shell, without the variables of this program, and not for longer than it may.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use types::check::{Look, Run};

use super::{Seen, Variables};
use crate::mcp::ORDINARY;

/// Runs it, and reads its end: 0 is good, 1 is bad, and everything else tells nothing.
pub(super) async fn look(run: &Run, told: &[(&str, String)], variables: Variables<'_>, deadline: Duration) -> Seen {
    let Some((program, arguments)) = run.run.split_first() else { return Seen::nothing("it names no command") };
    let mut command = Command::new(program);
    command.args(arguments).env_clear().process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for name in ORDINARY {
        command.envs(variables(name).map(|value| (name, value)));
    }
    for name in &run.env {
        let Some(value) = variables(name) else { return Seen::nothing(&format!("the variable `{name}` is not set")) };
        command.env(name, value);
    }
    command.envs(told.iter().map(|(name, value)| (*name, value)));
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Seen::nothing(&format!("`{program}` does not start: {error}")),
    };
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let ended = tokio::time::timeout(deadline, child.wait()).await;
    if let Some(group) = group {
        // What it has started and left ends with it; a group that is gone needs no signal.
        let _ = kill_process_group(group, Signal::KILL);
    }
    match ended.map(|ended| ended.map(|status| status.code())) {
        Ok(Ok(Some(0))) => Seen::of(Look::Good, &format!("`{program}` ends with 0")),
        Ok(Ok(Some(1))) => Seen::of(Look::Bad, &format!("`{program}` ends with 1")),
        Ok(Ok(Some(other))) => Seen::nothing(&format!("`{program}` ends with {other}, which tells nothing")),
        Ok(Ok(None)) => Seen::nothing(&format!("`{program}` was ended by a signal")),
        Ok(Err(error)) => Seen::nothing(&format!("`{program}` cannot be waited for: {error}")),
        Err(_) => Seen::nothing(&format!("`{program}` did not end within {} ms", deadline.as_millis())),
    }
}
