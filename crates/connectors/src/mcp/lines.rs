//! Lines of bounded length from a pipe.

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Is what a pipe yields next.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A line without its end.
    Whole(Vec<u8>),
    /// A line that exceeds the limit; nothing after it can be trusted to start a line.
    TooLong,
    /// The pipe has ended; a last piece without an end is dropped, since its sender never finished it.
    End,
}

/// Reads lines from a pipe.
#[derive(Debug)]
pub struct Lines<R> {
    pipe: BufReader<R>,
    bytes_max: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Returns a reader that accepts lines of at most `bytes_max` bytes, their ends not counted.
    pub fn new(pipe: R, bytes_max: usize) -> Self {
        Self { pipe: BufReader::with_capacity(64 << 10, pipe), bytes_max }
    }

    /// Reads the next line; a pipe that fails has ended.
    pub async fn next(&mut self) -> Line {
        let mut line = Vec::new();
        loop {
            let Ok(chunk) = self.pipe.fill_buf().await else { return Line::End };
            if chunk.is_empty() {
                return Line::End;
            }
            let end = chunk.iter().position(|b| *b == b'\n');
            let piece = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            if line.len() + piece.len() > self.bytes_max {
                return Line::TooLong;
            }
            line.extend_from_slice(piece);
            let used = piece.len() + usize::from(end.is_some());
            self.pipe.consume(used);
            if end.is_some() {
                return Line::Whole(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_split_bounded_and_never_half() {
        let mut lines = Lines::new(&b"ab\n\nabcd\r\nhalf"[..], 5);
        assert_eq!(lines.next().await, Line::Whole(b"ab".to_vec()));
        assert_eq!(lines.next().await, Line::Whole(Vec::new()));
        assert_eq!(lines.next().await, Line::Whole(b"abcd\r".to_vec()));
        assert_eq!(lines.next().await, Line::End);
        assert_eq!(Lines::new(&b"abcdef\n"[..], 5).next().await, Line::TooLong);
    }
}
