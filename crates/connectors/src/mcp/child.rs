//! A server as a child process: started in a group of its own, listened to, and ended for good.

use std::collections::VecDeque;
use std::process::{ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use types::text::escape;

use super::error::ConnectError;
use super::wiring::Wiring;

/// Bounds what is kept of a server's error output, and of one line of it, in bytes.
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

/// Is how much of one line is held, in bytes, without the end of the line.
const LINE_BYTES_MAX: usize = TAIL_BYTES_MAX - 1;

/// Is the line that is being read.
#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    is_cut: bool,
}

/// Returns where a secret begins that is in `bytes` on both sides of `end`.
fn across(bytes: &[u8], secret: &[u8], end: usize) -> Option<usize> {
    let first = (end + 1).saturating_sub(secret.len());
    (first..end).find(|start| bytes.get(*start..).is_some_and(|rest| rest.starts_with(secret)))
}

/// Keeps the end of a server's error output.
#[derive(Default)]
pub(crate) struct Tail {
    bytes: Mutex<VecDeque<u8>>,
    secrets: Vec<String>,
    hushed: AtomicBool,
}

impl Tail {
    pub(crate) fn new(wiring: &Wiring) -> Self {
        Self { secrets: wiring.secrets(), ..Self::default() }
    }

    /// Keeps and shows nothing of what the server writes from now on: it is sent secrets, and may write them in any form.
    pub(crate) fn hush(&self) {
        self.hushed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_hushed(&self) -> bool {
        self.hushed.load(Ordering::SeqCst)
    }

    /// Reads error output to its end, line by line so that a secret is never seen in halves.
    pub(crate) async fn drain(&self, mut pipe: ChildStderr) {
        let (mut buffer, mut line) = ([0; 1024], Line::default());
        while let Ok(read) = pipe.read(&mut buffer).await {
            let Some(piece) = buffer.get(..read).filter(|p| !p.is_empty()) else { break };
            self.take(piece, &mut line);
        }
        if !line.bytes.is_empty() {
            self.end(&mut line);
        }
    }

    fn take(&self, piece: &[u8], line: &mut Line) {
        for byte in piece {
            if *byte == b'\n' {
                self.end(line);
            } else if line.bytes.len() < LINE_BYTES_MAX {
                line.bytes.push(*byte);
            } else {
                line.is_cut = true;
            }
        }
    }

    /// Keeps a line that is over; of one that was cut only what cannot end in the first half of a secret.
    fn end(&self, line: &mut Line) {
        let Line { mut bytes, is_cut } = std::mem::take(line);
        if is_cut {
            bytes.truncate(self.before_halves(&bytes));
        }
        bytes.push(b'\n');
        self.keep(&bytes);
    }

    /// Returns how much of a cut line can be kept: less the longest secret, and in front of any secret that goes on there.
    fn before_halves(&self, bytes: &[u8]) -> usize {
        let longest = self.secrets.iter().map(String::len).max().unwrap_or_default();
        let mut end = bytes.len().saturating_sub(longest);
        while let Some(start) = self.secrets.iter().find_map(|secret| across(bytes, secret.as_bytes(), end)) {
            end = start;
        }
        end
    }

    fn keep(&self, line: &[u8]) {
        if self.is_hushed() {
            return tracing::debug!(
                bytes = line.len(),
                "the server, which was sent secrets, writes to its error output"
            );
        }
        tracing::debug!(stderr = %self.shown(line), "the server writes to its error output");
        let Ok(mut bytes) = self.bytes.lock() else { return };
        bytes.extend(line);
        if let Some(excess) = bytes.len().checked_sub(TAIL_BYTES_MAX + 1) {
            // What is left begins behind the end of a line, so with a whole one.
            let cut = bytes.iter().skip(excess).position(|b| *b == b'\n').map_or(bytes.len(), |at| excess + at + 1);
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

    fn tail(secrets: &[&str]) -> Tail {
        let headers = secrets.iter().map(|secret| ("x".to_owned(), (*secret).to_owned())).collect();
        Tail::new(&Wiring { headers, ..Wiring::default() })
    }

    /// Reads `text` in pieces of 7 bytes, as a pipe may give it.
    fn read(tail: &Tail, text: &str) {
        let mut line = Line::default();
        text.as_bytes().chunks(7).for_each(|piece| tail.take(piece, &mut line));
        assert!(line.bytes.is_empty(), "the text ends with a line");
    }

    #[test]
    fn the_tail_is_bounded_escaped_and_without_secrets() {
        let tail = tail(&["hunter22"]);
        read(&tail, &format!("first\n{}\n\u{1b}[31mkey=hunter22\n", "hunter22".repeat(511)));
        assert_eq!(tail.text(), "\\u{1b}[31mkey=[secret]");
    }

    #[test]
    fn nothing_is_kept_of_a_server_that_was_sent_secrets() {
        let tail = tail(&[]);
        read(&tail, "before\n");
        tail.hush();
        read(&tail, "got 4711\n");
        assert_eq!(tail.text(), "before");
    }

    #[test]
    fn a_line_that_fills_the_tail_is_kept_whole() {
        let tail = tail(&[]);
        read(&tail, &format!("first\n{}\n", "x".repeat(LINE_BYTES_MAX)));
        assert_eq!(tail.text(), "x".repeat(LINE_BYTES_MAX));
    }

    #[test]
    fn no_half_of_a_secret_is_seen_wherever_it_stands_in_a_line() {
        let secret = "0123456789abcdef";
        for before in 4_060..4_120 {
            let tail = tail(&[secret, "f-ghijkl"]);
            read(&tail, &format!("{}{secret}-ghijkl{}\n", "x".repeat(before), "y".repeat(5_000)));
            let text = tail.text().replace("[secret]", "");
            let told = text.trim_start_matches('x').trim_start_matches("-ghijkl").trim_start_matches('y');
            assert_eq!(told, "", "{before}");
            assert!(text.len() > 4_000, "{before}: {}", text.len());
        }
    }

    #[test]
    fn no_half_of_a_secret_is_left_where_the_tail_begins() {
        let tail = tail(&["hunter22"]);
        for _ in 0..2_000 {
            read(&tail, "key=hunter22\n");
            let text = tail.text();
            assert!(text.lines().all(|line| line == "key=[secret]"), "another line than the one written");
        }
    }
}
