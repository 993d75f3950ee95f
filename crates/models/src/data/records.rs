//! Records of a file: where one ends, and what its fields are.

use super::{DataError, Format, RECORD_BYTES_MAX};

/// Is the mark that some programs put in front of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Cuts a file into records as its bytes come, and counts its lines.
#[derive(Debug)]
pub(super) struct Records {
    format: Format,
    kept: Vec<u8>,
    /// Is the line that comes next, counted from 1.
    line: u64,
    /// Is the line in which the record that is kept begins.
    begins: u64,
    is_quoted: bool,
}

impl Records {
    pub(super) fn new(format: Format) -> Self {
        Self { format, kept: Vec::new(), line: 1, begins: 1, is_quoted: false }
    }

    /// Takes more bytes, and hands over each record that they end, with the line it begins in.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(u64, &[u8]) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        while let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
            let (head, rest) = bytes.split_at(at);
            bytes = rest.get(1..).unwrap_or_default();
            self.keep(head)?;
            self.line = self.line.saturating_add(1);
            if self.is_quoted {
                self.keep(b"\n")?;
                continue;
            }
            self.hand_over(&mut take)?;
        }
        self.keep(bytes)
    }

    /// Hands over what stands behind the last line end. Says whether a quote was never closed.
    pub(super) fn finish(mut self, mut take: impl FnMut(u64, &[u8]) -> Result<(), DataError>) -> Result<(), DataError> {
        if self.kept.is_empty() { Ok(()) } else { self.hand_over(&mut take) }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), DataError> {
        if self.kept.len().saturating_add(bytes.len()) > RECORD_BYTES_MAX {
            return Err(DataError::Overlong(self.begins));
        }
        if self.format == Format::Csv {
            // A doubled quote opens and closes, so whether a line end belongs to a field is the parity of the quotes before it.
            self.is_quoted ^= bytes.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
        }
        self.kept.extend_from_slice(bytes);
        Ok(())
    }

    fn hand_over(&mut self, take: &mut impl FnMut(u64, &[u8]) -> Result<(), DataError>) -> Result<(), DataError> {
        let begins = std::mem::replace(&mut self.begins, self.line);
        let record = self.kept.strip_suffix(b"\r").unwrap_or(&self.kept);
        let record = if begins == 1 { record.strip_prefix(MARK).unwrap_or(record) } else { record };
        let taken = if record.is_empty() { Ok(()) } else { take(begins, record) };
        self.kept.clear();
        taken
    }
}

/// Reads the fields of a record; nothing, if its quotes stand where none can.
pub(super) fn fields(record: &str, apart: char) -> Option<Vec<String>> {
    let (mut fields, mut rest) = (Vec::new(), record);
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let at = rest.find(apart).unwrap_or(rest.len());
                let (field, after) = rest.split_at(at);
                (!field.contains('"')).then(|| (field.to_owned(), after))?
            }
        };
        fields.push(field);
        match after.strip_prefix(apart) {
            Some(next) => rest = next,
            None => return after.is_empty().then_some(fields),
        }
    }
}

/// Reads a field behind its opening quote, and returns it with what stands behind the closing one.
fn unquoted(mut rest: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    loop {
        let (text, after) = rest.split_once('"')?;
        field.push_str(text);
        match after.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None => return Some((field, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn cut(format: Format, bytes: &[u8], step: usize) -> Vec<(u64, String)> {
        let (mut records, mut found) = (Records::new(format), Vec::new());
        let mut take = |line: u64, record: &[u8]| {
            found.push((line, String::from_utf8_lossy(record).into_owned()));
            Ok(())
        };
        for part in bytes.chunks(step) {
            records.push(part, &mut take).unwrap();
        }
        records.finish(&mut take).unwrap();
        found
    }

    #[test]
    fn records_are_the_same_however_their_bytes_come() {
        let text = b"\xef\xbb\xbfa,b\r\n1,\"x\ny\"\n\n2,\"say \"\"no\"\"\"\n3,z";
        let expected = [(1, "a,b"), (2, "1,\"x\ny\""), (5, "2,\"say \"\"no\"\"\""), (6, "3,z")];
        let expected: Vec<_> = expected.iter().map(|(line, text)| (*line, (*text).to_owned())).collect();
        for step in 1..text.len() {
            assert_eq!(cut(Format::Csv, text, step), expected, "{step}");
        }
        assert_eq!(
            cut(Format::JsonLines, b"{\"a\":\"\\\"\"}\n{}\n", 3).len(),
            2,
            "quotes hold no lines of JSON together"
        );
    }

    #[test]
    fn a_record_that_does_not_end_is_not_kept() {
        let mut records = Records::new(Format::Csv);
        records.push(b"a\n1\n\"", |_, _| Ok(())).unwrap();
        let endless = vec![b'\n'; RECORD_BYTES_MAX];
        assert_eq!(records.push(&endless, |_, _| Ok(())), Err(DataError::Overlong(3)));
    }

    #[test]
    fn fields_are_read_with_their_quotes() {
        let read = |text: &str| fields(text, ',').map(|fields| fields.join("|"));
        for (text, expected) in [
            ("a,b", Some("a|b")),
            ("", Some("")),
            (",", Some("|")),
            ("\"a,b\",c", Some("a,b|c")),
            ("\"say \"\"no\"\"\",", Some("say \"no\"|")),
            ("\"\"", Some("")),
            ("a\"b", None),
            ("\"a\"b", None),
            ("\"a", None),
        ] {
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
        assert_eq!(fields("a;b,c", ';').unwrap(), ["a", "b,c"]);
    }
}
