//! A server as a child process: started in a group of its own, listened to, and ended for good.

use std::collections::VecDeque;
use std::process::{ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use types::text::escape;

use super::error::ConnectError;
use super::wiring::Wiring;

/// Bounds what is kept of a server's error output, in bytes.
const TAIL_BYTES_MAX: usize = 4096;

/// Is how long a server has to end after its input closed, and again after it was told to terminate.
const PATIENCE: Duration = Duration::from_secs(2);

/// Starts the wiring's command with piped streams, its own process group and no environment but the wiring's.
///
/// # Errors
///
/// [`ConnectError::Wiring`] without a command; [`ConnectError::Unavailable`] if it does not start.
pub(crate) fn spawn(wiring: &Wiring) -> Result<Child, ConnectError> {
    let Some((program, arguments)) = wiring.command.split_first() else {
        return Err(ConnectError::Wiring("it names neither a command nor a URL".into()));
    };
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(&wiring.env).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map_err(|error| ConnectError::Unavailable {
        reason: format!("the command `{}` does not start: {error}", escape(program, false)),
        detail: String::new(),
    })
}

/// Is a child's process group; what is left of it is killed when this is dropped.
pub(crate) struct Group(Option<Pid>);

impl Group {
    pub(crate) fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // A group that is gone needs no signal.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Ends a child whose input is closed already: waits, asks it to terminate, waits, kills.
pub(crate) async fn stop(child: &mut Child, group: &Group) -> Option<ExitStatus> {
    if let Ok(status) = tokio::time::timeout(PATIENCE, child.wait()).await {
        return status.ok();
    }
    group.signal(Signal::TERM);
    if let Ok(status) = tokio::time::timeout(PATIENCE, child.wait()).await {
        return status.ok();
    }
    group.signal(Signal::KILL);
    child.wait().await.ok()
}

/// Keeps the end of a server's error output.
#[derive(Default)]
pub(crate) struct Tail {
    bytes: Mutex<VecDeque<u8>>,
    secrets: Vec<String>,
}

impl Tail {
    pub(crate) fn new(wiring: &Wiring) -> Self {
        Self { bytes: Mutex::default(), secrets: wiring.secrets() }
    }

    /// Reads error output to its end, line by line so that a secret is never seen in halves.
    pub(crate) async fn drain(&self, mut pipe: ChildStderr) {
        let (mut buffer, mut line) = ([0; 1024], Vec::new());
        while let Ok(read) = pipe.read(&mut buffer).await {
            let Some(piece) = buffer.get(..read).filter(|p| !p.is_empty()) else { break };
            for byte in piece {
                line.push(*byte);
                if *byte == b'\n' || line.len() >= TAIL_BYTES_MAX {
                    self.keep(&std::mem::take(&mut line));
                }
            }
        }
        self.keep(&line);
    }

    fn keep(&self, line: &[u8]) {
        tracing::debug!(stderr = %self.shown(line), "the server writes to its error output");
        let Ok(mut bytes) = self.bytes.lock() else { return };
        bytes.extend(line);
        let excess = bytes.len().saturating_sub(TAIL_BYTES_MAX);
        if excess > 0 {
            let cut = bytes.iter().skip(excess).position(|b| *b == b'\n').map_or(excess, |at| excess + at + 1);
            bytes.drain(..cut);
        }
    }

    /// Returns the end of the output, escaped, with the wiring's own secrets taken out.
    pub(crate) fn text(&self) -> String {
        let bytes: Vec<u8> = self.bytes.lock().map(|b| b.iter().copied().collect()).unwrap_or_default();
        self.shown(&bytes)
    }

    fn shown(&self, bytes: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        for secret in &self.secrets {
            text = text.replace(secret, "[secret]");
        }
        escape(text.trim_end(), true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_bounded_escaped_and_without_secrets() {
        let wiring = Wiring { headers: vec![("x".into(), "hunter22".into())], ..Wiring::default() };
        let tail = Tail::new(&wiring);
        tail.keep(b"first\n");
        tail.keep(&[b"hunter22".repeat(511), b"\n".to_vec()].concat());
        tail.keep(b"\x1b[31mkey=hunter22\n");
        let text = tail.text();
        assert_eq!(text, "\\u{1b}[31mkey=[secret]");
    }
}
