//! The log: blocks of 32 KiB, in which records stand whole or in parts, each part with its checksum.

use crate::imports::mlflow::Senseless;

/// Is how many bytes a block has; the last one may have fewer.
pub const BLOCK_BYTES: usize = 32_768;

/// Is how the first block begins: a name, a number and the version.
const HEAD: [u8; 7] = [b':', b'W', b'&', b'B', 0xe1, 0xbe, 0];

/// Is how many bytes stand before each part: a checksum, a length and a kind.
const PART_HEAD: usize = 7;

/// Is the largest record, in bytes.
const RECORD_BYTES_MAX: usize = 256 << 20;

const WHOLE: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

/// Reads a log, block by block.
#[derive(Debug, Default)]
pub struct Log {
    has_begun: bool,
    /// The parts of a record whose last one has not come.
    parts: Option<Vec<u8>>,
    is_torn: bool,
}

fn senseless(why: &str) -> Senseless {
    Senseless(format!("the log {why}"))
}

impl Log {
    /// Reads the next block, and returns the records that end in it. All blocks but the last MUST have [`BLOCK_BYTES`].
    ///
    /// What is cut off at the end of a block that is shorter is no error: whoever wrote it was interrupted.
    ///
    /// # Errors
    ///
    /// What is no such log; a checksum that does not hold; parts that do not follow upon each other; a record that is too large.
    pub fn block(&mut self, block: &[u8]) -> Result<Vec<Vec<u8>>, Senseless> {
        let mut rest = block;
        if !self.has_begun {
            rest = block.strip_prefix(&HEAD).ok_or_else(|| senseless("is none of W&B's"))?;
            self.has_begun = true;
        }
        if self.is_torn {
            return Err(senseless("goes on behind its end"));
        }
        let mut records = Vec::new();
        while rest.len() >= PART_HEAD {
            let Some((kind, part, behind)) = cut(rest)? else {
                if block.len() == BLOCK_BYTES {
                    return Err(senseless("has a part that is longer than its block"));
                }
                self.is_torn = true;
                return Ok(records);
            };
            records.extend(self.part(kind, part)?);
            rest = behind;
        }
        // What is too short for a part is filled up; at the end of a shorter block it is cut off.
        let is_filled = rest.iter().all(|byte| *byte == 0);
        match block.len() == BLOCK_BYTES {
            true if !is_filled => return Err(senseless("is not filled up with zeros")),
            true => {}
            false => self.is_torn = !rest.is_empty(),
        }
        Ok(records)
    }

    fn part(&mut self, kind: u8, part: &[u8]) -> Result<Option<Vec<u8>>, Senseless> {
        match (kind, self.parts.take()) {
            (WHOLE, None) => return Ok(Some(part.to_vec())),
            (FIRST, None) => self.parts = Some(part.to_vec()),
            (MIDDLE | LAST, Some(mut parts)) => {
                if parts.len().saturating_add(part.len()) > RECORD_BYTES_MAX {
                    return Err(senseless("has a record that is too large"));
                }
                parts.extend_from_slice(part);
                if kind == LAST {
                    return Ok(Some(parts));
                }
                self.parts = Some(parts);
            }
            _ => return Err(senseless("has parts that do not follow upon each other")),
        }
        Ok(None)
    }

    /// Says whether the log was cut off: what stands before is whole.
    pub fn is_torn(&self) -> bool {
        self.is_torn || self.parts.is_some()
    }
}

type Part<'a> = (u8, &'a [u8], &'a [u8]);

/// Cuts the next part off; nothing, if its end is missing.
fn cut(rest: &[u8]) -> Result<Option<Part<'_>>, Senseless> {
    let [a, b, c, d, low, high, kind, behind @ ..] = rest else { return Ok(None) };
    let length = usize::from(u16::from_le_bytes([*low, *high]));
    let Some((part, behind)) = behind.split_at_checked(length) else { return Ok(None) };
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[*kind]);
    hasher.update(part);
    if hasher.finalize() != u32::from_le_bytes([*a, *b, *c, *d]) {
        return Err(senseless("has a checksum that does not hold"));
    }
    Ok(Some((*kind, part, behind)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    fn part(kind: u8, bytes: &[u8]) -> Vec<u8> {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&[kind]);
        hasher.update(bytes);
        let length = u16::try_from(bytes.len()).unwrap();
        [&hasher.finalize().to_le_bytes()[..], &length.to_le_bytes(), &[kind], bytes].concat()
    }

    fn read(log: &[u8]) -> Result<(Vec<Vec<u8>>, bool), Senseless> {
        let (mut reader, mut records) = (Log::default(), Vec::new());
        for block in log.chunks(BLOCK_BYTES) {
            records.extend(reader.block(block)?);
        }
        Ok((records, reader.is_torn()))
    }

    #[test]
    fn records_are_put_together_over_blocks() {
        // The first part fills its block but for three bytes, which are filled up.
        let first = vec![7; BLOCK_BYTES - HEAD.len() - PART_HEAD - 3];
        let second = vec![8; BLOCK_BYTES - PART_HEAD];
        let log =
            [&HEAD[..], &part(FIRST, &first), &[0; 3], &part(MIDDLE, &second), &part(LAST, b"end"), &part(WHOLE, b"x")];
        let (records, is_torn) = read(&log.concat()).unwrap();
        assert_eq!(records, [[&first[..], &second, b"end"].concat(), b"x".to_vec()]);
        assert!(!is_torn);
    }

    #[test]
    fn a_log_that_was_cut_off_is_read_as_far_as_it_is_whole() {
        let log = [&HEAD[..], &part(WHOLE, b"one"), &part(WHOLE, b"two")].concat();
        let whole = HEAD.len() + PART_HEAD + 3;
        for end in whole + 1..log.len() {
            assert_eq!(read(&log[..end]).unwrap(), (vec![b"one".to_vec()], true), "{end}");
        }
        let opened = [&HEAD[..], &part(WHOLE, b"one"), &part(FIRST, b"two")].concat();
        assert_eq!(read(&opened).unwrap(), (vec![b"one".to_vec()], true));
    }

    #[test]
    fn what_is_no_log_is_refused() {
        let mut changed = [&HEAD[..], &part(WHOLE, b"one")].concat();
        *changed.last_mut().unwrap() ^= 1;
        let long =
            [&HEAD[..], &part(WHOLE, &vec![0; BLOCK_BYTES - HEAD.len() - PART_HEAD - 3]), &[0, 1, 0], b"x"].concat();
        for (wrong, why) in [
            (b"not a log at all".to_vec(), "the log is none of W&B's"),
            (changed, "the log has a checksum that does not hold"),
            (long, "the log is not filled up with zeros"),
            ([&HEAD[..], &part(LAST, b"x")].concat(), "the log has parts that do not follow upon each other"),
            (
                [&HEAD[..], &part(FIRST, b"x"), &part(WHOLE, b"y")].concat(),
                "the log has parts that do not follow upon each other",
            ),
            ([&HEAD[..], &part(9, b"x")].concat(), "the log has parts that do not follow upon each other"),
        ] {
            assert_eq!(read(&wrong).unwrap_err().0, why);
        }
    }
}
