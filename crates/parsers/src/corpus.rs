//! Inputs kept as text: one a line, every byte that is no printable ASCII written as an escape, as Rust's `b"…"` has them.

/// Writes an input as one line.
pub fn escape(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Reads a line that [`escape`] wrote; `None` for any other.
pub fn unescape(line: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = line.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let (byte, used) = if *first == b'\\' { escaped(tail)? } else { (*first, 0) };
        bytes.push(byte);
        rest = tail.get(used..)?;
    }
    (escape(&bytes) == line).then_some(bytes)
}

/// Reads what follows a backslash, and says how much of it that is.
fn escaped(tail: &[u8]) -> Option<(u8, usize)> {
    Some(match tail.first()? {
        b'n' => (b'\n', 1),
        b'r' => (b'\r', 1),
        b't' => (b'\t', 1),
        b'x' => (u8::from_str_radix(std::str::from_utf8(tail.get(1..3)?).ok()?, 16).ok()?, 3),
        quoted => (*quoted, 1),
    })
}
