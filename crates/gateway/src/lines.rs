//! Lines of bounded length from a client: one that is too long is skipped, and the next one is read.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// Is one line as it came, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Its bytes; they need not be text.
    Text(Vec<u8>),
    /// It exceeds the limit, and was skipped.
    TooLong,
}

/// Reads lines, and keeps no more of one than the limit allows.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    line_bytes_max: usize,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// Returns a reader of lines.
    ///
    /// - `line_bytes_max`: the longest line accepted, in bytes, its end not counted.
    pub fn new(reader: R, line_bytes_max: usize) -> Self {
        Self { reader, line_bytes_max }
    }

    /// Reads the next line; `None` at the end. A last piece without an end is a line too.
    ///
    /// # Errors
    ///
    /// What reading fails with.
    pub async fn next(&mut self) -> io::Result<Option<Line>> {
        let (mut line, mut length) = (Vec::new(), 0_usize);
        loop {
            let chunk = self.reader.fill_buf().await?;
            if chunk.is_empty() {
                return Ok((length > 0).then(|| self.line(line, length)));
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let (part, _) = chunk.split_at(end.unwrap_or(chunk.len()));
            length += part.len();
            if length <= self.line_bytes_max {
                line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                return Ok(Some(self.line(line, length)));
            }
        }
    }

    fn line(&self, line: Vec<u8>, length: usize) -> Line {
        if length > self.line_bytes_max { Line::TooLong } else { Line::Text(line) }
    }
}
