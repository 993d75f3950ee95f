//! An MCP server on lines: 2025-11-25, tools alone.

mod conversation;

use std::io::{self, BufRead, Write};

use serde_json::Value;
use types::Code;

pub use conversation::Conversation;

/// Bounds a message, in bytes.
pub const FRAME_BYTES_MAX: usize = 16 << 20;

/// Is what a tool answers: a text for a model, and the same as data.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The text.
    pub text: String,
    /// The data, an object.
    pub data: Value,
}

/// Says why a tool failed; whoever called it reads this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failed {
    /// The stable code.
    pub code: Code,
    /// What went wrong, in words.
    pub message: String,
}

/// Is what a server offers.
pub trait Tools {
    /// Returns what the server calls itself.
    fn name(&self) -> &str;

    /// Returns what a model is told about all of it.
    fn instructions(&self) -> &str;

    /// Lists the tools as MCP does.
    fn list(&self) -> Vec<Value>;

    /// Calls a tool; `None` if there is none of that name. With the code `in-doubt` the server ends without an answer: nobody may take it for a failure.
    fn call(&mut self, name: &str, arguments: Value) -> Option<Result<Said, Failed>>;
}

/// Answers messages, one a line, in the order they come, until the input ends. A line that is no message is answered with an error and ends nothing.
///
/// # Errors
///
/// If reading or writing fails, or nobody knows whether a call took effect.
pub fn serve(tools: impl Tools, mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut conversation = Conversation::new(tools);
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        if !line.trim_ascii().is_empty()
            && let Some(frame) = conversation.answer(line.trim_ascii()).map_err(io::Error::other)?
        {
            output.write_all(frame.text().as_bytes())?;
            output.write_all(b"\n")?;
            output.flush()?;
        }
        line.clear();
    }
    Ok(())
}
