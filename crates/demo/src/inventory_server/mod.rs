//! An MCP server over the inventory: 2025-11-25 on lines, as a child over stdio or inside a process.
//!
//! It is an ordinary, trusting server: it does whatever it is asked, and one day lists a tool with another
//! description than the day before.

mod calls;
mod protocol;
mod runbooks;
mod tools;

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use types::jsonrpc::Frame;

use crate::inventory::Inventory;
pub use calls::CallError;
pub use protocol::Server;
pub use tools::definitions;

/// Is what the server calls itself.
pub const NAME: &str = "countersign-demo-inventory";

/// Is the version the server says it has.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Bounds a message, in bytes.
pub const FRAME_BYTES_MAX: usize = 16 << 20;

/// Is how often the server looks whether its list of tools has changed.
const WATCH: Duration = Duration::from_millis(200);

/// Returns the identity that a catalogue pins: name and version.
pub fn identity() -> String {
    format!("{NAME}/{VERSION}")
}

/// Answers messages, one a line, until the input ends.
///
/// Requests are answered in the order they come. A change of the list of tools is announced within 200 ms, also
/// while nothing comes in. A line that is no message is answered with an error and ends nothing.
///
/// # Errors
///
/// If the database cannot be opened, or reading or writing fails.
pub fn serve(db: &Path, input: impl BufRead, output: impl Write + Send) -> io::Result<()> {
    let inventory = Inventory::open(db).map_err(io::Error::other)?;
    let wire = &Mutex::new(Wire { server: Server::new(inventory), output });
    let (stop, stopped) = channel();
    std::thread::scope(move |scope| {
        scope.spawn(move || watch(wire, &stopped));
        let answered = answer_all(wire, input);
        drop(stop);
        answered
    })
}

/// Is the server with the one output its two threads share.
struct Wire<W> {
    server: Server,
    output: W,
}

impl<W: Write> Wire<W> {
    fn write(&mut self, frame: &Frame) -> io::Result<()> {
        self.output.write_all(frame.text().as_bytes())?;
        self.output.write_all(b"\n")?;
        self.output.flush()
    }

    fn announce(&mut self) -> io::Result<()> {
        match self.server.announcement() {
            Some(frame) => self.write(&frame),
            None => Ok(()),
        }
    }

    fn answer(&mut self, line: &[u8]) -> io::Result<()> {
        self.announce()?;
        match self.server.answer(line) {
            Some(frame) => self.write(&frame),
            None => Ok(()),
        }
    }
}

fn lock<W>(wire: &Mutex<Wire<W>>) -> MutexGuard<'_, Wire<W>> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer_all<W: Write>(wire: &Mutex<Wire<W>>, mut input: impl BufRead) -> io::Result<()> {
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        if !line.trim_ascii().is_empty() {
            lock(wire).answer(line.trim_ascii())?;
        }
        line.clear();
    }
    Ok(())
}

fn watch<W: Write>(wire: &Mutex<Wire<W>>, stopped: &Receiver<()>) {
    while stopped.recv_timeout(WATCH) == Err(RecvTimeoutError::Timeout) {
        // A client that has gone is noticed where its requests are read.
        let _ = lock(wire).announce();
    }
}
